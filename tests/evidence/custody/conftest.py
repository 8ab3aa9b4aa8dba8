"""A vault, people, and cases with evidence: each method is one transaction."""

from __future__ import annotations

import hashlib
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest

from hedgerow import evidence
from hedgerow.accounts.model import Role
from hedgerow.accounts.records import create_user
from hedgerow.audit import list_entries
from hedgerow.banks import NewEntry, add_entries, create_bank
from hedgerow.cases import (
    ContentSignal,
    NewMatch,
    NewSubmission,
    Statement,
    Verdict,
    answer_submission,
    claim_case,
    decide,
    due_decisions,
    find_case,
    finish_case,
    open_or_join_case,
    record_submission,
    take_effect,
)
from hedgerow.database.sealing import ServiceKeys
from hedgerow.evidence import HoldKind, Removal, RequestKind, ReviewKeys
from hedgerow.evidence.tables import evidence as evidence_table
from hedgerow.evidence.vaults import LocalVault
from hedgerow.hashing.signal import Signal
from hedgerow.policy import Outcome, Then, Tier, install_default

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime
    from pathlib import Path

    from sqlalchemy import Connection

    from hedgerow.database import Database
    from hedgerow.evidence import Certificate, Evidence, Hold, Request

__all__ = ["Custody"]

OPENING = timedelta(minutes=60)
UNREPORTED = timedelta(days=30)


def plain(number: int, size_bytes: int = 100_000) -> bytes:
    """Make bytes that stand for a picture: no two windows of them are alike."""
    return hashlib.shake_128(b"picture %d" % number).digest(size_bytes)


class Custody:
    plain = staticmethod(plain)

    def __init__(self, database: Database, folder: Path, now: datetime) -> None:
        self.database = database
        self.now = now
        self.folder = folder / "vault"
        self.key_folder = folder / "audit-keys"
        self.vault = LocalVault(self.folder)
        self.keys = ReviewKeys.of_service(ServiceKeys((bytes(range(32)),)))
        self.keeper = evidence.Keeper(database, self.vault, self.keys)
        with database.write() as connection:
            people = {"ada": Role.CUSTODIAN, "ben": Role.APPROVER, "cem": Role.REVIEWER}
            users = [
                create_user(connection, name, roles=[role], actor="system", now=now) for name, role in people.items()
            ]
            self.ada, self.ben, self.cem = (each.actor for each in users)
            self.reviewer = users[2].id
            self.policy = install_default(connection, now=now)
            self.bank = create_bank(connection, "known", now=now)
            add_entries(connection, self.bank, [NewEntry(Signal("pdq", plain(999)[:32]))], now=now)
        self._contents = 0

    def write(self, does: Callable[[Connection], Any]) -> Any:
        with self.database.write() as connection:
            return does(connection)

    # ── evidence ─────────────────────────────────────────────────────────────────────────────────────────────────

    def kept(self, number: int = 1, *, account: str | None = "acc", **said: Any) -> Evidence:
        """Open or join a case for a picture whose bytes the vault takes."""
        data = plain(number)
        kept = self.keeper.keep(lambda: [data], now=self.now)
        submission, case = self._gathered(data, account, said)
        return self.write(
            lambda connection: evidence.record_kept(connection, case, submission, kept, pdq=data[:32], now=self.now)
        )

    def missing(self, reason: evidence.Missing = evidence.Missing.VAULT_FAILED, number: int = 1) -> Evidence:
        submission, case = self._gathered(plain(number), "acc", {})
        return self.write(lambda c: evidence.record_missing(c, case, submission, reason, now=self.now))

    def gathered(self, number: int = 1, account: str | None = "acc") -> int:
        """Put a submission into a case without saying anything of its bytes, as a look-back does."""
        return self._gathered(plain(number), account, {})[1]

    def _gathered(self, data: bytes, account: str | None, said: dict[str, Any]) -> tuple[Any, int]:
        self._contents += 1
        sent = NewSubmission(
            f"content-{self._contents}",
            door="api",
            account_id=account,
            media_type="image/jpeg",
            size_bytes=len(data),
            sha256=hashlib.sha256(data).digest(),
            policy_version=self.policy,
            **said,
        )
        match = NewMatch(
            bank_id=self.bank.id,
            bank_name="known",
            entry_id=1,
            provenance="person",
            signal_type="pdq",
            distance=0,
            threshold=31,
            variant="as is",
            tier=Tier.EXACT,
            outcome=Outcome("a rule", Then.REVIEW, 2, "known"),
            policy_version=self.policy,
        )
        with self.database.write() as connection:
            submission = record_submission(connection, sent, now=self.now).submission
            gathered = open_or_join_case(
                connection, submission, [match], signal=ContentSignal(data[:32], 100), actor="key:1", now=self.now
            )
            answer_submission(
                connection, submission, outcome="review", answer={}, matches=1, actor="key:1", now=self.now
            )
        assert gathered is not None
        return submission, gathered.case.id

    def read(self, of: Evidence | int) -> Evidence:
        with self.database.read() as connection:
            return evidence.find_evidence(connection, of if isinstance(of, int) else of.id)

    def bytes_of(self, of: Evidence) -> bytes:
        return b"".join(evidence.open_evidence(self.read(of), self.vault, self.keys))

    # ── cases ────────────────────────────────────────────────────────────────────────────────────────────────────

    def closed(self, of: Evidence, verdict: Verdict = Verdict.NOT_A_MATCH) -> None:
        """Let a reviewer decide the whole case, and let it be closed."""
        later = self.now + timedelta(minutes=1)
        with self.database.write() as connection:
            claim = claim_case(connection, of.case_id, self.reviewer, now=self.now)
            version = find_case(connection, of.case_id).version
            decide(connection, claim, Statement(verdict), seen_version=version, cluster_id=None, now=self.now)
            for decision in due_decisions(connection, now=later):
                take_effect(connection, decision.id, now=later)
            finish_case(connection, of.case_id, now=later)

    # ── custody ──────────────────────────────────────────────────────────────────────────────────────────────────

    def custodian(self, name: str = "the safe") -> str:
        """Add a custodian, and return the identity."""
        pytest.importorskip("pyrage", reason="NO PYRAGE: this test checked NOTHING. Install hedgerow[server].")
        pair = evidence.new_custodian()
        self.write(lambda c: evidence.add_custodian(c, name, pair.recipient, actor=self.ada, now=self.now))
        return pair.identity

    def filed(self, *found: Evidence, report: int = 1, at: datetime | None = None) -> list[Evidence]:
        at = at or self.now
        return self.write(
            lambda c: evidence.seal_filed(
                c, [each.id for each in found], report=report, filed_at=at, keys=self.keys, actor="system", now=at
            )
        )

    def held(self, of: Evidence, kind: HoldKind = HoldKind.LEGAL, until: datetime | None = None) -> Hold:
        return self.write(
            lambda c: evidence.place_hold(c, of.id, kind, until=until, reason="a claim", actor=self.ada, now=self.now)
        )

    def asked(self, kind: RequestKind, *subjects: int, by: str | None = None, **said: Any) -> Request:
        said = {"reason": "as it was asked", "actor": by or self.ada, "now": self.now} | said
        return self.write(lambda c: evidence.ask(c, kind, subjects, **said))

    def agreed(self, request: Request, *, by: str | None = None, now: datetime | None = None) -> Request:
        return self.write(
            lambda c: evidence.agree(c, request.id, opening=OPENING, actor=by or self.ben, now=now or self.now)
        )

    def destroyed(self, of: Evidence, removal: Removal = Removal.LAW_ENFORCEMENT) -> None:
        """Let two people have it destroyed."""
        reference = "case 17 of the police" if removal is Removal.LAW_ENFORCEMENT else None
        self.agreed(self.asked(RequestKind.DESTROY, of.id, removal=removal, reference=reference))
        self.finish()

    def finish(self, now: datetime | None = None) -> int:
        return evidence.destroy_begun(self.database, self.vault, key_folder=self.key_folder, now=now or self.now)

    def expire(self, now: datetime) -> int:
        return evidence.expire(self.database, after=UNREPORTED, now=now)

    def certificate(self, of: Evidence) -> Certificate | None:
        with self.database.read() as connection:
            return evidence.find_certificate(connection, of.id)

    # ── what there is ────────────────────────────────────────────────────────────────────────────────────────────

    def objects(self) -> set[str]:
        return {each.name for each in self.vault.stored()}

    def actions(self, prefix: str = "evidence.") -> list[str]:
        with self.database.read() as connection:
            found = list_entries(connection, limit=10_000)
        return [each.action for each in found if each.action.startswith(prefix)]

    def column(self, of: Evidence, name: str) -> Any:
        from sqlalchemy import select  # noqa: PLC0415  (of this alone)

        with self.database.read() as connection:
            return connection.execute(select(evidence_table.c[name]).where(evidence_table.c.id == of.id)).scalar_one()


@pytest.fixture
def custody(database: Database, tmp_path: Path, now: datetime) -> Custody:
    pytest.importorskip("cryptography", reason="NO CRYPTOGRAPHY: this test checked NOTHING. Install hedgerow[server].")
    return Custody(database, tmp_path, now)
