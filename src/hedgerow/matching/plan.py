"""How 256 bits are cut into chunks, and how far each chunk is searched.

The general pigeonhole: let the bits be cut into chunks with radii t_i such that Σ(t_i + 1) > threshold. If a signal
lay more than t_i bits away from the query in *every* chunk, it would lie at least Σ(t_i + 1) bits away in all. So
every match agrees with the query within t_i bits in some chunk, and it is enough to look up, for each chunk, the keys
within t_i bits (and, by the stronger form that `hedgerow.matching.tables` explains, only some rows under them). A
radius of −1 leaves its chunk out. (Norouzi, Punjani, Fleet, "Fast exact search in Hamming space with multi-index
hashing", IEEE TPAMI 36(6), 2014; the general form: Qin et al., "GPH", ICDE 2018.)

The chunks depend on the number of rows only, the radii on rows, chunks and threshold: one set of tables serves every
threshold.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from math import comb
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

SIGNAL_BITS = 256

# Costs, measured on one 2 GHz core of a shared Xeon (AVX-512, memory latency 150–400 ns) at 0.1 M–10 M rows.
PROBE_NS = 80.0
"""Reading one bucket's bounds and the beginning of its tags."""
ENTRY_NS = 0.5
"""Testing one tag."""
CANDIDATE_NS = 100.0
"""Fetching one candidate and measuring its distance."""
SCAN_NS = 3.5
"""Measuring the distance of one row in a scan."""
CANDIDATE_ENTRIES = 64
"""What a candidate counts in tags when a search decides to scan instead; `kernels.probe` counts so."""

WIDEST = 26
"""The widest chunk in bits: its bounds take 256 MiB."""
ENTRY_BYTES = 5
"""One row in one table: a tag of two bytes, three bytes of row number."""
TABLE_BYTES = 88
"""Table bytes for each row: with 32 for the signal and 8 for the id, under 130 in all."""
TABLE_BYTES_OF_MANY = 63
"""The same from `MANY_ROWS` on: 100 M rows in less than 10 GB."""
MANY_ROWS = 40_000_000
SMALL_TABLES_BYTES = 16 << 20
"""Tables may always take this much, whatever that is for each row."""


def fingerprint_bits(count: int) -> int:
    """Tell how many bits of a tag hold bits of the next chunk; the others hold what row numbers exceed 24 bits by.

    >>> fingerprint_bits(16_777_216), fingerprint_bits(100_000_000)
    (16, 13)
    """
    return 40 - max(24, (count - 1).bit_length())


@lru_cache(maxsize=64)
def chunk_widths(count: int, typical_threshold: int = 31) -> tuple[int, ...]:
    """Choose the widths of the chunks for so many rows.

    The cheapest by `expected_ns` at the usual threshold, among those that keep to `TABLE_BYTES`.

    >>> sum(chunk_widths(1_000_000))
    256
    """
    allowed = max(count * (TABLE_BYTES if count < MANY_ROWS else TABLE_BYTES_OF_MANY), SMALL_TABLES_BYTES)
    best: tuple[float, tuple[int, ...]] | None = None
    for chunks in range(-(-SIGNAL_BITS // WIDEST), SIGNAL_BITS // 8 + 1):
        narrow, wider = divmod(SIGNAL_BITS, chunks)
        widths = (narrow + 1,) * wider + (narrow,) * (chunks - wider)
        table_bytes = ENTRY_BYTES * chunks * count + 4 * sum((1 << width) + 1 for width in widths)
        if table_bytes > allowed:
            continue
        cost = expected_ns(widths, radii(widths, count, typical_threshold), count)
        if best is None or cost < best[0]:
            best = cost, widths
    return best[1] if best else (8,) * 32


def radii(widths: tuple[int, ...], count: int, threshold: int) -> tuple[int, ...]:
    """Give out threshold + 1 steps of radius, each where it costs least.

    >>> radii((8, 8), 1000, 3)
    (1, 1)
    >>> radii((8, 8), 1000, 0)
    (0, -1)
    """
    chosen = [-1] * len(widths)
    for _ in range(threshold + 1):
        steps = [_shell_ns(width, radius + 1, radius + 2, count) for width, radius in zip(widths, chosen, strict=True)]
        chosen[steps.index(min(steps))] += 1
    return tuple(chosen)


def expected_ns(widths: tuple[int, ...], chosen: tuple[int, ...], count: int) -> float:
    """Estimate one query's time in nanoseconds, for uniformly distributed rows."""
    return sum(
        _shell_ns(width, step, radius + chosen[(number + 1) % len(chosen)] + 1 - step, count)
        for number, (width, radius) in enumerate(zip(widths, chosen, strict=True))
        for step in range(radius + 1)
    )


def _shell_ns(width: int, distance: int, near: int, count: int) -> float:
    """Estimate probing all keys at exactly this distance, when tags up to ``near`` bits away pass."""
    if distance > width:
        return float("inf")
    bits = min(width, fingerprint_bits(count))
    passing = sum(comb(bits, ones) for ones in range(min(near, bits) + 1)) / (1 << bits)
    in_bucket = count / (1 << width)
    return comb(width, distance) * (PROBE_NS + in_bucket * (ENTRY_NS + passing * CANDIDATE_NS))


@lru_cache(maxsize=256)
def masks_within(width: int, radius: int) -> NDArray[np.uint32]:
    """List the numbers of ``width`` bits with at most ``radius`` ones, ascending.

    Ascending, because keys that differ in low bits only share cache lines.

    >>> masks_within(3, 1).tolist()
    [0, 1, 2, 4]
    """
    shell = np.zeros(1, np.uint32)
    shells = [shell]
    for ones in range(1, radius + 1):
        # those with top bit b: every number of one bit less below 2^b, which is a prefix of the ascending shell before
        shell = np.concatenate([shell[: comb(bit, ones - 1)] | np.uint32(1 << bit) for bit in range(ones - 1, width)])
        shells.append(shell)
    return np.sort(np.concatenate(shells)) if radius >= 0 else np.empty(0, np.uint32)


@dataclass(frozen=True, slots=True)
class Probes:
    """What one search needs to know beside the tables, for one threshold.

    Attributes:
        lines: One line for each table with a radius of 0 or more, as `kernels.probe` reads them.
        masks: All tables' masks, one table after the other.
        fingerprint_bits: See `fingerprint_bits`.
        expected_ns: The estimated time of one query.
        patience: How many tags to test before a scan is faster.
    """

    lines: NDArray[np.int64]
    masks: NDArray[np.uint32]
    fingerprint_bits: int
    expected_ns: float
    patience: int


@lru_cache(maxsize=128)
def probes_for(widths: tuple[int, ...], count: int, threshold: int) -> Probes | None:
    """Plan the probes for one threshold; None where a scan is expected to be faster."""
    chosen = radii(widths, count, threshold)
    expected = expected_ns(widths, chosen, count)
    if expected >= SCAN_NS * count:
        return None
    bits = fingerprint_bits(count)
    starts = [sum(widths[:number]) for number in range(len(widths))]
    lines, masks, mask_at, offsets_at = [], [], 0, 0
    for number, (width, radius) in enumerate(zip(widths, chosen, strict=True)):
        following = (number + 1) % len(widths)
        if radius >= 0:
            own = masks_within(width, radius)
            lines.append(
                (
                    *(starts[number], width, radius, mask_at, mask_at + len(own), offsets_at, number * count),
                    *(starts[following], min(widths[following], bits), radius + chosen[following] + 1),
                )
            )
            masks.append(own)
            mask_at += len(own)
        offsets_at += (1 << width) + 1
    patience = int(count * SCAN_NS / ENTRY_NS)
    result = Probes(np.array(lines, np.int64), np.concatenate(masks), bits, expected, patience)
    result.lines.flags.writeable = False
    result.masks.flags.writeable = False
    return result
