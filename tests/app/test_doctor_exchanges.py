"""What the doctor finds of exchanges: each finding says what to do, and nothing is found where all is well."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest

from hedgerow.app import doctor_exchanges, now
from hedgerow.app.doctor import Check, Standing
from hedgerow.app.doctor_exchanges import look_at_exchanges
from hedgerow.banks.records import create_bank
from hedgerow.errors import PageUnreadable
from hedgerow.exchanges.exchanging import change_exchange, create_exchange
from hedgerow.exchanges.leases import Ending, claim_due, finish_fetch, note_page
from hedgerow.exchanges.model import Applied, FetchMode
from hedgerow.exchanges.shield_account import change_shield, stop_shield
from hedgerow.settings import load_settings

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from hedgerow.database import Database


@pytest.fixture
def found(database: Database, tmp_path: Path) -> Callable[[], list[Check]]:
    settings = load_settings(data=tmp_path)
    return lambda: list(look_at_exchanges(settings, database))


def made(
    database: Database, name: str, kind: str, config: dict[str, Any], *, fetched: bool = True, **ends: Any
) -> None:
    with database.write() as connection:
        bank = create_bank(connection, name, now=now())
        create_exchange(connection, bank, kind, config, actor="cli", now=now())
        if not fetched:
            return
        claimed = claim_due(connection, now=now(), name=name)
        assert claimed is not None
        if ends.pop("is_unreadable", False):
            error = PageUnreadable("it is no JSON", "after page 3", skip="page 4", skip_to={"page": 5})
            note_page(connection, claimed, FetchMode.UPDATE, error, now=now())
        said = {"is_current": True, "due_at": now() + timedelta(hours=1)} | ends
        assert finish_fetch(
            connection, claimed, Ending(FetchMode.UPDATE, Applied(), started_at=now(), **said), now=now()
        )


def sentences(checks: list[Check]) -> dict[str, Standing]:
    assert all((each.advice is None) is (each.standing is Standing.OK) for each in checks)
    assert {each.name for each in checks} == {"exchanges"}
    return {each.sentence: each.standing for each in checks}


def test_where_all_is_well_nothing_is_found(database: Database, found: Callable[[], list[Check]]) -> None:
    assert sentences(found()) == {"0 exchanges, and none needs a person.": Standing.OK}
    made(database, "PICTURES", "sample", {})
    assert sentences(found()) == {"One exchange, and none needs a person.": Standing.OK}


def test_each_thing_that_needs_a_person_is_found_with_what_to_do(
    database: Database, found: Callable[[], list[Check]], monkeypatch: pytest.MonkeyPatch
) -> None:
    made(database, "BARE", "stop_ncii", {"environment": "production"}, fetched=False)
    made(database, "OLD", "sample", {})
    made(database, "STUCK", "sample", {}, is_unreadable=True, is_current=False, error="page_unreadable")
    made(database, "REFUSED", "sample", {}, error="partner_refused", stopped="partner_refused")
    told = sentences(found())
    assert told == {
        "BARE has no credentials, and brings nothing.": Standing.CAUTION,
        "BARE is set to a production system, and nobody has armed it.": Standing.CAUTION,
        "STUCK does not get past a page that cannot be read.": Standing.WRONG,
        "REFUSED stands still: its partner refuses us.": Standing.WRONG,
    }
    assert {each.advice for each in found() if "REFUSED" in each.sentence} == {
        "Ask the partner or enter other credentials, then run hedgerow exchange resume REFUSED."
    }
    late = now() + timedelta(days=2)
    monkeypatch.setattr(doctor_exchanges, "now", lambda: late)
    assert "OLD is out of date: three fetches in a row are overdue or failed." in sentences(found())
    with database.write() as connection:
        for name in ("BARE", "OLD", "STUCK", "REFUSED"):
            change_exchange(connection, name, is_enabled=False, actor="cli", now=now())
    assert list(sentences(found()).values()) == [Standing.OK]


def test_shield_is_looked_at_where_it_is_on(database: Database, found: Callable[[], list[Check]]) -> None:
    with database.write() as connection:
        change_shield(connection, is_enabled=True, actor="cli", now=now())
    assert sentences(found()) == {
        "Project Arachnid Shield is on and cannot be asked: it has no credentials.": Standing.CAUTION
    }
    with database.write() as connection:
        stop_shield(connection, "our credentials", now=now())
    assert list(sentences(found()).values()) == [Standing.WRONG]
    with database.write() as connection:
        change_shield(connection, is_enabled=False, actor="cli", now=now())
    assert list(sentences(found()).values()) == [Standing.OK]
