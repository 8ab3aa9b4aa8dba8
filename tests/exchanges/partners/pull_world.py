"""A web server with files, for as long as a test: versions, parts, and what can go wrong."""

from __future__ import annotations

import hashlib
import json
import re
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import TYPE_CHECKING, Any

import httpx
from tests.exchanges.partners.mirror import open_session

from hedgerow.exchanges.http import Limits

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from pathlib import Path

    from hedgerow.exchanges.model import Page, Partner, Session

__all__ = ["NOW", "FileServer", "InMemory", "Lists", "csv_of", "hashes", "serving"]

NOW = datetime(2026, 11, 22, 12, 30, tzinfo=UTC)


def hashes(first: int, last: int) -> list[str]:
    """Return MD5 values of some numbers."""
    return [hashlib.md5(str(number).encode(), usedforsecurity=False).hexdigest() for number in range(first, last)]


def csv_of(values: Sequence[str], **more: str) -> bytes:
    """Return a table of values, each with its digits turned round as its id."""
    header = ",".join(["id", "md5", *more])
    rows = [",".join([f"i-{value[::-1]}", value, *more.values()]) for value in values]
    return "\n".join([header, *rows, ""]).encode()


@dataclass
class FileServer:
    """What lies on the server, and what was asked of it.

    Attributes:
        files: Bodies by path, of which the query is a part.
        has_versions: Whether it sends ``ETag`` and honours what is asked with one.
        faults: What happens at the next calls: ``cut=N`` after N bytes, ``STATUS``, ``redirect``, ``endless``; empty
            for nothing.
        calls: Path, status, and what was asked for of it.
        logins: What came as ``authorization`` or ``x-list-key``.
    """

    files: dict[str, bytes] = field(default_factory=dict)
    has_versions: bool = True
    faults: list[str] = field(default_factory=list)
    calls: list[tuple[str, int, str]] = field(default_factory=list)
    logins: list[str | None] = field(default_factory=list)
    wanted_login: str | None = None
    url: str = ""

    def answer(self, path: str, headers: Mapping[str, str]) -> tuple[int, dict[str, str], bytes, int | None]:
        """Return status, headers, body, and after how many bytes the line is cut."""
        fault = self.faults.pop(0) if self.faults else ""
        login = headers.get("authorization") or headers.get("x-list-key")
        self.logins.append(login)
        if fault.isdecimal():
            return int(fault), {"content-length": "0"}, b"", None
        if fault == "redirect":
            return 302, {"content-length": "0", "location": f"{self.url}/elsewhere"}, b"", None
        if self.wanted_login is not None and login != self.wanted_login:
            return 401, {"content-length": "0"}, b"", None
        body = self.files.get(path)
        if body is None:
            return 404, {"content-length": "0"}, b"", None
        version = f'"{hashlib.sha256(body).hexdigest()[:16]}"'
        said = {"etag": version} if self.has_versions else {}
        if self.has_versions and headers.get("if-none-match") == version:
            return 304, said, b"", None
        cut = int(fault.removeprefix("cut=")) if fault.startswith("cut=") else None
        part = re.fullmatch(r"bytes=(\d+)-", headers.get("range") or "")
        if part and self.has_versions and headers.get("if-range") == version:
            at = int(part[1])
            said["content-range"] = f"bytes {at}-{len(body) - 1}/{len(body)}"
            return 206, {**said, "content-length": str(len(body) - at)}, body[at:], cut
        if fault == "endless":
            return 200, said, body, None
        return 200, {**said, "content-length": str(len(body))}, body, cut


@contextmanager
def serving() -> Iterator[FileServer]:
    """Serve files on this machine."""
    files = FileServer()

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            status, headers, body, cut = files.answer(
                self.path, {key.lower(): each for key, each in self.headers.items()}
            )
            asked = self.headers.get("range") or self.headers.get("if-none-match") or ""
            files.calls.append((self.path, status, asked))
            self.send_response(status)
            for name, each in headers.items():
                self.send_header(name, each)
            self.end_headers()
            self.wfile.write(body if cut is None else body[:cut])
            self.wfile.flush()
            self.close_connection = cut is not None or "content-length" not in headers

        def log_message(self, *_: object) -> None:
            """Say nothing."""

    class Server(ThreadingHTTPServer):
        def handle_error(self, *_: object) -> None:
            """Say nothing: who asks may hang up."""

    server = Server(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    thread = Thread(target=lambda: server.serve_forever(poll_interval=0.01))
    thread.start()
    try:
        files.url = f"http://127.0.0.1:{server.server_address[1]}"
        yield files
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


class InMemory(httpx.BaseTransport):
    """The same server without a network, for what is asked very often."""

    def __init__(self, files: FileServer) -> None:
        self._files = files

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        path = request.url.raw_path.decode("ascii")
        status, headers, body, cut = self._files.answer(path, request.headers)
        return httpx.Response(status, headers=headers, stream=_Cut(body, cut))


class _Cut(httpx.SyncByteStream):
    def __init__(self, body: bytes, cut: int | None) -> None:
        self._body, self._cut = body, cut

    def __iter__(self) -> Iterator[bytes]:
        yield self._body if self._cut is None else self._body[: self._cut]
        if self._cut is not None and self._cut < len(self._body):
            raise httpx.RemoteProtocolError("cut")


class Lists:
    """A bank in its simplest form, fetched as the runner fetches."""

    def __init__(self, partner: Partner, client: httpx.Client, folder: Path, **config: Any) -> None:
        self.partner = partner
        self.client = client
        self.folder = folder
        self.config = {"path": "/list.csv", **config}
        self.credentials: dict[str, str] = {}
        self.now = NOW
        self.records: dict[str, Any] = {}
        self.checkpoint: dict[str, Any] | None = None
        partner.check(self.config)

    def session(self) -> Session:
        self.now += timedelta(minutes=10)
        url = str(self.config.get("base_url") or "http://127.0.0.1")
        return open_session(
            url,
            self.client,
            lambda: self.now,
            config=self.config,
            credentials=self.credentials,
            folder=self.folder,
            limits=Limits(tries=3),
        )

    def pages(self) -> list[Page]:
        return list(self.partner.pages(self.session(), self.checkpoint))

    def whole(self, *, dies_after: int | None = None) -> int:
        """Fetch a whole list as the runner does; return how many pages came."""
        seen: set[str] = set()
        number = 0
        for number, page in enumerate(self.partner.pages(self.session(), self.checkpoint), 1):
            if dies_after is not None and number > dies_after:
                return number
            self.take(page, seen)
            if page.is_end:
                self.checkpoint = json.loads(json.dumps(dict(page.checkpoint)))
                self.records = {key: each for key, each in self.records.items() if key in seen}
                return number
        return number

    def take(self, page: Page, seen: set[str]) -> None:
        for each in page.items:
            if hasattr(each, "signals"):
                self.records[each.key] = each
                seen.add(each.key)
            else:
                self.records.pop(each.key, None)

    def values(self) -> set[str]:
        """Return what is matched."""
        return {signal.value for each in self.records.values() for _, signal in each.signals}
