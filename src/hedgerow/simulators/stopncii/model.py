"""What StopNCII.org holds: hashes, the cases behind them, and what platforms said about them."""

from __future__ import annotations

import hashlib
import re
import uuid
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from collections.abc import Iterator
    from datetime import datetime

__all__ = [
    "CASE_STATUSES",
    "ENDED_STATUSES",
    "FEEDBACK_VALUES",
    "OPENED_AT",
    "SIGNAL_TYPES",
    "Feedback",
    "GivenFeedback",
    "Key",
    "Record",
    "made_up_records",
    "numbered_case",
]

Key = tuple[str, str]
"""The type of a signal and its value: a record is known by both."""

SIGNAL_TYPES: Final = ("Unknown", "ImagePDQ", "VideoMD5", "VideoTMK", "Text", "URL")
CASE_STATUSES: Final = ("Unknown", "Received", "Active", "Withdrawn", "Deleted")
FEEDBACK_VALUES: Final = (
    "Unknown",
    "None",
    "QualityUnknown",
    "PendingReview",
    "Blocked",
    "NotBlocked",
    "Withdrawn",
    "Deleted",
)
ENDED_STATUSES: Final = frozenset({"Withdrawn", "Deleted"})
"""The only statuses that end a hash: whatever else it says, also a word that nobody knows, it is live."""

OPENED_AT: Final = 1_638_403_200
"""2 December 2021, when StopNCII.org opened; in seconds since 1970. Records without a time of their own have it."""

_SHAPES: Final = {"ImagePDQ": re.compile(r"(?!0{64})[0-9A-Fa-f]{64}"), "VideoMD5": re.compile(r"[0-9A-Fa-f]{32}")}
_CASES: Final = uuid.UUID("5b1d3f0c-9d6e-4f0a-8a52-7f1f0d5a3c11")  # any; it makes the numbers of cases repeatable


@dataclass(frozen=True, slots=True)
class Feedback:
    """What one platform says about a hash.

    Attributes:
        source: The platform.
        value: One of `FEEDBACK_VALUES`, or a word outside them.
        tags: In its own words.
    """

    source: str
    value: str
    tags: tuple[str, ...] = ()

    def as_json(self) -> dict[str, Any]:
        """Return it as it stands in a record."""
        return {"source": self.source, "feedbackValue": self.value, "tags": list(self.tags)}


@dataclass(frozen=True, slots=True)
class GivenFeedback:
    """One feedback that was submitted, as a test may read it.

    Attributes:
        at: When it came.
        hash_value: About which hash; it names no type.
        value: One of `FEEDBACK_VALUES`.
        tags: In the platform's own words.
    """

    at: datetime
    hash_value: str = field(repr=False)
    value: str
    tags: tuple[str, ...]


@dataclass(slots=True, eq=False)
class Record:
    """A hash with everything that is known about it.

    Attributes:
        signal_type: One of `SIGNAL_TYPES`, or a word outside them.
        value: The hash.
        modified: When it last changed, in seconds since 1970.
        cases: Their statuses by their numbers.
        regions: Where it matters, such as ``UK``.
        feedbacks: What platforms say, by platform; the last of each counts.
        extra: Fields that no description names.
        is_deleted: Whether the service removed it, whatever its cases say.
    """

    signal_type: str
    value: str = field(repr=False)
    modified: int
    cases: dict[str, str] = field(default_factory=dict, repr=False)
    regions: tuple[str, ...] = ()
    feedbacks: dict[str, Feedback] = field(default_factory=dict, repr=False)
    extra: dict[str, Any] = field(default_factory=dict, repr=False)
    is_deleted: bool = False
    rank: str = field(init=False, repr=False)

    def __post_init__(self) -> None:
        # Where it stands among others: by nothing that a caller could guess, and not the value itself.
        self.rank = hashlib.sha256(f"{self.signal_type}\0{self.value}".encode()).hexdigest()[:32]

    @property
    def key(self) -> Key:
        """Its type and value."""
        return self.signal_type, self.value

    @property
    def status(self) -> str:
        """The status of all cases together: it is withdrawn only when no live case remains."""
        if self.is_deleted:
            return "Deleted"
        statuses = list(self.cases.values())
        if not statuses or "Active" in statuses:
            return "Active"  # without any case it came from a platform
        return next((each for each in statuses if each not in ENDED_STATUSES), "Withdrawn")

    @property
    def is_live(self) -> bool:
        """Whether it is to be matched."""
        return self.status not in ENDED_STATUSES

    @property
    def is_sound(self) -> bool:
        """Whether its value can be one of its type; of a type that nobody can judge, any can."""
        shape = _SHAPES.get(self.signal_type)
        return shape is None or shape.fullmatch(self.value) is not None

    def live_cases(self) -> list[str]:
        """Return the numbers of the cases that still ask for it."""
        return [number for number, status in self.cases.items() if status not in ENDED_STATUSES]

    def as_json(self) -> dict[str, Any]:
        """Return it as it stands in a page; regions and feedback are left out where there are none, as in life."""
        found: dict[str, Any] = {
            "lastModtimestamp": self.modified,
            "signalType": self.signal_type,
            "hashValue": self.value,
            "hashStatus": self.status,
        }
        if self.regions:
            found["hashRegions"] = list(self.regions)
        found["caseNumbers"] = dict(self.cases)
        if self.feedbacks:
            found["CSPFeedbacks"] = [each.as_json() for each in self.feedbacks.values()]
        return {**self.extra, **found}


def numbered_case(number: int) -> str:
    """Return the number of the how-manieth case, which is the same in every run.

    >>> numbered_case(1) == numbered_case(1) != numbered_case(2)
    True
    """
    return str(uuid.uuid5(_CASES, str(number)))


def made_up_records(count: int, *, first: int = 0, every_s: int = 60) -> Iterator[dict[str, Any]]:
    """Make up hashes of pictures that never were, for rehearsals; the same ones in every run.

    Args:
        count: How many.
        first: The number of the first.
        every_s: How many seconds lie between two of them.

    Yields:
        What ``records`` of the play takes. No two lie near each other: they are digests.

    >>> [len(each["hashValue"]) for each in made_up_records(2)]
    [64, 64]
    """
    for number in range(first, first + count):
        yield {
            "hashValue": hashlib.sha256(f"hedgerow simulator {number}".encode()).hexdigest(),
            "lastModtimestamp": OPENED_AT + number * every_s,
        }
