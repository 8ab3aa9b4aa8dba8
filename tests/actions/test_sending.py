from __future__ import annotations

import http.server
import threading
import time
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import pytest

from hedgerow.actions import Claim, Delivery, DeliveryState, Endpoint, send, sending, verify

if TYPE_CHECKING:
    from collections.abc import Iterator

AT = datetime(2026, 11, 22, 8, 30, tzinfo=UTC)
SECRET = bytes(range(32))
_ENDPOINT = Endpoint(1, "", (), is_active=True, created_at=AT, note=None)
_DELIVERY = Delivery(
    17, 1, "test", "case", "1", '{"data":{"name":"Zoë"}}', AT, AT, 0, DeliveryState.SENDING, None, None, None
)


class Platform(http.server.BaseHTTPRequestHandler):
    """Answers as its server says, and keeps what came."""

    protocol_version = "HTTP/1.1"

    def do_POST(self) -> None:  # the name that http.server asks for
        body = self.rfile.read(int(self.headers["content-length"]))
        self.server.came.append(({key.lower(): value for key, value in self.headers.items()}, body))  # type: ignore[attr-defined]  # ours
        status, headers, wait_s = self.server.answers  # type: ignore[attr-defined]  # ours
        time.sleep(wait_s)
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, value)
        self.send_header("content-length", "0")
        self.end_headers()

    def log_message(self, *_: object) -> None:
        pass


@contextmanager
def platform(status: int = 200, wait_s: float = 0, **headers: str) -> Iterator[http.server.ThreadingHTTPServer]:
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Platform)
    server.came, server.answers = [], (status, {key.replace("_", "-"): value for key, value in headers.items()}, wait_s)  # type: ignore[attr-defined]  # ours
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield server
    server.shutdown()
    thread.join()
    server.server_close()


def claim_for(port: int) -> Claim:
    endpoint = replace(_ENDPOINT, url=f"http://127.0.0.1:{port}/hooks")
    return Claim(_DELIVERY, endpoint, SECRET, "token", AT + timedelta(minutes=1))


def test_a_message_arrives_signed_and_byte_for_byte() -> None:
    with platform(204) as server, sending.client() as client:
        answer = send(client, claim_for(server.server_port), now=AT)
        ((headers, body),) = server.came  # type: ignore[attr-defined]  # ours
    assert (answer.sent.status, answer.sent.error, answer.asked) == (204, None, None)
    assert body == _DELIVERY.body.encode()
    assert verify(SECRET, headers, body, now=AT) == "msg_17"
    assert headers["content-type"] == "application/json"


@pytest.mark.parametrize("status", [400, 404, 410, 429, 500, 503])
def test_what_is_no_success_is_a_failure(status: int) -> None:
    with platform(status) as server, sending.client() as client:
        assert send(client, claim_for(server.server_port), now=AT).sent.error == f"answered {status}"


def test_a_redirect_is_not_followed() -> None:
    with platform(200) as other, platform(307, location=f"http://127.0.0.1:{other.server_port}/") as server:
        with sending.client() as client:
            assert send(client, claim_for(server.server_port), now=AT).sent.error == "answered 307"
        assert other.came == []  # type: ignore[attr-defined]  # ours


@pytest.mark.parametrize(
    ("text", "asked"),
    [
        ("120", timedelta(seconds=120)),
        ("Sun, 22 Nov 2026 08:35:00 GMT", timedelta(minutes=5)),
        ("Sun, 22 Nov 2026 08:00:00 GMT", timedelta(0)),
        ("soon", None),
        ("-5", None),
        ("9" * 30, None),
    ],
)
def test_a_platform_may_say_when_to_come_again(text: str, asked: timedelta | None) -> None:
    with platform(503, retry_after=text) as server, sending.client() as client:
        assert send(client, claim_for(server.server_port), now=AT).asked == asked


def test_nobody_at_home_is_a_failure_in_words_without_the_address() -> None:
    with platform() as server:
        port = server.server_port
    with sending.client() as client:
        sent = send(client, claim_for(port), now=AT).sent
    assert (sent.status, sent.error) == (None, "connect error")


def test_a_platform_that_does_not_answer_is_left(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sending, "TIMEOUT_S", 0.2)
    with platform(wait_s=1) as server, sending.client() as client:
        sent = send(client, claim_for(server.server_port), now=AT).sent
    assert (sent.status, sent.error) == (None, "read timeout")
    assert sent.duration_ms >= 190
