"""What people read before they approve: each field in plain words, in the order in which it will be sent.

The bytes themselves are of `document.render`: a preview says the same, for eyes.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from hedgerow.reports.cybertipline.places import Place, file_place, report_place
from hedgerow.reports.cybertipline.schema import TEXT, load_schema
from hedgerow.reports.cybertipline.views import VIEWED, with_views
from hedgerow.reports.model import PreviewLine

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from hedgerow.reports.cybertipline.schema import Kind
    from hedgerow.reports.model import DraftFile

__all__ = ["NOT_STATED", "preview"]

NOT_STATED: Final = "NOT STATED"
"""Where something stands open without which the report cannot be sent."""

_NEEDED: Final = (
    ("incidentSummary", "incidentType"),
    ("incidentSummary", "incidentDateTime"),
)


def preview(
    content: Mapping[str, Any], files: Sequence[DraftFile] = (), *, is_newer: bool = False
) -> list[PreviewLine]:
    """Say everything that a report says, line by line.

    Args:
        content: Of the report.
        files: Its files.
        is_newer: With the elements of `load_schema`'s ``is_newer``.

    >>> for line in preview({"incidentSummary": {"incidentType": "Child Sex Tourism"}}):
    ...     print(line.label, "=", line.value)
    Incident › incident type = Child Sex Tourism
    Incident › when it happened = NOT STATED
    """
    schema = load_schema(is_newer=is_newer)
    lines = list(_lines(schema.roots["report"], content, report_place()))
    for number, file in enumerate(files, 1):
        details = with_views(file.details, file.viewed)
        lines += _lines(schema.roots["fileDetails"], details, file_place(number))
    return lines


def _lines(kind: Kind, said: Any, place: Place) -> Iterator[PreviewLine]:  # noqa: ANN401  (any part of content)
    if not isinstance(said, dict):
        yield _line(place, said)
        return
    if TEXT in said:
        yield _line(place, said[TEXT])
    for name, attribute in kind.attributes.items():
        if f"@{name}" in said:
            yield _line(place.attribute(attribute), said[f"@{name}"])
    known = {TEXT, *(f"@{name}" for name in kind.attributes), *kind.children}
    for name, child in kind.children.items():
        found = said.get(name)
        if name not in said:
            if (place.bare.rpartition("/")[2], name) in _NEEDED:
                yield PreviewLine(place.child(child).label, NOT_STATED, place.child(child).path)
        elif isinstance(found, list):
            for number, each in enumerate(found, 1):
                yield from _lines(child.kind, each, place.child(child, number))
        else:
            yield from _lines(child.kind, found, place.child(child))
    for name in said:
        if name not in known:  # it will be refused; what is refused is shown too
            yield PreviewLine(f"{place.label} › {name}".strip(" ›"), str(said[name]), f"{place.path}/{name}")
    if not said and not kind.is_choice:
        yield PreviewLine(place.label, "nothing is stated", place.path)


def _line(place: Place, value: object) -> PreviewLine:
    text = {True: "yes", False: "no"}[value] if isinstance(value, bool) else str(value)
    if place.bare.rpartition("/")[2] in VIEWED:
        text += " (from the records of viewing)"
    return PreviewLine(place.label, text, place.path)
