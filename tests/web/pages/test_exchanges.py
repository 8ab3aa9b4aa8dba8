"""Exchanges for people: how each fetch ended, and what can be asked for."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest

from hedgerow.accounts import Role
from hedgerow.app import now
from hedgerow.app.serving.exchanges import failing_exchanges
from hedgerow.hma.exchanging import claim_due, finish_fetch

if TYPE_CHECKING:
    from collections.abc import Callable

    from hedgerow.accounts import User
    from hedgerow.database import Database


@pytest.fixture
def lea(browser: Any, add_user: Callable[..., User]) -> Any:
    add_user("lea", Role.LEAD)
    browser.log_in("lea")
    return browser


def fetch(database: Database, *, counts: tuple[int, int] | None, error: str | None) -> None:
    """Let a fetch end."""
    with database.write() as connection:
        claimed = claim_due(connection, now=now(), is_everything=True)
        assert claimed is not None
        exchange, token = claimed
        every = timedelta(minutes=4)
        assert finish_fetch(connection, exchange, token, every=every, counts=counts, error=error, now=now())


def failing(database: Database) -> list[str]:
    with database.read() as connection:
        return [each.exchange.name for each in failing_exchanges(connection)]


def test_an_exchange_is_made_fetched_and_switched_off(
    lea: Any, database: Database, actions: Callable[[], list[str]]
) -> None:
    made = lea.send("/exchanges", kind="local_file", name="OURS", **{"config-filename": "list.txt"})
    assert (made.status_code, made.headers["location"]) == (303, "/exchanges/OURS?note=on"), made.text
    page = lea.get("/exchanges/OURS").text
    assert "list.txt" in page
    assert "None yet." in page
    fetch(database, counts=(3, 1), error=None)
    fetch(database, counts=(0, 0), error=None)
    shown = lea.get("/exchanges/OURS").text
    assert shown.count("Changed</span>") == 1
    assert lea.send("/exchanges/OURS/fetch").headers["location"] == "/exchanges/OURS?note=fetching"
    assert actions()[-1] == "exchange.asked_for"
    with database.write() as connection:
        assert claim_due(connection, now=now()) is not None
    off = lea.send("/exchanges/OURS/switch", enabled="")
    assert off.headers["location"] == "/exchanges/OURS?note=off"
    assert "Switched off" in lea.get("/exchanges").text
    assert "Fetch it now" not in lea.get("/exchanges/OURS").text


def test_a_fetch_that_failed_shows_until_one_succeeds(lea: Any, database: Database) -> None:
    lea.send("/exchanges", kind="sample", name="OURS")
    fetch(database, counts=None, error="import_unreadable")
    assert failing(database) == ["OURS"]
    assert "import_unreadable" in lea.get("/exchanges").text
    assert 'href="/problems/import_unreadable"' in lea.get("/exchanges/OURS").text
    fetch(database, counts=(1, 0), error=None)
    assert failing(database) == []
    assert "import_unreadable" not in lea.get("/exchanges").text
    assert "import_unreadable" in lea.get("/exchanges/OURS").text  # its history


@pytest.mark.sqlite_file
def test_what_does_not_fit_is_said_where_it_was_typed(lea: Any, database: Database) -> None:
    for fields in (
        {"kind": "sample", "name": "lower"},
        {"kind": "local_file", "name": "OURS", "config-filename": "../100%"},
        {"kind": "none", "name": "OURS"},
    ):
        answer = lea.send("/exchanges", **fields)
        assert (answer.status_code, "<title>Error: Exchanges" in answer.text) == (422, True)
    assert lea.get("/exchanges/NONE").status_code == 404
    assert "There is no exchange." in lea.get("/exchanges").text


@pytest.mark.sqlite_file
def test_a_reviewer_has_no_part_in_it(browser: Any, add_user: Callable[..., User], database: Database) -> None:
    add_user("rey", Role.REVIEWER)
    browser.log_in("rey")
    assert browser.get("/exchanges").status_code == 403
    assert browser.send("/exchanges", kind="sample", name="OURS").status_code == 403
