"""Project Arachnid Shield: how it is asked for a second opinion on a hash, and what it said. Only hashes are sent."""

from __future__ import annotations

from datetime import datetime  # noqa: TC003  (pydantic reads the annotation)
from typing import TYPE_CHECKING, Annotated, Any, Literal

from fastapi import APIRouter, Depends, Request, Response
from pydantic import Field

from hedgerow.accounts import Permission
from hedgerow.app.shield import ShieldDesk
from hedgerow.exchanges.questions import QuestionState  # noqa: TC001  (pydantic reads the annotation)
from hedgerow.exchanges.shield import Known  # noqa: TC001  (as above)
from hedgerow.web.api.paging import LARGEST_ID, CaseNumber, In, Out, Text, person_of
from hedgerow.web.bodies import BoundedRoute
from hedgerow.web.callers import Caller, allowed, service_of
from hedgerow.web.problems import responses_of

if TYPE_CHECKING:
    from hedgerow.exchanges.questions import Question
    from hedgerow.exchanges.shield_account import ShieldStanding

__all__ = ["router"]

router = APIRouter(tags=["shield"], route_class=BoundedRoute)

_Reader = Annotated[Caller, Depends(allowed(Permission.EXCHANGES_READ))]
_Writer = Annotated[Caller, Depends(allowed(Permission.EXCHANGES_WRITE))]
_CaseReader = Annotated[Caller, Depends(allowed(Permission.CASES_READ))]
_Asker = Annotated[Caller, Depends(allowed(Permission.CASES_ASK))]


class ShieldOut(Out):
    """How Shield is asked, and how that stands."""

    is_enabled: bool
    environment: str = Field(examples=["simulator"])
    host: str = Field(description="Whom it speaks to.")
    is_production: bool
    armed_by: str | None
    armed_at: datetime | None
    has_credentials: bool
    calls_per_minute: int
    is_null_no_match: bool
    stopped: str | None = Field(description="Why nothing is asked any more until a person has acted.")
    lacks: Literal["off", "stopped", "credentials", "arming"] | None = Field(
        description="Why it cannot be asked; null where it can."
    )
    answered_at: datetime | None = Field(description="When it last answered.")


class ShieldChangeIn(In):
    """What is to change; what is left out stays. Another place disarms, and takes the credentials away."""

    is_enabled: bool | None = Field(default=None, description="Whether people may ask it; true also after a refusal.")
    environment: Literal["simulator", "production"] | None = None
    base_url: Text | None = Field(
        default=None, max_length=300, description="Another address of it; empty for the usual one."
    )
    calls_per_minute: int | None = Field(default=None, ge=1, le=600, description="The most calls in a minute.")
    is_null_no_match: bool | None = Field(
        default=None, description="Whether an answer of null means no known match. Unless somebody knows, it does not."
    )


class ShieldCredentialsIn(In):
    """What the service knows us by; nobody can read it back."""

    user: Text = Field(min_length=1, max_length=200, repr=False)
    password: Text = Field(min_length=1, max_length=200, repr=False)


class QuestionIn(In):
    """About which medium of the case."""

    cluster: int = Field(ge=1, le=LARGEST_ID, description="The number of a cluster of the case.")


class QuestionOut(Out):
    """What was asked, and what came of it. No answer is not "no known match"."""

    question: int = Field(description="Its number.")
    cluster: int
    digest: str = Field(description="SHA-256 of the signal that was asked about, in hex.")
    asked_by: str
    asked_at: datetime
    state: QuestionState = Field(description="`waiting` is not answered yet; it is asked again.")
    known: Known | None = Field(description="What it knows; null while it has not answered.")
    word: str | None = Field(description="Its own word for that.")
    match_type: str | None
    settled_at: datetime | None
    due_at: datetime | None = Field(description="When it is asked again.")
    attempts: int
    last_error: str | None = Field(description="Why it did not answer, in a word.")


class QuestionsOut(Out):
    """What was asked about a case."""

    questions: list[QuestionOut]


def _shown(standing: ShieldStanding) -> dict[str, Any]:
    names = (
        *("is_enabled", "environment", "armed_by", "armed_at", "has_credentials", "calls_per_minute"),
        *("is_null_no_match", "stopped", "lacks", "answered_at"),
    )
    host = standing.place.base_url.partition("://")[2].partition("/")[0]
    return {name: getattr(standing, name) for name in names} | {
        "host": host,
        "is_production": standing.place.is_production,
    }


def _desk(request: Request) -> ShieldDesk:
    return ShieldDesk(service_of(request))


# ── how it is asked ──────────────────────────────────────────────────────────────────────────────────────────────


@router.get("/shield", summary="Show how it is asked", response_model=ShieldOut, responses=responses_of())
def show_shield(request: Request, _caller: _Reader) -> dict[str, Any]:
    """Show how Project Arachnid Shield is asked, and what it lacks."""
    return _shown(_desk(request).standing())


@router.patch("/shield", summary="Change how it is asked", response_model=ShieldOut, responses=responses_of(408, 413))
def change_shield(request: Request, caller: _Writer, change: ShieldChangeIn) -> dict[str, Any]:
    """Change how it is asked; what is left out stays."""
    return _shown(_desk(request).change(actor=caller.actor, **change.model_dump(include=change.model_fields_set)))


@router.post("/shield/arm", summary="Arm", response_model=ShieldOut, responses=responses_of())
def arm_shield(request: Request, caller: _Writer) -> dict[str, Any]:
    """Allow its production system, which `host` names, to be spoken to. For people."""
    person_of(caller)
    return _shown(_desk(request).arm(actor=caller.actor))


@router.post("/shield/disarm", summary="Disarm", response_model=ShieldOut, responses=responses_of())
def disarm_shield(request: Request, caller: _Writer) -> dict[str, Any]:
    """Let its production system be spoken to no more."""
    return _shown(_desk(request).disarm(actor=caller.actor))


@router.put("/shield/credentials", summary="Enter credentials", status_code=204, responses=responses_of(408, 413))
def enter_credentials(request: Request, caller: _Writer, entered: ShieldCredentialsIn) -> Response:
    """Enter its credentials, in the place of those that were there. Nobody can read them back."""
    _desk(request).set_credentials(entered.model_dump(), actor=caller.actor)
    return Response(status_code=204)


@router.delete("/shield/credentials", summary="Remove credentials", status_code=204, responses=responses_of())
def remove_credentials(request: Request, caller: _Writer) -> Response:
    """Take its credentials away."""
    _desk(request).set_credentials(None, actor=caller.actor)
    return Response(status_code=204)


# ── asking ───────────────────────────────────────────────────────────────────────────────────────────────────────


def _told(question: Question) -> dict[str, Any]:
    names = (
        *("asked_by", "asked_at", "state", "known", "word", "match_type", "settled_at", "due_at", "attempts"),
        "last_error",
    )
    return {name: getattr(question, name) for name in names} | {
        "question": question.id,
        "cluster": question.cluster_id,
        "digest": question.digest.hex(),
    }


@router.post(
    "/cases/{case}/questions",
    summary="Ask for a second opinion",
    status_code=201,
    response_model=QuestionOut,
    responses=responses_of(404, 408, 409, 413),
)
def ask(request: Request, caller: _Asker, case: CaseNumber, asked: QuestionIn) -> dict[str, Any]:
    """Ask Project Arachnid Shield about the hash of a medium of a case. It decides nothing. For people.

    Where it does not answer within some seconds, `state` is `waiting`, and it is asked again. What waits, or was
    answered within a day, is not asked twice.
    """
    person_of(caller)
    return _told(_desk(request).ask(case, asked.cluster, actor=caller.actor))


@router.get(
    "/cases/{case}/questions",
    summary="List second opinions",
    response_model=QuestionsOut,
    responses=responses_of(404),
)
def list_questions(request: Request, caller: _CaseReader, case: CaseNumber) -> dict[str, Any]:
    """List what Project Arachnid Shield was asked about a case, and what it said, the newest first. For people."""
    person_of(caller)
    return {"questions": [_told(each.question) for each in _desk(request).asked_about(case)]}
