"""How HMA answers: JSON with sorted names and one newline, ``{"message"}`` for errors, pages for wrong addresses."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import TYPE_CHECKING, Any, Final

from starlette.responses import Response

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from pydantic import ValidationError

    from hedgerow.app.hma import Made
    from hedgerow.app.service import Media

__all__ = ["UNCHECKED", "Ask", "Form", "Refused", "invalid", "json_response", "page", "refused_response", "unchecked"]

UNCHECKED: Final = "Hedgerow-Unchecked"
"""A header that says of which signal types something could not be looked at, and why: ``pdq=low_quality``. A dictionary
of tokens (RFC 9651)."""

_PAGES: Final = {
    404: "The requested URL was not found on the server. If you entered the URL manually please check your spelling "
    "and try again.",
    405: "The method is not allowed for the requested URL.",
}


@dataclass(frozen=True, slots=True)
class Form:
    """The parts of a form.

    Attributes:
        files: Field names and media.
        fields: The other parts.
    """

    files: tuple[tuple[str, Media], ...] = ()
    fields: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Ask:
    """A request that was read.

    Attributes:
        query: The first value of each parameter.
        path: What stands in the path.
        actor: Who asks, as the audit log knows them.
        kind: The content type, without its parameters.
        body: The bytes of a request that is no form.
        form: The parts of one that is.
    """

    query: Mapping[str, str]
    path: Mapping[str, Any]
    actor: str
    kind: str = ""
    body: bytes = field(default=b"", repr=False)
    form: Form = field(default=Form(), repr=False)

    @property
    def is_json(self) -> bool:
        """Whether the body says that it is JSON."""
        return self.kind == "application/json" or (self.kind.startswith("application/") and self.kind.endswith("+json"))

    def json_or_none(self) -> Any:  # noqa: ANN401  (whatever it holds)
        """Return the JSON of the body; None where it is none, as the routes take it that check their bodies."""
        if not self.is_json:
            return None
        try:
            return json.loads(self.body)
        except (ValueError, RecursionError):
            return None

    def json(self) -> Any:  # noqa: ANN401  (as above)
        """Return the JSON of the body, or refuse as Flask does where a route reads it itself."""
        if not self.is_json:
            raise Refused(
                415,
                "Did not attempt to load JSON data because the request Content-Type was not 'application/json'.",
            )
        try:
            return json.loads(self.body)
        except (ValueError, RecursionError):
            raise Refused(400, "The browser (or proxy) sent a request that this server could not understand.") from None


class Refused(Exception):
    """An answer other than what was asked for.

    Args:
        status: The status.
        body: A message, or a list of what does not fit.
        headers: Further headers.
    """

    def __init__(self, status: int, body: str | list[Any], headers: Mapping[str, str] | None = None) -> None:
        self.status = status
        self.body = body
        self.headers = dict(headers or {})
        super().__init__(status)


def json_response(value: object, status: int = 200, headers: Mapping[str, str] | None = None) -> Response:
    """Return JSON as HMA writes it."""
    text = json.dumps(value, sort_keys=True, separators=(",", ":")) + "\n"
    return Response(text, status, headers, "application/json")


def refused_response(refused: Refused) -> Response:
    """Return an error as HMA writes it."""
    body = {"message": refused.body} if isinstance(refused.body, str) else refused.body
    return json_response(body, refused.status, refused.headers)


def page(status: int, headers: Mapping[str, str] | None = None) -> Response:
    """Return the page that HMA shows for an address that is none."""
    phrase = HTTPStatus(status).phrase
    text = (
        f"<!doctype html>\n<html lang=en>\n<title>{status} {phrase}</title>\n<h1>{phrase}</h1>\n"
        f"<p>{_PAGES[status]}</p>\n"
    )
    return Response(text, status, headers, "text/html")


def invalid(error: ValidationError) -> Refused:
    """Return what a request is refused with that does not fit its model: pydantic's findings."""
    found = json.loads(error.json(include_url=True))
    return Refused(422, found)


def unchecked(made: Iterable[Made]) -> dict[str, str]:
    """Return the header that says what could not be looked at; none where everything could."""
    said = [f"{each.type.name}={each.problem}" for each in made if each.problem is not None]
    return {UNCHECKED: ", ".join(said)} if said else {}
