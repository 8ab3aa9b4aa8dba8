"""What the simulator remembers: reports, files' digests and calls, in SQLite; in memory unless a path is given."""

from __future__ import annotations

import os
import sqlite3
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Final

from hedgerow.errors import SimulatorUnusable
from hedgerow.simulators.clock import VirtualClock
from hedgerow.simulators.cybertipline.model import (
    UNFINISHED_LIFE,
    UNTOUCHED_LIFE,
    ReportState,
    SimulatedCall,
    SimulatedFile,
    SimulatedReport,
)

if TYPE_CHECKING:
    from pathlib import Path

__all__ = ["FIRST_REPORT", "Store"]

FIRST_REPORT: Final = 900_000_001  # as the schema below begins
"""Above all numbers that the authority had given out by 2026 (its own examples have seven digits): easy to tell."""

_MOST_CALLS: Final = 100_000
_SCHEMA: Final = """
CREATE TABLE IF NOT EXISTS reports (
    id INTEGER PRIMARY KEY AUTOINCREMENT, state TEXT NOT NULL, document BLOB NOT NULL,
    opened_at TEXT NOT NULL, modified_at TEXT NOT NULL, ended_at TEXT
);
CREATE TABLE IF NOT EXISTS files (
    number INTEGER PRIMARY KEY AUTOINCREMENT, id TEXT NOT NULL UNIQUE, report INTEGER NOT NULL REFERENCES reports (id),
    name TEXT NOT NULL, size_bytes INTEGER NOT NULL, md5 TEXT NOT NULL, sha256 TEXT NOT NULL,
    uploaded_at TEXT NOT NULL, details BLOB
);
CREATE INDEX IF NOT EXISTS files_of_report ON files (report, number);
CREATE TABLE IF NOT EXISTS calls (
    number INTEGER PRIMARY KEY AUTOINCREMENT, at TEXT NOT NULL, call TEXT NOT NULL, request_id TEXT NOT NULL,
    report INTEGER, status INTEGER, code INTEGER, description TEXT NOT NULL, fault TEXT
);
CREATE TABLE IF NOT EXISTS clock (id INTEGER PRIMARY KEY CHECK (id = 1), stands_at TEXT, ahead_s REAL NOT NULL);
INSERT INTO sqlite_sequence (name, seq) SELECT 'reports', 900000000
    WHERE NOT EXISTS (SELECT 1 FROM sqlite_sequence WHERE name = 'reports');
"""


class Store:
    """What the simulator remembers. Every method commits; the caller holds one lock around what belongs together.

    Args:
        path: Its file, which its owner alone can read; None for memory.

    Raises:
        SimulatorUnusable: The file cannot be opened.
    """

    def __init__(self, path: Path | None) -> None:
        try:
            if path is not None:
                os.close(os.open(path, os.O_CREAT | os.O_RDWR, 0o600))
            place = ":memory:" if path is None else path
            self._connection = sqlite3.connect(place, check_same_thread=False, isolation_level=None)
            self._connection.executescript(_SCHEMA)
        except (OSError, sqlite3.Error) as error:
            raise SimulatorUnusable(f"its file cannot be opened ({error})") from None

    def close(self) -> None:
        """Close the file."""
        self._connection.close()

    # ── the clock ──

    def clock(self) -> VirtualClock | None:
        """Return the clock as it was when the simulator stopped; None for a new file."""
        row = self._connection.execute("SELECT stands_at, ahead_s FROM clock").fetchone()
        return None if row is None else VirtualClock(_moment(row[0]), timedelta(seconds=row[1]))

    def keep_clock(self, clock: VirtualClock) -> None:
        """Remember how far the clock was put."""
        stands_at = None if clock.stands_at is None else clock.stands_at.isoformat()
        self._connection.execute(
            "INSERT INTO clock VALUES (1, ?, ?) ON CONFLICT (id) DO UPDATE SET stands_at = excluded.stands_at, "
            "ahead_s = excluded.ahead_s",
            (stands_at, clock.ahead.total_seconds()),
        )

    # ── reports ──

    def open_report(self, document: bytes, now: datetime) -> int:
        """Open a report and return its number."""
        at = now.isoformat()
        done = self._connection.execute(
            "INSERT INTO reports (state, document, opened_at, modified_at) VALUES ('open', ?, ?, ?)", (document, at, at)
        )
        assert done.lastrowid is not None  # noqa: S101  (for the type checker: the statement inserted)
        return done.lastrowid

    def end_report(self, report: int, state: ReportState, at: datetime) -> None:
        """Finish, retract or delete a report."""
        self._connection.execute(
            "UPDATE reports SET state = ?, ended_at = ? WHERE id = ?", (state, at.isoformat(), report)
        )

    def report(self, number: int) -> SimulatedReport | None:
        """Return a report with its files, or None."""
        if number.bit_length() > 63:  # noqa: PLR2004  (the integers of SQLite, and of xs:long)
            return None
        row = self._connection.execute("SELECT * FROM reports WHERE id = ?", (number,)).fetchone()
        return None if row is None else self._with_files(row)

    def reports(self) -> list[SimulatedReport]:
        """Return all reports, in the order of their opening."""
        return [self._with_files(row) for row in self._connection.execute("SELECT * FROM reports ORDER BY id")]

    def open_reports(self) -> list[SimulatedReport]:
        """Return the reports that are open."""
        found = self._connection.execute("SELECT * FROM reports WHERE state = 'open' ORDER BY id").fetchall()
        return [self._with_files(row) for row in found]

    def _with_files(self, row: tuple[int, ReportState, bytes, str, str, str | None]) -> SimulatedReport:
        number, state, document, opened, modified, ended = row
        found = self._connection.execute(
            "SELECT id, name, size_bytes, md5, sha256, uploaded_at, details FROM files "
            "WHERE report = ? ORDER BY number",
            (number,),
        )
        files = tuple(
            SimulatedFile(file, name, size, md5, sha256, datetime.fromisoformat(at), details)
            for file, name, size, md5, sha256, at, details in found
        )
        opened_at, modified_at = datetime.fromisoformat(opened), datetime.fromisoformat(modified)
        expires_at = max(opened_at + UNFINISHED_LIFE, modified_at + UNTOUCHED_LIFE)
        return SimulatedReport(number, state, document, opened_at, modified_at, expires_at, _moment(ended), files)

    # ── files ──

    def add_file(self, report: int, file: SimulatedFile) -> None:
        """Remember a file."""
        at = file.uploaded_at.isoformat()
        self._connection.execute("BEGIN")
        self._connection.execute(
            "INSERT INTO files (id, report, name, size_bytes, md5, sha256, uploaded_at) VALUES (?, ?, ?, ?, ?, ?, ?)",
            (file.id, report, file.name, file.size_bytes, file.md5, file.sha256, at),
        )
        self._connection.execute("UPDATE reports SET modified_at = ? WHERE id = ?", (at, report))
        self._connection.execute("COMMIT")

    def describe_file(self, report: int, file: str, details: bytes, now: datetime) -> None:
        """Remember the description of a file."""
        self._connection.execute("BEGIN")
        self._connection.execute("UPDATE files SET details = ? WHERE id = ? AND report = ?", (details, file, report))
        self._connection.execute("UPDATE reports SET modified_at = ? WHERE id = ?", (now.isoformat(), report))
        self._connection.execute("COMMIT")

    # ── calls ──

    def add_call(self, call: SimulatedCall) -> None:
        """Remember a call; its number is given by us. The oldest go when there are very many."""
        done = self._connection.execute(
            "INSERT INTO calls (at, call, request_id, report, status, code, description, fault) "
            "VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
            (
                call.at.isoformat(),
                call.call,
                call.request_id,
                call.report,
                call.status,
                call.code,
                call.description,
                call.fault,
            ),
        )
        assert done.lastrowid is not None  # noqa: S101  (for the type checker: the statement inserted)
        if done.lastrowid % 1000 == 0:
            self._connection.execute("DELETE FROM calls WHERE number <= ?", (done.lastrowid - _MOST_CALLS,))

    def calls(self, report: int | None = None, limit: int = _MOST_CALLS) -> list[SimulatedCall]:
        """Return the last calls, the oldest first; of one report only, where it is named."""
        found = self._connection.execute(
            "SELECT * FROM calls WHERE ? IS NULL OR report = ? ORDER BY number DESC LIMIT ?", (report, report, limit)
        ).fetchall()
        return [SimulatedCall(row[0], datetime.fromisoformat(row[1]), *row[2:]) for row in reversed(found)]


def _moment(text: str | None) -> datetime | None:
    return None if text is None else datetime.fromisoformat(text).astimezone(UTC)
