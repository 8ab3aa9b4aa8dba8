"""Look-ups and hashing: what the banks say of something, without a trace in cases."""

from __future__ import annotations

from typing import Annotated, Any, Final

from fastapi import APIRouter, Depends, Request
from fastapi.concurrency import run_in_threadpool
from fastapi.responses import JSONResponse

from hedgerow.accounts import Permission
from hedgerow.app.signals import signal_object
from hedgerow.errors import InvalidRequest
from hedgerow.web.api.models import HashedOut, LookedUpOut, LookupIn
from hedgerow.web.bodies import MEDIA_FIELD, incoming
from hedgerow.web.callers import Caller, allowed, service_of
from hedgerow.web.direct import DirectRoute
from hedgerow.web.problems import responses_of

__all__ = ["router"]

router = APIRouter(tags=["look-ups"], route_class=DirectRoute)

_FORM_SCHEMA: Final = {
    "type": "object",
    "required": [MEDIA_FIELD],
    "properties": {MEDIA_FIELD: {"type": "string", "format": "binary", "description": "A picture or video."}},
}
_MEDIA_BODY: Final[dict[str, Any]] = {
    "requestBody": {"required": True, "content": {"multipart/form-data": {"schema": _FORM_SCHEMA}}}
}
_BODY: Final[dict[str, Any]] = {
    "requestBody": {
        "required": True,
        "content": {
            "multipart/form-data": {"schema": _FORM_SCHEMA},
            "application/json": {
                "schema": LookupIn.model_json_schema(ref_template="#/components/schemas/{model}"),
                "examples": {
                    "signals": {
                        "summary": "A signal that you computed yourself",
                        "value": {"signals": [{"type": "pdq", "value": "f8" * 32}]},
                    }
                },
            },
        },
    }
}


@router.post(
    "/lookups",
    summary="Look media or signals up",
    response_model=LookedUpOut,
    responses=responses_of(408, 409, 413),
    openapi_extra=_BODY,
)
async def look_up(request: Request, _caller: Annotated[Caller, Depends(allowed(Permission.MATCH))]) -> JSONResponse:
    """Say which known entries are near, and keep nothing. To have people decide, submit it."""
    service = service_of(request)
    async with incoming(request) as came:
        if came.media is not None:
            return JSONResponse(await run_in_threadpool(service.look_media_up, came.media))
        asked = came.read(LookupIn)
        if asked.signals is None or asked.url is not None:
            if asked.signals is None and asked.url is not None:
                return JSONResponse(await run_in_threadpool(service.look_url_up, asked.url))
            raise InvalidRequest("it has media, signals or a url, and one of them only")
        signals = [each.to_signal() for each in asked.signals]
        # Nearly all of what is asked is unknown, and to know that takes a tenth of a millisecond.
        found = [] if service.is_unknown(signals) else await run_in_threadpool(service.look_up, signals)
    return JSONResponse(service.looked_up_object(found))


@router.post(
    "/hashes",
    summary="Hash media",
    response_model=HashedOut,
    responses=responses_of(408, 413),
    openapi_extra=_MEDIA_BODY,
)
async def hash_media(request: Request, _caller: Annotated[Caller, Depends(allowed(Permission.HASH))]) -> JSONResponse:
    """Return the signals of media: what a bank would hold of it. Nothing is kept."""
    service = service_of(request)
    async with incoming(request) as came:
        if came.media is None:
            raise InvalidRequest(f"the media is the file {MEDIA_FIELD} of a form, or the whole body")
        hashed = await run_in_threadpool(
            service.hash_media, came.media, ("pdq", "vpdq", "md5", "sha1", "sha256"), with_variants=False
        )
    told = service.hashed_object(hashed)
    return JSONResponse({"signals": [signal_object(each) for each in hashed.signals], **told})
