"""What a platform is told about a submission. Nothing here knows a database or a clock.

The rules:

1. ``unchecked`` is never left out and never silent: whenever something could not be looked at, the answer says why,
   whether or not something else matched.
2. The outcome is the gravest that the policy wants for a match that nobody judged to be none before. Without such a
   match it is ``unchecked`` where something could not be looked at, else ``no_match``.
3. A match that a person judged to be none before is listed too, as suppressed, and changes nothing.
4. No answer holds a signal, a text, or anything that the platform said itself, except its own content id.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from hedgerow.policy import gravest

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from hedgerow.banks import Match
    from hedgerow.cases import Gathered, RecordedMatch, Submission
    from hedgerow.hashing import MediaHash, Unchecked

__all__ = ["NO_MATCH", "UNCHECKED", "answer_of", "match_object", "outcome_of"]

NO_MATCH: Final = "no_match"
UNCHECKED: Final = "unchecked"


def outcome_of(recorded: Sequence[RecordedMatch], unchecked: Unchecked | None) -> str:
    """Return the one word that counts for a submission (rule 2)."""
    grave = gravest(each.match.outcome for each in recorded if each.suppression_id is None)
    if grave is not None:
        return str(grave.then)
    return NO_MATCH if unchecked is None else UNCHECKED


def answer_of(
    submission: Submission,
    found: Sequence[Match],
    recorded: Sequence[RecordedMatch],
    gathered: Gathered | None,
    media: MediaHash,
    *,
    caution: tuple[str, str] | None,
    now: datetime,
) -> dict[str, Any]:
    """Return what the platform is told.

    Args:
        submission: As it was recorded.
        found: What the banks said.
        recorded: The same as it was kept, with what the policy says of each.
        gathered: The case it went to; None where people are asked nothing.
        media: What was hashed.
        caution: A word and a sentence about what was matched all the same, such as a picture with little in it.
        now: When.
    """
    said = {each.entry: each for each in found}
    unchecked = media.unchecked
    return {
        "submission": submission.id,
        "revision": submission.revision,
        "content_id": submission.sent.content_id,
        "outcome": outcome_of(recorded, unchecked),
        "matches": [match_object(said[each.match.entry_id], each) for each in recorded],
        "unchecked": None if unchecked is None else {"reason": unchecked.reason, "detail": unchecked.detail},
        "caution": None if caution is None else {"reason": caution[0], "detail": caution[1]},
        "case": None if gathered is None else case_object(gathered),
        "media": None if media.media is None else _media_object(submission),
        "policy_version": submission.sent.policy_version,
        "checked_at": now.isoformat(),
    }


def match_object(match: Match, recorded: RecordedMatch) -> dict[str, Any]:
    """Return a match as the platform is told of it: what is known, how near it is, and what the policy wants."""
    outcome = recorded.match.outcome
    return {
        **match.to_json(),
        "match": recorded.id,
        "threshold": match.threshold,
        "contributor": match.contributor,
        "tier": str(recorded.match.tier),
        "rule": outcome.rule,
        "outcome": str(outcome.then),
        "priority": outcome.priority,
        "events": list(outcome.events),
        "is_suppressed": recorded.suppression_id is not None,
    }


def case_object(gathered: Gathered) -> dict[str, Any]:
    """Return where people will decide."""
    case = gathered.case
    return {
        "number": case.number,
        "queue": str(case.queue),
        "priority": case.priority,
        "due_at": case.due_at.isoformat(),
        "is_new": gathered.is_new_case,
        "is_confirmed_before": gathered.decision_id is not None,
    }


def _media_object(submission: Submission) -> dict[str, Any]:
    sent = submission.sent
    return {
        "type": sent.media_type,
        "width": sent.width,
        "height": sent.height,
        "frames": sent.frames,
        "duration_s": sent.duration_s,
        "size_bytes": sent.size_bytes,
    }
