"""Pages of a list, and types that several routes share."""

from __future__ import annotations

import base64
import binascii
import json
from typing import TYPE_CHECKING, Annotated, Any, Final, Generic, TypeVar

from fastapi import Path, Query
from pydantic import BaseModel, ConfigDict, Field

from hedgerow.errors import InvalidRequest, PersonNeeded

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from hedgerow.web.callers import Caller

__all__ = [
    "LARGEST_ID",
    "USUAL",
    "BankName",
    "CaseNumber",
    "Cursor",
    "In",
    "Limit",
    "Number",
    "Out",
    "Page",
    "Text",
    "id_after",
    "paged",
    "person_of",
    "read_cursor",
    "write_cursor",
]

LARGEST_ID: Final = 2**63 - 1
USUAL: Final = 50
_MOST: Final = 500
"""Items of one page: some 200 kB of JSON, and some milliseconds of work."""

Limit = Annotated[int, Query(ge=1, le=_MOST, description="Most items of the page.")]
Cursor = Annotated[
    str | None,
    Query(
        max_length=500,
        pattern=r"^[A-Za-z0-9_=-]*$",
        description="The `next` of the page before; without it the first page.",
    ),
]
Number = Annotated[int, Path(ge=1, le=LARGEST_ID, description="Its number.")]
BankName = Annotated[
    str,
    Path(
        min_length=1,
        max_length=100,
        pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]*$",
        description="The name of a bank.",
        examples=["partner"],
    ),
]
CaseNumber = Annotated[
    str,
    Path(pattern=r"^[0-9]{4}-[0-9]{5,12}$", description="What people call the case.", examples=["2026-00417"]),
]
Text = Annotated[str, Field(pattern=r"^[^\x00]*$")]
"""Text without NUL, which PostgreSQL does not keep."""

Item = TypeVar("Item")


class In(BaseModel):
    """What comes in: nothing that is not known."""

    model_config = ConfigDict(extra="forbid")


class Out(BaseModel):
    """What goes out, read from the attributes of what the house calls it: there `id` is what is named here."""

    model_config = ConfigDict(from_attributes=True, populate_by_name=True)


class Page(BaseModel, Generic[Item]):
    """A part of a list."""

    items: list[Item]
    next: str | None = Field(
        description="What to ask with as `cursor` for the next page; null after the last.", examples=[None]
    )


def paged(found: Sequence[Item], limit: int, key: Callable[[Item], Sequence[object]]) -> dict[str, Any]:
    """Return a page of what was found.

    Args:
        found: The items, one more than the page has where there is another page.
        limit: Most items of the page.
        key: What tells where an item stands in the list.
    """
    items = list(found[:limit])
    return {"items": items, "next": write_cursor(*key(items[-1])) if len(found) > limit else None}


def write_cursor(*parts: object) -> str:
    """Write where a page ends; nobody else need read it.

    >>> read_cursor(write_cursor(3, "a"), int, str)
    (3, 'a')
    """
    return base64.urlsafe_b64encode(json.dumps(parts, separators=(",", ":")).encode()).decode().rstrip("=")


def read_cursor(text: str, *kinds: type) -> tuple[Any, ...]:
    """Read what `write_cursor` wrote.

    Raises:
        InvalidRequest: It is none of ours, or of another list.
    """
    try:
        parts = json.loads(base64.urlsafe_b64decode(text + "=" * (-len(text) % 4)))
    except (binascii.Error, ValueError, RecursionError):
        parts = None
    if not isinstance(parts, list) or len(parts) != len(kinds) or not all(map(_fits, parts, kinds)):
        raise InvalidRequest("the cursor is none of this list")
    return tuple(parts)


def _fits(part: object, kind: type) -> bool:
    if kind is int:
        return type(part) is int and 0 <= part <= LARGEST_ID
    return type(part) is kind and "\0" not in str(part)


def id_after(cursor: str | None) -> int:
    """Return the number after which a page begins, of a list by numbers."""
    return 0 if cursor is None else int(read_cursor(cursor, int)[0])


def person_of(caller: Caller) -> int:
    """Return the person who asks.

    Raises:
        PersonNeeded: It is a program.
    """
    if caller.user_id is None:
        raise PersonNeeded
    return caller.user_id
