"""A simulator's clock: it goes as the machine's does, or stands still, and can be put forward."""

from __future__ import annotations

import threading
from datetime import UTC, datetime, timedelta

__all__ = ["VirtualClock"]


class VirtualClock:
    """A clock that can be put forward.

    Args:
        stands_at: Where it stands still until it is put forward; None goes with the machine's clock.
        ahead: How far ahead of the machine's clock it is, where it goes.
    """

    def __init__(self, stands_at: datetime | None = None, ahead: timedelta = timedelta()) -> None:
        self._lock = threading.Lock()
        self._stands_at = stands_at
        self._ahead = ahead

    @property
    def stands_at(self) -> datetime | None:
        """Where it stands still, or None."""
        return self._stands_at

    @property
    def ahead(self) -> timedelta:
        """How far ahead of the machine's clock it is, where it goes."""
        return self._ahead

    def now(self) -> datetime:
        """Return the time, with its zone."""
        with self._lock:
            return datetime.now(UTC) + self._ahead if self._stands_at is None else self._stands_at

    def advance(
        self,
        step: timedelta = timedelta(),
        /,
        *,
        days: float = 0,
        hours: float = 0,
        minutes: float = 0,
        seconds: float = 0,
    ) -> datetime:
        """Put it forward (or back, by less than nothing) and return the time."""
        step += timedelta(days=days, hours=hours, minutes=minutes, seconds=seconds)
        with self._lock:
            if self._stands_at is None:
                self._ahead += step
            else:
                self._stands_at += step
        return self.now()

    def stand(self, at: datetime | None = None) -> datetime:
        """Let it stand still, at a time or where it is, and return that time."""
        at = self.now() if at is None else at
        with self._lock:
            self._stands_at = at
        return at
