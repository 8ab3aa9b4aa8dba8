from __future__ import annotations

from typing import TYPE_CHECKING, Any
from unittest import mock

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hedgerow.matching import compiled, linear, plan, reference, tables
from hedgerow.matching.arrays import read_only
from hedgerow.matching.signals import words_of

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

ENGINES = ("numpy", "compiled")


@st.composite
def chunk_widths(draw: st.DrawFn) -> tuple[int, ...]:
    """Draw any cut of 256 bits, not only those that the plan would choose."""
    widths, left = [], 256
    while left > 16:
        widths.append(draw(st.integers(4, 16)))
        left -= widths[-1]
    return (*widths, left) if left else tuple(widths)


@st.composite
def rows_and_queries(draw: st.DrawFn) -> tuple[list[bytes], list[bytes]]:
    """Draw rows around a few centres, equal ones and near ones among them, and queries near both."""
    centres = draw(st.lists(st.binary(min_size=32, max_size=32), min_size=1, max_size=4))

    def near(centre: bytes) -> st.SearchStrategy[bytes]:
        flips = st.sets(st.integers(0, 255), max_size=70)
        return flips.map(lambda bits: (int.from_bytes(centre, "big") ^ sum(1 << b for b in bits)).to_bytes(32, "big"))

    any_row = st.sampled_from(centres).flatmap(lambda centre: st.one_of(st.just(centre), near(centre)))
    return draw(st.lists(any_row, min_size=1, max_size=60)), draw(st.lists(any_row, min_size=1, max_size=6))


def wanted(rows: list[bytes], queries: list[bytes], threshold: int) -> list[tuple[int, int, int]]:
    return reference.search(dict(enumerate(rows)), queries, threshold)


def unpacked(packed: NDArray[np.uint64]) -> list[tuple[int, int, int]]:
    return [(number >> 39, number & 0xFFFFFFFF, number >> 32 & 127) for number in packed.tolist()]


@pytest.mark.parametrize("engine", ENGINES)
@settings(max_examples=120, deadline=None)
@given(content=rows_and_queries(), widths=chunk_widths(), threshold=st.integers(0, 64))
def test_any_tables_find_exactly_what_the_definition_finds(
    forced: Callable[..., Any], engine: str, content: Any, widths: tuple[int, ...], threshold: int
) -> None:
    rows, queries = content
    with forced(engine), mock.patch.object(plan, "chunk_widths", return_value=widths):
        # up to some thresholds these cuts would need too many probes for a test
        bits = threshold
        while sum(1 << min(w, r + 1) for w, r in zip(widths, plan.radii(widths, len(rows), bits), strict=True)) > 2e5:
            bits -= 1
        built = tables.build(words_of(rows), threads=2)
        assert built.is_sound()
        assert plan.probes_for(widths, len(rows), bits) is not None
        found = tables.search(words_of(rows), built, words_of(queries), bits, threads=1)
    assert unpacked(found) == wanted(rows, queries, bits)


@pytest.mark.parametrize("engine", ENGINES)
@settings(max_examples=60, deadline=None)
@given(content=rows_and_queries(), threshold=st.integers(0, 64))
def test_a_scan_finds_exactly_what_the_definition_finds(
    forced: Callable[..., Any], engine: str, content: Any, threshold: int
) -> None:
    rows, queries = content
    with forced(engine):
        found = tables.search(words_of(rows), None, words_of(queries), threshold, threads=1)
    assert unpacked(found) == wanted(rows, queries, threshold)


def test_both_engines_build_the_same_tables(forced: Callable[..., Any], crowded: Callable[..., Any]) -> None:
    rows = words_of(crowded(3000))
    built = []
    for engine in ENGINES:
        with forced(engine):
            built.append(tables.build(rows, threads=2))
    for name in ("offsets", "tags", "low_rows"):
        assert np.array_equal(getattr(built[0], name), getattr(built[1], name)), name


@pytest.mark.parametrize("threshold", [0, 10, 31, 50, 64])
@pytest.mark.parametrize("shape", ["uniform", "crowded", "all equal", "one bit apart"])
def test_at_scale_tables_find_exactly_what_a_scan_finds(
    engine: str, shape: str, threshold: int, uniform: Callable[..., Any], crowded: Callable[..., Any]
) -> None:
    count = 3000 if engine == "numpy" else 20_000
    made = {
        "uniform": lambda: uniform(count),
        "crowded": lambda: crowded(count),
        "all equal": lambda: np.repeat(uniform(1), count, axis=0),
        "one bit apart": lambda: np.packbits(np.eye(256, dtype=np.uint8)[np.arange(count) % 256], axis=1),
    }[shape]()
    rows = words_of(made)
    rng = np.random.default_rng(3)
    queries = np.unpackbits(made[rng.integers(0, count, 12)], axis=1)
    for number, query in enumerate(queries):
        query[rng.choice(256, 6 * number, replace=False)] ^= 1
    asked = words_of(np.packbits(queries, axis=1))
    found = tables.search(rows, tables.build(rows, 2), asked, threshold, threads=1)
    assert np.array_equal(found, np.sort(linear.scan(rows, asked, threshold)))


def test_a_query_that_meets_too_many_rows_is_scanned(uniform: Callable[..., Any]) -> None:
    rows = words_of(np.repeat(uniform(1), 30_000, axis=0))
    built = tables.build(rows, 2)
    assert compiled.load() is not None
    assert plan.probes_for(built.widths, built.count, 31) is not None
    assert len(tables.search(rows, built, rows[:2], 31, threads=1)) == 60_000


def test_threads_change_nothing(uniform: Callable[..., Any]) -> None:
    rows = words_of(uniform(20_000))
    built = tables.build(rows, 2)
    compiled.load()
    queries = read_only(np.ascontiguousarray(rows[:5000] ^ np.uint64(9)))
    with mock.patch.object(tables, "BATCH_NS", 1):
        many = tables.search(rows, built, queries, 31, threads=3)
    assert np.array_equal(many, tables.search(rows, built, queries, 31, threads=1))
    assert len(many) >= 5000


def test_row_numbers_above_24_bits_survive_the_table(engine: str) -> None:
    # as in an index of 2^27 rows: 13 bits of fingerprint, the rest of the tag for the row number
    rows = words_of(np.zeros((100, 32), np.uint8))
    with mock.patch.object(plan, "fingerprint_bits", return_value=13):
        built = tables.build(rows, 1)
        assert built.tags[: built.count].max() < 1 << 13
        assert len(tables.search(rows, built, rows[:1], 5, threads=1)) == 100


@pytest.mark.parametrize("seed", range(20))
def test_damaged_tables_never_make_a_search_leave_its_arrays(
    engine: str, seed: int, uniform: Callable[..., Any]
) -> None:
    rng = np.random.default_rng(seed)
    rows = words_of(uniform(500))
    sound = tables.build(rows, 1)
    noise = {
        name: rng.integers(0, np.iinfo(array.dtype).max, array.shape, array.dtype, endpoint=True)
        for name, array in (("offsets", sound.offsets), ("tags", sound.tags), ("low_rows", sound.low_rows))
    }
    kept = list(noise)[seed % 3]
    noise[kept] = getattr(sound, kept)
    damaged = tables.Tables(sound.count, sound.widths, **{name: read_only(noise[name]) for name in noise})
    found = unpacked(tables.search(rows, damaged, rows[:20], 40, threads=1))
    right = set(unpacked(linear.scan(rows, rows[:20], 40)))
    assert set(found) <= right, "whatever is offered is verified"


@pytest.mark.parametrize(("rows", "loads"), [(1000, False), (tables.LARGE_ROWS, True)])
def test_a_large_bank_loads_the_kernels_with_its_first_search(*, rows: int, loads: bool) -> None:
    content = read_only(np.ones((rows, 4), np.uint64))
    with mock.patch.object(compiled, "kernels_for", return_value=None) as asked:
        tables.search(content, None, content[:1], 0, threads=1)
    assert (asked.call_args.args[0] >= compiled.LOADING_S) == loads
