from __future__ import annotations

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hedgerow.cases import Form, MediaFacts, NewView, was_exif_viewed, was_viewed_in_full
from hedgerow.cases.seen import check_view, played, share_seen
from hedgerow.errors import InvalidView

AT = datetime(2026, 11, 22, tzinfo=UTC)
PICTURE, VIDEO = MediaFacts(), MediaFacts(10.0)


def _look(seconds: float = 1.0, form: Form = Form.FULL, *, user: int = 1, is_entire: bool = True) -> NewView:
    return NewView(1, 1, user, form, AT, seconds, (), is_entire)


def _play(*intervals: tuple[float, float], user: int = 1, is_entire: bool = True) -> NewView:
    return NewView(1, 1, user, Form.FULL, AT, 60.0, intervals, is_entire)


@pytest.mark.parametrize(
    ("views", "is_seen"),
    [
        ([], False),
        ([_look()], True),
        ([_look(0.99)], False),
        ([_look(0.6), _look(0.6)], False),
        ([_look(60, Form.BLURRED), _look(60, Form.TILE), _look(60, Form.EXIF)], False),
        ([_look(60, is_entire=False)], False),
        ([_look(0.2), _look(1.0, user=2)], True),
    ],
)
def test_a_picture_was_seen_when_all_of_it_was_there_unfiltered_for_a_second(
    views: list[NewView], is_seen: bool
) -> None:
    assert was_viewed_in_full(views, PICTURE) is is_seen


@pytest.mark.parametrize(
    ("views", "is_seen"),
    [
        ([_play((0, 10))], True),
        ([_play((0, 4)), _play((4, 10))], True),
        ([_play((6, 10), (0, 6.2))], True),
        ([_play((0.05, 9.95))], True),
        ([_play((0, 4), (5, 10))], False),
        ([_play((9.5, 10))], False),  # gone to the end, not played
        ([_play((0, 0.1), (9.9, 10))], False),
        ([_play((0, 5)), _play((5, 10), user=2)], False),  # what two people saw does not add up
        ([_play((0, 10), is_entire=False)], False),
        ([_look(600)], False),  # the poster is not the film
        ([_play()], False),
        ([], False),
    ],
)
def test_a_video_was_seen_when_every_second_was_played_by_one_person(views: list[NewView], is_seen: bool) -> None:
    assert was_viewed_in_full(views, VIDEO) is is_seen


@given(
    st.lists(st.tuples(st.integers(0, 100), st.integers(0, 100)).map(lambda each: (min(each) / 10, max(each) / 10))),
)
def test_a_video_is_never_seen_while_a_second_of_it_was_not_played(intervals: list[tuple[float, float]]) -> None:
    is_seen = was_viewed_in_full([_play(*intervals)], VIDEO)
    moments = [tenth / 10 + 0.05 for tenth in range(100)]
    missed = [at for at in moments if not any(begin <= at <= end for begin, end in intervals)]
    if is_seen:
        assert len(missed) <= len(intervals) + 1  # gaps of a frame or two, each shorter than the tolerance
    if not missed:
        assert is_seen


@pytest.mark.parametrize(
    ("view", "media", "share"),
    [
        (_look(), PICTURE, 1.0),
        (_look(is_entire=False), PICTURE, 0.0),
        (_look(form=Form.BLURRED), PICTURE, 0.0),
        (_play((0, 2.5), (5, 7.5)), VIDEO, 0.5),
        (_play((0, 50)), VIDEO, 1.0),
        (_play((1, 2)), MediaFacts(0.0), 0.0),
    ],
)
def test_the_share_is_what_was_shown(view: NewView, media: MediaFacts, share: float) -> None:
    assert share_seen(view, media) == pytest.approx(share)


def test_what_overlaps_was_played_once() -> None:
    assert played([_play((0, 4), (3, 5)), _play((7, 8))]) == [(0, 5), (7, 8)]


@pytest.mark.parametrize(
    "view",
    [
        NewView(1, 1, 1, Form.FULL, AT, -1),
        NewView(1, 1, 1, Form.FULL, AT, float("nan")),
        NewView(1, 1, 1, Form.FULL, AT, 90_000),
        NewView(1, 1, 1, Form.TILE, AT, 5, ((0, 1),)),
        NewView(1, 1, 1, Form.FULL, AT, 5, ((2, 1),)),
        NewView(1, 1, 1, Form.FULL, AT, 5, ((-1, 1),)),
        NewView(1, 1, 1, Form.FULL, AT, 5, ((0, float("nan")),)),
        NewView(1, 1, 1, Form.FULL, AT, 2, ((0, 60),)),  # a minute in two seconds
        NewView(1, 1, 1, Form.FULL, AT, 5, ((0, 0),) * 1001),
    ],
)
def test_what_cannot_have_happened_is_refused(view: NewView) -> None:
    with pytest.raises(InvalidView):
        check_view(view)


def test_twice_the_speed_is_playing() -> None:
    check_view(NewView(1, 1, 1, Form.FULL, AT, 5, ((0, 10),)))


def test_exif_was_viewed_when_its_panel_was_opened() -> None:
    assert was_exif_viewed([_look(), _look(form=Form.EXIF)])
    assert not was_exif_viewed([_look()])
