"""Empty the banks, so that a test suite of an HMA client begins anew. The caller commits."""

from __future__ import annotations

import secrets
from typing import TYPE_CHECKING

from sqlalchemy import delete, select, text, update

from hedgerow.audit import append
from hedgerow.banks.tables import bank_changes, banks
from hedgerow.cases.tables import cases, submissions
from hedgerow.database import metadata
from hedgerow.errors import ResetRefused
from hedgerow.hma.tables import hma_signal_types

if TYPE_CHECKING:
    from datetime import datetime

    from sqlalchemy import Connection, Table

__all__ = ["factory_reset"]

# Rooms that come later: a folder that holds any of these is no playground either.
_LATER = ("reports", "notices", "evidence")


def factory_reset(connection: Connection, *, actor: str, now: datetime) -> None:
    """Delete every bank, entry, content and exchange, and let their numbers begin at 1 again.

    The history of changes gets another name, so that the indexes of every process begin anew too. Users, keys, policies
    and the audit stay.

    Args:
        connection: Of `Database.write`.
        actor: Who asks.
        now: When.

    Raises:
        ResetRefused: There are submissions, cases, reports, notices or evidence.
    """
    later = [metadata.tables[name] for name in _LATER if name in metadata.tables]
    if any(connection.execute(select(table).limit(1)).first() is not None for table in (submissions, cases, *later)):
        raise ResetRefused
    # Taken first, as whoever changes a bank takes it first: nobody adds anything meanwhile.
    connection.execute(update(bank_changes).values(sequence=bank_changes.c.sequence + 1, epoch=secrets.token_hex(8)))
    for table in _emptied():
        connection.execute(delete(table))
        if "id" not in table.primary_key.columns:
            continue
        if connection.dialect.name == "sqlite":
            connection.execute(text("DELETE FROM sqlite_sequence WHERE name = :name"), {"name": table.name})
        else:
            connection.execute(
                text("SELECT setval(pg_get_serial_sequence(:name, 'id'), 1, false)"), {"name": table.name}
            )
    append(connection, actor=actor, action="hma.reset", subject_type="hma", subject_id=None, now=now)


def _emptied() -> list[Table]:
    """Name the tables whose rows are about banks, those that refer to others first."""
    about = {banks, hma_signal_types}
    for table in metadata.sorted_tables:
        if any(key.column.table in about for key in table.foreign_keys):
            about.add(table)
    return [table for table in reversed(metadata.sorted_tables) if table in about]
