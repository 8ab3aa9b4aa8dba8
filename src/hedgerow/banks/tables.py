"""The SQL tables of the banks, in one schema for SQLite and PostgreSQL."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sqlalchemy import (
    BigInteger,
    Boolean,
    CheckConstraint,
    Column,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    SmallInteger,
    String,
    Table,
    Text,
    event,
    false,
    text,
)

from hedgerow.database import UtcDateTime, metadata

if TYPE_CHECKING:
    from sqlalchemy import Connection

__all__ = ["bank_changes", "banks", "entries", "frame_lists"]

# SQLite numbers rows by itself only in a column that is declared INTEGER, which holds 64 bits there.
_Id = BigInteger().with_variant(Integer, "sqlite")

banks = Table(
    "banks",
    metadata,
    Column("id", _Id, primary_key=True),
    Column("name", String(100), nullable=False, unique=True),
    Column("threshold", SmallInteger, nullable=False),
    Column("minimum_quality", SmallInteger, nullable=False),
    Column("is_enabled", Boolean, nullable=False),
    Column("created_at", UtcDateTime, nullable=False),
    Column("note", Text),
    # How many ways a query is looked up here. A column's own check, since SQLite can add and drop that without
    # copying the table, to which all entries refer.
    Column(
        "level",
        String(20),
        CheckConstraint("level IN ('exact', 'standard', 'thorough')", name="level"),
        nullable=False,
        server_default="standard",
    ),
    CheckConstraint("threshold BETWEEN 0 AND 64", name="threshold"),
    CheckConstraint("minimum_quality BETWEEN 0 AND 100", name="minimum_quality"),
    sqlite_autoincrement=True,  # an id is never given out twice
)

entries = Table(
    "entries",
    metadata,
    Column("id", _Id, primary_key=True),
    Column("bank_id", _Id, ForeignKey("banks.id"), nullable=False),
    # The number of this row's latest change; see bank_changes.
    Column("sequence", BigInteger, nullable=False),
    Column("signal_type", String(32), nullable=False),
    Column("bits", LargeBinary, nullable=False),
    Column("quality", SmallInteger),
    Column("made_by", String(100), nullable=False),
    Column("variant", String(200), nullable=False),
    # Who said so: the kind of source, then whom within it, then their own name for it.
    Column("provenance", String(100), nullable=False),
    Column("contributor", String(200)),
    Column("external_id", String(200)),
    Column("category", String(100)),
    Column("note", Text),
    Column("may_be_redistributed", Boolean, nullable=False),
    Column("added_at", UtcDateTime, nullable=False),
    Column("withdrawn_at", UtcDateTime),
    Column("withdrawn_reason", Text),
    Column("is_disputed", Boolean, nullable=False, server_default=false()),
    CheckConstraint("quality BETWEEN 0 AND 100", name="quality"),
    CheckConstraint(
        "CASE signal_type WHEN 'pdq' THEN length(bits) = 32 WHEN 'sha256' THEN length(bits) = 32 "
        "WHEN 'sha1' THEN length(bits) = 20 WHEN 'md5' THEN length(bits) = 16 ELSE length(bits) > 0 END",
        name="bits",
    ),
    sqlite_autoincrement=True,
)

_is_live = text("withdrawn_at IS NULL")
_is_withdrawn = text("withdrawn_at IS NOT NULL")

_live = Index(
    "uq_entries_live", entries.c.bank_id, entries.c.signal_type, entries.c.bits, unique=True, sqlite_where=_is_live
)
# An import asks which of its values were withdrawn before; there are few of them.
_withdrawn = Index(
    "ix_entries_withdrawn", entries.c.bank_id, entries.c.signal_type, entries.c.bits, sqlite_where=_is_withdrawn
)
Index("ix_entries_bank_id_sequence", entries.c.bank_id, entries.c.sequence)


@event.listens_for(entries, "before_create")
def _narrow_on_postgresql(_table: Table, connection: Connection, **_how: object) -> None:
    # An index that names an option of PostgreSQL imports its five drivers' dialects, 50 ms for who is on SQLite.
    if connection.dialect.name == "postgresql":
        _live.dialect_options["postgresql"]["where"] = _is_live
        _withdrawn.dialect_options["postgresql"]["where"] = _is_withdrawn


# The frames of a `vpdq` entry, whose `bits` are their SHA-256 (see hedgerow.hashing.frame_list). A table of its own, so
# that going through the entries does not read them. A withdrawn entry keeps its frames, as it keeps its bits.
frame_lists = Table(
    "frame_lists",
    metadata,
    Column("entry_id", _Id, ForeignKey("entries.id"), primary_key=True, autoincrement=False),
    Column("packed", LargeBinary, nullable=False),
)

# One row. `sequence` is the number of the latest change to any bank or entry. Whoever changes something takes the
# next numbers by updating this row, and so holds its lock until the commit: numbers become visible in their order,
# on PostgreSQL too, and an index that has seen N misses nothing by asking for what is greater than N.
# `epoch` names this history: it is renewed when a backup is restored, and indexes of another epoch are not used.
bank_changes = Table(
    "bank_changes",
    metadata,
    Column("id", SmallInteger, primary_key=True, autoincrement=False),
    Column("sequence", BigInteger, nullable=False),
    Column("epoch", String(32), nullable=False),
    CheckConstraint("id = 1", name="one_row"),
)
