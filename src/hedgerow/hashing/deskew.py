"""See a picture as another one, turned by a few degrees.

The lattice of the original lies aslant over the turned copy. Its 64×64 points are read from the blurred canvas between
the cells; PDQ's blur is a few cells wide, and that it should be turned as well is not noticed below 6°. Where points
fall outside the copy, the picture goes on, softer with distance, as in `hedgerow.hashing.uncrop`.

How large the original was follows from the angle and from what was done to the corners (`Corners`).
"""

from __future__ import annotations

import math
from functools import lru_cache
from typing import TYPE_CHECKING, Final, Literal, NamedTuple

import numpy as np

from hedgerow.hashing.canvas import SIDE
from hedgerow.hashing.compiled import KERNELS
from hedgerow.hashing.operator import CELLS
from hedgerow.hashing.uncrop import FADE, LATTICE_SHIFT

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

__all__ = ["Corners", "Slant", "slanted_pictures"]

Corners = Literal["filled", "cut", "lost"]
"""What became of the corners: ``filled``, the frame was made larger to hold them and is filled with some colour;
``cut``, the picture was cut to the largest upright rectangle of its shape; ``lost``, the frame kept its size."""


class Slant(NamedTuple):
    """By how many degrees a picture was turned clockwise, and what became of its corners."""

    degrees: float
    corners: Corners


_PAD: Final = 32
"""Canvas cells that are added on every side: the corners of an original of 2:1 that was turned by 6° and cut lie 28
cells outside. Beyond them the last cell goes on."""

_TENT: Final = (1 / 32, 1 / 4, 7 / 16, 1 / 4, 1 / 32)
"""PDQ's blur on the canvas: a tent that reaches two cells to each side, integrated over each cell."""

_SHAPE_STEP: Final = 0.01
"""The natural logarithm of the picture's shape is rounded to this, so that scans find their lattices made: at 6° and
the corner that is off by 0.05 % of the side."""


def slanted_pictures(picture: NDArray[np.float32], shape: float, slants: Sequence[Slant]) -> NDArray[np.float32]:
    """Return PDQ's 64×64 pictures of the originals of which a canvas may be the turned copy.

    Args:
        picture: float32 (256, 256), a canvas.
        shape: Width of the copy through its height.
        slants: How it may have been turned.

    Returns:
        float32 (k, 64, 64).
    """
    flat = _grown(_blurred(picture)).ravel()
    found = np.empty((len(slants), CELLS * CELLS), np.float32)
    for place, slant in enumerate(slants):  # one at a time stays in the cache
        index, right, down = _places(slant, round(math.log(shape) / _SHAPE_STEP))
        if KERNELS.module is not None:
            KERNELS.module.laid_aslant(flat, index, right, down, found[place])
            continue
        cells = flat[index]  # (4, 4096): above left, above right, below left, below right
        above = cells[0] + (cells[1] - cells[0]) * right
        below = cells[2] + (cells[3] - cells[2]) * right
        found[place] = above + (below - above) * down
    return found.reshape(-1, CELLS, CELLS)


@lru_cache(maxsize=512)
def _places(slant: Slant, shape_steps: int) -> tuple[NDArray[np.int32], NDArray[np.float32], NDArray[np.float32]]:
    """Return where in the flat grown canvas the points lie: the four cells around each, and how far from the first."""
    row = SIDE + 2 * _PAD
    points = _lattice(slant, math.exp(shape_steps * _SHAPE_STEP))
    x, y = (np.clip(each.ravel() * SIDE + (_PAD - 0.5), 0, row - 1.001) for each in points)
    left, top = x.astype(np.int32), y.astype(np.int32)
    first = top * row + left
    index = np.stack([first, first + 1, first + row, first + row + 1])
    return index, (x - left).astype(np.float32), (y - top).astype(np.float32)


def _lattice(slant: Slant, shape: float) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return columns and rows, as shares of the copy, of the points of the original's lattice; (64, 64) each."""
    angle = math.radians(slant.degrees)
    sine, cosine = math.sin(angle), math.cos(angle)
    width, height = _original(shape, abs(sine), cosine, slant.corners)
    line = (np.arange(CELLS) + 0.5) / CELLS + LATTICE_SHIFT - 0.5
    across, down = line[None, :] * width, line[:, None] * height
    x = cosine * across - sine * down
    y = sine * across + cosine * down
    return x / shape + 0.5, y + 0.5


def _original(shape: float, sine: float, cosine: float, corners: Corners) -> tuple[float, float]:
    """Return width and height of the original of a copy that is ``shape`` wide and 1 high."""
    if corners == "lost":
        return shape, 1.0
    if corners == "filled":
        width = shape * cosine - sine
        height = cosine - shape * sine
        return width / (cosine**2 - sine**2), height / (cosine**2 - sine**2)
    grown = cosine + max(shape, 1 / shape) * sine
    return shape * grown, grown


def _grown(picture: NDArray[np.float32]) -> NDArray[np.float32]:
    """Return the canvas with more cells on all sides, which go on from the edge and get softer."""
    tall = np.concatenate([_beyond(picture[0])[::-1], picture, _beyond(picture[-1])])
    return np.concatenate([_beyond(tall[:, 0])[::-1].T, tall, _beyond(tall[:, -1]).T], axis=1)


def _beyond(edge: NDArray[np.float32]) -> NDArray[np.float32]:
    """Return the lines outside an edge, the nearest first; float32 (pad, n).

    The edge is mirrored at its ends, so that softening it is a product in its Fourier transform.
    """
    n = len(edge)
    spectrum = np.fft.rfft(np.concatenate([edge, edge[::-1]]))
    lines: NDArray[np.float32] = np.fft.irfft(spectrum * _bells(n), 2 * n, axis=1)[:, :n].astype(np.float32)
    return lines


@lru_cache(maxsize=4)
def _bells(n: int) -> NDArray[np.float64]:
    waves = np.pi * np.arange(n + 1) / n
    distances = FADE * np.arange(1, _PAD + 1)
    return np.exp(-0.5 * (distances[:, None] * waves) ** 2)


def _blurred(picture: NDArray[np.float32]) -> NDArray[np.float32]:
    """Apply PDQ's blur on both axes; the outermost two lines stay as they are."""
    for _ in range(2):
        lines = picture.copy()
        inner = lines[2:-2]
        inner *= _TENT[2]
        for step, weight in ((1, _TENT[1]), (2, _TENT[0])):
            pair = picture[2 - step : -2 - step] + picture[2 + step : SIDE - 2 + step]
            pair *= weight
            inner += pair
        picture = np.ascontiguousarray(lines.T)
    return picture
