"""Add the frames of videos, and how many ways a query is looked up in a bank.

No row of another table is touched: a bank of millions is migrated at once.

Revision ID: 0002
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None

_Id = sa.BigInteger().with_variant(sa.Integer, "sqlite")


def upgrade() -> None:
    op.add_column(
        "banks",
        sa.Column(
            "level",
            sa.String(20),
            sa.CheckConstraint("level IN ('exact', 'standard', 'thorough')", name=op.f("ck_banks_level")),
            nullable=False,
            server_default="standard",
        ),
    )
    op.create_table(
        "frame_lists",
        sa.Column("entry_id", _Id, autoincrement=False, nullable=False),
        sa.Column("packed", sa.LargeBinary, nullable=False),
        sa.ForeignKeyConstraint(["entry_id"], ["entries.id"], name=op.f("fk_frame_lists_entry_id_entries")),
        sa.PrimaryKeyConstraint("entry_id", name=op.f("pk_frame_lists")),
    )


def downgrade() -> None:
    """Forget the frames, and with them the videos: an entry without its frames could match nothing."""
    op.drop_table("frame_lists")
    op.execute("DELETE FROM entries WHERE signal_type = 'vpdq'")
    op.drop_column("banks", "level")
