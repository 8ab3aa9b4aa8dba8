"""The database: one file (SQLite) or one server (PostgreSQL) that remembers everything but media.

A *database* hands out connections: `Database.read` for a consistent look, `Database.write` for changes that happen
together or not at all. A *revision* is a state of the schema; `hedgerow.migrations` brings a database to the latest.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from hedgerow.database.connection import Database, large_cache, open_database
    from hedgerow.database.copying import copy_rows
    from hedgerow.database.file import database_exists
    from hedgerow.database.revisions import REVISIONS, needs_upgrade
    from hedgerow.database.schema import UtcDateTime, metadata

__all__ = [
    "REVISIONS",
    "Database",
    "UtcDateTime",
    "copy_rows",
    "database_exists",
    "large_cache",
    "metadata",
    "needs_upgrade",
    "open_database",
]

_HOME = {
    "REVISIONS": "hedgerow.database.revisions",
    "Database": "hedgerow.database.connection",
    "UtcDateTime": "hedgerow.database.schema",
    "copy_rows": "hedgerow.database.copying",
    "database_exists": "hedgerow.database.file",
    "large_cache": "hedgerow.database.connection",
    "metadata": "hedgerow.database.schema",
    "needs_upgrade": "hedgerow.database.revisions",
    "open_database": "hedgerow.database.connection",
}


def __getattr__(name: str) -> object:
    # Looked up on first use (PEP 562), so that `hedgerow.database.file` can be had without SQLAlchemy.
    if name not in _HOME:
        raise AttributeError(f"module 'hedgerow.database' has no attribute {name!r}")
    value = getattr(import_module(_HOME[name]), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted(__all__)
