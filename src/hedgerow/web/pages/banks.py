"""Banks and their entries: what is known, who said so, and how often it was wrong."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Final

from fastapi import APIRouter, Depends, Query, Request
from fastapi.responses import Response  # noqa: TC002  (FastAPI reads annotations)

from hedgerow.accounts import Permission
from hedgerow.app.banks import BankChange
from hedgerow.app.serving import bank_pages, banks
from hedgerow.app.serving.bank_pages import COUNTED, PER_PAGE, EntrySearch
from hedgerow.errors import BankExists, EntryNotFound, InvalidBankName, InvalidThreshold, SettingsError
from hedgerow.hashing.signal import LEVELS as EVERY_LEVEL
from hedgerow.web.api.paging import LARGEST_ID, BankName, Number
from hedgerow.web.callers import Caller, allowed, service_of
from hedgerow.web.pages.bank_fields import LEVELS, NOT_WHOLE, TYPES, address, line_of, whole_of
from hedgerow.web.pages.language import marked
from hedgerow.web.pages.rendering import redirect, render
from hedgerow.web.sessions import form_of

if TYPE_CHECKING:
    from collections.abc import Mapping

    from hedgerow.hashing.signal import Level

__all__ = ["Before", "router"]

router = APIRouter(prefix="/banks")

_Reader = Annotated[Caller, Depends(allowed(Permission.BANKS_READ))]
_Writer = Annotated[Caller, Depends(allowed(Permission.BANKS_WRITE))]
_Form = Annotated[dict[str, str], Depends(form_of)]
Before = Annotated[int | None, Query(ge=1, le=LARGEST_ID)]
"""Where a page of a list begins that shows the newest first."""
_Word = Annotated[str, Query(max_length=200, pattern=r"^[^\x00]*$")]
_Count = Annotated[int | None, Query(ge=0, le=LARGEST_ID)]

_NOTES: Final = {
    "created": marked("The bank is there. Now it wants entries."),
    "kept": marked("The settings are kept."),
    "threshold": marked("The threshold is changed. It holds everywhere within a second."),
    "withdrawn": marked("The entry is withdrawn: it matches nothing any more."),
}
_LONGEST_NOTE: Final = 4_000
_MOST_DIGITS: Final = 18
_TOO_LONG: Final = marked("This is longer than can be kept.")


# ── the list ─────────────────────────────────────────────────────────────────────────────────────────────────────


@router.get("")
def show_all(request: Request, caller: _Reader) -> Response:
    """List the banks."""
    return _list_page(request, caller)


@router.post("")
def create(request: Request, caller: _Writer, form: _Form) -> Response:
    """Create a bank."""
    service = service_of(request)
    name, level = line_of(form, "name"), _level_of(form)
    wrong: dict[str, str] = {}
    numbers = {each: whole_of(form, each) for each in ("threshold", "minimum_quality") if line_of(form, each)}
    wrong |= {each: NOT_WHOLE for each, value in numbers.items() if value is None}
    note = _note_of(form, wrong)
    if not wrong:
        try:
            bank = banks.create_bank(service, name, level=level, note=note or None, actor=caller.actor, **numbers)
        except (InvalidBankName, BankExists) as error:
            wrong["name"] = str(error)
        except InvalidThreshold as error:
            wrong["threshold"] = str(error)
        except SettingsError as error:
            wrong["minimum_quality"] = str(error)
        else:
            return redirect(f"/banks/{bank.name}?note=created")
    return _list_page(request, caller, said=form, errors=wrong)


def _list_page(
    request: Request, caller: Caller, *, said: Mapping[str, str] | None = None, errors: Mapping[str, str] | None = None
) -> Response:
    service = service_of(request)
    return render(
        request,
        "banks.html",
        caller=caller,
        status=422 if errors else 200,
        standings=bank_pages.list_bank_standings(service),
        usual={"threshold": service.settings.threshold, "minimum_quality": service.settings.minimum_quality},
        said=said or {},
        errors=errors or {},
        types=TYPES,
        levels=LEVELS,
    )


def _level_of(form: Mapping[str, str]) -> Level:
    said = form.get("level", "")
    return next((level for level in EVERY_LEVEL if level == said), "standard")


def _note_of(form: Mapping[str, str], wrong: dict[str, str]) -> str:
    note = line_of(form, "note")
    if len(note) > _LONGEST_NOTE:
        wrong["note"] = _TOO_LONG
    return note


# ── a bank ───────────────────────────────────────────────────────────────────────────────────────────────────────


@router.get("/{bank}")
def show(  # noqa: PLR0913, PLR0917  (entries are searched in these ways)
    request: Request,
    caller: _Reader,
    bank: BankName,
    find: _Word = "",
    provenance: _Word = "",
    category: _Word = "",
    type: _Word = "",  # noqa: A002  (the field's name)
    withdrawn: _Word = "",
    before: Before = None,
    note: str | None = None,
    added: _Count = None,
    already: _Count = None,
) -> Response:
    """Show a bank, its settings and its entries, or find one of them."""
    if find.isascii() and find.isdecimal() and len(find) <= _MOST_DIGITS:
        try:
            entry = banks.show_entry(service_of(request).database, bank, int(find))
        except EntryNotFound:
            pass  # then it may be a source's own name
        else:
            return redirect(f"/banks/{bank}/entries/{entry.id}")
    asked = {"find": find, "provenance": provenance, "category": category, "type": type, "withdrawn": withdrawn}
    return _bank_page(request, caller, bank, asked, before=before, note=note, taken=(added, already))


@router.post("/{bank}/settings")
def change(request: Request, caller: _Writer, bank: BankName, form: _Form) -> Response:
    """Change a bank's minimum quality, level, note, or whether it is searched."""
    wrong: dict[str, str] = {}
    quality = whole_of(form, "minimum_quality")
    if quality is None:
        wrong["minimum_quality"] = NOT_WHOLE
    note = _note_of(form, wrong)
    if not wrong:
        wanted = BankChange(minimum_quality=quality, is_enabled=form.get("is_enabled") == "yes", level=_level_of(form))
        try:
            banks.change_bank(service_of(request).database, bank, wanted, note=note, actor=caller.actor)
        except SettingsError as error:
            wrong["minimum_quality"] = str(error)
        else:
            return redirect(f"/banks/{bank}?note=kept")
    return _bank_page(request, caller, bank, {}, said=form, errors=wrong)


def _bank_page(  # noqa: PLR0913  (what is asked for, and what a refused form shows again)
    request: Request,
    caller: Caller,
    name: str,
    asked: Mapping[str, str],
    *,
    before: int | None = None,
    note: str | None = None,
    taken: tuple[int | None, int | None] = (None, None),
    said: Mapping[str, str] | None = None,
    errors: Mapping[str, str] | None = None,
) -> Response:
    wanted = EntrySearch(
        provenance=asked.get("provenance") or None,
        category=asked.get("category") or None,
        external_id=asked.get("find") or None,
        signal_type=asked.get("type") or None,
        include_withdrawn=bool(asked.get("withdrawn")),
    )
    shown = bank_pages.bank_page(service_of(request), name, wanted, before=before)
    further = shown.found.before
    return render(
        request,
        "bank.html",
        caller=caller,
        status=422 if errors else 200,
        shown=shown,
        bank=shown.standing.bank,
        asked=asked,
        is_searched=any(asked.values()),
        next=None if further is None else address(f"/banks/{name}", **asked, before=further),
        counted=COUNTED,
        note=_NOTES.get(note or ""),
        taken=taken,
        said=said,
        errors=errors or {},
        types=TYPES,
        levels=LEVELS,
    )


# ── an entry ─────────────────────────────────────────────────────────────────────────────────────────────────────


@router.get("/{bank}/entries/{entry}")
def show_entry(
    request: Request, caller: _Reader, bank: BankName, entry: Number, before: Before = None, note: str | None = None
) -> Response:
    """Show an entry: who said so, and what it matched."""
    return _entry_page(request, caller, bank, entry, before=before, note=_NOTES.get(note or ""))


@router.post("/{bank}/entries/{entry}/withdraw")
def withdraw(request: Request, caller: _Writer, bank: BankName, entry: Number, form: _Form) -> Response:
    """Let an entry match nothing any more."""
    reason = line_of(form, "reason")
    if not reason or len(reason) > _LONGEST_NOTE:
        wrong = _TOO_LONG if reason else marked("Say why: the reason stays with the entry.")
        return _entry_page(request, caller, bank, entry, error=wrong, reason=reason)
    banks.withdraw(service_of(request).database, bank, entry, reason=reason, actor=caller.actor)
    return redirect(f"/banks/{bank}/entries/{entry}?note=withdrawn")


def _entry_page(
    request: Request,
    caller: Caller,
    name: str,
    number: int,
    *,
    before: int | None = None,
    note: str | None = None,
    error: str | None = None,
    reason: str = "",
) -> Response:
    shown = bank_pages.entry_page(service_of(request).database, name, number, before=before)
    matches = shown.matches[:PER_PAGE]
    more = f"/banks/{name}/entries/{number}?before={matches[-1].id}" if len(shown.matches) > PER_PAGE else None
    return render(
        request,
        "bank_entry.html",
        caller=caller,
        status=422 if error else 200,
        shown=shown,
        bank=shown.bank,
        entry=shown.entry,
        matches=matches,
        next=more,
        note=note,
        errors={"reason": error} if error else {},
        reason=reason,
        types=TYPES,
    )
