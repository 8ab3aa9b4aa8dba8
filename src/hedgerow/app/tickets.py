"""Tickets: what a browser keeps for us between two steps of a login, which it can neither read nor change.

A ticket is JSON sealed with the service key (AES-256-GCM), bound to its purpose, and worth nothing after its time.
Nothing of a login that was only begun is stored, so that nobody fills a table by beginning logins.
"""

from __future__ import annotations

import base64
import binascii
import json
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any, Final

from hedgerow.errors import SealBroken

if TYPE_CHECKING:
    from hedgerow.database.sealing import ServiceKeys

__all__ = ["open_ticket", "seal_ticket"]

# A browser sends no cookie above 4,096 bytes.
_LONGEST: Final = 4_096


def seal_ticket(keys: ServiceKeys, purpose: str, said: dict[str, Any], *, lifetime_s: float, at: datetime) -> str:
    """Return a ticket, as text that is safe in a cookie.

    Args:
        keys: The first one seals.
        purpose: A word; the ticket opens for no other.
        said: What it is to remember.
        lifetime_s: For how long.
        at: The present.
    """
    from hedgerow.database.sealing import Place

    until = (at + timedelta(seconds=lifetime_s)).timestamp()
    text = json.dumps([until, said], separators=(",", ":")).encode()
    return base64.urlsafe_b64encode(keys.seal(text, Place("tickets", purpose, 0))).rstrip(b"=").decode()


def open_ticket(keys: ServiceKeys, purpose: str, ticket: str, *, at: datetime) -> dict[str, Any] | None:
    """Return what a ticket remembers; None for one that is none of ours, was altered, or is over.

    Args:
        keys: Those that may have sealed it.
        purpose: What it was sealed for.
        ticket: As the browser sent it.
        at: The present.
    """
    from hedgerow.database.sealing import Place

    if not ticket or len(ticket) > _LONGEST or not ticket.isascii():
        return None
    try:
        sealed = base64.urlsafe_b64decode(ticket + "=" * (-len(ticket) % 4))
        until, said = json.loads(keys.open(sealed, Place("tickets", purpose, 0)))
    except (binascii.Error, SealBroken):
        return None
    return said if at < datetime.fromtimestamp(until, UTC) else None
