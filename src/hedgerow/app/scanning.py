"""Scan and group whole folders for a door."""

from __future__ import annotations

from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from hedgerow.app.banks import list_banks
from hedgerow.app.clock import now
from hedgerow.app.hashing import archive_limits, hash_options
from hedgerow.app.matching import likely_wanted, open_matcher

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from contextlib import ExitStack
    from datetime import datetime

    from hedgerow.hashing import HashOptions
    from hedgerow.hashing.pool import FileTask, HashingPool
    from hedgerow.media.sandbox_nursery import Nursery
    from hedgerow.scanning import (
        BankLine,
        FileResult,
        Progress,
        Report,
        ReportHeader,
        Scan,
        ScanStatistics,
    )
    from hedgerow.scanning.group import Group, GroupStatistics
    from hedgerow.settings import Settings

__all__ = ["ScanPlan", "early_nursery", "group_files", "scan"]


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
        known_good: Where a set of known software lies, which is not decoded; None where all is.
    """

    paths: tuple[str, ...]
    exclude: tuple[str, ...] = ()
    follow_links: bool = False
    banks: tuple[str, ...] = ()
    reports: tuple[str, ...] = ()
    has_tiles: bool = False
    is_fresh: bool = False
    keeps_journal: bool = False
    known_good: str | None = None


@contextmanager
def early_nursery() -> Iterator[Nursery | None]:
    """Start the process from which a scan's workers will be forked; it comes up while the settings are read."""
    from hedgerow.media.sandbox import start_nursery

    nursery = start_nursery("hedgerow.hashing.worker")  # named only: it loads while we load what we need ourselves
    try:
        yield nursery
    finally:
        if nursery is not None:
            nursery.close()


def scan(
    settings: Settings,
    plan: ScanPlan,
    *,
    on_result: Callable[[FileResult], None] | None = None,
    on_progress: Callable[[Progress], None] | None = None,
    on_start: Callable[[bool], None] | None = None,
    nursery: Nursery | None = None,
) -> ScanStatistics:
    """Scan, write the reports, and return how it went.

    Args:
        settings: Limits, jobs, data folder.
        plan: What to do.
        on_result: Called with each result, in the order of the walk.
        on_progress: Called at most ten times a second.
        on_start: Called once, with whether an interrupted run is taken up again.
        nursery: From `early_nursery`, where the caller entered that before it read the settings.
    """
    from contextlib import ExitStack

    from hedgerow.hashing.pool import HashingPool

    started = now()
    with ExitStack() as stack:
        pool = stack.enter_context(
            HashingPool(
                _options(settings, plan),
                settings.jobs,
                archive_limits(settings),
                is_long=_holds_more_than(_LONG_SCAN_BYTES, plan.paths),
                nursery=nursery,
            )
        )
        pool.start()
        # The processes have something to do while this one loads the database
        types, level = likely_wanted(settings, plan.banks)
        pool.begin(_first_files(settings, plan), types=types, level=level)
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
        if reports:
            header = _report_header(settings, plan, started, running.statistics)
            for report in reports:
                report.finish(header)
        running.finish(keep_journal=plan.keeps_journal)
        return running.statistics


def _options(settings: Settings, plan: ScanPlan) -> HashOptions:
    """Return how a scan hashes.

    Raises:
        KnownGoodUnreadable: There is no set of known software at its place.
    """
    options = hash_options(settings)
    if plan.known_good is None:
        return options
    from hedgerow.hashing.known_good import KnownGood

    KnownGood(plan.known_good).close()  # a worker that cannot read it could only die
    return replace(options, known_good=str(Path(plan.known_good).absolute()))


_EARLY_BYTES = 4 * 1024**2  # of one file: it may turn out that an interrupted run has dealt with it


def _first_files(settings: Settings, plan: ScanPlan) -> Iterator[FileTask]:
    """Walk as the scan will, up to the first path that is no small file; should they differ, time is lost only."""
    from hedgerow.errors import NothingToScan
    from hedgerow.hashing.pool import FileTask
    from hedgerow.scanning import walk, written_paths

    passing_by = [settings.data, *(path for report in plan.reports for path in written_paths(report))]
    found = walk(plan.paths, plan.exclude, follow_links=plan.follow_links, passing_by=passing_by)
    try:
        for each in found:
            if each.unchecked is not None or each.size_bytes > _EARLY_BYTES:
                return
            yield FileTask(each.path, size_bytes=each.size_bytes)
    except NothingToScan:
        return  # the scan itself says so, once it is known that there are banks


_LONG_SCAN_BYTES = 1024**3  # half a minute of work on two cores, of which loading compiled kernels takes one second
_LOOK_S = 0.2


def _holds_more_than(size_bytes: int, paths: Sequence[str]) -> bool:
    """Whether a short look (a fifth of a second) at some folders already finds so many bytes."""
    from itertools import chain
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
        ScanRequest(plan.paths, plan.exclude, plan.follow_links, _options(settings, plan)),
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
    from hedgerow.scanning.group import Grouping, group

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
