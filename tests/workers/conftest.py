"""A platform that takes webhooks, and a house with cases on which people decide."""

from __future__ import annotations

import hashlib
import http.server
import threading
import time
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import pytest

from hedgerow.accounts.model import Role
from hedgerow.accounts.records import create_user
from hedgerow.actions import add_endpoint, list_deliveries
from hedgerow.app import now as clock
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
    find_case,
    open_or_join_case,
    record_submission,
)
from hedgerow.database.sealing import ServiceKeys
from hedgerow.hashing.signal import Signal
from hedgerow.policy import Outcome, Then, Tier, install_default
from hedgerow.settings import load_settings
from hedgerow.workers.model import Parts

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from datetime import datetime, timedelta
    from pathlib import Path

    from hedgerow.actions import Delivery
    from hedgerow.cases import Case, Decision
    from hedgerow.database import Database

__all__ = ["House", "Platform"]

KEYS = ServiceKeys((bytes(range(32)),))


class Platform(http.server.ThreadingHTTPServer):
    """Takes webhooks: keeps the ids that came, answers as it is told, and can be slow."""

    daemon_threads = True
    request_queue_size = 256

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Hooks)
        self.came: list[str] = []
        self.status = 204
        self.wait_s = 0.0
        self.url = f"http://127.0.0.1:{self.server_address[1]}/hooks"

    def handle_error(self, request: object, client_address: object) -> None:
        """Say nothing: whoever was killed has hung up."""


class _Hooks(http.server.BaseHTTPRequestHandler):
    server: Platform

    def do_POST(self) -> None:  # the name that http.server asks for
        self.rfile.read(int(self.headers["content-length"]))
        time.sleep(self.server.wait_s)
        self.server.came.append(self.headers["webhook-id"])
        self.send_response(self.server.status)
        self.send_header("content-length", "0")
        self.end_headers()

    def log_message(self, *_: object) -> None:
        pass


@contextmanager
def _platform() -> Iterator[Platform]:
    server = Platform()
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
    thread.start()
    try:
        yield server
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


@pytest.fixture
def platform() -> Iterator[Platform]:
    with _platform() as server:
        yield server


@pytest.fixture
def another_platform() -> Iterator[Platform]:
    with _platform() as server:
        yield server


class House:
    """A bank, a reviewer and cases; each method is one transaction."""

    def __init__(self, database: Database, now: datetime) -> None:
        self.database = database
        self.now = now
        with database.write() as connection:
            self.user = create_user(connection, "ada", roles=[Role.REVIEWER], actor="system", now=now).id
            self.policy = install_default(connection, now=now)
            self.bank = create_bank(connection, "known", now=now)
            add_entries(connection, self.bank, [NewEntry(Signal("pdq", hashlib.sha256(b"x").digest()))], now=now)

    def endpoint(self, url: str, *events: str) -> int:
        with self.database.write() as connection:
            return add_endpoint(connection, url, events=events, keys=KEYS, actor="user:1", now=self.now)[0].id

    def opened(self, content: str, then: Then = Then.REVIEW, account: str = "acc") -> Case:
        """Submit a picture that matches, of an account."""
        digest = hashlib.sha256(content.encode()).digest()
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
            outcome=Outcome("a rule", then, 2, "known"),
            policy_version=self.policy,
        )
        sent = NewSubmission(content, door="api", account_id=account, media_type="image/jpeg", sha256=digest)
        with self.database.write() as connection:
            submission = record_submission(connection, sent, now=self.now).submission
            gathered = open_or_join_case(
                connection,
                submission,
                [match],
                signal=ContentSignal(digest, 100),
                actor="key:1",
                now=self.now,
            )
            answer_submission(
                connection, submission, outcome=str(then), answer={}, matches=1, actor="key:1", now=self.now
            )
        assert gathered is not None
        return gathered.case

    def decided(self, case: Case, verdict: Verdict) -> Decision:
        with self.database.write() as connection:
            claim = claim_case(connection, case.id, self.user, now=self.now)
            version = find_case(connection, case.id).version
            return decide(connection, claim, Statement(verdict), seen_version=version, cluster_id=None, now=self.now)[
                -1
            ]

    def case(self, case: Case) -> Case:
        with self.database.read() as connection:
            return find_case(connection, case.id)

    def deliveries(self) -> list[Delivery]:
        """Give all messages, the oldest first."""
        with self.database.read() as connection:
            return list_deliveries(connection, now=self.now, most=100_000)[::-1]


@pytest.fixture
def house(database: Database, now: datetime) -> House:
    return House(database, now)


@pytest.fixture
def house_at(database: Database) -> Callable[[timedelta], House]:
    """Give a function that makes a house whose time is so far from the clock on the wall."""
    return lambda away: House(database, clock() + away)


@pytest.fixture
def wiring(database: Database, tmp_path: Path) -> Callable[..., Parts]:
    """Give a function that makes the wiring, with settings of the section `workers`."""

    def made(**workers: Any) -> Parts:
        return Parts(load_settings(data=tmp_path / "folder", workers=workers), database, KEYS)

    return made
