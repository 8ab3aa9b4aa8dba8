"""What is measured: Hedgerow at its levels, and the peers that happen to be installed.

Every method gives 256 bits, and is held to the same threshold. Peers are called as their own documentation calls them.
"""

from __future__ import annotations

import io
from abc import ABC, abstractmethod
from importlib import import_module
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from PIL import Image

from hedgerow.hashing import hash_bytes
from hedgerow.hashing.bank_variants import bank_signals
from hedgerow.hashing.pdq import ArrayPixels
from hedgerow.hashing.signal import LEVELS

if TYPE_CHECKING:
    from collections.abc import Sequence

    from hedgerow.hashing.signal import Level
    from hedgerow.media import MediaLimits

__all__ = ["Column", "Look", "Method", "methods_of"]


class Look(NamedTuple):
    """One signal of a file.

    Attributes:
        bits: 32 bytes.
        quality: 0–100, where the method has one.
        variant: How the file was looked at.
        level: Position in `hedgerow.hashing.LEVELS` of the least level at which it is; 0 for peers.
    """

    bits: bytes
    quality: int | None
    variant: str = "as is"
    level: int = 0


class Column(NamedTuple):
    """One figure that a method gives for every copy.

    Attributes:
        name: What it is called in the report.
        level: Position in `hedgerow.hashing.signal.LEVELS`: looks of no higher level are taken; 0 for peers.
        has_parts: Whether the bank holds parts of the pictures too.
    """

    name: str
    level: int = 0
    has_parts: bool = False


class Method(ABC):
    """A way to hash.

    Attributes:
        columns: What is measured of it.
        is_ours: Whether it is Hedgerow.
    """

    columns: tuple[Column, ...]
    is_ours = False

    @abstractmethod
    def banked(self, data: bytes, upright: Image.Image) -> list[Look]:
        """Return what a bank would hold of a picture, given its file and its upright RGB pixels; the whole first."""

    @abstractmethod
    def asked(self, data: bytes) -> list[Look]:
        """Return everything that is looked up for a file, as is first."""


class _Hedgerow(Method):
    """Hedgerow: the exact bare PDQ in the bank, and the query variants of the highest level asked for."""

    is_ours = True

    def __init__(self, levels: Sequence[Level], limits: MediaLimits | None, *, with_parts: bool) -> None:
        ordered = sorted(set(levels), key=LEVELS.index)
        self._highest = ordered[-1]
        self._with_parts = with_parts
        self._limits = limits
        columns = [Column(f"hedgerow {level}", LEVELS.index(level)) for level in ordered]
        if with_parts:
            columns.append(Column(f"hedgerow {self._highest}, parts banked", columns[-1].level, has_parts=True))
        self.columns = tuple(columns)

    def banked(self, data: bytes, upright: Image.Image) -> list[Look]:
        whole = hash_bytes(data, exact=True, limits=self._limits).signals[0]
        parts = bank_signals(ArrayPixels(np.asarray(upright))) if self._with_parts else ()
        return [Look(each.bits, each.quality, each.variant) for each in (whole, *parts)]

    def asked(self, data: bytes) -> list[Look]:
        found = hash_bytes(data, level=self._highest, limits=self._limits).signals
        return [Look(each.bits, each.quality, each.variant, LEVELS.index(each.level)) for each in found]


class _Pytx(Method):
    """PDQ as threatexchange (pytx) and hence HMA compute it: Pillow's pixels as they come, pdqhash at full size."""

    columns = (Column("pytx PDQ"),)

    def __init__(self) -> None:
        self._compute = import_module("pdqhash").compute
        self._from_bytes = None
        if find_spec("threatexchange") is not None:
            self._from_bytes = import_module("threatexchange.signal_type.pdq.pdq_hasher").pdq_from_bytes

    def banked(self, data: bytes, upright: Image.Image) -> list[Look]:  # noqa: ARG002  (the method's signature)
        bits, quality = self._compute(np.asarray(upright))
        return [Look(np.packbits(bits).tobytes(), int(quality))]

    def asked(self, data: bytes) -> list[Look]:
        if self._from_bytes is not None:
            text, quality = self._from_bytes(data)
            return [Look(bytes.fromhex(text), int(quality))]
        with Image.open(io.BytesIO(data)) as opened:
            return self.banked(data, opened.convert("RGB"))


class _Perception(Method):
    """A hasher of Thorn's perception, given Pillow images."""

    def __init__(self, name: str, hasher: Any) -> None:  # noqa: ANN401  (perception's own)
        self.columns = (Column(name),)
        self._hasher = hasher

    def banked(self, data: bytes, upright: Image.Image) -> list[Look]:  # noqa: ARG002  (the method's signature)
        vector = self._hasher.compute(upright, hash_format="vector")
        return [Look(np.packbits(np.asarray(vector, bool)).tobytes(), None)]

    def asked(self, data: bytes) -> list[Look]:
        with Image.open(io.BytesIO(data)) as opened:
            return self.banked(data, opened)


class _ImageHash(Method):
    """phash of the imagehash package with 16 × 16 coefficients, so that it has 256 bits as the others have."""

    columns = (Column("imagehash phash 16×16"),)

    def __init__(self) -> None:
        self._phash = import_module("imagehash").phash

    def banked(self, data: bytes, upright: Image.Image) -> list[Look]:  # noqa: ARG002  (the method's signature)
        return [Look(np.packbits(self._phash(upright, hash_size=16).hash.ravel()).tobytes(), None)]

    def asked(self, data: bytes) -> list[Look]:
        with Image.open(io.BytesIO(data)) as opened:
            return self.banked(data, opened)


def methods_of(
    levels: Sequence[Level],
    limits: MediaLimits | None = None,
    *,
    with_parts: bool = False,
    with_peers: bool = False,
) -> list[Method]:
    """Return Hedgerow at some levels (one hash at the highest serves all), and the peers that can be imported here.

    Args:
        levels: Levels of query variants.
        limits: What one picture may cost.
        with_parts: Whether a bank that holds parts of each picture is measured too, at the highest level.
        with_peers: Whether peers are wanted.
    """
    found: list[Method] = [_Hedgerow(levels, limits, with_parts=with_parts)]
    if not with_peers:
        return found
    has_pdqhash = find_spec("pdqhash") is not None
    if has_pdqhash:
        found.append(_Pytx())
    if find_spec("perception") is not None:
        hashers = import_module("perception.hashers")
        if has_pdqhash and hasattr(hashers, "PDQHash"):
            found.append(_Perception("perception PDQHash", hashers.PDQHash()))
        found.append(_Perception("perception PHash 16×16", hashers.PHash(hash_size=16)))
    if find_spec("imagehash") is not None:
        found.append(_ImageHash())
    return found
