"""How an error looks on the wire: problem details (RFC 9457), with one table from errors to statuses.

``type`` is the address of a page of this service that says what the word means. No problem quotes what was sent.
"""

from __future__ import annotations

import logging
import math
from http import HTTPStatus
from typing import TYPE_CHECKING, Any, Final

from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from pydantic import BaseModel, Field
from starlette.exceptions import HTTPException

from hedgerow import errors
from hedgerow.errors import HedgerowError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from fastapi import FastAPI, Request
    from starlette.responses import Response

__all__ = ["FieldProblem", "Problem", "add_handlers", "answer_to", "problem_response", "responses_of", "status_of"]

_log = logging.getLogger(__name__)

MEDIA_TYPE: Final = "application/problem+json"

_STATUSES: Final[tuple[tuple[type[HedgerowError], int], ...]] = (
    (errors.RequestTooLarge, 413),
    (errors.RequestTooSlow, 408),
    (errors.TooManyRequests, 429),
    (errors.ServiceBusy, 503),
    (errors.ServiceError, 400),
    # addresses that a platform names
    (errors.UrlRefused, 422),
    (errors.FetchTooLarge, 413),
    (errors.FetchTimeout, 504),
    (errors.FetchError, 502),
    # accounts
    (errors.LoginRefused, 401),
    (errors.SecondFactorNeeded, 401),
    (errors.SessionEnded, 401),
    (errors.KeyRefused, 401),
    (errors.PermissionDenied, 403),
    (errors.PersonNeeded, 403),
    (errors.LinkRefused, 410),
    (errors.PlainConnection, 403),
    (errors.FormRefused, 403),
    (errors.ProviderUnavailable, 503),
    (errors.ProviderRefused, 403),
    (errors.IdentityUnknown, 403),
    (errors.UserNotFound, 404),
    (errors.KeyNotFound, 404),
    (errors.UserExists, 409),
    (errors.UsersExist, 409),
    (errors.LastAdmin, 409),
    (errors.LoginSupportMissing, 500),
    (errors.AccountError, 422),
    # banks
    (errors.NoBanks, 409),
    (errors.BankNotFound, 404),
    (errors.EntryNotFound, 404),
    (errors.BankExists, 409),
    (errors.BankError, 422),
    # exchanges (HMA's own door answers in its own words)
    (errors.ExchangeNotFound, 404),
    (errors.ExchangeExists, 409),
    (errors.InvalidExchange, 422),
    (errors.PageNotFound, 404),
    (errors.PageNotSkippable, 409),
    (errors.CredentialsMissing, 409),
    (errors.NotArmed, 409),
    (errors.QuestionRefused, 409),
    (errors.FetchOvertaken, 409),
    (errors.ListNotFound, 404),
    (errors.SharingExists, 409),
    (errors.InvalidSharing, 422),
    (errors.FeedEpochGone, 410),
    (errors.IdempotencyKeyMissing, 400),
    (errors.IdempotencyKeyReused, 422),
    (errors.PartnerError, 502),
    (errors.ExchangeError, 500),
    (errors.InvalidContent, 422),
    # cases
    (errors.SubmissionNotFound, 404),
    (errors.CaseNotFound, 404),
    (errors.DecisionNotFound, 404),
    (errors.SuppressionNotFound, 404),
    (errors.InvalidSubmission, 422),
    (errors.InvalidDecision, 422),
    (errors.InvalidView, 422),
    (errors.ClaimRefused, 403),
    (errors.CaseError, 409),
    # ledger
    (errors.LookBackNotFound, 404),
    (errors.InvalidLookBack, 422),
    (errors.LookBackLost, 409),
    (errors.LedgerEmpty, 409),
    # evidence
    (errors.EvidenceNotFound, 404),
    (errors.HoldNotFound, 404),
    (errors.EvidenceRequestNotFound, 404),
    (errors.CustodianNotFound, 404),
    (errors.InvalidEvidence, 422),
    (errors.InvalidHold, 422),
    (errors.InvalidCustodian, 422),
    (errors.EvidenceRequestRefused, 409),
    (errors.EvidenceHeld, 409),
    (errors.EvidenceInUse, 409),
    (errors.EvidenceGone, 409),
    (errors.EvidenceSealed, 409),
    (errors.NoCustodian, 409),
    (errors.SecondPersonNeeded, 403),
    (errors.RevealNeeded, 403),
    (errors.SealUnopened, 403),
    (errors.VaultUnavailable, 503),
    (errors.EvidenceError, 500),
    # reports
    (errors.ReportNotFound, 404),
    (errors.DraftUnwritable, 422),
    (errors.DraftUnreadable, 422),
    (errors.DraftInvalid, 422),
    (errors.ViewedCannotBeStated, 422),
    (errors.InvalidReport, 422),
    (errors.CredentialsRefused, 422),
    (errors.ApprovalRefused, 403),
    (errors.ArmingRefused, 409),
    (errors.ProductionRefused, 409),
    (errors.ReportError, 409),
    # policy
    # exposure
    (errors.LimitRefused, 422),
    (errors.ExposureError, 429),
    (errors.PolicyInvalid, 422),
    (errors.PolicyNotFound, 404),
    (errors.PolicyError, 409),
    # actions
    (errors.InvalidEndpoint, 422),
    (errors.EndpointNotFound, 404),
    (errors.DeliveryNotFound, 404),
    (errors.EndpointPaused, 409),
    (errors.LeaseLost, 409),
    (errors.InvalidWebhookSignature, 400),
    (errors.ActionError, 500),
    # audit
    (errors.AuditEntryNotFound, 404),
    (errors.InvalidAuditEntry, 422),
    # kernel
    (errors.SelfTestFailed, 500),
    (errors.HashingError, 422),
    (errors.InvalidThreshold, 422),
    (errors.MediaTooLarge, 413),
    (errors.MediaError, 422),
    # what nobody outside can help
    (errors.DatabaseUnavailable, 503),
    (HedgerowError, 500),
)
"""Error → status: the first line that fits."""


def status_of(error: type[HedgerowError]) -> int:
    """Return the status under which an error is told.

    >>> status_of(errors.BankNotFound), status_of(errors.MediaDamaged)
    (404, 422)
    """
    return next(status for branch, status in _STATUSES if issubclass(error, branch))


class FieldProblem(BaseModel):
    """What is wrong with one part of a request."""

    field: str = Field(description="Where it stands, such as `signals.0.type`.", examples=["content_id"])
    problem: str = Field(description="What is wrong, without what was sent.", examples=["Field required"])


class Problem(BaseModel):
    """An error (RFC 9457)."""

    type: str = Field(description="A page that says what the word means.", examples=["/problems/bank_not_found"])
    title: str = Field(description="The status in words.", examples=["Not Found"])
    status: int = Field(description="The status.", examples=[404])
    detail: str = Field(description="One sentence for a person.", examples=["There is no bank of that name."])
    reason: str = Field(description="A word for programs; it never changes.", examples=["bank_not_found"])
    errors: list[FieldProblem] | None = Field(default=None, description="The parts that do not fit, where it is them.")


def problem_response(
    status: int,
    reason: str,
    detail: str,
    *,
    fields: Sequence[FieldProblem] = (),
    headers: dict[str, str] | None = None,
) -> JSONResponse:
    """Return a problem as a response."""
    body: dict[str, Any] = {
        "type": f"/problems/{reason}",
        "title": HTTPStatus(status).phrase,
        "status": status,
        "detail": detail,
        "reason": reason,
    }
    if fields:
        body["errors"] = [each.model_dump() for each in fields]
    return JSONResponse(body, status, headers, MEDIA_TYPE)


def response_of(error: HedgerowError) -> Response:
    """Return the response for one of our errors."""
    status = status_of(type(error))
    headers: dict[str, str] = {}
    if isinstance(error, errors.TooManyRequests | errors.ServiceBusy):
        headers["retry-after"] = str(max(1, math.ceil(error.wait_s)))
    if status == HTTPStatus.UNAUTHORIZED:
        headers["www-authenticate"] = "Bearer"
    if status >= HTTPStatus.INTERNAL_SERVER_ERROR and not isinstance(error, errors.ServiceBusy):
        _log.error("A request failed: %s", type(error).__name__)
    return problem_response(status, error.reason, str(error), headers=headers)


def responses_of(*statuses: int) -> dict[int | str, dict[str, Any]]:
    """Describe the problems of a route for OpenAPI; 400, 401, 403, 422, 429 and 503 are every route's."""
    content = {MEDIA_TYPE: {"schema": {"$ref": "#/components/schemas/Problem"}}}
    return {
        status: {"description": HTTPStatus(status).phrase, "content": content}
        for status in sorted({400, 401, 403, 422, 429, 503, *statuses})
    }


def answer_to(error: Exception) -> Response:
    """Return the problem that tells of an error, whatever it is."""
    if isinstance(error, HedgerowError):
        return response_of(error)
    if isinstance(error, RequestValidationError):
        return problem_response(
            422, "invalid_request", "Some parts of the request do not fit.", fields=field_problems(error.errors())
        )
    if isinstance(error, HTTPException):
        phrase = HTTPStatus(error.status_code).phrase
        reason = phrase.lower().replace(" ", "_").replace("-", "_")
        headers = dict(error.headers) if error.headers else None
        return problem_response(error.status_code, reason, f"{phrase}.", headers=headers)
    # The kind alone: its words may quote what was sent. The server's own log has the lines of code.
    _log.error("A request failed in a way nobody foresaw: %s", type(error).__name__, exc_info=False)
    return problem_response(500, "internal_error", "Something went wrong here, and it was written down.")


def add_handlers(app: FastAPI) -> None:
    """Let an application answer every error with a problem."""

    async def answer(_request: Request, error: Exception) -> Response:
        return answer_to(error)

    for kind in (HedgerowError, RequestValidationError, HTTPException, Exception):
        app.add_exception_handler(kind, answer)


def field_problems(found: Sequence[Any]) -> list[FieldProblem]:
    """Return pydantic's findings without what was sent."""
    return [
        FieldProblem(
            field=".".join(str(part) for part in each["loc"] if part not in ("body", "query", "path")) or "body",
            problem=str(each["msg"]) if each["type"] != "value_error" else "It does not fit.",
        )
        for each in found
    ]
