"""The branch of backups: something about a backup."""

from __future__ import annotations

from hedgerow.errors.root import HedgerowError

__all__ = ["BackupError", "BackupUnusable", "BackupUnwritable", "RestoreRefused"]


class BackupError(HedgerowError):
    """Something about a backup."""

    reason = "backup"


class BackupUnusable(BackupError):
    """A file that is no backup, or was damaged; nothing was changed.

    Args:
        problem: What is wrong with it, as the end of a sentence.
    """

    reason = "backup_unusable"

    def __init__(self, problem: str) -> None:
        self.problem = problem
        super().__init__(f"The backup cannot be used, and nothing was restored: {problem}.")


class BackupUnwritable(BackupError):
    """The file cannot be written, or is there already.

    Args:
        problem: Why not, as the end of a sentence.
    """

    reason = "backup_unwritable"

    def __init__(self, problem: str) -> None:
        self.problem = problem
        super().__init__(f"No backup was made: {problem}.")


class RestoreRefused(BackupError):
    """There is something where the backup would go.

    Args:
        problem: What is there, as the end of a sentence.
    """

    reason = "restore_refused"

    def __init__(self, problem: str) -> None:
        self.problem = problem
        super().__init__(f"Nothing was restored: {problem}.")
