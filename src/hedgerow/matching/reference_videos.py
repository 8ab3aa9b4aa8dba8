"""The slow definition of the segments of two videos, to which `hedgerow.matching.segments` is held.

A pair of like frames is a box: the time of the query's frame by that of the known one. A line
``100 · known = offset + speed · query`` (ms, hundredths) passes a box if it comes within the tolerance of it.

* The best line passes boxes of the most known frames, those of speed 1 counting a tenth more; of equals it is the one
  whose speed is nearest 1, then slower, then with the smallest offset, put in the middle of the offsets that it could
  as well have.
* Known frames on it belong together if no usable frame lies between them, or no more than a gap of time. Of these runs
  the one with the most frames is a segment.
* Opposite each of its known frames stands the query's nearest in bits, then in time. The median offset of these says
  where the segment lies in the query, and so does their median slope, if they lie clearly nearer to that; but not
  beyond the like frames of the query.
* What the query shows in that time is told, and not looked at for the next segment. Before and after it are looked at
  each for itself, so that no segment passes over another: first where the best line is better, of equals the earlier.
"""

from __future__ import annotations

from statistics import fmean, median
from typing import TYPE_CHECKING, NamedTuple

from hedgerow.matching import segments
from hedgerow.matching.segments import GAP_MS, MOST_SEGMENTS, SPEEDS, TOLERANCE_MS, Segment

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["Pair", "reference_segments"]


class Pair(NamedTuple):
    """A frame of the query, a known frame, and the bits between them."""

    query: int
    known: int
    distance: int


_Span = tuple[int, int]


def reference_segments(
    query_ms: Sequence[_Span], known_ms: Sequence[_Span], usable: Sequence[bool], pairs: Sequence[Pair]
) -> list[tuple[Segment, list[int]]]:
    """Find the stretches that are the same, the longest first, each with the positions of its known frames.

    >>> spans = [(0, 0), (1000, 1000), (2000, 2000)]
    >>> found = reference_segments(spans, spans, [True] * 3, [Pair(0, 1, 4), Pair(1, 2, 6)])
    >>> [(segment.query_to_s, segment.known_from_s, segment.mean_distance, known) for segment, known in found]
    [(1.0, 1.0, 5.0, [1, 2])]
    """
    found: list[tuple[Segment, list[int]]] = []
    stretches = [sorted(pairs, key=lambda pair: (pair.known, pair.query))]
    while any(stretches) and len(found) < MOST_SEGMENTS:
        lines = [_best_line(query_ms, known_ms, each) for each in stretches]
        at = max(range(len(lines)), key=lambda at: lines[at][2])
        left, (speed, offset, _) = stretches.pop(at), lines[at]
        on_line = [pair for pair in left if _passes(speed, offset, query_ms[pair.query], known_ms[pair.known])]
        run = _longest_run(known_ms, usable, on_line)
        segment, known = _segment(speed, offset, query_ms, known_ms, run)
        if found and len(known) == 1:
            continue
        if not found or 1e3 * segment.duration_s >= segments.LEAST_FURTHER_MS:
            found.append((segment, known))
        left = [pair for pair in left if pair not in run]
        before = [pair for pair in left if query_ms[pair.query][1] < segment.query_from_s * 1e3]
        after = [pair for pair in left if query_ms[pair.query][0] > segment.query_to_s * 1e3]
        stretches[at:at] = [before, after]
    return found


def _interval(speed: int, query: _Span, known: _Span) -> _Span:
    return (
        100 * (known[0] - TOLERANCE_MS) - speed * query[1],
        100 * (known[1] + TOLERANCE_MS) - speed * query[0],
    )


def _passes(speed: int, offset: int, query: _Span, known: _Span) -> bool:
    low, high = _interval(speed, query, known)
    return low <= offset <= high


def _best_line(query_ms: Sequence[_Span], known_ms: Sequence[_Span], pairs: Sequence[Pair]) -> tuple[int, int, int]:
    best, most = (100, 0, 0), 0
    for speed in SPEEDS:
        intervals = [(pair.known, *_interval(speed, query_ms[pair.query], known_ms[pair.known])) for pair in pairs]
        for offset in sorted({low for _, low, _ in intervals}):
            passed = {known for known, low, high in intervals if low <= offset <= high}
            gained = len(passed) * (11 if speed == 100 else 10)  # noqa: PLR2004  (speed 1, and its bonus of a tenth)
            if gained > most:
                most = gained
                best = (speed, (offset + min(_end(offset, known, intervals) for known in passed)) // 2, most)
    return best


def _end(offset: int, known: int, intervals: Sequence[tuple[int, int, int]]) -> int:
    """Return up to where a known frame has an interval without a break."""
    end = offset
    while True:
        further = max(high for each, low, high in intervals if each == known and low <= end <= high)
        if further == end:
            return end
        end = further


def _longest_run(known_ms: Sequence[_Span], usable: Sequence[bool], pairs: Sequence[Pair]) -> list[Pair]:
    runs: list[list[Pair]] = []
    for pair in pairs:
        if runs:
            last = runs[-1][-1].known
            is_next = not any(usable[last + 1 : pair.known])
            if is_next or known_ms[pair.known][0] - known_ms[last][1] <= GAP_MS:
                runs[-1].append(pair)
                continue
        runs.append([pair])
    return max(runs, key=lambda run: len({pair.known for pair in run}))


def _segment(
    speed: int, offset: int, query_ms: Sequence[_Span], known_ms: Sequence[_Span], run: Sequence[Pair]
) -> tuple[Segment, list[int]]:
    known = sorted({pair.known for pair in run})
    opposite: list[int] = []
    distances: list[int] = []
    for frame in known:
        ideal = (100 * known_ms[frame][0] - offset) // speed
        candidates = []
        for pair in run:
            if pair.known == frame:
                begin, end = query_ms[pair.query]
                moment = min(max(ideal, begin), end)
                candidates.append((pair.distance, abs(moment - ideal), pair.query, moment))
        distance, _, _, moment = min(candidates)
        opposite.append(moment)
        distances.append(distance)
    pace, offset_ms = _measured(speed, opposite, [known_ms[frame][0] for frame in known])
    begins, ends = known_ms[known[0]][0], known_ms[known[-1]][1]
    first, last = min(query_ms[pair.query][0] for pair in run), max(query_ms[pair.query][1] for pair in run)
    query_from = min(max((begins - offset_ms) / pace, first), last)
    query_to = min(max((ends - offset_ms) / pace, query_from), last)
    segment = Segment(query_from / 1e3, query_to / 1e3, begins / 1e3, ends / 1e3, len(known), fmean(distances), pace)
    return segment, known


def _measured(speed: int, query: Sequence[int], known: Sequence[int]) -> tuple[float, float]:
    pace = speed / 100
    offset, stray = _offset(pace, query, known)
    if len(query) >= segments.REFINED_FRAMES and known[-1] - known[0] >= segments.REFINED_MS:
        half = len(query) // 2
        slopes = [
            (known[at + half] - known[at]) / (query[at + half] - query[at])
            for at in range(len(query) - half)
            if query[at + half] > query[at]
        ]
        measured = round(median(slopes), 3) if slopes else pace
        if min(SPEEDS) / 100 <= measured <= max(SPEEDS) / 100:
            offset_then, stray_then = _offset(measured, query, known)
            if stray_then <= segments.CLEARLY * stray:
                return measured, offset_then
    return pace, offset


def _offset(pace: float, query: Sequence[int], known: Sequence[int]) -> tuple[float, float]:
    offsets = [float(there - pace * here) for here, there in zip(query, known, strict=True)]
    middle = median(offsets)
    return middle, median(abs(offset - middle) for offset in offsets)
