"""Until when evidence stays, who may open it, and when it may go. Nothing here knows a database or a clock.

The rules:

1. What is filed is held for one calendar year from the moment of filing, in UTC; what was filed on 29 February until
   1 March of the next year (18 U.S.C. 2258A(h)(1)). An extension only ever lengthens.
2. A hold beats every path on which evidence is deleted, but one: an authority's request for its destruction, carried
   out by two people (18 U.S.C. 2258B(c)). A hold ends by itself at its time, or is lifted. The hold of a filing is
   never lifted; any other is by two people.
3. What is under no hold goes (`Removal`): after a filing once its time is over; what people decided is no match, some
   days after the last of its cases was closed; at the wish of the person whose account it is; or when two people decide
   so. The last three wait until no case needs it any more. What people confirmed and nobody has filed goes by the
   decision of two people alone.
4. Nothing goes by itself while the clock is behind the latest entry of the audit: then either was wrong, and with it
   what it says of the time that is over.
5. Sealed evidence is opened, holds are lifted and evidence is destroyed before its time by two people: one asks and
   gives a reason, another agrees. An opening is good for a while, and for what it names alone.
6. A reviewer's original is shown only behind a deliberate look that is on record, of the same person, just before.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Final

from hedgerow.cases.model import Verdict
from hedgerow.errors import (
    ClockBehind,
    EvidenceGone,
    EvidenceHeld,
    EvidenceInUse,
    EvidenceRequestRefused,
    EvidenceSealed,
    InvalidEvidence,
    InvalidHold,
    SecondPersonNeeded,
)
from hedgerow.evidence.model import EvidenceState, HoldKind, Removal, RequestKind, RequestState

if TYPE_CHECKING:
    from collections.abc import Iterable

    from hedgerow.evidence.model import Evidence, Hold, Request, Standing

__all__ = [
    "AGREE_WITHIN",
    "LONGEST_NAME",
    "LONGEST_REASON",
    "REVEAL_LASTS",
    "check_agreement",
    "check_clock",
    "check_hold",
    "check_lifting",
    "check_name",
    "check_opened",
    "check_readable",
    "check_reason",
    "check_removal",
    "check_request",
    "hold_in_force",
    "is_due_after_filing",
    "is_due_as_no_match",
    "one_year_after",
    "request_state",
    "retain_until",
]

AGREE_WITHIN: Final = timedelta(days=7)
"""How long a request waits for the second person: over a weekend, and not for ever."""

REVEAL_LASTS: Final = timedelta(minutes=15)
"""How long a recorded look is good for fetching what is looked at: a long video is fetched piece by piece."""

LONGEST_NAME: Final = 255
LONGEST_REASON: Final = 2_000
_LONGEST_REFERENCE: Final = 200

_LONGEST_HOLD: Final = timedelta(days=36_525)
"""Beyond this a day is a slip of the pen; what shall stay for ever has no end."""

_CLOCK_SLACK: Final = timedelta(seconds=5)
"""Entries of several processes may lie a little out of order; the doctor allows as much."""


# ── holds ────────────────────────────────────────────────────────────────────────────────────────────────────────


def one_year_after(filed_at: datetime) -> datetime:
    """Return the same moment of the next calendar year, in UTC; of 29 February, that of 1 March.

    >>> one_year_after(datetime(2028, 2, 29, 12, tzinfo=UTC))
    datetime.datetime(2029, 3, 1, 12, 0, tzinfo=datetime.timezone.utc)
    """
    if filed_at.tzinfo is None:
        raise ValueError("a time without a zone cannot be counted from")
    at = filed_at.astimezone(UTC)
    try:
        return at.replace(year=at.year + 1)
    except ValueError:  # 29 February
        return at.replace(year=at.year + 1, month=3, day=1)


def hold_in_force(holds: Iterable[Hold], now: datetime) -> Hold | None:
    """Return a hold that is in force, the one that lasts longest; None where there is none."""
    active = [each for each in holds if each.lifted_at is None and (each.until is None or now < each.until)]
    return max(active, key=lambda each: each.until or datetime.max.replace(tzinfo=UTC), default=None)


def retain_until(holds: Iterable[Hold]) -> datetime | None:
    """Return the latest end of the holds that were not lifted; None where there is none, or one has no end."""
    ends = [each.until for each in holds if each.lifted_at is None]
    known = [each for each in ends if each is not None]
    return max(known) if known and len(known) == len(ends) else None


def check_hold(
    evidence: Evidence, holds: Iterable[Hold], kind: HoldKind, until: datetime | None, now: datetime
) -> None:
    """Let a hold be placed.

    Raises:
        EvidenceGone: There is nothing to hold.
        InvalidHold: It would end before now, or an extension would not lengthen anything.
    """
    if evidence.state not in {EvidenceState.KEPT, EvidenceState.SEALED}:
        raise EvidenceGone(evidence.id, evidence.state)
    if until is not None and until <= now:
        raise InvalidHold("it would be over already")
    if until is not None and until > now + _LONGEST_HOLD:
        raise InvalidHold("it would last for more than a hundred years: leave its end open")
    if kind is HoldKind.EXTENSION:
        if until is None:
            raise InvalidHold("an extension names the day until which it lasts")
        ends = [each.until for each in holds if each.lifted_at is None and each.until is not None]
        if ends and until <= max(ends):
            raise InvalidHold("an extension only lengthens: it must be preserved as long already")


def check_lifting(hold: Hold) -> None:
    """Let a hold be lifted.

    Raises:
        InvalidHold: It is that of a filing.
    """
    if hold.kind is HoldKind.FILING:
        raise InvalidHold("what was reported must be preserved for its year, and nobody lifts that")


# ── what may go ──────────────────────────────────────────────────────────────────────────────────────────────────


def check_removal(standing: Standing, removal: Removal, now: datetime) -> None:
    """Let a piece of evidence be deleted: the one rule that every path asks.

    Raises:
        EvidenceGone: There is nothing to delete (any more).
        EvidenceHeld: A hold is in force.
        EvidenceInUse: A case needs it, or it was confirmed and not filed.
    """
    evidence = standing.evidence
    if evidence.state not in {EvidenceState.KEPT, EvidenceState.SEALED}:
        raise EvidenceGone(evidence.id, evidence.state)
    if removal is Removal.LAW_ENFORCEMENT:
        return
    held = hold_in_force(standing.holds, now)
    if held is not None:
        raise EvidenceHeld(evidence.id, held.kind)
    if any(each.closed_since is None for each in standing.uses):
        raise EvidenceInUse(evidence.id, "a case that it belongs to is not closed")
    is_confirmed = any(each.verdict is not Verdict.NOT_A_MATCH for each in standing.uses)
    if removal is not Removal.DECISION and evidence.filed_at is None and is_confirmed:
        raise EvidenceInUse(evidence.id, "people did not say that it is no match, and it was not reported")
    if removal is Removal.EXPIRY and evidence.filed_at is None:
        raise EvidenceInUse(evidence.id, "it was not reported")


def is_due_after_filing(standing: Standing, now: datetime) -> bool:
    """Tell whether something that was filed goes now: its time is over, and no other hold is in force."""
    evidence = standing.evidence
    return (
        evidence.filed_at is not None
        and one_year_after(evidence.filed_at) <= now
        and hold_in_force(standing.holds, now) is None
    )


def is_due_as_no_match(standing: Standing, now: datetime, after: timedelta) -> bool:
    """Tell whether something goes now since people decided that it is no match."""
    if standing.evidence.filed_at is not None or not standing.uses or hold_in_force(standing.holds, now) is not None:
        return False
    return all(
        each.verdict is Verdict.NOT_A_MATCH and each.closed_since is not None and each.closed_since + after <= now
        for each in standing.uses
    )


def check_clock(now: datetime, latest: datetime | None) -> None:
    """Let something expire by the clock.

    Args:
        now: What the clock says.
        latest: When the latest entry of the audit was written; None where there is none.

    Raises:
        ClockBehind: The clock is behind it.
    """
    if latest is not None and now + _CLOCK_SLACK < latest:
        raise ClockBehind((latest - now).total_seconds())


# ── two people ───────────────────────────────────────────────────────────────────────────────────────────────────


def check_reason(reason: str, reference: str | None) -> None:
    """Let a reason pass that says something and can be kept.

    Raises:
        EvidenceRequestRefused: It is empty, too long, or cannot be stored.
    """
    for text, longest, what in (
        (reason, LONGEST_REASON, "reason"),
        (reference or "-", _LONGEST_REFERENCE, "reference"),
    ):
        if not text.strip() or len(text) > longest or not _can_be_stored(text):
            raise EvidenceRequestRefused(f"its {what} has no 1 to {longest:,} characters that can be stored")


def check_request(kind: RequestKind, removal: Removal | None, reference: str | None, subjects: Iterable[int]) -> None:
    """Let a request be made.

    Raises:
        EvidenceRequestRefused: It names nothing, or an authority's wish without its reference.
    """
    if not tuple(subjects):
        raise EvidenceRequestRefused("it names nothing")
    if kind is RequestKind.DESTROY and removal not in {Removal.DECISION, Removal.LAW_ENFORCEMENT}:
        raise EvidenceRequestRefused("two people destroy because they decide so, or because an authority asked for it")
    if removal is Removal.LAW_ENFORCEMENT and not (reference or "").strip():
        raise EvidenceRequestRefused("the authority's request needs its reference")


def request_state(request: Request, now: datetime) -> RequestState:
    """Say where a request stands."""
    if request.withdrawn_at is not None:
        return RequestState.WITHDRAWN
    if request.done_at is not None:
        return RequestState.DONE
    if now >= request.expires_at:
        return RequestState.OVER
    return RequestState.WAITING if request.agreed_at is None else RequestState.AGREED


def check_agreement(request: Request, actor: str, now: datetime) -> None:
    """Let somebody agree to a request.

    Raises:
        SecondPersonNeeded: It is their own.
        EvidenceRequestRefused: It does not wait for anybody (any more).
    """
    state = request_state(request, now)
    if state is not RequestState.WAITING:
        raise EvidenceRequestRefused(f"the request is {state}, and waits for nobody")
    if actor == request.asked_by:
        raise SecondPersonNeeded


def check_opened(request: Request, evidence_id: int, actor: str, now: datetime) -> None:
    """Let somebody read what two people opened.

    Raises:
        EvidenceRequestRefused: It is no opening, names something else, is another's, or is not good any more.
    """
    if request.kind is not RequestKind.OPEN or evidence_id not in request.subjects:
        raise EvidenceRequestRefused("the request does not open this")
    if actor != request.asked_by:
        raise EvidenceRequestRefused("what was opened is read by the person who asked for it")
    state = request_state(request, now)
    if state is not RequestState.AGREED:
        said = "a second person has not agreed yet" if state is RequestState.WAITING else f"the request is {state}"
        raise EvidenceRequestRefused(said)


# ── files ────────────────────────────────────────────────────────────────────────────────────────────────────────


def check_readable(evidence: Evidence) -> None:
    """Let review keys read a piece of evidence.

    Raises:
        EvidenceSealed: It is sealed.
        EvidenceGone: There are no bytes.
    """
    if evidence.state is EvidenceState.SEALED:
        raise EvidenceSealed(evidence.id)
    if evidence.state is not EvidenceState.KEPT:
        raise EvidenceGone(evidence.id, evidence.state)


def check_name(name: str) -> str:
    """Return a file's name if it can be kept.

    Raises:
        InvalidEvidence: It is empty or too long, is a path, or holds what cannot be shown.
    """
    if not name.strip() or len(name) > LONGEST_NAME or not name.isprintable() or set(name) & set("/\\"):
        raise InvalidEvidence(f"the name of a file has 1 to {LONGEST_NAME} characters and no folder")
    return name


def _can_be_stored(text: str) -> bool:
    return "\0" not in text and not any("\ud800" <= each <= "\udfff" for each in text)
