"""The SQL tables of what HMA keeps beside a bank, in one schema for SQLite and PostgreSQL."""

from __future__ import annotations

from sqlalchemy import (
    BigInteger,
    CheckConstraint,
    Column,
    Float,
    ForeignKey,
    Index,
    Integer,
    SmallInteger,
    String,
    Table,
    Text,
)

from hedgerow.database import UtcDateTime, metadata

__all__ = ["hma_banks", "hma_content_entries", "hma_contents", "hma_set_aside", "hma_signal_types"]

_Id = BigInteger().with_variant(Integer, "sqlite")

# What this door says of a bank beside what the bank says of itself. A bank without a row here has a ratio of 1.
hma_banks = Table(
    "hma_banks",
    metadata,
    Column("bank_id", _Id, ForeignKey("banks.id"), primary_key=True, autoincrement=False),
    Column("enabled_ratio", Float, nullable=False),
    # A bank that was deleted through this door: its row stays under another name, as do its entries, withdrawn.
    Column("deleted_at", UtcDateTime),
    CheckConstraint("enabled_ratio BETWEEN 0 AND 1", name="enabled_ratio"),
)

hma_contents = Table(
    "hma_contents",
    metadata,
    # What a client knows as ``bank_content_id``.
    Column("id", _Id, primary_key=True),
    Column("bank_id", _Id, ForeignKey("banks.id"), nullable=False),
    # 0 disabled for ever, 1 enabled, else disabled until then, in seconds since 1970.
    Column("disable_until_ts", BigInteger, nullable=False),
    Column("note", Text),
    Column("metadata", Text),
    Column("created_at", UtcDateTime, nullable=False),
    CheckConstraint("disable_until_ts >= 0", name="disable_until_ts"),
    sqlite_autoincrement=True,
)
Index("ix_hma_contents_bank_id", hma_contents.c.bank_id)

hma_content_entries = Table(
    "hma_content_entries",
    metadata,
    Column("content_id", _Id, ForeignKey("hma_contents.id"), primary_key=True, autoincrement=False),
    Column("entry_id", _Id, ForeignKey("entries.id"), primary_key=True, autoincrement=False),
    # The first of a type is the one that is shown.
    Column("position", SmallInteger, nullable=False),
)
Index("ix_hma_content_entries_entry_id", hma_content_entries.c.entry_id)

# Signals of a content that no bank takes: they are shown with it and match nothing.
hma_set_aside = Table(
    "hma_set_aside",
    metadata,
    Column("content_id", _Id, ForeignKey("hma_contents.id"), primary_key=True, autoincrement=False),
    Column("signal_type", String(100), primary_key=True),
    Column("value", Text, nullable=False),
    Column("reason", String(200), nullable=False),
)

# A signal type without a row here is enabled.
hma_signal_types = Table(
    "hma_signal_types",
    metadata,
    Column("name", String(100), primary_key=True),
    Column("enabled_ratio", Float, nullable=False),
    CheckConstraint("enabled_ratio BETWEEN 0 AND 1", name="enabled_ratio"),
)
