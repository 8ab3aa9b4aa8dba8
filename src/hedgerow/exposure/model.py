"""The nouns of exposure: limits, break, standing, sum."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from datetime import datetime, timedelta

__all__ = ["Break", "Limits", "Standing", "Sum"]


@dataclass(frozen=True, slots=True)
class Limits:
    """What the house protects everybody by.

    Attributes:
        daily_looks: Most looks in any 24 hours, for who has no cap of their own.
        looks_until_break: So many looks in a row, and a break is due.
        break_length: How long it is. Who has not looked for so long had one.
    """

    daily_looks: int
    looks_until_break: int
    break_length: timedelta


@dataclass(frozen=True, slots=True)
class Break:
    """A time in which nothing is shown.

    Attributes:
        until: When it is over.
        is_own: Whether the person took it, and may end it; else it followed from what they looked at.
    """

    until: datetime
    is_own: bool


@dataclass(frozen=True, slots=True)
class Standing:
    """How somebody stands: for their own eyes.

    Attributes:
        looks: In the last 24 hours.
        cap: Most looks in 24 hours.
        again_at: Where the cap is reached, when the next look is possible; None where it is not, or is 0.
        pause: The break that this person has now; None where they have none.
        in_row: Looks since the last break.
    """

    looks: int
    cap: int
    again_at: datetime | None
    pause: Break | None
    in_row: int

    @property
    def is_capped(self) -> bool:
        """Whether the cap is reached."""
        return self.looks >= self.cap


@dataclass(frozen=True, slots=True)
class Sum:
    """What a team looked at together, in some days.

    Attributes:
        days: How many days.
        people: How many people looked at anything.
        looks: Of all of them together; None where they are so few that it would tell of each.
    """

    days: int
    people: int
    looks: int | None
