"""Fixtures for the whole house."""

from __future__ import annotations

import importlib.util
import os
import shutil
import tempfile
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

import hypothesis
import pytest
from sqlalchemy import make_url
from tests.postgresql import MigratedDatabases, own_server, programs

from hedgerow.accounts import passwords
from hedgerow.accounts.passwords import Argon2Parameters
from hedgerow.database import Database, open_database
from hedgerow.database.file import FILE_NAME
from hedgerow.migrations import runner, upgrade

if TYPE_CHECKING:
    from collections.abc import Iterator

    from sqlalchemy import URL

__all__ = ["NOW"]

NOW = datetime(2026, 11, 22, 12, 30, 15, 123456, tzinfo=UTC)


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """Give the folder of reference media: HEDGEROW_TEST_DATA, or shared/data beside the checkout."""
    stated = os.environ.get("HEDGEROW_TEST_DATA")
    folder = Path(stated) if stated else Path(__file__).resolve().parents[2] / "shared" / "data"
    if not (folder / "MANIFEST.csv").is_file():
        pytest.skip(
            f"NO REFERENCE MEDIA at {folder}: this test checked NOTHING. "
            "Set HEDGEROW_TEST_DATA to the folder that holds MANIFEST.csv, photos/, formats/ and hostile/."
        )
    return folder


@pytest.fixture
def now() -> datetime:
    return NOW


# ── people ───────────────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.fixture
def cheap_passwords(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Let argon2 do the least that it does: a third of a second each is its own matter, and its tests look at that."""
    least = passwords._hasher(Argon2Parameters(passes=1, memory_kib=8, lanes=1, salt_bytes=8, tag_bytes=16))
    passwords.dummy_hash.cache_clear()
    monkeypatch.setattr(passwords, "_hasher", lambda _parameters: least)
    yield
    passwords.dummy_hash.cache_clear()


# ── databases ────────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.fixture(scope="session")
def migrated(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Give a data folder whose SQLite database was migrated once, to be copied."""
    folder = tmp_path_factory.mktemp("migrated")
    database = open_database(folder)
    upgrade(database)
    database.close()
    return folder


@pytest.fixture
def data(migrated: Path, tmp_path: Path) -> Path:
    """Give a data folder with a migrated database of its own."""
    return shutil.copytree(migrated, tmp_path / "data")


@pytest.fixture
def migrated_at_once(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """Let a new database on SQLite begin as a copy of one that was migrated: 2 ms where the migrations take 200.

    For tests in which commands make their own. It is opened and looked at as ever.
    """

    def open_copy(data: Path, url: str | None = None) -> Database:
        if url is None and not (data / FILE_NAME).exists():
            migrated = request.getfixturevalue("migrated")
            data.mkdir(mode=0o700, parents=True, exist_ok=True)
            shutil.copy(migrated / FILE_NAME, data / FILE_NAME)
        return open_database(data, url)

    monkeypatch.setattr(runner, "open_database", open_copy)


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Run every test that takes a database on both kinds, unless it is about the file of one."""
    if "database" in metafunc.fixturenames:
        is_about_the_file = metafunc.definition.get_closest_marker("sqlite_file") is not None
        # What pages say is the same on either: their rooms' own tests run on both, and `make soak` runs these too.
        is_of_pages = metafunc.module.__name__.startswith("tests.web.pages.")
        server = pytest.param("postgresql", marks=pytest.mark.slow) if is_of_pages else "postgresql"
        metafunc.parametrize("database", ["sqlite"] if is_about_the_file else ["sqlite", server], indirect=True)


# Those that take longest, in the order in which they begin: a run does not end by waiting for one of them.
_FIRST = (
    *("tests/web/console/", "tests/docs/", "tests/web/server/", "tests/workers/test_killed", "tests/reports/test_kill"),
    *("tests/app/test_backup", "tests/reports/test_filing", "tests/cli/"),
)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Begin with what takes longest."""
    last = len(_FIRST)
    items.sort(key=lambda item: next((n for n, each in enumerate(_FIRST) if item.nodeid.startswith(each)), last))


@pytest.fixture
def database(request: pytest.FixtureRequest) -> Iterator[Database]:
    """Give an open, migrated, empty database."""
    if request.param == "sqlite":
        opened = open_database(request.getfixturevalue("data"))
    else:
        opened = open_database(request.getfixturevalue("tmp_path"), request.getfixturevalue("postgresql_url"))
    yield opened
    opened.close()


@pytest.fixture
def postgresql_url(postgresql_databases: MigratedDatabases) -> Iterator[str]:
    """Give the address of a migrated, empty PostgreSQL database."""
    url = postgresql_databases.lend()
    yield url.render_as_string(hide_password=False)
    postgresql_databases.give_back(url)


@pytest.fixture(scope="session")
def postgresql_databases(
    postgresql_server: URL, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[MigratedDatabases]:
    """Give what lends them."""
    databases = MigratedDatabases(postgresql_server, tmp_path_factory.mktemp("postgresql"))
    yield databases
    databases.close()


@pytest.fixture(scope="session")
def postgresql_server() -> Iterator[URL]:
    """Give the address of a PostgreSQL server: HEDGEROW_TEST_POSTGRESQL, or one started for this run and removed."""
    if importlib.util.find_spec("psycopg") is None:
        pytest.skip("NO POSTGRESQL DRIVER: this test checked NOTHING on PostgreSQL. Install hedgerow[postgres].")
    stated = os.environ.get("HEDGEROW_TEST_POSTGRESQL")
    if stated:
        yield make_url(stated)
        return
    found = programs()
    if found is None:
        pytest.skip(
            "NO POSTGRESQL: this test checked NOTHING on PostgreSQL. Install the server (Debian: apt-get install "
            "postgresql), or set HEDGEROW_TEST_POSTGRESQL to the address of a server where databases may be made."
        )
    # Not in pytest's folder: that one is closed to all but us, and the server may run as somebody else.
    with tempfile.TemporaryDirectory(prefix="hedgerow-postgresql-") as folder, own_server(found, folder) as url:
        yield url


# No test is timed (CONTRIBUTING.md): a busy machine must not make one fail. `make soak` looks for more examples.
hypothesis.settings.register_profile("hedgerow", deadline=None, max_examples=20)
hypothesis.settings.register_profile("thorough", deadline=None, max_examples=500)
hypothesis.settings.load_profile("hedgerow")
