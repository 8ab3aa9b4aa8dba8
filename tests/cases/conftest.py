"""A bank with entries, three reviewers, a policy, and a short way to submit something that matches."""

from __future__ import annotations

import hashlib
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest

from hedgerow.accounts.model import Role
from hedgerow.accounts.records import create_user
from hedgerow.banks import NewEntry, add_entries, create_bank
from hedgerow.cases import (
    Case,
    Claim,
    ContentSignal,
    Decision,
    Gathered,
    NewMatch,
    NewSubmission,
    Queue,
    Statement,
    Submission,
    Verdict,
    case_clusters,
    claim_case,
    claim_next,
    decide,
    due_decisions,
    find_case,
    finish_case,
    open_or_join_case,
    record_submission,
    take_effect,
)
from hedgerow.hashing.signal import Signal
from hedgerow.policy import Outcome, Then, Tier, install_default

if TYPE_CHECKING:
    from hedgerow.database import Database

__all__ = ["World", "far_bits", "outcome"]

ENTRIES = 6


def far_bits(number: int, flipped: int = 0) -> bytes:
    """Make signals that lie 100 bits and more apart, or near each other by flipping the last bits."""
    bits = int.from_bytes(hashlib.sha256(b"signal %d" % number).digest(), "big")
    return (bits ^ ((1 << flipped) - 1)).to_bytes(32, "big")


def outcome(then: Then = Then.REVIEW, priority: int = 2, queue: str = "near", **others: Any) -> Outcome:
    if then in {Then.IGNORE, Then.LOG}:
        return Outcome("a rule", then)
    return Outcome("a rule", then, priority, queue, **others)


class World:
    """What every test of cases needs; each method is one transaction."""

    bits = staticmethod(far_bits)
    outcome = staticmethod(outcome)

    def __init__(self, database: Database, now: datetime) -> None:
        self.database = database
        self.now = now
        self._contents = 0
        with database.write() as connection:
            names = ("ada", "ben", "cem")
            users = [create_user(connection, name, roles=[Role.REVIEWER], actor="system", now=now).id for name in names]
            self.ada, self.ben, self.cem = users
            self.policy = install_default(connection, now=now)
            self.bank = create_bank(connection, "known", now=now)
            new = [NewEntry(Signal("pdq", far_bits(1000 + number))) for number in range(ENTRIES)]
            add_entries(connection, self.bank, new, now=now)

    def match(self, entry: int = 1, distance: int = 8, **others: Any) -> NewMatch:
        values: dict[str, Any] = {
            "bank_id": self.bank.id,
            "bank_name": self.bank.name,
            "entry_id": entry,
            "provenance": "person",
            "signal_type": "pdq",
            "distance": distance,
            "threshold": 31,
            "variant": "as is",
            "tier": Tier.NEAR if distance else Tier.EXACT,
            "outcome": outcome(queue="near" if distance else "known"),
            "policy_version": self.policy,
        }
        return NewMatch(**(values | others))

    def sent(self, picture: int = 0, *, account: str | None = "acc", **others: Any) -> NewSubmission:
        self._contents += 1
        values: dict[str, Any] = {
            "content_id": f"content-{self._contents}",
            "door": "api",
            "account_id": account,
            "media_type": "image/jpeg",
            "sha256": hashlib.sha256(b"picture %d" % picture).digest(),
            "policy_version": self.policy,
        }
        return NewSubmission(**(values | others))

    def submit(
        self,
        picture: int = 0,
        *matches: NewMatch,
        pdq: bytes | None = None,
        quality: int | None = 100,
        now: datetime | None = None,
        **others: Any,
    ) -> Gathered | None:
        """Submit a picture under a new content id."""
        with self.database.write() as connection:
            recorded = record_submission(connection, self.sent(picture, **others), now=now or self.now)
            signal = ContentSignal(pdq or far_bits(picture), quality)
            return open_or_join_case(
                connection,
                recorded.submission,
                matches or [self.match()],
                signal=signal,
                actor="key:1",
                now=now or self.now,
            )

    def opened(self, picture: int = 0, *matches: NewMatch, **others: Any) -> Case:
        gathered = self.submit(picture, *matches, **others)
        assert gathered is not None
        return gathered.case

    def submission(self, **others: Any) -> Submission:
        with self.database.write() as connection:
            return record_submission(connection, self.sent(**others), now=self.now).submission

    def claim(self, case: Case | int, user: int | None = None, now: datetime | None = None) -> Claim:
        with self.database.write() as connection:
            number = case if isinstance(case, int) else case.id
            return claim_case(connection, number, user or self.ada, now=now or self.now)

    def next(self, user: int, *queues: Queue, now: datetime | None = None) -> int | None:
        with self.database.write() as connection:
            claim = claim_next(connection, queues or list(Queue), user, now=now or self.now)
            return None if claim is None else claim.case_id

    def say(
        self,
        claim: Claim,
        verdict: Verdict = Verdict.CONFIRMED,
        *,
        cluster: int | None = None,
        now: datetime | None = None,
        version: int | None = None,
        **said: Any,
    ) -> list[Decision]:
        with self.database.write() as connection:
            seen = find_case(connection, claim.case_id).version if version is None else version
            if verdict is Verdict.SKIP:
                said.setdefault("reason", "tired")
            return decide(
                connection,
                claim,
                Statement(verdict, **said),
                seen_version=seen,
                cluster_id=cluster,
                now=now or self.now,
            )

    def decided(self, case: Case, verdict: Verdict = Verdict.CONFIRMED, user: int | None = None) -> Decision:
        return self.say(self.claim(case, user), verdict)[-1]

    def settle(self, case: Case | int, *, now: datetime | None = None, qa_rate: float = 0.0) -> Case:
        """Let what is due take effect and close the case."""
        later = (now or self.now) + timedelta(minutes=1)
        number = case if isinstance(case, int) else case.id
        with self.database.write() as connection:
            for decision in due_decisions(connection, now=later):
                take_effect(connection, decision.id, now=later)
            return finish_case(connection, number, now=later, qa_rate=qa_rate)

    def case(self, case: Case | int) -> Case:
        with self.database.read() as connection:
            return find_case(connection, case if isinstance(case, int) else case.id)

    def clusters(self, case: Case | int) -> list[tuple[int, Verdict | None]]:
        with self.database.read() as connection:
            found = case_clusters(connection, case if isinstance(case, int) else case.id)
            return [(each.count, each.verdict) for each in found]


@pytest.fixture
def world(database: Database, now: datetime) -> World:
    return World(database, now)
