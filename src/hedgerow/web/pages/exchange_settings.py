"""What is set about an exchange, and what is not to be done by a slip: arming, leaving a page out, removing it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Final

from fastapi import APIRouter, Depends, Request
from fastapi.responses import Response  # noqa: TC002  (FastAPI reads annotations)

from hedgerow.accounts import Permission
from hedgerow.app.exchanges import Rhythm
from hedgerow.app.serving import exchanges
from hedgerow.errors import ExchangeNotFound, InvalidExchange, PageNotFound
from hedgerow.web.callers import Caller, allowed, service_of
from hedgerow.web.pages.bank_fields import line_of, whole_of
from hedgerow.web.pages.exchange_fields import ExchangeName, exchange_response, positive_of, said_of, words
from hedgerow.web.pages.language import marked
from hedgerow.web.pages.rendering import redirect, render
from hedgerow.web.sessions import form_of

if TYPE_CHECKING:
    from hedgerow.exchanges.model import Field

__all__ = ["router"]

router = APIRouter(prefix="/exchanges")

_Writer = Annotated[Caller, Depends(allowed(Permission.EXCHANGES_WRITE))]
_Form = Annotated[dict[str, str], Depends(form_of)]

_NOTHING: Final = marked("Nothing was entered.")
_NOT_ITS_NAME: Final = marked("This is not the name of the exchange.")
_MINUTE_S: Final = 60.0
_DAY_S: Final = 86_400.0
_MOST_DAYS: Final = 3_650.0
_MOST_CALLS: Final = 100_000


# ── arming ───────────────────────────────────────────────────────────────────────────────────────────────────────


@router.get("/{exchange}/arm")
def ask_to_arm(request: Request, caller: _Writer, exchange: ExchangeName) -> Response:
    """Say whom an exchange would speak to, and ask for its name."""
    return _sure_page(request, caller, exchange, "exchange_arm.html")


@router.post("/{exchange}/arm")
def arm(request: Request, caller: _Writer, exchange: ExchangeName, form: _Form) -> Response:
    """Allow an exchange to speak to its partner's production system."""
    if line_of(form, "name") != exchange:
        return _sure_page(request, caller, exchange, "exchange_arm.html", is_wrong=True)
    shown = exchanges.show_exchange(service_of(request), exchange)
    # Somebody may have changed where it goes since this person read it: then they read it again.
    if shown.place is None or line_of(form, "address") != shown.place.base_url:
        return redirect(f"/exchanges/{exchange}/arm")
    exchanges.exchanges_of(service_of(request)).arm(exchange, actor=caller.actor)
    return redirect(f"/exchanges/{exchange}?note=armed")


def _sure_page(request: Request, caller: Caller, name: str, template: str, *, is_wrong: bool = False) -> Response:
    return render(
        request,
        template,
        caller=caller,
        status=422 if is_wrong else 200,
        shown=exchanges.show_exchange(service_of(request), name),
        errors={"name": _NOT_ITS_NAME} if is_wrong else {},
        **words(),
    )


# ── removing ─────────────────────────────────────────────────────────────────────────────────────────────────────


@router.get("/{exchange}/remove")
def ask_to_remove(request: Request, caller: _Writer, exchange: ExchangeName) -> Response:
    """Say what goes with an exchange, and ask for its name."""
    return _sure_page(request, caller, exchange, "exchange_remove.html")


@router.post("/{exchange}/remove")
def remove(request: Request, caller: _Writer, exchange: ExchangeName, form: _Form) -> Response:
    """Remove an exchange, its credentials, and all that it brought."""
    if line_of(form, "name") != exchange:
        return _sure_page(request, caller, exchange, "exchange_remove.html", is_wrong=True)
    if not exchanges.exchanges_of(service_of(request)).delete_exchange(exchange, actor=caller.actor):
        raise ExchangeNotFound(exchange)
    return redirect("/exchanges?note=removed")


# ── a page that cannot be read ───────────────────────────────────────────────────────────────────────────────────


@router.get("/{exchange}/skip")
def ask_to_skip(request: Request, caller: _Writer, exchange: ExchangeName) -> Response:
    """Say what is left out behind a page that cannot be read, and ask once more."""
    return _skip_page(request, caller, exchange)


@router.post("/{exchange}/skip")
def skip(request: Request, caller: _Writer, exchange: ExchangeName, form: _Form) -> Response:
    """Go on behind a page that cannot be read, as it was shown."""
    try:
        exchanges.skip_page(
            service_of(request), exchange, whole_of(form, "page") or 0, form.get("skip", ""), actor=caller.actor
        )
    except PageNotFound:
        return _skip_page(request, caller, exchange, is_another=True)
    return redirect(f"/exchanges/{exchange}?note=skipped")


def _skip_page(request: Request, caller: Caller, name: str, *, is_another: bool = False) -> Response:
    shown = exchanges.show_exchange(service_of(request), name)
    return render(
        request,
        "exchange_skip.html",
        caller=caller,
        status=409 if is_another else 200,
        shown=shown,
        is_another=is_another,
    )


# ── settings ─────────────────────────────────────────────────────────────────────────────────────────────────────


@router.post("/{exchange}/credentials")
def enter_credentials(request: Request, caller: _Writer, exchange: ExchangeName, form: _Form) -> Response:
    """Enter an exchange's own credentials; they are sealed, and shown to nobody."""
    asked = exchanges.exchanges_of(service_of(request))
    fields = _credential_fields(asked.find_exchange(exchange).kind)
    entered = {field.name: text for field in fields if (text := _secret_of(form, field))}
    if not entered:
        return exchange_response(request, caller, exchange, errors={"credentials": _NOTHING}, place="credentials")
    try:
        asked.set_credentials(exchange, entered, actor=caller.actor)
    except InvalidExchange as error:
        return exchange_response(request, caller, exchange, errors={"credentials": str(error)}, place="credentials")
    return redirect(f"/exchanges/{exchange}?note=sealed")


def _credential_fields(kind: str) -> tuple[Field, ...]:
    partner = exchanges.find_kind(kind)
    return () if partner is None else partner.credential_fields or ()


def _secret_of(form: dict[str, str], field: Field) -> str:
    """Return a secret as it was typed; browsers send the lines of a key with the ends that files of Windows have."""
    return form.get(f"secret-{field.name}", "").replace("\0", "").replace("\r\n", "\n").strip(" ")


@router.post("/{exchange}/credentials/removal")
def remove_credentials(request: Request, caller: _Writer, exchange: ExchangeName) -> Response:
    """Take an exchange's own credentials away."""
    exchanges.exchanges_of(service_of(request)).set_credentials(exchange, None, actor=caller.actor)
    return redirect(f"/exchanges/{exchange}?note=unsealed")


@router.post("/{exchange}/rhythm")
def set_rhythm(request: Request, caller: _Writer, exchange: ExchangeName, form: _Form) -> Response:
    """Say how often an exchange is fetched; what is empty is what its partner asks for."""
    wrong: dict[str, str] = {}
    numbers: dict[str, float | None] = {}
    for name, most in (
        ("every_minutes", _MOST_DAYS * _DAY_S / _MINUTE_S),
        ("reconcile_days", _MOST_DAYS),
        ("calls", float(_MOST_CALLS)),
    ):
        try:
            numbers[name] = positive_of(form, name, most=most)
        except ValueError:
            wrong[name] = marked("Enter a number above 0, or nothing.")
    calls = numbers.get("calls")
    if calls is not None and calls != int(calls):
        wrong["calls"] = marked("Enter a whole number.")
    if wrong:
        return exchange_response(request, caller, exchange, said=form, errors=wrong, place="rhythm")
    every, days = numbers["every_minutes"], numbers["reconcile_days"]
    rhythm = Rhythm(
        None if every is None else every * _MINUTE_S,
        None if days is None else days * _DAY_S,
        None if calls is None else int(calls),
    )
    exchanges.exchanges_of(service_of(request)).set_rhythm(exchange, rhythm, actor=caller.actor)
    return redirect(f"/exchanges/{exchange}?note=rhythm")


@router.post("/{exchange}/config")
def configure(request: Request, caller: _Writer, exchange: ExchangeName, form: _Form) -> Response:
    """Give an exchange another configuration; it has to be armed again."""
    kind = exchanges.exchanges_of(service_of(request)).find_exchange(exchange).kind
    partner = exchanges.find_kind(kind)
    fields = () if partner is None else partner.config_fields
    try:
        exchanges.configure(service_of(request), exchange, said_of(form, fields), actor=caller.actor)
    except InvalidExchange as error:
        return exchange_response(request, caller, exchange, said=form, errors={"config": str(error)}, place="config")
    return redirect(f"/exchanges/{exchange}?note=configured")
