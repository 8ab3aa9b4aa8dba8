"""What every step of a case shares: reading it under its lock, moving it, and the line that says so."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from sqlalchemy import func, select, update

from hedgerow.audit import append
from hedgerow.cases.model import Case, Classification, Cluster, Decision, Queue, Stage, State, Verdict
from hedgerow.cases.rules import GATHERING, decision_in_force, next_state
from hedgerow.cases.tables import case_counter, cases, clusters, decisions
from hedgerow.errors import CaseNotFound, DecisionNotFound

if TYPE_CHECKING:
    from datetime import datetime

    from sqlalchemy import Connection, Row

    from hedgerow.audit.rules import Details
    from hedgerow.cases.model import Event, Submission

    AnyRow = Row[*tuple[Any, ...]]

__all__ = [
    "append_line",
    "case_clusters",
    "case_of",
    "clusters_in_force",
    "decision_of",
    "decisions_of",
    "find_case",
    "find_decision",
    "gathers_elsewhere",
    "has_pending",
    "hold_counter",
    "lock_case",
    "move",
    "refresh_verdicts",
    "subject_of",
]


def find_case(connection: Connection, case_id: int) -> Case:
    """Find a case.

    Raises:
        CaseNotFound: There is none.
    """
    row = connection.execute(select(cases).where(cases.c.id == case_id)).first()
    if row is None:
        raise CaseNotFound
    return case_of(row)


def lock_case(connection: Connection, case_id: int) -> Case:
    """Return a case that nobody else can change until this transaction ends.

    Raises:
        CaseNotFound: There is none.
    """
    row = connection.execute(select(cases).where(cases.c.id == case_id).with_for_update()).first()
    if row is None:
        raise CaseNotFound
    return case_of(row)


def move(connection: Connection, case: Case, event: Event, *, now: datetime, **values: Any) -> Case:  # noqa: ANN401  (columns)
    """Take a step of a locked case and return the case after it.

    Whatever belongs to a state alone (the claim, the time to wake) is put away when the case leaves it.

    Raises:
        TransitionRefused: A case in its state does not take that step.
    """
    queue = Queue(values.get("queue", case.queue))
    state = next_state(case.state, event, queue)
    if state is not case.state:
        values["state_changed_at"] = now
    if state is not State.CLAIMED:
        values |= {"claimed_by": None, "claim_expires_at": None}
    if state is not State.WAITING:
        values["wake_at"] = None
    if state not in GATHERING or values.get("is_contested", case.is_contested):
        values["is_gathering"] = None
    row = connection.execute(
        update(cases).where(cases.c.id == case.id).values(**values, state=state).returning(*cases.c)
    ).one()
    return case_of(row)


def hold_counter(connection: Connection) -> tuple[int, int]:
    """Lock the counter of cases until the transaction ends, and return its year and number.

    Whoever opens a case for a subject, or makes one gather again, holds it: so they come one after another.
    """
    row = connection.execute(select(case_counter).with_for_update()).one()
    return row.year, row.sequence


def gathers_elsewhere(connection: Connection, case: Case) -> bool:
    """Tell whether another case gathers for the same subject; the counter is held."""
    found = connection.execute(
        select(cases.c.id).where(
            cases.c.namespace == case.namespace,
            cases.c.subject_kind == case.subject_kind,
            cases.c.subject_id == case.subject_id,
            cases.c.is_gathering,
            cases.c.id != case.id,
        )
    ).first()
    return found is not None


def decisions_of(connection: Connection, case_id: int) -> list[Decision]:
    """List the decisions of a case, in their order."""
    rows = connection.execute(select(decisions).where(decisions.c.case_id == case_id).order_by(decisions.c.id))
    return [decision_of(row) for row in rows]


def subject_of(submission: Submission) -> dict[str, str]:
    """Return the columns that say whom a submission is about: its account, else its content."""
    sent = submission.sent
    kind, name = ("content", sent.content_id) if sent.account_id is None else ("account", sent.account_id)
    return {"namespace": sent.namespace, "subject_kind": kind, "subject_id": name}


def case_clusters(connection: Connection, case_id: int) -> list[Cluster]:
    """List the clusters of a case, in their order."""
    rows = connection.execute(select(clusters).where(clusters.c.case_id == case_id).order_by(clusters.c.id))
    return [
        Cluster(row.id, row.case_id, row.size, None if row.verdict is None else Verdict(row.verdict), row.distance)
        for row in rows
    ]


def find_decision(connection: Connection, decision_id: int) -> Decision:
    """Find a decision.

    Raises:
        DecisionNotFound: There is none.
    """
    row = connection.execute(select(decisions).where(decisions.c.id == decision_id)).first()
    if row is None:
        raise DecisionNotFound
    return decision_of(row)


def clusters_in_force(connection: Connection, case: Case, decision: Decision) -> list[int]:
    """Return the clusters for which a decision is in force."""
    made = decisions_of(connection, case.id)
    found = [(each.id, decision_in_force(made, each.id)) for each in case_clusters(connection, case.id)]
    return [cluster for cluster, each in found if each is not None and each.id == decision.id]


def has_pending(connection: Connection, case_id: int) -> bool:
    """Tell whether a decision of the case has yet to take effect."""
    found = connection.execute(
        select(func.count()).where(decisions.c.case_id == case_id, decisions.c.due_at.is_not(None))
    ).scalar_one()
    return int(found) > 0


def refresh_verdicts(connection: Connection, verdicts: dict[int, Verdict | None]) -> None:
    """Write the verdicts in force beside their clusters."""
    for cluster, verdict in verdicts.items():
        connection.execute(update(clusters).where(clusters.c.id == cluster).values(verdict=verdict))


def append_line(
    connection: Connection, case_id: int, action: str, *, actor: str, details: Details, now: datetime
) -> None:
    """Append the audit line of a step; it comes last, when everything else is locked."""
    append(
        connection,
        actor=actor,
        action=f"case.{action}",
        subject_type="case",
        subject_id=case_id,
        details=details,
        now=now,
    )


def case_of(row: AnyRow) -> Case:
    """Make a case of its row."""
    return Case(
        row.id,
        row.number,
        row.namespace,
        row.subject_kind,
        row.subject_id,
        Queue(row.queue),
        State(row.state),
        row.priority,
        row.due_at,
        row.deadline,
        row.opened_at,
        row.state_changed_at,
        row.closed_at,
        row.claimed_by,
        row.claim_token,
        row.claim_expires_at,
        row.wake_at,
        row.version,
        row.round,
        row.is_contested,
        bool(row.is_gathering),
    )


def decision_of(row: AnyRow) -> Decision:
    """Make a decision of its row."""
    return Decision(
        row.id,
        row.case_id,
        row.cluster_id,
        row.round,
        Stage(row.stage),
        Verdict(row.verdict),
        None if row.classification is None else Classification(row.classification),
        tuple(json.loads(row.tags)),
        row.reason,
        row.note,
        row.is_no_look,
        row.decided_by,
        row.decided_at,
        row.takes_effect_at,
        row.effected_at,
        row.undone_at,
        row.undone_by,
        row.supersedes_id,
    )
