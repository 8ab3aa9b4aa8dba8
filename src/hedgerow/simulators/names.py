"""The names that a simulator never answers under."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

__all__ = ["is_under"]


def is_under(host: str, names: Iterable[str]) -> bool:
    """Say whether a host, with or without its port, is one of some names or lies under one.

    >>> is_under("report.cybertip.org:443", ["cybertip.org"]), is_under("127.0.0.1:8099", ["cybertip.org"])
    (True, False)
    """
    name = re.sub(r":\d+$", "", host.strip().rstrip(".").casefold()).rstrip(".")
    return any(name == each or name.endswith(f".{each}") for each in names)
