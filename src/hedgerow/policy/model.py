"""The nouns of the policy: a rule, what it looks at, what it leads to, a version, and a comparison of two."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from datetime import datetime

__all__ = [
    "Comparison",
    "Difference",
    "MatchFacts",
    "Outcome",
    "PastMatch",
    "Policy",
    "PolicyVersion",
    "Rule",
    "SubmissionFacts",
    "Then",
    "Tier",
    "When",
]


class Tier(StrEnum):
    """How surely a file is the known one.

    Attributes:
        EXACT: The digests are equal, or the signal of the file as it is differs in no bit.
        NEAR: The signal of the file as it is differs in some bits.
        ALTERED: It matches only when it is taken for something altered: mirrored, cropped, framed.
    """

    EXACT = "exact"
    NEAR = "near"
    ALTERED = "altered"


class Then(StrEnum):
    """What a match leads to, from the least to the gravest. There is no word for reporting.

    Attributes:
        IGNORE: Nothing; the match is recorded, as every match is.
        LOG: The answer says so, and nobody is asked.
        REVIEW: A case for people.
        HOLD_FOR_REVIEW: A case, and the platform is asked to keep the content from view until somebody has decided.
        ACTION: A case, and the platform is told by webhook at once.
    """

    IGNORE = "ignore"
    LOG = "log"
    REVIEW = "review"
    HOLD_FOR_REVIEW = "hold_for_review"
    ACTION = "action"


@dataclass(frozen=True, slots=True)
class MatchFacts:
    """What rules may ask about a match.

    Attributes:
        bank: The bank's name.
        provenance: Where the entry comes from: ``person``, ``import``, ``exchange:NAME``.
        category: The entry's category, where its source gave one.
        signal_type: Of the entry.
        tier: How surely it is the known one.
        distance: Bits that differ.
        query_share: Of a video that was looked up, the share that is in the known video, 0 to 1.
        known_share: The share of the known video that was found, 0 to 1.
        contributor: Who within the entry's provenance said so: a member's number.
        is_disputed: Whether others who share the entry's source say that it does not belong there.
    """

    bank: str
    provenance: str
    category: str | None
    signal_type: str
    tier: Tier
    distance: int
    query_share: float | None = None
    known_share: float | None = None
    contributor: str | None = None
    is_disputed: bool = False


@dataclass(frozen=True, slots=True)
class SubmissionFacts:
    """What rules may ask about a submission.

    Attributes:
        surface: Where on the platform it was: ``avatar``, ``direct_message``.
    """

    surface: str | None = None


@dataclass(frozen=True, slots=True)
class When:
    """The conditions of a rule: all of them must hold. An empty tuple, or None, asks nothing.

    Attributes:
        bank: One of these names; a name that ends with ``*`` stands for all that begin so.
        provenance: As `bank`.
        category: As `bank`; an entry without a category fits none.
        signal_type: One of these.
        tier: One of these.
        surface: As `bank`; a submission without a surface fits none.
        distance_at_most: Bits, inclusive.
        video_share_at_least: 0 to 1: so much of the known video is in the file, or so much of the file in the known
            video.
        contributor: As `bank`; an entry of which nobody in particular said so fits none.
        disputed: Whether others who share the source say that the entry does not belong there; None asks nothing.
    """

    bank: tuple[str, ...] = ()
    provenance: tuple[str, ...] = ()
    category: tuple[str, ...] = ()
    signal_type: tuple[str, ...] = ()
    tier: tuple[Tier, ...] = ()
    surface: tuple[str, ...] = ()
    distance_at_most: int | None = None
    video_share_at_least: float | None = None
    contributor: tuple[str, ...] = ()
    disputed: bool | None = None


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a match leads to.

    Attributes:
        rule: The name of the rule that fitted; ``default`` where none did.
        then: What happens.
        priority: Of the case, 1 (first) to 4; None where no case is opened.
        queue: Of the case: ``known``, ``near`` or ``escalated``; None where no case is opened.
        events: Names of webhook events that are sent at once.
        deadline: The name of the deadline that the case is under (`hedgerow.policy.deadlines`).
        allows_no_look: Whether a person may confirm the match without looking at the media.
    """

    rule: str
    then: Then
    priority: int | None = None
    queue: str | None = None
    events: tuple[str, ...] = ()
    deadline: str | None = None
    allows_no_look: bool = False

    @property
    def opens_case(self) -> bool:
        """Whether people are asked. What is acted upon at once is looked at by a person afterwards."""
        return self.then in {Then.REVIEW, Then.HOLD_FOR_REVIEW, Then.ACTION}


@dataclass(frozen=True, slots=True)
class Rule:
    """A line of the policy.

    Attributes:
        name: What people call it; it stands beside every match that it decided.
        when: Its conditions.
        then: What it leads to.
        priority: As in `Outcome`.
        queue: As in `Outcome`; None for the queue of the match's tier.
        events: As in `Outcome`.
        deadline: As in `Outcome`.
        allows_no_look: As in `Outcome`.
        note: Why it is there.
    """

    name: str
    when: When
    then: Then
    priority: int | None = None
    queue: str | None = None
    events: tuple[str, ...] = ()
    deadline: str | None = None
    allows_no_look: bool = False
    note: str | None = None


@dataclass(frozen=True, slots=True)
class Policy:
    """What matches lead to: the first rule that fits, else the default."""

    rules: tuple[Rule, ...]
    default: Rule


@dataclass(frozen=True, slots=True)
class PolicyVersion:
    """A policy as it was written; its text never changes.

    Attributes:
        version: Its number.
        toml: Its text.
        sha256: Of the text in UTF-8.
        note: What was said when it was added.
        created_by: Who added it.
        created_at: When.
        is_active: Whether it is the one in force.
        activated_at: When it was last activated.
        activated_by: By whom.
        retired_at: When another took its place.
    """

    version: int
    toml: str
    sha256: bytes
    note: str | None
    created_by: str
    created_at: datetime
    is_active: bool
    activated_at: datetime | None
    activated_by: str | None
    retired_at: datetime | None


@dataclass(frozen=True, slots=True)
class PastMatch:
    """A match of before, for a dry run."""

    id: int
    match: MatchFacts
    submission: SubmissionFacts


@dataclass(frozen=True, slots=True)
class Difference:
    """One kind of difference between two policies.

    Attributes:
        before: What such matches led to, in words: ``review, priority 2, near``.
        after: What they would lead to.
        count: How many.
        examples: Ids of the first of them.
    """

    before: str
    after: str
    count: int
    examples: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Comparison:
    """What another policy would have done with past matches.

    Attributes:
        considered: How many matches were decided with both.
        changed: How many would have led to something else.
        differences: The kinds of difference, the most frequent first.
        by_rule: How many matches each rule of the new policy decides; 0 for a rule that none fits.
    """

    considered: int
    changed: int
    differences: tuple[Difference, ...]
    by_rule: dict[str, int]

    def to_json(self) -> dict[str, object]:
        """Return the object that commands print and the dry run keeps."""
        return {
            "considered": self.considered,
            "changed": self.changed,
            "differences": [
                {"before": each.before, "after": each.after, "count": each.count, "examples": list(each.examples)}
                for each in self.differences
            ],
            "by_rule": dict(self.by_rule),
        }
