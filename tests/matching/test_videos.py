from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hedgerow.hashing.frame_list import FrameList
from hedgerow.matching import HammingIndex, videos
from hedgerow.matching.segments import Pairs
from hedgerow.matching.videos import (
    FRAME_BITS,
    Likeness,
    VideoRule,
    are_in_order,
    compare_videos,
    frame_ids,
    spans_ms,
    standing_s,
    usable_frames,
)


def _film(seed: int, seconds: float, per_s: float = 10, moved_bits: int = 6) -> FrameList:
    """A scene in which every frame differs a little from the one before."""
    random = np.random.default_rng(seed)
    count = round(seconds * per_s)
    bits = np.empty((count, 256), np.uint8)
    bits[0] = random.integers(0, 2, 256)
    for at in range(1, count):
        bits[at] = bits[at - 1]
        bits[at, random.choice(256, moved_bits, replace=False)] ^= 1
    times = np.arange(count) / per_s
    return FrameList.of(np.packbits(bits, axis=1), [100] * count, range(count), times, times, seconds)


def _part(film: FrameList, frames: slice, *, shifted_s: float = 0.0, duration_s: float | None = None) -> FrameList:
    times = film.times_s[frames] + shifted_s
    return FrameList.of(
        film.bits[frames],
        film.qualities[frames],
        film.numbers[frames],
        times,
        times,
        film.duration_s if duration_s is None else duration_s,
    )


def _joined(*films: FrameList) -> FrameList:
    """Show one film after the other."""
    at, parts = 0.0, []
    for film in films:
        parts.append(_part(film, slice(None), shifted_s=at))
        at += film.duration_s
    return FrameList.of(
        np.concatenate([part.bits for part in parts]),
        np.concatenate([part.qualities for part in parts]),
        range(sum(len(part) for part in parts)),
        np.concatenate([part.times_s for part in parts]),
        np.concatenate([part.times_s for part in parts]),
        at,
    )


def _pairs(query: FrameList, known: FrameList, threshold: int = 31) -> Pairs:
    index = HammingIndex()
    index.add(known.bits, np.arange(len(known)))
    found = index.search(query.bits, threshold)
    return Pairs(found.query, found.id, found.distance.astype(np.int64))


def _compare(query: FrameList, known: FrameList, rule: VideoRule | None = None) -> Likeness | None:
    pairs = _pairs(query, known)
    return compare_videos(query, known, pairs, 50, rule) if len(pairs.query) else None


def _likeness(query: FrameList, known: FrameList, rule: VideoRule | None = None) -> Likeness:
    found = _compare(query, known, rule)
    assert found is not None
    return found


ONCE_A_SECOND = slice(None, None, 10)
A, B, C = (_film(seed, 12) for seed in (1, 2, 3))


# ── frames ───────────────────────────────────────────────────────────────────────────────────────────────────────


def test_a_frame_of_low_quality_or_without_content_is_not_usable() -> None:
    bits = np.zeros((4, 32), np.uint8)
    bits[1] = 255
    bits[2:, 0] = 1
    frames = FrameList.of(bits, [100, 100, 49, 50], range(4), range(4), range(4), 4)
    assert usable_frames(frames, 50).tolist() == [False, False, False, True]
    assert usable_frames(frames, 0).tolist() == [False, False, True, True]


@pytest.mark.parametrize(
    ("times", "until", "duration", "are_so"),
    [
        ([0, 1, 1], [1, 1, 4], 4, True),
        ([0, 2, 1], [0, 2, 1], 4, False),
        ([0, 1, 2], [0, 0, 2], 4, False),
        ([0, 1, float("nan")], [0, 1, 2], 4, False),
        ([0, 1, 2], [0, 1, float("inf")], 4, False),
        ([-1, 0, 1], [0, 0, 1], 4, False),
        ([0, 1, 2], [0, 1, 2], -1, False),
        ([0, 1, 1e300], [0, 1, 1e300], 4, False),
    ],
)
def test_frames_are_in_order_when_their_times_rise_and_none_ends_before_it_begins(
    times: list[float], until: list[float], duration: float, are_so: bool
) -> None:
    frames = FrameList.of(np.ones((3, 32), np.uint8), [9] * 3, range(3), times, until, duration)
    assert are_in_order(frames) == are_so


def test_a_span_ends_before_the_next_frame_begins_and_a_step_before_it_is_said_to() -> None:
    frames = FrameList.of(np.ones((4, 32), np.uint8), [9] * 4, range(4), [0, 1, 2, 9], [1, 2, 9, 11], 11)
    assert spans_ms(frames).tolist() == [[0, 0], [1000, 1000], [2000, 8000], [9000, 10000]]


def test_a_frame_stands_for_the_time_until_the_next_but_not_through_a_hole() -> None:
    frames = FrameList.of(np.ones((4, 32), np.uint8), [9] * 4, range(4), [0, 1, 60, 61], [0, 1, 60, 70], 70)
    assert standing_s(frames).tolist() == [1.0, 2.5, 1.0, 9.0]
    assert standing_s(FrameList.of([], [], [], [], [], 0.0)).tolist() == []


def test_an_id_names_the_video_and_the_frame() -> None:
    ids = frame_ids(2**42, np.array([0, 2**FRAME_BITS - 1]))
    assert (ids >> FRAME_BITS).tolist() == [2**42] * 2
    assert (ids & (2**FRAME_BITS - 1)).tolist() == [0, 2**FRAME_BITS - 1]


# ── likeness ─────────────────────────────────────────────────────────────────────────────────────────────────────


def test_strangers_have_no_frame_in_common() -> None:
    assert _compare(A, B) is None


@pytest.mark.parametrize("known", [A, _part(A, ONCE_A_SECOND)], ids=["every frame", "once a second"])
def test_a_video_is_wholly_in_itself(known: FrameList) -> None:
    found = _likeness(A, known)
    assert found.is_match
    assert found.known_share == 1.0
    assert found.query_share > 0.9
    assert found.distance == 0.0
    [segment] = found.segments
    assert (segment.query_from_s, segment.known_from_s, segment.speed, segment.frames) == (0.0, 0.0, 1.0, len(known))


def test_a_clip_inside_an_upload_is_found_with_shares_both_ways() -> None:
    found = _likeness(_joined(B, A, C), _part(A, ONCE_A_SECOND))
    assert found.is_match
    assert found.known_share == 1.0
    assert found.query_share == pytest.approx(1 / 3, abs=0.05)
    [segment] = found.segments
    assert (segment.query_from_s, segment.known_from_s) == (12.0, 0.0)


def test_an_excerpt_of_a_known_video_is_found_by_its_own_share() -> None:
    found = _likeness(_part(A, slice(50, 65), shifted_s=-5.0, duration_s=1.5), _joined(A, B, C))
    assert found.is_match
    assert found.query_share == 1.0
    assert found.known_share < 0.1


def test_a_trimmed_copy_is_found_though_it_begins_between_two_known_frames() -> None:
    found = _likeness(_part(A, slice(17, None), shifted_s=-1.7, duration_s=10.3), _part(A, ONCE_A_SECOND))
    assert found.is_match
    assert found.known_share == pytest.approx(10 / 12, abs=0.01)
    assert found.segments[0].query_from_s == pytest.approx(0.3)


def test_shares_are_of_time_so_that_a_still_scene_listed_once_weighs_what_it_lasts() -> None:
    # nine seconds of one frame, then one second of ten others
    bits = np.concatenate([A.bits[:1], B.bits[:10]])
    times = [0.0, *(9 + np.arange(10) / 10)]
    known = FrameList.of(bits, [100] * 11, range(11), times, [8.9, *times[1:]], 10.0)
    found = _likeness(_part(A, slice(0, 1), duration_s=0.1), known)
    assert found.known_share == pytest.approx(0.9, abs=0.02)


def test_frames_of_low_quality_count_neither_as_found_nor_as_missed() -> None:
    known = _part(A, ONCE_A_SECOND)
    known.qualities[6:] = 20
    pairs = _pairs(_part(A, slice(0, 60), duration_s=6.0), _part(known, slice(0, 6)))
    found = compare_videos(_part(A, slice(0, 60), duration_s=6.0), known, pairs, 50)
    assert found.known_share == 1.0


def test_the_distance_is_the_mean_over_the_known_frames_that_were_found() -> None:
    known = FrameList.of(A.bits[[0, 60]], [100] * 2, [0, 60], [0.0, 6.0], [0.0, 6.0], 7.0)
    query = FrameList.of(A.bits[[0, 59]], [100] * 2, [0, 59], [0.0, 5.9], [0.0, 5.9], 7.0)
    assert _likeness(query, known).distance == 3.0


# ── the rule ─────────────────────────────────────────────────────────────────────────────────────────────────────

NEVER = VideoRule(known_share=1.01, query_share=1.01, segment_s=1e9)


def test_too_little_in_common_is_no_match() -> None:
    found = _likeness(_joined(_part(A, slice(0, 15), duration_s=1.5), B), _joined(A, C))
    assert not found.is_match
    assert (found.known_share, found.query_share) == pytest.approx((1.5 / 24, 1.5 / 13.5), abs=0.05)
    assert found.segments[0].duration_s == pytest.approx(1.4)


@pytest.mark.parametrize(
    ("rule", "is_match"),
    [
        (NEVER, False),
        (VideoRule(known_share=0.24, query_share=1.01, segment_s=1e9), True),
        (VideoRule(known_share=0.27, query_share=1.01, segment_s=1e9), False),
        (VideoRule(known_share=1.01, query_share=0.24, segment_s=1e9), True),
        (VideoRule(known_share=1.01, query_share=0.27, segment_s=1e9), False),
        (VideoRule(known_share=1.01, query_share=1.01, segment_s=5.8, segment_looks=3), True),
        (VideoRule(known_share=1.01, query_share=1.01, segment_s=6.0, segment_looks=3), False),
    ],
)
def test_any_of_three_is_enough(rule: VideoRule, is_match: bool) -> None:
    # six seconds of 24 are the same, both ways
    part = _part(A, slice(0, 60), duration_s=6.0)
    found = _likeness(_joined(part, B, _film(7, 6)), _joined(part, C, _film(8, 6)), rule)
    assert found.is_match == is_match


def test_a_title_card_is_one_look_however_long_it_stands() -> None:
    card = _film(9, 5, moved_bits=0)
    shown, known = _joined(card, A, B), _joined(card, C, _film(8, 12))
    assert not _likeness(shown, known).is_match
    moving = _film(9, 5, moved_bits=6)
    assert _likeness(_joined(moving, A, B), _joined(moving, C, _film(8, 12))).is_match


def test_pictures_that_stand_still_for_long_in_both_are_told_in_bounded_time(monkeypatch: pytest.MonkeyPatch) -> None:
    still = _joined(_film(9, 10, moved_bits=0), A)
    expected = _likeness(still, still)
    monkeypatch.setattr(videos, "_MOST_PAIRS", 1_000)
    thinned = _likeness(still, still)
    assert (thinned.known_share, thinned.query_share) == (expected.known_share, expected.query_share) == (1.0, 1.0)
    assert thinned.segments[0].frames == pytest.approx(expected.segments[0].frames, rel=0.1)


# ── properties ───────────────────────────────────────────────────────────────────────────────────────────────────


@settings(deadline=None, max_examples=40)
@given(
    begin=st.integers(0, 80),
    length=st.integers(25, 60),
    before=st.integers(0, 40),
    every=st.sampled_from([1, 3, 10]),
    speed=st.sampled_from([0.9, 1.0, 1.1]),
)
def test_wherever_a_clip_begins_and_however_fast_it_plays_it_is_found_where_it_is(
    begin: int, length: int, before: int, every: int, speed: float
) -> None:
    known = _joined(A, C)
    clip = _part(known, slice(begin, begin + length), shifted_s=-begin / 10, duration_s=length / 10)
    clip = FrameList.of(
        clip.bits, clip.qualities, clip.numbers, clip.times_s / speed, clip.times_s / speed, clip.duration_s / speed
    )
    lead = _part(B, slice(0, before), duration_s=before / 10)
    found = _likeness(_joined(lead, clip) if before else clip, _part(known, slice(None, None, every)))
    assert 0 <= found.known_share <= 1
    assert 0 <= found.query_share <= 1
    first = found.segments[0]
    shown_at = before / 10 + max(0.0, first.known_from_s - begin / 10) / speed
    assert first.query_from_s == pytest.approx(shown_at, abs=0.5)


@settings(deadline=None, max_examples=30)
@given(seeds=st.lists(st.integers(0, 2**32 - 1), min_size=2, max_size=2, unique=True))
def test_the_order_in_which_pairs_come_does_not_matter(seeds: list[int]) -> None:
    known = _part(A, ONCE_A_SECOND)
    pairs = _pairs(A, known)
    orders = [np.random.default_rng(seed).permutation(len(pairs.query)) for seed in seeds]
    first, second = (compare_videos(A, known, pairs.of(order), 50) for order in orders)
    assert first == second
