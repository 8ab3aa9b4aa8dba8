"""Searches, refreshes, loads and merges beside one another. What is held open here stays open until it is let go."""

from __future__ import annotations

import threading
from contextlib import contextmanager
from typing import TYPE_CHECKING

import numpy as np
import pytest

from hedgerow.banks import Bank, Matcher, NewEntry, add_entries, change_bank, create_bank, withdraw_entry
from hedgerow.banks.bank_index import BankIndex, FrameIndex
from hedgerow.errors import SnapshotDamaged
from hedgerow.hashing.signal import Signal
from hedgerow.matching import HammingIndex

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from datetime import datetime
    from pathlib import Path

    from hedgerow.database import Database
    from hedgerow.hashing.frame_list import FrameList

    Film = Callable[..., FrameList]

_PATIENCE_S = 30  # for what should take no time: only where a test fails is it waited for

A, B, C = (Signal("pdq", np.random.default_rng(seed).bytes(32)) for seed in (1, 2, 3))
DIGEST = Signal("md5", b"digest" * 2 + b"1234")


def _add(database: Database, bank: Bank, now: datetime, *signals: Signal) -> None:
    with database.write() as connection:
        assert not add_entries(connection, bank, [NewEntry(each) for each in signals], now=now).refused


def _video(frames: FrameList) -> Signal:
    return Signal("vpdq", frames.digest(), frames=frames)


def _entries(matcher: Matcher, signal: Signal) -> list[int]:
    return [match.entry for match in matcher.search([signal])]


class _Gate:
    """Holds whoever passes until it is opened."""

    def __init__(self) -> None:
        self.reached = threading.Event()
        self.opened = threading.Event()

    def hold(self) -> None:
        self.reached.set()
        assert self.opened.wait(_PATIENCE_S)


@contextmanager
def _held(gate: _Gate, work: Callable[[], object]) -> Iterator[None]:
    """Do something on another thread that is held at the gate while the block runs."""
    problems: list[BaseException] = []

    def run() -> None:
        try:
            work()
        except BaseException as problem:  # noqa: BLE001  (raised again by the test)
            problems.append(problem)

    thread = threading.Thread(target=run)
    thread.start()
    try:
        assert gate.reached.wait(_PATIENCE_S)
        yield
        assert thread.is_alive()  # it was held throughout
    finally:
        gate.opened.set()
        thread.join(_PATIENCE_S)
    assert problems == []


def _hold_once(monkeypatch: pytest.MonkeyPatch, kind: type, name: str) -> _Gate:
    """Hold the first call of a method, before it does anything."""
    gate = _Gate()
    method = getattr(kind, name)

    def held(self: object, *args: object, **others: object) -> object:
        if not gate.reached.is_set():
            gate.hold()
        return method(self, *args, **others)

    monkeypatch.setattr(kind, name, held)
    return gate


def _within(work: Callable[[], object]) -> None:
    """Do something on a thread of its own that has to come to its end while something else is held."""
    thread = threading.Thread(target=work, daemon=True)
    thread.start()
    thread.join(_PATIENCE_S)
    assert not thread.is_alive()


@pytest.fixture
def large(database: Database, data: Path) -> Matcher:
    """Give a matcher to which every bank is large, and a few changes a reason to merge."""
    return Matcher(database, data, small_bank_entries=0, delta_entries=1)


# ── merges ───────────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("step", ["merge", "save"], ids=["while building", "while writing"])
def test_while_a_merge_is_under_way_searches_and_refreshes_go_on(
    database: Database, large: Matcher, bank: Bank, now: datetime, monkeypatch: pytest.MonkeyPatch, step: str
) -> None:
    _add(database, bank, now, A)
    large.search([A])
    _add(database, bank, now, *(Signal("pdq", np.random.default_rng(seed).bytes(32)) for seed in range(10, 20)))
    large.refresh()
    gate = _hold_once(monkeypatch, HammingIndex, step)

    def use() -> None:
        assert _entries(large, A) == [1]
        _add(database, bank, now, B)
        assert large.refresh()
        assert _entries(large, B) == [12]
        with database.write() as connection:
            withdraw_entry(connection, bank, 1, now=now)
        assert large.refresh()
        assert _entries(large, A) == []
        assert [state.rows for state in large.health().indexes if state.type == "pdq"] == [11]

    with _held(gate, large.merge):
        _within(use)
    assert (_entries(large, A), _entries(large, B)) == ([], [12])
    # what was written while all this happened is a whole index too
    again = Matcher(database, large_folder(large), small_bank_entries=0, delta_entries=10**6)
    assert (_entries(again, A), _entries(again, B)) == ([], [12])


def large_folder(matcher: Matcher) -> Path:
    """Return the data folder of a matcher."""
    [index, *_] = matcher._indexes._indexes.values()
    return index._folder.parents[2]


def test_two_merges_at_once_write_each_index_once(
    database: Database, large: Matcher, bank: Bank, now: datetime, monkeypatch: pytest.MonkeyPatch
) -> None:
    _add(database, bank, now, A)
    large.search([A])
    _add(database, bank, now, B, C)
    large.refresh()
    gate = _hold_once(monkeypatch, HammingIndex, "save")
    counted: list[int] = []
    with _held(gate, lambda: counted.append(large.merge())):
        second = threading.Thread(target=lambda: counted.append(large.merge()))
        second.start()
    second.join(_PATIENCE_S)
    assert sorted(counted) == [0, 1]


def test_what_is_taken_in_during_a_merge_counts_for_the_next(
    database: Database, large: Matcher, bank: Bank, now: datetime, monkeypatch: pytest.MonkeyPatch
) -> None:
    _add(database, bank, now, A)
    large.search([A])
    _add(database, bank, now, B, C)
    large.refresh()
    gate = _hold_once(monkeypatch, HammingIndex, "save")
    with _held(gate, large.merge):
        _add(database, bank, now, *(Signal("pdq", np.random.default_rng(seed).bytes(32)) for seed in range(10, 20)))
        large.refresh()
    [unsaved] = [state.unsaved_changes for state in large.health().indexes if state.type == "pdq"]
    assert unsaved == 10
    assert (large.merge(), large.merge()) == (1, 0)


def test_an_index_that_takes_another_s_place_during_a_merge_is_the_one_saved_last(
    database: Database,
    large: Matcher,
    data: Path,
    bank: Bank,
    now: datetime,
    film: Film,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    clip, other = film(1, 3), film(2, 3)
    clip.qualities[10:] = 60
    _add(database, bank, now, _video(clip))
    large.load()
    _add(database, bank, now, _video(other))
    large.refresh()
    gate = _hold_once(monkeypatch, HammingIndex, "save")
    with _held(gate, large.merge):
        with database.write() as connection:
            change_bank(connection, bank, minimum_quality=70)
        large.refresh()
        assert [state.rows for state in large.health().indexes if state.type == "vpdq"] == [10 + 30]
    filled: list[object] = []
    monkeypatch.setattr(FrameIndex, "_fill", lambda *_: filled.append(1))
    again = Matcher(database, data, small_bank_entries=0, delta_entries=10**6)
    again.load()
    assert [state.rows for state in again.health().indexes if state.type == "vpdq"] == [10 + 30]
    assert filled == []  # it came from its snapshot


def test_a_merge_of_a_snapshot_that_proves_damaged_builds_the_index_again(
    database: Database, large: Matcher, bank: Bank, now: datetime, monkeypatch: pytest.MonkeyPatch
) -> None:
    _add(database, bank, now, A)
    large.search([A])
    _add(database, bank, now, B, C)
    large.refresh()
    was_raised: list[int] = []
    save = HammingIndex.save

    def fail_once(self: HammingIndex, *args: object, **others: object) -> None:
        if not was_raised:
            was_raised.append(1)
            raise SnapshotDamaged("for a test")
        save(self, *args, **others)  # type: ignore[arg-type]  # handed on

    monkeypatch.setattr(HammingIndex, "save", fail_once)
    assert large.merge() == 1
    assert [_entries(large, each) for each in (A, B, C)] == [[1], [2], [3]]
    assert large.merge() == 0


def test_a_snapshot_that_proves_damaged_while_it_is_opened_is_built_again(
    database: Database, large: Matcher, data: Path, bank: Bank, now: datetime, monkeypatch: pytest.MonkeyPatch
) -> None:
    _add(database, bank, now, A)
    large.search([A])
    _add(database, bank, now, B, C)
    merge = HammingIndex.merge
    was_raised: list[int] = []

    def fail_once(self: HammingIndex) -> None:
        if not was_raised:
            was_raised.append(1)
            raise SnapshotDamaged("for a test")
        merge(self)

    monkeypatch.setattr(HammingIndex, "merge", fail_once)
    again = Matcher(database, data, small_bank_entries=0, delta_entries=1)
    assert [_entries(again, each) for each in (A, B, C)] == [[1], [2], [3]]
    assert was_raised == [1]


# ── loading ──────────────────────────────────────────────────────────────────────────────────────────────────────


def test_while_another_bank_is_loaded_searches_and_refreshes_go_on(
    database: Database, data: Path, bank: Bank, now: datetime, monkeypatch: pytest.MonkeyPatch
) -> None:
    matcher = Matcher(database, data)
    _add(database, bank, now, A)
    matcher.search([A])
    with database.write() as connection:
        other = create_bank(connection, "other", now=now)
    _add(database, other, now, B)
    gate = _hold_once(monkeypatch, BankIndex, "load")

    def use() -> None:
        assert _entries(matcher, A) == [1]
        assert _entries(matcher, B) == []
        assert matcher.is_lacking
        _add(database, bank, now, C)
        assert matcher.refresh(loads=False)
        assert _entries(matcher, C) == [3]
        assert matcher.health().loading == 2

    with _held(gate, matcher.refresh):
        _within(use)
    assert not matcher.is_lacking
    assert [_entries(matcher, each) for each in (A, B, C)] == [[1], [2], [3]]


def test_a_type_that_is_loaded_keeps_no_search_for_another_type_waiting(
    database: Database, data: Path, bank: Bank, now: datetime, monkeypatch: pytest.MonkeyPatch
) -> None:
    matcher = Matcher(database, data)
    _add(database, bank, now, A, DIGEST)
    matcher.search([A])
    gate = _hold_once(monkeypatch, BankIndex, "load")
    found: list[int] = []
    with _held(gate, lambda: found.extend(_entries(matcher, DIGEST))):
        _within(lambda: _entries(matcher, A))
        assert found == []
    assert found == [2]


def test_after_loading_everything_a_type_that_is_new_is_loaded_by_a_refresh(
    database: Database, data: Path, bank: Bank, now: datetime
) -> None:
    matcher = Matcher(database, data)
    _add(database, bank, now, A)
    matcher.load()
    _add(database, bank, now, DIGEST)
    matcher.refresh()
    assert {state.type: state.rows for state in matcher.health().indexes} == {"md5": 1, "pdq": 1, "vpdq": 0}


def test_while_frames_of_another_quality_are_gathered_the_bank_is_searched_as_it_was(
    database: Database, data: Path, bank: Bank, now: datetime, film: Film, monkeypatch: pytest.MonkeyPatch
) -> None:
    matcher = Matcher(database, data)
    clip = film(1, 3)
    clip.qualities[10:] = 60
    _add(database, bank, now, _video(clip))
    late = Signal("pdq", bytes(clip.bits[20]))
    assert _entries(matcher, late) == [1]
    with database.write() as connection:
        change_bank(connection, bank, minimum_quality=70, threshold=0)
    gate = _hold_once(monkeypatch, FrameIndex, "load")

    def use() -> None:
        assert [match.threshold for match in matcher.search([late])] == [31]
        _add(database, bank, now, A)
        matcher.refresh(loads=False)
        assert _entries(matcher, A) == [2]

    with _held(gate, matcher.refresh):
        _within(use)
    assert _entries(matcher, late) == []
    assert [match.threshold for match in matcher.search([A])] == [0]


def test_a_search_under_way_sees_the_bank_s_rules_of_one_moment(
    database: Database, data: Path, bank: Bank, now: datetime, monkeypatch: pytest.MonkeyPatch
) -> None:
    matcher = Matcher(database, data)
    _add(database, bank, now, A)
    matcher.search([A])
    gate = _hold_once(monkeypatch, HammingIndex, "search")
    found: list[int] = []
    with _held(gate, lambda: found.extend(match.threshold for match in matcher.search([A]))):
        with database.write() as connection:
            change_bank(connection, bank, threshold=7)
        matcher.refresh()
        assert [match.threshold for match in matcher.search([A])] == [7]
    assert found == [31]


def test_many_searches_that_meet_the_same_damage_build_the_index_again_once(
    database: Database, large: Matcher, bank: Bank, now: datetime, monkeypatch: pytest.MonkeyPatch
) -> None:
    _add(database, bank, now, A)
    large.search([A])
    [damaged] = [index._rows for index in large._indexes._indexes.values() if index.signal_type == "pdq"]
    search = HammingIndex.search
    together = threading.Barrier(4)

    def fail(self: HammingIndex, *args: object, **others: object) -> object:
        if self is damaged:
            together.wait(_PATIENCE_S)
            raise SnapshotDamaged("for a test")
        return search(self, *args, **others)  # type: ignore[arg-type]  # handed on

    monkeypatch.setattr(HammingIndex, "search", fail)
    rebuilt: list[int] = []
    rebuild = BankIndex.rebuild

    def count(self: BankIndex, *args: object) -> None:
        rebuilt.append(1)
        rebuild(self, *args)  # type: ignore[arg-type]  # handed on

    monkeypatch.setattr(BankIndex, "rebuild", count)
    found: list[list[int]] = []
    threads = [threading.Thread(target=lambda: found.append(_entries(large, A))) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(_PATIENCE_S)
    assert (found, rebuilt) == ([[1]] * 4, [1])


# ── another history ──────────────────────────────────────────────────────────────────────────────────────────────


def test_after_a_restore_nothing_of_the_old_history_is_searched(
    database: Database, large: Matcher, bank: Bank, now: datetime
) -> None:
    from sqlalchemy import text, update  # noqa: PLC0415  (of this test alone)

    from hedgerow.banks.tables import bank_changes  # noqa: PLC0415  (only here)

    _add(database, bank, now, A)
    large.search([A])
    with database.write() as connection:
        connection.execute(update(bank_changes).values(epoch="another"))
        connection.execute(text("UPDATE entries SET bits = :bits"), {"bits": B.bits})
    assert not large.health().is_same_history
    assert large.refresh()
    assert (_entries(large, A), _entries(large, B)) == ([], [1])
