from __future__ import annotations

import fcntl
import os
import stat
import time
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hedgerow.errors import PartnerUnavailable
from hedgerow.exchanges.model import Opaque, Record, Withdrawal
from hedgerow.exchanges.partners.pull_file_keeping import Counts, Shelf, count_items, counts_from, gone_percent
from hedgerow.exchanges.partners.pull_file_sources import Nothing, Version

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from pathlib import Path

__all__: list[str] = []


def _counts(numbers: Iterable[int]) -> Counts:
    return count_items(Record(f"k{number}", opaque=(Opaque("x"),)) for number in numbers)


def test_what_is_counted() -> None:
    live = Record("a", opaque=(Opaque("x"),))
    counts = count_items([live, Record("b", refused=(("row", "no"),)), Withdrawal("c"), live])
    assert (counts.items, counts.live, counts.refused, len(counts.sample)) == (4, 2, 1, 1)


def test_the_sample_is_the_same_for_the_same_records_in_any_order_and_small() -> None:
    assert _counts(range(5_000)) == _counts(reversed(range(5_000)))
    assert len(_counts(range(5_000)).sample) == 256
    assert counts_from(_counts(range(5_000)).as_json()) == _counts(range(5_000))


@pytest.mark.parametrize("said", [None, [], {}, {"items": 1, "live": "2", "refused": 0, "sample": ""}])
def test_what_are_no_counts_is_nothing(said: object) -> None:
    assert counts_from(said) is None


@given(had=st.sets(st.integers(0, 400), min_size=1, max_size=200), has=st.sets(st.integers(0, 400), max_size=200))
def test_of_small_lists_it_is_known_exactly_how_many_are_gone(had: set[int], has: set[int]) -> None:
    assert gone_percent(_counts(had), _counts(has)) == pytest.approx(100 * len(had - has) / len(had))


@pytest.mark.parametrize(("gone", "least", "most"), [(0, 0, 0), (1_000, 0, 10), (5_000, 38, 62), (10_000, 100, 100)])
def test_of_large_lists_it_is_estimated_by_the_sample(gone: int, least: float, most: float) -> None:
    assert least <= gone_percent(_counts(range(10_000)), _counts(range(gone, 10_000 + gone))) <= most


def test_what_only_grows_loses_nothing() -> None:
    assert gone_percent(_counts(range(1_000)), _counts(range(100_000))) == 0


# ── the shelf ────────────────────────────────────────────────────────────────────────────────────────────────────


def _bring(body: bytes, version: Version | None = None) -> Callable[[Path, Version], Version]:
    def fetch(target: Path, _: Version) -> Version:
        target.write_bytes(body)
        return version or Version()

    return fetch


def test_nobody_else_can_read_what_lies_there(tmp_path: Path) -> None:
    shelf = Shelf(tmp_path, "a")
    with shelf.held():
        shelf.note(first="x")
        assert stat.S_IMODE(shelf.folder.stat().st_mode) == 0o700
        assert stat.S_IMODE(shelf.folder.parent.stat().st_mode) == 0o700
        assert stat.S_IMODE((shelf.folder / "notes.json").stat().st_mode) == 0o600
    assert shelf.notes() == {"first": "x"}


def test_two_cannot_be_at_one_shelf(tmp_path: Path) -> None:
    shelf = Shelf(tmp_path, "a")
    with shelf.held(), pytest.raises(PartnerUnavailable, match="another fetch"), Shelf(tmp_path, "a").held():
        pass
    with shelf.held():
        pass


def test_what_nobody_used_for_a_month_is_cleared_away(tmp_path: Path) -> None:
    old, new = Shelf(tmp_path, "old"), Shelf(tmp_path, "new")
    with old.held():
        old.take("x", _bring(b"list"), Version(), lambda _: Counts(1, 1, 0))
    long_ago = time.time() - 31 * 86_400
    os.utime(old.folder, (long_ago, long_ago))
    with new.held():
        pass
    assert not old.folder.exists()
    assert new.folder.exists()


def test_what_lies_there_is_found_until_it_is_another_thing_that_is_asked_for(tmp_path: Path) -> None:
    shelf = Shelf(tmp_path, "a")
    with shelf.held():
        taken = shelf.take("x", _bring(b"list", Version('"1"')), Version(), lambda _: Counts(1, 1, 0))
        assert not isinstance(taken, Nothing)
        assert shelf.found() == taken == shelf.found("x")
        assert shelf.found("y") is None
        assert shelf.take("x", lambda *_: Nothing.UNCHANGED, Version(), lambda _: "never") == taken
        assert shelf.take("y", lambda *_: Nothing.UNCHANGED, Version(), lambda _: "never") is Nothing.UNCHANGED
        taken.path.write_bytes(b"longer than before")
        assert shelf.found() is None


def test_what_was_begun_of_one_thing_is_never_gone_on_with_as_another(tmp_path: Path) -> None:
    shelf = Shelf(tmp_path, "a")
    targets = []

    def cut(target: Path, _: Version) -> Version:
        targets.append(target)
        assert not list(shelf.folder.glob("*.part*")) or target.exists()
        target.write_bytes(b"half")
        raise PartnerUnavailable("cut")

    with shelf.held():
        for what in ("a" * 64, "a" * 64, "b" * 64):
            with pytest.raises(PartnerUnavailable):
                shelf.take(what, cut, Version(), lambda _: "never")
    assert targets[0] == targets[1] != targets[2]
    assert list(shelf.folder.glob("*.part*")) == [targets[2]]


def test_a_state_that_was_lost_is_no_file(tmp_path: Path) -> None:
    shelf = Shelf(tmp_path, "a")
    with shelf.held():
        shelf.take("x", _bring(b"list"), Version(), lambda _: Counts(1, 1, 0))
        (shelf.folder / "state.json").write_text("[")
        assert shelf.found() is None
        assert shelf.notes() == {}


def test_a_place_that_cannot_be_written_is_said(tmp_path: Path) -> None:
    (tmp_path / ".pulled").write_text("a file")
    with pytest.raises(PartnerUnavailable, match="no place"), Shelf(tmp_path, "a").held():
        pass


def test_a_lock_ends_with_its_process(tmp_path: Path) -> None:
    shelf = Shelf(tmp_path, "a")
    with shelf.held():
        pass
    lock = os.open(shelf.folder / "lock", os.O_RDWR)
    fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    os.close(lock)
    with shelf.held():
        pass
