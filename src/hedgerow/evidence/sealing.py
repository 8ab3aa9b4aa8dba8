"""Seal what was filed to the custodians, and keep the list of them. The caller commits."""

from __future__ import annotations

import secrets
from typing import TYPE_CHECKING, NamedTuple

from sqlalchemy import delete, insert, select, update

from hedgerow.audit import append
from hedgerow.errors import CustodianNotFound, EvidenceError, InvalidCustodian
from hedgerow.evidence.holding import place_filing_hold
from hedgerow.evidence.model import Custodian, Evidence, EvidenceState
from hedgerow.evidence.recording import begin_intent
from hedgerow.evidence.records import append_line, change, find_evidence, forget_freed, lock_evidence
from hedgerow.evidence.rules import one_year_after
from hedgerow.evidence.tables import evidence, evidence_custodians, evidence_derivatives
from hedgerow.evidence.wrapping import ReviewKeys, check_recipient, seal_to, unseal

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from sqlalchemy import Connection

    from hedgerow.evidence.records import AnyRow

__all__ = [
    "Rewrapped",
    "add_custodian",
    "list_custodians",
    "reseal_evidence",
    "retire_custodian",
    "rewrap_evidence",
    "seal_due",
    "seal_filed",
    "unsealed",
]

_LONGEST_CUSTODIAN = 100


# ── custodians ───────────────────────────────────────────────────────────────────────────────────────────────────


def add_custodian(connection: Connection, name: str, recipient: str, *, actor: str, now: datetime) -> Custodian:
    """Seal to this key too, from now on. What was sealed before opens with the others' identities alone.

    Raises:
        InvalidCustodian: The text is no recipient, or it is there already, or nobody could be called so.
    """
    if not 1 <= len(name.strip()) <= _LONGEST_CUSTODIAN or not name.isprintable():
        raise InvalidCustodian(f"whose it is takes 1 to {_LONGEST_CUSTODIAN} characters")
    text = check_recipient(recipient)
    known = connection.execute(select(evidence_custodians).where(evidence_custodians.c.recipient == text)).first()
    if known is not None:
        raise InvalidCustodian("it is on the list already, or was and is retired")
    row = connection.execute(
        insert(evidence_custodians)
        .values(name=name.strip(), recipient=text, added_at=now, added_by=actor)
        .returning(*evidence_custodians.c)
    ).one()
    _append(connection, row.id, "custodian_added", actor, now)
    return _custodian(row)


def retire_custodian(connection: Connection, custodian_id: int, *, actor: str, now: datetime) -> Custodian:
    """Seal nothing to this key from now on. What was sealed to it still opens with it.

    Raises:
        CustodianNotFound: There is none, or it was retired.
    """
    row = connection.execute(
        update(evidence_custodians)
        .where(evidence_custodians.c.id == custodian_id, evidence_custodians.c.retired_at.is_(None))
        .values(retired_at=now, retired_by=actor)
        .returning(*evidence_custodians.c)
    ).first()
    if row is None:
        raise CustodianNotFound
    _append(connection, custodian_id, "custodian_retired", actor, now)
    return _custodian(row)


def list_custodians(connection: Connection, *, with_retired: bool = False) -> list[Custodian]:
    """List the custodians, the oldest first."""
    statement = select(evidence_custodians).order_by(evidence_custodians.c.id)
    if not with_retired:
        statement = statement.where(evidence_custodians.c.retired_at.is_(None))
    return [_custodian(row) for row in connection.execute(statement)]


def _custodian(row: AnyRow) -> Custodian:
    return Custodian(row.id, row.name, row.recipient, row.added_at, row.added_by, row.retired_at)


def _append(connection: Connection, custodian_id: int, what: str, actor: str, now: datetime) -> None:
    append(
        connection,
        actor=actor,
        action=f"evidence.{what}",
        subject_type="custodian",
        subject_id=custodian_id,
        now=now,
    )


# ── sealing ──────────────────────────────────────────────────────────────────────────────────────────────────────


def seal_filed(
    connection: Connection,
    evidence_ids: Sequence[int],
    *,
    report: int,
    filed_at: datetime,
    keys: ReviewKeys,
    actor: str,
    now: datetime,
) -> list[Evidence]:
    """Hold what was filed for its year, and seal it to the custodians, in the transaction that says it is filed.

    Sealing never keeps a filing from being recorded: where there is no custodian, or a data key does not open, the hold
    is placed all the same, and `seal_due` tries again until it is sealed.

    Args:
        connection: Of `Database.write`.
        evidence_ids: What the report holds. What has no bytes (any more) is passed over.
        report: Its number in the database.
        filed_at: When the authority took it.
        keys: The review keys.
        actor: Who filed it.
        now: When.

    Returns:
        The evidence as it is now; that which is still ``kept`` waits for a custodian.

    Raises:
        EvidenceNotFound: One is not there.
    """
    until = one_year_after(filed_at)
    done = []
    for of in [lock_evidence(connection, number) for number in sorted(set(evidence_ids))]:  # all, then the audit
        if of.state not in {EvidenceState.KEPT, EvidenceState.SEALED}:
            continue
        if of.filed_at is None or filed_at > of.filed_at:
            change(connection, of.id, filed_at=filed_at, report_id=report)
        place_filing_hold(connection, of.id, until, report=report, actor=actor, now=now)
        append_line(connection, of.id, "filed", actor=actor, details={"report": report}, now=now)
        done.append(_seal(connection, find_evidence(connection, of.id), keys, now=now))
    return done


def unsealed(connection: Connection, *, limit: int = 100) -> list[int]:
    """List what was filed and is not sealed yet."""
    return list(
        connection.execute(
            select(evidence.c.id)
            .where(evidence.c.state == EvidenceState.KEPT, evidence.c.filed_at.is_not(None))
            .order_by(evidence.c.id)
            .limit(limit)
        ).scalars()
    )


def seal_due(connection: Connection, evidence_id: int, *, keys: ReviewKeys, now: datetime) -> bool:
    """Seal one piece that was filed and is not sealed yet; False where that cannot be done now.

    Raises:
        EvidenceNotFound: It is not there.
    """
    of = lock_evidence(connection, evidence_id)
    if of.state is not EvidenceState.KEPT or of.filed_at is None:
        return False
    return _seal(connection, of, keys, now=now).state is EvidenceState.SEALED


def _seal(connection: Connection, of: Evidence, keys: ReviewKeys, *, now: datetime) -> Evidence:
    """Seal a locked piece, and drop what review keys open: its wrap, and its derivatives'."""
    recipients = [each.recipient for each in list_custodians(connection)]
    if of.state is not EvidenceState.KEPT or of.wrapped is None or not recipients:
        return of
    try:
        sealed = seal_to(of.wrapped, keys, recipients)
    except EvidenceError:  # told by readiness, doctor and the first page, as long as it is unsealed
        return of
    forget_freed(connection)
    _drop_derivatives(connection, of.id, now=now)
    made = change(connection, of.id, state=EvidenceState.SEALED, sealed=sealed, wrapped=None, sealed_at=now)
    details = {"report": of.report_id, "custodians": len(recipients)}
    append_line(connection, of.id, "sealed", actor="system", details=details, now=now)
    return made


def _drop_derivatives(connection: Connection, evidence_id: int, *, now: datetime) -> None:
    """Forget the derivatives and their keys; their objects are swept as what a kill leaves is."""
    rows = connection.execute(
        delete(evidence_derivatives)
        .where(evidence_derivatives.c.evidence_id == evidence_id)
        .returning(evidence_derivatives.c.object)
    ).all()
    for row in rows:
        begin_intent(connection, row.object, now=now)


# ── other keys ───────────────────────────────────────────────────────────────────────────────────────────────────


class Rewrapped(NamedTuple):
    """What a change of keys came to.

    Attributes:
        done: Rows whose data key is locked away anew.
        failed: Numbers of evidence of which it could not be.
    """

    done: int
    failed: list[int]


def rewrap_evidence(connection: Connection, keys: ReviewKeys, *, actor: str, now: datetime) -> Rewrapped:
    """Wrap every data key that an older review key wrapped under the newest one; no object is touched."""
    done, failed = 0, []
    for table, number in ((evidence, evidence.c.id), (evidence_derivatives, evidence_derivatives.c.evidence_id)):
        rows = connection.execute(
            select(table.c.id, number.label("of"), table.c.wrapped)
            .where(table.c.wrapped.is_not(None))
            .with_for_update()
        ).all()
        for row in rows:
            wrapped = bytes(row.wrapped)
            if keys.is_newest(wrapped):
                continue
            try:
                anew = keys.rewrap(wrapped)
            except EvidenceError:
                failed.append(int(row.of))
                continue
            connection.execute(update(table).where(table.c.id == row.id).values(wrapped=anew))
            done += 1
    _append_keys(connection, "rewrapped", done, failed, actor, now)
    return Rewrapped(done, failed)


def reseal_evidence(connection: Connection, identity: str, *, actor: str, now: datetime) -> Rewrapped:
    """Seal every sealed data key to today's custodians, with the identity of one to whom it was sealed.

    Raises:
        InvalidCustodian: There is no custodian, or the text holds no identity.
    """
    recipients = [each.recipient for each in list_custodians(connection)]
    rows = connection.execute(
        select(evidence.c.id, evidence.c.object, evidence.c.sealed)
        .where(evidence.c.state == EvidenceState.SEALED)
        .order_by(evidence.c.id)
        .with_for_update()
    ).all()
    done, failed = 0, []
    for row in rows:
        try:
            sealed = _seal_anew(bytes(row.sealed), identity, row.object, recipients)
        except InvalidCustodian:
            raise
        except EvidenceError:
            failed.append(int(row.id))
            continue
        change(connection, row.id, sealed=sealed)
        done += 1
    _append_keys(connection, "resealed", done, failed, actor, now)
    return Rewrapped(done, failed)


def _seal_anew(sealed: bytes, identity: str, name: str, recipients: Sequence[str]) -> bytes:
    """Open a sealed data key and seal it to others; on the way it is wrapped under a key that is forgotten at once."""
    fleeting = ReviewKeys((secrets.token_bytes(32),))
    return seal_to(fleeting.wrap(unseal(sealed, identity, name), name), fleeting, recipients)


def _append_keys(
    connection: Connection, what: str, done: int, failed: Sequence[int], actor: str, now: datetime
) -> None:
    append(
        connection,
        actor=actor,
        action=f"evidence.{what}",
        subject_type="vault",
        subject_id=None,
        details={"done": done, "failed": len(failed)},
        now=now,
    )
