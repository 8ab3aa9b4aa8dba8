"""Take what was written over a picture away again: text, captions, watermarks.

What people write over a picture is thin and either nearly white or nearly black, or it is thin and brightens what lies
under it (a watermark). The first kind is found, cut out and filled from its surroundings; the second is smoothed away.
Neither is perfect, and neither has to be: a PDQ sees no detail below a thirty-second of the picture.

Sizes and levels were chosen on 72 photographs and four kinds of writing (``docs/concepts/variants.md`` has the recall).
"""

from __future__ import annotations

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
        picture: float32 (n, n), 0–255, n a power of two: a canvas.
    """
    cells = _rounded(picture)
    bright, dark = cells > _NEARLY_WHITE, cells < _NEARLY_BLACK
    if np.count_nonzero(bright) + np.count_nonzero(dark) < _LEAST_SHARE * cells.size:
        return None
    bright &= (cells - _opened(cells, _STROKE)) > _CONTRAST
    dark &= (_closed(cells, _STROKE) - cells) > _CONTRAST
    found = bright | dark
    if np.count_nonzero(found) < _LEAST_SHARE * cells.size:
        return None
    cut_out = _spread(found.view(np.uint8), _RIM, np.maximum).view(np.bool_)
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
    return np.clip(np.rint(picture), 0, 255).astype(np.uint8)


def _opened(cells: NDArray[np.uint8], size: int) -> NDArray[np.uint8]:
    """Return a grey opening by a square: least, then greatest. It is nowhere above what it is of."""
    return _spread(_spread(cells, size, np.minimum), size, np.maximum)


def _closed(cells: NDArray[np.uint8], size: int) -> NDArray[np.uint8]:
    return _spread(_spread(cells, size, np.maximum), size, np.minimum)


def _spread(cells: NDArray[np.uint8], size: int, choose: np.ufunc) -> NDArray[np.uint8]:
    """Return for each cell the least or greatest in a square of an odd size around it.

    Windows of 1, 2, 4 … cells are put together from two of half the size (van Herk's idea, for few sizes simpler).
    """
    for _ in range(2):
        windows = np.pad(cells, ((size // 2, size // 2), (0, 0)), mode="edge")
        width = 1
        while width < size:
            step = min(width, size - width)
            windows = choose(windows[:-step], windows[step:])
            width += step
        cells = windows.T
    return cells


def _filled(picture: NDArray[np.float32], is_missing: NDArray[np.bool_]) -> NDArray[np.float32]:
    """Fill what is missing from ever coarser means of what is there (pull and push, Gortler et al. 1996)."""
    weight = (~is_missing).astype(np.float32)
    levels: list[tuple[NDArray[np.float32], NDArray[np.float32]]] = [(picture * weight, weight)]
    while len(levels[-1][0]) > 1:
        value, weight = _quartered(levels[-1][0]), _quartered(levels[-1][1])
        share = (np.minimum(1, weight) / np.maximum(weight, np.float32(1e-6))).astype(np.float32)
        levels.append((value * share, weight * share))
    value, weight = levels.pop()
    filled = np.divide(value, np.maximum(weight, np.float32(1e-6)), dtype=np.float32)
    for finer, there in reversed(levels):
        filled = finer + (np.float32(1) - there) * _doubled(filled)
    return filled


def _quartered(cells: NDArray[np.float32]) -> NDArray[np.float32]:
    half = len(cells) // 2
    summed: NDArray[np.float32] = cells.reshape(half, 2, half, 2).sum(axis=(1, 3))
    return summed


def _doubled(cells: NDArray[np.float32]) -> NDArray[np.float32]:
    """Return twice the size, smoothed by each cell's four neighbours."""
    large = np.pad(np.repeat(np.repeat(cells, 2, axis=0), 2, axis=1), 1, mode="edge")
    around = large[:-2, 1:-1] + large[2:, 1:-1] + large[1:-1, :-2] + large[1:-1, 2:]
    smoothed: NDArray[np.float32] = (around + 2 * large[1:-1, 1:-1]) / np.float32(6)
    return smoothed
