"""PDQ of a frame from a small raster of it, at a tenth of the cost of the full size.

A frame is reduced by area to a raster of any number of rows and columns. PDQ's operator for the full-size axis folds
onto the cells (`hedgerow.hashing.operator` does it for whole numbers of pixels a cell; here cells may be fractions, so
that three of them make one of PDQ's 64), and the 64×64 picture follows by two small products.
"""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING, Final

import numpy as np

from hedgerow.hashing.operator import CELLS, operator
from hedgerow.hashing.pdq import TURNS

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["Grid", "folded"]

_BLOCKS: Final = 4
"""An operator is banded: cut into four, each part meets a quarter of the cells, for a third of the multiplications."""


@lru_cache(maxsize=64)
def folded(n: int, cells: int, *, is_flipped: bool = False) -> NDArray[np.float32]:
    """Return PDQ's operator for an axis of ``n`` pixels, to be applied to ``cells`` area means: float32 (64, cells).

    Each pixel is rebuilt by the parabola that has the means of its cell and of both neighbours.

    >>> float(folded(720, 192).sum()).__round__(3)
    64.0
    """
    bands = operator(n, is_flipped=is_flipped)
    if cells >= n:
        return bands.dense
    place = (np.arange(n) + 0.5) * cells / n
    cell = np.minimum(place.astype(np.int64), cells - 1)
    place -= cell + 0.5
    bend = (place**2 - 1 / 12 + (cells / n) ** 2 / 12) / 2
    weights = np.zeros((cells + 2, CELLS))
    dense = bands.dense.T.astype(np.float64)
    for shift, share in ((0, bend - place / 2), (1, 1 - 2 * bend), (2, bend + place / 2)):
        np.add.at(weights, cell + shift, dense * share[:, None])
    weights[1] += weights[0]
    weights[-2] += weights[-1]
    return np.ascontiguousarray(weights[1:-1].T, np.float32)


class _Banded:
    """A banded matrix of 64 rows (or several such, one below the other), cut into parts."""

    def __init__(self, matrix: NDArray[np.float32]) -> None:
        self.parts: list[tuple[slice, slice, NDArray[np.float32]]] = []
        for start in range(0, len(matrix), CELLS // _BLOCKS):
            rows = slice(start, start + CELLS // _BLOCKS)
            used = np.flatnonzero(matrix[rows].any(axis=0))
            window = slice(int(used[0]), int(used[-1]) + 1)
            self.parts.append((rows, window, np.ascontiguousarray(matrix[rows, window])))


def _both(n: int, cells: int) -> _Banded:
    """Return an operator and its flipped twin as one: rows 0-63 and 64-127."""
    return _Banded(np.concatenate([folded(n, cells), folded(n, cells, is_flipped=True)]))


class Grid:
    """PDQ for rasters of one shape. Not for several threads at once.

    Args:
        size: Rows and columns of the picture, in pixels, as stored.
        shape: Rows and columns of the raster.
        orientation: How to turn it upright, as EXIF numbers it.
    """

    def __init__(self, size: tuple[int, int], shape: tuple[int, int], orientation: int) -> None:
        self.size = size
        self.shape = shape
        self.orientation = orientation
        turn = TURNS[orientation]
        self._is_transposed = turn.is_transposed
        self._down = _Banded(folded(size[0], shape[0], is_flipped=turn.is_row_flipped))
        self._across = _Banded(folded(size[1], shape[1], is_flipped=turn.is_column_flipped))
        self._downs: _Banded | None = None
        self._acrosses: _Banded | None = None
        self._cells = np.empty(shape, np.float32)
        self._half = np.empty((2 * CELLS, shape[1]), np.float32)
        self._both = np.empty((2 * CELLS, 2 * CELLS), np.float32)

    def small(self, raster: NDArray[np.uint8], out: NDArray[np.float32]) -> None:
        """Write PDQ's 64×64 picture, upright, float32."""
        half = self._half[:CELLS]
        self._apply(raster, self._down, self._across, half, out.T if self._is_transposed else out)

    def flips(self, raster: NDArray[np.uint8], out: NDArray[np.float32]) -> None:
        """Write the 64×64 pictures of the raster as stored: float32 (2, 2, 64, 64), by row flip and column flip."""
        if self._downs is None or self._acrosses is None:
            self._downs = _both(self.size[0], self.shape[0])
            self._acrosses = _both(self.size[1], self.shape[1])
        self._apply(raster, self._downs, self._acrosses, self._half, self._both)
        out[...] = self._both.reshape(2, CELLS, 2, CELLS).swapaxes(1, 2)

    def _apply(
        self,
        raster: NDArray[np.uint8],
        down: _Banded,
        across: _Banded,
        half: NDArray[np.float32],
        out: NDArray[np.float32],
    ) -> None:
        cells = self._cells
        np.copyto(cells, raster, casting="unsafe")
        for rows, window, weights in down.parts:
            np.matmul(weights, cells[window], out=half[rows])
        for columns, window, weights in across.parts:
            out[:, columns] = half[:, window] @ weights.T
