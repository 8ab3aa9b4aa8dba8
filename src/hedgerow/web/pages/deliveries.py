"""Deliveries: what the platform was told, what it has not confirmed, and each try."""

from __future__ import annotations

import json
from typing import Annotated, Final
from urllib.parse import urlsplit

from fastapi import APIRouter, Depends, Query, Request
from fastapi.responses import Response  # noqa: TC002  (FastAPI reads annotations)

from hedgerow.accounts import Permission
from hedgerow.app.serving import webhooks
from hedgerow.web.api.paging import LARGEST_ID, Number
from hedgerow.web.callers import Caller, allowed, service_of
from hedgerow.web.pages.bank_fields import address
from hedgerow.web.pages.banks import Before  # noqa: TC001  (FastAPI reads annotations)
from hedgerow.web.pages.language import marked
from hedgerow.web.pages.rendering import redirect, render

__all__ = ["router"]

router = APIRouter(prefix="/deliveries")

_Reader = Annotated[Caller, Depends(allowed(Permission.DELIVERIES_READ))]
_Sender = Annotated[Caller, Depends(allowed(Permission.DELIVERIES_RETRY))]

_PER_PAGE: Final = 50
_MOST_ENDPOINTS: Final = 200
_NOTES: Final = {
    "again": marked("It will be sent within some seconds."),
    "all": marked("All that was given up will be sent within some seconds."),
}


@router.get("")
def show_all(
    request: Request,
    caller: _Reader,
    endpoint: Annotated[str, Query(max_length=19, pattern=r"^[0-9]*$")] = "",
    show: Annotated[str, Query(max_length=20)] = "",
    before: Before = None,
    note: str | None = None,
) -> Response:
    """List the endpoints, and what was sent to them or waits to be."""
    database = service_of(request).database
    number = min(int(endpoint), LARGEST_ID) if endpoint else None
    is_unconfirmed = show == "unconfirmed"
    found = webhooks.list_deliveries(
        database, endpoint=number, is_unconfirmed=is_unconfirmed, before=before, limit=_PER_PAGE + 1
    )
    further = found[_PER_PAGE - 1].id if len(found) > _PER_PAGE else None
    asked = {"endpoint": endpoint, "show": "unconfirmed" if is_unconfirmed else ""}
    standings = webhooks.list_webhooks(database, limit=_MOST_ENDPOINTS)
    return render(
        request,
        "deliveries.html",
        caller=caller,
        endpoints=[(each, _host(each.endpoint.url)) for each in standings],
        found=found[:_PER_PAGE],
        asked=asked,
        next=None if further is None else address("/deliveries", **asked, before=further),
        note=_NOTES.get(note or ""),
    )


@router.get("/{delivery}")
def show(request: Request, caller: _Reader, delivery: Number, note: str | None = None) -> Response:
    """Show a message, what is sent, and every try of it."""
    database = service_of(request).database
    found, attempts = webhooks.show_delivery(database, delivery)
    endpoint = webhooks.show_webhook(database, found.endpoint_id).endpoint
    return render(
        request,
        "delivery.html",
        caller=caller,
        delivery=found,
        attempts=attempts,
        host=_host(endpoint.url),
        body=json.dumps(json.loads(found.body), ensure_ascii=False, indent=2),
        note=_NOTES.get(note or ""),
    )


@router.post("/{delivery}/retry")
def retry(request: Request, caller: _Sender, delivery: Number) -> Response:
    """Let a message be sent again now, whatever became of it."""
    webhooks.retry_delivery(service_of(request).database, delivery, actor=caller.actor)
    return redirect(f"/deliveries/{delivery}?note=again")


@router.post("/endpoints/{endpoint}/retry")
def retry_given_up(request: Request, caller: _Sender, endpoint: Number) -> Response:
    """Let everything be sent again that was given up, to one endpoint."""
    webhooks.retry_given_up(service_of(request).database, endpoint, actor=caller.actor)
    return redirect(f"/deliveries?endpoint={endpoint}&note=all")


def _host(url: str) -> str:
    """Return whom an address leads to: what stands behind it may be a secret of the platform's."""
    return urlsplit(url).netloc.rpartition("@")[2]
