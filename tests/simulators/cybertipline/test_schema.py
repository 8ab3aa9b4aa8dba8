"""The schema refuses every single mutation of order, name, value, number and type of a document that uses it all."""

from __future__ import annotations

import copy
import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from lxml import etree

from hedgerow.simulators.cybertipline.schema import (
    XmlRefused,
    parse_document,
    schema_problem,
    schema_text,
    values_of,
    xsd_from_facts,
)

if TYPE_CHECKING:
    from collections.abc import Iterator

HERE_EXAMPLES = ("report_minimal", "report_full", "report_batched", "filedetails_full", "filedetails_supplemental")
XS = "{http://www.w3.org/2001/XMLSchema}"


@pytest.fixture(scope="module")
def schema() -> Any:
    return etree.fromstring(schema_text())


def _example(name: str) -> Any:
    return parse_document((Path(__file__).parent / "examples" / f"{name}.xml").read_bytes())


def _complex_types(schema: Any) -> dict[str, Any]:
    """Give the complex type of each element by the path of names in which it stands."""
    return {each.get("name"): each for each in schema.iterfind(f"{XS}complexType")}


def _model(schema: Any, element: Any) -> Any:
    """Give the part of the schema (sequence, all, choice) that the children of an element follow, or None."""
    declared = _declaration(schema, element)
    kind = declared.find(f"{XS}complexType")
    if kind is None:
        kind = _complex_types(schema).get(declared.get("type"))
    return None if kind is None else next(iter(kind.iterchildren(f"{XS}sequence", f"{XS}all", f"{XS}choice")), None)


def _declaration(schema: Any, element: Any) -> Any:
    parent = element.getparent()
    if parent is None:
        return schema.find(f"{XS}element[@name='{element.tag}']")
    model = _model(schema, parent)
    for each in model.iter(f"{XS}element"):
        if each.get("ref") == element.tag:
            return schema.find(f"{XS}element[@name='{element.tag}']")
        if each.get("name") == element.tag:
            return each
    raise AssertionError(element.tag)


def _slot(schema: Any, element: Any) -> Any:
    """Give the place in the parent's model: how often an element may stand there."""
    model = _model(schema, element.getparent())
    return next(each for each in model.iter(f"{XS}element") if element.tag in {each.get("ref"), each.get("name")})


def _elements(root: Any) -> Iterator[tuple[Any, Any]]:
    """Give each element of a copy, with the copy, so that it may be changed."""
    for index in range(len(list(root.iter("*")))):
        mutated = copy.deepcopy(root)
        yield mutated, list(mutated.iter("*"))[index]


@pytest.mark.parametrize("name", HERE_EXAMPLES)
def test_our_own_examples_are_allowed(name: str) -> None:
    assert schema_problem(_example(name)) is None


def test_all_reference_examples_are_allowed(reference: Path) -> None:
    found = sorted((reference / "examples").glob("*.xml"))
    assert len(found) >= 10
    assert {path.name: schema_problem(parse_document(path.read_bytes())) for path in found} == {
        path.name: None for path in found
    }


def test_the_schema_is_what_the_facts_give(reference: Path) -> None:
    facts = json.loads((reference / "schema_facts.json").read_text("utf-8"))
    assert xsd_from_facts(facts) == schema_text()


def test_the_schema_says_that_it_is_a_simulator_s() -> None:
    assert b"SIMULATOR" in schema_text()


@pytest.mark.parametrize("name", ["report_full", "filedetails_full"])
def test_two_neighbours_of_a_sequence_in_the_wrong_order_are_refused(name: str, schema: Any) -> None:
    tried = 0
    for mutated, element in _elements(_example(name)):
        following = element.getnext()
        if following is None or following.tag == element.tag:
            continue
        if _model(schema, element.getparent()).tag != f"{XS}sequence":
            continue
        element.addprevious(following)
        assert schema_problem(mutated) is not None, f"{following.tag} before {element.tag}"
        tried += 1
    assert tried > (100 if name == "report_full" else 15)


def test_marks_may_stand_in_any_order() -> None:
    report = _example("report_full")
    marks = report.find("incidentSummary/reportAnnotations")
    marks[:] = reversed(marks)
    assert schema_problem(report) is None


@pytest.mark.parametrize("name", ["report_full", "filedetails_full"])
def test_a_value_outside_its_list_is_refused(name: str, schema: Any) -> None:
    lists = {each.get("name") for each in schema.iterfind(f"{XS}simpleType") if values_of(each.get("name"))}
    tried = set()
    for mutated, element in _elements(_example(name)):
        if (kind := _declaration(schema, element).get("type")) in lists:
            element.text = "Elsewhere"
            assert schema_problem(mutated) is not None, element.tag
            tried.add(kind)
    attributes = 0
    for mutated, element in _elements(_example(name)):
        for attribute in ("type", "fleaCountry", "reason"):
            if attribute in element.attrib:
                element.set(attribute, "Elsewhere")
                assert schema_problem(mutated) is not None, f"{element.tag}/@{attribute}"
                attributes += 1
    assert len(tried) >= (4 if name == "report_full" else 3)
    assert attributes >= (8 if name == "report_full" else 1)


@pytest.mark.parametrize("name", ["report_full", "filedetails_full"])
def test_an_element_once_too_often_is_refused(name: str, schema: Any) -> None:
    tried = 0
    for mutated, element in _elements(_example(name)):
        if element.getparent() is None or _slot(schema, element).get("maxOccurs") == "unbounded":
            continue
        element.addnext(copy.deepcopy(element))
        assert schema_problem(mutated) is not None, element.tag
        tried += 1
    assert tried > (100 if name == "report_full" else 20)


@pytest.mark.parametrize("name", ["report_full", "filedetails_full"])
def test_an_element_that_is_missing_where_it_must_stand_is_refused(name: str, schema: Any) -> None:
    tried = 0
    for mutated, element in _elements(_example(name)):
        parent = element.getparent()
        if parent is None or _slot(schema, element).get("minOccurs") == "0":
            continue
        if len(parent.findall(element.tag)) > 1:
            for other in parent.findall(element.tag):
                if other is not element:
                    parent.remove(other)
        parent.remove(element)
        assert schema_problem(mutated) is not None, element.tag
        tried += 1
    assert tried > (10 if name == "report_full" else 4)


@pytest.mark.parametrize("name", ["report_full", "filedetails_full"])
def test_a_value_of_the_wrong_type_is_refused(name: str, schema: Any) -> None:
    tried = set()
    for mutated, element in _elements(_example(name)):
        declared = _declaration(schema, element)
        kind = declared.get("type") or ""
        if kind in {"xs:boolean", "xs:dateTime", "xs:date", "xs:int", "xs:long", "latlong"}:
            element.text = "perhaps"
            assert schema_problem(mutated) is not None, element.tag
            tried.add(kind)
    assert {"xs:boolean", "xs:dateTime"} <= tried


@pytest.mark.parametrize("name", ["report_full", "filedetails_full"])
def test_an_unknown_element_or_attribute_is_refused_anywhere(name: str) -> None:
    for mutated, element in _elements(_example(name)):
        etree.SubElement(element, "surprise")
        assert schema_problem(mutated) is not None, element.tag
    for mutated, element in _elements(_example(name)):
        element.set("surprise", "1")
        assert schema_problem(mutated) is not None, element.tag


@pytest.mark.parametrize(
    ("where", "change"),
    [
        ("incidentSummary/reportAnnotations/spam", lambda each: setattr(each, "text", "false")),
        ("personOrUserReported/associatedAccount", lambda each: each.attrib.pop("type")),
        ("personOrUserReported/associatedAccount", lambda each: each.set("accountType", "Billing")),
        ("internetDetails/cellPhoneIncident/phoneNumber", lambda each: each.set("countryCallingCode", "1")),
        ("internetDetails/cellPhoneIncident/phoneNumber", lambda each: each.set("extension", "x")),
        ("incidentSummary/reportAnnotations", lambda each: etree.SubElement(each, "informational")),
        ("lawEnforcement", lambda each: each.set("fleaCountry", "CA")),
        ("internetDetails", lambda each: etree.SubElement(each, "webPageIncident")),
    ],
)
def test_shapes_that_others_are_known_to_send_are_refused(where: str, change: Any) -> None:
    report = _example("report_full")
    change(report.find(where))
    assert schema_problem(report) is not None


def test_both_ways_to_say_that_a_file_may_be_a_meme_at_once_are_refused() -> None:
    details = _example("filedetails_full")
    meme = etree.Element("potentialMeme")
    meme.text = "true"
    details.find("fileAnnotations").addprevious(meme)
    assert schema_problem(details) is not None


@pytest.mark.parametrize(
    "document",
    [
        b"",
        b"no xml",
        b"<report>",
        b"<report></report><report/>",
        b'<!DOCTYPE report SYSTEM "http://127.0.0.1:9/x.dtd"><report/>',
        b'<!DOCTYPE report [<!ENTITY a "b">]><report>&a;</report>',
        b'<!DOCTYPE report [<!ENTITY a SYSTEM "file:///etc/hostname">]><report>&a;</report>',
        b"<report>\x01</report>",
        b"<report>\xff</report>",
        b'<?xml version="1.0" encoding="ISO-8859-1"?><report>\xe4</report>',
        "<report/>".encode("utf-16"),
        b"<a>" * 5000 + b"</a>" * 5000,
    ],
)
def test_what_is_no_plain_well_formed_utf8_document_is_refused(document: bytes) -> None:
    with pytest.raises(XmlRefused):
        parse_document(document)
