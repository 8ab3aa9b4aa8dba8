"""What this door's records may be, and which matches a client is told of. Nothing here knows a database or a clock.

The rules:

1. A bank that is made here has a name as in HMA: capitals, digits and underscores, none of the digits first. It begins
   with a letter and has at most 100 characters, as every bank here.
2. A ratio is a number from 0 to 1.
3. A content is disabled at 0 for ever, at 1 never, else until then; that lies less than five years ahead.
4. A note has at most 255 characters. Metadata is an object with ``content_id`` (text), ``content_uri`` (text) and
   ``json`` (object), each of which may be missing.
5. A lookup draws one number from 0 to 1, the same for the same seed, or takes 0 where the draw is bypassed. A client is
   told of banks whose ratio reaches it, of contents that are not disabled, and only of banks that it named, if any.
6. A content is told of once, at the least distance of its entries; the nearest first, then by number.
7. An entry goes when the last content that held it is deleted.
"""

from __future__ import annotations

import json
import math
import random
import re
from typing import TYPE_CHECKING, Any, Final

from hedgerow.errors import InvalidContent

if TYPE_CHECKING:
    from collections.abc import Container, Iterable

    from hedgerow.hma.model import HeldBy

__all__ = [
    "DISABLED",
    "ENABLED",
    "FARTHEST_DISABLE_S",
    "LONGEST_NOTE",
    "check_disable_until",
    "check_metadata",
    "check_name",
    "check_note",
    "check_ratio",
    "draw",
    "is_disabled",
    "told_of",
]

DISABLED: Final = 0
ENABLED: Final = 1
FARTHEST_DISABLE_S: Final = 5 * 365 * 24 * 3600
"""Five years: what HMA allows."""
LONGEST_NOTE: Final = 255
"""Characters: the width of HMA's column."""
_LONGEST_METADATA: Final = 65_536
"""Characters: a page of JSON, many times what a platform needs to find its content again."""

_HMA_NAME = re.compile(r"[A-Z_][A-Z0-9_]*")
_OUR_NAME = re.compile(r"[A-Z][A-Z0-9_]{0,99}")
_METADATA_TEXTS = ("content_id", "content_uri")


def check_name(name: str) -> str:
    """Return the name if a bank that is made through this door may have it (rule 1).

    >>> check_name("TEST_BANK_1")
    'TEST_BANK_1'
    >>> check_name("lower")
    Traceback (most recent call last):
    hedgerow.errors.InvalidContent: Bank names must be UPPER_WITH_UNDERSCORE
    """
    if not _HMA_NAME.fullmatch(name):
        raise InvalidContent("Bank names must be UPPER_WITH_UNDERSCORE")
    if not _OUR_NAME.fullmatch(name):
        raise InvalidContent("Bank names must begin with a letter and have at most 100 characters")
    return name


def check_ratio(ratio: float) -> float:
    """Return the ratio if it is one (rule 2)."""
    if not (math.isfinite(ratio) and 0 <= ratio <= 1):
        raise InvalidContent("enabled_ratio must be a number from 0 to 1")
    return ratio


def check_disable_until(value: object, now_s: int) -> int:
    """Return until when a content is disabled (rule 3).

    Args:
        value: A whole number, or a text that is one.
        now_s: Now, in seconds since 1970.

    >>> check_disable_until("0", 1_700_000_000)
    0
    """
    if isinstance(value, str):
        if not re.fullmatch(r"[+-]?[0-9]{1,18}", value):
            raise InvalidContent(f"Invalid int: {value[:40]!r}")
        value = int(value)
    if not isinstance(value, int) or isinstance(value, bool) or value < 0:
        raise InvalidContent("disable_until_ts must be a non-negative integer")
    if value >= now_s + FARTHEST_DISABLE_S:
        raise InvalidContent("disable_until_ts must be less than 5 years in the future")
    return value


def check_note(note: object) -> str | None:
    """Return the note if it is one (rule 4)."""
    if note is None:
        return None
    if not isinstance(note, str):
        raise InvalidContent("note should be a string")
    if len(note) > LONGEST_NOTE:
        raise InvalidContent(f"note must be at most {LONGEST_NOTE} characters")
    return _storable(note, "note")


def check_metadata(metadata: object) -> dict[str, Any] | None:
    """Return the metadata if it is such (rule 4); None where nothing is said.

    >>> check_metadata({"content_id": "17", "collab": {}})
    {'content_id': '17'}
    """
    if metadata is None:
        return None
    if not isinstance(metadata, dict):
        raise InvalidContent("metadata should be a json object")
    said: dict[str, Any] = {}
    for name, value in metadata.items():
        if name == "collab":  # HMA drops what a client says of it
            continue
        if name in _METADATA_TEXTS:
            fits = value is None or isinstance(value, str)
        elif name == "json":
            fits = value is None or isinstance(value, dict)
        else:
            raise InvalidContent(f"Invalid metadata: {str(name)[:60]} is none of content_id, content_uri and json")
        if not fits:
            kind = "an object" if name == "json" else "a text"
            raise InvalidContent(f"Invalid metadata: {name} should be {kind}")
        said[name] = value
    text = json.dumps(said, ensure_ascii=False)
    if len(text) > _LONGEST_METADATA:
        raise InvalidContent(f"Invalid metadata: it has more than {_LONGEST_METADATA} characters")
    _storable(text.replace("\\u0000", "\0"), "metadata")
    return said


def _storable(text: str, name: str) -> str:
    if "\0" in text or any("\ud800" <= character <= "\udfff" for character in text):
        raise InvalidContent(f"{name} holds a character that cannot be stored")
    return text


def draw(seed: str | None, *, is_bypassed: bool) -> float:
    """Draw the number that a bank's ratio must reach (rule 5).

    >>> draw("1234", is_bypassed=False) == draw("1234", is_bypassed=False)
    True
    >>> draw(None, is_bypassed=True)
    0.0
    """
    return 0.0 if is_bypassed else random.Random(seed).random()  # noqa: S311  (a share of requests, no secret)


def is_disabled(disable_until_ts: int, now_s: float) -> bool:
    """Tell whether a content is disabled now (rule 3).

    >>> is_disabled(DISABLED, 50), is_disabled(ENABLED, 50), is_disabled(51, 50), is_disabled(50, 50)
    (True, False, True, False)
    """
    return disable_until_ts == DISABLED or (disable_until_ts != ENABLED and disable_until_ts > now_s)


def told_of(
    found: Iterable[tuple[HeldBy, int, str]],
    *,
    now_s: float,
    drawn: float,
    banks: Container[int] | None,
) -> list[tuple[int, HeldBy, str]]:
    """Choose the contents that a client is told of (rules 5 and 6).

    Args:
        found: The contents of each match, its distance in bits, and the distance as it is written.
        now_s: Now, in seconds since 1970.
        drawn: From `draw`.
        banks: Ids of the banks that the client named; None for all.

    Returns:
        For each content its distance, the content, and the distance as it is written.
    """
    nearest: dict[int, tuple[int, HeldBy, str]] = {}
    for held, distance, text in found:
        if held.content is None or is_disabled(held.disable_until_ts, now_s):
            continue
        if held.enabled_ratio < drawn or (banks is not None and held.bank_id not in banks):
            continue
        before = nearest.get(held.content)
        if before is None or distance < before[0]:
            nearest[held.content] = distance, held, text
    return sorted(nearest.values(), key=lambda each: (each[0], each[1].content))
