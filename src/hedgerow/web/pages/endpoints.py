"""Webhook endpoints: where the platform is told of actions. Listed, added, changed, tried; a secret is shown once."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Final

from fastapi import APIRouter, Depends, Query, Request
from fastapi.responses import Response  # noqa: TC002  (FastAPI reads annotations)

from hedgerow.accounts import Permission
from hedgerow.app.serving import webhooks
from hedgerow.app.webhooks import EndpointChange
from hedgerow.errors import DeliveryNotFound, EndpointPaused, InvalidEndpoint
from hedgerow.web.api.paging import LARGEST_ID, Number
from hedgerow.web.callers import Caller, allowed, service_of
from hedgerow.web.pages.bank_fields import address
from hedgerow.web.pages.language import marked
from hedgerow.web.pages.rendering import redirect, render
from hedgerow.web.sessions import form_of

if TYPE_CHECKING:
    from collections.abc import Mapping

    from hedgerow.actions import Delivery
    from hedgerow.app.webhooks import NewEndpoint
    from hedgerow.database import Database

__all__ = ["EVENT_WORDS", "router"]

router = APIRouter(prefix="/webhooks")

EVENT_WORDS: Final = {
    "content.hold": marked("Keep the content from being shown until a person has decided."),
    "content.release": marked("Show it again: it was not a match."),
    "content.remove": marked("Remove it: a person confirmed the match."),
    "account.restrict": marked("Restrict the account, as your policy says."),
    "case.opened": marked("A case was opened."),
    "case.decided": marked("A case was decided, and the time to take that back is over."),
    "case.reopened": marked("A decided case is looked at again."),
    "report.filed": marked("A report was filed with an authority."),
    "report.needs_person": marked("A report does not get on until a person says what becomes of it."),
    "report.stopped": marked("An authority refuses the credentials, and nothing is sent."),
    "report.alarm": marked("A report is late. It comes again, louder, until somebody comes."),
    "exchange.page_unreadable": marked("A page of a partner cannot be read, and nothing behind it comes in."),
    "exchange.stopped": marked("A partner refuses us, and nothing is fetched any more."),
    "test": marked("Somebody tries the endpoint out."),
}
"""What an endpoint can be told of, as `hedgerow.actions.rules.EVENTS` says it."""

_PER_PAGE: Final = 50
_LONGEST_NOTE: Final = 4_000
_NOTES: Final = {
    "changed": marked("The endpoint is changed. What waits for it goes where it says now."),
    "paused": marked("Nothing is sent to it any more. What waits goes on waiting."),
    "resumed": marked("What waits for it is sent again."),
}

_Form = Annotated[dict[str, str], Depends(form_of)]
_Keeper = Annotated[Caller, Depends(allowed(Permission.WEBHOOKS_MANAGE))]


@router.get("")
def show_all(request: Request, caller: _Keeper, after: Annotated[int, Query(ge=0, le=LARGEST_ID)] = 0) -> Response:
    """List the endpoints with what each has not confirmed."""
    return _list(request, caller, after=after)


@router.post("")
def add(request: Request, caller: _Keeper, form: _Form) -> Response:
    """Add an endpoint, and show its secret this once."""
    try:
        made = webhooks.add_webhook(
            service_of(request),
            form.get("url", "").strip(),
            events=_events(form),
            note=form.get("note", "").strip()[:_LONGEST_NOTE] or None,
            actor=caller.actor,
        )
    except InvalidEndpoint as error:
        return _list(request, caller, said=form, errors={"url": str(error)})
    return _secret(request, caller, made)


@router.get("/{endpoint}")
def show(
    request: Request,
    caller: _Keeper,
    endpoint: Number,
    note: Annotated[str, Query(max_length=20)] = "",
    tried: Annotated[int | None, Query(ge=1, le=LARGEST_ID)] = None,
) -> Response:
    """Show an endpoint, and what came of trying it out."""
    return _page(request, caller, endpoint, note=_NOTES.get(note), tried=tried)


@router.post("/{endpoint}")
def change(request: Request, caller: _Keeper, endpoint: Number, form: _Form) -> Response:
    """Change where it is, what it is told of, and whose it is."""
    wanted = EndpointChange(
        url=form.get("url", "").strip(), events=_events(form), note=form.get("note", "").strip()[:_LONGEST_NOTE]
    )
    try:
        webhooks.change_webhook(service_of(request).database, endpoint, wanted, actor=caller.actor)
    except InvalidEndpoint as error:
        return _page(request, caller, endpoint, said=form, errors={"url": str(error)})
    return redirect(f"/webhooks/{endpoint}?note=changed")


@router.post("/{endpoint}/pause")
def pause(request: Request, caller: _Keeper, endpoint: Number) -> Response:
    """Send nothing to it."""
    return _switch(request, caller, endpoint, is_active=False)


@router.post("/{endpoint}/resume")
def resume(request: Request, caller: _Keeper, endpoint: Number) -> Response:
    """Send to it again."""
    return _switch(request, caller, endpoint, is_active=True)


def _switch(request: Request, caller: Caller, endpoint: int, *, is_active: bool) -> Response:
    change = EndpointChange(is_active=is_active)
    webhooks.change_webhook(service_of(request).database, endpoint, change, actor=caller.actor)
    return redirect(f"/webhooks/{endpoint}?note={'resumed' if is_active else 'paused'}")


@router.post("/{endpoint}/secret")
def renew_secret(request: Request, caller: _Keeper, endpoint: Number) -> Response:
    """Give it another secret, and show that this once."""
    return _secret(request, caller, webhooks.renew_secret(service_of(request), endpoint, actor=caller.actor))


@router.post("/{endpoint}/test")
def try_out(request: Request, caller: _Keeper, endpoint: Number) -> Response:
    """Send the event ``test`` to it now, and say what came of it."""
    try:
        delivery = webhooks.try_webhook(service_of(request), endpoint, actor=caller.actor)
    except EndpointPaused as error:
        return _page(request, caller, endpoint, errors={"test": str(error)})
    return redirect(f"/webhooks/{endpoint}?tried={delivery.id}")


def _events(form: Mapping[str, str]) -> list[str]:
    """Return what was chosen; nothing chosen means everything."""
    return [each for each in EVENT_WORDS if f"event-{each}" in form]


def _list(
    request: Request,
    caller: Caller,
    *,
    after: int = 0,
    said: Mapping[str, str] | None = None,
    errors: Mapping[str, str] | None = None,
) -> Response:
    found = webhooks.list_webhooks(service_of(request).database, after=after, limit=_PER_PAGE + 1)
    shown = found[:_PER_PAGE]
    return render(
        request,
        "endpoints.html",
        caller=caller,
        status=422 if errors else 200,
        found=shown,
        next=address("/webhooks", after=shown[-1].endpoint.id) if len(found) > _PER_PAGE else None,
        events=EVENT_WORDS,
        said=said or {},
        errors=errors or {},
    )


def _page(
    request: Request,
    caller: Caller,
    number: int,
    *,
    note: str | None = None,
    tried: int | None = None,
    said: Mapping[str, str] | None = None,
    errors: Mapping[str, str] | None = None,
) -> Response:
    database = service_of(request).database
    standing = webhooks.show_webhook(database, number)
    endpoint = standing.endpoint
    if said is None:
        said = {"url": endpoint.url, "note": endpoint.note or "", **{f"event-{each}": "1" for each in endpoint.events}}
    return render(
        request,
        "endpoint.html",
        caller=caller,
        status=422 if errors else 200,
        standing=standing,
        endpoint=endpoint,
        tried=None if tried is None else _tried(database, number, tried),
        events=EVENT_WORDS,
        note=note,
        said=said,
        errors=errors or {},
    )


def _tried(database: Database, endpoint: int, number: int) -> Delivery | None:
    """Return the message by which an endpoint was tried out; None for any other."""
    try:
        found, _ = webhooks.show_delivery(database, number)
    except DeliveryNotFound:
        return None
    return found if found.endpoint_id == endpoint and found.event == "test" else None


def _secret(request: Request, caller: Caller, made: NewEndpoint) -> Response:
    return render(request, "endpoint_secret.html", caller=caller, endpoint=made.endpoint, secret=made.secret)
