"""The SQL tables of the policy, in one schema for SQLite and PostgreSQL."""

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
    String,
    Table,
    Text,
)

from hedgerow.database import UtcDateTime, metadata

__all__ = ["policies", "policy_dry_runs"]

# SQLite numbers rows by itself only in a column that is declared INTEGER, which holds 64 bits there.
_Id = BigInteger().with_variant(Integer, "sqlite")

# The text of a version never changes and no version is deleted: every match names the one that decided it.
policies = Table(
    "policies",
    metadata,
    Column("version", _Id, primary_key=True),
    Column("toml", Text, nullable=False),
    Column("sha256", LargeBinary, nullable=False, unique=True),
    Column("note", Text),
    Column("created_by", String(160), nullable=False),
    Column("created_at", UtcDateTime, nullable=False),
    # True for the version in force and NULL for the others, so that the database itself keeps it to one.
    Column("is_active", Boolean, unique=True),
    Column("activated_at", UtcDateTime),
    Column("activated_by", String(160)),
    Column("retired_at", UtcDateTime),
    CheckConstraint("length(sha256) = 32", name="sha256"),
    CheckConstraint("is_active", name="is_active"),
    CheckConstraint("is_active IS NULL OR activated_at IS NOT NULL", name="activated_at"),
    sqlite_autoincrement=True,
)

policy_dry_runs = Table(
    "policy_dry_runs",
    metadata,
    Column("id", _Id, primary_key=True),
    Column("version", _Id, ForeignKey("policies.version"), nullable=False),
    # The version that was active then, with which it was compared.
    Column("against_version", _Id, ForeignKey("policies.version"), nullable=False),
    Column("considered", BigInteger, nullable=False),
    Column("changed", BigInteger, nullable=False),
    Column("comparison", Text, nullable=False),
    Column("made_by", String(160), nullable=False),
    Column("made_at", UtcDateTime, nullable=False),
    CheckConstraint("changed BETWEEN 0 AND considered", name="changed"),
)
Index("ix_policy_dry_runs_version_made_at", policy_dry_runs.c.version, policy_dry_runs.c.made_at)
