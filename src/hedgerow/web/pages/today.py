"""The first page: how things stand today."""

from __future__ import annotations

from typing import Annotated, Final

from fastapi import APIRouter, Depends, Request
from fastapi.responses import RedirectResponse, Response

from hedgerow.app import now
from hedgerow.app.today import today
from hedgerow.errors import KeyRefused
from hedgerow.web.callers import Caller, person, public, service_of
from hedgerow.web.pages.rendering import render, wants_html

__all__ = ["router"]

router = APIRouter()

_QUEUES: Final = {
    "known": "Known: the same file, or nearly",
    "near": "Near matches",
    "escalated": "Escalated",
    "second_opinion": "Second opinion",
    "appeals": "Appeals",
    "qa": "Second review of a sample",
    "notices": "Removal requests",
    "text": "Texts",
}


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
    rows = None if stands.queues is None else [(_QUEUES[each.queue], each) for each in stands.queues]
    return render(request, "today.html", caller=caller, stands=stands, rows=rows)
