"""Send one message over HTTP. This is the one place from which actions leave the house."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from time import monotonic
from typing import TYPE_CHECKING, Final, NamedTuple

from hedgerow.actions.certificates import public_certificates
from hedgerow.actions.model import Sent
from hedgerow.actions.signing import headers
from hedgerow.errors import ServerSupportMissing

if TYPE_CHECKING:
    import httpx

    from hedgerow.actions.model import Claim

__all__ = ["Answer", "client", "send"]

TIMEOUT_S: Final = 10
"""For each of connecting, sending and waiting: a platform stores a message and answers, it does not work on it."""

_REFUSED: Final = "answered {status}"


class Answer(NamedTuple):
    """What came of a try, and when the platform wants the next one.

    Attributes:
        sent: What came of it.
        asked: What ``Retry-After`` said, if anything.
    """

    sent: Sent
    asked: timedelta | None


def client() -> httpx.Client:
    """Return an HTTP client for messages: no redirects, no cookies kept, no proxy from the environment.

    Raises:
        ServerSupportMissing: The package httpx is not installed.
    """
    try:
        import httpx  # noqa: PLC0415  (only who sends needs it)
    except ImportError:
        raise ServerSupportMissing("httpx") from None
    return httpx.Client(timeout=TIMEOUT_S, follow_redirects=False, trust_env=False, verify=public_certificates())


def send(connection: httpx.Client, claim: Claim, *, now: datetime) -> Answer:
    """Send a message once and say what came of it; nothing that a network can do is raised.

    Args:
        connection: Of `client`.
        claim: What to send, and where to.
        now: When, for the signature.
    """
    import httpx  # noqa: PLC0415  (who has a client has it)

    body = claim.delivery.body.encode()
    began = monotonic()
    signed = headers(claim.secret, f"msg_{claim.delivery.id}", now, body)
    try:
        with connection.stream(
            "POST",
            claim.endpoint.url,
            content=body,
            headers={**signed, "content-type": "application/json", "user-agent": "Hedgerow"},
        ) as response:  # whatever stands in the answer is never read
            status, asked = response.status_code, _retry_after(response.headers.get("retry-after"), now)
    except (httpx.HTTPError, httpx.InvalidURL) as error:
        # The kind of trouble only: its text may quote the address.
        return Answer(Sent(None, _in_words(type(error).__name__), _ms(began)), None)
    error_text = None if httpx.codes.is_success(status) else _REFUSED.format(status=status)
    return Answer(Sent(status, error_text, _ms(began)), asked if error_text else None)


def _ms(began: float) -> int:
    return round((monotonic() - began) * 1000)


def _in_words(name: str) -> str:
    """Return the name of an exception as words: ``ConnectTimeout`` is ``connect timeout``."""
    return "".join(f" {letter.lower()}" if letter.isupper() else letter for letter in name).strip()


def _retry_after(text: str | None, now: datetime) -> timedelta | None:
    """Read ``Retry-After`` (RFC 9110, section 10.2.3): seconds, or a date; what is neither says nothing."""
    if text is None:
        return None
    if text.isascii() and text.isdecimal() and len(text) < 10:  # noqa: PLR2004  (thirty years)
        return timedelta(seconds=int(text))
    try:
        at = parsedate_to_datetime(text)
    except ValueError:
        return None
    return max(timedelta(0), (at if at.tzinfo else at.replace(tzinfo=UTC)) - now)
