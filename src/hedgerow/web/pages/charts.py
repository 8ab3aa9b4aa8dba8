"""Charts as SVG, laid out here and drawn by a template; whoever sees none reads the same in a table."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import date

__all__ = ["Bar", "DayChart", "day_chart", "share_of"]

_WIDTH: Final = 720
_HEIGHT: Final = 200
_LEFT: Final = 48
_BOTTOM: Final = 24
_TOP: Final = 12
_NAMED_DAYS: Final = 6


class Bar(NamedTuple):
    """A rectangle."""

    x: float
    y: float
    width: float
    height: float


@dataclass(frozen=True, slots=True)
class DayChart:
    """Two numbers for each of some days.

    Attributes:
        width: Of the drawing.
        height: Of the drawing.
        left: Where the days begin.
        one: Bars of the first number.
        other: Bars of the second.
        lines: Heights of lines across, each with the number it stands for.
        named: Places of some days along the bottom.
    """

    width: int
    height: int
    left: int
    one: list[Bar]
    other: list[Bar]
    lines: list[tuple[float, int]]
    named: list[tuple[float, date]]


def day_chart(days: Sequence[tuple[date, int, int]]) -> DayChart:
    """Lay a chart out.

    >>> from datetime import date
    >>> chart = day_chart([(date(2026, 11, 1), 4, 2), (date(2026, 11, 2), 0, 10)])
    >>> [number for _, number in chart.lines], len(chart.one), chart.other[1].height
    ([0, 5, 10], 1, 164)
    """
    top = _round(max((max(one, other) for _, one, other in days), default=0))
    full = _HEIGHT - _TOP - _BOTTOM
    step = (_WIDTH - _LEFT) / max(len(days), 1)
    wide = step * 0.4

    def bar(place: int, number: int, shift: float) -> Bar:
        height = round(full * number / top, 1)
        height = int(height) if height == int(height) else height
        return Bar(round(_LEFT + step * place + shift, 1), _TOP + full - height, round(wide, 1), height)

    every = max(1, -(-len(days) // _NAMED_DAYS))
    return DayChart(
        _WIDTH,
        _HEIGHT,
        _LEFT,
        [bar(place, one, step * 0.08) for place, (_, one, _) in enumerate(days) if one],
        [bar(place, other, step * 0.52) for place, (_, _, other) in enumerate(days) if other],
        [(_TOP + full - full * number / top, number) for number in sorted({0, top // 2, top})],
        [(round(_LEFT + step * place, 1), day) for place, (day, _, _) in enumerate(days) if place % every == 0],
    )


def share_of(number: float, most: float) -> float:
    """Return how long a bar is, of 100, beside one of the largest number.

    >>> share_of(5, 20), share_of(0, 0)
    (25.0, 0.0)
    """
    return round(100 * number / most, 2) if most else 0.0


def _round(number: int) -> int:
    """Return the next number that reads well on an axis.

    >>> [_round(each) for each in (0, 1, 3, 7, 12, 480)]
    [2, 2, 4, 10, 20, 500]
    """
    power = 1
    while True:
        for step in (2, 4, 5, 10):
            if number <= step * power and step * power % 2 == 0:
                return step * power
        power *= 10
