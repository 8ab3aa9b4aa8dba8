"""Every route lets exactly those pass who may: the code, the table of roles and the documentation say the same."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from hedgerow.accounts import ROLE_PERMISSIONS, SCOPES, Permission, Role, revoke_key
from hedgerow.app import now
from hedgerow.audit import list_entries
from hedgerow.web.routes import walk

if TYPE_CHECKING:
    from starlette.testclient import TestClient

    from hedgerow.web.routes import WalkedRoute

ROOT = Path(__file__).resolve().parents[3]
API = "/api/v1"

# Made by FastAPI itself: the description of the API, which holds nothing of anybody.
OWN = {f"{API}/openapi.json"}

PLACES = {"bank": "none", "case": "2026-00001", "name": "none", "token": "none", "reason": "none"}


def address(route: WalkedRoute) -> str:
    """Return an address of a route, of things that do not exist."""
    return re.sub(r"\{(\w+)(:\w+)?\}", lambda found: PLACES.get(found[1], "999999"), route.path)


def asked(client: TestClient, route: WalkedRoute) -> Any:
    return client.request(route.method, address(route), follow_redirects=False)


def api_routes(house: Any) -> list[WalkedRoute]:
    return [each for each in walk(house.app) if each.path.startswith(API) and each.path not in OWN]


@pytest.mark.sqlite_file
def test_every_route_asks_for_one_permission_or_is_marked_as_one_that_asks_for_none(house: Any) -> None:
    routes = list(walk(house.app))
    assert len(routes) > 70
    for route in routes:
        if route.path not in OWN:
            assert len(route.permissions) + route.is_public + route.is_personal == 1, route


@pytest.mark.sqlite_file
def test_no_route_of_the_api_is_public(house: Any) -> None:
    assert all(route.permissions for route in api_routes(house))


@pytest.mark.sqlite_file
def test_without_a_key_or_with_a_revoked_one_every_route_says_401(house: Any) -> None:
    text = house.new_key("match")
    with house.database.write() as connection:
        (number,) = (row.id for row in connection.exec_driver_sql("SELECT id FROM api_keys"))
        revoke_key(connection, number, actor="system", now=now())
    house.service.keyring.refresh()
    house.service.refusals.take = lambda *_: None  # wrong keys may come as often as this test asks
    for client in (house.nobody(), house.with_key(text), house.with_key("hedgerow_none")):
        for route in api_routes(house):
            answer = asked(client, route)
            assert answer.status_code == 401, (route, answer.text)
            assert answer.json()["reason"] == "key_refused"
            assert answer.headers["www-authenticate"] == "Bearer"


@pytest.mark.sqlite_file
@pytest.mark.parametrize("role", [role for role in Role if role is not Role.SERVICE])
def test_a_role_may_ask_what_its_permissions_say_and_nothing_else(house: Any, role: Role) -> None:
    client = house.person(role)
    for route in api_routes(house):
        answer = asked(client, route)
        is_denied = answer.status_code == 403 and answer.json()["reason"] == "permission_denied"
        assert is_denied is (route.permissions[0] not in ROLE_PERMISSIONS[role]), (route, answer.text)
        assert answer.status_code not in {401, 500}, (route, answer.text)


@pytest.mark.sqlite_file
def test_a_key_may_ask_what_its_scopes_say_and_nothing_else(house: Any) -> None:
    for scopes in (SCOPES, {Permission.MATCH}):
        client = house.key(*scopes)
        for route in api_routes(house):
            answer = asked(client, route)
            is_denied = answer.status_code == 403 and answer.json()["reason"] == "permission_denied"
            assert is_denied is (route.permissions[0] not in scopes), (route, answer.text)


def test_a_denial_is_on_record_with_the_route_and_without_what_was_asked(house: Any) -> None:
    assert house.key("match").get(f"{API}/banks/secret-name").status_code == 403
    with house.database.read() as connection:
        denied = list_entries(connection, action="access.denied", limit=10)
    assert len(denied) == 1
    assert "secret-name" not in str(denied)
    assert "{bank}" in str(denied[0])


@pytest.mark.sqlite_file
def test_the_documentation_says_the_same(house: Any) -> None:
    page = (ROOT / "docs/reference/api.md").read_text("utf-8")
    written = set(re.findall(r"^\| `([A-Z]+) (/api/[^`]*)` \| `([a-z_.]+)` \|", page, re.MULTILINE))
    assert written == {(route.method, route.path, str(route.permissions[0])) for route in api_routes(house)}


@pytest.mark.sqlite_file
def test_every_operation_says_in_the_document_which_permission_it_asks_for(house: Any) -> None:
    paths = house.app.openapi()["paths"]
    for route in api_routes(house):
        operation = paths[route.path][route.method.lower()]
        assert operation["x-permission"] == str(route.permissions[0])
        assert operation["summary"]
        assert operation["description"]


@pytest.mark.sqlite_file
def test_everything_that_the_document_refers_to_is_in_it(house: Any) -> None:
    document = house.app.openapi()
    referred = set(re.findall(r"'#/components/schemas/([^']+)'", str(document)))
    assert referred <= set(document["components"]["schemas"])
    assert "$defs" not in str(document)
