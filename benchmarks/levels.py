"""What the query variants cost: hashing at each level beside the plain hash, and looking all of them up at once."""

from __future__ import annotations

import common  # first: it sets one thread

# isort: split
import argparse
import io
import statistics
import time
from contextlib import contextmanager
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np
from PIL import Image

import hedgerow
from charts import Bar, bar_chart
from common import Result, Table, format_ms, photographs, share, times_ms
from hedgerow import matching
from hedgerow.banks.lookup import Rows, nearest_rows
from hedgerow.hashing import compiled
from hedgerow.hashing.signal import LEVELS
from hedgerow.media import lowpass
from index import uniform

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from numpy.typing import NDArray

    from hedgerow.hashing.signal import Signal

NO_DATA = "the reference media are not there (HEDGEROW_TEST_DATA)"
SIZES = {"640×480": 0.3072, "2 MP": 2.0, "12 MP": 12.2}
"""What a picture is brought to, in megapixels; it keeps its shape."""
QUALITY = 90
AT_2_MP = {"standard": 1.4, "thorough": 3.0}
SEARCH_MS = 2.5
REPEATS = 3  # of each search: what one picture's takes is the least of these, so that a p99 is a picture's


def jpeg_of(path: Path, megapixels: float) -> bytes:
    """Return a photograph as a JPEG of a size."""
    with Image.open(path) as opened:
        image = opened.convert("RGB")
    factor = (megapixels * 1e6 / (image.width * image.height)) ** 0.5
    image = image.resize((round(image.width * factor), round(image.height * factor)), Image.Resampling.LANCZOS)
    stream = io.BytesIO()
    image.save(stream, "JPEG", quality=QUALITY)
    return stream.getvalue()


@contextmanager
def without_kernels() -> Iterator[None]:
    """Hash as a process does that has not lived long enough to load compiled kernels."""
    before = compiled.KERNELS.module, lowpass.KERNELS.module
    compiled.KERNELS.module = lowpass.KERNELS.module = None
    try:
        yield
    finally:
        compiled.KERNELS.module, lowpass.KERNELS.module = before


def hashed(data: bytes, level: Any, *, is_compiled: bool) -> None:  # noqa: ANN401  (one of LEVELS)
    """Hash as the benchmark does."""
    if is_compiled:
        hedgerow.hash_bytes(data, level=level)
    else:
        with without_kernels():
            hedgerow.hash_bytes(data, level=level)


def cost_of(paths: list[Path], megapixels: float, rounds: int) -> dict[tuple[str, bool], list[float]]:
    """Time every level on every picture, with compiled kernels and without, all of one picture in interleaved rounds.

    Returns:
        The least time of each picture, in milliseconds.
    """
    found: dict[tuple[str, bool], list[float]] = {(level, each): [] for level in LEVELS for each in (True, False)}
    for path in paths:
        data = jpeg_of(path, megapixels)
        calls = {
            f"{level} {is_compiled}": partial(hashed, data, level, is_compiled=is_compiled)
            for level, is_compiled in found
        }
        times = times_ms(calls, rounds, budget_s=60)
        for (level, is_compiled), least in found.items():
            least.append(min(times[f"{level} {is_compiled}"]))
    return found


class OneIndex:
    """An index as `hedgerow.banks.lookup` wants it: of one bank, at its threshold."""

    def __init__(self, known: NDArray[np.uint64]) -> None:
        self._index = matching.HammingIndex(merge_after=None)
        self._index.prepare()
        self._index.add(known)
        self._index.merge()

    def search(self, queries: NDArray[np.uint8]) -> matching.Matches:
        """Return every entry within the threshold of a query."""
        return self._index.search(queries, matching.DEFAULT_THRESHOLD)


def rows_at(signals: tuple[Signal, ...], level: str) -> Rows:
    """Return what is looked up of a picture at a level, as one media."""
    bits = [each.bits for each in signals if LEVELS.index(each.level) <= LEVELS.index(level)]
    count = len(bits)
    octets = np.frombuffer(b"".join(bits), np.uint8).reshape(count, 32)
    return Rows(octets, np.zeros(count, np.int64), np.arange(count), np.full(count, -1))


def search_ms(index: OneIndex, rows: Rows) -> float:
    """Return what looking a picture's rows up takes."""
    times = []
    for _ in range(REPEATS):
        before = time.process_time()
        nearest_rows(index, rows)  # type: ignore[arg-type]  # all that it asks of a BankIndex
        times.append(time.process_time() - before)
    return min(times) * 1e3


def hashing_table(result: Result, size: str, costs: dict[tuple[str, bool], list[float]]) -> None:
    """Add one size's table and figures."""
    rows = []
    for (level, is_compiled), times in sorted(costs.items(), key=lambda each: not each[0][1]):
        plain = costs["exact", is_compiled]
        ratios = [one / other for one, other in zip(times, plain, strict=True)]
        result.rows.append({"size": size, "level": level, "compiled": is_compiled, "ms": times})
        rows.append(
            (
                f"{level}, {'compiled' if is_compiled else 'NumPy alone'}",
                format_ms(statistics.mean(times)),
                format_ms(statistics.median(times)),
                f"{sum(times) / sum(plain):.2f}×",
                f"{statistics.median(ratios):.2f}×",
                f"{share(ratios, 0.9):.2f}×",
            )
        )
    result.tables.append(
        Table(
            f"Hashing a JPEG of {size}, milliseconds of one core",
            ("level", "mean", "median", "÷ plain, in all", "÷ plain, median", "÷ plain, 90 % are below"),
            tuple(rows),
            f"{len(costs['exact', True])} photographs, file to signals, decoding included. Compiled: as in a process "
            "that has lived for some hundred pictures, and in a scan of more than a gigabyte.",
        )
    )


def main() -> None:
    """Run it."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--pictures", type=int, default=50, help="photographs that are hashed in each size")
    parser.add_argument("--searched", type=int, default=200, help="photographs that are looked up")
    parser.add_argument("--entries", type=float, default=1e6)
    parser.add_argument("--rounds", type=int, default=5)
    arguments = parser.parse_args()
    paths = photographs()
    result = Result(
        "levels",
        "What query variants cost",
        "At `standard` and `thorough` a picture is looked up as many others of which it may be an altered copy. All "
        "come of one decode and are looked up in one search. Plain is `exact`: the stored signal alone.",
    )
    costs: dict[str, dict[tuple[str, bool], list[float]]] = {}
    searches: dict[str, list[float]] = {}
    if paths:
        compiled.prepare()
        lowpass.prepare()
        every = paths[:: max(1, len(paths) // arguments.pictures)]
        for size, megapixels in SIZES.items():
            some = every if megapixels < 10 else every[::4]  # these take longer
            costs[size] = cost_of(some, megapixels, arguments.rounds)
            hashing_table(result, size, costs[size])
        searches = search_all(result, paths[: arguments.searched], int(arguments.entries))
        result.charts["levels.svg"] = bar_chart(
            "Hashing a JPEG, milliseconds of one core, compiled",
            [
                (size, [Bar(level, mean, format_ms(mean), "ours") for level in LEVELS for mean in [_mean(cost, level)]])
                for size, cost in costs.items()
            ],
        )
    checks(result, costs.get("2 MP"), searches)
    result.notes.append(f"gain of a second process while this ran: {common.gain_of_two_processes():.2f}×")
    result.write()


def _mean(costs: dict[tuple[str, bool], list[float]], level: str) -> float:
    return statistics.mean(costs[level, True])


def search_all(result: Result, paths: list[Path], entries: int) -> dict[str, list[float]]:
    """Look photographs up among unrelated signals; return milliseconds by level."""
    index = OneIndex(uniform(entries))
    found: dict[str, list[float]] = {level: [] for level in LEVELS}
    counts: dict[str, list[int]] = {level: [] for level in LEVELS}
    for path in paths:
        signals = hedgerow.hash_bytes(path.read_bytes(), level="thorough").signals
        for level in LEVELS:
            rows = rows_at(signals, level)
            counts[level].append(len(rows))
            found[level].append(search_ms(index, rows))
    result.tables.append(
        Table(
            f"Looking a picture up in a bank of {entries:,} entries, milliseconds of one core",
            ("level", "signals a picture", "median", "p99", "largest"),
            tuple(
                (
                    level,
                    f"{statistics.mean(counts[level]):.1f}",
                    *(format_ms(each) for each in (statistics.median(times), share(times, 0.99), max(times))),
                )
                for level, times in found.items()
            ),
            f"{len(paths)} photographs among uniform random signals, threshold {matching.DEFAULT_THRESHOLD} bits; "
            f"each the least of {REPEATS} searches.",
        )
    )
    result.rows.append({"entries": entries, "search_ms": found})
    return found


def checks(result: Result, costs: dict[tuple[str, bool], list[float]] | None, searches: dict[str, list[float]]) -> None:
    """Hold the figures against the targets."""
    for level, limit in AT_2_MP.items():
        for name, is_compiled in (("", True), (", NumPy alone", False)):
            value = None
            if costs:
                value = sum(costs[level, is_compiled]) / sum(costs["exact", is_compiled])
            result.check(f"Hashing 2 MP at {level} ÷ plain{name}", "at most", limit, value, unit="×", why=NO_DATA)
    times = searches.get("standard")
    value = statistics.median(times) if times else None
    result.check("Search at standard, 1 M entries", "at most", SEARCH_MS, value, unit=" ms", why=NO_DATA)


if __name__ == "__main__":
    main()
