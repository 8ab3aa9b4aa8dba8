"""What the routes of reports take and give. Nothing here has a field for who viewed a file: nobody can type that."""

from __future__ import annotations

from datetime import datetime  # noqa: TC003  (pydantic reads the annotation)
from typing import TYPE_CHECKING, Annotated, Any, Literal

from pydantic import Field

from hedgerow.web.api.paging import LARGEST_ID, In, Out, Text

if TYPE_CHECKING:
    from hedgerow.app.serving.reports import Drafted, PreviewShown, ReportShown, Standing
    from hedgerow.reports.filing_model import Arming, RecordedCall, ReportFile

__all__ = [
    "AgreeIn",
    "ApprovalIn",
    "ArmingOut",
    "CredentialsIn",
    "CredentialsOut",
    "DraftIn",
    "DraftedOut",
    "EditIn",
    "PreviewOut",
    "ReportFullOut",
    "ReportOut",
    "ResolveIn",
    "StandingOut",
    "TrialOut",
    "WithdrawIn",
    "arming_object",
    "drafted_object",
    "full_object",
    "preview_object",
    "report_object",
    "standing_object",
]

Environment = Literal["test", "production"]
State = Literal[
    "draft",
    "approved",
    "opening",
    "opened",
    "uploading",
    "finishing",
    "filed",
    "retracted",
    "needs_person",
    "withdrawn",
]
_Declaration = Annotated[
    Text | None,
    Field(default=None, max_length=500, description="In solo mode: what one person declares, word for word."),
]
_Sha256 = Annotated[str, Field(pattern=r"^[0-9a-f]{64}$", examples=["0" * 64])]


class DraftIn(In):
    """A case that a report is to be composed from."""

    case: Annotated[str, Field(pattern=r"^[0-9]{4}-[0-9]{5,12}$", examples=["2026-00417"])]
    authority: Annotated[Text, Field(max_length=40)] = "cybertipline"
    environment: Environment | None = Field(
        default=None, description="Into which of the authority's systems; null for that of the settings."
    )
    text: Literal["additional_info", "supplement", "nowhere"] = Field(
        default="additional_info", description="Where the texts around submissions go."
    )


class FileIn(In):
    """A file of a draft."""

    evidence: Annotated[int, Field(ge=1, le=LARGEST_ID)]
    name: Annotated[Text, Field(min_length=1, max_length=255)] | None = None
    details: dict[str, Any] = Field(
        default_factory=dict, description="What is said of it; whether it was viewed cannot be."
    )


class EditIn(In):
    """What is to change about a draft; what is left out stays."""

    revision: Annotated[int, Field(ge=1, le=2**31 - 1, description="Of the draft that was looked at.")]
    content: dict[str, Any] | None = Field(default=None, description="What it says, nested as its schema is.")
    files: Annotated[list[FileIn], Field(max_length=1_000)] | None = None


class ApprovalIn(In):
    """The preview that is approved."""

    revision: Annotated[int, Field(ge=1, le=2**31 - 1, description="Of the draft that was looked at.")]
    sha256: _Sha256 = Field(description="Of the preview that was looked at.")
    declaration: _Declaration = None


class WithdrawIn(In):
    """Why a report is given up."""

    reason: Annotated[Text, Field(min_length=1, max_length=500)]
    discharged_by: Annotated[int, Field(ge=1, le=LARGEST_ID)] | None = Field(
        default=None, description="The report, to another authority, by which this duty is discharged."
    )


class ResolveIn(In):
    """What becomes of a report that does not get on."""

    what: Literal["again", "edit", "retract", "filed"]
    reference: Annotated[Text, Field(min_length=1, max_length=100)] | None = Field(
        default=None, description="With `filed`: the authority's number for it."
    )


class CredentialsIn(In):
    """Credentials of one system. They are sealed, and nobody can read them back."""

    username: Annotated[Text, Field(min_length=1, max_length=200)]
    password: Annotated[Text, Field(min_length=1, max_length=200, json_schema_extra={"writeOnly": True})]


class AgreeIn(In):
    """Agreement to real reports being switched on."""

    declaration: _Declaration = None


class ReportFileOut(Out):
    """A file of a report, without its bytes."""

    file: int = Field(description="Its place, from 1.")
    evidence: int
    size_bytes: int
    sha256: str
    is_uploaded: bool
    is_described: bool


class CallOut(Out):
    """A call to the authority."""

    call: str
    file: int | None
    round: int = Field(description="Which opening of the report; each of them begins anew.")
    external_id: str | None
    begun_at: datetime
    answered_at: datetime | None = Field(description="Null for a call of which no answer was ever recorded.")
    outcome: str | None
    code: int | None
    status: int | None
    request_id: str | None = Field(description="The authority's name for the request, for asking about it.")
    duration_ms: int | None
    problem: str | None


class ReportOut(Out):
    """A report, without what it says."""

    report: int
    case: str
    authority: str
    environment: Environment
    state: State
    revision: int
    authors: list[str]
    approved_by: str | None
    approved_at: datetime | None
    is_solo: bool = Field(description="Whether its author approved it, in solo mode.")
    effective_at: datetime | None
    voided: str | None = Field(description="Why its last approval came to nothing.")
    document_sha256: str | None
    external_id: str | None = Field(description="The authority's number.")
    request_id: str | None
    filed_at: datetime | None
    filed_how: str | None
    filed_by: str | None
    preservation: str
    trouble: str | None = Field(description="Why it needs a person.")
    element: str | None
    to_do: str | None
    deadline_at: datetime
    alarm_level: int
    lost_openings: int
    files: list[ReportFileOut]


class ReportFullOut(ReportOut):
    """A report with what it says and every call that was made for it."""

    content: dict[str, Any]
    file_details: list[FileIn]
    calls: list[CallOut]


class DraftedOut(ReportFullOut):
    """A new draft, and what its author should know."""

    notes: list[str]


class ViolationOut(Out):
    """One thing for which a report cannot be sent."""

    rule: str
    path: str
    message: str
    fix: str


class PreviewOut(Out):
    """What would be sent, byte for byte."""

    report: int
    revision: int
    sha256: str | None = Field(description="What an approval names; null where the document cannot be written.")
    document: str | None
    files: list[str]
    violations: list[ViolationOut]
    completeness: int
    missing: list[str]


class CredentialsOut(Out):
    """What anybody may know of credentials."""

    environment: Environment
    set_by: str | None
    set_at: datetime | None
    stopped_at: datetime | None = Field(description="Since when nothing is sent, because they were refused.")
    stopped_reason: str | None


class EnvironmentOut(Out):
    """How one of the authority's systems stands."""

    environment: Environment
    address: str | None
    problem: str | None = Field(description="Why nothing can be sent there now.")
    credentials: CredentialsOut


class ArmingOut(Out):
    """Who switched real reports on, or has asked for it."""

    authority: str
    first_by: str
    first_at: datetime
    second_by: str | None
    second_at: datetime | None
    is_solo: bool
    effective_at: datetime | None


class TrialOut(Out):
    """Whether the authority accepts the credentials."""

    is_accepted: bool
    code: int | None
    status: int | None
    request_id: str | None
    problem: str | None


class UnreportedOut(Out):
    """A confirmed case of which there is no report."""

    case: str
    since: datetime


class StandingOut(Out):
    """How filing stands."""

    is_solo: bool
    environments: list[EnvironmentOut]
    arming: ArmingOut | None
    counts: dict[str, int]
    late: list[ReportOut]
    unreported: list[UnreportedOut]


# ── from what the house calls it ─────────────────────────────────────────────────────────────────────────────────


def _file(file: ReportFile) -> dict[str, Any]:
    return {
        "file": file.position + 1,
        "evidence": file.evidence_id,
        "size_bytes": file.size_bytes,
        "sha256": file.sha256,
        "is_uploaded": file.standing.external_id is not None,
        "is_described": file.standing.is_described,
    }


def _call(call: RecordedCall) -> dict[str, Any]:
    same = ("round", "external_id", "begun_at", "answered_at", "code", "status", "request_id", "duration_ms", "problem")
    return {name: getattr(call, name) for name in same} | {
        "call": str(call.call),
        "file": None if call.position is None else call.position + 1,
        "outcome": None if call.outcome is None else str(call.outcome),
    }


def report_object(shown: ReportShown) -> dict[str, Any]:
    """Return a report as `ReportOut` takes it."""
    report, filing = shown.report, shown.report.filing
    same = (
        *("authority", "revision", "approved_by", "approved_at", "is_solo", "effective_at", "voided"),
        *("document_sha256", "external_id", "request_id", "filed_at", "filed_by", "deadline_at", "alarm_level"),
    )
    return {name: getattr(report, name) for name in same} | {
        "report": report.id,
        "case": shown.case,
        "environment": str(report.environment),
        "state": str(report.state),
        "authors": list(report.authors),
        "filed_how": filing.filed_how,
        "preservation": str(report.preservation),
        "trouble": None if filing.trouble is None else str(filing.trouble),
        "element": filing.element,
        "to_do": None if filing.trouble is None else filing.trouble.remedy,
        "lost_openings": filing.orphans,
        "files": [_file(each) for each in shown.files],
    }


def full_object(shown: ReportShown) -> dict[str, Any]:
    """Return a report as `ReportFullOut` takes it."""
    return report_object(shown) | {
        "content": dict(shown.report.content),
        "file_details": [
            {"evidence": each.evidence_id, "name": each.name, "details": dict(each.details)} for each in shown.files
        ],
        "calls": [_call(each) for each in shown.calls],
    }


def drafted_object(made: Drafted) -> dict[str, Any]:
    """Return a new draft as `DraftedOut` takes it."""
    return full_object(made.shown) | {"notes": list(made.notes)}


def preview_object(shown: PreviewShown) -> dict[str, Any]:
    """Return a preview as `PreviewOut` takes it."""
    preview = shown.preview
    return {
        "report": preview.report.id,
        "revision": preview.report.revision,
        "sha256": preview.sha256,
        "document": None if preview.document is None else preview.document.decode(),
        "files": [each.decode() for each in preview.templates],
        "violations": list(preview.violations),
        "completeness": shown.completeness.score,
        "missing": list(shown.completeness.missing),
    }


def arming_object(arming: Arming) -> dict[str, Any]:
    """Return an arming as `ArmingOut` takes it."""
    return ArmingOut.model_validate(arming).model_dump()


def standing_object(standing: Standing) -> dict[str, Any]:
    """Return how filing stands as `StandingOut` takes it."""
    return {
        "is_solo": standing.is_solo,
        "environments": [
            {
                "environment": str(each.environment),
                "address": each.address,
                "problem": each.problem,
                "credentials": CredentialsOut.model_validate(each.credentials).model_dump(),
            }
            for each in standing.environments
        ],
        "arming": None if standing.arming is None else arming_object(standing.arming),
        "counts": {f"{where}.{state}": count for (where, state), count in standing.counts.items()},
        "late": [report_object(each) for each in standing.late],
        "unreported": [{"case": each.number, "since": each.since} for each in standing.unreported],
    }
