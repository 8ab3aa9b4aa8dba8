"""Find entries, the latest first. The first argument is an open connection; nothing is changed here.

Only what happened to one thing is found by an index: whoever appends pays for each index, and everything that is done
here appends. So other searches go back through the chain, so many entries at a time, and say how far they came. Times
are found by halving, since entries stand in the order of their times, but for the little that clocks differ.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Any, Final

from sqlalchemy import func, select

from hedgerow.audit.records import entry_of, read_head
from hedgerow.audit.tables import audit_checkpoints, audit_entries
from hedgerow.errors import AuditEntryNotFound

if TYPE_CHECKING:
    from datetime import datetime

    from sqlalchemy import Connection, Select

    from hedgerow.audit.model import AuditEntry

__all__ = ["REACH", "Found", "Wanted", "find_entry", "first_checkpoint_from", "search_entries"]

REACH: Final = 50_000
"""Entries that one search goes through at most: some 40 ms on SQLite."""

# Processes may read clocks that differ, and a clock may be set.
_APART: Final = timedelta(minutes=10)


@dataclass(frozen=True, slots=True)
class Wanted:
    """What is looked for; None for whatever.

    Attributes:
        actor: By them.
        action: Of this kind; without a dot all that begin with this word.
        subject_type: About this kind of thing.
        subject_id: About this thing; with `subject_type`.
        since: From then on.
        until: Before then.
    """

    actor: str | None = None
    action: str | None = None
    subject_type: str | None = None
    subject_id: str | None = None
    since: datetime | None = None
    until: datetime | None = None


@dataclass(frozen=True, slots=True)
class Found:
    """What one search came to.

    Attributes:
        entries: The latest first.
        newest: The number of the latest entry that was looked at; 0 where there was none.
        oldest: The number of the oldest.
        before: Search again before this one; None where nothing is left.
    """

    entries: list[AuditEntry]
    newest: int
    oldest: int
    before: int | None


def search_entries(
    connection: Connection, wanted: Wanted, *, before: int | None = None, limit: int = 50, reach: int = REACH
) -> Found:
    """Search back through the chain.

    Args:
        connection: Of `Database.read`.
        wanted: What for.
        before: Only those with a smaller number: `Found.before` of the search before.
        limit: Most entries.
        reach: Most entries that are gone through, found or not; an index finds what is about one thing.
    """
    newest = read_head(connection).sequence
    if before is not None:
        newest = min(newest, before - 1)
    end = 1
    if wanted.until is not None:
        newest = min(newest, _first_from(connection, wanted.until + _APART, newest) - 1)
    if wanted.since is not None:
        end = _first_from(connection, wanted.since - _APART, newest)
    if newest < end:
        return Found([], 0, 0, None)
    oldest = end if wanted.subject_id is not None else max(end, newest - reach + 1)
    statement = _narrowed(wanted).where(audit_entries.c.sequence.between(oldest, newest))
    rows = connection.execute(statement.order_by(audit_entries.c.sequence.desc()).limit(limit + 1)).all()
    entries = [entry_of(row) for row in rows[:limit]]
    if len(rows) > limit:
        return Found(entries, newest, entries[-1].sequence, entries[-1].sequence)
    return Found(entries, newest, oldest, oldest if oldest > end else None)


def _narrowed(wanted: Wanted) -> Select[Any]:
    columns = audit_entries.c
    statement = select(audit_entries)
    if wanted.actor is not None:
        statement = statement.where(columns.actor == wanted.actor)
    if wanted.action is not None and "." in wanted.action:
        statement = statement.where(columns.action == wanted.action)
    elif wanted.action is not None:
        statement = statement.where(columns.action.startswith(f"{wanted.action}.", autoescape=True))
    if wanted.subject_type is not None and wanted.subject_id is not None:
        statement = statement.where(
            columns.subject_type == wanted.subject_type, columns.subject_id == wanted.subject_id
        )
    elif wanted.subject_type is not None:
        # As an expression, so that the index of subjects is not taken: it would give all of a type, to be sorted.
        statement = statement.where(columns.subject_type.concat("") == wanted.subject_type)
    if wanted.since is not None:
        statement = statement.where(columns.at >= wanted.since)
    if wanted.until is not None:
        statement = statement.where(columns.at < wanted.until)
    return statement


def _first_from(connection: Connection, at: datetime, newest: int) -> int:
    """Return the number of the first entry at or after a time; one more than `newest` where there is none."""
    low, high = 1, newest + 1
    statement = select(audit_entries.c.sequence, audit_entries.c.at).order_by(audit_entries.c.sequence).limit(1)
    while low < high:
        middle = (low + high) // 2
        row = connection.execute(statement.where(audit_entries.c.sequence >= middle)).first()
        if row is None or row.at >= at:
            high = middle
        else:
            low = int(row.sequence) + 1
    return low


def find_entry(connection: Connection, sequence: int) -> AuditEntry:
    """Find an entry by its number.

    Raises:
        AuditEntryNotFound: There is none.
    """
    row = connection.execute(select(audit_entries).where(audit_entries.c.sequence == sequence)).first()
    if row is None:
        raise AuditEntryNotFound(sequence)
    return entry_of(row)


def first_checkpoint_from(connection: Connection, sequence: int) -> int | None:
    """Return the number of the first entry, from this one on, of which a checkpoint was made; None where none was."""
    return connection.execute(
        select(func.min(audit_checkpoints.c.sequence)).where(audit_checkpoints.c.sequence >= sequence)
    ).scalar()
