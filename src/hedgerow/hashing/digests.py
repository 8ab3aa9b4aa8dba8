"""Digests of the bytes themselves: MD5, SHA-1 and SHA-256, all in one pass over the file."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING, Final

from hedgerow.errors import MediaUnreadable
from hedgerow.hashing.signal import Signal

if TYPE_CHECKING:
    import os
    from collections.abc import Iterable, Sequence

__all__ = ["DIGEST_TYPES", "digest_bytes", "digest_file"]

DIGEST_TYPES: Final = ("md5", "sha1", "sha256")
"""Partners exchange these (``reference``: NCMEC, StopNCII, ThreatExchange); they find equal files, not alike ones."""

_CHUNK_BYTES = 1 << 20  # large enough that the loop costs nothing, small enough to stay in the cache


def digest_bytes(data: bytes, types: Sequence[str] = DIGEST_TYPES) -> tuple[Signal, ...]:
    """Return the digests of some bytes.

    >>> digest_bytes(b"abc", ["md5"])[0].value
    '900150983cd24fb0d6963f7d28e17f72'
    """
    return _digest([data], types)


def digest_file(path: str | os.PathLike[str], types: Sequence[str] = DIGEST_TYPES) -> tuple[Signal, ...]:
    """Return the digests of a file of any size, read once, in constant memory.

    Raises:
        MediaUnreadable: The operating system refuses.
    """
    try:
        with open(path, "rb") as stream:  # noqa: PTH123  (a path may be bytes-like in surrogate form)
            return _digest(iter(lambda: stream.read(_CHUNK_BYTES), b""), types)
    except OSError as error:
        raise MediaUnreadable(error.strerror or type(error).__name__) from error


def _digest(chunks: Iterable[bytes], types: Sequence[str]) -> tuple[Signal, ...]:
    running = [hashlib.new(name, usedforsecurity=False) for name in types]
    for chunk in chunks:
        for each in running:
            each.update(chunk)
    return tuple(Signal(name, each.digest()) for name, each in zip(types, running, strict=True))
