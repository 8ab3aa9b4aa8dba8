"""Evidence for people: what is kept, until when, and what can be asked for about it. Never the thing itself."""

from __future__ import annotations

import re
from datetime import UTC, datetime, time, timedelta
from typing import Annotated, Any, Final

from fastapi import APIRouter, Depends, Query, Request
from fastapi.responses import Response  # noqa: TC002  (FastAPI reads annotations)

from hedgerow.accounts import Permission
from hedgerow.app.serving import evidence, evidence_pages
from hedgerow.errors import (
    CaseNotFound,
    EvidenceGone,
    EvidenceHeld,
    EvidenceInUse,
    EvidenceNotFound,
    EvidenceRequestRefused,
    HedgerowError,
    InvalidHold,
)
from hedgerow.evidence.model import EvidenceState, HoldKind
from hedgerow.web.api.paging import LARGEST_ID, Cursor, Number, read_cursor, write_cursor
from hedgerow.web.callers import Caller, allowed, service_of
from hedgerow.web.pages.evidence_words import HOLDS, KINDS, MISSING, REQUEST_STATES, REQUESTS, STATES
from hedgerow.web.pages.language import marked
from hedgerow.web.pages.rendering import redirect, render
from hedgerow.web.problems import status_of
from hedgerow.web.sessions import form_of

__all__ = ["WORDS", "router"]

router = APIRouter(prefix="/evidence")

_LINES: Final = 50
_CASE: Final = re.compile(r"[0-9]{4}-[0-9]{5,12}")
_Form = Annotated[dict[str, str], Depends(form_of)]
_Reader = Annotated[Caller, Depends(allowed(Permission.EVIDENCE_READ))]
_Opener = Annotated[Caller, Depends(allowed(Permission.EVIDENCE_OPEN))]
_Holder = Annotated[Caller, Depends(allowed(Permission.EVIDENCE_HOLD))]
_Destroyer = Annotated[Caller, Depends(allowed(Permission.EVIDENCE_DESTROY))]

WORDS: Final[dict[str, Any]] = {
    "STATES": STATES,
    "KINDS": KINDS,
    "MISSING": MISSING,
    "HOLDS": HOLDS,
    "REQUESTS": REQUESTS,
    "REQUEST_STATES": REQUEST_STATES,
}
_NOTES: Final = {
    "held": marked("The hold is placed."),
    "all_held": marked("Everything of the case that has bytes is held."),
}
_REFUSED: Final = (EvidenceGone, EvidenceHeld, EvidenceInUse, EvidenceRequestRefused, InvalidHold)


# ── the list ─────────────────────────────────────────────────────────────────────────────────────────────────────


@router.get("")
def list_evidence(
    request: Request,
    caller: _Reader,
    state: Annotated[str, Query(max_length=20)] = "",
    find: Annotated[str, Query(max_length=40)] = "",
    after: Cursor = None,
    note: Annotated[str, Query(max_length=20)] = "",
) -> Response:
    """List what is kept, the newest first, or what is kept for a case."""
    return _board(request, caller, state, find.strip(), after, note=note)


def _board(  # noqa: PLR0913  (what was asked, and what was refused)
    request: Request,
    caller: Caller,
    state: str,
    find: str,
    after: str | None,
    *,
    note: str = "",
    error: HedgerowError | None = None,
    place: str = "find",
    said: dict[str, str] | None = None,
) -> Response:
    database = service_of(request).database
    wanted = EvidenceState(state) if state in set(EvidenceState) else None
    options: dict[str, Any] = {"before": None if after is None else read_cursor(after, int)[0], "limit": _LINES + 1}
    if find.isdecimal():
        options["number"] = min(int(find), LARGEST_ID)
    elif find:
        options["case"] = find
    else:
        options["state"] = wanted
    try:
        _check_case(options.get("case"))
        board = evidence_pages.board(database, **options)
    except (CaseNotFound, EvidenceNotFound) as found:
        error, place = found, "find"
        board = evidence_pages.board(database, limit=_LINES + 1)
    is_found = bool(find) and not (error is not None and place == "find")
    last = board.lines[_LINES - 1].evidence.id if len(board.lines) > _LINES else None
    query = f"find={find}" if is_found else f"state={wanted or ''}"
    return render(
        request,
        "evidence.html",
        caller=caller,
        status=200 if error is None else status_of(type(error)),
        board=board,
        lines=board.lines[:_LINES],
        next=None if last is None else f"/evidence?{query}&after={write_cursor(last)}",
        state=str(wanted or ""),
        find=find,
        case=find if is_found and not find.isdecimal() else None,
        note=_NOTES.get(note),
        errors={} if error is None else {place: str(error)},
        said=_said(said),
        **WORDS,
    )


def _check_case(number: str | None) -> None:
    """Let a case be looked for by what can be the number of one.

    Raises:
        CaseNotFound: It cannot be any.
    """
    if number is not None and _CASE.fullmatch(number) is None:
        raise CaseNotFound


def _said(form: dict[str, str] | None) -> dict[str, str]:
    return {"kind": "legal", "until": "", "reason": "", "reference": "", "removal": "", **(form or {})}


@router.post("/holds")
def hold_case(request: Request, caller: _Holder, form: _Form) -> Response:
    """Hold everything of a case that has bytes, all of it or none."""
    case = form.get("case", "")
    try:
        _check_case(case)
        evidence.hold_case(
            service_of(request).database,
            case,
            _hold_kind(form),
            until=_until(form),
            reason=form.get("reason", ""),
            reference=form.get("reference", "").strip() or None,
            actor=caller.actor,
        )
    except (*_REFUSED, CaseNotFound) as error:
        return _board(request, caller, "", case, None, error=error, place="hold", said=form)
    return redirect(f"/evidence?find={case}&note=all_held")


def _hold_kind(form: dict[str, str]) -> HoldKind:
    """Return why something is held.

    Raises:
        InvalidHold: It says nothing that a person may say.
    """
    said = form.get("kind", "")
    if said not in {HoldKind.LEGAL, HoldKind.LAW_ENFORCEMENT, HoldKind.EXTENSION}:
        raise InvalidHold("it says no reason that a person may give")
    return HoldKind(said)


def _until(form: dict[str, str]) -> datetime | None:
    """Return when a hold ends: with the day that was named, in UTC; None where there is none.

    Raises:
        InvalidHold: It is no day.
    """
    said = form.get("until", "").strip()
    if not said:
        return None
    try:
        day = datetime.strptime(said, "%Y-%m-%d").date()  # noqa: DTZ007  (a day; its end is in UTC)
        return datetime.combine(day, time(), UTC) + timedelta(days=1)
    except (ValueError, OverflowError):
        raise InvalidHold("its end is no day such as 2027-01-31") from None


# ── a piece ──────────────────────────────────────────────────────────────────────────────────────────────────────


@router.get("/{piece}")
def show_piece(
    request: Request, caller: _Reader, piece: Number, note: Annotated[str, Query(max_length=20)] = ""
) -> Response:
    """Show a piece of evidence with its digests and holds, and the certificate of what was destroyed."""
    return _piece(request, caller, piece, note=note)


def _piece(
    request: Request,
    caller: Caller,
    number: int,
    *,
    note: str = "",
    error: HedgerowError | None = None,
    place: str = "",
    said: dict[str, str] | None = None,
) -> Response:
    return render(
        request,
        "evidence_piece.html",
        caller=caller,
        status=200 if error is None else status_of(type(error)),
        page=evidence_pages.piece(service_of(request).database, number),
        note=_NOTES.get(note),
        errors={} if error is None else {place: str(error)},
        place=place,
        said=_said(said),
        **WORDS,
    )


@router.post("/{piece}/holds")
def hold(request: Request, caller: _Holder, piece: Number, form: _Form) -> Response:
    """Hold a piece of evidence."""
    try:
        evidence.hold(
            service_of(request).database,
            piece,
            _hold_kind(form),
            until=_until(form),
            reason=form.get("reason", ""),
            reference=form.get("reference", "").strip() or None,
            actor=caller.actor,
        )
    except _REFUSED as error:
        return _piece(request, caller, piece, error=error, place="hold", said=form)
    return redirect(f"/evidence/{piece}?note=held")


@router.post("/{piece}/opening")
def ask_opening(request: Request, caller: _Opener, piece: Number, form: _Form) -> Response:
    """Ask for a piece to be opened; nothing is open until somebody else agrees."""
    try:
        asked = evidence.ask_opening(
            service_of(request).database,
            [piece],
            reason=form.get("reason", ""),
            reference=form.get("reference", "").strip() or None,
            actor=caller.actor,
        )
    except _REFUSED as error:
        return _piece(request, caller, piece, error=error, place="opening", said=form)
    return redirect(f"/evidence/requests/{asked.request.id}?note=asked")


@router.post("/{piece}/destruction")
def ask_destruction(request: Request, caller: _Destroyer, piece: Number, form: _Form) -> Response:
    """Ask for a piece to be destroyed before its time."""
    try:
        asked = evidence.ask_destruction(
            service_of(request).database,
            [piece],
            is_for_authority=form.get("removal") == "law_enforcement",
            reason=form.get("reason", ""),
            reference=form.get("reference", "").strip() or None,
            actor=caller.actor,
        )
    except _REFUSED as error:
        return _piece(request, caller, piece, error=error, place="destruction", said=form)
    return redirect(f"/evidence/requests/{asked.request.id}?note=asked")


@router.post("/{piece}/holds/{number}/lifting")
def ask_lifting(request: Request, caller: _Holder, piece: Number, number: Number, form: _Form) -> Response:
    """Ask for a hold to be lifted; it is in force until somebody else agrees."""
    try:
        asked = evidence.ask_lifting(
            service_of(request).database,
            [number],
            reason=form.get("reason", ""),
            reference=form.get("reference", "").strip() or None,
            actor=caller.actor,
        )
    except _REFUSED as error:
        return _piece(request, caller, piece, error=error, place=f"lifting-{number}", said=form)
    return redirect(f"/evidence/requests/{asked.request.id}?note=asked")
