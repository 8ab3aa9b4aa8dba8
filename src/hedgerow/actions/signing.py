"""Sign a message, so that who gets it knows who sent it, and that it is not an old one played again.

The scheme is that of the Standard Webhooks specification 1.0, for which there are libraries in most languages. Three
headers travel with the body:

    webhook-id         msg_17               the same at every try: whoever saw it ignores it
    webhook-timestamp  1795350000           seconds since 1970, new at every try
    webhook-signature  v1,<base64>          HMAC-SHA256 of "<id>.<timestamp>.<body>" under the secret

Several signatures, with blanks between them, stand there while a secret is being changed. The secret is written
``whsec_<base64>``. Who verifies must compare in constant time and refuse timestamps more than five minutes off.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import secrets
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Final

from hedgerow.errors import InvalidWebhookSignature

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["InvalidWebhookSignature", "headers", "new_secret", "secret_bytes", "secret_text", "signature", "verify"]

_SECRET_BYTES: Final = 32
"""As long as the digest; the specification asks for 24 to 64."""

_PREFIX: Final = "whsec_"
_TOLERANCE: Final = timedelta(minutes=5)


def new_secret() -> bytes:
    """Return a new random secret."""
    return secrets.token_bytes(_SECRET_BYTES)


def secret_text(secret: bytes) -> str:
    """Return a secret as it is shown and given to libraries."""
    return _PREFIX + base64.b64encode(secret).decode("ascii")


def secret_bytes(text: str) -> bytes:
    """Read a secret as it is shown.

    Raises:
        ValueError: It is none.
    """
    try:
        return base64.b64decode(text.removeprefix(_PREFIX), validate=True)
    except binascii.Error:
        raise ValueError("not a webhook secret") from None


def signature(secret: bytes, message_id: str, sent_at: datetime, body: bytes) -> str:
    """Return the signature of one message.

    >>> signature(b"k" * 32, "msg_1", datetime(2026, 11, 22, tzinfo=UTC), b"{}")
    'v1,b6eXC1dR4ZhJwotN8QPzaW0deKMus6iQSTJhqfMYvQA='
    """
    signed = f"{message_id}.{_seconds(sent_at)}.".encode() + body
    digest = hmac.new(secret, signed, hashlib.sha256).digest()
    return "v1," + base64.b64encode(digest).decode("ascii")


def headers(secret: bytes, message_id: str, sent_at: datetime, body: bytes) -> dict[str, str]:
    """Return the three headers that travel with a body."""
    return {
        "webhook-id": message_id,
        "webhook-timestamp": str(_seconds(sent_at)),
        "webhook-signature": signature(secret, message_id, sent_at, body),
    }


def verify(secret: bytes, given: Mapping[str, str], body: bytes, *, now: datetime) -> str:
    """Check a message as whoever receives it should, and return its id.

    Args:
        secret: The endpoint's.
        given: The headers that came, whose names are in lower case.
        body: The bytes that came, before anything was parsed.
        now: When it came.

    Raises:
        InvalidWebhookSignature: It was altered, is too old, or another secret signed it.
    """
    message_id, stamp = given.get("webhook-id", ""), given.get("webhook-timestamp", "")
    if not message_id or not stamp.isascii() or not stamp.isdecimal():
        raise InvalidWebhookSignature("its headers are missing")
    try:
        sent_at = datetime.fromtimestamp(int(stamp), UTC)
    except (OverflowError, OSError, ValueError):
        raise InvalidWebhookSignature("its headers are missing") from None
    if abs(now - sent_at) > _TOLERANCE:
        raise InvalidWebhookSignature("it is more than five minutes old, or from the future")
    expected = signature(secret, message_id, sent_at, body)
    for each in given.get("webhook-signature", "").split(" "):
        if hmac.compare_digest(each.encode(), expected.encode()):
            return message_id
    raise InvalidWebhookSignature("no signature is right")


def _seconds(at: datetime) -> int:
    return int(at.timestamp())
