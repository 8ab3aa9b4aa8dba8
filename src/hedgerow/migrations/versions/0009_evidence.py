"""Create what is kept as evidence, its holds, the requests of two people, certificates and custodians.

Revision ID: 0009
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from hedgerow.database import UtcDateTime

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None

_Id = sa.BigInteger().with_variant(sa.Integer, "sqlite")
_ACTOR = 160


def upgrade() -> None:
    op.create_table(
        "evidence",
        sa.Column("id", _Id, nullable=False),
        sa.Column("case_id", _Id, nullable=False),
        sa.Column("submission_id", _Id),
        sa.Column("kind", sa.String(20), nullable=False),
        sa.Column("name", sa.String(255), nullable=False),
        sa.Column("media_type", sa.String(100)),
        sa.Column("size_bytes", sa.BigInteger),
        sa.Column("md5", sa.LargeBinary),
        sa.Column("sha1", sa.LargeBinary),
        sa.Column("sha256", sa.LargeBinary),
        sa.Column("pdq", sa.LargeBinary),
        sa.Column("uploaded_at", UtcDateTime),
        sa.Column("object", sa.String(32)),
        sa.Column("stored_bytes", sa.BigInteger),
        sa.Column("cipher_sha256", sa.LargeBinary),
        sa.Column("wrapped", sa.LargeBinary),
        sa.Column("sealed", sa.LargeBinary),
        sa.Column("state", sa.String(20), nullable=False),
        sa.Column("missing_reason", sa.String(20)),
        sa.Column("kept_at", UtcDateTime, nullable=False),
        sa.Column("report_id", _Id),
        sa.Column("filed_at", UtcDateTime),
        sa.Column("sealed_at", UtcDateTime),
        sa.Column("retain_until", UtcDateTime),
        sa.Column("removal", sa.String(20)),
        sa.Column("removal_reference", sa.String(200)),
        sa.Column("removed_by", sa.String(_ACTOR)),
        sa.Column("removal_agreed_by", sa.String(_ACTOR)),
        sa.Column("removal_began_at", UtcDateTime),
        sa.Column("destroyed_at", UtcDateTime),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_evidence")),
        sa.ForeignKeyConstraint(["case_id"], ["cases.id"], name=op.f("fk_evidence_case_id_cases")),
        sa.ForeignKeyConstraint(
            ["submission_id"], ["submissions.id"], name=op.f("fk_evidence_submission_id_submissions")
        ),
        sa.UniqueConstraint("submission_id", name=op.f("uq_evidence_submission_id")),
        sa.UniqueConstraint("object", name=op.f("uq_evidence_object")),
        sa.CheckConstraint("kind IN ('media', 'attachment')", name=op.f("ck_evidence_kind")),
        sa.CheckConstraint(
            "state IN ('kept', 'sealed', 'missing', 'destroying', 'destroyed')", name=op.f("ck_evidence_state")
        ),
        sa.CheckConstraint(
            "missing_reason IN ('signals_only', 'not_kept', 'vault_failed')", name=op.f("ck_evidence_missing_reason")
        ),
        sa.CheckConstraint(
            "removal IN ('expiry', 'not_a_match', 'erasure', 'decision', 'law_enforcement')",
            name=op.f("ck_evidence_removal"),
        ),
        sa.CheckConstraint("(kind = 'media') = (submission_id IS NOT NULL)", name=op.f("ck_evidence_submission_id")),
        sa.CheckConstraint("(state = 'missing') = (missing_reason IS NOT NULL)", name=op.f("ck_evidence_missing")),
        sa.CheckConstraint("(state = 'kept') = (wrapped IS NOT NULL)", name=op.f("ck_evidence_wrapped")),
        sa.CheckConstraint("(state = 'sealed') = (sealed IS NOT NULL)", name=op.f("ck_evidence_sealed")),
        sa.CheckConstraint("state = 'missing' OR object IS NOT NULL", name=op.f("ck_evidence_object")),
        sa.CheckConstraint(
            "(state IN ('destroying', 'destroyed')) = (removal IS NOT NULL)", name=op.f("ck_evidence_removal_state")
        ),
        sa.CheckConstraint("(state = 'destroyed') = (destroyed_at IS NOT NULL)", name=op.f("ck_evidence_destroyed_at")),
        sa.CheckConstraint("(filed_at IS NULL) = (report_id IS NULL)", name=op.f("ck_evidence_filed_at")),
        sa.CheckConstraint("length(md5) = 16", name=op.f("ck_evidence_md5")),
        sa.CheckConstraint("length(sha1) = 20", name=op.f("ck_evidence_sha1")),
        sa.CheckConstraint("length(sha256) = 32", name=op.f("ck_evidence_sha256")),
        sa.CheckConstraint("length(pdq) = 32", name=op.f("ck_evidence_pdq")),
        sa.CheckConstraint("length(cipher_sha256) = 32", name=op.f("ck_evidence_cipher_sha256")),
        sqlite_autoincrement=True,
    )
    op.create_index("ix_evidence_case_id", "evidence", ["case_id"])
    op.create_index("ix_evidence_state_filed_at", "evidence", ["state", "filed_at"])
    op.create_index("ix_evidence_retain_until", "evidence", ["retain_until"])
    op.create_table(
        "evidence_derivatives",
        sa.Column("id", _Id, nullable=False),
        sa.Column("evidence_id", _Id, nullable=False),
        sa.Column("form", sa.String(20), nullable=False),
        sa.Column("object", sa.String(32), nullable=False),
        sa.Column("wrapped", sa.LargeBinary, nullable=False),
        sa.Column("media_type", sa.String(100), nullable=False),
        sa.Column("size_bytes", sa.BigInteger, nullable=False),
        sa.Column("made_at", UtcDateTime, nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_evidence_derivatives")),
        sa.ForeignKeyConstraint(
            ["evidence_id"], ["evidence.id"], name=op.f("fk_evidence_derivatives_evidence_id_evidence")
        ),
        sa.UniqueConstraint("object", name=op.f("uq_evidence_derivatives_object")),
        sqlite_autoincrement=True,
    )
    op.create_index("ix_evidence_derivatives_evidence_id", "evidence_derivatives", ["evidence_id"])
    op.create_table(
        "evidence_intents",
        sa.Column("object", sa.String(32), nullable=False),
        sa.Column("begun_at", UtcDateTime, nullable=False),
        sa.PrimaryKeyConstraint("object", name=op.f("pk_evidence_intents")),
    )
    op.create_index("ix_evidence_intents_begun_at", "evidence_intents", ["begun_at"])
    op.create_table(
        "evidence_holds",
        sa.Column("id", _Id, nullable=False),
        sa.Column("evidence_id", _Id, nullable=False),
        sa.Column("kind", sa.String(20), nullable=False),
        sa.Column("until", UtcDateTime),
        sa.Column("reason", sa.Text),
        sa.Column("reference", sa.String(200)),
        sa.Column("placed_at", UtcDateTime, nullable=False),
        sa.Column("placed_by", sa.String(_ACTOR), nullable=False),
        sa.Column("lifted_at", UtcDateTime),
        sa.Column("lifted_by", sa.String(_ACTOR)),
        sa.Column("lifting_agreed_by", sa.String(_ACTOR)),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_evidence_holds")),
        sa.ForeignKeyConstraint(["evidence_id"], ["evidence.id"], name=op.f("fk_evidence_holds_evidence_id_evidence")),
        sa.CheckConstraint(
            "kind IN ('filing', 'extension', 'legal', 'law_enforcement')", name=op.f("ck_evidence_holds_kind")
        ),
        sa.CheckConstraint(
            "kind <> 'filing' OR (until IS NOT NULL AND lifted_at IS NULL)", name=op.f("ck_evidence_holds_filing")
        ),
        sa.CheckConstraint("(lifted_at IS NULL) = (lifted_by IS NULL)", name=op.f("ck_evidence_holds_lifted_by")),
        sa.CheckConstraint(
            "lifted_by IS NULL OR lifted_by <> lifting_agreed_by", name=op.f("ck_evidence_holds_lifting_agreed_by")
        ),
        sqlite_autoincrement=True,
    )
    op.create_index("ix_evidence_holds_evidence_id", "evidence_holds", ["evidence_id"])
    op.create_table(
        "evidence_requests",
        sa.Column("id", _Id, nullable=False),
        sa.Column("kind", sa.String(20), nullable=False),
        sa.Column("subjects", sa.Text, nullable=False),
        sa.Column("reason", sa.Text, nullable=False),
        sa.Column("reference", sa.String(200)),
        sa.Column("removal", sa.String(20)),
        sa.Column("asked_by", sa.String(_ACTOR), nullable=False),
        sa.Column("asked_at", UtcDateTime, nullable=False),
        sa.Column("expires_at", UtcDateTime, nullable=False),
        sa.Column("agreed_by", sa.String(_ACTOR)),
        sa.Column("agreed_at", UtcDateTime),
        sa.Column("done_at", UtcDateTime),
        sa.Column("withdrawn_at", UtcDateTime),
        sa.Column("withdrawn_by", sa.String(_ACTOR)),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_evidence_requests")),
        sa.CheckConstraint("kind IN ('open', 'lift', 'destroy')", name=op.f("ck_evidence_requests_kind")),
        sa.CheckConstraint("removal IN ('decision', 'law_enforcement')", name=op.f("ck_evidence_requests_removal")),
        sa.CheckConstraint("(kind = 'destroy') = (removal IS NOT NULL)", name=op.f("ck_evidence_requests_destroy")),
        sa.CheckConstraint("(agreed_at IS NULL) = (agreed_by IS NULL)", name=op.f("ck_evidence_requests_agreed")),
        sa.CheckConstraint("agreed_by IS NULL OR agreed_by <> asked_by", name=op.f("ck_evidence_requests_agreed_by")),
        sa.CheckConstraint("done_at IS NULL OR agreed_at IS NOT NULL", name=op.f("ck_evidence_requests_done_at")),
        sqlite_autoincrement=True,
    )
    op.create_index("ix_evidence_requests_expires_at", "evidence_requests", ["expires_at"])
    op.create_table(
        "evidence_certificates",
        sa.Column("evidence_id", _Id, nullable=False, autoincrement=False),
        sa.Column("at", UtcDateTime, nullable=False),
        sa.Column("text", sa.Text, nullable=False),
        sa.Column("sha256", sa.LargeBinary, nullable=False),
        sa.Column("key_id", sa.String(16)),
        sa.Column("signature", sa.LargeBinary),
        sa.ForeignKeyConstraint(
            ["evidence_id"], ["evidence.id"], name=op.f("fk_evidence_certificates_evidence_id_evidence")
        ),
        sa.PrimaryKeyConstraint("evidence_id", name=op.f("pk_evidence_certificates")),
        sa.CheckConstraint("length(sha256) = 32", name=op.f("ck_evidence_certificates_sha256")),
        sa.CheckConstraint("(key_id IS NULL) = (signature IS NULL)", name=op.f("ck_evidence_certificates_signature")),
    )
    op.create_table(
        "evidence_custodians",
        sa.Column("id", _Id, nullable=False),
        sa.Column("name", sa.String(100), nullable=False),
        sa.Column("recipient", sa.String(100), nullable=False),
        sa.Column("added_at", UtcDateTime, nullable=False),
        sa.Column("added_by", sa.String(_ACTOR), nullable=False),
        sa.Column("retired_at", UtcDateTime),
        sa.Column("retired_by", sa.String(_ACTOR)),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_evidence_custodians")),
        sa.UniqueConstraint("recipient", name=op.f("uq_evidence_custodians_recipient")),
        sa.CheckConstraint(
            "(retired_at IS NULL) = (retired_by IS NULL)", name=op.f("ck_evidence_custodians_retired_by")
        ),
        sqlite_autoincrement=True,
    )


def downgrade() -> None:
    op.drop_table("evidence_custodians")
    op.drop_table("evidence_certificates")
    op.drop_table("evidence_requests")
    op.drop_table("evidence_holds")
    op.drop_table("evidence_intents")
    op.drop_table("evidence_derivatives")
    op.drop_table("evidence")
