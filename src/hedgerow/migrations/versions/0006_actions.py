"""Create webhook endpoints, the messages to them, and the tries that were made.

Revision ID: 0006
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from hedgerow.database import UtcDateTime

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None

_Id = sa.BigInteger().with_variant(sa.Integer, "sqlite")


def upgrade() -> None:
    op.create_table(
        "webhook_endpoints",
        sa.Column("id", _Id, nullable=False),
        sa.Column("url", sa.Text, nullable=False),
        sa.Column("secret", sa.LargeBinary, nullable=False),
        sa.Column("events", sa.Text, nullable=False),
        sa.Column("is_active", sa.Boolean, nullable=False),
        sa.Column("note", sa.Text),
        sa.Column("created_at", UtcDateTime, nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_webhook_endpoints")),
        sqlite_autoincrement=True,
    )
    op.create_table(
        "deliveries",
        sa.Column("id", _Id, nullable=False),
        sa.Column("endpoint_id", _Id, nullable=False),
        sa.Column("event", sa.String(50), nullable=False),
        sa.Column("subject_type", sa.String(50), nullable=False),
        sa.Column("subject_id", sa.String(100), nullable=False),
        sa.Column("body", sa.Text, nullable=False),
        sa.Column("created_at", UtcDateTime, nullable=False),
        sa.Column("due_at", UtcDateTime),
        sa.Column("attempts", sa.Integer, nullable=False),
        sa.Column("attempts_in_row", sa.Integer, nullable=False),
        sa.Column("lease_until", UtcDateTime),
        sa.Column("lease_token", sa.String(32)),
        sa.Column("delivered_at", UtcDateTime),
        sa.Column("gave_up_at", UtcDateTime),
        sa.Column("last_status", sa.SmallInteger),
        sa.Column("last_error", sa.String(200)),
        sa.CheckConstraint("(lease_until IS NULL) = (lease_token IS NULL)", name=op.f("ck_deliveries_lease")),
        sa.CheckConstraint("delivered_at IS NULL OR gave_up_at IS NULL", name=op.f("ck_deliveries_end")),
        sa.CheckConstraint(
            "(due_at IS NULL) = (delivered_at IS NOT NULL OR gave_up_at IS NOT NULL)", name=op.f("ck_deliveries_due")
        ),
        sa.CheckConstraint("attempts >= attempts_in_row AND attempts_in_row >= 0", name=op.f("ck_deliveries_attempts")),
        sa.ForeignKeyConstraint(
            ["endpoint_id"], ["webhook_endpoints.id"], name=op.f("fk_deliveries_endpoint_id_webhook_endpoints")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_deliveries")),
        sqlite_autoincrement=True,
    )
    op.create_index("ix_deliveries_due_at", "deliveries", ["due_at"])
    op.create_index("ix_deliveries_subject", "deliveries", ["subject_type", "subject_id"])
    op.create_index("ix_deliveries_endpoint_id", "deliveries", ["endpoint_id"])
    op.create_table(
        "delivery_attempts",
        sa.Column("id", _Id, nullable=False),
        sa.Column("delivery_id", _Id, nullable=False),
        sa.Column("at", UtcDateTime, nullable=False),
        sa.Column("status", sa.SmallInteger),
        sa.Column("error", sa.String(200)),
        sa.Column("duration_ms", sa.Integer, nullable=False),
        sa.ForeignKeyConstraint(
            ["delivery_id"], ["deliveries.id"], name=op.f("fk_delivery_attempts_delivery_id_deliveries")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_delivery_attempts")),
        sqlite_autoincrement=True,
    )
    op.create_index("ix_delivery_attempts_delivery_id", "delivery_attempts", ["delivery_id"])


def downgrade() -> None:
    op.drop_table("delivery_attempts")
    op.drop_table("deliveries")
    op.drop_table("webhook_endpoints")
