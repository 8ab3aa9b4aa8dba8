from __future__ import annotations

import json
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest

from hedgerow.accounts import Role
from hedgerow.actions import add_endpoint, list_deliveries
from hedgerow.app import now
from hedgerow.cases import take_effect

if TYPE_CHECKING:
    from starlette.testclient import TestClient

CASES = "/api/v1/cases"


@pytest.fixture
def known(house: Any) -> Any:
    """Give a house with a bank in which two pictures are known."""
    house.bank("known", house.value(1), house.value(2))
    return house


@pytest.fixture
def lead(known: Any) -> TestClient:
    return known.person(Role.LEAD)


@pytest.fixture
def reviewer(known: Any) -> TestClient:
    return known.person(Role.REVIEWER)


def claimed(client: TestClient, case: str) -> int:
    answer = client.post(f"{CASES}/{case}/claim")
    assert answer.status_code == 200, answer.text
    return int(answer.json()["claim"]["token"])


def decided(client: TestClient, case: str, verdict: str = "confirmed", **said: Any) -> dict[str, Any]:
    token = claimed(client, case)
    version = client.get(f"{CASES}/{case}").json()["version"]
    said = {"token": token, "seen_version": version, "verdict": verdict, **said}
    answer = client.post(f"{CASES}/{case}/decisions", json=said)
    assert answer.status_code == 201, answer.text
    told: dict[str, Any] = answer.json()["decisions"][0]
    return told


def test_queues_are_counted_and_what_needs_somebody_is_said(known: Any, reviewer: TestClient) -> None:
    known.case(1, account_id="ada")
    queues = {each["queue"]: each for each in reviewer.get("/api/v1/queues").json()["queues"]}
    assert sum(each["waiting"] for each in queues.values()) == 1
    assert "appeals" in queues
    attention = reviewer.get("/api/v1/attention").json()
    assert (attention["cases"]["overdue"], attention["given_up"], attention["quarantined"]) == (0, 0, 0)


def test_cases_are_listed_by_queue_subject_and_due_time_in_pages(known: Any, reviewer: TestClient) -> None:
    first = known.case(1, account_id="ada")
    second = known.case(2, account_id="ben")
    page = reviewer.get(CASES, params={"limit": 1}).json()
    rest = reviewer.get(CASES, params={"limit": 1, "cursor": page["next"]}).json()
    assert [each["number"] for each in page["items"] + rest["items"]] == [first, second]
    assert rest["next"] is None

    def numbers(**asked: Any) -> list[str]:
        return [each["number"] for each in reviewer.get(CASES, params=asked).json()["items"]]

    assert numbers(account_id="ben") == [second]
    assert numbers(queue="appeals") == []
    assert numbers(due_before=now().isoformat()) == []
    assert numbers(due_before=(now() + timedelta(days=30)).isoformat()) == [first, second]
    assert numbers(mine=True) == []


def test_a_case_is_shown_with_what_was_found_and_what_happened(known: Any, reviewer: TestClient) -> None:
    case = known.case(1, account_id="ada", text_context="a text that nobody asked for")
    shown = reviewer.get(f"{CASES}/{case}").json()
    assert (shown["subject_kind"], shown["subject_id"], shown["state"], shown["items"]) == ("account", "ada", "open", 1)
    assert [cluster["verdict"] for cluster in shown["clusters"]] == [None]
    items = reviewer.get(f"{CASES}/{case}/items").json()["items"]
    assert [(item["content_id"], item["matches"][0]["bank"]) for item in items] == [("post-1", "known")]
    assert "text" not in str(items)
    timeline = reviewer.get(f"{CASES}/{case}/timeline").json()["items"]
    assert [event["action"] for event in timeline] == ["case.opened"]


def test_a_program_sees_how_a_case_of_its_namespace_stands_and_nothing_else(known: Any, reviewer: TestClient) -> None:
    case = known.case(1, account_id="ada")
    decided(reviewer, case)
    program = known.key("cases.read")
    shown = program.get(f"{CASES}/{case}").json()
    assert shown["state"] == "decided"
    assert [shown[name] for name in ("clusters", "decisions", "items", "claimed_by", "namespace")] == [None] * 5
    for part in ("items", "views", "timeline"):
        answer = program.get(f"{CASES}/{case}/{part}")
        assert (answer.status_code, answer.json()["reason"]) == (403, "person_needed")
    assert program.get("/api/v1/suppressions").status_code == 403
    stranger = known.key("cases.read", namespace="other")
    assert stranger.get(f"{CASES}/{case}").status_code == 404
    assert stranger.get(CASES, params={"state": "decided"}).json()["items"] == []
    assert len(program.get(CASES, params={"state": "decided"}).json()["items"]) == 1


def test_the_next_case_is_claimed_once(known: Any, reviewer: TestClient) -> None:
    case = known.case(1, account_id="ada")
    asked = {"queues": ["known", "near"]}
    mine = reviewer.post(f"{CASES}/claims", json=asked).json()
    assert mine["case"]["number"] == case
    assert mine["case"]["state"] == "claimed"
    other = known.person(Role.REVIEWER)
    assert other.post(f"{CASES}/claims", json=asked).json() == {"case": None, "claim": None}
    taken = other.post(f"{CASES}/{case}/claim")
    assert (taken.status_code, taken.json()["reason"]) == (409, "case_taken")


def test_a_claim_is_extended_and_given_back(known: Any, reviewer: TestClient) -> None:
    case = known.case(1, account_id="ada")
    token = claimed(reviewer, case)
    extended = reviewer.post(f"{CASES}/{case}/claim/extend", json={"token": token})
    assert (extended.status_code, extended.json()["token"]) == (200, token)
    lost = reviewer.post(f"{CASES}/{case}/release", json={"token": token + 1})
    assert (lost.status_code, lost.json()["reason"]) == (409, "claim_lost")
    assert reviewer.post(f"{CASES}/{case}/release", json={"token": token}).json()["state"] == "open"


def test_a_decision_is_recorded_and_taken_back(known: Any, reviewer: TestClient) -> None:
    case = known.case(1, account_id="ada")
    said = decided(reviewer, case, classification="A1", tags=["known"], note="as always")
    assert (said["verdict"], said["classification"], said["is_no_look"], said["note"]) == (
        "confirmed",
        "A1",
        True,
        "as always",
    )
    assert reviewer.get(f"{CASES}/{case}").json()["state"] == "decided"
    undone = reviewer.post(f"/api/v1/decisions/{said['decision']}/undo")
    assert (undone.status_code, undone.json()["state"]) == (200, "open")
    again = reviewer.post(f"/api/v1/decisions/{said['decision']}/undo")
    assert (again.status_code, again.json()["reason"]) == (422, "invalid_decision")


def test_what_came_meanwhile_stops_a_decision(known: Any, reviewer: TestClient) -> None:
    case = known.case(1, account_id="ada")
    token = claimed(reviewer, case)
    version = reviewer.get(f"{CASES}/{case}").json()["version"]
    known.case(2, account_id="ada")
    said = {"token": token, "seen_version": version, "verdict": "confirmed"}
    answer = reviewer.post(f"{CASES}/{case}/decisions", json=said)
    assert (answer.status_code, answer.json()["reason"]) == (409, "case_changed")


def test_somebody_elses_decision_is_taken_back_by_who_may(known: Any, reviewer: TestClient, lead: TestClient) -> None:
    case = known.case(1, account_id="ada")
    said = decided(reviewer, case)
    other = known.person(Role.REVIEWER)
    refused = other.post(f"/api/v1/decisions/{said['decision']}/undo")
    assert (refused.status_code, refused.json()["reason"]) == (403, "permission_denied")
    assert lead.post(f"/api/v1/decisions/{said['decision']}/undo").status_code == 200


def test_a_decision_is_corrected_by_another(known: Any, reviewer: TestClient) -> None:
    case = known.case(1, account_id="ada")
    said = decided(reviewer, case)
    answer = reviewer.post(f"/api/v1/decisions/{said['decision']}/supersede", json={"verdict": "not_a_match"})
    assert answer.status_code == 201, answer.text
    assert (answer.json()["verdict"], answer.json()["supersedes"]) == ("not_a_match", said["decision"])


def test_an_appeal_needs_a_decision_that_has_taken_effect(known: Any, reviewer: TestClient, lead: TestClient) -> None:
    case = known.case(1, account_id="ada")
    assert reviewer.post(f"{CASES}/{case}/appeal", json={}).status_code == 403
    early = lead.post(f"{CASES}/{case}/appeal", json={"priority": 2})
    assert (early.status_code, early.json()["reason"]) == (409, "transition_refused")


def test_the_platform_is_told_of_an_appeal(known: Any, reviewer: TestClient, lead: TestClient) -> None:
    with known.database.write() as connection:
        keys = known.service.keys
        add_endpoint(connection, "https://platform.example/hook", keys=keys, actor="cli", now=now())
    case = known.case(1, account_id="ada")
    said = decided(reviewer, case)
    later = now() + timedelta(days=1)
    with known.database.write() as connection:
        take_effect(connection, int(said["decision"]), now=later)
    answer = lead.post(f"{CASES}/{case}/appeal", json={"priority": 2})
    assert answer.status_code == 200, answer.text
    with known.database.read() as connection:
        told = {each.event: json.loads(each.body)["data"] for each in list_deliveries(connection, now=later)}
    assert told["case.reopened"] == {"case": case, "subject_kind": "account", "subject_id": "ada"}


def test_a_case_is_put_aside_and_given_to_somebody(known: Any, reviewer: TestClient, lead: TestClient) -> None:
    case = known.case(1, account_id="ada")
    token = claimed(reviewer, case)
    until = (now() + timedelta(days=1)).isoformat()
    aside = reviewer.post(f"{CASES}/{case}/aside", json={"token": token, "until": until, "reason": "asked back"})
    assert (aside.status_code, aside.json()["state"]) == (200, "waiting")
    somebody = known.user(Role.REVIEWER)
    assert reviewer.post(f"{CASES}/{case}/reassign", json={"user": somebody}).status_code == 403
    analyst = known.user(Role.ANALYST)
    refused = lead.post(f"{CASES}/{case}/reassign", json={"user": analyst})
    assert (refused.status_code, refused.json()["reason"]) == (403, "claim_refused")
    assert lead.post(f"{CASES}/{case}/reassign", json={"user": 10**9}).status_code == 404
    second = known.case(2, account_id="ben")
    given = lead.post(f"{CASES}/{second}/reassign", json={"user": somebody})
    assert (given.status_code, given.json()["case"]["claimed_by"]) == (200, somebody)


def test_views_are_recorded_by_who_may_see(known: Any, reviewer: TestClient) -> None:
    case = known.case(1, account_id="ada")
    submission = reviewer.get(f"{CASES}/{case}/items").json()["items"][0]["submission"]
    begun = (now() - timedelta(seconds=5)).isoformat()
    seen = {"submission": submission, "form": "full", "started_at": begun, "seconds": 2.5, "reveal": "r1"}
    view = reviewer.post(f"{CASES}/{case}/views", json=seen)
    assert view.status_code == 201, view.text
    assert (view.json()["is_complete"], view.json()["share"]) == (True, 1.0)
    assert len(reviewer.get(f"{CASES}/{case}/views").json()["items"]) == 1
    longer = reviewer.post(f"{CASES}/{case}/views", json={**seen, "seconds": 60})
    assert (longer.status_code, longer.json()["reason"]) == (422, "invalid_view")
    approver = known.person(Role.APPROVER)
    assert approver.post(f"{CASES}/{case}/views", json=seen).status_code == 403
    assert approver.post(f"{CASES}/{case}/views", json={**seen, "form": "tile"}).status_code == 201


def test_a_pair_that_is_no_match_is_suppressed_until_that_is_lifted(
    known: Any, reviewer: TestClient, lead: TestClient
) -> None:
    alike = known.value(1, flipped=20)
    decided(reviewer, known.submit(alike, account_id="ada")["case"]["number"], "not_a_match")
    assert known.submit(alike, "post-9", account_id="cem")["case"] is None
    pairs = reviewer.get("/api/v1/suppressions").json()["items"]
    assert len(pairs) == 1
    assert reviewer.post(f"/api/v1/suppressions/{pairs[0]['suppression']}/lift").status_code == 403
    lifted = lead.post(f"/api/v1/suppressions/{pairs[0]['suppression']}/lift")
    assert (lifted.status_code, len(lifted.json()["cases"])) == (200, 1)
    again = lead.post(f"/api/v1/suppressions/{pairs[0]['suppression']}/lift")
    assert (again.status_code, again.json()["reason"]) == (404, "suppression_not_found")
    assert len(reviewer.get("/api/v1/suppressions", params={"lifted": True}).json()["items"]) == 1


def test_a_case_that_is_none_is_not_found(reviewer: TestClient) -> None:
    assert reviewer.get(f"{CASES}/2026-99999").status_code == 404
    assert reviewer.get(f"{CASES}/nonsense").status_code == 422
