"""What two videos have in common, and when that is a match.

A video is known by a list of hashed frames (`hedgerow.hashing.frame_list.FrameList`). The known list may hold one frame
a second, as partners' lists do, every frame, or one for every change; the query should be dense, so that every known
frame finds the moment it was taken at. All frames of a query are looked up at once in one `HammingIndex`, whose ids
name a video and a frame of it (`frame_ids`); what it answers is weighed here, one known video at a time.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import numpy as np

from hedgerow.matching.segments import Pairs, find_segments

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from hedgerow.hashing.frame_list import FrameList
    from hedgerow.matching.segments import FoundSegment, Segment

__all__ = [
    "FRAME_BITS",
    "Likeness",
    "VideoRule",
    "are_in_order",
    "compare_videos",
    "frame_ids",
    "spans_ms",
    "standing_s",
    "usable_frames",
]

FRAME_BITS: Final = 20
"""The low bits of an index id number the frame (a million: nine hours of 30 a second); the others are the video."""

_MOST_STANDING_S: Final = 2.5
"""A frame stands for the time until the next one, but for no more than a segment bridges (`segments.GAP_MS`)."""

_LONGEST_STEP_MS: Final = 1_000
"""Lists are made once a second or oftener; frames further apart are apart because nothing changed."""

_MOST_PAIRS: Final = 200_000
"""Pairs of like frames in which segments are looked for, about: 0.5 s of work at most. Moving pictures give some
thousand for each hour."""

_LOOK_BITS: Final = 16
"""Two frames look different beyond this. Measured: a shot that stands still moves by 0 to 12 bits in a second (camera
noise, coding), a panning or moving one by 30 to 120."""


@dataclass(frozen=True, slots=True)
class VideoRule:
    """When two videos match: any of three is enough. The defaults were measured (``docs/concepts/video.md``).

    Attributes:
        known_share: So much of the known video is in the query: the known clip inside an upload.
        query_share: So much of the query is in the known video: an upload that is an excerpt of it.
        segment_s: One stretch at least so long, in both …
        segment_looks: … in which at least so many known frames that look different were found. A title card that
            stands still is one look, however long it stands.
    """

    known_share: float = 0.5
    query_share: float = 0.5
    segment_s: float = 2.0
    segment_looks: int = 3


@dataclass(frozen=True, slots=True)
class Likeness:
    """What a query video and a known one have in common.

    Attributes:
        segments: The stretches that are the same, the longest first; never empty.
        known_share: Share of the known video's usable time whose frames were found, 0 to 1.
        query_share: Share of the query's usable time that is in one of the segments, or whose frames are alike.
        distance: Mean over the known frames that were found of the bits to the nearest of the query's.
        is_match: Whether the rule holds.
    """

    segments: tuple[Segment, ...]
    known_share: float
    query_share: float
    distance: float
    is_match: bool


def usable_frames(frames: FrameList, minimum_quality: int) -> NDArray[np.bool_]:
    """Tell for each frame whether it says enough to be matched: (n,).

    Its quality has to reach the minimum; and never is a frame of all zero or all one bits, whatever it claims.
    """
    words = np.ascontiguousarray(frames.bits).view(np.uint64)
    says_nothing = (words == 0).all(axis=1) | (words == np.uint64(0xFFFFFFFFFFFFFFFF)).all(axis=1)
    usable: NDArray[np.bool_] = (frames.qualities >= minimum_quality) & ~says_nothing
    return usable


def are_in_order(frames: FrameList) -> bool:
    """Tell whether every frame has a time, none is before the one it follows, and none ends before it begins."""
    times = np.concatenate([frames.times_s, frames.until_s, [frames.duration_s]])
    return bool(
        np.isfinite(times).all()
        and (times >= 0).all()
        and (times <= _LONGEST_S).all()
        and (np.diff(frames.times_s) >= 0).all()
        and (frames.until_s >= frames.times_s).all()
    )


_LONGEST_S: Final = 1e9
"""Thirty years: times stay exact in whole milliseconds, and their products in 64 bits."""


def spans_ms(frames: FrameList) -> NDArray[np.int64]:
    """Return from when until when each frame is known to be shown: (n, 2), in order and not overlapping.

    A list that looks once a second says of a frame that it stayed until the next second, and knows only that it was
    still there one look before: the last step of every span is left out.
    """
    begins = np.rint(frames.times_s * 1e3).astype(np.int64)
    ends = np.rint(frames.until_s * 1e3).astype(np.int64)
    ends[:-1] = np.minimum(ends[:-1], begins[1:])
    step = min(_LONGEST_STEP_MS, int(np.median(np.diff(begins)))) if len(begins) > 1 else _LONGEST_STEP_MS
    return np.stack([begins, np.maximum(begins, ends - step)], axis=1)


def standing_s(frames: FrameList) -> NDArray[np.float64]:
    """Return the time that each frame stands for, in seconds: (n,).

    That is while it stays the same, and on to the next one, though not through a hole in the list.
    """
    if len(frames) == 0:
        return np.zeros(0)
    following = np.append(frames.times_s[1:], max(frames.duration_s, frames.times_s[-1])) - frames.times_s
    own = np.minimum(frames.until_s - frames.times_s, following)
    standing: NDArray[np.float64] = np.maximum(np.maximum(own, np.minimum(following, _MOST_STANDING_S)), 1e-3)
    return standing


def frame_ids(video: int, frames: NDArray[np.int64]) -> NDArray[np.int64]:
    """Return the ids under which an index holds a video's frames.

    >>> frame_ids(3, np.array([0, 5])) >> FRAME_BITS
    array([3, 3])
    """
    return (video << FRAME_BITS) + frames


def compare_videos(
    query: FrameList, known: FrameList, pairs: Pairs, minimum_quality: int, rule: VideoRule | None = None
) -> Likeness:
    """Weigh what the like frames of two videos say.

    Args:
        query: The video that was looked up.
        known: The known one.
        pairs: At least one pair of usable frames within the threshold, in any order.
        minimum_quality: Of which frames are looked at, on both sides.
        rule: When it is a match.
    """
    rule = rule or VideoRule()
    pairs = pairs.of(np.lexsort((pairs.query, pairs.known)))
    can_be_found = usable_frames(known, minimum_quality)
    found = find_segments(spans_ms(query), spans_ms(known), can_be_found, _thinned(pairs))
    nearest = np.full(len(known), 257, np.int64)
    np.minimum.at(nearest, pairs.known, pairs.distance)
    was_found = nearest <= 256  # noqa: PLR2004  (all bits)
    known_share = _share(standing_s(known), was_found, can_be_found)
    is_told = _in_segments(query, found)
    is_told[pairs.query] = True
    query_share = _share(standing_s(query), is_told, usable_frames(query, minimum_quality))
    is_match = (
        known_share >= rule.known_share
        or query_share >= rule.query_share
        or any(_is_telling(each, known, rule) for each in found)
    )
    segments = tuple(each.segment for each in found)
    return Likeness(segments, known_share, query_share, float(nearest[was_found].mean()), is_match)


def _thinned(pairs: Pairs) -> Pairs:
    """Leave out most of what a picture gives that stands still in both videos: every so many likes of a known frame."""
    step = -(-len(pairs.known) // _MOST_PAIRS)
    if step <= 1:
        return pairs
    begins = np.flatnonzero(np.append(True, pairs.known[1:] != pairs.known[:-1]))
    place = np.arange(len(pairs.known)) - np.repeat(begins, np.diff(np.append(begins, len(pairs.known))))
    return pairs.of(place % step == 0)


def _in_segments(query: FrameList, found: Sequence[FoundSegment]) -> NDArray[np.bool_]:
    is_in = np.zeros(len(query), bool)
    for segment, _ in found:
        is_in |= (query.times_s >= segment.query_from_s) & (query.times_s <= segment.query_to_s)
    return is_in


def _share(standing: NDArray[np.float64], found: NDArray[np.bool_], usable: NDArray[np.bool_]) -> float:
    total = float(standing[usable].sum())
    return min(1.0, float(standing[found & usable].sum()) / total) if total else 0.0


def _is_telling(found: FoundSegment, known: FrameList, rule: VideoRule) -> bool:
    return found.segment.duration_s >= rule.segment_s and _has_looks(known.bits[found.known], rule.segment_looks)


def _has_looks(bits: NDArray[np.uint8], wanted: int) -> bool:
    """Tell whether a row of frames shows so many looks, each different from the one before."""
    looks, last = 0, None
    for row in bits.tolist():
        number = int.from_bytes(row, "big")
        if last is None or (number ^ last).bit_count() > _LOOK_BITS:
            looks, last = looks + 1, number
            if looks >= wanted:
                return True
    return looks >= wanted
