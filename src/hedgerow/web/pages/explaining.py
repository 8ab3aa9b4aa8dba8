"""What the words mean that stand in problems: the address in each problem's ``type`` leads here."""

from __future__ import annotations

import inspect
import re
from functools import cache
from http import HTTPStatus
from typing import TYPE_CHECKING, NamedTuple

from fastapi import APIRouter, Depends, Request
from fastapi.responses import Response  # noqa: TC002  (FastAPI reads annotations)
from starlette.exceptions import HTTPException

from hedgerow.errors import HedgerowError
from hedgerow.web.callers import public
from hedgerow.web.pages.rendering import render
from hedgerow.web.problems import status_of

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["router"]

router = APIRouter(dependencies=[Depends(public)])


class _Word(NamedTuple):
    """A word, under which status it is told, and what it means."""

    reason: str
    status: int
    meaning: str
    further: str


@router.get("/problems/{reason}")
def explain(request: Request, reason: str) -> Response:
    """Say what a word means."""
    word = _words().get(reason)
    if word is None:
        raise HTTPException(404)
    return render(request, "problem.html", word=word, phrase=HTTPStatus(word.status).phrase)


@cache
def _words() -> dict[str, _Word]:
    words = {
        each.phrase.lower().replace(" ", "_").replace("-", "_"): _Word(
            each.phrase.lower().replace(" ", "_").replace("-", "_"), each, f"{each.description or each.phrase}.", ""
        )
        for each in HTTPStatus
        if each >= HTTPStatus.BAD_REQUEST
    }
    words["internal_error"] = _Word(
        "internal_error", 500, "Something went wrong in the service itself, in a way that nobody foresaw.",
        "The log of the service names the kind of error.",
    )  # fmt: skip  # as in the others
    for kind in _kinds(HedgerowError):
        text = inspect.cleandoc(kind.__doc__ or "").partition("\n\nArgs:")[0]
        first, _, rest = text.partition("\n")
        words.setdefault(kind.reason, _Word(kind.reason, status_of(kind), _plain(first), _plain(rest)))
    return words


def _kinds(kind: type[HedgerowError]) -> Iterator[type[HedgerowError]]:
    for each in kind.__subclasses__():
        yield each
        yield from _kinds(each)


def _plain(text: str) -> str:
    """Write a docstring as prose: one paragraph, without the marks of code."""
    return re.sub(r"`+", "", " ".join(text.split()))
