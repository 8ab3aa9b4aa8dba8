"""Find what is kept, and what decides about it. The first argument is an open connection; the caller commits."""

from __future__ import annotations

from dataclasses import fields
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from sqlalchemy import exists, func, or_, select, update

from hedgerow.audit import append
from hedgerow.audit.tables import audit_entries
from hedgerow.cases.model import State, Verdict
from hedgerow.cases.tables import case_items, cases, clusters
from hedgerow.errors import EvidenceNotFound
from hedgerow.evidence.model import (
    Evidence,
    EvidenceState,
    Hold,
    HoldKind,
    Kind,
    Missing,
    Standing,
    Use,
)
from hedgerow.evidence.rules import check_clock
from hedgerow.evidence.tables import evidence, evidence_holds

if TYPE_CHECKING:
    from sqlalchemy import Connection, Row

    from hedgerow.audit.rules import Details

    AnyRow = Row[*tuple[Any, ...]]

__all__ = [
    "NeedsPerson",
    "append_line",
    "case_evidence",
    "change",
    "check_time",
    "evidence_of",
    "find_evidence",
    "forget_freed",
    "hold_of",
    "holds_of",
    "list_evidence",
    "lock_evidence",
    "needs_person",
    "read_evidence",
    "standing_of",
    "uses_of",
]

_COLUMNS: Final = tuple(each.name for each in fields(Evidence))
# Before anything was filed: a comparison is what SQLite finds by an index, and IS NOT NULL is not.
_LONG_AGO: Final = datetime(2000, 1, 1, tzinfo=UTC)


def append_line(
    connection: Connection,
    evidence_id: int,
    what: str,
    *,
    actor: str,
    details: Details | None = None,
    now: datetime,
) -> None:
    """Append the audit line of a step; the action is ``evidence.`` and what was done."""
    append(
        connection,
        actor=actor,
        action=f"evidence.{what}",
        subject_type="evidence",
        subject_id=evidence_id,
        details=details,
        now=now,
    )


# ── finding ──────────────────────────────────────────────────────────────────────────────────────────────────────


def find_evidence(connection: Connection, evidence_id: int) -> Evidence:
    """Find a piece of evidence.

    Raises:
        EvidenceNotFound: There is none.
    """
    row = connection.execute(select(evidence).where(evidence.c.id == evidence_id)).first()
    if row is None:
        raise EvidenceNotFound
    return evidence_of(row)


read_evidence = find_evidence


def lock_evidence(connection: Connection, evidence_id: int) -> Evidence:
    """Return a piece of evidence that nobody else can change until this transaction ends.

    Raises:
        EvidenceNotFound: There is none.
    """
    row = connection.execute(select(evidence).where(evidence.c.id == evidence_id).with_for_update()).first()
    if row is None:
        raise EvidenceNotFound
    return evidence_of(row)


def case_evidence(connection: Connection, case_id: int) -> list[Evidence]:
    """List the evidence of a case: the media of its submissions, for whichever case it was kept, and attachments."""
    of_case = select(case_items.c.submission_id).where(case_items.c.case_id == case_id)
    rows = connection.execute(
        select(evidence)
        .where(
            or_(
                evidence.c.submission_id.in_(of_case),
                (evidence.c.case_id == case_id) & (evidence.c.kind == Kind.ATTACHMENT),
            )
        )
        .order_by(evidence.c.id)
    )
    return [evidence_of(row) for row in rows]


def list_evidence(
    connection: Connection,
    *,
    case_id: int | None = None,
    state: EvidenceState | None = None,
    after: int = 0,
    limit: int = 100,
) -> list[Evidence]:
    """List evidence by number.

    Args:
        connection: An open connection.
        case_id: Only that which was kept for this case.
        state: Only that which stands so.
        after: Only greater numbers: the last of the page before.
        limit: Most pieces.
    """
    statement = select(evidence).where(evidence.c.id > after)
    if case_id is not None:
        statement = statement.where(evidence.c.case_id == case_id)
    if state is not None:
        statement = statement.where(evidence.c.state == state)
    return [evidence_of(row) for row in connection.execute(statement.order_by(evidence.c.id).limit(limit))]


def holds_of(connection: Connection, evidence_id: int) -> list[Hold]:
    """List the holds of a piece of evidence in their order, lifted and ended ones too."""
    rows = connection.execute(
        select(evidence_holds).where(evidence_holds.c.evidence_id == evidence_id).order_by(evidence_holds.c.id)
    )
    return [hold_of(row) for row in rows]


def uses_of(connection: Connection, of: Evidence) -> list[Use]:
    """Say how the cases stand in which a piece of evidence is looked at."""
    statement = select(cases.c.id, cases.c.state, cases.c.state_changed_at, clusters.c.verdict)
    if of.submission_id is not None:
        statement = (
            statement.join(case_items, case_items.c.case_id == cases.c.id)
            .join(clusters, clusters.c.id == case_items.c.cluster_id)
            .where(case_items.c.submission_id == of.submission_id)
        )
    else:
        statement = statement.join(clusters, clusters.c.case_id == cases.c.id).where(cases.c.id == of.case_id)
    return [
        Use(
            row.id,
            row.state_changed_at if row.state == State.CLOSED else None,
            None if row.verdict is None else Verdict(row.verdict),
        )
        for row in connection.execute(statement.order_by(cases.c.id))
    ]


def standing_of(connection: Connection, of: Evidence) -> Standing:
    """Gather what decides whether a piece of evidence may be deleted."""
    return Standing(of, tuple(holds_of(connection, of.id)), tuple(uses_of(connection, of)))


def check_time(connection: Connection, now: datetime) -> None:
    """Let something expire.

    Raises:
        ClockBehind: The clock is behind the latest entry of the audit.
    """
    latest = connection.execute(select(audit_entries.c.at).order_by(audit_entries.c.sequence.desc()).limit(1)).scalar()
    check_clock(now, latest)


class NeedsPerson(NamedTuple):
    """What needs a person.

    Attributes:
        lost: Media that the vault did not take, in cases that are not closed.
        unsealed: What was filed and waits for a custodian to be sealed to.
        destroying: Whose ciphertext is still to be deleted.
        custodians: Custodians to whom evidence is sealed.
        waiting: Requests that wait for a second person.
        in_vault: Whether anything is kept or sealed.
    """

    lost: int
    unsealed: int
    destroying: int
    custodians: int
    waiting: int
    in_vault: bool


def needs_person(connection: Connection, *, now: datetime) -> NeedsPerson:
    """Count what needs a person."""
    from hedgerow.evidence.tables import evidence_custodians, evidence_requests  # noqa: PLC0415  (of this alone)

    def count(statement: Any) -> int:  # noqa: ANN401  (a statement that counts)
        return int(connection.execute(statement).scalar_one())

    def of(*conditions: Any) -> Any:  # noqa: ANN401  (conditions, and a statement)
        return select(func.count()).select_from(evidence).where(*conditions)

    is_open = exists().where(cases.c.id == evidence.c.case_id, cases.c.state != State.CLOSED)
    return NeedsPerson(
        lost=count(of(evidence.c.missing_reason == Missing.VAULT_FAILED, is_open)),
        unsealed=count(of(evidence.c.state == EvidenceState.KEPT, evidence.c.filed_at >= _LONG_AGO)),
        destroying=count(of(evidence.c.state == EvidenceState.DESTROYING)),
        custodians=count(
            select(func.count()).select_from(evidence_custodians).where(evidence_custodians.c.retired_at.is_(None))
        ),
        waiting=count(
            select(func.count())
            .select_from(evidence_requests)
            .where(
                evidence_requests.c.agreed_at.is_(None),
                evidence_requests.c.withdrawn_at.is_(None),
                evidence_requests.c.expires_at > now,
            )
        ),
        in_vault=connection.execute(
            select(evidence.c.id).where(evidence.c.state.in_([EvidenceState.KEPT, EvidenceState.SEALED])).limit(1)
        ).first()
        is not None,
    )


# ── rows ─────────────────────────────────────────────────────────────────────────────────────────────────────────


def evidence_of(row: AnyRow) -> Evidence:
    """Return a row as the noun that it is."""
    values = {name: _bytes(getattr(row, name)) for name in _COLUMNS}
    values |= {
        "kind": Kind(row.kind),
        "state": EvidenceState(row.state),
        "missing_reason": None if row.missing_reason is None else Missing(row.missing_reason),
    }
    return Evidence(**values)


def hold_of(row: AnyRow) -> Hold:
    """Return a row as the noun that it is."""
    return Hold(
        row.id,
        row.evidence_id,
        HoldKind(row.kind),
        row.until,
        row.reason,
        row.reference,
        row.placed_at,
        row.placed_by,
        row.lifted_at,
        row.lifted_by,
        row.lifting_agreed_by,
    )


def _bytes(value: Any) -> Any:  # noqa: ANN401  (a column's value)
    """Return bytes where a driver gives a view of them."""
    return bytes(value) if isinstance(value, memoryview) else value


def change(connection: Connection, evidence_id: int, **values: Any) -> Evidence:  # noqa: ANN401  (columns)
    """Change columns of a locked piece of evidence, and return it as it is then."""
    row = connection.execute(
        update(evidence).where(evidence.c.id == evidence_id).values(**values).returning(*evidence.c)
    ).one()
    return evidence_of(row)


def forget_freed(connection: Connection) -> None:
    """Let SQLite write zeros over what this connection deletes: a data key that was dropped is not to be found again.

    PostgreSQL frees the room of old rows by VACUUM, which it does by itself.
    """
    if connection.dialect.name == "sqlite":
        connection.exec_driver_sql("PRAGMA secure_delete = ON")
