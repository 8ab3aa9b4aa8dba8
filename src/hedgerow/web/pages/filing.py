"""Filing for who looks after it: where reports go, the credentials, and the switch that two people turn."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Final, Literal

from fastapi import APIRouter, Depends, Query, Request
from fastapi.responses import Response  # noqa: TC002  (FastAPI reads annotations)

from hedgerow.accounts import Permission
from hedgerow.app.serving import report_filing, reports
from hedgerow.errors import (
    ArmingRefused,
    AuthorityNotReady,
    CredentialsRefused,
    HedgerowError,
    ProductionRefused,
)
from hedgerow.reports.filing_model import AnswerKind, Environment
from hedgerow.web.api.paging import person_of
from hedgerow.web.callers import Caller, allowed, service_of
from hedgerow.web.pages.language import marked
from hedgerow.web.pages.rendering import redirect, render
from hedgerow.web.pages.report_words import ENVIRONMENTS, PROBLEMS, TRIALS
from hedgerow.web.problems import status_of
from hedgerow.web.sessions import form_of

if TYPE_CHECKING:
    from hedgerow.reports.filing_model import Answer

__all__ = ["router"]

router = APIRouter(prefix="/filing")

_Form = Annotated[dict[str, str], Depends(form_of)]
_Keeper = Annotated[Caller, Depends(allowed(Permission.REPORTS_CREDENTIALS))]
_Armer = Annotated[Caller, Depends(allowed(Permission.REPORTS_ARM))]
_Where = Literal["test", "production"]

_NOTES: Final = {
    "entered": marked("The credentials are kept. Nobody can read them back."),
    "mended": marked("What the refused credentials had stopped goes on."),
    "asked": marked("You have asked for real reports. Somebody else has to agree."),
    "armed": marked("It is agreed that real reports are sent."),
    "disarmed": marked("Real reports are switched off."),
    **TRIALS,
}


@router.get("")
def show(request: Request, caller: _Armer, note: Annotated[str, Query(max_length=20)] = "") -> Response:
    """Show how filing stands."""
    return _page(request, caller, note=note)


def _page(
    request: Request, caller: Caller, *, note: str = "", error: HedgerowError | None = None, place: str = ""
) -> Response:
    service = service_of(request)
    return render(
        request,
        "filing.html",
        caller=caller,
        status=200 if error is None else status_of(type(error)),
        page=report_filing.filing(service.settings, service.database),
        actor=caller.actor,
        note=_NOTES.get(note),
        errors={} if error is None else {place: str(error)},
        ENVIRONMENTS=ENVIRONMENTS,
        PROBLEMS=PROBLEMS,
    )


# ── credentials ──────────────────────────────────────────────────────────────────────────────────────────────────


@router.post("/credentials/{environment}")
def enter(request: Request, caller: _Keeper, environment: _Where, form: _Form) -> Response:
    """Enter credentials; they are sealed, and shown to nobody."""
    person_of(caller)
    service = service_of(request)
    try:
        reports.enter_credentials(
            service.database,
            service.keys,
            Environment(environment),
            form.get("username", ""),
            form.get("password", ""),
            actor=caller.actor,
        )
    except CredentialsRefused as error:
        return _page(request, caller, error=error, place=environment)
    return redirect("/filing?note=entered")


@router.post("/credentials/{environment}/mended")
def mend(request: Request, caller: _Keeper, environment: _Where) -> Response:
    """Say that refused credentials are accepted again."""
    person_of(caller)
    reports.mend_credentials(service_of(request).database, Environment(environment), actor=caller.actor)
    return redirect("/filing?note=mended")


@router.post("/credentials/{environment}/trial")
def try_them(request: Request, caller: _Keeper, environment: _Where) -> Response:
    """Ask the authority whether it accepts the credentials; nothing else is sent."""
    person_of(caller)
    service = service_of(request)
    try:
        answer = reports.try_credentials(service.settings, service.database, service.keys, Environment(environment))
    except (AuthorityNotReady, ProductionRefused) as error:
        return _page(request, caller, error=error, place=environment)
    return redirect(f"/filing?note={_heard(answer)}")


def _heard(answer: Answer) -> str:
    if answer.kind is AnswerKind.ANSWERED:
        return "accepted" if answer.code == 0 else "refused"
    return "refused" if answer.kind is AnswerKind.UNAUTHORIZED else "unheard"


# ── the switch ───────────────────────────────────────────────────────────────────────────────────────────────────


@router.post("/arming")
def ask(request: Request, caller: _Armer) -> Response:
    """Ask for real reports to be switched on."""
    person_of(caller)
    try:
        reports.ask_to_arm(service_of(request).database, actor=caller.actor)
    except ArmingRefused as error:
        return _page(request, caller, error=error, place="arming")
    return redirect("/filing?note=asked")


@router.post("/arming/agreement")
def agree(request: Request, caller: _Armer, form: _Form) -> Response:
    """Agree that real reports are switched on."""
    person_of(caller)
    service = service_of(request)
    said = form.get("declaration", "").strip()
    try:
        reports.agree_to_arming(service.settings, service.database, declaration=said or None, actor=caller.actor)
    except ArmingRefused as error:
        return _page(request, caller, error=error, place="arming")
    return redirect("/filing?note=armed")


@router.post("/arming/end")
def disarm(request: Request, caller: _Armer) -> Response:
    """Switch real reports off, at once."""
    person_of(caller)
    reports.disarm(service_of(request).database, actor=caller.actor)
    return redirect("/filing?note=disarmed")
