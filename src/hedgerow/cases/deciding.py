"""What people decide, and when it takes effect. The first argument is an open connection; the caller commits."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

from sqlalchemy import delete, insert, select, update

from hedgerow.audit.rules import canonical_json
from hedgerow.cases.lifting import bring_back, held_back
from hedgerow.cases.model import Decision, Event, Form, Queue, Stage, State, Verdict
from hedgerow.cases.rules import (
    DEFAULT_UNDO_WINDOW,
    FINAL,
    GATHERING,
    check_claim,
    check_classification,
    check_tags,
    check_undo,
    decision_in_force,
    due_at,
    event_of,
    is_decided_in,
    stage_of,
)
from hedgerow.cases.steps import (
    append_line,
    case_clusters,
    case_of,
    clusters_in_force,
    decision_of,
    decisions_of,
    find_case,
    find_decision,
    gathers_elsewhere,
    has_pending,
    hold_counter,
    lock_case,
    move,
    refresh_verdicts,
)
from hedgerow.cases.suppressing import lift_of_decision, suppress_cluster
from hedgerow.cases.tables import case_drafts, case_items, cases, decisions, views
from hedgerow.errors import CaseChanged, InvalidDecision

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime, timedelta

    from sqlalchemy import Connection

    from hedgerow.cases.model import Case, Claim, Classification, Cluster, Submission

__all__ = [
    "Statement",
    "appeal",
    "decide",
    "supersede",
    "undo",
]

_REASON_LENGTH = 500
_NOTE_LENGTH = 10_000


class Statement(NamedTuple):
    """What a person says in a decision.

    Attributes:
        verdict: What.
        classification: Of what is confirmed.
        tags: Words.
        reason: Why; needed for skipping.
        note: For colleagues.
    """

    verdict: Verdict
    classification: str | None = None
    tags: Sequence[str] = ()
    reason: str | None = None
    note: str | None = None


# ── deciding ─────────────────────────────────────────────────────────────────────────────────────────────────────


def decide(
    connection: Connection,
    claim: Claim,
    said: Statement,
    *,
    seen_version: int,
    cluster_id: int | None = None,
    now: datetime,
    undo_window: timedelta = DEFAULT_UNDO_WINDOW,
) -> list[Decision]:
    """Record what a person says about a claimed case, or one cluster of it.

    The case is decided when every cluster was. A judgement "not a match" suppresses the pairs at once.

    Args:
        connection: Of `Database.write`.
        claim: The person's claim.
        said: What.
        seen_version: `Case.version` as the person saw it.
        cluster_id: The cluster; None for everything in the case that was not decided in this round yet.
        now: When.
        undo_window: How long it can be undone, during which nothing leaves the house.

    Returns:
        The decision; one for each cluster where the rest of a case is decided of which some was decided before.

    Raises:
        ClaimLost: The claim is over. Nothing was recorded.
        CaseChanged: Something came to the case that the person has not seen. Nothing was recorded.
        InvalidDecision: It does not fit.
    """
    case = lock_case(connection, claim.case_id)
    check_claim(case, user_id=claim.user_id, token=claim.token, now=now)
    checked = _check(said)
    actor = f"user:{claim.user_id}"
    if said.verdict not in FINAL:
        if cluster_id is not None:
            raise InvalidDecision("a case is handed on as a whole")
        decision = _insert(connection, case, checked, None, claim.user_id, now, takes_effect_at=now)
        case = _hand_on(connection, case, said.verdict, now)
        _forget_draft(connection, case.id, claim.user_id)
        _append_decision(connection, case, decision, actor, now)
        return [decision]
    if seen_version != case.version:
        raise CaseChanged
    before = decisions_of(connection, case.id)
    made = [
        _insert(connection, case, checked, target, claim.user_id, now, takes_effect_at=now + undo_window, before=before)
        for target in _targets(connection, case, before, cluster_id)
    ]
    effects = _refresh(connection, case, made[-1].id, actor, now)
    case = _after_deciding(connection, case, now)
    if case.state is not State.CLAIMED:
        _forget_draft(connection, case.id, claim.user_id)
    bring_back(connection, effects.waiting, effects.lifted, actor=actor, now=now)
    for decision in made:
        _append_decision(connection, case, decision, actor, now, suppressed=effects.suppressed)
    return made


def _check(said: Statement) -> dict[str, Any]:
    """Return the columns of what is said, or raise InvalidDecision."""
    classification: Classification | None = check_classification(said.verdict, said.classification)
    if said.verdict is Verdict.SKIP and not (said.reason or "").strip():
        raise InvalidDecision("skipping needs a reason")
    for what, text, limit in (("reason", said.reason, _REASON_LENGTH), ("note", said.note, _NOTE_LENGTH)):
        if text is not None and (len(text) > limit or "\0" in text):
            raise InvalidDecision(f"its {what} has more than {limit:,} characters, or a NUL")
    return {
        "verdict": said.verdict,
        "classification": classification,
        "tags": canonical_json(list(check_tags(said.tags))),
        "reason": said.reason or None,
        "note": said.note or None,
    }


def _targets(
    connection: Connection, case: Case, before: Sequence[Decision], cluster_id: int | None
) -> list[int | None]:
    """Return the clusters that a decision is about; None alone for the whole case."""
    clusters = [each.id for each in case_clusters(connection, case.id)]
    left = [each for each in clusters if not is_decided_in(before, each, case.round)]
    if cluster_id is None:
        return [None] if left == clusters else list(left)
    if cluster_id not in clusters:
        raise InvalidDecision("the case has no such cluster")
    if cluster_id not in left:
        raise InvalidDecision("it was decided already: undo that")
    return [cluster_id]


def _insert(  # noqa: PLR0913  (a decision has these parts)
    connection: Connection,
    case: Case,
    checked: dict[str, Any],
    cluster_id: int | None,
    user_id: int,
    now: datetime,
    *,
    takes_effect_at: datetime,
    before: Sequence[Decision] = (),
    stage: Stage | None = None,
) -> Decision:
    stage = stage or stage_of(case.queue)
    is_final = checked["verdict"] in FINAL
    is_put_in_force = is_final and stage is not Stage.QA
    superseded = None
    if is_put_in_force:
        clusters = [each.id for each in case_clusters(connection, case.id)] if cluster_id is None else [cluster_id]
        earlier = [decision_in_force(before, each) for each in clusters]
        superseded = max((each.id for each in earlier if each is not None), default=None)
    row = connection.execute(
        insert(decisions)
        .values(
            **checked,
            case_id=case.id,
            cluster_id=cluster_id,
            round=case.round,
            stage=stage,
            is_no_look=is_final and not _has_looked(connection, case.id, cluster_id, user_id),
            decided_by=user_id,
            decided_at=now,
            takes_effect_at=takes_effect_at if is_put_in_force else now,
            due_at=takes_effect_at if is_put_in_force else None,
            supersedes_id=superseded,
        )
        .returning(*decisions.c)
    ).one()
    return decision_of(row)


def _has_looked(connection: Connection, case_id: int, cluster_id: int | None, user_id: int) -> bool:
    """Tell whether somebody had any of it before them in full, here or in another case."""
    statement = (
        select(views.c.id)
        .join(case_items, case_items.c.submission_id == views.c.submission_id)
        .where(case_items.c.case_id == case_id, views.c.user_id == user_id, views.c.form == Form.FULL)
        .limit(1)
    )
    if cluster_id is not None:
        statement = statement.where(case_items.c.cluster_id == cluster_id)
    return connection.execute(statement).first() is not None


def _hand_on(connection: Connection, case: Case, verdict: Verdict, now: datetime) -> Case:
    values: dict[str, Any] = {}
    if verdict is Verdict.ESCALATE:
        values["queue"] = Queue.ESCALATED
    elif verdict is Verdict.SECOND_OPINION:
        values["queue"] = Queue.SECOND_OPINION
    if values and case.queue is Queue.QA:
        values["round"] = case.round + 1  # what was said in the sample is compared, and decides nothing
    return move(connection, case, event_of(verdict), now=now, **values)


def _after_deciding(connection: Connection, case: Case, now: datetime) -> Case:
    """Move a case on when all of it was decided in its round."""
    made = decisions_of(connection, case.id)
    clusters = case_clusters(connection, case.id)
    if not all(is_decided_in(made, each.id, case.round) for each in clusters):
        return case
    if case.queue is not Queue.QA:
        return move(connection, case, Event.DECIDE, now=now)
    if _agrees(made, clusters, case.round):
        return move(connection, case, Event.AGREE, now=now, is_contested=False)
    return move(
        connection,
        case,
        Event.DISAGREE,
        now=now,
        queue=Queue.ESCALATED,
        round=case.round + 1,
        version=case.version + 1,
    )


def _agrees(made: Sequence[Decision], clusters: Sequence[Cluster], round_: int) -> bool:
    second = [each for each in made if each.round == round_]
    found = [(each.verdict, decision_in_force(second, each.id, stages={Stage.QA})) for each in clusters]
    return all(again is not None and verdict is again.verdict for verdict, again in found)


class _Refreshed(NamedTuple):
    """What changed with the verdicts in force: pairs suppressed, suppressions lifted, what they held back."""

    suppressed: int
    lifted: list[int]
    waiting: list[Submission]


def _refresh(connection: Connection, case: Case, decision_id: int, actor: str, now: datetime) -> _Refreshed:
    """Write the verdicts in force beside the clusters, and suppress and lift what follows from them."""
    made = decisions_of(connection, case.id)
    changed: dict[int, Verdict | None] = {}
    lifted: list[int] = []
    suppressed = 0
    for cluster in case_clusters(connection, case.id):
        decision = decision_in_force(made, cluster.id)
        verdict = None if decision is None else decision.verdict
        if verdict is cluster.verdict:
            continue
        changed[cluster.id] = verdict
        if verdict is Verdict.NOT_A_MATCH:
            suppressed += suppress_cluster(
                connection, cluster.id, decision.id if decision else decision_id, actor=actor, now=now
            )
        elif cluster.verdict is Verdict.NOT_A_MATCH:
            lifted += lift_of_decision(connection, [cluster.id], actor=actor, now=now)
    refresh_verdicts(connection, changed)
    return _Refreshed(suppressed, lifted, held_back(connection, lifted))


def _forget_draft(connection: Connection, case_id: int, user_id: int) -> None:
    """Put away what somebody had written, now that it is said."""
    connection.execute(delete(case_drafts).where(case_drafts.c.case_id == case_id, case_drafts.c.user_id == user_id))


def _append_decision(
    connection: Connection, case: Case, decision: Decision, actor: str, now: datetime, *, suppressed: int = 0
) -> None:
    append_line(
        connection,
        case.id,
        "decided" if decision.verdict in FINAL else "handed_on",
        actor=actor,
        details={
            "decision": decision.id,
            "verdict": decision.verdict,
            "stage": decision.stage,
            "cluster": decision.cluster_id,
            "classification": decision.classification,
            "is_no_look": decision.is_no_look,
            "supersedes": decision.supersedes_id,
            "suppressed": suppressed,
            "state": case.state,
            "queue": case.queue,
        },
        now=now,
    )


# ── undoing and superseding ──────────────────────────────────────────────────────────────────────────────────────


def undo(connection: Connection, decision_id: int, *, actor: str, now: datetime) -> Case:
    """Undo a decision before it takes effect; what it took the place of is in force again.

    The case returns to its queue, where whoever decided may claim it again; after a correction it is closed again.

    Raises:
        DecisionNotFound: There is no such decision.
        InvalidDecision: It decided nothing, was undone already, or another has taken its place.
        UndoTooLate: It has taken effect.
    """
    case = lock_case(connection, find_decision(connection, decision_id).case_id)
    decision = find_decision(connection, decision_id)
    check_undo(decision, now=now)
    if decision.stage is Stage.QA or not clusters_in_force(connection, case, decision):
        raise InvalidDecision("another one has taken its place, or it is not in force")
    connection.execute(
        update(decisions).where(decisions.c.id == decision_id).values(undone_at=now, undone_by=actor, due_at=None)
    )
    effects = _refresh(connection, case, decision_id, actor, now)
    case = _after_undoing(connection, case, decision, now)
    bring_back(connection, effects.waiting, effects.lifted, actor=actor, now=now)
    append_line(
        connection,
        case.id,
        "decision_undone",
        actor=actor,
        details={"decision": decision_id, "state": case.state, "lifted": len(effects.lifted)},
        now=now,
    )
    return find_case(connection, case.id)  # what was held back may have joined it


def _after_undoing(connection: Connection, case: Case, decision: Decision, now: datetime) -> Case:
    if decision.stage is Stage.CORRECTION and case.state is State.DECIDED:
        if has_pending(connection, case.id):
            return case
        return move(connection, case, Event.ACT if case.closed_at is None else Event.RESTORE, now=now)
    case = move(connection, case, Event.UNDO, now=now, version=case.version + 1)
    if case.state in GATHERING and not case.is_contested and not case.is_gathering:
        hold_counter(connection)
        if not gathers_elsewhere(connection, case):
            row = connection.execute(
                update(cases).where(cases.c.id == case.id).values(is_gathering=True).returning(*cases.c)
            ).one()
            return case_of(row)
    return case


def supersede(
    connection: Connection,
    decision_id: int,
    said: Statement,
    *,
    user_id: int,
    now: datetime,
    undo_window: timedelta = DEFAULT_UNDO_WINDOW,
) -> Decision:
    """Put another decision in the place of one: the way to correct what has taken effect, or is about to.

    Raises:
        DecisionNotFound: There is no such decision.
        InvalidDecision: It does not fit, or the other one is not in force.
        TransitionRefused: The case is being worked on: decide there.
    """
    if said.verdict not in FINAL:
        raise InvalidDecision("only a decision can take the place of a decision")
    checked = _check(said)
    case = lock_case(connection, find_decision(connection, decision_id).case_id)
    superseded = find_decision(connection, decision_id)
    if superseded.stage is Stage.QA or not clusters_in_force(connection, case, superseded):
        raise InvalidDecision("what it would supersede is not in force")
    actor = f"user:{user_id}"
    before = decisions_of(connection, case.id)
    decision = _insert(
        connection,
        case,
        checked,
        superseded.cluster_id,
        user_id,
        now,
        takes_effect_at=now + undo_window,
        before=before,
        stage=Stage.CORRECTION,
    )
    case = move(connection, case, Event.CORRECT, now=now, is_contested=False)
    effects = _refresh(connection, case, decision.id, actor, now)
    bring_back(connection, effects.waiting, effects.lifted, actor=actor, now=now)
    _append_decision(connection, case, decision, actor, now, suppressed=effects.suppressed)
    return decision


def appeal(connection: Connection, case_id: int, *, actor: str, now: datetime, priority: int = 3) -> Case:
    """Have a decided case decided again, by somebody who has decided none of it.

    Args:
        connection: Of `Database.write`.
        case_id: The case.
        actor: Who contests it, or hands the complaint on.
        now: When.
        priority: 1 to 4.

    Raises:
        CaseNotFound: There is no such case.
        TransitionRefused: It was not decided, or can still be undone.
    """
    case = lock_case(connection, case_id)
    case = move(
        connection,
        case,
        Event.APPEAL,
        now=now,
        queue=Queue.APPEALS,
        round=case.round + 1,
        version=case.version + 1,
        is_contested=True,
        priority=priority,
        due_at=due_at(priority, now, None),
        deadline=None,
    )
    append_line(connection, case.id, "appealed", actor=actor, details={"round": case.round}, now=now)
    return case
