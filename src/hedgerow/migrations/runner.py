"""Bring a database to the latest revision. Alembic is loaded only when there is something to do."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from sqlalchemy import text

from hedgerow.database import REVISIONS, database_exists, needs_upgrade, open_database

if TYPE_CHECKING:
    from alembic.config import Config
    from sqlalchemy import Connection

    from hedgerow.database import Database
    from hedgerow.settings import Settings

__all__ = ["alembic_config", "open_existing", "open_migrated", "upgrade"]

# Any number that nobody else locks on the same PostgreSQL server: "HEDG" in ASCII.
_ADVISORY_LOCK = 0x48454447


def open_migrated(settings: Settings) -> Database:
    """Open the database of the settings at the latest revision; create it where there is none.

    Raises:
        DatabaseUnavailable: It cannot be opened or written.
        DatabaseTooNew: A newer Hedgerow wrote it.
    """
    database = open_database(settings.data, settings.database_url)
    upgrade(database)
    return database


def open_existing(settings: Settings) -> Database | None:
    """Open the database as `open_migrated` does, but create nothing: None where there is none.

    A command that only looks answers "no banks" then, without waiting for the migrations of an empty database.
    """
    if not database_exists(settings.data, settings.database_url):
        return None
    return open_migrated(settings)


def upgrade(database: Database) -> None:
    """Run the migrations that the database lacks, all in one transaction.

    Raises:
        DatabaseUnavailable: It cannot be written.
        DatabaseTooNew: A newer Hedgerow wrote it.
    """
    with database.read() as connection:
        if not needs_upgrade(connection):
            return
    with database.write() as connection:
        if connection.dialect.name == "postgresql":
            connection.execute(text("SELECT pg_advisory_xact_lock(:lock)"), {"lock": _ADVISORY_LOCK})
        if needs_upgrade(connection):  # another process may have been first
            from alembic import command  # noqa: PLC0415  (0.4 s that only an old database has to wait for)

            command.upgrade(alembic_config(connection), REVISIONS[-1])


def alembic_config(connection: Connection) -> Config:
    """Return Alembic's configuration for a connection; there is no alembic.ini."""
    from alembic.config import Config  # noqa: PLC0415  (as in `upgrade`)

    config = Config()
    config.set_main_option("script_location", str(Path(__file__).parent).replace("%", "%%"))
    config.attributes["connection"] = connection
    return config
