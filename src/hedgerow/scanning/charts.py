"""Two charts as inline SVG: bars of distances, and a line of throughput.

Plain SVG with classes that the page's style sheet colours, no script, no inline style (the page forbids both). Every
chart has a title, a description and, beside it on the page, a table with the same figures.
"""

from __future__ import annotations

import math
from html import escape
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from hedgerow.scanning.model import ThroughputSample

__all__ = ["distance_bars", "in_words", "rates", "throughput_line"]

_WIDTH, _HEIGHT = 760, 240
_LEFT, _RIGHT, _TOP, _BOTTOM = 56, 16, 14, 44
_PLOT_WIDTH = _WIDTH - _LEFT - _RIGHT
_PLOT_HEIGHT = _HEIGHT - _TOP - _BOTTOM


def distance_bars(distances: Mapping[int, int], largest: int) -> str:
    """Draw how many matches lie at each distance, from 0 to `largest` bits."""
    top = _ceiling(max(distances.values(), default=0))
    step = _PLOT_WIDTH / (largest + 1)
    bars = []
    for distance in range(largest + 1):
        count = distances.get(distance, 0)
        if count:
            height = max(2.0, count / top * _PLOT_HEIGHT)
            bars.append(
                f'<rect class="bar" x="{_LEFT + distance * step + step * 0.12:.1f}" '
                f'y="{_TOP + _PLOT_HEIGHT - height:.1f}" width="{step * 0.76:.1f}" height="{height:.1f}" rx="1.5">'
                f"<title>{distance} bits: {count:,}</title></rect>"
            )
    every = next(each for each in (1, 2, 4, 8, 16) if (largest + 1) / each <= 18)  # noqa: PLR2004  (labels that fit)
    labels = "".join(
        f'<text class="tick" x="{_LEFT + (distance + 0.5) * step:.1f}" y="{_HEIGHT - 26}" '
        f'text-anchor="middle">{distance}</text>'
        for distance in range(0, largest + 1, every)
    )
    total = sum(distances.values())
    return _figure(
        "distances",
        "Matches by distance",
        f"{total:,} matches between 0 and {largest} bits. The table below holds the same figures.",
        _grid(top) + "".join(bars) + labels,
        "distance in bits (0: the same signal)",
    )


def throughput_line(samples: Sequence[ThroughputSample]) -> str:
    """Draw files a second over the time of the run."""
    points = rates(samples)
    end = points[-1][0]
    top = _ceiling(max(rate for _, rate in points))
    places = [(_LEFT + at / end * _PLOT_WIDTH, _TOP + _PLOT_HEIGHT * (1 - rate / top)) for at, rate in points]
    # A step for each stretch between samples: nothing is claimed about what lies between them
    before = float(_LEFT)
    steps = []
    for x, y in places:
        steps.append(f"{before:.1f},{y:.1f} {x:.1f},{y:.1f}")
        before = x
    line = " ".join(steps)
    floor = _TOP + _PLOT_HEIGHT
    marks = "".join(
        f'<text class="tick" x="{_LEFT + share * _PLOT_WIDTH:.1f}" y="{_HEIGHT - 26}" '
        f'text-anchor="middle">{escape(in_words(end * share))}</text>'
        for share in (0, 0.25, 0.5, 0.75, 1)
    )
    return _figure(
        "throughput",
        "Files a second over time",
        f"Over {in_words(end)} the rate lay between {min(rate for _, rate in points):,.0f} and "
        f"{max(rate for _, rate in points):,.0f} files a second. The table below holds the same figures.",
        _grid(top)
        + f'<polygon class="area" points="{_LEFT},{floor} {line} {places[-1][0]:.1f},{floor}"/>'
        + f'<polyline class="line" points="{line}"/>'
        + marks,
        "time since this run began",
    )


def rates(samples: Sequence[ThroughputSample], most: int = 60) -> list[tuple[float, float]]:
    """Turn counts into rates: at most `most` stretches, each (its end in seconds, files a second in it).

    >>> from hedgerow.scanning.model import ThroughputSample
    >>> rates([ThroughputSample(1.0, 10), ThroughputSample(3.0, 50)])
    [(1.0, 10.0), (3.0, 20.0)]
    """
    stride = max(1, math.ceil(len(samples) / most))
    # Counted from the end, so that the last sample always stands
    kept = list(samples[::-1][::stride])[::-1]
    result = []
    at_s, files = 0.0, 0
    for sample in kept:
        if sample.elapsed_s > at_s:
            result.append((sample.elapsed_s, (sample.files - files) / (sample.elapsed_s - at_s)))
            at_s, files = sample.elapsed_s, sample.files
    return result


def _figure(name: str, title: str, description: str, body: str, axis: str) -> str:
    return (
        f'<svg class="chart" viewBox="0 0 {_WIDTH} {_HEIGHT}" role="img" '
        f'aria-labelledby="{name}-title {name}-desc">'
        f'<title id="{name}-title">{escape(title)}</title><desc id="{name}-desc">{escape(description)}</desc>'
        f"{body}"
        f'<text class="axis" x="{_LEFT + _PLOT_WIDTH / 2:.0f}" y="{_HEIGHT - 4}" text-anchor="middle">'
        f"{escape(axis)}</text></svg>"
    )


def _grid(top: float) -> str:
    lines = []
    for share in (0.0, 0.5, 1.0):
        y = _TOP + _PLOT_HEIGHT * (1 - share)
        lines.append(
            f'<line class="grid" x1="{_LEFT}" x2="{_LEFT + _PLOT_WIDTH}" y1="{y:.1f}" y2="{y:.1f}"/>'
            f'<text class="tick" x="{_LEFT - 8}" y="{y + 4:.1f}" text-anchor="end">{top * share:,.0f}</text>'
        )
    return "".join(lines)


def _ceiling(value: float) -> float:
    """Round up to 1, 2, 4, 6 or 8 times a power of ten, so that the middle line is a round number too.

    >>> _ceiling(0), _ceiling(3), _ceiling(47), _ceiling(600)
    (2.0, 4.0, 60.0, 600.0)
    """
    if value <= 2:  # noqa: PLR2004  (fewer than two lines of a count make no scale)
        return 2.0
    power = 10.0 ** math.floor(math.log10(value))
    return next(factor * power for factor in (1, 2, 4, 6, 8, 10) if factor * power >= value)


def in_words(seconds: float) -> str:
    """Write a stretch of time as people say it.

    >>> in_words(0.4), in_words(75), in_words(7325)
    ('0.4 s', '1 min 15 s', '2 h 2 min')
    """
    if seconds < 10:  # noqa: PLR2004  (here tenths are worth reading)
        return f"{seconds:.1f} s".replace("0.0 s", "0 s")
    whole = round(seconds)
    if whole < 60:  # noqa: PLR2004  (seconds in a minute)
        return f"{whole} s"
    if whole < 3600:  # noqa: PLR2004  (seconds in an hour)
        return f"{whole // 60} min {whole % 60} s"
    return f"{whole // 3600} h {whole % 3600 // 60} min"
