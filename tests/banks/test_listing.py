from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING

import pytest

from hedgerow.banks import NewEntry, add_entries, create_bank, withdraw_entry
from hedgerow.banks.listing import list_entries, listed_entry, summarise
from hedgerow.errors import EntryNotFound
from hedgerow.hashing import Signal

if TYPE_CHECKING:
    from datetime import datetime

    from hedgerow.banks import Bank
    from hedgerow.database import Database


def digest(number: int) -> bytes:
    return hashlib.sha256(b"signal %d" % number).digest()


@pytest.fixture
def bank(database: Database, now: datetime) -> Bank:
    """Give a bank of three pictures and a digest, of which the first picture was withdrawn."""
    with database.write() as connection:
        made = create_bank(connection, "known", now=now)
        signals = [*(Signal("pdq", digest(number), 90) for number in range(3)), Signal("sha256", digest(9))]
        add_entries(connection, made, [NewEntry(each) for each in signals], now=now)
        withdraw_entry(connection, made, digest(0).hex(), now=now, reason="a mistake")
        return made


def test_a_bank_is_summarised_without_looking_at_the_others(database: Database, bank: Bank, now: datetime) -> None:
    with database.write() as connection:
        other = create_bank(connection, "other", now=now)
        add_entries(connection, other, [NewEntry(Signal("pdq", digest(1), 90))], now=now)
    with database.read() as connection:
        summary = summarise(connection, bank)
    assert (summary.live, summary.withdrawn) == ({"pdq": 2, "sha256": 1}, 1)


def test_entries_are_listed_by_their_latest_change_and_from_any_of_them_on(database: Database, bank: Bank) -> None:
    with database.read() as connection:
        everything = list_entries(connection, bank, include_withdrawn=True)
        assert [each.signal_type for each in everything] == ["pdq", "pdq", "sha256", "pdq"]
        assert everything[-1].withdrawn_reason == "a mistake"
        first = list_entries(connection, bank, limit=2)
        assert first == everything[:2]
        assert list_entries(connection, bank, after=first[-1].sequence) == everything[2:3]
        assert [each.id for each in list_entries(connection, bank, signal_type="sha256")] == [everything[2].id]


def test_values_are_shown_to_who_asks_for_them_alone(database: Database, bank: Bank) -> None:
    with database.read() as connection:
        assert {each.value for each in list_entries(connection, bank)} == {None}
        shown = list_entries(connection, bank, with_values=True)
    assert [each.value for each in shown] == [digest(number).hex() for number in (1, 2, 9)]
    assert not any(digest(number).hex() in repr(shown) for number in (1, 2, 9))


def test_an_entry_of_another_bank_is_none_of_this_one(database: Database, bank: Bank, now: datetime) -> None:
    with database.write() as connection:
        other = create_bank(connection, "other", now=now)
        number = list_entries(connection, bank)[0].id
        assert listed_entry(connection, bank, number).signal_type == "pdq"
        for wanted in (number, 0, -1, 2**70):
            with pytest.raises(EntryNotFound):
                listed_entry(connection, other, wanted)
