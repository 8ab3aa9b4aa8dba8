"""Comparing queries with every row, in NumPy: for small banks, and where Numba cannot be had."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

SCAN_NS = 5.0
"""Comparing one query with one row in NumPy (250 queries at once: 5 with 1,000 rows, 3 with 15,000), for
`hedgerow.matching.compiled.kernels_for`."""
_BLOCK = 8192
"""Rows at a time: 256 KiB of differences stay in a second-level cache, whatever the number of rows."""
_PAIRS = 32768
"""Pairs of query and row at a time, for the same reason."""


def distances(rows: NDArray[np.uint64], query: NDArray[np.uint64]) -> NDArray[np.uint32]:
    """Count the bits in which each row differs from the query.

    Args:
        rows: (n, 4).
        query: (4,).
    """
    # flat, with the query repeated: broadcasting (4,) over rows takes five times as long
    differing = rows.reshape(-1) ^ np.tile(query, len(rows))
    counts = np.bitwise_count(differing).view(np.uint32)  # four counts of 0–64, one in each byte
    pairs: NDArray[np.uint32] = (counts & np.uint32(0x00FF00FF)) + ((counts >> np.uint32(8)) & np.uint32(0x00FF00FF))
    return (pairs + (pairs >> np.uint32(16))) & np.uint32(0x1FF)


def scan(rows: NDArray[np.uint64], queries: NDArray[np.uint64], threshold: int) -> NDArray[np.uint64]:
    """Find all rows within the threshold of each query.

    Returns:
        Packed matches (see `pack`) in no order.
    """
    parts = []
    for first in range(0, len(rows), _BLOCK):
        block = rows[first : first + _BLOCK]
        if len(queries) == 1:
            measured = distances(block, queries[0])
            near = np.flatnonzero(measured <= threshold)
            parts.append(pack(0, measured[near], near + first))
            continue
        columns = np.ascontiguousarray(block.T)
        step = max(1, _PAIRS // len(block))
        for begin in range(0, len(queries), step):
            query, row, counted = _near_pairs(columns, queries[begin : begin + step], threshold)
            parts.append(pack(query + begin, counted, row + first))
    return np.concatenate(parts) if parts else np.empty(0, np.uint64)


def _near_pairs(
    columns: NDArray[np.uint64], queries: NDArray[np.uint64], threshold: int
) -> tuple[NDArray[np.intp], NDArray[np.intp], NDArray[np.uint16]]:
    """Find the rows within the threshold of each of some queries.

    Half of the bits tell of nearly every pair that it is too far apart, and no sum of the rest brings it nearer.

    Args:
        columns: (4, n), the rows transposed, so that the inner loops run over rows.
        queries: (q, 4).
        threshold: In bits.

    Returns:
        Queries, rows, and their distances.
    """
    half = np.bitwise_count(queries[:, 0, None] ^ columns[0])  # up to 128: eight bits hold it
    half += np.bitwise_count(queries[:, 1, None] ^ columns[1])
    left = np.flatnonzero(half <= threshold)
    query, row = np.divmod(left, columns.shape[1])
    measured = half.reshape(-1)[left].astype(np.uint16)
    for word in (2, 3):
        measured += np.bitwise_count(queries[query, word] ^ columns[word, row])
    is_near = measured <= threshold
    return query[is_near], row[is_near], measured[is_near]


def pack(
    query: int | NDArray[np.integer], measured: NDArray[np.integer], position: NDArray[np.integer]
) -> NDArray[np.uint64]:
    """Put matches into single numbers that sort by query (25 bits), distance (7 bits), position (32 bits)."""
    upper = np.asarray(query, np.uint64) << np.uint64(39) | measured.astype(np.uint64) << np.uint64(32)
    return np.asarray(upper | position.astype(np.uint64), np.uint64)
