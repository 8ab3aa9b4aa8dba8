"""What there is to know about the indexes of a running process, for those who watch it."""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ["IndexHealth", "IndexState"]


@dataclass(frozen=True, slots=True)
class IndexState:
    """One loaded index.

    Attributes:
        bank_id: Its bank's number.
        bank: Its bank's name.
        type: Its signal type.
        rows: Rows in it: entries, or frames.
        sequence: The number of the latest change that it holds.
        is_saved: Whether there is a snapshot of it, which small banks need not have.
        unsaved_changes: How many changes that snapshot lacks, or that were taken in since it was loaded.
        quarantined: Malformed rows that are kept out of it.
    """

    bank_id: int
    bank: str
    type: str
    rows: int
    sequence: int
    is_saved: bool
    unsaved_changes: int
    quarantined: int


@dataclass(frozen=True, slots=True)
class IndexHealth:
    """How the indexes of a process stand to the database.

    Attributes:
        indexes: The loaded ones by bank and type.
        banks: How many enabled banks there are.
        loading: How many indexes are wanted and not loaded yet; their banks are searched once they are.
        sequence: The latest change that was taken in; None before anything was loaded.
        latest_sequence: The latest change in the database; None when it cannot be asked.
        is_same_history: Whether both numbers count the same history: not after a backup was restored.
        refreshed_age_s: Seconds since changes were last asked for with success; None when they never were.
        quarantined: Malformed rows, those of unknown types included.
        error: The kind of error by which the latest refresh failed, a word for programs; None when it did not.
    """

    indexes: tuple[IndexState, ...]
    banks: int
    loading: int
    sequence: int | None
    latest_sequence: int | None
    is_same_history: bool
    refreshed_age_s: float | None
    quarantined: int
    error: str | None

    @property
    def lag(self) -> int | None:
        """How many changes are not taken in yet; None when that is not known."""
        if self.sequence is None or self.latest_sequence is None or not self.is_same_history:
            return None
        return max(0, self.latest_sequence - self.sequence)
