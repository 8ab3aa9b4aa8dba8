"""Look-backs: search what was submitted before something was banked."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Final

from fastapi import APIRouter, Depends, Query, Request
from fastapi.responses import Response  # noqa: TC002  (FastAPI reads annotations)

from hedgerow.accounts import Permission
from hedgerow.app import lookbacks
from hedgerow.app.serving import banks
from hedgerow.errors import BankNotFound, EntryNotFound, InvalidLookBack, LedgerEmpty
from hedgerow.web.api.paging import Number  # noqa: TC001  (FastAPI reads annotations)
from hedgerow.web.callers import Caller, allowed, service_of
from hedgerow.web.pages.bank_fields import NOT_WHOLE, line_of
from hedgerow.web.pages.banks import Before  # noqa: TC001  (as above)
from hedgerow.web.pages.language import marked
from hedgerow.web.pages.rendering import redirect, render
from hedgerow.web.sessions import form_of

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["router"]

router = APIRouter(prefix="/lookbacks")

_Looker = Annotated[Caller, Depends(allowed(Permission.LOOKBACK))]
_Form = Annotated[dict[str, str], Depends(form_of)]

_PER_PAGE: Final = 50
_MOST_BANKS: Final = 1_000
_MOST_DIGITS: Final = 18
_NOTES: Final = {
    "asked": marked("A worker will look back. What it finds goes into cases."),
    "stopped": marked("It is stopped. What it found stays."),
}


@router.get("")
def show_all(
    request: Request,
    caller: _Looker,
    bank: Annotated[str, Query(max_length=100)] = "",
    before: Before = None,
    note: str | None = None,
) -> Response:
    """List the look-backs, and ask for one."""
    return _page(request, caller, {"bank": bank}, before=before, note=_NOTES.get(note or ""))


@router.post("")
def ask(request: Request, caller: _Looker, form: _Form) -> Response:
    """Ask for a look-back."""
    numbers = line_of(form, "entries").replace(",", " ").split()
    if not all(each.isascii() and each.isdecimal() and len(each) <= _MOST_DIGITS for each in numbers):
        return _page(request, caller, form, errors={"entries": NOT_WHOLE})
    database, wanted = service_of(request).database, [int(each) for each in numbers] or None
    try:
        lookbacks.request_look_back_in(database, line_of(form, "bank"), wanted, actor=caller.actor)
    except (BankNotFound, LedgerEmpty) as error:
        return _page(request, caller, form, errors={"bank": str(error)})
    except (EntryNotFound, InvalidLookBack) as error:
        return _page(request, caller, form, errors={"entries": str(error)})
    return redirect("/lookbacks?note=asked")


@router.post("/{lookback}/stop")
def stop(request: Request, caller: _Looker, lookback: Number) -> Response:
    """Stop a look-back."""
    lookbacks.stop_look_back_in(service_of(request).database, lookback, actor=caller.actor)
    return redirect("/lookbacks?note=stopped")


def _page(
    request: Request,
    caller: Caller,
    said: Mapping[str, str],
    *,
    before: int | None = None,
    note: str | None = None,
    errors: Mapping[str, str] | None = None,
) -> Response:
    database = service_of(request).database
    found = lookbacks.look_backs_in(database, before=before, limit=_PER_PAGE + 1)
    further = found[_PER_PAGE - 1].look_back.id if len(found) > _PER_PAGE else None
    return render(
        request,
        "lookbacks.html",
        caller=caller,
        status=422 if errors else 200,
        found=found[:_PER_PAGE],
        names=[each.name for each in banks.list_banks(database, limit=_MOST_BANKS)],
        said=said,
        errors=errors or {},
        note=note,
        again="/lookbacks" if before is None else f"/lookbacks?before={before}",
        next=None if further is None else f"/lookbacks?before={further}",
    )
