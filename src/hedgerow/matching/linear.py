"""Comparing queries with every row, in NumPy: for small banks, and where Numba cannot be had."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

SCAN_NS = 10.0
"""Measuring the distance of one row in NumPy, for `hedgerow.matching.compiled.kernels_for`."""
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
            table = distance_table(columns, queries[begin : begin + step])
            index, near = np.nonzero(table <= threshold)
            parts.append(pack(index + begin, table[index, near], near + first))
    return np.concatenate(parts) if parts else np.empty(0, np.uint64)


def distance_table(columns: NDArray[np.uint64], queries: NDArray[np.uint64]) -> NDArray[np.uint16]:
    """Count the bits in which each row differs from each query: a call for many, where `distances` serves one.

    Args:
        columns: (4, n), the rows transposed, so that the inner loops run over rows.
        queries: (q, 4).

    Returns:
        (q, n). Sixteen bits, because 256 differing bits do not fit into eight.
    """
    table = np.zeros((len(queries), columns.shape[1]), np.uint16)
    for word, column in enumerate(columns):
        table += np.bitwise_count(queries[:, word, None] ^ column)
    return table


def pack(
    query: int | NDArray[np.integer], measured: NDArray[np.integer], position: NDArray[np.integer]
) -> NDArray[np.uint64]:
    """Put matches into single numbers that sort by query (25 bits), distance (7 bits), position (32 bits)."""
    upper = np.asarray(query, np.uint64) << np.uint64(39) | measured.astype(np.uint64) << np.uint64(32)
    return np.asarray(upper | position.astype(np.uint64), np.uint64)
