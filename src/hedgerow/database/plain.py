"""Read in plain SQL, which needs no SQLAlchemy where the database is our file.

Why: to load SQLAlchemy takes a scan or a look-up 0.3 s of CPU time, more than to hash thirty pictures; and what these
ask of the banks are a dozen SELECTs in words that SQLite and PostgreSQL both understand.

Where its border is: what a matcher and a list of the banks read (`hedgerow.banks.held`) goes through `ask` and
`stream`, to whichever connection there is, that of a `FileReader` or that of a `hedgerow.database.Database`. Whoever
only reads opens a `FileReader` where there is a file of the latest revision. All else, and all that writes, is said in
SQLAlchemy's terms to a `hedgerow.database.Database`.

The file is opened and closed by SQLite alone, never by us: to close it would drop the locks that this process holds on
it through other connections (`hedgerow.database.connection`).
"""

from __future__ import annotations

import sqlite3
from contextlib import closing, contextmanager
from datetime import UTC, datetime
from functools import cache
from typing import TYPE_CHECKING, Any, Final, Protocol

from hedgerow.database.file import BUSY_TIMEOUT_S, RESTORING_NAME, connect_to_read, database_exists
from hedgerow.database.revisions import REVISIONS, VERSION_TABLE
from hedgerow.errors import DatabaseUnavailable

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from contextlib import AbstractContextManager
    from pathlib import Path

    from sqlalchemy import Connection, TextClause

    ReadConnection = sqlite3.Connection | Connection
    Row = tuple[Any, ...]

__all__ = ["FileReader", "ReadConnection", "Readable", "as_utc", "ask", "octets", "open_file_reader", "stream"]


class Readable(Protocol):
    """What can be read: a `hedgerow.database.Database` or a `FileReader`."""

    def read(self) -> AbstractContextManager[ReadConnection]:
        """Give a connection that sees one state throughout."""
        ...

    def read_latest(self) -> AbstractContextManager[ReadConnection]:
        """Give a connection on which each statement may see a later state, and waits less."""
        ...


def ask(connection: ReadConnection, sql: str, *, ids: Sequence[int] = (), **values: object) -> list[Row]:
    """Return all rows of an answer.

    Args:
        connection: Of `Readable.read`.
        sql: One SELECT that SQLite and PostgreSQL both understand; ``:name`` stands for a value.
        ids: Whole numbers; ``:ids`` stands for the list of them, brackets included. Some hundred at a time.
        **values: The values.
    """
    if isinstance(connection, sqlite3.Connection):
        return connection.execute(_with_ids(sql, ids), values).fetchall()
    return list(map(tuple, connection.execute(_statement(sql), _all_values(sql, ids, values))))


def stream(connection: ReadConnection, sql: str, rows_at_a_time: int, **values: object) -> Iterator[Row]:
    """Go through the rows of an answer, so many in memory at a time; see `ask`."""
    if isinstance(connection, sqlite3.Connection):
        yield from connection.execute(sql, values)
        return
    options = {"yield_per": rows_at_a_time}
    with connection.execute(_statement(sql), values, execution_options=options) as result:
        yield from map(tuple, result)


_IDS: Final = ":ids"


def _with_ids(sql: str, ids: Sequence[int]) -> str:
    return sql.replace(_IDS, f"({', '.join(str(int(each)) for each in ids)})") if _IDS in sql else sql


def _all_values(sql: str, ids: Sequence[int], values: Mapping[str, object]) -> Mapping[str, object]:
    return {**values, "ids": [int(each) for each in ids]} if _IDS in sql else values


@cache
def _statement(sql: str) -> TextClause:
    """Make a statement once: a search asks for what it found, and to make the statement takes as long as the answer."""
    from sqlalchemy import bindparam, text  # noqa: PLC0415  (whose connection this is, it is loaded)

    return text(sql).bindparams(bindparam("ids", expanding=True)) if _IDS in sql else text(sql)


def octets(connection: ReadConnection, column: str) -> str:
    """Return what to select for a column of bytes, so that a value that is none comes as NULL.

    SQLite keeps whatever is written into a column: numbers, and texts that the driver fails to decode.
    """
    if isinstance(connection, sqlite3.Connection) or connection.dialect.name == "sqlite":
        return f"CASE WHEN typeof({column}) = 'blob' THEN {column} END"
    return column


def as_utc(value: datetime | str) -> datetime:
    """Return a point in time as it comes in an answer: SQLite keeps the digits alone (`UtcDateTime`)."""
    moment = datetime.fromisoformat(value) if isinstance(value, str) else value
    return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)


class FileReader:
    """Reads the file of a data folder and writes nothing. Share it between threads, not across a fork.

    Make one with `open_file_reader`.
    """

    def __init__(self, data: Path) -> None:
        self._data = data
        self._idle: list[sqlite3.Connection] = []

    @contextmanager
    def read(self) -> Iterator[sqlite3.Connection]:
        """Give a connection that sees one state of the database throughout, and is never blocked by a writer.

        Raises:
            DatabaseUnavailable: The database cannot be read.
        """
        try:
            try:
                connection = self._idle.pop()
            except IndexError:
                connection = connect_to_read(self._data, wait_s=BUSY_TIMEOUT_S)
            try:
                connection.execute("BEGIN")
                yield connection
                connection.execute("ROLLBACK")
            except BaseException:
                connection.close()
                raise
            self._idle.append(connection)
        except sqlite3.Error as error:
            raise DatabaseUnavailable(str(error)) from error

    def read_latest(self) -> AbstractContextManager[sqlite3.Connection]:
        """Give a connection as `read` does: to begin and end costs nothing here."""
        return self.read()

    def close(self) -> None:
        """Close every connection that nobody holds."""
        while self._idle:
            self._idle.pop().close()


def open_file_reader(data: Path) -> FileReader | None:
    """Open the database file of a data folder to read from.

    None where there is none, or where a `hedgerow.database.Database` must look first: the schema is of another
    revision, a restore has not ended, or something is wrong with the file.
    """
    if not database_exists(data) or (data / RESTORING_NAME).exists():
        return None
    try:
        with closing(connect_to_read(data, wait_s=0)) as connection:
            rows = connection.execute(f"SELECT version_num FROM {VERSION_TABLE}").fetchall()  # noqa: S608  (our constant)
    except sqlite3.Error:
        return None
    return FileReader(data) if rows == [(REVISIONS[-1],)] else None
