"""Each rule of the documentation refuses a document that breaks it, and only by its own number."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from lxml import etree

from hedgerow.simulators.cybertipline.rules import LENGTHS, batch_problem, file_problem, report_problem
from hedgerow.simulators.cybertipline.schema import parse_document, schema_problem

NOW = datetime(2026, 11, 22, 12, 0, tzinfo=UTC)
LATER = "2026-11-22T12:00:01Z"
PERSON = "personOrUserReported"


def _example(name: str) -> Any:
    return parse_document((Path(__file__).parent / "examples" / f"{name}.xml").read_bytes())


def _broken(root: Any) -> str | None:
    """Give the number of the rule that a document breaks; the schema must have nothing against it."""
    assert schema_problem(root) is None, schema_problem(root)
    problem = (file_problem if root.tag == "fileDetails" else report_problem)(root, NOW)
    return None if problem is None else problem.rule


def _with_text(name: str, path: str, text: str) -> Any:
    root = _example(name)
    root.find(path).text = text
    return root


def _with_attribute(name: str, path: str, attribute: str, value: str | None) -> Any:
    root = _example(name)
    element = root.find(path)
    if value is None:
        del element.attrib[attribute]
    else:
        element.set(attribute, value)
    return root


def _without(name: str, path: str) -> Any:
    root = _example(name)
    element = root.find(path)
    element.getparent().remove(element)
    return root


def _after(name: str, path: str, added: str) -> Any:
    root = _example(name)
    root.find(path).addnext(etree.fromstring(added))
    return root


@pytest.mark.parametrize(
    "name", ["report_minimal", "report_full", "report_batched", "filedetails_full", "filedetails_supplemental"]
)
def test_our_own_examples_break_no_rule(name: str) -> None:
    assert _broken(_example(name)) is None


def test_all_reference_examples_break_no_rule(reference: Path) -> None:
    found = [*(reference / "examples").glob("report_*.xml"), *(reference / "examples").glob("filedetails_*.xml")]
    assert len(found) >= 5
    assert [path.name for path in found if _broken(parse_document(path.read_bytes())) is not None] == []


ACCOUNT = f"{PERSON}/associatedAccount"
PHONE = "internetDetails/cellPhoneIncident/phoneNumber"
PLACE = f"{PERSON}/estimatedLocation"
BROKEN = {
    "R01 in the future": lambda: _with_text("report_minimal", "incidentSummary/incidentDateTime", LATER),
    "R01 now": lambda: _with_text("report_minimal", "incidentSummary/incidentDateTime", "2026-11-22T12:00:00Z"),
    "R01 in another zone": lambda: _with_text(
        "report_minimal", "incidentSummary/incidentDateTime", "2026-11-22T11:30:00-01:00"
    ),
    "R02": lambda: _with_text("report_full", "incidentSummary/escalateToHighPriority", "  "),
    "R03": lambda: _without("report_minimal", "reporter/reportingPerson/email"),
    "R04": lambda: _after("report_full", PERSON, f"<{PERSON}><espIdentifier>two</espIdentifier></{PERSON}>"),
    "R05 email": lambda: _with_text("report_full", "internetDetails/emailIncident/emailAddress", "b@mail.example"),
    "R05 newsgroup": lambda: _with_text("report_full", "internetDetails/newsgroupIncident/emailAddress", "b@c.example"),
    "R06 url": lambda: _with_text("report_full", "internetDetails/webPageIncident/url", "platform.example/p/1"),
    "R06 space": lambda: _with_text("report_full", "internetDetails/webPageIncident/url", "https://a.example/a b"),
    "R06 profile": lambda: _with_text("report_full", f"{PERSON}/profileUrl", "user 1"),
    "R06 legal": lambda: _with_text("report_full", "reporter/legalURL", "https://"),
    "R06 file": lambda: _with_text("filedetails_full", "locationOfFile", "/media/1.jpg"),
    "R07": lambda: _with_text("report_full", f"{PERSON}/ipCaptureEvent/ipAddress", "300.1.1.1"),
    "R07 blank": lambda: _with_text("report_full", f"{PERSON}/ipCaptureEvent/ipAddress", ""),
    "R07 zone": lambda: _with_text("report_full", f"{PERSON}/ipCaptureEvent/ipAddress", "fe80::1%eth0"),
    "R07 file": lambda: _with_text("filedetails_full", "ipCaptureEvent/ipAddress", "localhost"),
    "R08 none": lambda: _with_text("report_full", f"{PERSON}/ipCaptureEvent/port", "0"),
    "R08 high": lambda: _with_text("report_full", f"{PERSON}/ipCaptureEvent/port", "65536"),
    "R09 event": lambda: _with_text("report_full", f"{PERSON}/ipCaptureEvent/dateTime", LATER),
    "R09 device": lambda: _with_text("report_full", f"{PERSON}/deviceId/dateTime", LATER),
    "R09 disabled": lambda: _with_attribute(
        "report_full", f"{PERSON}/accountPermanentlyDisabled", "disabledDate", LATER
    ),
    "R09 notified": lambda: _with_attribute(
        "report_full", f"{PERSON}/accountPermanentlyDisabled", "userNotifiedDate", LATER
    ),
    "R09 verified": lambda: _with_attribute("report_full", PHONE, "verificationDate", LATER),
    "R09 place": lambda: _with_attribute("report_full", PLACE, "timestamp", LATER),
    "R09 uploaded": lambda: _with_text("filedetails_full", "uploadedToEspTimestamp", LATER),
    "R09 born": lambda: _with_text("report_full", f"{PERSON}/{PERSON}Person/dateOfBirth", "2026-11-22"),
    "R10 plus": lambda: _with_text("report_full", PHONE, "+1 555 555 0100"),
    "R10 digits": lambda: _with_text("report_full", PHONE, "1-555-555-0100"),
    "R11 phone": lambda: _with_attribute("report_full", PHONE, "verified", "false"),
    "R11 email": lambda: _with_attribute("report_full", "internetDetails/emailIncident/emailAddress", "verified", None),
    "R12 notified": lambda: _with_attribute(
        "report_full", f"{PERSON}/accountTemporarilyDisabled", "userNotifiedDate", "2026-03-01T23:59:59Z"
    ),
    "R12 enabled": lambda: _with_attribute(
        "report_full", f"{PERSON}/accountTemporarilyDisabled", "reenabledDate", "2026-03-02T00:00:00Z"
    ),
    "R13 country": lambda: _without("report_full", f"{PLACE}/countryCode"),
    "R13 empty country": lambda: _with_text("report_full", f"{PLACE}/countryCode", ""),
    "R13 region": lambda: _without("report_full", f"{PLACE}/region"),
    "R13 state": lambda: _with_text("report_full", f"{PLACE}/region", "California"),
    "R14 age": lambda: _with_text("report_full", "victim/victimPerson/age", "151"),
    "R14 below": lambda: _with_text("report_full", "victim/victimPerson/age", "-1"),
    "R14 approximate": lambda: _with_text("report_full", f"{ACCOUNT}/approximateAge", "200"),
    "R14 both": lambda: _after("report_full", f"{ACCOUNT}/approximateAge", "<dateOfBirth>1986-01-01</dateOfBirth>"),
    "R15": lambda: _with_text("report_full", f"{PERSON}/priorCTReports", "0"),
    "R15 associated": lambda: _with_text("report_full", f"{ACCOUNT}/priorCTReport", "-7"),
    "R16": lambda: _with_text("filedetails_full", "exifViewedByEsp", "true"),
    "R19": lambda: _with_text("filedetails_full", "fileId", " "),
    "B01 more": lambda: _after("report_batched", f"{PERSON}/espIdentifier", "<screenName>x</screenName>"),
    "B01 none": lambda: _without("report_batched", f"{PERSON}/espIdentifier"),
    "B02 escalation": lambda: _after(
        "report_batched", "incidentSummary/incidentType", "<escalateToHighPriority>x</escalateToHighPriority>"
    ),
    "B02 internet": lambda: _after(
        "report_batched",
        "incidentSummary",
        "<internetDetails><chatImIncident><chatClient>x</chatClient></chatImIncident></internetDetails>",
    ),
    "B02 police": lambda: _after(
        "report_batched", "incidentSummary", "<lawEnforcement><agencyName>x</agencyName></lawEnforcement>"
    ),
    "B02 recipient": lambda: _after(
        "report_batched", f"{PERSON}[2]", "<intendedRecipient><espIdentifier>x</espIdentifier></intendedRecipient>"
    ),
    "B02 victim": lambda: _after("report_batched", f"{PERSON}[2]", "<victim><victimPerson/></victim>"),
    "B02 text": lambda: _after("report_batched", f"{PERSON}[2]", "<additionalInfo>x</additionalInfo>"),
    "zone": lambda: _with_text("report_minimal", "incidentSummary/incidentDateTime", "2026-03-04T11:22:33"),
    "zone file": lambda: _with_text("filedetails_full", "uploadedToEspTimestamp", "2026-03-04T11:22:33"),
    "zone attribute": lambda: _with_attribute("report_full", PLACE, "timestamp", "2026-03-01T00:00:00"),
}


@pytest.mark.parametrize("case", list(BROKEN))
def test_a_document_that_breaks_a_rule_is_refused_by_its_number(case: str) -> None:
    assert _broken(BROKEN[case]()) == case.split(" ", maxsplit=1)[0]


def _recipient_email() -> Any:
    root = _with_text("report_full", "internetDetails/emailIncident/emailAddress", "c@mail.example")
    person = root.find("intendedRecipient/intendedRecipientPerson")
    person.insert(0, etree.fromstring("<email>c@mail.example</email>"))
    return root


def _place_without_city() -> Any:
    root = _without("report_full", f"{PLACE}/city")
    region = root.find(f"{PLACE}/region")
    region.getparent().remove(region)
    return root


FINE = {
    "an address of the recipient": _recipient_email,
    "an address in capitals": lambda: _with_text(
        "report_full", "internetDetails/emailIncident/emailAddress", "A@MAIL.EXAMPLE"
    ),
    "a mapped address": lambda: _with_text("report_full", f"{PERSON}/ipCaptureEvent/ipAddress", "::ffff:192.0.2.1"),
    "a country alone": _place_without_city,
    "elsewhere than in the US": lambda: _with_text("report_full", f"{PLACE}/countryCode", "GB"),
    "the oldest": lambda: _with_text("report_full", "victim/victimPerson/age", "150"),
    "told at once": lambda: _with_attribute(
        "report_full", f"{PERSON}/accountTemporarilyDisabled", "userNotifiedDate", "2026-03-02T00:00:00Z"
    ),
    "a moment ago": lambda: _with_text("report_minimal", "incidentSummary/incidentDateTime", "2026-11-22T11:59:59.9Z"),
    "many of a batch": lambda: _example("report_batched"),
}


@pytest.mark.parametrize("case", list(FINE))
def test_what_a_rule_allows_is_allowed(case: str) -> None:
    assert _broken(FINE[case]()) is None


@pytest.mark.parametrize("age", ["<!-- x -->151", "15<!-- x -->1", "1<?x y?>51"])
def test_a_comment_hides_nothing_from_a_rule(age: str) -> None:
    document = (Path(__file__).parent / "examples" / "report_full.xml").read_bytes()
    assert _broken(parse_document(document.replace(b"<age>14</age>", f"<age>{age}</age>".encode()))) == "R14"


# ── lengths ──────────────────────────────────────────────────────────────────────────────────────────────────────


def _long(element: Any, characters: int) -> str:
    """Give a value of that many characters that nothing but its length can be said against."""
    name = element.tag
    if name in {"url", "profileUrl", "legalURL", "locationOfFile"}:
        return "https://a.example/".ljust(characters, "x")
    if name in {"phone", "phoneNumber"}:
        return "5" * characters
    if name in {"email", "emailAddress"}:
        return "a@".ljust(characters, "b")
    return "x" * characters


def _places() -> list[tuple[str, str, int]]:
    """Give each length with a path of the fullest examples where it applies."""
    found = []
    for name in ("report_full", "filedetails_full"):
        root = _example(name)
        tree = root.getroottree()
        for element in root.iter("*"):
            parent = element.getparent()
            if len(element) or parent is None:
                continue
            most = LENGTHS.get(f"{parent.tag}/{element.tag}", LENGTHS.get(f"*/{element.tag}"))
            if most is not None:
                found.append((name, tree.getelementpath(element), most))
    return found


def test_every_length_is_tried() -> None:
    tried = {
        f"{path.rsplit('/', 2)[-2] if '/' in path else 'fileDetails'}/{path.rsplit('/', 1)[-1]}"
        for _, path, _ in _places()
    }
    tried = {each.replace("[1]", "").replace("[2]", "").replace("[3]", "") for each in tried}
    named = {each for each in LENGTHS if not each.startswith("*") and "@" not in each}
    # What stands in none of the examples: names of people of other roles, which the same rows of the table give.
    absent = {each for each in named - tried if not each.endswith(("firstName", "lastName"))}
    assert {each for each in absent if not each.startswith("address/")} <= {"estimatedLocation/region"}


@pytest.mark.parametrize(("name", "path", "most"), _places())
def test_a_value_may_be_as_long_as_documented_and_no_longer(name: str, path: str, most: int) -> None:
    root = _example(name)
    element = root.find(path)
    if element.tag in {"email", "emailAddress"}:  # R05 would speak first
        for each in root.iter("email", "emailAddress"):
            each.text = _long(each, most)
    else:
        element.text = _long(element, most)
    if path.endswith("estimatedLocation/region"):
        root.find(f"{PLACE}/countryCode").text = "GB"
    assert _broken(root) is None
    element.text = _long(element, most + 1)
    assert schema_problem(root) is None
    problems = {_broken(root)}
    if element.tag in {"emailAddress", "email"}:
        for each in root.iter("email", "emailAddress"):
            each.text = _long(each, most + 1)
        problems = {_broken(root)}
    assert problems == {"length"}


@pytest.mark.parametrize(
    ("root", "path", "attribute", "most"),
    [("report_full", PHONE, "extension", 10), ("filedetails_full", "originalFileHash", "hashType", 64)],
)
def test_an_attribute_may_be_as_long_as_documented_and_no_longer(
    root: str, path: str, attribute: str, most: int
) -> None:
    assert _broken(_with_attribute(root, path, attribute, "1" * most)) is None
    assert _broken(_with_attribute(root, path, attribute, "1" * (most + 1))) == "length"


def test_the_part_of_an_address_before_the_at_sign_has_64_characters_at_most() -> None:
    fine = "a" * 64 + "@b.example"
    assert _broken(_with_text("report_minimal", "reporter/reportingPerson/email", fine)) is None
    assert _broken(_with_text("report_minimal", "reporter/reportingPerson/email", "a" + fine)) == "length"


# ── at the end ───────────────────────────────────────────────────────────────────────────────────────────────────


def _details(inside: str) -> Any:
    root = parse_document(f"<fileDetails><reportId>1</reportId><fileId>a</fileId>{inside}</fileDetails>".encode())
    assert schema_problem(root) is None
    return root


VIRAL = "<fileAnnotations><viral/></fileAnnotations>"
SUPPLEMENTAL = "<fileRelevance>Supplemental Reported</fileRelevance>"


@pytest.mark.parametrize(
    "inside",
    [
        f"{SUPPLEMENTAL}<fileAnnotations><potentialMeme/></fileAnnotations>",
        f"{SUPPLEMENTAL}<potentialMeme>true</potentialMeme>",
        f"{SUPPLEMENTAL}<industryClassification>A1</industryClassification>",
    ],
)
def test_a_supplement_is_neither_classified_nor_a_meme(inside: str) -> None:
    problem = batch_problem(_example("report_minimal"), [None, _details(inside)])
    assert problem is not None
    assert (problem.rule, problem.path) == ("R17", "fileDetails/fileRelevance")


@pytest.mark.parametrize(
    "inside",
    ["", SUPPLEMENTAL, VIRAL, f"{SUPPLEMENTAL}{VIRAL}", "<industryClassification>A1</industryClassification>"],
)
def test_an_ordinary_report_ends_with_any_other_files(inside: str) -> None:
    assert batch_problem(_example("report_minimal"), [None, _details(inside), None]) is None


@pytest.mark.parametrize(
    ("files", "rule"),
    [
        ([], None),
        ([VIRAL], None),
        (["<fileAnnotations><potentialMeme/><viral/></fileAnnotations>"], None),
        (["<potentialMeme>true</potentialMeme>"], None),
        ([f"{VIRAL}<industryClassification>A1</industryClassification>"], None),
        ([VIRAL, VIRAL], "B03"),
        ([None], "B04"),
        ([""], "B04"),
        (["<fileAnnotations><viral/><infant/></fileAnnotations>"], "B04"),
        ([f"{SUPPLEMENTAL}{VIRAL}"], "B04"),
        ([f"<originalFileName>x</originalFileName>{VIRAL}"], "B05"),
        ([f"<locationOfFile>https://a.example</locationOfFile>{VIRAL}"], "B05"),
        ([f"{VIRAL}<originalFileHash hashType='MD5'>x</originalFileHash>"], "B05"),
        ([f"{VIRAL}<ipCaptureEvent><ipAddress>192.0.2.1</ipAddress></ipCaptureEvent>"], "B05"),
        ([f"{VIRAL}<deviceId><idType>x</idType><idValue>x</idValue></deviceId>"], "B05"),
        ([f"{VIRAL}<details><nameValuePair><name>x</name><value>x</value></nameValuePair></details>"], "B05"),
        ([f"{VIRAL}<additionalInfo>x</additionalInfo>"], "B05"),
    ],
)
def test_a_batched_report_ends_with_one_viral_file_at_most(files: list[str | None], rule: str | None) -> None:
    details = [None if each is None else _details(each) for each in files]
    problem = batch_problem(_example("report_batched"), details)
    assert (None if problem is None else problem.rule) == rule


def test_every_rule_of_the_documentation_is_tried() -> None:
    at_the_end, by_state = {"R17", "B03", "B04", "B05"}, {"R18"}
    tried = {case.split(" ")[0] for case in BROKEN} | at_the_end | by_state
    assert tried >= {f"R{number:02}" for number in range(1, 20)} | {f"B{number:02}" for number in range(1, 6)}
