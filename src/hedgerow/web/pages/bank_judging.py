"""How far a bank reaches, and what people said of what it found: thresholds, and pairs that are no match."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, Final

from fastapi import APIRouter, Depends, Query, Request
from fastapi.responses import Response  # noqa: TC002  (FastAPI reads annotations)

from hedgerow.accounts import Permission
from hedgerow.app.banks import BankChange
from hedgerow.app.serving import bank_pages, banks
from hedgerow.app.serving.cases import lift_suppression
from hedgerow.cases import Verdict
from hedgerow.errors import InvalidThreshold
from hedgerow.web.api.paging import BankName, Number  # noqa: TC001  (FastAPI reads annotations)
from hedgerow.web.callers import Caller, allowed, service_of
from hedgerow.web.pages.bank_fields import NOT_WHOLE, address, whole_of
from hedgerow.web.pages.banks import Before  # noqa: TC001  (as above)
from hedgerow.web.pages.rendering import redirect, render
from hedgerow.web.sessions import form_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    from hedgerow.cases.by_bank import DistanceCount

__all__ = ["Band", "chart_of", "router"]

router = APIRouter(prefix="/banks/{bank}")

_Reader = Annotated[Caller, Depends(allowed(Permission.BANKS_READ))]
_CaseReader = Annotated[Caller, Depends(allowed(Permission.CASES_READ))]
_Writer = Annotated[Caller, Depends(allowed(Permission.BANKS_WRITE))]
_Lifter = Annotated[Caller, Depends(allowed(Permission.SUPPRESSIONS_WRITE))]
_Form = Annotated[dict[str, str], Depends(form_of)]

_BAND_BITS: Final = 4
"""Bits of one row of the table: PDQ distances are even in nearly all cases, and a row of one would be half empty."""
_WIDEST: Final = 64
_HEIGHT: Final = 120
_BAR: Final = 30
_STEP: Final = 36


# ── thresholds ───────────────────────────────────────────────────────────────────────────────────────────────────


@dataclass(frozen=True, slots=True)
class Band:
    """Past matches within some bits, and where its bar stands in the picture.

    Attributes:
        first: The least distance.
        last: The largest.
        confirmed: Matches that people confirmed.
        wrong: Matches that were none.
        undecided: The others.
        x: Of the bar.
        bars: Of each kind that there is: the kind, its upper edge and its height.
    """

    first: int
    last: int
    confirmed: int
    wrong: int
    undecided: int
    x: int
    bars: tuple[tuple[str, int, int], ...]


def chart_of(counts: Sequence[DistanceCount]) -> list[Band]:
    """Gather matches in bands of bits, those of the widest threshold and below, each with its bar.

    >>> from hedgerow.cases.by_bank import DistanceCount
    >>> [(each.first, each.last, each.undecided) for each in chart_of([DistanceCount("pdq", 6, None, 3)])][:2]
    [(0, 3, 0), (4, 7, 3)]
    """
    sums = []
    for first in range(0, _WIDEST + 1, _BAND_BITS):
        own = [each for each in counts if first <= each.distance < first + _BAND_BITS]
        confirmed, wrong, undecided = (
            sum(each.count for each in own if each.verdict == verdict)
            for verdict in (Verdict.CONFIRMED, Verdict.NOT_A_MATCH, None)
        )
        sums.append((first, confirmed, wrong, undecided))
    highest = max(1, *(sum(each[1:]) for each in sums))
    bands = []
    for place, (first, *numbers) in enumerate(sums):
        bars, bottom = [], _HEIGHT
        for kind, number in zip(("confirmed", "wrong", "undecided"), numbers, strict=True):
            if number:
                height = max(1, round(number * _HEIGHT / highest))
                bottom -= height
                bars.append((kind, bottom, height))
        last = min(first + _BAND_BITS - 1, _WIDEST)
        confirmed, wrong, undecided = numbers
        bands.append(Band(first, last, confirmed, wrong, undecided, place * _STEP, tuple(bars)))
    return bands


@router.get("/threshold")
def show_threshold(
    request: Request,
    caller: _Reader,
    bank: BankName,
    bits: Annotated[str, Query(max_length=20)] = "",
) -> Response:
    """Show past matches by distance, and what another threshold would have made of them."""
    if not bits:
        return _threshold_page(request, caller, bank, None)
    wanted = whole_of({"bits": bits}, "bits")
    if wanted is None:
        return _threshold_page(request, caller, bank, None, typed=bits, error=NOT_WHOLE)
    try:
        return _threshold_page(request, caller, bank, wanted)
    except InvalidThreshold as error:
        return _threshold_page(request, caller, bank, None, typed=bits, error=str(error))


@router.post("/threshold")
def change_threshold(request: Request, caller: _Writer, bank: BankName, form: _Form) -> Response:
    """Change how far a bank reaches."""
    wanted = whole_of(form, "threshold")
    if wanted is None:
        return _threshold_page(request, caller, bank, None, typed=form.get("threshold", ""), error=NOT_WHOLE)
    try:
        banks.change_bank(service_of(request).database, bank, BankChange(threshold=wanted), actor=caller.actor)
    except InvalidThreshold as error:
        return _threshold_page(request, caller, bank, None, typed=str(wanted), error=str(error))
    return redirect(f"/banks/{bank}?note=threshold")


def _threshold_page(
    request: Request,
    caller: Caller,
    name: str,
    wanted: int | None,
    *,
    typed: str | None = None,
    error: str | None = None,
) -> Response:
    shown = bank_pages.threshold_page(service_of(request), name, wanted)
    bands = chart_of(shown.counts)
    return render(
        request,
        "bank_threshold.html",
        caller=caller,
        status=422 if error else 200,
        shown=shown,
        bank=shown.bank,
        said=shown.what_if,
        is_asked=wanted is not None and wanted != shown.bank.threshold,
        bands=bands,
        line=lambda at: round((at + 1) * _STEP / _BAND_BITS - (_STEP - _BAR) / 2),
        size=(len(bands) * _STEP, _HEIGHT, _BAR),
        typed=str(shown.what_if.threshold) if typed is None else typed,
        widest=_WIDEST,
        errors={"bits": error} if error else {},
    )


# ── no match ─────────────────────────────────────────────────────────────────────────────────────────────────────


@router.get("/suppressions")
def show_suppressions(
    request: Request,
    caller: _CaseReader,
    bank: BankName,
    lifted: Annotated[str, Query(max_length=10)] = "",
    before: Before = None,
    brought: Annotated[int | None, Query(ge=0)] = None,
) -> Response:
    """List the pairs that were judged to be no match."""
    shown = bank_pages.suppressions_page(service_of(request).database, bank, include_lifted=bool(lifted), before=before)
    further = shown.found.before
    return render(
        request,
        "bank_suppressions.html",
        caller=caller,
        shown=shown,
        bank=shown.bank,
        found=shown.found.suppressions,
        with_lifted=bool(lifted),
        brought=brought,
        next=None if further is None else address(f"/banks/{bank}/suppressions", lifted=lifted, before=further),
    )


@router.post("/suppressions/{suppression}/lift")
def lift(request: Request, caller: _Lifter, bank: BankName, suppression: Number) -> Response:
    """Let a pair count again; what it held back goes into cases now."""
    database = service_of(request).database
    bank_pages.check_suppression(database, bank, suppression)
    brought = lift_suppression(database, suppression, actor=caller.actor)
    return redirect(f"/banks/{bank}/suppressions?brought={len(brought)}")
