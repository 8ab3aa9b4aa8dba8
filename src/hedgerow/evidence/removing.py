"""Delete evidence: the keys at once, the ciphertext then, and a certificate at the end. The caller commits.

The first step (`begin_removal`) drops the data key in a transaction: from its commit on nobody can read the evidence.
Then the vault's objects are deleted, outside of any transaction. The last step (`finish_removal`) writes the
certificate. A kill between them leaves a row that says ``destroying``, and a worker goes on from there.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from sqlalchemy import delete, exists, or_, select

from hedgerow.cases.model import State, Verdict
from hedgerow.cases.tables import case_items, cases, clusters, submissions
from hedgerow.errors import EvidenceGone, EvidenceHeld, EvidenceInUse
from hedgerow.evidence.certificates import certify, record_certificate
from hedgerow.evidence.model import Certificate, Erased, Evidence, EvidenceState, Kind, Removal
from hedgerow.evidence.records import (
    append_line,
    change,
    check_time,
    forget_freed,
    lock_evidence,
    standing_of,
)
from hedgerow.evidence.rules import check_removal, is_due_after_filing, is_due_as_no_match
from hedgerow.evidence.tables import evidence, evidence_derivatives, evidence_holds, evidence_intents

if TYPE_CHECKING:
    from datetime import datetime, timedelta
    from pathlib import Path

    from sqlalchemy import Connection

__all__ = [
    "begin_removal",
    "begun_removals",
    "due_after_filing",
    "due_as_no_match",
    "erase_account",
    "expire_one",
    "finish_removal",
    "objects_of",
    "orphans",
]

_IN_VAULT = (EvidenceState.KEPT, EvidenceState.SEALED)


def begin_removal(
    connection: Connection,
    evidence_id: int,
    removal: Removal,
    *,
    reference: str | None = None,
    actor: str,
    agreed_by: str | None = None,
    now: datetime,
) -> Evidence:
    """Begin to destroy a piece of evidence: every path comes through here, and asks the one rule.

    Args:
        connection: Of `Database.write`.
        evidence_id: Which.
        removal: On which path.
        reference: Of the authority that asked for it.
        actor: Who wants it.
        agreed_by: The second person, where the path takes one.
        now: When.

    Raises:
        EvidenceNotFound: There is none of that number.
        EvidenceGone: There is nothing to destroy (any more).
        EvidenceHeld: A hold is in force.
        EvidenceInUse: It is still needed.
    """
    of = lock_evidence(connection, evidence_id)
    check_removal(standing_of(connection, of), removal, now)
    forget_freed(connection)
    begun = change(
        connection,
        evidence_id,
        state=EvidenceState.DESTROYING,
        wrapped=None,
        sealed=None,
        removal=removal,
        removal_reference=reference,
        removed_by=actor,
        removal_agreed_by=agreed_by,
        removal_began_at=now,
    )
    details = {"removal": removal, "agreed_by": agreed_by}
    append_line(connection, evidence_id, "destruction_began", actor=actor, details=details, now=now)
    return begun


def begun_removals(connection: Connection, *, limit: int = 100) -> list[int]:
    """List what is being destroyed."""
    return list(
        connection.execute(
            select(evidence.c.id)
            .where(evidence.c.state == EvidenceState.DESTROYING)
            .order_by(evidence.c.id)
            .limit(limit)
        ).scalars()
    )


def objects_of(connection: Connection, evidence_id: int) -> list[str]:
    """List what the vault holds of a piece of evidence: its object, and its derivatives'."""
    own = connection.execute(select(evidence.c.object).where(evidence.c.id == evidence_id)).scalar()
    derived = connection.execute(
        select(evidence_derivatives.c.object).where(evidence_derivatives.c.evidence_id == evidence_id)
    ).scalars()
    return [*([] if own is None else [own]), *derived]


def finish_removal(
    connection: Connection, evidence_id: int, *, key_folder: Path | None, now: datetime
) -> Certificate | None:
    """Certify that a piece of evidence is destroyed, its objects being gone from the vault; None where that was done.

    Args:
        connection: Of `Database.write`.
        evidence_id: Which.
        key_folder: Where the audit's keys lie; without it, or without a key, the certificate is not signed.
        now: When.

    Raises:
        EvidenceNotFound: There is none of that number.
    """
    of = lock_evidence(connection, evidence_id)
    if of.state is not EvidenceState.DESTROYING:
        return None
    row = connection.execute(select(evidence).where(evidence.c.id == evidence_id)).one()
    derived = connection.execute(
        delete(evidence_derivatives).where(evidence_derivatives.c.evidence_id == evidence_id)
    ).rowcount
    certificate = certify(connection, of, row, derivatives=derived, key_folder=key_folder, now=now)
    change(connection, evidence_id, state=EvidenceState.DESTROYED, destroyed_at=now)
    record_certificate(connection, certificate)
    details = {
        "removal": row.removal,
        "certificate": certificate.sha256.hex(),
        "derivatives": derived,
        "is_signed": certificate.signature is not None,
    }
    append_line(connection, evidence_id, "destroyed", actor=row.removed_by, details=details, now=now)
    return certificate


# ── what goes by itself ──────────────────────────────────────────────────────────────────────────────────────────


def due_after_filing(connection: Connection, *, now: datetime, limit: int = 100) -> list[int]:
    """List what was filed and whose time is over."""
    statement = (
        select(evidence.c.id)
        .where(evidence.c.state.in_(_IN_VAULT), evidence.c.filed_at.is_not(None), evidence.c.retain_until <= now)
        .order_by(evidence.c.id)
        .limit(limit)
    )
    return list(connection.execute(statement).scalars())


def due_as_no_match(connection: Connection, *, after: timedelta, now: datetime, limit: int = 100) -> list[int]:
    """List what people decided is no match, some days after the last of its cases was closed."""
    is_needed = or_(
        cases.c.state != State.CLOSED,
        cases.c.state_changed_at > now - after,
        clusters.c.verdict.is_(None),
        clusters.c.verdict != Verdict.NOT_A_MATCH,
    )
    in_cases = (
        select(case_items.c.id)
        .join(cases, cases.c.id == case_items.c.case_id)
        .join(clusters, clusters.c.id == case_items.c.cluster_id)
        .where(case_items.c.submission_id == evidence.c.submission_id)
    )
    in_case = (
        select(clusters.c.id).join(cases, cases.c.id == clusters.c.case_id).where(cases.c.id == evidence.c.case_id)
    )
    is_held = exists().where(
        evidence_holds.c.evidence_id == evidence.c.id,
        evidence_holds.c.lifted_at.is_(None),
        or_(evidence_holds.c.until.is_(None), evidence_holds.c.until > now),
    )
    statement = (
        select(evidence.c.id)
        .where(
            evidence.c.state == EvidenceState.KEPT,
            evidence.c.filed_at.is_(None),
            ~is_held,
            or_(
                (evidence.c.kind == Kind.MEDIA) & in_cases.exists() & ~in_cases.where(is_needed).exists(),
                (evidence.c.kind == Kind.ATTACHMENT) & in_case.exists() & ~in_case.where(is_needed).exists(),
            ),
        )
        .order_by(evidence.c.id)
        .limit(limit)
    )
    return list(connection.execute(statement).scalars())


def expire_one(connection: Connection, evidence_id: int, *, after: timedelta, now: datetime) -> bool:
    """Begin to destroy one piece whose time is over; False where it is not (any more).

    Args:
        connection: Of `Database.write`.
        evidence_id: Which.
        after: How long what is no match stays after its case was closed.
        now: When.

    Raises:
        ClockBehind: The clock is behind the latest entry of the audit: nothing expires.
        EvidenceNotFound: There is none of that number.
    """
    check_time(connection, now)
    standing = standing_of(connection, lock_evidence(connection, evidence_id))
    if is_due_after_filing(standing, now):
        removal = Removal.EXPIRY
    elif is_due_as_no_match(standing, now, after):
        removal = Removal.NOT_A_MATCH
    else:
        return False
    try:
        begin_removal(connection, evidence_id, removal, actor="system", now=now)
    except (EvidenceGone, EvidenceHeld, EvidenceInUse):
        return False
    return True


# ── what somebody wants deleted ──────────────────────────────────────────────────────────────────────────────────


def erase_account(connection: Connection, namespace: str, account_id: str, *, actor: str, now: datetime) -> Erased:
    """Begin to destroy what is kept of an account, at the wish of the person whose it is; what must stay stays.

    Args:
        connection: Of `Database.write`.
        namespace: Of the platform.
        account_id: Its own name for the account.
        actor: Who carries the wish out.
        now: When.

    Returns:
        What goes, and what does not and why.
    """
    mine = select(submissions.c.id).where(submissions.c.namespace == namespace, submissions.c.account_id == account_id)
    about = select(cases.c.id).where(
        cases.c.namespace == namespace, cases.c.subject_kind == "account", cases.c.subject_id == account_id
    )
    rows = connection.execute(
        select(evidence.c.id)
        .where(
            evidence.c.state.in_(_IN_VAULT),
            or_(
                evidence.c.submission_id.in_(mine),
                (evidence.c.kind == Kind.ATTACHMENT) & evidence.c.case_id.in_(about),
            ),
        )
        .order_by(evidence.c.id)
        .with_for_update()
    ).scalars()
    destroyed: list[int] = []
    refused: dict[int, str] = {}
    for number in list(rows):
        try:
            begin_removal(connection, number, Removal.ERASURE, actor=actor, now=now)
        except (EvidenceGone, EvidenceHeld, EvidenceInUse) as error:
            refused[number] = error.reason
            append_line(connection, number, "erasure_refused", actor=actor, details={"why": error.reason}, now=now)
        else:
            destroyed.append(number)
    return Erased(tuple(destroyed), refused)


# ── what a kill has left ─────────────────────────────────────────────────────────────────────────────────────────


def orphans(connection: Connection, *, before: datetime, limit: int = 100) -> list[str]:
    """List objects that were begun to be written before a time, and that nothing names.

    Objects of which this database knows nothing are none: it may be an older one, restored, and they belong to what
    came after.
    """
    intent = evidence_intents.c.object
    named = select(evidence.c.id).where(evidence.c.object == intent)
    derived = select(evidence_derivatives.c.id).where(evidence_derivatives.c.object == intent)
    statement = (
        select(intent)
        .where(evidence_intents.c.begun_at < before, ~named.exists(), ~derived.exists())
        .order_by(evidence_intents.c.begun_at)
        .limit(limit)
    )
    return list(connection.execute(statement).scalars())
