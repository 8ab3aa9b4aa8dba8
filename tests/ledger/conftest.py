"""A bank, a policy, and a short way to put the signals of a submission into the ledger."""

from __future__ import annotations

import hashlib
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

import pytest

from hedgerow import ledger
from hedgerow.banks import Bank, NewEntry, add_entries, create_bank
from hedgerow.cases import NewSubmission, record_submission
from hedgerow.hashing.signal import Signal
from hedgerow.policy import install_default

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sqlalchemy import Connection

    from hedgerow.database import Database

__all__ = ["House"]


class House:
    """What every test of the ledger needs."""

    def __init__(self, database: Database, now: datetime) -> None:
        self.database = database
        self.now = now
        self._contents = 0
        with database.write() as connection:
            install_default(connection, now=now)
            self.bank = create_bank(connection, "known", now=now)

    @staticmethod
    def signal(number: int) -> Signal:
        return Signal("pdq", hashlib.sha256(b"signal %d" % number).digest(), 100)

    def bank_signals(self, *numbers: int, bank: Bank | None = None) -> None:
        with self.database.write() as connection:
            add_entries(
                connection, bank or self.bank, [NewEntry(self.signal(number)) for number in numbers], now=self.now
            )

    def submit_in(
        self,
        connection: Connection,
        signals: Sequence[Signal],
        *,
        days: float = 90,
        seen: tuple[str, int] | None = None,
    ) -> int:
        self._contents += 1
        sent = NewSubmission(content_id=f"content-{self._contents}", door="api", account_id=f"a{self._contents}")
        submission = record_submission(connection, sent, now=self.now).submission
        keep_until = self.now + timedelta(days=days)
        assert ledger.record(connection, submission.id, signals, now=self.now, keep_until=keep_until, seen=seen)
        return submission.id

    def submit(self, *numbers: int, days: float = 90, seen: tuple[str, int] | None = None) -> int:
        with self.database.write() as connection:
            return self.submit_in(connection, [self.signal(number) for number in numbers], days=days, seen=seen)


@pytest.fixture
def house(database: Database, now: datetime) -> House:
    return House(database, now)
