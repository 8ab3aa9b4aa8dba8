"""Exchanges: what partners know comes in, and what they withdraw goes."""

from __future__ import annotations

from dataclasses import asdict, replace
from typing import TYPE_CHECKING, Annotated, Any

from fastapi import APIRouter, Depends, Path, Request, Response

from hedgerow.accounts import Permission
from hedgerow.app.exchanges import Rhythm
from hedgerow.app.serving import exchanges
from hedgerow.errors import ExchangeNotFound, InvalidExchange
from hedgerow.web.api.models_of_exchanges import (
    CredentialsIn,
    ExchangeChangeIn,
    ExchangeOut,
    FetchOut,
    KindOut,
    KindsOut,
    NewExchangeIn,
    OpinionOut,
    OpinionsIn,
    SkipIn,
    UnreadablePageOut,
    UnreadablePagesOut,
)
from hedgerow.web.api.paging import USUAL, Cursor, Limit, Page, paged, person_of, read_cursor
from hedgerow.web.bodies import BoundedRoute
from hedgerow.web.callers import Caller, allowed, service_of
from hedgerow.web.problems import responses_of

if TYPE_CHECKING:
    from collections.abc import Mapping

    from hedgerow.app.serving.exchanges import ShownExchange
    from hedgerow.exchanges.model import Partner
    from hedgerow.web.api.models_of_exchanges import RhythmIn

__all__ = ["router"]

router = APIRouter(tags=["exchanges"], route_class=BoundedRoute)

_Reader = Annotated[Caller, Depends(allowed(Permission.EXCHANGES_READ))]
_Writer = Annotated[Caller, Depends(allowed(Permission.EXCHANGES_WRITE))]
_Sharer = Annotated[Caller, Depends(allowed(Permission.EXCHANGES_SHARE))]
_Name = Annotated[
    str,
    Path(
        min_length=1,
        max_length=100,
        pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]*$",
        description="The name of an exchange, and of the bank that it fills.",
        examples=["partner"],
    ),
]

# ── kinds ────────────────────────────────────────────────────────────────────────────────────────────────────────


@router.get("/exchange-kinds", summary="List the kinds", response_model=KindsOut, responses=responses_of())
def list_kinds(_caller: _Reader) -> dict[str, Any]:
    """List the kinds of exchanges, and what each wants to know."""
    return {"kinds": [_kind(kind, partner) for kind, partner in exchanges.kinds_of_partners().items()]}


def _kind(kind: str, partner: Partner) -> KindOut:
    return KindOut.model_validate(
        {
            "kind": kind,
            "title": partner.title,
            "is_whole": partner.is_whole,
            "fetch_every_s": partner.fetch_every_s,
            "fields": [asdict(each) for each in partner.config_fields],
            "credentials": None
            if partner.credential_fields is None
            else [asdict(each) for each in partner.credential_fields],
            "opinions": sorted(partner.opinions),
        }
    )


# ── exchanges ────────────────────────────────────────────────────────────────────────────────────────────────────


def _shown(shown: ShownExchange, *, is_counted: bool = True) -> dict[str, Any]:
    standing = shown.standing
    exchange, place = standing.exchange, shown.place
    return {
        "exchange": exchange.name,
        "kind": exchange.kind,
        "title": shown.title,
        "is_enabled": exchange.is_enabled,
        "config": dict(exchange.config),
        "rhythm": exchange.rhythm,
        "every_s": shown.every.total_seconds(),
        "place": None
        if place is None
        else {"name": place.name, "host": shown.host, "is_production": place.is_production},
        "armed_by": exchange.armed_by,
        "armed_at": exchange.armed_at,
        "sends_opinions": exchange.sends_opinions,
        "has_credentials": standing.has_credentials,
        "state": shown.state,
        "needs": shown.needs,
        "is_current": standing.is_current,
        "records": standing.records if is_counted else None,
        "due_at": standing.due_at,
        "fetching_since": standing.started_at,
        "completed_at": standing.completed_at,
        "succeeded_at": standing.succeeded_at,
        "walking_since": standing.walk_started_at,
        "walked_at": standing.walked_at,
        "failures": standing.failures,
        "last_error": standing.last_error,
        "last_problem": standing.last_problem,
        "stopped": standing.stopped,
        "unreadable_page": standing.quarantined,
    }


def _show(request: Request, name: str) -> dict[str, Any]:
    return _shown(exchanges.show_exchange(service_of(request), name))


def _known(kind: str, config: Mapping[str, Any]) -> None:
    """Refuse fields that a kind does not have, instead of leaving them out."""
    partner = exchanges.find_kind(kind)
    if partner is None:
        raise InvalidExchange("there is no such kind of exchange")
    if set(config) - {field.name for field in partner.config_fields}:
        raise InvalidExchange("the configuration has a field that this kind of exchange does not have")


def _rhythm(wanted: RhythmIn, before: Rhythm) -> Rhythm:
    return replace(before, **wanted.model_dump(include=wanted.model_fields_set))


@router.get("/exchanges", summary="List the exchanges", response_model=Page[ExchangeOut], responses=responses_of())
def list_exchanges(request: Request, _caller: _Reader, limit: Limit = USUAL, cursor: Cursor = None) -> dict[str, Any]:
    """List the exchanges by name, each with how it stands; their records are not counted."""
    after = "" if cursor is None else read_cursor(cursor, str)[0]
    found = sorted(exchanges.list_exchanges(service_of(request)), key=lambda each: each.standing.exchange.name)
    later = [each for each in found if each.standing.exchange.name > after]
    page = paged(later, limit, lambda each: (each.standing.exchange.name,))
    return {**page, "items": [_shown(each, is_counted=False) for each in page["items"]]}


@router.post(
    "/exchanges",
    summary="Add an exchange",
    status_code=201,
    response_model=ExchangeOut,
    responses=responses_of(408, 409, 413),
)
def add_exchange(request: Request, caller: _Writer, new: NewExchangeIn) -> dict[str, Any]:
    """Add an exchange and the bank that it fills. It speaks to no production system before a person has armed it."""
    _known(new.kind, new.config)
    exchanges.exchanges_of(service_of(request)).create(
        new.name,
        new.kind,
        new.config,
        actor=caller.actor,
        is_enabled=new.is_enabled,
        rhythm=_rhythm(new.rhythm, Rhythm()),
    )
    return _show(request, new.name)


@router.get(
    "/exchanges/{exchange}", summary="Show an exchange", response_model=ExchangeOut, responses=responses_of(404)
)
def show_exchange(request: Request, _caller: _Reader, exchange: _Name) -> dict[str, Any]:
    """Show an exchange, how it stands and what it needs, and count its records."""
    return _show(request, exchange)


@router.patch(
    "/exchanges/{exchange}",
    summary="Change an exchange",
    response_model=ExchangeOut,
    responses=responses_of(404, 408, 413),
)
def change_exchange(request: Request, caller: _Writer, exchange: _Name, change: ExchangeChangeIn) -> dict[str, Any]:
    """Change an exchange; what is left out stays. Another configuration disarms it."""
    asked = exchanges.exchanges_of(service_of(request))
    found = asked.find_exchange(exchange)
    if change.config is not None:
        _known(found.kind, change.config)
        asked.configure(exchange, change.config, actor=caller.actor)
    if change.rhythm is not None:
        asked.set_rhythm(exchange, _rhythm(change.rhythm, found.rhythm), actor=caller.actor)
    if change.is_enabled is not None:
        asked.switch_exchange(exchange, is_enabled=change.is_enabled, actor=caller.actor)
    return _show(request, exchange)


@router.delete("/exchanges/{exchange}", summary="Remove an exchange", status_code=204, responses=responses_of(404))
def delete_exchange(request: Request, caller: _Writer, exchange: _Name) -> Response:
    """Remove an exchange and its credentials. All that it brought is withdrawn, and matches nothing any more."""
    if not exchanges.exchanges_of(service_of(request)).delete_exchange(exchange, actor=caller.actor):
        raise ExchangeNotFound(exchange)
    return Response(status_code=204)


# ── what can be asked for ────────────────────────────────────────────────────────────────────────────────────────


@router.post(
    "/exchanges/{exchange}/fetch", summary="Fetch now", response_model=ExchangeOut, responses=responses_of(404)
)
def fetch(request: Request, caller: _Writer, exchange: _Name) -> dict[str, Any]:
    """Let the next round of the workers fetch an exchange, some seconds from now."""
    exchanges.exchanges_of(service_of(request)).ask_for_fetch(exchange, actor=caller.actor)
    return _show(request, exchange)


@router.post(
    "/exchanges/{exchange}/reconcile",
    summary="Walk through everything",
    response_model=ExchangeOut,
    responses=responses_of(404),
)
def reconcile(request: Request, caller: _Writer, exchange: _Name) -> dict[str, Any]:
    """Let the workers walk through all that the partner has, and withdraw what is not in it."""
    exchanges.exchanges_of(service_of(request)).ask_for_walk(exchange, actor=caller.actor)
    return _show(request, exchange)


@router.post("/exchanges/{exchange}/resume", summary="Go on", response_model=ExchangeOut, responses=responses_of(404))
def resume(request: Request, caller: _Writer, exchange: _Name) -> dict[str, Any]:
    """Fetch an exchange again: one that was switched off, or that stopped because its partner refused us."""
    asked = exchanges.exchanges_of(service_of(request))
    asked.switch_exchange(exchange, is_enabled=True, actor=caller.actor)
    asked.resume(exchange, actor=caller.actor)
    return _show(request, exchange)


@router.post("/exchanges/{exchange}/arm", summary="Arm", response_model=ExchangeOut, responses=responses_of(404))
def arm(request: Request, caller: _Writer, exchange: _Name) -> dict[str, Any]:
    """Allow an exchange to speak to its partner's production system, which `place` names. For people."""
    person_of(caller)
    exchanges.exchanges_of(service_of(request)).arm(exchange, actor=caller.actor)
    return _show(request, exchange)


@router.post("/exchanges/{exchange}/disarm", summary="Disarm", response_model=ExchangeOut, responses=responses_of(404))
def disarm(request: Request, caller: _Writer, exchange: _Name) -> dict[str, Any]:
    """Let an exchange speak to its partner's production system no more."""
    exchanges.exchanges_of(service_of(request)).disarm(exchange, actor=caller.actor)
    return _show(request, exchange)


@router.post(
    "/exchanges/{exchange}/skip",
    summary="Leave a page out",
    response_model=UnreadablePageOut,
    responses=responses_of(404, 408, 409, 413),
)
def skip(request: Request, caller: _Writer, exchange: _Name, wanted: SkipIn) -> Any:  # noqa: ANN401  (what the model reads)
    """Go on behind a page that cannot be read. What it holds is missing until the next walk. For people."""
    person_of(caller)
    return exchanges.skip_page(service_of(request), exchange, wanted.page, wanted.skip, actor=caller.actor)


@router.put(
    "/exchanges/{exchange}/credentials",
    summary="Enter credentials",
    status_code=204,
    responses=responses_of(404, 408, 413),
)
def enter_credentials(request: Request, caller: _Writer, exchange: _Name, entered: CredentialsIn) -> Response:
    """Enter an exchange's own credentials, in the place of those that were there. Nobody can read them back."""
    asked = exchanges.exchanges_of(service_of(request))
    asked.set_credentials(exchange, dict(entered.credentials), actor=caller.actor)
    return Response(status_code=204)


@router.delete(
    "/exchanges/{exchange}/credentials", summary="Remove credentials", status_code=204, responses=responses_of(404)
)
def remove_credentials(request: Request, caller: _Writer, exchange: _Name) -> Response:
    """Take an exchange's own credentials away; it goes by those of its kind, where there are any."""
    exchanges.exchanges_of(service_of(request)).set_credentials(exchange, None, actor=caller.actor)
    return Response(status_code=204)


# ── what became of it ────────────────────────────────────────────────────────────────────────────────────────────


@router.get(
    "/exchanges/{exchange}/fetches", summary="List fetches", response_model=Page[FetchOut], responses=responses_of(404)
)
def list_fetches(
    request: Request, _caller: _Reader, exchange: _Name, limit: Limit = USUAL, cursor: Cursor = None
) -> dict[str, Any]:
    """List the fetches of an exchange and what each did, the newest first."""
    before = None if cursor is None else read_cursor(cursor, int)[0]
    found = exchanges.list_fetches(service_of(request), exchange, before=before, limit=limit + 1)
    page = paged(found, limit, lambda each: (each.id,))
    names = ("id", "mode", "started_at", "ended_at", "error", "problem")
    return {
        **page,
        "items": [{**asdict(each.applied), **{name: getattr(each, name) for name in names}} for each in page["items"]],
    }


@router.get(
    "/exchanges/{exchange}/pages",
    summary="List unreadable pages",
    response_model=UnreadablePagesOut,
    responses=responses_of(404),
)
def list_pages(request: Request, _caller: _Reader, exchange: _Name, limit: Limit = USUAL) -> dict[str, Any]:
    """List the latest pages of an exchange that could not be read, and what became of each."""
    return {"pages": exchanges.list_pages(service_of(request), exchange, limit=limit)}


@router.get(
    "/exchanges/{exchange}/opinions",
    summary="List opinions",
    response_model=Page[OpinionOut],
    responses=responses_of(404),
)
def list_opinions(
    request: Request, _caller: _Reader, exchange: _Name, limit: Limit = USUAL, cursor: Cursor = None
) -> dict[str, Any]:
    """List what is said to the partner because of decisions, the newest first, and whether it took it."""
    before = None if cursor is None else read_cursor(cursor, int)[0]
    found = exchanges.exchanges_of(service_of(request)).opinions(exchange, limit=limit + 1, before=before)
    return paged(found, limit, lambda each: (each.id,))


@router.put(
    "/exchanges/{exchange}/opinions",
    summary="Switch opinions",
    response_model=ExchangeOut,
    responses=responses_of(404, 408, 413),
)
def switch_opinions(request: Request, caller: _Sharer, exchange: _Name, wanted: OpinionsIn) -> dict[str, Any]:
    """Let decisions be told to the partner from now on, or no more; what waits goes on waiting."""
    exchanges.exchanges_of(service_of(request)).switch_opinions(
        exchange, sends_opinions=wanted.sends_opinions, actor=caller.actor
    )
    return _show(request, exchange)
