"""What goes over the wire, and what is read of what comes back."""

from __future__ import annotations

import contextlib
import http.server
import threading
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hedgerow.errors import EvidenceDamaged, ReportLeaseLost, VaultUnavailable
from hedgerow.reports.credentials import Credentials
from hedgerow.reports.cybertipline.answers import read_answer
from hedgerow.reports.cybertipline.client import Client, Destination, multipart
from hedgerow.reports.filing_model import AnswerKind, Environment

if TYPE_CHECKING:
    from collections.abc import Iterator

XML = b'<?xml version="1.0" encoding="UTF-8" standalone="yes"?>\n'


def document(**said: object) -> bytes:
    inner = "".join(f"<{name}>{value}</{name}>" for name, value in said.items())
    return XML + f"<reportResponse>{inner}</reportResponse>".encode()


class Listening:
    """A server that keeps what it is sent, and answers with what it is told to."""

    def __init__(self) -> None:
        self.requests: list[tuple[str, dict[str, str], bytes]] = []
        self.answer: tuple[int, dict[str, str], bytes] = (200, {}, document(responseCode=0))
        outer = self

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                self.do_POST()

            def do_POST(self) -> None:
                length = int(self.headers.get("Content-Length") or 0)
                body = self.rfile.read(length)
                outer.requests.append((self.path, {k.lower(): v for k, v in self.headers.items()}, body))
                status, headers, answer = outer.answer
                self.send_response(status)
                for name, value in headers.items():
                    self.send_header(name, value)
                self.send_header("Content-Length", str(len(answer)))
                self.end_headers()
                with contextlib.suppress(OSError):
                    self.wfile.write(answer)

            def log_message(self, *_: Any) -> None:
                pass

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.thread = threading.Thread(target=self.server.serve_forever, args=(0.02,))
        self.thread.start()

    def client(self, **said: Any) -> Client:
        address = f"http://127.0.0.1:{self.server.server_address[1]}/ispws"
        found = Credentials("cybertipline", Environment.TEST, "user", "word")
        return Client(Destination(Environment.TEST, address, found), **said)

    def close(self) -> None:
        self.server.shutdown()
        self.thread.join()
        self.server.server_close()


@pytest.fixture
def listening() -> Iterator[Listening]:
    server = Listening()
    yield server
    server.close()


# ── what is sent ─────────────────────────────────────────────────────────────────────────────────────────────────


def test_a_document_is_sent_as_it_is_with_its_charset(listening: Listening) -> None:
    with listening.client() as client:
        client.submit(b"<report>\xc3\xa9</report>")
    ((path, headers, body),) = listening.requests
    assert (path, body) == ("/ispws/submit", b"<report>\xc3\xa9</report>")
    assert headers["content-type"] == "text/xml; charset=utf-8"
    assert headers["authorization"].startswith("Basic ")


def test_an_upload_has_its_length_and_is_no_chunked_one(listening: Listening) -> None:
    with listening.client() as client:
        client.upload("12", 'a "b".jpg', 6, iter([b"abc", b"def"]))
    ((path, headers, body),) = listening.requests
    assert path == "/ispws/upload"
    assert int(headers["content-length"]) == len(body)
    assert "transfer-encoding" not in headers
    assert b"\r\n\r\nabcdef\r\n--" in body
    assert b'name="id"\r\n\r\n12\r\n' in body
    assert b'filename="a %22b%22.jpg"' in body
    assert b"charset" not in body


@pytest.mark.parametrize("call", ["finish", "retract"])
def test_the_ends_of_a_report_are_forms_with_its_number(listening: Listening, call: str) -> None:
    with listening.client() as client:
        getattr(client, call)("4564654")
    ((path, headers, body),) = listening.requests
    assert path == f"/ispws/{call}"
    assert headers["content-type"].startswith("multipart/form-data; boundary=")
    assert b'name="id"\r\n\r\n4564654\r\n' in body


@given(name=st.text(st.characters(exclude_categories=["Cs"]), max_size=40))
def test_no_file_name_ends_its_part_of_the_form(name: str) -> None:
    head, _, _ = multipart([("id", "1")], ("file", name))
    assert head.count(b"\r\n") == 8
    assert head.endswith(b"application/octet-stream\r\n\r\n")


def test_what_is_shorter_or_longer_than_recorded_is_never_taken_for_whole(listening: Listening) -> None:
    with listening.client() as client:
        for pieces in ([b"abc"], [b"abcdefg"]):
            called = client.upload("12", "a.jpg", 6, iter(pieces))
            assert called.answer.kind is AnswerKind.SOURCE
    assert not any(b"--\r\n" in body for _, _, body in listening.requests)


@pytest.mark.parametrize(
    ("error", "kind"),
    [
        (EvidenceDamaged("0" * 32, "altered"), AnswerKind.SOURCE),
        (VaultUnavailable("the disk is away"), AnswerKind.LOST),
    ],
)
def test_evidence_that_breaks_on_the_way_ends_the_upload(
    listening: Listening, error: Exception, kind: AnswerKind
) -> None:
    def source() -> Iterator[bytes]:
        yield b"abc"
        raise error

    with listening.client() as client:
        assert client.upload("12", "a.jpg", 6, source()).answer.kind is kind


def test_who_loses_the_report_during_an_upload_stops_sending(listening: Listening) -> None:
    def beat() -> None:
        raise ReportLeaseLost(1)

    with listening.client() as client, pytest.raises(ReportLeaseLost):
        client.upload("12", "a.jpg", 6, iter([b"abc", b"def"]), beat=beat)


def test_a_redirect_is_not_followed(listening: Listening) -> None:
    listening.answer = (302, {"Location": "http://127.0.0.1:1/elsewhere"}, b"")
    with listening.client() as client:
        assert client.submit(b"<report/>").answer.kind is AnswerKind.UNEXPECTED
    assert len(listening.requests) == 1


def test_no_proxy_of_the_environment_is_used(listening: Listening, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:1")
    monkeypatch.setenv("http_proxy", "http://127.0.0.1:1")
    with listening.client() as client:
        assert client.status().answer.code == 0


def test_nobody_listening_is_surely_not_sent() -> None:
    found = Credentials("cybertipline", Environment.TEST, "user", "word")
    with Client(Destination(Environment.TEST, "http://127.0.0.1:1/ispws", found)) as client:
        assert client.submit(b"<report/>").answer.kind is AnswerKind.NOT_SENT


def test_an_answer_without_end_is_none(listening: Listening) -> None:
    listening.answer = (200, {}, document(responseCode=0) + b" " * 2_000_000)
    with listening.client() as client:
        assert client.submit(b"<report/>").answer.kind is AnswerKind.LOST


# ── what is read ─────────────────────────────────────────────────────────────────────────────────────────────────


def test_every_field_of_an_answer_is_read() -> None:
    said = document(
        responseCode=0, responseDescription="Success", reportId="0004564654", fileId="a" * 32, hash="A" * 32
    )
    answer = read_answer(200, said, {"request-id": "r-1"})
    assert (answer.kind, answer.code, answer.report_id) == (AnswerKind.ANSWERED, 0, "4564654")
    assert (answer.file_id, answer.md5, answer.request_id) == ("a" * 32, "a" * 32, "r-1")


def test_a_receipt_names_its_files() -> None:
    said = b"<reportDoneResponse><responseCode>0</responseCode><reportId>7</reportId><files><fileId>a</fileId>"
    answer = read_answer(200, said + b"<fileId>b</fileId></files></reportDoneResponse>", {})
    assert (answer.report_id, answer.file_ids) == ("7", ("a", "b"))


@pytest.mark.parametrize("status", [200, 400, 500])
def test_a_code_is_read_whatever_the_status(status: int) -> None:
    answer = read_answer(status, document(responseCode=4100, responseDescription="bad"), {})
    assert (answer.kind, answer.code) == (AnswerKind.ANSWERED, 4100)


@pytest.mark.parametrize(
    ("status", "body", "kind"),
    [
        (401, b"", AnswerKind.UNAUTHORIZED),
        (401, document(responseCode=0), AnswerKind.UNAUTHORIZED),
        (200, b"", AnswerKind.LOST),
        (200, b"<html>", AnswerKind.LOST),
        (200, document(responseCode=0)[:60], AnswerKind.LOST),
        (200, document(responseCode="x"), AnswerKind.LOST),
        (200, XML + b"<other><responseCode>0</responseCode></other>", AnswerKind.LOST),
        (500, b"oops", AnswerKind.LOST),
        (503, b"", AnswerKind.LOST),
        (429, b"", AnswerKind.NOT_SENT),
        (302, b"", AnswerKind.UNEXPECTED),
        (403, b"<html>", AnswerKind.UNEXPECTED),
        (404, b"", AnswerKind.UNEXPECTED),
    ],
)
def test_what_is_no_answer_is_taken_for_what_it_is(status: int, body: bytes, kind: AnswerKind) -> None:
    assert read_answer(status, body, {}).kind is kind


def test_no_declaration_of_types_is_read() -> None:
    bomb = b'<!DOCTYPE x [<!ENTITY a "b">]><reportResponse><responseCode>0</responseCode></reportResponse>'
    assert read_answer(200, bomb, {}).kind is AnswerKind.LOST


def test_of_a_description_nothing_is_kept_but_the_name_of_an_element() -> None:
    told = document(responseCode=4100, responseDescription="incidentDateTime: 'jane@home.example' is not valid")
    answer = read_answer(200, told, {})
    assert answer.element == "incidentDateTime"
    assert "jane" not in repr(answer)
    assert read_answer(200, document(responseCode=4100, responseDescription="jane doe"), {}).element is None


@given(body=st.binary(max_size=300), status=st.integers(100, 599))
def test_no_bytes_make_reading_fail(body: bytes, status: int) -> None:
    answer = read_answer(status, body, {"request-id": "x", "retry-after": "soon"})
    assert answer.code is None or answer.kind is AnswerKind.ANSWERED


@given(wait=st.text(max_size=10))
def test_a_wait_is_a_number_or_nothing(wait: str) -> None:
    asked = read_answer(429, b"", {"retry-after": wait}).asked_s
    assert asked is None or 0 <= asked < 1_000_000
