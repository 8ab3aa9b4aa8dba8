"""Walk one submission from its signals to its case, in one transaction.

What is slow (fetching, decoding, hashing, searching) comes before the transaction; inside it are only rows. What was
answered before is found again and answered the same, so that a platform may ask as often as it likes.
"""

from __future__ import annotations

import hashlib
from threading import Lock
from typing import TYPE_CHECKING, Final

from hedgerow import ledger
from hedgerow.actions import enqueue
from hedgerow.audit.rules import canonical_json
from hedgerow.cases import (
    ContentSignal,
    NewMatch,
    NewSubmission,
    answer_submission,
    find_earlier,
    open_or_join_case,
    record_submission,
    submission_matches,
)
from hedgerow.hashing import MediaHash, Unchecked
from hedgerow.hashing.caution import caution_of
from hedgerow.policy import (
    MatchFacts,
    SubmissionFacts,
    active_version,
    decide,
    find_version,
    install_default,
    read_policy,
    tier_of,
)
from hedgerow.screening.answers import answer_of, outcome_of
from hedgerow.screening.model import Screened

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from datetime import datetime, timedelta

    from sqlalchemy import Connection

    from hedgerow.banks import Match
    from hedgerow.cases import Gathered, RecordedMatch, Submission
    from hedgerow.database import Database
    from hedgerow.hashing import Signal
    from hedgerow.policy import Policy
    from hedgerow.screening.model import Context

__all__ = ["NO_BANKS", "Policies", "Screener", "answered", "fingerprint_of", "judge", "plain_signal"]


NO_BANKS: Final = Unchecked("no_banks", "There is nothing to match against yet: every bank is empty or switched off.")


class Policies:
    """The policy in force, read once for each version."""

    def __init__(self) -> None:
        self._lock = Lock()
        self._kept: tuple[int, Policy] | None = None

    def active(self, connection: Connection, now: datetime) -> tuple[int, Policy]:
        """Return the version in force; where none ever was, put the shipped one into force.

        Raises:
            NoActivePolicy: The last one was put aside, and nobody has put another in its place.
        """
        version = active_version(connection)
        if version is None:
            version = install_default(connection, now=now)
        with self._lock:
            kept = self._kept
        if kept is None or kept[0] != version:
            kept = version, read_policy(find_version(connection, version).toml)
            with self._lock:
                self._kept = kept
        return kept


class Screener:
    """Screens submissions; share one between threads.

    Args:
        database: Where submissions, cases and policies are.
        search: Looks signals up in the banks, such as `hedgerow.banks.Matcher.search`.
        has_banks: Tells whether there is anything to match against.
        state: Names the state of the banks that a search sees, asked before it: the epoch and number of the latest
            change.
        keep_for: How long the signals of submissions are kept to be looked back on; None keeps nothing.
    """

    def __init__(
        self,
        database: Database,
        search: Callable[[Sequence[Signal]], list[Match]],
        has_banks: Callable[[], bool],
        state: Callable[[], tuple[str, int] | None] = lambda: None,
        keep_for: timedelta | None = None,
    ) -> None:
        self._database = database
        self._search = search
        self._has_banks = has_banks
        self._state = state
        self._keep_for = keep_for
        self._policies = Policies()

    def earlier(self, context: Context, fingerprint: bytes) -> Screened | None:
        """Find the answer to the same media under the same content id, before anything is hashed."""
        with self._database.read() as connection:
            found = find_earlier(connection, context.namespace, context.content_id, fingerprint)
        return None if found is None else answered(found)

    def screen(
        self,
        context: Context,
        media: MediaHash,
        *,
        fingerprint: bytes | None,
        size_bytes: int | None = None,
        actor: str,
        now: datetime,
    ) -> Screened:
        """Look a submission up, keep what was found, open or join a case, and answer; all of it or nothing.

        Args:
            context: What the platform says.
            media: What was hashed, or the signals that were sent, or why there are none.
            fingerprint: The SHA-256 of the media, or `fingerprint_of` the signals; None where there is neither.
            size_bytes: Of the media.
            actor: Who submitted it.
            now: When.

        Raises:
            InvalidSubmission: What the platform says does not fit.
            NoActivePolicy: Nobody has said what matches lead to.
            DatabaseUnavailable: Nothing was recorded.
        """
        if media.signals and media.unchecked is None and not self._has_banks():
            # An empty answer would look like a clean one.
            media = MediaHash(media.media, media.signals, NO_BANKS)
        seen = self._state()
        found = self._search(media.signals) if media.signals else []
        with self._database.write() as connection:
            version, policy = self._policies.active(connection, now)
            recorded = record_submission(
                connection, _submission(context, media, fingerprint, size_bytes, version), now=now
            )
            submission = recorded.submission
            if not recorded.is_new:
                return answered(submission)
            gathered = open_or_join_case(
                connection,
                submission,
                [judge(match, policy, version, context.surface) for match in found],
                signal=plain_signal(media.signals),
                actor=actor,
                now=now,
            )
            if self._keep_for is not None:
                ledger.record(
                    connection, submission.id, media.signals, now=now, keep_until=now + self._keep_for, seen=seen
                )
            kept = submission_matches(connection, submission.id) if found else []
            told = [each for each in kept if each.suppression_id is None]
            tell(connection, submission, told, gathered, actor=actor, now=now)
            caution = caution_of(media)
            answer = answer_of(
                submission,
                found,
                kept,
                gathered,
                media,
                caution=None if caution is None else (caution.reason, caution.detail),
                now=now,
            )
            outcome = outcome_of(kept, media.unchecked)
            answer_submission(
                connection, submission, outcome=outcome, answer=answer, matches=len(kept), actor=actor, now=now
            )
        return Screened(submission.id, is_repeat=False, outcome=outcome, answer=canonical_json(answer))


def judge(match: Match, policy: Policy, version: int, surface: str | None) -> NewMatch:
    """Return a match with what the policy says of it."""
    tier = tier_of(match.distance, match.variant)
    facts = MatchFacts(
        bank=match.bank,
        provenance=match.provenance,
        category=match.category,
        signal_type=match.type,
        tier=tier,
        distance=match.distance,
        query_share=match.query_share,
        known_share=match.known_share,
    )
    return NewMatch(
        bank_id=match.bank_id,
        bank_name=match.bank,
        entry_id=match.entry,
        provenance=match.provenance,
        signal_type=match.type,
        distance=match.distance,
        threshold=match.threshold,
        variant=match.variant,
        tier=tier,
        outcome=decide(policy, facts, SubmissionFacts(surface)),
        policy_version=version,
        contributor=match.contributor,
        category=match.category,
        query_share=match.query_share,
        known_share=match.known_share,
        false_match_probability=match.false_match_probability,
    )


def tell(
    connection: Connection,
    submission: Submission,
    matches: Sequence[RecordedMatch],
    gathered: Gathered | None,
    *,
    also: Sequence[str] = (),
    actor: str,
    now: datetime,
) -> None:
    """Put into the outbox what the platform is to be told at once.

    Args:
        connection: Of `Database.write`.
        submission: About which.
        matches: Those that count; their rules say what is told.
        gathered: The case, if any.
        also: Further events, for who is told by message alone since nobody waits for an answer.
        actor: Who caused it.
        now: When.
    """
    events = dict.fromkeys(event for each in matches for event in each.match.outcome.events)
    if gathered is not None:
        if gathered.is_new_case:
            events["case.opened"] = None
        if gathered.decision_id is not None:
            events["content.remove"] = None  # a copy of what a person confirmed, and that took effect before it came
    events |= dict.fromkeys(also)
    for event in events:
        enqueue(
            connection,
            event,
            subject_type="submission",
            subject_id=submission.id,
            data=message_of(submission, gathered),
            actor=actor,
            now=now,
        )


def message_of(submission: Submission, gathered: Gathered | None) -> dict[str, object]:
    """Return what a message says: the platform's own names and our numbers, never a signal."""
    sent = submission.sent
    said: dict[str, object] = {"content_id": sent.content_id, "submission": submission.id}
    if sent.namespace:
        said["namespace"] = sent.namespace
    if sent.account_id is not None:
        said["account_id"] = sent.account_id
    if gathered is not None:
        said["case"] = gathered.case.number
    return said


def plain_signal(signals: Sequence[Signal]) -> ContentSignal | None:
    """Return the signal by which near duplicates of a picture are told: its PDQ as it is."""
    return next((ContentSignal(each.bits, each.quality) for each in signals if each.type == "pdq"), None)


def fingerprint_of(signals: Sequence[Signal]) -> bytes:
    """Return what tells these signals from others where no media came: a digest over them, in any order.

    >>> from hedgerow.hashing import Signal
    >>> one, two = Signal.from_text("md5", "0" * 32), Signal.from_text("md5", "1" * 32)
    >>> fingerprint_of([one, two]) == fingerprint_of([two, one])
    True
    """
    lines = sorted(f"{each.type}:{each.value}" for each in signals)
    return hashlib.sha256("\n".join(lines).encode()).digest()


def _submission(
    context: Context, media: MediaHash, fingerprint: bytes | None, size_bytes: int | None, version: int
) -> NewSubmission:
    digests = {each.type: each.bits for each in media.signals if each.type in ("md5", "sha1", "sha256")}
    info = media.media
    return NewSubmission(
        content_id=context.content_id,
        door=context.door,
        namespace=context.namespace,
        account_id=context.account_id,
        surface=context.surface,
        uploaded_at=context.uploaded_at,
        ip_event=context.ip_event,
        text_context=context.text_context,
        context=context.more,
        media_type=None if info is None else info.type,
        width=None if info is None else info.width,
        height=None if info is None else info.height,
        frames=None if info is None else info.frames,
        duration_s=None if info is None else info.duration_s,
        size_bytes=size_bytes,
        md5=digests.get("md5"),
        sha1=digests.get("sha1"),
        sha256=digests.get("sha256"),
        fingerprint=fingerprint,
        unchecked_reason=None if media.unchecked is None else media.unchecked.reason,
        policy_version=version,
    )


def answered(submission: Submission) -> Screened:
    """Return what a submission was answered, as for one that comes again."""
    # What was recorded was answered in the same transaction.
    assert submission.outcome is not None  # noqa: S101  (as said)
    assert submission.answer is not None  # noqa: S101  (as said)
    return Screened(submission.id, is_repeat=True, outcome=submission.outcome, answer=submission.answer)
