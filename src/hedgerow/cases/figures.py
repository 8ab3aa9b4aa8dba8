"""Counts over a time: what came, what was decided, how long that took. The first argument is an open connection.

Rows of a table have the order in which they were written, so that those of a time are found by halving their numbers,
and no index of times is needed. Nothing here names an account, a file or a person.
"""

from __future__ import annotations

import math
from collections import Counter
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from sqlalchemy import case, distinct, func, literal_column, select

from hedgerow.cases.model import FalsePositives, Form, Queue, Stage, Verdict
from hedgerow.cases.rules import FINAL, joined_queue
from hedgerow.cases.steps import case_of
from hedgerow.cases.tables import case_items, cases, clusters, decisions, matches, submissions, views

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Sequence

    from sqlalchemy import Column, ColumnElement, Connection, Table

    from hedgerow.cases.model import Case

__all__ = [
    "FEWEST_PEOPLE",
    "MOST_MATCHES",
    "MOST_TIMES",
    "Looks",
    "Percentiles",
    "Period",
    "VerdictCount",
    "claimed_cases",
    "count_claims",
    "count_decided_by_day",
    "count_looks",
    "count_opened",
    "count_opened_by_day",
    "count_submissions",
    "count_verdicts",
    "first_since",
    "judged_by_bank",
    "percentiles",
    "times_to_decide",
]

FEWEST_PEOPLE: Final = 3
"""Of fewer people no sum is told of what they saw: it would be known of whom it speaks."""

MOST_TIMES: Final = 10_000
"""Decisions of which it is reckoned how long they took, the latest: some 100 ms."""

MOST_MATCHES: Final = 20_000
"""Matches of which it is reckoned how many were none, the latest: some 100 ms, however many banks there are."""

_SLACK: Final = timedelta(hours=1)  # what is written together may have been begun apart
# Before there was any case: a comparison is what SQLite finds by an index, and IS NOT NULL is not.
_LONG_AGO: Final = datetime(2000, 1, 1, tzinfo=UTC)
_DAY_S: Final = 86_400.0
_IN_ONE_QUERY: Final = 500  # SQLite takes 32,766 values at most, PostgreSQL plans long lists slowly
_FIRST_QUEUES: Final = frozenset({Queue.KNOWN, Queue.NEAR, Queue.NOTICES, Queue.TEXT})
_QUEUE_OF: Final = {Stage.SECOND_OPINION: Queue.SECOND_OPINION, Stage.ESCALATED: Queue.ESCALATED}


class Period(NamedTuple):
    """From a time on, and before another."""

    since: datetime
    until: datetime


@dataclass(frozen=True, slots=True)
class Percentiles:
    """How long something took.

    Attributes:
        number: How many there were.
        p50_s: Half took at most so many seconds.
        p90_s: Nine of ten.
        p99_s: 99 of 100.
    """

    number: int
    p50_s: float
    p90_s: float
    p99_s: float


@dataclass(frozen=True, slots=True)
class VerdictCount:
    """How often something was said.

    Attributes:
        verdict: What.
        classification: Of what was confirmed.
        number: How often.
        no_look: How often by somebody who had seen none of it in full.
    """

    verdict: Verdict
    classification: str | None
    number: int
    no_look: int


@dataclass(frozen=True, slots=True)
class Looks:
    """What was seen in full, by all together.

    Attributes:
        people: By how many.
        looks: Deliberate looks.
        seconds: For how long in all.
    """

    people: int
    looks: int
    seconds: float


# ── rows of a time ───────────────────────────────────────────────────────────────────────────────────────────────


def first_since(connection: Connection, table: Table, column: str, since: datetime) -> int:
    """Return a number after which all rows of a time lie, and few others.

    Args:
        connection: Of `Database.read`.
        table: With an ``id`` that grows with that time.
        column: The time.
        since: From then on.
    """
    number: Column[Any] = table.c.id
    time: Column[Any] = table.c[column]
    low, high = 0, connection.execute(select(func.max(number))).scalar() or 0
    statement = select(number, time.label("at")).order_by(number).limit(1)
    while low < high:
        middle = (low + high) // 2
        row = connection.execute(statement.where(number > middle)).first()
        if row is None or row.at >= since - _SLACK:
            high = middle
        else:
            low = int(row.id)
    return low


def _is_decision_of(connection: Connection, period: Period) -> list[ColumnElement[bool]]:
    """Say which decisions are verdicts of a time that were not undone."""
    return [
        decisions.c.id > first_since(connection, decisions, "decided_at", period.since),
        decisions.c.decided_at >= period.since,
        decisions.c.decided_at < period.until,
        decisions.c.verdict.in_(FINAL),
        decisions.c.undone_at.is_(None),
    ]


def _day(connection: Connection, column: Column[Any]) -> ColumnElement[Any]:
    """Say on which day something was, in UTC; SQLite keeps times so, PostgreSQL would take the server's zone."""
    if connection.dialect.name == "sqlite":
        return func.date(column)
    return func.date(func.timezone(literal_column("'UTC'"), column))


def _seconds(connection: Connection, since: Column[Any], until: Column[Any]) -> ColumnElement[Any]:
    """Say how many seconds lie between two times, to the millisecond: reckoned there, since to read times is slow."""
    if connection.dialect.name == "sqlite":
        return func.round((func.julianday(until) - func.julianday(since)) * _DAY_S, 3)
    return func.round(func.extract("epoch", until - since), 3)


def _by_day(rows: Iterable[Any]) -> Counter[date]:
    counted: Counter[date] = Counter()
    for day, number in rows:
        counted[date.fromisoformat(str(day)[:10])] += int(number)
    return counted


# ── who works on what ────────────────────────────────────────────────────────────────────────────────────────────


def claimed_cases(connection: Connection, *, limit: int) -> list[Case]:
    """List the cases on which somebody works, those first whose lease runs out first."""
    rows = connection.execute(
        select(cases)
        .where(cases.c.claim_expires_at >= _LONG_AGO)
        .order_by(cases.c.claim_expires_at, cases.c.id)
        .limit(limit)
    )
    return [case_of(row) for row in rows]


def count_claims(connection: Connection, *, now: datetime) -> dict[int, int]:
    """Count the cases on which each user works, by the user's number."""
    rows = connection.execute(
        select(cases.c.claimed_by, func.count()).where(cases.c.claim_expires_at > now).group_by(cases.c.claimed_by)
    )
    return {int(user): int(number) for user, number in rows}


# ── what came, and what was decided ──────────────────────────────────────────────────────────────────────────────


def count_opened(connection: Connection, period: Period) -> int:
    """Count the cases that were opened."""
    return int(
        connection.execute(
            select(func.count()).where(
                cases.c.id > first_since(connection, cases, "opened_at", period.since),
                cases.c.opened_at >= period.since,
                cases.c.opened_at < period.until,
            )
        ).scalar_one()
    )


def count_opened_by_day(connection: Connection, period: Period) -> Counter[date]:
    """Count the cases that were opened, day by day."""
    day = _day(connection, cases.c.opened_at)
    return _by_day(
        connection.execute(
            select(day, func.count())
            .where(
                cases.c.id > first_since(connection, cases, "opened_at", period.since),
                cases.c.opened_at >= period.since,
                cases.c.opened_at < period.until,
            )
            .group_by(day)
        )
    )


def count_decided_by_day(connection: Connection, period: Period) -> Counter[date]:
    """Count the cases about which a verdict was said, day by day; second reviews and corrections are none."""
    day = _day(connection, decisions.c.decided_at)
    return _by_day(
        connection.execute(
            select(day, func.count(distinct(decisions.c.case_id)))
            .where(*_is_decision_of(connection, period), decisions.c.stage.not_in((Stage.QA, Stage.CORRECTION)))
            .group_by(day)
        )
    )


def count_verdicts(connection: Connection, period: Period) -> list[VerdictCount]:
    """Count what was said, second reviews of a sample left out, since they decide nothing."""
    columns = (decisions.c.verdict, decisions.c.classification)
    rows = connection.execute(
        select(*columns, func.count(), func.sum(case((decisions.c.is_no_look, 1), else_=0)))
        .where(*_is_decision_of(connection, period), decisions.c.stage != Stage.QA)
        .group_by(*columns)
    )
    found = [VerdictCount(Verdict(verdict), said, int(number), int(unseen)) for verdict, said, number, unseen in rows]
    return sorted(found, key=lambda each: (each.verdict, each.classification or ""))


def count_submissions(connection: Connection, period: Period) -> dict[str, int]:
    """Count what was sent to be checked, by what came of it."""
    rows = connection.execute(
        select(submissions.c.outcome, func.count())
        .where(submissions.c.received_at >= period.since, submissions.c.received_at < period.until)
        .group_by(submissions.c.outcome)
    )
    return dict(sorted((outcome or "unanswered", int(number)) for outcome, number in rows))


def judged_by_bank(connection: Connection, *, most: int = MOST_MATCHES) -> list[FalsePositives]:
    """Count, bank by bank, the pairs of an entry and a cluster that were decided, and those that were no match.

    Args:
        connection: An open connection.
        most: Most matches that are looked at, the latest of all banks.
    """
    columns = (matches.c.bank_id, matches.c.entry_id, matches.c.case_item_id)
    latest = select(*columns).order_by(matches.c.id.desc()).limit(most).subquery()
    pair = (
        select(latest.c.bank_id, latest.c.entry_id, clusters.c.id, clusters.c.verdict)
        .join(case_items, latest.c.case_item_id == case_items.c.id)
        .join(clusters, case_items.c.cluster_id == clusters.c.id)
        .where(clusters.c.verdict.is_not(None))
        .distinct()
        .subquery()
    )
    wrong = func.count().filter(pair.c.verdict == Verdict.NOT_A_MATCH)
    rows = connection.execute(select(pair.c.bank_id, func.count(), wrong).group_by(pair.c.bank_id))
    return sorted(
        (FalsePositives(int(bank), int(judged), int(not_a)) for bank, judged, not_a in rows), key=lambda each: each.id
    )


def count_looks(connection: Connection, period: Period) -> Looks | None:
    """Sum up what was seen in full; None where fewer than `FEWEST_PEOPLE` looked."""
    row = connection.execute(
        select(
            func.count(distinct(views.c.user_id)),
            func.count(distinct(views.c.reveal)),
            func.count().filter(views.c.reveal.is_(None)),
            func.coalesce(func.sum(views.c.seconds), 0.0),
        ).where(
            views.c.id > first_since(connection, views, "recorded_at", period.since),
            views.c.started_at >= period.since,
            views.c.started_at < period.until,
            views.c.form == Form.FULL,
        )
    ).one()
    people, named, unnamed, seconds = row
    return None if people < FEWEST_PEOPLE else Looks(int(people), int(named) + int(unnamed), float(seconds))


# ── how long it took ─────────────────────────────────────────────────────────────────────────────────────────────


def times_to_decide(connection: Connection, period: Period, *, most: int = MOST_TIMES) -> dict[Queue, Percentiles]:
    """Say how long cases waited from their opening to the verdict that decided all of them, by queue.

    A case counts for the queue in which it was decided. What is decided again (appeals, second reviews, corrections)
    does not count.

    Args:
        connection: Of `Database.read`.
        period: When it was decided.
        most: Most decisions, the latest.
    """
    rows = connection.execute(
        select(
            decisions.c.case_id,
            decisions.c.stage,
            cases.c.queue,
            _seconds(connection, cases.c.opened_at, decisions.c.decided_at),
        )
        .join(cases, decisions.c.case_id == cases.c.id)
        .where(
            *_is_decision_of(connection, period),
            decisions.c.round == 1,
            # As an expression, so that the latest are met first: by the index of stages all would have to be sorted.
            decisions.c.stage.concat("").in_((Stage.FIRST, *_QUEUE_OF)),
        )
        .order_by(decisions.c.id.desc())
        .limit(most)
    ).all()
    decided_in = {
        (str(stage), str(queue)): _QUEUE_OF.get(stage, queue if queue in _FIRST_QUEUES else None)
        for stage in Stage
        for queue in Queue
    }
    last: dict[int, tuple[Queue | None, float]] = {}
    for number, stage, queue, taken in rows:  # of a case of several clusters the last one is met first
        last.setdefault(number, (decided_in[stage, queue], float(taken)))
    moved = [number for number, (queue, _) in last.items() if queue is None]
    came_from = _first_queues(connection, moved)
    seconds: dict[Queue, list[float]] = {}
    for number, (known, taken) in last.items():
        seconds.setdefault(known or came_from.get(number, Queue.NEAR), []).append(taken)
    return {queue: percentiles(seconds[queue]) for queue in Queue if queue in seconds}


def _first_queues(connection: Connection, numbers: Sequence[int]) -> dict[int, Queue]:
    """Return in which queue cases were opened that stand in another now, from the matches that opened them."""
    found: dict[int, Queue] = {}
    for start in range(0, len(numbers), _IN_ONE_QUERY):
        some = numbers[start : start + _IN_ONE_QUERY]
        rows = connection.execute(
            select(case_items.c.case_id, matches.c.queue)
            .join(matches, matches.c.case_item_id == case_items.c.id)
            .where(case_items.c.case_id.in_(some), matches.c.queue.in_(list(_FIRST_QUEUES)))
            .distinct()
        )
        for number, queue in rows:
            found[number] = joined_queue(found.get(number, Queue(queue)), Queue(queue))
    return found


def percentiles(seconds: Collection[float]) -> Percentiles:
    """Return percentiles of times, each one of the times itself (nearest rank).

    >>> percentiles([3.0, 1.0, 2.0])
    Percentiles(number=3, p50_s=2.0, p90_s=3.0, p99_s=3.0)
    """
    ordered = sorted(seconds)
    ranked = [ordered[math.ceil(share * len(ordered)) - 1] for share in (0.5, 0.9, 0.99)]
    return Percentiles(len(ordered), *ranked)
