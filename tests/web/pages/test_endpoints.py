"""Webhook endpoints for people who look after them: added, changed, tried; a secret is shown once."""

from __future__ import annotations

import http.server
import re
import threading
from typing import TYPE_CHECKING, Any

import pytest

from hedgerow.accounts import Role
from hedgerow.actions import Endpoint, list_endpoints
from hedgerow.actions.rules import EVENTS
from hedgerow.actions.signing import secret_bytes, verify
from hedgerow.app import now
from hedgerow.web.pages.endpoints import EVENT_WORDS

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from hedgerow.accounts import User
    from hedgerow.database import Database


class _Platform(http.server.BaseHTTPRequestHandler):
    """Takes messages and answers as its server says."""

    def do_POST(self) -> None:  # the name that http.server asks for
        body = self.rfile.read(int(self.headers["content-length"]))
        self.server.came.append((dict(self.headers), body))  # type: ignore[attr-defined]  # of this test's server
        self.send_response(self.server.status)  # type: ignore[attr-defined]  # as above
        self.end_headers()

    def log_message(self, *_: object) -> None:
        """Say nothing."""


@pytest.fixture
def platform() -> Iterator[Any]:
    server: Any = http.server.HTTPServer(("127.0.0.1", 0), _Platform)
    server.came, server.status = [], 204
    thread = threading.Thread(target=server.serve_forever, args=(0.02,))
    thread.start()
    server.url = f"http://127.0.0.1:{server.server_address[1]}/hooks"
    yield server
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.fixture
def keeper(browser: Any, add_user: Callable[..., User]) -> Any:
    add_user("ada", Role.ADMIN)
    browser.log_in()
    return browser


def endpoints(database: Database) -> list[Endpoint]:
    with database.read() as connection:
        return list_endpoints(connection)


def secret_of(page: str) -> str:
    (found,) = re.findall(r'<code class="secret">(whsec_[^<]+)</code>', page)
    return str(found)


def test_every_event_can_be_chosen_here() -> None:
    assert list(EVENT_WORDS) == list(EVENTS)


def test_an_endpoint_is_added_and_its_secret_shown_once(keeper: Any, database: Database) -> None:
    page = keeper.send("/webhooks", **{"url": "https://p.example/h", "note": "<i>ours</i>", "event-case.decided": "1"})
    secret = secret_of(page.text)
    (made,) = endpoints(database)
    assert (made.url, made.events, made.note) == ("https://p.example/h", ("case.decided",), "<i>ours</i>")
    for path in ("/webhooks", "/webhooks/1"):
        shown = keeper.get(path).text
        assert secret not in shown
        assert "<i>ours" not in shown


@pytest.mark.parametrize("url", ["", "ftp://p.example/h", "https://me:word@p.example/h"])
def test_an_address_that_is_none_is_said_at_its_field(keeper: Any, database: Database, url: str) -> None:
    page = keeper.send("/webhooks", url=url)
    assert page.status_code == 422
    assert 'id="url-error"' in page.text
    assert endpoints(database) == []
    keeper.send("/webhooks", url="https://p.example/h")
    assert keeper.send("/webhooks/1", url=url).status_code == 422
    assert [each.url for each in endpoints(database)] == ["https://p.example/h"]


def test_it_is_changed_paused_and_resumed(keeper: Any, database: Database) -> None:
    keeper.send("/webhooks", **{"url": "https://p.example/h", "event-case.opened": "1"})
    assert keeper.send("/webhooks/1", url="https://p.example/new").headers["location"] == "/webhooks/1?note=changed"
    (made,) = endpoints(database)
    assert (made.url, made.events) == ("https://p.example/new", ())
    for what, is_active in (("pause", False), ("resume", True)):
        assert keeper.send(f"/webhooks/1/{what}").status_code == 303
        assert endpoints(database)[0].is_active is is_active
    assert keeper.get("/webhooks/7").status_code == 404
    assert keeper.send("/webhooks/7/pause").status_code == 404


def test_a_test_is_sent_signed_with_the_newest_secret_and_what_came_of_it_is_told(
    keeper: Any, platform: Any, database: Database
) -> None:
    old = secret_of(keeper.send("/webhooks", url=platform.url).text)
    new = secret_of(keeper.send("/webhooks/1/secret").text)
    assert new != old
    told = keeper.send("/webhooks/1/test").headers["location"]
    assert "It confirmed the message, with HTTP 204." in keeper.get(told).text
    ((headers, body),) = platform.came
    verify(secret_bytes(new), {name.lower(): value for name, value in headers.items()}, body, now=now())
    platform.status = 500
    told = keeper.send("/webhooks/1/test").headers["location"]
    assert "It did not confirm the message:" in keeper.get(told).text
    keeper.send("/webhooks/1/pause")
    assert keeper.send("/webhooks/1/test").status_code == 422
    assert len(platform.came) == 2


def test_what_was_tried_elsewhere_is_not_told_here(keeper: Any, platform: Any) -> None:
    keeper.send("/webhooks", url=platform.url)
    keeper.send("/webhooks", url=platform.url)
    told = keeper.send("/webhooks/1/test").headers["location"].partition("?")[2]
    assert "It confirmed" not in keeper.get(f"/webhooks/2?{told}").text
    assert keeper.get("/webhooks/1?tried=99").status_code == 200
