"""Reports that are valid, and reports with one thing wrong, made from the table of the schema.

`contents` gives valid content at random, `filled` the one that has every field, `every_mutation` all single faults of a
document and `mutations` one of them at random. They serve two judges that know nothing of each other: our own checks,
and the simulator's validator.

Load this file by its path (test folders are no packages)::

    specification = importlib.util.spec_from_file_location("report_strategies", PATH)
"""

from __future__ import annotations

from copy import deepcopy
from datetime import date, datetime
from functools import cache
from typing import TYPE_CHECKING, Any, Literal, NamedTuple

from hypothesis import strategies as st
from lxml import etree

from hedgerow.reports.cybertipline.document import render, text_of
from hedgerow.reports.cybertipline.schema import TEXT, Child, Kind, Root, Value, load_schema

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from hypothesis.strategies import DrawFn, SearchStrategy

    Content = dict[str, Any]

__all__ = ["FILE_ID", "REPORT_ID", "Mutation", "contents", "every_mutation", "filled", "mutations", "supplements"]

REPORT_ID = 4564654
FILE_ID = "b0754af766b426f2928a02c651ed4b99"

_HOST = "https://platform.example/"
_PEOPLE = {
    "personOrUserReported": "personOrUserReportedPerson",
    "intendedRecipient": "intendedRecipientPerson",
    "victim": "victimPerson",
}


# ── values ───────────────────────────────────────────────────────────────────────────────────────────────────────

_CHARACTERS = st.characters(codec="utf-8", exclude_categories=("Cc", "Cs", "Cn", "Co", "Zs", "Zl", "Zp"))
_WORDS = st.lists(
    st.one_of(
        st.text(_CHARACTERS, min_size=1, max_size=8), st.sampled_from(["a & b", "<tag>", '"said"', "]]>", "é 日本"])
    ),
    min_size=1,
    max_size=4,
).map(" ".join)


@cache
def _text(limit: int | None) -> SearchStrategy[str]:
    short = _WORDS.map(lambda text: text[: limit or 200].strip() or "x")
    if limit is None:
        return st.one_of(short, st.just("two\nlines\tand a tab"), st.just("long " * 2_000 + "text"))
    return st.one_of(short, st.just("x" * limit), st.just("é" * limit))


def _email(prefix: str = "") -> SearchStrategy[str]:
    local = st.text("abcdefghijklmnopqrstuvwxyz0123456789._+-", min_size=1, max_size=20).map(
        lambda text: f"{prefix}a{text}z"
    )
    return st.one_of(local.map("{}@mail.example".format), st.just("l" * 64 + "@mail.example"))


@cache
def _moments(first: int = 2010, last: int = 2019) -> SearchStrategy[str]:
    """Give times between two years, with a zone, in several ways of writing them."""
    times = st.datetimes(datetime(first, 1, 2), datetime(last, 12, 30))  # noqa: DTZ001  (the zone is written behind it)
    zones = st.sampled_from(["Z", "+00:00", "+02:00", "-05:00", "+05:30", "-11:00", "+14:00"])
    parts = st.sampled_from(["", ".5", ".123", ".123456"])
    return st.builds(lambda at, part, zone: f"{at:%Y-%m-%dT%H:%M:%S}{part}{zone}", times, parts, zones)


@cache
def _value(value: Value, path: str) -> SearchStrategy[Any]:
    if value.is_fixed_true:
        return st.just(True)
    if value.words:
        return st.sampled_from([each for each in value.words if each])
    if value.range is not None:
        return st.integers(value.range[1], value.range[2])
    if value.pattern is not None:
        return (
            st.sampled_from(["+1", "+44", "+380"])
            if value.pattern.startswith("\\+")
            else st.text("0123456789", min_size=1, max_size=10)
        )
    by_form: dict[str, SearchStrategy[Any]] = {
        "url": st.one_of(
            st.text("abcXYZ0189-._~/?=&%"[:-1], max_size=60).map(_HOST.__add__),
            st.just(f"http://[2001:db8::1]:8080/{'a' * 2050}"),
        ),
        "ip": st.one_of(st.ip_addresses(v=4).map(str), st.ip_addresses(v=6).map(str), st.just("::ffff:192.0.2.1")),
        "email": _email(),
        "report id": st.integers(1, 10**12),
    }
    if value.form is not None:
        return by_form[value.form]
    if path.endswith("/fileId"):
        return st.just(FILE_ID)
    by_base: dict[str, SearchStrategy[Any]] = {
        "boolean": st.booleans(),
        "int": st.integers(0, 2**31 - 1),
        "long": st.just(REPORT_ID),
        "double": st.integers(-9_000, 9_000).map(lambda hundredths: hundredths / 100),
        "date": st.dates(date(1930, 1, 1), date(2010, 1, 1)).map(str),
        "dateTime": _moments(),
    }
    return by_base[value.base] if value.base in by_base else _text(value.max_length)


# ── valid content ────────────────────────────────────────────────────────────────────────────────────────────────


@st.composite
def contents(draw: DrawFn, root: Root) -> Content:
    """Give content that breaks no rule: of a report about one person, or of a file that is Reported."""
    content = draw(_said(load_schema().roots[root], root))
    if root == "report":
        content.pop("batchedReport", None)
        content["reporter"]["reportingPerson"].setdefault("email", [draw(_email())])
        content["personOrUserReported"] = content.get("personOrUserReported", [])[:1]
        if not content["personOrUserReported"]:
            del content["personOrUserReported"]
        _use_known_emails(content)
    else:
        content.pop("exifViewedByEsp", None)
        if content.get("fileRelevance") != "Reported":
            content.pop("industryClassification", None)
            content.get("fileAnnotations", {}).pop("potentialMeme", None)
    return content


def supplements() -> SearchStrategy[Content]:
    """Give what is said of a file that goes with the reported ones."""
    return contents("fileDetails").map(_as_supplement)


def _as_supplement(content: Content) -> Content:
    content = {
        name: value for name, value in content.items() if name not in {"industryClassification", "fileAnnotations"}
    }
    return content | {"fileRelevance": "Supplemental Reported"}


@st.composite
def _said(draw: DrawFn, kind: Kind, path: str) -> Any:
    if kind.value is not None:
        text = _phone() if kind.name == "phone" else _value(kind.value, path)
        stated = _attributes(draw, kind, path)
        said = draw(text)
        return {TEXT: said, **_mended(kind, stated)} if stated else said
    content = _attributes(draw, kind, path)
    children = [each for each in kind.children.values() if not each.is_obsolete]
    if kind.is_choice:
        child = draw(st.sampled_from(children))
        return content | {child.name: draw(_said(child.kind, f"{path}/{child.name}"))}
    optional = [each.name for each in children if not each.minimum]
    wanted = draw(st.sets(st.sampled_from(optional), max_size=4)) if optional else set()
    for child in children:
        if child.minimum or child.name in wanted:
            below = _said(child.kind, f"{path}/{child.name}")
            most = min(child.advised or 2, 2)
            content[child.name] = draw(st.lists(below, min_size=1, max_size=most)) if child.is_repeated else draw(below)
    return _mended(kind, content)


def _attributes(draw: DrawFn, kind: Kind, path: str) -> Content:
    stated = {}
    for name, attribute in kind.attributes.items():
        if attribute.is_required or draw(st.booleans()):
            years = _YEARS.get(name)
            stated[f"@{name}"] = draw(_moments(*years) if years else _value(attribute.value, f"{path}/@{name}"))
    return stated


_YEARS = {"disabledDate": (2010, 2011), "userNotifiedDate": (2012, 2013), "reenabledDate": (2014, 2015)}


def _phone() -> SearchStrategy[str]:
    return st.text("0123456789 -()", min_size=1, max_size=40).map(lambda text: f"5{text.strip()}5")


def _mended(kind: Kind, content: Content) -> Content:
    """Keep the rules between the fields of one element."""
    if "@verificationDate" in content:
        content["@verified"] = True
    if kind.name == "estimatedLocation":
        content.setdefault("countryCode", "FR")
        if content["countryCode"] == "US":
            content["region"] = "CA"
    if kind.name == "associatedAccount" and "approximateAge" in content:
        content.pop("dateOfBirth", None)
    return content


def _use_known_emails(content: Content) -> None:
    """Put e-mail addresses of incidents beside a person too, or leave them out where there is none."""
    people = [
        each.setdefault(person, {})
        for role, person in _PEOPLE.items()
        for each in content.get(role, [])
        if person in each
    ]
    for each in content.get("internetDetails", []):
        for name in ("emailIncident", "newsgroupIncident"):
            addresses = each.get(name, {}).get("emailAddress", [])
            if addresses and people:
                people[0].setdefault("email", []).extend(text_of(address) for address in addresses)
            elif addresses:
                del each[name]["emailAddress"]


# ── the one with every field ─────────────────────────────────────────────────────────────────────────────────────


def filled(root: Root) -> Content:
    """Return content that has every field there is (but those that are not used any more), and breaks no rule."""
    content = _filled(load_schema().roots[root], root)
    if root == "report":
        del content["batchedReport"]
        for each in content["internetDetails"]:
            for incident in each.values():
                for address in incident.get("emailAddress", []):
                    address[TEXT] = "someone@mail.example"
    return content  # type: ignore[no-any-return]  # an element that holds others gives a dict


def _filled(kind: Kind, path: str) -> Any:
    stated = {f"@{name}": _one(each.value, f"{path}/@{name}") for name, each in kind.attributes.items()}
    if kind.value is not None:
        text = _one(kind.value, path)
        return {TEXT: text, **stated} if stated else text
    children = [each for each in kind.children.values() if not each.is_obsolete]
    if kind.is_choice:
        return [{each.name: _filled(each.kind, f"{path}/{each.name}")} for each in children]
    for child in children:
        below = _filled(child.kind, f"{path}/{child.name}")
        if child.name == "associatedAccount":
            first, second = {**below}, {**deepcopy(below)}
            del first["dateOfBirth"], second["approximateAge"]
            stated[child.name] = [first, second]
        else:
            stated[child.name] = (below if isinstance(below, list) else [below]) if child.is_repeated else below
    return stated


def _one(value: Value, path: str) -> Any:
    """Return one value that fits at a place and keeps the rules beside the others of `filled`."""
    by_name: dict[str, Any] = {
        "@countryCallingCode": "+1",
        "@extension": "12",
        "@disabledDate": "2026-03-02T00:00:00Z",
        "@userNotifiedDate": "2026-03-02T01:00:00Z",
        "@reenabledDate": "2026-03-03T00:00:00Z",
        "countryCode": "US",
        "region": "CA",
        "reportId": REPORT_ID,
        "fileId": FILE_ID,
        "@verified": True,
    }
    name = path.rpartition("/")[2]
    if name in by_name:
        return by_name[name]
    if value.words:
        return next(each for each in value.words if each)
    if value.form is not None:
        return {"url": f"{_HOST}p/1", "ip": "2001:db8::1", "email": "someone@mail.example", "report id": 4564655}[
            value.form
        ]
    by_base = {
        "boolean": True,
        "int": 40,
        "long": 4564655,
        "double": -2.5,
        "date": "1986-01-31",
        "dateTime": "2026-03-01T01:02:03+02:00",
    }
    return by_base.get(value.base, "5555550100" if "hone" in name else f"the {name.strip('@')}")


# ── one thing wrong ──────────────────────────────────────────────────────────────────────────────────────────────


class Mutation(NamedTuple):
    """A document with one thing wrong.

    Attributes:
        kind: What kind of thing.
        path: Where.
        root: Which document.
        xml: The document.
    """

    kind: Literal["order", "enum", "length", "cardinality"]
    path: str
    root: Root
    xml: bytes

    def __str__(self) -> str:
        return f"{self.kind} {self.path}"


def every_mutation(root: Root, content: Content | None = None) -> list[Mutation]:
    """Return all documents that differ by one fault from one that has none.

    Args:
        root: Which document.
        content: What the good one says; `filled` where there is none.
    """
    tree = etree.fromstring(render(root, content or filled(root)))
    found: dict[tuple[str, str], Mutation] = {}
    for kind, path, change in _changes(tree, load_schema().roots[root], root, ()):
        changed = deepcopy(tree)
        change(changed)
        xml = etree.tostring(changed, xml_declaration=True, encoding="UTF-8")
        found.setdefault((kind, path), Mutation(kind, path, root, xml))  # type: ignore[arg-type]  # one of the four words
    return list(found.values())


@st.composite
def mutations(draw: DrawFn, root: Root) -> Mutation:
    """Give a valid document at random with one fault at random."""
    return draw(st.sampled_from(every_mutation(root, draw(contents(root)))))


_Change = tuple[str, str, "Callable[[etree._Element], None]"]


def _changes(element: etree._Element, kind: Kind, path: str, place: tuple[int, ...]) -> Iterator[_Change]:
    yield from _value_changes(kind, path, place)
    for name, attribute in kind.attributes.items():
        if name in element.attrib:
            yield from _text_changes(attribute.value, f"{path}/@{name}", _setting(place, name))
            if attribute.is_required:
                yield "cardinality", f"{path}/@{name} missing", _without(place, name)
    names = [each.tag for each in element]
    for number, name in enumerate(names):
        child = kind.children[name]
        below, there = f"{path}/{name}", (*place, number)
        if kind.is_in_order and number + 1 < len(names) and names[number + 1] != name:
            yield "order", f"{below} before {names[number + 1]}", _swapping(place, number)
        if child.maximum == 1:
            yield "cardinality", f"{below} twice", _doubling(place, number)
        if child.minimum and names.count(name) == 1:
            yield "cardinality", f"{below} missing", _removing(place, number)
        yield from _child_changes(element[number], child, below, there)


def _child_changes(element: etree._Element, child: Child, path: str, place: tuple[int, ...]) -> Iterator[_Change]:
    yield from _changes(element, child.kind, path, place)


def _value_changes(kind: Kind, path: str, place: tuple[int, ...]) -> Iterator[_Change]:
    if kind.value is not None:
        yield from _text_changes(kind.value, path, _setting(place, None))


def _text_changes(
    value: Value, path: str, write: Callable[[str], Callable[[etree._Element], None]]
) -> Iterator[_Change]:
    if value.words:
        yield "enum", path, write("None of the words")
    if value.is_fixed_true:
        yield "enum", path, write("false")
    if value.max_length is not None:
        longer = {
            "url": _HOST + "a" * (value.max_length + 1 - len(_HOST)),
            "email": "a@" + "b" * (value.max_length - 9) + ".example",
        }
        yield "length", path, write(longer.get(value.form or "", "5" * (value.max_length + 1)))
    if value.form == "email":
        yield "length", f"{path} before the @", write("a" * 65 + "@mail.example")


def _at(tree: etree._Element, place: tuple[int, ...]) -> etree._Element:
    for number in place:
        tree = tree[number]
    return tree


def _setting(place: tuple[int, ...], attribute: str | None) -> Callable[[str], Callable[[etree._Element], None]]:
    def write(text: str) -> Callable[[etree._Element], None]:
        def change(tree: etree._Element) -> None:
            element = _at(tree, place)
            if attribute is None:
                element.text = text
            else:
                element.set(attribute, text)

        return change

    return write


def _without(place: tuple[int, ...], attribute: str) -> Callable[[etree._Element], None]:
    def change(tree: etree._Element) -> None:
        del _at(tree, place).attrib[attribute]

    return change


def _swapping(place: tuple[int, ...], number: int) -> Callable[[etree._Element], None]:
    def change(tree: etree._Element) -> None:
        parent = _at(tree, place)
        parent.insert(number, parent[number + 1])

    return change


def _doubling(place: tuple[int, ...], number: int) -> Callable[[etree._Element], None]:
    def change(tree: etree._Element) -> None:
        parent = _at(tree, place)
        parent.insert(number, deepcopy(parent[number]))

    return change


def _removing(place: tuple[int, ...], number: int) -> Callable[[etree._Element], None]:
    def change(tree: etree._Element) -> None:
        parent = _at(tree, place)
        parent.remove(parent[number])

    return change
