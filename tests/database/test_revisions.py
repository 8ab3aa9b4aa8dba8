from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from sqlalchemy import text

from hedgerow.database import REVISIONS, needs_upgrade, open_database
from hedgerow.errors import DatabaseTooNew

if TYPE_CHECKING:
    from pathlib import Path


def _stamp(data: Path, revision: str | None) -> bool:
    database = open_database(data)
    with database.write() as connection:
        connection.execute(text("CREATE TABLE alembic_version (version_num VARCHAR(32) NOT NULL)"))
        if revision is not None:
            connection.execute(text("INSERT INTO alembic_version VALUES (:revision)"), {"revision": revision})
    try:
        with database.read() as connection:
            return needs_upgrade(connection)
    finally:
        database.close()


def test_an_empty_database_needs_an_upgrade(tmp_path: Path) -> None:
    database = open_database(tmp_path)
    with database.read() as connection:
        assert needs_upgrade(connection)
    database.close()


def test_a_database_whose_first_migration_was_undone_needs_an_upgrade(tmp_path: Path) -> None:
    assert _stamp(tmp_path, None)


def test_a_database_at_the_latest_revision_needs_none(tmp_path: Path) -> None:
    assert not _stamp(tmp_path, REVISIONS[-1])


def test_a_revision_that_nobody_here_knows_is_too_new(tmp_path: Path) -> None:
    with pytest.raises(DatabaseTooNew) as caught:
        _stamp(tmp_path, "9999")
    assert caught.value.revision == "9999"
