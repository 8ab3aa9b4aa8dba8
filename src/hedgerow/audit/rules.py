"""What may stand in an entry. Nothing here knows a database or a clock.

The rules:

1. An actor is a word, or a word and an id: ``user:3``, ``key:5``, ``exchange:partner``, ``system``, ``cli``.
2. An action is two or three words with dots between: the room's noun, then what happened: ``case.opened``,
   ``login.failed``, ``audit.key_rotated``.
3. A subject has a type, which is a word, and an id, which may be any text; no id where there is but one of its type.
4. Details are a small object: words as names; true, false, null, numbers, short texts, and lists of these as values.
   Nothing is nested deeper, so that nobody is tempted to keep content here.
5. Every text can be written as UTF-8 and holds no NUL, which PostgreSQL cannot store.
6. Whole numbers fit JSON's common range (±2⁵³), fractions are finite.
7. A time has a zone.

That details hold no signal's value, no name of a person, no content and no secret, no rule can tell: whoever appends
sees to it.
"""

from __future__ import annotations

import json
import math
import re
from typing import TYPE_CHECKING, Final

from hedgerow.errors import InvalidAuditEntry

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import datetime

    Scalar = str | int | float | bool | None
    Details = Mapping[str, Scalar | Sequence[Scalar]]

__all__ = [
    "ACTION_LENGTH",
    "ACTOR_LENGTH",
    "DETAILS_BYTES",
    "SUBJECT_ID_LENGTH",
    "SUBJECT_TYPE_LENGTH",
    "canonical_json",
    "check_action",
    "check_actor",
    "check_details",
    "check_subject",
    "check_time",
]

ACTOR_LENGTH: Final = 160
ACTION_LENGTH: Final = 80
SUBJECT_TYPE_LENGTH: Final = 40
SUBJECT_ID_LENGTH: Final = 255

# A hundred ids of 19 digits take 2 kB, and everything else that we record less than 1 kB. An entry is written inside
# the transaction of what it records and kept for ever: at this size a million of the largest are 4 GB.
DETAILS_BYTES: Final = 4096
_TEXT_LENGTH = 500  # a reason in a person's words; longer texts belong into a row of their own
_LIST_LENGTH = 200
_LARGEST_INTEGER = 2**53 - 1  # RFC 8259, section 6: beyond it readers disagree

# Made once: json.dumps makes one for each call that asks for anything special.
_ENCODER = json.JSONEncoder(sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False)

_ACTOR = re.compile(r"[a-z][a-z_]{0,31}(?::[A-Za-z0-9][A-Za-z0-9._-]{0,126})?")
_ACTION = re.compile(r"[a-z][a-z0-9_]*(?:\.[a-z][a-z0-9_]*){1,2}")
_WORD = re.compile(r"[a-z][a-z0-9_]{0,39}")


def check_actor(actor: str) -> str:
    """Return the actor as it is, or raise InvalidAuditEntry."""
    if not _ACTOR.fullmatch(actor):
        raise InvalidAuditEntry("an actor is a word, or a word and an id such as user:3")
    return actor


def check_action(action: str) -> str:
    """Return the action as it is, or raise InvalidAuditEntry."""
    if not _ACTION.fullmatch(action) or len(action) > ACTION_LENGTH:
        raise InvalidAuditEntry("an action is two or three words with dots between, such as case.opened")
    return action


def check_subject(subject_type: str, subject_id: str | int | None) -> tuple[str, str | None]:
    """Return type and id as they are stored, or raise InvalidAuditEntry.

    >>> check_subject("case", 17)
    ('case', '17')
    """
    if not _WORD.fullmatch(subject_type):
        raise InvalidAuditEntry("the type of a subject is a word, such as case")
    if subject_id is None:
        return subject_type, None
    text = str(subject_id)
    if not 1 <= len(text) <= SUBJECT_ID_LENGTH or not _is_plain(text):
        raise InvalidAuditEntry(f"the id of a subject is a text of 1 to {SUBJECT_ID_LENGTH} characters")
    return subject_type, text


def check_time(at: datetime) -> datetime:
    """Return the time as it is, or raise InvalidAuditEntry."""
    if at.tzinfo is None:
        raise InvalidAuditEntry("its time has no zone")
    return at


def check_details(details: Details) -> str:
    """Return the details as canonical JSON, or raise InvalidAuditEntry.

    >>> check_details({"reviewers": [3, 5], "queue": "near"})
    '{"queue":"near","reviewers":[3,5]}'
    """
    for name, value in details.items():
        if not _WORD.fullmatch(name):
            raise InvalidAuditEntry("the names of its details are words of up to 40 small letters, digits and _")
        if isinstance(value, list | tuple):
            if len(value) > _LIST_LENGTH or not all(_is_scalar(each) for each in value):
                raise InvalidAuditEntry(
                    f"the list {name} has more than {_LIST_LENGTH} members, or some that are too large"
                )
        elif not _is_scalar(value):
            raise InvalidAuditEntry(f"the value of {name} is no short text, number, truth value or list of these")
    text = canonical_json(dict(details))
    size_bytes = len(text.encode())
    if size_bytes > DETAILS_BYTES:
        raise InvalidAuditEntry(f"its details take {size_bytes} bytes; the limit is {DETAILS_BYTES}")
    return text


def canonical_json(value: object) -> str:
    """Write JSON the one way that is hashed: names sorted, no spaces, other than ASCII as it is.

    >>> canonical_json({"b": [1, None], "a": "é"})
    '{"a":"é","b":[1,null]}'
    """
    return _ENCODER.encode(value)


def _is_scalar(value: object) -> bool:
    if value is None or isinstance(value, bool):
        return True
    if isinstance(value, int):
        return abs(value) <= _LARGEST_INTEGER
    if isinstance(value, float):
        return math.isfinite(value)
    return isinstance(value, str) and len(value) <= _TEXT_LENGTH and _is_plain(value)


def _is_plain(text: str) -> bool:
    """Tell whether a text can be stored and hashed: no NUL, no half of a surrogate pair."""
    return "\0" not in text and not any("\ud800" <= character <= "\udfff" for character in text)
