"""What other Hedgerows may read here: which bank, who, when they last did, and what they said of it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Final

from fastapi import APIRouter, Depends, Path, Query, Request
from fastapi.responses import Response  # noqa: TC002  (FastAPI reads annotations)

from hedgerow.accounts import Permission
from hedgerow.app.serving import sharing
from hedgerow.errors import BankNotFound, InvalidBankName, InvalidSharing, KeyNotFound, SharingExists
from hedgerow.web.api.paging import Number  # noqa: TC001  (FastAPI reads annotations)
from hedgerow.web.callers import Caller, allowed, service_of
from hedgerow.web.pages.bank_fields import line_of, whole_of
from hedgerow.web.pages.exchange_words import SAYINGS
from hedgerow.web.pages.language import marked
from hedgerow.web.pages.rendering import redirect, render
from hedgerow.web.sessions import form_of

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["router"]

router = APIRouter(prefix="/sharing")

_Reader = Annotated[Caller, Depends(allowed(Permission.EXCHANGES_READ))]
_Sharer = Annotated[Caller, Depends(allowed(Permission.EXCHANGES_SHARE))]
_Form = Annotated[dict[str, str], Depends(form_of)]
_Name = Annotated[str, Path(min_length=1, max_length=100, pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]*$")]

_NOTES: Final = {
    "made": marked("It is shared. Nobody can read it before you name a reader."),
    "added": marked("This key may read it from now on."),
    "withdrawn": marked("This key can read it no more. What it has read stays with it."),
    "paused": marked("It is paused: nobody can read it. What was read stays with who read it."),
    "resumed": marked("It is given again."),
    "removed": marked("It is shared no more. What was read stays with who read it."),
}
_NOT_ITS_NAME: Final = marked("This is not the name of the list.")
_NO_KEY: Final = marked("Choose a key.")


@router.get("")
def show_all(request: Request, caller: _Reader, note: Annotated[str, Query(max_length=20)] = "") -> Response:
    """List what is shared."""
    return _list_page(request, caller, note=note)


@router.post("")
def share(request: Request, caller: _Sharer, form: _Form) -> Response:
    """Share a bank under a name; nobody can read it before a reader is named."""
    name = line_of(form, "name")
    try:
        sharing.sharings_of(service_of(request)).create(
            name,
            line_of(form, "bank"),
            note=line_of(form, "note") or None,
            may_redistribute=form.get("may_pass_on") == "yes",
            actor=caller.actor,
        )
    except (InvalidBankName, SharingExists) as error:
        return _list_page(request, caller, said=form, errors={"name": str(error)})
    except BankNotFound as error:
        return _list_page(request, caller, said=form, errors={"bank": str(error)})
    except InvalidSharing as error:
        return _list_page(request, caller, said=form, errors={"note": str(error)})
    return redirect(f"/sharing/{name}?note=made")


def _list_page(
    request: Request,
    caller: Caller,
    *,
    note: str = "",
    said: Mapping[str, str] | None = None,
    errors: Mapping[str, str] | None = None,
) -> Response:
    return render(
        request,
        "sharing.html",
        caller=caller,
        status=422 if errors else 200,
        listed=sharing.shared_list(service_of(request)),
        note=_NOTES.get(note),
        said=said or {},
        errors=errors or {},
    )


@router.get("/{name}")
def show(request: Request, caller: _Reader, name: _Name, note: Annotated[str, Query(max_length=20)] = "") -> Response:
    """Show who may read a list, when they last did, and what they said of it."""
    return _one_page(request, caller, name, note=note)


def _one_page(
    request: Request,
    caller: Caller,
    name: str,
    template: str = "shared.html",
    *,
    note: str = "",
    errors: Mapping[str, str] | None = None,
) -> Response:
    return render(
        request,
        template,
        caller=caller,
        status=422 if errors else 200,
        shown=sharing.shared_one(service_of(request), name),
        note=_NOTES.get(note),
        errors=errors or {},
        SAYINGS=SAYINGS,
    )


@router.post("/{name}/switch")
def switch(request: Request, caller: _Sharer, name: _Name, form: _Form) -> Response:
    """Give a list, or pause it."""
    is_enabled = form.get("enabled") == "yes"
    sharing.sharings_of(service_of(request)).switch(name, is_enabled=is_enabled, actor=caller.actor)
    return redirect(f"/sharing/{name}?note={'resumed' if is_enabled else 'paused'}")


@router.post("/{name}/readers")
def add_reader(request: Request, caller: _Sharer, name: _Name, form: _Form) -> Response:
    """Let a key read a list."""
    try:
        sharing.sharings_of(service_of(request)).add_reader(
            name,
            whole_of(form, "key") or 0,
            may_state_opinions=form.get("opinions") == "yes",
            actor=caller.actor,
        )
    except KeyNotFound:
        return _one_page(request, caller, name, errors={"key": _NO_KEY})
    except InvalidSharing as error:
        return _one_page(request, caller, name, errors={"key": str(error)})
    return redirect(f"/sharing/{name}?note=added")


@router.post("/{name}/readers/{key}/withdrawal")
def withdraw_reader(request: Request, caller: _Sharer, name: _Name, key: Number) -> Response:
    """Let a key read a list no more."""
    sharing.sharings_of(service_of(request)).remove_reader(name, key, actor=caller.actor)
    return redirect(f"/sharing/{name}?note=withdrawn")


@router.get("/{name}/remove")
def ask_to_remove(request: Request, caller: _Sharer, name: _Name) -> Response:
    """Say what goes with a list, and ask for its name."""
    return _one_page(request, caller, name, "shared_remove.html")


@router.post("/{name}/remove")
def remove(request: Request, caller: _Sharer, name: _Name, form: _Form) -> Response:
    """Share a bank no more."""
    if line_of(form, "name") != name:
        return _one_page(request, caller, name, "shared_remove.html", errors={"name": _NOT_ITS_NAME})
    sharing.sharings_of(service_of(request)).remove(name, actor=caller.actor)
    return redirect("/sharing?note=removed")
