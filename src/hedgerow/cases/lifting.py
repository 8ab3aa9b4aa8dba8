"""Lift a suppression, and bring back what it held back. First argument: an open connection; the caller commits."""

from __future__ import annotations

from itertools import groupby
from typing import TYPE_CHECKING

from sqlalchemy import select, tuple_, update

from hedgerow.audit import append
from hedgerow.cases.opening import gather, submission_matches
from hedgerow.cases.steps import hold_counter, subject_of
from hedgerow.cases.submissions import find_submission
from hedgerow.cases.tables import cases, matches, suppressions
from hedgerow.errors import SuppressionNotFound

if TYPE_CHECKING:
    from collections.abc import Collection
    from datetime import datetime

    from sqlalchemy import Connection

    from hedgerow.cases.model import Gathered, Submission

__all__ = ["bring_back", "held_back", "lift_suppression"]


def lift_suppression(connection: Connection, suppression_id: int, *, actor: str, now: datetime) -> list[Gathered]:
    """Lift a suppression: what comes next is found again, and what it held back goes into cases now.

    Raises:
        SuppressionNotFound: There is none, or it was lifted already.
    """
    changed = connection.execute(
        update(suppressions)
        .where(suppressions.c.id == suppression_id, suppressions.c.lifted_at.is_(None))
        .values(lifted_at=now, lifted_by=actor)
    )
    if changed.rowcount != 1:
        raise SuppressionNotFound
    waiting = held_back(connection, [suppression_id])
    gathered = bring_back(connection, waiting, [suppression_id], actor=actor, now=now)
    append(
        connection,
        actor=actor,
        action="suppression.lifted",
        subject_type="suppression",
        subject_id=suppression_id,
        details={"brought_back": len(gathered)},
        now=now,
    )
    return gathered


def held_back(connection: Connection, suppression_ids: Collection[int]) -> list[Submission]:
    """List the submissions of which these suppressions hold matches back, and lock the cases that they will go to.

    All locks are taken here, before the first audit line: see `hedgerow.audit.append`.
    """
    if not suppression_ids:
        return []
    numbers = connection.execute(
        select(matches.c.submission_id)
        .where(matches.c.suppression_id.in_(suppression_ids))
        .distinct()
        .order_by(matches.c.submission_id)
    ).scalars()
    found = [find_submission(connection, number) for number in numbers]
    if found:
        subjects = {tuple(subject_of(each).values()) for each in found}
        subject = tuple_(cases.c.namespace, cases.c.subject_kind, cases.c.subject_id)
        connection.execute(
            select(cases.c.id)
            .where(subject.in_(sorted(subjects)), cases.c.is_gathering)
            .order_by(cases.c.id)
            .with_for_update()
        ).all()
        hold_counter(connection)
    return found


def bring_back(
    connection: Connection,
    found: Collection[Submission],
    suppression_ids: Collection[int],
    *,
    actor: str,
    now: datetime,
) -> list[Gathered]:
    """Put the matches that these suppressions held back into the cases of their subjects."""
    gathered = []
    for _, each in groupby(found, key=lambda submission: submission.id):
        submission = next(each)
        mine = [
            match for match in submission_matches(connection, submission.id) if match.suppression_id in suppression_ids
        ]
        connection.execute(
            update(matches).where(matches.c.id.in_([match.id for match in mine])).values(suppression_id=None)
        )
        wanted = [match for match in mine if match.match.outcome.opens_case]
        if wanted:
            gathered.append(gather(connection, submission, wanted, actor=actor, now=now))
    return gathered
