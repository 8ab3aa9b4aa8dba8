"""What stands on the page of a case beside the case itself. First argument: an open connection.

Each function asks one question with one query, so that a page takes as many for fifty copies as for one; where there
may be very many rows, only so many of them are looked at.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, NamedTuple, TypeVar

from sqlalchemy import func, select

from hedgerow.cases.model import Item, Verdict
from hedgerow.cases.tables import case_items, cases, clusters, decisions, matches, submissions

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable
    from datetime import datetime

    from sqlalchemy import Connection

__all__ = [
    "MOST_COUNTED",
    "Judged",
    "Sent",
    "Undoable",
    "case_numbers",
    "case_sizes",
    "first_items",
    "judged_entries",
    "judged_files",
    "last_undoable",
    "sent_by_account",
]

_Key = TypeVar("_Key", int, bytes)

MOST_COUNTED: Final = 1_000
"""Nobody needs to know more exactly how often something was there than that it was a thousand times."""


class Judged(NamedTuple):
    """How often something was decided about elsewhere.

    Attributes:
        confirmed: Clusters that were confirmed.
        not_a_match: Clusters that were judged to be no match.
    """

    confirmed: int = 0
    not_a_match: int = 0


@dataclass(frozen=True, slots=True)
class Sent:
    """What an account has sent before.

    Attributes:
        count: Submissions, `MOST_COUNTED` at most.
        since: When the first of them came.
    """

    count: int
    since: datetime | None


class Undoable(NamedTuple):
    """What somebody decided last and may still take back.

    Attributes:
        number: Of the case.
        verdict: What was said.
        until: When it takes effect.
        decisions: Their numbers, the latest first: the rest of a case is decided cluster by cluster.
    """

    number: str
    verdict: Verdict
    until: datetime
    decisions: tuple[int, ...]


def first_items(connection: Connection, cluster_ids: Collection[int]) -> dict[int, Item]:
    """Return the first member of each cluster, which stands for all of its copies."""
    firsts = (
        select(func.min(case_items.c.id))
        .where(case_items.c.cluster_id.in_(sorted(cluster_ids)))
        .group_by(case_items.c.cluster_id)
    )
    rows = connection.execute(select(case_items).where(case_items.c.id.in_(firsts)))
    return {row.cluster_id: Item(row.id, row.case_id, row.cluster_id, row.submission_id, row.added_at) for row in rows}


def judged_entries(connection: Connection, entry_ids: Collection[int], *, but: int) -> dict[int, Judged]:
    """Count how entries were judged in other cases, in up to `MOST_COUNTED` matches of them.

    Args:
        connection: An open connection.
        entry_ids: The entries.
        but: The case that is left out.
    """
    found = (
        select(matches.c.entry_id, matches.c.case_item_id)
        .where(matches.c.entry_id.in_(sorted(entry_ids)), matches.c.case_item_id.is_not(None))
        .limit(MOST_COUNTED)
        .subquery()
    )
    pairs = (
        select(found.c.entry_id.label("key"), clusters.c.id, clusters.c.verdict)
        .join(case_items, case_items.c.id == found.c.case_item_id)
        .join(clusters, clusters.c.id == case_items.c.cluster_id)
        .where(clusters.c.verdict.is_not(None), clusters.c.case_id != but)
        .distinct()
        .subquery()
    )
    rows = connection.execute(
        select(pairs.c.key, pairs.c.verdict, func.count().label("number")).group_by(pairs.c.key, pairs.c.verdict)
    )
    return _judged((int(row.key), row.verdict, int(row.number)) for row in rows)


def judged_files(connection: Connection, digests: Collection[bytes], *, but: int) -> dict[bytes, Judged]:
    """Count how the same files, byte for byte, were judged in other cases.

    Args:
        connection: An open connection.
        digests: SHA-256 of the files.
        but: The case that is left out.
    """
    found = (
        select(submissions.c.id, submissions.c.sha256)
        .where(submissions.c.sha256.in_(sorted(digests)))
        .limit(MOST_COUNTED)
        .subquery()
    )
    pairs = (
        select(found.c.sha256.label("key"), clusters.c.id, clusters.c.verdict)
        .join(case_items, case_items.c.submission_id == found.c.id)
        .join(clusters, clusters.c.id == case_items.c.cluster_id)
        .where(clusters.c.verdict.is_not(None), clusters.c.case_id != but)
        .distinct()
        .subquery()
    )
    rows = connection.execute(
        select(pairs.c.key, pairs.c.verdict, func.count().label("number")).group_by(pairs.c.key, pairs.c.verdict)
    )
    return _judged((bytes(row.key), row.verdict, int(row.number)) for row in rows)


def _judged(rows: Iterable[tuple[_Key, str, int]]) -> dict[_Key, Judged]:
    counted: dict[_Key, Judged] = {}
    for key, verdict, number in rows:
        of_it = counted.get(key, Judged())
        is_confirmed = verdict == Verdict.CONFIRMED
        counted[key] = of_it._replace(**{"confirmed" if is_confirmed else "not_a_match": number})
    return counted


def sent_by_account(connection: Connection, namespace: str, account_id: str) -> Sent:
    """Say how much an account has sent, and since when."""
    found = (
        select(submissions.c.received_at)
        .where(submissions.c.namespace == namespace, submissions.c.account_id == account_id)
        .limit(MOST_COUNTED)
        .subquery()
    )
    row = connection.execute(select(func.count().label("number"), func.min(found.c.received_at).label("since"))).one()
    return Sent(int(row.number), row.since)


def case_sizes(connection: Connection, case_ids: Collection[int]) -> dict[int, tuple[int, int]]:
    """Count the submissions and the clusters of several cases."""
    rows = connection.execute(
        select(clusters.c.case_id, func.sum(clusters.c.size).label("items"), func.count().label("number"))
        .where(clusters.c.case_id.in_(sorted(case_ids)))
        .group_by(clusters.c.case_id)
    )
    return {row.case_id: (int(row.items), int(row.number)) for row in rows}


def case_numbers(connection: Connection, case_ids: Collection[int]) -> dict[int, str]:
    """Return what people call several cases."""
    rows = connection.execute(select(cases.c.id, cases.c.number).where(cases.c.id.in_(sorted(case_ids))))
    return {row.id: row.number for row in rows}


def last_undoable(connection: Connection, user_id: int, *, now: datetime) -> Undoable | None:
    """Return what somebody decided last, if it can still be taken back."""
    rows = connection.execute(
        select(decisions.c.id, decisions.c.case_id, decisions.c.verdict, decisions.c.takes_effect_at, cases.c.number)
        .join(cases, cases.c.id == decisions.c.case_id)
        .where(
            # As expressions, so that the index of what is due is taken, in which few are: neither that of all that
            # somebody has ever decided, nor all decisions in their order.
            decisions.c.decided_by + 0 == user_id,
            decisions.c.due_at > now,
            decisions.c.undone_at.is_(None),
        )
        .order_by((decisions.c.id + 0).desc())
        .limit(MOST_COUNTED)
    ).all()
    if not rows:
        return None
    last = rows[0]
    together = [row.id for row in rows if (row.case_id, row.takes_effect_at) == (last.case_id, last.takes_effect_at)]
    return Undoable(last.number, Verdict(last.verdict), last.takes_effect_at, tuple(together))
