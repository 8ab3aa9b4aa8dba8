"""Write drafts, change them, and give them up. The first argument is an open connection; the caller commits."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

from sqlalchemy import insert, update

from hedgerow.audit import append
from hedgerow.audit.rules import canonical_json
from hedgerow.errors import DraftChanged, InvalidReport, ReportRefused
from hedgerow.reports.arming import check_person
from hedgerow.reports.authorities import find_authority
from hedgerow.reports.filing_model import Environment, Preservation, ReportState
from hedgerow.reports.finding import files_of, find_report, lock_report
from hedgerow.reports.tables import report_files, reports

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import datetime

    from sqlalchemy import Connection

    from hedgerow.audit.rules import Details
    from hedgerow.reports.filing_model import Report

__all__ = ["UNAPPROVED", "NewFile", "create_report", "edit_report", "record", "return_to_draft", "withdraw_report"]

_MOST_FILES: Final = 1_000
_LONGEST_NAME: Final = 255
_LONGEST_CONTENT: Final = 4_000_000
_LONGEST_REASON: Final = 500
_IDS: Final = ("reportId", "fileId")

UNAPPROVED: Final[dict[str, object]] = {
    "document": None,
    "document_sha256": None,
    "basis_sha256": None,
    "approved_by": None,
    "approved_at": None,
    "is_solo": False,
    "declaration": None,
    "effective_at": None,
}
"""A draft again: nothing of an approval is left but in the audit."""


@dataclass(frozen=True, slots=True)
class NewFile:
    """A file that goes with a report.

    Attributes:
        evidence_id: What it is in the vault; of the report's own case.
        name: What the authority's form calls it; None for the name that it is kept under.
        details: What is said of it, without the numbers that the authority gives, and nothing about who viewed it.
    """

    evidence_id: int
    name: str | None = field(default=None, repr=False)
    details: Mapping[str, Any] = field(default_factory=dict, repr=False)


def create_report(  # noqa: PLR0913  (a report begins with all of this)
    connection: Connection,
    case_id: int,
    *,
    authority: str,
    environment: Environment,
    content: Mapping[str, Any],
    files: Sequence[NewFile] = (),
    deadline_at: datetime,
    actor: str,
    now: datetime,
) -> Report:
    """Write the draft of a report about a case. A case may have several, and so may an account.

    Raises:
        CaseNotFound: There is no such case.
        InvalidReport: There is no such authority, or the content or a file does not fit.
        PersonNeeded: Who drafts is no person.
        ViewedCannotBeStated: It says who viewed a file.
    """
    from hedgerow.cases import find_case  # noqa: PLC0415  (looked up on first use: see that room)

    check_person(actor)
    find_authority(authority)
    case = find_case(connection, case_id)
    values = {
        "case_id": case_id,
        "authority": authority,
        "environment": str(environment),
        "namespace": case.namespace,
        "account_id": case.subject_id if case.subject_kind == "account" else None,
        "state": str(ReportState.DRAFT),
        "content": _content_text(content),
        "revision": 1,
        "authors": json.dumps([actor]),
        "created_at": now,
        "updated_at": now,
        "deadline_at": deadline_at,
        "alarm_level": 0,
        "alarm_due_at": deadline_at,
        "is_solo": False,
        "round": 0,
        "has_asked_to_finish": False,
        "failures": 0,
        "repeats": 0,
        "orphans": 0,
        "preservation": str(Preservation.NONE),
        "preservation_failures": 0,
    }
    number = connection.execute(insert(reports).values(values).returning(reports.c.id)).scalar_one()
    _write_files(connection, number, case_id, 1, files)
    details: Details = {"case": case_id, "authority": authority, "environment": str(environment), "files": len(files)}
    record(connection, number, "drafted", actor=actor, now=now, details=details)
    return find_report(connection, number)


def edit_report(
    connection: Connection,
    number: int,
    *,
    revision: int,
    content: Mapping[str, Any] | None = None,
    files: Sequence[NewFile] | None = None,
    actor: str,
    now: datetime,
) -> Report:
    """Change a draft. Who changes it is one of its authors from then on, and cannot approve it.

    An approved report of which nothing was sent yet becomes a draft again.

    Args:
        connection: Of `Database.write`.
        number: Which report.
        revision: What was looked at; it must be the present one.
        content: What it says from now on; None leaves that.
        files: Its files from now on; None leaves them.
        actor: Who.
        now: When.

    Raises:
        ReportNotFound: There is none of that number.
        ReportRefused: Something of it was sent already, or it is over.
        DraftChanged: Somebody else changed it meanwhile.
        InvalidReport: The content or a file does not fit.
        PersonNeeded: Who changes it is no person.
        ViewedCannotBeStated: It says who viewed a file.
    """
    check_person(actor)
    found = lock_report(connection, number)
    if found.revision != revision:
        raise DraftChanged(number, found.revision)
    if found.state is ReportState.APPROVED:
        found = return_to_draft(connection, found, "edited", actor=actor, now=now)
    if found.state is not ReportState.DRAFT:
        raise ReportRefused(number, f"it is {_in_words(found.state)}, and no draft")
    said = (
        [NewFile(each.evidence_id, each.name, each.details) for each in files_of(connection, found)]
        if files is None
        else files
    )
    authors = [*found.authors, actor] if actor not in found.authors else list(found.authors)
    connection.execute(
        update(reports)
        .where(reports.c.id == number)
        .values(
            content=_content_text(found.content if content is None else content),
            revision=revision + 1,
            authors=json.dumps(authors),
            updated_at=now,
            voided=None,
        )
    )
    _write_files(connection, number, found.case_id, revision + 1, said)
    details = {"revision": revision + 1, "files": len(said)}
    record(connection, number, "edited", actor=actor, now=now, details=details)
    return find_report(connection, number)


def return_to_draft(connection: Connection, report: Report, reason: str, *, actor: str, now: datetime) -> Report:
    """Make an approved report a draft again, as long as nothing of it is open at the authority.

    Raises:
        ReportRefused: Something of it was sent, or is being sent.
    """
    filing = report.filing
    if filing.external_id is not None or filing.intent is not None or report.state is not ReportState.APPROVED:
        raise ReportRefused(report.id, "it is being sent")
    connection.execute(
        update(reports)
        .where(reports.c.id == report.id)
        .values(
            {
                **UNAPPROVED,
                "state": str(ReportState.DRAFT),
                "voided": reason,
                "due_at": None,
                "failures": 0,
                "round": 0,
                "lease_until": None,
                "lease_token": None,
            }
        )
    )
    record(connection, report.id, "approval_voided", actor=actor, now=now, details={"reason": reason})
    return find_report(connection, report.id)


def withdraw_report(
    connection: Connection,
    number: int,
    *,
    reason: str,
    actor: str,
    now: datetime,
    discharged_by: int | None = None,
) -> Report:
    """Give a report up of which nothing is open at the authority. It is owed no more, and a person has said so.

    Args:
        connection: Of `Database.write`.
        number: Which report.
        reason: Why, in a person's words.
        actor: Who.
        now: When.
        discharged_by: The number of the report, to another authority, by which this duty is discharged.

    Raises:
        ReportNotFound: There is none of that number.
        ReportRefused: Something of it was sent, or it is over.
        PersonNeeded: Who gives it up is no person.
        InvalidReport: There is no reason.
    """
    check_person(actor)
    text = reason.strip()
    if not text or len(text) > _LONGEST_REASON or not text.isprintable():
        raise InvalidReport(f"a reason has 1 to {_LONGEST_REASON} printable characters")
    found = lock_report(connection, number)
    if discharged_by is not None and not _discharges(find_report(connection, discharged_by), found):
        raise ReportRefused(
            discharged_by, "it is not filed for good, or with an authority that discharges nothing here"
        )
    if found.state is ReportState.APPROVED:
        found = return_to_draft(connection, found, "withdrawn", actor=actor, now=now)
    if found.state is not ReportState.DRAFT:
        raise ReportRefused(number, f"it is {_in_words(found.state)}, and no draft")
    connection.execute(
        update(reports)
        .where(reports.c.id == number)
        .values(
            state=str(ReportState.WITHDRAWN),
            closed_by=actor,
            close_reason=text,
            discharged_by=discharged_by,
            alarm_due_at=None,
        )
    )
    record(connection, number, "withdrawn", actor=actor, now=now, details={"discharged_by": discharged_by})
    return find_report(connection, number)


def record(
    connection: Connection,
    number: int,
    what: str,
    *,
    actor: str,
    now: datetime,
    details: Details | None = None,
) -> None:
    """Append the audit line of a step; the action is ``report.`` and what was done."""
    append(
        connection,
        actor=actor,
        action=f"report.{what}",
        subject_type="report",
        subject_id=number,
        details=details or {},
        now=now,
    )


def _discharges(other: Report, owed: Report) -> bool:
    """Tell whether a report to another authority fulfils the duty of this one."""
    from hedgerow.reports.nca.duty import discharges  # noqa: PLC0415  (only who was told so asks)

    return owed.authority == "nca" and other.case_id == owed.case_id and discharges(other)


# ── what is said ─────────────────────────────────────────────────────────────────────────────────────────────────


def _in_words(state: ReportState) -> str:
    return str(state).replace("_", " ")


def _content_text(content: Mapping[str, Any]) -> str:
    from hedgerow.reports.cybertipline.views import refuse_stated_views  # noqa: PLC0415  (every draft's rule)

    refuse_stated_views(dict(content))
    return _json_text(content)


def _json_text(value: Mapping[str, Any]) -> str:
    try:
        text = canonical_json(dict(value))
        text.encode()
    except (TypeError, ValueError, RecursionError):
        raise InvalidReport("it holds something that can be kept by no JSON") from None
    if len(text) > _LONGEST_CONTENT or "\\u0000" in text:
        raise InvalidReport("it is too long, or holds a NUL")
    return text


def _write_files(connection: Connection, number: int, case_id: int, revision: int, files: Sequence[NewFile]) -> None:
    from hedgerow.evidence.records import case_evidence  # noqa: PLC0415  (only who writes files needs it)
    from hedgerow.reports.cybertipline.views import refuse_stated_views  # noqa: PLC0415  (as above)

    if len(files) > _MOST_FILES:
        raise InvalidReport(f"a report has at most {_MOST_FILES:,} files")
    known = {each.id: each for each in case_evidence(connection, case_id)} if files else {}
    if len({each.evidence_id for each in files}) < len(files):
        raise InvalidReport("a file is named twice")
    for position, file in enumerate(files):
        refuse_stated_views(dict(file.details), "fileDetails")
        kept = known.get(file.evidence_id)
        if kept is None:
            raise InvalidReport("a file is not in the evidence of this case")
        if kept.size_bytes is None or kept.md5 is None or kept.sha256 is None or kept.object is None:
            raise InvalidReport("of a file there are no bytes, so that it cannot be sent")
        name = file.name
        if name is not None and (not 1 <= len(name) <= _LONGEST_NAME or not name.isprintable()):
            raise InvalidReport(f"a file's name has 1 to {_LONGEST_NAME} printable characters")
        details = {key: value for key, value in file.details.items() if key not in _IDS}
        connection.execute(
            insert(report_files).values(
                report_id=number,
                revision=revision,
                position=position,
                evidence_id=file.evidence_id,
                name=name,
                size_bytes=kept.size_bytes,
                md5=kept.md5.hex(),
                sha256=kept.sha256.hex(),
                details=_json_text(details),
                is_described=False,
                mismatches=0,
            )
        )
