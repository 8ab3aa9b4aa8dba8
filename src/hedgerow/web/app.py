"""The web application: its routes, in their order."""

from __future__ import annotations

import inspect
from contextlib import asynccontextmanager
from functools import cache
from typing import TYPE_CHECKING, Any, Final

from fastapi import APIRouter, FastAPI

from hedgerow import __version__
from hedgerow.web import health, metrics
from hedgerow.web.api import direct_routes, routers
from hedgerow.web.direct import AskedMost
from hedgerow.web.hma.app import InFront, hma_app
from hedgerow.web.metrics import Observed, observe
from hedgerow.web.pages import ErrorPages, add_pages, prepare_pages
from hedgerow.web.problems import Problem, add_handlers
from hedgerow.web.routes import walk
from hedgerow.web.security import SecurityHeaders

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from starlette.routing import BaseRoute
    from starlette.types import ASGIApp

    from hedgerow.app.service import Service

__all__ = ["API", "create_app"]

API: Final = "/api/v1"

_DESCRIPTION: Final = """
Ask at upload time whether media is known abuse material, and let people decide about what is found.

Every request shows an API key: `Authorization: Bearer hedgerow_…`. Errors are problem details (RFC 9457). Lists come in
pages: ask again with `cursor` set to the `next` of the page before, until `next` is null.
"""


def create_app(service: Service) -> FastAPI:
    """Return the application of a service."""
    door = hma_app(service)

    @asynccontextmanager
    async def lifespan(_app: FastAPI) -> AsyncIterator[None]:
        door.start()
        yield
        door.stop()

    app = FastAPI(
        title="Hedgerow",
        summary="Find known child sexual abuse material, and let people decide about it.",
        description=_DESCRIPTION,
        version=__version__,
        openapi_url=f"{API}/openapi.json",
        docs_url=None,  # FastAPI's own pages load scripts from elsewhere
        redoc_url=None,
        lifespan=lifespan,
        **_untold(),
        license_info={"name": "Apache-2.0", "identifier": "Apache-2.0"},
    )
    app.state.service = service
    public_url = service.settings.server.public_url or ""
    add_handlers(app)
    app.router.routes.extend(_routes())
    requests = observe(app)
    prepare_pages(app)
    _describe(app)
    within = app.build_middleware_stack

    def build() -> ASGIApp:
        # Around everything, the answer to what nobody foresaw included, which middlewares that are added never see.
        answering = AskedMost(InFront(ErrorPages(within()), door), app, API, direct_routes)
        secured = SecurityHeaders(answering, is_https=public_url.startswith("https://"))
        return Observed(secured, requests, logged=service.settings.server.log_requests)

    app.build_middleware_stack = build  # type: ignore[method-assign]  # see `build`
    return app


@cache
def _routes() -> tuple[BaseRoute, ...]:
    """Put all routes together, once in a process: they are those of every application, and know none of them.

    FastAPI works out what an included route depends on when it is asked for the first time, which takes 0.15 s of CPU
    time for all of them; it keeps that with what is returned here.
    """
    whole = APIRouter()
    for router in routers:
        whole.include_router(router, prefix=API)
    whole.include_router(health.router)
    whole.include_router(metrics.router)
    add_pages(whole)
    return tuple(whole.routes)


def _untold() -> dict[str, Any]:
    """Return what keeps FastAPI from telling others of requests: what it records may quote what was asked.

    (FastAPI 0.160 and later record validation failures, exceptions with their messages, and addresses with their
    queries, as soon as any OpenTelemetry SDK is set up in the process.)
    """
    if "telemetry" not in inspect.signature(FastAPI.__init__).parameters:
        return {}
    return {"telemetry": {"tracing": False, "metrics": False, "logs": False, "auto_configure": False}}


def _describe(app: FastAPI) -> None:
    """Add to the OpenAPI document what no single route says: the problems, and the key."""
    plain = app.openapi

    def openapi() -> dict[str, Any]:
        if app.openapi_schema is None:
            document = plain()
            components = document.setdefault("components", {})
            schemas = components.setdefault("schemas", {})
            described = Problem.model_json_schema(ref_template="#/components/schemas/{model}")
            schemas |= described.pop("$defs", {})
            schemas["Problem"] = described
            components["securitySchemes"] = {
                "key": {"type": "http", "scheme": "bearer", "description": "An API key (`hedgerow key add`)."}
            }
            needed = {(each.path, each.method.lower()): each.permissions for each in walk(app)}
            for path, routes in document["paths"].items():
                for method, route in routes.items():
                    if path.startswith(API):
                        route["security"] = [{"key": []}]
                    for permission in needed.get((path, method), ()):
                        route["x-permission"] = str(permission)
                    for body in route.get("requestBody", {}).get("content", {}).values():
                        schemas |= body.get("schema", {}).pop("$defs", {})  # where a route reads its body itself
            app.openapi_schema = document
        return app.openapi_schema

    app.openapi = openapi  # type: ignore[method-assign]  # as FastAPI's documentation extends it
