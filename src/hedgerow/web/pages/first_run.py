"""The first run: step by step from an empty house to a report that was rehearsed, with its receipt."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any, Final, Literal

from fastapi import APIRouter, Depends, Query, Request
from fastapi.responses import Response

from hedgerow.accounts import Permission
from hedgerow.app.serving import accounts, first_run
from hedgerow.errors import (
    BankExists,
    HedgerowError,
    InvalidBankName,
    InvalidKey,
    InvalidReport,
    InvalidUserName,
    ServiceBusy,
    UserExists,
)
from hedgerow.web.api.paging import person_of
from hedgerow.web.callers import Caller, allowed, person, service_of
from hedgerow.web.pages.language import marked
from hedgerow.web.pages.rendering import redirect, render
from hedgerow.web.pages.report_words import PROBLEMS, STATES
from hedgerow.web.sessions import base_address, form_of

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["router"]

router = APIRouter(prefix="/first-run")

LABELS: Final = {
    "house": marked("This house"),
    "people": marked("People"),
    "key": marked("A key"),
    "authority": marked("The stand-in"),
    "bank": marked("A bank"),
    "case": marked("A case"),
    "report": marked("The report"),
    "next": marked("What comes next"),
}
CHECKS: Final = {
    "settings": marked("Settings"),
    "disk": marked("Disk"),
    "permissions": marked("Who can read the files"),
    "hashing": marked("Hashing"),
    "database": marked("Database"),
    "indexes": marked("Indexes"),
    "clock": marked("Clock"),
    "keys": marked("Keys"),
    "webhooks": marked("Webhooks"),
    "evidence": marked("Evidence"),
    "reports": marked("Reports"),
}
STANDINGS: Final = {"ok": marked("in order"), "caution": marked("look at it"), "wrong": marked("wrong")}
_NOTES: Final = {
    "started": marked("The stand-in runs, and reports of this house go to it."),
    "asked": marked("The stand-in is asked for, and no worker has started it yet."),
    "bank": marked("The bank holds the picture, and whatever resembles it is found from now on."),
    "ended": marked("The stand-in is put away. What was filed with it stays on record."),
}
_NOT_FOUND: Final = marked("The picture was not found. Is the bank with it still searched?")
_SAME_NAME: Final = marked("These have to be two accounts: nobody approves what they wrote themselves.")
_SCOPES: Final = ("screen",)
_UNPROCESSABLE: Final = 422

_Form = Annotated[dict[str, str], Depends(form_of)]
_Person = Annotated[Caller, Depends(person)]
_UserKeeper = Annotated[Caller, Depends(allowed(Permission.USERS_MANAGE))]
_KeyKeeper = Annotated[Caller, Depends(allowed(Permission.KEYS_MANAGE))]
_Examiner = Annotated[Caller, Depends(allowed(Permission.METRICS_READ))]
_Rehearser = Annotated[Caller, Depends(allowed(Permission.REPORTS_CREDENTIALS))]
_Banker = Annotated[Caller, Depends(allowed(Permission.BANKS_WRITE))]
_Author = Annotated[Caller, Depends(allowed(Permission.REPORTS_DRAFT))]
_Step = Literal["house", "people", "key", "authority", "bank", "case", "report", "next"]


@router.get("")
def show(request: Request, caller: _Person) -> Response:
    """Show the step that somebody goes on with."""
    return _page(request, caller, None)


@router.get("/picture/{which}")
def picture(which: Literal["known.jpg", "copy.jpg"], _caller: _Person) -> Response:
    """Show the generated picture, or the copy of it that is sent."""
    make = first_run.known_picture if which == "known.jpg" else first_run.copy_of_picture
    return Response(make(), media_type="image/jpeg")


@router.get("/{step}")
def show_step(
    request: Request, caller: _Person, step: _Step, note: Annotated[str, Query(max_length=20)] = ""
) -> Response:
    """Show a step: what is done of it, and whose it is."""
    return _page(request, caller, step, note=_NOTES.get(note))


def _page(
    request: Request,
    caller: Caller,
    step: str | None,
    *,
    note: str | None = None,
    errors: Mapping[str, str] | None = None,
    said: Mapping[str, str] | None = None,
    **more: Any,  # noqa: ANN401  (what one step shows once)
) -> Response:
    order = first_run.STEPS
    stands = first_run.first_run(service_of(request))
    step = step or stands.next_for(caller.permissions)
    place = order.index(step)
    return render(
        request,
        "first_run.html",
        caller=caller,
        status=_UNPROCESSABLE if errors else 200,
        step=step,
        stands=stands,
        labels=LABELS,
        mine={each for each in order if first_run.NEEDS[each] & caller.permissions},
        following=order[place + 1] if place + 1 < len(order) else None,
        actor=caller.actor,
        note=note,
        errors=errors or {},
        said=said or {},
        example=first_run.EXAMPLE_EMAIL,
        PROBLEMS=PROBLEMS,
        STATES=STATES,
        CHECKS=CHECKS,
        STANDINGS=STANDINGS,
        **{"checks": None, "invited": (), "made": None, "base": "", **more},
    )


@router.post("/checks")
def check(request: Request, caller: _Examiner) -> Response:
    """Examine the installation, and show what was found; it is kept nowhere, so that no redirect can show it."""
    return _page(request, caller, "house", checks=first_run.check_installation(service_of(request).settings))


@router.post("/people")
def invite(request: Request, caller: _UserKeeper, form: _Form) -> Response:
    """Name who leads and who approves, and show the links that are theirs."""
    base = base_address(request)  # before anything is made whose link could not be told
    service = service_of(request)
    stands = first_run.first_run(service)
    lead = None if stands.leads else form.get("lead", "").strip()
    approver = None if stands.approvers else form.get("approver", "").strip()
    errors = {
        field: problem
        for field, name in (("lead", lead), ("approver", approver))
        if name is not None and (problem := first_run.name_problem(service, name)) is not None
    }
    if not errors and lead and approver and lead.lower() == approver.lower():
        errors = {"approver": _SAME_NAME}
    if not errors:
        try:
            invited = first_run.invite(service, lead=lead, approver=approver, actor=caller.actor)
        except (InvalidUserName, UserExists) as error:  # somebody was faster
            errors = {"lead" if lead is not None else "approver": str(error)}
        else:
            return _page(request, caller, "people", invited=invited, base=base)
    return _page(request, caller, "people", errors=errors, said=form)


@router.post("/key")
def make_key(request: Request, caller: _KeyKeeper, form: _Form) -> Response:
    """Make a key that may screen, and show its text this once."""
    base = base_address(request)
    name = form.get("name", "").strip()
    try:
        made = accounts.add_key(service_of(request).database, name, scopes=_SCOPES, actor=caller.actor)
    except InvalidKey as error:
        return _page(request, caller, "key", errors={"name": str(error)}, said=form)
    return _page(request, caller, "key", made=made, base=base)


@router.post("/authority")
def start_simulator(request: Request, caller: _Rehearser) -> Response:
    """Ask for the simulator, and wait a moment until a worker runs it."""
    person_of(caller)
    service = service_of(request)
    try:
        first_run.ask_for_simulator(service, actor=caller.actor)
    except InvalidReport as error:
        return _page(request, caller, "authority", errors={"authority": str(error)})
    is_running = first_run.wait_for_simulator(service.settings)
    return redirect(f"/first-run/authority?note={'started' if is_running else 'asked'}")


@router.post("/end")
def end(request: Request, caller: _Rehearser) -> Response:
    """Put the simulator away."""
    person_of(caller)
    first_run.end_rehearsal(service_of(request), actor=caller.actor)
    return redirect("/first-run/next?note=ended")


@router.post("/bank")
def make_bank(request: Request, caller: _Banker, form: _Form) -> Response:
    """Make a bank with the generated picture."""
    try:
        first_run.make_bank(service_of(request), form.get("name", "").strip(), actor=caller.actor)
    except (BankExists, InvalidBankName, ServiceBusy) as error:
        return _page(request, caller, "bank", errors={"name": str(error)}, said=form)
    return redirect("/first-run/bank?note=bank")


@router.post("/case")
def open_case(request: Request, caller: _Banker) -> Response:
    """Send the copy of the picture as a platform would, and go to its case."""
    wrong: str | HedgerowError
    try:
        number = first_run.open_case(service_of(request), actor=caller.actor)
    except (InvalidReport, ServiceBusy) as error:
        wrong = error
    else:
        if number is not None:
            return redirect(f"/cases/{number}")
        wrong = _NOT_FOUND
    return _page(request, caller, "case", errors={"case": str(wrong)})


@router.post("/report")
def draft(request: Request, caller: _Author, form: _Form) -> Response:
    """Draft the report of the case, and go to it."""
    person_of(caller)
    try:
        number = first_run.draft_report(
            service_of(request), email=form.get("email", "").strip() or None, actor=caller.actor
        )
    except InvalidReport as error:
        return _page(request, caller, "report", errors={"email": str(error)}, said=form)
    return redirect(f"/reports/{number}?note=drafted")
