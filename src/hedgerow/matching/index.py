"""What the two indexes share: contents that change, merges, snapshots on disk, and the shape of a search."""

from __future__ import annotations

import logging
import operator
import threading
from abc import ABC, abstractmethod
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, Generic, Literal, Self, TypeAlias, TypeVar

import numpy as np

from hedgerow.errors import InvalidThreshold, SnapshotDamaged
from hedgerow.matching import storage
from hedgerow.matching.arrays import read_only
from hedgerow.matching.layers import Ids, Layers, Snapshot, State, id_array, without
from hedgerow.matching.matches import NO_MATCHES, Matches
from hedgerow.matching.threads import alone, step_back, usable_cores

if TYPE_CHECKING:
    import os
    from collections.abc import Mapping

    from numpy.typing import NDArray

    from hedgerow.matching.signals import Signals
    from hedgerow.matching.storage import StoredFile

MAX_THRESHOLD: Final = 64
"""The largest threshold served, in bits. Unrelated signals differ in 128 ± 8 bits; beyond 64 chance matches begin."""
DEFAULT_THRESHOLD: Final = 31
"""PDQ's recommended "distance ≤ 31" (facebook/ThreatExchange, pdq/README.md, 2019)."""
MERGE_AFTER: Final = 20_000
"""Rows added or removed before a merge begins by itself: comparing so many takes about as long as a search."""
_MERGE_FRACTION = 100
"""Nor before a hundredth of the snapshot changed: a merge's work for each row added stays the same as a bank grows."""
_VERIFY_AT_ONCE_BYTES = 64 << 20
"""Smaller snapshots are verified while they are opened: it takes less than 0.1 s."""
_MOST_QUERIES = 1 << 24
"""Queries searched at a time: packed matches have 25 bits for them."""

Verify: TypeAlias = Literal["lazy", "now", "never"]
_Lookup = TypeVar("_Lookup")
_log = logging.getLogger(__name__)


class Index(ABC, Generic[_Lookup]):
    """A set of known signals, each with an id, that can be searched while it changes.

    Every method may be called from any thread. A search sees one moment: all of an `add` or `remove`, or nothing of it.

    Args:
        merge_after: How many rows may be added or removed before a merge begins by itself (in the background, or
            within `add` where most rows are new); None leaves merging to the caller.
        threads: How many threads merges and large batches use; all usable cores where not given.
    """

    _kind: str

    def __init__(self, *, merge_after: int | None = MERGE_AFTER, threads: int | None = None) -> None:
        self._merge_after = merge_after
        self._threads = threads or usable_cores()
        self._layers: Layers[_Lookup] = Layers(*self._row_shape(), self._build)
        self._verdict: _Verdict | None = None
        self._metadata: dict[str, Any] = {}

    # What each kind of index adds.

    @abstractmethod
    def _row_shape(self) -> tuple[int, np.dtype[Any]]: ...

    @abstractmethod
    def _rows_of(self, signals: Signals) -> NDArray[Any]: ...

    @abstractmethod
    def _build(self, rows: NDArray[Any]) -> _Lookup | None: ...

    @abstractmethod
    def _find(
        self, rows: NDArray[Any], lookup: _Lookup | None, queries: NDArray[Any], threshold: int, threads: int
    ) -> NDArray[np.uint64]: ...

    @abstractmethod
    def _lookup_arrays(self, lookup: _Lookup) -> dict[str, NDArray[Any]]: ...

    @abstractmethod
    def _lookup_content(self, lookup: _Lookup | None) -> dict[str, Any]: ...

    @abstractmethod
    def _lookup_from(self, content: dict[str, Any], count: int, arrays: dict[str, NDArray[Any]]) -> _Lookup | None: ...

    # Contents.

    def __len__(self) -> int:
        return len(self._layers.state)

    @property
    def is_empty(self) -> bool:
        """Whether no search can find anything, not even what was removed since the last merge."""
        state = self._layers.state
        return state.snapshot.ids.count == 0 and state.delta_ids.size == 0

    def __contains__(self, row_id: object) -> bool:
        return row_id in self._layers

    def holds(self, ids: object) -> NDArray[np.bool_]:
        """Tell for each of these ids whether it is there: ``in`` for many.

        Raises:
            InvalidQuery: They are no integers of 64 bits.
        """
        return self._layers.holds(id_array(ids))

    @property
    def metadata(self) -> dict[str, Any]:
        """What was put beside the snapshot when it was saved (a copy)."""
        return dict(self._metadata)

    @property
    def size_bytes(self) -> int:
        """Bytes of all arrays, in memory or mapped."""
        state = self._layers.state
        ids = state.snapshot.ids.values
        arrays = [state.snapshot.rows, state.tombstones, state.delta_rows, state.delta_ids, state.delta_tombstones]
        if state.snapshot.lookup is not None:
            arrays += self._lookup_arrays(state.snapshot.lookup).values()
        return sum(array.nbytes for array in arrays) + (0 if ids is None else ids.nbytes)

    def add(self, signals: Signals, ids: object = None) -> NDArray[np.int64]:
        """Add signals; the next search finds them. The same signal may be added under several ids.

        Args:
            signals: One or many, in any form that `hedgerow.matching.signals` lists.
            ids: One integer of 64 bits for each; where not given, those following the largest ever used.

        Returns:
            The ids, in the signals' order.

        Raises:
            InvalidQuery: The signals or ids are none; nothing was added.
            DuplicateId: An id is in use; nothing was added.
        """
        added = self._layers.add(self._rows_of(signals), ids)
        self._merge_if_due()
        return added

    def remove(self, ids: object) -> int:
        """Remove signals by id; the next search no longer finds them. Ids that are not there are ignored.

        Returns:
            How many were there.

        Raises:
            InvalidQuery: The ids are no integers of 64 bits.
        """
        removed = self._layers.remove(ids)
        self._merge_if_due()
        return removed

    def merge(self) -> None:
        """Build the lookup anew over all that was added and not removed, so that searches are as fast as can be.

        Waits for a merge under way. Searches, adds and removes from other threads go on meanwhile.

        Raises:
            SnapshotDamaged: The index was opened from a snapshot that proves damaged.
        """
        self._refuse_damage()
        self._layers.merge()

    def merge_in_background(self) -> bool:
        """Begin a merge on a thread of its own, unless one is under way; return whether it was begun here."""
        if self._layers.is_merging:
            return False
        threading.Thread(target=self._merge_quietly, name="hedgerow-merge", daemon=True).start()
        return True

    def _merge_quietly(self) -> None:
        step_back()
        try:
            self._refuse_damage()
            with alone():
                self._layers.merge(waits=False)
        except Exception as problem:  # noqa: BLE001  (nobody is there to catch it; the index stays right, only slower)
            _log.error("Merging an index in the background failed: %s", type(problem).__name__)

    def _merge_if_due(self) -> None:
        if self._merge_after is None:
            return
        state = self._layers.state
        merged = state.snapshot.ids.count
        if len(state.delta_ids) + len(state.tombstones) <= max(self._merge_after, merged // _MERGE_FRACTION):
            return
        if len(state.delta_ids) >= merged:
            self.merge()  # a bulk load: until it is merged every search would compare most rows one by one
        else:
            self.merge_in_background()

    # Searching.

    def _search(self, queries: NDArray[Any], threshold: int, threads: int | None) -> Matches:
        self._refuse_damage()
        state = self._layers.state
        if len(queries) <= _MOST_QUERIES:
            return self._search_state(state, queries, threshold, threads or self._threads)
        parts = []
        for first in range(0, len(queries), _MOST_QUERIES):
            piece = queries[first : first + _MOST_QUERIES]
            part = self._search_state(state, piece, threshold, threads or self._threads)
            parts.append((part.query + first, part.id, part.distance))
        query, row_id, distance = (np.concatenate(column) for column in zip(*parts, strict=True))
        return Matches(query, row_id, distance)

    def _search_state(self, state: State[_Lookup], queries: NDArray[Any], threshold: int, threads: int) -> Matches:
        snapshot = state.snapshot
        found = None
        if snapshot.ids.count:
            packed = self._find(snapshot.rows, snapshot.lookup, queries, threshold, threads)
            found = _unpack(packed, state.tombstones)
        if len(state.delta_ids) == 0:
            if found is None:
                return NO_MATCHES
            return Matches(found[0], snapshot.ids.at(found[1]), found[2])
        packed = self._find(state.delta_rows, None, queries, threshold, threads)
        since = _unpack(packed, state.delta_tombstones)
        if since is None:
            return NO_MATCHES if found is None else Matches(found[0], snapshot.ids.at(found[1]), found[2])
        query, row_id, distance = since[0], state.delta_ids[since[1]], since[2]
        if found is not None:
            query = np.concatenate([found[0], query])
            row_id = np.concatenate([snapshot.ids.at(found[1]), row_id])
            distance = np.concatenate([found[2], distance])
        order = np.lexsort((row_id, distance, query))
        return Matches(query[order], row_id[order], distance[order])

    # Snapshots on disk.

    def save(self, folder: str | os.PathLike[str], *, metadata: Mapping[str, Any] | None = None) -> None:
        """Replace the folder's snapshot by the present contents, at once: a kill leaves the old one or the new.

        What changed since the last merge is written beside it, and what did not change since the last save or
        open is linked, so that saving often is cheap. What was written is used from the file afterwards, which all
        processes that open it share, and the memory that held it is given back.

        Args:
            folder: Made where it is missing. Nothing else may live in it.
            metadata: A small JSON object to find again as `metadata`, such as the bank's sequence number.

        Raises:
            SnapshotDamaged: The index was opened from a snapshot that proves damaged.
            OSError: The folder cannot be written.
        """
        self._refuse_damage()
        state, next_id = self._layers.moment()
        snapshot = state.snapshot
        live = without(np.arange(len(state.delta_ids)), state.delta_tombstones)
        arrays = {"rows": snapshot.rows}
        if snapshot.ids.values is not None:
            arrays["ids"] = snapshot.ids.values
        if snapshot.lookup is not None:
            arrays |= self._lookup_arrays(snapshot.lookup)
        lasting = set(arrays)
        arrays |= {
            "tombstones": state.tombstones,
            "delta-rows": state.delta_rows[live],
            "delta-ids": state.delta_ids[live],
        }
        content = {"count": snapshot.ids.count, "first_id": snapshot.ids.first, "next_id": next_id}
        content |= self._lookup_content(snapshot.lookup)
        metadata = dict(metadata or {})
        files = storage.write(Path(folder), self._kind, content, arrays, snapshot.stored, metadata)
        kept = {name: file for name, file in files.items() if name in lasting}
        is_mapped = bool(snapshot.stored)
        snapshot.stored.update(kept)
        self._metadata = metadata
        del state, arrays
        if not is_mapped and snapshot.ids.count:
            self._use_files(snapshot, kept, content)

    def _use_files(self, snapshot: Snapshot[_Lookup], files: dict[str, StoredFile], content: dict[str, Any]) -> None:
        """Use the files of a snapshot that was just written in the place of the memory that it was written from."""
        try:
            arrays = storage.map_files(files)
        except (FileNotFoundError, SnapshotDamaged):
            return  # another process has replaced it already, or it cannot be mapped: memory serves as well
        count = snapshot.ids.count
        ids = Ids(snapshot.ids.first, arrays.get("ids"), count)
        mapped = Snapshot(arrays["rows"], ids, self._lookup_from(content, count, arrays), files)
        self._layers.put_in_place(snapshot, mapped)

    def _load(self, stored: storage.Stored, verify: Verify) -> Self:
        """Take a mapped snapshot as the contents of this index, just made."""
        columns, dtype = self._row_shape()
        content, arrays = stored.content, stored.arrays
        try:
            count, first, next_id = (int(content[name]) for name in ("count", "first_id", "next_id"))
            ids = Ids(first, arrays.get("ids"), count)
            snapshot = Snapshot(
                arrays["rows"],
                ids,
                self._lookup_from(content, count, arrays),
                {name: file for name, file in stored.files.items() if not name.startswith(("delta", "tomb"))},
            )
            state = State(snapshot, arrays["tombstones"], arrays["delta-rows"], arrays["delta-ids"], _NONE)
        except (KeyError, TypeError, ValueError, IndexError):
            raise SnapshotDamaged("the manifest lacks a part") from None
        is_sound = (
            snapshot.rows.shape == (count, columns)
            and (ids.values is None or ids.values.shape == (count,))
            and state.delta_rows.shape == (len(state.delta_ids), columns)
            and {array.dtype for array in (snapshot.rows, state.delta_rows)} == {dtype}
            and {array.dtype for array in (state.tombstones, state.delta_ids)} == {np.dtype(np.int64)}
            and state.tombstones.ndim == state.delta_ids.ndim == 1
        )
        if not is_sound:
            raise SnapshotDamaged("its arrays do not fit each other")
        if verify == "now" or (verify == "lazy" and stored.size_bytes <= _VERIFY_AT_ONCE_BYTES):
            stored.verify()
        elif verify == "lazy":
            self._verdict = _Verdict(stored)
        self._layers.restore(state, next_id)
        self._metadata = stored.metadata
        return self

    def _refuse_damage(self) -> None:
        if self._verdict is not None:
            self._verdict.wait()
            self._verdict = None


class _Verdict:
    """The checksums of a large snapshot, compared on a thread of their own."""

    def __init__(self, stored: storage.Stored) -> None:
        self._damage: BaseException | None = None
        self._stored = stored
        self._thread = threading.Thread(target=self._compare, name="hedgerow-verify", daemon=True)
        self._thread.start()

    def _compare(self) -> None:
        try:
            self._stored.verify()
        except BaseException as damage:  # noqa: BLE001  (raised in every thread that waits for the verdict)
            self._damage = damage

    def wait(self) -> None:
        self._thread.join()
        if self._damage is not None:
            raise self._damage


_NONE = read_only(np.empty(0, np.int64))


def checked_threshold(threshold: object) -> int:
    """Accept a whole number of bits from 0 to `MAX_THRESHOLD`.

    Raises:
        InvalidThreshold: It is none; True and 31.0 are none.

    >>> checked_threshold(31)
    31
    """
    if isinstance(threshold, int | np.integer) and not isinstance(threshold, bool):
        bits = operator.index(threshold)
        if 0 <= bits <= MAX_THRESHOLD:
            return bits
    raise InvalidThreshold(threshold, MAX_THRESHOLD)


def _unpack(
    packed: NDArray[np.uint64], tombstones: NDArray[np.int64]
) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.int16]] | None:
    """Take packed matches (see `linear.pack`) apart into query, position, distance; None where none are live."""
    if len(packed) == 0:
        return None
    position = (packed & np.uint64(0xFFFFFFFF)).astype(np.int64)
    if len(tombstones):
        live = without(position, tombstones)
        packed, position = packed[live], position[live]
        if len(packed) == 0:
            return None
    upper = packed >> np.uint64(32)
    return (upper >> np.uint64(7)).astype(np.int64), position, (upper & np.uint64(127)).astype(np.int16)
