from __future__ import annotations

import importlib.util
from copy import deepcopy
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hedgerow.reports.cybertipline.completeness import completeness
from hedgerow.reports.cybertipline.previewing import NOT_STATED, preview
from hedgerow.reports.model import DraftFile, ViewFacts

_specification = importlib.util.spec_from_file_location("report_strategies", Path(__file__).with_name("strategies.py"))
assert _specification is not None
assert _specification.loader is not None
STRATEGIES: Any = importlib.util.module_from_spec(_specification)
_specification.loader.exec_module(STRATEGIES)

MINIMAL = {
    "incidentSummary": {"incidentType": "Child Sex Tourism", "incidentDateTime": "2026-03-04T11:22:33Z"},
    "reporter": {"reportingPerson": {"email": ["safety@platform.example"]}},
}


def _file(**said: Any) -> DraftFile:
    return DraftFile("a.jpg", {"fileRelevance": "Reported", **said}, ViewFacts(file_viewed=False, exif_viewed=None))


# ── completeness ─────────────────────────────────────────────────────────────────────────────────────────────────


def test_a_report_with_everything_has_a_hundred() -> None:
    details = {name: each for name, each in STRATEGIES.filled("fileDetails").items() if "Viewed" not in name}
    whole = completeness(STRATEGIES.filled("report"), [DraftFile("a", details)])
    assert whole.score == 100
    assert whole.missing == ()


def test_the_parts_weigh_a_hundred_and_the_person_weighs_most() -> None:
    most = {each.name: each.most for each in completeness({}).parts}
    assert most == {"identity": 30, "ip": 20, "content": 20, "time": 15, "location": 10, "contact": 5}


def test_a_report_that_says_nothing_has_nothing() -> None:
    empty = completeness({})
    assert empty.score == 0
    assert len(empty.missing) == 20
    assert "an e-mail address of the account" in empty.missing[:3]


def test_what_may_be_sent_may_still_be_of_little_use() -> None:
    least = completeness(MINIMAL)
    assert least.score == 12
    assert least.missing[0] == "the id of the account on your service"
    assert "when it happened: a person has to state it" not in least.missing


@pytest.mark.parametrize(
    ("content", "files", "gained", "missing"),
    [
        ({"personOrUserReported": [{"espIdentifier": "a"}]}, [], 8, "the id of the account on your service"),
        (
            {"personOrUserReported": [{"personOrUserReportedPerson": {"email": ["a@b.example"]}}]},
            [],
            8,
            "an e-mail address of the account",
        ),
        ({"personOrUserReported": [{"ipCaptureEvent": [{"ipAddress": "192.0.2.1"}]}]}, [], 8, "an IP address"),
        ({}, [_file(ipCaptureEvent={"ipAddress": "192.0.2.1", "port": 1})], 22, "an IP address"),
        ({"additionalInfo": "words"}, [], 13, "a file, or the text that is reported"),
        (
            {"internetDetails": [{"chatImIncident": {"content": "words"}}]},
            [],
            16,
            "a file, or the text that is reported",
        ),
        (
            {"personOrUserReported": [{"estimatedLocation": {"countryCode": "US"}}]},
            [],
            6,
            "where the person is thought to be",
        ),
    ],
)
def test_each_thing_that_helps_counts(
    content: dict[str, Any], files: list[DraftFile], gained: int, missing: str
) -> None:
    assert completeness(content, files).score == gained
    assert missing not in completeness(content, files).missing
    assert missing in completeness({}).missing


def test_an_address_with_its_time_is_worth_twice_one_without() -> None:
    event = {"ipAddress": "192.0.2.1"}
    parts = [
        {each.name: each.points for each in completeness({"personOrUserReported": [{"ipCaptureEvent": [said]}]}).parts}[
            "ip"
        ]
        for said in (event, event | {"dateTime": "2026-03-04T11:22:33Z"})
    ]
    assert parts == [8, 16]


@settings(max_examples=40)
@given(STRATEGIES.contents("report"), st.lists(STRATEGIES.contents("fileDetails"), max_size=2))
def test_a_score_lies_between_0_and_100_and_says_what_is_missing(content: Any, files: list[Any]) -> None:
    found = completeness(content, [DraftFile("a", each) for each in files])
    assert 0 <= found.score <= 100
    assert (found.score == 100) == (not found.missing)


@given(
    st.recursive(st.none() | st.text() | st.integers(), lambda each: st.lists(each) | st.dictionaries(st.text(), each))
)
def test_any_content_is_weighed_and_shown(inner: Any) -> None:
    content = {"incidentSummary": inner, "personOrUserReported": [inner], "internetDetails": inner, "reporter": inner}
    assert completeness(content).score >= 0
    assert preview(content)


# ── preview ──────────────────────────────────────────────────────────────────────────────────────────────────────


def test_a_preview_says_everything_in_plain_words_and_in_the_order_of_sending() -> None:
    content = deepcopy(MINIMAL) | {
        "personOrUserReported": [
            {
                "espIdentifier": "account-17",
                "accountPermanentlyDisabled": {"#text": True, "@userNotified": False},
                "displayName": ["a", "b"],
            }
        ],
    }
    files = [_file(fileAnnotations={"viral": True}), _file()]
    assert [(each.label, each.value) for each in preview(content, files)] == [
        ("Incident › incident type", "Child Sex Tourism"),
        ("Incident › when it happened", "2026-03-04T11:22:33Z"),
        ("Reporter › reporting person › e-mail address 1", "safety@platform.example"),
        ("Reported person 1 › account id", "account-17"),
        ("Reported person 1 › display name 1", "a"),
        ("Reported person 1 › display name 2", "b"),
        ("Reported person 1 › account permanently disabled", "yes"),
        ("Reported person 1 › account permanently disabled › whether the user was told", "no"),
        ("File 1 › whether it was viewed in full", "no (from the records of viewing)"),
        ("File 1 › relevance", "Reported"),
        ("File 1 › annotations › viral", "yes"),
        ("File 2 › whether it was viewed in full", "no (from the records of viewing)"),
        ("File 2 › relevance", "Reported"),
    ]
    assert preview(content)[3].path == "report/personOrUserReported[1]/espIdentifier"


def test_what_a_person_has_yet_to_state_stands_out() -> None:
    lines = preview({"incidentSummary": {"platform": "p"}})
    assert [(each.label, each.value) for each in lines] == [
        ("Incident › incident type", NOT_STATED),
        ("Incident › platform", "p"),
        ("Incident › when it happened", NOT_STATED),
    ]


def test_a_preview_has_a_line_for_every_value_of_the_document() -> None:
    content = STRATEGIES.filled("report")

    def values(said: Any) -> list[Any]:
        if isinstance(said, dict):
            return [each for value in said.values() for each in values(value)]
        return [each for value in said for each in values(value)] if isinstance(said, list) else [said]

    def shown(value: Any) -> str:
        return {True: "yes", False: "no"}[value] if isinstance(value, bool) else str(value)

    lines = preview(content)
    assert sorted(each.value for each in lines) == sorted(shown(each) for each in values(content))
    assert len({each.path for each in lines}) == len(lines)


def test_what_will_be_refused_is_shown_too() -> None:
    lines = preview({"unheardOf": "x", "incidentSummary": ["a", "b"], "batchedReport": {}})
    assert ("report/unheardOf", "x") in [(each.path, each.value) for each in lines]
    assert [each.value for each in lines if each.path.startswith("report/incidentSummary")] == ["a", "b"]
    assert ("Batched report", "nothing is stated") in [(each.label, each.value) for each in lines]
