"""The SQL tables of what is shared with other Hedgerows, in one schema for SQLite and PostgreSQL."""

from __future__ import annotations

from sqlalchemy import (
    BigInteger,
    Boolean,
    CheckConstraint,
    Column,
    ForeignKey,
    Index,
    Integer,
    String,
    Table,
    Text,
    UniqueConstraint,
)

from hedgerow.database import UtcDateTime, metadata

__all__ = ["sharing_opinions", "sharing_readers", "sharings"]

# SQLite numbers rows by itself only in a column that is declared INTEGER, which holds 64 bits there.
_Id = BigInteger().with_variant(Integer, "sqlite")
_ACTOR = 160

sharings = Table(
    "sharings",
    metadata,
    Column("id", _Id, primary_key=True),
    Column("bank_id", _Id, ForeignKey("banks.id"), nullable=False),
    # What readers call it: they need not know what the bank is called.
    Column("name", String(100), nullable=False, unique=True),
    # For readers.
    Column("note", Text),
    Column("is_enabled", Boolean, nullable=False),
    # Whether readers may pass on what they read here. Said once, when it is shared: an entry that did not change is
    # not told anew.
    Column("may_redistribute", Boolean, nullable=False),
    Column("created_by", String(_ACTOR), nullable=False),
    Column("created_at", UtcDateTime, nullable=False),
    sqlite_autoincrement=True,  # the number is a part of the epoch: it is never given out twice
)
Index("ix_sharings_bank_id", sharings.c.bank_id)

sharing_readers = Table(
    "sharing_readers",
    metadata,
    Column("sharing_id", _Id, ForeignKey("sharings.id"), primary_key=True, autoincrement=False),
    Column("key_id", _Id, ForeignKey("api_keys.id"), primary_key=True, autoincrement=False),
    Column("may_state_opinions", Boolean, nullable=False),
    Column("added_by", String(_ACTOR), nullable=False),
    Column("added_at", UtcDateTime, nullable=False),
    # When it last read, and up to which change of the banks; NULL before the first time.
    Column("read_at", UtcDateTime),
    Column("read_change", BigInteger),
)
Index("ix_sharing_readers_key_id", sharing_readers.c.key_id)

# What readers said, each time; the latest of a key about an entry is what it says now.
sharing_opinions = Table(
    "sharing_opinions",
    metadata,
    Column("id", _Id, primary_key=True),
    Column("sharing_id", _Id, ForeignKey("sharings.id"), nullable=False),
    Column("entry_id", _Id, ForeignKey("entries.id"), nullable=False),
    Column("key_id", _Id, ForeignKey("api_keys.id"), nullable=False),
    Column("opinion", String(10), nullable=False),
    Column("reason", Text),
    # The reader's own name for it: said twice under one name, it was said once.
    Column("token", String(200), nullable=False),
    Column("stated_at", UtcDateTime, nullable=False),
    CheckConstraint("opinion IN ('seen', 'agree', 'dispute', 'none')", name="opinion"),
    UniqueConstraint("key_id", "token"),
    sqlite_autoincrement=True,
)
Index("ix_sharing_opinions_sharing_id", sharing_opinions.c.sharing_id, sharing_opinions.c.id)
Index("ix_sharing_opinions_entry_id", sharing_opinions.c.entry_id)
