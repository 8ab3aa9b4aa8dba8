"""Compare two files for a door: picture with picture, picture with video, video with video."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from hedgerow.app.hashing import hash_files, unchecked_object

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    import numpy as np
    from numpy.typing import NDArray

    from hedgerow.hashing import MediaHash, Signal, Unchecked
    from hedgerow.hashing.frame_list import FrameList
    from hedgerow.matching.segments import Segment
    from hedgerow.matching.videos import Likeness
    from hedgerow.settings import Settings

__all__ = ["Comparison", "compare"]

# What the PDQ README tolerates between two decoders (ThreatExchange, pdq/README.md).
_RESAVED_BITS = 10

# A variant that shows so much less of the other video is not worth a line.
_WORTH_TELLING = 0.01


@dataclass(frozen=True, slots=True)
class Nearest:
    """How near one variant comes.

    Attributes:
        variant: How the second file was looked at.
        distance: Bits; between two videos the mean over the frames that were found.
        a_time_s: When the nearest frame is shown in the first file, where only that one is a video.
        b_time_s: Likewise in the second file.
    """

    variant: str
    distance: int
    a_time_s: float | None = None
    b_time_s: float | None = None

    def as_object(self) -> dict[str, object]:
        """Return everything that is known, for JSON output."""
        plain: dict[str, object] = {"variant": self.variant, "distance": self.distance}
        times = {"a_time_s": self.a_time_s, "b_time_s": self.b_time_s}
        return plain | {name: round(time_s, 3) for name, time_s in times.items() if time_s is not None}


@dataclass(frozen=True, slots=True)
class Comparison:
    """How alike two files are.

    Attributes:
        paths: The two files.
        are_videos: Which of them are.
        distances: By variant of the second file, nearest first.
        qualities: PDQ quality of both; None for a video, and where it could not be hashed.
        threshold: Bits that count as a match.
        unchecked: Why one could not be (wholly) looked at, by path.
        likeness: What two videos have in common under the variant that shows most; None where nothing is, and where
            one of them is a picture.
        duration_s: Length of the first file, if it is a video.
    """

    paths: tuple[str, str]
    are_videos: tuple[bool, bool]
    distances: tuple[Nearest, ...]
    qualities: tuple[int | None, int | None]
    threshold: int
    unchecked: dict[str, Unchecked]
    likeness: Likeness | None = None
    duration_s: float | None = None

    @property
    def is_match(self) -> bool:
        """Whether any variant lies within the threshold; for two videos, whether enough of them is the same."""
        if all(self.are_videos):
            return self.likeness is not None and self.likeness.is_match
        return bool(self.distances) and self.distances[0].distance <= self.threshold

    @property
    def is_too_plain(self) -> bool:
        """Whether one of the pictures is too plain for its PDQ to mean much."""
        from hedgerow.hashing import MINIMUM_QUALITY

        return any(quality is not None and quality < MINIMUM_QUALITY for quality in self.qualities)

    @property
    def segments(self) -> tuple[Segment, ...]:
        """The stretches that two videos have in common, in the order of the second."""
        found = self.likeness.segments if self.likeness is not None else ()
        return tuple(sorted(found, key=lambda segment: segment.query_from_s))

    @property
    def meaning(self) -> str:
        """What the distance means, in a sentence or two."""
        if all(self.are_videos) and not self.distances and not self.unchecked:
            return "No match: no frame of one is like a frame of the other."
        if not self.distances:
            return "They cannot be compared."
        meaning = self._of_videos() if self.likeness is not None else self._of_pictures(self.distances[0])
        if self.is_too_plain:
            meaning += " One picture is too plain (quality below 50) for this to mean much."
        return meaning

    def _of_pictures(self, nearest: Nearest) -> str:
        how = _seen(nearest.variant)
        if nearest.distance > self.threshold:
            return (
                f"No match: {nearest.distance} bits, and the threshold is {self.threshold}. "
                "Unrelated pictures lie about 128 bits apart."
            )
        if any(self.are_videos):
            return f"The picture is in the video{how}, {self._moment(nearest)}."
        if nearest.distance <= min(_RESAVED_BITS, self.threshold):
            return f"The same picture{how}, perhaps saved again or resized."
        return f"A near copy{how}: within the threshold of {self.threshold} bits."

    def _of_videos(self) -> str:
        from hedgerow.scanning.words import share_in_words

        likeness, variant = self.likeness, self.distances[0].variant
        if likeness is None:
            return ""
        how = _seen(variant)
        share = share_in_words(likeness.known_share, self.duration_s)
        said = f"B holds {share} of A{how}; that is {share_in_words(likeness.query_share)} of B."
        return said if likeness.is_match else f"{said} That is too little for a match."

    def _moment(self, nearest: Nearest) -> str:
        from hedgerow.scanning.words import clock

        times = (nearest.a_time_s, nearest.b_time_s)
        return " and ".join(f"at {clock(time_s, tenths=True)}" for time_s in times if time_s is not None)

    def as_object(self) -> dict[str, object]:
        """Return everything, for JSON output; what only two videos have is null otherwise."""
        likeness = self.likeness
        return {
            "a": self.paths[0],
            "b": self.paths[1],
            "match": self.is_match,
            "threshold": self.threshold,
            "quality": {"a": self.qualities[0], "b": self.qualities[1]},
            "distances": [each.as_object() for each in self.distances],
            "share": None
            if likeness is None
            else {"a": round(likeness.known_share, 4), "b": round(likeness.query_share, 4)},
            "segments": [segment.to_json() for segment in self.segments],
            "meaning": self.meaning,
            "unchecked": {path: unchecked_object(each) for path, each in self.unchecked.items()} or None,
        }

    def lines(self) -> Iterator[str]:
        """Return everything, for a person."""
        for path, unchecked in self.unchecked.items():
            yield f"{path}: {unchecked.detail}"
        yield self.meaning
        if self.segments:
            from hedgerow.scanning.words import speed_in_words, stretch

            for segment in self.segments:
                speed = speed_in_words(segment.speed)
                yield (
                    f"B {stretch(segment.query_from_s, segment.query_to_s)} is "
                    f"A {stretch(segment.known_from_s, segment.known_to_s)}{speed and f', {speed}'}"
                )
        if self.distances and not any(self.are_videos):
            yield f"quality {self.qualities[0]} and {self.qualities[1]}"
        for nearest in self.distances:
            moment = self._moment(nearest)
            yield f"{nearest.distance:>5} bits  {nearest.variant}{moment and f'  {moment}'}"


def _seen(variant: str) -> str:
    return "" if variant == "as is" else f" once it is seen {variant}"


def compare(settings: Settings, a: str, b: str) -> Comparison:
    """Compare two files under every variant of the second, at level ``thorough``.

    The first is taken as a bank would hold it, the second as it would be looked up. In a video that is compared with a
    picture any frame may be the one, so all that differ are taken.
    """
    asked = dict(hash_files(settings, [b], level="thorough"))[b]
    theirs = _looks(asked)
    known = dict(hash_files(settings, [a], exact=True, sampling="bank" if _is_video(theirs) else "query"))[a]
    ours = _looks(known)
    are_videos = (_is_video(ours), _is_video(theirs))
    likeness: Likeness | None = None
    if all(are_videos):
        distances, likeness = _videos(settings, ours[0].frames, theirs)
    else:
        distances = _nearest(ours, theirs)
    return Comparison(
        (a, b),
        are_videos,
        tuple(sorted(distances, key=lambda each: each.distance) if likeness is None else distances),
        (_first_quality(ours), _first_quality(theirs)),
        settings.threshold,
        {path: each.unchecked for path, each in ((a, known), (b, asked)) if each.unchecked is not None},
        likeness,
        ours[0].frames.duration_s if ours and ours[0].frames is not None else None,
    )


def _looks(result: MediaHash) -> list[Signal]:
    return [signal for signal in result.signals if signal.type in {"pdq", "vpdq"}]


def _is_video(signals: Sequence[Signal]) -> bool:
    return bool(signals) and signals[0].frames is not None


def _first_quality(signals: Sequence[Signal]) -> int | None:
    return signals[0].quality if signals else None


def _rows(signal: Signal) -> tuple[NDArray[np.uint8], NDArray[np.float64] | None]:
    """Return the PDQ of a picture or of the usable frames of a video, and their times."""
    import numpy as np

    frames = signal.frames
    if frames is None:
        return np.frombuffer(signal.bits, np.uint8)[None], None
    from hedgerow.hashing import MINIMUM_QUALITY
    from hedgerow.matching.videos import usable_frames

    usable = usable_frames(frames, MINIMUM_QUALITY)
    return frames.bits[usable], frames.times_s[usable]


def _nearest(ours: Sequence[Signal], theirs: Sequence[Signal]) -> list[Nearest]:
    """Find for each variant the nearest pair, where at least one side is a single picture."""
    import numpy as np

    nearest: dict[str, Nearest] = {}
    for one in ours:
        rows, times_s = _rows(one)
        for other in theirs:
            other_rows, other_times_s = _rows(other)
            if not len(rows) or not len(other_rows):
                continue
            distances = np.bitwise_count(rows[:, None] ^ other_rows[None]).sum(axis=2, dtype=np.int64)
            at, other_at = np.unravel_index(int(distances.argmin()), distances.shape)
            found = Nearest(
                other.variant,
                int(distances[at, other_at]),
                None if times_s is None else float(times_s[at]),
                None if other_times_s is None else float(other_times_s[other_at]),
            )
            before = nearest.get(other.variant)
            if before is None or found.distance < before.distance:
                nearest[other.variant] = found
    return list(nearest.values())


def _videos(
    settings: Settings, known: FrameList | None, theirs: Sequence[Signal]
) -> tuple[list[Nearest], Likeness | None]:
    """Weigh two videos under each variant of the second: the one that shows most comes first."""
    import numpy as np

    from hedgerow.hashing import MINIMUM_QUALITY
    from hedgerow.matching import HammingIndex
    from hedgerow.matching.segments import Pairs
    from hedgerow.matching.videos import compare_videos, usable_frames

    if known is None:
        return [], None
    rule = settings.video_rule()
    index = HammingIndex()
    usable = np.flatnonzero(usable_frames(known, MINIMUM_QUALITY))
    index.add(np.ascontiguousarray(known.bits[usable]), ids=usable)
    found: list[tuple[Likeness, str]] = []
    for signal in theirs:
        query = signal.frames
        if query is None:
            continue
        asked = np.flatnonzero(usable_frames(query, MINIMUM_QUALITY))
        near = index.search(np.ascontiguousarray(query.bits[asked]), threshold=settings.threshold)
        if len(near.query):
            pairs = Pairs(asked[near.query], np.asarray(near.id, np.int64), np.asarray(near.distance, np.int64))
            found.append((compare_videos(query, known, pairs, MINIMUM_QUALITY, rule), signal.variant))
    found.sort(key=lambda each: (-each[0].known_share, each[0].distance))
    if not found:
        return [], None
    told = [each for each in found if each[0].known_share >= _WORTH_TELLING] or found[:1]
    return [Nearest(variant, round(likeness.distance)) for likeness, variant in told], found[0][0]
