"""Which known digests (MD5, SHA-1, SHA-256) equal a query."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

import numpy as np

from hedgerow.errors import InvalidQuery, SnapshotDamaged
from hedgerow.matching import linear, storage
from hedgerow.matching.arrays import read_only
from hedgerow.matching.index import MERGE_AFTER, Index, Verify
from hedgerow.matching.signals import Signals, listed, octets_of, refuse_types

if TYPE_CHECKING:
    import os

    from numpy.typing import NDArray

    from hedgerow.matching.matches import Matches

DIGEST_SIZES = (16, 20, 32)
"""Bytes of MD5, SHA-1 and SHA-256."""
_COMPARED_AT_MOST = 1_000_000
"""Comparisons up to which unsorted rows are compared one by one; sorting them pays beyond."""


@dataclass(frozen=True, slots=True)
class Order:
    """Digests in order.

    Attributes:
        prefixes: Ascending: each digest's first eight bytes as a number.
        positions: Which row each belongs to.
    """

    prefixes: NDArray[np.uint64]
    positions: NDArray[np.uint32]


class DigestIndex(Index[Order]):
    """Known digests, searched for equality. The shape is `HammingIndex`'s; a match's distance is always 0.

    Takes 12 bytes beside each digest, in memory as on disk, and 8 more where ids are not consecutive.

    Args:
        size_bytes: 16, 20 or 32.
        merge_after: As for `HammingIndex`.

    >>> index = DigestIndex(16)
    >>> index.add(["d41d8cd98f00b204e9800998ecf8427e"], ids=[7])
    array([7])
    >>> list(index.search("D41D8CD98F00B204E9800998ECF8427E"))
    [Match(query=0, id=7, distance=0)]
    """

    _kind = "digests"

    def __init__(self, size_bytes: int, *, merge_after: int | None = MERGE_AFTER) -> None:
        if size_bytes not in DIGEST_SIZES:
            raise InvalidQuery(f"digests of {size_bytes!r} bytes, where there are those of 16, 20 and 32")
        self._size_bytes = size_bytes
        super().__init__(merge_after=merge_after, threads=1)

    def search(self, queries: Signals) -> Matches:
        """Find all live digests equal to each query.

        Raises:
            InvalidQuery: These are no digests of this index's size.
            SnapshotDamaged: The index was opened from a snapshot that proves damaged.
        """
        return self._search(self._rows_of(queries), 0, None)

    @classmethod
    def open(
        cls, folder: str | os.PathLike[str], *, verify: Verify = "lazy", merge_after: int | None = MERGE_AFTER
    ) -> Self:
        """Map a saved snapshot, as `HammingIndex.open` does.

        Raises:
            SnapshotMissing: There is none.
            SnapshotDamaged: It does not agree with its manifest.
        """
        stored = storage.read(Path(folder), cls._kind)
        size_bytes = stored.content.get("size_bytes")
        if size_bytes not in DIGEST_SIZES:
            raise SnapshotDamaged("the manifest lacks a part")
        return cls(size_bytes, merge_after=merge_after)._load(stored, verify)  # noqa: SLF001  (of the index made here)

    def _row_shape(self) -> tuple[int, np.dtype[Any]]:
        return self._size_bytes, np.dtype(np.uint8)

    def _rows_of(self, signals: Signals) -> NDArray[np.uint8]:
        if not isinstance(signals, np.ndarray):
            signals = listed(signals)
            refuse_types(signals, perceptual=False)
        return octets_of(signals, self._size_bytes)

    def _build(self, rows: NDArray[Any]) -> Order:
        prefixes = _prefixes(rows)
        order = np.argsort(prefixes, kind="stable")
        return Order(read_only(prefixes[order]), read_only(order.astype(np.uint32)))

    def _find(
        self,
        rows: NDArray[Any],
        lookup: Order | None,
        queries: NDArray[Any],
        threshold: int,  # noqa: ARG002  (equality has none)
        threads: int,  # noqa: ARG002  (nor work enough for several)
    ) -> NDArray[np.uint64]:
        wanted = _prefixes(queries)
        if lookup is None and len(rows) * len(queries) <= _COMPARED_AT_MOST:
            query, position = np.nonzero(wanted[:, None] == _prefixes(rows)[None, :])
        else:
            lookup = lookup or self._build(rows)
            first = np.searchsorted(lookup.prefixes, wanted, "left")
            sizes = np.searchsorted(lookup.prefixes, wanted, "right") - first
            query = np.repeat(np.arange(len(wanted)), sizes)
            within = np.arange(len(query)) - np.repeat(np.cumsum(sizes) - sizes, sizes)
            position = lookup.positions[np.repeat(first, sizes) + within]
            position = np.minimum(position, max(len(rows) - 1, 0))  # larger only in a damaged snapshot
        equal = (rows[position] == queries[query]).all(axis=1)
        packed = linear.pack(query[equal], np.zeros(int(equal.sum()), np.int64), position[equal])
        return np.sort(packed)

    def _lookup_arrays(self, lookup: Order) -> dict[str, NDArray[Any]]:
        return {"prefixes": lookup.prefixes, "positions": lookup.positions}

    def _lookup_content(self, lookup: Order | None) -> dict[str, Any]:
        return {"size_bytes": self._size_bytes, "has_order": lookup is not None}

    def _lookup_from(self, content: dict[str, Any], count: int, arrays: dict[str, NDArray[Any]]) -> Order | None:
        if not content["has_order"]:
            return None
        lookup = Order(arrays["prefixes"], arrays["positions"])
        is_sound = (
            lookup.prefixes.shape == lookup.positions.shape == (count,)
            and lookup.prefixes.dtype == np.uint64
            and lookup.positions.dtype == np.uint32
        )
        if not is_sound:
            raise SnapshotDamaged("its order does not fit its rows")
        return lookup


def _prefixes(rows: NDArray[Any]) -> NDArray[np.uint64]:
    """Read the first eight bytes of (n, size) rows as one number each."""
    return np.ascontiguousarray(rows[:, :8]).view(">u8")[:, 0].astype(np.uint64)
