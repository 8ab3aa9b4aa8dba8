"""The index of one bank and signal type: kept in step with the database, and on disk where it is large."""

from __future__ import annotations

import logging
from array import array
from dataclasses import dataclass
from itertools import islice
from typing import TYPE_CHECKING, Any, Final, NamedTuple

import numpy as np

from hedgerow.banks.held import (
    NO_FRAMES,
    check_frames,
    entries_since,
    has_more_frames_than,
    has_more_than,
    live_frames,
    live_signals,
)
from hedgerow.banks.quarantine import Quarantine, by_reason, from_groups, why_length_is_malformed
from hedgerow.errors import SnapshotDamaged, SnapshotMissing
from hedgerow.hashing.signal import SIGNAL_TYPES
from hedgerow.matching import DigestIndex, HammingIndex
from hedgerow.matching.arrays import give_back_memory
from hedgerow.matching.videos import frame_ids, usable_frames

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence
    from pathlib import Path

    from numpy.typing import NDArray

    from hedgerow.banks.model import Bank, Change
    from hedgerow.database.plain import ReadConnection
    from hedgerow.hashing.frame_list import FrameList
    from hedgerow.matching import Matches

__all__ = ["BankIndex", "FrameIndex", "IndexView", "Saving", "bank_index", "batched"]

_log = logging.getLogger(__name__)

_BATCH: Final = 20_000
"""Changes in memory at a time, 3 MB of them."""
_VIDEOS: Final = 500
"""Changed videos whose frames are in memory at a time."""
_MOST_KEPT: Final = 50_000
"""Malformed rows named beside a snapshot, half a megabyte of them. With more the snapshot is not opened again: the bank
is read whole, as is right for a table in that state."""


@dataclass(frozen=True, slots=True)
class IndexView:
    """An index as searches see it, together with the bank whose rules its rows follow.

    Attributes:
        bank: The bank as it was when this was made.
        signal_type: Which type.
        rows: The rows; they change while entries are added and withdrawn, each search sees one moment of them.
    """

    bank: Bank
    signal_type: str
    rows: HammingIndex | DigestIndex

    def __len__(self) -> int:
        """Count the rows: entries, or frames."""
        return len(self.rows)

    def search(self, queries: NDArray[np.uint8] | NDArray[np.uint64]) -> Matches:
        """Return every row within the bank's threshold of a query.

        Raises:
            SnapshotDamaged: The snapshot that it was opened from proves damaged.
        """
        if isinstance(self.rows, HammingIndex):
            return self.rows.search(queries, self.bank.threshold)
        return self.rows.search(queries)


class Saving(NamedTuple):
    """What a snapshot will hold: taken at one moment, written while the index goes on changing.

    Rows that are added or removed until it is written may be in it as well; taking them in again changes nothing.
    """

    rows: HammingIndex | DigestIndex
    metadata: dict[str, Any]
    unsaved_changes: int


def bank_index(data: Path, bank: Bank, signal_type: str, *, small_bank_entries: int, delta_entries: int) -> BankIndex:
    """Make the index of a bank and signal type, still empty; see `BankIndex` for the arguments."""
    kind = FrameIndex if signal_type == "vpdq" else BankIndex
    return kind(data, bank, signal_type, small_bank_entries=small_bank_entries, delta_entries=delta_entries)


class BankIndex:
    """The index of one bank and signal type, and the state of the bank that it holds.

    Its snapshot lies in ``indexes/<bank id>/<signal type>`` of the data folder. It says which state it holds: the
    epoch of the database and the number of the latest change. One of another epoch, or of a later state than the
    database's (which was restored from a backup then), is not used.

    One thread changes it at a time. Searches go through `view`, which other threads use meanwhile, and `write` may run
    beside changes.

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
        self.quarantine = Quarantine(bank.id)
        self.is_saved = False
        self.unsaved_changes = 0
        self._kind = SIGNAL_TYPES[signal_type]
        self._folder = data / "indexes" / str(bank.id) / signal_type
        self._small_bank_entries = small_bank_entries
        self._delta_entries = delta_entries
        self._rows: HammingIndex | DigestIndex = self._empty()

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
            return
        if self._open(epoch, sequence):
            try:
                self.follow(connection, sequence)
                if self.needs_merge:
                    self.save(epoch)
            except SnapshotDamaged as error:
                _log.warning("%s It is built again from the bank.", error)
            else:
                return
        self.rebuild(connection, epoch, sequence)

    def rebuild(self, connection: ReadConnection, epoch: str, sequence: int) -> None:
        """Take the whole bank from the database, and write a snapshot. See `load` for the arguments."""
        self._fill(connection, sequence)
        self.save(epoch)

    def follow(self, connection: ReadConnection, sequence: int) -> None:
        """Take in what changed in the bank, was added and withdrawn since the state held, up to `sequence`."""
        if not self.fits(self.bank):
            self._fill(connection, sequence)
            return
        changes = entries_since(connection, self.bank, self.sequence, signal_type=self.signal_type)
        for batch in batched(changes, _BATCH):
            self.take(connection, batch)
        self.sequence = sequence

    def fits(self, bank: Bank) -> bool:  # noqa: ARG002  (frames depend on it)
        """Tell whether the rows held are those that a bank with these rules wants; if not, it is to be built anew."""
        return True

    def take(self, connection: ReadConnection, changes: Sequence[Change]) -> None:  # noqa: ARG002  (frames need it)
        """Take changed entries of this type as they are now, in any order; those that are held already stay.

        Args:
            connection: Where the changes come from.
            changes: Some thousand.
        """
        self.unsaved_changes += len(changes)
        size = self._kind.size_bytes
        live = [change for change in changes if change.is_live and len(change.bits) == size]
        if live:
            held = self._rows.holds([change.id for change in live]).tolist()
            self._add([(change.id, change.bits) for change, is_held in zip(live, held, strict=True) if not is_held])
        malformed: dict[int, str] = {}
        if len(live) < len(changes):
            others = [change for change in changes if not (change.is_live and len(change.bits) == size)]
            self._rows.remove([change.id for change in others])
            reasons = {each.id: why_length_is_malformed(len(each.bits), size) for each in others if each.is_live}
            malformed = {entry: reason for entry, reason in reasons.items() if reason is not None}
        if malformed or len(self.quarantine):
            self.quarantine.change(malformed, {change.id for change in changes} - malformed.keys())

    def look_again(self, connection: ReadConnection, changes: Sequence[Change]) -> None:
        """Let go what is no longer malformed.

        Args:
            connection: Where the changes come from.
            changes: The quarantined entries as they are now; what is not among them is no entry of this index.
        """
        before = self.quarantine.reasons
        unsaved_changes = self.unsaved_changes
        self.take(connection, changes)
        self.quarantine.change({}, before.keys() - {change.id for change in changes})
        self.unsaved_changes = unsaved_changes + len(before) - len(self.quarantine)

    @property
    def needs_merge(self) -> bool:
        """Whether its snapshot lacks so much that it should be renewed, or it has grown large without one."""
        if not self.is_saved:
            return len(self._rows) > max(self._small_bank_entries, self._delta_entries)
        return self.unsaved_changes > self._delta_entries

    def save(self, epoch: str) -> None:
        """Write a snapshot of the state held; see `write`."""
        saving = self.begin_saving(epoch)
        self.write(saving)
        self.end_saving(saving)

    def begin_saving(self, epoch: str) -> Saving:
        """Take what a snapshot of this moment holds."""
        reasons = self.quarantine.reasons
        metadata = {
            "epoch": epoch,
            "sequence": self.sequence,
            "quarantined": by_reason(reasons) if len(reasons) <= _MOST_KEPT else None,
            **self._held(),
        }
        return Saving(self._rows, metadata, self.unsaved_changes)

    def write(self, saving: Saving) -> None:
        """Write a snapshot in the place of the one before, at once. The index may change and be searched meanwhile.

        When two processes do so, the later one's stays; each says what it holds, so either will do. An index that
        cannot be written is searched from memory all the same.

        Raises:
            SnapshotDamaged: The snapshot that it was opened from proves damaged.
        """
        saving.rows.merge()
        try:
            self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            saving.rows.save(self._folder, metadata=saving.metadata)
        except OSError as error:
            _log.warning("The index of a bank cannot be written: %s.", error.strerror)
        give_back_memory()  # building takes several times what the index does

    def end_saving(self, saving: Saving) -> None:
        """Note that what was taken is written, or cannot be."""
        if saving.rows is self._rows:
            self.is_saved = True
            self.unsaved_changes -= saving.unsaved_changes

    def __len__(self) -> int:
        """Count the rows: entries, or frames."""
        return len(self._rows)

    @property
    def view(self) -> IndexView:
        """What searches see."""
        return IndexView(self.bank, self.signal_type, self._rows)

    def search(self, queries: NDArray[np.uint8] | NDArray[np.uint64]) -> Matches:
        """Search; see `IndexView.search`."""
        return self.view.search(queries)

    def _is_large(self, connection: ReadConnection) -> bool:
        return has_more_than(connection, self.bank, self.signal_type, self._small_bank_entries)

    def _held(self) -> dict[str, int]:
        """Return what else a snapshot has to agree in."""
        return {}

    def _empty(self) -> HammingIndex | DigestIndex:
        return HammingIndex() if self._kind.is_perceptual else DigestIndex(self._kind.size_bytes)

    def _open(self, epoch: str, sequence: int) -> bool:
        try:
            rows = type(self._empty()).open(self._folder)
        except SnapshotMissing:
            return False
        except SnapshotDamaged as error:
            _log.warning("%s It is built again from the bank.", error)
            return False
        held = rows.metadata.get("sequence")
        if rows.metadata.get("epoch") != epoch or not isinstance(held, int) or held > sequence:
            return False
        if any(rows.metadata.get(name) != value for name, value in self._held().items()):
            return False
        malformed = from_groups(rows.metadata.get("quarantined"))
        if malformed is None:
            return False
        self._hold(rows, held, malformed)
        self.is_saved = True
        return True

    def _hold(self, rows: HammingIndex | DigestIndex, sequence: int, malformed: Mapping[int, str]) -> None:
        """Hold other rows than before; searches under way go on in the old ones."""
        self._rows, self.sequence = rows, sequence
        self.quarantine.replace(malformed)
        self.is_saved = False
        self.unsaved_changes = 0

    def _fill(self, connection: ReadConnection, sequence: int) -> None:
        size = self._kind.size_bytes
        ids, bits = array("q"), bytearray()  # a million Python integers and bytes take five times as much
        malformed: dict[int, str] = {}
        for rows in live_signals(connection, self.bank, self.signal_type):
            good = rows
            if {len(each) for _, each in rows} != {size}:
                reasons = {entry: why_length_is_malformed(len(each), size) for entry, each in rows}
                malformed |= {entry: reason for entry, reason in reasons.items() if reason is not None}
                good = [row for row in rows if row[0] not in malformed]
            ids.extend([entry for entry, _ in good])
            bits += b"".join([each for _, each in good])
        index = self._empty()
        if ids:
            signals = np.frombuffer(bits, dtype=np.uint8).reshape(len(ids), -1)
            index.add(signals, np.frombuffer(ids, dtype=np.int64))
        self._hold(index, sequence, malformed)

    def _add(self, added: list[tuple[int, bytes]]) -> None:
        if added:
            signals = np.frombuffer(b"".join([bits for _, bits in added]), dtype=np.uint8)
            self._rows.add(signals.reshape(len(added), -1), [entry for entry, _ in added])


class FrameIndex(BankIndex):
    """The frames of a bank's videos, those of the bank's minimum quality; an id names an entry and a frame of it."""

    def __init__(
        self, data: Path, bank: Bank, signal_type: str, *, small_bank_entries: int, delta_entries: int
    ) -> None:
        super().__init__(data, bank, signal_type, small_bank_entries=small_bank_entries, delta_entries=delta_entries)
        self._minimum_quality = bank.minimum_quality

    def fits(self, bank: Bank) -> bool:
        """Tell whether the frames held are those of the bank's minimum quality."""
        return bank.minimum_quality == self._minimum_quality

    def take(self, connection: ReadConnection, changes: Sequence[Change]) -> None:
        """Take the frames of changed videos."""
        for batch in batched(changes, _VIDEOS):
            self._take(check_frames(connection, [change.id for change in batch]), batch)

    def _take(self, frames: Mapping[int, FrameList | str], changes: Sequence[Change]) -> None:
        added: list[tuple[int, FrameList]] = []
        malformed: dict[int, str] = {}
        for change in changes:
            listed = frames.get(change.id, NO_FRAMES)
            wrong = why_length_is_malformed(len(change.bits), self._kind.size_bytes)
            if wrong is not None or isinstance(listed, str):
                self.unsaved_changes += 1
                if change.is_live:
                    malformed[change.id] = wrong or str(listed)
                if isinstance(listed, str):
                    continue  # which frames it had cannot be told; what they find is reported of live videos alone
            self.unsaved_changes += len(listed)
            ids = frame_ids(change.id, np.flatnonzero(usable_frames(listed, self._minimum_quality)))
            if not change.is_live or wrong is not None:
                self._rows.remove(ids)
            elif len(ids) and int(ids[0]) not in self._rows:
                added.append((change.id, listed))
        self._add_frames(self._rows, added)
        self.quarantine.change(malformed, (change.id for change in changes if change.id not in malformed))

    def _is_large(self, connection: ReadConnection) -> bool:
        # of many videos, each of which has a frame at least, the frames need not be counted
        return super()._is_large(connection) or has_more_frames_than(connection, self.bank, self._small_bank_entries)

    def _held(self) -> dict[str, int]:
        return {"minimum_quality": self._minimum_quality}

    def _fill(self, connection: ReadConnection, sequence: int) -> None:
        malformed: dict[int, str] = {}

        def sound() -> Iterator[tuple[int, FrameList]]:
            for entry, frames in live_frames(connection, self.bank):
                if isinstance(frames, str):
                    malformed[entry] = frames
                else:
                    yield entry, frames

        self._minimum_quality = self.bank.minimum_quality
        index = self._empty()
        self._add_frames(index, sound())
        self._hold(index, sequence, malformed)

    def _add_frames(self, index: HammingIndex | DigestIndex, videos: Iterable[tuple[int, FrameList]]) -> None:
        ids, bits = [], []
        for entry, frames in videos:
            usable = np.flatnonzero(usable_frames(frames, self._minimum_quality))
            ids.append(frame_ids(entry, usable))
            bits.append(frames.bits[usable])
        if ids:
            index.add(np.concatenate(bits), np.concatenate(ids))


def batched(changes: Iterable[Change], size: int) -> Iterator[list[Change]]:
    """Cut changes into lists of at most so many (`itertools.batched` came with Python 3.12)."""
    remaining = iter(changes)
    while batch := list(islice(remaining, size)):
        yield batch
