"""Whether the keys of a data folder go with what its database holds."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

    from sqlalchemy import Column, Connection, Table

    from hedgerow.database.sealing import ServiceKeys

__all__ = ["audit_key_is_missing", "broken_seals", "sealed_secrets"]


def sealed_secrets(connection: Connection) -> int:
    """Count the secrets that the database holds sealed."""
    from sqlalchemy import func, select

    return sum(
        connection.execute(select(func.count()).select_from(table).where(column.is_not(None))).scalar_one()
        for table, column, _ in _columns(connection)
    )


def broken_seals(connection: Connection, keys: ServiceKeys) -> int:
    """Count the sealed secrets that none of the keys opens."""
    from sqlalchemy import select

    from hedgerow.database.sealing import Place
    from hedgerow.errors import SealBroken

    broken = 0
    for table, column, number in _columns(connection):
        for row, sealed in connection.execute(select(number, column).where(column.is_not(None))):
            try:
                keys.open(bytes(sealed), Place(table.name, column.name, row))
            except SealBroken:
                broken += 1
    return broken


def _columns(connection: Connection) -> list[tuple[Table, Column[bytes], Column[int]]]:
    """Return the columns that hold sealed secrets, of the tables that this database has."""
    from sqlalchemy import inspect

    import hedgerow.migrations.env  # noqa: F401  (loads the tables of all rooms)
    from hedgerow.database.sealing import sealed_columns

    has = set(inspect(connection).get_table_names())
    return [each for each in sealed_columns() if each[0].name in has]


def audit_key_is_missing(connection: Connection, data: Path) -> bool:
    """Tell whether checkpoints were signed with a key whose private half is not in the data folder."""
    from sqlalchemy import inspect

    from hedgerow.audit import read_head
    from hedgerow.audit.keys import FOLDER

    if not inspect(connection).has_table("audit_head"):
        return False
    key_id = read_head(connection).key_id
    return key_id is not None and not (data / FOLDER / f"{key_id}.key").is_file()
