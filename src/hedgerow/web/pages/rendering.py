"""How a page is made: its template, what every page shows, and the forms that come back from it."""

from __future__ import annotations

import json
import re
from functools import cache, partial
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import quote

from babel.dates import format_date, format_datetime, format_timedelta
from babel.numbers import format_decimal, format_percent
from fastapi.responses import HTMLResponse, RedirectResponse
from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from hedgerow import __version__
from hedgerow.web.callers import address_of, service_of
from hedgerow.web.pages.files import address_of_file
from hedgerow.web.pages.language import LANGUAGES, language_asked_for, locale_of, words_of

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime

    from babel import Locale
    from fastapi import Request
    from starlette.responses import Response

    from hedgerow.web.callers import Caller

__all__ = ["count_attempt", "local_path", "redirect", "render", "wants_html"]

_LONGEST_PATH: Final = 500
# Pages that make no sense as a place to go to after a login.
_NOWHERE: Final = ("/login", "/logout", "/welcome")
_SMALL_SHARE: Final = 0.1
_THOUSAND: Final = 1000


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
    if caller is None or caller.session is None:
        language = language_asked_for(request)
        page = _templates(language).get_template(template)
        return HTMLResponse(page.render(path=request.url.path, language=language, user=None, csrf=None, **said), status)
    # Not before somebody is logged in, since they need the extra `server` and a database.
    from hedgerow.accounts import csrf_token  # noqa: PLC0415  (see above)
    from hedgerow.app.serving.console import around  # noqa: PLC0415  (as above)
    from hedgerow.web.pages.commands import COMMANDS, keys_of  # noqa: PLC0415  (as above)
    from hedgerow.web.pages.navigation import places_for  # noqa: PLC0415  (as above)

    service = service_of(request)
    user = caller.session.user
    stands = around(service.settings, service.database, user)
    language = stands.preferences.language or language_asked_for(request)
    keys = keys_of(stands.preferences)
    page = _templates(language).get_template(template)
    return HTMLResponse(
        page.render(
            path=request.url.path,
            language=language,
            user=user,
            may={str(each) for each in caller.permissions},
            csrf=csrf_token(caller.token),
            places=places_for(caller.permissions),
            around=stands,
            commands=COMMANDS,
            keys=keys,
            keys_json=json.dumps(keys, sort_keys=True),
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
def _templates(language: str) -> Environment:
    made = Environment(
        loader=PackageLoader("hedgerow.web.pages"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        auto_reload=False,
        extensions=["jinja2.ext.i18n"],
    )
    words = words_of(language)
    # `newstyle` escapes what stands in for a name, and lets `_("{n} cases", n=…)` be written as a call.
    made.install_gettext_callables(words.gettext, words.ngettext, newstyle=True)  # type: ignore[attr-defined]  # i18n
    made.globals["_"] = partial(_said, cache(lambda text: Markup(words.gettext(text))))  # noqa: S704  (our own sentences)
    locale = locale_of(language)
    # A `_(…)` marks what it returns as safe, which is right for sentences of ours and wrong for a name that is only
    # known when a page is made (an error, a word of the platform): that is translated by a filter, and escaped.
    made.filters |= {
        "said": lambda text: words.gettext(text) if text else "",
        "moment": partial(_moment, locale),
        "day": lambda at: format_date(at, "d MMM y", locale),
        "since": partial(_since, locale),
        "number": lambda value: format_decimal(value, locale=locale),
        "share": lambda value: format_percent(value, "0.#%" if value < _SMALL_SHARE else "0%", locale=locale),
        "size": partial(_size, locale),
        "fours": _fours,
        "path": lambda text: quote(text, safe=""),
    }
    made.globals |= {"version": __version__, "file": address_of_file, "languages": LANGUAGES}
    return made


def _said(sentence: Callable[[str], Markup], text: str, /, **stands_in: object) -> Markup:
    """Say a sentence of a template, as Jinja's own ``_`` does, which looks all of it up anew for each of hundreds."""
    return sentence(text) % stands_in


def _moment(locale: Locale, at: datetime) -> Markup:
    """Write a time for people and for programs."""
    shown = _in_full(locale, at)
    return Markup('<time datetime="{}">{}</time>').format(at.isoformat(timespec="seconds"), shown)


def _in_full(locale: Locale, at: datetime) -> str:
    # Other languages put words between the parts (22 de noviembre de 2026), which no column has room for.
    day = "d MMMM y" if locale.language == "en" else "d MMM y"
    return f"{format_datetime(at, f'{day}, HH:mm', locale=locale)} UTC"


def _since(locale: Locale, at: datetime, reference: datetime) -> Markup:
    """Write how far a time is from another, roughly: ``2 days ago``; the exact one is in its tooltip."""
    shown = format_timedelta(at - reference, add_direction=True, locale=locale)
    exact = _in_full(locale, at)
    return Markup('<time datetime="{}" title="{}">{}</time>').format(at.isoformat(timespec="seconds"), exact, shown)


def _size(locale: Locale, size_bytes: int) -> str:
    """Write how many bytes something has.

    >>> _size(locale_of("en"), 900), _size(locale_of("en"), 2_400_000), _size(locale_of("es"), 2_400_000)
    ('900 B', '2.4 MB', '2,4 MB')
    """
    value, unit = float(size_bytes), "B"
    for larger in ("kB", "MB", "GB", "TB"):
        if value < _THOUSAND:
            break
        value, unit = value / _THOUSAND, larger
    return f"{format_decimal(value, '0' if unit == 'B' else '0.0', locale)} {unit}"


def _fours(text: str) -> str:
    """Write a secret in groups of four, to be copied by hand."""
    return " ".join(text[start : start + 4] for start in range(0, len(text), 4))
