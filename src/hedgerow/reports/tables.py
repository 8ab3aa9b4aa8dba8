"""The SQL tables of reports, in one schema for SQLite and PostgreSQL.

Nothing here is ever deleted. A call is a row before it is made; what the authority answered is added to it. No row
holds what was sent or answered, other than codes and numbers; the document itself stands with its report.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from sqlalchemy import (
    BigInteger,
    Boolean,
    CheckConstraint,
    Column,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    SmallInteger,
    String,
    Table,
    Text,
    UniqueConstraint,
)

from hedgerow.database import UtcDateTime, metadata
from hedgerow.database.sealing import SEALED
from hedgerow.reports.filing_model import (
    AnswerKind,
    Call,
    Ending,
    Environment,
    Preservation,
    ReportState,
)

if TYPE_CHECKING:
    from collections.abc import Iterable

__all__ = ["report_arming", "report_calls", "report_credentials", "report_files", "reports"]

# SQLite numbers rows by itself only in a column that is declared INTEGER, which holds 64 bits there.
_Id = BigInteger().with_variant(Integer, "sqlite")
_ACTOR = 160


def _is_one_of(column: str, words: Iterable[str]) -> str:
    return f"{column} IN ({', '.join(repr(str(each)) for each in words)})"


# The record is the queue: a report is due when its state is an active one, its time has come, and nobody holds a lease.
reports = Table(
    "reports",
    metadata,
    Column("id", _Id, primary_key=True),
    Column("case_id", _Id, ForeignKey("cases.id"), nullable=False),
    Column("authority", String(40), nullable=False),
    Column("environment", String(10), nullable=False),
    Column("namespace", String(64), nullable=False),
    Column("account_id", String(255)),
    Column("state", String(20), nullable=False),
    # The draft: canonical JSON, raised by one with every change, and everybody who wrote any of it (a JSON array).
    Column("content", Text, nullable=False),
    Column("revision", Integer, nullable=False),
    Column("authors", Text, nullable=False),
    Column("created_at", UtcDateTime, nullable=False),
    Column("updated_at", UtcDateTime, nullable=False),
    # What was approved is what is sent.
    Column("document", LargeBinary),
    Column("document_sha256", String(64)),
    Column("basis_sha256", String(64)),
    Column("approved_by", String(_ACTOR)),
    Column("approved_at", UtcDateTime),
    Column("is_solo", Boolean, nullable=False),
    Column("declaration", Text),
    Column("effective_at", UtcDateTime),
    Column("voided", String(40)),
    # How late it is, and how often that was said.
    Column("deadline_at", UtcDateTime, nullable=False),
    Column("alarm_level", SmallInteger, nullable=False),
    Column("alarmed_at", UtcDateTime),
    Column("alarm_due_at", UtcDateTime),
    # The saga (`hedgerow.reports.rules`).
    Column("due_at", UtcDateTime),
    Column("lease_until", UtcDateTime),
    Column("lease_token", String(32)),
    Column("round", Integer, nullable=False),
    Column("external_id", String(100)),
    Column("opened_at", UtcDateTime),
    Column("touched_at", UtcDateTime),
    Column("has_asked_to_finish", Boolean, nullable=False),
    # The row of `report_calls` that was announced and of which no answer is on record.
    Column("intent_id", _Id),
    Column("ending", String(20)),
    Column("ending_trouble", String(40)),
    Column("failures", Integer, nullable=False),
    Column("repeats", Integer, nullable=False),
    Column("heard", Integer),
    Column("orphans", Integer, nullable=False),
    # One of `Trouble`; without a constraint, so that a later version may know more of them.
    Column("trouble", String(40)),
    Column("element", String(100)),
    # How it ended.
    Column("filed_at", UtcDateTime),
    Column("filed_how", String(20)),
    Column("filed_by", String(_ACTOR)),
    Column("request_id", String(200)),
    Column("preservation", String(20), nullable=False),
    Column("preservation_due_at", UtcDateTime),
    Column("preservation_failures", Integer, nullable=False),
    Column("closed_by", String(_ACTOR)),
    Column("close_reason", Text),
    # Of a report that is not owed any more: the one, to another authority, that discharged the duty.
    Column("discharged_by", _Id, ForeignKey("reports.id")),
    CheckConstraint(_is_one_of("environment", Environment), name="environment"),
    CheckConstraint(_is_one_of("state", ReportState), name="state"),
    CheckConstraint(_is_one_of("ending", Ending), name="ending"),
    CheckConstraint(_is_one_of("preservation", Preservation), name="preservation"),
    CheckConstraint("filed_how IN ('finish', 'retract', 'person')", name="filed_how"),
    CheckConstraint("(lease_until IS NULL) = (lease_token IS NULL)", name="lease"),
    CheckConstraint("revision > 0 AND round >= 0 AND failures >= 0 AND alarm_level >= 0", name="counts"),
    # Two people, unless it says of itself that there was one: the database itself holds what can be held here.
    CheckConstraint("(approved_by IS NULL) = (approved_at IS NULL)", name="approved"),
    CheckConstraint("is_solo = (declaration IS NOT NULL)", name="declaration"),
    CheckConstraint(
        "state IN ('draft', 'withdrawn', 'filed') OR (document IS NOT NULL AND approved_by IS NOT NULL)",
        name="document",
    ),
    # A report that is filed has the authority's number and a time, and no other has that time.
    CheckConstraint("(state = 'filed') = (filed_at IS NOT NULL)", name="filed_at"),
    CheckConstraint("state <> 'filed' OR (external_id IS NOT NULL AND filed_how IS NOT NULL)", name="filed"),
    CheckConstraint("(state = 'needs_person') = (trouble IS NOT NULL)", name="needs_person"),
    CheckConstraint("state NOT IN ('draft', 'withdrawn') OR external_id IS NULL", name="draft"),
    CheckConstraint("ending IS NULL OR external_id IS NOT NULL", name="ending_of"),
    sqlite_autoincrement=True,  # the audit and the evidence name reports by their number: it is never given out twice
)
Index("ix_reports_case_id_environment", reports.c.case_id, reports.c.environment)
Index("ix_reports_due_at", reports.c.due_at)
Index("ix_reports_alarm_due_at", reports.c.alarm_due_at)
Index("ix_reports_account", reports.c.namespace, reports.c.account_id)

report_files = Table(
    "report_files",
    metadata,
    Column("id", _Id, primary_key=True),
    Column("report_id", _Id, ForeignKey("reports.id"), nullable=False),
    # Raised with the draft's revision: files of earlier revisions stay, for who looks back.
    Column("revision", Integer, nullable=False),
    Column("position", Integer, nullable=False),
    Column("evidence_id", _Id, ForeignKey("evidence.id"), nullable=False),
    Column("name", String(255)),
    Column("size_bytes", BigInteger, nullable=False),
    Column("md5", String(32), nullable=False),
    Column("sha256", String(64), nullable=False),
    Column("details", Text, nullable=False),
    Column("template", LargeBinary),
    Column("external_id", String(100)),
    Column("is_described", Boolean, nullable=False),
    Column("mismatches", Integer, nullable=False),
    UniqueConstraint("report_id", "revision", "position"),
    CheckConstraint("length(md5) = 32 AND length(sha256) = 64", name="digests"),
    CheckConstraint("NOT is_described OR external_id IS NOT NULL", name="is_described"),
    sqlite_autoincrement=True,
)
Index("ix_report_files_evidence_id", report_files.c.evidence_id)

report_calls = Table(
    "report_calls",
    metadata,
    Column("id", _Id, primary_key=True),
    # NULL for a trial of the credentials.
    Column("report_id", _Id, ForeignKey("reports.id")),
    Column("authority", String(40), nullable=False),
    Column("environment", String(10), nullable=False),
    Column("round", Integer, nullable=False),
    Column("external_id", String(100)),
    Column("call", String(20), nullable=False),
    Column("position", Integer),
    Column("begun_at", UtcDateTime, nullable=False),
    Column("answered_at", UtcDateTime),
    Column("outcome", String(20)),
    Column("code", Integer),
    Column("status", SmallInteger),
    Column("request_id", String(200)),
    Column("duration_ms", Integer),
    Column("problem", String(100)),
    CheckConstraint(_is_one_of("call", Call), name="call"),
    CheckConstraint(_is_one_of("environment", Environment), name="environment"),
    CheckConstraint(_is_one_of("outcome", AnswerKind), name="outcome"),
    CheckConstraint("(answered_at IS NULL) = (outcome IS NULL)", name="answered_at"),
    sqlite_autoincrement=True,
)
Index("ix_report_calls_report_id", report_calls.c.report_id)

# One row for each system of each authority. `stopped_at` says that the authority refused these credentials: nothing
# is sent there until a person has entered others, or said that these are mended.
report_credentials = Table(
    "report_credentials",
    metadata,
    Column("id", _Id, primary_key=True),
    Column("authority", String(40), nullable=False),
    Column("environment", String(10), nullable=False),
    Column("username", LargeBinary, nullable=False, info=SEALED),
    Column("password", LargeBinary, nullable=False, info=SEALED),
    Column("set_by", String(_ACTOR), nullable=False),
    Column("set_at", UtcDateTime, nullable=False),
    Column("stopped_at", UtcDateTime),
    Column("stopped_reason", String(40)),
    UniqueConstraint("authority", "environment"),
    CheckConstraint(_is_one_of("environment", Environment), name="environment"),
    CheckConstraint("(stopped_at IS NULL) = (stopped_reason IS NULL)", name="stopped"),
    sqlite_autoincrement=True,
)

# Who switched from rehearsal to real reports. At most one row of an authority is not over.
report_arming = Table(
    "report_arming",
    metadata,
    Column("id", _Id, primary_key=True),
    Column("authority", String(40), nullable=False),
    Column("first_by", String(_ACTOR), nullable=False),
    Column("first_at", UtcDateTime, nullable=False),
    Column("expires_at", UtcDateTime),
    Column("second_by", String(_ACTOR)),
    Column("second_at", UtcDateTime),
    # Only in solo mode: what the one person declared.
    Column("declaration", Text),
    Column("effective_at", UtcDateTime),
    Column("disarmed_by", String(_ACTOR)),
    Column("disarmed_at", UtcDateTime),
    CheckConstraint("(second_by IS NULL) = (second_at IS NULL)", name="second_by"),
    CheckConstraint("(second_by IS NULL) = (effective_at IS NULL)", name="effective_at"),
    CheckConstraint("(disarmed_by IS NULL) = (disarmed_at IS NULL)", name="disarmed"),
    # Two people, unless it says of itself that there was one.
    CheckConstraint("second_by IS NULL OR (second_by <> first_by) = (declaration IS NULL)", name="two_people"),
    sqlite_autoincrement=True,
)
