"""``hedgerow exchange``: what partners know comes in, and what they withdraw goes."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click

from hedgerow.cli.exits import DONE, FAILED, UNCHECKED
from hedgerow.cli.options import data_option, json_option, print_json, settings_of

if TYPE_CHECKING:
    from datetime import datetime

    from hedgerow.exchanges.model import Fetch, Standing

__all__ = ["exchange_command"]

_DAY_S = 86_400.0
_LONGEST_CREDENTIALS = 64 * 1024


@click.group("exchange", short_help="Take in what partners know, and withdraw what they withdraw.")
def exchange_command() -> None:
    """Take in what partners know, and withdraw what they withdraw.

    An exchange fills a bank of its own name. `hedgerow serve` and `hedgerow worker` fetch what is due. Until somebody
    arms it, an exchange speaks to no partner's production system.
    """


_set_option = click.option(
    "--set",
    "said",
    multiple=True,
    metavar="FIELD=VALUE",
    help="Set a field of the configuration; @FILE for what stands in a file. May be repeated.",
)
_every_option = click.option(
    "--every", type=click.FloatRange(min=0, min_open=True), metavar="S", help="Seconds between two fetches."
)
_reconcile_option = click.option(
    "--reconcile-every",
    type=click.FloatRange(min=0, min_open=True),
    metavar="DAYS",
    help="Days between two walks through the whole set, after which what is not in it is withdrawn.",
)
_calls_option = click.option(
    "--calls-per-minute", type=click.IntRange(1, 100_000), metavar="N", help="The most calls in a minute."
)


def _read_said(said: tuple[str, ...]) -> dict[str, str]:
    read = {}
    for each in said:
        name, is_there, value = each.partition("=")
        if not is_there or not name:
            raise click.UsageError(f"--set wants FIELD=VALUE, not {each[:60]!r}")
        if value.startswith("@"):
            try:
                value = Path(value[1:]).read_text("utf-8")
            except (OSError, ValueError) as error:
                raise click.UsageError(f"the file for {name} cannot be read: {type(error).__name__}") from None
        read[name] = value
    return read


def _time(at: datetime | None) -> str | None:
    return None if at is None else at.isoformat()


def _standing_object(standing: Standing) -> dict[str, object]:
    exchange, page = standing.exchange, standing.quarantined
    return {
        "exchange": exchange.name,
        "kind": exchange.kind,
        "enabled": exchange.is_enabled,
        "config": dict(exchange.config),
        "armed_by": exchange.armed_by,
        "armed_at": _time(exchange.armed_at),
        "sends_opinions": exchange.sends_opinions,
        "has_credentials": standing.has_credentials,
        "due_at": _time(standing.due_at),
        "fetching_since": _time(standing.started_at),
        "completed_at": _time(standing.completed_at),
        "succeeded_at": _time(standing.succeeded_at),
        "current": standing.is_current,
        "records": standing.records,
        "walking_since": _time(standing.walk_started_at),
        "walked_at": _time(standing.walked_at),
        "failures": standing.failures,
        "error": standing.last_error,
        "problem": standing.last_problem,
        "stopped": standing.stopped,
        "unreadable_page": None
        if page is None
        else {"place": page.place, "problem": page.problem, "tries": page.tries, "skip": page.skip},
    }


def _state(standing: Standing) -> str:
    if not standing.exchange.is_enabled:
        return "switched off"
    if standing.stopped is not None:
        return f"STOPPED: {standing.last_problem or standing.stopped}"
    if standing.started_at is not None:
        return f"being fetched since {standing.started_at:%H:%M} UTC"
    if standing.last_error is not None:
        tries = "once" if standing.failures == 1 else f"{standing.failures} times"
        return f"FAILED {tries}: {standing.last_problem}"
    if standing.completed_at is None:
        return "not fetched yet"
    return "holds all that the partner has" if standing.is_current else "holds a part of what the partner has"


def _print_standing(standing: Standing) -> None:
    exchange = standing.exchange
    click.echo(f"{exchange.name}  ({exchange.kind})  {_state(standing)}")
    fetched = "never" if standing.succeeded_at is None else f"{standing.succeeded_at:%Y-%m-%d %H:%M} UTC"
    click.echo(f"      {standing.records:,} records; last fetched {fetched}", nl=False)
    click.echo(f"; next {standing.due_at:%Y-%m-%d %H:%M} UTC" if exchange.is_enabled else "")
    page = standing.quarantined
    if page is not None:
        click.echo(f"      a page cannot be read ({page.place}), tried {page.tries} times: {page.problem}")
        if page.skip is not None:
            click.echo(f"      to leave out {page.skip}: hedgerow exchange skip {exchange.name}")


@exchange_command.command("kinds")
@json_option
def kinds(*, is_json: bool) -> None:
    """List the kinds of partners there are, and what each wants to know."""
    from hedgerow.app.exchanges import kinds_of_partners

    for name, partner in kinds_of_partners().items():
        if is_json:
            fields = [
                {
                    "name": each.name,
                    "type": each.type,
                    "required": each.is_required,
                    "help": each.help,
                    "choices": None if each.choices is None else list(each.choices),
                }
                for each in partner.config_fields
            ]
            keys = None if partner.credential_fields is None else [each.name for each in partner.credential_fields]
            print_json({"kind": name, "title": partner.title, "fields": fields, "credentials": keys})
            continue
        click.echo(f"{name}  {partner.title}")
        for field in partner.config_fields:
            needed = "" if field.is_required else " (may be left out)"
            choices = "" if field.choices is None else f" One of {', '.join(field.choices)}."
            click.echo(f"      {field.name}: {field.help}{choices}{needed}")
        if partner.credential_fields:
            click.echo(f"      credentials: {', '.join(each.name for each in partner.credential_fields)}")


@exchange_command.command("add")
@click.argument("name")
@click.argument("kind")
@_set_option
@_every_option
@_reconcile_option
@_calls_option
@data_option
@json_option
@click.pass_context
def add(
    ctx: click.Context,
    name: str,
    kind: str,
    said: tuple[str, ...],
    every: float | None,
    reconcile_every: float | None,
    calls_per_minute: int | None,
    data: str | None,
    is_json: bool,
) -> None:
    """Add an exchange NAME with a partner of the kind KIND, and the bank that it fills."""
    from hedgerow.app.exchanges import Rhythm, config_from, open_exchanges

    rhythm = Rhythm(every, None if reconcile_every is None else reconcile_every * _DAY_S, calls_per_minute)
    with open_exchanges(settings_of(ctx, data)) as exchanges:
        exchanges.create(name, kind, config_from(kind, _read_said(said)), rhythm=rhythm, actor="cli")
        standing, place = exchanges.standing(name), exchanges.place(name)
    if is_json:
        print_json(_standing_object(standing))
        return
    click.echo(f"The exchange {name} fills the bank {name}.")
    if exchanges.needs_credentials(kind):
        click.echo(f"It needs credentials: hedgerow exchange credentials {name}")
    if place is not None and place.is_production:
        click.echo(f"It would speak to a production system. To allow that: hedgerow exchange arm {name}")


@exchange_command.command("configure")
@click.argument("name")
@_set_option
@_every_option
@_reconcile_option
@_calls_option
@data_option
@click.pass_context
def configure(
    ctx: click.Context,
    name: str,
    said: tuple[str, ...],
    every: float | None,
    reconcile_every: float | None,
    calls_per_minute: int | None,
    data: str | None,
) -> None:
    """Change the configuration of the exchange NAME; what is not said stays. Another partner has to be armed again."""
    from hedgerow.app.exchanges import Rhythm, config_from, open_exchanges

    with open_exchanges(settings_of(ctx, data)) as exchanges:
        before = exchanges.find_exchange(name)
        if said:
            exchanges.configure(name, config_from(before.kind, _read_said(said)), actor="cli")
        was = before.rhythm
        wanted = Rhythm(
            was.every_s if every is None else every,
            was.reconcile_every_s if reconcile_every is None else reconcile_every * _DAY_S,
            was.calls_per_minute if calls_per_minute is None else calls_per_minute,
        )
        exchanges.set_rhythm(name, wanted, actor="cli")
    click.echo(f"Changed {name}.")


@exchange_command.command("credentials")
@click.argument("name")
@click.option("--stdin", "is_read", is_flag=True, help="Read them as a JSON object from standard input.")
@click.option("--remove", "is_removed", is_flag=True, help="Take them away.")
@data_option
@click.pass_context
def credentials(ctx: click.Context, name: str, *, is_read: bool, is_removed: bool, data: str | None) -> None:
    """Enter the credentials of the exchange NAME. They are sealed, and nobody can read them back."""
    from hedgerow.app.exchanges import find_kind, open_exchanges

    with open_exchanges(settings_of(ctx, data)) as exchanges:
        exchange = exchanges.find_exchange(name)
        if is_removed:
            exchanges.set_credentials(name, None, actor="cli")
            click.echo(f"The credentials of {name} are gone.")
            return
        partner = find_kind(exchange.kind)
        fields = (partner.credential_fields if partner is not None else None) or ()
        if is_read:
            entered = _read_json()
        else:
            typed = {
                field.name: click.prompt(
                    field.name,
                    hide_input=True,
                    err=True,
                    default=None if field.is_required else "",
                    show_default=False,
                )
                for field in fields
            }
            entered = {name: text for name, text in typed.items() if text}
        exchanges.set_credentials(name, entered, actor="cli")
    click.echo(f"The credentials of {name} are sealed.")


def _read_json() -> dict[str, object]:
    try:
        read = json.loads(sys.stdin.read(_LONGEST_CREDENTIALS))
    except ValueError:
        raise click.UsageError("standard input holds no JSON object") from None
    if not isinstance(read, dict):
        raise click.UsageError("standard input holds no JSON object")
    return read


@exchange_command.command("arm")
@click.argument("name")
@click.option("--yes", "is_sure", is_flag=True, help="Do not ask.")
@data_option
@click.pass_context
def arm(ctx: click.Context, name: str, *, is_sure: bool, data: str | None) -> None:
    """Allow the exchange NAME to speak to its partner's production system."""
    from hedgerow.app.exchanges import open_exchanges

    with open_exchanges(settings_of(ctx, data)) as exchanges:
        place = exchanges.place(name)
        if place is None or not place.is_production:
            click.echo(f"{name} speaks to no production system; there is nothing to arm.")
            return
        if not is_sure:
            click.confirm(f"{name} will speak to {place.base_url}. Allow it?", abort=True, err=True)
        exchanges.arm(name, actor="cli")
    click.echo(f"{name} is armed: it speaks to {place.base_url} from now on.")


@exchange_command.command("disarm")
@click.argument("name")
@data_option
@click.pass_context
def disarm(ctx: click.Context, name: str, data: str | None) -> None:
    """Let the exchange NAME speak to its partner's production system no more."""
    from hedgerow.app.exchanges import open_exchanges

    with open_exchanges(settings_of(ctx, data)) as exchanges:
        exchanges.disarm(name, actor="cli")
    click.echo(f"{name} is disarmed.")


@exchange_command.command("fetch")
@click.argument("name")
@data_option
@json_option
@click.pass_context
def fetch(ctx: click.Context, name: str, data: str | None, is_json: bool) -> None:
    """Fetch the exchange NAME now, in this process.

    Exit status 3 where it failed, or where only a part could be fetched.
    """
    from hedgerow.app.exchanges import open_exchanges

    with open_exchanges(settings_of(ctx, data)) as exchanges:
        end = exchanges.fetch_now(name)
        standing = exchanges.standing(name)
    if end is None:
        click.echo(f"{name} is not fetched now: {_state(standing)}.", err=True)
        ctx.exit(FAILED)
    done = end.applied
    if is_json:
        print_json(
            {
                "exchange": name,
                "pages": done.pages,
                "records": done.records,
                "added": done.added,
                "changed": done.changed,
                "withdrawn": done.withdrawn,
                "refused": done.refused,
                "opaque": done.opaque,
                "current": end.is_current,
                "error": end.error,
                "problem": end.problem,
            }
        )
    else:
        if end.error is None or done.pages:
            click.echo(
                f"{name}: {done.records:,} records read, {done.added:,} signals added, {done.changed:,} changed, "
                f"{done.withdrawn:,} withdrawn, {done.refused:,} refused."
            )
        if end.problem is not None:
            click.echo(end.problem, err=True)
    ctx.exit(DONE if end.error is None and end.is_current else UNCHECKED)


@exchange_command.command("status")
@click.argument("name", required=False)
@data_option
@json_option
@click.pass_context
def status(ctx: click.Context, name: str | None, data: str | None, is_json: bool) -> None:
    """Say how the exchanges stand, or NAME with its latest fetches."""
    from hedgerow.app.exchanges import open_exchanges

    fetches: list[Fetch] = []
    with open_exchanges(settings_of(ctx, data)) as exchanges:
        standings = exchanges.standings() if name is None else [exchanges.standing(name)]
        if name is not None:
            fetches = exchanges.fetches(name)
    if not standings and not is_json:
        click.echo("There are no exchanges yet: hedgerow exchange add NAME KIND", err=True)
    for standing in standings:
        if is_json:
            told = _standing_object(standing)
            print_json(told if name is None else told | {"fetches": [_fetch_object(each) for each in fetches]})
        else:
            _print_standing(standing)
    if not is_json:
        for each in fetches[:10]:
            done, ended = each.applied, each.error or "done"
            click.echo(
                f"      {each.ended_at:%Y-%m-%d %H:%M}  {each.mode:<6}  {done.records:>9,} read  "
                f"{done.added:>9,} added  {done.withdrawn:>9,} withdrawn  {ended}"
            )


def _fetch_object(each: Fetch) -> dict[str, object]:
    done = each.applied
    return {
        "mode": str(each.mode),
        "started_at": _time(each.started_at),
        "ended_at": _time(each.ended_at),
        "pages": done.pages,
        "records": done.records,
        "added": done.added,
        "changed": done.changed,
        "withdrawn": done.withdrawn,
        "refused": done.refused,
        "opaque": done.opaque,
        "error": each.error,
    }


@exchange_command.command("pause")
@click.argument("name")
@data_option
@click.pass_context
def pause(ctx: click.Context, name: str, data: str | None) -> None:
    """Fetch the exchange NAME no more. What it brought goes on matching."""
    from hedgerow.app.exchanges import open_exchanges

    with open_exchanges(settings_of(ctx, data)) as exchanges:
        exchanges.switch_exchange(name, is_enabled=False, actor="cli")
    click.echo(f"{name} is not fetched any more. What it brought goes on matching.")


@exchange_command.command("resume")
@click.argument("name")
@data_option
@click.pass_context
def resume(ctx: click.Context, name: str, data: str | None) -> None:
    """Fetch the exchange NAME again: one that was paused, or that stopped because its partner refused us."""
    from hedgerow.app.exchanges import open_exchanges

    with open_exchanges(settings_of(ctx, data)) as exchanges:
        exchanges.switch_exchange(name, is_enabled=True, actor="cli")
        exchanges.resume(name, actor="cli")
    click.echo(f"{name} is fetched again.")


@exchange_command.command("reconcile")
@click.argument("name")
@data_option
@click.pass_context
def reconcile(ctx: click.Context, name: str, data: str | None) -> None:
    """Walk through all that the partner of NAME has, and withdraw what is not in it; the workers do it."""
    from hedgerow.app.exchanges import open_exchanges

    with open_exchanges(settings_of(ctx, data)) as exchanges:
        exchanges.ask_for_walk(name, actor="cli")
    click.echo(f"The next fetch of {name} begins to walk through all that its partner has.")


@exchange_command.command("skip")
@click.argument("name")
@click.option("--yes", "is_sure", is_flag=True, help="Do not ask.")
@data_option
@click.pass_context
def skip(ctx: click.Context, name: str, *, is_sure: bool, data: str | None) -> None:
    """Go on behind the page of NAME that cannot be read.

    What it would have brought is missing until the next walk through the whole set.
    """
    from hedgerow.app.exchanges import open_exchanges

    with open_exchanges(settings_of(ctx, data)) as exchanges:
        page = exchanges.standing(name).quarantined
        if page is not None and page.skip is not None and not is_sure:
            click.confirm(f"This leaves out {page.skip}. Go on?", abort=True, err=True)
        skipped = exchanges.skip_page(name, actor="cli")
    click.echo(f"Left out: {skipped.skip}.")


@exchange_command.command("remove")
@click.argument("name")
@click.option("--yes", "is_sure", is_flag=True, help="Do not ask.")
@data_option
@click.pass_context
def remove(ctx: click.Context, name: str, *, is_sure: bool, data: str | None) -> None:
    """Remove the exchange NAME and its credentials, and withdraw all that it brought."""
    from hedgerow.app.exchanges import open_exchanges

    with open_exchanges(settings_of(ctx, data)) as exchanges:
        exchanges.find_exchange(name)
        if not is_sure:
            click.confirm(f"All that {name} brought stops matching. Go on?", abort=True, err=True)
        exchanges.delete_exchange(name, actor="cli")
    click.echo(f"{name} is gone, and what it brought matches nothing any more.")


@exchange_command.command("opinions")
@click.argument("name", required=False)
@click.option("--send", "switch", flag_value="on", help="Let decisions become opinions that are sent to NAME.")
@click.option("--keep", "switch", flag_value="off", help="Send none to NAME any more; what waits goes on waiting.")
@data_option
@json_option
@click.pass_context
def opinions(ctx: click.Context, name: str | None, switch: str | None, data: str | None, is_json: bool) -> None:
    """List what was said to partners because of decisions, the newest first, and what waits."""
    from hedgerow.app.exchanges import open_exchanges

    if switch is not None and name is None:
        raise click.UsageError("--send and --keep want the NAME of an exchange")
    with open_exchanges(settings_of(ctx, data)) as exchanges:
        if switch is not None and name is not None:
            exchanges.switch_opinions(name, sends_opinions=switch == "on", actor="cli")
            said = "become opinions that are sent to it" if switch == "on" else "are not told to it any more"
            click.echo(f"Decisions about what {name} brought {said}.")
            return
        found = exchanges.opinions(name)
        names = {each.id: each.name for each in exchanges.list_exchanges()}
    if not found and not is_json:
        click.echo("Nothing was said to any partner.", err=True)
    for each in found:
        if is_json:
            print_json(
                {
                    "opinion": each.id,
                    "exchange": names.get(each.exchange_id),
                    "entry": each.entry_id,
                    "record": each.key,
                    "decision": each.decision_id,
                    "said": str(each.opinion),
                    "reason": each.reason,
                    "state": str(each.state),
                    "created_at": _time(each.created_at),
                    "due_at": _time(each.due_at),
                    "attempts": each.attempts,
                    "acknowledged_at": _time(each.acknowledged_at),
                    "error": each.last_error,
                }
            )
        else:
            trouble = f"  {each.last_error}" if each.last_error and each.acknowledged_at is None else ""
            about = f"{names.get(each.exchange_id)}, record {each.key}"
            click.echo(f"{each.id:>8}  {each.opinion:<8} {about}  {each.state}, {each.attempts} tries{trouble}")
