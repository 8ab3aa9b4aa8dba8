"""Counts of reports over a time. The first argument is an open connection."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from sqlalchemy import func, select

from hedgerow.reports.filing_model import ReportState
from hedgerow.reports.tables import reports

if TYPE_CHECKING:
    from datetime import datetime

    from sqlalchemy import Connection

__all__ = ["FiledCount", "count_filed"]


class FiledCount(NamedTuple):
    """How many reports an authority was given.

    Attributes:
        authority: Which.
        environment: Which of its systems: what went to the one for tests reached nobody.
        number: How many.
    """

    authority: str
    environment: str
    number: int


def count_filed(connection: Connection, since: datetime, until: datetime) -> list[FiledCount]:
    """Count the reports that were filed from a time on and before another, by authority."""
    columns = (reports.c.authority, reports.c.environment)
    rows = connection.execute(
        select(*columns, func.count())
        .where(reports.c.state == str(ReportState.FILED), reports.c.filed_at >= since, reports.c.filed_at < until)
        .group_by(*columns)
        .order_by(*columns)
    )
    return [FiledCount(authority, environment, int(number)) for authority, environment, number in rows]
