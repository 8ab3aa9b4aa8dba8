"""Show what would be sent, and let a second person approve exactly that.

The rules:

1. A *preview* is the bytes that would be sent, and one SHA-256 over all of them: the document, what is said of each
   file, and the digest of each file. It follows from the draft, the evidence and the records of viewing alone.
2. Who approves says which preview that is for. If it is not the present one, nothing is approved.
3. Who wrote any of it cannot approve it. In solo mode one person may, with a declaration that is kept, and the approval
   counts only `SoloRule.approval_delay` later: in it one can come to think again.
4. What breaks a rule of the authority, or names a file that is not in the vault any more, cannot be approved.
5. The approved bytes are stored, and are what is sent. Before a report is opened the preview is made once more: if it
   is another one, the approval is void, and the report is a draft again.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from sqlalchemy import select, update

from hedgerow.audit.rules import canonical_json
from hedgerow.errors import ApprovalRefused, DraftChanged, DraftInvalid, DraftUnwritable, ReportRefused
from hedgerow.reports.arming import DECLARATION, SoloRule, check_person
from hedgerow.reports.authorities import find_authority
from hedgerow.reports.drafting import record, return_to_draft
from hedgerow.reports.filing_model import ReportState
from hedgerow.reports.finding import files_of, find_report, lock_report
from hedgerow.reports.model import Draft, DraftFile, copied
from hedgerow.reports.tables import report_files, reports

if TYPE_CHECKING:
    from datetime import datetime

    from sqlalchemy import Connection

    from hedgerow.audit.rules import Details
    from hedgerow.reports.filing_model import Report, ReportFile
    from hedgerow.reports.model import Violation

__all__ = ["Preview", "approve_report", "draft_of", "is_still_approved", "preview_report", "revoke_approval"]


@dataclass(frozen=True, slots=True)
class Preview:
    """What would be sent, and what keeps it from being sent.

    Attributes:
        report: The report.
        draft: Its content and files, with what the records of viewing say.
        document: The document, byte for byte; None where it cannot be written.
        templates: What is said of each file, without the authority's numbers.
        sha256: Over all of that, and the files' own digests; what an approver approves.
        violations: Everything for which it cannot be sent.
    """

    report: Report
    draft: Draft
    document: bytes | None = field(repr=False)
    templates: tuple[bytes, ...] = field(repr=False)
    sha256: str | None
    violations: tuple[Violation, ...]


def draft_of(connection: Connection, report: Report) -> Draft:
    """Return the content and files of a report, with what the records of viewing say now."""
    from hedgerow.evidence.records import find_evidence  # noqa: PLC0415  (only who writes files needs it)
    from hedgerow.reports.cybertipline.views import view_facts  # noqa: PLC0415  (as above)

    files = []
    for file in files_of(connection, report):
        kept = find_evidence(connection, file.evidence_id)
        viewed = None if kept.submission_id is None else view_facts(connection, kept.submission_id)
        name = file.name or kept.name
        files.append(DraftFile(name, copied(file.details), viewed, kept.submission_id, file.evidence_id))
    return Draft(copied(report.content), tuple(files))


def preview_report(connection: Connection, number: int, *, now: datetime) -> Preview:
    """Show what would be sent now, and everything for which it cannot be.

    Raises:
        ReportNotFound: There is none of that number.
    """
    return _preview(connection, find_report(connection, number), now=now)


def _preview(connection: Connection, report: Report, *, now: datetime) -> Preview:
    authority = find_authority(report.authority)
    draft = draft_of(connection, report)
    foreign = _foreign_numbers(connection, report)
    violations = tuple(authority.violations(draft, environment=report.environment, foreign=foreign, now=now))
    try:
        document = authority.render(draft.content)
        templates = tuple(authority.render_file(each) for each in draft.files)
    except DraftUnwritable:
        if not violations:
            raise
        return Preview(report, draft, None, (), None, violations)
    return Preview(report, draft, document, templates, _digest(connection, report, document, templates), violations)


def _digest(connection: Connection, report: Report, document: bytes, templates: tuple[bytes, ...]) -> str:
    files = files_of(connection, report)
    said = {
        "authority": report.authority,
        "document": hashlib.sha256(document).hexdigest(),
        "environment": str(report.environment),
        "files": [_file_facts(connection, file, template) for file, template in zip(files, templates, strict=True)],
    }
    return hashlib.sha256(canonical_json(said).encode()).hexdigest()


def _file_facts(connection: Connection, file: ReportFile, template: bytes) -> dict[str, object]:
    from hedgerow.evidence.records import find_evidence  # noqa: PLC0415  (as above)

    kept = find_evidence(connection, file.evidence_id)
    return {
        "evidence": file.evidence_id,
        "name": file.name or kept.name,
        "sha256": None if kept.sha256 is None else kept.sha256.hex(),
        "state": str(kept.state),
        "template": hashlib.sha256(template).hexdigest(),
    }


def _foreign_numbers(connection: Connection, report: Report) -> list[str]:
    """Return the numbers that the authority's other system gave: they mean nothing in this one."""
    rows = connection.execute(
        select(reports.c.external_id).where(
            reports.c.authority == report.authority,
            reports.c.environment != str(report.environment),
            reports.c.external_id.is_not(None),
        )
    )
    return [str(row.external_id) for row in rows]


def approve_report(
    connection: Connection,
    number: int,
    *,
    revision: int,
    sha256: str,
    actor: str,
    now: datetime,
    solo: SoloRule = SoloRule(),  # noqa: B008  (frozen)
    declaration: str | None = None,
) -> Report:
    """Approve a preview: these bytes are sent, and no others.

    Args:
        connection: Of `Database.write`.
        number: Which report.
        revision: Of the draft that was looked at.
        sha256: Of the preview that was looked at.
        actor: The approver.
        now: When.
        solo: What one person alone may do.
        declaration: Where the approver wrote some of it, in solo mode: `DECLARATION`.

    Raises:
        ReportNotFound: There is none of that number.
        ReportRefused: It is no draft.
        DraftChanged: It was changed since.
        ApprovalRefused: The approver wrote some of it, or the preview is another one by now, or a file is gone.
        DraftInvalid: It breaks rules of the authority.
        PersonNeeded: Who approves is no person.
    """
    check_person(actor)
    found = lock_report(connection, number)
    if found.state is not ReportState.DRAFT:
        raise ReportRefused(number, "it is no draft")
    if found.revision != revision:
        raise DraftChanged(number, found.revision)
    is_solo = actor in found.authors
    if is_solo and not solo.is_on:
        raise ApprovalRefused("who wrote any of a report cannot approve it: somebody else has to")
    if is_solo and declaration != DECLARATION:
        raise ApprovalRefused(f"who works alone declares, word for word: {DECLARATION}")
    preview = _preview(connection, found, now=now)
    if preview.violations:
        raise DraftInvalid(tuple(each.sentence for each in preview.violations))
    _check_files(connection, found)
    if preview.document is None or preview.sha256 != sha256:
        raise ApprovalRefused("it is not what you looked at any more: look at the preview again")
    effective_at = now + solo.approval_delay if is_solo else now
    document_sha256 = hashlib.sha256(preview.document).hexdigest()
    connection.execute(
        update(reports)
        .where(reports.c.id == number)
        .values(
            state=str(ReportState.APPROVED),
            document=preview.document,
            document_sha256=document_sha256,
            basis_sha256=preview.sha256,
            approved_by=actor,
            approved_at=now,
            is_solo=is_solo,
            declaration=declaration if is_solo else None,
            effective_at=effective_at,
            voided=None,
            due_at=effective_at,
            failures=0,
            round=0,
            orphans=0,
        )
    )
    for file, template in zip(files_of(connection, found), preview.templates, strict=True):
        connection.execute(
            update(report_files)
            .where(report_files.c.id == file.id)
            .values(template=template, external_id=None, is_described=False, mismatches=0)
        )
    details: Details = {"revision": revision, "preview": sha256, "document": document_sha256, "is_solo": is_solo}
    record(connection, number, "approved_solo" if is_solo else "approved", actor=actor, now=now, details=details)
    return find_report(connection, number)


def _check_files(connection: Connection, report: Report) -> None:
    from hedgerow.evidence.model import EvidenceState  # noqa: PLC0415  (as above)
    from hedgerow.evidence.records import find_evidence  # noqa: PLC0415  (as above)

    for file in files_of(connection, report):
        state = find_evidence(connection, file.evidence_id).state
        if state is EvidenceState.SEALED:
            raise ApprovalRefused(
                f"file {file.position + 1} was filed before and is sealed: leave it out, and name the earlier report"
            )
        if state is not EvidenceState.KEPT:
            raise ApprovalRefused(f"file {file.position + 1} is not in the vault any more: leave it out")


def is_still_approved(connection: Connection, report: Report, *, now: datetime) -> bool:
    """Tell whether what was approved is what would be written now (rule 5)."""
    preview = _preview(connection, report, now=now)
    return preview.sha256 is not None and preview.sha256 == report.basis_sha256 and not preview.violations


def revoke_approval(connection: Connection, number: int, *, actor: str, now: datetime) -> Report:
    """Take an approval back, as long as nothing was sent: anybody who may approve can.

    Raises:
        ReportNotFound: There is none of that number.
        ReportRefused: It is not approved, or something was sent.
    """
    return return_to_draft(connection, lock_report(connection, number), "revoked", actor=actor, now=now)
