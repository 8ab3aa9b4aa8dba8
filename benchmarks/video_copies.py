"""How many banked frames of a video are found in its altered copies, and whether strangers match.

python benchmarks/video_copies.py                  every eighth copy of all sample videos, in about four minutes
python benchmarks/video_copies.py --all            every copy, in about half an hour
python benchmarks/video_copies.py --most 3         of the first three videos
python benchmarks/video_copies.py --keep FOLDER    keep the copies there, and use those that are there
"""

from __future__ import annotations

import common  # first: it sets one thread

# isort: split
import argparse
import statistics
import tempfile
import time
from collections import defaultdict
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from common import Result, Table, shared_data
from hedgerow.banks import Attributes, Matcher, NewEntry, add_entries, create_bank
from hedgerow.database import open_database
from hedgerow.hashing import HashOptions, Signal, examine_file, hash_file
from hedgerow.hashing.frame_list import FrameList
from hedgerow.matching import HammingIndex
from hedgerow.matching.videos import usable_frames
from hedgerow.migrations import upgrade
from video_alterations import ALTERATIONS, FEWEST_SECONDS, load_frames, write_copy

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from hedgerow.banks import Match
    from hedgerow.database import Database
    from video_alterations import Alteration

MINIMUM_QUALITY = 50
THRESHOLD = 31
ONE_IN = 8
"""Of so many copies one is made, unless all are asked for: of each alteration two or three, of each video four."""
NO_DATA = "the sample videos are not there (HEDGEROW_TEST_DATA)"
SAME_CONTENT = (
    {"interactive-examples__flower.mp4", "interactive-examples__flower.webm"},
    {"interactive-examples__stream-of-water.mp4", "interactive-examples__stream-of-water.webm"},
    {"learning-area__rabbit320.mp4", "learning-area__rabbit320.webm"},
    {"pattern-sd-grey-bar.mp4", "pattern-sd-with-small-logo-bar.mp4"},
    {f"decord__video_{turn}.mov" for turn in (0, 90, 180, 270)},
)
"""Files that show the same on purpose: another codec, another turn, a logo."""


@dataclass
class Source:
    """A sample video as it is banked.

    Attributes:
        path: The file.
        frames: Its list, as a bank holds it.
        trimmed: Its list without the borders that it has itself; the bank holds both.
        entry: Its entry; None for what has no usable frame.
        trimmed_entry: The entry of the list without borders.
    """

    path: Path
    frames: FrameList
    trimmed: FrameList | None = None
    entry: int | None = None
    trimmed_entry: int | None = None

    @property
    def entries(self) -> set[int]:
        """Both of its entries, as far as there are any."""
        return {each for each in (self.entry, self.trimmed_entry) if each is not None}

    def shows_the_same_as(self, other: Source) -> bool:
        """Whether a match between them is right."""
        names = {self.path.name, other.path.name}
        return len(names) == 1 or any(names <= group for group in SAME_CONTENT)


@dataclass
class Tally:
    """What came of one alteration."""

    wanted: int = 0
    found: int = 0
    matched: int = 0
    pairs: list[tuple[str, float]] = field(default_factory=list)
    speeds: list[float] = field(default_factory=list)

    def add(self, name: str, wanted: int, found: int, match: Match | None) -> None:
        """Count a copy."""
        self.wanted += wanted
        self.found += found
        self.matched += match is not None
        self.pairs.append((name, found / wanted))
        if match is not None:
            self.speeds.append(match.segments[0].speed)


def banked(paths: Sequence[Path], database: Database) -> list[Source]:
    """Hash the videos as a bank's, and put them into one."""
    sources = []
    now = datetime.now(UTC)
    with database.write() as connection:
        bank = create_bank(connection, "samples", threshold=THRESHOLD, minimum_quality=MINIMUM_QUALITY, now=now)
        count = 0
        options = HashOptions(("vpdq",), exact=True, bank_regions=True)
        for path in paths:
            signals = [each for each in examine_file(path, options).signals if each.frames is not None]
            if not signals or signals[0].frames is None:
                continue
            source = Source(path, signals[0].frames, signals[1].frames if len(signals) > 1 else None)
            entries: list[int | None] = []
            said = Attributes(external_id=path.name)
            for signal in signals:
                is_new = add_entries(connection, bank, [NewEntry(signal, said)], now=now).added
                count += is_new
                entries.append(count if is_new else None)
            source.entry, source.trimmed_entry = [*entries, None][:2]
            sources.append(source)
    return sources


def signals_of(path: Path) -> list[Signal]:
    """Hash a copy as a query: densely, with its variants."""
    return [each for each in hash_file(path, ["vpdq"], level="standard").signals if each.frames is not None]


def found_frames(signals: Sequence[Signal], known: FrameList) -> set[int]:
    """Name the known frames that the variant that finds most of them finds."""
    index = HammingIndex()
    usable = np.flatnonzero(usable_frames(known, MINIMUM_QUALITY))
    index.add(known.bits[usable], usable)
    best: set[int] = set()
    for signal in signals:
        assert signal.frames is not None
        asked = signal.frames.bits[usable_frames(signal.frames, MINIMUM_QUALITY)]
        if len(asked):
            best = max(best, set(index.search(asked, THRESHOLD).id.tolist()), key=len)
    return best


def found_of(source: Source, signals: Sequence[Signal]) -> set[int]:
    """Name the frames of a source that are found, in the one of its entries in which more are."""
    found = found_frames(signals, source.frames)
    if source.trimmed is not None:
        beside = found_frames(signals, source.trimmed)
        # Its list leaves out what is nearly the same: each frame stands for those until the next.
        places = np.searchsorted(source.trimmed.numbers, source.frames.numbers, "right") - 1
        found = max(found, {frame for frame, place in enumerate(places.tolist()) if place in beside}, key=len)
    return found


def kept_frames(known: FrameList, alteration: Alteration) -> set[int]:
    """Name the usable known frames that the copy still shows; the last one of a cut end may lie on either side."""
    first, last = alteration.kept_s(known.duration_s)
    usable = usable_frames(known, MINIMUM_QUALITY)
    is_kept = (
        usable & (known.times_s >= first - 1e-6) & (known.times_s <= last - (0.0 if last == known.duration_s else 0.02))
    )
    return set(np.flatnonzero(is_kept).tolist())


def copies(sources: Sequence[Source], folder: Path, one_in: int) -> Iterator[tuple[Source, Alteration, Path]]:
    """Write every copy that is not there yet, or one in so many of them."""
    for number, source in enumerate(sources):
        if source.entry is None or source.frames.duration_s < FEWEST_SECONDS:
            continue
        # a stranger to put around it: the longest of the others that is none of its kind
        strangers = [each for each in sources if each.entry is not None and not each.shows_the_same_as(source)]
        around = max(strangers, key=lambda each: (each.frames.duration_s < 12, each.frames.duration_s), default=None)
        frames = None
        for turn, (name, alteration) in enumerate(ALTERATIONS.items()):
            if (number + turn) % one_in:
                continue
            first, last = alteration.kept_s(source.frames.duration_s)
            if last - first < FEWEST_SECONDS / 2 or (alteration.needs_other and around is None):
                continue
            path = (
                folder
                / f"{number:02}-{source.path.stem}--{name.replace(' ', '-').replace('%', 'percent')}{alteration.ending}"
            )
            if not path.is_file():
                frames = frames or load_frames(source.path)
                other = load_frames(around.path) if alteration.needs_other and around is not None else []
                write_copy(path, alteration, frames, other)
            yield source, alteration, path


def measure(result: Result, paths: Sequence[Path], folder: Path, one_in: int) -> None:
    """Look every copy up in a bank of all sources."""
    with tempfile.TemporaryDirectory() as data:
        database = open_database(Path(data))
        upgrade(database)
        sources = banked(paths, database)
        matcher = Matcher(database, Path(data))
        tallies: dict[str, Tally] = defaultdict(Tally)
        asked = wrong = 0
        for source, alteration, path in copies(sources, folder, one_in):
            signals = signals_of(path)
            matches = {match.entry: match for match in matcher.search(signals)}
            kept = kept_frames(source.frames, alteration)
            if not kept:
                continue
            found = kept & found_of(source, signals)
            own = [matches[entry] for entry in sorted(source.entries & matches.keys())]
            match = max(own, key=lambda each: each.known_share or 0.0, default=None)
            tallies[alteration.name].add(source.path.stem, len(kept), len(found), match)
            others = [each for each in sources if each.entry is not None and not each.shows_the_same_as(source)]
            shown = [] if not alteration.needs_other else [each for each in others if each.entries & matches.keys()]
            asked += len(others) - len(shown)
            if not alteration.needs_other:
                wrong += sum(bool(each.entries & matches.keys()) for each in others)
            result.rows.append(
                {
                    "video": source.path.name,
                    "alteration": alteration.name,
                    "kept": len(kept),
                    "found": len(found),
                    "matched": match is not None,
                    "variant": match.variant if match else None,
                    "segments": [segment.to_json() for segment in match.segments] if match else [],
                }
            )
        same, originals = unrelated(sources, matcher)
        database.close()
    report(result, tallies, (asked + originals, wrong + same))


def unrelated(sources: Sequence[Source], matcher: Matcher) -> tuple[int, int]:
    """Look every original up; return wrong matches and pairs of strangers."""
    wrong = pairs = 0
    for source in sources:
        matches = {match.entry for match in matcher.search(signals_of(source.path))}
        others = [each for each in sources if each.entry is not None and not each.shows_the_same_as(source)]
        pairs += len(others)
        wrong += sum(bool(each.entries & matches) for each in others)
    return wrong, pairs


def report(result: Result, tallies: dict[str, Tally], strangers: tuple[int, int]) -> None:
    """Put it into tables and targets."""
    rows = []
    for name, tally in tallies.items():
        worst = min(tally.pairs, key=lambda pair: pair[1])
        least = ALTERATIONS[name].target
        rows.append(
            (
                name,
                f"{len(tally.pairs)}",
                f"{tally.found} of {tally.wanted}",
                f"{tally.found / tally.wanted:.1%}",
                f"{sum(share >= least for _, share in tally.pairs)}",
                f"{worst[1]:.0%}",
                f"{tally.matched}",
                f"{statistics.median(tally.speeds):.2f}" if tally.speeds else "–",
            )
        )
    columns = ("altered", "videos", "frames found", "", "pairs at target", "worst pair", "matched", "speed, median")
    pairs, wrong = strangers
    result.tables.append(
        Table(
            "Banked frames found in altered copies",
            columns,
            tuple(rows),
            "Bank: one frame a second and each scene's first, and the same without borders where there are any. "
            f"Query: dense, level standard. Threshold {THRESHOLD} bits, quality {MINIMUM_QUALITY}. Of frames that the "
            "copy still shows. The target for a pair is 95 % for transcodes, trims and a clip inside a longer one, "
            "80 % for the rest. "
            f"Strangers: {pairs:,} pairs, {wrong} matches.",
        )
    )
    for what, least in (("transcodes and trims", 0.95), ("other alterations", 0.8)):
        shares = [tally for name, tally in tallies.items() if ALTERATIONS[name].target == least]
        if not shares:
            continue
        found = sum(tally.found for tally in shares) / max(1, sum(tally.wanted for tally in shares))
        result.check(f"Frames found, {what}", "at least", 100 * least, 100 * found, unit=" %")
        at_target = [share >= least for tally in shares for _, share in tally.pairs]
        result.check(
            f"Pairs with so many frames found, {what}", "at least", 100, 100 * statistics.fmean(at_target), unit=" %"
        )
    every = list(tallies.values())
    matched = sum(tally.matched for tally in every) / max(1, sum(len(tally.pairs) for tally in every))
    result.check("Altered copies that match", "at least", 95, 100 * matched, unit=" %")
    result.check("Matches between strangers", "at most", 0, wrong)


def speed(result: Result, videos: int = 10_000, frames_each: int = 100) -> None:
    """Time a dense query of ten minutes against a million known frames."""
    random = np.random.default_rng(1)

    def film(count: int, per_s: float) -> Signal:
        start = random.integers(0, 2, 256, dtype=np.uint8)
        flips = random.random((count, 256)) < 14 / 256
        bits = np.packbits((start + np.cumsum(flips, axis=0)) % 2, axis=1)
        times = np.arange(count) / per_s
        frames = FrameList.of(bits, np.full(count, 100), range(count), times, times, count / per_s)
        return Signal("vpdq", frames.digest(), frames=frames)

    with tempfile.TemporaryDirectory() as data:
        database = open_database(Path(data))
        upgrade(database)
        now = datetime.now(UTC)
        with database.write() as connection:
            bank = create_bank(connection, "films", now=now)
            for _ in range(0, videos, 1_000):
                add_entries(connection, bank, [NewEntry(film(frames_each, 1.0)) for _ in range(1_000)], now=now)
        began = time.perf_counter()
        Matcher(database, Path(data)).load()
        build_s = time.perf_counter() - began
        began = time.perf_counter()
        matcher = Matcher(database, Path(data))
        matcher.load()
        open_s = time.perf_counter() - began
        query = [film(4_000, 4_000 / 600), *(film(3_000, 5.0) for _ in range(7))]
        matcher.search(query)
        times = []
        for _ in range(5):
            began = time.perf_counter()
            matcher.search(query)
            times.append(time.perf_counter() - began)
        database.close()
    row = (f"{videos * frames_each:,}", "25,000", f"{statistics.median(times):.2f}", f"{build_s:.1f}", f"{open_s:.2f}")
    result.tables.append(
        Table(
            "Ten minutes of video, eight ways, against a bank of videos",
            ("known frames", "frames looked up", "search, s", "first load (index built), s", "load from snapshot, s"),
            (row,),
        )
    )
    result.check("Ten minutes against a million frames", "at most", 3, statistics.median(times), unit=" s")


def sample_videos() -> list[Path]:
    """List the sample videos by name; empty without the reference media."""
    data = shared_data()
    if data is None:
        return []
    return [
        *sorted((data / "videos").iterdir()),
        *sorted((data / "reference" / "threatexchange" / "tmk" / "sample-videos").iterdir()),
    ]


def main() -> None:
    """Run it."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--most", type=int, help="videos at most (default: all)")
    parser.add_argument("--all", action="store_true", help=f"make every copy, not every {ONE_IN}th")
    parser.add_argument("--keep", type=Path, help="keep the copies in this folder")
    arguments = parser.parse_args()
    result = Result(
        "video_copies",
        "Altered copies of videos",
        "Sample videos are banked, altered and encoded again by FFmpeg's encoders in PyAV's wheel, and looked up.",
    )
    paths = sample_videos()[: arguments.most]
    with tempfile.TemporaryDirectory() as scratch, common.on_one_core():
        folder = arguments.keep or Path(scratch)
        folder.mkdir(parents=True, exist_ok=True)
        if paths:
            measure(result, paths, folder, 1 if arguments.all else ONE_IN)
        else:
            result.check("Frames found, transcodes and trims", "at least", 95, None, why=NO_DATA)
    speed(result)
    result.write()


if __name__ == "__main__":
    main()
