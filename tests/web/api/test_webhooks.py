from __future__ import annotations

from typing import TYPE_CHECKING, Any

import httpx
import pytest

from hedgerow.accounts import Role
from hedgerow.app.serving import webhooks

if TYPE_CHECKING:
    from starlette.testclient import TestClient

WEBHOOKS = "/api/v1/webhooks"
DELIVERIES = "/api/v1/deliveries"
URL = "https://platform.example.org/hedgerow"


@pytest.fixture
def admin(house: Any) -> TestClient:
    return house.person(Role.ADMIN)


@pytest.fixture
def platform(monkeypatch: pytest.MonkeyPatch) -> list[httpx.Request]:
    """Give the requests that came to a platform, which answers the first with 500 and all others with 204."""
    came: list[httpx.Request] = []

    def answer(request: httpx.Request) -> httpx.Response:
        came.append(request)
        return httpx.Response(500 if len(came) == 1 else 204)

    monkeypatch.setattr(webhooks, "client", lambda: httpx.Client(transport=httpx.MockTransport(answer)))
    return came


def test_an_endpoint_is_added_and_its_secret_is_shown_once(admin: TestClient) -> None:
    added = admin.post(WEBHOOKS, json={"url": URL, "events": ["case.decided"], "note": "theirs"})
    assert added.status_code == 201, added.text
    secret = added.json()["secret"]
    listed = admin.get(WEBHOOKS).json()["items"]
    assert [(each["endpoint"], each["url"], each["unconfirmed"]) for each in listed] == [(1, URL, None)]
    assert secret not in str(listed)
    renewed = admin.post(f"{WEBHOOKS}/1/secret")
    assert renewed.json()["secret"] != secret


@pytest.mark.parametrize("url", ["ftp://a.example.org", "https://user:word@a.example.org/", "nonsense"])
def test_an_address_that_is_none_is_refused(admin: TestClient, url: str) -> None:
    answer = admin.post(WEBHOOKS, json={"url": url})
    assert (answer.status_code, answer.json()["reason"]) == (422, "invalid_endpoint")


def test_an_endpoint_is_changed_and_paused(admin: TestClient) -> None:
    admin.post(WEBHOOKS, json={"url": URL, "events": ["case.decided"]})
    changed = admin.patch(f"{WEBHOOKS}/1", json={"is_active": False}).json()
    assert (changed["is_active"], changed["events"]) == (False, ["case.decided"])
    paused = admin.post(f"{WEBHOOKS}/1/test")
    assert (paused.status_code, paused.json()["reason"]) == (409, "endpoint_paused")
    assert admin.patch(f"{WEBHOOKS}/9", json={}).status_code == 404


def test_a_message_that_is_not_confirmed_is_seen_until_it_is(
    house: Any, admin: TestClient, platform: list[httpx.Request]
) -> None:
    admin.post(WEBHOOKS, json={"url": URL})
    tried = admin.post(f"{WEBHOOKS}/1/test").json()
    assert (tried["state"], tried["last_status"], tried["attempts"]) == ("waiting", 500, 1)
    waiting = admin.get(f"{DELIVERIES}/unconfirmed").json()["unconfirmed"]
    assert [(each["endpoint"], each["waiting"]) for each in waiting] == [(1, 1)]
    assert house.key("cases.read").get("/api/v1/attention").json()["unconfirmed"] == 1
    assert admin.get(DELIVERIES, params={"unconfirmed": True}).json()["items"][0]["delivery"] == tried["delivery"]
    shown = admin.get(f"{DELIVERIES}/{tried['delivery']}").json()
    assert [each["status"] for each in shown["tries"]] == [500]
    assert '"type":"test"' in shown["body"]
    again = admin.post(f"{DELIVERIES}/{tried['delivery']}/retry")
    assert (again.status_code, again.json()["state"]) == (200, "waiting")
    assert admin.post(f"{WEBHOOKS}/1/test").json()["state"] == "confirmed"
    assert len(platform) == 2


def test_deliveries_come_in_pages_the_newest_first(admin: TestClient, platform: list[httpx.Request]) -> None:
    admin.post(WEBHOOKS, json={"url": URL})
    sent = [admin.post(f"{WEBHOOKS}/1/test").json()["delivery"] for _ in range(3)]
    first = admin.get(DELIVERIES, params={"limit": 2}).json()
    rest = admin.get(DELIVERIES, params={"limit": 2, "cursor": first["next"]}).json()
    assert [each["delivery"] for each in first["items"] + rest["items"]] == sent[::-1]
    assert len(platform) == 3


def test_a_program_sees_messages_and_changes_nothing(house: Any, admin: TestClient) -> None:
    admin.post(WEBHOOKS, json={"url": URL})
    program = house.key("deliveries.read")
    assert program.get(WEBHOOKS).status_code == 200
    assert program.get(DELIVERIES).json() == {"items": [], "next": None}
    assert program.post(WEBHOOKS, json={"url": URL}).status_code == 403
    assert program.get(f"{DELIVERIES}/7").status_code == 404
