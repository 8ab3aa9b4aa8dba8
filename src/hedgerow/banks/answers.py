"""From what the indexes found to matches: weigh videos, describe entries, estimate chance."""

from __future__ import annotations

from collections import OrderedDict
from dataclasses import dataclass, field
from functools import cache
from threading import Lock
from typing import TYPE_CHECKING, Any, Final

from hedgerow.banks.held import describe_entries, find_frames
from hedgerow.banks.model import Match
from hedgerow.matching.videos import FRAME_BITS, VideoRule, compare_videos

if TYPE_CHECKING:
    from collections.abc import Sequence

    from hedgerow.banks.held import Description
    from hedgerow.banks.lookup import Equal, LikeFrames, Near, Rows
    from hedgerow.banks.model import Bank
    from hedgerow.database.plain import Readable, ReadConnection
    from hedgerow.hashing.frame_list import FrameList
    from hedgerow.hashing.signal import Signal
    from hedgerow.matching.background import Background
    from hedgerow.matching.videos import Likeness

__all__ = ["Answer", "Reporter", "frame_name"]

_KEPT_FRAMES: Final = 500_000
"""Frames of known videos kept in memory between searches, 27 MB: a clip that goes round is found again and again."""


@dataclass(slots=True)
class Answer:
    """What one bank's indexes found.

    Attributes:
        bank: Which bank.
        rows: What was looked up among its pictures and frames.
        equal: Its digests that were found.
        pictures: Its pictures, by the nearest row.
        in_videos: Its videos in which a picture was found, by the nearest frame.
        likes: Its videos that have frames in common with one that was looked up.
        sizes: Rows of its indexes by signal type.
    """

    bank: Bank
    rows: Rows | None = None
    equal: list[Equal] = field(default_factory=list)
    pictures: list[Near] = field(default_factory=list)
    in_videos: list[Near] = field(default_factory=list)
    likes: list[LikeFrames] = field(default_factory=list)
    sizes: dict[str, int] = field(default_factory=dict)

    @property
    def is_empty(self) -> bool:
        """Whether nothing was found."""
        return not (self.equal or self.pictures or self.in_videos or self.likes)

    def entries(self) -> set[int]:
        """Name the entries that were found."""
        return {
            *(equal.entry for equal in self.equal),
            *(near.id for near in self.pictures),
            *(near.id >> FRAME_BITS for near in self.in_videos),
            *(like.entry for like in self.likes),
        }

    def videos(self) -> set[int]:
        """Name those of which the frames are needed."""
        return {*(near.id >> FRAME_BITS for near in self.in_videos), *(like.entry for like in self.likes)}


class Reporter:
    """Turns answers into matches.

    Args:
        database: Where the entries are described.
        rule: When two videos match.
    """

    def __init__(self, database: Readable, rule: VideoRule | None = None) -> None:
        self.rule = rule or VideoRule()
        self._database = database
        self._known = _KnownFrames()

    def report(self, media: Sequence[Sequence[Signal]], answers: Sequence[Answer]) -> list[list[Match]]:
        """Return the matches of each media, in no order.

        What was withdrawn since the last refresh is not among them.
        """
        reported: list[list[Match]] = [[] for _ in media]
        ids = sorted({entry for answer in answers for entry in answer.entries()})
        if not ids:
            return reported
        videos = sorted({entry for answer in answers for entry in answer.videos()})
        with self._database.read_latest() as connection:  # frames never change: no two statements need one state
            described = describe_entries(connection, ids)
            known = self._known.of(connection, [entry for entry in videos if entry in described])
        for answer in answers:
            _Report(media, answer, described, known, self.rule).add_to(reported)
        return reported


class _Report:
    """The matches of one bank."""

    def __init__(
        self,
        media: Sequence[Sequence[Signal]],
        answer: Answer,
        described: dict[int, Description],
        known: dict[int, FrameList],
        rule: VideoRule,
    ) -> None:
        self._media = media
        self._answer = answer
        self._described = described
        self._known = known
        self._rule = rule

    def add_to(self, reported: list[list[Match]]) -> None:
        """Append the matches of each media."""
        for equal in self._answer.equal:
            if equal.entry in self._described:
                variant = self._media[equal.media][equal.order].variant
                reported[equal.media].append(self._of(equal.entry, equal.type, 0, variant))
        for near in self._answer.pictures:
            if near.id in self._described:
                reported[near.media].append(self._picture(near))
        told = set()
        for like in self._answer.likes:
            match = self._video(like)
            if match is not None:
                told.add((like.media, like.entry))
                reported[like.media].append(match)
        for near in self._answer.in_videos:
            entry = near.id >> FRAME_BITS
            if entry in self._known and (near.media, entry) not in told:
                reported[near.media].append(self._in_video(near, entry))

    def _picture(self, near: Near) -> Match:
        """Describe a known picture that was found, as a picture or as a frame of a video."""
        assert self._answer.rows is not None  # noqa: S101  (what was found was looked up)
        row = self._answer.rows.at(near.row)
        signal = self._media[row.media][row.order]
        time_s = None if signal.frames is None else float(signal.frames.times_s[row.frame])
        return self._of(
            near.id,
            "pdq",
            near.distance,
            signal.variant if time_s is None else frame_name(time_s, signal.variant),
            false_match_probability=self._chance(near.distance, near.media, "pdq"),
            query_time_s=time_s,
        )

    def _in_video(self, near: Near, entry: int) -> Match:
        """Describe a known video in which a picture was found."""
        assert self._answer.rows is not None  # noqa: S101  (what was found was looked up)
        row = self._answer.rows.at(near.row)
        known = self._known[entry]
        return self._of(
            entry,
            "vpdq",
            near.distance,
            self._media[row.media][row.order].variant,
            false_match_probability=self._chance(near.distance, near.media, "vpdq"),
            known_time_s=float(known.times_s[near.id & ((1 << FRAME_BITS) - 1)]),
            known_duration_s=known.duration_s,
        )

    def _video(self, like: LikeFrames) -> Match | None:
        """Describe a known video that was found in another, if that is a match."""
        signal = self._media[like.media][like.order]
        known = self._known.get(like.entry)
        if known is None or signal.frames is None:
            return None
        likeness = compare_videos(signal.frames, known, like.pairs, self._answer.bank.minimum_quality, self._rule)
        return self._match(like, signal, known, likeness) if likeness.is_match else None

    def _match(self, like: LikeFrames, signal: Signal, known: FrameList, likeness: Likeness) -> Match:
        return self._of(
            like.entry,
            "vpdq",
            round(likeness.distance),
            signal.variant,
            segments=likeness.segments,
            known_share=likeness.known_share,
            query_share=likeness.query_share,
            false_match_probability=self._chance(int(like.pairs.distance.min()), like.media, "vpdq"),
            known_duration_s=known.duration_s,
        )

    def _of(self, entry: int, name: str, distance: int, variant: str, **others: Any) -> Match:  # noqa: ANN401  (of a match)
        """Make a match of what is known of the bank and the entry, and of what was found."""
        bank, said = self._answer.bank, self._described[entry]
        return Match(
            bank.name,
            entry,
            name,
            distance,
            variant,
            said.category,
            said.provenance,
            contributor=said.contributor,
            is_disputed=said.is_disputed,
            bank_id=bank.id,
            threshold=bank.threshold,
            **others,
        )

    def _chance(self, distance: int, media: int, name: str) -> float:
        """Estimate how likely anything of this bank would be so near by chance.

        The background knows how near the nearest of all variants comes; what is looked up beside those are the
        different frames.
        """
        background = _background()
        bank = self._answer.bank
        looked_up = sum(
            1 if signal.frames is None else len(signal.frames)
            for signal in self._media[media]
            if signal.type in ("pdq", "vpdq") and signal.level == "exact"
        )
        pairs = self._answer.sizes[name] * max(1, looked_up)
        return background.nearest_probability(distance, pairs, level=bank.level)


@cache
def _background() -> Background:
    from hedgerow.matching.background import Background  # noqa: PLC0415  (only a match needs it)

    return Background.default()


class _KnownFrames:
    """Frames of known videos, which never change, the latest used kept."""

    def __init__(self) -> None:
        self._lock = Lock()
        self._kept: OrderedDict[int, FrameList] = OrderedDict()
        self._frames = 0

    def of(self, connection: ReadConnection, entries: Sequence[int]) -> dict[int, FrameList]:
        """Return the frames of these entries."""
        with self._lock:
            found = {entry: self._kept[entry] for entry in entries if entry in self._kept}
            for entry in found:
                self._kept.move_to_end(entry)
        found |= find_frames(connection, [entry for entry in entries if entry not in found])
        with self._lock:
            for entry, frames in found.items():
                if entry not in self._kept:
                    self._kept[entry] = frames
                    self._frames += len(frames)
            while self._frames > _KEPT_FRAMES and self._kept:
                _, dropped = self._kept.popitem(last=False)
                self._frames -= len(dropped)
        return found


def frame_name(time_s: float, variant: str) -> str:
    """Name a view of one frame of a video.

    >>> frame_name(12.44, "as is"), frame_name(3725.0, "mirrored")
    ('frame at 0:12.4', 'frame at 1:02:05.0, mirrored')
    """
    tenths = round(time_s * 10)
    minutes, rest = divmod(tenths, 600)
    hours, minute = divmod(minutes, 60)
    clock = f"{rest // 10:02}.{rest % 10}"
    from hedgerow.hashing.hasher import variant_name  # noqa: PLC0415  (it loads decoders)

    return variant_name(f"frame at {hours}:{minute:02}:{clock}" if hours else f"frame at {minute}:{clock}", variant)
