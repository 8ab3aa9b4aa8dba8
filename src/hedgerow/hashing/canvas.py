"""A canvas of fixed size, on which all query variants are computed.

Query variants need no exact bits, but there are many of them, and a scan meets thousands of different picture sizes.
So a picture, or a part of it, is brought once to 256×256 cells by area, whatever its size and shape. From then on every
variant is a fixed small matrix, built once in the life of a process.

Why 256 cells: PDQ's own blur lets through waves up to about 1/100 of a side, and the parabola that rebuilds a cell
(`hedgerow.hashing.operator`) needs two to three cells a wave. On 60 photographs of 512×512 the PDQ from 256 cells
is 1.3 bits from the full size's, from 192 2.6, from 128 3.8; 320 gain another 0.3.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING, Any, Final, NamedTuple

import numpy as np

from hedgerow.hashing.compiled import KERNELS
from hedgerow.hashing.operator import CELLS
from hedgerow.hashing.pdq import LUMA, TURNS, quality

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from hedgerow.hashing.borders import Box
    from hedgerow.media import Pixels

__all__ = ["SIDE", "Shrinking", "SmallRaster", "canvas", "canvas_quality", "small_raster"]

SIDE: Final = 256
"""Rows and columns of the canvas (see above)."""

_BLOCK: Final = 16
"""Canvas rows that are computed in one product: enough for BLAS, few enough that little is multiplied by zero."""


@dataclass(frozen=True, slots=True)
class SmallRaster:
    """The luma of one look, upright, in about as many cells as a hash can tell apart.

    Attributes:
        luma: uint8 (rows, columns).
        row_span: Where the picture begins and ends, in rows; only the last cell of a reduced decode can be a part of
            one, and turning the picture upright can make that the first.
        column_span: The same in columns.
    """

    luma: NDArray[np.uint8]
    row_span: tuple[float, float]
    column_span: tuple[float, float]

    @property
    def height(self) -> float:
        """Height of the picture in cells."""
        return self.row_span[1] - self.row_span[0]

    @property
    def width(self) -> float:
        """Width of the picture in cells."""
        return self.column_span[1] - self.column_span[0]


def small_raster(pixels: Pixels) -> SmallRaster:
    """Read pixels as one small upright luma raster; a large one is averaged over cells of a whole number of pixels."""
    return Shrinking(pixels).raster()


def canvas(raster: SmallRaster, box: Box | None = None) -> NDArray[np.float32]:
    """Bring a raster, or the part in a box, to the canvas by area.

    Args:
        raster: The small raster.
        box: Whole rows and columns of it; all of it where None.

    Returns:
        float32 (256, 256), 0–255: means over equal parts of the picture.
    """
    row_span, column_span = raster.row_span, raster.column_span
    if box is not None:
        row_span = (max(row_span[0], box.top), min(row_span[1], box.bottom))
        column_span = (max(column_span[0], box.left), min(column_span[1], box.right))
    luma = raster.luma
    down, across = (luma.shape[0], *row_span), (luma.shape[1], *column_span)
    found = np.empty((SIDE, SIDE), np.float32)
    if KERNELS.module is not None:
        across_weights = _averages_across(*across)
        KERNELS.module.averaged(np.ascontiguousarray(luma), *_averages(*down), *across_weights, _UNIT, found)
    else:
        rows = np.empty((SIDE, luma.shape[1]), np.float32)
        starts, weights = _blocks(*down)
        for place, start, weight in zip(_PLACES, starts, weights, strict=True):
            lines = luma[start : start + weight.shape[1]].astype(np.float32)  # a block stays in the cache
            np.matmul(weight, lines, out=rows[place : place + _BLOCK])
        starts, weights = _blocks(*across)
        for place, start, weight in zip(_PLACES, starts, weights, strict=True):
            found[:, place : place + _BLOCK] = rows[:, start : start + weight.shape[1]] @ weight.T
        found *= _UNIT
    return found


def canvas_quality(picture: NDArray[np.float32]) -> int:
    """Return PDQ's quality of what is on a canvas, or on a part of one of at least 64 rows and columns.

    It is at most a few points from that of the full size.
    """
    rows_before, rows_after = _middles(picture.shape[0])
    columns_before, columns_after = _middles(picture.shape[1])
    rows = picture[rows_before] + picture[rows_after]
    cells: NDArray[np.float32] = (rows[:, columns_before] + rows[:, columns_after]) * np.float32(0.25)
    return quality(cells)


@lru_cache(maxsize=32)
def _middles(count: int) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Return the cells on both sides of the middles of 64 parts: half a part in all, as PDQ's blur is."""
    middle = (np.arange(CELLS) + 0.5) * count / CELLS
    return np.ceil(middle).astype(np.int64) - 1, middle.astype(np.int64)


_WHOLE: Final = 256
"""Parts in which a weight is counted. The sums of both passes are then whole numbers below 2²⁴, which float32 holds
exactly: the order in which they are added, and so the machine and whether kernels are compiled, changes nothing. A
weight is off by 1/512 of a canvas cell at most: 0.1 luma steps on a photograph, 0.6 on noise."""

_UNIT: Final = np.float32(1 / _WHOLE**2)


class _Averages(NamedTuple):
    """How raster cells are averaged for 256 canvas rows.

    Attributes:
        firsts: int64 (256,): the first cell of each.
        weights: float32 (256, k): whole numbers, `_WHOLE` in all, on k cells from there.
    """

    firsts: NDArray[np.int64]
    weights: NDArray[np.float32]


@lru_cache(maxsize=256)
def _averages(cells: int, start: float, stop: float) -> _Averages:
    """Return the weights by which raster cells from ``start`` to ``stop`` are averaged."""
    edges = start + (stop - start) * np.arange(SIDE + 1) / SIDE
    low, high = edges[:-1, None], edges[1:, None]
    firsts = np.minimum(edges[:-1].astype(np.int64), cells - 1)
    reach = min(cells, max(3, int((np.ceil(edges[1:] - _TINY) - firsts).max())))
    firsts = np.minimum(firsts, cells - reach)
    ends = np.minimum(np.maximum(firsts[:, None] + np.arange(reach + 1), low), high)
    ends -= low
    ends *= _WHOLE * SIDE / (stop - start)
    weights = np.diff(np.rint(ends), axis=1).astype(np.float32)  # what is rounded is the sum so far: nothing is lost
    return _Averages(firsts, weights)


@lru_cache(maxsize=256)
def _averages_across(cells: int, start: float, stop: float) -> tuple[NDArray[np.int32], NDArray[np.float64]]:
    """Return the same for columns, as the compiled kernel wants them: int32 (256,) and float64 (k, 256)."""
    firsts, weights = _averages(cells, start, stop)
    return firsts.astype(np.int32), np.ascontiguousarray(weights.T, np.float64)


@lru_cache(maxsize=256)
def _blocks(cells: int, start: float, stop: float) -> tuple[tuple[int, ...], NDArray[np.float32]]:
    """Return the same for 16 canvas rows at a time.

    Returns:
        The first cell of each block, and float32 (16, 16, k): the block's weights on k cells from there.
    """
    firsts, weights = _averages(cells, start, stop)
    begins = firsts[::_BLOCK]
    reach = min(cells, int((firsts[_BLOCK - 1 :: _BLOCK] - begins).max()) + weights.shape[1])
    begins = np.minimum(begins, cells - reach)
    found = np.zeros((SIDE, reach), np.float32)
    shift = (firsts - begins.repeat(_BLOCK))[:, None]
    np.put_along_axis(found, shift + np.arange(weights.shape[1]), weights, axis=1)
    return tuple(begins.tolist()), found.reshape(-1, _BLOCK, reach)


_PLACES: Final = range(0, SIDE, _BLOCK)
_TINY: Final = 1e-9  # what rounding may add to the end of the last cell

_SMALL_SIDE: Final = 300
"""Least cells on the short side, as for reduced JPEGs: below this bits begin to move (``docs/benchmarks.md``)."""

_STRIP_CELLS: Final = 100_000  # read at a time, so that a strip and its sums stay in the cache


class Shrinking:
    """Pixels that are averaged to a small raster while somebody else reads them, so that a large picture is read once.

    Args:
        pixels: Any raster.
    """

    __slots__ = ("_factor", "_pixels", "_read", "_rows", "_sums", "height", "orientation", "scale", "width")

    def __init__(self, pixels: Pixels) -> None:
        self.height, self.width = pixels.height, pixels.width
        self.scale, self.orientation = pixels.scale, pixels.orientation
        self._pixels = pixels
        self._rows, columns = -(-pixels.height // pixels.scale), -(-pixels.width // pixels.scale)
        self._factor = max(1, min(self._rows, columns) // _SMALL_SIDE)
        self._sums: NDArray[np.float32] | None = None
        self._read = 0

    def rows(self, start: int, stop: int) -> NDArray[np.uint8]:
        """Return raster rows ``start:stop``, and take notice of them."""
        if self._factor > 1 and start > self._read:
            self._read_until(start)
        strip = self._pixels.rows(start, stop)
        if self._factor > 1 and stop > self._read:
            self._add(strip[self._read - start :])
        return strip

    def raster(self) -> SmallRaster:
        """Return the small raster, upright; rows that nobody asked for are read now."""
        if self._factor == 1:
            luma = _luma(self._pixels.rows(0, self._rows))
            luma = luma if luma.dtype == np.uint8 else _as_bytes(luma)
        else:
            self._read_until(self._rows)
            luma = self._means()
        return _upright(luma, self, self.scale * self._factor)

    def _read_until(self, stop: int) -> None:
        while self._read < stop:
            together = self._factor * max(1, _STRIP_CELLS // (self._factor * max(1, self.width // self.scale)))
            self._add(self._pixels.rows(self._read, min(stop, self._read + together)))

    def _add(self, strip: NDArray[np.uint8]) -> None:
        if self._sums is None:
            self._sums = np.zeros((-(-self._rows // self._factor), *strip.shape[1:]), np.float32)
        first = self._read // self._factor
        begins = np.arange(first * self._factor, self._read + len(strip), self._factor) - self._read
        begins[0] = 0
        self._sums[first : first + len(begins)] += np.add.reduceat(strip, begins, axis=0, dtype=np.float32)
        self._read += len(strip)

    def _means(self) -> NDArray[np.uint8]:
        assert self._sums is not None  # noqa: S101  (a raster has rows, and all were read)
        heights = np.diff(np.append(np.arange(0, self._rows, self._factor), self._rows))
        lines = _luma(self._sums) / heights[:, None].astype(np.float32)
        begins = np.arange(0, lines.shape[1], self._factor)
        widths = np.diff(np.append(begins, lines.shape[1]))
        return _as_bytes(np.add.reduceat(lines, begins, axis=1) / widths)


def _upright(luma: NDArray[np.uint8], pixels: Pixels, scale: int) -> SmallRaster:
    """Turn a stored raster upright."""
    rows, columns = luma.shape
    row_span = (0.0, min(float(rows), pixels.height / scale))
    column_span = (0.0, min(float(columns), pixels.width / scale))
    is_row_flipped, is_column_flipped, is_transposed = TURNS[pixels.orientation]
    if is_row_flipped:
        luma, row_span = luma[::-1], (rows - row_span[1], float(rows))
    if is_column_flipped:
        luma, column_span = luma[:, ::-1], (columns - column_span[1], float(columns))
    if is_transposed:
        luma, row_span, column_span = luma.T, column_span, row_span
    return SmallRaster(np.ascontiguousarray(luma), row_span, column_span)


def _luma(lines: NDArray[Any]) -> NDArray[Any]:
    """Return luma of lines (k, columns) or (k, columns, 3)."""
    return lines if lines.ndim == 2 else lines @ LUMA  # noqa: PLR2004  (axes)


def _as_bytes(luma: NDArray[np.floating[Any]]) -> NDArray[np.uint8]:
    rounded: NDArray[np.uint8] = np.clip(np.rint(luma), 0, 255).astype(np.uint8)
    return rounded
