"""Put something into a bank: a file, what an address gives, signals as text, or a whole list."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Final

from fastapi import APIRouter, Depends, Request
from fastapi.responses import Response  # noqa: TC002  (FastAPI reads annotations)

from hedgerow.accounts import Permission
from hedgerow.app.serving import banks
from hedgerow.banks import Attributes, ReadOptions
from hedgerow.errors import FetchError, ImportUnreadable, ServiceBusy
from hedgerow.web.api.paging import BankName  # noqa: TC001  (FastAPI reads annotations)
from hedgerow.web.callers import Caller, allowed, service_of
from hedgerow.web.pages.bank_fields import NOT_WHOLE, TYPES, address, attributes_of, line_of, whole_of
from hedgerow.web.pages.language import marked
from hedgerow.web.pages.rendering import redirect, render
from hedgerow.web.pages.uploads import Upload, UploadRoute
from hedgerow.web.sessions import form_of

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from hedgerow.app.serving.banks import AddedMedia
    from hedgerow.banks import Added, ImportReport

__all__ = ["router"]

router = APIRouter(prefix="/banks/{bank}", route_class=UploadRoute)

_Writer = Annotated[Caller, Depends(allowed(Permission.BANKS_WRITE))]
_Form = Annotated[dict[str, str], Depends(form_of)]

_MOST_LINES: Final = 500
"""Signals that are typed or pasted; a list of more is a file."""
_LONGEST_LINE: Final = 200
_BY_LENGTH: Final = {32: "md5", 40: "sha1", 64: "pdq"}
"""Hex digits → type, where nobody says it: as lists have it (`hedgerow.banks.formats`)."""
_TYPED: Final = frozenset({"pdq", "md5", "sha1", "sha256"})
_FORMATS: Final = ("text", "csv", "jsonl", "vpdq", "vpdq-json", "vic", "caid", "icse")
_SHOWN_REJECTIONS: Final = 200
_NO_FILE: Final = marked("Choose a file.")
_NO_ADDRESS: Final = marked("Enter an address.")
_NO_SIGNAL: Final = marked("Enter at least one signal.")
_TOO_MANY: Final = marked("These are too many to be typed: import them as a list.")
_REFUSED: Final = marked("These were not added; the others were. Each line says why.")


# ── one thing after another ──────────────────────────────────────────────────────────────────────────────────────


@router.get("/add")
def show_adding(request: Request, caller: _Writer, bank: BankName) -> Response:
    """Show the ways in which something comes into a bank."""
    return _add_page(request, caller, bank)


@router.post("/add/file")
def add_file(request: Request, caller: _Writer, bank: BankName, came: Upload) -> Response:
    """Hash a file and add its signals. The file itself is not kept."""
    if came.media is None or not came.media.size_bytes:
        return _add_page(request, caller, bank, way="file", said=came.fields, errors={"media": _NO_FILE})
    try:
        done = banks.add_media(
            service_of(request), bank, came.media, attributes=attributes_of(came.fields), actor=caller.actor
        )
    except ServiceBusy as error:
        return _add_page(request, caller, bank, way="file", said=came.fields, errors={"media": str(error)})
    return _after_media(request, caller, bank, done, came.fields, "file", "media")


@router.post("/add/address")
def add_address(request: Request, caller: _Writer, bank: BankName, form: _Form) -> Response:
    """Fetch media from an address, where fetching is on, and add its signals."""
    service = service_of(request)
    url = line_of(form, "url")
    wrong = _NO_ADDRESS
    if url:
        try:
            with service.fetched(url) as media:
                done = banks.add_media(service, bank, media, attributes=attributes_of(form), actor=caller.actor)
        except (FetchError, ServiceBusy) as error:
            if not service.settings.fetch.enabled:  # then the page has no field at which it could be said
                raise
            wrong = str(error)
        else:
            return _after_media(request, caller, bank, done, form, "address", "url")
    return _add_page(request, caller, bank, way="address", said=form, errors={"url": wrong})


def _after_media(
    request: Request, caller: Caller, bank: str, done: AddedMedia, said: Mapping[str, object], way: str, field: str
) -> Response:
    unchecked = done.hashed.unchecked
    why = None if unchecked is None else str(unchecked.detail)
    if why is None and done.added.refused:
        why = str(done.added.refused[0].reason)
    if why is None:
        return redirect(_done(bank, done.added))
    return _add_page(request, caller, bank, way=way, said=said, errors={field: why})


@router.post("/add/signals")
def add_signals(request: Request, caller: _Writer, bank: BankName, form: _Form) -> Response:
    """Add signals that somebody typed, a line each."""
    lines = [each.strip() for each in line_of(form, "signals").splitlines() if each.strip()]
    if not lines or len(lines) > _MOST_LINES:
        wrong = {"signals": _TOO_MANY if lines else _NO_SIGNAL}
        return _add_page(request, caller, bank, way="signals", said=form, errors=wrong)
    said, kind, quality = attributes_of(form), form.get("type", ""), whole_of(form, "quality")
    if quality is None and line_of(form, "quality"):
        return _add_page(request, caller, bank, way="signals", said=form, errors={"quality": NOT_WHOLE})
    given = [_given(each, kind, quality, said) for each in lines]
    added, refused = banks.add_entries(service_of(request).database, bank, given, actor=caller.actor)
    if not refused:
        return redirect(_done(bank, added))
    kept = {**form, "signals": "\n".join(lines[place] for place, _ in refused)}
    reasons = [(number, reason) for number, (_, reason) in enumerate(refused, 1)]
    wrong = {"signals": _REFUSED}
    return _add_page(request, caller, bank, way="signals", said=kept, errors=wrong, refused=reasons, added=added)


def _given(line: str, kind: str, quality: int | None, said: Attributes) -> banks.GivenEntry | str:
    """Read ``pdq f8f8…`` or ``f8f8…``; a text says why it is neither."""
    words = line.split()
    if len(words) == 2 and words[0].lower() in _TYPED:  # noqa: PLR2004  (a type and a value)
        kind, value = words[0].lower(), words[1]
    elif len(words) == 1:
        kind, value = kind if kind in _TYPED else _BY_LENGTH.get(len(words[0]), ""), words[0]
    else:
        return "it is no signal, with its type before it or alone"
    if not kind or len(value) > _LONGEST_LINE:
        return "its length is that of no signal"
    return banks.GivenEntry(kind, value, quality if kind == "pdq" else None, attributes=said)


def _done(bank: str, added: Added) -> str:
    return f"/banks/{bank}?added={added.added}&already={added.already_there}"


def _add_page(
    request: Request,
    caller: Caller,
    name: str,
    *,
    way: str = "",
    said: Mapping[str, object] | None = None,
    errors: Mapping[str, str] | None = None,
    refused: Sequence[tuple[int, str]] = (),
    added: Added | None = None,
) -> Response:
    service = service_of(request)
    return render(
        request,
        "bank_add.html",
        caller=caller,
        status=422 if errors else 200,
        bank=banks.show_bank_alone(service.database, name),
        said={each: said or {} if each == way else {} for each in ("file", "address", "signals")},
        errors=errors or {},
        refused=refused,
        added=added,
        types={name: text for name, text in TYPES.items() if name in _TYPED},
        may_fetch=service.settings.fetch.enabled,
    )


# ── a list ───────────────────────────────────────────────────────────────────────────────────────────────────────


@router.get("/import")
def show_importing(request: Request, caller: _Writer, bank: BankName) -> Response:
    """Show how a list is taken in."""
    return _import_page(request, caller, bank)


@router.post("/import")
def import_list(request: Request, caller: _Writer, bank: BankName, came: Upload) -> Response:
    """Add the signals of a list, and say which of its lines were not taken."""
    service, said = service_of(request), came.fields
    if came.media is None or not came.media.size_bytes:
        return _import_page(request, caller, bank, said=said, errors={"media": _NO_FILE})
    form, kind = line_of(said, "format"), line_of(said, "type")
    options = ReadOptions(
        format=form if form in _FORMATS else None,
        signal_type=kind if kind in TYPES else None,
        attributes=Attributes(
            line_of(said, "provenance") or "import", category=line_of(said, "category"), note=line_of(said, "note")
        ),
        line_bytes=service.settings.imports.line_bytes,
        categories=_listed(line_of(said, "categories")),
    )
    try:
        report = banks.import_bank(
            service, bank, came.media, options=options, readmit_withdrawn="readmit" in said, actor=caller.actor
        )
    except ImportUnreadable as error:
        return _import_page(request, caller, bank, said=said, errors={"media": str(error)})
    if not (report.rejected or report.passed_over):
        return redirect(address(f"/banks/{bank}", added=str(report.added), already=str(report.already_there)))
    # No redirect: the report lies nowhere, and to send the same list again adds nothing.
    return _import_page(request, caller, bank, said=said, report=report)


def _listed(text: str) -> tuple[str, ...] | None:
    return tuple(each.strip() for each in text.split(",")) if text else None


def _import_page(
    request: Request,
    caller: Caller,
    name: str,
    *,
    said: Mapping[str, object] | None = None,
    errors: Mapping[str, str] | None = None,
    report: ImportReport | None = None,
) -> Response:
    return render(
        request,
        "bank_import.html",
        caller=caller,
        status=422 if errors else 200,
        bank=banks.show_bank_alone(service_of(request).database, name),
        said=said or {},
        errors=errors or {},
        report=report,
        shown=_SHOWN_REJECTIONS,
        types=TYPES,
        formats=_FORMATS,
    )
