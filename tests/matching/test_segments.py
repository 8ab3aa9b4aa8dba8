from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hedgerow.matching.reference_videos import Pair, reference_segments
from hedgerow.matching.segments import GAP_MS, MOST_SEGMENTS, FoundSegment, Pairs, Segment, find_segments

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from numpy.typing import NDArray


def _instants(times_s: Iterable[float]) -> NDArray[np.int64]:
    """Frames that are shown for a moment."""
    begins = np.rint(np.array(list(times_s)) * 1e3).astype(np.int64)
    return np.stack([begins, begins], axis=1)


def _pairs(found: Iterable[tuple[int, int, int]]) -> Pairs:
    rows = sorted(found, key=lambda pair: (pair[1], pair[0]))
    return Pairs(*(np.array(column, np.int64) for column in zip(*rows, strict=True)))


def _like(
    query_ms: NDArray[np.int64],
    known_ms: NDArray[np.int64],
    shows: Callable[[float], float | None],
    reach_s: float = 0.1,
) -> Pairs:
    """Pair every frame of the query with the known frames near the moment that it shows: the nearer, the liker."""
    found = []
    for at, begin in enumerate(query_ms[:, 0].tolist()):
        moment = shows(begin / 1e3)
        if moment is not None:
            away = np.abs(known_ms[:, 0] / 1e3 - moment)
            found += [(at, int(frame), round(away[frame] / reach_s * 30)) for frame in np.flatnonzero(away <= reach_s)]
    return _pairs(found)


def _find(query_ms: NDArray[np.int64], known_ms: NDArray[np.int64], pairs: Pairs) -> list[Segment]:
    found = find_segments(query_ms, known_ms, np.ones(len(known_ms), bool), pairs)
    return [each.segment for each in found]


def _times(segment: Segment) -> tuple[float, float, float, float]:
    return (segment.query_from_s, segment.query_to_s, segment.known_from_s, segment.known_to_s)


DENSE = _instants(np.arange(0, 60, 1 / 25))
SECONDS = _instants(range(20))


def test_without_like_frames_there_is_no_segment() -> None:
    none = np.empty(0, np.int64)
    assert find_segments(DENSE, SECONDS, np.ones(20, bool), Pairs(none, none, none)) == []


def test_a_single_like_frame_is_a_segment_of_no_length() -> None:
    [segment] = _find(DENSE, SECONDS, _pairs([(100, 7, 12)]))
    assert _times(segment) == (4.0, 4.0, 7.0, 7.0)
    assert (segment.frames, segment.mean_distance, segment.speed) == (1, 12.0, 1.0)


@pytest.mark.parametrize("known", [SECONDS, DENSE[: 25 * 19 + 1]], ids=["once a second", "every frame"])
@pytest.mark.parametrize("offset_s", [0.0, 0.52, 11.96])
def test_a_clip_inside_a_longer_one_is_found_where_it_is(known: NDArray[np.int64], offset_s: float) -> None:
    pairs = _like(DENSE, known, lambda now: now - offset_s if offset_s <= now <= offset_s + 19 else None)
    [segment] = _find(DENSE, known, pairs)
    assert _times(segment) == pytest.approx((offset_s, offset_s + 19, 0, 19), abs=0.05)
    assert (segment.frames, segment.speed) == (len(known), 1.0)


@pytest.mark.parametrize("trim_s", [0.2, 0.4, 1.7, 3.3, 10.0])
def test_of_a_trimmed_copy_the_rest_is_found(trim_s: float) -> None:
    query = DENSE[DENSE[:, 0] <= (19 - trim_s) * 1e3]
    [segment] = _find(query, SECONDS, _like(query, SECONDS, lambda now: now + trim_s))
    first = -int(-trim_s // 1)
    assert _times(segment) == pytest.approx((first - trim_s, 19 - trim_s, first, 19), abs=0.05)


@pytest.mark.parametrize("speed", [0.8, 0.9, 0.96, 1.001, 1 / 0.9, 1.1, 1.25])
def test_a_copy_that_plays_faster_or_slower_is_found_with_its_speed(speed: float) -> None:
    query = DENSE[DENSE[:, 0] <= 19e3 / speed]
    [segment] = _find(query, SECONDS, _like(query, SECONDS, lambda now: now * speed))
    assert segment.speed == pytest.approx(speed, abs=0.01)
    assert _times(segment) == pytest.approx((0, 19 / speed, 0, 19), abs=0.2)


def test_a_speed_beyond_a_quarter_is_told_in_pieces_or_not_at_all() -> None:
    query = DENSE[DENSE[:, 0] <= 12e3]
    found = _find(query, SECONDS, _like(query, SECONDS, lambda now: now * 1.5))
    assert all(segment.frames < len(SECONDS) / 2 for segment in found)


@pytest.mark.parametrize(("gap_s", "parts"), [(1.9, 1), (GAP_MS / 1e3 + 0.2, 2), (6.0, 2)])
def test_gaps_of_two_seconds_are_bridged_and_longer_ones_are_not(gap_s: float, parts: int) -> None:
    known = DENSE[: 25 * 19]
    pairs = _like(known, known, lambda now: None if 8 < now < 8 + gap_s else now, reach_s=0.01)
    found = _find(known, known, pairs)
    assert len(found) == parts
    assert sum(segment.duration_s for segment in found) == pytest.approx(18.96 - (parts - 1) * gap_s, abs=0.1)


def test_a_hole_in_which_no_usable_frame_was_known_is_bridged_however_long() -> None:
    usable = np.ones(20, bool)
    usable[5:12] = False
    pairs = _like(DENSE, SECONDS, lambda now: None if 4.5 < now < 11.5 or now > 19 else now)
    [found] = find_segments(DENSE, SECONDS, usable, pairs)
    assert _times(found.segment) == pytest.approx((0, 19, 0, 19), abs=0.05)


def test_a_clip_that_is_repeated_is_found_each_time() -> None:
    query = DENSE[DENSE[:, 0] < 57e3]
    found = _find(query, SECONDS, _like(query, SECONDS, lambda now: now % 19))
    assert sorted(round(segment.query_from_s) for segment in found) == [0, 19, 38]
    assert all(segment.duration_s >= 17.9 for segment in found)


def test_a_clip_cut_in_two_and_shuffled_is_found_in_two_parts() -> None:
    query = DENSE[DENSE[:, 0] <= 19e3]
    found = _find(query, SECONDS, _like(query, SECONDS, lambda now: now + 10 if now <= 9 else now - 9.5))
    assert [(each.query_from_s, each.known_from_s) for each in found] == [(pytest.approx(9.48, abs=0.1), 0), (0, 10)]


def test_a_scene_that_stands_still_does_not_outweigh_one_that_moves() -> None:
    # known: ten seconds that look alike, then ten that do not; the query shows the moving part, then the still one
    query = DENSE[DENSE[:, 0] <= 30e3]
    still = [(at, frame, 2) for at in range(12 * 25, len(query)) for frame in range(10)]
    moving = [(25 * second, 10 + second, 2) for second in range(10)]
    found = _find(query, SECONDS, _pairs([*still, *moving]))
    assert any(_times(each) == pytest.approx((0, 9, 10, 19), abs=0.6) for each in found)


def test_frames_that_stand_still_are_told_once_however_long() -> None:
    # one frame of the query is shown for twenty seconds, and the known one is listed every second
    query = np.array([[0, 20_000]], np.int64)
    [segment] = _find(query, SECONDS, _pairs([(0, frame, 4) for frame in range(20)]))
    assert (segment.frames, segment.known_from_s, segment.known_to_s) == (20, 0.0, 19.0)
    assert 0 <= segment.query_from_s <= segment.query_to_s <= 20


def test_a_stray_frame_is_no_segment_beside_a_real_one() -> None:
    pairs = _like(DENSE, SECONDS, lambda now: now if now <= 19 else None)
    found = _find(DENSE, SECONDS, _pairs([*zip(*(column.tolist() for column in pairs), strict=True), (1200, 3, 30)]))
    assert len(found) == 1


def test_lists_made_once_a_second_at_other_moments_are_aligned() -> None:
    query = _instants(second + 0.4 for second in range(19))
    pairs = _like(query, SECONDS, lambda now: now, reach_s=0.45)
    [segment] = _find(query, SECONDS, pairs)
    assert segment.frames == 19
    assert segment.speed == 1.0


def test_no_more_than_a_hundred_segments_are_told() -> None:
    # a known clip of two seconds, shown again and again with other things between
    known = _instants(np.arange(0, 2.2, 0.2))
    query = _instants(np.arange(0, 600, 0.2))
    found = _find(query, known, _like(query, known, lambda now: now % 5 if now % 5 <= 2 else None, reach_s=0.05))
    assert len(found) == MOST_SEGMENTS


def test_a_further_segment_of_less_than_a_second_is_not_told() -> None:
    whole = _like(DENSE, SECONDS, lambda now: now if now <= 19 else None)
    known = DENSE[: 25 * 19]
    short = _like(DENSE, known, lambda now: now if now <= 18 else now - 30 if 35 < now < 35.8 else None, reach_s=0.01)
    assert len(_find(DENSE, SECONDS, whole)) == 1
    assert len(_find(DENSE, known, short)) == 1


def test_a_segment_s_ends_are_those_of_the_known_frames_in_it() -> None:
    # frames of a list made once a second: the clip begins and ends between two of them
    [segment] = _find(DENSE, SECONDS, _like(DENSE, SECONDS, lambda now: now + 3.4 if now <= 9.9 else None))
    assert (segment.known_from_s, segment.known_to_s) == (4.0, 13.0)
    assert (segment.query_from_s, segment.query_to_s) == (pytest.approx(0.6, abs=0.05), pytest.approx(9.6, abs=0.05))


def test_a_segment_says_itself_as_json() -> None:
    segment = Segment(1.23456, 2.0, 0.0, 0.7654, 4, 3.14159, 1.1)
    assert segment.to_json() == {
        "query_from_s": 1.235,
        "query_to_s": 2.0,
        "known_from_s": 0.0,
        "known_to_s": 0.765,
        "frames": 4,
        "mean_distance": 3.14,
        "speed": 1.1,
    }


# ── against the slow definition ──────────────────────────────────────────────────────────────────────────────────


@st.composite
def _spans(draw: st.DrawFn) -> list[tuple[int, int]]:
    """Frames in order that do not overlap: steps of some tenths of a second, some standing for long."""
    steps = draw(st.lists(st.sampled_from([0, 40, 400, 1000, 1001, 2600, 7000]), min_size=1, max_size=12))
    shown = draw(st.lists(st.sampled_from([0, 0, 30, 900, 5000]), min_size=len(steps), max_size=len(steps)))
    begins = np.cumsum(steps).tolist()
    ends = [begin + long for begin, long in zip(begins, shown, strict=True)]
    return [
        (begin, max(begin, min(end, after)))
        for begin, end, after in zip(begins, ends, [*begins[1:], 10**9], strict=True)
    ]


@st.composite
def _cases(draw: st.DrawFn) -> tuple[list[tuple[int, int]], list[tuple[int, int]], list[bool], list[Pair]]:
    query, known = draw(_spans()), draw(_spans())
    usable = draw(st.lists(st.sampled_from([True, True, True, False]), min_size=len(known), max_size=len(known)))
    places = [(here, there) for here in range(len(query)) for there in range(len(known)) if usable[there]]
    if not places:
        return query, known, usable, []
    chosen = draw(st.lists(st.sampled_from(places), unique=True, max_size=40))
    distances = draw(st.lists(st.integers(0, 31), min_size=len(chosen), max_size=len(chosen)))
    return query, known, usable, [Pair(*place, bits) for place, bits in zip(chosen, distances, strict=True)]


def _plain(found: Sequence[FoundSegment]) -> list[tuple[Segment, list[int]]]:
    return [(each.segment, each.known.tolist()) for each in found]


@settings(deadline=None, max_examples=150)
@given(case=_cases())
def test_what_is_found_is_what_the_slow_definition_finds(
    case: tuple[list[tuple[int, int]], list[tuple[int, int]], list[bool], list[Pair]],
) -> None:
    query, known, usable, pairs = case
    expected = reference_segments(query, known, usable, pairs)
    columns = _pairs(pairs) if pairs else Pairs(*[np.empty(0, np.int64)] * 3)
    found = _plain(find_segments(np.array(query), np.array(known), np.array(usable), columns))
    assert [frames for _, frames in found] == [frames for _, frames in expected]
    for (segment, _), (slow, _) in zip(found, expected, strict=True):
        assert segment.to_json() == pytest.approx(slow.to_json(), abs=0.002)


@settings(deadline=None, max_examples=100)
@given(case=_cases())
def test_segments_lie_within_both_videos_and_tell_each_moment_of_the_query_once(
    case: tuple[list[tuple[int, int]], list[tuple[int, int]], list[bool], list[Pair]],
) -> None:
    query, known, usable, pairs = case
    if not pairs:
        return
    found = find_segments(np.array(query), np.array(known), np.array(usable), _pairs(pairs))
    assert found
    for segment, frames in found:
        assert query[0][0] / 1e3 <= segment.query_from_s <= segment.query_to_s <= query[-1][1] / 1e3
        assert known[0][0] / 1e3 <= segment.known_from_s <= segment.known_to_s <= known[-1][1] / 1e3
        assert len(frames) == segment.frames == len(set(frames.tolist()))
        assert 0.8 <= segment.speed <= 1.25
    told = sorted((segment.query_from_s, segment.query_to_s) for segment, _ in found if segment.duration_s > 0)
    assert all(before[1] <= after[0] for before, after in pairwise(told))
