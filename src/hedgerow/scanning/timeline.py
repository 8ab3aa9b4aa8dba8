"""Where a known clip lies in a file, as inline SVG: the file's time above, the clip's below, what matches joined.

Each track has its own scale, since a clip of ten seconds may lie in a film of two hours. What matches is filled and
numbered, what does not is an empty outline: nothing is told by colour alone. Classes only, no inline style (the page
forbids it); the same figures stand in a table beside it.
"""

from __future__ import annotations

import math
from html import escape
from typing import TYPE_CHECKING

from hedgerow.scanning.words import clock, speed_in_words, stretch

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from hedgerow.matching.segments import Segment

__all__ = ["segment_rows", "segment_timeline"]

_WIDTH, _HEIGHT = 760, 196
_LEFT, _RIGHT = 40, 40
_SPAN = _WIDTH - _LEFT - _RIGHT

# From top to bottom: a caption, the ticks, the upper track, the bands, the lower track, ticks, a caption.
_UPPER_CAPTION, _UPPER_TICKS = 16, 38
_UPPER, _LOWER = 48, 132
_TRACK = 16
_LOWER_TICKS, _LOWER_CAPTION = 166, 190

# The narrowest that a matched stretch is drawn, so that ten seconds of two hours can be seen.
_NARROWEST = 3.0

# Beyond this many stretches the longest are drawn; the table holds them all.
_MOST_DRAWN = 40

# A number stands on a disc, in the middle of its band or higher or lower where another would cover it.
_LABEL_RADIUS = 11
_LABEL_APART = 24
_DEPTHS = (0.5, 0.25, 0.75)

# Steps between ticks: as many as eight fit, of those with tenths five.
_TICK_STEPS_S = (0.1, 0.2, 0.5, 1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 14400)


def segment_timeline(name: str, segments: Sequence[Segment], query_duration_s: float, known_duration_s: float) -> str:
    """Draw the matched stretches of a file and a known clip.

    Args:
        name: The beginning of the ids in it, distinct on its page.
        segments: What matches, at least one.
        query_duration_s: Length of the file.
        known_duration_s: Length of the known clip.
    """
    query_s = max(query_duration_s, *(segment.query_to_s for segment in segments), 1e-3)
    known_s = max(known_duration_s, *(segment.known_to_s for segment in segments), 1e-3)
    numbered = list(enumerate(segments, 1))
    drawn = sorted(sorted(numbered, key=lambda each: each[1].query_from_s - each[1].query_to_s)[:_MOST_DRAWN])
    bands = [_Band(number, segment, query_s, known_s) for number, segment in drawn]
    body = (
        _track(_UPPER, "This file", query_s, _UPPER_CAPTION, _UPPER_TICKS)
        + _track(_LOWER, "The known clip", known_s, _LOWER_CAPTION, _LOWER_TICKS)
        + "".join(band.shape() for band in bands)
        + "".join(_labels(bands))
    )
    return (
        f'<svg class="chart timeline" viewBox="0 0 {_WIDTH} {_HEIGHT}" role="img" '
        f'aria-labelledby="{name}-title {name}-desc">'
        f'<title id="{name}-title">Where the known clip is in this file</title>'
        f'<desc id="{name}-desc">{escape(_description(numbered, len(drawn)))}</desc>{body}</svg>'
    )


def segment_rows(segments: Sequence[Segment]) -> list[tuple[str, ...]]:
    """Return the figures of a timeline: number, time in the file, time in the clip, frames, mean distance, speed."""
    return [
        (
            f"{number}",
            stretch(segment.query_from_s, segment.query_to_s),
            stretch(segment.known_from_s, segment.known_to_s),
            f"{segment.frames:,}",
            f"{segment.mean_distance:.1f}",
            speed_in_words(segment.speed) or "the same",
        )
        for number, segment in enumerate(segments, 1)
    ]


def _description(numbered: Sequence[tuple[int, Segment]], drawn: int) -> str:
    told = [
        f"{number}: {stretch(segment.query_from_s, segment.query_to_s)} of this file is "
        f"{stretch(segment.known_from_s, segment.known_to_s)} of the known clip."
        for number, segment in numbered[:3]
    ]
    if len(numbered) > len(told):
        told.append(f"{len(numbered) - len(told)} more stretches.")
    if drawn < len(numbered):
        told.append(f"The {drawn} longest are drawn.")
    return " ".join([*told, "The table below holds the same figures."])


class _Band:
    """One matched stretch: its place on both tracks."""

    def __init__(self, number: int, segment: Segment, query_s: float, known_s: float) -> None:
        self.number = number
        self._says = (
            f"{number}: {stretch(segment.query_from_s, segment.query_to_s)} of this file is "
            f"{stretch(segment.known_from_s, segment.known_to_s)} of the known clip"
        )
        self._upper = _place(segment.query_from_s, segment.query_to_s, query_s)
        self._lower = _place(segment.known_from_s, segment.known_to_s, known_s)

    def at(self, depth: float) -> tuple[float, float]:
        """Return the middle of the band at some depth between the tracks, 0 to 1."""
        above, below = sum(self._upper) / 2, sum(self._lower) / 2
        top, bottom = _UPPER + _TRACK, _LOWER
        return above + (below - above) * depth, top + (bottom - top) * depth

    def shape(self) -> str:
        """Draw the stretch on both tracks and the band between them."""
        (left, right), (below_left, below_right) = self._upper, self._lower
        top, bottom = _UPPER + _TRACK, _LOWER
        corners = f"{left:.1f},{top} {right:.1f},{top} {below_right:.1f},{bottom} {below_left:.1f},{bottom}"
        return (
            f"<g><title>{escape(self._says)}</title>"
            f'<polygon class="band" points="{corners}"/>'
            f'<rect class="part" x="{left:.1f}" y="{_UPPER}" width="{right - left:.1f}" height="{_TRACK}"/>'
            f'<rect class="part" x="{below_left:.1f}" y="{_LOWER}" width="{below_right - below_left:.1f}" '
            f'height="{_TRACK}"/></g>'
        )


def _place(from_s: float, to_s: float, duration_s: float) -> tuple[float, float]:
    """Return where a stretch begins and ends on its track, wide enough to be seen and within the track."""
    left = _LEFT + max(0.0, from_s) / duration_s * _SPAN
    width = max(_NARROWEST, (to_s - from_s) / duration_s * _SPAN)
    left = min(left, _LEFT + _SPAN - width)
    return left, left + width


def _labels(bands: Sequence[_Band]) -> Iterator[str]:
    """Write the number of each band where no other stands; one that finds no room is left to the table."""
    taken: list[tuple[float, float]] = []
    for band in bands:
        for x, y in map(band.at, _DEPTHS):
            if all(math.hypot(x - other_x, y - other_y) >= _LABEL_APART for other_x, other_y in taken):
                taken.append((x, y))
                yield (
                    f'<circle class="disc" cx="{x:.1f}" cy="{y:.1f}" r="{_LABEL_RADIUS}"/>'
                    f'<text class="mark" x="{x:.1f}" y="{y + 4.5:.1f}" text-anchor="middle">{band.number}</text>'
                )
                break


def _track(top: int, what: str, duration_s: float, caption: int, ticks: int) -> str:
    step = next((each for each in _TICK_STEPS_S if duration_s / each <= (8 if each >= 1 else 5)), duration_s / 4)
    marks = []
    for number in range(int(duration_s / step + 1e-6) + 1):  # a length of 5.9999 seconds ends at a tick, too
        x = _LEFT + number * step / duration_s * _SPAN
        edge = top if ticks < top else top + _TRACK
        end = edge - 5 if ticks < top else edge + 5
        marks.append(
            f'<line class="tickmark" x1="{x:.1f}" x2="{x:.1f}" y1="{edge}" y2="{end}"/>'
            f'<text class="tick" x="{x:.1f}" y="{ticks}" text-anchor="middle">'
            f"{clock(number * step, tenths=step < 1)}</text>"
        )
    length = clock(duration_s, tenths=duration_s < 10)  # noqa: PLR2004  (here tenths are worth reading)
    return (
        f'<text class="axis" x="{_LEFT}" y="{caption}">{what} ({length} long)</text>'
        f'<rect class="track" x="{_LEFT}" y="{top}" width="{_SPAN}" height="{_TRACK}"/>' + "".join(marks)
    )
