"""Who works on which case. The first argument is an open connection; the caller commits."""

from __future__ import annotations

from itertools import product
from typing import TYPE_CHECKING, Any

from sqlalchemy import exists, select, union_all, update

from hedgerow.cases.model import Case, Claim, Event, State, Verdict
from hedgerow.cases.rules import (
    CLAIMABLE,
    DEFAULT_LEASE,
    FINAL,
    RESTING_STATE,
    SOON,
    check_claim,
    check_may_claim,
    why_not_claimed,
)
from hedgerow.cases.steps import append_line, case_of, decisions_of, lock_case, move
from hedgerow.cases.tables import case_items, cases, decisions, matches
from hedgerow.errors import ClaimRefused

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence
    from datetime import datetime, timedelta

    from sqlalchemy import ColumnElement, Connection, Select

    from hedgerow.cases.model import Queue

__all__ = [
    "claim_case",
    "claim_next",
    "extend_claim",
    "find_claim",
    "put_aside",
    "reassign",
    "release",
    "return_lapsed",
    "wake_due",
]

# How many of the most urgent cases of a queue are tried before looking again: as many as people press "next" at once.
_CANDIDATES = 4
_PRIORITIES = (1, 2, 3, 4)


def claim_next(
    connection: Connection,
    queues: Sequence[Queue],
    user_id: int,
    *,
    now: datetime,
    lease: timedelta = DEFAULT_LEASE,
    passes_by: Collection[str] = (),
) -> Claim | None:
    """Claim the most urgent case that somebody may have, or return None. Two people never get the same one.

    First what is due within `hedgerow.cases.rules.SOON` or overdue, then the rest; each by priority, then due time.

    Args:
        connection: Of `Database.write`.
        queues: Those from which the person takes cases.
        user_id: Who.
        now: When.
        lease: How long the claim is good without being extended.
        passes_by: Categories of matches; a case with one of them is left to others.
    """
    lapsed = _lapse(connection, now)
    is_kept = _is_kept_from(user_id)
    if passes_by:
        is_kept |= _has_category(passes_by)
    tried: set[int] = set()
    first_due = _first_due(connection, queues)
    for is_soon, priority in product((True, False), _PRIORITIES):
        there = [
            each for each in queues if (due := first_due.get((each, priority))) and (not is_soon or due <= now + SOON)
        ]
        while there and (found := _candidates(connection, there, is_kept, now, (is_soon, priority), tried)):
            for number in found:
                tried.add(number)
                case = _lock_waiting(connection, number)
                if case is not None and why_not_claimed(case, user_id, decisions_of(connection, number)) is None:
                    return _claim(connection, case, user_id, now, lease, lapsed)
    for each in lapsed:
        _append_lapse(connection, each, now)
    return None


def _first_due(connection: Connection, queues: Sequence[Queue]) -> dict[tuple[str, int], datetime]:
    """Return when the first case of each queue and priority is due, in which any waits at all.

    Most are empty, and of each one short look into the index tells so: the looks with all that keeps a case from
    somebody are dear, and are taken only where something is. Whoever presses "next" waits for this.
    """
    looks = [
        select(
            select(cases.c.queue, cases.c.priority, cases.c.due_at)
            .where(cases.c.queue == queue, cases.c.state == RESTING_STATE[queue], cases.c.priority == priority)
            .order_by(cases.c.due_at)
            .limit(1)
            .subquery()
        )
        for queue in queues
        for priority in _PRIORITIES
    ]
    found = connection.execute(union_all(*looks)).all() if looks else []
    return {(row.queue, row.priority): row.due_at for row in found}


def _candidates(
    connection: Connection,
    queues: Sequence[Queue],
    is_kept: ColumnElement[bool],
    now: datetime,
    urgency: tuple[bool, int],
    but: set[int],
) -> list[int]:
    """Find the most urgent waiting cases of one priority: one short look into the index for each queue."""
    is_soon, priority = urgency
    looks: list[Select[*tuple[Any, ...]]] = []
    for queue in queues:
        statement = (
            select(cases.c.due_at, cases.c.opened_at, cases.c.id)
            .where(
                cases.c.queue == queue,
                cases.c.state == RESTING_STATE[queue],
                cases.c.priority == priority,
                cases.c.due_at <= now + SOON if is_soon else cases.c.due_at > now + SOON,
                ~is_kept,
            )
            .order_by(cases.c.due_at, cases.c.opened_at, cases.c.id)
            .limit(_CANDIDATES)
        )
        if but:
            statement = statement.where(cases.c.id.not_in(but))
        looks.append(select(statement.subquery()))
    return [row.id for row in sorted(connection.execute(union_all(*looks)).all())]


def _is_kept_from(user_id: int) -> ColumnElement[bool]:
    """Say `why_not_claimed` in SQL."""
    own = (
        exists()
        .where(decisions.c.case_id == cases.c.id)
        .where(decisions.c.decided_by == user_id, decisions.c.undone_at.is_(None))
    )
    this_round = decisions.c.round == cases.c.round
    return (
        (cases.c.is_contested & own.where(decisions.c.verdict.in_(FINAL)))
        | (
            (cases.c.queue == "second_opinion")
            & own.where(decisions.c.verdict == Verdict.SECOND_OPINION).where(this_round)
        )
        | own.where(decisions.c.verdict == Verdict.SKIP).where(this_round)
    )


def _has_category(categories: Collection[str]) -> ColumnElement[bool]:
    """Say in SQL that a case has a match of one of some categories."""
    return (
        exists()
        .where(case_items.c.case_id == cases.c.id)
        .where(matches.c.case_item_id == case_items.c.id, matches.c.category.in_(categories))
    )


def _lock_waiting(connection: Connection, case_id: int) -> Case | None:
    """Lock a case if it still waits and nobody else is just taking it."""
    row = connection.execute(
        select(cases).where(cases.c.id == case_id, cases.c.state.in_(CLAIMABLE)).with_for_update(skip_locked=True)
    ).first()
    return None if row is None else case_of(row)


def claim_case(
    connection: Connection, case_id: int, user_id: int, *, now: datetime, lease: timedelta = DEFAULT_LEASE
) -> Claim:
    """Claim one case. Somebody who has it already gets a new claim; the old one is over.

    Raises:
        CaseNotFound: There is no such case.
        CaseTaken: Somebody else works on it.
        ClaimRefused: It is for others.
        TransitionRefused: It does not wait for anybody.
    """
    case = before = lock_case(connection, case_id)
    is_lapsed = case.claim_expires_at is not None and now >= case.claim_expires_at
    if is_lapsed or case.claimed_by == user_id:
        case = move(connection, case, Event.LAPSE if is_lapsed else Event.RELEASE, now=now)
    check_may_claim(case, user_id, decisions_of(connection, case_id), now=now)
    return _claim(connection, case, user_id, now, lease, [before] if is_lapsed else [])


def _claim(
    connection: Connection, case: Case, user_id: int, now: datetime, lease: timedelta, lapsed: Sequence[Case]
) -> Claim:
    claim = Claim(case.id, case.claim_token + 1, user_id, now + lease)
    move(connection, case, Event.CLAIM, now=now, **_claim_values(claim))
    for each in lapsed:
        _append_lapse(connection, each, now)
    append_line(
        connection,
        case.id,
        "claimed",
        actor=f"user:{user_id}",
        details={"queue": case.queue, "token": claim.token},
        now=now,
    )
    return claim


def _claim_values(claim: Claim) -> dict[str, object]:
    return {"claimed_by": claim.user_id, "claim_token": claim.token, "claim_expires_at": claim.expires_at}


def extend_claim(connection: Connection, claim: Claim, *, now: datetime, lease: timedelta = DEFAULT_LEASE) -> Claim:
    """Extend a claim: the heartbeat of a page that is open. It leaves no audit line; claims and their ends do.

    Raises:
        ClaimLost: It is over already.
    """
    case = lock_case(connection, claim.case_id)
    check_claim(case, user_id=claim.user_id, token=claim.token, now=now)
    connection.execute(update(cases).where(cases.c.id == case.id).values(claim_expires_at=now + lease))
    return Claim(claim.case_id, claim.token, claim.user_id, now + lease)


def find_claim(connection: Connection, case_id: int, *, now: datetime) -> Claim | None:
    """Return who works on a case now, or None."""
    row = connection.execute(select(cases).where(cases.c.id == case_id)).first()
    if row is None or row.claimed_by is None or now >= row.claim_expires_at:
        return None
    return Claim(row.id, row.claim_token, row.claimed_by, row.claim_expires_at)


def release(connection: Connection, claim: Claim, *, now: datetime) -> Case:
    """Give a case back to its queue.

    Raises:
        ClaimLost: The claim is over already.
    """
    case = lock_case(connection, claim.case_id)
    check_claim(case, user_id=claim.user_id, token=claim.token, now=now)
    case = move(connection, case, Event.RELEASE, now=now)
    append_line(connection, case.id, "released", actor=f"user:{claim.user_id}", details={"queue": case.queue}, now=now)
    return case


def put_aside(connection: Connection, claim: Claim, *, until: datetime, reason: str, now: datetime) -> Case:
    """Put a case aside until a time, for something from outside. Its due time stays.

    Raises:
        ClaimLost: The claim is over already.
    """
    case = lock_case(connection, claim.case_id)
    check_claim(case, user_id=claim.user_id, token=claim.token, now=now)
    case = move(connection, case, Event.WAIT, now=now, wake_at=max(until, now))
    append_line(
        connection,
        case.id,
        "put_aside",
        actor=f"user:{claim.user_id}",
        details={"until": case.wake_at.isoformat() if case.wake_at else None, "reason": reason[:200]},
        now=now,
    )
    return case


def reassign(
    connection: Connection,
    case_id: int,
    user_id: int,
    *,
    actor: str,
    now: datetime,
    lease: timedelta = DEFAULT_LEASE,
) -> Claim:
    """Give a case to somebody, also while somebody else works on it, whose claim is over with that.

    Raises:
        CaseNotFound: There is no such case.
        ClaimRefused: It is for others.
        TransitionRefused: Nobody can work on it now.
    """
    case = lock_case(connection, case_id)
    problem = why_not_claimed(case, user_id, decisions_of(connection, case_id))
    if problem is not None:
        raise ClaimRefused(problem)
    claim = Claim(case.id, case.claim_token + 1, user_id, now + lease)
    move(connection, case, Event.REASSIGN, now=now, **_claim_values(claim))
    append_line(
        connection,
        case.id,
        "reassigned",
        actor=actor,
        details={"before": case.claimed_by, "user": user_id, "token": claim.token},
        now=now,
    )
    return claim


def return_lapsed(connection: Connection, *, now: datetime) -> list[int]:
    """Return cases whose lease ran out to their queues, and the ids of these cases.

    A worker calls it now and then, so that queues count right; `claim_next` does the same before it looks.
    """
    lapsed = _lapse(connection, now)
    for case in lapsed:
        _append_lapse(connection, case, now)
    return [case.id for case in lapsed]


def _lapse(connection: Connection, now: datetime) -> list[Case]:
    """Return lapsed cases to their queues; they are given as they were before."""
    statement = select(cases).where(cases.c.claim_expires_at <= now).order_by(cases.c.claim_expires_at, cases.c.id)
    lapsed = [case_of(row) for row in connection.execute(statement.with_for_update(skip_locked=True))]
    for case in lapsed:
        move(connection, case, Event.LAPSE, now=now)
    return lapsed


def _append_lapse(connection: Connection, case: Case, now: datetime) -> None:
    append_line(
        connection,
        case.id,
        "claim_lapsed",
        actor="system",
        details={"user": case.claimed_by, "token": case.claim_token},
        now=now,
    )


def wake_due(connection: Connection, *, now: datetime) -> list[int]:
    """Return cases that were put aside until now to their queues, and the ids of these cases."""
    rows = connection.execute(
        select(cases)
        .where(cases.c.state == State.WAITING, cases.c.wake_at <= now)
        .order_by(cases.c.id)
        .with_for_update(skip_locked=True)
    )
    woken = [case_of(row) for row in rows]
    for case in woken:
        move(connection, case, Event.WAKE, now=now)
    for case in woken:
        append_line(connection, case.id, "woken", actor="system", details={"queue": case.queue}, now=now)
    return [case.id for case in woken]
