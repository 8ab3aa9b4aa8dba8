"""The routes of the door, and how a request finds its handler.

A table of its own instead of a framework's: the paths are few, and the one that is asked thousands of times a second is
found at once.
"""

from __future__ import annotations

import logging
import math
import re
import threading
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

from fastapi.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect, Request

from hedgerow import errors
from hedgerow.app.hma import Hma
from hedgerow.web.hma import about, curating, exchanging, looking
from hedgerow.web.hma.access import ANONYMOUS, Door, warn_while_open
from hedgerow.web.hma.reading import read_ask, read_query
from hedgerow.web.hma.wire import Ask, Refused, json_response, page, refused_response

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from starlette.responses import Response
    from starlette.types import ASGIApp, Receive, Scope, Send

    from hedgerow.app.service import Service

    Handler = Callable[[Hma, Ask], Response]

__all__ = ["ROUTES", "HmaApp", "InFront", "Route", "hma_app"]

_log = logging.getLogger(__name__)
_JSON: Final = "application/json"
_FORM: Final = "multipart/form-data"
_PARAMETER: Final = re.compile(r"\{(\w+)\}")
_RULES: Final = {
    "bank": "<bank_name>",
    "content": "<int:content_id>",
    "signal_type": "<signal_type_name>",
    "api": "<string:api_name>",
    "exchange": "<string:exchange_name>",
}
_LARGEST_DIGITS: Final = 19  # of a number that a database can hold; a longer one is no content
_BROKEN: Final = (
    "The server encountered an internal error and was unable to complete your request. Either the server is overloaded "
    "or there is an error in the application."
)


@dataclass(frozen=True, slots=True)
class Route:
    """One thing that can be asked.

    Attributes:
        method: The verb.
        path: As OpenAPI writes it.
        handler: What answers.
        summary: One line about it; empty for what is not described.
        statuses: With which it answers, beside those of every route.
        query: Names of its parameters.
        body: Content type of its body; None where it has none.
        is_public: Whether it asks nobody's name.
        is_dev: Whether it is there only for development.
    """

    method: str
    path: str
    handler: Handler
    summary: str = ""
    statuses: tuple[int, ...] = (200,)
    query: tuple[str, ...] = ()
    body: str | None = None
    is_public: bool = False
    is_dev: bool = False
    names: tuple[str, ...] = field(init=False, default=())

    def __post_init__(self) -> None:
        """Note the names in the path."""
        object.__setattr__(self, "names", tuple(_PARAMETER.findall(self.path)))

    @property
    def rule(self) -> str:
        """The path as HMA's site map writes it."""
        return _PARAMETER.sub(lambda found: _RULES[found[1]], self.path)


_HASHED: Final = (200, 400, 408, 413, 503)
_R = Route
ROUTES: Final = (
    _R("GET", "/m/lookup", looking.lookup, "Look up a signal, or what lies at an address", _HASHED,
       ("signal", "signal_type", "url", "content_type", "types", "banks", "seed", "bypass_coinflip")),
    _R("POST", "/m/lookup", looking.lookup_upload, "Look up a file", _HASHED,
       ("types", "banks", "seed", "bypass_coinflip"), _FORM),
    _R("GET", "/m/raw_lookup", looking.raw_lookup, "Look up a signal, whatever the ratios", (200, 400, 422, 503),
       ("signal", "signal_type", "banks", "include_distance")),
    _R("GET", "/m/index/status", looking.index_status, "Count the signals that can be found", (200, 400, 503),
       ("signal_type",)),
    _R("POST", "/m/compare", looking.compare_signals, "Compare pairs of signals", (200, 400, 408, 413, 415), (), _JSON),
    _R("GET", "/h/hash", looking.hash_address, "Hash what lies at an address", (*_HASHED, 422),
       ("url", "content_type", "types")),
    _R("POST", "/h/hash", looking.hash_upload, "Hash a file", _HASHED, ("types",), _FORM),
    _R("GET", "/c/banks", curating.list_banks, "List the banks", (200, 503)),
    _R("POST", "/c/banks", curating.create_bank, "Create a bank", (201, 400, 408, 413, 422, 503), (), _JSON),
    _R("GET", "/c/bank/{bank}", curating.show_bank, "Show a bank", (200, 404, 503)),
    _R("PUT", "/c/bank/{bank}", curating.change_bank, "Change a bank", (200, 400, 404, 408, 413, 422, 503), (), _JSON),
    _R("DELETE", "/c/bank/{bank}", curating.delete_bank, "Delete a bank", (200, 503)),
    _R("POST", "/c/bank/{bank}/content", curating.add_content, "Hash media and bank it", (*_HASHED, 404),
       ("url", "content_type", "types", "content_id", "content_uri"), _FORM),
    _R("POST", "/c/bank/{bank}/signal", curating.add_signals, "Bank signals", (200, 400, 404, 408, 413, 415, 503), (),
       _JSON),
    _R("GET", "/c/bank/{bank}/content/{content}", curating.show_content, "Show a content", (200, 404, 503),
       ("include_signals", "include_metadata")),
    _R("PUT", "/c/bank/{bank}/content/{content}", curating.change_content, "Disable a content or note something",
       (200, 400, 404, 408, 413, 415, 503), (), _JSON),
    _R("DELETE", "/c/bank/{bank}/content/{content}", curating.delete_content, "Delete a content", (200, 404, 503)),
    _R("GET", "/c/signal_type", curating.signal_types, "List the signal types", (200, 503)),
    _R("GET", "/c/signal_type/index", curating.index_of_types, "Tell how the index stands", (200, 400, 503),
       ("signal_type",)),
    _R("PUT", "/c/signal_type/{signal_type}", curating.change_signal_type, "Switch a signal type on or off",
       (200, 400, 408, 413, 422, 503), (), _JSON),
    _R("GET", "/c/content_type", curating.content_types, "List the content types"),
    _R("GET", "/c/exchanges/apis", exchanging.list_kinds, "List the kinds of exchanges"),
    _R("GET", "/c/exchanges/api/{api}", exchanging.show_kind, "Show a kind of exchange", (200, 400)),
    _R("POST", "/c/exchanges/api/{api}", exchanging.configure_kind, "Set the credentials of a kind",
       (200, 400, 408, 413, 415), (), _JSON),
    _R("GET", "/c/exchanges/api/{api}/schema", exchanging.show_schema, "Tell what a kind wants to know", (200, 404)),
    _R("GET", "/c/exchanges", exchanging.list_exchanges, "List the exchanges", (200, 503)),
    _R("POST", "/c/exchanges", exchanging.create_exchange, "Create an exchange", (201, 400, 408, 413, 415, 503), (),
       _JSON),
    _R("GET", "/c/exchange/{exchange}", exchanging.show_exchange, "Show an exchange", (200, 404, 503)),
    _R("PUT", "/c/exchange/{exchange}", exchanging.change_exchange, "Switch an exchange on or off",
       (200, 404, 408, 413, 422, 503), (), _JSON),
    _R("DELETE", "/c/exchange/{exchange}", exchanging.delete_exchange, "Delete an exchange", (200, 503)),
    _R("GET", "/c/exchange/{exchange}/status", exchanging.show_status, "Tell how the fetches went", (200, 404, 503)),
    _R("GET", "/c/exchange/{exchange}/credentials", exchanging.show_credentials,
       "Tell whether an exchange has credentials", (200, 404, 503)),
    _R("POST", "/c/exchange/{exchange}/credentials", exchanging.set_credentials, "Set the credentials of an exchange",
       (200, 400, 404, 408, 413, 415, 503), (), _JSON),
    _R("GET", "/", about.home, is_public=True),
    _R("GET", "/status", about.status, "Whether lookups can be relied on", (200, 503), is_public=True),
    _R("GET", "/status/live", about.live, "Whether the process answers", is_public=True),
    _R("GET", "/site-map", about.home, "List the addresses"),
    _R("GET", "/openapi/", about.to_openapi),
    _R("GET", "/openapi/openapi.json", about.to_openapi),
    _R("POST", "/dev/factory_reset", about.factory_reset, is_dev=True),
    _R("POST", "/dev/run_fetch", about.run_fetch, is_dev=True),
    _R("POST", "/dev/setup_sample_example", about.seed_sample, is_dev=True),
    _R("POST", "/dev/seed_banks", about.seed_banks, is_dev=True),
)  # fmt: skip  # one route is one row
"""Everything that can be asked."""


class HmaApp:
    """The ASGI application of the door; mount it after everything else, since ``/`` is in it too.

    What it does not know it leaves to the application that it is mounted in, but for paths below ``/h``, ``/m``, ``/c``
    and ``/dev``, where its clients expect HMA's own pages.

    Args:
        service: The parts of the serving process.
    """

    def __init__(self, service: Service) -> None:
        self.hma = Hma(service)
        self._settings = service.settings
        self._door = Door(service.settings.hma)
        said = service.settings.hma
        self.routes = tuple(route for route in ROUTES if not route.is_dev or (said.dev and said.anonymous))
        self._table = _Table(self.routes)
        self._stopped = threading.Event()
        self._documents: dict[str, Callable[[], Response]] = {
            "/site-map": lambda: about.site_map(self.routes),
            "/openapi/openapi.json": lambda: json_response(about.openapi_document(self.routes)),
        }

    def start(self) -> None:
        """Say in the log that the door is open, where it is, and each minute from now on."""
        warn_while_open(self._settings.hma, self._stopped)

    def stop(self) -> None:
        """Say it no more, and close what is open."""
        self._stopped.set()
        self.hma.close()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        if scope["type"] != "http":
            raise HTTPException(404)
        path = _path(scope)
        method = "GET" if scope["method"] == "HEAD" else scope["method"]
        methods, values = self._table.find(path)
        route = methods.get(method)
        if route is None:
            response = _nowhere(path, methods)
        else:
            request = Request(scope, receive)
            scope["route"] = route  # where a denial is put on record
            try:
                response = await self._answer(route, values, request)
            except Exception as error:  # noqa: BLE001  (whatever it is, the client gets an answer)
                response = _response_of(error)
        await response(scope, receive, send)

    async def _answer(self, route: Route, values: dict[str, Any], request: Request) -> Response:
        actor = ANONYMOUS if route.is_public else await self._door.actor(request)
        document = self._documents.get(route.path)
        if document is not None:
            return document()
        if route.handler is looking.lookup:
            query = read_query(request.scope["query_string"])
            if not query.get("url"):
                return await self._look_up(query)
        if route.body is None and route.method != "POST":
            ask = Ask(read_query(request.scope["query_string"]), values, actor)
            return await run_in_threadpool(route.handler, self.hma, ask)
        has_media = route.body == _FORM
        async with read_ask(request, self._settings, values, actor, has_media=has_media) as ask:
            return await run_in_threadpool(route.handler, self.hma, ask)

    async def _look_up(self, query: Mapping[str, str]) -> Response:
        """Look up a signal without another thread, wherever that means no waiting.

        To hand a request to another thread and back takes longer than to answer it.
        """
        signal, drawn, banks = looking.asked_signal(self.hma, query)
        found = self.hma.near(signal)
        if not found:
            return json_response({})
        told = self.hma.tell_at_once(found, drawn=drawn, banks=banks)
        if told is None:
            told = await run_in_threadpool(self.hma.tell, found, drawn=drawn, banks=banks)
        return json_response(looking.by_bank(told))


class _Table:
    """Finds the routes of a path."""

    def __init__(self, routes: tuple[Route, ...]) -> None:
        self._plain: dict[str, dict[str, Route]] = {}
        self._patterns: list[tuple[re.Pattern[str], dict[str, Route]]] = []
        by_path: dict[str, dict[str, Route]] = {}
        for route in routes:
            by_path.setdefault(route.path, {})[route.method] = route
        for path, methods in by_path.items():
            if "{" in path:
                pattern = re.escape(path).replace(r"\{content\}", r"(?P<content>[0-9]+)")
                pattern = re.sub(r"\\\{(\w+)\\\}", r"(?P<\1>[^/]+)", pattern)
                self._patterns.append((re.compile(pattern), methods))
            else:
                self._plain[path] = methods

    def find(self, path: str) -> tuple[dict[str, Route], dict[str, Any]]:
        """Return the routes of a path by method, and what stands in it."""
        plain = self._plain.get(path)
        found: dict[str, Route] = {} if plain is None else plain
        values: dict[str, Any] = {}
        if plain is None:
            for pattern, methods in self._patterns:
                match = pattern.fullmatch(path)
                if match is not None:
                    found, values = methods, dict(match.groupdict())
                    break
        if "content" in values:
            number = values["content"]
            values["content"] = int(number) if len(number) <= _LARGEST_DIGITS else -1
        return found, values


def _path(scope: Scope) -> str:
    # ROOST Coop's default address of an HMA ends with a slash, and its paths begin with one.
    return "/" + str(scope["path"]).lstrip("/")


class InFront:
    """Sends what is the door's to the door, and the rest on: a framework would first compare it with all its routes.

    Args:
        app: What answers everything else.
        door: The door. Its ``/`` stays the application's.
    """

    def __init__(self, app: ASGIApp, door: HmaApp) -> None:
        self._app = app
        self._door = door

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        is_ours = scope["type"] == "http" and _OURS.fullmatch(_path(scope)) is not None
        await (self._door if is_ours else self._app)(scope, receive, send)


_OURS: Final = re.compile(r"/(?:h|m|c|dev)(?:/.*)?|/(?:status|site-map|openapi)(?:/.*)?")


def _nowhere(path: str, methods: dict[str, Route]) -> Response:
    if methods:
        return page(405, {"allow": ", ".join(sorted({*methods, *({"HEAD"} if "GET" in methods else ())}))})
    if _OURS.fullmatch(path):
        return page(404)
    raise HTTPException(404)


_STATUSES: Final[tuple[tuple[type[errors.HedgerowError], int], ...]] = (
    (errors.KeyRefused, 401),
    (errors.PermissionDenied, 403),
    (errors.TooManyRequests, 429),
    (errors.ServiceBusy, 503),
    (errors.RequestTooSlow, 408),
    (errors.RequestTooLarge, 413),
    (errors.ServiceError, 400),
    (errors.InvalidContent, 400),
    (errors.ContentNotFound, 404),
    (errors.ExchangeNotFound, 404),
    (errors.InvalidExchange, 400),
    (errors.ResetRefused, 403),
    (errors.BankNotFound, 404),
    (errors.DatabaseUnavailable, 503),
)


def _response_of(error: Exception) -> Response:
    """Return an error as HMA writes it."""
    if isinstance(error, Refused):
        return refused_response(error)
    if isinstance(error, ClientDisconnect):
        return refused_response(Refused(400, "the request ended before it was whole"))
    status = next((status for kind, status in _STATUSES if isinstance(error, kind)), None)
    if status is None:
        # The kind alone: its words may quote what was sent.
        _log.error("A request to the HMA door failed in a way nobody foresaw: %s", type(error).__name__)
        return refused_response(Refused(500, _BROKEN))
    headers = {}
    if isinstance(error, errors.TooManyRequests | errors.ServiceBusy):
        headers["retry-after"] = str(max(1, math.ceil(error.wait_s)))
    if status == 401:  # noqa: PLR2004  (Unauthorized)
        headers["www-authenticate"] = "Bearer"
    text = "Content too large" if isinstance(error, errors.RequestTooLarge) else str(error)
    return refused_response(Refused(status, text, headers))


def hma_app(service: Service) -> HmaApp:
    """Return the application of the door. Mount it at the root, after everything else."""
    return HmaApp(service)
