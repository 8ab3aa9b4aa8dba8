from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from sqlalchemy import insert, select, update

from hedgerow.banks import Bank, NewEntry, add_entries, create_bank, find_entry, iterate_entries, withdraw_entry
from hedgerow.banks.held import find_frames, has_more_frames_than, live_frames
from hedgerow.banks.tables import frame_lists
from hedgerow.hashing.signal import Signal

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime

    from hedgerow.database import Database
    from hedgerow.hashing.frame_list import FrameList

    Film = Callable[..., FrameList]


def _signal(frames: FrameList) -> Signal:
    return Signal("vpdq", frames.digest(), frames=frames)


def _add(database: Database, bank: Bank, now: datetime, *videos: FrameList) -> tuple[int, int]:
    with database.write() as connection:
        outcome = add_entries(connection, bank, [NewEntry(_signal(frames)) for frames in videos], now=now)
    assert not outcome.refused
    return outcome.added, outcome.already_there


def test_frames_are_stored_with_their_entry_and_found_by_it(
    database: Database, bank: Bank, now: datetime, film: Film
) -> None:
    one, other = film(1, 5), film(2, 7)
    assert _add(database, bank, now, one, other, one) == (2, 1)
    with database.read() as connection:
        assert find_frames(connection, [1, 2, 3]) == {1: one, 2: other}
        assert find_entry(connection, bank, 2).signal.frames == other
        assert dict(live_frames(connection, bank)) == {1: one, 2: other}
        assert [entry.signal.frames for entry in iterate_entries(connection, bank)] == [None, None]
        assert [entry.signal.frames for entry in iterate_entries(connection, bank, with_frames=True)] == [one, other]


def test_a_list_is_stored_once_for_each_entry_and_for_each_bank(
    database: Database, bank: Bank, now: datetime, film: Film
) -> None:
    with database.write() as connection:
        second = create_bank(connection, "second", now=now)
    frames = film(1, 5)
    assert _add(database, bank, now, frames) == (1, 0)
    assert _add(database, bank, now, frames) == (0, 1)
    assert _add(database, second, now, frames) == (1, 0)
    with database.read() as connection:
        assert len(connection.execute(select(frame_lists.c.entry_id)).all()) == 2


def test_many_videos_that_are_said_the_same_of_are_all_stored(
    database: Database, bank: Bank, now: datetime, film: Film
) -> None:
    videos = [film(seed, 1) for seed in range(60)]
    assert _add(database, bank, now, *videos) == (60, 0)
    with database.read() as connection:
        assert find_frames(connection, range(1, 61)) == dict(enumerate(videos, 1))


def test_a_withdrawn_video_keeps_its_frames_and_is_not_live(
    database: Database, bank: Bank, now: datetime, film: Film
) -> None:
    frames = film(1, 5)
    _add(database, bank, now, frames)
    with database.write() as connection:
        assert withdraw_entry(connection, bank, frames.digest().hex(), now=now) == [1]
    assert _add(database, bank, now, frames) == (1, 0)
    with database.read() as connection:
        assert find_frames(connection, [1, 2]) == {1: frames, 2: frames}
        assert dict(live_frames(connection, bank)) == {2: frames}


def test_frames_are_counted_over_all_live_videos(database: Database, bank: Bank, now: datetime, film: Film) -> None:
    _add(database, bank, now, film(1, 5), film(2, 7))
    with database.read() as connection:
        assert has_more_frames_than(connection, bank, 119)
        assert not has_more_frames_than(connection, bank, 120)
    with database.write() as connection:
        withdraw_entry(connection, bank, 1, now=now)
    with database.read() as connection:
        assert not has_more_frames_than(connection, bank, 70)


def test_frames_that_cannot_be_read_stop_no_other_and_it_is_said_why(
    database: Database, bank: Bank, now: datetime, film: Film
) -> None:
    good = film(2, 5)
    _add(database, bank, now, film(1, 5), good)
    with database.write() as connection:
        connection.execute(update(frame_lists).where(frame_lists.c.entry_id == 1).values(packed=b"damaged"))
    with database.read() as connection:
        assert dict(live_frames(connection, bank)) == {1: "its frames cannot be read", 2: good}
        assert find_frames(connection, [1, 2]) == {2: good}


def test_frames_belong_to_an_entry_that_exists(database: Database) -> None:
    from sqlalchemy.exc import IntegrityError  # noqa: PLC0415  (of this test alone)

    with pytest.raises(IntegrityError), database.write() as connection:
        connection.execute(insert(frame_lists).values(entry_id=99, packed=b"x"))
