"""Who may come in: whoever shows a key for this door, or, where it is said so, whoever is near.

Without a key a request is taken only with ``hma.anonymous``, from this machine or from ``hma.private_networks``. A
browser on this machine could be made to come by any page it shows; so a request without a key is not taken when it says
that another site's page made it, nor, from this machine, when it calls us by a name that is none of its own.
"""

from __future__ import annotations

import logging
import threading
from functools import lru_cache
from ipaddress import ip_address, ip_network
from typing import TYPE_CHECKING, Final

from hedgerow.accounts import Permission
from hedgerow.web.callers import allowed, shown_key

if TYPE_CHECKING:
    from ipaddress import IPv4Address, IPv6Address

    from starlette.requests import Request

    from hedgerow.settings import HmaSettings

__all__ = ["ANONYMOUS", "Door", "warn_while_open"]

ANONYMOUS: Final = "anonymous"
_WARN_EVERY_S: Final = 60.0
_FORWARDED: Final = ("forwarded", "x-forwarded-for", "x-real-ip")
_SAME_SITE: Final = frozenset({"same-origin", "none"})
_log = logging.getLogger(__name__)


class Door:
    """Finds out who asks.

    Args:
        settings: Of this door.
    """

    def __init__(self, settings: HmaSettings) -> None:
        self._is_anonymous = settings.anonymous
        self._networks = tuple(ip_network(each) for each in settings.private_networks)
        self._check = allowed(Permission.HMA)

    async def actor(self, request: Request) -> str:
        """Return who asks.

        Raises:
            KeyRefused: Nobody, or with a key that does not work.
            PermissionDenied: The key is for other doors.
            TooManyRequests: It comes too often.
        """
        if self._is_anonymous and shown_key(request) is None and self.is_near(request):
            return ANONYMOUS
        return (await self._check(request)).actor

    def is_near(self, request: Request) -> bool:
        """Tell whether a request without a key may come in."""
        headers = request.headers
        if request.client is None or any(name in headers for name in _FORWARDED):
            return False  # what a proxy passes on comes from anywhere
        if headers.get("sec-fetch-site", "none") not in _SAME_SITE:
            return False
        host = headers.get("host", "")
        origin = headers.get("origin")
        if origin is not None and origin.partition("://")[2] != host:
            return False
        address = _address(request.client.host)
        if address is None:
            return False
        if address.is_loopback:
            return _is_of_this_machine(host)
        return any(address in network for network in self._networks if network.version == address.version)


@lru_cache(maxsize=1024)
def _address(text: str) -> IPv4Address | IPv6Address | None:
    try:
        address = ip_address(text)
    except ValueError:
        return None
    mapped = getattr(address, "ipv4_mapped", None)
    return address if mapped is None else mapped


def _is_of_this_machine(host: str) -> bool:
    """Tell whether a ``Host`` header names this machine as only this machine does.

    >>> [_is_of_this_machine(host) for host in ("localhost:5100", "127.0.0.1", "[::1]:80", "rebound.example")]
    [True, True, True, False]
    """
    name = host.rpartition(":")[0] if host.rpartition(":")[2].isdigit() else host
    if name.lower().rstrip(".") == "localhost" or not host:
        return True
    address = _address(name.strip("[]"))
    return address is not None and address.is_loopback


def warn_while_open(settings: HmaSettings, stopped: threading.Event) -> threading.Thread | None:
    """Say in the log, now and each minute until `stopped`, that the door is open; None where it is not."""
    if not settings.anonymous:
        return None

    def warn() -> None:
        while True:
            _log.warning(
                "The HMA door answers without a key (hma.anonymous) to this machine and %d private networks; "
                "whoever is there may change every bank.%s",
                len(settings.private_networks),
                " Its development routes can empty them (hma.dev)." if settings.dev else "",
            )
            if stopped.wait(_WARN_EVERY_S):
                return

    thread = threading.Thread(target=warn, name="hedgerow-hma-open", daemon=True)
    thread.start()
    return thread
