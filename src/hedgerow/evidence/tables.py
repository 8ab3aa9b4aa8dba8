"""The SQL tables of evidence, in one schema for SQLite and PostgreSQL.

No data key stands here in clear: a row holds it under the review key, or sealed to the custodians, or not at all. Rows
of evidence are never deleted: of what was destroyed its digests and its certificate remain.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from sqlalchemy import (
    BigInteger,
    CheckConstraint,
    Column,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    String,
    Table,
    Text,
    text,
)

from hedgerow.database import UtcDateTime, metadata
from hedgerow.evidence.model import EvidenceState, HoldKind, Kind, Missing, Removal, RequestKind

if TYPE_CHECKING:
    from collections.abc import Iterable

__all__ = [
    "evidence",
    "evidence_certificates",
    "evidence_custodians",
    "evidence_derivatives",
    "evidence_holds",
    "evidence_intents",
    "evidence_requests",
]

# SQLite numbers rows by itself only in a column that is declared INTEGER, which holds 64 bits there.
_Id = BigInteger().with_variant(Integer, "sqlite")
_ACTOR = 160


def _is_one_of(column: str, words: Iterable[str]) -> str:
    return f"{column} IN ({', '.join(repr(str(each)) for each in words)})"


evidence = Table(
    "evidence",
    metadata,
    Column("id", _Id, primary_key=True),
    # The case for which it was kept; other cases may hold the same submission later.
    Column("case_id", _Id, ForeignKey("cases.id"), nullable=False),
    # Of media; its bytes are kept once, whatever case they are looked at in. NULL of an attachment.
    Column("submission_id", _Id, ForeignKey("submissions.id"), unique=True),
    Column("kind", String(20), nullable=False),
    Column("name", String(255), nullable=False),
    Column("media_type", String(100)),
    Column("size_bytes", BigInteger),
    Column("md5", LargeBinary),
    Column("sha1", LargeBinary),
    Column("sha256", LargeBinary),
    Column("pdq", LargeBinary),
    Column("uploaded_at", UtcDateTime),
    Column("object", String(32), unique=True),
    Column("stored_bytes", BigInteger),
    Column("cipher_sha256", LargeBinary),
    Column("wrapped", LargeBinary),
    Column("sealed", LargeBinary),
    Column("state", String(20), nullable=False),
    Column("missing_reason", String(20)),
    Column("kept_at", UtcDateTime, nullable=False),
    # A number of the room of reports, which lies above this one.
    Column("report_id", _Id),
    Column("filed_at", UtcDateTime),
    Column("sealed_at", UtcDateTime),
    Column("retain_until", UtcDateTime),
    # Of a destruction, from its first step on.
    Column("removal", String(20)),
    Column("removal_reference", String(200)),
    Column("removed_by", String(_ACTOR)),
    Column("removal_agreed_by", String(_ACTOR)),
    Column("removal_began_at", UtcDateTime),
    Column("destroyed_at", UtcDateTime),
    CheckConstraint(_is_one_of("kind", Kind), name="kind"),
    CheckConstraint(_is_one_of("state", EvidenceState), name="state"),
    CheckConstraint(_is_one_of("missing_reason", Missing), name="missing_reason"),
    CheckConstraint(_is_one_of("removal", Removal), name="removal"),
    CheckConstraint("(kind = 'media') = (submission_id IS NOT NULL)", name="submission_id"),
    CheckConstraint("(state = 'missing') = (missing_reason IS NOT NULL)", name="missing"),
    CheckConstraint("(state = 'kept') = (wrapped IS NOT NULL)", name="wrapped"),
    CheckConstraint("(state = 'sealed') = (sealed IS NOT NULL)", name="sealed"),
    CheckConstraint("state = 'missing' OR object IS NOT NULL", name="object"),
    CheckConstraint("(state IN ('destroying', 'destroyed')) = (removal IS NOT NULL)", name="removal_state"),
    CheckConstraint("(state = 'destroyed') = (destroyed_at IS NOT NULL)", name="destroyed_at"),
    CheckConstraint("(filed_at IS NULL) = (report_id IS NULL)", name="filed_at"),
    CheckConstraint("length(md5) = 16", name="md5"),
    CheckConstraint("length(sha1) = 20", name="sha1"),
    CheckConstraint("length(sha256) = 32", name="sha256"),
    CheckConstraint("length(pdq) = 32", name="pdq"),
    CheckConstraint("length(cipher_sha256) = 32", name="cipher_sha256"),
    sqlite_autoincrement=True,  # certificates and the audit name evidence by its number: it is never given out twice
)
Index("ix_evidence_case_id", evidence.c.case_id)
Index("ix_evidence_state_filed_at", evidence.c.state, evidence.c.filed_at)
Index("ix_evidence_state_id", evidence.c.state, evidence.c.id)
# What there are no bytes of; on PostgreSQL the migration says the same.
Index(
    "ix_evidence_missing_reason",
    evidence.c.missing_reason,
    evidence.c.case_id,
    sqlite_where=text("missing_reason IS NOT NULL"),
)
Index("ix_evidence_retain_until", evidence.c.retain_until)

# What reviewers see in the place of an original. Gone when it is sealed or destroyed.
evidence_derivatives = Table(
    "evidence_derivatives",
    metadata,
    Column("id", _Id, primary_key=True),
    Column("evidence_id", _Id, ForeignKey("evidence.id"), nullable=False),
    Column("form", String(20), nullable=False),
    Column("object", String(32), nullable=False, unique=True),
    Column("wrapped", LargeBinary, nullable=False),
    Column("media_type", String(100), nullable=False),
    Column("size_bytes", BigInteger, nullable=False),
    Column("made_at", UtcDateTime, nullable=False),
    sqlite_autoincrement=True,
)
Index("ix_evidence_derivatives_evidence_id", evidence_derivatives.c.evidence_id)

# Objects that were begun to be written and that no row names yet. What stays here was left by a kill: it is swept. An
# object that stands nowhere in the database is never deleted by it: the database may be an older one, restored.
evidence_intents = Table(
    "evidence_intents",
    metadata,
    Column("object", String(32), primary_key=True),
    Column("begun_at", UtcDateTime, nullable=False),
)
Index("ix_evidence_intents_begun_at", evidence_intents.c.begun_at)

evidence_holds = Table(
    "evidence_holds",
    metadata,
    Column("id", _Id, primary_key=True),
    Column("evidence_id", _Id, ForeignKey("evidence.id"), nullable=False),
    Column("kind", String(20), nullable=False),
    # NULL: until it is lifted.
    Column("until", UtcDateTime),
    Column("reason", Text),
    Column("reference", String(200)),
    Column("placed_at", UtcDateTime, nullable=False),
    Column("placed_by", String(_ACTOR), nullable=False),
    Column("lifted_at", UtcDateTime),
    Column("lifted_by", String(_ACTOR)),
    Column("lifting_agreed_by", String(_ACTOR)),
    CheckConstraint(_is_one_of("kind", HoldKind), name="kind"),
    CheckConstraint("kind <> 'filing' OR (until IS NOT NULL AND lifted_at IS NULL)", name="filing"),
    CheckConstraint("(lifted_at IS NULL) = (lifted_by IS NULL)", name="lifted_by"),
    CheckConstraint("lifted_by IS NULL OR lifted_by <> lifting_agreed_by", name="lifting_agreed_by"),
    sqlite_autoincrement=True,
)
Index("ix_evidence_holds_evidence_id", evidence_holds.c.evidence_id)

# What two people do together: opening, lifting holds, destroying before its time.
evidence_requests = Table(
    "evidence_requests",
    metadata,
    Column("id", _Id, primary_key=True),
    Column("kind", String(20), nullable=False),
    # Numbers of evidence, or of holds: a JSON array.
    Column("subjects", Text, nullable=False),
    Column("reason", Text, nullable=False),
    Column("reference", String(200)),
    Column("removal", String(20)),
    Column("asked_by", String(_ACTOR), nullable=False),
    Column("asked_at", UtcDateTime, nullable=False),
    Column("expires_at", UtcDateTime, nullable=False),
    Column("agreed_by", String(_ACTOR)),
    Column("agreed_at", UtcDateTime),
    Column("done_at", UtcDateTime),
    Column("withdrawn_at", UtcDateTime),
    Column("withdrawn_by", String(_ACTOR)),
    CheckConstraint(_is_one_of("kind", RequestKind), name="kind"),
    CheckConstraint("removal IN ('decision', 'law_enforcement')", name="removal"),
    CheckConstraint("(kind = 'destroy') = (removal IS NOT NULL)", name="destroy"),
    CheckConstraint("(agreed_at IS NULL) = (agreed_by IS NULL)", name="agreed"),
    # Two people: the database itself holds it.
    CheckConstraint("agreed_by IS NULL OR agreed_by <> asked_by", name="agreed_by"),
    CheckConstraint("done_at IS NULL OR agreed_at IS NOT NULL", name="done_at"),
    sqlite_autoincrement=True,
)
Index("ix_evidence_requests_expires_at", evidence_requests.c.expires_at)

evidence_certificates = Table(
    "evidence_certificates",
    metadata,
    Column("evidence_id", _Id, ForeignKey("evidence.id"), primary_key=True, autoincrement=False),
    Column("at", UtcDateTime, nullable=False),
    Column("text", Text, nullable=False),
    Column("sha256", LargeBinary, nullable=False),
    Column("key_id", String(16)),
    Column("signature", LargeBinary),
    CheckConstraint("length(sha256) = 32", name="sha256"),
    CheckConstraint("(key_id IS NULL) = (signature IS NULL)", name="signature"),
)

evidence_custodians = Table(
    "evidence_custodians",
    metadata,
    Column("id", _Id, primary_key=True),
    Column("name", String(100), nullable=False),
    Column("recipient", String(100), nullable=False, unique=True),
    Column("added_at", UtcDateTime, nullable=False),
    Column("added_by", String(_ACTOR), nullable=False),
    Column("retired_at", UtcDateTime),
    Column("retired_by", String(_ACTOR)),
    CheckConstraint("(retired_at IS NULL) = (retired_by IS NULL)", name="retired_by"),
    sqlite_autoincrement=True,
)
