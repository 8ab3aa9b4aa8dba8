from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from sqlalchemy import update

from hedgerow.audit import append
from hedgerow.audit.tables import audit_entries
from hedgerow.audit.timeline import timeline

if TYPE_CHECKING:
    from datetime import datetime

    from hedgerow.database import Database


@pytest.fixture
def _entries(database: Database, now: datetime) -> None:
    with database.write() as connection:
        for number in range(9):
            append(
                connection,
                actor="user:1",
                action="case.opened",
                subject_type="case",
                subject_id=number % 3,
                details={"n": number, "share": 0.25, "word": "é"},
                now=now,
            )


@pytest.mark.usefixtures("_entries")
def test_the_latest_entries_of_one_thing_come_first_and_are_whole(database: Database) -> None:
    with database.read() as connection:
        links = timeline(connection, "case", 1, limit=2)
    assert [each.entry.sequence for each in links] == [8, 5]
    assert all(each.is_whole for each in links)


@pytest.mark.usefixtures("_entries")
@pytest.mark.parametrize(
    ("sequence", "values", "broken"),
    [
        (5, {"actor": "user:2"}, [5]),
        (5, {"details": '{"n":5}'}, [5]),
        (4, {"hash": bytes(32)}, [5]),
        (6, {"previous_hash": bytes(32)}, [5]),
        (9, {"actor": "user:2"}, []),
    ],
)
def test_a_change_to_an_entry_or_beside_it_shows(
    database: Database, sequence: int, values: dict[str, object], broken: list[int]
) -> None:
    with database.write() as connection:
        connection.execute(update(audit_entries).where(audit_entries.c.sequence == sequence).values(**values))
    with database.read() as connection:
        links = timeline(connection, "case", 1, limit=9)
    assert [each.entry.sequence for each in links if not each.is_whole] == broken


@pytest.mark.usefixtures("_entries")
def test_an_entry_that_is_gone_leaves_its_neighbours_broken(database: Database) -> None:
    with database.write() as connection:
        connection.execute(audit_entries.delete().where(audit_entries.c.sequence == 7))
    with database.read() as connection:
        links = timeline(connection, "case", 2, limit=9)
        others = timeline(connection, "case", 1, limit=9)
    assert [each.entry.sequence for each in links if not each.is_whole] == [6]
    assert [each.entry.sequence for each in others if not each.is_whole] == [8]
