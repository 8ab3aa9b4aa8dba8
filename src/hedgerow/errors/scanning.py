"""The branch of scanning: a scan as a whole (a single file that cannot be checked is no error but a result)."""

from __future__ import annotations

from hedgerow.errors.root import HedgerowError

__all__ = ["JournalBusy", "NothingToScan", "ReportUnwritable", "ScanError"]


class ScanError(HedgerowError):
    """Something about a scan as a whole (a single file that cannot be checked is no error but a result)."""

    reason = "scan"


class NothingToScan(ScanError):
    """A path that does not exist.

    Args:
        path: The path, as it was given.
    """

    reason = "nothing_to_scan"

    def __init__(self, path: str) -> None:
        self.path = path
        super().__init__(f"There is nothing at {path!r}.")


class JournalBusy(ScanError):
    """Another scan holds the same journal."""

    reason = "journal_busy"

    def __init__(self) -> None:
        super().__init__("The same scan is running already.")


class ReportUnwritable(ScanError):
    """The report cannot be written, or its format is not installed.

    Args:
        problem: What to do about it.
    """

    reason = "report_unwritable"

    def __init__(self, problem: str) -> None:
        self.problem = problem
        super().__init__(f"The report cannot be written: {problem}.")
