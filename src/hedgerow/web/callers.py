"""Who is asking, and whether they may. What no route allows is denied.

A program shows its API key as ``Authorization: Bearer hedgerow_…`` or ``X-API-Key``. A person's browser shows a
session's cookie, and with whatever changes something the session's form token.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Annotated, Any, Final

from fastapi import Depends, Request
from fastapi.concurrency import run_in_threadpool

from hedgerow.app import now
from hedgerow.app.keyring import RateLimits
from hedgerow.app.logins import find_own_session
from hedgerow.errors import FormRefused, KeyRefused, PermissionDenied, TooManyRequests
from hedgerow.web.sessions import SAFE_METHODS, check_same_site, session_token, shown_form_token

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from hedgerow.accounts import Permission, Session
    from hedgerow.app.service import Service

__all__ = [
    "Caller",
    "ServiceOf",
    "address_of",
    "allowed",
    "is_personal",
    "is_public",
    "permission_of",
    "person",
    "public",
    "service_of",
    "shown_key",
]

_DENIALS_PER_MINUTE: Final = 6  # lines in the record for each caller: who asks in a loop need not be written down more
_denials = RateLimits()


@dataclass(frozen=True, slots=True)
class Caller:
    """Who is asking.

    Attributes:
        actor: The word under which the audit log knows them: ``key:5``, ``user:3``.
        permissions: What they may do.
        namespace: Whose content ids they speak of.
        user_id: The person; None for a program.
        session: The person's session; None for a program.
        token: What proves the session, from which its forms' tokens follow.
    """

    actor: str
    permissions: frozenset[Permission]
    namespace: str = ""
    user_id: int | None = None
    session: Session | None = None
    token: str = field(default="", repr=False)


def service_of(request: Request) -> Service:
    """Return the service behind an application."""
    service: Service = request.app.state.service
    return service


ServiceOf = Annotated[Any, Depends(service_of)]
"""The `hedgerow.app.service.Service`, as an argument of a route."""


def address_of(request: Request) -> str:
    """Return the address that a request came from, as the server knows it."""
    return request.client.host if request.client else "unknown"


def shown_key(request: Request) -> str | None:
    """Return the API key that a request shows, or None."""
    header = request.headers.get("authorization")
    if header is not None:
        scheme, _, text = header.partition(" ")
        return text.strip() if scheme.lower() == "bearer" else ""
    return request.headers.get("x-api-key")


async def find_caller(request: Request) -> Caller:
    """Find out who is asking.

    Raises:
        KeyRefused: Nobody, or with a key that does not work.
        SessionEnded: A person whose session is over.
        FormRefused: A person whose browser cannot show that a page of this session wants the change.
        TooManyRequests: This key, or wrong keys from this address, come too often.
    """
    service = service_of(request)
    text = shown_key(request)
    limits = service.settings.server
    if text is None:
        return await _find_person(request)
    at = now()
    key = service.keyring.remembered(text, per_minute=limits.requests_per_minute, now=at)
    if key is None:
        try:
            key = await run_in_threadpool(
                service.keyring.authenticate, text, per_minute=limits.requests_per_minute, now=at
            )
        except KeyRefused:
            service.refusals.take(address_of(request), limits.refusals_per_minute)
            raise
    request.state.actor = key.actor
    return Caller(key.actor, key.permissions, key.namespace)


async def _find_person(request: Request) -> Caller:
    """Find out who is asking by the cookie of a session."""
    from hedgerow.accounts import is_csrf_token  # noqa: PLC0415  (most callers are programs)

    token = session_token(request)
    if token is None:
        raise KeyRefused
    service = service_of(request)
    session = await run_in_threadpool(find_own_session, service.settings, service.database, token, at=now())
    request.state.actor = session.actor
    if request.method not in SAFE_METHODS:
        check_same_site(request)
        if not is_csrf_token(token, await shown_form_token(request)):
            raise FormRefused
    return Caller(session.actor, session.permissions, user_id=session.user.id, session=session, token=token)


async def person(request: Request) -> Caller:
    """Let those pass who are logged in, to what is their own: what a page depends on that asks for no permission.

    Raises:
        KeyRefused: Nobody, or a program.
        SessionEnded: The session is over.
    """
    caller = await find_caller(request)
    if caller.session is None:
        raise KeyRefused
    return caller


def allowed(permission: Permission) -> Callable[[Request], Awaitable[Caller]]:
    """Return what a route depends on: it lets those pass who have a permission, and hands their name on."""

    async def check(request: Request) -> Caller:
        caller = await find_caller(request)
        if permission not in caller.permissions:
            await run_in_threadpool(_record_denial, request, caller, permission)
            raise PermissionDenied(str(permission))
        return caller

    check.permission = permission  # type: ignore[attr-defined]  # a test walks over every route and asks for it
    return check


def _record_denial(request: Request, caller: Caller, permission: Permission) -> None:
    service = service_of(request)
    try:
        _denials.take(f"{caller.actor} {permission}", _DENIALS_PER_MINUTE)
    except TooManyRequests:
        return
    from hedgerow.web.metrics import route_template  # noqa: PLC0415  (metrics ask who is calling)

    service.record_denial(caller.actor, permission, route_template(request.scope))


async def public() -> None:
    """Mark a route that asks nobody's name: health, and where people log in."""


def permission_of(route: Any) -> Permission | None:  # noqa: ANN401  (one of Starlette's)
    """Return the permission that a route asks for; None where it asks for none."""
    found = [
        getattr(each.call, "permission", None)
        for each in getattr(route, "dependant", None).dependencies  # type: ignore[union-attr]  # FastAPI's own routes
    ]
    return next((each for each in found if each is not None), None)


def is_public(route: Any) -> bool:  # noqa: ANN401  (one of Starlette's)
    """Tell whether a route is marked as one that asks nobody's name."""
    return any(each.call is public for each in route.dependant.dependencies)


def is_personal(route: Any) -> bool:  # noqa: ANN401  (one of Starlette's)
    """Tell whether a route serves whoever is logged in, with what is their own."""
    return any(each.call is person for each in route.dependant.dependencies)
