"""Which videos show the same: by their frames, nearly all of either.

Two videos are neighbours when some view of one (as is, mirrored, without its borders …) has four fifths of the other's
time, and the other way round. A clip inside a long compilation is no neighbour of it: who looks at one of them has not
seen the other. Each video is held as one frame a second, and looked up as ten.
"""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING, Final

import numpy as np

from hedgerow.hashing import MINIMUM_QUALITY
from hedgerow.hashing.frame_list import FrameList
from hedgerow.matching import HammingIndex
from hedgerow.matching.segments import Pairs
from hedgerow.matching.videos import FRAME_BITS, compare_videos, frame_ids, usable_frames
from hedgerow.scanning.spool import Spool

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from numpy.typing import NDArray

    from hedgerow.hashing import Signal

__all__ = ["VideoViews"]

_SHARE: Final = 0.8
"""What vPDQ asks of a query (threatexchange 1.2.17, ``vpdq``: 80 % of its frames), here of both."""

_HELD_EVERY_S: Final = 1.0
_LOOKED_UP_EVERY_S: Final = 0.1
"""A frame held is then at most a twentieth of a second from one looked up: a quick pan moves by more in an eighth."""

_MEASURED_FRAMES: Final = 256
"""Frames of the representative that a member's distance is the mean of: a mean over more says the same."""

_CHUNK: Final = 2048

_VIEW: Final = struct.Struct("<HI")  # number of the variant, bytes of the packed list that follows


class VideoViews:
    """Collects the lists of frames of videos.

    Args:
        threshold: Largest distance in bits, inclusive, between frames that are alike: 0 to 64.
    """

    def __init__(self, threshold: int) -> None:
        self._threshold = threshold
        self._held: list[FrameList] = []
        self._files: list[int] = []
        self._numbers: dict[int, int] = {}
        self._views = Spool()
        self._variants: dict[str, int] = {}

    def __contains__(self, file: object) -> bool:
        return file in self._numbers

    def close(self) -> None:
        """Let go of the temporary file."""
        self._views.close()

    def add(self, file: int, signals: Sequence[Signal]) -> bool:
        """Take in a video and say whether it can be compared: whether any of its frames says enough.

        Args:
            file: Its number among all files.
            signals: Its ``vpdq`` signals, the one as is first.
        """
        lists = [(signal.variant, signal.frames) for signal in signals if signal.frames is not None]
        if not lists or not usable_frames(lists[0][1], MINIMUM_QUALITY).any():
            return False
        self._numbers[file] = len(self._files)
        self._files.append(file)
        self._held.append(_thinned(lists[0][1], _HELD_EVERY_S))
        record = b""
        for variant, frames in lists:
            packed = _thinned(frames, _LOOKED_UP_EVERY_S).packed()
            number = self._variants.setdefault(variant, len(self._variants))
            record += _VIEW.pack(number, len(packed)) + packed
        self._views.add(record)
        return True

    def neighbours(self) -> Iterator[tuple[int, int]]:
        """Yield the files that are neighbours, each pair once for each of the two whose views reach the other."""
        index = HammingIndex()
        for video, held in enumerate(self._held):
            usable = np.flatnonzero(usable_frames(held, MINIMUM_QUALITY))
            index.add(np.ascontiguousarray(held.bits[usable]), ids=frame_ids(video, usable))
        for video, file in enumerate(self._files):
            reached: set[int] = set()
            for _, frames in self._views_of(video):
                reached |= self._reached(index, video, frames, reached)
            for other in sorted(reached):
                yield file, self._files[other]

    def distance(self, file: int, other: int) -> tuple[int, str]:
        """Say how far a video is from another: mean bits from the other's frames to the nearest of its own, and how.

        In a chain of neighbours this may be more than the threshold.
        """
        held = self._held[self._numbers[other]]
        rows = held.bits[usable_frames(held, MINIMUM_QUALITY)]
        rows = rows[np.unique(np.linspace(0, len(rows) - 1, min(len(rows), _MEASURED_FRAMES)).astype(np.int64))]
        best, how = 256.0, ""
        for variant, frames in self._views_of(self._numbers[file]):
            looked_up = frames.bits[usable_frames(frames, MINIMUM_QUALITY)]
            mean = float(_nearest(rows, looked_up).mean()) if len(looked_up) else 256.0
            if mean < best or not how:
                best, how = mean, variant
        return round(best), how

    def _views_of(self, video: int) -> Iterator[tuple[str, FrameList]]:
        record = self._views.read(video)
        names = list(self._variants)
        at = 0
        while at < len(record):
            number, size = _VIEW.unpack_from(record, at)
            at += _VIEW.size
            yield names[number], FrameList.unpack(record[at : at + size])
            at += size

    def _reached(self, index: HammingIndex, video: int, frames: FrameList, known_already: set[int]) -> set[int]:
        """Find the videos that have most of this view, and of which this view has most."""
        asked = np.flatnonzero(usable_frames(frames, MINIMUM_QUALITY))
        found = index.search(np.ascontiguousarray(frames.bits[asked]), threshold=self._threshold)
        ids = np.asarray(found.id, np.int64)
        videos = ids >> FRAME_BITS
        reached = set()
        for other in np.unique(videos).tolist():
            if other == video or other in known_already:
                continue
            chosen = videos == other
            pairs = Pairs(
                asked[found.query[chosen]],
                ids[chosen] & ((1 << FRAME_BITS) - 1),
                np.asarray(found.distance[chosen], np.int64),
            )
            likeness = compare_videos(frames, self._held[other], pairs, MINIMUM_QUALITY)
            if min(likeness.known_share, likeness.query_share) >= _SHARE:
                reached.add(other)
        return reached


def _thinned(frames: FrameList, every_s: float) -> FrameList:
    """Keep of each stretch of time the frame that is shown when it begins."""
    stretch = np.floor(frames.times_s / every_s + 1e-6)
    kept = np.flatnonzero(np.diff(stretch, prepend=-1.0) > 0)
    until_s = np.append(frames.times_s[kept][1:], max(frames.duration_s, frames.times_s[-1] if len(frames) else 0.0))
    return FrameList.of(
        frames.bits[kept],
        frames.qualities[kept],
        frames.numbers[kept],
        frames.times_s[kept],
        until_s[: len(kept)],
        frames.duration_s,
    )


def _nearest(rows: NDArray[np.uint8], others: NDArray[np.uint8]) -> NDArray[np.int64]:
    """Return for each row the distance to the nearest of the others."""
    nearest = np.full(len(rows), 256, np.int64)
    words = np.ascontiguousarray(rows).view(np.uint64)[:, None]
    for start in range(0, len(others), _CHUNK):
        chunk = np.ascontiguousarray(others[start : start + _CHUNK]).view(np.uint64)[None]
        nearest = np.minimum(nearest, np.bitwise_count(words ^ chunk).sum(axis=2, dtype=np.int64).min(axis=1))
    return nearest
