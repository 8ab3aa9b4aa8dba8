"""What may happen to a case. Nothing here knows a database, a clock, or who has which permission (see accounts).

The rules:

1. Matches gather by subject: one case gathers for an account, or for a content where no account was named. It gathers
   while it waits, is worked on or put aside; once every cluster has its decision, what comes next opens another.
2. Every step of a case is in `TRANSITIONS`; any other is refused.
3. A case has one queue at all times, also while somebody works on it: there it returns when it is released, when the
   lease runs out, and when a decision is undone.
4. A claim is good until its lease runs out. Each claim has a higher token than all before it on that case, and what is
   done under another token, or after the lease, is refused.
5. Nobody claims a case again that they skipped in this round, or gives the second opinion that they asked for. A
   contested case (an appeal, a sample, a disagreement) is kept from everybody who decided any of it before.
6. A decision speaks about one cluster or about the whole case. In force for a cluster is the latest one that was not
   undone. Second reviews of a sample are compared, not put in force.
7. A case is decided when every cluster was decided in its present round.
8. A decision takes effect when its time to be undone is over. Until then nothing leaves the house. A decision that has
   taken effect is not undone; another may supersede it.
9. A confirmed match has a classification or none; no other verdict has one. Skipping needs a reason.
10. A second review of a sample that agrees closes the case; one that does not escalates it.
11. A submission joins a cluster of its case when it is the same file, or when the stored PDQs are within 31 bits; but
    not when the one is much nearer to what is known than the other: a stranger at 30 bits must not be decided together
    with the known picture itself. What was decided already is joined by copies alone, and only where it was confirmed.
12. A pair judged "not a match" is suppressed for the same files, and for what is nearer to the judged picture than to
    the entry and within 10 bits of it: the entry itself stays found.
13. The priority of a case is that of its most urgent match, and it is due at the earliest time that any asks for.
14. Of a picture, seen in full means: all of it, unfiltered, for a second at least. Of a video: every second was played,
    by one person. Skipping is not playing.
15. A sample is drawn by the case's number alone, so that nobody can choose which case is looked at again.
"""

from __future__ import annotations

import hashlib
import re
from datetime import timedelta
from typing import TYPE_CHECKING, Final

from hedgerow.cases.model import Classification, Event, Queue, Stage, State, Verdict
from hedgerow.errors import CaseTaken, ClaimLost, ClaimRefused, InvalidDecision, TransitionRefused, UndoTooLate
from hedgerow.policy.deadlines import deadline_named

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Sequence
    from datetime import datetime

    from hedgerow.cases.model import Case, Decision

__all__ = [
    "CLAIMABLE",
    "DEFAULT_LEASE",
    "DEFAULT_UNDO_WINDOW",
    "DUE_AFTER",
    "FINAL",
    "GATHERING",
    "NEAR_BITS",
    "RESTING_STATE",
    "SAME_PICTURE_BITS",
    "SOON",
    "TRANSITIONS",
    "bits_apart",
    "check_claim",
    "check_classification",
    "check_may_claim",
    "check_tags",
    "check_undo",
    "decision_in_force",
    "due_at",
    "event_of",
    "is_decided_in",
    "is_due_soon",
    "is_sampled",
    "is_suppressed",
    "joined_queue",
    "joins_cluster",
    "next_state",
    "stage_of",
    "usable_pdq",
    "why_not_claimed",
]

# ── states ───────────────────────────────────────────────────────────────────────────────────────────────────────

RESTING_STATE: Final[dict[Queue, State]] = {
    Queue.KNOWN: State.OPEN,
    Queue.NEAR: State.OPEN,
    Queue.NOTICES: State.OPEN,
    Queue.TEXT: State.OPEN,
    Queue.ESCALATED: State.ESCALATED,
    Queue.SECOND_OPINION: State.SECOND_OPINION,
    Queue.APPEALS: State.APPEALED,
    Queue.QA: State.SAMPLED,
}
"""In which state a case waits in its queue."""

CLAIMABLE: Final = frozenset(RESTING_STATE.values())
"""States from which a case is claimed."""

GATHERING: Final = frozenset({State.OPEN, State.CLAIMED, State.ESCALATED, State.SECOND_OPINION, State.WAITING})
"""States in which an uncontested case may be joined."""

FINAL: Final = frozenset({Verdict.CONFIRMED, Verdict.NOT_A_MATCH})
"""Verdicts that decide."""

_REST: Final = None  # the resting state of the case's queue
_WAITS: Final = (State.OPEN, State.ESCALATED, State.SECOND_OPINION, State.APPEALED, State.SAMPLED)

TRANSITIONS: Final[dict[tuple[State, Event], State | None]] = {
    **{(state, Event.CLAIM): State.CLAIMED for state in _WAITS},
    **{(state, Event.REASSIGN): State.CLAIMED for state in (*_WAITS, State.CLAIMED)},
    (State.CLAIMED, Event.RELEASE): _REST,
    (State.CLAIMED, Event.LAPSE): _REST,
    (State.CLAIMED, Event.SKIP): _REST,
    (State.CLAIMED, Event.WAIT): State.WAITING,
    (State.WAITING, Event.WAKE): _REST,
    (State.CLAIMED, Event.ESCALATE): State.ESCALATED,
    (State.CLAIMED, Event.ASK): State.SECOND_OPINION,
    (State.CLAIMED, Event.DECIDE): State.DECIDED,
    (State.CLAIMED, Event.AGREE): State.CLOSED,
    (State.CLAIMED, Event.DISAGREE): State.ESCALATED,
    (State.DECIDED, Event.UNDO): _REST,
    **{(state, Event.UNDO): state for state in (State.CLAIMED, State.WAITING, *_WAITS)},
    (State.DECIDED, Event.RESTORE): State.CLOSED,
    (State.DECIDED, Event.ACT): State.ACTING,
    (State.ACTING, Event.FINISH): State.CLOSED,
    **{(state, Event.CORRECT): State.DECIDED for state in (State.DECIDED, State.ACTING, State.CLOSED, State.SAMPLED)},
    **{(state, Event.APPEAL): State.APPEALED for state in (State.ACTING, State.CLOSED, State.SAMPLED)},
    (State.CLOSED, Event.SAMPLE): State.SAMPLED,
    **{(state, Event.GATHER): state for state in GATHERING},
}
"""From a state, by an event, to a state; None stands for the resting state of the case's queue."""


def next_state(state: State, event: Event, queue: Queue) -> State:
    """Return the state after an event.

    Args:
        state: The state before.
        event: What happens.
        queue: The queue of the case after the event.

    Raises:
        TransitionRefused: A case in that state does not take that step.

    >>> next_state(State.CLAIMED, Event.RELEASE, Queue.ESCALATED)
    <State.ESCALATED: 'escalated'>
    """
    if (state, event) not in TRANSITIONS:
        raise TransitionRefused(state.value, event.value)
    after = TRANSITIONS[state, event]
    return RESTING_STATE[queue] if after is None else after


_EVENT_OF = {Verdict.ESCALATE: Event.ESCALATE, Verdict.SECOND_OPINION: Event.ASK, Verdict.SKIP: Event.SKIP}
_STAGE_OF = {
    Queue.SECOND_OPINION: Stage.SECOND_OPINION,
    Queue.ESCALATED: Stage.ESCALATED,
    Queue.APPEALS: Stage.APPEAL,
    Queue.QA: Stage.QA,
}


def event_of(verdict: Verdict) -> Event:
    """Return what a verdict does to its case."""
    return _EVENT_OF.get(verdict, Event.DECIDE)


def stage_of(queue: Queue) -> Stage:
    """Return on what occasion something is decided, from the queue of the case."""
    return _STAGE_OF.get(queue, Stage.FIRST)


# ── claims ───────────────────────────────────────────────────────────────────────────────────────────────────────

DEFAULT_LEASE: Final = timedelta(minutes=15)
"""A judgement: longer than a break in the middle of a case, shorter than lunch. A page that is open extends it."""


def check_claim(case: Case, *, user_id: int, token: int, now: datetime) -> None:
    """Raise ClaimLost unless the claim is good."""
    is_good = (
        case.state is State.CLAIMED
        and case.claimed_by == user_id
        and case.claim_token == token
        and case.claim_expires_at is not None
        and now < case.claim_expires_at
    )
    if not is_good:
        raise ClaimLost


def why_not_claimed(case: Case, user_id: int, decisions: Iterable[Decision]) -> str | None:
    """Return why somebody may not have a case, or None.

    Args:
        case: The case.
        user_id: Who wants it.
        decisions: All that were made in the case.
    """
    own = [each for each in decisions if each.decided_by == user_id and each.undone_at is None]
    if case.is_contested and any(each.verdict in FINAL for each in own):
        return "you decided it before"
    if case.queue is Queue.SECOND_OPINION and any(
        each.verdict is Verdict.SECOND_OPINION and each.round == case.round for each in own
    ):
        return "you asked for the second opinion"
    if any(each.verdict is Verdict.SKIP and each.round == case.round for each in own):
        return "you left it to others"
    return None


def check_may_claim(case: Case, user_id: int, decisions: Iterable[Decision], *, now: datetime) -> None:
    """Raise unless somebody may claim a case now.

    Raises:
        CaseTaken: Somebody works on it.
        ClaimRefused: It is for others.
        TransitionRefused: It does not wait for anybody.
    """
    is_lapsed = case.claim_expires_at is not None and now >= case.claim_expires_at
    if case.state is State.CLAIMED and not is_lapsed:
        raise CaseTaken
    if case.state is not State.CLAIMED:
        next_state(case.state, Event.CLAIM, case.queue)
    problem = why_not_claimed(case, user_id, decisions)
    if problem is not None:
        raise ClaimRefused(problem)


# ── priority and time ────────────────────────────────────────────────────────────────────────────────────────────

DUE_AFTER: Final[dict[int, timedelta]] = {
    1: timedelta(hours=24),
    2: timedelta(hours=48),
    3: timedelta(hours=72),
    4: timedelta(days=7),
}
"""When a case of each priority is due where no law says sooner. Judgements: a day is the alarm that operators give
themselves for "as soon as reasonably possible" (18 U.S.C. 2258A sets no number), 48 hours is the shortest limit that is
common to several laws (protocols §8.6), and a week is the longest that "timely" can be stretched to."""

SOON: Final = timedelta(hours=4)
"""What is due within this time, or overdue, goes before everything else. A judgement: half a shift."""


def due_at(priority: int, started_at: datetime, deadline: str | None) -> datetime:
    """Return when a case is due: by its priority, or by its deadline profile where that is sooner.

    Args:
        priority: 1 to 4.
        started_at: When the clock of the profile started.
        deadline: The name of a profile (`hedgerow.policy.deadlines`).
    """
    profile = None if deadline is None else deadline_named(deadline)
    limits = [DUE_AFTER[priority]]
    if profile is not None and profile.due_after is not None:
        limits.append(profile.due_after)
    return started_at + min(limits)


def is_due_soon(case: Case, now: datetime) -> bool:
    """Tell whether a case goes before those that merely have a higher priority."""
    return case.due_at <= now + SOON


def joined_queue(queue: Queue, arriving: Queue) -> Queue:
    """Return the queue of a case that something joins: only from ``near`` to ``known``, and to ``escalated``.

    >>> joined_queue(Queue.NEAR, Queue.KNOWN), joined_queue(Queue.SECOND_OPINION, Queue.KNOWN)
    (<Queue.KNOWN: 'known'>, <Queue.SECOND_OPINION: 'second_opinion'>)
    """
    order = (Queue.NEAR, Queue.KNOWN, Queue.ESCALATED)
    if queue in order and arriving in order:
        return max(queue, arriving, key=order.index)
    return queue


# ── clusters and suppressions ────────────────────────────────────────────────────────────────────────────────────

NEAR_BITS: Final = 31
"""PDQ's own radius for "the same picture" (Meta, "The TMK+PDQF Video-Hashing Algorithm and the PDQ Image-Hashing
Algorithm", 2019)."""

SAME_PICTURE_BITS: Final = 10
"""Within this a picture is the same beyond doubt: saved again and resized copies of photographs lie within 8 bits when
hashed as Hedgerow does (reference/hashing: median 3, largest 8), strangers above 80."""

_LEAST_QUALITY = 50  # PDQ's own advice: below, a picture has too little in it to be told from others


def joins_cluster(
    sha256: bytes | None,
    pdq: bytes | None,
    distance: int,
    other_sha256: bytes | None,
    other_pdq: bytes | None,
    other_distance: int,
) -> bool:
    """Tell whether a person can decide about two submissions at once.

    Args:
        sha256: Of the one.
        pdq: Of the one; None where its quality is too low.
        distance: The one's nearest match, in bits.
        other_sha256: Of the first member of the cluster.
        other_pdq: As above.
        other_distance: As above.
    """
    if sha256 is not None and sha256 == other_sha256:
        return True
    if pdq is None or other_pdq is None:
        return False
    return bits_apart(pdq, other_pdq) <= NEAR_BITS and abs(distance - other_distance) <= SAME_PICTURE_BITS


def usable_pdq(pdq: bytes | None, quality: int | None) -> bytes | None:
    """Return the signal, or None where it says too little to tell pictures apart."""
    return None if pdq is None or (quality is not None and quality < _LEAST_QUALITY) else pdq


def is_suppressed(pdq: bytes | None, distance: int, judged_pdq: bytes | None) -> bool:
    """Tell whether a judgement about one picture holds for another that is no exact copy.

    Args:
        pdq: Of the picture that came.
        distance: From it to the entry, in bits.
        judged_pdq: Of the picture that was judged not to match the entry.
    """
    if pdq is None or judged_pdq is None:
        return False
    apart = bits_apart(pdq, judged_pdq)
    return apart <= SAME_PICTURE_BITS and apart < distance


def bits_apart(one: bytes, other: bytes) -> int:
    """Count the bits that differ between two signals of equal length."""
    return (int.from_bytes(one, "big") ^ int.from_bytes(other, "big")).bit_count()


# ── decisions ────────────────────────────────────────────────────────────────────────────────────────────────────

DEFAULT_UNDO_WINDOW: Final = timedelta(seconds=30)
"""A judgement: thrice the ten seconds in which people notice a slip, and nothing beside the hours that laws give."""

_MOST_TAGS = 20
_TAG = re.compile(r"[a-z0-9][a-z0-9_]{0,39}", re.ASCII)


def check_classification(verdict: Verdict, classification: str | None) -> Classification | None:
    """Return the classification, or raise InvalidDecision."""
    if classification is None:
        return None
    if verdict is not Verdict.CONFIRMED:
        raise InvalidDecision("only what was confirmed has a classification")
    if classification not in set(Classification):
        raise InvalidDecision(f"a classification is one of {', '.join(Classification)}")
    return Classification(classification)


def check_tags(tags: Sequence[str]) -> tuple[str, ...]:
    """Return the tags without repetition, in order, or raise InvalidDecision."""
    if len(tags) > _MOST_TAGS or not all(_TAG.fullmatch(each) for each in tags):
        raise InvalidDecision(f"tags are up to {_MOST_TAGS} words of small letters, digits and _")
    return tuple(sorted(set(tags)))


def check_undo(decision: Decision, *, now: datetime) -> None:
    """Raise unless a decision can still be undone.

    Raises:
        InvalidDecision: It decided nothing, or was undone already.
        UndoTooLate: It has taken effect.
    """
    if decision.verdict not in FINAL:
        raise InvalidDecision("only a confirmation, or a judgement that it is no match, can be undone")
    if decision.undone_at is not None:
        raise InvalidDecision("it was undone already")
    if decision.effected_at is not None or now >= decision.takes_effect_at:
        raise UndoTooLate


def decision_in_force(
    decisions: Iterable[Decision],
    cluster_id: int,
    *,
    stages: Collection[Stage] | None = None,
    before: int | None = None,
) -> Decision | None:
    """Return the decision in force for a cluster, or None.

    Args:
        decisions: All decisions of the case.
        cluster_id: The cluster.
        stages: Made on these occasions; None for all but second reviews of a sample.
        before: Only those with a smaller id: what was in force before that one.
    """
    wanted = (set(Stage) - {Stage.QA}) if stages is None else stages
    return max(
        (
            each
            for each in decisions
            if each.verdict in FINAL
            and each.undone_at is None
            and each.stage in wanted
            and each.cluster_id in {None, cluster_id}
            and (before is None or each.id < before)
        ),
        key=lambda each: each.id,
        default=None,
    )


def is_decided_in(decisions: Iterable[Decision], cluster_id: int, round_: int) -> bool:
    """Tell whether a cluster was decided in a round of its case."""
    return any(
        each.verdict in FINAL
        and each.undone_at is None
        and each.round == round_
        and each.cluster_id in {None, cluster_id}
        for each in decisions
    )


# ── samples ──────────────────────────────────────────────────────────────────────────────────────────────────────


def is_sampled(case_id: int, rate: float) -> bool:
    """Tell whether a closed case is drawn for a second review.

    Args:
        case_id: The case.
        rate: The share of cases that is drawn, 0 to 1.

    >>> sum(is_sampled(number, 0.05) for number in range(1, 10_001))
    506
    """
    drawn = int.from_bytes(hashlib.sha256(b"hedgerow qa sample %d" % case_id).digest()[:8], "big")
    return drawn < rate * 2**64
