"""PDQ's blur and decimation as one small linear operator per axis.

PDQ smooths a picture with two passes of a clipped box filter per axis (a "Jarosz" tent) and then samples 64 rows and
64 columns (Meta's ``pdq/cpp/downscaling/downscaling.cpp``; ``docs/concepts/pdq.md`` derives it). Both steps are linear
and separable, so for an axis of n pixels there is one 64×n matrix R(n), and the 64×64 picture is
``R(h) · luma · R(w)ᵀ``. R(n) is banded: each of its rows touches about n/64 inputs. Here it is kept as bands.

A JPEG decoder can emit the picture at 1/2, 1/4 or 1/8 for less work. A reduced cell is close to the mean of the pixels
that it stands for; rebuilding those pixels by the parabola that has the means of the cell and of its two neighbours is
linear too, so it folds into the operator: `operator(n, scale)` applies to the reduced raster and still answers for the
full-size picture. (Against plain area weights this halves the bits lost at 1/2 and 1/8; ``docs/benchmarks.md``.)
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property, lru_cache
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["CELLS", "Bands", "Strips", "box_window", "operator", "row_strips"]

CELLS = 64
"""Rows and columns of PDQ's decimated picture (``pdqhashing.cpp``, ``min_hashable_dim`` and the 64×64 buffer)."""

_WINDOW_DIVISOR = 128
"""PDQ's blur window is ceil(n / 128): half a cell of the decimated picture (``computeJaroszFilterWindowSize``)."""

_TOGETHER = 16
"""Bands that are applied in one product: enough for BLAS, few enough that little is multiplied by zero."""


def box_window(n: int) -> int:
    """Return the width in pixels of PDQ's box filter for an axis of ``n`` pixels.

    >>> box_window(64), box_window(512), box_window(4032)
    (1, 4, 32)
    """
    return (n + _WINDOW_DIVISOR - 1) // _WINDOW_DIVISOR


@dataclass(frozen=True)
class Bands:
    """A 64×n matrix of which each row is zero outside one short band.

    Attributes:
        starts: int64 (64,): first column of each row's band.
        weights: float32 (64, k): the band; ``starts + k <= columns``.
        columns: n.
    """

    starts: NDArray[np.int64]
    weights: NDArray[np.float32]
    columns: int

    @property
    def index(self) -> NDArray[np.int64]:
        """The columns that each band covers, int64 (64, k)."""
        return self.starts[:, None] + np.arange(self.weights.shape[1])

    @property
    def dense(self) -> NDArray[np.float32]:
        """The whole matrix, float32 (64, n)."""
        matrix = np.zeros((CELLS, self.columns), np.float32)
        np.put_along_axis(matrix, self.index, self.weights, axis=1)
        return matrix

    def apply_to_columns(self, rows: NDArray[np.float32]) -> NDArray[np.float32]:
        """Return ``rows · selfᵀ``: float32 (r, n) → (r, 64)."""
        sampled = np.empty((len(rows), CELLS), np.float32)
        begins, blocks = self._blocks
        for place, (begin, block) in enumerate(zip(begins, blocks, strict=True)):
            np.matmul(
                rows[:, begin : begin + len(block)], block, out=sampled[:, _TOGETHER * place : _TOGETHER * (place + 1)]
            )
        return sampled

    @cached_property
    def _blocks(self) -> tuple[list[int], NDArray[np.float32]]:
        """The first column of every sixteen bands together, and these as (4, columns, 16): little of it is zero."""
        reach = self.weights.shape[1]
        starts = self.starts.reshape(-1, _TOGETHER)
        width = min(self.columns, int((starts.max(axis=1) - starts.min(axis=1)).max()) + reach)
        begins = np.minimum(starts.min(axis=1), self.columns - width)
        blocks = np.zeros((len(begins), width, _TOGETHER), np.float32)
        column = (starts - begins[:, None])[:, :, None] + np.arange(reach)
        block, band = np.arange(len(begins))[:, None, None], np.arange(_TOGETHER)[:, None]
        blocks[block, column, band] = self.weights.reshape(-1, _TOGETHER, reach)
        return begins.tolist(), blocks


@dataclass(frozen=True, slots=True)
class Strips:
    """One or two row operators, cut so that a raster is read once, a piece at a time that fits the cache.

    ``weights[i] · raster[starts[i] : starts[i] + height]`` are finished rows, which belong to ``places[i]``.

    Attributes:
        starts: int64 (s,): first raster row of each strip.
        height: Raster rows of every strip.
        weights: float32 (s, r, height).
        places: int64 (s, r): operator number · 64 + its row.
    """

    starts: NDArray[np.int64]
    height: int
    weights: NDArray[np.float32]
    places: NDArray[np.int64]


@lru_cache(maxsize=256)
def row_strips(n: int, scale: int, flips: tuple[bool, ...], together: int) -> Strips:
    """Cut row operators into strips.

    Args:
        n: As `operator`.
        scale: As `operator`.
        flips: Which operators: not flipped, flipped, or both. Sorted by where they begin, the bands of an operator
            and of its flipped twin lie over almost the same rows.
        together: Bands in one strip, a divisor of 64. More make fewer and larger products, of which more is
            multiplying by zero.
    """
    downs = [operator(n, scale, is_flipped=flag) for flag in flips]
    orders = [np.argsort(down.starts, kind="stable") for down in downs]
    begins = np.concatenate(
        [down.starts[order].reshape(-1, together) for down, order in zip(downs, orders, strict=True)], axis=1
    )
    places = np.concatenate(
        [number * CELLS + order.reshape(-1, together) for number, order in enumerate(orders)], axis=1
    )
    bands = np.concatenate([down.weights for down in downs])
    reach = bands.shape[1]
    height = int((begins.max(axis=1) - begins.min(axis=1)).max()) + reach
    starts = np.minimum(begins.min(axis=1), downs[0].columns - height)
    weights = np.zeros((*begins.shape, height), np.float32)
    strip, row = np.arange(len(begins))[:, None, None], np.arange(begins.shape[1])[None, :, None]
    column = (begins - starts[:, None])[:, :, None] + np.arange(reach)
    weights[strip, row, column] = bands[places]
    return Strips(starts, height, weights, places)


@lru_cache(maxsize=512)
def operator(n: int, scale: int = 1, *, is_flipped: bool = False) -> Bands:
    """Return R(n) for a raster that was decoded at 1/``scale``.

    Args:
        n: Pixels of the full-size axis, ≥ 1.
        scale: Full-size pixels per raster cell: 1 for the full raster.
        is_flipped: Whether the raster lies the wrong way round on this axis, so that the operator must read it from
            its end. (PDQ is not symmetric: turning the picture and turning the hash differ by some bits, so an
            upright picture needs its operator turned, not its hash.)

    Returns:
        Bands over ceil(n / scale) columns.
    """
    starts, weights = _tent(n)
    if is_flipped:
        starts, weights = n - starts - weights.shape[1], weights[:, ::-1]
    if scale > 1:
        starts, weights = _fold(starts, weights, scale)
    columns = -(-n // scale)
    starts, weights = _inside(starts, weights, columns)
    return Bands(starts, np.ascontiguousarray(weights, np.float32), columns)


@lru_cache(maxsize=512)
def _tent(n: int) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
    """Return R(n) as (starts, weights); a band may begin before 0 or end after n, with zeros there."""
    window = box_window(n)
    half = (window + 2) // 2
    left, right = (
        window - half,
        half - 1,
    )  # output o is the mean of inputs o − left … o + right, clipped to 0 … n − 1
    centres = ((np.arange(CELLS) + 0.5) * n / CELLS).astype(np.int64)
    starts = centres - 2 * left

    middle = centres[:, None] + np.arange(-left, right + 1)  # what the second pass averages
    is_inside = (middle >= 0) & (middle < n)
    low = np.maximum(0, middle - left)
    high = np.minimum(n - 1, middle + right)  # what the first pass averaged for each of them
    share = is_inside / (high - low + 1) / is_inside.sum(1, keepdims=True)

    steps = np.zeros((CELLS, 2 * (left + right) + 2))
    row = np.broadcast_to(np.arange(CELLS)[:, None], middle.shape)[is_inside]
    np.add.at(steps, (row, (low - starts[:, None])[is_inside]), share[is_inside])
    np.add.at(steps, (row, (high + 1 - starts[:, None])[is_inside]), -share[is_inside])
    weights = np.cumsum(steps, axis=1)[:, :-1]
    weights[np.abs(weights) < 1e-12] = 0.0  # noqa: PLR2004  (what the running sum leaves of an exact zero)
    return starts, weights


def _fold(
    starts: NDArray[np.int64], weights: NDArray[np.float64], scale: int
) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
    """Fold full-size bands onto cells of ``scale`` pixels, each pixel rebuilt by the parabola through three means.

    With cell means a₋, a, a₊ and t the pixel's place in its cell (−½ … ½), the pixel is
    ``a + (a₊ − a₋)/2 · t + (a₊ − 2a + a₋)/2 · (t² − 1/12 + 1/(12·scale²))``, which keeps the cell's mean.
    """
    cell = starts // scale
    shift = starts - cell * scale
    cells = -(-(int(shift.max()) + weights.shape[1]) // scale)
    aligned = np.zeros((CELLS, cells * scale))
    np.put_along_axis(aligned, shift[:, None] + np.arange(weights.shape[1]), weights, axis=1)
    aligned = aligned.reshape(CELLS, cells, scale)

    place = (np.arange(scale) + 0.5) / scale - 0.5
    bend = place**2 - (place**2).mean()
    mean, slope, curve = aligned.sum(2), aligned @ place / 2, aligned @ bend / 2
    folded = np.zeros((CELLS, cells + 2))
    folded[:, 1:-1] = mean - 2 * curve
    folded[:, 2:] += slope + curve
    folded[:, :-2] += curve - slope
    return cell - 1, folded


def _inside(
    starts: NDArray[np.int64], weights: NDArray[np.float64], columns: int
) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
    """Move every band inside 0 … columns; what lay outside belongs to the nearest column (the edge goes on)."""
    width = min(weights.shape[1], columns)
    inside = np.clip(starts, 0, columns - width)
    is_moved = (inside != starts) | (width != weights.shape[1])
    moved = np.zeros((CELLS, width))
    moved[~is_moved] = weights[~is_moved, :width]
    for row in np.flatnonzero(is_moved):
        column = np.clip(starts[row] + np.arange(weights.shape[1]), 0, columns - 1) - inside[row]
        # A weight can only fall outside this row's own width where it is zero.
        np.add.at(moved[row], np.clip(column, 0, width - 1), weights[row])
    return inside, moved
