from __future__ import annotations

import hashlib
import importlib.util
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from hedgerow.cases import Verdict
from hedgerow.errors import CaseNotFound
from hedgerow.reports.cybertipline.checking import check_draft
from hedgerow.reports.cybertipline.codes import FILE_TAGS, INCIDENT_OF_CLASSIFIED, REPORT_TAGS
from hedgerow.reports.cybertipline.composing import compose, instant
from hedgerow.reports.cybertipline.document import render, render_file
from hedgerow.reports.cybertipline.schema import load_schema
from hedgerow.reports.cybertipline.told import ACCOUNT_KEYS, FILE_KEYS, PARTS, Reader, best_ip_event
from hedgerow.reports.model import Draft, TextPlace, ViewFacts
from hedgerow.settings import ReportsSettings

if TYPE_CHECKING:
    from hedgerow.database import Database

_specification = importlib.util.spec_from_file_location("report_casework", Path(__file__).with_name("casework.py"))
assert _specification is not None
assert _specification.loader is not None
CASEWORK: Any = importlib.util.module_from_spec(_specification)
_specification.loader.exec_module(CASEWORK)
Kept = CASEWORK.Kept

UPLOADED = datetime(2026, 11, 20, 8, 30, tzinfo=UTC)
REPORTER = ReportsSettings(
    reporter_first_name="Ada",
    reporter_email="safety@garden.example",
    contact_email="legal@garden.example",
    company_template="Legal process is served by post. " * 40,
    service="Garden",
)


@pytest.fixture
def work(database: Database, now: datetime) -> Any:
    return CASEWORK.Casework(database, now)


def _composed(
    work: Any, case: Any, *, evidence: Any = None, reporter: ReportsSettings = REPORTER, **others: Any
) -> Draft:
    kept = [Kept(10 + each, each) for each in work.submission_ids(case)] if evidence is None else evidence
    with work.database.read() as connection:
        return compose(connection, case.id, reporter=reporter, now=work.now, evidence=kept, **others)


def _rules(work: Any, draft: Draft) -> list[tuple[str, str]]:
    return [(each.rule, each.path) for each in check_draft(draft, now=work.now, environment="test")]


# ── a whole case ─────────────────────────────────────────────────────────────────────────────────────────────────

ACCOUNT = {
    "screen_name": "ada17",
    "display_names": ["Ada", "A."],
    "emails": ["a@mail.example", {"address": "b@mail.example", "is_verified": True, "kind": "Home"}],
    "phones": [{"number": "555 0100", "country_code": "+1"}],
    "profile_urls": ["https://garden.example/u/17"],
    "date_of_birth": "1986-01-31",
    "ip_events": [{"ip": "198.51.100.7", "event": "Login", "at": "2026-11-19T10:00:00Z", "port": 51000}],
    "location": {"country": "US", "region": "CA", "city": "Town"},
    "disabled_permanently": {"at": "2026-11-21T00:00:00Z", "user_told": False},
}


def _whole_case(work: Any) -> Any:
    case = work.case(
        {
            "uploaded_at": UPLOADED,
            "ip_event": {"ip": "203.0.113.9", "at": "2026-11-20T08:30:00Z", "port": 443},
            "text_context": "generated words",
            "context": {
                "account": ACCOUNT,
                "file_name": "beach.jpg",
                "url": "https://garden.example/media/1.jpg",
                "page_url": "https://garden.example/p/1",
                "is_public": True,
                "something_of_the_platform": {"of": "its own"},
            },
        },
        {"uploaded_at": UPLOADED + timedelta(hours=2), "context": {"account": {"screen_name": "ada18"}}},
    )
    work.decide(case, classification="B2", tags=("viral", "sextortion", "for_colleagues"))
    return case


def test_a_case_gives_a_report_that_can_be_sent(work: Any) -> None:
    case = _whole_case(work)
    first, second = work.submission_ids(case)
    work.look(case, first)
    draft = _composed(work, case, earlier_reports=[4564655, 4564654, 4564655])
    assert _rules(work, draft) == []
    assert draft.content["incidentSummary"] == {
        "incidentType": INCIDENT_OF_CLASSIFIED,
        "reportAnnotations": {"sextortion": True},
        "incidentDateTime": "2026-11-20T10:30:00Z",
        "incidentDateTimeDescription": (
            "The time at which the latest of 2 files was uploaded, as the platform recorded it; the first was uploaded "
            "at 2026-11-20T08:30:00Z."
        ),
    }
    assert draft.content["internetDetails"] == [{"webPageIncident": {"url": ["https://garden.example/p/1"]}}]
    assert draft.content["reporter"] == {
        "reportingPerson": {"firstName": "Ada", "email": ["safety@garden.example"]},
        "contactPerson": {"email": ["legal@garden.example"]},
        "companyTemplate": "Legal process is served by post. " * 40,
    }
    assert draft.content["personOrUserReported"] == [
        {
            "personOrUserReportedPerson": {
                "phone": [{"#text": "555 0100", "@countryCallingCode": "+1"}],
                "email": ["a@mail.example", {"#text": "b@mail.example", "@type": "Home", "@verified": True}],
                "dateOfBirth": "1986-01-31",
            },
            "screenName": "ada18",  # as it was told last
            "displayName": ["Ada", "A."],
            "profileUrl": ["https://garden.example/u/17"],
            "ipCaptureEvent": [
                {"ipAddress": "198.51.100.7", "eventName": "Login", "dateTime": "2026-11-19T10:00:00Z", "port": 51000},
                {"ipAddress": "203.0.113.9", "eventName": "Upload", "dateTime": "2026-11-20T08:30:00Z", "port": 443},
            ],
            "accountPermanentlyDisabled": {
                "#text": True,
                "@disabledDate": "2026-11-21T00:00:00Z",
                "@userNotified": False,
            },
            "estimatedLocation": {"city": "Town", "region": "CA", "countryCode": "US"},
            "espIdentifier": "acc",
            "espService": "Garden",
            "priorCTReports": [4564654, 4564655],
        }
    ]
    assert draft.content["additionalInfo"] == ("Text around content-1, uploaded 2026-11-20T08:30:00Z:\ngenerated words")
    assert [(each.submission_id, each.evidence_id, each.name) for each in draft.files] == [
        (first, 10 + first, "beach.jpg"),
        (second, 10 + second, "file 2"),
    ]
    assert draft.files[0].details == {
        "originalFileName": "beach.jpg",
        "locationOfFile": "https://garden.example/media/1.jpg",
        "publiclyAvailable": True,
        "uploadedToEspTimestamp": "2026-11-20T08:30:00Z",
        "fileRelevance": "Reported",
        "fileAnnotations": {"viral": True},
        "industryClassification": "B2",
        "originalFileHash": [
            {"#text": "00" * 16, "@hashType": "MD5"},
            {"#text": "00" * 20, "@hashType": "SHA1"},
            {"#text": "00" * 32, "@hashType": "SHA256"},
        ],
        "ipCaptureEvent": {
            "ipAddress": "203.0.113.9",
            "eventName": "Upload",
            "dateTime": "2026-11-20T08:30:00Z",
            "port": 443,
        },
    }
    assert draft.files[0].viewed == ViewFacts(file_viewed=True, exif_viewed=False)
    assert draft.files[1].viewed == ViewFacts(file_viewed=False, exif_viewed=False)


def test_the_same_case_gives_the_same_bytes(work: Any) -> None:
    case = _whole_case(work)
    drafts = [_composed(work, case) for _ in range(2)]
    written = [
        (render("report", each.content), *(render_file(file) for file in each.files), each.notes) for each in drafts
    ]
    assert written[0] == written[1]


def test_the_evidence_room_is_asked_where_nothing_is_given(work: Any) -> None:
    case = _whole_case(work)
    with work.database.read() as connection:
        draft = compose(connection, case.id, reporter=REPORTER, now=work.now)
    assert draft.files == ()
    assert sum("No bytes are kept" in each for each in draft.notes) == 2


def test_there_is_no_draft_of_no_case(work: Any) -> None:
    with work.database.read() as connection, pytest.raises(CaseNotFound):
        compose(connection, 77, reporter=REPORTER, now=work.now)


# ── time ─────────────────────────────────────────────────────────────────────────────────────────────────────────


def test_a_time_that_nobody_told_is_left_to_a_person_and_is_never_now(work: Any) -> None:
    case = work.case({}, {})
    work.decide(case)
    draft = _composed(work, case)
    assert "incidentDateTime" not in draft.content["incidentSummary"]
    assert all("uploadedToEspTimestamp" not in each.details for each in draft.files)
    assert _rules(work, draft) == [("missing", "report/incidentSummary/incidentDateTime")]
    assert "When it happened is not known: state it." in draft.notes
    assert str(work.now.year).encode() not in render("report", draft.content)


def test_where_some_times_are_known_the_report_says_of_how_many(work: Any) -> None:
    case = work.case({"uploaded_at": UPLOADED}, {})
    work.decide(case)
    incident = _composed(work, case).content["incidentSummary"]
    assert incident["incidentDateTime"] == "2026-11-20T08:30:00Z"
    assert "known of 1 of them" in incident["incidentDateTimeDescription"]


def test_a_time_that_has_yet_to_come_is_told_and_refused(work: Any) -> None:
    case = work.case({"uploaded_at": work.now + timedelta(seconds=1)})
    work.decide(case)
    assert ("R01", "report/incidentSummary/incidentDateTime") in _rules(work, _composed(work, case))


def test_times_are_written_with_their_zone() -> None:
    zone = datetime.fromisoformat("2026-11-20T10:30:00+02:00")
    assert instant(zone) == "2026-11-20T08:30:00Z"


# ── what is reported ─────────────────────────────────────────────────────────────────────────────────────────────


def test_only_what_is_confirmed_goes_with_a_report(work: Any) -> None:
    case = work.case({"uploaded_at": UPLOADED}, {}, {})
    work.decide(case, number=0, classification="A2", tags=("infant",))
    work.decide(case, Verdict.NOT_A_MATCH, number=1)
    draft = _composed(work, case)
    assert [each.submission_id for each in draft.files] == work.submission_ids(case)[:1]
    assert draft.files[0].details["industryClassification"] == "A2"
    assert draft.files[0].details["fileAnnotations"] == {"infant": True}


def test_a_class_is_stated_where_a_person_gave_one_and_the_settings_allow_it(work: Any) -> None:
    case = work.case({"uploaded_at": UPLOADED})
    work.decide(case, classification="A1")
    quiet = REPORTER.model_copy(update={"states_classification": False})
    assert _composed(work, case).files[0].details["industryClassification"] == "A1"
    assert "industryClassification" not in _composed(work, case, reporter=quiet).files[0].details


def test_without_a_class_the_type_of_the_incident_is_left_to_a_person(work: Any) -> None:
    case = work.case({"uploaded_at": UPLOADED})
    work.decide(case, classification=None)
    draft = _composed(work, case)
    assert "incidentType" not in draft.content["incidentSummary"]
    assert _rules(work, draft) == [("missing", "report/incidentSummary/incidentType")]
    assert any("choose it" in each for each in draft.notes)


def test_a_case_without_anything_confirmed_gives_a_text_and_no_file(work: Any) -> None:
    case = work.case({"text_context": "generated words"})
    draft = _composed(work, case)
    assert draft.files == ()
    assert "generated words" in draft.content["additionalInfo"]
    assert any("Nothing in this case is confirmed" in each for each in draft.notes)
    # A person says what it is and when; a report of text alone is whole.
    draft.content["incidentSummary"] = {
        "incidentType": "Online Enticement of Children for Sexual Acts",
        "incidentDateTime": "2026-11-20T08:30:00Z",
    }
    assert _rules(work, draft) == []


def test_tags_stand_for_what_the_schema_has_and_for_nothing_else() -> None:
    report, file = (load_schema().roots[root] for root in ("report", "fileDetails"))
    annotations = report.children["incidentSummary"].kind.children["reportAnnotations"].kind
    assert set(REPORT_TAGS.values()) == set(annotations.children)
    assert set(FILE_TAGS.values()) == set(file.children["fileAnnotations"].kind.children)
    assert not set(REPORT_TAGS) & set(FILE_TAGS)


def test_tags_for_colleagues_are_told_to_nobody(work: Any) -> None:
    case = work.case({"uploaded_at": UPLOADED})
    work.decide(case, tags=("ask_ben",))
    draft = _composed(work, case)
    assert "reportAnnotations" not in draft.content["incidentSummary"]
    assert "fileAnnotations" not in draft.files[0].details
    assert b"ask_ben" not in render("report", draft.content) + render_file(draft.files[0])


def test_a_case_about_content_names_no_account(work: Any) -> None:
    case = work.case({"account": None, "uploaded_at": UPLOADED})
    work.decide(case)
    draft = _composed(work, case, earlier_reports=[1])
    assert "personOrUserReported" not in draft.content
    assert _rules(work, draft) == []


# ── files ────────────────────────────────────────────────────────────────────────────────────────────────────────


def test_digests_are_of_the_kept_bytes(work: Any) -> None:
    case = work.case({"uploaded_at": UPLOADED})
    work.decide(case)
    submission = work.submission_ids(case)[0]
    sha256 = hashlib.sha256(b"picture 0").digest()
    kept = Kept(5, submission, sha256=sha256, pdq=b"\x01" * 32)
    digests = _composed(work, case, evidence=[kept]).files[0].details["originalFileHash"]
    assert [each["@hashType"] for each in digests] == ["MD5", "SHA1", "SHA256", "PDQ"]
    assert digests[2]["#text"] == sha256.hex()
    assert digests[3]["#text"] == "01" * 32


def test_kept_bytes_that_are_not_those_submitted_are_noted(work: Any) -> None:
    case = work.case({"uploaded_at": UPLOADED})
    work.decide(case)
    assert any("are not those that were submitted" in each for each in _composed(work, case).notes)


def test_a_file_without_bytes_is_told_in_words(work: Any) -> None:
    case = work.case({"uploaded_at": UPLOADED, "ip_event": {"ip": "203.0.113.9"}})
    work.decide(case, classification="A1")
    gone = Kept(5, work.submission_ids(case)[0], object=None)
    draft = _composed(work, case, evidence=[gone])
    assert draft.files == ()
    assert draft.content["additionalInfo"] == (
        "A file of which the reporter keeps no bytes, content-1: "
        f"SHA256 {hashlib.sha256(b'picture 0').hexdigest()}; uploaded 2026-11-20T08:30:00Z; classified A1; "
        "from 203.0.113.9 (Upload)."
    )
    assert _rules(work, draft) == []


def test_attachments_go_with_a_report_as_supplements(work: Any) -> None:
    case = work.case({"uploaded_at": UPLOADED})
    work.decide(case)
    chat, gone = Kept(8, None, "chat.txt"), Kept(9, None, "gone.txt", object=None)
    draft = _composed(work, case, evidence=[Kept(5, work.submission_ids(case)[0]), chat, gone])
    assert [(each.evidence_id, each.details["fileRelevance"]) for each in draft.files] == [
        (5, "Reported"),
        (8, "Supplemental Reported"),
    ]
    assert draft.files[1].viewed is None
    assert b"ViewedByEsp" not in render_file(draft.files[1])
    assert _rules(work, draft) == []


@pytest.mark.parametrize("place", TextPlace)
def test_texts_go_where_the_author_wants_them(work: Any, place: TextPlace) -> None:
    case = work.case({"uploaded_at": UPLOADED, "text_context": "generated\x0bwords"})
    work.decide(case)
    draft = _composed(work, case, text=place)
    text = "Text around content-1, uploaded 2026-11-20T08:30:00Z:\ngenerated\x0bwords"
    assert draft.content.get("additionalInfo") == (text if place is TextPlace.ADDITIONAL_INFO else None)
    assert [each.text for each in draft.files if each.text] == ([text] if place is TextPlace.SUPPLEMENT else [])
    # What XML cannot hold is told, not dropped; a text file can hold it.
    wrong = [("characters", "report/additionalInfo")] if place is TextPlace.ADDITIONAL_INFO else []
    assert _rules(work, draft) == wrong


def test_a_text_that_is_kept_already_is_not_kept_twice(work: Any) -> None:
    case = work.case({"uploaded_at": UPLOADED, "text_context": "generated words"})
    work.decide(case)
    first = _composed(work, case, text=TextPlace.SUPPLEMENT).files[-1]
    assert first.text is not None
    media = Kept(5, work.submission_ids(case)[0])
    kept = Kept(8, None, "text.txt", sha256=hashlib.sha256(first.text.encode()).digest())
    files = _composed(work, case, text=TextPlace.SUPPLEMENT, evidence=[media, kept]).files
    assert [(each.evidence_id, each.text) for each in files] == [(5, None), (8, None)]


# ── IP events ────────────────────────────────────────────────────────────────────────────────────────────────────


def test_a_file_has_one_ip_event_and_the_others_stand_in_words(work: Any) -> None:
    events = [
        {"ip": "192.0.2.1", "event": "Login", "at": "2026-11-20T08:30:00Z"},
        {"ip": "192.0.2.2", "event": "Upload", "at": "2026-11-20T09:00:00Z", "is_proxy": True},
        {"ip": "192.0.2.3", "event": "Upload", "at": "2026-11-20T08:29:00Z", "port": 443},
        {"ip": "192.0.2.4", "event": "Upload"},
    ]
    case = work.case({"uploaded_at": UPLOADED, "context": {"ip_events": events}})
    work.decide(case)
    draft = _composed(work, case)
    details = draft.files[0].details
    assert details["ipCaptureEvent"]["ipAddress"] == "192.0.2.3"
    assert details["additionalInfo"] == [
        (
            "Other IP events of this file: 192.0.2.1 (Login, 2026-11-20T08:30:00Z); "
            "192.0.2.2 (Upload, 2026-11-20T09:00:00Z, possibly a proxy); 192.0.2.4 (Upload)."
        )
    ]
    assert _rules(work, draft) == []


@pytest.mark.parametrize(
    ("events", "best"),
    [
        ([{"ipAddress": "a", "dateTime": "2026-11-20T08:30:00Z"}, {"ipAddress": "b", "eventName": "Upload"}], "b"),
        (
            [
                {"ipAddress": "a", "eventName": "Upload", "dateTime": "2026-11-20T08:40:00Z"},
                {"ipAddress": "b", "eventName": "Upload", "dateTime": "2026-11-20T10:25:00+02:00"},
            ],
            "b",
        ),
        ([{"ipAddress": "a"}, {"ipAddress": "b", "dateTime": "2020-01-01T00:00:00Z"}], "b"),
        ([{"ipAddress": "a"}, {"ipAddress": "b"}], "a"),
    ],
)
def test_an_upload_comes_first_and_then_what_is_nearest_to_it(events: list[dict[str, Any]], best: str) -> None:
    found, others = best_ip_event(events, UPLOADED)
    assert found is not None
    assert found["ipAddress"] == best
    assert len(others) == len(events) - 1
    assert best_ip_event([], UPLOADED) == (None, [])


# ── what the platform told ───────────────────────────────────────────────────────────────────────────────────────


def _read(said: object, role: str = "personOrUserReported") -> tuple[dict[str, Any], list[str]]:
    reader = Reader(datetime(2026, 11, 22, tzinfo=UTC))
    person = f"{role}Person"
    return reader.account(said, role, person, "context.account of submission 1"), reader.notes


@pytest.mark.parametrize(
    ("said", "words"),
    [
        ("text", "no object"),
        (
            {"emails": ["no address"]},
            "Emails of context.account of submission 1 (1) was left out: it is no e-mail address",
        ),
        ({"emails": [7]}, "no object"),
        ({"screen_name": "x" * 257}, "257 characters"),
        ({"screen_name": ["a"]}, "no text"),
        ({"display_names": ["ok", " "]}, "blank"),
        ({"age": "17"}, "whole number"),
        ({"age": 200}, "between 0 and 150"),
        ({"date_of_birth": "31/01/1986"}, "no date"),
        ({"is_compromised": "yes"}, "true or false"),
        ({"profile_urls": "garden.example/u"}, "no whole address"),
        ({"ip_events": [{"ip": "nowhere"}]}, "neither an IPv4 nor an IPv6"),
        ({"ip_events": [{"at": "2026-01-01T00:00:00Z"}]}, "has to be stated"),
        ({"devices": [{"kind": "IMEI"}]}, "has to be stated"),
        ({"location": {"city": "Paris"}}, "has to have its country"),
        ({"bio": "a\0b"}, "cannot be sent"),
        ({"group": {"#text": "x"}}, "it is an object"),
    ],
)
def test_what_does_not_fit_is_left_out_and_noted(said: object, words: str) -> None:
    content, notes = _read(said)
    assert len(notes) == 1
    assert words in notes[0]
    left = content.get("displayName", []) or [each for each in content if each != "espIdentifier"]
    assert left in ([], ["ok"])


def test_a_part_that_does_not_fit_does_not_take_the_rest_with_it() -> None:
    content, notes = _read(
        {"ip_events": [{"ip": "192.0.2.1", "at": "2026-01-01T00:00:00", "event": "login", "port": 80}]}
    )
    assert content == {"ipCaptureEvent": [{"ipAddress": "192.0.2.1", "port": 80}]}
    assert [each.split(" was left out")[0] for each in notes] == [
        "Event of ip_events of context.account of submission 1 (1)",
        "At of ip_events of context.account of submission 1 (1)",
    ]
    assert "no time zone" in notes[1]


def test_keys_that_no_report_takes_are_noted_without_what_they_hold() -> None:
    content, notes = _read({"screen_name": "a", "password": "hunter2", "a person's name": 1})
    assert content == {"screenName": "a"}
    assert notes == ["Of context.account of submission 1, password was left out: no report takes it."]


def test_what_a_victim_cannot_have_is_left_out() -> None:
    content, notes = _read({"id": "account-18", "group": "g", "age": 14}, "victim")
    assert content == {"espIdentifier": "account-18", "victimPerson": {"age": 14}}
    assert "no such field" in notes[0]


def test_every_key_leads_to_a_field_of_the_schema() -> None:
    kind = load_schema().roots["report"].children["personOrUserReported"].kind
    person = kind.children["personOrUserReportedPerson"].kind
    for key in ACCOUNT_KEYS:
        at, name = (person, key.field[7:]) if key.field.startswith("person/") else (kind, key.field)
        below = at.children[name].kind
        for target in PARTS.get(key.parts or "", {}).values():
            is_known = target == "#text" or target in below.children or target[1:] in below.attributes
            assert is_known or (key.name, target) == ("disabled_permanently", "@reenabledDate")
    assert {each.field for each in FILE_KEYS} <= set(load_schema().roots["fileDetails"].children)


def test_recipients_and_victims_are_told_too(work: Any) -> None:
    case = work.case(
        {
            "uploaded_at": UPLOADED,
            "context": {
                "recipients": [{"id": "account-20", "group": "g"}, {"id": "account-21"}],
                "victims": {"id": "account-22", "age": 13},
            },
        },
        {"context": {"recipients": [{"id": "account-20", "screen_name": "s"}], "victims": [{"id": "account-23"}]}},
    )
    work.decide(case)
    draft = _composed(work, case)
    assert draft.content["intendedRecipient"] == [
        {"espIdentifier": "account-20", "groupIdentifier": "g", "screenName": "s"},
        {"espIdentifier": "account-21"},
    ]
    assert draft.content["victim"] == [
        {"espIdentifier": "account-22", "victimPerson": {"age": 13}},
        {"espIdentifier": "account-23", "victimPerson": {}},
    ]
    assert _rules(work, draft) == []


def test_the_account_of_the_case_is_named_whatever_the_platform_tells_inside(work: Any) -> None:
    case = work.case({"uploaded_at": UPLOADED, "context": {"account": {"id": "another"}}})
    work.decide(case)
    draft = _composed(work, case)
    assert draft.content["personOrUserReported"][0]["espIdentifier"] == "acc"
    assert any("another id" in each for each in draft.notes)


def test_no_note_repeats_what_was_told(work: Any) -> None:
    marker = "Xq7"
    said = dict.fromkeys((each.name for each in ACCOUNT_KEYS), f"{marker}\x00") | {f"{marker} {marker}": 1}
    case = work.case(
        {
            "context": {
                "account": said,
                "url": marker,
                "page_url": marker,
                "file_name": f"{marker}\0",
                "ip_events": [marker],
            }
        }
    )
    work.decide(case)
    notes = _composed(work, case).notes
    assert len(notes) > len(ACCOUNT_KEYS)
    assert marker not in "".join(notes)
