"""Which partners there are: ours, and those that an installed package brings."""

from __future__ import annotations

from functools import cache
from importlib import import_module
from typing import TYPE_CHECKING, Final

from hedgerow.errors import InvalidExchange

if TYPE_CHECKING:
    from collections.abc import Mapping

    from hedgerow.exchanges.model import Partner

__all__ = ["OURS", "find_partner", "list_partners"]

# An adapter is imported when it is asked for: a scan does not read XML parsers.
OURS: Final[Mapping[str, tuple[str, str]]] = {
    "sample": ("local", "Sample"),
    "local_file": ("local", "LocalFile"),
    "ncmec": ("ncmec", "Ncmec"),
    "stop_ncii": ("stopncii", "StopNcii"),
    "fb_threatexchange": ("threatexchange", "ThreatExchange"),
    "pull_file": ("pull_file", "PullFile"),
    "pull_file_delta": ("pull_file", "PullFileDelta"),
    "hedgerow": ("hedgerow", "HedgerowFeed"),
    "python_threatexchange": ("pytx", "PythonThreatexchange"),
    "python_threatexchange_whole": ("pytx", "PythonThreatexchangeWhole"),
}


@cache
def _ours(kind: str) -> Partner:
    module, name = OURS[kind]
    partner: Partner = getattr(import_module(f"hedgerow.exchanges.partners.{module}"), name)()
    return partner


def find_partner(kind: str) -> Partner:
    """Find the adapter of a kind.

    Raises:
        InvalidExchange: There is none.
    """
    if kind in OURS:
        return _ours(kind)
    from hedgerow.exchanges.partners.plugins import load_plugins  # noqa: PLC0415  (looks through installed packages)

    found = load_plugins().get(kind)
    if found is None:
        raise InvalidExchange(f"there is no kind of exchange called {kind[:60]!r}")
    return found


def list_partners() -> dict[str, Partner]:
    """List the adapters by kind, ours first."""
    from hedgerow.exchanges.partners.plugins import load_plugins  # noqa: PLC0415  (as above)

    ours = {kind: _ours(kind) for kind in OURS}
    return ours | {kind: each for kind, each in load_plugins().items() if kind not in ours}
