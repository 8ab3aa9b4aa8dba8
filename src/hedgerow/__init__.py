"""Hedgerow: find known abuse material by hash, let people decide about it, report it, and keep the proof.

This package's top level is the kernel as a library: open, hash, index, match. It needs no database and no network.

>>> import hedgerow
>>> index = hedgerow.HammingIndex()
>>> ids = index.add(["f8f8f0cee0f4a84f0e37022a078f63f0b36e2ed596221e1d33e6339c4e9c9b22"])
>>> query = "d8f8f0cee0f4a84f0e37022a078f67f0b36e2ed596221e1d33e6339c4e9c9b22"
>>> [(match.id, match.distance) for match in index.search([query], threshold=31)]
[(0, 2)]
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from hedgerow import errors
    from hedgerow.hashing import (
        MediaHash,
        Signal,
        Unchecked,
        hash_bytes,
        hash_file,
        pdq,
    )
    from hedgerow.matching import DigestIndex, HammingIndex, Match, Matches
    from hedgerow.media import MediaInfo, MediaLimits

__all__ = [
    "DigestIndex",
    "HammingIndex",
    "Match",
    "Matches",
    "MediaHash",
    "MediaInfo",
    "MediaLimits",
    "Signal",
    "Unchecked",
    "__version__",
    "errors",
    "hash_bytes",
    "hash_file",
    "pdq",
]

__version__ = "0.1.0"

_HOME = {
    "DigestIndex": "hedgerow.matching",
    "HammingIndex": "hedgerow.matching",
    "Match": "hedgerow.matching",
    "Matches": "hedgerow.matching",
    "MediaHash": "hedgerow.hashing",
    "MediaInfo": "hedgerow.media",
    "MediaLimits": "hedgerow.media",
    "Signal": "hedgerow.hashing",
    "Unchecked": "hedgerow.hashing",
    "hash_bytes": "hedgerow.hashing",
    "hash_file": "hedgerow.hashing",
    "pdq": "hedgerow.hashing",
}


def __getattr__(name: str) -> object:
    # Looked up on first use (PEP 562), so that `import hedgerow` and `hedgerow --help` do not wait for NumPy.
    if name == "errors":
        return import_module("hedgerow.errors")
    if name not in _HOME:
        raise AttributeError(f"module 'hedgerow' has no attribute {name!r}")
    value = getattr(import_module(_HOME[name]), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted(__all__)
