"""Measure the first fetch of a large list, and what a process that searches feels of it.

    python benchmarks/exchanges.py                                    5 million entries on SQLite, then on PostgreSQL
    python benchmarks/exchanges.py --on sqlite --entries 3e5          one of them, and fewer entries
    python benchmarks/exchanges.py --on postgresql --postgresql ADDRESS   an empty database of a server that runs
    python benchmarks/exchanges.py --on sqlite --profile FILE         and where the fetching process spends its time

NCMEC's simulator runs in a process of its own, and gives out made-up entries as fast as it is asked. This process
holds a matcher that follows the database, as a serving process does, and looks signals up in it, one at a time: first
alone, then while `hedgerow exchange fetch` brings the list in a third process. PostgreSQL is a server of our own that
syncs to disk as it does by default. Writes ``benchmarks/results/exchanges.json``, beside what is there of the other
database.

The target: 5,000 of the partner's entries a second on two cores, 400 MB in the fetching process, and the 99th
percentile of a look-up at most three times what it is alone.
"""

from __future__ import annotations

import common  # noqa: F401  (first: it sets one thread)

# isort: split
import argparse
import json
import os
import random
import subprocess
import sys
import tempfile
import threading
import time
from contextlib import contextmanager, nullcontext
from datetime import UTC, datetime
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from sqlalchemy import func, select

from charts import line_chart
from common import RESULTS, Result, Table
from console import NAMES, postgresql
from hedgerow.app.exchanges import open_exchanges
from hedgerow.banks import Matcher, NewEntry, add_entries, create_bank
from hedgerow.banks.following import Follower
from hedgerow.database import open_database
from hedgerow.exchanges.tables import exchange_records
from hedgerow.hashing.signal import Signal
from hedgerow.migrations import upgrade
from hedgerow.settings import load_settings

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from hedgerow.database import Database

TARGET_ENTRIES = 5_000_000
TARGET_PER_S, TARGET_MB, TARGET_RATIO = 5_000, 400, 3.0
ALONE_S = 20.0
KNOWN = 200_000
PAUSE_S = 0.002  # between two look-ups: a server that is busy, and not a load generator
LOOKED_AT_EVERY_S = 5.0
POINTS = 10  # of the course
SERVER = ("shared_buffers=1GB", "max_wal_size=8GB")
_KEYS = {"user": "simulator", "password": "simulator"}


def main() -> None:
    """Measure what is asked for, or be one of the other processes."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--entries", type=float, default=TARGET_ENTRIES)
    parser.add_argument("--on", choices=[*NAMES], action="append", help="the kind of database; both, unless it is said")
    parser.add_argument("--postgresql", metavar="ADDRESS", help="of an empty database, instead of a server of ours")
    parser.add_argument("--known", type=int, default=KNOWN, help="signals in another bank, from the beginning")
    parser.add_argument("--folder", type=Path, help="where to keep the data meanwhile")
    parser.add_argument("--profile", type=Path, help="write where the fetching process spends its time")
    parser.add_argument("--output", type=Path, default=RESULTS / "exchanges.json")
    parser.add_argument("--be-the-partner", type=int, help=argparse.SUPPRESS)
    parser.add_argument("--be-the-fetcher", help=argparse.SUPPRESS)
    asked = parser.parse_args()
    if asked.be_the_partner:
        play(asked.be_the_partner)
        return
    if asked.be_the_fetcher:
        fetch(json.loads(asked.be_the_fetcher))
        return
    for kind in asked.on or NAMES:
        with tempfile.TemporaryDirectory(dir=asked.folder) as name:
            folder = Path(name)
            is_ours = kind == "postgresql" and asked.postgresql is None
            running = postgresql(folder / "server", SERVER) if is_ours else nullcontext((asked.postgresql, None))
            with running as (address, process):
                url = address if kind == "postgresql" else None
                found = measure(folder / "data", url, process, int(asked.entries), asked.known, asked.profile)
        rows = [each for each in _rows_of(asked.output) if each["database"] != kind]
        report([*rows, {"database": kind, **found}]).write(asked.output)


def _rows_of(path: Path) -> list[dict[str, Any]]:
    return json.loads(path.read_text("utf-8"))["rows"] if path.is_file() else []


def report(rows: list[dict[str, Any]]) -> Result:
    """Put figures into a table, a chart, and beside their targets."""
    rows = sorted(rows, key=lambda row: [*NAMES].index(row["database"]))
    result = Result(
        "exchanges",
        "The first fetch of a large list",
        "`hedgerow exchange fetch` brings a list of NCMEC's simulator, of which each entry has an MD5, a SHA-1 and a "
        "PDQ (videos have no PDQ), into an empty bank, while another process looks single signals up in all banks, "
        "which it follows; all of it, the simulator and the database too, on the cores that are named above.",
        rows=rows,
    )
    said: tuple[tuple[str, str, str], ...] = (
        ("the partner's entries", "entries", "{:,}"),
        ("signals banked", "banked", "{:,}"),
        ("entries a second", "entries_per_s", "{:,.0f}"),
        ("… in the first tenth", "first_per_s", "{:,.0f}"),
        ("… in the last tenth", "last_per_s", "{:,.0f}"),
        ("processor, µs an entry: fetch", "fetch_us", "{:.0f}"),
        ("… simulator", "partner_us", "{:.0f}"),
        ("… PostgreSQL", "database_us", "{:.0f}"),
        ("… search and following", "search_us", "{:.0f}"),
        ("most memory of the fetch, MB", "memory_mb", "{:.0f}"),
        ("most memory of the process that searches, MB", "search_memory_mb", "{:.0f}"),
        ("one look-up alone, ms: median", "p50_alone_ms", "{:.2f}"),
        ("… p99", "p99_alone_ms", "{:.2f}"),
        ("one look-up meanwhile, ms: median", "p50_meanwhile_ms", "{:.2f}"),
        ("… p99", "p99_meanwhile_ms", "{:.2f}"),
    )
    cells = [
        (text, *("–" if row.get(key) is None else form.format(row[key]) for row in rows)) for text, key, form in said
    ]
    note = f"PostgreSQL runs with {', '.join(SERVER)}." if any(row["database"] == "postgresql" for row in rows) else ""
    result.tables = [Table("Fetching", ("", *(NAMES[row["database"]] for row in rows)), tuple(cells), note)]
    lines = [(NAMES[row["database"]], "ours", [tuple(each) for each in row["course"]]) for row in rows]
    result.charts["exchanges.svg"] = line_chart(
        "Entries taken in a second as the bank grows", lines, ("the partner's entries so far", "entries a second")
    )
    for row in rows:
        name = NAMES[row["database"]]
        why = "" if row["entries"] >= TARGET_ENTRIES else f"only {row['entries']:,} entries were fetched"

        def value(key: str, row: dict[str, Any] = row, why: str = why) -> float | None:
            return None if why else row[key]

        result.check(f"Fetch of 5 M, {name}", "at least", TARGET_PER_S, value("entries_per_s"), unit="/s", why=why)
        result.check(f"… memory, {name}", "at most", TARGET_MB, value("memory_mb"), unit=" MB", why=why)
        result.check(f"… p99 of a search, {name}", "at most", TARGET_RATIO, value("p99_ratio"), unit="×", why=why)
    return result


def measure(
    data: Path, url: str | None, server: int | None, entries: int, known: int, profile: Path | None
) -> dict[str, Any]:
    """Measure on one database."""
    database = open_database(data, url)
    upgrade(database)
    rows = np.random.default_rng(1).integers(0, 256, (known, 32), np.uint8)
    with database.write() as connection:
        bank = create_bank(connection, "known", now=datetime.now(UTC))
        for first in range(0, known, 10_000):
            new = [NewEntry(Signal("pdq", row.tobytes())) for row in rows[first : first + 10_000]]
            add_entries(connection, bank, new, now=datetime.now(UTC))
    told: dict[str, Any] = {}
    with playing(entries) as (partner, partner_process):
        settings = load_settings(data=data, **({} if url is None else {"database_url": url}))
        with open_exchanges(settings) as exchanges:
            exchanges.create("ncmec", "ncmec", {"base_url": f"{partner}/hashsharing"}, actor="cli")
            exchanges.set_credentials("ncmec", _KEYS, actor="cli")
        matcher = Matcher(database, data)
        matcher.load()
        matcher.search([Signal("pdq", bytes(range(32)))])
        with Follower(matcher):
            alone = look_up(matcher, rows, threading.Event(), ALONE_S)
            before = [_spent_s(partner_process), _spent_s(server), time.process_time()]
            done = threading.Event()
            course: list[tuple[float, int]] = []
            others = [
                threading.Thread(target=_fetch_elsewhere, args=(data, url, profile, told, done)),
                threading.Thread(target=_look_at, args=(database, done, course)),
            ]
            for thread in others:
                thread.start()
            meanwhile = look_up(matcher, rows, done, None)
            for thread in others:
                thread.join()
            after = [_spent_s(partner_process), _spent_s(server), time.process_time()]
    database.close()
    if "records" not in told:
        raise SystemExit(1)
    partner_s, server_s, own_s = (end - begin for begin, end in zip(before, after, strict=True))
    taken = told["records"]
    points = _course(course, taken)
    alone_ms, meanwhile_ms = (np.percentile(each, (50, 99)) * 1000 for each in (alone, meanwhile))
    return {
        "entries": entries,
        "banked": told["banked"],
        "wall_s": told["wall_s"],
        "entries_per_s": taken / told["wall_s"],
        "first_per_s": points[0][1],
        "last_per_s": points[-1][1],
        "fetch_us": told["processor_s"] / taken * 1e6,
        "partner_us": partner_s / taken * 1e6,
        "database_us": None if server is None else server_s / taken * 1e6,
        "search_us": own_s / taken * 1e6,
        "memory_mb": told["memory_mb"],
        "search_memory_mb": most_memory_mb(),
        "look_ups": len(meanwhile),
        "p50_alone_ms": float(alone_ms[0]),
        "p99_alone_ms": float(alone_ms[1]),
        "p50_meanwhile_ms": float(meanwhile_ms[0]),
        "p99_meanwhile_ms": float(meanwhile_ms[1]),
        "p99_ratio": float(meanwhile_ms[1] / alone_ms[1]),
        "course": points,
    }


def _look_at(database: Database, done: threading.Event, course: list[tuple[float, int]]) -> None:
    """Note how far the fetch is, again and again: when, and how many records there are."""
    while True:
        with database.read() as connection:
            there = connection.execute(select(func.max(exchange_records.c.id))).scalar()
        course.append((time.monotonic(), there or 0))
        if done.wait(LOOKED_AT_EVERY_S):
            return


def _course(course: Sequence[tuple[float, int]], taken: int) -> list[tuple[int, float]]:
    """Return how many entries a second came, by how many had come."""
    begun = max([each for each in course if each[1] == 0], default=course[0])
    marks = [begun]
    for at, there in course:
        if there - marks[-1][1] >= taken / POINTS * 0.95 or (there > marks[-1][1] and (at, there) == course[-1]):
            marks.append((at, there))
    pairs = pairwise(marks)
    found = [(there, (there - had) / (at - then)) for (then, had), (at, there) in pairs]
    return found or [(taken, float("nan"))]


def _spent_s(process: int | None) -> float:
    """Return the processor seconds of a process, and of those that it began."""
    if process is None:
        return 0.0
    ended = Path(f"/proc/{process}/stat").read_text("ascii").rpartition(")")[2].split()
    own = sum(int(each) for each in ended[11:15]) / os.sysconf("SC_CLK_TCK")
    begun = Path(f"/proc/{process}/task/{process}/children").read_text("ascii").split()
    return own + sum(_spent_s(int(each)) for each in begun)


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
def playing(entries: int) -> Iterator[tuple[str, int]]:
    """Run the simulator; give its address, and its process."""
    command = [sys.executable, __file__, "--be-the-partner", str(entries)]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    try:
        assert process.stdout is not None
        yield process.stdout.readline().strip(), process.pid
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
        "memory_mb": most_memory_mb(),
    }
    print(json.dumps(told), flush=True)


def most_memory_mb() -> float:
    """Return the most memory that this process ever had, as the kernel says, in millions of bytes."""
    for line in Path("/proc/self/status").read_text("ascii").splitlines():
        if line.startswith("VmHWM:"):
            return int(line.split()[1]) * 1024 / 1e6
    return float("nan")


if __name__ == "__main__":
    main()
