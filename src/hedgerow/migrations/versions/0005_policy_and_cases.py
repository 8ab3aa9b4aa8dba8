"""Create the policy, and the cases: submissions, matches, clusters, decisions, views, suppressions.

Revision ID: 0005
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from hedgerow.database import UtcDateTime

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None

_Id = sa.BigInteger().with_variant(sa.Integer, "sqlite")


def upgrade() -> None:
    _policy()
    _submissions()
    _cases()
    _decisions()
    _matches()
    _views()


def _policy() -> None:
    op.create_table(
        "policies",
        sa.Column("version", _Id, nullable=False),
        sa.Column("toml", sa.Text, nullable=False),
        sa.Column("sha256", sa.LargeBinary, nullable=False),
        sa.Column("note", sa.Text),
        sa.Column("created_by", sa.String(160), nullable=False),
        sa.Column("created_at", UtcDateTime, nullable=False),
        sa.Column("is_active", sa.Boolean),
        sa.Column("activated_at", UtcDateTime),
        sa.Column("activated_by", sa.String(160)),
        sa.Column("retired_at", UtcDateTime),
        sa.CheckConstraint("is_active IS NULL OR activated_at IS NOT NULL", name=op.f("ck_policies_activated_at")),
        sa.CheckConstraint("is_active", name=op.f("ck_policies_is_active")),
        sa.CheckConstraint("length(sha256) = 32", name=op.f("ck_policies_sha256")),
        sa.PrimaryKeyConstraint("version", name=op.f("pk_policies")),
        sa.UniqueConstraint("is_active", name=op.f("uq_policies_is_active")),
        sa.UniqueConstraint("sha256", name=op.f("uq_policies_sha256")),
        sqlite_autoincrement=True,
    )
    op.create_table(
        "policy_dry_runs",
        sa.Column("id", _Id, nullable=False),
        sa.Column("version", _Id, nullable=False),
        sa.Column("against_version", _Id, nullable=False),
        sa.Column("considered", sa.BigInteger, nullable=False),
        sa.Column("changed", sa.BigInteger, nullable=False),
        sa.Column("comparison", sa.Text, nullable=False),
        sa.Column("made_by", sa.String(160), nullable=False),
        sa.Column("made_at", UtcDateTime, nullable=False),
        sa.CheckConstraint("changed BETWEEN 0 AND considered", name=op.f("ck_policy_dry_runs_changed")),
        sa.ForeignKeyConstraint(
            ["against_version"], ["policies.version"], name=op.f("fk_policy_dry_runs_against_version_policies")
        ),
        sa.ForeignKeyConstraint(["version"], ["policies.version"], name=op.f("fk_policy_dry_runs_version_policies")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_policy_dry_runs")),
    )
    op.create_index("ix_policy_dry_runs_version_made_at", "policy_dry_runs", ["version", "made_at"])


def _submissions() -> None:
    op.create_table(
        "submissions",
        sa.Column("id", _Id, nullable=False),
        sa.Column("namespace", sa.String(64), nullable=False),
        sa.Column("content_id", sa.String(255), nullable=False),
        sa.Column("revision", sa.Integer, nullable=False),
        sa.Column("fingerprint", sa.LargeBinary),
        sa.Column("account_id", sa.String(255)),
        sa.Column("surface", sa.String(100)),
        sa.Column("uploaded_at", UtcDateTime),
        sa.Column("received_at", UtcDateTime, nullable=False),
        sa.Column("door", sa.String(20), nullable=False),
        sa.Column("ip_event", sa.Text),
        sa.Column("text_context", sa.Text),
        sa.Column("context", sa.Text, nullable=False),
        sa.Column("media_type", sa.String(100)),
        sa.Column("width", sa.Integer),
        sa.Column("height", sa.Integer),
        sa.Column("frames", sa.Integer),
        sa.Column("duration_s", sa.Float),
        sa.Column("size_bytes", sa.BigInteger),
        sa.Column("md5", sa.LargeBinary),
        sa.Column("sha1", sa.LargeBinary),
        sa.Column("sha256", sa.LargeBinary),
        sa.Column("unchecked_reason", sa.String(60)),
        sa.Column("policy_version", _Id),
        sa.Column("outcome", sa.String(20)),
        sa.Column("answer", sa.Text),
        sa.CheckConstraint(
            "outcome IN ('ignore', 'log', 'review', 'hold_for_review', 'action', 'no_match', 'unchecked')",
            name=op.f("ck_submissions_outcome"),
        ),
        sa.CheckConstraint("length(fingerprint) = 32", name=op.f("ck_submissions_fingerprint")),
        sa.CheckConstraint("length(md5) = 16", name=op.f("ck_submissions_md5")),
        sa.CheckConstraint("length(sha1) = 20", name=op.f("ck_submissions_sha1")),
        sa.CheckConstraint("length(sha256) = 32", name=op.f("ck_submissions_sha256")),
        sa.CheckConstraint("revision > 0", name=op.f("ck_submissions_revision")),
        sa.ForeignKeyConstraint(
            ["policy_version"], ["policies.version"], name=op.f("fk_submissions_policy_version_policies")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_submissions")),
        sa.UniqueConstraint(
            "namespace", "content_id", "revision", name=op.f("uq_submissions_namespace_content_id_revision")
        ),
        sqlite_autoincrement=True,
    )
    op.create_index("ix_submissions_namespace_account_id", "submissions", ["namespace", "account_id"])
    op.create_index("ix_submissions_received_at", "submissions", ["received_at"])
    op.create_index("ix_submissions_sha256", "submissions", ["sha256"])


def _cases() -> None:
    counter = op.create_table(
        "case_counter",
        sa.Column("id", sa.SmallInteger, autoincrement=False, nullable=False),
        sa.Column("year", sa.SmallInteger, nullable=False),
        sa.Column("sequence", sa.Integer, nullable=False),
        sa.CheckConstraint("id = 1", name=op.f("ck_case_counter_one_row")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_case_counter")),
    )
    op.bulk_insert(counter, [{"id": 1, "year": 0, "sequence": 0}])
    op.create_table(
        "cases",
        sa.Column("id", _Id, nullable=False),
        sa.Column("number", sa.String(20), nullable=False),
        sa.Column("namespace", sa.String(64), nullable=False),
        sa.Column("subject_kind", sa.String(10), nullable=False),
        sa.Column("subject_id", sa.String(255), nullable=False),
        sa.Column("is_gathering", sa.Boolean),
        sa.Column("queue", sa.String(20), nullable=False),
        sa.Column("state", sa.String(20), nullable=False),
        sa.Column("priority", sa.SmallInteger, nullable=False),
        sa.Column("due_at", UtcDateTime, nullable=False),
        sa.Column("deadline", sa.String(40)),
        sa.Column("opened_at", UtcDateTime, nullable=False),
        sa.Column("state_changed_at", UtcDateTime, nullable=False),
        sa.Column("closed_at", UtcDateTime),
        sa.Column("sampled_at", UtcDateTime),
        sa.Column("claimed_by", _Id),
        sa.Column("claim_token", sa.BigInteger, nullable=False),
        sa.Column("claim_expires_at", UtcDateTime),
        sa.Column("wake_at", UtcDateTime),
        sa.Column("version", sa.Integer, nullable=False),
        sa.Column("round", sa.SmallInteger, nullable=False),
        sa.Column("is_contested", sa.Boolean, nullable=False),
        sa.CheckConstraint("(state = 'claimed') = (claimed_by IS NOT NULL)", name=op.f("ck_cases_claimed_by")),
        sa.CheckConstraint("(state = 'waiting') = (wake_at IS NOT NULL)", name=op.f("ck_cases_wake_at")),
        sa.CheckConstraint(
            "is_gathering IS NULL OR state IN ('open', 'claimed', 'escalated', 'second_opinion', 'waiting')",
            name=op.f("ck_cases_gathering_state"),
        ),
        sa.CheckConstraint(
            "queue IN ('known', 'near', 'escalated', 'second_opinion', 'appeals', 'qa', 'notices', 'text')",
            name=op.f("ck_cases_queue"),
        ),
        sa.CheckConstraint(
            "state IN ('open', 'claimed', 'escalated', 'second_opinion', 'waiting', 'appealed', 'sampled', 'decided', "
            "'acting', 'closed')",
            name=op.f("ck_cases_state"),
        ),
        sa.CheckConstraint("subject_kind IN ('account', 'content')", name=op.f("ck_cases_subject_kind")),
        sa.CheckConstraint("(claimed_by IS NULL) = (claim_expires_at IS NULL)", name=op.f("ck_cases_claim_expires_at")),
        sa.CheckConstraint("is_gathering", name=op.f("ck_cases_is_gathering")),
        sa.CheckConstraint("priority BETWEEN 1 AND 4", name=op.f("ck_cases_priority")),
        sa.ForeignKeyConstraint(["claimed_by"], ["users.id"], name=op.f("fk_cases_claimed_by_users")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_cases")),
        sa.UniqueConstraint("namespace", "subject_kind", "subject_id", "is_gathering", name="uq_cases_is_gathering"),
        sa.UniqueConstraint("number", name=op.f("uq_cases_number")),
        sqlite_autoincrement=True,
    )
    op.create_index("ix_cases_claim_expires_at", "cases", ["claim_expires_at"])
    op.create_index(
        "ix_cases_queue_state_priority_due_at_opened_at", "cases", ["queue", "state", "priority", "due_at", "opened_at"]
    )
    op.create_index("ix_cases_state_changed_at", "cases", ["state_changed_at"])
    op.create_index("ix_cases_wake_at", "cases", ["wake_at"])
    op.create_table(
        "clusters",
        sa.Column("id", _Id, nullable=False),
        sa.Column("case_id", _Id, nullable=False),
        sa.Column("sha256", sa.LargeBinary),
        sa.Column("pdq", sa.LargeBinary),
        sa.Column("distance", sa.SmallInteger, nullable=False),
        sa.Column("size", sa.Integer, nullable=False),
        sa.Column("verdict", sa.String(20)),
        sa.Column("created_at", UtcDateTime, nullable=False),
        sa.CheckConstraint("verdict IN ('confirmed', 'not_a_match')", name=op.f("ck_clusters_verdict")),
        sa.CheckConstraint("length(pdq) = 32", name=op.f("ck_clusters_pdq")),
        sa.CheckConstraint("length(sha256) = 32", name=op.f("ck_clusters_sha256")),
        sa.CheckConstraint("size > 0", name=op.f("ck_clusters_size")),
        sa.ForeignKeyConstraint(["case_id"], ["cases.id"], name=op.f("fk_clusters_case_id_cases")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_clusters")),
        sqlite_autoincrement=True,
    )
    op.create_index("ix_clusters_case_id", "clusters", ["case_id"])
    op.create_table(
        "case_items",
        sa.Column("id", _Id, nullable=False),
        sa.Column("case_id", _Id, nullable=False),
        sa.Column("cluster_id", _Id, nullable=False),
        sa.Column("submission_id", _Id, nullable=False),
        sa.Column("added_at", UtcDateTime, nullable=False),
        sa.ForeignKeyConstraint(["case_id"], ["cases.id"], name=op.f("fk_case_items_case_id_cases")),
        sa.ForeignKeyConstraint(["cluster_id"], ["clusters.id"], name=op.f("fk_case_items_cluster_id_clusters")),
        sa.ForeignKeyConstraint(
            ["submission_id"], ["submissions.id"], name=op.f("fk_case_items_submission_id_submissions")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_case_items")),
        sa.UniqueConstraint("case_id", "submission_id", name=op.f("uq_case_items_case_id_submission_id")),
        sqlite_autoincrement=True,
    )
    op.create_index("ix_case_items_cluster_id", "case_items", ["cluster_id"])
    op.create_index("ix_case_items_submission_id", "case_items", ["submission_id"])
    op.create_table(
        "case_drafts",
        sa.Column("case_id", _Id, autoincrement=False, nullable=False),
        sa.Column("user_id", _Id, autoincrement=False, nullable=False),
        sa.Column("body", sa.Text, nullable=False),
        sa.Column("saved_at", UtcDateTime, nullable=False),
        sa.ForeignKeyConstraint(["case_id"], ["cases.id"], name=op.f("fk_case_drafts_case_id_cases")),
        sa.ForeignKeyConstraint(["user_id"], ["users.id"], name=op.f("fk_case_drafts_user_id_users")),
        sa.PrimaryKeyConstraint("case_id", "user_id", name=op.f("pk_case_drafts")),
    )


def _decisions() -> None:
    op.create_table(
        "decisions",
        sa.Column("id", _Id, nullable=False),
        sa.Column("case_id", _Id, nullable=False),
        sa.Column("cluster_id", _Id),
        sa.Column("round", sa.SmallInteger, nullable=False),
        sa.Column("stage", sa.String(20), nullable=False),
        sa.Column("verdict", sa.String(20), nullable=False),
        sa.Column("classification", sa.String(20)),
        sa.Column("tags", sa.Text, nullable=False),
        sa.Column("reason", sa.Text),
        sa.Column("note", sa.Text),
        sa.Column("is_no_look", sa.Boolean, nullable=False),
        sa.Column("decided_by", _Id, nullable=False),
        sa.Column("decided_at", UtcDateTime, nullable=False),
        sa.Column("takes_effect_at", UtcDateTime, nullable=False),
        sa.Column("due_at", UtcDateTime),
        sa.Column("effected_at", UtcDateTime),
        sa.Column("undone_at", UtcDateTime),
        sa.Column("undone_by", sa.String(160)),
        sa.Column("supersedes_id", _Id),
        sa.CheckConstraint("classification IN ('A1', 'A2', 'B1', 'B2')", name=op.f("ck_decisions_classification")),
        sa.CheckConstraint(
            "classification IS NULL OR verdict = 'confirmed'", name=op.f("ck_decisions_classification_verdict")
        ),
        sa.CheckConstraint(
            "stage IN ('first', 'second_opinion', 'escalated', 'appeal', 'qa', 'correction')",
            name=op.f("ck_decisions_stage"),
        ),
        sa.CheckConstraint("verdict <> 'skip' OR reason IS NOT NULL", name=op.f("ck_decisions_reason")),
        sa.CheckConstraint(
            "verdict IN ('confirmed', 'not_a_match', 'escalate', 'second_opinion', 'skip')",
            name=op.f("ck_decisions_verdict"),
        ),
        sa.CheckConstraint(
            "due_at IS NULL OR (effected_at IS NULL AND undone_at IS NULL)", name=op.f("ck_decisions_due_at")
        ),
        sa.CheckConstraint("effected_at IS NULL OR undone_at IS NULL", name=op.f("ck_decisions_undone_at")),
        sa.ForeignKeyConstraint(["case_id"], ["cases.id"], name=op.f("fk_decisions_case_id_cases")),
        sa.ForeignKeyConstraint(["cluster_id"], ["clusters.id"], name=op.f("fk_decisions_cluster_id_clusters")),
        sa.ForeignKeyConstraint(["decided_by"], ["users.id"], name=op.f("fk_decisions_decided_by_users")),
        sa.ForeignKeyConstraint(["supersedes_id"], ["decisions.id"], name=op.f("fk_decisions_supersedes_id_decisions")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_decisions")),
        sqlite_autoincrement=True,
    )
    op.create_index("ix_decisions_case_id", "decisions", ["case_id"])
    op.create_index("ix_decisions_decided_by_decided_at", "decisions", ["decided_by", "decided_at"])
    op.create_index("ix_decisions_due_at", "decisions", ["due_at"])
    op.create_table(
        "suppressions",
        sa.Column("id", _Id, nullable=False),
        sa.Column("entry_id", _Id, nullable=False),
        sa.Column("cluster_id", _Id, nullable=False),
        sa.Column("sha256", sa.LargeBinary),
        sa.Column("pdq", sa.LargeBinary),
        sa.Column("decision_id", _Id, nullable=False),
        sa.Column("created_by", sa.String(160), nullable=False),
        sa.Column("created_at", UtcDateTime, nullable=False),
        sa.Column("lifted_at", UtcDateTime),
        sa.Column("lifted_by", sa.String(160)),
        sa.CheckConstraint("(lifted_at IS NULL) = (lifted_by IS NULL)", name=op.f("ck_suppressions_lifted_by")),
        sa.ForeignKeyConstraint(["cluster_id"], ["clusters.id"], name=op.f("fk_suppressions_cluster_id_clusters")),
        sa.ForeignKeyConstraint(["decision_id"], ["decisions.id"], name=op.f("fk_suppressions_decision_id_decisions")),
        sa.ForeignKeyConstraint(["entry_id"], ["entries.id"], name=op.f("fk_suppressions_entry_id_entries")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_suppressions")),
        sqlite_autoincrement=True,
    )
    op.create_index("ix_suppressions_cluster_id", "suppressions", ["cluster_id"])
    op.create_index("ix_suppressions_decision_id", "suppressions", ["decision_id"])
    op.create_index("ix_suppressions_entry_id", "suppressions", ["entry_id"])


def _matches() -> None:
    op.create_table(
        "matches",
        sa.Column("id", _Id, nullable=False),
        sa.Column("submission_id", _Id, nullable=False),
        sa.Column("matched_at", UtcDateTime, nullable=False),
        sa.Column("bank_id", _Id, nullable=False),
        sa.Column("bank_name", sa.String(100), nullable=False),
        sa.Column("entry_id", _Id, nullable=False),
        sa.Column("provenance", sa.String(100), nullable=False),
        sa.Column("contributor", sa.String(200)),
        sa.Column("category", sa.String(100)),
        sa.Column("signal_type", sa.String(32), nullable=False),
        sa.Column("distance", sa.SmallInteger, nullable=False),
        sa.Column("threshold", sa.SmallInteger, nullable=False),
        sa.Column("variant", sa.String(200), nullable=False),
        sa.Column("query_share", sa.Float),
        sa.Column("known_share", sa.Float),
        sa.Column("false_match_probability", sa.Float),
        sa.Column("tier", sa.String(10), nullable=False),
        sa.Column("policy_version", _Id, nullable=False),
        sa.Column("rule", sa.String(100), nullable=False),
        sa.Column("outcome", sa.String(20), nullable=False),
        sa.Column("priority", sa.SmallInteger),
        sa.Column("queue", sa.String(20)),
        sa.Column("deadline", sa.String(40)),
        sa.Column("events", sa.Text, nullable=False),
        sa.Column("allows_no_look", sa.Boolean, nullable=False),
        sa.Column("suppression_id", _Id),
        sa.Column("case_item_id", _Id),
        sa.CheckConstraint(
            "outcome IN ('ignore', 'log', 'review', 'hold_for_review', 'action')", name=op.f("ck_matches_outcome")
        ),
        sa.CheckConstraint("tier IN ('exact', 'near', 'altered')", name=op.f("ck_matches_tier")),
        sa.CheckConstraint("distance BETWEEN 0 AND 256", name=op.f("ck_matches_distance")),
        sa.CheckConstraint("priority BETWEEN 1 AND 4", name=op.f("ck_matches_priority")),
        sa.CheckConstraint("suppression_id IS NULL OR case_item_id IS NULL", name=op.f("ck_matches_suppression_id")),
        sa.ForeignKeyConstraint(["bank_id"], ["banks.id"], name=op.f("fk_matches_bank_id_banks")),
        sa.ForeignKeyConstraint(["case_item_id"], ["case_items.id"], name=op.f("fk_matches_case_item_id_case_items")),
        sa.ForeignKeyConstraint(["entry_id"], ["entries.id"], name=op.f("fk_matches_entry_id_entries")),
        sa.ForeignKeyConstraint(
            ["policy_version"], ["policies.version"], name=op.f("fk_matches_policy_version_policies")
        ),
        sa.ForeignKeyConstraint(
            ["submission_id"], ["submissions.id"], name=op.f("fk_matches_submission_id_submissions")
        ),
        sa.ForeignKeyConstraint(
            ["suppression_id"], ["suppressions.id"], name=op.f("fk_matches_suppression_id_suppressions")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_matches")),
        sqlite_autoincrement=True,
    )
    op.create_index("ix_matches_bank_id", "matches", ["bank_id"])
    op.create_index("ix_matches_case_item_id", "matches", ["case_item_id"])
    op.create_index("ix_matches_entry_id", "matches", ["entry_id"])
    op.create_index("ix_matches_matched_at", "matches", ["matched_at"])
    op.create_index("ix_matches_submission_id", "matches", ["submission_id"])
    op.create_index("ix_matches_suppression_id", "matches", ["suppression_id"])


def _views() -> None:
    op.create_table(
        "views",
        sa.Column("id", _Id, nullable=False),
        sa.Column("case_id", _Id, nullable=False),
        sa.Column("submission_id", _Id, nullable=False),
        sa.Column("user_id", _Id, nullable=False),
        sa.Column("form", sa.String(10), nullable=False),
        sa.Column("reveal", sa.String(64)),
        sa.Column("started_at", UtcDateTime, nullable=False),
        sa.Column("recorded_at", UtcDateTime, nullable=False),
        sa.Column("seconds", sa.Float, nullable=False),
        sa.Column("intervals", sa.Text, nullable=False),
        sa.Column("is_entire", sa.Boolean, nullable=False),
        sa.Column("share", sa.Float, nullable=False),
        sa.Column("is_complete", sa.Boolean, nullable=False),
        sa.CheckConstraint("NOT is_complete OR form = 'full'", name=op.f("ck_views_is_complete")),
        sa.CheckConstraint("form IN ('tile', 'blurred', 'full', 'text', 'exif')", name=op.f("ck_views_form")),
        sa.CheckConstraint("seconds >= 0", name=op.f("ck_views_seconds")),
        sa.CheckConstraint("share BETWEEN 0 AND 1", name=op.f("ck_views_share")),
        sa.ForeignKeyConstraint(["case_id"], ["cases.id"], name=op.f("fk_views_case_id_cases")),
        sa.ForeignKeyConstraint(["submission_id"], ["submissions.id"], name=op.f("fk_views_submission_id_submissions")),
        sa.ForeignKeyConstraint(["user_id"], ["users.id"], name=op.f("fk_views_user_id_users")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_views")),
        sqlite_autoincrement=True,
    )
    op.create_index("ix_views_case_id", "views", ["case_id"])
    op.create_index("ix_views_submission_id", "views", ["submission_id"])
    op.create_index("ix_views_user_id_started_at", "views", ["user_id", "started_at"])


def downgrade() -> None:
    """Forget all policies, submissions and cases. What audit says of them stays."""
    op.drop_table("views")
    op.drop_table("matches")
    op.drop_table("suppressions")
    op.drop_table("decisions")
    op.drop_table("case_drafts")
    op.drop_table("case_items")
    op.drop_table("clusters")
    op.drop_table("cases")
    op.drop_table("case_counter")
    op.drop_table("submissions")
    op.drop_table("policy_dry_runs")
    op.drop_table("policies")
