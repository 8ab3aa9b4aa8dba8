"""The first run: from a house with one admin to a report that was rehearsed, as a row of steps.

What is done is seen in the record itself, and in no number of a step: so the steps can be left, come back to, and done
by other ways. Each takes the permission that it takes everywhere else, so that no single role does all of them.
"""

from __future__ import annotations

import io
import time
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from hedgerow import accounts
from hedgerow.accounts import LinkPurpose, Permission, Role
from hedgerow.accounts.rules import check_user_name
from hedgerow.app import rehearsal
from hedgerow.app.bank_audit import record_added, record_created
from hedgerow.app.clock import now
from hedgerow.app.service import Media
from hedgerow.app.serving import reports as serving
from hedgerow.banks import Attributes, NewEntry, held, records
from hedgerow.banks.rules import check_bank_name
from hedgerow.cases import Verdict, case_clusters, decisions_of
from hedgerow.cases.model import State
from hedgerow.cases.queues import list_cases
from hedgerow.cases.rules import decision_in_force
from hedgerow.cases.searching import past_cases, waiting_cases
from hedgerow.errors import InvalidReport, InvalidUserName, UserExists
from hedgerow.reports import finding, listing
from hedgerow.reports.filing_model import ACTIVE, Environment, ReportState

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator
    from datetime import datetime

    from sqlalchemy import Connection

    from hedgerow.accounts import NewLink, User
    from hedgerow.app.doctor import Check
    from hedgerow.app.rehearsal import SimulatorStanding
    from hedgerow.app.service import Service
    from hedgerow.app.serving.reports import EnvironmentStanding
    from hedgerow.banks import Bank
    from hedgerow.cases.model import Case
    from hedgerow.reports.listing import ReportLine
    from hedgerow.settings import Settings

__all__ = [
    "EXAMPLE_EMAIL",
    "STEPS",
    "FirstRun",
    "Invited",
    "ask_for_simulator",
    "check_installation",
    "copy_of_picture",
    "draft_report",
    "end_rehearsal",
    "first_run",
    "invite",
    "is_under_way",
    "known_picture",
    "make_bank",
    "name_problem",
    "open_case",
    "wait_for_simulator",
]

STEPS: Final = ("house", "people", "key", "authority", "bank", "case", "report", "next")
"""In the order in which they are shown: first what an admin does, then who leads, then who approves."""

NAMESPACE: Final = "rehearsal"
"""Of what is rehearsed: no platform's content is in it, whatever its ids are."""
ACCOUNT: Final = "rehearsal"
BANK_NOTE: Final = "Made by the first run; it holds a generated picture, to rehearse with."
"""By it the bank is known again: whoever changes it has taken the bank for something else."""
EXAMPLE_EMAIL: Final = "rehearsal@platform.example"
_TEXT: Final = (
    "This is a rehearsal of a new installation. The picture was made by the software out of coloured blobs, and shows "
    "nothing and nobody."
)
_AUTHORITY: Final = "cybertipline"
_SEED: Final = 2026
_WIDTH: Final = 640
_HEIGHT: Final = 480
_PATIENCE_S: Final = 4.0
"""A worker looks twice a second, and starts it in less."""
_LOOK_S: Final = 0.05
_KEEPER_ROLE: Final = Role.LEAD
_APPROVER_ROLE: Final = Role.APPROVER


# ── the picture ──────────────────────────────────────────────────────────────────────────────────────────────────


@cache
def known_picture() -> bytes:
    """Return the picture that is put into the bank: soft blobs, the same in every house."""
    stream = io.BytesIO()
    _pixels().save(stream, "JPEG", quality=90)
    return stream.getvalue()


@cache
def copy_of_picture() -> bytes:
    """Return what somebody uploads: the same picture at half the size, saved as a JPEG."""
    from hedgerow.testing.alterations import ALTERATIONS

    (halved,) = (each for each in ALTERATIONS if each.name == "half size")
    return halved.apply(_pixels())


def _pixels() -> Any:  # noqa: ANN401  (a Pillow picture, which is loaded where it is needed)
    from PIL import Image

    from hedgerow.hashing.selftest import synthetic_picture

    return Image.fromarray(synthetic_picture(_WIDTH, _HEIGHT, _SEED))


# ── what is done already ─────────────────────────────────────────────────────────────────────────────────────────


class Named(NamedTuple):
    """Somebody who has a part in it.

    Attributes:
        name: What others see.
        has_come: Whether they have chosen a password.
    """

    name: str
    has_come: bool


@dataclass(frozen=True, slots=True)
class FirstRun:
    """How far a house is.

    Attributes:
        at: When this was so.
        done: The steps that are done.
        leads: Who may fill banks, decide and draft.
        approvers: Who may approve what somebody else drafted.
        is_solo: Whether one person may do both, as the settings say.
        solo_minutes: How long the approval of one's own report cools off.
        is_earnest: Whether new drafts of this house are real reports: nothing is rehearsed here then.
        works_here: Whether this service does by itself what falls due.
        custodians: How many there are.
        authority: How it stands with the system that rehearsals go to.
        simulator: How it stands with our own.
        bank: The bank with the generated picture.
        case: The rehearsed case.
        is_confirmed: Whether somebody confirmed it.
        is_decided: Whether somebody decided it at all.
        report: The latest report about it, as long as nobody gave it up.
        email: Who reports, as the settings say.
    """

    at: datetime
    done: frozenset[str]
    leads: tuple[Named, ...]
    approvers: tuple[Named, ...]
    is_solo: bool
    solo_minutes: int
    is_earnest: bool
    works_here: bool
    custodians: int
    authority: EnvironmentStanding
    simulator: SimulatorStanding
    bank: Bank | None
    case: Case | None
    is_confirmed: bool
    is_decided: bool
    report: ReportLine | None
    email: str | None

    @property
    def is_on_its_way(self) -> bool:
        """Whether the report is approved and not filed yet."""
        return self.report is not None and self.report.state in ACTIVE

    @property
    def is_filed(self) -> bool:
        """Whether there is a receipt."""
        return self.report is not None and self.report.state is ReportState.FILED

    def next_for(self, may: Collection[Permission]) -> str:
        """Return the step that somebody goes on with: the first open one that is theirs, else the first open one."""
        open_ = [each for each in STEPS if each not in self.done and each != "house"]
        if "people" in open_ and Permission.USERS_MANAGE in may:
            return "house"
        return next((each for each in open_ if NEEDS[each] & set(may)), open_[0])


NEEDS: Final[dict[str, frozenset[Permission]]] = {
    "house": frozenset({Permission.USERS_MANAGE}),
    "people": frozenset({Permission.USERS_MANAGE}),
    "key": frozenset({Permission.KEYS_MANAGE}),
    "authority": frozenset({Permission.REPORTS_CREDENTIALS}),
    "bank": frozenset({Permission.BANKS_WRITE}),
    "case": frozenset({Permission.BANKS_WRITE, Permission.CASES_DECIDE}),
    "report": frozenset({Permission.REPORTS_DRAFT, Permission.REPORTS_APPROVE}),
    "next": frozenset(),
}
"""Step → any one of these permissions has a part in it."""


def first_run(service: Service) -> FirstRun:
    """Look at how far this house is."""
    from hedgerow.evidence import needs_person

    settings, at = service.settings, now()
    said = settings.reports
    with service.database.read() as connection:
        users = [each for each in accounts.list_users(connection) if each.is_active]
        leads, approvers = _people(users, is_solo=said.solo)
        keys = accounts.list_keys(connection, include_revoked=False)
        bank = _bank(connection)
        case = _case(connection)
        verdicts = set() if case is None else _verdicts(connection, case)
        report = None if case is None else _report(connection, case)
        (authority,) = (
            each for each in serving.environments_of(settings, connection, at) if each.environment is Environment.TEST
        )
        custodians = needs_person(connection, now=at).custodians
    is_filed = report is not None and report.state is ReportState.FILED
    found = {
        "house": any(each.has_totp for each in users) and custodians > 0,
        "people": bool(leads and approvers),
        "key": any(Permission.SCREEN in each.permissions and each.is_usable(at) for each in keys),
        "authority": authority.problem is None or is_filed,
        "bank": bank is not None,
        "case": bool(verdicts),
        "report": is_filed,
    }
    return FirstRun(
        at,
        frozenset(word for word, is_done in found.items() if is_done),
        tuple(Named(each.display_name, _has_come(each)) for each in leads),
        tuple(Named(each.display_name, _has_come(each)) for each in approvers),
        said.solo,
        round(said.solo_approval_minutes),
        said.environment != str(Environment.TEST),
        settings.workers.in_serve,
        custodians,
        authority,
        rehearsal.standing(settings),
        bank,
        case,
        Verdict.CONFIRMED in verdicts,
        bool(verdicts),
        report,
        said.reporter_email,
    )


def is_under_way(settings: Settings, connection: Connection) -> bool:
    """Tell whether a house is new, or in the middle of its first run. In a house at work the first look says no."""
    if rehearsal.standing(settings).is_wanted:
        return True
    if any(each.namespace != NAMESPACE for each in _some_cases(connection)):
        return False
    if finding.list_reports(connection, states=[ReportState.FILED], limit=1):
        return False
    return _bank(connection) is not None or not held.bank_states(connection)


def _some_cases(connection: Connection) -> Iterator[Case]:
    """Give a few cases of each kind: a house that only rehearsed has one."""
    for state in (State.CLOSED, State.DECIDED, State.ACTING):
        yield from past_cases(connection, state, limit=2)
    yield from waiting_cases(connection, now=now(), limit=2)[0]


def _people(users: Collection[User], *, is_solo: bool) -> tuple[list[User], list[User]]:
    """Return who leads, and who approves beside them: of one report nobody is both, but in solo mode."""
    may = {each.id: accounts.permissions_of(each.roles) for each in users}
    lead = {Permission.BANKS_WRITE, Permission.CASES_DECIDE, Permission.REPORTS_DRAFT}
    leads = [each for each in users if lead <= may[each.id]]
    approvers = [each for each in users if Permission.REPORTS_APPROVE in may[each.id]]
    if not is_solo and len({each.id for each in (*leads, *approvers)}) < 2:  # noqa: PLR2004  (one alone is not two)
        return leads, [each for each in approvers if each not in leads]
    return leads, approvers


def _has_come(user: User) -> bool:
    return user.has_password or user.oidc_issuer is not None


def _bank(connection: Connection) -> Bank | None:
    found = (state.bank for state in held.bank_states(connection))
    return next((each for each in found if each.note == BANK_NOTE and each.is_enabled), None)


def _case(connection: Connection) -> Case | None:
    found = list_cases(connection, namespace=NAMESPACE, subject=("account", ACCOUNT))
    return max(found, key=lambda each: each.id, default=None)


def _verdicts(connection: Connection, case: Case) -> set[Verdict]:
    made = decisions_of(connection, case.id)
    in_force = (decision_in_force(made, each.id) for each in case_clusters(connection, case.id))
    return {each.verdict for each in in_force if each is not None}


def _report(connection: Connection, case: Case) -> ReportLine | None:
    for each in listing.list_of_case(connection, case.id):
        if each.environment is Environment.TEST and each.state is not ReportState.WITHDRAWN:
            return each
    return None


def check_installation(settings: Settings) -> list[Check]:
    """Examine the installation, as ``hedgerow doctor`` does."""
    from hedgerow.app.doctor import examine

    return list(examine(settings))


# ── the steps ────────────────────────────────────────────────────────────────────────────────────────────────────


class Invited(NamedTuple):
    """Somebody who was named, and the link that is theirs.

    Attributes:
        user: Who.
        link: It is shown this once.
    """

    user: User
    link: NewLink


def name_problem(service: Service, name: str) -> str | None:
    """Say why nobody can be named so; None where somebody can."""
    try:
        wanted = check_user_name(name)
    except InvalidUserName as error:
        return str(error)
    with service.database.read() as connection:
        is_taken = any(each.name == wanted for each in accounts.list_users(connection))
    return str(UserExists()) if is_taken else None


def invite(service: Service, *, lead: str | None, approver: str | None, actor: str) -> list[Invited]:
    """Name who leads and who approves, both or neither.

    Args:
        service: The service.
        lead: The user name of who fills banks, decides and drafts; None where there is somebody.
        approver: The user name of who approves; None where there is somebody.
        actor: Who names them.

    Raises:
        InvalidUserName: A name may not be used.
        UserExists: Somebody has it.
    """
    at, found = now(), []
    with service.database.write() as connection:
        for name, role in ((lead, _KEEPER_ROLE), (approver, _APPROVER_ROLE)):
            if name is None:
                continue
            user = accounts.create_user(connection, name, roles=[role], actor=actor, now=at)
            link = accounts.make_link(
                connection,
                user.id,
                LinkPurpose.INVITATION,
                lifetime_s=service.settings.accounts.invitation_s,
                actor=actor,
                now=at,
            )
            found.append(Invited(user, link))
    return found


def ask_for_simulator(service: Service, *, actor: str) -> None:
    """Ask for the authority's simulator; see `hedgerow.app.rehearsal.ask`."""
    rehearsal.ask(service.settings, service.database, service.keys, actor=actor, now=now())


def wait_for_simulator(settings: Settings) -> bool:
    """Wait until a worker runs the simulator that was asked for; return whether one does."""
    until = time.monotonic() + _PATIENCE_S
    while time.monotonic() < until:
        if rehearsal.standing(settings).pages is not None:
            return True
        time.sleep(_LOOK_S)
    return False


def end_rehearsal(service: Service, *, actor: str) -> None:
    """Put the simulator away; see `hedgerow.app.rehearsal.end`."""
    rehearsal.end(service.settings, service.database, actor=actor, now=now())


def make_bank(service: Service, name: str, *, actor: str) -> Bank:
    """Make a bank and put the generated picture into it.

    Raises:
        BankExists: There is one of that name.
        InvalidBankName: No bank may be called so.
        ServiceBusy: Too much waits to be hashed already.
    """
    check_bank_name(name)  # before anything is hashed for it
    data = known_picture()
    hashed = service.hash_media(Media(len(data), data), ("pdq",), with_variants=False, is_exact=True)
    attributes = Attributes(note="Generated, to rehearse with.")
    at, settings = now(), service.settings
    with service.database.write() as connection:
        bank = records.create_bank(
            connection,
            name,
            now=at,
            threshold=settings.threshold,
            minimum_quality=settings.minimum_quality,
            note=BANK_NOTE,
        )
        added = records.add_entries(connection, bank, [NewEntry(each, attributes) for each in hashed.signals], now=at)
        record_created(connection, bank, actor=actor, now=at)
        record_added(connection, bank, added, actor=actor, now=at)
    return bank


def open_case(service: Service, *, actor: str) -> str | None:
    """Send an altered copy of the picture through the door that uploads come through.

    Returns:
        The number of its case; None where the picture was not found.

    Raises:
        InvalidReport: This house sends real reports.
        ServiceBusy: Too much waits to be hashed already.
    """
    from hedgerow.screening import Context

    _check_rehearsing(service.settings)
    with service.database.read() as connection:
        found = _case(connection)
    if found is not None:
        return found.number
    service.matcher.refresh()  # what was banked a moment ago is searched at once
    at, data = now(), copy_of_picture()
    context = Context(
        f"rehearsal-{at:%Y%m%d-%H%M%S}",
        "api",
        namespace=NAMESPACE,
        account_id=ACCOUNT,
        surface="rehearsal",
        uploaded_at=at,
        text_context=_TEXT,
        more={"file_name": "rehearsal.jpg"},
    )
    screened = service.screen_media(context, Media(len(data), data), actor=actor)
    case = screened.to_json().get("case")
    return None if case is None else str(case["number"])


def draft_report(service: Service, *, email: str | None, actor: str) -> int:
    """Draft the report of the rehearsed case to the test system, with all that it needs, and return its number.

    Args:
        service: The service.
        email: Of whoever reports, where the settings do not say it.
        actor: Who drafts.

    Raises:
        InvalidReport: There is nothing to report, or this house sends real reports, or what reports is no address.
    """
    from hedgerow.reports.cybertipline.codes import INCIDENT_OF_CLASSIFIED

    settings, database = service.settings, service.database
    _check_rehearsing(settings)
    stated = settings.reports.reporter_email or email
    if stated is None or "@" not in stated.strip("@"):
        raise InvalidReport("an e-mail address of whoever reports is needed")
    with database.read() as connection:
        case = _case(connection)
        is_confirmed = case is not None and Verdict.CONFIRMED in _verdicts(connection, case)
        found = None if case is None else _report(connection, case)
    if case is None or not is_confirmed:
        raise InvalidReport("the rehearsed case is not confirmed")
    if found is not None:
        return found.id
    report = serving.draft(settings, database, case.number, environment=Environment.TEST, actor=actor).shown.report
    content = dict(report.content)
    content["incidentSummary"] = {"incidentType": INCIDENT_OF_CLASSIFIED, **content.get("incidentSummary", {})}
    reporter = dict(content.get("reporter", {}))
    person = dict(reporter.get("reportingPerson", {}))
    content["reporter"] = reporter | {"reportingPerson": {**person, "email": person.get("email") or [stated]}}
    if content != report.content:
        serving.edit(database, report.id, revision=report.revision, content=content, actor=actor)
    return report.id


def _check_rehearsing(settings: Settings) -> None:
    if settings.reports.environment != str(Environment.TEST):
        raise InvalidReport("this house sends real reports, and rehearses elsewhere")
