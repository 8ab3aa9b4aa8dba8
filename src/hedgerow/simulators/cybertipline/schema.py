"""The schema of reports: an XSD written anew from facts, and the judgement of documents by it.

``schema.xsd`` beside this file was written by `xsd_from_facts` from ``schema_facts.json``: names, order, how often,
types and values, as of November 2025. It holds none of the authority's own prose. It shares nothing with what
composes reports, so that a mistake there is not repeated here.
"""

from __future__ import annotations

import re
from functools import cache
from importlib.resources import files
from typing import TYPE_CHECKING, Any, Final

from hedgerow.errors import SimulatorSupportMissing

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = [
    "MOST_PROBLEM_CHARACTERS",
    "XmlRefused",
    "parse_document",
    "schema_problem",
    "schema_text",
    "values_of",
    "xsd_from_facts",
]

MOST_PROBLEM_CHARACTERS: Final = 400
"""How much of a validator's sentence is passed on: it may quote values of any length."""

_XSD: Final = "http://www.w3.org/2001/XMLSchema"
_NOT_UTF8: Final = re.compile(rb"""^<\?xml[^>]*encoding\s*=\s*["'](?!utf-8["'])""", re.IGNORECASE)


class XmlRefused(Exception):
    """Bytes that are no well-formed document, or one with a document type; its text says why."""


def _lxml() -> Any:  # noqa: ANN401  (a module)
    try:
        from lxml import etree  # type: ignore[import-untyped]  # noqa: PLC0415  (no stubs; only who simulates needs it)
    except ImportError:
        raise SimulatorSupportMissing("lxml") from None
    return etree


def parse_document(document: bytes) -> Any:  # noqa: ANN401  (an element of lxml)
    """Parse a document without entities, document types, network or unlimited depth.

    Returns:
        The root element of lxml.

    Raises:
        XmlRefused: It is not well formed, not UTF-8, or has a document type.
    """
    etree = _lxml()
    if _NOT_UTF8.match(document.removeprefix(b"\xef\xbb\xbf")):
        raise XmlRefused("the document is not declared as UTF-8")
    parser = etree.XMLParser(
        encoding="utf-8",
        resolve_entities=False,
        no_network=True,
        load_dtd=False,
        dtd_validation=False,
        huge_tree=False,
        remove_comments=True,  # one between two digits would hide the second
        remove_pis=True,
    )
    try:
        root = etree.fromstring(document, parser)
    except etree.XMLSyntaxError as error:
        raise XmlRefused(str(error.msg)[:MOST_PROBLEM_CHARACTERS]) from None
    except ValueError as error:
        raise XmlRefused(str(error)[:MOST_PROBLEM_CHARACTERS]) from None
    if root.getroottree().docinfo.doctype:
        raise XmlRefused("the document has a document type")
    return root


def schema_problem(root: Any) -> str | None:  # noqa: ANN401  (an element of lxml)
    """Return the first thing about a document that the schema does not allow, or None.

    >>> schema_problem(parse_document(b"<report><incidentSummary/></report>"))
    "Line 1: Element 'incidentSummary': Missing child element(s). Expected is ( incidentType )."
    """
    schema = _schema()
    # A validator of lxml keeps the log of its last document, so that threads take turns; all calls hold the lock.
    if schema.validate(root.getroottree()):
        return None
    first = schema.error_log[0]
    return f"Line {first.line}: {first.message}"[:MOST_PROBLEM_CHARACTERS]


def schema_text() -> bytes:
    """Return the schema, as ``/xsd`` gives it."""
    return files(__package__).joinpath("schema.xsd").read_bytes()


@cache
def values_of(simple_type: str) -> frozenset[str]:
    """Return the values that a type of the schema allows, without the empty one.

    >>> sorted(values_of("fileRelevance"))
    ['Reported', 'Supplemental Reported']
    """
    root = parse_document(schema_text())
    found = root.iterfind(f"{_tag('simpleType')}[@name='{simple_type}']/{_tag('restriction')}/{_tag('enumeration')}")
    return frozenset(each.get("value") for each in found) - {""}


@cache
def _schema() -> Any:  # noqa: ANN401  (of lxml)
    etree = _lxml()
    parser = etree.XMLParser(resolve_entities=False, no_network=True)
    return etree.XMLSchema(etree.fromstring(schema_text(), parser))


# ── how schema.xsd is written ────────────────────────────────────────────────────────────────────────────────────


def xsd_from_facts(facts: Mapping[str, Any]) -> bytes:
    """Write the XSD.

    Args:
        facts: What ``schema_facts.json`` holds.
    """
    etree = _lxml()
    schema = facts["schema"]
    root = etree.Element(f"{{{_XSD}}}schema", nsmap={"xs": _XSD})
    root.append(
        etree.Comment(
            " SIMULATOR. Written by hedgerow.simulators.cybertipline.schema from facts about the schema of reports "
            f"as of {facts['_about']['schema_as_of'].partition(' (')[0]}; not the authority's own file. "
        )
    )
    for name, entry in schema["elements"].items():
        element = etree.SubElement(root, _tag("element"), name=name)
        _complex(etree.SubElement(element, _tag("complexType")), entry)
    for name, entry in schema["complexTypes"].items():
        _complex(etree.SubElement(root, _tag("complexType"), name=name), entry)
    for name, entry in schema["simpleTypes"].items():
        restriction = etree.SubElement(
            etree.SubElement(root, _tag("simpleType"), name=name), _tag("restriction"), base=entry["base"]
        )
        for value in entry.get("enum", ()):
            etree.SubElement(restriction, _tag("enumeration"), value=value)
        if "pattern" in entry:
            etree.SubElement(restriction, _tag("pattern"), value=entry["pattern"])
    written: bytes = etree.tostring(root, pretty_print=True, xml_declaration=True, encoding="UTF-8")
    return written


def _tag(name: str) -> str:
    return f"{{{_XSD}}}{name}"


def _complex(into: Any, entry: Mapping[str, Any]) -> None:  # noqa: ANN401  (an element of lxml)
    """Write the inside of a complexType."""
    etree = _lxml()
    if "text" in entry:
        into = etree.SubElement(etree.SubElement(into, _tag("simpleContent")), _tag("extension"), base=entry["text"])
    elif "model" in entry:
        _children(etree.SubElement(into, _tag(entry["model"])), entry["children"])
    for name, attribute in entry.get("attributes", {}).items():
        use = "required" if attribute["required"] else "optional"
        etree.SubElement(into, _tag("attribute"), name=name, type=attribute["type"], use=use)


def _children(into: Any, children: list[dict[str, Any]]) -> None:  # noqa: ANN401  (an element of lxml)
    etree = _lxml()
    for child in children:
        least, most = child["occurs"]
        occurs = {"minOccurs": str(least), "maxOccurs": "unbounded" if most is None else str(most)}
        if "group" in child:
            _children(etree.SubElement(into, _tag(child["group"]), occurs), child["children"])
            continue
        if child.get("ref"):
            etree.SubElement(into, _tag("element"), {"ref": child["name"], **occurs})
            continue
        element = etree.SubElement(into, _tag("element"), {"name": child["name"], **occurs})
        if "inline" in child:
            _complex(etree.SubElement(element, _tag("complexType")), child["inline"])
        else:
            element.set("type", child["type"])
        if "fixed" in child:
            element.set("fixed", child["fixed"])
