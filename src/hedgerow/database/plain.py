"""Read in plain SQL, which needs no SQLAlchemy where the database is our file.

To load SQLAlchemy takes a scan or a look-up 0.3 s of CPU time, more than to hash thirty pictures. What these ask of the
banks are a dozen SELECTs in words that SQLite and PostgreSQL both understand; `ask` and `stream` put them to the
connection of either. Everything that writes, and every other room, goes through a `hedgerow.database.Database`.
"""

from __future__ import annotations

import sqlite3
from contextlib import closing, contextmanager
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Protocol

from hedgerow.database.file import BUSY_TIMEOUT_S, connect_to_read, database_exists
from hedgerow.database.revisions import REVISIONS, VERSION_TABLE
from hedgerow.errors import DatabaseUnavailable

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from contextlib import AbstractContextManager
    from pathlib import Path

    from sqlalchemy import Connection

    ReadConnection = sqlite3.Connection | Connection
    Row = tuple[Any, ...]

__all__ = ["FileReader", "ReadConnection", "Readable", "as_utc", "ask", "open_file_reader", "stream"]


class Readable(Protocol):
    """What can be read: a `hedgerow.database.Database` or a `FileReader`."""

    def read(self) -> AbstractContextManager[ReadConnection]:
        """Give a connection that sees one state throughout."""
        ...


def ask(connection: ReadConnection, sql: str, **values: object) -> list[Row]:
    """Return all rows of an answer.

    Args:
        connection: Of `Readable.read`.
        sql: One SELECT that SQLite and PostgreSQL both understand; ``:name`` stands for a value.
        **values: The values.
    """
    return list(stream(connection, sql, values, None))


def stream(
    connection: ReadConnection, sql: str, values: Mapping[str, object], rows_at_a_time: int | None = 5_000
) -> Iterator[Row]:
    """Go through the rows of an answer, so many in memory at a time; see `ask`."""
    if isinstance(connection, sqlite3.Connection):
        yield from connection.execute(sql, values)
        return
    from sqlalchemy import text  # noqa: PLC0415  (whose connection this is, it is loaded)

    options = {} if rows_at_a_time is None else {"yield_per": rows_at_a_time}
    with connection.execute(text(sql), values, execution_options=options) as result:
        yield from map(tuple, result)


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

    def close(self) -> None:
        """Close every connection that nobody holds."""
        while self._idle:
            self._idle.pop().close()


def open_file_reader(data: Path) -> FileReader | None:
    """Open the database file of a data folder to read from.

    None where there is none, or where a `hedgerow.database.Database` must look first: the schema is of another
    revision, or something is wrong with the file.
    """
    if not database_exists(data):
        return None
    try:
        with closing(connect_to_read(data, wait_s=0)) as connection:
            rows = connection.execute(f"SELECT version_num FROM {VERSION_TABLE}").fetchall()  # noqa: S608  (our constant)
    except sqlite3.Error:
        return None
    return FileReader(data) if rows == [(REVISIONS[-1],)] else None
