"""The deadlines that laws and services set, as one table with where each number comes from.

None of this is legal advice; whether a profile applies to a platform is for its own counsel. A profile without a limit
has alarms: times after which somebody should ask why it is not done yet.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import Final

__all__ = ["DEADLINES", "Deadline", "deadline_named"]


@dataclass(frozen=True, slots=True)
class Deadline:
    """A deadline profile.

    Attributes:
        name: What a rule calls it.
        clock: What starts the clock: ``knowledge``, ``receipt``, ``detection``, ``notice``.
        limit: Until when it must be done; None for "as soon as possible".
        alarms: When to ask, where there is no limit, or before it.
        source: Where the numbers come from.
        is_certain: Whether the text of the law or service itself was read; otherwise to be checked by the operator.
    """

    name: str
    clock: str
    limit: timedelta | None
    alarms: tuple[timedelta, ...]
    source: str
    is_certain: bool

    @property
    def due_after(self) -> timedelta | None:
        """How long after its clock started a case is due: the limit, else the last alarm."""
        return self.limit if self.limit is not None else self.alarms[-1] if self.alarms else None


_HOUR = timedelta(hours=1)

DEADLINES: Final[dict[str, Deadline]] = {
    each.name: each
    for each in (
        Deadline(
            "us_cybertip",
            "knowledge",
            None,
            (_HOUR, 24 * _HOUR),
            "18 U.S.C. 2258A(a): as soon as reasonably possible after obtaining actual knowledge; no number of hours "
            "is in the law, so the alarms are ours",
            is_certain=True,
        ),
        Deadline(
            "us_tida",
            "receipt",
            48 * _HOUR,
            (24 * _HOUR, 46 * _HOUR),
            "TAKE IT DOWN Act, PL 119-12 section 3 (47 U.S.C. 223a): not later than 48 hours after receiving a valid "
            "request",
            is_certain=True,
        ),
        Deadline(
            "uk_nca",
            "detection",
            None,
            (_HOUR, 24 * _HOUR),
            "Online Safety Act 2023 section 66 and SI 2026/268: immediately where life or serious harm is threatened, "
            "else as soon as possible; the alarms are ours",
            is_certain=False,
        ),
        Deadline(
            "uk_ncii",
            "receipt",
            48 * _HOUR,
            (24 * _HOUR, 46 * _HOUR),
            "Crime and Policing Act 2026: 48 hours after an intimate image content report; when it begins to apply is "
            "to be confirmed",
            is_certain=False,
        ),
        Deadline(
            "eu_art16",
            "receipt",
            None,
            (24 * _HOUR, 168 * _HOUR),
            "Regulation (EU) 2022/2065 art. 16: confirm at once, decide in a timely manner; the alarms are ours",
            is_certain=True,
        ),
        Deadline(
            "au_ibsa",
            "notice",
            24 * _HOUR,
            (12 * _HOUR, 22 * _HOUR),
            "Online Safety Act 2021 (Australia): removal notices for intimate images, 24 hours",
            is_certain=False,
        ),
    )
}


def deadline_named(name: str) -> Deadline | None:
    """Return the profile of that name, or None.

    >>> deadline_named("us_tida").due_after
    datetime.timedelta(days=2)
    """
    return DEADLINES.get(name)
