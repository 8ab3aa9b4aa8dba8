"""Untrusted bytes become pixels here, inside limits, as a viewer would see them.

A *picture* is a file that was opened; it has *frames* (one, or those of an animation), a frame has *looks* (one, or
several where transparency lets the ground shine through), and a look has *pixels*, which are read in strips.
A zip or tar is walked for its *members*. `hedgerow.media.sandbox` keeps worker processes for all this, which can be
killed at any moment.
"""

from hedgerow.media.archive import ArchiveLimits, Member, is_archive, read_members
from hedgerow.media.model import Frame, Look, MediaInfo, MediaLimits, Pixels
from hedgerow.media.picture import Picture, open_picture
from hedgerow.media.read import read_media
from hedgerow.media.sniff import sniff

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
