"""A draft, part by part: forms that follow the schema, with what is wrong beside its field."""

from __future__ import annotations

from typing import Annotated, Final

from fastapi import APIRouter, Depends, Query, Request
from fastapi.responses import Response  # noqa: TC002  (FastAPI reads annotations)

from hedgerow.accounts import Permission
from hedgerow.app.serving import report_drafting
from hedgerow.app.serving.report_form_reading import with_typed
from hedgerow.errors import DraftChanged, EvidenceNotFound, HedgerowError, InvalidReport, ReportRefused
from hedgerow.web.api.paging import LARGEST_ID, Number, person_of
from hedgerow.web.callers import Caller, allowed, service_of
from hedgerow.web.pages.rendering import redirect, render
from hedgerow.web.problems import status_of
from hedgerow.web.sessions import form_of

__all__ = ["router"]

router = APIRouter(prefix="/reports/{report}")

_LONGEST_PATH: Final = 300
_At = Annotated[str, Query(max_length=_LONGEST_PATH)]
_Form = Annotated[dict[str, str], Depends(form_of)]
_Author = Annotated[Caller, Depends(allowed(Permission.REPORTS_DRAFT))]


@router.get("/edit")
def edit(request: Request, caller: _Author, report: Number, at: _At) -> Response:
    """Show a part of a draft as a form."""
    return _page(request, caller, report, at)


def _page(
    request: Request,
    caller: Caller,
    number: int,
    at: str,
    *,
    typed: dict[str, str] | None = None,
    error: HedgerowError | None = None,
) -> Response:
    found = report_drafting.draft_form(service_of(request).database, number, at)
    return render(
        request,
        "report_form.html",
        caller=caller,
        status=200 if error is None else status_of(type(error)),
        report=found.report,
        page=found.page if typed is None else with_typed(found.page, typed),
        files=found.files,
        is_changed=isinstance(error, DraftChanged),
        errors={} if error is None else {"part": str(error)},
    )


@router.post("/edit")
def keep(request: Request, caller: _Author, report: Number, form: _Form) -> Response:
    """Keep what somebody typed; what cannot be sent yet is kept too, and named at its field."""
    person_of(caller)
    at = form.get("at", "")[:_LONGEST_PATH]
    database = service_of(request).database
    try:
        if "remove" in form:
            report_drafting.remove_part(database, report, at, seen=form.get("seen", ""), actor=caller.actor)
            return redirect(f"/reports/{report}?note=removed")
        made = report_drafting.save_part(database, report, at, form, seen=form.get("seen", ""), actor=caller.actor)
    except (DraftChanged, InvalidReport, ReportRefused) as error:
        return _page(request, caller, report, at, typed=form, error=error)
    return redirect(f"/reports/{report}?note={'same' if made is None else 'kept'}")


@router.post("/files")
def change_files(request: Request, caller: _Author, report: Number, form: _Form) -> Response:
    """Put a file of the case into the draft, or leave one out."""
    person_of(caller)
    service = service_of(request)
    said = form.get("evidence", "")
    if not said.isdecimal() or int(said) > LARGEST_ID:
        raise EvidenceNotFound
    if form.get("what") == "leave":
        report_drafting.leave_file_out(service.database, report, int(said), actor=caller.actor)
        return redirect(f"/reports/{report}?note=removed")
    report_drafting.put_file_in(service.settings, service.database, report, int(said), actor=caller.actor)
    return redirect(f"/reports/{report}?note=kept")
