"""Remember which API keys work, so that a request costs no look into the database.

What is remembered is forgotten as soon as anything about keys changes anywhere: `KeyRing.refresh` asks for the counter
of account changes, several times a second. So a revoked key works for a fraction of a second longer.
"""

from __future__ import annotations

import hashlib
import time
from collections import OrderedDict
from threading import Lock
from typing import TYPE_CHECKING, Final

from hedgerow.errors import KeyRefused, TooManyRequests

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime

    from hedgerow.accounts import ApiKey
    from hedgerow.database import Database

__all__ = ["KeyRing", "RateLimits"]

_MOST_KEYS: Final = 10_000
_MOST_NAMES: Final = 100_000
_MINUTE_S: Final = 60.0


class RateLimits:
    """How often somebody may ask, by a bucket that fills evenly: a minute's worth may come at once.

    Args:
        clock: Seconds that never go back.

    >>> limits = RateLimits(clock=lambda: 0.0)
    >>> limits.take("somebody", 1)
    >>> limits.take("somebody", 1)
    Traceback (most recent call last):
    hedgerow.errors.TooManyRequests: Too many requests came at once; the next is taken in 60 seconds.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._lock = Lock()
        # Name → (tokens left, when). The one that asked longest ago goes first when there are too many.
        self._buckets: OrderedDict[str, tuple[float, float]] = OrderedDict()

    def take(self, name: str, per_minute: int) -> None:
        """Count one request.

        Raises:
            TooManyRequests: There were so many in the last minute that this one must wait.
        """
        with self._lock:
            now = self._clock()
            left, since = self._buckets.pop(name, (float(per_minute), now))
            left = min(float(per_minute), left + (now - since) * per_minute / _MINUTE_S)
            is_allowed = left >= 1.0
            self._buckets[name] = (left - 1.0 if is_allowed else left, now)
            while len(self._buckets) > _MOST_NAMES:
                self._buckets.popitem(last=False)
        if not is_allowed:
            raise TooManyRequests((1.0 - left) * _MINUTE_S / per_minute)


class KeyRing:
    """The API keys that were shown lately; share one between threads.

    Args:
        database: Where the keys are.
        limits: Counts the requests of each key.
    """

    def __init__(self, database: Database, limits: RateLimits | None = None) -> None:
        self._database = database
        self._limits = limits or RateLimits()
        self._lock = Lock()
        self._change: int | None = None
        self._known: dict[bytes, ApiKey] = {}
        self._uses: dict[int, datetime] = {}

    def remembered(self, text: str, *, per_minute: int, now: datetime) -> ApiKey | None:
        """Return a key that was shown before, without any look into the database; None where it was not.

        The arguments and errors are those of `authenticate`.
        """
        key = self._known.get(_digest(text))
        return None if key is None or not key.is_usable(now) else self._counted(key, per_minute, now)

    def authenticate(self, text: str, *, per_minute: int, now: datetime) -> ApiKey:
        """Return the key that a text proves, and count the request against its limit.

        Args:
            text: As the program sent it.
            per_minute: The limit of a key that has none of its own.
            now: When.

        Raises:
            KeyRefused: It is none, or does not work any more; where it was known, that is on record.
            TooManyRequests: It asks too often.
        """
        known = self.remembered(text, per_minute=per_minute, now=now)
        return self._counted(self._look_up(text, now), per_minute, now) if known is None else known

    def _counted(self, key: ApiKey, per_minute: int, now: datetime) -> ApiKey:
        self._limits.take(key.actor, key.requests_per_minute or per_minute)
        self._uses[key.id] = now
        return key

    def _look_up(self, text: str, now: datetime) -> ApiKey:
        from hedgerow.accounts import authenticate_key, latest_account_change, record_refused_key

        try:
            with self._database.read() as connection:
                change = latest_account_change(connection)
                key = authenticate_key(connection, text, now)
        except KeyRefused as refused:
            if refused.key_id is not None:
                with self._database.write() as connection:
                    record_refused_key(connection, refused, now=now)
            raise
        with self._lock:
            if self._change == change and len(self._known) < _MOST_KEYS:
                self._known[_digest(text)] = key
        return key

    def refresh(self) -> None:
        """Forget everything if anything about accounts changed; to be called several times a second.

        Raises:
            DatabaseUnavailable: It cannot be known; what is remembered is forgotten, to be on the safe side.
        """
        from hedgerow.accounts import latest_account_change

        try:
            with self._database.read() as connection:
                change: int | None = latest_account_change(connection)
        except Exception:  # whatever it is goes on to the caller; until it is known, no key is believed
            self._forget(None)
            raise
        if change != self._change:
            self._forget(change)

    def _forget(self, change: int | None) -> None:
        with self._lock:
            self._change = change
            self._known = {}

    def note_uses(self) -> int:
        """Write down when keys were used last, and return how many there were; to be called now and then."""
        from hedgerow.accounts import note_key_uses

        with self._lock:
            uses, self._uses = self._uses, {}
        if uses:
            with self._database.write() as connection:
                note_key_uses(connection, uses)
        return len(uses)


def _digest(text: str) -> bytes:
    """Return what a key is remembered by. Never its text: what lies in memory for hours should be worth nothing."""
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).digest()
