"""What Shield knows of a hash, how it is written, and what must not be sent there."""

from __future__ import annotations

import base64
import binascii
import hashlib
import re
from dataclasses import dataclass, field
from typing import Any, Final

__all__ = ["CLASSIFICATIONS", "NO_KNOWN_MATCH", "Breach", "Known", "pdq_from_base64", "pdq_from_text"]

NO_KNOWN_MATCH: Final = "no-known-match"
CLASSIFICATIONS: Final = ("csam", "harmful-abusive-material", "test")
"""What a known hash may be, the gravest first; the service says that more may come, so any other word may be set."""

_HASH_BYTES: Final = 32
_BASE64: Final = re.compile(r"[A-Za-z0-9+/]{43}=")
_HEX: Final = re.compile(r"[0-9a-fA-F]{64}")


@dataclass(frozen=True, slots=True)
class Breach:
    """Something that was sent and should not have been. What it was is not kept.

    Attributes:
        method: Of HTTP.
        path: Where it was sent.
        size_bytes: How much of it came.
        problem: Why it is one.
    """

    method: str
    path: str
    size_bytes: int
    problem: str


@dataclass(frozen=True, slots=True)
class Known:
    """A picture of which Shield knows.

    Attributes:
        bits: Its PDQ hash as a number.
        classification: One of `CLASSIFICATIONS`, or a word outside them.
    """

    bits: int = field(repr=False)
    classification: str

    @property
    def gravity(self) -> int:
        """Where its classification stands; 0 is the gravest."""
        try:
            return CLASSIFICATIONS.index(self.classification)
        except ValueError:
            return len(CLASSIFICATIONS)

    def details(self) -> dict[str, Any]:
        """Return what an answer tells of it: digests of a file that never was, as the service writes them."""
        file = b"simulated" + self.bits.to_bytes(_HASH_BYTES)
        return {
            "timestamp": 0,
            "sha1_base32": base64.b32encode(hashlib.sha1(file, usedforsecurity=False).digest()).decode(),
            "sha256_hex": hashlib.sha256(file).hexdigest().upper(),
            "classification": self.classification,
        }


def pdq_from_base64(text: object) -> int | None:
    """Return the hash that 44 characters of base64 stand for; None for anything else."""
    if not isinstance(text, str) or _BASE64.fullmatch(text) is None:
        return None
    try:
        return int.from_bytes(base64.b64decode(text, validate=True))
    except binascii.Error:
        return None


def pdq_from_text(text: object) -> int:
    """Return the hash that 64 hexadecimal characters, or 44 of base64, stand for.

    Raises:
        ValueError: They stand for none.
    """
    if isinstance(text, str) and _HEX.fullmatch(text) is not None:
        return int(text, 16)
    found = pdq_from_base64(text)
    if found is None:
        raise ValueError("hash must be 64 hexadecimal characters, or 44 of base64")
    return found
