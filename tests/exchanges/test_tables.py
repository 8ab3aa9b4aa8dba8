from __future__ import annotations

from typing import TYPE_CHECKING

from sqlalchemy import inspect, text

from hedgerow.database import metadata, open_database
from hedgerow.exchanges.tables import exchange_pages

if TYPE_CHECKING:
    from pathlib import Path

    from sqlalchemy import Connection


def _unique(connection: Connection, schema: str | None = None) -> list[str]:
    """Return what each unique index of the pages says, as the database does."""
    found = inspect(connection).get_indexes(exchange_pages.name, schema=schema)
    return [f"{each['name']}: {each.get('dialect_options')}" for each in found if each["unique"]]


def test_only_one_page_that_is_open_stands_in_the_way_whoever_made_the_tables(
    postgresql_url: str, tmp_path: Path
) -> None:
    migrated = open_database(tmp_path, postgresql_url)
    with migrated.read() as connection:
        expected = _unique(connection)
        assert "ended_at IS NULL" in expected[0]
        connection.execute(text("CREATE SCHEMA made_anew"))
        connection.execute(text("SET LOCAL search_path TO made_anew"))
        metadata.create_all(connection, checkfirst=False)
        assert _unique(connection, "made_anew") == expected
    migrated.close()
