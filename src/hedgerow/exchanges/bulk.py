"""Insert many rows of plain values at once: a list of millions comes in pages of a thousand."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sqlalchemy import insert

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sqlalchemy import Connection, Table

__all__ = ["insert_rows"]


def insert_rows(connection: Connection, table: Table, names: Sequence[str], rows: Sequence[tuple[Any, ...]]) -> None:
    """Insert rows in their order.

    The compiled statement goes to the driver with plain tuples: SQLAlchemy's own handling of many rows takes longer
    than the insertion itself. A value has to be what the driver stores; a time goes through its column's type.

    Args:
        connection: Of `Database.write`.
        table: Where to.
        names: The columns, in the table's order.
        rows: One value for each of them.
    """
    if not rows:
        return
    dialect = connection.dialect
    compiled = insert(table).compile(dialect=dialect, column_keys=list(names))
    if compiled.positional:
        connection.exec_driver_sql(str(compiled), list(rows))
    else:
        connection.exec_driver_sql(str(compiled), [dict(zip(names, row, strict=True)) for row in rows])
