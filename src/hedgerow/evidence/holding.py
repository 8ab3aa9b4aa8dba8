"""Place holds, and lift them. The first argument is an open connection; the caller commits."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sqlalchemy import insert, select, update

from hedgerow.errors import HoldNotFound
from hedgerow.evidence.model import EvidenceState, Hold, HoldKind
from hedgerow.evidence.records import append_line, change, hold_of, holds_of, lock_evidence
from hedgerow.evidence.rules import check_hold, check_lifting, check_reason, retain_until
from hedgerow.evidence.tables import evidence_holds

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from sqlalchemy import Connection

    from hedgerow.audit.rules import Details

__all__ = ["find_hold", "hold_case", "lift_holds", "place_filing_hold", "place_hold"]


def place_hold(
    connection: Connection,
    evidence_id: int,
    kind: HoldKind,
    *,
    until: datetime | None = None,
    reason: str,
    reference: str | None = None,
    actor: str,
    now: datetime,
) -> Hold:
    """Hold a piece of evidence: nothing but an authority's request destroys it until this ends or is lifted.

    Args:
        connection: Of `Database.write`.
        evidence_id: Which.
        kind: Why; `HoldKind.FILING` comes with a report, and from nowhere else.
        until: When it ends; None until it is lifted.
        reason: In a person's words.
        reference: Of the authority or the court.
        actor: Who.
        now: When.

    Raises:
        EvidenceNotFound: There is no such evidence.
        EvidenceGone: There is nothing to hold.
        InvalidHold: It would be over already, or lengthen nothing.
        EvidenceRequestRefused: The reason or the reference cannot be kept.
    """
    check_reason(reason, reference)
    of = lock_evidence(connection, evidence_id)
    check_hold(of, holds_of(connection, evidence_id), kind, until, now)
    return _place(connection, evidence_id, kind, until=until, reason=reason, reference=reference, actor=actor, now=now)


def hold_case(
    connection: Connection,
    found: Sequence[int],
    kind: HoldKind,
    *,
    until: datetime | None = None,
    reason: str,
    reference: str | None = None,
    actor: str,
    now: datetime,
) -> list[Hold]:
    """Hold several pieces of evidence, all or none; those without bytes are passed over. See `place_hold`."""
    states = {EvidenceState.KEPT, EvidenceState.SEALED}
    locked = [lock_evidence(connection, each) for each in sorted(set(found))]  # all of them, and then the audit
    return [
        place_hold(connection, of.id, kind, until=until, reason=reason, reference=reference, actor=actor, now=now)
        for of in locked
        if of.state in states
    ]


def place_filing_hold(
    connection: Connection, evidence_id: int, until: datetime, *, report: int, actor: str, now: datetime
) -> Hold:
    """Hold what was filed, the row being locked; the caller says until when."""
    return _place(
        connection, evidence_id, HoldKind.FILING, until=until, reason=None, reference=str(report), actor=actor, now=now
    )


def _place(
    connection: Connection,
    evidence_id: int,
    kind: HoldKind,
    *,
    until: datetime | None,
    reason: str | None,
    reference: str | None,
    actor: str,
    now: datetime,
) -> Hold:
    row = connection.execute(
        insert(evidence_holds)
        .values(
            evidence_id=evidence_id,
            kind=kind,
            until=until,
            reason=reason,
            reference=reference,
            placed_at=now,
            placed_by=actor,
        )
        .returning(*evidence_holds.c)
    ).one()
    _refresh(connection, evidence_id)
    details: Details = {"hold": row.id, "kind": kind, "until": None if until is None else until.isoformat()}
    append_line(connection, evidence_id, "held", actor=actor, details=details, now=now)
    return hold_of(row)


def find_hold(connection: Connection, hold_id: int) -> Hold:
    """Find a hold that was not lifted.

    Raises:
        HoldNotFound: There is none, or it was lifted.
    """
    row = connection.execute(
        select(evidence_holds).where(evidence_holds.c.id == hold_id, evidence_holds.c.lifted_at.is_(None))
    ).first()
    if row is None:
        raise HoldNotFound
    return hold_of(row)


def lift_holds(
    connection: Connection, found: Sequence[int], *, asked_by: str, agreed_by: str, now: datetime
) -> list[Hold]:
    """Lift holds that two people want lifted; `hedgerow.evidence.requesting` sees to it that they are two.

    Raises:
        HoldNotFound: One is not there (any more).
        InvalidHold: One is that of a filing.
    """
    holds = [find_hold(connection, number) for number in sorted(set(found))]
    for each in sorted({hold.evidence_id for hold in holds}):
        lock_evidence(connection, each)
    lifted = []
    for hold in holds:
        check_lifting(hold)
        row = connection.execute(
            update(evidence_holds)
            .where(evidence_holds.c.id == hold.id, evidence_holds.c.lifted_at.is_(None))
            .values(lifted_at=now, lifted_by=asked_by, lifting_agreed_by=agreed_by)
            .returning(*evidence_holds.c)
        ).first()
        if row is None:
            raise HoldNotFound
        _refresh(connection, hold.evidence_id)
        said: Details = {"hold": hold.id, "kind": hold.kind, "asked_by": asked_by}
        append_line(connection, hold.evidence_id, "hold_lifted", actor=agreed_by, details=said, now=now)
        lifted.append(hold_of(row))
    return lifted


def _refresh(connection: Connection, evidence_id: int) -> None:
    change(connection, evidence_id, retain_until=retain_until(holds_of(connection, evidence_id)))
