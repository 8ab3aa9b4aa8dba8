"""Write, read and expire the rows of the ledger. The first argument is an open connection; the caller commits."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any, Final

from sqlalchemy import delete, func, insert, select, update

from hedgerow import audit
from hedgerow.banks.held import latest_change
from hedgerow.errors import LedgerRowUnreadable
from hedgerow.ledger.model import LedgerRow
from hedgerow.ledger.packing import pack_signals, unpack_signals
from hedgerow.ledger.tables import ledger_rows

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from sqlalchemy import Connection, Row

    from hedgerow.hashing.signal import Signal

    AnyRow = Row[*tuple[Any, ...]]

__all__ = ["behind", "catch_up_done", "count_rows", "expire", "has_rows", "hold_row", "record", "rows_after"]

_log = logging.getLogger(__name__)

# Rows fetched at a time; a video's may hold some megabytes.
_ROWS_PER_FETCH: Final = 100


def record(
    connection: Connection,
    submission_id: int,
    signals: Sequence[Signal],
    *,
    now: datetime,
    keep_until: datetime,
    seen: tuple[str, int] | None = None,
) -> bool:
    """Keep the signals of a submission, in the transaction in which it is recorded.

    Args:
        connection: Of `Database.write`.
        submission_id: The submission.
        signals: All that was looked up, and of every type that any bank may hold one day: what is not here is not
            looked back on.
        now: When.
        keep_until: When they are forgotten.
        seen: The epoch and number of the latest change to the banks that the search knew of
            (`hedgerow.banks.records.latest_change`), asked *before* searching. Where the banks have changed since, the
            row is marked, and `hedgerow.screening.look_back.LookBacks.catch_up` looks it up once more. None where the
            caller vouches for the search.

    Returns:
        Whether there was anything to keep.

    Raises:
        InvalidSignal: One of the signals is none of its type.
    """
    if not signals:
        return False
    row = connection.execute(
        insert(ledger_rows)
        .values(
            submission_id=submission_id,
            packed=pack_signals(signals),
            recorded_at=now,
            keep_until=keep_until,
        )
        .returning(ledger_rows.c.id)
    ).scalar_one()
    # After the row has its number: an entry that is not seen here is committed later, and so the look-back for it,
    # which starts later still, has this row before its horizon (hedgerow.ledger.horizon).
    if seen is not None and latest_change(connection) != tuple(seen):
        connection.execute(update(ledger_rows).where(ledger_rows.c.id == row).values(is_behind=True))
    return True


def rows_after(
    connection: Connection, cursor: int, until_id: int, *, now: datetime, limit: int, most_bytes: int
) -> list[LedgerRow]:
    """Read the next rows, in their order; at least one where there is one, whatever its size.

    Args:
        connection: An open connection.
        cursor: The last row that was read; 0 to begin.
        until_id: The last that is wanted.
        now: When: rows whose time is over are left out.
        limit: Most rows.
        most_bytes: Packed bytes after which no further row is read.
    """
    statement = (
        select(ledger_rows.c.id, ledger_rows.c.submission_id, ledger_rows.c.packed)
        .where(ledger_rows.c.id > cursor, ledger_rows.c.id <= until_id, ledger_rows.c.keep_until > now)
        .order_by(ledger_rows.c.id)
        .limit(limit)
        .execution_options(yield_per=_ROWS_PER_FETCH)
    )
    found, size_bytes = [], 0
    with connection.execute(statement) as rows:
        for row in rows:
            found.append(_row(row))
            size_bytes += len(row.packed)
            if size_bytes >= most_bytes:
                break
    return found


def hold_row(connection: Connection, row_id: int) -> bool:
    """Lock a row, so that what is found for its submission is written by one at a time; False where it is gone."""
    found = connection.execute(select(ledger_rows.c.id).where(ledger_rows.c.id == row_id).with_for_update()).first()
    return found is not None


def behind(connection: Connection, *, now: datetime, limit: int) -> list[LedgerRow]:
    """Read rows whose submission was looked up before the banks changed, the oldest first."""
    rows = connection.execute(
        select(ledger_rows.c.id, ledger_rows.c.submission_id, ledger_rows.c.packed)
        .where(ledger_rows.c.is_behind, ledger_rows.c.keep_until > now)
        .order_by(ledger_rows.c.id)
        .limit(limit)
    )
    return [_row(row) for row in rows]


def catch_up_done(connection: Connection, row_ids: Sequence[int]) -> None:
    """Take the mark off rows that were looked up once more."""
    if row_ids:
        connection.execute(update(ledger_rows).where(ledger_rows.c.id.in_(row_ids)).values(is_behind=None))


def count_rows(connection: Connection, *, now: datetime, until_id: int | None = None) -> int:
    """Count the rows whose time is not over; all of them, or those up to one."""
    statement = select(func.count()).select_from(ledger_rows).where(ledger_rows.c.keep_until > now)
    if until_id is not None:
        statement = statement.where(ledger_rows.c.id <= until_id)
    return int(connection.execute(statement).scalar_one())


def has_rows(connection: Connection, *, now: datetime) -> bool:
    """Tell whether there is anything to look back on, without counting it."""
    row = connection.execute(select(ledger_rows.c.id).where(ledger_rows.c.keep_until > now).limit(1)).first()
    return row is not None


def expire(connection: Connection, *, now: datetime, limit: int = 1_000) -> int:
    """Forget rows whose time is over, and return how many; call it again while it returns `limit`."""
    over = (
        select(ledger_rows.c.id)
        .where(ledger_rows.c.keep_until <= now)
        .order_by(ledger_rows.c.keep_until)
        .limit(limit)
        .scalar_subquery()
    )
    gone = connection.execute(delete(ledger_rows).where(ledger_rows.c.id.in_(over))).rowcount
    if gone:
        audit.append(
            connection,
            actor="system",
            action="ledger.expired",
            subject_type="ledger",
            subject_id=None,
            details={"rows": gone},
            now=now,
        )
    return gone


def _row(row: AnyRow) -> LedgerRow:
    try:
        signals = unpack_signals(bytes(row.packed))
    except LedgerRowUnreadable:
        _log.warning("Row %d of the ledger cannot be read; nothing is looked back on there.", row.id)
        signals = None
    return LedgerRow(int(row.id), int(row.submission_id), signals)
