"""What takes the vault and the database together: keep bytes before the row, delete them after it, sweep, expire, seal.

The vault knows no transactions. So what is written is announced first (`evidence_intents`), and what is deleted loses
its keys first: a kill at any point leaves an announcement or a row that says where to go on, never bytes of which
nobody knows, and never a row without what it promises.
"""

from __future__ import annotations

import logging
import time
from threading import Lock
from typing import TYPE_CHECKING, Any, Final

from hedgerow.database.file import BUSY_TIMEOUT_S
from hedgerow.errors import EvidenceError
from hedgerow.evidence import removing, sealing
from hedgerow.evidence.keeping import keep
from hedgerow.evidence.recording import begin_intent, end_intent
from hedgerow.evidence.records import check_time
from hedgerow.evidence.vaults import new_name

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator
    from datetime import datetime, timedelta
    from pathlib import Path
    from typing import BinaryIO

    from hedgerow.database import Database
    from hedgerow.evidence.keeping import Kept
    from hedgerow.evidence.vaults import Stored, Vault
    from hedgerow.evidence.wrapping import ReviewKeys

    Source = Callable[[], Iterable[bytes] | BinaryIO]

__all__ = ["Keeper", "destroy_begun", "expire", "probe", "seal_what_waits", "sweep"]

_log = logging.getLogger(__name__)

_PROBE_S: Final = 30.0
"""How often a vault that failed is tried again, by whoever asks whether it can be relied on."""


_CUT_WAIT_MS: Final = 2_000
"""How long the cutting of SQLite's log waits for readers: it is done again with the next destruction."""


class _Announcing:
    """A vault that says in the database which object it is going to write, before it does."""

    def __init__(self, vault: Vault, database: Database, now: datetime) -> None:
        self._vault = vault
        self._database = database
        self._now = now

    def put(self, name: str, chunks: Iterable[bytes]) -> int:
        with self._database.write() as connection:
            begin_intent(connection, name, now=self._now)
        return self._vault.put(name, chunks)

    def read(self, name: str) -> Iterator[bytes]:
        return self._vault.read(name)

    def size(self, name: str) -> int:
        return self._vault.size(name)

    def delete(self, name: str) -> None:
        self._vault.delete(name)

    def stored(self) -> Iterator[Stored]:
        return self._vault.stored()

    def sweep(self, before: datetime) -> int:
        return self._vault.sweep(before)


class Keeper:
    """Puts bytes into the vault before anything names them; threads share one.

    Args:
        database: Where it is announced.
        vault: Where to.
        keys: The review keys.
    """

    def __init__(self, database: Database, vault: Vault, keys: ReviewKeys) -> None:
        self.vault = vault
        self.keys = keys
        self._database = database
        self._lock = Lock()
        self._failed: str | None = None
        self._tried = 0.0

    def keep(self, source: Source, *, now: datetime) -> Kept:
        """Put bytes into the vault under a new name, announced before; whoever writes the row takes that back.

        Args:
            source: Gives the bytes, in pieces or as a file.
            now: When.

        Raises:
            EvidenceError: The vault does not take them.
            DatabaseUnavailable: It cannot be announced.
        """
        try:
            kept = keep(_Announcing(self.vault, self._database, now), self.keys, source())
        except EvidenceError as error:
            self._note(error.reason)
            raise
        self._note(None)
        return kept

    def try_to_keep(self, source: Source, *, now: datetime) -> Kept | None:
        """Put bytes into the vault as `keep` does; None where it does not take them, which is told in the log.

        Raises:
            DatabaseUnavailable: It cannot be announced.
        """
        try:
            return self.keep(source, now=now)
        except EvidenceError as error:
            _log.error("The vault did not take a piece of evidence (%s); its case opens without it.", error.reason)
        except OSError as error:  # the source: a file of media that nobody can read any more
            _log.error("A piece of evidence could not be read (%s); its case opens without it.", type(error).__name__)
        return None

    def discard(self, kept: Kept) -> None:
        """Delete what nothing will name after all; where that fails, it is swept later."""
        try:
            self.vault.delete(kept.object)
            with self._database.write() as connection:
                end_intent(connection, kept.object)
        except EvidenceError as error:
            _log.warning("An object that is not needed is swept later (%s).", error.reason)

    def trouble(self) -> str | None:
        """Say why the vault cannot be relied on, as a word; None where it can. A vault that failed is tried again."""
        with self._lock:
            is_due = self._failed is not None and time.monotonic() - self._tried > _PROBE_S
            if is_due:
                self._tried = time.monotonic()
        if is_due:
            try:
                probe(self.vault)
            except EvidenceError as error:
                self._note(error.reason)
            else:
                self._note(None)
        return self._failed

    def _note(self, reason: str | None) -> None:
        with self._lock:
            if reason is not None:
                self._tried = time.monotonic()
            self._failed = reason


def probe(vault: Vault) -> None:
    """Write a small object, read it and delete it.

    Raises:
        EvidenceError: One of these did not work.
    """
    name = new_name()
    try:
        vault.put(name, [b"hedgerow"])
        for _ in vault.read(name):
            pass
    finally:
        vault.delete(name)


# ── what falls due ───────────────────────────────────────────────────────────────────────────────────────────────


def destroy_begun(
    database: Database, vault: Vault, *, key_folder: Path | None, now: datetime, only: int | None = None
) -> int:
    """Delete the objects of what is being destroyed, and certify it; return how many pieces are gone.

    Args:
        database: Where the rows are.
        vault: Where the objects are.
        key_folder: Where the audit's keys lie.
        now: When.
        only: Nothing but this piece.

    Raises:
        EvidenceError: The vault cannot be used; what was deleted before is certified.
    """
    with database.read() as connection:
        begun = removing.begun_removals(connection) if only is None else [only]
    done = 0
    for number in begun:
        with database.read() as connection:
            objects = removing.objects_of(connection, number)
        for name in objects:
            vault.delete(name)
        with database.write() as connection:
            done += removing.finish_removal(connection, number, key_folder=key_folder, now=now) is not None
    if done:
        _cut_log(database)
    return done


def _cut_log(database: Database) -> None:
    """Let SQLite's write-ahead log forget the pages on which the data keys stood; long readers may prevent it."""
    if database.engine.dialect.name != "sqlite":
        return
    pooled = database.engine.raw_connection()  # not in a transaction, which SQLAlchemy would begin
    try:
        driver: Any = pooled.driver_connection
        driver.execute(f"PRAGMA busy_timeout = {_CUT_WAIT_MS}")
        try:
            driver.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        finally:
            driver.execute(f"PRAGMA busy_timeout = {BUSY_TIMEOUT_S * 1_000}")
    finally:
        pooled.close()


def expire(database: Database, *, after: timedelta, now: datetime, limit: int = 100) -> int:
    """Begin to destroy what people no longer may or need keep; return how many pieces.

    Args:
        database: Where the rows are.
        after: How long what is no match stays after its case was closed.
        now: When.
        limit: Most pieces of each kind.

    Raises:
        ClockBehind: Something would expire, and the clock is behind the latest entry of the audit.
    """
    with database.read() as connection:
        due = removing.due_after_filing(connection, now=now, limit=limit)
        due += removing.due_as_no_match(connection, after=after, now=now, limit=limit)
        if due:
            check_time(connection, now)
    count = 0
    for number in due:
        with database.write() as connection:
            count += removing.expire_one(connection, number, after=after, now=now)
    return count


def sweep(database: Database, vault: Vault, *, before: datetime) -> int:
    """Delete objects that were announced before a time and that nothing names; return how many.

    Raises:
        EvidenceError: The vault cannot be used.
    """
    with database.read() as connection:
        left = removing.orphans(connection, before=before)
    for name in left:
        vault.delete(name)
        with database.write() as connection:
            end_intent(connection, name)
    return len(left) + vault.sweep(before)


def seal_what_waits(database: Database, keys: ReviewKeys, *, now: datetime) -> int:
    """Seal what was filed when that could not be done; return how many pieces."""
    with database.read() as connection:
        if not sealing.list_custodians(connection):
            return 0
        waiting = sealing.unsealed(connection)
    count = 0
    for number in waiting:
        with database.write() as connection:
            count += sealing.seal_due(connection, number, keys=keys, now=now)
    return count
