"""Open what a process needs that does nothing but work."""

from __future__ import annotations

from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

    from hedgerow.database import Database
    from hedgerow.database.sealing import ServiceKeys
    from hedgerow.settings import Settings

__all__ = ["CommandParts", "open_parts"]


@dataclass(frozen=True, slots=True)
class CommandParts:
    """What a command has: nobody searches the banks in its process."""

    settings: Settings
    database: Database
    keys: ServiceKeys
    matcher: None = None


@contextmanager
def open_parts(settings: Settings, *, may_migrate: bool = False) -> Iterator[tuple[Database, ServiceKeys]]:
    """Open the database and read the service keys.

    Args:
        settings: The settings.
        may_migrate: Whether a database that an older Hedgerow wrote is brought up to date.

    Raises:
        DatabaseOutdated: An older Hedgerow wrote it, and nobody asked for a migration.
        DatabaseTooNew: A newer one wrote it.
        DatabaseUnavailable: It cannot be opened.
        ServiceKeyUnusable: The keys are none, or others can read them.
    """
    from hedgerow.database import needs_upgrade, open_database
    from hedgerow.database.revisions import current_revision
    from hedgerow.database.sealing import load_service_keys
    from hedgerow.errors import DatabaseOutdated
    from hedgerow.migrations import upgrade

    database = open_database(settings.data, settings.database_url)
    try:
        with database.read() as connection:
            is_outdated = needs_upgrade(connection) and current_revision(connection) is not None
        if is_outdated and not may_migrate:
            raise DatabaseOutdated
        upgrade(database)
        stated = None if settings.service_key is None else settings.service_key.get_secret_value()
        yield database, load_service_keys(settings.data, stated)
    finally:
        database.close()
