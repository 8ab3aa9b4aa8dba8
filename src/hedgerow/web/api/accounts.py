"""Users and API keys."""

from __future__ import annotations

from datetime import datetime  # noqa: TC003  (pydantic reads the annotation)
from typing import TYPE_CHECKING, Annotated, Any

from fastapi import APIRouter, Depends, Request
from pydantic import AwareDatetime, Field

from hedgerow.accounts import Permission, Role
from hedgerow.app.serving import accounts
from hedgerow.web.api.paging import USUAL, Cursor, In, Limit, Number, Out, Page, Text, id_after, paged, read_cursor
from hedgerow.web.bodies import BoundedRoute
from hedgerow.web.callers import Caller, allowed, service_of
from hedgerow.web.problems import responses_of

if TYPE_CHECKING:
    from hedgerow.accounts import ApiKey, NewLink, User
    from hedgerow.app.service import Service

__all__ = ["router"]

router = APIRouter(tags=["accounts"], route_class=BoundedRoute)

_UserKeeper = Annotated[Caller, Depends(allowed(Permission.USERS_MANAGE))]
_KeyKeeper = Annotated[Caller, Depends(allowed(Permission.KEYS_MANAGE))]
_Roles = Annotated[list[Role], Field(min_length=1, max_length=len(Role), examples=[["reviewer"]])]


class UserIn(In):
    """A person who is to be added."""

    name: Text = Field(min_length=1, max_length=100, description="What is typed at the login.", examples=["robin"])
    roles: _Roles
    display_name: Text | None = Field(default=None, min_length=1, max_length=200, description="What others see.")


class RolesIn(In):
    """What a person is here for: exactly these."""

    roles: _Roles


class SwitchIn(In):
    """Whether a person may log in."""

    is_active: bool


class ResetIn(In):
    """How to reset a person."""

    without_totp: bool = Field(default=False, description="Whether a lost authenticator is forgotten, too.")


class UserOut(Out):
    """A person who may log in."""

    user: int = Field(validation_alias="id")
    name: str
    display_name: str
    roles: list[Role]
    is_active: bool
    has_password: bool = Field(description="False until a first link was used.")
    has_totp: bool = Field(description="Whether a login asks for a code.")
    created_at: datetime
    locked_until: datetime | None
    last_login_at: datetime | None


class LinkOut(Out):
    """A link by which a person chooses a password, once. It is in this answer and nowhere else."""

    url: str = Field(description="Hand it to that person and nobody else.")
    expires_at: datetime


class AddedUserOut(Out):
    """A person who was added, and the invitation."""

    user: UserOut
    invitation: LinkOut


class KeyIn(In):
    """An API key that is to be made."""

    name: Text = Field(min_length=1, max_length=200, description="What people call it.", examples=["upload service"])
    scopes: list[Annotated[str, Field(max_length=50)]] = Field(
        min_length=1, max_length=50, description="What it may do.", examples=[["screen", "match"]]
    )
    namespace: str = Field(
        default="", max_length=64, description="Whose content ids it speaks of: two platforms may use the same."
    )
    requests_per_minute: int | None = Field(default=None, ge=1, le=2**31 - 1, description="Its own limit.")
    expires_at: AwareDatetime | None = None


class KeyOut(Out):
    """What a program shows instead of a password."""

    key: int = Field(validation_alias="id")
    name: str
    prefix: str = Field(description="The part of its text that is no secret, to tell keys apart.")
    scopes: list[Permission]
    namespace: str
    created_by: str = Field(examples=["user:3"])
    created_at: datetime
    requests_per_minute: int | None
    expires_at: datetime | None
    revoked_at: datetime | None
    last_used_at: datetime | None


class NewKeyOut(KeyOut):
    """A key, and its text, which is shown this once."""

    text: str = Field(description="What the program sends as `Authorization: Bearer …`.")


# ── users ────────────────────────────────────────────────────────────────────────────────────────────────────────


def _user(user: User) -> dict[str, Any]:
    shown = {name: getattr(user, name) for name in UserOut.model_fields if name not in {"user", "roles"}}
    return {"user": user.id, "roles": sorted(user.roles), **shown}


def _link(link: NewLink, service: Service) -> dict[str, Any]:
    settings = service.settings.server
    public = settings.public_url or f"http://{settings.host}:{settings.port}"
    return {"url": public.rstrip("/") + link.path, "expires_at": link.link.expires_at}


@router.get("/users", summary="List users", response_model=Page[UserOut], responses=responses_of())
def list_users(request: Request, _caller: _UserKeeper, limit: Limit = USUAL, cursor: Cursor = None) -> dict[str, Any]:
    """List people by name, disabled ones too."""
    after = None if cursor is None else read_cursor(cursor, str)[0]
    found = accounts.list_users(service_of(request).database, after=after, limit=limit + 1)
    page = paged(found, limit, lambda user: (user.name,))
    return {**page, "items": [_user(each) for each in page["items"]]}


@router.get("/users/{user}", summary="Show a user", response_model=UserOut, responses=responses_of(404))
def show_user(request: Request, _caller: _UserKeeper, user: Number) -> dict[str, Any]:
    """Show a person."""
    return _user(accounts.show_user(service_of(request).database, user))


@router.post(
    "/users", summary="Add a user", status_code=201, response_model=AddedUserOut, responses=responses_of(408, 409, 413)
)
def add_user(request: Request, caller: _UserKeeper, new: UserIn) -> dict[str, Any]:
    """Add a person, and make the invitation by which they choose a password."""
    service = service_of(request)
    user, link = accounts.add_user(
        service, new.name, roles=new.roles, display_name=new.display_name, actor=caller.actor
    )
    return {"user": _user(user), "invitation": _link(link, service)}


@router.put(
    "/users/{user}/roles",
    summary="Change roles",
    response_model=UserOut,
    responses=responses_of(404, 408, 409, 413),
)
def change_roles(request: Request, caller: _UserKeeper, user: Number, given: RolesIn) -> dict[str, Any]:
    """Give a person exactly these roles; they hold from the next request on. Nobody changes their own."""
    return _user(accounts.change_roles(service_of(request).database, user, given.roles, actor=caller.actor))


@router.put(
    "/users/{user}/switch",
    summary="Let a user in, or no more",
    response_model=UserOut,
    responses=responses_of(404, 408, 409, 413),
)
def switch_user(request: Request, caller: _UserKeeper, user: Number, switch: SwitchIn) -> dict[str, Any]:
    """Let a person log in, or no more; then their sessions end, too."""
    return _user(
        accounts.switch_user(service_of(request).database, user, is_active=switch.is_active, actor=caller.actor)
    )


@router.post(
    "/users/{user}/reset", summary="Reset a user", response_model=LinkOut, responses=responses_of(404, 408, 413)
)
def reset_user(request: Request, caller: _UserKeeper, user: Number, asked: ResetIn) -> dict[str, Any]:
    """Make a link by which a person chooses a new password, and lift a lock."""
    service = service_of(request)
    link = accounts.make_reset_link(service, user, without_totp=asked.without_totp, actor=caller.actor)
    return _link(link, service)


# ── keys ─────────────────────────────────────────────────────────────────────────────────────────────────────────


def _key(key: ApiKey) -> dict[str, Any]:
    shown = {name: getattr(key, name) for name in KeyOut.model_fields if name not in {"key", "scopes"}}
    return {"key": key.id, "scopes": sorted(key.scopes), **shown}


@router.get("/keys", summary="List API keys", response_model=Page[KeyOut], responses=responses_of())
def list_keys(request: Request, _caller: _KeyKeeper, limit: Limit = USUAL, cursor: Cursor = None) -> dict[str, Any]:
    """List the API keys in the order in which they were made, revoked ones too."""
    found = accounts.list_keys(service_of(request).database, after=id_after(cursor), limit=limit + 1)
    page = paged(found, limit, lambda key: (key.id,))
    return {**page, "items": [_key(each) for each in page["items"]]}


@router.post(
    "/keys", summary="Make an API key", status_code=201, response_model=NewKeyOut, responses=responses_of(408, 413)
)
def add_key(request: Request, caller: _KeyKeeper, new: KeyIn) -> dict[str, Any]:
    """Make an API key. Its text is in this answer and nowhere else."""
    made = accounts.add_key(
        service_of(request).database,
        new.name,
        scopes=new.scopes,
        namespace=new.namespace,
        requests_per_minute=new.requests_per_minute,
        expires_at=new.expires_at,
        actor=caller.actor,
    )
    return {**_key(made.key), "text": made.text}


@router.post("/keys/{key}/revoke", summary="Revoke an API key", response_model=KeyOut, responses=responses_of(404))
def revoke_key(request: Request, caller: _KeyKeeper, key: Number) -> dict[str, Any]:
    """Revoke an API key for good. It works nowhere any more within a second."""
    return _key(accounts.revoke_key(service_of(request).database, key, actor=caller.actor))
