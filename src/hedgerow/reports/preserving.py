"""Hold and seal the evidence of what was filed. It has a state of its own: whatever becomes of it, filed is filed.

It happens in the transaction that says that the report is filed. If it fails there, that part alone is undone, and it
is tried again until it is done, with an alarm of its own in `doctor` and on the first page.

A report to the authority's test system preserves nothing, unless the settings say so: it is a rehearsal, and what is
sealed could not be sent again when it is meant.
"""

from __future__ import annotations

import logging
from datetime import timedelta
from typing import TYPE_CHECKING, Final

from sqlalchemy import select, update

from hedgerow.errors import HedgerowError
from hedgerow.reports.filing_model import Environment, Preservation
from hedgerow.reports.finding import files_of, find_report
from hedgerow.reports.tables import reports

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime

    from sqlalchemy import Connection, Update

    from hedgerow.evidence.wrapping import ReviewKeys
    from hedgerow.reports.filing_model import Report

__all__ = ["preserve", "preserve_due", "sealer"]

_log = logging.getLogger(__name__)

_AGAIN_AFTER: Final = timedelta(minutes=5)


def sealer(
    keys: ReviewKeys | None, *, rehearse: bool, now: Callable[[], datetime]
) -> Callable[[Connection, Report], None]:
    """Return what `hedgerow.reports.records.record_answer` calls for a report that is filed."""

    def seal(connection: Connection, report: Report) -> None:
        preserve(connection, report, keys=keys, rehearse=rehearse, now=now())

    return seal


def preserve(
    connection: Connection, report: Report, *, keys: ReviewKeys | None, rehearse: bool, now: datetime
) -> Preservation:
    """Hold and seal what a filed report holds; what goes wrong is noted, and tried again later.

    Args:
        connection: Of `Database.write`.
        report: That is filed.
        keys: The review keys; None where they cannot be had, which is tried again.
        rehearse: Whether a report to the test system preserves too.
        now: When.
    """
    from hedgerow.evidence import seal_filed  # noqa: PLC0415  (loaded where something is filed)

    if report.environment is Environment.TEST and not rehearse:
        connection.execute(_said(report.id, Preservation.NONE, None))
        return Preservation.NONE
    numbers = [file.evidence_id for file in files_of(connection, report)]
    if numbers and keys is None:
        return _later(connection, report.id, "the review keys cannot be had", now)
    try:
        with connection.begin_nested():
            if numbers and keys is not None and report.filed_at is not None:
                seal_filed(
                    connection,
                    numbers,
                    report=report.id,
                    filed_at=report.filed_at,
                    keys=keys,
                    actor="system",
                    now=now,
                )
            connection.execute(_said(report.id, Preservation.SEALED, None))
    except HedgerowError as error:
        return _later(connection, report.id, error.reason, now)
    except Exception as error:  # noqa: BLE001  (a filed report is filed, whatever ails the evidence)
        return _later(connection, report.id, type(error).__name__, now)
    return Preservation.SEALED


def preserve_due(
    connection: Connection, *, keys: ReviewKeys | None, rehearse: bool, now: datetime, limit: int = 20
) -> int:
    """Try again what is due to be held and sealed, and return how many are."""
    numbers = list(
        connection.execute(
            select(reports.c.id)
            .where(reports.c.preservation == str(Preservation.PENDING), reports.c.preservation_due_at <= now)
            .order_by(reports.c.preservation_due_at)
            .limit(limit)
            .with_for_update(skip_locked=True)
        ).scalars()
    )
    done = [
        preserve(connection, find_report(connection, number), keys=keys, rehearse=rehearse, now=now)
        for number in numbers
    ]
    return sum(each is not Preservation.PENDING for each in done)


def _later(connection: Connection, number: int, reason: str, now: datetime) -> Preservation:
    _log.error("The evidence of report %d, which is filed, is not preserved yet: %s.", number, reason)
    connection.execute(
        update(reports)
        .where(reports.c.id == number)
        .values(
            preservation=str(Preservation.PENDING),
            preservation_due_at=now + _AGAIN_AFTER,
            preservation_failures=reports.c.preservation_failures + 1,
        )
    )
    return Preservation.PENDING


def _said(number: int, preservation: Preservation, due_at: datetime | None) -> Update:
    return (
        update(reports).where(reports.c.id == number).values(preservation=str(preservation), preservation_due_at=due_at)
    )
