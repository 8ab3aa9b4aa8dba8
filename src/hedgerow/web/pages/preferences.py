"""How somebody wants the pages: the language, and which key stands for what."""

from __future__ import annotations

from typing import Annotated, Final

from fastapi import APIRouter, Depends, Request
from fastapi.responses import Response  # noqa: TC002  (FastAPI reads annotations)

from hedgerow.accounts import Preferences
from hedgerow.app.serving.console import around, prefer
from hedgerow.errors import InvalidPreference
from hedgerow.web.callers import Caller, person, service_of
from hedgerow.web.pages.commands import COMMANDS
from hedgerow.web.pages.language import LANGUAGES, marked
from hedgerow.web.pages.rendering import redirect, render
from hedgerow.web.sessions import form_of

__all__ = ["router"]

router = APIRouter(prefix="/account/keys")

_NOTES: Final = {
    "kept": marked("Your choices are kept."),
    "usual": marked("The usual keys stand again."),
}
_Form = Annotated[dict[str, str], Depends(form_of)]
_Person = Annotated[Caller, Depends(person)]


@router.get("")
def show(request: Request, caller: _Person, note: str | None = None) -> Response:
    """Show the keys and the language."""
    service = service_of(request)
    assert caller.session is not None  # noqa: S101  (`person` has looked)
    prefers = around(service.settings, service.database, caller.session.user).preferences
    return _page(request, caller, prefers, note=_NOTES.get(note or ""))


@router.post("")
def keep(request: Request, caller: _Person, form: _Form) -> Response:
    """Keep them."""
    service = service_of(request)
    assert caller.session is not None  # noqa: S101  (`person` has looked)
    if "usual" in form:
        prefer(service.database, caller.session.user, Preferences(_language(form)))
        return redirect("/account/keys?note=usual")
    said = Preferences(_language(form), "uses_keys" in form, _changed(form))
    try:
        prefer(service.database, caller.session.user, said)
    except InvalidPreference as error:
        return _page(request, caller, said, error=error)
    return redirect("/account/keys?note=kept")


def _language(form: dict[str, str]) -> str | None:
    said = form.get("language", "")
    return said if said in LANGUAGES else None


def _changed(form: dict[str, str]) -> dict[str, str]:
    """Return the keys that differ from the usual ones; an empty field takes the usual one."""
    said = {each: form.get(f"key-{each.name}", "").strip() or each.key for each in COMMANDS}
    return {each.name: key for each, key in said.items() if key != each.key}


def _page(
    request: Request,
    caller: Caller,
    prefers: Preferences,
    *,
    note: str | None = None,
    error: InvalidPreference | None = None,
) -> Response:
    return render(
        request,
        "keys.html",
        caller=caller,
        status=200 if error is None else 422,
        note=note,
        errors={} if error is None else {"keys": str(error)},
        prefers=prefers,
        rows=[(each, prefers.keys.get(each.name, each.key)) for each in COMMANDS],
    )
