"""Insert and find many rows at once by plain values: a list of millions comes in pages of a thousand.

SQLAlchemy's own handling of many rows takes longer than the insertion itself. So the driver is given plain values: on
SQLite row by row, which costs nothing within one process; on PostgreSQL column by column, as one statement, since each
further statement costs more than the row that it brings.

A table that is being filled is larger than PostgreSQL knows: what it believes is what was true when it last counted.
To find a thousand keys it would read all that stands under the first column of an index, or go on with the plan that
was good while the table was empty. So `find_rows` looks each key up by itself, and is planned by the table as it is.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from sqlalchemy import BigInteger, Boolean, Float, Integer, LargeBinary, SmallInteger, String

from hedgerow.database.schema import UtcDateTime

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from datetime import datetime

    from sqlalchemy import Connection, Dialect, Table
    from sqlalchemy.types import TypeEngine

__all__ = ["find_rows", "insert_rows", "rows_above", "time_writer"]

_AT_A_TIME: Final = 500
_BETWEEN: Final = "\x1f"
_NOTHING: Final = "\x1e"
_AS_TEXT: Final[Mapping[str, Callable[[Any], str]]] = {
    "bigint": str,
    "boolean": lambda value: "t" if value else "f",
    "bytea": lambda value: f"\\x{value.hex()}",
    "double precision": repr,
    "text": lambda value: value,
    "timestamptz": lambda value: value.isoformat(),
}


def insert_rows(
    connection: Connection, table: Table, names: Sequence[str], rows: Sequence[tuple[Any, ...]], *, unless: str = ""
) -> int:
    """Insert rows in their order, and return how many are new.

    Args:
        connection: Of `Database.write`.
        table: Where to.
        names: The columns.
        rows: One value for each of them, as the driver stores it: a time goes through `time_writer`.
        unless: What becomes of a row that is there already: ``ON CONFLICT … DO NOTHING``.
    """
    if not rows:
        return 0
    head = f"INSERT INTO {table.name} ({', '.join(names)})"
    if connection.dialect.name == "postgresql":
        kinds = [_kind(table.c[name].type) for name in names]
        selected, values = _selected(kinds, list(zip(*rows, strict=True)))
        return connection.exec_driver_sql(f"{head} {selected} {unless}", tuple(values)).rowcount
    marks = ", ".join("?" * len(names))
    # Names of tables and columns are ours; values are parameters.
    return connection.exec_driver_sql(f"{head} VALUES ({marks}) {unless}", list(rows)).rowcount


def find_rows(
    connection: Connection,
    table: Table,
    names: Sequence[str],
    name: str,
    values: Sequence[Any],
    *,
    having: Mapping[str, Any],
    only: str = "",
) -> list[tuple[Any, ...]]:
    """Find the rows of which a column holds one of these values, in no order.

    An index has to begin with the columns of `having`, and go on with that of `name`.

    Args:
        connection: An open one.
        table: Where.
        names: The columns of an answer.
        name: The column that is looked for.
        values: What it may hold; none twice, and none of them none.
        having: What other columns hold.
        only: A further condition in SQL: ``withdrawn_at IS NULL``.
    """
    found: list[tuple[Any, ...]] = []
    is_postgresql = connection.dialect.name == "postgresql"
    mark = "%s" if is_postgresql else "?"
    conditions = [f"{other} = {mark}" for other in having] + ([only] if only else [])
    source = f"SELECT {', '.join(names)} FROM {table.name} WHERE {' AND '.join(conditions)}"  # noqa: S608  (our words)
    kind = _kind(table.c[name].type)
    if is_postgresql:
        connection.exec_driver_sql("SET LOCAL plan_cache_mode = force_custom_plan")
    for start in range(0, len(values), _AT_A_TIME):
        part = values[start : start + _AT_A_TIME]
        if is_postgresql:
            array, value = _array(kind, part)
            sql = (
                f"SELECT found.* FROM unnest({array}::{kind}[]) AS wanted(value) "  # noqa: S608  (our words)
                f"CROSS JOIN LATERAL ({source} AND {name} = wanted.value OFFSET 0) AS found"
            )
            found += _rows(connection, sql, (value, *having.values()))
        else:
            sql = f"{source} AND {name} IN ({', '.join(mark * len(part))})"
            found += _rows(connection, sql, (*having.values(), *part))
    if is_postgresql:  # else each check of a foreign key would be planned anew, too
        connection.exec_driver_sql("SET LOCAL plan_cache_mode TO DEFAULT")
    return found


def rows_above(
    connection: Connection,
    table: Table,
    names: Sequence[str],
    name: str,
    least: int,
    *,
    having: Mapping[str, Any] | None = None,
) -> list[tuple[Any, ...]]:
    """Find the rows of which a column holds more than a number, in no order.

    Args:
        connection: An open one.
        table: Where.
        names: The columns of an answer.
        name: The column that is compared.
        least: With which number.
        having: What other columns hold.
    """
    mark = "%s" if connection.dialect.name == "postgresql" else "?"
    conditions = " AND ".join([*(f"{other} = {mark}" for other in having or {}), f"{name} > {mark}"])
    sql = f"SELECT {', '.join(names)} FROM {table.name} WHERE {conditions}"  # noqa: S608  (our words)
    return _rows(connection, sql, (*(having or {}).values(), least))


def _rows(connection: Connection, sql: str, values: tuple[Any, ...]) -> list[tuple[Any, ...]]:
    """Return the driver's own tuples: to make SQLAlchemy's rows of them takes as long as to read them."""
    return list(connection.exec_driver_sql(sql, values).cursor.fetchall())


def time_writer(dialect: Dialect) -> Callable[[datetime], Any]:
    """Return what turns an aware time into what the driver stores."""
    return UtcDateTime().dialect_impl(dialect).bind_processor(dialect) or (lambda at: at)


def _kind(of: TypeEngine[Any]) -> str:
    """Return the PostgreSQL type in which a column's values are sent; the insertion makes them the column's own."""
    for types, kind in (
        ((UtcDateTime,), "timestamptz"),
        ((Boolean,), "boolean"),
        ((BigInteger, Integer, SmallInteger), "bigint"),
        ((LargeBinary,), "bytea"),
        ((Float,), "double precision"),
        ((String,), "text"),
    ):
        if isinstance(of, types):
            return kind
    raise TypeError(f"a column of {of!r} cannot be filled in bulk")


def _selected(kinds: Sequence[str], columns: Sequence[Sequence[Any]]) -> tuple[str, list[Any]]:
    """Return a SELECT that gives the rows of these columns, and its parameters.

    A column in which all is the same goes as one value, the others as one text each, which the server cuts up: to
    write an array element by element takes the driver five times as long.
    """
    count = len(columns[0])
    selected: list[str] = []
    arrays: list[str] = []
    single: list[Any] = []
    joined: list[Any] = []
    for number, (kind, column) in enumerate(zip(kinds, columns, strict=True)):
        first = column[0]
        if (count == 1 or number > 0 or arrays) and column.count(first) == count:
            selected.append(f"%s::{kind}")
            single.append(first)
            continue
        name = f"c{number}"
        selected.append(name)
        array, value = _array(kind, column)
        arrays.append(f"{array}::{kind}[]")
        joined.append(value)
    named = ", ".join(each for each in selected if not each.startswith("%"))
    source = f" FROM unnest({', '.join(arrays)}) AS rows({named})" if arrays else ""
    return f"SELECT {', '.join(selected)}{source}", single + joined


def _array(kind: str, column: Sequence[Any]) -> tuple[str, Any]:
    write = _AS_TEXT[kind]
    text = _BETWEEN.join([_NOTHING if value is None else write(value) for value in column])
    is_plain = text.count(_BETWEEN) == len(column) - 1 and text.count(_NOTHING) == column.count(None)
    if not is_plain or not text:  # a value holds one of the two; or a single empty text, which would be no text
        return "%s", list(column)
    return r"string_to_array(%s, E'\x1f', E'\x1e')", text
