"""How the work goes, in figures and charts; and the export for a transparency report."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Annotated, Final

from fastapi import APIRouter, Depends, Request
from fastapi.responses import Response

from hedgerow.accounts import Permission
from hedgerow.app import now
from hedgerow.app.serving.insight import MOST_TIMES, insight, transparency
from hedgerow.errors import InvalidRequest, PersonNeeded
from hedgerow.web.callers import Caller, allowed, service_of
from hedgerow.web.pages.charts import day_chart, share_of
from hedgerow.web.pages.days import NO_DAY, day_of
from hedgerow.web.pages.language import marked
from hedgerow.web.pages.rendering import render
from hedgerow.web.pages.words_of_cases import QUEUES, VERDICTS
from hedgerow.web.sessions import form_of

if TYPE_CHECKING:
    from datetime import date

__all__ = ["router"]

router = APIRouter(prefix="/insight")

_DAYS: Final = (7, 30, 90)
_USUAL: Final = 30
_NO_PERIOD: Final = marked("The last day is the first one or later, and not ten years away.")
_FORMATS: Final = {"csv": "text/csv; charset=utf-8", "json": "application/json"}
_Form = Annotated[dict[str, str], Depends(form_of)]
_Reader = Annotated[Caller, Depends(allowed(Permission.INSIGHT_READ))]
_Exporter = Annotated[Caller, Depends(allowed(Permission.TRANSPARENCY_EXPORT))]


@router.get("")
def show(request: Request, caller: _Reader, days: str = "") -> Response:
    """Show the figures of the latest days."""
    return _page(request, caller, days=days)


@router.post("/export")
def export(request: Request, caller: _Exporter, form: _Form) -> Response:
    """Take figures out for a transparency report. That it was done is an entry of the audit."""
    said = {name: form.get(name, "").strip()[:20] for name in ("first", "last", "as")}
    days: dict[str, date] = {}
    errors: dict[str, str] = {}
    for name in ("first", "last"):
        try:
            days[name] = day_of(said[name])
        except ValueError:
            errors[name] = NO_DAY
    if errors:
        return _page(request, caller, said=said, errors=errors)
    try:
        taken = transparency(service_of(request).database, days["first"], days["last"], actor=caller.actor)
    except InvalidRequest:
        return _page(request, caller, said=said, errors={"last": _NO_PERIOD})
    kind = "json" if said["as"] == "json" else "csv"
    name = f"transparency-{taken.first}-{taken.last}.{kind}"
    headers = {"content-disposition": f'attachment; filename="{name}"'}
    return Response(taken.as_json() if kind == "json" else taken.as_csv(), media_type=_FORMATS[kind], headers=headers)


def _page(
    request: Request,
    caller: Caller,
    *,
    days: str = "",
    said: dict[str, str] | None = None,
    errors: dict[str, str] | None = None,
) -> Response:
    if caller.session is None:
        raise PersonNeeded
    number = int(days) if days in {str(each) for each in _DAYS} else _USUAL
    figures = insight(service_of(request).database, days=number)
    last_of_month = now().date().replace(day=1) - timedelta(days=1)
    usual = {"first": last_of_month.replace(day=1).isoformat(), "last": last_of_month.isoformat(), "as": "csv"}
    return render(
        request,
        "insight.html",
        caller=caller,
        status=422 if errors else 200,
        figures=figures,
        chart=day_chart([(each.day, each.opened, each.decided) for each in figures.by_day]),
        periods=_DAYS,
        most_waiting=max((each.waiting + each.claimed + each.put_aside for each in figures.queues), default=0),
        most_time=max((each.p99_s for each in figures.times.values()), default=0),
        opened=sum(each.opened for each in figures.by_day),
        decided=sum(each.decided for each in figures.by_day),
        said=said or usual,
        errors=errors or {},
        queues=QUEUES,
        verdicts=VERDICTS,
        share_of=share_of,
        most_times=MOST_TIMES,
        now=now(),
    )
