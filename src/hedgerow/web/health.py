"""Whether the service lives, and whether it can be relied on."""

from __future__ import annotations

from typing import Any

from fastapi import APIRouter, Depends, Request
from fastapi.responses import JSONResponse
from pydantic import BaseModel, Field

from hedgerow import __version__
from hedgerow.web.callers import public, service_of

__all__ = ["router"]

router = APIRouter(tags=["health"], dependencies=[Depends(public)])


class Alive(BaseModel):
    """That the process answers."""

    status: str = Field(examples=["alive"])
    version: str = Field(examples=["0.1.0"])


class Check(BaseModel):
    """One thing that the service relies on."""

    name: str = Field(description="What was looked at.", examples=["database"])
    is_ok: bool = Field(description="Whether it can be relied on.")
    detail: str = Field(description="One sentence for a person.", examples=["It answers."])


class Readiness(BaseModel):
    """Whether the service can be relied on."""

    is_ready: bool = Field(description="Whether every check is ok.")
    checks: list[Check]


@router.get("/healthz", summary="Whether the process answers", response_model=Alive)
async def healthz() -> JSONResponse:
    """Answer as long as the process can; looks at nothing."""
    return JSONResponse({"status": "alive", "version": __version__})


@router.get(
    "/readyz",
    summary="Whether the service can be relied on",
    response_model=Readiness,
    responses={503: {"model": Readiness, "description": "Something cannot be relied on; the checks say what."}},
)
def readyz(request: Request) -> JSONResponse:
    """Look at the database, the indexes and the processes that hash. 503 where any of them cannot be relied on."""
    checks: list[dict[str, Any]] = service_of(request).readiness()
    is_ready = all(each["is_ok"] for each in checks)
    return JSONResponse({"is_ready": is_ready, "checks": checks}, 200 if is_ready else 503)
