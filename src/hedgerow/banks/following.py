"""Keep a matcher in step with the database, so that what is banked anywhere matches here within a second."""

from __future__ import annotations

import logging
import threading
import time
from typing import TYPE_CHECKING, Final, Self

from hedgerow.errors import HedgerowError

if TYPE_CHECKING:
    from collections.abc import Callable
    from types import TracebackType

    from hedgerow.banks.index import Matcher

__all__ = ["Follower"]

_log = logging.getLogger(__name__)

_LONGEST_PAUSE_S: Final = 1.0
"""Between two tries while the database is away: so soon after it is back, what changed meanwhile is taken in."""

_LONGEST_FAREWELL_S: Final = 5.0
"""A database that does not answer must not keep a process from ending."""
_FOLLOWING, _LOADING = "Following", "Loading"


class Follower:
    """A thread that refreshes a matcher again and again, whatever happens to the database.

    An index that a refresh wants and lacks is loaded on a second thread, so that the other banks are followed
    meanwhile.

    Args:
        matcher: What is kept in step.
        interval_s: Seconds from one refresh to the next; a refresh costs one query of one row when nothing changed.
        clock: Monotonic seconds.

    >>> from hedgerow.banks import Matcher
    >>> def serve(matcher: Matcher) -> None:
    ...     with Follower(matcher):
    ...         ...
    """

    def __init__(
        self, matcher: Matcher, interval_s: float = 0.2, *, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._matcher = matcher
        self._interval_s = interval_s
        self._clock = clock
        self._stopping = threading.Event()
        self._thread: threading.Thread | None = None
        self._loader: threading.Thread | None = None
        self._refreshed_at: float | None = None
        self._load_again_at = 0.0
        self._errors: dict[str, str] = {}

    def start(self) -> None:
        """Begin; does nothing where it has begun."""
        if self._thread is None:
            self._stopping.clear()
            self._thread = threading.Thread(target=self._run, name="hedgerow-follow", daemon=True)
            self._thread.start()

    def stop(self) -> None:
        """End, and wait a while for the refresh under way; an index that is being loaded is not waited for."""
        self._stopping.set()
        if self._thread is not None:
            self._thread.join(_LONGEST_FAREWELL_S)
            self._thread = None

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    @property
    def is_running(self) -> bool:
        """Whether the thread lives."""
        return self._thread is not None and self._thread.is_alive()

    @property
    def error(self) -> str | None:
        """The kind of error by which the latest refresh or loading failed; None when it did not."""
        return self._errors.get(_FOLLOWING) or self._errors.get(_LOADING)

    def age_s(self) -> float | None:
        """Return for how many seconds no change can have been taken in; None before the first refresh."""
        refreshed_at = self._refreshed_at
        return None if refreshed_at is None else max(0.0, self._clock() - refreshed_at)

    def _run(self) -> None:
        pause_s = self._interval_s
        while not self._stopping.is_set():
            began = self._clock()
            if self._survives(_FOLLOWING, lambda: self._matcher.refresh(loads=False)):
                self._refreshed_at = began  # what changed before then is taken in
                pause_s = self._interval_s
                self._load_if_lacking()
            else:
                pause_s = min(2 * pause_s, _LONGEST_PAUSE_S)
            self._stopping.wait(max(0.0, pause_s - (self._clock() - began)))

    def _load_if_lacking(self) -> None:
        is_loading = self._loader is not None and self._loader.is_alive()
        if self._matcher.is_lacking and not is_loading and self._clock() >= self._load_again_at:
            self._loader = threading.Thread(target=self._load, name="hedgerow-load", daemon=True)
            self._loader.start()

    def _load(self) -> None:
        if not self._survives(_LOADING, self._matcher.load_lacking):
            self._load_again_at = self._clock() + _LONGEST_PAUSE_S

    def _survives(self, what: str, work: Callable[[], object]) -> bool:
        """Do something that may fail, and tell whether it did not; each kind of failure is logged as it begins."""
        try:
            work()
        except Exception as problem:  # noqa: BLE001  (a follower that dies of anything would leave the bank to grow old)
            kind = problem.reason if isinstance(problem, HedgerowError) else type(problem).__name__
            if kind != self._errors.get(what):
                _log.warning("%s the banks failed: %s. It is tried again until it succeeds.", what, kind)
            self._errors[what] = kind
            return False
        if self._errors.pop(what, None) is not None:
            _log.warning("%s the banks succeeds again.", what)
        return True
