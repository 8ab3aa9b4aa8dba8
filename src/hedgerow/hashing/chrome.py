"""Find the picture on a screen or page: below a status bar, between an app's buttons, in a chat, under a caption.

What a program draws around a picture keeps to one or two exact colours a line, also where letters and icons stand on
it; a line through a photograph hardly ever does. So the rows in which one or two colours hold nearly all cells are
taken away, then the columns of what is left, then its rows again. A plain sky at the edge of a picture goes with them;
so each side is also looked for farther out, where the brightness steps along most of it.
"""

from __future__ import annotations

import re
from functools import lru_cache
from typing import TYPE_CHECKING, Final

import numpy as np

from hedgerow.hashing.borders import Box, are_alike, are_plain, count_steps, line_sums
from hedgerow.hashing.compiled import KERNELS

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["pictures_on_screen"]

_LOOKS: Final = (0.8, 0.92)
"""The share of a line that one colour must hold, or two together. Over 40 photographs in nine kinds of screens one
colour finds 94 % of pictures in feeds, pages, galleries and under captions, two find 81 % of those in chats, where
bubbles lie on a ground. Lower shares take skies for chrome, higher ones stop at text."""

_SHIFT: Final = 2
_STEPS: Final = (256 >> _SHIFT) + 2  # two are spare
"""Four greys of luma count as one colour, with a neighbour: JPEG at quality 60 moves a drawn ground by about that."""

_LOOKED_AT: Final = 128
"""Cells of a line that are looked at, evenly spread: enough to tell such shares, at a third of the time. As many rows
and columns are looked at first: where a program drew none of them there is no screen."""

_GAP: Final = 60
"""A line that looks drawn does not end a picture where it is thinner than this part of the raster."""

_LEAST_SIDE: Final = 0.15
"""A picture takes at least this share of the raster's rows and columns, or it is an icon."""

_MOST_AREA: Final = 0.985
"""What is larger is the whole picture, of which some lines happen to be plain."""

_RUNS: Final = 2
"""Runs of rows that are tried: a page may show something else that is larger."""

_GROWN: Final = 3
"""Boxes of which the sides are also looked for farther out."""

_SAME: Final = 0.02
"""Boxes whose sides differ by less than this share of the raster are one."""


def pictures_on_screen(luma: NDArray[np.uint8]) -> list[Box]:
    """Return the parts of a raster that look like a picture on a screen or page, the largest first; most often none.

    Args:
        luma: uint8 (rows, columns).

    >>> noise = np.random.default_rng(1).integers(0, 256, (60, 100), np.uint8)
    >>> pictures_on_screen(np.pad(noise, ((30, 30), (0, 0)), constant_values=250))
    [Box(top=30, bottom=90, left=0, right=100)]
    >>> pictures_on_screen(noise)
    []
    """
    rows, columns = luma.shape
    steps = max(1, rows // _LOOKED_AT), max(1, columns // _LOOKED_AT)
    coarse = _Drawn(luma[:: steps[0], :: steps[1]])
    down, across = coarse.rows(0, coarse.shape[0], 0, coarse.shape[1]), coarse.columns(0, coarse.shape[0])
    if not down.any() and not across.any():
        return []
    found: list[Box] = []
    for look in range(len(_LOOKS)):
        if down[look].any() or across[look].any():
            for part in _pictures(coarse, look):
                box = _to_the_line(luma, part, steps, look)
                if not any(are_alike(box, other, luma.shape, _SAME) for other in found):
                    found.append(box)
    found = [_without_margin(luma, box) for box in found]
    for box in found[:_GROWN]:
        grown = _to_the_steps(luma, box)
        grown = box if grown == box else _without_margin(luma, grown)
        if _area(grown) < _MOST_AREA * rows * columns and not any(
            are_alike(grown, other, luma.shape, _SAME) for other in found
        ):
            found.append(grown)
    return sorted(found, key=lambda box: -_area(box))


class _Drawn:
    """Which lines of a raster, and of parts of it, a program drew; each is counted once for both looks."""

    def __init__(self, luma: NDArray[np.uint8]) -> None:
        self._luma = luma
        self._rows: dict[tuple[int, ...], NDArray[np.bool_]] = {}
        self._columns: dict[tuple[int, int], NDArray[np.bool_]] = {}
        self.shape = luma.shape

    def rows(self, top: int, bottom: int, left: int, right: int) -> NDArray[np.bool_]:
        """Return which rows of a part are drawn, bool (looks, rows)."""
        part = top, bottom, left, right
        if part not in self._rows:
            self._rows[part] = _are_drawn(self._luma[top:bottom, left:right])
        return self._rows[part]

    def columns(self, top: int, bottom: int) -> NDArray[np.bool_]:
        """Return which columns of some rows are drawn, bool (looks, columns)."""
        if (top, bottom) not in self._columns:
            self._columns[top, bottom] = _are_drawn(self._luma[top:bottom].T)
        return self._columns[top, bottom]


def _pictures(coarse: _Drawn, look: int) -> list[Box]:
    rows, columns = coarse.shape
    found = []
    for top, bottom in _undrawn(coarse.rows(0, rows, 0, columns)[look])[:_RUNS]:
        if bottom - top < _LEAST_SIDE * rows:
            break
        for left, right in _undrawn(coarse.columns(top, bottom)[look])[:1]:
            if (bottom - top) * (right - left) >= _MOST_AREA * rows * columns:
                continue
            for upper, lower in _undrawn(coarse.rows(top, bottom, left, right)[look])[:1]:
                box = Box(top + upper, top + lower, left, right)
                is_large = min((lower - upper) / rows, (right - left) / columns) >= _LEAST_SIDE
                if is_large and _area(box) < _MOST_AREA * rows * columns:
                    found.append(box)
    return found


def _to_the_line(luma: NDArray[np.uint8], part: Box, steps: tuple[int, int], look: int) -> Box:
    """Return a box that was found on every so many lines, with each side where the first undrawn line lies."""
    down, across = steps
    rows, columns = luma.shape
    top, bottom, left, right = part.top * down, part.bottom * down, part.left * across, part.right * across
    bottom, right = min(bottom, rows), min(right, columns)
    middle = luma[top:bottom]

    def undrawn_before(lines: NDArray[np.uint8], first: int, step: int) -> int:
        """Count the lines just before the first that are undrawn as well; all between two looks may be."""
        is_drawn = (
            _are_drawn(lines[max(0, first - step + 1) : first])[look] if first and step > 1 else np.empty(0, bool)
        )
        return len(is_drawn) if not is_drawn.any() else int(np.argmax(is_drawn[::-1]))

    def drawn_at_the_end(lines: NDArray[np.uint8], last: int, step: int) -> int:
        is_drawn = _are_drawn(lines[last - step + 1 : last])[look] if step > 1 else np.empty(0, bool)
        return len(is_drawn) if is_drawn.all() else int(np.argmin(is_drawn[::-1]))

    inside, beside = luma[:, left:right], middle.T
    return Box(
        top - undrawn_before(inside, top, down),
        bottom - drawn_at_the_end(inside, bottom, down),
        left - undrawn_before(beside, left, across),
        right - drawn_at_the_end(beside, right, across),
    )


def _to_the_steps(luma: NDArray[np.uint8], box: Box) -> Box:
    """Return a box with each side that lies in something plain moved outward to where the brightness steps.

    A plain sky or wall at the edge of a picture looks as drawn as the screen around it, but the picture still ends on a
    straight line.
    """
    top, bottom, left, right = box
    for _ in range(2):  # a wider picture has longer steps
        top, bottom = _between_steps(luma[:, left:right], box.top, box.bottom)
        left, right = _between_steps(luma[top:bottom].T, box.left, box.right)
        if (top, bottom, left, right) == box:
            break
    return Box(top, bottom, left, right)


def _between_steps(lines: NDArray[np.uint8], first: int, last: int) -> tuple[int, int]:
    lines = lines[:, :: max(1, lines.shape[1] // _ALONG)]
    return _outward(lines, first), len(lines) - _outward(lines[::-1], len(lines) - last)


def _outward(lines: NDArray[np.uint8], line: int) -> int:
    """Return the line at or before one at which most of it steps, or else a good part; 0 where there is none.

    Args:
        lines: The outermost first.
        line: Where a side was found.
    """
    if line <= _AT or _steps(lines[line - _AT - 1 : line + _AT + 1]).max() > _PART_OF_SIDE:
        return line
    shares = _steps(lines[: line - _AT + 1])
    for least in (_SIDE, _PART_OF_SIDE):
        places = np.flatnonzero(shares > least)
        if len(places):
            place = int(places[-1])
            return place + 1 - int(place > 0 and shares[place - 1] > shares[place])
    return 0


def _steps(lines: NDArray[np.uint8]) -> NDArray[np.float64]:
    """Return the share of each line but the first and the last over which the brightness steps there."""
    shares: NDArray[np.float64] = count_steps(lines, _STEP)[0] / lines.shape[1]
    return shares


_STEP: Final = 6
_SIDE: Final = 0.6
_PART_OF_SIDE: Final = 0.45
_ALONG: Final = 80
_AT: Final = 3
"""Luma, as in `hedgerow.hashing.borders`; how much of a side steps; how much of one that is kept where it is, or taken
for want of a better; how many cells of it are looked at; how many cells beside it a side may lie."""


def _without_margin(luma: NDArray[np.uint8], box: Box) -> Box:
    """Return a box without the plain margin that a bubble or card leaves around a picture, on facing or most sides."""
    part = luma[box.top : box.bottom, box.left : box.right]
    inside = [_middle_of_lines(lines) for lines in (part, part[::-1], part.T, part.T[::-1])]
    is_wanted = [are_plain(lines[:1])[0] for lines in inside]
    if not (is_wanted[0] and is_wanted[1]) and not (is_wanted[2] and is_wanted[3]):
        return box
    depths, means = [], []
    for lines in inside:
        width = lines.shape[1]
        total, square = line_sums(lines[: max(3, int(len(lines) * _MARGIN))])
        is_margin = width * square - total * total <= (_PLAIN * width) ** 2
        is_margin &= np.abs(total - total[0]) <= _PLAIN * width
        depths.append(0 if is_margin.all() else int(is_margin.argmin()))
        means.append(float(total[0]) / width)
    bright = [mean for mean, depth in zip(means, depths, strict=True) if depth]
    if len(bright) < 3 or max(bright) - min(bright) > _PLAIN:  # noqa: PLR2004  (sides)
        for one, other in ((0, 1), (2, 3)):
            if abs(depths[one] - depths[other]) > 1 or abs(means[one] - means[other]) > _PLAIN:
                depths[one] = depths[other] = 0
    top, bottom, left, right = depths
    return Box(box.top + top, box.bottom - bottom, box.left + left, box.right - right)


def _middle_of_lines(lines: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Return lines without their ends: round corners and a line of small print are no part of a margin."""
    end = lines.shape[1] // 5
    return lines[:, end : lines.shape[1] - end]


_MARGIN: Final = 0.12
_PLAIN: Final = 6.0
"""Share of a side that a margin may take; its deviation along a line, and between lines and sides, in luma."""


def _undrawn(is_drawn: NDArray[np.bool_]) -> list[tuple[int, int]]:
    """Return the runs of lines that no program drew, the longest first."""
    runs = [found.span() for found in _run_of_undrawn(len(is_drawn) // _GAP).finditer(is_drawn.tobytes())]
    return sorted(runs, key=lambda run: run[0] - run[1])


@lru_cache(maxsize=64)
def _run_of_undrawn(gap: int) -> re.Pattern[bytes]:
    """Return what matches a run of zeros, with up to so many ones between them: a third of the time of arrays."""
    return re.compile(rb"\x00(?:\x01{0,%d}\x00)*" % max(1, gap))


def _are_drawn(lines: NDArray[np.uint8]) -> NDArray[np.bool_]:
    """Return whether one or two colours hold nearly all of each line, bool (looks, lines).

    The second colour shares no step with the first, of which there are at least as many cells.
    """
    lines = lines[:, :: max(1, lines.shape[1] // _LOOKED_AT)]
    count, width = lines.shape
    found = np.zeros((len(_LOOKS), count), np.bool_)
    if KERNELS.module is not None:
        KERNELS.module.are_drawn(lines, _SHIFT, _LOOKS, found)
        return found
    places = (lines >> _SHIFT).astype(np.intp)
    places += (np.arange(count) * _STEPS)[:, None]
    counts = np.bincount(places.ravel(), minlength=count * _STEPS).reshape(count, _STEPS)
    pairs = counts[:, :-1] + counts[:, 1:]
    best = pairs.max(axis=1)
    np.greater_equal(best, _LOOKS[0] * width, out=found[0])
    line = np.flatnonzero(2 * best >= _LOOKS[1] * width)
    if len(line):
        pairs = pairs[line]
        place, each = pairs.argmax(axis=1), np.arange(len(line))
        for near in (-1, 0, 1):  # these share cells with the pair just counted; the spare step stands before the first
            pairs[each, place + near] = 0
        found[1, line] = best[line] + pairs.max(axis=1) >= _LOOKS[1] * width
    return found


def _area(box: Box) -> int:
    return (box.bottom - box.top) * (box.right - box.left)
