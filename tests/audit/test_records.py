from __future__ import annotations

import io
import threading
from datetime import UTC, datetime, timedelta, timezone
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule, run_state_machine_as_test
from sqlalchemy import delete, insert, select, update

from hedgerow.audit import (
    Head,
    Verification,
    Wrong,
    append,
    entry_lines,
    lines_of,
    list_checkpoints,
    list_entries,
    read_head,
    verify,
)
from hedgerow.audit.records import record_checkpoint
from hedgerow.audit.tables import audit_entries, audit_head
from hedgerow.errors import AuditEntryNotFound, InvalidAuditEntry

if TYPE_CHECKING:
    from collections.abc import Callable

    from sqlalchemy import Connection

    from hedgerow.audit import AuditEntry
    from hedgerow.database import Database

_NOW = datetime(2026, 11, 22, 12, 30, 15, 123456, tzinfo=UTC)


def _append(connection: Connection, **how: Any) -> AuditEntry:
    said = {"actor": "user:3", "action": "case.opened", "subject_type": "case", "subject_id": 17, "now": _NOW}
    return append(connection, **(said | how))


def _fill(database: Database, count: int) -> None:
    with database.write() as connection:
        for number in range(count):
            _append(connection, subject_id=number, details={"number": number})


def _verified(database: Database, **how: Any) -> Verification:
    with database.read() as connection:
        return verify(entry_lines(connection), head=read_head(connection), **how)


def test_an_empty_chain_begins_with_zeros(database: Database) -> None:
    with database.read() as connection:
        assert read_head(connection) == Head(0, bytes(32))
    assert _verified(database).is_sound


def test_an_entry_is_what_was_said_and_follows_from_the_one_before(database: Database) -> None:
    with database.write() as connection:
        first = _append(connection)
        second = _append(connection, action="case.viewed", subject_id=None, details={"to": "blurred", "ids": (1, 2)})
    assert (first.sequence, first.subject_id, first.previous_hash) == (1, "17", bytes(32))
    assert (second.sequence, second.subject_id, second.previous_hash) == (2, None, first.hash)
    assert second.details == {"to": "blurred", "ids": [1, 2]}
    with database.read() as connection:
        assert list_entries(connection) == [first, second]
        assert read_head(connection) == Head(2, second.hash)
    assert _verified(database).last == Head(2, second.hash)


_scalars = (
    st.none()
    | st.booleans()
    | st.integers(-(2**53) + 1, 2**53 - 1)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"]), max_size=40)
)
_details = st.dictionaries(
    st.from_regex(r"[a-z][a-z0-9_]{0,9}", fullmatch=True), _scalars | st.lists(_scalars, max_size=4), max_size=4
)
_ids = st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"]), min_size=1, max_size=60)
_times = st.builds(
    lambda microseconds, hours: (_NOW + timedelta(microseconds=microseconds)).astimezone(
        timezone(timedelta(hours=hours))
    ),
    st.integers(-(10**15), 10**15),  # 31 years
    st.sampled_from([0, -9.5, 14]),
)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=60)
@given(_details, _ids, _times)
def test_whatever_may_be_said_comes_back_as_it_was_hashed(
    database: Database, details: dict[str, Any], subject_id: str, at: datetime
) -> None:
    with database.write() as connection:
        said = _append(connection, details=details, subject_id=subject_id, now=at)
    with database.read() as connection:
        (found,) = list_entries(connection, after=said.sequence - 1)
        assert (found.subject_id, found.at, found.details) == (subject_id, at, details)
        lines = list(entry_lines(connection, first=said.sequence))
    assert verify(lines_of(io.BytesIO(b"".join(lines)))).last == Head(said.sequence, said.hash)


def test_what_does_not_fit_is_refused_and_takes_no_number(database: Database) -> None:
    with database.write() as connection:
        for wrong in ({"actor": "Alice Smith"}, {"action": "opened"}, {"details": {"x": object()}}):
            with pytest.raises(InvalidAuditEntry):
                _append(connection, **wrong)
        assert read_head(connection).sequence == 0
        assert _append(connection).sequence == 1


def test_a_transaction_that_fails_leaves_neither_entry_nor_gap(database: Database) -> None:
    _fill(database, 2)

    def fail() -> None:
        with database.write() as connection:
            _append(connection)
            raise RuntimeError

    with pytest.raises(RuntimeError):
        fail()
    _fill(database, 1)
    assert _verified(database).entries == 3
    assert _verified(database).is_sound


def test_entries_are_listed_page_by_page_and_by_what_they_are_about(database: Database) -> None:
    with database.write() as connection:
        for number in range(6):
            _append(connection, subject_id=number % 2, actor=f"user:{number % 3}", action=f"case.done{number // 3}")
    with database.read() as connection:
        assert [each.sequence for each in list_entries(connection, after=2, limit=3)] == [3, 4, 5]
        assert [each.sequence for each in list_entries(connection, subject_type="case", subject_id=1)] == [2, 4, 6]
        assert [each.sequence for each in list_entries(connection, actor="user:2")] == [3, 6]
        assert [each.sequence for each in list_entries(connection, action="case.done1", actor="user:2")] == [6]
        assert list_entries(connection, subject_type="account", subject_id=1) == []


def test_a_part_is_exported_from_an_entry_on(database: Database) -> None:
    _fill(database, 5)
    with database.read() as connection:
        whole = list(entry_lines(connection))
        part = list(entry_lines(connection, first=4))
        assert part[1:] == whole[4:]
        assert verify(part).is_sound
        assert verify(part).entries == 2
        for first in (0, 6):
            with pytest.raises(AuditEntryNotFound):
                list(entry_lines(connection, first=first))


def test_two_that_append_at_the_same_time_continue_one_chain(database: Database) -> None:
    start = threading.Barrier(4)
    troubles: list[BaseException] = []

    def work(number: int) -> None:
        try:
            start.wait()
            for _ in range(15):
                with database.write() as connection:
                    _append(connection, actor=f"user:{number}")
        except BaseException as error:  # noqa: BLE001  (told to the test below)
            troubles.append(error)

    threads = [threading.Thread(target=work, args=(number,)) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert troubles == []
    found = _verified(database)
    assert (found.is_sound, found.entries) == (True, 60)


def test_who_appends_waits_for_the_one_before_to_commit_or_fail(database: Database) -> None:
    is_inside, may_leave = threading.Event(), threading.Event()
    order: list[str] = []

    def first() -> None:
        with database.write() as connection:
            _append(connection)
            is_inside.set()
            may_leave.wait()
            order.append("first")
            connection.rollback()

    def second() -> None:
        is_inside.wait()
        with database.write() as connection:
            order.append(f"second {_append(connection).sequence}")

    threads = [threading.Thread(target=first), threading.Thread(target=second)]
    for thread in threads:
        thread.start()
    threads[1].join(0.3)
    assert order == []
    may_leave.set()
    for thread in threads:
        thread.join()
    assert order == ["first", "second 1"]
    assert _verified(database).entries == 1


class _Writers(RuleBasedStateMachine):
    """Transactions that append some entries, and then are committed, fail, or are rolled back to a savepoint."""

    database: Database

    def __init__(self) -> None:
        super().__init__()
        with self.database.read() as connection:
            self.expected = [each.hash for each in list_entries(connection, limit=1_000_000)]

    @rule(count=st.integers(0, 4))
    def commit(self, count: int) -> None:
        with self.database.write() as connection:
            made = [_append(connection, subject_id=number).hash for number in range(count)]
        self.expected += made

    @rule(count=st.integers(1, 4))
    def fail(self, count: int) -> None:
        def begin() -> None:
            with self.database.write() as connection:
                for number in range(count):
                    _append(connection, subject_id=number)
                raise ZeroDivisionError

        with pytest.raises(ZeroDivisionError):
            begin()

    @rule(before=st.integers(0, 2), undone=st.integers(1, 2), after=st.integers(0, 2))
    def undo_a_part(self, before: int, undone: int, after: int) -> None:
        with self.database.write() as connection:
            made = [_append(connection).hash for _ in range(before)]
            with connection.begin_nested() as savepoint:
                for _ in range(undone):
                    _append(connection, action="case.undone")
                savepoint.rollback()
            made += [_append(connection).hash for _ in range(after)]
        self.expected += made

    @rule()
    def refuse(self) -> None:
        with self.database.write() as connection:
            with pytest.raises(InvalidAuditEntry):
                _append(connection, actor="")
            self.expected.append(_append(connection).hash)

    @invariant()
    def the_chain_is_whole_and_holds_what_was_committed(self) -> None:
        found = _verified(self.database)
        assert found.is_sound
        with self.database.read() as connection:
            assert [each.hash for each in list_entries(connection, limit=1_000_000)] == self.expected


def test_whatever_fails_in_between_the_chain_holds_what_was_committed(database: Database) -> None:
    machine = type("Writers", (_Writers,), {"database": database})
    run_state_machine_as_test(machine, settings=settings(max_examples=8, stateful_step_count=12, deadline=None))


# ── what somebody does to the tables ─────────────────────────────────────────────────────────────────────────────


def _set(sequence: int, /, **values: Any) -> Callable[[Connection], object]:
    return lambda connection: connection.execute(
        update(audit_entries).where(audit_entries.c.sequence == sequence).values(**values)
    )


def _gone(sequence: int) -> Callable[[Connection], object]:
    return lambda connection: connection.execute(delete(audit_entries).where(audit_entries.c.sequence == sequence))


@pytest.mark.parametrize(
    ("tamper", "wrong", "sequence"),
    [
        (_set(3, actor="user:4"), Wrong.CHANGED, 3),
        (_set(3, at=_NOW + timedelta(microseconds=1)), Wrong.CHANGED, 3),
        (_set(3, subject_id=None), Wrong.CHANGED, 3),
        (_set(3, details='{"number":3}\n{"number":2}'), Wrong.CHANGED, 3),
        (_set(3, hash=bytes(32)), Wrong.CHANGED, 3),
        (_set(3, previous_hash=bytes(32)), Wrong.CHANGED, 3),
        (_set(3, sequence=9), Wrong.MISSING, 3),
        (_gone(1), Wrong.MISSING, 1),
        (_gone(3), Wrong.MISSING, 3),
        (_gone(5), Wrong.TRUNCATED, 4),
        (lambda connection: connection.execute(update(audit_head).values(sequence=4)), Wrong.CHANGED, 5),
        (lambda connection: connection.execute(update(audit_head).values(hash=bytes(32))), Wrong.CHANGED, 5),
    ],
)
def test_what_was_done_to_a_row_is_found(
    database: Database, tamper: Callable[[Connection], object], wrong: Wrong, sequence: int
) -> None:
    _fill(database, 5)
    assert _verified(database).is_sound
    with database.write() as connection:
        tamper(connection)
    (finding,) = _verified(database).findings
    assert (finding.wrong, finding.sequence) == (wrong, sequence)


@pytest.mark.parametrize(
    ("column", "value"),
    [
        ("at", "no time"),
        ("at", 7),
        ("actor", b"user:3"),
        ("subject_id", 2.5),
        ("details", "no JSON"),
        ("details", b"{}"),
        ("previous_hash", "no bytes"),
        ("hash", "no bytes"),
        ("hash", ""),
    ],
)
@pytest.mark.sqlite_file  # PostgreSQL takes none of these
def test_what_is_not_of_its_column_s_type_is_named_as_changed(database: Database, column: str, value: object) -> None:
    _fill(database, 5)
    with database.write() as connection:
        statement = f"UPDATE audit_entries SET {column} = ? WHERE sequence = 3"  # noqa: S608  (one of the above)
        connection.exec_driver_sql(statement, (value,))
    (finding,) = _verified(database).findings
    assert (finding.wrong, finding.line, finding.sequence) == (Wrong.CHANGED, 4, 3)


def test_a_number_cannot_be_used_twice(database: Database) -> None:
    from sqlalchemy.exc import IntegrityError  # noqa: PLC0415  (only here)

    _fill(database, 2)
    with database.read() as connection:
        row = dict(connection.execute(select(audit_entries).limit(1)).mappings().one())
    with pytest.raises(IntegrityError), database.write() as connection:
        connection.execute(insert(audit_entries).values(row))


def test_checkpoints_are_kept_in_the_order_of_their_making(database: Database, signer: Callable[[int], Any]) -> None:
    made = [signer(1).sign(sequence, bytes([sequence]) * 32) for sequence in (5, 3, 5)]
    with database.write() as connection:
        for each in made:
            record_checkpoint(connection, each)
    with database.read() as connection:
        assert list_checkpoints(connection) == made


def test_a_chain_is_read_a_few_rows_at_a_time(database: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("hedgerow.audit.records._ROWS_PER_FETCH", 7)
    _fill(database, 30)
    found = _verified(database)
    assert (found.is_sound, found.entries) == (True, 30)
