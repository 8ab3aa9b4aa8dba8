"""Which partners there are: ours, and those that an installed package brings."""

from __future__ import annotations

from functools import cache
from importlib import import_module
from typing import TYPE_CHECKING, Final

from hedgerow.errors import InvalidExchange

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from hedgerow.errors import PluginBroken
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
        InvalidExchange: There is none, or the package that brings it is broken.
    """
    if kind in OURS:
        return _ours(kind)
    from hedgerow.exchanges.partners.plugins import (  # noqa: PLC0415  (looks through installed packages)
        broken_plugins,
        load_plugins,
    )

    found = load_plugins().get(kind)
    if found is None:
        raise InvalidExchange(_why_none(kind, broken_plugins()))
    return found


def _why_none(kind: str, broken: Sequence[PluginBroken]) -> str:
    """Say why there is no adapter of a kind, which a package may want to bring that is installed and broken."""
    for each in broken:
        if each.name == kind:
            return f"the plug-in {kind} is installed and could not be loaded: {each.problem}"
    none = f"there is no kind of exchange called {kind[:60]!r}"
    # An entry point's name is usually that of the kind, and need not be.
    others = "; ".join(f"{each.name[:60]}, {each.problem}" for each in broken)
    return f"{none}; of the plug-ins that are installed, these could not be loaded: {others}" if broken else none


def list_partners() -> dict[str, Partner]:
    """List the adapters by kind, ours first."""
    from hedgerow.exchanges.partners.plugins import load_plugins  # noqa: PLC0415  (as above)

    ours = {kind: _ours(kind) for kind in OURS}
    return ours | {kind: each for kind, each in load_plugins().items() if kind not in ours}
