"""List evidence and holds for people who look for them. Nothing is changed here."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sqlalchemy import select

from hedgerow.evidence.records import evidence_of, hold_of
from hedgerow.evidence.tables import evidence, evidence_holds

if TYPE_CHECKING:
    from collections.abc import Collection

    from sqlalchemy import Connection

    from hedgerow.evidence.model import Evidence, EvidenceState, Hold

__all__ = ["evidence_by_number", "holds_by_number", "latest_evidence"]


def latest_evidence(
    connection: Connection, *, state: EvidenceState | None = None, before: int | None = None, limit: int
) -> list[Evidence]:
    """List evidence, the newest first.

    Args:
        connection: An open connection.
        state: Only that which stands so.
        before: Only smaller numbers: the last of the page before.
        limit: Most pieces.
    """
    wanted = select(evidence)
    if state is not None:
        wanted = wanted.where(evidence.c.state == state)
    if before is not None:
        wanted = wanted.where(evidence.c.id < before)
    return [evidence_of(row) for row in connection.execute(wanted.order_by(evidence.c.id.desc()).limit(limit))]


def evidence_by_number(connection: Connection, numbers: Collection[int]) -> list[Evidence]:
    """Return several pieces of evidence in the order of their numbers; those that there are none of are left out."""
    rows = connection.execute(select(evidence).where(evidence.c.id.in_(numbers)).order_by(evidence.c.id))
    return [evidence_of(row) for row in rows]


def holds_by_number(connection: Connection, numbers: Collection[int]) -> list[Hold]:
    """Return several holds in the order of their numbers, lifted and ended ones too."""
    rows = connection.execute(
        select(evidence_holds).where(evidence_holds.c.id.in_(numbers)).order_by(evidence_holds.c.id)
    )
    return [hold_of(row) for row in rows]
