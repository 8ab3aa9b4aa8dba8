"""Gather matches into cases. The first argument is an open connection; the caller commits."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from sqlalchemy import func, insert, select, update

from hedgerow.audit.rules import canonical_json
from hedgerow.cases.model import Case, Event, Gathered, Item, NewMatch, Queue, RecordedMatch, State, Verdict
from hedgerow.cases.rules import RESTING_STATE, decision_in_force, due_at, joined_queue, joins_cluster, usable_pdq
from hedgerow.cases.steps import append_line, case_of, decisions_of, hold_counter, move, subject_of
from hedgerow.cases.suppressing import find_suppressing
from hedgerow.cases.tables import case_counter, case_items, cases, clusters, matches, submissions
from hedgerow.policy.model import Outcome, Then, Tier

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence
    from datetime import datetime

    from sqlalchemy import Connection

    from hedgerow.cases.model import ContentSignal, Submission
    from hedgerow.cases.steps import AnyRow

__all__ = [
    "case_items_of",
    "case_matches",
    "count_items",
    "gather",
    "matches_of",
    "open_or_join_case",
    "record_matches",
    "submission_matches",
]

# Clusters of a case that are read at a time while looking for one that a submission joins.
_CLUSTERS_PER_FETCH = 1000


# ── matches ──────────────────────────────────────────────────────────────────────────────────────────────────────


def record_matches(
    connection: Connection,
    submission: Submission,
    new: Sequence[NewMatch],
    *,
    signal: ContentSignal | None = None,
    now: datetime,
) -> list[RecordedMatch]:
    """Keep what was found for a submission; what was judged to be no match before is held back.

    Args:
        connection: Of `Database.write`.
        submission: The submission.
        new: What was found. An entry that was found for the submission before is left out.
        signal: Of the submission, where it has one.
        now: When.
    """
    if not new:
        return []
    known = set(
        connection.execute(select(matches.c.entry_id).where(matches.c.submission_id == submission.id)).scalars()
    )
    recorded = []
    for match in new:
        if match.entry_id in known:
            continue
        known.add(match.entry_id)
        held_back = find_suppressing(
            connection,
            match.entry_id,
            sha256=submission.sent.sha256,
            pdq=None if signal is None else usable_pdq(signal.pdq, signal.quality),
            distance=match.distance,
        )
        row = connection.execute(
            insert(matches)
            .values(**_match_values(match), submission_id=submission.id, matched_at=now, suppression_id=held_back)
            .returning(*matches.c)
        ).one()
        recorded.append(_match(row))
    return recorded


def case_matches(connection: Connection, case_id: int) -> list[RecordedMatch]:
    """List the matches about which people decide in a case, the most certain first."""
    statement = (
        select(matches)
        .join(case_items, matches.c.case_item_id == case_items.c.id)
        .where(case_items.c.case_id == case_id)
        .order_by(matches.c.distance, matches.c.id)
    )
    return [_match(row) for row in connection.execute(statement)]


def submission_matches(connection: Connection, submission_id: int) -> list[RecordedMatch]:
    """List what was found for a submission, in the order in which it was found."""
    statement = select(matches).where(matches.c.submission_id == submission_id).order_by(matches.c.id)
    return [_match(row) for row in connection.execute(statement)]


def matches_of(connection: Connection, submission_ids: Collection[int]) -> list[RecordedMatch]:
    """List what was found for several submissions, the nearest first, with one query."""
    statement = (
        select(matches)
        .where(matches.c.submission_id.in_(sorted(submission_ids)))
        .order_by(matches.c.distance, matches.c.id)
    )
    return [_match(row) for row in connection.execute(statement)]


# ── cases ────────────────────────────────────────────────────────────────────────────────────────────────────────


def open_or_join_case(
    connection: Connection,
    submission: Submission,
    new: Sequence[NewMatch],
    *,
    signal: ContentSignal | None = None,
    actor: str,
    now: datetime,
) -> Gathered | None:
    """Keep the matches of a submission, and put those that people must see into the case of its subject.

    Args:
        connection: Of `Database.write`.
        submission: As it was recorded.
        new: What was found, each with what the policy says of it.
        signal: The stored signal, by which near duplicates are told.
        actor: Who submitted it.
        now: When.

    Returns:
        Where they went; None when no match opens a case, or all that would were judged to be none before.
    """
    recorded = record_matches(connection, submission, new, signal=signal, now=now)
    wanted = [each for each in recorded if each.match.outcome.opens_case and each.suppression_id is None]
    return gather(connection, submission, wanted, signal=signal, actor=actor, now=now) if wanted else None


def gather(
    connection: Connection,
    submission: Submission,
    recorded: Sequence[RecordedMatch],
    *,
    signal: ContentSignal | None = None,
    actor: str,
    now: datetime,
) -> Gathered:
    """Put recorded matches of one submission into the case that gathers for its subject, or open one."""
    pdq = None if signal is None else usable_pdq(signal.pdq, signal.quality)
    sha256 = submission.sent.sha256
    distance = min(each.match.distance for each in recorded)
    case, is_new_case = _case_for(connection, submission, recorded, now)
    item = None if is_new_case else _item_of(connection, case, submission)
    is_new_cluster = is_seen = False
    if item is None:
        cluster_id, is_seen = (None, False) if is_new_case else _cluster_for(connection, case, sha256, pdq, distance)
        is_new_cluster = cluster_id is None
        if cluster_id is None:
            cluster_id = _new_cluster(connection, case, sha256, pdq, distance, now)
        else:
            connection.execute(update(clusters).where(clusters.c.id == cluster_id).values(size=clusters.c.size + 1))
        item = _add_item(connection, case, cluster_id, submission, now)
    connection.execute(
        update(matches).where(matches.c.id.in_([each.id for each in recorded])).values(case_item_id=item.id)
    )
    if not is_new_case:
        case = _join(connection, case, recorded, is_seen=is_seen, now=now)
    append_line(
        connection,
        case.id,
        "opened" if is_new_case else "joined",
        actor=actor,
        details={
            "submission": submission.id,
            "matches": len(recorded),
            "cluster": item.cluster_id,
            "queue": case.queue,
            "priority": case.priority,
        },
        now=now,
    )
    return Gathered(case, item, is_new_case, is_new_cluster, _confirmed_before(connection, item))


def _confirmed_before(connection: Connection, item: Item) -> int | None:
    """Return the confirmation that holds for an item and has taken effect without it."""
    verdict = connection.execute(select(clusters.c.verdict).where(clusters.c.id == item.cluster_id)).scalar()
    if verdict is None:
        return None
    decision = decision_in_force(decisions_of(connection, item.case_id), item.cluster_id)
    return decision.id if decision is not None and decision.effected_at is not None else None


def _case_for(
    connection: Connection, submission: Submission, recorded: Sequence[RecordedMatch], now: datetime
) -> tuple[Case, bool]:
    """Return the case that gathers for a submission's subject, locked, and whether it was opened now."""
    subject = subject_of(submission)
    case = _gathering_case(connection, subject)
    if case is None:
        year, sequence = hold_counter(connection)
        case = _gathering_case(connection, subject)  # somebody may have opened it while we waited for the counter
    elif _was_judged_no_match(connection, case, submission):
        year, sequence = hold_counter(connection)
        connection.execute(update(cases).where(cases.c.id == case.id).values(is_gathering=None))
        case = None
    else:
        return case, False
    if case is not None:
        return case, False
    return _open(connection, subject, recorded, _next_number(connection, year, sequence, now), now), True


def _was_judged_no_match(connection: Connection, case: Case, submission: Submission) -> bool:
    """Tell whether a person said "not a match" about the submission in this case, before anything else was found.

    That is a new question. A submission stands once in a case, so it needs another one.
    """
    verdict = connection.execute(
        select(clusters.c.verdict)
        .join(case_items, case_items.c.cluster_id == clusters.c.id)
        .where(case_items.c.case_id == case.id, case_items.c.submission_id == submission.id)
    ).scalar()
    return verdict == Verdict.NOT_A_MATCH


def _gathering_case(connection: Connection, subject: dict[str, str]) -> Case | None:
    row = connection.execute(
        select(cases)
        .where(*[cases.c[name] == value for name, value in subject.items()], cases.c.is_gathering)
        .with_for_update()
    ).first()
    return None if row is None else case_of(row)


def _next_number(connection: Connection, year: int, sequence: int, now: datetime) -> str:
    """Give out the next number, the counter being held. Where the clock went back over New Year, the year stays."""
    if now.year > year:
        year, sequence = now.year, 0
    connection.execute(update(case_counter).values(year=year, sequence=sequence + 1))
    return f"{year}-{sequence + 1:05}"


def _open(
    connection: Connection, subject: dict[str, str], recorded: Sequence[RecordedMatch], number: str, now: datetime
) -> Case:
    queue = _queue(recorded)
    priority, due, deadline = _urgency(recorded, now)
    row = connection.execute(
        insert(cases)
        .values(
            **subject,
            number=number,
            queue=queue,
            state=RESTING_STATE[queue],
            priority=priority,
            due_at=due,
            deadline=deadline,
            opened_at=now,
            state_changed_at=now,
            is_gathering=True,
            claim_token=0,
            version=1,
            round=1,
            is_contested=False,
        )
        .returning(*cases.c)
    ).one()
    return case_of(row)


def _join(
    connection: Connection, case: Case, recorded: Sequence[RecordedMatch], *, is_seen: bool, now: datetime
) -> Case:
    """Let what arrives make a case more urgent, never less; unless it is a copy, a decider must see it first."""
    priority, due, deadline = _urgency(recorded, now)
    queue = joined_queue(case.queue, _queue(recorded))
    values: dict[str, Any] = {"queue": queue, "priority": min(priority, case.priority)}
    if due < case.due_at:
        values |= {"due_at": due, "deadline": deadline}
    if not is_seen:
        values["version"] = case.version + 1
    case = move(connection, case, Event.GATHER, now=now, **values)
    if case.state not in {State.CLAIMED, State.WAITING} and case.state is not RESTING_STATE[queue]:
        # What is escalated by what arrives waits as escalated; while somebody works on it, it stays theirs.
        row = connection.execute(
            update(cases)
            .where(cases.c.id == case.id)
            .values(state=RESTING_STATE[queue], state_changed_at=now)
            .returning(*cases.c)
        ).one()
        case = case_of(row)
    return case


def _queue(recorded: Sequence[RecordedMatch]) -> Queue:
    queues = [Queue(each.match.outcome.queue) for each in recorded if each.match.outcome.queue is not None]
    queue = queues[0]
    for each in queues[1:]:
        queue = joined_queue(queue, each)
    return queue


def _urgency(recorded: Sequence[RecordedMatch], now: datetime) -> tuple[int, datetime, str | None]:
    """Return the most urgent priority, the earliest due time, and the deadline profile that sets it."""
    outcomes = [each.match.outcome for each in recorded]
    asked = [(due_at(each.priority or 4, now, each.deadline), each.deadline) for each in outcomes]
    due, deadline = min(asked, key=lambda each: each[0])
    return min(each.priority or 4 for each in outcomes), due, deadline


# ── clusters and items ───────────────────────────────────────────────────────────────────────────────────────────


def _cluster_for(
    connection: Connection, case: Case, sha256: bytes | None, pdq: bytes | None, distance: int
) -> tuple[int | None, bool]:
    """Find the cluster that a submission joins, and tell whether it is a copy, byte for byte, of something in it.

    Nothing joins what was judged to be no match, since it may match something else. What was confirmed is joined by
    the same file alone: a confirmation is not spread to what merely looks alike and came later.
    """
    if sha256 is not None:
        same = connection.execute(
            select(case_items.c.cluster_id)
            .join(submissions, case_items.c.submission_id == submissions.c.id)
            .join(clusters, case_items.c.cluster_id == clusters.c.id)
            .where(
                case_items.c.case_id == case.id,
                submissions.c.sha256 == sha256,
                clusters.c.verdict.is_(None) | (clusters.c.verdict == Verdict.CONFIRMED),
            )
            .order_by(case_items.c.id.desc())
            .limit(1)
        ).scalar()
        if same is not None:
            return int(same), True
    if pdq is None:
        return None, False
    statement = (
        select(clusters.c.id, clusters.c.pdq, clusters.c.distance)
        .where(clusters.c.case_id == case.id, clusters.c.pdq.is_not(None), clusters.c.verdict.is_(None))
        .order_by(clusters.c.id)
        .execution_options(yield_per=_CLUSTERS_PER_FETCH)
    )
    with connection.execute(statement) as rows:
        for row in rows:
            if joins_cluster(None, pdq, distance, None, bytes(row.pdq), row.distance):
                return int(row.id), False
    return None, False


def _new_cluster(
    connection: Connection, case: Case, sha256: bytes | None, pdq: bytes | None, distance: int, now: datetime
) -> int:
    return int(
        connection.execute(
            insert(clusters)
            .values(case_id=case.id, sha256=sha256, pdq=pdq, distance=distance, size=1, created_at=now)
            .returning(clusters.c.id)
        ).scalar_one()
    )


def _item_of(connection: Connection, case: Case, submission: Submission) -> Item | None:
    row = connection.execute(
        select(case_items).where(case_items.c.case_id == case.id, case_items.c.submission_id == submission.id)
    ).first()
    return None if row is None else _item(row)


def _add_item(connection: Connection, case: Case, cluster_id: int, submission: Submission, now: datetime) -> Item:
    row = connection.execute(
        insert(case_items)
        .values(case_id=case.id, cluster_id=cluster_id, submission_id=submission.id, added_at=now)
        .returning(*case_items.c)
    ).one()
    return _item(row)


def case_items_of(
    connection: Connection, case_id: int, *, cluster_id: int | None = None, after: int = 0, limit: int = 100
) -> list[Item]:
    """List the items of a case, in their order.

    Args:
        connection: An open connection.
        case_id: The case.
        cluster_id: Only those of this cluster.
        after: Only those with a greater id: the last of the page before.
        limit: Most items.
    """
    statement = select(case_items).where(case_items.c.case_id == case_id, case_items.c.id > after)
    if cluster_id is not None:
        statement = statement.where(case_items.c.cluster_id == cluster_id)
    return [_item(row) for row in connection.execute(statement.order_by(case_items.c.id).limit(limit))]


def count_items(connection: Connection, case_id: int) -> int:
    """Count the submissions that are gathered in a case."""
    return int(connection.execute(select(func.count()).where(case_items.c.case_id == case_id)).scalar_one())


# ── rows ─────────────────────────────────────────────────────────────────────────────────────────────────────────


def _item(row: AnyRow) -> Item:
    return Item(row.id, row.case_id, row.cluster_id, row.submission_id, row.added_at)


def _match_values(match: NewMatch) -> dict[str, Any]:
    outcome = match.outcome
    return {
        "bank_id": match.bank_id,
        "bank_name": match.bank_name,
        "entry_id": match.entry_id,
        "provenance": match.provenance,
        "contributor": match.contributor,
        "category": match.category,
        "is_disputed": match.is_disputed,
        "signal_type": match.signal_type,
        "distance": match.distance,
        "threshold": match.threshold,
        "variant": match.variant,
        "query_share": match.query_share,
        "known_share": match.known_share,
        "false_match_probability": match.false_match_probability,
        "tier": match.tier,
        "policy_version": match.policy_version,
        "rule": outcome.rule,
        "outcome": outcome.then,
        "priority": outcome.priority,
        "queue": outcome.queue,
        "deadline": outcome.deadline,
        "events": canonical_json(list(outcome.events)),
        "allows_no_look": outcome.allows_no_look,
    }


def _match(row: AnyRow) -> RecordedMatch:
    outcome = Outcome(
        row.rule,
        Then(row.outcome),
        row.priority,
        row.queue,
        tuple(json.loads(row.events)),
        row.deadline,
        row.allows_no_look,
    )
    match = NewMatch(
        bank_id=row.bank_id,
        bank_name=row.bank_name,
        entry_id=row.entry_id,
        provenance=row.provenance,
        signal_type=row.signal_type,
        distance=row.distance,
        threshold=row.threshold,
        variant=row.variant,
        tier=Tier(row.tier),
        outcome=outcome,
        policy_version=row.policy_version,
        contributor=row.contributor,
        category=row.category,
        is_disputed=row.is_disputed,
        query_share=row.query_share,
        known_share=row.known_share,
        false_match_probability=row.false_match_probability,
    )
    return RecordedMatch(row.id, row.submission_id, row.matched_at, match, row.case_item_id, row.suppression_id)
