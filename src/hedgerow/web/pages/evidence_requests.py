"""What two people do about evidence together; and the custodians to whom it is sealed."""

from __future__ import annotations

from typing import Annotated, Final

from fastapi import APIRouter, Depends, Query, Request
from fastapi.responses import Response, StreamingResponse

from hedgerow.accounts import Permission
from hedgerow.app.serving import evidence, evidence_pages
from hedgerow.errors import (
    EvidenceDamaged,
    EvidenceGone,
    EvidenceHeld,
    EvidenceInUse,
    EvidenceRequestRefused,
    HedgerowError,
    InvalidCustodian,
    SealUnopened,
    SecondPersonNeeded,
)
from hedgerow.web.api.paging import Cursor, Number, read_cursor, write_cursor
from hedgerow.web.callers import Caller, allowed, service_of
from hedgerow.web.pages.evidence import WORDS
from hedgerow.web.pages.language import marked
from hedgerow.web.pages.rendering import redirect, render
from hedgerow.web.problems import status_of
from hedgerow.web.sessions import form_of

__all__ = ["router"]

router = APIRouter()

_LINES: Final = 50
_LONGEST_IDENTITY: Final = 10_000
_Form = Annotated[dict[str, str], Depends(form_of)]
_Reader = Annotated[Caller, Depends(allowed(Permission.EVIDENCE_READ))]
_Opener = Annotated[Caller, Depends(allowed(Permission.EVIDENCE_OPEN))]
_Second = Annotated[Caller, Depends(allowed(Permission.EVIDENCE_AGREE))]
_Keeper = Annotated[Caller, Depends(allowed(Permission.VAULT_MANAGE))]

_NOTES: Final = {
    "asked": marked("You have asked. Nothing happens until somebody else agrees."),
    "agreed": marked("You have agreed."),
    "withdrawn": marked("The request is taken back."),
    "added": marked("Evidence is sealed to this key too, from now on."),
    "retired": marked("Nothing is sealed to this key from now on. What was sealed still opens with its identity."),
}


# ── requests ─────────────────────────────────────────────────────────────────────────────────────────────────────


@router.get("/evidence/requests")
def list_requests(
    request: Request,
    caller: _Reader,
    show: Annotated[str, Query(max_length=20)] = "waiting",
    after: Cursor = None,
) -> Response:
    """List what was asked for, the newest first."""
    is_waiting = show != "all"
    page = evidence_pages.requests(
        service_of(request).database,
        is_waiting=is_waiting,
        before=None if after is None else read_cursor(after, int)[0],
        limit=_LINES + 1,
    )
    last = page.lines[_LINES - 1].request.id if len(page.lines) > _LINES else None
    show = "waiting" if is_waiting else "all"
    return render(
        request,
        "evidence_requests.html",
        caller=caller,
        page=page,
        lines=page.lines[:_LINES],
        next=None if last is None else f"/evidence/requests?show={show}&after={write_cursor(last)}",
        show=show,
        **WORDS,
    )


@router.get("/evidence/requests/{wish}")
def show_request(
    request: Request, caller: _Reader, wish: Number, note: Annotated[str, Query(max_length=20)] = ""
) -> Response:
    """Show what was asked for, by whom and why."""
    return _page(request, caller, wish, note=note)


def _page(
    request: Request,
    caller: Caller,
    number: int,
    *,
    note: str = "",
    error: HedgerowError | None = None,
    place: str = "request",
) -> Response:
    return render(
        request,
        "evidence_request.html",
        caller=caller,
        status=200 if error is None else status_of(type(error)),
        page=evidence_pages.request_page(service_of(request).database, number),
        actor=caller.actor,
        note=_NOTES.get(note),
        errors={} if error is None else {place: str(error)},
        **WORDS,
    )


@router.post("/evidence/requests/{wish}/agreement")
def agree(request: Request, caller: _Second, wish: Number) -> Response:
    """Be the second person."""
    service = service_of(request)
    try:
        evidence.agree(service.settings, service.database, wish, actor=caller.actor)
    except (SecondPersonNeeded, EvidenceRequestRefused, EvidenceHeld, EvidenceInUse, EvidenceGone) as error:
        return _page(request, caller, wish, error=error)
    return redirect(f"/evidence/requests/{wish}?note=agreed")


@router.post("/evidence/requests/{wish}/withdrawal")
def withdraw(request: Request, caller: _Second, wish: Number) -> Response:
    """Take a request back, or end an opening before its time."""
    try:
        evidence.withdraw(service_of(request).database, wish, actor=caller.actor)
    except EvidenceRequestRefused as error:
        return _page(request, caller, wish, error=error)
    return redirect(f"/evidence/requests/{wish}?note=withdrawn")


@router.post("/evidence/requests/{wish}/content/{piece}")
def read_content(request: Request, caller: _Opener, wish: Number, piece: Number, form: _Form) -> Response:
    """Give the bytes of what two people opened, as a file, to who asked for it; each time is on record."""
    service = service_of(request)
    identity = form.get("identity", "").strip()[:_LONGEST_IDENTITY]
    try:
        content = evidence.read_content(
            service.settings, service.database, wish, piece, identity=identity or None, actor=caller.actor
        )
    except (EvidenceRequestRefused, InvalidCustodian, SealUnopened, EvidenceDamaged, EvidenceGone) as error:
        return _page(request, caller, wish, error=error, place=f"identity-{piece}")
    return StreamingResponse(
        content.chunks,
        media_type="application/octet-stream",
        headers={
            "content-length": str(content.size_bytes),
            "content-disposition": f'attachment; filename="evidence-{piece}"',
            "cache-control": "no-store",
        },
    )


# ── custodians ───────────────────────────────────────────────────────────────────────────────────────────────────


@router.get("/evidence/custodians")
def list_custodians(request: Request, caller: _Reader) -> Response:
    """List the keys to which evidence is sealed."""
    page = evidence_pages.custodians(service_of(request).database)
    return render(request, "custodians.html", caller=caller, page=page, is_keeper=False, note=None, errors={}, said={})


@router.get("/vault")
def show_vault(request: Request, caller: _Keeper, note: Annotated[str, Query(max_length=20)] = "") -> Response:
    """Show the custodians to who looks after the vault."""
    return _vault(request, caller, note=note)


def _vault(
    request: Request,
    caller: Caller,
    *,
    note: str = "",
    error: HedgerowError | None = None,
    said: dict[str, str] | None = None,
) -> Response:
    return render(
        request,
        "custodians.html",
        caller=caller,
        status=200 if error is None else status_of(type(error)),
        page=evidence_pages.custodians(service_of(request).database),
        is_keeper=True,
        note=_NOTES.get(note),
        errors={} if error is None else {"recipient": str(error)},
        said=said or {},
    )


@router.post("/vault/custodians")
def add_custodian(request: Request, caller: _Keeper, form: _Form) -> Response:
    """Seal to another key too, from now on."""
    try:
        evidence.add_custodian(
            service_of(request).database,
            form.get("custodian", "").strip(),
            form.get("recipient", "").strip(),
            actor=caller.actor,
        )
    except InvalidCustodian as error:
        return _vault(request, caller, error=error, said=form)
    return redirect("/vault?note=added")


@router.post("/vault/custodians/{number}/retirement")
def retire_custodian(request: Request, caller: _Keeper, number: Number) -> Response:
    """Seal nothing to a key from now on."""
    evidence.retire_custodian(service_of(request).database, number, actor=caller.actor)
    return redirect("/vault?note=retired")
