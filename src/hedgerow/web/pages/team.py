"""The team: people and their roles, who works on what, and how well people agree."""

from __future__ import annotations

from typing import Annotated, Any, Final

from fastapi import APIRouter, Depends, Query, Request
from fastapi.responses import JSONResponse, Response

from hedgerow.accounts import NewLink, Permission, Role, User
from hedgerow.app import now
from hedgerow.app.serving import accounts, cases, team
from hedgerow.errors import (
    ClaimRefused,
    HedgerowError,
    InvalidDisplayName,
    InvalidUserName,
    LastAdmin,
    PermissionDenied,
    RoleRefused,
    TransitionRefused,
    UserExists,
    UserNotFound,
)
from hedgerow.web.api.paging import LARGEST_ID, CaseNumber, Number
from hedgerow.web.callers import Caller, allowed, person, service_of
from hedgerow.web.pages.language import marked
from hedgerow.web.pages.rendering import redirect, render
from hedgerow.web.pages.words_of_cases import QUEUES
from hedgerow.web.sessions import base_address, form_of

__all__ = ["router"]

router = APIRouter(prefix="/team")

_ON_A_PAGE: Final = 100
_QUALITY_DAYS: Final = 90
_LOOKS_EVERY_S: Final = 3
_PARTS: Final = (
    (Permission.CASES_ASSIGN, "/team/working"),
    (Permission.USERS_MANAGE, "/team/people"),
    (Permission.QUALITY_SAMPLE, "/team/quality"),
    (Permission.EXPOSURE_LIMITS, "/team/exposure"),
)
ROLES: Final = {
    "admin": marked("Looks after users, keys, settings and connections. Sees no media and decides nothing."),
    "lead": marked("Runs the team: banks, policy, queues, hard decisions, limits of exposure."),
    "reviewer": marked("Takes cases, looks where it must be, decides, drafts reports."),
    "approver": marked("The second person before a report leaves the house."),
    "custodian": marked("Keeps the evidence: alone may ask for it to be opened, held or destroyed."),
    "analyst": marked("Counts: figures and exports without media, texts or accounts."),
}
"""What people may be here for, as `hedgerow.accounts.Role` says it."""
_NOTES: Final = {
    "roles": marked("The roles are changed. They hold from the next request on."),
    "disabled": marked("This person cannot log in any more, and their sessions have ended."),
    "enabled": marked("This person can log in again."),
    "unlocked": marked("This person can try to log in again at once."),
    "factor": marked("Logins of this person ask for no code any more."),
    "reassigned": marked("The case is given to somebody else."),
}
_Form = Annotated[dict[str, str], Depends(form_of)]
_UserKeeper = Annotated[Caller, Depends(allowed(Permission.USERS_MANAGE))]
_Assigner = Annotated[Caller, Depends(allowed(Permission.CASES_ASSIGN))]
_Sampler = Annotated[Caller, Depends(allowed(Permission.QUALITY_SAMPLE))]


@router.get("")
def show(caller: Annotated[Caller, Depends(person)]) -> Response:
    """Lead to the first part of the team's pages that somebody may see."""
    for permission, path in _PARTS:
        if permission in caller.permissions:
            return redirect(path)
    raise PermissionDenied(str(Permission.USERS_MANAGE))


# ── people ───────────────────────────────────────────────────────────────────────────────────────────────────────


@router.get("/people")
def list_people(
    request: Request, caller: _UserKeeper, after: Annotated[str | None, Query(max_length=100)] = None
) -> Response:
    """List the people."""
    return _people(request, caller, after=after)


@router.post("/people")
def add_person(request: Request, caller: _UserKeeper, form: _Form) -> Response:
    """Add somebody, and show the link by which they choose a password."""
    base_address(request)  # before anything is made whose link could not be told
    shown = form.get("display_name", "").strip() or None
    try:
        user, link = accounts.add_user(
            service_of(request),
            form.get("name", "").strip(),
            roles=_roles(form),
            display_name=shown,
            actor=caller.actor,
        )
    except (InvalidUserName, UserExists) as error:
        return _people(request, caller, said=form, errors={"name": str(error)})
    except InvalidDisplayName as error:
        return _people(request, caller, said=form, errors={"display_name": str(error)})
    except RoleRefused as error:
        return _people(request, caller, said=form, errors={"roles": str(error)})
    return _link(request, caller, user, link)


@router.get("/people/{number}")
def show_person(request: Request, caller: _UserKeeper, number: Number, note: str | None = None) -> Response:
    """Show somebody."""
    return _person(request, caller, number, note=_NOTES.get(note or ""))


@router.post("/people/{number}/roles")
def change_roles(request: Request, caller: _UserKeeper, number: Number, form: _Form) -> Response:
    """Give somebody exactly these roles."""
    try:
        accounts.change_roles(service_of(request).database, number, _roles(form), actor=caller.actor)
    except (RoleRefused, LastAdmin) as error:
        return _person(request, caller, number, given=_roles(form), errors={"roles": str(error)})
    return redirect(f"/team/people/{number}?note=roles")


@router.post("/people/{number}/disable")
def disable(request: Request, caller: _UserKeeper, number: Number) -> Response:
    """Let somebody log in no more."""
    try:
        accounts.switch_user(service_of(request).database, number, is_active=False, actor=caller.actor)
    except LastAdmin as error:
        return _person(request, caller, number, errors={"disable": str(error)})
    return redirect(f"/team/people/{number}?note=disabled")


@router.post("/people/{number}/enable")
def enable(request: Request, caller: _UserKeeper, number: Number) -> Response:
    """Let somebody log in again."""
    accounts.switch_user(service_of(request).database, number, is_active=True, actor=caller.actor)
    return redirect(f"/team/people/{number}?note=enabled")


@router.post("/people/{number}/link")
def make_link(request: Request, caller: _UserKeeper, number: Number) -> Response:
    """Make a link by which somebody chooses a password, and show it this once."""
    base_address(request)
    service = service_of(request)
    user = accounts.show_user(service.database, number)
    make = accounts.make_reset_link if user.has_password else accounts.invite_again
    return _link(request, caller, user, make(service, number, actor=caller.actor))


@router.post("/people/{number}/unlock")
def unlock(request: Request, caller: _UserKeeper, number: Number) -> Response:
    """Lift a lock that came of wrong passwords."""
    accounts.unlock_user(service_of(request).database, number, actor=caller.actor)
    return redirect(f"/team/people/{number}?note=unlocked")


@router.post("/people/{number}/second-factor/remove")
def remove_second_factor(request: Request, caller: _UserKeeper, number: Number) -> Response:
    """Forget an authenticator that is lost."""
    accounts.remove_second_factor(service_of(request).database, number, actor=caller.actor)
    return redirect(f"/team/people/{number}?note=factor")


def _roles(form: dict[str, str]) -> list[Role]:
    return [Role(each) for each in ROLES if f"role-{each}" in form]


def _people(
    request: Request,
    caller: Caller,
    *,
    after: str | None = None,
    said: dict[str, str] | None = None,
    errors: dict[str, str] | None = None,
) -> Response:
    found = accounts.list_users(service_of(request).database, after=after, limit=_ON_A_PAGE + 1)
    people = found[:_ON_A_PAGE]
    said = said or {}
    return render(
        request,
        "people.html",
        caller=caller,
        status=422 if errors else 200,
        people=people,
        after=people[-1].name if len(found) > _ON_A_PAGE else None,
        said={name: said.get(name, "") for name in ("name", "display_name")},
        given=[str(each) for each in _roles(said)],
        errors=errors or {},
        roles=ROLES,
        now=now(),
    )


def _person(
    request: Request,
    caller: Caller,
    number: int,
    *,
    note: str | None = None,
    given: list[Role] | None = None,
    errors: dict[str, str] | None = None,
) -> Response:
    found = accounts.show_user(service_of(request).database, number)
    return render(
        request,
        "person.html",
        caller=caller,
        status=422 if errors else 200,
        person=found,
        is_self=found.id == caller.user_id,
        given=[str(each) for each in (found.roles if given is None else given)],
        note=note,
        errors=errors or {},
        roles=ROLES,
        now=now(),
    )


def _link(request: Request, caller: Caller, user: User, link: NewLink) -> Response:
    return render(
        request,
        "person_link.html",
        caller=caller,
        person=user,
        address=base_address(request) + link.path,
        expires_at=link.link.expires_at,
    )


# ── work ─────────────────────────────────────────────────────────────────────────────────────────────────────────


@router.get("/working")
def show_work(request: Request, caller: _Assigner, note: str | None = None) -> Response:
    """Show who works on what, and who is here."""
    return _work(request, caller, note=_NOTES.get(note or ""))


@router.get("/working/live")
def live(request: Request, _caller: _Assigner) -> Response:
    """Say in few words whether anything is different; the page asks now and then while somebody looks at it."""
    found = team.work(service_of(request))
    return JSONResponse({"version": found.version, "is_under_way": True, "wait_s": _LOOKS_EVERY_S})


@router.post("/working/{case}/reassign")
def reassign(request: Request, caller: _Assigner, case: CaseNumber, form: _Form) -> Response:
    """Give a case to somebody else."""
    try:
        cases.reassign(service_of(request).database, case, _user_number(form.get("to", "")), actor=caller.actor)
    except (ClaimRefused, TransitionRefused, UserNotFound) as error:
        return _work(request, caller, error=error, about=case)
    return redirect("/team/working?note=reassigned")


def _user_number(said: str) -> int:
    """Return the number of a user, or raise UserNotFound for what is none."""
    if not (said.isascii() and said.isdecimal() and int(said[:20]) <= LARGEST_ID):
        raise UserNotFound
    return int(said[:20])


def _work(
    request: Request,
    caller: Caller,
    *,
    note: str | None = None,
    error: HedgerowError | None = None,
    about: str | None = None,
) -> Response:
    return render(
        request,
        "work.html",
        caller=caller,
        status=200 if error is None else 422,
        work=team.work(service_of(request)),
        queues=QUEUES,
        note=note,
        errors={} if error is None else {"work": str(error)},
        about=about,
        now=now(),
    )


# ── quality ──────────────────────────────────────────────────────────────────────────────────────────────────────


@router.get("/quality")
def show_quality(request: Request, caller: _Sampler) -> Response:
    """Show how often second reviews agree, and how often appeals change something."""
    found: Any = team.quality(service_of(request), days=_QUALITY_DAYS)
    return render(request, "quality.html", caller=caller, quality=found, now=now())
