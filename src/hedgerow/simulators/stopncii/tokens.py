"""Page tokens: opaque, sealed, bound to their set, and soon ended."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import secrets
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from datetime import datetime, timedelta

__all__ = ["Place", "TokenRefused", "Tokens"]

_SEAL_CHARACTERS: Final = 32


class TokenRefused(ValueError):
    """A token that leads nowhere; its text says why."""


@dataclass(frozen=True, slots=True)
class Place:
    """Where a caller stands in a set.

    Attributes:
        start: Since when the set's records changed, in seconds since 1970.
        newest: When the newest record had changed as the set was opened.
        after: Behind which record to go on, as the store orders them; None before the first.
    """

    start: int
    newest: int
    after: tuple[int, str] | None = None


class Tokens:
    """Give tokens out and read them back.

    Args:
        life: For how long one can be used. How long it is in life is not documented; "short".
    """

    def __init__(self, life: timedelta) -> None:
        self._life = life
        self._secret = secrets.token_bytes(32)
        self._round = 0

    def end(self) -> None:
        """Let every token end that was given out so far."""
        self._round += 1

    def give(self, place: Place, now: datetime) -> str:
        """Return a token that leads to a place. It looks as the real ones do: base64 of JSON, beginning ``W3si``."""
        told = json.dumps([place.start, place.newest, place.after, now.timestamp(), self._round])
        text = f"{self._seal(told)}{base64.b64encode(told.encode()).decode()}"
        return base64.b64encode(f'[{{"compositeToken":{{"token":"{text}"}}}}]'.encode()).decode()

    def read(self, token: str, start: int, now: datetime) -> Place:
        """Return the place that a token leads to.

        Raises:
            TokenRefused: It is none of ours, belongs to another set, or has ended.
        """
        try:
            text = json.loads(base64.b64decode(token, validate=True))[0]["compositeToken"]["token"]
            seal, told = text[:_SEAL_CHARACTERS], base64.b64decode(text[_SEAL_CHARACTERS:], validate=True).decode()
        except (ValueError, RecursionError, LookupError, TypeError):
            raise TokenRefused("the page token is none") from None
        if not hmac.compare_digest(seal.encode(), self._seal(told).encode()):
            raise TokenRefused("the page token is none")
        of, newest, after, given_at, token_round = json.loads(told)
        if of != start:
            raise TokenRefused("the page token belongs to another startTimestamp")
        if token_round != self._round or now.timestamp() - given_at > self._life.total_seconds():
            raise TokenRefused("the page token has ended")
        return Place(of, newest, None if after is None else (after[0], after[1]))

    def _seal(self, told: str) -> str:
        return hmac.new(self._secret, told.encode(), hashlib.sha256).hexdigest()[:_SEAL_CHARACTERS]
