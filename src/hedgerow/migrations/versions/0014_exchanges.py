"""Create exchanges with partners, what they hold, and what is said to them; the exchanges of HMA's door go there.

Revision ID: 0014
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from hedgerow.database import UtcDateTime

revision = "0014"
down_revision = "0013"
branch_labels = None
depends_on = None

_Id = sa.BigInteger().with_variant(sa.Integer, "sqlite")


def upgrade() -> None:
    _create_exchanges()
    _create_credentials()
    _create_records()
    _create_pages()
    _create_fetches()
    _create_opinions()
    for table in ("entries", "matches"):  # whether others at the partner dispute it
        op.add_column(table, sa.Column("is_disputed", sa.Boolean, nullable=False, server_default=sa.false()))
    op.execute(
        "INSERT INTO exchanges (id, bank_id, kind, config, is_enabled, created_at, sends_opinions, walk, is_walking, "
        "updates_since_walk, due_at, started_at, completed_at, succeeded_at, is_current, failures, last_error) "
        "SELECT id, bank_id, api, config, is_enabled, created_at, false, 0, false, 0, due_at, started_at, "
        "completed_at, CASE WHEN has_succeeded THEN completed_at END, COALESCE(has_succeeded, false), "
        "CASE WHEN has_succeeded = false THEN 1 ELSE 0 END, SUBSTR(last_error, 1, 100) FROM hma_exchanges"
    )
    op.drop_table("hma_exchanges")
    if op.get_bind().dialect.name == "postgresql":
        op.execute("SELECT setval(pg_get_serial_sequence('exchanges', 'id'), max(id)) FROM exchanges")


def downgrade() -> None:
    op.create_table(
        "hma_exchanges",
        sa.Column("id", _Id, nullable=False),
        sa.Column("bank_id", _Id, nullable=False),
        sa.Column("api", sa.String(100), nullable=False),
        sa.Column("config", sa.Text, nullable=False),
        sa.Column("is_enabled", sa.Boolean, nullable=False),
        sa.Column("created_at", UtcDateTime, nullable=False),
        sa.Column("due_at", UtcDateTime, nullable=False),
        sa.Column("lease_until", UtcDateTime),
        sa.Column("lease_token", sa.String(32)),
        sa.Column("started_at", UtcDateTime),
        sa.Column("completed_at", UtcDateTime),
        sa.Column("has_succeeded", sa.Boolean),
        sa.Column("last_error", sa.String(200)),
        sa.CheckConstraint("(lease_until IS NULL) = (lease_token IS NULL)", name=op.f("ck_hma_exchanges_lease")),
        sa.ForeignKeyConstraint(["bank_id"], ["banks.id"], name=op.f("fk_hma_exchanges_bank_id_banks")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_hma_exchanges")),
        sa.UniqueConstraint("bank_id", name=op.f("uq_hma_exchanges_bank_id")),
        sqlite_autoincrement=True,
    )
    op.create_index("ix_hma_exchanges_due_at", "hma_exchanges", ["due_at"])
    op.execute(
        "INSERT INTO hma_exchanges (id, bank_id, api, config, is_enabled, created_at, due_at, started_at, "
        "completed_at, has_succeeded, last_error) SELECT id, bank_id, kind, config, is_enabled, created_at, due_at, "
        "started_at, completed_at, CASE WHEN completed_at IS NOT NULL THEN last_error IS NULL END, last_error "
        "FROM exchanges WHERE kind IN ('sample', 'local_file')"
    )
    for table in ("matches", "entries"):
        op.drop_column(table, "is_disputed")
    for table in (
        "exchange_opinions",
        "exchange_fetches",
        "exchange_pages",
        "exchange_claims",
        "exchange_records",
        "exchange_credentials",
        "exchanges",
    ):
        op.drop_table(table)


def _create_exchanges() -> None:
    op.create_table(
        "exchanges",
        sa.Column("id", _Id, nullable=False),
        sa.Column("bank_id", _Id, nullable=False),
        sa.Column("kind", sa.String(100), nullable=False),
        sa.Column("config", sa.Text, nullable=False),
        sa.Column("is_enabled", sa.Boolean, nullable=False),
        sa.Column("created_at", UtcDateTime, nullable=False),
        sa.Column("every_s", sa.Float),
        sa.Column("reconcile_every_s", sa.Float),
        sa.Column("calls_per_minute", sa.Integer),
        sa.Column("armed_by", sa.String(160)),
        sa.Column("armed_at", UtcDateTime),
        sa.Column("sends_opinions", sa.Boolean, nullable=False),
        sa.Column("checkpoint", sa.Text),
        sa.Column("walk", sa.Integer, nullable=False),
        sa.Column("is_walking", sa.Boolean, nullable=False),
        sa.Column("walk_checkpoint", sa.Text),
        sa.Column("walk_started_at", UtcDateTime),
        sa.Column("walk_ended_at", UtcDateTime),
        sa.Column("updates_since_walk", sa.Integer, nullable=False),
        sa.Column("reconciled_at", UtcDateTime),
        sa.Column("reconcile_due_at", UtcDateTime),
        sa.Column("due_at", UtcDateTime, nullable=False),
        sa.Column("lease_until", UtcDateTime),
        sa.Column("lease_token", sa.String(32)),
        sa.Column("started_at", UtcDateTime),
        sa.Column("completed_at", UtcDateTime),
        sa.Column("succeeded_at", UtcDateTime),
        sa.Column("is_current", sa.Boolean, nullable=False),
        sa.Column("failures", sa.Integer, nullable=False),
        sa.Column("last_error", sa.String(100)),
        sa.Column("last_problem", sa.String(500)),
        sa.Column("stopped", sa.String(100)),
        sa.CheckConstraint("(lease_until IS NULL) = (lease_token IS NULL)", name=op.f("ck_exchanges_lease")),
        sa.CheckConstraint("(armed_by IS NULL) = (armed_at IS NULL)", name=op.f("ck_exchanges_armed")),
        sa.ForeignKeyConstraint(["bank_id"], ["banks.id"], name=op.f("fk_exchanges_bank_id_banks")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_exchanges")),
        sa.UniqueConstraint("bank_id", name=op.f("uq_exchanges_bank_id")),
        sqlite_autoincrement=True,
    )
    op.create_index("ix_exchanges_due_at", "exchanges", ["due_at"])


def _create_credentials() -> None:
    op.create_table(
        "exchange_credentials",
        sa.Column("id", _Id, nullable=False),
        sa.Column("kind", sa.String(100), nullable=False),
        sa.Column("exchange_id", _Id),
        sa.Column("credentials", sa.LargeBinary, nullable=False),
        sa.Column("set_by", sa.String(160), nullable=False),
        sa.Column("set_at", UtcDateTime, nullable=False),
        sa.ForeignKeyConstraint(
            ["exchange_id"], ["exchanges.id"], name=op.f("fk_exchange_credentials_exchange_id_exchanges")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_exchange_credentials")),
        sqlite_autoincrement=True,
    )
    op.create_index("ix_exchange_credentials_kind", "exchange_credentials", ["kind", "exchange_id"])


def _create_records() -> None:
    op.create_table(
        "exchange_records",
        sa.Column("id", _Id, nullable=False),
        sa.Column("exchange_id", _Id, nullable=False),
        sa.Column("key", sa.String(300), nullable=False),
        sa.Column("walk", sa.Integer, nullable=False),
        sa.Column("digest", sa.LargeBinary, nullable=False),
        sa.Column("contributor", sa.String(200)),
        sa.Column("category", sa.String(100)),
        sa.Column("is_disputed", sa.Boolean, nullable=False),
        sa.Column("may_be_redistributed", sa.Boolean, nullable=False),
        sa.Column("updated_at", UtcDateTime),
        sa.Column("rest", sa.Text),
        sa.CheckConstraint("length(digest) = 16", name=op.f("ck_exchange_records_digest")),
        sa.ForeignKeyConstraint(
            ["exchange_id"], ["exchanges.id"], name=op.f("fk_exchange_records_exchange_id_exchanges")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_exchange_records")),
        sa.UniqueConstraint("exchange_id", "key", name=op.f("uq_exchange_records_exchange_id_key")),
        sqlite_autoincrement=True,
    )
    op.create_index("ix_exchange_records_walk", "exchange_records", ["exchange_id", "walk"])
    op.create_table(
        "exchange_claims",
        sa.Column("record_id", _Id, nullable=False, autoincrement=False),
        sa.Column("entry_id", _Id, nullable=False, autoincrement=False),
        sa.Column("type", sa.String(40), nullable=False),
        sa.ForeignKeyConstraint(
            ["record_id"], ["exchange_records.id"], name=op.f("fk_exchange_claims_record_id_exchange_records")
        ),
        sa.ForeignKeyConstraint(["entry_id"], ["entries.id"], name=op.f("fk_exchange_claims_entry_id_entries")),
        sa.PrimaryKeyConstraint("record_id", "entry_id", name=op.f("pk_exchange_claims")),
        sqlite_with_rowid=False,
    )
    op.create_index("ix_exchange_claims_entry_id", "exchange_claims", ["entry_id"])


def _create_pages() -> None:
    op.create_table(
        "exchange_pages",
        sa.Column("id", _Id, nullable=False),
        sa.Column("exchange_id", _Id, nullable=False),
        sa.Column("mode", sa.String(10), nullable=False),
        sa.Column("first_at", UtcDateTime, nullable=False),
        sa.Column("latest_at", UtcDateTime, nullable=False),
        sa.Column("tries", sa.Integer, nullable=False),
        sa.Column("problem", sa.String(500), nullable=False),
        sa.Column("place", sa.String(300), nullable=False),
        sa.Column("skip", sa.String(300)),
        sa.Column("skip_to", sa.Text),
        sa.Column("ended_at", UtcDateTime),
        sa.Column("ended_how", sa.String(10)),
        sa.Column("ended_by", sa.String(160)),
        sa.CheckConstraint("(ended_at IS NULL) = (ended_how IS NULL)", name=op.f("ck_exchange_pages_ended")),
        sa.CheckConstraint("(skip IS NULL) = (skip_to IS NULL)", name=op.f("ck_exchange_pages_skip")),
        sa.ForeignKeyConstraint(
            ["exchange_id"], ["exchanges.id"], name=op.f("fk_exchange_pages_exchange_id_exchanges")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_exchange_pages")),
        sqlite_autoincrement=True,
    )
    is_open = sa.text("ended_at IS NULL")
    op.create_index(
        "uq_exchange_pages_open",
        "exchange_pages",
        ["exchange_id", "mode"],
        unique=True,
        sqlite_where=is_open,
        postgresql_where=is_open,
    )


def _create_fetches() -> None:
    counts = ("pages", "records", "added", "changed", "withdrawn", "refused", "opaque")
    op.create_table(
        "exchange_fetches",
        sa.Column("id", _Id, nullable=False),
        sa.Column("exchange_id", _Id, nullable=False),
        sa.Column("mode", sa.String(10), nullable=False),
        sa.Column("started_at", UtcDateTime, nullable=False),
        sa.Column("ended_at", UtcDateTime, nullable=False),
        *[sa.Column(name, sa.Integer, nullable=False) for name in counts],
        sa.Column("error", sa.String(100)),
        sa.Column("problem", sa.String(500)),
        sa.ForeignKeyConstraint(
            ["exchange_id"], ["exchanges.id"], name=op.f("fk_exchange_fetches_exchange_id_exchanges")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_exchange_fetches")),
        sqlite_autoincrement=True,
    )
    op.create_index("ix_exchange_fetches_exchange_id", "exchange_fetches", ["exchange_id", "id"])


def _create_opinions() -> None:
    op.create_table(
        "exchange_opinions",
        sa.Column("id", _Id, nullable=False),
        sa.Column("exchange_id", _Id, nullable=False),
        sa.Column("entry_id", _Id, nullable=False),
        sa.Column("key", sa.String(300), nullable=False),
        sa.Column("handle", sa.Text, nullable=False),
        sa.Column("type", sa.String(40), nullable=False),
        sa.Column("decision_id", _Id, nullable=False),
        sa.Column("opinion", sa.String(10), nullable=False),
        sa.Column("reason", sa.String(40)),
        sa.Column("previous", sa.String(10)),
        sa.Column("state", sa.String(20), nullable=False),
        sa.Column("created_at", UtcDateTime, nullable=False),
        sa.Column("due_at", UtcDateTime),
        sa.Column("attempts", sa.Integer, nullable=False),
        sa.Column("lease_until", UtcDateTime),
        sa.Column("lease_token", sa.String(32)),
        sa.Column("acknowledged_at", UtcDateTime),
        sa.Column("last_error", sa.String(100)),
        sa.CheckConstraint("(lease_until IS NULL) = (lease_token IS NULL)", name=op.f("ck_exchange_opinions_lease")),
        sa.CheckConstraint("(due_at IS NOT NULL) = (state = 'waiting')", name=op.f("ck_exchange_opinions_due")),
        sa.ForeignKeyConstraint(
            ["exchange_id"], ["exchanges.id"], name=op.f("fk_exchange_opinions_exchange_id_exchanges")
        ),
        sa.ForeignKeyConstraint(["entry_id"], ["entries.id"], name=op.f("fk_exchange_opinions_entry_id_entries")),
        sa.ForeignKeyConstraint(
            ["decision_id"], ["decisions.id"], name=op.f("fk_exchange_opinions_decision_id_decisions")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_exchange_opinions")),
        sa.UniqueConstraint(
            "exchange_id", "key", "decision_id", name=op.f("uq_exchange_opinions_exchange_id_key_decision_id")
        ),
        sqlite_autoincrement=True,
    )
    op.create_index("ix_exchange_opinions_due_at", "exchange_opinions", ["due_at"])
    op.create_index("ix_exchange_opinions_exchange_id", "exchange_opinions", ["exchange_id", "id"])
    op.create_index("ix_exchange_opinions_decision_id", "exchange_opinions", ["decision_id"])
