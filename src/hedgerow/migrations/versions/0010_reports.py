"""Create reports, their files, the calls to the authority, its credentials, and who armed it.

Revision ID: 0010
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from hedgerow.database import UtcDateTime

revision = "0010"
down_revision = "0009"
branch_labels = None
depends_on = None

_Id = sa.BigInteger().with_variant(sa.Integer, "sqlite")
_ACTOR = 160


def upgrade() -> None:
    op.create_table(
        "reports",
        sa.Column("id", _Id, nullable=False),
        sa.Column("case_id", _Id, nullable=False),
        sa.Column("authority", sa.String(40), nullable=False),
        sa.Column("environment", sa.String(10), nullable=False),
        sa.Column("namespace", sa.String(64), nullable=False),
        sa.Column("account_id", sa.String(255)),
        sa.Column("state", sa.String(20), nullable=False),
        sa.Column("content", sa.Text, nullable=False),
        sa.Column("revision", sa.Integer, nullable=False),
        sa.Column("authors", sa.Text, nullable=False),
        sa.Column("created_at", UtcDateTime, nullable=False),
        sa.Column("updated_at", UtcDateTime, nullable=False),
        sa.Column("document", sa.LargeBinary),
        sa.Column("document_sha256", sa.String(64)),
        sa.Column("basis_sha256", sa.String(64)),
        sa.Column("approved_by", sa.String(_ACTOR)),
        sa.Column("approved_at", UtcDateTime),
        sa.Column("is_solo", sa.Boolean, nullable=False),
        sa.Column("declaration", sa.Text),
        sa.Column("effective_at", UtcDateTime),
        sa.Column("voided", sa.String(40)),
        sa.Column("deadline_at", UtcDateTime, nullable=False),
        sa.Column("alarm_level", sa.SmallInteger, nullable=False),
        sa.Column("alarmed_at", UtcDateTime),
        sa.Column("alarm_due_at", UtcDateTime),
        sa.Column("due_at", UtcDateTime),
        sa.Column("lease_until", UtcDateTime),
        sa.Column("lease_token", sa.String(32)),
        sa.Column("round", sa.Integer, nullable=False),
        sa.Column("external_id", sa.String(100)),
        sa.Column("opened_at", UtcDateTime),
        sa.Column("touched_at", UtcDateTime),
        sa.Column("has_asked_to_finish", sa.Boolean, nullable=False),
        sa.Column("intent_id", _Id),
        sa.Column("ending", sa.String(20)),
        sa.Column("ending_trouble", sa.String(40)),
        sa.Column("failures", sa.Integer, nullable=False),
        sa.Column("repeats", sa.Integer, nullable=False),
        sa.Column("heard", sa.Integer),
        sa.Column("orphans", sa.Integer, nullable=False),
        sa.Column("trouble", sa.String(40)),
        sa.Column("element", sa.String(100)),
        sa.Column("filed_at", UtcDateTime),
        sa.Column("filed_how", sa.String(20)),
        sa.Column("filed_by", sa.String(_ACTOR)),
        sa.Column("request_id", sa.String(200)),
        sa.Column("preservation", sa.String(20), nullable=False),
        sa.Column("preservation_due_at", UtcDateTime),
        sa.Column("preservation_failures", sa.Integer, nullable=False),
        sa.Column("closed_by", sa.String(_ACTOR)),
        sa.Column("close_reason", sa.Text),
        sa.Column("discharged_by", _Id),
        sa.CheckConstraint("(state = 'filed') = (filed_at IS NOT NULL)", name=op.f("ck_reports_filed_at")),
        sa.CheckConstraint("(state = 'needs_person') = (trouble IS NOT NULL)", name=op.f("ck_reports_needs_person")),
        sa.CheckConstraint("ending IN ('again', 'person', 'draft', 'retracted')", name=op.f("ck_reports_ending")),
        sa.CheckConstraint("environment IN ('test', 'production')", name=op.f("ck_reports_environment")),
        sa.CheckConstraint("filed_how IN ('finish', 'retract', 'person')", name=op.f("ck_reports_filed_how")),
        sa.CheckConstraint("preservation IN ('none', 'pending', 'sealed')", name=op.f("ck_reports_preservation")),
        sa.CheckConstraint(
            "state <> 'filed' OR (external_id IS NOT NULL AND filed_how IS NOT NULL)", name=op.f("ck_reports_filed")
        ),
        sa.CheckConstraint(
            "state IN ('draft', 'approved', 'opening', 'opened', 'uploading', 'finishing', 'filed', 'retracted', "
            "'needs_person', 'withdrawn')",
            name=op.f("ck_reports_state"),
        ),
        sa.CheckConstraint(
            "state IN ('draft', 'withdrawn', 'filed') OR (document IS NOT NULL AND approved_by IS NOT NULL)",
            name=op.f("ck_reports_document"),
        ),
        sa.CheckConstraint("state NOT IN ('draft', 'withdrawn') OR external_id IS NULL", name=op.f("ck_reports_draft")),
        sa.CheckConstraint("(approved_by IS NULL) = (approved_at IS NULL)", name=op.f("ck_reports_approved")),
        sa.CheckConstraint("(lease_until IS NULL) = (lease_token IS NULL)", name=op.f("ck_reports_lease")),
        sa.CheckConstraint("ending IS NULL OR external_id IS NOT NULL", name=op.f("ck_reports_ending_of")),
        sa.CheckConstraint("is_solo = (declaration IS NOT NULL)", name=op.f("ck_reports_declaration")),
        sa.CheckConstraint(
            "revision > 0 AND round >= 0 AND failures >= 0 AND alarm_level >= 0", name=op.f("ck_reports_counts")
        ),
        sa.ForeignKeyConstraint(["case_id"], ["cases.id"], name=op.f("fk_reports_case_id_cases")),
        sa.ForeignKeyConstraint(["discharged_by"], ["reports.id"], name=op.f("fk_reports_discharged_by_reports")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_reports")),
        sqlite_autoincrement=True,
    )
    op.create_index("ix_reports_account", "reports", ["namespace", "account_id"])
    op.create_index("ix_reports_alarm_due_at", "reports", ["alarm_due_at"])
    op.create_index("ix_reports_case_id", "reports", ["case_id"])
    op.create_index("ix_reports_due_at", "reports", ["due_at"])
    op.create_table(
        "report_files",
        sa.Column("id", _Id, nullable=False),
        sa.Column("report_id", _Id, nullable=False),
        sa.Column("revision", sa.Integer, nullable=False),
        sa.Column("position", sa.Integer, nullable=False),
        sa.Column("evidence_id", _Id, nullable=False),
        sa.Column("name", sa.String(255)),
        sa.Column("size_bytes", sa.BigInteger, nullable=False),
        sa.Column("md5", sa.String(32), nullable=False),
        sa.Column("sha256", sa.String(64), nullable=False),
        sa.Column("details", sa.Text, nullable=False),
        sa.Column("template", sa.LargeBinary),
        sa.Column("external_id", sa.String(100)),
        sa.Column("is_described", sa.Boolean, nullable=False),
        sa.Column("mismatches", sa.Integer, nullable=False),
        sa.CheckConstraint("NOT is_described OR external_id IS NOT NULL", name=op.f("ck_report_files_is_described")),
        sa.CheckConstraint("length(md5) = 32 AND length(sha256) = 64", name=op.f("ck_report_files_digests")),
        sa.ForeignKeyConstraint(["evidence_id"], ["evidence.id"], name=op.f("fk_report_files_evidence_id_evidence")),
        sa.ForeignKeyConstraint(["report_id"], ["reports.id"], name=op.f("fk_report_files_report_id_reports")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_report_files")),
        sa.UniqueConstraint(
            "report_id", "revision", "position", name=op.f("uq_report_files_report_id_revision_position")
        ),
        sqlite_autoincrement=True,
    )
    op.create_index("ix_report_files_evidence_id", "report_files", ["evidence_id"])
    op.create_table(
        "report_calls",
        sa.Column("id", _Id, nullable=False),
        sa.Column("report_id", _Id),
        sa.Column("authority", sa.String(40), nullable=False),
        sa.Column("environment", sa.String(10), nullable=False),
        sa.Column("round", sa.Integer, nullable=False),
        sa.Column("external_id", sa.String(100)),
        sa.Column("call", sa.String(20), nullable=False),
        sa.Column("position", sa.Integer),
        sa.Column("begun_at", UtcDateTime, nullable=False),
        sa.Column("answered_at", UtcDateTime),
        sa.Column("outcome", sa.String(20)),
        sa.Column("code", sa.Integer),
        sa.Column("status", sa.SmallInteger),
        sa.Column("request_id", sa.String(200)),
        sa.Column("duration_ms", sa.Integer),
        sa.Column("problem", sa.String(100)),
        sa.CheckConstraint(
            "call IN ('status', 'submit', 'upload', 'fileinfo', 'finish', 'retract')", name=op.f("ck_report_calls_call")
        ),
        sa.CheckConstraint("environment IN ('test', 'production')", name=op.f("ck_report_calls_environment")),
        sa.CheckConstraint(
            "outcome IN ('answered', 'lost', 'not_sent', 'unauthorized', 'unexpected', 'source')",
            name=op.f("ck_report_calls_outcome"),
        ),
        sa.CheckConstraint("(answered_at IS NULL) = (outcome IS NULL)", name=op.f("ck_report_calls_answered_at")),
        sa.ForeignKeyConstraint(["report_id"], ["reports.id"], name=op.f("fk_report_calls_report_id_reports")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_report_calls")),
        sqlite_autoincrement=True,
    )
    op.create_index("ix_report_calls_report_id", "report_calls", ["report_id"])
    op.create_table(
        "report_credentials",
        sa.Column("id", _Id, nullable=False),
        sa.Column("authority", sa.String(40), nullable=False),
        sa.Column("environment", sa.String(10), nullable=False),
        sa.Column("username", sa.LargeBinary, nullable=False),
        sa.Column("password", sa.LargeBinary, nullable=False),
        sa.Column("set_by", sa.String(_ACTOR), nullable=False),
        sa.Column("set_at", UtcDateTime, nullable=False),
        sa.Column("stopped_at", UtcDateTime),
        sa.Column("stopped_reason", sa.String(40)),
        sa.CheckConstraint("environment IN ('test', 'production')", name=op.f("ck_report_credentials_environment")),
        sa.CheckConstraint(
            "(stopped_at IS NULL) = (stopped_reason IS NULL)", name=op.f("ck_report_credentials_stopped")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_report_credentials")),
        sa.UniqueConstraint("authority", "environment", name=op.f("uq_report_credentials_authority_environment")),
        sqlite_autoincrement=True,
    )
    op.create_table(
        "report_arming",
        sa.Column("id", _Id, nullable=False),
        sa.Column("authority", sa.String(40), nullable=False),
        sa.Column("first_by", sa.String(_ACTOR), nullable=False),
        sa.Column("first_at", UtcDateTime, nullable=False),
        sa.Column("expires_at", UtcDateTime),
        sa.Column("second_by", sa.String(_ACTOR)),
        sa.Column("second_at", UtcDateTime),
        sa.Column("declaration", sa.Text),
        sa.Column("effective_at", UtcDateTime),
        sa.Column("disarmed_by", sa.String(_ACTOR)),
        sa.Column("disarmed_at", UtcDateTime),
        sa.CheckConstraint("(disarmed_by IS NULL) = (disarmed_at IS NULL)", name=op.f("ck_report_arming_disarmed")),
        sa.CheckConstraint("(second_by IS NULL) = (effective_at IS NULL)", name=op.f("ck_report_arming_effective_at")),
        sa.CheckConstraint("(second_by IS NULL) = (second_at IS NULL)", name=op.f("ck_report_arming_second_by")),
        sa.CheckConstraint(
            "second_by IS NULL OR (second_by <> first_by) = (declaration IS NULL)",
            name=op.f("ck_report_arming_two_people"),
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_report_arming")),
        sqlite_autoincrement=True,
    )


def downgrade() -> None:
    op.drop_table("report_arming")
    op.drop_table("report_credentials")
    op.drop_table("report_calls")
    op.drop_table("report_files")
    op.drop_table("reports")
