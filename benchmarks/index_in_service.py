"""Measure one search of one signal in a serving process: alone, with others, and while entries are being imported.

    python benchmarks/index_in_service.py [--entries 1e6] [--banks 1,10] [--seconds 5] [--postgresql ADDRESS]

A bank of that many entries, and the same number in several banks. Searches go through `Matcher.search`, one signal
each, from one thread and from four, for signals that match nothing and for signals that match one entry, while a
`Follower` runs. The importing process adds 10,000 entries a second in batches of 2,000. On PostgreSQL the database at
the address is used, which has to exist and to be empty. Prints a table, writes
``benchmarks/results/index_in_service.json``.
"""

from __future__ import annotations

import argparse
import json
import platform
import subprocess
import sys
import tempfile
import threading
import time
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from hedgerow.banks import Matcher, NewEntry, add_entries, create_bank, find_bank
from hedgerow.banks.following import Follower
from hedgerow.database import open_database
from hedgerow.hashing.signal import Signal
from hedgerow.matching.threads import usable_cores
from hedgerow.migrations import upgrade

if TYPE_CHECKING:
    from collections.abc import Sequence

    from hedgerow.database import Database

BATCH, BATCHES_PER_S = 2_000, 5
MOST_BITS = 8  # between a query that matches and what it matches
QUERIES = 2_000


def main() -> None:
    """Measure what is asked for, or be the importing process."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--entries", type=float, default=1e6)
    parser.add_argument("--banks", default="1,10", help="how many banks hold them, comma-separated")
    parser.add_argument("--seconds", type=float, default=5, help="for each measurement")
    parser.add_argument("--threads", default="1,4", help="searching threads, comma-separated")
    parser.add_argument("--postgresql", help="the address of an empty database, instead of SQLite")
    parser.add_argument("--folder", type=Path, help="where to keep the data, and to find it again")
    parser.add_argument("--output", type=Path, default=Path(__file__).parent / "results" / "index_in_service.json")
    parser.add_argument("--be-the-writer", nargs=3, help=argparse.SUPPRESS)
    asked = parser.parse_args()
    if asked.be_the_writer:
        data, url, bank = asked.be_the_writer
        write_for_ever(open_database(Path(data), url or None), bank)
    results: list[dict[str, Any]] = []
    for banks in map(int, asked.banks.split(",")):
        with tempfile.TemporaryDirectory() as temporary:
            data = (asked.folder or Path(temporary)) / f"{banks}"
            results += measure(data, asked.postgresql, int(asked.entries), banks, asked.threads, asked.seconds)
    about = {
        "machine": platform.processor() or platform.machine(),
        "cores": usable_cores(),
        "python": platform.python_version(),
        "database": "postgresql" if asked.postgresql else "sqlite",
        "date": time.strftime("%Y-%m-%d"),
    }
    asked.output.parent.mkdir(parents=True, exist_ok=True)
    asked.output.write_text(json.dumps({"about": about, "results": results}, indent=1) + "\n")


def measure(
    data: Path, url: str | None, entries: int, banks: int, threads: str, seconds: float
) -> list[dict[str, Any]]:
    """Measure every case on one database."""
    is_there = data.exists()
    database = open_database(data, url)
    if not is_there or url:
        upgrade(database)
        fill(database, entries, banks)
    known = {name: random_rows(entries // banks, name) for name in names(banks)}
    matcher = Matcher(database, data)
    began = time.perf_counter()
    matcher.load()
    print(f"{entries:,} entries in {banks} bank(s), loaded in {time.perf_counter() - began:.1f} s", flush=True)
    matcher.search([Signal("pdq", bytes(range(32)))])
    results = []
    with Follower(matcher):
        for with_writer in (False, True):
            writer = start_writer(data, url) if with_writer else None
            try:
                for count in map(int, threads.split(",")):
                    for kind in ("miss", "hit"):
                        queries = make_queries(known, kind)
                        found = time_searches(matcher, queries, count, seconds)
                        results.append({"banks": banks, "writer": with_writer, "threads": count, "kind": kind, **found})
                        state = matcher.health()
                        print(" ".join(f"{k}={v}" for k, v in results[-1].items()), f"lag={state.lag}", flush=True)
            finally:
                if writer is not None:
                    writer.kill()
                    writer.wait()
    database.close()
    return results


def names(banks: int) -> list[str]:
    """Name the banks."""
    return [f"bank-{number}" for number in range(banks)]


def random_rows(count: int, name: str) -> np.ndarray[Any, np.dtype[np.uint8]]:
    """Make a bank's signals, the same each time."""
    seed = int.from_bytes(name.encode()[-8:], "big")
    return np.random.default_rng(seed).integers(0, 256, (count, 32), np.uint8)


def fill(database: Database, entries: int, banks: int) -> None:
    """Put the entries into the banks."""
    for name in names(banks):
        rows = random_rows(entries // banks, name)
        with database.write() as connection:
            bank = create_bank(connection, name, now=datetime.now(UTC))
            for first in range(0, len(rows), 10_000):
                new = [NewEntry(Signal("pdq", row.tobytes())) for row in rows[first : first + 10_000]]
                add_entries(connection, bank, new, now=datetime.now(UTC))


def start_writer(data: Path, url: str | None) -> subprocess.Popen[str]:
    """Start the importing process and wait until it imports."""
    command = [sys.executable, __file__, "--be-the-writer", str(data), url or "", "bank-0"]
    writer = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    assert writer.stdout is not None
    writer.stdout.readline()
    return writer


def write_for_ever(database: Database, name: str) -> None:
    """Add 10,000 entries a second until killed."""
    random = np.random.default_rng()
    due = time.monotonic()
    print("begins", flush=True)
    while True:
        rows = random.integers(0, 256, (BATCH, 32), np.uint8)
        new = [NewEntry(Signal("pdq", row.tobytes())) for row in rows]
        with database.write() as connection:
            add_entries(connection, find_bank(connection, name), new, now=datetime.now(UTC))
        due += 1 / BATCHES_PER_S
        time.sleep(max(0.0, due - time.monotonic()))


def make_queries(known: dict[str, Any], kind: str) -> list[Signal]:
    """Make signals that match nothing, or one entry each."""
    random = np.random.default_rng(7)
    if kind == "miss":
        return [Signal("pdq", random.bytes(32), 100) for _ in range(QUERIES)]
    rows = list(known.values())
    queries = []
    for number in range(QUERIES):
        row = rows[number % len(rows)][int(random.integers(len(rows[0])))]
        bits = np.unpackbits(row)
        bits[random.choice(256, int(random.integers(MOST_BITS + 1)), replace=False)] ^= 1
        queries.append(Signal("pdq", np.packbits(bits).tobytes(), 100))
    return queries


def time_searches(matcher: Matcher, queries: Sequence[Signal], threads: int, seconds: float) -> dict[str, float]:
    """Search for some seconds; return the rate of all threads, and quantiles of one search in milliseconds."""
    times: list[list[float]] = [[] for _ in range(threads)]
    work_s: list[float] = []
    end = time.perf_counter() + seconds

    def look(own: list[float], first: int) -> None:
        number = first
        before = time.thread_time()
        while (began := time.perf_counter()) < end:
            matcher.search([queries[number % len(queries)]])
            own.append(time.perf_counter() - began)
            number += 1
        work_s.append(time.thread_time() - before)

    workers = [threading.Thread(target=look, args=(own, 97 * place)) for place, own in enumerate(times)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    every = np.array([each for own in times for each in own]) * 1e3
    p50, p99, p999 = np.quantile(every, [0.5, 0.99, 0.999])
    return {
        "per_s": round(len(every) / seconds),
        "work_ms": round(sum(work_s) / len(every) * 1e3, 3),
        "p50_ms": round(float(p50), 3),
        "p99_ms": round(float(p99), 3),
        "p999_ms": round(float(p999), 3),
        "most_ms": round(float(every.max()), 1),
    }


if __name__ == "__main__":
    main()
