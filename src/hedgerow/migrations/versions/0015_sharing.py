"""Create what is shared with other Hedgerows, who may read it, and what readers said.

Revision ID: 0015
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from hedgerow.database import UtcDateTime

revision = "0015"
down_revision = "0014"
branch_labels = None
depends_on = None

_Id = sa.BigInteger().with_variant(sa.Integer, "sqlite")


def upgrade() -> None:
    op.create_table(
        "sharings",
        sa.Column("id", _Id, nullable=False),
        sa.Column("bank_id", _Id, nullable=False),
        sa.Column("name", sa.String(100), nullable=False),
        sa.Column("note", sa.Text),
        sa.Column("is_enabled", sa.Boolean, nullable=False),
        sa.Column("may_redistribute", sa.Boolean, nullable=False),
        sa.Column("created_by", sa.String(160), nullable=False),
        sa.Column("created_at", UtcDateTime, nullable=False),
        sa.ForeignKeyConstraint(["bank_id"], ["banks.id"], name=op.f("fk_sharings_bank_id_banks")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_sharings")),
        sa.UniqueConstraint("name", name=op.f("uq_sharings_name")),
        sqlite_autoincrement=True,
    )
    op.create_index("ix_sharings_bank_id", "sharings", ["bank_id"])
    op.create_table(
        "sharing_readers",
        sa.Column("sharing_id", _Id, nullable=False, autoincrement=False),
        sa.Column("key_id", _Id, nullable=False, autoincrement=False),
        sa.Column("may_state_opinions", sa.Boolean, nullable=False),
        sa.Column("added_by", sa.String(160), nullable=False),
        sa.Column("added_at", UtcDateTime, nullable=False),
        sa.ForeignKeyConstraint(["sharing_id"], ["sharings.id"], name=op.f("fk_sharing_readers_sharing_id_sharings")),
        sa.ForeignKeyConstraint(["key_id"], ["api_keys.id"], name=op.f("fk_sharing_readers_key_id_api_keys")),
        sa.PrimaryKeyConstraint("sharing_id", "key_id", name=op.f("pk_sharing_readers")),
    )
    op.create_index("ix_sharing_readers_key_id", "sharing_readers", ["key_id"])
    op.create_table(
        "sharing_opinions",
        sa.Column("id", _Id, nullable=False),
        sa.Column("sharing_id", _Id, nullable=False),
        sa.Column("entry_id", _Id, nullable=False),
        sa.Column("key_id", _Id, nullable=False),
        sa.Column("opinion", sa.String(10), nullable=False),
        sa.Column("reason", sa.Text),
        sa.Column("token", sa.String(200), nullable=False),
        sa.Column("stated_at", UtcDateTime, nullable=False),
        sa.CheckConstraint("opinion IN ('seen', 'agree', 'dispute', 'none')", name=op.f("ck_sharing_opinions_opinion")),
        sa.ForeignKeyConstraint(["sharing_id"], ["sharings.id"], name=op.f("fk_sharing_opinions_sharing_id_sharings")),
        sa.ForeignKeyConstraint(["entry_id"], ["entries.id"], name=op.f("fk_sharing_opinions_entry_id_entries")),
        sa.ForeignKeyConstraint(["key_id"], ["api_keys.id"], name=op.f("fk_sharing_opinions_key_id_api_keys")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_sharing_opinions")),
        sa.UniqueConstraint("key_id", "token", name=op.f("uq_sharing_opinions_key_id_token")),
        sqlite_autoincrement=True,
    )
    op.create_index("ix_sharing_opinions_sharing_id", "sharing_opinions", ["sharing_id", "id"])
    op.create_index("ix_sharing_opinions_entry_id", "sharing_opinions", ["entry_id"])


def downgrade() -> None:
    for table in ("sharing_opinions", "sharing_readers", "sharings"):
        op.drop_table(table)
