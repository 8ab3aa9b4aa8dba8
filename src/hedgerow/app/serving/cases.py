"""Cases: what waits, what is known of each, and what people do with it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from hedgerow import cases
from hedgerow.accounts import Permission
from hedgerow.actions import unconfirmed
from hedgerow.app.clock import now
from hedgerow.app.telling import tell_reopened
from hedgerow.cases.queues import list_cases as list_case_rows
from hedgerow.cases.viewing import case_views
from hedgerow.errors import CaseNotFound, ClaimRefused, InvalidView, PermissionDenied
from hedgerow.exposure.records import check_own_break, opt_outs_of

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from sqlalchemy import Connection

    from hedgerow.app.service import Service
    from hedgerow.audit import AuditEntry
    from hedgerow.cases import (
        Attention,
        Case,
        Claim,
        Cluster,
        Decision,
        Item,
        NewView,
        Queue,
        QueueCount,
        RecordedMatch,
        State,
        Statement,
        Submission,
        Suppression,
        View,
    )
    from hedgerow.database import Database

__all__ = [
    "CaseShown",
    "ClaimedCase",
    "ItemShown",
    "Needs",
    "appeal",
    "claim",
    "claim_next",
    "count_queues",
    "decide",
    "extend_claim",
    "lift_suppression",
    "list_cases",
    "list_items",
    "list_suppressions",
    "list_timeline",
    "list_views",
    "needs",
    "put_aside",
    "reassign",
    "record_view",
    "release",
    "show_case",
    "supersede",
    "undo",
]

_LONGEST_VIEW_S: Final = 24 * 3600.0


@dataclass(frozen=True, slots=True)
class CaseShown:
    """A case, and what people decided about it.

    Attributes:
        case: The case.
        items: How many submissions are gathered in it.
        clusters: Copies of one thing, about which a person decides once.
        decisions: All of them, in their order.
    """

    case: Case
    items: int
    clusters: list[Cluster]
    decisions: list[Decision]


@dataclass(frozen=True, slots=True)
class ItemShown:
    """A submission in a case, and what was found for it."""

    item: Item
    submission: Submission
    matches: list[RecordedMatch]


@dataclass(frozen=True, slots=True)
class ClaimedCase:
    """A case, and the right to work on it."""

    case: Case
    claim: Claim


@dataclass(frozen=True, slots=True)
class Needs:
    """What needs a person.

    Attributes:
        cases: Of the queues.
        unconfirmed: Messages that will be tried again.
        given_up: Messages that will not, until a person says so.
        unconfirmed_since: When the oldest of both was written.
        quarantined: Malformed rows that are kept out of the indexes.
    """

    cases: Attention
    unconfirmed: int
    given_up: int
    unconfirmed_since: datetime | None
    quarantined: int


# ── looking ──────────────────────────────────────────────────────────────────────────────────────────────────────


def count_queues(database: Database) -> list[QueueCount]:
    """Say how each queue stands."""
    with database.read() as connection:
        return cases.count_queues(connection, now=now())


def needs(service: Service) -> Needs:
    """Say what needs a person, in cases and around them."""
    with service.database.read() as connection:
        attention = cases.needs_attention(connection, now=now())
        waiting = list(unconfirmed(connection))
    return Needs(
        attention,
        sum(each.waiting for each in waiting),
        sum(each.given_up for each in waiting),
        min((each.oldest_at for each in waiting), default=None),
        service.matcher.health().quarantined,
    )


def list_cases(  # noqa: PLR0913  (a list is asked for in these ways)
    database: Database,
    *,
    queue: Queue | None = None,
    state: State | None = None,
    claimed_by: int | None = None,
    subject: tuple[str, str] | None = None,
    due_before: datetime | None = None,
    namespace: str | None = None,
    after: tuple[int, datetime, int] | None = None,
    limit: int,
) -> list[Case]:
    """List cases by priority, then due time; see `hedgerow.cases.list_cases`."""
    with database.read() as connection:
        return list_case_rows(
            connection,
            queue=queue,
            state=state,
            claimed_by=claimed_by,
            subject=subject,
            due_before=due_before,
            namespace=namespace,
            after=after,
            limit=limit,
        )


def show_case(database: Database, number: str, *, namespace: str | None = None) -> CaseShown:
    """Return a case with what people decided about it.

    Args:
        database: An open database.
        number: What people call it.
        namespace: Where it is to be in; None for any.

    Raises:
        CaseNotFound: There is none.
    """
    with database.read() as connection:
        case = cases.find_case_by_number(connection, number)
        if namespace is not None and case.namespace != namespace:
            raise CaseNotFound
        return CaseShown(
            case,
            cases.count_items(connection, case.id),
            cases.case_clusters(connection, case.id),
            cases.decisions_of(connection, case.id),
        )


def list_items(
    database: Database, number: str, *, cluster: int | None = None, after: int = 0, limit: int
) -> list[ItemShown]:
    """List the submissions of a case, each with its matches.

    Raises:
        CaseNotFound: There is no such case.
    """
    with database.read() as connection:
        case = cases.find_case_by_number(connection, number)
        return [
            ItemShown(
                item,
                cases.find_submission(connection, item.submission_id),
                cases.submission_matches(connection, item.submission_id),
            )
            for item in cases.case_items_of(connection, case.id, cluster_id=cluster, after=after, limit=limit)
        ]


def list_views(database: Database, number: str, *, after: int = 0, limit: int) -> list[View]:
    """List what was seen in a case, by whom, in its order.

    Raises:
        CaseNotFound: There is no such case.
    """
    with database.read() as connection:
        case = cases.find_case_by_number(connection, number)
        return case_views(connection, case.id, after=after, limit=limit)


def list_timeline(database: Database, number: str, *, after: int = 0, limit: int) -> list[AuditEntry]:
    """List what happened to a case, as the audit has it.

    Raises:
        CaseNotFound: There is no such case.
    """
    from hedgerow.audit import list_entries

    with database.read() as connection:
        case = cases.find_case_by_number(connection, number)
        return list_entries(connection, after=after, limit=limit, subject_type="case", subject_id=case.id)


# ── claiming ─────────────────────────────────────────────────────────────────────────────────────────────────────


def claim_next(database: Database, queues: Sequence[Queue], *, user_id: int) -> ClaimedCase | None:
    """Claim the most urgent case that somebody may have; None where nothing waits for them.

    Raises:
        BreakDue: They take a break.
    """
    with database.write() as connection:
        check_own_break(connection, user_id, now=now())
        passes_by = opt_outs_of(connection, user_id)
        claimed = cases.claim_next(connection, queues, user_id, now=now(), passes_by=passes_by)
        return None if claimed is None else ClaimedCase(cases.find_case(connection, claimed.case_id), claimed)


def claim(database: Database, number: str, *, user_id: int) -> ClaimedCase:
    """Claim one case.

    Raises:
        CaseNotFound: There is no such case.
        CaseTaken: Somebody else works on it.
        ClaimRefused: It is for others.
        TransitionRefused: It does not wait for anybody.
    """
    with database.write() as connection:
        case = cases.find_case_by_number(connection, number)
        claimed = cases.claim_case(connection, case.id, user_id, now=now())
        return ClaimedCase(cases.find_case(connection, case.id), claimed)


def _claim_of(connection: Connection, number: str, token: int, user_id: int) -> Claim:
    """Return the claim that somebody says they have; the room checks whether it still holds."""
    case = cases.find_case_by_number(connection, number)
    return cases.Claim(case.id, token, user_id, now())


def extend_claim(database: Database, number: str, token: int, *, user_id: int) -> Claim:
    """Extend a claim while somebody works.

    Raises:
        CaseNotFound: There is no such case.
        ClaimLost: The claim is over.
    """
    with database.write() as connection:
        return cases.extend_claim(connection, _claim_of(connection, number, token, user_id), now=now())


def release(database: Database, number: str, token: int, *, user_id: int) -> Case:
    """Give a case back to its queue.

    Raises:
        CaseNotFound: There is no such case.
        ClaimLost: The claim is over.
    """
    with database.write() as connection:
        return cases.release(connection, _claim_of(connection, number, token, user_id), now=now())


def put_aside(database: Database, number: str, token: int, *, until: datetime, reason: str, user_id: int) -> Case:
    """Put a case aside until a time, for something from outside.

    Raises:
        CaseNotFound: There is no such case.
        ClaimLost: The claim is over.
    """
    with database.write() as connection:
        claimed = _claim_of(connection, number, token, user_id)
        return cases.put_aside(connection, claimed, until=until, reason=reason, now=now())


def reassign(database: Database, number: str, to: int, *, actor: str) -> ClaimedCase:
    """Give a case to somebody else, also while somebody works on it.

    Raises:
        CaseNotFound: There is no such case.
        UserNotFound: There is nobody of that number.
        ClaimRefused: It is for others, or that person takes no cases.
        TransitionRefused: Nobody can work on it now.
    """
    from hedgerow.accounts import find_user_by_id, permissions_of

    with database.write() as connection:
        case = cases.find_case_by_number(connection, number)
        user = find_user_by_id(connection, to)
        if not user.is_active or Permission.CASES_CLAIM not in permissions_of(user.roles):
            raise ClaimRefused("whom it was to be given takes no cases")
        claimed = cases.reassign(connection, case.id, to, actor=actor, now=now())
        return ClaimedCase(cases.find_case(connection, case.id), claimed)


# ── deciding ─────────────────────────────────────────────────────────────────────────────────────────────────────


def decide(
    database: Database,
    number: str,
    token: int,
    said: Statement,
    *,
    seen_version: int,
    cluster: int | None = None,
    user_id: int,
) -> list[Decision]:
    """Record what somebody says about a claimed case, or one cluster of it.

    Raises:
        CaseNotFound: There is no such case.
        ClaimLost: The claim is over. Nothing was recorded.
        CaseChanged: Something came to the case that was not seen. Nothing was recorded.
        InvalidDecision: It does not fit.
    """
    with database.write() as connection:
        claimed = _claim_of(connection, number, token, user_id)
        return cases.decide(connection, claimed, said, seen_version=seen_version, cluster_id=cluster, now=now())


def undo(database: Database, decision: int, *, user_id: int, permissions: frozenset[Permission]) -> Case:
    """Take a decision back before it takes effect: one's own, or with the right to assign cases anybody's.

    Raises:
        DecisionNotFound: There is no such decision.
        PermissionDenied: It is somebody else's.
        InvalidDecision: It decided nothing, was undone already, or another has taken its place.
        UndoTooLate: It has taken effect.
    """
    with database.write() as connection:
        _check_own(connection, decision, user_id, permissions, Permission.CASES_ASSIGN)
        return cases.undo(connection, decision, actor=f"user:{user_id}", now=now())


def supersede(
    database: Database,
    decision: int,
    said: Statement,
    *,
    user_id: int,
    permissions: frozenset[Permission],
) -> Decision:
    """Put another decision in the place of one: one's own, or with the right to reopen cases anybody's.

    Raises:
        DecisionNotFound: There is no such decision.
        PermissionDenied: It is somebody else's.
        InvalidDecision: It does not fit, or the other one is not in force.
        TransitionRefused: The case is being worked on: decide there.
    """
    with database.write() as connection:
        _check_own(connection, decision, user_id, permissions, Permission.CASES_REOPEN)
        return cases.supersede(connection, decision, said, user_id=user_id, now=now())


def _check_own(
    connection: Connection, decision: int, user_id: int, held: frozenset[Permission], otherwise: Permission
) -> None:
    found = cases.find_decision(connection, decision)
    if found.decided_by != user_id and otherwise not in held:
        raise PermissionDenied(str(otherwise))


def appeal(database: Database, number: str, *, priority: int = 3, actor: str) -> Case:
    """Have a decided case decided again, by somebody who has decided none of it.

    Raises:
        CaseNotFound: There is no such case.
        TransitionRefused: It was not decided, or can still be undone.
    """
    with database.write() as connection:
        case = cases.find_case_by_number(connection, number)
        at = now()
        reopened = cases.appeal(connection, case.id, actor=actor, now=at, priority=priority)
        tell_reopened(connection, reopened, actor=actor, now=at)
        return reopened


# ── views and suppressions ───────────────────────────────────────────────────────────────────────────────────────


def record_view(database: Database, number: str, view: NewView) -> View:
    """Record that somebody saw something. It cannot have lasted longer than the time since it began.

    Args:
        database: An open database.
        number: The case; `NewView.case_id` is filled in.
        view: What was seen.

    Raises:
        CaseNotFound: There is no such case.
        InvalidView: It cannot have happened, or the submission is not in that case.
    """
    from dataclasses import replace

    at = now()
    elapsed = (at - view.started_at).total_seconds()
    if not 0 <= elapsed <= _LONGEST_VIEW_S:
        raise InvalidView("it began in the future, or more than a day ago")
    if view.seconds > elapsed:
        raise InvalidView("it lasted longer than the time since it began")
    with database.write() as connection:
        case = cases.find_case_by_number(connection, number)
        return cases.record_view(connection, replace(view, case_id=case.id), now=at)


def list_suppressions(
    database: Database, *, entry: int | None = None, include_lifted: bool = False, after: int = 0, limit: int
) -> list[Suppression]:
    """List pairs that were judged to be no match, those of one entry if asked for."""
    with database.read() as connection:
        return cases.list_suppressions(
            connection, entry_id=entry, include_lifted=include_lifted, after=after, limit=limit
        )


def lift_suppression(database: Database, number: int, *, actor: str) -> list[Case]:
    """Lift a suppression, and return the cases to which what it held back has come.

    Raises:
        SuppressionNotFound: There is none, or it was lifted already.
    """
    with database.write() as connection:
        gathered = cases.lift_suppression(connection, number, actor=actor, now=now())
        numbers = dict.fromkeys(each.case.id for each in gathered)
        return [cases.find_case(connection, case) for case in numbers]
