"""When decisions take effect, and cases close. First argument: an open connection; the caller commits."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from sqlalchemy import exists, or_, select, update

from hedgerow.cases.model import Decision, Effect, Event, Queue, Stage, State, Verdict
from hedgerow.cases.rules import FINAL, decision_in_force, due_at, is_sampled
from hedgerow.cases.steps import (
    append_line,
    clusters_in_force,
    decision_of,
    decisions_of,
    find_decision,
    has_pending,
    lock_case,
    move,
)
from hedgerow.cases.tables import case_items, decisions

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from sqlalchemy import Connection

    from hedgerow.cases.model import Case

__all__ = ["due_decisions", "finish_case", "take_effect"]

_SAMPLE_PRIORITY: Final = 4  # nothing waits for a second review


def due_decisions(connection: Connection, *, now: datetime, limit: int = 100) -> list[Decision]:
    """List decisions whose time to be undone is over and of which nothing was set going, the oldest first.

    One that another has taken the place of is left out, for that one may still be undone.
    """
    later = decisions.alias("later")
    is_replaced = (
        exists()
        .where(later.c.case_id == decisions.c.case_id, later.c.id > decisions.c.id)
        .where(later.c.verdict.in_(FINAL), later.c.stage != Stage.QA, later.c.undone_at.is_(None))
        .where(or_(later.c.cluster_id.is_(None), later.c.cluster_id == decisions.c.cluster_id))
    )
    statement = (
        select(decisions)
        .where(decisions.c.due_at <= now, ~is_replaced)
        .order_by(decisions.c.due_at, decisions.c.id)
        .limit(limit)
    )
    return [decision_of(row) for row in connection.execute(statement)]


def take_effect(connection: Connection, decision_id: int, *, now: datetime) -> list[Effect]:
    """Let a due decision take effect, once, and say about what the platform is to be told.

    The caller puts that into the outbox in the same transaction. When nothing of the case is pending any more, it goes
    on to ``acting``.

    Returns:
        One effect for each verdict that was in force before; none where there is nothing to do (any more).
    """
    case = lock_case(connection, find_decision(connection, decision_id).case_id)
    decision = find_decision(connection, decision_id)
    clusters = clusters_in_force(connection, case, decision)
    is_due = connection.execute(
        select(decisions.c.id).where(decisions.c.id == decision_id, decisions.c.due_at <= now)
    ).first()
    if is_due is None or not clusters:
        return []
    row = connection.execute(
        update(decisions)
        .where(decisions.c.id == decision_id)
        .values(effected_at=now, due_at=None)
        .returning(*decisions.c)
    ).one()
    # What it took the place of before that took effect will never do so now.
    of_the_same = decisions.c.case_id == case.id
    if decision.cluster_id is not None:
        of_the_same &= decisions.c.cluster_id == decision.cluster_id
    connection.execute(update(decisions).where(of_the_same, decisions.c.id < decision_id).values(due_at=None))
    if case.state is State.DECIDED and not has_pending(connection, case.id):
        case = move(connection, case, Event.ACT, now=now)
    effects = _effects(connection, case, decision_of(row), clusters)
    append_line(
        connection,
        case.id,
        "decision_effected",
        actor="system",
        details={
            "decision": decision_id,
            "verdict": decision.verdict,
            "submissions": sum(len(each.submission_ids) for each in effects),
            "state": case.state,
        },
        now=now,
    )
    return effects


def _effects(connection: Connection, case: Case, decision: Decision, clusters: Sequence[int]) -> list[Effect]:
    made = [each for each in decisions_of(connection, case.id) if each.effected_at is not None]
    grouped: dict[Verdict | None, list[int]] = {}
    for cluster in clusters:
        earlier = decision_in_force(made, cluster, before=decision.id)
        grouped.setdefault(None if earlier is None else earlier.verdict, []).append(cluster)
    return [
        Effect(
            decision,
            case,
            tuple(
                connection.execute(
                    select(case_items.c.submission_id)
                    .where(case_items.c.case_id == case.id, case_items.c.cluster_id.in_(members))
                    .order_by(case_items.c.id)
                ).scalars()
            ),
            previous,
        )
        for previous, members in grouped.items()
    ]


def finish_case(connection: Connection, case_id: int, *, now: datetime, qa_rate: float = 0.0) -> Case:
    """Close a case when what left the house has arrived; draw it for a second review if it is its turn.

    A case that is not ``acting`` (any more, or again) is left as it is.

    Args:
        connection: Of `Database.write`.
        case_id: The case.
        now: When.
        qa_rate: The share of cases that is looked at again, 0 to 1.

    Raises:
        CaseNotFound: There is no such case.
    """
    case = lock_case(connection, case_id)
    if case.state is not State.ACTING:
        return case
    is_first = case.closed_at is None
    case = move(connection, case, Event.FINISH, now=now, closed_at=case.closed_at or now, is_contested=False)
    is_drawn = is_first and is_sampled(case.id, qa_rate)
    if is_drawn:
        case = move(
            connection,
            case,
            Event.SAMPLE,
            now=now,
            queue=Queue.QA,
            round=case.round + 1,
            is_contested=True,
            sampled_at=now,
            priority=_SAMPLE_PRIORITY,
            due_at=due_at(_SAMPLE_PRIORITY, now, None),
            deadline=None,
        )
    append_line(connection, case.id, "closed", actor="system", details={"is_sampled": is_drawn}, now=now)
    return case
