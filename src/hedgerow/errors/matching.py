"""The branch of matching: something about an index."""

from __future__ import annotations

from hedgerow.errors.root import HedgerowError

__all__ = ["DuplicateId", "InvalidQuery", "InvalidThreshold", "MatchingError", "SnapshotDamaged", "SnapshotMissing"]


class MatchingError(HedgerowError):
    """Something about an index."""

    reason = "matching"


class InvalidThreshold(MatchingError):
    """A threshold outside the range that an index serves.

    Args:
        threshold: What was asked for, in bits.
        maximum: The largest that is served, in bits.
    """

    reason = "invalid_threshold"

    def __init__(self, threshold: object, maximum: int) -> None:
        self.threshold = threshold
        self.maximum = maximum
        super().__init__(f"A threshold is a whole number of bits from 0 to {maximum}, not {threshold!r}.")


class InvalidQuery(MatchingError):
    """Queries or rows of the wrong shape or type.

    Args:
        problem: What is wrong with them.
    """

    reason = "invalid_query"

    def __init__(self, problem: str) -> None:
        self.problem = problem
        super().__init__(f"This cannot be looked up or held: {problem}.")


class DuplicateId(MatchingError):
    """An id that the index holds already.

    Args:
        row_id: The id.
    """

    reason = "duplicate_id"

    def __init__(self, row_id: int) -> None:
        self.row_id = row_id
        super().__init__(f"The index holds id {row_id} already.")


class SnapshotMissing(MatchingError):
    """No snapshot where one was expected."""

    reason = "snapshot_missing"

    def __init__(self) -> None:
        super().__init__("There is no index snapshot in that folder.")


class SnapshotDamaged(MatchingError):
    """A snapshot that does not agree with its manifest.

    Args:
        problem: Which part differs, and how.
    """

    reason = "snapshot_damaged"

    def __init__(self, problem: str) -> None:
        self.problem = problem
        super().__init__(f"The index snapshot is damaged and was not used: {problem}.")
