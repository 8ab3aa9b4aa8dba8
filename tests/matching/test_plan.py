from __future__ import annotations

from itertools import combinations

import pytest

from hedgerow.matching import plan

COUNTS = (1, 10_000, 100_000, 1_000_000, 10_000_000, 100_000_000, 2**32 - 1)


@pytest.mark.parametrize("count", COUNTS)
def test_the_chunks_cover_every_bit_once(count: int) -> None:
    widths = plan.chunk_widths(count)
    assert sum(widths) == 256
    assert 1 <= min(widths) <= max(widths) <= plan.WIDEST


@pytest.mark.parametrize("count", COUNTS)
@pytest.mark.parametrize("threshold", [0, 1, 15, 31, 48, 64])
def test_the_radii_satisfy_the_pigeonhole(count: int, threshold: int) -> None:
    widths = plan.chunk_widths(count)
    radii = plan.radii(widths, count, threshold)
    assert sum(radius + 1 for radius in radii) == threshold + 1
    assert all(-1 <= radius <= width for radius, width in zip(radii, widths, strict=True))


@pytest.mark.parametrize(("count", "most_bytes"), [(1_000_000, 130), (10_000_000, 130), (100_000_000, 108)])
def test_signal_id_and_tables_keep_to_the_memory_promised(count: int, most_bytes: int) -> None:
    widths = plan.chunk_widths(count)
    tables = plan.ENTRY_BYTES * len(widths) + 4 * sum((1 << width) + 1 for width in widths) / count
    assert 32 + 8 + tables <= most_bytes


@pytest.mark.parametrize(("width", "radius"), [(1, 0), (5, 0), (5, 1), (6, 3), (8, 8), (10, 4)])
def test_masks_are_all_numbers_of_at_most_so_many_ones_ascending(width: int, radius: int) -> None:
    wanted = sorted(
        sum(1 << bit for bit in bits) for ones in range(radius + 1) for bits in combinations(range(width), ones)
    )
    assert plan.masks_within(width, radius).tolist() == wanted


@pytest.mark.parametrize("count", [2, 2**24, 2**24 + 1, 100_000_000, 2**32 - 1])
def test_a_tag_holds_what_row_numbers_exceed_24_bits_by(count: int) -> None:
    bits = plan.fingerprint_bits(count)
    assert (count - 1) >> 24 < 1 << (16 - bits)
    assert bits >= 8


def test_a_scan_is_planned_where_probing_would_take_longer() -> None:
    widths = plan.chunk_widths(10_000)
    assert plan.probes_for(widths, 10_000, 64) is None
    assert plan.probes_for(widths, 10_000, 0) is not None
