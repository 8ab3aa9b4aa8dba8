"""Exchanges by the interface: the same as by the pages, and secrets go in and never come out."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest

from hedgerow.accounts import Role
from hedgerow.app import now
from hedgerow.audit import list_entries
from hedgerow.errors import PageUnreadable
from hedgerow.exchanges.leases import Ending, claim_due, finish_fetch, note_page
from hedgerow.exchanges.model import Applied, FetchMode

if TYPE_CHECKING:
    from starlette.testclient import TestClient

EXCHANGES = "/api/v1/exchanges"
SECRET = "a key that nobody may ever see again"  # noqa: S105  (nobody's)
STOP_NCII = {"name": "intimate", "kind": "stop_ncii", "config": {"environment": "production"}}
KEYS = {"fetch_function_key": SECRET, "subscription_key": SECRET}


@pytest.fixture
def lead(house: Any) -> TestClient:
    return house.person(Role.LEAD)


def fetch(house: Any, *, added: int = 0, unreadable: bool = False) -> None:
    """Let a fetch end."""
    with house.database.write() as connection:
        claimed = claim_due(connection, now=now(), is_everything=True)
        assert claimed is not None
        error = "page_unreadable" if unreadable else None
        if unreadable:
            problem = PageUnreadable("it is no JSON", "after page 3", skip="page 4", skip_to={"page": 5})
            note_page(connection, claimed, FetchMode.UPDATE, problem, now=now())
        ending = Ending(
            FetchMode.UPDATE,
            Applied(pages=1, records=added, added=added),
            now(),
            now() + timedelta(minutes=4),
            not unreadable,
            error,
            error,
        )
        assert finish_fetch(connection, claimed, ending, now=now())


def actions(house: Any) -> list[str]:
    with house.database.read() as connection:
        return [each.action for each in list_entries(connection)]


@pytest.mark.sqlite_file
def test_each_kind_says_what_it_wants_to_know(lead: TestClient) -> None:
    kinds = {each["kind"]: each for each in lead.get("/api/v1/exchange-kinds").json()["kinds"]}
    assert {"local_file", "ncmec", "stop_ncii", "fb_threatexchange"} <= set(kinds)
    environment = next(each for each in kinds["stop_ncii"]["fields"] if each["name"] == "environment")
    assert (environment["type"], environment["default"]) == ("enum", "simulator")
    assert environment["choices"] == ["simulator", "production"]
    assert kinds["sample"]["credentials"] is None
    assert "dispute" in kinds["ncmec"]["opinions"]


def test_an_exchange_is_added_changed_and_removed(house: Any, lead: TestClient) -> None:
    made = lead.post(EXCHANGES, json={"name": "ours", "kind": "local_file", "config": {"filename": "list.txt"}})
    assert made.status_code == 201, made.text
    told = made.json()
    assert (told["exchange"], told["state"], told["needs"], told["place"]) == ("ours", "new", [], None)
    assert lead.post(EXCHANGES, json={"name": "ours", "kind": "sample"}).json()["reason"] == "exchange_exists"
    changed = lead.patch(f"{EXCHANGES}/ours", json={"rhythm": {"every_s": 90}, "is_enabled": False}).json()
    assert (changed["every_s"], changed["state"]) == (90, "off")
    # What is left out stays, and null is what the source asks for
    assert lead.patch(f"{EXCHANGES}/ours", json={"rhythm": {"calls_per_minute": 9}}).json()["rhythm"]["every_s"] == 90
    back = lead.patch(f"{EXCHANGES}/ours", json={"rhythm": {"every_s": None}, "config": {"filename": "b.txt"}}).json()
    assert (back["rhythm"]["every_s"], back["config"]["filename"]) == (None, "b.txt")
    assert lead.delete(f"{EXCHANGES}/ours").status_code == 204
    assert lead.get(f"{EXCHANGES}/ours").status_code == 404
    assert lead.delete(f"{EXCHANGES}/ours").status_code == 404


@pytest.mark.sqlite_file
@pytest.mark.parametrize(
    "wrong",
    [
        {"kind": "none"},
        {"kind": "local_file"},
        {"kind": "local_file", "config": {"filename": "../a"}},
        {"kind": "local_file", "config": {"filename": 1}},
        {"kind": "sample", "config": {"colour": "green"}},
        {"kind": "pull_file", "config": {"path": "/a", "mapping": {"a": ["\0"]}}},
        {"kind": "sample", "rhythm": {"every_s": 0}},
    ],
)
def test_what_does_not_fit_is_refused_and_not_quoted(lead: TestClient, wrong: dict[str, Any]) -> None:
    answer = lead.post(EXCHANGES, json={"name": "ours", **wrong})
    assert answer.status_code == 422, answer.text
    assert "green" not in answer.text
    assert lead.get(EXCHANGES).json()["items"] == []


@pytest.mark.sqlite_file
def test_the_list_comes_in_pages_by_name_and_counts_nothing(lead: TestClient) -> None:
    for name in ("b", "a", "c"):
        lead.post(EXCHANGES, json={"name": name, "kind": "sample"})
    first = lead.get(EXCHANGES, params={"limit": 2}).json()
    second = lead.get(EXCHANGES, params={"limit": 2, "cursor": first["next"]}).json()
    assert [each["exchange"] for each in first["items"] + second["items"]] == ["a", "b", "c"]
    assert (second["next"], first["items"][0]["records"]) == (None, None)
    assert lead.get(f"{EXCHANGES}/a").json()["records"] == 0


def test_credentials_go_in_and_never_come_back(house: Any, lead: TestClient) -> None:
    assert lead.post(EXCHANGES, json=STOP_NCII).json()["needs"] == ["credentials", "arming"]
    wrong = lead.put(f"{EXCHANGES}/intimate/credentials", json={"credentials": {"password": SECRET}})
    assert (wrong.status_code, SECRET in wrong.text) == (422, False)
    assert lead.put(f"{EXCHANGES}/intimate/credentials", json={"credentials": KEYS}).status_code == 204
    told = lead.get(f"{EXCHANGES}/intimate")
    assert (told.json()["has_credentials"], SECRET in told.text) == (True, False)
    assert lead.delete(f"{EXCHANGES}/intimate/credentials").status_code == 204
    assert lead.get(f"{EXCHANGES}/intimate").json()["needs"] == ["credentials", "arming"]
    assert actions(house)[-2:] == ["exchange.credentials_set", "exchange.credentials_removed"]


@pytest.mark.sqlite_file
def test_a_person_arms_and_leaves_pages_out_and_a_program_does_neither(house: Any, lead: TestClient) -> None:
    lead.post(EXCHANGES, json=STOP_NCII)
    program = house.key("exchanges.read", "exchanges.write")
    for path, body in (("arm", None), ("skip", {"page": 1})):
        answer = program.post(f"{EXCHANGES}/intimate/{path}", json=body)
        assert (answer.status_code, answer.json()["reason"]) == (403, "person_needed")
    armed = lead.post(f"{EXCHANGES}/intimate/arm").json()
    assert armed["place"]["is_production"]
    assert (armed["needs"], armed["armed_by"] is None) == (["credentials"], False)
    assert program.post(f"{EXCHANGES}/intimate/disarm").json()["armed_by"] is None


@pytest.mark.sqlite_file
def test_another_address_disarms(lead: TestClient) -> None:
    lead.post(EXCHANGES, json=STOP_NCII)
    lead.post(f"{EXCHANGES}/intimate/arm")
    moved = lead.patch(f"{EXCHANGES}/intimate", json={"config": {"base_url": "https://elsewhere.example"}}).json()
    assert (moved["armed_by"], moved["place"]["host"]) == (None, "elsewhere.example")


def test_a_page_that_cannot_be_read_is_left_out_by_its_number_and_by_what_it_leaves_out(
    house: Any, lead: TestClient
) -> None:
    lead.post(EXCHANGES, json={"name": "ours", "kind": "sample"})
    fetch(house, unreadable=True)
    told = lead.get(f"{EXCHANGES}/ours").json()
    page = told["unreadable_page"]
    assert (told["state"], told["needs"]) == ("unreadable", ["unreadable"])
    assert (page["place"], page["skip"], page["tries"]) == ("after page 3", "page 4", 1)
    for wrong in ({"page": page["page"] + 1}, {"page": page["page"], "skip": "page 3"}):
        answer = lead.post(f"{EXCHANGES}/ours/skip", json=wrong)
        assert (answer.status_code, answer.json()["reason"]) == (404, "page_not_found")
    skipped = lead.post(f"{EXCHANGES}/ours/skip", json={"page": page["page"], "skip": "page 4"}).json()
    assert skipped["ended_how"] == "skipped"
    assert lead.get(f"{EXCHANGES}/ours/pages").json()["pages"] == [skipped]
    assert actions(house)[-1] == "exchange.page_skipped"


@pytest.mark.sqlite_file
def test_what_is_asked_for_is_on_record_and_what_became_of_it_is_listed(house: Any, lead: TestClient) -> None:
    lead.post(EXCHANGES, json={"name": "ours", "kind": "sample"})
    for number in range(3):
        fetch(house, added=number)
    fetches = lead.get(f"{EXCHANGES}/ours/fetches", params={"limit": 2}).json()
    rest = lead.get(f"{EXCHANGES}/ours/fetches", params={"limit": 2, "cursor": fetches["next"]}).json()
    assert [each["added"] for each in fetches["items"] + rest["items"]] == [2, 1, 0]
    assert lead.get(f"{EXCHANGES}/ours").json()["state"] == "current"
    for path in ("fetch", "reconcile", "resume"):
        assert lead.post(f"{EXCHANGES}/ours/{path}").status_code == 200
    assert actions(house)[-2:] == ["exchange.asked_for", "exchange.walk_asked_for"]
    lead.patch(f"{EXCHANGES}/ours", json={"is_enabled": False})
    assert lead.post(f"{EXCHANGES}/ours/resume").json()["is_enabled"] is True
    for path in ("fetches", "pages", "opinions"):
        assert lead.get(f"{EXCHANGES}/none/{path}").status_code == 404


@pytest.mark.sqlite_file
def test_opinions_are_switched_by_who_may_share(house: Any, lead: TestClient) -> None:
    lead.post(EXCHANGES, json=STOP_NCII)
    asked = {"sends_opinions": True}
    assert house.person(Role.ADMIN).put(f"{EXCHANGES}/intimate/opinions", json=asked).status_code == 403
    assert lead.put(f"{EXCHANGES}/intimate/opinions", json=asked).json()["sends_opinions"] is True
    assert lead.get(f"{EXCHANGES}/intimate/opinions").json() == {"items": [], "next": None}
