"""``hedgerow audit``: export, verify and sign the audit chain."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO, cast

import click

from hedgerow.cli.exits import DONE, FAILED, UNCHECKED
from hedgerow.cli.options import data_option, json_option, print_json, settings_of

if TYPE_CHECKING:
    from hedgerow.audit import Verification

__all__ = ["audit_command"]


@click.group("audit", short_help="Export, verify and sign the record of what was done.")
def audit_command() -> None:
    """Export, verify and sign the record of what was done: one chained line for every change, view and denial."""


@audit_command.command("export")
@click.option(
    "--from", "first", type=click.IntRange(1), default=1, show_default=True, metavar="N", help="First entry to write."
)
@click.option("--output", "-o", type=click.Path(), help="File to write. [default: standard output]")
@data_option
@click.pass_context
def export(ctx: click.Context, first: int, output: str | None, data: str | None) -> None:
    """Write the entries as JSON lines, from entry N on, in the format that `audit verify` reads."""
    from hedgerow import app

    settings = settings_of(ctx, data)
    with click.open_file(output or "-", "wb", atomic=output is not None) as out:
        count = app.export_audit(settings, cast("BinaryIO", out), first=first)
    click.echo(f"{count:,} exported.", err=True)


@audit_command.command("verify")
@click.argument("file", required=False, type=click.Path(allow_dash=True, exists=True, dir_okay=False))
@click.option(
    "--public-key",
    "public_keys",
    multiple=True,
    metavar="FILE|HEX",
    help="Trust this key's checkpoints. May be given several times.",
)
@click.option(
    "--checkpoint",
    "checkpoints",
    multiple=True,
    type=click.Path(path_type=Path),
    metavar="FILE",
    help="Hold the entries against the checkpoints in FILE. May be given several times.",
)
@data_option
@json_option
@click.pass_context
def verify(
    ctx: click.Context,
    file: str | None,
    public_keys: tuple[str, ...],
    checkpoints: tuple[Path, ...],
    data: str | None,
    is_json: bool,
) -> None:
    """Verify the exported FILE (or - for standard input) and name the first line that is wrong.

    Nothing but the file, the checkpoints and the public key is needed: no database and no settings. Without FILE the
    database is verified, against all checkpoints that were made of it.

    Exit status: 0 all is as it was written; 3 a checkpoint could not be checked; 4 something is wrong.
    """
    from hedgerow import app

    if file is None:
        found = app.verify_audit(settings_of(ctx, data), public_keys=public_keys, checkpoints=checkpoints)
    else:
        with click.open_file(file, "rb") as stream:
            found = app.verify_audit_file(cast("BinaryIO", stream), public_keys=public_keys, checkpoints=checkpoints)
    if is_json:
        print_json(_verification_object(found, is_file=file is not None))
    else:
        _print_verification(found, is_file=file is not None)
    ctx.exit(FAILED if found.is_broken else DONE if found.is_sound else UNCHECKED)


def _verification_object(found: Verification, *, is_file: bool) -> dict[str, object]:
    return {
        "sound": found.is_sound,
        "first": found.first,
        "last": found.last.sequence if found.last else None,
        "last_hash": found.last.hash.hex() if found.last else None,
        "entries": found.entries,
        "checkpoints": list(found.held),
        "findings": [
            {
                "wrong": finding.wrong.value,
                "line": finding.line if is_file else None,
                "entry": finding.sequence,
                "detail": finding.sentence,
            }
            for finding in found.findings
        ],
    }


def _print_verification(found: Verification, *, is_file: bool) -> None:
    for finding in found.findings:
        place = []
        if is_file and finding.line is not None:
            place.append(f"line {finding.line}")
        if finding.sequence is not None:
            place.append(f"entry {finding.sequence}")
        said = finding.wrong.replace("_", " ")
        click.echo(f"{', '.join(place)}: {said}: {finding.sentence}" if place else f"{said}: {finding.sentence}")
    held = "1 checkpoint holds." if len(found.held) == 1 else f"{len(found.held):,} checkpoints hold."
    if found.is_broken:
        click.echo(f"The {found.entries:,} entries before follow from one another. {held}")
        return
    if not found.entries:
        click.echo("There is no entry.")
    elif found.last is not None:
        click.echo(f"{found.entries:,} entries, each following from the one before; the last is {found.last.sequence}.")
        click.echo(f"hash {found.last.hash.hex()}")
    click.echo(held if found.held else "No checkpoint was held against it: what was cut off cannot be seen.")


@audit_command.command("checkpoint")
@click.option("--all", "is_all", is_flag=True, help="Write all checkpoints that were ever made, the new one last.")
@click.option("--output", "-o", type=click.Path(), help="File to write. [default: standard output]")
@data_option
@click.pass_context
def checkpoint(ctx: click.Context, is_all: bool, output: str | None, data: str | None) -> None:
    """Sign the latest entry, and write the statement to be mailed or published.

    The key is made when it is first needed. Give checkpoints away: what was signed and is in other hands can neither be
    cut off nor written anew unseen.
    """
    from hedgerow import app
    from hedgerow.audit import checkpoint_text

    settings = settings_of(ctx, data)
    made = app.make_audit_checkpoint(settings)
    wanted = app.list_audit_checkpoints(settings) if is_all else [made]
    with click.open_file(output or "-", "w", encoding="ascii", atomic=output is not None) as out:
        out.write("".join(checkpoint_text(each) for each in wanted))


@audit_command.command("key")
@click.option("--pem", is_flag=True, help="Print the key as PEM.")
@click.option("--rotate", is_flag=True, help="Replace the key; print the checkpoint with which the old one vouches.")
@click.option("--lost", is_flag=True, help="With --rotate: the old key is gone and cannot vouch.")
@data_option
@json_option
@click.pass_context
def key(ctx: click.Context, pem: bool, rotate: bool, lost: bool, data: str | None, is_json: bool) -> None:
    """Print the public key with which checkpoints are verified; make the pair when there is none yet."""
    from hedgerow import app
    from hedgerow.audit import checkpoint_text

    if lost and not rotate:
        raise click.UsageError("--lost goes with --rotate.")
    settings = settings_of(ctx, data)
    vouching: str | None = None
    if rotate:
        found, made = app.rotate_audit_key(settings, is_lost=lost)
        vouching = checkpoint_text(made)
    else:
        found = app.audit_key(settings)
    if is_json:
        print_json({"key": found.id, "public_key": found.hex, "pem": found.pem, "checkpoint": vouching})
        return
    click.echo(found.pem if pem else found.hex, nl=not pem)
    if vouching is not None:
        click.echo(vouching, nl=False)
