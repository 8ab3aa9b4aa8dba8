from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from hedgerow.app import now
from hedgerow.app.shield import open_shield
from hedgerow.banks import Attributes, NewEntry, add_entries, create_bank
from hedgerow.cases import ContentSignal, NewMatch, NewSubmission, open_or_join_case, record_submission
from hedgerow.hashing.signal import Signal
from hedgerow.migrations import open_migrated
from hedgerow.policy import Outcome, Then, Tier, install_default
from hedgerow.settings import load_settings
from hedgerow.simulators.shield import ShieldPlay
from hedgerow.simulators.stage import Simulator

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from tests.cli.conftest import Outcome as Ran

    Run = Callable[..., Ran]

pytest.importorskip("cryptography", reason="NO CRYPTOGRAPHY: this test checked NOTHING. Install hedgerow[server].")
ABUSE = bytes([1]) * 32


@pytest.fixture
def simulator() -> Iterator[Any]:
    with Simulator(ShieldPlay({ABUSE.hex(): "csam"})) as played:
        yield played
        assert played.play.breaches == []


@pytest.fixture
def case(tmp_path: Path) -> str:
    """Give the number of a case about one medium."""
    database = open_migrated(load_settings(data=tmp_path / "hedgerow-data"))
    with database.write() as connection:
        policy = install_default(connection, now=now())
        bank = create_bank(connection, "known", now=now())
        add_entries(connection, bank, [NewEntry(Signal("pdq", ABUSE, 100), Attributes("person"))], now=now())
        match = NewMatch(
            bank_id=bank.id,
            bank_name="known",
            entry_id=1,
            provenance="person",
            signal_type="pdq",
            distance=0,
            threshold=31,
            variant="as is",
            tier=Tier.EXACT,
            outcome=Outcome("a rule", Then.REVIEW, 2, "known"),
            policy_version=policy,
        )
        sent = record_submission(connection, NewSubmission("content", door="api", sha256=ABUSE), now=now()).submission
        gathered = open_or_join_case(
            connection, sent, [match], signal=ContentSignal(ABUSE, 100), actor="key:1", now=now()
        )
    database.close()
    assert gathered is not None
    return gathered.case.number


@pytest.fixture
def ready(run: Run, simulator: Any, tmp_path: Path) -> Run:
    """Give a command line of a house that may ask the simulator."""
    assert run("shield", "configure", "--base-url", simulator.url, "--calls-per-minute", 600).status == 0
    with open_shield(load_settings(data=tmp_path / "hedgerow-data")) as shield:
        shield.set_credentials({"user": "simulator", "password": "simulator"}, actor="cli")
    assert run("shield", "on").out == "It is on.\n"
    return run


def test_it_is_off_until_somebody_switches_it_on(run: Run, case: str) -> None:
    assert "It is off, and nothing is asked: hedgerow shield on" in run("shield", "status").out
    refused = run("shield", "ask", case)
    assert refused.status == 2
    assert "it is switched off (`hedgerow shield on`)" in refused.err
    (standing,) = run("shield", "status", "--json").objects
    assert (standing["enabled"], standing["lacks"], standing["production"]) == (False, "off", False)


def test_an_answer_is_told_and_stands_in_the_case(ready: Run, case: str) -> None:
    asked = ready("shield", "ask", case)
    assert asked.status == 0
    assert 'known to be child sexual abuse material ("csam")' in asked.out
    (told,) = ready("shield", "answers", case, "--json").objects
    assert (told["media"], told["state"], told["known"], told["asked_by"]) == (1, "answered", "csam", "cli")
    assert ready("shield", "ask", case, "--media", 2).status == 2


def test_silence_has_an_exit_status_of_its_own_and_says_that_it_is_no_no(ready: Run, case: str, simulator: Any) -> None:
    simulator.faults.add("pdq:1:unavailable")
    asked = ready("shield", "ask", case)
    assert asked.status == 3
    assert "not answered yet (unavailable, 1 tries); that is not a no" in asked.out


def test_production_is_armed_on_purpose(run: Run) -> None:
    assert run("shield", "arm", "--yes").out == "It speaks to no production system; there is nothing to arm.\n"
    run("shield", "configure", "--environment", "production")
    assert "https://shield.projectarachnid.com" in run("shield", "arm", "--yes").out
    assert run("shield", "disarm").out == "It is disarmed.\n"
    assert run("shield", "off").status == 0
