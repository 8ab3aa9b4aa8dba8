"""The SQL tables of exchanges, in one schema for SQLite and PostgreSQL."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sqlalchemy import (
    BigInteger,
    Boolean,
    CheckConstraint,
    Column,
    Float,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    String,
    Table,
    Text,
    UniqueConstraint,
    event,
    text,
)

from hedgerow.database import UtcDateTime, metadata
from hedgerow.database.sealing import SEALED

if TYPE_CHECKING:
    from sqlalchemy import Connection

__all__ = [
    "exchange_claims",
    "exchange_credentials",
    "exchange_fetches",
    "exchange_opinions",
    "exchange_pages",
    "exchange_records",
    "exchanges",
]

# SQLite numbers rows by itself only in a column that is declared INTEGER, which holds 64 bits there.
_Id = BigInteger().with_variant(Integer, "sqlite")
_ACTOR = 160

exchanges = Table(
    "exchanges",
    metadata,
    Column("id", _Id, primary_key=True),
    # The bank that it fills has the exchange's name.
    Column("bank_id", _Id, ForeignKey("banks.id"), nullable=False, unique=True),
    Column("kind", String(100), nullable=False),
    Column("config", Text, nullable=False),
    Column("is_enabled", Boolean, nullable=False),
    Column("created_at", UtcDateTime, nullable=False),
    Column("every_s", Float),
    Column("reconcile_every_s", Float),
    Column("calls_per_minute", Integer),
    Column("armed_by", String(_ACTOR)),
    Column("armed_at", UtcDateTime),
    Column("sends_opinions", Boolean, nullable=False),
    # Where updates go on; NULL before the first walk has ended, and after a partner could not go on from here.
    Column("checkpoint", Text),
    # The number of the latest walk through the partner's whole set, and where it goes on. Records carry the number of
    # the walk during which they were last seen. A walk that came to its end waits for updates that began after it
    # (`walked_at`), before what was not seen is withdrawn.
    Column("walk", Integer, nullable=False),
    Column("is_walking", Boolean, nullable=False),
    Column("walk_checkpoint", Text),
    Column("walk_started_at", UtcDateTime),
    Column("walk_ended_at", UtcDateTime),
    Column("updates_since_walk", Integer, nullable=False),
    Column("reconciled_at", UtcDateTime),
    Column("reconcile_due_at", UtcDateTime),
    # The record is the queue: when it is to be fetched, and who is at it until when.
    Column("due_at", UtcDateTime, nullable=False),
    Column("lease_until", UtcDateTime),
    Column("lease_token", String(32)),
    Column("started_at", UtcDateTime),
    Column("completed_at", UtcDateTime),
    Column("succeeded_at", UtcDateTime),
    Column("is_current", Boolean, nullable=False),
    Column("failures", Integer, nullable=False),
    Column("last_error", String(100)),
    Column("last_problem", String(500)),
    # Why nothing is fetched or sent any more until a person has acted.
    Column("stopped", String(100)),
    CheckConstraint("(lease_until IS NULL) = (lease_token IS NULL)", name="lease"),
    CheckConstraint("(armed_by IS NULL) = (armed_at IS NULL)", name="armed"),
    sqlite_autoincrement=True,
)
Index("ix_exchanges_due_at", exchanges.c.due_at)

# Written and never read back by anybody. Of one exchange, or, where `exchange_id` is none, of every one of its kind
# that has none of its own.
exchange_credentials = Table(
    "exchange_credentials",
    metadata,
    Column("id", _Id, primary_key=True),
    Column("kind", String(100), nullable=False),
    Column("exchange_id", _Id, ForeignKey("exchanges.id")),
    Column("credentials", LargeBinary, nullable=False, info=SEALED),
    Column("set_by", String(_ACTOR), nullable=False),
    Column("set_at", UtcDateTime, nullable=False),
    sqlite_autoincrement=True,
)
Index("ix_exchange_credentials_kind", exchange_credentials.c.kind, exchange_credentials.c.exchange_id)

# The partner's set, as we know it: one row for each record that it has now. What it withdrew has no row.
exchange_records = Table(
    "exchange_records",
    metadata,
    Column("id", _Id, primary_key=True),
    Column("exchange_id", _Id, ForeignKey("exchanges.id"), nullable=False),
    Column("key", String(300), nullable=False),
    Column("walk", Integer, nullable=False),
    # Of all that the partner said: what has not changed is not written again.
    Column("digest", LargeBinary, nullable=False),
    Column("contributor", String(200)),
    Column("category", String(100)),
    Column("is_disputed", Boolean, nullable=False),
    Column("may_be_redistributed", Boolean, nullable=False),
    Column("updated_at", UtcDateTime),
    # Tags, opaque things, refusals and the handle: canonical JSON, NULL where there are none.
    Column("rest", Text),
    CheckConstraint("length(digest) = 16", name="digest"),
    UniqueConstraint("exchange_id", "key"),
    sqlite_autoincrement=True,
)
Index("ix_exchange_records_walk", exchange_records.c.exchange_id, exchange_records.c.walk)

# Which entries a record claims. An entry of an exchange is live as long as a record claims it. Both are there: entries
# are never removed, and records by `exchanges.records` alone, after their claims. No foreign keys say so, since
# PostgreSQL looks each of them up by a statement of its own: a quarter of its work in a list's first fetch.
exchange_claims = Table(
    "exchange_claims",
    metadata,
    Column("record_id", _Id, primary_key=True, autoincrement=False),
    Column("entry_id", _Id, primary_key=True, autoincrement=False),
    # The partner's own name of the signal type.
    Column("type", String(40), nullable=False),
    sqlite_with_rowid=False,
)
Index("ix_exchange_claims_entry_id", exchange_claims.c.entry_id)

# Pages that could not be read. One of an exchange stands in the way at a time.
exchange_pages = Table(
    "exchange_pages",
    metadata,
    Column("id", _Id, primary_key=True),
    Column("exchange_id", _Id, ForeignKey("exchanges.id"), nullable=False),
    Column("mode", String(10), nullable=False),
    Column("first_at", UtcDateTime, nullable=False),
    Column("latest_at", UtcDateTime, nullable=False),
    Column("tries", Integer, nullable=False),
    Column("problem", String(500), nullable=False),
    Column("place", String(300), nullable=False),
    Column("skip", String(300)),
    Column("skip_to", Text),
    Column("ended_at", UtcDateTime),
    Column("ended_how", String(10)),
    Column("ended_by", String(_ACTOR)),
    CheckConstraint("(ended_at IS NULL) = (ended_how IS NULL)", name="ended"),
    CheckConstraint("(skip IS NULL) = (skip_to IS NULL)", name="skip"),
    sqlite_autoincrement=True,
)
_is_open = text("ended_at IS NULL")
_open_pages = Index(
    "uq_exchange_pages_open", exchange_pages.c.exchange_id, exchange_pages.c.mode, unique=True, sqlite_where=_is_open
)


@event.listens_for(exchange_pages, "before_create")
def _narrow_on_postgresql(_table: Table, connection: Connection, **_how: object) -> None:
    # An index that names an option of PostgreSQL imports its drivers' dialects, for who is on SQLite too.
    if connection.dialect.name == "postgresql":
        _open_pages.dialect_options["postgresql"]["where"] = _is_open


exchange_fetches = Table(
    "exchange_fetches",
    metadata,
    Column("id", _Id, primary_key=True),
    Column("exchange_id", _Id, ForeignKey("exchanges.id"), nullable=False),
    Column("mode", String(10), nullable=False),
    Column("started_at", UtcDateTime, nullable=False),
    Column("ended_at", UtcDateTime, nullable=False),
    Column("pages", Integer, nullable=False),
    Column("records", Integer, nullable=False),
    Column("added", Integer, nullable=False),
    Column("changed", Integer, nullable=False),
    Column("withdrawn", Integer, nullable=False),
    Column("refused", Integer, nullable=False),
    Column("opaque", Integer, nullable=False),
    Column("error", String(100)),
    Column("problem", String(500)),
    sqlite_autoincrement=True,
)
Index("ix_exchange_fetches_exchange_id", exchange_fetches.c.exchange_id, exchange_fetches.c.id)

# What is said to partners because of decisions. The record is the queue: a row is due when its time has come and
# nobody holds a lease on it. One for each decision and record.
exchange_opinions = Table(
    "exchange_opinions",
    metadata,
    Column("id", _Id, primary_key=True),
    Column("exchange_id", _Id, ForeignKey("exchanges.id"), nullable=False),
    Column("entry_id", _Id, ForeignKey("entries.id"), nullable=False),
    Column("key", String(300), nullable=False),
    Column("handle", Text, nullable=False),
    Column("type", String(40), nullable=False),
    Column("decision_id", _Id, ForeignKey("decisions.id"), nullable=False),
    Column("opinion", String(10), nullable=False),
    Column("reason", String(40)),
    Column("previous", String(10)),
    Column("state", String(20), nullable=False),
    Column("created_at", UtcDateTime, nullable=False),
    Column("due_at", UtcDateTime),
    Column("attempts", Integer, nullable=False),
    Column("lease_until", UtcDateTime),
    Column("lease_token", String(32)),
    Column("acknowledged_at", UtcDateTime),
    Column("last_error", String(100)),
    CheckConstraint("(lease_until IS NULL) = (lease_token IS NULL)", name="lease"),
    CheckConstraint("(due_at IS NOT NULL) = (state = 'waiting')", name="due"),
    UniqueConstraint("exchange_id", "key", "decision_id"),
    sqlite_autoincrement=True,
)
Index("ix_exchange_opinions_due_at", exchange_opinions.c.due_at)
Index("ix_exchange_opinions_exchange_id", exchange_opinions.c.exchange_id, exchange_opinions.c.id)
Index("ix_exchange_opinions_decision_id", exchange_opinions.c.decision_id)
