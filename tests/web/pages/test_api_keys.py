"""API keys for people who look after them: made, shown once, revoked."""

from __future__ import annotations

import re
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest

from hedgerow import accounts
from hedgerow.accounts import SCOPES, Role
from hedgerow.app import now
from hedgerow.errors import KeyRefused
from hedgerow.web.pages.api_keys import SCOPE_WORDS

if TYPE_CHECKING:
    from collections.abc import Callable

    from hedgerow.accounts import User
    from hedgerow.database import Database


@pytest.fixture
def keeper(browser: Any, add_user: Callable[..., User]) -> Any:
    add_user("ada", Role.ADMIN)
    browser.log_in()
    return browser


def keys(database: Database) -> list[accounts.ApiKey]:
    with database.read() as connection:
        return accounts.list_keys(connection)


def test_every_scope_can_be_given_here_and_nothing_else() -> None:
    assert set(SCOPE_WORDS) == {str(each) for each in SCOPES}


def test_a_key_is_made_with_what_was_chosen_and_its_text_is_shown_once(keeper: Any, database: Database) -> None:
    day = (now() + timedelta(days=30)).date().isoformat()
    fields = {"scope-screen": "1", "scope-match": "1", "namespace": "theirs", "requests_per_minute": "60"}
    page = keeper.send("/api-keys", name="<b>uploads</b>", last_day=day, **fields)
    (text,) = re.findall(r'<code class="secret">([^<]+)</code>', page.text)
    assert page.headers["cache-control"] == "no-store"
    with database.read() as connection:
        key = accounts.authenticate_key(connection, text, now())
    assert {str(each) for each in key.permissions} == {"screen", "match"}
    assert (key.namespace, key.requests_per_minute) == ("theirs", 60)
    assert key.expires_at is not None
    assert key.expires_at.date().isoformat() > day
    listed = keeper.get("/api-keys").text
    assert text not in listed
    assert f"hgk_{key.prefix}" in listed
    assert text.startswith(f"hgk_{key.prefix}")
    assert "<b>uploads" not in listed


def test_a_revoked_key_works_no_more_and_stays_in_the_list(keeper: Any, database: Database) -> None:
    page = keeper.send("/api-keys", **{"name": "uploads", "scope-screen": "1"})
    (text,) = re.findall(r'<code class="secret">([^<]+)</code>', page.text)
    assert keeper.send("/api-keys/1/revoke").headers["location"] == "/api-keys?note=revoked"
    with pytest.raises(KeyRefused), database.read() as connection:
        accounts.authenticate_key(connection, text, now())
    listed = keeper.get("/api-keys?note=revoked").text
    assert "Revoked" in listed
    assert "/api-keys/1/revoke" not in listed


@pytest.mark.parametrize(
    ("said", "wrong"),
    [
        ({"name": "uploads"}, "scopes-error"),
        ({"name": "", "scope-screen": "1"}, "key-error"),
        ({"name": "uploads", "scope-screen": "1", "last_day": "soon"}, "last_day-error"),
        ({"name": "uploads", "scope-screen": "1", "last_day": "2020-01-01"}, "key-error"),
        ({"name": "uploads", "scope-screen": "1", "requests_per_minute": "many"}, "requests_per_minute-error"),
        ({"name": "uploads", "scope-screen": "1", "namespace": "No Name"}, "key-error"),
        ({"name": "uploads", "scope-users.manage": "1"}, "scopes-error"),
    ],
)
def test_what_does_not_fit_is_said_at_its_field_and_no_key_is_made(
    keeper: Any, database: Database, said: dict[str, str], wrong: str
) -> None:
    page = keeper.send("/api-keys", **said)
    assert page.status_code == 422
    assert f'id="{wrong}"' in page.text
    assert f'value="{said["name"]}"' in page.text or not said["name"]
    assert keys(database) == []


def test_the_list_goes_on_behind_a_page(keeper: Any, database: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("hedgerow.web.pages.api_keys._PER_PAGE", 2)
    with database.write() as connection:
        for number in range(3):
            accounts.create_key(connection, f"key {number}", scopes=["screen"], actor="cli", now=now())
    first = keeper.get("/api-keys").text
    (following,) = re.findall(r'href="(/api-keys\?after=\d+)"', first)
    assert "key 2" not in first
    assert "key 2" in keeper.get(following).text
