"""What all benchmarks share: timing in interleaved rounds, the machine, the peers, and where results go.

Import this before NumPy: it sets every numeric library to one thread.
"""

from __future__ import annotations

import json
import os
import platform
import shutil
import statistics
import subprocess
import sys
import sysconfig
import time
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from functools import partial
from importlib import import_module, metadata
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    import numpy as np
    from numpy.typing import NDArray

for _name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "NUMEXPR_NUM_THREADS"):
    os.environ.setdefault(_name, "1")

__all__ = [
    "RESULTS",
    "ROOT",
    "Check",
    "Result",
    "Table",
    "command",
    "format_ms",
    "gain_of_two_processes",
    "in_rounds",
    "machine",
    "on_one_core",
    "peer",
    "photographs",
    "share",
    "shared_data",
    "synthetic_photograph",
    "times_ms",
    "usable_cores",
    "versions_of",
]

ROOT = Path(__file__).resolve().parents[1]
RESULTS = ROOT / "benchmarks" / "results"

_OURS = ("hedgerow", "numpy", "pillow", "pillow-heif", "numba", "sqlalchemy")
_PEERS = ("threatexchange", "pdqhash", "perception", "imagehash", "faiss-cpu", "simplejpeg")
_CODECS = ("libjpeg_turbo", "zlib_ng", "webp", "avif")
_LEAST_ROUNDS = 3


@dataclass(frozen=True)
class Table:
    """A table as it is printed: texts only; the figures behind it stand in `Result.rows`."""

    title: str
    columns: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    note: str = ""

    def markdown(self) -> str:
        """Write it as Markdown: first column to the left, the others to the right."""
        rule = ["---", *["---:"] * (len(self.columns) - 1)]
        lines = [self.columns, rule, *self.rows]
        body = "\n".join("| " + " | ".join(each.replace("|", "\\|") for each in line) + " |" for line in lines)
        return f"### {self.title}\n\n{body}\n" + (f"\n{self.note}\n" if self.note else "")


@dataclass(frozen=True)
class Check:
    """A target and what came of it; ``value`` is None where it could not be measured, and ``why`` says why."""

    name: str
    sense: Literal["at least", "at most"]
    limit: float
    value: float | None
    unit: str = ""
    why: str = ""

    @property
    def verdict(self) -> str:
        """Return ``pass``, ``MISS`` or ``not measured``."""
        if self.value is None:
            return "not measured"
        is_met = self.value >= self.limit if self.sense == "at least" else self.value <= self.limit
        return "pass" if is_met else "MISS"


@dataclass
class Result:
    """What one benchmark found; `write` keeps it for `run.py`."""

    name: str
    title: str
    introduction: str
    rows: list[dict[str, Any]] = field(default_factory=list)
    tables: list[Table] = field(default_factory=list)
    checks: list[Check] = field(default_factory=list)
    charts: dict[str, str] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)

    def check(
        self,
        name: str,
        sense: Literal["at least", "at most"],
        limit: float,
        value: float | None,
        *,
        unit: str = "",
        why: str = "",
    ) -> None:
        """Hold a figure against its target."""
        self.checks.append(Check(name, sense, limit, value, unit, why))

    def write(self, path: Path | None = None) -> None:
        """Print the tables and write ``results/NAME.json``, or another file."""
        content = asdict(self) | {
            "machine": machine(),
            "versions": versions_of(),
            "date": datetime.now(UTC).date().isoformat(),
            "checks": [asdict(each) | {"verdict": each.verdict} for each in self.checks],
        }
        path = path or RESULTS / f"{self.name}.json"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(json.dumps(content, indent=1, ensure_ascii=False) + "\n", "utf-8")
        print(f"\n## {self.title}\n")
        for table in self.tables:
            print(table.markdown())
        for note in self.notes:
            print(f"- {note}")
        print()
        for check in self.checks:
            shown = check.why if check.value is None else f"{check.value:.4g}{check.unit}"
            print(f"{check.verdict:>12}  {check.name}: {shown} (target: {check.sense} {check.limit:g}{check.unit})")


def machine() -> dict[str, str]:
    """Say what this ran on, without naming the machine."""
    model = next(
        (line.partition(":")[2].strip() for line in _lines("/proc/cpuinfo") if line.startswith("model name")),
        platform.processor() or platform.machine(),
    )
    pages = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    named = next(
        (line.partition("=")[2].strip('"') for line in _lines("/etc/os-release") if line.startswith("PRETTY_NAME=")),
        platform.system(),
    )
    return {
        "processor": model,
        "cores": f"{os.cpu_count()} ({usable_cores()} usable)",
        "memory": f"{pages / 2**30:.0f} GiB",
        "system": f"{named}, {platform.system()} {platform.release().split('-')[0]}",
    }


def _lines(path: str) -> list[str]:
    try:
        return Path(path).read_text("utf-8").splitlines()
    except OSError:
        return []


def versions_of() -> dict[str, str]:
    """Name the versions of everything measured; a peer that is missing is named as missing."""
    found = {"python": platform.python_version()}
    for name in (*_OURS, *_PEERS):
        try:
            found[name] = metadata.version(name)
        except metadata.PackageNotFoundError:
            found[name] = "not installed"
    features = peer("PIL.features")
    for codec in _CODECS:
        version = features.version(codec) if features and codec in features.features | features.modules else None
        if version:
            found[codec.replace("_", "-") + " (in Pillow)"] = version
    return found


def peer(module: str) -> Any:  # noqa: ANN401  (a module, whose names its user knows)
    """Import a module, or return None where it is not installed; whoever asks reports that."""
    try:
        return import_module(module)
    except ModuleNotFoundError:
        return None


def usable_cores() -> int:
    """Count the cores that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


@contextmanager
def on_one_core() -> Iterator[None]:
    """Keep this process, and what it starts, on one core."""
    if not hasattr(os, "sched_setaffinity"):
        yield
        return
    before = os.sched_getaffinity(0)
    os.sched_setaffinity(0, {max(before)})
    try:
        yield
    finally:
        os.sched_setaffinity(0, before)


_SPIN = """
import time
until, turns = time.perf_counter() + 0.5, 0
while time.perf_counter() < until:
    turns += 1
print(turns)
"""


def gain_of_two_processes() -> float:
    """Return how much more two busy processes do than one: 2.0 where two cores are really free.

    Printed beside figures for two cores, because a busy or throttled machine has no more to give to anybody.
    """

    def turns(count: int) -> int:
        command_line = [sys.executable, "-c", _SPIN]
        started = [subprocess.Popen(command_line, stdout=subprocess.PIPE, text=True) for _ in range(count)]
        return sum(int(process.communicate()[0]) for process in started)

    return statistics.median(turns(2) / max(1, turns(1)) for _ in range(3))


def times_ms(
    functions: Mapping[str, Callable[[], object]], rounds: int, *, budget_s: float = 3.0, is_wall: bool = False
) -> dict[str, list[float]]:
    """Time functions in interleaved rounds, each called once before, unmeasured.

    Args:
        functions: What to time, by name.
        rounds: How many rounds at most.
        budget_s: See `in_rounds`.
        is_wall: Whether to take the clock on the wall; otherwise CPU time of this process, which on a quiet machine
            is the same for one thread, and on a busy one is steadier.

    Returns:
        All times of each function, in milliseconds.
    """
    clock = time.perf_counter if is_wall else time.process_time

    def timed(function: Callable[[], object]) -> float:
        before = clock()
        function()
        return 1e3 * (clock() - before)

    measures = {name: partial(timed, function) for name, function in functions.items()}
    return in_rounds(measures, rounds, budget_s=budget_s)


def in_rounds(
    measures: Mapping[str, Callable[[], float]], rounds: int, *, budget_s: float = 3.0
) -> dict[str, list[float]]:
    """Take every measure in turn, round after round, so that a disturbance hits all of them alike.

    Args:
        measures: By name, what measures once and returns milliseconds. The first of each is thrown away.
        rounds: How many rounds at most.
        budget_s: What has used so much time is left out of further rounds, after three.
    """
    found: dict[str, list[float]] = {name: [] for name in measures}
    for measure in measures.values():
        measure()
    for turn in range(rounds):
        for name, measure in measures.items():
            if turn < _LEAST_ROUNDS or sum(found[name]) <= 1e3 * budget_s:
                found[name].append(measure())
    return found


def format_ms(value: float | None) -> str:
    """Write milliseconds with three figures; a dash where there is none."""
    if value is None:
        return "–"
    return f"{value:,.0f}" if value >= 100 else f"{value:.3g}"


def command(name: str) -> str | None:
    """Return the path of a command installed beside this Python, or None."""
    return shutil.which(name, path=sysconfig.get_path("scripts")) or shutil.which(
        name, path=Path(sys.executable).parent
    )


def shared_data() -> Path | None:
    """Return the folder of reference media: HEDGEROW_TEST_DATA, or shared/data beside the checkout; None without."""
    stated = os.environ.get("HEDGEROW_TEST_DATA")
    folder = Path(stated) if stated else ROOT.parent / "shared" / "data"
    return folder if (folder / "MANIFEST.csv").is_file() else None


def photographs() -> list[Path]:
    """List the reference photographs by name; empty without the reference media."""
    data = shared_data()
    return sorted((data / "photos").iterdir()) if data else []


def synthetic_photograph(width: int, height: int, seed: int = 1) -> NDArray[np.uint8]:
    """Make a picture that takes an entropy coder about as long as a photograph does: soft blobs, and fine grain.

    Returns:
        uint8 (height, width, 3).
    """
    import numpy as np  # noqa: PLC0415  (after the threads are set, and not for run.py)

    from hedgerow.hashing.selftest import synthetic_picture  # noqa: PLC0415  (as above)

    random = np.random.default_rng(seed)
    # Grain of 4 grey levels, less in the dark: 1.9 MB at 12 megapixels and quality 88 (camera photographs: 1.2-3.0 MB).
    soft = synthetic_picture(width, height, seed).astype(np.float32)
    noise = random.normal(0, 4, (height, width, 1)).astype(np.float32)
    grain = (noise + np.roll(noise, 1, 0) + np.roll(noise, 1, 1)) / 2
    found: NDArray[np.uint8] = np.clip(soft + grain * np.sqrt(soft / 128), 0, 255).astype(np.uint8)
    return found


def share(values: Sequence[float], fraction: float) -> float:
    """Return the value that so large a share of the values does not exceed (nearest rank)."""
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, max(0, -(-int(fraction * 1e6 * len(ordered)) // 1_000_000) - 1))]
