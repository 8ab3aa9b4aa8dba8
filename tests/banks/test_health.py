from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest

from hedgerow.banks import Bank, Matcher, NewEntry, add_entries
from hedgerow.banks.health import IndexHealth, IndexState
from hedgerow.errors import BankNotFound, DatabaseUnavailable
from hedgerow.hashing.signal import Signal

if TYPE_CHECKING:
    from collections.abc import Iterator
    from datetime import datetime
    from pathlib import Path

    from sqlalchemy import Connection

    from hedgerow.database import Database

A, B, C = (Signal("pdq", np.random.default_rng(seed).bytes(32)) for seed in (1, 2, 3))


def _add(database: Database, bank: Bank, now: datetime, *signals: Signal) -> None:
    with database.write() as connection:
        assert not add_entries(connection, bank, [NewEntry(each) for each in signals], now=now).refused


class _Clock:
    """Seconds that pass when they are told to."""

    def __init__(self) -> None:
        self.now = 1_000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> _Clock:
    return _Clock()


@pytest.fixture
def matcher(database: Database, data: Path, clock: _Clock) -> Matcher:
    return Matcher(database, data, small_bank_entries=0, delta_entries=1, clock=clock)


def test_before_anything_is_loaded_nothing_is_said_but_where_the_database_is(
    database: Database, matcher: Matcher, bank: Bank, now: datetime
) -> None:
    _add(database, bank, now, A)
    assert matcher.health() == IndexHealth((), 0, 0, None, 2, True, None, 0, None)
    assert matcher.health().lag is None


def test_each_index_says_what_it_holds_and_what_its_snapshot_lacks(
    database: Database, matcher: Matcher, bank: Bank, now: datetime
) -> None:
    _add(database, bank, now, A)
    matcher.load()
    _add(database, bank, now, B, C)
    assert matcher.health().lag == 2
    matcher.refresh()
    health = matcher.health()
    assert (health.banks, health.loading, health.lag, health.error) == (1, 0, 0, None)
    assert health.indexes == (
        IndexState(1, "known", "pdq", 3, 4, is_saved=True, unsaved_changes=2, quarantined=0),
        IndexState(1, "known", "vpdq", 0, 4, is_saved=False, unsaved_changes=0, quarantined=0),
    )
    matcher.merge()
    assert matcher.health().indexes[0].unsaved_changes == 0


def test_age_counts_from_the_latest_refresh_that_succeeded(
    database: Database, data: Path, bank: Bank, clock: _Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    matcher = Matcher(database, data, only=[bank.name], clock=clock)
    matcher.refresh()
    clock.now += 3
    assert matcher.health().refreshed_age_s == 3
    assert matcher.health(now=clock.now + 4).refreshed_age_s == 7
    with monkeypatch.context() as patched:
        patched.setattr("hedgerow.banks.indexes.bank_states", lambda _: [])
        patched.setattr("hedgerow.banks.indexes.latest_change", lambda _: ("another", 99))
        with pytest.raises(BankNotFound):
            matcher.refresh()
    health = matcher.health()
    assert (health.refreshed_age_s, health.error) == (3, BankNotFound.reason)
    matcher.refresh()
    health = matcher.health()
    assert (health.refreshed_age_s, health.error) == (0, None)


def test_a_database_that_is_away_is_said_and_not_raised(
    database: Database, matcher: Matcher, bank: Bank, now: datetime, monkeypatch: pytest.MonkeyPatch
) -> None:
    _add(database, bank, now, A)
    matcher.load()

    def fail() -> Iterator[Connection]:
        raise DatabaseUnavailable("for a test")

    monkeypatch.setattr(database, "read", fail)
    health = matcher.health()
    assert (health.latest_sequence, health.lag, health.error) == (None, None, DatabaseUnavailable.reason)
    assert health.indexes[0].rows == 1
    with pytest.raises(DatabaseUnavailable):
        matcher.refresh()
    monkeypatch.undo()
    matcher.refresh()
    assert matcher.health().error is None
