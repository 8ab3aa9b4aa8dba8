"""Log in with name, password and code; log out."""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING, Annotated, Final
from urllib.parse import quote

from fastapi import APIRouter, Depends, Request
from fastapi.responses import Response  # noqa: TC002  (FastAPI reads annotations)

from hedgerow.app import now
from hedgerow.app.logins import (
    CODE_S,
    CodeNeeded,
    end_session,
    find_own_session,
    log_in_with_code,
    log_in_with_password,
)
from hedgerow.errors import HedgerowError, LoginRefused, SessionEnded, TooManyRequests
from hedgerow.web.callers import Caller, person, public, service_of
from hedgerow.web.pages.language import marked
from hedgerow.web.pages.rendering import count_attempt, local_path, redirect, render
from hedgerow.web.problems import status_of
from hedgerow.web.sessions import (
    base_address,
    check_same_site,
    forget_cookie,
    form_of,
    keep_cookie,
    session_token,
    shown_cookie,
)

if TYPE_CHECKING:
    from hedgerow.accounts import LoggedIn

__all__ = ["begin_session", "router"]

router = APIRouter()

_TICKET: Final = "hedgerow-login"
_NOTES: Final = {
    "logged_out": marked("You are logged out."),
    "password_set": marked("Your password is set. Log in with it."),
    "password_changed": marked("Your password was changed, and all your sessions have ended. Log in with the new one."),
    "unlinked": marked("The login provider is not linked any more, and all your sessions have ended."),
    "session_over": marked("You were not logged in any more, so nothing was changed. Log in and repeat it."),
    "code_late": marked("The time for the code was over. Begin again."),
}
_FORBIDDEN: Final = 403
_Form = Annotated[dict[str, str], Depends(form_of)]


@router.get("/login", dependencies=[Depends(public)])
def show(request: Request, to: str | None = None, note: str | None = None) -> Response:
    """Ask for name and password."""
    token = session_token(request)
    if token is not None:
        service = service_of(request)
        try:
            find_own_session(service.settings, service.database, token, at=now())
        except SessionEnded:
            pass
        else:
            return redirect(local_path(to))
    return _login_page(request, to=to, note=_NOTES.get(note or ""))


@router.post("/login", dependencies=[Depends(public)])
def log_in(request: Request, form: _Form) -> Response:
    """Judge name and password; go on, or ask for the code."""
    service = service_of(request)
    name, to = form.get("name", ""), form.get("to")
    try:
        check_same_site(request)
        base_address(request)
        count_attempt(request)
        outcome = log_in_with_password(
            service.settings, service.database, service.keys, name, form.get("password", ""), at=now()
        )
    except (LoginRefused, TooManyRequests) as error:
        return _login_page(request, to=to, name=name, error=error)
    if isinstance(outcome, CodeNeeded):
        path = local_path(to)
        response = redirect("/login/code" if path == "/" else f"/login/code?to={quote(path, safe='')}")
        keep_cookie(request, response, outcome.ticket, name=_TICKET, lifetime_s=CODE_S)
        return response
    return begin_session(request, outcome, redirect(local_path(to)))


@router.get("/login/code", dependencies=[Depends(public)])
def ask_for_code(request: Request, to: str | None = None) -> Response:
    """Ask for the code of the authenticator."""
    if not shown_cookie(request, _TICKET):
        return redirect("/login")
    return _code_page(request, to=to)


@router.post("/login/code", dependencies=[Depends(public)])
def log_in_by_code(request: Request, form: _Form) -> Response:
    """Judge the code."""
    service = service_of(request)
    to = form.get("to")
    try:
        check_same_site(request)
        base_address(request)
        count_attempt(request)
        logged_in = log_in_with_code(
            service.settings,
            service.database,
            service.keys,
            shown_cookie(request, _TICKET),
            form.get("code", ""),
            at=now(),
        )
    except (LoginRefused, TooManyRequests) as error:
        return _code_page(request, to=to, error=error)
    except SessionEnded:
        response = redirect("/login?note=code_late")
        forget_cookie(request, response, name=_TICKET)
        return response
    response = begin_session(request, logged_in, redirect(local_path(to)))
    forget_cookie(request, response, name=_TICKET)
    return response


@router.post("/logout")
def log_out(request: Request, caller: Annotated[Caller, Depends(person)]) -> Response:
    """End the session."""
    assert caller.session is not None  # noqa: S101  (`person` has looked)
    end_session(service_of(request).database, caller.session, at=now())
    response = redirect("/login?note=logged_out")
    forget_cookie(request, response)
    response.headers["clear-site-data"] = '"cache"'
    return response


def begin_session(request: Request, logged_in: LoggedIn, response: Response) -> Response:
    """Let the browser keep a new session; the one that it showed before ends."""
    service = service_of(request)
    before = session_token(request)
    if before is not None:
        with suppress(SessionEnded):
            ended = find_own_session(service.settings, service.database, before, at=now())
            end_session(service.database, ended, at=now())
    keep_cookie(request, response, logged_in.token)
    return response


def _login_page(
    request: Request,
    *,
    to: str | None,
    name: str = "",
    note: str | None = None,
    error: HedgerowError | None = None,
) -> Response:
    oidc = service_of(request).settings.oidc
    return render(
        request,
        "login.html",
        status=_status(error),
        to=local_path(to),
        name=name[:100],
        note=note,
        error=error,
        provider=None if oidc.issuer is None else oidc.name,
    )


def _code_page(request: Request, *, to: str | None, error: HedgerowError | None = None) -> Response:
    return render(
        request, "code.html", status=_status(error), to=local_path(to), error=error, minutes=round(CODE_S / 60)
    )


def _status(error: HedgerowError | None) -> int:
    if error is None:
        return 200
    return _FORBIDDEN if isinstance(error, LoginRefused) else status_of(type(error))
