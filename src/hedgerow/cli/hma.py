"""``hedgerow import …``: take banks over from another system."""

from __future__ import annotations

import click

from hedgerow.cli.options import data_option, json_option, print_json, settings_of

__all__ = ["import_command"]


@click.group("import", short_help="Take banks over from another system.")
def import_command() -> None:
    """Take banks over from another system.

    Lists of signals in files are imported by `hedgerow bank import`.
    """


@import_command.command("hma")
@click.option(
    "--database",
    metavar="URL",
    envvar="HEDGEROW_IMPORT_HMA_DATABASE",
    show_envvar=True,
    help="Address of HMA's PostgreSQL database, as in its own configuration.",
)
@click.option("--api", metavar="URL", help="Where HMA answers, if its database is out of reach. Slow.")
@click.option(
    "--gap",
    type=click.IntRange(1),
    default=1_000,
    show_default=True,
    metavar="N",
    help="With --api: after so many numbers in a row that name no content there are none any more.",
)
@click.option("--dry-run", is_flag=True, help="Only count; change nothing.")
@data_option
@json_option
@click.pass_context
def hma(
    ctx: click.Context,
    database: str | None,
    api: str | None,
    gap: int,
    dry_run: bool,
    data: str | None,
    is_json: bool,
) -> None:
    """Take the banks of a Hasher-Matcher-Actioner over, with the numbers that its clients know.

    Nothing is changed there. All banks are taken over, or none.
    """
    url = database or api
    if url is None or (database and api):
        raise click.UsageError("Name either --database or --api.")
    from hedgerow.app.taking_over import take_over_hma

    for taken in take_over_hma(settings_of(ctx, data), url, is_api=database is None, gap=gap, is_dry_run=dry_run):
        if is_json:
            print_json(
                {
                    "bank": taken.name,
                    "was_called": taken.was_called,
                    "contents": taken.contents,
                    "signals": taken.signals,
                    "set_aside": taken.set_aside,
                    "left_out": taken.left_out,
                }
            )
            continue
        click.echo(f"{taken.name}: {taken.contents:,} contents, {taken.signals:,} signals.")
        if taken.set_aside:
            click.echo(f"  {taken.set_aside:,} signals match nothing; they are shown with their contents.")
        for name, count in sorted(taken.left_out.items()):
            click.echo(f"  {count:,} signals of the type {name} were left out: it is not known here.")
