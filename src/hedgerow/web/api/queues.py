"""Queues: what waits for people, and what needs somebody now."""

from __future__ import annotations

from datetime import datetime  # noqa: TC003  (pydantic reads the annotation)
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Request
from pydantic import Field

from hedgerow.accounts import Permission
from hedgerow.app.serving import cases
from hedgerow.cases import Queue  # noqa: TC001  (pydantic reads the annotation)
from hedgerow.web.api.paging import Out
from hedgerow.web.bodies import BoundedRoute
from hedgerow.web.callers import Caller, allowed, service_of
from hedgerow.web.problems import responses_of

__all__ = ["router"]

router = APIRouter(tags=["queues"], route_class=BoundedRoute)

_Reader = Annotated[Caller, Depends(allowed(Permission.CASES_READ))]


class QueueOut(Out):
    """How a queue stands."""

    queue: Queue
    waiting: int = Field(description="Cases that anybody may take.")
    claimed: int = Field(description="Cases that somebody works on.")
    put_aside: int = Field(description="Cases that wait for something from outside.")
    overdue: int = Field(description="Of all these, those past their due time.")
    by_priority: dict[int, int] = Field(
        description="How many of all these have each priority; 1 is first.", examples=[{"2": 14}]
    )
    oldest_at: datetime | None = Field(description="When the oldest was opened.")
    next_due_at: datetime | None = Field(description="The nearest due time.")


class QueuesOut(Out):
    """How all queues stand."""

    queues: list[QueueOut]


class UrgentOut(Out):
    """Cases and decisions that need somebody."""

    overdue: int = Field(description="Cases past their due time.")
    due_soon: int = Field(description="Cases that are due soon, and not overdue.")
    unclaimed_urgent: int = Field(description="Of both, those on which nobody works.")
    late_decisions: int = Field(
        description="Decisions that should have taken effect and have not: a worker stands still."
    )
    oldest_late_at: datetime | None


class AttentionOut(Out):
    """What needs a person."""

    cases: UrgentOut
    unconfirmed: int = Field(description="Messages that the platform has not confirmed, and that are tried again.")
    given_up: int = Field(description="Messages that are not tried again until a person says so.")
    unconfirmed_since: datetime | None
    quarantined: int = Field(
        description="Malformed rows that are kept out of the indexes; `hedgerow doctor` names them."
    )


@router.get("/queues", summary="Show the queues", response_model=QueuesOut, responses=responses_of())
def show_queues(request: Request, _caller: _Reader) -> dict[str, Any]:
    """Say how each queue stands, those without cases too."""
    return {"queues": cases.count_queues(service_of(request).database)}


@router.get("/attention", summary="Show what needs a person", response_model=AttentionOut, responses=responses_of())
def show_attention(request: Request, _caller: _Reader) -> Any:  # noqa: ANN401  (what AttentionOut reads)
    """Count what is overdue, stands still or could not be delivered. All numbers are 0 where all is well."""
    return cases.needs(service_of(request))
