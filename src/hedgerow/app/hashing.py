"""Hash files for a door."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from hedgerow.hashing import HashOptions, MediaHash, Unchecked
    from hedgerow.media import ArchiveLimits, MediaInfo
    from hedgerow.settings import Settings

__all__ = [
    "archive_limits",
    "caution_object",
    "hash_files",
    "hash_options",
    "media_object",
    "unchecked_object",
]


def hash_files(
    settings: Settings,
    paths: Iterable[str],
    *,
    types: Sequence[str] = ("pdq",),
    **how: Any,  # noqa: ANN401  (fields of HashOptions)
) -> Iterator[tuple[str, MediaHash]]:
    """Hash files in killable processes, in the order given.

    Args:
        settings: Limits and jobs.
        paths: The files.
        types: Signal types wanted.
        **how: Further fields of `hedgerow.hashing.HashOptions`.
    """
    from hedgerow.hashing import HashOptions
    from hedgerow.hashing.pool import FileTask, HashingPool

    options = HashOptions(tuple(types), settings.media_limits(), **how)
    with HashingPool(options, settings.jobs) as pool:
        for answer in pool.results(FileTask(path) for path in paths):
            yield answer.path, answer.hash


def media_object(media: MediaInfo | None) -> dict[str, object] | None:
    """Return what a piece of media is, for JSON output."""
    if media is None:
        return None
    return {
        "type": media.type,
        "width": media.width,
        "height": media.height,
        "frames": media.frames,
        "duration_s": media.duration_s,
        "truncated": media.is_truncated,
    }


def unchecked_object(unchecked: Unchecked | None) -> dict[str, str] | None:
    """Return why something could not be checked, for JSON output."""
    return None if unchecked is None else {"reason": unchecked.reason, "detail": unchecked.detail}


def caution_object(result: MediaHash) -> dict[str, str] | None:
    """Return what a person should know about a file that was matched all the same, for JSON output."""
    from hedgerow.hashing.caution import caution_of

    caution = caution_of(result)
    return None if caution is None else {"reason": caution.reason, "detail": caution.detail}


def hash_options(settings: Settings) -> HashOptions:
    """Return how a scan hashes."""
    from hedgerow.hashing import HashOptions

    return HashOptions(limits=settings.media_limits(), level="standard", archives=True)


def archive_limits(settings: Settings) -> ArchiveLimits:
    """Return how far archives are read."""
    from hedgerow.media import ArchiveLimits

    return ArchiveLimits(**settings.archives.model_dump())
