"""Look signals up in the banks: one index for each bank and signal type, kept in step with the database."""

from __future__ import annotations

import hashlib
import logging
from dataclasses import dataclass
from threading import Lock
from typing import TYPE_CHECKING

import numpy as np

from hedgerow.banks.model import Match
from hedgerow.banks.records import (
    bank_states,
    describe_entries,
    entries_since,
    has_more_than,
    latest_change,
    live_signals,
    types_held,
)
from hedgerow.banks.rules import is_looked_up, nearness
from hedgerow.errors import BankNotFound, SnapshotDamaged, SnapshotMissing
from hedgerow.hashing.signal import SIGNAL_TYPES
from hedgerow.matching import DigestIndex, HammingIndex

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from numpy.typing import NDArray
    from sqlalchemy import Connection

    from hedgerow.banks.model import Bank
    from hedgerow.banks.records import BankState
    from hedgerow.database import Database
    from hedgerow.hashing.signal import Signal
    from hedgerow.matching import Matches

__all__ = ["BankIndex", "Matcher"]

_log = logging.getLogger(__name__)

# Entries handed to an index at a time.
_BATCH = 100_000


class BankIndex:
    """The index of one bank and signal type, and the state of the bank that it holds.

    Its snapshot lies in ``indexes/<bank id>/<signal type>`` of the data folder. It says which state it holds: the
    epoch of the database and the number of the latest change. One of another epoch, or of a later state than the
    database's (which was restored from a backup then), is not used.

    Args:
        data: The data folder.
        bank: Which bank.
        signal_type: Which type.
        small_bank_entries: Without more live entries than this, no snapshot is kept.
        delta_entries: A snapshot that lacks more changes than this is renewed.
    """

    def __init__(
        self, data: Path, bank: Bank, signal_type: str, *, small_bank_entries: int, delta_entries: int
    ) -> None:
        self.bank = bank
        self.signal_type = signal_type
        self.sequence = 0
        self._kind = SIGNAL_TYPES[signal_type]
        self._folder = data / "indexes" / str(bank.id) / signal_type
        self._small_bank_entries = small_bank_entries
        self._delta_entries = delta_entries
        self._is_saved = False
        self._unsaved_changes = 0
        self._index: HammingIndex | DigestIndex = self._empty()

    def load(self, connection: Connection, epoch: str, sequence: int) -> None:
        """Hold the bank as it is at `sequence`.

        A small bank comes from the database. A large one comes from its snapshot and what changed since, or from the
        database where there is no sound snapshot, and then the snapshot is written.

        Args:
            connection: Of `Database.read`, so that everything is read from one state.
            epoch: The epoch of that state.
            sequence: The latest change in that state.
        """
        if not has_more_than(connection, self.bank, self.signal_type, self._small_bank_entries):
            self._fill(connection, sequence)
        elif self._open(epoch, sequence):
            self.follow(connection, sequence)
            if self.needs_merge:
                self.save(epoch)
        else:
            self.rebuild(connection, epoch, sequence)

    def rebuild(self, connection: Connection, epoch: str, sequence: int) -> None:
        """Take the whole bank from the database, and write a snapshot. See `load` for the arguments."""
        self._fill(connection, sequence)
        self.save(epoch)

    def follow(self, connection: Connection, sequence: int) -> None:
        """Take in what was added and withdrawn since the state held, up to `sequence`."""
        added: list[tuple[int, bytes]] = []
        gone: list[int] = []
        for change in entries_since(connection, self.bank, self.sequence, signal_type=self.signal_type):
            self._unsaved_changes += 1
            if not change.is_live:
                gone.append(change.id)
            elif len(change.bits) == self._kind.size_bytes and change.id not in self._index:
                added.append((change.id, change.bits))
            if len(added) == _BATCH:
                self._add(added)
                added = []
        self._add(added)
        if gone:
            self._index.remove(gone)
        self.sequence = sequence

    @property
    def needs_merge(self) -> bool:
        """Whether the snapshot lacks so much that it should be renewed."""
        return self._is_saved and self._unsaved_changes > self._delta_entries

    def save(self, epoch: str) -> None:
        """Write a snapshot of the state held, in the place of the one before, at once.

        When two processes do so, the later one's stays; each says what it holds, so either will do. An index that
        cannot be written is searched from memory all the same.

        Raises:
            SnapshotDamaged: The snapshot that it was opened from proves damaged.
        """
        self._index.merge()
        try:
            self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            self._index.save(self._folder, metadata={"epoch": epoch, "sequence": self.sequence})
        except OSError as error:
            _log.warning("The index of a bank cannot be written: %s.", error.strerror)
        self._is_saved = True
        self._unsaved_changes = 0

    def search(self, queries: NDArray[np.uint8]) -> Matches:
        """Return every entry within the bank's threshold of a query.

        Raises:
            SnapshotDamaged: The snapshot that it was opened from proves damaged.
        """
        if isinstance(self._index, HammingIndex):
            return self._index.search(queries, self.bank.threshold)
        return self._index.search(queries)

    def _empty(self) -> HammingIndex | DigestIndex:
        return HammingIndex() if self._kind.is_perceptual else DigestIndex(self._kind.size_bytes)

    def _open(self, epoch: str, sequence: int) -> bool:
        try:
            index = type(self._empty()).open(self._folder)
        except SnapshotMissing:
            return False
        except SnapshotDamaged as error:
            _log.warning("%s It is built again from the bank.", error)
            return False
        held = index.metadata.get("sequence")
        if index.metadata.get("epoch") != epoch or not isinstance(held, int) or held > sequence:
            return False
        self._index, self.sequence = index, held
        self._is_saved = True
        self._unsaved_changes = 0
        return True

    def _fill(self, connection: Connection, sequence: int) -> None:
        ids: list[int] = []
        bits: list[bytes] = []
        for rows in live_signals(connection, self.bank, self.signal_type):
            ids += [entry for entry, _ in rows]
            bits.append(b"".join([each for _, each in rows]))
        index = self._empty()
        if ids:
            signals = np.frombuffer(b"".join(bits), dtype=np.uint8).reshape(len(ids), -1)
            index.add(signals, np.array(ids, dtype=np.int64))
        self._index, self.sequence = index, sequence
        self._is_saved = False
        self._unsaved_changes = 0

    def _add(self, added: list[tuple[int, bytes]]) -> None:
        if added:
            signals = np.frombuffer(b"".join([bits for _, bits in added]), dtype=np.uint8)
            self._index.add(signals.reshape(len(added), -1), [entry for entry, _ in added])


@dataclass(frozen=True)
class _Query:
    """One signal of one media, with its place among the others."""

    media: int
    order: int
    signal: Signal


class Matcher:
    """Answers which bank entries are near the signals of some media.

    It holds the banks as they were at the last `refresh` (the first search refreshes by itself). A withdrawn entry is
    never reported, not even before a refresh. Several threads may search at the same time.

    Args:
        database: Where the banks are.
        data: The data folder, for the snapshots of large banks.
        small_bank_entries: See `hedgerow.settings.IndexSettings`.
        delta_entries: See there.
        only: Names of the banks to search; None for every enabled one. A disabled bank is never searched.
    """

    def __init__(
        self,
        database: Database,
        data: Path,
        *,
        small_bank_entries: int = 20_000,
        delta_entries: int = 50_000,
        only: Sequence[str] | None = None,
    ) -> None:
        self._database = database
        self._data = data
        self._small_bank_entries = small_bank_entries
        self._delta_entries = delta_entries
        self._only = None if only is None else frozenset(only)
        self._lock = Lock()
        self._seen: tuple[str, int] | None = None
        self._states: tuple[BankState, ...] = ()
        self._indexes: dict[tuple[int, str], BankIndex] = {}

    def refresh(self) -> bool:
        """Take in what changed in the banks since the last time; tell whether anything did.

        It costs one query of one row when nothing did.

        Raises:
            BankNotFound: One of the banks named in `only` is gone.
            DatabaseUnavailable: The database cannot be read.
        """
        with self._lock, self._database.read() as connection:
            return self._refresh(connection)

    def _refresh(self, connection: Connection) -> bool:
        seen = latest_change(connection)
        if seen == self._seen:
            return False
        states = bank_states(connection)
        if self._only is not None:
            missing = self._only - {state.bank.name for state in states}
            if missing:
                raise BankNotFound(min(missing))
            states = [state for state in states if state.bank.name in self._only]
        states = [state for state in states if state.bank.is_enabled]
        is_same_history = self._seen is not None and self._seen[0] == seen[0]
        enabled = {state.bank.id: state.bank for state in states}
        kept = {}
        for (bank_id, name), index in self._indexes.items():
            if is_same_history and bank_id in enabled:
                index.bank = enabled[bank_id]
                index.follow(connection, seen[1])
                kept[bank_id, name] = index
        self._indexes = kept
        self._states = tuple(states)
        self._seen = seen
        return True

    def merge(self) -> int:
        """Renew the snapshots that lack too much, and return how many were; to be called in the background.

        Searches go on meanwhile; a refresh waits.

        Raises:
            DatabaseUnavailable: The database cannot be read.
        """
        with self._lock:
            due = [index for index in self._indexes.values() if index.needs_merge]
            for index in due:
                try:
                    index.save(self._epoch)
                except SnapshotDamaged as error:
                    self._rebuild(index, error)
            return len(due)

    @property
    def _epoch(self) -> str:
        return self._seen[0] if self._seen is not None else ""

    def _rebuild(self, index: BankIndex, damage: SnapshotDamaged) -> None:
        """Put an index that proved damaged right; what changed since the last refresh is taken in with it."""
        _log.warning("%s It is built again from the bank.", damage)
        with self._database.read() as connection:
            index.rebuild(connection, *latest_change(connection))

    def fingerprint(self) -> str:
        """Return a short text that differs whenever a search might answer differently.

        It stands for the banks as the next search sees them: names, thresholds, minimum qualities, entries.
        """
        self._load(())
        described = [
            (self._seen and self._seen[0]),
            *(
                (state.bank.id, state.bank.name, state.bank.threshold, state.bank.minimum_quality, state.sequence)
                for state in self._states
            ),
        ]
        return hashlib.sha256(repr(described).encode()).hexdigest()[:16]

    def load(self) -> None:
        """Load every index now instead of at the first search; a large bank's snapshot is written where it lacks."""
        self._load(self.signal_types())

    def signal_types(self) -> tuple[str, ...]:
        """Name the signal types that the enabled banks hold: others need not be computed for a search."""
        self._load(())
        with self._database.read() as connection:
            return types_held(connection, [state.bank.id for state in self._states])

    def search(self, signals: Sequence[Signal]) -> list[Match]:
        """Look up the signals of one media; see `search_many`."""
        return self.search_many([signals])[0]

    def search_many(self, media: Sequence[Sequence[Signal]]) -> list[list[Match]]:
        """Look up the signals of several media at once, which is faster than one by one.

        Args:
            media: For each media its signals in order of preference, the media as it is first.

        Returns:
            For each media its matches by distance, bank and entry; each bank entry once, by its nearest variant.

        Raises:
            DatabaseUnavailable: The database cannot be read.
        """
        queries: dict[str, list[_Query]] = {}
        for number, signals in enumerate(media):
            for order, signal in enumerate(signals):
                if signal.type in SIGNAL_TYPES:
                    queries.setdefault(signal.type, []).append(_Query(number, order, signal))
        found: list[tuple[Bank, str, NDArray[np.int64]]] = []
        for bank, index in self._load(tuple(queries)):
            asked = [query for query in queries[index.signal_type] if is_looked_up(query.signal, bank)]
            if asked:
                try:
                    rows = _nearest(index, asked)
                except SnapshotDamaged as error:  # a large snapshot's checksums are compared while work goes on
                    with self._lock:
                        self._rebuild(index, error)
                    rows = _nearest(index, asked)
                if len(rows):
                    found.append((bank, index.signal_type, rows))
        return self._report(media, found)

    def _load(self, types: Sequence[str]) -> list[tuple[Bank, BankIndex]]:
        """Return the indexes of the enabled banks for some types, loading those that are not loaded yet."""
        with self._lock:
            wanted = [(state.bank, name) for state in self._states for name in types]
            if self._seen is None or any((bank.id, name) not in self._indexes for bank, name in wanted):
                with self._database.read() as connection:
                    self._refresh(connection)
                    assert self._seen is not None  # noqa: S101  (_refresh sets it)
                    for state in self._states:
                        for name in types:
                            if (state.bank.id, name) not in self._indexes:
                                index = self._new_index(state.bank, name)
                                index.load(connection, *self._seen)
                                self._indexes[state.bank.id, name] = index
            return [(state.bank, self._indexes[state.bank.id, name]) for state in self._states for name in types]

    def _new_index(self, bank: Bank, name: str) -> BankIndex:
        return BankIndex(
            self._data,
            bank,
            name,
            small_bank_entries=self._small_bank_entries,
            delta_entries=self._delta_entries,
        )

    def _report(
        self, media: Sequence[Sequence[Signal]], found: list[tuple[Bank, str, NDArray[np.int64]]]
    ) -> list[list[Match]]:
        reported: list[list[Match]] = [[] for _ in media]
        if not found:
            return reported
        ids = np.unique(np.concatenate([rows[:, 1] for _, _, rows in found])).tolist()
        with self._database.read() as connection:
            described = describe_entries(connection, ids)
        for bank, name, rows in found:
            for number, entry, distance, order in rows.tolist():
                if entry in described:  # else it was withdrawn since the last refresh
                    variant = media[number][order].variant
                    reported[number].append(Match(bank.name, entry, name, distance, variant, *described[entry]))
        for matches in reported:
            matches.sort(key=nearness)
        return reported


def _nearest(index: BankIndex, asked: list[_Query]) -> NDArray[np.int64]:
    """Search, and keep for each media and entry the nearest query: rows of (media, entry, distance, order)."""
    joined = np.frombuffer(b"".join([query.signal.bits for query in asked]), dtype=np.uint8)
    found = index.search(joined.reshape(len(asked), -1))
    number = np.array([each.media for each in asked], dtype=np.int64)[found.query]
    order = np.array([each.order for each in asked], dtype=np.int64)[found.query]
    rows = np.stack([number, found.id, found.distance.astype(np.int64), order], axis=1)
    rows = rows[np.lexsort((order, found.distance, found.id, number))]
    is_first = np.ones(len(rows), dtype=bool)
    is_first[1:] = (rows[1:, :2] != rows[:-1, :2]).any(axis=1)
    return rows[is_first]
