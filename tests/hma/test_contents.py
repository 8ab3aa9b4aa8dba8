from __future__ import annotations

import hashlib
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

import pytest
from sqlalchemy import func, select

from hedgerow.audit import list_entries
from hedgerow.banks import Attributes, Bank, NewEntry, add_entries, find_entry, withdraw_entry
from hedgerow.banks.tables import entries
from hedgerow.errors import ContentNotFound, InvalidContent
from hedgerow.hashing.signal import Signal
from hedgerow.hma.contents import (
    add_content,
    change_content,
    count_signals,
    delete_content,
    find_content,
    holders_of,
    make_contents,
)
from hedgerow.hma.holders import QuickReader
from hedgerow.hma.tables import hma_contents

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime
    from pathlib import Path

    from hedgerow.database import Database

__all__: list[str] = []

EMPTY = Signal("md5", hashlib.md5(b"", usedforsecurity=False).digest())


def _add(database: Database, bank: Bank, *signals: Signal, now: datetime, **said: Any) -> int:
    with database.write() as connection:
        return add_content(connection, bank, signals, actor="key:1", now=now, **said)[0]


def _live(database: Database) -> int:
    with database.read() as connection:
        return int(connection.execute(select(func.count()).where(entries.c.withdrawn_at.is_(None))).scalar_one())


def _numbers(database: Database, *ids: int) -> dict[int, list[int | None]]:
    with database.read() as connection:
        return {
            entry: sorted(each.content or 0 for each in held) for entry, held in holders_of(connection, ids)[0].items()
        }


def test_contents_are_numbered_from_1(
    database: Database, bank: Bank, signal: Callable[..., Signal], now: datetime
) -> None:
    assert [_add(database, bank, signal(number), now=now) for number in (1, 2, 3)] == [1, 2, 3]


def test_the_same_signal_twice_is_two_contents_over_one_entry(
    database: Database, bank: Bank, signal: Callable[..., Signal], now: datetime
) -> None:
    assert [_add(database, bank, signal(), now=now) for _ in range(2)] == [1, 2]
    assert _live(database) == 1
    assert _numbers(database, 1) == {1: [1, 2]}


def test_a_content_holds_all_its_signals(
    database: Database, bank: Bank, signal: Callable[..., Signal], now: datetime
) -> None:
    number = _add(
        database, bank, signal(1), signal(2), signal(3, "md5"), now=now, note="n", metadata={"json": {"a": 1}}
    )
    with database.read() as connection:
        content = find_content(connection, bank, number, with_signals=True)
    assert content.signals == {"pdq": signal(1).value, "video_md5": signal(3, "md5").value}
    assert (content.note, content.metadata, content.disable_until_ts) == ("n", {"json": {"a": 1}}, 1)


def test_a_signal_that_says_nothing_is_set_aside_and_shown(
    database: Database, bank: Bank, signal: Callable[..., Signal], now: datetime
) -> None:
    number = _add(database, bank, signal(), EMPTY, now=now)
    with database.read() as connection:
        content = find_content(connection, bank, number, with_signals=True)
        assert count_signals(connection, ["pdq", "md5"])["md5"].count == 0
    assert content.signals["video_md5"] == EMPTY.value
    assert [each.reason for each in content.set_aside] == ["the digest of an empty file"]
    assert _live(database) == 1


def test_a_content_of_which_the_bank_takes_nothing_is_refused(database: Database, bank: Bank, now: datetime) -> None:
    with pytest.raises(InvalidContent, match="Invalid video_md5 signal: the digest of an empty file"):
        _add(database, bank, EMPTY, now=now)
    with database.read() as connection:
        assert connection.execute(select(func.count()).select_from(hma_contents)).scalar_one() == 0


def test_deleting_the_last_content_withdraws_the_entry(
    database: Database, bank: Bank, signal: Callable[..., Signal], now: datetime
) -> None:
    first, second = (_add(database, bank, signal(), now=now) for _ in range(2))
    with database.write() as connection:
        assert delete_content(connection, bank, first, actor="key:1", now=now)
    assert _live(database) == 1
    with database.write() as connection:
        assert delete_content(connection, bank, second, actor="key:1", now=now)
    assert _live(database) == 0
    with database.read() as connection:
        assert find_entry(connection, bank, 1).withdrawn_reason == "its content was deleted"
        with pytest.raises(ContentNotFound):
            find_content(connection, bank, second)


def test_a_deleted_content_s_number_is_not_given_again(
    database: Database, bank: Bank, signal: Callable[..., Signal], now: datetime
) -> None:
    number = _add(database, bank, signal(), now=now)
    with database.write() as connection:
        delete_content(connection, bank, number, actor="key:1", now=now)
        assert not delete_content(connection, bank, number, actor="key:1", now=now)
    assert _add(database, bank, signal(), now=now) == number + 1
    assert _live(database) == 1


def test_an_entry_that_another_source_brought_outlives_a_content_over_it(
    database: Database, bank: Bank, signal: Callable[..., Signal], now: datetime
) -> None:
    with database.write() as connection:
        add_entries(connection, bank, [NewEntry(signal(), Attributes(provenance="exchange:partner"))], now=now)
        make_contents(connection, [1], now=now)
    number = _add(database, bank, signal(), now=now)
    with database.write() as connection:
        delete_content(connection, bank, number, actor="key:1", now=now)
    assert _live(database) == 1


def test_entries_of_other_doors_are_numbered_once(
    database: Database, bank: Bank, signal: Callable[..., Signal], now: datetime
) -> None:
    with database.write() as connection:
        add_entries(connection, bank, [NewEntry(signal(number)) for number in (1, 2, 3)], now=now)
    assert _numbers(database, 1, 2, 3) == {1: [0], 2: [0], 3: [0]}
    for _ in range(2):
        with database.write() as connection:
            make_contents(connection, [1, 2, 3], now=now)
        assert _numbers(database, 1, 2, 3) == {1: [1], 2: [2], 3: [3]}
    with database.read() as connection:
        assert [each.action for each in list_entries(connection)] == ["bank.created", "contents.numbered"]


def test_processes_that_number_at_once_make_one_content_for_each_entry(
    database: Database, bank: Bank, signal: Callable[..., Signal], now: datetime
) -> None:
    with database.write() as connection:
        add_entries(connection, bank, [NewEntry(signal(number)) for number in range(1, 9)], now=now)
    ids = list(range(1, 9))

    def number(_: int) -> None:
        with database.write() as connection:
            make_contents(connection, ids, now=now)

    with ThreadPoolExecutor(4) as threads:
        list(threads.map(number, range(8)))
    assert _numbers(database, *ids) == {entry: [entry] for entry in ids}


def test_a_withdrawn_entry_is_held_by_nobody(
    database: Database, bank: Bank, signal: Callable[..., Signal], now: datetime
) -> None:
    _add(database, bank, signal(), now=now)
    with database.write() as connection:
        withdraw_entry(connection, bank, 1, now=now)
    assert _numbers(database, 1) == {}


def test_a_content_is_changed_and_only_what_changed_is_on_record(
    database: Database, bank: Bank, signal: Callable[..., Signal], now: datetime
) -> None:
    number = _add(database, bank, signal(), now=now)
    with database.write() as connection:
        changed = change_content(
            connection, bank, number, {"disable_until_ts": 0, "note": "a word"}, actor="key:1", now=now
        )
        change_content(connection, bank, number, {"disable_until_ts": 0}, actor="key:1", now=now)
    assert (changed.disable_until_ts, changed.note) == (0, "a word")
    with database.read() as connection:
        recorded = list_entries(connection, action="content.changed")
    assert [each.details for each in recorded] == [
        {"bank": bank.id, "fields": ["disable_until_ts", "note"], "disable_until_ts": 0}
    ]


def test_contents_of_other_banks_are_not_reached(
    database: Database, make_bank: Callable[..., Bank], signal: Callable[..., Signal], now: datetime
) -> None:
    one, other = make_bank("ONE"), make_bank("OTHER")
    number = _add(database, one, signal(), now=now)
    with database.write() as connection:
        for reach in (
            lambda: find_content(connection, other, number),
            lambda: change_content(connection, other, number, {"note": "x"}, actor="key:1", now=now),
            lambda: delete_content(connection, other, number, actor="key:1", now=now),
        ):
            with pytest.raises(ContentNotFound):
                reach()


@pytest.mark.parametrize("number", [0, -1, 2**63, 10**30])
def test_a_number_that_none_can_have_names_no_content(
    database: Database, bank: Bank, now: datetime, number: int
) -> None:
    with database.write() as connection:
        with pytest.raises(ContentNotFound):
            find_content(connection, bank, number)
        assert not delete_content(connection, bank, number, actor="key:1", now=now)


def test_pairs_of_content_and_type_are_counted_as_hma_counts(
    database: Database, bank: Bank, signal: Callable[..., Signal], now: datetime
) -> None:
    _add(database, bank, signal(1), signal(2, "md5"), now=now)
    _add(database, bank, signal(1), now=now)
    with database.write() as connection:
        add_entries(connection, bank, [NewEntry(signal(9))], now=now)
    with database.read() as connection:
        counts = count_signals(connection, ["pdq", "md5", "vpdq"])
    assert {name: each.count for name, each in counts.items()} == {"pdq": 3, "md5": 1, "vpdq": 0}
    assert counts["pdq"].newest_at == now
    assert counts["vpdq"].newest_at is None


@pytest.mark.sqlite_file
def test_the_quick_reader_reads_what_the_other_one_does(
    database: Database, make_bank: Callable[..., Bank], signal: Callable[..., Signal], now: datetime, data: Path
) -> None:
    one, other = make_bank("ONE", 0.25), make_bank("OTHER")
    for bank, number in ((one, 1), (one, 1), (other, 2)):
        _add(database, bank, signal(number), now=now)
    with database.write() as connection:
        add_entries(connection, other, [NewEntry(signal(3)), NewEntry(signal(4))], now=now)
        withdraw_entry(connection, other, 4, now=now)
        change_content(connection, one, 1, {"disable_until_ts": 0}, actor="key:1", now=now)
    reader = QuickReader(data)
    try:
        with database.read() as connection:
            wanted, names = holders_of(connection, [1, 2, 3, 4, 99])
        read, read_names = reader.holders([1, 2, 3, 4, 99])
    finally:
        reader.close()

    def plain(held: dict[int, Any]) -> dict[int, list[Any]]:
        return {entry: sorted(each, key=lambda one: one.content or 0) for entry, each in held.items()}

    assert plain(read) == plain(wanted)
    assert read_names == names == {one.id: "ONE", other.id: "OTHER"}
