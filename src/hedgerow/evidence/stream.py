"""Turn bytes into an *object* of the vault and back, segment by segment: a file of any size passes in constant memory.

The format is published in ``docs/concepts/vault.md``; a change of one byte here is a new version there.

An object is a header of 48 bytes and then *segments*. The header is ``hedgerow`` in ASCII, the version 1 and the size
of a segment, 65,536, as four bytes each (big-endian), and 32 bytes of *commitment*. Key and commitment are the two
halves of 64 bytes from HKDF-SHA256 (RFC 5869): no salt, the data key as input, the header's first 16 bytes and the
object's name in ASCII as info. Each segment is AES-256-GCM (NIST SP 800-38D) of up to 65,536 bytes, with its 16 bytes
of authentication behind, the header as associated data, and as nonce its number (eleven bytes, big-endian, from 0) and
one byte that is 1 in the last segment and 0 in all others. Only the last one may be short, and empty only if it is the
first. (The shape of the nonce is that of STREAM, Hoang, Reyhanitabar, Rogaway and Vizár 2015, and of age.)

What follows from that: a flipped bit, a segment that is missing, moved, doubled or from another object, an end cut off
or written on, another object under this name: nothing of it opens. And since GCM alone lets somebody make one object
that opens to two things under two keys (Dodis, Grubbs, Ristenpart and Woodage 2018), the commitment ties it to one.

A data key is drawn for each object and used once, so that no nonce ever comes twice under one key.
"""

from __future__ import annotations

import hmac
import secrets
from typing import TYPE_CHECKING, Final, NamedTuple

from hedgerow.errors import EvidenceDamaged, EvidenceSupportMissing

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from cryptography.hazmat.primitives.ciphers.aead import AESGCM

__all__ = [
    "DATA_KEY_BYTES",
    "HEADER_BYTES",
    "SEGMENT_BYTES",
    "TAG_BYTES",
    "decrypt",
    "encrypt",
    "new_data_key",
    "stored_bytes",
]

MAGIC: Final = b"hedgerow"
VERSION: Final = 1
# That of age: small enough for any memory, large enough that 16 bytes of tag and one call of OpenSSL do not count.
SEGMENT_BYTES: Final = 64 * 1024
TAG_BYTES: Final = 16
DATA_KEY_BYTES: Final = 32
_COMMITMENT_BYTES: Final = 32
_COUNTER_BYTES: Final = 11
_PREAMBLE: Final = MAGIC + VERSION.to_bytes(4, "big") + SEGMENT_BYTES.to_bytes(4, "big")
HEADER_BYTES: Final = len(_PREAMBLE) + _COMMITMENT_BYTES


def new_data_key() -> bytes:
    """Draw the key of one object."""
    return secrets.token_bytes(DATA_KEY_BYTES)


def stored_bytes(size_bytes: int) -> int:
    """Say how long the object of a content is.

    >>> stored_bytes(0), stored_bytes(65_536), stored_bytes(65_537)
    (64, 65600, 65617)
    """
    segments = max(1, -(-size_bytes // SEGMENT_BYTES))
    return HEADER_BYTES + size_bytes + segments * TAG_BYTES


def encrypt(chunks: Iterable[bytes], data_key: bytes, name: str) -> Iterator[bytes]:
    """Yield an object's header, and then its segments.

    Args:
        chunks: The content, in pieces of any size.
        data_key: Of `new_data_key`, for this object alone.
        name: The object's name.

    Raises:
        EvidenceSupportMissing: The package cryptography is not installed.
    """
    cipher, header = _opened(data_key, name)
    yield header
    for number, segment in enumerate(_pieces(chunks, SEGMENT_BYTES)):
        yield cipher.encrypt(_nonce(number, is_last=segment.is_last), segment.content, header)


def decrypt(chunks: Iterable[bytes], data_key: bytes, name: str) -> Iterator[bytes]:
    """Yield an object's content, each segment after it was found to be what was put there.

    That the end is the end is known at the end: whoever needs the whole must take all of it before using any.

    Args:
        chunks: The object, in pieces of any size.
        data_key: Its data key.
        name: The object's name.

    Raises:
        EvidenceDamaged: A segment is not what was put there; those before it were.
        EvidenceSupportMissing: The package cryptography is not installed.
    """
    cipher, header = _opened(data_key, name)
    from cryptography.exceptions import InvalidTag  # noqa: PLC0415  (`_opened` says it when it is missing)

    pieces = _pieces(chunks, SEGMENT_BYTES + TAG_BYTES, head_bytes=HEADER_BYTES)
    _check_header(next(pieces).content, header, name)
    for number, segment in enumerate(pieces):
        if len(segment.content) < TAG_BYTES + (1 if number else 0):
            raise EvidenceDamaged(name, f"it ends within segment {number}")
        try:
            content = cipher.decrypt(_nonce(number, is_last=segment.is_last), segment.content, header)
        except InvalidTag:
            where = "the last one, or its end is missing or written on" if segment.is_last else "not the last one"
            raise EvidenceDamaged(name, f"segment {number} ({where}) does not verify") from None
        yield content


def _check_header(found: bytes | memoryview, header: bytes, name: str) -> None:
    if len(found) < HEADER_BYTES:
        raise EvidenceDamaged(name, "it ends within its header")
    if found[: len(_PREAMBLE)] != _PREAMBLE:
        raise EvidenceDamaged(name, "its header is none of this version")
    if not hmac.compare_digest(bytes(found), header):
        raise EvidenceDamaged(name, "its header was altered, or it is another object's, or this is not its data key")


class _Piece(NamedTuple):
    content: bytes | memoryview
    is_last: bool


def _pieces(chunks: Iterable[bytes], size: int, head_bytes: int = 0) -> Iterator[_Piece]:
    """Cut a stream into pieces of `size`, the first of them `head_bytes` long where that is not 0.

    The last piece is told from the others, so that one piece is always held back. There is always a last one, which may
    be empty only where nothing came (after the head).
    """
    wanted = head_bytes or size
    held = bytearray()
    for chunk in chunks:
        # Only what a chunk leaves over is copied: a chunk may be a whole file.
        view = memoryview(chunk)
        missing = wanted - len(held)
        if len(view) <= missing:
            held += view
            continue
        if held:
            yield _Piece(bytes(held + view[:missing]), is_last=False)
            view, wanted = view[missing:], size
        while len(view) > wanted:
            yield _Piece(view[:wanted], is_last=False)
            view, wanted = view[wanted:], size
        held = bytearray(view)
    if head_bytes and wanted == head_bytes:
        yield _Piece(bytes(held), is_last=False)
        held = bytearray()
    yield _Piece(bytes(held), is_last=True)


def _nonce(number: int, *, is_last: bool) -> bytes:
    return number.to_bytes(_COUNTER_BYTES, "big") + (b"\x01" if is_last else b"\x00")


def _opened(data_key: bytes, name: str) -> tuple[AESGCM, bytes]:
    """Derive an object's cipher and its header."""
    try:
        from cryptography.hazmat.primitives.ciphers.aead import AESGCM  # noqa: PLC0415  (of the extra `server`)
        from cryptography.hazmat.primitives.hashes import SHA256  # noqa: PLC0415  (as above)
        from cryptography.hazmat.primitives.kdf.hkdf import HKDF  # noqa: PLC0415  (as above)
    except ImportError:
        raise EvidenceSupportMissing("cryptography") from None
    if len(data_key) != DATA_KEY_BYTES:
        raise ValueError("a data key has 32 bytes")
    both = HKDF(SHA256(), DATA_KEY_BYTES + _COMMITMENT_BYTES, salt=None, info=_PREAMBLE + name.encode("ascii"))
    derived = both.derive(data_key)
    return AESGCM(derived[:DATA_KEY_BYTES]), _PREAMBLE + derived[DATA_KEY_BYTES:]
