from __future__ import annotations

import sqlite3
from typing import TYPE_CHECKING

import pytest

from hedgerow.banks import Matcher, NewEntry, add_entries, change_bank, create_bank, withdraw_entry
from hedgerow.banks.first_look import likely_wanted
from hedgerow.database import Database, open_database
from hedgerow.hashing import Signal

if TYPE_CHECKING:
    from collections.abc import Iterator
    from datetime import datetime
    from pathlib import Path

    from hedgerow.hashing.signal import Level


@pytest.fixture
def database(data: Path) -> Iterator[Database]:
    """Give the database of the data folder: a file alone can be looked into."""
    opened = open_database(data)
    yield opened
    opened.close()


def agrees(database: Database, data: Path, *only: str) -> bool:
    matcher = Matcher(database, data, only=only or None)
    wanted = likely_wanted(data, only)
    assert wanted is not None
    return (set(wanted.types), wanted.level) == (set(matcher.signal_types()), matcher.level())


@pytest.fixture
def filled(database: Database, now: datetime) -> Database:
    signals = {
        "pictures": Signal("pdq", b"\x5a" * 32, 100),
        "digests": Signal("md5", b"\x5a" * 16),
        "empty": None,
        "off": Signal("sha1", b"\x5a" * 20),
        "withdrawn": Signal("sha256", b"\x5a" * 32),
    }
    levels: dict[str, Level] = {"pictures": "exact", "empty": "standard", "off": "thorough"}
    with database.write() as connection:
        for name, signal in signals.items():
            bank = create_bank(connection, name, now=now, level=levels.get(name, "exact"))
            if signal is not None:
                add_entries(connection, bank, [NewEntry(signal)], now=now)
            if name == "off":
                change_bank(connection, bank, is_enabled=False)
            if name == "withdrawn":
                withdraw_entry(connection, bank, "5a" * 32, now=now)
    return database


@pytest.mark.parametrize(
    "only", [(), ("pictures",), ("digests",), ("empty",), ("withdrawn",), ("pictures", "digests"), ("off",)]
)
def test_a_first_look_tells_what_the_matcher_will_say(filled: Database, data: Path, only: tuple[str, ...]) -> None:
    assert agrees(filled, data, *only)


@pytest.mark.parametrize("level", ["exact", "standard", "thorough"])
def test_a_first_look_tells_the_level_of_the_banks(database: Database, data: Path, now: datetime, level: Level) -> None:
    with database.write() as connection:
        create_bank(connection, "known", now=now, level=level)
    assert agrees(database, data)


def test_a_first_look_finds_nothing_without_a_database_and_makes_none(tmp_path: Path) -> None:
    assert likely_wanted(tmp_path / "nothing") is None
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("content", [b"", b"no database" * 1000])
def test_a_first_look_at_what_is_no_database_finds_nothing(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "hedgerow.db").write_bytes(content)
    assert likely_wanted(tmp_path) is None
    assert (tmp_path / "hedgerow.db").read_bytes() == content


def test_a_first_look_at_a_database_of_an_older_revision_finds_nothing(tmp_path: Path) -> None:
    driver = sqlite3.connect(tmp_path / "hedgerow.db")
    driver.execute("CREATE TABLE banks (id INTEGER, name TEXT, is_enabled BOOLEAN)")
    driver.commit()
    driver.close()
    assert likely_wanted(tmp_path) is None


def test_a_first_look_waits_for_no_writer(filled: Database, data: Path) -> None:
    with filled.write():
        assert likely_wanted(data) is not None
