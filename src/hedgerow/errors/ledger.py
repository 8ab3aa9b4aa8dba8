"""The branch of ledger: looking back on what was submitted before."""

from __future__ import annotations

from hedgerow.errors.root import HedgerowError

__all__ = ["InvalidLookBack", "LedgerEmpty", "LedgerError", "LedgerRowUnreadable", "LookBackLost", "LookBackNotFound"]


class LedgerError(HedgerowError):
    """Looking back on what was submitted before."""

    reason = "ledger"


class InvalidLookBack(LedgerError):
    """What is to be looked back for cannot be said so.

    Args:
        problem: What is wrong, without the value.
    """

    reason = "invalid_look_back"

    def __init__(self, problem: str) -> None:
        self.problem = problem
        super().__init__(f"This look-back cannot be asked for: {problem}.")


class LookBackNotFound(LedgerError):
    """There is no look-back of that number.

    Args:
        number: The number.
    """

    reason = "look_back_not_found"

    def __init__(self, number: int) -> None:
        self.number = number
        super().__init__(f"There is no look-back {number}.")


class LookBackLost(LedgerError):
    """Somebody else took over the look-back that we worked on, or stopped it; what we found is not recorded.

    Args:
        number: Its number.
    """

    reason = "look_back_lost"

    def __init__(self, number: int) -> None:
        self.number = number
        super().__init__(f"Look-back {number} was taken over by another process, or stopped.")


class LedgerEmpty(LedgerError):
    """There is nothing to look back on: an empty answer would look like a clean one."""

    reason = "ledger_empty"

    def __init__(self) -> None:
        super().__init__(
            "The ledger is empty: no signals of what was submitted were kept. The setting lookback.enabled keeps them."
        )


class LedgerRowUnreadable(LedgerError):
    """A row of the ledger that cannot be read."""

    reason = "ledger_row_unreadable"

    def __init__(self) -> None:
        super().__init__("A row of the ledger cannot be read.")
