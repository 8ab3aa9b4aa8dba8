"""``hedgerow lookback``: search what was submitted before for what is known since."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

import click

from hedgerow.cli.exits import DONE, FAILED, verdict
from hedgerow.cli.options import data_option, json_option, print_json, settings_of

if TYPE_CHECKING:
    from hedgerow.app.lookbacks import LookBackStanding

__all__ = ["lookback_command"]


@click.command("lookback", short_help="Look for what was submitted before it was known.")
@click.argument("bank", required=False)
@click.option(
    "--entry",
    "entries",
    type=click.IntRange(1),
    multiple=True,
    metavar="N",
    help="Look for this entry of the bank only. May be given several times.",
)
@click.option("--wait", is_flag=True, help="Do it now, in this process, and say what was found.")
@click.option(
    "--list", "is_list", is_flag=True, help="List the look-backs, the newest first; of BANK where it is given."
)
@click.option("--show", type=click.IntRange(1), metavar="N", help="Show look-back N.")
@click.option("--stop", type=click.IntRange(1), metavar="N", help="Stop look-back N; what it found stays.")
@data_option
@json_option
@click.pass_context
def lookback_command(
    ctx: click.Context,
    bank: str | None,
    entries: tuple[int, ...],
    wait: bool,
    is_list: bool,
    show: int | None,
    stop: int | None,
    data: str | None,
    is_json: bool,
) -> None:
    """Look for the entries of BANK among the signals of everything that was submitted and is kept in the ledger.

    What is found becomes cases, as in screening. Without --wait the request is left to `hedgerow serve` or `hedgerow
    worker`. The ledger is kept only where the setting lookback.enabled says so.

    Exit status with --wait: 0 nothing new was found; 1 something was; 3 some of the ledger could not be read; 4 it was
    stopped, or had trouble.
    """
    from hedgerow.app import lookbacks

    asked = sum((is_list, show is not None, stop is not None))
    if asked > 1 or (asked and (wait or entries)) or (bank is not None and asked and not is_list):
        raise click.UsageError("--list, --show and --stop stand alone.")
    if bank is None and not asked:
        raise click.UsageError("Say which BANK to look for.")
    settings = settings_of(ctx, data)
    if is_list:
        for standing in lookbacks.list_look_backs(settings, bank=bank):
            _print(standing, is_json=is_json)
        return
    if show is not None:
        _print(lookbacks.show_look_back(settings, show), is_json=is_json)
        return
    if stop is not None:
        _print(lookbacks.stop_look_back(settings, stop), is_json=is_json)
        return
    assert bank is not None  # noqa: S101  (asked above)
    standing = lookbacks.request_look_back(settings, bank, entries or None)
    if wait:
        standing = lookbacks.work_look_back(settings, standing.look_back.id, _progress)
    _print(standing, is_json=is_json)
    ctx.exit(_status(standing) if wait else DONE)


def _status(standing: LookBackStanding) -> int:
    look_back = standing.look_back
    if look_back.last_error is not None:
        return FAILED
    return verdict(has_matches=look_back.found > 0, has_unchecked=look_back.unreadable > 0)


def _progress(standing: LookBackStanding) -> None:
    look_back = standing.look_back
    if sys.stderr.isatty() and look_back.total:
        click.echo(f"\r{look_back.checked:,} of {look_back.total:,} …", err=True, nl=False)
        if look_back.checked + look_back.unreadable >= look_back.total:
            click.echo("\r", err=True, nl=False)


def _print(standing: LookBackStanding, *, is_json: bool) -> None:
    if is_json:
        print_json(standing.to_json())
        return
    look_back = standing.look_back
    if look_back.is_automatic:
        what = "what is new in it"
    elif look_back.entry_ids is None:
        what = "all of it"
    else:
        what = "1 entry" if len(look_back.entry_ids) == 1 else f"{len(look_back.entry_ids)} entries"
    said = f"{look_back.id:>5}  {standing.bank}, {what}: {look_back.state}"
    if look_back.total is not None:
        said += f", {look_back.checked:,} of {look_back.total:,} submissions looked up, {look_back.found:,} found anew"
    if look_back.unreadable:
        said += f", {look_back.unreadable:,} could not be read"
    if look_back.last_error is not None:
        said += f" ({look_back.last_error.replace('_', ' ')})"
    click.echo(said)
