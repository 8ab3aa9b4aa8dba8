"""Put many rows of plain values into a table, as fast as the database takes them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from hedgerow.errors import DatabaseUnavailable

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sqlalchemy import Connection

__all__ = ["copy_rows"]


def copy_rows(connection: Connection, table: str, names: Sequence[str], rows: Sequence[tuple[Any, ...]]) -> None:
    """Append rows in their order: on PostgreSQL by COPY, on SQLite by one prepared statement.

    For a table that refuses nothing: what breaks a constraint ends the transaction.

    Args:
        connection: Of `Database.write`.
        table: The name of the table, in SQL.
        names: The columns, in SQL.
        rows: For each column what the driver takes; a time in the type that the database stores.

    Raises:
        DatabaseUnavailable: PostgreSQL does not take them, or is gone.
    """
    if not rows:
        return
    columns = ", ".join(names)
    if connection.dialect.name != "postgresql":
        places = ", ".join("?" * len(names))
        connection.exec_driver_sql(f"INSERT INTO {table} ({columns}) VALUES ({places})", list(rows))  # noqa: S608  (our words)
        return
    # SQLAlchemy knows no COPY, so that it does not translate the driver's errors either.
    driver: Any = connection.connection.driver_connection
    try:
        with driver.cursor() as cursor, cursor.copy(f"COPY {table} ({columns}) FROM STDIN") as copy:
            for row in rows:
                copy.write_row(row)
    except connection.dialect.loaded_dbapi.Error as error:
        # That a disk is full is for people; what does not fit quotes a value.
        is_of_the_server = isinstance(error, connection.dialect.loaded_dbapi.OperationalError)
        problem = str(error).strip().partition("\n")[0] if is_of_the_server else type(error).__name__
        raise DatabaseUnavailable(problem) from (error if is_of_the_server else None)
