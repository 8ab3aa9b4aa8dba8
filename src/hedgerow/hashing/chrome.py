"""Find the picture on a screen or page: below a status bar, between an app's buttons, in a chat, under a caption.

What a program draws around a picture keeps to one or two exact colours a line, also where letters and icons stand on
it; a line through a photograph hardly ever does. So the rows in which one or two colours hold nearly all cells are
taken away, then the columns of what is left, then its rows again.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import numpy as np

from hedgerow.hashing.borders import Box

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["pictures_on_screen"]

_LOOKS: Final = ((1, 0.8), (2, 0.92))
"""Colours a line may have, and the share of it that they must hold. Over 40 photographs in nine kinds of screens one
colour finds 94 % of pictures in feeds, pages, galleries and under captions, two find 81 % of those in chats, where
bubbles lie on a ground. Lower shares take skies for chrome, higher ones stop at text."""

_GREYS_A_STEP: Final = 4
_STEPS: Final = 256 // _GREYS_A_STEP + 1
"""Greys of luma that count as one colour, with a neighbour: JPEG at quality 60 moves a drawn ground by about that."""

_LOOKED_AT: Final = 160
"""Cells of a line that are looked at, evenly spread: enough to tell such shares, at a third of the time."""

_GAP: Final = 60
"""A line that looks drawn does not end a picture where it is thinner than this part of the raster."""

_LEAST_SIDE: Final = 0.15
"""A picture takes at least this share of the raster's rows and columns, or it is an icon."""

_MOST_AREA: Final = 0.985
"""What is larger is the whole picture, of which some lines happen to be plain."""

_RUNS: Final = 2
"""Runs of rows that are tried: a page may show something else that is larger."""

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
    found: list[Box] = []
    for colours, least_share in _LOOKS:
        for box in _pictures(luma, colours, least_share):
            if not any(_are_alike(box, other, luma.shape) for other in found):
                found.append(box)
    return sorted(found, key=lambda box: -_area(box))


def _pictures(luma: NDArray[np.uint8], colours: int, least_share: float) -> list[Box]:
    rows, columns = luma.shape
    found = []
    for top, bottom in _undrawn(luma, colours, least_share)[:_RUNS]:
        if bottom - top < _LEAST_SIDE * rows:
            break
        for left, right in _undrawn(luma[top:bottom].T, colours, least_share)[:1]:
            if (bottom - top) * (right - left) >= _MOST_AREA * rows * columns:
                continue
            for upper, lower in _undrawn(luma[top:bottom, left:right], colours, least_share)[:1]:
                box = Box(top + upper, top + lower, left, right)
                is_large = min((lower - upper) / rows, (right - left) / columns) >= _LEAST_SIDE
                if is_large and _area(box) < _MOST_AREA * rows * columns:
                    found.append(box)
    return found


def _undrawn(lines: NDArray[np.uint8], colours: int, least_share: float) -> list[tuple[int, int]]:
    """Return the runs of lines that no program drew, the longest first."""
    places = np.flatnonzero(_share_of_colours(lines, colours) < least_share)
    if not len(places):
        return []
    ends = np.flatnonzero(np.diff(places) > max(1, len(lines) // _GAP) + 1)
    starts, stops = places[np.append(0, ends + 1)], places[np.append(ends, len(places) - 1)] + 1
    return sorted(zip(starts.tolist(), stops.tolist(), strict=True), key=lambda run: run[0] - run[1])


def _share_of_colours(lines: NDArray[np.uint8], colours: int) -> NDArray[np.float64]:
    """Return the share of each line that its one or two most frequent colours hold."""
    lines = lines[:, :: max(1, lines.shape[1] // _LOOKED_AT)]
    count, width = lines.shape
    line = np.arange(count)
    places = (lines // _GREYS_A_STEP).astype(np.int64) + line[:, None] * _STEPS
    counts = np.bincount(places.ravel(), minlength=count * _STEPS).reshape(count, _STEPS)
    pairs = counts[:, :-1] + counts[:, 1:]
    held = np.zeros(count, np.int64)
    for _ in range(colours):
        best = pairs.argmax(axis=1)
        held += pairs[line, best]
        for near in (-1, 0, 1):  # these share cells with the pair just counted
            pairs[line, np.clip(best + near, 0, pairs.shape[1] - 1)] = 0
    share: NDArray[np.float64] = held / width
    return share


def _area(box: Box) -> int:
    return (box.bottom - box.top) * (box.right - box.left)


def _are_alike(one: Box, other: Box, shape: tuple[int, ...]) -> bool:
    sides = (shape[0], shape[0], shape[1], shape[1])
    return all(abs(a - b) < _SAME * side for a, b, side in zip(one, other, sides, strict=True))
