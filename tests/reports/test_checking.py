from __future__ import annotations

import importlib.util
from copy import deepcopy
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hedgerow.errors import DraftInvalid, ViewedCannotBeStated
from hedgerow.reports.cybertipline.checking import Numbers, check_draft, check_file, check_report, require_sendable
from hedgerow.reports.cybertipline.codes import RULES
from hedgerow.reports.cybertipline.document import parse, render
from hedgerow.reports.cybertipline.schema import ROOTS, Child, Root, Value, load_schema, walk
from hedgerow.reports.model import Draft, DraftFile, ViewFacts, Violation

if TYPE_CHECKING:
    from collections.abc import Callable

    Content = dict[str, Any]

HERE = Path(__file__).parent
NOW = datetime(2026, 11, 22, 12, tzinfo=UTC)
LATER, EARLIER = "2026-11-22T12:00:01Z", "2026-11-22T11:59:59Z"
FILE_ID = "b0754af766b426f2928a02c651ed4b99"


def _strategies() -> Any:
    specification = importlib.util.spec_from_file_location("report_strategies", HERE / "strategies.py")
    assert specification is not None
    assert specification.loader is not None
    module = importlib.util.module_from_spec(specification)
    specification.loader.exec_module(module)
    return module


STRATEGIES = _strategies()


def _report(**others: Any) -> Content:
    content: Content = {
        "incidentSummary": {"incidentType": "Child Sex Tourism", "incidentDateTime": "2026-03-04T11:22:33Z"},
        "reporter": {"reportingPerson": {"email": ["safety@platform.example"]}},
    }
    return deepcopy(content) | others


def _of_report(content: Content, **others: Any) -> list[Violation]:
    return check_report(content, **({"now": NOW, "environment": "test"} | others))


def _of_file(details: Content, report: Content | None = None, numbers: Numbers | None = None) -> list[Violation]:
    return check_file(details, report=report or _report(), now=NOW, number=1, numbers=numbers)


def _judged(root: Root, content: Content) -> list[Violation]:
    numbers = Numbers(STRATEGIES.REPORT_ID, {STRATEGIES.FILE_ID})
    return _of_report(content) if root == "report" else _of_file(content, numbers=numbers)


def _incident(**said: Any) -> Content:
    return _report(incidentSummary=_report()["incidentSummary"] | said)


def _person(**said: Any) -> Content:
    return _report(personOrUserReported=[{"personOrUserReportedPerson": said}])


def _account(**said: Any) -> Content:
    return _report(personOrUserReported=[{"espIdentifier": "account-17", **said}])


def _batched(**others: Any) -> Content:
    return _report(batchedReport={"@reason": "VIRAL_POTENTIAL_MEME"}, **others)


# ── the documented rules, each broken ────────────────────────────────────────────────────────────────────────────

INCIDENT, ACCOUNT = "report/incidentSummary", "report/personOrUserReported[1]"
PERSON = f"{ACCOUNT}/personOrUserReportedPerson"
EVENT = {"ipAddress": "192.0.2.1"}

REPORT_RULES: list[tuple[str, Content, str, str, str]] = [
    # rule, content, path, words of the message, words of where to mend it
    ("R01", _incident(incidentDateTime=LATER), f"{INCIDENT}/incidentDateTime", "when it happened", "under incident"),
    (
        "R01",
        _incident(incidentDateTime="2026-11-22T12:00:00Z"),
        f"{INCIDENT}/incidentDateTime",
        "does not lie in the past",
        "a person",
    ),
    (
        "R02",
        _incident(escalateToHighPriority=" \n"),
        f"{INCIDENT}/escalateToHighPriority",
        "why it is urgent: it is blank",
        "under incident",
    ),
    (
        "R03",
        _report(reporter={"reportingPerson": {"firstName": "Ada"}}),
        "report/reporter/reportingPerson/email",
        "e-mail address",
        "reports.reporter_email",
    ),
    (
        "R04",
        _report(personOrUserReported=[{"espIdentifier": "a"}, {"espIdentifier": "b"}]),
        "report/personOrUserReported",
        "names 2",
        "under reported person",
    ),
    (
        "R05",
        _report(internetDetails=[{"emailIncident": {"emailAddress": ["a@mail.example"]}}]),
        "report/internetDetails[1]/emailIncident/emailAddress[1]",
        "e-mail address 1",
        "Add it there",
    ),
    (
        "R05",
        _report(internetDetails=[{"newsgroupIncident": {"emailAddress": ["a@mail.example"]}}]),
        "report/internetDetails[1]/newsgroupIncident/emailAddress[1]",
        "newsgroup",
        "Add it there",
    ),
    (
        "R06",
        _report(internetDetails=[{"webPageIncident": {"url": ["https://platform.example/a b"]}}]),
        "report/internetDetails[1]/webPageIncident/url[1]",
        "blanks or control characters",
        "under where on the internet",
    ),
    (
        "R06",
        _account(profileUrl=["platform.example/u"]),
        f"{ACCOUNT}/profileUrl[1]",
        "no whole address",
        "reported person",
    ),
    (
        "R06",
        _report(reporter={"reportingPerson": {"email": ["a@b.example"]}, "legalURL": "https://"}),
        "report/reporter/legalURL",
        "legal page",
        "reports.legal_url",
    ),
    (
        "R07",
        _account(ipCaptureEvent=[{"ipAddress": "192.0.2.256"}]),
        f"{ACCOUNT}/ipCaptureEvent[1]/ipAddress",
        "IP address",
        "reported person",
    ),
    (
        "R07",
        _account(ipCaptureEvent=[{"ipAddress": " "}]),
        f"{ACCOUNT}/ipCaptureEvent[1]/ipAddress",
        "blank",
        "reported person",
    ),
    (
        "R08",
        _account(ipCaptureEvent=[EVENT | {"port": 0}]),
        f"{ACCOUNT}/ipCaptureEvent[1]/port",
        "between 1 and 65535",
        "reported person",
    ),
    (
        "R08",
        _account(ipCaptureEvent=[EVENT | {"port": 65536}]),
        f"{ACCOUNT}/ipCaptureEvent[1]/port",
        "between 1 and 65535",
        "reported person",
    ),
    (
        "R09",
        _account(ipCaptureEvent=[EVENT | {"dateTime": LATER}]),
        f"{ACCOUNT}/ipCaptureEvent[1]/dateTime",
        "past",
        "reported person",
    ),
    ("R09", _person(dateOfBirth="2026-11-22"), f"{PERSON}/dateOfBirth", "date of birth", "reported person"),
    (
        "R10",
        _person(phone=[{"#text": "+1 555 555 0100", "@countryCallingCode": "+1"}]),
        f"{PERSON}/phone[1]",
        "country calling code",
        "reported person",
    ),
    (
        "R10",
        _person(phone=[{"#text": "44 20 7946", "@countryCallingCode": "+44"}]),
        f"{PERSON}/phone[1]",
        "phone number 1",
        "reported person",
    ),
    (
        "R10",
        _person(phone=[{"#text": "0044 20 7946", "@countryCallingCode": "+44"}]),
        f"{PERSON}/phone[1]",
        "phone number 1",
        "reported person",
    ),
    (
        "R11",
        _person(email=[{"#text": "a@b.example", "@verificationDate": EARLIER}]),
        f"{PERSON}/email[1]/@verified",
        "whether it is verified",
        "reported person",
    ),
    (
        "R11",
        _person(phone=[{"#text": "5550100", "@verificationDate": EARLIER, "@verified": False}]),
        f"{PERSON}/phone[1]/@verified",
        "whether it is verified",
        "reported person",
    ),
    (
        "R12",
        _account(
            accountPermanentlyDisabled={
                "#text": True,
                "@disabledDate": EARLIER,
                "@userNotifiedDate": "2026-01-01T00:00:00Z",
            }
        ),
        f"{ACCOUNT}/accountPermanentlyDisabled/@userNotifiedDate",
        "before the account was disabled",
        "reported person",
    ),
    (
        "R12",
        _account(accountTemporarilyDisabled={"#text": True, "@disabledDate": EARLIER, "@reenabledDate": EARLIER}),
        f"{ACCOUNT}/accountTemporarilyDisabled/@reenabledDate",
        "after the account was disabled",
        "reported person",
    ),
    (
        "R13",
        _account(estimatedLocation={"city": "Paris"}),
        f"{ACCOUNT}/estimatedLocation/countryCode",
        "country",
        "reported person",
    ),
    (
        "R13",
        _account(estimatedLocation={"city": "Paris", "countryCode": "US"}),
        f"{ACCOUNT}/estimatedLocation/region",
        "has to have its state",
        "reported person",
    ),
    (
        "R13",
        _account(estimatedLocation={"region": "Texas", "countryCode": "US"}),
        f"{ACCOUNT}/estimatedLocation/region",
        "two upper-case letters",
        "reported person",
    ),
    ("R14", _person(age=151), f"{PERSON}/age", "between 0 and 150", "reported person"),
    ("R14", _person(age=-1), f"{PERSON}/age", "between 0 and 150", "reported person"),
    (
        "R14",
        _account(associatedAccount=[{"@type": "Linked", "approximateAge": 20, "dateOfBirth": "2000-01-01"}]),
        f"{ACCOUNT}/associatedAccount[1]/approximateAge",
        "beside the date of birth",
        "reported person",
    ),
    ("R15", _account(priorCTReports=[0]), f"{ACCOUNT}/priorCTReports[1]", "earlier report 1", "reported person"),
    (
        "R15",
        _account(priorCTReports=[2**63]),
        f"{ACCOUNT}/priorCTReports[1]",
        "no number of a report",
        "reported person",
    ),
    (
        "B01",
        _batched(personOrUserReported=[{"espIdentifier": "a"}, {"espIdentifier": "b", "screenName": "c"}]),
        "report/personOrUserReported[2]",
        "its account id, and nothing else",
        "under reported person 2",
    ),
    (
        "B01",
        _batched(personOrUserReported=[{}]),
        "report/personOrUserReported[1]",
        "its account id",
        "reported person 1",
    ),
    (
        "B02",
        _batched(incidentSummary=_incident(escalateToHighPriority="now")["incidentSummary"]),
        f"{INCIDENT}/escalateToHighPriority",
        "a batched report cannot have it",
        "under incident",
    ),
    (
        "B02",
        _batched(internetDetails=[{"webPageIncident": {}}]),
        "report/internetDetails",
        "batched",
        "where on the internet",
    ),
    ("B02", _batched(lawEnforcement={"agencyName": "a"}), "report/lawEnforcement", "batched", "law enforcement"),
    (
        "B02",
        _batched(intendedRecipient=[{"espIdentifier": "a"}]),
        "report/intendedRecipient",
        "batched",
        "intended recipient",
    ),
    ("B02", _batched(victim=[{"victimPerson": {}}]), "report/victim", "batched", "victim"),
    ("B02", _batched(additionalInfo="x"), "report/additionalInfo", "batched", "additional information"),
]

FILE_RULES: list[tuple[str, Content, Content, Numbers | None, str, str, str]] = [
    (
        "R06",
        {"locationOfFile": "https://a.example/\x07"},
        _report(),
        None,
        "locationOfFile",
        "control characters",
        "at file 1",
    ),
    ("R09", {"uploadedToEspTimestamp": LATER}, _report(), None, "uploadedToEspTimestamp", "past", "at file 1"),
    (
        "R16",
        {"fileViewedByEsp": False, "exifViewedByEsp": True},
        _report(),
        None,
        "fileViewedByEsp",
        "whether it was viewed in full",
        "Neither can be typed",
    ),
    (
        "R16",
        {"exifViewedByEsp": True},
        _report(),
        None,
        "fileViewedByEsp",
        "EXIF data was viewed",
        "view the file in full",
    ),
    (
        "R17",
        {"fileRelevance": "Supplemental Reported", "industryClassification": "A1"},
        _report(),
        None,
        "fileRelevance",
        "with a classification",
        "at file 1",
    ),
    (
        "R17",
        {"fileRelevance": "Supplemental Reported", "fileAnnotations": {"potentialMeme": True}},
        _report(),
        None,
        "fileRelevance",
        "potential meme",
        "at file 1",
    ),
    (
        "R18",
        {"reportId": 2, "fileId": FILE_ID},
        _report(),
        Numbers(1, {FILE_ID}),
        "reportId",
        "report number",
        "leave it out",
    ),
    ("R18", {"reportId": -4}, _report(), None, "reportId", "report number", "leave it out"),
    (
        "R19",
        {"reportId": 1, "fileId": "0" * 32},
        _report(),
        Numbers(1, {FILE_ID}),
        "fileId",
        "file number",
        "leave it out",
    ),
    ("R19", {"fileId": " "}, _report(), None, "fileId", "file number", "leave it out"),
    (
        "B04",
        {"fileAnnotations": {"viral": True, "infant": True}},
        _batched(),
        None,
        "fileAnnotations",
        "viral",
        "at file 1",
    ),
    ("B04", {}, _batched(), None, "fileAnnotations", "annotations", "at file 1"),
    (
        "B04",
        {"fileAnnotations": {"viral": True}, "fileRelevance": "Supplemental Reported"},
        _batched(),
        None,
        "fileRelevance",
        "it is Reported",
        "at file 1",
    ),
    *[
        (
            "B05",
            {"fileAnnotations": {"viral": True}, name: said},
            _batched(),
            None,
            name,
            "batched report cannot",
            "at file 1",
        )
        for name, said in {
            "originalFileName": "a.jpg",
            "locationOfFile": "https://a.example/",
            "originalFileHash": [{"#text": "a", "@hashType": "MD5"}],
            "ipCaptureEvent": EVENT,
            "deviceId": [{"idType": "IMEI", "idValue": "0"}],
            "details": [{"nameValuePair": [{"name": "a", "value": "b"}]}],
            "additionalInfo": ["a"],
        }.items()
    ],
]


def _refused(found: list[Violation], rule: str, path: str, words: str, fix: str) -> None:
    those = [each for each in found if each.rule == rule and each.path == path]
    assert len(those) == 1, found
    assert words in those[0].message
    assert fix in those[0].fix
    with pytest.raises(DraftInvalid) as raised:
        require_sendable(found)
    assert those[0].sentence in raised.value.problems


@pytest.mark.parametrize(("rule", "content", "path", "words", "fix"), REPORT_RULES)
def test_a_report_that_breaks_a_rule_cannot_be_sent(
    rule: str, content: Content, path: str, words: str, fix: str
) -> None:
    _refused(_of_report(content), rule, path, words, fix)


@pytest.mark.parametrize(("rule", "details", "report", "numbers", "field", "words", "fix"), FILE_RULES)
def test_a_file_that_breaks_a_rule_cannot_be_sent(
    rule: str, details: Content, report: Content, numbers: Numbers | None, field: str, words: str, fix: str
) -> None:
    _refused(_of_file(details, report, numbers), rule, f"fileDetails[1]/{field}", words, fix)


def test_a_batched_report_has_one_file_at_most() -> None:
    files = [{"fileAnnotations": {"viral": True}}] * 2
    assert _of_report(_batched(), files=files[:1]) == []
    _refused(_of_report(_batched(), files=files), "B03", "report/batchedReport", "this one has 2", "Take files out")


def test_a_number_of_the_other_environment_is_no_earlier_report() -> None:
    linked = [{"@type": "Linked", "priorCTReport": [4564655]}]
    content = _account(priorCTReports=[4564654], associatedAccount=linked)
    assert _of_report(content) == []
    found = _of_report(content, foreign_reports={4564654, 4564655})
    assert [(each.rule, each.path) for each in found] == [
        ("R15", f"{ACCOUNT}/priorCTReports[1]"),
        ("R15", f"{ACCOUNT}/associatedAccount[1]/priorCTReport[1]"),
    ]


def test_every_documented_rule_has_a_case_that_breaks_it() -> None:
    broken = {each[0] for each in (*REPORT_RULES, *FILE_RULES)} | {"B03"}
    assert broken == {f"R{number:02}" for number in range(1, 20)} | {f"B{number:02}" for number in range(1, 6)}
    assert broken == set(RULES)


# ── what is right ────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    "content",
    [
        _report(),
        _report(additionalInfo="text only"),
        _incident(incidentDateTime="2026-11-22T13:59:59+02:00"),
        _account(
            ipCaptureEvent=[{"ipAddress": "::ffff:192.0.2.1", "port": 65535}, {"ipAddress": "2001:db8::1", "port": 1}]
        ),
        _account(estimatedLocation={"countryCode": "US"}),
        _account(estimatedLocation={"countryCode": "US", "region": "PR", "city": "Ponce"}),
        _account(estimatedLocation={"city": "Paris", "countryCode": "FR", "region": "anything"}),
        _account(accountTemporarilyDisabled={"#text": False}),
        _account(
            accountTemporarilyDisabled={
                "#text": True,
                "@disabledDate": EARLIER,
                "@userNotifiedDate": EARLIER,
                "@reenabledDate": LATER,
            }
        ),
        _person(phone=[{"#text": "555 555 0100", "@countryCallingCode": "+1"}, "+1 555 555 0100"]),
        _person(email=[{"#text": "l" * 64 + "@mail.example", "@verified": True, "@verificationDate": EARLIER}]),
        _person(address=[{"country": "", "state": ""}]),
        _person(dateOfBirth="2026-11-21", age=0),
        _batched(personOrUserReported=[{"espIdentifier": str(number)} for number in range(50)]),
        _report(
            internetDetails=[{"emailIncident": {"emailAddress": [{"#text": "v@mail.example", "@type": "Home"}]}}],
            victim=[{"victimPerson": {"email": ["v@mail.example"]}}],
        ),
    ],
)
def test_what_keeps_the_rules_can_be_sent(content: Content) -> None:
    assert _of_report(content) == []
    require_sendable([])


@pytest.mark.parametrize(
    "annotations", [{"viral": True}, {"potentialMeme": True}, {"viral": True, "potentialMeme": True}]
)
def test_a_batched_file_that_keeps_the_rules_can_be_sent(annotations: Content) -> None:
    assert _of_file({"fileAnnotations": annotations, "industryClassification": "B2"}, _batched()) == []


@settings(max_examples=60)
@given(st.data(), st.sampled_from(ROOTS))
def test_generated_content_can_be_sent(data: st.DataObject, root: Root) -> None:
    assert _judged(root, data.draw(STRATEGIES.contents(root))) == []


@settings(max_examples=20)
@given(STRATEGIES.supplements())
def test_generated_supplements_can_be_sent(content: Content) -> None:
    assert _judged("fileDetails", content) == []


@pytest.mark.parametrize("root", ROOTS)
def test_every_single_fault_but_the_order_is_found(root: Root) -> None:
    assert _unseen(root, every=7) == []


@pytest.mark.slow
@pytest.mark.parametrize("root", ROOTS)
def test_every_single_fault_but_the_order_is_found_in_all_fields(root: Root) -> None:
    assert _unseen(root) == []


def _unseen(root: Root, every: int = 1) -> list[str]:
    # The order is the renderer's own: content has none.
    faults = [each for each in STRATEGIES.every_mutation(root) if each.kind != "order"]
    assert len(faults) > 50
    return [str(each) for each in faults[::every] if not _judged(root, parse(each.xml))]


_JSON = st.recursive(
    st.one_of(st.none(), st.booleans(), st.integers(), st.floats(), st.text(max_size=5)),
    lambda inner: st.one_of(st.lists(inner, max_size=2), st.dictionaries(st.text(max_size=5), inner, max_size=2)),
    max_leaves=4,
)


@settings(max_examples=60)
@given(st.data(), st.sampled_from(ROOTS))
def test_any_content_is_judged_and_never_breaks_the_judge(data: st.DataObject, root: Root) -> None:
    content = data.draw(STRATEGIES.contents(root))
    here: Any = content
    while isinstance(here, dict | list) and here:
        at = data.draw(st.sampled_from(list(here) if isinstance(here, dict) else range(len(here))))
        if data.draw(st.booleans()) or not isinstance(here[at], dict | list):
            here[at] = data.draw(_JSON)
            break
        here = here[at]
    for found in (_judged(root, content), _of_file(content, _batched()), _of_report(content | {"batchedReport": {}})):
        assert all(each.message and each.fix for each in found)
    if not _judged(root, content):  # what can be sent can be written
        assert render(root, content)


# ── one field after the other ────────────────────────────────────────────────────────────────────────────────────


FILLED: dict[Root, Content] = {root: STRATEGIES.filled(root) for root in ROOTS}


def _changed(root: Root, wanted: str, value: Any) -> tuple[Content, str]:
    """Return filled content in which one field, by its path without numbers, has another value; and its path."""
    content = deepcopy(FILLED[root])
    here, path = content, root
    names = wanted.split("/")
    kind = load_schema().roots[root]
    for number, name in enumerate(names):
        is_last = number == len(names) - 1
        if name.startswith("@"):
            here[name] = value
            return content, f"{path}/{name}"
        child = kind.children[name]
        path += f"/{name}"
        if child.is_repeated:
            which = next(
                at
                for at, each in enumerate(here[name])
                if is_last or not isinstance(each, dict) or names[number + 1] in each
            )
            path += f"[{which + 1}]"
            if is_last:
                here[name][which] = _put(here[name][which], value)
                return content, path
            here = here[name][which]
        elif is_last:
            here[name] = _put(here[name], value)
            return content, path
        else:
            here = here[name]
        kind = child.kind
    raise AssertionError(wanted)


def _put(old: Any, value: Any) -> Any:
    return old | {"#text": value} if isinstance(old, dict) else value


def _fields(is_wanted: Callable[[Value], bool]) -> list[tuple[Root, str]]:
    found, seen = [], set()
    for root in ROOTS:
        for path, field in walk(load_schema().roots[root]):
            value = field.kind.value if isinstance(field, Child) else field.value
            is_filled = not path.startswith("batchedReport") and not (isinstance(field, Child) and field.is_obsolete)
            # A field of a type that several elements have is one field of the table.
            if is_filled and value is not None and is_wanted(value) and id(field) not in seen:
                seen.add(id(field))
                found.append((root, path))
    return found


def _rules_at(root: Root, path: str, value: Any) -> list[str]:
    content, place = _changed(root, path, value)
    place = place.replace("fileDetails/", "fileDetails[1]/", 1)
    return [each.rule for each in _judged(root, content) if each.path == place]


PAST = _fields(lambda value: value.past is not None)
TIMES = _fields(lambda value: value.base == "dateTime")
LENGTHS = _fields(lambda value: value.max_length is not None)
STRINGS = _fields(lambda value: value.base == "string" and not value.words)
URLS = _fields(lambda value: value.form == "url")


def test_these_are_all_the_fields_that_lie_in_the_past() -> None:
    names = {path.rpartition("/")[2] for _, path in PAST}
    assert names == {
        "incidentDateTime",
        "dateTime",
        "dateOfBirth",
        "@verificationDate",
        "@disabledDate",
        "@userNotifiedDate",
        "@timestamp",
        "uploadedToEspTimestamp",
    }
    assert len(PAST) == 13


@pytest.mark.parametrize(("root", "path"), PAST)
def test_what_lies_in_the_past_is_never_now_or_later(root: Root, path: str) -> None:
    is_date = path.endswith("dateOfBirth")
    for at in (NOW, NOW + timedelta(days=1)):
        rules = _rules_at(root, path, str(at.date()) if is_date else at.isoformat())
        assert rules == ["R01" if path.endswith("incidentDateTime") else "R09"]
    if not path.endswith(("@userNotifiedDate", "@disabledDate")):  # these have to do with each other
        assert _rules_at(root, path, "2026-11-21" if is_date else EARLIER) == []


@pytest.mark.parametrize(("root", "path"), TIMES)
def test_a_time_without_a_zone_is_refused(root: Root, path: str) -> None:
    assert _rules_at(root, path, "2026-03-04T11:22:33") == ["type"]


@pytest.mark.parametrize(
    "text",
    [
        "2026-03-04",
        "2026-03-04 11:22:33Z",
        "20260304T112233Z",
        "2026-03-04T11:22Z",
        "2026-02-29T11:22:33Z",
        "2026-03-04T24:00:00Z",
        "2026-03-04T11:22:33+25:00",
        "2026-03-04T11:22:33z",
        "0000-01-01T00:00:00Z",
        "yesterday",
        1_700_000_000,
        None,
    ],
)
def test_what_is_no_time_is_refused(text: object) -> None:
    content = _incident(incidentDateTime=text)
    assert [each.rule for each in _of_report(content)] == ["type"]


@pytest.mark.parametrize(("root", "path"), LENGTHS)
def test_what_is_too_long_is_told_with_the_limit_and_the_length(root: Root, path: str) -> None:
    field = dict(walk(load_schema().roots[root]))[path]
    value = field.kind.value if isinstance(field, Child) else field.value
    assert value is not None
    assert value.max_length is not None
    begin, end = {"url": ("https://a.example/", ""), "email": ("a@", ".example")}.get(value.form or "", ("", ""))
    fitting = begin + "5" * (value.max_length - len(begin) - len(end)) + end
    assert [each for each in _rules_at(root, path, fitting) if each not in {"R05", "R13"}] == []
    content, _ = _changed(root, path, fitting.replace("5", "55", 1))
    found = [each for each in _judged(root, content) if each.rule == "length"]
    assert len(found) == 1
    assert f"{value.max_length + 1:,} characters" in found[0].message
    assert f"{value.max_length:,} are the most" in found[0].message


@pytest.mark.parametrize(("root", "path"), STRINGS)
def test_a_character_that_cannot_be_sent_is_told_with_its_field(root: Root, path: str) -> None:
    assert "characters" in _rules_at(root, path, "ab\x0bc")


@pytest.mark.parametrize(("root", "path"), URLS)
@pytest.mark.parametrize(
    "text",
    [
        "https://a.example/ b",
        "https://a.example/\tb",
        "https://a.example/\n",
        "https://a.example/\x00",
        "https://a.example/\u00a0",
        "https://a.example/\u2028",
        "https://a.example/é",
        "https://a.example/%2",
        "https://a.example:99999/",
        "https://a.example:0/",
        "https:///path",
        "https://[2001:db8::1/",
        "https://-a/",
        "//a.example/",
        "a.example",
        "javascript:alert(1)",
        "mailto:a@b.example",
        "file:///etc/passwd",
        "https:a.example",
        '<a href="https://a.example">',
    ],
)
def test_what_is_no_address_is_refused(root: Root, path: str, text: str) -> None:
    assert "R06" in _rules_at(root, path, text)


@pytest.mark.parametrize(
    "text", ["192.0.2.1 ", "192.0.2", "192.0.2.01", "fe80::1%eth0", "example.org", "192.0.2.1/24", "::1::"]
)
def test_what_is_no_ip_address_is_refused(text: str) -> None:
    assert [each.rule for each in _of_report(_account(ipCaptureEvent=[{"ipAddress": text}]))] == ["R07"]


@pytest.mark.parametrize("text", ["no address", "@b.example", "a@", "a b@c.example", "a@b\n.example"])
def test_what_is_no_email_address_is_refused(text: str) -> None:
    assert [each.rule for each in _of_report(_person(email=[text]))] == ["email"]


def test_a_local_part_has_64_characters_at_most() -> None:
    found = _of_report(_person(email=["l" * 65 + "@mail.example"]))
    assert [each.rule for each in found] == ["email"]
    assert "65 characters before the @" in found[0].message


# ── shapes ───────────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("content", "rule", "path"),
    [
        ({}, "missing", "report/incidentSummary"),
        (_report(incidentSummary={}), "missing", "report/incidentSummary/incidentType"),
        (_report(unheardOf=1), "unknown", "report"),
        (_report(additionalInfo=["a", "b"]), "repeated", "report/additionalInfo"),
        (_report(additionalInfo=[]), "repeated", "report/additionalInfo"),
        (_report(additionalInfo=7), "type", "report/additionalInfo"),
        (_report(additionalInfo=None), "type", "report/additionalInfo"),
        (_report(additionalInfo="  "), "blank", "report/additionalInfo"),
        (_report(victim={"victimPerson": {}}), "type", "report/victim"),
        (_report(victim=[{}]), "missing", "report/victim[1]/victimPerson"),
        (_report(internetDetails=[{}]), "choice", "report/internetDetails[1]"),
        (
            _report(internetDetails=[{"webPageIncident": {}, "peer2peerIncident": {}}]),
            "choice",
            "report/internetDetails[1]",
        ),
        (_incident(incidentType="Child Sexual Act"), "enum", "report/incidentSummary/incidentType"),
        (_incident(reportAnnotations={"spam": False}), "type", "report/incidentSummary/reportAnnotations/spam"),
        (_incident(reportAnnotations={"informational": True}), "unknown", "report/incidentSummary/reportAnnotations"),
        (_account(compromisedAccount="true"), "type", f"{ACCOUNT}/compromisedAccount"),
        (_person(age=True), "type", f"{PERSON}/age"),
        (_person(phone=[{"@type": "Home"}]), "missing", f"{PERSON}/phone[1]"),
        (_person(phone=[{"#text": "1", "@extension": "x"}]), "pattern", f"{PERSON}/phone[1]/@extension"),
        (
            _person(phone=[{"#text": "1", "@countryCallingCode": "+1234"}]),
            "pattern",
            f"{PERSON}/phone[1]/@countryCallingCode",
        ),
        (_person(address=[{"state": "AS"}]), "enum", f"{PERSON}/address[1]/state"),
        (_person(address=[{"country": "us"}]), "enum", f"{PERSON}/address[1]/country"),
        (_account(associatedAccount=[{}]), "missing", f"{ACCOUNT}/associatedAccount[1]/@type"),
        (
            _account(associatedAccount=[{"@accountType": "Linked", "@type": "Linked"}]),
            "unknown",
            f"{ACCOUNT}/associatedAccount[1]",
        ),
        (_report(batchedReport={}), "missing", "report/batchedReport/@reason"),
        (
            _report(intendedRecipient=[{"additionalInfo": ["a", "b"]}]),
            "repeated",
            "report/intendedRecipient[1]/additionalInfo",
        ),
        (
            _report(internetDetails=[{"cellPhoneIncident": {"latitude": float("inf")}}]),
            "type",
            "report/internetDetails[1]/cellPhoneIncident/latitude",
        ),
    ],
)
def test_what_the_schema_does_not_have_is_told_with_its_field(content: Content, rule: str, path: str) -> None:
    assert (rule, path) in [(each.rule, each.path) for each in _of_report(content)]


@pytest.mark.parametrize(
    ("details", "rule", "field"),
    [
        ({"fileName": "a.jpg"}, "obsolete", "fileName"),
        ({"potentialMeme": True}, "obsolete", "potentialMeme"),
        ({"potentialMeme": True, "fileAnnotations": {}}, "choice", "potentialMeme"),
        ({"ipCaptureEvent": [EVENT, EVENT]}, "repeated", "ipCaptureEvent"),
        ({"originalFileHash": [{"#text": "a"}]}, "missing", "originalFileHash[1]/@hashType"),
        ({"details": [{}]}, "missing", "details[1]/nameValuePair"),
        (
            {"details": [{"nameValuePair": [{"name": "a", "value": "b", "@type": "EXIF"}]}]},
            "unknown",
            "details[1]/nameValuePair[1]",
        ),
    ],
)
def test_what_cannot_be_said_of_a_file_is_told_with_its_field(details: Content, rule: str, field: str) -> None:
    assert (rule, f"fileDetails[1]/{field}") in [(each.rule, each.path) for each in _of_file(details)]


def test_a_time_that_nobody_knows_is_to_be_stated_by_a_person() -> None:
    content = _report()
    del content["incidentSummary"]["incidentDateTime"]
    found = _of_report(content)
    assert [(each.rule, each.path) for each in found] == [("missing", "report/incidentSummary/incidentDateTime")]
    assert found[0].message == "Incident › when it happened: nobody has stated it yet."
    assert found[0].fix == "State it in the draft, under incident: only a person can."


def test_later_elements_pass_only_with_the_flag() -> None:
    content = _person(age=14, ageAssertionDiscrepancy=True)
    assert [each.rule for each in _of_report(content)] == ["unknown"]
    assert _of_report(content, is_newer=True) == []


def test_no_message_repeats_what_a_field_holds() -> None:
    marker = "Xq7"
    for root, path in _fields(lambda _: True):
        content, _ = _changed(root, path, f"{marker}\0" * 1500)
        for each in _judged(root, content):
            assert marker not in each.sentence + each.path
    unknown = _of_report(_report(**{f"{marker} a person": 1}))
    assert marker not in "".join(each.sentence for each in unknown)


# ── the real one ─────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    "email", ["safety@platform.example", "a@example.com", "a@host.test", "a@localhost", "a@x.invalid"]
)
def test_a_placeholder_is_never_sent_to_the_authority_itself(email: str) -> None:
    reporter = {
        "reportingPerson": {"email": [email]},
        "contactPerson": {"email": [email]},
        "legalURL": "https://example.org/",
    }
    content = _report(reporter=reporter)
    assert _of_report(content, environment="test") == []
    found = _of_report(content, environment="production")
    assert [(each.rule, each.path) for each in found] == [
        ("placeholder", "report/reporter/reportingPerson/email"),
        ("placeholder", "report/reporter/contactPerson/email"),
        ("placeholder", "report/reporter/legalURL"),
    ]
    assert "reports.reporter_email" in found[0].fix


def test_a_real_address_is_no_placeholder() -> None:
    assert (
        _of_report(_report(reporter={"reportingPerson": {"email": ["safety@contest.org"]}}), environment="production")
        == []
    )


# ── a whole draft ────────────────────────────────────────────────────────────────────────────────────────────────


def test_a_draft_is_checked_with_all_of_its_files() -> None:
    files = (
        DraftFile("a", {"fileRelevance": "Reported"}, ViewFacts(file_viewed=True, exif_viewed=True)),
        DraftFile("b", {"locationOfFile": "nowhere"}, ViewFacts(file_viewed=False, exif_viewed=None)),
    )
    found = check_draft(Draft(_report(), files), now=NOW, environment="test")
    assert [(each.rule, each.path) for each in found] == [("R06", "fileDetails[2]/locationOfFile")]
    assert found[0].message.startswith("File 2 › address of the file:")
    assert found[0].fix == "Mend it in the draft, at file 2."


def test_a_draft_that_states_a_view_is_refused() -> None:
    with pytest.raises(ViewedCannotBeStated):
        check_draft(Draft(_report(), (DraftFile("a", {"exifViewedByEsp": False}),)), now=NOW, environment="test")
