"""Up to which row the ledger is complete: no row with a smaller number can still appear.

SQLite has one writer, so that rows appear in the order of their numbers. On PostgreSQL a row gets its number when it is
inserted and appears when its transaction is committed, and those come in any order: who reads up to row 105 may have
passed 103 before it was there. So a horizon is a row number *and* the transactions that were under way when it was
read; once all those have ended, everything up to the number is there. Nothing is locked, and screening waits for
nobody.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from sqlalchemy import func, select, text

from hedgerow.ledger.tables import ledger_rows

if TYPE_CHECKING:
    from sqlalchemy import Connection

__all__ = ["Horizon", "horizon", "is_complete"]

# The number given out last, by whatever transaction; 0 where none was.
_LAST_NUMBER = text(
    "SELECT CASE WHEN is_called THEN last_value ELSE 0 END AS last_number, "
    "CAST(CAST(pg_snapshot_xmax(pg_current_snapshot()) AS text) AS bigint) AS under_way FROM ledger_rows_id_seq"
)
_OLDEST = text("SELECT CAST(CAST(pg_snapshot_xmin(pg_current_snapshot()) AS text) AS bigint)")


class Horizon(NamedTuple):
    """A row number, and what must end before all rows up to it are there.

    Attributes:
        row_id: The last number that was given out.
        transaction: On PostgreSQL the first transaction that had not begun; 0 on SQLite.
    """

    row_id: int
    transaction: int


def horizon(connection: Connection) -> Horizon:
    """Read the horizon of now; on SQLite it is complete at once.

    Args:
        connection: An open connection; on PostgreSQL the first statement of its transaction.
    """
    if connection.dialect.name != "postgresql":
        return Horizon(int(connection.execute(select(func.coalesce(func.max(ledger_rows.c.id), 0))).scalar_one()), 0)
    row = connection.execute(_LAST_NUMBER).one()
    return Horizon(int(row.last_number), int(row.under_way))


def is_complete(connection: Connection, of: Horizon) -> bool:
    """Tell whether every transaction that was under way has ended.

    Args:
        connection: An open connection of a transaction that began after the horizon was read.
        of: The horizon.
    """
    if connection.dialect.name != "postgresql":
        return True
    return int(connection.execute(_OLDEST).scalar_one()) >= of.transaction
