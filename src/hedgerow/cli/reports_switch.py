"""``hedgerow report credentials``, ``arm`` and ``disarm``: what it takes to send anything, and anything real."""

from __future__ import annotations

import sys

import click

from hedgerow.cli.exits import DONE, UNCHECKED
from hedgerow.cli.logging_in import actor_of, as_option
from hedgerow.cli.options import data_option, settings_of

__all__ = ["arm", "credentials", "disarm"]

_ENVIRONMENTS = click.Choice(["test", "production"])


@click.command("credentials")
@click.argument("authority", default="cybertipline")
@click.option("--environment", type=_ENVIRONMENTS, required=True, help="Of which of its systems.")
@click.option("--user", "username", metavar="TEXT", help="The user name that the authority gave.")
@click.option("--stdin", "is_read", is_flag=True, help="Read the password from the first line of standard input.")
@click.option("--mended", is_flag=True, help="Those that were refused are accepted again: go on.")
@click.option("--try", "is_trial", is_flag=True, help="Ask the authority whether it accepts them.")
@data_option
@click.pass_context
def credentials(
    ctx: click.Context,
    authority: str,
    environment: str,
    username: str | None,
    is_read: bool,
    mended: bool,
    is_trial: bool,
    data: str | None,
) -> None:
    """Enter the credentials of the AUTHORITY. They are sealed, and nobody can read them back.

    Exit status with --try: 0 they are accepted; 3 they are not.
    """
    from hedgerow.app.reports import report_room
    from hedgerow.app.serving import reports
    from hedgerow.reports.filing_model import Environment

    if sum((username is not None, mended, is_trial)) != 1:
        raise click.UsageError("Give --user to enter them, or one of --mended and --try.")
    where = Environment(environment)
    with report_room(settings_of(ctx, data)) as room:
        if is_trial:
            answer = reports.try_credentials(room.settings, room.database, room.keys, where)
            click.echo("Accepted." if answer.code == 0 else f"Not accepted: {answer.problem or answer.kind}.")
            ctx.exit(DONE if answer.code == 0 else UNCHECKED)
        if mended:
            reports.mend_credentials(room.database, where, authority=authority, actor="cli")
            click.echo(f"{authority} ({where}) goes on.")
            return
        prompt = f"Password for {authority} ({where})"
        password: str = (
            sys.stdin.readline().rstrip("\r\n") if is_read else click.prompt(prompt, hide_input=True, err=True)
        )
        reports.enter_credentials(
            room.database, room.keys, where, username or "", password, authority=authority, actor="cli"
        )
    click.echo(f"The credentials for {authority} ({where}) are sealed. Try them with --try.")


@click.command("arm")
@click.argument("authority", default="cybertipline")
@click.option("--agree", is_flag=True, help="Agree to what somebody else has asked for.")
@click.option("--declaration", metavar="TEXT", help="In solo mode, with --agree: what you declare, word for word.")
@as_option
@data_option
@click.pass_context
def arm(
    ctx: click.Context,
    authority: str,
    agree: bool,
    declaration: str | None,
    name: str,
    password_stdin: bool,
    data: str | None,
) -> None:
    """Switch real reports to the AUTHORITY on: one person asks, another agrees."""
    from hedgerow.app.reports import report_room
    from hedgerow.app.serving import reports

    with report_room(settings_of(ctx, data)) as room:
        actor = actor_of(room, name, "reports.arm", is_read=password_stdin)
        if not agree:
            reports.ask_to_arm(room.database, authority=authority, actor=actor)
            click.echo("Asked. Somebody else agrees within 48 hours: hedgerow report arm --agree")
            return
        made = reports.agree_to_arming(
            room.settings, room.database, authority=authority, declaration=declaration, actor=actor
        )
    since = "now" if made.effective_at is None else f"{made.effective_at:%Y-%m-%d %H:%M} UTC"
    click.echo(f"Real reports to {authority} are switched on from {since} on{' (SOLO)' if made.is_solo else ''}.")


@click.command("disarm")
@click.argument("authority", default="cybertipline")
@data_option
@click.pass_context
def disarm(ctx: click.Context, authority: str, data: str | None) -> None:
    """Switch real reports to the AUTHORITY off, at once. It takes nobody else."""
    from hedgerow.app.reports import report_room
    from hedgerow.app.serving import reports

    with report_room(settings_of(ctx, data)) as room:
        was_on = reports.disarm(room.database, authority=authority, actor="cli")
    click.echo("Real reports are switched off." if was_on else "Real reports were not switched on.")
