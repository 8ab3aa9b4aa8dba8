"""Walk one submission from its signals to its case, in one transaction.

What is slow (fetching, decoding, hashing, searching, putting bytes into the vault) comes before the transaction; inside
it are only rows. What was answered before is found again and answered the same, so that a platform may ask as often as
it likes.

Bytes that a case will need go into the vault before the transaction, and the row that names them into it. Where the
vault does not take them, the case opens and the answer is given all the same, and the row says that they are missing: a
match that nobody hears of is worse than one without its file. It is loud, though: the log, readiness, the doctor and
the first page say so.
"""

from __future__ import annotations

import hashlib
from threading import Lock
from typing import TYPE_CHECKING, Final, NamedTuple

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
from hedgerow.evidence import Missing, record_kept, record_missing
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
    from hedgerow.evidence import Keeper, Kept
    from hedgerow.evidence.custody import Source
    from hedgerow.hashing import Signal
    from hedgerow.policy import Policy
    from hedgerow.screening.model import Context

__all__ = ["NO_BANKS", "Policies", "Screener", "answered", "fingerprint_of", "judge", "plain_signal"]


NO_BANKS: Final = Unchecked("no_banks", "There is nothing to match against yet: every bank is empty or switched off.")


class _Sent(NamedTuple):
    """What `Screener.screen` was given."""

    context: Context
    media: MediaHash
    fingerprint: bytes | None
    size_bytes: int | None
    source: Source | None
    actor: str
    now: datetime


class _BytesNeeded(Exception):
    """A case opens, against what was expected, and nothing was put into the vault: to be done, and begun anew."""


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
        return self._read(connection, version)

    def known(self, connection: Connection) -> tuple[int, Policy] | None:
        """Return the version in force; None where there is none."""
        version = active_version(connection)
        return None if version is None else self._read(connection, version)

    def _read(self, connection: Connection, version: int) -> tuple[int, Policy]:
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
        keeper: Puts the bytes of what opens a case into the vault; None keeps none, as tests of other things do.
    """

    def __init__(
        self,
        database: Database,
        search: Callable[[Sequence[Signal]], list[Match]],
        has_banks: Callable[[], bool],
        state: Callable[[], tuple[str, int] | None] = lambda: None,
        keep_for: timedelta | None = None,
        keeper: Keeper | None = None,
    ) -> None:
        self._database = database
        self._search = search
        self._has_banks = has_banks
        self._state = state
        self._keep_for = keep_for
        self._keeper = keeper
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
        source: Source | None = None,
        actor: str,
        now: datetime,
    ) -> Screened:
        """Look a submission up, keep what was found, open or join a case, and answer; all of it or nothing.

        Args:
            context: What the platform says.
            media: What was hashed, or the signals that were sent, or why there are none.
            fingerprint: The SHA-256 of the media, or `fingerprint_of` the signals; None where there is neither.
            size_bytes: Of the media.
            source: Gives the media's bytes, as often as it is called; None where only signals came.
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
        sent = _Sent(context, media, fingerprint, size_bytes, source, actor, now)
        kept = self._keep(sent) if self._may_open_a_case(found, context.surface) else None
        try:
            return self._record(sent, found, seen, kept)
        except _BytesNeeded:  # another policy came into force between the two looks at it
            return self._record(sent, found, seen, self._keep(sent))

    def _may_open_a_case(self, found: Sequence[Match], surface: str | None) -> bool:
        """Tell whether the policy, as it is before the transaction, opens a case for any of what was found."""
        if not found:
            return False
        with self._database.read() as connection:
            known = self._policies.known(connection)
        if known is None:
            return True  # the shipped one is put into force in the transaction, if any
        version, policy = known
        return any(judge(match, policy, version, surface).outcome.opens_case for match in found)

    def _keep(self, sent: _Sent) -> Kept | Missing | None:
        """Put the bytes into the vault, or say why there are none; None where this screener keeps nothing at all."""
        if self._keeper is None:
            return None
        if sent.source is None:
            return Missing.SIGNALS_ONLY
        return self._keeper.try_to_keep(sent.source, now=sent.now) or Missing.VAULT_FAILED

    def _record(
        self, sent: _Sent, found: Sequence[Match], seen: tuple[str, int] | None, kept: Kept | Missing | None
    ) -> Screened:
        """Do all that is rows in one transaction; then delete from the vault what no row names after all."""
        context, media, now = sent.context, sent.media, sent.now
        is_named = False
        with self._database.write() as connection:
            version, policy = self._policies.active(connection, now)
            recorded = record_submission(
                connection, _submission(context, media, sent.fingerprint, sent.size_bytes, version), now=now
            )
            submission = recorded.submission
            if recorded.is_new:
                gathered = open_or_join_case(
                    connection,
                    submission,
                    [judge(match, policy, version, context.surface) for match in found],
                    signal=plain_signal(media.signals),
                    actor=sent.actor,
                    now=now,
                )
                if gathered is not None and self._keeper is not None:
                    if kept is None:
                        raise _BytesNeeded
                    is_named = _name(connection, gathered, submission, kept, media, now)
                screened = self._answer(connection, sent, submission, found, gathered, seen)
            else:
                screened = answered(submission)
        if self._keeper is not None and not is_named and kept is not None and not isinstance(kept, Missing):
            self._keeper.discard(kept)
        return screened

    def _answer(
        self,
        connection: Connection,
        sent: _Sent,
        submission: Submission,
        found: Sequence[Match],
        gathered: Gathered | None,
        seen: tuple[str, int] | None,
    ) -> Screened:
        """Put into the outbox, the ledger and the record what follows from a new submission, and answer it."""
        media, now = sent.media, sent.now
        if self._keep_for is not None:
            ledger.record(connection, submission.id, media.signals, now=now, keep_until=now + self._keep_for, seen=seen)
        kept = submission_matches(connection, submission.id) if found else []
        told = [each for each in kept if each.suppression_id is None]
        tell(connection, submission, told, gathered, actor=sent.actor, now=now)
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
            connection, submission, outcome=outcome, answer=answer, matches=len(kept), actor=sent.actor, now=now
        )
        return Screened(submission.id, is_repeat=False, outcome=outcome, answer=canonical_json(answer))


def _name(
    connection: Connection,
    gathered: Gathered,
    submission: Submission,
    kept: Kept | Missing,
    media: MediaHash,
    now: datetime,
) -> bool:
    """Write the row of a submission's evidence, and tell whether it names an object."""
    if isinstance(kept, Missing):
        record_missing(connection, gathered.case.id, submission, kept, now=now)
        return False
    plain = plain_signal(media.signals)
    pdq = None if plain is None else plain.pdq
    record_kept(connection, gathered.case.id, submission, kept, pdq=pdq, now=now)
    return True


def judge(match: Match, policy: Policy, version: int, surface: str | None) -> NewMatch:
    """Return a match with what the policy says of it."""
    tier = tier_of(match.distance, match.variant)
    facts = MatchFacts(
        bank=match.bank,
        provenance=match.provenance,
        category=match.category,
        contributor=match.contributor,
        is_disputed=match.is_disputed,
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
        is_disputed=match.is_disputed,
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
