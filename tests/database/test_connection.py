from __future__ import annotations

import json
import multiprocessing
import sqlite3
import stat
import subprocess
import sys
import threading
from typing import TYPE_CHECKING

import pytest
from sqlalchemy import text
from sqlalchemy.exc import IntegrityError

from hedgerow.database import Database, database_exists, open_database
from hedgerow.errors import DatabaseUnavailable

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


@pytest.fixture
def database(tmp_path: Path) -> Iterator[Database]:
    opened = open_database(tmp_path / "data")
    with opened.write() as connection:
        connection.execute(text("CREATE TABLE things (id INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE)"))
    yield opened
    opened.close()


def _names(database: Database) -> list[str]:
    with database.read() as connection:
        return list(connection.execute(text("SELECT name FROM things ORDER BY id")).scalars())


def _add(database: Database, name: str) -> None:
    with database.write() as connection:
        connection.execute(text("INSERT INTO things (name) VALUES (:name)"), {"name": name})


def test_a_data_folder_and_its_database_can_be_read_by_their_owner_only(tmp_path: Path) -> None:
    data = tmp_path / "deep" / "data"
    assert not database_exists(data)
    opened = open_database(data)
    with opened.write() as connection:
        connection.execute(text("CREATE TABLE things (id INTEGER)"))
    assert database_exists(data)
    assert stat.S_IMODE(data.stat().st_mode) == 0o700
    assert {stat.S_IMODE(path.stat().st_mode) for path in data.iterdir()} == {0o600}
    opened.close()


def test_a_connection_has_the_durable_settings(database: Database) -> None:
    with database.read() as connection:
        found = {
            name: connection.execute(text(f"PRAGMA {name}")).scalar()
            for name in ("journal_mode", "foreign_keys", "synchronous")
        }
    assert found == {"journal_mode": "wal", "foreign_keys": 1, "synchronous": 2}


def test_what_is_written_is_there_after_the_block(database: Database) -> None:
    _add(database, "a")
    assert _names(database) == ["a"]


def test_an_exception_undoes_the_whole_block_even_its_tables(database: Database) -> None:
    def fail() -> None:
        with database.write() as connection:
            connection.execute(text("INSERT INTO things (name) VALUES ('a')"))
            connection.execute(text("CREATE TABLE more (id INTEGER)"))
            raise RuntimeError

    with pytest.raises(RuntimeError):
        fail()
    assert _names(database) == []
    with database.read() as connection:
        assert connection.execute(text("SELECT count(*) FROM sqlite_master WHERE name = 'more'")).scalar() == 0


def test_a_reader_keeps_its_state_while_a_writer_commits(database: Database) -> None:
    _add(database, "a")
    with database.read() as connection:
        before = connection.execute(text("SELECT count(*) FROM things")).scalar()
        _add(database, "b")
        after = connection.execute(text("SELECT count(*) FROM things")).scalar()
    assert (before, after) == (1, 1)
    assert _names(database) == ["a", "b"]


def test_the_latest_is_seen_by_each_statement_on_postgresql(database: Database) -> None:
    count = text("SELECT count(*) FROM things")
    with database.read_latest() as reader:
        before = reader.execute(count).scalar()
        _add(database, "a")
        if database.engine.dialect.name == "postgresql":
            assert (before, reader.execute(count).scalar()) == (0, 1)
    with database.read_latest() as reader:
        assert reader.execute(count).scalar() == 1
    with database.read() as reader:  # the connection that was lent before sees one state again
        before = reader.execute(count).scalar()
        _add(database, "b")
        assert (before, reader.execute(count).scalar()) == (1, 1)


def test_what_a_reader_writes_is_not_kept(database: Database) -> None:
    with database.read() as connection:
        connection.execute(text("INSERT INTO things (name) VALUES ('a')"))
    assert _names(database) == []


def test_a_writer_holds_the_lock_from_its_first_line(database: Database, tmp_path: Path) -> None:
    other = sqlite3.connect(tmp_path / "data" / "hedgerow.db", timeout=0)
    with database.write(), pytest.raises(sqlite3.OperationalError, match="locked"):
        other.execute("BEGIN IMMEDIATE")
    other.execute("BEGIN IMMEDIATE")
    other.close()


def test_writers_that_read_first_wait_for_one_another(database: Database) -> None:
    def count_up() -> None:
        for _ in range(20):
            with database.write() as connection:
                number = connection.execute(text("SELECT count(*) FROM things")).scalar()
                connection.execute(text("INSERT INTO things (name) VALUES (:name)"), {"name": str(number)})

    threads = [threading.Thread(target=count_up) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert _names(database) == [str(number) for number in range(80)]


def _open_and_add(data: Path, number: int) -> None:
    opened = open_database(data)
    with opened.write() as connection:
        connection.execute(text("CREATE TABLE IF NOT EXISTS seen (number INTEGER)"))
        connection.execute(text("INSERT INTO seen VALUES (:number)"), {"number": number})
    opened.close()


def test_several_processes_may_create_the_same_database(tmp_path: Path) -> None:
    context = multiprocessing.get_context("spawn")
    processes = [context.Process(target=_open_and_add, args=(tmp_path / "data", number)) for number in range(4)]
    for process in processes:
        process.start()
    for process in processes:
        process.join()
    assert [process.exitcode for process in processes] == [0] * 4
    opened = open_database(tmp_path / "data")
    with opened.read() as connection:
        assert connection.execute(text("SELECT count(*) FROM seen")).scalar() == 4
    opened.close()


def test_a_broken_constraint_stays_what_it_is(database: Database) -> None:
    _add(database, "a")
    with pytest.raises(IntegrityError):
        _add(database, "a")


def test_an_error_of_the_driver_shows_no_parameters(database: Database) -> None:
    _add(database, "very private")
    with pytest.raises(IntegrityError) as caught:
        _add(database, "very private")
    assert "very private" not in str(caught.value)


def test_a_file_that_is_no_database_is_refused(tmp_path: Path) -> None:
    (tmp_path / "hedgerow.db").write_bytes(b"this is a letter, and no database" * 100)
    opened = open_database(tmp_path)
    with pytest.raises(DatabaseUnavailable, match="not a database"), opened.read():
        pass


def test_a_data_folder_that_is_a_file_is_refused(tmp_path: Path) -> None:
    (tmp_path / "data").write_text("")
    with pytest.raises(DatabaseUnavailable):
        open_database(tmp_path / "data")


def test_a_damaged_database_is_a_typed_error(database: Database, tmp_path: Path) -> None:
    with database.write() as connection:
        connection.execute(
            text("INSERT INTO things (name) VALUES (:name)"), [{"name": f"{number:0900}"} for number in range(500)]
        )
    database.close()
    path = tmp_path / "data" / "hedgerow.db"
    content = bytearray(path.read_bytes())
    content[4096:] = b"\xa5" * (len(content) - 4096)
    path.write_bytes(content)
    opened = open_database(tmp_path / "data")
    with pytest.raises(DatabaseUnavailable):
        _names(opened)
    opened.close()


@pytest.mark.parametrize("url", ["nonsense", "nodatabase://user:secret@host/name"])
def test_an_unusable_address_is_refused_without_being_repeated(tmp_path: Path, url: str) -> None:
    with pytest.raises(DatabaseUnavailable) as caught:
        open_database(tmp_path, url)
    assert "secret" not in str(caught.value)
    assert not (tmp_path / "hedgerow.db").exists()


def test_opening_it_again_does_not_take_the_locks_of_the_connections_that_are_open(tmp_path: Path) -> None:
    """Otherwise a process that ends takes itself for the last one and removes the journal that we write to."""
    data = tmp_path / "data"
    first = open_database(data)
    with first.write() as connection:
        connection.execute(text("CREATE TABLE things (id INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE)"))
    _add(first, "before")
    open_database(data).close()  # as a command inside a serving process does
    assert _elsewhere(data, "INSERT INTO things (name) VALUES ('elsewhere') RETURNING name") == ["elsewhere"]
    _add(first, "here")
    assert _elsewhere(data, "SELECT name FROM things ORDER BY id") == ["before", "elsewhere", "here"]
    assert _names(first) == ["before", "elsewhere", "here"]
    first.close()


def _elsewhere(data: Path, statement: str) -> list[str]:
    """Run a statement in a process of its own, which ends behind it."""
    script = """
import json, pathlib, sys
from sqlalchemy import text
from hedgerow.database import open_database
opened = open_database(pathlib.Path(sys.argv[1]))
with opened.write() as connection:
    print(json.dumps([row[0] for row in connection.execute(text(sys.argv[2]))]))
opened.close()
"""
    command = [sys.executable, "-c", script, str(data), statement]
    return json.loads(subprocess.run(command, check=True, capture_output=True).stdout)  # type: ignore[no-any-return]  # a list of names


def test_postgresql_is_told_that_rows_are_found_by_an_index_in_memory(tmp_path: Path, postgresql_url: str) -> None:
    opened = open_database(tmp_path, postgresql_url)
    with opened.read() as connection:
        assert connection.execute(text("SHOW random_page_cost")).scalar_one() == "1.1"
    opened.close()
