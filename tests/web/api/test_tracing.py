"""Traces tell how long the parts of a request took, to whom the settings say, and never what was asked."""

from __future__ import annotations

import gzip
import threading
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, HTTPServer
from typing import TYPE_CHECKING, Any

import pytest

from hedgerow.app import now, tracing
from hedgerow.errors import HedgerowError, TracesSupportMissing
from hedgerow.settings import TracesSettings
from hedgerow.workers import Workers

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from conftest import House

pytest.importorskip(
    "opentelemetry.sdk", reason="NO OPENTELEMETRY: this test checked NOTHING. Install hedgerow[traces]."
)

ASKED = "post-that-nobody-may-log"

Spans = list[dict[str, Any]]


@contextmanager
def _collector() -> Iterator[tuple[str, Callable[[], Spans]]]:
    """Run what takes OTLP over HTTP, and give its address and what reads the spans that came."""
    from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import (  # noqa: PLC0415  (it may be missing)
        ExportTraceServiceRequest,
    )

    bodies: list[bytes] = []

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["content-length"]))
            bodies.append(gzip.decompress(body) if self.headers.get("content-encoding") == "gzip" else body)
            self.send_response(200)
            self.send_header("content-length", "0")
            self.end_headers()

        def log_message(self, *_: object) -> None:
            """Say nothing."""

    def spans() -> Spans:
        tracer: Any = tracing._tracer
        tracer.span_processor.force_flush()
        found = [
            {
                "name": span.name,
                "id": span.span_id,
                "trace": span.trace_id.hex(),
                "parent": span.parent_span_id,
                "failed": span.status.message if span.status.code else None,
                **{each.key: each.value.string_value or each.value.int_value for each in span.attributes},
            }
            for body in bodies
            for resource in ExportTraceServiceRequest.FromString(body).resource_spans
            for scope in resource.scope_spans
            for span in scope.spans
        ]
        assert ASKED.encode() not in b"".join(bodies)
        return found

    server = HTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}/v1/traces", spans
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


@pytest.fixture
def told(house: House) -> Iterator[Callable[[], Spans]]:
    """Trace into a collector of our own, and read what it was told."""
    with _collector() as (address, spans):
        settings = house.service.settings.model_copy(update={"traces": TracesSettings(endpoint=address)})
        tracing.set_up_tracing(settings)
        tracer: Any = tracing._tracer
        try:
            yield spans
        finally:
            tracer.span_processor.shutdown()
            tracing._tracer = None


@pytest.mark.sqlite_file
def test_a_submission_is_one_trace_of_its_parts(house: House, told: Callable[[], Spans]) -> None:
    house.bank("known", house.value(1))
    asked = {"content_id": ASKED, "signals": [{"type": "pdq", "value": house.value(1), "quality": 90}]}
    asking = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
    answer = house.key("screen").post("/api/v1/submissions", json=asked, headers={"traceparent": asking})
    assert answer.status_code == 200
    found = {each["name"]: each for each in told() if each["trace"] == asking.split("-")[1]}
    request, screen, search = found["POST /api/v1/submissions"], found["screen"], found["search"]
    assert request["parent"].hex() == asking.split("-")[2]
    assert (screen["parent"], search["parent"]) == (request["id"], screen["id"])
    assert request["http.response.status_code"] == 200
    assert request["hedgerow.request_id"] == answer.headers["x-request-id"]
    assert (search["hedgerow.signals"], search["hedgerow.matches"]) == (1, 1)


@pytest.mark.sqlite_file
def test_media_says_how_large_it_was(house: House, told: Callable[[], Spans]) -> None:
    house.bank("known", house.value(1))
    picture = b"\x89PNG\r\n\x1a\n" + ASKED.encode()
    house.key("screen").post("/api/v1/submissions", data={"content_id": ASKED}, files={"media": ("x", picture)})
    (hashing,) = [each for each in told() if each["name"] == "hash"]
    assert hashing["hedgerow.size_bytes"] == len(picture)


@pytest.mark.sqlite_file
def test_what_failed_says_its_reason_and_not_its_words(house: House, told: Callable[[], Spans]) -> None:
    with pytest.raises(HedgerowError), tracing.span("search"):
        raise HedgerowError(ASKED)
    with pytest.raises(LookupError), tracing.span("search"):
        raise LookupError(ASKED)
    assert house.nobody().get(f"/api/v1/cases?queue={ASKED}").status_code == 401
    spans = told()
    assert [each["failed"] for each in spans if each["name"] == "search"] == ["error", "LookupError"]
    assert [each["http.response.status_code"] for each in spans if each["name"] == "GET /api/v1/cases"] == [401]


@pytest.mark.sqlite_file
def test_a_turn_of_due_work_is_told_if_anything_was_done(house: House, told: Callable[[], Spans]) -> None:
    house.submit(house.value(1))
    Workers(house.service).run_once(now())
    names = {each["name"] for each in told()}
    assert "job checkpoints" in names  # the first one is due at once
    assert "job ended sessions" not in names


@pytest.mark.sqlite_file
def test_nothing_is_recorded_where_nobody_wants_to_know(house: House) -> None:
    tracing.set_up_tracing(house.service.settings)
    assert tracing._tracer is None
    with tracing.span("search", signals=1) as tell:
        tell(matches=0)
    tracing.note("job", 0)


@pytest.mark.sqlite_file
def test_without_opentelemetry_it_says_what_to_install(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(__import__("sys").modules, "opentelemetry.sdk.trace", None)
    settings = house.service.settings.model_copy(update={"traces": TracesSettings(endpoint="http://127.0.0.1:9/")})
    with pytest.raises(TracesSupportMissing, match="hedgerow\\[traces\\]"):
        tracing.set_up_tracing(settings)


@pytest.mark.parametrize("said", [{"endpoint": "localhost:4318"}, {"share": 1.5}])
def test_settings_that_cannot_be_are_refused(said: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match=r"begins with http|less than or equal"):
        TracesSettings(**said)
