"""Reports for people: what is owed, one report from its draft to its receipt, and who approves what."""

from __future__ import annotations

import re
from datetime import datetime
from typing import TYPE_CHECKING, Annotated, Any, Final

from fastapi import APIRouter, Depends, Query, Request
from fastapi.responses import JSONResponse, Response

from hedgerow.accounts import Permission
from hedgerow.app.serving import report_pages, reports
from hedgerow.errors import (
    ApprovalRefused,
    CaseNotFound,
    DraftChanged,
    DraftInvalid,
    HedgerowError,
    InvalidReport,
    InvalidRequest,
    ReportRefused,
)
from hedgerow.reports.filing_model import UNFINISHED, ReportState
from hedgerow.web.api.paging import LARGEST_ID, Cursor, Number, person_of, read_cursor, write_cursor
from hedgerow.web.callers import Caller, allowed, service_of
from hedgerow.web.pages.language import marked
from hedgerow.web.pages.rendering import redirect, render
from hedgerow.web.pages.report_words import (
    AUTHORITIES,
    CALLS,
    ENVIRONMENTS,
    OUTCOMES,
    PROBLEMS,
    STATES,
    TROUBLES,
    VOIDED,
)
from hedgerow.web.problems import status_of
from hedgerow.web.sessions import form_of

if TYPE_CHECKING:
    from hedgerow.app.serving.report_pages import Board

__all__ = ["router"]

router = APIRouter(prefix="/reports")

_LINES: Final = 50
_CASE: Final = re.compile(r"[0-9]{4}-[0-9]{5,12}")
_Form = Annotated[dict[str, str], Depends(form_of)]
_Reader = Annotated[Caller, Depends(allowed(Permission.REPORTS_READ))]
_Author = Annotated[Caller, Depends(allowed(Permission.REPORTS_DRAFT))]
_Approver = Annotated[Caller, Depends(allowed(Permission.REPORTS_APPROVE))]
_Resolver = Annotated[Caller, Depends(allowed(Permission.REPORTS_RESOLVE))]

_NOTES: Final = {
    "drafted": marked("The draft is made. Look through it, and complete what is missing."),
    "kept": marked("What you wrote is kept."),
    "same": marked("Nothing was different, so nothing was changed."),
    "removed": marked("It is taken out of the draft."),
    "approved": marked("The report is approved."),
    "revoked": marked("The approval is taken back: it is a draft again."),
    "withdrawn": marked("The report is given up, and owed no more."),
    "hurried": marked("It is sent as soon as it may be."),
    "resolved": marked("What you said is recorded."),
}
_WORDS: Final[dict[str, Any]] = {
    "AUTHORITIES": AUTHORITIES,
    "STATES": STATES,
    "ENVIRONMENTS": ENVIRONMENTS,
    "PROBLEMS": PROBLEMS,
    "TROUBLES": TROUBLES,
    "VOIDED": VOIDED,
    "CALLS": CALLS,
    "OUTCOMES": OUTCOMES,
}
_GROUPS: Final = {
    "draft": (ReportState.DRAFT,),
    "needs_person": (ReportState.NEEDS_PERSON,),
    "under_way": tuple(each for each in UNFINISHED if each not in {ReportState.DRAFT, ReportState.NEEDS_PERSON}),
}
"""Kinds of what is owed → their states."""


# ── the list ─────────────────────────────────────────────────────────────────────────────────────────────────────


@router.get("")
def list_reports(
    request: Request,
    caller: _Reader,
    show: Annotated[str, Query(max_length=20)] = "owed",
    find: Annotated[str, Query(max_length=40)] = "",
    after: Cursor = None,
) -> Response:
    """List what is owed, late first; or what is over; or the reports of a case."""
    service = service_of(request)
    said = find.strip()
    options: dict[str, Any] = {}
    if said.isdecimal():
        options = {"number": min(int(said), LARGEST_ID)}
    elif said:
        options = {"case": said}
    elif show == "over":
        options = {"is_over": True, "before": None if after is None else read_cursor(after, int)[0]}
    else:
        show = show if show in _GROUPS else "owed"
        options = {"states": _GROUPS.get(show, ()), "after": None if after is None else _place(after)}
    error: CaseNotFound | None = None
    try:
        _check_case(options.get("case"))
        board = report_pages.board(service.settings, service.database, limit=_LINES + 1, **options)
    except CaseNotFound as found:
        error = found
        board = report_pages.board(service.settings, service.database, limit=_LINES + 1)
    counts = {name: sum(board.counts.get(state, 0) for state in states) for name, states in _GROUPS.items()}
    return render(
        request,
        "reports.html",
        caller=caller,
        status=200 if error is None else 404,
        board=board,
        lines=board.lines[:_LINES],
        next=_next(board, show) if not said else None,
        show="find" if said and error is None else show,
        find=said,
        errors={} if error is None else {"find": str(error)},
        counts={"owed": sum(counts.values()), **counts},
        **_WORDS,
    )


def _check_case(number: str | None) -> None:
    """Let a case be looked for by what can be the number of one.

    Raises:
        CaseNotFound: It cannot be any.
    """
    if number is not None and _CASE.fullmatch(number) is None:
        raise CaseNotFound


def _place(cursor: str) -> tuple[datetime, int]:
    at, number = read_cursor(cursor, str, int)
    try:
        read = datetime.fromisoformat(at)
    except ValueError:
        raise InvalidRequest("the cursor is none of this list") from None
    if read.tzinfo is None:
        raise InvalidRequest("the cursor is none of this list")
    return read, number


def _next(board: Board, show: str) -> str | None:
    if len(board.lines) <= _LINES:
        return None
    last = board.lines[_LINES - 1]
    cursor = write_cursor(last.id) if show == "over" else write_cursor(last.deadline_at.isoformat(), last.id)
    return f"/reports?show={show}&after={cursor}"


# ── a new one ────────────────────────────────────────────────────────────────────────────────────────────────────


@router.get("/new")
def ask_for_draft(request: Request, caller: _Author, case: Annotated[str, Query(max_length=40)] = "") -> Response:
    """Ask from which case, to whom, and where its texts go."""
    return _new(request, caller, {"case": case})


def _new(request: Request, caller: Caller, said: dict[str, str], error: HedgerowError | None = None) -> Response:
    shown = {"case": "", "authority": "cybertipline", "text": "additional_info"} | said
    return render(
        request,
        "report_new.html",
        caller=caller,
        status=200 if error is None else status_of(type(error)),
        said=shown,
        errors={} if error is None else {"case": str(error)},
    )


@router.post("")
def draft(request: Request, caller: _Author, form: _Form) -> Response:
    """Compose a draft from a case."""
    person_of(caller)
    service = service_of(request)
    text, case = form.get("text", "additional_info"), form.get("case", "").strip()
    try:
        _check_case(case)
        made = reports.draft(
            service.settings,
            service.database,
            case,
            authority=form.get("authority", "cybertipline"),
            text=text if text in {"additional_info", "supplement", "nowhere"} else "additional_info",
            actor=caller.actor,
        )
    except (CaseNotFound, InvalidReport) as error:
        typed: dict[str, str] = {name: form[name] for name in ("case", "authority", "text") if name in form}
        return _new(request, caller, typed, error)
    return redirect(f"/reports/{made.shown.report.id}?note=drafted")


# ── one report ───────────────────────────────────────────────────────────────────────────────────────────────────


@router.get("/{report}")
def show_report(
    request: Request, caller: _Reader, report: Number, note: Annotated[str, Query(max_length=20)] = ""
) -> Response:
    """Show a report: what it lacks, how far it is, and every call that was made for it."""
    return _page(request, caller, report, note=note)


def _page(
    request: Request,
    caller: Caller,
    number: int,
    *,
    note: str = "",
    error: HedgerowError | None = None,
    place: str = "",
    said: dict[str, str] | None = None,
) -> Response:
    """Return the page of a report, after a refusal with what was said and why it was refused.

    Args:
        request: What is answered.
        caller: Who looks.
        number: Which report.
        note: What was just done, in a word.
        error: Why something was refused.
        place: The form that was refused; empty for none.
        said: What was typed into it.
    """
    service = service_of(request)
    page = report_pages.report_page(service.settings, service.database, number, with_notes=note == "drafted")
    return render(
        request,
        "report.html",
        caller=caller,
        status=200 if error is None else status_of(type(error)),
        page=page,
        report=page.shown.report,
        filing=page.shown.report.filing,
        is_author=caller.actor in page.shown.report.authors,
        note=_NOTES.get(note),
        errors={} if error is None else {place or "report": str(error)},
        said={"reason": "", "reference": "", "discharged_by": "", **(said or {})},
        **_WORDS,
    )


@router.get("/{report}/live")
def live(request: Request, _caller: _Reader, report: Number) -> Response:
    """Say in few words how far a report is; the page asks every second while it is under way."""
    found = report_pages.live(service_of(request).database, report)
    return JSONResponse(
        {
            "state": str(found.state),
            "is_under_way": found.is_under_way,
            "wait_s": 10 if found.is_waiting or found.failures > 1 else 1,
            "version": found.version,
        }
    )


# ── preview and approval ─────────────────────────────────────────────────────────────────────────────────────────


@router.get("/{report}/preview")
def preview(request: Request, caller: _Reader, report: Number) -> Response:
    """Show what would be sent, for eyes and byte for byte."""
    return _preview(request, caller, report)


def _preview(
    request: Request, caller: Caller, number: int, *, error: HedgerowError | None = None, declaration: str = ""
) -> Response:
    service = service_of(request)
    page = report_pages.preview_page(service.settings, service.database, number)
    return render(
        request,
        "report_preview.html",
        caller=caller,
        status=200 if error is None else status_of(type(error)),
        page=page,
        report=page.report,
        is_author=caller.actor in page.report.authors,
        errors={} if error is None else {"approval": str(error)},
        declaration=declaration,
        **_WORDS,
    )


@router.post("/{report}/approval")
def approve(request: Request, caller: _Approver, report: Number, form: _Form) -> Response:
    """Approve exactly what was looked at."""
    person_of(caller)
    service = service_of(request)
    declaration = form.get("declaration", "").strip()
    try:
        reports.approve(
            service.settings,
            service.database,
            report,
            revision=_whole(form.get("revision", "")),
            sha256=form.get("sha256", ""),
            declaration=declaration or None,
            actor=caller.actor,
        )
    except (ApprovalRefused, DraftChanged, DraftInvalid) as error:
        return _preview(request, caller, report, error=error, declaration=declaration)
    return redirect(f"/reports/{report}?note=approved")


def _whole(text: str) -> int:
    return int(text) if text.isdecimal() and len(text) < 10 else 0  # noqa: PLR2004  (a revision has few digits)


@router.post("/{report}/approval/revoke")
def revoke(request: Request, caller: _Approver, report: Number) -> Response:
    """Take an approval back."""
    person_of(caller)
    try:
        reports.revoke(service_of(request).database, report, actor=caller.actor)
    except ReportRefused as error:
        return _page(request, caller, report, error=error)
    return redirect(f"/reports/{report}?note=revoked")


# ── what else people say ─────────────────────────────────────────────────────────────────────────────────────────


@router.post("/{report}/withdraw")
def withdraw(request: Request, caller: _Author, report: Number, form: _Form) -> Response:
    """Give a report up."""
    person_of(caller)
    try:
        reports.withdraw(
            service_of(request).database,
            report,
            reason=form.get("reason", ""),
            discharged_by=_other(form.get("discharged_by", "").strip()),
            actor=caller.actor,
        )
    except (InvalidReport, ReportRefused) as error:
        return _page(request, caller, report, error=error, place="withdraw", said=form)
    return redirect(f"/reports/{report}?note=withdrawn")


def _other(text: str) -> int | None:
    """Return the number of another report; None where none is named.

    Raises:
        InvalidReport: It is no number.
    """
    if text and not text.isdecimal():
        raise InvalidReport("the other report is named by its number with us")
    return min(int(text), LARGEST_ID) if text else None


@router.post("/{report}/file")
def file(request: Request, caller: _Approver, report: Number) -> Response:
    """Send an approved report as soon as it may be."""
    person_of(caller)
    try:
        reports.hurry(service_of(request).database, report, actor=caller.actor)
    except ReportRefused as error:
        return _page(request, caller, report, error=error)
    return redirect(f"/reports/{report}?note=hurried")


@router.post("/{report}/resolve")
def resolve(request: Request, caller: _Resolver, report: Number, form: _Form) -> Response:
    """Say what becomes of a report that does not get on by itself."""
    person_of(caller)
    service = service_of(request)
    reference = form.get("reference", "").strip()
    try:
        reports.resolve(
            service.settings,
            service.database,
            report,
            form.get("what", ""),
            reference=reference or None,
            actor=caller.actor,
        )
    except (InvalidReport, ReportRefused) as error:
        return _page(request, caller, report, error=error, place="resolve", said=form)
    return redirect(f"/reports/{report}?note=resolved")
