"""How things stand, for the first page: only what somebody may see, and only what is so.

Facts, not sentences: pages say them in the reader's language.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final
from urllib.parse import quote

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Mapping
    from datetime import datetime

    from sqlalchemy import Connection

    from hedgerow.accounts import Permission, Session
    from hedgerow.app.service import Service
    from hedgerow.banks.health import IndexHealth
    from hedgerow.cases.model import Case, QueueCount
    from hedgerow.cases.showing import Undoable
    from hedgerow.settings import Settings

__all__ = ["KINDS", "Fact", "Today", "today"]

_MOST_REPORTS: Final = 5  # the first page is no list
_STALE_S: Final = 5.0  # as readiness has it
_AUTHORITY: Final = "cybertipline"

KINDS: Final = (
    "report_needs_person",
    "report_late",
    "authority_stopped",
    "unreported",
    "cases_overdue",
    "decisions_late",
    "evidence_lost",
    "deliveries_given_up",
    "deliveries_waiting",
    "exchange_stopped",
    "exchange_unreadable",
    "exchange_stale",
    "exchange_failing",
    "indexes_stale",
    "cases_due_soon",
    "first_run",
    "no_custodian",
    "unsealed",
    "requests_waiting",
    "drafts_waiting",
    "opinions_refused",
    "rows_quarantined",
    "no_bank",
    "indexes_loading",
    "no_second_factor",
)
"""What may need somebody, what weighs most before the rest: what the law sets a time for, then what is lost or stands
still, then what merely waits."""


@dataclass(frozen=True, slots=True)
class Fact:
    """Something that somebody should look after.

    Attributes:
        kind: One of `KINDS`.
        path: The page where it is done.
        said: Numbers and names that its sentence needs.
    """

    kind: str
    path: str
    said: Mapping[str, int | str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Today:
    """How things stand.

    Attributes:
        at: When this was so.
        facts: What to look after, what weighs most first.
        queues: Each queue; None for who may not see cases.
        own: The cases that this person works on.
        undoable: What this person decided last and may take back.
        is_watching: Whether this person may see how the service does at all.
    """

    at: datetime
    facts: list[Fact]
    queues: list[QueueCount] | None
    own: list[Case]
    undoable: Undoable | None
    is_watching: bool


def today(service: Service, session: Session, *, at: datetime) -> Today:
    """Look at how things stand."""
    from hedgerow.accounts import Permission
    from hedgerow.cases.queues import count_queues
    from hedgerow.cases.searching import cases_of_user
    from hedgerow.cases.showing import last_undoable

    may = session.permissions
    is_watching = Permission.METRICS_READ in may
    # Not `Service.readiness`: it has something hashed, which may have to wait behind a long film.
    health = service.matcher.health()
    found: list[Fact] = []
    if session.user.has_password and not session.user.has_totp:
        found.append(Fact("no_second_factor", "/account/authenticator"))
    if is_watching:
        found += _about_indexes(health)
    if Permission.BANKS_READ in may and not health.banks:
        found.append(Fact("no_bank", "/banks"))
    queues: list[QueueCount] | None = None
    own: list[Case] = []
    undoable = None
    with service.database.read() as connection:
        if Permission.CASES_READ in may:
            queues = count_queues(connection, now=at)
            own = cases_of_user(connection, session.user.id, now=at)
            undoable = last_undoable(connection, session.user.id, now=at)
            found += _about_cases(connection, at)
        if Permission.DELIVERIES_READ in may:
            found += _about_deliveries(connection)
        if Permission.EXCHANGES_READ in may:
            found += _about_exchanges(service.settings, connection, at)
        found += _about_evidence(connection, may, at)
        found += _about_first_run(service.settings, connection, may)
        if Permission.REPORTS_READ in may:
            found += _about_reports(service.settings, connection, may, at)
    return Today(at, sorted(found, key=lambda each: KINDS.index(each.kind)), queues, own, undoable, is_watching)


def _about_cases(connection: Connection, at: datetime) -> Iterator[Fact]:
    from hedgerow.cases.queues import needs_attention

    needs = needs_attention(connection, now=at)
    if needs.overdue:
        yield Fact("cases_overdue", "/cases", {"n": needs.overdue})
    if needs.due_soon:
        yield Fact("cases_due_soon", "/cases", {"n": needs.due_soon})
    if (
        needs.late_decisions
        and needs.oldest_late_at is not None
        and (at - needs.oldest_late_at).total_seconds() > _STALE_S
    ):
        yield Fact("decisions_late", "/cases?state=decided", {"n": needs.late_decisions})


def _about_deliveries(connection: Connection) -> Iterator[Fact]:
    from hedgerow.actions import unconfirmed

    for each in unconfirmed(connection):
        path = f"/deliveries?endpoint={each.endpoint_id}"
        if each.given_up:
            yield Fact("deliveries_given_up", path, {"n": each.given_up, "endpoint": each.endpoint_id})
        if each.waiting:
            yield Fact("deliveries_waiting", path, {"n": each.waiting, "endpoint": each.endpoint_id})


def _about_exchanges(settings: Settings, connection: Connection, at: datetime) -> Iterator[Fact]:
    """Say of each exchange what weighs most, and besides whether its partner refused what we said."""
    from hedgerow.app.serving.exchanges import Need, troubled_exchanges

    kinds = {
        Need.STOPPED: "exchange_stopped",
        Need.UNREADABLE: "exchange_unreadable",
        Need.OUT_OF_DATE: "exchange_stale",
        Need.REFUSED: "opinions_refused",
    }
    for each in troubled_exchanges(settings, connection, at=at):
        name = each.standing.exchange.name
        path = f"/exchanges/{quote(name, safe='')}"
        said = {kinds.get(need, "exchange_failing") for need in each.needs[:1]}
        # Who has just made one, and not entered its credentials yet, needs no telling.
        if said == {"exchange_failing"} and each.standing.last_error is None:
            said = set()
        if Need.REFUSED in each.needs:
            said.add("opinions_refused")
        for kind in sorted(said):
            yield Fact(kind, path, {"name": name})


def _about_reports(
    settings: Settings, connection: Connection, may: Collection[Permission], at: datetime
) -> Iterator[Fact]:
    """Say which reports are late or need somebody, the loudest alarms first, and what was confirmed without one."""
    from hedgerow.accounts import Permission
    from hedgerow.app.serving.reports import unreported_of
    from hedgerow.reports.credentials import standing_of
    from hedgerow.reports.filing_model import Environment
    from hedgerow.reports.finding import count_drafts, late_reports

    for each in sorted(late_reports(connection, now=at), key=lambda report: -report.alarm_level)[:_MOST_REPORTS]:
        kind = "report_needs_person" if each.needs_person else "report_late"
        yield Fact(kind, f"/reports/{each.id}", {"report": each.id, "alarm": each.alarm_level})
    unreported = unreported_of(settings, connection)
    if unreported:
        yield Fact("unreported", "/reports", {"n": len(unreported), "case": unreported[0].number})
    environment = Environment(settings.reports.environment)
    if standing_of(connection, _AUTHORITY, environment).stopped_at is not None:
        yield Fact("authority_stopped", "/filing" if Permission.REPORTS_ARM in may else "/reports")
    if Permission.REPORTS_APPROVE in may:
        drafts = count_drafts(connection, environment)
        if drafts:
            yield Fact("drafts_waiting", "/reports", {"n": drafts})


def _about_evidence(connection: Connection, may: Collection[Permission], at: datetime) -> Iterator[Fact]:
    """Say what is wrong with the evidence to who looks after it, and to whoever is the second person what waits."""
    from hedgerow.accounts import Permission
    from hedgerow.evidence import needs_person

    if not {Permission.EVIDENCE_READ, Permission.VAULT_MANAGE} & set(may):
        return
    needs = needs_person(connection, now=at)
    # Who manages the vault sees no list of what lies in it.
    path = "/evidence" if Permission.EVIDENCE_READ in may else "/vault"
    if needs.lost:
        yield Fact("evidence_lost", path, {"n": needs.lost})
    if needs.in_vault and not needs.custodians:
        yield Fact("no_custodian", path, {"n": needs.unsealed})
    elif needs.unsealed:
        yield Fact("unsealed", path, {"n": needs.unsealed})
    if needs.waiting and Permission.EVIDENCE_AGREE in may:
        yield Fact("requests_waiting", path, {"n": needs.waiting})


def _about_first_run(settings: Settings, connection: Connection, may: Collection[Permission]) -> Iterator[Fact]:
    """Lead those who have a part in it to the first run, while a house is new or in the middle of it."""
    from hedgerow.accounts import Permission
    from hedgerow.app.serving.first_run import is_under_way

    theirs = {Permission.USERS_MANAGE, Permission.BANKS_WRITE, Permission.REPORTS_APPROVE}
    if theirs & set(may) and is_under_way(settings, connection):
        yield Fact("first_run", "/first-run")


def _about_indexes(health: IndexHealth) -> Iterator[Fact]:
    if health.error is not None or health.refreshed_age_s is None or health.refreshed_age_s > _STALE_S:
        yield Fact("indexes_stale", "/banks")
    if health.loading:
        yield Fact("indexes_loading", "/banks")
    if health.quarantined:
        yield Fact("rows_quarantined", "/banks", {"n": health.quarantined})
