"""Fixtures for the whole house."""

from __future__ import annotations

import contextlib
import importlib.util
import os
import shutil
import subprocess
import tempfile
import uuid
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

import hypothesis
import pytest
from sqlalchemy import create_engine, make_url

from hedgerow.database import Database, open_database
from hedgerow.migrations import upgrade

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


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Run every test that takes a database on both kinds, unless it is about the file of one."""
    if "database" in metafunc.fixturenames:
        is_about_the_file = metafunc.definition.get_closest_marker("sqlite_file") is not None
        metafunc.parametrize("database", ["sqlite"] if is_about_the_file else ["sqlite", "postgresql"], indirect=True)


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
def postgresql_url(postgresql_template: URL) -> Iterator[str]:
    """Give the address of a migrated PostgreSQL database of its own, copied from one that is migrated once."""
    name = f"hedgerow_{uuid.uuid4().hex}"
    _administer(postgresql_template, f'CREATE DATABASE "{name}" TEMPLATE "{postgresql_template.database}"')
    yield postgresql_template.set(database=name).render_as_string(hide_password=False)
    _administer(postgresql_template, f'DROP DATABASE "{name}" WITH (FORCE)')


@pytest.fixture(scope="session")
def postgresql_template(postgresql_server: URL, tmp_path_factory: pytest.TempPathFactory) -> Iterator[URL]:
    """Give the address of a database with all tables and no rows."""
    template = postgresql_server.set(database=f"hedgerow_template_{uuid.uuid4().hex}")
    _administer(postgresql_server, f'CREATE DATABASE "{template.database}"')
    database = open_database(tmp_path_factory.mktemp("postgresql"), template.render_as_string(hide_password=False))
    upgrade(database)
    database.close()
    yield template
    _administer(postgresql_server, f'DROP DATABASE "{template.database}" WITH (FORCE)')


@pytest.fixture(scope="session")
def postgresql_server() -> Iterator[URL]:
    """Give the address of a PostgreSQL server: HEDGEROW_TEST_POSTGRESQL, or one started for this run and removed."""
    if importlib.util.find_spec("psycopg") is None:
        pytest.skip("NO POSTGRESQL DRIVER: this test checked NOTHING on PostgreSQL. Install hedgerow[postgres].")
    stated = os.environ.get("HEDGEROW_TEST_POSTGRESQL")
    if stated:
        yield make_url(stated)
        return
    programs = _postgresql_programs()
    if programs is None:
        pytest.skip(
            "NO POSTGRESQL: this test checked NOTHING on PostgreSQL. Install the server (Debian: apt-get install "
            "postgresql), or set HEDGEROW_TEST_POSTGRESQL to the address of a server where databases may be made."
        )
    # Not in pytest's folder: that one is closed to all but us, and the server may run as somebody else.
    with tempfile.TemporaryDirectory(prefix="hedgerow-postgresql-") as folder, _own_server(programs, folder) as url:
        yield url


def _postgresql_programs() -> Path | None:
    """Find the folder of initdb and pg_ctl; Debian keeps them out of the path."""
    found = shutil.which("initdb")
    folders = sorted(Path("/usr/lib/postgresql").glob("*/bin"), key=lambda path: path.parent.name.zfill(4))
    if found and not folders:
        return Path(found).parent
    return folders[-1] if folders and (folders[-1] / "initdb").is_file() else None


@contextlib.contextmanager
def _own_server(programs: Path, folder: str) -> Iterator[URL]:
    """Run a server of our own on a socket in a folder: no network, no password, nothing kept safe."""
    # The server refuses to run as root; Debian's package made a user for it.
    user = "postgres" if os.geteuid() == 0 else None
    if user:
        shutil.chown(folder, user)

    def run(program: str, *arguments: str) -> None:
        subprocess.run(
            [programs / program, *arguments], check=True, user=user, cwd=folder, stdout=subprocess.DEVNULL, timeout=120
        )

    cluster = f"{folder}/cluster"
    run("initdb", "--pgdata", cluster, "--username", "hedgerow", "--auth", "trust", "--no-sync", "--encoding", "UTF8")
    unsafe = "-c fsync=off -c synchronous_commit=off -c full_page_writes=off -c max_connections=200"
    run(
        "pg_ctl", "--pgdata", cluster, "--wait", "--log", f"{cluster}/log", "-o", f"-h '' -k {folder} {unsafe}", "start"
    )
    try:
        yield make_url(f"postgresql+psycopg://hedgerow@/postgres?host={folder}")
    finally:
        run("pg_ctl", "--pgdata", cluster, "--mode", "immediate", "--wait", "stop")


def _administer(url: URL, statement: str) -> None:
    engine = create_engine(url, isolation_level="AUTOCOMMIT")
    with engine.connect() as connection:
        connection.exec_driver_sql(statement)
    engine.dispose()


# No test is timed (CONTRIBUTING.md): a busy machine must not make one fail. `make soak` looks for more examples.
hypothesis.settings.register_profile("hedgerow", deadline=None, max_examples=50)
hypothesis.settings.register_profile("thorough", deadline=None, max_examples=500)
hypothesis.settings.load_profile("hedgerow")
