"""The SQL tables of the audit chain, in one schema for SQLite and PostgreSQL."""

from __future__ import annotations

from sqlalchemy import (
    BigInteger,
    CheckConstraint,
    Column,
    Index,
    Integer,
    LargeBinary,
    SmallInteger,
    String,
    Table,
    Text,
)

from hedgerow.audit.rules import ACTION_LENGTH, ACTOR_LENGTH, SUBJECT_ID_LENGTH, SUBJECT_TYPE_LENGTH
from hedgerow.database import UtcDateTime, metadata

__all__ = ["audit_checkpoints", "audit_entries", "audit_head"]

# SQLite numbers rows by itself only in a column that is declared INTEGER, which holds 64 bits there.
_Id = BigInteger().with_variant(Integer, "sqlite")

# Rows are inserted and read, never changed and never deleted. What is hashed is the line that `hedgerow.audit.line`
# makes of a row, in which `details` stands as it is here.
audit_entries = Table(
    "audit_entries",
    metadata,
    Column("sequence", _Id, primary_key=True, autoincrement=False),
    Column("at", UtcDateTime, nullable=False),
    Column("actor", String(ACTOR_LENGTH), nullable=False),
    Column("action", String(ACTION_LENGTH), nullable=False),
    Column("subject_type", String(SUBJECT_TYPE_LENGTH), nullable=False),
    Column("subject_id", String(SUBJECT_ID_LENGTH)),
    Column("details", Text, nullable=False),
    Column("previous_hash", LargeBinary, nullable=False),
    Column("hash", LargeBinary, nullable=False),
    CheckConstraint("sequence > 0", name="sequence"),
)
# What happened to a case, and what a person did, is asked for beside the case.
Index("ix_audit_entries_subject_type_subject_id", audit_entries.c.subject_type, audit_entries.c.subject_id)

# One row. Whoever appends takes the next number by updating it, and so holds its lock until the commit: there is one
# writer of the chain at a time, whose entry becomes visible together with what it records, or not at all.
# `key_id` names the key that signs checkpoints; it changes in the transaction that records the change.
audit_head = Table(
    "audit_head",
    metadata,
    Column("id", SmallInteger, primary_key=True, autoincrement=False),
    Column("sequence", BigInteger, nullable=False),
    Column("hash", LargeBinary, nullable=False),
    Column("key_id", String(16)),
    CheckConstraint("id = 1", name="one_row"),
)

audit_checkpoints = Table(
    "audit_checkpoints",
    metadata,
    Column("id", _Id, primary_key=True),
    Column("sequence", BigInteger, nullable=False),
    Column("hash", LargeBinary, nullable=False),
    Column("at", UtcDateTime, nullable=False),
    Column("key_id", String(16), nullable=False),
    Column("signature", LargeBinary, nullable=False),
)
