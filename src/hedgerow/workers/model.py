"""What a job is, what it is given, and what it needs from whoever runs it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple, Protocol

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime

    from hedgerow.banks import Matcher
    from hedgerow.database import Database
    from hedgerow.database.sealing import ServiceKeys
    from hedgerow.settings import Settings

__all__ = ["Job", "Parts", "Turn", "Wiring", "Work"]


class Wiring(Protocol):
    """What jobs are run on: `hedgerow.app.service.Service` in a serving process, `Parts` in one that only works."""

    @property
    def settings(self) -> Settings:
        """The settings."""

    @property
    def database(self) -> Database:
        """An open database at the latest revision."""

    @property
    def keys(self) -> ServiceKeys:
        """What opens the secrets of endpoints."""

    @property
    def matcher(self) -> Matcher | None:
        """The banks in memory; None where nobody searches them in this process."""


@dataclass(frozen=True, slots=True)
class Parts:
    """The wiring of a process that does nothing but work."""

    settings: Settings
    database: Database
    keys: ServiceKeys
    matcher: Matcher | None = None


@dataclass(frozen=True, slots=True)
class Turn:
    """One turn of a job.

    Attributes:
        now: The clock.
        is_stopping: Asked between two rows: the job leaves the rest then.
        wake: Called from another thread when there is something to do before the next turn.
        is_alone: The job does all of its work before it returns, where it would leave some of it to other threads.
    """

    now: Callable[[], datetime]
    is_stopping: Callable[[], bool] = lambda: False
    wake: Callable[[], None] = lambda: None
    is_alone: bool = True


class Work(Protocol):
    """A job at work."""

    def __call__(self, turn: Turn) -> int:
        """Do what is due, some hundred rows at most, and return how many were done; after any it is called again."""

    def close(self, timeout_s: float) -> bool:
        """End what goes on in other threads; return whether all of it ended in time."""


class Job(NamedTuple):
    """A kind of due work.

    Attributes:
        name: What logs and metrics call it.
        every_s: Seconds between two turns of which the first found nothing more to do.
        begin: Makes the job for some wiring.
    """

    name: str
    every_s: float
    begin: Callable[[Wiring], Work]
