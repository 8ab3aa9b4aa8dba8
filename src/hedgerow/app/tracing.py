"""Traces for OpenTelemetry: how long each part of a request took, and of the work that falls due. Off by default.

A span says which route was asked as it is written, with which status, how many bytes or signals it was about and how
many matches; never an id of the platform, an address, a name, a signal, nor what an error said.
"""

from __future__ import annotations

import time
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, Final

from hedgerow import __version__
from hedgerow.errors import HedgerowError, TracesSupportMissing

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from opentelemetry.context import Context
    from opentelemetry.sdk.trace.export import SpanExporter
    from opentelemetry.trace import Span, Tracer

    from hedgerow.settings import Settings

__all__ = ["note", "request_span", "set_up_tracing", "span"]

_FAILED: Final = 500
_tracer: Tracer | None = None  # of this process


def set_up_tracing(settings: Settings, exporter: SpanExporter | None = None) -> None:
    """Send this process's spans to where the settings say; where they say nothing, nothing is recorded.

    The provider is ours alone and not OpenTelemetry's global one: what else in the process knows how to trace itself
    would quote what was asked.

    Args:
        settings: With ``traces.endpoint``.
        exporter: Takes the spans instead; for tests.

    Raises:
        TracesSupportMissing: OpenTelemetry is not installed.
    """
    global _tracer  # noqa: PLW0603  (one for each process, as for the log)
    if settings.traces.endpoint is None:
        _tracer = None
        return
    try:
        from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
        from opentelemetry.sdk.resources import Resource
        from opentelemetry.sdk.trace import TracerProvider
        from opentelemetry.sdk.trace.export import BatchSpanProcessor
        from opentelemetry.sdk.trace.sampling import ParentBased, TraceIdRatioBased
    except ImportError:
        raise TracesSupportMissing from None
    provider = TracerProvider(
        sampler=ParentBased(TraceIdRatioBased(settings.traces.share)),
        resource=Resource.create({"service.name": "hedgerow", "service.version": __version__}),
    )
    provider.add_span_processor(BatchSpanProcessor(exporter or OTLPSpanExporter(endpoint=settings.traces.endpoint)))
    _tracer = provider.get_tracer("hedgerow", __version__)


@contextmanager
def span(name: str, **attributes: int | str) -> Iterator[_Noting]:
    """Record how long a block takes, as a part of what is under way; does nothing where nobody wants to know.

    Args:
        name: What is done, in a word or two.
        attributes: Counts and kinds; see above for what they may not be.

    Yields:
        What takes further attributes once they are known.
    """
    if _tracer is None:
        yield _NOBODY
        return
    with _tracer.start_as_current_span(
        name, attributes=_named(attributes), record_exception=False, set_status_on_exception=False
    ) as current:
        try:
            yield _Noting(current)
        except Exception as error:
            _failed(current, error)
            raise


@contextmanager
def request_span(headers: Mapping[str, str]) -> Iterator[_Noting]:
    """Record a request, as a part of the trace that its ``traceparent`` names, if any."""
    if _tracer is None:
        yield _NOBODY
        return
    from opentelemetry.trace import SpanKind

    with _tracer.start_as_current_span(
        "request",
        context=_asked_for(headers),
        kind=SpanKind.SERVER,
        record_exception=False,
        set_status_on_exception=False,
    ) as current:
        yield _Noting(current)


def note(name: str, began_ns: int, **attributes: int | str) -> None:
    """Record something that is over and was worth telling, such as a turn in which work was done.

    Args:
        name: What was done.
        began_ns: When, by `time.time_ns`.
        attributes: As for `span`.
    """
    if _tracer is not None:
        _tracer.start_span(name, start_time=began_ns, attributes=_named(attributes)).end(time.time_ns())


class _Noting:
    """Takes further attributes of a span."""

    def __init__(self, current: Span | None) -> None:
        self._current = current

    def __call__(self, **attributes: int | str) -> None:
        if self._current is not None:
            self._current.set_attributes(_named(attributes))

    def answered(self, route: str, method: str, status: int, request_id: str) -> None:
        """Say which request it was, in OpenTelemetry's own words for HTTP."""
        if self._current is None:
            return
        self._current.update_name(f"{method} {route}")
        self._current.set_attributes(
            {
                "http.request.method": method,
                "http.route": route,
                "http.response.status_code": status,
                "hedgerow.request_id": request_id,
            }
        )
        if not status or status >= _FAILED:
            from opentelemetry.trace import StatusCode

            self._current.set_status(StatusCode.ERROR)


_NOBODY: Final = _Noting(None)


def _named(attributes: Mapping[str, Any]) -> dict[str, Any]:
    return {f"hedgerow.{name}": value for name, value in attributes.items()}


def _failed(current: Span, error: Exception) -> None:
    from opentelemetry.trace import StatusCode

    # The kind only: its words may quote what was sent.
    reason = error.reason if isinstance(error, HedgerowError) else type(error).__name__
    current.set_status(StatusCode.ERROR, reason)


def _asked_for(headers: Mapping[str, str]) -> Context | None:
    from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

    return TraceContextTextMapPropagator().extract(dict(headers))
