"""A draft as forms: every field of the schema has its place, and what is typed comes back as content."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from hedgerow.app.serving.report_form import (
    Control,
    Fact,
    Field,
    FormPage,
    Group,
    Link,
    home_of,
)
from hedgerow.app.serving.report_form_fields import form_page, sections
from hedgerow.app.serving.report_form_reading import read_part, with_typed, without_part
from hedgerow.errors import InvalidReport
from hedgerow.reports.cybertipline.schema import TEXT, load_schema
from hedgerow.reports.cybertipline.views import VIEWED
from hedgerow.reports.model import Violation

if TYPE_CHECKING:
    from collections.abc import Iterator

    from hedgerow.reports.cybertipline.schema import Kind

MOST_FIELDS = 100  # of any form (`hedgerow.web.sessions`)
OWN_FIELDS = 4  # csrf_token, at, seen, remove


def leaves(kind: Kind, path: str) -> Iterator[str]:
    """Go through everything that can be stated, as violations name it; of what is repeated, the first."""
    for attribute in kind.attributes.values():
        yield f"{path}/@{attribute.name}"
    for child in kind.children.values():
        below = f"{path}/{child.name}{'[1]' if child.is_repeated else ''}"
        if child.is_obsolete:
            continue
        if child.kind.value is not None:
            yield below
        yield from leaves(child.kind, below)


ROOTS = load_schema().roots
LEAVES = [*leaves(ROOTS["report"], "report"), *leaves(ROOTS["fileDetails"], "fileDetails[1]")]


def page_of(at: str, content: dict[str, Any] | None = None, *violations: Violation) -> FormPage:
    return form_page(content or {}, [{}, {}], violations, at)


@pytest.mark.parametrize("path", LEAVES)
def test_everything_that_can_be_stated_has_one_field_on_one_page(path: str) -> None:
    at, name = home_of(path)
    fields = [each.name for each in page_of(at).fields()]
    own = path.rpartition("/")[2]
    expected = 0 if own in {*VIEWED, "reportId", "fileId"} else 1
    assert fields.count(name) == expected


def test_who_viewed_a_file_is_a_fact_and_no_field() -> None:
    page = page_of("fileDetails[1]")
    assert {each.name for each in page.usual if isinstance(each, Fact)} == set(VIEWED)


def test_what_a_form_says_of_viewing_is_not_read() -> None:
    said = read_part({}, [{"originalFileName": "a.jpg"}], "fileDetails[1]", dict.fromkeys(VIEWED, "true"))
    assert said == {"originalFileName": "a.jpg"}


def full(kind: Kind, depth: int = 0) -> Any:
    """State everything once, and what can be repeated many times."""
    if kind.is_plain:
        return "x"
    made: dict[str, Any] = {f"@{name}": "x" for name in kind.attributes}
    if kind.value is not None:
        made[TEXT] = "x"
    for child in kind.children.values():
        value = full(child.kind, depth + 1)
        made[child.name] = [value] * (12 if depth < 2 else 2) if child.is_repeated else value
    return made


def test_no_page_has_more_fields_than_a_form_may_have_however_much_is_stated() -> None:
    content, file = full(ROOTS["report"]), full(ROOTS["fileDetails"])
    seen = set()
    for path in LEAVES:
        at, _ = home_of(path)
        seen.add(at)
        page = form_page(content, [file], (), at)
        assert len(list(page.fields())) + OWN_FIELDS <= MOST_FIELDS, at
    assert len(seen) > 20


def test_a_form_that_was_not_touched_changes_nothing() -> None:
    content = {
        "incidentSummary": {
            "incidentType": "Child Sex Tourism",
            "incidentDateTime": "2026-03-04T11:22:33.500000Z",
            "reportAnnotations": {"spam": True},
        },
        "reporter": {"reportingPerson": {"email": ["a@b.example", {"#text": "c@d.example", "@type": "Work"}]}},
        "personOrUserReported": [
            {
                "espIdentifier": "account-1",
                "displayName": ["one", "two"],
                "priorCTReports": [17, 18],
                "ipCaptureEvent": [{"ipAddress": "192.0.2.1", "port": 443}],
                "accountTemporarilyDisabled": {"#text": True, "@userNotified": False},
            }
        ],
        "additionalInfo": "First line.\n\nAnother.",
    }
    file = {"additionalInfo": ["One.\nOf two lines.", "Another."], "originalFileName": "a.jpg"}
    form = {each.name: each.value for each in form_page({}, [file], (), "fileDetails[1]").fields() if each.value}
    assert read_part({}, [file], "fileDetails[1]", form) == file
    for at in (
        "report",
        "incidentSummary",
        "reporter",
        "personOrUserReported[1]",
        "personOrUserReported[1]/ipCaptureEvent[1]",
    ):
        page = form_page(content, [], (), at)
        # Checkboxes that are off send nothing; lines come back with the ends that browsers write.
        form = {
            each.name: each.value.replace("\n", "\r\n")
            for each in page.fields()
            if each.control is not Control.CHECK or each.value
        }
        assert read_part(content, [], at, form) == content, at


def test_what_is_typed_becomes_what_the_schema_takes() -> None:
    form = {
        "personOrUserReportedPerson/firstName": " Ada ",
        "personOrUserReportedPerson/age": "31",
        "personOrUserReportedPerson/email[1]": "a@b.example",
        "personOrUserReportedPerson/email[1]/@verified": "true",
        "espIdentifier": "account-1",
        "displayName": "one\r\n\r\ntwo",
        "compromisedAccount": "false",
        "priorCTReports": "17\r\nseventeen",
        "estimatedLocation/countryCode": "",
    }
    assert read_part({}, [], "personOrUserReported[1]", form) == {
        "personOrUserReported": [
            {
                "personOrUserReportedPerson": {
                    "firstName": "Ada",
                    "age": 31,
                    "email": [{"#text": "a@b.example", "@verified": True}],
                },
                "espIdentifier": "account-1",
                "displayName": ["one", "two"],
                "compromisedAccount": False,
                "priorCTReports": [17, "seventeen"],
            }
        ]
    }


def test_a_time_may_be_typed_as_people_write_it_and_what_is_none_stays_as_it_was_typed() -> None:
    for typed, kept in (
        ("2026-03-04 11:22", "2026-03-04T11:22:00Z"),
        ("2026-03-04T11:22:33+01:00", "2026-03-04T11:22:33+01:00"),
        ("last Tuesday", "last Tuesday"),
    ):
        made = read_part({}, [], "incidentSummary", {"incidentDateTime": typed})
        assert made["incidentSummary"]["incidentDateTime"] == kept


def test_emptied_fields_go_and_what_the_document_cannot_be_without_stays_empty() -> None:
    content = {"incidentSummary": {"incidentType": "Child Sex Tourism", "reportAnnotations": {"spam": True}}}
    assert read_part(content, [], "incidentSummary", {"incidentType": ""}) == {"incidentSummary": {}}
    assert read_part({}, [], "victim[1]", {"espIdentifier": "v"}) == {
        "victim": [{"espIdentifier": "v", "victimPerson": {}}]
    }


def test_a_part_is_taken_out_with_what_it_leaves_empty() -> None:
    content = {"personOrUserReported": [{"espIdentifier": "a"}, {"espIdentifier": "b"}], "additionalInfo": "x"}
    assert without_part(content, [], "personOrUserReported[1]")["personOrUserReported"] == [{"espIdentifier": "b"}]
    one = {"internetDetails": [{"webPageIncident": {"url": ["https://a.example/"]}}]}
    assert without_part(one, [], "internetDetails[1]/webPageIncident") == {}


def test_what_a_page_has_no_field_for_stays() -> None:
    content = {"personOrUserReported": [{"espIdentifier": "a", "associatedAccount": [{"@type": "x"}], "odd": "kept"}]}
    made = read_part(content, [], "personOrUserReported[1]", {"espIdentifier": "b"})
    assert made["personOrUserReported"][0] == {
        "espIdentifier": "b",
        "associatedAccount": [{"@type": "x"}],
        "odd": "kept",
    }


@pytest.mark.parametrize(
    "at",
    [
        *("", "nothing", "incidentSummary[1]", "personOrUserReported", "fileDetails[3]"),
        *("incidentSummary/../reporter", "personOrUserReported[0]", "personOrUserReported[2]"),
        *("incidentSummary/incidentType", "a" * 200, "x/" * 50),
    ],
)
def test_a_part_that_there_can_not_be_is_refused(at: str) -> None:
    with pytest.raises(InvalidReport):
        read_part({}, [{}, {}], at, {"espIdentifier": "x"})


def test_each_problem_stands_at_its_field_or_at_its_page_and_nowhere_twice() -> None:
    found = [
        Violation("missing", "report/incidentSummary/incidentDateTime", "Incident › when it happened: nobody has.", ""),
        Violation("unknown", "report/incidentSummary", "Incident: the schema has no field named odd here.", ""),
        Violation("R07", "report/personOrUserReported[1]/ipCaptureEvent[1]/ipAddress", "IP: it is neither.", ""),
    ]
    page = page_of("incidentSummary", {"incidentSummary": {"odd": "x"}}, *found)
    at_fields = {each.name: each.problems for each in page.fields() if each.problems}
    assert at_fields == {"incidentDateTime": ("Nobody has.",)}
    assert page.problems == ("The schema has no field named odd here.",)
    person = page_of("personOrUserReported[1]", {"personOrUserReported": [{"ipCaptureEvent": [{}]}]}, *found)
    links = [each for each in person.usual if isinstance(each, Link) and each.problems]
    assert [(each.at, each.problems) for each in links] == [("personOrUserReported[1]/ipCaptureEvent[1]", 1)]
    assert person.problems == ()
    assert {each.at: each.problems for each in sections({}, found) if each.problems} == {
        "incidentSummary": 2,
        "personOrUserReported[1]": 1,
    }


def test_what_was_typed_is_shown_again() -> None:
    page = with_typed(page_of("incidentSummary"), {"platform": "typed", "reportAnnotations/spam": "true"})
    shown = {each.name: each.value for each in page.fields() if each.value}
    assert shown == {"platform": "typed", "reportAnnotations/spam": "true"}


def test_content_of_another_shape_than_the_schema_s_breaks_no_page() -> None:
    for odd in ("text", 5, True, [], ["x"], {"#text": {"a": 1}}, None):
        content = dict.fromkeys(ROOTS["report"].children, odd)
        for path in LEAVES:
            at, _ = home_of(path)
            page = form_page(content, [{"ipCaptureEvent": odd}], (), at)
            assert all(isinstance(each, Field | Group | Link | Fact) for each in page.usual)
