"""The schema of a CyberTipline document as a table: which elements there are, in which order, how often, holding what.

The table is `schema.json` beside this file: facts of the published schema of November 2025, the documented lengths, and
our own words for each field. Everything that renders, reads, checks, draws or documents a report follows it.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import TYPE_CHECKING, Any, Final, Literal

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

__all__ = ["ROOTS", "TEXT", "Attribute", "Child", "Kind", "Root", "Schema", "Value", "load_schema", "walk"]

Root = Literal["report", "fileDetails"]
ROOTS: Final[tuple[Root, ...]] = ("report", "fileDetails")

TEXT: Final = "#text"
"""In content: the text of an element that has attributes beside it."""


@dataclass(frozen=True, slots=True)
class Value:
    """What a text or an attribute may be.

    Attributes:
        base: ``string``, ``token``, ``boolean``, ``int``, ``long``, ``double``, ``date`` or ``dateTime``.
        words: The only ones it may be; none where it is free.
        pattern: A regular expression that all of it follows.
        max_length: Most characters.
        form: ``url``, ``ip``, ``email`` or ``report id`` where it has to be one.
        past: The rule by which it lies in the past: R01 or R09.
        range: The rule, the least and the greatest.
        is_fixed_true: It is there, or it is not: false cannot be written.
    """

    base: str
    words: tuple[str, ...] = ()
    pattern: str | None = None
    max_length: int | None = None
    form: str | None = None
    past: str | None = None
    range: tuple[str, int, int] | None = None
    is_fixed_true: bool = False


@dataclass(frozen=True, slots=True)
class Attribute:
    """An attribute of an element.

    Attributes:
        name: As it is written, without the ``@`` that it has in content.
        label: What people call it.
        value: What it may be.
        is_required: Whether the element cannot be without it.
    """

    name: str
    label: str
    value: Value
    is_required: bool = False


@dataclass(frozen=True, slots=True)
class Child:
    """An element at one place of the document.

    Attributes:
        name: As it is written.
        label: What people call it.
        kind: What it holds.
        minimum: How often it stands there at least.
        maximum: How often at most; None is any number.
        advised: How often at most, where the documentation allows fewer than the schema.
        alternatives: Names of which only one may stand there, this one among them.
        is_obsolete: In the schema, and not to be written any more.
    """

    name: str
    label: str
    kind: Kind
    minimum: int
    maximum: int | None
    advised: int | None = None
    alternatives: tuple[str, ...] = ()
    is_obsolete: bool = False

    @property
    def is_repeated(self) -> bool:
        """Whether content holds a list of it."""
        return self.maximum is None


@dataclass(frozen=True, slots=True)
class Kind:
    """What an element holds.

    Attributes:
        name: Of the type in the table; the element's own where it has no other.
        value: Its text; None where it holds elements, or nothing.
        attributes: By name.
        children: By name, in the order of the schema.
        is_choice: Exactly one of the children.
        is_in_order: False where the schema takes the children in any order; they are rendered in the table's all the
            same.
    """

    name: str
    value: Value | None
    attributes: Mapping[str, Attribute]
    children: Mapping[str, Child]
    is_choice: bool = False
    is_in_order: bool = True

    @property
    def is_plain(self) -> bool:
        """Whether it is a text and nothing else."""
        return self.value is not None and not self.attributes


@dataclass(frozen=True, slots=True)
class Schema:
    """The table.

    Attributes:
        roots: What the two documents hold.
        words: The enumerations, by their names in the table.
    """

    roots: Mapping[str, Kind]
    words: Mapping[str, tuple[str, ...]]


@cache
def load_schema(*, is_newer: bool = False) -> Schema:
    """Read the table.

    Args:
        is_newer: With the elements that later documentation names and no schema that we know has.

    >>> list(load_schema().roots["report"].children)[:3]
    ['batchedReport', 'incidentSummary', 'internetDetails']
    """
    facts = json.loads(files("hedgerow.reports.cybertipline").joinpath("schema.json").read_text("utf-8"))
    reader = _Reader(facts, is_newer=is_newer)
    words = {name: tuple(each["enum"]) for name, each in facts["simpleTypes"].items() if "enum" in each}
    return Schema({root: reader.kind(root, facts["elements"][root]) for root in ROOTS}, words)


def walk(kind: Kind, path: str = "") -> Iterator[tuple[str, Child | Attribute]]:
    """Go through every field below an element, in the order of the document, each with its path.

    >>> [path for path, _ in walk(load_schema().roots["report"])][:2]
    ['batchedReport', 'batchedReport/@reason']
    """
    for attribute in kind.attributes.values():
        yield f"{path}/@{attribute.name}".lstrip("/"), attribute
    for child in kind.children.values():
        below = f"{path}/{child.name}".lstrip("/")
        yield below, child
        yield from walk(child.kind, below)


class _Reader:
    """Follows the names of the table from one part of it to another."""

    def __init__(self, facts: Mapping[str, Any], *, is_newer: bool) -> None:
        self._facts = facts
        self._is_newer = is_newer
        self._kinds: dict[str, Kind] = {}

    def kind(self, name: str, facts: Mapping[str, Any]) -> Kind:
        attributes = {
            each: Attribute(each, said["label"], self._value(said["type"], said), said["required"])
            for each, said in facts.get("attributes", {}).items()
        }
        value = self._value(facts["text"], facts) if "text" in facts else None
        children: dict[str, Child] = {}
        for said in facts.get("children", ()):
            if "group" in said:
                names = tuple(each["name"] for each in said["children"])
                children |= {each["name"]: self._child(each, names) for each in said["children"]}
            elif self._is_newer or not said.get("is_newer"):
                children[said["name"]] = self._child(said)
        model = facts.get("model")
        return Kind(name, value, attributes, children, is_choice=model == "choice", is_in_order=model != "all")

    def _child(self, said: Mapping[str, Any], alternatives: tuple[str, ...] = ()) -> Child:
        minimum, maximum = said["occurs"]
        return Child(
            said["name"],
            said["label"],
            self._kind_of(said),
            minimum,
            maximum,
            said.get("at_most"),
            alternatives,
            said.get("is_obsolete", False),
        )

    def _kind_of(self, said: Mapping[str, Any]) -> Kind:
        """Find what a child holds: described at its place, an element of its own, a named type, or a bare value."""
        name = said["name"] if "ref" in said or "inline" in said else said["type"]
        if name in self._kinds:
            return self._kinds[name]
        facts = said.get("inline") or self._facts["elements" if "ref" in said else "complexTypes"].get(name)
        if facts is None:
            return Kind(name, self._value(name, said), {}, {})
        found = self.kind(name, facts)
        if "inline" in said and found.value is not None:
            return Kind(name, self._value(said["inline"]["text"], said), found.attributes, {})
        self._kinds[name] = found
        return found

    def _value(self, name: str, said: Mapping[str, Any]) -> Value:
        simple = self._facts["simpleTypes"].get(name, {"base": name})
        limits = said.get("range")
        return Value(
            simple["base"].removeprefix("xs:"),
            tuple(simple.get("enum", ())),
            simple.get("pattern"),
            said.get("max_length"),
            said.get("format"),
            said.get("past"),
            (limits[0], limits[1], limits[2]) if limits else None,
            is_fixed_true=said.get("fixed") == "true",
        )
