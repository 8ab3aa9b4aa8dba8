"""Make a set of known software from NSRL's lists, for scans to pass over (`hedgerow.hashing.known_good`).

    RDS 3     SQLite: a table METADATA or FILE with columns sha256, sha1, md5
    RDS 2     NSRLFile.txt: "SHA-1","MD5","CRC32","FileName","FileSize","ProductCode","OpSystemCode","SpecialCode"
    CAID      JSON in the shape of Project VIC 1.2, in which known software has the category 8

These are lists of *known* files, not of good ones, as NSRL itself says. What they are good for here: a file that a
publisher ships is nobody's upload of abuse material, and need not be decoded. They never go into a bank.
"""

from __future__ import annotations

import csv
import hashlib
import sqlite3
import tempfile
from collections import Counter
from contextlib import ExitStack, closing
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO, Final

import numpy as np

from hedgerow.banks import vic
from hedgerow.errors import KnownGoodUnreadable
from hedgerow.hashing.known_good import SIZES, write_known_good

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from datetime import datetime

__all__ = ["Made", "make_known_good"]

_DATABASE: Final = b"SQLite format 3\0"
_HEAD_BYTES: Final = 64 * 1024
_BUCKETS: Final = 256
_TABLES: Final = ("METADATA", "FILE")  # FILE is a view of METADATA in full sets, and the only table in minimal ones
_COLUMNS: Final = {"sha1": "SHA-1"}
_MALICIOUS: Final = "M"
_SOFTWARE: Final = 8  # of CAID's categories, as NSRL publishes
_RECORD_BYTES: Final = 32 * 1024**2


@dataclass(slots=True)
class Made:
    """What came of making a set.

    Attributes:
        type: Its digest type.
        count: How many digests it holds, each once.
        left_out: Rows of the lists that are not in it, by reason.
    """

    type: str
    count: int = 0
    left_out: Counter[str] = field(default_factory=Counter)


def make_known_good(path: Path, sources: Sequence[Path], *, now: datetime) -> Made:
    """Make a set from lists, whole or not at all: of SHA-256 where all of them have it, otherwise of SHA-1.

    Takes memory for one of 256 parts of the digests at a time, and room on the disk for all of them twice.

    Args:
        path: Where the set is to lie.
        sources: The lists.
        now: When, for the record.

    Raises:
        KnownGoodUnreadable: One of them is none of NSRL's lists, or damaged.
        OSError: The set cannot be written.
    """
    kinds = [_kinds_of(source) for source in sources]
    kind = next(each for each in SIZES if all(each in has for has in kinds))
    made = Made(kind)
    size = SIZES[kind]
    nothing = {bytes(size), b"\xff" * size, hashlib.new(kind, usedforsecurity=False).digest()}
    with tempfile.TemporaryDirectory(dir=path.parent, prefix=f".{path.name}.") as folder:
        places = [Path(folder) / f"{number:02x}" for number in range(_BUCKETS)]
        with ExitStack() as stack:
            buckets = [stack.enter_context(place.open("wb")) for place in places]
            for source in sources:
                for each in _digests(source, kind):
                    if isinstance(each, str):
                        made.left_out[each] += 1
                    elif each in nothing:
                        made.left_out["it says nothing: an empty file, or no digest at all"] += 1
                    else:
                        buckets[each[0]].write(each)
        about = {"made_at": now.isoformat(), "sources": [source.name for source in sources]}
        made.count = write_known_good(path, kind, (_in_order(place, size) for place in places), about)
    return made


def _in_order(place: Path, size: int) -> bytes:
    """Return the digests of one part, sorted and each once."""
    return np.unique(np.frombuffer(place.read_bytes(), f"S{size}")).tobytes()


# ── lists ────────────────────────────────────────────────────────────────────────────────────────────────────────


def _head(source: Path) -> bytes:
    try:
        with source.open("rb") as file:
            return file.read(_HEAD_BYTES)
    except OSError as error:
        raise KnownGoodUnreadable(f"{source.name!r} cannot be read ({error.strerror})") from error


def _kinds_of(source: Path) -> frozenset[str]:
    """Return the digest types that a list has and a set may have."""
    head = _head(source)
    if head.startswith(_DATABASE):
        with _opened(source) as connection:
            return frozenset(_table(connection, source)[1])
    if vic.model_of(head) is not None or _header(head) is not None:
        return frozenset({"sha1"})
    raise KnownGoodUnreadable(f"{source.name!r} is none of NSRL's lists")


def _digests(source: Path, kind: str) -> Iterator[bytes | str]:
    head = _head(source)
    if head.startswith(_DATABASE):
        yield from _of_database(source, kind)
        return
    with source.open("rb") as file:
        if vic.model_of(head) is not None:
            yield from vic.read_digests(file, kind=kind, category=_SOFTWARE, record_bytes=_RECORD_BYTES)
        else:
            yield from _of_table(file, source, kind)


def _opened(source: Path) -> closing[sqlite3.Connection]:
    """Open a database of somebody else's: to read, and so that nothing in it is run."""
    connection = sqlite3.connect(f"{source.resolve().as_uri()}?mode=ro&immutable=1", uri=True)
    connection.execute("PRAGMA trusted_schema = OFF")
    connection.execute("PRAGMA query_only = ON")
    return closing(connection)


def _table(connection: sqlite3.Connection, source: Path) -> tuple[str, set[str]]:
    """Return the table that has the digests, and which a set may have."""
    try:
        for name in _TABLES:
            columns = {str(row[1]).lower() for row in connection.execute(f"PRAGMA table_info({name})")}
            if columns & set(SIZES):
                return name, columns & set(SIZES)
    except sqlite3.Error as error:
        raise KnownGoodUnreadable(f"{source.name!r} is a damaged database") from error
    raise KnownGoodUnreadable(f"{source.name!r} is a database, and none of NSRL's")


def _of_database(source: Path, kind: str) -> Iterator[bytes | str]:
    with _opened(source) as connection:
        name, _ = _table(connection, source)
        try:
            for (value,) in connection.execute(f"SELECT {kind} FROM {name}"):  # noqa: S608  (two words of ours)
                yield _read(value, kind)
        except sqlite3.Error as error:
            raise KnownGoodUnreadable(f"{source.name!r} is a damaged database") from error


def _header(head: bytes) -> list[str] | None:
    """Return the columns of NSRLFile.txt; None where it is another file."""
    first = head.removeprefix(b"\xef\xbb\xbf").partition(b"\n")[0].decode("utf-8", "replace").strip()
    names = next(csv.reader([first]), []) if first.isprintable() else []
    return names if {"SHA-1", "CRC32", "ProductCode"} <= set(names) else None


def _of_table(file: BinaryIO, source: Path, kind: str) -> Iterator[bytes | str]:
    lines = (line.decode("utf-8", "replace") for line in file)
    rows = csv.reader(lines)
    try:
        names = [name.removeprefix("\ufeff") for name in next(rows)]
        at, special = names.index(_COLUMNS[kind]), names.index("SpecialCode") if "SpecialCode" in names else None
        for row in rows:
            if len(row) != len(names):
                if row:
                    yield "not as many cells as the header"
            elif special is not None and row[special] == _MALICIOUS:
                yield "NSRL marks it as malicious"
            else:
                yield _read(row[at], kind)
    except csv.Error as error:
        raise KnownGoodUnreadable(f"{source.name!r} is damaged in line {rows.line_num:,}") from error


def _read(value: object, kind: str) -> bytes | str:
    try:
        bits = bytes.fromhex(value) if isinstance(value, str) else b""
    except ValueError:
        bits = b""
    return bits if len(bits) == SIZES[kind] else f"no {kind} digest"
