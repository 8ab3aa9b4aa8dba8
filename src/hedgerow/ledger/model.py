"""The nouns of the ledger: a row of it, a look-back, and the right to work on one."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from datetime import datetime

    from hedgerow.hashing.signal import Signal

__all__ = ["LedgerRow", "LookBack", "LookBackClaim", "LookBackState"]


class LookBackState(StrEnum):
    """How far a look-back is."""

    WAITING = "waiting"
    """Nobody has begun."""
    RUNNING = "running"
    """Somebody works on it, or has until the lease ran out; then the next one goes on."""
    DONE = "done"
    """All of the ledger was looked up."""
    STOPPED = "stopped"
    """A person stopped it, or it could not go on; `LookBack.last_error` says why."""


@dataclass(frozen=True, slots=True)
class LedgerRow:
    """The signals of one submission.

    Attributes:
        id: Its number, in the order in which submissions became visible to look-backs.
        submission_id: Whose they are.
        signals: What was looked up, in the order of preference; None where the row cannot be read.
    """

    id: int
    submission_id: int
    signals: tuple[Signal, ...] | None = field(repr=False)


@dataclass(frozen=True, slots=True)
class LookBack:
    """A search of the ledger for entries of a bank.

    Attributes:
        id: Its number, never given out twice.
        bank_id: The bank.
        entry_ids: Which of its entries; None for all, or for those that `since_sequence` tells.
        since_sequence: Only entries that were added after this number of the bank's changes; None for every one.
        until_sequence: And up to this one, which is taken when the look-back starts.
        state: How far it is.
        requested_by: Who asked.
        requested_at: When.
        started_at: When it was first worked on.
        ended_at: When it was done or stopped.
        cursor: The last ledger row that was looked up.
        until_id: The last that is to be: what came later was screened with the entries known. None before the start.
        total: Rows that were to be looked up when it started; None before.
        checked: Rows that were looked up; less than `total` in the end where rows went over their time meanwhile.
        unreadable: Rows that could not be read, and are not among those checked.
        found: Submissions for which it found something new.
        attempts: How often it was taken up since it last made progress.
        last_error: The kind of trouble it last had, in a word.
    """

    id: int
    bank_id: int
    entry_ids: tuple[int, ...] | None
    since_sequence: int | None
    until_sequence: int | None
    state: LookBackState
    requested_by: str
    requested_at: datetime
    started_at: datetime | None
    ended_at: datetime | None
    cursor: int
    until_id: int | None
    total: int | None
    checked: int
    unreadable: int
    found: int
    attempts: int
    last_error: str | None

    @property
    def is_automatic(self) -> bool:
        """Whether nobody asked: it collects what is new in the bank."""
        return self.since_sequence is not None

    @property
    def has_ended(self) -> bool:
        """Whether nothing more will come of it."""
        return self.state in {LookBackState.DONE, LookBackState.STOPPED}


@dataclass(frozen=True, slots=True)
class LookBackClaim:
    """A look-back that is ours to work on until the lease ends.

    Attributes:
        look_back: As it stood when it was taken, or at the last progress.
        token: Only who holds it may write what was found.
        lease_until: After this another may go on.
    """

    look_back: LookBack
    token: str = field(repr=False)
    lease_until: datetime
