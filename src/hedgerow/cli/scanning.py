"""``hedgerow scan`` and ``hedgerow group``: whole folders."""

from __future__ import annotations

import sys
from contextlib import contextmanager
from typing import TYPE_CHECKING

import click

from hedgerow.cli.exits import DONE, UNCHECKED, verdict
from hedgerow.cli.options import as_json, data_option, jobs_option, json_option, print_json, settings_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from hedgerow.app import ScanPlan
    from hedgerow.media.sandbox_nursery import Nursery
    from hedgerow.scanning import FileResult, Progress, ScanStatistics
    from hedgerow.scanning.group import Group, GroupStatistics
    from hedgerow.settings import Settings

__all__ = ["group_command", "run_scan", "scan_command"]


@click.command("scan", short_help="Look up whole folders and archives, and write a report.")
@click.argument("paths", nargs=-1, required=True, metavar="PATH…")
@click.option(
    "--report",
    "reports",
    multiple=True,
    metavar="FILE",
    type=click.Path(dir_okay=False),
    help="Write a report; its name ends in .html, .jsonl, .csv or .parquet. May be given several times.",
)
@click.option(
    "--bank", "banks", multiple=True, metavar="NAME", help="Search only this bank. May be given several times."
)
@click.option("--exclude", multiple=True, metavar="GLOB", help="Leave out what matches, such as '*.txt' or 'cache/*'.")
@click.option("--follow-links", is_flag=True, help="Follow links inside folders.")
@click.option("--tiles", is_flag=True, help="Show small blurred grey tiles of matches in the HTML report.")
@click.option("--fresh", is_flag=True, help="Begin anew instead of going on with an interrupted run.")
@click.option(
    "--keep-journal", is_flag=True, help="Remember the answers, so that a repeated scan hashes only new files."
)
@click.option(
    "--known-good",
    metavar="SET",
    type=click.Path(exists=True, dir_okay=False),
    help="Do not decode known software (see `hedgerow known-good make`); its digests are looked up all the same.",
)
@click.option("--progress/--no-progress", "shows_progress", default=None, help="[default: on a terminal]")
@jobs_option
@data_option
@json_option
@click.pass_context
def scan_command(
    ctx: click.Context,
    paths: tuple[str, ...],
    reports: tuple[str, ...],
    banks: tuple[str, ...],
    exclude: tuple[str, ...],
    follow_links: bool,
    tiles: bool,
    fresh: bool,
    keep_journal: bool,
    known_good: str | None,
    shows_progress: bool | None,
    jobs: int | None,
    data: str | None,
    is_json: bool,
) -> None:
    """Look up everything below each PATH: files, folders, and pictures and videos inside zip and tar archives.

    Interrupt it at any time; the same command goes on where it was.

    Exit status: 0 nothing matched, 1 something matched, 3 something could not be checked.
    """
    from hedgerow import app

    plan = app.ScanPlan(paths, exclude, follow_links, banks, reports, tiles, fresh, keep_journal, known_good)
    on_result = _print_result_object if is_json else _print_result
    with app.early_nursery() as nursery:
        settings = settings_of(ctx, data, jobs=jobs)
        statistics = run_scan(settings, plan, shows_progress=shows_progress, on_result=on_result, nursery=nursery)
    if is_json:
        sys.stdout.flush()
    else:
        _print_statistics(statistics, reports)
    ctx.exit(verdict(has_matches=statistics.matched > 0, has_unchecked=statistics.unchecked_results > 0))


def run_scan(
    settings: Settings,
    plan: ScanPlan,
    *,
    shows_progress: bool | None,
    on_result: Callable[[FileResult], None],
    nursery: Nursery | None = None,
) -> ScanStatistics:
    """Scan with a progress bar on the error stream, and say how to go on when interrupted."""
    from hedgerow import app

    is_shown = sys.stderr.isatty() if shows_progress is None else shows_progress
    try:
        with _progress_bar(is_shown=is_shown) as on_progress:
            return app.scan(
                settings, plan, on_result=on_result, on_progress=on_progress, on_start=_print_resumed, nursery=nursery
            )
    except KeyboardInterrupt:
        click.echo("\nInterrupted. Give the same command again to go on from here.", err=True)
        raise


def _print_resumed(is_resumed: bool) -> None:  # a callback
    if is_resumed:
        click.echo("Going on with an interrupted scan (--fresh begins anew).", err=True)


def _print_result_object(result: FileResult) -> None:
    sys.stdout.write(as_json(result.to_json()) + "\n")


def _print_result(result: FileResult) -> None:
    from hedgerow.scanning.words import briefly_where

    place = printable(result.place)
    for match in result.matches:
        how = f"{match.distance:>2} bits" if match.type in {"pdq", "vpdq"} else "equal  "
        where = briefly_where(match)
        seen = f"{match.variant}{where and f': {where}'}"
        click.echo(f"match  {how}  {match.bank} entry {match.entry}  {place}  ({seen})")


def printable(path: str) -> str:
    """Return a path as a terminal may show it: undecodable bytes and control characters escaped."""
    from hedgerow.scanning.report import shown

    return shown(path)


def _print_statistics(statistics: ScanStatistics, reports: tuple[str, ...]) -> None:
    click.echo(
        f"{statistics.files:,} files, {_pictures(statistics)}: {statistics.matched:,} matched, "
        f"{statistics.unchecked_results:,} could not be checked"
        + (f", {statistics.cautions:,} too plain to compare" if statistics.cautions else "")
        + (f", {statistics.known_good:,} known software" if statistics.known_good else "")
        + f" ({statistics.duration_s:.1f} s, {statistics.files_per_s:,.0f} files/s)"
    )
    for reason, count in statistics.unchecked.most_common():
        click.echo(f"{count:>8,}  unchecked: {reason}")
    for report in reports:
        click.echo(f"report: {report}")
    if statistics.unchecked_results and not reports:
        click.echo("Add --report FILE.html or --json to see which files could not be checked, and why.")


def _pictures(statistics: ScanStatistics | GroupStatistics) -> str:
    videos = f", {statistics.videos:,} videos" if statistics.videos else ""
    return f"{statistics.pictures:,} pictures{videos}"


@contextmanager
def _progress_bar(*, is_shown: bool) -> Iterator[Callable[[Progress], None] | None]:
    if not is_shown:
        yield None
        return
    from rich.console import Console
    from rich.progress import BarColumn, TextColumn
    from rich.progress import Progress as Bar

    columns = (
        BarColumn(),
        TextColumn("{task.completed:,.0f}/{task.total:,.0f} files"),
        TextColumn("{task.fields[rate]}"),
        TextColumn("{task.fields[rest]}"),
        TextColumn("{task.fields[found]}"),
    )
    with Bar(*columns, console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task("scan", total=0, rate="", rest="", found="")

        def show(progress: Progress) -> None:
            rest = "" if progress.remaining_s is None else f"{_clock(progress.remaining_s)} to go"
            bar.update(
                task,
                total=progress.files_total or progress.files_done,
                completed=progress.files_done,
                rate=f"{progress.files_per_s:,.0f}/s",
                rest=rest,
                found=f"{progress.matched:,} matched, {progress.unchecked:,} unchecked",
            )

        yield show


def _clock(seconds: float) -> str:
    minutes, rest = divmod(int(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{rest:02}" if hours else f"{minutes}:{rest:02}"


@click.command("group", short_help="Find near-duplicates within folders.")
@click.argument("paths", nargs=-1, required=True, metavar="PATH…")
@click.option("--threshold", type=int, metavar="BITS", help="Largest distance within a group, 0-64. [default: 31]")
@click.option("--exclude", multiple=True, metavar="GLOB", help="Leave out what matches.")
@click.option("--follow-links", is_flag=True, help="Follow links inside folders.")
@jobs_option
@data_option
@json_option
@click.pass_context
def group_command(
    ctx: click.Context,
    paths: tuple[str, ...],
    threshold: int | None,
    exclude: tuple[str, ...],
    follow_links: bool,
    jobs: int | None,
    data: str | None,
    is_json: bool,
) -> None:
    """Find groups of near-duplicates below each PATH, so that a person looks at one picture of each.

    Exit status: 0, or 3 where something could not be checked.
    """
    from hedgerow import app

    sizes: list[int] = []

    def show(each: Group) -> None:
        sizes.append(len(each.members))
        if is_json:
            print_json(each.to_json())
            return
        click.echo(f"group {each.number}: look at {printable(each.representative)}")
        for member in each.members:
            if member.path != each.representative:
                click.echo(f"  {member.distance:>3} bits  {printable(member.path)}  ({member.variant})")

    statistics = app.group_files(
        settings_of(ctx, data, jobs=jobs),
        paths,
        threshold=threshold,
        exclude=exclude,
        follow_links=follow_links,
        on_group=show,
    )
    unchecked = statistics.unchecked.total()
    if not is_json:
        click.echo(
            f"{statistics.files:,} files, {_pictures(statistics)}: {len(sizes):,} groups hold {sum(sizes):,} "
            f"of them; {unchecked:,} could not be checked."
        )
    ctx.exit(UNCHECKED if unchecked else DONE)
