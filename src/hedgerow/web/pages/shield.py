"""Project Arachnid Shield: whether and how it is asked for a second opinion on the hash of a case."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any, Final

from fastapi import APIRouter, Depends, Query, Request
from fastapi.responses import Response  # noqa: TC002  (FastAPI reads annotations)

from hedgerow.accounts import Permission
from hedgerow.app import now
from hedgerow.app.serving.shield import shield_page
from hedgerow.app.shield import ShieldDesk
from hedgerow.errors import InvalidExchange
from hedgerow.exchanges.shield import SHIELD_NAME
from hedgerow.web.callers import Caller, allowed, service_of
from hedgerow.web.pages import shield_words
from hedgerow.web.pages.bank_fields import NOT_WHOLE, line_of, whole_of
from hedgerow.web.pages.language import marked
from hedgerow.web.pages.rendering import redirect, render
from hedgerow.web.sessions import form_of

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["router"]

router = APIRouter(prefix="/shield")

_Reader = Annotated[Caller, Depends(allowed(Permission.EXCHANGES_READ))]
_Writer = Annotated[Caller, Depends(allowed(Permission.EXCHANGES_WRITE))]
_Form = Annotated[dict[str, str], Depends(form_of)]

_NOTES: Final = {
    "on": marked("It is on: who decides about cases may ask it."),
    "off": marked("It is off, and nothing is asked any more. What was answered stays with its cases."),
    "armed": marked("It is armed, and speaks to the production system from now on."),
    "disarmed": marked("It is disarmed, and speaks to no production system any more."),
    "sealed": marked("The credentials are sealed. Nobody can read them back."),
    "unsealed": marked("Its credentials are gone."),
    "kept": marked("The settings are kept."),
}
_NOT_IT: Final = marked("This is not its name.")
_NAME: Final = "shield"


@router.get("")
def show(request: Request, caller: _Reader, note: Annotated[str, Query(max_length=20)] = "") -> Response:
    """Show whether and how it is asked."""
    return _page(request, caller, note=note)


def _page(
    request: Request,
    caller: Caller,
    template: str = "shield.html",
    *,
    note: str = "",
    said: Mapping[str, str] | None = None,
    errors: Mapping[str, str] | None = None,
) -> Response:
    return render(
        request,
        template,
        caller=caller,
        status=422 if errors else 200,
        page=shield_page(service_of(request)),
        at=now(),
        note=_NOTES.get(note),
        said=said or {},
        errors=errors or {},
        LACKS=shield_words.LACKS,
        name=_NAME,
        product=SHIELD_NAME,
    )


def _desk(request: Request) -> ShieldDesk:
    return ShieldDesk(service_of(request))


@router.post("/switch")
def switch(request: Request, caller: _Writer, form: _Form) -> Response:
    """Let people ask it, or nobody; to switch it on also lets go on what it refused."""
    is_enabled = form.get("enabled") == "yes"
    _desk(request).change(actor=caller.actor, is_enabled=is_enabled)
    return redirect(f"/shield?note={'on' if is_enabled else 'off'}")


@router.post("/settings")
def keep_settings(request: Request, caller: _Writer, form: _Form) -> Response:
    """Keep where and how it is asked. Another place has to be armed, and given its credentials, anew."""
    calls = whole_of(form, "calls_per_minute")
    if calls is None:
        return _page(request, caller, said=form, errors={"calls_per_minute": NOT_WHOLE})
    said: dict[str, Any] = {
        "environment": line_of(form, "environment"),
        "base_url": line_of(form, "base_url"),
        "calls_per_minute": calls,
        "is_null_no_match": form.get("is_null_no_match") == "yes",
    }
    try:
        _desk(request).change(actor=caller.actor, **said)
    except InvalidExchange as error:
        return _page(request, caller, said=form, errors={"settings": str(error)})
    return redirect("/shield?note=kept")


@router.post("/credentials")
def enter_credentials(request: Request, caller: _Writer, form: _Form) -> Response:
    """Enter its credentials; they are sealed, and shown to nobody."""
    entered = {name: form.get(f"secret-{name}", "").strip(" ") for name in ("user", "password")}
    try:
        _desk(request).set_credentials(entered, actor=caller.actor)
    except InvalidExchange as error:
        return _page(request, caller, errors={"credentials": str(error)})
    return redirect("/shield?note=sealed")


@router.post("/credentials/removal")
def remove_credentials(request: Request, caller: _Writer) -> Response:
    """Take its credentials away."""
    _desk(request).set_credentials(None, actor=caller.actor)
    return redirect("/shield?note=unsealed")


@router.get("/arm")
def ask_to_arm(request: Request, caller: _Writer) -> Response:
    """Say whom it would speak to, and ask for its name."""
    return _page(request, caller, "shield_arm.html")


@router.post("/arm")
def arm(request: Request, caller: _Writer, form: _Form) -> Response:
    """Allow its production system to be spoken to."""
    if line_of(form, "name") != _NAME:
        return _page(request, caller, "shield_arm.html", errors={"name": _NOT_IT})
    # Somebody may have changed where it goes since this person read it: then they read it again.
    if line_of(form, "address") != _desk(request).standing().place.base_url:
        return redirect("/shield/arm")
    _desk(request).arm(actor=caller.actor)
    return redirect("/shield?note=armed")


@router.post("/disarm")
def disarm(request: Request, caller: _Writer) -> Response:
    """Let its production system be spoken to no more."""
    _desk(request).disarm(actor=caller.actor)
    return redirect("/shield?note=disarmed")
