from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING

import pytest
from sqlalchemy import text

from hedgerow.database import copy_rows, open_database
from hedgerow.errors import DatabaseUnavailable

if TYPE_CHECKING:
    from pathlib import Path

    from hedgerow.database import Database

_NAMES = ("number", "word", "octets", "is_so")


def _make(database: Database) -> str:
    octets = "BYTEA" if database.engine.dialect.name == "postgresql" else "BLOB"
    return f"CREATE TEMPORARY TABLE copied (number BIGINT, word TEXT, octets {octets}, is_so BOOLEAN)"


def test_rows_arrive_as_they_are_in_their_order(database: Database) -> None:
    rows = [
        (2**62, "a\ttab, a \\ and a\nline", bytes(range(256)), True),
        (None, "\\N", b"", False),
        (-1, "", b"\\x00", None),
        (0, "é ⚘ 😀", None, True),
    ]
    with database.write() as connection:
        connection.execute(text(_make(database)))
        copy_rows(connection, "copied", _NAMES, rows)
        copy_rows(connection, "copied", _NAMES, [])
        found = connection.execute(text("SELECT number, word, octets, is_so FROM copied")).all()
        read = [
            (number, word, None if octets is None else bytes(octets), is_so) for number, word, octets, is_so in found
        ]
        assert read == rows
        connection.execute(text("DROP TABLE copied"))


def test_columns_may_be_given_in_any_order_and_the_rest_is_null(database: Database) -> None:
    with database.write() as connection:
        connection.execute(text(_make(database)))
        copy_rows(connection, "copied", ("word", "number"), [("one", 1)])
        assert connection.execute(text("SELECT number, word, octets, is_so FROM copied")).all() == [
            (1, "one", None, None)
        ]
        connection.execute(text("DROP TABLE copied"))


def test_what_postgresql_does_not_take_is_an_error_of_ours_that_quotes_nothing(
    postgresql_url: str, tmp_path: Path
) -> None:
    database = open_database(tmp_path, postgresql_url)
    rows = [(1, "a word", b"", True), (2, datetime(2026, 1, 1, tzinfo=UTC), b"", "a secret")]

    def put() -> None:
        with database.write() as connection:
            connection.execute(text(_make(database)))
            copy_rows(connection, "copied", _NAMES, rows)

    with pytest.raises(DatabaseUnavailable) as caught:
        put()
    assert "secret" not in str(caught.value)
    assert caught.value.__suppress_context__
    with database.write() as connection:  # the connection is in order
        assert connection.execute(text("SELECT 1")).scalar_one() == 1
    database.close()
