"""The simulator's sockets: HTTP as the authority speaks it, and connections that truly drop."""

from __future__ import annotations

import base64
import contextlib
import hmac
import os
import re
import secrets
import socket
import uuid
from dataclasses import dataclass, replace
from http.server import BaseHTTPRequestHandler
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import urlsplit

from hedgerow.simulators.cybertipline import control, pages
from hedgerow.simulators.cybertipline.authority import MARK, Answer, Received
from hedgerow.simulators.cybertipline.model import CALLS, Fault, SimulatedCall
from hedgerow.simulators.cybertipline.receiving import FORM, MULTIPART, read_form, read_multipart
from hedgerow.simulators.names import is_under
from hedgerow.simulators.sockets import EndingServer

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from hedgerow.simulators.cybertipline.simulator import CyberTiplineSimulator

__all__ = ["BASE_PATH", "REAL_NAMES", "Server", "is_real_name"]

BASE_PATH: Final = "/ispws"
REAL_NAMES: Final = ("cybertip.org", "ncmec.org", "missingkids.org", "missingkids.com", "cybertipline.org")

_GET_CALLS: Final = frozenset({"status", "xsd"})
_XML_CALLS: Final = frozenset({"submit", "fileinfo"})
_CHUNK_BYTES: Final = 64 * 1024
_MOST_XML_BYTES: Final = 8 * 1024**2
_MOST_FORM_BYTES: Final = 64 * 1024
_HUGE_BYTES: Final = 2 * 1024**2
_IDLE_S: Final = 60.0
_HTML_FAULTS: Final = {"server_error": 500, "bad_gateway": 502, "unavailable": 503, "too_many": 429}
_ENDING_FAULTS: Final = {"retracted": ("retracted", 5101), "finished": ("finished", 5102), "expired": ("expired", 5001)}
_UNKNOWN_CODE: Final = 1999


def is_real_name(host: str) -> bool:
    """Say whether a host's name belongs to the authority.

    >>> is_real_name("report.cybertip.org:443"), is_real_name("127.0.0.1:8099")
    (True, False)
    """
    return is_under(host, REAL_NAMES)


class Server(EndingServer):
    """Listen for the callers of a simulator.

    Args:
        address: Host and port.
        simulator: What is played.
    """

    def __init__(self, address: tuple[str, int], simulator: CyberTiplineSimulator) -> None:
        self.simulator = simulator
        super().__init__(address, _Handler)


@dataclass(slots=True)
class _Asked:
    """A call, once its body has been read."""

    call: str
    document: bytes = b""
    received: Received | None = None
    kept: Path | None = None
    refusal: Answer | None = None

    @property
    def report_text(self) -> str:
        """What the caller says is the number of its report; empty where it says nothing."""
        if self.received is not None:
            return self.received.ids[0] if self.received.ids else ""
        found = re.search(rb"<reportId>\s*(\d+)\s*</reportId>", self.document)
        return found[1].decode() if found and self.call == "fileinfo" else ""


class _Dropped(Exception):
    """The connection is to be dropped now."""


class _Handler(BaseHTTPRequestHandler):
    """One connection."""

    server: Server
    protocol_version = "HTTP/1.1"
    server_version = f"Hedgerow-{MARK}"
    sys_version = ""
    timeout = _IDLE_S
    disable_nagle_algorithm = True  # or each answer waits 40 ms for the caller's delayed acknowledgement

    def do_GET(self) -> None:
        """Answer a GET."""
        self._answer("GET")

    def do_POST(self) -> None:
        """Answer a POST."""
        self._answer("POST")

    def do_DELETE(self) -> None:
        """Answer a DELETE, of the control paths."""
        self._answer("DELETE")

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002, ANN401  (http.server's signature)
        """Say nothing: calls are remembered by the simulator."""

    def _answer(self, method: str) -> None:
        self._request_id = str(uuid.uuid4())
        self._unread = 0
        self._asked_path = urlsplit(self.path).path
        if is_real_name(self.headers.get("Host", "")):
            self.close_connection = True
            self._send(421, f"{MARK}: this is not the authority.\n".encode(), "text/plain; charset=utf-8")
            return
        try:
            if self._asked_path == BASE_PATH or self._asked_path.startswith(f"{BASE_PATH}/"):
                self._serve_call(method, self._asked_path.removeprefix(BASE_PATH).strip("/"))
            elif self._asked_path.startswith("/simulator/"):
                self._serve_control(method)
            else:
                self._serve_page(method)
        except _Dropped:
            self.close_connection = True
            with contextlib.suppress(OSError):
                self.connection.shutdown(socket.SHUT_RDWR)

    # ── calls ──

    def _serve_call(self, method: str, call: str) -> None:
        authority = self.server.simulator.authority
        if not self._begin_body():
            return
        if not self._is_authorized():
            self._refuse_login(call, None)
            return
        if call not in CALLS:
            self._drain()
            self._reply(call, None, replace(authority.refuse(1210), status=404), None)
            return
        if method != ("GET" if call in _GET_CALLS else "POST"):
            self._drain()
            self._reply(call, None, replace(authority.refuse(4000, f"{method} is not possible"), status=405), None)
            return
        fault = self.server.simulator.faults.due(call)
        if fault is None:
            asked = self._read(call)
            self._reply(call, asked, self._process(asked), None)
        else:
            self._play(call, fault)

    def _play(self, call: str, fault: Fault) -> None:
        """Answer a call as a fault has it."""
        authority, kind = self.server.simulator.authority, fault.kind
        if kind == "drop_before":
            self._drop(call, None, fault)
        if kind == "drop_during":
            self._discard(self._unread // 2)
            self._drop(call, None, fault)
        if kind == "unauthorized":
            self._refuse_login(call, fault)
            return
        if kind in _HTML_FAULTS:
            self._drain()
            self._reply_html(call, None, _HTML_FAULTS[kind], fault)
            return
        if kind == "slow":
            self.server.is_ending.wait(fault.wait_s)
        asked = self._read(call)
        if kind.isdecimal() or kind in {"unknown_code", "validation"}:
            code = 4100 if kind == "validation" else _UNKNOWN_CODE if kind == "unknown_code" else int(kind)
            problem = f"{fault.element}: is not valid" if kind == "validation" else ""
            self._drop_kept(asked)
            self._reply(call, asked, authority.refuse(code, problem), fault)
            return
        if kind in _ENDING_FAULTS:
            state, code = _ENDING_FAULTS[kind]
            number = authority.end(asked.report_text, state)  # type: ignore[arg-type]  # one of the three states
            self._drop_kept(asked)
            self._reply(call, asked, authority.refuse(code, report=number), fault)
            return
        self._reply_damaged(call, asked, self._process(asked), fault)

    def _reply_damaged(self, call: str, asked: _Asked, answer: Answer, fault: Fault) -> None:
        """Answer what was truly done as a fault has it."""
        kind = fault.kind
        if kind == "drop_after":
            self._drop(call, asked, fault, answer)
        if kind == "server_error_after":
            self._reply_html(call, asked, 500, fault, answer)
            return
        if kind == "slow_after":
            self.server.is_ending.wait(fault.wait_s)
        if kind == "wrong_md5" and answer.md5 is not None:
            answer = replace(answer, md5=secrets.token_hex(16))
        if kind == "success_without_id" and answer.code == 0:
            answer = replace(answer, report=None, file=None, files=None)
        body = answer.document()
        if kind == "truncated_xml":
            body = body[: len(body) // 2]
        if kind == "huge_reply":
            body += b"\n<!--" + b" " * _HUGE_BYTES + b"-->"
        self._note(call, asked, answer.status, answer, fault)
        self._send(answer.status, body, "text/xml; charset=utf-8")

    def _process(self, asked: _Asked) -> Answer:
        """Do what was asked."""
        authority, content_type = self.server.simulator.authority, self.headers.get("Content-Type", "")
        if asked.refusal is not None:
            return asked.refusal
        match asked.call:
            case "status":
                return authority.status(self.client_address[0])
            case "xsd":
                return authority.xsd()
            case "submit":
                return authority.submit(content_type, asked.document)
            case "fileinfo":
                return authority.fileinfo(content_type, asked.document)
        assert asked.received is not None  # noqa: S101  (for the type checker: the others are forms)
        if asked.call == "finish":
            return authority.finish(asked.received)
        if asked.call == "retract":
            return authority.retract(asked.received)
        answer = authority.upload(asked.received)
        if asked.kept is not None and answer.file is not None:
            asked.kept.rename(asked.kept.with_name(answer.file))
            asked.kept = None
        self._drop_kept(asked)
        return answer

    # ── bodies ──

    def _begin_body(self) -> bool:
        """Learn how long the body is; refuse what does not say so."""
        length = self.headers.get("Content-Length", "" if self.command == "POST" else "0")
        if "Transfer-Encoding" in self.headers or not (length.isascii() and length.isdecimal()):
            self.close_connection = True
            refusal = self.server.simulator.authority.refuse(4000, "Content-Length is needed")
            self._reply(self._asked_path, None, replace(refusal, status=411), None)
            return False
        self._unread = int(length)
        return True

    def _chunks(self) -> Iterator[bytes]:
        while self._unread:
            chunk = self.rfile.read(min(_CHUNK_BYTES, self._unread))
            if not chunk:
                raise _Dropped
            self._unread -= len(chunk)
            yield chunk

    def _discard(self, size_bytes: int) -> None:
        left = self._unread - size_bytes
        for _ in self._chunks():
            if self._unread <= left:
                return

    def _drain(self) -> None:
        for _ in self._chunks():
            pass

    def _small(self, limit_bytes: int) -> bytes | None:
        """Return a body, or None where it is longer than the limit."""
        if self._unread > limit_bytes:
            self._drain()
            return None
        return b"".join(self._chunks())

    def _read(self, call: str) -> _Asked:
        """Read the body of a call; a file is digested as it comes."""
        asked = _Asked(call)
        authority = self.server.simulator.authority
        content_type = self.headers.get("Content-Type", "")
        kind = content_type.partition(";")[0].strip().casefold()
        if call in _GET_CALLS:
            self._drain()
        elif call in _XML_CALLS:
            document = self._small(_MOST_XML_BYTES)
            asked.document = document or b""
            if document is None:
                asked.refusal = replace(authority.refuse(4000, "the document is too long"), status=413)
        elif kind == MULTIPART:
            self._read_parts(asked, content_type)
        elif kind == FORM and call != "upload":
            form = self._small(_MOST_FORM_BYTES)
            asked.received = Received(problem="the form is too long") if form is None else read_form(form)
        else:
            self._drain()
            asked.refusal = authority.refuse(4000, f"the content type must be {MULTIPART}")
        return asked

    def _read_parts(self, asked: _Asked, content_type: str) -> None:
        folder = self.server.simulator.keep_files if asked.call == "upload" else None
        if folder is None:
            asked.received = read_multipart(content_type, self._chunks())
        else:
            path = folder / f".{self._request_id}"
            with os.fdopen(os.open(path, os.O_CREAT | os.O_WRONLY | os.O_EXCL, 0o600), "wb") as keep:
                asked.kept = path
                try:
                    asked.received = read_multipart(content_type, self._chunks(), keep)
                except BaseException:
                    self._drop_kept(asked)
                    raise
        self._drain()

    def _drop_kept(self, asked: _Asked) -> None:
        if asked.kept is not None:
            asked.kept.unlink(missing_ok=True)
            asked.kept = None

    # ── answers ──

    def _is_authorized(self) -> bool:
        kind, _, text = self.headers.get("Authorization", "").partition(" ")
        try:
            given = base64.b64decode(text.strip(), validate=True)
        except ValueError:
            return False
        return kind.casefold() == "basic" and hmac.compare_digest(given, self.server.simulator.credentials)

    def _refuse_login(self, call: str, fault: Fault | None) -> None:
        self._drain()
        self._note(call, None, 401, None, fault)
        self._send(401, b"", None, {"WWW-Authenticate": f'Basic realm="{MARK}"'})

    def _reply(self, call: str, asked: _Asked | None, answer: Answer, fault: Fault | None) -> None:
        self._note(call, asked, answer.status, answer, fault)
        self._send(answer.status, answer.document(), "text/xml; charset=utf-8")

    def _reply_html(
        self, call: str, asked: _Asked | None, status: int, fault: Fault, done: Answer | None = None
    ) -> None:
        self._note(call, asked, status, done, fault)
        page = f"<!doctype html><title>{status}</title><h1>{status}</h1><p>{MARK}: a fault that was asked for.</p>\n"
        self._send(status, page.encode(), "text/html; charset=utf-8", {"Retry-After": "1"} if status != 500 else None)  # noqa: PLR2004  (the status)

    def _drop(self, call: str, asked: _Asked | None, fault: Fault, done: Answer | None = None) -> None:
        self._note(call, asked, None, done, fault)
        raise _Dropped

    def _note(
        self, call: str, asked: _Asked | None, status: int | None, answer: Answer | None, fault: Fault | None
    ) -> None:
        """Remember a call before it is answered."""
        report = answer.report if answer is not None else None
        if report is None and asked is not None and asked.report_text.isdecimal():
            report = min(int(asked.report_text), 2**63 - 1)
        self.server.simulator.note(
            SimulatedCall(
                0,
                self.server.simulator.clock.now(),
                call[:200],
                self._request_id,
                report,
                status,
                answer.code if answer is not None else None,
                answer.description[:1000] if answer is not None else "",
                fault.kind if fault is not None else None,
            )
        )

    def _send(self, status: int, body: bytes, content_type: str | None, headers: dict[str, str] | None = None) -> None:
        self.send_response(status)
        self.send_header("Request-ID", self._request_id)
        if content_type is not None:
            self.send_header("Content-Type", content_type)
        self.send_header("Content-Length", str(len(body)))
        for name, value in (headers or {}).items():
            self.send_header(name, value)
        if self.close_connection:
            self.send_header("Connection", "close")
        self.end_headers()
        self.wfile.write(body)

    # ── beside the calls ──

    def _is_neighbour(self) -> bool:
        """Say whether pages and control paths are shown: to this machine under its own name, or with the password."""
        host = re.sub(r":\d+$", "", self.headers.get("Host", "")).strip("[]").casefold()
        is_local = self.client_address[0] in {"127.0.0.1", "::1"} and host in {"127.0.0.1", "::1", "localhost"}
        return is_local or self._is_authorized()

    def _serve_control(self, method: str) -> None:
        if not self._begin_body():
            return
        body = self._small(_MOST_FORM_BYTES)
        if not self._is_neighbour():
            self._send(401, b"", None, {"WWW-Authenticate": f'Basic realm="{MARK}"'})
            return
        # A page of another site may send a form here, but no JSON without asking first.
        is_json = self.headers.get("Content-Type", "").partition(";")[0].strip().casefold() == "application/json"
        if method == "POST" and not is_json:
            status, answer = 415, control.as_json({"error": "The body must be application/json."})
        else:
            status, answer = control.answer(self.server.simulator, method, self._asked_path, body or b"")
        self._send(status, answer, "application/json")

    def _serve_page(self, method: str) -> None:
        if not self._begin_body():
            return
        self._drain()
        if not self._is_neighbour():
            self._send(401, b"", None, {"WWW-Authenticate": f'Basic realm="{MARK}"'})
            return
        status, page, content_type = pages.answer(self.server.simulator, method, self._asked_path)
        self._send(status, page, content_type, pages.HEADERS)
