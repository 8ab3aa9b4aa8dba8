"""What two people do together: the one asks, the other agrees. First argument: an open connection; the caller commits.

An opening that was agreed to is good for a while. Lifting holds and destroying are carried out by the agreement itself,
in the same transaction.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from sqlalchemy import insert, select, update

from hedgerow.audit import append
from hedgerow.audit.rules import canonical_json
from hedgerow.errors import EvidenceRequestNotFound, EvidenceRequestRefused
from hedgerow.evidence.holding import find_hold, lift_holds
from hedgerow.evidence.model import EvidenceState, Removal, Request, RequestKind, RequestState
from hedgerow.evidence.records import find_evidence, lock_evidence
from hedgerow.evidence.removing import begin_removal
from hedgerow.evidence.rules import (
    AGREE_WITHIN,
    check_agreement,
    check_lifting,
    check_reason,
    check_request,
    request_state,
)
from hedgerow.evidence.tables import evidence_requests

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime, timedelta

    from sqlalchemy import Connection

    from hedgerow.evidence.records import AnyRow

__all__ = ["agree", "ask", "find_request", "list_requests", "withdraw"]

_MOST_SUBJECTS = 1_000


def ask(
    connection: Connection,
    kind: RequestKind,
    subjects: Sequence[int],
    *,
    reason: str,
    reference: str | None = None,
    removal: Removal | None = None,
    actor: str,
    now: datetime,
) -> Request:
    """Ask for something that takes a second person.

    Args:
        connection: Of `Database.write`.
        kind: What.
        subjects: Numbers of evidence; of holds, where they are to be lifted.
        reason: Why, in a person's words.
        reference: Of the authority, where one asked for it.
        removal: On which path, where it is to destroy.
        actor: Who asks.
        now: When.

    Raises:
        EvidenceRequestRefused: It names nothing, or says no reason.
        EvidenceNotFound: There is no such evidence.
        HoldNotFound: There is no such hold.
        InvalidHold: The hold is that of a filing.
    """
    wanted = tuple(sorted(set(subjects)))
    check_reason(reason, reference)
    check_request(kind, removal, reference, wanted)
    if len(wanted) > _MOST_SUBJECTS:
        raise EvidenceRequestRefused(f"it names more than {_MOST_SUBJECTS:,}")
    for number in wanted:
        if kind is RequestKind.LIFT:
            check_lifting(find_hold(connection, number))
        elif find_evidence(connection, number).state not in {EvidenceState.KEPT, EvidenceState.SEALED}:
            raise EvidenceRequestRefused(f"there are no bytes of evidence {number}")
    row = connection.execute(
        insert(evidence_requests)
        .values(
            kind=kind,
            subjects=canonical_json(list(wanted)),
            reason=reason,
            reference=reference,
            removal=removal,
            asked_by=actor,
            asked_at=now,
            expires_at=now + AGREE_WITHIN,
        )
        .returning(*evidence_requests.c)
    ).one()
    request = _request(row)
    _append(connection, request, "asked", actor, now)
    return request


def agree(connection: Connection, request_id: int, *, opening: timedelta, actor: str, now: datetime) -> Request:
    """Be the second person: an opening is good from now on, holds are lifted, a destruction begins.

    Args:
        connection: Of `Database.write`.
        request_id: Which request.
        opening: How long an opening is good for.
        actor: Who agrees.
        now: When.

    Raises:
        EvidenceRequestNotFound: There is none.
        EvidenceRequestRefused: It waits for nobody (any more).
        SecondPersonNeeded: Who asked is who agrees.
        EvidenceHeld: Something that is to be destroyed is under a hold; nothing is changed.
        EvidenceInUse: Something that is to be destroyed is still needed; nothing is changed.
    """
    request = _locked(connection, request_id)
    check_agreement(request, actor, now)
    is_opening = request.kind is RequestKind.OPEN
    row = connection.execute(
        update(evidence_requests)
        .where(evidence_requests.c.id == request_id)
        .values(
            agreed_by=actor,
            agreed_at=now,
            done_at=None if is_opening else now,
            expires_at=now + opening if is_opening else request.expires_at,
        )
        .returning(*evidence_requests.c)
    ).one()
    agreed = _request(row)
    if request.kind is RequestKind.LIFT:
        lift_holds(connection, request.subjects, asked_by=request.asked_by, agreed_by=actor, now=now)
    elif request.kind is RequestKind.DESTROY:
        assert request.removal is not None  # noqa: S101  (a CHECK of the table)
        for number in request.subjects:
            lock_evidence(connection, number)  # all of them, and then the audit
        for number in request.subjects:
            begin_removal(
                connection,
                number,
                request.removal,
                reference=request.reference,
                actor=request.asked_by,
                agreed_by=actor,
                now=now,
            )
    _append(connection, agreed, "agreed", actor, now)
    return agreed


def withdraw(connection: Connection, request_id: int, *, actor: str, now: datetime) -> Request:
    """Take a request back, or end an opening before its time. Whoever may ask or agree may do that.

    Raises:
        EvidenceRequestNotFound: There is none.
        EvidenceRequestRefused: It is over.
    """
    request = _locked(connection, request_id)
    state = request_state(request, now)
    if state not in {RequestState.WAITING, RequestState.AGREED}:
        raise EvidenceRequestRefused(f"the request is {state}")
    row = connection.execute(
        update(evidence_requests)
        .where(evidence_requests.c.id == request_id)
        .values(withdrawn_at=now, withdrawn_by=actor)
        .returning(*evidence_requests.c)
    ).one()
    taken = _request(row)
    _append(connection, taken, "withdrawn", actor, now)
    return taken


def find_request(connection: Connection, request_id: int) -> Request:
    """Find a request.

    Raises:
        EvidenceRequestNotFound: There is none.
    """
    row = connection.execute(select(evidence_requests).where(evidence_requests.c.id == request_id)).first()
    if row is None:
        raise EvidenceRequestNotFound
    return _request(row)


def list_requests(
    connection: Connection, *, is_waiting: bool = False, before: int | None = None, limit: int = 100, now: datetime
) -> list[Request]:
    """List requests, the newest first.

    Args:
        connection: An open connection.
        is_waiting: Only those that wait for a second person.
        before: Only smaller numbers: the last of the page before.
        limit: Most requests.
        now: When.
    """
    statement = select(evidence_requests)
    if is_waiting:
        statement = statement.where(
            evidence_requests.c.agreed_at.is_(None),
            evidence_requests.c.withdrawn_at.is_(None),
            evidence_requests.c.expires_at > now,
        )
    if before is not None:
        statement = statement.where(evidence_requests.c.id < before)
    rows = connection.execute(statement.order_by(evidence_requests.c.id.desc()).limit(limit))
    return [_request(row) for row in rows]


def _locked(connection: Connection, request_id: int) -> Request:
    row = connection.execute(
        select(evidence_requests).where(evidence_requests.c.id == request_id).with_for_update()
    ).first()
    if row is None:
        raise EvidenceRequestNotFound
    return _request(row)


def _request(row: AnyRow) -> Request:
    return Request(
        row.id,
        RequestKind(row.kind),
        tuple(json.loads(row.subjects)),
        row.reason,
        row.reference,
        None if row.removal is None else Removal(row.removal),
        row.asked_by,
        row.asked_at,
        row.expires_at,
        row.agreed_by,
        row.agreed_at,
        row.done_at,
        row.withdrawn_at,
        row.withdrawn_by,
    )


def _append(connection: Connection, request: Request, what: str, actor: str, now: datetime) -> None:
    named = request.subjects[:_MOST_IN_LINE]
    append(
        connection,
        actor=actor,
        action=f"evidence.{request.kind}.{what}",
        subject_type="evidence_request",
        subject_id=request.id,
        details={"subjects": list(named), "count": len(request.subjects), "removal": request.removal},
        now=now,
    )


_MOST_IN_LINE = 100  # as `hedgerow.audit.rules` has it: a hundred numbers take 2 kB
