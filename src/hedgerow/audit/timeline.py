"""What happened to one thing, as the chain has it, and whether that part of the chain is whole.

The first argument is an open connection. An entry counts as whole where its hash is that of what stands in it, where it
continues the entry before it, and where the one after it continues it. That takes one look at each neighbour, and says
nothing of the rest of the chain: `hedgerow.audit.verify` does.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, NamedTuple

from sqlalchemy import select

from hedgerow.audit.line import hash_of, hashed_text, time_text
from hedgerow.audit.model import NO_HASH, AuditEntry
from hedgerow.audit.rules import canonical_json
from hedgerow.audit.tables import audit_entries, audit_head

if TYPE_CHECKING:
    from collections.abc import Mapping

    from sqlalchemy import Connection, Row

    AnyRow = Row[*tuple[Any, ...]]

__all__ = ["Link", "timeline"]


class Link(NamedTuple):
    """An entry, and whether it is whole.

    Attributes:
        entry: The entry.
        is_whole: Whether it says what was hashed, and hangs between its neighbours.
    """

    entry: AuditEntry
    is_whole: bool


def timeline(connection: Connection, subject_type: str, subject_id: str | int, *, limit: int) -> list[Link]:
    """List the latest entries about one thing, the latest first.

    Args:
        connection: Of `Database.read`.
        subject_type: Its kind.
        subject_id: Which.
        limit: Most entries.
    """
    rows = connection.execute(
        select(audit_entries)
        .where(audit_entries.c.subject_type == subject_type, audit_entries.c.subject_id == str(subject_id))
        .order_by(audit_entries.c.sequence.desc())
        .limit(limit)
    ).all()
    entries = [_entry(row) for row in rows]
    beside = {each.sequence + step for each in entries for step in (-1, 1)}
    found = connection.execute(
        select(audit_entries.c.sequence, audit_entries.c.previous_hash, audit_entries.c.hash).where(
            audit_entries.c.sequence.in_(sorted(beside))
        )
    )
    neighbours = {int(row.sequence): (bytes(row.previous_hash), bytes(row.hash)) for row in found}
    head = connection.execute(select(audit_head.c.sequence, audit_head.c.hash)).one()
    last = (int(head.sequence), bytes(head.hash))
    return [Link(each, _is_whole(each, neighbours, last)) for each in entries]


def _is_whole(entry: AuditEntry, neighbours: Mapping[int, tuple[bytes, bytes]], last: tuple[int, bytes]) -> bool:
    text = hashed_text(
        sequence=entry.sequence,
        at=time_text(entry.at),
        actor=entry.actor,
        action=entry.action,
        subject_type=entry.subject_type,
        subject_id=entry.subject_id,
        details=canonical_json(dict(entry.details)),
        previous=entry.previous_hash.hex(),
    )
    before = NO_HASH if entry.sequence == 1 else neighbours.get(entry.sequence - 1, (b"", b""))[1]
    after = last[1] if entry.sequence == last[0] else neighbours.get(entry.sequence + 1, (b"", b""))[0]
    return hash_of(text) == entry.hash and before == entry.previous_hash and after == entry.hash


def _entry(row: AnyRow) -> AuditEntry:
    return AuditEntry(
        int(row.sequence),
        row.at,
        row.actor,
        row.action,
        row.subject_type,
        row.subject_id,
        json.loads(row.details),
        bytes(row.previous_hash),
        bytes(row.hash),
    )
