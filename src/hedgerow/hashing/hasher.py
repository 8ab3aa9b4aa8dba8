"""What a hasher promises, and the hashers there are.

A picture hasher turns one look at one frame into signals; ``hedgerow.testing.hasher`` holds the suite that every one
must pass. Digests need no hasher: they are functions of the bytes (`hedgerow.hashing.digests`).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Protocol

import numpy as np

from hedgerow.hashing.borders import Box, content_boxes, is_plain
from hedgerow.hashing.pdq import (
    LUMA,
    TURNS,
    WAYS,
    FrontEnd,
    bits,
    bits_of_several,
    coefficients,
    is_hashable,
    made_by,
    qualities,
    quality,
    small_picture,
    small_pictures,
    squash,
)
from hedgerow.hashing.signal import AS_IS, Signal

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray

    from hedgerow.media import Pixels

__all__ = ["PdqHasher", "PictureHasher", "variant_name"]


class PictureHasher(Protocol):
    """Turns pixels into signals of one type.

    It owes: the same bits for the same pixels, however the strips are asked for; a ``quality`` from 0 to 100; the
    stored signal first, with variant ``as is``; every other signal only with ``with_query_variants``; no state, so
    that threads may share it.
    """

    @property
    def type(self) -> str:
        """Name of the signal type."""
        ...

    def signals(self, pixels: Pixels, *, with_query_variants: bool) -> Iterator[Signal]:
        """Yield the stored signal, then the variants under which a copy might be known."""
        ...


class PdqHasher:
    """PDQ with either published front end, and its query variants.

    The query variants are: the picture turned and mirrored in all eight ways (one multiplication each), without its
    borders where it has some (again in eight ways), and as stored where EXIF turns it (peers' banks were mostly made
    without looking at EXIF).

    Args:
        front_end: ``full-size`` or ``reference``.
    """

    type = "pdq"

    def __init__(self, front_end: FrontEnd = "full-size") -> None:
        self._front_end = front_end

    def signals(self, pixels: Pixels, *, with_query_variants: bool = False) -> Iterator[Signal]:
        """Yield the stored signal, then, if asked, the query variants."""
        source = made_by(self._front_end, pixels.scale)
        if not is_hashable(pixels):
            yield Signal("pdq", bytes(32), 0, AS_IS, source)
            return
        seen = squash(pixels) if self._front_end == "reference" else pixels
        if not with_query_variants:
            yield _signal(small_picture(seen), AS_IS, source)
            return
        ways = _eight_ways(seen, source)
        stored = next(ways)
        yield stored
        if pixels.orientation != 1:  # before the turns, one of which it is: this name explains more
            yield _signal(small_picture(pixels, TURNS[1]), "as stored", source)
        yield from ways
        for trimmed in _without_borders(pixels):
            yield from _eight_ways(trimmed, source, "borders trimmed")


def variant_name(*parts: str) -> str:
    """Join the names of what was done, leaving out ``as is``.

    >>> variant_name("frame 3", "as is", "mirrored")
    'frame 3, mirrored'
    >>> variant_name("as is", "as is")
    'as is'
    """
    return ", ".join(part for part in parts if part and part != AS_IS) or AS_IS


def _eight_ways(pixels: Pixels, source: str, name: str = AS_IS) -> Iterator[Signal]:
    upright = TURNS[pixels.orientation]
    smalls = np.stack(small_pictures(pixels, [upright.then(way) for way in WAYS.values()]))
    found = zip(WAYS, bits_of_several(coefficients(smalls)), qualities(smalls), strict=True)
    for way, value, level in found:
        yield Signal("pdq", value, level, variant_name(name, way), source)


def _signal(small: NDArray[np.float32], variant: str, source: str) -> Signal:
    return Signal("pdq", bits(coefficients(small)), quality(small), variant, source)


class _Cropped:
    """A luma raster of which only a box is looked at; what lies outside does not exist for the hash."""

    __slots__ = ("_luma", "height", "orientation", "scale", "width")

    def __init__(self, luma: NDArray[np.uint8], box: Box, pixels: Pixels, scale: int) -> None:
        self._luma = luma[box.top : box.bottom, box.left : box.right]
        self.scale = scale
        self.orientation = pixels.orientation
        self.height = min(box.bottom * scale, pixels.height) - box.top * scale
        self.width = min(box.right * scale, pixels.width) - box.left * scale

    def rows(self, start: int, stop: int) -> NDArray[np.uint8]:
        """Return raster rows ``start:stop`` of the box."""
        return self._luma[start:stop]


def _without_borders(pixels: Pixels) -> list[Pixels]:
    rows, columns = -(-pixels.height // pixels.scale), -(-pixels.width // pixels.scale)
    is_luma = pixels.rows(0, 1).ndim == 2  # noqa: PLR2004  (axes)
    if is_luma and rows * columns <= _AT_ONCE_CELLS:
        luma, scale = pixels.rows(0, rows), pixels.scale
    elif _may_have_borders(pixels, rows):
        luma, scale = _reduced_luma(pixels)
    else:
        return []
    trimmed: list[Pixels] = [_Cropped(luma, box, pixels, scale) for box in content_boxes(luma)]
    return [each for each in trimmed if is_hashable(each)]


def _may_have_borders(pixels: Pixels, rows: int) -> bool:
    """Look at the outermost lines only, so that a large picture without borders is not read twice."""
    probes = [_luma(pixels.rows(int(row), int(row) + 1))[0] for row in np.linspace(0, rows - 1, _PROBES)]
    sides = (np.array([line[0] for line in probes]), np.array([line[-1] for line in probes]))
    return any(is_plain(line) for line in (probes[0], probes[-1], *sides))


def _luma(lines: NDArray[Any]) -> NDArray[Any]:
    """Return luma of lines (k, columns) or (k, columns, 3)."""
    return lines if lines.ndim == 2 else lines @ LUMA  # noqa: PLR2004  (axes)


_PROBES = 33  # rows that are read to look at the left and right edge; a border is plain in any selection of them
_AT_ONCE_CELLS = 4_000_000  # 16 MB of float32 for a moment
_STRIP_CELLS = 100_000  # read at a time, so that a strip and its sums stay in the cache
_REDUCED_SIDE = 300  # as for JPEG: below this many cells on the short side bits begin to move (docs/benchmarks.md)


def _reduced_luma(pixels: Pixels) -> tuple[NDArray[np.uint8], int]:
    """Return a large raster as luma, averaged over cells of a whole number of pixels, and that number of pixels."""
    rows, width = -(-pixels.height // pixels.scale), -(-pixels.width // pixels.scale)
    factor = max(1, min(rows, width) // _REDUCED_SIDE)
    columns = np.arange(0, width, factor)
    widths = np.diff(np.append(columns, width))
    together = factor * max(1, _STRIP_CELLS // (factor * width))
    lines = []
    for start in range(0, rows, together):
        strip = pixels.rows(start, min(start + together, rows))
        begins = np.arange(0, len(strip), factor)
        heights = np.diff(np.append(begins, len(strip)))
        summed = np.add.reduceat(strip, begins, axis=0, dtype=np.float32)
        line = _luma(summed) / heights[:, None]
        lines.append(np.add.reduceat(line, columns, axis=1) / widths)
    return np.clip(np.rint(np.concatenate(lines)), 0, 255).astype(np.uint8), factor * pixels.scale
