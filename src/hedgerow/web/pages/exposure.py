"""What protects people who look: their counter, their breaks, their limits, and what they do not look at."""

from __future__ import annotations

from typing import Annotated, Final

from fastapi import APIRouter, Depends, Request
from fastapi.responses import Response  # noqa: TC002  (FastAPI reads annotations)

from hedgerow.accounts import Permission
from hedgerow.app import now
from hedgerow.app.serving import exposure
from hedgerow.errors import InvalidRequest, LimitRefused
from hedgerow.web.callers import Caller, allowed, person, service_of
from hedgerow.web.pages.language import marked
from hedgerow.web.pages.rendering import local_path, redirect, render
from hedgerow.web.sessions import form_of

__all__ = ["router"]

router = APIRouter()

BREAK_MINUTES: Final = (5, 10, 15, 30, 60)
_MOST_DIGITS: Final = 4
_NOTES: Final = {
    "lowered": marked("Your limit is lower now."),
    "opted": marked("Your choice is kept. Nobody is told of it, and nobody asks you why."),
    "set": marked("The limit is set."),
}
_Form = Annotated[dict[str, str], Depends(form_of)]
_Person = Annotated[Caller, Depends(person)]
_Lead = Annotated[Caller, Depends(allowed(Permission.EXPOSURE_LIMITS))]


# ── breaks ───────────────────────────────────────────────────────────────────────────────────────────────────────


@router.get("/break")
def show_break(request: Request, caller: _Person, back: str | None = None) -> Response:
    """Show the page of a break: the one that somebody has, or the one that they may take."""
    return _break_page(request, caller, back)


@router.post("/break")
def take_break(request: Request, caller: _Person, form: _Form) -> Response:
    """Take a break of one's own."""
    said = form.get("minutes", "")
    minutes = int(said) if said in {str(each) for each in BREAK_MINUTES} else 0
    try:
        exposure.begin_break(service_of(request).database, _user(caller), minutes)
    except InvalidRequest:
        return _break_page(request, caller, form.get("back"), error=marked("Choose how long it is to be."))
    return redirect("/break")


@router.post("/break/end")
def end_break(request: Request, caller: _Person, form: _Form) -> Response:
    """End a break of one's own, and go back to work."""
    exposure.end_break(service_of(request).database, _user(caller))
    return redirect(local_path(form.get("back")))


def _break_page(request: Request, caller: Caller, back: str | None, *, error: str | None = None) -> Response:
    service = service_of(request)
    return render(
        request,
        "break.html",
        caller=caller,
        status=200 if error is None else 422,
        own=exposure.show_own(service.settings, service.database, _user(caller)),
        now=now(),
        back=local_path(back),
        minutes=BREAK_MINUTES,
        errors={} if error is None else {"minutes": error},
    )


# ── one's own ────────────────────────────────────────────────────────────────────────────────────────────────────


@router.get("/account/exposure")
def show_own(request: Request, caller: _Person, note: str | None = None) -> Response:
    """Show somebody their own exposure."""
    return _own_page(request, caller, note=_NOTES.get(note or ""))


@router.post("/account/exposure/cap")
def lower_cap(request: Request, caller: _Person, form: _Form) -> Response:
    """Lower one's own limit."""
    service = service_of(request)
    said = form.get("cap", "").strip()
    try:
        exposure.lower_cap(service.settings, service.database, _user(caller), _cap(said))
    except LimitRefused as error:
        return _own_page(request, caller, typed=said, error=str(error))
    return redirect("/account/exposure?note=lowered")


@router.post("/account/exposure/categories")
def opt_out(request: Request, caller: _Person, form: _Form) -> Response:
    """Keep what somebody does not look at. A form's field is the category's place in the list, its value the name."""
    chosen = [value for name, value in form.items() if name.startswith("category-")]
    exposure.save_opt_outs(service_of(request).database, _user(caller), chosen)
    return redirect("/account/exposure?note=opted")


def _own_page(
    request: Request, caller: Caller, *, note: str | None = None, typed: str | None = None, error: str | None = None
) -> Response:
    service = service_of(request)
    return render(
        request,
        "exposure.html",
        caller=caller,
        status=200 if error is None else 422,
        own=exposure.show_own(service.settings, service.database, _user(caller)),
        now=now(),
        note=note,
        typed=typed,
        errors={} if error is None else {"cap": error},
    )


# ── of a team ────────────────────────────────────────────────────────────────────────────────────────────────────


@router.get("/team/exposure")
def show_team(request: Request, caller: _Lead, note: str | None = None) -> Response:
    """Show the limits of a team, and what all looked at together."""
    return _team_page(request, caller, note=_NOTES.get(note or ""))


@router.post("/team/exposure")
def set_cap(request: Request, caller: _Lead, form: _Form) -> Response:
    """Set somebody else's limit."""
    service = service_of(request)
    number, said = form.get("user", ""), form.get("cap", "").strip()
    user = int(number) if number.isdecimal() and len(number) <= 18 else 0  # noqa: PLR2004  (fits any number)
    try:
        exposure.set_cap(service.settings, service.database, user, _cap(said), actor=caller.actor)
    except LimitRefused as error:
        return _team_page(request, caller, typed={user: said}, errors={f"cap-{user}": str(error)})
    return redirect("/team/exposure?note=set")


def _team_page(
    request: Request,
    caller: Caller,
    *,
    note: str | None = None,
    typed: dict[int, str] | None = None,
    errors: dict[str, str] | None = None,
) -> Response:
    service = service_of(request)
    return render(
        request,
        "team_exposure.html",
        caller=caller,
        status=422 if errors else 200,
        team=exposure.show_team(service.settings, service.database),
        fewest=exposure.FEWEST_PEOPLE,
        note=note,
        typed=typed or {},
        errors=errors or {},
    )


# ── inside ───────────────────────────────────────────────────────────────────────────────────────────────────────


def _user(caller: Caller) -> int:
    assert caller.user_id is not None  # noqa: S101  (a person, or a permission that no key has)
    return caller.user_id


def _cap(text: str) -> int:
    """Read a limit that somebody typed.

    Raises:
        LimitRefused: It is no number.
    """
    if not (text.isascii() and text.isdecimal() and len(text) <= _MOST_DIGITS):
        raise LimitRefused("it is a number from 0 to 1,000")
    return int(text)
