"""Scanning a folder against a bank, beside ``threatexchange match``; and what memory a scan takes."""

from __future__ import annotations

import common  # noqa: F401  (first: it sets one thread)

# isort: split
import argparse
import os
import random
import shutil
import statistics
import subprocess
import tempfile
import threading
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from PIL import Image

import hedgerow
from charts import Bar, bar_chart
from common import (
    Result,
    Table,
    command,
    gain_of_two_processes,
    on_one_core,
    peer,
    photographs,
    synthetic_photograph,
    usable_cores,
)
from hedgerow.errors import HedgerowError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

BANK_ENTRIES, BANK_KNOWN = 1_000, 100
LEVELS = ("exact", "standard")
SCAN = ("--fresh", "--no-progress")
TARGET_PEER, TARGET_CORES = 8, 1.7
TARGET_GROWTH = 1.1  # pages and allocators differ a little between two equal runs
MIB = 2**20
_FILES_IN_A_FOLDER = 500
_SAMPLE_S = 0.02
_EXPECTED = {0, 1, 3}  # nothing matched, something matched, something could not be checked


@dataclass(frozen=True)
class Run:
    """One command: how long it took, what it computed, what it held and what it said."""

    wall_s: float
    cpu_s: float
    output: str
    parent_bytes: int
    worker_bytes: int


# As after an ordinary installation: pip compiles what it installs, an editable checkout is compiled when first run.
_ENVIRONMENT = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}


def run(arguments: Sequence[str], environment: Mapping[str, str] | None = None, *, watches: bool = False) -> Run:
    """Run a command and its children to the end, and say what they took.

    Raises:
        RuntimeError: It failed; the exit codes of a scan that found something, or could not check something, are none.
    """
    with tempfile.TemporaryFile() as output, tempfile.TemporaryFile() as errors:
        began = time.perf_counter()
        process = subprocess.Popen(
            list(arguments), stdout=output, stderr=errors, env={**_ENVIRONMENT, **(environment or {})}
        )
        watcher = _Watcher(process.pid) if watches else None
        _, status, usage = os.wait4(process.pid, 0)
        wall_s = time.perf_counter() - began
        process.returncode = os.waitstatus_to_exitcode(status)
        if watcher:
            watcher.stop()
        output.seek(0)
        errors.seek(0)
        text = output.read().decode(errors="replace")
        if process.returncode not in _EXPECTED:
            last = errors.read().decode(errors="replace").strip().splitlines()[-1:]
            raise RuntimeError(f"{Path(arguments[0]).name} failed ({process.returncode}): {''.join(last)}")
    held = (watcher.parent_bytes, watcher.worker_bytes) if watcher else (0, 0)
    return Run(wall_s, usage.ru_utime + usage.ru_stime, text, *held)


class _Watcher:
    """Reads the largest resident set of a process and of its children, as Linux keeps them, until told to stop."""

    def __init__(self, pid: int) -> None:
        self._pid = pid
        self._largest: dict[int, int] = {}
        self._is_over = threading.Event()
        self._thread = threading.Thread(target=self._watch, daemon=True)
        self._thread.start()

    def _watch(self) -> None:
        while not self._is_over.wait(_SAMPLE_S):
            for pid in (self._pid, *_children(self._pid)):
                self._largest[pid] = max(self._largest.get(pid, 0), _peak_bytes(pid))

    def stop(self) -> None:
        """End the watch."""
        self._is_over.set()
        self._thread.join()

    @property
    def parent_bytes(self) -> int:
        return self._largest.get(self._pid, 0)

    @property
    def worker_bytes(self) -> int:
        """Return the most that any one worker held."""
        return max((size for pid, size in self._largest.items() if pid != self._pid), default=0)


def _children(pid: int) -> list[int]:
    found: list[int] = []
    for task in Path(f"/proc/{pid}/task").glob("*/children"):
        try:
            found += [int(each) for each in task.read_text().split()]
        except OSError:
            continue
    return [*found, *(each for child in found for each in _children(child))]


def _peak_bytes(pid: int) -> int:
    try:
        for line in Path(f"/proc/{pid}/status").read_text().splitlines():
            if line.startswith("VmHWM:"):
                return int(line.split()[1]) * 1024
    except OSError:
        pass
    return 0


def usable_files(result: Result, source: Sequence[Path], folder: Path) -> int:
    """Copy what both tools can hash into a folder, and say what is left out.

    ``threatexchange match`` ends at the first file that it cannot open or finds too plain; both therefore get the rest.
    """
    pytx = peer("threatexchange.signal_type.pdq.signal")
    left_out: dict[str, int] = {}
    copied = 0
    for path in source:
        reason = ""
        if pytx is not None:
            try:
                if not pytx.PdqSignal.hash_from_file(path):
                    reason = "too plain"
            except Exception as error:  # noqa: BLE001  (whatever it is, its command line would end here)
                reason = type(error).__name__
        if reason:
            left_out[reason] = left_out.get(reason, 0) + 1
            continue
        shutil.copyfile(path, folder / f"{copied:05}{path.suffix}")
        copied += 1
    if left_out:
        reasons = ", ".join(f"{count} {reason}" for reason, count in sorted(left_out.items()))
        result.notes.append(f"Left out because threatexchange ends at them: {reasons}. Hedgerow reads all of them.")
    return copied


def make_bank(files: Sequence[Path], path: Path, entries: int = BANK_ENTRIES) -> int:
    """Write a list of signals, some of them of the files; return how many of them."""
    chooser = random.Random(1)  # noqa: S311  (a fixed choice)
    known: list[str] = []
    for file in files[:: max(1, len(files) // BANK_KNOWN)]:
        try:
            signal = hedgerow.hash_file(file, exact=True).signals[0]
        except HedgerowError:
            continue
        if (signal.quality or 0) >= 50 and len(known) < BANK_KNOWN:
            known.append(signal.value)
    values = [*known, *(f"{chooser.getrandbits(256):064x}" for _ in range(entries - len(known)))]
    path.write_text("".join(f"pdq {value}\n" for value in values), "ascii")
    return len(known)


def prepare_hedgerow(data: Path, bank: Path, level: str = "standard") -> str:
    """Make a data folder with the bank and return the command."""
    program = command("hedgerow")
    assert program, "the hedgerow command is not installed beside this Python"
    run([program, "--data", str(data), "bank", "create", "known", "--level", level])
    run([program, "--data", str(data), "bank", "import", "known", str(bank)])
    return program


def prepare_peer(state: Path, bank: Path) -> str | None:
    """Make a threatexchange state folder with the same bank, its index built; None where it is not installed."""
    program = command("threatexchange")
    if program is None:
        return None
    environment = {"TX_STATEDIR": str(state)}
    configure = ["config", "collab", "edit", "local_file", "--create", "known", "--filename", str(bank)]
    run([program, *configure], environment)
    run([program, "fetch"], environment)
    return program


def speed(result: Result, source: Sequence[Path], rounds: int) -> None:
    """Scan the same files against the same bank, in turn."""
    cores = usable_cores()
    with tempfile.TemporaryDirectory() as name:
        place = Path(name)
        files, state, bank = place / "files", place / "state", place / "bank.txt"
        files.mkdir()
        count = usable_files(result, source, files)
        found = sorted(files.iterdir())
        known = make_bank(found, bank)
        scans = {
            level: [prepare_hedgerow(place / level, bank, level), "--data", str(place / level), "scan", *SCAN]
            for level in LEVELS
        }
        theirs = prepare_peer(state, bank)
        runs: dict[str, list[Run]] = {}
        for _ in range(rounds):
            for level, scan in scans.items():
                if cores > 1:
                    with _on_cores(2):
                        two = run([*scan, "--jobs", "2", str(files)])
                        runs.setdefault(f"hedgerow scan, {level}, 2 cores", []).append(two)
                with on_one_core():
                    one = run([*scan, "--jobs", "1", str(files)])
                    runs.setdefault(f"hedgerow scan, {level}, 1 core", []).append(one)
            with on_one_core():
                one_file = run([*scans["standard"], "--jobs", "1", str(found[0])])
                runs.setdefault("hedgerow scan of one file", []).append(one_file)
            if theirs:
                match = [theirs, "match", "photo", *map(str, found)]
                runs.setdefault("threatexchange match", []).append(run(match, {"TX_STATEDIR": str(state)}))
    walls = {tool: statistics.median(each.wall_s for each in done) for tool, done in runs.items()}
    rows = []
    for tool, done in runs.items():
        files_done = 1 if "one file" in tool else count
        rows.append(
            (
                tool,
                f"{walls[tool]:.2f}",
                f"{statistics.median(each.cpu_s for each in done):.2f}",
                f"{files_done / walls[tool]:,.0f}" if files_done > 1 else "–",
                f"{_matched(done[-1].output)}",
            )
        )
        result.rows.append(
            {"what": tool, "files": files_done, "wall_s": [x.wall_s for x in done], "cpu_s": [x.cpu_s for x in done]}
        )
    if theirs is None:
        rows.append(("threatexchange match", "not installed", "–", "–", "–"))
    result.tables.append(
        Table(
            "Scan of photographs",
            ("command", "seconds", "CPU seconds", "files/s", "matches printed"),
            tuple(rows),
            f"{count} files, a bank of {BANK_ENTRIES:,} signals of which {known} are of these files. Whole commands, "
            "from start to exit, medians of interleaved rounds. At `exact` Hedgerow looks each picture up as it is, "
            "which is what threatexchange does; at `standard`, the default, also turned, mirrored, cropped, without "
            "borders, writing or a screen around it. It decodes in processes that can be killed and keeps a journal. "
            "threatexchange's bank is a local_file collaboration, fetched and indexed beforehand; one "
            "`threatexchange match photo FILES` is given all files.",
        )
    )
    other = walls.get("threatexchange match")
    for level in LEVELS:
        two, one = walls.get(f"hedgerow scan, {level}, 2 cores"), walls[f"hedgerow scan, {level}, 1 core"]
        result.check(
            f"files/s at {level} on 2 cores ÷ threatexchange match",
            "at least",
            TARGET_PEER,
            other / two if other and two else None,
            unit="×",
            why="threatexchange is not installed" if not other else "this process may use one core only",
        )
        result.check(
            f"files/s at {level} on 2 cores ÷ 1 core",
            "at least",
            TARGET_CORES,
            one / two if two else None,
            unit="×",
            why="this process may use one core only",
        )
    free = gain_of_two_processes()
    result.notes.append(f"On this machine, at this time, two busy processes did {free:.2f}× the work of one.")
    result.rows.append({"what": "two busy processes ÷ one", "gain": free})
    rates = {tool: count / wall for tool, wall in walls.items() if "one file" not in tool}
    bars = [
        Bar(tool, rate, f"{rate:,.0f} files/s", "ours" if "hedgerow" in tool else "peer")
        for tool, rate in rates.items()
    ]
    result.charts["scanning.svg"] = bar_chart("Scan of photographs, files a second (longer is better)", [("", bars)])


def _matched(output: str) -> int:
    return sum(line.startswith(("match ", "pdq ")) for line in output.splitlines())


class _on_cores:  # noqa: N801  (used as a verb)
    """Keep this process, and what it starts, on so many cores."""

    def __init__(self, count: int) -> None:
        self._count = count
        self._before: set[int] = set()

    def __enter__(self) -> None:
        if hasattr(os, "sched_setaffinity"):
            self._before = os.sched_getaffinity(0)
            os.sched_setaffinity(0, set(sorted(self._before)[-self._count :]))

    def __exit__(self, *_: object) -> None:
        if self._before:
            os.sched_setaffinity(0, self._before)


def memory(result: Result, sizes: Sequence[int]) -> None:
    """Scan folders of different size and compare what parent and workers held at most."""
    if not Path("/proc/self/status").exists():
        result.check(
            "Peak memory, large folder ÷ small", "at most", TARGET_GROWTH, None, why="this system has no /proc"
        )
        return
    rows = []
    peaks: dict[int, Run] = {}
    with tempfile.TemporaryDirectory() as name:
        place = Path(name)
        pictures = []
        for seed in range(50):
            pictures.append(place / f"picture-{seed}.jpg")
            Image.fromarray(synthetic_photograph(160, 120, seed)).save(pictures[-1], quality=85)
        bank = place / "bank.txt"
        # So small that NumPy alone searches it: the kernels are loaded once, when they pay, and take 120 MiB, which
        # would look like growth if it happened in the longer scan only.
        make_bank(pictures[:20], bank, entries=20)
        ours = prepare_hedgerow(place / "data", bank)
        jobs = str(min(2, usable_cores()))
        for size in sizes:
            folder = place / f"files-{size}"
            for number in range(size):
                inside = folder / f"{number // _FILES_IN_A_FOLDER:04}"
                if number % _FILES_IN_A_FOLDER == 0:
                    inside.mkdir(parents=True)
                os.link(pictures[number % len(pictures)], inside / f"{number:06}.jpg")
            scan = [
                ours,
                "--data",
                str(place / "data"),
                "scan",
                "--fresh",
                "--no-progress",
                "--jobs",
                jobs,
                str(folder),
            ]
            peaks[size] = done = run(scan, watches=True)
            assert f"{size:,} files" in done.output, "the scan did not look at every file"
            rows.append(
                (
                    f"{size:,}",
                    f"{done.parent_bytes / MIB:.1f}",
                    f"{done.worker_bytes / MIB:.1f}",
                    f"{done.wall_s:.1f}",
                    f"{size / done.wall_s:,.0f}",
                )
            )
            result.rows.append(
                {"what": "memory", "files": size, "parent": done.parent_bytes, "worker": done.worker_bytes}
            )
    small, large = peaks[min(sizes)], peaks[max(sizes)]
    result.tables.append(
        Table(
            "Memory of a scan",
            ("files", "parent, MiB", "largest worker, MiB", "seconds", "files/s"),
            tuple(rows),
            "Largest resident set of each process. Small pictures of 160×120, the same few under many names.",
        )
    )
    name = f"Peak memory, {max(sizes):,} files ÷ {min(sizes):,}"
    result.check(f"{name}, parent", "at most", TARGET_GROWTH, large.parent_bytes / small.parent_bytes, unit="×")
    result.check(f"{name}, worker", "at most", TARGET_GROWTH, large.worker_bytes / small.worker_bytes, unit="×")


def main() -> None:
    """Run it."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", nargs="?", type=Path, help="pictures to scan (default: the reference photographs)")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--memory-files", default="1000,10000", help="sizes of the folders, comma-separated")
    parser.add_argument("--part", choices=["speed", "memory"], action="append")
    arguments = parser.parse_args()
    parts = arguments.part or ["speed", "memory"]
    result = Result(
        "scanning",
        "Scanning a folder",
        "The command line as people use it: start, walk, decode, hash, match, print, exit.",
    )
    folder: Path | None = arguments.folder
    source = sorted(path for path in folder.rglob("*") if path.is_file()) if folder else photographs()
    if "speed" in parts:
        if source:
            speed(result, source, arguments.rounds)
        else:
            result.notes.append("No photographs: name a folder, or set HEDGEROW_TEST_DATA.")
            why = "there are no photographs to scan"
            result.check("files/s on 2 cores ÷ threatexchange match", "at least", TARGET_PEER, None, why=why)
            result.check("files/s on 2 cores ÷ 1 core", "at least", TARGET_CORES, None, why=why)
    if "memory" in parts:
        memory(result, [int(each) for each in arguments.memory_files.split(",")])
    result.write()


if __name__ == "__main__":
    main()
