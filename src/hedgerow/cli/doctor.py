"""``hedgerow doctor``."""

from __future__ import annotations

import click

from hedgerow.cli.exits import DONE, FAILED, MATCHED
from hedgerow.cli.options import data_option, json_option, print_json, settings_of
from hedgerow.errors import SettingsError

__all__ = ["doctor_command"]


@click.command("doctor", short_help="Examine settings, database, indexes, clock, disk, keys and hashing.")
@data_option
@json_option
@click.pass_context
def doctor_command(ctx: click.Context, data: str | None, *, is_json: bool) -> None:
    """Examine settings, database, indexes, clock, disk, keys and hashing, and say what to do. Nothing is changed.

    Exit status: 0 all is well; 1 something wants attention; 4 something is wrong.
    """
    from hedgerow.app.doctor import Check, Standing, examine

    worst = Standing.OK
    order = list(Standing)

    def say(check: Check) -> None:
        nonlocal worst
        worst = max(worst, check.standing, key=order.index)
        if is_json:
            print_json(
                {
                    "check": check.name,
                    "standing": str(check.standing),
                    "sentence": check.sentence,
                    "advice": check.advice,
                }
            )
            return
        click.echo(f"{check.standing:<8} {check.name:<12} {check.sentence}")
        if check.advice is not None:
            click.echo(f"{'':<21} → {check.advice}")

    try:
        settings = settings_of(ctx, data)
    except SettingsError as error:
        say(Check("settings", Standing.WRONG, str(error), "Mend that first; nothing else can be looked at."))
    else:
        for check in examine(settings):
            say(check)
    ctx.exit({Standing.OK: DONE, Standing.CAUTION: MATCHED, Standing.WRONG: FAILED}[worst])
