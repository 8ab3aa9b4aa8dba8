"""Look-backs for people."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest

from hedgerow.accounts import Role
from hedgerow.app import now
from hedgerow.app.serving import banks
from hedgerow.banks import records
from hedgerow.cases import NewSubmission, record_submission
from hedgerow.hashing import Signal
from hedgerow.ledger import record

if TYPE_CHECKING:
    from collections.abc import Callable

    from fastapi import FastAPI

    from hedgerow.accounts import User
    from hedgerow.database import Database


@pytest.fixture
def lea(app: FastAPI, browser: Any, add_user: Callable[..., User]) -> Any:
    banks.create_bank(app.state.service, "known", actor="cli")
    add_user("lea", Role.LEAD)
    browser.log_in("lea")
    return browser


def remember(database: Database) -> None:
    """Keep the signals of a submission."""
    with database.write() as connection:
        sent = record_submission(connection, NewSubmission("post-1", "api"), now=now()).submission
        until = now() + timedelta(days=30)
        record(connection, sent.id, [Signal("pdq", bytes(range(32)), 90)], now=now(), keep_until=until)
        bank = records.find_bank(connection, "known")
        records.add_entries(connection, bank, [], now=now())


def test_a_look_back_is_asked_for_seen_and_stopped(lea: Any, database: Database) -> None:
    remember(database)
    asked = lea.send("/lookbacks", bank="known", entries="")
    assert (asked.status_code, asked.headers["location"]) == (303, "/lookbacks?note=asked"), asked.text
    page = lea.get("/lookbacks?note=asked").text
    assert "the whole bank" in page
    assert "Waits" in page
    assert lea.send("/lookbacks/1/stop").headers["location"] == "/lookbacks?note=stopped"
    stopped = lea.get("/lookbacks").text
    assert "Stopped" in stopped
    assert 'action="/lookbacks/1/stop"' not in stopped
    assert lea.send("/lookbacks/99/stop").status_code == 404


def test_what_cannot_be_asked_for_is_said_at_its_field(lea: Any, database: Database) -> None:
    empty = lea.send("/lookbacks", bank="known", entries="")
    assert (empty.status_code, "The ledger is empty" in empty.text) == (422, True)
    remember(database)
    for entries, field in (("x", "entries-error"), ("99", "entries-error")):
        answer = lea.send("/lookbacks", bank="known", entries=entries)
        assert (answer.status_code, f'id="{field}"' in answer.text) == (422, True), answer.text
    answer = lea.send("/lookbacks", bank="100%", entries="")
    assert (answer.status_code, 'id="bank-error"' in answer.text) == (422, True)


@pytest.mark.sqlite_file
def test_a_reviewer_cannot_look_back(browser: Any, add_user: Callable[..., User], database: Database) -> None:
    add_user("rey", Role.REVIEWER)
    browser.log_in("rey")
    assert browser.get("/lookbacks").status_code == 403
    assert browser.send("/lookbacks", bank="known").status_code == 403
