"""How long it takes from a file to its PDQ, beside the peers and beside what the decoder alone takes."""

from __future__ import annotations

import common  # first: it sets one thread

# isort: split
import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

from PIL import Image

import hedgerow
from charts import Bar, bar_chart
from common import Result, Table, format_ms, in_rounds, on_one_core, peer, shared_data, synthetic_photograph
from hedgerow.media.lowpass import prepare

if TYPE_CHECKING:
    from collections.abc import Callable

SIZES = ((640, 480), (1632, 1224), (4032, 3024))
TARGETS = {(640, 480): 4, (1632, 1224): 12, (4032, 3024): 25}
OURS, EXACT, PYTX = "hedgerow", "hedgerow, exact", "threatexchange PdqSignal"
FLOOR, FLOOR_PILLOW = "libjpeg-turbo, 1/8, grey", "Pillow draft, 1/8, grey"
FLOORS = (FLOOR, FLOOR_PILLOW)
QUALITY = 88  # between phones (90-95) and what platforms re-encode to (70-85)
MIB = 2**20
LARGE_PIXELS = 12_000_000


def jpeg_tools() -> dict[str, Callable[[str], object] | None]:
    """Return what is measured on a JPEG, by name; None for what is not installed."""
    pytx = peer("threatexchange.signal_type.pdq.signal")
    pdqhash = peer("pdqhash")
    perception = peer("perception.hashers.image.pdq") if pdqhash else None
    imagehash = peer("imagehash")
    simplejpeg = peer("simplejpeg")
    cv2 = peer("cv2")
    if cv2:
        cv2.setNumThreads(0)

    def pdqhash_of(path: str) -> object:
        import numpy as np  # noqa: PLC0415  (after the threads are set)

        return pdqhash.compute(np.asarray(Image.open(path).convert("RGB")))

    def floor(path: str) -> object:
        data = Path(path).read_bytes()
        height, width = simplejpeg.decode_jpeg_header(data)[:2]
        return simplejpeg.decode_jpeg(data, colorspace="GRAY", min_height=-(-height // 8), min_width=-(-width // 8))

    def draft(path: str) -> object:
        with Image.open(path) as image:
            image.draft("L", (image.width // 8, image.height // 8))
            return image.load()

    perception_hasher = perception.PDQHash() if perception else None
    return {
        OURS: hedgerow.hash_file,
        EXACT: lambda path: hedgerow.hash_file(path, exact=True),
        PYTX: (lambda path: pytx.PdqSignal.hash_from_file(Path(path))) if pytx else None,
        "pdqhash + Pillow": pdqhash_of if pdqhash else None,
        "perception PDQHash": perception_hasher.compute if perception_hasher else None,
        "imagehash.phash": (lambda path: imagehash.phash(Image.open(path))) if imagehash else None,
        FLOOR: floor if simplejpeg else None,
        FLOOR_PILLOW: draft,
    }


def originals(most: int) -> tuple[list[Image.Image], str]:
    """Give large photographs to make the sizes from, and say which they are."""
    data = shared_data()
    if data is None:
        return [
            Image.fromarray(synthetic_photograph(4032, 3024))
        ], "1 synthetic picture with grain (no reference media were there)"
    folder = data / "reference/threatexchange/pdq/data/reg-test-input/exif-rotn"
    found = sorted(folder.glob("*.jpg"))
    for path in common.photographs():
        if path.suffix == ".jpg":
            with Image.open(path) as image:
                if image.width * image.height >= LARGE_PIXELS:
                    found.append(path)
    # From both ends of the list, so that a few are already of both sources.
    found = [found[place // 2 if place % 2 == 0 else -1 - place // 2] for place in range(min(most, len(found)))]
    pictures = [Image.open(path).convert("RGB") for path in found]
    return pictures, f"{len(pictures)} photographs of 12 to 24 megapixels, resampled"


def made_of(picture: Image.Image, width: int, height: int) -> Image.Image:
    """Crop a picture to the shape wanted and resample it."""
    if picture.width < picture.height:
        picture = picture.transpose(Image.Transpose.ROTATE_90)
    tall = min(picture.height, picture.width * height // width)
    wide = tall * width // height
    left, top = (picture.width - wide) // 2, (picture.height - tall) // 2
    box = (left, top, left + wide, top + tall)
    return picture.resize((width, height), Image.Resampling.LANCZOS, box)


class Tools:
    """Every tool in a process of its own, as its users run it: none inherits another's heap, caches or settings.

    The processes share one core and work one at a time. Use it as a context manager.

    Attributes:
        missing: What is not installed.
    """

    def __init__(self, only: tuple[str, ...] = ()) -> None:
        self.names = list(jpeg_tools())
        self.missing: list[str] = []
        self._processes: dict[str, subprocess.Popen[str]] = {}
        for name in only or self.names:
            process = subprocess.Popen(
                [sys.executable, __file__, "--serve", name],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                text=True,
            )
            assert process.stdout
            if process.stdout.readline().strip() == "ready":
                self._processes[name] = process
            else:
                self.missing.append(name)
                process.wait()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        for process in self._processes.values():
            process.communicate()

    def medians(self, path: Path, rounds: int) -> dict[str, float]:
        """Return the median CPU milliseconds of every tool on a file."""
        times = in_rounds({name: partial(self._once, name, path) for name in self._processes}, rounds, budget_s=2.0)
        return {name: statistics.median(each) for name, each in times.items()}

    def _once(self, name: str, path: Path) -> float:
        process = self._processes[name]
        assert process.stdin
        assert process.stdout
        process.stdin.write(f"{path}\n")
        process.stdin.flush()
        return float(process.stdout.readline())


def serve(name: str) -> None:
    """Be one of `Tools`: read paths, write CPU milliseconds."""
    answers = os.dup(sys.stdout.fileno())  # what a tool prints must not come between
    os.dup2(sys.stderr.fileno(), sys.stdout.fileno())
    with os.fdopen(answers, "w", buffering=1) as out:
        tool = jpeg_tools()[name]
        if name in {OURS, EXACT}:
            prepare()  # as a process of ours is after its first 48 MB of large JPEGs, and on a long scan at once
        out.write("missing\n" if tool is None else "ready\n")
        if tool is None:
            return
        for line in sys.stdin:
            path = line.rstrip("\n")
            before = time.process_time()
            tool(path)
            out.write(f"{1e3 * (time.process_time() - before)}\n")


def jpegs(result: Result, tools: Tools, folder: Path, asked: argparse.Namespace) -> None:
    """Time every tool on every size."""
    rounds: int = asked.rounds
    pictures, described = originals(asked.pictures)
    medians: dict[tuple[int, int], dict[str, float]] = {}
    ratios: dict[tuple[int, int], dict[str, float]] = {}
    kilobytes: dict[tuple[int, int], float] = {}
    for size in SIZES:
        each: list[dict[str, float]] = []
        sizes = []
        for place, picture in enumerate(pictures):
            path = folder / f"{size[0]}-{place}.jpg"
            made_of(picture, *size).save(path, quality=asked.quality)
            sizes.append(path.stat().st_size)
            times = tools.medians(path, rounds if size[0] < 4000 else max(3, rounds // 2))
            each.append(times)
            result.rows.append({"what": "jpeg", "size": size, "picture": place, "bytes": sizes[-1], "cpu_ms": times})
        names = each[0]
        medians[size] = {name: statistics.median(times[name] for times in each) for name in names}
        ratios[size] = {name: statistics.median(times[name] / times[OURS] for times in each) for name in names}
        kilobytes[size] = statistics.median(sizes) / 1000
        print(f"  {size[0]}×{size[1]} done", file=sys.stderr)
    rows = []
    for name in tools.names:
        cells = [name]
        for size in SIZES:
            if name in tools.missing:
                cells += ["not installed", "–"]
            else:
                cells += [format_ms(medians[size][name]), f"{ratios[size][name]:.2f}×"]
        rows.append(tuple(cells))
    columns = ["CPU ms per file"]
    for size in SIZES:
        columns += [f"{size[0]}×{size[1]} ({kilobytes[size]:,.0f} kB)", "÷ ours"]
    note = (
        f"{described}, saved as JPEG of quality {asked.quality}, 4:2:0. Medians over pictures of medians over "
        "interleaved rounds; one thread; "
        "every tool in a process of its own."
    )
    result.tables.append(Table("JPEG file → PDQ", tuple(columns), tuple(rows), note))
    for size, limit in TARGETS.items():
        value = ratios[size].get(PYTX)
        name = f"threatexchange ÷ hedgerow, {size[0]}×{size[1]}"
        result.check(name, "at least", limit, value, unit="×", why="threatexchange is not installed")
    large = ratios[SIZES[-1]]
    to_floor = 1 / large[FLOOR] if FLOOR in large else None
    result.check(
        "hedgerow ÷ entropy-decode floor, 4032×3024",
        "at most",
        1.3,
        to_floor,
        unit="×",
        why="simplejpeg is not installed",
    )
    result.charts["hashing-jpeg.svg"] = bar_chart(
        "JPEG file → PDQ, CPU milliseconds (shorter is better, logarithmic)",
        [
            (
                f"{size[0]}×{size[1]}",
                [
                    Bar(name, medians[size].get(name), format_ms(medians[size].get(name)), _kind(name))
                    for name in tools.names
                    if name not in tools.missing
                ],
            )
            for size in SIZES
        ],
        is_log=True,
    )


def _kind(name: str) -> str:
    if name in FLOORS:
        return "floor"
    return "ours" if name in (OURS, EXACT) else "peer"


def _call(tool: Callable[[str], object], path: Path) -> Callable[[], object]:
    place = str(path)
    return lambda: tool(place)


def by_bytes(result: Result, tools: Tools, folder: Path, rounds: int) -> None:
    """Show what bounds the ratio at 12 megapixels: how many bytes the entropy decoder must read."""
    missing = [name for name in (PYTX, FLOOR) if name in tools.missing]
    if missing:
        result.notes.append(f"The table by file size is left out: not installed: {', '.join(missing)}.")
        return
    picture = originals(1)[0][0]
    if picture.size != (4032, 3024):
        picture = made_of(picture, 4032, 3024)
    rows = []
    for quality, is_progressive in ((70, False), (80, False), (QUALITY, False), (95, False), (QUALITY, True)):
        path = folder / f"quality-{quality}-{is_progressive}.jpg"
        picture.save(path, quality=quality, progressive=is_progressive)
        times = tools.medians(path, max(3, rounds // 2))
        size = path.stat().st_size
        result.rows.append(
            {"what": "quality", "quality": quality, "progressive": is_progressive, "bytes": size} | times
        )
        rows.append(
            (
                f"quality {quality}" + (", progressive" if is_progressive else ""),
                f"{size / 1000:,.0f} kB",
                format_ms(times[OURS]),
                format_ms(times[FLOOR]),
                format_ms(times[PYTX]),
                f"{times[PYTX] / times[OURS]:.1f}×",
                f"{times[PYTX] / times[FLOOR]:.1f}×",
            )
        )
    columns = (
        "4032×3024",
        "file",
        "hedgerow ms",
        "floor ms",
        "threatexchange ms",
        "threatexchange ÷ hedgerow",
        "÷ floor",
    )
    result.tables.append(
        Table(
            "What bounds the ratio at 12 megapixels",
            columns,
            tuple(rows),
            "One camera photograph, written anew at several qualities. The last column is the most that any hasher "
            "which lets libjpeg-turbo read the whole file can reach.",
        )
    )


def rasters(result: Result, folder: Path, rounds: int) -> None:
    """Time PNG, WebP, HEIC and AVIF against Pillow's decoding alone."""
    heif = peer("pillow_heif")
    heif.register_heif_opener()
    picture = originals(1)[0][0]
    rows = []
    bars = []
    for size in SIZES[1:]:
        made = made_of(picture, *size)
        group = []
        forms: tuple[tuple[str, dict[str, Any]], ...] = (
            ("png", {"compress_level": 6}),
            ("webp", {"quality": 80, "method": 2}),
            ("heic", {"quality": 60}),
            ("avif", {"quality": 60, "speed": 9}),
        )
        for form, options in forms:
            path = folder / f"{size[0]}.{form}"
            try:
                made.save(path, **options)
            except (KeyError, OSError, ValueError) as error:
                rows.append((f"{form}, {size[0]}×{size[1]}", "–", "–", f"cannot be written: {type(error).__name__}"))
                continue
            calls = {"ours": _call(hedgerow.hash_file, path), "decode": _call(_load, path)}
            # The ratio of neighbours in time, so that a disturbance of seconds cancels out.
            times = common.times_ms(calls, max(5, rounds) if size[0] < 4000 else 5, budget_s=6.0)
            medians = {name: statistics.median(each) for name, each in times.items()}
            ratio = statistics.median(
                ours / decode for ours, decode in zip(times["ours"], times["decode"], strict=False)
            )
            result.rows.append({"what": form, "size": size, "bytes": path.stat().st_size, "ratio": ratio} | medians)
            rows.append(
                (
                    f"{form}, {size[0]}×{size[1]}",
                    format_ms(medians["ours"]),
                    format_ms(medians["decode"]),
                    f"{ratio:.2f}×",
                )
            )
            group += [
                Bar(f"{form}: hedgerow", medians["ours"], format_ms(medians["ours"]), "ours"),
                Bar(f"{form}: Pillow decodes", medians["decode"], format_ms(medians["decode"]), "floor"),
            ]
            result.check(f"{form} {size[0]}×{size[1]}: hash_file ÷ Pillow's decode", "at most", 1.15, ratio, unit="×")
        bars.append((f"{size[0]}×{size[1]}", group))
    result.tables.append(
        Table(
            "PNG, WebP, HEIC, AVIF → PDQ",
            ("file", "hedgerow, CPU ms", "Pillow's open and load", "ratio"),
            tuple(rows),
            "Median of the ratios of neighbouring calls. Pillow reads HEIC through pillow-heif.",
        )
    )
    result.charts["hashing-formats.svg"] = bar_chart("File → PDQ and decoding alone, CPU milliseconds", bars)


def _load(path: str) -> object:
    with Image.open(path) as image:
        return image.load()


_PROBE = """
import json, pathlib, sys
tool, warm, path = sys.argv[1:]
def used(name):
    for line in open("/proc/self/status"):
        if line.startswith(name):
            return int(line.split()[1]) * 1024
if tool == "hedgerow":
    import hedgerow
    work = hedgerow.hash_file
elif tool == "threatexchange":
    from threatexchange.signal_type.pdq.signal import PdqSignal
    work = lambda path: PdqSignal.hash_from_file(pathlib.Path(path))
elif tool == "pdqhash":
    import numpy, pdqhash
    from PIL import Image
    work = lambda path: pdqhash.compute(numpy.asarray(Image.open(path).convert("RGB")))
else:
    from PIL import Image
    work = lambda path: Image.open(path).load()
work(warm)
before = used("VmRSS")
try:
    open("/proc/self/clear_refs", "w").write("5")
except OSError:
    pass
work(path)
print(json.dumps({"before": before, "peak": used("VmHWM")}))
"""


def memory(result: Result, folder: Path) -> None:
    """Measure what one 12-megapixel JPEG takes beyond what the process holds after a small one."""
    picture = originals(1)[0][0]
    large, small = folder / "large.jpg", folder / "small.jpg"
    made_of(picture, 4032, 3024).save(large, quality=QUALITY)
    made_of(picture, 320, 240).save(small, quality=QUALITY)
    rows = []
    bars = []
    if not Path("/proc/self/status").exists():
        result.notes.append("Memory is not measured: this system has no /proc.")
        return
    modules = {
        "hedgerow": "hedgerow",
        "threatexchange": "threatexchange",
        "pdqhash": "pdqhash",
        "Pillow, decode alone": "PIL",
    }
    for name, module in modules.items():
        if peer(module) is None:
            rows.append((name, "not installed"))
            continue
        done = subprocess.run(
            [sys.executable, "-c", _PROBE, name, str(small), str(large)], check=True, capture_output=True, text=True
        )
        found: dict[str, Any] = json.loads(done.stdout)
        extra = max(0, found["peak"] - found["before"]) / MIB
        result.rows.append({"what": "memory", "tool": name, "extra_mib": extra})
        rows.append((name, f"{extra:.0f}"))
        bars.append(Bar(name, extra, f"{extra:.0f} MiB", "ours" if name == OURS else "peer"))
    result.tables.append(
        Table(
            "Memory for one JPEG of 12 megapixels",
            ("", "peak beyond the process, MiB"),
            tuple(rows),
            "Each in a fresh process, after a small picture; the largest resident set less the resident set before.",
        )
    )
    result.charts["hashing-memory.svg"] = bar_chart("Memory for one JPEG of 12 megapixels (peak, MiB)", [("", bars)])


def main() -> None:
    """Run it."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=9, help="interleaved rounds (default 9)")
    parser.add_argument("--pictures", type=int, default=6, help="photographs per size (default 6)")
    parser.add_argument("--quality", type=int, default=QUALITY, help=f"of the JPEGs made (default {QUALITY})")
    parser.add_argument("--part", choices=["jpegs", "bytes", "rasters", "memory"], action="append")
    parser.add_argument("--serve", help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.serve:
        serve(arguments.serve)
        return
    parts = arguments.part or ["jpegs", "bytes", "rasters", "memory"]
    result = Result(
        "hashing",
        "From a file to its PDQ",
        "Hedgerow has its compiled JPEG kernels loaded, as a process has after its first 48 MB of large JPEGs. "
        "Each tool is given the path of a file and returns a hash, as its users call it: decoding included, one "
        "thread, one process. The floor is what libjpeg-turbo takes to read the same file at one eighth and in grey, "
        "without any hashing: no hasher that reads JPEG through it can be faster.",
    )
    with on_one_core(), tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        if "jpegs" in parts:
            with Tools() as tools:
                jpegs(result, tools, folder, arguments)
        if "bytes" in parts:
            with Tools((OURS, PYTX, FLOOR)) as tools:
                by_bytes(result, tools, folder, arguments.rounds)
        if "memory" in parts:
            memory(result, folder)
        if "rasters" in parts:
            rasters(result, folder, arguments.rounds)
    result.write()


if __name__ == "__main__":
    main()
