"""The signal types and content types of HMA, and what they are here."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from hedgerow.banks.vpdq import read_video
from hedgerow.errors import InvalidContent
from hedgerow.hashing.signal import Signal

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["CONTENT_TYPES", "NAMES_HERE", "TYPES", "HmaType", "compare", "read_signal"]


@dataclass(frozen=True, slots=True)
class HmaType:
    """A signal type as HMA's clients know it.

    Attributes:
        name: As they spell it: ``video_md5``.
        kind: As the banks spell it: ``md5``.
        content_type: Of what media it is made.
        label: What its errors call it.
    """

    name: str
    kind: str
    content_type: str
    label: str


TYPES: Final[Mapping[str, HmaType]] = {
    each.name: each
    for each in (
        HmaType("pdq", "pdq", "photo", "PDQ"),
        HmaType("video_md5", "md5", "video", "MD5"),
        HmaType("vpdq", "vpdq", "video", "vPDQ"),
    )
}
"""The signal types; ``vpdq`` is offered only where the settings say so."""
CONTENT_TYPES: Final = ("photo", "video")
NAMES_HERE: Final[Mapping[str, str]] = {each.kind: each.name for each in TYPES.values()}
"""What this door calls the signal types of the banks."""

# HMA lets `$` match before a trailing newline; what it then stores stops every index that is built afterwards.
_PDQ = re.compile(r"[0-9a-f]{64}")
_MD5 = re.compile(r"[0-9a-fA-F]{32}")
_PDQ_THRESHOLD: Final = 31
"""Up to which distance two pictures are called alike where no bank says otherwise: HMA's own."""


def read_signal(kind: HmaType, value: object) -> Signal:
    """Read a signal as HMA's clients write it: PDQ in small letters, MD5 in either case.

    Raises:
        InvalidContent: It is none; the message is what follows ``Invalid pdq signal:``, in HMA's words.

    >>> read_signal(TYPES["video_md5"], "D41D8CD98F00B204E9800998ECF8427E").value
    'd41d8cd98f00b204e9800998ecf8427e'
    >>> read_signal(TYPES["pdq"], "0f" * 32 + chr(10))
    Traceback (most recent call last):
    hedgerow.errors.InvalidContent: invalid PDQ hash
    """
    if kind.kind == "vpdq":
        read = read_video(value if isinstance(value, str) else json.dumps(value))
        if isinstance(read, str):
            raise InvalidContent(f"invalid vPDQ hash: {read}")
        return read
    if not isinstance(value, str):
        raise InvalidContent(f"expected string or bytes-like object, got '{type(value).__name__}'")
    if not (_PDQ if kind.kind == "pdq" else _MD5).fullmatch(value):
        raise InvalidContent(f"invalid {kind.label} hash")
    return Signal(kind.kind, bytes.fromhex(value))


def compare(kind: HmaType, one: Signal, other: Signal) -> tuple[bool, int | None]:
    """Tell whether two signals of a type match, and their distance in bits; None where only equality counts."""
    if kind.kind == "pdq":
        distance = (int.from_bytes(one.bits) ^ int.from_bytes(other.bits)).bit_count()
        return distance <= _PDQ_THRESHOLD, distance
    return one.bits == other.bits, None
