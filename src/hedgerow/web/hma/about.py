"""Status, the list of addresses, the OpenAPI document, and the development routes."""

from __future__ import annotations

from http import HTTPStatus
from typing import TYPE_CHECKING, Any, Final

from starlette.responses import Response

from hedgerow import __version__
from hedgerow.errors import BankExists, ExchangeExists
from hedgerow.web.hma.wire import Ask, Refused, json_response

if TYPE_CHECKING:
    from collections.abc import Sequence

    from hedgerow.app.hma import Hma
    from hedgerow.web.hma.app import Route

__all__ = [
    "factory_reset",
    "home",
    "live",
    "openapi_document",
    "run_fetch",
    "seed_banks",
    "seed_sample",
    "status",
    "to_openapi",
]

_STALE_S: Final = 65.0
"""HMA's own limit (``INDEX_CACHE_MAX_STALE_SEC``); here changes are asked for several times a second."""


def home(hma: Hma, ask: Ask) -> Response:
    """Lead to the status."""
    del hma, ask
    return _redirect("/status")


def _redirect(target: str) -> Response:
    text = (
        "<!doctype html>\n<html lang=en>\n<title>Redirecting...</title>\n<h1>Redirecting...</h1>\n"
        f'<p>You should be redirected automatically to the target URL: <a href="{target}">{target}</a>. If not, click '
        "the link.\n"
    )
    return Response(text, 302, {"location": target}, "text/html")


def live(hma: Hma, ask: Ask) -> Response:
    """Answer as long as the process can."""
    del hma, ask
    return Response("I-AM-ALIVE", media_type="text/html")


def status(hma: Hma, ask: Ask) -> Response:
    """Tell whether lookups can be relied on."""
    del ask
    health = hma.index_health()
    if health.sequence is None or health.loading:
        return Response("INDEX-NOT-LOADED", 503, media_type="text/html")
    if health.refreshed_age_s is None or health.refreshed_age_s > _STALE_S or not health.is_same_history:
        return Response("INDEX-STALE", 503, media_type="text/html")
    return Response("I-AM-ALIVE", media_type="text/html")


def to_openapi(hma: Hma, ask: Ask) -> Response:
    """Lead to the OpenAPI document."""
    del hma, ask
    return _redirect("/openapi/openapi.json")


def openapi_document(routes: Sequence[Route]) -> dict[str, Any]:
    """Describe the routes of this door, development apart."""
    paths: dict[str, Any] = {}
    for route in routes:
        if route.is_dev or not route.summary:
            continue
        operation: dict[str, Any] = {
            "summary": route.summary,
            "operationId": route.handler.__name__,
            "responses": {
                str(each): {"description": HTTPStatus(each).phrase} for each in sorted({*route.statuses, 401, 403, 429})
            },
        }
        parameters = [
            {
                "name": name,
                "in": "path",
                "required": True,
                "schema": {"type": "integer" if name == "content" else "string"},
            }
            for name in route.names
        ]
        parameters += [{"name": name, "in": "query", "schema": {"type": "string"}} for name in route.query]
        if parameters:
            operation["parameters"] = parameters
        if route.body is not None:
            operation["requestBody"] = {"content": {route.body: {"schema": {"type": "object"}}}}
        paths.setdefault(route.path, {})[route.method.lower()] = operation
    return {
        "openapi": "3.1.0",
        "info": {"title": "Open Media Match API", "version": __version__},
        "paths": paths,
        "components": {"securitySchemes": {"key": {"type": "http", "scheme": "bearer"}}},
        "security": [{"key": []}],
    }


# ── development ──────────────────────────────────────────────────────────────────────────────────────────────────


def factory_reset(hma: Hma, ask: Ask) -> Response:
    """Empty the banks."""
    hma.factory_reset(actor=ask.actor)
    return _redirect("/")


def run_fetch(hma: Hma, ask: Ask) -> Response:
    """Fetch every exchange now."""
    del ask
    hma.fetch_due(is_everything=True)
    return _redirect("/")


def seed_sample(hma: Hma, ask: Ask) -> Response:
    """Create an exchange of samples."""
    try:
        hma.create_exchange("SEED_SAMPLE", "sample", {}, is_enabled=True, actor=ask.actor)
    except ExchangeExists:
        raise Refused(403, "Bank already exists") from None
    return _redirect("/")


def seed_banks(hma: Hma, ask: Ask) -> Response:
    """Make two banks of random signals."""
    try:
        hma.seed_banks(actor=ask.actor)
    except BankExists:
        raise Refused(403, "Bank already exists") from None
    return _redirect("/")


def site_map(routes: Sequence[Route]) -> Response:
    """List the addresses as HMA writes them."""
    return json_response(sorted({route.rule for route in routes}))
