"""Walk, hash, match, remember: one scan from its request to its results.

The results come in the order of the walk, whatever finishes first, and are the same after any interruption: what
the journal knows is told again, the rest is hashed. Memory does not grow with the number of files: the walk is
lazy, what is in flight is bounded, and nothing but counts is kept of a file once it was told.
"""

from __future__ import annotations

import os
import time
from collections import deque
from dataclasses import asdict, dataclass, field, replace
from typing import TYPE_CHECKING, Any, Protocol, Self

from hedgerow import __version__
from hedgerow.errors import DecoderCrashed
from hedgerow.hashing import SIGNAL_TYPES, HashOptions, Signal, Unchecked
from hedgerow.hashing.caution import caution_of
from hedgerow.hashing.known_good import KnownGood
from hedgerow.hashing.pool import FileHash, FileTask, HashingPool
from hedgerow.media import ArchiveLimits
from hedgerow.scanning.journal import Journal, Progressed, journal_path
from hedgerow.scanning.model import FileResult, Progress, ScanStatistics, ThroughputSample
from hedgerow.scanning.walk import FoundFile, Measure, WalkTally, measure, walk

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence
    from pathlib import Path
    from types import TracebackType

    from hedgerow.banks import Match
    from hedgerow.hashing.signal import Level

__all__ = ["Pool", "Scan", "ScanRequest", "Searcher", "types_wanted"]

# One search of many signals costs less than many searches; more than this would only delay what is told.
_BATCH_FILES = 32
_BATCH_S = 0.25

# How many files known to the journal may wait behind one that is being hashed.
_MOST_WAITING = 1024

_PROGRESS_EVERY_S = 0.1
_MOST_SAMPLES = 240

# To open a file costs about as much as to decode this much of it (measured: 0.4 ms against 150 MB/s of JPEG).
_WORK_OF_A_FILE_BYTES = 64 * 1024


class Searcher(Protocol):
    """What a scan needs of the banks; `hedgerow.banks.Matcher` is it."""

    def search_many(self, media: Sequence[Sequence[Signal]]) -> list[list[Match]]:
        """Return the matches of each media, given the signals of each."""
        ...

    def fingerprint(self) -> str:
        """Name the state of the banks."""
        ...

    def signal_types(self) -> Iterable[str]:
        """Name the signal types that the enabled banks hold."""
        ...

    def level(self) -> Level:
        """Name the highest level of the enabled banks."""
        ...


class Pool(Protocol):
    """What a scan needs of a hashing pool; `hedgerow.hashing.pool.HashingPool` is it."""

    def results(
        self, tasks: Iterable[FileTask], *, types: Sequence[str] | None = None, level: Level | None = None
    ) -> Iterator[FileHash]:
        """Hash files in the order given."""
        ...


@dataclass(frozen=True, slots=True)
class ScanRequest:
    """What is to be scanned, and how.

    Attributes:
        paths: Files and folders; results show them as they are written here.
        exclude: Globs of what to leave out, as `hedgerow.scanning.walk.walk` takes them.
        follow_links: Whether to follow links inside folders.
        options: How to hash. The signal types are chosen by the scan: PDQ, and the digests that the banks hold; and so
            is the level, as high as the banks need it.
    """

    paths: tuple[str, ...]
    exclude: tuple[str, ...] = ()
    follow_links: bool = False
    options: HashOptions = field(default_factory=lambda: HashOptions(level="standard", archives=True))


@dataclass(slots=True)
class _Waiting:
    """A file whose turn has not come: known from the journal in whole or in part, to be hashed, or neither."""

    found: FoundFile
    known: Progressed
    is_hashed: bool


@dataclass(frozen=True, slots=True)
class _Ready:
    """An answer that needs no matching."""

    found: FoundFile
    is_last: bool
    result: FileResult


@dataclass(frozen=True, slots=True)
class _Hashed:
    """An answer that is still to be matched."""

    found: FoundFile
    is_last: bool
    hashed: FileHash


class Scan:
    """One scan. Use it as a context manager, iterate over `results`, then call `finish`.

    Args:
        request: What to scan.
        matcher: The banks to match against.
        data: The data folder; it is passed by where it lies inside a path to scan.
        jobs: Processes that hash at the same time.
        archive_limits: How far archives are read.
        passing_by: Further paths not to walk: the reports being written.
        on_progress: Called at most ten times a second, and once at the end.
        is_fresh: Whether to forget what an interrupted run of the same scan has answered.
        pool: The hashing pool; made from the request where none is given.

    Attributes:
        statistics: How it went; complete once `results` is exhausted.

    Raises:
        NothingToScan: There is nothing at one of the paths.
        JournalBusy: The same scan is running already.
        DatabaseUnavailable: The journal cannot be written.
    """

    def __init__(  # noqa: PLR0913  (most of them optional)
        self,
        request: ScanRequest,
        matcher: Searcher,
        data: Path,
        *,
        jobs: int = 1,
        archive_limits: ArchiveLimits | None = None,
        passing_by: Sequence[str | os.PathLike[str]] = (),
        on_progress: Callable[[Progress], None] | None = None,
        is_fresh: bool = False,
        pool: Pool | None = None,
    ) -> None:
        self.statistics = ScanStatistics()
        self._request = request
        self._matcher = matcher
        self._passing_by = (data, *passing_by)
        self._on_progress = on_progress
        self._options = _as_needed(request.options, matcher)
        self._jobs = jobs
        self._archive_limits = archive_limits or ArchiveLimits()
        self._pool = pool
        self._own_pool: HashingPool | None = None
        self._tally = WalkTally()
        self._found = self._walk(self._tally)
        self._measure: Measure | None = None
        self._began_s = self._told_s = time.monotonic()
        self._work_bytes = 0
        self._sample_every_s = 0.25
        path = journal_path(data, _described(request, self._options, self._archive_limits), matcher.fingerprint())
        self._journal = Journal(path)
        if is_fresh and self._journal.was_found:
            self._journal.remove()
            self._journal = Journal(path)
        self.statistics.journal_was_damaged = self._journal.was_damaged

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        try:
            if self._own_pool is not None:
                self._own_pool.__exit__(kind, error, trace)
                self._own_pool = None
        finally:
            self._journal.close()

    @property
    def is_resumed(self) -> bool:
        """Whether an interrupted run of the same scan left answers that are used again."""
        return self._journal.was_found

    def measure(self) -> Measure:
        """Count what there is to do, so that progress can say how long it will take."""
        request = self._request
        self._measure = measure(
            request.paths, request.exclude, follow_links=request.follow_links, passing_by=self._passing_by
        )
        return self._measure

    def results(self) -> Iterator[FileResult]:
        """Yield every result once, in the order of the walk.

        A result is in the journal, or on its way there, when it is yielded. However this ends (Ctrl-C included),
        what was answered is committed, so that the same request goes on from there.
        """
        self._began_s = self._told_s = time.monotonic()
        batch: list[_Ready | _Hashed] = []
        oldest_s = 0.0
        try:
            for answer in self._answers():
                if not batch:
                    oldest_s = time.monotonic()
                batch.append(answer)
                if len(batch) >= _BATCH_FILES or time.monotonic() - oldest_s >= _BATCH_S:
                    full, batch = batch, []
                    yield from self._settle(full)
            full, batch = batch, []
            yield from self._settle(full)
            self._tell(is_end=True)
        except KeyboardInterrupt:
            list(self._settle(batch))  # for the journal: nobody listens any more
            raise
        finally:
            self._journal.flush()

    def finish(self, *, keep_journal: bool = False) -> None:
        """Delete the journal: call this once the reports are written."""
        if not keep_journal:
            self._journal.remove()

    def _walk(self, tally: WalkTally | None) -> Iterator[FoundFile]:
        request = self._request
        return walk(
            request.paths,
            request.exclude,
            follow_links=request.follow_links,
            passing_by=self._passing_by,
            tally=tally,
        )

    def _answers(self) -> Iterator[_Ready | _Hashed]:
        """Merge what the journal knows with what the pool finds out, in the order of the walk."""
        waiting: deque[_Waiting] = deque()
        is_more = True
        while is_more:
            tasks = self._tasks(waiting)
            # Files in front that the journal knows need no pool: on a resumed scan that is most of them
            first = next(tasks, None)
            is_more = first is not None or len(waiting) >= _MOST_WAITING
            if first is not None:
                yield from self._told_again(waiting)
                wanted = self._options
                for hashed in self._workers().results(_chained(first, tasks), types=wanted.types, level=wanted.level):
                    head = waiting[0]
                    if head.known.answers and not head.is_hashed:
                        yield from self._known(head)
                    head.is_hashed = True
                    yield _Hashed(head.found, hashed.is_last, hashed)
                    if hashed.is_last:
                        waiting.popleft()
                        yield from self._told_again(waiting)
            yield from self._told_again(waiting)
            for left in waiting:  # a pool that breaks its promise must not make a file disappear
                crash = DecoderCrashed("it gave no answer")
                yield _ready(left.found, Unchecked(crash.reason, str(crash)))
            waiting.clear()

    def _tasks(self, waiting: deque[_Waiting]) -> Iterator[FileTask]:
        """Queue found files and yield those to hash, until the walk ends or too many wait that need no hashing."""
        known_in_a_row = 0
        for found in self._found:
            if found.unchecked is not None:
                waiting.append(_Waiting(found, _UNHASHED, is_hashed=False))
                known_in_a_row += 1
            else:
                known = self._journal.progress(found)
                waiting.append(_Waiting(found, known, is_hashed=False))
                if not known.is_complete:
                    known_in_a_row = 0
                    yield FileTask(found.path, known.answers, found.size_bytes)
                    continue
                known_in_a_row += 1
            if known_in_a_row >= _MOST_WAITING:
                return

    def _told_again(self, waiting: deque[_Waiting]) -> Iterator[_Ready]:
        """Yield the answers of all files in front that need no hashing."""
        while waiting and waiting[0].known.is_complete:
            head = waiting.popleft()
            if head.found.unchecked is not None:
                yield _ready(head.found, head.found.unchecked)
            else:
                self.statistics.resumed += 1
                yield from self._known(head)

    def _known(self, file: _Waiting) -> Iterator[_Ready]:
        last = file.known.answers - 1
        for number, result in enumerate(self._journal.answers(file.found.path)):
            yield _Ready(file.found, file.known.is_complete and number == last, result)
            if number == last:
                return  # what this run adds to the journal meanwhile comes from the pool

    def _workers(self) -> Pool:
        if self._pool is not None:
            return self._pool
        if self._own_pool is None:
            self._own_pool = HashingPool(self._options, self._jobs, self._archive_limits)
            self._own_pool.__enter__()
        return self._own_pool

    def _settle(self, batch: Sequence[_Ready | _Hashed]) -> Iterator[FileResult]:
        """Match what was hashed, remember it, count it and let it out."""
        hashes = [answer.hashed for answer in batch if isinstance(answer, _Hashed)]
        matches = iter(self._matcher.search_many([each.hash.signals for each in hashes]) if hashes else ())
        results = []
        for answer in batch:
            if isinstance(answer, _Ready):
                result = answer.result
            else:
                result = _result(answer.hashed, next(matches))
                if not _may_change(result):
                    self._journal.add(answer.found, answer.hashed.number, result, is_last=answer.is_last)
            self._count(answer, result)
            results.append(result)
        yield from results

    def _count(self, answer: _Ready | _Hashed, result: FileResult) -> None:
        statistics = self.statistics
        statistics.count(result)
        if answer.is_last:
            statistics.files += 1
            statistics.size_bytes += answer.found.size_bytes
            if isinstance(answer, _Hashed):
                self._work_bytes += answer.found.size_bytes + _WORK_OF_A_FILE_BYTES
        self._tell()

    def _tell(self, *, is_end: bool = False) -> None:
        """Note the course of the run, and say how far it is where somebody listens."""
        now_s = time.monotonic()
        statistics = self.statistics
        elapsed_s = now_s - self._began_s
        statistics.duration_s = elapsed_s
        statistics.links_skipped, statistics.excluded = self._tally.links_skipped, self._tally.excluded
        self._sample(elapsed_s, is_end=is_end)
        if self._on_progress is None or (now_s - self._told_s < _PROGRESS_EVERY_S and not is_end):
            return
        self._told_s = now_s
        total = self._measure
        self._on_progress(
            Progress(
                statistics.files,
                total.files if total else None,
                statistics.size_bytes,
                total.size_bytes if total else None,
                statistics.matched,
                statistics.unchecked_results,
                elapsed_s,
                statistics.files_per_s,
                self._remaining_s(elapsed_s),
            )
        )

    def _sample(self, elapsed_s: float, *, is_end: bool) -> None:
        """Keep a bounded number of points: whenever there are too many, every other one goes."""
        samples = self.statistics.samples
        last_s = samples[-1].elapsed_s if samples else 0.0
        if elapsed_s - last_s >= self._sample_every_s or is_end:
            samples.append(ThroughputSample(elapsed_s, self.statistics.files - self.statistics.resumed))
            if len(samples) >= _MOST_SAMPLES:
                del samples[::2]
                self._sample_every_s *= 2

    def _remaining_s(self, elapsed_s: float) -> float | None:
        """Estimate from work done: bytes, and a share for each file."""
        if self._measure is None or not self._work_bytes:
            return None
        files = self._measure.files - self.statistics.files
        size_bytes = self._measure.size_bytes - self.statistics.size_bytes
        work_bytes = max(0, size_bytes + files * _WORK_OF_A_FILE_BYTES)
        return work_bytes * elapsed_s / self._work_bytes


_UNHASHED = Progressed(0, is_complete=True)


def _ready(found: FoundFile, why: Unchecked) -> _Ready:
    return _Ready(found, is_last=True, result=FileResult(found.path, unchecked=why))


def _chained(first: FileTask, rest: Iterator[FileTask]) -> Iterator[FileTask]:
    yield first
    yield from rest


def _as_needed(options: HashOptions, banks: Searcher) -> HashOptions:
    """Choose the signal types and the level."""
    return replace(options, types=types_wanted(banks.signal_types()), level=banks.level())


def types_wanted(by_banks: Iterable[str]) -> tuple[str, ...]:
    """Return the signal types to compute: PDQ always, others only where a bank holds some."""
    wanted = {"pdq", *by_banks}
    return tuple(name for name in SIGNAL_TYPES if name in wanted)


def _described(request: ScanRequest, options: HashOptions, archive_limits: ArchiveLimits) -> dict[str, Any]:
    """Write down everything that the answers depend on, besides the files and the banks."""
    return {
        "hedgerow": __version__,
        "paths": list(request.paths),
        "places": [os.path.realpath(path) for path in request.paths],
        "exclude": list(request.exclude),
        "follow_links": request.follow_links,
        "options": asdict(options) | {"known_good": _known_good(options)},
        "archive_limits": asdict(archive_limits),
    }


def _known_good(options: HashOptions) -> str | None:
    """Name what a set of known software holds: an answer of another set is no answer."""
    if options.known_good is None:
        return None
    known = KnownGood(options.known_good)
    known.close()
    return known.fingerprint


def _result(hashed: FileHash, matches: Sequence[Match]) -> FileResult:
    return FileResult(
        hashed.path,
        hashed.member,
        hashed.hash.media,
        tuple(matches),
        hashed.hash.unchecked,
        caution_of(hashed.hash),
        any(SIGNAL_TYPES[signal.type].is_perceptual for signal in hashed.hash.signals),
    )


def _may_change(result: FileResult) -> bool:
    """Say whether to look again when the scan goes on: a permission may be granted while a file stays the same."""
    return result.unchecked is not None and result.unchecked.reason == "unreadable" and result.member is None
