"""``hedgerow match``: look up single files."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from hedgerow.cli.exits import verdict
from hedgerow.cli.options import data_option, jobs_option, json_option, print_json, settings_of

if TYPE_CHECKING:
    from hedgerow.banks import Match
    from hedgerow.hashing import MediaHash

__all__ = ["match_command"]


@click.command("match", short_help="Look up files in the banks.")
@click.argument("files", nargs=-1, required=True, metavar="FILE…")
@jobs_option
@data_option
@json_option
@click.pass_context
def match_command(
    ctx: click.Context, files: tuple[str, ...], jobs: int | None, data: str | None, is_json: bool
) -> None:
    """Look up each FILE, picture or video, in the enabled banks, in as many ways as their levels say.

    A folder stands for the files below it; `hedgerow scan` also opens archives, resumes and writes reports.

    Exit status: 0 nothing matched, 1 something matched, 3 something could not be checked.
    """
    from hedgerow import app

    has_matches = has_unchecked = False
    with app.early_nursery() as nursery:
        settings = settings_of(ctx, data, jobs=jobs)
        for path, result, matches in app.match_files(settings, files, nursery=nursery):
            has_matches |= bool(matches)
            has_unchecked |= result.unchecked is not None
            if is_json:
                _print_object(path, result, matches)
            else:
                _print_matches(path, result, matches)
    ctx.exit(verdict(has_matches=has_matches, has_unchecked=has_unchecked))


def _print_object(path: str, result: MediaHash, matches: list[Match]) -> None:
    from hedgerow import app

    print_json(
        {
            "path": path,
            "media": app.media_object(result.media),
            "matches": [match.to_json() for match in matches],
            "unchecked": app.unchecked_object(result.unchecked),
            "caution": app.caution_object(result),
        }
    )


def _print_matches(path: str, result: MediaHash, matches: list[Match]) -> None:
    from hedgerow import app
    from hedgerow.scanning.words import briefly_where

    for match in matches:
        how = f"{match.distance} bits" if match.type in {"pdq", "vpdq"} else "equal"
        about = ", ".join(part for part in (match.category, match.provenance) if part)
        where = briefly_where(match)
        seen = f"{match.variant}{where and f', {where}'}"
        click.echo(f"{path}: {match.bank} entry {match.entry}, {match.type} {how}, {seen} ({about})")
    if not matches and result.unchecked is None:
        click.echo(f"{path}: no match")
    caution = app.caution_object(result)
    if caution is not None:
        click.echo(f"hedgerow: {path}: {caution['detail']}", err=True)
    if result.unchecked is not None:
        click.echo(f"hedgerow: {path}: {result.unchecked.detail}", err=True)
