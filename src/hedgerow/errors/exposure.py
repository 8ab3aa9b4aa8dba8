"""The branch of exposure: somebody is kept from looking, for their own sake."""

from __future__ import annotations

from hedgerow.errors.root import HedgerowError

__all__ = ["BreakDue", "CapReached", "ExposureError", "LimitRefused", "OptedOut"]


class ExposureError(HedgerowError):
    """Somebody is kept from looking, for their own sake."""

    reason = "exposure"


class CapReached(ExposureError):
    """As much was looked at in 24 hours as this person looks at in 24 hours.

    Args:
        looks: How many looks there were.
        cap: How many there may be.
        again_at: When the next one is possible, in ISO 8601.
    """

    reason = "cap_reached"

    def __init__(self, looks: int, cap: int, again_at: str) -> None:
        self.looks = looks
        self.cap = cap
        self.again_at = again_at
        super().__init__(
            f"That was enough for today: {looks} looks in 24 hours, of {cap}. Nothing is shown; cases can be decided "
            "without looking, or left to others."
        )


class BreakDue(ExposureError):
    """It is time for a break, or somebody is taking one.

    Args:
        until: When it is over, in ISO 8601.
    """

    reason = "break_due"

    def __init__(self, until: str) -> None:
        self.until = until
        super().__init__("This is a break. Nothing is shown until it is over.")


class OptedOut(ExposureError):
    """It is of a category that this person does not look at, for whatever reason."""

    reason = "opted_out"

    def __init__(self) -> None:
        super().__init__(
            "This is of a category that you chose not to look at. Give the case back: others will take it."
        )


class LimitRefused(ExposureError):
    """A limit that this person cannot set.

    Args:
        problem: Why not.
    """

    reason = "limit_refused"

    def __init__(self, problem: str) -> None:
        self.problem = problem
        super().__init__(f"This limit cannot be set: {problem}.")
