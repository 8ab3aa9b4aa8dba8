"""Rows of the table that are no signals, whatever wrote them: kept out of every index, listed, never fatal.

The tables refuse malformed rows; but a check can be switched off, dropped or lost with a disk. What follows from such a
row is that it matches nothing. It never stops the rows beside it.
"""

from __future__ import annotations

import logging
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

__all__ = [
    "TYPE_REASON",
    "UNKNOWN_TYPE",
    "Quarantine",
    "Quarantined",
    "by_reason",
    "from_groups",
    "listed",
    "why_length_is_malformed",
]

_log = logging.getLogger(__name__)

UNKNOWN_TYPE: Final = "unknown"
"""Stands for a signal type that is none: what a row says instead may be anything, and is not repeated."""
TYPE_REASON: Final = "its signal type is unknown"


@dataclass(frozen=True, slots=True)
class Quarantined:
    """A row that is kept out of the index.

    Attributes:
        entry: Its id.
        bank_id: Its bank's number.
        bank: Its bank's name.
        type: Its signal type; ``unknown`` for one that is none.
        reason: What is wrong with it, without the value.
    """

    entry: int
    bank_id: int
    bank: str
    type: str
    reason: str


class Quarantine:
    """The malformed rows of one index, or of one bank. Each is logged once.

    One thread changes it at a time; what `reasons` returns never changes.
    """

    def __init__(self, bank_id: int) -> None:
        self._bank_id = bank_id
        self._reasons: Mapping[int, str] = {}
        self._logged: set[int] = set()

    @property
    def reasons(self) -> Mapping[int, str]:
        """What is wrong, by entry."""
        return self._reasons

    def __len__(self) -> int:
        return len(self._reasons)

    def replace(self, reasons: Mapping[int, str]) -> None:
        """Hold these rows and no others."""
        for entry in reasons.keys() - self._logged:
            _log.warning("Entry %d of bank %d is malformed and kept out of the index.", entry, self._bank_id)
        self._logged |= reasons.keys()
        self._reasons = dict(reasons)

    def change(self, malformed: Mapping[int, str], released: Iterable[int]) -> None:
        """Take rows in, and let others go: they were repaired or withdrawn."""
        gone = self._reasons.keys() & set(released) if self._reasons else set()
        if malformed or gone:
            self.replace({entry: why for entry, why in self._reasons.items() if entry not in gone} | dict(malformed))
            self._logged -= gone


def why_length_is_malformed(size_bytes: int, wanted_bytes: int) -> str | None:
    """Say why a signal is malformed by its length; None when it is not.

    >>> why_length_is_malformed(0, 32)
    'its signal has 0 bytes where 32 belong'
    """
    return None if size_bytes == wanted_bytes else f"its signal has {size_bytes} bytes where {wanted_bytes} belong"


def listed(bank_id: int, bank: str, name: str, reasons: Mapping[int, str]) -> list[Quarantined]:
    """Name the rows by entry."""
    return [Quarantined(entry, bank_id, bank, name, reasons[entry]) for entry in sorted(reasons)]


def by_reason(reasons: Mapping[int, str]) -> dict[str, list[int]]:
    """Group entries by what is wrong with them: so they are kept beside a snapshot."""
    grouped: dict[str, list[int]] = {}
    for entry, reason in reasons.items():
        grouped.setdefault(reason, []).append(entry)
    return grouped


def from_groups(grouped: object) -> dict[int, str] | None:
    """Read what `by_reason` made; None where it is something else."""
    if not isinstance(grouped, dict):
        return None
    reasons: dict[int, str] = {}
    for reason, ids in grouped.items():
        if not isinstance(ids, list) or not all(isinstance(entry, int) for entry in ids):
            return None
        reasons |= dict.fromkeys(ids, reason)
    return reasons
