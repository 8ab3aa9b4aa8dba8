"""Measure the signal index beside FAISS: time of a query, build, opening, memory.

    python benchmarks/index.py --sizes 1e5,1e6,1e7 [--sets uniform,crowded] [--without-faiss]

Queries are known signals with 0 to 31 bits flipped (they match) and unrelated ones (they do not), one call each, one
thread. Prints a table and writes ``benchmarks/results/index.json``. FAISS is measured where it is installed, in the
same process on the same rows: IndexBinaryFlat, and up to 1 M rows IndexBinaryMultiHash(16, 16), which HMA uses.
At 1e8 rows it needs 15 GB of memory and 10 GB of disk.
"""

from __future__ import annotations

import argparse
import importlib
import json
import os
import platform
import resource
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from hedgerow import matching
from hedgerow.matching.threads import usable_cores

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

THRESHOLD = matching.DEFAULT_THRESHOLD
MOST_FOR_MULTIHASH = 1_000_000
FILM = 240
"""Frames of one film in the crowded set: ten seconds."""


def main() -> None:
    """Measure all sizes and sets asked for."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--sizes", default="1e4,1e5,1e6,1e7", help="rows, comma-separated")
    parser.add_argument("--sets", default="uniform,crowded")
    parser.add_argument("--queries", type=int, default=400)
    parser.add_argument("--without-faiss", action="store_true")
    parser.add_argument("--folder", type=Path, help="where to save snapshots (default: a temporary folder)")
    parser.add_argument("--output", type=Path, default=Path(__file__).parent / "results" / "index.json")
    asked = parser.parse_args()
    faiss = None if asked.without_faiss else installed("faiss")
    results = []
    for name in asked.sets.split(","):
        for size in asked.sizes.split(","):
            rows = {"uniform": uniform, "crowded": crowded}[name](int(float(size)))
            results.append({"set": name, **measure(rows, asked.queries, faiss, asked.folder)})
            print_row(results[-1], is_first=len(results) == 1)
            del rows
    about = {
        "machine": platform.processor() or platform.machine(),
        "cores": usable_cores(),
        "python": platform.python_version(),
        "numpy": np.__version__,
        "faiss": getattr(faiss, "__version__", None),
        "date": time.strftime("%Y-%m-%d"),
        "threshold": THRESHOLD,
    }
    asked.output.parent.mkdir(parents=True, exist_ok=True)
    asked.output.write_text(json.dumps({"about": about, "results": results}, indent=1) + "\n")


def installed(name: str) -> Any:  # noqa: ANN401  (a module)
    """Import a peer, if it is there."""
    try:
        return importlib.import_module(name)
    except ImportError:
        return None


def uniform(count: int) -> NDArray[np.uint64]:
    """Make signals whose bits are independent coin tosses."""
    return np.random.default_rng(1).integers(0, 2**64, (count, 4), dtype=np.uint64)


def crowded(count: int) -> NDArray[np.uint64]:
    """Make films: each signal is the one before with up to 4 bits flipped, a cut every `FILM` frames."""
    rng = np.random.default_rng(2)
    rows = np.empty((count, 4), np.uint64)
    films = -(-count // FILM)
    frame = rng.integers(0, 2**64, (films, 4), dtype=np.uint64)
    for number in range(FILM):
        for _ in range(4):
            bits = rng.integers(0, 256, films)
            frame[np.arange(films), bits // 64] ^= np.uint64(1) << (bits % 64).astype(np.uint64)
        shown = rows[number::FILM]
        shown[:] = frame[: len(shown)]
    return rows


def near(rows: NDArray[np.uint64], count: int) -> NDArray[np.uint64]:
    """Make queries: every second one a row with 0 to 31 bits flipped, the others unrelated."""
    rng = np.random.default_rng(3)
    queries = rng.integers(0, 2**64, (count, 4), dtype=np.uint64)
    for number in range(0, count, 2):
        queries[number] = rows[rng.integers(0, len(rows))]
        for bit in rng.choice(256, rng.integers(0, THRESHOLD + 1), replace=False):
            queries[number, bit // 64] ^= np.uint64(1) << np.uint64(bit % 64)
    return queries


def measure(rows: NDArray[np.uint64], queries_asked: int, faiss: Any, folder: Path | None) -> dict[str, Any]:  # noqa: ANN401  (a module)
    """Measure one set at one size; every peer's answer is checked against ours."""
    queries = near(rows, queries_asked)
    index = matching.HammingIndex(merge_after=None)
    index.prepare()
    index.add(rows)
    began = time.perf_counter()
    index.merge()
    result: dict[str, Any] = {"rows": len(rows), "build_s": time.perf_counter() - began}
    result["bytes_per_row"] = index.size_bytes / len(rows)
    result["query_ms"] = each_ms(lambda query: index.search(query, THRESHOLD), queries, repeats=3)
    result["matches"] = len(index.search(queries, THRESHOLD))
    batch = np.tile(queries, (max(1, 4000 // len(queries)), 1))
    for threads in (1, usable_cores()):
        took = min(timed(lambda threads=threads: index.search(batch, THRESHOLD, threads=threads)) for _ in range(3))
        result[f"batch_{'one' if threads == 1 else 'all'}_ms"] = took * 1e3 / len(batch)
    with tempfile.TemporaryDirectory(dir=folder) as place:
        result["save_s"] = timed(lambda: index.save(place))
        opened: list[matching.HammingIndex] = []
        result["open_ms"] = timed(lambda: opened.append(matching.HammingIndex.open(place))) * 1e3
        result["first_search_ms"] = timed(lambda: opened[0].search(queries[:1], THRESHOLD)) * 1e3
        result["mapped_query_ms"] = each_ms(lambda query: opened[0].search(query, THRESHOLD), queries, repeats=3)
        opened.clear()
    result["peak_gb"] = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024 / 1e9
    if faiss is not None:
        result |= measure_faiss(faiss, rows, queries, index)
    return result


def measure_faiss(
    faiss: Any,  # noqa: ANN401  (a module)
    rows: NDArray[np.uint64],
    queries: NDArray[np.uint64],
    index: matching.HammingIndex,
) -> dict[str, float]:
    """Measure the peers, one thread, one query a call."""
    faiss.omp_set_num_threads(1)
    octets, asked = rows.view(np.uint8), queries.view(np.uint8)
    result = {}
    flat = faiss.IndexBinaryFlat(256)
    flat.add(octets)
    few = asked[: max(6, min(len(asked), int(2e8 / len(rows))))]
    # FAISS's radius is exclusive
    result["flat_ms"] = each_ms(lambda query: flat.range_search(query, THRESHOLD + 1), few, repeats=2)
    found = sum(len(flat.range_search(query.reshape(1, -1), THRESHOLD + 1)[1]) for query in few)
    assert found == len(index.search(few, THRESHOLD)), "the peer finds other matches"
    if len(rows) <= MOST_FOR_MULTIHASH:
        multi = faiss.IndexBinaryMultiHash(256, 16, 16)
        multi.add(octets)
        multi.nflip = 1
        result["multihash_ms"] = each_ms(lambda query: multi.range_search(query, THRESHOLD + 1), asked, repeats=1)
    return result


def each_ms(search: Callable[[Any], object], queries: NDArray[Any], repeats: int) -> float:
    """Call once for each query; return the median of the best time of each, in milliseconds."""
    single = [query.reshape(1, -1) for query in queries]
    times = [[timed(lambda query=query: search(query)) for query in single] for _ in range(repeats)]
    return float(np.median(np.min(times, axis=0))) * 1e3


def timed(work: Callable[[], object]) -> float:
    """Return how long a call takes, in seconds."""
    began = time.perf_counter()
    work()
    return time.perf_counter() - began


COLUMNS = {
    "set": ("set", "{:>8}"),
    "rows": ("rows", "{:>12,}"),
    "query_ms": ("query ms", "{:>9.3f}"),
    "mapped_query_ms": ("mapped ms", "{:>10.3f}"),
    "batch_one_ms": ("batch ms", "{:>9.3f}"),
    "batch_all_ms": ("all cores", "{:>10.3f}"),
    "flat_ms": ("Flat ms", "{:>9.2f}"),
    "multihash_ms": ("MultiHash", "{:>10.2f}"),
    "build_s": ("build s", "{:>8.2f}"),
    "open_ms": ("open ms", "{:>8.1f}"),
    "bytes_per_row": ("B/row", "{:>6.0f}"),
    "matches": ("matches", "{:>9,}"),
    "peak_gb": ("peak GB", "{:>8.2f}"),
}


def print_row(result: dict[str, Any], *, is_first: bool) -> None:
    """Print one line of the table, the heading before the first."""
    width = {key: len(form.format(0 if key != "set" else "")) for key, (_, form) in COLUMNS.items()}
    if is_first:
        print(" ".join(f"{title:>{width[key]}}" for key, (title, _) in COLUMNS.items()))
    cells = (
        form.format(result[key]) if key in result else " " * (width[key] - 1) + "–"
        for key, (_, form) in COLUMNS.items()
    )
    print(" ".join(cells), flush=True)


if __name__ == "__main__":
    os.environ.setdefault("OMP_NUM_THREADS", "1")
    main()
