"""``hedgerow report package``: an approved report as a sealed file, for a person to carry to a portal."""

from __future__ import annotations

from pathlib import Path

import click

from hedgerow.cli.logging_in import actor_of, as_option
from hedgerow.cli.options import data_option, json_option, print_json, settings_of

__all__ = ["package"]


@click.command("package")
@click.argument("number", type=click.IntRange(1, 2**63 - 1))
@click.option(
    "--to",
    "path",
    type=click.Path(dir_okay=False, path_type=Path),
    required=True,
    metavar="FILE",
    help="The file to write; it must not be there yet.",
)
@click.option(
    "--recipient",
    "recipients",
    multiple=True,
    required=True,
    metavar="AGE",
    help="Who can open it: an age recipient (age1…). May be repeated.",
)
@as_option
@data_option
@json_option
@click.pass_context
def package(
    ctx: click.Context,
    number: int,
    path: Path,
    recipients: tuple[str, ...],
    name: str,
    password_stdin: bool,
    data: str | None,
    is_json: bool,
) -> None:
    """Write report NUMBER, which is to an authority without an interface, as a file sealed to its recipients.

    It has to be approved. Nothing is filed by this: take it to the portal, then `report resolve NUMBER filed`.
    """
    from hedgerow.app.packaging import package as write
    from hedgerow.app.reports import report_room

    if path.exists():
        raise click.BadParameter(f"{path} is there already.", param_hint="--to")
    with report_room(settings_of(ctx, data)) as room:
        actor = actor_of(room, name, "reports.approve", is_read=password_stdin)
        manifest = write(room, number, path, recipients=recipients, actor=actor)
    if is_json:
        print_json({"report": number, "path": str(path), "manifest": manifest})
        return
    click.echo(f"Wrote {path}: {len(manifest['entries'])} files, sealed to {len(set(recipients))} recipients.")
    click.echo(f"Take it to the portal; then `hedgerow report resolve {number} filed --reference …`.")
