from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import pytest
from sqlalchemy import event, func, insert, select, text
from sqlalchemy.exc import IntegrityError

from hedgerow.banks import (
    Attributes,
    Bank,
    NewEntry,
    add_entries,
    change_bank,
    count_entries,
    create_bank,
    entries_since,
    find_bank,
    find_entry,
    iterate_entries,
    list_banks,
    withdraw_entry,
)
from hedgerow.banks.held import bank_states, describe_entries, has_more_than, latest_change, live_signals
from hedgerow.banks.records import has_withdrawn
from hedgerow.banks.tables import banks, entries
from hedgerow.errors import BankExists, BankNotFound, EntryNotFound, InvalidBankName, InvalidThreshold
from hedgerow.hashing.signal import Signal

if TYPE_CHECKING:
    from hedgerow.database import Database


def pdq(number: int, quality: int | None = None) -> Signal:
    return Signal("pdq", number.to_bytes(32, "big"), quality)


def _add(database: Database, bank: Bank, *signals: Signal, now: datetime, readmit_withdrawn: bool = True) -> list[int]:
    """Add and return (added, already there, refused)."""
    with database.write() as connection:
        outcome = add_entries(
            connection, bank, [NewEntry(each) for each in signals], now=now, readmit_withdrawn=readmit_withdrawn
        )
    return [outcome.added, outcome.already_there, len(outcome.refused)]


def _withdraw(database: Database, bank: Bank, named: int | str, now: datetime) -> list[int]:
    with database.write() as connection:
        return withdraw_entry(connection, bank, named, now=now, reason="a mistake")


def _live(database: Database, bank: Bank) -> list[tuple[int, bytes]]:
    with database.read() as connection:
        return [(entry.id, entry.signal.bits) for entry in iterate_entries(connection, bank)]


# ── banks ────────────────────────────────────────────────────────────────────────────────────────────────────────


def test_a_bank_is_found_as_it_was_created(database: Database, now: datetime) -> None:
    with database.write() as connection:
        created = create_bank(connection, "known", threshold=20, minimum_quality=70, note="ours", now=now)
    with database.read() as connection:
        assert find_bank(connection, "known") == created
    assert created == Bank(1, "known", 20, 70, is_enabled=True, created_at=now, note="ours")


def test_a_bank_s_name_is_its_own(database: Database, bank: Bank, now: datetime) -> None:
    with database.write() as connection, pytest.raises(BankExists):
        create_bank(connection, bank.name, now=now)


@pytest.mark.parametrize(
    ("values", "error"),
    [({"name": "../x"}, InvalidBankName), ({"name": "x", "threshold": 65}, InvalidThreshold)],
)
def test_a_bank_that_may_not_be_is_not_created(
    database: Database, now: datetime, values: dict[str, object], error: type[Exception]
) -> None:
    with database.write() as connection, pytest.raises(error):
        create_bank(connection, **values, now=now)  # type: ignore[arg-type]  # of several types
    with database.read() as connection:
        assert list_banks(connection) == []


def test_a_bank_that_is_not_there_is_not_found(database: Database) -> None:
    with database.read() as connection, pytest.raises(BankNotFound):
        find_bank(connection, "nobody's")


def test_banks_are_listed_by_name_with_their_counts(database: Database, bank: Bank, now: datetime) -> None:
    _add(database, bank, pdq(1), pdq(2), Signal("md5", b"m" * 16), now=now)
    _withdraw(database, bank, 1, now)
    with database.write() as connection:
        create_bank(connection, "a-empty", now=now)
    with database.read() as connection:
        listed = list_banks(connection)
        assert count_entries(connection, bank) == {"md5": 1, "pdq": 1}
    assert [(each.bank.name, each.live, each.withdrawn) for each in listed] == [
        ("a-empty", {}, 0),
        ("known", {"md5": 1, "pdq": 1}, 1),
    ]


def test_only_what_is_given_is_changed(database: Database, bank: Bank) -> None:
    with database.write() as connection:
        change_bank(connection, bank, threshold=10)
        change_bank(connection, bank, is_enabled=False)
        changed = change_bank(connection, bank)
    assert (changed.threshold, changed.minimum_quality, changed.is_enabled) == (10, bank.minimum_quality, False)


def test_a_bank_cannot_be_changed_beyond_the_rules(database: Database, bank: Bank) -> None:
    with database.write() as connection, pytest.raises(InvalidThreshold):
        change_bank(connection, bank, threshold=65)


def test_every_change_moves_the_counter(database: Database, bank: Bank, now: datetime) -> None:
    seen = []

    def look() -> None:
        with database.read() as connection:
            seen.append(latest_change(connection)[1])

    look()
    with database.write() as connection:
        change_bank(connection, bank, threshold=5)
    look()
    _add(database, bank, pdq(1), pdq(2), now=now)
    look()
    _withdraw(database, bank, 1, now)
    look()
    with database.write() as connection:
        create_bank(connection, "other", now=now)
    look()
    assert seen == sorted(set(seen))


def test_a_bank_s_state_is_the_latest_change_among_its_entries(database: Database, bank: Bank, now: datetime) -> None:
    with database.write() as connection:
        other = create_bank(connection, "other", now=now)
    _add(database, bank, pdq(1), now=now)
    with database.read() as connection:
        first = {state.bank.name: state.sequence for state in bank_states(connection)}
    _add(database, other, pdq(1), now=now)
    with database.read() as connection:
        second = {state.bank.name: state.sequence for state in bank_states(connection)}
    assert first["other"] == 0
    assert second["known"] == first["known"]
    assert second["other"] > first["known"]


# ── entries ──────────────────────────────────────────────────────────────────────────────────────────────────────


def test_an_entry_is_found_as_it_was_added(database: Database, bank: Bank, now: datetime) -> None:
    signal = Signal("pdq", bytes(range(32)), 80, "mirrored", "full-size/1")
    said = Attributes("exchange:ncmec", "member 7", "guid-1", "A1", "seen twice", may_be_redistributed=True)
    with database.write() as connection:
        add_entries(connection, bank, [NewEntry(signal, said)], now=now)
    with database.read() as connection:
        entry = find_entry(connection, bank, 1)
    assert entry.signal == signal
    assert entry.attributes == Attributes(
        "exchange:ncmec", "member 7", "guid-1", "A1", "seen twice", may_be_redistributed=True, added_at=now
    )
    assert entry.withdrawn_at is None


def test_an_entry_keeps_the_time_it_was_first_added_elsewhere(database: Database, bank: Bank, now: datetime) -> None:
    earlier = datetime(2020, 5, 17, 3, tzinfo=UTC)
    with database.write() as connection:
        add_entries(connection, bank, [NewEntry(pdq(1), Attributes(added_at=earlier))], now=now)
        assert find_entry(connection, bank, 1).attributes.added_at == earlier


def test_the_same_signal_again_is_already_there(database: Database, bank: Bank, now: datetime) -> None:
    assert _add(database, bank, pdq(1), pdq(2), pdq(1), now=now) == [2, 1, 0]
    assert _add(database, bank, pdq(2), pdq(3), now=now) == [1, 1, 0]
    assert [bits for _, bits in _live(database, bank)] == [pdq(1).bits, pdq(2).bits, pdq(3).bits]


def test_the_same_bits_of_another_type_or_in_another_bank_are_another_entry(
    database: Database, bank: Bank, now: datetime
) -> None:
    with database.write() as connection:
        other = create_bank(connection, "other", now=now)
    assert _add(database, bank, pdq(1), Signal("sha256", pdq(1).bits), now=now) == [2, 0, 0]
    assert _add(database, other, pdq(1), now=now) == [1, 0, 0]


def test_what_the_rules_refuse_is_reported_by_its_place(database: Database, bank: Bank, now: datetime) -> None:
    new = [
        NewEntry(pdq(1)),
        NewEntry(pdq(0)),
        NewEntry(pdq(2, quality=10)),
        NewEntry(pdq(3)),
        NewEntry(pdq(4), Attributes(note="\0")),
    ]
    with database.write() as connection:
        outcome = add_entries(connection, bank, new, now=now)
    assert (outcome.added, outcome.already_there) == (2, 0)
    assert [refusal.position for refusal in outcome.refused] == [1, 2, 4]
    assert outcome.refused[0].reason == "all bits are zero"


def test_adding_nothing_changes_nothing(database: Database, bank: Bank, now: datetime) -> None:
    assert _add(database, bank, now=now) == [0, 0, 0]


def test_a_withdrawn_entry_is_kept_as_a_record_and_no_longer_live(
    database: Database, bank: Bank, now: datetime
) -> None:
    _add(database, bank, pdq(1), pdq(2), now=now)
    later = now + timedelta(days=1)
    assert _withdraw(database, bank, 1, later) == [1]
    assert [entry for entry, _ in _live(database, bank)] == [2]
    with database.read() as connection:
        entry = find_entry(connection, bank, 1)
        assert list(describe_entries(connection, [1, 2])) == [2]
        assert [each.id for each in iterate_entries(connection, bank, include_withdrawn=True)] == [1, 2]
    assert (entry.withdrawn_at, entry.withdrawn_reason) == (later, "a mistake")


def test_a_withdrawn_signal_that_is_added_again_gets_a_new_id(database: Database, bank: Bank, now: datetime) -> None:
    _add(database, bank, pdq(1), now=now)
    _withdraw(database, bank, 1, now)
    assert _add(database, bank, pdq(1), now=now) == [1, 0, 0]
    assert [entry for entry, _ in _live(database, bank)] == [2]


def test_a_withdrawn_signal_comes_back_only_when_it_may(database: Database, bank: Bank, now: datetime) -> None:
    _add(database, bank, pdq(1), pdq(2), now=now)
    _withdraw(database, bank, 1, now)
    assert _add(database, bank, pdq(1), pdq(2), pdq(3), now=now, readmit_withdrawn=False) == [1, 1, 1]
    assert _add(database, bank, pdq(1), now=now) == [1, 0, 0]
    assert _add(database, bank, pdq(1), now=now, readmit_withdrawn=False) == [0, 1, 0]


@pytest.mark.parametrize("upper", [False, True])
def test_a_value_names_every_live_entry_that_has_it(
    database: Database, bank: Bank, now: datetime, *, upper: bool
) -> None:
    with database.write() as connection:
        other = create_bank(connection, "other", now=now)
    _add(database, bank, pdq(1), pdq(0xABC), Signal("sha256", pdq(0xABC).bits), now=now)
    _add(database, other, pdq(0xABC), now=now)
    value = pdq(0xABC).value
    assert _withdraw(database, bank, value.upper() if upper else value, now) == [2, 3]
    assert [entry for entry, _ in _live(database, bank)] == [1]
    assert len(_live(database, other)) == 1


@pytest.mark.parametrize(
    "named", [2, 0, -1, 2**63, "2", "", "x", "9" * 31, "9" * 400, "0" * 64, "z" * 64, " " * 64, "٣", "1 ", "f" * 63]
)
def test_a_name_of_no_live_entry_is_not_found(database: Database, bank: Bank, now: datetime, named: int | str) -> None:
    _add(database, bank, pdq(1), now=now)
    with pytest.raises(EntryNotFound):
        _withdraw(database, bank, named, now)
    assert len(_live(database, bank)) == 1


def test_an_entry_cannot_be_reached_through_another_bank(database: Database, bank: Bank, now: datetime) -> None:
    with database.write() as connection:
        other = create_bank(connection, "other", now=now)
    _add(database, bank, pdq(1), now=now)
    with pytest.raises(EntryNotFound):
        _withdraw(database, other, 1, now)
    with database.read() as connection, pytest.raises(EntryNotFound):
        find_entry(connection, other, 1)


def test_an_entry_is_withdrawn_once(database: Database, bank: Bank, now: datetime) -> None:
    _add(database, bank, pdq(1), now=now)
    _withdraw(database, bank, 1, now)
    with pytest.raises(EntryNotFound):
        _withdraw(database, bank, 1, now)


def test_the_changes_since_a_sequence_are_each_entry_once_in_its_latest_state(
    database: Database, bank: Bank, now: datetime
) -> None:
    _add(database, bank, pdq(1), pdq(2), pdq(3), now=now)
    with database.read() as connection:
        seen = latest_change(connection)[1]
    _add(database, bank, pdq(4), pdq(5), Signal("md5", b"m" * 16), now=now)
    _withdraw(database, bank, 1, now)
    _withdraw(database, bank, 4, now)
    with database.read() as connection:
        changes = list(entries_since(connection, bank, seen))
        assert [(each.id, each.is_live) for each in changes] == [(5, True), (6, True), (1, False), (4, False)]
        assert [each.sequence for each in changes] == sorted({each.sequence for each in changes})
        assert [each.id for each in entries_since(connection, bank, seen, signal_type="md5")] == [6]
        assert len(list(entries_since(connection, bank, 0))) == 6


def test_a_writer_that_fails_leaves_no_gap_that_hides_a_change(database: Database, bank: Bank, now: datetime) -> None:
    def fail() -> None:
        with database.write() as connection:
            add_entries(connection, bank, [NewEntry(pdq(1))], now=now)
            raise RuntimeError

    with pytest.raises(RuntimeError):
        fail()
    _add(database, bank, pdq(2), now=now)
    with database.read() as connection:
        latest = latest_change(connection)[1]
        assert [each.sequence for each in entries_since(connection, bank, 0)] == [latest]


def test_a_database_refuses_bits_of_the_wrong_length_by_itself(database: Database, bank: Bank, now: datetime) -> None:
    with pytest.raises(IntegrityError, match="ck_entries_bits"), database.write() as connection:
        connection.execute(insert(entries).values(_raw_row(bank, now, b"short")))


def test_a_poisoned_row_is_left_out_and_harms_nobody_else(database: Database, bank: Bank, now: datetime) -> None:
    _add(database, bank, pdq(1), now=now)
    with database.write() as connection:
        is_sqlite = connection.dialect.name == "sqlite"
        connection.execute(
            text(
                "PRAGMA ignore_check_constraints = ON"
                if is_sqlite
                else "ALTER TABLE entries DROP CONSTRAINT ck_entries_bits"
            )
        )
        connection.execute(insert(entries).values(_raw_row(bank, now, b"short")))
        if is_sqlite:
            connection.execute(text("PRAGMA ignore_check_constraints = OFF"))
    with database.read() as connection:
        assert list(live_signals(connection, bank, "pdq")) == [[(1, pdq(1).bits), (2, b"short")]]


def _raw_row(bank: Bank, now: datetime, bits: bytes) -> dict[str, object]:
    return {
        "bank_id": bank.id,
        "sequence": 10_000,
        "signal_type": "pdq",
        "bits": bits,
        "made_by": "",
        "variant": "as is",
        "provenance": "person",
        "may_be_redistributed": False,
        "added_at": now,
    }


def test_a_large_bank_is_known_without_counting_it(database: Database, bank: Bank, now: datetime) -> None:
    _add(database, bank, *(pdq(number) for number in range(1, 11)), now=now)
    _withdraw(database, bank, 1, now)
    with database.read() as connection:
        assert has_more_than(connection, bank, "pdq", 8)
        assert not has_more_than(connection, bank, "pdq", 9)
        assert not has_more_than(connection, bank, "md5", 0)


def test_thousands_of_rows_are_streamed_completely(database: Database, bank: Bank, now: datetime) -> None:
    wanted = [pdq(number) for number in range(1, 12_346)]
    for start in range(0, len(wanted), 5_000):
        _add(database, bank, *wanted[start : start + 5_000], now=now)
    assert [bits for _, bits in _live(database, bank)] == [signal.bits for signal in wanted]
    with database.read() as connection:
        assert sum(len(rows) for rows in live_signals(connection, bank, "pdq")) == len(wanted)
        assert len(describe_entries(connection, list(range(1, 12_346)))) == len(wanted)


def test_no_representation_of_an_entry_shows_its_value(database: Database, bank: Bank, now: datetime) -> None:
    _add(database, bank, pdq(0xABCDEF), now=now)
    with database.read() as connection:
        shown = repr(find_entry(connection, bank, 1)) + repr(list(entries_since(connection, bank, 0)))
    assert "abcdef" not in shown.lower()
    assert "xab" not in shown


def test_an_id_is_never_given_out_twice(database: Database, bank: Bank, now: datetime) -> None:
    _add(database, bank, pdq(1), now=now)
    with database.write() as connection:
        connection.execute(text("DELETE FROM entries"))
    _add(database, bank, pdq(2), now=now)
    assert [entry for entry, _ in _live(database, bank)] == [2]


def test_an_entry_needs_a_bank(database: Database, now: datetime) -> None:
    nobody = Bank(99, "nobody's", 31, 50, is_enabled=True, created_at=now)
    with pytest.raises(IntegrityError):
        _add(database, nobody, pdq(1), now=now)
    with database.read() as connection:
        assert connection.execute(select(func.count()).select_from(banks)).scalar() == 0


def test_whether_anything_was_withdrawn_is_asked_without_reading_the_bank(
    database: Database, bank: Bank, now: datetime
) -> None:
    # Each batch of an import asks it. By the other index of a bank's id, which begins as well, each would read all.
    asked: list[tuple[str, tuple[object, ...]]] = []
    event.listen(database.engine, "before_cursor_execute", lambda *call: asked.append(call[2:4]))
    with database.write() as connection:
        asked.clear()
        assert not has_withdrawn(connection, bank)
        [(statement, values)] = asked
        add_entries(connection, bank, [NewEntry(Signal("md5", bytes(range(16))))], now=now)
        assert not has_withdrawn(connection, bank)
        if connection.dialect.name == "sqlite":
            [step] = connection.exec_driver_sql(f"EXPLAIN QUERY PLAN {statement}", values)
            assert "ix_entries_withdrawn" in step[-1]
        withdraw_entry(connection, bank, bytes(range(16)).hex(), now=now)
        assert has_withdrawn(connection, bank)
