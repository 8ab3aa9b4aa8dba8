"""The contents of an index: a snapshot that never changes, and what happened since.

Three layers make up a `State`, which is itself never changed but replaced whole, so that a search sees one moment:

* the **snapshot**: rows in the order of their ids, with a lookup structure over them;
* the **delta**: rows added since, compared one by one;
* **tombstones**: positions in either that were removed since.

Merging makes a new snapshot of all live rows, while searches, adds and removes go on, and then swaps it in.
"""

from __future__ import annotations

import logging
import threading
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, Generic, TypeVar

import numpy as np

from hedgerow.errors import DuplicateId, InvalidQuery
from hedgerow.matching.arrays import aligned_empty, read_only

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

    from hedgerow.matching.storage import StoredFile

_Lookup = TypeVar("_Lookup")
_log = logging.getLogger(__name__)
_LARGEST_ID = 2**63 - 1


@dataclass(frozen=True, slots=True)
class Ids:
    """Ascending ids of a snapshot's rows, by position; consecutive ones take no memory.

    Attributes:
        first: The first id, where they are consecutive; else 0.
        values: The ids, where they are not; else None.
        count: How many.
    """

    first: int
    values: NDArray[np.int64] | None
    count: int

    @classmethod
    def of(cls, ascending: NDArray[np.int64]) -> Ids:
        """Keep ascending ids, as compactly as they allow."""
        count = len(ascending)
        if count == 0:
            return cls(0, None, 0)
        if int(ascending[-1]) - int(ascending[0]) == count - 1:
            return cls(int(ascending[0]), None, count)
        return cls(0, read_only(ascending), count)

    def at(self, positions: NDArray[np.int64]) -> NDArray[np.int64]:
        """Return the ids of the rows at these positions."""
        return positions + self.first if self.values is None else self.values[positions]

    def all(self) -> NDArray[np.int64]:
        """Return all ids."""
        return np.arange(self.first, self.first + self.count) if self.values is None else self.values

    def find(self, wanted: NDArray[np.int64]) -> NDArray[np.int64]:
        """Return the positions of these ids, −1 for those not here."""
        if self.values is None:
            is_here = (wanted >= self.first) & (wanted <= self.first + (self.count - 1))
            return np.where(is_here, wanted - (self.first if self.count else 0), -1)
        return _find_sorted(self.values, wanted)


def _find_sorted(values: NDArray[np.int64], wanted: NDArray[np.int64]) -> NDArray[np.int64]:
    if len(values) == 0:
        return np.full(len(wanted), -1)
    at = np.minimum(np.searchsorted(values, wanted), len(values) - 1)
    return np.where(values[at] == wanted, at, -1)


@dataclass(frozen=True, slots=True)
class Snapshot(Generic[_Lookup]):
    """Rows that never change.

    Attributes:
        rows: The rows, read-only, in the order of their ids.
        ids: Their ids.
        lookup: What finds rows in them; None where there are too few to need it.
        stored: The files that hold these arrays already, by array name.
    """

    rows: NDArray[Any]
    ids: Ids
    lookup: _Lookup | None
    stored: dict[str, StoredFile] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class State(Generic[_Lookup]):
    """One moment of an index.

    Attributes:
        snapshot: What was merged.
        tombstones: Ascending positions in the snapshot that were removed.
        delta_rows: Rows added since, read-only.
        delta_ids: Their ids.
        delta_tombstones: Ascending positions in the delta that were removed.
    """

    snapshot: Snapshot[_Lookup]
    tombstones: NDArray[np.int64]
    delta_rows: NDArray[Any]
    delta_ids: NDArray[np.int64]
    delta_tombstones: NDArray[np.int64]

    def __len__(self) -> int:
        live_here = self.snapshot.ids.count - len(self.tombstones)
        return live_here + len(self.delta_ids) - len(self.delta_tombstones)


def without(positions: NDArray[np.int64], tombstones: NDArray[np.int64]) -> NDArray[np.bool_]:
    """Tell for each position whether it is none of the ascending tombstones."""
    return _find_sorted(tombstones, positions) < 0


_NONE = read_only(np.empty(0, np.int64))


class Layers(Generic[_Lookup]):
    """The changing contents of an index; see the module.

    Args:
        columns: Items in a row.
        dtype: Their type.
        build: Makes the lookup over a snapshot's rows.
    """

    def __init__(self, columns: int, dtype: np.dtype[Any], build: Callable[[NDArray[Any]], _Lookup | None]) -> None:
        self._build = build
        self._lock = threading.RLock()  # held for changes of state, never for long work
        self._merging = threading.Lock()  # held while a merge is under way
        self._removed_meanwhile: list[NDArray[np.int64]] | None = None
        self._next_id = 0
        none = read_only(np.empty((0, columns), dtype))
        self._state: State[_Lookup] = State(Snapshot(none, Ids(0, None, 0), None), _NONE, none, _NONE, _NONE)
        self._begin_delta(none, _NONE)

    @property
    def state(self) -> State[_Lookup]:
        """The present moment; what is returned never changes."""
        return self._state

    @property
    def next_id(self) -> int:
        """The id given next where none is asked for: one above all ids ever used."""
        return self._next_id

    @property
    def is_merging(self) -> bool:
        """Whether a merge is under way."""
        return self._merging.locked()

    def moment(self) -> tuple[State[_Lookup], int]:
        """Return the present state together with the next id at that moment."""
        with self._lock:
            return self._state, self._next_id

    def restore(self, state: State[_Lookup], next_id: int) -> None:
        """Put contents that were saved into an index just made."""
        with self._lock:
            self._state = state
            self._next_id = next_id
            self._begin_delta(state.delta_rows, state.delta_ids)

    def put_in_place(self, before: Snapshot[_Lookup], after: Snapshot[_Lookup]) -> None:
        """Let a snapshot with the same contents stand for this one, unless another has taken its place."""
        with self._lock:
            if self._state.snapshot is before:
                self._state = replace(self._state, snapshot=after)

    def __contains__(self, row_id: object) -> bool:
        if isinstance(row_id, bool) or not isinstance(row_id, int | np.integer):
            return False
        if not -_LARGEST_ID - 1 <= row_id <= _LARGEST_ID:
            return False
        with self._lock:
            here, since = self._live_positions(np.array([row_id], np.int64))
        return bool(here[0] >= 0 or since[0] >= 0)

    def holds(self, ids: NDArray[np.int64]) -> NDArray[np.bool_]:
        """Tell for each id whether it is live."""
        with self._lock:
            here, since = self._live_positions(ids)
        return (here >= 0) | (since >= 0)

    def add(self, rows: NDArray[Any], ids: object) -> NDArray[np.int64]:
        """Add rows; all or, where an error is raised, none.

        Raises:
            InvalidQuery: The ids are no integers, or not one for each row.
            DuplicateId: An id is live already, or given twice.
        """
        with self._lock:
            count = len(rows)
            if ids is None:
                if self._next_id + count > _LARGEST_ID + 1:
                    raise InvalidQuery("no ids are left above the largest")
                given = np.arange(self._next_id, self._next_id + count, dtype=np.int64)
            else:
                given = id_array(ids).copy()
                if len(given) != count:
                    raise InvalidQuery(f"{len(given)} ids for {count} signals")
                self._refuse_duplicates(given)
            if count == 0:
                return given
            self._append(rows, given)
            self._next_id = max(self._next_id, int(given.max()) + 1)
            return given

    def remove(self, ids: object) -> int:
        """Remove rows by id; ids that are not there are ignored.

        Returns:
            How many were there.
        """
        with self._lock:
            wanted = np.unique(id_array(ids))
            here, since = self._live_positions(wanted)
            if self._removed_meanwhile is not None:
                self._removed_meanwhile.append(wanted)
            state = self._state
            here, since = here[here >= 0], since[since >= 0]
            if len(here) + len(since):
                self._state = State(
                    state.snapshot,
                    _joined(state.tombstones, here),
                    state.delta_rows,
                    state.delta_ids,
                    _joined(state.delta_tombstones, since),
                )
            return len(here) + len(since)

    def merge(self, *, waits: bool = True) -> bool:
        """Make a new snapshot of all live rows and swap it in; other threads go on meanwhile.

        Args:
            waits: Whether to wait for a merge under way (and then merge what it left), or leave it at that.

        Returns:
            Whether there is nothing left to merge but what was added meanwhile.
        """
        if not self._merging.acquire(blocking=waits):
            return False
        try:
            with self._lock:
                before = self._state
                self._removed_meanwhile = []
            if len(before.delta_ids) or len(before.tombstones):
                snapshot = self._merged(before)
                with self._lock:
                    self._swap_in(snapshot, len(before.delta_ids))
        finally:
            with self._lock:
                self._removed_meanwhile = None
            self._merging.release()
        return True

    def _merged(self, state: State[_Lookup]) -> Snapshot[_Lookup]:
        ids, rows = state.delta_ids, state.delta_rows
        if len(state.delta_tombstones):
            live = without(np.arange(len(ids)), state.delta_tombstones)
            ids, rows = ids[live], rows[live]
        if state.snapshot.ids.count:
            ids_here, rows_here = state.snapshot.ids.all(), state.snapshot.rows
            if len(state.tombstones):
                live = np.ones(len(ids_here), np.bool_)
                live[state.tombstones] = False
                ids_here, rows_here = ids_here[live], rows_here[live]
            ids, rows = np.concatenate([ids_here, ids]), _stacked(rows_here, rows)
        elif not _is_ours_alone(rows):
            rows = _stacked(rows[:0], rows)
        if len(ids) > 1 and not (ids[1:] > ids[:-1]).all():
            order = np.argsort(ids)
            ids = ids[order]
            sorted_rows = aligned_empty(rows.shape, rows.dtype)
            np.take(rows, order, axis=0, out=sorted_rows)
            rows = sorted_rows
        if len(ids) == 0:
            return Snapshot(read_only(rows), Ids(0, None, 0), None)
        # a private copy where values are kept: the delta's own array may be longer
        return Snapshot(read_only(rows), Ids.of(np.ascontiguousarray(ids)), self._build(read_only(rows)))

    def _swap_in(self, snapshot: Snapshot[_Lookup], merged: int) -> None:
        """Replace the snapshot; the first ``merged`` rows of the delta are in it now."""
        state = self._state
        removed = np.unique(np.concatenate([_NONE, *(self._removed_meanwhile or [])]))
        tombstones = snapshot.ids.find(removed)
        later = state.delta_tombstones[state.delta_tombstones >= merged] - merged
        self._begin_delta(state.delta_rows[merged:], state.delta_ids[merged:])
        self._state = State(
            snapshot,
            read_only(np.sort(tombstones[tombstones >= 0])),
            read_only(self._rows[: self._count]),
            read_only(self._ids[: self._count]),
            read_only(later),
        )

    def _begin_delta(self, rows: NDArray[Any], ids: NDArray[np.int64]) -> None:
        """Start the growing arrays behind the delta anew. Readers hold views of a length that never grows."""
        self._count = len(ids)
        self._rows, self._ids = aligned_empty(rows.shape, rows.dtype), np.empty(len(ids), np.int64)
        self._rows[:], self._ids[:] = rows, ids
        self._positions: dict[int, int] | None = None  # by id, the latest; only once ids come out of order
        if len(ids) > 1 and not (ids[1:] > ids[:-1]).all():
            self._positions = dict(zip(ids.tolist(), range(len(ids)), strict=True))

    def _append(self, rows: NDArray[Any], ids: NDArray[np.int64]) -> None:
        before, after = self._count, self._count + len(ids)
        if after > len(self._ids):
            room = after if before == 0 else max(after, before + before // 2, 64)
            rows_grown, ids_grown = (
                aligned_empty((room, self._rows.shape[1]), self._rows.dtype),
                np.empty(room, np.int64),
            )
            rows_grown[:before], ids_grown[:before] = self._rows[:before], self._ids[:before]
            self._rows, self._ids = rows_grown, ids_grown
        self._rows[before:after], self._ids[before:after] = rows, ids
        if self._positions is None:
            from_last = self._ids[max(before - 1, 0) : after]
            if not (from_last[1:] > from_last[:-1]).all():
                self._positions = dict(zip(self._ids[:before].tolist(), range(before), strict=True))
        if self._positions is not None:
            self._positions.update(zip(ids.tolist(), range(before, after), strict=True))
        self._count = after
        state = self._state
        self._state = State(
            state.snapshot,
            state.tombstones,
            read_only(self._rows[:after]),
            read_only(self._ids[:after]),
            state.delta_tombstones,
        )

    def _live_positions(self, ids: NDArray[np.int64]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """Return where ids are live, in the snapshot and in the delta; −1 where they are not."""
        state = self._state
        here = state.snapshot.ids.find(ids)
        here = np.where(without(here, state.tombstones), here, -1)
        if self._positions is None:
            since = _find_sorted(state.delta_ids, ids)
        else:
            since = np.array([self._positions.get(row_id, -1) for row_id in ids.tolist()], np.int64)
        return here, np.where(without(since, state.delta_tombstones), since, -1)

    def _refuse_duplicates(self, ids: NDArray[np.int64]) -> None:
        if len(ids) > 1 and not (ids[1:] > ids[:-1]).all():
            in_order = np.sort(ids)
            twice = in_order[1:][in_order[1:] == in_order[:-1]]
            if len(twice):
                raise DuplicateId(int(twice[0]))
        here, since = self._live_positions(ids)
        known = ids[(here >= 0) | (since >= 0)]
        if len(known):
            raise DuplicateId(int(known[0]))


def id_array(ids: object) -> NDArray[np.int64]:
    """Read one id, a sequence or an array of ids.

    Raises:
        InvalidQuery: They are no integers of 64 bits.
    """
    try:
        array = np.asarray(list(ids) if isinstance(ids, set | frozenset | range) else ids)
    except (ValueError, OverflowError):
        raise InvalidQuery("ids are integers of 64 bits") from None
    if array.size == 0:
        return _NONE
    if array.dtype.kind not in "iu" or array.ndim > 1 or (array.dtype == np.uint64 and array.max() > _LARGEST_ID):
        raise InvalidQuery("ids are integers of 64 bits")
    return np.atleast_1d(array).astype(np.int64)


def _joined(tombstones: NDArray[np.int64], more: NDArray[np.int64]) -> NDArray[np.int64]:
    return read_only(np.sort(np.concatenate([tombstones, more]))) if len(more) else tombstones


def _stacked(one: NDArray[Any], other: NDArray[Any]) -> NDArray[Any]:
    rows = aligned_empty((len(one) + len(other), other.shape[1]), other.dtype)
    rows[: len(one)], rows[len(one) :] = one, other
    return rows


def _is_ours_alone(rows: NDArray[Any]) -> bool:
    """Tell whether a view shows most of the memory that it keeps alive, so that no copy is worthwhile."""
    owner = rows
    while isinstance(owner.base, np.ndarray):
        owner = owner.base
    return owner.nbytes <= rows.nbytes * 1.1 + 4096 and rows.ctypes.data % 64 == 0
