"""Parts of a picture that a bank may hold beside it, when its operator has the picture itself.

A bare PDQ says nothing of what a deep crop shows. Who adds the media, and not only its signal, can store the signals of
likely crops as well; a query is then un-cropped to the nearest of them (`hedgerow.hashing.uncrop`). Each entry says
what it is in its ``variant``.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, NamedTuple

from hedgerow.hashing.pdq import TURNS, bits, coefficients, is_hashable, made_by, quality, small_picture
from hedgerow.hashing.signal import Signal

if TYPE_CHECKING:
    from collections.abc import Iterator

    import numpy as np
    from numpy.typing import NDArray

    from hedgerow.media import Pixels

__all__ = ["BANK_VARIANTS", "BankVariant", "bank_signals"]


class BankVariant(NamedTuple):
    """A part of a banked picture.

    Attributes:
        name: What is left, or what is left out.
        top: First row of the upright picture, as a share.
        bottom: Where the part ends.
        left: First column.
        right: Where the part ends.
    """

    name: str
    top: float = 0.0
    bottom: float = 1.0
    left: float = 0.0
    right: float = 1.0


def _centre(percent: int) -> BankVariant:
    low, high = 0.5 - percent / 200, 0.5 + percent / 200
    return BankVariant(f"centre {percent} %", low, high, low, high)


BANK_VARIANTS: Final = (
    _centre(90),
    _centre(80),
    _centre(70),
    *(
        part
        for percent in (10, 20)
        for part in (
            BankVariant(f"without {percent} % at the top", top=percent / 100),
            BankVariant(f"without {percent} % at the bottom", bottom=1 - percent / 100),
            BankVariant(f"without {percent} % on the left", left=percent / 100),
            BankVariant(f"without {percent} % on the right", right=1 - percent / 100),
        )
    ),
)
"""Eleven entries a picture. Steps as wide as un-cropping a query bridges (``docs/concepts/variants.md``)."""


def bank_signals(pixels: Pixels) -> Iterator[Signal]:
    """Yield the signals of the parts, each exactly that of the picture cropped so; not that of the whole.

    Args:
        pixels: A full-size raster.
    """
    for part in BANK_VARIANTS:
        cropped = _Cropped(pixels, part)
        if is_hashable(cropped):
            small = small_picture(cropped)
            yield Signal(
                "pdq", bits(coefficients(small)), quality(small), part.name, made_by("full-size", pixels.scale)
            )


class _Cropped:
    """A part of a raster; what lies outside does not exist for the hash."""

    __slots__ = ("_columns", "_pixels", "_top", "height", "orientation", "scale", "width")

    def __init__(self, pixels: Pixels, part: BankVariant) -> None:
        self._pixels = pixels
        self.scale, self.orientation = pixels.scale, pixels.orientation
        top, bottom, left, right = _as_stored(part, pixels.orientation)
        rows = _cells(top, bottom, pixels.height, pixels.scale)
        self._columns = _cells(left, right, pixels.width, pixels.scale)
        self._top = rows.start
        self.height = min(rows.stop * self.scale, pixels.height) - rows.start * self.scale
        self.width = min(self._columns.stop * self.scale, pixels.width) - self._columns.start * self.scale

    def rows(self, start: int, stop: int) -> NDArray[np.uint8]:
        """Return raster rows ``start:stop`` of the part."""
        strip = self._pixels.rows(self._top + start, self._top + stop)
        return strip[:, self._columns]


def _cells(low: float, high: float, count: int, scale: int) -> slice:
    cells = -(-count // scale)
    return slice(round(low * count / scale), min(cells, round(high * count / scale)))


def _as_stored(part: BankVariant, orientation: int) -> tuple[float, float, float, float]:
    """Return where a part of the upright picture lies in the raster as stored."""
    top, bottom, left, right = part[1:]
    turn = TURNS[orientation]
    if turn.is_transposed:
        top, bottom, left, right = left, right, top, bottom
    if turn.is_row_flipped:
        top, bottom = 1 - bottom, 1 - top
    if turn.is_column_flipped:
        left, right = 1 - right, 1 - left
    return top, bottom, left, right
