"""``hedgerow evidence custodian`` and ``rewrap``: the keys that evidence is locked away with."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

from hedgerow.cli.evidence_shown import custodian_object
from hedgerow.cli.exits import DONE, UNCHECKED
from hedgerow.cli.options import data_option, json_option, print_json, settings_of

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["custodian", "identity_option", "read_identity", "rewrap"]

F = TypeVar("F", bound="Callable[..., Any]")
_Number = click.IntRange(1, 2**63 - 1)


def read_identity(path: Path | None) -> str | None:
    """Read a custodian's identity from a file, where one is named."""
    from hedgerow.errors import InvalidCustodian

    if path is None:
        return None
    try:
        return path.read_text("utf-8")
    except (OSError, UnicodeDecodeError):
        raise InvalidCustodian("the file of the identity cannot be read") from None


def identity_option(command: F) -> F:
    """Add ``--identity FILE``."""
    return click.option(
        "--identity",
        type=click.Path(path_type=Path, dir_okay=False),
        metavar="FILE",
        help="File with a custodian's identity. It is used and kept nowhere.",
    )(command)


@click.group("custodian", short_help="The keys to which evidence is sealed once it was reported.")
def custodian() -> None:
    """The keys to which evidence is sealed once it was reported. Their identities are kept where Hedgerow is not."""


@custodian.command("new")
@click.option(
    "--output",
    "-o",
    required=True,
    type=click.Path(path_type=Path, dir_okay=False),
    help="New file for the identity, which opens what is sealed. Take it away from this machine.",
)
@json_option
def custodian_new(output: Path, is_json: bool) -> None:
    """Draw a pair of keys: write the identity to a new file, and print the recipient, for `custodian add`."""
    from hedgerow.app.evidence import make_custodian

    recipient = make_custodian(output)
    if is_json:
        print_json({"recipient": recipient})
    else:
        click.echo("Take the file away from this machine: whoever has it opens what is sealed.", err=True)
        click.echo(recipient)


@custodian.command("add")
@click.argument("name")
@click.argument("recipient")
@data_option
@json_option
@click.pass_context
def custodian_add(ctx: click.Context, name: str, recipient: str, data: str | None, is_json: bool) -> None:
    """Seal to RECIPIENT (age1…) from now on; NAME says whose it is."""
    from hedgerow.app.evidence import evidence_database
    from hedgerow.app.serving.evidence import add_custodian

    with evidence_database(settings_of(ctx, data)) as database:
        added = add_custodian(database, name, recipient, actor="cli")
    if is_json:
        print_json(custodian_object(added))
    else:
        click.echo(f"Custodian {added.id} added. What is reported from now on is sealed to this key too.")


@custodian.command("list")
@click.option("--all", "is_all", is_flag=True, help="Those that were retired, too.")
@data_option
@json_option
@click.pass_context
def custodian_list(ctx: click.Context, is_all: bool, data: str | None, is_json: bool) -> None:
    """List the keys to which evidence is sealed."""
    from hedgerow.app.evidence import evidence_database
    from hedgerow.app.serving.evidence import list_custodians

    with evidence_database(settings_of(ctx, data)) as database:
        found = list_custodians(database, with_retired=is_all)
    for each in found:
        if is_json:
            print_json(custodian_object(each))
        else:
            click.echo(f"{each.id:>4}  {each.recipient}  {each.name}{'  (retired)' if each.retired_at else ''}")
    if not found and not is_json:
        click.echo("There is no custodian yet: hedgerow evidence custodian new", err=True)


@custodian.command("retire")
@click.argument("number", type=_Number)
@data_option
@json_option
@click.pass_context
def custodian_retire(ctx: click.Context, number: int, data: str | None, is_json: bool) -> None:
    """Seal nothing to the custodian NUMBER from now on. What was sealed still opens with that identity."""
    from hedgerow.app.evidence import evidence_database
    from hedgerow.app.serving.evidence import retire_custodian

    with evidence_database(settings_of(ctx, data)) as database:
        retired = retire_custodian(database, number, actor="cli")
    if is_json:
        print_json(custodian_object(retired))
    else:
        click.echo(f"Custodian {retired.id} is retired.")


@click.command("rewrap")
@identity_option
@data_option
@json_option
@click.pass_context
def rewrap(ctx: click.Context, identity: Path | None, data: str | None, is_json: bool) -> None:
    """Lock every data key away anew; the objects themselves are not touched.

    Without --identity: what is under an older review key, under the newest one. With --identity: what is sealed, to
    today's custodians.

    Exit status: 0 all of them; 3 some do not open with what was given.
    """
    from hedgerow.app import evidence

    settings = settings_of(ctx, data)
    said = read_identity(identity)
    with evidence.evidence_database(settings) as database:
        done = evidence.rewrap(settings, database, identity=said)
    if is_json:
        print_json({"done": done.done, "failed": done.failed})
    else:
        click.echo(f"{done.done:,} data keys are locked away anew.")
        for number in done.failed:
            click.echo(f"That of evidence {number} does not open.")
    ctx.exit(UNCHECKED if done.failed else DONE)
