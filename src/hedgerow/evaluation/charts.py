"""Charts as inline SVG: recall with its intervals, recall over the threshold, and distances of unrelated pairs.

Plain SVG with classes that the page's style sheet colours, no script, no inline style (the page forbids both). Beside
every chart the page has a table with the same figures.
"""

from __future__ import annotations

import math
import textwrap
from html import escape
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

    from hedgerow.evaluation.intervals import Share

__all__ = ["distance_chart", "recall_chart", "threshold_chart"]

_WIDTH = 760
_LABEL = 268  # room for the names of rows
_LABEL_CHARACTERS = 30  # that fit into it
_LEFT, _RIGHT, _TOP = 64, 34, 16
_HEIGHT = 260
_KINDS = 6  # classes that the style sheet tells apart


def recall_chart(rows: Sequence[tuple[str, Sequence[Share], float | None]], methods: Sequence[str]) -> str:
    """Draw for each row and method the share found, with the interval in which it lies, and the share wanted.

    Args:
        rows: Name, share of each method, and the share wanted (None where nothing is promised).
        methods: Names, in the order of the shares.
    """
    step = 9 * len(methods) + 13
    height = _TOP + step * len(rows) + 44
    plot = _WIDTH - _LABEL - _RIGHT

    def x(share: float) -> float:
        return _LABEL + share * plot

    parts = [
        f'<line class="grid" x1="{x(share):.1f}" x2="{x(share):.1f}" y1="{_TOP}" y2="{height - 42}"/>'
        f'<text class="tick" x="{x(share):.1f}" y="{height - 26}" text-anchor="middle">{share * 100:.0f} %</text>'
        for share in (0, 0.25, 0.5, 0.75, 1)
    ]
    for number, (name, shares, wanted) in enumerate(rows):
        top = _TOP + number * step
        middle = top + (step - 4) / 2
        parts.append(_label(name, _LABEL - 12, middle + 4))
        if wanted is not None:
            parts.append(
                f'<line class="wanted" x1="{x(wanted):.1f}" x2="{x(wanted):.1f}" y1="{top + 1}" y2="{top + step - 8}">'
                f"<title>wanted: {wanted * 100:g} %</title></line>"
            )
        for place, share in enumerate(shares):
            if share.value is None:
                continue
            y = top + 8 + place * 9
            low, high = share.interval
            parts.append(
                f'<g class="kind-{place % _KINDS}"><title>{escape(name)}, {escape(methods[place])}: '
                f"{share.value * 100:.1f} %</title>"
                f'<line class="range" x1="{x(low):.1f}" x2="{x(high):.1f}" y1="{y}" y2="{y}"/>'
                f"{_mark(place, x(share.value), y)}</g>"
            )
    return _figure(
        "recall",
        "Share of copies found, by row",
        "A mark for each method, with its 95 % interval; a vertical stroke stands at the share wanted. "
        "The table below holds the same figures.",
        "".join(parts),
        "share of altered copies found",
        height,
    )


def threshold_chart(lines: Sequence[tuple[str, Sequence[tuple[int, float]]]], threshold: int, largest: int) -> str:
    """Draw the share of copies found against the threshold, one line for each method."""
    plot_width, plot_height = _WIDTH - _LEFT - _RIGHT, _HEIGHT - _TOP - 44

    def place(point: tuple[float, float]) -> str:
        return f"{_LEFT + point[0] / largest * plot_width:.1f},{_TOP + (1 - point[1]) * plot_height:.1f}"

    parts = [
        f'<line class="grid" x1="{_LEFT}" x2="{_WIDTH - _RIGHT}" y1="{_TOP + (1 - share) * plot_height:.1f}" '
        f'y2="{_TOP + (1 - share) * plot_height:.1f}"/><text class="tick" x="{_LEFT - 8}" '
        f'y="{_TOP + (1 - share) * plot_height + 4:.1f}" text-anchor="end">{share * 100:.0f} %</text>'
        for share in (0, 0.25, 0.5, 0.75, 1)
    ]
    parts += [
        f'<text class="tick" x="{_LEFT + bits / largest * plot_width:.1f}" y="{_HEIGHT - 26}" '
        f'text-anchor="middle">{bits}</text>'
        for bits in range(0, largest + 1, 8)
    ]
    at = f"{_LEFT + threshold / largest * plot_width:.1f}"
    parts.append(
        f'<line class="wanted" x1="{at}" x2="{at}" y1="{_TOP}" y2="{_HEIGHT - 44}">'
        f"<title>the threshold used: {threshold} bits</title></line>"
    )
    for number, (name, points) in enumerate(lines):
        path = " ".join(place(point) for point in points)
        marks = "".join(
            _mark(number, *map(float, place(point).split(","))) for point in points if point[0] % 16 == 4 * number
        )
        parts.append(
            f'<g class="kind-{number % _KINDS}"><title>{escape(name)}</title>'
            f'<polyline class="line" points="{path}"/>{marks}</g>'
        )
    return _figure(
        "over-threshold",
        "Share of copies found over the threshold",
        f"One line for each method, from 0 to {largest} bits, over all transforms together; the dashed line stands at "
        "the threshold used. The table below holds figures at several thresholds.",
        "".join(parts),
        "threshold in bits",
        _HEIGHT,
    )


def distance_chart(lines: Sequence[tuple[str, Sequence[float], Sequence[float]]], threshold: int, largest: int) -> str:
    """Draw the share of unrelated pairs within each distance on a logarithmic scale, counted and extrapolated.

    Args:
        lines: Name, share of pairs within 0, 1, 2 … bits as counted (0 where none), and as estimated.
        threshold: Where the dashed line stands.
        largest: The last distance shown.
    """
    plot_width, plot_height = _WIDTH - _LEFT - _RIGHT, _HEIGHT - _TOP - 44
    least = min((value for _, _, estimated in lines for value in estimated if value > 0), default=1e-12)
    lowest = max(-24, math.floor(math.log10(least)))

    def place(distance: int, share: float) -> str:
        y = _TOP + math.log10(max(share, 10.0**lowest)) / lowest * plot_height
        return f"{_LEFT + distance / largest * plot_width:.1f},{y:.1f}"

    parts: list[str] = []
    for power in range(0, lowest - 1, -max(1, -lowest // 6)):
        y = f"{_TOP + power / lowest * plot_height:.1f}"
        parts.append(
            f'<line class="grid" x1="{_LEFT}" x2="{_WIDTH - _RIGHT}" y1="{y}" y2="{y}"/>'
            f'<text class="tick" x="{_LEFT - 8}" y="{float(y) + 4:.1f}" text-anchor="end">{_power(power)}</text>'
        )
    parts += [
        f'<text class="tick" x="{_LEFT + bits / largest * plot_width:.1f}" y="{_HEIGHT - 26}" '
        f'text-anchor="middle">{bits}</text>'
        for bits in range(0, largest + 1, 16)
    ]
    at = f"{_LEFT + threshold / largest * plot_width:.1f}"
    parts.append(f'<line class="wanted" x1="{at}" x2="{at}" y1="{_TOP}" y2="{_HEIGHT - 44}"/>')
    for number, (name, counted, estimated) in enumerate(lines):
        # PDQ's distances are nearly always even: the odd ones would only draw stairs
        first = next((distance for distance, share in enumerate(counted) if share > 0), len(counted))
        solid = " ".join(place(distance, counted[distance]) for distance in range(first, len(counted), 2))
        # below what an atom of the chart shows, a line would run along its floor
        reach = [
            distance for distance in range(first % 2, first + 1, 2) if estimated[min(distance, largest)] >= 10.0**lowest
        ]
        dashed = " ".join(place(distance, estimated[min(distance, largest)]) for distance in reach)
        parts.append(
            f'<g class="kind-{number % _KINDS}"><title>{escape(name)}</title>'
            f'<polyline class="line" points="{solid}"/><polyline class="line guess" points="{dashed}"/></g>'
        )
    return _figure(
        "unrelated",
        "How near unrelated pictures come",
        "Share of pairs of a copy and an unrelated picture's entry within each distance, on a logarithmic scale. "
        "Solid: counted. Dashed: the fitted tail. The table below holds figures at several thresholds.",
        "".join(parts),
        "distance in bits",
        _HEIGHT,
    )


def _label(name: str, x: float, y: float) -> str:
    """Write a name to the left of x, in two lines where it is long."""
    lines = textwrap.wrap(name, _LABEL_CHARACTERS) or [""]
    first = y - 8 * (len(lines) - 1)
    return "".join(
        f'<text x="{x}" y="{first + 16 * number:.1f}" text-anchor="end">{escape(line)}</text>'
        for number, line in enumerate(lines)
    )


def legend_mark(place: int) -> str:
    """Return the mark of a method, to stand before its name."""
    return (
        f'<svg class="key" viewBox="0 0 22 12" aria-hidden="true"><g class="kind-{place % _KINDS}">'
        f'<line class="range" x1="0" x2="22" y1="6" y2="6"/>{_mark(place, 11, 6)}</g></svg>'
    )


def _mark(place: int, x: float, y: float) -> str:
    """Draw a mark whose shape tells the method as well as its colour does."""
    match place % 4:
        case 0:
            return f'<circle cx="{x:.1f}" cy="{y:.1f}" r="4"/>'
        case 1:
            return f'<rect x="{x - 3.6:.1f}" y="{y - 3.6:.1f}" width="7.2" height="7.2"/>'
        case 2:
            points = f"{x:.1f},{y - 5:.1f} {x + 5:.1f},{y:.1f} {x:.1f},{y + 5:.1f} {x - 5:.1f},{y:.1f}"
            return f'<polygon points="{points}"/>'
        case _:
            return f'<polygon points="{x:.1f},{y - 4.5:.1f} {x + 4.5:.1f},{y + 4:.1f} {x - 4.5:.1f},{y + 4:.1f}"/>'


def _power(power: int) -> str:
    digits = str(-power).translate(str.maketrans("0123456789", "⁰¹²³⁴⁵⁶⁷⁸⁹"))
    return "1" if power == 0 else f"10⁻{digits}"


def _figure(name: str, title: str, description: str, body: str, axis: str, height: float) -> str:
    return (
        f'<svg class="chart" viewBox="0 0 {_WIDTH} {height:.0f}" role="img" '
        f'aria-labelledby="{name}-title {name}-desc">'
        f'<title id="{name}-title">{escape(title)}</title><desc id="{name}-desc">{escape(description)}</desc>'
        f'{body}<text class="axis" x="{_WIDTH / 2:.0f}" y="{height - 5:.0f}" text-anchor="middle">{escape(axis)}</text>'
        "</svg>"
    )
