"""What a serving process counts of its own work, for those who watch it: sums and durations, nothing that was asked."""

from __future__ import annotations

import threading
import time
from bisect import bisect_left
from collections import Counter
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["BUCKETS_S", "Counts", "Durations"]

BUCKETS_S: Final = (0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1.0, 2.0, 5.0, 10.0, 60.0, 600.0)
"""Upper ends, in seconds: a digest takes a millisecond, a picture some tens, a video minutes."""


@dataclass(slots=True)
class Durations:
    """How long something took, each time.

    Attributes:
        counts: How often it took at most each of `BUCKETS_S`, and longer at the end; not summed up.
        total_s: All of it.
    """

    counts: list[int] = field(default_factory=lambda: [0] * (len(BUCKETS_S) + 1))
    total_s: float = 0.0

    def add(self, seconds: float) -> None:
        """Count one time.

        >>> taken = Durations()
        >>> taken.add(0.01)
        >>> taken.counts[BUCKETS_S.index(0.01)]
        1
        """
        self.counts[bisect_left(BUCKETS_S, seconds)] += 1
        self.total_s += seconds


class Counts:
    """Counts the work of a process since it started; threads share one.

    Attributes:
        screened: Submissions by outcome; those that were repeats, by ``repeat``.
        looked_up: Look-ups by ``found`` and ``nothing``.
        hashing_now: Media that is being hashed at this moment.
        refused: Media that was sent away because too much waited.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self.screened: Counter[str] = Counter()
        self.looked_up: Counter[str] = Counter()
        self.hashed = Durations()
        self.hashing_now = 0
        self.refused = 0

    def count_screened(self, outcome: str) -> None:
        """Count a submission."""
        with self._lock:
            self.screened[outcome] += 1

    def count_lookup(self, *, is_found: bool) -> None:
        """Count a look-up."""
        with self._lock:
            self.looked_up["found" if is_found else "nothing"] += 1

    def count_refused(self) -> None:
        """Count media that was sent away."""
        with self._lock:
            self.refused += 1

    @contextmanager
    def hashing(self) -> Iterator[None]:
        """Measure how long something is hashed."""
        began = time.perf_counter()
        with self._lock:
            self.hashing_now += 1
        try:
            yield
        finally:
            with self._lock:
                self.hashing_now -= 1
                self.hashed.add(time.perf_counter() - began)
