"""``hedgerow known-good``: sets of known software."""

from __future__ import annotations

from pathlib import Path

import click

from hedgerow.cli.exits import DONE
from hedgerow.cli.options import json_option, print_json

__all__ = ["known_good_command"]


@click.group("known-good", short_help="Make a set of known software, which a scan need not decode.")
def known_good_command() -> None:
    """Make a set of known software, which a scan need not decode.

    It is no bank, and nothing ever matches it: `hedgerow scan --known-good SET` does not decode what it holds.
    """


@known_good_command.command("make")
@click.argument("target", metavar="SET", type=click.Path(dir_okay=False, path_type=Path))
@click.argument(
    "sources",
    nargs=-1,
    required=True,
    metavar="LIST…",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
)
@json_option
@click.pass_context
def make(ctx: click.Context, target: Path, sources: tuple[Path, ...], is_json: bool) -> None:
    """Make the SET from NSRL's lists: RDS 3 (SQLite), NSRLFile.txt, or its JSON in CAID's shape.

    The set is of SHA-256 where each LIST has it, otherwise of SHA-1; of MD5 there is none, since it can be forged.
    """
    from hedgerow import app

    made = app.make_known_good(target, sources)
    left_out = dict(made.left_out.most_common())
    if is_json:
        print_json({"path": str(target), "type": made.type, "count": made.count, "left_out": left_out})
    else:
        click.echo(f"{target}: {made.count:,} {made.type} digest{'s' * (made.count != 1)}.")
        for reason, count in left_out.items():
            click.echo(f"{count:>10,}  left out: {reason}")
    ctx.exit(DONE)


@known_good_command.command("show")
@click.argument("target", metavar="SET", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@json_option
def show(target: Path, is_json: bool) -> None:
    """Say what the SET is, and of which lists it was made."""
    from hedgerow import app

    about = app.show_known_good(target)
    if is_json:
        print_json(about)
        return
    click.echo(f"{about['count']:,} {about['type']} digests, made at {about['made_at']}")
    for source in about["sources"]:
        click.echo(f"  {source!r}")
