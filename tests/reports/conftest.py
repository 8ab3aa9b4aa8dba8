"""A desk: people, cases with evidence in a real vault, reports about them, and the authority's simulator beside it.

Nothing here reaches beyond this machine: whatever tries to fails the test (`_nothing_leaves_the_machine`).
"""

from __future__ import annotations

import hashlib
import ipaddress
import socket
from datetime import datetime, timedelta
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
    answer_submission,
    open_or_join_case,
    record_submission,
)
from hedgerow.database.sealing import ServiceKeys
from hedgerow.evidence import ReviewKeys
from hedgerow.evidence.vaults import LocalVault
from hedgerow.hashing.signal import Signal
from hedgerow.policy import Outcome, Then, Tier, install_default
from hedgerow.reports.approving import approve_report, preview_report
from hedgerow.reports.arming import SoloRule
from hedgerow.reports.credentials import set_credentials
from hedgerow.reports.cybertipline.filing import Filer
from hedgerow.reports.drafting import NewFile, create_report, edit_report
from hedgerow.reports.filing_model import ACTIVE, Environment
from hedgerow.reports.finding import calls_of, find_report
from hedgerow.reports.preserving import sealer
from hedgerow.simulators.cybertipline import CyberTiplineSimulator

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from sqlalchemy import Connection

    from hedgerow.database import Database
    from hedgerow.reports.filing_model import RecordedCall, Report

__all__ = ["PASSWORD", "USER", "Clock", "Desk", "plain"]

USER, PASSWORD = "esp-user-7", "correct horse battery"


@pytest.fixture(autouse=True)
def _nothing_leaves_the_machine(monkeypatch: pytest.MonkeyPatch) -> None:
    """Fail whatever tries to connect beyond this machine, or even to look up a name there."""
    real_connect, real_connect_ex, real_look_up = socket.socket.connect, socket.socket.connect_ex, socket.getaddrinfo

    def check(address: Any) -> None:
        host = address[0] if isinstance(address, tuple) else None
        if host is not None and host != "localhost" and not ipaddress.ip_address(host).is_loopback:
            pytest.fail(f"a test tried to reach {host}")

    def connect(self: socket.socket, address: Any) -> None:
        check(address)
        real_connect(self, address)

    def connect_ex(self: socket.socket, address: Any) -> int:
        check(address)
        return real_connect_ex(self, address)

    def look_up(host: Any, *rest: Any, **more: Any) -> Any:
        if host not in {None, "", "localhost", "127.0.0.1", "::1", "0.0.0.0"}:  # noqa: S104  (looked up, not bound)
            pytest.fail(f"a test tried to look up {host}")
        return real_look_up(host, *rest, **more)

    monkeypatch.setattr(socket.socket, "connect", connect)
    monkeypatch.setattr(socket.socket, "connect_ex", connect_ex)
    monkeypatch.setattr(socket, "getaddrinfo", look_up)


def plain(number: int, size_bytes: int = 60_000) -> bytes:
    """Make bytes that stand for a picture: no two windows of them are alike."""
    return hashlib.shake_128(b"picture %d" % number).digest(size_bytes)


class Clock:
    """A clock that stands still until it is put forward."""

    def __init__(self, at: datetime) -> None:
        self.at = at

    def __call__(self) -> datetime:
        return self.at

    def advance(self, **step: float) -> None:
        self.at += timedelta(**step)


class Desk:
    """What every test of filing needs; each method is one transaction."""

    plain = staticmethod(plain)

    def __init__(self, database: Database, folder: Path, now: datetime) -> None:
        self.database = database
        self.clock = Clock(now)
        self.now = now
        self.vault_folder = folder / "vault"
        self.vault = LocalVault(self.vault_folder)
        self.keys = ServiceKeys((bytes(range(32)),))
        self.review_keys = ReviewKeys.of_service(self.keys)
        self.keeper = evidence.Keeper(database, self.vault, self.review_keys)
        self.simulator: CyberTiplineSimulator | None = None
        with database.write() as connection:
            people = {"ada": Role.REVIEWER, "ben": Role.APPROVER, "cem": Role.APPROVER}
            users = [
                create_user(connection, name, roles=[role], actor="system", now=now) for name, role in people.items()
            ]
            self.ada, self.ben, self.cem = (each.actor for each in users)
            self.reviewer = users[0].id
            self.policy = install_default(connection, now=now)
            self.bank = create_bank(connection, "known", now=now)
            add_entries(connection, self.bank, [NewEntry(Signal("pdq", plain(999)[:32]))], now=now)
        self._contents = 0
        self._case: list[evidence.Evidence] = []

    def write(self, does: Callable[[Connection], Any]) -> Any:
        with self.database.write() as connection:
            return does(connection)

    def read(self, does: Callable[[Connection], Any]) -> Any:
        with self.database.read() as connection:
            return does(connection)

    # ── cases ────────────────────────────────────────────────────────────────────────────────────────────────────

    def kept(self, number: int = 1, *, account: str | None = "acc", size_bytes: int = 60_000) -> evidence.Evidence:
        """Open or join a case for a picture whose bytes the vault takes."""
        data = plain(number, size_bytes)
        kept = self.keeper.keep(lambda: [data], now=self.now)
        self._contents += 1
        sent = NewSubmission(
            f"content-{self._contents}",
            door="api",
            account_id=account,
            media_type="image/jpeg",
            size_bytes=len(data),
            md5=hashlib.md5(data, usedforsecurity=False).digest(),
            sha256=hashlib.sha256(data).digest(),
            uploaded_at=self.now - timedelta(days=1),
            policy_version=self.policy,
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
            return evidence.record_kept(connection, gathered.case.id, submission, kept, pdq=data[:32], now=self.now)

    # ── reports ──────────────────────────────────────────────────────────────────────────────────────────────────

    def content(self, **said: Any) -> dict[str, Any]:
        return {
            "incidentSummary": {
                "incidentType": "Child Pornography (possession, manufacture, and distribution)",
                "incidentDateTime": "2026-11-20T08:15:00Z",
            },
            "reporter": {"reportingPerson": {"email": ["trust-and-safety@platform.example"]}},
            **said,
        }

    def draft(
        self,
        files: int = 2,
        *,
        environment: Environment = Environment.TEST,
        size_bytes: int = 60_000,
        account: str = "acc",
        **said: Any,
    ) -> Report:
        """Draft a report about a case with so many pictures in the vault."""
        found = [self.kept(number, account=account, size_bytes=size_bytes) for number in range(1, max(files, 1) + 1)]
        return self.drafted(found[0].case_id, found[:files], environment=environment, **said)

    def drafted(
        self, case_id: int, found: list[evidence.Evidence], *, environment: Environment = Environment.TEST, **said: Any
    ) -> Report:
        new = [NewFile(each.id, f"picture-{each.id}.jpg", {"fileRelevance": "Reported"}) for each in found]
        return self.write(
            lambda connection: create_report(
                connection,
                case_id,
                authority="cybertipline",
                environment=environment,
                content=self.content(**said),
                files=new,
                deadline_at=self.clock() + timedelta(hours=24),
                actor=self.ada,
                now=self.clock(),
            )
        )

    def case_with_files(self, files: int = 2) -> tuple[int, list[evidence.Evidence]]:
        """Return a case and what is kept of it, the same each time."""
        if not self._case:
            self._case = [self.kept(number) for number in range(1, files + 1)]
        return self._case[0].case_id, self._case

    def draft_real(self) -> Report:
        """Draft a report for the authority's real system, which takes no address of an example."""
        report = self.draft(0, environment=Environment.PRODUCTION)
        content = self.content()
        content["reporter"] = {"reportingPerson": {"email": ["trust-and-safety@hedgerow-platform.org"]}}
        return self.write(
            lambda connection: edit_report(
                connection, report.id, revision=1, content=content, actor=self.ada, now=self.clock()
            )
        )

    def draft_more(self, earlier: Report) -> Report:
        """Draft another report about the case of an earlier one, of text alone."""
        return self.drafted(earlier.case_id, [])

    def draft_next(self, earlier: Report) -> Report:
        """Draft and approve another report about the case of an earlier one, with another picture."""
        new = self.kept(self._contents + 10)
        assert new.case_id == earlier.case_id
        return self.approve(self.drafted(new.case_id, [new]))

    def approve(self, report: Report, *, by: str | None = None, **said: Any) -> Report:
        preview = self.read(lambda connection: preview_report(connection, report.id, now=self.clock()))
        return self.write(
            lambda connection: approve_report(
                connection,
                report.id,
                revision=preview.report.revision,
                sha256=preview.sha256 or "",
                actor=by or self.ben,
                now=self.clock(),
                **said,
            )
        )

    def approved(self, files: int = 2, **said: Any) -> Report:
        return self.approve(self.draft(files, **said))

    def look(self, report: Report | int) -> Report:
        number = report if isinstance(report, int) else report.id
        return self.read(lambda connection: find_report(connection, number))

    def calls(self, report: Report | int) -> list[RecordedCall]:
        number = report if isinstance(report, int) else report.id
        return self.read(lambda connection: calls_of(connection, number))

    def actions(self) -> list[str]:
        """What the audit says was done to reports."""
        with self.database.read() as connection:
            return [each.action for each in list_entries(connection) if each.action.startswith("report.")]

    # ── filing ───────────────────────────────────────────────────────────────────────────────────────────────────

    def enter_credentials(
        self, environment: Environment = Environment.TEST, username: str = USER, password: str = PASSWORD
    ) -> None:
        self.write(
            lambda connection: set_credentials(
                connection,
                "cybertipline",
                environment,
                username,
                password,
                keys=self.keys,
                actor=self.ben,
                now=self.clock(),
            )
        )

    def source(self, number: int) -> Iterator[bytes]:
        found = self.read(lambda connection: evidence.find_evidence(connection, number))
        return evidence.open_evidence(found, self.vault, self.review_keys)

    def filer(self, **said: Any) -> Filer:
        values: dict[str, Any] = {
            "seal": sealer(self.review_keys, rehearse=True, now=self.clock),
            "test_address": None if self.simulator is None else self.simulator.url,
            "solo": SoloRule(),
            "now": self.clock,
            "share": lambda: 0.0,
        }
        return Filer(self.database, self.keys, said.pop("source", self.source), **(values | said))

    def advance(self, **step: float) -> None:
        """Put our clock and the authority's forward."""
        self.clock.advance(**step)
        if self.simulator is not None:
            self.simulator.advance(**step)

    def run(self, report: Report | int, *, most: int = 400, filer: Filer | None = None) -> Report:
        """Let the filer work, and time go by, until there is nothing more to do for a report."""
        filer = filer or self.filer()
        for _ in range(most):
            found = self.look(report)
            if found.state not in ACTIVE:
                return found
            if not filer.run_one():
                self.advance(minutes=5)
        raise AssertionError(f"a report is still {self.look(report).state}")


@pytest.fixture
def desk(database: Database, tmp_path: Path, now: datetime) -> Desk:
    return Desk(database, tmp_path, now)


@pytest.fixture
def simulator(desk: Desk, tmp_path: Path) -> Iterator[CyberTiplineSimulator]:
    """Give the authority, with our credentials entered and its clock at ours."""
    with CyberTiplineSimulator(
        user=USER, password=PASSWORD, stands_at=desk.now, keep_files=tmp_path / "received"
    ) as running:
        desk.simulator = running
        desk.enter_credentials()
        yield running
