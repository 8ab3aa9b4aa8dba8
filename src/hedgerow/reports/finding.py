"""Find reports, their files, and the calls that were made for them. Nothing is changed here."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from sqlalchemy import func, literal_column, select

from hedgerow.cases.tables import cases, clusters, decisions
from hedgerow.errors import ReportNotFound
from hedgerow.reports.filing_model import (
    ACTIVE,
    UNFINISHED,
    AnswerKind,
    Call,
    Ending,
    Environment,
    FileStanding,
    Filing,
    Intent,
    Preservation,
    RecordedCall,
    Report,
    ReportFile,
    ReportState,
    Trouble,
)
from hedgerow.reports.tables import report_calls, report_files, reports

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sqlalchemy import ColumnElement, Connection, Row

    AnyRow = Row[*tuple[Any, ...]]

__all__ = [
    "LateReport",
    "Unreported",
    "calls_of",
    "confirmed_at",
    "count_drafts",
    "count_reports",
    "earlier_report_ids",
    "files_of",
    "find_report",
    "late_reports",
    "list_reports",
    "lock_report",
    "overdue_reports",
    "unreported_cases",
]


# Before every alarm there can be: a comparison is what SQLite finds by an index, and IS NOT NULL is not.
_LONG_AGO: Final = datetime(2000, 1, 1, tzinfo=UTC)


def find_report(connection: Connection, number: int) -> Report:
    """Return a report as it stands.

    Raises:
        ReportNotFound: There is none of that number.
    """
    row = connection.execute(select(reports).where(reports.c.id == number)).one_or_none()
    if row is None:
        raise ReportNotFound(number)
    return _report(connection, row)


def lock_report(connection: Connection, number: int) -> Report:
    """Return a report as it stands, and let nobody else change it before this transaction ends.

    Raises:
        ReportNotFound: There is none of that number.
    """
    row = connection.execute(select(reports).where(reports.c.id == number).with_for_update()).one_or_none()
    if row is None:
        raise ReportNotFound(number)
    return _report(connection, row)


def list_reports(
    connection: Connection,
    *,
    states: Sequence[ReportState] = (),
    case_id: int | None = None,
    environment: Environment | None = None,
    before: int | None = None,
    limit: int = 100,
) -> list[Report]:
    """Return reports, the newest first.

    Args:
        connection: An open connection.
        states: Only those in one of these.
        case_id: Only those about this case.
        environment: Only those of this system.
        before: Only those with a smaller number; the last one's, to go on.
        limit: How many at most.
    """
    statement = select(reports).order_by(reports.c.id.desc()).limit(limit)
    if states:
        statement = statement.where(reports.c.state.in_([str(each) for each in states]))
    if case_id is not None:
        statement = statement.where(reports.c.case_id == case_id)
    if environment is not None:
        statement = statement.where(reports.c.environment == str(environment))
    if before is not None:
        statement = statement.where(reports.c.id < before)
    return [_report(connection, row) for row in connection.execute(statement).all()]


def count_reports(connection: Connection) -> dict[tuple[str, str], int]:
    """Count reports by environment and state, for metrics."""
    rows = connection.execute(
        select(reports.c.environment, reports.c.state, func.count()).group_by(reports.c.environment, reports.c.state)
    )
    return {(environment, state): int(count) for environment, state, count in rows}


def overdue_reports(connection: Connection, *, now: datetime) -> list[Report]:
    """Return the reports that are owed and late, or that wait for a person; those that are latest come first."""
    rows = connection.execute(select(reports).where(*_is_late(now)).order_by(reports.c.deadline_at, reports.c.id)).all()
    return [_report(connection, row) for row in rows]


class LateReport(NamedTuple):
    """A report that is owed and late, or that waits for a person, in few words.

    Attributes:
        id: Its number.
        alarm_level: How often it was said that nobody came.
        needs_person: Whether nothing more is done until a person says what.
    """

    id: int
    alarm_level: int
    needs_person: bool


def late_reports(connection: Connection, *, now: datetime) -> list[LateReport]:
    """List what `overdue_reports` returns, with one query: for who counts them, or names the first."""
    rows = connection.execute(
        select(reports.c.id, reports.c.alarm_level, reports.c.trouble)
        .where(*_is_late(now))
        .order_by(reports.c.deadline_at, reports.c.id)
    )
    return [LateReport(int(row.id), int(row.alarm_level), row.trouble is not None) for row in rows]


def _is_late(now: datetime) -> tuple[ColumnElement[bool], ...]:
    # Whatever is unfinished has an alarm that is due some day, and nothing else has: their index leads to those few.
    return (
        reports.c.alarm_due_at >= _LONG_AGO,
        reports.c.state.in_([str(each) for each in UNFINISHED]),
        (reports.c.deadline_at <= now) | (reports.c.state == str(ReportState.NEEDS_PERSON)),
    )


def count_drafts(connection: Connection, environment: Environment) -> int:
    """Count the drafts of reports to one of the authority's systems."""
    return int(
        connection.execute(
            select(func.count()).where(
                reports.c.alarm_due_at >= _LONG_AGO,  # as in `_is_late`
                reports.c.state == str(ReportState.DRAFT),
                reports.c.environment == str(environment),
            )
        ).scalar_one()
    )


class Unreported(NamedTuple):
    """A case in which people confirmed something, and of which nobody has drafted a report.

    Attributes:
        case_id: The case.
        number: What people call it.
        since: When the first confirmation took effect, which is when the operator knew.
    """

    case_id: int
    number: str
    since: datetime


def confirmed_at(connection: Connection, case_id: int) -> datetime | None:
    """Return when the first confirmation that is in force took effect in a case; None where none has."""
    return connection.execute(
        select(func.min(decisions.c.effected_at)).where(decisions.c.case_id == case_id, _is_in_force())
    ).scalar()


def unreported_cases(
    connection: Connection, *, environment: Environment | None = None, limit: int = 1_000
) -> list[Unreported]:
    """List the cases that were confirmed and of which there is no report, the one that has waited longest first.

    A report that was withdrawn counts: somebody has looked, and said that none is owed.

    Args:
        connection: An open connection.
        environment: Only reports to this system count as any: a rehearsal reports nothing. None counts all.
        limit: How many at most.
    """
    of_it = select(reports.c.id).where(reports.c.case_id == decisions.c.case_id)
    if environment is not None:
        of_it = of_it.where(reports.c.environment == str(environment))
    # Most of what was confirmed was reported: that is asked first, and all else of the few that are left.
    since = func.min(decisions.c.effected_at).label("since")
    found = (
        select(decisions.c.case_id, since)
        .where(_took_effect(), ~of_it.exists(), _is_still_confirmed())
        .group_by(decisions.c.case_id)
        .order_by(since, decisions.c.case_id)
        .limit(limit)
        .subquery()
    )
    rows = connection.execute(
        select(cases.c.id, cases.c.number, found.c.since)
        .join(found, found.c.case_id == cases.c.id)
        .order_by(found.c.since, cases.c.id)
    )
    return [Unreported(row.id, row.number, row.since) for row in rows]


def _is_in_force() -> ColumnElement[bool]:
    """Pick confirmations that took effect, of clusters that are still confirmed; one of a whole case is for any."""
    return _took_effect() & _is_still_confirmed()


def _took_effect() -> ColumnElement[bool]:
    # The word itself, not a value that is bound, as the partial index of these rows has it.
    return (decisions.c.verdict == literal_column("'confirmed'")) & decisions.c.effected_at.is_not(None)


def _is_still_confirmed() -> ColumnElement[bool]:
    is_of = (decisions.c.cluster_id == clusters.c.id) | (
        decisions.c.cluster_id.is_(None) & (decisions.c.case_id == clusters.c.case_id)
    )
    return select(clusters.c.id).where(is_of, clusters.c.verdict == "confirmed").exists()


def files_of(connection: Connection, report: Report) -> list[ReportFile]:
    """Return the files of a report's draft, in the order of sending."""
    return [_file(row) for row in _file_rows(connection, report.id, report.revision)]


def calls_of(connection: Connection, number: int, *, limit: int = 1_000) -> list[RecordedCall]:
    """Return the calls that were made for a report, the first one first; the latest of them where there are more."""
    rows = connection.execute(
        select(report_calls).where(report_calls.c.report_id == number).order_by(report_calls.c.id.desc()).limit(limit)
    ).all()
    return [_call(row) for row in reversed(rows)]


def earlier_report_ids(
    connection: Connection, namespace: str, account_id: str | None, environment: Environment | str, authority: str
) -> list[str]:
    """Return the authority's numbers of what was filed on an account before, in the same system only, oldest first."""
    if account_id is None:
        return []
    rows = connection.execute(
        select(reports.c.external_id)
        .where(
            reports.c.namespace == namespace,
            reports.c.account_id == account_id,
            reports.c.environment == str(environment),
            reports.c.authority == authority,
            reports.c.state == str(ReportState.FILED),
        )
        .order_by(reports.c.filed_at, reports.c.id)
    )
    return list(dict.fromkeys(str(row.external_id) for row in rows))


# ── rows ─────────────────────────────────────────────────────────────────────────────────────────────────────────


def _file_rows(connection: Connection, number: int, revision: int) -> Sequence[AnyRow]:
    return connection.execute(
        select(report_files)
        .where(report_files.c.report_id == number, report_files.c.revision == revision)
        .order_by(report_files.c.position)
    ).all()


def _report(connection: Connection, row: AnyRow) -> Report:
    return Report(
        id=int(row.id),
        case_id=int(row.case_id),
        authority=row.authority,
        environment=Environment(row.environment),
        namespace=row.namespace,
        account_id=row.account_id,
        content=json.loads(row.content),
        revision=int(row.revision),
        authors=tuple(json.loads(row.authors)),
        created_at=row.created_at,
        document=None if row.document is None else bytes(row.document),
        document_sha256=row.document_sha256,
        basis_sha256=row.basis_sha256,
        approved_by=row.approved_by,
        approved_at=row.approved_at,
        is_solo=bool(row.is_solo),
        effective_at=row.effective_at,
        voided=row.voided,
        deadline_at=row.deadline_at,
        alarm_level=int(row.alarm_level),
        alarmed_at=row.alarmed_at,
        filing=_filing(connection, row),
        filed_at=row.filed_at,
        filed_by=row.filed_by,
        request_id=row.request_id,
        preservation=Preservation(row.preservation),
        closed_by=row.closed_by,
        close_reason=row.close_reason,
        lease_until=row.lease_until,
    )


def _filing(connection: Connection, row: AnyRow) -> Filing:
    files = tuple(_file(each).standing for each in _file_rows(connection, int(row.id), int(row.revision)))
    intent = None
    if row.intent_id is not None:
        said = connection.execute(select(report_calls).where(report_calls.c.id == row.intent_id)).one()
        intent = Intent(Call(said.call), said.position, said.begun_at)
    return Filing(
        state=ReportState(row.state),
        files=files,
        round=int(row.round),
        external_id=row.external_id,
        opened_at=row.opened_at,
        touched_at=row.touched_at,
        has_asked_to_finish=bool(row.has_asked_to_finish),
        intent=intent,
        ending=None if row.ending is None else Ending(row.ending),
        ending_trouble=None if row.ending_trouble is None else Trouble(row.ending_trouble),
        failures=int(row.failures),
        repeats=int(row.repeats),
        heard=row.heard,
        orphans=int(row.orphans),
        due_at=row.due_at,
        trouble=None if row.trouble is None else Trouble(row.trouble),
        element=row.element,
        filed_how=row.filed_how,
    )


def _file(row: AnyRow) -> ReportFile:
    return ReportFile(
        id=int(row.id),
        position=int(row.position),
        evidence_id=int(row.evidence_id),
        name=row.name,
        size_bytes=int(row.size_bytes),
        md5=row.md5,
        sha256=row.sha256,
        details=json.loads(row.details),
        template=None if row.template is None else bytes(row.template),
        standing=FileStanding(
            int(row.size_bytes), row.md5, row.external_id, bool(row.is_described), int(row.mismatches)
        ),
    )


def _call(row: AnyRow) -> RecordedCall:
    return RecordedCall(
        id=int(row.id),
        report_id=row.report_id,
        round=int(row.round),
        external_id=row.external_id,
        call=Call(row.call),
        position=row.position,
        begun_at=row.begun_at,
        answered_at=row.answered_at,
        outcome=None if row.outcome is None else AnswerKind(row.outcome),
        code=row.code,
        status=row.status,
        request_id=row.request_id,
        duration_ms=row.duration_ms,
        problem=row.problem,
    )


def is_active(report: Report) -> bool:
    """Tell whether the filer works on a report."""
    return report.state in ACTIVE
