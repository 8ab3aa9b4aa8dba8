"""Reports over HTTP: who may do what, and that nothing can be typed that only records can say."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from hedgerow.accounts import Role
from hedgerow.reports.tables import reports as table

if TYPE_CHECKING:
    from starlette.testclient import TestClient
    from tests.web.api.conftest import House

REPORTS = "/api/v1/reports"
CONTENT = {
    "incidentSummary": {
        "incidentType": "Child Pornography (possession, manufacture, and distribution)",
        "incidentDateTime": "2026-01-02T03:04:05Z",
    },
    "reporter": {"reportingPerson": {"email": ["trust-and-safety@platform.example"]}},
}


@pytest.fixture
def author(house: House) -> TestClient:
    return house.person(Role.REVIEWER)


@pytest.fixture
def approver(house: House) -> TestClient:
    return house.person(Role.APPROVER)


def drafted(house: House, author: TestClient) -> int:
    house.bank("known", house.value(1))
    made = author.post(REPORTS, json={"case": house.case(1)})
    assert made.status_code == 201, made.text
    number = made.json()["report"]
    edited = author.patch(f"{REPORTS}/{number}", json={"revision": 1, "content": CONTENT, "files": []})
    assert edited.status_code == 200, edited.text
    return int(number)


def approval_of(client: TestClient, number: int) -> dict[str, Any]:
    preview = client.get(f"{REPORTS}/{number}/preview").json()
    return {"revision": preview["revision"], "sha256": preview["sha256"]}


def test_drafted_by_one_person_and_approved_by_another(house: House, author: TestClient, approver: TestClient) -> None:
    number = drafted(house, author)
    preview = approver.get(f"{REPORTS}/{number}/preview").json()
    assert preview["violations"] == []
    approved = approver.post(f"{REPORTS}/{number}/approval", json=approval_of(approver, number))
    assert approved.status_code == 200, approved.text
    assert approved.json()["state"] == "approved"
    shown = author.get(f"{REPORTS}/{number}").json()
    assert shown["document_sha256"]
    assert shown["calls"] == []
    assert author.get(REPORTS, params={"state": "approved"}).json()["items"][0]["report"] == number


def test_who_is_author_and_approver_at_once_is_refused_for_being_the_author(house: House) -> None:
    both = house.person(Role.REVIEWER, Role.APPROVER)
    number = drafted(house, both)
    refused = both.post(f"{REPORTS}/{number}/approval", json=approval_of(both, number))
    assert (refused.status_code, refused.json()["reason"]) == (403, "approval_refused")


def test_an_approval_of_something_else_is_refused(house: House, author: TestClient, approver: TestClient) -> None:
    number = drafted(house, author)
    said = approval_of(approver, number)
    assert approver.post(f"{REPORTS}/{number}/approval", json=said | {"sha256": "0" * 64}).status_code == 403
    assert approver.post(f"{REPORTS}/{number}/approval", json=said | {"revision": 1}).status_code == 409


@pytest.mark.parametrize(
    "change",
    [
        {"content": {**CONTENT, "fileViewedByEsp": True}},
        {"files": [{"evidence": 1, "details": {"fileViewedByEsp": True}}]},
        {"files": [{"evidence": 1, "details": {"exifViewedByEsp": True}}]},
        {"fileViewedByEsp": True},
        {"files": [{"evidence": 1, "fileViewedByEsp": True}]},
    ],
)
def test_no_field_can_say_that_a_file_was_viewed(house: House, author: TestClient, change: dict[str, Any]) -> None:
    number = drafted(house, author)
    assert author.patch(f"{REPORTS}/{number}", json={"revision": 2, **change}).status_code == 422


def test_no_schema_of_the_interface_has_a_field_for_viewing(house: House) -> None:
    assert "ViewedByEsp" not in house.nobody().get("/api/v1/openapi.json").text


def test_each_role_does_its_own_part(house: House, author: TestClient, approver: TestClient) -> None:
    number = drafted(house, author)
    admin = house.person(Role.ADMIN)
    assert admin.get(f"{REPORTS}/{number}").status_code == 403
    assert approver.post(REPORTS, json={"case": "2026-00001"}).status_code == 403
    assert author.post(f"{REPORTS}/{number}/approval", json={"revision": 2, "sha256": "0" * 64}).status_code == 403
    assert author.put(f"{REPORTS}/credentials/test", json={"username": "a", "password": "b"}).status_code == 403
    assert author.post(f"{REPORTS}/arming").status_code == 403
    assert house.nobody().get(f"{REPORTS}/{number}").status_code == 401
    assert house.key().get(f"{REPORTS}/{number}").status_code == 403


def test_credentials_go_in_and_never_come_out(house: House, approver: TestClient) -> None:
    admin = house.person(Role.ADMIN)
    secret = "the authority's own word"  # noqa: S105  (of nobody)
    entered = admin.put(f"{REPORTS}/credentials/test", json={"username": "esp", "password": secret})
    assert entered.status_code == 200
    standing = approver.get(f"{REPORTS}/standing")
    assert standing.status_code == 200
    assert standing.json()["environments"][0]["credentials"]["set_at"]
    assert secret not in entered.text + standing.text
    refused = admin.put(f"{REPORTS}/credentials/test", json={"username": "a:b", "password": secret})
    assert refused.status_code == 422
    assert secret not in refused.text


def test_real_reports_take_two_people_and_one_switches_them_off(house: House) -> None:
    first, second = house.person(Role.ADMIN), house.person(Role.APPROVER)
    assert first.post(f"{REPORTS}/arming").status_code == 200
    assert first.post(f"{REPORTS}/arming/agreement", json={}).status_code == 409
    armed = second.post(f"{REPORTS}/arming/agreement", json={})
    assert (armed.status_code, armed.json()["is_solo"]) == (200, False)
    assert second.get(f"{REPORTS}/standing").json()["arming"]["second_by"]
    assert first.delete(f"{REPORTS}/arming").status_code == 204
    assert second.get(f"{REPORTS}/standing").json()["arming"] is None


def test_a_trial_without_an_address_says_what_is_missing(house: House) -> None:
    refused = house.person(Role.ADMIN).post(f"{REPORTS}/credentials/test/trial")
    assert (refused.status_code, refused.json()["reason"]) == (409, "authority_not_ready")


def test_given_up_sent_and_settled_only_where_it_stands_so(
    house: House, author: TestClient, approver: TestClient
) -> None:
    number = drafted(house, author)
    assert approver.post(f"{REPORTS}/{number}/file").status_code == 409
    assert approver.post(f"{REPORTS}/{number}/resolve", json={"what": "again"}).status_code == 409
    approver.post(f"{REPORTS}/{number}/approval", json=approval_of(approver, number))
    assert approver.post(f"{REPORTS}/{number}/file").status_code == 200
    assert approver.delete(f"{REPORTS}/{number}/approval").json()["voided"] == "revoked"
    gone = author.post(f"{REPORTS}/{number}/withdraw", json={"reason": "reported by telephone"})
    assert gone.json()["state"] == "withdrawn"
    assert author.get(f"{REPORTS}/999").status_code == 404


def test_a_person_says_that_it_is_filed_under_a_number(house: House, author: TestClient, approver: TestClient) -> None:
    number = drafted(house, author)
    said = {"what": "filed", "reference": "4564654"}
    filed = approver.post(f"{REPORTS}/{number}/resolve", json=said)
    assert (filed.json()["state"], filed.json()["external_id"]) == ("filed", "4564654")
    with house.database.read() as connection:
        assert connection.execute(table.select()).one().filed_how == "person"
