"""The stage's sockets: HTTP with connections that are kept, and connections that truly drop."""

from __future__ import annotations

import contextlib
import re
import socket
from email.utils import format_datetime
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import parse_qsl, quote, urlsplit

from hedgerow.simulators.names import is_under
from hedgerow.simulators.sockets import EndingServer
from hedgerow.simulators.stage import control, pages
from hedgerow.simulators.stage.faults import STAGE_FAULTS, seconds_of
from hedgerow.simulators.stage.model import Answer, Fault, Request

if TYPE_CHECKING:
    from collections.abc import Mapping

    from hedgerow.simulators.stage.model import Play
    from hedgerow.simulators.stage.simulator import Simulator

__all__ = ["MARK", "Server"]

MARK: Final = "SIMULATOR"

_MOST_BODY_BYTES: Final = 32 * 1024**2
_MOST_PARAMETERS: Final = 1000
_MIB: Final = 1024**2
_IDLE_S: Final = 60.0
_TEXT: Final = "text/plain; charset=utf-8"
_HTML: Final = "text/html; charset=utf-8"
_HTML_FAULTS: Final = {
    "too_many": 429,
    "server_error": 500,
    "bad_gateway": 502,
    "unavailable": 503,
    "not_what_was_asked": 200,
}
_ELSEWHERE: Final = "https://elsewhere.invalid/"
_PAGES: Final = frozenset({"/", "/style.css"})
_NEIGHBOURS: Final = frozenset({"127.0.0.1", "::1", "localhost"})


class Server(EndingServer):
    """Listen for the callers of a simulator.

    Args:
        address: Host and port.
        simulator: What is played.
    """

    def __init__(self, address: tuple[str, int], simulator: Simulator[Any]) -> None:
        self.simulator = simulator
        super().__init__(address, _Handler)


class _Dropped(Exception):
    """The connection is to be dropped now."""


class _Handler(BaseHTTPRequestHandler):
    """One connection."""

    server: Server
    protocol_version = "HTTP/1.1"
    timeout = _IDLE_S
    disable_nagle_algorithm = True  # or each answer waits 40 ms for the caller's delayed acknowledgement

    def do_GET(self) -> None:
        """Answer a GET."""
        self._serve("GET")

    def do_POST(self) -> None:
        """Answer a POST."""
        self._serve("POST")

    def do_PUT(self) -> None:
        """Answer a PUT."""
        self._serve("PUT")

    def do_PATCH(self) -> None:
        """Answer a PATCH."""
        self._serve("PATCH")

    def do_DELETE(self) -> None:
        """Answer a DELETE."""
        self._serve("DELETE")

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002, ANN401  (http.server's signature)
        """Say nothing: the transcript has the calls, without what is secret in them."""

    def _serve(self, method: str) -> None:
        simulator = self.server.simulator
        host = self.headers.get("Host", "")
        try:
            body = self._body(method)
            if body is None:
                return
            if is_under(host, simulator.play.real_names):
                self.close_connection = True
                self._send(Answer(421, f"{MARK}: this is not {simulator.play.title}.\n".encode(), _TEXT))
                return
            split = urlsplit(self.path)
            if split.path in _PAGES or split.path.startswith("/simulator/"):
                self._serve_neighbour(method, split.path, split.query, body)
            else:
                self._serve_call(self._request(method, split.path, split.query, body, host))
        except _Dropped:
            self.close_connection = True
            with contextlib.suppress(OSError):
                self.connection.shutdown(socket.SHUT_RDWR)

    def _request(self, method: str, path: str, query: str, body: bytes, host: str) -> Request:
        read: dict[str, tuple[str, ...]] = {}
        for name, value in parse_qsl(query, keep_blank_values=True, max_num_fields=_MOST_PARAMETERS):
            read[name] = (*read.get(name, ()), value)
        headers = {name.lower(): value for name, value in self.headers.items()}
        return Request(method, path, read, headers, body, host)

    def _body(self, method: str) -> bytes | None:
        """Read the body; refuse one that does not say how long it is, or that is too long."""
        length = self.headers.get("Content-Length", "" if method in {"POST", "PUT", "PATCH"} else "0")
        if "Transfer-Encoding" in self.headers or not (length.isascii() and length.isdecimal()):
            status = 411
        elif int(length) > _MOST_BODY_BYTES:
            status = 413
        else:
            body = self.rfile.read(int(length)) if length != "0" else b""
            if len(body) < int(length):
                raise _Dropped
            return body
        self.close_connection = True
        self._send(Answer(status, f"{MARK}: {HTTPStatus(status).phrase}.\n".encode(), _TEXT))
        return None

    # ── calls ──

    def _serve_call(self, request: Request) -> None:
        simulator, play = self.server.simulator, self.server.simulator.play
        path = _shown(request, getattr(play, "shown_query", ()))
        with simulator.lock:
            call = play.call_of(request)
            refusal = None
            if call is None:
                refusal = Answer(404, f"{MARK}: there is no such path.\n".encode(), _TEXT)
            elif not play.is_authorized(call, request):
                refusal = play.refusal(call, request)
        if refusal is not None or call is None:
            assert refusal is not None  # noqa: S101  (for the type checker: no call is always refused)
            self._reply(call or "", path, request, refusal, None)
            return
        fault = simulator.faults.due(call)
        answer = self._before(call, path, request, fault)
        if answer is None:
            answer = self._play(call, path, request, fault)
            self._after(call, path, request, answer, fault)
        else:
            self._reply(call, path, request, answer, fault)

    def _play(self, call: str, path: str, request: Request, fault: Fault | None) -> Answer:
        """Do what was asked."""
        simulator = self.server.simulator
        play: Play = simulator.play
        try:
            with simulator.lock:
                own = fault if fault is not None and fault.kind not in STAGE_FAULTS else None
                return play.answer(call, request, simulator.clock.now(), own)
        except Exception as error:
            broken = Answer(500, f"{MARK}: the play itself broke.\n".encode(), _TEXT, note=type(error).__name__)
            self.close_connection = True
            self._reply(call, path, request, broken, fault)
            raise

    def _before(self, call: str, path: str, request: Request, fault: Fault | None) -> Answer | None:
        """Play a fault of which nothing is done; None goes on."""
        kind = "" if fault is None else fault.kind
        if fault is None:
            return None
        if kind == "drop_before":
            self._drop(call, path, request, Answer(), fault)
        if kind == "slow" and self.server.is_ending.wait(seconds_of(fault)):
            raise _Dropped  # nothing is done any more by a simulator that ends
        if kind == "unauthorized":
            play: Play = self.server.simulator.play
            with self.server.simulator.lock:
                return play.refusal(call, request)
        if kind == "redirect":
            return Answer(302, content_type="", headers={"Location": fault.argument or _ELSEWHERE})
        if kind in _HTML_FAULTS:
            status = _HTML_FAULTS[kind]
            page = (
                f"<!doctype html><title>{status}</title><h1>{status}</h1><p>{MARK}: a fault that was asked for.</p>\n"
            )
            wait = {"Retry-After": f"{seconds_of(fault):.0f}"} if kind in {"too_many", "unavailable"} else {}
            return Answer(status, page.encode(), _HTML, wait)
        return None

    def _after(self, call: str, path: str, request: Request, answer: Answer, fault: Fault | None) -> None:
        """Answer what was truly done, as a fault has it."""
        kind = "" if fault is None else fault.kind
        if kind == "drop_after":
            self._drop(call, path, request, answer, fault)
        if kind == "drop_during":
            self.server.simulator.note(call, request.method, path, None, fault, answer.note)
            self.wfile.write(self._head(answer, len(answer.body)) + answer.body[: len(answer.body) // 2])
            raise _Dropped
        if kind == "truncated":
            half = answer.body[: len(answer.body) // 2]
            answer = Answer(200, half, answer.content_type, answer.headers, answer.note)
        if kind == "huge" and fault is not None:
            self._send_huge(call, path, request, answer, fault)
            return
        self._reply(call, path, request, answer, fault)

    def _send_huge(self, call: str, path: str, request: Request, answer: Answer, fault: Fault) -> None:
        self.server.simulator.note(call, request.method, path, answer.status, fault, answer.note)
        blanks = int(float(fault.argument or 64) * _MIB)
        self.wfile.write(self._head(answer, len(answer.body) + blanks) + answer.body)
        chunk = b" " * min(blanks, _MIB)
        while blanks and not self.server.is_ending.is_set():
            self.wfile.write(chunk[:blanks])
            blanks -= min(blanks, len(chunk))

    def _drop(self, call: str, path: str, request: Request, answer: Answer, fault: Fault | None) -> None:
        self.server.simulator.note(call, request.method, path, None, fault, answer.note)
        raise _Dropped

    def _reply(self, call: str, path: str, request: Request, answer: Answer, fault: Fault | None) -> None:
        """Remember a call, then answer it: whoever has the answer finds the call in the transcript."""
        self.server.simulator.note(call, request.method, path, answer.status, fault, answer.note)
        self._send(answer)

    # ── sockets ──

    def _head(self, answer: Answer, length: int) -> bytes:
        lines = [
            f"HTTP/1.1 {answer.status} {self.responses.get(answer.status, ('',))[0]}",
            f"Server: Hedgerow-{MARK}",
            f"Date: {format_datetime(self.server.simulator.clock.now(), usegmt=True)}",
            f"Content-Length: {length}",
        ]
        if answer.content_type:
            lines.append(f"Content-Type: {answer.content_type}")
        lines.extend(f"{name}: {value}" for name, value in answer.headers.items())
        if self.close_connection:
            lines.append("Connection: close")
        return ("\r\n".join(lines) + "\r\n\r\n").encode("latin-1")

    def _send(self, answer: Answer) -> None:
        self.wfile.write(self._head(answer, len(answer.body)) + answer.body)

    # ── beside the calls ──

    def _serve_neighbour(self, method: str, path: str, query: str, body: bytes) -> None:
        """Answer a page or a control path: only to this machine, and only under its own name."""
        host = re.sub(r":\d+$", "", self.headers.get("Host", "")).strip("[]").casefold()
        if self.client_address[0] not in _NEIGHBOURS or host not in _NEIGHBOURS:
            self._send(Answer(403, f"{MARK}: only this machine may see this.\n".encode(), _TEXT))
            return
        if path in _PAGES:
            self._send(pages.answer(self.server.simulator, method, path))
            return
        # A page of another site may send a form here, but no JSON without asking first.
        is_json = self.headers.get("Content-Type", "").partition(";")[0].strip().casefold() == "application/json"
        if method != "GET" and not is_json:
            self._send(Answer(415, control.as_json({"error": "The body must be application/json."})))
            return
        self._send(control.answer(self.server.simulator, method, path, dict(parse_qsl(query)), body))


def _shown(request: Request, shown: tuple[str, ...] | frozenset[str]) -> str:
    """Return the path with its query, the values left out that the play does not list."""
    query: Mapping[str, tuple[str, ...]] = request.query
    pairs = [
        f"{quote(name)}={quote(value, safe=':.,') if name in shown else '…'}"
        for name, values in query.items()
        for value in values
    ]
    return f"{request.path[:500]}{'?' if pairs else ''}{'&'.join(pairs)[:1000]}"
