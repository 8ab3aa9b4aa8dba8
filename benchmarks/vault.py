"""Evidence into the vault and out again, beside age on the same file and the digests that must be taken anyway."""

from __future__ import annotations

import common  # noqa: F401  (first: it sets one thread)

# isort: split
import argparse
import hashlib
import os
import secrets
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING

from common import Result, Table, in_rounds, peer
from hedgerow.evidence.keeping import keep, open_kept
from hedgerow.evidence.vaults import LocalVault
from hedgerow.evidence.wrapping import ReviewKeys

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from hedgerow.evidence.keeping import Kept

MEBI = 1024**2
LIMIT_BYTES = 150 * MEBI
FLOOR = "SHA-256 and MD5, nothing stored"
KEYS = ReviewKeys((b"\x01" * 32,))

_MEMORY = """
import sys
from pathlib import Path
{preparation}
def peak():
    lines = Path("/proc/self/status").read_text().splitlines()
    return int(next(line for line in lines if line.startswith("VmHWM")).split()[1]) * 1024
before = peak()
{work}
print(before, peak())
"""
_OURS = """
from hedgerow.evidence.keeping import keep, open_kept
from hedgerow.evidence.vaults import LocalVault
from hedgerow.evidence.wrapping import ReviewKeys
import cryptography.hazmat.primitives.kdf.hkdf
keys, vault = ReviewKeys((bytes(32),)), LocalVault(Path(sys.argv[2]) / "memory")
"""
_AGE = """
import pyrage
identity = pyrage.x25519.Identity.generate()
made = sys.argv[2] + "/memory.age"
"""
_WORK = {
    "the vault, in and out": (
        _OURS,
        """
with open(sys.argv[1], "rb") as source:
    kept = keep(vault, keys, source)
for _ in open_kept(vault, keys, kept.object, kept.wrapped):
    pass
""",
    ),
    "age, in and out": (
        _AGE,
        """
pyrage.encrypt_file(sys.argv[1], made, [identity.to_public()])
pyrage.decrypt_file(made, sys.argv[2] + "/memory.plain", [identity])
""",
    ),
}


def chunks_of(path: Path) -> Iterator[bytes]:
    """Read a file in pieces."""
    with path.open("rb") as file:
        while chunk := file.read(MEBI):
            yield chunk


def digests(path: Path) -> None:
    """Take the two digests that a report needs, and do nothing else."""
    taken = [hashlib.sha256(), hashlib.md5(usedforsecurity=False)]
    for chunk in chunks_of(path):
        for each in taken:
            each.update(chunk)


def copied(path: Path, target: Path) -> None:
    """Copy a file and bring the copy to the disk, unencrypted."""
    with target.open("wb") as file:
        for chunk in chunks_of(path):
            file.write(chunk)
        file.flush()
        os.fsync(file.fileno())


def measures(path: Path, folder: Path) -> dict[str, Callable[[], None]]:
    """Name what is timed; what goes out was put in by the measure before."""
    vault, opened = LocalVault(folder / "vault"), folder / "opened"

    def put() -> None:
        with path.open("rb") as source:
            kept.append(keep(vault, KEYS, source))

    def take() -> None:
        one = kept.pop()
        with opened.open("wb") as target:
            for chunk in open_kept(vault, KEYS, one.object, one.wrapped):
                target.write(chunk)
        vault.delete(one.object)

    kept: list[Kept] = []
    found = {
        FLOOR: lambda: digests(path),
        "a copy, brought to the disk": lambda: copied(path, folder / "copy"),
        "into the vault": put,
        "out of the vault": take,
    }
    pyrage = peer("pyrage")
    if pyrage is not None:
        identity = pyrage.x25519.Identity.generate()
        made, plain = str(folder / "made.age"), str(folder / "plain")
        found["age: encrypt"] = lambda: pyrage.encrypt_file(str(path), made, [identity.to_public()])
        found["age: decrypt"] = lambda: pyrage.decrypt_file(made, plain, [identity])
    return found


def timed(function: Callable[[], None]) -> Callable[[], float]:
    """Measure by the clock on the wall: a part of this is done in a second thread, and a part by the disk."""

    def measure() -> float:
        before = time.perf_counter()
        function()
        return 1e3 * (time.perf_counter() - before)

    return measure


def memory_of(name: str, path: Path, folder: Path) -> tuple[int, int]:
    """Run one job in a process of its own; return its peak before and after."""
    preparation, work = _WORK[name]
    script = _MEMORY.format(preparation=preparation, work=work)
    done = subprocess.run(
        [sys.executable, "-c", script, str(path), str(folder)], capture_output=True, text=True, check=True
    )
    before, after = map(int, done.stdout.split())
    return before, after


def main() -> None:
    """Measure and write the result."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--megabytes", type=int, default=64)
    parser.add_argument("--rounds", type=int, default=9)
    parser.add_argument("--folder", type=Path, help="where to measure; a temporary folder without it")
    given = parser.parse_args()
    result = Result(
        "vault",
        "The vault",
        f"One file of {given.megabytes} MiB into the vault and out again. In: MD5, SHA-1 and SHA-256 of the content, "
        "encryption, SHA-256 of what is stored, written and brought to the disk. Out: read, verified, decrypted, "
        "written. Medians of interleaved rounds, by the clock on the wall.",
    )
    with tempfile.TemporaryDirectory(dir=given.folder) as name:
        folder = Path(name)
        path = folder / "content"
        with path.open("wb") as file:
            for _ in range(given.megabytes):
                file.write(secrets.token_bytes(MEBI))
        found = in_rounds({key: timed(each) for key, each in measures(path, folder).items()}, given.rounds, budget_s=60)
        _tables(result, found, given.megabytes)
        if Path("/proc/self/status").exists():
            _memory(result, path, folder)
        shutil.rmtree(folder / "vault")
    result.write()


def _tables(result: Result, found: dict[str, list[float]], megabytes: int) -> None:
    medians = {name: statistics.median(times) for name, times in found.items()}
    rows = []
    for name, median in medians.items():
        speed = megabytes * MEBI / 1e6 / (median / 1e3)
        result.rows.append(
            {"what": name, "median_ms": median, "mb_per_s": speed, "floor_ratio": median / medians[FLOOR],
             "rounds": len(found[name])}
        )  # fmt: skip
        rows.append((name, f"{median:,.0f}", f"{speed:,.0f}", f"{median / medians[FLOOR]:.2f}"))
    result.tables.append(
        Table(
            "Time",
            ("", "ms", "MB/s", "× the floor"),
            tuple(rows),
            "age takes no digests, and does not wait for the disk. Digests are most of what keeping takes: MD5 is what "
            "the authority compares, and no machine has an instruction for it.",
        )
    )


def _memory(result: Result, path: Path, folder: Path) -> None:
    rows = []
    for name in _WORK:
        if name.startswith("age") and peer("pyrage") is None:
            continue
        before, after = memory_of(name, path, folder)
        result.rows.append({"what": f"memory: {name}", "before_bytes": before, "peak_bytes": after})
        rows.append((name, f"{before / MEBI:.0f}", f"{after / MEBI:.0f}", f"{(after - before) / MEBI:.0f}"))
        if name.startswith("the vault"):
            result.check("peak memory of the process", "at most", LIMIT_BYTES / MEBI, after / MEBI, unit=" MiB")
    result.tables.append(
        Table("Memory of a process that does nothing else, in MiB", ("", "before", "peak", "more"), tuple(rows))
    )


if __name__ == "__main__":
    main()
