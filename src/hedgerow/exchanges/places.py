"""Which of a partner's systems a configuration means. Nothing here speaks to it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final
from urllib.parse import urlsplit

from hedgerow.errors import InvalidExchange
from hedgerow.exchanges.http import is_of_this_machine
from hedgerow.exchanges.model import Field, Place

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["place_fields", "place_of"]

_LONGEST: Final = 300


def place_fields(known: Mapping[str, Place]) -> tuple[Field, Field]:
    """Return the two fields by which a configuration says which system is meant; without them it is the simulator."""
    return (
        Field(
            "environment",
            "enum",
            "Which of the partner's systems.",
            is_required=False,
            default="simulator",
            choices=tuple(known),
        ),
        Field(
            "base_url",
            "string",
            "Another address of it, such as that of a simulator; empty for the usual one.",
            is_required=False,
            default="",
        ),
    )


def place_of(environment: str, base_url: str, known: Mapping[str, Place]) -> Place:
    """Return the system that a configuration means.

    Args:
        environment: A name among ``known``.
        base_url: Where else it is; empty for where it usually is. Only this machine is spoken to without TLS.
        known: The partner's systems.

    Raises:
        InvalidExchange: There is no such environment, or the address cannot be used.

    >>> known = {"production": Place("production", "https://partner.example/v1", is_production=True)}
    >>> place_of("production", "", known).base_url
    'https://partner.example/v1'
    >>> place_of("production", "http://127.0.0.1:8102/v1/", known)
    Place(name='simulator', base_url='http://127.0.0.1:8102/v1', is_production=False)
    >>> place_of("production", "https://elsewhere.example", known)
    Place(name='custom', base_url='https://elsewhere.example', is_production=True)
    """
    if environment not in known:
        raise InvalidExchange(f"environment must be one of {', '.join(known)}")
    if not base_url:
        return known[environment]
    url = _checked(base_url)
    for place in known.values():
        if place.base_url == url:
            return place
    if is_of_this_machine(url):
        return Place("simulator", url, is_production=False)
    # Whatever it is, it is not this machine: a person says that it may be spoken to.
    return Place("custom", url, is_production=True)


def _checked(url: str) -> str:
    """Return an address as it is kept, or raise InvalidExchange. The message quotes none: a key may stand in it."""
    try:
        split = urlsplit(url)
        is_whole = bool(split.hostname) and (split.port is None or split.port > 0)
    except ValueError:
        is_whole = False
    if not is_whole or len(url) > _LONGEST or not url.isascii() or not url.isprintable() or " " in url:
        raise InvalidExchange("base_url must be an address such as https://partner.example/v1")
    if split.scheme != "https" and not (split.scheme == "http" and is_of_this_machine(url)):
        raise InvalidExchange("base_url must begin with https://")
    if split.query or split.fragment or split.username is not None or ".." in split.path.split("/"):
        raise InvalidExchange("base_url must have no user, no query and no fragment")
    return url.rstrip("/")
