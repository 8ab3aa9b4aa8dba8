"""The audit log: read it, take it out, verify it."""

from __future__ import annotations

from datetime import datetime  # noqa: TC003  (pydantic reads the annotation)
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Query, Request
from fastapi.responses import StreamingResponse
from pydantic import Field

from hedgerow.accounts import Permission
from hedgerow.app.serving import audit
from hedgerow.web.api.paging import LARGEST_ID, USUAL, Cursor, Limit, Out, Page, id_after, paged
from hedgerow.web.bodies import incoming_folder
from hedgerow.web.callers import Caller, allowed, service_of
from hedgerow.web.problems import responses_of

__all__ = ["router"]

router = APIRouter(prefix="/audit", tags=["audit"])

_Reader = Annotated[Caller, Depends(allowed(Permission.AUDIT_READ))]
_Exporter = Annotated[Caller, Depends(allowed(Permission.AUDIT_EXPORT))]
_Word = Annotated[str | None, Query(max_length=160, pattern=r"^[^\x00]*$")]


class AuditEntryOut(Out):
    """One link of the chain."""

    sequence: int
    at: datetime
    actor: str = Field(examples=["user:3", "key:5", "system", "cli"])
    action: str = Field(examples=["bank.created"])
    subject_type: str
    subject_id: str | None
    details: dict[str, Any] = Field(description="Ids, counts, words.")
    previous_hash: str
    hash: str = Field(description="SHA-256 of its line without its hash, as hex digits.")


class HeadOut(Out):
    """The latest entry."""

    sequence: int = Field(description="0 before the first.")
    hash: str
    key_id: str | None = Field(description="Of the key that signs checkpoints.")


class CheckpointOut(Out):
    """A signed statement that the chain had this entry at its head then."""

    sequence: int
    hash: str
    at: datetime
    key_id: str
    signature: str = Field(description="Ed25519, as hex digits.")


class FindingOut(Out):
    """One thing that is wrong, or that could not be checked."""

    wrong: str = Field(examples=["changed"])
    sequence: int | None
    sentence: str


class VerificationOut(Out):
    """What came of a verification."""

    is_sound: bool = Field(description="Whether everything was checked and nothing is wrong.")
    is_broken: bool = Field(description="Whether something is wrong, and not merely unchecked.")
    entries: int = Field(description="How many entries hold, from the first on.")
    held: list[int] = Field(description="The entries whose checkpoints hold.")
    findings: list[FindingOut]


@router.get("/entries", summary="List entries", response_model=Page[AuditEntryOut], responses=responses_of())
def list_entries(
    request: Request,
    _caller: _Reader,
    subject_type: _Word = None,
    subject_id: _Word = None,
    actor: _Word = None,
    action: _Word = None,
    limit: Limit = USUAL,
    cursor: Cursor = None,
) -> dict[str, Any]:
    """List entries in their order, those of one subject, actor or action if asked for."""
    found = audit.list_entries(
        service_of(request).database,
        subject_type=subject_type,
        subject_id=subject_id,
        actor=actor,
        action=action,
        after=id_after(cursor),
        limit=limit + 1,
    )
    page = paged(found, limit, lambda entry: (entry.sequence,))
    plain = ("sequence", "at", "actor", "action", "subject_type", "subject_id", "details")
    items = [
        {name: getattr(entry, name) for name in plain}
        | {"previous_hash": entry.previous_hash.hex(), "hash": entry.hash.hex()}
        for entry in page["items"]
    ]
    return {**page, "items": items}


@router.get("/head", summary="Show the latest entry", response_model=HeadOut, responses=responses_of())
def show_head(request: Request, _caller: _Reader) -> dict[str, Any]:
    """Show the number and hash of the latest entry."""
    head = audit.read_head(service_of(request).database)
    return {"sequence": head.sequence, "hash": head.hash.hex(), "key_id": head.key_id}


@router.get("/checkpoints", summary="List checkpoints", response_model=Page[CheckpointOut], responses=responses_of())
def list_checkpoints(request: Request, _caller: _Reader, limit: Limit = USUAL, cursor: Cursor = None) -> dict[str, Any]:
    """List the checkpoints in the order of their making. Keep copies of them elsewhere."""
    after = id_after(cursor)
    found = audit.list_checkpoints(service_of(request).database, after=after, limit=limit + 1)
    page = paged(found, limit, lambda each: (each[0],))
    items = [
        {
            "sequence": each.sequence,
            "hash": each.hash.hex(),
            "at": each.at,
            "key_id": each.key_id,
            "signature": each.signature.hex(),
        }
        for _, each in page["items"]
    ]
    return {**page, "items": items}


@router.get(
    "/export",
    summary="Take the log out",
    response_class=StreamingResponse,
    responses={
        **responses_of(404),
        200: {
            "description": "The published lines, the header first.",
            "content": {"application/jsonl": {"schema": {"type": "string"}}},
        },
    },
)
def export_audit(
    request: Request,
    caller: _Exporter,
    first: Annotated[int, Query(ge=1, le=LARGEST_ID, description="The number of the entry to begin with.")] = 1,
) -> StreamingResponse:
    """Write the chain out as `hedgerow audit verify` reads it. That it was exported is an entry, too."""
    service = service_of(request)
    spooled = audit.export_audit(service.database, incoming_folder(service.settings), first=first, actor=caller.actor)
    headers = {
        "content-length": str(spooled.size_bytes),
        "content-disposition": 'attachment; filename="audit.jsonl"',
    }
    return StreamingResponse(iter(spooled), media_type="application/jsonl", headers=headers)


@router.post("/verify", summary="Verify the log", response_model=VerificationOut, responses=responses_of())
def verify_audit(request: Request, _caller: _Reader) -> Any:  # noqa: ANN401  (what VerificationOut reads)
    """Verify the chain in the database; of a million entries that takes half a minute.

    Who could change the database may have changed its checkpoints, too: an export that is verified elsewhere proves
    more.
    """
    return audit.verify_audit(service_of(request))
