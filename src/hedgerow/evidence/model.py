"""The nouns of custody: evidence, hold, request, certificate, custodian, and why evidence may be deleted."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from datetime import datetime

    from hedgerow.cases.model import Verdict

__all__ = [
    "Certificate",
    "Custodian",
    "Erased",
    "Evidence",
    "EvidenceState",
    "Hold",
    "HoldKind",
    "Kind",
    "Missing",
    "NewAttachment",
    "Removal",
    "Request",
    "RequestKind",
    "RequestState",
    "Standing",
    "Use",
]


class Kind(StrEnum):
    """What a piece of evidence is.

    Attributes:
        MEDIA: The bytes of a submission.
        ATTACHMENT: A file that a person added to a case: a chat log, a screenshot of a profile.
    """

    MEDIA = "media"
    ATTACHMENT = "attachment"


class EvidenceState(StrEnum):
    """Where a piece of evidence stands.

    Attributes:
        KEPT: In the vault; review keys open it.
        SEALED: In the vault; a custodian's identity alone opens it.
        MISSING: There are no bytes, and `Evidence.missing_reason` says why.
        DESTROYING: Its keys are gone; the ciphertext is being deleted.
        DESTROYED: Nothing is left of it but its certificate.
    """

    KEPT = "kept"
    SEALED = "sealed"
    MISSING = "missing"
    DESTROYING = "destroying"
    DESTROYED = "destroyed"


class Missing(StrEnum):
    """Why there are no bytes.

    Attributes:
        SIGNALS_ONLY: The platform sent signals and kept the media to itself.
        NOT_KEPT: The case was opened later, by a look-back or a lifted suppression, when the bytes were gone.
        VAULT_FAILED: The vault did not take them. That is a failure of ours, and told as one.
    """

    SIGNALS_ONLY = "signals_only"
    NOT_KEPT = "not_kept"
    VAULT_FAILED = "vault_failed"


class HoldKind(StrEnum):
    """Why something must be preserved.

    Attributes:
        FILING: It was reported: one calendar year from filing. Nobody lifts it.
        EXTENSION: The platform chose to keep it longer.
        LEGAL: A court, a claim, an investigation of one's own.
        LAW_ENFORCEMENT: An authority asked for preservation.
    """

    FILING = "filing"
    EXTENSION = "extension"
    LEGAL = "legal"
    LAW_ENFORCEMENT = "law_enforcement"


class Removal(StrEnum):
    """On what path evidence is deleted. There is no other, and each asks `hedgerow.evidence.rules.check_removal`.

    Attributes:
        EXPIRY: It was reported, and the time for which it must be preserved is over.
        NOT_A_MATCH: People decided that it is no match, and its time after that is over.
        ERASURE: The person whose account it is wants their data deleted.
        DECISION: Two people of the house decided so.
        LAW_ENFORCEMENT: An authority asked for its destruction; two people carry it out.
    """

    EXPIRY = "expiry"
    NOT_A_MATCH = "not_a_match"
    ERASURE = "erasure"
    DECISION = "decision"
    LAW_ENFORCEMENT = "law_enforcement"


class RequestKind(StrEnum):
    """What two people do together."""

    OPEN = "open"
    LIFT = "lift"
    DESTROY = "destroy"


class RequestState(StrEnum):
    """Where a request stands: waiting for the second person, agreed, done, withdrawn, or over."""

    WAITING = "waiting"
    AGREED = "agreed"
    DONE = "done"
    WITHDRAWN = "withdrawn"
    OVER = "over"


@dataclass(frozen=True, slots=True)
class Evidence:
    """A file that is kept, or that should be.

    Attributes:
        id: Its number, never given out twice.
        case_id: The case for which it was kept.
        submission_id: Whose media it is; None for an attachment.
        kind: Media or attachment.
        name: What the file is called. May be a person's words: never logged.
        media_type: By its content; None where nobody knows.
        size_bytes: Of the plain bytes; None where there never were any.
        md5: Digest of the plain bytes.
        sha1: Digest of the plain bytes.
        sha256: Digest of the plain bytes.
        pdq: Of a picture, 32 bytes.
        uploaded_at: When the platform received it.
        object: What the vault calls it, 32 hex digits; None where it holds nothing.
        stored_bytes: Size of the ciphertext.
        cipher_sha256: Digest of the ciphertext, by which it is verified without any key.
        wrapped: Its data key under the review key; None once it is sealed or destroyed.
        sealed: Its data key sealed to the custodians (age); None before.
        state: Where it stands.
        missing_reason: Why there are no bytes.
        kept_at: When the row was made.
        report_id: The report with which it was filed; None before.
        filed_at: When it was filed.
        sealed_at: When it was sealed.
        retain_until: The latest end of its holds; None where it has none, or one without an end.
        destroyed_at: When it was destroyed.
    """

    id: int
    case_id: int
    submission_id: int | None
    kind: Kind
    name: str = field(repr=False)
    media_type: str | None
    size_bytes: int | None
    md5: bytes | None = field(repr=False)
    sha1: bytes | None = field(repr=False)
    sha256: bytes | None = field(repr=False)
    pdq: bytes | None = field(repr=False)
    uploaded_at: datetime | None
    object: str | None
    stored_bytes: int | None
    cipher_sha256: bytes | None = field(repr=False)
    wrapped: bytes | None = field(repr=False)
    sealed: bytes | None = field(repr=False)
    state: EvidenceState
    missing_reason: Missing | None
    kept_at: datetime
    report_id: int | None
    filed_at: datetime | None
    sealed_at: datetime | None
    retain_until: datetime | None
    destroyed_at: datetime | None


@dataclass(frozen=True, slots=True)
class NewAttachment:
    """What is said of a file that a person adds to a case.

    Attributes:
        name: What it is called.
        media_type: What it is.
    """

    name: str = field(repr=False)
    media_type: str | None = None


@dataclass(frozen=True, slots=True)
class Hold:
    """That a piece of evidence must be preserved.

    Attributes:
        id: Its number.
        evidence_id: Of what.
        kind: Why.
        until: When it ends by itself; None when it is lifted.
        reason: In a person's words.
        reference: Of the authority, the court, the report.
        placed_at: When.
        placed_by: By whom.
        lifted_at: When it was lifted.
        lifted_by: Who asked for that.
        lifting_agreed_by: Who agreed.
    """

    id: int
    evidence_id: int
    kind: HoldKind
    until: datetime | None
    reason: str | None = field(repr=False)
    reference: str | None
    placed_at: datetime
    placed_by: str
    lifted_at: datetime | None = None
    lifted_by: str | None = None
    lifting_agreed_by: str | None = None


@dataclass(frozen=True, slots=True)
class Request:
    """Something that two people do together: the one asks, the other agrees.

    Attributes:
        id: Its number.
        kind: To open or destroy evidence, or to lift holds.
        subjects: Numbers of evidence; of holds where they are to be lifted.
        reason: In the asker's words.
        reference: Of the authority, where one asked for it.
        removal: On which path, where it is to destroy.
        asked_by: Who.
        asked_at: When.
        expires_at: Until when it can be agreed to; of an agreed opening, until when it can be used.
        agreed_by: The second person.
        agreed_at: When.
        done_at: When it was carried out; an opening never is, it runs out.
        withdrawn_at: When it was taken back.
        withdrawn_by: By whom.
    """

    id: int
    kind: RequestKind
    subjects: tuple[int, ...]
    reason: str = field(repr=False)
    reference: str | None
    removal: Removal | None
    asked_by: str
    asked_at: datetime
    expires_at: datetime
    agreed_by: str | None = None
    agreed_at: datetime | None = None
    done_at: datetime | None = None
    withdrawn_at: datetime | None = None
    withdrawn_by: str | None = None


@dataclass(frozen=True, slots=True)
class Certificate:
    """The statement that a piece of evidence was destroyed.

    Attributes:
        evidence_id: Of what.
        at: When.
        text: Canonical JSON; what is signed.
        sha256: Of the text; it stands in the audit.
        key_id: The audit's key that signed it; None where there was none at hand.
        signature: Ed25519 over `hedgerow.evidence.certificates.signed_text`.
    """

    evidence_id: int
    at: datetime
    text: str
    sha256: bytes
    key_id: str | None = None
    signature: bytes | None = None


@dataclass(frozen=True, slots=True)
class Custodian:
    """A key to which evidence is sealed after filing. Its other half, the identity, is never here.

    Attributes:
        id: Its number.
        name: Whose it is, for people.
        recipient: The public half, ``age1…``.
        added_at: When.
        added_by: By whom.
        retired_at: When nothing was sealed to it any more.
    """

    id: int
    name: str = field(repr=False)
    recipient: str
    added_at: datetime
    added_by: str
    retired_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Use:
    """How a case stands in which a piece of evidence is looked at.

    Attributes:
        case_id: The case.
        closed_since: Since when it is closed; None where it is not.
        verdict: What was decided about this piece; of an attachment, about anything in the case.
    """

    case_id: int
    closed_since: datetime | None
    verdict: Verdict | None


@dataclass(frozen=True, slots=True)
class Standing:
    """What decides whether a piece of evidence may be deleted: it, its holds, and the cases in which it is used."""

    evidence: Evidence
    holds: tuple[Hold, ...]
    uses: tuple[Use, ...]


@dataclass(frozen=True, slots=True)
class Erased:
    """What came of the wish to have an account's evidence deleted.

    Attributes:
        destroyed: What is being destroyed.
        refused: What stays, and the reason of the error that says why: ``evidence_held``, ``evidence_in_use``.
    """

    destroyed: tuple[int, ...]
    refused: dict[int, str]
