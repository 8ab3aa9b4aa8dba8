"""Look after reports for a command: open the database, prove who is there, and hand on to `hedgerow.app.serving`."""

from __future__ import annotations

from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from hedgerow.accounts import Permission, User
    from hedgerow.database import Database
    from hedgerow.database.sealing import ServiceKeys
    from hedgerow.reports.filing_model import Report
    from hedgerow.settings import Settings

__all__ = ["ReportRoom", "file_now", "prove_person", "report_room"]


@dataclass(frozen=True, slots=True)
class ReportRoom:
    """What a command about reports is run on.

    Attributes:
        settings: The settings.
        database: Open, at the latest revision.
        keys: What opens the authority's credentials.
    """

    settings: Settings
    database: Database
    keys: ServiceKeys


@contextmanager
def report_room(settings: Settings) -> Iterator[ReportRoom]:
    """Open the database for one command.

    Raises:
        DatabaseUnavailable: There is none: a wrong folder's name would pass for "no reports".
        ServiceKeyUnusable: The service keys cannot be read.
    """
    from hedgerow.app.evidence import evidence_database
    from hedgerow.database.sealing import load_service_keys

    with evidence_database(settings) as database:
        stated = None if settings.service_key is None else settings.service_key.get_secret_value()
        yield ReportRoom(settings, database, load_service_keys(settings.data, stated))


def prove_person(
    room: ReportRoom, name: str, password: Callable[[], str], code: Callable[[], str], needed: Permission
) -> User:
    """Find out who sits at this command; see `hedgerow.app.evidence.prove`.

    Raises:
        LoginRefused: Something was wrong, or there were too many attempts.
        PermissionDenied: It is not for this person.
    """
    from hedgerow.app.evidence import prove

    return prove(room.settings, room.database, name, password, code, needed)


def file_now(room: ReportRoom, number: int | None = None, *, most: int = 100) -> list[Report]:
    """Send what is due, one report after the other, and return those that were worked on.

    Args:
        room: What it is run on.
        number: Nothing but this report.
        most: How many at most.

    Raises:
        ReportNotFound: There is none of that number.
        ServerSupportMissing: The package httpx is not installed.
    """
    from hedgerow.app.clock import now
    from hedgerow.app.serving.reports import filer_of
    from hedgerow.reports.finding import find_report
    from hedgerow.reports.records import due_reports

    with room.database.read() as connection:
        if number is not None:
            find_report(connection, number)
        due = due_reports(connection, now=now(), only=number, limit=most)
    filer = filer_of(room.settings, room.database, room.keys)
    done = [each for each in due if filer.run_one(only=each)]
    with room.database.read() as connection:
        return [find_report(connection, each) for each in done]
