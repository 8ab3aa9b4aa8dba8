from __future__ import annotations

import random
from datetime import UTC, datetime, timedelta, timezone
from typing import TYPE_CHECKING, Any

import pytest
from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    Float,
    LargeBinary,
    MetaData,
    SmallInteger,
    String,
    Table,
    Text,
    select,
    text,
)

from hedgerow.database import UtcDateTime
from hedgerow.database.bulk import find_rows, insert_rows, rows_above, time_writer

if TYPE_CHECKING:
    from collections.abc import Iterator

    from sqlalchemy import Connection

    from hedgerow.database import Database

__all__: list[str] = []

_SCRATCH = Table(
    "scratch_of_bulk",
    MetaData(),
    Column("number", BigInteger, primary_key=True, autoincrement=False),
    Column("small", SmallInteger),
    Column("word", String(400)),
    Column("text", Text),
    Column("bits", LargeBinary),
    Column("is_so", Boolean),
    Column("share", Float),
    Column("at", UtcDateTime),
    prefixes=["TEMPORARY"],
)
_NAMES = tuple(column.name for column in _SCRATCH.c)
_TEXTS = (
    *(None, "", "a", "é", "NULL", "null", "{a,b}", '"', "\\", "'; --", "%s", "%(a)s", "a\tb\nc"),
    *("\x1f", "\x1e", "a\x1fb"),
)


@pytest.fixture
def connection(database: Database) -> Iterator[Connection]:
    with database.write() as opened:
        _SCRATCH.create(opened)
        yield opened
        _SCRATCH.drop(opened)


def _rows(drawing: random.Random, count: int) -> list[tuple[Any, ...]]:
    zone = timezone(timedelta(hours=9))
    times = (None, datetime(2026, 1, 2, 3, 4, 5, 678, UTC), datetime(1969, 12, 31, 23, tzinfo=zone))
    return [
        (
            number - 3,
            drawing.choice((None, 0, -32_768, 32_767)),
            drawing.choice(_TEXTS),
            drawing.choice(_TEXTS),
            drawing.choice((None, b"", b"\x00\xff", bytes(32))),
            drawing.choice((None, True, False)),
            drawing.choice((None, 0.1, -1e-300, 3.0)),
            drawing.choice(times),
        )
        for number in range(count)
    ]


def _inserted(connection: Connection, rows: list[tuple[Any, ...]], unless: str = "") -> int:
    write = time_writer(connection.dialect)
    stored = [(*row[:-1], None if row[-1] is None else write(row[-1])) for row in rows]
    return insert_rows(connection, _SCRATCH, _NAMES, stored, unless=unless)


def _there(connection: Connection) -> list[tuple[Any, ...]]:
    return [tuple(row) for row in connection.execute(select(_SCRATCH).order_by(_SCRATCH.c.number))]


@pytest.mark.parametrize("count", [0, 1, 2, 3, 40])
@pytest.mark.parametrize("seed", range(8))
def test_whatever_stands_in_rows_is_what_is_there(connection: Connection, seed: int, count: int) -> None:
    rows = _rows(random.Random(seed), count)  # noqa: S311  (which rows)
    assert _inserted(connection, rows) == count
    assert _there(connection) == rows


@pytest.mark.parametrize("count", [1, 2, 5])
@pytest.mark.parametrize("value", _TEXTS)
def test_a_column_in_which_all_is_the_same_is_so_for_all(connection: Connection, value: str | None, count: int) -> None:
    rows = [(number, None, value, value, None, None, None, None) for number in range(count)]
    assert _inserted(connection, rows) == count
    assert _there(connection) == rows


def test_what_is_there_already_is_left_out_and_not_counted(connection: Connection) -> None:
    rows = _rows(random.Random(0), 20)  # noqa: S311  (which rows)
    _inserted(connection, rows[5:8])
    unless = "ON CONFLICT (number) DO NOTHING"
    assert _inserted(connection, [*rows, rows[0]], unless) == 17
    assert _there(connection) == rows


def test_rows_are_inserted_in_their_order(database: Database) -> None:
    from hedgerow.banks.tables import banks  # noqa: PLC0415  (a table that numbers its rows)

    names = ("name", "threshold", "minimum_quality", "is_enabled", "created_at")
    with database.write() as connection:
        at = time_writer(connection.dialect)(datetime(2026, 1, 1, tzinfo=UTC))
        order = [f"bank-{number * 7 % 31}" for number in range(31)]
        insert_rows(connection, banks, names, [(name, 31, 50, True, at) for name in order])
        assert list(connection.execute(select(banks.c.name).order_by(banks.c.id)).scalars()) == order


def test_what_is_looked_for_is_found_and_nothing_else(connection: Connection) -> None:
    rows = [(number, number % 3, f"w{number}", None, bytes([number % 7]), None, None, None) for number in range(1_300)]
    _inserted(connection, rows)
    words = [f"w{number}" for number in range(0, 2_600, 2)]
    found = find_rows(
        connection, _SCRATCH, ("number", "word"), "word", words, having={"small": 1}, only="share IS NULL"
    )
    assert sorted(found) == [(number, f"w{number}") for number in range(0, 1_300, 2) if number % 3 == 1]
    bits = find_rows(connection, _SCRATCH, ("number", "bits"), "bits", [b"\x05", b"\x09"], having={"small": 2})
    assert sorted(bits) == [(number, b"\x05") for number in range(1_300) if number % 7 == 5 and number % 3 == 2]
    assert find_rows(connection, _SCRATCH, ("number",), "word", [], having={"small": 1}) == []
    assert find_rows(connection, _SCRATCH, ("number",), "word", ["w\x1f", "'", ""], having={"small": 1}) == []


def test_what_lies_above_a_number_is_found(connection: Connection) -> None:
    rows = [(number, number % 2, None, None, None, None, None, None) for number in range(50)]
    _inserted(connection, rows)
    assert sorted(rows_above(connection, _SCRATCH, ("number",), "number", 46)) == [(47,), (48,), (49,)]
    assert rows_above(connection, _SCRATCH, ("number",), "number", 46, having={"small": 0}) == [(48,)]


def test_a_table_that_is_being_filled_is_not_read_whole_for_some_keys(connection: Connection) -> None:
    if connection.dialect.name != "postgresql":
        pytest.skip("only PostgreSQL plans by what it counted before")
    for index in (
        "UNIQUE INDEX scratch_word ON scratch_of_bulk (small, word)",
        "INDEX scratch_number ON scratch_of_bulk (small, number)",
    ):
        connection.exec_driver_sql(f"CREATE {index}")
    words = [f"w{number}" for number in range(19_990, 21_000)]

    def found() -> int:
        return len(find_rows(connection, _SCRATCH, ("number",), "word", words, having={"small": 1}))

    for _ in range(8):  # often enough for a plan to be kept that is good for an empty table
        assert found() == 0
    _inserted(connection, [(number, 1, f"w{number}", None, None, None, None, None) for number in range(20_000)])
    read = text(
        "SELECT coalesce(sum(seq_tup_read + idx_tup_fetch), 0) FROM pg_stat_xact_user_tables "
        "WHERE relname = 'scratch_of_bulk'"
    )
    before = connection.execute(read).scalar_one()
    assert found() == 10
    assert connection.execute(read).scalar_one() - before < 100
    assert connection.exec_driver_sql("SHOW plan_cache_mode").scalar_one() == "auto"
