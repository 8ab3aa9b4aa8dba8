"""A second opinion on a hash of a case: somebody presses, Project Arachnid says what it knows, and nothing follows."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Depends, Request
from fastapi.responses import Response  # noqa: TC002  (FastAPI reads annotations)

from hedgerow.accounts import Permission
from hedgerow.app.shield import ShieldDesk
from hedgerow.errors import QuestionRefused
from hedgerow.web.api.paging import CaseNumber  # noqa: TC001  (FastAPI reads annotations)
from hedgerow.web.bodies import BoundedRoute
from hedgerow.web.callers import Caller, allowed, service_of
from hedgerow.web.pages.case import number_of, refused
from hedgerow.web.pages.rendering import redirect
from hedgerow.web.pages.shield_words import REFUSALS
from hedgerow.web.sessions import form_of

__all__ = ["router"]

router = APIRouter(prefix="/cases/{number}", route_class=BoundedRoute)

_Asker = Annotated[Caller, Depends(allowed(Permission.CASES_ASK))]
_Form = Annotated[dict[str, str], Depends(form_of)]


@router.post("/questions")
def ask(request: Request, number: CaseNumber, caller: _Asker, form: _Form) -> Response:
    """Ask what Shield knows of the hash of a medium. Where it does not answer at once, the workers ask again."""
    cluster, after = number_of(form, "cluster"), number_of(form, "after")
    try:
        ShieldDesk(service_of(request)).ask(number, cluster, actor=caller.actor)
    except QuestionRefused as error:
        return refused(request, number, caller, REFUSALS.get(error.why, str(error)))
    return redirect(f"/cases/{number}{f'?after={after}' if after else ''}#asked-{cluster}")
