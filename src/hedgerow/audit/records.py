"""Append to the chain and read it. The first argument is an open connection; the caller commits."""

from __future__ import annotations

import json
from datetime import datetime
from typing import TYPE_CHECKING, Any

from sqlalchemy import String, bindparam, insert, select, type_coerce, update

from hedgerow.audit.line import entry_line, hash_of, hashed_text, header_line, time_text
from hedgerow.audit.model import NO_HASH, AuditEntry, Checkpoint, Head
from hedgerow.audit.rules import check_action, check_actor, check_details, check_subject, check_time
from hedgerow.audit.tables import audit_checkpoints, audit_entries, audit_head
from hedgerow.errors import AuditEntryNotFound

if TYPE_CHECKING:
    from collections.abc import Generator, Iterator

    from sqlalchemy import Connection, Row

    from hedgerow.audit.rules import Details

    AnyRow = Row[*tuple[Any, ...]]

__all__ = [
    "append",
    "entry_lines",
    "entry_of",
    "hash_before",
    "lines_after",
    "list_checkpoints",
    "list_entries",
    "read_head",
    "record_checkpoint",
    "take_head",
]

# Rows fetched at a time from a streamed query: some 2 MB of ordinary entries.
_ROWS_PER_FETCH = 5_000
# Written once: to write them anew for each entry takes longer than to run them.
_TAKE = update(audit_head).values(sequence=audit_head.c.sequence + 1).returning(*audit_head.c)
_INSERT = insert(audit_entries)
# As the driver gives it: what somebody put into a file of SQLite need not be of a column's type, and is to be named as
# wrong, not to stop the verification.
_RAW = select(*(type_coerce(column, String()).label(column.name) for column in audit_entries.c))
_SET_HASH = update(audit_head).values(hash=bindparam("new_hash"))


def append(
    connection: Connection,
    *,
    actor: str,
    action: str,
    subject_type: str,
    subject_id: str | int | None,
    details: Details | None = None,
    now: datetime,
) -> AuditEntry:
    """Append an entry to the chain, in the transaction of what it records.

    The next number is taken by updating the head, a single row. That row stays locked until the transaction ends, on
    PostgreSQL too: whoever appends meanwhile waits for the commit, so two writers cannot both continue the same entry,
    and a transaction that fails leaves no gap. So append last, when all other locks of the transaction are held: the
    others wait less, and two transactions that take their locks in different orders cannot block each other for ever.

    Args:
        connection: Of `Database.write`.
        actor: Who: ``user:3``, ``key:5``, ``system``, ``cli``.
        action: What was done: ``case.opened``.
        subject_type: To what kind of thing: ``case``.
        subject_id: To which of them; None where there is but one.
        details: Ids, counts and words; never a signal's value, a person's name, content, or a secret.
        now: When.

    Raises:
        InvalidAuditEntry: One of these does not fit (`hedgerow.audit.rules`). Nothing was written.
    """
    kind, name = check_subject(subject_type, subject_id)
    text = check_details(details or {})
    at = check_time(now)
    fields: dict[str, Any] = {
        "actor": check_actor(actor),
        "action": check_action(action),
        "subject_type": kind,
        "subject_id": name,
        "details": text,
    }
    head = take_head(connection)
    hash_ = hash_of(hashed_text(**fields, at=time_text(at), sequence=head.sequence, previous=head.hash.hex()))
    row = fields | {"at": at, "sequence": head.sequence, "previous_hash": head.hash, "hash": hash_}
    connection.execute(_INSERT, row)
    connection.execute(_SET_HASH, {"new_hash": hash_})
    return AuditEntry(
        head.sequence, now, actor, action, kind, name, json.loads(text), previous_hash=head.hash, hash=hash_
    )


def take_head(connection: Connection) -> Head:
    """Lock the head until the transaction ends; return the next number and the hash of the entry before it."""
    return _head(connection.execute(_TAKE).one())


def read_head(connection: Connection, *, is_locking: bool = False) -> Head:
    """Return the latest entry's number (0 before the first) and hash; one row, to be asked often.

    Args:
        connection: An open connection.
        is_locking: Keep others from appending until the transaction ends.
    """
    statement = select(audit_head)
    return _head(connection.execute(statement.with_for_update() if is_locking else statement).one())


def _head(row: AnyRow) -> Head:
    return Head(int(row.sequence), bytes(row.hash), row.key_id)


def list_entries(
    connection: Connection,
    *,
    after: int = 0,
    limit: int = 100,
    subject_type: str | None = None,
    subject_id: str | int | None = None,
    actor: str | None = None,
    action: str | None = None,
) -> list[AuditEntry]:
    """List entries in their order, those of one subject, actor or action if asked for.

    Args:
        connection: An open connection.
        after: Only those with a greater number: the last of the page before.
        limit: Most entries.
        subject_type: Only about this kind of thing.
        subject_id: Only about this thing; with `subject_type`.
        actor: Only by them.
        action: Only of this kind.
    """
    statement = select(audit_entries).where(audit_entries.c.sequence > after)
    wanted = {
        "subject_type": subject_type,
        "subject_id": None if subject_id is None else str(subject_id),
        "actor": actor,
        "action": action,
    }
    for name, value in wanted.items():
        if value is not None:
            statement = statement.where(audit_entries.c[name] == value)
    return [entry_of(row) for row in connection.execute(statement.order_by(audit_entries.c.sequence).limit(limit))]


def entry_of(row: AnyRow) -> AuditEntry:
    """Make an entry of its row."""
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


def entry_lines(connection: Connection, *, first: int = 1) -> Iterator[bytes]:
    """Go through the chain as the published lines, the header first, a few thousand rows in memory at a time.

    Rows are written as they are found, so that a verification of the lines sees what was done to the rows.

    Args:
        connection: Of `Database.read`: one state throughout.
        first: The number of the entry to begin with.

    Raises:
        AuditEntryNotFound: The chain does not reach that far.
    """
    head = read_head(connection)
    if not 1 <= first <= max(head.sequence, 1):
        raise AuditEntryNotFound(first)
    yield header_line(first, hash_before(connection, first))
    yield from lines_after(connection, first - 1)


def lines_after(connection: Connection, sequence: int, *, limit: int | None = None) -> Generator[bytes]:
    """Go through the lines of the entries after one, without a header, whatever the head of the chain says.

    Args:
        connection: Of `Database.read`: one state throughout.
        sequence: The number of the entry before; 0 for all.
        limit: Most lines.
    """
    statement = _RAW.where(audit_entries.c.sequence > sequence).order_by(audit_entries.c.sequence).limit(limit)
    with connection.execute(statement.execution_options(yield_per=_ROWS_PER_FETCH)) as result:
        for row in result:
            hashed = hashed_text(
                sequence=row.sequence,
                at=_raw_time(row.at),
                actor=_raw(row.actor),
                action=_raw(row.action),
                subject_type=_raw(row.subject_type),
                subject_id=None if row.subject_id is None else _raw(row.subject_id),
                details=_raw(row.details),
                previous=_raw(row.previous_hash),
            )
            yield entry_line(hashed, _raw(row.hash))


def _raw(value: object) -> str:
    """Write what the driver gave: of bytes their hex digits."""
    return value.hex() if isinstance(value, bytes | memoryview) else str(value)


def _raw_time(value: object) -> str:
    """Write a time as it is in the line: PostgreSQL gives one, SQLite the text that `UtcDateTime` made of one."""
    return time_text(value) if isinstance(value, datetime) else f"{_raw(value).replace(' ', 'T', 1)}Z"


def hash_before(connection: Connection, first: int) -> bytes:
    """Return the hash of the entry before; where that is gone, what the entry itself says it was."""
    if first == 1:
        return NO_HASH
    for column, sequence in ((audit_entries.c.hash, first - 1), (audit_entries.c.previous_hash, first)):
        found = connection.execute(select(column).where(audit_entries.c.sequence == sequence)).scalar()
        if found is not None:
            return bytes(found)
    raise AuditEntryNotFound(first)


# ── checkpoints ──────────────────────────────────────────────────────────────────────────────────────────────────


def record_checkpoint(connection: Connection, checkpoint: Checkpoint) -> None:
    """Keep a checkpoint that was made."""
    connection.execute(
        insert(audit_checkpoints).values(
            sequence=checkpoint.sequence,
            hash=checkpoint.hash,
            at=checkpoint.at,
            key_id=checkpoint.key_id,
            signature=checkpoint.signature,
        )
    )


def list_checkpoints(connection: Connection) -> list[Checkpoint]:
    """List the checkpoints that were made here, in the order of their making."""
    rows = connection.execute(select(audit_checkpoints).order_by(audit_checkpoints.c.id))
    return [Checkpoint(int(row.sequence), bytes(row.hash), row.at, row.key_id, bytes(row.signature)) for row in rows]
