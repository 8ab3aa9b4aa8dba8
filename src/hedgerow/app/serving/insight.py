"""How the work goes: backlog, times, false positives, agreement; and figures for a transparency report."""

from __future__ import annotations

import csv
import io
import json
import time
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from datetime import time as time_of_day
from threading import Lock
from typing import TYPE_CHECKING, Any, Final
from weakref import WeakKeyDictionary

from hedgerow import audit, cases
from hedgerow.app.clock import now
from hedgerow.app.serving.team import judged
from hedgerow.banks.held import bank_states
from hedgerow.cases import figures as counted
from hedgerow.cases.agreement import judged_again
from hedgerow.cases.figures import MOST_TIMES, Period
from hedgerow.errors import InvalidRequest
from hedgerow.reports.figures import count_filed

if TYPE_CHECKING:
    from hedgerow.app.serving.team import Again
    from hedgerow.cases import Attention, Queue, QueueCount
    from hedgerow.cases.figures import Looks, Percentiles, VerdictCount
    from hedgerow.database import Database

__all__ = ["MOST_TIMES", "BankFigures", "Day", "Insight", "Transparency", "insight", "transparency"]

# Whoever asks more often sees the same figures; the page says of when they are. With 100,000 cases they take half a
# second of a processor, which is too much for each who looks.
_FOR_S: Final = 60.0
_EVERY: Final = 1_000_000  # for what leaves the house nothing is cut short
_LONGEST_DAYS: Final = 3_660  # ten years: a request for more is a slip
_HOUR_S: Final = 3600


@dataclass(frozen=True, slots=True)
class Day:
    """A day, UTC.

    Attributes:
        day: Which.
        opened: Cases that were opened.
        decided: Cases about which a verdict was said.
    """

    day: date
    opened: int
    decided: int


@dataclass(frozen=True, slots=True)
class BankFigures:
    """How right a bank was lately.

    Attributes:
        name: Of the bank.
        judged: Pairs of an entry and a thing that people have decided about.
        not_a_match: Those of them that were no match.
    """

    name: str
    judged: int
    not_a_match: int

    @property
    def share(self) -> float:
        """The share that was no match, 0 to 1."""
        return self.not_a_match / self.judged


@dataclass(frozen=True, slots=True)
class Insight:
    """How the work goes.

    Attributes:
        at: When these figures were taken.
        days: Over how many days.
        queues: How each queue stands.
        attention: What is due.
        by_day: Each day, the first one first.
        times: How long cases waited until they were decided, by queue.
        verdicts: What was said.
        banks: Those about which anything was decided, by name.
        reviews: Second reviews of the sample.
        appeals: Appeals.
        looks: What was seen in full; None where too few people looked.
    """

    at: datetime
    days: int
    queues: list[QueueCount]
    attention: Attention
    by_day: list[Day]
    times: dict[Queue, Percentiles]
    verdicts: list[VerdictCount]
    banks: list[BankFigures]
    reviews: Again
    appeals: Again
    looks: Looks | None


_taken: WeakKeyDictionary[Database, dict[int, tuple[float, Insight]]] = WeakKeyDictionary()
_lock = Lock()


def insight(database: Database, *, days: int) -> Insight:
    """Return the figures of the latest days; one reckoning serves all who ask within a minute."""
    with _lock:
        taken = _taken.setdefault(database, {})
        found = taken.get(days)
        if found is None or time.monotonic() - found[0] > _FOR_S:
            found = taken[days] = (time.monotonic(), _insight(database, days))
        return found[1]


def _insight(database: Database, days: int) -> Insight:
    at = now()
    first = at.date() - timedelta(days=days - 1)
    period = Period(datetime.combine(first, time_of_day.min, UTC), at + timedelta(seconds=1))
    with database.read() as connection:
        opened = counted.count_opened_by_day(connection, period)
        decided = counted.count_decided_by_day(connection, period)
        queues = cases.count_queues(connection, now=at)
        attention = cases.needs_attention(connection, now=at)
        times = counted.times_to_decide(connection, period)
        verdicts = counted.count_verdicts(connection, period)
        looks = counted.count_looks(connection, period)
        names = {state.bank.id: state.bank.name for state in bank_states(connection)}
        judged_of = {each.id: each for each in counted.judged_by_bank(connection)}
    reviews, appeals = judged(database, days=days)
    every = [first + timedelta(days=number) for number in range(days)]
    return Insight(
        at,
        days,
        queues,
        attention,
        [Day(day, opened[day], decided[day]) for day in every],
        times,
        verdicts,
        [
            BankFigures(name, judged_of[number].judged, judged_of[number].not_a_match)
            for number, name in names.items()
            if number in judged_of
        ],
        reviews,
        appeals,
        looks,
    )


# ── transparency ─────────────────────────────────────────────────────────────────────────────────────────────────


@dataclass(frozen=True, slots=True)
class Transparency:
    """Figures of a time, without accounts, files or people.

    Attributes:
        first: The first day.
        last: The last day, which belongs to it.
        rows: Part, name, measure and value.
    """

    first: date
    last: date
    rows: list[tuple[str, str, str, float | int | str]]

    def as_csv(self) -> str:
        """Write it as CSV with a header (RFC 4180)."""
        out = io.StringIO()
        writer = csv.writer(out)
        writer.writerow(("part", "name", "measure", "value"))
        writer.writerow(("period", "first day", "date", self.first.isoformat()))
        writer.writerow(("period", "last day", "date", self.last.isoformat()))
        writer.writerows(self.rows)
        return out.getvalue()

    def as_json(self) -> str:
        """Write it as a JSON object: part, name and measure lead to a value."""
        parts: dict[str, dict[str, dict[str, float | int | str]]] = {}
        for part, name, measure, value in self.rows:
            parts.setdefault(part, {}).setdefault(name, {})[measure] = value
        said: dict[str, Any] = {
            "format": "hedgerow-transparency",
            "version": 1,
            "first_day": self.first.isoformat(),
            "last_day": self.last.isoformat(),
            **parts,
        }
        return json.dumps(said, indent=2) + "\n"


def transparency(database: Database, first: date, last: date, *, actor: str) -> Transparency:
    """Take out the figures of some days. That they were taken out is an entry, written before.

    Args:
        database: An open database.
        first: The first day, UTC.
        last: The last day, which belongs to it.
        actor: Who takes them.

    Raises:
        InvalidRequest: The days are in the wrong order, or too many.
    """
    if not 0 <= (last - first).days < _LONGEST_DAYS:
        raise InvalidRequest("the last day is the first one or later, and not ten years away")
    period = Period(
        datetime.combine(first, time_of_day.min, UTC),
        datetime.combine(last + timedelta(days=1), time_of_day.min, UTC),
    )
    with database.write() as connection:
        audit.append(
            connection,
            actor=actor,
            action="transparency.exported",
            subject_type="transparency",
            subject_id=None,
            details={"first": first.isoformat(), "last": last.isoformat()},
            now=now(),
        )
    rows: list[tuple[str, str, str, float | int | str]] = []
    with database.read() as connection:
        rows += [
            ("submissions", outcome, "number", number)
            for outcome, number in counted.count_submissions(connection, period).items()
        ]
        rows.append(("cases", "opened", "number", counted.count_opened(connection, period)))
        for said in counted.count_verdicts(connection, period):
            name = f"{said.verdict} {said.classification}" if said.classification else str(said.verdict)
            rows += [("verdicts", name, "number", said.number), ("verdicts", name, "without a look", said.no_look)]
        for queue, taken in counted.times_to_decide(connection, period).items():
            shares = (("p50", taken.p50_s), ("p90", taken.p90_s), ("p99", taken.p99_s))
            rows.append(("time to decide", str(queue), "number", taken.number))
            rows += [("time to decide", str(queue), f"{name} hours", round(at / _HOUR_S, 2)) for name, at in shares]
        for stage, name in ((cases.Stage.QA, "second reviews"), (cases.Stage.APPEAL, "appeals")):
            again = judged_again(connection, stage, period, most=_EVERY)
            rows.append(("judged again", name, "number", len(again)))
            rows.append(("judged again", name, "the same", sum(each.is_same for each in again)))
        rows += [
            ("reports filed", f"{each.authority} ({each.environment})", "number", each.number)
            for each in count_filed(connection, *period)
        ]
        looks = counted.count_looks(connection, period)
        if looks is not None:
            rows.append(("looks", "all people", "number", looks.looks))
    return Transparency(first, last, rows)
