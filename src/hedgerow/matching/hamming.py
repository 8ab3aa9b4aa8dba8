"""Which known 256-bit signals lie within a radius of a query."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

import numpy as np

from hedgerow.errors import InvalidQuery, SnapshotDamaged
from hedgerow.matching import compiled, storage, tables
from hedgerow.matching.index import DEFAULT_THRESHOLD, MERGE_AFTER, Index, Verify, checked_threshold
from hedgerow.matching.signals import Signals, listed, refuse_types, words_of

if TYPE_CHECKING:
    import os

    from numpy.typing import NDArray

    from hedgerow.matching.matches import Matches

TABLES_FROM = 10_000
"""Rows from which tables are built: fewer are compared one by one in less time than probing takes."""
_WORDS = 4


class HammingIndex(Index[tables.Tables]):
    """Known 256-bit signals (PDQ), searched exactly: every signal within the threshold is found, and no other.

    A merged index takes 112–116 bytes a signal at 1 M and 10 M, 92 at 100 M, in memory as on disk, and 8 more where
    ids are not consecutive. Building takes 8 bytes a signal and thread beside that.

    >>> index = HammingIndex()
    >>> index.add(["00" * 32, "ff" * 32])
    array([0, 1])
    >>> list(index.search("00" * 31 + "07"))
    [Match(query=0, id=0, distance=3)]
    >>> index.remove(0), len(index), 1 in index
    (1, 1, True)
    """

    _kind = "hamming-256"

    def search(self, queries: Signals, threshold: int = DEFAULT_THRESHOLD, *, threads: int | None = None) -> Matches:
        """Find all live signals within so many bits of each query.

        Args:
            queries: One or many, in any form that `hedgerow.matching.signals` lists.
            threshold: Bits, inclusive, 0 to 64.
            threads: How many threads a large batch uses; the index's number where not given.

        Raises:
            InvalidQuery: These are no 256-bit signals.
            InvalidThreshold: The threshold is no whole number from 0 to 64.
            SnapshotDamaged: The index was opened from a snapshot that proves damaged.
        """
        bits = checked_threshold(threshold)
        return self._search(self._rows_of(queries), bits, threads)

    def prepare(self) -> bool:
        """Load the compiled kernels now (a second, ten the first time), rather than when work adds up to it.

        Returns:
            Whether they could be had; searches are exact without them too.
        """
        return compiled.load() is not None

    @classmethod
    def open(
        cls,
        folder: str | os.PathLike[str],
        *,
        verify: Verify = "lazy",
        merge_after: int | None = MERGE_AFTER,
        threads: int | None = None,
    ) -> Self:
        """Map a saved snapshot; the files are shared by all processes that do. Changes stay in memory until `save`.

        Args:
            folder: Where it was saved.
            verify: ``now`` compares all checksums first. ``lazy`` does so for up to 64 MiB, and for more on another
                thread, whose verdict the first search waits for. ``never`` is for measurements.
            merge_after: As for a new index.
            threads: As for a new index.

        Raises:
            SnapshotMissing: There is none.
            SnapshotDamaged: It does not agree with its manifest.
        """
        stored = storage.read(Path(folder), cls._kind)
        return cls(merge_after=merge_after, threads=threads)._load(stored, verify)  # noqa: SLF001  (of the index made here)

    def _row_shape(self) -> tuple[int, np.dtype[Any]]:
        return _WORDS, np.dtype(np.uint64)

    def _rows_of(self, signals: Signals) -> NDArray[np.uint64]:
        if not isinstance(signals, np.ndarray):
            signals = listed(signals)
            refuse_types(signals, perceptual=True)
        return words_of(signals)

    def _build(self, rows: NDArray[Any]) -> tables.Tables | None:
        if len(rows) > tables.MOST_ROWS:
            raise InvalidQuery(f"more than {tables.MOST_ROWS:,} signals do not fit one index")
        return tables.build(rows, self._threads) if len(rows) >= TABLES_FROM else None

    def _find(
        self,
        rows: NDArray[Any],
        lookup: tables.Tables | None,
        queries: NDArray[Any],
        threshold: int,
        threads: int,
    ) -> NDArray[np.uint64]:
        return tables.search(rows, lookup, queries, threshold, threads)

    def _lookup_arrays(self, lookup: tables.Tables) -> dict[str, NDArray[Any]]:
        return {"offsets": lookup.offsets, "tags": lookup.tags, "low-rows": lookup.low_rows}

    def _lookup_content(self, lookup: tables.Tables | None) -> dict[str, Any]:
        return {"widths": [] if lookup is None else list(lookup.widths)}

    def _lookup_from(
        self, content: dict[str, Any], count: int, arrays: dict[str, NDArray[Any]]
    ) -> tables.Tables | None:
        widths = tuple(int(width) for width in content["widths"])
        if not widths:
            return None
        lookup = tables.Tables(count, widths, arrays["offsets"], arrays["tags"], arrays["low-rows"])
        if not lookup.is_sound():
            raise SnapshotDamaged("its tables do not fit its rows")
        return lookup
