"""The branch of hma: what HMA keeps beside the banks, and the door that speaks its interface."""

from __future__ import annotations

from hedgerow.errors.root import HedgerowError

__all__ = [
    "ContentNotFound",
    "HmaError",
    "HmaUnreadable",
    "InvalidContent",
    "ResetRefused",
    "ThreatexchangeMissing",
]


class HmaError(HedgerowError):
    """What HMA keeps beside the banks, and the door that speaks its interface."""

    reason = "hma"


class ContentNotFound(HmaError):
    """There is no such content in this bank.

    Args:
        content_id: Its number, as it was asked for.
    """

    reason = "content_not_found"

    def __init__(self, content_id: int) -> None:
        self.content_id = content_id
        super().__init__(f"content '{content_id}' not found")


class InvalidContent(HmaError):
    """What was said about a bank or a content does not fit; worded as HMA does where HMA says it too.

    Args:
        problem: What does not fit, without a signal's value.
    """

    reason = "invalid_content"

    def __init__(self, problem: str) -> None:
        self.problem = problem
        super().__init__(problem)


class ResetRefused(HmaError):
    """A factory reset where there is something to lose."""

    reason = "reset_refused"

    def __init__(self) -> None:
        super().__init__("This data folder holds submissions or cases: it is not emptied. Use a folder of its own.")


class HmaUnreadable(HmaError):
    """An HMA that banks were to be taken from cannot be read.

    Args:
        problem: What stands against it, without an address.
    """

    reason = "hma_unreadable"

    def __init__(self, problem: str) -> None:
        self.problem = problem
        super().__init__(f"The HMA cannot be read: {problem}.")


class ThreatexchangeMissing(HmaError):
    """The package python-threatexchange is not installed."""

    reason = "threatexchange_missing"

    def __init__(self) -> None:
        super().__init__("The package threatexchange is not installed here: run `pip install threatexchange`.")
