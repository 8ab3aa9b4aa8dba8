from __future__ import annotations

from contextlib import contextmanager
from datetime import UTC, datetime, timedelta, timezone
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import Column, Integer, MetaData, Table, create_engine, insert, select
from sqlalchemy.exc import StatementError

import hedgerow.banks  # noqa: F401  (registers its tables)
from hedgerow.database import UtcDateTime, metadata

if TYPE_CHECKING:
    from collections.abc import Iterator

    from sqlalchemy import Connection

_times = Table("times", MetaData(), Column("id", Integer, primary_key=True), Column("at", UtcDateTime))


def _store(connection: Connection, at: datetime | None) -> datetime | None:
    connection.execute(insert(_times).values(at=at))
    return connection.execute(select(_times.c.at)).scalar()


@contextmanager
def _fresh() -> Iterator[Connection]:
    engine = create_engine("sqlite://")
    with engine.connect() as connection:
        _times.create(connection)
        yield connection
    engine.dispose()


@given(st.datetimes(min_value=datetime(1, 1, 3), max_value=datetime(9999, 12, 29), timezones=st.timezones()))  # noqa: DTZ001  (Hypothesis wants naive bounds)
def test_a_time_comes_back_as_the_same_instant_in_utc(at: datetime) -> None:
    with _fresh() as connection:
        stored = _store(connection, at)
    assert stored == at.astimezone(UTC)
    assert stored.tzinfo is UTC


def test_a_time_without_a_zone_is_refused() -> None:
    with _fresh() as connection, pytest.raises(StatementError, match="zone"):
        _store(connection, datetime(2026, 1, 1))  # noqa: DTZ001  (what is tested)


def test_no_time_stays_none() -> None:
    with _fresh() as connection:
        assert _store(connection, None) is None


def test_stored_times_sort_as_the_instants_they_are() -> None:
    tokyo = timezone(timedelta(hours=9))
    earlier, later = datetime(2026, 1, 1, 8, tzinfo=tokyo), datetime(2026, 1, 1, 0, 30, tzinfo=UTC)
    with _fresh() as connection:
        connection.execute(insert(_times), [{"at": later}, {"at": earlier}])
        assert list(connection.execute(select(_times.c.at).order_by(_times.c.at)).scalars()) == [earlier, later]


def test_every_constraint_of_every_table_has_a_name() -> None:
    assert metadata.tables
    for table in metadata.tables.values():
        for constraint in table.constraints:
            assert constraint.name, f"{table.name}: {constraint}"
