"""The program that a hashing worker process runs: ``python -m hedgerow.hashing.worker OPTIONS``.

It reads tasks and writes signals as JSON (`hedgerow.media.sandbox`); pixels never leave it.
"""

from __future__ import annotations

import json
import sys
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from hedgerow.errors import MediaError
from hedgerow.hashing.digests import DIGEST_TYPES, digest_file
from hedgerow.hashing.examine import HashOptions, examine_bytes, examine_file
from hedgerow.hashing.signal import MediaHash, Unchecked
from hedgerow.media import MediaLimits
from hedgerow.media.archive import ArchiveLimits, is_archive, read_members
from hedgerow.media.lowpass import prepare
from hedgerow.media.sandbox_worker import serve

if TYPE_CHECKING:
    from collections.abc import Iterator

    from hedgerow.media.archive import Member
    from hedgerow.media.sandbox_worker import Request

__all__ = ["answer_of", "main", "options_text"]


def options_text(options: HashOptions, archive_limits: ArchiveLimits, *, is_long: bool) -> str:
    """Write the options as the JSON argument of this program."""
    plain: dict[str, Any] = {name: getattr(options, name) for name in HashOptions.__slots__ if name != "limits"}
    plain["limits"] = {name: getattr(options.limits, name) for name in MediaLimits.__slots__}
    plain["archive_limits"] = {name: getattr(archive_limits, name) for name in ArchiveLimits.__slots__}
    plain["is_long"] = is_long
    return json.dumps(plain)


def _read_options(text: str) -> tuple[HashOptions, ArchiveLimits]:
    plain = json.loads(text)
    if plain.pop("is_long"):
        prepare()  # before `serve` limits memory and files: what this takes is not taken from the pictures
    archive_limits = ArchiveLimits(**plain.pop("archive_limits"))
    plain["limits"] = MediaLimits(**plain["limits"])
    plain["types"] = tuple(plain["types"])
    return HashOptions(**plain), archive_limits


def answer_of(result: MediaHash, member: str | None = None) -> dict[str, Any]:
    """Return a hash as plain JSON values, lists instead of objects: it is read a million times in a scan."""
    media, unchecked = result.media, result.unchecked
    return {
        "m": member,
        "i": media and [media.type, media.width, media.height, media.frames, media.orientation, media.is_truncated],
        "s": [[each.type, each.bits.hex(), each.quality, each.variant, each.made_by] for each in result.signals],
        "u": unchecked and [unchecked.reason, unchecked.detail],
    }


class _Handler:
    def __init__(self, options: HashOptions, archive_limits: ArchiveLimits) -> None:
        self._options = options
        self._archive_limits = archive_limits

    def __call__(self, request: Request) -> Iterator[dict[str, Any]]:
        """Answer one task: a path, or bytes that came with it."""
        path = request.body.get("path")
        types = tuple(request.body.get("types", self._options.types))
        if types != self._options.types:
            self._options = replace(self._options, types=types)
        if path is None:
            yield answer_of(examine_bytes(request.data, self._options)) | {"done": True}
        elif self._options.archives and is_archive(path):
            yield from self._archive(path, request)
        else:
            yield answer_of(examine_file(path, self._options)) | {"done": True}

    def _archive(self, path: str, request: Request) -> Iterator[dict[str, Any]]:
        unchecked: Unchecked | None = None
        try:
            for member in read_members(path, self._archive_limits, skip=request.body.get("skip", 0) + request.skip):
                request.begin(member.name)
                yield answer_of(self._member(member), member.name)
        except MediaError as error:
            unchecked = Unchecked(error.reason, str(error))
        digests = digest_file(path, [name for name in self._options.types if name in DIGEST_TYPES])
        # The archive itself comes last: its own digests, and what stopped us from reading it to the end.
        yield answer_of(MediaHash(None, digests, unchecked)) | {"done": True}

    def _member(self, member: Member) -> MediaHash:
        try:
            return examine_bytes(member.read(), self._options)
        except MediaError as error:
            return MediaHash(None, (), Unchecked(error.reason, str(error)))


def main() -> None:
    """Serve until the parent goes away."""
    serve(_Handler(*_read_options(sys.argv[1])))


if __name__ == "__main__":
    main()
