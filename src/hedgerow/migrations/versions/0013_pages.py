"""Create the indexes by which pages find what they show, however much there is beside it.

Revision ID: 0013
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0013"
down_revision = "0012"
branch_labels = None
depends_on = None

_PARTIAL = (
    (
        "ix_deliveries_unconfirmed",
        "deliveries",
        ["id", "endpoint_id", "gave_up_at", "created_at"],
        "delivered_at IS NULL",
    ),
    (
        "ix_decisions_confirmed",
        "decisions",
        ["case_id", "effected_at", "cluster_id"],
        "verdict = 'confirmed' AND effected_at IS NOT NULL",
    ),
    ("ix_evidence_missing_reason", "evidence", ["missing_reason", "case_id"], "missing_reason IS NOT NULL"),
)


def upgrade() -> None:
    for name, table, columns, condition in _PARTIAL:
        where = sa.text(condition)
        op.create_index(name, table, columns, sqlite_where=where, postgresql_where=where)
    op.create_index("ix_decisions_stage_decided_at", "decisions", ["stage", "decided_at"])
    op.create_index("ix_evidence_state_id", "evidence", ["state", "id"])
    op.create_index("ix_cases_state_state_changed_at_id", "cases", ["state", "state_changed_at", "id"])
    op.drop_index("ix_cases_state_changed_at", "cases")
    op.create_index("ix_reports_case_id_environment", "reports", ["case_id", "environment"])
    op.drop_index("ix_reports_case_id", "reports")


def downgrade() -> None:
    op.create_index("ix_reports_case_id", "reports", ["case_id"])
    op.drop_index("ix_reports_case_id_environment", "reports")
    op.create_index("ix_cases_state_changed_at", "cases", ["state_changed_at"])
    op.drop_index("ix_cases_state_state_changed_at_id", "cases")
    op.drop_index("ix_evidence_state_id", "evidence")
    op.drop_index("ix_decisions_stage_decided_at", "decisions")
    for name, table, *_ in _PARTIAL:
        op.drop_index(name, table)
