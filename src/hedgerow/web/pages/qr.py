"""A QR code as the path of an SVG, where the package segno is there to make one."""

from __future__ import annotations

from importlib import import_module
from typing import NamedTuple

__all__ = ["Drawing", "qr_path"]

_QUIET = 4  # light modules around it, as ISO/IEC 18004, section 9.1, asks


class Drawing(NamedTuple):
    """What an SVG element draws.

    Attributes:
        size: Length of a side, in modules.
        path: The dark modules.
    """

    size: int
    path: str


def qr_path(text: str) -> Drawing | None:
    """Return the QR code of a text, or None where it cannot be made; the page shows the text in any case."""
    try:
        segno = import_module("segno")
    except ImportError:
        return None
    rows = [list(row) for row in segno.make(text, error="m", micro=False).matrix]
    runs = []
    for y, row in enumerate(rows):
        x = 0
        while x < len(row):
            if row[x]:
                start = x
                while x < len(row) and row[x]:
                    x += 1
                runs.append(f"M{start + _QUIET} {y + _QUIET}h{x - start}v1h-{x - start}z")
            x += 1
    return Drawing(len(rows) + 2 * _QUIET, "".join(runs))
