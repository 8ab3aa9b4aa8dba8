"""``/metrics`` for Prometheus, and what notes each request: a count, a duration, on demand a line in the log.

No label holds an id, a person's name or anything that was asked: routes are named as they are written
(``/welcome/{token}``). Exchanges have the names that this house gave them.
"""

from __future__ import annotations

import os
import time
from collections import Counter, defaultdict
from http import HTTPMethod
from itertools import accumulate
from typing import TYPE_CHECKING, Annotated, Any, Final

from fastapi import APIRouter, Depends, Request
from fastapi.responses import Response
from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.core import (
    CounterMetricFamily,
    GaugeMetricFamily,
    HistogramMetricFamily,
    InfoMetricFamily,
    Metric,
)
from prometheus_client.exposition import CONTENT_TYPE_LATEST
from prometheus_client.registry import Collector

from hedgerow import __version__
from hedgerow.accounts import Permission
from hedgerow.app.counting import BUCKETS_S, Durations
from hedgerow.app.figures import Figures, Watch
from hedgerow.app.logs import log_request
from hedgerow.app.serving.exchanges import Need
from hedgerow.app.tracing import request_span
from hedgerow.web.callers import allowed, service_of
from hedgerow.web.problems import responses_of

if TYPE_CHECKING:
    from collections.abc import Iterator

    from fastapi import FastAPI
    from starlette.types import ASGIApp, Message, Receive, Scope, Send

    from hedgerow.app.service import Service

__all__ = ["Observed", "Requests", "route_template", "router"]

router = APIRouter()

_METHODS: Final = frozenset(HTTPMethod)
_UNMATCHED: Final = "unmatched"
_FAILED: Final = 500
_TRACE: Final = frozenset({b"traceparent", b"tracestate"})
_may_read = allowed(Permission.METRICS_READ)


async def _reader(request: Request) -> None:
    """Let those pass who may read the metrics: whoever has the permission, or everybody where it is set so."""
    if not service_of(request).settings.server.metrics_public:
        await _may_read(request)


_reader.permission = Permission.METRICS_READ  # type: ignore[attr-defined]  # a test walks over every route and asks for it


@router.get(
    "/metrics",
    summary="Metrics for Prometheus",
    tags=["health"],
    response_class=Response,
    responses={
        **responses_of(),
        200: {"description": "Lines for Prometheus.", "content": {"text/plain": {"schema": {"type": "string"}}}},
    },
)
def metrics(request: Request, _: Annotated[None, Depends(_reader)]) -> Response:
    """Show counts and durations of this process, and how the whole service stands."""
    requests: Requests = request.app.state.requests
    return Response(generate_latest(requests.registry), media_type=CONTENT_TYPE_LATEST)


class Requests:
    """What is counted of requests, and the registry in which an application's metrics are.

    Plain numbers, which the one thread of the event loop writes: a counter of prometheus_client takes a lock each time.

    Args:
        service: The service behind the application.
    """

    def __init__(self, service: Service) -> None:
        self.registry = CollectorRegistry()
        self.registry.register(_Standing(Watch(service), self))
        self.numbers: Counter[tuple[str, str, int]] = Counter()
        self.durations: defaultdict[str, Durations] = defaultdict(Durations)

    def note(self, route: str, method: str, status: int, seconds: float) -> None:
        """Count a request."""
        self.numbers[route, method, status] += 1
        self.durations[route].add(seconds)


class Observed:
    """Notes every request, and gives each a name under which its answer and its line in the log are found.

    Args:
        app: What answers.
        requests: Counts.
        logged: Which requests leave a line: ``none``, ``failed`` or ``all``.
    """

    def __init__(self, app: ASGIApp, requests: Requests, *, logged: str) -> None:
        self._app = app
        self._requests = requests
        self._least_status = {"none": 1_000, "failed": _FAILED, "all": 0}[logged]

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        began = time.perf_counter()
        name = os.urandom(8).hex()
        status = 0

        async def noting(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                message["headers"] = [*message.get("headers", ()), (b"x-request-id", name.encode())]
            await send(message)

        headers = {
            each.decode("latin-1"): value.decode("latin-1") for each, value in scope["headers"] if each in _TRACE
        }
        with request_span(headers) as tell:
            try:
                await self._app(scope, receive, noting)
            finally:
                seconds = time.perf_counter() - began
                route, method = route_template(scope), scope["method"]
                method = method if method in _METHODS else "other"
                self._requests.note(route, method, status, seconds)
                tell.answered(route, method, status, name)
                if status >= self._least_status:
                    actor = scope.get("state", {}).get("actor")
                    log_request(name, route, method, status, seconds, actor)


def route_template(scope: Scope) -> str:
    """Return the route of a request as it is written, or ``unmatched``; never what was asked."""
    # Routers that were included know their prefix only here (FastAPI 0.130 and later).
    context = scope.get("fastapi", {}).get("effective_route_context")
    found: Any = getattr(context, "path", None) or getattr(scope.get("route"), "path", None)
    return found if isinstance(found, str) and found else _UNMATCHED


def observe(app: FastAPI) -> Requests:
    """Begin to count an application's requests."""
    requests = Requests(app.state.service)
    app.state.requests = requests
    return requests


class _Standing(Collector):
    """Reads how the service stands, whenever Prometheus asks."""

    def __init__(self, watch: Watch, requests: Requests) -> None:
        self._watch = watch
        self._requests = requests

    def describe(self) -> list[Metric]:
        """Name nothing beforehand, so that nothing is looked at while an application is put together."""
        return []

    def collect(self) -> Iterator[Metric]:
        """Look."""
        figures = self._watch.look()
        yield InfoMetricFamily("hedgerow_build", "The version of Hedgerow.", {"version": __version__})
        yield from _asked(self._requests)
        yield from _own_work(figures)
        yield from _indexes(figures)
        yield _gauge("hedgerow_database_up", "Whether the database answers.", figures.is_database_up)
        if figures.is_database_up:
            yield from _records(figures)


def _gauge(name: str, help_text: str, value: float) -> Metric:
    return GaugeMetricFamily(name, help_text, value=float(value))


def _asked(requests: Requests) -> Iterator[Metric]:
    numbers = CounterMetricFamily(
        "hedgerow_http_requests", "Requests by route, method and status.", labels=("route", "method", "status")
    )
    for (route, method, status), number in sorted(dict(requests.numbers).items()):
        numbers.add_metric((route, method, str(status)), number)
    yield numbers
    seconds = HistogramMetricFamily(
        "hedgerow_http_request_seconds", "Seconds from a request's head to its answer's end.", labels=("route",)
    )
    for route, durations in sorted(dict(requests.durations).items()):
        seconds.add_metric((route,), _buckets(durations), durations.total_s)
    yield seconds


def _buckets(durations: Durations) -> list[tuple[str, float]]:
    """Return how often something took at most each time, as Prometheus wants it: summed up."""
    edges = [*(str(edge) for edge in BUCKETS_S), "+Inf"]
    return list(zip(edges, map(float, accumulate(durations.counts)), strict=True))


def _own_work(figures: Figures) -> Iterator[Metric]:
    counts = figures.counts
    screened = CounterMetricFamily(
        "hedgerow_screenings", "Submissions by outcome, since this process started.", labels=("outcome",)
    )
    for outcome, number in sorted(counts.screened.items()):
        screened.add_metric((outcome,), number)
    yield screened
    looked_up = CounterMetricFamily("hedgerow_lookups", "Look-ups by what came of them.", labels=("result",))
    for result, number in sorted(counts.looked_up.items()):
        looked_up.add_metric((result,), number)
    yield looked_up
    yield HistogramMetricFamily(
        "hedgerow_hashing_seconds",
        "Seconds that media took to be hashed, waiting for a process included.",
        buckets=_buckets(counts.hashed),
        sum_value=counts.hashed.total_s,
    )
    yield _gauge("hedgerow_hashing_media", "Media that waits or is being hashed now.", counts.hashing_now)
    yield CounterMetricFamily(
        "hedgerow_hashing_refused", "Media that was sent away with 503, since too much waited.", value=counts.refused
    )


def _indexes(figures: Figures) -> Iterator[Metric]:
    health = figures.index
    rows = GaugeMetricFamily("hedgerow_index_rows", "Rows in the indexes by signal type.", labels=("signal_type",))
    for kind, number in sorted(figures.rows.items()):
        rows.add_metric((kind,), number)
    yield rows
    yield _gauge("hedgerow_index_banks", "Enabled banks.", health.banks)
    yield _gauge("hedgerow_index_loading", "Indexes that are wanted and not loaded yet.", health.loading)
    yield _gauge("hedgerow_index_quarantined_rows", "Malformed rows that are kept out.", health.quarantined)
    yield _gauge("hedgerow_index_failed", "Whether the latest look at the banks failed.", health.error is not None)
    if health.lag is not None:
        yield _gauge("hedgerow_index_lag_changes", "Changes of the banks that are not taken in yet.", health.lag)
    if health.refreshed_age_s is not None:
        yield _gauge(
            "hedgerow_index_refresh_age_seconds", "Seconds since the banks were looked at.", health.refreshed_age_s
        )


def _records(figures: Figures) -> Iterator[Metric]:
    yield _gauge("hedgerow_audit_sequence", "Number of the latest audit entry.", figures.audit_sequence or 0)
    cases = GaugeMetricFamily("hedgerow_cases_open", "Open cases by queue and state.", labels=("queue", "state"))
    overdue = GaugeMetricFamily("hedgerow_cases_overdue", "Open cases past their due time.", labels=("queue",))
    for each in figures.queues:
        for state in ("waiting", "claimed", "put_aside"):
            cases.add_metric((each.queue, state), getattr(each, state))
        overdue.add_metric((each.queue,), each.overdue)
    yield cases
    yield overdue
    yield _gauge("hedgerow_outbox_waiting", "Messages to the platform that it has not confirmed yet.", figures.waiting)
    yield _gauge("hedgerow_outbox_given_up", "Messages to the platform that are not tried any more.", figures.given_up)
    yield _gauge(
        "hedgerow_outbox_oldest_seconds", "Age of the oldest message that is not confirmed.", figures.oldest_age_s
    )
    yield _gauge("hedgerow_reports_late", "Reports that are late or need a person.", figures.late_reports)
    yield _gauge("hedgerow_reports_unreported", "Confirmed cases of which there is no report.", figures.unreported)
    evidence = GaugeMetricFamily("hedgerow_evidence", "Evidence that needs somebody: why.", labels=("reason",))
    for reason, number in figures.evidence.items():
        evidence.add_metric((reason,), number)
    yield evidence
    yield _gauge("hedgerow_reports_alarm", "The highest level at which a report alarms.", figures.loudest_alarm)
    yield from _partners(figures)


def _partners(figures: Figures) -> Iterator[Metric]:
    name = ("exchange",)
    age = GaugeMetricFamily(
        "hedgerow_exchange_success_age_seconds", "Seconds since a fetch last ended well.", labels=name
    )
    entries = GaugeMetricFamily("hedgerow_exchange_entries", "Rows of its bank in the indexes.", labels=name)
    pages = GaugeMetricFamily("hedgerow_exchange_pages_quarantined", "Pages that cannot be read.", labels=name)
    waiting = GaugeMetricFamily(
        "hedgerow_exchange_opinions_waiting", "Opinions that its partner has not taken yet.", labels=name
    )
    needs = GaugeMetricFamily(
        "hedgerow_exchange_needs_person", "Whether a person should act, and why.", labels=(*name, "need")
    )
    for exchange, each in sorted(figures.exchanges.items()):
        if each.success_age_s is not None:
            age.add_metric((exchange,), each.success_age_s)
        entries.add_metric((exchange,), each.entries)
        pages.add_metric((exchange,), each.quarantined)
        waiting.add_metric((exchange,), each.waiting)
        for need in Need:
            needs.add_metric((exchange, need), float(need in each.needs))
    yield from (age, entries, pages, waiting, needs)
    yield _gauge(
        "hedgerow_shield_questions_waiting", "Questions that Project Arachnid has not answered yet.", figures.questions
    )
