"""Open the database; hand out connections that read consistently and write together or not at all."""

from __future__ import annotations

import contextlib
import os
import sqlite3
from contextlib import contextmanager
from threading import Lock
from typing import TYPE_CHECKING

from sqlalchemy import create_engine, event
from sqlalchemy.engine import URL, make_url
from sqlalchemy.exc import ArgumentError, DataError, DBAPIError, IntegrityError, NoSuchModuleError, ProgrammingError
from sqlalchemy.exc import TimeoutError as PoolTimeout

from hedgerow.database.file import BUSY_TIMEOUT_S, FILE_NAME, RESTORING_NAME
from hedgerow.errors import DatabaseUnavailable

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from sqlalchemy import Connection, Engine
    from sqlalchemy.engine.interfaces import DBAPIConnection
    from sqlalchemy.pool import ConnectionPoolEntry

__all__ = ["Database", "large_cache", "open_database"]

# Page cache of one connection; a service holds dozens of them.
_CACHE_KIB = 8 * 1024
# The unique index of a bank is filled at random places by what comes page by page (measured: 4 times faster at a
# million entries than with SQLite's default of 2 MB).
_LARGE_CACHE_KIB = 64 * 1024
# Connections that are kept, and those that may come beside them: a service has 40 threads that answer and a dozen that
# work (SQLAlchemy's default would let 15 of them in).
_POOL, _MOST_BESIDE = 8, 72
_POOL_WAIT_S = 30
# What a large import leaves of the write-ahead log is cut back to this.
_JOURNAL_BYTES = 64 * 1024**2
# RETURNING came with 3.35 (2021-03-12).
_OLDEST_SQLITE = (3, 35, 0)
_READ_ONLY = "hedgerow_read_only"


class Database:
    """An open database. Make one with `open_database`; share it between threads, not across a fork.

    Attributes:
        engine: The SQLAlchemy engine, for Alembic and for tests; everything else uses `read` and `write`.
    """

    def __init__(self, engine: Engine) -> None:
        self.engine = engine
        # SQLite shows a transaction one state by itself; PostgreSQL has to be asked to.
        isolation = {"isolation_level": "REPEATABLE READ"} if engine.dialect.name == "postgresql" else {}
        # SQLite lets one write and lets the others look again, in steps of up to 100 ms: with eight threads that write,
        # some waited for seconds. So the threads of a process queue here, and only processes meet there.
        self._turn = Lock() if engine.dialect.name == "sqlite" else None
        self._readers = engine.execution_options(**{_READ_ONLY: True}, **isolation)
        self._lookers = engine.execution_options(isolation_level="AUTOCOMMIT") if isolation else self._readers

    @contextmanager
    def read(self) -> Iterator[Connection]:
        """Give a connection that sees one state of the database throughout, and is never blocked by a writer.

        What is written through it is rolled back.

        Raises:
            DatabaseUnavailable: The database cannot be read.
        """
        with _translated(), self._readers.connect() as connection:
            yield connection

    @contextmanager
    def read_latest(self) -> Iterator[Connection]:
        """Give a connection to read from, on which each statement sees what is committed by then.

        For what one statement answers: PostgreSQL is asked once, and not also to begin and to end a transaction. To
        look up a known hash takes 0.75 ms so, and 0.88 with `read`. What is written through it on PostgreSQL stays.

        Raises:
            DatabaseUnavailable: The database cannot be read.
        """
        with _translated(), self._lookers.connect() as connection:
            yield connection

    @contextmanager
    def write(self) -> Iterator[Connection]:
        """Give a connection whose changes are committed on leaving, or rolled back when an exception leaves.

        On SQLite there is one writer at a time; it waits for its turn before the block begins, so that what is
        read inside the block is still true when it is written.

        Raises:
            DatabaseUnavailable: The database cannot be written.
        """
        with self._own_turn(), _translated(), self.engine.begin() as connection:
            yield connection

    @contextmanager
    def _own_turn(self) -> Iterator[None]:
        if self._turn is None:
            yield
            return
        if not self._turn.acquire(timeout=BUSY_TIMEOUT_S):
            raise DatabaseUnavailable("others write into it for too long")
        try:
            yield
        finally:
            self._turn.release()

    def close(self) -> None:
        """Close every connection. A connection that is open in another thread closes when it is returned."""
        self.engine.dispose()


def open_database(data: Path, url: str | None = None, *, is_restoring: bool = False) -> Database:
    """Open the database of a data folder, and create the folder and an empty database where there is none.

    The schema is not looked at: see `needs_upgrade`, and `hedgerow.migrations.open_migrated` for both in one.

    Args:
        data: The data folder; made readable by its owner only when it is created.
        url: A SQLAlchemy address of another database than ``hedgerow.db`` in the folder.
        is_restoring: Open it although a restore into this data folder was begun and has not ended.

    Raises:
        DatabaseUnavailable: It cannot be opened, or it is half restored.
    """
    if not is_restoring and (data / RESTORING_NAME).exists():
        raise DatabaseUnavailable("a restore into this data folder has not ended; run `hedgerow restore` again")
    if url is None:
        _create_private(data)
    try:
        # Made of its parts: a folder's name may hold what means something in an address
        parsed = URL.create("sqlite", database=str(data / FILE_NAME)) if url is None else make_url(url)
        engine = create_engine(
            parsed,
            hide_parameters=True,
            pool_size=_POOL,
            max_overflow=_MOST_BESIDE,
            pool_timeout=_POOL_WAIT_S,
            pool_use_lifo=True,  # so that few of them are used, and what they have read is used again
        )
    except (ArgumentError, NoSuchModuleError, ImportError, ValueError) as error:
        # The address may hold a password: only the kind of trouble is passed on.
        raise DatabaseUnavailable(f"its address cannot be used ({type(error).__name__})") from None
    if parsed.get_backend_name() == "sqlite":
        if sqlite3.sqlite_version_info < _OLDEST_SQLITE:
            raise DatabaseUnavailable(f"SQLite {sqlite3.sqlite_version} is older than 3.35")
        _configure_sqlite(engine)
    elif parsed.get_backend_name() == "postgresql":
        _configure_postgresql(engine)
    return Database(engine)


def _create_private(data: Path) -> None:
    """Create folder and file so that nobody else can read them; SQLite gives its side files the file's mode.

    A file that is there is not touched: to close it would drop every lock that this process holds on it through open
    connections (POSIX advisory locks; SQLite, "How To Corrupt An SQLite Database File", section 2.2). Another process
    would then take itself for the last one, and remove the write-ahead log under our feet.
    """
    try:
        data.mkdir(mode=0o700, parents=True, exist_ok=True)
        with contextlib.suppress(FileExistsError):
            os.close(os.open(data / FILE_NAME, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600))
    except OSError as error:
        raise DatabaseUnavailable(error.strerror or "the data folder cannot be written") from error


def _configure_postgresql(engine: Engine) -> None:
    """Tell the planner that a row found by an index costs little more than the next one of a table.

    Its default (4.0) is that of disks with heads. With it, to look up the thousand cases in which an entry was judged,
    PostgreSQL reads all cases: 87 ms with 129,000 of them, in the place of 19 ms (benchmarks/console.py).
    """

    @event.listens_for(engine, "connect")
    def _connect(connection: DBAPIConnection, _record: ConnectionPoolEntry) -> None:
        cursor = connection.cursor()
        cursor.execute("SET random_page_cost = 1.1")
        cursor.close()
        connection.commit()


def _configure_sqlite(engine: Engine) -> None:
    """Let SQLAlchemy begin the transactions, since Python's driver begins them too late.

    (SQLAlchemy documentation, SQLite dialect, "Using SQLAlchemy to emit BEGIN in lieu of SQLite's transaction
    control".) A writer begins with IMMEDIATE: a deferred transaction that reads first and writes later fails with
    "database is locked" at once, whatever the timeout, when another writer came between.
    """

    @event.listens_for(engine, "connect")
    def _connect(connection: sqlite3.Connection, _record: ConnectionPoolEntry) -> None:
        connection.isolation_level = None
        for pragma in (
            f"busy_timeout = {BUSY_TIMEOUT_S * 1000}",
            "foreign_keys = ON",
            # FULL, not NORMAL: with NORMAL a power cut may lose what was acknowledged. An import is one commit, and
            # everything else writes at a person's pace.
            "synchronous = FULL",
            f"cache_size = -{_CACHE_KIB}",
            f"journal_size_limit = {_JOURNAL_BYTES}",
        ):
            connection.execute(f"PRAGMA {pragma}")
        # Written into the file once; asking first avoids the exclusive lock that setting it takes.
        if connection.execute("PRAGMA journal_mode").fetchone()[0] != "wal":
            connection.execute("PRAGMA journal_mode = WAL")

    @event.listens_for(engine, "begin")
    def _begin(connection: Connection) -> None:
        is_read_only = connection.get_execution_options().get(_READ_ONLY, False)
        connection.exec_driver_sql("BEGIN" if is_read_only else "BEGIN IMMEDIATE")


@contextmanager
def large_cache(connection: Connection, size_kib: int = _LARGE_CACHE_KIB) -> Iterator[None]:
    """Let a connection keep many pages in memory for a while: for whoever fills an index at random places.

    Args:
        connection: Of `Database.write`.
        size_kib: How much. SQLite sorts within as much again.
    """
    if connection.dialect.name != "sqlite":
        yield
        return
    connection.exec_driver_sql(f"PRAGMA cache_size = -{size_kib}")
    try:
        yield
    finally:
        connection.exec_driver_sql(f"PRAGMA cache_size = -{_CACHE_KIB}")


@contextmanager
def _translated() -> Iterator[None]:
    """Turn the driver's trouble into ours; broken constraints and broken SQL stay what they are."""
    try:
        yield
    except (IntegrityError, ProgrammingError, DataError):
        raise
    except PoolTimeout as error:
        raise DatabaseUnavailable("too many connections to it are in use") from error
    except DBAPIError as error:
        # The first line is the driver's verdict; PostgreSQL's further lines may quote values.
        problem = str(error.orig).strip().partition("\n")[0] or type(error.orig).__name__
        raise DatabaseUnavailable(problem) from error
