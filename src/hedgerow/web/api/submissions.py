"""Submissions: the platform asks at upload time whether this is known."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Annotated, Any, Final

from fastapi import APIRouter, Depends, Request
from fastapi.concurrency import run_in_threadpool
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from pydantic import ValidationError

from hedgerow.accounts import Permission
from hedgerow.app.screening import given_context
from hedgerow.errors import HedgerowError, InvalidRequest, InvalidSubmission
from hedgerow.web.api.models import BatchIn, BatchOut, ContextIn, ScreenedOut, SubmissionIn
from hedgerow.web.api.paging import Number  # noqa: TC001  (FastAPI reads the annotation)
from hedgerow.web.bodies import MEDIA_FIELD, incoming, small_body
from hedgerow.web.callers import Caller, allowed, service_of
from hedgerow.web.direct import DirectRoute
from hedgerow.web.problems import responses_of, status_of

if TYPE_CHECKING:
    from hedgerow.app.service import Service
    from hedgerow.screening import Context, Screened

__all__ = ["direct", "router"]

direct = APIRouter(prefix="/submissions", tags=["submissions"], route_class=DirectRoute)
router = APIRouter(prefix="/submissions", tags=["submissions"])

_JSON_FIELDS: Final = frozenset({"context", "ip_event"})
_Screener = Annotated[Caller, Depends(allowed(Permission.SCREEN))]

_FORM_SCHEMA: Final = {
    "type": "object",
    "required": ["content_id", MEDIA_FIELD],
    "properties": {
        MEDIA_FIELD: {"type": "string", "format": "binary", "description": "A picture or video."},
        "content_id": {"type": "string", "minLength": 1, "maxLength": 255},
        "account_id": {"type": "string", "minLength": 1, "maxLength": 255},
        "surface": {"type": "string", "maxLength": 100},
        "uploaded_at": {"type": "string", "format": "date-time"},
        "text_context": {"type": "string", "maxLength": 65_536},
        "ip_event": {"type": "object"},
        "context": {"type": "object"},
    },
}
_BODY: Final[dict[str, Any]] = {
    "requestBody": {
        "required": True,
        "content": {
            "multipart/form-data": {"schema": _FORM_SCHEMA},
            "application/json": {
                "schema": SubmissionIn.model_json_schema(ref_template="#/components/schemas/{model}"),
                "examples": {
                    "signals": {
                        "summary": "Signals that you computed yourself",
                        "value": {
                            "content_id": "post-8812",
                            "account_id": "account-17",
                            "signals": [{"type": "pdq", "value": "f8" * 32, "quality": 90}],
                        },
                    }
                },
            },
        },
    }
}


@direct.post(
    "",
    summary="Screen one submission",
    response_model=ScreenedOut,
    responses=responses_of(408, 409, 413),
    openapi_extra=_BODY,
)
async def screen(request: Request, caller: _Screener) -> JSONResponse:
    """Look media or signals up, keep what was found, and open a case where people are to decide.

    Send the media as the file `media` of a form, beside the fields; or send JSON with `signals`. The same bytes under
    the same `content_id` are answered the same, however often they come: send again whatever you got no answer to.

    What cannot be looked at is answered too: the outcome is `unchecked`, and `unchecked` says why. That is no "no".
    """
    service = service_of(request)
    async with incoming(request, _JSON_FIELDS) as came:
        if came.media is not None:
            context = _context(came.read(ContextIn), caller)
            screened = await run_in_threadpool(service.screen_media, context, came.media, actor=caller.actor)
        else:
            asked = came.read(SubmissionIn)
            screened = await run_in_threadpool(_screen, service, asked, caller)
    return JSONResponse(screened.to_json())


@router.post(
    "/batch",
    summary="Screen several submissions",
    response_model=BatchOut,
    responses=responses_of(408, 413),
    openapi_extra={
        "requestBody": {
            "required": True,
            "content": {
                "application/json": {"schema": BatchIn.model_json_schema(ref_template="#/components/schemas/{model}")}
            },
        }
    },
)
async def screen_batch(request: Request, caller: _Screener) -> JSONResponse:
    """Screen submissions without media, each for itself: one that cannot be taken stops no other."""
    service = service_of(request)
    body = await small_body(request, service.settings.server.batch_bytes)
    return JSONResponse({"answers": await run_in_threadpool(_answers, service, body, caller)})


@router.get(
    "/{number}",
    summary="Show a submission and its answer",
    response_model=ScreenedOut,
    responses=responses_of(404),
)
def show(request: Request, number: Number, caller: _Screener) -> JSONResponse:
    """Show what a submission was answered."""
    return JSONResponse(service_of(request).show_submission(number, namespace=caller.namespace).to_json())


def _answers(service: Service, body: bytes, caller: Caller) -> list[dict[str, Any]]:
    try:
        batch = BatchIn.model_validate_json(body)
    except ValidationError as error:
        raise RequestValidationError(error.errors(include_input=False, include_url=False)) from None
    most = service.settings.server.batch
    if len(batch.submissions) > most:
        raise InvalidRequest(f"a batch has at most {most} submissions")
    return [_answer(service, each, caller) for each in batch.submissions]


def _answer(service: Service, asked: SubmissionIn, caller: Caller) -> dict[str, Any]:
    try:
        return {"status": 200, "answer": _screen(service, asked, caller).to_json(), "problem": None}
    except HedgerowError as error:
        status = status_of(type(error))
        if status >= 500:  # noqa: PLR2004  (our own trouble is the whole request's)
            raise
        return {"status": status, "answer": None, "problem": {"reason": error.reason, "detail": str(error)}}


def _screen(service: Service, asked: SubmissionIn, caller: Caller) -> Screened:
    context = _context(asked, caller)
    if (asked.signals is None) == (asked.url is None):
        raise InvalidSubmission("it has media, signals or a url, and one of them only")
    if asked.url is not None:
        return service.screen_url(context, asked.url, actor=caller.actor)
    signals = [each.to_signal() for each in asked.signals or ()]
    return service.screen_signals(context, signals, actor=caller.actor)


def _context(said: ContextIn, caller: Caller) -> Context:
    context = given_context(said.model_dump(exclude={"signals", "url"}), door="api")
    return replace(context, namespace=caller.namespace)
