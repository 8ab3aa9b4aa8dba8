"""What readers say of what is shared with them. The first argument is an open connection; the caller commits.

It is kept and shown, and marks nothing by itself: what a stranger says of an entry is a reason to look at it.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

from sqlalchemy import func, insert, select

from hedgerow.audit import append
from hedgerow.banks.tables import entries
from hedgerow.errors import EntryNotFound, IdempotencyKeyMissing, IdempotencyKeyReused, SharingDenied
from hedgerow.exchanges.model import Sayings
from hedgerow.exchanges.sharing import readable_sharing
from hedgerow.exchanges.sharing_tables import sharing_opinions, sharings

if TYPE_CHECKING:
    from datetime import datetime

    from sqlalchemy import Connection, Row

    from hedgerow.exchanges.sharing import Sharing

    AnyRow = Row[*tuple[Any, ...]]

__all__ = ["LONGEST_REASON", "ReaderOpinion", "count_disputed", "list_reader_opinions", "state_opinion"]

LONGEST_REASON: Final = 1_000

_TOKEN: Final = re.compile(r"[\x21-\x7e]{1,200}")


@dataclass(frozen=True, slots=True)
class ReaderOpinion:
    """Something that a reader said of an entry.

    Attributes:
        id: Its number.
        sharing_id: Of which sharing.
        sharing: What that is called.
        entry_id: Of which entry.
        key_id: Who: the number of an API key.
        opinion: What; ``none`` takes back what was said before.
        reason: Why, in the reader's words.
        stated_at: When.
        is_latest: Whether the reader has said nothing else of the entry since.
    """

    id: int
    sharing_id: int
    sharing: str
    entry_id: int
    key_id: int
    opinion: Sayings
    reason: str | None = field(repr=False)
    stated_at: datetime
    is_latest: bool


def state_opinion(
    connection: Connection,
    name: str,
    entry_id: int,
    *,
    key_id: int,
    opinion: Sayings,
    reason: str | None,
    token: str,
    now: datetime,
) -> ReaderOpinion:
    """Keep what a reader says of an entry; said again under the same name, it was said once.

    Args:
        connection: Of `Database.write`.
        name: Of the sharing.
        entry_id: Of the entry.
        key_id: Who says so.
        opinion: What.
        reason: Why, at most 1,000 characters without NUL.
        token: The reader's own name for what is said.
        now: When.

    Raises:
        ListNotFound: There is no sharing of that name, or it is paused.
        SharingDenied: This key may not read it, or not state opinions.
        IdempotencyKeyMissing: The token is none.
        IdempotencyKeyReused: Something else was said under it.
        EntryNotFound: No such entry is given.
    """
    sharing, reader = readable_sharing(connection, name, key_id)
    if not reader.may_state_opinions:
        raise SharingDenied("state opinions")
    if not _TOKEN.fullmatch(token):
        raise IdempotencyKeyMissing
    # Who says the same twice at once does so one after the other.
    connection.execute(select(sharings.c.id).where(sharings.c.id == sharing.id).with_for_update())
    earlier = connection.execute(
        select(sharing_opinions).where(sharing_opinions.c.key_id == key_id, sharing_opinions.c.token == token)
    ).first()
    if earlier is not None:
        said = (earlier.sharing_id, earlier.entry_id, earlier.opinion, earlier.reason)
        if said != (sharing.id, entry_id, str(opinion), reason):
            raise IdempotencyKeyReused
        return _opinion(earlier, sharing.name, is_latest=True)
    _check_given(connection, sharing, entry_id)
    row = connection.execute(
        insert(sharing_opinions)
        .values(
            sharing_id=sharing.id,
            entry_id=entry_id,
            key_id=key_id,
            opinion=opinion,
            reason=reason,
            token=token,
            stated_at=now,
        )
        .returning(*sharing_opinions.c)
    ).one()
    append(
        connection,
        actor=f"key:{key_id}",
        action="sharing.opinion_stated",
        subject_type="sharing",
        subject_id=sharing.id,
        details={"opinion": row.id, "entry": entry_id, "said": str(opinion), "has_reason": reason is not None},
        now=now,
    )
    return _opinion(row, sharing.name, is_latest=True)


def _check_given(connection: Connection, sharing: Sharing, entry_id: int) -> None:
    found = connection.execute(
        select(entries.c.id).where(
            entries.c.id == entry_id,
            entries.c.bank_id == sharing.bank_id,
            entries.c.withdrawn_at.is_(None),
            entries.c.may_be_redistributed,
        )
    ).first()
    if found is None:
        raise EntryNotFound(sharing.name)


def _opinion(row: AnyRow, sharing: str, *, is_latest: bool) -> ReaderOpinion:
    return ReaderOpinion(
        row.id,
        row.sharing_id,
        sharing,
        row.entry_id,
        row.key_id,
        Sayings(row.opinion),
        row.reason,
        row.stated_at,
        is_latest,
    )


_LATEST: Final = select(func.max(sharing_opinions.c.id)).group_by(
    sharing_opinions.c.sharing_id, sharing_opinions.c.entry_id, sharing_opinions.c.key_id
)


def list_reader_opinions(
    connection: Connection, sharing: Sharing | None = None, *, before: int | None = None, limit: int = 100
) -> list[ReaderOpinion]:
    """List what readers said, the newest first.

    Args:
        connection: An open connection.
        sharing: Only of this one.
        before: Only those with a smaller number.
        limit: The most.
    """
    table = sharing_opinions.c
    later = sharing_opinions.alias("later")
    is_followed = (
        select(later.c.id)
        .where(
            later.c.sharing_id == table.sharing_id,
            later.c.entry_id == table.entry_id,
            later.c.key_id == table.key_id,
            later.c.id > table.id,
        )
        .exists()
    )
    statement = select(sharing_opinions, sharings.c.name.label("sharing"), (~is_followed).label("is_latest")).join(
        sharings, sharings.c.id == table.sharing_id
    )
    if sharing is not None:
        statement = statement.where(table.sharing_id == sharing.id)
    if before is not None:
        statement = statement.where(table.id < before)
    rows = connection.execute(statement.order_by(table.id.desc()).limit(limit))
    return [_opinion(row, row.sharing, is_latest=bool(row.is_latest)) for row in rows]


def count_disputed(connection: Connection) -> int:
    """Count the entries that a reader disputes now, for who shows what needs a person."""
    table = sharing_opinions.c
    return int(
        connection.execute(
            select(func.count(table.entry_id.distinct())).where(table.id.in_(_LATEST), table.opinion == Sayings.DISPUTE)
        ).scalar_one()
    )
