"""The hallway: it knows the settings, opens the database, and hands each door what it asks for.

A door calls one function here and shows what comes back; it sees neither SQL nor arrays.
"""

from __future__ import annotations

from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, BinaryIO, TextIO

from hedgerow.errors import NoBanks

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence
    from contextlib import ExitStack
    from pathlib import Path

    from hedgerow.banks import Added, Attributes, Bank, BankSummary, ImportReport, Match, Matcher
    from hedgerow.banks.formats import ReadOptions
    from hedgerow.database import Database
    from hedgerow.hashing import HashOptions, MediaHash, Signal, Unchecked
    from hedgerow.hashing.pool import HashingPool
    from hedgerow.media import ArchiveLimits, MediaInfo
    from hedgerow.scanning import (
        BankLine,
        FileResult,
        Group,
        GroupStatistics,
        Progress,
        Report,
        ReportHeader,
        Scan,
        ScanStatistics,
    )
    from hedgerow.settings import Settings

__all__ = [
    "BankChange",
    "Comparison",
    "ScanPlan",
    "add_files",
    "add_values",
    "archive_limits",
    "caution_object",
    "change_bank",
    "compare",
    "create_bank",
    "export_bank",
    "group_files",
    "hash_files",
    "hash_options",
    "import_bank",
    "list_banks",
    "match_files",
    "media_object",
    "now",
    "open_matcher",
    "scan",
    "show_bank",
    "unchecked_object",
    "withdraw",
]


def now() -> datetime:
    """Read the clock; everything below the doors is handed the time."""
    return datetime.now(UTC)


# ── hashing ──────────────────────────────────────────────────────────────────────────────────────────────────────


def hash_files(
    settings: Settings,
    paths: Iterable[str],
    *,
    types: Sequence[str] = ("pdq",),
    **how: Any,  # noqa: ANN401  (fields of HashOptions)
) -> Iterator[tuple[str, MediaHash]]:
    """Hash files in killable processes, in the order given.

    Args:
        settings: Limits and jobs.
        paths: The files.
        types: Signal types wanted.
        **how: Further fields of `hedgerow.hashing.HashOptions`.
    """
    from hedgerow.hashing import HashOptions
    from hedgerow.hashing.pool import FileTask, HashingPool

    options = HashOptions(tuple(types), settings.media_limits(), **how)
    with HashingPool(options, settings.jobs) as pool:
        for answer in pool.results(FileTask(path) for path in paths):
            yield answer.path, answer.hash


def media_object(media: MediaInfo | None) -> dict[str, object] | None:
    """Return what a piece of media is, for JSON output."""
    if media is None:
        return None
    return {
        "type": media.type,
        "width": media.width,
        "height": media.height,
        "frames": media.frames,
        "truncated": media.is_truncated,
    }


def unchecked_object(unchecked: Unchecked | None) -> dict[str, str] | None:
    """Return why something could not be checked, for JSON output."""
    return None if unchecked is None else {"reason": unchecked.reason, "detail": unchecked.detail}


@dataclass(frozen=True, slots=True)
class Comparison:
    """How alike two pictures are.

    Attributes:
        paths: The two files.
        distances: Bits by variant of the second file, nearest first.
        qualities: PDQ quality of both; None where it could not be hashed.
        threshold: Bits that count as a match.
        unchecked: Why one could not be (wholly) looked at, by path.
    """

    paths: tuple[str, str]
    distances: tuple[tuple[str, int], ...]
    qualities: tuple[int | None, int | None]
    threshold: int
    unchecked: dict[str, Unchecked]

    @property
    def is_match(self) -> bool:
        """Whether any variant lies within the threshold."""
        return bool(self.distances) and self.distances[0][1] <= self.threshold

    @property
    def is_too_plain(self) -> bool:
        """Whether one of the pictures is too plain for its PDQ to mean much."""
        from hedgerow.hashing import MINIMUM_QUALITY

        return any(quality is not None and quality < MINIMUM_QUALITY for quality in self.qualities)

    @property
    def meaning(self) -> str:
        """What the distance means, in one sentence."""
        if not self.distances:
            return "They cannot be compared."
        variant, distance = self.distances[0]
        how = "" if variant == "as is" else f" once it is seen {variant}"
        if distance <= min(10, self.threshold):  # 10 bits is the PDQ README's tolerance between two decoders
            meaning = f"The same picture{how}, perhaps saved again or resized."
        elif distance <= self.threshold:
            meaning = f"A near copy{how}: within the threshold of {self.threshold} bits."
        else:
            meaning = (
                f"No match: {distance} bits, and the threshold is {self.threshold}. "
                "Unrelated pictures lie about 128 bits apart."
            )
        if self.is_too_plain:
            meaning += " One picture is too plain (quality below 50) for this to mean much."
        return meaning

    def as_object(self) -> dict[str, object]:
        """Return everything, for JSON output."""
        return {
            "a": self.paths[0],
            "b": self.paths[1],
            "match": self.is_match,
            "threshold": self.threshold,
            "quality": {"a": self.qualities[0], "b": self.qualities[1]},
            "distances": [{"variant": variant, "distance": distance} for variant, distance in self.distances],
            "meaning": self.meaning,
            "unchecked": {path: unchecked_object(each) for path, each in self.unchecked.items()} or None,
        }

    def lines(self) -> Iterator[str]:
        """Return everything, for a person."""
        for path, unchecked in self.unchecked.items():
            yield f"{path}: {unchecked.detail}"
        yield self.meaning
        if self.distances:
            yield f"quality {self.qualities[0]} and {self.qualities[1]}"
        for variant, distance in self.distances:
            yield f"{distance:>5} bits  {variant}"


def compare(settings: Settings, a: str, b: str) -> Comparison:
    """Compare two pictures under every variant of the second."""
    known = dict(hash_files(settings, [a], exact=True))[a]
    asked = dict(hash_files(settings, [b], with_query_variants=True))[b]
    nearest: dict[str, int] = {}
    for one in known.signals:
        for other in asked.signals:
            distance = (int.from_bytes(one.bits, "big") ^ int.from_bytes(other.bits, "big")).bit_count()
            nearest[other.variant] = min(distance, nearest.get(other.variant, 256))
    unchecked = {path: each.unchecked for path, each in ((a, known), (b, asked)) if each.unchecked is not None}
    return Comparison(
        (a, b),
        tuple(sorted(nearest.items(), key=lambda item: item[1])),
        (_first_quality(known), _first_quality(asked)),
        settings.threshold,
        unchecked,
    )


def _first_quality(result: MediaHash) -> int | None:
    return result.signals[0].quality if result.signals else None


# ── banks ────────────────────────────────────────────────────────────────────────────────────────────────────────


@dataclass(frozen=True, slots=True)
class BankChange:
    """What is to change about a bank; None leaves a thing as it is."""

    threshold: int | None = None
    minimum_quality: int | None = None
    is_enabled: bool | None = None


@contextmanager
def _database(settings: Settings) -> Iterator[Database]:
    from hedgerow.migrations import open_migrated

    database = open_migrated(settings)
    try:
        yield database
    finally:
        database.close()


def create_bank(
    settings: Settings,
    name: str,
    *,
    threshold: int | None = None,
    minimum_quality: int | None = None,
    note: str | None = None,
) -> Bank:
    """Create a bank; what is not said comes from the settings."""
    from hedgerow.banks import records

    with _database(settings) as database, database.write() as connection:
        return records.create_bank(
            connection,
            name,
            now=now(),
            threshold=settings.threshold if threshold is None else threshold,
            minimum_quality=settings.minimum_quality if minimum_quality is None else minimum_quality,
            note=note,
        )


def change_bank(settings: Settings, name: str, change: BankChange) -> Bank:
    """Change a bank's threshold, minimum quality, or whether it is searched."""
    from hedgerow.banks import records

    with _database(settings) as database, database.write() as connection:
        return records.change_bank(
            connection,
            records.find_bank(connection, name),
            threshold=change.threshold,
            minimum_quality=change.minimum_quality,
            is_enabled=change.is_enabled,
        )


def list_banks(settings: Settings) -> list[BankSummary]:
    """List the banks with what is in them; none where there is no database yet."""
    from hedgerow.banks import records
    from hedgerow.migrations import open_existing

    database = open_existing(settings)
    if database is None:
        return []
    try:
        with database.read() as connection:
            return records.list_banks(connection)
    finally:
        database.close()


def show_bank(settings: Settings, name: str, limit: int) -> tuple[BankSummary, list[dict[str, object]]]:
    """Return a bank and its first live entries; signal values are for whoever asks for an export."""
    from itertools import islice

    from hedgerow.banks import records

    with _database(settings) as database, database.read() as connection:
        bank = records.find_bank(connection, name)
        summary = next(each for each in records.list_banks(connection) if each.bank.id == bank.id)
        entries: list[dict[str, object]] = [
            {
                "entry": entry.id,
                "type": entry.signal.type,
                "quality": entry.signal.quality,
                "variant": entry.signal.variant,
                "category": entry.attributes.category,
                "provenance": entry.attributes.provenance,
                "added_at": entry.attributes.added_at.isoformat() if entry.attributes.added_at else None,
                "note": entry.attributes.note,
            }
            for entry in islice(records.iterate_entries(connection, bank), limit)
        ]
        return summary, entries


def add_files(
    settings: Settings,
    name: str,
    paths: Sequence[str],
    *,
    types: Sequence[str] = ("pdq",),
    attributes: Attributes | None = None,
) -> Iterator[tuple[str, MediaHash, Added]]:
    """Hash files exactly and add their signals to a bank, one transaction a file."""
    from hedgerow.banks import Attributes, NewEntry, records

    said = attributes or Attributes()
    with _database(settings) as database:
        with database.read() as connection:
            bank = records.find_bank(connection, name)
        for path, result in hash_files(settings, paths, types=types, exact=True):
            with database.write() as connection:
                new = [NewEntry(signal, said) for signal in result.signals]
                added = records.add_entries(connection, bank, new, now=now())
            yield path, result, added


def add_values(
    settings: Settings, name: str, signals: Sequence[Signal], *, attributes: Attributes | None = None
) -> Added:
    """Add signals that came as text to a bank."""
    from hedgerow.banks import Attributes, NewEntry, records

    said = attributes or Attributes()
    with _database(settings) as database, database.write() as connection:
        bank = records.find_bank(connection, name)
        return records.add_entries(connection, bank, [NewEntry(each, said) for each in signals], now=now())


def import_bank(
    settings: Settings,
    name: str,
    source: Path | BinaryIO,
    *,
    options: ReadOptions,
    readmit_withdrawn: bool = False,
) -> ImportReport:
    """Add the signals of a list to a bank: all of them in one transaction, or none."""
    from hedgerow.banks import import_entries, records

    with _database(settings) as database:
        with database.write() as connection:
            report = import_entries(
                connection,
                records.find_bank(connection, name),
                source,
                now=now(),
                options=options,
                readmit_withdrawn=readmit_withdrawn,
                listed_rejections=settings.imports.rejections,
            )
        # The index of a large bank is built now, while somebody is waiting anyway, not at the next match.
        _matcher(settings, database, [name]).load()
        return report


def export_bank(settings: Settings, name: str, out: TextIO, *, form: str, only_redistributable: bool) -> int:
    """Write a bank's live entries and return how many."""
    from hedgerow.banks import export_entries, records

    with _database(settings) as database, database.read() as connection:
        bank = records.find_bank(connection, name)
        return export_entries(connection, bank, out, format=form, only_redistributable=only_redistributable)


def withdraw(settings: Settings, name: str, entry: str, *, reason: str | None = None) -> list[int]:
    """Withdraw an entry, by its id or its value, and return the ids."""
    from hedgerow.banks import records

    with _database(settings) as database, database.write() as connection:
        return records.withdraw_entry(connection, records.find_bank(connection, name), entry, now=now(), reason=reason)


# ── matching ─────────────────────────────────────────────────────────────────────────────────────────────────────


def _matcher(settings: Settings, database: Database, only: Sequence[str] = ()) -> Matcher:
    from hedgerow.banks import Matcher

    return Matcher(
        database,
        settings.data,
        small_bank_entries=settings.index.small_bank_entries,
        delta_entries=settings.index.delta_entries,
        only=only or None,
    )


@contextmanager
def open_matcher(settings: Settings, only: Sequence[str] = ()) -> Iterator[Matcher]:
    """Open the enabled banks for matching, or some of them by name.

    Raises:
        BankNotFound: A bank of that name does not exist.
        NoBanks: There is nothing to match against.
    """
    from hedgerow.migrations import open_existing

    database = open_existing(settings)
    if database is None:
        raise NoBanks
    try:
        matcher = _matcher(settings, database, only)
        matcher.refresh()  # also says whether every bank that is asked for exists
        if not matcher.signal_types():
            raise NoBanks
        yield matcher
    finally:
        database.close()


def match_files(settings: Settings, paths: Sequence[str]) -> Iterator[tuple[str, MediaHash, list[Match]]]:
    """Look up files, and the files below folders, in the banks, in the order given."""
    from pathlib import Path

    from hedgerow.hashing import HashOptions
    from hedgerow.hashing.pool import FileTask, HashingPool

    options = HashOptions(limits=settings.media_limits(), with_query_variants=True)
    has_folders = any(Path(path).is_dir() for path in paths)
    with HashingPool(options, settings.jobs if has_folders else min(settings.jobs, len(paths))) as pool:
        pool.start()  # the processes come up while this one loads the database
        with open_matcher(settings) as matcher:
            types = ("pdq", *sorted(set(matcher.signal_types()) - {"pdq"}))
            for answer in pool.results((FileTask(path) for path in _files_of(paths)), types=types):
                yield answer.path, answer.hash, matcher.search(answer.hash.signals)


def _files_of(paths: Sequence[str]) -> Iterator[str]:
    from pathlib import Path

    from hedgerow.scanning import walk

    for path in paths:
        if Path(path).is_dir():
            yield from (found.path for found in walk([path]))
        else:
            yield path


def caution_object(result: MediaHash) -> dict[str, str] | None:
    """Return what a person should know about a file that was matched all the same, for JSON output."""
    from hedgerow.scanning.scan import caution_of

    caution = caution_of(result)
    return None if caution is None else {"reason": caution.reason, "detail": caution.detail}


# ── scanning ─────────────────────────────────────────────────────────────────────────────────────────────────────


@dataclass(frozen=True, slots=True)
class ScanPlan:
    """What a scan is to do.

    Attributes:
        paths: Files and folders.
        exclude: Globs of what to leave out.
        follow_links: Whether to follow links inside folders.
        banks: Banks to search; all enabled ones where empty.
        reports: Report files to write; the end of the name decides the format.
        has_tiles: Whether the HTML report shows small blurred grey pictures of what matched.
        is_fresh: Whether to forget an interrupted run.
        keeps_journal: Whether a finished scan keeps its journal, so that a repeated one only hashes what is new.
    """

    paths: tuple[str, ...]
    exclude: tuple[str, ...] = ()
    follow_links: bool = False
    banks: tuple[str, ...] = ()
    reports: tuple[str, ...] = ()
    has_tiles: bool = False
    is_fresh: bool = False
    keeps_journal: bool = False


def scan(
    settings: Settings,
    plan: ScanPlan,
    *,
    on_result: Callable[[FileResult], None] | None = None,
    on_progress: Callable[[Progress], None] | None = None,
    on_start: Callable[[bool], None] | None = None,
) -> ScanStatistics:
    """Scan, write the reports, and return how it went.

    Args:
        settings: Limits, jobs, data folder.
        plan: What to do.
        on_result: Called with each result, in the order of the walk.
        on_progress: Called at most ten times a second.
        on_start: Called once, with whether an interrupted run is taken up again.
    """
    from contextlib import ExitStack

    from hedgerow.hashing.pool import HashingPool

    started = now()
    with ExitStack() as stack:
        is_long = _holds_more_than(_LONG_SCAN_BYTES, plan.paths)
        pool = stack.enter_context(
            HashingPool(hash_options(settings), settings.jobs, archive_limits(settings), is_long=is_long)
        )
        pool.start()  # the processes come up while this one loads the database
        running, reports = _prepare_scan(settings, plan, pool, stack, on_progress)
        if on_start is not None:
            on_start(running.is_resumed)
        if on_progress is not None:
            running.measure()
        for result in running.results():
            for report in reports:
                report.add(result)
            if on_result is not None:
                on_result(result)
        header = _report_header(settings, plan, started, running.statistics)
        for report in reports:
            report.finish(header)
        running.finish(keep_journal=plan.keeps_journal)
        return running.statistics


_LONG_SCAN_BYTES = 1024**3  # half a minute of work on two cores, of which loading compiled kernels takes one second
_LOOK_S = 0.2


def _holds_more_than(size_bytes: int, paths: Sequence[str]) -> bool:
    """Whether a short look (a fifth of a second) at some folders already finds so many bytes."""
    from itertools import chain
    from pathlib import Path
    from time import monotonic

    until = monotonic() + _LOOK_S
    for path in map(Path, paths):
        for found in chain([path], path.rglob("*")):
            try:
                size_bytes -= found.lstat().st_size
            except OSError:
                continue  # gone meanwhile; the scan itself will say what it cannot read
            if size_bytes < 0 or monotonic() > until:
                return size_bytes < 0
    return False


def _prepare_scan(
    settings: Settings,
    plan: ScanPlan,
    pool: HashingPool,
    stack: ExitStack,
    on_progress: Callable[[Progress], None] | None,
) -> tuple[Scan, list[Report]]:
    from hedgerow.scanning import Scan, ScanRequest, open_report, remove_abandoned, written_paths

    remove_abandoned(settings.data, now())
    matcher = stack.enter_context(open_matcher(settings, only=plan.banks))
    scan = Scan(
        ScanRequest(plan.paths, plan.exclude, plan.follow_links, hash_options(settings)),
        matcher,
        settings.data,
        archive_limits=archive_limits(settings),
        passing_by=[path for report in plan.reports for path in written_paths(report)],
        on_progress=on_progress,
        is_fresh=plan.is_fresh,
        pool=pool,
    )
    stack.enter_context(scan)
    make_tile = None
    if plan.has_tiles:
        from hedgerow.scanning.tiles import TileMaker

        make_tile = stack.enter_context(TileMaker(settings.media_limits()))
    reports = [
        stack.enter_context(open_report(path, row_limit=settings.report.html_rows, make_tile=make_tile))
        for path in plan.reports
    ]
    return scan, reports


def _report_header(settings: Settings, plan: ScanPlan, started: datetime, statistics: ScanStatistics) -> ReportHeader:
    from hedgerow import __version__
    from hedgerow.scanning import ReportHeader

    return ReportHeader(plan.paths, started, __version__, _bank_lines(settings, plan.banks), statistics)


def _bank_lines(settings: Settings, only: Sequence[str]) -> tuple[BankLine, ...]:
    from hedgerow.scanning import BankLine

    return tuple(
        BankLine(each.bank.name, each.bank.threshold, sum(each.live.values()))
        for each in list_banks(settings)
        if each.bank.is_enabled and (not only or each.bank.name in only)
    )


def hash_options(settings: Settings) -> HashOptions:
    """Return how a scan hashes."""
    from hedgerow.hashing import HashOptions

    return HashOptions(limits=settings.media_limits(), with_query_variants=True, archives=True)


def archive_limits(settings: Settings) -> ArchiveLimits:
    """Return how far archives are read."""
    from hedgerow.media import ArchiveLimits

    return ArchiveLimits(**settings.archives.model_dump())


def group_files(
    settings: Settings,
    paths: Sequence[str],
    *,
    threshold: int | None = None,
    exclude: Sequence[str] = (),
    follow_links: bool = False,
    on_group: Callable[[Group], None],
) -> GroupStatistics:
    """Find the groups of near-duplicates below some paths and return what was looked at."""
    from hedgerow.scanning import Grouping, group

    with Grouping(settings.threshold if threshold is None else threshold) as grouping:
        found = group(
            paths,
            grouping,
            exclude=exclude,
            follow_links=follow_links,
            options=hash_options(settings),
            archive_limits=archive_limits(settings),
            passing_by=[settings.data],
            jobs=settings.jobs,
        )
        for each in found:
            on_group(each)
        return grouping.statistics
