"""The nouns of scanning: what is asked, what came of each file, and how the whole went."""

from __future__ import annotations

import json
from collections import Counter
from dataclasses import dataclass, field, fields
from typing import Any

from hedgerow.banks import Match
from hedgerow.hashing import Unchecked
from hedgerow.hashing.caution import KNOWN_GOOD, Caution
from hedgerow.matching.segments import Segment
from hedgerow.media import MediaInfo

__all__ = ["FileResult", "Progress", "ScanStatistics", "ThroughputSample"]

# How the place of a picture inside an archive is written: the separator of Java's jar: URLs
# (JarURLConnection, "jar:file:/a.jar!/member").
MEMBER_SEPARATOR = "!/"

_MEDIA = tuple(each.name for each in fields(MediaInfo))
_MATCH = tuple(each.name for each in fields(Match))
_SEGMENT = tuple(each.name for each in fields(Segment))
_SEGMENTS = _MATCH.index("segments")
_encode = json.JSONEncoder(separators=(",", ":")).encode


@dataclass(frozen=True, slots=True)
class FileResult:
    """What came of one file, or of one member of an archive.

    Attributes:
        path: The file, as it was found.
        member: The name inside an archive; None for a plain file, and for what concerns an archive as a whole.
        media: What it is; None when not even that could be told.
        matches: The bank entries near it, in the order that the matcher gave.
        unchecked: Why some or all of it could not be looked at, or None.
        caution: What to know about it all the same, or None.
        is_seen: Whether a picture in it was hashed, at least in part.
    """

    path: str
    member: str | None = None
    media: MediaInfo | None = None
    matches: tuple[Match, ...] = ()
    unchecked: Unchecked | None = None
    caution: Caution | None = None
    is_seen: bool = False

    @property
    def place(self) -> str:
        """Where it lies: the path, or ``archive.zip!/member.jpg`` as in jar URLs.

        >>> FileResult("a.zip", "b.jpg").place
        'a.zip!/b.jpg'
        """
        return self.path if self.member is None else f"{self.path}{MEMBER_SEPARATOR}{self.member}"

    @property
    def is_known_good(self) -> bool:
        """Whether it is known software, which was not decoded."""
        return self.caution is not None and self.caution.reason == KNOWN_GOOD.reason

    def to_json(self) -> dict[str, Any]:
        """Return the object that ``scan --json`` prints: only strings, numbers, lists, objects and null."""
        media = self.media
        return {
            "path": self.place,
            "media": None
            if media is None
            else {
                "type": media.type,
                "width": media.width,
                "height": media.height,
                "frames": media.frames,
                "duration_s": media.duration_s,
            },
            "matches": [match.to_json() for match in self.matches],
            "unchecked": _words(self.unchecked),
            "caution": _words(self.caution),
        }

    def to_answer(self) -> str:
        """Write all but path and member as the JSON text that the journal keeps."""
        return _encode(
            [
                None if self.media is None else [getattr(self.media, name) for name in _MEDIA],
                [_match_values(match) for match in self.matches],
                None if self.unchecked is None else [self.unchecked.reason, self.unchecked.detail],
                None if self.caution is None else [self.caution.reason, self.caution.detail],
                self.is_seen,
            ]
        )

    @classmethod
    def from_answer(cls, path: str, member: str | None, answer: str) -> FileResult:
        """Rebuild a result from what `to_answer` gave.

        Raises:
            ValueError: The text is no answer.

        >>> result = FileResult("a.jpg", media=MediaInfo("image/jpeg", 4, 3), is_seen=True)
        >>> FileResult.from_answer("a.jpg", None, result.to_answer()) == result
        True
        """
        try:
            media, matches, unchecked, caution, is_seen = json.loads(answer)
            return cls(
                path,
                member,
                None if media is None else MediaInfo(**dict(zip(_MEDIA, media, strict=True))),
                tuple(_match(values) for values in matches),
                None if unchecked is None else Unchecked(*unchecked),
                None if caution is None else Caution(*caution),
                is_seen,
            )
        except TypeError as error:
            raise ValueError("no answer") from error

    def to_line(self) -> str:
        r"""Return `to_json` as one line without its end.

        Plain ASCII with escapes: safe on any terminal and in any encoding. Bytes of a file name that are no UTF-8
        stand as lone surrogates (``\udcff`` for 0xFF), from which Python's `os.fsencode` gives the name back.
        """
        return json.dumps(self.to_json(), separators=(", ", ": "))


def _match_values(match: Match) -> list[Any]:
    values = [getattr(match, name) for name in _MATCH]
    values[_SEGMENTS] = [[getattr(segment, name) for name in _SEGMENT] for segment in match.segments]
    return values


def _match(values: list[Any]) -> Match:
    plain = dict(zip(_MATCH, values, strict=True))
    plain["segments"] = tuple(Segment(**dict(zip(_SEGMENT, each, strict=True))) for each in plain["segments"])
    return Match(**plain)


def _words(note: Unchecked | Caution | None) -> dict[str, str] | None:
    return None if note is None else {"reason": note.reason, "detail": note.detail}


@dataclass(frozen=True, slots=True)
class Progress:
    """How far a scan is.

    Attributes:
        files_done: Files answered so far, those from the journal included.
        files_total: Files there were when the scan was measured; None when it was not.
        size_done_bytes: Bytes of the files answered so far.
        size_total_bytes: Bytes of all files; None when not measured.
        matched: Files and archive members with a match so far.
        unchecked: Files and archive members that could not be checked, or only in part, so far.
        elapsed_s: Seconds since the scan began.
        files_per_s: Files answered a second in this run, those from the journal left out.
        remaining_s: Seconds to go, estimated; None while there is nothing to estimate from.
    """

    files_done: int
    files_total: int | None
    size_done_bytes: int
    size_total_bytes: int | None
    matched: int
    unchecked: int
    elapsed_s: float
    files_per_s: float
    remaining_s: float | None


@dataclass(frozen=True, slots=True)
class ThroughputSample:
    """How far this run was at one moment.

    Attributes:
        elapsed_s: Seconds since the run began.
        files: Files that this run had answered by then, those from the journal left out.
    """

    elapsed_s: float
    files: int


@dataclass(slots=True)
class ScanStatistics:
    """How the whole scan went. What follows from the results comes first, what depends on the run after it.

    Attributes:
        files: Files found, an archive being one.
        size_bytes: Their bytes.
        results: Answers: one for a file, one for each member of an archive.
        pictures: Answers in which a picture was hashed, at least in part.
        videos: Answers in which a video was hashed, at least in part.
        matched: Answers with at least one match.
        matches: Matches in all.
        unchecked: Answers that could not be checked or only in part, by reason.
        cautions: Answers with a caution, known software left out.
        distances: Matches by distance in bits.
        links_skipped: Links that were not followed.
        excluded: Files and folders that the request left out.
        resumed: Files answered from the journal of an earlier, interrupted run.
        journal_was_damaged: Whether that journal was damaged, set aside and not used.
        duration_s: Seconds that this run took.
        samples: At most 240 points of this run's course, evenly spread in time.
        known_good: Answers about known software, which was not decoded.
    """

    files: int = 0
    size_bytes: int = 0
    results: int = 0
    pictures: int = 0
    videos: int = 0
    matched: int = 0
    matches: int = 0
    unchecked: Counter[str] = field(default_factory=Counter)
    cautions: int = 0
    distances: Counter[int] = field(default_factory=Counter)
    links_skipped: int = 0
    excluded: int = 0
    resumed: int = 0
    journal_was_damaged: bool = False
    duration_s: float = 0.0
    samples: list[ThroughputSample] = field(default_factory=list)
    known_good: int = 0

    @property
    def unchecked_results(self) -> int:
        """Answers that could not be checked, or only in part, for whatever reason."""
        return self.unchecked.total()

    @property
    def files_per_s(self) -> float:
        """Files answered a second in this run, those from the journal left out; 0 before any time has passed."""
        return (self.files - self.resumed) / self.duration_s if self.duration_s > 0 else 0.0

    def count(self, result: FileResult) -> None:
        """Take one answer into the counts."""
        self.results += 1
        is_video = result.media is not None and result.media.type.startswith("video/")
        self.videos += result.is_seen and is_video
        self.pictures += result.is_seen and not is_video
        self.matched += bool(result.matches)
        self.matches += len(result.matches)
        for match in result.matches:
            self.distances[match.distance] += 1
        if result.unchecked is not None:
            self.unchecked[result.unchecked.reason] += 1
        self.known_good += result.is_known_good
        self.cautions += result.caution is not None and not result.is_known_good
