"""What a hasher promises, and the hashers there are.

A picture hasher turns one look at one frame into signals; ``hedgerow.testing.hasher`` holds the suite that every one
must pass. Digests need no hasher: they are functions of the bytes (`hedgerow.hashing.digests`).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, Protocol

from hedgerow.hashing.canvas import Shrinking
from hedgerow.hashing.pdq import (
    TURNS,
    FrontEnd,
    bits,
    coefficients,
    is_hashable,
    made_by,
    quality,
    small_picture,
    squash,
)
from hedgerow.hashing.signal import AS_IS, Level, Signal
from hedgerow.hashing.variants import query_variants, variant_name

if TYPE_CHECKING:
    from collections.abc import Iterator

    import numpy as np
    from numpy.typing import NDArray

    from hedgerow.media import Pixels

__all__ = ["PdqHasher", "PictureHasher", "variant_name"]


class PictureHasher(Protocol):
    """Turns pixels into signals of one type.

    It owes: the same bits for the same pixels, however the strips are asked for; a ``quality`` from 0 to 100; the
    stored signal first, with variant ``as is``; at ``exact`` nothing that the file is not; at every level all that the
    levels before it give; no state, so that threads may share it.
    """

    @property
    def type(self) -> str:
        """Name of the signal type."""
        ...

    def signals(self, pixels: Pixels, *, level: Level) -> Iterator[Signal]:
        """Yield the stored signal, then the variants under which a copy might be known."""
        ...


class PdqHasher:
    """PDQ with either published front end, and its query variants.

    At ``exact`` a picture that EXIF turns is also hashed as stored: peers' banks were mostly made without looking at
    EXIF. What the other levels add stands in `hedgerow.hashing.variants`.

    Args:
        front_end: ``full-size`` or ``reference``.
    """

    type = "pdq"

    def __init__(self, front_end: FrontEnd = "full-size") -> None:
        self._front_end = front_end

    def signals(self, pixels: Pixels, *, level: Level = "exact") -> Iterator[Signal]:
        """Yield the stored signal, then, if asked, the query variants."""
        source = made_by(self._front_end, pixels.scale)
        if not is_hashable(pixels):
            yield Signal("pdq", bytes(32), 0, AS_IS, source)
            return
        shrinking = Shrinking(pixels)
        seen = pixels if level == "exact" else shrinking
        stored = _signal(small_picture(squash(pixels) if self._front_end == "reference" else seen), AS_IS, source)
        yield stored
        if pixels.orientation != 1:  # before the turns, one of which it is: this name explains more
            yield _signal(small_picture(pixels, TURNS[1]), "as stored", source)
        if level == "exact":
            return
        yield Signal("pdq", _inverted(stored.bits), stored.quality, "colours inverted", source, "standard")
        yield from query_variants(shrinking.raster(), level, stored.quality or 0)


def _inverted(value: bytes) -> bytes:
    """Return the bits of the negative: every coefficient changes its sign, so every bit does (but for ties)."""
    return value.translate(_NEGATIVE)


_NEGATIVE: Final = bytes(255 - each for each in range(256))


def _signal(small: NDArray[np.float32], variant: str, source: str) -> Signal:
    return Signal("pdq", bits(coefficients(small)), quality(small), variant, source)
