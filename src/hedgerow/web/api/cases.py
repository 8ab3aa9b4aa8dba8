"""Cases: look, claim, decide, take back. A program sees how a case stands; everything else is for people."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, Annotated, Any

from fastapi import APIRouter, Depends, Query, Request
from pydantic import AwareDatetime  # noqa: TC002  (FastAPI reads the annotation)

from hedgerow.accounts import Permission
from hedgerow.app import now
from hedgerow.app.serving import cases
from hedgerow.cases import Form, NewView, Queue, State
from hedgerow.errors import InvalidRequest, PermissionDenied
from hedgerow.web.api.models_of_cases import (
    AppealIn,
    AsideIn,
    CaseShownOut,
    CaseStateOut,
    ClaimedOut,
    ClaimOut,
    DecidedOut,
    DecisionIn,
    DecisionOut,
    EventOut,
    ItemOut,
    LiftedOut,
    QueuesIn,
    ReassignIn,
    StatementIn,
    SuppressionOut,
    TokenIn,
    ViewIn,
    ViewOut,
)
from hedgerow.web.api.paging import (
    LARGEST_ID,
    USUAL,
    CaseNumber,
    Cursor,
    Limit,
    Number,
    Page,
    id_after,
    paged,
    person_of,
    read_cursor,
)
from hedgerow.web.bodies import BoundedRoute
from hedgerow.web.callers import Caller, allowed, service_of
from hedgerow.web.problems import responses_of

if TYPE_CHECKING:
    from hedgerow.app.serving.cases import CaseShown, ClaimedCase, ItemShown
    from hedgerow.cases import Case, Claim, View

__all__ = ["router"]

router = APIRouter(tags=["cases"], route_class=BoundedRoute)

_Reader = Annotated[Caller, Depends(allowed(Permission.CASES_READ))]
_Claimer = Annotated[Caller, Depends(allowed(Permission.CASES_CLAIM))]
_Decider = Annotated[Caller, Depends(allowed(Permission.CASES_DECIDE))]

_MOST_ITEMS = 100
"""Items of one page: each brings its submission and its matches."""


# ── looking ──────────────────────────────────────────────────────────────────────────────────────────────────────


def _told(case: Case, caller: Caller) -> dict[str, Any]:
    """Return what somebody is told of a case: a program its state alone."""
    told = CaseStateOut.model_validate(case).model_dump()
    if caller.user_id is None:
        for name in ("namespace", "deadline", "claimed_by", "claim_expires_at", "wake_at", "is_contested"):
            told[name] = None
    return told


def _namespace(caller: Caller) -> str | None:
    """Return the namespace that a program is kept to; people see all."""
    return caller.namespace if caller.user_id is None else None


@router.get("/cases", summary="List cases", response_model=Page[CaseStateOut], responses=responses_of())
def list_cases(  # noqa: PLR0913, PLR0917  (a list is asked for in these ways)
    request: Request,
    caller: _Reader,
    queue: Annotated[Queue | None, Query(description="Only of this queue.")] = None,
    state: Annotated[
        State | None, Query(description="Only in this state. Without it all that wait or are worked on.")
    ] = None,
    account_id: Annotated[
        str | None,
        Query(max_length=255, pattern=r"^[^\x00]*$", description="Only about this account, closed ones too."),
    ] = None,
    content_id: Annotated[
        str | None,
        Query(max_length=255, pattern=r"^[^\x00]*$", description="Only about this content without an account."),
    ] = None,
    due_before: Annotated[AwareDatetime | None, Query(description="Only those that are due until then.")] = None,
    mine: Annotated[bool, Query(description="Only those that you work on.")] = False,  # noqa: FBT002  (a query)
    limit: Limit = USUAL,
    cursor: Cursor = None,
) -> dict[str, Any]:
    """List cases by priority, then due time. A program sees those of its namespace, and how they stand."""
    if account_id is not None and content_id is not None:
        raise InvalidRequest("it names an account or a content, and one of them only")
    subject = None
    if account_id is not None or content_id is not None:
        subject = ("account", account_id) if account_id is not None else ("content", content_id or "")
    found = cases.list_cases(
        service_of(request).database,
        queue=queue,
        state=state,
        claimed_by=person_of(caller) if mine else None,
        subject=subject,
        due_before=due_before,
        namespace=_namespace(caller),
        after=None if cursor is None else _case_after(cursor),
        limit=limit + 1,
    )
    page = paged(found, limit, lambda case: (case.priority, case.due_at.isoformat(), case.id))
    return {**page, "items": [_told(case, caller) for case in page["items"]]}


def _case_after(cursor: str) -> tuple[int, datetime, int]:
    priority, due, number = read_cursor(cursor, int, str, int)
    try:
        at = datetime.fromisoformat(due)
    except ValueError:
        at = None
    if at is None or at.tzinfo is None:
        raise InvalidRequest("the cursor is none of this list")
    return priority, at, number


@router.get("/cases/{case}", summary="Show a case", response_model=CaseShownOut, responses=responses_of(404))
def show_case(request: Request, caller: _Reader, case: CaseNumber) -> dict[str, Any]:
    """Show a case. What people decided is for people: a program is told by a webhook once it has taken effect."""
    found: CaseShown = cases.show_case(service_of(request).database, case, namespace=_namespace(caller))
    told = _told(found.case, caller)
    if caller.user_id is None:
        return {**told, "items": None, "clusters": None, "decisions": None}
    return {**told, "items": found.items, "clusters": found.clusters, "decisions": found.decisions}


@router.get(
    "/cases/{case}/items", summary="List a case's items", response_model=Page[ItemOut], responses=responses_of(404)
)
def list_items(
    request: Request,
    caller: _Reader,
    case: CaseNumber,
    cluster: Annotated[int | None, Query(ge=1, le=LARGEST_ID, description="Only of this cluster.")] = None,
    limit: Annotated[int, Query(ge=1, le=_MOST_ITEMS, description="Most items of the page.")] = USUAL,
    cursor: Cursor = None,
) -> dict[str, Any]:
    """List the submissions of a case, each with its matches. For people."""
    person_of(caller)
    found = cases.list_items(
        service_of(request).database, case, cluster=cluster, after=id_after(cursor), limit=limit + 1
    )
    page = paged(found, limit, lambda shown: (shown.item.id,))
    return {**page, "items": [_item(each) for each in page["items"]]}


def _item(shown: ItemShown) -> dict[str, Any]:
    sent = shown.submission.sent
    of_sent = ("content_id", "account_id", "surface", "uploaded_at", "media_type", "width", "height", "frames")
    return {
        "item": shown.item.id,
        "cluster": shown.item.cluster_id,
        "submission": shown.submission.id,
        "added_at": shown.item.added_at,
        **{name: getattr(sent, name) for name in (*of_sent, "duration_s", "size_bytes", "unchecked_reason")},
        "received_at": shown.submission.received_at,
        "outcome": shown.submission.outcome,
        "matches": [
            {
                "match": each.id,
                "bank": each.match.bank_name,
                "entry": each.match.entry_id,
                "type": each.match.signal_type,
                "rule": each.match.outcome.rule,
                "outcome": each.match.outcome.then,
                "matched_at": each.matched_at,
                "suppression": each.suppression_id,
                **{
                    name: getattr(each.match, name)
                    for name in (
                        "distance",
                        "threshold",
                        "variant",
                        "tier",
                        "policy_version",
                        "provenance",
                        "contributor",
                        "category",
                        "query_share",
                        "known_share",
                        "false_match_probability",
                    )
                },
            }
            for each in shown.matches
        ],
    }


@router.get("/cases/{case}/views", summary="List views", response_model=Page[ViewOut], responses=responses_of(404))
def list_views(
    request: Request, caller: _Reader, case: CaseNumber, limit: Limit = USUAL, cursor: Cursor = None
) -> dict[str, Any]:
    """List who saw what of a case, in what form, how completely and when. For people."""
    person_of(caller)
    found = cases.list_views(service_of(request).database, case, after=id_after(cursor), limit=limit + 1)
    page = paged(found, limit, lambda view: (view.id,))
    return {**page, "items": [_view(each) for each in page["items"]]}


def _view(view: View) -> dict[str, Any]:
    seen = view.view
    return {
        "view": view.id,
        "submission": seen.submission_id,
        "user": seen.user_id,
        **{name: getattr(seen, name) for name in ("form", "started_at", "seconds", "is_entire", "reveal")},
        "share": view.share,
        "is_complete": view.is_complete,
    }


@router.get(
    "/cases/{case}/timeline", summary="Show what happened", response_model=Page[EventOut], responses=responses_of(404)
)
def list_timeline(
    request: Request, caller: _Reader, case: CaseNumber, limit: Limit = USUAL, cursor: Cursor = None
) -> dict[str, Any]:
    """List what happened to a case, as the audit has it. For people."""
    person_of(caller)
    found = cases.list_timeline(service_of(request).database, case, after=id_after(cursor), limit=limit + 1)
    return paged(found, limit, lambda entry: (entry.sequence,))


# ── claiming ─────────────────────────────────────────────────────────────────────────────────────────────────────


def _claimed(claimed: ClaimedCase | None, caller: Caller) -> dict[str, Any]:
    if claimed is None:
        return {"case": None, "claim": None}
    return {"case": _told(claimed.case, caller), "claim": claimed.claim}


@router.post(
    "/cases/claims", summary="Claim the next case", response_model=ClaimedOut, responses=responses_of(408, 413)
)
def claim_next(request: Request, caller: _Claimer, asked: QueuesIn) -> dict[str, Any]:
    """Claim the most urgent case of some queues that you may have. Two people never get the same one."""
    user = person_of(caller)
    return _claimed(cases.claim_next(service_of(request).database, asked.queues, user_id=user), caller)


@router.post("/cases/{case}/claim", summary="Claim a case", response_model=ClaimedOut, responses=responses_of(404, 409))
def claim(request: Request, caller: _Claimer, case: CaseNumber) -> dict[str, Any]:
    """Claim one case. If you have it already, you get a new claim and the old one is over."""
    return _claimed(cases.claim(service_of(request).database, case, user_id=person_of(caller)), caller)


@router.post(
    "/cases/{case}/claim/extend",
    summary="Extend a claim",
    response_model=ClaimOut,
    responses=responses_of(404, 408, 409, 413),
)
def extend_claim(request: Request, caller: _Claimer, case: CaseNumber, asked: TokenIn) -> Claim:
    """Say that you still work on a case."""
    return cases.extend_claim(service_of(request).database, case, asked.token, user_id=person_of(caller))


@router.post(
    "/cases/{case}/release",
    summary="Give a case back",
    response_model=CaseStateOut,
    responses=responses_of(404, 408, 409, 413),
)
def release(request: Request, caller: _Claimer, case: CaseNumber, asked: TokenIn) -> dict[str, Any]:
    """Give a case back to its queue."""
    found = cases.release(service_of(request).database, case, asked.token, user_id=person_of(caller))
    return _told(found, caller)


@router.post(
    "/cases/{case}/aside",
    summary="Put a case aside",
    response_model=CaseStateOut,
    responses=responses_of(404, 408, 409, 413),
)
def put_aside(request: Request, caller: _Claimer, case: CaseNumber, asked: AsideIn) -> dict[str, Any]:
    """Put a case aside until a time, for something from outside. Its due time stays."""
    found = cases.put_aside(
        service_of(request).database,
        case,
        asked.token,
        until=asked.until,
        reason=asked.reason,
        user_id=person_of(caller),
    )
    return _told(found, caller)


@router.post(
    "/cases/{case}/reassign",
    summary="Give a case to somebody",
    response_model=ClaimedOut,
    responses=responses_of(404, 408, 409, 413),
)
def reassign(
    request: Request,
    caller: Annotated[Caller, Depends(allowed(Permission.CASES_ASSIGN))],
    case: CaseNumber,
    asked: ReassignIn,
) -> dict[str, Any]:
    """Give a case to somebody, also while somebody else works on it, whose claim is over with that."""
    person_of(caller)
    found = cases.reassign(service_of(request).database, case, asked.user, actor=caller.actor)
    return _claimed(found, caller)


# ── deciding ─────────────────────────────────────────────────────────────────────────────────────────────────────


@router.post(
    "/cases/{case}/decisions",
    summary="Decide",
    status_code=201,
    response_model=DecidedOut,
    responses=responses_of(404, 408, 409, 413),
)
def decide(request: Request, caller: _Decider, case: CaseNumber, said: DecisionIn) -> dict[str, Any]:
    """Say what a case that you claimed is, or one cluster of it; or hand it on.

    It can be undone for a while, during which nothing leaves the house.
    """
    made = cases.decide(
        service_of(request).database,
        case,
        said.token,
        said.statement(),
        seen_version=said.seen_version,
        cluster=said.cluster,
        user_id=person_of(caller),
    )
    return {"decisions": made}


@router.post(
    "/decisions/{decision}/undo",
    summary="Undo a decision",
    response_model=CaseStateOut,
    responses=responses_of(404, 409),
)
def undo(request: Request, caller: _Decider, decision: Number) -> dict[str, Any]:
    """Take a decision back before it takes effect. Somebody else's needs `cases.assign` too."""
    found = cases.undo(
        service_of(request).database, decision, user_id=person_of(caller), permissions=caller.permissions
    )
    return _told(found, caller)


@router.post(
    "/decisions/{decision}/supersede",
    summary="Correct a decision",
    status_code=201,
    response_model=DecisionOut,
    responses=responses_of(404, 408, 409, 413),
)
def supersede(request: Request, caller: _Decider, decision: Number, said: StatementIn) -> Any:  # noqa: ANN401  (what DecisionOut reads)
    """Put another decision in the place of one that has taken effect. Somebody else's needs `cases.reopen` too."""
    return cases.supersede(
        service_of(request).database,
        decision,
        said.statement(),
        user_id=person_of(caller),
        permissions=caller.permissions,
    )


@router.post(
    "/cases/{case}/appeal", summary="Appeal", response_model=CaseStateOut, responses=responses_of(404, 408, 409, 413)
)
def appeal(
    request: Request,
    caller: Annotated[Caller, Depends(allowed(Permission.CASES_REOPEN))],
    case: CaseNumber,
    asked: AppealIn,
) -> dict[str, Any]:
    """Have a decided case decided again, by somebody who has decided none of it."""
    person_of(caller)
    found = cases.appeal(service_of(request).database, case, priority=asked.priority, actor=caller.actor)
    return _told(found, caller)


# ── views and suppressions ───────────────────────────────────────────────────────────────────────────────────────

_NEEDED = {
    Form.TILE: Permission.MEDIA_TILE,
    Form.BLURRED: Permission.MEDIA_TILE,
    Form.FULL: Permission.MEDIA_VIEW,
    Form.TEXT: Permission.TEXT_VIEW,
    Form.EXIF: Permission.TEXT_VIEW,
}


@router.post(
    "/cases/{case}/views",
    summary="Record a view",
    status_code=201,
    response_model=ViewOut,
    responses=responses_of(404, 408, 413),
)
def record_view(
    request: Request,
    caller: Annotated[Caller, Depends(allowed(Permission.MEDIA_TILE))],
    case: CaseNumber,
    seen: ViewIn,
) -> dict[str, Any]:
    """Record that you saw something. The full form needs `media.view` too, texts and metadata `text.view`."""
    user = person_of(caller)
    needed = _NEEDED[seen.form]
    if needed not in caller.permissions:
        raise PermissionDenied(str(needed))
    view = NewView(
        0,
        seen.submission,
        user,
        seen.form,
        seen.started_at or now(),
        seen.seconds,
        tuple(seen.intervals),
        seen.is_entire,
        seen.reveal,
    )
    return _view(cases.record_view(service_of(request).database, case, view))


@router.get("/suppressions", summary="List suppressions", response_model=Page[SuppressionOut], responses=responses_of())
def list_suppressions(
    request: Request,
    caller: _Reader,
    entry: Annotated[int | None, Query(ge=1, le=LARGEST_ID, description="Only of this entry.")] = None,
    lifted: Annotated[bool, Query(description="Lifted ones too.")] = False,  # noqa: FBT002  (a query)
    limit: Limit = USUAL,
    cursor: Cursor = None,
) -> dict[str, Any]:
    """List pairs that were judged to be no match, so that nobody is asked again. For people."""
    person_of(caller)
    found = cases.list_suppressions(
        service_of(request).database, entry=entry, include_lifted=lifted, after=id_after(cursor), limit=limit + 1
    )
    return paged(found, limit, lambda each: (each.id,))


@router.post(
    "/suppressions/{suppression}/lift",
    summary="Lift a suppression",
    response_model=LiftedOut,
    responses=responses_of(404, 409),
)
def lift_suppression(
    request: Request,
    caller: Annotated[Caller, Depends(allowed(Permission.SUPPRESSIONS_WRITE))],
    suppression: Number,
) -> dict[str, Any]:
    """Let a pair count again; what it held back goes into cases now."""
    person_of(caller)
    found = cases.lift_suppression(service_of(request).database, suppression, actor=caller.actor)
    return {"cases": [_told(each, caller) for each in found]}
