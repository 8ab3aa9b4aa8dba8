"""Whether a text is an address, an IP address, an e-mail address, a time. Each problem is a phrase; None where it fits.

A problem never repeats the text.
"""

from __future__ import annotations

import re
from datetime import date, datetime, timedelta
from ipaddress import ip_address
from typing import Final
from urllib.parse import urlsplit

__all__ = ["day", "email_problem", "ip_problem", "is_placeholder", "moment", "moment_problem", "url_problem"]

_SCHEMES = ("http", "https", "ftp")
_BLANK: Final = re.compile(r"[\s\x00-\x1f\x7f-\x9f]")
_URL: Final = re.compile(r"[!#$%&'()*+,\-./0-9:;=?@A-Z\[\]_a-z~]*")  # RFC 3986, appendix A: what may be in a URI
_HOST: Final = re.compile(r"[A-Za-z0-9_]([A-Za-z0-9._-]*[A-Za-z0-9_])?\.?|\[[0-9A-Fa-f:.]+\]")
_MOMENT: Final = re.compile(
    r"(?P<local>[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}(\.[0-9]+)?)(?P<zone>Z|[+-][0-9]{2}:[0-9]{2})?"
)
_DAY: Final = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")
_WIDEST_ZONE = timedelta(hours=14)  # XML Schema part 2, section 3.2.7.3
_EMAIL_LOCAL_LENGTH = 64  # documented, and RFC 5321, section 4.5.3.1.1

# RFC 2606 and RFC 6761: names that are nobody's.
_RESERVED: Final = re.compile(r"(?:^|[.@])(?:example|invalid|test|localhost|example\.(?:com|net|org))$", re.IGNORECASE)


def url_problem(text: str) -> str | None:
    """Say why a text is no address of the web.

    >>> url_problem("https://platform.example/a b")
    'it holds blanks or control characters: write them percent-encoded'
    >>> url_problem("platform.example/p/1")
    'it is no whole address: it begins with https://, http:// or ftp://'
    """
    if _BLANK.search(text):
        return "it holds blanks or control characters: write them percent-encoded"
    if not _URL.fullmatch(text):
        return "it holds characters that no address can have: write them percent-encoded"
    if re.search(r"%(?![0-9A-Fa-f]{2})", text):
        return "a % in it is not followed by two hexadecimal digits"
    try:
        parts = urlsplit(text)
        port = parts.port
    except ValueError:
        return "its host or port is none"
    if parts.scheme.lower() not in _SCHEMES or not text[len(parts.scheme) :].startswith("://"):
        return "it is no whole address: it begins with https://, http:// or ftp://"
    host = parts.netloc.rpartition("@")[2]
    host = re.sub(r":[0-9]*$", "", host)
    return None if _HOST.fullmatch(host) and port != 0 else "its host or port is none"


def ip_problem(text: str) -> str | None:
    """Say why a text is no IP address.

    >>> ip_problem("::ffff:192.0.2.1"), ip_problem("192.0.2.256")
    (None, 'it is neither an IPv4 nor an IPv6 address')
    """
    try:
        ip_address(text)
    except ValueError:
        return "it is neither an IPv4 nor an IPv6 address"
    return "it names a network interface beside the address" if "%" in text else None


def email_problem(text: str) -> str | None:
    """Say why a text is no e-mail address. Only what keeps it from being one at all counts."""
    local, at, domain = text.rpartition("@")
    if not (at and local and domain) or _BLANK.search(text):
        return "it is no e-mail address"
    if len(local) > _EMAIL_LOCAL_LENGTH:
        return f"it has {len(local)} characters before the @, and {_EMAIL_LOCAL_LENGTH} are the most"
    return None


def moment(text: object) -> datetime | None:
    """Read a time with its zone; None where it is none."""
    if not isinstance(text, str):
        return None
    found = _MOMENT.fullmatch(text)
    if found is None or found["zone"] is None:
        return None
    try:
        read = datetime.fromisoformat(text)
    except ValueError:
        return None
    offset = read.utcoffset()
    return read if offset is not None and abs(offset) <= _WIDEST_ZONE else None


def moment_problem(text: str) -> str | None:
    """Say why a text is no time with a zone.

    >>> moment_problem("2026-03-04T11:22:33")
    'it has no time zone: write Z, or the offset, behind it'
    """
    found = _MOMENT.fullmatch(text)
    if found is not None and found["zone"] is None:
        return "it has no time zone: write Z, or the offset, behind it"
    return "it is no time such as 2026-03-04T11:22:33Z" if moment(text) is None else None


def day(text: object) -> date | None:
    """Read a date; None where it is none."""
    if not isinstance(text, str) or not _DAY.fullmatch(text):
        return None
    try:
        return date.fromisoformat(text)
    except ValueError:
        return None


def is_placeholder(text: str) -> bool:
    """Tell whether an address names a host that is nobody's.

    >>> is_placeholder("legal@platform.example"), is_placeholder("https://example.com/legal"), is_placeholder("a@b.org")
    (True, True, False)
    """
    host = urlsplit(text).hostname if url_problem(text) is None else text.rpartition("@")[2]
    return bool(_RESERVED.search(host or ""))
