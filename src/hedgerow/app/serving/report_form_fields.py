"""From the content of a draft to the fields of a page, with what is wrong at each of them."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any, Final

from hedgerow.app.serving.report_form import (
    FILE,
    INLINE_FIELDS,
    LONG_TEXTS,
    NUMBERS,
    REPORT,
    STEP,
    Control,
    Fact,
    Field,
    FormPage,
    Group,
    Link,
    Part,
    Spot,
    digest_of,
    has_own_page,
    inline_items,
    on_page,
    root_of,
    said_below,
    spot_of,
)
from hedgerow.reports.cybertipline.schema import TEXT, Child
from hedgerow.reports.cybertipline.views import VIEWED

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from hedgerow.reports.cybertipline.schema import Kind, Value
    from hedgerow.reports.model import Violation

__all__ = ["form_page", "sections"]

_LAST: Final = re.compile(r"(?:.*/)?([^/[]*)(?:\[[0-9]+\])?", re.DOTALL)

_USUAL_OF_PEOPLE: Final = (
    *("personOrUserReportedPerson", "intendedRecipientPerson", "victimPerson", "espIdentifier", "espService"),
    *("screenName", "displayName", "profileUrl", "ipCaptureEvent", "estimatedLocation", "additionalInfo"),
)
_USUAL: Final[dict[str, tuple[str, ...]]] = {
    "personOrUserReported": _USUAL_OF_PEOPLE,
    "intendedRecipient": _USUAL_OF_PEOPLE,
    "victim": _USUAL_OF_PEOPLE,
    FILE: (
        *("originalFileName", "uploadedToEspTimestamp", "locationOfFile", *VIEWED, "publiclyAvailable"),
        *("fileRelevance", "fileAnnotations", "industryClassification", "ipCaptureEvent", "additionalInfo"),
    ),
}
"""What people really fill in; the other fields of these stand behind "More fields"."""


# ── from content to fields ───────────────────────────────────────────────────────────────────────────────────────


class _Problems:
    """What keeps a report from being sent, handed to the field that it belongs to."""

    def __init__(self, violations: Iterable[Violation]) -> None:
        self._found = [(each.path, _without_label(each.message)) for each in violations]
        self._taken: set[int] = set()

    def at(self, path: str, *, is_list: bool = False) -> tuple[str, ...]:
        here = [
            place
            for place, (where, _) in enumerate(self._found)
            if where == path or (is_list and where.startswith(f"{path}["))
        ]
        self._taken.update(here)
        return tuple(self._found[place][1] for place in here)

    def count_below(self, path: str) -> int:
        here = [place for place, (where, _) in enumerate(self._found) if _is_within(where, path)]
        self._taken.update(here)
        return len(here)

    def others_below(self, path: str) -> tuple[str, ...]:
        return tuple(
            message
            for place, (where, message) in enumerate(self._found)
            if place not in self._taken and _is_within(where, path)
        )


def _without_label(message: str) -> str:
    """Leave out the name of the field, beside which it stands."""
    text = message.partition(": ")[2] or message
    return text[:1].upper() + text[1:]


def _is_within(path: str, outer: str) -> bool:
    return path == outer or path.startswith((f"{outer}/", f"{outer}["))


def form_page(
    content: Mapping[str, Any], files: Sequence[Mapping[str, Any]], violations: Iterable[Violation], at: str
) -> FormPage:
    """Make the page of a part.

    Args:
        content: What the report says.
        files: What is said of each of its files.
        violations: For what it cannot be sent.
        at: Which part.

    Raises:
        InvalidReport: There can be no such part, or no such file.
    """
    spot = spot_of(at)
    said = said_below(root_of(spot, content, files), spot.steps)
    problems = _Problems(violations)
    maker = _Maker(spot, problems)
    parts = list(maker.own(said)) if spot.kind.value is not None else list(maker.parts(spot.kind, said, ""))
    usual_names = _USUAL.get(spot.kind.name)
    usual = [each for each in parts if usual_names is None or _first_name(each, spot) in usual_names]
    last = spot.steps[-1] if spot.steps else None
    return FormPage(
        at=at,
        labels=_labels(spot),
        up=_page_above(spot),
        seen=digest_of(on_page(spot.kind, said, is_first_level=spot.is_document)),
        usual=tuple(usual),
        more=tuple(each for each in parts if each not in usual),
        problems=problems.others_below(spot.path) if not spot.is_document else (),
        is_stated=said is not None,
        is_removable=said is not None
        and (spot.file is not None if last is None else not last.child.minimum or last.kind_above.is_choice),
    )


def _first_name(part: Part, spot: Spot) -> str:
    if isinstance(part, Link):
        below = part.at if spot.is_document else part.at.removeprefix(f"{spot.at}/")
    else:
        below = next(_names(part), "")
    found = STEP.match(below)
    return "" if found is None else found[1]


def _names(part: Part) -> Iterator[str]:
    if isinstance(part, Group):
        for each in part.parts:
            yield from _names(each)
    elif isinstance(part, Link):
        return
    else:
        yield part.name


def _labels(spot: Spot) -> tuple[tuple[str, int | None], ...]:
    first: list[tuple[str, int | None]] = [] if spot.file is None else [("file", spot.file)]
    return (*first, *((child.label, number) for child, number, _ in spot.steps)) or (("additional information", None),)


def _page_above(spot: Spot) -> str | None:
    """Return the nearest part with a page that this one lies in."""
    words = spot.at.split("/")
    while len(words) > 1:
        words.pop()
        above = spot_of("/".join(words))
        if above.file is not None and not above.steps:
            return above.at
        child, number, kind = above.steps[-1]
        is_first_level = above.file is None and len(above.steps) == 1
        if has_own_page(child, kind, number, is_first_level=is_first_level):
            return above.at
    return None


class _Maker:
    """Makes the parts of a page."""

    def __init__(self, spot: Spot, problems: _Problems) -> None:
        self._spot = spot
        self._problems = problems

    def own(self, said: Any) -> Iterator[Part]:  # noqa: ANN401  (any part of content)
        """Make the fields of a page whose part is a text with attributes."""
        child = self._spot.steps[-1].child
        yield from self._text(child, said, TEXT, is_page=True)

    def parts(self, kind: Kind, said: Any, above: str) -> Iterator[Part]:  # noqa: ANN401  (any part of content)
        """Make what stands in an element, in the order of the schema."""
        stated = said if isinstance(said, dict) else {}
        yield from self._attributes(kind, stated, above)
        for child in kind.children.values():
            name = f"{above}{child.name}"
            found = stated.get(child.name)
            if name in VIEWED and self._spot.file is not None:
                yield Fact(name, child.label)
            elif name in NUMBERS or (child.is_obsolete and found is None):
                continue
            elif child.kind.is_plain and child.is_repeated and child.name in LONG_TEXTS:
                yield from self._long_texts(child, found, name)
            elif child.kind.is_plain:
                yield self._plain(child, found, name, needed=bool(child.minimum) and not kind.is_choice)
            elif child.kind.value is not None:
                yield from self._texts(child, found, name)
            elif has_own_page(child, kind, None, is_first_level=self._spot.is_document):
                yield from self._links(child, found, name)
            else:
                yield Group(child.label, None, is_new=False, parts=tuple(self.parts(child.kind, found, f"{name}/")))

    def _path(self, name: str) -> str:
        return self._spot.path if name == TEXT else f"{self._spot.path}/{name}"

    def _attributes(self, kind: Kind, stated: Mapping[str, Any], above: str) -> Iterator[Part]:
        for attribute in kind.attributes.values():
            name = f"{above}@{attribute.name}"
            yield self._field(
                name, attribute.label, attribute.value, stated.get(f"@{attribute.name}"), needed=attribute.is_required
            )

    def _plain(self, child: Child, found: Any, name: str, *, needed: bool) -> Field:  # noqa: ANN401  (as above)
        assert child.kind.value is not None  # noqa: S101  (it is plain)
        if not child.is_repeated:
            return self._field(name, child.label, child.kind.value, found, needed=needed)
        items = found if isinstance(found, list) else [] if found is None else [found]
        return Field(
            name,
            child.label,
            Control.LINES,
            "\n".join(_typed(each) for each in items),
            hint="lines",
            problems=self._problems.at(self._path(name), is_list=True),
        )

    def _long_texts(self, child: Child, found: Any, name: str) -> Iterator[Field]:  # noqa: ANN401  (as above)
        assert child.kind.value is not None  # noqa: S101  (it is plain)
        items = found if isinstance(found, list) else [] if found is None else [found]
        for number, each in enumerate((*items[:INLINE_FIELDS], None), 1):
            yield self._field(f"{name}[{number}]", child.label, child.kind.value, each, needed=False)

    def _texts(self, child: Child, found: Any, name: str) -> Iterator[Part]:  # noqa: ANN401  (as above)
        if not child.is_repeated:
            yield Group(child.label, None, is_new=False, parts=tuple(self._text(child, found, name)))
            return
        items = found if isinstance(found, list) else [] if found is None else [found]
        shown = items[: inline_items(child.kind)]
        for number, each in enumerate(shown, 1):
            parts = tuple(self._text(child, each, f"{name}[{number}]"))
            yield Group(child.label, number, is_new=False, parts=parts)
        for number in range(len(shown) + 1, len(items) + 1):
            yield self._link(child, items[number - 1], f"{name}[{number}]", number)
        blank = tuple(self._text(child, None, f"{name}[{len(items) + 1}]"))
        yield Group(child.label, len(items) + 1, is_new=True, parts=blank)

    def _text(self, child: Child, said: Any, name: str, *, is_page: bool = False) -> Iterator[Part]:  # noqa: ANN401  (as above)
        assert child.kind.value is not None  # noqa: S101  (it has a text)
        stated = said if isinstance(said, dict) else {TEXT: said}
        yield self._field(name, child.label, child.kind.value, stated.get(TEXT), needed=False)
        yield from self._attributes(child.kind, stated, "" if is_page else f"{name}/")

    def _links(self, child: Child, found: Any, name: str) -> Iterator[Part]:  # noqa: ANN401  (as above)
        if not child.is_repeated:
            yield self._link(child, found, name, None)
            return
        items = found if isinstance(found, list) else [] if found is None else [found]
        for number, each in enumerate(items, 1):
            yield self._link(child, each, f"{name}[{number}]", number)
        yield self._link(child, None, f"{name}[{len(items) + 1}]", len(items) + 1)

    def _link(self, child: Child, said: Any, name: str, number: int | None) -> Link:  # noqa: ANN401  (as above)
        at = name if self._spot.is_document else f"{self._spot.at}/{name}"
        problems = self._problems.count_below(self._path(name))
        return Link(at, child.label, number, is_new=said is None, says=_in_short(said), problems=problems)

    def _field(self, name: str, label: str, value: Value, said: Any, *, needed: bool) -> Field:  # noqa: ANN401  (as above)
        options, hint = value.words, {"dateTime": "moment", "date": "day", "int": "number", "long": "number"}
        text = _typed(said)
        if value.base == "boolean":
            control = Control.CHECK if value.is_fixed_true else Control.TRUTH
        elif options:
            control = Control.CHOICE
            options = tuple(dict.fromkeys((*(each for each in options if each), *((text,) if text else ()))))
        else:
            is_long = _LAST.sub(r"\1", name) in LONG_TEXTS
            control = Control.AREA if is_long or "\n" in text else Control.LINE
        return Field(
            name,
            label,
            control,
            text,
            options,
            hint.get(value.base) or value.form,
            value.max_length,
            needed,
            self._problems.at(self._path(name)),
        )


def _typed(said: Any) -> str:  # noqa: ANN401  (a value of content)
    """Return a value as somebody would type it."""
    if said is None:
        return ""
    if isinstance(said, bool):
        return "true" if said else "false"
    return said if isinstance(said, str) else json.dumps(said, sort_keys=True)


def _in_short(said: Any) -> str:  # noqa: ANN401  (any part of content)
    """Say in some words what a part says: its first texts."""
    words = [each for each in _leaves(said) if each]
    text = ", ".join(words[:4])
    most = 120
    return text if len(text) <= most else f"{text[: most - 1]}…"


def _leaves(said: Any) -> Iterator[str]:  # noqa: ANN401  (any part of content)
    if isinstance(said, dict):
        for name, value in said.items():
            if not name.startswith("@"):
                yield from _leaves(value)
    elif isinstance(said, list):
        for each in said:
            yield from _leaves(each)
    elif said is not None and not isinstance(said, bool):
        yield str(said)


def sections(content: Mapping[str, Any], violations: Iterable[Violation]) -> list[Link]:
    """List the parts of the first level, those that could be added too, in the order of the document."""
    spot = spot_of(REPORT)
    problems = _Problems(violations)
    found: list[Link] = []
    for each in _Maker(spot, problems).parts(spot.kind, content, ""):
        if isinstance(each, Link):
            found.append(each)
        elif isinstance(each, Field):
            number = len(each.problems)
            found.append(Link(REPORT, each.label, None, is_new=not each.value, says=each.value, problems=number))
    return found
