"""The database: one file (SQLite) or one server (PostgreSQL) that remembers everything but media.

A *database* hands out connections: `Database.read` for a consistent look, `Database.write` for changes that happen
together or not at all. A *revision* is a state of the schema; `hedgerow.migrations` brings a database to the latest.
"""

from __future__ import annotations

from hedgerow.database.connection import Database, database_exists, open_database
from hedgerow.database.revisions import REVISIONS, needs_upgrade
from hedgerow.database.schema import UtcDateTime, metadata

__all__ = [
    "REVISIONS",
    "Database",
    "UtcDateTime",
    "database_exists",
    "metadata",
    "needs_upgrade",
    "open_database",
]
