"""Alarm about reports that are late, louder each time, until they are filed or a person closes them.

A report alarms when its deadline is over, and at once when it needs a person. Each alarm is one level higher than the
last, and is a line in the audit and a message to the platform; between them it stands where people look (`report
status`, `doctor`, the first page, the metrics).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from sqlalchemy import select, update

from hedgerow.actions import enqueue
from hedgerow.reports.drafting import record
from hedgerow.reports.filing_model import UNFINISHED
from hedgerow.reports.finding import find_report
from hedgerow.reports.rules import alarm_after
from hedgerow.reports.tables import reports

if TYPE_CHECKING:
    from datetime import datetime

    from sqlalchemy import Connection

    from hedgerow.reports.filing_model import Report

__all__ = ["raise_alarms"]


def raise_alarms(connection: Connection, *, now: datetime, limit: int = 100) -> list[Report]:
    """Raise the alarms that are due, and return the reports that they are about."""
    from hedgerow.cases import find_case  # noqa: PLC0415  (looked up on first use: see that room)

    is_owed = reports.c.state.in_([str(each) for each in UNFINISHED])
    numbers = list(
        connection.execute(
            select(reports.c.id)
            .where(reports.c.alarm_due_at <= now, is_owed)
            .order_by(reports.c.alarm_due_at, reports.c.id)
            .limit(limit)
            .with_for_update(skip_locked=True)
        ).scalars()
    )
    raised = []
    for number in numbers:
        found = find_report(connection, number)
        level = found.alarm_level + 1
        connection.execute(
            update(reports)
            .where(reports.c.id == number)
            .values(alarm_level=level, alarmed_at=now, alarm_due_at=now + alarm_after(level))
        )
        facts: dict[str, str | int | None] = {
            "level": level,
            "state": str(found.state),
            "reason": None if found.filing.trouble is None else str(found.filing.trouble),
            "hours_late": max(0, round((now - found.deadline_at).total_seconds() / 3600)),
        }
        said = {
            "report": number,
            "case": find_case(connection, found.case_id).number,
            "environment": str(found.environment),
            **facts,
        }
        enqueue(
            connection,
            "report.alarm",
            subject_type="report",
            subject_id=number,
            data=said,
            actor="system",
            now=now,
        )
        record(connection, number, "alarm", actor="system", now=now, details=facts)
        raised.append(find_report(connection, number))
    return raised
