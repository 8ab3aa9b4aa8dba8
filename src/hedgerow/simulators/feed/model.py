"""What a shared list holds, and who may read it."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, Final

__all__ = [
    "FORMAT",
    "OPINIONS",
    "Cursor",
    "FeedEntry",
    "FeedKey",
    "FeedOpinion",
    "read_cursor",
    "utc_text",
    "write_cursor",
]

FORMAT: Final = "hedgerow-feed/1"
OPINIONS: Final = ("agree", "dispute", "seen", "none")

_CURSOR: Final = re.compile(r"(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d{1,6})?(?:Z|\+00:00)),(\d{1,18})")


@dataclass(frozen=True, slots=True)
class FeedEntry:
    """One entry, as it is after its last change.

    Attributes:
        id: Its number in the list; a restored list may give a number a second time.
        change: The number of its last change, which decides its place.
        updated_at: When it last changed; it never falls as `change` rises.
        is_deleted: Whether only the fact is left that it was there.
        kind: Its signal type.
        value: Its signal.
        quality: 0–100, or None.
        category: What the other side says it is, or None.
        contributor: Who put it in, or None.
        may_redistribute: Whether the reader may pass it on.
        added_at: When it was put in.
    """

    id: int
    change: int
    updated_at: datetime
    is_deleted: bool
    kind: str = ""
    value: str = field(default="", repr=False)
    quality: int | None = None
    category: str | None = None
    contributor: str | None = None
    may_redistribute: bool = False
    added_at: datetime | None = None

    def as_json(self) -> dict[str, Any]:
        """Return it as the feed has it: of a deleted one hardly more than its number."""
        said: dict[str, Any] = {"id": self.id, "updated_at": utc_text(self.updated_at), "deleted": self.is_deleted}
        if self.is_deleted:
            return said
        return said | {
            "type": self.kind,
            "value": self.value,
            "quality": self.quality,
            "category": self.category,
            "contributor": self.contributor,
            "may_redistribute": self.may_redistribute,
            "added_at": None if self.added_at is None else utc_text(self.added_at),
        }


@dataclass(frozen=True, slots=True)
class FeedKey:
    """What a key may do.

    Attributes:
        holder: Whose it is; opinions are kept under this name.
        lists: The lists that it may read; None for all.
        may_state_opinions: Whether it may, about the entries of those lists.
    """

    holder: str
    lists: frozenset[str] | None = None
    may_state_opinions: bool = True

    def may_read(self, name: str) -> bool:
        """Say whether it may read a list."""
        return self.lists is None or name in self.lists


@dataclass(frozen=True, slots=True)
class FeedOpinion:
    """An opinion that was stated.

    Attributes:
        list_name: The list.
        entry: The number of the entry.
        holder: Whose key it was.
        opinion: One of ``agree``, ``dispute``, ``seen`` and ``none``, which takes an earlier one back.
        reason: Why, or None.
        stated_at: When.
    """

    list_name: str
    entry: int
    holder: str
    opinion: str
    reason: str | None = field(repr=False)
    stated_at: datetime


@dataclass(frozen=True, slots=True)
class Cursor:
    """A place in a list: after this change.

    Attributes:
        at: When the change was made; it decides nothing.
        change: Its number.
    """

    at: datetime
    change: int


def utc_text(moment: datetime) -> str:
    """Write a time as the feed has it; fractions of a second only where there are any.

    >>> utc_text(datetime(2026, 11, 22, 12, 0, 0, 500000, tzinfo=UTC))
    '2026-11-22T12:00:00.500000Z'
    """
    return f"{moment.astimezone(UTC).replace(tzinfo=None).isoformat()}Z"


def write_cursor(cursor: Cursor) -> str:
    """Write a place as text.

    >>> write_cursor(Cursor(datetime(2026, 11, 22, 12, 0, tzinfo=UTC), 7))
    '2026-11-22T12:00:00Z,7'
    """
    return f"{utc_text(cursor.at)},{cursor.change}"


def read_cursor(text: str) -> Cursor | None:
    """Read a place; None where it is none.

    >>> read_cursor("2026-11-22T12:00:00Z,7").change
    7
    >>> read_cursor("7") is None
    True
    """
    found = _CURSOR.fullmatch(text)
    if found is None:
        return None
    try:
        return Cursor(datetime.fromisoformat(found[1]), int(found[2]))
    except ValueError:
        return None
