from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest

from hedgerow.banks import Bank, NewEntry, add_entries, lookup
from hedgerow.banks.bank_index import bank_index
from hedgerow.banks.held import latest_change
from hedgerow.banks.lookup import equal_rows, like_frames, nearest_rows, rows_of
from hedgerow.hashing.signal import Signal

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime
    from pathlib import Path

    from hedgerow.banks.bank_index import BankIndex
    from hedgerow.database import Database
    from hedgerow.hashing.frame_list import FrameList

    Film = Callable[..., FrameList]


def _video(frames: FrameList, variant: str = "as is") -> Signal:
    return Signal("vpdq", frames.digest(), variant=variant, frames=frames)


def _picture(frames: FrameList, at: int) -> Signal:
    return Signal("pdq", frames.bits[at].tobytes(), 100)


def _index(database: Database, data: Path, bank: Bank, now: datetime, name: str, *signals: Signal) -> BankIndex:
    with database.write() as connection:
        assert not add_entries(connection, bank, [NewEntry(each) for each in signals], now=now).refused
    index = bank_index(data, bank, name, small_bank_entries=10_000, delta_entries=10)
    with database.read() as connection:
        index.load(connection, *latest_change(connection))
    return index


def test_rows_are_pictures_and_usable_frames_in_the_order_given(bank: Bank, film: Film) -> None:
    frames = film(1, 0.5)
    frames.qualities[2] = 10
    rows = rows_of([[_picture(frames, 4), Signal("md5", bytes(16))], [], [_picture(frames, 0), _video(frames)]], bank)
    assert [rows.at(position) for position in range(len(rows))] == [
        (0, 0, -1),
        (2, 0, -1),
        (2, 1, 0),
        (2, 1, 1),
        (2, 1, 3),
        (2, 1, 4),
    ]
    assert rows.words[0].tobytes() == frames.bits[4].tobytes()
    assert len(rows_of([[]], bank)) == 0


@pytest.mark.parametrize("step", [1, 7, 1_000])
def test_however_many_rows_are_searched_at_a_time_the_same_is_found(
    database: Database,
    data: Path,
    bank: Bank,
    now: datetime,
    film: Film,
    monkeypatch: pytest.MonkeyPatch,
    step: int,
) -> None:
    clips = [film(seed, 3) for seed in range(4)]
    index = _index(database, data, bank, now, "vpdq", *(_video(clip) for clip in clips[:3]))
    media = [
        [_video(clips[3]), _video(clips[0], "mirrored")],
        [_picture(clips[1], 7), _video(clips[2])],
        [_picture(clips[3], 7)],
    ]
    rows = rows_of(media, bank)
    monkeypatch.setattr(lookup, "_ROWS_PER_SEARCH", step)
    monkeypatch.setattr(lookup, "_FEWEST_ROWS", 1)
    pictures, likes = like_frames(index, rows)
    assert [(near.media, near.id >> 20, near.id & 0xFFFFF, near.distance) for near in pictures] == [(1, 2, 7, 0)]
    assert [(like.media, like.order, like.entry) for like in likes] == [(0, 1, 1), (1, 1, 3)]
    for like, clip in zip(likes, (clips[0], clips[2]), strict=True):
        found = sorted(zip(*(column.tolist() for column in like.pairs), strict=True))
        distance = np.bitwise_count(clip.bits[:, None] ^ clip.bits[None]).sum(axis=2)
        expected = [(at, frame, int(distance[at, frame])) for at, frame in np.argwhere(distance <= 31).tolist()]
        assert found == expected


def test_of_too_many_likes_of_one_known_frame_the_nearest_are_kept(
    database: Database, data: Path, bank: Bank, now: datetime, film: Film, monkeypatch: pytest.MonkeyPatch
) -> None:
    clip = film(1, 5)
    index = _index(database, data, bank, now, "vpdq", _video(clip))
    monkeypatch.setattr(lookup, "_PAIRS_PER_SEARCH", 100)
    monkeypatch.setattr(lookup, "_FEWEST_ROWS", 10)
    monkeypatch.setattr(lookup, "_ROWS_PER_SEARCH", 10)
    monkeypatch.setattr(lookup, "_MOST_LIKES", 1)
    _, [like] = like_frames(index, rows_of([[_video(clip)]], bank))
    pairs = set(zip(*(column.tolist() for column in like.pairs), strict=True))
    assert {(at, at, 0) for at in range(len(clip))} <= pairs
    assert len(pairs) < 3 * len(clip)


def test_the_nearest_row_of_each_media_is_kept_and_of_equals_the_first(
    database: Database, data: Path, bank: Bank, now: datetime, film: Film
) -> None:
    clip = film(1, 2)
    index = _index(database, data, bank, now, "pdq", _picture(clip, 10))
    rows = rows_of([[_video(clip)], [_picture(clip, 9), _picture(clip, 10), _video(clip)], []], bank)
    found = nearest_rows(index, rows)
    assert [(near.media, near.id, near.distance, rows.at(near.row)) for near in found] == [
        (0, 1, 0, (0, 0, 10)),
        (1, 1, 0, (1, 1, -1)),
    ]


def test_a_digest_is_found_once_for_each_media_by_the_first_signal_that_equals_it(
    database: Database, data: Path, bank: Bank, now: datetime
) -> None:
    digest = Signal("md5", b"m" * 16)
    index = _index(database, data, bank, now, "md5", digest)
    found = equal_rows(index, [[Signal("md5", b"n" * 16), digest, digest], [digest], []], bank)
    assert found == [(0, 1, "md5", 1), (1, 1, "md5", 0)]
    assert equal_rows(index, [[]], bank) == []
