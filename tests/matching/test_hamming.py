from __future__ import annotations

import threading
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)

from hedgerow.errors import DuplicateId, InvalidQuery, InvalidThreshold
from hedgerow.matching import DEFAULT_THRESHOLD, HammingIndex, Match, reference

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

ENGINES = ("numpy", "compiled")
ZERO, ONES = bytes(32), b"\xff" * 32


def test_the_default_threshold_is_pdqs() -> None:
    assert DEFAULT_THRESHOLD == 31


@pytest.mark.parametrize("threshold", [0, 1, 30, 31, 63, 64])
def test_the_threshold_is_inclusive(engine: str, threshold: int, flipped: Callable[..., bytes]) -> None:
    index = HammingIndex()
    index.add([flipped(ZERO, *range(0, 2 * bits, 2)) for bits in range(70)])
    index.merge()
    assert index.search(ZERO, threshold).distance.tolist() == list(range(threshold + 1))


@pytest.mark.parametrize("threshold", [-1, 65, 31.0, True, None, "31", np.float64(3), np.True_])
def test_a_threshold_that_is_no_whole_number_from_0_to_64_is_refused(threshold: Any) -> None:
    with pytest.raises(InvalidThreshold):
        HammingIndex().search(ZERO, threshold)


def test_a_numpy_integer_is_a_threshold() -> None:
    assert len(HammingIndex().search(ZERO, np.int16(3))) == 0


def test_an_empty_index_matches_nothing(engine: str) -> None:
    index = HammingIndex()
    index.merge()
    assert not index.search([ZERO, ONES])
    assert len(index) == 0


def test_matches_are_ordered_by_query_then_distance_then_id(engine: str, flipped: Callable[..., bytes]) -> None:
    index = HammingIndex()
    index.add([flipped(ZERO, 1), ZERO, ZERO, ONES], ids=[5, 9, -3, 4])
    index.merge()
    index.add([ZERO, flipped(ZERO, 2)], ids=[2, 1])
    assert list(index.search([ONES, ZERO])) == [(0, 4, 0), (1, -3, 0), (1, 2, 0), (1, 9, 0), (1, 1, 1), (1, 5, 1)]
    assert isinstance(next(iter(index.search(ZERO))), Match)


def test_ids_follow_the_largest_ever_used() -> None:
    index = HammingIndex()
    assert index.add([ZERO] * 3).tolist() == [0, 1, 2]
    assert index.add([ZERO], ids=[10]).tolist() == [10]
    assert index.remove([10]) == 1
    assert index.add(ZERO).tolist() == [11]
    assert index.add([]).tolist() == []


@pytest.mark.parametrize("ids", [[1, 1], [0, 7], [2, 5, 5]])
@pytest.mark.parametrize("merges", [False, True])
def test_a_live_id_is_refused_and_nothing_is_added(ids: list[int], *, merges: bool) -> None:
    index = HammingIndex()
    index.add([ZERO, ONES], ids=[7, 3])
    if merges:
        index.merge()
    if ids == [0, 7]:
        assert 7 in index
    with pytest.raises(DuplicateId):
        index.add([ZERO] * len(ids), ids=ids)
    assert len(index) == 2


@pytest.mark.parametrize("ids", [[1.5], [True], ["a"], [2**63], [None], [[1]], [1, 2], np.array([2**63], np.uint64)])
def test_ids_that_are_no_64_bit_integers_one_for_each_signal_are_refused(ids: Any) -> None:
    index = HammingIndex()
    with pytest.raises(InvalidQuery):
        index.add([ZERO], ids=ids)
    assert len(index) == 0


def test_the_largest_and_smallest_ids_work() -> None:
    index = HammingIndex()
    index.add([ZERO, ONES], ids=[2**63 - 1, -(2**63)])
    index.merge()
    assert 2**63 - 1 in index
    assert -(2**63) in index
    assert 2**63 not in index
    assert "x" not in index
    assert True not in index
    assert index.search(ZERO).id.tolist() == [2**63 - 1]
    with pytest.raises(InvalidQuery):
        index.add(ZERO)


def test_a_removed_id_is_gone_at_once_and_may_be_used_again(engine: str) -> None:
    index = HammingIndex()
    index.add([ZERO, ONES])
    index.merge()
    assert index.remove([0, 0, 99]) == 1
    assert not index.search(ZERO)
    assert 0 not in index
    index.add(ONES, ids=[0])
    assert index.search(ONES).id.tolist() == [0, 1]
    assert index.remove(0) == 1
    assert index.remove(0) == 0
    assert index.search(ONES).id.tolist() == [1]


class Contents(RuleBasedStateMachine):
    """An index and a dictionary that must say the same, whatever is done to them."""

    folder: Path

    @initialize(centres=st.lists(st.binary(min_size=32, max_size=32), min_size=1, max_size=3))
    def begin(self, centres: list[bytes]) -> None:
        self.centres = [*centres, ZERO]
        self.index = HammingIndex(merge_after=None)
        self.known: dict[int, bytes] = {}
        self.next_id = 0
        self.saved = False

    def near(self, which: int, bits: set[int]) -> bytes:
        centre = int.from_bytes(self.centres[which % len(self.centres)], "big")
        return (centre ^ sum(1 << bit for bit in bits)).to_bytes(32, "big")

    places = st.tuples(st.integers(0, 3), st.sets(st.integers(0, 255), max_size=40))

    @rule(places=st.lists(places, max_size=8))
    def add(self, places: list[tuple[int, set[int]]]) -> None:
        signals = [self.near(*place) for place in places]
        ids = self.index.add(signals).tolist()
        assert ids == list(range(self.next_id, self.next_id + len(signals)))
        self.known |= dict(zip(ids, signals, strict=True))
        self.next_id += len(signals)

    @rule(place=places, ids=st.lists(st.integers(-5, 30), min_size=1, max_size=5))
    def add_under_ids(self, place: tuple[int, set[int]], ids: list[int]) -> None:
        signals = [self.near(*place)] * len(ids)
        if len(set(ids)) < len(ids) or any(row_id in self.known for row_id in ids):
            with pytest.raises(DuplicateId):
                self.index.add(signals, ids)
            return
        self.index.add(signals, ids)
        self.known |= dict.fromkeys(ids, signals[0])
        self.next_id = max(self.next_id, *(row_id + 1 for row_id in ids))

    @rule(ids=st.lists(st.integers(-5, 40), max_size=8))
    def remove(self, ids: list[int]) -> None:
        there = {row_id for row_id in ids if row_id in self.known}
        assert self.index.remove(ids) == len(there)
        for row_id in there:
            del self.known[row_id]

    @rule()
    def merge(self) -> None:
        self.index.merge()

    @rule()
    def save_and_reopen(self) -> None:
        self.index.save(self.folder, metadata={"size": len(self.known)})
        self.index = HammingIndex.open(self.folder, merge_after=None)
        assert self.index.metadata == {"size": len(self.known)}

    @rule(places=st.lists(places, max_size=4), threshold=st.integers(0, 64))
    def search(self, places: list[tuple[int, set[int]]], threshold: int) -> None:
        queries = [self.near(*place) for place in places]
        assert list(self.index.search(queries, threshold)) == reference.search(self.known, queries, threshold)

    @precondition(lambda self: hasattr(self, "index"))
    @invariant()
    def holds_the_same_ids(self) -> None:
        assert len(self.index) == len(self.known)
        for row_id in range(-5, 40, 3):
            assert (row_id in self.index) == (row_id in self.known)


@pytest.mark.parametrize("engine", ENGINES)
def test_after_any_adds_removes_merges_and_reopenings_a_search_equals_the_definition(
    engine: str, forced: Callable[..., Any], tmp_path: Path
) -> None:
    class InThisFolder(Contents):
        folder = tmp_path

    with forced(engine):
        run_state_machine_as_test(
            InThisFolder, settings=settings(max_examples=25, stateful_step_count=25, deadline=None)
        )


@settings(max_examples=25, deadline=None)
@given(
    removed_before=st.sets(st.integers(0, 29), max_size=10),
    removed_while=st.sets(st.integers(0, 45), max_size=20),
    added_again=st.booleans(),
)
def test_what_happens_while_a_merge_is_under_way_is_kept(
    forced: Callable[..., Any],
    removed_before: set[int],
    removed_while: set[int],
    added_again: bool,
) -> None:
    with forced("compiled"):
        index = HammingIndex(merge_after=None)
        known = {row_id: row_id.to_bytes(32, "big") for row_id in range(30)}
        index.add(list(known.values()))
        index.remove(list(removed_before))
        known = {row_id: row for row_id, row in known.items() if row_id not in removed_before}
        build = index._layers._build

        def busy(rows: Any) -> Any:
            # another thread's doings, at the moment when the new snapshot is being made
            index.add([row_id.to_bytes(32, "big") for row_id in range(30, 40)])
            known.update({row_id: row_id.to_bytes(32, "big") for row_id in range(30, 40)})
            gone = index.remove(list(removed_while))
            assert gone == sum(known.pop(row_id, None) is not None for row_id in removed_while)
            if added_again:
                back = [row_id for row_id in removed_while if row_id not in known][:5]
                index.add([ONES] * len(back), ids=back)
                known.update(dict.fromkeys(back, ONES))
            return build(rows)

        index._layers._build = busy
        index.merge()
        index._layers._build = build
        for _ in range(2):
            assert list(index.search([ZERO, ONES], 64)) == reference.search(known, [ZERO, ONES], 64)
            index.merge()


def test_a_bulk_load_is_merged_at_once_and_later_additions_in_the_background(uniform: Callable[..., Any]) -> None:
    rows = uniform(3000)
    index = HammingIndex(merge_after=500)
    index.add(rows[:1000])
    assert len(index._layers.state.delta_ids) == 0
    index.add(rows[1000:1400])
    assert len(index._layers.state.delta_ids) == 400
    index.add(rows[1400:1900])
    index.merge()  # waits for the one begun
    assert len(index._layers.state.delta_ids) == 0
    assert index.search(rows[:1900], 0).id.tolist() == list(range(1900))
    index.remove(range(600))
    index.merge()
    assert index.search(rows[:1900], 0).id.tolist() == list(range(600, 1900))


def test_a_failed_background_merge_is_logged_and_leaves_the_index_right(caplog: pytest.LogCaptureFixture) -> None:
    index = HammingIndex(merge_after=None)
    index.add([ZERO, ONES])

    def fail(_rows: Any) -> Any:
        raise MemoryError

    index._layers._build = fail
    others = set(threading.enumerate())
    assert index.merge_in_background()
    for thread in set(threading.enumerate()) - others:
        thread.join()
    assert "MemoryError" in caplog.text
    assert index.search(ONES).id.tolist() == [1]


@pytest.mark.parametrize("seconds", [1.5, pytest.param(60, marks=pytest.mark.slow)])
def test_every_search_beside_a_writer_shows_one_moment(seconds: float, forced: Callable[..., Any]) -> None:
    signals = [(1 << bit).to_bytes(32, "big") for bit in range(20)]
    index = HammingIndex(merge_after=None)
    moments: list[list[tuple[int, int, int]]] = [[]]  # what a search must return after each step
    begun = done = 0
    stopped = threading.Event()
    failures: list[BaseException] = []

    def read() -> None:
        try:
            while not stopped.is_set():
                earliest = done
                found = list(index.search(ZERO, 64))
                assert found in moments[earliest : begun + 1]
        except BaseException as failure:
            failures.append(failure)
            raise

    def merge() -> None:
        while not stopped.wait(0.005):
            index.merge()

    with forced("compiled"):
        others = [threading.Thread(target=work) for work in (read, read, merge)]
        for other in others:
            other.start()
        rng = np.random.default_rng(5)
        known: dict[int, bytes] = {}
        clock = threading.Timer(seconds, stopped.set)
        clock.start()
        while not stopped.is_set():
            some = rng.integers(0, 20, rng.integers(1, 5)).tolist()
            removes = bool(known) and rng.random() < 0.5
            after = {row_id: row for row_id, row in known.items() if row_id not in some} if removes else dict(known)
            fresh = sorted(set(some) - set(known))
            if not removes:
                after |= {row_id: signals[row_id] for row_id in fresh}
            moments.append(reference.search(after, [ZERO], 64))
            begun += 1
            if removes:
                index.remove(some)
            else:
                index.add([signals[row_id] for row_id in fresh], ids=fresh)
            known, done = after, begun
        for other in others:
            other.join()
    assert not failures
    assert done > 20


def test_many_ids_are_looked_for_at_once() -> None:
    index = HammingIndex()
    index.add(["00" * 32] * 5, ids=[3, 9, 4, 1, 7])
    index.merge()
    index.add(["ff" * 32], ids=[5])
    index.remove([9])
    asked = [9, 1, 5, 2, 3, -1]
    assert index.holds(asked).tolist() == [each in index for each in asked] == [False, True, True, False, True, False]
    assert index.holds([]).tolist() == []


def test_an_index_is_empty_when_no_search_can_find_anything() -> None:
    index = HammingIndex()
    assert index.is_empty
    index.add(["00" * 32], ids=[3])
    assert not index.is_empty
    index.remove([3])
    index.merge()
    assert index.is_empty
    assert len(index.search("00" * 32)) == 0
