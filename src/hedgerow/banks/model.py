"""The nouns of banks: a bank, its entries, what is to be added, and a match."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from datetime import datetime

    from hedgerow.hashing.signal import Level, Signal
    from hedgerow.matching.segments import Segment

__all__ = [
    "Added",
    "Attributes",
    "Bank",
    "BankSummary",
    "Change",
    "Entry",
    "Exported",
    "ImportReport",
    "Match",
    "NewEntry",
    "PassedOver",
    "Refusal",
    "Rejection",
]


@dataclass(frozen=True, slots=True)
class Bank:
    """A named set of known signals.

    Attributes:
        id: Its number, never given out twice.
        name: What people call it.
        threshold: Largest distance in bits, inclusive, that counts as a match of perceptual signals.
        minimum_quality: A perceptual signal of lower quality is neither matched against the bank nor taken into it.
        is_enabled: Whether it is searched.
        created_at: When it was made.
        note: What a person wrote about it.
        level: How many ways a query is looked up in it: only what a file is, the ordinary alterations too, or the
            rarer ones too.
    """

    id: int
    name: str
    threshold: int
    minimum_quality: int
    is_enabled: bool
    created_at: datetime
    note: str | None = None
    level: Level = "standard"


@dataclass(frozen=True, slots=True)
class BankSummary:
    """A bank and how much is in it.

    Attributes:
        bank: The bank.
        live: Live entries by signal type.
        withdrawn: Entries that were withdrawn.
    """

    bank: Bank
    live: dict[str, int]
    withdrawn: int


@dataclass(frozen=True, slots=True)
class Attributes:
    """What is said about a signal when it is added. Many new entries may share one.

    Attributes:
        provenance: Where it comes from: ``person``, ``import``, ``exchange:NAME``.
        contributor: Who within that source said so: a member's id, an account's name.
        external_id: The source's own name for it.
        category: The source's own category.
        note: Free text.
        may_be_redistributed: Whether the source allows it to be passed on.
        added_at: When it was first added, where that is known from elsewhere; None for now.
        is_disputed: Whether others who share the source say that it does not belong there.
    """

    provenance: str = "person"
    contributor: str | None = None
    external_id: str | None = None
    category: str | None = None
    note: str | None = None
    may_be_redistributed: bool = False
    added_at: datetime | None = None
    is_disputed: bool = False

    def __post_init__(self) -> None:
        """Make None of an empty text: there is one way to say that nothing was said."""
        if "" in (self.contributor, self.external_id, self.category, self.note):
            for name in ("contributor", "external_id", "category", "note"):
                object.__setattr__(self, name, getattr(self, name) or None)


@dataclass(frozen=True, slots=True)
class NewEntry:
    """A signal that is to be added to a bank, and what is said about it."""

    signal: Signal
    attributes: Attributes = Attributes()


@dataclass(frozen=True, slots=True)
class Entry:
    """A known signal in a bank.

    Attributes:
        id: Its number, never given out twice.
        bank_id: The bank it is in.
        sequence: The number of its latest change, increasing over the whole database.
        signal: The signal, without its bits in any log. A video's frames are there only where they were asked for.
        attributes: What was said about it; `Attributes.added_at` is set.
        withdrawn_at: When it was withdrawn; None while it is live.
        withdrawn_reason: Why.
    """

    id: int
    bank_id: int
    sequence: int
    signal: Signal = field(repr=False)
    attributes: Attributes
    withdrawn_at: datetime | None = None
    withdrawn_reason: str | None = None


class Change(NamedTuple):
    """The state of an entry that was added or withdrawn since some sequence.

    A tuple, because thousands are made each second while a list is imported.

    Attributes:
        id: The entry.
        sequence: The number of the change.
        type: Its signal type.
        bits: Its signal.
        is_live: False when it was withdrawn.
    """

    id: int
    sequence: int
    type: str
    bits: bytes
    is_live: bool

    def __repr__(self) -> str:
        """Leave the signal out: it is in no log."""
        return f"Change(id={self.id}, sequence={self.sequence}, type={self.type!r}, is_live={self.is_live})"


@dataclass(frozen=True, slots=True)
class Refusal:
    """A signal that was not added.

    Attributes:
        position: Its place in what was given, from 0.
        reason: Why, without the value: "the digest of an empty file". There is a small number of reasons, so that
            they can be counted.
    """

    position: int
    reason: str


@dataclass(frozen=True, slots=True)
class Added:
    """What came of adding signals to a bank.

    Attributes:
        added: How many are new in the bank.
        already_there: How many the bank held already, live.
        refused: The others, in the order given.
    """

    added: int
    already_there: int
    refused: tuple[Refusal, ...] = ()


@dataclass(frozen=True, slots=True)
class Rejection:
    """A line of an imported file that was not added.

    Attributes:
        line: Its number, from 1; of a JSON document or table the number of the record.
        reason: Why, without its content.
    """

    line: int
    reason: str


@dataclass(frozen=True, slots=True)
class PassedOver:
    """Something in a list that is in order, and is not for us: it was left where it is and counted.

    Attributes:
        reason: Why. There is a small number of reasons.
    """

    reason: str


@dataclass(frozen=True, slots=True)
class ImportReport:
    """What came of importing a file.

    Attributes:
        format: The format it was read as: one of `hedgerow.banks.FORMATS`.
        added: Signals that are new in the bank.
        already_there: Signals that the bank held already, or that came twice.
        rejected: Signals and lines that were not taken.
        reasons: How many were rejected for each reason.
        rejections: The first of them, line by line, up to the limit of the import.
        passed_over: How many were in order and not for us, for each reason.
    """

    format: str
    added: int
    already_there: int
    rejected: int
    reasons: dict[str, int]
    rejections: tuple[Rejection, ...]
    passed_over: dict[str, int] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Exported:
    """What was written out of a bank.

    Attributes:
        counts: Entries that were written, by signal type.
        left_out: Live entries that the format has no place for, by signal type.
    """

    counts: dict[str, int]
    left_out: dict[str, int] = field(default_factory=dict)

    @property
    def entries(self) -> int:
        """How many were written.

        >>> Exported({"md5": 2, "sha1": 1}).entries
        3
        """
        return sum(self.counts.values())


@dataclass(frozen=True, slots=True)
class Match:
    """A bank entry within the bank's threshold of something that was looked up.

    Attributes:
        bank: The bank's name.
        entry: The entry's id.
        type: Signal type of the entry. ``vpdq`` is a known video, whatever was looked up; ``pdq`` a known picture.
        distance: Bits that differ; 0 for digests. Between two videos the mean over the known frames that were found,
            rounded.
        variant: The view of the media that came nearest; ``frame at 0:12.4`` where a video's frame is a known picture.
        category: The entry's category.
        provenance: The entry's provenance.
        segments: Between two videos: which stretches are the same, the longest first. Empty otherwise.
        known_share: Between two videos the share of the known one's time that was found, 0 to 1; None otherwise.
        query_share: Of a video that was looked up, the share of its time that is in the known video, 0 to 1; None
            otherwise.
        false_match_probability: How likely anything in this bank would match this query by chance, estimated from
            pictures that are unlike (`hedgerow.matching.background`); None where that is not known.
        query_time_s: When the known picture is shown in the video that was looked up.
        known_time_s: When the picture that was looked up is shown in the known video.
        known_duration_s: Length of the known video.
        contributor: Who within the entry's provenance said so.
        is_disputed: Whether others who share the entry's source say that it does not belong there.
        bank_id: The bank's number. 0 where it was not kept: in what a scan wrote down.
        threshold: The bank's, in bits, when it was searched. 0 where it was not kept.
    """

    bank: str
    entry: int
    type: str
    distance: int
    variant: str
    category: str | None = None
    provenance: str = "person"
    segments: tuple[Segment, ...] = ()
    known_share: float | None = None
    query_share: float | None = None
    false_match_probability: float | None = None
    query_time_s: float | None = None
    known_time_s: float | None = None
    known_duration_s: float | None = None
    contributor: str | None = field(default=None, kw_only=True)
    is_disputed: bool = field(default=False, kw_only=True)
    bank_id: int = field(default=0, kw_only=True)
    threshold: int = field(default=0, kw_only=True)

    def to_json(self) -> dict[str, object]:
        """Return the object that commands print: only strings, numbers, lists, objects and null.

        What belongs to videos stands there only where there is something to say.
        """
        found: dict[str, object] = {name: getattr(self, name) for name in _SAID_ALWAYS}
        for name in _SAID_OF_VIDEOS:
            value = getattr(self, name)
            if value is not None:
                found[name] = round(value, _DECIMALS)
        if self.is_disputed:
            found["is_disputed"] = True
        if self.segments:
            found["segments"] = [segment.to_json() for segment in self.segments]
        return found


_SAID_ALWAYS = (
    "bank",
    "entry",
    "type",
    "distance",
    "variant",
    "category",
    "provenance",
    "false_match_probability",
)
_DECIMALS = 4  # a share of a two-hour film to within a second; times are whole frames and less
_SAID_OF_VIDEOS = ("known_share", "query_share", "query_time_s", "known_time_s", "known_duration_s")
