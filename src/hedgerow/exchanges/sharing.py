"""What this house shares, and with whom. The first argument is an open connection; the caller commits.

A *sharing* is a bank under a name that named API keys may read. The rules (decision 17; of pages, see
`hedgerow.exchanges.feed`):

1. Given is what is live and may be redistributed, and nothing else.
2. Who may read a sharing is said for each key; so is who may state opinions. An opinion is kept, and marks nothing by
   itself (`hedgerow.exchanges.reader_opinions`).
3. What was read stays with who read it: to pause or to remove takes nothing back.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from sqlalchemy import and_, delete, func, insert, select, update

from hedgerow.accounts import Permission, find_key
from hedgerow.audit import append
from hedgerow.banks.records import find_bank
from hedgerow.banks.rules import check_bank_name
from hedgerow.banks.tables import banks, entries
from hedgerow.errors import InvalidSharing, ListNotFound, SharingDenied, SharingExists
from hedgerow.exchanges.sharing_tables import sharing_opinions, sharing_readers, sharings

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

    from sqlalchemy import Connection, Row

    AnyRow = Row[*tuple[Any, ...]]

__all__ = [
    "IS_GIVEN",
    "Reader",
    "Sharing",
    "SharingStanding",
    "add_reader",
    "banks_to_share",
    "create_sharing",
    "find_reader",
    "find_sharing",
    "latest_change_of",
    "list_readers",
    "list_sharings",
    "note_reading",
    "readable_sharing",
    "record_sharing",
    "remove_reader",
    "remove_sharing",
    "sharings_of",
    "switch_sharing",
]

_LONGEST_NOTE: Final = 1_000


@dataclass(frozen=True, slots=True)
class Sharing:
    """A bank that is shared under a name.

    Attributes:
        id: Its number, never given out twice.
        bank_id: Which bank.
        bank: What that is called here.
        name: What readers call it.
        note: For readers.
        is_enabled: Whether it is given at the moment.
        may_redistribute: Whether readers may pass on what they read.
        created_by: Who shared it.
        created_at: When.
    """

    id: int
    bank_id: int
    bank: str
    name: str
    note: str | None
    is_enabled: bool
    may_redistribute: bool
    created_by: str
    created_at: datetime


@dataclass(frozen=True, slots=True)
class Reader:
    """A key that may read a sharing.

    Attributes:
        key_id: The API key's number.
        key_name: What people here call it.
        is_revoked: Whether it works nowhere any more.
        may_state_opinions: Whether it may, about the entries of the sharing.
        added_by: Who let it.
        added_at: When.
        read_at: When it last read; None before the first time.
        read_change: Up to which change of the banks it has read; None before the first time.
    """

    key_id: int
    key_name: str
    is_revoked: bool
    may_state_opinions: bool
    added_by: str
    added_at: datetime
    read_at: datetime | None = None
    read_change: int | None = None


@dataclass(frozen=True, slots=True)
class SharingStanding:
    """A sharing, and how much of the bank it is.

    Attributes:
        sharing: Which.
        given: Entries that are live and may be redistributed.
        kept: Live entries that may not.
        readers: How many keys may read it.
    """

    sharing: Sharing
    given: int
    kept: int
    readers: int


# ── sharings ─────────────────────────────────────────────────────────────────────────────────────────────────────

_JOINED = select(sharings, banks.c.name.label("bank")).join(banks, banks.c.id == sharings.c.bank_id)
IS_GIVEN: Final = and_(entries.c.withdrawn_at.is_(None), entries.c.may_be_redistributed)


def _sharing(row: AnyRow) -> Sharing:
    return Sharing(
        row.id,
        row.bank_id,
        row.bank,
        row.name,
        row.note,
        row.is_enabled,
        row.may_redistribute,
        row.created_by,
        row.created_at,
    )


def find_sharing(connection: Connection, name: str) -> Sharing:
    """Find a sharing by name, one that is paused too.

    Raises:
        ListNotFound: There is none.
    """
    row = connection.execute(_JOINED.where(sharings.c.name == name)).first()
    if row is None:
        raise ListNotFound
    return _sharing(row)


def list_sharings(connection: Connection, *, is_counting: bool = True) -> list[SharingStanding]:
    """List the sharings by name.

    Args:
        connection: An open connection.
        is_counting: Whether to count how much of its bank each is; of millions that takes seconds.
    """
    readers = select(func.count()).where(sharing_readers.c.sharing_id == sharings.c.id).scalar_subquery()
    rows = connection.execute(_JOINED.add_columns(readers.label("readers")).order_by(sharings.c.name)).all()
    return [
        SharingStanding(_sharing(row), *(_counts(connection, row.bank_id) if is_counting else (0, 0)), int(row.readers))
        for row in rows
    ]


def _counts(connection: Connection, bank_id: int) -> tuple[int, int]:
    rows = connection.execute(
        select(entries.c.may_be_redistributed, func.count())
        .where(entries.c.bank_id == bank_id, entries.c.withdrawn_at.is_(None))
        .group_by(entries.c.may_be_redistributed)
    )
    counted = {bool(may): int(count) for may, count in rows}
    return counted.get(True, 0), counted.get(False, 0)


def banks_to_share(connection: Connection) -> list[str]:
    """List the names of the banks, which anybody may choose from; nothing is counted."""
    return list(connection.execute(select(banks.c.name).order_by(banks.c.name)).scalars())


def create_sharing(
    connection: Connection,
    name: str,
    bank: str,
    *,
    note: str | None = None,
    may_redistribute: bool = False,
    actor: str,
    now: datetime,
) -> Sharing:
    """Share a bank under a name; nobody can read it before `add_reader`.

    Args:
        connection: Of `Database.write`.
        name: What readers call it.
        bank: The bank's name.
        note: For readers.
        may_redistribute: Whether they may pass it on. It cannot be changed afterwards.
        actor: Who asks.
        now: When.

    Raises:
        InvalidBankName: The name may not be used.
        InvalidSharing: The note does not fit.
        BankNotFound: There is no such bank.
        SharingExists: Something is shared under this name.
    """
    check_bank_name(name)
    if note is not None and (len(note) > _LONGEST_NOTE or "\0" in note):
        raise InvalidSharing(f"its note has at most {_LONGEST_NOTE:,} characters, none of them NUL")
    found = find_bank(connection, bank, is_locking=True)  # two who share it at once do so one after the other
    if connection.execute(select(sharings.c.id).where(sharings.c.name == name)).first() is not None:
        raise SharingExists(name)
    connection.execute(
        insert(sharings).values(
            bank_id=found.id,
            name=name,
            note=note,
            is_enabled=True,
            may_redistribute=may_redistribute,
            created_by=actor,
            created_at=now,
        )
    )
    sharing = find_sharing(connection, name)
    details = {"bank": found.id, "may_redistribute": may_redistribute}
    record_sharing(connection, sharing, "created", details, actor=actor, now=now)
    return sharing


def switch_sharing(connection: Connection, name: str, *, is_enabled: bool, actor: str, now: datetime) -> Sharing:
    """Give a sharing or pause it; what readers have read stays with them.

    Raises:
        ListNotFound: There is none of that name.
    """
    sharing = find_sharing(connection, name)
    if sharing.is_enabled is not is_enabled:
        connection.execute(update(sharings).where(sharings.c.id == sharing.id).values(is_enabled=is_enabled))
        record_sharing(connection, sharing, "resumed" if is_enabled else "paused", {}, actor=actor, now=now)
    return find_sharing(connection, name)


def remove_sharing(connection: Connection, name: str, *, actor: str, now: datetime) -> None:
    """Share a bank no more, and forget who read it and what they said; what they have read stays with them.

    Raises:
        ListNotFound: There is none of that name.
    """
    sharing = find_sharing(connection, name)
    for table in (sharing_opinions, sharing_readers):
        connection.execute(delete(table).where(table.c.sharing_id == sharing.id))
    connection.execute(delete(sharings).where(sharings.c.id == sharing.id))
    record_sharing(connection, sharing, "removed", {"bank": sharing.bank_id}, actor=actor, now=now)


def record_sharing(
    connection: Connection, sharing: Sharing, action: str, details: Mapping[str, Any], *, actor: str, now: datetime
) -> None:
    """Write a line of the audit about a sharing."""
    append(
        connection,
        actor=actor,
        action=f"sharing.{action}",
        subject_type="sharing",
        subject_id=sharing.id,
        details=details,
        now=now,
    )


# ── readers ──────────────────────────────────────────────────────────────────────────────────────────────────────


def add_reader(
    connection: Connection, name: str, key_id: int, *, may_state_opinions: bool = False, actor: str, now: datetime
) -> Reader:
    """Let a key read a sharing, or say anew whether it may state opinions.

    Raises:
        ListNotFound: There is no sharing of that name.
        KeyNotFound: There is no such key.
        InvalidSharing: The key was revoked, or has not the scope.
    """
    sharing = find_sharing(connection, name)
    key = find_key(connection, key_id)
    if key.revoked_at is not None:
        raise InvalidSharing(f"the key {key_id} is revoked")
    if Permission.SHARING_READ not in key.scopes:
        raise InvalidSharing(f"the key {key_id} has not the scope {Permission.SHARING_READ}")
    before = find_reader(connection, sharing, key_id)
    if before is None or before.may_state_opinions is not may_state_opinions:
        _drop_reader(connection, sharing, key_id)
        connection.execute(
            insert(sharing_readers).values(
                sharing_id=sharing.id,
                key_id=key_id,
                may_state_opinions=may_state_opinions,
                added_by=actor,
                added_at=now,
            )
        )
        details = {"key": key_id, "may_state_opinions": may_state_opinions}
        record_sharing(connection, sharing, "reader_added", details, actor=actor, now=now)
    return next(each for each in list_readers(connection, sharing) if each.key_id == key_id)


def remove_reader(connection: Connection, name: str, key_id: int, *, actor: str, now: datetime) -> bool:
    """Let a key read a sharing no more; tell whether it could. What it has read stays with it, and what it said here.

    Raises:
        ListNotFound: There is no sharing of that name.
    """
    sharing = find_sharing(connection, name)
    was_reader = _drop_reader(connection, sharing, key_id)
    if was_reader:
        record_sharing(connection, sharing, "reader_removed", {"key": key_id}, actor=actor, now=now)
    return was_reader


def _drop_reader(connection: Connection, sharing: Sharing, key_id: int) -> bool:
    is_it = (sharing_readers.c.sharing_id == sharing.id) & (sharing_readers.c.key_id == key_id)
    return connection.execute(delete(sharing_readers).where(is_it)).rowcount > 0


def list_readers(connection: Connection, sharing: Sharing) -> list[Reader]:
    """List the keys that may read a sharing."""
    rows = connection.execute(
        select(sharing_readers).where(sharing_readers.c.sharing_id == sharing.id).order_by(sharing_readers.c.key_id)
    ).all()
    return [_reader(connection, row) for row in rows]


def find_reader(connection: Connection, sharing: Sharing, key_id: int) -> Reader | None:
    """Return what a key may do with a sharing; None where it may not read it."""
    row = connection.execute(
        select(sharing_readers).where(sharing_readers.c.sharing_id == sharing.id, sharing_readers.c.key_id == key_id)
    ).first()
    return None if row is None else _reader(connection, row)


def _reader(connection: Connection, row: AnyRow) -> Reader:
    key = find_key(connection, row.key_id)
    return Reader(
        row.key_id,
        key.name,
        key.revoked_at is not None,
        row.may_state_opinions,
        row.added_by,
        row.added_at,
        row.read_at,
        row.read_change,
    )


def note_reading(connection: Connection, sharing: Sharing, key_id: int, change: int, *, now: datetime) -> None:
    """Write down that a key has read, and up to which change of the banks."""
    is_it = (sharing_readers.c.sharing_id == sharing.id) & (sharing_readers.c.key_id == key_id)
    connection.execute(update(sharing_readers).where(is_it).values(read_at=now, read_change=change))


def latest_change_of(connection: Connection, sharing: Sharing) -> int:
    """Return the number of the latest change of a sharing's bank; whoever has read up to there has read it all."""
    found = select(func.max(entries.c.sequence)).where(entries.c.bank_id == sharing.bank_id)
    return int(connection.execute(found).scalar() or 0)


def sharings_of(connection: Connection, key_id: int) -> list[SharingStanding]:
    """List what is shared with a key at the moment, by name."""
    readable = set(
        connection.execute(select(sharing_readers.c.sharing_id).where(sharing_readers.c.key_id == key_id)).scalars()
    )
    rows = connection.execute(
        _JOINED.where(sharings.c.id.in_(readable), sharings.c.is_enabled).order_by(sharings.c.name)
    ).all()
    return [SharingStanding(_sharing(row), *_counts(connection, row.bank_id), 1) for row in rows]


def readable_sharing(connection: Connection, name: str, key_id: int) -> tuple[Sharing, Reader]:
    """Return a sharing that a key may read now, and what else it may there.

    Raises:
        ListNotFound: There is none of that name, or it is paused.
        SharingDenied: This key may not.
    """
    sharing = find_sharing(connection, name)
    if not sharing.is_enabled:
        raise ListNotFound
    reader = find_reader(connection, sharing, key_id)
    if reader is None:
        raise SharingDenied("read this list")
    return sharing, reader
