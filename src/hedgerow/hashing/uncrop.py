"""See a picture as the middle of a larger one, of which the rest was cut away.

PDQ's blur and decimation lay a lattice of 64×64 points over a picture. A cropped copy lies under a part of the lattice
of the original. Knowing which part, one can lay that lattice over the copy; what falls outside must be guessed. The
picture is taken to go on from its edge, and to get softer along the edge the farther out it is: the best linear guess
where all that is known of a picture is that near points are alike. On 120 photographs cropped by 5 % on each side 68 %
come within 31 bits of the original that way; with the edge merely repeated 54 %, with the picture reflected 44 %, and
a guess by kriging (a variogram of √distance) finds no more.

All this is linear in the picture, so each un-crop is a fixed matrix on the canvas (`hedgerow.hashing.canvas`): a
product for what is inside, and one on the four edges for what is outside.
"""

from __future__ import annotations

import math
from functools import lru_cache
from typing import TYPE_CHECKING, Final, NamedTuple

import numpy as np

from hedgerow.hashing.canvas import SIDE
from hedgerow.hashing.compiled import KERNELS
from hedgerow.hashing.operator import CELLS
from hedgerow.hashing.pdq import DCT

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from hedgerow.hashing.pdq import Turn

__all__ = [
    "LATTICE_SHIFT",
    "WHOLE",
    "Cut",
    "axis_operator",
    "seen_coefficients",
    "whole_coefficients",
]

LATTICE_SHIFT: Final = 0.11 / CELLS
"""How far PDQ's lattice lies behind the middle of its cells, as a share of the side. It is 0 to 0.2 cells, by the size
of the picture (boxes of even width and rounding, `hedgerow.hashing.operator`); that size is not known of a copy. With
this mean the canvas is 4–5 bits off, at most 16, on 79 photographs of many sizes, whatever the copy was resized to;
with none it is 7."""

FADE: Final = 1.0
"""Standard deviation, along the edge, of the softening at distance 1 outside it. 0.25 to 2 were tried, see above."""

_FREQUENCIES = len(DCT)
_EDGE_CELLS = 64  # an edge is soft outside it, so it is taken in 64 parts
_PART = SIDE // _EDGE_CELLS
_SUB = 8  # parts in which a cell is cut to integrate over it


class Cut(NamedTuple):
    """What was cut away on each side, as shares of the original's height or width.

    Negative shares say that something was added: the original is only a part of the canvas (`Cut.of_part`).
    """

    top: float = 0.0
    bottom: float = 0.0
    left: float = 0.0
    right: float = 0.0

    @classmethod
    def of_part(cls, top: float, bottom: float, left: float, right: float) -> Cut:
        """Return the cut under which the original is a part of the canvas.

        Args:
            top: First row, as a share of the canvas.
            bottom: Where the part ends.
            left: First column.
            right: Where the part ends.

        >>> Cut.of_part(0, 0.5, 0, 1)
        Cut(top=0.0, bottom=-1.0, left=0.0, right=0.0)
        """
        height, width = bottom - top, right - left
        return cls(0.0 - top / height, (bottom - 1) / height, 0.0 - left / width, (right - 1) / width)


WHOLE: Final = Cut()


def seen_coefficients(
    picture: NDArray[np.float32], ways: Sequence[Turn] = (), cuts: Sequence[Cut] = ()
) -> NDArray[np.float32]:
    """Return the DCT coefficients of a canvas laid in several ways, then of the originals of which it may be the rest.

    Args:
        picture: float32 (256, 256), a canvas.
        ways: How to lay it.
        cuts: What was cut away.

    Returns:
        float32 (k, 16, 16), one for each way and then one for each cut.
    """
    plan = _plan(tuple(ways), tuple(cuts))
    rows = _transformed(picture, plan.downs)
    laid: NDArray[np.float32] = np.matmul(rows[plan.down_of], plan.acrosses)
    if plan.outside:
        edges = (
            np.concatenate([picture[0], picture[-1], picture[:, 0], picture[:, -1]]).reshape(-1, _PART) @ _MEAN_OF_PART
        )
        for those, parts, matrix in plan.outside:
            laid[those] += (matrix @ edges[parts]).reshape(-1, *laid.shape[1:])
    found = laid[plan.product_of]
    found[plan.transposed] = found[plan.transposed].transpose(0, 2, 1)
    return found


def whole_coefficients(pictures: Sequence[NDArray[np.float32]]) -> NDArray[np.float32]:
    """Return the DCT coefficients of several canvases of which nothing was cut away, float32 (k, 16, 16)."""
    downs, across = _whole_axis()
    found = np.empty((len(pictures), _FREQUENCIES, _FREQUENCIES), np.float32)
    for into, picture in zip(found, pictures, strict=True):
        np.matmul(_transformed(picture, downs)[0], across, out=into)
    return found


def _transformed(picture: NDArray[np.float32], downs: _Bands) -> NDArray[np.float32]:
    """Return the cosine transforms of the lattices of several row operators, float32 (d, 16, 256)."""
    sampled = np.empty((len(downs.firsts), SIDE), np.float32)
    picture = np.ascontiguousarray(picture)
    if KERNELS.module is not None:
        KERNELS.module.sampled(picture, downs.firsts, downs.weights, sampled)
    else:
        _sampled(picture, downs, sampled)
    found: NDArray[np.float32] = np.matmul(DCT, sampled.reshape(-1, CELLS, SIDE))
    return found


def _sampled(picture: NDArray[np.float32], downs: _Bands, out: NDArray[np.float32]) -> None:
    """Apply bands to the rows of a canvas; sums are made of pairs, as the compiled kernel makes them.

    One lattice at a time, in arrays that are used again: they stay in the cache, which is four times as fast.
    """
    sums = np.empty((_TAPS // 2, CELLS, SIDE), np.float32)
    other = np.empty((CELLS, SIDE), np.float32)
    for lattice in range(0, len(out), CELLS):
        lines = slice(lattice, lattice + CELLS)
        firsts, weights, into = downs.firsts[lines], downs.weights[lines], out[lines]
        into[:] = 0
        for start in range(0, weights.shape[1], _TAPS):
            for pair in range(_TAPS // 2):
                for tap, weighed in ((start + 2 * pair, sums[pair]), (start + 2 * pair + 1, other)):
                    np.take(picture, firsts + tap, axis=0, out=weighed, mode="clip")  # unlike "raise" unbuffered
                    np.multiply(weighed, weights[:, tap, None], out=weighed)
                sums[pair] += other
            into += (sums[0] + sums[1]) + (sums[2] + sums[3])


_MEAN_OF_PART: Final = np.full(_PART, 1 / _PART, np.float32)


class _Bands(NamedTuple):
    """Rows of weights that are zero outside a short band: each point of a lattice sees few cells.

    Attributes:
        firsts: int64 (r,): the first cell of each.
        weights: float32 (r, k), k a multiple of 8: those on k cells from there.
    """

    firsts: NDArray[np.int64]
    weights: NDArray[np.float32]

    @classmethod
    def of(cls, matrix: NDArray[np.float64]) -> _Bands:
        """Keep the bands of a matrix."""
        is_seen = matrix != 0
        firsts = is_seen.argmax(axis=1)
        lasts = matrix.shape[1] - is_seen[:, ::-1].argmax(axis=1)
        reach = int((lasts - firsts)[is_seen.any(axis=1)].max())  # a point outside the canvas sees nothing of it
        reach = -(-reach // _TAPS) * _TAPS
        firsts = np.minimum(firsts, matrix.shape[1] - reach)
        weights = np.take_along_axis(matrix, firsts[:, None] + np.arange(reach), axis=1)
        return cls(firsts, np.ascontiguousarray(weights, np.float32))


_TAPS: Final = 8
"""Cells that are weighed together: most bands are 6 to 8 cells wide."""


class _Plan(NamedTuple):
    """The matrices of several ways and cuts: products of a row operator, the canvas and a column operator.

    Attributes:
        downs: d row operators, of which most serve several products, below each other.
        down_of: int64 (j,): which of them each product takes.
        acrosses: float32 (j, 256, 16), the column operators.
        outside: For cuts of which a part of the lattice lies outside the canvas: which products (as a slice where they
            stand side by side, which is faster), which parts of the edges (top, bottom, left, right: 4·64), and
            float32 (i·256, parts) from these to their coefficients.
        product_of: int64 (k,): which product each way and then each cut is.
        transposed: int64: the ways that are that product transposed.
    """

    downs: _Bands
    down_of: NDArray[np.int64]
    acrosses: NDArray[np.float32]
    outside: tuple[tuple[NDArray[np.int64] | slice, slice, NDArray[np.float32]], ...]
    product_of: NDArray[np.int64]
    transposed: NDArray[np.int64]


class _Axis(NamedTuple):
    """Shares that were cut away before and after, and whether the canvas is read from its end."""

    before: float
    after: float
    is_flipped: bool = False

    @property
    def lattice(self) -> NDArray[np.float64]:
        """float64 (64, 256)."""
        lattice = axis_operator(self.before, self.after).lattice
        return lattice[:, ::-1] if self.is_flipped else lattice

    @property
    def inside(self) -> NDArray[np.float64]:
        """float64 (16, 256)."""
        inside: NDArray[np.float64] = DCT.astype(np.float64) @ self.lattice
        return inside


@lru_cache(maxsize=1)
def _whole_axis() -> tuple[_Bands, NDArray[np.float32]]:
    """Return the operator of an axis of which nothing was cut away, for rows and for columns."""
    whole = _Axis(0.0, 0.0)
    return _Bands.of(whole.lattice), np.ascontiguousarray(whole.inside.T, np.float32)


@lru_cache(maxsize=32)
def _plan(ways: tuple[Turn, ...], cuts: tuple[Cut, ...]) -> _Plan:
    wanted = [(_Axis(0.0, 0.0, way.is_row_flipped), _Axis(0.0, 0.0, way.is_column_flipped)) for way in ways]
    wanted += [(_Axis(cut.top, cut.bottom), _Axis(cut.left, cut.right)) for cut in cuts]
    products = list(dict.fromkeys(wanted))
    downs = list(dict.fromkeys(down for down, _ in products))
    outside: dict[tuple[int, int], list[tuple[int, NDArray[np.float64]]]] = {}
    for place, (down, across) in enumerate(products):
        operators = axis_operator(*down[:2]), axis_operator(*across[:2])
        if any(each.has_outside for each in operators):
            matrix = _outside(*operators)
            seen = np.flatnonzero(matrix.any(axis=0))  # a cut on one side sees that edge alone
            parts = int(seen[0]) // _EDGE_CELLS, int(seen[-1]) // _EDGE_CELLS + 1
            outside.setdefault(parts, []).append((place, matrix))
    return _Plan(
        _Bands.of(np.concatenate([each.lattice for each in downs])),
        np.array([downs.index(down) for down, _ in products]),
        np.ascontiguousarray(np.stack([across.inside.T for _, across in products]), np.float32),
        tuple(_together(*each) for each in outside.items()),
        np.array([products.index(each) for each in wanted]),
        np.array([place for place, way in enumerate(ways) if way.is_transposed], np.int64),
    )


def _together(
    edges: tuple[int, int], matrices: Sequence[tuple[int, NDArray[np.float64]]]
) -> tuple[NDArray[np.int64] | slice, slice, NDArray[np.float32]]:
    """Put the matrices of cuts that see the same edges below each other."""
    parts = slice(edges[0] * _EDGE_CELLS, edges[1] * _EDGE_CELLS)
    below = np.concatenate([matrix[:, parts] for _, matrix in matrices])
    places = np.array([place for place, _ in matrices])
    run = slice(int(places[0]), int(places[-1]) + 1)
    those = run if run.stop - run.start == len(places) else places
    return those, parts, np.ascontiguousarray(below, np.float32)


class AxisOperator(NamedTuple):
    """PDQ's lattice and cosine transform along one axis of the original, over the canvas of what was left.

    Attributes:
        before: float64 (16, b): over the canvas rows that would come before the first, the nearest last.
        inside: float64 (16, 256).
        after: float64 (16, a): over those after the last, the nearest first.
        lattice: float64 (64, 256): the lattice alone, inside.
    """

    before: NDArray[np.float64]
    inside: NDArray[np.float64]
    after: NDArray[np.float64]
    lattice: NDArray[np.float64]

    @property
    def has_outside(self) -> bool:
        """Whether a part of the lattice lies outside the canvas."""
        return bool(self.before.size or self.after.size)


@lru_cache(maxsize=128)
def axis_operator(before: float, after: float) -> AxisOperator:
    """Return the operator of an axis of which shares were cut away before and after what is left.

    Raises:
        ValueError: Nothing would be left.
    """
    left = 1 - before - after
    if left <= 0:
        raise ValueError("a cut leaves something")
    centres = ((np.arange(CELLS) + 0.5) / CELLS + LATTICE_SHIFT - before) / left
    reach = 1 / (2 * CELLS * left)  # of the tent: PDQ's window is half a cell, applied twice
    rows_before = _rows_outside(-float(centres[0] - reach))
    rows_after = _rows_outside(float(centres[-1] + reach) - 1)
    edges = (np.arange((rows_before + SIDE + rows_after) * _SUB + 1) / _SUB - rows_before) / SIDE
    below = _tent_integral((edges[None, :] - centres[:, None]) / reach)
    below[:, 0], below[:, -1] = 0, 1  # what is not given a row of its own belongs to the outermost
    tents = np.diff(below, axis=1)
    middle = slice(rows_before * _SUB, (rows_before + SIDE) * _SUB)
    spectrum = DCT.astype(np.float64)
    lattice = _on_cells(tents[:, middle])
    return AxisOperator(
        spectrum @ tents[:, : middle.start].reshape(CELLS, rows_before, _SUB).sum(axis=2),
        spectrum @ lattice,
        spectrum @ tents[:, middle.stop :].reshape(CELLS, rows_after, _SUB).sum(axis=2),
        lattice,
    )


def _rows_outside(share: float) -> int:
    """Return the canvas rows that a share outside takes; none where it is a part of one row only."""
    rows = int(np.ceil(share * SIDE))
    return rows if rows > 1 else 0


def _tent_integral(place: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the integral, up to a place, of the tent of area 1 between −1 and 1."""
    place = np.clip(place, -1, 1)
    return np.where(place < 0, (1 + place) ** 2 / 2, 1 - (1 - place) ** 2 / 2)


def _on_cells(fine: NDArray[np.float64]) -> NDArray[np.float64]:
    """Gather weights on parts of cells onto the cells, each rebuilt by the parabola through three means.

    The formula stands in `hedgerow.hashing.operator`, where a reduced decode is folded the same way.
    """
    parts = fine.reshape(CELLS, SIDE, _SUB)
    place = (np.arange(_SUB) + 0.5) / _SUB - 0.5
    bend = place**2 - (place**2).mean()
    mean, slope, curve = parts.sum(axis=2), parts @ place / 2, parts @ bend / 2
    found = np.zeros((CELLS, SIDE + 2))
    found[:, 1:-1] = mean - 2 * curve
    found[:, 2:] += slope + curve
    found[:, :-2] += curve - slope
    found[:, 1] += found[:, 0]
    found[:, -2] += found[:, -1]
    return found[:, 1:-1]


def _outside(down: AxisOperator, across: AxisOperator) -> NDArray[np.float64]:
    """Return (256, 4·64): what the four edges add to the coefficients.

    Rows are added above and below first; then columns on both sides, whose edges are those of the picture and of the
    rows that were added. An edge is mirrored at its ends, so that softening it is a product in its cosine transform:
    all distances are summed there before anything is transformed back.
    """
    above, below = down.before[:, ::-1], down.after  # the nearest first
    spread = np.repeat(np.eye(_EDGE_CELLS), _PART, axis=0)  # (256, 64): an edge from its parts
    waves = _cosines(SIDE)
    parts, seen = waves @ spread, across.inside @ waves.T
    top = _summed(above @ _bells(above.shape[1], SIDE), seen, parts)
    bottom = _summed(below @ _bells(below.shape[1], SIDE), seen, parts)

    tall = np.concatenate([down.before, down.inside, down.after], axis=1)
    waves_tall = _cosines(tall.shape[1])
    seen_tall = tall @ waves_tall.T
    first, last = above.shape[1], above.shape[1] + SIDE
    sides = []
    for columns, corner in ((across.before[:, ::-1], waves[:, 0]), (across.after, waves[:, -1])):
        reached = columns @ _bells(columns.shape[1], tall.shape[1])
        corner_above = (_bells(first, SIDE)[::-1] * corner) @ parts  # the end of each row that was added
        corner_below = (_bells(below.shape[1], SIDE) * corner) @ parts
        sides.append(_summed(seen_tall, reached, waves_tall[:, first:last] @ spread))
        top += _summed(seen_tall, reached, waves_tall[:, :first] @ corner_above)
        bottom += _summed(seen_tall, reached, waves_tall[:, last:] @ corner_below)
    return np.concatenate([top, bottom, *sides], axis=1)


def _summed(
    downs: NDArray[np.float64], acrosses: NDArray[np.float64], lines: NDArray[np.float64]
) -> NDArray[np.float64]:
    """Return Σ over waves f of downs[i, f] · acrosses[j, f] · lines[f, k], as (i·j, k)."""
    both = downs[:, None, :] * acrosses[None, :, :]
    summed: NDArray[np.float64] = both.reshape(-1, both.shape[2]) @ lines
    return summed


@lru_cache(maxsize=64)
def _cosines(count: int) -> NDArray[np.float64]:
    """Return the orthonormal cosine transform (DCT-II) of that many cells, one wave a row."""
    found: NDArray[np.float64] = np.cos(np.pi / count * np.outer(np.arange(count), np.arange(count) + 0.5)) * math.sqrt(
        2 / count
    )
    found[0] *= math.sqrt(0.5)
    return found


def _bells(distances: int, count: int) -> NDArray[np.float64]:
    """Return what softening leaves of each wave at distances 1, 2 … outside, (distances, count)."""
    waves = np.pi / count * np.arange(count)
    found: NDArray[np.float64] = np.exp(-0.5 * (FADE * np.arange(1, distances + 1)[:, None] * waves) ** 2)
    return found
