from __future__ import annotations

import io
import os
import tarfile
import zipfile
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

import numpy as np
import pytest
from PIL import Image

from hedgerow.banks.model import Match
from hedgerow.errors import JournalBusy, NothingToScan
from hedgerow.hashing import HashOptions, MediaHash, Signal, Unchecked, examine_bytes, examine_file
from hedgerow.hashing.caution import caution_of
from hedgerow.hashing.frame_list import FrameList
from hedgerow.hashing.pool import FileHash, FileTask
from hedgerow.media import MediaInfo
from hedgerow.scanning.scan import Scan, ScanRequest

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence
    from pathlib import Path

    from hedgerow.scanning.model import FileResult, Progress

OPTIONS = HashOptions(level="standard", archives=True)


def picture(seed: int, size: int = 96) -> bytes:
    """Draw a picture that no other seed draws, as PNG."""
    random = np.random.default_rng(seed)
    coarse = Image.fromarray(random.integers(0, 256, (8, 8), np.uint8)).resize((size, size), Image.Resampling.BICUBIC)
    stream = io.BytesIO()
    coarse.save(stream, "PNG")
    return stream.getvalue()


@dataclass
class FakePool:
    """Hashes in this process, in order; counts, and can be told to stop."""

    stop_after: int | None = None
    hashed: list[tuple[str, int]] = field(default_factory=list)
    most_ahead: int = 4

    def results(
        self,
        tasks: Iterable[FileTask],
        *,
        types: Sequence[str] | None = None,  # noqa: ARG002  (the protocol's)
        level: str | None = None,  # noqa: ARG002  (the protocol's)
    ) -> Iterator[FileHash]:
        ahead: list[FileTask] = []
        for task in tasks:
            ahead.append(task)  # taken before it is worked on, as the real pool does
            if len(ahead) >= self.most_ahead:
                yield from self._answers(ahead.pop(0))
        for task in ahead:
            yield from self._answers(task)

    def _answers(self, task: FileTask) -> Iterator[FileHash]:
        for answer in self._unstopped(task):
            if self.stop_after is not None and len(self.hashed) >= self.stop_after:
                raise KeyboardInterrupt
            self.hashed.append((os.path.basename(task.path), answer.number))  # noqa: PTH119  (paths are text here)
            yield answer

    def _unstopped(self, task: FileTask) -> Iterator[FileHash]:
        if not task.path.endswith(".zip"):
            yield FileHash(task.path, None, 0, examine_file(task.path, OPTIONS), is_last=True)
            return
        with zipfile.ZipFile(task.path) as archive:
            names = archive.namelist()
            for number in range(task.skip, len(names)):
                found = examine_bytes(archive.read(names[number]), OPTIONS)
                yield FileHash(task.path, names[number], number, found, is_last=False)
        yield FileHash(task.path, None, max(task.skip, len(names)), MediaHash(None, ()), is_last=True)


@dataclass
class FakeMatcher:
    """Knows some signals, exactly."""

    known: dict[bytes, int] = field(default_factory=dict)
    state: str = "1"
    asked: list[int] = field(default_factory=list)

    def search_many(self, media: Sequence[Sequence[Signal]]) -> list[list[Match]]:
        self.asked.append(len(media))
        return [
            [
                Match("known", self.known[signal.bits], signal.type, 0, signal.variant)
                for signal in signals
                if signal.bits in self.known
            ][:1]
            for signals in media
        ]

    def fingerprint(self) -> str:
        return self.state

    def signal_types(self) -> frozenset[str]:
        return frozenset({"pdq"})

    def level(self) -> str:
        return "standard"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Give a folder of pictures, an archive, a text, an empty file and a plain picture."""
    root = tmp_path / "photos"
    (root / "deep").mkdir(parents=True)
    for number in range(8):
        (root / f"{number}.png").write_bytes(picture(number))
    (root / "deep" / "a.png").write_bytes(picture(100))
    with zipfile.ZipFile(root / "box.zip", "w") as archive:
        for number in range(5):
            archive.writestr(f"in/{number}.png", picture(200 + number))
    (root / "notes.txt").write_text("nothing to see")
    (root / "empty.jpg").touch()
    stream = io.BytesIO()
    Image.new("RGB", (64, 64), "navy").save(stream, "PNG")
    (root / "plain.png").write_bytes(stream.getvalue())
    return root


@pytest.fixture
def matcher() -> FakeMatcher:
    bits = [examine_bytes(picture(seed), HashOptions()).signals[0].bits for seed in (3, 202)]
    return FakeMatcher({bits[0]: 3, bits[1]: 202})


@pytest.fixture
def scan(tmp_path: Path, folder: Path, matcher: FakeMatcher) -> Callable[..., Scan]:
    """Give what makes a scan of `folder`."""

    def make(pool: FakePool | None = None, **changes: object) -> Scan:
        request = ScanRequest((str(folder),), options=OPTIONS)
        options = {"pool": pool or FakePool()} | changes
        return Scan(request, matcher, tmp_path / "data", **options)  # type: ignore[arg-type]  # options as in Scan

    return make


def _lines(scan: Scan, *, keep_journal: bool = True) -> list[str]:
    with scan:
        lines = [result.to_line() for result in scan.results()]
        scan.finish(keep_journal=keep_journal)
    return lines


def test_results_come_in_the_order_of_the_walk_with_archive_members_in_their_place(
    scan: Callable[..., Scan], folder: Path
) -> None:
    with scan() as running:
        places = [os.path.relpath(result.place, folder) for result in running.results()]
    assert places == [
        *(f"{number}.png" for number in range(8)),
        *(f"box.zip!/in/{number}.png" for number in range(5)),
        "box.zip",
        "deep/a.png",
        "empty.jpg",
        "notes.txt",
        "plain.png",
    ]


def test_matches_unchecked_files_and_cautions_are_told_and_counted(scan: Callable[..., Scan], folder: Path) -> None:
    with scan() as running:
        results = {os.path.relpath(result.place, folder): result for result in running.results()}
        statistics = running.statistics
    matches = {place: [match.entry for match in result.matches] for place, result in results.items() if result.matches}
    assert matches == {"3.png": [3], "box.zip!/in/2.png": [202]}
    assert results["empty.jpg"].unchecked is not None
    assert results["plain.png"].caution is not None
    assert results["plain.png"].caution.reason == "low_quality"
    assert results["plain.png"].unchecked is None
    assert (statistics.files, statistics.results) == (13, 18)
    assert (statistics.matched, statistics.matches, statistics.cautions) == (2, 2, 1)
    assert statistics.pictures == 15
    assert statistics.unchecked == {"empty": 1, "unsupported": 1}
    assert statistics.distances == {0: 2}
    assert statistics.duration_s > 0
    assert statistics.size_bytes > 0


def test_files_are_matched_in_batches(scan: Callable[..., Scan], matcher: FakeMatcher) -> None:
    _lines(scan())
    assert sum(matcher.asked) == 18
    assert len(matcher.asked) < 18


def test_a_finished_scan_leaves_no_journal(scan: Callable[..., Scan], tmp_path: Path) -> None:
    _lines(scan(), keep_journal=False)
    assert list((tmp_path / "data" / "scans").iterdir()) == []


@pytest.mark.parametrize(
    "stop_after", [pytest.param(each, marks=[pytest.mark.slow] if each % 4 not in {0, 1} else []) for each in range(18)]
)
def test_a_scan_stopped_anywhere_goes_on_there_and_tells_the_same(scan: Callable[..., Scan], stop_after: int) -> None:
    whole = _lines(scan(is_fresh=True), keep_journal=False)
    with pytest.raises(KeyboardInterrupt):
        _lines(scan(FakePool(stop_after=stop_after)))
    resumed = scan()
    assert resumed.is_resumed == (stop_after > 0)
    assert _lines(resumed) == whole


def test_nothing_that_was_hashed_before_an_interruption_is_hashed_again(scan: Callable[..., Scan]) -> None:
    first, second = FakePool(stop_after=7), FakePool()
    with pytest.raises(KeyboardInterrupt):
        _lines(scan(first))
    _lines(scan(second))
    everything = set(first.hashed) | set(second.hashed)
    assert len(everything) == 18
    assert len(first.hashed) + len(second.hashed) == 18


def test_an_archive_goes_on_at_the_member_where_it_was(scan: Callable[..., Scan]) -> None:
    first, second = FakePool(stop_after=10), FakePool()
    with pytest.raises(KeyboardInterrupt):
        _lines(scan(first))
    _lines(scan(second))
    assert [number for name, number in first.hashed if name == "box.zip"] == [0, 1]
    assert [number for name, number in second.hashed if name == "box.zip"] == [2, 3, 4, 5]


def test_a_file_changed_meanwhile_is_hashed_again(scan: Callable[..., Scan], folder: Path) -> None:
    _lines(scan())
    (folder / "2.png").write_bytes(picture(3))
    second = FakePool()
    lines = _lines(scan(second))
    assert second.hashed == [("2.png", 0)]
    assert sum('"entry": 3' in line for line in lines) == 2


def test_a_file_that_could_not_be_read_is_tried_again_on_resumption(scan: Callable[..., Scan], folder: Path) -> None:
    class Refusing(FakePool):
        def _unstopped(self, task: FileTask) -> Iterator[FileHash]:
            for answer in super()._unstopped(task):
                refused = MediaHash(None, (), Unchecked("unreadable", "The file cannot be read: Permission denied."))
                yield replace(answer, hash=refused) if task.path.endswith("5.png") else answer

    _lines(scan(Refusing()))
    second = FakePool()
    _lines(scan(second))
    assert second.hashed == [("5.png", 0)]


def test_another_state_of_the_banks_starts_afresh(scan: Callable[..., Scan], matcher: FakeMatcher) -> None:
    _lines(scan())
    matcher.state = "2"
    second = FakePool()
    _lines(scan(second))
    assert len(second.hashed) == 18


def test_a_fresh_scan_forgets_what_was_answered(scan: Callable[..., Scan]) -> None:
    _lines(scan())
    second = FakePool()
    _lines(scan(second, is_fresh=True))
    assert len(second.hashed) == 18


def test_the_same_scan_twice_at_once_is_refused(scan: Callable[..., Scan]) -> None:
    with scan(), pytest.raises(JournalBusy):
        scan()


def test_a_damaged_journal_is_said_and_the_scan_starts_afresh(scan: Callable[..., Scan], tmp_path: Path) -> None:
    whole = _lines(scan())
    (journal,) = (tmp_path / "data" / "scans").glob("*.sqlite")
    journal.write_bytes(b"scribble" * 4096)
    running = scan()
    assert running.statistics.journal_was_damaged
    assert _lines(running) == whole


def test_a_path_with_nothing_there_is_refused_before_anything_is_made(tmp_path: Path, matcher: FakeMatcher) -> None:
    with pytest.raises(NothingToScan):
        Scan(ScanRequest((str(tmp_path / "gone"),)), matcher, tmp_path / "data")
    assert not (tmp_path / "data").exists()


def test_our_data_folder_inside_the_folder_is_passed_by(folder: Path, matcher: FakeMatcher) -> None:
    request = ScanRequest((str(folder),), options=OPTIONS)
    with Scan(request, matcher, folder / "data", pool=FakePool()) as running:
        assert not any("data" in result.path.removeprefix(str(folder)) for result in running.results())


def test_progress_knows_the_whole_once_it_was_measured(scan: Callable[..., Scan]) -> None:
    told: list[Progress] = []
    with scan(on_progress=told.append) as running:
        whole = running.measure()
        list(running.results())
    last = told[-1]
    assert (last.files_done, last.files_total) == (13, 13) == (whole.files, 13)
    assert last.size_done_bytes == last.size_total_bytes == whole.size_bytes
    assert last.remaining_s == 0
    assert last.matched == 2


def test_progress_is_told_at_most_ten_times_a_second(
    scan: Callable[..., Scan], monkeypatch: pytest.MonkeyPatch
) -> None:
    clock = iter(np.arange(0, 1000, 0.01).tolist())
    monkeypatch.setattr("hedgerow.scanning.scan.time.monotonic", lambda: next(clock))
    told: list[Progress] = []
    with scan(on_progress=told.append) as running:
        list(running.results())
    times = [each.elapsed_s for each in told]
    assert len(times) > 2
    assert min(np.diff(times[:-1])) >= 0.1 - 1e-9


def test_samples_of_throughput_stay_bounded_however_long_a_scan_takes(scan: Callable[..., Scan]) -> None:
    with scan() as running:
        for second in range(100_000):
            running.statistics.files = second
            running._sample(float(second), is_end=False)
        samples = running.statistics.samples
    assert 100 <= len(samples) <= 240
    gaps = np.diff([sample.elapsed_s for sample in samples])
    assert gaps.max() <= 2 * gaps.min()


def test_more_known_files_than_may_wait_behind_a_changed_one_keep_their_order(
    scan: Callable[..., Scan], folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("hedgerow.scanning.scan._MOST_WAITING", 3)
    whole = _lines(scan())
    for name in ("0.png", "6.png"):
        os.utime(folder / name)
    second = FakePool()
    assert _lines(scan(second)) == whole
    assert second.hashed == [("0.png", 0), ("6.png", 0)]


def test_a_pool_that_gives_no_answer_never_makes_a_file_disappear(scan: Callable[..., Scan]) -> None:
    class Forgetful(FakePool):
        def results(
            self,
            tasks: Iterable[FileTask],
            *,
            types: Sequence[str] | None = None,  # noqa: ARG002  (the protocol's)
            level: str | None = None,  # noqa: ARG002  (the protocol's)
        ) -> Iterator[FileHash]:
            for task in tasks:
                if not task.path.endswith("plain.png"):
                    yield from self._answers(task)

    with scan(Forgetful()) as running:
        last = list(running.results())[-1]
    assert last.path.endswith("plain.png")
    assert last.unchecked is not None
    assert last.unchecked.reason == "crashed"


def test_digests_are_asked_for_only_where_a_bank_holds_some(
    tmp_path: Path, folder: Path, matcher: FakeMatcher, monkeypatch: pytest.MonkeyPatch
) -> None:
    request = ScanRequest((str(folder),), options=OPTIONS)
    with Scan(request, matcher, tmp_path / "data", pool=FakePool()) as running:
        assert running._options.types == ("pdq",)
    monkeypatch.setattr(matcher, "signal_types", lambda: {"sha1", "md5"})
    with Scan(request, matcher, tmp_path / "data", pool=FakePool()) as running:
        assert running._options.types == ("pdq", "md5", "sha1")


@pytest.mark.parametrize("level", ["exact", "thorough"])
def test_files_are_hashed_at_the_level_that_the_banks_need(
    folder: Path, tmp_path: Path, matcher: FakeMatcher, monkeypatch: pytest.MonkeyPatch, level: str
) -> None:
    asked: list[str | None] = []

    class Pool(FakePool):
        def results(
            self, tasks: Iterable[FileTask], *, types: Sequence[str] | None = None, level: str | None = None
        ) -> Iterator[FileHash]:
            asked.append(level)
            return super().results(tasks, types=types)

    monkeypatch.setattr(matcher, "level", lambda: level)
    with Scan(ScanRequest((str(folder),), options=OPTIONS), matcher, tmp_path / "data", pool=Pool()) as running:
        assert len(list(running.results())) > 0
    assert asked == [level]


def test_the_real_pool_answers_the_same_as_hashing_here(
    tmp_path: Path, folder: Path, matcher: FakeMatcher, scan: Callable[..., Scan]
) -> None:
    here = _lines(scan(is_fresh=True), keep_journal=False)
    with tarfile.open(folder / "z.tar", "w") as archive:
        archive.add(folder / "3.png", "three.png")
    with Scan(ScanRequest((str(folder),), options=OPTIONS), matcher, tmp_path / "data", jobs=2) as running:
        results: list[FileResult] = list(running.results())
    assert [result.to_line() for result in results[:-2]] == here
    assert [match.entry for match in results[-2].matches] == [3]
    assert results[-2].place.endswith("z.tar!/three.png")


def test_a_video_has_a_caution_when_every_frame_of_it_is_too_plain() -> None:
    def of(*qualities: int) -> str | None:
        count = len(qualities)
        frames = FrameList.of(np.zeros((count, 32)), qualities, range(count), range(count), range(count), count)
        signal = Signal("vpdq", frames.digest(), frames=frames)
        caution = caution_of(MediaHash(MediaInfo("video/mp4", 9, 9, count), (signal,)))
        return None if caution is None else caution.detail

    assert of(10, 60) is None
    assert (of(10, 49) or "").startswith("Every frame of the video")
