"""Searching many signals at once: what a second thread gains."""

from __future__ import annotations

import common  # noqa: F401  (first: it sets one thread)

# isort: split
import argparse
import statistics
from functools import partial

from charts import Bar, bar_chart
from common import Result, Table, gain_of_two_processes, times_ms, usable_cores
from hedgerow import matching
from index import crowded, near, uniform

THRESHOLD = matching.DEFAULT_THRESHOLD
TARGET = 1.7


def main() -> None:
    """Run it."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=float, default=1e6, help="signals in the index (default 1e6)")
    parser.add_argument("--queries", type=int, default=20_000, help="queries in a batch (default 20,000)")
    parser.add_argument("--rounds", type=int, default=7)
    arguments = parser.parse_args()
    count = int(arguments.rows)
    result = Result(
        "batch",
        "Batches on two cores",
        f"{arguments.queries:,} queries in one call against {count:,} signals, threshold {THRESHOLD} bits: half of the "
        "queries are known signals with up to 31 bits flipped, half are unrelated. Time on the clock, interleaved.",
    )
    rows = []
    bars = []
    for name, make in (("uniform", uniform), ("crowded", crowded)):
        index = matching.HammingIndex(merge_after=None)
        index.prepare()
        known = make(count)
        index.add(known)
        index.merge()
        queries = near(known, arguments.queries)
        assert index.search(queries[:500], threads=1) == index.search(queries[:500], threads=2), "threads disagree"
        calls = {f"{threads}": partial(index.search, queries, THRESHOLD, threads=threads) for threads in (1, 2)}
        times = times_ms(calls, arguments.rounds, budget_s=60, is_wall=True)
        one, two = (statistics.median(times[each]) for each in ("1", "2"))
        gain = statistics.median(first / second for first, second in zip(times["1"], times["2"], strict=True))
        result.rows.append({"set": name, "rows": count, "one_ms": times["1"], "two_ms": times["2"], "gain": gain})
        rows.append((name, *(f"{each * 1e3 / arguments.queries:.1f}" for each in (one, two)), f"{gain:.2f}×"))
        bars.append(
            (
                f"{name}, {count:,} signals",
                [
                    Bar(f"{threads} thread{'s' * (threads > 1)}", time, f"{arguments.queries / time:,.0f} k/s", "ours")
                    for threads, time in ((1, one), (2, two))
                ],
            )
        )
        cores = usable_cores()
        result.check(
            f"Batch search, 2 threads ÷ 1, {name}",
            "at least",
            TARGET,
            gain if cores > 1 else None,
            unit="×",
            why="this process may use one core only",
        )
    columns = ("signals", "1 thread, µs per query", "2 threads, µs per query", "gain")
    result.tables.append(Table("Batch search", columns, tuple(rows), "Gain: median of the ratios within a round."))
    result.charts["batch.svg"] = bar_chart("Batch search: milliseconds for the whole batch", bars)
    free = gain_of_two_processes()
    result.notes.append(f"On this machine, at this time, two busy processes did {free:.2f}× the work of one.")
    result.rows.append({"what": "two busy processes ÷ one", "gain": free})
    result.write()


if __name__ == "__main__":
    main()
