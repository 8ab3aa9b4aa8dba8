"""Gather the new entries of a long list, and put them into their table in the order of its index.

A bank of millions has an index of its values of hundreds of megabytes, and the values of a list lie in no order. Put in
as they come, each touches another page of the index, which is read, changed and written for one entry: an import
becomes slower with everything that it brings. So the entries are gathered in a table that only this transaction sees,
and go in sorted, up to a million by one statement: every page is touched once.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from hedgerow.banks.insertion import COLUMNS, UNLESS_LIVE, rows_of
from hedgerow.banks.records import take_sequences
from hedgerow.database import copy_rows

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from sqlalchemy import Connection

    from hedgerow.banks.model import Bank, NewEntry

__all__ = ["Stage"]

# Entries that go into the bank together. With four times as many the index is swept less often, which saves little (a
# sweep behind five million costs 1.5 s of 38), and the temporary file is four times as large.
_MOST: Final = 1_000_000
# Up to so many stay in the order of their list, which people compare with what they see in the bank; so many random
# places of an index are no matter.
_KEPT_IN_ORDER: Final = 20_000
_TABLE: Final = "hedgerow_staged_entries"
_ALL: Final = ", ".join(COLUMNS)
_SORTED: Final = "signal_type, bits, sequence"  # the index, and of equal values the first of the list
_FROM_SEQUENCE_ON: Final = ", ".join(COLUMNS[2:])


class Stage:
    """Entries on their way into a bank, in a temporary table of the caller's transaction.

    Args:
        connection: Of `Database.write`; nothing is left behind if it is rolled back.
        bank: Where to.
        now: When the entries are added, unless their attributes say otherwise.
    """

    def __init__(self, connection: Connection, bank: Bank, *, now: datetime) -> None:
        self._connection = connection
        self._bank_id = bank.id
        self._now = now
        self._count = 0
        self._is_made = False

    @property
    def is_full(self) -> bool:
        """Whether it is time to merge."""
        return self._count >= _MOST

    def put(self, new: Sequence[NewEntry]) -> None:
        """Gather entries that a bank takes; none of them is a video, whose frames lie elsewhere."""
        if not new:
            return
        if not self._is_made:
            self._make()
        rows = rows_of(self._connection, self._bank_id, new, self._count, self._now)
        copy_rows(self._connection, _TABLE, COLUMNS, rows)
        self._count += len(rows)

    def _make(self) -> None:
        """Make the table, with the columns of the entries and without what is checked of them."""
        self._drop()
        until = " ON COMMIT DROP" if self._connection.dialect.name == "postgresql" else ""
        made = f"CREATE TEMPORARY TABLE {_TABLE}{until} AS SELECT {_ALL} FROM entries WHERE false"  # noqa: S608  (our words)
        self._connection.exec_driver_sql(made)
        self._is_made = True

    def _drop(self) -> None:
        self._connection.exec_driver_sql(f"DROP TABLE IF EXISTS {_TABLE}")

    def merge(self) -> int:
        """Put what was gathered into the bank, and return how many are new; the others are live in it already.

        Of equal values the first of the list is taken. The changes are numbered in the order in which they go in.
        """
        if not self._count:
            return 0
        first = take_sequences(self._connection, self._count)
        if self._count <= _KEPT_IN_ORDER:
            number, order = f"{first} + sequence", "sequence"
        else:
            number, order = f"{first - 1} + row_number() OVER (ORDER BY {_SORTED})", _SORTED
        # WHERE true: without it, SQLite would take ON CONFLICT for the constraint of a join
        statement = (
            f"INSERT INTO entries ({_ALL}) SELECT bank_id, {number}, {_FROM_SEQUENCE_ON} "  # noqa: S608  (our words)
            f"FROM {_TABLE} WHERE true ORDER BY {order} {UNLESS_LIVE}"
        )
        added = self._connection.exec_driver_sql(statement).rowcount
        self._drop()
        self._count = 0
        self._is_made = False
        return added
