"""Whatever changes something with a session shows that a page of this session wants it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from hedgerow import accounts
from hedgerow.web.routes import walk

if TYPE_CHECKING:
    from collections.abc import Callable

    from fastapi import FastAPI

    from hedgerow.accounts import User

FORMS = (
    "/logout",
    "/account/password",
    "/account/sessions/1/end",
    "/account/authenticator",
    "/account/authenticator/remove",
    "/account/provider",
    "/account/provider/remove",
    "/account/keys",
    "/account/exposure/cap",
    "/account/exposure/categories",
    "/break",
    "/break/end",
)


@pytest.mark.parametrize("path", FORMS)
@pytest.mark.sqlite_file
def test_a_form_without_the_sessions_token_changes_nothing(
    browser: Any, ada: User, actions: Callable[[], list[str]], path: str
) -> None:
    browser.log_in()
    before = actions()
    assert browser.csrf
    for fields in ({}, {"csrf_token": ""}, {"csrf_token": "0" * 64}, {"csrf_token": accounts.csrf_token("another")}):
        assert browser.post(path, fields).status_code == 403
    assert browser.post(path, headers={"x-csrf-token": "ä".encode()}).status_code == 403
    assert actions() == before
    assert browser.get("/account").status_code == 200


@pytest.mark.sqlite_file
def test_every_page_that_changes_something_of_somebodys_own_is_in_this_test(app: FastAPI) -> None:
    found = {route.path.replace("{number}", "1") for route in walk(app) if route.is_personal and route.method == "POST"}
    assert found == set(FORMS)


@pytest.mark.sqlite_file
def test_the_token_may_come_as_a_header_too(browser: Any, ada: User) -> None:
    browser.log_in()
    assert browser.post("/logout", headers={"x-csrf-token": browser.csrf}).status_code == 303


@pytest.mark.sqlite_file
def test_a_right_token_from_another_site_is_refused(browser: Any, ada: User) -> None:
    browser.log_in()
    fields = {"csrf_token": browser.csrf}
    assert browser.post("/logout", fields, headers={"sec-fetch-site": "cross-site"}).status_code == 403
    assert browser.post("/logout", fields).status_code == 303


@pytest.mark.sqlite_file
def test_a_token_is_worth_nothing_in_another_session(browser: Any, ada: User) -> None:
    browser.log_in()
    old = browser.csrf
    browser.send("/logout")
    browser.log_in()
    assert browser.post("/logout", {"csrf_token": old}).status_code == 403


@pytest.mark.sqlite_file
def test_the_api_takes_a_session_with_the_header_and_not_without(browser: Any, ada: User) -> None:
    browser.log_in()
    browser.headers["accept"] = "application/json"
    assert browser.get("/api/v1/banks").status_code == 200
    refused = browser.ask("POST", "/api/v1/banks", json={"name": "b"}, headers={"sec-fetch-site": "same-origin"})
    assert (refused.status_code, refused.json()["reason"]) == (403, "form_refused")
    denied = browser.ask("POST", "/api/v1/banks", json={"name": "b"}, headers={"x-csrf-token": browser.csrf})
    assert (denied.status_code, denied.json()["reason"]) == (403, "permission_denied")  # an admin banks nothing


@pytest.mark.parametrize(
    "body", [b"a" * 140_000, b"a=1&a=2", b"a=%ff", b"&".join(b"f%d=1" % each for each in range(130)), "ü=1".encode()]
)
@pytest.mark.sqlite_file
def test_a_form_that_is_none_of_ours_is_refused_before_anything_is_done(browser: Any, body: bytes) -> None:
    answer = browser.ask("POST", "/login", content=body, headers={"content-type": "application/x-www-form-urlencoded"})
    assert answer.status_code in {400, 413}


@pytest.mark.sqlite_file
def test_a_body_that_is_no_form_is_refused(browser: Any) -> None:
    assert browser.ask("POST", "/login", json={"name": "ada"}).status_code == 400
