from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from hedgerow.accounts import Role

if TYPE_CHECKING:
    from starlette.testclient import TestClient

USERS = "/api/v1/users"
KEYS = "/api/v1/keys"


@pytest.fixture
def admin(house: Any) -> TestClient:
    return house.person(Role.ADMIN)


def test_a_user_is_added_with_an_invitation_that_is_shown_once(house: Any, admin: TestClient) -> None:
    added = admin.post(USERS, json={"name": "robin", "roles": ["reviewer", "lead"]})
    assert added.status_code == 201, added.text
    told = added.json()
    assert (told["user"]["name"], told["user"]["roles"], told["user"]["has_password"]) == (
        "robin",
        ["lead", "reviewer"],
        False,
    )
    assert "/welcome/" in told["invitation"]["url"]
    shown = admin.get(f"{USERS}/{told['user']['user']}").json()
    assert shown == told["user"]
    assert told["invitation"]["url"].rpartition("/")[2] not in str(shown)
    again = admin.post(USERS, json={"name": "robin", "roles": ["lead"]})
    assert (again.status_code, again.json()["reason"]) == (409, "user_exists")


def test_users_come_in_pages_by_name(house: Any, admin: TestClient) -> None:
    for name in ("zoe", "ada"):
        admin.post(USERS, json={"name": name, "roles": ["analyst"]})
    names: list[str] = []
    cursor: dict[str, str] = {}
    while True:
        page = admin.get(USERS, params={"limit": 2, **cursor}).json()
        names += [each["name"] for each in page["items"]]
        if page["next"] is None:
            break
        cursor = {"cursor": page["next"]}
    assert names == sorted(names)
    assert {"ada", "zoe"} < set(names)


def test_roles_hold_from_the_next_request_on_and_nobody_changes_their_own(house: Any) -> None:
    own = house.user(Role.ADMIN)
    admin = house.person(user=own)
    other = house.user(Role.ANALYST)
    person = house.person(user=other)
    assert person.get("/api/v1/queues").status_code == 403
    changed = admin.put(f"{USERS}/{other}/roles", json={"roles": ["reviewer"]})
    assert (changed.status_code, changed.json()["roles"]) == (200, ["reviewer"])
    assert person.get("/api/v1/queues").status_code == 200
    refused = admin.put(f"{USERS}/{own}/roles", json={"roles": ["lead"]})
    assert (refused.status_code, refused.json()["reason"]) == (422, "role_refused")


def test_who_is_switched_off_is_out_at_once(house: Any, admin: TestClient) -> None:
    other = house.user(Role.REVIEWER)
    person = house.person(user=other)
    assert person.get("/api/v1/queues").status_code == 200
    assert admin.put(f"{USERS}/{other}/switch", json={"is_active": False}).json()["is_active"] is False
    assert person.get("/api/v1/queues").status_code == 401
    assert admin.put(f"{USERS}/{other}/switch", json={"is_active": True}).json()["is_active"] is True


def test_the_last_admin_stays(house: Any) -> None:
    own = house.user(Role.ADMIN)
    refused = house.person(user=own).put(f"{USERS}/{own}/switch", json={"is_active": False})
    assert (refused.status_code, refused.json()["reason"]) == (409, "last_admin")


def test_a_reset_gives_a_link(house: Any, admin: TestClient) -> None:
    answer = admin.post(f"{USERS}/{house.user(Role.LEAD)}/reset", json={})
    assert answer.status_code == 200
    assert "/welcome/" in answer.json()["url"]
    assert admin.post(f"{USERS}/999999/reset", json={}).status_code == 404


def test_what_changes_something_for_a_person_needs_the_token_of_a_form(house: Any, admin: TestClient) -> None:
    del admin.headers["x-csrf-token"]
    answer = admin.post(USERS, json={"name": "robin", "roles": ["lead"]})
    assert answer.status_code == 403
    assert admin.get(USERS).status_code == 200


def test_a_key_is_shown_once_works_and_is_revoked(house: Any, admin: TestClient) -> None:
    made = admin.post(KEYS, json={"name": "uploads", "scopes": ["screen", "banks.read"], "namespace": "one"})
    assert made.status_code == 201, made.text
    told = made.json()
    assert (told["scopes"], told["namespace"]) == (["banks.read", "screen"], "one")
    house.service.keyring.refresh()
    program = house.with_key(told["text"])
    assert program.get("/api/v1/banks").status_code == 200
    listed = admin.get(KEYS).json()["items"]
    assert [each["key"] for each in listed] == [told["key"]]
    assert told["text"] not in str(listed)
    assert admin.post(f"{KEYS}/{told['key']}/revoke").json()["revoked_at"] is not None
    house.service.keyring.refresh()
    assert program.get("/api/v1/banks").status_code == 401


@pytest.mark.parametrize("scopes", [["media.view"], ["users.manage"], ["nothing"], []])
def test_a_key_gets_no_scope_that_is_for_people(admin: TestClient, scopes: list[str]) -> None:
    assert admin.post(KEYS, json={"name": "uploads", "scopes": scopes}).status_code == 422
