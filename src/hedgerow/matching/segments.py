"""Which stretches of two videos are the same, given which of their frames are alike.

Every pair of like frames is a box: the time for which the query's frame is shown, by the time for which the known one
is. A copy that plays at one speed is a straight line through such boxes::

    known time = offset + speed · query time

So for each of some speeds the pairs become intervals of offsets, and the line is where most *known frames* have an
interval (a frame counts once, however many of the query's it resembles: a scene that stands still weighs no more than
one that moves). Along the line the longest run without a gap is a **segment**. Its pairs, and whatever else the query
shows in that time, are taken away, and the next is looked for in what the query shows before, and in what it shows
after: a clip that is repeated, cut or shuffled gives several.

Times are whole milliseconds and speeds whole hundredths here, so that every comparison is exact; `reference_segments`
in `hedgerow.matching.reference_videos` says the same slowly.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, NamedTuple

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["FoundSegment", "Pairs", "Segment", "find_segments"]

_FASTEST, _SLOWEST = 125, 80
SPEEDS: Final = tuple(sorted(range(_SLOWEST, _FASTEST + 1), key=lambda speed: (abs(speed - 100), speed)))
"""Speeds that are tried, in hundredths, the likely ones first: 0.8 to 1.25 holds film to television (1.04), and the
5 to 20 % by which uploads are sped up or slowed against matching."""

TOLERANCE_MS: Final = 500
"""How far from the line a box may lie: half the second between two frames of a list made once a second, which is how
far apart two such lists of the same video are when neither is dense."""

GAP_MS: Final = 2_500
"""Known time without a like frame that a segment bridges: two seconds, and the jitter of lists made once a second, in
which one frame without a like leaves a hole of two."""

_AS_KNOWN: Final = 100
_OF_SPEED_1, _OF_OTHERS = 11, 10
"""What a known frame counts on a line of speed 1, and on another."""

MOST_SEGMENTS: Final = 100
"""Nobody reads more of one match; a query that shows a known second again and again could give thousands."""

LEAST_FURTHER_MS: Final = 1_000
"""A further segment is at least so long: shorter ones are neighbours of a longer one that happen to look alike."""

REFINED_FRAMES: Final = 5
REFINED_MS: Final = 4_000
CLEARLY: Final = 0.5
"""From so many frames over so much time on, the speed is measured rather than taken from the grid: below, the grain
of the times (up to a second) says nothing more."""


@dataclass(frozen=True, slots=True)
class Segment:
    """A stretch of a known video found in another.

    Attributes:
        query_from_s: When it begins in the video that was looked up, in seconds.
        query_to_s: When it ends there.
        known_from_s: When it begins in the known video.
        known_to_s: When it ends there.
        frames: How many known frames were found in it.
        mean_distance: Mean over these of the bits to the nearest frame of the query.
        speed: How fast it plays in the query: 1.1 where ten seconds of the query show eleven of the known video.
    """

    query_from_s: float
    query_to_s: float
    known_from_s: float
    known_to_s: float
    frames: int
    mean_distance: float
    speed: float = 1.0

    @property
    def duration_s(self) -> float:
        """How long it is, in the video where it is shorter."""
        return min(self.query_to_s - self.query_from_s, self.known_to_s - self.known_from_s)

    def to_json(self) -> dict[str, float]:
        """Return the object that commands print; times to the millisecond, as they were measured."""
        return {
            "query_from_s": round(self.query_from_s, 3),
            "query_to_s": round(self.query_to_s, 3),
            "known_from_s": round(self.known_from_s, 3),
            "known_to_s": round(self.known_to_s, 3),
            "frames": self.frames,
            "mean_distance": round(self.mean_distance, 2),
            "speed": round(self.speed, 3),
        }


class Pairs(NamedTuple):
    """Like frames, ordered by known frame, then by the query's.

    Attributes:
        query: Position of the query's frame.
        known: Position of the known frame.
        distance: Bits.
    """

    query: NDArray[np.int64]
    known: NDArray[np.int64]
    distance: NDArray[np.int64]

    def of(self, chosen: NDArray[np.bool_] | NDArray[np.int64]) -> Pairs:
        """Return some of them."""
        return Pairs(self.query[chosen], self.known[chosen], self.distance[chosen])


class FoundSegment(NamedTuple):
    """A segment, and the positions of the known frames in it, ascending."""

    segment: Segment
    known: NDArray[np.int64]


class _Line(NamedTuple):
    """Speed in hundredths, and the offset in hundredths of a millisecond."""

    speed: int
    offset: int
    weight: int
    """Known frames on it, in tenths; see `_best_line`."""


class _Stretch(NamedTuple):
    """The pairs of a time of the query of which nothing is told yet, and their best line."""

    pairs: Pairs
    line: _Line


def find_segments(
    query_ms: NDArray[np.int64], known_ms: NDArray[np.int64], usable: NDArray[np.bool_], pairs: Pairs
) -> list[FoundSegment]:
    """Find the stretches that are the same, the longest in known frames first.

    A single like frame, or less than a second, is a segment only where there is no other.

    Args:
        query_ms: (n, 2): from when until when each of the query's frames is shown, in order, not overlapping.
        known_ms: (m, 2): likewise for the known video.
        usable: (m,): which known frames could have been found.
        pairs: Which frames are alike.
    """
    rank = np.cumsum(usable, dtype=np.int64)
    found: list[FoundSegment] = []
    stretches = [_Stretch(pairs, _best_line(query_ms, known_ms, pairs))] if len(pairs.query) else []
    while stretches and len(found) < MOST_SEGMENTS:
        at = max(range(len(stretches)), key=lambda at: stretches[at].line.weight)  # of equals the earliest
        pairs, line = stretches[at]
        on_line = np.flatnonzero(_is_on(line, query_ms, known_ms, pairs))
        run = on_line[_longest_run(known_ms, rank, pairs.known[on_line])]
        segment = _segment(line, query_ms, known_ms, pairs.of(run))
        if found and len(segment.known) == 1:
            del stretches[at]
            continue
        if not found or 1e3 * segment.segment.duration_s >= LEAST_FURTHER_MS:
            found.append(segment)
        shown = query_ms[pairs.query]
        is_left = np.ones(len(shown), bool)
        is_left[run] = False
        before = pairs.of(is_left & (shown[:, 1] < segment.segment.query_from_s * 1e3))
        after = pairs.of(is_left & (shown[:, 0] > segment.segment.query_to_s * 1e3))
        stretches[at : at + 1] = [
            _Stretch(each, _best_line(query_ms, known_ms, each)) for each in (before, after) if len(each.query)
        ]
    return found


def _bounds(
    speed: int, query_ms: NDArray[np.int64], known_ms: NDArray[np.int64], pairs: Pairs
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Return the smallest and largest offset at which a line of that speed passes each box, in 1/100 ms."""
    query, known = query_ms[pairs.query], known_ms[pairs.known]
    low = 100 * (known[:, 0] - TOLERANCE_MS) - speed * query[:, 1]
    high = 100 * (known[:, 1] + TOLERANCE_MS) - speed * query[:, 0]
    return low, high


def _is_on(line: _Line, query_ms: NDArray[np.int64], known_ms: NDArray[np.int64], pairs: Pairs) -> NDArray[np.bool_]:
    low, high = _bounds(line.speed, query_ms, known_ms, pairs)
    return (low <= line.offset) & (line.offset <= high)


def _best_line(query_ms: NDArray[np.int64], known_ms: NDArray[np.int64], pairs: Pairs) -> _Line:
    """Return the line on which most known frames lie: of equals the speed nearest 1, then the smallest offset.

    Those at speed 1 count a tenth more: where little moves, other speeds gain a frame or two by chance. Where the line
    has room to either side, it is put in the middle.
    """
    # A known frame's intervals in ascending order: the later the query's frame, the smaller the offset.
    order = np.lexsort((-pairs.query, pairs.known))
    ordered = pairs.of(order)
    is_first = np.ones(len(order), bool)
    is_first[1:] = ordered.known[1:] != ordered.known[:-1]
    most_possible = int(is_first.sum())
    best, most = _Line(_AS_KNOWN, 0, 0), 0
    for speed in SPEEDS:
        low, high = _bounds(speed, query_ms, known_ms, ordered)
        begins = is_first.copy()
        begins[1:] |= low[1:] > high[:-1]
        ends = np.ones(len(begins), bool)
        ends[:-1] = begins[1:]
        starts, stops = np.sort(low[begins]), np.sort(high[ends])
        votes = np.arange(1, len(starts) + 1) - np.searchsorted(stops, starts, "left")
        # of equal starts the last has all of them; argmax takes the first of equal counts, which is the smallest
        votes = votes[np.searchsorted(starts, starts, "right") - 1]
        at = int(votes.argmax())
        gained = int(votes[at]) * (_OF_SPEED_1 if speed == _AS_KNOWN else _OF_OTHERS)
        if gained > most:
            most = gained
            start = int(starts[at])
            stop = int(stops[np.searchsorted(stops, start, "left")])
            best = _Line(speed, (start + stop) // 2, gained)
        if most >= most_possible * _OF_OTHERS:
            break
    return best


def _longest_run(known_ms: NDArray[np.int64], rank: NDArray[np.int64], known: NDArray[np.int64]) -> NDArray[np.int64]:
    """Return positions in ``known`` (ascending) of the run with the most different frames; of equals the first."""
    hole = known_ms[known[1:], 0] - known_ms[known[:-1], 1]
    is_broken = (rank[known[1:]] - rank[known[:-1]] > 1) & (hole > GAP_MS)
    run = np.concatenate([[0], np.cumsum(is_broken)])
    is_new = np.ones(len(known), bool)
    is_new[1:] = known[1:] != known[:-1]
    longest = int(np.bincount(run[is_new]).argmax())
    return np.flatnonzero(run == longest)


def _segment(line: _Line, query_ms: NDArray[np.int64], known_ms: NDArray[np.int64], pairs: Pairs) -> FoundSegment:
    """Describe a run: each known frame stands opposite its nearest frame of the query, in bits, then in time."""
    shown, known = query_ms[pairs.query], known_ms[pairs.known]
    ideal = (100 * known[:, 0] - line.offset) // line.speed
    opposite = np.clip(ideal, shown[:, 0], shown[:, 1])
    order = np.lexsort((pairs.query, np.abs(opposite - ideal), pairs.distance, pairs.known))
    is_first = np.ones(len(order), bool)
    is_first[1:] = np.diff(pairs.known[order]) > 0
    chosen = order[is_first]
    frames, distances = pairs.known[chosen], pairs.distance[chosen]
    begins, ends = known_ms[frames[0], 0], known_ms[frames[-1], 1]
    speed, offset = _refined(line, opposite[chosen], known[chosen, 0])
    first, last = int(shown[:, 0].min()), int(shown[:, 1].max())
    query_from = min(max((begins - offset) / speed, first), last)
    query_to = min(max((ends - offset) / speed, query_from), last)
    segment = Segment(
        float(query_from / 1e3),
        float(query_to / 1e3),
        float(begins / 1e3),
        float(ends / 1e3),
        len(frames),
        float(distances.mean()),
        speed,
    )
    return FoundSegment(segment, frames)


def _refined(line: _Line, query: NDArray[np.int64], known: NDArray[np.int64]) -> tuple[float, float]:
    """Measure speed and offset (ms) on frames that stand opposite each other: medians, which no stray frame moves.

    The speed is the median slope between frames half the run apart (Theil's estimator, on one pair for each frame).
    It counts only if the frames lie clearly nearer to that line: where little moves, every frame resembles many.
    """
    speed = line.speed / 100
    offset, stray = _offset(speed, query, known)
    half = len(query) // 2
    if len(query) >= REFINED_FRAMES and known[-1] - known[0] >= REFINED_MS:
        run, rise = query[half:] - query[: len(query) - half], known[half:] - known[: len(known) - half]
        forward = run > 0
        measured = round(float(np.median(rise[forward] / run[forward])), 3) if forward.any() else speed
        if _SLOWEST / 100 <= measured <= _FASTEST / 100:
            offset_then, stray_then = _offset(measured, query, known)
            if stray_then <= CLEARLY * stray:
                return measured, offset_then
    return speed, offset


def _offset(speed: float, query: NDArray[np.int64], known: NDArray[np.int64]) -> tuple[float, float]:
    """Return the median offset (ms), and the median distance of the frames from that line."""
    offsets = known - speed * query
    offset = float(np.median(offsets))
    return offset, float(np.median(np.abs(offsets - offset)))
