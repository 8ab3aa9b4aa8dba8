"""Make and show sets of known software for a door."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from hedgerow.app.clock import now

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from hedgerow.scanning.known_good import Made

__all__ = ["make_known_good", "show_known_good"]


def make_known_good(path: Path, sources: Sequence[Path]) -> Made:
    """Make a set from NSRL's lists.

    Raises:
        KnownGoodUnreadable: One of them is none, or damaged.
        OSError: The set cannot be written.
    """
    from hedgerow.scanning.known_good import make_known_good as make

    return make(path, sources, now=now())


def show_known_good(path: Path) -> dict[str, Any]:
    """Return what a set states about itself.

    Raises:
        KnownGoodUnreadable: It is none, or damaged.
    """
    from hedgerow.hashing.known_good import KnownGood

    known = KnownGood(path)
    known.close()
    sources = known.about.get("sources")
    return {
        "path": str(path),
        "type": known.type,
        "count": known.count,
        "made_at": str(known.about.get("made_at")),
        "sources": [str(each) for each in sources] if isinstance(sources, list) else [],
        "sha256": known.fingerprint,
    }
