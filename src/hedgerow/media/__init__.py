"""Untrusted bytes become pixels here, inside limits, as a viewer would see them.

A *picture* is a file that was opened; it has *frames* (one, or those of an animation), a frame has *looks* (one, or
several where transparency lets the ground shine through), and a look has *pixels*, which are read in strips.
A zip or tar is walked for its *members*. `hedgerow.media.sandbox` keeps worker processes for all this, which can be
killed at any moment.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

from hedgerow.media.model import Frame, Look, MediaInfo, MediaLimits, Pixels
from hedgerow.media.sniff import sniff

if TYPE_CHECKING:
    from hedgerow.media.archive import ArchiveLimits, Member, is_archive, read_members
    from hedgerow.media.picture import Picture, open_picture
    from hedgerow.media.read import read_media

__all__ = [
    "ArchiveLimits",
    "Frame",
    "Look",
    "MediaInfo",
    "MediaLimits",
    "Member",
    "Picture",
    "Pixels",
    "is_archive",
    "open_picture",
    "read_media",
    "read_members",
    "sniff",
]

_HOME = {
    "ArchiveLimits": "hedgerow.media.archive",
    "Member": "hedgerow.media.archive",
    "Picture": "hedgerow.media.picture",
    "is_archive": "hedgerow.media.archive",
    "open_picture": "hedgerow.media.picture",
    "read_media": "hedgerow.media.read",
    "read_members": "hedgerow.media.archive",
}


def __getattr__(name: str) -> object:
    # Looked up on first use (PEP 562): who has media hashed in other processes needs no decoder in its own.
    if name not in _HOME:
        raise AttributeError(f"module 'hedgerow.media' has no attribute {name!r}")
    value = getattr(import_module(_HOME[name]), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted(__all__)
