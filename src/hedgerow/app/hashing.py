"""Hash and compare files for a door."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from hedgerow.hashing import HashOptions, MediaHash, Unchecked
    from hedgerow.media import ArchiveLimits, MediaInfo
    from hedgerow.settings import Settings

__all__ = [
    "Comparison",
    "archive_limits",
    "caution_object",
    "compare",
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
        "truncated": media.is_truncated,
    }


def unchecked_object(unchecked: Unchecked | None) -> dict[str, str] | None:
    """Return why something could not be checked, for JSON output."""
    return None if unchecked is None else {"reason": unchecked.reason, "detail": unchecked.detail}


@dataclass(frozen=True, slots=True)
class Comparison:
    """How alike two pictures are.

    Attributes:
        paths: The two files.
        distances: Bits by variant of the second file, nearest first.
        qualities: PDQ quality of both; None where it could not be hashed.
        threshold: Bits that count as a match.
        unchecked: Why one could not be (wholly) looked at, by path.
    """

    paths: tuple[str, str]
    distances: tuple[tuple[str, int], ...]
    qualities: tuple[int | None, int | None]
    threshold: int
    unchecked: dict[str, Unchecked]

    @property
    def is_match(self) -> bool:
        """Whether any variant lies within the threshold."""
        return bool(self.distances) and self.distances[0][1] <= self.threshold

    @property
    def is_too_plain(self) -> bool:
        """Whether one of the pictures is too plain for its PDQ to mean much."""
        from hedgerow.hashing import MINIMUM_QUALITY

        return any(quality is not None and quality < MINIMUM_QUALITY for quality in self.qualities)

    @property
    def meaning(self) -> str:
        """What the distance means, in one sentence."""
        if not self.distances:
            return "They cannot be compared."
        variant, distance = self.distances[0]
        how = "" if variant == "as is" else f" once it is seen {variant}"
        if distance <= min(10, self.threshold):  # 10 bits is the PDQ README's tolerance between two decoders
            meaning = f"The same picture{how}, perhaps saved again or resized."
        elif distance <= self.threshold:
            meaning = f"A near copy{how}: within the threshold of {self.threshold} bits."
        else:
            meaning = (
                f"No match: {distance} bits, and the threshold is {self.threshold}. "
                "Unrelated pictures lie about 128 bits apart."
            )
        if self.is_too_plain:
            meaning += " One picture is too plain (quality below 50) for this to mean much."
        return meaning

    def as_object(self) -> dict[str, object]:
        """Return everything, for JSON output."""
        return {
            "a": self.paths[0],
            "b": self.paths[1],
            "match": self.is_match,
            "threshold": self.threshold,
            "quality": {"a": self.qualities[0], "b": self.qualities[1]},
            "distances": [{"variant": variant, "distance": distance} for variant, distance in self.distances],
            "meaning": self.meaning,
            "unchecked": {path: unchecked_object(each) for path, each in self.unchecked.items()} or None,
        }

    def lines(self) -> Iterator[str]:
        """Return everything, for a person."""
        for path, unchecked in self.unchecked.items():
            yield f"{path}: {unchecked.detail}"
        yield self.meaning
        if self.distances:
            yield f"quality {self.qualities[0]} and {self.qualities[1]}"
        for variant, distance in self.distances:
            yield f"{distance:>5} bits  {variant}"


def compare(settings: Settings, a: str, b: str) -> Comparison:
    """Compare two pictures under every variant of the second."""
    known = dict(hash_files(settings, [a], exact=True))[a]
    asked = dict(hash_files(settings, [b], with_query_variants=True))[b]
    nearest: dict[str, int] = {}
    for one in known.signals:
        for other in asked.signals:
            distance = (int.from_bytes(one.bits, "big") ^ int.from_bytes(other.bits, "big")).bit_count()
            nearest[other.variant] = min(distance, nearest.get(other.variant, 256))
    unchecked = {path: each.unchecked for path, each in ((a, known), (b, asked)) if each.unchecked is not None}
    return Comparison(
        (a, b),
        tuple(sorted(nearest.items(), key=lambda item: item[1])),
        (_first_quality(known), _first_quality(asked)),
        settings.threshold,
        unchecked,
    )


def _first_quality(result: MediaHash) -> int | None:
    return result.signals[0].quality if result.signals else None


def caution_object(result: MediaHash) -> dict[str, str] | None:
    """Return what a person should know about a file that was matched all the same, for JSON output."""
    from hedgerow.scanning.scan import caution_of

    caution = caution_of(result)
    return None if caution is None else {"reason": caution.reason, "detail": caution.detail}


def hash_options(settings: Settings) -> HashOptions:
    """Return how a scan hashes."""
    from hedgerow.hashing import HashOptions

    return HashOptions(limits=settings.media_limits(), with_query_variants=True, archives=True)


def archive_limits(settings: Settings) -> ArchiveLimits:
    """Return how far archives are read."""
    from hedgerow.media import ArchiveLimits

    return ArchiveLimits(**settings.archives.model_dump())
