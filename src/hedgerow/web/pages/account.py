"""One's own account: the password, the sessions, the authenticator, the login provider."""

from __future__ import annotations

from typing import Annotated, Final

from fastapi import APIRouter, Depends, Request
from fastapi.responses import Response  # noqa: TC002  (FastAPI reads annotations)

from hedgerow.accounts.rules import SHORTEST_PASSWORD
from hedgerow.app import now
from hedgerow.app.logins import change_own_password, end_own_session, list_own_sessions
from hedgerow.errors import HedgerowError, LoginRefused, PasswordRefused, TooManyRequests
from hedgerow.web.callers import Caller, person, service_of
from hedgerow.web.pages.language import marked
from hedgerow.web.pages.rendering import count_attempt, redirect, render
from hedgerow.web.sessions import forget_cookie, form_of

__all__ = ["account_page", "router"]

router = APIRouter(prefix="/account")

_NOTES: Final = {
    "session_ended": marked("The session has ended."),
    "authenticator_removed": marked("The authenticator is removed; logins ask for no code any more."),
    "linked": marked("Your account is linked: from now on you can log in through the provider."),
}
_Form = Annotated[dict[str, str], Depends(form_of)]
_Person = Annotated[Caller, Depends(person)]


@router.get("")
def show(request: Request, caller: _Person, note: str | None = None) -> Response:
    """Show the account."""
    return account_page(request, caller, note=_NOTES.get(note or ""))


@router.post("/password")
def change_password(request: Request, caller: _Person, form: _Form) -> Response:
    """Change the password."""
    service = service_of(request)
    assert caller.session is not None  # noqa: S101  (`person` has looked)
    new = form.get("new_password", "")
    if new != form.get("new_again", ""):
        said = marked("The two new passwords are not the same.")
        return account_page(request, caller, words=said, field="new_again")
    try:
        count_attempt(request)
        change_own_password(
            service.settings, service.database, caller.session.user, form.get("old_password", ""), new, at=now()
        )
    except PasswordRefused as error:
        return account_page(request, caller, error=error, field="new_password")
    except (LoginRefused, TooManyRequests) as error:
        return account_page(request, caller, error=error, field="old_password")
    response = redirect("/login?note=password_changed")
    forget_cookie(request, response)
    return response


@router.post("/sessions/{number}/end")
def end(request: Request, number: int, caller: _Person) -> Response:
    """End a session of one's own."""
    service = service_of(request)
    assert caller.session is not None  # noqa: S101  (`person` has looked)
    end_own_session(service.settings, service.database, caller.session.user, number, at=now())
    return redirect("/account?note=session_ended")


def account_page(
    request: Request,
    caller: Caller,
    *,
    note: str | None = None,
    error: HedgerowError | None = None,
    words: str | None = None,
    field: str | None = None,
) -> Response:
    """Return the page of one's account.

    Args:
        request: What is answered.
        caller: Whose.
        note: What was done.
        error: What went wrong; `words` say it otherwise.
        words: What went wrong.
        field: The field of a form that it is about.
    """
    service = service_of(request)
    session = caller.session
    assert session is not None  # noqa: S101  (`person` has looked)
    text = words if error is None else str(error)
    limits = service.settings.accounts
    oidc = service.settings.oidc
    return render(
        request,
        "account.html",
        caller=caller,
        status=429 if isinstance(error, TooManyRequests) else 422 if text else 200,
        note=note,
        errors={field: text} if text and field else {},
        sessions=list_own_sessions(service.settings, service.database, session.user, at=now()),
        current=session.id,
        idle_minutes=round(limits.session_idle_s / 60),
        shortest=SHORTEST_PASSWORD,
        provider=None if oidc.issuer is None else oidc.name,
    )
