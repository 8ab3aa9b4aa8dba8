"""One case: why it is here, what is known of it, and what somebody decides."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Annotated, Any, Final

from fastapi import APIRouter, Body, Depends, Query, Request
from fastapi.responses import JSONResponse, Response

from hedgerow.accounts import Permission
from hedgerow.app import now
from hedgerow.app.serving import cases, casework
from hedgerow.app.serving.case_page import case_page
from hedgerow.cases import DEFAULT_LEASE, Statement, Verdict
from hedgerow.cases.model import Queue, State
from hedgerow.cases.rules import FINAL
from hedgerow.errors import (
    CaseChanged,
    CaseError,
    CaseTaken,
    ClaimLost,
    ClaimRefused,
    DecisionNotFound,
    HedgerowError,
    InvalidDecision,
    InvalidView,
    TransitionRefused,
    UndoTooLate,
    UserNotFound,
)
from hedgerow.web.api.paging import LARGEST_ID, CaseNumber
from hedgerow.web.bodies import BoundedRoute
from hedgerow.web.callers import Caller, allowed, service_of
from hedgerow.web.pages import shield_words
from hedgerow.web.pages import words_of_cases as words
from hedgerow.web.pages.cases import next_case, user_of
from hedgerow.web.pages.exchange_words import REASONS
from hedgerow.web.pages.language import marked
from hedgerow.web.pages.rendering import redirect, render
from hedgerow.web.sessions import form_of

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from hedgerow.cases import Decision

__all__ = ["number_of", "refused", "router"]

router = APIRouter(prefix="/cases/{number}", route_class=BoundedRoute)

_Reader = Annotated[Caller, Depends(allowed(Permission.CASES_READ))]
_Claimer = Annotated[Caller, Depends(allowed(Permission.CASES_CLAIM))]
_Decider = Annotated[Caller, Depends(allowed(Permission.CASES_DECIDE))]
_Form = Annotated[dict[str, str], Depends(form_of)]
_Id = Annotated[int, Query(ge=0, le=LARGEST_ID)]

_NOTES: Final = {
    "undone": marked("Your decision is taken back."),
    "kept": marked("What you wrote is kept."),
    "part": marked("Your decision is recorded. The rest of the case is still to be decided."),
    "appealed": marked("The case waits for somebody who has decided none of it."),
    "corrected": marked("The correction is recorded."),
}
_FIELDS: Final = ("verdict", "classification", "tags", "reason", "why", "note", "cluster")
_LONGEST: Final = {"reason": 500, "note": 10_000}
_ASIDE: Final = {"1": timedelta(hours=1), "4": timedelta(hours=4), "24": timedelta(days=1), "168": timedelta(days=7)}
_LONGEST_REASON: Final = 200
_PRIORITIES: Final = (1, 2, 3, 4)
_USUAL_PRIORITY: Final = 3

_Errors = dict[str, str]


# ── looking ──────────────────────────────────────────────────────────────────────────────────────────────────────


@router.get("")
def show(
    request: Request,
    number: CaseNumber,
    caller: _Reader,
    after: _Id = 0,
    note: str | None = None,
    queue: str = "",
) -> Response:
    """Show a case."""
    return _page(request, number, caller, after=after, note=_NOTES.get(note or ""), queue=queue)


@router.get("/timeline")
def timeline(request: Request, number: CaseNumber, caller: _Reader) -> Response:
    """Show what happened to a case, and whether that part of the audit is whole."""
    page = case_page(service_of(request).database, number, user_id=user_of(caller), permissions=caller.permissions)
    return render(request, "case_timeline.html", caller=caller, page=page, words=words)


def _page(  # noqa: PLR0913  (a page is shown in these ways)
    request: Request,
    number: str,
    caller: Caller,
    *,
    after: int = 0,
    note: str | None = None,
    queue: str = "",
    errors: _Errors | None = None,
    typed: dict[str, Any] | None = None,
    status: int = 200,
) -> Response:
    page = case_page(
        service_of(request).database,
        number,
        user_id=user_of(caller),
        permissions=caller.permissions,
        after=after,
    )
    return render(
        request,
        "case.html",
        caller=caller,
        status=status,
        page=page,
        after=after,
        typed=page.draft if typed is None else typed,
        words=words,
        shield_words=shield_words,
        REASONS=REASONS,
        note=note,
        errors=errors or {},
        next_queue=queue if queue in set(Queue) else "",
        lease_s=round(DEFAULT_LEASE.total_seconds()),
        is_over=page.case.state in {State.DECIDED, State.ACTING, State.CLOSED},
    )


def _refused(request: Request, number: str, caller: Caller, error: HedgerowError, status: int = 409) -> Response:
    return refused(request, number, caller, words.problem_of(error), status)


def refused(request: Request, number: str, caller: Caller, problem: str, status: int = 409) -> Response:
    """Show the case with what is wrong at its head."""
    return _page(request, number, caller, errors={"": problem}, status=status)


@router.post("/text")
def open_text(
    request: Request,
    number: CaseNumber,
    caller: Annotated[Caller, Depends(allowed(Permission.TEXT_VIEW))],
    form: _Form,
) -> Response:
    """Open the text around a submission: that is on record before anything of it is shown."""
    try:
        casework.open_text(service_of(request).database, number, number_of(form, "submission"), user_id=user_of(caller))
    except InvalidView as error:
        return _refused(request, number, caller, error, 422)
    after = number_of(form, "after")
    return redirect(f"/cases/{number}{f'?after={after}' if after else ''}#text-{number_of(form, 'submission')}")


# ── claiming ─────────────────────────────────────────────────────────────────────────────────────────────────────


@router.post("/claim")
def claim(request: Request, number: CaseNumber, caller: _Claimer) -> Response:
    """Take this case."""
    try:
        cases.claim(service_of(request).database, number, user_id=user_of(caller))
    except (CaseTaken, ClaimRefused, TransitionRefused) as error:
        return _refused(request, number, caller, error, 403 if isinstance(error, ClaimRefused) else 409)
    return redirect(f"/cases/{number}")


@router.post("/claim/extend")
def extend(
    request: Request, number: CaseNumber, caller: _Claimer, token: Annotated[int, Body(embed=True, ge=1, le=LARGEST_ID)]
) -> Response:
    """Say that somebody still works on it; a script asks while there is activity."""
    extended = cases.extend_claim(service_of(request).database, number, token, user_id=user_of(caller))
    return JSONResponse({"expires_at": extended.expires_at.isoformat()})


@router.post("/release")
def release(request: Request, number: CaseNumber, caller: _Claimer, form: _Form) -> Response:
    """Give the case back."""
    try:
        cases.release(service_of(request).database, number, number_of(form, "token"), user_id=user_of(caller))
    except ClaimLost as error:
        return _refused(request, number, caller, error)
    return redirect("/cases?note=released")


@router.post("/aside")
def put_aside(request: Request, number: CaseNumber, caller: _Claimer, form: _Form) -> Response:
    """Put the case aside for a while."""
    reason = form.get("aside_reason", "").strip()
    if not reason or len(reason) > _LONGEST_REASON or form.get("hours") not in _ASIDE:
        said = marked("Say in up to 200 characters what it waits for.")
        return _page(request, number, caller, errors={"aside_reason": said}, typed=dict(form), status=422)
    try:
        cases.put_aside(
            service_of(request).database,
            number,
            number_of(form, "token"),
            until=now() + _ASIDE[form["hours"]],
            reason=reason,
            user_id=user_of(caller),
        )
    except ClaimLost as error:
        return _refused(request, number, caller, error)
    return redirect("/cases?note=aside")


# ── deciding ─────────────────────────────────────────────────────────────────────────────────────────────────────


@router.post("/draft", status_code=204)
def keep_draft(
    request: Request, number: CaseNumber, caller: _Decider, said: Annotated[dict[str, Any], Body()]
) -> Response:
    """Keep what somebody writes, while they write it; a script asks."""
    casework.keep_draft(service_of(request).database, number, _written(said), user_id=user_of(caller))
    return Response(status_code=204)


@router.post("/decisions")
def decide(request: Request, number: CaseNumber, caller: _Decider, form: _Form) -> Response:
    """Record what somebody says about the case or a part of it, and go on."""
    user = user_of(caller)
    database = service_of(request).database
    if form.get("then") == "keep":
        casework.keep_draft(database, number, _written(form), user_id=user)
        return redirect(f"/cases/{number}?note=kept")
    errors = _wrong(form)
    if errors:
        return _page(request, number, caller, errors=errors, typed=dict(form), status=422)
    try:
        cases.decide(
            database,
            number,
            number_of(form, "token"),
            _statement(form),
            seen_version=number_of(form, "seen_version"),
            cluster=number_of(form, "cluster") or None,
            user_id=user,
        )
    except (ClaimLost, CaseChanged, InvalidDecision) as error:
        casework.keep_draft(database, number, _written(form), user_id=user)
        status = 422 if isinstance(error, InvalidDecision) else 409
        return _page(request, number, caller, errors={"": words.problem_of(error)}, typed=dict(form), status=status)
    return _go_on(request, number, caller, form)


def _go_on(request: Request, number: str, caller: Caller, form: dict[str, str]) -> Response:
    """Go to what is still to be decided of the case, then to the next one."""
    queue = form.get("next_queue", "")
    database, user = service_of(request).database, user_of(caller)
    if casework.is_worked_on_by(database, number, user):
        casework.keep_draft(database, number, {}, user_id=user)
        return redirect(f"/cases/{number}?note=part{f'&queue={queue}' if queue in set(Queue) else ''}")
    if form.get("then") == "stay" or Permission.CASES_CLAIM not in caller.permissions:
        return redirect(f"/cases/{number}")
    return next_case(request, caller, queue, note="decided")


def _wrong(form: dict[str, str]) -> _Errors:
    """Return what is wrong with a decision, field by field."""
    errors: _Errors = {}
    verdict = form.get("verdict", "")
    if verdict not in set(Verdict):
        errors["verdict"] = marked("Choose what it is.")
    if form.get("classification") and verdict in set(Verdict) and verdict != Verdict.CONFIRMED:
        errors["classification"] = marked("Only what is confirmed has a class.")
    if verdict == Verdict.SKIP and not form.get("reason", "").strip():
        errors["reason"] = marked("Leaving a case to others needs a reason.")
    if len(form.get("reason", "")) > _LONGEST["reason"]:
        errors["reason"] = marked("A reason has up to 500 characters.")
    if len(form.get("note", "")) > _LONGEST["note"]:
        errors["note"] = marked("A note has up to 10,000 characters.")
    return errors


def _statement(form: dict[str, str]) -> Statement:
    own = form.get("tags", "").replace(",", " ").split()
    chosen = [name.removeprefix("tag-") for name in form if name.startswith("tag-")]
    is_final = form["verdict"] in FINAL
    return Statement(
        Verdict(form["verdict"]),
        form.get("classification") or None,
        [*chosen, *own] if is_final else (),
        _reason_of(form),
        form.get("note", "").strip() or None,
    )


def _reason_of(form: dict[str, str]) -> str | None:
    """Return why: of what is no match, the word for partners stands at its head (`hedgerow.exchanges.opinions`)."""
    typed, why = form.get("reason", "").strip(), form.get("why", "")
    if form["verdict"] != Verdict.NOT_A_MATCH or why not in REASONS:
        return typed or None
    return f"{why}: {typed}" if typed else why


def _written(said: dict[str, Any]) -> dict[str, str]:
    """Return what of a form is somebody's own."""
    return {
        name: value
        for name, value in said.items()
        if isinstance(value, str) and value and (name in _FIELDS or name.startswith("tag-"))
    }


def number_of(form: dict[str, str], name: str) -> int:
    """Return a number that a page of ours wrote into a form; 0, which names nothing, where it is none."""
    text = form.get(name, "")
    return int(text) if text.isascii() and text.isdecimal() and len(text) < len(str(LARGEST_ID)) else 0


@router.post("/undo")
def undo(request: Request, number: CaseNumber, caller: _Decider) -> Response:
    """Take back what somebody decided a moment ago."""
    try:
        casework.undo_last(service_of(request).database, number, user_id=user_of(caller))
    except (DecisionNotFound, UndoTooLate, InvalidDecision) as error:
        return _refused(request, number, caller, error)
    return redirect(f"/cases/{number}?note=undone")


# ── leading ──────────────────────────────────────────────────────────────────────────────────────────────────────


@router.get("/more")
def more(request: Request, number: CaseNumber, caller: _Reader) -> Response:
    """Show what is done with a case now and then: give it to somebody, take an appeal, correct a decision."""
    return _more(request, number, caller)


def _more(
    request: Request,
    number: str,
    caller: Caller,
    *,
    typed: Mapping[str, str] | None = None,
    errors: _Errors | None = None,
    status: int = 200,
) -> Response:
    database = service_of(request).database
    page = case_page(database, number, user_id=user_of(caller), permissions=caller.permissions)
    may_assign = Permission.CASES_ASSIGN in caller.permissions
    return render(
        request,
        "case_more.html",
        caller=caller,
        status=status,
        page=page,
        words=words,
        REASONS=REASONS,
        people=casework.people_who_may_take(database) if may_assign else (),
        in_force=_correctable(page.decisions, caller),
        typed=typed or {},
        errors=errors or {},
    )


def _correctable(decisions: Sequence[Decision], caller: Caller) -> list[Decision]:
    """Return the decisions that this person may put another in the place of."""
    may_all = Permission.CASES_REOPEN in caller.permissions
    if Permission.CASES_DECIDE not in caller.permissions:
        return []
    superseded = {each.supersedes_id for each in decisions}
    return [
        each
        for each in decisions
        if each.verdict in FINAL
        and each.undone_at is None
        and each.id not in superseded
        and (may_all or each.decided_by == caller.user_id)
    ]


@router.post("/reassign")
def reassign(
    request: Request,
    number: CaseNumber,
    caller: Annotated[Caller, Depends(allowed(Permission.CASES_ASSIGN))],
    form: _Form,
) -> Response:
    """Give the case to somebody."""
    user_of(caller)
    try:
        cases.reassign(service_of(request).database, number, number_of(form, "user"), actor=caller.actor)
    except (UserNotFound, ClaimRefused, TransitionRefused) as error:
        return _more(request, number, caller, typed=form, errors={"user": words.problem_of(error)}, status=422)
    return redirect("/cases?note=given")


@router.post("/appeal")
def appeal(
    request: Request,
    number: CaseNumber,
    caller: Annotated[Caller, Depends(allowed(Permission.CASES_REOPEN))],
    form: _Form,
) -> Response:
    """Have a decided case decided again, by somebody who has decided none of it."""
    user_of(caller)
    priority = number_of(form, "priority")
    try:
        cases.appeal(
            service_of(request).database,
            number,
            priority=priority if priority in _PRIORITIES else _USUAL_PRIORITY,
            actor=caller.actor,
        )
    except TransitionRefused as error:
        return _more(request, number, caller, typed=form, errors={"priority": words.problem_of(error)}, status=422)
    return redirect(f"/cases/{number}?note=appealed")


@router.post("/correct")
def correct(request: Request, number: CaseNumber, caller: _Decider, form: _Form) -> Response:
    """Put another decision in the place of one that has taken effect."""
    user = user_of(caller)
    database, decision = service_of(request).database, number_of(form, "decision")
    try:
        if form.get("verdict") not in FINAL:
            raise InvalidDecision("a correction confirms, or says that it is no match")
        if decision not in casework.decisions_in(database, number):
            raise DecisionNotFound
        cases.supersede(
            database,
            decision,
            _statement(form),
            user_id=user,
            permissions=caller.permissions,
        )
    except CaseError as error:
        return _more(request, number, caller, typed=form, errors={"decision": words.problem_of(error)}, status=422)
    return redirect(f"/cases/{number}?note=corrected")
