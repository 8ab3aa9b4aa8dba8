"""One-time links: the first admin chooses a name and a password, everybody else a password."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Depends, Request
from fastapi.responses import Response  # noqa: TC002  (FastAPI reads annotations)

from hedgerow import app
from hedgerow.accounts.rules import SHORTEST_PASSWORD
from hedgerow.app import now
from hedgerow.app.logins import OpenLink, show_link
from hedgerow.errors import HedgerowError, InvalidUserName, PasswordRefused, TooManyRequests
from hedgerow.web.callers import public, service_of
from hedgerow.web.pages.language import marked
from hedgerow.web.pages.rendering import count_attempt, redirect, render
from hedgerow.web.problems import status_of
from hedgerow.web.sessions import base_address, check_same_site, form_of

__all__ = ["router"]

router = APIRouter(dependencies=[Depends(public)])

_UNPROCESSABLE = 422


@router.get("/welcome/{token}")
def show(request: Request, token: str) -> Response:
    """Show what a link is for; it works as before afterwards, whoever looked (mail programs do)."""
    base_address(request)
    count_attempt(request)
    return _page(request, show_link(service_of(request).database, token, at=now()))


@router.post("/welcome/{token}")
def use(request: Request, token: str, form: Annotated[dict[str, str], Depends(form_of)]) -> Response:
    """Set the password, and use the link up."""
    base_address(request)
    check_same_site(request)
    count_attempt(request)
    service = service_of(request)
    name, password = form.get("name", ""), form.get("password", "")
    link = show_link(service.database, token, at=now())
    if password != form.get("again", ""):
        return _page(request, link, name=name, errors={"again": marked("The two passwords are not the same.")})
    try:
        if link.user is None:
            app.accept_first_admin(service.database, token, name, password, at=now())
        else:
            app.accept_link(service.database, token, password, at=now())
    except InvalidUserName as error:
        return _page(request, link, name=name, errors={"name": str(error)})
    except PasswordRefused as error:
        return _page(request, link, name=name, errors={"password": str(error)})
    except TooManyRequests as error:
        return _page(request, link, name=name, errors={"password": str(error)}, error=error)
    return redirect("/login?note=password_set")


def _page(
    request: Request,
    link: OpenLink,
    *,
    name: str = "",
    errors: dict[str, str] | None = None,
    error: HedgerowError | None = None,
) -> Response:
    status = _UNPROCESSABLE if errors else 200
    response = render(
        request,
        "welcome.html",
        status=status if error is None else status_of(type(error)),
        link=link,
        name=name[:100],
        errors=errors or {},
        shortest=SHORTEST_PASSWORD,
    )
    response.headers["referrer-policy"] = "no-referrer"  # the address is a secret, whatever other pages say
    return response
