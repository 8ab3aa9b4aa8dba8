from __future__ import annotations

from typing import TYPE_CHECKING

from hedgerow import ledger

if TYPE_CHECKING:
    from .conftest import House


def test_the_horizon_of_an_empty_ledger_is_zero_and_complete(house: House) -> None:
    with house.database.read() as connection:
        found = ledger.horizon(connection)
    assert found.row_id == 0
    with house.database.read() as connection:
        assert ledger.is_complete(connection, found)


def test_the_horizon_is_the_last_row(house: House) -> None:
    house.submit(1)
    house.submit(2)
    with house.database.read() as connection:
        assert ledger.horizon(connection).row_id == 2


def test_the_horizon_is_complete_when_whoever_was_writing_has_ended(house: House) -> None:
    with house.database.write() as slow:
        is_postgresql = slow.dialect.name == "postgresql"
        house.submit_in(slow, [house.signal(1)])
        if is_postgresql:
            house.submit(2)  # commits first, with a greater number
            with house.database.read() as connection:
                found = ledger.horizon(connection)
            assert found.row_id == 2
            with house.database.read() as connection:
                assert not ledger.is_complete(connection, found)
                assert [
                    row.id for row in ledger.rows_after(connection, 0, 9, now=house.now, limit=9, most_bytes=1024)
                ] == [2]
    if not is_postgresql:
        return  # one writer at a time: numbers appear in their order
    with house.database.read() as connection:
        assert ledger.is_complete(connection, found)
        rows = ledger.rows_after(connection, 0, found.row_id, now=house.now, limit=9, most_bytes=1024)
    assert [row.id for row in rows] == [1, 2]


def test_who_begins_to_write_later_is_not_waited_for(house: House) -> None:
    house.submit(1)
    with house.database.read() as connection:
        found = ledger.horizon(connection)
    with house.database.write() as slow:
        house.submit_in(slow, [house.signal(2)])
        with house.database.read() as connection:
            assert ledger.is_complete(connection, found)
