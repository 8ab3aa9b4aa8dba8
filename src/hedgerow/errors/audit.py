"""The branch of audit: something about the audit chain."""

from __future__ import annotations

from hedgerow.errors.root import HedgerowError

__all__ = [
    "AuditEntryNotFound",
    "AuditError",
    "AuditFileUnreadable",
    "AuditKeyMissing",
    "InvalidAuditEntry",
    "SigningSupportMissing",
]


class AuditError(HedgerowError):
    """Something about the audit chain."""

    reason = "audit"


class InvalidAuditEntry(AuditError):
    """What was to be recorded does not fit an entry.

    Args:
        problem: What is wrong with it, without repeating its values.
    """

    reason = "invalid_audit_entry"

    def __init__(self, problem: str) -> None:
        self.problem = problem
        super().__init__(f"This cannot be recorded: {problem}.")


class AuditEntryNotFound(AuditError):
    """The chain does not reach that far.

    Args:
        entry: The sequence that was asked for.
    """

    reason = "audit_entry_not_found"

    def __init__(self, entry: int | str) -> None:
        self.entry = entry
        super().__init__(f"The audit chain has no entry {entry}.")


class AuditFileUnreadable(AuditError):
    """No checkpoint or no public key where one was expected.

    Args:
        problem: What was expected, and what was found.
    """

    reason = "audit_file_unreadable"

    def __init__(self, problem: str) -> None:
        self.problem = problem
        super().__init__(f"Nothing was verified: {problem}.")


class AuditKeyMissing(AuditError):
    """The key that signs is not in the data folder.

    Args:
        key_id: Its id.
    """

    reason = "audit_key_missing"

    def __init__(self, key_id: str) -> None:
        self.key_id = key_id
        super().__init__(
            f"The private key {key_id} is not in the data folder: bring it back from its backup, or make a new one "
            "with `hedgerow audit key --rotate --lost`."
        )


class SigningSupportMissing(AuditError):
    """What signs and checks signatures is not installed."""

    reason = "signing_support_missing"

    def __init__(self) -> None:
        super().__init__(
            "Signatures are made and checked with cryptography, which is not installed: run "
            "`pip install 'hedgerow[server]'`."
        )
