from __future__ import annotations

import contextlib
import hashlib
import importlib.util
import json
import os
import re
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from lxml import etree

from hedgerow.errors import DraftUnreadable, DraftUnwritable, ViewedCannotBeStated
from hedgerow.reports.cybertipline.authority import CYBERTIPLINE
from hedgerow.reports.cybertipline.checking import Numbers, check_file, check_report
from hedgerow.reports.cybertipline.document import (
    parse,
    read_document,
    render,
    render_file,
    text_of,
    with_ids,
    without_ids,
)
from hedgerow.reports.cybertipline.schema import ROOTS, Root, load_schema, walk
from hedgerow.reports.model import DraftFile, ViewFacts

HERE = Path(__file__).parent
NOW = datetime(2026, 11, 22, 12, tzinfo=UTC)
OWN = sorted((HERE / "examples").glob("*.xml"))


def _strategies() -> Any:
    specification = importlib.util.spec_from_file_location("report_strategies", HERE / "strategies.py")
    assert specification is not None
    assert specification.loader is not None
    module = importlib.util.module_from_spec(specification)
    specification.loader.exec_module(module)
    return module


STRATEGIES = _strategies()


def _judge(path: Path) -> None:
    """Accept an example, and read again what is written of it."""
    document = read_document(path.read_bytes())
    content = document.content
    if document.root == "report":
        found = check_report(content, now=NOW, environment="test")
    else:
        found = check_file(content, report={}, now=NOW, numbers=Numbers(content["reportId"], {content["fileId"]}))
    assert found == []
    written = render(document.root, content)
    assert read_document(written) == document
    assert render(document.root, parse(written)) == written


@pytest.mark.parametrize("path", OWN, ids=lambda path: path.stem)
def test_our_examples_are_accepted_and_come_back_as_they_were(path: Path) -> None:
    _judge(path)


@pytest.mark.shared
def test_the_reference_examples_are_accepted_and_come_back_as_they_were(shared_data: Path) -> None:
    folder = shared_data.parent / "reference" / "cybertip" / "examples"
    paths = sorted([*folder.glob("report_*.xml"), *folder.glob("filedetails_*.xml")])
    assert len(paths) == 5
    for path in paths:
        _judge(path)


# ── every field ──────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("root", ROOTS)
def test_every_field_of_the_schema_can_be_filled(root: Root) -> None:
    content = STRATEGIES.filled(root)
    written = render(root, content)
    stated = {re.sub(r"\[\d+\]", "", each) for each in _paths(etree.fromstring(written), "")}
    known = {path for path, field in walk(load_schema().roots[root]) if not getattr(field, "is_obsolete", False)}
    missing = known - stated
    assert missing == ({"batchedReport", "batchedReport/@reason"} if root == "report" else set())
    assert parse(written) == content


def _paths(element: etree._Element, path: str) -> list[str]:
    found = [f"{path}/@{name}".lstrip("/") for name in element.attrib if not name.startswith("{")]
    for child in element:
        below = f"{path}/{child.tag}".lstrip("/")
        found += [below, *_paths(child, below)]
    return found


@settings(max_examples=60)
@given(st.data(), st.sampled_from(ROOTS))
def test_what_is_written_is_read_again(data: st.DataObject, root: Root) -> None:
    content = data.draw(STRATEGIES.contents(root))
    assert parse(render(root, content)) == content


@settings(max_examples=40)
@given(st.data(), st.sampled_from(ROOTS))
def test_the_same_content_gives_the_same_bytes_whatever_the_order_of_its_keys(data: st.DataObject, root: Root) -> None:
    content = data.draw(STRATEGIES.contents(root))
    assert render(root, _shuffled(content, data)) == render(root, content)


def test_the_same_content_gives_the_same_bytes_in_every_process() -> None:
    code = (
        "import sys, json, hashlib\n"
        "from hedgerow.reports.cybertipline.document import render\n"
        "print(hashlib.sha256(render('report', json.load(sys.stdin))).hexdigest())\n"
    )
    content = json.dumps(STRATEGIES.filled("report"))
    written = {
        subprocess.run(
            [sys.executable, "-c", code],
            input=content,
            env=os.environ | {"PYTHONHASHSEED": seed},
            capture_output=True,
            text=True,
            check=True,
        ).stdout.strip()
        for seed in ("1", "2")
    }
    assert written == {hashlib.sha256(render("report", STRATEGIES.filled("report"))).hexdigest()}


def _shuffled(value: Any, data: st.DataObject) -> Any:
    if isinstance(value, dict):
        names = data.draw(st.permutations(list(value)))
        return {name: _shuffled(value[name], data) for name in names}
    return [_shuffled(each, data) for each in value] if isinstance(value, list) else value


@settings(max_examples=40)
@given(st.data(), st.sampled_from(ROOTS))
def test_elements_stand_in_the_order_of_the_schema(data: st.DataObject, root: Root) -> None:
    def check(element: etree._Element, kind: Any) -> None:
        names = list(kind.children)
        places = [names.index(each.tag) for each in element]
        assert places == sorted(places)
        for each in element:
            check(each, kind.children[each.tag].kind)

    content = data.draw(STRATEGIES.contents(root))
    check(etree.fromstring(render(root, content)), load_schema().roots[root])


def test_a_document_says_its_encoding_and_where_its_schema_is() -> None:
    written = render("report", {"additionalInfo": "é"})
    assert written.startswith(b'<?xml version="1.0" encoding="UTF-8"?>\n<report xmlns:xsi=')
    assert "é".encode() in written
    assert written.endswith(b"</report>\n")


# ── nothing is changed or left out ───────────────────────────────────────────────────────────────────────────────


@given(st.text(st.characters(codec="utf-8", exclude_characters="\ufffe\uffff", exclude_categories=("Cs", "Cc"))))
def test_any_text_comes_back_as_it_was(text: str) -> None:
    content = {"additionalInfo": text, "internetDetails": [{"peer2peerIncident": {"fileNames": f"\t {text}\r\n\n"}}]}
    assert parse(render("report", content)) == content


@pytest.mark.parametrize(
    "text", ["a\rb", "a\r\nb", "\n", "\t", " a ", "]]>", "&quot;", "<!--", "&#0;", "\u0085", "\U0010ffff"]
)
def test_white_space_and_marks_survive_in_text_and_attributes(text: str) -> None:
    content = {"originalFileName": text, "originalFileHash": [{"#text": text, "@hashType": text}]}
    assert parse(render("fileDetails", content)) == content


@pytest.mark.parametrize("character", [chr(code) for code in (0, 0xB, 0xC, 0x1F, 0xD800, 0xDFFF, 0xFFFE, 0xFFFF)])
def test_a_character_that_xml_does_not_have_is_refused_and_never_dropped(character: str) -> None:
    for content in (
        {"additionalInfo": f"a{character}b"},
        {
            "personOrUserReported": [
                {"personOrUserReportedPerson": {"email": [{"#text": "a@b.example", "@type": character}]}}
            ]
        },
    ):
        with pytest.raises(DraftUnwritable, match="a character that XML does not have") as raised:
            render("report", content)
        assert raised.value.field.startswith("report/")


@pytest.mark.parametrize(
    ("content", "field"),
    [
        ({"unheardOf": "x"}, "report"),
        ({"incidentSummary": {"incidentType": None}}, "report/incidentSummary/incidentType"),
        ({"incidentSummary": "text"}, "report/incidentSummary"),
        ({"incidentSummary": [{}]}, "report/incidentSummary"),
        ({"victim": {"victimPerson": {}}}, "report/victim"),
        ({"victim": [{"victimPerson": {"age": [1]}}]}, "report/victim[1]/victimPerson/age"),
        ({"victim": [{}, {"@type": "x"}]}, "report/victim[2]"),
        ({"additionalInfo": {"#text": "x", "@type": "y"}}, "report/additionalInfo"),
        ({"additionalInfo": {}}, "report/additionalInfo"),
        ({"additionalInfo": float("nan")}, "report/additionalInfo"),
        ({"reporter": {"#text": "x"}}, "report/reporter"),
        ({"batchedReport": {"@reason": ["x"]}}, "report/batchedReport/@reason"),
    ],
)
def test_what_does_not_fit_the_schema_is_refused_with_its_field(content: dict[str, Any], field: str) -> None:
    with pytest.raises(DraftUnwritable) as raised:
        render("report", content)
    assert raised.value.field == field


def test_later_elements_are_written_only_when_asked_for() -> None:
    content = {"incidentSummary": {"reportAnnotations": {"instrumentalUse": True}}}
    assert b"<instrumentalUse/>" in render("report", content, is_newer=True)
    with pytest.raises(DraftUnwritable):
        render("report", content)


def test_an_annotation_is_an_empty_element() -> None:
    assert b"<sextortion/>" in render("report", {"incidentSummary": {"reportAnnotations": {"sextortion": True}}})


# ── the numbers of the authority ─────────────────────────────────────────────────────────────────────────────────


def test_the_numbers_add_two_lines_to_the_preview_and_change_not_a_byte_else() -> None:
    file = DraftFile("a.jpg", {"originalFileName": "a.jpg"}, ViewFacts(file_viewed=True, exif_viewed=False))
    preview = render_file(file)
    sent = render_file(file, report_id=4564654, file_id="b0754af766b426f2928a02c651ed4b99")
    lines = sent.splitlines(keepends=True)
    assert lines[2:4] == [
        b"  <reportId>4564654</reportId>\n",
        b"  <fileId>b0754af766b426f2928a02c651ed4b99</fileId>\n",
    ]
    assert b"".join([*lines[:2], *lines[4:]]) == preview
    assert without_ids(parse(sent)) == parse(preview)
    assert with_ids(parse(preview), report_id=1, file_id="x") == {"reportId": 1, "fileId": "x"} | parse(preview)


@pytest.mark.parametrize("details", [{}, {"originalFileName": "a\n>b"}, {"fileAnnotations": {"viral": True}}])
@pytest.mark.parametrize("viewed", [None, ViewFacts(file_viewed=True, exif_viewed=True)])
def test_what_the_filer_puts_into_the_template_is_what_would_have_been_written(
    details: dict[str, Any], viewed: ViewFacts | None
) -> None:
    file = DraftFile("a", details, viewed)
    number = "b0754af766b426f2928a02c651ed4b99"
    filled = CYBERTIPLINE.fill(CYBERTIPLINE.render_file(file), "4564654", number)
    assert filled == render_file(file, report_id=4564654, file_id=number)


def test_what_the_records_say_is_put_in_and_cannot_come_from_elsewhere() -> None:
    file = DraftFile("a.jpg", {"fileViewedByEsp": True}, ViewFacts(file_viewed=False, exif_viewed=None))
    with pytest.raises(ViewedCannotBeStated):
        render_file(file)
    unseen = DraftFile("a.jpg", {"fileRelevance": "Reported"}, ViewFacts(file_viewed=False, exif_viewed=None))
    assert parse(render_file(unseen)) == {"fileRelevance": "Reported", "fileViewedByEsp": False}


# ── reading what others wrote ────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    "xml",
    [
        b"",
        b"no xml",
        b"<report>",
        b"<report/><report/>",
        b"<reportResponse/>",
        b"<report>&unknown;</report>",
        b'<!DOCTYPE report [<!ENTITY e "x">]><report>&e;</report>',
        b'<!DOCTYPE report SYSTEM "file:///etc/passwd"><report/>',
        b'<?xml version="1.0" encoding="nowhere-8"?><report/>',
        b"<report>\xff</report>",
        b"<report>" + b"<a>" * 40 + b"</a>" * 40 + b"</report>",
        b"<report>" + b" " * 9_000_000 + b"</report>",
    ],
)
def test_what_is_no_safe_document_is_refused(xml: bytes) -> None:
    with pytest.raises(DraftUnreadable):
        parse(xml)


@given(st.binary(max_size=60).map(lambda inner: b"<report>" + inner + b"</report>"))
def test_any_bytes_are_read_or_refused(xml: bytes) -> None:
    with contextlib.suppress(DraftUnreadable):  # anything else is a fault
        parse(xml)


def test_values_are_read_as_what_they_are() -> None:
    xml = b"""<fileDetails><reportId> 12 </reportId><fileId> a  b </fileId><fileViewedByEsp>1</fileViewedByEsp>
    <fileAnnotations><viral/></fileAnnotations></fileDetails>"""
    assert parse(xml) == {
        "reportId": 12,
        "fileId": "a b",
        "fileViewedByEsp": True,
        "fileAnnotations": {"viral": True},
    }


def test_what_does_not_fit_is_read_as_text_so_that_the_checks_can_say_so() -> None:
    content = parse(
        b"<report><unheardOf a='1'>x</unheardOf><additionalInfo>1</additionalInfo><additionalInfo>2</additionalInfo>"
        b"<incidentSummary>words<incidentType/></incidentSummary><victim><victimPerson><age>old</age></victimPerson></victim></report>"
    )
    assert content == {
        "unheardOf": {"@a": "1", "#text": "x"},
        "additionalInfo": ["1", "2"],
        "incidentSummary": {"#text": "words", "incidentType": ""},
        "victim": [{"victimPerson": {"age": "old"}}],
    }
    assert {each.rule for each in check_report(content, now=NOW, environment="test")} >= {"unknown", "repeated", "type"}


def test_a_text_is_found_whether_attributes_stand_beside_it_or_not() -> None:
    assert text_of("x") == text_of({"#text": "x", "@type": "Home"}) == "x"
    assert text_of({"@type": "Home"}) is None
