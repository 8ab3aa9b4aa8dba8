"""The file of a backup: a tar of compressed parts, with a manifest at its end that names each by its digest.

::

    tables/entries-000001.jsonl.gz     rows of a table, one JSON array a line, in the order of the primary key
    keys/service.key                   only where that was asked for
    manifest.json                      what it is, of which state, and the SHA-256 of every part
    manifest.sha256                    of the manifest itself

The manifest comes last, so that a file which was cut off is none. What can be read is bounded before it is read, and
no name in the file ever becomes a path.
"""

from __future__ import annotations

import gzip
import hashlib
import io
import json
import tarfile
import zlib
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from typing import TYPE_CHECKING, Any, BinaryIO, Final

from hedgerow.errors import BackupUnusable

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

__all__ = ["FORMAT", "ArchiveWriter", "Manifest", "TableRecord", "checked_manifest", "parts_of"]

FORMAT: Final = "hedgerow-backup"
VERSION: Final = 1

_MANIFEST: Final = "manifest.json"
_DIGEST: Final = "manifest.sha256"
# Lists of frames are the largest rows: a million frames of 53 bytes, as base64. Four of those.
_LARGEST_PART: Final = 300 * 1024**2
_LARGEST_UNPACKED: Final = 400 * 1024**2
# Level 1: signals are random bits, and any other level saves hardly more of the base64 than this.
_LEVEL: Final = 1


@dataclass(frozen=True, slots=True)
class TableRecord:
    """What a backup holds of a table.

    Attributes:
        columns: Name → kind: ``int``, ``float``, ``text``, ``bool``, ``bytes`` or ``time``.
        rows: How many.
        parts: The names of the parts, in order.
        last_number: The last number that was given out, where numbers never come again.
    """

    columns: dict[str, str]
    rows: int
    parts: list[str]
    last_number: int | None = None


@dataclass(frozen=True, slots=True)
class Manifest:
    """What a backup is.

    Attributes:
        hedgerow: The version that made it.
        made_at: When, as ISO 8601.
        revision: The revision of the schema.
        database: ``sqlite`` or ``postgresql``; either can be restored from either.
        audit_sequence: Number of the latest entry of the audit; 0 where there is none.
        audit_hash: Its hash, in hexadecimal.
        tables: In an order in which rows can be inserted.
        parts: Name → SHA-256, in hexadecimal, of every part.
        keys: Names of the key files that it holds.
    """

    hedgerow: str
    made_at: str
    revision: str
    database: str
    audit_sequence: int
    audit_hash: str
    tables: dict[str, TableRecord]
    parts: dict[str, str] = field(repr=False)
    keys: list[str]


class ArchiveWriter:
    """Writes the parts, then the manifest.

    Args:
        file: Where to; written from its beginning to its end.
    """

    def __init__(self, file: BinaryIO) -> None:
        self._tar = tarfile.open(fileobj=file, mode="w|", format=tarfile.PAX_FORMAT)  # noqa: SIM115  (closed by `finish`)
        self.parts: dict[str, str] = {}

    def add(self, name: str, content: bytes) -> None:
        """Write a part as it is."""
        self.parts[name] = hashlib.sha256(content).hexdigest()
        self._write(name, content)

    def add_lines(self, name: str, lines: bytes) -> None:
        """Write lines, compressed; the same lines always give the same part."""
        self.add(name, gzip.compress(lines, _LEVEL, mtime=0))

    def finish(self, manifest: Manifest) -> str:
        """Write the manifest, end the file, and return the manifest's SHA-256 in hexadecimal."""
        content = json.dumps({"format": FORMAT, "version": VERSION, **asdict(manifest)}, indent=1).encode() + b"\n"
        digest = hashlib.sha256(content).hexdigest()
        self._write(_MANIFEST, content)
        self._write(_DIGEST, f"{digest}\n".encode())
        self._tar.close()
        return digest

    def _write(self, name: str, content: bytes) -> None:
        member = tarfile.TarInfo(name)
        member.size, member.mode = len(content), 0o600
        self._tar.addfile(member, io.BytesIO(content))


def checked_manifest(file: BinaryIO) -> Manifest:
    """Read a whole backup, compare every digest, and return its manifest.

    Raises:
        BackupUnusable: It is none, was cut off or damaged, or a newer Hedgerow made it.
    """
    found: dict[str, str] = {}
    manifest = digest = b""
    for name, content in _members(file):
        if name == _MANIFEST:
            manifest = content
        elif name == _DIGEST:
            digest = content.strip()
        else:
            found[name] = hashlib.sha256(content).hexdigest()
    if not manifest or not digest:
        raise BackupUnusable("it has no manifest: it is none, or its end is missing")
    if hashlib.sha256(manifest).hexdigest().encode() != digest:
        raise BackupUnusable("its manifest was changed")
    read = _read_manifest(manifest)
    if found != read.parts:
        wrong = sorted(name for name in {*found, *read.parts} if found.get(name) != read.parts.get(name))
        raise BackupUnusable(f"the part {wrong[0]} was changed or is missing")
    return read


def parts_of(file: BinaryIO, manifest: Manifest) -> Iterator[tuple[str, bytes]]:
    """Go through the parts once more, each with its content as it was before it was compressed.

    Raises:
        BackupUnusable: A part is not what it was when `checked_manifest` read it.
    """
    for name, content in _members(file):
        if name in {_MANIFEST, _DIGEST}:
            continue
        if hashlib.sha256(content).hexdigest() != manifest.parts.get(name):
            raise BackupUnusable(f"the part {name} was changed while it was read")
        yield name, _unpacked(name, content) if name.endswith(".gz") else content


def _members(file: BinaryIO) -> Iterator[tuple[str, bytes]]:
    file.seek(0)
    with _translated(), tarfile.open(fileobj=file, mode="r|") as tar:
        for member in tar:
            if not member.isreg() or member.size > _LARGEST_PART:
                raise BackupUnusable("it holds something that no backup holds")
            stream = tar.extractfile(member)
            assert stream is not None  # noqa: S101  (a regular file)
            yield member.name, stream.read()


def _unpacked(name: str, content: bytes) -> bytes:
    unpacking = zlib.decompressobj(zlib.MAX_WBITS | 16)  # 16: gzip's header and checksum
    with _translated():
        unpacked = unpacking.decompress(content, _LARGEST_UNPACKED)
    if not unpacking.eof:
        raise BackupUnusable(f"the part {name} is damaged, or larger than any")
    return unpacked


@contextmanager
def _translated() -> Iterator[None]:
    try:
        yield
    except (tarfile.TarError, EOFError, zlib.error, UnicodeError):
        raise BackupUnusable("it is no backup, or it is damaged") from None


def _read_manifest(content: bytes) -> Manifest:
    try:
        said: dict[str, Any] = json.loads(content)
        if said.pop("format") != FORMAT:
            raise BackupUnusable("it is no backup of Hedgerow")
        if said.pop("version") != VERSION:
            raise BackupUnusable("a newer Hedgerow made it")
        tables: Mapping[str, Any] = said.pop("tables")
        return Manifest(**said, tables={name: TableRecord(**each) for name, each in tables.items()})
    except (ValueError, KeyError, TypeError, AttributeError):
        raise BackupUnusable("its manifest cannot be read") from None
