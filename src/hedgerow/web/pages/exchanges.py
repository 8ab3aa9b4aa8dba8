"""Exchanges: which there are, how each stands, and what can be asked for at once."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

from fastapi import APIRouter, Depends, Query, Request
from fastapi.responses import Response  # noqa: TC002  (FastAPI reads annotations)

from hedgerow.accounts import Permission
from hedgerow.app import now
from hedgerow.app.serving import exchanges
from hedgerow.errors import ExchangeExists, InvalidBankName, InvalidExchange
from hedgerow.exchanges.shield import SHIELD_NAME
from hedgerow.web.callers import Caller, allowed, service_of
from hedgerow.web.pages.bank_fields import line_of
from hedgerow.web.pages.exchange_fields import NOTES, ExchangeName, exchange_response, said_of, words
from hedgerow.web.pages.language import marked
from hedgerow.web.pages.rendering import redirect, render
from hedgerow.web.sessions import form_of

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["router"]

router = APIRouter(prefix="/exchanges")

_Reader = Annotated[Caller, Depends(allowed(Permission.EXCHANGES_READ))]
_Writer = Annotated[Caller, Depends(allowed(Permission.EXCHANGES_WRITE))]
_Sharer = Annotated[Caller, Depends(allowed(Permission.EXCHANGES_SHARE))]
_Form = Annotated[dict[str, str], Depends(form_of)]


@router.get("")
def show_all(request: Request, caller: _Reader, note: Annotated[str, Query(max_length=20)] = "") -> Response:
    """List the exchanges, those first that need a person."""
    return _list_page(request, caller, note=note)


@router.post("")
def add(request: Request, caller: _Writer, form: _Form) -> Response:
    """Create an exchange and the bank that it fills."""
    name, kind = line_of(form, "name"), form.get("kind", "")
    partner = exchanges.find_kind(kind)
    if partner is None:
        return _list_page(request, caller, said=form, errors={"name": marked("There is no such kind of source.")})
    try:
        exchanges.add_exchange(
            service_of(request), name, kind, said_of(form, partner.config_fields), actor=caller.actor
        )
    except (InvalidBankName, ExchangeExists) as error:
        return _list_page(request, caller, said=form, errors={"name": str(error)})
    except InvalidExchange as error:
        return _list_page(request, caller, said=form, errors={"config": str(error)})
    return redirect(f"/exchanges/{name}?note=made")


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
        "exchanges.html",
        caller=caller,
        status=422 if errors else 200,
        listed=exchanges.list_exchanges(service_of(request)),
        kinds=exchanges.kinds_of_partners(),
        product=SHIELD_NAME,
        note=NOTES.get(note),
        at=now(),
        said=said or {},
        errors=errors or {},
        **words(),
    )


@router.get("/{exchange}")
def show(
    request: Request, caller: _Reader, exchange: ExchangeName, note: Annotated[str, Query(max_length=20)] = ""
) -> Response:
    """Show an exchange: how it stands, what needs a person, and what it changed lately."""
    return exchange_response(request, caller, exchange, note=note)


# ── what is done at once ─────────────────────────────────────────────────────────────────────────────────────────


@router.post("/{exchange}/switch")
def switch(request: Request, caller: _Writer, exchange: ExchangeName, form: _Form) -> Response:
    """Switch the fetching of an exchange on or off."""
    is_enabled = form.get("enabled") == "yes"
    asked = exchanges.exchanges_of(service_of(request))
    asked.switch_exchange(exchange, is_enabled=is_enabled, actor=caller.actor)
    return redirect(f"/exchanges/{exchange}?note={'on' if is_enabled else 'off'}")


@router.post("/{exchange}/fetch")
def fetch(request: Request, caller: _Writer, exchange: ExchangeName) -> Response:
    """Let an exchange be fetched now."""
    exchanges.exchanges_of(service_of(request)).ask_for_fetch(exchange, actor=caller.actor)
    return redirect(f"/exchanges/{exchange}?note=fetching")


@router.post("/{exchange}/reconcile")
def reconcile(request: Request, caller: _Writer, exchange: ExchangeName) -> Response:
    """Let all that the partner has be walked through."""
    exchanges.exchanges_of(service_of(request)).ask_for_walk(exchange, actor=caller.actor)
    return redirect(f"/exchanges/{exchange}?note=walking")


@router.post("/{exchange}/resume")
def resume(request: Request, caller: _Writer, exchange: ExchangeName) -> Response:
    """Let an exchange go on that stopped because its partner refused us."""
    exchanges.exchanges_of(service_of(request)).resume(exchange, actor=caller.actor)
    return redirect(f"/exchanges/{exchange}?note=resumed")


@router.post("/{exchange}/disarm")
def disarm(request: Request, caller: _Writer, exchange: ExchangeName) -> Response:
    """Let an exchange speak to its partner's production system no more."""
    exchanges.exchanges_of(service_of(request)).disarm(exchange, actor=caller.actor)
    return redirect(f"/exchanges/{exchange}?note=disarmed")


@router.post("/{exchange}/opinions")
def switch_opinions(request: Request, caller: _Sharer, exchange: ExchangeName, form: _Form) -> Response:
    """Let decisions be told to the partner, or no more."""
    is_on = form.get("sends") == "yes"
    asked = exchanges.exchanges_of(service_of(request))
    asked.switch_opinions(exchange, sends_opinions=is_on, actor=caller.actor)
    return redirect(f"/exchanges/{exchange}?note={'told' if is_on else 'kept'}")
