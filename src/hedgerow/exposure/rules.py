"""When somebody may look, and when it is enough. Nothing here knows a database or a clock.

The rules:

1. In any 24 hours nobody looks more often than their cap. A person's own cap takes the place of the house's.
2. Everybody may lower their own cap. It is raised by somebody else alone, who may set limits; never by oneself.
3. After so many looks in a row a break is due, which is counted from the last of them. What lies between two looks for
   at least as long as a break is one.
4. A break of one's own begins when one wants it and ends when one wants it, by itself at its time.
5. Nobody is shown what they opted out of, nor asked why.
6. Sums over a team are told where at least three people make them, so that they tell of nobody.
"""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Final

from hedgerow.errors import BreakDue, CapReached, InvalidRequest, LimitRefused
from hedgerow.exposure.model import Break, Standing

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from hedgerow.exposure.model import Limits

__all__ = [
    "FEWEST_PEOPLE",
    "LARGEST_CAP",
    "LONGEST_BREAK",
    "WINDOW",
    "check_break",
    "check_cap",
    "check_look",
    "check_lowering",
    "looks_in_row",
    "standing",
]

WINDOW: Final = timedelta(hours=24)
"""Any 24 hours and not a calendar day: midnight must not double what somebody sees in a night."""

FEWEST_PEOPLE: Final = 3
"""Of two, each would know the other's share."""

LARGEST_CAP: Final = 1_000
LONGEST_BREAK: Final = timedelta(hours=4)


def standing(
    looks: Sequence[datetime], cap: int, own_break: datetime | None, limits: Limits, now: datetime
) -> Standing:
    """Say how somebody stands.

    Args:
        looks: When each look of the last 24 hours began, the earliest first.
        cap: Of this person.
        own_break: Until when they take a break of their own, over or not; None without one.
        limits: Of the house.
        now: When.

    >>> from datetime import UTC, datetime
    >>> from hedgerow.exposure.model import Limits
    >>> at = datetime(2026, 11, 22, 9, tzinfo=UTC)
    >>> looks = [at + timedelta(minutes=minute) for minute in range(3)]
    >>> found = standing(looks, 40, None, Limits(40, 3, timedelta(minutes=10)), at + timedelta(minutes=3))
    >>> found.looks, found.in_row, found.pause.until.minute
    (3, 3, 12)
    """
    in_row = looks_in_row(looks, limits.break_length, now)
    pause: Break | None = None
    if own_break is not None and now < own_break:
        pause = Break(own_break, is_own=True)
    if in_row >= limits.looks_until_break:
        until = looks[-1] + limits.break_length
        if pause is None or until > pause.until:
            pause = Break(until, is_own=False)
    again_at = looks[len(looks) - cap] + WINDOW if 0 < cap <= len(looks) else None
    return Standing(len(looks), cap, again_at, pause, in_row)


def looks_in_row(looks: Sequence[datetime], break_length: timedelta, now: datetime) -> int:
    """Count the looks since the last break (rule 3)."""
    count, later = 0, now
    for each in reversed(looks):
        if later - each >= break_length:
            break
        count, later = count + 1, each
    return count


def check_look(found: Standing) -> None:
    """Let somebody look.

    Raises:
        CapReached: It was enough for 24 hours.
        BreakDue: They have a break.
    """
    if found.is_capped:
        again = "" if found.again_at is None else found.again_at.isoformat(timespec="seconds")
        raise CapReached(found.looks, found.cap, again)
    if found.pause is not None:
        raise BreakDue(found.pause.until.isoformat(timespec="seconds"))


def check_cap(cap: int) -> None:
    """Let pass what can be a cap.

    Raises:
        LimitRefused: It cannot.
    """
    if not 0 <= cap <= LARGEST_CAP:
        raise LimitRefused(f"it is a number from 0 to {LARGEST_CAP:,}")


def check_lowering(cap: int, before: int) -> None:
    """Let somebody change their own cap (rule 2).

    Raises:
        LimitRefused: It would not be lower.
    """
    check_cap(cap)
    if cap >= before:
        raise LimitRefused("you may lower your own limit; to raise it takes somebody else")


def check_break(length: timedelta) -> None:
    """Let somebody take a break of their own.

    Raises:
        InvalidRequest: It is none.
    """
    if not timedelta(0) < length <= LONGEST_BREAK:
        raise InvalidRequest("a break lasts for more than nothing and up to four hours")
