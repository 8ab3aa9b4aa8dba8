"""What is shared with a key: the protocol ``hedgerow-feed/1``, by which one Hedgerow follows another."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from fastapi import APIRouter, Depends, Header, Path, Query, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from pydantic import BaseModel, Field

from hedgerow.accounts import Permission
from hedgerow.app.sharing import Sharings
from hedgerow.errors import SharingDenied
from hedgerow.web.api.paging import LARGEST_ID, Text
from hedgerow.web.bodies import BoundedRoute
from hedgerow.web.callers import Caller, allowed, service_of
from hedgerow.web.problems import responses_of

__all__ = ["router"]

router = APIRouter(prefix="/sharing", tags=["sharing"], route_class=BoundedRoute)

_Reader = Annotated[Caller, Depends(allowed(Permission.SHARING_READ))]
_List = Annotated[
    str,
    Path(
        min_length=1,
        max_length=100,
        pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]*$",
        description="The name of a list.",
        examples=["partner"],
    ),
]
_Entry = Annotated[int, Path(ge=1, le=LARGEST_ID, description="The number of an entry of the list.")]
_CURSOR = r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{1,6})?(Z|\+00:00),[0-9]{1,18}(,[0-9]{1,18})?$"
_MOST = 1_000
_USUAL = 500


class ListOut(BaseModel):
    """A list that may be read."""

    name: str
    count: int = Field(description="Entries that are given now.")
    may_redistribute: bool = Field(description="Whether what is read there may be passed on.")
    note: str


class ListsOut(BaseModel):
    """The lists that this key may read."""

    format: Literal["hedgerow-feed/1"]
    lists: list[ListOut]


class FeedEntryOut(BaseModel):
    """An entry as it is after its latest change; of a deleted one nothing is said but its number."""

    id: int = Field(description="Its number, under which it is replaced and deleted.")
    updated_at: str
    deleted: bool
    type: str | None = Field(default=None, examples=["pdq"])
    value: str | None = Field(default=None, description="Hex digits.")
    quality: int | None = None
    category: str | None = None
    contributor: str | None = None
    is_disputed: bool | None = None
    may_redistribute: bool | None = None
    added_at: str | None = None
    frames: str | None = Field(default=None, description="Of a video: its frames, packed, in base64.")


class FeedPageOut(BaseModel):
    """What changed after a place, in the order of the changes."""

    format: Literal["hedgerow-feed/1"]
    list: str
    epoch: str = Field(description="The name of the list's history. A cursor of another one means nothing.")
    entries: tuple[FeedEntryOut, ...]
    checkpoint: str = Field(description="What to ask with as `after` for what comes next, now or in a month.")
    has_more: bool


class OpinionIn(BaseModel):
    """What a reader says of an entry."""

    opinion: Literal["seen", "agree", "dispute", "none"] = Field(description="`none` takes back what was said.")
    reason: Text | None = Field(default=None, max_length=1_000)


class StatedOut(BaseModel):
    """What was taken."""

    id: int
    opinion: str
    stated_at: str


def _key_of(caller: Caller) -> int:
    kind, _, number = caller.actor.partition(":")
    if kind != "key":  # no person has this permission
        raise SharingDenied("read this list")
    return int(number)


@router.get("", summary="List what is shared with this key", response_model=ListsOut, responses=responses_of())
def list_lists(request: Request, caller: _Reader) -> dict[str, Any]:
    """List the lists that this key may read, and count what each gives; of millions that takes a second."""
    return Sharings(service_of(request).database).lists_object(_key_of(caller))


@router.get(
    "/{name}", summary="Read what changed in a list", response_model=FeedPageOut, responses=responses_of(404, 410)
)
def read_list(
    request: Request,
    caller: _Reader,
    name: _List,
    after: Annotated[
        str | None,
        Query(
            max_length=100,
            pattern=_CURSOR,
            description="The `checkpoint` of the page before; without it the whole list.",
            examples=["2026-11-22T12:00:00Z,7"],
        ),
    ] = None,
    epoch: Annotated[
        str | None, Query(min_length=1, max_length=100, description="The `epoch` that came with it.")
    ] = None,
    limit: Annotated[int, Query(ge=1, le=_MOST, description="Most entries of the page.")] = _USUAL,
) -> JSONResponse:
    """Give what changed after a place, in the order of the changes. A page that gives values is recorded."""
    if after is not None and epoch is None:
        raise RequestValidationError([{"loc": ("query", "epoch"), "msg": "Needed with a cursor", "type": "missing"}])
    sharings = Sharings(service_of(request).database)
    return JSONResponse(sharings.page_object(name, _key_of(caller), after=after, epoch=epoch, limit=limit))


@router.post(
    "/{name}/entries/{entry}/opinion",
    summary="Say what you found",
    response_model=StatedOut,
    responses=responses_of(404, 408, 413),
)
def state_opinion(
    request: Request,
    caller: _Reader,
    name: _List,
    entry: _Entry,
    said: OpinionIn,
    idempotency_key: Annotated[
        str | None, Header(description="Your own name for what you say: under it, it is taken once.")
    ] = None,
) -> dict[str, Any]:
    """Say what you found of an entry. People here read it; it changes nothing by itself."""
    return Sharings(service_of(request).database).opinion_object(
        name, entry, key_id=_key_of(caller), opinion=said.opinion, reason=said.reason, token=idempotency_key or ""
    )
