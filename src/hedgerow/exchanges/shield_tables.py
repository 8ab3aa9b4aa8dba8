"""The SQL tables of Project Arachnid Shield: how it is asked, and what was asked, in one schema for both databases."""

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
)

from hedgerow.database import UtcDateTime, metadata
from hedgerow.database.sealing import SEALED

__all__ = ["shield_account", "shield_questions"]

# SQLite numbers rows by itself only in a column that is declared INTEGER, which holds 64 bits there.
_Id = BigInteger().with_variant(Integer, "sqlite")
_ACTOR = 160

# One row, or none while nobody has set anything. Whoever claims a question holds its lock until the commit, so that
# all processes together keep to one pace.
shield_account = Table(
    "shield_account",
    metadata,
    Column("id", SmallInteger, primary_key=True, autoincrement=False),
    Column("is_enabled", Boolean, nullable=False),
    Column("environment", String(20), nullable=False),
    Column("base_url", String(300), nullable=False),
    Column("calls_per_minute", Integer, nullable=False),
    Column("is_null_no_match", Boolean, nullable=False),
    Column("armed_by", String(_ACTOR)),
    Column("armed_at", UtcDateTime),
    # Written and never read back by anybody.
    Column("credentials", LargeBinary, info=SEALED),
    Column("credentials_by", String(_ACTOR)),
    Column("credentials_at", UtcDateTime),
    # Why nothing is asked any more until a person has acted.
    Column("stopped", String(100)),
    # Nothing is asked before: its pace and ours.
    Column("next_call_at", UtcDateTime),
    Column("answered_at", UtcDateTime),
    CheckConstraint("id = 1", name="one_row"),
    CheckConstraint("calls_per_minute > 0", name="calls_per_minute"),
    CheckConstraint("(armed_by IS NULL) = (armed_at IS NULL)", name="armed"),
    CheckConstraint("(credentials IS NULL) = (credentials_at IS NULL)", name="credentials"),
)

# What was asked about media of a case. The record is the queue: a question is due when its time has come and nobody
# holds a lease on it. The signal itself stands with the case; here is a digest of what was sent.
shield_questions = Table(
    "shield_questions",
    metadata,
    Column("id", _Id, primary_key=True),
    Column("case_id", _Id, ForeignKey("cases.id"), nullable=False),
    Column("cluster_id", _Id, ForeignKey("clusters.id"), nullable=False),
    Column("digest", LargeBinary, nullable=False),
    Column("asked_by", String(_ACTOR), nullable=False),
    Column("asked_at", UtcDateTime, nullable=False),
    Column("state", String(20), nullable=False),
    Column("known", String(40)),
    Column("word", String(100)),
    Column("match_type", String(100)),
    Column("settled_at", UtcDateTime),
    Column("due_at", UtcDateTime),
    Column("attempts", Integer, nullable=False),
    Column("lease_until", UtcDateTime),
    Column("lease_token", String(32)),
    Column("last_error", String(100)),
    CheckConstraint("length(digest) = 32", name="digest"),
    CheckConstraint("state IN ('waiting', 'answered', 'given_up')", name="state"),
    CheckConstraint("(state = 'answered') = (known IS NOT NULL)", name="known"),
    CheckConstraint("(state = 'waiting') = (due_at IS NOT NULL)", name="due"),
    CheckConstraint("(state = 'waiting') = (settled_at IS NULL)", name="settled"),
    CheckConstraint("(lease_until IS NULL) = (lease_token IS NULL)", name="lease"),
    sqlite_autoincrement=True,  # the audit names questions by their number: it is never given out twice
)
Index("ix_shield_questions_case_id", shield_questions.c.case_id)
Index("ix_shield_questions_due_at", shield_questions.c.due_at)
