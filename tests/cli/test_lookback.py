from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest
from sqlalchemy import update

from hedgerow import ledger
from hedgerow.app import now
from hedgerow.banks import NewEntry, add_entries, create_bank
from hedgerow.cases import NewSubmission, record_submission
from hedgerow.hashing.signal import Signal
from hedgerow.ledger.tables import ledger_rows
from hedgerow.migrations import open_migrated
from hedgerow.settings import load_settings

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from hedgerow.database import Database

    Run = Callable[..., Any]


@pytest.fixture
def place(tmp_path: Path) -> Iterator[Database]:
    """Give the database in the current folder of `run`: one of two submissions was banked afterwards."""
    database = open_migrated(load_settings(data=tmp_path / "hedgerow-data"))
    with database.write() as connection:
        bank = create_bank(connection, "known", now=now())
        for number in (1, 2):
            sent = NewSubmission(content_id=f"post-{number}", door="api")
            submission = record_submission(connection, sent, now=now()).submission
            signals = [Signal("pdq", bytes(range(number, number + 32)), 90)]
            ledger.record(connection, submission.id, signals, now=now(), keep_until=now() + timedelta(days=1))
        known = [Signal("pdq", bytes(range(1, 33))), Signal("md5", bytes(range(16)))]
        add_entries(connection, bank, [NewEntry(each) for each in known], now=now())
    yield database
    database.close()


@pytest.mark.usefixtures("place")
def test_a_request_is_left_to_the_service_unless_one_waits(run: Run) -> None:
    assert run("lookback", "known") == (0, "    1  known, all of it: waiting\n", "")
    status, out, _ = run("lookback", "known", "--wait")
    assert (status, out) == (1, "    1  known, all of it: done, 2 of 2 submissions looked up, 1 found anew\n")
    status, out, _ = run("lookback", "known", "--wait")
    assert (status, out) == (0, "    2  known, all of it: done, 2 of 2 submissions looked up, 0 found anew\n")


@pytest.mark.usefixtures("place")
def test_entries_are_named_and_look_backs_listed_shown_and_stopped(run: Run) -> None:
    assert run("lookback", "known", "--entry", 2, "--wait").status == 0
    assert run("lookback", "known", "--entry", 1, "--entry", 2).out == "    2  known, 2 entries: waiting\n"
    assert [line.split()[0] for line in run("lookback", "--list").out.splitlines()] == ["2", "1"]
    assert len(run("lookback", "known", "--list", "--json").objects) == 2
    assert run("lookback", "--show", 1).out.startswith("    1  known, 1 entry: done")
    assert run("lookback", "--stop", 2).out == "    2  known, 2 entries: stopped (stopped)\n"
    (shown,) = run("lookback", "--show", 2, "--json").objects
    assert (shown["state"], shown["entries"], shown["requested_by"]) == ("stopped", [1, 2], "cli")


def test_what_could_not_be_read_wins_over_what_was_found(place: Database, run: Run) -> None:
    with place.write() as connection:
        connection.execute(update(ledger_rows).where(ledger_rows.c.id == 2).values(packed=b"\x09"))
    status, out, _ = run("lookback", "known", "--wait")
    assert status == 3
    assert "1 could not be read" in out


@pytest.mark.usefixtures("place")
def test_a_bank_that_is_switched_off_is_a_failure_and_not_a_clean_answer(run: Run) -> None:
    assert run("bank", "change", "known", "--disable").status == 0
    status, out, _ = run("lookback", "known", "--wait")
    assert (status, out) == (4, "    1  known, all of it: stopped (bank disabled)\n")


@pytest.mark.parametrize(
    "arguments",
    [
        [],
        ["--list", "--show", 1],
        ["known", "--show", 1],
        ["known", "--stop", 1],
        ["--list", "--wait"],
        ["--show", 1, "--entry", 1],
        ["other"],
        ["known", "--entry", 9],
        ["--show", 9],
        ["known", "--entry", 0],
    ],
)
@pytest.mark.usefixtures("place")
def test_what_cannot_be_asked_for_is_a_matter_of_usage(run: Run, arguments: list[object]) -> None:
    assert run("lookback", *arguments).status == 2


def test_an_empty_ledger_is_not_a_clean_answer(run: Run) -> None:
    run("bank", "create", "known")
    status, out, err = run("lookback", "known", "--wait")
    assert (status, out) == (4, "")
    assert "lookback.enabled" in err
