"""The index of one bank and signal type: kept in step with the database, and on disk where it is large."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

import numpy as np

from hedgerow.banks.held import (
    entries_since,
    find_frames,
    has_more_frames_than,
    has_more_than,
    live_frames,
    live_signals,
)
from hedgerow.errors import SnapshotDamaged, SnapshotMissing
from hedgerow.hashing.signal import SIGNAL_TYPES
from hedgerow.matching import DigestIndex, HammingIndex
from hedgerow.matching.videos import frame_ids, usable_frames

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    from numpy.typing import NDArray

    from hedgerow.banks.model import Bank, Change
    from hedgerow.database.plain import ReadConnection
    from hedgerow.hashing.frame_list import FrameList
    from hedgerow.matching import Matches

__all__ = ["BankIndex", "FrameIndex", "bank_index"]

_log = logging.getLogger(__name__)

# Entries handed to an index at a time.
_BATCH = 100_000
# Changed videos whose frames are in memory at a time.
_VIDEOS = 500


def bank_index(data: Path, bank: Bank, signal_type: str, *, small_bank_entries: int, delta_entries: int) -> BankIndex:
    """Make the index of a bank and signal type, still empty; see `BankIndex` for the arguments."""
    kind = FrameIndex if signal_type == "vpdq" else BankIndex
    return kind(data, bank, signal_type, small_bank_entries=small_bank_entries, delta_entries=delta_entries)


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

    def load(self, connection: ReadConnection, epoch: str, sequence: int) -> None:
        """Hold the bank as it is at `sequence`.

        A small bank comes from the database. A large one comes from its snapshot and what changed since, or from the
        database where there is no sound snapshot, and then the snapshot is written.

        Args:
            connection: Of `Database.read`, so that everything is read from one state.
            epoch: The epoch of that state.
            sequence: The latest change in that state.
        """
        if not self._is_large(connection):
            self._fill(connection, sequence)
        elif self._open(epoch, sequence):
            self.follow(connection, sequence)
            if self.needs_merge:
                self.save(epoch)
        else:
            self.rebuild(connection, epoch, sequence)

    def rebuild(self, connection: ReadConnection, epoch: str, sequence: int) -> None:
        """Take the whole bank from the database, and write a snapshot. See `load` for the arguments."""
        self._fill(connection, sequence)
        self.save(epoch)

    def follow(self, connection: ReadConnection, sequence: int) -> None:
        """Take in what changed in the bank, was added and withdrawn since the state held, up to `sequence`."""
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
            self._index.save(self._folder, metadata={"epoch": epoch, "sequence": self.sequence, **self._held()})
        except OSError as error:
            _log.warning("The index of a bank cannot be written: %s.", error.strerror)
        self._is_saved = True
        self._unsaved_changes = 0

    def __len__(self) -> int:
        """Count the rows: entries, or frames."""
        return len(self._index)

    def search(self, queries: NDArray[np.uint8]) -> Matches:
        """Return every entry within the bank's threshold of a query.

        Raises:
            SnapshotDamaged: The snapshot that it was opened from proves damaged.
        """
        if isinstance(self._index, HammingIndex):
            return self._index.search(queries, self.bank.threshold)
        return self._index.search(queries)

    def _is_large(self, connection: ReadConnection) -> bool:
        return has_more_than(connection, self.bank, self.signal_type, self._small_bank_entries)

    def _held(self) -> dict[str, int]:
        """Return what else a snapshot has to agree in."""
        return {}

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
        if any(index.metadata.get(name) != value for name, value in self._held().items()):
            return False
        self._index, self.sequence = index, held
        self._is_saved = True
        self._unsaved_changes = 0
        return True

    def _fill(self, connection: ReadConnection, sequence: int) -> None:
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


class FrameIndex(BankIndex):
    """The frames of a bank's videos, those of the bank's minimum quality; an id names an entry and a frame of it."""

    def __init__(
        self, data: Path, bank: Bank, signal_type: str, *, small_bank_entries: int, delta_entries: int
    ) -> None:
        super().__init__(data, bank, signal_type, small_bank_entries=small_bank_entries, delta_entries=delta_entries)
        self._minimum_quality = bank.minimum_quality

    def follow(self, connection: ReadConnection, sequence: int) -> None:
        """Take in what changed, as every index does; another minimum quality means other frames."""
        if self.bank.minimum_quality != self._minimum_quality:
            self._fill(connection, sequence)
            return
        changes: list[Change] = []
        for change in entries_since(connection, self.bank, self.sequence, signal_type=self.signal_type):
            changes.append(change)
            if len(changes) == _VIDEOS:
                self._take(connection, changes)
                changes = []
        self._take(connection, changes)
        self.sequence = sequence

    def _take(self, connection: ReadConnection, changes: list[Change]) -> None:
        frames = find_frames(connection, [change.id for change in changes])
        added: list[tuple[int, FrameList]] = []
        for change in changes:
            listed = frames.get(change.id)
            if listed is None:
                continue
            self._unsaved_changes += len(listed)
            ids = frame_ids(change.id, np.flatnonzero(usable_frames(listed, self._minimum_quality)))
            if not change.is_live:
                self._index.remove(ids)
            elif len(ids) and int(ids[0]) not in self._index:
                added.append((change.id, listed))
        self._add_frames(self._index, added)

    def _is_large(self, connection: ReadConnection) -> bool:
        # of many videos, each of which has a frame at least, the frames need not be counted
        return super()._is_large(connection) or has_more_frames_than(connection, self.bank, self._small_bank_entries)

    def _held(self) -> dict[str, int]:
        return {"minimum_quality": self._minimum_quality}

    def _fill(self, connection: ReadConnection, sequence: int) -> None:
        self._minimum_quality = self.bank.minimum_quality
        index = self._empty()
        self._add_frames(index, live_frames(connection, self.bank))
        self._index, self.sequence = index, sequence
        self._is_saved = False
        self._unsaved_changes = 0

    def _add_frames(self, index: HammingIndex | DigestIndex, videos: Iterable[tuple[int, FrameList]]) -> None:
        ids, bits = [], []
        for entry, frames in videos:
            usable = np.flatnonzero(usable_frames(frames, self._minimum_quality))
            ids.append(frame_ids(entry, usable))
            bits.append(frames.bits[usable])
        if ids:
            index.add(np.concatenate(bits), np.concatenate(ids))
