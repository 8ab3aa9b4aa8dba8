"""All rows of a database out of it and into another one, on either kind, whatever its revision.

Tables and columns are those that the database has, not those that this version knows: an old database can be backed up
before it is migrated. Rows go through the driver as they are. A value that does not fit its column, which SQLite lets
anybody put there, is carried over as it is, too: a backup must not fail on a row that the index merely sets aside.
"""

from __future__ import annotations

import base64
import binascii
import json
import re
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Final

from sqlalchemy import Boolean, DateTime, Float, Integer, LargeBinary, Numeric, String, inspect, text

from hedgerow.errors import BackupUnusable
from hedgerow.migrations.archive import TableRecord

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence

    from sqlalchemy import Connection, Inspector
    from sqlalchemy.types import TypeEngine

    from hedgerow.migrations.archive import ArchiveWriter

    Converter = Callable[[Any], Any]

__all__ = ["clear_tables", "drop_tables", "dump_tables", "has_tables", "insert_rows", "set_last_numbers"]

VERSION_TABLE: Final = "alembic_version"

_ROWS_PER_FETCH: Final = 5_000
_PART_BYTES: Final = 8 * 1024**2  # before it is compressed
_KINDS: Final = {"int", "float", "text", "bool", "bytes", "time"}
_STORED_TIME = re.compile(r"(\d{4}-\d{2}-\d{2}) (\d{2}:\d{2}:\d{2}\.\d{6})")
_WRITTEN_TIME = re.compile(r"(\d{4}-\d{2}-\d{2})T(\d{2}:\d{2}:\d{2}\.\d{6})Z")
_ENCODE = json.JSONEncoder(
    ensure_ascii=False,
    separators=(",", ":"),
    default=lambda value: {"bytes": base64.b64encode(bytes(value)).decode()},
).encode


# ── out ──────────────────────────────────────────────────────────────────────────────────────────────────────────


def dump_tables(connection: Connection, archive: ArchiveWriter) -> dict[str, TableRecord]:
    """Write every table.

    Args:
        connection: Of `Database.read`: one state throughout.
        archive: Where to.
    """
    inspector = inspect(connection)
    last_numbers = _last_numbers(connection, inspector)
    return {name: _dump(connection, inspector, name, archive, last_numbers.get(name)) for name in _ordered(inspector)}


def _ordered(inspector: Inspector) -> list[str]:
    """Name the tables in an order in which each comes after those that it refers to."""
    ordered = [name for name, _ in inspector.get_sorted_table_and_fkc_names() if name is not None]
    return [name for name in ordered if name != VERSION_TABLE]


def has_tables(connection: Connection) -> bool:
    """Tell whether there is a schema of ours, with rows or without."""
    return inspect(connection).has_table(VERSION_TABLE)


def _dump(
    connection: Connection, inspector: Inspector, name: str, archive: ArchiveWriter, last_number: int | None
) -> TableRecord:
    columns = {each["name"]: _kind_of(each["type"]) for each in inspector.get_columns(name)}
    key = inspector.get_pk_constraint(name)["constrained_columns"]
    quoted = connection.dialect.identifier_preparer.quote
    statement = f"SELECT {', '.join(map(quoted, columns))} FROM {quoted(name)} ORDER BY {', '.join(map(quoted, key))}"  # noqa: S608  (names of the schema, quoted)
    converters = [(place, _WRITERS[kind]) for place, kind in enumerate(columns.values()) if kind in _WRITERS]
    rows = 0
    parts: list[str] = []
    lines: list[str] = []
    size = 0
    # Streamed: on PostgreSQL the driver would otherwise hold the whole table
    streamed = connection.execution_options(stream_results=True, yield_per=_ROWS_PER_FETCH)
    with streamed.exec_driver_sql(statement) as result:
        for row in result:
            values = list(row)
            for place, convert in converters:
                if values[place] is not None:
                    values[place] = convert(values[place])
            line = _ENCODE(values)
            lines.append(line)
            rows += 1
            size += len(line)
            if size >= _PART_BYTES:
                parts.append(_add_part(archive, name, len(parts), lines))
                lines, size = [], 0
    if lines:
        parts.append(_add_part(archive, name, len(parts), lines))
    return TableRecord(columns, rows, parts, last_number)


def _add_part(archive: ArchiveWriter, table: str, number: int, lines: list[str]) -> str:
    name = f"tables/{table}-{number + 1:06}.jsonl.gz"
    archive.add_lines(name, ("\n".join(lines) + "\n").encode("utf-8", "surrogatepass"))
    return name


def _kind_of(type_: TypeEngine[Any]) -> str:
    kinds: tuple[tuple[type[TypeEngine[Any]], str], ...] = (
        (LargeBinary, "bytes"),
        (DateTime, "time"),
        (Boolean, "bool"),
        (Integer, "int"),
        (Float, "float"),
        (Numeric, "float"),
        (String, "text"),
    )
    return next(kind for base, kind in kinds if isinstance(type_, base))


def _write_bytes(value: object) -> object:
    return {"text": value} if isinstance(value, str | int | float) else base64.b64encode(bytes(value)).decode()  # type: ignore[call-overload]  # bytes or a memoryview


def _write_time(value: object) -> object:
    if isinstance(value, datetime):
        return f"{value.astimezone(UTC):%Y-%m-%dT%H:%M:%S.%f}Z"
    found = _STORED_TIME.fullmatch(str(value))
    return f"{found[1]}T{found[2]}Z" if found else {"text": value}


_WRITERS: Final[dict[str, Converter]] = {
    "bytes": _write_bytes,
    "time": _write_time,
    "bool": lambda value: bool(value) if value in (0, 1) else {"text": value},
}


def _last_numbers(connection: Connection, inspector: Inspector) -> dict[str, int]:
    """Return the last number that each table has given out, for those where numbers never come again."""
    if connection.dialect.name == "sqlite":
        if not connection.execute(text("SELECT 1 FROM sqlite_master WHERE name = 'sqlite_sequence'")).first():
            return {}
        return {row.name: int(row.seq) for row in connection.execute(text("SELECT name, seq FROM sqlite_sequence"))}
    found = {}
    for name in _ordered(inspector):
        sequence = _sequence_of(connection, inspector, name)
        if sequence is not None:
            row = connection.exec_driver_sql(f"SELECT last_value, is_called FROM {sequence}").one()  # noqa: S608  (its name, quoted by the server)
            found[name] = int(row.last_value) if row.is_called else 0
    return found


def _sequence_of(connection: Connection, inspector: Inspector, table: str) -> str | None:
    """Return the name of the sequence that numbers a table on PostgreSQL, quoted."""
    key = inspector.get_pk_constraint(table)["constrained_columns"]
    if len(key) != 1:
        return None
    quoted = connection.dialect.identifier_preparer.quote(table)
    found: str | None = connection.execute(
        text("SELECT pg_get_serial_sequence(:table, :column)"), {"table": quoted, "column": key[0]}
    ).scalar()
    return found


# ── in ───────────────────────────────────────────────────────────────────────────────────────────────────────────


def drop_tables(connection: Connection) -> None:
    """Drop our tables with all they hold; on PostgreSQL nobody else's."""
    inspector = inspect(connection)
    quoted = connection.dialect.identifier_preparer.quote
    is_postgresql = connection.dialect.name == "postgresql"
    names = _our_tables() & set(inspector.get_table_names()) if is_postgresql else set(inspector.get_table_names())
    for name in names:
        connection.exec_driver_sql(f"DROP TABLE {quoted(name)}{' CASCADE' if is_postgresql else ''}")


def _our_tables() -> set[str]:
    import hedgerow.migrations.env  # noqa: F401, PLC0415  (loads the tables of all rooms)
    from hedgerow.database import metadata  # noqa: PLC0415  (as above)

    return {*metadata.tables, VERSION_TABLE}


def clear_tables(connection: Connection) -> None:
    """Delete the rows with which a new schema begins."""
    quoted = connection.dialect.identifier_preparer.quote
    for name in reversed(_ordered(inspect(connection))):
        connection.exec_driver_sql(f"DELETE FROM {quoted(name)}")  # noqa: S608  (names of the schema, quoted)


def insert_rows(connection: Connection, name: str, record: TableRecord, lines: bytes) -> int:
    """Insert the rows of a part and return how many.

    Raises:
        BackupUnusable: They are no rows of this table.
    """
    columns = record.columns
    known = {each["name"] for each in inspect(connection).get_columns(name)}
    if not set(columns) <= known or not set(columns.values()) <= _KINDS:
        raise BackupUnusable(f"the table {name} has other columns than its schema")
    rows = _rows(lines, list(columns.values()), is_sqlite=connection.dialect.name == "sqlite")
    if connection.dialect.name == "sqlite":
        return _insert_sqlite(connection, name, list(columns), rows)
    return _copy_postgresql(connection, name, list(columns), rows)


def _insert_sqlite(connection: Connection, name: str, columns: Sequence[str], rows: Iterable[list[Any]]) -> int:
    quoted = connection.dialect.identifier_preparer.quote
    marks = ", ".join("?" * len(columns))
    statement = f"INSERT INTO {quoted(name)} ({', '.join(map(quoted, columns))}) VALUES ({marks})"  # noqa: S608  (names of the schema, quoted)
    driver: Any = connection.connection.driver_connection
    return int(driver.executemany(statement, rows).rowcount)


def _copy_postgresql(connection: Connection, name: str, columns: Sequence[str], rows: Iterable[list[Any]]) -> int:
    quoted = connection.dialect.identifier_preparer.quote
    driver: Any = connection.connection.driver_connection
    count = 0
    with (
        driver.cursor() as cursor,
        cursor.copy(f"COPY {quoted(name)} ({', '.join(map(quoted, columns))}) FROM STDIN") as copying,
    ):
        for row in rows:
            copying.write_row(row)
            count += 1
    return count


def _rows(lines: bytes, kinds: Sequence[str], *, is_sqlite: bool) -> Iterator[list[Any]]:
    readers = {**_READERS, "time": _read_time_sqlite} if is_sqlite else _READERS
    converters = [(place, readers[kind]) for place, kind in enumerate(kinds) if kind in readers]
    # Only a value that did not fit its column is an object; a quote within a text is escaped
    has_misfits = b'{"' in lines
    decode = json.JSONDecoder().decode
    try:
        for line in lines.split(b"\n")[:-1]:
            values = decode(line.decode("utf-8", "surrogatepass"))
            if not isinstance(values, list) or len(values) != len(kinds):
                raise BackupUnusable("a row has more or fewer values than its table has columns")
            misfits = {}
            if has_misfits:
                misfits = {place: _misfit(value) for place, value in enumerate(values) if isinstance(value, dict)}
            for place, convert in converters:
                if values[place] is not None and place not in misfits:
                    values[place] = convert(values[place])
            for place, value in misfits.items():
                values[place] = value if is_sqlite or not isinstance(value, str) else _fitting(value, kinds[place])
            yield values
    except (ValueError, TypeError, AttributeError, binascii.Error):
        raise BackupUnusable("a row cannot be read") from None


def _misfit(value: dict[str, Any]) -> Any:  # noqa: ANN401  (whatever stood there)
    ((kind, said),) = value.items()
    return base64.b64decode(said, validate=True) if kind == "bytes" else said


def _fitting(value: str, kind: str) -> Any:  # noqa: ANN401  (as above)
    """Return what PostgreSQL takes for a value that only SQLite holds: of a text in the place of bytes its bytes."""
    return value.encode() if kind == "bytes" else value


def _read_time_sqlite(value: str) -> str:
    found = _WRITTEN_TIME.fullmatch(value)
    if found is None:
        raise BackupUnusable("a time cannot be read")
    return f"{found[1]} {found[2]}"


_READERS: Final[dict[str, Converter]] = {"bytes": lambda value: base64.b64decode(value, validate=True)}


def set_last_numbers(connection: Connection, tables: dict[str, TableRecord]) -> None:
    """Let every table go on with the number after the last that was given out, which may be of no row any more."""
    inspector = inspect(connection)
    for name, record in tables.items():
        if connection.dialect.name == "sqlite":
            if record.last_number is not None:
                values = {"name": name, "number": record.last_number}
                found = connection.execute(
                    text("UPDATE sqlite_sequence SET seq = max(seq, :number) WHERE name = :name"), values
                )
                if not found.rowcount:
                    connection.execute(text("INSERT INTO sqlite_sequence (name, seq) VALUES (:name, :number)"), values)
            continue
        sequence = _sequence_of(connection, inspector, name)
        if sequence is None:
            continue
        quoted = connection.dialect.identifier_preparer.quote
        (key,) = inspector.get_pk_constraint(name)["constrained_columns"]
        largest = connection.exec_driver_sql(f"SELECT max({quoted(key)}) FROM {quoted(name)}").scalar()  # noqa: S608  (names of the schema, quoted)
        last = max(record.last_number or 0, largest or 0)
        if last:
            connection.execute(text("SELECT setval(:sequence, :last)"), {"sequence": sequence, "last": last})
