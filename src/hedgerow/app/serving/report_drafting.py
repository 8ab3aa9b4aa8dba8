"""What pages change of a draft: a part of it, or which files are in it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from hedgerow.app.clock import now
from hedgerow.app.serving import reports as serving
from hedgerow.app.serving.report_form_fields import form_page
from hedgerow.app.serving.report_form_reading import read_part, without_part
from hedgerow.errors import DraftChanged, InvalidReport
from hedgerow.reports import approving, finding
from hedgerow.reports.drafting import NewFile
from hedgerow.reports.filing_model import ReportState

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from hedgerow.app.serving.report_form import FormPage
    from hedgerow.app.serving.reports import ReportShown
    from hedgerow.database import Database
    from hedgerow.reports.filing_model import Report
    from hedgerow.reports.model import Content
    from hedgerow.settings import Settings

__all__ = ["DraftForm", "draft_form", "leave_file_out", "put_file_in", "remove_part", "save_part"]


@dataclass(frozen=True, slots=True)
class DraftForm:
    """A part of a draft, as a form.

    Attributes:
        report: The report.
        page: The form.
        files: How many files it has.
    """

    report: Report
    page: FormPage
    files: int


def draft_form(database: Database, number: int, at: str) -> DraftForm:
    """Look at a part of a draft.

    Raises:
        ReportNotFound: There is none of that number.
        InvalidReport: There can be no such part.
    """
    with database.read() as connection:
        report = finding.find_report(connection, number)
        files = finding.files_of(connection, report)
        is_draft = report.state is ReportState.DRAFT
        violations = approving.preview_report(connection, number, now=now()).violations if is_draft else ()
    page = form_page(report.content, [each.details for each in files], violations, at)
    return DraftForm(report, page, len(files))


def save_part(
    database: Database, number: int, at: str, form: Mapping[str, str], *, seen: str, actor: str
) -> ReportShown | None:
    """Put what somebody typed into a part of a draft; other parts may have been changed meanwhile.

    Args:
        database: The database.
        number: Which report.
        at: Which part.
        form: Name of a field → what was typed.
        seen: The digest of the part as it was when the form was shown.
        actor: Who; an author from then on.

    Returns:
        The report; None where nothing is different, so that nobody became an author of nothing.

    Raises:
        ReportNotFound: There is none of that number.
        ReportRefused: It is no draft.
        DraftChanged: Somebody else changed this part.
        InvalidReport: There can be no such part, or it cannot be kept.
    """
    found = draft_form(database, number, at)
    if found.page.seen != seen:
        raise DraftChanged(number, found.report.revision)
    return _changed(database, number, found, lambda content, files: read_part(content, files, at, form), actor)


def remove_part(database: Database, number: int, at: str, *, seen: str, actor: str) -> ReportShown | None:
    """Take a part out of a draft; what is said of a file takes the file with it.

    Raises:
        ReportNotFound: There is none of that number.
        ReportRefused: It is no draft.
        DraftChanged: Somebody else changed this part.
        InvalidReport: There can be no such part.
    """
    found = draft_form(database, number, at)
    if found.page.seen != seen:
        raise DraftChanged(number, found.report.revision)
    if not found.page.is_removable:
        raise InvalidReport("the report cannot be without it")
    if at.startswith("fileDetails[") and "/" not in at:
        return _leave_out(database, found.report, int(at.removeprefix("fileDetails[").rstrip("]")) - 1, actor)
    return _changed(database, number, found, lambda content, files: without_part(content, files, at), actor)


def _changed(
    database: Database,
    number: int,
    found: DraftForm,
    change: Callable[[Mapping[str, Any], Sequence[Mapping[str, Any]]], Content],
    actor: str,
) -> ReportShown | None:
    with database.read() as connection:
        files = finding.files_of(connection, found.report)
    details = [each.details for each in files]
    made = change(found.report.content, details)
    at = found.page.at
    if not at.startswith("fileDetails["):
        if made == dict(found.report.content):
            return None
        return serving.edit(database, number, revision=found.report.revision, content=made, actor=actor)
    place = int(at.partition("[")[2].partition("]")[0]) - 1
    if made == dict(details[place]):
        return None
    new = [
        NewFile(each.evidence_id, each.name, made if position == place else each.details)
        for position, each in enumerate(files)
    ]
    return serving.edit(database, number, revision=found.report.revision, files=new, actor=actor)


def _leave_out(database: Database, report: Report, place: int, actor: str) -> ReportShown:
    with database.read() as connection:
        files = finding.files_of(connection, report)
    new = [NewFile(each.evidence_id, each.name, each.details) for each in files]
    del new[place]
    return serving.edit(database, report.id, revision=report.revision, files=new, actor=actor)


def leave_file_out(database: Database, number: int, evidence: int, *, actor: str) -> ReportShown:
    """Leave a file out of a draft.

    Raises:
        ReportNotFound: There is none of that number.
        ReportRefused: It is no draft.
        InvalidReport: The file is not in it.
    """
    with database.read() as connection:
        report = finding.find_report(connection, number)
        places = [each.position for each in finding.files_of(connection, report) if each.evidence_id == evidence]
    if not places:
        raise InvalidReport("the file is not in it")
    return _leave_out(database, report, places[0], actor)


def put_file_in(settings: Settings, database: Database, number: int, evidence: int, *, actor: str) -> ReportShown:
    """Put a file of the case into a draft, with what the case says of it.

    Raises:
        ReportNotFound: There is none of that number.
        ReportRefused: It is no draft.
        EvidenceNotFound: There is no such evidence.
        InvalidReport: It is there already, or not in the evidence of the case.
    """
    from hedgerow.evidence import find_evidence
    from hedgerow.reports.cybertipline.composing import compose

    with database.read() as connection:
        report = finding.find_report(connection, number)
        files = finding.files_of(connection, report)
        kept = find_evidence(connection, evidence)
        composed = compose(connection, report.case_id, reporter=settings.reports, now=now())
    said = next((each for each in composed.files if each.evidence_id == evidence), None)
    new = NewFile(evidence, None, {"originalFileName": kept.name} if said is None else said.details)
    old = [NewFile(each.evidence_id, each.name, each.details) for each in files]
    return serving.edit(database, number, revision=report.revision, files=[*old, new], actor=actor)
