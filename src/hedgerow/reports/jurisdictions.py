"""Which law or service asks what by when: deadlines, alarms, retention, and what discharges what, as data.

The table is ``jurisdictions.toml`` beside this file. What `hedgerow.policy.deadlines` says of a deadline is said there
and only pointed at. A *profile* is one row; its *clock* starts with the event that it names.
"""

from __future__ import annotations

import tomllib
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import cache
from importlib.resources import files
from itertools import pairwise
from typing import TYPE_CHECKING, Any, Final

from hedgerow.errors import InvalidReport
from hedgerow.policy.deadlines import deadline_named

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = [
    "CONFIDENCES",
    "Profile",
    "Retention",
    "alarms",
    "due",
    "must_be_gone_by",
    "profile_named",
    "profiles",
    "read_profiles",
    "stays_until",
]

CONFIDENCES: Final = ("high", "medium", "low")

_KNOWN: Final = frozenset(
    {
        "jurisdiction",
        "deadline",
        "clock",
        "limit_hours",
        "touched_hours",
        "alarm_hours",
        "immediate",
        "retention",
        "retained_from",
        "source",
        "retention_source",
        "confidence",
        "discharged_by",
        "discharge_source",
    }
)
_OWN: Final = ("clock", "limit_hours", "touched_hours", "alarm_hours", "source")
_SPANS: Final = ("years", "days", "most_days")
_LOUDER_EVERY: Final = timedelta(hours=24)  # ours: a day is as long as anybody is away


@dataclass(frozen=True, slots=True)
class Retention:
    """How long what was reported stays.

    Attributes:
        counts_from: The event that it counts from.
        years: Calendar years that it stays at least.
        days: Days that it stays at least.
        most_days: Days that it may stay at most.
    """

    counts_from: str
    years: int = 0
    days: int = 0
    most_days: int | None = None


@dataclass(frozen=True, slots=True)
class Profile:
    """What a law or service asks.

    Attributes:
        name: Its name.
        jurisdiction: Whose law, or whose service.
        clock: What starts the clock.
        limit: Until when it must be done; None for "as soon as possible".
        touched_limit: The limit counted from the last change; the later of both counts.
        alarms: When to ask, from the start of the clock.
        immediate: Priorities for which it is due at once.
        retention: How long what was reported stays; None where no period is known.
        source: Where the numbers come from.
        retention_source: Where the retention comes from, or what is known instead.
        confidence: ``high``, ``medium`` or ``low``.
        discharged_by: Authorities whose report, once filed, discharges this duty.
        discharge_source: Where that stands.
    """

    name: str
    jurisdiction: str
    clock: str
    limit: timedelta | None
    touched_limit: timedelta | None
    alarms: tuple[timedelta, ...]
    immediate: tuple[int, ...]
    retention: Retention | None
    source: str
    retention_source: str
    confidence: str
    discharged_by: tuple[str, ...]
    discharge_source: str

    @property
    def is_certain(self) -> bool:
        """Whether the text itself was read; otherwise the operator should have it checked."""
        return self.confidence == "high"


def profiles() -> Mapping[str, Profile]:
    """Return all profiles by name, in the order of the table."""
    return _profiles()


def profile_named(name: str) -> Profile:
    """Return a profile.

    Raises:
        InvalidReport: There is none of that name.

    >>> profile_named("uk_nca").discharged_by
    ('cybertipline',)
    """
    found = _profiles().get(name)
    if found is None:
        raise InvalidReport(f"there is no jurisdiction profile {name!r}; there are {', '.join(_profiles())}")
    return found


def due(
    profile: Profile, at: datetime, *, touched_at: datetime | None = None, priority: int | None = None
) -> datetime | None:
    """Return until when it must be done; None for "as soon as possible", where the alarms speak instead.

    Args:
        profile: Which.
        at: When its clock started.
        touched_at: When the last change was, where the profile counts from that too.
        priority: Of the report, 1 being a threat to life; None where there is none.

    >>> at = datetime(2026, 11, 22, 12, tzinfo=UTC)
    >>> due(profile_named("uk_nca"), at, priority=1) == at, due(profile_named("uk_nca"), at)
    (True, None)
    """
    start = at.astimezone(UTC)
    if priority is not None and priority in profile.immediate:
        return start
    if profile.limit is None:
        return None
    limit = start + profile.limit
    if profile.touched_limit is not None and touched_at is not None:
        return max(limit, touched_at.astimezone(UTC) + profile.touched_limit)
    return limit


def alarms(
    profile: Profile,
    since: datetime,
    now: datetime,
    *,
    touched_at: datetime | None = None,
    priority: int | None = None,
) -> int:
    """Return how loud it is: 0 while nobody has to ask, one more for each alarm that has passed, and one more a day.

    A clock that goes backwards gives 0. What is due at once is at 1 from its first moment.

    Args:
        profile: Which.
        since: When its clock started.
        now: When is asked.
        touched_at: As in `due`.
        priority: As in `due`.

    >>> at = datetime(2026, 11, 22, 12, tzinfo=UTC)
    >>> [alarms(profile_named("us_cybertip"), at, at + timedelta(hours=hours)) for hours in (0, 1, 24, 48, 72)]
    [0, 1, 2, 3, 4]
    """
    start, until = since.astimezone(UTC), due(profile, since, touched_at=touched_at, priority=priority)
    steps = {start + each for each in profile.alarms}
    if until is not None:
        steps = {each for each in steps if each <= until} | {until}
    if priority is not None and priority in profile.immediate:
        steps |= {start, *(start + each for each in profile.alarms)}
    if not steps:
        return 0
    passed = sum(each <= now for each in steps)
    late = now - max(steps)
    return passed + (late // _LOUDER_EVERY if late > timedelta() else 0)


def stays_until(profile: Profile, at: datetime) -> datetime | None:
    """Return until when what was reported must stay; None where no period is known.

    Args:
        profile: Which.
        at: When its retention started to count.
    """
    if profile.retention is None or not (profile.retention.years or profile.retention.days):
        return None
    from hedgerow.evidence import one_year_after  # noqa: PLC0415  (the room of evidence says what a year is)

    until = at.astimezone(UTC)
    for _ in range(profile.retention.years):
        until = one_year_after(until)
    return until + timedelta(days=profile.retention.days)


def must_be_gone_by(profile: Profile, at: datetime) -> datetime | None:
    """Return until when what was kept may stay at most; None where nothing is said. A hold by another law beats it."""
    if profile.retention is None or profile.retention.most_days is None:
        return None
    return at.astimezone(UTC) + timedelta(days=profile.retention.most_days)


# ── reading the table ────────────────────────────────────────────────────────────────────────────────────────────


def read_profiles(text: str) -> dict[str, Profile]:
    """Read a table of profiles.

    Raises:
        InvalidReport: It is none; the sentence names the profile and the field.
    """
    try:
        table = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise InvalidReport(f"the table of jurisdictions cannot be read ({error})") from None
    return {name: _profile(name, said) for name, said in table.items()}


@cache
def _profiles() -> dict[str, Profile]:
    return read_profiles(files("hedgerow.reports").joinpath("jurisdictions.toml").read_text("utf-8"))


def _profile(name: str, said: Any) -> Profile:  # noqa: ANN401  (whatever the table holds)
    _require(isinstance(said, dict), name, "it is no table")
    unknown = sorted(said.keys() - _KNOWN)
    _require(not unknown, name, f"there is no field {', '.join(unknown)}")
    _require(said.get("confidence") in CONFIDENCES, name, f"confidence is one of {', '.join(CONFIDENCES)}")
    _require(bool(said.get("jurisdiction")), name, "jurisdiction is missing")
    if "deadline" in said:
        _require(not [each for each in _OWN if each in said], name, "what its deadline says is not said again")
        deadline = deadline_named(said["deadline"])
        if deadline is None:
            raise InvalidReport(f"the jurisdiction profile {name}: there is no deadline {said['deadline']!r}")
        clock, limit, steps, source = deadline.clock, deadline.limit, deadline.alarms, deadline.source
    else:
        _require(bool(said.get("clock")) and bool(said.get("source")), name, "clock or source is missing")
        clock, source = said["clock"], said["source"]
        limit = _hours(name, said.get("limit_hours"))
        steps = tuple(timedelta(hours=each) for each in said.get("alarm_hours", ()))
    _require(all(a < b for a, b in pairwise(steps)), name, "alarms do not follow one another")
    _require(limit is None or not steps or steps[-1] < limit, name, "an alarm does not come before the limit")
    touched = _hours(name, said.get("touched_hours"))
    _require(touched is None or limit is not None, name, "touched_hours needs limit_hours")
    discharged_by = tuple(said.get("discharged_by", ()))
    _require(bool(discharged_by) == bool(said.get("discharge_source")), name, "what discharges it needs its source")
    return Profile(
        name,
        said["jurisdiction"],
        clock,
        limit,
        touched,
        steps,
        tuple(said.get("immediate", ())),
        _retention(name, said),
        source,
        said.get("retention_source", ""),
        said["confidence"],
        discharged_by,
        said.get("discharge_source", ""),
    )


def _retention(name: str, said: Mapping[str, Any]) -> Retention | None:
    spans = said.get("retention")
    _require((spans is None) == ("retained_from" not in said), name, "retention and retained_from go together")
    if spans is None:
        return None
    fits = isinstance(spans, dict) and len(spans) == 1 and spans.keys() <= set(_SPANS)
    fits = fits and all(type(each) is int and each > 0 for each in spans.values())
    _require(fits, name, f"retention is a whole number of one of {', '.join(_SPANS)}")
    return Retention(said["retained_from"], **spans)


def _hours(name: str, said: Any) -> timedelta | None:  # noqa: ANN401  (whatever the table holds)
    if said is None:
        return None
    _require(type(said) is int and said > 0, name, "hours are a whole number above 0")
    return timedelta(hours=said)


def _require(holds: bool, name: str, problem: str) -> None:  # noqa: FBT001  (a condition)
    if not holds:
        raise InvalidReport(f"the jurisdiction profile {name}: {problem}")
