"""Create what HMA keeps beside a bank: contents, ratios, exchanges.

Revision ID: 0008
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from hedgerow.database import UtcDateTime

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None

_Id = sa.BigInteger().with_variant(sa.Integer, "sqlite")


def upgrade() -> None:
    op.create_table(
        "hma_banks",
        sa.Column("bank_id", _Id, nullable=False, autoincrement=False),
        sa.Column("enabled_ratio", sa.Float, nullable=False),
        sa.Column("deleted_at", UtcDateTime),
        sa.CheckConstraint("enabled_ratio BETWEEN 0 AND 1", name=op.f("ck_hma_banks_enabled_ratio")),
        sa.ForeignKeyConstraint(["bank_id"], ["banks.id"], name=op.f("fk_hma_banks_bank_id_banks")),
        sa.PrimaryKeyConstraint("bank_id", name=op.f("pk_hma_banks")),
    )
    op.create_table(
        "hma_contents",
        sa.Column("id", _Id, nullable=False),
        sa.Column("bank_id", _Id, nullable=False),
        sa.Column("disable_until_ts", sa.BigInteger, nullable=False),
        sa.Column("note", sa.Text),
        sa.Column("metadata", sa.Text),
        sa.Column("created_at", UtcDateTime, nullable=False),
        sa.CheckConstraint("disable_until_ts >= 0", name=op.f("ck_hma_contents_disable_until_ts")),
        sa.ForeignKeyConstraint(["bank_id"], ["banks.id"], name=op.f("fk_hma_contents_bank_id_banks")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_hma_contents")),
        sqlite_autoincrement=True,
    )
    op.create_index("ix_hma_contents_bank_id", "hma_contents", ["bank_id"])
    op.create_table(
        "hma_content_entries",
        sa.Column("content_id", _Id, nullable=False, autoincrement=False),
        sa.Column("entry_id", _Id, nullable=False, autoincrement=False),
        sa.Column("position", sa.SmallInteger, nullable=False),
        sa.ForeignKeyConstraint(
            ["content_id"], ["hma_contents.id"], name=op.f("fk_hma_content_entries_content_id_hma_contents")
        ),
        sa.ForeignKeyConstraint(["entry_id"], ["entries.id"], name=op.f("fk_hma_content_entries_entry_id_entries")),
        sa.PrimaryKeyConstraint("content_id", "entry_id", name=op.f("pk_hma_content_entries")),
    )
    op.create_index("ix_hma_content_entries_entry_id", "hma_content_entries", ["entry_id"])
    op.create_table(
        "hma_set_aside",
        sa.Column("content_id", _Id, nullable=False, autoincrement=False),
        sa.Column("signal_type", sa.String(100), nullable=False),
        sa.Column("value", sa.Text, nullable=False),
        sa.Column("reason", sa.String(200), nullable=False),
        sa.ForeignKeyConstraint(
            ["content_id"], ["hma_contents.id"], name=op.f("fk_hma_set_aside_content_id_hma_contents")
        ),
        sa.PrimaryKeyConstraint("content_id", "signal_type", name=op.f("pk_hma_set_aside")),
    )
    op.create_table(
        "hma_signal_types",
        sa.Column("name", sa.String(100), nullable=False),
        sa.Column("enabled_ratio", sa.Float, nullable=False),
        sa.CheckConstraint("enabled_ratio BETWEEN 0 AND 1", name=op.f("ck_hma_signal_types_enabled_ratio")),
        sa.PrimaryKeyConstraint("name", name=op.f("pk_hma_signal_types")),
    )
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


def downgrade() -> None:
    for table in (
        "hma_exchanges",
        "hma_signal_types",
        "hma_set_aside",
        "hma_content_entries",
        "hma_contents",
        "hma_banks",
    ):
        op.drop_table(table)
