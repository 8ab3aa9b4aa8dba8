"""Claim reports that are due, announce calls, and record what came of them. The caller commits.

Everything that a filer writes is fenced: it holds the token of its claim, and where another has taken over since, it
writes nothing (`ReportLeaseLost`). What it learned too late is the business of who took over: see
`hedgerow.reports.rules`.
"""

from __future__ import annotations

import secrets
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from sqlalchemy import and_, insert, or_, select, update

from hedgerow.actions import enqueue
from hedgerow.errors import InvalidReport, ReportLeaseLost, ReportRefused
from hedgerow.reports import rules
from hedgerow.reports.approving import is_still_approved
from hedgerow.reports.arming import check_person, disarm
from hedgerow.reports.authorities import AUTHORITIES, find_authority
from hedgerow.reports.credentials import stop_environment
from hedgerow.reports.drafting import UNAPPROVED, record, return_to_draft
from hedgerow.reports.filing_model import (
    ACTIVE,
    Answer,
    AnswerKind,
    Call,
    Claim,
    Ending,
    Environment,
    Preservation,
    ReportState,
    Trouble,
)
from hedgerow.reports.finding import files_of, find_report, lock_report
from hedgerow.reports.tables import report_calls, report_credentials, report_files, reports

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from datetime import datetime, timedelta

    from sqlalchemy import ColumnElement, Connection

    from hedgerow.reports.filing_model import Filing, Report, ReportFile
    from hedgerow.reports.rules import Step

__all__ = [
    "LEASE",
    "Announced",
    "announce_call",
    "claim_due",
    "due_reports",
    "environment_of",
    "hold_restored",
    "hurry",
    "is_any_due",
    "postpone",
    "record_answer",
    "record_late_answer",
    "record_trial",
    "release",
    "renew",
    "resolve_report",
    "settle_lost",
]

LEASE: Final = rules.LEASE

_LONGEST_PROBLEM: Final = 100
_LONGEST_REQUEST_ID: Final = 200


class Announced(NamedTuple):
    """A call that is on record and is to be made now.

    Attributes:
        call_id: Its row.
        step: Which call.
        report: The report as it was announced.
        file: The file that it is about.
    """

    call_id: int
    step: Step
    report: Report
    file: ReportFile | None


# ── claims ───────────────────────────────────────────────────────────────────────────────────────────────────────


def _is_due(now: datetime) -> ColumnElement[bool]:
    is_free = or_(reports.c.lease_until.is_(None), reports.c.lease_until < now)
    # What was announced and never answered is looked after as soon as its lease is over, whatever its time.
    is_time = or_(reports.c.due_at <= now, and_(reports.c.intent_id.is_not(None), reports.c.due_at.is_not(None)))
    is_stopped = (
        select(report_credentials.c.id)
        .where(
            report_credentials.c.authority == reports.c.authority,
            report_credentials.c.environment == reports.c.environment,
            report_credentials.c.stopped_at.is_not(None),
        )
        .exists()
    )
    return and_(
        reports.c.state.in_([str(each) for each in ACTIVE]),
        reports.c.authority.in_([word for word in AUTHORITIES if word in _SENT]),
        is_time,
        is_free,
        ~is_stopped,
    )


_SENT: Final = ("cybertipline",)
"""The authorities with an interface (`Authority.is_sent_by_us`), known without loading any."""


def is_any_due(connection: Connection, *, now: datetime) -> bool:
    """Tell whether a report is due: cheaper to ask than to claim."""
    return connection.execute(select(reports.c.id).where(_is_due(now)).limit(1)).first() is not None


def due_reports(connection: Connection, *, now: datetime, only: int | None = None, limit: int = 100) -> list[int]:
    """Return the numbers of the reports that are due, the first one first."""
    statement = select(reports.c.id).where(_is_due(now)).order_by(reports.c.due_at, reports.c.id).limit(limit)
    if only is not None:
        statement = statement.where(reports.c.id == only)
    return [int(number) for number in connection.execute(statement).scalars()]


def claim_due(
    connection: Connection, *, now: datetime, lease: timedelta = rules.LEASE, only: int | None = None
) -> Claim | None:
    """Take a lease on the report that is due first; None where none is. Commit before anything is sent.

    Args:
        connection: Of `Database.write`.
        now: When.
        lease: How long it is ours without a sign.
        only: Nothing but this report.
    """
    statement = select(reports.c.id).where(_is_due(now)).order_by(reports.c.due_at, reports.c.id).limit(1)
    if only is not None:
        statement = statement.where(reports.c.id == only)
    number = connection.execute(statement.with_for_update(skip_locked=True)).scalar()
    if number is None:
        return None
    token = secrets.token_hex(16)
    connection.execute(update(reports).where(reports.c.id == number).values(lease_until=now + lease, lease_token=token))
    return Claim(int(number), token)


def renew(connection: Connection, claim: Claim, *, now: datetime, lease: timedelta = rules.LEASE) -> None:
    """Say that the work goes on.

    Raises:
        ReportLeaseLost: Another has taken over, or a person has.
    """
    found = connection.execute(
        update(reports)
        .where(reports.c.id == claim.report_id, reports.c.lease_token == claim.token)
        .values(lease_until=now + lease)
    )
    if not found.rowcount:
        raise ReportLeaseLost(claim.report_id)


def release(connection: Connection, claim: Claim) -> None:
    """Give the lease back, if it is still ours."""
    connection.execute(
        update(reports)
        .where(reports.c.id == claim.report_id, reports.c.lease_token == claim.token)
        .values(lease_until=None, lease_token=None)
    )


def postpone(connection: Connection, claim: Claim, until: datetime) -> None:
    """Give a report back that cannot be sent now through no fault of its own: it is looked at again then.

    Raises:
        ReportLeaseLost: Another has taken over.
    """
    found = connection.execute(
        update(reports)
        .where(reports.c.id == claim.report_id, reports.c.lease_token == claim.token)
        .values(lease_until=None, lease_token=None, due_at=until)
    )
    if not found.rowcount:
        raise ReportLeaseLost(claim.report_id)


def _held(connection: Connection, claim: Claim) -> Report:
    """Lock a report that is still ours."""
    number = connection.execute(
        select(reports.c.id)
        .where(reports.c.id == claim.report_id, reports.c.lease_token == claim.token)
        .with_for_update()
    ).scalar()
    if number is None:
        raise ReportLeaseLost(claim.report_id)
    return find_report(connection, claim.report_id)


# ── calls ────────────────────────────────────────────────────────────────────────────────────────────────────────


def settle_lost(connection: Connection, claim: Claim, *, now: datetime, share: float = 0.0) -> Report:
    """Settle a call that was announced by who died over it, or is held to be dead: nobody knows whether it was made.

    Raises:
        ReportLeaseLost: Another has taken over.
    """
    found = _held(connection, claim)
    if found.filing.intent is None:
        return found
    answer = Answer(AnswerKind.LOST, problem="nobody recorded an answer")
    call_id = connection.execute(select(reports.c.intent_id).where(reports.c.id == found.id)).scalar_one()
    return _record_answer(connection, found, int(call_id), answer, duration_ms=None, now=now, share=share)


def environment_of(connection: Connection, claim: Claim) -> Environment:
    """Return into which system a claimed report goes, and let nobody else change it before this transaction ends.

    Raises:
        ReportLeaseLost: Another has taken over.
    """
    return _held(connection, claim).environment


def announce_call(
    connection: Connection, claim: Claim, *, now: datetime, lease: timedelta = rules.LEASE
) -> Announced | None:
    """Put the next call on record before it is made; None where there is none to make now. Commit, then make it.

    Raises:
        ReportLeaseLost: Another has taken over.
    """
    found = _held(connection, claim)
    step = rules.next_step(found.filing, now)
    if step.call is None:
        return None
    if step.call is Call.SUBMIT and not is_still_approved(connection, found, now=now):
        voided = return_to_draft(connection, found, "changed_since", actor="system", now=now)
        _tell(connection, voided, "report.needs_person", {"reason": "changed_since"}, now=now)
        return None
    filing = rules.announce(found.filing, step, now)
    call_id = connection.execute(
        insert(report_calls)
        .values(
            report_id=found.id,
            authority=found.authority,
            environment=str(found.environment),
            round=filing.round,
            external_id=filing.external_id,
            call=str(step.call),
            position=step.position,
            begun_at=now,
        )
        .returning(report_calls.c.id)
    ).scalar_one()
    _save(connection, found, filing, intent_id=int(call_id), lease_until=now + lease)
    report = find_report(connection, found.id)
    file = None if step.position is None else files_of(connection, report)[step.position]
    return Announced(int(call_id), step, report, file)


def record_answer(
    connection: Connection,
    claim: Claim,
    call_id: int,
    answer: Answer,
    *,
    duration_ms: int,
    now: datetime,
    share: float = 0.0,
    seal: Callable[[Connection, Report], None] | None = None,
) -> Report:
    """Record what came of an announced call, and what follows from it.

    Args:
        connection: Of `Database.write`.
        claim: Ours.
        call_id: The announced call.
        answer: What came of it.
        duration_ms: How long it took.
        now: When.
        share: A random number from 0 to 1, for the wait.
        seal: Holds and seals the evidence of a report that is filed by this, in the same transaction. If that fails,
            the report is filed all the same, and it is tried again.

    Raises:
        ReportLeaseLost: Another has taken over; nothing is recorded.
    """
    found = _held(connection, claim)
    return _record_answer(connection, found, call_id, answer, duration_ms=duration_ms, now=now, share=share, seal=seal)


def _record_answer(
    connection: Connection,
    found: Report,
    call_id: int,
    answer: Answer,
    *,
    duration_ms: int | None,
    now: datetime,
    share: float,
    seal: Callable[[Connection, Report], None] | None = None,
) -> Report:
    before = found.filing
    filing = rules.after(before, answer, now, share)
    _write_answer(connection, call_id, answer, duration_ms=duration_ms, now=now, external_id=answer.report_id)
    values: dict[str, object] = {}
    if filing.state is ReportState.FILED:
        values = {"filed_at": now, "filed_how": filing.filed_how, "request_id": _request_id(answer)}
        values |= {"alarm_due_at": None, "preservation": str(Preservation.PENDING), "preservation_due_at": now}
    _save(connection, found, filing, intent_id=None, **values)
    made = find_report(connection, found.id)
    _record_change(connection, before, made, answer, now=now)
    if made.state is ReportState.FILED and seal is not None:
        seal(connection, made)
    if rules.is_stopping(answer):
        reason = "401" if answer.kind is AnswerKind.UNAUTHORIZED else str(answer.code)
        if stop_environment(connection, made.authority, made.environment, reason, now=now):
            told = {"reason": "credentials_refused", "environment": str(made.environment)}
            _tell(connection, made, "report.stopped", told, now=now)
    return find_report(connection, found.id)


def record_late_answer(
    connection: Connection, claim: Claim, call_id: int, answer: Answer, *, duration_ms: int, now: datetime
) -> bool:
    """Add the answer to the row of a call whose claim was lost: what it says is kept, and changes nothing.

    Returns:
        Whether the answer names a report that stands nowhere on record: whoever holds the answer takes it back.
    """
    row = connection.execute(
        select(report_calls.c.call, report_calls.c.external_id).where(report_calls.c.id == call_id)
    ).one()
    _write_answer(connection, call_id, answer, duration_ms=duration_ms, now=now, external_id=answer.report_id)
    if row.call != str(Call.SUBMIT) or answer.report_id is None:
        return False
    known = connection.execute(
        select(reports.c.id).where(reports.c.id == claim.report_id, reports.c.external_id == answer.report_id)
    ).first()
    return known is None


def record_trial(  # noqa: PLR0913  (a row of the record has these)
    connection: Connection,
    authority: str,
    environment: Environment,
    call: Call,
    answer: Answer,
    *,
    duration_ms: int,
    now: datetime,
    report_id: int | None = None,
    external_id: str | None = None,
) -> None:
    """Record a call that no report waits for: a trial of the credentials, or the end of a stray opening."""
    values = {
        "report_id": report_id,
        "authority": authority,
        "environment": str(environment),
        "round": 0,
        "external_id": external_id or answer.report_id,
        "call": str(call),
        "begun_at": now,
    }
    number = connection.execute(insert(report_calls).values(values).returning(report_calls.c.id)).scalar_one()
    _write_answer(
        connection, number, answer, duration_ms=duration_ms, now=now, external_id=answer.report_id or external_id
    )


def _write_answer(
    connection: Connection,
    call_id: int,
    answer: Answer,
    *,
    duration_ms: int | None,
    now: datetime,
    external_id: str | None,
) -> None:
    values: dict[str, object] = {
        "answered_at": now,
        "outcome": str(answer.kind),
        "code": answer.code,
        "status": answer.status,
        "request_id": _request_id(answer),
        "duration_ms": duration_ms,
        "problem": None if answer.problem is None else answer.problem[:_LONGEST_PROBLEM],
    }
    if external_id is not None:
        values["external_id"] = external_id
    connection.execute(update(report_calls).where(report_calls.c.id == call_id).values(values))


def _request_id(answer: Answer) -> str | None:
    return None if answer.request_id is None else answer.request_id[:_LONGEST_REQUEST_ID]


def _save(connection: Connection, report: Report, filing: Filing, **values: object) -> None:
    """Write what the rules say; where it is a draft again, nothing of the approval stays."""
    said: dict[str, Any] = {
        "state": str(filing.state),
        "round": filing.round,
        "external_id": filing.external_id,
        "opened_at": filing.opened_at,
        "touched_at": filing.touched_at,
        "has_asked_to_finish": filing.has_asked_to_finish,
        "ending": None if filing.ending is None else str(filing.ending),
        "ending_trouble": None if filing.ending_trouble is None else str(filing.ending_trouble),
        "failures": filing.failures,
        "repeats": filing.repeats,
        "heard": filing.heard,
        "orphans": filing.orphans,
        "due_at": filing.due_at,
        "trouble": None if filing.trouble is None else str(filing.trouble),
        "element": None if filing.element is None else filing.element[:100],
    }
    if filing.state is ReportState.DRAFT:
        said |= {**UNAPPROVED, "voided": "edit"}
    if filing.state not in ACTIVE:
        said |= {"lease_until": None, "lease_token": None}
    connection.execute(update(reports).where(reports.c.id == report.id).values({**said, **values}))
    for file, standing in zip(files_of(connection, report), filing.files, strict=True):
        if file.standing != standing:
            connection.execute(
                update(report_files)
                .where(report_files.c.id == file.id)
                .values(
                    external_id=standing.external_id,
                    is_described=standing.is_described,
                    mismatches=standing.mismatches,
                )
            )


def _record_change(connection: Connection, before: Filing, made: Report, answer: Answer, *, now: datetime) -> None:
    """Append the audit line of what changed, where people will look for it; and tell the platform of an end."""
    after = made.filing
    facts = {"external_id": after.external_id, "request_id": _request_id(answer), "round": after.round}
    if after.state is ReportState.FILED:
        record(connection, made.id, "filed", actor="system", now=now, details={**facts, "how": after.filed_how})
        _tell(connection, made, "report.filed", {"external_id": after.external_id}, now=now)
    elif after.state is ReportState.NEEDS_PERSON:
        connection.execute(update(reports).where(reports.c.id == made.id).values(alarm_due_at=now))
        said = {**facts, "reason": str(after.trouble), "element": after.element}
        record(connection, made.id, "needs_person", actor="system", now=now, details=said)
        _tell(connection, made, "report.needs_person", {"reason": str(after.trouble)}, now=now)
    elif after.state is ReportState.OPENED and before.state is ReportState.OPENING:
        record(connection, made.id, "opened", actor="system", now=now, details=facts)
    elif after.orphans > before.orphans:
        record(connection, made.id, "opening_lost", actor="system", now=now, details=facts)
    elif before.external_id is not None and after.external_id is None:
        said = {**facts, "external_id": before.external_id, "code": answer.code, "state": str(after.state)}
        record(connection, made.id, "taken_back", actor="system", now=now, details=said)
    elif after.state is ReportState.RETRACTED:
        connection.execute(update(reports).where(reports.c.id == made.id).values(alarm_due_at=None))
        record(connection, made.id, "retracted", actor="system", now=now, details=facts)


def _tell(connection: Connection, report: Report, event: str, data: Mapping[str, object], *, now: datetime) -> None:
    from hedgerow.cases import find_case  # noqa: PLC0415  (looked up on first use: see that room)

    case = find_case(connection, report.case_id)
    said = {"report": report.id, "case": case.number, "environment": str(report.environment), **data}
    enqueue(connection, event, subject_type="report", subject_id=report.id, data=said, actor="system", now=now)


def hurry(connection: Connection, number: int, *, actor: str, now: datetime) -> Report:
    """Let a report that waits be sent now, or as soon as its approval counts.

    Raises:
        ReportNotFound: There is none of that number.
        ReportRefused: It is not approved, or over.
    """
    found = lock_report(connection, number)
    if found.state not in ACTIVE or found.effective_at is None:
        raise ReportRefused(number, f"it is {str(found.state).replace('_', ' ')}: nothing waits to be sent")
    due_at = max(now, found.effective_at)
    connection.execute(update(reports).where(reports.c.id == number).values(due_at=due_at))
    record(connection, number, "hurried", actor=actor, now=now)
    return find_report(connection, number)


def hold_restored(connection: Connection, *, now: datetime) -> list[int]:
    """Send nothing that a restored backup says is to be sent, and nothing real at all, until people have looked.

    A report that the backup has as approved may have been filed since the backup was made; sent again it would be filed
    twice. So each waits for a person, and real reports have to be switched on anew.

    Args:
        connection: Of the transaction that restores.
        now: When.

    Returns:
        The numbers of the reports that wait for a person now.
    """
    found = [
        int(number)
        for number in connection.execute(
            select(reports.c.id).where(reports.c.state.in_([str(each) for each in ACTIVE])).order_by(reports.c.id)
        ).scalars()
    ]
    for number in found:
        connection.execute(
            update(reports)
            .where(reports.c.id == number)
            .values(
                state=str(ReportState.NEEDS_PERSON),
                trouble=str(Trouble.RESTORED),
                element=None,
                intent_id=None,
                ending=None,
                ending_trouble=None,
                due_at=None,
                lease_until=None,
                lease_token=None,
                alarm_due_at=now,
            )
        )
        record(connection, number, "needs_person", actor="system", now=now, details={"reason": str(Trouble.RESTORED)})
    for authority in sorted(AUTHORITIES):
        disarm(connection, authority, actor="system", now=now)
    return found


# ── what a person says ───────────────────────────────────────────────────────────────────────────────────────────


def resolve_report(
    connection: Connection,
    number: int,
    what: str,
    *,
    reference: str | None = None,
    actor: str,
    now: datetime,
    seal: Callable[[Connection, Report], None] | None = None,
) -> Report:
    """Say what becomes of a report that does not get on by itself.

    Args:
        connection: Of `Database.write`.
        number: Which report.
        what: ``again`` sends it again, after taking back what may be open; ``edit`` makes it a draft again; ``retract``
            takes it back for good; ``filed`` says that it is filed under `reference`, by hand or as the authority told.
        reference: The authority's number.
        actor: Who says so.
        now: When.
        seal: As for `record_answer`.

    Raises:
        ReportNotFound: There is none of that number.
        ReportRefused: It is over, or somebody works on it at this moment.
        InvalidReport: The reference is none, or `what` is none of these.
        PersonNeeded: Who says so is no person.
    """
    check_person(actor)
    found = lock_report(connection, number)
    if found.lease_until is not None and found.lease_until >= now and found.state in ACTIVE:
        raise ReportRefused(number, "it is being sent at this moment; try again in a few minutes")
    if what == "filed":
        return _filed_by_hand(connection, found, reference, actor=actor, now=now, seal=seal)
    if found.state is ReportState.APPROVED and what == "edit" and found.external_id is None:
        return return_to_draft(connection, found, "edit", actor=actor, now=now)
    if what not in {"again", "edit", "retract"}:
        raise InvalidReport("a person says `again`, `edit`, `retract` or `filed`")
    is_open = found.external_id is not None
    if found.state is not ReportState.NEEDS_PERSON and not (found.state in ACTIVE and is_open):
        raise ReportRefused(number, "it does not wait for a person")
    ending = {"again": Ending.AGAIN, "edit": Ending.DRAFT, "retract": Ending.RETRACTED}[what]
    values: dict[str, Any] = {
        "trouble": None,
        "element": None,
        "failures": 0,
        "repeats": 0,
        "heard": None,
        "round": 0,
        "due_at": now,
        "alarm_due_at": max(now, found.deadline_at),
        "lease_until": None,
        "lease_token": None,
    }
    if is_open:
        # It may be open still, whatever the last word was: it is taken back before anything else.
        values |= {"state": str(ReportState.FINISHING), "ending": str(ending)}
    elif what == "retract":
        raise ReportRefused(number, "nothing of it is open at the authority: withdraw it after `edit`")
    elif what == "edit":
        values |= {**UNAPPROVED, "state": str(ReportState.DRAFT), "voided": "edit", "due_at": None}
    else:
        values |= {"state": str(ReportState.APPROVED)}
    connection.execute(update(reports).where(reports.c.id == number).values(values))
    connection.execute(update(report_files).where(report_files.c.report_id == number).values(mismatches=0))
    record(connection, number, "resolved", actor=actor, now=now, details={"what": what})
    return find_report(connection, number)


def _filed_by_hand(
    connection: Connection,
    found: Report,
    reference: str | None,
    *,
    actor: str,
    now: datetime,
    seal: Callable[[Connection, Report], None] | None,
) -> Report:
    if found.state in {ReportState.FILED, ReportState.RETRACTED, ReportState.WITHDRAWN}:
        raise ReportRefused(found.id, f"it is {found.state}")
    if found.state in ACTIVE and found.state is not ReportState.APPROVED:
        raise ReportRefused(found.id, "it is being sent, and nobody knows yet what comes of it")
    if reference is None or not find_authority(found.authority).is_reference(reference):
        raise InvalidReport("the authority's reference is needed, and this is none of its numbers")
    connection.execute(
        update(reports)
        .where(reports.c.id == found.id)
        .values(
            state=str(ReportState.FILED),
            external_id=reference,
            filed_at=now,
            filed_how="person",
            filed_by=actor,
            trouble=None,
            element=None,
            ending=None,
            ending_trouble=None,
            due_at=None,
            alarm_due_at=None,
            preservation=str(Preservation.PENDING),
            preservation_due_at=now,
            lease_until=None,
            lease_token=None,
        )
    )
    details = {"external_id": reference, "how": "person", "instead_of": found.external_id}
    record(connection, found.id, "filed", actor=actor, now=now, details=details)
    made = find_report(connection, found.id)
    _tell(connection, made, "report.filed", {"external_id": reference}, now=now)
    if seal is not None:
        seal(connection, made)
    return find_report(connection, found.id)
