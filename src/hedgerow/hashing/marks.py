"""Take what was written over a picture away again: text, captions, watermarks.

What people write over a picture is thin and either nearly white or nearly black, or it is thin and brightens what lies
under it (a watermark). The first kind is found, cut out and filled from its surroundings; the second is smoothed away.
Neither is perfect, and neither has to be: a PDQ sees no detail below a thirty-second of the picture.

Sizes and levels were chosen on 72 photographs and four kinds of writing (``docs/concepts/variants.md`` has the recall).
"""

from __future__ import annotations

import math
from functools import lru_cache
from typing import TYPE_CHECKING, Final

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["without_bright_strokes", "without_writing"]

_STROKE: Final = 15
"""Widest stroke that counts as writing, in cells of a canvas of 256: letters of a fifth of the picture's height."""

_CONTRAST: Final = 40
"""Luma steps by which writing stands out from what is around it; 25 to 80 find almost the same."""

_NEARLY_WHITE: Final = 247
_NEARLY_BLACK: Final = 8
"""Writing is white or black up to what JPEG leaves of it."""

_RIM: Final = 5
"""Cells by which what is cut out grows: blur, JPEG ringing and the thin outline that captions have."""

_LEAST_SHARE: Final = 0.002
_MOST_SHARE: Final = 0.4
"""Less is no writing worth another query; of a picture that is mostly cut out too little is left."""

_BRIGHT_STROKE: Final = 7
"""Widest stroke of a watermark, in cells."""


def without_writing(picture: NDArray[np.float32]) -> NDArray[np.float32] | None:
    """Return a picture with white and black writing cut out and filled from around it; None where there is none.

    Args:
        picture: float32 (n, n), 0–255, n a power of two, at least 32: a canvas.
    """
    cells = _rounded(picture)
    least = _LEAST_SHARE * cells.size
    bright, dark = cells > _NEARLY_WHITE, cells < _NEARLY_BLACK
    brights, darks = np.count_nonzero(bright), np.count_nonzero(dark)
    if brights + darks < least:
        return None
    if brights:
        bright &= (cells - _opened(cells, _STROKE)) > _CONTRAST
    if darks:
        dark &= (_closed(cells, _STROKE) - cells) > _CONTRAST
    found = bright | dark
    if np.count_nonzero(found) < least:
        return None
    cut_out = _greatest(found.view(np.uint8), _RIM).view(np.bool_)
    if np.count_nonzero(cut_out) > _MOST_SHARE * cells.size:
        return None
    return _filled(picture, cut_out)


def without_bright_strokes(picture: NDArray[np.float32]) -> NDArray[np.float32]:
    """Return a picture of which every stroke brighter than its surroundings is gone (a grey opening).

    Args:
        picture: float32 (n, n), 0–255.
    """
    return _opened(_rounded(picture), _BRIGHT_STROKE).astype(np.float32)


def _rounded(picture: NDArray[np.float32]) -> NDArray[np.uint8]:
    """Return bytes: they are compared four times as fast as floats."""
    return (picture + np.float32(0.5)).astype(np.uint8)


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
    there = (~is_missing).astype(np.float32)
    value, weight = picture * there, there
    for _ in range(int(math.log2(_FINEST))):
        value, weight = _quartered(value), _quartered(weight)
    levels: list[tuple[NDArray[np.float32], NDArray[np.float32]]] = []
    while True:
        share = np.minimum(_ONE, weight)
        mean: NDArray[np.float32] = (value / np.maximum(weight, _LITTLE)).astype(np.float32)
        levels.append((mean * share, share))
        if len(value) <= _COARSEST:
            break
        value, weight = _quartered(levels[-1][0]), _quartered(share)
    value, weight = levels[-1]
    filled = np.full_like(value, value.sum() / np.maximum(weight.sum(), _LITTLE))
    for level, (value, weight) in enumerate(reversed(levels)):
        filled = value + (_ONE - weight) * (_grown(filled) if level else filled)
    whole = picture.copy()
    rows, columns = np.divmod(np.flatnonzero(is_missing), picture.shape[1])
    whole[rows, columns] = filled[rows // _FINEST, columns // _FINEST]
    return whole


_ONE: Final = np.float32(1)
_LITTLE: Final = np.float32(1e-6)


def _quartered(cells: NDArray[np.float32]) -> NDArray[np.float32]:
    rows = cells[::2] + cells[1::2]
    return rows[:, ::2] + rows[:, 1::2]


def _grown(cells: NDArray[np.float32]) -> NDArray[np.float32]:
    """Return twice the size, each cell a mean of the nearest by distance."""
    between: NDArray[np.float32] = _between(len(cells))
    grown: NDArray[np.float32] = (between @ cells @ between.T).astype(np.float32, copy=False)
    return grown


@lru_cache(maxsize=8)
def _between(count: int) -> NDArray[np.float32]:
    """Return the matrix, float32 (2·count, count), that doubles a line and goes straight from cell to cell."""
    places = np.clip((np.arange(2 * count) + 0.5) / 2 - 0.5, 0, count - 1)
    weights: NDArray[np.float32] = np.maximum(0, 1 - np.abs(places[:, None] - np.arange(count))).astype(np.float32)
    return weights
