"""Look-backs: search what was submitted before an entry was banked."""

from __future__ import annotations

from datetime import datetime  # noqa: TC003  (pydantic reads the annotation)
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Depends, Query, Request
from pydantic import Field

from hedgerow.accounts import Permission
from hedgerow.app import lookbacks
from hedgerow.web.api.paging import LARGEST_ID, USUAL, Cursor, In, Limit, Number, Out, Page, paged, read_cursor
from hedgerow.web.bodies import BoundedRoute
from hedgerow.web.callers import Caller, allowed, service_of
from hedgerow.web.problems import responses_of

__all__ = ["router"]

router = APIRouter(prefix="/lookbacks", tags=["look-backs"], route_class=BoundedRoute)

_Looker = Annotated[Caller, Depends(allowed(Permission.LOOKBACK))]

_BANK_NAME = r"^[A-Za-z0-9][A-Za-z0-9._-]*$"


class LookBackIn(In):
    """What to look back for."""

    bank: str = Field(max_length=100, pattern=_BANK_NAME, examples=["partner"])
    entries: list[Annotated[int, Field(ge=1, le=LARGEST_ID)]] | None = Field(
        default=None, min_length=1, max_length=10_000, description="Only these of its entries; null for all."
    )


class LookBackOut(Out):
    """A search of the ledger, and how far it is."""

    lookback: int
    bank: str
    entries: list[int] | None
    automatic: bool = Field(description="Whether nobody asked: it collects what is new in the bank.")
    state: Literal["waiting", "running", "done", "stopped"]
    requested_by: str = Field(examples=["key:5"])
    requested_at: datetime
    started_at: datetime | None
    ended_at: datetime | None
    total: int | None = Field(description="Submissions that are to be looked up; null before the start.")
    checked: int = Field(description="Submissions that were looked up.")
    unreadable: int = Field(description="Rows that could not be read.")
    found: int = Field(description="Submissions for which it found something new: these are in cases.")
    last_error: str | None


@router.post(
    "",
    summary="Ask for a look-back",
    status_code=202,
    response_model=LookBackOut,
    responses=responses_of(404, 408, 409, 413),
)
def request_look_back(request: Request, caller: _Looker, asked: LookBackIn) -> dict[str, Any]:
    """Search what was submitted before for entries of a bank. A worker does it; what it finds goes into cases."""
    return lookbacks.request_look_back_in(
        service_of(request).database, asked.bank, asked.entries, actor=caller.actor
    ).to_json()


@router.get("", summary="List look-backs", response_model=Page[LookBackOut], responses=responses_of(404))
def list_look_backs(
    request: Request,
    _caller: _Looker,
    bank: Annotated[str | None, Query(max_length=100, pattern=_BANK_NAME, description="Only of this bank.")] = None,
    open: Annotated[bool, Query(description="Only those that have not ended.")] = False,  # noqa: A002, FBT002  (a query)
    limit: Limit = USUAL,
    cursor: Cursor = None,
) -> dict[str, Any]:
    """List look-backs, the newest first."""
    before = None if cursor is None else read_cursor(cursor, int)[0]
    found = lookbacks.look_backs_in(
        service_of(request).database, bank=bank, is_open=open, before=before, limit=limit + 1
    )
    page = paged(found, limit, lambda each: (each.look_back.id,))
    return {**page, "items": [each.to_json() for each in page["items"]]}


@router.get("/{lookback}", summary="Show a look-back", response_model=LookBackOut, responses=responses_of(404))
def show_look_back(request: Request, _caller: _Looker, lookback: Number) -> dict[str, Any]:
    """Show how far a look-back is."""
    return lookbacks.look_back_in(service_of(request).database, lookback).to_json()


@router.post("/{lookback}/stop", summary="Stop a look-back", response_model=LookBackOut, responses=responses_of(404))
def stop_look_back(request: Request, caller: _Looker, lookback: Number) -> dict[str, Any]:
    """Stop a look-back; what it found stays. One that has ended is left as it is."""
    return lookbacks.stop_look_back_in(service_of(request).database, lookback, actor=caller.actor).to_json()
