"""The team: who works on what, who is here, and whether people who judge the same thing say the same."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Final

from hedgerow import accounts, cases
from hedgerow.accounts import Permission
from hedgerow.accounts.presence import seen_lately
from hedgerow.app.accounts import session_policy
from hedgerow.app.clock import now
from hedgerow.cases import Queue, Stage
from hedgerow.cases.agreement import judged_again
from hedgerow.cases.figures import Period, claimed_cases, count_claims
from hedgerow.evaluation.intervals import Share

if TYPE_CHECKING:
    from datetime import datetime

    from hedgerow.accounts import User
    from hedgerow.app.service import Service
    from hedgerow.cases import Case, QueueCount
    from hedgerow.cases.agreement import JudgedAgain
    from hedgerow.database import Database

__all__ = ["Again", "Claimed", "Quality", "Work", "Worker", "judged", "quality", "work"]

_MOST_CLAIMS: Final = 50
_MOST_SHOWN: Final = 50


@dataclass(frozen=True, slots=True)
class Claimed:
    """A case on which somebody works.

    Attributes:
        case: The case.
        user: Who.
        is_over: Whether the lease has run out, so that anybody may take it.
    """

    case: Case
    user: User
    is_over: bool


@dataclass(frozen=True, slots=True)
class Worker:
    """Somebody who takes cases.

    Attributes:
        user: Who.
        claims: On how many cases they work.
        seen_at: When they were seen last; None for who is not logged in.
    """

    user: User
    claims: int
    seen_at: datetime | None


@dataclass(frozen=True, slots=True)
class Work:
    """Who works on what.

    Attributes:
        claims: Those whose lease runs out first, before the others; so many that a page can show them.
        workers: By name.
        queues: How each queue stands.
    """

    claims: list[Claimed]
    workers: list[Worker]
    queues: list[QueueCount]

    @property
    def version(self) -> str:
        """A word that changes with who works on what, and with how the queues stand."""
        claims = [(each.case.number, each.user.id, each.is_over) for each in self.claims]
        workers = [(each.user.id, each.seen_at) for each in self.workers]
        queues = [(each.queue, each.waiting, each.claimed, each.put_aside, each.overdue) for each in self.queues]
        return hashlib.sha256(repr((claims, workers, queues)).encode()).hexdigest()[:16]


@dataclass(frozen=True, slots=True)
class Again:
    """What was judged again.

    Attributes:
        share: How often the same was said.
        waiting: Cases that wait to be judged again.
        other: The latest of which something else was said.
    """

    share: Share
    waiting: int
    other: list[JudgedAgain]


@dataclass(frozen=True, slots=True)
class Quality:
    """Whether people who judge the same thing say the same.

    Attributes:
        days: Over how many days.
        qa_share: The share of closed cases that is drawn for a second review.
        reviews: Second reviews of the sample.
        appeals: Appeals.
    """

    days: int
    qa_share: float
    reviews: Again
    appeals: Again


def work(service: Service) -> Work:
    """Say who works on what, and who is here."""
    at = now()
    with service.database.read() as connection:
        people = {each.id: each for each in accounts.list_users(connection)}
        claimed = claimed_cases(connection, limit=_MOST_CLAIMS)
        counts = count_claims(connection, now=at)
        seen = seen_lately(connection, policy=session_policy(service.settings), now=at)
        queues = cases.count_queues(connection, now=at)
    claims = [
        Claimed(each, people[each.claimed_by], each.claim_expires_at <= at)
        for each in claimed
        if each.claimed_by is not None and each.claim_expires_at is not None
    ]
    workers = [
        Worker(user, counts.get(user.id, 0), seen.get(user.id))
        for user in sorted(people.values(), key=lambda user: user.display_name.casefold())
        if user.is_active and Permission.CASES_CLAIM in accounts.permissions_of(user.roles)
    ]
    return Work(claims, workers, queues)


def quality(service: Service, *, days: int) -> Quality:
    """Say how often second reviews agree, and how often appeals change something."""
    return Quality(days, service.settings.workers.qa_share, *judged(service.database, days=days))


def judged(database: Database, *, days: int) -> tuple[Again, Again]:
    """Return the second reviews and the appeals of the latest days."""
    at = now()
    period = Period(at - timedelta(days=days), at + timedelta(seconds=1))
    with database.read() as connection:
        both = cases.count_queues(connection, now=at, queues=(Queue.QA, Queue.APPEALS))
        queues = {each.queue: each for each in both}
        found = [
            (judged_again(connection, stage, period), queues[queue])
            for stage, queue in ((Stage.QA, Queue.QA), (Stage.APPEAL, Queue.APPEALS))
        ]
    reviews, appeals = (
        Again(
            Share(sum(each.is_same for each in again), len(again)),
            queue.waiting + queue.claimed + queue.put_aside,
            [each for each in again if not each.is_same][:_MOST_SHOWN],
        )
        for again, queue in found
    )
    return reviews, appeals
