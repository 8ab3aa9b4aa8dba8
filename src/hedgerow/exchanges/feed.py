"""Pages of what is shared: the protocol ``hedgerow-feed/1``. The first argument is an open connection.

The rules (decision 17):

1. Given is what is live and may be redistributed, and nothing else. What is not given any more, for whatever reason,
   comes to those who follow the changes as deleted: a number and a time.
2. The number of an entry's latest change decides its place (`hedgerow.banks.tables.bank_changes`: numbers become
   visible in their order). The time in a cursor is for people.
3. Without a cursor a reader walks through the whole list. What changed before the walk began is told of what is given
   alone, and nothing is said of what is not; what changed since is told as changes are, deleted things too. Otherwise
   an entry that was read on the first page and withdrawn during the third would stay with the reader.
4. The history of a list has a name, its *epoch*: the banks', which a restored backup renews, and the sharing's number,
   for a name may be used anew for another bank. A cursor of another one means nothing.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from sqlalchemy import LargeBinary, func, literal_column, or_, select

from hedgerow.banks.held import find_frames, latest_change
from hedgerow.banks.tables import entries, frame_lists
from hedgerow.banks.vpdq import packed_text
from hedgerow.database.plain import octets
from hedgerow.errors import FeedEpochGone
from hedgerow.exchanges.sharing import IS_GIVEN, record_sharing

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from sqlalchemy import ColumnElement, Connection, Row

    from hedgerow.exchanges.sharing import Sharing
    from hedgerow.hashing.frame_list import FrameList

    AnyRow = Row[*tuple[Any, ...]]

__all__ = [
    "CURSOR_PATTERN",
    "FORMAT",
    "MOST_ENTRIES",
    "FeedCursor",
    "FeedPage",
    "epoch_of",
    "read_cursor",
    "read_page",
    "record_given",
    "utc_text",
    "write_cursor",
]

FORMAT: Final = "hedgerow-feed/1"
MOST_ENTRIES: Final = 1_000
"""Entries of one page: some 300 kB of JSON."""
CURSOR_PATTERN: Final = r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d{1,6})?(?:Z|\+00:00),([0-9]{1,18})(?:,([0-9]{1,18}))?$"

_WINDOW: Final = 10_000
"""Entries that one page looks through: where few may be passed on, a page must not read a whole bank to fill itself."""
_FRAME_BYTES: Final = 16 * 1024**2
"""Of the frames of one page's videos, packed; in base64 a third more. One video has 11 MB at most."""


class FeedCursor(NamedTuple):
    """A place in a list: after this change.

    Attributes:
        change: Its number.
        began: Of a walk under way, the number of the latest change when it began; None of updates.
    """

    change: int
    began: int | None = None


@dataclass(frozen=True, slots=True)
class FeedPage:
    """A page of a list.

    Attributes:
        epoch: The name of the list's history.
        entries: As the feed has them, in the order of their changes.
        given: How many of these are no deletions.
        cursor: Where to go on.
        has_more: Whether there was more at that moment.
    """

    epoch: str
    entries: tuple[Mapping[str, Any], ...] = field(repr=False)
    given: int
    cursor: FeedCursor
    has_more: bool


# ── cursors ──────────────────────────────────────────────────────────────────────────────────────────────────────


def utc_text(moment: datetime) -> str:
    """Write a time as the feed has it; fractions of a second only where there are any.

    >>> utc_text(datetime(2026, 11, 22, 12, 0, 0, 500000, tzinfo=UTC))
    '2026-11-22T12:00:00.500000Z'
    """
    return f"{moment.astimezone(UTC).replace(tzinfo=None).isoformat()}Z"


def write_cursor(cursor: FeedCursor, at: datetime) -> str:
    """Write a place as text; the time decides nothing.

    >>> write_cursor(FeedCursor(7), datetime(2026, 11, 22, 12, 0, tzinfo=UTC))
    '2026-11-22T12:00:00Z,7'
    >>> write_cursor(FeedCursor(7, 90), datetime(2026, 11, 22, 12, 0, tzinfo=UTC))
    '2026-11-22T12:00:00Z,7,90'
    """
    began = "" if cursor.began is None else f",{cursor.began}"
    return f"{utc_text(at.replace(microsecond=0))},{cursor.change}{began}"


def read_cursor(text: str) -> FeedCursor | None:
    """Read a place; None where it is none.

    >>> read_cursor("2026-11-22T12:00:00Z,7,90")
    FeedCursor(change=7, began=90)
    >>> read_cursor("7") is None
    True
    """
    found = re.fullmatch(CURSOR_PATTERN, text)
    if found is None:
        return None
    return FeedCursor(int(found[1]), None if found[2] is None else int(found[2]))


# ── pages ────────────────────────────────────────────────────────────────────────────────────────────────────────


def epoch_of(connection: Connection, sharing: Sharing) -> str:
    """Return the name of a list's history (rule 4)."""
    return f"{latest_change(connection)[0]}-{sharing.id}"


def read_page(
    connection: Connection,
    sharing: Sharing,
    cursor: FeedCursor | None,
    *,
    epoch: str | None = None,
    limit: int = MOST_ENTRIES,
) -> FeedPage:
    """Read what comes after a place.

    Args:
        connection: Of `Database.read`: all of a page is of one moment.
        sharing: Which.
        cursor: After what; None to walk through the whole list.
        epoch: The one that the cursor is of.
        limit: The most entries; there may be fewer though there are more behind them.

    Raises:
        FeedEpochGone: The cursor is of another history, or lies in the future of this one.
    """
    latest = latest_change(connection)[1]
    own = epoch_of(connection, sharing)
    if cursor is None:
        cursor = FeedCursor(0, latest)
    elif epoch != own or max(cursor.change, cursor.began or 0) > latest:
        raise FeedEpochGone
    limit = min(limit, MOST_ENTRIES)
    is_there = (entries.c.bank_id == sharing.bank_id) & (entries.c.sequence > cursor.change)
    horizon = _horizon(connection, is_there)
    rows = _changed(connection, is_there, cursor, horizon, limit + 1)
    has_more = len(rows) > limit or horizon is not None
    rows, is_cut = _without_excess(connection, rows, limit)
    to_the_end = latest if horizon is None else horizon
    reached = rows[-1].sequence if is_cut else to_the_end
    began = cursor.began if cursor.began is not None and reached < cursor.began else None
    frames = find_frames(connection, [row.id for row in rows if row.signal_type == "vpdq" and row.is_given])
    told = tuple(_told(row, sharing, frames.get(row.id)) for row in rows)
    given = sum(bool(row.is_given) for row in rows)
    return FeedPage(own, told, given, FeedCursor(int(reached), began), has_more or is_cut)


def _horizon(connection: Connection, is_there: ColumnElement[bool]) -> int | None:
    """Return up to which change one page looks; None where it looks to the end."""
    return connection.execute(
        select(entries.c.sequence).where(is_there).order_by(entries.c.sequence).offset(_WINDOW - 1).limit(1)
    ).scalar()


def _changed(
    connection: Connection, is_there: ColumnElement[bool], cursor: FeedCursor, horizon: int | None, limit: int
) -> Sequence[AnyRow]:
    bits = literal_column(octets(connection, "entries.bits"), LargeBinary).label("octets")
    statement = select(
        entries.c.id,
        entries.c.sequence,
        entries.c.signal_type,
        bits,
        entries.c.quality,
        entries.c.category,
        entries.c.contributor,
        entries.c.is_disputed,
        entries.c.added_at,
        entries.c.withdrawn_at,
        IS_GIVEN.label("is_given"),
    ).where(is_there)
    if cursor.began is not None:
        statement = statement.where(or_(IS_GIVEN, entries.c.sequence > cursor.began))  # rule 3
    if horizon is not None:
        statement = statement.where(entries.c.sequence <= horizon)
    return connection.execute(statement.order_by(entries.c.sequence).limit(limit)).all()


def _without_excess(connection: Connection, rows: Sequence[AnyRow], limit: int) -> tuple[Sequence[AnyRow], bool]:
    """Return what fits one page, and whether something was left for the next; at least one entry fits."""
    kept = rows[:limit]
    videos = [row.id for row in kept if row.signal_type == "vpdq" and row.is_given]
    if videos:
        size = func.length(frame_lists.c.packed)
        found = connection.execute(
            select(frame_lists.c.entry_id, size.label("size")).where(frame_lists.c.entry_id.in_(videos))
        )
        sizes = {row.entry_id: row.size for row in found}
        total = 0
        for place, row in enumerate(kept):
            total += int(sizes.get(row.id) or 0)
            if total > _FRAME_BYTES and place:
                return kept[:place], True
    return kept, len(rows) > limit


def _told(row: AnyRow, sharing: Sharing, frames: FrameList | None) -> Mapping[str, Any]:
    """Return an entry as the feed has it."""
    at = row.withdrawn_at or row.added_at
    told: dict[str, Any] = {"id": row.id, "updated_at": utc_text(at), "deleted": not row.is_given}
    if not row.is_given:
        return told
    told |= {
        "type": row.signal_type,
        "value": bytes(row.octets or b"").hex(),
        "quality": row.quality,
        "category": row.category,
        "contributor": row.contributor,
        "is_disputed": bool(row.is_disputed),
        "may_redistribute": sharing.may_redistribute,
        "added_at": utc_text(row.added_at),
    }
    return told | {"frames": packed_text(frames)} if frames is not None else told


def record_given(connection: Connection, sharing: Sharing, page: FeedPage, *, actor: str, now: datetime) -> None:
    """Record that signal values leave the house; commit this before the first of them does.

    Args:
        connection: Of `Database.write`.
        sharing: Which.
        page: What is given.
        actor: To whom.
        now: When.
    """
    details = {"entries": page.given, "deleted": len(page.entries) - page.given, "reaches": page.cursor.change}
    record_sharing(connection, sharing, "given", details, actor=actor, now=now)
