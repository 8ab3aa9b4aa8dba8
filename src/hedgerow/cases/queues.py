"""What waits, for whom, and since when. The first argument is an open connection."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from sqlalchemy import func, select

from hedgerow.cases.model import Case, Queue, QueueCount, State
from hedgerow.cases.rules import RESTING_STATE, SOON
from hedgerow.cases.steps import case_of
from hedgerow.cases.tables import cases, decisions, matches, submissions
from hedgerow.errors import CaseNotFound
from hedgerow.policy.model import MatchFacts, PastMatch, SubmissionFacts, Tier

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator
    from datetime import datetime

    from sqlalchemy import Connection

__all__ = [
    "Attention",
    "count_queues",
    "find_case_by_number",
    "list_cases",
    "needs_attention",
    "past_matches",
    "subject_cases",
]

_ROWS_PER_FETCH = 2000
_IN_A_QUEUE = (*dict.fromkeys(RESTING_STATE.values()), State.CLAIMED, State.WAITING)


def count_queues(
    connection: Connection, *, now: datetime, queues: Collection[Queue] = tuple(Queue)
) -> list[QueueCount]:
    """Say how each queue stands, those without cases too, in the order of `Queue`; or how some of them do."""
    rows = connection.execute(
        select(
            cases.c.queue,
            cases.c.state,
            cases.c.priority,
            func.count().label("number"),
            func.count().filter(cases.c.due_at <= now).label("overdue"),
            func.min(cases.c.opened_at).label("oldest"),
            func.min(cases.c.due_at).label("next"),
        )
        .where(cases.c.queue.in_(list(queues)), cases.c.state.in_(_IN_A_QUEUE))
        .group_by(cases.c.queue, cases.c.state, cases.c.priority)
    ).all()
    counted = []
    for queue in (each for each in Queue if each in queues):
        own = [row for row in rows if row.queue == queue]
        by_priority: dict[int, int] = {}
        for row in own:
            by_priority[row.priority] = by_priority.get(row.priority, 0) + row.number
        held = {State.CLAIMED: 0, State.WAITING: 0}
        for row in own:
            if row.state in held:
                held[State(row.state)] += row.number
        counted.append(
            QueueCount(
                queue,
                sum(row.number for row in own) - sum(held.values()),
                held[State.CLAIMED],
                held[State.WAITING],
                sum(row.overdue for row in own),
                dict(sorted(by_priority.items())),
                min((row.oldest for row in own), default=None),
                min((row.next for row in own), default=None),
            )
        )
    return counted


def list_cases(  # noqa: PLR0913  (a list is asked for in these ways)
    connection: Connection,
    *,
    queue: Queue | None = None,
    state: State | None = None,
    claimed_by: int | None = None,
    namespace: str | None = None,
    subject: tuple[str, str] | None = None,
    due_before: datetime | None = None,
    after: tuple[int, datetime, int] | None = None,
    limit: int = 50,
) -> list[Case]:
    """List cases by priority, then due time.

    Args:
        connection: An open connection.
        queue: Only of this queue.
        state: Only in this state; None for all that are in a queue or worked on, and of a subject for all.
        claimed_by: Only those that this user works on.
        namespace: Only those about subjects of this namespace.
        subject: Only those about this one: its kind and name.
        due_before: Only those that are due until then.
        after: Priority, due time and id of the last case of the page before.
        limit: Most cases.
    """
    key = (cases.c.priority, cases.c.due_at, cases.c.id)
    statement = select(cases)
    if state is not None:
        statement = statement.where(cases.c.state == state)
    elif subject is None:
        statement = statement.where(cases.c.state.in_(_IN_A_QUEUE))
    if namespace is not None:
        statement = statement.where(cases.c.namespace == namespace)
    if subject is not None:
        statement = statement.where(cases.c.subject_kind == subject[0], cases.c.subject_id == subject[1])
    if due_before is not None:
        statement = statement.where(cases.c.due_at <= due_before)
    if queue is not None:
        statement = statement.where(cases.c.queue == queue)
    if claimed_by is not None:
        statement = statement.where(cases.c.claimed_by == claimed_by)
    if after is not None:
        priority, due, number = after
        statement = statement.where(
            (cases.c.priority > priority)
            | (
                (cases.c.priority == priority)
                & ((cases.c.due_at > due) | ((cases.c.due_at == due) & (cases.c.id > number)))
            )
        )
    return [case_of(row) for row in connection.execute(statement.order_by(*key).limit(limit))]


def find_case_by_number(connection: Connection, number: str) -> Case:
    """Find a case by what people call it.

    Raises:
        CaseNotFound: There is none.
    """
    row = connection.execute(select(cases).where(cases.c.number == number)).first()
    if row is None:
        raise CaseNotFound
    return case_of(row)


def subject_cases(
    connection: Connection, namespace: str, kind: str, subject_id: str, *, limit: int = 100
) -> list[Case]:
    """List the cases about an account or a content, the latest first: its history."""
    rows = connection.execute(
        select(cases)
        .where(cases.c.namespace == namespace, cases.c.subject_kind == kind, cases.c.subject_id == subject_id)
        .order_by(cases.c.id.desc())
        .limit(limit)
    )
    return [case_of(row) for row in rows]


@dataclass(frozen=True, slots=True)
class Attention:
    """What needs somebody.

    Attributes:
        overdue: Cases past their due time.
        due_soon: Cases that are due within `hedgerow.cases.rules.SOON`, and not overdue.
        unclaimed_urgent: Of both, those on which nobody works.
        late_decisions: Decisions whose time to be undone is over and of which nothing was set going: a worker stands
            still.
        oldest_late_at: Since when the oldest of these is due.
    """

    overdue: int
    due_soon: int
    unclaimed_urgent: int
    late_decisions: int
    oldest_late_at: datetime | None


def needs_attention(connection: Connection, *, now: datetime) -> Attention:
    """Count what needs somebody now."""
    is_urgent = cases.c.due_at <= now + SOON
    row = connection.execute(
        select(
            func.count().filter(cases.c.due_at <= now).label("overdue"),
            func.count().filter(cases.c.due_at > now).label("due_soon"),
            func.count().filter(cases.c.state.not_in((State.CLAIMED, State.WAITING))).label("unclaimed"),
        ).where(
            cases.c.queue.in_(list(Queue)),
            cases.c.state.in_(_IN_A_QUEUE),
            cases.c.priority.in_((1, 2, 3, 4)),  # every one: with them the index leads to what is due
            is_urgent,
        )
    ).one()
    late = connection.execute(
        select(func.count().label("number"), func.min(decisions.c.due_at).label("oldest")).where(
            decisions.c.due_at <= now
        )
    ).one()
    return Attention(row.overdue, row.due_soon, row.unclaimed, late.number, late.oldest)


def past_matches(connection: Connection, *, since: datetime | None = None, limit: int = 100_000) -> Iterator[PastMatch]:
    """Go through past matches, the latest first, for the dry run of a policy.

    Args:
        connection: Of `Database.read`.
        since: Only those found since.
        limit: Most matches.
    """
    statement = (
        select(matches, submissions.c.surface)
        .join(submissions, matches.c.submission_id == submissions.c.id)
        .order_by(matches.c.id.desc())
        .limit(limit)
        .execution_options(yield_per=_ROWS_PER_FETCH)
    )
    if since is not None:
        statement = statement.where(matches.c.matched_at >= since)
    with connection.execute(statement) as rows:
        for row in rows:
            facts = MatchFacts(
                row.bank_name,
                row.provenance,
                row.category,
                row.signal_type,
                Tier(row.tier),
                row.distance,
                row.query_share,
                row.known_share,
                row.contributor,
                row.is_disputed,
            )
            yield PastMatch(row.id, facts, SubmissionFacts(row.surface))
