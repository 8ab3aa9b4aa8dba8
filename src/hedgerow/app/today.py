"""How things stand, for the first page: only what somebody may see, and only what is so."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Iterator
    from datetime import datetime

    from sqlalchemy import Connection

    from hedgerow.accounts import Permission, Session
    from hedgerow.app.service import Service
    from hedgerow.banks.health import IndexHealth
    from hedgerow.cases.model import QueueCount
    from hedgerow.settings import Settings

__all__ = ["Notice", "Today", "today"]

_MOST_REPORTS: Final = 5  # the first page is no list; `report status` is
_STALE_S: Final = 5.0  # as readiness has it


@dataclass(frozen=True, slots=True)
class Notice:
    """Something that somebody should look after.

    Attributes:
        text: One sentence or two.
        path: The page where it is done; None where there is none.
        link: What the link to it says.
    """

    text: str
    path: str | None = None
    link: str = ""


@dataclass(frozen=True, slots=True)
class Today:
    """How things stand.

    Attributes:
        queues: Each queue with cases; None for who may not see cases.
        notices: What to look after.
        is_watching: Whether this person may see how the service does at all.
    """

    queues: list[QueueCount] | None
    notices: list[Notice]
    is_watching: bool


def today(service: Service, session: Session, *, at: datetime) -> Today:
    """Look at how things stand."""
    from hedgerow.accounts import Permission
    from hedgerow.actions import unconfirmed
    from hedgerow.cases.queues import count_queues

    may = session.permissions
    notices: list[Notice] = []
    if session.user.has_password and not session.user.has_totp:
        text = "Your account has no second factor. Whoever learns your password can log in as you."
        notices.append(Notice(text, "/account/authenticator", "Set up an authenticator"))
    is_watching = Permission.METRICS_READ in may
    # Not `Service.readiness`: it has something hashed, which may have to wait behind a long film.
    health = service.matcher.health()
    if is_watching:
        notices += _about_indexes(health)
    if Permission.BANKS_READ in may and not health.banks:
        notices.append(
            Notice("No bank is enabled. Until there is one with entries, everything is answered as unchecked.")
        )
    queues: list[QueueCount] | None = None
    with service.database.read() as connection:
        if Permission.CASES_READ in may:
            queues = count_queues(connection, now=at)
            overdue = sum(each.overdue for each in queues)
            if overdue:
                notices.append(Notice("1 case is overdue." if overdue == 1 else f"{overdue:,} cases are overdue."))
        if Permission.DELIVERIES_READ in may:
            for each in unconfirmed(connection):
                notices.append(Notice(_told(each.endpoint_id, each.waiting, each.given_up)))
        notices += _about_evidence(connection, may, at)
        if Permission.REPORTS_READ in may:
            notices += _about_reports(service.settings, connection, at)
    return Today(queues, notices, is_watching)


def _about_reports(settings: Settings, connection: Connection, at: datetime) -> Iterator[Notice]:
    """Say which reports are late or need somebody, the loudest alarms first, and what was confirmed without one."""
    from hedgerow.app.serving.reports import unreported_of
    from hedgerow.reports.finding import overdue_reports

    for each in sorted(overdue_reports(connection, now=at), key=lambda report: -report.alarm_level)[:_MOST_REPORTS]:
        needs = "needs a person" if each.filing.trouble is not None else "is late and not filed"
        alarm = f" (alarm {each.alarm_level})" if each.alarm_level else ""
        yield Notice(f"Report {each.id} {needs}{alarm}. `hedgerow report status {each.id}` says what to do.")
    unreported = unreported_of(settings, connection)
    if unreported:
        number = len(unreported)
        said = "1 case was confirmed" if number == 1 else f"{number:,} cases were confirmed"
        yield Notice(f"{said}, and nobody has drafted a report; the first is {unreported[0].number}.")


def _about_evidence(connection: Connection, may: frozenset[Permission], at: datetime) -> Iterator[Notice]:
    """Say what is wrong with the evidence to who looks after it, and to whoever is the second person what waits."""
    from hedgerow.accounts import Permission
    from hedgerow.evidence import needs_person

    if not may & {Permission.EVIDENCE_READ, Permission.VAULT_MANAGE}:
        return
    needs = needs_person(connection, now=at)
    if needs.lost:
        files = "1 file" if needs.lost == 1 else f"{needs.lost:,} files"
        yield Notice(f"The vault did not take {files} of open cases: there is no evidence of them. See /readyz.")
    if needs.in_vault and not needs.custodians:
        waits = f" {needs.unsealed:,} filed and not sealed yet." if needs.unsealed else ""
        yield Notice(f"There is no custodian, so that nothing that is reported can be sealed.{waits}")
    elif needs.unsealed:
        yield Notice(f"Evidence that was reported and is not sealed yet: {needs.unsealed:,}. See `hedgerow doctor`.")
    if needs.waiting and Permission.EVIDENCE_AGREE in may:
        said = (
            "1 request about evidence waits"
            if needs.waiting == 1
            else f"{needs.waiting:,} requests about evidence wait"
        )
        yield Notice(f"{said} for a second person.")


def _about_indexes(health: IndexHealth) -> Iterator[Notice]:
    if health.error is not None or health.refreshed_age_s is None or health.refreshed_age_s > _STALE_S:
        yield Notice("The indexes do not follow the banks: what was banked lately is not found. See /readyz.")
    if health.loading:
        yield Notice("Indexes are being loaded, and their banks are searched only afterwards.")
    if health.quarantined:
        rows = "1 malformed row is" if health.quarantined == 1 else f"{health.quarantined:,} malformed rows are"
        yield Notice(f"{rows} kept out of the indexes. `hedgerow doctor` says which.")


def _told(endpoint: int, waiting: int, given_up: int) -> str:
    parts = [
        f"{number:,} {'message' if number == 1 else 'messages'} {what}"
        for number, what in ((waiting, "not confirmed yet"), (given_up, "given up"))
        if number
    ]
    return f"Webhook endpoint {endpoint}: {', '.join(parts)}."
