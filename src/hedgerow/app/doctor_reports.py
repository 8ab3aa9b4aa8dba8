"""What the doctor looks at of reports."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

from hedgerow.app.clock import now
from hedgerow.app.doctor import Check, Standing

if TYPE_CHECKING:
    from collections.abc import Iterator

    from hedgerow.database import Database
    from hedgerow.settings import Settings

__all__ = ["look_at_reports"]


def look_at_reports(settings: Settings, database: Database) -> Iterator[Check]:
    """Examine what is late, what is stopped, and who may do alone what takes two."""
    from hedgerow.app.serving.reports import standing

    found = standing(settings, database)
    checks = []
    if found.late:
        loudest = max(each.report.alarm_level for each in found.late)
        checks.append(
            Check(
                "reports",
                Standing.WRONG,
                f"{len(found.late):,} reports are late or need a person; the loudest is at alarm {loudest}.",
                "Run hedgerow report status: it says what to do about each.",
            )
        )
    checks += [
        Check(
            "reports",
            Standing.WRONG,
            f"No report can be sent to the {each.environment!s} system ({each.problem.replace('_', ' ')}).",
            "Run hedgerow report status: it says what to do.",
        )
        for each in found.environments
        if each.problem in {"stopped", "address_refused"}
    ]
    if found.unreported:
        waited = now() - found.unreported[0].since
        number = len(found.unreported)
        checks.append(
            Check(
                "reports",
                Standing.WRONG if waited >= timedelta(hours=settings.reports.deadline_hours) else Standing.CAUTION,
                f"{number:,} {'case was' if number == 1 else 'cases were'} confirmed, and nobody has drafted a report.",
                "hedgerow report status names them. Draft each; if none is owed, withdraw the draft with the reason.",
            )
        )
    if found.is_solo:
        checks.append(
            Check(
                "reports",
                Standing.CAUTION,
                "Solo mode is on: one person may approve their own reports and switch real reports on alone.",
                "Turn reports.solo off as soon as there is a second person.",
            )
        )
    yield from checks or [Check("reports", Standing.OK, "No report is late, and none needs a person.")]
