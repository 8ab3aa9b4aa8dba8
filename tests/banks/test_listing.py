from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING

import pytest

from hedgerow.banks import Attributes, NewEntry, add_entries, create_bank, listing, withdraw_entry
from hedgerow.banks.listing import (
    EntrySearch,
    FoundEntries,
    count_up_to,
    list_entries,
    listed_entry,
    search_entries,
    summarise,
)
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


# ── searching ────────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.fixture
def shelf(database: Database, now: datetime) -> Bank:
    """Give a bank of twelve entries, of which every third is a partner's, and every second of category A1."""
    with database.write() as connection:
        made = create_bank(connection, "shelf", now=now)
        new = [
            NewEntry(
                Signal("pdq", digest(number), 90),
                Attributes(
                    "person" if number % 3 else "exchange:ONE",
                    category="A1" if number % 2 else None,
                    external_id=f"own-{number}",
                ),
            )
            for number in range(12)
        ]
        add_entries(connection, made, new, now=now)
        withdraw_entry(connection, made, digest(5).hex(), now=now)
        return made


def own_names(found: FoundEntries) -> list[int]:
    return [int((each.external_id or "").removeprefix("own-")) for each in found.entries]


def test_entries_are_found_by_what_is_said_of_them_the_latest_change_first(database: Database, shelf: Bank) -> None:
    def found(**wanted: str | bool) -> list[int]:
        with database.read() as connection:
            return own_names(search_entries(connection, shelf, EntrySearch(**wanted)))  # type: ignore[arg-type]  # words

    live = [11, 10, 9, 8, 7, 6, 4, 3, 2, 1, 0]
    assert found() == live
    assert found(include_withdrawn=True) == [5, *live]  # withdrawing it was the latest change
    assert found(provenance="exchange:ONE") == found(provenance="exchange:") == [9, 6, 3, 0]
    assert found(provenance="exchange") == []
    assert found(category="A1") == [11, 9, 7, 3, 1]
    assert found(category="A1", include_withdrawn=True) == [5, 11, 9, 7, 3, 1]
    assert found(external_id="own-7") == [7]
    assert found(signal_type="md5") == []
    assert found(category="A1", provenance="exchange:") == [9, 3]


@pytest.mark.parametrize("wanted", [EntrySearch(), EntrySearch(signal_type="pdq")])
def test_pages_of_a_search_hold_each_entry_once(database: Database, shelf: Bank, wanted: EntrySearch) -> None:
    pages, before = [], None
    with database.read() as connection:
        while True:
            found = search_entries(connection, shelf, wanted, before=before, limit=4)
            pages.append(own_names(found))
            before = found.before
            if before is None:
                break
    assert pages == [[11, 10, 9, 8], [7, 6, 4, 3], [2, 1, 0]]


def test_a_search_that_looked_through_enough_says_so_and_goes_on_from_there(
    database: Database, shelf: Bank, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(listing, "_WINDOW", 5)
    seen, steps, before = [], 0, None
    with database.read() as connection:
        while True:
            found = search_entries(connection, shelf, EntrySearch(provenance="exchange:"), before=before, limit=4)
            seen += own_names(found)
            steps += 1
            before = found.before
            if before is None:
                break
            assert found.looked_through == 5
    assert (seen, steps) == ([9, 6, 3, 0], 3)


def test_counting_stops_where_more_is_no_news(database: Database, shelf: Bank) -> None:
    with database.read() as connection:
        assert count_up_to(connection, shelf, 100) == summarise(connection, shelf)
        assert count_up_to(connection, shelf, 3).live == {"pdq": 4}
