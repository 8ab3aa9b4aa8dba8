"""Errors for people: where a browser asks for a page, a problem becomes one.

Programs get problem details (`hedgerow.web.problems`), and so does everything under the paths of interfaces. Somebody
who is not logged in is led to the login page, and back from there.
"""

from __future__ import annotations

import json
from http import HTTPStatus
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import quote

from starlette.requests import Request

from hedgerow.web.pages.language import marked
from hedgerow.web.pages.rendering import local_path, redirect, render, wants_html

if TYPE_CHECKING:
    from starlette.responses import Response
    from starlette.types import ASGIApp, Message, Receive, Scope, Send

__all__ = ["ErrorPages"]

_INTERFACES: Final = ("/api/", "/h/", "/m/", "/c/", "/dev/", "/status", "/metrics", "/healthz", "/readyz")
_PROBLEM: Final = b"application/problem+json"
_DROPPED: Final = frozenset({b"content-type", b"content-length", b"www-authenticate"})


class ErrorPages:
    """Turns problems into pages, where a browser asks outside the interfaces.

    Args:
        app: What answers.
    """

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        if scope["type"] != "http" or scope["path"].startswith(_INTERFACES) or not wants_html(Request(scope)):
            await self._app(scope, receive, send)
            return
        started: Message | None = None
        body = b""

        async def with_pages(message: Message) -> None:
            nonlocal started, body
            if message["type"] == "http.response.start" and _is_problem(message):
                started = message
            elif started is None:
                await send(message)
            elif message["type"] == "http.response.body":
                body += message.get("body", b"")
                if not message.get("more_body", False):
                    page = _page(Request(scope), started, json.loads(body))
                    await page(scope, receive, send)

        await self._app(scope, receive, with_pages)


def _is_problem(message: Message) -> bool:
    return any(name == b"content-type" and value == _PROBLEM for name, value in message.get("headers", ()))


def _page(request: Request, started: Message, problem: dict[str, Any]) -> Response:
    if started["status"] == HTTPStatus.UNAUTHORIZED:
        if request.method not in {"GET", "HEAD"}:
            return redirect("/login?note=session_over")
        if request.headers.get("sec-fetch-site") == "cross-site":
            # Another site led here, so that the browser kept the session's cookie back: come again from here.
            place, title = marked("the page"), marked("One moment")
            return render(request, "going.html", address=_asked(request), place=place, title=title)
        path = local_path(_asked(request))
        return redirect("/login" if path == "/" else f"/login?to={quote(path, safe='')}")
    page = render(request, "error.html", status=started["status"], problem=problem)
    page.raw_headers += [each for each in started.get("headers", ()) if each[0] not in _DROPPED]
    return page


def _asked(request: Request) -> str:
    query = request.url.query
    return f"{request.url.path}?{query}" if query else request.url.path
