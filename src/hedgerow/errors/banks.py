"""The branch of banks: something about banks."""

from __future__ import annotations

from hedgerow.errors.root import HedgerowError

__all__ = [
    "BankError",
    "BankExists",
    "BankNotFound",
    "EntryNotFound",
    "ImportUnreadable",
    "InvalidBankName",
    "ManifestUnreadable",
    "NoBanks",
    "NotRedistributable",
]


class BankError(HedgerowError):
    """Something about banks."""

    reason = "bank"


class NoBanks(BankError):
    """Nothing to match against: an empty answer would look like a clean one."""

    reason = "no_banks"

    def __init__(self) -> None:
        super().__init__(
            "There is no enabled bank with entries to match against: create one with `hedgerow bank create`."
        )


class BankNotFound(BankError):
    """There is no such bank.

    Args:
        name: What was asked for.
    """

    reason = "bank_not_found"

    def __init__(self, name: str) -> None:
        self.name = name
        super().__init__(f"There is no bank named {name!r}.")


class BankExists(BankError):
    """A bank of that name exists.

    Args:
        name: The name.
    """

    reason = "bank_exists"

    def __init__(self, name: str) -> None:
        self.name = name
        super().__init__(f"There is a bank named {name!r} already.")


class InvalidBankName(BankError):
    """A name that no bank may have.

    Args:
        name: What was asked for.
    """

    reason = "invalid_bank_name"

    def __init__(self, name: str) -> None:
        self.name = name
        super().__init__(
            f"{name!r} is no name for a bank: use 1 to 100 letters, digits, dots, dashes and underscores, "
            "beginning with a letter or digit."
        )


class EntryNotFound(BankError):
    """The bank has no such entry, or it was withdrawn.

    Args:
        bank: The bank's name.
    """

    reason = "entry_not_found"

    def __init__(self, bank: str) -> None:
        self.bank = bank
        super().__init__(f"The bank {bank!r} holds no such entry.")


class ImportUnreadable(BankError):
    """A file in none of the import formats.

    Args:
        problem: What is wrong with it.
    """

    reason = "import_unreadable"

    def __init__(self, problem: str) -> None:
        self.problem = problem
        super().__init__(f"Nothing was imported: {problem}.")


class NotRedistributable(BankError):
    """An export would hold entries that may not be passed on, and nobody said that it stays in the house.

    Args:
        bank: The bank's name.
        entries: How many they are.
    """

    reason = "not_redistributable"

    def __init__(self, bank: str, entries: int) -> None:
        self.bank, self.entries = bank, entries
        super().__init__(
            f"Nothing was exported: of the bank {bank!r}, {entries:,} entries may not be passed on. Ask for "
            "those alone that may be, or say that it is a backup of your own, which does not leave your house."
        )


class ManifestUnreadable(BankError):
    """A file that is no manifest of an export.

    Args:
        problem: What is wrong with it.
    """

    reason = "manifest_unreadable"

    def __init__(self, problem: str) -> None:
        self.problem = problem
        super().__init__(f"Nothing was verified: {problem}.")
