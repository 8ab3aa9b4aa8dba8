"""The branch of database: something about the database as a whole."""

from __future__ import annotations

from hedgerow.errors.root import HedgerowError

__all__ = [
    "DatabaseError",
    "DatabaseOutdated",
    "DatabaseTooNew",
    "DatabaseUnavailable",
    "SealBroken",
    "SealingSupportMissing",
    "ServiceKeyUnusable",
]


class DatabaseError(HedgerowError):
    """Something about the database as a whole."""

    reason = "database"


class DatabaseUnavailable(DatabaseError):
    """It cannot be opened or written.

    Args:
        problem: The database's own words, without values.
    """

    reason = "database_unavailable"

    def __init__(self, problem: str) -> None:
        self.problem = problem
        super().__init__(f"The database cannot be used: {problem}.")


class DatabaseTooNew(DatabaseError):
    """A newer Hedgerow wrote it.

    Args:
        revision: The schema revision it carries.
    """

    reason = "database_too_new"

    def __init__(self, revision: str) -> None:
        self.revision = revision
        super().__init__(f"The database has schema {revision}, which this version of Hedgerow does not know: upgrade.")


class DatabaseOutdated(DatabaseError):
    """An older Hedgerow wrote it, and a service changes no schema that nobody asked it to."""

    reason = "database_outdated"

    def __init__(self) -> None:
        super().__init__(
            "The database was written by an older Hedgerow. Make a backup, then start with --migrate to bring it up "
            "to date."
        )


class ServiceKeyUnusable(DatabaseError):
    """The key that seals secrets cannot be read, or is none.

    Args:
        problem: What is wrong with it, without repeating it.
    """

    reason = "service_key_unusable"

    def __init__(self, problem: str) -> None:
        self.problem = problem
        super().__init__(f"The service key cannot be used: {problem}.")


class SealBroken(DatabaseError):
    """A sealed secret does not open at its place with our keys: another key sealed it, or it was altered or moved.

    Args:
        table: The table it stands in.
        column: The column.
        row: The row's id.
    """

    reason = "seal_broken"

    def __init__(self, table: str, column: str, row: int) -> None:
        self.table = table
        self.column = column
        self.row = row
        super().__init__(
            f"The secret in {table}.{column}, row {row}, does not open: bring back the service key that sealed it, "
            "or enter the secret anew."
        )


class SealingSupportMissing(DatabaseError):
    """What seals is not installed."""

    reason = "sealing_support_missing"

    def __init__(self) -> None:
        super().__init__(
            "Secrets are sealed with cryptography, which is not installed: run `pip install 'hedgerow[server]'`."
        )
