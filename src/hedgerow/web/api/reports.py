"""Reports: drafts, approval by a second person, filing, and the switch to real reports."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any, Literal

from fastapi import APIRouter, Depends, Query, Request

from hedgerow.accounts import Permission
from hedgerow.app.serving import reports
from hedgerow.reports.drafting import NewFile
from hedgerow.reports.filing_model import Environment, ReportState
from hedgerow.web.api.models_of_reports import (
    AgreeIn,
    ApprovalIn,
    ArmingOut,
    CredentialsIn,
    CredentialsOut,
    DraftedOut,
    DraftIn,
    EditIn,
    PreviewOut,
    ReportFullOut,
    ReportOut,
    ResolveIn,
    StandingOut,
    State,
    TrialOut,
    WithdrawIn,
    arming_object,
    drafted_object,
    full_object,
    preview_object,
    report_object,
    standing_object,
)
from hedgerow.web.api.paging import USUAL, Cursor, Limit, Number, Page, paged, person_of, read_cursor
from hedgerow.web.bodies import BoundedRoute
from hedgerow.web.callers import Caller, allowed, service_of
from hedgerow.web.problems import responses_of

if TYPE_CHECKING:
    from hedgerow.app.serving.reports import ReportShown

__all__ = ["router"]

router = APIRouter(tags=["reports"], route_class=BoundedRoute)

_Reader = Annotated[Caller, Depends(allowed(Permission.REPORTS_READ))]
_Author = Annotated[Caller, Depends(allowed(Permission.REPORTS_DRAFT))]
_Approver = Annotated[Caller, Depends(allowed(Permission.REPORTS_APPROVE))]
_Resolver = Annotated[Caller, Depends(allowed(Permission.REPORTS_RESOLVE))]
_Keeper = Annotated[Caller, Depends(allowed(Permission.REPORTS_CREDENTIALS))]
_Armer = Annotated[Caller, Depends(allowed(Permission.REPORTS_ARM))]

_Where = Literal["test", "production"]


# ── drafts ───────────────────────────────────────────────────────────────────────────────────────────────────────


@router.get("/reports", summary="List reports", response_model=Page[ReportOut], responses=responses_of(404))
def list_reports(
    request: Request,
    _caller: _Reader,
    state: Annotated[list[State] | None, Query(max_length=10, description="Only those that stand so.")] = None,
    case: Annotated[
        str | None, Query(pattern=r"^[0-9]{4}-[0-9]{5,12}$", description="Only those about this case.")
    ] = None,
    limit: Limit = USUAL,
    cursor: Cursor = None,
) -> dict[str, Any]:
    """List reports, the newest first, without what they say."""
    before = None if cursor is None else read_cursor(cursor, int)[0]
    found = reports.list_reports(
        service_of(request).database,
        states=[ReportState(each) for each in state or ()],
        case=case,
        before=before,
        limit=limit + 1,
    )
    page = paged(found, limit, lambda each: (each.report.id,))
    return {**page, "items": [report_object(each) for each in page["items"]]}


@router.get("/reports/standing", summary="See how filing stands", response_model=StandingOut, responses=responses_of())
def standing(request: Request, _caller: _Reader) -> dict[str, Any]:
    """Say what can be sent, who switched real reports on, and what is late."""
    service = service_of(request)
    return standing_object(reports.standing(service.settings, service.database))


@router.get("/reports/{report}", summary="Show a report", response_model=ReportFullOut, responses=responses_of(404))
def show_report(request: Request, _caller: _Reader, report: Number) -> dict[str, Any]:
    """Show a report with what it says and every call that was made for it."""
    return full_object(reports.show(service_of(request).database, report))


@router.post(
    "/reports",
    summary="Draft a report",
    status_code=201,
    response_model=DraftedOut,
    responses=responses_of(404, 408, 413, 503),
)
def draft_report(request: Request, caller: _Author, new: DraftIn) -> dict[str, Any]:
    """Compose a draft from a case; a person completes it."""
    person_of(caller)
    service = service_of(request)
    return drafted_object(
        reports.draft(
            service.settings,
            service.database,
            new.case,
            authority=new.authority,
            environment=None if new.environment is None else Environment(new.environment),
            text=new.text,
            actor=caller.actor,
        )
    )


@router.patch(
    "/reports/{report}",
    summary="Change a draft",
    response_model=ReportFullOut,
    responses=responses_of(404, 408, 409, 413),
)
def edit_report(request: Request, caller: _Author, report: Number, change: EditIn) -> dict[str, Any]:
    """Change a draft; what is left out stays. An approval that it had is void, and you are one of its authors."""
    person_of(caller)
    files = None
    if change.files is not None:
        files = [NewFile(each.evidence, each.name, each.details) for each in change.files]
    return full_object(
        reports.edit(
            service_of(request).database,
            report,
            revision=change.revision,
            content=change.content,
            files=files,
            actor=caller.actor,
        )
    )


@router.get(
    "/reports/{report}/preview", summary="Preview a report", response_model=PreviewOut, responses=responses_of(404)
)
def preview_report(request: Request, _caller: _Reader, report: Number) -> dict[str, Any]:
    """Show what would be sent, byte for byte, and for what it cannot be sent."""
    return preview_object(reports.preview(service_of(request).database, report))


def _changed(shown: ReportShown) -> dict[str, Any]:
    return report_object(shown)


@router.post(
    "/reports/{report}/approval",
    summary="Approve a report",
    response_model=ReportOut,
    responses=responses_of(404, 408, 409, 413),
)
def approve_report(request: Request, caller: _Approver, report: Number, approval: ApprovalIn) -> dict[str, Any]:
    """Approve a preview: exactly these bytes are sent. Who wrote any of it cannot."""
    person_of(caller)
    service = service_of(request)
    return _changed(
        reports.approve(
            service.settings,
            service.database,
            report,
            revision=approval.revision,
            sha256=approval.sha256,
            declaration=approval.declaration,
            actor=caller.actor,
        )
    )


@router.delete(
    "/reports/{report}/approval",
    summary="Take an approval back",
    response_model=ReportOut,
    responses=responses_of(404, 409),
)
def revoke_approval(request: Request, caller: _Approver, report: Number) -> dict[str, Any]:
    """Take an approval back, as long as nothing was sent."""
    person_of(caller)
    return _changed(reports.revoke(service_of(request).database, report, actor=caller.actor))


@router.post(
    "/reports/{report}/withdraw",
    summary="Give a report up",
    response_model=ReportOut,
    responses=responses_of(404, 408, 409, 413),
)
def withdraw_report(request: Request, caller: _Author, report: Number, said: WithdrawIn) -> dict[str, Any]:
    """Give a report up of which nothing was sent. It alarms no more."""
    person_of(caller)
    return _changed(
        reports.withdraw(
            service_of(request).database,
            report,
            reason=said.reason,
            discharged_by=said.discharged_by,
            actor=caller.actor,
        )
    )


# ── filing ───────────────────────────────────────────────────────────────────────────────────────────────────────


@router.post(
    "/reports/{report}/file", summary="Send a report now", response_model=ReportOut, responses=responses_of(404, 409)
)
def file_report(request: Request, caller: _Approver, report: Number) -> dict[str, Any]:
    """Let an approved report be sent as soon as it may, without waiting for its next time. A worker sends it."""
    person_of(caller)
    return _changed(reports.hurry(service_of(request).database, report, actor=caller.actor))


@router.post(
    "/reports/{report}/resolve",
    summary="Settle a report that needs a person",
    response_model=ReportOut,
    responses=responses_of(404, 408, 409, 413),
)
def resolve_report(request: Request, caller: _Resolver, report: Number, said: ResolveIn) -> dict[str, Any]:
    """Say what becomes of a report that does not get on by itself."""
    person_of(caller)
    service = service_of(request)
    return _changed(
        reports.resolve(
            service.settings, service.database, report, said.what, reference=said.reference, actor=caller.actor
        )
    )


# ── credentials and the switch ───────────────────────────────────────────────────────────────────────────────────


@router.put(
    "/reports/credentials/{environment}",
    summary="Enter credentials",
    response_model=CredentialsOut,
    responses=responses_of(408, 413),
)
def enter_credentials(request: Request, caller: _Keeper, environment: _Where, new: CredentialsIn) -> Any:  # noqa: ANN401  (what CredentialsOut reads)
    """Enter the authority's credentials. They are sealed, and nobody can read them back."""
    person_of(caller)
    service = service_of(request)
    return reports.enter_credentials(
        service.database, service.keys, Environment(environment), new.username, new.password, actor=caller.actor
    )


@router.post(
    "/reports/credentials/{environment}/mended",
    summary="Go on with refused credentials",
    response_model=CredentialsOut,
    responses=responses_of(),
)
def mend_credentials(request: Request, caller: _Keeper, environment: _Where) -> Any:  # noqa: ANN401  (as above)
    """Say that credentials that were refused are accepted again: what they stopped goes on."""
    person_of(caller)
    return reports.mend_credentials(service_of(request).database, Environment(environment), actor=caller.actor)


@router.post(
    "/reports/credentials/{environment}/trial",
    summary="Try credentials",
    response_model=TrialOut,
    responses=responses_of(409),
)
def try_credentials(request: Request, caller: _Keeper, environment: _Where) -> dict[str, Any]:
    """Ask the authority whether it accepts the credentials; nothing else is sent."""
    person_of(caller)
    service = service_of(request)
    answer = reports.try_credentials(service.settings, service.database, service.keys, Environment(environment))
    return {
        "is_accepted": answer.code == 0,
        "code": answer.code,
        "status": answer.status,
        "request_id": answer.request_id,
        "problem": answer.problem,
    }


@router.post("/reports/arming", summary="Ask for real reports", response_model=ArmingOut, responses=responses_of(409))
def ask_to_arm(request: Request, caller: _Armer) -> dict[str, Any]:
    """Ask for real reports to be switched on; somebody else has to agree within 48 hours."""
    person_of(caller)
    return arming_object(reports.ask_to_arm(service_of(request).database, actor=caller.actor))


@router.post(
    "/reports/arming/agreement",
    summary="Agree to real reports",
    response_model=ArmingOut,
    responses=responses_of(408, 409, 413),
)
def agree_to_arming(request: Request, caller: _Armer, said: AgreeIn) -> dict[str, Any]:
    """Agree that real reports are switched on, as somebody else has asked."""
    person_of(caller)
    service = service_of(request)
    return arming_object(
        reports.agree_to_arming(service.settings, service.database, declaration=said.declaration, actor=caller.actor)
    )


@router.delete("/reports/arming", summary="Switch real reports off", status_code=204, responses=responses_of())
def disarm(request: Request, caller: _Armer) -> None:
    """Switch real reports off, at once. It takes nobody else."""
    person_of(caller)
    reports.disarm(service_of(request).database, actor=caller.actor)
