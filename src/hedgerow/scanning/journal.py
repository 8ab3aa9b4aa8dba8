"""Remember what a scan has answered, so that it goes on after a kill as if nothing had happened.

The journal is a work file and not a record: it belongs to one scan of some paths against one state of the banks,
nobody audits it, it goes when its report is written, and losing it costs time and nothing else. So it is a private
SQLite file of its own beside the database, not a table in it: no migration, no second writer, and a scan of a
million files leaves nothing behind in the record. It holds paths, matches and reasons, and no signal.

What a kill can do: answers are committed in batches, each in one transaction. An answer that was not committed is
hashed again; one that was is told again from here. Either way it comes once, and in the order of the walk.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import sqlite3
import time
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Any, Self

from hedgerow.errors import DatabaseUnavailable, JournalBusy
from hedgerow.scanning.model import FileResult

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from datetime import datetime
    from pathlib import Path
    from types import TracebackType

    from hedgerow.scanning.walk import FoundFile

__all__ = ["Journal", "Progressed", "journal_path", "remove_abandoned"]

# Raised by one whenever the meaning of a row changes: an older journal is then simply another file.
_FORMAT = 2

# A commit to the write-ahead log costs about 0.1 ms; these two keep what a kill loses below half a second of work.
_BATCH_ROWS = 256
_BATCH_S = 0.5

# What SQLite keeps beside a file in its write-ahead mode (sqlite.org/wal.html).
_SIDES = ("-wal", "-shm")

_ABANDONED_AFTER = timedelta(days=30)

_SCHEMA = """
CREATE TABLE IF NOT EXISTS answers (
    path BLOB NOT NULL,
    number INTEGER NOT NULL,
    member BLOB,
    size_bytes INTEGER NOT NULL,
    mtime_ns INTEGER NOT NULL,
    is_last INTEGER NOT NULL,
    answer TEXT NOT NULL,
    PRIMARY KEY (path, number)
) WITHOUT ROWID
"""


def journal_path(data: Path, request: Mapping[str, Any], bank_fingerprint: str) -> Path:
    """Name the journal of one request against one state of the banks.

    Args:
        data: The data folder.
        request: Everything that the answers depend on: JSON values only.
        bank_fingerprint: What the matcher says of itself.
    """
    asked = json.dumps([_FORMAT, request, bank_fingerprint], sort_keys=True)
    return data / "scans" / f"{hashlib.sha256(asked.encode()).hexdigest()[:32]}.sqlite"


@dataclass(frozen=True, slots=True)
class Progressed:
    """How far the journal knows one file.

    Attributes:
        answers: How many answers it holds: more than one only for an archive.
        is_complete: Whether the last one is among them.
    """

    answers: int
    is_complete: bool


_NOTHING = Progressed(0, is_complete=False)


class Journal:
    """The answers of one scan, in a private file that one process holds at a time.

    Args:
        path: Where it lies, from `journal_path`. Its folder is made if need be.

    Attributes:
        was_damaged: Whether a damaged journal stood in its place and was set aside.
        was_found: Whether an earlier run left answers.

    Raises:
        JournalBusy: Another scan holds it.
        DatabaseUnavailable: It cannot be opened or written at all.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self.was_damaged = False
        self._rows: list[tuple[bytes, int, bytes | None, int, int, bool, str]] = []
        self._oldest_s = 0.0
        try:
            path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            try:
                self._connection = _opened(path)
            except sqlite3.Error as error:
                if not _is_damage(error):
                    raise
                _set_aside(path)
                self.was_damaged = True
                self._connection = _opened(path)
        except (OSError, sqlite3.Error) as error:
            raise _typed(error) from error
        self.was_found = self._one("SELECT 1 FROM answers LIMIT 1", ()) is not None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def progress(self, found: FoundFile) -> Progressed:
        """Say how far a file was answered; what was answered of an older state of it is forgotten."""
        if not self.was_found:
            return _NOTHING
        key = os.fsencode(found.path)
        last = self._one(
            "SELECT number, size_bytes, mtime_ns, is_last FROM answers WHERE path = ? ORDER BY number DESC LIMIT 1",
            (key,),
        )
        if last is None:
            return _NOTHING
        number, size_bytes, mtime_ns, is_last = last
        if (size_bytes, mtime_ns) != (found.size_bytes, found.mtime_ns):
            self._write("DELETE FROM answers WHERE path = ?", [(key,)])
            return _NOTHING
        return Progressed(number + 1, bool(is_last))

    def answers(self, path: str) -> Iterator[FileResult]:
        """Yield the answers of one file again, in their order."""
        number = 0
        while True:
            # In portions, so that neither an archive of any size nor an open cursor stays in memory
            try:
                portion = self._connection.execute(
                    "SELECT member, answer FROM answers WHERE path = ? AND number >= ? ORDER BY number LIMIT 256",
                    (os.fsencode(path), number),
                ).fetchall()
            except sqlite3.Error as error:
                raise _typed(error) from error
            for member, answer in portion:
                name = None if member is None else member.decode("utf-8", "surrogatepass")
                try:
                    result = FileResult.from_answer(path, name, answer)
                except ValueError as error:
                    raise DatabaseUnavailable("the scan's journal is damaged; scan afresh without it") from error
                yield result
            number += len(portion)
            if len(portion) < 256:  # noqa: PLR2004  (the LIMIT above)
                return

    def add(self, found: FoundFile, number: int, result: FileResult, *, is_last: bool) -> None:
        """Remember one answer; it is safe from a kill once `flush` has run, which happens by itself."""
        if not self._rows:
            self._oldest_s = time.monotonic()
        self._rows.append(
            (
                os.fsencode(found.path),
                number,
                # Names in a tar may hold any bytes, so any lone surrogate must pass
                None if result.member is None else result.member.encode("utf-8", "surrogatepass"),
                found.size_bytes,
                found.mtime_ns,
                is_last,
                result.to_answer(),
            )
        )
        if len(self._rows) >= _BATCH_ROWS or time.monotonic() - self._oldest_s >= _BATCH_S:
            self.flush()

    def flush(self) -> None:
        """Commit what is held back.

        Raises:
            DatabaseUnavailable: The disk is full, or the file has gone.
        """
        if self._rows:
            self._write("INSERT OR REPLACE INTO answers VALUES (?, ?, ?, ?, ?, ?, ?)", self._rows)
            self._rows = []

    def close(self) -> None:
        """Commit what is held back and let go of the file."""
        try:
            self.flush()
        finally:
            self._connection.close()

    def remove(self) -> None:
        """Let go of the file and delete it: its scan is finished and its report is written."""
        self._rows = []
        self._connection.close()
        _delete(self.path)

    def _one(self, sql: str, values: tuple[object, ...]) -> tuple[Any, ...] | None:
        try:
            row: tuple[Any, ...] | None = self._connection.execute(sql, values).fetchone()
        except sqlite3.Error as error:
            raise _typed(error) from error
        return row

    def _write(self, sql: str, rows: list[Any]) -> None:
        try:
            self._connection.execute("BEGIN")
            self._connection.executemany(sql, rows)
            self._connection.execute("COMMIT")
        except BaseException as error:  # Ctrl-C in the middle must leave no transaction open: `close` flushes once more
            if self._connection.in_transaction:
                self._connection.execute("ROLLBACK")
            if isinstance(error, sqlite3.Error):
                raise _typed(error) from error
            raise


def remove_abandoned(data: Path, now: datetime) -> int:
    """Delete the journals that nobody has written for 30 days, damaged ones set aside included.

    Args:
        data: The data folder.
        now: The moment to count from, with its time zone.

    Returns:
        How many were deleted.
    """
    newest = (now - _ABANDONED_AFTER).timestamp()
    removed = 0
    for path in sorted((data / "scans").glob("*.sqlite*")):
        if path.name.endswith(_SIDES):
            continue
        # The log beside it is written long before the file itself
        written = [each.stat().st_mtime for end in ("", "-wal") if (each := path.with_name(path.name + end)).exists()]
        if written and max(written) < newest:
            _delete(path)
            removed += 1
    return removed


def _opened(path: Path) -> sqlite3.Connection:
    """Open and hold a journal; the operating system lets go of it for us if we are killed."""
    # Made by hand so that it is private from its first moment; SQLite gives its log the same mode. A file that is there
    # is not touched: closing a second descriptor would drop the lock that this process may hold on it.
    with contextlib.suppress(FileExistsError):
        os.close(os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600))
    connection = sqlite3.connect(path, timeout=0, isolation_level=None)
    try:
        connection.execute("PRAGMA locking_mode = EXCLUSIVE")
        connection.execute("PRAGMA journal_mode = WAL")
        # A kill loses nothing that was committed; a power cut may lose the last commits, never the file
        connection.execute("PRAGMA synchronous = NORMAL")
        connection.execute("BEGIN EXCLUSIVE")
        connection.execute(_SCHEMA)
        connection.execute("COMMIT")
        _require_sound(connection)
    except BaseException:
        connection.close()
        raise
    return connection


def _require_sound(connection: sqlite3.Connection) -> None:
    if connection.execute("PRAGMA quick_check(1)").fetchone() != ("ok",):
        raise sqlite3.DatabaseError("the quick check found damage")


def _is_damage(error: sqlite3.Error) -> bool:
    """Tell a file that is no journal from one that is busy or out of reach (extended codes carry more bits)."""
    code = getattr(error, "sqlite_errorcode", sqlite3.SQLITE_CORRUPT) & 0xFF
    return code in {sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB, sqlite3.SQLITE_IOERR, sqlite3.SQLITE_ERROR}


def _set_aside(path: Path) -> None:
    """Keep a damaged journal for whoever wants to look, out of the way."""
    number = 1
    while (aside := path.with_name(f"{path.name}.damaged-{number}")).exists():
        number += 1
    path.rename(aside)
    for end in _SIDES:
        path.with_name(path.name + end).unlink(missing_ok=True)


def _delete(path: Path) -> None:
    for end in ("", *_SIDES):
        path.with_name(path.name + end).unlink(missing_ok=True)


def _typed(error: OSError | sqlite3.Error) -> JournalBusy | DatabaseUnavailable:
    if isinstance(error, OSError):
        return DatabaseUnavailable(f"the scan's journal: {error.strerror}")
    if getattr(error, "sqlite_errorcode", None) in {sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED}:
        return JournalBusy()
    return DatabaseUnavailable(f"the scan's journal: {error}")
