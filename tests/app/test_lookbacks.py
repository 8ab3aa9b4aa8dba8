from __future__ import annotations

import threading
from datetime import timedelta
from typing import TYPE_CHECKING

import pytest

from hedgerow import ledger
from hedgerow.app import lookbacks, now
from hedgerow.banks import NewEntry, add_entries, create_bank
from hedgerow.cases import NewSubmission, record_submission
from hedgerow.errors import BankNotFound, EntryNotFound, InvalidLookBack, LedgerEmpty, LookBackNotFound
from hedgerow.hashing.signal import Signal
from hedgerow.migrations import open_migrated
from hedgerow.settings import Settings, load_settings

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture
def settings(data: Path) -> Settings:
    """Give the settings of a data folder in which a picture was submitted before it was banked."""
    settings = load_settings(data=data)
    database = open_migrated(settings)
    with database.write() as connection:
        bank = create_bank(connection, "known", now=now())
        submission = record_submission(connection, NewSubmission(content_id="post", door="api"), now=now()).submission
        signals = [Signal("pdq", bytes(range(32)), 90)]
        ledger.record(connection, submission.id, signals, now=now(), keep_until=now() + timedelta(days=1))
        add_entries(connection, bank, [NewEntry(Signal("pdq", bytes(range(32))))], now=now())
    database.close()
    return settings


def test_a_look_back_is_asked_for_worked_on_and_shown(settings: Settings) -> None:
    asked = lookbacks.request_look_back(settings, "known", [1])
    assert (asked.bank, asked.look_back.entry_ids, asked.look_back.requested_by) == ("known", (1,), "cli")
    told: list[lookbacks.LookBackStanding] = []
    ended = lookbacks.work_look_back(settings, asked.look_back.id, told.append)
    assert [each.look_back.checked for each in told] == [1]
    assert ended.to_json() | {"requested_at": None, "started_at": None, "ended_at": None} == {
        "lookback": 1,
        "bank": "known",
        "entries": [1],
        "automatic": False,
        "state": "done",
        "requested_by": "cli",
        "requested_at": None,
        "started_at": None,
        "ended_at": None,
        "total": 1,
        "checked": 1,
        "unreadable": 0,
        "found": 1,
        "last_error": None,
    }
    assert lookbacks.show_look_back(settings, 1) == ended
    assert lookbacks.list_look_backs(settings) == lookbacks.list_look_backs(settings, bank="known") == [ended]
    assert lookbacks.work_look_back(settings, 1) == ended


def test_where_another_works_on_it_one_waits_for_that(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    number = lookbacks.request_look_back(settings, "known").look_back.id
    database = open_migrated(settings)
    with database.write() as connection:
        claim = ledger.claim_look_back(connection, now=now())
    assert claim is not None
    waited = threading.Event()

    def end(_: float) -> None:
        waited.set()
        with database.write() as connection:
            ledger.finish(connection, claim, now=now())

    monkeypatch.setattr(lookbacks.time, "sleep", end)
    assert lookbacks.work_look_back(settings, number).look_back.has_ended
    assert waited.is_set()
    database.close()


def test_trouble_is_told_at_once_although_it_is_tried_again(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    number = lookbacks.request_look_back(settings, "known").look_back.id

    def fail(*_: object, **__: object) -> None:
        raise BankNotFound("known")

    monkeypatch.setattr("hedgerow.screening.look_back.seeker_for", fail)
    standing = lookbacks.work_look_back(settings, number)
    assert (standing.look_back.last_error, standing.look_back.has_ended) == ("bank_not_found", False)


def test_a_look_back_can_be_stopped(settings: Settings) -> None:
    number = lookbacks.request_look_back(settings, "known").look_back.id
    assert lookbacks.stop_look_back(settings, number).look_back.last_error == "stopped"


def test_what_is_not_there_is_said(settings: Settings, tmp_path: Path) -> None:
    for error, call in (
        (BankNotFound, lambda: lookbacks.request_look_back(settings, "other")),
        (BankNotFound, lambda: lookbacks.list_look_backs(settings, bank="other")),
        (EntryNotFound, lambda: lookbacks.request_look_back(settings, "known", [7])),
        (InvalidLookBack, lambda: lookbacks.request_look_back(settings, "known", [])),
        (LookBackNotFound, lambda: lookbacks.show_look_back(settings, 9)),
        (LookBackNotFound, lambda: lookbacks.stop_look_back(settings, 9)),
        (LookBackNotFound, lambda: lookbacks.work_look_back(settings, 9)),
    ):
        with pytest.raises(error):
            call()
    empty = load_settings(data=tmp_path / "empty")
    database = open_migrated(empty)
    with database.write() as connection:
        create_bank(connection, "known", now=now())
    database.close()
    with pytest.raises(LedgerEmpty):
        lookbacks.request_look_back(empty, "known")
    assert lookbacks.list_look_backs(empty) == []
