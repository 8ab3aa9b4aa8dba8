"""How the service does at this moment, in numbers: what `hedgerow.web.metrics` shows."""

from __future__ import annotations

import threading
import time
from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

from hedgerow.app.clock import now
from hedgerow.errors import DatabaseError

if TYPE_CHECKING:
    from datetime import datetime

    from sqlalchemy import Connection

    from hedgerow.app.counting import Counts
    from hedgerow.app.service import Service
    from hedgerow.banks.health import IndexHealth
    from hedgerow.cases.model import QueueCount

__all__ = ["ExchangeFigures", "Figures", "Watch"]

# Whoever asks more often sees the same figures: two queries a second at most, however many watch.
_FOR_S: Final = 1.0


@dataclass(frozen=True, slots=True)
class ExchangeFigures:
    """How an exchange stands.

    Attributes:
        success_age_s: Seconds since a fetch last ended well; None before the first.
        entries: Rows of its bank in the indexes of this process.
        quarantined: Pages that stand in its way.
        waiting: Opinions that its partner has not taken yet.
        needs: What a person should do something about.
    """

    success_age_s: float | None
    entries: int
    quarantined: int
    waiting: int
    needs: frozenset[str]


@dataclass(frozen=True, slots=True)
class Figures:
    """How things stand.

    Attributes:
        counts: What this process counted of its own work.
        index: How its indexes stand to the database.
        rows: Rows in the indexes by signal type.
        is_database_up: Whether the database answers; all below is empty where it does not.
        audit_sequence: Number of the latest audit entry.
        queues: How each queue stands.
        waiting: Messages to the platform that will be tried again.
        given_up: Messages that will not, until a person says so.
        oldest_age_s: Since when the oldest of both waits, in seconds.
        late_reports: Reports that are late or need a person.
        loudest_alarm: The highest level at which one of them alarms.
        unreported: Cases that were confirmed and of which there is no report.
        evidence: Pieces of evidence that need somebody, by what is amiss.
        exchanges: How each exchange stands, by name.
        questions: What Project Arachnid Shield was asked and has not answered.
    """

    counts: Counts
    index: IndexHealth
    rows: dict[str, int]
    is_database_up: bool
    audit_sequence: int | None = None
    queues: tuple[QueueCount, ...] = ()
    waiting: int = 0
    given_up: int = 0
    oldest_age_s: float = 0.0
    late_reports: int = 0
    loudest_alarm: int = 0
    unreported: int = 0
    evidence: dict[str, int] = field(default_factory=dict)
    exchanges: dict[str, ExchangeFigures] = field(default_factory=dict)
    questions: int = 0


class Watch:
    """Looks at a service for whoever asks.

    Args:
        service: Which.
    """

    def __init__(self, service: Service) -> None:
        self._service = service
        self._lock = threading.Lock()
        self._latest: tuple[float, Figures] | None = None

    def look(self) -> Figures:
        """Return the figures of this moment, or of the second before."""
        with self._lock:
            if self._latest is None or time.monotonic() - self._latest[0] > _FOR_S:
                self._latest = (time.monotonic(), self._look())
            return self._latest[1]

    def _look(self) -> Figures:
        from hedgerow.actions import unconfirmed
        from hedgerow.app.serving.reports import unreported_of
        from hedgerow.audit import read_head
        from hedgerow.cases.queues import count_queues
        from hedgerow.evidence import needs_person
        from hedgerow.exchanges.questions import count_owed
        from hedgerow.reports.finding import late_reports

        service, at = self._service, now()
        health = service.matcher.health()
        rows: Counter[str] = Counter()
        for state in health.indexes:
            rows[state.type] += state.rows
        try:
            with service.database.read() as connection:
                head = read_head(connection)
                queues = tuple(count_queues(connection, now=at))
                open_messages = list(unconfirmed(connection))
                late = late_reports(connection, now=at)
                unreported = unreported_of(service.settings, connection)
                needs = needs_person(connection, now=at)
                exchanges = _exchanges(service, connection, health, at)
                questions = count_owed(connection)
        except DatabaseError:
            return Figures(service.counts, health, dict(rows), is_database_up=False)
        oldest = min((each.oldest_at for each in open_messages), default=at)
        return Figures(
            service.counts,
            health,
            dict(rows),
            is_database_up=True,
            audit_sequence=head.sequence,
            queues=queues,
            waiting=sum(each.waiting for each in open_messages),
            given_up=sum(each.given_up for each in open_messages),
            oldest_age_s=max(0.0, (at - oldest).total_seconds()),
            late_reports=len(late),
            loudest_alarm=max((each.alarm_level for each in late), default=0),
            unreported=len(unreported),
            evidence={"missing": needs.lost, "unsealed": needs.unsealed, "waiting": needs.waiting},
            exchanges=exchanges,
            questions=questions,
        )


def _exchanges(
    service: Service, connection: Connection, health: IndexHealth, at: datetime
) -> dict[str, ExchangeFigures]:
    from hedgerow.app.serving.exchanges import shown_exchanges
    from hedgerow.exchanges.opinions import waiting_opinions

    rows: Counter[int] = Counter()
    for state in health.indexes:
        rows[state.bank_id] += state.rows
    waiting = waiting_opinions(connection)
    found = {}
    for each in shown_exchanges(service.settings, connection, at=at):
        standing = each.standing
        exchange, since = standing.exchange, standing.succeeded_at
        found[exchange.name] = ExchangeFigures(
            None if since is None else max(0.0, (at - since).total_seconds()),
            rows[exchange.bank_id],
            int(standing.quarantined is not None),
            waiting[exchange.id].number if exchange.id in waiting else 0,
            frozenset(map(str, each.needs)),
        )
    return found
