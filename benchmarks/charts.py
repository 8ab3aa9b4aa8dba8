"""Small charts as SVG, written by hand: readable on light and dark pages, without fonts, scripts or requests."""

from __future__ import annotations

import math
from dataclasses import dataclass
from html import escape
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["Bar", "bar_chart", "column_chart", "line_chart"]

# Mid tones keep a contrast of at least 3:1 on white and on near-black, wherever the picture is shown; text turns with
# the reader's colour scheme.
_STYLE = """<style>
text{font:12px system-ui,-apple-system,"Segoe UI",sans-serif;fill:#59636e}
.title{font-weight:600;font-size:13px}.value{font-size:11px}
.group{font-weight:600}
.rule{stroke:#8b949e;stroke-opacity:.35}.target{stroke:#d1434b;stroke-width:1.5;stroke-dasharray:4 3}
.ours{fill:#2f9e5f}.peer{fill:#7d8dab}.floor{fill:#b98a2c}
.line-ours{stroke:#2f9e5f}.line-peer{stroke:#7d8dab}.line-floor{stroke:#b98a2c}
@media (prefers-color-scheme:dark){text{fill:#a8b3bf}}
</style>"""

_WIDTH = 760
_LABEL = 230  # room for a name to the left of a bar
_VALUE = 96  # and for its figure to the right
_TOP = 34


@dataclass(frozen=True)
class Bar:
    """One bar: its name, its length, what is written behind it, and whose it is (``ours``, ``peer``, ``floor``)."""

    label: str
    value: float | None
    text: str
    kind: str = "peer"


_HEADING = 18  # its letters and what lies under them


def bar_chart(
    title: str,
    groups: Sequence[tuple[str, Sequence[Bar]]],
    *,
    is_log: bool = False,
    is_compact: bool = False,
    target: float | None = None,
) -> str:
    """Draw horizontal bars in groups.

    Args:
        title: Stands above, and is what a screen reader says.
        groups: Heading (may be empty) and bars of each group. A bar without a value shows its text alone.
        is_log: Whether lengths are logarithmic; the scale then begins at the power of ten below the least value.
        is_compact: Whether rows are low, for long lists of pairs.
        target: A dashed line across all bars.
    """
    row, thick, gap = (14, 8, 8) if is_compact else (20, 13, 14)
    values = [bar.value for _, bars in groups for bar in bars if bar.value is not None]
    values += [target] if target is not None else []
    longest = max(values, default=1) or 1
    least = 10 ** math.floor(math.log10(min((each for each in values if each > 0), default=1))) if is_log else 0

    def length(value: float) -> float:
        if is_log:
            part = math.log(max(value, least) / least) / max(math.log(longest / least), 1e-9)
        else:
            part = value / longest
        return max(2.0, part * (_WIDTH - _LABEL - _VALUE))

    parts: list[str] = []
    y = _TOP
    for heading, bars in groups:
        if heading:
            parts.append(f'<text class="group" x="8" y="{y + 13}">{escape(heading)}</text>')
            y += max(row, _HEADING)
        for bar in bars:
            base = y + row / 2 + 4
            parts.append(f'<text x="{_LABEL - 8}" y="{base:g}" text-anchor="end">{escape(bar.label)}</text>')
            end = _LABEL
            if bar.value is not None:
                end = round(_LABEL + length(bar.value))
                parts.append(
                    f'<rect class="{bar.kind}" x="{_LABEL}" y="{y + (row - thick) / 2:g}" width="{end - _LABEL}" '
                    f'height="{thick}" rx="2"/>'
                )
            parts.append(f'<text class="value" x="{end + 6}" y="{base:g}">{escape(bar.text)}</text>')
            y += row
        y += gap
    if target is not None:
        x = round(_LABEL + length(target))
        parts.append(f'<line class="target" x1="{x}" y1="{_TOP - 4}" x2="{x}" y2="{y - gap}"/>')
    return _document(title, y - gap + 8, parts)


def column_chart(title: str, columns: Sequence[tuple[str, int]], axis: str, *, target: int | None = None) -> str:
    """Draw a histogram: counts as columns over their labels; a dashed line stands behind the column ``target``."""
    height, left, bottom = 170, 50, _TOP + 176
    most = max((count for _, count in columns), default=1) or 1
    step = (_WIDTH - left - 16) / max(len(columns), 1)
    parts = [f'<line class="rule" x1="{left}" y1="{bottom}" x2="{_WIDTH - 8}" y2="{bottom}"/>']
    for place, (label, count) in enumerate(columns):
        x = left + step * place
        tall = height * count / most
        width = min(step * 0.7, 60)
        middle = x + step / 2
        if count:
            parts.append(
                f'<rect class="ours" x="{middle - width / 2:.1f}" y="{bottom - tall:.1f}" width="{width:.1f}" '
                f'height="{max(tall, 1):.1f}" rx="2"/>'
            )
            parts.append(
                f'<text class="value" x="{middle:.1f}" y="{bottom - tall - 4:.1f}" text-anchor="middle">{count}</text>'
            )
        parts.append(f'<text x="{middle:.1f}" y="{bottom + 16}" text-anchor="middle">{escape(label)}</text>')
        if target == place:
            edge = x + step
            parts.append(f'<line class="target" x1="{edge:.1f}" y1="{_TOP}" x2="{edge:.1f}" y2="{bottom}"/>')
    parts.append(f'<text x="{(left + _WIDTH) / 2:.0f}" y="{bottom + 34}" text-anchor="middle">{escape(axis)}</text>')
    return _document(title, bottom + 46, parts)


def line_chart(
    title: str,
    series: Sequence[tuple[str, str, Sequence[tuple[float, float]]]],
    axes: tuple[str, str],
) -> str:
    """Draw lines over two logarithmic axes.

    Args:
        title: Stands above.
        series: Name, kind (``ours``, ``peer``, ``floor``) and points of each line.
        axes: What x and y are, with units.
    """
    left, top, right, bottom = 64, _TOP + 4, _WIDTH - 190, _TOP + 250
    points = [point for _, _, line in series for point in line]
    lows = [math.floor(math.log10(min(point[axis] for point in points))) for axis in (0, 1)]
    highs = [math.ceil(math.log10(max(point[axis] for point in points))) for axis in (0, 1)]
    highs = [max(high, low + 1) for low, high in zip(lows, highs, strict=True)]

    def place(point: tuple[float, float]) -> tuple[float, float]:
        x, y = ((math.log10(point[axis]) - lows[axis]) / (highs[axis] - lows[axis]) for axis in (0, 1))
        return left + x * (right - left), bottom - y * (bottom - top)

    parts: list[str] = []
    for power in range(lows[1], highs[1] + 1):
        _, y = place((10.0 ** lows[0], 10.0**power))
        parts.append(f'<line class="rule" x1="{left}" y1="{y:.1f}" x2="{right}" y2="{y:.1f}"/>')
        parts.append(f'<text class="value" x="{left - 6}" y="{y + 4:.1f}" text-anchor="end">{_power(power)}</text>')
    for power in range(lows[0], highs[0] + 1):
        x, _ = place((10.0**power, 10.0 ** lows[1]))
        parts.append(f'<text class="value" x="{x:.1f}" y="{bottom + 16}" text-anchor="middle">{_power(power)}</text>')
    taken: list[float] = []
    for name, kind, line in series:
        spots = [place(point) for point in line]
        path = " ".join(f"{x:.1f},{y:.1f}" for x, y in spots)
        parts.append(f'<polyline class="line-{kind}" fill="none" stroke-width="2" points="{path}"/>')
        parts += [f'<circle class="{kind}" cx="{x:.1f}" cy="{y:.1f}" r="3"/>' for x, y in spots]
        x, y = spots[-1]
        while any(abs(y - other) < 14 for other in taken):
            y += 14
        taken.append(y)
        parts.append(f'<text class="value" x="{x + 8:.1f}" y="{y + 4:.1f}">{escape(name)}</text>')
    parts.append(f'<text x="{(left + right) / 2:.0f}" y="{bottom + 34}" text-anchor="middle">{escape(axes[0])}</text>')
    parts.append(f'<text class="value" x="8" y="{top - 8}">{escape(axes[1])}</text>')
    return _document(title, bottom + 46, parts)


def _power(power: int) -> str:
    value = 10.0**power
    if value >= 1e6:
        return f"{value / 1e6:g} M"
    return f"{value / 1e3:g} k" if value >= 1e3 else f"{value:g}"


def _document(title: str, height: float, parts: Sequence[str]) -> str:
    label = escape(title, quote=True)
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {_WIDTH} {height:.0f}" width="{_WIDTH}" '
        f'height="{height:.0f}" role="img" aria-label="{label}">\n<title>{label}</title>\n{_STYLE}\n'
        f'<text class="title" x="8" y="18">{label}</text>\n' + "\n".join(parts) + "\n</svg>\n"
    )
