"""List reports in few words, for people who look for the one that needs them. Nothing is changed here.

What is owed is found by the index of alarms, which only unfinished reports are in: however many were filed, the list of
what is to do costs the same.
"""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from sqlalchemy import func, select

from hedgerow.cases.tables import cases
from hedgerow.reports.filing_model import UNFINISHED, Environment, ReportState, Trouble
from hedgerow.reports.tables import reports

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sqlalchemy import Connection, Row, Select

__all__ = ["OVER", "ReportLine", "count_owed", "find_line", "list_of_case", "list_over", "list_owed"]

OVER: Final = (ReportState.FILED, ReportState.RETRACTED, ReportState.WITHDRAWN)
"""The states in which nothing is owed."""

# Before every alarm there can be: a comparison is what SQLite finds by an index, and IS NOT NULL is not.
_LONG_AGO: Final = datetime(2000, 1, 1, tzinfo=UTC)


class ReportLine(NamedTuple):
    """A report in a list.

    Attributes:
        id: Its number with us.
        case: The number of its case, as people call it.
        authority: To whom.
        environment: Into which of the authority's systems.
        state: Where it stands.
        trouble: Why it needs a person.
        authors: Everybody who wrote any of it.
        approved_by: Who approved it.
        created_at: When it was drafted.
        deadline_at: When it is late.
        alarm_level: How often it was said that nobody came.
        external_id: The authority's number.
        filed_at: When it was filed.
    """

    id: int
    case: str
    authority: str
    environment: Environment
    state: ReportState
    trouble: Trouble | None
    authors: tuple[str, ...]
    approved_by: str | None
    created_at: datetime
    deadline_at: datetime
    alarm_level: int
    external_id: str | None
    filed_at: datetime | None


_COLUMNS: Final = (
    reports.c.id,
    cases.c.number.label("case_number"),
    *(reports.c[name] for name in ("authority", "environment", "state", "trouble", "authors", "approved_by")),
    *(reports.c[name] for name in ("created_at", "deadline_at", "alarm_level", "external_id", "filed_at")),
)


def list_owed(
    connection: Connection,
    *,
    states: Sequence[ReportState] = UNFINISHED,
    after: tuple[datetime, int] | None = None,
    limit: int,
) -> list[ReportLine]:
    """List the reports that are owed, the one that is late first or longest before the others.

    Args:
        connection: An open connection.
        states: Only those in one of these.
        after: Deadline and number of the last one of the page before.
        limit: How many at most.
    """
    wanted = _lines().where(
        reports.c.alarm_due_at >= _LONG_AGO, reports.c.state.in_([str(each) for each in states if each in UNFINISHED])
    )
    if after is not None:
        at, number = after
        is_later = (reports.c.deadline_at > at) | ((reports.c.deadline_at == at) & (reports.c.id > number))
        wanted = wanted.where(is_later)
    return _found(connection, wanted.order_by(reports.c.deadline_at, reports.c.id).limit(limit))


def list_over(connection: Connection, *, before: int | None = None, limit: int) -> list[ReportLine]:
    """List the reports of which nothing is owed any more, the newest first.

    Args:
        connection: An open connection.
        before: The number of the last one of the page before.
        limit: How many at most.
    """
    wanted = _lines().where(reports.c.state.in_([str(each) for each in OVER]))
    if before is not None:
        wanted = wanted.where(reports.c.id < before)
    return _found(connection, wanted.order_by(reports.c.id.desc()).limit(limit))


def list_of_case(connection: Connection, case_id: int, *, limit: int = 100) -> list[ReportLine]:
    """List the reports about a case, the newest first."""
    wanted = _lines().where(reports.c.case_id == case_id)
    return _found(connection, wanted.order_by(reports.c.id.desc()).limit(limit))


def find_line(connection: Connection, number: int) -> ReportLine | None:
    """Return the line of a report; None where there is none of that number."""
    return next(iter(_found(connection, _lines().where(reports.c.id == number))), None)


def count_owed(connection: Connection) -> dict[ReportState, int]:
    """Count the reports that are owed, by state."""
    rows = connection.execute(
        select(reports.c.state, func.count())
        .where(reports.c.alarm_due_at >= _LONG_AGO, reports.c.state.in_([str(each) for each in UNFINISHED]))
        .group_by(reports.c.state)
    )
    return {ReportState(state): int(count) for state, count in rows}


def _lines() -> Select[Any]:
    return select(*_COLUMNS).join(cases, cases.c.id == reports.c.case_id)


def _found(connection: Connection, statement: Select[Any]) -> list[ReportLine]:
    return [_line(row) for row in connection.execute(statement)]


def _line(row: Row[Any]) -> ReportLine:
    return ReportLine(
        int(row.id),
        row.case_number,
        row.authority,
        Environment(row.environment),
        ReportState(row.state),
        None if row.trouble is None else Trouble(row.trouble),
        tuple(json.loads(row.authors)),
        row.approved_by,
        row.created_at,
        row.deadline_at,
        int(row.alarm_level),
        row.external_id,
        row.filed_at,
    )
