"""PDQ: a 256-bit signal of what a picture looks like, and a quality from 0 to 100.

Defined by Meta's ``pdq/cpp`` (BSD); ``docs/concepts/pdq.md`` restates the definition step by step. Two published front
ends exist, because partners' banks hold both:

* ``full-size``: the picture as it is (PyPI pdqhash, python-threatexchange, HMA, perception, Java). Our stored signal.
* ``reference``: Meta's C++ tool, which first squashes a picture of more than 512 rows or columns to 512×512 by nearest
  neighbour. 2–10 bits away from the other on the same large picture.

The quality and the eight dihedral variants (four turns, each also mirrored) come from the same small picture.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, Literal, NamedTuple

import numpy as np

from hedgerow.errors import InvalidPixels
from hedgerow.hashing.compiled import KERNELS
from hedgerow.hashing.operator import CELLS, operator, row_strips
from hedgerow.hashing.signal import AS_IS, Signal

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from hedgerow.media import Pixels

__all__ = [
    "DCT",
    "FRONT_ENDS",
    "LUMA",
    "MINIMUM_QUALITY",
    "TURNS",
    "WAYS",
    "ArrayPixels",
    "FrontEnd",
    "Turn",
    "bits",
    "bits_of_several",
    "coefficients",
    "dihedral",
    "pdq",
    "qualities",
    "quality",
    "small_picture",
    "small_pictures",
    "squash",
]

FrontEnd = Literal["full-size", "reference"]
FRONT_ENDS: Final[tuple[FrontEnd, ...]] = ("full-size", "reference")

MINIMUM_QUALITY: Final = 50
"""Below this a PDQ says too little to match by (PDQ README: discard quality ≤ 49; python-threatexchange: < 50)."""

_VERSION = 1
"""Raised whenever one bit of any signal could change."""

_VERSIONS_REDUCED: Final = {4: 2}
"""The same, of what is made from JPEGs decoded at 1/4 (1: libjpeg's plane; 2: from the lowest four coefficients)."""

LUMA: Final = np.array([0.299, 0.587, 0.114], np.float32)
"""ITU-R BT.601 weights, as in ``pdq/cpp/io/pdqio.cpp``."""

_FREQUENCIES = 16
"""DCT frequencies 1 … 16 per axis are kept (``pdqhashing.cpp``)."""

DCT = (
    np.sqrt(2 / CELLS)
    * np.cos(np.pi / (2 * CELLS) * np.outer(np.arange(1, _FREQUENCIES + 1), 2 * np.arange(CELLS) + 1))
).astype(np.float32)

_MINIMUM_SIDE = 5
"""Smaller pictures have signal 0 and quality 0 (``pdqhashing.cpp``)."""

_SQUASH_SIDE = 512
"""The C++ tool squashes a picture with a longer side than this (``pdqio.cpp``)."""

_STRIP_CELLS = 24_000
"""Raster cells that are blurred at a time: 100–300 KB of float32, which a second-level cache holds."""

_BLOCK_CELLS = 1 << 17
"""float32 that are held at a time, 512 KiB: one band of 12 megapixels in RGB has 2.3 MB, and takes a quarter longer."""

_MOST_BANDS = 8
"""Bands in one strip at most: beyond this the products with zero cost more than the calls that are saved."""


class ArrayPixels:
    """A whole array as `Pixels`.

    Args:
        array: uint8 (rows, columns) luma or (rows, columns, 3) RGB.

    Raises:
        InvalidPixels: Another shape or type, or no pixels at all.
    """

    __slots__ = ("_array", "height", "orientation", "scale", "width")

    def __init__(self, array: NDArray[np.uint8]) -> None:
        if array.dtype != np.uint8:
            raise InvalidPixels(f"it holds {array.dtype}, not uint8")
        if array.ndim not in (2, 3) or (array.ndim == 3 and array.shape[2] != 3):  # noqa: PLR2004  (axes, channels)
            raise InvalidPixels(f"its shape is {array.shape}, not (rows, columns) or (rows, columns, 3)")
        if 0 in array.shape:
            raise InvalidPixels("it has no pixels")
        self._array = array
        self.height: int = array.shape[0]
        self.width: int = array.shape[1]
        self.scale = 1
        self.orientation = 1

    def rows(self, start: int, stop: int) -> NDArray[np.uint8]:
        """Return rows ``start:stop``."""
        return np.ascontiguousarray(self._array[start:stop])


def pdq(array: NDArray[np.uint8], *, front_end: FrontEnd = "full-size") -> Signal:
    """Hash one upright picture that you hold as an array.

    Args:
        array: uint8 (rows, columns) luma or (rows, columns, 3) RGB, as a viewer sees it: turn it upright and put
            transparency over a background first, or let `hedgerow.hash_bytes` do it.
        front_end: Which published definition.

    Returns:
        A ``pdq`` signal with its quality. Equal to PyPI ``pdqhash`` bit for bit (full-size).

    Raises:
        InvalidPixels: The array is no picture.

    >>> import numpy as np
    >>> ramp = np.add.outer(np.arange(96), 2 * np.arange(128)).astype(np.uint8)
    >>> signal = pdq(ramp)
    >>> signal.value[:16], signal.quality
    ('...', 100)
    """
    pixels: Pixels = ArrayPixels(array)
    if front_end == "reference":
        pixels = squash(pixels)
    small = small_picture(pixels)
    if min(array.shape[:2]) < _MINIMUM_SIDE:
        return Signal("pdq", bytes(32), 0, AS_IS, made_by(front_end))
    return Signal("pdq", bits(coefficients(small)), quality(small), AS_IS, made_by(front_end))


def made_by(front_end: FrontEnd, scale: int = 1) -> str:
    """Say which front end and version computed a signal, as stored beside it.

    >>> made_by("full-size"), made_by("full-size", 8)
    ('full-size/1', 'full-size/1 from 1:8')
    """
    return f"{front_end}/{_VERSIONS_REDUCED.get(scale, _VERSION)}" + (f" from 1:{scale}" if scale > 1 else "")


def is_hashable(pixels: Pixels) -> bool:
    """Return whether PDQ is defined for a picture of this size (5 pixels or more on each side)."""
    return pixels.height >= _MINIMUM_SIDE and pixels.width >= _MINIMUM_SIDE


class Turn(NamedTuple):
    """One of the eight ways to lay a raster: reverse its rows, reverse its columns, then transpose.

    >>> TURNS[6].then(TURNS[8])
    Turn(is_row_flipped=False, is_column_flipped=False, is_transposed=False)
    """

    is_row_flipped: bool
    is_column_flipped: bool
    is_transposed: bool

    def then(self, following: Turn) -> Turn:
        """Return the one turn that does both, this one first."""
        rows, columns, is_transposed = following
        if self.is_transposed:
            rows, columns = columns, rows
        return Turn(self.is_row_flipped != rows, self.is_column_flipped != columns, self.is_transposed != is_transposed)


TURNS: Final = {
    1: Turn(False, False, False),  # noqa: FBT003  (a table of three flags)
    2: Turn(False, True, False),  # noqa: FBT003  (as above)
    3: Turn(True, True, False),  # noqa: FBT003  (as above)
    4: Turn(True, False, False),  # noqa: FBT003  (as above)
    5: Turn(False, False, True),  # noqa: FBT003  (as above)
    6: Turn(True, False, True),  # noqa: FBT003  (as above)
    7: Turn(True, True, True),  # noqa: FBT003  (as above)
    8: Turn(False, True, True),  # noqa: FBT003  (as above)
}
"""How a stored raster becomes upright, by EXIF orientation (EXIF 2.32, tag 0x0112)."""

WAYS: Final = {
    AS_IS: TURNS[1],
    "mirrored": TURNS[2],
    "flipped": TURNS[4],
    "rotated 90°": TURNS[8],
    "rotated 180°": TURNS[3],
    "rotated 270°": TURNS[6],
    "mirrored, rotated 90°": TURNS[7],
    "mirrored, rotated 270°": TURNS[5],
}
"""The way back, by what was done to the file: a match through ``rotated 90°`` means that the file is the banked picture
turned clockwise by 90°."""


def small_picture(pixels: Pixels, turn: Turn | None = None) -> NDArray[np.float32]:
    """Return PDQ's 64×64 picture: blurred, decimated, turned.

    Args:
        pixels: Any raster.
        turn: How to lay the stored raster; upright where None.

    Returns:
        float32 (64, 64), 0–255.
    """
    return small_pictures(pixels, [turn or TURNS[pixels.orientation]])[0]


def small_pictures(pixels: Pixels, turns: Sequence[Turn]) -> list[NDArray[np.float32]]:
    """Return PDQ's 64×64 picture of a raster laid in several ways, each exactly as if its pixels had been turned.

    The pixels are read once, whatever the number of turns: it is the operators that are turned.
    """
    flips = tuple(_flags(turns, 0))
    acrosses = {flag: operator(pixels.width, pixels.scale, is_flipped=flag) for flag in _flags(turns, 1)}
    columns = -(-pixels.width // pixels.scale)
    blurred = _blur_rows(pixels, flips, columns)
    luma = blurred if blurred.shape[1] == columns else blurred.reshape(len(blurred), -1, 3) @ LUMA
    laid = {
        (is_row_flipped, is_column_flipped): sampled[CELLS * place : CELLS * (place + 1)]
        for is_column_flipped, across in acrosses.items()
        for sampled in (across.apply_to_columns(luma),)
        for place, is_row_flipped in enumerate(flips)
    }
    return [laid[turn[:2]].T if turn.is_transposed else laid[turn[:2]] for turn in turns]


def _flags(turns: Sequence[Turn], axis: int) -> list[bool]:
    return sorted({turn[axis] for turn in turns})


def _blur_rows(pixels: Pixels, flips: tuple[bool, ...], columns: int) -> NDArray[np.float32]:
    """Apply the row operators strip by strip; float32 (64 for each operator, columns or three times as many)."""
    rows_of_a_band = -(-pixels.height // (CELLS * pixels.scale)) + 1
    together = max(1, min(_MOST_BANDS, _STRIP_CELLS // (rows_of_a_band * columns)))
    strips = row_strips(pixels.height, pixels.scale, flips, 1 << (together.bit_length() - 1))
    blurred = workspace = np.empty((0, 0), np.float32)
    for start, weights, places in zip(strips.starts.tolist(), strips.weights, strips.places, strict=True):
        raster = pixels.rows(start, start + strips.height)
        flat = raster.reshape(len(raster), -1)
        if not blurred.size:
            blurred = np.empty((CELLS * len(flips), flat.shape[1]), np.float32)
            width = max(1, _BLOCK_CELLS // (64 * strips.height)) * 64  # whole vectors, so that the sums stay the same
            workspace = np.empty((strips.height, min(width, flat.shape[1])), np.float32)
        # NumPy sends a matrix of one row to a general product, which is slower than the one for vectors.
        place, factors = (places[0], weights[0]) if len(weights) == 1 else (places, weights)
        for left in range(0, flat.shape[1], workspace.shape[1]):
            block = flat[:, left : left + workspace.shape[1]]
            # One buffer for all blocks: it stays in the cache, and no page is faulted in twice.
            values = workspace[:, : block.shape[1]]
            np.copyto(values, block, casting="unsafe")
            blurred[place, left : left + block.shape[1]] = factors @ values
    return blurred


def squash(pixels: Pixels) -> Pixels:
    """Return what Meta's C++ tool hashes: 512×512 by nearest neighbour when a side is longer, else the picture itself.

    Index ``floor(k · n / 512)`` per axis on the upright picture, aspect ratio not kept (CImg's default interpolation).

    Raises:
        InvalidPixels: The raster was decoded at a reduced scale, where there is no nearest full-size pixel.
    """
    if pixels.scale != 1:
        raise InvalidPixels("the reference front end needs the full raster")
    if max(pixels.height, pixels.width) <= _SQUASH_SIDE and pixels.orientation == 1:
        return pixels
    turn = TURNS[pixels.orientation]
    is_large = max(pixels.height, pixels.width) > _SQUASH_SIDE
    row_index = _nearest(pixels.height, is_large=is_large, is_flipped=turn.is_row_flipped)
    column_index = _nearest(pixels.width, is_large=is_large, is_flipped=turn.is_column_flipped)
    picked = np.stack([pixels.rows(int(row), int(row) + 1)[0][column_index] for row in row_index])
    if turn.is_transposed:
        picked = np.swapaxes(picked, 0, 1)
    return ArrayPixels(np.ascontiguousarray(picked))


def _nearest(n: int, *, is_large: bool, is_flipped: bool) -> NDArray[np.int64]:
    index = np.arange(_SQUASH_SIDE) * n // _SQUASH_SIDE if is_large else np.arange(n)
    return n - 1 - index if is_flipped else index


def quality(small: NDArray[np.float32]) -> int:
    """Return PDQ's quality: how much gradient the small picture has.

    Args:
        small: float32 (64, 64).

    Returns:
        0 (flat) to 100. The divisor 90 and the truncation before the absolute value are ``pdqhashing.cpp``'s.

    >>> import numpy as np
    >>> quality(np.zeros((64, 64), np.float32))
    0
    """
    return qualities(small[None])[0]


def qualities(smalls: NDArray[np.float32]) -> list[int]:
    """Return the quality of several small pictures at once, float32 (k, 64, 64)."""
    if KERNELS.module is not None:
        gradient = KERNELS.module.gradient
        return [min(100, gradient(each) // 90) for each in np.ascontiguousarray(smalls)]
    hundred, white = np.float32(100), np.float32(255)
    down = ((smalls[:, :-1] - smalls[:, 1:]) * hundred / white).astype(np.int32)
    across = ((smalls[:, :, :-1] - smalls[:, :, 1:]) * hundred / white).astype(np.int32)
    total = np.abs(down).sum(axis=(1, 2)) + np.abs(across).sum(axis=(1, 2))
    return [min(100, int(each) // 90) for each in total]


def coefficients(small: NDArray[np.float32]) -> NDArray[np.float32]:
    """Return the 16×16 lowest DCT coefficients without the constant ones; rows are vertical frequencies 1 … 16.

    Args:
        small: float32 (64, 64), or (k, 64, 64) for several at once.
    """
    found: NDArray[np.float32] = np.matmul(np.matmul(DCT, small), DCT.T)
    return found


def bits(coefficient: NDArray[np.float32]) -> bytes:
    """Return the 256 bits: one where a coefficient exceeds the lower median of all.

    Returns:
        32 bytes; bit 16·i + j of the big-endian number is coefficient (i, j), as in PDQ's hex text.
    """
    return bits_of_several(coefficient[None])[0]


def bits_of_several(coefficient: NDArray[np.float32]) -> list[bytes]:
    """Return the bits of several pictures at once, from float32 (k, 16, 16)."""
    flat = coefficient.reshape(len(coefficient), -1)
    if KERNELS.module is not None:
        packed = np.empty((len(flat), 32), np.uint8)
        KERNELS.module.bits(np.ascontiguousarray(flat), packed)
        return [row.tobytes() for row in packed]
    median = np.partition(flat, 127, axis=1)[:, 127:128]  # for an even count Torben's method gives the lower of the two
    return [row.tobytes() for row in np.packbits(flat[:, ::-1] > median, axis=1)]


_EVEN = np.where(np.arange(_FREQUENCIES) % 2 == 0, -1, 1).astype(np.float32)  # index 0 is frequency 1, which is odd
_ODD_SUM = _EVEN[:, None] * _EVEN[None, :]


def dihedral(coefficient: NDArray[np.float32]) -> dict[str, NDArray[np.float32]]:
    """Return the coefficients of the picture turned and mirrored in all eight ways, as PDQ publishes it.

    Keys are those of `WAYS`. PDQ's blur window is not quite symmetric, so this is a median of 10 and up to 36 bits off
    from really turning a photograph. `small_pictures` with `WAYS` is exact and costs 0.4 ms more; queries use that
    (``docs/decisions/0003``). This one serves whoever holds nothing but coefficients.
    """
    turned = coefficient.T
    return {
        AS_IS: coefficient,
        "mirrored": coefficient * _EVEN[None, :],
        "flipped": coefficient * _EVEN[:, None],
        "rotated 90°": turned * _EVEN[:, None],
        "rotated 180°": coefficient * _ODD_SUM,
        "rotated 270°": turned * _EVEN[None, :],
        "mirrored, rotated 90°": turned * _ODD_SUM,
        "mirrored, rotated 270°": turned,
    }
