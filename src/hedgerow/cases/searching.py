"""Lists of cases for people, in the order in which they are to be worked on; and cases by what people know of them.

The first argument is an open connection. A list takes its rows from the index of the queues, a short look for each
queue and state, and is continued after its last row: the hundredth page costs what the first did.
"""

from __future__ import annotations

from functools import cache, lru_cache
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from sqlalchemy import Integer, bindparam, func, literal, or_, select, tuple_, union, union_all

from hedgerow.cases.model import Case, Queue, State
from hedgerow.cases.rules import RESTING_STATE, SOON
from hedgerow.cases.showing import MOST_COUNTED
from hedgerow.cases.steps import case_of
from hedgerow.cases.tables import case_items, cases, submissions

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable
    from datetime import datetime

    from sqlalchemy import Column, ColumnElement, CompoundSelect, Connection, ScalarSelect, Select

__all__ = ["Place", "QueueLength", "cases_of_user", "find_cases", "past_cases", "queue_lengths", "waiting_cases"]

_MOST_FOUND: Final = 50
_BEING_WORKED_ON: Final = (State.CLAIMED, State.WAITING)
# Named, so that an index that has the priority before the due time leads to what is due.
_PRIORITIES: Final = (1, 2, 3, 4)


class QueueLength(NamedTuple):
    """How long a queue is, as far as it was counted.

    Attributes:
        queue: Which.
        waiting: Cases that anybody may take, `MOST_COUNTED` at most.
        in_work: Cases that somebody works on or that are put aside, as many at most.
        overdue: Of all these, those past their due time, as many at most.
    """

    queue: Queue
    waiting: int
    in_work: int
    overdue: int


class Place(NamedTuple):
    """Where a list was left.

    Attributes:
        soon: Until when was soon, when the list was begun: the order does not change while somebody reads on.
        is_soon: Whether the last row was one of those that are due soon, which come first.
        priority: Of the last row.
        due_at: Of the last row.
        opened_at: Of the last row.
        id: Of the last row.
    """

    soon: datetime
    is_soon: bool
    priority: int
    due_at: datetime
    opened_at: datetime
    id: int


def waiting_cases(
    connection: Connection,
    *,
    queues: Collection[Queue] = tuple(Queue),
    states: Collection[State] | None = None,
    after: Place | None = None,
    now: datetime,
    limit: int,
) -> tuple[list[Case], Place | None]:
    """List the cases that wait or are worked on, as `hedgerow.cases.claim_next` would take them.

    Args:
        connection: An open connection.
        queues: Only of these.
        states: Only in these; None for those that wait, are worked on, or are put aside.
        after: Where the page before was left.
        now: When.
        limit: Most cases.

    Returns:
        The cases, and where the next page begins; None after the last.
    """
    soon = now + SOON if after is None else after.soon
    found: list[Case] = []
    for is_soon in (True, False):
        if after is not None and after.is_soon < is_soon:
            continue  # that part was read to its end
        own = after if after is not None and after.is_soon is is_soon else None
        band = _band(
            tuple(queues),
            None if states is None else frozenset(states),
            is_soon=is_soon,
            is_continued=own is not None,
        )
        given: dict[str, object] = {"soon": soon, "most": limit + 1 - len(found)}
        if own is not None:
            given |= {f"last_{name}": getattr(own, name) for name in ("priority", "due_at", "opened_at", "id")}
        found += [case_of(row) for row in connection.execute(band, given)]
        if len(found) > limit:
            break
    if len(found) <= limit:
        return found, None
    last = found[limit - 1]
    return found[:limit], Place(soon, last.due_at <= soon, last.priority, last.due_at, last.opened_at, last.id)


@lru_cache(maxsize=64)
def _band(
    queues: tuple[Queue, ...], states: frozenset[State] | None, *, is_soon: bool, is_continued: bool
) -> Select[Any]:
    """Take the first rows of each queue and state, which lie in order in the index, and sort those few.

    Made once for each list, since it has two dozen parts; what differs from one time to the next is bound.
    """
    keys = (cases.c.priority, cases.c.due_at, cases.c.opened_at, cases.c.id)
    soon, most = bindparam("soon", type_=cases.c.due_at.type), bindparam("most", type_=Integer)
    last = tuple_(*(bindparam(f"last_{key.name}", type_=key.type) for key in keys))
    parts = []
    for queue in queues:
        for state in _states_of(queue, states):
            part = select(*keys).where(
                cases.c.queue == queue,
                cases.c.state == state,
                cases.c.due_at <= soon if is_soon else cases.c.due_at > soon,
            )
            if is_continued:
                part = part.where(tuple_(*keys) > last)
            parts.append(select(part.order_by(*keys).limit(most).subquery()))
    if not parts:
        return select(cases).where(cases.c.id < 0)
    firsts = union_all(*parts).subquery()
    return (
        select(cases)
        .join(firsts, firsts.c.id == cases.c.id)
        .order_by(firsts.c.priority, firsts.c.due_at, firsts.c.opened_at, firsts.c.id)
        .limit(most)
    )


def _states_of(queue: Queue, states: Collection[State] | None) -> Iterable[State]:
    own = (RESTING_STATE[queue], *_BEING_WORKED_ON)
    return own if states is None else [each for each in own if each in states]


def queue_lengths(connection: Connection, *, now: datetime) -> list[QueueLength]:
    """Say how long each queue is, in the order of `Queue`; what is longer than `MOST_COUNTED` is counted no further."""
    rows = connection.execute(_lengths(), {"now": now})
    found = {row.queue: QueueLength(Queue(row.queue), row.waiting, row.in_work, row.overdue) for row in rows}
    return [found[str(queue)] for queue in Queue]


@cache
def _lengths() -> CompoundSelect[Any]:
    def counted(*conditions: ColumnElement[bool]) -> ScalarSelect[int]:
        few = select(cases.c.id).where(*conditions).limit(MOST_COUNTED).subquery()
        return select(func.count()).select_from(few).scalar_subquery()

    now = bindparam("now", type_=cases.c.due_at.type)
    return union_all(
        *(
            select(
                literal(str(queue)).label("queue"),
                counted(cases.c.queue == queue, cases.c.state == RESTING_STATE[queue]).label("waiting"),
                counted(cases.c.queue == queue, cases.c.state.in_(_BEING_WORKED_ON)).label("in_work"),
                counted(
                    cases.c.queue == queue,
                    cases.c.state.in_(tuple(_states_of(queue, None))),
                    cases.c.priority.in_(_PRIORITIES),
                    cases.c.due_at <= now,
                ).label("overdue"),
            )
            for queue in Queue
        )
    )


def past_cases(
    connection: Connection, state: State, *, before: tuple[datetime, int] | None = None, limit: int
) -> list[Case]:
    """List the cases that are decided, acted upon or closed, the latest first.

    Args:
        connection: An open connection.
        state: One of these states.
        before: Since when the last case of the page before has been in it, and its id.
        limit: Most cases.
    """
    statement = select(cases).where(cases.c.state == state)
    if before is not None:
        at, number = before
        # The first condition leads into the index; the second alone would be looked at row by row.
        statement = statement.where(
            cases.c.state_changed_at <= at, or_(cases.c.state_changed_at < at, cases.c.id < number)
        )
    statement = statement.order_by(cases.c.state_changed_at.desc(), cases.c.id.desc()).limit(limit)
    return [case_of(row) for row in connection.execute(statement)]


def cases_of_user(connection: Connection, user_id: int, *, now: datetime, limit: int = 50) -> list[Case]:
    """List the cases that somebody works on now, the one that runs out first before the others."""
    rows = connection.execute(
        select(cases)
        .where(cases.c.claim_expires_at > now, cases.c.claimed_by == user_id)
        .order_by(cases.c.claim_expires_at, cases.c.id)
        .limit(limit)
    )
    return [case_of(row) for row in rows]


def find_cases(connection: Connection, text: str, *, limit: int = _MOST_FOUND) -> list[Case]:
    """Find cases by what people know: the number of a case, an account, or a content. The latest come first.

    Args:
        connection: An open connection.
        text: The whole of it; nothing is guessed from a part.
        limit: Most cases.
    """
    names = _names(cases.c.namespace)
    of_subject = select(cases.c.id).where(
        cases.c.namespace.in_(names), cases.c.subject_kind.in_(("account", "content")), cases.c.subject_id == text
    )
    of_content = (
        select(case_items.c.case_id.label("id"))
        .join(submissions, submissions.c.id == case_items.c.submission_id)
        .where(submissions.c.namespace.in_(_names(submissions.c.namespace)), submissions.c.content_id == text)
    )
    found = union(select(cases.c.id).where(cases.c.number == text), of_subject, of_content).subquery()
    rows = connection.execute(
        select(cases).where(cases.c.id.in_(select(found.c.id))).order_by(cases.c.id.desc()).limit(limit)
    )
    return [case_of(row) for row in rows]


def _names(column: Column[str]) -> Select[tuple[str]]:
    """Return the few values of a column that an index begins with, one short look for each (a loose index scan)."""
    name = column.table.alias().c[column.name]
    first = select(func.min(name).label("name")).cte(recursive=True)
    later = select(select(func.min(name)).where(name > first.c.name).correlate(first).scalar_subquery()).where(
        first.c.name.is_not(None)
    )
    found = first.union_all(later)
    return select(found.c.name).where(found.c.name.is_not(None))
