"""What people do with cases on their pages, beside what programs may do too (`hedgerow.app.serving.cases`)."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from hedgerow import cases
from hedgerow.accounts import Permission
from hedgerow.app.clock import now
from hedgerow.cases.model import Form, NewView, Queue
from hedgerow.errors import DecisionNotFound

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping, Sequence
    from datetime import datetime

    from sqlalchemy import Connection

    from hedgerow.accounts import User
    from hedgerow.cases import Case, State, View
    from hedgerow.cases.searching import Place, QueueLength
    from hedgerow.cases.showing import Undoable
    from hedgerow.database import Database

__all__ = [
    "CaseRow",
    "CasesListed",
    "cases_found",
    "cases_of",
    "decisions_in",
    "is_worked_on_by",
    "keep_draft",
    "list_past",
    "list_waiting",
    "open_text",
    "own_queues",
    "people_who_may_take",
    "undo_last",
]

_ALWAYS: Final = (Queue.KNOWN, Queue.NEAR, Queue.SECOND_OPINION, Queue.APPEALS, Queue.QA, Queue.TEXT)


@dataclass(frozen=True, slots=True)
class CaseRow:
    """A case in a list.

    Attributes:
        case: The case.
        items: How many submissions are gathered in it.
        clusters: How many decisions it asks for.
        claimed_by: The name of who works on it; None for nobody.
    """

    case: Case
    items: int
    clusters: int
    claimed_by: str | None


@dataclass(frozen=True, slots=True)
class CasesListed:
    """A page of a list.

    Attributes:
        at: When this was so.
        rows: The cases.
        counts: How long each queue is.
        place: Where the next page of what waits begins; None after the last.
        before: Where the next page of what is over begins; None after the last.
        undoable: What this person decided last and may take back.
    """

    at: datetime
    rows: tuple[CaseRow, ...]
    counts: tuple[QueueLength, ...]
    place: Place | None = None
    before: tuple[datetime, int] | None = None
    undoable: Undoable | None = None


def own_queues(permissions: Collection[Permission]) -> tuple[Queue, ...]:
    """Return the queues from which somebody is given the next case without asking for one of them.

    What is escalated waits for who assigns cases; whoever else may take it asks for that queue.

    >>> [str(each) for each in own_queues({Permission.CASES_CLAIM})]
    ['known', 'near', 'second_opinion', 'appeals', 'qa', 'text']
    """
    queues = list(_ALWAYS)
    if Permission.CASES_ASSIGN in permissions:
        queues.append(Queue.ESCALATED)
    if Permission.NOTICES_DECIDE in permissions:
        queues.append(Queue.NOTICES)
    return tuple(queues)


# ── lists ────────────────────────────────────────────────────────────────────────────────────────────────────────


def list_waiting(
    database: Database,
    *,
    user_id: int,
    queue: Queue | None = None,
    state: State | None = None,
    after: Place | None = None,
    limit: int,
) -> CasesListed:
    """List what waits or is worked on, as it is to be worked on.

    Args:
        database: An open database.
        user_id: Who looks.
        queue: Only of this queue.
        state: Only in this state.
        after: Where the page before was left.
        limit: Most cases.
    """
    from hedgerow.cases.searching import waiting_cases

    at = now()
    with database.read() as connection:
        found, place = waiting_cases(
            connection,
            queues=tuple(Queue) if queue is None else (queue,),
            states=None if state is None else (state,),
            after=after,
            now=at,
            limit=limit,
        )
        return _listed(connection, found, user_id, at, place=place)


def list_past(
    database: Database,
    state: State,
    *,
    user_id: int,
    before: tuple[datetime, int] | None = None,
    limit: int,
) -> CasesListed:
    """List what is decided, acted upon or closed, the latest first."""
    from hedgerow.cases.searching import past_cases

    at = now()
    with database.read() as connection:
        found = past_cases(connection, state, before=before, limit=limit + 1)
        last = found[limit - 1] if len(found) > limit else None
        return _listed(
            connection,
            found[:limit],
            user_id,
            at,
            before=None if last is None else (last.state_changed_at, last.id),
        )


def cases_of(database: Database, *, user_id: int) -> CasesListed:
    """List what somebody works on."""
    from hedgerow.cases.searching import cases_of_user

    at = now()
    with database.read() as connection:
        return _listed(connection, cases_of_user(connection, user_id, now=at), user_id, at)


def cases_found(database: Database, text: str, *, user_id: int) -> CasesListed:
    """Find cases by their number, an account or a content; the latest come first."""
    from hedgerow.cases.searching import find_cases

    at = now()
    with database.read() as connection:
        return _listed(connection, find_cases(connection, text), user_id, at)


def _listed(
    connection: Connection,
    found: Sequence[Case],
    user_id: int,
    at: datetime,
    *,
    place: Place | None = None,
    before: tuple[datetime, int] | None = None,
) -> CasesListed:
    from hedgerow.accounts.finding import display_names
    from hedgerow.cases.searching import queue_lengths
    from hedgerow.cases.showing import case_sizes, last_undoable

    sizes = case_sizes(connection, [each.id for each in found])
    holders = {each.id: each.claimed_by for each in found if _is_claimed(each, at)}
    names = display_names(connection, {each for each in holders.values() if each is not None})
    rows = tuple(CaseRow(each, *sizes.get(each.id, (0, 0)), names.get(holders.get(each.id) or 0)) for each in found)
    counts = tuple(queue_lengths(connection, now=at))
    return CasesListed(at, rows, counts, place, before, last_undoable(connection, user_id, now=at))


def _is_claimed(case: Case, at: datetime) -> bool:
    return case.claim_expires_at is not None and at < case.claim_expires_at


# ── what people do ───────────────────────────────────────────────────────────────────────────────────────────────


def keep_draft(database: Database, number: str, said: Mapping[str, object], *, user_id: int) -> None:
    """Keep what somebody has written about a case, with a claim or without.

    Raises:
        CaseNotFound: There is no such case.
        InvalidDecision: It is too long, or holds a NUL.
    """
    with database.write() as connection:
        case = cases.find_case_by_number(connection, number)
        body = json.dumps(said, ensure_ascii=False, sort_keys=True)
        cases.save_draft(connection, case.id, user_id, body, now=now())


def open_text(database: Database, number: str, submission: int, *, user_id: int) -> View:
    """Record that somebody opens the text around a submission, before it is shown.

    Raises:
        CaseNotFound: There is no such case.
        InvalidView: The submission is not in that case.
    """
    at = now()
    with database.write() as connection:
        case = cases.find_case_by_number(connection, number)
        return cases.record_view(connection, NewView(case.id, submission, user_id, Form.TEXT, at), now=at)


def decisions_in(database: Database, number: str) -> frozenset[int]:
    """Return the numbers of the decisions about a case.

    Raises:
        CaseNotFound: There is no such case.
    """
    with database.read() as connection:
        case = cases.find_case_by_number(connection, number)
        return frozenset(each.id for each in cases.decisions_of(connection, case.id))


def is_worked_on_by(database: Database, number: str, user_id: int) -> bool:
    """Tell whether somebody works on a case, as when they have decided a part of it.

    Raises:
        CaseNotFound: There is no such case.
    """
    with database.read() as connection:
        case = cases.find_case_by_number(connection, number)
    return case.state is cases.State.CLAIMED and case.claimed_by == user_id


def undo_last(database: Database, number: str, *, user_id: int) -> Case:
    """Take back what somebody decided about a case a moment ago, all that was decided at once; and claim it again.

    Somebody else may have taken it already, who then has it.

    Raises:
        CaseNotFound: There is no such case.
        DecisionNotFound: There is nothing of theirs that can still be taken back.
        UndoTooLate: It has taken effect.
    """
    from hedgerow.cases.showing import last_undoable
    from hedgerow.errors import CaseError

    at = now()
    with database.write() as connection:
        case = cases.find_case_by_number(connection, number)
        last = last_undoable(connection, user_id, now=at)
        if last is None or last.number != number:
            raise DecisionNotFound
        for decision in last.decisions:
            case = cases.undo(connection, decision, actor=f"user:{user_id}", now=at)
    if case.claimed_by != user_id:
        try:
            with database.write() as connection:
                cases.claim_case(connection, case.id, user_id, now=at)
        except CaseError:
            return case  # it is back where it waits, or with somebody else
    return case


def people_who_may_take(database: Database) -> Sequence[User]:
    """Return those to whom a case can be given."""
    from hedgerow.accounts import permissions_of
    from hedgerow.accounts.finding import list_users

    with database.read() as connection:
        every = list_users(connection)
    return [each for each in every if each.is_active and Permission.CASES_CLAIM in permissions_of(each.roles)]
