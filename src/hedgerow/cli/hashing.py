"""``hedgerow hash`` and ``hedgerow compare``."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from hedgerow.cli.exits import DONE, UNCHECKED, verdict
from hedgerow.cli.options import data_option, jobs_option, json_option, print_json, settings_of, types_option

if TYPE_CHECKING:
    from hedgerow.hashing import MediaHash

__all__ = ["compare_command", "hash_command"]


@click.command("hash", short_help="Print the signals of files.")
@click.argument("files", nargs=-1, required=True, metavar="FILE…")
@types_option
@click.option("--exact", is_flag=True, help="Decode JPEG in full: slower, without the few bits of the reduced decode.")
@click.option("--variants", is_flag=True, help="Also print the variants that a query is looked up under.")
@click.option(
    "--front-end",
    type=click.Choice(["full-size", "reference"]),
    default="full-size",
    show_default=True,
    help="Which published PDQ: full-size (pdqhash, HMA …) or reference (Meta's C++ tool).",
)
@jobs_option
@data_option
@json_option
@click.pass_context
def hash_command(
    ctx: click.Context,
    files: tuple[str, ...],
    types: tuple[str, ...],
    exact: bool,
    variants: bool,
    front_end: str,
    jobs: int | None,
    data: str | None,
    is_json: bool,
) -> None:
    """Print the signals of each FILE.

    Each file is decoded in a process that can be killed, within the limits of the settings.

    Exit status: 0, or 3 where a file could not be checked.
    """
    from hedgerow import app

    settings = settings_of(ctx, data, jobs=jobs)
    has_unchecked = False
    for path, result in app.hash_files(
        settings, files, types=types, exact=exact, with_query_variants=variants, front_end=front_end
    ):
        has_unchecked |= result.unchecked is not None
        if is_json:
            print_json(_hash_object(path, result))
        else:
            _print_hash(path, result)
    ctx.exit(UNCHECKED if has_unchecked else DONE)


def _hash_object(path: str, result: MediaHash) -> dict[str, object]:
    from hedgerow import app

    return {
        "path": path,
        "media": app.media_object(result.media),
        "signals": [
            {
                "type": signal.type,
                "value": signal.value,
                "quality": signal.quality,
                "variant": signal.variant,
                "made_by": signal.made_by,
            }
            for signal in result.signals
        ],
        "unchecked": app.unchecked_object(result.unchecked),
    }


def _print_hash(path: str, result: MediaHash) -> None:
    for signal in result.signals:
        quality = "" if signal.quality is None else f"  quality {signal.quality}"
        variant = "" if signal.variant == "as is" else f"  ({signal.variant})"
        click.echo(f"{signal.type} {signal.value}{quality}  {path}{variant}")
    if result.unchecked is not None:
        click.echo(f"hedgerow: {path}: {result.unchecked.detail}", err=True)


@click.command("compare", short_help="Say how alike two pictures are.")
@click.argument("a", metavar="A")
@click.argument("b", metavar="B")
@data_option
@json_option
@click.pass_context
def compare_command(ctx: click.Context, a: str, b: str, data: str | None, is_json: bool) -> None:
    """Say how alike the pictures A and B are, under every variant, and what that means.

    The threshold of the settings (31 bits by default) decides what counts as a match.

    Exit status: 0 no match, 1 a match, 3 where a file could not be checked.
    """
    from hedgerow import app

    settings = settings_of(ctx, data)
    comparison = app.compare(settings, a, b)
    if is_json:
        print_json(comparison.as_object())
    else:
        for line in comparison.lines():
            click.echo(line)
    ctx.exit(verdict(has_matches=comparison.is_match, has_unchecked=bool(comparison.unchecked)))
