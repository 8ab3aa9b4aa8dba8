"""The first page: what is due first, what failed, what needs somebody, and the next case."""

from __future__ import annotations

import hashlib
from typing import Annotated, Final

from fastapi import APIRouter, Depends, Request
from fastapi.responses import JSONResponse, RedirectResponse, Response

from hedgerow.app import now
from hedgerow.app.today import Today, today
from hedgerow.errors import KeyRefused
from hedgerow.web.callers import Caller, person, public, service_of
from hedgerow.web.pages import words_of_cases as words
from hedgerow.web.pages.rendering import render, wants_html

__all__ = ["router"]

router = APIRouter()

_LOOK_EVERY_S: Final = 4
"""Seconds after which an open page looks for new trouble: what fails is to show within five."""


async def _person_or_program(request: Request) -> Caller | None:
    """Return who is logged in; None for a program, which is led to the state of the service, as HMA does."""
    if not wants_html(request):
        return None
    return await person(request)


@router.get("/", dependencies=[Depends(public)])
def show(request: Request, caller: Annotated[Caller | None, Depends(_person_or_program)]) -> Response:
    """Show how things stand."""
    if caller is None:
        return RedirectResponse("/status", 302)
    if caller.session is None:
        raise KeyRefused
    stands = today(service_of(request), caller.session, at=now())
    return render(
        request, "today.html", caller=caller, stands=stands, words=words, version_of_facts=_version_of_facts(stands)
    )


@router.get("/today/live")
def live(request: Request, caller: Annotated[Caller, Depends(person)]) -> Response:
    """Say whether there is anything else to look after; an open page asks."""
    assert caller.session is not None  # noqa: S101  (`person` has looked)
    stands = today(service_of(request), caller.session, at=now())
    return JSONResponse({"is_under_way": True, "wait_s": _LOOK_EVERY_S, "version": _version_of_facts(stands)})


def _version_of_facts(stands: Today) -> str:
    """Return what changes when there is something else to look after."""
    said = "\n".join(f"{each.kind} {each.path} {sorted(each.said.items())}" for each in stands.facts)
    return hashlib.sha256(said.encode()).hexdigest()[:16]
