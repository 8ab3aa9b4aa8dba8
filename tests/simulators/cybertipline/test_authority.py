"""The authority's states and codes, through the interface itself."""

from __future__ import annotations

import hashlib
import re
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from lxml import etree

from hedgerow.simulators.cybertipline import CODES, CyberTiplineSimulator
from hedgerow.simulators.cybertipline.schema import parse_document, schema_problem, schema_text
from hedgerow.simulators.cybertipline.store import FIRST_REPORT

if TYPE_CHECKING:
    from collections.abc import Callable

    import httpx

START = datetime(2026, 11, 22, 12, 0, tzinfo=UTC)
XML = {"content-type": "text/xml; charset=utf-8"}


def _text(reply: httpx.Response, name: str) -> str | None:
    found: str | None = etree.fromstring(reply.content).findtext(name)
    return found


def _example(name: str) -> bytes:
    return (Path(__file__).parent / "examples" / f"{name}.xml").read_bytes()


def _numbered(document: bytes, report: int, file: str) -> bytes:
    text = re.sub(r"<reportId>.*?</reportId>", f"<reportId>{report}</reportId>", document.decode())
    return re.sub(r"<fileId>.*?</fileId>", f"<fileId>{file}</fileId>", text).encode()


# ── what every answer has ────────────────────────────────────────────────────────────────────────────────────────


def test_every_answer_is_what_the_schema_says_and_has_a_request_id_of_its_own(caller: Any) -> None:
    report = caller.opened()
    file = caller.uploaded(report)
    replies = [
        caller.client.get("/status"),
        caller.submit(b"<report/>"),
        caller.upload(report),
        caller.describe(report, file),
        caller.describe(report, "0" * 32),
        caller.finish(report),
        caller.retract(report),
        caller.finish("x"),
        caller.client.get("/nothing"),
    ]
    for reply in replies:
        assert reply.content.startswith(b'<?xml version="1.0" encoding="UTF-8" standalone="yes"?>')
        assert reply.headers["content-type"] == "text/xml; charset=utf-8"
        assert schema_problem(parse_document(reply.content)) is None, reply.text
    assert len({reply.headers["Request-ID"] for reply in replies}) == len(replies)


def test_every_description_says_that_it_is_a_simulator_s(caller: Any) -> None:
    for reply in (caller.client.get("/status"), caller.submit(), caller.submit(b"x"), caller.retract(1)):
        assert "SIMULATOR" in (_text(reply, "responseDescription") or "")


def test_status_names_the_user_and_the_address_and_no_report(caller: Any) -> None:
    reply = caller.client.get("/status")
    assert caller.code(reply) == 0
    assert (_text(reply, "responseDescription") or "").startswith("Remote User : simulator, Remote Ip : 127.0.0.1")
    assert _text(reply, "reportId") is None


def test_the_schema_can_be_had(caller: Any) -> None:
    assert caller.client.get("/xsd").content == schema_text()


# ── a whole report ───────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("name", ["report_minimal", "report_full", "report_batched"])
def test_an_example_is_accepted_and_kept_byte_for_byte(name: str, caller: Any) -> None:
    reply = caller.submit(_example(name))
    assert caller.code(reply) == 0
    assert caller.only_report().document == _example(name)
    assert caller.only_report().id == int(_text(reply, "reportId") or 0)


def test_all_reference_examples_are_accepted(caller: Any, reference: Path) -> None:
    tried = 0
    for path in sorted((reference / "examples").glob("report_*.xml")):
        assert caller.code(caller.submit(path.read_bytes())) == 0, path.name
        tried += 1
    for path in sorted((reference / "examples").glob("filedetails_*.xml")):
        report = caller.opened()
        document = _numbered(path.read_bytes(), report, caller.uploaded(report))
        assert caller.code(caller.client.post("/fileinfo", content=document, headers=XML)) == 0, path.name
        assert caller.code(caller.finish(report)) == 0
        tried += 1
    assert tried >= 5


def test_a_report_with_files_is_filed_and_shown_as_it_came(caller: Any) -> None:
    report = caller.opened(_example("report_full"))
    assert report >= FIRST_REPORT
    contents = [b"first", b"second " * 100_000]
    replies = [caller.upload(report, content, f"{number}.jpg") for number, content in enumerate(contents)]
    files = [_text(reply, "fileId") or "" for reply in replies]
    for reply, content in zip(replies, contents, strict=True):
        assert re.fullmatch(r"[0-9a-f]{32}", _text(reply, "fileId") or "")
        assert _text(reply, "hash") == hashlib.md5(content, usedforsecurity=False).hexdigest()
        assert _text(reply, "reportId") == str(report)
    details = _numbered(_example("filedetails_full"), report, files[0])
    assert caller.code(caller.client.post("/fileinfo", content=details, headers=XML)) == 0
    reply = caller.finish(report)
    assert etree.fromstring(reply.content).tag == "reportDoneResponse"
    assert [each.text for each in etree.fromstring(reply.content).findall("files/fileId")] == files
    kept = caller.only_report()
    assert kept.state == "finished"
    assert [(each.name, each.size_bytes) for each in kept.files] == [("0.jpg", 5), ("1.jpg", 700_000)]
    assert [each.sha256 for each in kept.files] == [hashlib.sha256(content).hexdigest() for content in contents]
    assert [each.details for each in kept.files] == [details, None]


def test_finish_and_retract_take_both_kinds_of_form(caller: Any) -> None:
    first, second = caller.opened(), caller.opened()
    assert caller.code(caller.client.post("/finish", files={"id": (None, str(first))})) == 0
    assert caller.code(caller.client.post("/retract", files={"id": (None, str(second))})) == 0
    assert [each.state for each in caller.simulator.reports()] == ["finished", "retracted"]


# ── refusals ─────────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("document", "headers", "code"),
    [
        (b"<report>", XML, 4110),
        (b"", XML, 4110),
        (b'<!DOCTYPE report SYSTEM "x.dtd"><report/>', XML, 4110),
        (b"<report/>", XML, 4100),
        (b"<incidentSummary/>", XML, 4100),
        (b"<fileDetails><reportId>1</reportId><fileId>a</fileId></fileDetails>", XML, 4100),
        (None, {"content-type": "application/json"}, 4000),
        (None, {"content-type": "application/xml"}, 4000),
        (None, {"content-type": "text/xml; charset=iso-8859-1"}, 4000),
        (None, {}, 4000),
        (None, {"content-type": "text/xml"}, 0),
        (None, {"content-type": 'Text/XML;charset="UTF-8"'}, 0),
    ],
)
def test_what_is_submitted_must_be_a_report(
    document: bytes | None, headers: dict[str, str], code: int, caller: Any
) -> None:
    content = _example("report_minimal") if document is None else document
    assert caller.code(caller.client.post("/submit", content=content, headers=headers)) == code
    assert len(caller.simulator.reports()) == (1 if code == 0 else 0)


def test_a_refusal_names_the_element(caller: Any) -> None:
    document = _example("report_minimal").replace(b"2026-03-04T11:22:33Z", b"2036-03-04T11:22:33Z")
    reply = caller.submit(document)
    assert caller.code(reply) == 4100
    assert "incidentSummary/incidentDateTime" in (_text(reply, "responseDescription") or "")
    assert "R01" in (_text(reply, "responseDescription") or "")


def test_descriptions_stay_short_whatever_came(caller: Any) -> None:
    document = _example("report_minimal").replace(b"Child Pornography", b"x" * 1_000_000)
    reply = caller.submit(document)
    assert caller.code(reply) == 4100
    assert len(reply.content) < 2000


@pytest.mark.parametrize("report", ["7", "99999999999999999999", "9223372036854775807", "900000002"])
def test_a_report_that_does_not_exist_is_5001_or_no_number(report: str, caller: Any) -> None:
    caller.opened()
    expected = 4000 if len(report) > 19 else 5001
    for reply in (caller.upload(report), caller.finish(report), caller.retract(report)):
        assert caller.code(reply) == expected
    if len(report) < 19:
        assert caller.code(caller.describe(report, "a" * 32)) == 5001


@pytest.mark.parametrize("report", ["", "  ", "x", "-1", "1.0", "²"])
def test_what_is_no_number_of_a_report_is_4000(report: str, caller: Any) -> None:
    for reply in (caller.upload(report), caller.finish(report), caller.retract(report)):
        assert caller.code(reply) == 4000


@pytest.mark.parametrize(
    ("sent", "code"),
    [
        ({"data": {"x": "1"}, "files": {"file": b"a"}}, 4000),
        ({"data": {"id": "R"}, "files": {"other": b"a"}}, 4000),
        ({"data": {"id": "R"}, "files": [("file", b"a"), ("file", b"b")]}, 4000),
        ({"data": {"id": ["R", "R"]}, "files": {"file": b"a"}}, 4000),
        ({"data": {"id": "R"}, "files": {"file": b""}}, 4200),
        ({"data": {"id": "R"}}, 4000),
        ({"content": b"x", "headers": {"content-type": "application/octet-stream"}}, 4000),
        ({"content": b"x", "headers": {"content-type": "multipart/form-data"}}, 4200),
        ({"content": b"x", "headers": {"content-type": "multipart/form-data; boundary=b"}}, 4200),
        (
            {
                "content": b'--b\r\nContent-Disposition: form-data; name="file"\r\n\r\ncut',
                "headers": {"content-type": "multipart/form-data; boundary=b"},
            },
            4200,
        ),
        ({"data": {"id": "1" * 2000}, "files": {"file": b"a"}}, 4200),
    ],
)
def test_a_form_that_is_none_is_refused(sent: dict[str, Any], code: int, caller: Any) -> None:
    report = str(caller.opened())
    data = {
        name: [report if each == "R" else each for each in value]
        if isinstance(value, list)
        else value.replace("R", report)
        for name, value in sent.get("data", {}).items()
    }
    reply = caller.client.post("/upload", **{**sent, **({"data": data} if data else {})})
    assert caller.code(reply) == code
    assert caller.only_report().files == ()


def test_a_file_of_another_report_is_5002(caller: Any) -> None:
    first, second = caller.opened(), caller.opened()
    file = caller.uploaded(first)
    assert caller.code(caller.describe(second, file)) == 5002
    assert caller.code(caller.describe(first, "f" * 32)) == 5002
    assert caller.code(caller.describe(first, file)) == 0


@pytest.mark.parametrize("code", [4000, 1300])
def test_a_second_description_is_refused_as_it_is_set(
    code: int, calling: Callable[[CyberTiplineSimulator], Any]
) -> None:
    with CyberTiplineSimulator(second_fileinfo=code, stands_at=START) as simulator:
        caller = calling(simulator)
        report = caller.opened()
        file = caller.uploaded(report)
        assert caller.code(caller.describe(report, file)) == 0
        assert caller.code(caller.describe(report, file)) == code


def test_a_description_that_breaks_a_rule_is_refused(caller: Any) -> None:
    report = caller.opened()
    file = caller.uploaded(report)
    reply = caller.describe(report, file, "<exifViewedByEsp>true</exifViewedByEsp>")
    assert caller.code(reply) == 4100
    assert "fileViewedByEsp" in (_text(reply, "responseDescription") or "")
    assert caller.only_report().files[0].details is None


# ── states ───────────────────────────────────────────────────────────────────────────────────────────────────────


def test_nothing_can_be_done_with_a_finished_report(caller: Any) -> None:
    report = caller.opened()
    file = caller.uploaded(report)
    caller.finish(report)
    for reply in (
        caller.upload(report),
        caller.describe(report, file),
        caller.finish(report),
        caller.retract(report),
    ):
        assert caller.code(reply) == 5102
    assert caller.state(report) == "finished"


def test_nothing_can_be_done_with_a_retracted_report(caller: Any) -> None:
    report = caller.opened()
    file = caller.uploaded(report)
    caller.retract(report)
    for reply in (
        caller.upload(report),
        caller.describe(report, file),
        caller.finish(report),
        caller.retract(report),
    ):
        assert caller.code(reply) == 5101
    assert caller.state(report) == "retracted"


def test_an_unfinished_report_lives_24_hours_from_its_opening(caller: Any) -> None:
    report = caller.opened()
    caller.simulator.clock.advance(hours=23, minutes=59, seconds=59)
    assert caller.state(report) == "open"
    caller.simulator.clock.advance(seconds=1)
    assert caller.state(report) == "expired"
    assert caller.code(caller.finish(report)) == 5001
    assert caller.code(caller.retract(report)) == 5001


def test_or_one_hour_from_its_last_file_or_description_whichever_is_later(caller: Any) -> None:
    report = caller.opened()
    caller.uploaded(report)
    caller.simulator.clock.advance(hours=2)
    assert caller.state(report) == "open"
    caller.simulator.clock.advance(hours=21, minutes=30)
    file = caller.uploaded(report)
    caller.simulator.clock.advance(minutes=59)
    assert caller.state(report) == "open"
    caller.describe(report, file)
    caller.simulator.clock.advance(minutes=59, seconds=59)
    assert caller.state(report) == "open"
    caller.simulator.clock.advance(seconds=1)
    assert caller.code(caller.finish(report)) == 5001
    assert caller.state(report) == "expired"


def test_a_finished_report_does_not_expire(caller: Any) -> None:
    report = caller.opened()
    caller.finish(report)
    caller.simulator.clock.advance(days=400)
    assert caller.state(report) == "finished"


def test_a_batched_report_with_two_files_cannot_be_finished_but_retracted(caller: Any) -> None:
    report = caller.opened(_example("report_batched"))
    for _ in range(2):
        file = caller.uploaded(report)
        assert caller.code(caller.describe(report, file, "<fileAnnotations><viral/></fileAnnotations>")) == 0
    reply = caller.finish(report)
    assert (reply.status_code, caller.code(reply)) == (400, 4100)
    assert caller.state(report) == "open"
    assert caller.code(caller.retract(report)) == 0


# ── both styles of status ────────────────────────────────────────────────────────────────────────────────────────


def test_errors_come_with_200_unless_it_is_set_otherwise(caller: Any) -> None:
    report = caller.opened()
    caller.finish(report)
    assert {reply.status_code for reply in (caller.submit(b"x"), caller.finish(report), caller.upload(5))} == {200}


def test_errors_come_with_400_and_500_where_it_is_set(calling: Callable[[CyberTiplineSimulator], Any]) -> None:
    with CyberTiplineSimulator(error_style="400", stands_at=START) as simulator:
        caller = calling(simulator)
        report = caller.opened()
        caller.finish(report)
        replies = [caller.submit(b"x"), caller.finish(report), caller.upload(5)]
        assert [(reply.status_code, caller.code(reply)) for reply in replies] == [(400, 4110), (400, 5102), (400, 5001)]
        simulator.faults.add("submit", 1, "1000")
        reply = caller.submit()
        assert (reply.status_code, caller.code(reply)) == (500, 1000)


@pytest.mark.parametrize("code", [code for code in CODES if code])
def test_every_documented_code_can_be_asked_for(code: int, caller: Any) -> None:
    caller.simulator.faults.add("submit", 1, str(code))
    reply = caller.submit()
    assert caller.code(reply) == code
    assert (_text(reply, "responseDescription") or "").startswith(CODES[code])
    assert caller.simulator.reports() == []
