"""Hashing videos, beside decoding alone and PyPI vpdq; two hours of video; the published vPDQ lists.

python benchmarks/video.py                  everything, in three to four minutes
python benchmarks/video.py --no-long        without the two hours of video
python benchmarks/video.py --whole          the sample videos to their ends, and vpdq's every frame of all of them
"""

from __future__ import annotations

# isort: split
import argparse
import csv
import statistics
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from charts import Bar, bar_chart
from common import Result, Table, on_one_core, peer, shared_data, synthetic_photograph, times_ms
from hedgerow.hashing import hash_file

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

TARGET_BANK, TARGET_QUERY, TARGET_VPDQ = 1.15, 1.4, 5.0
TARGET_BITS, TARGET_MEMORY, TARGET_LATE_S = 31, 300.0, 2.0
LIMIT_S = 10.0
HOURS, LONG_SIZE, LONG_FPS = 2, (320, 180), 8
"""Small, so that it ends in a minute: what is kept of a video grows with its frames, not with their size."""
CUT_S, CUT_FRAMES = 4.0, 120
"""Of each sample video so much is timed, unless all of it is asked for."""
COSTLY_ROUNDS = 2
"""What hashes every frame at full size takes so long that it is timed in so many rounds only."""
MINIMUM_QUALITY = 50
MIB = 2**20

SAMPLES = (
    ("reference/threatexchange/tmk/sample-videos", "doorknob-hd-no-bar.mp4"),
    ("reference/threatexchange/tmk/sample-videos", "chair-orig-22-sd-bar.mp4"),
    ("reference/threatexchange/tmk/sample-videos", "test-padded-dimensions.mp4"),
    ("videos", "ffmpeg-libav-tutorial__small_bunny_1080p_60fps.mp4"),
    ("videos", "interactive-examples__flower.webm"),
    ("videos", "moviepy__chaplin.mp4"),
)

WAYS = ("decode", "1/s", "dense", "dense, with variants", "vpdq 1/s", "vpdq every frame", "pdqhash every frame")


@dataclass(frozen=True)
class Film:
    """A video that is measured."""

    name: str
    path: Path
    width: int
    height: int
    frames: int
    codec: str

    @property
    def is_720p(self) -> bool:
        """Whether it has the size that the target against vpdq speaks of."""
        return (self.width, self.height) == (1280, 720)


def film_of(name: str, path: Path) -> Film:
    """Look at a video."""
    av = peer("av")
    with av.open(str(path)) as container:
        stream = container.streams.video[0]
        frames = sum(1 for _ in container.decode(stream))
        return Film(name, path, stream.width, stream.height, frames, stream.codec_context.name)


def cut(path: Path, folder: Path) -> Path:
    """Copy the first packets of a video, without encoding anything again."""
    av = peer("av")
    short = folder / path.name
    with av.open(str(path)) as source, av.open(str(short), "w") as output:
        stream = source.streams.video[0]
        copy = output.add_stream_from_template(stream)
        for number, packet in enumerate(source.demux(stream)):
            if packet.dts is None or number == CUT_FRAMES or packet.dts * stream.time_base >= CUT_S:
                break
            packet.stream = copy
            output.mux(packet)
    return short


def write_pan(path: Path, size: tuple[int, int], seconds: float, rate: str = "4000k", fps: int = 30) -> None:
    """Write a hand-held pan over a synthetic photograph, encoded as phones encode (H.264, B-frames)."""
    av = peer("av")
    width, height = size
    wide = synthetic_photograph(3 * width // 2, 6 * height // 5, seed=20)
    frames = int(seconds * fps)
    shake = np.cumsum(np.random.default_rng(5).normal(0, 1.5, (frames, 2)), axis=0)
    with av.open(str(path), "w") as output:
        stream = output.add_stream("libx264", rate=fps, options={"preset": "medium", "b": rate, "g": "60"})
        stream.width, stream.height, stream.pix_fmt = width, height, "yuv420p"
        for number, (down, across) in enumerate(shake):
            x = int(np.clip(width / 2 * number / frames + across, 0, width // 2))
            y = int(np.clip(height / 10 + down, 0, height // 5))
            view = np.ascontiguousarray(wide[y : y + height, x : x + width])
            output.mux(stream.encode(av.VideoFrame.from_ndarray(view, format="rgb24")))
        output.mux(stream.encode(None))


def write_long(path: Path, clip: Path, hours: float) -> None:
    """Repeat a clip's packets until a film has so many hours."""
    av = peer("av")
    with av.open(str(clip)) as source, av.open(str(path), "w") as output:
        stream = source.streams.video[0]
        copy = output.add_stream_from_template(stream)
        packets = [packet for packet in source.demux(stream) if packet.dts is not None]
        length = sum(packet.duration for packet in packets)
        for turn in range(round(hours * 3600 / float(length * stream.time_base))):
            source.seek(0, stream=stream)
            for packet in source.demux(stream):
                if packet.dts is None:
                    continue
                packet.pts += turn * length
                packet.dts += turn * length
                packet.stream = copy
                output.mux(packet)


# ── what is timed ────────────────────────────────────────────────────────────────────────────────────────────────────


def decode(path: Path) -> int:
    """Decode every frame and do nothing with it, in one thread."""
    av = peer("av")
    with av.open(str(path)) as container:
        stream = container.streams.video[0]
        stream.codec_context.thread_count = 1
        return sum(1 for _ in container.decode(stream))


def with_pdqhash(path: Path) -> None:
    """Hash every frame as RGB with PyPI pdqhash."""
    av, pdqhash = peer("av"), peer("pdqhash")
    with av.open(str(path)) as container:
        stream = container.streams.video[0]
        stream.codec_context.thread_count = 1
        for frame in container.decode(stream):
            pdqhash.compute(frame.to_ndarray(format="rgb24"))


def with_vpdq(path: Path, every_s: float) -> None:
    """Hash with PyPI vpdq, in one thread."""
    vpdq = peer("vpdq")
    vpdq.computeHash(str(path), seconds_per_hash=every_s, thread_count=1)


def ways_of(film: Film) -> dict[str, Callable[[], object]]:
    """Name what can be timed here."""
    ways: dict[str, Callable[[], object]] = {
        "decode": partial(decode, film.path),
        "1/s": partial(hash_file, film.path, ["vpdq"], sampling="bank"),
        "dense": partial(hash_file, film.path, ["vpdq"], sampling="query"),
        "dense, with variants": partial(hash_file, film.path, ["vpdq"], level="standard"),
    }
    if peer("vpdq") is not None:
        ways |= {"vpdq 1/s": partial(with_vpdq, film.path, 1.0)}
    return ways


def costly_ways_of(film: Film) -> dict[str, Callable[[], object]]:
    """Name what can be timed here and hashes every frame at its full size."""
    ways: dict[str, Callable[[], object]] = {}
    if peer("vpdq") is not None:
        ways |= {"vpdq every frame": partial(with_vpdq, film.path, 0.0)}
    if peer("pdqhash") is not None:
        ways |= {"pdqhash every frame": partial(with_pdqhash, film.path)}
    return ways


def once_more(ways: dict[str, Callable[[], object]]) -> dict[str, list[float]]:
    """Time what is too costly for many rounds, without a first run that is thrown away."""
    times: dict[str, list[float]] = {name: [] for name in ways}
    for _ in range(COSTLY_ROUNDS):
        for name, way in ways.items():
            began = time.process_time()
            way()
            times[name].append(1e3 * (time.process_time() - began))
    return times


def speed(result: Result, films: Sequence[Film], rounds: int, *, is_whole: bool) -> None:
    """Time all films in all ways."""
    rows, bars = [], []
    ratios: dict[str, list[float]] = {"1/s": [], "dense": [], "dense, with variants": []}
    against: dict[str, float] = {}
    how_much = "all" if is_whole else f"the first {CUT_S:g} seconds or {CUT_FRAMES} frames"
    for film in films:
        with on_one_core():
            times = times_ms(ways_of(film), rounds, budget_s=3)
            if film.is_720p or is_whole:
                times |= once_more(costly_ways_of(film))
        middle = {name: statistics.median(each) for name, each in times.items()}
        found = {
            name: statistics.median(a / b for a, b in zip(times[name], times["decode"], strict=False)) for name in times
        }
        for name, listed in ratios.items():
            listed.append(found[name])
        if film.is_720p:
            for name in ("vpdq every frame", "pdqhash every frame"):
                if name in middle:
                    against[name] = min(against.get(name, np.inf), middle[name] / middle["dense"])
        result.rows.append({"film": film.name, "frames": film.frames, "ms": times, "ratios": found})
        size = f"{film.name}, {film.width}×{film.height} {film.codec}"
        cells = [f"{found[name]:.2f}×" if name in found else "–" for name in WAYS[1:]]
        rows.append((size, f"{middle['decode'] / film.frames:.2f}", *cells))
        shown = [(name, middle[name] / film.frames) for name in WAYS if name in middle]
        bars.append((size, [Bar(name, each, f"{each:.2f}", _kind(name)) for name, each in shown]))
    result.tables.append(
        Table(
            "One video, one thread",
            ("video", "decode, ms a frame", *(f"{name} ÷ decode" for name in WAYS[1:])),
            tuple(rows),
            f"Medians of the ratios within a round, {how_much} of each video; every frame at full size in "
            f"{COSTLY_ROUNDS} rounds. *1/s* is what a bank stores (full size, and each scene's first "
            "frame), *dense* looks at every frame, *with variants* also turned, mirrored and without borders.",
        )
    )
    result.charts["video.svg"] = bar_chart("Hashing a video: milliseconds a frame", bars)
    result.check("A video at 1/s ÷ decode (median)", "at most", TARGET_BANK, statistics.median(ratios["1/s"]), unit="×")
    for name in ("dense", "dense, with variants"):
        value = statistics.median(ratios[name])
        result.check(f"A video, {name} ÷ decode (median)", "at most", TARGET_QUERY, value, unit="×")
    for name in ("vpdq every frame", "pdqhash every frame"):
        why = f"PyPI {name.split()[0]} is not installed, or there is no video of 720p"
        result.check(f"{name} ÷ dense, 720p", "at least", TARGET_VPDQ, against.get(name), unit="×", why=why)


def _kind(name: str) -> str:
    return "floor" if name == "decode" else "ours" if name in {"1/s", "dense", "dense, with variants"} else "peer"


# ── the published lists ──────────────────────────────────────────────────────────────────────────────────────────────


def conformance(result: Result) -> None:
    """Compare with the lists that Meta publishes for its sample videos."""
    data = shared_data()
    reference = data / "reference" / "threatexchange" if data else None
    rows = []
    worst: int | None = None
    for path in sorted((reference / "tmk" / "sample-videos").glob("*.mp4")) if reference else []:
        assert reference is not None
        with (reference / "vpdq" / "sample-hashes" / f"{path.stem}.txt").open(newline="", encoding="ascii") as file:
            published = list(csv.reader(file))
        frames = hash_file(path, ["vpdq"], sampling="every frame").signals[0].frames
        assert frames is not None
        bits = np.stack([np.frombuffer(bytes.fromhex(row[2]), np.uint8) for row in published])
        clear = (frames.qualities >= MINIMUM_QUALITY) & (
            np.array([int(row[1]) for row in published]) >= MINIMUM_QUALITY
        )
        far = np.bitwise_count(frames.bits ^ bits).sum(axis=1)[clear]
        same = frames.numbers.tolist() == [int(row[0]) for row in published]
        worst = max(worst or 0, int(far.max()) if same else 256)
        numbers = "all" if same else "NO"
        rows.append((path.stem, f"{len(frames)}", numbers, f"{clear.sum()}", f"{far.mean():.1f}", f"{far.max()}"))
        result.rows.append({"film": path.stem, "frames": len(frames), "clear": int(clear.sum()), "far": far.tolist()})
    columns = ("sample video", "frames", "same numbers", "of quality 50 and more", "bits off, mean", "most")
    if rows:
        result.tables.append(Table("Against the published vPDQ lists", columns, tuple(rows)))
    result.check(
        "Bits from the published vPDQ lists", "at most", TARGET_BITS, worst, why="the sample videos are not there"
    )


# ── two hours ────────────────────────────────────────────────────────────────────────────────────────────────────────

_CHILD = r"""
import re, sys, time
from pathlib import Path
import hedgerow.hashing.video, av
from hedgerow.hashing import hash_file
from hedgerow.media import MediaLimits
began = time.perf_counter()
found = hash_file(sys.argv[1], ["vpdq"], level="standard", limits=MediaLimits(video_seconds=float(sys.argv[2])))
# not ru_maxrss: that of a new process begins with its parent's
peak = re.search(r"VmHWM:\s+(\d+)", Path("/proc/self/status").read_text()).group(1)
listed = found.signals[0].frames
print(time.perf_counter() - began, peak, len(listed), listed.duration_s, found.unchecked and found.unchecked.reason)
"""


def two_hours(result: Result, folder: Path) -> None:
    """Hash two hours of video in a process of its own, once to the end and once for ten seconds."""
    clip, film = folder / "clip.mp4", folder / "long.mp4"
    write_pan(clip, LONG_SIZE, 60, "300k", LONG_FPS)
    write_long(film, clip, HOURS)
    rows = []
    measured = {}
    for name, limit_s in (("to the end", 24 * 3600.0), (f"{LIMIT_S:g} s limit", LIMIT_S)):
        done = subprocess.run(
            [sys.executable, "-c", _CHILD, str(film), str(limit_s)], capture_output=True, text=True, check=True
        )
        wall, peak, frames, length, reason = done.stdout.split()
        peak_mib = int(peak) * 1024 / MIB
        measured[name] = float(wall), peak_mib, reason
        result.rows.append({"film": "two hours", "how": name, "wall_s": float(wall), "peak_mib": peak_mib})
        rows.append((name, f"{float(wall):.1f}", f"{float(length):,.0f}", frames, f"{peak_mib:.0f}", reason))
    film_is = f"two hours, {LONG_SIZE[0]}×{LONG_SIZE[1]}, {LONG_FPS} frames a second, H.264"
    columns = (film_is, "seconds", "seconds of video seen", "frames kept", "peak MiB", "left out")
    result.tables.append(Table("Two hours of video", columns, tuple(rows), "Dense, with all variants, in one process."))
    _, peak, _ = measured["to the end"]
    result.check("Memory for two hours of video", "at most", TARGET_MEMORY, peak, unit=" MiB")
    wall, _, reason = measured[f"{LIMIT_S:g} s limit"]
    late = wall - LIMIT_S if reason == "time_limit" else None
    result.check("Seconds after the limit", "at most", TARGET_LATE_S, late, unit=" s", why="no partial result")


def main() -> None:
    """Run it."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=4)
    parser.add_argument("--whole", action="store_true", help="time the sample videos to their ends")
    parser.add_argument("--no-long", action="store_true", help="leave out the two hours of video")
    arguments = parser.parse_args()
    result = Result(
        "video",
        "Videos",
        "CPU time of one process on one core, medians over interleaved rounds. *Decode* is PyAV alone with one thread; "
        "vpdq and pdqhash are PyPI's (C++), vpdq with its own decoder.",
    )
    if peer("av") is None:
        result.check("A video at 1/s ÷ decode (median)", "at most", TARGET_BANK, None, why="PyAV is not installed")
        result.write()
        return
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        write_pan(folder / "pan.mp4", (1280, 720), CUT_S)
        data = shared_data()
        films = [film_of("synthetic pan", folder / "pan.mp4")]
        for place, file in SAMPLES if data else ():
            path = data / place / file
            films.append(film_of(file.rpartition("__")[2], path if arguments.whole else cut(path, folder)))
        speed(result, films, arguments.rounds, is_whole=arguments.whole)
        conformance(result)
        if not arguments.no_long:
            two_hours(result, folder)
    result.write()


if __name__ == "__main__":
    main()
