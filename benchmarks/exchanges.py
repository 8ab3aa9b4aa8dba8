"""Measure the first fetch of a large list, and what a process that searches feels of it.

    python benchmarks/exchanges.py [--entries 5e6] [--postgresql ADDRESS] [--pages N] [--profile FILE]

NCMEC's simulator runs in a process of its own, and gives out made-up entries as fast as it is asked. This process
holds a matcher that follows the database, as a serving process does, and looks signals up in it, one at a time: first
alone, then while `hedgerow exchange fetch` brings the list in a third process. On PostgreSQL the database at the
address is used, which has to exist and to be empty; otherwise it is SQLite. Prints a table, writes
``benchmarks/results/exchanges-DATABASE.json``.

The target: 5,000 of the partner's entries a second on two cores, 400 MB in the fetching process, and the 99th
percentile of a look-up at most three times what it is alone.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import random
import subprocess
import sys
import tempfile
import threading
import time
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from hedgerow.app.exchanges import open_exchanges
from hedgerow.banks import Matcher, NewEntry, add_entries, create_bank
from hedgerow.banks.following import Follower
from hedgerow.database import open_database
from hedgerow.hashing.signal import Signal
from hedgerow.matching.threads import usable_cores
from hedgerow.migrations import upgrade
from hedgerow.settings import load_settings

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

TARGET_PER_S, TARGET_MIB, TARGET_RATIO = 5_000, 400 * 10**6 / 2**20, 3.0
ALONE_S = 10.0
KNOWN = 200_000
PAUSE_S = 0.002  # between two look-ups: a server that is busy, and not a load generator
_KEYS = {"user": "simulator", "password": "simulator"}


def main() -> None:
    """Measure what is asked for, or be one of the other processes."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--entries", type=float, default=5e6)
    parser.add_argument("--postgresql", help="the address of an empty database, instead of SQLite")
    parser.add_argument("--known", type=int, default=KNOWN, help="signals in another bank, from the beginning")
    parser.add_argument("--folder", type=Path, help="where to keep the data; elsewhere than in memory")
    parser.add_argument("--profile", type=Path, help="write where the fetching process spends its time")
    parser.add_argument("--output", type=Path)
    parser.add_argument("--be-the-partner", type=int, help=argparse.SUPPRESS)
    parser.add_argument("--be-the-fetcher", help=argparse.SUPPRESS)
    asked = parser.parse_args()
    if asked.be_the_partner:
        play(asked.be_the_partner)
        return
    if asked.be_the_fetcher:
        fetch(json.loads(asked.be_the_fetcher))
        return
    kind = "postgresql" if asked.postgresql else "sqlite"
    with tempfile.TemporaryDirectory(dir=asked.folder) as folder:
        found = measure(Path(folder), asked.postgresql, int(asked.entries), asked.known, asked.profile)
    print(f"\n| {kind}, {int(asked.entries):,} entries | measured | target |\n| --- | ---: | ---: |")
    print(f"| the partner's entries a second | {found['entries_per_s']:,.0f} | {TARGET_PER_S:,} |")
    print(f"| … a second of processor | {found['entries_per_processor_s']:,.0f} | |")
    print(f"| signals banked | {found['banked']:,} | |")
    print(f"| most memory of the fetch, MiB | {found['rss_mib']:.0f} | {TARGET_MIB:.0f} |")
    print(f"| p99 of a look-up alone, ms | {found['p99_alone_ms']:.2f} | |")
    print(f"| p99 of a look-up meanwhile, ms | {found['p99_meanwhile_ms']:.2f} | |")
    print(f"| … times as long | {found['p99_ratio']:.1f} | {TARGET_RATIO:.0f} |")
    about = {
        "machine": platform.processor() or platform.machine(),
        "cores": usable_cores(),
        "python": platform.python_version(),
        "database": kind,
        "entries": int(asked.entries),
        "date": time.strftime("%Y-%m-%d"),
    }
    output = asked.output or Path(__file__).parent / "results" / f"exchanges-{kind}.json"
    output.parent.mkdir(parents=True, exist_ok=True)
    output.write_text(json.dumps({"about": about, "found": found}, indent=1) + "\n")


def measure(folder: Path, url: str | None, entries: int, known: int, profile: Path | None) -> dict[str, Any]:
    """Measure on one database."""
    data = folder / "data"
    database = open_database(data, url)
    upgrade(database)
    rows = np.random.default_rng(1).integers(0, 256, (known, 32), np.uint8)
    with database.write() as connection:
        bank = create_bank(connection, "known", now=datetime.now(UTC))
        for first in range(0, known, 10_000):
            new = [NewEntry(Signal("pdq", row.tobytes())) for row in rows[first : first + 10_000]]
            add_entries(connection, bank, new, now=datetime.now(UTC))
    with playing(entries) as partner:
        settings = load_settings(data=data, **({} if url is None else {"database_url": url}))
        with open_exchanges(settings) as exchanges:
            exchanges.create("ncmec", "ncmec", {"base_url": f"{partner}/hashsharing"}, actor="cli")
            exchanges.set_credentials("ncmec", _KEYS, actor="cli")
        matcher = Matcher(database, data)
        matcher.load()
        matcher.search([Signal("pdq", bytes(range(32)))])
        with Follower(matcher):
            alone = look_up(matcher, rows, threading.Event(), ALONE_S)
            done = threading.Event()
            told: dict[str, Any] = {}
            thread = threading.Thread(target=_fetch_elsewhere, args=(data, url, profile, told, done))
            thread.start()
            meanwhile = look_up(matcher, rows, done, None)
            thread.join()
    database.close()
    p99 = [float(np.percentile(each, 99)) * 1000 for each in (alone, meanwhile)]
    return {
        **told,
        "entries_per_s": told["records"] / told["wall_s"],
        "entries_per_processor_s": told["records"] / told["processor_s"],
        "look_ups": len(meanwhile),
        "p50_alone_ms": float(np.median(alone)) * 1000,
        "p50_meanwhile_ms": float(np.median(meanwhile)) * 1000,
        "p99_alone_ms": p99[0],
        "p99_meanwhile_ms": p99[1],
        "p99_ratio": p99[1] / p99[0],
    }


def look_up(
    matcher: Matcher, rows: np.ndarray[Any, np.dtype[np.uint8]], done: threading.Event, seconds: float | None
) -> Sequence[float]:
    """Look one signal up after the other, half of them known; return how many seconds each took."""
    drawing = random.Random(2)  # noqa: S311  (which signals are looked up)
    until = None if seconds is None else time.monotonic() + seconds
    times: list[float] = []
    while not done.is_set() and (until is None or time.monotonic() < until):
        bits = rows[drawing.randrange(len(rows))].tobytes() if drawing.random() < 0.5 else drawing.randbytes(32)
        began = time.perf_counter()
        matcher.search([Signal("pdq", bits)])
        times.append(time.perf_counter() - began)
        time.sleep(PAUSE_S)
    return times


# ── the other processes ──────────────────────────────────────────────────────────────────────────────────────────


@contextmanager
def playing(entries: int) -> Iterator[str]:
    """Run the simulator; give its address."""
    command = [sys.executable, __file__, "--be-the-partner", str(entries)]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    try:
        assert process.stdout is not None
        yield process.stdout.readline().strip()
    finally:
        process.terminate()
        process.wait(60)


def play(entries: int) -> None:
    """Play NCMEC's list until terminated."""
    from hedgerow.simulators.ncmec_hashes import NcmecHashesPlay  # noqa: PLC0415  (of this process alone)
    from hedgerow.simulators.stage import Simulator  # noqa: PLC0415  (in its own process)

    with Simulator(NcmecHashesPlay(generated={"hashsharing": entries})) as simulator:
        print(simulator.url, flush=True)
        threading.Event().wait()


def _fetch_elsewhere(
    data: Path, url: str | None, profile: Path | None, told: dict[str, Any], done: threading.Event
) -> None:
    asked = {"data": str(data), "url": url, "profile": None if profile is None else str(profile)}
    command = [sys.executable, __file__, "--be-the-fetcher", json.dumps(asked)]
    try:
        ran = subprocess.run(command, check=True, capture_output=True, text=True)
        told |= json.loads(ran.stdout.splitlines()[-1])
    except subprocess.CalledProcessError as error:
        print(error.stderr, file=sys.stderr)
        raise
    finally:
        done.set()


def fetch(asked: dict[str, Any]) -> None:
    """Fetch until the bank holds all, as a worker does; say what it took."""
    url = asked["url"]
    settings = load_settings(data=Path(asked["data"]), **({} if url is None else {"database_url": url}))
    profiler = None
    if asked["profile"]:
        import cProfile  # noqa: PLC0415  (only where it is asked for)

        profiler = cProfile.Profile()
        profiler.enable()
    began, processor = time.monotonic(), time.process_time()
    records = added = 0
    with open_exchanges(settings) as exchanges:
        while True:
            end = exchanges.fetch_now("ncmec")
            if end is None or end.error is not None:
                raise RuntimeError("nothing was fetched" if end is None else end.problem)
            records, added = records + end.applied.records, added + end.applied.added
            if end.is_current:
                break
    if profiler is not None:
        profiler.disable()
        profiler.dump_stats(asked["profile"])
    told = {
        "records": records,
        "banked": added,
        "wall_s": time.monotonic() - began,
        "processor_s": time.process_time() - processor,
        "rss_mib": most_memory_mib(),
    }
    print(json.dumps(told), flush=True)


def most_memory_mib() -> float:
    """Return the most memory that this process ever had, as the kernel says."""
    for line in Path(f"/proc/{os.getpid()}/status").read_text("ascii").splitlines():
        if line.startswith("VmHWM:"):
            return int(line.split()[1]) / 1024
    return float("nan")


if __name__ == "__main__":
    main()
