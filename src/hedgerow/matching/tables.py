"""The tables of a multi-index hash: built once over rows that never change, then only read.

For each chunk of the 256 bits (see `hedgerow.matching.plan`) one table lists all rows in the order of that chunk's
value: where each value's bucket begins (``offsets``), then five bytes for each row: a **tag** and a row number.

The tag holds up to 16 bits of the *next* chunk, and is what makes probing cheap. If chunk distances d_i around the
ring of chunks sum up to at most the threshold, and radii t_i are such that Σ(t_i + 1) > threshold, then from some
chunk on every running sum of d_i stays below that of t_i + 1 (the cycle lemma; Qin and Xiao, "Pigeonring: A Principle
for Faster Thresholded Similarity Search", PVLDB 12(1), 2018). So it is enough that a table offers rows with
d_i ≤ t_i **and** d_i + d_{i+1} ≤ t_i + t_{i+1} + 1. The tag tests the second without touching the row: of a thousand
rows in the looked-up buckets, two or three are fetched.

Memory: 5 bytes for each row and chunk, 4 bytes for each possible chunk value: 80–84 bytes a row at 1 M and 10 M rows
(16 chunks), 60 at 100 M (11 chunks), beside 32 for the signal and 8 for the id (0 where ids are consecutive).
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING

import numpy as np

from hedgerow.matching import compiled, linear, plan
from hedgerow.matching.arrays import aligned_empty, read_only
from hedgerow.matching.threads import on_threads

if TYPE_CHECKING:
    from types import ModuleType

    from numpy.typing import NDArray

MOST_ROWS = 2**32 - 1
"""Row numbers take 32 bits."""
OVERREAD = 32
"""Tags after the last, which the kernels may read (as a whole vector) but ignore: `kernels.RUN`."""
BATCH_NS = 2_000_000
"""A batch expected to take longer is divided among threads; starting one takes some 0.1 ms."""
LARGE_ROWS = 500_000
"""From here on the kernels are loaded by the first search: who keeps such a bank searches it more than once."""
_BUILD_NS = 120.0
"""Sorting one row into one table with NumPy, for `compiled.kernels_for`."""
_PROBE_NS = 500.0
"""Looking one bucket up with NumPy, and testing the tags in it."""


@dataclass(frozen=True, slots=True)
class Tables:
    """All tables over one array of rows.

    Attributes:
        count: Rows.
        widths: The chunks' widths in bits.
        offsets: For each table 2^width + 1 numbers: where each bucket begins, and the end.
        tags: For each table ``count`` tags, then `OVERREAD` zeros after the last table.
        low_rows: (tables × count, 3): the row numbers' low 24 bits, least significant byte first.
    """

    count: int
    widths: tuple[int, ...]
    offsets: NDArray[np.uint32]
    tags: NDArray[np.uint16]
    low_rows: NDArray[np.uint8]

    @property
    def size_bytes(self) -> int:
        """Bytes in memory and on disk, without the rows."""
        return self.offsets.nbytes + self.tags.nbytes + self.low_rows.nbytes

    def is_sound(self) -> bool:
        """Check sizes and the outermost bounds: what can be checked without reading it all."""
        tables = len(self.widths)
        ends = np.cumsum([(1 << width) + 1 for width in self.widths])
        return (
            sum(self.widths) == plan.SIGNAL_BITS
            and self.offsets.shape == (int(ends[-1]),)
            and self.tags.shape == (tables * self.count + OVERREAD,)
            and self.low_rows.shape == (tables * self.count, 3)
            and bool((self.offsets[ends - 1] == self.count).all())
            and not self.offsets[[0, *ends[:-1]]].any()
        )


def build(rows: NDArray[np.uint64], threads: int) -> Tables:
    """Build all tables over (n, 4) rows, one thread for each table at a time.

    Needs 8 bytes of scratch for each row and thread beside the result.
    """
    count, widths = len(rows), plan.chunk_widths(len(rows))
    ends = np.cumsum([(1 << width) + 1 for width in widths]).tolist()
    offsets = aligned_empty(ends[-1], np.dtype(np.uint32))
    tags = aligned_empty(len(widths) * count + OVERREAD, np.dtype(np.uint16))
    tags[-OVERREAD:] = 0
    low_rows = aligned_empty((len(widths) * count, 3), np.dtype(np.uint8))
    kernels = compiled.kernels_for(count * len(widths) * _BUILD_NS / 1e9)
    bits = plan.fingerprint_bits(count)

    def build_one(table: int) -> None:
        following = (table + 1) % len(widths)
        first = ends[table] - (1 << widths[table]) - 1
        entries = slice(table * count, (table + 1) * count)
        into = (offsets[first : ends[table]], tags[entries], low_rows[entries])
        chunk = (sum(widths[:table]), widths[table], sum(widths[:following]), min(widths[following], bits))
        if kernels is None:
            _sort_into(rows, *chunk, bits, *into)
        else:
            kernels.build_table(rows, *chunk, bits, *into, np.empty(count, np.uint64))

    on_threads(build_one, range(len(widths)), threads)
    return Tables(count, widths, read_only(offsets), read_only(tags), read_only(low_rows))


def search(
    rows: NDArray[np.uint64], tables: Tables | None, queries: NDArray[np.uint64], threshold: int, threads: int
) -> NDArray[np.uint64]:
    """Find all rows within the threshold of each query (at most 2^24 queries), by tables or by scan.

    Returns:
        Packed matches (see `linear.pack`), sorted.
    """
    probes = None if tables is None else plan.probes_for(tables.widths, tables.count, threshold)
    numpy_ns = linear.SCAN_NS * len(rows) if probes is None else _PROBE_NS * len(probes.masks)
    is_large = len(rows) >= LARGE_ROWS
    kernels = compiled.kernels_for(compiled.LOADING_S if is_large else numpy_ns * len(queries) / 1e9)
    if kernels is None:
        if tables is None or probes is None:
            return np.sort(linear.scan(rows, queries, threshold))
        parts = [_probe(rows, tables, probes, query, number, threshold) for number, query in enumerate(queries)]
        return np.sort(np.concatenate(parts)) if parts else np.empty(0, np.uint64)
    expected_ns = (plan.SCAN_NS * len(rows) if probes is None else probes.expected_ns) * len(queries)
    if threads <= 1 or expected_ns < BATCH_NS or len(queries) == 1:
        found, filled = _run(kernels, rows, tables, probes, queries, 0, len(queries), threshold)
        return found[:filled] if filled < 2 else np.sort(found[:filled])  # noqa: PLR2004  (one is sorted)
    bounds = np.linspace(0, len(queries), min(4 * threads, len(queries)) + 1).astype(int).tolist()
    pieces = list(pairwise(bounds))
    answers = on_threads(
        lambda piece: _run(kernels, rows, tables, probes, queries, piece[0], piece[1], threshold), pieces, threads
    )
    return np.sort(np.concatenate([found[:filled] for found, filled in answers]))


def _run(
    kernels: ModuleType,
    rows: NDArray[np.uint64],
    tables: Tables | None,
    probes: plan.Probes | None,
    queries: NDArray[np.uint64],
    first: int,
    last: int,
    threshold: int,
) -> tuple[NDArray[np.uint64], int]:
    if tables is None or probes is None:
        answer = kernels.scan(rows, queries, first, last, threshold)
    else:
        answer = kernels.probe(
            *(rows, queries, first, last, threshold, probes.lines, probes.masks),
            *(tables.offsets, tables.tags, tables.low_rows, probes.fingerprint_bits, probes.patience),
        )
    found, filled = answer
    return found, filled


def _chunk(rows: NDArray[np.uint64], start: int, width: int) -> NDArray[np.uint64]:
    """Cut one chunk out of (n, 4) rows, as `kernels._chunk` does."""
    word, shift = divmod(start, 64)
    value = rows[:, word] >> np.uint64(shift)
    if shift + width > 64:  # noqa: PLR2004  (bits in a word)
        value |= rows[:, word + 1] << np.uint64(64 - shift)
    return np.asarray(value & np.uint64((1 << width) - 1), np.uint64)


def _sort_into(  # noqa: PLR0913, PLR0917  (the kernel's)
    rows: NDArray[np.uint64],
    start: int,
    width: int,
    next_start: int,
    tag_width: int,
    fingerprint_bits: int,
    offsets: NDArray[np.uint32],
    tags: NDArray[np.uint16],
    low_rows: NDArray[np.uint8],
) -> None:
    """Build one table in NumPy: `kernels.build_table`, where Numba cannot be had."""
    keys = _chunk(rows, start, width)
    is_short = width <= 16  # noqa: PLR2004  (then NumPy sorts by radix)
    order = np.argsort(keys.astype(np.uint16) if is_short else keys, kind="stable")
    offsets[0] = 0
    np.cumsum(np.bincount(keys.astype(np.int64), minlength=1 << width), out=offsets[1:])
    tags[:] = _chunk(rows, next_start, tag_width)[order] | (order.astype(np.uint64) >> 24 << fingerprint_bits)
    for octet in range(3):
        low_rows[:, octet] = order >> (8 * octet) & 255


def _probe(
    rows: NDArray[np.uint64],
    tables: Tables,
    probes: plan.Probes,
    query: NDArray[np.uint64],
    number: int,
    threshold: int,
) -> NDArray[np.uint64]:
    """Look one query up in NumPy: `kernels.probe`, where Numba is not loaded."""
    lines = probes.lines
    one = query.reshape(1, 4)
    keys = np.concatenate([_chunk(one, start, width) for start, width in lines[:, :2].tolist()])
    wanted = np.concatenate([_chunk(one, start, width) for start, width in lines[:, 7:9].tolist()])
    table = np.repeat(np.arange(len(lines)), lines[:, 4] - lines[:, 3])
    buckets = lines[table, 5] + (keys[table].astype(np.int64) ^ probes.masks)
    begins, ends = tables.offsets[buckets].astype(np.int64), tables.offsets[buckets + 1].astype(np.int64)
    holds = np.flatnonzero((begins < ends) & (ends <= tables.count))  # the second half fails only in a damaged table
    sizes = (ends - begins)[holds]
    if sizes.sum() > len(rows):
        return linear.pack(number, *_scan_one(rows, query, threshold))
    base = lines[table[holds], 6] + begins[holds]
    entries = np.repeat(base - np.concatenate([[0], np.cumsum(sizes)[:-1]]), sizes) + np.arange(sizes.sum())
    near = np.repeat(lines[table[holds], 9] - np.bitwise_count(probes.masks[holds]), sizes)
    found_tags = tables.tags[entries]
    mask = np.uint16((1 << probes.fingerprint_bits) - 1)
    differ = np.bitwise_count((found_tags ^ np.repeat(wanted[table[holds]].astype(np.uint16), sizes)) & mask)
    passing = np.flatnonzero(differ <= near)
    low = tables.low_rows[entries[passing]].astype(np.int64)
    high = found_tags[passing].astype(np.int64) >> probes.fingerprint_bits << 24
    candidates = np.unique(np.minimum(low[:, 0] | low[:, 1] << 8 | low[:, 2] << 16 | high, len(rows) - 1))
    measured = linear.distances(rows[candidates], query)
    close = np.flatnonzero(measured <= threshold)
    return linear.pack(number, measured[close], candidates[close])


def _scan_one(
    rows: NDArray[np.uint64], query: NDArray[np.uint64], threshold: int
) -> tuple[NDArray[np.uint64], NDArray[np.uint64]]:
    found = linear.scan(rows, query.reshape(1, 4), threshold)
    return found >> np.uint64(32), found & np.uint64(0xFFFFFFFF)
