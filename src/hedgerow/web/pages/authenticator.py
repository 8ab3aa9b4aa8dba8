"""Set up an authenticator, which shows the codes of a second factor."""

from __future__ import annotations

import re
from typing import Annotated, Final

from fastapi import APIRouter, Depends, Request
from fastapi.responses import Response  # noqa: TC002  (FastAPI reads annotations)

from hedgerow.app import now
from hedgerow.app.logins import begin_totp, finish_totp, remove_own_totp
from hedgerow.errors import CodeRefused, HedgerowError, InvalidRequest, LoginRefused, TooManyRequests
from hedgerow.web.callers import Caller, person, service_of
from hedgerow.web.pages.account import account_page
from hedgerow.web.pages.qr import qr_path
from hedgerow.web.pages.rendering import count_attempt, redirect, render
from hedgerow.web.sessions import form_of

__all__ = ["router"]

router = APIRouter(prefix="/account/authenticator")

_SECRET: Final = re.compile(r"[A-Z2-7]{32}")
_Form = Annotated[dict[str, str], Depends(form_of)]
_Person = Annotated[Caller, Depends(person)]


@router.get("")
def begin(request: Request, caller: _Person) -> Response:
    """Show a new secret, which means nothing until a code proves that an authenticator has it."""
    return _page(request, caller)


@router.post("")
def finish(request: Request, caller: _Person, form: _Form) -> Response:
    """Take the authenticator, and show the recovery codes once."""
    service = service_of(request)
    assert caller.session is not None  # noqa: S101  (`person` has looked)
    secret = form.get("secret", "")
    if not _SECRET.fullmatch(secret):
        raise InvalidRequest("the secret is none of ours")
    try:
        count_attempt(request)
        codes = finish_totp(
            service.settings,
            service.database,
            service.keys,
            caller.session.user,
            secret=secret,
            code=form.get("code", ""),
            password=form.get("password", ""),
            at=now(),
        )
    except CodeRefused as error:
        return _page(request, caller, secret=secret, error=error, field="code")
    except (LoginRefused, TooManyRequests) as error:
        return _page(request, caller, secret=secret, error=error, field="password")
    return render(request, "recovery.html", caller=caller, codes=codes)


@router.post("/remove")
def remove(request: Request, caller: _Person, form: _Form) -> Response:
    """Ask for no code any more."""
    service = service_of(request)
    assert caller.session is not None  # noqa: S101  (`person` has looked)
    try:
        count_attempt(request)
        remove_own_totp(
            service.settings, service.database, caller.session.user, form.get("totp_password", ""), at=now()
        )
    except (LoginRefused, TooManyRequests) as error:
        return account_page(request, caller, error=error, field="totp_password")
    return redirect("/account?note=authenticator_removed")


def _page(
    request: Request,
    caller: Caller,
    *,
    secret: str | None = None,
    error: HedgerowError | None = None,
    field: str | None = None,
) -> Response:
    assert caller.session is not None  # noqa: S101  (`person` has looked)
    user = caller.session.user
    if not user.has_password:
        return redirect("/account")  # the provider has a second factor of its own
    secret, address = begin_totp(user, secret)
    return render(
        request,
        "authenticator.html",
        caller=caller,
        status=429 if isinstance(error, TooManyRequests) else 422 if error else 200,
        secret=secret,
        address=address,
        qr=qr_path(address),
        errors={field: str(error)} if error and field else {},
    )
