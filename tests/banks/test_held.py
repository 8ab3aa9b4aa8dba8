"""A matcher answers the same from a file without SQLAlchemy as from a database."""

from __future__ import annotations

import subprocess
import sys
from typing import TYPE_CHECKING

import numpy as np
import pytest
from PIL import Image

from hedgerow import app
from hedgerow.banks import Matcher, NewEntry, add_entries, change_bank, create_bank, withdraw_entry
from hedgerow.banks.held import bank_states, describe_entries, entries_since, list_banks, types_held
from hedgerow.database import Database, open_database
from hedgerow.database.plain import FileReader, open_file_reader
from hedgerow.hashing import Signal
from hedgerow.settings import load_settings

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
        for numbers in ([], [1], [2], [1, 2]):
            assert types_held(one, numbers) == types_held(other, numbers)
        assert types_held(other, [1, 2]) == types_held(other, [1]) != ()
        assert describe_entries(one, range(1, 20)) == describe_entries(other, range(1, 20))


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


_NEXT = "(SELECT sequence + 1 FROM bank_changes)"


def _damage(database: Database, sql: str) -> None:
    with database.write() as connection:
        connection.exec_driver_sql("PRAGMA ignore_check_constraints = ON")
        connection.exec_driver_sql(sql)
        connection.exec_driver_sql("UPDATE bank_changes SET sequence = sequence + 1")
        connection.exec_driver_sql("PRAGMA ignore_check_constraints = OFF")


@pytest.mark.parametrize("small_bank_entries", [20_000, 0])
def test_malformed_rows_are_the_same(filled: Database, reader: FileReader, data: Path, small_bank_entries: int) -> None:
    seconds = [0.0]
    matchers = [
        Matcher(each, data, small_bank_entries=small_bank_entries, clock=lambda: seconds[0])
        for each in (filled, reader, reader)
    ]
    for matcher in matchers[:2]:
        matcher.load()  # the last one sees it all at once
    for entry, column, value in (
        (1, "bits", "x'0123'"),
        (2, "bits", "'a text'"),
        (4, "bits", "CAST(x'ff' AS TEXT)"),
        (5, "bits", "17"),
        (8, "bits", "bits"),
        (9, "signal_type", "'photodna'"),
    ):
        _damage(filled, f"UPDATE entries SET {column} = {value}, sequence = {_NEXT} WHERE id = {entry}")  # noqa: S608  (our words)
    _damage(filled, "UPDATE frame_lists SET packed = 'a text'")
    listed = []
    for matcher in matchers:
        matcher.refresh()
        matcher.load()
        listed.append(matcher.quarantined())
        assert [match.entry for match in matcher.search(KNOWN)] == [6, 7]
    assert listed[0] == listed[1] == listed[2]
    assert [row.entry for row in listed[0]] == [1, 2, 4, 5, 8, 9]
    _damage(filled, f"UPDATE entries SET bits = x'{KNOWN[1].value}' WHERE id = 1")  # noqa: S608  (in place: no number says so)
    _damage(filled, "UPDATE entries SET signal_type = 'md5' WHERE id = 9")
    seconds[0] = 60
    for matcher in matchers:
        matcher.refresh()
        assert [row.entry for row in matcher.quarantined()] == [2, 4, 5, 8]
        assert [match.entry for match in matcher.search(KNOWN)] == [1, 6, 7]
        health = matcher.health()
        assert (health.error, health.lag, health.quarantined) == (None, 0, 4)


def test_a_scan_a_match_and_a_list_of_the_banks_load_no_sqlalchemy(data: Path, tmp_path: Path) -> None:
    settings = load_settings(data=str(data), jobs=1)
    path = tmp_path / "picture.png"
    blots = np.random.default_rng(1).integers(0, 256, (9, 9), np.uint8)
    Image.fromarray(blots).resize((300, 300), Image.Resampling.BICUBIC).save(path)
    app.create_bank(settings, "known")
    [(_, _, added)] = app.add_files(settings, "known", [str(path)])
    assert added.added == 1
    code = (
        "import sys\n"
        "from hedgerow.app import ScanPlan, list_banks, match_files, scan\n"
        "from hedgerow.settings import load_settings\n"
        f"settings, path = load_settings(data={str(data)!r}, jobs=1), {str(path)!r}\n"
        "assert scan(settings, ScanPlan((path,))).matched == 1\n"
        "assert [[match.entry for match in matches] for _, _, matches in match_files(settings, [path])] == [[1]]\n"
        "assert [summary.live for summary in list_banks(settings)] == [{'pdq': 1}]\n"
        "assert 'sqlalchemy' not in sys.modules\n"
    )
    subprocess.run([sys.executable, "-c", code], check=True)
