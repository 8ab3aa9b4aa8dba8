"""Evidence: what is kept, until when, and what two people do about it. For people: no key has any of these rights."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

from fastapi import APIRouter, Depends, Query, Request
from fastapi.responses import StreamingResponse

from hedgerow.accounts import Permission
from hedgerow.app.serving import evidence
from hedgerow.evidence.model import EvidenceState, HoldKind
from hedgerow.web.api.models_of_evidence import (
    AccountIn,
    AuthorityIn,
    CertificateOut,
    ContentIn,
    CustodianIn,
    CustodianOut,
    CustodiansOut,
    ErasedOut,
    EvidenceOut,
    EvidenceShownOut,
    HeldOut,
    HoldIn,
    LiftingIn,
    OpeningIn,
    RequestOut,
)
from hedgerow.web.api.paging import USUAL, CaseNumber, Cursor, Limit, Number, Page, id_after, paged, read_cursor
from hedgerow.web.bodies import BoundedRoute
from hedgerow.web.callers import Caller, allowed, service_of
from hedgerow.web.problems import responses_of

if TYPE_CHECKING:
    from hedgerow.app.serving.evidence import EvidenceShown, RequestShown
    from hedgerow.evidence import Custodian

__all__ = ["router"]

router = APIRouter(tags=["evidence"], route_class=BoundedRoute)

_Reader = Annotated[Caller, Depends(allowed(Permission.EVIDENCE_READ))]
_Opener = Annotated[Caller, Depends(allowed(Permission.EVIDENCE_OPEN))]
_Holder = Annotated[Caller, Depends(allowed(Permission.EVIDENCE_HOLD))]
_Destroyer = Annotated[Caller, Depends(allowed(Permission.EVIDENCE_DESTROY))]
_Second = Annotated[Caller, Depends(allowed(Permission.EVIDENCE_AGREE))]
_Keeper = Annotated[Caller, Depends(allowed(Permission.VAULT_MANAGE))]


# ── what two people do ───────────────────────────────────────────────────────────────────────────────────────────


def _request(shown: RequestShown) -> dict[str, Any]:
    request = shown.request
    return {
        "request": request.id,
        "state": shown.state,
        **{
            name: getattr(request, name)
            for name in (
                "kind",
                "subjects",
                "reason",
                "reference",
                "removal",
                "asked_by",
                "asked_at",
                "agreed_by",
                "agreed_at",
                "expires_at",
                "done_at",
            )
        },
    }


@router.get("/evidence/requests", summary="List requests", response_model=Page[RequestOut], responses=responses_of())
def list_evidence_requests(
    request: Request,
    _caller: _Reader,
    waiting: Annotated[bool, Query(description="Only those that wait for a second person.")] = False,  # noqa: FBT002  (a query)
    limit: Limit = USUAL,
    cursor: Cursor = None,
) -> dict[str, Any]:
    """List what was asked for, the newest first: openings, liftings of holds, destructions."""
    before = None if cursor is None else read_cursor(cursor, int)[0]
    found = evidence.list_requests(service_of(request).database, is_waiting=waiting, before=before, limit=limit + 1)
    page = paged(found, limit, lambda each: (each.request.id,))
    return {**page, "items": [_request(each) for each in page["items"]]}


@router.get(
    "/evidence/requests/{wish}", summary="Show a request", response_model=RequestOut, responses=responses_of(404)
)
def show_evidence_request(request: Request, _caller: _Reader, wish: Number) -> dict[str, Any]:
    """Show what was asked for, by whom and why, and how it stands."""
    return _request(evidence.show_request(service_of(request).database, wish))


@router.post(
    "/evidence/openings",
    summary="Ask for an opening",
    status_code=201,
    response_model=RequestOut,
    responses=responses_of(404, 408, 409, 413),
)
def ask_opening(request: Request, caller: _Opener, said: OpeningIn) -> dict[str, Any]:
    """Ask for evidence to be opened. Nothing is open until somebody else agrees."""
    return _request(
        evidence.ask_opening(
            service_of(request).database,
            said.evidence,
            reason=said.reason,
            reference=said.reference,
            actor=caller.actor,
        )
    )


@router.post(
    "/evidence/liftings",
    summary="Ask for holds to be lifted",
    status_code=201,
    response_model=RequestOut,
    responses=responses_of(404, 408, 409, 413),
)
def ask_lifting(request: Request, caller: _Holder, said: LiftingIn) -> dict[str, Any]:
    """Ask for holds to be lifted. They are in force until somebody else agrees; that of a filing is never lifted."""
    return _request(
        evidence.ask_lifting(
            service_of(request).database,
            said.holds,
            reason=said.reason,
            reference=said.reference,
            actor=caller.actor,
        )
    )


@router.post(
    "/evidence/destructions",
    summary="Ask for a destruction",
    status_code=201,
    response_model=RequestOut,
    responses=responses_of(404, 408, 409, 413),
)
def ask_destruction(request: Request, caller: _Destroyer, said: AuthorityIn) -> dict[str, Any]:
    """Ask for evidence to be destroyed before its time. Only an authority's request overrides a hold."""
    return _request(
        evidence.ask_destruction(
            service_of(request).database,
            said.evidence,
            is_for_authority=said.is_for_authority,
            reason=said.reason,
            reference=said.reference,
            actor=caller.actor,
        )
    )


@router.post(
    "/evidence/requests/{wish}/agreement",
    summary="Agree to a request",
    response_model=RequestOut,
    responses=responses_of(404, 409),
)
def agree(request: Request, caller: _Second, wish: Number) -> dict[str, Any]:
    """Be the second person, who is never the first. Holds are lifted and evidence is destroyed at once."""
    service = service_of(request)
    return _request(evidence.agree(service.settings, service.database, wish, actor=caller.actor))


@router.post(
    "/evidence/requests/{wish}/withdrawal",
    summary="Withdraw a request",
    response_model=RequestOut,
    responses=responses_of(404, 409),
)
def withdraw(request: Request, caller: _Second, wish: Number) -> dict[str, Any]:
    """Take a request back, or end an opening before its time."""
    return _request(evidence.withdraw(service_of(request).database, wish, actor=caller.actor))


@router.post(
    "/evidence/requests/{wish}/content/{piece}",
    summary="Read what was opened",
    response_class=StreamingResponse,
    responses={
        **responses_of(404, 408, 409, 413, 500),
        200: {"description": "The bytes.", "content": {"application/octet-stream": {}}},
    },
)
def read_content(request: Request, caller: _Opener, wish: Number, piece: Number, said: ContentIn) -> StreamingResponse:
    """Give the bytes of what two people opened, to who asked for it; each time is on record.

    What is sealed needs a custodian's identity, which is used for this answer and kept nowhere. Bytes that are not as
    they were stored end the answer before its length: compare it, and the digests.
    """
    service = service_of(request)
    content = evidence.read_content(
        service.settings,
        service.database,
        wish,
        piece,
        identity=None if said.identity is None else said.identity.get_secret_value(),
        actor=caller.actor,
    )
    return StreamingResponse(
        content.chunks,
        media_type="application/octet-stream",
        headers={
            "content-length": str(content.size_bytes),
            "content-disposition": f'attachment; filename="evidence-{piece}"',
            "cache-control": "no-store",
        },
    )


# ── custodians ───────────────────────────────────────────────────────────────────────────────────────────────────


@router.get("/evidence/custodians", summary="List custodians", response_model=CustodiansOut, responses=responses_of())
def list_custodians(request: Request, _caller: _Reader) -> dict[str, Any]:
    """List the keys to which evidence is sealed once it was reported, retired ones too."""
    found = evidence.list_custodians(service_of(request).database, with_retired=True)
    return {"custodians": [_custodian(each) for each in found]}


def _custodian(custodian: Custodian) -> dict[str, Any]:
    return CustodianOut.model_validate(custodian).model_dump()


@router.post(
    "/evidence/custodians",
    summary="Add a custodian",
    status_code=201,
    response_model=CustodianOut,
    responses=responses_of(408, 413),
)
def add_custodian(request: Request, caller: _Keeper, new: CustodianIn) -> Any:  # noqa: ANN401  (what CustodianOut reads)
    """Seal to this key too, from now on."""
    return evidence.add_custodian(service_of(request).database, new.name, new.recipient, actor=caller.actor)


@router.post(
    "/evidence/custodians/{custodian}/retirement",
    summary="Retire a custodian",
    response_model=CustodianOut,
    responses=responses_of(404),
)
def retire_custodian(request: Request, caller: _Keeper, custodian: Number) -> Any:  # noqa: ANN401  (as above)
    """Seal nothing to this key from now on. What was sealed still opens with its identity."""
    return evidence.retire_custodian(service_of(request).database, custodian, actor=caller.actor)


# ── what somebody wants deleted ──────────────────────────────────────────────────────────────────────────────────


@router.post(
    "/evidence/erasures",
    summary="Erase an account's evidence",
    response_model=ErasedOut,
    responses=responses_of(408, 413),
)
def erase_account(request: Request, caller: _Destroyer, said: AccountIn) -> dict[str, Any]:
    """Destroy what is kept of an account, at the wish of the person whose it is. What must stay is named."""
    service = service_of(request)
    erased = evidence.erase_account(
        service.settings, service.database, said.namespace, said.account_id, actor=caller.actor
    )
    refused = [{"evidence": number, "reason": why} for number, why in erased.refused.items()]
    return {"destroyed": list(erased.destroyed), "refused": refused}


# ── pieces ───────────────────────────────────────────────────────────────────────────────────────────────────────


def _piece(shown: EvidenceShown) -> dict[str, Any]:
    return {**EvidenceOut.model_validate({**_fields(shown), "case": shown.case}).model_dump()}


def _fields(shown: EvidenceShown) -> dict[str, Any]:
    of = shown.evidence
    named = {name: getattr(of, name) for name in of.__slots__ if name not in {"id", "wrapped", "sealed", "pdq"}}
    return {"evidence": of.id, **named}


def _whole(shown: EvidenceShown) -> dict[str, Any]:
    of = shown.evidence
    digests = {name: _hex(getattr(of, name)) for name in ("md5", "sha1", "sha256", "cipher_sha256")}
    return {**_piece(shown), **digests, "object": of.object, "holds": list(shown.holds)}


def _hex(digest: bytes | None) -> str | None:
    return None if digest is None else digest.hex()


@router.get("/evidence", summary="List evidence", response_model=Page[EvidenceOut], responses=responses_of(404))
def list_evidence(
    request: Request,
    _caller: _Reader,
    case: Annotated[str | None, Query(pattern=r"^[0-9]{4}-[0-9]{5,12}$", description="Only that of this case.")] = None,
    state: Annotated[EvidenceState | None, Query(description="Only that which stands so.")] = None,
    limit: Limit = USUAL,
    cursor: Cursor = None,
) -> dict[str, Any]:
    """List what is kept, by number: what it is, how it stands, and until when it must stay. Not the thing itself."""
    found = evidence.list_evidence(
        service_of(request).database, case=case, state=state, after=id_after(cursor), limit=limit + 1
    )
    page = paged(found, limit, lambda each: (each.evidence.id,))
    return {**page, "items": [_piece(each) for each in page["items"]]}


@router.get("/evidence/{piece}", summary="Show evidence", response_model=EvidenceShownOut, responses=responses_of(404))
def show_evidence(request: Request, _caller: _Reader, piece: Number) -> dict[str, Any]:
    """Show a piece of evidence with its digests and holds; not the thing itself."""
    return _whole(evidence.show_evidence(service_of(request).database, piece))


@router.get(
    "/evidence/{piece}/certificate",
    summary="Show a certificate",
    response_model=CertificateOut,
    responses=responses_of(404, 409),
)
def show_certificate(request: Request, _caller: _Reader, piece: Number) -> dict[str, Any]:
    """Show the statement that a piece of evidence was destroyed, as it was signed."""
    found = evidence.show_certificate(service_of(request).database, piece)
    return {
        "evidence": piece,
        "at": found.at,
        "text": found.text,
        "sha256": found.sha256.hex(),
        "key": found.key_id,
        "signature": _hex(found.signature),
    }


@router.post(
    "/evidence/{piece}/holds",
    summary="Hold evidence",
    status_code=201,
    response_model=EvidenceShownOut,
    responses=responses_of(404, 408, 409, 413),
)
def hold(request: Request, caller: _Holder, piece: Number, said: HoldIn) -> dict[str, Any]:
    """Hold a piece of evidence: nothing but an authority's request destroys it meanwhile."""
    return _whole(
        evidence.hold(
            service_of(request).database,
            piece,
            HoldKind(said.kind),
            until=said.until,
            reason=said.reason,
            reference=said.reference,
            actor=caller.actor,
        )
    )


@router.post(
    "/cases/{case}/evidence/holds",
    summary="Hold a case's evidence",
    status_code=201,
    response_model=HeldOut,
    responses=responses_of(404, 408, 409, 413),
)
def hold_case(request: Request, caller: _Holder, case: CaseNumber, said: HoldIn) -> dict[str, Any]:
    """Hold all evidence of a case, all of it or none; what has no bytes is passed over."""
    held = evidence.hold_case(
        service_of(request).database,
        case,
        HoldKind(said.kind),
        until=said.until,
        reason=said.reason,
        reference=said.reference,
        actor=caller.actor,
    )
    return {"held": [_whole(each) for each in held]}
