"""What requests and answers look like: the words of the OpenAPI document."""

from __future__ import annotations

from datetime import datetime  # noqa: TC003  (pydantic reads the annotation)
from typing import Any, Literal

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field

from hedgerow.app.signals import GivenFrame, signal_of

__all__ = [
    "BatchIn",
    "BatchOut",
    "ContextIn",
    "HashedOut",
    "LookedUpOut",
    "LookupIn",
    "MatchOut",
    "ScreenedOut",
    "SignalIn",
    "SubmissionIn",
    "UncheckedOut",
]

_MOST_SIGNALS = 64
_MOST_FRAMES = 200_000


class _In(BaseModel):
    model_config = ConfigDict(extra="forbid")


class FrameIn(_In):
    """A hashed frame of a video."""

    pdq: str = Field(description="64 hex digits.", min_length=64, max_length=64)
    quality: int = Field(ge=0, le=100)
    time_s: float = Field(ge=0, description="When it is shown, in seconds from the start.")


class SignalIn(_In):
    """A ready-made signal."""

    type: Literal["pdq", "vpdq", "md5", "sha1", "sha256"] = Field(examples=["pdq"])
    value: str | None = Field(
        default=None, max_length=64, description="Hex digits; not for a video.", examples=["f8" * 32]
    )
    quality: int | None = Field(default=None, ge=0, le=100, description="Of a PDQ. Without it the signal is trusted.")
    frames: list[FrameIn] | None = Field(default=None, max_length=_MOST_FRAMES, description="Of a video.")
    duration_s: float | None = Field(default=None, ge=0, description="Of a video.")

    def to_signal(self) -> Any:  # noqa: ANN401  (a Signal, of which the door knows nothing)
        """Return the signal, or raise what is wrong with it."""
        frames = [GivenFrame(each.pdq, each.quality, each.time_s) for each in self.frames or ()]
        return signal_of(self.type, self.value, quality=self.quality, frames=frames, duration_s=self.duration_s)


class ContextIn(_In):
    """What a platform says about a submission, beside the media."""

    content_id: str = Field(
        min_length=1,
        max_length=255,
        description="Your own name for the content. The same bytes under the same name are the same submission.",
        examples=["post-8812"],
    )
    account_id: str | None = Field(
        default=None,
        min_length=1,
        max_length=255,
        description="Your own name for the account: cases gather by it.",
        examples=["account-17"],
    )
    surface: str | None = Field(
        default=None, max_length=100, description="Where on your platform it was.", examples=["avatar"]
    )
    uploaded_at: AwareDatetime | None = Field(default=None, description="When you received it, with its zone.")
    ip_event: dict[str, Any] | None = Field(
        default=None,
        description="From where it was uploaded: `ip`, `at`, `event`, `port`, `is_proxy`. A report takes it from here.",
        examples=[{"ip": "203.0.113.9", "at": "2026-11-20T21:14:00Z", "event": "Upload"}],
    )
    text_context: str | None = Field(
        default=None, max_length=65_536, description="What was written around it. Shown to reviewers on purpose only."
    )
    context: dict[str, Any] = Field(
        default_factory=dict,
        description="Whatever else you know. `account`, `recipients`, `victims` and more of it reach the report.",
    )


class SubmissionIn(ContextIn):
    """A submission without media: its signals, or an address from which the media is fetched."""

    signals: list[SignalIn] | None = Field(default=None, min_length=1, max_length=_MOST_SIGNALS)
    url: str | None = Field(
        default=None, max_length=4_096, description="Where the media is. Off unless the setting `fetch.enabled` is on."
    )


class LookupIn(_In):
    """What is to be looked up: signals of one media, or an address."""

    signals: list[SignalIn] | None = Field(default=None, min_length=1, max_length=_MOST_SIGNALS)
    url: str | None = Field(default=None, max_length=4_096, description="As for a submission.")


class BatchIn(_In):
    """Several submissions."""

    submissions: list[SubmissionIn] = Field(min_length=1)


class UncheckedOut(BaseModel):
    """Why something could not be looked at."""

    reason: str = Field(description="A word for programs.", examples=["damaged"])
    detail: str = Field(description="One sentence for a person.")


class SegmentOut(BaseModel):
    """A stretch that two videos have in common."""

    model_config = ConfigDict(extra="allow")


class MatchOut(BaseModel):
    """A known entry that is near."""

    bank: str
    entry: int
    type: str = Field(examples=["pdq"])
    distance: int = Field(description="Bits that differ; 0 for digests.")
    threshold: int = Field(description="Of the bank: a distance up to it is a match.")
    variant: str = Field(description="The view that came nearest.", examples=["as is", "mirrored"])
    category: str | None = None
    provenance: str = Field(examples=["person", "import", "exchange:ncmec"])
    contributor: str | None = None
    false_match_probability: float | None = Field(
        default=None, description="How likely anything in this bank would be so near by chance."
    )
    known_share: float | None = Field(default=None, description="Of a known video, the share that was found.")
    query_share: float | None = Field(default=None, description="Of your video, the share that is in the known one.")
    query_time_s: float | None = None
    known_time_s: float | None = None
    known_duration_s: float | None = None
    segments: list[SegmentOut] | None = None


class ScreenedMatchOut(MatchOut):
    """A match, and what the policy says of it."""

    match: int = Field(description="Its number.")
    tier: Literal["exact", "near", "altered"]
    rule: str = Field(description="The rule of the policy that fitted.")
    outcome: str = Field(examples=["review"])
    priority: int | None = None
    events: list[str] = Field(description="What your webhooks are told at once.")
    is_suppressed: bool = Field(description="A person judged this pair to be no match before: it changes nothing.")


class CaseOut(BaseModel):
    """Where people will decide."""

    number: str = Field(examples=["2026-00417"])
    queue: str = Field(examples=["known"])
    priority: int
    due_at: datetime
    is_new: bool = Field(description="Whether it was opened for this submission.")
    is_confirmed_before: bool = Field(description="A person confirmed a copy of this, and that has taken effect.")


class MediaOut(BaseModel):
    """What the media is."""

    type: str = Field(examples=["image/jpeg"])
    width: int | None = None
    height: int | None = None
    frames: int | None = None
    duration_s: float | None = None
    size_bytes: int | None = None


class ScreenedOut(BaseModel):
    """The answer to a submission."""

    submission: int
    revision: int = Field(description="1 for the first bytes under this content id, 2 for the next others.")
    content_id: str
    outcome: str = Field(
        description="`no_match`, `unchecked`, or the gravest outcome of the matches: `ignore`, `log`, `review`, "
        "`hold_for_review`, `action`.",
        examples=["no_match"],
    )
    matches: list[ScreenedMatchOut]
    unchecked: UncheckedOut | None = Field(description="Why something could not be looked at; never left out.")
    caution: UncheckedOut | None = Field(description="What to know about media that was matched all the same.")
    case: CaseOut | None
    media: MediaOut | None
    policy_version: int | None
    checked_at: datetime
    is_repeat: bool = Field(description="Whether the same was submitted before: this is the answer of that time.")


class HashedSignalOut(BaseModel):
    """A signal of the media that was sent."""

    type: str
    value: str
    quality: int | None = None
    frames: int | None = None
    duration_s: float | None = None


class HashedOut(BaseModel):
    """The signals of media."""

    signals: list[HashedSignalOut]
    unchecked: UncheckedOut | None
    caution: UncheckedOut | None
    media: MediaOut | None


class LookedUpOut(BaseModel):
    """What the banks say of media or signals. Nothing was recorded."""

    matches: list[MatchOut]
    unchecked: UncheckedOut | None
    caution: UncheckedOut | None
    media: MediaOut | None


class BatchItemOut(BaseModel):
    """The answer to one submission of a batch, in its place."""

    status: int = Field(description="The status that it would have had alone.", examples=[200])
    answer: ScreenedOut | None = None
    problem: dict[str, Any] | None = Field(default=None, description="Problem details, where it was not taken.")


class BatchOut(BaseModel):
    """The answers to a batch, in the order of the submissions."""

    answers: list[BatchItemOut]
