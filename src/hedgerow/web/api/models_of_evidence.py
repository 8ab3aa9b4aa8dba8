"""What comes in and goes out about evidence. Neither bytes nor keys of it are among this."""

from __future__ import annotations

from datetime import datetime  # noqa: TC003  (pydantic reads the annotation)
from typing import Annotated, Literal

from pydantic import AwareDatetime, Field, SecretStr

from hedgerow.evidence.model import (  # noqa: TC001  (pydantic reads the annotations)
    EvidenceState,
    HoldKind,
    Kind,
    Missing,
    Removal,
    RequestKind,
    RequestState,
)
from hedgerow.evidence.rules import LONGEST_REASON
from hedgerow.web.api.paging import LARGEST_ID, In, Out, Text

__all__ = [
    "AccountIn",
    "AuthorityIn",
    "CertificateOut",
    "ContentIn",
    "CustodianIn",
    "CustodianOut",
    "CustodiansOut",
    "ErasedOut",
    "EvidenceOut",
    "EvidenceShownOut",
    "HeldOut",
    "HoldIn",
    "HoldOut",
    "LiftingIn",
    "OpeningIn",
    "ReasonIn",
    "RefusedOut",
    "RequestOut",
]

_MOST = 1_000
_Numbers = Annotated[list[Annotated[int, Field(ge=1, le=LARGEST_ID)]], Field(min_length=1, max_length=_MOST)]


# ── in ───────────────────────────────────────────────────────────────────────────────────────────────────────────


class ReasonIn(In):
    """Why something is done with evidence."""

    reason: Text = Field(min_length=1, max_length=LONGEST_REASON, description="In your words. It is kept.")
    reference: Text | None = Field(
        default=None, min_length=1, max_length=200, description="Of the authority, the court, the order."
    )


class HoldIn(ReasonIn):
    """A hold that is to be placed."""

    kind: Literal["legal", "law_enforcement", "extension"] = Field(
        description="Why it must be preserved. The hold of a filing comes with its report, and from nowhere else."
    )
    until: AwareDatetime | None = Field(
        default=None, description="When it ends by itself; null for when it is lifted.", examples=[None]
    )


class OpeningIn(ReasonIn):
    """Evidence that is to be opened."""

    evidence: _Numbers = Field(description="Its numbers.", examples=[[17]])


class LiftingIn(ReasonIn):
    """Holds that are to be lifted."""

    holds: _Numbers = Field(description="Their numbers.", examples=[[3]])


class AuthorityIn(OpeningIn):
    """Evidence that is to be destroyed."""

    is_for_authority: bool = Field(
        default=False,
        description="Whether an authority asked for it: that alone overrides a hold, and needs its `reference`.",
    )


class ContentIn(In):
    """What opens sealed evidence."""

    identity: SecretStr | None = Field(
        default=None,
        max_length=10_000,
        description="A custodian's identity, `AGE-SECRET-KEY-1…`; for what is sealed. Kept nowhere.",
    )


class CustodianIn(In):
    """A key to which evidence is to be sealed."""

    name: Text = Field(min_length=1, max_length=100, description="Whose it is, for people.")
    recipient: Text = Field(min_length=1, max_length=100, description="The half that anybody may know: `age1…`.")


class AccountIn(In):
    """An account whose owner wants its data deleted."""

    account_id: Text = Field(min_length=1, max_length=255, description="The platform's own name for the account.")
    namespace: Text = Field(default="", max_length=64, description="Of the platform's API key.")


# ── out ──────────────────────────────────────────────────────────────────────────────────────────────────────────


class EvidenceOut(Out):
    """A piece of evidence, without its bytes and keys."""

    evidence: int
    case: str = Field(description="The case for which it was kept.", examples=["2026-00417"])
    submission: int | None = Field(validation_alias="submission_id", description="Whose media it is.")
    kind: Kind
    state: EvidenceState
    missing_reason: Missing | None = Field(description="Why there are no bytes.")
    name: str
    media_type: str | None
    size_bytes: int | None
    uploaded_at: datetime | None
    kept_at: datetime
    report: int | None = Field(validation_alias="report_id", description="The report with which it was filed.")
    filed_at: datetime | None
    sealed_at: datetime | None
    retain_until: datetime | None = Field(description="The latest end of its holds, where all of them have one.")
    destroyed_at: datetime | None


class HoldOut(Out):
    """That a piece of evidence must be preserved."""

    hold: int = Field(validation_alias="id")
    kind: HoldKind
    until: datetime | None = Field(description="When it ends by itself; null: when it is lifted.")
    reason: str | None
    reference: str | None
    placed_at: datetime
    placed_by: str
    lifted_at: datetime | None
    lifted_by: str | None
    lifting_agreed_by: str | None


class EvidenceShownOut(EvidenceOut):
    """A piece of evidence with its digests and holds."""

    md5: str | None
    sha1: str | None
    sha256: str | None
    object: str | None = Field(description="What the vault calls it.")
    cipher_sha256: str | None = Field(description="Of the ciphertext.")
    holds: list[HoldOut]


class HeldOut(Out):
    """Evidence that is held."""

    held: list[EvidenceShownOut]


class RequestOut(Out):
    """What somebody asked for, and how it stands."""

    request: int
    kind: RequestKind
    state: RequestState
    subjects: list[int] = Field(description="Numbers of evidence; of holds where they are to be lifted.")
    reason: str
    reference: str | None
    removal: Removal | None = Field(description="On which ground, where it is to destroy.")
    asked_by: str
    asked_at: datetime
    agreed_by: str | None
    agreed_at: datetime | None
    expires_at: datetime = Field(description="Until when it waits; of an agreed opening, until when it is good.")
    done_at: datetime | None


class CertificateOut(Out):
    """The statement that a piece of evidence was destroyed."""

    evidence: int
    at: datetime
    text: str = Field(description="Canonical JSON, as it was signed.")
    sha256: str = Field(description="Of the text; the audit's entry names it.")
    key: str | None = Field(description="The audit's key that signed it.")
    signature: str | None


class CustodianOut(Out):
    """A key to which evidence is sealed."""

    custodian: int = Field(validation_alias="id")
    name: str
    recipient: str
    added_at: datetime
    added_by: str
    retired_at: datetime | None


class CustodiansOut(Out):
    """The keys to which evidence is sealed."""

    custodians: list[CustodianOut]


class RefusedOut(Out):
    """A piece of evidence that stays."""

    evidence: int
    reason: Literal["evidence_held", "evidence_in_use", "evidence_gone"]


class ErasedOut(Out):
    """What goes, and what stays."""

    destroyed: list[int]
    refused: list[RefusedOut]
