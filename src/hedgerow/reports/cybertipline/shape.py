"""What the schema's table says of content: which fields there are, how often, holding what, how long.

With it go the rules that speak of one field alone, since the table holds them too: R01, R02, R06 to R09, R14, R15.
"""

from __future__ import annotations

import math
import re
from typing import TYPE_CHECKING, Any, Final

from hedgerow.reports.cybertipline.document import illegal_characters
from hedgerow.reports.cybertipline.formats import day, email_problem, ip_problem, moment, moment_problem, url_problem
from hedgerow.reports.cybertipline.schema import TEXT

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterator, Mapping
    from datetime import datetime

    from hedgerow.reports.cybertipline.places import Place
    from hedgerow.reports.cybertipline.schema import Child, Kind, Value
    from hedgerow.reports.model import Violation

    Crossing = Callable[[Mapping[str, Any], Place, datetime], Iterator[Violation]]

__all__ = ["check_shape"]

_INTEGER_BITS: Final = {"int": 31, "long": 63}  # XML Schema part 2, sections 3.3.16 and 3.3.17

# The rule that a field breaks which has another name for being blank.
_BLANK_RULES: Final = {
    "report/incidentSummary/escalateToHighPriority": "R02",
    "fileDetails/fileId": "R19",
}


def check_shape(
    kind: Kind,
    said: Any,  # noqa: ANN401  (any part of content)
    place: Place,
    *,
    now: datetime,
    crossings: Mapping[str, Crossing],
    left_open: Collection[str] = (),
) -> Iterator[Violation]:
    """Find what the table does not allow, in the order of the document.

    Args:
        kind: What the element holds.
        said: Its content.
        place: Where it is.
        now: What the past ends with.
        crossings: By the name of a kind, what its fields have to do with each other.
        left_open: Children that may be missing although the schema asks for them.
    """
    if kind.value is not None:
        yield from _check_text(kind, said, place, now=now, crossings=crossings)
        return
    if not isinstance(said, dict):
        yield place.breaks("type", "it holds fields of its own, and no text")
        return
    yield from _check_names(kind, said, place)
    yield from _check_attributes(kind, said, place, now)
    for child in kind.children.values():
        yield from _check_child(
            child, said, place, now=now, crossings=crossings, is_open=kind.is_choice or child.name in left_open
        )
    yield from _check_alternatives(kind, said, place)
    crossing = crossings.get(kind.name)
    if crossing is not None:
        yield from crossing(said, place, now)


def _check_names(kind: Kind, said: Mapping[str, Any], place: Place) -> Iterator[Violation]:
    for name in said:
        if name in kind.children or (name.startswith("@") and name[1:] in kind.attributes):
            continue
        if name == TEXT and kind.value is not None:
            continue
        # A name that somebody typed is not repeated unless it is a plain word.
        shown = f"a field named {name}" if re.fullmatch(r"[@#]?[A-Za-z0-9]{1,40}", name) else "a field"
        yield place.breaks("unknown", f"the schema has no {shown.removeprefix('a ')} here")


def _check_attributes(kind: Kind, said: Mapping[str, Any], place: Place, now: datetime) -> Iterator[Violation]:
    for name, attribute in kind.attributes.items():
        if f"@{name}" in said:
            yield from _check_value(attribute.value, said[f"@{name}"], place.attribute(attribute), now)
        elif attribute.is_required:
            yield place.attribute(attribute).breaks("missing", "it has to be stated")


def _check_child(
    child: Child,
    said: Mapping[str, Any],
    place: Place,
    *,
    now: datetime,
    crossings: Mapping[str, Crossing],
    is_open: bool,
) -> Iterator[Violation]:
    here = place.child(child)
    found = said.get(child.name)
    if child.name not in said or (child.is_repeated and found == []):
        if child.minimum and not is_open:
            is_time = here.bare == "report/incidentSummary/incidentDateTime"
            yield here.breaks("missing", "nobody has stated it yet" if is_time else "it has to be stated")
        return
    if child.is_obsolete:
        yield here.breaks("obsolete", "it is not used any more: leave it out")
    if not child.is_repeated:
        if isinstance(found, list):
            yield here.breaks("repeated", "it can be stated only once")
        else:
            yield from check_shape(child.kind, found, here, now=now, crossings=crossings)
        return
    if not isinstance(found, list):
        yield here.breaks("type", "there may be several, so it is a list")
        return
    if child.advised is not None and len(found) > child.advised:
        yield here.breaks("repeated", f"it can be stated {child.advised} times at most, and is {len(found)} times")
    for number, each in enumerate(found, 1):
        yield from check_shape(child.kind, each, place.child(child, number), now=now, crossings=crossings)


def _check_alternatives(kind: Kind, said: Mapping[str, Any], place: Place) -> Iterator[Violation]:
    there = [child for child in kind.children.values() if child.name in said]
    if kind.is_choice and len(there) != 1:
        problem = "none of its kinds is stated" if not there else "more than one of its kinds is stated"
        yield place.breaks("choice", f"{problem}, and it has exactly one")
    for child in there:
        if child.alternatives[:1] == (child.name,) and all(each in said for each in child.alternatives):
            yield place.child(child).breaks("choice", "it cannot be there beside the annotations")


def _check_text(
    kind: Kind,
    said: Any,  # noqa: ANN401  (any part of content)
    place: Place,
    *,
    now: datetime,
    crossings: Mapping[str, Crossing],
) -> Iterator[Violation]:
    if kind.value is None:
        return
    whole = said if isinstance(said, dict) else {TEXT: said}
    yield from _check_names(kind, whole, place)
    yield from _check_attributes(kind, whole, place, now)
    if TEXT not in whole:
        yield place.breaks("missing", "it has no text")
        return
    yield from _check_value(kind.value, whole[TEXT], place, now)
    crossing = crossings.get(kind.name)
    if crossing is not None:
        yield from crossing(whole, place, now)


# ── one value ────────────────────────────────────────────────────────────────────────────────────────────────────


def _check_value(value: Value, said: Any, place: Place, now: datetime) -> Iterator[Violation]:  # noqa: ANN401  (any part of content)
    if value.base == "boolean":
        if said is not True and (value.is_fixed_true or said is not False):
            problem = "it is true, or it is left out" if value.is_fixed_true else "it is true or false"
            yield place.breaks("type", problem)
    elif value.base in _INTEGER_BITS:
        yield from _check_integer(value, said, place)
    elif value.base == "double":
        if isinstance(said, bool) or not isinstance(said, int | float) or not math.isfinite(said):
            yield place.breaks("type", "it is no number")
    elif not isinstance(said, str):
        yield place.breaks("type", "it is no text")
    else:
        yield from _check_string(value, said, place, now)


def _check_integer(value: Value, said: Any, place: Place) -> Iterator[Violation]:  # noqa: ANN401  (any part of content)
    limit = 1 << _INTEGER_BITS[value.base]
    if value.form == "report id":
        if isinstance(said, bool) or not isinstance(said, int) or not 0 < said < limit:
            yield place.breaks("R15", "it is no number of a report")
    elif isinstance(said, bool) or not isinstance(said, int) or not -limit <= said < limit:
        yield place.breaks("type", "it is no whole number")
    elif value.range is not None:
        rule, least, most = value.range
        if not least <= said <= most:
            yield place.breaks(rule, f"it lies between {least} and {most}")


def _check_string(value: Value, said: str, place: Place, now: datetime) -> Iterator[Violation]:
    illegal = illegal_characters(said)
    if illegal:
        yield place.breaks("characters", f"it holds characters that cannot be sent ({', '.join(illegal[:5])})")
    if value.words:
        if said not in value.words:
            yield place.breaks("enum", _enum_problem(value.words))
        return
    if not said.strip():
        rule = _BLANK_RULES.get(place.bare, "R07" if value.form == "ip" else "blank")
        yield place.breaks(rule, "it is blank: state it, or leave it out")
        return
    if value.max_length is not None and len(said) > value.max_length:
        yield place.breaks("length", f"it has {len(said):,} characters, and {value.max_length:,} are the most")
    if value.pattern is not None and not re.fullmatch(value.pattern, said, re.ASCII):
        yield place.breaks("pattern", "it does not have the form that is asked for")
    yield from _check_form(value, said, place)
    yield from _check_time(value, said, place, now)


def _enum_problem(words: tuple[str, ...]) -> str:
    few = 12  # states and countries have pages of them
    named = [each for each in words if each]
    if len(named) > few:
        return f"it is none of the {len(named)} codes that can be sent; they are upper-case letters"
    return f"it has to be one of: {'; '.join(named)}"


def _check_form(value: Value, said: str, place: Place) -> Iterator[Violation]:
    problems = {"url": ("R06", url_problem), "ip": ("R07", ip_problem), "email": ("email", email_problem)}
    if value.form in problems:
        rule, find = problems[value.form]
        problem = find(said)
        if problem is not None:
            yield place.breaks(rule, problem)


def _check_time(value: Value, said: str, place: Place, now: datetime) -> Iterator[Violation]:
    if value.base == "dateTime":
        problem = moment_problem(said)
        if problem is not None:
            yield place.breaks("type", problem)
            return
        found = moment(said)
        is_past = found is not None and found < now
    elif value.base == "date":
        born = day(said)
        if born is None:
            yield place.breaks("type", "it is no date such as 1986-01-31")
            return
        is_past = born < now.date()
    else:
        return
    if value.past is not None and not is_past:
        yield place.breaks(value.past, "it does not lie in the past")
