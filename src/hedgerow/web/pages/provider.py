"""Log in through the login provider, or link one's account to it."""

from __future__ import annotations

from typing import Annotated, Final

from fastapi import APIRouter, Depends, Request
from fastapi.responses import Response  # noqa: TC002  (FastAPI reads annotations)
from starlette.exceptions import HTTPException

from hedgerow.app import now
from hedgerow.app.logins import confirm_password, unlink_own_provider
from hedgerow.app.oidc import TICKET_S, Provider, link_identity, log_in_by_identity
from hedgerow.errors import InvalidRequest, LoginRefused, TooManyRequests
from hedgerow.web.callers import Caller, person, public, service_of
from hedgerow.web.pages.account import account_page
from hedgerow.web.pages.language import marked
from hedgerow.web.pages.logging_in import begin_session
from hedgerow.web.pages.rendering import count_attempt, local_path, redirect, render
from hedgerow.web.sessions import base_address, forget_cookie, form_of, keep_cookie, shown_cookie

__all__ = ["router"]

router = APIRouter()

_BACK: Final = "/login/provider/callback"
_TICKET: Final = "hedgerow-provider"
_LONGEST_VALUE: Final = 4_096
_Form = Annotated[dict[str, str], Depends(form_of)]
_Person = Annotated[Caller, Depends(person)]


def _provider(request: Request) -> Provider:
    found: Provider | None = request.app.state.provider
    if found is None:
        raise HTTPException(404)
    return found


@router.get("/login/provider", dependencies=[Depends(public)])
def begin(request: Request, to: str | None = None) -> Response:
    """Send the browser to the provider."""
    service = service_of(request)
    provider = _provider(request)
    count_attempt(request)
    back = base_address(request) + _BACK
    begun = provider.begin(service.keys, back, going_to=local_path(to), at=now())
    response = redirect(begun.address)
    # Lax: the provider leads back here, and a strict cookie would stay behind.
    keep_cookie(request, response, begun.ticket, name=_TICKET, lifetime_s=TICKET_S, is_strict=False)
    return response


@router.get(_BACK, dependencies=[Depends(public)])
def finish(request: Request) -> Response:
    """Take what the browser brings back from the provider."""
    service = service_of(request)
    provider = _provider(request)
    count_attempt(request)
    base_address(request)
    pairs = request.query_params.multi_items()
    came = dict(pairs)
    if len(came) != len(pairs) or any(len(value) > _LONGEST_VALUE for _, value in pairs):
        raise InvalidRequest("a field came twice or is too long")
    identity = provider.finish(service.keys, shown_cookie(request, _TICKET), came, at=now())
    if identity.user_id is not None:
        link_identity(service.database, identity, at=now())
        response = _go(request, "/account?note=linked", marked("your account"), marked("Your account is linked"))
    else:
        logged_in = log_in_by_identity(service.settings, service.database, identity, at=now())
        response = _go(request, identity.going_to, "Hedgerow", marked("You are logged in"))
        begin_session(request, logged_in, response)
    forget_cookie(request, response, name=_TICKET)
    return response


@router.post("/account/provider")
def begin_link(request: Request, caller: _Person, form: _Form) -> Response:
    """Ask the provider who somebody is, to link them; the password first, since a link outlives the session."""
    service = service_of(request)
    provider = _provider(request)
    assert caller.session is not None  # noqa: S101  (`person` has looked)
    try:
        count_attempt(request)
        confirm_password(
            service.settings, service.database, caller.session.user, form.get("link_password", ""), at=now()
        )
    except (LoginRefused, TooManyRequests) as error:
        return account_page(request, caller, error=error, field="link_password")
    back = base_address(request) + _BACK
    begun = provider.begin(service.keys, back, user_id=caller.user_id, at=now())
    # A form's answer may not lead elsewhere (form-action of our policy), so that the page itself goes on.
    response = _go(request, begun.address, service.settings.oidc.name, marked("One moment"))
    keep_cookie(request, response, begun.ticket, name=_TICKET, lifetime_s=TICKET_S, is_strict=False)
    return response


@router.post("/account/provider/remove")
def remove_link(request: Request, caller: _Person, form: _Form) -> Response:
    """Link somebody no more."""
    service = service_of(request)
    assert caller.session is not None  # noqa: S101  (`person` has looked)
    try:
        count_attempt(request)
        unlink_own_provider(
            service.settings, service.database, caller.session.user, form.get("unlink_password", ""), at=now()
        )
    except (LoginRefused, TooManyRequests) as error:
        return account_page(request, caller, error=error, field="unlink_password")
    response = redirect("/login?note=unlinked")
    forget_cookie(request, response)
    return response


def _go(request: Request, address: str, place: str, title: str) -> Response:
    """Lead on from a page of ours, with which the browser sends a strict cookie."""
    return render(request, "going.html", address=address, place=place, title=title)
