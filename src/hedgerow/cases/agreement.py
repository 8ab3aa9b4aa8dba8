"""How often people who judge the same thing say the same. The first argument is an open connection.

A *second review* is one of a sample, by somebody who does not see what was said before. An *appeal* is judged by
somebody who has decided none of it.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from sqlalchemy import select

from hedgerow.cases.model import Stage
from hedgerow.cases.rules import FINAL, decision_in_force
from hedgerow.cases.steps import decision_of
from hedgerow.cases.tables import cases, clusters, decisions

if TYPE_CHECKING:
    from datetime import datetime

    from sqlalchemy import Connection

    from hedgerow.cases.figures import Period
    from hedgerow.cases.model import Decision

__all__ = ["JudgedAgain", "judged_again"]

_MOST: Final = 300
"""Decisions of which it is looked up what was said before, the latest: enough to tell a share by, and some 50 ms."""
_IN_ONE_QUERY: Final = 500


@dataclass(frozen=True, slots=True)
class JudgedAgain:
    """A case that was judged once more.

    Attributes:
        number: What people call it.
        at: When.
        is_same: Whether the same was said about all of it as before.
    """

    number: str
    at: datetime
    is_same: bool


def judged_again(connection: Connection, stage: Stage, period: Period, *, most: int = _MOST) -> list[JudgedAgain]:
    """List the cases that were judged once more on an occasion, the latest first.

    Args:
        connection: Of `Database.read`.
        stage: `Stage.QA` or `Stage.APPEAL`.
        period: When they were judged again.
        most: Most decisions, the latest.
    """
    again = connection.execute(
        select(decisions.c.case_id, decisions.c.round, cases.c.number)
        .join(cases, decisions.c.case_id == cases.c.id)
        .where(
            decisions.c.stage == stage,
            decisions.c.decided_at >= period.since,
            decisions.c.decided_at < period.until,
            decisions.c.verdict.in_(FINAL),
            decisions.c.undone_at.is_(None),
        )
        .order_by(decisions.c.decided_at.desc(), decisions.c.id.desc())
        .limit(most)
    ).all()
    numbers = list(dict.fromkeys(row.case_id for row in again))
    made: dict[int, list[Decision]] = {}
    parts: dict[int, list[int]] = {}
    for start in range(0, len(numbers), _IN_ONE_QUERY):
        some = numbers[start : start + _IN_ONE_QUERY]
        for row in connection.execute(select(decisions).where(decisions.c.case_id.in_(some)).order_by(decisions.c.id)):
            made.setdefault(row.case_id, []).append(decision_of(row))
        for cluster in connection.execute(
            select(clusters.c.id, clusters.c.case_id).where(clusters.c.case_id.in_(some))
        ):
            parts.setdefault(cluster.case_id, []).append(cluster.id)
    found = []
    for case_id, round_, number in dict.fromkeys((row.case_id, row.round, row.number) for row in again):
        own = [each for each in made[case_id] if each.round == round_ and each.stage is stage and each.verdict in FINAL]
        if own:
            is_same = _is_same(own, made[case_id], parts.get(case_id, []))
            found.append(JudgedAgain(number, own[-1].decided_at, is_same))
    return found


def _is_same(own: list[Decision], made: list[Decision], parts: list[int]) -> bool:
    """Tell whether what was said this time is, of each cluster that it speaks of, what was in force before."""
    first = own[0].id
    for cluster in parts:
        now = decision_in_force(own, cluster, stages=set(Stage))
        before = decision_in_force(made, cluster, before=first)
        if now is not None and before is not None and now.verdict is not before.verdict:
            return False
    return True
