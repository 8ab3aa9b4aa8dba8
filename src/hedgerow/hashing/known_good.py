"""A set of digests of known software, asked by workers before they decode: a file, read in place.

::

    HGKNOWN1                      8 bytes
    length of the next part       4 bytes, little-endian
    what the set is               JSON: {"type": "sha256", "count": 2, "sha256": "…", …}
    65,537 numbers                8 bytes each, little-endian: how many digests come before those that begin with
                                  0x0000, 0x0001, … 0xFFFF, and how many there are
    the digests                   ascending, 20 or 32 bytes each, none twice

A question reads the digests with the same first two bytes, some kilobytes of fifty million, and nothing is held or
mapped: a worker's memory is limited. ``sha256`` is that of all after the JSON; it names the set in journals of scans.
"""

from __future__ import annotations

import hashlib
import json
import os
import struct
import sys
from array import array
from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING, Any, BinaryIO, Final

from hedgerow.errors import KnownGoodUnreadable

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

__all__ = ["SIZES", "KnownGood", "write_known_good"]

SIZES: Final = {"sha256": 32, "sha1": 20}
"""Digest types that a set may have. MD5 is none: whoever publishes a file can make two that share it, and one of them
would then hide the other (Stevens et al., CRYPTO 2009)."""

_MAGIC: Final = b"HGKNOWN1"
_LENGTH: Final = struct.Struct("<I")
_MOST_ABOUT_BYTES: Final = 1024 * 1024
_PLACES: Final = 1 << 16


@dataclass(frozen=True, slots=True)
class _About:
    type: str
    count: int
    sha256: str


class KnownGood:
    """A set that was written before.

    Args:
        path: Where it lies.

    Attributes:
        type: ``sha256`` or ``sha1``.
        count: How many digests it holds.
        fingerprint: The SHA-256 of what it holds, in hexadecimal, as the file states it.
        about: All that is stated about it.

    Raises:
        KnownGoodUnreadable: It cannot be read, or is none.
    """

    def __init__(self, path: str | os.PathLike[str]) -> None:
        try:
            self._file = open(path, "rb")  # noqa: PTH123, SIM115  (a path may be bytes-like in surrogate form; closed by `close`)
        except OSError as error:
            raise KnownGoodUnreadable(error.strerror or "it cannot be read") from error
        try:
            self.about = _read_about(self._file)
            stated = _stated(self.about)
            self.type, self.count, self.fingerprint = stated.type, stated.count, stated.sha256
            self._size = SIZES[self.type]
            self._places = array("Q", _whole(self._file, (_PLACES + 1) * 8))
            if sys.byteorder == "big":
                self._places.byteswap()
            self._begin = self._file.tell()
            self._check()
        except BaseException:
            self._file.close()
            raise

    def close(self) -> None:
        """Let go of the file."""
        self._file.close()

    def holds(self, bits: bytes) -> bool:
        """Tell whether a digest is in the set.

        Raises:
            KnownGoodUnreadable: The file was cut off meanwhile.
        """
        size = self._size
        place = int.from_bytes(bits[:2], "big")
        first, last = self._places[place], self._places[place + 1]
        wanted = (last - first) * size
        if not wanted:
            return False
        alike = os.pread(self._file.fileno(), wanted, self._begin + first * size)
        if len(alike) != wanted:
            raise KnownGoodUnreadable("it ends too early")
        at = alike.find(bits)
        while at > 0 and at % size:  # found across two digests
            at = alike.find(bits, at + 1)
        return at >= 0

    def _check(self) -> None:
        places = self._places
        is_ascending = all(first <= second for first, second in pairwise(places))
        ends = self._begin + self.count * self._size
        if not is_ascending or places[0] or places[-1] != self.count:
            raise KnownGoodUnreadable("it is damaged")
        if os.fstat(self._file.fileno()).st_size != ends:
            raise KnownGoodUnreadable("it is cut off, or has something at its end")


def _whole(file: BinaryIO, size_bytes: int) -> bytes:
    content = file.read(size_bytes)
    if len(content) != size_bytes:
        raise KnownGoodUnreadable("it is cut off")
    return content


def _read_about(file: BinaryIO) -> dict[str, Any]:
    head = file.read(len(_MAGIC) + _LENGTH.size)
    if len(head) != len(_MAGIC) + _LENGTH.size or not head.startswith(_MAGIC):
        raise KnownGoodUnreadable("it is no set; `hedgerow known-good make` makes one from NSRL's lists")
    (length,) = _LENGTH.unpack(head[len(_MAGIC) :])
    content = file.read(min(length, _MOST_ABOUT_BYTES))
    try:
        about = json.loads(content) if len(content) == length else None
    except (ValueError, RecursionError):
        about = None
    if not isinstance(about, dict):
        raise KnownGoodUnreadable("it is damaged")
    return about


def _stated(about: dict[str, Any]) -> _About:
    kind, count, digest = about.get("type"), about.get("count"), about.get("sha256")
    if kind not in SIZES or not isinstance(count, int) or count < 0 or not isinstance(digest, str):
        raise KnownGoodUnreadable("it is damaged")
    return _About(str(kind), count, digest)


def write_known_good(path: Path, kind: str, parts: Iterable[bytes], about: dict[str, Any]) -> int:
    """Write a set, whole or not at all, and return how many digests it holds.

    Args:
        path: Where to.
        kind: ``sha256`` or ``sha1``.
        parts: Digests in ascending order, none twice, any number in each part.
        about: What else is to be stated, as JSON values.

    Raises:
        OSError: It cannot be written.
    """
    size = SIZES[kind]
    places = array("Q", bytes((_PLACES + 1) * 8))
    body = path.with_name(f"{path.name}.body")
    part_path = path.with_name(f"{path.name}.part")
    count = 0
    try:
        with body.open("wb") as file:
            for part in parts:
                file.write(part)
                for at in range(0, len(part), size):
                    places[(part[at] << 8 | part[at + 1]) + 1] += 1
                count += len(part) // size
        for place in range(_PLACES):
            places[place + 1] += places[place]
        if sys.byteorder == "big":
            places.byteswap()
        digest = hashlib.sha256(places.tobytes())
        with body.open("rb") as file:
            while piece := file.read(1 << 20):
                digest.update(piece)
        stated = json.dumps({**about, "type": kind, "count": count, "sha256": digest.hexdigest()}).encode()
        with part_path.open("wb") as out, body.open("rb") as file:
            out.write(_MAGIC + _LENGTH.pack(len(stated)) + stated + places.tobytes())
            while piece := file.read(1 << 20):
                out.write(piece)
            out.flush()
            os.fsync(out.fileno())
        part_path.replace(path)
    finally:
        body.unlink(missing_ok=True)
        part_path.unlink(missing_ok=True)
    return count
