"""A draft as forms: which fields a page shows of which part of it, and what comes back from them as content.

A *part* is an element of the document that has a page of its own, named by its path: ``incidentSummary``,
``personOrUserReported[1]/ipCaptureEvent[2]``, ``fileDetails[1]``; ``report`` is the document itself. Everything follows
the schema's table (`hedgerow.reports.cybertipline.schema`), so that no field is missing here that could be sent:

1. What can be stated once, or is a text with attributes, stands on the page of what it lies in.
2. What has fields of its own and can be repeated, the first level of the document, and each kind of a choice have pages
   of their own.
3. What only the records or the authority say is shown and has no field. What is obsolete is shown where it is stated.
4. What somebody typed and what does not fit stays as it was typed: the checks say at its field what is wrong with it.
"""

from __future__ import annotations

import hashlib
import json
import re
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from hedgerow.errors import InvalidReport
from hedgerow.reports.cybertipline.schema import Child, load_schema

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from hedgerow.reports.cybertipline.schema import Kind

__all__ = [
    "FILE",
    "INLINE_FIELDS",
    "LONG_TEXTS",
    "NO_PART",
    "NUMBERS",
    "REPORT",
    "STEP",
    "Control",
    "Fact",
    "Field",
    "FormPage",
    "Group",
    "Link",
    "Part",
    "Spot",
    "Step",
    "digest_of",
    "has_own_page",
    "home_of",
    "inline_items",
    "on_page",
    "root_of",
    "said_below",
    "spot_of",
]

REPORT: Final = "report"
FILE: Final = "fileDetails"
NUMBERS: Final = ("reportId", "fileId")
STEP: Final = re.compile(r"([A-Za-z0-9]{1,60})(?:\[([1-9][0-9]{0,4})\])?")
_MOST_STEPS: Final = 8  # the schema goes down seven levels

INLINE_FIELDS: Final = 12
"""Fields that the items of one list take on a page; further items have pages of their own. A form has at most a hundred
fields (`hedgerow.web.sessions`), and the largest page has some eighty with this."""

LONG_TEXTS: Final = frozenset(
    {
        *("additionalInfo", "content", "profileBio", "companyTemplate", "termsOfService", "fileNames", "value"),
        *("escalateToHighPriority", "incidentDateTimeDescription", "vehicleDescription"),
    }
)
"""What people write sentences into: fields of several lines, and where there may be several, a field for each."""


class Control(StrEnum):
    """How a field is filled in.

    Attributes:
        LINE: One line of text.
        AREA: Several lines of one text.
        LINES: Several texts, one in each line.
        CHOICE: One of a few words, or none.
        TRUTH: Yes, no, or nothing said.
        CHECK: True, or nothing said.
    """

    LINE = "line"
    AREA = "area"
    LINES = "lines"
    CHOICE = "choice"
    TRUTH = "truth"
    CHECK = "check"


@dataclass(frozen=True, slots=True)
class Field:
    """A field of a form.

    Attributes:
        name: Its path below the part.
        label: What people call it.
        control: How it is filled in.
        value: What is stated, as it would be typed; empty for nothing.
        options: What can be chosen.
        hint: What kind of value it takes, in a word: ``moment``, ``day``, ``number``, ``url``, ``ip``, ``email``,
            ``lines``; None for any text.
        most: Most characters.
        is_needed: Whether the document cannot be without it.
        problems: What keeps the report from being sent.
    """

    name: str
    label: str
    control: Control
    value: str
    options: tuple[str, ...] = ()
    hint: str | None = None
    most: int | None = None
    is_needed: bool = False
    problems: tuple[str, ...] = ()

    @property
    def is_stated(self) -> bool:
        """Whether anything is said."""
        return bool(self.value) or bool(self.problems)


@dataclass(frozen=True, slots=True)
class Fact:
    """Something that nobody can type: what the records of viewing say, which is put in when a file is written."""

    name: str
    label: str
    is_stated: bool = True


@dataclass(frozen=True, slots=True)
class Group:
    """Fields that belong together.

    Attributes:
        label: What people call it.
        number: Which of several; None where there is one.
        is_new: Whether it is blank, for one more.
        parts: What stands in it.
    """

    label: str
    number: int | None
    is_new: bool
    parts: tuple[Part, ...]

    @property
    def is_stated(self) -> bool:
        """Whether anything is said."""
        return any(each.is_stated for each in self.parts)


@dataclass(frozen=True, slots=True)
class Link:
    """A part with a page of its own.

    Attributes:
        at: Its path.
        label: What people call it.
        number: Which of several; None where there is one.
        is_new: Whether there is none yet: the page makes one.
        says: What it says, in some words.
        problems: How many things in it keep the report from being sent.
    """

    at: str
    label: str
    number: int | None
    is_new: bool
    says: str = ""
    problems: int = 0

    @property
    def is_stated(self) -> bool:
        """Whether there is one."""
        return not self.is_new or self.problems > 0


Part = Field | Fact | Group | Link


@dataclass(frozen=True, slots=True)
class FormPage:
    """A page of a draft.

    Attributes:
        at: The path of the part.
        labels: What people call it, from the outside in, with numbers where there are several.
        up: The part that it lies in; None for what lies in the document itself.
        seen: What the page has fields for as it was when the page was made, as a digest.
        usual: What people really fill in.
        more: What else there is.
        problems: What keeps the report from being sent and belongs to none of the fields.
        is_stated: Whether there is such a part yet.
        is_removable: Whether the document can be without it.
    """

    at: str
    labels: tuple[tuple[str, int | None], ...]
    up: str | None
    seen: str
    usual: tuple[Part, ...]
    more: tuple[Part, ...]
    problems: tuple[str, ...]
    is_stated: bool
    is_removable: bool

    @property
    def says_more(self) -> bool:
        """Whether something is stated among what people seldom fill in."""
        return any(each.is_stated for each in self.more if not isinstance(each, Fact))

    def fields(self) -> Iterator[Field]:
        """Go through all fields of the page."""
        yield from fields_of((*self.usual, *self.more))


def fields_of(parts: Iterable[Part]) -> Iterator[Field]:
    for each in parts:
        if isinstance(each, Field):
            yield each
        elif isinstance(each, Group):
            yield from fields_of(each.parts)


# ── where in the document ────────────────────────────────────────────────────────────────────────────────────────


class Step(NamedTuple):
    """One step down the document: which child, which of several, and the kind of element that it lies in."""

    child: Child
    number: int | None
    kind_above: Kind


class Spot(NamedTuple):
    """A part, found in the schema."""

    at: str
    file: int | None
    steps: tuple[Step, ...]
    kind: Kind

    @property
    def path(self) -> str:
        """As violations name it."""
        return self.at if self.file is not None or self.at == REPORT else f"{REPORT}/{self.at}"

    @property
    def is_document(self) -> bool:
        """Whether it is the whole."""
        return self.file is None and not self.steps


def spot_of(at: str) -> Spot:
    """Find a part.

    Raises:
        InvalidReport: The schema has no such part, or it has no page of its own.
    """
    schema = load_schema()
    words = at.split("/")
    kind = schema.roots["report"]
    file: int | None = None
    steps: list[Step] = []
    if words == [REPORT]:
        words = []
    elif words[0].startswith(f"{FILE}["):
        found = STEP.fullmatch(words.pop(0))
        if found is None:
            raise InvalidReport(NO_PART)
        kind, file = schema.roots["fileDetails"], int(found[2])
    if len(words) > _MOST_STEPS:
        raise InvalidReport(NO_PART)
    for word in words:
        found = STEP.fullmatch(word)
        child = None if found is None else kind.children.get(found[1])
        if found is None or child is None or child.is_repeated != (found[2] is not None) or child.kind.is_plain:
            raise InvalidReport(NO_PART)
        steps.append(Step(child, int(found[2]) if found[2] else None, kind))
        kind = child.kind
    return Spot(at, file, tuple(steps), kind)


NO_PART: Final = "it has no such part"


def has_own_page(child: Child, kind: Kind, number: int | None, *, is_first_level: bool) -> bool:
    """Tell whether an element has a page of its own (rules 1 and 2)."""
    if child.kind.is_plain:
        return False
    if child.kind.value is not None:
        return child.is_repeated and number is not None and number > inline_items(child.kind)
    return child.is_repeated or is_first_level or kind.is_choice


def inline_items(kind: Kind) -> int:
    """Return how many of several such elements have their fields on the page of what they lie in."""
    return max(1, INLINE_FIELDS // (1 + len(kind.attributes)))


def home_of(path: str) -> tuple[str, str]:
    """Return where something is mended that a violation names: the part with its page, and the field there.

    >>> home_of("report/personOrUserReported[1]/ipCaptureEvent[2]/port")
    ('personOrUserReported[1]/ipCaptureEvent[2]', 'port')
    >>> home_of("report/incidentSummary/incidentDateTime"), home_of("fileDetails[2]/industryClassification")
    (('incidentSummary', 'incidentDateTime'), ('fileDetails[2]', 'industryClassification'))
    """
    schema = load_schema()
    words = path.split("/")
    first = words.pop(0)
    kind = schema.roots["report" if first == REPORT else "fileDetails"]
    at = first
    rest: list[str] = []
    is_first_level = first == REPORT
    for place, word in enumerate(words):
        found = STEP.fullmatch(word)
        child = None if found is None else kind.children.get(found[1])
        if found is None or child is None:
            rest += words[place:]
            break
        number = int(found[2]) if found[2] else None
        if child.is_repeated and number is None:
            break  # of the list as a whole: it stands on the page above
        if has_own_page(child, kind, number, is_first_level=is_first_level):
            at, rest = "/".join([*([] if at == REPORT else [at]), *rest, word]), []
        else:
            rest.append(found[1] if child.kind.is_plain and child.name not in LONG_TEXTS else word)
        kind, is_first_level = child.kind, False
    return at, "/".join(rest)


def said_below(said: Any, steps: Sequence[Step]) -> Any:  # noqa: ANN401  (any part of content)
    """Return what a part says; None where there is none."""
    for child, number, _ in steps:
        said = said.get(child.name) if isinstance(said, dict) else None
        if number is not None:
            said = said[number - 1] if isinstance(said, list) and number <= len(said) else None
    return said


def on_page(kind: Kind, said: Any, *, is_first_level: bool = False) -> Any:  # noqa: ANN401  (any part of content)
    """Return of a part what its page has fields for, and not what stands on pages of its own."""
    if not isinstance(said, dict):
        return said
    shown = {}
    for name, value in said.items():
        child = kind.children.get(name)
        if child is None or child.kind.value is not None:
            shown[name] = value
        elif not has_own_page(child, kind, None, is_first_level=is_first_level):
            shown[name] = on_page(child.kind, value)
    return shown


def digest_of(said: Any) -> str:  # noqa: ANN401  (any part of content)
    """Return a word for what a page showed, by which a change of it in between is noticed."""
    return hashlib.sha256(json.dumps(said, sort_keys=True).encode()).hexdigest()[:32]


def root_of(spot: Spot, content: Mapping[str, Any], files: Sequence[Mapping[str, Any]]) -> Mapping[str, Any]:
    """Return what a part lies in: what is said of its file, or the whole report.

    Raises:
        InvalidReport: There is no such file.
    """
    if spot.file is None:
        return content
    if spot.file > len(files):
        raise InvalidReport("it has no such file")
    return files[spot.file - 1]
