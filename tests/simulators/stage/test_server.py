"""The stage's sockets: what a call is answered, and what each fault does to it."""

from __future__ import annotations

import socket
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import httpx
import pytest

from hedgerow.simulators.stage import STAGE_FAULTS, Answer, Request, Simulator

if TYPE_CHECKING:
    from collections.abc import Callable

THINGS = "/v1/things"


def raw(simulator: Simulator[Any], request: bytes) -> bytes:
    """Send bytes as they are, and return all that comes until the connection is closed."""
    address = urlsplit(simulator.pages)
    with closing(socket.create_connection((address.hostname, address.port), timeout=20)) as connection:
        connection.sendall(request)
        return b"".join(iter(lambda: connection.recv(65536), b""))


def said(simulator: Simulator[Any]) -> list[tuple[str, int | None, str | None]]:
    return [(each.call, each.status, each.fault) for each in simulator.transcript()]


# ── calls ──


def test_calls_go_to_the_play_with_the_simulators_time(simulator: Simulator[Any], client: httpx.Client) -> None:
    assert client.post(THINGS, json="third").status_code == 200
    reply = client.get(THINGS, params=[("page", "1"), ("page", "zwei & drei")])
    address = urlsplit(simulator.pages).netloc
    assert reply.json() == {"things": ["first", "second", "third"], "host": address, "pages": ["1", "zwei & drei"]}
    assert reply.headers["content-type"] == "application/json"
    assert reply.headers["date"] == "Sun, 22 Nov 2026 12:00:00 GMT"
    assert simulator.play.times == [simulator.clock.now()] * 2
    assert said(simulator) == [("put", 200, None), ("read", 200, None)]


def test_a_connection_is_kept_from_call_to_call(simulator: Simulator[Any], client: httpx.Client) -> None:
    ports = set()
    for _ in range(3):
        with client.stream("GET", THINGS) as reply:
            ports.add(reply.extensions["network_stream"].get_extra_info("client_addr"))
            reply.read()
    assert len(ports) == 1


def test_who_may_not_is_refused_as_the_play_says_and_no_fault_is_spent(
    simulator: Simulator[Any], client: httpx.Client
) -> None:
    simulator.faults.add("read:1:server_error")
    reply = client.get(THINGS, headers={"Authorization": "Bearer wrong"})
    assert (reply.status_code, reply.text, reply.headers["www-authenticate"]) == (401, "who?", "Bearer")
    assert [str(each) for each in simulator.faults.waiting()] == ["read:1:server_error"]


@pytest.mark.parametrize(("method", "path"), [("GET", "/v1/other"), ("DELETE", THINGS), ("PATCH", "/simulators")])
def test_what_is_no_call_is_not_found(method: str, path: str, simulator: Simulator[Any], client: httpx.Client) -> None:
    assert client.request(method, path).status_code == 404
    assert said(simulator) == [("", 404, None)]


@pytest.mark.parametrize("host", ["shelf.example", "api.SHELF.example:443", "x.y.shelves.example.", "shelf.example:1"])
def test_it_never_answers_under_a_real_name(host: str, simulator: Simulator[Any], client: httpx.Client) -> None:
    for path in (THINGS, "/", "/simulator/clock"):
        reply = client.get(path, headers={"Host": host})
        assert (reply.status_code, reply.text) == (421, "SIMULATOR: this is not The Shelf.\n")
    assert simulator.play.times == []


def test_a_body_must_say_how_long_it_is(simulator: Simulator[Any]) -> None:
    head = b"POST /v1/things HTTP/1.1\r\nHost: here\r\n"
    assert raw(simulator, head + b"Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n").startswith(b"HTTP/1.1 411 ")
    assert raw(simulator, head + b"\r\n").startswith(b"HTTP/1.1 411 ")
    assert raw(simulator, head + b"Content-Length: -1\r\n\r\n").startswith(b"HTTP/1.1 411 ")
    assert raw(simulator, head + b"Content-Length: 99999999999\r\n\r\n").startswith(b"HTTP/1.1 413 ")


def test_a_play_that_breaks_answers_500_and_says_what_broke_without_the_words(
    simulator: Simulator[Any], client: httpx.Client, capfd: pytest.CaptureFixture[str]
) -> None:
    assert client.post(THINGS, json="break").status_code == 500
    line = simulator.transcript()[0]
    assert (line.status, line.note) == (500, "RuntimeError")
    simulator.stop()
    assert "RuntimeError" in capfd.readouterr().err


# ── the transcript ──


def test_the_transcript_has_no_credentials_and_only_the_values_that_the_play_lists(
    simulator: Simulator[Any], client: httpx.Client
) -> None:
    client.get(THINGS, params={"page": "1:2", "token": "secret-token", "hash": "0123abcd"})
    line = simulator.transcript()[0]
    assert line.path == "/v1/things?page=1:2&token=…&hash=…"
    assert "secret-token" not in repr(line)


def test_a_request_shows_no_credentials_and_no_body(shelf: Any) -> None:
    request = Request("GET", THINGS, {"token": ("secret-token",)}, {"authorization": "secret-token"}, b"0123", "here")
    assert repr(request) == "Request(method='GET', path='/v1/things', host='here')"
    assert "0123" not in repr(Answer(body=b"0123"))
    assert shelf.is_authorized("read", request)


# ── faults of the stage ──


@pytest.mark.parametrize("kind", ["drop_before", "drop_during", "drop_after"])
def test_a_dropped_connection_is_dropped(kind: str, simulator: Simulator[Any], client: httpx.Client) -> None:
    simulator.faults.add(f"put:1:{kind}")
    with pytest.raises(httpx.RemoteProtocolError):
        client.post(THINGS, json="third")
    assert ("third" in simulator.play.things) == (kind != "drop_before")
    assert said(simulator) == [("put", None, kind)]
    assert client.get(THINGS).status_code == 200


def test_a_connection_dropped_in_the_middle_leaves_half_of_the_answer(simulator: Simulator[Any]) -> None:
    simulator.faults.add("read:1:drop_during")
    came = raw(simulator, b"GET /v1/things?token=secret-token HTTP/1.1\r\nHost: here\r\n\r\n")
    head, _, body = came.partition(b"\r\n\r\n")
    length = next(int(line.split()[1]) for line in head.splitlines() if line.startswith(b"Content-Length"))
    assert len(body) == length // 2 > 0


@pytest.mark.parametrize(
    ("kind", "status", "header"),
    [
        ("unauthorized", 401, ("www-authenticate", "Bearer")),
        ("too_many", 429, ("retry-after", "1")),
        ("too_many=7", 429, ("retry-after", "7")),
        ("server_error", 500, ("content-type", "text/html; charset=utf-8")),
        ("bad_gateway", 502, ("content-type", "text/html; charset=utf-8")),
        ("unavailable=3", 503, ("retry-after", "3")),
        ("not_what_was_asked", 200, ("content-type", "text/html; charset=utf-8")),
        ("redirect", 302, ("location", "https://elsewhere.invalid/")),
        ("redirect=http://[::1]:1/x", 302, ("location", "http://[::1]:1/x")),
    ],
)
def test_a_refusal_does_nothing(
    kind: str, status: int, header: tuple[str, str], simulator: Simulator[Any], client: httpx.Client
) -> None:
    simulator.faults.add(f"put:1:{kind}")
    reply = client.post(THINGS, json="third")
    assert (reply.status_code, reply.headers[header[0]]) == (status, header[1])
    assert simulator.play.things == ["first", "second"]
    assert said(simulator) == [("put", status, kind.partition("=")[0])]


def test_a_truncated_answer_has_a_length_that_is_right_for_it(simulator: Simulator[Any], client: httpx.Client) -> None:
    whole = client.get(THINGS).content
    simulator.faults.add("read:1:truncated")
    reply = client.get(THINGS)
    assert (reply.status_code, reply.content) == (200, whole[: len(whole) // 2])
    assert reply.headers["content-type"] == "application/json"


def test_a_huge_answer_is_the_answer_with_blanks(simulator: Simulator[Any], client: httpx.Client) -> None:
    whole = client.get(THINGS).content
    simulator.faults.add("read:1:huge=2.5")
    reply = client.get(THINGS)
    assert reply.content == whole + b" " * int(2.5 * 1024**2)
    assert client.get(THINGS).content == whole


def test_a_slow_answer_comes_in_the_end_and_an_ending_simulator_waits_for_none(
    simulator: Simulator[Any], client: httpx.Client
) -> None:
    simulator.faults.add("read:1:slow=0.01")
    assert client.get(THINGS).json()["things"] == ["first", "second"]
    assert said(simulator) == [("read", 200, "slow")]


def test_a_kind_of_the_plays_own_is_the_plays_to_play(simulator: Simulator[Any], client: httpx.Client) -> None:
    simulator.faults.add("read:1:upside_down=twice")
    assert client.get(THINGS).content == b"]"
    assert (simulator.transcript()[0].fault, simulator.transcript()[0].note) == ("upside_down", "upside_down twice")


@pytest.fixture
def played() -> Callable[[str], set[str]]:
    """Return the words of a text that are kinds of faults."""
    return lambda text: {kind for kind in STAGE_FAULTS if f'"{kind}' in text or f":{kind}" in text}


def test_every_kind_of_fault_is_tried_here(played: Callable[[str], set[str]]) -> None:
    assert played(Path(__file__).read_text("utf-8")) == set(STAGE_FAULTS)
