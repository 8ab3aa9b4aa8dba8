"""API keys: what programs show instead of a password. Listed, made, revoked; a text is shown once."""

from __future__ import annotations

from datetime import UTC, datetime, time, timedelta
from typing import TYPE_CHECKING, Annotated, Final

from fastapi import APIRouter, Depends, Query, Request
from fastapi.responses import Response  # noqa: TC002  (FastAPI reads annotations)

from hedgerow.accounts import SCOPES, Permission
from hedgerow.app import now
from hedgerow.app.serving import accounts
from hedgerow.errors import InvalidKey, UnknownScope
from hedgerow.web.api.paging import LARGEST_ID, Number
from hedgerow.web.callers import Caller, allowed, service_of
from hedgerow.web.pages.bank_fields import NOT_WHOLE, address, whole_of
from hedgerow.web.pages.days import NO_DAY, day_of
from hedgerow.web.pages.language import marked
from hedgerow.web.pages.rendering import redirect, render
from hedgerow.web.sessions import base_address, form_of

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["SCOPE_WORDS", "router"]

router = APIRouter(prefix="/api-keys")

SCOPE_WORDS: Final = {
    "screen": marked("Send uploads to be screened: matches become cases. What a platform needs."),
    "match": marked("Look media or hashes up, without leaving a trace in cases."),
    "hash": marked("Have media hashed."),
    "lookback": marked("Look for what was uploaded before it was known."),
    "cases.read": marked("See cases: states, matches, machine facts. Neither media nor texts."),
    "banks.read": marked("See banks and entries, without the hashes."),
    "banks.write": marked("Make and change banks; add, import and withdraw entries."),
    "exchanges.read": marked("See exchanges with partners, their fetches and errors."),
    "exchanges.write": marked("Set exchanges up, with credentials that nobody can read back."),
    "sharing.read": marked("Read the lists that you share with this key. What another Hedgerow needs."),
    "deliveries.read": marked("See what was sent to the platform, and what is not confirmed."),
    "metrics.read": marked("Read the metrics, for monitoring."),
    "insight.read": marked("Read figures: backlog, times, agreement."),
    "hma": marked("Use the door that speaks HMA’s interface."),
}
"""What a key may be given, as `hedgerow.accounts.Permission` says it, the usual ones first."""

_PER_PAGE: Final = 100
_NOTES: Final = {"revoked": marked("The key works nowhere any more within a second.")}
_NO_SCOPE: Final = marked("Choose at least one thing that it may do.")

_Form = Annotated[dict[str, str], Depends(form_of)]
_Keeper = Annotated[Caller, Depends(allowed(Permission.KEYS_MANAGE))]


@router.get("")
def show(
    request: Request,
    caller: _Keeper,
    after: Annotated[int, Query(ge=0, le=LARGEST_ID)] = 0,
    note: Annotated[str, Query(max_length=20)] = "",
) -> Response:
    """List the keys, revoked ones too."""
    return _page(request, caller, after=after, note=_NOTES.get(note))


@router.post("")
def make(request: Request, caller: _Keeper, form: _Form) -> Response:
    """Make a key, and show its text this once."""
    scopes = [each for each in SCOPE_WORDS if f"scope-{each}" in form and each in SCOPES]
    errors: dict[str, str] = {} if scopes else {"scopes": _NO_SCOPE}
    limit = whole_of(form, "requests_per_minute")
    if limit is None and form.get("requests_per_minute", "").strip():
        errors["requests_per_minute"] = NOT_WHOLE
    last = form.get("last_day", "").strip()
    expires_at = None
    if last:
        try:
            expires_at = datetime.combine(day_of(last) + timedelta(days=1), time(), UTC)
        except ValueError:
            errors["last_day"] = NO_DAY
    if errors:
        return _page(request, caller, said=form, errors=errors)
    try:
        made = accounts.add_key(
            service_of(request).database,
            form.get("name", "").strip(),
            scopes=scopes,
            namespace=form.get("namespace", "").strip(),
            requests_per_minute=limit,
            expires_at=expires_at,
            actor=caller.actor,
        )
    except (InvalidKey, UnknownScope) as error:
        return _page(request, caller, said=form, errors={"key": str(error)})
    return render(request, "api_key_made.html", caller=caller, made=made, base=base_address(request))


@router.post("/{key}/revoke")
def revoke(request: Request, caller: _Keeper, key: Number) -> Response:
    """Revoke a key for good."""
    accounts.revoke_key(service_of(request).database, key, actor=caller.actor)
    return redirect("/api-keys?note=revoked")


def _page(
    request: Request,
    caller: Caller,
    *,
    after: int = 0,
    note: str | None = None,
    said: Mapping[str, str] | None = None,
    errors: Mapping[str, str] | None = None,
) -> Response:
    found = accounts.list_keys(service_of(request).database, after=after, limit=_PER_PAGE + 1)
    shown = found[:_PER_PAGE]
    return render(
        request,
        "api_keys.html",
        caller=caller,
        status=422 if errors else 200,
        found=shown,
        next=address("/api-keys", after=shown[-1].id) if len(found) > _PER_PAGE else None,
        scopes=SCOPE_WORDS,
        now=now(),
        note=note,
        said=said or {"scope-screen": "1"},
        errors=errors or {},
    )
