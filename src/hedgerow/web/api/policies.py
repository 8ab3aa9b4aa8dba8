"""Policies: write versions, try them on past matches, put one in force."""

from __future__ import annotations

from datetime import datetime  # noqa: TC003  (pydantic reads the annotation)
from typing import TYPE_CHECKING, Annotated, Any

from fastapi import APIRouter, Depends, Request
from pydantic import Field

from hedgerow.accounts import Permission
from hedgerow.app.serving import policies
from hedgerow.web.api.paging import USUAL, Cursor, In, Limit, Number, Out, Page, Text, paged, read_cursor
from hedgerow.web.bodies import BoundedRoute
from hedgerow.web.callers import Caller, allowed, service_of
from hedgerow.web.problems import responses_of

if TYPE_CHECKING:
    from hedgerow.policy import PolicyVersion

__all__ = ["router"]

router = APIRouter(prefix="/policies", tags=["policies"], route_class=BoundedRoute)

_Reader = Annotated[Caller, Depends(allowed(Permission.POLICY_READ))]
_Writer = Annotated[Caller, Depends(allowed(Permission.POLICY_WRITE))]
_Activator = Annotated[Caller, Depends(allowed(Permission.POLICY_ACTIVATE))]

_EXAMPLE = '[[rule]]\nname = "partners"\nwhen.provenance = "exchange:*"\nthen = "review"\npriority = 2\n'
_LONGEST = 262_144  # a policy of thousands of rules is none that people review


class PolicyIn(In):
    """A policy that is to be kept."""

    toml: Text = Field(max_length=_LONGEST, description="Its text; see the guide.", examples=[_EXAMPLE])
    note: Text | None = Field(default=None, max_length=4_000, description="What it changes, for people.")


class PolicyOut(Out):
    """A version of the policy; its text never changes."""

    version: int
    sha256: str = Field(description="Of the text in UTF-8, as hex digits.")
    note: str | None
    created_by: str = Field(examples=["user:3"])
    created_at: datetime
    is_active: bool
    activated_at: datetime | None
    activated_by: str | None
    retired_at: datetime | None


class PolicyTextOut(PolicyOut):
    """A version with its text."""

    toml: str


class AddedPolicyOut(PolicyOut):
    """A version that is kept."""

    is_new: bool = Field(description="Whether this text was kept for the first time.")
    warnings: list[str] = Field(description="What its writer may want to look at, such as a bank that does not exist.")


class ComparisonIn(In):
    """On which matches to try it."""

    days: float | None = Field(
        default=None, gt=0, le=3_650, description="Only those of so many days; without it up to a million, the latest."
    )


class DifferenceOut(Out):
    """A kind of difference."""

    before: str
    after: str
    count: int
    examples: list[int] = Field(description="Numbers of matches.")


class ComparisonOut(Out):
    """What a version would have done beside the one that is active."""

    version: int
    against: int = Field(description="The version that is active.")
    considered: int
    changed: int
    differences: list[DifferenceOut]
    by_rule: dict[str, int]


class ActivationIn(In):
    """How to put it in force."""

    is_forced: bool = Field(default=False, description="Without having been tried. The audit says so.")


def _told(version: PolicyVersion) -> dict[str, Any]:
    return {
        "version": version.version,
        "toml": version.toml,
        "sha256": version.sha256.hex(),
        "note": version.note,
        "created_by": version.created_by,
        "created_at": version.created_at,
        "is_active": version.is_active,
        "activated_at": version.activated_at,
        "activated_by": version.activated_by,
        "retired_at": version.retired_at,
    }


@router.get("", summary="List versions", response_model=Page[PolicyOut], responses=responses_of())
def list_policies(request: Request, _caller: _Reader, limit: Limit = USUAL, cursor: Cursor = None) -> dict[str, Any]:
    """List the versions of the policy, the newest first."""
    before = None if cursor is None else read_cursor(cursor, int)[0]
    found = policies.list_policies(service_of(request).database, before=before, limit=limit + 1)
    page = paged(found, limit, lambda each: (each.version,))
    return {**page, "items": [_told(each) for each in page["items"]]}


@router.get("/active", summary="Show the policy in force", response_model=PolicyTextOut, responses=responses_of(409))
def show_active(request: Request, _caller: _Reader) -> dict[str, Any]:
    """Show the version that is in force. The shipped one is activated with the first match."""
    return _told(policies.show_policy(service_of(request).database))


@router.get("/{version}", summary="Show a version", response_model=PolicyTextOut, responses=responses_of(404))
def show_policy(request: Request, _caller: _Reader, version: Number) -> dict[str, Any]:
    """Show a version with its text."""
    return _told(policies.show_policy(service_of(request).database, version))


@router.post(
    "", summary="Add a version", status_code=201, response_model=AddedPolicyOut, responses=responses_of(408, 413)
)
def add_policy(request: Request, caller: _Writer, new: PolicyIn) -> dict[str, Any]:
    """Keep a policy as a version; it decides nothing until it is activated. A text that is kept keeps its number."""
    added = policies.add_policy(service_of(request).database, new.toml, note=new.note, actor=caller.actor)
    return {**_told(added.version), "is_new": added.is_new, "warnings": added.warnings}


@router.post(
    "/{version}/compare",
    summary="Try a version",
    response_model=ComparisonOut,
    responses=responses_of(404, 408, 409, 413),
)
def compare_policy(request: Request, caller: _Writer, version: Number, asked: ComparisonIn) -> dict[str, Any]:
    """Decide past matches with a version and the active one, and say what differs. Kept: activating asks for it."""
    tried = policies.compare_policy(service_of(request).database, version, days=asked.days, actor=caller.actor)
    return {"version": tried.version, "against": tried.against, **tried.comparison.to_json()}


@router.post(
    "/{version}/activate",
    summary="Put a version in force",
    response_model=PolicyOut,
    responses=responses_of(404, 408, 409, 413),
)
def activate_policy(request: Request, caller: _Activator, version: Number, asked: ActivationIn) -> dict[str, Any]:
    """Let a version decide whatever is screened from now on. It was tried within a day, or is forced."""
    return _told(
        policies.activate_policy(service_of(request).database, version, is_forced=asked.is_forced, actor=caller.actor)
    )
