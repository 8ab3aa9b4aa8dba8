"""The cookie of a session: its marks, its life, and what a request costs."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest
from sqlalchemy import select, update

from hedgerow import accounts
from hedgerow.accounts.tables import sessions
from hedgerow.app import now

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime

    import httpx
    from fastapi import FastAPI

    from hedgerow.accounts import User
    from hedgerow.database import Database


def cookie(answer: httpx.Response) -> str:
    (line,) = [each for each in answer.headers.get_list("set-cookie") if "hedgerow=" in each]
    return line


def test_on_this_machine_the_cookie_is_for_http_alone_strict_and_without_a_prefix(browser: Any, ada: User) -> None:
    parts = cookie(browser.log_in()).split("; ")
    assert parts[0].startswith("hedgerow=")
    assert set(parts[1:]) == {"HttpOnly", "Path=/", "SameSite=strict"}


@pytest.mark.parametrize("settings", [{"public_url": "https://hedgerow.example"}, {}])
def test_over_tls_the_cookie_is_bound_to_this_host_and_to_tls(
    serve: Callable[..., FastAPI], browser: Any, ada: User, settings: dict[str, Any]
) -> None:
    base = "http://127.0.0.1" if settings else "https://hedgerow.example"
    secure = type(browser)(serve(server=settings), base=base)
    parts = cookie(secure.log_in()).split("; ")
    assert parts[0].startswith("__Host-hedgerow=")
    assert set(parts[1:]) == {"HttpOnly", "Path=/", "SameSite=strict", "Secure"}
    assert secure.get("/account").status_code == 200
    secure.cookies["hedgerow"] = secure.cookies.pop("__Host-hedgerow")
    assert secure.get("/account").status_code == 303


def test_a_session_ends_when_nobody_asks_for_a_while(browser: Any, database: Database, ada: User) -> None:
    browser.log_in()
    _seen(database, now() - timedelta(seconds=1_799))
    assert browser.get("/account").status_code == 200
    _seen(database, now() - timedelta(seconds=1_801))
    assert browser.get("/account").status_code == 303


def test_a_session_ends_at_the_end_of_its_life_whoever_asks(browser: Any, database: Database, ada: User) -> None:
    browser.log_in()
    with database.write() as connection:
        connection.execute(update(sessions).values(expires_at=now() - timedelta(seconds=1)))
    assert browser.get("/account").status_code == 303


def test_a_read_page_writes_at_most_once_a_minute(browser: Any, database: Database, ada: User) -> None:
    browser.log_in()
    first = _last_seen(database)
    browser.get("/account")
    assert _last_seen(database) == first
    _seen(database, first - timedelta(seconds=61))
    browser.get("/account")
    assert _last_seen(database) > first


def test_a_disabled_user_is_out_at_the_next_request(
    browser: Any, database: Database, add_user: Callable[..., User], ada: User
) -> None:
    add_user("second")
    browser.log_in()
    with database.write() as connection:
        accounts.disable_user(connection, ada.id, actor="cli", now=now())
    assert browser.get("/account").status_code == 303


def test_roles_count_as_they_are_at_this_moment(
    browser: Any, database: Database, add_user: Callable[..., User], ada: User
) -> None:
    add_user("second")
    browser.log_in()
    assert "do not let you see cases" in browser.get("/").text
    with database.write() as connection:
        accounts.change_roles(connection, ada.id, [accounts.Role.LEAD], actor="cli", now=now())
    assert "Near matches" in browser.get("/").text


def test_a_key_is_no_person_and_cannot_open_an_account(browser: Any, database: Database) -> None:
    with database.write() as connection:
        key = accounts.create_key(connection, "tests", scopes=["match"], actor="cli", now=now()).text
    answer = browser.get("/account", headers={"authorization": f"Bearer {key}", "accept": "application/json"})
    assert answer.status_code == 401


@pytest.mark.parametrize("shown", ["", "x" * 5_000, "a,b", "ä", '"'])
def test_a_cookie_that_is_no_session_is_nobody(browser: Any, shown: str) -> None:
    answer = browser.get("/account", headers={"cookie": f"hedgerow={shown}".encode("latin-1")})
    assert answer.status_code == 303


def _seen(database: Database, at: datetime) -> None:
    with database.write() as connection:
        connection.execute(update(sessions).values(last_seen_at=at))


def _last_seen(database: Database) -> datetime:
    with database.read() as connection:
        return connection.execute(select(sessions.c.last_seen_at)).scalar_one()
