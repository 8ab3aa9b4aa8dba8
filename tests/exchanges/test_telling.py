"""What the platform is told of exchanges by webhook: once for each time that a person has to act, and no signal."""

from __future__ import annotations

import json
from datetime import timedelta
from typing import TYPE_CHECKING

from hedgerow.actions import add_endpoint, list_deliveries
from hedgerow.banks.records import create_bank
from hedgerow.database.sealing import ServiceKeys
from hedgerow.errors import PageUnreadable
from hedgerow.exchanges.exchanging import create_exchange, resume_exchange
from hedgerow.exchanges.leases import Ending, claim_due, finish_fetch, note_page
from hedgerow.exchanges.model import Applied, FetchMode
from hedgerow.exchanges.shield_account import change_shield, stop_shield

if TYPE_CHECKING:
    from datetime import datetime
    from typing import Any

    from hedgerow.database import Database

__all__: list[str] = []

KEYS = ServiceKeys((bytes(32),))


def told(database: Database, now: datetime) -> list[tuple[str, dict[str, Any]]]:
    with database.read() as connection:
        found = list_deliveries(connection, now=now)[::-1]
    return [(each.event, json.loads(each.body)["data"]) for each in found]


def begin(database: Database, now: datetime) -> None:
    with database.write() as connection:
        add_endpoint(connection, "https://platform.example/", keys=KEYS, actor="cli", now=now)
        create_exchange(connection, create_bank(connection, "partner", now=now), "ncmec", {}, actor="cli", now=now)


def end(
    database: Database, now: datetime, *, unreadable: PageUnreadable | None = None, stopped: str | None = None
) -> None:
    with database.write() as connection:
        claimed = claim_due(connection, now=now, is_everything=True)
        assert claimed is not None
        if unreadable is not None:
            note_page(connection, claimed, FetchMode.UPDATE, unreadable, now=now)
        ending = Ending(
            FetchMode.UPDATE,
            Applied(),
            started_at=now,
            due_at=now,
            is_current=False,
            error="page_unreadable" if unreadable else stopped,
            stopped=stopped,
        )
        assert finish_fetch(connection, claimed, ending, now=now)


def test_a_page_that_cannot_be_read_is_told_once(database: Database, now: datetime) -> None:
    begin(database, now)
    problem = PageUnreadable("it is no XML", "after page 3", skip="page 4", skip_to={"page": 5})
    for minute in range(3):
        end(database, now + timedelta(minutes=minute), unreadable=problem)
    said = {"place": "after page 3", "problem": "it is no XML", "can_be_left_out": True}
    assert told(database, now) == [("exchange.page_unreadable", {"exchange": "partner", "kind": "ncmec", **said})]


def test_a_partner_that_refuses_us_is_told_each_time_that_it_stops_an_exchange(
    database: Database, now: datetime
) -> None:
    begin(database, now)
    end(database, now, stopped="partner_refused")
    with database.write() as connection:
        resume_exchange(connection, "partner", actor="cli", now=now)
    end(database, now + timedelta(minutes=1), stopped="partner_refused")
    one = ("exchange.stopped", {"exchange": "partner", "kind": "ncmec", "reason": "partner_refused"})
    assert told(database, now) == [one, one]


def test_shield_that_refuses_us_is_told_once(database: Database, now: datetime) -> None:
    begin(database, now)
    with database.write() as connection:
        change_shield(connection, is_enabled=True, actor="cli", now=now)
        assert stop_shield(connection, "our credentials", now=now)
        assert not stop_shield(connection, "our credentials", now=now)
    said = {"exchange": "Project Arachnid Shield", "kind": "shield", "reason": "our credentials"}
    assert told(database, now) == [("exchange.stopped", said)]
