"""The SQL tables of the ledger, in one schema for SQLite and PostgreSQL."""

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
    UniqueConstraint,
)

from hedgerow.database import UtcDateTime, metadata
from hedgerow.ledger.model import LookBackState

__all__ = ["ledger_rows", "look_backs"]

# SQLite numbers rows by itself only in a column that is declared INTEGER, which holds 64 bits there.
_Id = BigInteger().with_variant(Integer, "sqlite")

# The signals of what was submitted. A row is inserted in the submission's transaction and deleted when its time is
# over; between the two only `is_behind` can change. Look-backs read the rows in the order of their numbers.
ledger_rows = Table(
    "ledger_rows",
    metadata,
    Column("id", _Id, primary_key=True),
    Column("submission_id", _Id, ForeignKey("submissions.id"), nullable=False, unique=True),
    # See hedgerow.ledger.packing.
    Column("packed", LargeBinary, nullable=False),
    Column("recorded_at", UtcDateTime, nullable=False),
    Column("keep_until", UtcDateTime, nullable=False),
    # True where the banks had changed between the search and this row, so that it is looked up once more; else NULL,
    # and an index of a few rows finds those that are.
    Column("is_behind", Boolean),
    CheckConstraint("is_behind", name="is_behind"),
    CheckConstraint("length(packed) > 0", name="packed"),
    sqlite_autoincrement=True,  # a number never comes again: a look-back that has passed it would not see the new row
)
Index("ix_ledger_rows_keep_until", ledger_rows.c.keep_until)
Index("ix_ledger_rows_is_behind", ledger_rows.c.is_behind)

# The record is the queue: a row is due when it has not ended, its time has come, and nobody holds a lease on it.
look_backs = Table(
    "look_backs",
    metadata,
    Column("id", _Id, primary_key=True),
    Column("bank_id", _Id, ForeignKey("banks.id"), nullable=False),
    # Which entries: a JSON array of ids; or those that changed after one number and up to another (see bank_changes);
    # or, where neither is there, the whole bank.
    Column("entry_ids", Text),
    Column("since_sequence", BigInteger),
    Column("until_sequence", BigInteger),
    # True or NULL, so that the database itself lets one look-back at most collect what is new in a bank.
    Column("is_collecting", Boolean),
    Column("state", String(10), nullable=False),
    Column("requested_by", String(160), nullable=False),
    Column("requested_at", UtcDateTime, nullable=False),
    Column("started_at", UtcDateTime),
    Column("ended_at", UtcDateTime),
    # The last ledger row that was looked up, and the last one that is to be (see hedgerow.ledger.horizon).
    Column("cursor", BigInteger, nullable=False),
    Column("until_id", BigInteger),
    # Ledger rows there were when it started; those looked up; those that could not be read; submissions found anew.
    Column("total", BigInteger),
    Column("checked", BigInteger, nullable=False),
    Column("unreadable", BigInteger, nullable=False),
    Column("found", BigInteger, nullable=False),
    # None once it has ended.
    Column("due_at", UtcDateTime),
    Column("lease_until", UtcDateTime),
    Column("lease_token", String(32)),
    # Claims since it last made progress.
    Column("attempts", Integer, nullable=False),
    Column("last_error", String(60)),
    UniqueConstraint("bank_id", "is_collecting"),
    CheckConstraint("is_collecting", name="is_collecting"),
    CheckConstraint("is_collecting IS NULL OR since_sequence IS NOT NULL", name="collects"),
    CheckConstraint(f"state IN ({', '.join(repr(str(each)) for each in LookBackState)})", name="state"),
    CheckConstraint("entry_ids IS NULL OR since_sequence IS NULL", name="entries"),
    CheckConstraint("(lease_until IS NULL) = (lease_token IS NULL)", name="lease"),
    CheckConstraint("(due_at IS NULL) = (state IN ('done', 'stopped'))", name="due"),
    CheckConstraint("(ended_at IS NULL) = (due_at IS NOT NULL)", name="end"),
    CheckConstraint("checked >= 0 AND unreadable >= 0 AND found >= 0 AND attempts >= 0", name="counts"),
    sqlite_autoincrement=True,  # the audit names look-backs by their number
)
Index("ix_look_backs_due_at", look_backs.c.due_at)
Index("ix_look_backs_bank_id", look_backs.c.bank_id)
