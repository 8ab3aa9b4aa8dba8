"""A *hasher* turns media into *signals*: short values by which a copy is recognised without keeping the media.

A signal has a type (``pdq`` for what a picture looks like, ``vpdq`` for the frames of a video; ``md5``, ``sha1``,
``sha256`` for the exact bytes), bits, and for PDQ a quality from 0 to 100. A *variant* names how the media was looked
at (``as is``, ``mirrored`` …), a *level* how many variants are. The same input always gives the same bits; a change of
one bit needs a published vector.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

from hedgerow.hashing.digests import DIGEST_TYPES, digest_bytes, digest_file
from hedgerow.hashing.frame_list import FrameList
from hedgerow.hashing.options import HashOptions
from hedgerow.hashing.pdq import FRONT_ENDS, MINIMUM_QUALITY, FrontEnd, pdq
from hedgerow.hashing.signal import (
    AS_IS,
    LEVELS,
    SIGNAL_TYPES,
    Level,
    MediaHash,
    Signal,
    SignalType,
    Unchecked,
    signal_type,
)

if TYPE_CHECKING:
    from hedgerow.hashing.examine import examine_bytes, examine_file, hash_bytes, hash_file
    from hedgerow.hashing.hasher import PdqHasher, PictureHasher

__all__ = [
    "AS_IS",
    "DIGEST_TYPES",
    "FRONT_ENDS",
    "LEVELS",
    "MINIMUM_QUALITY",
    "SIGNAL_TYPES",
    "FrameList",
    "FrontEnd",
    "HashOptions",
    "Level",
    "MediaHash",
    "PdqHasher",
    "PictureHasher",
    "Signal",
    "SignalType",
    "Unchecked",
    "digest_bytes",
    "digest_file",
    "examine_bytes",
    "examine_file",
    "hash_bytes",
    "hash_file",
    "pdq",
    "signal_type",
]

_HOME = {
    "PdqHasher": "hedgerow.hashing.hasher",
    "PictureHasher": "hedgerow.hashing.hasher",
    "examine_bytes": "hedgerow.hashing.examine",
    "examine_file": "hedgerow.hashing.examine",
    "hash_bytes": "hedgerow.hashing.examine",
    "hash_file": "hedgerow.hashing.examine",
}


def __getattr__(name: str) -> object:
    # Looked up on first use (PEP 562): who has media hashed in other processes needs no decoder in its own.
    if name not in _HOME:
        raise AttributeError(f"module 'hedgerow.hashing' has no attribute {name!r}")
    value = getattr(import_module(_HOME[name]), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted(__all__)
