"""A file is read without SQLAlchemy as a database is read with it."""

from __future__ import annotations

import sqlite3
import subprocess
import sys
from datetime import UTC, datetime, timedelta, timezone
from typing import TYPE_CHECKING

import pytest

from hedgerow.database import Database, open_database
from hedgerow.database.file import RESTORING_NAME
from hedgerow.database.plain import as_utc, ask, open_file_reader, stream
from hedgerow.errors import DatabaseUnavailable

if TYPE_CHECKING:
    from pathlib import Path

SOME = "SELECT 1 AS number UNION SELECT 2 UNION SELECT 3 ORDER BY number"


def test_rows_are_plain_tuples_on_every_database(database: Database) -> None:
    with database.read() as connection:
        assert ask(connection, SOME) == [(1,), (2,), (3,)]
        assert list(stream(connection, SOME, 2)) == [(1,), (2,), (3,)]
        assert ask(connection, "SELECT epoch FROM bank_changes WHERE id = :id", id=2) == []


def test_rows_are_plain_tuples_from_a_file(data: Path) -> None:
    reader = open_file_reader(data)
    assert reader is not None
    with reader.read() as connection:
        assert ask(connection, SOME) == [(1,), (2,), (3,)]
        assert list(stream(connection, SOME, 2)) == [(1,), (2,), (3,)]
        assert ask(connection, "SELECT epoch FROM bank_changes WHERE id = :id", id=2) == []
    reader.close()


def test_one_state_is_seen_throughout_a_read_and_the_next_one_sees_what_was_written(data: Path) -> None:
    reader = open_file_reader(data)
    assert reader is not None
    database = open_database(data)
    before = 0
    with reader.read() as connection:
        assert ask(connection, "SELECT sequence FROM bank_changes") == [(before,)]
        with database.write() as writer:
            writer.exec_driver_sql("UPDATE bank_changes SET sequence = 7")
        assert ask(connection, "SELECT sequence FROM bank_changes") == [(before,)]
    with reader.read() as connection:
        assert ask(connection, "SELECT sequence FROM bank_changes") == [(7,)]
    reader.close()
    database.close()


def test_two_may_read_at_the_same_time_and_nobody_writes(data: Path) -> None:
    reader = open_file_reader(data)
    assert reader is not None
    with reader.read() as one, reader.read() as other:
        assert one is not other
        with pytest.raises(sqlite3.OperationalError, match="readonly"):
            other.execute("DELETE FROM bank_changes")
    reader.close()


def test_a_list_of_numbers_is_asked_for_on_every_database(database: Database) -> None:
    sql = "SELECT number FROM (SELECT 1 AS number UNION SELECT 2) AS numbers WHERE number IN :ids AND number < :most"
    with database.read() as connection:
        assert ask(connection, sql, ids=range(2, 9), most=9) == [(2,)]
        assert ask(connection, sql, ids=[1, 2], most=2) == [(1,)]
        assert ask(connection, sql, ids=[], most=9) == []


def test_a_list_of_numbers_is_asked_for_in_a_file(data: Path) -> None:
    reader = open_file_reader(data)
    assert reader is not None
    sql = "SELECT number FROM (SELECT 1 AS number UNION SELECT 2) AS numbers WHERE number IN :ids AND number < :most"
    with reader.read() as connection:
        assert ask(connection, sql, ids=range(2, 9), most=9) == [(2,)]
        assert ask(connection, sql, ids=[], most=9) == []
    reader.close()


def test_reading_the_file_does_not_take_the_locks_of_the_connections_that_are_open(data: Path) -> None:
    """Otherwise a process that ends takes itself for the last one and removes the journal that we write to."""
    database = open_database(data)
    with database.write() as connection:
        connection.exec_driver_sql("UPDATE bank_changes SET sequence = 1")
    reader = open_file_reader(data)
    assert reader is not None
    with reader.read() as connection:
        assert ask(connection, "SELECT sequence FROM bank_changes") == [(1,)]
    reader.close()
    code = (
        "import contextlib, sqlite3, sys\n"
        "with contextlib.closing(sqlite3.connect(sys.argv[1], isolation_level=None)) as elsewhere:\n"
        "    elsewhere.execute('UPDATE bank_changes SET sequence = sequence + 1')\n"
    )
    subprocess.run([sys.executable, "-c", code, str(data / "hedgerow.db")], check=True)
    assert (data / "hedgerow.db-wal").exists()
    with database.write() as connection:
        connection.exec_driver_sql("UPDATE bank_changes SET sequence = sequence + 1")
    database.close()
    again = open_file_reader(data)
    assert again is not None
    with again.read() as connection:
        assert ask(connection, "SELECT sequence FROM bank_changes") == [(3,)]
    again.close()


def test_trouble_with_the_file_is_a_typed_error(data: Path) -> None:
    reader = open_file_reader(data)
    assert reader is not None
    with pytest.raises(DatabaseUnavailable, match="no such table"), reader.read() as connection:
        ask(connection, "SELECT 1 FROM nowhere")
    with reader.read() as connection:  # the next read has a connection of its own
        assert ask(connection, SOME)[0] == (1,)
    reader.close()


def test_where_a_database_must_look_first_there_is_no_reader(tmp_path: Path, data: Path) -> None:
    assert open_file_reader(tmp_path / "nowhere") is None
    assert not (tmp_path / "nowhere").exists()
    (tmp_path / "hedgerow.db").write_bytes(b"no database" * 1000)
    assert open_file_reader(tmp_path) is None
    (data / RESTORING_NAME).touch()
    assert open_file_reader(data) is None
    (data / RESTORING_NAME).unlink()
    database = open_database(data)
    with database.write() as connection:
        connection.exec_driver_sql("UPDATE alembic_version SET version_num = '0001'")
    database.close()
    assert open_file_reader(data) is None


def test_a_time_is_utc_however_it_comes() -> None:
    moment = datetime(2026, 11, 22, 12, 30, 15, 123456, tzinfo=UTC)
    assert as_utc("2026-11-22 12:30:15.123456") == moment
    assert as_utc(moment.astimezone(timezone(timedelta(hours=2)))) == moment
    assert as_utc(moment.replace(tzinfo=None)) == moment
