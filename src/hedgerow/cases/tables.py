"""The SQL tables of cases, in one schema for SQLite and PostgreSQL.

Nothing here is deleted with something else: no foreign key cascades, so whatever still refers to a row keeps it. Only
drafts are ever deleted.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from sqlalchemy import (
    BigInteger,
    Boolean,
    CheckConstraint,
    Column,
    Float,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    SmallInteger,
    String,
    Table,
    Text,
    UniqueConstraint,
    false,
    text,
)

from hedgerow.cases.model import Classification, Form, Queue, Stage, State, Verdict
from hedgerow.database import UtcDateTime, metadata
from hedgerow.policy.model import Then, Tier

if TYPE_CHECKING:
    from collections.abc import Iterable

__all__ = [
    "case_counter",
    "case_drafts",
    "case_items",
    "cases",
    "clusters",
    "decisions",
    "matches",
    "submissions",
    "suppressions",
    "views",
]

# SQLite numbers rows by itself only in a column that is declared INTEGER, which holds 64 bits there.
_Id = BigInteger().with_variant(Integer, "sqlite")


def _is_one_of(column: str, words: Iterable[str]) -> str:
    return f"{column} IN ({', '.join(repr(str(each)) for each in words)})"


# What was sent to be checked. Inserted once; only `outcome` and `answer` are filled in, in the same transaction.
submissions = Table(
    "submissions",
    metadata,
    Column("id", _Id, primary_key=True),
    # Of the API key: the platform's ids mean something only within it.
    Column("namespace", String(64), nullable=False),
    Column("content_id", String(255), nullable=False),
    # 1, and one more for each time that other bytes come under the same content id.
    Column("revision", Integer, nullable=False),
    # Tells these bytes from others: the SHA-256, or a digest of the signals that were sent; NULL where there were none.
    Column("fingerprint", LargeBinary),
    Column("account_id", String(255)),
    Column("surface", String(100)),
    Column("uploaded_at", UtcDateTime),
    Column("received_at", UtcDateTime, nullable=False),
    Column("door", String(20), nullable=False),
    Column("ip_event", Text),
    Column("text_context", Text),
    Column("context", Text, nullable=False),
    Column("media_type", String(100)),
    Column("width", Integer),
    Column("height", Integer),
    Column("frames", Integer),
    Column("duration_s", Float),
    Column("size_bytes", BigInteger),
    Column("md5", LargeBinary),
    Column("sha1", LargeBinary),
    Column("sha256", LargeBinary),
    Column("unchecked_reason", String(60)),
    Column("policy_version", _Id, ForeignKey("policies.version")),
    Column("outcome", String(20)),
    Column("answer", Text),
    UniqueConstraint("namespace", "content_id", "revision"),
    CheckConstraint("revision > 0", name="revision"),
    CheckConstraint("length(md5) = 16", name="md5"),
    CheckConstraint("length(sha1) = 20", name="sha1"),
    CheckConstraint("length(sha256) = 32", name="sha256"),
    CheckConstraint("length(fingerprint) = 32", name="fingerprint"),
    CheckConstraint(_is_one_of("outcome", [*Then, "no_match", "unchecked"]), name="outcome"),
    sqlite_autoincrement=True,  # the audit log and webhooks name submissions by their id: it is never given out twice
)
Index("ix_submissions_namespace_account_id", submissions.c.namespace, submissions.c.account_id)
Index("ix_submissions_sha256", submissions.c.sha256)
Index("ix_submissions_received_at", submissions.c.received_at)

# `sequence` is the latest number given out in `year`. Whoever opens a case updates this row and so holds its lock until
# the commit: numbers have no gap, and of two who would open a case for the same subject the second finds the first's.
case_counter = Table(
    "case_counter",
    metadata,
    Column("id", SmallInteger, primary_key=True, autoincrement=False),
    Column("year", SmallInteger, nullable=False),
    Column("sequence", Integer, nullable=False),
    CheckConstraint("id = 1", name="one_row"),
)

cases = Table(
    "cases",
    metadata,
    Column("id", _Id, primary_key=True),
    Column("number", String(20), nullable=False, unique=True),
    Column("namespace", String(64), nullable=False),
    Column("subject_kind", String(10), nullable=False),
    Column("subject_id", String(255), nullable=False),
    # True or NULL, so that the database itself lets one case at most gather for a subject.
    Column("is_gathering", Boolean),
    Column("queue", String(20), nullable=False),
    Column("state", String(20), nullable=False),
    Column("priority", SmallInteger, nullable=False),
    Column("due_at", UtcDateTime, nullable=False),
    Column("deadline", String(40)),
    Column("opened_at", UtcDateTime, nullable=False),
    Column("state_changed_at", UtcDateTime, nullable=False),
    Column("closed_at", UtcDateTime),
    Column("sampled_at", UtcDateTime),
    Column("claimed_by", _Id, ForeignKey("users.id")),
    # The fencing token: one more with every claim, never less.
    Column("claim_token", BigInteger, nullable=False),
    Column("claim_expires_at", UtcDateTime),
    Column("wake_at", UtcDateTime),
    Column("version", Integer, nullable=False),
    Column("round", SmallInteger, nullable=False),
    Column("is_contested", Boolean, nullable=False),
    UniqueConstraint("namespace", "subject_kind", "subject_id", "is_gathering", name="uq_cases_is_gathering"),
    CheckConstraint("subject_kind IN ('account', 'content')", name="subject_kind"),
    CheckConstraint("is_gathering", name="is_gathering"),
    CheckConstraint(_is_one_of("queue", Queue), name="queue"),
    CheckConstraint(_is_one_of("state", State), name="state"),
    CheckConstraint("priority BETWEEN 1 AND 4", name="priority"),
    CheckConstraint("(state = 'claimed') = (claimed_by IS NOT NULL)", name="claimed_by"),
    CheckConstraint("(claimed_by IS NULL) = (claim_expires_at IS NULL)", name="claim_expires_at"),
    CheckConstraint("(state = 'waiting') = (wake_at IS NOT NULL)", name="wake_at"),
    CheckConstraint(
        "is_gathering IS NULL OR state IN ('open', 'claimed', 'escalated', 'second_opinion', 'waiting')",
        name="gathering_state",
    ),
    sqlite_autoincrement=True,
)
# The next case of a queue: by priority, then by due time; and those that are due soon, priority by priority. With the
# time of opening, by which the oldest is told, queues are counted from the index alone.
Index(
    "ix_cases_queue_state_priority_due_at_opened_at",
    cases.c.queue,
    cases.c.state,
    cases.c.priority,
    cases.c.due_at,
    cases.c.opened_at,
)
Index("ix_cases_claim_expires_at", cases.c.claim_expires_at)
Index("ix_cases_wake_at", cases.c.wake_at)
# What is decided, acted upon or closed, the latest first.
Index("ix_cases_state_state_changed_at_id", cases.c.state, cases.c.state_changed_at, cases.c.id)

clusters = Table(
    "clusters",
    metadata,
    Column("id", _Id, primary_key=True),
    Column("case_id", _Id, ForeignKey("cases.id"), nullable=False),
    # Of the first member.
    Column("sha256", LargeBinary),
    Column("pdq", LargeBinary),
    Column("distance", SmallInteger, nullable=False),
    Column("size", Integer, nullable=False),
    # The verdict in force, as the decisions have it; kept here so that queues need not work it out.
    Column("verdict", String(20)),
    Column("created_at", UtcDateTime, nullable=False),
    CheckConstraint("length(sha256) = 32", name="sha256"),
    CheckConstraint("length(pdq) = 32", name="pdq"),
    CheckConstraint("size > 0", name="size"),
    CheckConstraint("verdict IN ('confirmed', 'not_a_match')", name="verdict"),
    sqlite_autoincrement=True,
)
Index("ix_clusters_case_id", clusters.c.case_id)

case_items = Table(
    "case_items",
    metadata,
    Column("id", _Id, primary_key=True),
    Column("case_id", _Id, ForeignKey("cases.id"), nullable=False),
    Column("cluster_id", _Id, ForeignKey("clusters.id"), nullable=False),
    Column("submission_id", _Id, ForeignKey("submissions.id"), nullable=False),
    Column("added_at", UtcDateTime, nullable=False),
    # Once in a case; in another one when something else about it is found after that one was decided.
    UniqueConstraint("case_id", "submission_id"),
    sqlite_autoincrement=True,
)
Index("ix_case_items_submission_id", case_items.c.submission_id)
Index("ix_case_items_cluster_id", case_items.c.cluster_id)

decisions = Table(
    "decisions",
    metadata,
    Column("id", _Id, primary_key=True),
    Column("case_id", _Id, ForeignKey("cases.id"), nullable=False),
    # NULL for the whole case.
    Column("cluster_id", _Id, ForeignKey("clusters.id")),
    Column("round", SmallInteger, nullable=False),
    Column("stage", String(20), nullable=False),
    Column("verdict", String(20), nullable=False),
    Column("classification", String(20)),
    Column("tags", Text, nullable=False),
    Column("reason", Text),
    Column("note", Text),
    Column("is_no_look", Boolean, nullable=False),
    Column("decided_by", _Id, ForeignKey("users.id"), nullable=False),
    Column("decided_at", UtcDateTime, nullable=False),
    Column("takes_effect_at", UtcDateTime, nullable=False),
    # When what follows from it is to be set going; NULL once it was, or when nothing follows any more.
    Column("due_at", UtcDateTime),
    Column("effected_at", UtcDateTime),
    Column("undone_at", UtcDateTime),
    Column("undone_by", String(160)),
    Column("supersedes_id", _Id, ForeignKey("decisions.id")),
    CheckConstraint(_is_one_of("stage", Stage), name="stage"),
    CheckConstraint(_is_one_of("verdict", Verdict), name="verdict"),
    CheckConstraint(_is_one_of("classification", Classification), name="classification"),
    CheckConstraint("classification IS NULL OR verdict = 'confirmed'", name="classification_verdict"),
    CheckConstraint("verdict <> 'skip' OR reason IS NOT NULL", name="reason"),
    CheckConstraint("effected_at IS NULL OR undone_at IS NULL", name="undone_at"),
    CheckConstraint("due_at IS NULL OR (effected_at IS NULL AND undone_at IS NULL)", name="due_at"),
    sqlite_autoincrement=True,
)
Index("ix_decisions_case_id", decisions.c.case_id)
Index("ix_decisions_due_at", decisions.c.due_at)
Index("ix_decisions_decided_by_decided_at", decisions.c.decided_by, decisions.c.decided_at)
Index("ix_decisions_stage_decided_at", decisions.c.stage, decisions.c.decided_at)
# What was confirmed and took effect, for who looks which of it was reported; on PostgreSQL the migration says the same.
Index(
    "ix_decisions_confirmed",
    decisions.c.case_id,
    decisions.c.effected_at,
    decisions.c.cluster_id,
    sqlite_where=text("verdict = 'confirmed' AND effected_at IS NOT NULL"),
)

suppressions = Table(
    "suppressions",
    metadata,
    Column("id", _Id, primary_key=True),
    Column("entry_id", _Id, ForeignKey("entries.id"), nullable=False),
    Column("cluster_id", _Id, ForeignKey("clusters.id"), nullable=False),
    # Of the cluster's first member, as it was judged.
    Column("sha256", LargeBinary),
    Column("pdq", LargeBinary),
    Column("decision_id", _Id, ForeignKey("decisions.id"), nullable=False),
    Column("created_by", String(160), nullable=False),
    Column("created_at", UtcDateTime, nullable=False),
    Column("lifted_at", UtcDateTime),
    Column("lifted_by", String(160)),
    CheckConstraint("(lifted_at IS NULL) = (lifted_by IS NULL)", name="lifted_by"),
    sqlite_autoincrement=True,
)
Index("ix_suppressions_entry_id", suppressions.c.entry_id)
Index("ix_suppressions_decision_id", suppressions.c.decision_id)
Index("ix_suppressions_cluster_id", suppressions.c.cluster_id)

# What was found. Inserted once; only where it is gathered, and what holds it back, can change.
matches = Table(
    "matches",
    metadata,
    Column("id", _Id, primary_key=True),
    Column("submission_id", _Id, ForeignKey("submissions.id"), nullable=False),
    Column("matched_at", UtcDateTime, nullable=False),
    Column("bank_id", _Id, ForeignKey("banks.id"), nullable=False),
    # As it was called then.
    Column("bank_name", String(100), nullable=False),
    Column("entry_id", _Id, ForeignKey("entries.id"), nullable=False),
    Column("provenance", String(100), nullable=False),
    Column("contributor", String(200)),
    Column("category", String(100)),
    Column("signal_type", String(32), nullable=False),
    Column("distance", SmallInteger, nullable=False),
    Column("threshold", SmallInteger, nullable=False),
    Column("variant", String(200), nullable=False),
    Column("query_share", Float),
    Column("known_share", Float),
    Column("false_match_probability", Float),
    Column("tier", String(10), nullable=False),
    # What the policy said, whole, so that a match that was held back can be gathered later.
    Column("policy_version", _Id, ForeignKey("policies.version"), nullable=False),
    Column("rule", String(100), nullable=False),
    Column("outcome", String(20), nullable=False),
    Column("priority", SmallInteger),
    Column("queue", String(20)),
    Column("deadline", String(40)),
    Column("events", Text, nullable=False),
    Column("allows_no_look", Boolean, nullable=False),
    Column("suppression_id", _Id, ForeignKey("suppressions.id")),
    # Where people decide about it; NULL where no case was opened for it.
    Column("case_item_id", _Id, ForeignKey("case_items.id")),
    Column("is_disputed", Boolean, nullable=False, server_default=false()),
    CheckConstraint("distance BETWEEN 0 AND 256", name="distance"),
    CheckConstraint(_is_one_of("tier", Tier), name="tier"),
    CheckConstraint(_is_one_of("outcome", Then), name="outcome"),
    CheckConstraint("priority BETWEEN 1 AND 4", name="priority"),
    CheckConstraint("suppression_id IS NULL OR case_item_id IS NULL", name="suppression_id"),
    sqlite_autoincrement=True,
)
Index("ix_matches_submission_id", matches.c.submission_id)
Index("ix_matches_case_item_id", matches.c.case_item_id)
Index("ix_matches_entry_id", matches.c.entry_id)
Index("ix_matches_bank_id", matches.c.bank_id)
Index("ix_matches_suppression_id", matches.c.suppression_id)
Index("ix_matches_matched_at", matches.c.matched_at)
# Which categories there are: each is found behind the one before.
Index("ix_matches_category", matches.c.category)

# Who saw what. Rows are inserted and read, never changed and never deleted: what a report says of viewing follows.
views = Table(
    "views",
    metadata,
    Column("id", _Id, primary_key=True),
    Column("case_id", _Id, ForeignKey("cases.id"), nullable=False),
    Column("submission_id", _Id, ForeignKey("submissions.id"), nullable=False),
    Column("user_id", _Id, ForeignKey("users.id"), nullable=False),
    Column("form", String(10), nullable=False),
    # Names the deliberate act to which several rows belong: one at its beginning, others as it goes on.
    Column("reveal", String(64)),
    Column("started_at", UtcDateTime, nullable=False),
    Column("recorded_at", UtcDateTime, nullable=False),
    Column("seconds", Float, nullable=False),
    # What was played of a video: [[from, to], …] in seconds of its own time, as canonical JSON.
    Column("intervals", Text, nullable=False),
    Column("is_entire", Boolean, nullable=False),
    Column("share", Float, nullable=False),
    Column("is_complete", Boolean, nullable=False),
    CheckConstraint(_is_one_of("form", Form), name="form"),
    CheckConstraint("seconds >= 0", name="seconds"),
    CheckConstraint("share BETWEEN 0 AND 1", name="share"),
    CheckConstraint("NOT is_complete OR form = 'full'", name="is_complete"),
    sqlite_autoincrement=True,
)
Index("ix_views_case_id", views.c.case_id)
Index("ix_views_submission_id", views.c.submission_id)
Index("ix_views_user_id_started_at", views.c.user_id, views.c.started_at)

# What somebody has written and not yet decided; outlives the claim.
case_drafts = Table(
    "case_drafts",
    metadata,
    Column("case_id", _Id, ForeignKey("cases.id"), primary_key=True, autoincrement=False),
    Column("user_id", _Id, ForeignKey("users.id"), primary_key=True, autoincrement=False),
    Column("body", Text, nullable=False),
    Column("saved_at", UtcDateTime, nullable=False),
)
