"""When a message is tried, and for how long.

- A message is confirmed by any answer from 200 to 299. Everything else is a failed try: redirects too, since a signed
  message must not go where nobody configured it.
- After a failed try it waits: 5 s, 30 s, 2 min, 10 min, 30 min, 1 h, 3 h, 6 h, 12 h, 24 h, 24 h, 24 h; so for four days
  in all, over a long weekend. A platform that says ``Retry-After`` is not tried before.
- Then it is given up: it stays in the record, is shown among the things that need a person, and can be sent again.
- A try has a lease. When whoever tries dies, the lease runs out and another tries; the platform may then get a message
  twice, with the same id, and must take it once.
- Of one endpoint only a few messages are tried at the same time, so that a platform that does not answer holds up
  nothing but itself.
- An endpoint is told of the events it asked for, of all where it asked for none in particular.
"""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Final
from urllib.parse import urlsplit

from hedgerow.errors import InvalidEndpoint

if TYPE_CHECKING:
    from collections.abc import Iterable

__all__ = [
    "EVENTS",
    "IN_FLIGHT",
    "LEASE",
    "RETRY_AFTER",
    "check_events",
    "check_url",
    "is_wanted",
    "retry_delay",
]

EVENTS: Final = {
    "content.hold": "Keep the content from being shown until a person has decided.",
    "content.release": "Show it again: it was not a match.",
    "content.remove": "Remove it: a person confirmed the match.",
    "account.restrict": "Restrict the account, as your policy says.",
    "case.opened": "A case was opened about the content or account.",
    "case.decided": "A person decided a case, and the time in which the decision could be undone is over.",
    "case.reopened": "A decided case is looked at again, after an appeal.",
    "report.filed": "A report was filed with an authority.",
    "report.needs_person": "A report does not get on until a person says what becomes of it.",
    "report.stopped": "An authority refuses the credentials: no report is sent until a person has mended that.",
    "report.alarm": "A report is late. It comes again, with a higher `level`, until it is filed or a person closes it.",
    "exchange.page_unreadable": "A page of a partner cannot be read: nothing behind it comes in.",
    "exchange.stopped": "A partner refuses us: nothing is fetched or sent until a person has mended that.",
    "test": "Nothing happened: somebody tries the endpoint out.",
}
"""What an endpoint can be told of."""

RETRY_AFTER: Final = tuple(
    timedelta(seconds=each) for each in (5, 30, 120, 600, 1_800, 3_600, 10_800, 21_600, 43_200, 86_400, 86_400, 86_400)
)
"""How long a message waits after each failed try; after the last it is given up."""

_LONGEST_ASKED: Final = timedelta(days=1)
"""A ``Retry-After`` beyond this is taken for a mistake."""

LEASE: Final = timedelta(seconds=60)
"""How long a try may take: four times the longest time-out of `hedgerow.actions.sending`."""

IN_FLIGHT: Final = 4
"""Messages to one endpoint that are tried at the same time."""

_MOST_CHARACTERS: Final = 2_000


def retry_delay(attempts: int, asked: timedelta | None = None) -> timedelta | None:
    """Return how long a message waits after so many failed tries; None where it is given up.

    Args:
        attempts: How often it was tried, at least once.
        asked: What the platform's ``Retry-After`` said.

    >>> retry_delay(1), retry_delay(13)
    (datetime.timedelta(seconds=5), None)
    >>> retry_delay(1, timedelta(minutes=3))
    datetime.timedelta(seconds=180)
    """
    if attempts > len(RETRY_AFTER):
        return None
    usual = RETRY_AFTER[attempts - 1]
    return usual if asked is None else max(usual, min(asked, _LONGEST_ASKED))


def is_wanted(event: str, events: Iterable[str]) -> bool:
    """Return whether an endpoint that asked for some events is told of one."""
    asked = tuple(events)
    return not asked or event in asked


def check_events(events: Iterable[str]) -> tuple[str, ...]:
    """Return the events an endpoint asks for, each once, in our order.

    Raises:
        InvalidEndpoint: One of them is none of ours.
    """
    asked = set(events)
    if unknown := sorted(asked - EVENTS.keys()):
        raise InvalidEndpoint(f"there is no event {unknown[0]!r}; there are {', '.join(EVENTS)}")
    return tuple(each for each in EVENTS if each in asked)


def check_url(url: str) -> str:
    """Return an address to which messages can be sent.

    Raises:
        InvalidEndpoint: It is none, or it carries a password, which would stand in every log.
    """
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError:
        raise InvalidEndpoint("its address cannot be read") from None
    if parts.scheme not in {"https", "http"} or not parts.hostname or port == 0:
        raise InvalidEndpoint("its address begins with https:// or http:// and names a host")
    if parts.username or parts.password:
        raise InvalidEndpoint("its address must not hold a password: messages are signed instead")
    if parts.fragment or len(url) > _MOST_CHARACTERS or not url.isprintable() or " " in url:
        raise InvalidEndpoint("its address holds something that no address holds")
    return url
