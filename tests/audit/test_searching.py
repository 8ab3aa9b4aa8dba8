from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

import pytest
from sqlalchemy import delete

from hedgerow.audit import append
from hedgerow.audit.searching import Found, Wanted, find_entry, first_checkpoint_from, search_entries
from hedgerow.audit.tables import audit_entries
from hedgerow.errors import AuditEntryNotFound

if TYPE_CHECKING:
    from datetime import datetime

    from hedgerow.database import Database

ACTORS = ("user:1", "user:2", "system")
ACTIONS = ("case.opened", "case.decided", "login.accepted", "caser.odd")


@pytest.fixture
def filled(database: Database, now: datetime) -> Database:
    """Give a chain of 24 entries, an hour apart."""
    with database.write() as connection:
        for number in range(24):
            append(
                connection,
                actor=ACTORS[number % 3],
                action=ACTIONS[number % 4],
                subject_type="case" if number % 2 else "user",
                subject_id=number % 5,
                now=now + timedelta(hours=number),
            )
    return database


def search(database: Database, wanted: Wanted, **how: int) -> Found:
    with database.read() as connection:
        return search_entries(connection, wanted, **how)  # type: ignore[arg-type]  # numbers all


def numbers(database: Database, **wanted: object) -> list[int]:
    return [each.sequence for each in search(database, Wanted(**wanted)).entries]  # type: ignore[arg-type]  # as above


def test_the_latest_come_first_and_every_entry_comes_once(filled: Database) -> None:
    found, before = [], None
    while True:
        page = search(filled, Wanted(), limit=7, **({} if before is None else {"before": before}))
        found += [each.sequence for each in page.entries]
        before = page.before
        if before is None:
            break
    assert found == list(range(24, 0, -1))


def test_what_is_wanted_is_found_and_nothing_else(filled: Database) -> None:
    assert numbers(filled, actor="user:2") == list(range(23, 0, -3))
    assert numbers(filled, action="case.decided") == list(range(22, 0, -4))
    assert numbers(filled, action="case") == sorted([*range(1, 25, 4), *range(2, 25, 4)], reverse=True)
    assert numbers(filled, subject_type="case", subject_id="3") == [24, 14, 4]
    assert numbers(filled, subject_type="case") == list(range(24, 0, -2))
    assert numbers(filled, actor="user:1", subject_type="user", subject_id="3") == [19]


def test_the_beginning_of_an_action_is_no_pattern(filled: Database) -> None:
    assert numbers(filled, action="%") == []
    assert numbers(filled, action="cas_") == []


def test_a_search_goes_so_far_and_says_where_to_go_on(filled: Database) -> None:
    first = search(filled, Wanted(actor="nobody"), reach=10)
    assert first == Found([], 24, 15, 15)
    second = search(filled, Wanted(actor="nobody"), reach=10, before=15)
    assert second == Found([], 14, 5, 5)
    assert search(filled, Wanted(actor="nobody"), reach=10, before=5) == Found([], 4, 1, None)


def test_what_is_about_one_thing_is_found_however_far_back(filled: Database) -> None:
    found = search(filled, Wanted(subject_type="case", subject_id="3"), reach=1)
    assert [each.sequence for each in found.entries] == [24, 14, 4]


def test_times_end_before_and_begin_with_what_is_said(filled: Database, now: datetime) -> None:
    def hour(number: int) -> datetime:
        return now + timedelta(hours=number)

    assert numbers(filled, since=hour(5), until=hour(8)) == [8, 7, 6]
    assert numbers(filled, since=hour(22)) == [24, 23]
    assert numbers(filled, until=hour(1)) == [1]
    assert numbers(filled, since=hour(24)) == []
    assert numbers(filled, until=now) == []
    assert numbers(filled, since=hour(9), until=hour(3)) == []


def test_an_entry_whose_clock_was_behind_is_found_by_its_own_time(database: Database, now: datetime) -> None:
    with database.write() as connection:
        for seconds in (0, 60, 59.5, 120, 119, 180):
            append(
                connection,
                actor="system",
                action="case.opened",
                subject_type="case",
                subject_id=1,
                now=now + timedelta(seconds=seconds),
            )
    assert numbers(database, since=now + timedelta(seconds=60)) == [6, 5, 4, 2]
    assert numbers(database, until=now + timedelta(seconds=60)) == [3, 1]


def test_an_empty_chain_is_searched_to_its_end(database: Database, now: datetime) -> None:
    assert search(database, Wanted(since=now)) == Found([], 0, 0, None)


def test_an_entry_is_found_by_its_number(filled: Database) -> None:
    with filled.read() as connection:
        assert find_entry(connection, 7).actor == "user:1"
        assert first_checkpoint_from(connection, 1) is None
        with pytest.raises(AuditEntryNotFound):
            find_entry(connection, 25)


def test_a_search_by_time_passes_over_what_was_taken_out(filled: Database, now: datetime) -> None:
    with filled.write() as connection:
        connection.execute(delete(audit_entries).where(audit_entries.c.sequence.between(5, 15)))
    assert numbers(filled, since=now + timedelta(hours=3)) == [24, 23, 22, 21, 20, 19, 18, 17, 16, 4]
