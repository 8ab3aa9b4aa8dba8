"""The manners of the Graph API: its errors, its ``fields`` and its cursors."""

from __future__ import annotations

import base64
import json
import re
from dataclasses import replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import parse_qsl, urlencode

from hedgerow.simulators.stage import Answer, json_answer

if TYPE_CHECKING:
    from collections.abc import Mapping

    from hedgerow.simulators.stage import Request

__all__ = [
    "Fields",
    "GraphError",
    "error_answer",
    "gone_object",
    "graph_time",
    "invalid",
    "paging",
    "parameters_of",
    "read_cursor",
    "read_fields",
    "read_limit",
    "read_number",
    "throttled",
    "write_cursor",
]

_FIELD: Final = re.compile(r"\s*([A-Za-z0-9_]+)\s*")
_MOST_DEPTH: Final = 5
_CURSOR: Final = re.compile(r"u(\d{1,18})")
_LARGEST_TIME: Final = 2**33
"""In seconds since 1970: the year 2242."""
_USUAL_LIMIT: Final = 25
_MOST_LIMIT: Final = 1000
"""As documented for descriptors; that the updates have the same bound is an assumption."""

_THROTTLED: Final[Mapping[int, tuple[int, str]]] = {
    4: (403, "Application request limit reached"),
    17: (400, "User request limit reached"),
    32: (403, "Page request limit reached"),
    613: (400, "Calls to this api have exceeded the rate limit."),
}
"""Code → HTTP status and sentence. That the codes do not all come with 429 is the point."""


class GraphError(Exception):
    """Something that the Graph API answers with its envelope.

    Args:
        code: As documented: 100 for a parameter, 190 for a token, 10 for a permission.
        problem: One sentence, which quotes no values.
        status: Of HTTP.
        subcode: Narrows the code.
        kind: What stands under ``type``.
    """

    def __init__(
        self, code: int, problem: str, status: int = 400, subcode: int | None = None, kind: str = "OAuthException"
    ) -> None:
        self.code = code
        self.problem = problem
        self.status = status
        self.subcode = subcode
        self.kind = kind
        super().__init__(problem)


def invalid(problem: str) -> GraphError:
    """Return the error for a parameter that does not fit."""
    return GraphError(100, f"(#100) {problem}")


def gone_object() -> GraphError:
    """Return the error for an object that is not there, or that the app may not see."""
    problem = "Unsupported request. The object does not exist or cannot be loaded due to missing permissions."
    return GraphError(100, problem, subcode=33, kind="GraphMethodException")


def throttled(code: int) -> GraphError:
    """Return the error for too many calls.

    Raises:
        KeyError: The code is none of 4, 17, 32 and 613.
    """
    status, words = _THROTTLED[code]
    return GraphError(code, f"(#{code}) {words}", status)


def error_answer(error: GraphError, trace: str) -> Answer:
    """Answer an error as the Graph API does; `trace` is what its support would ask for."""
    inside: dict[str, Any] = {"message": error.problem, "type": error.kind, "code": error.code}
    if error.subcode is not None:
        inside["error_subcode"] = error.subcode
    if error.code in _THROTTLED:
        inside["is_transient"] = True
    inside["fbtrace_id"] = trace
    headers: dict[str, str] = {}
    if error.code == 190:  # noqa: PLR2004  (the documented code)
        headers["WWW-Authenticate"] = 'OAuth "Facebook Platform" "invalid_token" "the token is not valid"'
    if error.code in _THROTTLED:
        headers["X-App-Usage"] = '{"call_count":100,"total_time":40,"total_cputime":30}'
    return replace(json_answer({"error": inside}, error.status), headers=headers, note=f"error {error.code}")


def graph_time(seconds: int) -> str:
    """Write a time as objects have it.

    >>> graph_time(0)
    '1970-01-01T00:00:00+0000'
    """
    return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%dT%H:%M:%S+0000")


def parameters_of(request: Request) -> dict[str, str]:
    """Return the parameters of a call: of the query, and of a form or JSON object in the body, which wins.

    Raises:
        GraphError: The body cannot be read.
    """
    found = {name: values[-1] for name, values in request.query.items() if values}
    kind = request.headers.get("content-type", "").partition(";")[0].strip().casefold()
    if not request.body:
        return found
    try:
        if kind == "application/x-www-form-urlencoded":
            found.update(parse_qsl(request.body.decode(), keep_blank_values=True))
        elif kind == "application/json":
            found.update({str(name): _as_text(value) for name, value in json.loads(request.body).items()})
    except (ValueError, AttributeError):
        raise invalid("The body cannot be read.") from None
    return found


def _as_text(value: object) -> str:
    if isinstance(value, list):
        return ",".join(str(each) for each in value)
    return value if isinstance(value, str) else json.dumps(value)


def read_number(parameters: Mapping[str, str], name: str, least: int, most: int = _LARGEST_TIME) -> int | None:
    """Return a parameter that is a number; None where it is not given.

    Raises:
        GraphError: It is none, or too small or large.
    """
    text = parameters.get(name, "")
    if not text:
        return None
    if not (text.isascii() and text.isdecimal() and len(text) <= len(str(_LARGEST_TIME))):
        raise invalid(f"Param {name} must be an integer")
    number = int(text)
    if not least <= number <= most:
        raise invalid(f"Param {name} must lie in {least}–{most}")
    return number


def read_limit(parameters: Mapping[str, str], most: int) -> int:
    """Return how many are asked for, or as many as the service gives at most.

    Raises:
        GraphError: It is no number in 1–1000.
    """
    return min(read_number(parameters, "limit", 1, _MOST_LIMIT) or _USUAL_LIMIT, most)


def paging(request: Request, first: int, last: int, *, has_next: bool, host: str = "") -> dict[str, Any]:
    """Return the cursors, and the address of the next page, with the query as it came: the token, too."""
    shown: dict[str, Any] = {"cursors": {"before": write_cursor(first), "after": write_cursor(last)}}
    if has_next:
        kept = {name: values for name, values in request.query.items() if name != "after"}
        query = urlencode({**kept, "after": write_cursor(last)}, doseq=True)
        shown["next"] = f"http://{host or request.host}{request.path}?{query}"
    return {"paging": shown}


def write_cursor(sequence: int) -> str:
    """Write a place in a list.

    >>> read_cursor(write_cursor(12))
    12
    """
    return base64.urlsafe_b64encode(f"u{sequence}".encode()).decode().rstrip("=")


def read_cursor(text: str) -> int:
    """Read a place in a list.

    Raises:
        GraphError: It is none.
    """
    try:
        found = _CURSOR.fullmatch(base64.urlsafe_b64decode(text + "=" * (-len(text) % 4)).decode())
    except ValueError:
        found = None
    if found is None:
        raise invalid("Invalid cursor")
    return int(found[1])


class Fields(dict[str, "Fields | None"]):
    """The fields that are asked for: name → the fields inside, or None where it does not say."""


def read_fields(text: str) -> Fields | None:
    """Read ``id,owner{id}``; None where nothing is asked for.

    Raises:
        GraphError: The braces do not fit.

    >>> read_fields("id,owner{id,name},tags")
    {'id': None, 'owner': {'id': None, 'name': None}, 'tags': None}
    """
    if not text.strip():
        return None
    fields, end = _read_fields(text, 0, 0)
    if end != len(text):
        raise _bad_fields()
    return fields


def _read_fields(text: str, at: int, depth: int) -> tuple[Fields, int]:
    fields = Fields()
    if depth == _MOST_DEPTH:
        raise _bad_fields()
    while True:
        found = _FIELD.match(text, at)
        if found is None:
            raise _bad_fields()
        at, inside = found.end(), None
        if text[at : at + 1] == "{":
            inside, at = _read_fields(text, at + 1, depth + 1)
            if text[at : at + 1] != "}":
                raise _bad_fields()
            at += 1
        fields[found[1]] = inside
        if text[at : at + 1] != ",":
            return fields, at
        at += 1


def _bad_fields() -> GraphError:
    return GraphError(2500, "Syntax error in the fields parameter.")
