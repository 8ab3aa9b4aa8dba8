"""Long lists go into a bank in the order of its index, and the bank is the same as if they went in line by line."""

from __future__ import annotations

import io
import random
from typing import TYPE_CHECKING

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import text

from hedgerow.banks import (
    Attributes,
    Bank,
    Matcher,
    NewEntry,
    ReadOptions,
    Rejection,
    add_entries,
    count_entries,
    create_bank,
    entries_since,
    import_entries,
    importing,
    iterate_entries,
    list_banks,
    staging,
    withdraw_entry,
)
from hedgerow.banks.staging import Stage
from hedgerow.hashing.signal import Signal

if TYPE_CHECKING:
    from collections.abc import Iterator
    from datetime import datetime
    from pathlib import Path

    from hedgerow.database import Database

_shared_fixture = settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None, max_examples=40)


@pytest.fixture
def _small(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let a list of ten be a long one, of several batches and several merges."""
    monkeypatch.setattr(importing, "_BATCH", 3)
    monkeypatch.setattr(staging, "_MOST", 7)
    monkeypatch.setattr(staging, "_KEPT_IN_ORDER", 2)


def _md5(number: int) -> str:
    return f"{(number + 1) * 0x9E3779B97F4A7C15F39CC0605CEDC835 % 2**128:032x}"  # in no order


def _new(number: int, note: str | None = None) -> NewEntry:
    return NewEntry(Signal("md5", bytes.fromhex(_md5(number))), Attributes("import", note=note))


def _live(database: Database, bank: Bank) -> dict[bytes, tuple[str | None, str | None]]:
    """Return what is said of each value."""
    with database.read() as connection:
        return {
            each.signal.bits: (each.attributes.external_id, each.attributes.note)
            for each in iterate_entries(connection, bank)
        }


def _csv(numbers: list[int | None]) -> bytes:
    """Write a list whose every line says something else; None for a line that is none."""
    lines = [f"{'x' if number is None else _md5(number)},line {line}" for line, number in enumerate(numbers, 2)]
    return "\n".join(["md5,note", *lines]).encode()


@_shared_fixture
@given(
    before=st.lists(st.integers(0, 12), max_size=6),
    gone=st.sets(st.integers(0, 12), max_size=4),
    numbers=st.lists(st.none() | st.integers(0, 12), max_size=30),
    readmit=st.booleans(),
)
@pytest.mark.usefixtures("_small")
def test_a_long_list_leaves_the_same_bank_and_report_as_its_lines_one_by_one(
    database: Database, now: datetime, before: list[int], gone: set[int], numbers: list[int | None], *, readmit: bool
) -> None:
    with database.write() as connection:
        count = len(list_banks(connection))
        banks = [create_bank(connection, f"bank-{count + each}", now=now) for each in range(2)]
        for bank in banks:
            add_entries(connection, bank, [_new(number, "before") for number in {*before, *gone}], now=now)
            for each in gone:
                withdraw_entry(connection, bank, _md5(each), now=now)
    long, slow = banks
    rejections: list[Rejection] = []
    with database.write() as connection:
        report = import_entries(
            connection, long, io.BytesIO(_csv(numbers)), now=now, readmit_withdrawn=readmit,
            options=ReadOptions("csv"), on_rejected=rejections.append,
        )  # fmt: skip
    added = there = 0
    refused = []
    with database.write() as connection:
        for line, number in enumerate(numbers, 2):
            if number is None:
                refused.append(line)
                continue
            new = [_new(number, f"line {line}")]
            outcome = add_entries(connection, slow, new, now=now, readmit_withdrawn=readmit)
            added, there = added + outcome.added, there + outcome.already_there
            refused += [line] * len(outcome.refused)
    assert (report.added, report.already_there) == (added, there)
    assert [each.line for each in rejections] == refused
    assert _live(database, long) == _live(database, slow)


@pytest.mark.usefixtures("_small")
def test_every_new_entry_is_a_change_with_a_number_of_its_own_in_the_order_of_the_ids(
    database: Database, bank: Bank, now: datetime
) -> None:
    with database.write() as connection:
        add_entries(connection, bank, [_new(1), _new(2)], now=now)
    with database.read() as connection:
        seen = max(change.sequence for change in entries_since(connection, bank, 0))
    with database.write() as connection:
        import_entries(connection, bank, io.BytesIO(_csv([*range(20), *range(5)])), now=now)
        other = create_bank(connection, "other", now=now)
        add_entries(connection, other, [_new(99)], now=now)
    with database.read() as connection:
        changes = list(entries_since(connection, bank, seen))
        (later,) = entries_since(connection, other, 0)
    assert {change.bits for change in changes} == {bytes.fromhex(_md5(each)) for each in range(20)} - {
        bytes.fromhex(_md5(each)) for each in (1, 2)
    }
    assert len({change.sequence for change in changes}) == len(changes) == 18
    assert [change.id for change in changes] == sorted(change.id for change in changes)
    assert later.sequence > changes[-1].sequence


@pytest.mark.usefixtures("_small")
def test_an_index_that_follows_finds_what_a_long_list_brought(
    database: Database, bank: Bank, now: datetime, tmp_path: Path
) -> None:
    matcher = Matcher(database, tmp_path / "indexes")
    matcher.load()
    signals = [Signal("md5", bytes.fromhex(_md5(number))) for number in range(20)]
    assert [matcher.search([each]) for each in signals] == [[]] * 20
    with database.write() as connection:
        import_entries(connection, bank, io.BytesIO(_csv(list(range(20)))), now=now)
    matcher.refresh()
    assert all(len(matcher.search([each])) == 1 for each in signals)


def test_a_short_list_keeps_its_order(database: Database, bank: Bank, now: datetime) -> None:
    content = "".join(f"{_md5(number)}\n" for number in range(50)).encode()
    with database.write() as connection:
        import_entries(connection, bank, io.BytesIO(content), now=now)
    assert list(_live(database, bank)) == [bytes.fromhex(_md5(number)) for number in range(50)]


@pytest.mark.usefixtures("_small")
def test_nothing_is_left_of_a_long_list_that_breaks_off_not_even_where_the_caller_goes_on(
    database: Database, bank: Bank, now: datetime
) -> None:
    class Breaking(io.BytesIO):
        def read(self, size: int | None = -1, /) -> bytes:
            piece = super().read(min(size or 0, 400))
            if not piece:
                raise OSError(5, "Input/output error")
            return piece

    def fail() -> None:
        with database.write() as connection:
            import_entries(connection, bank, Breaking(_csv(list(range(40)))), now=now)

    with pytest.raises(OSError, match="Input/output"):
        fail()
    assert _live(database, bank) == {}
    # A caller who catches it within the transaction keeps what went in before, and can import again.
    with database.write() as connection:
        with pytest.raises(OSError, match="Input/output"):
            import_entries(connection, bank, Breaking(_csv(list(range(40)))), now=now)
        report = import_entries(connection, bank, io.BytesIO(_csv(list(range(40)))), now=now)
    assert report.added + report.already_there == 40
    assert len(_live(database, bank)) == 40


def test_what_was_gathered_for_it_is_gone_after_a_merge(database: Database, bank: Bank, now: datetime) -> None:
    with database.write() as connection:
        stage = Stage(connection, bank, now=now)
        assert stage.merge() == 0
        stage.put([])
        stage.put([_new(number) for number in range(5)])
        assert count_entries(connection, bank) == {}
        assert stage.merge() == 5
        stage.put([_new(number) for number in range(3, 9)])
        assert stage.merge() == 4
        with pytest.raises(Exception, match=staging._TABLE), connection.begin_nested():
            connection.execute(text(f"SELECT count(*) FROM {staging._TABLE}"))  # noqa: S608  (our word)
    assert len(_live(database, bank)) == 9


@pytest.mark.slow
def test_a_list_longer_than_one_merge_goes_in_whole(database: Database, bank: Bank, now: datetime) -> None:
    count = staging._KEPT_IN_ORDER * 3
    numbers = list(range(count))
    random.Random(5).shuffle(numbers)  # noqa: S311  (test data)

    def lines() -> Iterator[bytes]:
        for number in numbers:
            yield f"{_md5(number)}\n".encode()

    with database.write() as connection:
        report = import_entries(connection, bank, io.BytesIO(b"".join(lines())), now=now)
        assert (report.added, report.already_there, report.rejected) == (count, 0, 0)
        again = import_entries(connection, bank, io.BytesIO(b"".join(lines())), now=now)
    assert (again.added, again.already_there) == (0, count)
