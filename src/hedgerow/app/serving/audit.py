"""The audit log: read it, take it out, verify it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from hedgerow import audit
from hedgerow.app.clock import now
from hedgerow.app.serving.spooling import Spooled, spool
from hedgerow.errors import AuditEntryNotFound

if TYPE_CHECKING:
    from pathlib import Path

    from hedgerow.app.service import Service
    from hedgerow.audit import AuditEntry, Checkpoint, Head, Verification
    from hedgerow.database import Database

__all__ = ["export_audit", "list_checkpoints", "list_entries", "read_head", "verify_audit"]


def list_entries(
    database: Database,
    *,
    subject_type: str | None = None,
    subject_id: str | None = None,
    actor: str | None = None,
    action: str | None = None,
    after: int = 0,
    limit: int,
) -> list[AuditEntry]:
    """List entries in their order, those of one subject, actor or action if asked for."""
    with database.read() as connection:
        return audit.list_entries(
            connection,
            after=after,
            limit=limit,
            subject_type=subject_type,
            subject_id=subject_id,
            actor=actor,
            action=action,
        )


def read_head(database: Database) -> Head:
    """Return the latest entry's number and hash."""
    with database.read() as connection:
        return audit.read_head(connection)


def list_checkpoints(database: Database, *, after: int = 0, limit: int) -> list[tuple[int, Checkpoint]]:
    """List the checkpoints in the order of their making, each with its place in that order, from 1."""
    with database.read() as connection:
        found = list(enumerate(audit.list_checkpoints(connection), 1))
    return found[after : after + limit]


def export_audit(database: Database, folder: Path, *, first: int = 1, actor: str) -> Spooled:
    """Write the chain from an entry on as the published lines. That it was exported is an entry, too, written before.

    Args:
        database: An open database.
        folder: Where it lies while it is sent, in a file without a name.
        first: The number of the entry to begin with.
        actor: Who takes it.

    Raises:
        AuditEntryNotFound: The chain does not reach that far.
    """
    with database.write() as connection:
        if first > max(audit.read_head(connection).sequence, 1):
            raise AuditEntryNotFound(first)
        audit.append(
            connection,
            actor=actor,
            action="audit.exported",
            subject_type="audit",
            subject_id=None,
            details={"first": first},
            now=now(),
        )
    file = spool(folder)
    with database.read() as connection:
        file.writelines(audit.entry_lines(connection, first=first))
    return Spooled(file)


def verify_audit(service: Service) -> Verification:
    """Verify the chain in the database against its own head and checkpoints, with the keys in the data folder.

    Whoever could change the database may have changed these too: an export that is verified elsewhere, with
    checkpoints that were given away, proves more.
    """
    from hedgerow.audit.keys import FOLDER, known_public_keys

    with service.database.read() as connection:
        return audit.verify(
            audit.entry_lines(connection),
            checkpoints=audit.list_checkpoints(connection),
            public_keys=known_public_keys(service.settings.data / FOLDER),
            head=audit.read_head(connection),
        )
