"""Which revisions of the schema there are, and which one a database carries: one SELECT, without Alembic."""

from __future__ import annotations

from typing import TYPE_CHECKING

from hedgerow.errors import DatabaseTooNew

if TYPE_CHECKING:
    from sqlalchemy import Connection

__all__ = ["REVISIONS", "VERSION_TABLE", "current_revision", "needs_upgrade"]

# Oldest first; one for each file in migrations/versions (a test holds the two together).
REVISIONS = (
    *("0001", "0002", "0003", "0004", "0005", "0006", "0007", "0008"),
    *("0009", "0010", "0011", "0012", "0013", "0014", "0015", "0016", "0017"),
)

# Alembic's own table, which holds one row.
VERSION_TABLE = "alembic_version"


def current_revision(connection: Connection) -> str | None:
    """Return the revision that the database carries; None for an empty database."""
    from sqlalchemy import inspect, text  # noqa: PLC0415  (the list of revisions can be had without)

    if not inspect(connection).has_table(VERSION_TABLE):
        return None
    return connection.execute(text(f"SELECT version_num FROM {VERSION_TABLE}")).scalar()  # noqa: S608  (our constant)


def needs_upgrade(connection: Connection) -> bool:
    """Tell whether the migrations must run before anything else.

    Raises:
        DatabaseTooNew: The database carries a revision that this version does not know.
    """
    revision = current_revision(connection)
    if revision is not None and revision not in REVISIONS:
        raise DatabaseTooNew(revision)
    return revision != REVISIONS[-1]
