"""Create the ledger of signals and the look-backs.

Revision ID: 0007
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from hedgerow.database import UtcDateTime

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None

_Id = sa.BigInteger().with_variant(sa.Integer, "sqlite")


def upgrade() -> None:
    op.create_table(
        "ledger_rows",
        sa.Column("id", _Id, nullable=False),
        sa.Column("submission_id", _Id, nullable=False),
        sa.Column("packed", sa.LargeBinary, nullable=False),
        sa.Column("recorded_at", UtcDateTime, nullable=False),
        sa.Column("keep_until", UtcDateTime, nullable=False),
        sa.Column("is_behind", sa.Boolean),
        sa.CheckConstraint("is_behind", name=op.f("ck_ledger_rows_is_behind")),
        sa.CheckConstraint("length(packed) > 0", name=op.f("ck_ledger_rows_packed")),
        sa.ForeignKeyConstraint(
            ["submission_id"], ["submissions.id"], name=op.f("fk_ledger_rows_submission_id_submissions")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_ledger_rows")),
        sa.UniqueConstraint("submission_id", name=op.f("uq_ledger_rows_submission_id")),
        sqlite_autoincrement=True,
    )
    op.create_index("ix_ledger_rows_keep_until", "ledger_rows", ["keep_until"])
    op.create_index("ix_ledger_rows_is_behind", "ledger_rows", ["is_behind"])
    op.create_table(
        "look_backs",
        sa.Column("id", _Id, nullable=False),
        sa.Column("bank_id", _Id, nullable=False),
        sa.Column("entry_ids", sa.Text),
        sa.Column("since_sequence", sa.BigInteger),
        sa.Column("until_sequence", sa.BigInteger),
        sa.Column("is_collecting", sa.Boolean),
        sa.Column("state", sa.String(10), nullable=False),
        sa.Column("requested_by", sa.String(160), nullable=False),
        sa.Column("requested_at", UtcDateTime, nullable=False),
        sa.Column("started_at", UtcDateTime),
        sa.Column("ended_at", UtcDateTime),
        sa.Column("cursor", sa.BigInteger, nullable=False),
        sa.Column("until_id", sa.BigInteger),
        sa.Column("total", sa.BigInteger),
        sa.Column("checked", sa.BigInteger, nullable=False),
        sa.Column("unreadable", sa.BigInteger, nullable=False),
        sa.Column("found", sa.BigInteger, nullable=False),
        sa.Column("due_at", UtcDateTime),
        sa.Column("lease_until", UtcDateTime),
        sa.Column("lease_token", sa.String(32)),
        sa.Column("attempts", sa.Integer, nullable=False),
        sa.Column("last_error", sa.String(60)),
        sa.CheckConstraint("is_collecting", name=op.f("ck_look_backs_is_collecting")),
        sa.CheckConstraint("is_collecting IS NULL OR since_sequence IS NOT NULL", name=op.f("ck_look_backs_collects")),
        sa.CheckConstraint("state IN ('waiting', 'running', 'done', 'stopped')", name=op.f("ck_look_backs_state")),
        sa.CheckConstraint("entry_ids IS NULL OR since_sequence IS NULL", name=op.f("ck_look_backs_entries")),
        sa.CheckConstraint("(lease_until IS NULL) = (lease_token IS NULL)", name=op.f("ck_look_backs_lease")),
        sa.CheckConstraint("(due_at IS NULL) = (state IN ('done', 'stopped'))", name=op.f("ck_look_backs_due")),
        sa.CheckConstraint("(ended_at IS NULL) = (due_at IS NOT NULL)", name=op.f("ck_look_backs_end")),
        sa.CheckConstraint(
            "checked >= 0 AND unreadable >= 0 AND found >= 0 AND attempts >= 0", name=op.f("ck_look_backs_counts")
        ),
        sa.ForeignKeyConstraint(["bank_id"], ["banks.id"], name=op.f("fk_look_backs_bank_id_banks")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_look_backs")),
        sa.UniqueConstraint("bank_id", "is_collecting", name=op.f("uq_look_backs_bank_id_is_collecting")),
        sqlite_autoincrement=True,
    )
    op.create_index("ix_look_backs_due_at", "look_backs", ["due_at"])
    op.create_index("ix_look_backs_bank_id", "look_backs", ["bank_id"])


def downgrade() -> None:
    op.drop_table("look_backs")
    op.drop_table("ledger_rows")
