"""The nouns of a draft: content, violation, file, completeness. Those of filing are in `filing_model`."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum
from typing import TYPE_CHECKING, Any, NamedTuple, Protocol

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = [
    "Completeness",
    "Content",
    "Draft",
    "DraftFile",
    "EvidenceFacts",
    "Part",
    "PreviewLine",
    "TextPlace",
    "ViewFacts",
    "Violation",
    "copied",
]

Content = dict[str, Any]
"""What a report says, nested as its schema is: repeated elements are lists, attributes have ``@`` before their name,
the text beside attributes is ``#text``. It holds texts, numbers, true and false, so that it can be kept as JSON."""


@dataclass(frozen=True, slots=True)
class Violation:
    """One thing for which a report cannot be sent. It never repeats what the field holds.

    Attributes:
        rule: ``R01`` to ``R19`` and ``B01`` to ``B05`` of the documentation, or a word: ``missing``, ``unknown``,
            ``repeated``, ``type``, ``enum``, ``length``, ``pattern``, ``choice``, ``blank``, ``characters``,
            ``obsolete``, ``email``, ``placeholder``.
        path: Which field: ``report/personOrUserReported[1]/espIdentifier``.
        message: What is wrong, with the name of the field in plain words.
        fix: Where and how to mend it.
    """

    rule: str
    path: str
    message: str
    fix: str

    @property
    def sentence(self) -> str:
        """The message and where to mend it."""
        return f"{self.message} {self.fix}"


class ViewFacts(NamedTuple):
    """What the records of viewing allow a report to say of a file.

    Attributes:
        file_viewed: Whether one of us has seen all of it.
        exif_viewed: Whether one of us has opened what the file says about itself, and all of it was seen too. None
            where that was opened and the file not seen in full: the form has no way to say so, and says nothing.
    """

    file_viewed: bool
    exif_viewed: bool | None


class TextPlace(StrEnum):
    """Where the text around a submission goes, as the author chooses.

    Attributes:
        ADDITIONAL_INFO: Into the report's own text.
        SUPPLEMENT: Into a text file beside the media, as "Supplemental Reported".
        NOWHERE: It is left out.
    """

    ADDITIONAL_INFO = "additional_info"
    SUPPLEMENT = "supplement"
    NOWHERE = "nowhere"


@dataclass(frozen=True, slots=True)
class DraftFile:
    """One file of a draft.

    Attributes:
        name: What the author calls it; nobody outside sees it.
        details: What is said of it, without the numbers that the authority gives and without what the records of
            viewing say: neither can be typed.
        viewed: What the records say. None for a text that we wrote together ourselves.
        submission_id: The submission; None where there is none.
        evidence_id: Where its bytes are kept; None where they are not, or not yet.
        text: The whole of a text file that has yet to be put into the evidence; None for media.
    """

    name: str
    details: Content = field(repr=False)
    viewed: ViewFacts | None = None
    submission_id: int | None = None
    evidence_id: int | None = None
    text: str | None = field(default=None, repr=False)


@dataclass(frozen=True, slots=True)
class Draft:
    """What a case gives for a report. A person completes it.

    Attributes:
        content: Of the document ``report``.
        files: In the order in which they will be sent.
        notes: What the author should know: what was left out and why. They name fields, never what these hold.
    """

    content: Content = field(repr=False)
    files: tuple[DraftFile, ...] = ()
    notes: tuple[str, ...] = ()


class Part(NamedTuple):
    """A part of completeness.

    Attributes:
        name: ``identity``, ``time``, ``ip``, ``content``, ``location`` or ``contact``.
        label: In plain words.
        points: Of `most`.
        most: What it weighs.
        missing: What would help, in plain words.
    """

    name: str
    label: str
    points: int
    most: int
    missing: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Completeness:
    """How useful a report is to whoever has to find a person by it. It never keeps a report from being sent.

    Attributes:
        parts: Each part of it.
    """

    parts: tuple[Part, ...]

    @property
    def score(self) -> int:
        """0 to 100."""
        return sum(part.points for part in self.parts)

    @property
    def missing(self) -> tuple[str, ...]:
        """What would help most comes first."""
        by_loss = sorted(self.parts, key=lambda part: part.points - part.most)
        return tuple(each for part in by_loss for each in part.missing)


class PreviewLine(NamedTuple):
    """One line of what people read before they approve.

    Attributes:
        label: The field in plain words, with those that it lies in.
        value: What is said.
        path: The field in the schema's words.
    """

    label: str
    value: str
    path: str


class EvidenceFacts(Protocol):
    """What is needed of a kept file; what the evidence room keeps has all of it."""

    @property
    def id(self) -> int:
        """Its number."""

    @property
    def submission_id(self) -> int | None:
        """The submission whose media it is; None for an attachment."""

    @property
    def name(self) -> str | None:
        """The file's name, where one is known."""

    @property
    def object(self) -> str | None:
        """What the vault calls its bytes; None where there are none, or none any more."""

    @property
    def md5(self) -> bytes | None:
        """16 bytes."""

    @property
    def sha1(self) -> bytes | None:
        """20 bytes."""

    @property
    def sha256(self) -> bytes | None:
        """32 bytes."""

    @property
    def pdq(self) -> bytes | None:
        """32 bytes; None where there is none."""


def copied(content: Mapping[str, Any]) -> Content:
    """Copy content, all the way down."""
    return {name: _copied(value) for name, value in content.items()}


def _copied(value: Any) -> Any:  # noqa: ANN401  (any part of content)
    if isinstance(value, dict):
        return copied(value)
    return [_copied(each) for each in value] if isinstance(value, list) else value
