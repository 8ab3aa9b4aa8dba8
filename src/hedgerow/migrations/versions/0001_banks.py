"""Create the banks, their entries, and the counter of their changes.

Revision ID: 0001
"""

from __future__ import annotations

import secrets

import sqlalchemy as sa
from alembic import op

from hedgerow.database import UtcDateTime

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None

_Id = sa.BigInteger().with_variant(sa.Integer, "sqlite")


def upgrade() -> None:
    op.create_table(
        "banks",
        sa.Column("id", _Id, nullable=False),
        sa.Column("name", sa.String(100), nullable=False),
        sa.Column("threshold", sa.SmallInteger, nullable=False),
        sa.Column("minimum_quality", sa.SmallInteger, nullable=False),
        sa.Column("is_enabled", sa.Boolean, nullable=False),
        sa.Column("created_at", UtcDateTime, nullable=False),
        sa.Column("note", sa.Text),
        sa.CheckConstraint("threshold BETWEEN 0 AND 64", name=op.f("ck_banks_threshold")),
        sa.CheckConstraint("minimum_quality BETWEEN 0 AND 100", name=op.f("ck_banks_minimum_quality")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_banks")),
        sa.UniqueConstraint("name", name=op.f("uq_banks_name")),
        sqlite_autoincrement=True,
    )
    op.create_table(
        "entries",
        sa.Column("id", _Id, nullable=False),
        sa.Column("bank_id", _Id, nullable=False),
        sa.Column("sequence", sa.BigInteger, nullable=False),
        sa.Column("signal_type", sa.String(32), nullable=False),
        sa.Column("bits", sa.LargeBinary, nullable=False),
        sa.Column("quality", sa.SmallInteger),
        sa.Column("made_by", sa.String(100), nullable=False),
        sa.Column("variant", sa.String(200), nullable=False),
        sa.Column("provenance", sa.String(100), nullable=False),
        sa.Column("contributor", sa.String(200)),
        sa.Column("external_id", sa.String(200)),
        sa.Column("category", sa.String(100)),
        sa.Column("note", sa.Text),
        sa.Column("may_be_redistributed", sa.Boolean, nullable=False),
        sa.Column("added_at", UtcDateTime, nullable=False),
        sa.Column("withdrawn_at", UtcDateTime),
        sa.Column("withdrawn_reason", sa.Text),
        sa.CheckConstraint("quality BETWEEN 0 AND 100", name=op.f("ck_entries_quality")),
        sa.CheckConstraint(
            "CASE signal_type WHEN 'pdq' THEN length(bits) = 32 WHEN 'sha256' THEN length(bits) = 32 "
            "WHEN 'sha1' THEN length(bits) = 20 WHEN 'md5' THEN length(bits) = 16 ELSE length(bits) > 0 END",
            name=op.f("ck_entries_bits"),
        ),
        sa.ForeignKeyConstraint(["bank_id"], ["banks.id"], name=op.f("fk_entries_bank_id_banks")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_entries")),
        sqlite_autoincrement=True,
    )
    for name, is_unique, condition in (
        ("uq_entries_live", True, sa.text("withdrawn_at IS NULL")),
        ("ix_entries_withdrawn", False, sa.text("withdrawn_at IS NOT NULL")),
    ):
        op.create_index(
            name,
            "entries",
            ["bank_id", "signal_type", "bits"],
            unique=is_unique,
            sqlite_where=condition,
            postgresql_where=condition,
        )
    op.create_index("ix_entries_bank_id_sequence", "entries", ["bank_id", "sequence"])
    changes = op.create_table(
        "bank_changes",
        sa.Column("id", sa.SmallInteger, autoincrement=False, nullable=False),
        sa.Column("sequence", sa.BigInteger, nullable=False),
        sa.Column("epoch", sa.String(32), nullable=False),
        sa.CheckConstraint("id = 1", name=op.f("ck_bank_changes_one_row")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_bank_changes")),
    )
    op.bulk_insert(changes, [{"id": 1, "sequence": 0, "epoch": secrets.token_hex(8)}])


def downgrade() -> None:
    op.drop_table("bank_changes")
    op.drop_table("entries")
    op.drop_table("banks")
