"""The nouns of banks: a bank, its entries, what is to be added, and a match."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from datetime import datetime

    from hedgerow.hashing.signal import Signal

__all__ = [
    "Added",
    "Attributes",
    "Bank",
    "BankSummary",
    "Change",
    "Entry",
    "ImportReport",
    "Match",
    "NewEntry",
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
    """

    id: int
    name: str
    threshold: int
    minimum_quality: int
    is_enabled: bool
    created_at: datetime
    note: str | None = None


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
    """

    provenance: str = "person"
    contributor: str | None = None
    external_id: str | None = None
    category: str | None = None
    note: str | None = None
    may_be_redistributed: bool = False
    added_at: datetime | None = None

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
        signal: The signal, without its bits in any log.
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


@dataclass(frozen=True, slots=True)
class Change:
    """The state of an entry that was added or withdrawn since some sequence.

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
    bits: bytes = field(repr=False)
    is_live: bool


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
        line: Its number, from 1.
        reason: Why, without its content.
    """

    line: int
    reason: str


@dataclass(frozen=True, slots=True)
class ImportReport:
    """What came of importing a file.

    Attributes:
        format: The format it was read as: ``text``, ``csv`` or ``jsonl``.
        added: Signals that are new in the bank.
        already_there: Signals that the bank held already, or that came twice.
        rejected: Signals and lines that were not taken.
        reasons: How many were rejected for each reason.
        rejections: The first of them, line by line, up to the limit of the import.
    """

    format: str
    added: int
    already_there: int
    rejected: int
    reasons: dict[str, int]
    rejections: tuple[Rejection, ...]


@dataclass(frozen=True, slots=True)
class Match:
    """A bank entry within the bank's threshold of something that was looked up.

    Attributes:
        bank: The bank's name.
        entry: The entry's id.
        type: Signal type of both.
        distance: Bits that differ; 0 for digests.
        variant: The view of the media that came nearest.
        category: The entry's category.
        provenance: The entry's provenance.
    """

    bank: str
    entry: int
    type: str
    distance: int
    variant: str
    category: str | None = None
    provenance: str = "person"
