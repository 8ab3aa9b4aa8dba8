from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest

from hedgerow.banks import Bank, NewEntry, add_entries, change_bank, withdraw_entry
from hedgerow.banks.bank_index import BankIndex, FrameIndex, bank_index
from hedgerow.banks.held import latest_change
from hedgerow.hashing.signal import Signal
from hedgerow.matching.videos import FRAME_BITS

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime
    from pathlib import Path

    from hedgerow.database import Database
    from hedgerow.hashing.frame_list import FrameList

    Film = Callable[..., FrameList]


def _add(database: Database, bank: Bank, now: datetime, *videos: FrameList) -> None:
    with database.write() as connection:
        new = [NewEntry(Signal("vpdq", frames.digest(), frames=frames)) for frames in videos]
        assert not add_entries(connection, bank, new, now=now).refused


def _loaded(database: Database, data: Path, bank: Bank, small: int = 10_000) -> BankIndex:
    index = bank_index(data, bank, "vpdq", small_bank_entries=small, delta_entries=30)
    with database.read() as connection:
        index.load(connection, *latest_change(connection))
    return index


def _follow(database: Database, index: BankIndex) -> None:
    with database.read() as connection:
        index.follow(connection, latest_change(connection)[1])


def _found(index: BankIndex, frames: FrameList) -> set[tuple[int, int]]:
    """Return (entry, frame) of what equals one of the frames."""
    matches = index.search(frames.bits)
    equal = matches.id[matches.distance == 0]
    return set(zip((equal >> FRAME_BITS).tolist(), (equal & ((1 << FRAME_BITS) - 1)).tolist(), strict=True))


def test_an_index_of_videos_holds_their_frames_and_others_their_entries(data: Path, bank: Bank) -> None:
    made = [bank_index(data, bank, name, small_bank_entries=1, delta_entries=1) for name in ("pdq", "vpdq", "md5")]
    assert [type(index) for index in made] == [BankIndex, FrameIndex, BankIndex]
    assert [len(index) for index in made] == [0, 0, 0]


@pytest.mark.parametrize("small", [10_000, 0], ids=["small", "large"])
def test_every_usable_frame_is_found_under_its_entry_and_place(
    database: Database, data: Path, bank: Bank, now: datetime, film: Film, small: int
) -> None:
    one, other = film(1, 3), film(2, 3)
    other.qualities[5:] = 20
    _add(database, bank, now, one, other)
    for _ in range(2):  # a large one comes from its snapshot the second time
        index = _loaded(database, data, bank, small)
        assert len(index) == 30 + 5
        assert _found(index, one) == {(1, frame) for frame in range(30)}
        assert _found(index, other) == {(2, frame) for frame in range(5)}
    assert (data / "indexes").exists() == (small == 0)


@pytest.mark.parametrize("small", [10_000, 0], ids=["small", "large"])
def test_what_is_added_and_withdrawn_is_followed(
    database: Database, data: Path, bank: Bank, now: datetime, film: Film, small: int
) -> None:
    one, other = film(1, 3), film(2, 3)
    _add(database, bank, now, one)
    index = _loaded(database, data, bank, small)
    _add(database, bank, now, other)
    with database.write() as connection:
        withdraw_entry(connection, bank, 1, now=now)
    _follow(database, index)
    for each in (index, _loaded(database, data, bank, small)):
        assert _found(each, one) == set()
        assert _found(each, other) == {(2, frame) for frame in range(30)}


def test_a_snapshot_is_renewed_after_so_many_frames(
    database: Database, data: Path, bank: Bank, now: datetime, film: Film
) -> None:
    _add(database, bank, now, film(1, 3))
    index = _loaded(database, data, bank, 0)
    _add(database, bank, now, film(2, 3))
    _follow(database, index)
    assert not index.needs_merge
    _add(database, bank, now, film(3, 1))
    _follow(database, index)
    assert index.needs_merge


def test_another_minimum_quality_means_other_frames(
    database: Database, data: Path, bank: Bank, now: datetime, film: Film
) -> None:
    frames = film(1, 3)
    frames.qualities[10:] = 60
    _add(database, bank, now, frames)
    index = _loaded(database, data, bank, 0)
    for minimum, expected in ((70, 10), (60, 30), (50, 30)):
        with database.write() as connection:
            bank = change_bank(connection, bank, minimum_quality=minimum)
        index.bank = bank
        _follow(database, index)
        assert len(index) == len(_loaded(database, data, bank, 0)) == expected


def test_frames_of_a_thousand_videos_are_told_apart(
    database: Database, data: Path, bank: Bank, now: datetime, film: Film
) -> None:
    videos = [film(seed, 0.2) for seed in range(1_000)]
    _add(database, bank, now, *videos)
    index = _loaded(database, data, bank)
    assert len(index) == 2_000
    for number in np.random.default_rng(1).integers(0, 1_000, 5).tolist():
        assert _found(index, videos[number]) == {(number + 1, 0), (number + 1, 1)}
