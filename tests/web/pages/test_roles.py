"""Each role sees exactly the pages that the table of permissions opens to it, by its links and by raw request."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

import pytest
from tests.web.pages.conftest import Browser

from hedgerow import accounts
from hedgerow.accounts import ROLE_PERMISSIONS, SCOPES, Role
from hedgerow.app import now
from hedgerow.web.pages.navigation import PLACES
from hedgerow.web.routes import walk

if TYPE_CHECKING:
    from collections.abc import Callable

    from fastapi import FastAPI

    from hedgerow.accounts import Permission, User
    from hedgerow.database import Database
    from hedgerow.web.routes import WalkedRoute

pytestmark = pytest.mark.sqlite_file
DOORS = ("/api/", "/h/", "/m/", "/c/", "/dev/", "/status", "/metrics", "/healthz", "/readyz")
NOBODY_THERE = {"number": "2026-00001", "name": "none.css", "edition": "1", "reason": "none", "token": "none"}
ROLES = [role for role in Role if role is not Role.SERVICE]


def pages_of(app: FastAPI) -> list[WalkedRoute]:
    found = [each for each in walk(app) if not each.path.startswith(DOORS)]
    assert len(found) > 100
    return found


def address(route: WalkedRoute) -> str:
    """Return an address of a page, of things that do not exist."""
    is_case = route.path.startswith("/cases/")
    return re.sub(
        r"\{(\w+)(:\w+)?\}",
        lambda found: NOBODY_THERE.get(found[1], "9") if is_case or found[1] != "number" else "999999",
        route.path,
    )


def needs_of(route: WalkedRoute) -> frozenset[Permission]:
    """Return the permissions of which any one opens a page; none where it is open to whoever is logged in."""
    of_several = {place.path: place.needs for place in PLACES if len(place.needs) > 1}
    return frozenset(route.permissions) or of_several.get(route.path, frozenset())


def ask(browser: Browser, route: WalkedRoute) -> Any:
    if route.method == "POST":
        return browser.send(address(route))
    return browser.ask(route.method, address(route))


@pytest.mark.parametrize("role", ROLES)
def test_a_role_opens_what_its_permissions_say_and_nothing_else(
    app: FastAPI, add_user: Callable[..., User], role: Role
) -> None:
    add_user("rey", role)
    browser = Browser(app)
    browser.log_in("rey")
    for route in pages_of(app):
        if route.path == "/logout":
            continue
        answer = ask(browser, route)
        is_denied = answer.status_code == 403 and "<code>permission_denied</code>" in answer.text
        wanted = bool(needs_of(route)) and needs_of(route).isdisjoint(ROLE_PERMISSIONS[role])
        assert is_denied is wanted, (route, answer.status_code)
        assert answer.status_code < 500, (route, answer.text)


@pytest.mark.parametrize("role", ROLES)
def test_the_first_page_leads_to_what_a_role_may_open_and_to_nothing_else(
    app: FastAPI, add_user: Callable[..., User], role: Role
) -> None:
    add_user("rey", role)
    browser = Browser(app)
    browser.log_in("rey")
    shown = browser.get("/").text
    for path in set(re.findall(r'<a [^>]*href="(/[^"?#]*)', shown)):
        answer = browser.get(path)
        if answer.status_code == 303:  # a part of the console whose first page is another for each role
            answer = browser.get(answer.headers["location"])
        assert answer.status_code == 200, path
    may = ROLE_PERMISSIONS[role]
    navigation = shown.partition("<nav")[2].partition("</nav>")[0]
    for place in PLACES:
        is_open = not place.needs or not place.needs.isdisjoint(may)
        assert (f'href="{place.path}"' in navigation) is is_open, place


def test_who_is_not_logged_in_is_led_to_the_login_from_every_page(app: FastAPI, database: Database) -> None:
    browser = Browser(app)
    for route in pages_of(app):
        if route.is_public or route.path == "/":
            continue
        answer = browser.ask(route.method, address(route), headers={"sec-fetch-site": "same-origin"})
        assert answer.status_code == 303, route
        assert answer.headers["location"].startswith("/login"), route


def test_no_key_opens_a_page_whatever_it_may(app: FastAPI, database: Database, browser: Browser) -> None:
    with database.write() as connection:
        key = accounts.create_key(connection, "platform", scopes=SCOPES, actor="cli", now=now())
    browser.headers = {"accept": "application/json", "authorization": f"Bearer {key.text}"}
    for route in pages_of(app):
        if not route.is_public and route.path != "/":
            answer = browser.ask(route.method, address(route))
            assert answer.status_code == 401, (route, answer.text)
            assert answer.json()["reason"] == "key_refused"


def test_a_form_without_its_token_changes_nothing_on_any_page(app: FastAPI, ada: User) -> None:
    browser = Browser(app)
    browser.log_in()
    for route in pages_of(app):
        if route.method == "POST" and not route.is_public:
            answer = browser.post(address(route), {"csrf_token": "0" * 64})
            assert answer.status_code == 403, route
            assert "form_refused" in answer.text, route
