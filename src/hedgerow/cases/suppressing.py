"""Pairs of an entry and a file that were judged to be no match. First argument: an open connection."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sqlalchemy import exists, func, insert, select, update

from hedgerow.cases.model import FalsePositives, Suppression, Verdict
from hedgerow.cases.rules import is_suppressed
from hedgerow.cases.tables import case_items, clusters, matches, submissions, suppressions
from hedgerow.errors import SuppressionNotFound

if TYPE_CHECKING:
    from collections.abc import Collection
    from datetime import datetime

    from sqlalchemy import Connection

    from hedgerow.cases.steps import AnyRow

__all__ = [
    "false_positives_by_bank",
    "false_positives_by_entry",
    "find_suppressing",
    "find_suppression",
    "lift_of_decision",
    "list_suppressions",
    "suppress_cluster",
]


def find_suppressing(
    connection: Connection, entry_id: int, *, sha256: bytes | None, pdq: bytes | None, distance: int
) -> int | None:
    """Find what holds a match back: the id of a suppression, or None.

    Args:
        connection: An open connection.
        entry_id: The entry that was found.
        sha256: Of the media that came.
        pdq: Of the media that came.
        distance: From it to the entry, in bits.
    """
    is_live = (suppressions.c.entry_id == entry_id) & suppressions.c.lifted_at.is_(None)
    rows = connection.execute(
        select(suppressions.c.id, suppressions.c.sha256, suppressions.c.pdq).where(is_live).order_by(suppressions.c.id)
    ).all()
    for row in rows:
        if sha256 is not None and row.sha256 is not None and bytes(row.sha256) == sha256:
            return int(row.id)
        if is_suppressed(pdq, distance, None if row.pdq is None else bytes(row.pdq)):
            return int(row.id)
    if not rows or sha256 is None:
        return None
    # The same file as another member of a judged cluster.
    same = connection.execute(
        select(suppressions.c.id)
        .where(
            is_live,
            exists()
            .where(case_items.c.cluster_id == suppressions.c.cluster_id)
            .where(case_items.c.submission_id == submissions.c.id)
            .where(submissions.c.sha256 == sha256),
        )
        .order_by(suppressions.c.id)
        .limit(1)
    ).scalar()
    return None if same is None else int(same)


def suppress_cluster(connection: Connection, cluster_id: int, decision_id: int, *, actor: str, now: datetime) -> int:
    """Suppress a cluster with every entry that was found for it, and return how many pairs are new."""
    found = connection.execute(
        select(matches.c.entry_id)
        .join(case_items, matches.c.case_item_id == case_items.c.id)
        .where(case_items.c.cluster_id == cluster_id)
        .distinct()
        .order_by(matches.c.entry_id)
    ).scalars()
    already = set(
        connection.execute(
            select(suppressions.c.entry_id).where(
                suppressions.c.cluster_id == cluster_id, suppressions.c.lifted_at.is_(None)
            )
        ).scalars()
    )
    first = connection.execute(select(clusters).where(clusters.c.id == cluster_id)).one()
    new = [entry for entry in found if entry not in already]
    for entry in new:
        connection.execute(
            insert(suppressions).values(
                entry_id=entry,
                cluster_id=cluster_id,
                sha256=first.sha256,
                pdq=first.pdq,
                decision_id=decision_id,
                created_by=actor,
                created_at=now,
            )
        )
    return len(new)


def lift_of_decision(connection: Connection, cluster_ids: Collection[int], *, actor: str, now: datetime) -> list[int]:
    """Lift what suppresses these clusters, and return the ids: they are not "not a match" any more."""
    return list(
        connection.execute(
            update(suppressions)
            .where(suppressions.c.cluster_id.in_(cluster_ids), suppressions.c.lifted_at.is_(None))
            .values(lifted_at=now, lifted_by=actor)
            .returning(suppressions.c.id)
        ).scalars()
    )


def find_suppression(connection: Connection, suppression_id: int) -> Suppression:
    """Find a suppression.

    Raises:
        SuppressionNotFound: There is none.
    """
    row = connection.execute(select(suppressions).where(suppressions.c.id == suppression_id)).first()
    if row is None:
        raise SuppressionNotFound
    return _suppression(row)


def list_suppressions(
    connection: Connection,
    *,
    entry_id: int | None = None,
    cluster_id: int | None = None,
    include_lifted: bool = False,
    after: int = 0,
    limit: int = 100,
) -> list[Suppression]:
    """List suppressions in their order, those of one entry or cluster if asked for.

    Args:
        connection: An open connection.
        entry_id: Only of this entry.
        cluster_id: Only of this cluster.
        include_lifted: Lifted ones too.
        after: Only those with a greater id: the last of the page before.
        limit: Most suppressions.
    """
    statement = select(suppressions).where(suppressions.c.id > after)
    if entry_id is not None:
        statement = statement.where(suppressions.c.entry_id == entry_id)
    if cluster_id is not None:
        statement = statement.where(suppressions.c.cluster_id == cluster_id)
    if not include_lifted:
        statement = statement.where(suppressions.c.lifted_at.is_(None))
    return [_suppression(row) for row in connection.execute(statement.order_by(suppressions.c.id).limit(limit))]


def false_positives_by_bank(connection: Connection) -> list[FalsePositives]:
    """Count, for each bank, the pairs that were decided and those of them that were no match."""
    return _false_positives(connection, by_bank=True)


def false_positives_by_entry(connection: Connection, bank_id: int) -> list[FalsePositives]:
    """Count the same for each entry of a bank that was decided about at least once."""
    return _false_positives(connection, by_bank=False, bank_id=bank_id)


def _false_positives(connection: Connection, *, by_bank: bool, bank_id: int | None = None) -> list[FalsePositives]:
    pairs = (
        select(matches.c.bank_id, matches.c.entry_id, clusters.c.id.label("cluster_id"), clusters.c.verdict)
        .join(case_items, matches.c.case_item_id == case_items.c.id)
        .join(clusters, case_items.c.cluster_id == clusters.c.id)
        .where(clusters.c.verdict.is_not(None))
        .distinct()
    )
    if bank_id is not None:
        pairs = pairs.where(matches.c.bank_id == bank_id)
    pair = pairs.subquery()
    key = pair.c.bank_id if by_bank else pair.c.entry_id
    wrong = func.count().filter(pair.c.verdict == Verdict.NOT_A_MATCH)
    rows = connection.execute(select(key, func.count(), wrong).group_by(key).order_by(key))
    return [FalsePositives(int(number), int(judged), int(not_a_match)) for number, judged, not_a_match in rows]


def _suppression(row: AnyRow) -> Suppression:
    return Suppression(
        row.id,
        row.entry_id,
        row.cluster_id,
        row.decision_id,
        row.created_by,
        row.created_at,
        row.lifted_at,
        row.lifted_by,
    )
