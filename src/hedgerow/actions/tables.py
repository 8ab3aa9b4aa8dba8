"""The SQL tables of actions, in one schema for SQLite and PostgreSQL."""

from __future__ import annotations

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
    text,
)

from hedgerow.database import UtcDateTime, metadata
from hedgerow.database.sealing import SEALED

__all__ = ["deliveries", "delivery_attempts", "webhook_endpoints"]

# SQLite numbers rows by itself only in a column that is declared INTEGER, which holds 64 bits there.
_Id = BigInteger().with_variant(Integer, "sqlite")

webhook_endpoints = Table(
    "webhook_endpoints",
    metadata,
    Column("id", _Id, primary_key=True),
    Column("url", Text, nullable=False),
    Column("secret", LargeBinary, nullable=False, info=SEALED),
    # A JSON array; empty for every event.
    Column("events", Text, nullable=False),
    Column("is_active", Boolean, nullable=False),
    Column("note", Text),
    Column("created_at", UtcDateTime, nullable=False),
    sqlite_autoincrement=True,
)

# The record is the queue: a row is due when it is neither delivered nor given up, its time has come, and nobody holds
# a lease on it.
deliveries = Table(
    "deliveries",
    metadata,
    Column("id", _Id, primary_key=True),
    Column("endpoint_id", _Id, ForeignKey("webhook_endpoints.id"), nullable=False),
    Column("event", String(50), nullable=False),
    Column("subject_type", String(50), nullable=False),
    Column("subject_id", String(100), nullable=False),
    Column("body", Text, nullable=False),
    Column("created_at", UtcDateTime, nullable=False),
    # None once it is confirmed or given up, so that looking for what is due passes over none of those.
    Column("due_at", UtcDateTime),
    # All tries, and those since a person last asked for it: the waiting begins anew then.
    Column("attempts", Integer, nullable=False),
    Column("attempts_in_row", Integer, nullable=False),
    Column("lease_until", UtcDateTime),
    Column("lease_token", String(32)),
    Column("delivered_at", UtcDateTime),
    Column("gave_up_at", UtcDateTime),
    Column("last_status", SmallInteger),
    Column("last_error", String(200)),
    CheckConstraint("(lease_until IS NULL) = (lease_token IS NULL)", name="lease"),
    CheckConstraint("delivered_at IS NULL OR gave_up_at IS NULL", name="end"),
    CheckConstraint("(due_at IS NULL) = (delivered_at IS NOT NULL OR gave_up_at IS NOT NULL)", name="due"),
    CheckConstraint("attempts >= attempts_in_row AND attempts_in_row >= 0", name="attempts"),
    sqlite_autoincrement=True,  # the number is the message's id on the wire: it never comes again
)
Index("ix_deliveries_due_at", deliveries.c.due_at)
Index("ix_deliveries_subject", deliveries.c.subject_type, deliveries.c.subject_id)
Index("ix_deliveries_endpoint_id", deliveries.c.endpoint_id)
# The few that are not confirmed, in their order, and what they are counted by; on PostgreSQL the migration says the
# same. (An index that names an option of PostgreSQL imports its drivers' dialects, for who is on SQLite too.)
Index(
    "ix_deliveries_unconfirmed",
    deliveries.c.id,
    deliveries.c.endpoint_id,
    deliveries.c.gave_up_at,
    deliveries.c.created_at,
    sqlite_where=text("delivered_at IS NULL"),
)

delivery_attempts = Table(
    "delivery_attempts",
    metadata,
    Column("id", _Id, primary_key=True),
    Column("delivery_id", _Id, ForeignKey("deliveries.id"), nullable=False),
    Column("at", UtcDateTime, nullable=False),
    Column("status", SmallInteger),
    Column("error", String(200)),
    Column("duration_ms", Integer, nullable=False),
    sqlite_autoincrement=True,
)
Index("ix_delivery_attempts_delivery_id", delivery_attempts.c.delivery_id)
