"""Webhooks: where the platform is told of actions, and what became of each message."""

from __future__ import annotations

from datetime import datetime  # noqa: TC003  (pydantic reads the annotation)
from typing import TYPE_CHECKING, Annotated, Any, Literal

from fastapi import APIRouter, Depends, Query, Request
from pydantic import Field

from hedgerow.accounts import Permission
from hedgerow.app.serving import webhooks
from hedgerow.app.webhooks import EndpointChange
from hedgerow.web.api.paging import (
    LARGEST_ID,
    USUAL,
    Cursor,
    In,
    Limit,
    Number,
    Out,
    Page,
    Text,
    id_after,
    paged,
    read_cursor,
)
from hedgerow.web.bodies import BoundedRoute
from hedgerow.web.callers import Caller, allowed, service_of
from hedgerow.web.problems import responses_of

if TYPE_CHECKING:
    from hedgerow.actions import Delivery, Endpoint
    from hedgerow.app.webhooks import EndpointStanding

__all__ = ["router"]

router = APIRouter(tags=["webhooks"], route_class=BoundedRoute)

_Keeper = Annotated[Caller, Depends(allowed(Permission.WEBHOOKS_MANAGE))]
_Reader = Annotated[Caller, Depends(allowed(Permission.DELIVERIES_READ))]
_Sender = Annotated[Caller, Depends(allowed(Permission.DELIVERIES_RETRY))]

_Url = Annotated[Text, Field(max_length=2_000, examples=["https://platform.example.org/hedgerow"])]
_Events = Annotated[
    list[Annotated[str, Field(max_length=50)]],
    Field(
        max_length=50, description="What it is told of; nothing named means everything.", examples=[["case.decided"]]
    ),
]


class EndpointIn(In):
    """An address that is to be told of actions."""

    url: _Url
    events: _Events = Field(default_factory=list)
    note: Text | None = Field(default=None, max_length=4_000, description="Whose it is, for people.")


class EndpointChangeIn(In):
    """What is to change about an endpoint; what is left out stays."""

    url: _Url | None = None
    events: _Events | None = None
    is_active: bool | None = Field(default=None, description="Whether anything is sent. What waits goes on waiting.")
    note: Text | None = Field(default=None, max_length=4_000)


class EndpointOut(Out):
    """An address of the platform that takes webhooks."""

    endpoint: int = Field(validation_alias="id")
    url: str
    events: list[str]
    is_active: bool
    created_at: datetime
    note: str | None


class SecretOut(EndpointOut):
    """An endpoint and its secret, which is shown this once."""

    secret: str = Field(description="Give it to whoever receives: with it they check each message.")


class UnconfirmedOut(Out):
    """What an endpoint has not confirmed."""

    endpoint: int = Field(validation_alias="endpoint_id")
    waiting: int = Field(description="Messages that will be tried again.")
    given_up: int = Field(description="Messages that will not, until a person says so.")
    oldest_at: datetime


class StandingOut(EndpointOut):
    """An endpoint, and what it has not confirmed; null where it has confirmed everything."""

    unconfirmed: UnconfirmedOut | None


class DeliveryOut(Out):
    """A message to an endpoint."""

    delivery: int = Field(validation_alias="id")
    endpoint: int = Field(validation_alias="endpoint_id")
    event: str = Field(examples=["case.decided"])
    subject_type: str
    subject_id: str
    created_at: datetime
    due_at: datetime | None = Field(description="When it is tried next; null once it is confirmed or given up.")
    attempts: int
    state: Literal["waiting", "sending", "confirmed", "given_up"]
    delivered_at: datetime | None
    last_status: int | None = Field(description="The HTTP status of the last try; null where there was no answer.")
    last_error: str | None


class AttemptOut(Out):
    """One try that was made."""

    at: datetime
    status: int | None
    error: str | None
    duration_ms: int


class ShownDeliveryOut(DeliveryOut):
    """A message, its body, and every try of it."""

    body: str = Field(description="What is sent, byte for byte the same at every try.")
    tries: list[AttemptOut]


class UnconfirmedListOut(Out):
    """What each endpoint has not confirmed; nothing where all is well."""

    unconfirmed: list[UnconfirmedOut]


# ── endpoints ────────────────────────────────────────────────────────────────────────────────────────────────────


def _endpoint(endpoint: Endpoint) -> dict[str, Any]:
    return EndpointOut.model_validate(endpoint).model_dump()


def _standing(standing: EndpointStanding) -> dict[str, Any]:
    return {**_endpoint(standing.endpoint), "unconfirmed": standing.unconfirmed}


@router.get("/webhooks", summary="List endpoints", response_model=Page[StandingOut], responses=responses_of())
def list_webhooks(request: Request, _caller: _Reader, limit: Limit = USUAL, cursor: Cursor = None) -> dict[str, Any]:
    """List the endpoints with what each has not confirmed."""
    found = webhooks.list_webhooks(service_of(request).database, after=id_after(cursor), limit=limit + 1)
    page = paged(found, limit, lambda each: (each.endpoint.id,))
    return {**page, "items": [_standing(each) for each in page["items"]]}


@router.get("/webhooks/{endpoint}", summary="Show an endpoint", response_model=StandingOut, responses=responses_of(404))
def show_webhook(request: Request, _caller: _Reader, endpoint: Number) -> dict[str, Any]:
    """Show an endpoint with what it has not confirmed."""
    return _standing(webhooks.show_webhook(service_of(request).database, endpoint))


@router.post(
    "/webhooks", summary="Add an endpoint", status_code=201, response_model=SecretOut, responses=responses_of(408, 413)
)
def add_webhook(request: Request, caller: _Keeper, new: EndpointIn) -> dict[str, Any]:
    """Add an endpoint. Its secret is in this answer and nowhere else."""
    added = webhooks.add_webhook(service_of(request), new.url, events=new.events, note=new.note, actor=caller.actor)
    return {**_endpoint(added.endpoint), "secret": added.secret}


@router.patch(
    "/webhooks/{endpoint}",
    summary="Change an endpoint",
    response_model=EndpointOut,
    responses=responses_of(404, 408, 413),
)
def change_webhook(request: Request, caller: _Keeper, endpoint: Number, change: EndpointChangeIn) -> Any:  # noqa: ANN401  (what EndpointOut reads)
    """Change an endpoint; what is left out stays. What waits for it goes to the new address."""
    wanted = EndpointChange(change.url, change.events, change.is_active, change.note)
    return webhooks.change_webhook(service_of(request).database, endpoint, wanted, actor=caller.actor)


@router.post(
    "/webhooks/{endpoint}/secret", summary="Renew a secret", response_model=SecretOut, responses=responses_of(404)
)
def renew_secret(request: Request, caller: _Keeper, endpoint: Number) -> dict[str, Any]:
    """Give an endpoint another secret: every message is signed with it from the next try on."""
    renewed = webhooks.renew_secret(service_of(request), endpoint, actor=caller.actor)
    return {**_endpoint(renewed.endpoint), "secret": renewed.secret}


@router.post(
    "/webhooks/{endpoint}/test", summary="Try an endpoint", response_model=DeliveryOut, responses=responses_of(404, 409)
)
def try_webhook(request: Request, caller: _Keeper, endpoint: Number) -> Any:  # noqa: ANN401  (what DeliveryOut reads)
    """Send the event `test` to an endpoint now, and say what came of it."""
    return webhooks.try_webhook(service_of(request), endpoint, actor=caller.actor)


# ── deliveries ───────────────────────────────────────────────────────────────────────────────────────────────────


@router.get("/deliveries", summary="List messages", response_model=Page[DeliveryOut], responses=responses_of())
def list_deliveries(
    request: Request,
    _caller: _Reader,
    endpoint: Annotated[int | None, Query(ge=1, le=LARGEST_ID, description="Only to this endpoint.")] = None,
    unconfirmed: Annotated[bool, Query(description="Only those that are not confirmed.")] = False,  # noqa: FBT002  (a query)
    limit: Limit = USUAL,
    cursor: Cursor = None,
) -> dict[str, Any]:
    """List what was sent to the platform, or waits to be, the newest first."""
    before = None if cursor is None else read_cursor(cursor, int)[0]
    found = webhooks.list_deliveries(
        service_of(request).database, endpoint=endpoint, is_unconfirmed=unconfirmed, before=before, limit=limit + 1
    )
    return paged(found, limit, lambda each: (each.id,))


@router.get(
    "/deliveries/unconfirmed",
    summary="Show what is not confirmed",
    response_model=UnconfirmedListOut,
    responses=responses_of(),
)
def list_unconfirmed(request: Request, _caller: _Reader) -> dict[str, Any]:
    """Say what each endpoint has not confirmed."""
    return {"unconfirmed": webhooks.list_unconfirmed(service_of(request).database)}


@router.get(
    "/deliveries/{delivery}", summary="Show a message", response_model=ShownDeliveryOut, responses=responses_of(404)
)
def show_delivery(request: Request, _caller: _Reader, delivery: Number) -> dict[str, Any]:
    """Show a message, what is sent, and every try of it."""
    found, attempts = webhooks.show_delivery(service_of(request).database, delivery)
    tries = [
        {"at": each.at, "status": each.sent.status, "error": each.sent.error, "duration_ms": each.sent.duration_ms}
        for each in attempts
    ]
    return {**_delivery(found), "body": found.body, "tries": tries}


def _delivery(delivery: Delivery) -> dict[str, Any]:
    return DeliveryOut.model_validate(delivery).model_dump()


@router.post(
    "/deliveries/{delivery}/retry", summary="Send again", response_model=DeliveryOut, responses=responses_of(404)
)
def retry_delivery(request: Request, caller: _Sender, delivery: Number) -> Any:  # noqa: ANN401  (as above)
    """Let a message be sent again now, whatever became of it."""
    return webhooks.retry_delivery(service_of(request).database, delivery, actor=caller.actor)
