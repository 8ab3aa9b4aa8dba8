"""How somebody wants the pages: the language, and the keys. First argument: an open connection; the caller commits.

Nobody's right depends on it, so that it leaves no audit line.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

from sqlalchemy import insert, select, update

from hedgerow.accounts.tables import user_preferences
from hedgerow.errors import InvalidPreference

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

    from sqlalchemy import Connection

__all__ = ["Preferences", "preferences_of", "save_preferences"]

_MOST_KEYS: Final = 100
_LONGEST_LANGUAGE: Final = 10
_LONGEST_COMMAND: Final = 40


@dataclass(frozen=True, slots=True)
class Preferences:
    """How somebody wants the pages.

    Attributes:
        language: Its tag (RFC 5646), ``es``; None takes what the browser asks for.
        uses_keys: Whether single keys do anything at all (WCAG 2.2, 2.1.4: they can be turned off).
        keys: By the name of a command, the key that stands for it where that is not the usual one: a single character.
    """

    language: str | None = None
    uses_keys: bool = True
    keys: Mapping[str, str] = field(default_factory=dict)


def preferences_of(connection: Connection, user_id: int) -> Preferences:
    """Return how somebody wants the pages; the defaults where that was never said."""
    row = connection.execute(select(user_preferences).where(user_preferences.c.user_id == user_id)).first()
    return Preferences() if row is None else Preferences(row.language, row.uses_keys, json.loads(row.keys))


def save_preferences(connection: Connection, user_id: int, said: Preferences, *, now: datetime) -> None:
    """Keep how somebody wants the pages.

    Raises:
        InvalidPreference: A key is no single character that can be typed, or stands for two commands.
    """
    _check(said)
    values = {
        "language": said.language,
        "uses_keys": said.uses_keys,
        "keys": json.dumps(dict(sorted(said.keys.items()))),
        "saved_at": now,
    }
    own = user_preferences.c.user_id == user_id
    if connection.execute(update(user_preferences).where(own).values(values)).rowcount == 0:
        connection.execute(insert(user_preferences).values(user_id=user_id, **values))


def _check(said: Preferences) -> None:
    if said.language is not None and not 1 <= len(said.language) <= _LONGEST_LANGUAGE:
        raise InvalidPreference("there is no such language")
    if len(said.keys) > _MOST_KEYS or any(len(each) > _LONGEST_COMMAND for each in said.keys):
        raise InvalidPreference("there are no such commands")
    for key in said.keys.values():
        if len(key) != 1 or not key.isprintable() or key.isspace():
            raise InvalidPreference("a key is a single character")
    if len(set(said.keys.values())) != len(said.keys):
        raise InvalidPreference("one key cannot stand for two commands")
