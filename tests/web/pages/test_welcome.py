"""One-time links: the first admin, invitations, new passwords."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

import pytest

from hedgerow import accounts
from hedgerow.accounts import LinkPurpose, Role
from hedgerow.app import now

if TYPE_CHECKING:
    from collections.abc import Callable

    from fastapi import FastAPI

    from hedgerow.accounts import User
    from hedgerow.database import Database

NEW = "harbour pencil violet stone"


@pytest.fixture
def first(database: Database) -> str:
    """Give the path of the first admin's link."""
    with database.write() as connection:
        return accounts.make_first_admin_link(connection, lifetime_s=3_600, actor="cli", now=now()).path


@pytest.fixture
def invitation(database: Database, add_user: Callable[..., User]) -> str:
    user = add_user("robin", Role.REVIEWER, has_password=False)
    with database.write() as connection:
        return accounts.make_link(
            connection, user.id, LinkPurpose.INVITATION, lifetime_s=3_600, actor="cli", now=now()
        ).path


def test_the_first_admin_chooses_name_and_password_and_can_log_in(browser: Any, database: Database, first: str) -> None:
    page = browser.get(first)
    assert page.status_code == 200
    assert page.headers["referrer-policy"] == "no-referrer"
    assert page.headers["cache-control"] == "no-store"
    done = browser.post(first, {"name": "Ada", "password": NEW, "again": NEW})
    assert (done.status_code, done.headers["location"]) == (303, "/login?note=password_set")
    with database.read() as connection:
        assert accounts.find_user(connection, "ada").roles == {Role.ADMIN}
    assert browser.log_in("ada", NEW).headers["location"] == "/"


def test_looking_at_a_link_does_not_use_it_up_however_often(browser: Any, first: str) -> None:
    assert [browser.ask(method, first).status_code for method in ("GET", "GET", "GET")] == [200, 200, 200]
    assert browser.post(first, {"name": "ada", "password": NEW, "again": NEW}).status_code == 303


def test_a_link_works_once(browser: Any, first: str, actions: Callable[[], list[str]]) -> None:
    browser.post(first, {"name": "ada", "password": NEW, "again": NEW})
    for answer in (browser.get(first), browser.post(first, {"name": "eve", "password": NEW, "again": NEW})):
        assert answer.status_code == 410
        assert "ask for a new one" in answer.text
    assert actions().count("user.created") == 1


@pytest.mark.parametrize(
    ("fields", "field"),
    [
        ({"name": "no spaces", "password": NEW, "again": NEW}, "name"),
        ({"name": "ada", "password": "short", "again": "short"}, "password"),
        ({"name": "ada", "password": NEW, "again": NEW + "s"}, "again"),
        ({"name": ""}, "name"),
    ],
)
def test_what_does_not_fit_stands_at_its_field_and_the_link_still_works(
    browser: Any, first: str, fields: dict[str, str], field: str
) -> None:
    page = browser.post(first, fields)
    assert page.status_code == 422
    assert re.search(rf'id="{field}".*aria-invalid="true"', page.text)
    assert NEW not in page.text
    assert browser.post(first, {"name": "ada", "password": NEW, "again": NEW}).status_code == 303


def test_an_invitation_sets_the_password_of_its_user_and_no_name(
    browser: Any, database: Database, invitation: str
) -> None:
    page = browser.get(invitation)
    assert "robin" in page.text
    assert 'name="name"' not in page.text
    browser.post(invitation, {"name": "mallory", "password": NEW, "again": NEW})
    assert browser.log_in("robin", NEW).status_code == 303
    assert browser.log_in("mallory", NEW).status_code == 403


def test_a_reset_ends_the_sessions_that_were(browser: Any, database: Database, ada: User) -> None:
    browser.log_in()
    with database.write() as connection:
        link = accounts.make_link(connection, ada.id, LinkPurpose.PASSWORD_RESET, lifetime_s=60, actor="cli", now=now())
    assert "A new password" in browser.get(link.path).text
    browser.post(link.path, {"password": NEW, "again": NEW})
    assert browser.get("/account").status_code == 303
    assert browser.log_in("ada", NEW).status_code == 303


def test_a_link_that_is_none_is_told_nothing_more_and_guessing_is_slowed(
    serve: Callable[..., FastAPI], browser: Any
) -> None:
    slow = type(browser)(serve(server={"refusals_per_minute": 3}))
    statuses = [slow.get("/welcome/nothing").status_code for _ in range(5)]
    assert statuses == [410, 410, 410, 429, 429]


def test_a_form_of_another_site_uses_no_link(browser: Any, first: str) -> None:
    fields = {"name": "eve", "password": NEW, "again": NEW}
    assert browser.post(first, fields, headers={"sec-fetch-site": "cross-site"}).status_code == 403
    assert browser.post(first, fields).status_code == 303


def test_a_password_is_taken_over_tls_or_on_this_machine_alone(browser: Any, first: str) -> None:
    browser.base = "http://hedgerow.example"
    assert browser.get(first).status_code == 403
    assert browser.post(first, {"name": "ada", "password": NEW, "again": NEW}).status_code == 403


def test_no_log_holds_the_token(
    serve: Callable[..., FastAPI], browser: Any, first: str, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(0)
    loud = type(browser)(serve(server={"log_requests": "all"}))
    loud.get(first)
    loud.post(first, {"name": "ada", "password": NEW, "again": NEW})
    ours = "\n".join(each.getMessage() for each in caplog.records if not each.name.startswith("httpx"))
    assert "/welcome/{token}" in ours
    assert first.rpartition("/")[2] not in ours
    assert NEW not in ours
