"""Shares with the interval in which the true one lies."""

from __future__ import annotations

import math
from dataclasses import dataclass

__all__ = ["Share", "wilson"]

_Z = 1.959964  # standard normal quantile for 95 %


def wilson(found: int, of: int, z: float = _Z) -> tuple[float, float]:
    """Return the Wilson score interval of a share (E. B. Wilson, 1927), which behaves at 0 and 1 too.

    >>> [round(each, 3) for each in wilson(10, 10)], [round(each, 3) for each in wilson(0, 0)]
    ([0.722, 1.0], [0.0, 1.0])
    """
    if of == 0:
        return 0.0, 1.0
    share, weight = found / of, z * z / of
    middle = (share + weight / 2) / (1 + weight)
    half = z / (1 + weight) * math.sqrt(share * (1 - share) / of + weight / (4 * of))
    low = 0.0 if found == 0 else max(0.0, middle - half)
    return low, 1.0 if found == of else min(1.0, middle + half)


@dataclass(frozen=True, slots=True)
class Share:
    """So many of so many.

    Attributes:
        found: Cases that count.
        of: All cases.
    """

    found: int
    of: int

    @property
    def value(self) -> float | None:
        """The share; None of nothing."""
        return self.found / self.of if self.of else None

    @property
    def interval(self) -> tuple[float, float]:
        """Between which shares the true one lies, 95 % of times, were the cases independent."""
        return wilson(self.found, self.of)

    def plus(self, other: Share) -> Share:
        """Take both together."""
        return Share(self.found + other.found, self.of + other.of)

    def as_object(self) -> dict[str, object]:
        """Return it for JSON output."""
        low, high = self.interval
        value = self.value
        return {
            "found": self.found,
            "of": self.of,
            "share": None if value is None else round(value, 6),
            "low": round(low, 6),
            "high": round(high, 6),
        }
