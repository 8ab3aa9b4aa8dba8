"""Take what was written over a picture away again: text, captions, watermarks.

What people write over a picture is thin and either nearly white or nearly black, mostly with an edge of the other, or
it is thin and brightens what lies under it (a watermark). The first kind is found, cut out and filled from its
surroundings; the second is smoothed away. Neither is perfect, and neither has to be: a PDQ sees no detail below a
thirty-second of the picture. But what is cut out and was none of the letters costs: where three lines are cut out
exactly, 96 % of copies are found, with a rim of one cell 80 %, with two 69 %.

Sizes and levels were chosen on 55 photographs and three kinds of writing (``docs/concepts/variants.md`` has the
recall).
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Final, NamedTuple

import numpy as np

from hedgerow.hashing.canvas import SIDE
from hedgerow.hashing.compiled import KERNELS

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["rounded", "without_bright_strokes", "without_writing"]


class _Edge(NamedTuple):
    """The edge of a letter that is to be read on any ground.

    Attributes:
        size: Of the squares, in cells, in which bright and dark meet: all of those squares is letter.
        bright: Least luma of the bright.
    """

    size: int
    bright: int


_STROKE: Final = 15
"""Widest stroke that counts as writing, in cells of a canvas of 256: letters of a fifth of the picture's height."""

_CONTRAST: Final = 40
"""Luma steps by which writing stands out from what is around it; 25 to 80 find almost the same."""

_NEARLY_WHITE: Final = 247
_NEARLY_BLACK: Final = 8
"""Writing without an edge is white or black up to what JPEG leaves of it."""

_EDGES: Final = (_Edge(5, 200), _Edge(7, 220))
_DARK: Final = 60
"""How an edged letter is found. Edges are 1½ cells wide on lines of text and 3 on capitals. Of 55 copies of each the
first finds 80 and 38 %, the second 78 and 75 %, what is white or black and thin 66 and 71 %; all three 86 and 87 %.
What is white or black and thin grows by the wider one too: blur, and JPEG ringing."""

_WHITE: Final = 235
_INSIDE: Final = 5
"""Inside such letters, so near their edges, where a stroke is wider than these."""

_LEAST: Final = 131
_MOST: Final = 26_214
"""Cells: 0.2 and 40 % of the canvas. Less is no writing worth another query; of what is mostly cut out too little is
left."""

_BLOCK: Final = 8
_FULL: Final = 22
_IN_A_ROW: Final = 8
"""A power of two. A line of writing fills a third of each of eight blocks of 8 by 8 cells or more, side by side; with
six, half as many photographs again have something like it."""

_BARE: Final = 60
"""And where it has none: the contrast in each of those blocks, one of its cells being nearly white or nearly black."""

_LETTER: Final = (215, 50)
"""Each of those blocks has a cell brighter and one darker than this where letters have edges: all of 165 copies with
such letters have eight in a row, and 10 % of 110 photographs."""

_BRIGHT_STROKE: Final = 7
"""Widest stroke of a watermark, in cells."""


def without_writing(picture: NDArray[np.float32], cells: NDArray[np.uint8]) -> list[NDArray[np.float32]]:
    """Return a picture with the writing on it cut out and filled from around it; empty where there seems to be none.

    How wide outlines are is not known, so there are up to three: without letters that have a thin edge of the opposite
    colour, without those that have a wider one, and without all that is white or black and thin.

    Args:
        picture: float32 (256, 256), 0–255: a canvas.
        cells: The same, `rounded`.
    """
    least, most = extremes(cells)
    is_bare = ((most > _NEARLY_WHITE) | (least < _NEARLY_BLACK)) & (most - least > _BARE)
    has_bare, has_edged = (_in_a_row(each).any() for each in (is_bare, (most > _LETTER[0]) & (least < _LETTER[1])))
    if not has_bare and not has_edged:
        return []
    relief = cells - _opened(cells, _STROKE)
    stands_out = relief > _CONTRAST
    strokes = (cells > _NEARLY_WHITE) & stands_out
    if has_bare and least.min() < _NEARLY_BLACK:
        strokes |= (cells < _NEARLY_BLACK) & ((_closed(cells, _STROKE) - cells) > _CONTRAST)
    found = []
    if has_edged:
        # What is grown by as much is grown in one go, a bit of a byte each; by 5 and then by 3 is by 7.
        thin, wide = _EDGES
        grown = _grown(_planes(cells > thin.bright, cells < _DARK, cells > wide.bright, strokes), thin.size)
        wider = _grown(grown, 1 + wide.size - thin.size)
        strokes = _has_all(wider, 0b1000)
        edges = _planes(_has_all(grown, 0b0011), _has_all(wider, 0b0110))
        edges |= _grown(edges, _INSIDE) & _planes(white := (cells > _WHITE) & stands_out, white)
        found += [_has_all(edges, 0b01), _has_all(edges, 0b10)]
    elif has_bare:
        strokes = _has_all(_grown(_planes(strokes), _EDGES[-1].size), 1)
    if has_bare:
        found.append(strokes)
    in_lines = [each for each in map(_in_lines, found) if each is not None]
    return [_filled(picture, each) for each in in_lines if _LEAST <= np.count_nonzero(each) <= _MOST]


def extremes(cells: NDArray[np.uint8]) -> tuple[NDArray[np.uint8], NDArray[np.uint8]]:
    """Return the least and the greatest of each block of 8 by 8 cells."""
    if KERNELS.module is None:
        return _of_blocks(cells, np.minimum), _of_blocks(cells, np.maximum)
    least, most = (np.empty((len(cells) // _BLOCK, cells.shape[1] // _BLOCK), np.uint8) for _ in range(2))
    KERNELS.module.extremes(cells, _BLOCK, least, most)
    return least, most


def _of_blocks(cells: NDArray[np.uint8], choose: np.ufunc) -> NDArray[np.uint8]:
    """Return the least or greatest of each block of 8 by 8 cells."""
    for _ in range(int(math.log2(_BLOCK))):  # pairs: three times as fast as a reduction
        cells = choose(cells[::2], cells[1::2])
    columns = np.ascontiguousarray(cells.T).reshape(len(cells), _BLOCK, len(cells))
    chosen: NDArray[np.uint8] = choose.reduce(columns, axis=1).T
    return chosen


def _in_a_row(blocks: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """Return which blocks stand in a row of several, one missing here and there; bool (blocks, blocks)."""
    if np.count_nonzero(blocks) <= _IN_A_ROW // 2:
        return np.zeros_like(blocks)
    if KERNELS.module is not None:
        found = np.empty_like(blocks)
        KERNELS.module.in_a_row(blocks, _IN_A_ROW, found)
        return found
    row = np.zeros((len(blocks), len(blocks) + 2), np.bool_)
    row[:, 1:-1] = blocks
    row[:, 1:-1] |= row[:, :-2] & row[:, 2:]
    steps = [1 << power for power in range(int(math.log2(_IN_A_ROW)))]
    starts = row
    for step in steps:
        starts = starts[:, :-step] & starts[:, step:]
    row[:] = False
    row[:, : starts.shape[1]] = starts
    for step in steps:
        row[:, step:] |= row[:, :-step].copy()
    return row[:, 1:-1]


def _in_lines(is_writing: NDArray[np.bool_]) -> NDArray[np.bool_] | None:
    """Return what of it lies in lines, and beside them; None where none does.

    Parts of a picture that look like letters seldom stand in a row.
    """
    in_row = _in_a_row(_counts(is_writing) > _FULL)
    if not in_row.any():
        return None
    near = in_row.copy()
    near[1:] |= in_row[:-1]
    near[:-1] |= in_row[1:]
    near[:, 1:] |= in_row[:, :-1]
    near[:, :-1] |= in_row[:, 1:]
    blocks = SIDE // _BLOCK
    lines = is_writing.reshape(blocks, _BLOCK, SIDE) & near.repeat(_BLOCK, axis=1)[:, None]
    return lines.reshape(SIDE, SIDE)


def _counts(mask: NDArray[np.bool_]) -> NDArray[np.uint8]:
    """Count what is set in each block of 8 by 8 cells."""
    blocks = SIDE // _BLOCK
    if KERNELS.module is not None:
        counts = np.empty((blocks, blocks), np.uint8)
        KERNELS.module.counted(mask, _BLOCK, counts)
        return counts
    lines = mask.view(np.uint8).reshape(blocks, _BLOCK, SIDE).sum(axis=1, dtype=np.uint8)
    summed: NDArray[np.uint8] = lines.reshape(blocks, blocks, _BLOCK).sum(axis=2, dtype=np.uint8)
    return summed


def without_bright_strokes(cells: NDArray[np.uint8]) -> NDArray[np.float32]:
    """Return a picture of which every stroke brighter than its surroundings is gone (a grey opening).

    Args:
        cells: uint8 (n, n).
    """
    return _opened(cells, _BRIGHT_STROKE).astype(np.float32)


def rounded(picture: NDArray[np.float32]) -> NDArray[np.uint8]:
    """Return bytes: they are compared four times as fast as floats."""
    return (picture + np.float32(0.5)).astype(np.uint8)


def _planes(*masks: NDArray[np.bool_]) -> NDArray[np.uint8]:
    """Put up to eight masks into one array, the first as the lowest bit of each byte."""
    planes = masks[0].view(np.uint8).copy()
    for place, mask in enumerate(masks[1:], 1):
        planes |= np.negative(mask.view(np.uint8)) & np.uint8(1 << place)  # a shift of bytes takes five times as long
    return planes


def _has_all(planes: NDArray[np.uint8], bits: int) -> NDArray[np.bool_]:
    """Return where all of some planes are set."""
    found: NDArray[np.bool_] = (planes & bits) == bits
    return found


def _grown(planes: NDArray[np.uint8], size: int) -> NDArray[np.uint8]:
    """Return planes in which every cell is set that has one in a square of an odd size around it (a dilation)."""
    return _spread(planes, size, np.bitwise_or, 0)


def _opened(cells: NDArray[np.uint8], size: int) -> NDArray[np.uint8]:
    """Return a grey opening by a square: least, then greatest. It is nowhere above what it is of."""
    return _greatest(_least(cells, size), size)


def _closed(cells: NDArray[np.uint8], size: int) -> NDArray[np.uint8]:
    return _least(_greatest(cells, size), size)


def _least(cells: NDArray[np.uint8], size: int) -> NDArray[np.uint8]:
    return _spread(cells, size, np.minimum, 255)


def _greatest(cells: NDArray[np.uint8], size: int) -> NDArray[np.uint8]:
    return _spread(cells, size, np.maximum, 0)


def _spread(cells: NDArray[np.uint8], size: int, choose: np.ufunc, neutral: int) -> NDArray[np.uint8]:
    """Return for each cell the least or greatest in a square of an odd size around it.

    Windows of 1, 2, 4 … cells are put together from two of half the size (van Herk's idea, for few sizes simpler), on
    all cells as one line: what runs over the end of a row falls on the neutral cells around the picture.
    """
    rows, columns = cells.shape
    half, across = size // 2, columns + size - 1
    framed = np.full((rows + size - 1, across), neutral, np.uint8)
    framed[half : half + rows, half : half + columns] = cells
    windows = framed.ravel()
    for stride in (across, 1):
        width = 1
        while width < size:
            step = min(width, size - width)
            windows = choose(windows[: -step * stride], windows[step * stride :])
            width += step
    whole = np.empty(rows * across, np.uint8)
    whole[: len(windows)] = windows
    return whole.reshape(rows, across)[:, :columns]


_FINEST: Final = 4
_COARSEST: Final = 8
"""What is missing is filled in cells of 4 by 4, as fine as PDQ's own, from means over ever larger ones up to an eighth
of the side; a hole that is larger still takes the mean of all."""


def _filled(picture: NDArray[np.float32], is_missing: NDArray[np.bool_]) -> NDArray[np.float32]:
    """Fill what is missing from ever coarser means of what is there (pull and push, Gortler et al. 1996)."""
    if KERNELS.module is not None:
        whole = np.empty_like(picture)
        KERNELS.module.filled(picture, is_missing, whole)
        return whole
    there = (~is_missing).astype(np.float32)
    value, weight = picture * there, there
    for _ in range(int(math.log2(_FINEST))):
        value, weight = _quartered(value), _quartered(weight)
    levels: list[tuple[NDArray[np.float32], NDArray[np.float32]]] = []
    while True:
        share = np.minimum(_ONE, weight)
        mean: NDArray[np.float32] = (value / np.maximum(weight, _LITTLE)).astype(np.float32, copy=False)
        levels.append((mean * share, share))
        if len(value) <= _COARSEST:
            break
        value, weight = _quartered(levels[-1][0]), _quartered(share)
    value, weight = levels[-1]
    while len(value) > 1:  # the mean of all, added up in the order in which the kernel does
        value, weight = _quartered(value), _quartered(weight)
    filled: NDArray[np.float32] = (value / np.maximum(weight, _LITTLE)).astype(np.float32, copy=False)
    for level, (value, weight) in enumerate(reversed(levels)):
        filled = value + (_ONE - weight) * (_doubled(filled) if level else filled)
    return np.where(is_missing, filled.repeat(_FINEST, axis=1).repeat(_FINEST, axis=0), picture)


_ONE: Final = np.float32(1)
_LITTLE: Final = np.float32(1e-6)


def _quartered(cells: NDArray[np.float32]) -> NDArray[np.float32]:
    rows = cells[::2] + cells[1::2]
    return rows[:, ::2] + rows[:, 1::2]


def _doubled(cells: NDArray[np.float32]) -> NDArray[np.float32]:
    """Return twice the size, each cell a mean of the nearest by distance; each axis by itself, rows first."""
    for _ in range(2):
        padded = np.concatenate([cells[:1], cells, cells[-1:]])
        near, far = cells * _NEAR, padded * _FAR
        grown = np.empty((2 * len(cells), cells.shape[1]), np.float32)
        np.add(near, far[:-2], out=grown[::2])
        np.add(near, far[2:], out=grown[1::2])
        cells = grown.T
    return cells


_NEAR: Final = np.float32(0.75)
_FAR: Final = np.float32(0.25)
