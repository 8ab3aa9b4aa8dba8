from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

import pytest
from sqlalchemy import select, update
from sqlalchemy.exc import IntegrityError

from hedgerow import ledger
from hedgerow.audit.tables import audit_entries
from hedgerow.banks.held import latest_change
from hedgerow.hashing.signal import Signal
from hedgerow.ledger.tables import ledger_rows

if TYPE_CHECKING:
    from .conftest import House

MIB = 1024**2


def _all(house: House, *, later: timedelta = timedelta(0), limit: int = 100, most_bytes: int = MIB) -> list[int]:
    with house.database.read() as connection:
        rows = ledger.rows_after(connection, 0, 10**9, now=house.now + later, limit=limit, most_bytes=most_bytes)
    return [row.submission_id for row in rows]


def test_the_signals_of_a_submission_come_back(house: House) -> None:
    number = house.submit(1, 2)
    with house.database.read() as connection:
        (row,) = ledger.rows_after(connection, 0, 99, now=house.now, limit=9, most_bytes=MIB)
        assert ledger.count_rows(connection, now=house.now) == 1
    assert row.submission_id == number
    assert row.signals == (house.signal(1), house.signal(2))


def test_rows_come_in_their_order_and_in_parts(house: House) -> None:
    numbers = [house.submit(each) for each in range(7)]
    assert _all(house) == numbers
    assert _all(house, limit=3) == numbers[:3]
    assert _all(house, most_bytes=1) == numbers[:1]
    with house.database.read() as connection:
        rows = ledger.rows_after(connection, 3, 5, now=house.now, limit=9, most_bytes=MIB)
    assert [row.id for row in rows] == [4, 5]


def test_without_signals_nothing_is_kept(house: House) -> None:
    with house.database.write() as connection:
        assert not ledger.record(connection, 1, [], now=house.now, keep_until=house.now)
    assert _all(house) == []


def test_a_submission_has_one_row_at_most(house: House) -> None:
    number = house.submit(1)
    with pytest.raises(IntegrityError), house.database.write() as connection:
        ledger.record(connection, number, [house.signal(2)], now=house.now, keep_until=house.now)


def test_what_is_over_is_not_read_even_before_it_is_forgotten(house: House) -> None:
    house.submit(1, days=1)
    kept = house.submit(2, days=3)
    assert _all(house, later=timedelta(days=1)) == [kept]
    with house.database.read() as connection:
        assert ledger.count_rows(connection, now=house.now + timedelta(days=2)) == 1


def test_what_is_over_is_forgotten_some_at_a_time_and_the_audit_says_how_many(house: House) -> None:
    for each in range(5):
        house.submit(each, days=1)
    kept = house.submit(9, days=3)
    later = house.now + timedelta(days=2)
    with house.database.write() as connection:
        assert [ledger.expire(connection, now=later, limit=3) for _ in range(3)] == [3, 2, 0]
    assert _all(house) == [kept]
    with house.database.read() as connection:
        lines = connection.execute(
            select(audit_entries.c.details).where(audit_entries.c.action == "ledger.expired")
        ).scalars()
        assert list(lines) == ['{"rows":3}', '{"rows":2}']


def test_a_row_that_cannot_be_read_is_given_without_signals(house: House, caplog: pytest.LogCaptureFixture) -> None:
    house.submit(1)
    with house.database.write() as connection:
        connection.execute(update(ledger_rows).values(packed=b"\x09junk"))
    with house.database.read() as connection:
        (row,) = ledger.rows_after(connection, 0, 99, now=house.now, limit=9, most_bytes=MIB)
    assert row.signals is None
    assert "Row 1 of the ledger cannot be read" in caplog.text


def test_what_was_searched_before_the_banks_changed_is_marked(house: House) -> None:
    with house.database.read() as connection:
        before = latest_change(connection)
    house.submit(1, seen=before)
    house.bank_signals(5)
    number = house.submit(2, seen=before)
    with house.database.read() as connection:
        house.submit(3, seen=latest_change(connection)) if connection.dialect.name == "postgresql" else None
        (row,) = ledger.behind(connection, now=house.now, limit=9)
    assert row.submission_id == number
    with house.database.write() as connection:
        ledger.catch_up_done(connection, [row.id])
        ledger.catch_up_done(connection, [])
        assert ledger.behind(connection, now=house.now, limit=9) == []


def test_a_row_that_is_gone_cannot_be_held(house: House) -> None:
    house.submit(1)
    with house.database.write() as connection:
        assert ledger.hold_row(connection, 1)
        assert not ledger.hold_row(connection, 2)


def test_a_number_never_comes_again(house: House) -> None:
    house.submit(1, days=1)
    with house.database.write() as connection:
        ledger.expire(connection, now=house.now + timedelta(days=2))
    house.submit(2)
    with house.database.read() as connection:
        (row,) = ledger.rows_after(connection, 1, 99, now=house.now, limit=9, most_bytes=MIB)
    assert row.id == 2
    assert row.signals is not None
    assert isinstance(row.signals[0], Signal)
