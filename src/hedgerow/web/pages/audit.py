"""The audit log: look for what happened, look at one entry, verify the chain, take it out."""

from __future__ import annotations

from datetime import UTC, datetime, time, timedelta
from typing import Annotated, Final
from urllib.parse import urlencode

from fastapi import APIRouter, Depends, Query, Request
from fastapi.responses import JSONResponse, Response, StreamingResponse

from hedgerow.accounts import Permission
from hedgerow.app import now
from hedgerow.app.serving import audit, verifying
from hedgerow.errors import AuditEntryNotFound
from hedgerow.web.api.paging import LARGEST_ID, Number
from hedgerow.web.bodies import incoming_folder
from hedgerow.web.callers import Caller, allowed, service_of
from hedgerow.web.pages.days import NO_DAY, day_of
from hedgerow.web.pages.language import marked
from hedgerow.web.pages.rendering import redirect, render, wants_html
from hedgerow.web.sessions import form_of

__all__ = ["router"]

router = APIRouter(prefix="/audit")

_ON_A_PAGE: Final = 50
_LONGEST: Final = 160
_CHECKPOINTS: Final = 10
_WRONG: Final = {
    "not_the_format": marked("Not written in the published format"),
    "changed": marked("Changed"),
    "missing": marked("Missing"),
    "reordered": marked("Moved"),
    "inserted": marked("Put in"),
    "truncated": marked("Cut off"),
    "signature_wrong": marked("The signature is wrong"),
    "key_unknown": marked("Could not be checked: the key is not known"),
    "not_covered": marked("Could not be checked: not covered"),
}
_Form = Annotated[dict[str, str], Depends(form_of)]
_Reader = Annotated[Caller, Depends(allowed(Permission.AUDIT_READ))]
_Exporter = Annotated[Caller, Depends(allowed(Permission.AUDIT_EXPORT))]
_Said = dict[str, str]


@router.get("")
def show(
    request: Request, caller: _Reader, before: Annotated[int | None, Query(ge=1, le=LARGEST_ID)] = None
) -> Response:
    """Search the log, the latest entry first."""
    return _page(request, caller, before=before)


@router.get("/verify")
def show_verification(request: Request, caller: _Reader) -> Response:
    """Show how far the verification is, or what came of it."""
    service = service_of(request)
    head = audit.read_head(service.database)
    made = audit.list_checkpoints(service.database, limit=LARGEST_ID)
    return render(
        request,
        "audit_verify.html",
        caller=caller,
        progress=verifying.latest_verification(service),
        head=head,
        checkpoints=[each for _, each in made[-_CHECKPOINTS:]][::-1],
        made=len(made),
        wrong=_WRONG,
        now=now(),
    )


@router.post("/verify")
def verify(request: Request, caller: _Reader) -> Response:
    """Begin to verify the chain; a short one is verified at once."""
    verifying.begin_verification(service_of(request), actor=caller.actor)
    return redirect("/audit/verify")


@router.post("/verify/further")
def verify_further(request: Request, _caller: _Reader) -> Response:
    """Carry the verification on by a slice; a script asks for that until it has ended."""
    progress = verifying.carry_on(service_of(request))
    if wants_html(request):
        return redirect("/audit/verify")
    is_over = progress is None or progress.found is not None
    reached, of = (0, 0) if progress is None else (progress.reached, progress.of)
    return JSONResponse({"is_over": is_over, "reached": reached, "of": of})


@router.post("/export")
def export(request: Request, caller: _Exporter, form: _Form) -> Response:
    """Write the chain out as `hedgerow audit verify` reads it. That it was exported is an entry, too."""
    service = service_of(request)
    said = form.get("first", "").strip() or "1"
    try:
        spooled = audit.export_audit(
            service.database, incoming_folder(service.settings), first=_number(said), actor=caller.actor
        )
    except AuditEntryNotFound as error:
        return _page(request, caller, errors={"first": str(error)}, first=said[:20])
    headers = {
        "content-length": str(spooled.size_bytes),
        "content-disposition": 'attachment; filename="audit.jsonl"',
    }
    return StreamingResponse(iter(spooled), media_type="application/jsonl", headers=headers)


@router.get("/{sequence}")
def show_entry(request: Request, caller: _Reader, sequence: Number) -> Response:
    """Show one entry, and whether it holds."""
    shown = audit.show_entry(service_of(request), sequence)
    return render(request, "audit_entry.html", caller=caller, shown=shown, each=shown.entry, wrong=_WRONG, now=now())


def _page(
    request: Request,
    caller: Caller,
    *,
    before: int | None = None,
    errors: _Said | None = None,
    first: str = "",
) -> Response:
    service = service_of(request)
    said = {
        name: _plain(request.query_params.get(name, "")) for name in ("who", "what", "kind", "which", "since", "to")
    }
    wrong = dict(errors or {})
    days: dict[str, datetime] = {}
    for name in ("since", "to"):
        try:
            if said[name]:
                days[name] = datetime.combine(day_of(said[name]), time.min, UTC)
        except ValueError:
            wrong[name] = NO_DAY
    until = days.get("to")
    asked = audit.Asked(
        said["who"],
        said["what"].lower().rstrip("."),
        said["kind"].lower(),
        said["which"],
        days.get("since"),
        None if until is None else until + timedelta(days=1),
    )
    if wrong.keys() & {"since", "to"}:
        searched = audit.NOTHING  # what was asked for cannot be told
    else:
        searched = audit.search(service.database, asked, before=before, limit=_ON_A_PAGE)
    return render(
        request,
        "audit.html",
        caller=caller,
        status=422 if wrong else 200,
        said=said,
        errors=wrong,
        first=first,
        found=searched.found,
        names=searched.names,
        next=_address(said, searched.found.before) if searched.found.before else None,
        is_later=before is not None,
        head=audit.read_head(service.database),
        progress=verifying.latest_verification(service),
        now=now(),
    )


def _number(said: str) -> int:
    """Return the number of an entry, or raise AuditEntryNotFound for what is none."""
    if not (said.isascii() and said.isdecimal() and 1 <= int(said[:20]) <= LARGEST_ID):
        raise AuditEntryNotFound(said[:20])
    return int(said[:20])


def _plain(text: str) -> str:
    """Return what was typed without what nobody types."""
    return "".join(each for each in text.strip() if each.isprintable())[:_LONGEST]


def _address(said: _Said, before: int) -> str:
    wanted = {name: value for name, value in said.items() if value}
    return f"/audit?{urlencode({**wanted, 'before': before})}"
