"""A matcher answers the same from a file without SQLAlchemy as from a database."""

from __future__ import annotations

import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from hedgerow.banks import Matcher, NewEntry, add_entries, change_bank, create_bank, withdraw_entry
from hedgerow.banks.held import bank_states, entries_since, list_banks
from hedgerow.database import Database, open_database
from hedgerow.database.plain import FileReader, open_file_reader
from hedgerow.hashing import Signal

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from datetime import datetime
    from pathlib import Path

    from hedgerow.hashing.frame_list import FrameList

KNOWN = [Signal("pdq", bytes([each]) * 32, 80) for each in range(8)]


@pytest.fixture
def filled(data: Path, now: datetime, film: Callable[..., FrameList]) -> Iterator[Database]:
    database = open_database(data)
    frames = film(1, 6)
    with database.write() as connection:
        bank = create_bank(connection, "known", now=now, note="a note")
        video = Signal("vpdq", frames.digest(), 100, frames=frames)
        digest = Signal("md5", b"\x5a" * 16)
        add_entries(connection, bank, [NewEntry(each) for each in (*KNOWN, video, digest)], now=now)
        withdraw_entry(connection, bank, 3, now=now)
        other = create_bank(connection, "another", now=now, level="thorough")
        change_bank(connection, other, is_enabled=False)
    yield database
    database.close()


@pytest.fixture
def reader(filled: Database, data: Path) -> Iterator[FileReader]:
    del filled
    opened = open_file_reader(data)
    assert opened is not None
    yield opened
    opened.close()


def test_banks_and_entries_are_the_same(filled: Database, reader: FileReader) -> None:
    with filled.read() as one, reader.read() as other:
        assert bank_states(one) == bank_states(other)
        assert list_banks(one) == list_banks(other)
        for state in bank_states(one):
            assert list(entries_since(one, state.bank, 2)) == list(entries_since(other, state.bank, 2))


@pytest.mark.parametrize("small_bank_entries", [20_000, 0])
def test_matches_are_the_same(
    filled: Database,
    reader: FileReader,
    data: Path,
    film: Callable[..., FrameList],
    small_bank_entries: int,
) -> None:
    frames = film(1, 6)
    media = [KNOWN, [Signal("vpdq", frames.digest(), 100, frames=frames)], [Signal("md5", b"\x5a" * 16)]]
    answers = []
    for database in (filled, reader):
        matcher = Matcher(database, data, small_bank_entries=small_bank_entries)
        answers.append((matcher.search_many(media), matcher.signal_types(), matcher.level(), matcher.fingerprint()))
    assert answers[0] == answers[1]
    assert all(answers[0][0])


def test_what_is_withdrawn_is_gone_at_once(filled: Database, reader: FileReader, data: Path, now: datetime) -> None:
    matcher = Matcher(reader, data)
    assert matcher.search([KNOWN[4]])
    with filled.write() as connection:
        withdraw_entry(connection, next(s.bank for s in bank_states(connection) if s.bank.name == "known"), 5, now=now)
    assert not [match for match in matcher.search([KNOWN[4]]) if match.entry == 5]


def test_a_scan_loads_no_sqlalchemy(filled: Database, data: Path, tmp_path: Path) -> None:
    filled.close()
    (tmp_path / "no picture.txt").write_text("nothing")
    code = (
        "import sys\n"
        "from hedgerow.app import ScanPlan, scan\n"
        "from hedgerow.settings import load_settings\n"
        f"scan(load_settings(data={str(data)!r}, jobs=1), ScanPlan(({str(tmp_path / 'no picture.txt')!r},)))\n"
        "assert 'sqlalchemy' not in sys.modules\n"
    )
    subprocess.run([sys.executable, "-c", code], check=True)
