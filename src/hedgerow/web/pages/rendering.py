"""How a page is made: its template, what every page shows, and the forms that come back from it."""

from __future__ import annotations

import re
from functools import cache
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import quote

from fastapi.responses import HTMLResponse, RedirectResponse
from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from hedgerow import __version__
from hedgerow.web.callers import address_of, service_of
from hedgerow.web.pages.files import address_of_file

if TYPE_CHECKING:
    from datetime import datetime

    from fastapi import Request
    from starlette.responses import Response

    from hedgerow.web.callers import Caller

__all__ = ["count_attempt", "local_path", "redirect", "render", "wants_html"]

_LONGEST_PATH: Final = 500
# Pages that make no sense as a place to go to after a login.
_NOWHERE: Final = ("/login", "/logout", "/welcome")


def render(
    request: Request,
    template: str,
    *,
    caller: Caller | None = None,
    status: int = 200,
    **said: Any,  # noqa: ANN401  (what the template takes)
) -> HTMLResponse:
    """Return a page.

    Args:
        request: What is answered.
        template: Its file.
        caller: Who is logged in.
        status: The status.
        **said: What the template shows.
    """
    from hedgerow.accounts import csrf_token  # noqa: PLC0415  (a page of somebody who is not logged in has no forms' token)

    user = None if caller is None or caller.session is None else caller.session.user
    page = _templates().get_template(template)
    return HTMLResponse(
        page.render(
            path=request.url.path,
            user=user,
            csrf=csrf_token(caller.token) if caller is not None and caller.token else None,
            **said,
        ),
        status,
    )


def redirect(address: str) -> Response:
    """Send the browser to another page, which it asks for with GET."""
    return RedirectResponse(address, 303)


def local_path(text: str | None) -> str:
    """Return where somebody wants to go after a login, if that is a page of ours; else the first page.

    >>> local_path("/account"), local_path("//elsewhere.example/"), local_path("https://elsewhere.example/")
    ('/account', '/', '/')
    """
    if (
        text is None
        or not 1 <= len(text) <= _LONGEST_PATH
        or re.match(r"/(?!/)", text) is None
        or "\\" in text
        or not text.isascii()
        or not text.isprintable()
        or text.startswith(_NOWHERE)
    ):
        return "/"
    return text


def wants_html(request: Request) -> bool:
    """Tell whether a browser asks, and shows the answer to a person."""
    return "text/html" in request.headers.get("accept", "")


def count_attempt(request: Request) -> None:
    """Count an attempt to prove something, before any work goes into it.

    Raises:
        TooManyRequests: There were too many from this address.
    """
    service = service_of(request)
    service.refusals.take(f"login {address_of(request)}", service.settings.server.refusals_per_minute)


@cache
def _templates() -> Environment:
    made = Environment(
        loader=PackageLoader("hedgerow.web.pages"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        auto_reload=False,
    )
    made.filters |= {"moment": _moment, "fours": _fours, "path": lambda text: quote(text, safe="")}
    made.globals |= {"version": __version__, "file": address_of_file}
    return made


_MONTHS: Final = (
    "January", "February", "March", "April", "May", "June", "July", "August", "September", "October", "November",
    "December",
)  # fmt: skip  # one line is half a year


def _moment(at: datetime) -> Markup:
    """Write a time for people and for programs."""
    shown = f"{at.day} {_MONTHS[at.month - 1]} {at.year}, {at:%H:%M} UTC"
    return Markup('<time datetime="{}">{}</time>').format(at.isoformat(timespec="seconds"), shown)


def _fours(text: str) -> str:
    """Write a secret in groups of four, to be copied by hand."""
    return " ".join(text[start : start + 4] for start in range(0, len(text), 4))
