"""Banks: create, fill, list, prune and write them out."""

from __future__ import annotations

from base64 import b64encode
from typing import TYPE_CHECKING, Annotated, Any, Final, Literal

from fastapi import APIRouter, Depends, Query, Request
from fastapi.concurrency import run_in_threadpool
from fastapi.responses import StreamingResponse
from pydantic import TypeAdapter, ValidationError

from hedgerow.accounts import Permission
from hedgerow.app.banks import BankChange
from hedgerow.app.hashing import caution_object, media_object, unchecked_object
from hedgerow.app.serving import banks
from hedgerow.app.signals import GivenFrame
from hedgerow.banks import Attributes, ReadOptions
from hedgerow.errors import InvalidRequest, PermissionDenied
from hedgerow.web.api.models_of_banks import (
    AboutMedia,
    AddedMediaOut,
    AddedOut,
    BankChangeIn,
    BankOut,
    CountedBankOut,
    EntriesIn,
    EntryIn,
    EntryOut,
    ImportOut,
    LooseEntriesIn,
    NewBankIn,
    WithdrawalIn,
    WithdrawnOut,
)
from hedgerow.web.api.paging import (
    USUAL,
    BankName,
    Cursor,
    Limit,
    Number,
    Page,
    id_after,
    paged,
    read_cursor,
)
from hedgerow.web.bodies import MEDIA_FIELD, BoundedRoute, incoming, incoming_folder, small_body, whole_body
from hedgerow.web.callers import Caller, allowed, service_of
from hedgerow.web.problems import field_problems, responses_of

if TYPE_CHECKING:
    from collections.abc import Mapping

    from hedgerow.app.service import Media, Service
    from hedgerow.banks import Added

__all__ = ["router"]

router = APIRouter(prefix="/banks", tags=["banks"], route_class=BoundedRoute)

_Reader = Annotated[Caller, Depends(allowed(Permission.BANKS_READ))]
_Writer = Annotated[Caller, Depends(allowed(Permission.BANKS_WRITE))]
_Exporter = Annotated[Caller, Depends(allowed(Permission.BANKS_EXPORT))]
_Type = Literal["pdq", "vpdq", "md5", "sha1", "sha256"]


# ── banks ────────────────────────────────────────────────────────────────────────────────────────────────────────


@router.get("", summary="List the banks", response_model=Page[BankOut], responses=responses_of())
def list_banks(request: Request, _caller: _Reader, limit: Limit = USUAL, cursor: Cursor = None) -> dict[str, Any]:
    """List the banks by name."""
    after = None if cursor is None else read_cursor(cursor, str)[0]
    found = banks.list_banks(service_of(request).database, after=after, limit=limit + 1)
    return paged(found, limit, lambda bank: (bank.name,))


@router.post(
    "", summary="Create a bank", status_code=201, response_model=BankOut, responses=responses_of(408, 409, 413)
)
def create_bank(request: Request, caller: _Writer, new: NewBankIn) -> Any:  # noqa: ANN401  (what BankOut reads)
    """Create a bank. What is not said comes from the settings."""
    return banks.create_bank(
        service_of(request),
        new.name,
        threshold=new.threshold,
        minimum_quality=new.minimum_quality,
        level=new.level,
        note=new.note,
        actor=caller.actor,
    )


@router.get("/{bank}", summary="Show a bank", response_model=CountedBankOut, responses=responses_of(404))
def show_bank(request: Request, _caller: _Reader, bank: BankName) -> dict[str, Any]:
    """Show a bank, and count what is in it; of a bank of millions that takes a second."""
    found = banks.show_bank(service_of(request).database, bank)
    told = BankOut.model_validate(found.bank).model_dump()
    return {**told, "live": found.live, "withdrawn": found.withdrawn}


@router.patch("/{bank}", summary="Change a bank", response_model=BankOut, responses=responses_of(404, 408, 413))
def change_bank(request: Request, caller: _Writer, bank: BankName, change: BankChangeIn) -> Any:  # noqa: ANN401  (as above)
    """Change a bank; what is left out stays. It holds everywhere within a second."""
    wanted = BankChange(change.threshold, change.minimum_quality, change.is_enabled, change.level)
    return banks.change_bank(service_of(request).database, bank, wanted, note=change.note, actor=caller.actor)


# ── entries ──────────────────────────────────────────────────────────────────────────────────────────────────────


@router.get("/{bank}/entries", summary="List entries", response_model=Page[EntryOut], responses=responses_of(404))
def list_entries(
    request: Request,
    caller: _Reader,
    bank: BankName,
    type: Annotated[_Type | None, Query(description="Only of this signal type.")] = None,  # noqa: A002  (the field's name)
    withdrawn: Annotated[bool, Query(description="Withdrawn entries too.")] = False,  # noqa: FBT002  (a query)
    values: Annotated[  # noqa: FBT002  (a query)
        bool, Query(description="Signal values too: that needs `banks.export`, and is recorded as an export.")
    ] = False,
    limit: Limit = USUAL,
    cursor: Cursor = None,
) -> dict[str, Any]:
    """List a bank's entries in the order of their latest change. Signal values are left out unless asked for."""
    if values and Permission.BANKS_EXPORT not in caller.permissions:
        raise PermissionDenied(str(Permission.BANKS_EXPORT))
    found = banks.list_entries(
        service_of(request).database,
        bank,
        after=id_after(cursor),
        limit=limit + 1,
        signal_type=type,
        include_withdrawn=withdrawn,
        with_values=values,
        actor=caller.actor,
    )
    return paged(found, limit, lambda entry: (entry.sequence,))


@router.get("/{bank}/entries/{entry}", summary="Show an entry", response_model=EntryOut, responses=responses_of(404))
def show_entry(request: Request, _caller: _Reader, bank: BankName, entry: Number) -> Any:  # noqa: ANN401  (as above)
    """Show an entry, live or withdrawn, without its value."""
    return banks.show_entry(service_of(request).database, bank, entry)


_ENTRY_LIST: Final = TypeAdapter(list[EntryIn])


@router.post(
    "/{bank}/entries",
    summary="Add ready-made signals",
    response_model=AddedOut,
    responses=responses_of(404, 408, 413),
    openapi_extra={
        "requestBody": {
            "required": True,
            "content": {
                "application/json": {
                    "schema": EntriesIn.model_json_schema(ref_template="#/components/schemas/{model}"),
                    "examples": {
                        "one": {
                            "summary": "A PDQ with its category",
                            "value": {"entries": [{"type": "pdq", "value": "f8" * 32, "category": "A1"}]},
                        }
                    },
                }
            },
        }
    },
)
async def add_entries(request: Request, caller: _Writer, bank: BankName) -> dict[str, Any]:
    """Add signals that were made elsewhere. Each that does not fit is answered with its reason; the others are added.

    They are written some thousand at a time, so that others can write between. Send again whatever you got no answer
    to: what the bank holds already is counted and left as it is.
    """
    service = service_of(request)
    body = await small_body(request, service.settings.server.batch_bytes)
    return await run_in_threadpool(_add_entries, service, caller, bank, body)


def _add_entries(service: Service, caller: Caller, bank: str, body: bytes) -> dict[str, Any]:
    given = _read_entries(body, caller, service.settings.server.batch)
    added, refused = banks.add_entries(service.database, bank, given, actor=caller.actor)
    return _added(added, [{"position": position, "reason": reason} for position, reason in refused])


def _added(added: Added, refused: list[dict[str, Any]]) -> dict[str, Any]:
    return {"added": added.added, "already_there": added.already_there, "refused": refused}


def _read_entries(body: bytes, caller: Caller, most: int) -> list[banks.GivenEntry | str]:
    """Read a batch; one that does not fit stops no other."""
    try:
        loose = LooseEntriesIn.model_validate_json(body).entries
    except ValidationError:
        raise InvalidRequest("it is an object with a list `entries` that is not empty, and nothing else") from None
    if len(loose) > most:
        raise InvalidRequest(f"a batch has at most {most:,} entries")
    told: dict[tuple[Any, ...], Attributes] = {}
    default = _default_provenance(caller)
    try:
        return [_given(each, told, default) for each in _ENTRY_LIST.validate_python(loose)]
    except ValidationError:
        return [_given_or_why(each, told, default) for each in loose]


def _given_or_why(each: object, told: dict[tuple[Any, ...], Attributes], default: str) -> banks.GivenEntry | str:
    try:
        return _given(EntryIn.model_validate(each), told, default)
    except ValidationError as error:
        problem = field_problems(error.errors(include_input=False, include_url=False))[0]
        return f"{problem.field}: {problem.problem}"


def _given(each: EntryIn, told: dict[tuple[Any, ...], Attributes], default: str) -> banks.GivenEntry:
    key = (
        each.provenance or default,
        each.contributor,
        each.external_id,
        each.category,
        each.note,
        each.may_be_redistributed,
    )
    attributes = told.get(key)
    if attributes is None:  # entries about which the same is said are written faster when they share it
        attributes = told[key] = Attributes(*key)
    frames = [GivenFrame(frame.pdq, frame.quality, frame.time_s) for frame in each.frames or ()]
    return banks.GivenEntry(each.type, each.value, each.quality, frames, each.duration_s, attributes)


def _default_provenance(caller: Caller) -> str:
    """Say where something comes from of which nobody said so: from a person, or out of somebody's system."""
    return "import" if caller.user_id is None else "person"


_TYPES: Final = frozenset(("pdq", "vpdq", "md5", "sha1", "sha256"))


@router.post(
    "/{bank}/media",
    summary="Bank media",
    response_model=AddedMediaOut,
    responses=responses_of(404, 408, 413),
    openapi_extra={
        "requestBody": {
            "required": True,
            "content": {
                "multipart/form-data": {
                    "schema": {
                        "type": "object",
                        "required": [MEDIA_FIELD],
                        "properties": {
                            MEDIA_FIELD: {"type": "string", "format": "binary", "description": "A picture or video."},
                            "types": {
                                "type": "string",
                                "description": "Signal types, with commas between them. Without it: `pdq`, which gives "
                                "a picture its PDQ and a video its vPDQ.",
                                "examples": ["pdq,sha256"],
                            },
                            **{
                                name: {"type": "string", "maxLength": size}
                                for name, size in (
                                    ("contributor", 200),
                                    ("external_id", 200),
                                    ("category", 100),
                                    ("note", 4_000),
                                )
                            },
                        },
                    }
                }
            },
        }
    },
)
async def add_media(request: Request, caller: _Writer, bank: BankName) -> dict[str, Any]:
    """Hash media in full and add its signals to a bank. The media itself is not kept.

    What cannot be looked at is answered too: `unchecked` says why, and nothing was added.
    """
    service = service_of(request)
    async with incoming(request) as came:
        if came.media is None:
            raise InvalidRequest(f"the media is the file {MEDIA_FIELD} of a form, or the whole body")
        said = came.read(AboutMedia)
        types = tuple(each.strip() for each in said.types.split(","))
        if not set(types) <= _TYPES:
            raise InvalidRequest(f"the signal types are {', '.join(sorted(_TYPES))}")
        attributes = Attributes(
            _default_provenance(caller), said.contributor, said.external_id, said.category, said.note
        )
        done = await run_in_threadpool(
            banks.add_media, service, bank, came.media, types=types, attributes=attributes, actor=caller.actor
        )
    refused = [{"position": each.position, "reason": each.reason} for each in done.added.refused]
    return {
        **_added(done.added, refused),
        "unchecked": unchecked_object(done.hashed.unchecked),
        "caution": caution_object(done.hashed),
        "media": media_object(done.hashed.media),
    }


@router.post(
    "/{bank}/withdrawals",
    summary="Withdraw an entry",
    response_model=WithdrawnOut,
    responses=responses_of(404, 408, 413),
)
def withdraw(request: Request, caller: _Writer, bank: BankName, asked: WithdrawalIn) -> dict[str, Any]:
    """Let an entry match nothing any more, everywhere within a second. Its row stays, with the reason."""
    if (asked.entry is None) == (asked.value is None):
        raise InvalidRequest("it names the entry, or its value, and one of them only")
    named = asked.entry if asked.value is None else asked.value
    assert named is not None  # noqa: S101  (one of both)
    numbers = banks.withdraw(service_of(request).database, bank, named, reason=asked.reason, actor=caller.actor)
    return {"withdrawn": numbers}


# ── lists ────────────────────────────────────────────────────────────────────────────────────────────────────────

_LIST_BODY: Final[Mapping[str, Any]] = {
    "requestBody": {
        "required": True,
        "content": {
            "text/plain": {
                "schema": {"type": "string"},
                "examples": {"text": {"summary": "A signal a line", "value": "pdq " + "f8" * 32 + "\n"}},
            },
            "application/octet-stream": {"schema": {"type": "string", "format": "binary"}},
        },
    }
}


@router.post(
    "/{bank}/imports",
    summary="Import a list",
    response_model=ImportOut,
    responses=responses_of(404, 408, 413),
    openapi_extra=dict(_LIST_BODY),
)
async def import_list(  # noqa: PLR0913, PLR0917  (a list is read in these ways)
    request: Request,
    caller: _Writer,
    bank: BankName,
    format: Annotated[  # noqa: A002  (the word that users type)
        Literal["text", "csv", "jsonl", "vpdq", "vpdq-json", "vic", "caid", "icse"] | None,
        Query(description="Without it, the content tells."),
    ] = None,
    type: Annotated[  # noqa: A002  (the field's name)
        _Type | None, Query(description="Of values that name none. Without it, their length tells.")
    ] = None,
    provenance: Annotated[
        str | None,
        Query(min_length=1, max_length=100, pattern=r"^[^\x00-\x1f]*$", description="Of lines that say none."),
    ] = None,
    category: Annotated[
        str | None, Query(max_length=100, pattern=r"^[^\x00-\x1f]*$", description="Of lines that say none.")
    ] = None,
    name: Annotated[
        str | None,
        Query(max_length=200, pattern=r"^[^\x00-\x1f]*$", description="What a list that is one video is called."),
    ] = None,
    categories: Annotated[
        str | None,
        Query(
            max_length=100,
            pattern=r"^(1|2|3|baseline)(,(1|2|3|baseline))*$",
            description="Of Project VIC and CAID, which are taken, such as `1,2`; without it `1,2,3`. `baseline` for "
            "nothing else of ICSE.",
        ),
    ] = None,
    readmit: Annotated[  # noqa: FBT002  (a query)
        bool, Query(description="Whether signals that were withdrawn from this bank come back.")
    ] = False,
) -> Any:  # noqa: ANN401  (what ImportOut reads)
    """Add the signals of a list: the whole body, in any of the formats of `hedgerow bank import`.

    It is written some thousand lines at a time, so that others can write between; each step has its line in the audit.
    Where it is cut off, what was added stays: send the list again, and what is missing is added.
    """
    service = service_of(request)
    options = ReadOptions(
        format=format,
        signal_type=type,
        attributes=Attributes(provenance=provenance or "import", category=category),
        line_bytes=service.settings.imports.line_bytes,
        name=name,
        categories=None if categories is None else tuple(categories.split(",")),
    )
    async with whole_body(request) as source:
        return await run_in_threadpool(_import, service, bank, source, options, readmit, caller.actor)


def _import(
    service: Service,
    bank: str,
    source: Media,
    options: ReadOptions,
    readmit: bool,  # noqa: FBT001  (passed on)
    actor: str,
) -> Any:  # noqa: ANN401  (as above)
    return banks.import_bank(service, bank, source, options=options, readmit_withdrawn=readmit, actor=actor)


_MEDIA_TYPES: Final = {
    "jsonl": "application/jsonl",
    "csv": "text/csv",
    "text": "text/plain",
    "vic": "application/json",
    "vic-1.3": "application/json",
    "icse": "text/csv",
}
_BODIES: Final = {each: "object" if each == "application/json" else "string" for each in _MEDIA_TYPES.values()}
_ENDINGS: Final = {"vic": "json", "vic-1.3": "json", "icse": "csv"}
"""Of names of files, where these are not the format's own."""


@router.get(
    "/{bank}/export",
    summary="Take a bank out",
    response_class=StreamingResponse,
    responses={
        **responses_of(404),
        200: {
            "description": "The bank's live entries, as they were at one moment.",
            "content": {each: {"schema": {"type": kind}} for each, kind in _BODIES.items()},
        },
    },
)
def export_bank(
    request: Request,
    caller: _Exporter,
    bank: BankName,
    format: Annotated[  # noqa: A002  (the word that users type)
        Literal["jsonl", "csv", "text", "vic", "vic-1.3", "icse"], Query()
    ] = "jsonl",
    redistributable: Annotated[  # noqa: FBT002  (a query)
        bool, Query(description="Only what its source allows to be passed on, whatever else is said.")
    ] = False,
    own_backup: Annotated[  # noqa: FBT002  (a query)
        bool, Query(description="All of it: a backup of your own, which does not leave your house. That is on record.")
    ] = False,
) -> StreamingResponse:
    """Write a bank's live entries out, with their values. It is on record before the first of them leaves.

    Where entries may not be passed on, it has to be said whether they are left out or the export stays in the house.
    The header `hedgerow-manifest` holds the signed manifest, as base64 of its JSON: keep it beside the file, as
    `hedgerow bank verify-manifest` reads it.
    """
    service = service_of(request)
    file_name = f"{bank}.{_ENDINGS.get(format, format)}"
    exported = banks.export_bank(
        service,
        bank,
        incoming_folder(service.settings),
        file_name,
        form=format,
        right="redistributable" if redistributable else "own_backup" if own_backup else "unsaid",
        actor=caller.actor,
    )
    headers = {
        "content-length": str(exported.spooled.size_bytes),
        "content-disposition": f'attachment; filename="{file_name}"',
        "hedgerow-manifest": b64encode(exported.manifest.text().encode()).decode("ascii"),
    }
    return StreamingResponse(iter(exported.spooled), media_type=_MEDIA_TYPES[format], headers=headers)
