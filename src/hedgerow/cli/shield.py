"""``hedgerow shield``: a second opinion on a hash, from Project Arachnid."""

from __future__ import annotations

import json
import sys
from typing import TYPE_CHECKING

import click

from hedgerow.cli.exits import DONE, UNCHECKED
from hedgerow.cli.options import data_option, json_option, print_json, settings_of

if TYPE_CHECKING:
    from datetime import datetime

    from hedgerow.app.shield import AskedMedia
    from hedgerow.exchanges.shield_account import ShieldStanding

__all__ = ["shield_command"]

_LONGEST_CREDENTIALS = 64 * 1024
_LACKS = {
    "off": "It is off, and nothing is asked: hedgerow shield on",
    "stopped": "It refused us, and nothing is asked: enter other credentials, or hedgerow shield on",
    "credentials": "It has no credentials: hedgerow shield credentials",
    "arming": "Nobody has armed its production system: hedgerow shield arm",
}
_KNOWN = {
    "csam": "known to be child sexual abuse material",
    "harmful-abusive-material": "known to be harmful or abusive material",
    "no-known-match": "no known match; that does not mean that it is harmless",
    "test": "a picture of the service's own, for trying it out",
    "unknown": "known under a word that this version does not know",
}


@click.group("shield", short_help="Ask Project Arachnid for a second opinion on a hash of a case.")
def shield_command() -> None:
    """Ask Project Arachnid for a second opinion on a hash of a case.

    Only a PDQ hash is ever sent, when a person asks, and what comes back decides nothing. It is off until somebody
    switches it on, and until somebody arms it, it speaks to no production system.
    """


@shield_command.command("status")
@data_option
@json_option
@click.pass_context
def status(ctx: click.Context, data: str | None, is_json: bool) -> None:
    """Say how Shield is asked."""
    from hedgerow.app.shield import open_shield

    with open_shield(settings_of(ctx, data)) as shield:
        standing = shield.standing()
    if is_json:
        print_json(_standing_object(standing))
        return
    click.echo(f"Project Arachnid Shield, {standing.place.name}: {standing.place.base_url}")
    click.echo(_LACKS[standing.lacks] if standing.lacks else "It is asked when a person asks.")
    if standing.stopped is not None:
        click.echo(f"      refused: {standing.stopped}")
    if standing.answered_at is not None:
        click.echo(f"      last answer: {standing.answered_at:%Y-%m-%d %H:%M} UTC")


def _standing_object(standing: ShieldStanding) -> dict[str, object]:
    return {
        "enabled": standing.is_enabled,
        "environment": standing.environment,
        "base_url": standing.place.base_url,
        "production": standing.place.is_production,
        "armed_by": standing.armed_by,
        "armed_at": _time(standing.armed_at),
        "has_credentials": standing.has_credentials,
        "calls_per_minute": standing.calls_per_minute,
        "null_is_no_match": standing.is_null_no_match,
        "stopped": standing.stopped,
        "lacks": standing.lacks,
        "answered_at": _time(standing.answered_at),
    }


def _time(at: datetime | None) -> str | None:
    return None if at is None else at.isoformat()


@shield_command.command("on")
@data_option
@click.pass_context
def on(ctx: click.Context, data: str | None) -> None:
    """Let people ask it; also again, after it refused us."""
    from hedgerow.app.shield import open_shield

    with open_shield(settings_of(ctx, data)) as shield:
        standing = shield.change(is_enabled=True, actor="cli")
    click.echo("It is on." if standing.lacks is None else f"It is on. {_LACKS[standing.lacks]}")


@shield_command.command("off")
@data_option
@click.pass_context
def off(ctx: click.Context, data: str | None) -> None:
    """Let nobody ask it. What was asked waits, and what was answered stays."""
    from hedgerow.app.shield import open_shield

    with open_shield(settings_of(ctx, data)) as shield:
        shield.change(is_enabled=False, actor="cli")
    click.echo("It is off, and nothing is asked any more.")


@shield_command.command("configure")
@click.option("--environment", type=click.Choice(["simulator", "production"]), help="Which of its systems.")
@click.option("--base-url", metavar="URL", help="Another address of it; empty for the usual one.")
@click.option("--calls-per-minute", type=click.IntRange(1, 600), metavar="N", help="The most calls in a minute.")
@click.option(
    "--null-is-no-match/--null-is-no-answer",
    "is_null_no_match",
    default=None,
    help="What an answer of null means. It is no answer unless whoever has an account knows better.",
)
@data_option
@click.pass_context
def configure(
    ctx: click.Context,
    environment: str | None,
    base_url: str | None,
    calls_per_minute: int | None,
    *,
    is_null_no_match: bool | None,
    data: str | None,
) -> None:
    """Change where and how it is asked; what is not said stays.

    Another place has to be armed anew, and needs its credentials entered anew.
    """
    from hedgerow.app.shield import open_shield

    with open_shield(settings_of(ctx, data)) as shield:
        standing = shield.change(
            environment=environment,
            base_url=base_url,
            calls_per_minute=calls_per_minute,
            is_null_no_match=is_null_no_match,
            actor="cli",
        )
    click.echo(f"Project Arachnid Shield is asked at {standing.place.base_url}.")
    if standing.lacks is not None:
        click.echo(_LACKS[standing.lacks])


@shield_command.command("credentials")
@click.option("--stdin", "is_read", is_flag=True, help="Read them as a JSON object from standard input.")
@click.option("--remove", "is_removed", is_flag=True, help="Take them away.")
@data_option
@click.pass_context
def credentials(ctx: click.Context, *, is_read: bool, is_removed: bool, data: str | None) -> None:
    """Enter user and password. They are sealed, and nobody can read them back."""
    from hedgerow.app.shield import open_shield

    with open_shield(settings_of(ctx, data)) as shield:
        if is_removed:
            shield.set_credentials(None, actor="cli")
            click.echo("The credentials are gone.")
            return
        entered = (
            _read_json()
            if is_read
            else {name: click.prompt(name, hide_input=True, err=True) for name in ("user", "password")}
        )
        shield.set_credentials(entered, actor="cli")
    click.echo("The credentials are sealed.")


def _read_json() -> dict[str, object]:
    try:
        read = json.loads(sys.stdin.read(_LONGEST_CREDENTIALS))
    except ValueError:
        raise click.UsageError("standard input holds no JSON object") from None
    if not isinstance(read, dict):
        raise click.UsageError("standard input holds no JSON object")
    return read


@shield_command.command("arm")
@click.option("--yes", "is_sure", is_flag=True, help="Do not ask.")
@data_option
@click.pass_context
def arm(ctx: click.Context, *, is_sure: bool, data: str | None) -> None:
    """Allow its production system to be spoken to."""
    from hedgerow.app.shield import open_shield

    with open_shield(settings_of(ctx, data)) as shield:
        place = shield.standing().place
        if not place.is_production:
            click.echo("It speaks to no production system; there is nothing to arm.")
            return
        if not is_sure:
            click.confirm(f"Hashes of cases will be sent to {place.base_url}. Allow it?", abort=True, err=True)
        shield.arm(actor="cli")
    click.echo(f"It is armed: hashes that people ask about are sent to {place.base_url} from now on.")


@shield_command.command("disarm")
@data_option
@click.pass_context
def disarm(ctx: click.Context, data: str | None) -> None:
    """Let its production system be spoken to no more."""
    from hedgerow.app.shield import open_shield

    with open_shield(settings_of(ctx, data)) as shield:
        shield.disarm(actor="cli")
    click.echo("It is disarmed.")


@shield_command.command("ask")
@click.argument("case")
@click.option(
    "--media",
    "position",
    type=click.IntRange(min=1),
    default=1,
    show_default=True,
    metavar="N",
    help="Which of the media, as the page of the case counts them.",
)
@data_option
@json_option
@click.pass_context
def ask(ctx: click.Context, case: str, position: int, data: str | None, is_json: bool) -> None:
    """Ask about the hash of a medium of CASE, such as 2026-00417.

    Exit status 3 where it has not answered: that is not "no match". The workers ask again.
    """
    from hedgerow.app.shield import open_shield

    with open_shield(settings_of(ctx, data)) as shield:
        asked = shield.ask_about(case, position, actor="cli")
    _show(asked, is_json=is_json)
    ctx.exit(UNCHECKED if asked.question.known is None else DONE)


@shield_command.command("answers")
@click.argument("case")
@data_option
@json_option
@click.pass_context
def answers(ctx: click.Context, case: str, data: str | None, is_json: bool) -> None:
    """List what was asked about CASE and what it answered, the newest first."""
    from hedgerow.app.shield import open_shield

    with open_shield(settings_of(ctx, data)) as shield:
        found = shield.asked_about(case)
    if not found and not is_json:
        click.echo("Nothing was asked about it.", err=True)
    for each in found:
        _show(each, is_json=is_json)


def _show(asked: AskedMedia, *, is_json: bool) -> None:
    question = asked.question
    if is_json:
        print_json(
            {
                "question": question.id,
                "media": asked.position,
                "digest": question.digest.hex(),
                "asked_by": question.asked_by,
                "asked_at": _time(question.asked_at),
                "state": str(question.state),
                "known": None if question.known is None else str(question.known),
                "word": question.word,
                "match_type": question.match_type,
                "settled_at": _time(question.settled_at),
                "due_at": _time(question.due_at),
                "attempts": question.attempts,
                "error": question.last_error,
            }
        )
        return
    if question.known is not None:
        said = f'{_KNOWN[question.known]} ("{question.word}")'
    elif question.due_at is None:
        said = f"never answered ({question.last_error}); that is not a no"
    else:
        why = "" if question.last_error is None else f" ({question.last_error}, {question.attempts} tries)"
        said = f"not answered yet{why}; that is not a no"
    click.echo(f"media {asked.position}  asked {question.asked_at:%Y-%m-%d %H:%M} UTC by {question.asked_by}: {said}")
