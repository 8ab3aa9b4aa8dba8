"""The reports about a case, as they stand beside it. The first argument is an open connection."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from sqlalchemy import select

from hedgerow.reports.filing_model import Environment, ReportState
from hedgerow.reports.tables import reports

if TYPE_CHECKING:
    from sqlalchemy import Connection

__all__ = ["CaseReport", "case_reports"]


class CaseReport(NamedTuple):
    """A report about a case.

    Attributes:
        id: Its number.
        state: Where it stands.
        environment: To which of the authority's systems it goes.
        external_id: The authority's own number for it.
    """

    id: int
    state: ReportState
    environment: Environment
    external_id: str | None


def case_reports(connection: Connection, case_id: int, *, limit: int = 10) -> list[CaseReport]:
    """List the reports about a case, the latest first, with one query."""
    rows = connection.execute(
        select(reports.c.id, reports.c.state, reports.c.environment, reports.c.external_id)
        .where(reports.c.case_id == case_id)
        .order_by(reports.c.id.desc())
        .limit(limit)
    )
    return [CaseReport(row.id, ReportState(row.state), Environment(row.environment), row.external_id) for row in rows]
