"""``hedgerow evaluate``: how well altered copies of ordinary pictures are found."""

from __future__ import annotations

import sys
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Literal

import click

from hedgerow.cli.exits import DONE
from hedgerow.cli.options import data_option, jobs_option, json_option, print_json, settings_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from hedgerow.evaluation import Progress, Recommendation, Report

__all__ = ["evaluate_command"]

_LevelName = Literal["exact", "standard", "thorough"]


@click.command(
    "evaluate",
    short_help="Measure how well altered copies of ordinary pictures are found.",
    context_settings={"help_option_names": ["-h", "--help"]},
)
@click.argument("folder", required=False, type=click.Path(exists=True, file_okay=False, path_type=Path))
@click.option(
    "--level",
    "levels",
    multiple=True,
    type=click.Choice(["exact", "standard", "thorough"]),
    help="Measure this level of query variants. May be given several times. [default: all]",
)
@click.option("--threshold", type=int, metavar="BITS", help="The one threshold, 0-64. [default: 31]")
@click.option(
    "--transforms",
    multiple=True,
    metavar="GLOB",
    help="Only transforms whose name, family or row fits, such as 'crop*' or 'screenshot'. May be given several times.",
)
@click.option(
    "--sample",
    type=click.IntRange(1),
    default=100,
    show_default=True,
    metavar="N",
    help="Alter so many pictures; the others are only banked.",
)
@click.option(
    "--bank-size",
    type=click.IntRange(1),
    default=1_000_000,
    show_default=True,
    metavar="N",
    help="Recommend a threshold for a bank of so many entries.",
)
@click.option(
    "--false-matches",
    type=click.FloatRange(0, min_open=True),
    default=1.0,
    show_default=True,
    metavar="RATE",
    help="False matches in a million queries that are bearable.",
)
@click.option(
    "--report",
    "reports",
    multiple=True,
    metavar="FILE",
    type=click.Path(dir_okay=False),
    help="Write a report; its name ends in .html, .json or .csv. May be given several times.",
)
@click.option("--bank-variants", is_flag=True, help="Measure a bank that holds parts of each picture, too.")
@click.option("--peers/--no-peers", default=True, help="Run the peers that are installed too.  [default: peers]")
@jobs_option
@data_option
@json_option
@click.pass_context
def evaluate_command(
    ctx: click.Context,
    folder: Path | None,
    levels: tuple[_LevelName, ...],
    threshold: int | None,
    transforms: tuple[str, ...],
    sample: int,
    bank_size: int,
    false_matches: float,
    reports: tuple[str, ...],
    bank_variants: bool,
    peers: bool,
    jobs: int | None,
    data: str | None,
    is_json: bool,
) -> None:
    """Alter the ordinary pictures below FOLDER in many ways, and measure how many copies are found.

    Without FOLDER the photographs of the installed demo packages are used. Every copy is also compared with the
    entries of all other pictures, which shows how near unrelated pictures come, and which threshold suits a bank.

    Never evaluate on abusive material: what is measured on ordinary pictures holds for it.
    """
    from hedgerow.app.evaluating import EvaluationPlan, evaluate_pictures, pictures_below
    from hedgerow.evaluation import transforms_named

    if transforms and not transforms_named(*transforms):
        raise click.BadParameter("no transform has such a name, family or row", param_hint="--transforms")
    pictures = pictures_below(folder) if folder is not None else _demo_pictures()
    plan = EvaluationPlan(
        pictures=pictures,
        source=f"{len(pictures):,} pictures below {folder}"
        if folder is not None
        else "photographs of the demo packages",
        levels=levels,
        threshold=threshold,
        transforms=transforms,
        sample=sample,
        bank_entries=bank_size,
        per_million=false_matches,
        with_parts=bank_variants,
        with_peers=peers,
        reports=reports,
    )
    settings = settings_of(ctx, data, jobs=jobs, threshold=threshold)
    with _progress_bar() as on_progress:
        report = evaluate_pictures(settings, plan, on_progress=on_progress)
    if is_json:
        print_json(report.as_object(with_pairs=False))
    else:
        _print(report, reports)
    ctx.exit(DONE)


def _demo_pictures() -> list[Path]:
    from hedgerow.demonstration import installed_pictures

    found = installed_pictures()
    if not found:
        raise click.UsageError("No pictures: install hedgerow[demo], or name a folder of ordinary pictures.")
    return found


def _print(report: Report, reports: tuple[str, ...]) -> None:
    from hedgerow.evaluation import ROWS

    evaluation = report.evaluation
    heads = [name.removeprefix("hedgerow ") for name in evaluation.methods]
    widths = [max(8, len(head)) for head in heads]
    transforms = len(evaluation.plan.transforms)
    click.echo(
        f"{len(evaluation.entries):,} pictures, {transforms:,} transform{'s' * (transforms != 1)} of "
        f"{len(evaluation.pictures):,} of them, threshold {evaluation.plan.threshold} bits. Copies found:\n"
    )
    click.echo(
        f"{'what happened':<50}" + "".join(f"{head:>{width + 2}}" for head, width in zip(heads, widths, strict=True))
    )
    for row in ROWS.values():
        places = evaluation.transforms_of(row.name)
        if places:
            shares = [evaluation.recall(places, method).value for method in evaluation.methods]
            cells = ("–" if share is None else f"{share * 100:.1f} %" for share in shares)
            click.echo(f"{row.name:<50}" + "".join(f"{c:>{w + 2}}" for c, w in zip(cells, widths, strict=True)))
    click.echo("\nFalse matches:")
    for method in evaluation.methods:
        found = evaluation.impostors[method]
        click.echo(f"{method:<50}{found.within(evaluation.plan.threshold):>8,} of {found.pairs:,} unrelated pairs")
    if evaluation.same_scene:
        pairs = len(evaluation.same_scene)
        click.echo(f"Left out of these: {pairs:,} pair{'s' * (pairs != 1)} of originals that show the same scene.")
    click.echo("")
    for each in report.recommendations:
        advice = "none" if each.threshold is None else f"{each.threshold} bits"
        matches = f"{each.per_million:g} false match{'es' * (each.per_million != 1)}"
        click.echo(
            f"largest threshold at {each.level} for a bank of {each.bank_entries:,} entries and at most {matches} in a "
            f"million queries: {advice}{_how(each)}"
        )
    if not all(each.is_own for each in report.recommendations):
        click.echo("(These pictures are too few to say; that rests on the background that comes with Hedgerow.)")
    for name, _ in evaluation.left_out:
        click.echo(f"left out: {name}", err=True)
    for path in reports:
        click.echo(f"report: {path}")


def _how(each: Recommendation) -> str:
    """Say what a recommended threshold rests on."""
    if each.alike is not None and each.threshold == each.alike[0] - 1:
        return f" (beyond lie unlike pictures, both altered by: {each.alike[1]})"
    return "" if each.is_counted else " (extrapolated)"


@contextmanager
def _progress_bar() -> Iterator[Callable[[Progress], None] | None]:
    if not sys.stderr.isatty():
        yield None
        return
    from rich.console import Console
    from rich.progress import BarColumn, TextColumn, TimeRemainingColumn
    from rich.progress import Progress as Bar

    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        TextColumn("{task.completed:,.0f}/{task.total:,.0f} pictures"),
        TimeRemainingColumn(),
    )
    with Bar(*columns, console=Console(stderr=True), transient=True) as bar:
        tasks: dict[str, int] = {}

        def show(progress: Progress) -> None:
            if progress.stage not in tasks:
                tasks[progress.stage] = bar.add_task(progress.stage, total=progress.total)
            bar.update(tasks[progress.stage], completed=progress.done)  # type: ignore[arg-type]  # rich's own kind of int

        yield show
