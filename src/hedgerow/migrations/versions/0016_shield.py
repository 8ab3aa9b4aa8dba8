"""Create what Project Arachnid Shield is asked about cases; keep when readers of what is shared last read.

Revision ID: 0016
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from hedgerow.database import UtcDateTime

revision = "0016"
down_revision = "0015"
branch_labels = None
depends_on = None

_Id = sa.BigInteger().with_variant(sa.Integer, "sqlite")


def upgrade() -> None:
    op.create_table(
        "shield_account",
        sa.Column("id", sa.SmallInteger, nullable=False, autoincrement=False),
        sa.Column("is_enabled", sa.Boolean, nullable=False),
        sa.Column("environment", sa.String(20), nullable=False),
        sa.Column("base_url", sa.String(300), nullable=False),
        sa.Column("calls_per_minute", sa.Integer, nullable=False),
        sa.Column("is_null_no_match", sa.Boolean, nullable=False),
        sa.Column("armed_by", sa.String(160)),
        sa.Column("armed_at", UtcDateTime),
        sa.Column("credentials", sa.LargeBinary),
        sa.Column("credentials_by", sa.String(160)),
        sa.Column("credentials_at", UtcDateTime),
        sa.Column("stopped", sa.String(100)),
        sa.Column("next_call_at", UtcDateTime),
        sa.Column("answered_at", UtcDateTime),
        sa.CheckConstraint("id = 1", name=op.f("ck_shield_account_one_row")),
        sa.CheckConstraint("calls_per_minute > 0", name=op.f("ck_shield_account_calls_per_minute")),
        sa.CheckConstraint("(armed_by IS NULL) = (armed_at IS NULL)", name=op.f("ck_shield_account_armed")),
        sa.CheckConstraint(
            "(credentials IS NULL) = (credentials_at IS NULL)", name=op.f("ck_shield_account_credentials")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_shield_account")),
    )
    op.create_table(
        "shield_questions",
        sa.Column("id", _Id, nullable=False),
        sa.Column("case_id", _Id, nullable=False),
        sa.Column("cluster_id", _Id, nullable=False),
        sa.Column("digest", sa.LargeBinary, nullable=False),
        sa.Column("asked_by", sa.String(160), nullable=False),
        sa.Column("asked_at", UtcDateTime, nullable=False),
        sa.Column("state", sa.String(20), nullable=False),
        sa.Column("known", sa.String(40)),
        sa.Column("word", sa.String(100)),
        sa.Column("match_type", sa.String(100)),
        sa.Column("settled_at", UtcDateTime),
        sa.Column("due_at", UtcDateTime),
        sa.Column("attempts", sa.Integer, nullable=False),
        sa.Column("lease_until", UtcDateTime),
        sa.Column("lease_token", sa.String(32)),
        sa.Column("last_error", sa.String(100)),
        sa.CheckConstraint("length(digest) = 32", name=op.f("ck_shield_questions_digest")),
        sa.CheckConstraint("state IN ('waiting', 'answered', 'given_up')", name=op.f("ck_shield_questions_state")),
        sa.CheckConstraint("(state = 'answered') = (known IS NOT NULL)", name=op.f("ck_shield_questions_known")),
        sa.CheckConstraint("(state = 'waiting') = (due_at IS NOT NULL)", name=op.f("ck_shield_questions_due")),
        sa.CheckConstraint("(state = 'waiting') = (settled_at IS NULL)", name=op.f("ck_shield_questions_settled")),
        sa.CheckConstraint("(lease_until IS NULL) = (lease_token IS NULL)", name=op.f("ck_shield_questions_lease")),
        sa.ForeignKeyConstraint(["case_id"], ["cases.id"], name=op.f("fk_shield_questions_case_id_cases")),
        sa.ForeignKeyConstraint(["cluster_id"], ["clusters.id"], name=op.f("fk_shield_questions_cluster_id_clusters")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_shield_questions")),
        sqlite_autoincrement=True,
    )
    op.create_index("ix_shield_questions_case_id", "shield_questions", ["case_id"])
    op.create_index("ix_shield_questions_due_at", "shield_questions", ["due_at"])
    op.add_column("sharing_readers", sa.Column("read_at", UtcDateTime))
    op.add_column("sharing_readers", sa.Column("read_change", sa.BigInteger))


def downgrade() -> None:
    for column in ("read_change", "read_at"):
        op.drop_column("sharing_readers", column)
    for table in ("shield_questions", "shield_account"):
        op.drop_table(table)
