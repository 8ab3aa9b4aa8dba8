"""``hedgerow demo``: the whole of it on ordinary pictures."""

from __future__ import annotations

import shutil
from pathlib import Path

import click

from hedgerow.cli.exits import DONE, FAILED
from hedgerow.cli.options import jobs_option, settings_of

__all__ = ["demo_command"]


@click.command("demo", short_help="Make a bank from ordinary pictures and find altered copies of them.")
@click.argument("folder", type=click.Path(file_okay=False, path_type=Path), default="hedgerow-demo")
@click.option(
    "--pictures",
    type=click.Path(exists=True, file_okay=False, path_type=Path),
    metavar="DIR",
    help="Use the pictures of this folder. [default: those that scikit-image and scikit-learn carry]",
)
@jobs_option
@click.pass_context
def demo_command(ctx: click.Context, folder: Path, pictures: Path | None, jobs: int | None) -> None:
    """Make a bank from ordinary pictures, write altered copies of them among unrelated ones, and scan.

    Where the video extra is installed, clips made of the pictures take part.

    Everything lies in FOLDER (default ./hedgerow-demo) and may be deleted afterwards. Nothing leaves this machine.
    """
    from hedgerow import demonstration as demo

    chosen = sorted(pictures.iterdir()) if pictures is not None else demo.installed_pictures()
    if not chosen:
        raise click.UsageError("No pictures: install hedgerow[demo], or name a folder with --pictures.")
    data = folder / "data"
    shutil.rmtree(data, ignore_errors=True)
    shutil.rmtree(folder / "originals", ignore_errors=True)
    folder.mkdir(parents=True, exist_ok=True)
    settings = settings_of(ctx, str(data), jobs=jobs)

    click.echo("Making a bank of ordinary pictures, and altered copies among unrelated ones …")
    laid = demo.prepare(settings, folder, chosen)
    copies = sum(laid.copies.values())
    clips = f" and {laid.clips} clips" if laid.clips else ""
    click.echo(
        f"{len(laid.known) - laid.clips} pictures{clips} are banked as signals; {copies} altered copies lie among "
        f"{len(laid.unrelated)} unrelated {'files' if clips else 'pictures'}.\n"
    )
    report = folder / "report.html"
    statistics = demo.scan_folder(settings, laid, report)
    click.echo(f"{'what happened to the copy':<28}{'found':>10}{'median bits':>14}   found as")
    for name, found, made, median, variant in demo.table(laid):
        count = f"{found} of {made}"
        click.echo(f"{name:<28}{count:>10}{'' if median is None else median:>14}   {variant}")
    wrong = len(laid.wrong)
    unrelated = f"unrelated {'files' if clips else 'pictures'}"
    click.echo(f"{unrelated:<28}{f'{wrong} of {len(laid.unrelated)}':>10}{'':>14}   (false matches)")
    click.echo(
        f"\n{statistics.files} files in {statistics.duration_s:.1f} s ({statistics.files_per_s:.0f} a second). "
        f"Report: {report}"
    )
    click.echo(f"Try: hedgerow --data {data} match {folder / 'pictures'}/*mirrored*")
    ctx.exit(FAILED if wrong else DONE)
