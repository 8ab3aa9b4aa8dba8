"""What the pages about exchanges have in common: their notes, how their forms are read, and the page of one."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Annotated, Any, Final

from fastapi import Path

from hedgerow.app.serving import exchanges
from hedgerow.web.callers import service_of
from hedgerow.web.pages import exchange_words
from hedgerow.web.pages.bank_fields import TYPES, line_of
from hedgerow.web.pages.language import marked
from hedgerow.web.pages.rendering import render

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from fastapi import Request
    from starlette.responses import Response

    from hedgerow.exchanges.model import Field
    from hedgerow.web.callers import Caller

__all__ = ["NOTES", "ExchangeName", "exchange_response", "positive_of", "said_of", "words"]

ExchangeName = Annotated[str, Path(min_length=1, max_length=100, pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]*$")]

NOTES: Final = {
    "made": marked("It is there, and will be fetched within some seconds if nothing is missing."),
    "fetching": marked("It will be fetched within some seconds."),
    "walking": marked("The next fetch begins to walk through all that its partner has."),
    "on": marked("It is switched on, and will be fetched within some seconds."),
    "off": marked("It is switched off. What it brought stays in its bank."),
    "resumed": marked("It goes on, and will be fetched within some seconds."),
    "armed": marked("It is armed, and speaks to the production system from now on."),
    "disarmed": marked("It is disarmed, and speaks to no production system any more."),
    "told": marked("Decisions about what it brought are told to its partner from now on."),
    "kept": marked("Decisions are not told to its partner any more. What waits goes on waiting."),
    "sealed": marked("The credentials are sealed. Nobody can read them back."),
    "unsealed": marked("Its own credentials are gone."),
    "rhythm": marked("The rhythm is kept."),
    "configured": marked("The configuration is kept. All that its partner has is walked through again."),
    "skipped": marked("The page is left out. What it holds is missing until everything is walked through again."),
    "removed": marked("The exchange is gone, and what it brought matches nothing any more."),
}


def words() -> dict[str, Any]:
    """Return the words that templates about exchanges need."""
    return {
        "STATES": exchange_words.STATES,
        "FIELDS": exchange_words.FIELDS,
        "MODES": exchange_words.MODES,
        "SAYINGS": exchange_words.SAYINGS,
        "REASONS": exchange_words.REASONS,
        "OPINION_STATES": exchange_words.OPINION_STATES,
        "ENDS": exchange_words.ENDS,
        "TYPES": TYPES,
        "typed": exchange_words.typed,
    }


def said_of(form: Mapping[str, str], fields: Iterable[Field]) -> dict[str, str]:
    """Return what a form says of a configuration: a box that is not ticked says no."""
    said = {}
    for field in fields:
        if field.type == "boolean":
            said[field.name] = "yes" if form.get(f"config-{field.name}") == "yes" else "no"
        else:
            said[field.name] = line_of(form, f"config-{field.name}")
    return said


def positive_of(form: Mapping[str, str], name: str, *, most: float) -> float | None:
    """Return a number above 0 that was typed; None where nothing was.

    Raises:
        ValueError: It is none, or too large.

    >>> positive_of({"days": " 1,5 "}, "days", most=100), positive_of({}, "days", most=100)
    (1.5, None)
    """
    text = line_of(form, name).replace(",", ".")
    if not text:
        return None
    number = float(text)
    if not (math.isfinite(number) and 0 < number <= most):
        raise ValueError
    return number


def exchange_response(
    request: Request,
    caller: Caller,
    name: str,
    *,
    note: str = "",
    said: Mapping[str, str] | None = None,
    errors: Mapping[str, str] | None = None,
    place: str = "",
) -> Response:
    """Show an exchange.

    Args:
        request: What is answered.
        caller: Who asks.
        name: Of the exchange.
        note: What was just done: one of `NOTES`.
        said: What a refused form said, without secrets.
        errors: Field → what is wrong with it.
        place: The form that was refused.
    """
    return render(
        request,
        "exchange.html",
        caller=caller,
        status=422 if errors else 200,
        page=exchanges.exchange_page(service_of(request), name),
        note=NOTES.get(note),
        said=said or {},
        errors=errors or {},
        place=place,
        **words(),
    )
