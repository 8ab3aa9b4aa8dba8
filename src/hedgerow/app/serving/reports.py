"""Reports: draft, show, approve, file, settle; credentials and the switch to real reports."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from hedgerow.app.clock import now
from hedgerow.app.rehearsal import test_address
from hedgerow.reports import approving, arming, credentials, drafting, finding, records
from hedgerow.reports.arming import SoloRule
from hedgerow.reports.filing_model import Environment, ReportState
from hedgerow.reports.preserving import sealer

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from datetime import datetime

    from sqlalchemy import Connection

    from hedgerow.database import Database
    from hedgerow.database.sealing import ServiceKeys
    from hedgerow.evidence import Evidence, ReviewKeys
    from hedgerow.reports.approving import Preview
    from hedgerow.reports.credentials import CredentialsStanding
    from hedgerow.reports.cybertipline.filing import Filer
    from hedgerow.reports.drafting import NewFile
    from hedgerow.reports.filing_model import Answer, Arming, RecordedCall, Report, ReportFile
    from hedgerow.reports.finding import Unreported
    from hedgerow.reports.model import Completeness, Draft, DraftFile
    from hedgerow.settings import Settings

__all__ = [
    "Drafted",
    "EnvironmentStanding",
    "PreviewShown",
    "ReportShown",
    "Standing",
    "agree_to_arming",
    "approve",
    "ask_to_arm",
    "disarm",
    "draft",
    "edit",
    "enter_credentials",
    "environments_of",
    "filer_of",
    "hurry",
    "list_reports",
    "mend_credentials",
    "preview",
    "resolve",
    "revoke",
    "show",
    "solo_rule",
    "standing",
    "try_credentials",
    "unreported_of",
    "withdraw",
]

_AUTHORITY = "cybertipline"


@dataclass(frozen=True, slots=True)
class ReportShown:
    """A report, its files, and the calls that were made for it.

    Attributes:
        report: The report.
        case: The number of its case.
        files: Its files, in order.
        calls: What was asked of the authority; empty in a list.
    """

    report: Report
    case: str
    files: tuple[ReportFile, ...] = ()
    calls: tuple[RecordedCall, ...] = ()


@dataclass(frozen=True, slots=True)
class Drafted:
    """A new draft.

    Attributes:
        shown: The report.
        notes: What its author should know: what was left out and why.
    """

    shown: ReportShown
    notes: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class PreviewShown:
    """What would be sent, how useful it is, and what keeps it from being sent.

    Attributes:
        preview: The bytes and the violations.
        completeness: How useful it is to whoever has to find a person by it.
    """

    preview: Preview
    completeness: Completeness


@dataclass(frozen=True, slots=True)
class EnvironmentStanding:
    """How one of the authority's systems stands.

    Attributes:
        environment: Which.
        address: Where its reports go; None where nobody has said.
        credentials: What anybody may know of its credentials.
        problem: Why nothing can be sent there now; None where something can.
    """

    environment: Environment
    address: str | None
    credentials: CredentialsStanding
    problem: str | None


@dataclass(frozen=True, slots=True)
class Standing:
    """How filing stands.

    Attributes:
        environments: Both systems.
        arming: Who switched real reports on, or has asked for it; None for nobody.
        is_solo: Whether one person may do what takes two.
        counts: Reports by environment and state.
        late: Reports that are owed and late or wait for a person, with the numbers of their cases.
        unreported: Cases that people confirmed and of which there is no report.
    """

    environments: tuple[EnvironmentStanding, ...]
    arming: Arming | None
    is_solo: bool
    counts: Mapping[tuple[str, str], int]
    late: tuple[ReportShown, ...]
    unreported: tuple[Unreported, ...]


def solo_rule(settings: Settings) -> SoloRule:
    """Return what one person alone may do."""
    said = settings.reports
    return SoloRule(said.solo, timedelta(minutes=said.solo_approval_minutes), timedelta(hours=said.solo_arming_hours))


# ── drafts ───────────────────────────────────────────────────────────────────────────────────────────────────────


def draft(
    settings: Settings,
    database: Database,
    case: str,
    *,
    authority: str = _AUTHORITY,
    environment: Environment | None = None,
    text: str = "additional_info",
    actor: str,
) -> Drafted:
    """Compose a draft from a case; a person completes it.

    Args:
        settings: The settings.
        database: The database.
        case: The case's number, as people call it.
        authority: To whom.
        environment: Into which of its systems; None for that of the settings.
        text: Where the texts around submissions go, a word of `hedgerow.reports.model.TextPlace`.
        actor: Who.

    Raises:
        CaseNotFound: There is no such case.
        InvalidReport: There is no such authority.
        PersonNeeded: Who drafts is no person.
        VaultUnavailable: A text cannot be put into the evidence.
    """
    from hedgerow.cases import find_case_by_number
    from hedgerow.reports.authorities import find_authority
    from hedgerow.reports.cybertipline.composing import compose
    from hedgerow.reports.model import TextPlace

    arming.check_person(actor)
    find_authority(authority)
    where = environment or Environment(settings.reports.environment)
    with database.read() as connection:
        found = find_case_by_number(connection, case)
        account = found.subject_id if found.subject_kind == "account" else None
        earlier = finding.earlier_report_ids(connection, found.namespace, account, where, authority)
        numbers = [int(each) for each in earlier if each.isdecimal()]
        composed = compose(
            connection,
            found.id,
            reporter=settings.reports,
            now=now(),
            earlier_reports=numbers,
            text=TextPlace(text),
        )
    files, notes = _with_bytes(settings, database, found.id, composed, actor)
    with database.write() as connection:
        known_at = finding.confirmed_at(connection, found.id)
        made = drafting.create_report(
            connection,
            found.id,
            authority=authority,
            environment=where,
            content=composed.content,
            files=files,
            deadline_at=(known_at or now()) + timedelta(hours=settings.reports.deadline_hours),
            actor=actor,
            now=now(),
        )
        return Drafted(_shown(connection, made), (*composed.notes, *notes))


def _with_bytes(
    settings: Settings, database: Database, case_id: int, composed: Draft, actor: str
) -> tuple[list[NewFile], list[str]]:
    """Return the files that can be sent, and say of each other why it cannot."""
    from hedgerow.evidence import EvidenceState, find_evidence
    from hedgerow.reports.drafting import NewFile

    files: list[NewFile] = []
    notes: list[str] = []
    for each in composed.files:
        number = each.evidence_id
        if number is None and each.text is not None:
            number = _keep_text(settings, database, case_id, each, actor)
        if number is None:
            continue
        with database.read() as connection:
            kept = find_evidence(connection, number)
        if kept.state is EvidenceState.SEALED:
            notes.append(f"Evidence {number} was filed before, with report {kept.report_id}, and is left out.")
        elif kept.state is EvidenceState.KEPT:
            files.append(NewFile(number, each.name, each.details))
    return files, notes


def _keep_text(settings: Settings, database: Database, case_id: int, file: DraftFile, actor: str) -> int:
    """Put a text into the vault, so that what is sent is what is kept."""
    from hedgerow.evidence import Keeper, NewAttachment, attach, load_review_keys, open_vault

    keeper = Keeper(database, open_vault(settings), load_review_keys(settings))
    kept = keeper.keep(lambda: [(file.text or "").encode()], now=now())
    with database.write() as connection:
        return attach(connection, case_id, NewAttachment(file.name, "text/plain"), kept, actor=actor, now=now()).id


def edit(
    database: Database,
    number: int,
    *,
    revision: int,
    content: Mapping[str, Any] | None = None,
    files: Sequence[NewFile] | None = None,
    actor: str,
) -> ReportShown:
    """Change a draft; see `hedgerow.reports.drafting.edit_report`."""
    with database.write() as connection:
        made = drafting.edit_report(
            connection, number, revision=revision, content=content, files=files, actor=actor, now=now()
        )
        return _shown(connection, made)


def withdraw(
    database: Database, number: int, *, reason: str, discharged_by: int | None = None, actor: str
) -> ReportShown:
    """Give up a report of which nothing was sent; see `hedgerow.reports.drafting.withdraw_report`."""
    with database.write() as connection:
        made = drafting.withdraw_report(
            connection, number, reason=reason, discharged_by=discharged_by, actor=actor, now=now()
        )
        return _shown(connection, made)


# ── looking ──────────────────────────────────────────────────────────────────────────────────────────────────────


def _shown(connection: Connection, report: Report, *, with_calls: bool = False) -> ReportShown:
    from hedgerow.cases import find_case

    calls = tuple(finding.calls_of(connection, report.id)) if with_calls else ()
    case = find_case(connection, report.case_id).number
    return ReportShown(report, case, tuple(finding.files_of(connection, report)), calls)


def list_reports(
    database: Database,
    *,
    states: Sequence[ReportState] = (),
    case: str | None = None,
    before: int | None = None,
    limit: int,
) -> list[ReportShown]:
    """List reports, the newest first.

    Raises:
        CaseNotFound: There is no such case.
    """
    from hedgerow.cases import find_case_by_number

    with database.read() as connection:
        case_id = None if case is None else find_case_by_number(connection, case).id
        found = finding.list_reports(connection, states=states, case_id=case_id, before=before, limit=limit)
        return [_shown(connection, each) for each in found]


def show(database: Database, number: int) -> ReportShown:
    """Return a report with its files and calls.

    Raises:
        ReportNotFound: There is none of that number.
    """
    with database.read() as connection:
        return _shown(connection, finding.find_report(connection, number), with_calls=True)


def preview(database: Database, number: int) -> PreviewShown:
    """Show what would be sent now, and what keeps it from being sent.

    Raises:
        ReportNotFound: There is none of that number.
    """
    from hedgerow.reports.cybertipline.completeness import completeness

    with database.read() as connection:
        found = approving.preview_report(connection, number, now=now())
    return PreviewShown(found, completeness(found.draft.content, found.draft.files))


# ── approval ─────────────────────────────────────────────────────────────────────────────────────────────────────


def approve(
    settings: Settings,
    database: Database,
    number: int,
    *,
    revision: int,
    sha256: str,
    declaration: str | None = None,
    actor: str,
) -> ReportShown:
    """Approve a preview; see `hedgerow.reports.approving.approve_report`."""
    with database.write() as connection:
        made = approving.approve_report(
            connection,
            number,
            revision=revision,
            sha256=sha256,
            actor=actor,
            now=now(),
            solo=solo_rule(settings),
            declaration=declaration,
        )
        return _shown(connection, made)


def revoke(database: Database, number: int, *, actor: str) -> ReportShown:
    """Take an approval back, as long as nothing was sent."""
    with database.write() as connection:
        return _shown(connection, approving.revoke_approval(connection, number, actor=actor, now=now()))


# ── filing ───────────────────────────────────────────────────────────────────────────────────────────────────────


def filer_of(settings: Settings, database: Database, keys: ServiceKeys) -> Filer:
    """Return what files reports, wired to the vault."""
    from hedgerow.evidence import open_vault
    from hedgerow.reports.cybertipline.filing import Filer

    vault, review_keys = open_vault(settings), _review_keys(settings)

    def source(number: int) -> Iterator[bytes]:
        from hedgerow.errors import ReviewKeyUnusable
        from hedgerow.evidence import open_evidence

        if review_keys is None:
            raise ReviewKeyUnusable("they cannot be read")
        return open_evidence(_evidence(database, number), vault, review_keys)

    return Filer(
        database,
        keys,
        source,
        seal=sealer(review_keys, rehearse=settings.reports.seal_rehearsed, now=now),
        test_address=test_address(settings),
        solo=solo_rule(settings),
        now=now,
        lease=timedelta(seconds=settings.reports.lease_s),
    )


def _evidence(database: Database, number: int) -> Evidence:
    from hedgerow.evidence import find_evidence

    with database.read() as connection:
        return find_evidence(connection, number)


def _review_keys(settings: Settings) -> ReviewKeys | None:
    """Return the review keys; None where they cannot be read, which keeps nothing from being recorded as filed."""
    from hedgerow.errors import HedgerowError
    from hedgerow.evidence import load_review_keys

    try:
        return load_review_keys(settings)
    except HedgerowError:
        return None


def hurry(database: Database, number: int, *, actor: str) -> ReportShown:
    """Let an approved report be sent as soon as it may, without waiting for its next time.

    Raises:
        ReportNotFound: There is none of that number.
        ReportRefused: It is not approved, or over.
    """
    with database.write() as connection:
        return _shown(connection, records.hurry(connection, number, actor=actor, now=now()))


def resolve(
    settings: Settings, database: Database, number: int, what: str, *, reference: str | None = None, actor: str
) -> ReportShown:
    """Say what becomes of a report that does not get on; see `hedgerow.reports.records.resolve_report`."""
    seal = sealer(_review_keys(settings), rehearse=settings.reports.seal_rehearsed, now=now)
    with database.write() as connection:
        made = records.resolve_report(connection, number, what, reference=reference, actor=actor, now=now(), seal=seal)
        return _shown(connection, made)


# ── credentials, the switch, and how it all stands ───────────────────────────────────────────────────────────────


def enter_credentials(
    database: Database,
    keys: ServiceKeys,
    environment: Environment,
    username: str,
    password: str,
    *,
    authority: str = _AUTHORITY,
    actor: str,
) -> CredentialsStanding:
    """Enter credentials in the place of those that were there. Nobody can read them back.

    Raises:
        CredentialsRefused: One of them cannot be any.
        InvalidReport: The authority has no interface.
    """
    _check_sent(authority)
    with database.write() as connection:
        return credentials.set_credentials(
            connection, authority, environment, username, password, keys=keys, actor=actor, now=now()
        )


def mend_credentials(
    database: Database, environment: Environment, *, authority: str = _AUTHORITY, actor: str
) -> CredentialsStanding:
    """Say that refused credentials are mended: what they stopped goes on."""
    _check_sent(authority)
    with database.write() as connection:
        return credentials.resume_environment(connection, authority, environment, actor=actor, now=now())


def try_credentials(settings: Settings, database: Database, keys: ServiceKeys, environment: Environment) -> Answer:
    """Ask the authority whether it accepts the credentials; nothing else is sent.

    Raises:
        AuthorityNotReady: There are none, or no address, or real reports are not switched on.
        ProductionRefused: What is set does not fit together.
        SealBroken: The credentials do not open with our service keys.
        ServerSupportMissing: The package httpx is not installed.
    """
    from hedgerow.reports.cybertipline.client import Client
    from hedgerow.reports.cybertipline.filing import destination_of
    from hedgerow.reports.filing_model import Call

    with database.read() as connection:
        destination = destination_of(
            connection,
            environment,
            test_address=test_address(settings),
            keys=keys,
            solo=solo_rule(settings),
            now=now(),
        )
    with Client(destination) as client:
        called = client.status()
    with database.write() as connection:
        records.record_trial(
            connection,
            _AUTHORITY,
            environment,
            Call.STATUS,
            called.answer,
            duration_ms=called.duration_ms,
            now=now(),
        )
    return called.answer


def ask_to_arm(database: Database, *, authority: str = _AUTHORITY, actor: str) -> Arming:
    """Ask for real reports to be switched on; see `hedgerow.reports.arming`."""
    _check_sent(authority)
    with database.write() as connection:
        return arming.ask_to_arm(connection, authority, actor=actor, now=now())


def agree_to_arming(
    settings: Settings,
    database: Database,
    *,
    authority: str = _AUTHORITY,
    declaration: str | None = None,
    actor: str,
) -> Arming:
    """Agree that real reports are switched on; see `hedgerow.reports.arming`."""
    _check_sent(authority)
    with database.write() as connection:
        return arming.agree_to_arming(
            connection, authority, actor=actor, now=now(), solo=solo_rule(settings), declaration=declaration
        )


def disarm(database: Database, *, authority: str = _AUTHORITY, actor: str) -> bool:
    """Switch real reports off at once; return whether there was anything to switch off."""
    _check_sent(authority)
    with database.write() as connection:
        return arming.disarm(connection, authority, actor=actor, now=now())


def _check_sent(authority: str) -> None:
    from hedgerow.errors import InvalidReport
    from hedgerow.reports.authorities import find_authority

    if not find_authority(authority).is_sent_by_us:
        raise InvalidReport("this authority has a portal and no interface: nothing of ours logs in there")


def standing(settings: Settings, database: Database, *, at: datetime | None = None) -> Standing:
    """Say how filing stands: what can be sent, and what is late."""
    time = at or now()
    with database.read() as connection:
        environments = environments_of(settings, connection, time)
        late = tuple(_shown(connection, each) for each in finding.overdue_reports(connection, now=time))
        return Standing(
            environments,
            arming.find_arming(connection, _AUTHORITY, now=time),
            settings.reports.solo,
            finding.count_reports(connection),
            late,
            unreported_of(settings, connection),
        )


def environments_of(settings: Settings, connection: Connection, at: datetime) -> tuple[EnvironmentStanding, ...]:
    """Say how each of the authority's systems stands."""
    return tuple(_environment(settings, connection, each, at) for each in Environment)


def unreported_of(settings: Settings, connection: Connection, *, limit: int = 1_000) -> tuple[Unreported, ...]:
    """List the confirmed cases of which there is no report, where one is expected, the longest waiting first."""
    if not settings.reports.expected:
        return ()
    # Whoever sends real ones has not reported what was rehearsed.
    is_earnest = settings.reports.environment == str(Environment.PRODUCTION)
    environment = Environment.PRODUCTION if is_earnest else None
    return tuple(finding.unreported_cases(connection, environment=environment, limit=limit))


def _environment(
    settings: Settings, connection: Connection, environment: Environment, at: datetime
) -> EnvironmentStanding:
    from hedgerow.errors import ProductionRefused
    from hedgerow.reports.cybertipline.client import PRODUCTION_ADDRESS, check_test_address

    found = credentials.standing_of(connection, _AUTHORITY, environment)
    problem: str | None = None
    address: str | None = PRODUCTION_ADDRESS
    if environment is Environment.TEST:
        address = test_address(settings)
        problem = "no_address" if address is None else None
        if address is not None:
            try:
                check_test_address(address)
            except ProductionRefused:
                problem = "address_refused"
    else:
        problem = _arming_problem(settings, connection, at)
    if problem is None and found.set_at is None:
        problem = "no_credentials"
    if found.stopped_at is not None:
        problem = "stopped"
    return EnvironmentStanding(environment, address, found, problem)


def _arming_problem(settings: Settings, connection: Connection, at: datetime) -> str | None:
    from hedgerow.errors import AuthorityNotReady

    try:
        arming.armed(connection, _AUTHORITY, solo=solo_rule(settings), now=at)
    except AuthorityNotReady as error:
        return error.word
    return None
