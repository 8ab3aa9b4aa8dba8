"""The service under load, beside PyPI's `threatexchange` behind a minimal WSGI application, in the same run.

The load generator runs on the same cores, so that every figure is what one small machine does by itself.
"""

from __future__ import annotations

import common  # noqa: F401  (first: it sets one thread)

# isort: split
import argparse
import io
import json
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from PIL import Image

import http_load
from charts import Bar, bar_chart
from common import Result, Table, peer, synthetic_photograph
from hedgerow import app
from hedgerow.banks import NewEntry, add_entries, find_bank
from hedgerow.banks.formats import ReadOptions
from hedgerow.database import open_database
from hedgerow.hashing import Signal
from hedgerow.settings import load_settings

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

SIZES = {"640×480": (640, 480), "2 MP": (1632, 1224), "12 MP": (4032, 3024)}
CLIENTS = (1, 8, 32)
TARGET_LOOKUPS, TARGET_PICTURES, TARGET_P99_MS, TARGET_IDLE_MIB, TARGET_IMPORT = 1_500, 60, 20, 300, 3
_PICTURES = 16
_QUERIES = 4_000
_IMPORT_PER_S, _IMPORT_BATCH = 10_000, 500
_START_S = 180
_SETTLE_S = 3
_MIB = 2**20


def requests_of(paths: Sequence[tuple[str, str, bytes]], key: str, kind: str) -> list[bytes]:
    """Prepare requests: method, path with query, body."""
    return [
        f"{method} {path} HTTP/1.1\r\nhost: here\r\nauthorization: Bearer {key}\r\ncontent-type: {kind}\r\n"
        f"content-length: {len(body)}\r\n\r\n".encode()
        + body
        for method, path, body in paths
    ]


def uploads_of(paths: Sequence[tuple[str, str, bytes]], key: str) -> list[bytes]:
    """Prepare requests with a picture as the file of a form, as HMA's clients send it."""
    head = b'--x\r\ncontent-disposition: form-data; name="photo"; filename="a.jpg"\r\ncontent-type: image/jpeg\r\n\r\n'
    forms = [(method, path, head + body + b"\r\n--x--\r\n") for method, path, body in paths]
    return requests_of(forms, key, "multipart/form-data; boundary=x")


def pictures_of(size: tuple[int, int]) -> list[bytes]:
    """Make JPEGs that differ in every byte that counts: none is known, none is like another."""
    made = []
    for number in range(_PICTURES):
        held = io.BytesIO()
        Image.fromarray(synthetic_photograph(*size, seed=number)).save(held, "JPEG", quality=88)
        made.append(held.getvalue())
    return made


def run_load(port: int, requests: list[bytes], clients: int, seconds: float) -> dict[str, Any]:
    """Let another process ask, and return what it counted."""
    with tempfile.NamedTemporaryFile(suffix=".requests") as file:
        file.write(http_load.pack(requests))
        file.flush()
        script = str(Path(__file__).with_name("http_load.py"))
        command = [sys.executable, script, str(port), file.name, str(clients), str(seconds)]
        told: dict[str, Any] = json.loads(subprocess.run(command, check=True, capture_output=True).stdout)
    if set(told["statuses"]) != {"200"}:
        raise RuntimeError(f"not everything was answered: {told['statuses']}")
    return told


@contextmanager
def serving(data: Path) -> Iterator[tuple[int, int]]:
    """Run the service; give its port and its process."""
    command = [str(Path(sys.executable).with_name("hedgerow")), "--data", str(data), "serve", "--port", "0"]
    log = data / "serve.log"
    with log.open("wb") as out:
        process = subprocess.Popen(command, stdout=out, stderr=out, start_new_session=True)
    try:
        yield _port_of(process, log.read_text), process.pid
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait(60)


def _port_of(process: subprocess.Popen[bytes], log: Callable[[], str]) -> int:
    until = time.monotonic() + _START_S
    while time.monotonic() < until and process.poll() is None:
        found = re.search(r"listens on http://\S+:(\d+)", log())
        if found:
            return int(found[1])
        time.sleep(0.05)
    raise RuntimeError(f"the service did not start:\n{log()}")


@contextmanager
def serving_peer(entries: Path) -> Iterator[int]:
    """Run the peer in two processes, as many as there are cores; give its port."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    command = [sys.executable, "-m", "gunicorn", "--preload", "--workers", "2", "--threads", "4", "--keep-alive", "75"]
    command += ["--bind", f"127.0.0.1:{port}", "--timeout", "300", "--log-level", "error", "service_peer:application"]
    environment = {**os.environ, "SERVICE_PEER_ENTRIES": str(entries)}
    process = subprocess.Popen(command, cwd=Path(__file__).parent, env=environment, start_new_session=True)
    try:
        until = time.monotonic() + _START_S
        while time.monotonic() < until:
            try:
                socket.create_connection(("127.0.0.1", port)).close()
                break
            except OSError:
                if process.poll() is not None:
                    raise RuntimeError("the peer did not start") from None
                time.sleep(0.2)
        yield port
    finally:
        process.terminate()
        process.wait(60)


def memory_of(pid: int) -> float:
    """Return the MiB that a process and its children hold: shared pages counted once (PSS), mapped files not."""
    pids = [pid, *_children(pid)]
    held = 0
    for each in pids:
        try:
            lines = Path(f"/proc/{each}/smaps_rollup").read_text("ascii").splitlines()
        except OSError:
            continue
        held += sum(int(line.split()[1]) for line in lines if line.startswith(("Pss_Anon:", "Pss_Shmem:")))
    return held / 1024


def _children(pid: int) -> list[int]:
    found = [int(each) for each in Path(f"/proc/{pid}/task/{pid}/children").read_text("ascii").split()]
    return [*found, *(grandchild for child in found for grandchild in _children(child))]


@contextmanager
def importing(data: Path) -> Iterator[list[float]]:
    """Bank 10,000 entries a second meanwhile, in batches, from this process; give how many were banked when."""
    stop = threading.Event()
    banked: list[float] = []

    def bank_them() -> None:
        database = open_database(data)
        pause = _IMPORT_BATCH / _IMPORT_PER_S
        due = time.monotonic()
        while not stop.is_set():
            new = [NewEntry(Signal("pdq", os.urandom(32))) for _ in range(_IMPORT_BATCH)]
            with database.write() as connection:
                add_entries(connection, find_bank(connection, "growing"), new, now=app.now())
            banked.append(time.monotonic())
            due += pause
            stop.wait(max(0.0, due - time.monotonic()))
        database.close()

    thread = threading.Thread(target=bank_them)
    thread.start()
    try:
        yield banked
    finally:
        stop.set()
        thread.join()


def prepare(folder: Path, entries: int) -> tuple[Path, Path, str]:
    """Make a data folder with a bank of random signals; return it, the list, and a key."""
    data = folder / "data"
    listed = folder / "entries.txt"
    with listed.open("w", encoding="ascii") as out:
        out.writelines(f"{os.urandom(32).hex()}\n" for _ in range(entries))
    settings = load_settings(data=data)
    app.create_bank(settings, "known")
    app.create_bank(settings, "growing")
    app.import_bank(settings, "known", listed, options=ReadOptions())
    key = app.add_key(settings, "benchmark", scopes=("match", "screen", "hma")).text
    return data, listed, key


def measure(folder: Path, entries: int, seconds: float) -> Result:
    """Run everything."""
    data, listed, key = prepare(folder, entries)
    result = Result(
        "service",
        "The service",
        f"One `hedgerow serve` on SQLite with {entries:,} signals in a bank, and the load generator on the same cores. "
        "The peer is PyPI's `threatexchange` with its default index behind gunicorn (two processes of four threads), "
        "with the same routes, without a database and without cases.",
    )
    queries = [os.urandom(32).hex() for _ in range(_QUERIES)]
    lookups = requests_of(
        [
            ("POST", "/api/v1/lookups", json.dumps({"signals": [{"type": "pdq", "value": each}]}).encode())
            for each in queries
        ],
        key,
        "application/json",
    )
    hma = requests_of([("GET", f"/m/lookup?signal_type=pdq&signal={each}", b"") for each in queries], key, "text/plain")
    pictures = {name: pictures_of(size) for name, size in SIZES.items()}
    rows: list[dict[str, Any]] = []

    def note(whose: str, what: str, clients: int, told: dict[str, Any]) -> None:
        rows.append({"whose": whose, "what": what, "clients": clients, **told})
        print(f"{whose} {what} {clients}: {told['rate']:.0f}/s {told['p50_ms']:.1f} {told['p99_ms']:.1f}", flush=True)

    with serving(data) as (_, pid):
        time.sleep(_SETTLE_S)
        first = memory_of(pid)
    shutil.rmtree(data / "indexes")
    with serving(data) as (port, pid):
        time.sleep(_SETTLE_S)
        idle = memory_of(pid)
        result.notes.append(
            f"Idle, the service that has just built its index holds {idle:.0f} MiB besides it. The first start of an "
            f"installation compiles kernels as well, where none are cached, and held {first:.0f} MiB until it ended."
        )
        for clients in CLIENTS:
            note("hedgerow", "signal", clients, run_load(port, lookups, clients, seconds))
            note("hedgerow", "signal, HMA's door", clients, run_load(port, hma, clients, seconds))
        for made_for, (name, made) in enumerate(pictures.items()):
            for clients in CLIENTS:
                # A name for each, so that every picture is new: a repeated one is answered without being hashed.
                turn = f"{made_for}-{clients}"
                asked = [
                    (
                        "POST",
                        f"/api/v1/submissions?content_id={turn}-{number}-{again}",
                        picture + bytes([again, number]),
                    )
                    for again in range(max(1, round(seconds * 16)))
                    for number, picture in enumerate(made)
                ]
                note("hedgerow", name, clients, run_load(port, requests_of(asked, key, "image/jpeg"), clients, seconds))
        for name, made in pictures.items():
            asked = [("POST", "/m/lookup", picture) for picture in made]
            requests = uploads_of(asked, key)
            for clients in (1, 8):
                note("hedgerow", f"{name}, HMA's door", clients, run_load(port, requests, clients, seconds))
        calm = run_load(port, lookups, 8, seconds)
        with importing(data) as banked:
            time.sleep(1)
            busy = run_load(port, lookups, 8, seconds)
        rate = _IMPORT_BATCH * len(banked) / max(0.001, banked[-1] - banked[0]) if len(banked) > 1 else 0.0
    if peer("threatexchange") and peer("gunicorn"):
        with serving_peer(listed) as port:
            for clients in CLIENTS:
                note("threatexchange", "signal, HMA's door", clients, run_load(port, hma, clients, seconds))
            for name, made in pictures.items():
                asked = [("POST", "/m/lookup", picture) for picture in made]
                for clients in (1, 8):
                    requests = requests_of(asked, key, "image/jpeg")
                    note("threatexchange", f"{name}, HMA's door", clients, run_load(port, requests, clients, seconds))
    else:
        result.notes.append("threatexchange or gunicorn is not installed: the peer was not measured.")
    _report(result, rows, idle, calm, busy, rate)
    return result


def _report(
    result: Result, rows: list[dict[str, Any]], idle: float, calm: dict[str, Any], busy: dict[str, Any], rate: float
) -> None:
    result.rows = rows
    by = {(each["whose"], each["what"], each["clients"]): each for each in rows}
    whats = list(dict.fromkeys(each["what"] for each in rows))
    lines = []
    for what in whats:
        for clients in CLIENTS:
            ours, theirs = by.get(("hedgerow", what, clients)), by.get(("threatexchange", what, clients))
            if ours is None:
                continue
            ratio = "" if theirs is None else f"{ours['rate'] / theirs['rate']:.1f}×"
            lines.append((what, str(clients), *_figures(ours), *(_figures(theirs) if theirs else ("", "", "")), ratio))
    columns = ("asked", "clients", "a second", "p50 ms", "p99 ms", "peer a second", "peer p50", "peer p99", "ratio")
    result.tables.append(Table("Requests a second, and how long one waits", columns, tuple(lines)))
    growing = busy["p99_ms"] / calm["p99_ms"]
    result.tables.append(
        Table(
            "While 10,000 entries a second are banked",
            ("", "look-ups a second", "p50 ms", "p99 ms"),
            (("calm", *_figures(calm)), (f"{rate:,.0f} banked a second", *_figures(busy))),
        )
    )
    best = max(each["rate"] for each in rows if each["whose"] == "hedgerow" and each["what"] == "signal")
    result.check("signal look-ups a second", "at least", TARGET_LOOKUPS, best)
    best = max(each["rate"] for each in rows if each["whose"] == "hedgerow" and each["what"] == "2 MP")
    result.check("pictures of 2 MP a second, to the verdict", "at least", TARGET_PICTURES, best)
    result.check(
        "p99 of a look-up, 8 clients", "at most", TARGET_P99_MS, by["hedgerow", "signal", 8]["p99_ms"], unit=" ms"
    )
    result.check("idle memory without the index", "at most", TARGET_IDLE_MIB, idle, unit=" MiB")
    result.check("p99 while entries are banked, against calm", "at most", TARGET_IMPORT, growing, unit="×")
    groups = []
    for what in whats:
        bars = [
            Bar(whose, by[whose, what, 8]["rate"], f"{by[whose, what, 8]['rate']:,.0f}/s", kind)
            for whose, kind in (("hedgerow", "ours"), ("threatexchange", "peer"))
            if (whose, what, 8) in by
        ]
        groups.append((what, bars))
    result.charts["service.svg"] = bar_chart("Requests a second, 8 clients", groups, is_log=True)


def _figures(told: dict[str, Any]) -> tuple[str, str, str]:
    return f"{told['rate']:,.0f}", f"{told['p50_ms']:.1f}", f"{told['p99_ms']:.1f}"


def main() -> None:
    """Read the arguments, measure, write."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--entries", type=lambda text: int(float(text)), default=1_000_000)
    parser.add_argument("--seconds", type=float, default=8.0, help="for each row")
    chosen = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        measure(Path(folder), chosen.entries, chosen.seconds).write()


if __name__ == "__main__":
    main()
