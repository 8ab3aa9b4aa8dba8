"""What requests and answers about cases look like."""

from __future__ import annotations

from datetime import datetime  # noqa: TC003  (pydantic reads the annotation)
from typing import Annotated, Any, Literal

from pydantic import AwareDatetime, Field

from hedgerow.cases import Classification, Form, Queue, Stage, State, Statement, Verdict
from hedgerow.web.api.paging import LARGEST_ID, In, Out, Text

__all__ = [
    "AppealIn",
    "AsideIn",
    "CaseMatchOut",
    "CaseShownOut",
    "CaseStateOut",
    "ClaimOut",
    "ClaimedOut",
    "ClusterOut",
    "DecidedOut",
    "DecisionIn",
    "DecisionOut",
    "EventOut",
    "ItemOut",
    "LiftedOut",
    "QueuesIn",
    "ReassignIn",
    "StatementIn",
    "SuppressionOut",
    "TokenIn",
    "ViewIn",
    "ViewOut",
]


class CaseStateOut(Out):
    """How a case stands. What is null for a program is for people."""

    number: str = Field(examples=["2026-00417"])
    subject_kind: Literal["account", "content"]
    subject_id: str = Field(description="The platform's own name for it.", examples=["account-17"])
    queue: Queue
    state: State
    priority: int = Field(description="1, the first, to 4.", ge=1, le=4)
    due_at: datetime
    opened_at: datetime
    state_changed_at: datetime
    closed_at: datetime | None
    version: int = Field(description="Raised when something comes to it that a decider must see.")
    round: int = Field(description="Raised when it is to be decided again.")
    namespace: str | None = Field(default=None, description="Of the subject: that of the key that submitted it.")
    deadline: str | None = Field(default=None, description="The deadline profile that it is under.")
    claimed_by: int | None = Field(default=None, description="The user who works on it.")
    claim_expires_at: datetime | None = None
    wake_at: datetime | None = Field(default=None, description="Until when it is put aside.")
    is_contested: bool | None = Field(default=None, description="Whether those who decided before are kept from it.")


class ClusterOut(Out):
    """Copies of one thing, about which a person decides once."""

    cluster: int = Field(validation_alias="id")
    count: int = Field(description="How many submissions.")
    verdict: Verdict | None = Field(description="The decision in force; null while undecided.")
    distance: int = Field(description="The nearest match of its first member, in bits.")


class DecisionOut(Out):
    """What a person said. Never edited: it is undone, or followed by another."""

    decision: int = Field(validation_alias="id")
    cluster: int | None = Field(validation_alias="cluster_id", description="Null for the whole case.")
    round: int
    stage: Stage
    verdict: Verdict
    classification: Classification | None
    tags: list[str]
    reason: str | None
    note: str | None
    is_no_look: bool = Field(description="Whether the decider had seen none of it in full: derived from the views.")
    decided_by: int
    decided_at: datetime
    takes_effect_at: datetime = Field(description="Until then it can be undone, and nothing leaves the house.")
    effected_at: datetime | None
    undone_at: datetime | None
    undone_by: str | None
    supersedes: int | None = Field(validation_alias="supersedes_id")


class CaseShownOut(CaseStateOut):
    """A case, and what people decided about it."""

    items: int | None = Field(description="How many submissions are gathered in it; null for a program.")
    clusters: list[ClusterOut] | None
    decisions: list[DecisionOut] | None


class CaseMatchOut(Out):
    """A known entry that was near."""

    match: int = Field(description="Its number.")
    bank: str
    entry: int
    type: str = Field(examples=["pdq"])
    distance: int
    threshold: int
    variant: str
    tier: str
    rule: str = Field(description="The rule of the policy that fitted.")
    outcome: str
    policy_version: int
    provenance: str
    contributor: str | None
    category: str | None
    query_share: float | None
    known_share: float | None
    false_match_probability: float | None
    matched_at: datetime = Field(description="Later than the submission where the entry was banked later.")
    suppression: int | None = Field(description="What held it back.")


class ItemOut(Out):
    """A submission in a case, as far as machines know it. Neither media nor texts."""

    item: int
    cluster: int
    submission: int
    added_at: datetime
    content_id: str
    account_id: str | None
    surface: str | None
    uploaded_at: datetime | None
    received_at: datetime
    media_type: str | None
    width: int | None
    height: int | None
    frames: int | None
    duration_s: float | None
    size_bytes: int | None
    outcome: str | None
    unchecked_reason: str | None
    matches: list[CaseMatchOut]


class ViewOut(Out):
    """That somebody saw something."""

    view: int
    submission: int
    user: int
    form: Form
    started_at: datetime
    seconds: float
    is_entire: bool
    reveal: str | None
    share: float = Field(description="Of a video what was played of it, of a picture 1 when it was there entirely.")
    is_complete: bool = Field(description="Whether, with this view, this person has seen the media in full.")


class EventOut(Out):
    """Something that happened, as the audit has it."""

    sequence: int
    at: datetime
    actor: str = Field(examples=["user:3"])
    action: str = Field(examples=["case.claimed"])
    details: dict[str, Any]


class ClaimOut(Out):
    """The right to work on a case, for a while."""

    token: int = Field(description="Shown with whatever is done under the claim.")
    expires_at: datetime = Field(description="When it is over unless it is extended.")


class ClaimedOut(Out):
    """A case that is yours for a while; null where nothing waits for you."""

    case: CaseStateOut | None
    claim: ClaimOut | None


class QueuesIn(In):
    """From which queues to take a case."""

    queues: list[Queue] = Field(min_length=1, max_length=len(Queue), examples=[["known", "near"]])


class TokenIn(In):
    """A claim."""

    token: int = Field(ge=0, le=LARGEST_ID)


class AsideIn(TokenIn):
    """Until when a case is put aside, and why."""

    until: AwareDatetime
    reason: Text = Field(min_length=1, max_length=200, description="A word or a sentence; it stands in the audit.")


class ReassignIn(In):
    """To whom a case goes."""

    user: int = Field(ge=1, le=LARGEST_ID)


class StatementIn(In):
    """What you say."""

    verdict: Verdict
    classification: Classification | None = Field(default=None, description="Of what is confirmed.")
    tags: list[str] = Field(default_factory=list, max_length=100, description="Words of small letters, digits and _.")
    reason: Text | None = Field(
        default=None,
        max_length=500,
        description="Needed for skipping. Of what is no match, partners may be told the word at its head: "
        "`different_media`, `lawful` or `low_quality`.",
    )
    note: Text | None = Field(default=None, max_length=10_000, description="For colleagues.")

    def statement(self) -> Statement:
        """Return it as the house takes it."""
        return Statement(self.verdict, self.classification, self.tags, self.reason, self.note)


class DecisionIn(StatementIn):
    """What you say about a case that you claimed, or one cluster of it."""

    token: int = Field(ge=0, le=LARGEST_ID, description="Of your claim.")
    seen_version: int = Field(
        ge=0, le=LARGEST_ID, description="`version` of the case as you saw it: what came since stops the decision."
    )
    cluster: int | None = Field(
        default=None, ge=1, le=LARGEST_ID, description="Null for all that is not decided in this round yet."
    )


class DecidedOut(Out):
    """The decisions that were recorded."""

    decisions: list[DecisionOut]


class AppealIn(In):
    """How urgent the appeal is."""

    priority: int = Field(default=3, ge=1, le=4)


class ViewIn(In):
    """That you saw something."""

    submission: int = Field(ge=1, le=LARGEST_ID)
    form: Form
    started_at: AwareDatetime | None = Field(default=None, description="Without it now.")
    seconds: float = Field(default=0.0, ge=0, le=86_400, description="New since the row before of the same reveal.")
    intervals: list[tuple[Annotated[float, Field(ge=0)], Annotated[float, Field(ge=0)]]] = Field(
        default_factory=list, max_length=1_000, description="Of a video: the stretches that were played."
    )
    is_entire: bool = Field(default=True, description="Whether all of the picture was on the screen.")
    reveal: Text | None = Field(
        default=None, min_length=1, max_length=64, description="Names the deliberate act to which rows belong."
    )


class SuppressionOut(Out):
    """A pair that was judged to be no match."""

    suppression: int = Field(validation_alias="id")
    entry: int = Field(validation_alias="entry_id")
    cluster: int = Field(validation_alias="cluster_id")
    decision: int = Field(validation_alias="decision_id")
    created_by: str
    created_at: datetime
    lifted_at: datetime | None
    lifted_by: str | None


class LiftedOut(Out):
    """The cases to which what it held back has come."""

    cases: list[CaseStateOut]
