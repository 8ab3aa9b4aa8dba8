"""Exchanges: which sources fill banks, when each was fetched, and what went wrong."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Final

from fastapi import APIRouter, Depends, Path, Request
from fastapi.responses import Response  # noqa: TC002  (FastAPI reads annotations)

from hedgerow.accounts import Permission
from hedgerow.app.serving import exchanges
from hedgerow.errors import ExchangeExists, InvalidContent, InvalidExchange
from hedgerow.web.callers import Caller, allowed, service_of
from hedgerow.web.pages.bank_fields import line_of
from hedgerow.web.pages.language import marked
from hedgerow.web.pages.rendering import redirect, render
from hedgerow.web.sessions import form_of

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["router"]

router = APIRouter(prefix="/exchanges")

_Reader = Annotated[Caller, Depends(allowed(Permission.EXCHANGES_READ))]
_Writer = Annotated[Caller, Depends(allowed(Permission.EXCHANGES_WRITE))]
_Form = Annotated[dict[str, str], Depends(form_of)]
_Name = Annotated[str, Path(min_length=1, max_length=100, pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]*$")]

_NOTES: Final = {
    "fetching": marked("It will be fetched within some seconds."),
    "on": marked("It is switched on, and will be fetched within some seconds."),
    "off": marked("It is switched off. What it brought stays in its bank."),
}


@router.get("")
def show_all(request: Request, caller: _Reader) -> Response:
    """List the exchanges, each with how its latest fetch ended."""
    return _list_page(request, caller)


@router.post("")
def add(request: Request, caller: _Writer, form: _Form) -> Response:
    """Create an exchange and the bank that it fills."""
    name, kind = line_of(form, "name"), form.get("kind", "")
    said = {key.removeprefix("config-"): line_of(form, key) for key in form if key.startswith("config-")}
    if kind not in exchanges.kinds_of_exchanges():
        return _list_page(request, caller, said=form, errors={"name": marked("There is no such kind of source.")})
    try:
        exchanges.add_exchange(service_of(request), name, kind, said, actor=caller.actor)
    except (InvalidContent, ExchangeExists) as error:
        return _list_page(request, caller, said=form, errors={"name": str(error)})
    except InvalidExchange as error:
        return _list_page(request, caller, said=form, errors={"config": str(error)})
    return redirect(f"/exchanges/{name}?note=on")


def _list_page(
    request: Request, caller: Caller, *, said: Mapping[str, str] | None = None, errors: Mapping[str, str] | None = None
) -> Response:
    return render(
        request,
        "exchanges.html",
        caller=caller,
        status=422 if errors else 200,
        standings=exchanges.list_exchange_standings(service_of(request).database),
        kinds=exchanges.kinds_of_exchanges(),
        said=said or {},
        errors=errors or {},
    )


@router.get("/{exchange}")
def show(request: Request, caller: _Reader, exchange: _Name, note: str | None = None) -> Response:
    """Show an exchange and the history of its fetches."""
    shown = exchanges.exchange_page(service_of(request).database, exchange)
    return render(request, "exchange.html", caller=caller, shown=shown, note=_NOTES.get(note or ""))


@router.post("/{exchange}/switch")
def switch(request: Request, caller: _Writer, exchange: _Name, form: _Form) -> Response:
    """Switch the fetching of an exchange on or off."""
    is_enabled = form.get("enabled") == "yes"
    exchanges.switch_exchange(service_of(request).database, exchange, is_enabled=is_enabled, actor=caller.actor)
    return redirect(f"/exchanges/{exchange}?note={'on' if is_enabled else 'off'}")


@router.post("/{exchange}/fetch")
def fetch(request: Request, caller: _Writer, exchange: _Name) -> Response:
    """Let an exchange be fetched now."""
    exchanges.fetch_soon(service_of(request).database, exchange, actor=caller.actor)
    return redirect(f"/exchanges/{exchange}?note=fetching")
