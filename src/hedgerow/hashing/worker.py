"""The program that a hashing worker process runs: `COMMAND`.

It reads tasks and writes signals as JSON (`hedgerow.media.sandbox`); pixels never leave it.
"""

from __future__ import annotations

import os
from base64 import b85encode
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np

from hedgerow.errors import MediaError
from hedgerow.hashing import compiled
from hedgerow.hashing.digests import DIGEST_TYPES, digest_bytes, digest_file
from hedgerow.hashing.examine import examine_bytes, examine_file
from hedgerow.hashing.hasher import PdqHasher
from hedgerow.hashing.known_good import KnownGood
from hedgerow.hashing.options import HashOptions
from hedgerow.hashing.pdq import ArrayPixels
from hedgerow.hashing.signal import MediaHash, Unchecked
from hedgerow.media import MediaInfo, MediaLimits, lowpass
from hedgerow.media.archive import ArchiveLimits, is_archive, read_members
from hedgerow.media.sandbox_nursery import command_of
from hedgerow.media.sandbox_worker import serve

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from hedgerow.hashing.signal import Signal
    from hedgerow.media.archive import Member
    from hedgerow.media.sandbox_worker import Request

__all__ = ["COMMAND", "answer_of", "main"]

COMMAND = command_of(__name__)
"""How this program is started."""


def answer_of(result: MediaHash, member: str | None = None) -> dict[str, Any]:
    """Return a hash as plain JSON values, lists instead of objects: it is read a million times in a scan."""
    media, unchecked = result.media, result.unchecked
    return {
        "m": member,
        "i": media and [getattr(media, name) for name in MediaInfo.__slots__],
        "s": [_signal_values(each) for each in result.signals],
        "u": unchecked and [unchecked.reason, unchecked.detail],
        **({"k": True} if result.is_known_good else {}),
    }


def _signal_values(signal: Signal) -> list[Any]:
    frames = None if signal.frames is None else b85encode(signal.frames.packed()).decode("ascii")
    return [signal.type, signal.bits.hex(), signal.quality, signal.variant, signal.made_by, signal.level, frames]


class _Handler:
    def __init__(self) -> None:
        self._options = HashOptions()
        self._archive_limits = ArchiveLimits()
        self._known_good: KnownGood | None = None

    def prepare(self, greeting: dict[str, Any]) -> None:
        """Take the options; they are the same for all workers."""
        if greeting.pop("is_long"):
            # before `serve` limits memory and files: what this takes is not taken from the pictures
            lowpass.prepare()
            compiled.prepare()
        self._archive_limits = ArchiveLimits(**greeting.pop("archive_limits"))
        greeting["limits"] = MediaLimits(**greeting["limits"])
        greeting["types"] = tuple(greeting["types"])
        self._options = HashOptions(**greeting)
        if self._options.known_good is not None:
            self._known_good = KnownGood(self._options.known_good)

    def __call__(self, request: Request) -> Iterator[dict[str, Any]]:
        """Answer one task: a path, or bytes that came with it."""
        path = request.body.get("path")
        types = tuple(request.body.get("types", self._options.types))
        level = request.body.get("level", self._options.level)
        exact = bool(request.body.get("exact", self._options.exact))
        if (types, level, exact) != (self._options.types, self._options.level, self._options.exact):
            self._options = replace(self._options, types=types, level=level, exact=exact)
        if path is None:
            yield answer_of(examine_bytes(request.data, self._options, request.go_on)) | {"done": True}
        elif (known := self._if_known(lambda types: digest_file(path, types))) is not None:
            yield answer_of(known) | {"done": True}
        elif self._options.archives and is_archive(path):
            yield from self._archive(path, request)
        else:
            yield answer_of(examine_file(path, self._options, request.go_on)) | {"done": True}

    def _archive(self, path: str, request: Request) -> Iterator[dict[str, Any]]:
        unchecked: Unchecked | None = None
        try:
            for member in read_members(path, self._archive_limits, skip=request.body.get("skip", 0) + request.skip):
                request.begin(member.name)
                yield answer_of(self._member(member, request), member.name)
        except MediaError as error:
            unchecked = Unchecked(error.reason, str(error))
        digests = digest_file(path, [name for name in self._options.types if name in DIGEST_TYPES])
        # The archive itself comes last: its own digests, and what stopped us from reading it to the end.
        yield answer_of(MediaHash(None, digests, unchecked)) | {"done": True}

    def _member(self, member: Member, request: Request) -> MediaHash:
        try:
            data = member.read()
            known = self._if_known(lambda types: digest_bytes(data, types))
            return examine_bytes(data, self._options, request.go_on) if known is None else known
        except MediaError as error:
            return MediaHash(None, (), Unchecked(error.reason, str(error)))

    def _if_known(self, digest: Callable[[tuple[str, ...]], tuple[Signal, ...]]) -> MediaHash | None:
        """Return the digests of known software; None for all else, and for what cannot be read."""
        known = self._known_good
        if known is None:
            return None
        asked = self._options.types
        try:
            found = digest(tuple(name for name in DIGEST_TYPES if name == known.type or name in asked))
        except MediaError:
            return None
        if not any(each.type == known.type and known.holds(each.bits) for each in found):
            return None
        return MediaHash(None, tuple(each for each in found if each.type in asked), is_known_good=True)


def _warm_up() -> None:
    """Hash a small framed picture, which builds the matrices of all ordinary variants once for all workers.

    Nobody has said yet whether they will be wanted: at level exact they are not.
    """
    picture = np.full((150, 200), 255, np.uint8)
    picture[20:-20, 20:-20] = np.add.outer(np.arange(110), np.arange(160)) % 251
    for _ in PdqHasher().signals(ArrayPixels(picture), level="standard"):
        pass


def main() -> None:
    """Serve until the parent goes away."""
    handler = _Handler()
    serve(handler, prepare=handler.prepare, meanwhile=_warm_up if _has_spare_core() else None)


def _has_spare_core() -> bool:
    """Tell whether there is a core beside the one on which our parent reads its settings: it would wait for us else."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0)) > 1
    return (os.cpu_count() or 1) > 1
