"""Malformed rows, put into the tables past their checks, on every path by which an index takes rows in."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

import numpy as np
import pytest
from sqlalchemy import insert, text, update

from hedgerow.banks import Bank, Matcher, NewEntry, add_entries, change_bank, create_bank, withdraw_entry
from hedgerow.banks.held import unknown_types
from hedgerow.banks.tables import bank_changes, entries, frame_lists
from hedgerow.hashing.frame_list import FrameList
from hedgerow.hashing.signal import SIGNAL_TYPES, Signal

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime
    from pathlib import Path

    from sqlalchemy import Connection

    from hedgerow.database import Database

    Film = Callable[..., FrameList]
    Start = Callable[[], Matcher]

A, B = (Signal("pdq", np.random.default_rng(seed).bytes(32)) for seed in (1, 2))
_SECRET = b"\xab\xcd\xef\x12\x34"  # a malformed value, which nobody may read anywhere


def _unchecked(connection: Connection) -> None:
    """Switch the tables' checks off, as damage does."""
    if connection.dialect.name == "sqlite":
        connection.execute(text("PRAGMA ignore_check_constraints = ON"))
    else:
        connection.execute(text("ALTER TABLE entries DROP CONSTRAINT IF EXISTS ck_entries_bits"))


def _checked(connection: Connection) -> None:
    if connection.dialect.name == "sqlite":
        connection.execute(text("PRAGMA ignore_check_constraints = OFF"))


def _next_sequence(connection: Connection) -> int:
    statement = update(bank_changes).values(sequence=bank_changes.c.sequence + 1).returning(bank_changes.c.sequence)
    return int(connection.execute(statement).scalar_one())


def _put(database: Database, bank: Bank, now: datetime, name: str, bits: object, *, says_so: bool = True) -> int:
    """Put a row into the table whatever it is, and return its id; unless it says so, no index is told of it."""
    with database.write() as connection:
        _unchecked(connection)
        values = {
            "bank_id": bank.id,
            "sequence": _next_sequence(connection) if says_so else 1,
            "signal_type": name,
            "made_by": "",
            "variant": "as is",
            "provenance": "person",
            "may_be_redistributed": False,
            "added_at": now,
        }
        statement = insert(entries).values(values | {"bits": b"?"}).returning(entries.c.id)
        entry = int(connection.execute(statement).scalar_one())
        connection.execute(text("UPDATE entries SET bits = :bits WHERE id = :id"), {"bits": bits, "id": entry})
        _checked(connection)
    return entry


def _add(database: Database, bank: Bank, now: datetime, *signals: Signal) -> None:
    with database.write() as connection:
        assert not add_entries(connection, bank, [NewEntry(each) for each in signals], now=now).refused


def _video(frames: FrameList) -> Signal:
    return Signal("vpdq", frames.digest(), frames=frames)


def _entries(matcher: Matcher, *signals: Signal) -> list[int]:
    return [match.entry for match in matcher.search(signals)]


def _listed(matcher: Matcher) -> list[tuple[int, str, str, str]]:
    return [(row.entry, row.bank, row.type, row.reason) for row in matcher.quarantined()]


class _Clock:
    """Seconds that pass when they are told to."""

    def __init__(self) -> None:
        self.now = 1_000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> _Clock:
    return _Clock()


@pytest.fixture(params=[10_000, 0], ids=["small", "large"])
def start(request: pytest.FixtureRequest, database: Database, data: Path, clock: _Clock) -> Start:
    """Make matchers as processes that start do; to the second kind every bank is large and has a snapshot."""

    def begin() -> Matcher:
        matcher = Matcher(database, data, small_bank_entries=request.param, delta_entries=10**6, clock=clock)
        matcher.load()
        return matcher

    return begin


def _reason(name: str, length: int) -> str:
    return f"its signal has {length} bytes where {SIGNAL_TYPES[name].size_bytes} belong"


# ── signals of a wrong length ────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("name", ["pdq", "md5", "sha1", "sha256"])
def test_a_signal_of_a_wrong_length_is_kept_out_by_every_path_and_listed(
    database: Database, start: Start, bank: Bank, now: datetime, name: str, caplog: pytest.LogCaptureFixture
) -> None:
    good = Signal(name, bytes(range(1, 1 + SIGNAL_TYPES[name].size_bytes)))
    _add(database, bank, now, good)
    before = start()
    entry = _put(database, bank, now, name, _SECRET)
    last = Signal(name, bytes(range(2, 2 + SIGNAL_TYPES[name].size_bytes)))
    _add(database, bank, now, last)
    row = (entry, "known", name, _reason(name, 5))
    before.refresh()  # follows
    for matcher in (before, start(), start()):  # loads, opens and follows
        assert _entries(matcher, good, last) == [1, 3]
        assert _listed(matcher) == [row]
        assert matcher.health().quarantined == 1
        assert [state.quarantined for state in matcher.health().indexes if state.type == name] == [1]
    assert _SECRET.hex() not in caplog.text
    assert repr(_SECRET)[2:-1] not in caplog.text


def test_every_malformed_row_is_logged_once_by_its_id_alone(
    database: Database, start: Start, bank: Bank, now: datetime, clock: _Clock, caplog: pytest.LogCaptureFixture
) -> None:
    _add(database, bank, now, A)
    matcher = start()
    for bits in (_SECRET, b"other"):
        _put(database, bank, now, "pdq", bits)
        for _ in range(3):
            clock.now += 100
            matcher.refresh()
    said = [record.message for record in caplog.records if record.levelno >= logging.WARNING]
    assert said == [f"Entry {entry} of bank 1 is malformed and kept out of the index." for entry in (2, 3)]


def test_a_malformed_row_is_listed_by_a_snapshot_that_is_opened_again(
    database: Database, data: Path, bank: Bank, now: datetime
) -> None:
    _add(database, bank, now, A)
    entry = _put(database, bank, now, "pdq", _SECRET)

    def begin() -> Matcher:
        matcher = Matcher(database, data, small_bank_entries=0, delta_entries=0)
        matcher.load()
        return matcher

    first = begin()
    _add(database, bank, now, B)
    other = _put(database, bank, now, "pdq", b"x")
    first.refresh()
    assert first.merge() >= 1
    wanted = [(entry, "known", "pdq", _reason("pdq", 5)), (other, "known", "pdq", _reason("pdq", 1))]
    again = begin()
    assert [_listed(matcher) for matcher in (first, again)] == [wanted, wanted]
    assert [_entries(matcher, A, B) for matcher in (first, again)] == [[1, 3], [1, 3]]


def test_a_withdrawn_row_leaves_the_list_at_once(database: Database, start: Start, bank: Bank, now: datetime) -> None:
    matcher = start()
    entry = _put(database, bank, now, "pdq", _SECRET)
    matcher.refresh()
    assert len(matcher.quarantined()) == 1
    with database.write() as connection:
        withdraw_entry(connection, bank, entry, now=now)
    matcher.refresh()
    assert matcher.quarantined() == start().quarantined() == []


@pytest.mark.parametrize("says_so", [True, False], ids=["numbered", "in place"])
def test_a_repaired_row_leaves_the_list_and_matches(
    database: Database, start: Start, bank: Bank, now: datetime, clock: _Clock, *, says_so: bool
) -> None:
    _add(database, bank, now, B)
    entry = _put(database, bank, now, "pdq", _SECRET)
    matcher = start()
    assert len(matcher.quarantined()) == 1
    with database.write() as connection:
        values: dict[str, object] = {"bits": A.bits}
        if says_so:
            values["sequence"] = _next_sequence(connection)
        connection.execute(update(entries).where(entries.c.id == entry).values(values))
    clock.now += 60
    matcher.refresh()
    again = start()
    clock.now += 60
    again.refresh()
    for each in (matcher, again):
        assert each.quarantined() == []
        assert _entries(each, A) == [entry]


def test_a_good_row_that_becomes_malformed_is_taken_out(
    database: Database, start: Start, bank: Bank, now: datetime
) -> None:
    _add(database, bank, now, A, B)
    matcher = start()
    with database.write() as connection:
        _unchecked(connection)
        connection.execute(
            update(entries).where(entries.c.id == 1).values(bits=b"x", sequence=_next_sequence(connection))
        )
        _checked(connection)
    matcher.refresh()
    assert _entries(matcher, A, B) == [2]
    assert _listed(matcher) == [(1, "known", "pdq", _reason("pdq", 1))]


def test_a_row_of_hundreds_of_malformed_ones_stops_none_beside_it(
    database: Database, start: Start, bank: Bank, now: datetime
) -> None:
    _add(database, bank, now, A)
    with database.write() as connection:
        _unchecked(connection)
        row = dict(connection.execute(entries.select()).mappings().one())
        rows = [row | {"id": 100 + each, "bits": bytes(each + 33), "sequence": 2} for each in range(700)]
        connection.execute(insert(entries), rows)
        _next_sequence(connection)
        _checked(connection)
    _add(database, bank, now, B)
    matcher = start()
    assert len(matcher.quarantined()) == matcher.health().quarantined == 700
    assert len(_entries(matcher, A, B)) == 2


@pytest.mark.sqlite_file
@pytest.mark.parametrize("value", ["a text of exactly thirty-two char", 17, 10**12, 2.5], ids=repr)
def test_what_is_no_bytes_at_all_is_malformed(
    database: Database, start: Start, bank: Bank, now: datetime, value: object
) -> None:
    _add(database, bank, now, A)
    entry = _put(database, bank, now, "pdq", value)
    assert _listed(start()) == [(entry, "known", "pdq", _reason("pdq", 0))]


@pytest.mark.sqlite_file
def test_a_text_that_the_driver_cannot_decode_is_malformed(
    database: Database, start: Start, bank: Bank, now: datetime
) -> None:
    _add(database, bank, now, A)
    matcher = start()
    entry = _put(database, bank, now, "pdq", b"x")
    with database.write() as connection:
        _unchecked(connection)
        connection.execute(text("UPDATE entries SET bits = CAST(x'ff' AS TEXT) WHERE id = :id"), {"id": entry})
        _checked(connection)
    matcher.refresh()
    for each in (matcher, start()):
        assert _listed(each) == [(entry, "known", "pdq", _reason("pdq", 0))]
        assert _entries(each, A) == [1]


# ── unknown types ────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("name", ["photodna", "", "PDQ", "pdq ", "zzz", "\N{SNOWMAN}"])
def test_a_row_of_an_unknown_type_is_listed_by_every_path(
    database: Database, start: Start, bank: Bank, now: datetime, name: str
) -> None:
    _add(database, bank, now, A)
    before = start()
    entry = _put(database, bank, now, name, bytes(32))
    before.refresh()
    for matcher in (before, start(), start()):
        assert _listed(matcher) == [(entry, "known", "unknown", "its signal type is unknown")]
        assert matcher.health().quarantined == 1
        assert _entries(matcher, A) == [1]
    with database.write() as connection:
        connection.execute(
            update(entries).where(entries.c.id == entry).values(withdrawn_at=now, sequence=_next_sequence(connection))
        )
    before.refresh()
    assert before.quarantined() == []


def test_no_known_type_is_taken_for_an_unknown_one(database: Database, bank: Bank, now: datetime, film: Film) -> None:
    digests = [Signal(name, b"x" * kind.size_bytes) for name, kind in SIGNAL_TYPES.items() if not kind.is_perceptual]
    _add(database, bank, now, A, _video(film(1, 1)), *digests)
    with database.read() as connection:
        assert unknown_types(connection, bank.id) == []


def test_a_type_that_is_corrected_in_place_makes_the_row_match(
    database: Database, start: Start, bank: Bank, now: datetime, clock: _Clock
) -> None:
    _add(database, bank, now, B)
    entry = _put(database, bank, now, "pdqq", A.bits)
    matcher = start()
    with database.write() as connection:
        connection.execute(update(entries).where(entries.c.id == entry).values(signal_type="pdq"))
    clock.now += 60
    matcher.refresh()
    assert (matcher.quarantined(), _entries(matcher, A)) == ([], [entry])


def test_rows_of_a_disabled_bank_are_not_listed(database: Database, start: Start, bank: Bank, now: datetime) -> None:
    _put(database, bank, now, "pdq", _SECRET)
    _put(database, bank, now, "photodna", _SECRET)
    matcher = start()
    assert len(matcher.quarantined()) == 2
    with database.write() as connection:
        change_bank(connection, bank, is_enabled=False)
    matcher.refresh()
    assert (matcher.quarantined(), matcher.health().quarantined) == ([], 0)


# ── videos ───────────────────────────────────────────────────────────────────────────────────────────────────────


def _changed(frames: FrameList, **columns: object) -> bytes:
    values = {
        "bits": frames.bits,
        "qualities": frames.qualities,
        "numbers": frames.numbers,
        "times_s": frames.times_s,
        "until_s": frames.until_s,
        "duration_s": frames.duration_s,
    }
    return FrameList.of(**(values | columns)).packed()  # type: ignore[arg-type]  # the columns as they are


_DAMAGES: dict[str, tuple[Callable[[FrameList], bytes | None], str]] = {
    "junk": (lambda _: b"junk" * 100, "its frames cannot be read"),
    "empty": (lambda _: b"", "its frames cannot be read"),
    "cut off": (lambda frames: frames.packed()[:-1], "its frames cannot be read"),
    "too long": (lambda frames: frames.packed() + b"x", "its frames cannot be read"),
    "no frames": (lambda _: FrameList.of([], [], [], [], [], 0.0).packed(), "a vpdq signal without frames"),
    "no number": (
        lambda frames: _changed(frames, times_s=[*frames.times_s[:-1], np.nan]),
        "its frames are not in the order of their times",
    ),
    "endless": (lambda frames: _changed(frames, duration_s=np.inf), "its frames are not in the order of their times"),
    "backwards": (
        lambda frames: _changed(frames, times_s=frames.times_s[::-1]),
        "its frames are not in the order of their times",
    ),
    "quality": (
        lambda frames: _changed(frames, qualities=[255] * len(frames)),
        "the quality of a frame is not between 0 and 100",
    ),
    "missing": (lambda _: None, "its frames are missing"),
}


def _damage(connection: Connection, entry: int, packed: bytes | None) -> None:
    if packed is None:
        connection.execute(frame_lists.delete().where(frame_lists.c.entry_id == entry))
    else:
        connection.execute(update(frame_lists).where(frame_lists.c.entry_id == entry).values(packed=packed))


@pytest.mark.parametrize("damage", _DAMAGES)
def test_malformed_frames_are_kept_out_by_every_path_and_listed(
    database: Database, start: Start, bank: Bank, now: datetime, film: Film, damage: str
) -> None:
    good, bad, last = film(1, 3), film(2, 3), film(3, 3)
    make, reason = _DAMAGES[damage]
    _add(database, bank, now, _video(good))
    before = start()
    with database.write() as connection:
        assert add_entries(connection, bank, [NewEntry(_video(bad))], now=now).added == 1
        _damage(connection, 2, make(bad))
    _add(database, bank, now, _video(last))
    before.refresh()
    for matcher in (before, start(), start()):
        assert [_entries(matcher, _video(each)) for each in (good, bad, last)] == [[1], [], [3]]
        assert _entries(matcher, Signal("pdq", bytes(bad.bits[3]))) == []
        assert _listed(matcher) == [(2, "known", "vpdq", reason)]


def test_a_video_whose_frames_are_damaged_later_stops_no_search(
    database: Database, start: Start, bank: Bank, now: datetime, film: Film
) -> None:
    good, bad = film(1, 3), film(2, 3)
    _add(database, bank, now, _video(good), _video(bad))
    matcher = start()
    with database.write() as connection:
        _damage(connection, 2, _DAMAGES["no number"][0](bad))
    assert [_entries(matcher, _video(each)) for each in (good, bad)] == [[1], []]


def test_frames_that_are_repaired_match(
    database: Database, start: Start, bank: Bank, now: datetime, film: Film, clock: _Clock
) -> None:
    clip = film(1, 3)
    _add(database, bank, now, _video(clip))
    with database.write() as connection:
        _damage(connection, 1, b"junk")
    matcher = start()
    assert len(matcher.quarantined()) == 1
    with database.write() as connection:
        _damage(connection, 1, clip.packed())
    clock.now += 60
    matcher.refresh()
    assert (matcher.quarantined(), _entries(matcher, _video(clip))) == ([], [1])


def test_another_minimum_quality_keeps_malformed_frames_out_as_well(
    database: Database, start: Start, bank: Bank, now: datetime, film: Film
) -> None:
    good, bad = film(1, 3), film(2, 3)
    _add(database, bank, now, _video(good), _video(bad))
    matcher = start()
    with database.write() as connection:
        change_bank(connection, bank, minimum_quality=60)
        _damage(connection, 2, b"junk")
    matcher.refresh()
    assert _listed(matcher) == [(2, "known", "vpdq", "its frames cannot be read")]
    assert [_entries(matcher, _video(each)) for each in (good, bad)] == [[1], []]


def test_a_withdrawn_video_whose_frames_are_malformed_leaves_the_list(
    database: Database, start: Start, bank: Bank, now: datetime, film: Film
) -> None:
    _add(database, bank, now, _video(film(1, 3)))
    with database.write() as connection:
        _damage(connection, 1, None)
    matcher = start()
    assert len(matcher.quarantined()) == 1
    with database.write() as connection:
        withdraw_entry(connection, bank, 1, now=now)
    matcher.refresh()
    assert matcher.quarantined() == []


# ── several banks ────────────────────────────────────────────────────────────────────────────────────────────────


def test_rows_are_listed_by_bank_and_entry(database: Database, start: Start, bank: Bank, now: datetime) -> None:
    with database.write() as connection:
        other = create_bank(connection, "another", now=now)
    matcher = start()
    put = [_put(database, each, now, name, b"x") for name in ("pdq", "photodna") for each in (bank, other)]
    matcher.refresh()
    assert [(row.bank, row.bank_id, row.entry) for row in matcher.quarantined()] == [
        ("another", 2, put[1]),
        ("another", 2, put[3]),
        ("known", 1, put[0]),
        ("known", 1, put[2]),
    ]
