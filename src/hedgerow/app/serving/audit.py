"""The audit log: read it, take it out, verify it."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from hedgerow import accounts, audit, cases
from hedgerow.app.clock import now
from hedgerow.app.serving.spooling import Spooled, spool
from hedgerow.audit.line import header_line
from hedgerow.audit.records import hash_before, lines_after
from hedgerow.audit.searching import Found, Wanted, find_entry, first_checkpoint_from, search_entries
from hedgerow.errors import AuditEntryNotFound, CaseNotFound

if TYPE_CHECKING:
    from datetime import datetime
    from pathlib import Path

    from sqlalchemy import Connection

    from hedgerow.app.service import Service
    from hedgerow.audit import AuditEntry, Checkpoint, Head, Verification
    from hedgerow.database import Database

__all__ = [
    "NOTHING",
    "Asked",
    "EntryShown",
    "Searched",
    "export_audit",
    "list_checkpoints",
    "list_entries",
    "read_head",
    "search",
    "show_entry",
    "verify_audit",
]

_CASE_NUMBER: Final = re.compile(r"[0-9]{4}-[0-9]+")
# What acts and is nobody: these words are not taken for the name of a user.
_NOBODY: Final = frozenset({"cli", "system", "anonymous"})


@dataclass(frozen=True, slots=True)
class Asked:
    """What somebody looks for, as people write it; empty for whatever.

    Attributes:
        actor: ``user:3``, ``system``, or the name of a user.
        action: ``case.decided``, or ``case`` for all that happens to cases.
        subject_type: ``case``.
        subject_id: ``17``; of a case its number, too.
        since: From then on.
        until: Before then.
    """

    actor: str = ""
    action: str = ""
    subject_type: str = ""
    subject_id: str = ""
    since: datetime | None = None
    until: datetime | None = None


@dataclass(frozen=True, slots=True)
class Searched:
    """What a search came to, and how the people in it are called.

    Attributes:
        found: What was found.
        names: By actor, what others see of that person.
    """

    found: Found
    names: dict[str, str]


NOTHING: Final = Searched(Found([], 0, 0, None), {})
"""What comes of not looking."""


@dataclass(frozen=True, slots=True)
class EntryShown:
    """An entry, and whether it holds.

    Attributes:
        entry: The entry.
        verification: Of this entry and its link to the one before.
        checkpoint: The number of the entry whose checkpoint vouches for this one; None where none was made since.
        head: The latest entry.
        case_number: Of the case that it is about.
        names: By actor, what others see of that person.
    """

    entry: AuditEntry
    verification: Verification
    checkpoint: int | None
    head: Head
    case_number: str | None
    names: dict[str, str]


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


def search(database: Database, asked: Asked, *, before: int | None = None, limit: int) -> Searched:
    """Search back through the log; see `hedgerow.audit.searching`."""
    with database.read() as connection:
        people = accounts.list_users(connection)
        actors = {each.name: each.actor for each in people}
        actor = asked.actor.lower()
        if actor not in _NOBODY:
            actor = actors.get(actor, actor)
        subject_id = asked.subject_id
        if asked.subject_type == "case" and _CASE_NUMBER.fullmatch(subject_id):
            subject_id = _case_id(connection, subject_id)
        wanted = Wanted(
            actor or None,
            asked.action or None,
            asked.subject_type or None,
            subject_id or None if asked.subject_type else None,
            asked.since,
            asked.until,
        )
        found = search_entries(connection, wanted, before=before, limit=limit)
    return Searched(found, {each.actor: each.display_name for each in people})


def _case_id(connection: Connection, number: str) -> str:
    try:
        return str(cases.find_case_by_number(connection, number).id)
    except CaseNotFound:
        return number  # about which nothing is found, as is right


def show_entry(service: Service, sequence: int) -> EntryShown:
    """Return an entry, and look whether it is as it was written and follows from the one before.

    Raises:
        AuditEntryNotFound: There is none of that number.
    """
    with service.database.read() as connection:
        entry = find_entry(connection, sequence)
        before = hash_before(connection, sequence)
        case_number = None
        if entry.subject_type == "case" and entry.subject_id is not None and entry.subject_id.isdecimal():
            try:
                case_number = cases.find_case(connection, int(entry.subject_id)).number
            except CaseNotFound:
                case_number = None  # of a backup that is older than the log: the entry says what it says
        return EntryShown(
            entry,
            audit.verify([header_line(sequence, before), *lines_after(connection, sequence - 1, limit=1)]),
            first_checkpoint_from(connection, sequence),
            audit.read_head(connection),
            case_number,
            {each.actor: each.display_name for each in accounts.list_users(connection)},
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
