"""A *hasher* turns media into *signals*: short values by which a copy is recognised without keeping the media.

A signal has a type (``pdq`` for what a picture looks like, ``vpdq`` for the frames of a video; ``md5``, ``sha1``,
``sha256`` for the exact bytes), bits, and for PDQ a quality from 0 to 100. A *variant* names how the media was looked
at (``as is``, ``mirrored`` …), a *level* how many variants are. The same input always gives the same bits; a change of
one bit needs a published vector.
"""

from hedgerow.hashing.digests import DIGEST_TYPES, digest_bytes, digest_file
from hedgerow.hashing.examine import HashOptions, examine_bytes, examine_file, hash_bytes, hash_file
from hedgerow.hashing.frame_list import FrameList
from hedgerow.hashing.hasher import PdqHasher, PictureHasher
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
