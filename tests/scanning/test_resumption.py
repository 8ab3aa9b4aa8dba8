"""Kill a scan at random moments: what comes out in the end is what an undisturbed scan gives."""

from __future__ import annotations

import random
import subprocess
import sys
import time
import zipfile
from typing import TYPE_CHECKING

import numpy as np
import pytest
from PIL import Image

if TYPE_CHECKING:
    from pathlib import Path

# One whole scan with the real pool and the real reports, against a matcher that finds something in every third picture.
_PROGRAM = """
import sys
from datetime import datetime, timezone
from pathlib import Path
from hedgerow.banks import Match
from hedgerow.hashing import HashOptions
from hedgerow.scanning import journal
from hedgerow.scanning import ReportHeader, Scan, ScanRequest, open_report, written_paths

journal._BATCH_ROWS = 24  # a small scan that commits as often as a large one

class Matcher:
    def search_many(self, media):
        return [
            [Match("known", each.bits[0], "pdq", 3, each.variant) for each in signals if each.bits[0] % 3 == 0][:1]
            for signals in media
        ]
    def fingerprint(self):
        return "one"
    def signal_types(self):
        return {"pdq"}
    def level(self):
        return "standard"

folder, data, out = sys.argv[1:]
request = ScanRequest((folder,), options=HashOptions(level="standard", archives=True))
passing_by = [path for end in ("jsonl", "csv") for path in written_paths(f"{out}.{end}")]
with (
    Scan(request, Matcher(), Path(data), jobs=2, passing_by=passing_by) as scan,
    open_report(f"{out}.jsonl") as lines,
    open_report(f"{out}.csv") as rows,
):
    print("begun", flush=True)
    for result in scan.results():
        lines.add(result)
        rows.add(result)
    header = ReportHeader((folder,), datetime.now(timezone.utc), "0", (), scan.statistics)
    lines.finish(header)
    rows.finish(header)
    scan.finish()
    print(scan.statistics.resumed, scan.statistics.files)
"""


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Give 120 pictures in folders, two archives with 40 each, and some files that cannot be checked."""
    root = tmp_path_factory.mktemp("pictures")
    generator = np.random.default_rng(0)
    for number in range(120):
        path = root / f"{number % 7}" / f"{number}.png"
        path.parent.mkdir(exist_ok=True)
        coarse = Image.fromarray(generator.integers(0, 256, (8, 8), np.uint8))
        coarse.resize((160, 160), Image.Resampling.BICUBIC).save(path)
    for name in ("3/box.zip", "z.zip"):
        with zipfile.ZipFile(root / name, "w") as archive:
            for number in range(40):
                archive.write(root / f"{number % 7}" / f"{number}.png", f"in/{number}.png")
    (root / "5" / "notes.txt").write_text("nothing to see")
    (root / "empty.jpg").touch()
    return root


def _begin(folder: Path, data: Path, out: Path) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-c", _PROGRAM, str(folder), str(data), str(out)], stdout=subprocess.PIPE, text=True
    )


def _run(folder: Path, data: Path, out: Path) -> tuple[int, int]:
    """Scan to the end; return how many files came from the journal, and how many there are."""
    with _begin(folder, data, out) as process:
        said, _ = process.communicate(timeout=120)
    assert process.returncode == 0
    resumed, files = said.split()[-2:]
    return int(resumed), int(files)


@pytest.fixture(scope="module")
def undisturbed(folder: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[bytes, bytes]:
    out = tmp_path_factory.mktemp("undisturbed")
    assert _run(folder, out / "data", out / "r") == (0, 124)
    lines = (out / "r.jsonl").read_bytes()
    assert lines.count(b"\n") == 120 + 2 * 41 + 2
    assert b'"bank": "known"' in lines
    return lines, (out / "r.csv").read_bytes()


def _kill_and_resume(
    folder: Path, undisturbed: tuple[bytes, bytes], place: Path, moments_s: list[float]
) -> tuple[int, int]:
    for moment_s in moments_s:
        with _begin(folder, place / "data", place / "r") as process:
            assert process.stdout is not None
            assert process.stdout.readline() == "begun\n"
            try:
                process.wait(moment_s)
            except subprocess.TimeoutExpired:
                process.kill()
        if process.returncode == 0:
            break  # it was faster than the kill
        if (place / "r.jsonl").exists():  # the kill came between the report and the end
            assert (place / "r.jsonl").read_bytes() == undisturbed[0]
    resumed = _run(folder, place / "data", place / "r")
    assert (place / "r.jsonl").read_bytes() == undisturbed[0]
    assert (place / "r.csv").read_bytes() == undisturbed[1]
    assert sorted(each.name for each in place.iterdir()) == ["data", "r.csv", "r.jsonl"]
    assert list((place / "data" / "scans").iterdir()) == []
    return resumed


@pytest.mark.parametrize("seed", range(2))
def test_a_scan_killed_twice_gives_the_report_of_an_undisturbed_one(
    folder: Path, undisturbed: tuple[bytes, bytes], tmp_path: Path, seed: int
) -> None:
    chance = random.Random(seed)  # noqa: S311  (moments, not secrets)
    _kill_and_resume(folder, undisturbed, tmp_path, [chance.uniform(0.3, 1.0), chance.uniform(0.3, 0.8)])


def test_a_killed_scan_goes_on_where_it_was(folder: Path, undisturbed: tuple[bytes, bytes], tmp_path: Path) -> None:
    for _ in range(20):
        with _begin(folder, tmp_path / "data", tmp_path / "r") as process:
            while process.poll() is None:
                # The log grows by a batch of answers at its first commit: kill right there
                logs = list((tmp_path / "data").glob("scans/*.sqlite-wal"))
                if logs and logs[0].stat().st_size > 30_000:
                    process.kill()
                    break
                time.sleep(0.002)
        if process.wait() != 0:
            resumed, files = _run(folder, tmp_path / "data", tmp_path / "r")
            assert files == 124
            assert 0 < resumed < 124
            assert (tmp_path / "r.jsonl").read_bytes() == undisturbed[0]
            return
    pytest.fail("the scan was always faster than the kill")


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(50))
def test_a_scan_killed_at_any_of_fifty_moments_gives_the_report_of_an_undisturbed_one(
    folder: Path, undisturbed: tuple[bytes, bytes], tmp_path: Path, seed: int
) -> None:
    chance = random.Random(1000 + seed)  # noqa: S311  (moments, not secrets)
    _kill_and_resume(folder, undisturbed, tmp_path, [chance.uniform(0.0, 1.2)])
