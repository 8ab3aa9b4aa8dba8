"""What the pages of reports show, each gathered in one look; and the changes of a draft that pages make."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from hedgerow.app.clock import now
from hedgerow.app.serving import reports as serving
from hedgerow.app.serving.report_form import home_of
from hedgerow.app.serving.report_form_fields import sections
from hedgerow.reports import approving, finding, listing
from hedgerow.reports.arming import DECLARATION
from hedgerow.reports.filing_model import ACTIVE, UNFINISHED, Environment, ReportState

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from datetime import datetime

    from sqlalchemy import Connection

    from hedgerow.app.serving.report_form import Link
    from hedgerow.app.serving.reports import EnvironmentStanding, ReportShown
    from hedgerow.database import Database
    from hedgerow.evidence import Evidence
    from hedgerow.reports.approving import Preview
    from hedgerow.reports.arming import SoloRule
    from hedgerow.reports.filing_model import Report, ReportFile
    from hedgerow.reports.finding import Unreported
    from hedgerow.reports.listing import ReportLine
    from hedgerow.reports.model import Completeness, PreviewLine, ViewFacts, Violation
    from hedgerow.settings import Settings

__all__ = [
    "Board",
    "Check",
    "FileLine",
    "LiveState",
    "PreviewPage",
    "ReportPage",
    "board",
    "live",
    "names_of",
    "preview_page",
    "report_page",
]

_AUTHORITY: Final = "cybertipline"
_MOST_UNREPORTED: Final = 20
_MOST_ITEMS: Final = 1_000


def names_of(connection: Connection, actors: Iterable[str | None]) -> dict[str, str]:
    """Return what people call those who acted: ``user:3`` → the name that others see; programs keep their words."""
    from hedgerow.accounts.finding import display_names

    wanted = {each for each in actors if each is not None}
    numbers = {each: int(each.removeprefix("user:")) for each in wanted if each.startswith("user:")}
    known = display_names(connection, set(numbers.values()))
    return {each: known.get(numbers.get(each, 0), each) for each in wanted}


# ── the list ─────────────────────────────────────────────────────────────────────────────────────────────────────


@dataclass(frozen=True, slots=True)
class Board:
    """The list of reports, and what lacks one.

    Attributes:
        lines: What is shown; one more than asked for where there is another page.
        counts: How many are owed, by state.
        unreported: Cases that people confirmed and of which there is no report, the longest waiting first.
        has_more_unreported: Whether there are more of these.
        environments: How each of the authority's systems stands.
        environment: Into which a new draft goes.
        names: Who is who.
        at: When this was looked at.
    """

    lines: tuple[ReportLine, ...]
    counts: Mapping[ReportState, int]
    unreported: tuple[Unreported, ...]
    has_more_unreported: bool
    environments: tuple[EnvironmentStanding, ...]
    environment: Environment
    names: Mapping[str, str]
    at: datetime


def board(  # noqa: PLR0913  (each is another way to look)
    settings: Settings,
    database: Database,
    *,
    is_over: bool = False,
    states: Sequence[ReportState] = (),
    case: str | None = None,
    number: int | None = None,
    after: tuple[datetime, int] | None = None,
    before: int | None = None,
    limit: int,
) -> Board:
    """Look at the reports: what is owed and late first, or what is over and new first, or those of one case.

    Raises:
        CaseNotFound: There is no such case.
    """
    from hedgerow.cases import find_case_by_number

    at = now()
    with database.read() as connection:
        if number is not None:
            found = listing.find_line(connection, number)
            lines = [] if found is None else [found]
        elif case is not None:
            lines = listing.list_of_case(connection, find_case_by_number(connection, case).id, limit=limit)
        elif is_over:
            lines = listing.list_over(connection, before=before, limit=limit)
        else:
            wanted = states or UNFINISHED
            lines = listing.list_owed(connection, states=wanted, after=after, limit=limit)
        unreported = serving.unreported_of(settings, connection, limit=_MOST_UNREPORTED + 1)
        return Board(
            tuple(lines),
            listing.count_owed(connection),
            unreported[:_MOST_UNREPORTED],
            len(unreported) > _MOST_UNREPORTED,
            serving.environments_of(settings, connection, at),
            Environment(settings.reports.environment),
            names_of(connection, (each for line in lines for each in (*line.authors, line.approved_by))),
            at,
        )


# ── one report ───────────────────────────────────────────────────────────────────────────────────────────────────


class Check(NamedTuple):
    """Something for which a report cannot be sent.

    Attributes:
        sentence: What is wrong.
        fix: Where and how to mend it.
        at: The part with whose page it is mended.
        field: The field there; empty for the page as a whole.
    """

    sentence: str
    fix: str
    at: str
    field: str


class FileLine(NamedTuple):
    """A file of a report.

    Attributes:
        number: From 1, in the order of sending.
        evidence_id: What it is in the vault.
        name: What it is called.
        size_bytes: How large it is.
        classification: Its class; None where none is stated.
        relevance: Whether it is reported, or a supplement.
        annotations: The annotations that are stated.
        viewed: What the records of viewing say; None for a text of ours.
        problems: How many things about it keep the report from being sent.
        is_uploaded: Whether the authority has its bytes.
        is_described: Whether the authority has what is said of it.
    """

    number: int
    evidence_id: int
    name: str
    size_bytes: int
    classification: str | None
    relevance: str | None
    annotations: tuple[str, ...]
    viewed: ViewFacts | None
    problems: int
    is_uploaded: bool
    is_described: bool


@dataclass(frozen=True, slots=True)
class ReportPage:
    """The page of a report.

    Attributes:
        shown: The report, its files and its calls.
        at: When this was looked at.
        names: Who is who.
        files: Its files.
        environment: How the system stands into which it goes.
        is_sent_by_us: Whether the authority has an interface; else a person takes the export to it.
        authority: What people call the authority.
        sections: The parts of a draft; empty for what is none.
        checks: For what a draft cannot be sent.
        completeness: How useful a draft is; None for what is none.
        left_out: Files of the case that are in the vault and not in the draft.
        filed_before: Files of the case that were filed with another report, with its number.
        notes: What its author should know about how it was composed; empty where that was not asked for.
        solo: What one person alone may do.
        live: How far it is.
        others: Other reports about the same case.
    """

    shown: ReportShown
    at: datetime
    names: Mapping[str, str]
    files: tuple[FileLine, ...]
    environment: EnvironmentStanding
    is_sent_by_us: bool
    authority: str
    sections: tuple[Link, ...]
    checks: tuple[Check, ...]
    completeness: Completeness | None
    left_out: tuple[Evidence, ...]
    filed_before: tuple[Evidence, ...]
    notes: tuple[str, ...]
    solo: SoloRule
    live: LiveState
    others: tuple[ReportLine, ...]


def report_page(settings: Settings, database: Database, number: int, *, with_notes: bool = False) -> ReportPage:
    """Look at a report.

    Args:
        settings: The settings.
        database: The database.
        number: Which.
        with_notes: Whether its author should be told how it was composed.

    Raises:
        ReportNotFound: There is none of that number.
    """
    from hedgerow.cases import find_case
    from hedgerow.reports.authorities import find_authority
    from hedgerow.reports.cybertipline.completeness import completeness

    at = now()
    with database.read() as connection:
        report = finding.find_report(connection, number)
        files = tuple(finding.files_of(connection, report))
        calls = tuple(finding.calls_of(connection, number))
        case = find_case(connection, report.case_id).number
        shown = serving.ReportShown(report, case, files, calls)
        is_draft = report.state is ReportState.DRAFT
        preview = approving.preview_report(connection, number, now=at) if is_draft else None
        violations = () if preview is None else preview.violations
        kept = _kept_of_case(connection, report) if is_draft else []
        within = {each.evidence_id for each in files}
        authority = find_authority(report.authority)
        standing = next(
            each for each in serving.environments_of(settings, connection, at) if each.environment is report.environment
        )
        actors = (*report.authors, report.approved_by, report.filed_by, report.closed_by)
        return ReportPage(
            shown,
            at,
            names_of(connection, actors),
            tuple(_file_lines(connection, files, preview, violations)),
            standing,
            authority.is_sent_by_us,
            authority.name,
            tuple(sections(report.content, violations)) if is_draft else (),
            tuple(_checks(violations)),
            None if preview is None else completeness(preview.draft.content, preview.draft.files),
            tuple(each for each in kept if each.id not in within and each.report_id is None),
            tuple(each for each in kept if each.id not in within and each.report_id is not None),
            _notes(settings, connection, report) if with_notes and is_draft else (),
            serving.solo_rule(settings),
            _live(report, calls[-1].id if calls else 0, at),
            tuple(each for each in listing.list_of_case(connection, report.case_id) if each.id != number),
        )


def _checks(violations: Iterable[Violation]) -> Iterable[Check]:
    for each in violations:
        at, field = home_of(each.path)
        yield Check(each.message, each.fix, at, field)


def _file_lines(
    connection: Connection, files: Sequence[ReportFile], preview: Preview | None, violations: Sequence[Violation]
) -> Iterable[FileLine]:
    from hedgerow.evidence import find_evidence

    drafted = [None] * len(files) if preview is None else preview.draft.files
    for number, (file, draft) in enumerate(zip(files, drafted, strict=True), 1):
        details: Mapping[str, Any] = file.details
        said = details.get("fileAnnotations")
        name = file.name or (find_evidence(connection, file.evidence_id).name if draft is None else draft.name)
        yield FileLine(
            number,
            file.evidence_id,
            name,
            file.size_bytes,
            _text(details.get("industryClassification")),
            _text(details.get("fileRelevance")),
            tuple(sorted(said)) if isinstance(said, dict) else (),
            None if draft is None else draft.viewed,
            sum(each.path.startswith((f"fileDetails[{number}]/",)) for each in violations),
            file.standing.external_id is not None,
            file.standing.is_described,
        )


def _text(said: object) -> str | None:
    return said if isinstance(said, str) else None


def _kept_of_case(connection: Connection, report: Report) -> list[Evidence]:
    from hedgerow.evidence import EvidenceState, case_evidence

    found = case_evidence(connection, report.case_id)
    there = {EvidenceState.KEPT, EvidenceState.SEALED}
    return [each for each in found if each.state in there and each.size_bytes is not None][:_MOST_ITEMS]


def _notes(settings: Settings, connection: Connection, report: Report) -> tuple[str, ...]:
    """Say again what was left out of a draft and why; nothing is written."""
    from hedgerow.reports.cybertipline.composing import compose

    return compose(connection, report.case_id, reporter=settings.reports, now=now()).notes


# ── live ─────────────────────────────────────────────────────────────────────────────────────────────────────────


@dataclass(frozen=True, slots=True)
class LiveState:
    """How far a report is, in few facts that can be asked for every second.

    Attributes:
        state: Where it stands.
        is_under_way: Whether it gets on by itself.
        is_waiting: Whether its approval counts only later, in solo mode.
        uploaded: Files that the authority has.
        described: Files of which it has the details.
        files: All of them.
        failures: Calls in a row that did not get on.
        due_at: When the next call may be made.
        version: Changes whenever anything of the page does.
    """

    state: ReportState
    is_under_way: bool
    is_waiting: bool
    uploaded: int
    described: int
    files: int
    failures: int
    due_at: datetime | None
    version: str


def live(database: Database, number: int) -> LiveState:
    """Say how far a report is.

    Raises:
        ReportNotFound: There is none of that number.
    """
    with database.read() as connection:
        report = finding.find_report(connection, number)
        calls = finding.calls_of(connection, number, limit=1)
    return _live(report, calls[-1].id if calls else 0, now())


def _live(report: Report, latest_call: int, at: datetime) -> LiveState:
    filing = report.filing
    uploaded = sum(each.external_id is not None for each in filing.files)
    described = sum(each.is_described for each in filing.files)
    said = (report.state, report.revision, filing.round, filing.external_id, uploaded, described, filing.failures)
    ending = (latest_call, filing.intent is not None, report.preservation, report.alarm_level)
    return LiveState(
        report.state,
        report.state in ACTIVE,
        report.effective_at is not None and report.effective_at > at,
        uploaded,
        described,
        len(filing.files),
        filing.failures,
        filing.due_at,
        "-".join(str(each) for each in (*said, *ending)),
    )


# ── the preview ──────────────────────────────────────────────────────────────────────────────────────────────────


@dataclass(frozen=True, slots=True)
class PreviewPage:
    """What is sent, for eyes and byte for byte.

    Attributes:
        report: The report.
        case: The number of its case.
        lines: What is said, field by field.
        document: The document as text; None where it cannot be written.
        document_sha256: Of its bytes.
        files: What is said of each file, as text, with its name.
        sha256: What an approval names; None where nothing can be approved.
        checks: For what it cannot be sent.
        completeness: How useful it is; None where it is no draft any more.
        names: Who is who.
        solo: What one person alone may do.
        declaration: What one person alone types, word for word.
        at: When this was looked at.
    """

    report: Report
    case: str
    lines: tuple[PreviewLine, ...]
    document: str | None
    document_sha256: str | None
    files: tuple[tuple[str, str], ...]
    sha256: str | None
    checks: tuple[Check, ...]
    completeness: Completeness | None
    names: Mapping[str, str]
    solo: SoloRule
    declaration: str
    at: datetime


def preview_page(settings: Settings, database: Database, number: int) -> PreviewPage:
    """Look at what would be sent; of what was approved, at what was approved.

    Raises:
        ReportNotFound: There is none of that number.
    """
    import hashlib

    from hedgerow.cases import find_case
    from hedgerow.reports.cybertipline.completeness import completeness
    from hedgerow.reports.cybertipline.previewing import preview as lines_of

    at = now()
    with database.read() as connection:
        report = finding.find_report(connection, number)
        case = find_case(connection, report.case_id).number
        is_draft = report.state is ReportState.DRAFT
        made = approving.preview_report(connection, number, now=at)
        document, templates = made.document, made.templates
        if not is_draft and report.document is not None:
            stored = finding.files_of(connection, report)
            document, templates = report.document, tuple(each.template or b"" for each in stored)
        names = names_of(connection, (*report.authors, report.approved_by))
    titles = [each.name for each in made.draft.files]
    return PreviewPage(
        report,
        case,
        tuple(lines_of(made.draft.content, made.draft.files)),
        None if document is None else document.decode(),
        None if document is None else hashlib.sha256(document).hexdigest(),
        tuple((name, each.decode()) for name, each in zip(titles, templates, strict=False)),
        made.sha256 if is_draft else report.basis_sha256,
        tuple(_checks(made.violations)) if is_draft else (),
        completeness(made.draft.content, made.draft.files) if is_draft else None,
        names,
        serving.solo_rule(settings),
        DECLARATION,
        at,
    )
