"""A migrated database for each test, copied from one that is migrated once."""

from __future__ import annotations

import shutil
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import pytest

from hedgerow.banks import Bank, create_bank
from hedgerow.database import Database, open_database
from hedgerow.migrations import upgrade

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

__all__ = ["NOW"]

NOW = datetime(2026, 11, 22, 12, 30, 15, 123456, tzinfo=UTC)


@pytest.fixture(scope="session")
def migrated(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("migrated")
    database = open_database(folder)
    upgrade(database)
    database.close()
    return folder


@pytest.fixture
def data(migrated: Path, tmp_path: Path) -> Path:
    return shutil.copytree(migrated, tmp_path / "data")


@pytest.fixture
def database(data: Path) -> Iterator[Database]:
    opened = open_database(data)
    yield opened
    opened.close()


@pytest.fixture
def now() -> datetime:
    return NOW


@pytest.fixture
def bank(database: Database, now: datetime) -> Bank:
    with database.write() as connection:
        return create_bank(connection, "known", now=now)
