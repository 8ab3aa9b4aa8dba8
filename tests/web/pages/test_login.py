"""Logging in and out by name, password and code."""

# ruff: noqa: S106  (nobody's passwords)

from __future__ import annotations

import re
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pyotp
import pytest

from hedgerow import accounts
from hedgerow.app import logins, now
from hedgerow.app.tickets import open_ticket, seal_ticket
from hedgerow.errors import LoginRefused, SessionEnded

if TYPE_CHECKING:
    from collections.abc import Callable

    from fastapi import FastAPI

    from hedgerow.accounts import User
    from hedgerow.database import Database
    from hedgerow.database.sealing import ServiceKeys

PASSWORD = "kettle orbit lantern moss"  # noqa: S105  (nobody's)


@pytest.fixture
def secret(database: Database, ada: User, service_keys: ServiceKeys) -> str:
    """Give the secret of ada's authenticator, set up an hour ago."""
    drawn, at = accounts.new_secret(), now() - timedelta(hours=1)
    with database.write() as connection:
        accounts.set_up_totp(
            connection, ada.id, drawn, pyotp.TOTP(drawn).at(at), service_keys=service_keys, actor="cli", now=at
        )
    return drawn


def test_who_is_not_logged_in_is_led_to_the_login_page_and_back_from_it(browser: Any, ada: User) -> None:
    led = browser.get("/account?note=linked")
    assert (led.status_code, led.headers["location"]) == (303, "/login?to=%2Faccount%3Fnote%3Dlinked")
    page = browser.get(led.headers["location"])
    assert 'value="/account?note=linked"' in page.text
    done = browser.post("/login", {"name": "Ada", "password": PASSWORD, "to": "/account?note=linked"})
    assert (done.status_code, done.headers["location"]) == (303, "/account?note=linked")
    assert browser.get("/account").status_code == 200


@pytest.mark.parametrize(
    "elsewhere",
    ["//elsewhere.example", "https://elsewhere.example", "/\\elsewhere.example", "javascript:1", "", "/a\r\nb"],
)
def test_nobody_is_led_to_another_site_after_the_login(browser: Any, ada: User, elsewhere: str) -> None:
    done = browser.post("/login", {"name": "ada", "password": PASSWORD, "to": elsewhere})
    assert done.headers["location"] == "/"


def test_a_wrong_password_and_an_unknown_name_are_answered_with_the_same_page(
    browser: Any, ada: User, actions: Callable[[], list[str]]
) -> None:
    wrong, unknown = browser.log_in("ada", "no such password"), browser.log_in("bob", "no such password")
    assert wrong.status_code == unknown.status_code == 403
    assert wrong.text.replace('value="ada"', "") == unknown.text.replace('value="bob"', "")
    assert 'role="alert"' in wrong.text
    assert browser.token is None
    assert actions()[-2:] == ["login.refused", "login.refused"]


def test_what_was_typed_as_a_name_is_shown_as_text_and_the_password_never(browser: Any) -> None:
    page = browser.log_in('"><script>alert(1)</script>', "sesame open sesame")
    assert "<script" not in page.text
    assert "sesame" not in page.text


def test_a_locked_user_is_refused_with_the_right_password_in_the_same_words(browser: Any, ada: User) -> None:
    wrong = [browser.log_in("ada", "no such password") for _ in range(5)]
    assert browser.log_in().text == wrong[0].text


def test_an_address_that_tries_too_often_waits_before_any_password_is_looked_at(
    serve: Callable[..., FastAPI], browser: Any, ada: User, actions: Callable[[], list[str]]
) -> None:
    slow = type(browser)(serve(server={"refusals_per_minute": 2}))
    assert [slow.log_in("ada", "no").status_code for _ in range(3)] == [403, 403, 429]
    assert slow.log_in().status_code == 429
    assert actions().count("login.refused") == 2
    elsewhere = slow.post("/login", {"name": "ada", "password": PASSWORD}, address="192.0.2.7")
    assert elsewhere.status_code == 303


def test_a_login_makes_a_new_session_whatever_cookie_was_shown(browser: Any, ada: User) -> None:
    browser.cookies["hedgerow"] = "chosen-by-somebody-else"
    browser.log_in()
    assert browser.token not in {None, "chosen-by-somebody-else"}


def test_a_second_login_ends_the_session_that_the_browser_had(
    browser: Any, ada: User, actions: Callable[[], list[str]]
) -> None:
    browser.log_in()
    first = browser.token
    browser.log_in()
    second = browser.token
    assert first != second
    browser.cookies.clear()
    browser.cookies["hedgerow"] = first
    assert browser.get("/account").status_code == 303
    assert "session.ended" in actions()


def test_a_form_of_another_site_logs_nobody_in(browser: Any, ada: User) -> None:
    for headers in ({"sec-fetch-site": "cross-site"}, {"sec-fetch-site": "same-site"}):
        answer = browser.post("/login", {"name": "ada", "password": PASSWORD}, headers=headers)
        assert (answer.status_code, browser.token) == (403, None)


@pytest.mark.parametrize(("origin", "status"), [("http://127.0.0.1", 303), ("http://evil.example", 403), ("null", 403)])
def test_an_older_browser_says_by_origin_where_a_form_comes_from(
    browser: Any, ada: User, origin: str, status: int
) -> None:
    answer = browser.ask("POST", "/login", data={"name": "ada", "password": PASSWORD}, headers={"origin": origin})
    assert answer.status_code == status


def test_a_login_over_plain_http_is_refused_unless_it_is_this_machine(browser: Any, ada: User) -> None:
    browser.base = "http://hedgerow.example"
    answer = browser.log_in()
    assert answer.status_code == 403
    assert "server.public_url" in answer.text
    assert browser.token is None


def test_logging_out_ends_the_session_and_takes_the_cookie_away(
    browser: Any, ada: User, actions: Callable[[], list[str]]
) -> None:
    browser.log_in()
    token = browser.token
    answer = browser.send("/logout")
    assert answer.headers["location"] == "/login?note=logged_out"
    assert browser.token is None
    browser.cookies["hedgerow"] = token
    assert browser.get("/account").status_code == 303
    assert actions()[-1] == "session.ended"


def test_the_login_page_leads_on_who_is_logged_in_already(browser: Any, ada: User) -> None:
    browser.log_in()
    assert browser.get("/login?to=/account").headers["location"] == "/account"


def test_a_note_is_one_of_ours_and_never_what_an_address_says(browser: Any) -> None:
    assert "Send your password" not in browser.get("/login?note=Send+your+password+to+me").text
    assert "You are logged out." in browser.get("/login?note=logged_out").text


# ── the second factor ────────────────────────────────────────────────────────────────────────────────────────────


def test_with_an_authenticator_the_password_leads_to_the_code_and_the_code_to_the_session(
    browser: Any, ada: User, secret: str
) -> None:
    first = browser.post("/login", {"name": "ada", "password": PASSWORD, "to": "/account"})
    assert first.headers["location"] == "/login/code?to=%2Faccount"
    assert browser.token is None
    page = browser.get(first.headers["location"])
    assert 'autocomplete="one-time-code"' in page.text
    assert "5 minutes" in page.text
    done = browser.post("/login/code", {"code": pyotp.TOTP(secret).now(), "to": "/account"})
    assert done.headers["location"] == "/account"
    assert browser.token is not None
    assert browser.cookies.get("hedgerow-login") is None


def test_a_recovery_code_does_in_the_place_of_a_code_once(
    browser: Any, database: Database, ada: User, service_keys: ServiceKeys
) -> None:
    drawn, at = accounts.new_secret(), now() - timedelta(hours=1)
    with database.write() as connection:
        codes = accounts.set_up_totp(
            connection, ada.id, drawn, pyotp.TOTP(drawn).at(at), service_keys=service_keys, actor="cli", now=at
        )
    browser.log_in()
    assert browser.post("/login/code", {"code": codes[0].upper()}).status_code == 303
    browser.send("/logout")
    browser.log_in()
    assert browser.post("/login/code", {"code": codes[0]}).status_code == 403


def test_wrong_codes_lock_the_user_out_like_wrong_passwords(
    browser: Any, ada: User, secret: str, actions: Callable[[], list[str]]
) -> None:
    browser.log_in()
    for _ in range(5):
        assert browser.post("/login/code", {"code": "000000"}).status_code == 403
    assert actions()[-1] == "user.locked"
    assert browser.post("/login/code", {"code": pyotp.TOTP(secret).now()}).status_code == 403
    assert browser.token is None


def test_a_code_without_a_password_before_it_begins_again(browser: Any, ada: User, secret: str) -> None:
    answer = browser.post("/login/code", {"code": pyotp.TOTP(secret).now()})
    assert answer.headers["location"] == "/login?note=code_late"


def test_a_ticket_is_over_after_its_time_and_with_the_password_it_was_made_for(
    browser: Any, app: FastAPI, database: Database, ada: User, secret: str, service_keys: ServiceKeys, cheap_hash: str
) -> None:
    settings, at = app.state.service.settings, now()
    needed = logins.log_in_with_password(settings, database, service_keys, "ada", PASSWORD, at=at)
    assert isinstance(needed, logins.CodeNeeded)
    late = at + timedelta(seconds=logins.CODE_S)
    with pytest.raises(SessionEnded):
        logins.log_in_with_code(settings, database, service_keys, needed.ticket, pyotp.TOTP(secret).at(late), at=late)
    with database.write() as connection:
        accounts.set_password(connection, ada.id, accounts.hash_password("another long password"), actor="cli", now=at)
    with pytest.raises(LoginRefused):
        logins.log_in_with_code(settings, database, service_keys, needed.ticket, pyotp.TOTP(secret).at(at), at=at)


def test_a_ticket_says_nothing_to_who_keeps_it_and_opens_for_its_purpose_alone(service_keys: ServiceKeys) -> None:
    at = now()
    ticket = seal_ticket(service_keys, "login", {"name": "ada"}, lifetime_s=60, at=at)
    assert open_ticket(service_keys, "login", ticket, at=at) == {"name": "ada"}
    assert open_ticket(service_keys, "oidc", ticket, at=at) is None
    assert open_ticket(service_keys, "login", ticket, at=at + timedelta(seconds=60)) is None
    for broken in ("", "!", "ä", ticket[:-2], ticket[:20] + "A" + ticket[21:], "A" * 5_000):
        assert broken == ticket or open_ticket(service_keys, "login", broken, at=at) is None


# ── one's own account ────────────────────────────────────────────────────────────────────────────────────────────


def test_a_new_password_takes_the_place_of_the_old_one_and_ends_every_session(
    browser: Any, app: FastAPI, ada: User
) -> None:
    browser.log_in()
    new = "harbour pencil violet stone"
    answer = browser.send("/account/password", old_password=PASSWORD, new_password=new, new_again=new)
    assert answer.headers["location"] == "/login?note=password_changed"
    assert browser.token is None
    assert browser.log_in().status_code == 403
    assert browser.log_in("ada", new).status_code == 303


@pytest.mark.parametrize(
    ("old", "new", "again", "field"),
    [
        ("wrong one of mine", "harbour pencil violet stone", "harbour pencil violet stone", "old_password"),
        (PASSWORD, "short", "short", "new_password"),
        (PASSWORD, "harbour pencil violet stone", "something else", "new_again"),
    ],
)
def test_what_is_wrong_with_a_new_password_stands_at_its_field(
    browser: Any, ada: User, old: str, new: str, again: str, field: str
) -> None:
    browser.log_in()
    page = browser.send("/account/password", old_password=old, new_password=new, new_again=again)
    assert page.status_code == 422
    assert re.search(rf'id="{field}".*aria-describedby="[^"]*{field}-error".*aria-invalid="true"', page.text)
    assert f'id="{field}-error"' in page.text
    assert "<title>Error: " in page.text
    assert browser.get("/account").status_code == 200


def test_guesses_of_the_password_in_an_open_session_count_like_logins(
    browser: Any, ada: User, actions: Callable[[], list[str]]
) -> None:
    browser.log_in()
    for _ in range(5):
        browser.send(
            "/account/password", old_password="no", new_password="a b c d e f g h", new_again="a b c d e f g h"
        )
    assert actions()[-1] == "user.locked"
    right = browser.send("/account/authenticator/remove", totp_password=PASSWORD)
    assert right.status_code == 422


def test_an_authenticator_is_set_up_once_it_shows_a_right_code_and_the_password_was_given(
    browser: Any, ada: User
) -> None:
    browser.log_in()
    page = browser.get("/account/authenticator")
    secret = re.search(r'name="secret" value="([A-Z2-7]{32})"', page.text)
    assert secret is not None
    assert " ".join(re.findall("....", secret[1])) in page.text
    code = pyotp.TOTP(secret[1]).now()
    wrong = browser.send("/account/authenticator", secret=secret[1], code="000000", password=PASSWORD)
    assert (wrong.status_code, secret[1] in wrong.text) == (422, True)
    stolen = browser.send("/account/authenticator", secret=secret[1], code=code, password="not the password")
    assert stolen.status_code == 422
    done = browser.send("/account/authenticator", secret=secret[1], code=code, password=PASSWORD)
    codes = re.findall(r"<code>([a-z2-7]{4}(?:-[a-z2-7]{4}){3})</code>", done.text)
    assert (done.status_code, len(codes)) == (200, 10)
    browser.cookies.clear()
    assert browser.log_in().headers["location"] == "/login/code"
    assert browser.post("/login/code", {"code": codes[3]}).status_code == 303
    removed = browser.send("/account/authenticator/remove", totp_password=PASSWORD)
    assert removed.headers["location"] == "/account?note=authenticator_removed"
    browser.cookies.clear()
    assert browser.log_in().headers["location"] == "/"


def test_a_secret_that_is_none_of_ours_is_no_authenticator(browser: Any, ada: User) -> None:
    browser.log_in()
    for secret in ("", "AAAA", "a" * 32, "1" * 32):
        assert browser.send("/account/authenticator", secret=secret, code="1", password=PASSWORD).status_code == 400


def test_somebody_sees_and_ends_their_own_sessions_and_nobody_elses(
    app: FastAPI, add_user: Callable[..., User], browser: Any
) -> None:
    other_browser = type(browser)(app)
    add_user("ada")
    add_user("bob")
    browser.log_in()
    other_browser.log_in("bob")
    assert "Session 2" not in browser.get("/account").text
    assert browser.send("/account/sessions/2/end").status_code == 303
    assert other_browser.get("/account").status_code == 200
    third = type(browser)(app)
    third.log_in()
    assert "Session 3" in browser.get("/account").text
    assert browser.send("/account/sessions/3/end").headers["location"] == "/account?note=session_ended"
    assert third.get("/account").status_code == 303
