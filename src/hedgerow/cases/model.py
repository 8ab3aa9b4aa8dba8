"""The nouns of cases: submission, match, case, cluster, claim, decision, view, suppression."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

    from hedgerow.policy.model import Outcome, Tier

__all__ = [
    "Case",
    "Claim",
    "Classification",
    "Cluster",
    "ContentSignal",
    "Decision",
    "Effect",
    "Event",
    "FalsePositives",
    "Form",
    "Gathered",
    "Item",
    "MediaFacts",
    "NewMatch",
    "NewSubmission",
    "NewView",
    "Queue",
    "QueueCount",
    "RecordedMatch",
    "Stage",
    "State",
    "Submission",
    "Suppression",
    "Verdict",
    "View",
]


class State(StrEnum):
    """Where a case stands.

    Attributes:
        OPEN: In its queue, waiting for somebody.
        CLAIMED: Somebody works on it, for as long as the lease runs.
        ESCALATED: Waits for somebody who may decide what others would not.
        SECOND_OPINION: Waits for another person's judgement.
        WAITING: Put aside until a time, for something from outside.
        APPEALED: Decided, and the decision is contested; waits for another person.
        SAMPLED: Closed, and drawn for a blind second review; waits for another person.
        DECIDED: Every cluster has its decision, and the last can still be undone.
        ACTING: The decisions have taken effect; what leaves the house is under way.
        CLOSED: Done.
    """

    OPEN = "open"
    CLAIMED = "claimed"
    ESCALATED = "escalated"
    SECOND_OPINION = "second_opinion"
    WAITING = "waiting"
    APPEALED = "appealed"
    SAMPLED = "sampled"
    DECIDED = "decided"
    ACTING = "acting"
    CLOSED = "closed"


class Queue(StrEnum):
    """Where people take cases from."""

    KNOWN = "known"
    NEAR = "near"
    ESCALATED = "escalated"
    SECOND_OPINION = "second_opinion"
    APPEALS = "appeals"
    QA = "qa"
    NOTICES = "notices"
    TEXT = "text"


class Event(StrEnum):
    """What can happen to a case."""

    GATHER = "gather"
    CLAIM = "claim"
    RELEASE = "release"
    LAPSE = "lapse"
    REASSIGN = "reassign"
    SKIP = "skip"
    WAIT = "wait"
    WAKE = "wake"
    ESCALATE = "escalate"
    ASK = "ask"
    DECIDE = "decide"
    UNDO = "undo"
    RESTORE = "restore"
    CORRECT = "correct"
    ACT = "act"
    FINISH = "finish"
    APPEAL = "appeal"
    SAMPLE = "sample"
    AGREE = "agree"
    DISAGREE = "disagree"


class Verdict(StrEnum):
    """What a person says. The first two decide; the others hand the case on."""

    CONFIRMED = "confirmed"
    NOT_A_MATCH = "not_a_match"
    ESCALATE = "escalate"
    SECOND_OPINION = "second_opinion"
    SKIP = "skip"


class Stage(StrEnum):
    """On what occasion something was decided."""

    FIRST = "first"
    SECOND_OPINION = "second_opinion"
    ESCALATED = "escalated"
    APPEAL = "appeal"
    QA = "qa"
    CORRECTION = "correction"


class Classification(StrEnum):
    """The industry's classes of confirmed material: A before, B after puberty; 1 a sex act, 2 lascivious exhibition."""

    A1 = "A1"
    A2 = "A2"
    B1 = "B1"
    B2 = "B2"


class Form(StrEnum):
    """In what form something was seen."""

    TILE = "tile"
    BLURRED = "blurred"
    FULL = "full"
    TEXT = "text"
    EXIF = "exif"


@dataclass(frozen=True, slots=True)
class NewSubmission:
    """What was sent to be checked.

    Attributes:
        content_id: The platform's own name for it.
        door: Through which it came: ``api``, ``hma``, ``scan``, ``notice``.
        namespace: Of the API key: two platforms may use the same content ids.
        account_id: The platform's own name for the account.
        surface: Where on the platform it was.
        uploaded_at: When the platform received it.
        ip_event: Address, time and kind of the upload, as the platform told.
        text_context: What was written around it. Content: shown to reviewers, never logged.
        context: Whatever else the platform told.
        media_type: ``image/jpeg``; None where only signals were sent.
        width: Pixels.
        height: Pixels.
        frames: Of an animation or video.
        duration_s: Of a video.
        size_bytes: Of the media.
        md5: Digest of the media.
        sha1: Digest of the media.
        sha256: Digest of the media.
        fingerprint: What tells these bytes from others where there is no SHA-256: a digest of the signals that were
            sent. None takes the SHA-256.
        unchecked_reason: Why it could not be checked; None when it was.
        policy_version: The version that decided.
    """

    content_id: str
    door: str
    namespace: str = ""
    account_id: str | None = None
    surface: str | None = None
    uploaded_at: datetime | None = None
    ip_event: Mapping[str, object] | None = field(default=None, repr=False)
    text_context: str | None = field(default=None, repr=False)
    context: Mapping[str, object] = field(default_factory=dict, repr=False)
    media_type: str | None = None
    width: int | None = None
    height: int | None = None
    frames: int | None = None
    duration_s: float | None = None
    size_bytes: int | None = None
    md5: bytes | None = field(default=None, repr=False)
    sha1: bytes | None = field(default=None, repr=False)
    sha256: bytes | None = field(default=None, repr=False)
    fingerprint: bytes | None = field(default=None, repr=False)
    unchecked_reason: str | None = None
    policy_version: int | None = None


@dataclass(frozen=True, slots=True)
class Submission:
    """A submission as it is kept.

    Attributes:
        id: Its number, never given out twice.
        revision: 1 for the first bytes under its content id, 2 for the next others.
        received_at: When it came.
        sent: What was sent.
        outcome: The gravest outcome of its matches, ``no_match`` or ``unchecked``; None until it was answered.
        answer: What the platform was told, as canonical JSON; None until it was answered.
    """

    id: int
    revision: int
    received_at: datetime
    sent: NewSubmission
    outcome: str | None = None
    answer: str | None = field(default=None, repr=False)


@dataclass(frozen=True, slots=True)
class ContentSignal:
    """The stored signal of a submission: its plain PDQ, by which near duplicates are told.

    Attributes:
        pdq: 32 bytes.
        quality: 0 to 100; None is trusted.
    """

    pdq: bytes = field(repr=False)
    quality: int | None = None


@dataclass(frozen=True, slots=True)
class NewMatch:
    """A match of a submission, and what the policy says of it.

    Attributes:
        bank_id: The bank.
        bank_name: What it was called then.
        entry_id: The entry.
        provenance: Of the entry.
        signal_type: Of the entry.
        distance: Bits that differ.
        threshold: Of the bank, then.
        variant: The view that came nearest.
        tier: How surely it is the known one.
        outcome: What the policy says.
        policy_version: Which policy.
        contributor: Of the entry.
        category: Of the entry.
        query_share: Of a video, 0 to 1.
        known_share: Of a video, 0 to 1.
        false_match_probability: How likely anything in the bank would match by chance.
        is_disputed: Whether others who share the entry's source said that it does not belong there.
    """

    bank_id: int
    bank_name: str
    entry_id: int
    provenance: str
    signal_type: str
    distance: int
    threshold: int
    variant: str
    tier: Tier
    outcome: Outcome
    policy_version: int
    contributor: str | None = None
    category: str | None = None
    query_share: float | None = None
    known_share: float | None = None
    false_match_probability: float | None = None
    is_disputed: bool = False


@dataclass(frozen=True, slots=True)
class RecordedMatch:
    """A match as it is kept.

    Attributes:
        id: Its number.
        submission_id: The submission.
        matched_at: When it was found; later than the submission where the entry was banked later.
        match: What was found.
        case_item_id: Where it is gathered; None where no case was opened for it.
        suppression_id: What held it back; None where nothing did.
    """

    id: int
    submission_id: int
    matched_at: datetime
    match: NewMatch
    case_item_id: int | None = None
    suppression_id: int | None = None


@dataclass(frozen=True, slots=True)
class Case:
    """What people are asked to decide about one subject.

    Attributes:
        id: Its number in the database.
        number: What people call it: ``2026-00417``.
        namespace: Of the subject.
        subject_kind: ``account``, or ``content`` where the platform named no account.
        subject_id: The platform's own name for it.
        queue: Where it waits, or returns to.
        state: Where it stands.
        priority: 1, the first, to 4.
        due_at: When it should be decided.
        deadline: The name of the deadline profile that it is under.
        opened_at: When.
        state_changed_at: When.
        closed_at: When it was first closed.
        claimed_by: The user who works on it.
        claim_token: Raised with every claim; see `Claim`.
        claim_expires_at: When the lease runs out.
        wake_at: Until when it waits.
        version: Raised when something comes to it that a decider must see.
        round: Raised when it is to be decided again: by an appeal, a sample, a disagreement.
        is_contested: Whether those who decided before are kept from it.
        is_gathering: Whether what matches next about the subject joins it.
    """

    id: int
    number: str
    namespace: str
    subject_kind: str
    subject_id: str
    queue: Queue
    state: State
    priority: int
    due_at: datetime
    deadline: str | None
    opened_at: datetime
    state_changed_at: datetime
    closed_at: datetime | None
    claimed_by: int | None
    claim_token: int
    claim_expires_at: datetime | None
    wake_at: datetime | None
    version: int
    round: int
    is_contested: bool
    is_gathering: bool


@dataclass(frozen=True, slots=True)
class Cluster:
    """Copies of one thing in a case, about which a person decides once.

    Attributes:
        id: Its number.
        case_id: The case.
        count: How many submissions.
        verdict: The decision in force: ``confirmed`` or ``not_a_match``; None while undecided.
        distance: The nearest match of its first member, in bits.
    """

    id: int
    case_id: int
    count: int
    verdict: Verdict | None
    distance: int


@dataclass(frozen=True, slots=True)
class Item:
    """A submission's place in a case."""

    id: int
    case_id: int
    cluster_id: int
    submission_id: int
    added_at: datetime


@dataclass(frozen=True, slots=True)
class Gathered:
    """Where a submission's matches went.

    Attributes:
        case: The case, as it is now.
        item: The submission's place in it.
        is_new_case: Whether it was opened for this.
        is_new_cluster: Whether nothing like it was in the case.
        decision_id: The confirmation that holds for it already, since it is a copy of something confirmed, and that
            has taken effect without it: the platform is to be told of this one too. None where nothing is to be told.
    """

    case: Case
    item: Item
    is_new_case: bool
    is_new_cluster: bool
    decision_id: int | None = None


@dataclass(frozen=True, slots=True)
class Claim:
    """The right to work on a case, for a while.

    Attributes:
        case_id: The case.
        token: Raised with every claim. What is done under an older one is refused.
        user_id: Whose it is.
        expires_at: When it runs out unless it is extended.
    """

    case_id: int
    token: int
    user_id: int
    expires_at: datetime


@dataclass(frozen=True, slots=True)
class Decision:
    """What a person said about a case or a cluster. Never edited: it is undone, or followed by another.

    Attributes:
        id: Its number.
        case_id: The case.
        cluster_id: The cluster; None for the whole case.
        round: Of the case.
        stage: On what occasion.
        verdict: What was said.
        classification: Of what was confirmed.
        tags: Words.
        reason: Why, in a word or a sentence.
        note: For colleagues.
        is_no_look: Whether the decider had seen none of it in full: derived from the views, never stated.
        decided_by: The user.
        decided_at: When.
        takes_effect_at: Until then it can be undone, and nothing leaves the house.
        effected_at: When what follows from it was set going.
        undone_at: When it was undone.
        undone_by: By whom.
        supersedes_id: The decision that it takes the place of.
    """

    id: int
    case_id: int
    cluster_id: int | None
    round: int
    stage: Stage
    verdict: Verdict
    classification: Classification | None
    tags: tuple[str, ...]
    reason: str | None
    note: str | None = field(repr=False)
    is_no_look: bool
    decided_by: int
    decided_at: datetime
    takes_effect_at: datetime
    effected_at: datetime | None
    undone_at: datetime | None
    undone_by: str | None
    supersedes_id: int | None


@dataclass(frozen=True, slots=True)
class Effect:
    """A decision that takes effect, for whoever tells the platform.

    Attributes:
        decision: The decision.
        case: The case, as it is now.
        submission_ids: The submissions about which it speaks and for which it is in force.
        previous_verdict: What was in force before, where something was: equal to the new one, nothing need be told.
    """

    decision: Decision
    case: Case
    submission_ids: tuple[int, ...]
    previous_verdict: Verdict | None


@dataclass(frozen=True, slots=True)
class MediaFacts:
    """What must be known of a media to tell whether it was seen in full.

    Attributes:
        duration_s: Length of a video or animation; None for a picture.
    """

    duration_s: float | None = None


@dataclass(frozen=True, slots=True)
class NewView:
    """That somebody saw something.

    Attributes:
        case_id: In which case.
        submission_id: Of what.
        user_id: Who.
        form: In what form.
        started_at: When it began.
        seconds: For how long, as the server measured it.
        intervals: Of a video: the stretches that were played, in seconds of its own time. Where one skips, a stretch
            ends and another begins.
        is_entire: Whether all of the picture was on the screen, not a part that was zoomed into.
        reveal: Names the deliberate act to which several rows belong: one at its beginning, others as it goes on.
    """

    case_id: int
    submission_id: int
    user_id: int
    form: Form
    started_at: datetime
    seconds: float = 0.0
    intervals: tuple[tuple[float, float], ...] = ()
    is_entire: bool = True
    reveal: str | None = None


@dataclass(frozen=True, slots=True)
class View:
    """A view as it is kept.

    Attributes:
        id: Its number.
        view: What was seen.
        share: Of a video what was played of it, of a picture 1 when it was there entirely; 0 to 1.
        is_complete: Whether, with this view, this person has seen the media in full.
    """

    id: int
    view: NewView
    share: float
    is_complete: bool


@dataclass(frozen=True, slots=True)
class Suppression:
    """That an entry and a file were judged to be no match, so that nobody is asked again.

    Attributes:
        id: Its number.
        entry_id: The entry.
        cluster_id: The cluster about which it was said.
        decision_id: The decision that said so.
        created_by: Who.
        created_at: When.
        lifted_at: When it was lifted.
        lifted_by: By whom.
    """

    id: int
    entry_id: int
    cluster_id: int
    decision_id: int
    created_by: str
    created_at: datetime
    lifted_at: datetime | None = None
    lifted_by: str | None = None


@dataclass(frozen=True, slots=True)
class FalsePositives:
    """How often a bank, or an entry, was wrong.

    Attributes:
        id: The bank or the entry.
        judged: Pairs of an entry and a cluster that were decided.
        not_a_match: How many of them were judged to be none.
    """

    id: int
    judged: int
    not_a_match: int


@dataclass(frozen=True, slots=True)
class QueueCount:
    """How a queue stands.

    Attributes:
        queue: Which.
        waiting: Cases that anybody may take.
        claimed: Cases that somebody works on.
        put_aside: Cases that wait for something from outside.
        overdue: Of all these, those past their due time.
        by_priority: How many of all these have each priority.
        oldest_at: When the oldest was opened.
        next_due_at: The nearest due time.
    """

    queue: Queue
    waiting: int
    claimed: int
    put_aside: int
    overdue: int
    by_priority: dict[int, int]
    oldest_at: datetime | None
    next_due_at: datetime | None
