"""Create what protects people who look: their caps, their breaks, and what they opted out of.

Revision ID: 0012
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from hedgerow.database import UtcDateTime

revision = "0012"
down_revision = "0011"
branch_labels = None
depends_on = None

_Id = sa.BigInteger().with_variant(sa.Integer, "sqlite")


def upgrade() -> None:
    op.create_table(
        "exposure_caps",
        sa.Column("user_id", _Id, nullable=False, autoincrement=False),
        sa.Column("cap", sa.Integer, nullable=False),
        sa.Column("set_by", sa.String(160), nullable=False),
        sa.Column("set_at", UtcDateTime, nullable=False),
        sa.CheckConstraint("cap BETWEEN 0 AND 1000", name=op.f("ck_exposure_caps_cap")),
        sa.ForeignKeyConstraint(["user_id"], ["users.id"], name=op.f("fk_exposure_caps_user_id_users")),
        sa.PrimaryKeyConstraint("user_id", name=op.f("pk_exposure_caps")),
    )
    op.create_table(
        "exposure_breaks",
        sa.Column("user_id", _Id, nullable=False, autoincrement=False),
        sa.Column("until", UtcDateTime, nullable=False),
        sa.ForeignKeyConstraint(["user_id"], ["users.id"], name=op.f("fk_exposure_breaks_user_id_users")),
        sa.PrimaryKeyConstraint("user_id", name=op.f("pk_exposure_breaks")),
    )
    op.create_table(
        "exposure_opt_outs",
        sa.Column("user_id", _Id, nullable=False, autoincrement=False),
        sa.Column("category", sa.String(100), nullable=False),
        sa.ForeignKeyConstraint(["user_id"], ["users.id"], name=op.f("fk_exposure_opt_outs_user_id_users")),
        sa.PrimaryKeyConstraint("user_id", "category", name=op.f("pk_exposure_opt_outs")),
    )
    op.create_table(
        "exposure_looks",
        sa.Column("reveal", sa.String(64), nullable=False),
        sa.Column("begun_at", UtcDateTime, nullable=False),
        sa.Column("shown_at", UtcDateTime),
        sa.PrimaryKeyConstraint("reveal", name=op.f("pk_exposure_looks")),
    )
    op.create_index("ix_exposure_looks_begun_at", "exposure_looks", ["begun_at"])
    op.create_index("ix_matches_category", "matches", ["category"])


def downgrade() -> None:
    op.drop_index("ix_matches_category", "matches")
    op.drop_table("exposure_looks")
    op.drop_table("exposure_opt_outs")
    op.drop_table("exposure_breaks")
    op.drop_table("exposure_caps")
