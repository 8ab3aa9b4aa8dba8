from __future__ import annotations

import subprocess
import sys
import threading
import time
from typing import TYPE_CHECKING

import numpy as np
import pytest

from hedgerow.banks import Bank, Matcher, NewEntry, add_entries, withdraw_entry
from hedgerow.banks.following import Follower
from hedgerow.errors import DatabaseUnavailable
from hedgerow.hashing.signal import Signal

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime
    from pathlib import Path

    from hedgerow.database import Database

# The promise is a second; a machine that does ten other things may take longer.
_PATIENCE_S = 5.0

A, B = (Signal("pdq", np.random.default_rng(seed).bytes(32)) for seed in (1, 2))


def _add(database: Database, bank: Bank, now: datetime, *signals: Signal) -> None:
    with database.write() as connection:
        assert not add_entries(connection, bank, [NewEntry(each) for each in signals], now=now).refused


def _soon(is_so: Callable[[], bool]) -> bool:
    deadline = time.monotonic() + _PATIENCE_S
    while time.monotonic() < deadline:
        if is_so():
            return True
        time.sleep(0.02)
    return is_so()


@pytest.fixture
def matcher(database: Database, data: Path) -> Matcher:
    return Matcher(database, data)


def test_what_is_banked_matches_and_what_is_withdrawn_is_gone(
    database: Database, matcher: Matcher, bank: Bank, now: datetime
) -> None:
    with Follower(matcher, 0.05):
        assert matcher.search([A]) == []
        _add(database, bank, now, A)
        assert _soon(lambda: len(matcher.search([A])) == 1)
        with database.write() as connection:
            withdraw_entry(connection, bank, 1, now=now)
        assert matcher.search([A]) == []
        assert _soon(lambda: sum(state.rows for state in matcher.health().indexes) == 0)


_BANK_ONE = """
import sys
from datetime import UTC, datetime
from pathlib import Path
from hedgerow.banks import NewEntry, add_entries, find_bank
from hedgerow.database import open_database
from hedgerow.hashing.signal import Signal
database = open_database(Path(sys.argv[1]), sys.argv[2] or None)
with database.write() as connection:
    new = [NewEntry(Signal("pdq", bytes.fromhex(sys.argv[3])))]
    add_entries(connection, find_bank(connection, "known"), new, now=datetime.now(UTC))
"""


def test_what_another_process_banks_matches_here(database: Database, matcher: Matcher, data: Path, bank: Bank) -> None:
    url = database.engine.url
    address = "" if url.get_backend_name() == "sqlite" else url.render_as_string(hide_password=False)
    with Follower(matcher):
        assert matcher.search([A]) == []
        command = [sys.executable, "-c", _BANK_ONE, str(data), address, A.value]
        subprocess.run(command, check=True, timeout=60)
        assert _soon(lambda: [match.bank for match in matcher.search([A])] == [bank.name])


def test_it_survives_a_database_that_is_away_and_recovers(
    database: Database,
    matcher: Matcher,
    bank: Bank,
    now: datetime,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    matcher.search([A])
    is_away = threading.Event()
    refresh = matcher.refresh

    def fail(*, loads: bool = True) -> bool:
        if is_away.is_set():
            raise DatabaseUnavailable("for a test")
        return refresh(loads=loads)

    monkeypatch.setattr(matcher, "refresh", fail)
    with Follower(matcher, 0.02) as follower:
        assert _soon(lambda: follower.age_s() is not None)
        is_away.set()
        assert _soon(lambda: follower.error == DatabaseUnavailable.reason)
        age = follower.age_s()
        assert age is not None
        assert _soon(lambda: (follower.age_s() or 0) > age)
        assert follower.is_running
        _add(database, bank, now, A)
        assert matcher.search([A]) == []
        is_away.clear()
        assert _soon(lambda: len(matcher.search([A])) == 1)
        assert _soon(lambda: follower.error is None)
    assert not follower.is_running
    failures = [record for record in caplog.records if "failed" in record.message]
    assert len(failures) == 1  # however often it was tried


def test_anything_else_that_goes_wrong_does_not_end_it_either(
    matcher: Matcher, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(**_: object) -> bool:
        raise RuntimeError

    with monkeypatch.context() as patched, Follower(matcher, 0.01) as follower:
        patched.setattr(matcher, "refresh", fail)
        assert _soon(lambda: follower.error == "RuntimeError")
        patched.undo()
        assert _soon(lambda: follower.error is None)


def test_it_can_be_started_and_stopped_again_and_again(
    database: Database, matcher: Matcher, bank: Bank, now: datetime
) -> None:
    follower = Follower(matcher, 0.05)
    assert follower.age_s() is None
    follower.stop()
    for signal in (A, B):
        follower.start()
        follower.start()
        _add(database, bank, now, signal)
        assert _soon(lambda signal=signal: len(matcher.search([signal])) == 1)  # type: ignore[misc]  # bound now
        follower.stop()
        assert not follower.is_running


def test_a_bank_that_is_loaded_keeps_no_other_from_being_followed(
    database: Database, matcher: Matcher, bank: Bank, now: datetime, monkeypatch: pytest.MonkeyPatch
) -> None:
    from hedgerow.banks import create_bank  # noqa: PLC0415  (of this test alone)
    from hedgerow.banks.bank_index import BankIndex  # noqa: PLC0415  (only here)

    matcher.search([A])
    let_go = threading.Event()
    load = BankIndex.load

    def wait(self: BankIndex, *args: object) -> None:
        assert let_go.wait(6 * _PATIENCE_S)
        load(self, *args)  # type: ignore[arg-type]  # handed on

    monkeypatch.setattr(BankIndex, "load", wait)
    with Follower(matcher, 0.02):
        with database.write() as connection:
            other = create_bank(connection, "other", now=now)
        _add(database, other, now, B)
        assert _soon(lambda: matcher.is_lacking)
        _add(database, bank, now, A)
        assert _soon(lambda: len(matcher.search([A])) == 1)
        assert matcher.search([B]) == []
        let_go.set()
        assert _soon(lambda: len(matcher.search([B])) == 1)
