"""Which addresses are fetched. Nothing here opens a connection, resolves a name or knows a clock.

The rules:

1. An address begins with ``http://`` or ``https://``, holds no name and no password, and has one of the ports 80 and
   443, or one that the operator listed.
2. A host is a name in letters, digits, dots, dashes and underscores, or an IP address. A name that ends with a dot, a
   scope id (``%eth0``) and anything escaped are refused: they are ways of writing the same host differently.
3. Whatever the socket layer takes for an IPv4 address is one, however it is written: ``2130706433``, ``0x7f.1``,
   ``017700000001`` and ``127.1`` are all 127.0.0.1.
4. Where hosts are listed, only those and their subdomains are fetched from.
5. Every address that a host resolves to must be public: global unicast in the registries of IANA, no matter whether
   this Python's tables know it. An IPv4 address that is mapped into IPv6, or reached through NAT64, is judged as what
   it is. Other transitions (6to4, Teredo, compatible) and special networks are never public.
6. What is not public is fetched from only where its network is listed by the operator.
7. A redirect is a new address, under all of these rules, and never leads from https to http.
"""

from __future__ import annotations

import re
import socket
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network
from typing import TYPE_CHECKING, Final, NamedTuple
from urllib.parse import urljoin, urlsplit

from hedgerow.errors import UrlRefused

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    Address = IPv4Address | IPv6Address

__all__ = ["REFUSALS", "Target", "check_addresses", "check_url", "is_public", "literal_address", "redirected"]

REFUSALS: Final = {
    "off": "fetching is switched off (the setting fetch.enabled)",
    "unreadable": "it cannot be read",
    "scheme": "it does not begin with http:// or https://",
    "credentials": "it holds a name or a password",
    "host": "its host is written in a way that is not taken",
    "host_not_listed": "its host is not among those that the setting fetch.hosts lists",
    "port": "its port is not among those that the setting fetch.ports lists",
    "not_public": "its host has an address that is not public",
    "redirects": "it leads on more often than the setting fetch.redirects allows, or in a circle",
    "downgrade": "it leads from https to http",
}
"""Why an address is refused: a word for programs, and the same in words."""

_PORTS: Final = {"http": 80, "https": 443}
_MOST_CHARACTERS: Final = 4_096
"""Twice what browsers and servers agree on; signed addresses of object stores have up to 1,500."""
_NAME: Final = re.compile(r"(?=.{1,253}\Z)[a-z0-9_](?:[a-z0-9_-]{0,62})(?:\.[a-z0-9_][a-z0-9_-]{0,62})*", re.ASCII)
_AUTHORITY_REST: Final = re.compile(r"(?::[0-9]{0,5})?", re.ASCII)
_ENDS_IN_NUMBER: Final = re.compile(r"(?:.*\.)?(?:[0-9]+|0x[0-9a-f]*)", re.ASCII)
"""Such a host is an IPv4 address or nothing (WHATWG URL, "ends in a number checker")."""

# IANA IPv4 and IPv6 Special-Purpose Address Registries, and multicast. Listed here, since what `is_global` says has
# changed between patch releases of Python (CVE-2024-4032).
_SPECIAL_4: Final = tuple(
    IPv4Network(each)
    for each in (
        "0.0.0.0/8",
        "10.0.0.0/8",
        "100.64.0.0/10",
        "127.0.0.0/8",
        "169.254.0.0/16",
        "172.16.0.0/12",
        "192.0.0.0/24",
        "192.0.2.0/24",
        "192.88.99.0/24",
        "192.168.0.0/16",
        "198.18.0.0/15",
        "198.51.100.0/24",
        "203.0.113.0/24",
        "224.0.0.0/4",
        "240.0.0.0/4",
    )
)
_GLOBAL_6: Final = IPv6Network("2000::/3")
_SPECIAL_6: Final = tuple(
    IPv6Network(each)
    for each in (
        "2001::/23",  # Teredo, benchmarking, ORCHID and others; the few global ones among them serve no media
        "2001:db8::/32",
        "2002::/16",  # 6to4
        "2620:4f:8000::/48",
        "3fff::/20",
    )
)
_NAT64: Final = IPv6Network("64:ff9b::/96")


class Target(NamedTuple):
    """What an address asks for.

    Attributes:
        url: The address, without its fragment.
        scheme: ``http`` or ``https``.
        host: As it is written, in lower case, without brackets.
        port: Stated, or that of the scheme.
        path: Path and query, as they are sent.
        literal: The host where it is an IP address.
    """

    url: str
    scheme: str
    host: str
    port: int
    path: str
    literal: Address | None

    @property
    def authority(self) -> str:
        """Return what stands in the Host field."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return host if self.port == _PORTS[self.scheme] else f"{host}:{self.port}"


def refused(why: str) -> UrlRefused:
    """Make the error."""
    return UrlRefused(why, REFUSALS[why])


def check_url(url: str, *, ports: Sequence[int] = (), hosts: Sequence[str] = ()) -> Target:
    """Read an address and check it by all rules that need no resolver.

    Args:
        url: The address.
        ports: Ports besides 80 and 443.
        hosts: Hosts that are fetched from, with their subdomains; none for all.

    Raises:
        UrlRefused: It breaks a rule.

    >>> check_url("https://media.example/a.jpg?sig=1#x")[1:5]
    ('https', 'media.example', 443, '/a.jpg?sig=1')
    >>> check_url("http://0x7f.1/").literal
    IPv4Address('127.0.0.1')
    """
    if len(url) > _MOST_CHARACTERS or not url.isascii() or not url.isprintable() or " " in url or "\\" in url:
        raise refused("unreadable")
    try:
        parts = urlsplit(url)
        port = parts.port
        host = parts.hostname or ""
    except ValueError:
        raise refused("unreadable") from None
    scheme = parts.scheme.lower()
    if scheme not in _PORTS:
        raise refused("scheme")
    if "@" in parts.netloc:
        raise refused("credentials")
    # Only what the parser took for host and port may stand there.
    bare = f"[{host}]" if ":" in host else host
    if not _AUTHORITY_REST.fullmatch(parts.netloc.lower().removeprefix(bare)):
        raise refused("host")
    literal = literal_address(host)
    if literal is None and not _NAME.fullmatch(host):
        raise refused("host")
    wanted = _PORTS[scheme] if port is None else port
    if wanted not in {*_PORTS.values(), *ports}:
        raise refused("port")
    if hosts and not _is_listed(host, hosts):
        raise refused("host_not_listed")
    path = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
    return Target(url.partition("#")[0], scheme, host, wanted, path, literal)


def literal_address(host: str) -> Address | None:
    """Return the IP address that a host is, however it is written; None for a name.

    Raises:
        UrlRefused: It is neither an address nor a name.

    >>> literal_address("017700000001"), literal_address("media.example")
    (IPv4Address('127.0.0.1'), None)
    """
    if ":" in host:
        if "%" in host:
            raise refused("host")
        try:
            return IPv6Address(host)
        except ValueError:
            raise refused("host") from None
    if not _ENDS_IN_NUMBER.fullmatch(host):
        return None
    try:
        # What the C library takes: decimal, octal and hexadecimal, one to four parts.
        return IPv4Address(socket.inet_aton(host))
    except OSError:
        raise refused("host") from None


def _is_listed(host: str, hosts: Iterable[str]) -> bool:
    return any(host == each or host.endswith(f".{each}") for each in (listed.lower() for listed in hosts))


def check_addresses(addresses: Iterable[str], *, private_networks: Sequence[str] = ()) -> list[Address]:
    """Return the addresses of a host if every one of them may be connected to.

    Args:
        addresses: What the host resolved to.
        private_networks: Networks that may be although they are not public.

    Raises:
        UrlRefused: One of them may not, or is none.
    """
    networks = [ip_network(each) for each in private_networks]
    checked = []
    for text in addresses:
        if "%" in text:  # a scope id: a network card of ours
            raise refused("not_public")
        try:
            address = ip_address(text)
        except ValueError:
            raise refused("not_public") from None
        if isinstance(address, IPv6Address) and address.ipv4_mapped is not None:
            address = address.ipv4_mapped
        if not is_public(address) and not any(address in network for network in networks):
            raise refused("not_public")
        checked.append(address)
    return checked


def is_public(address: Address) -> bool:
    """Tell whether an address belongs to the public network (rule 5).

    >>> is_public(ip_address("93.184.215.14")), is_public(ip_address("64:ff9b::a00:1"))
    (True, False)
    """
    if isinstance(address, IPv6Address):
        embedded = address.ipv4_mapped
        if address in _NAT64:
            embedded = IPv4Address(int(address) & 0xFFFF_FFFF)
        if embedded is None:
            is_special = address not in _GLOBAL_6 or any(address in network for network in _SPECIAL_6)
            return not is_special and address.is_global and not address.is_multicast and not address.is_reserved
        address = embedded
    is_special = any(address in network for network in _SPECIAL_4)
    return not is_special and address.is_global and not address.is_multicast and not address.is_reserved


def redirected(target: Target, location: str, *, ports: Sequence[int] = (), hosts: Sequence[str] = ()) -> Target:
    """Return where a redirect leads, checked like any address (rule 7).

    Raises:
        UrlRefused: It leads where nothing is fetched.
    """
    try:
        url = urljoin(target.url, location)
    except ValueError:
        raise refused("unreadable") from None
    following = check_url(url, ports=ports, hosts=hosts)
    if target.scheme == "https" and following.scheme == "http":
        raise refused("downgrade")
    return following
