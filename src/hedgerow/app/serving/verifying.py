"""Verify the audit chain a slice at a time, so that no page waits for all of it.

There is one verification at a time, which everybody sees who may. Whoever looks how far it is carries it on by half a
second; so none goes on for nobody, and none is begun anew for each who asks. It lives in this process alone: after a
restart somebody begins another one.
"""

from __future__ import annotations

import time
from dataclasses import dataclass
from threading import Lock
from typing import TYPE_CHECKING, Final
from weakref import WeakKeyDictionary

from hedgerow import audit
from hedgerow.app.clock import now
from hedgerow.audit.records import entry_lines, lines_after
from hedgerow.audit.verification import Verifier

if TYPE_CHECKING:
    from datetime import datetime

    from hedgerow.app.service import Service
    from hedgerow.audit import Verification
    from hedgerow.database import Database

__all__ = ["Progress", "begin_verification", "carry_on", "latest_verification"]

_SLICE_S: Final = 0.5
_LINES: Final = 5_000  # some 150 ms of work, after which the clock is looked at; so many rows are fetched at a time


@dataclass(frozen=True, slots=True)
class Progress:
    """How far a verification is.

    Attributes:
        actor: Who began it.
        begun_at: When.
        reached: The number of the last entry that holds so far.
        of: The number of the latest entry there is.
        found: What came of it; None while it is under way.
        ended_at: When it ended; None as well.
    """

    actor: str
    begun_at: datetime
    reached: int
    of: int
    found: Verification | None = None
    ended_at: datetime | None = None


class _Run:
    def __init__(self, service: Service, actor: str) -> None:
        from hedgerow.audit.keys import FOLDER, known_public_keys

        with service.database.read() as connection:
            checkpoints = audit.list_checkpoints(connection)
            head = audit.read_head(connection)
            header = next(entry_lines(connection))
        self._verifier = Verifier(checkpoints, known_public_keys(service.settings.data / FOLDER))
        self._verifier.begin(header)
        self._lock = Lock()
        self.progress = Progress(actor, now(), 0, head.sequence)

    def carry_on(self, database: Database) -> Progress:
        """Do half a second of it, unless somebody else is just doing that."""
        if not self._lock.acquire(blocking=False):
            return self.progress
        try:
            if self.progress.found is None:
                self.progress = self._slice(database)
        finally:
            self._lock.release()
        return self.progress

    def _slice(self, database: Database) -> Progress:
        said, verifier = self.progress, self._verifier
        until = time.monotonic() + _SLICE_S
        with database.read() as connection:
            head = audit.read_head(connection)
            lines = lines_after(connection, verifier.last)
            try:
                while verifier.follow(lines, _LINES):
                    if time.monotonic() > until:
                        return Progress(said.actor, said.begun_at, verifier.last, head.sequence)
            finally:
                lines.close()
        verifier.finish(head)
        return Progress(said.actor, said.begun_at, verifier.last, head.sequence, verifier.result(), now())


_runs: WeakKeyDictionary[Database, _Run] = WeakKeyDictionary()


def begin_verification(service: Service, *, actor: str) -> Progress:
    """Begin to verify the chain, unless that is under way, and do the first half second of it."""
    run = _runs.get(service.database)
    if run is None or run.progress.found is not None:
        run = _runs[service.database] = _Run(service, actor)
    return run.carry_on(service.database)


def carry_on(service: Service) -> Progress | None:
    """Do the next half second; None where nobody has begun."""
    run = _runs.get(service.database)
    return None if run is None else run.carry_on(service.database)


def latest_verification(service: Service) -> Progress | None:
    """Return how far the latest verification is, or what came of it; None where there was none."""
    run = _runs.get(service.database)
    return None if run is None else run.progress
