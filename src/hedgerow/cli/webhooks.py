"""``hedgerow webhook``: where the platform is told what to do, and whether it has confirmed it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from hedgerow.actions.rules import EVENTS
from hedgerow.cli.exits import DONE, UNCHECKED
from hedgerow.cli.options import data_option, json_option, print_json, settings_of

if TYPE_CHECKING:
    from datetime import datetime

    from hedgerow.actions import Attempt, Delivery, Endpoint
    from hedgerow.app.webhooks import EndpointStanding, NewEndpoint

__all__ = ["webhook_command"]

_LARGEST = 2**63 - 1
_EVENTS = click.Choice(sorted(EVENTS))


@click.group("webhook", short_help="Tell the platform by webhook, and see what it has confirmed.")
def webhook_command() -> None:
    """Tell the platform by webhook, and see what it has confirmed.

    `hedgerow serve` and `hedgerow worker` send what waits.
    """


def _time(at: datetime | None) -> str | None:
    return None if at is None else at.isoformat()


def _endpoint_object(endpoint: Endpoint) -> dict[str, object]:
    return {
        "endpoint": endpoint.id,
        "url": endpoint.url,
        "events": list(endpoint.events),
        "active": endpoint.is_active,
        "created_at": endpoint.created_at.isoformat(),
        "note": endpoint.note,
    }


def _standing_object(standing: EndpointStanding) -> dict[str, object]:
    found = standing.unconfirmed
    return _endpoint_object(standing.endpoint) | {
        "waiting": found.waiting if found else 0,
        "given_up": found.given_up if found else 0,
        "oldest_unconfirmed_at": _time(found.oldest_at if found else None),
    }


def _endpoint_line(endpoint: Endpoint) -> str:
    told = ", ".join(endpoint.events) or "every event"
    return f"{endpoint.id:>4}  {endpoint.url}  {told}{'' if endpoint.is_active else '  (paused)'}"


def _delivery_object(delivery: Delivery) -> dict[str, object]:
    return {
        "delivery": delivery.id,
        "message_id": f"msg_{delivery.id}",
        "endpoint": delivery.endpoint_id,
        "event": delivery.event,
        "subject_type": delivery.subject_type,
        "subject_id": delivery.subject_id,
        "state": str(delivery.state),
        "created_at": delivery.created_at.isoformat(),
        "due_at": _time(delivery.due_at),
        "attempts": delivery.attempts,
        "delivered_at": _time(delivery.delivered_at),
        "last_status": delivery.last_status,
        "last_error": delivery.last_error,
    }


def _attempt_object(attempt: Attempt) -> dict[str, object]:
    sent = attempt.sent
    return {
        "at": attempt.at.isoformat(),
        "status": sent.status,
        "error": sent.error,
        "duration_ms": sent.duration_ms,
    }


def _delivery_line(delivery: Delivery) -> str:
    said = str(delivery.state).replace("_", " ")
    tries = f"{delivery.attempts} tries" if delivery.attempts != 1 else "1 try"
    trouble = f"  {delivery.last_error}" if delivery.last_error and delivery.delivered_at is None else ""
    about = f"{delivery.subject_type} {delivery.subject_id}"
    return f"{delivery.id:>8}  {delivery.event:<16} {about:<16} to {delivery.endpoint_id}  {said}, {tries}{trouble}"


def _print_secret(made: NewEndpoint, *, is_json: bool) -> None:
    if is_json:
        print_json(_endpoint_object(made.endpoint) | {"secret": made.secret})
    else:
        click.echo(f"The secret of webhook endpoint {made.endpoint.id}, shown this once:", err=True)
        click.echo(made.secret)


@webhook_command.command("add")
@click.argument("url")
@click.option(
    "--event", "events", multiple=True, type=_EVENTS, help="Tell it of this. May be repeated. [default: of everything]"
)
@click.option("--note", help="Whose it is, for people.")
@data_option
@json_option
@click.pass_context
def add(
    ctx: click.Context, url: str, events: tuple[str, ...], note: str | None, data: str | None, is_json: bool
) -> None:
    """Add the address URL, and print the secret with which messages to it are signed. It is shown this once."""
    from hedgerow.app.webhooks import add_webhook

    _print_secret(add_webhook(settings_of(ctx, data), url, events=events, note=note), is_json=is_json)


@webhook_command.command("list")
@data_option
@json_option
@click.pass_context
def list_(ctx: click.Context, data: str | None, is_json: bool) -> None:
    """List the endpoints, and what each has not confirmed."""
    from hedgerow.app.webhooks import list_webhooks

    standings = list_webhooks(settings_of(ctx, data))
    if not standings and not is_json:
        click.echo("There are no webhook endpoints yet: hedgerow webhook add URL", err=True)
    for standing in standings:
        if is_json:
            print_json(_standing_object(standing))
            continue
        click.echo(_endpoint_line(standing.endpoint))
        found = standing.unconfirmed
        if found is not None:
            click.echo(
                f"      not confirmed: {found.waiting:,} waiting, {found.given_up:,} given up; "
                f"the oldest since {found.oldest_at:%Y-%m-%d %H:%M} UTC"
            )


@webhook_command.command("change")
@click.argument("number", type=click.IntRange(1, _LARGEST))
@click.option("--url", help="Where messages go from now on; what waits goes there too.")
@click.option("--event", "events", multiple=True, type=_EVENTS, help="Tell it of exactly these. May be repeated.")
@click.option("--every-event", is_flag=True, help="Tell it of everything.")
@click.option(
    "--active/--paused", "is_active", default=None, help="Whether anything is sent. What waits goes on waiting."
)
@click.option("--note", help="Whose it is, for people.")
@data_option
@json_option
@click.pass_context
def change(
    ctx: click.Context,
    number: int,
    url: str | None,
    events: tuple[str, ...],
    every_event: bool,
    is_active: bool | None,
    note: str | None,
    data: str | None,
    is_json: bool,
) -> None:
    """Change the endpoint NUMBER (see `webhook list`); what is not named stays."""
    from hedgerow.app.webhooks import EndpointChange, change_webhook

    if every_event and events:
        raise click.UsageError("Choose one of --event and --every-event.")
    wanted = EndpointChange(url, (events or None) if not every_event else (), is_active, note)
    endpoint = change_webhook(settings_of(ctx, data), number, wanted)
    if is_json:
        print_json(_endpoint_object(endpoint))
    else:
        click.echo(_endpoint_line(endpoint))


@webhook_command.command("renew-secret")
@click.argument("number", type=click.IntRange(1, _LARGEST))
@data_option
@json_option
@click.pass_context
def renew_secret(ctx: click.Context, number: int, data: str | None, is_json: bool) -> None:
    """Give the endpoint NUMBER another secret and print it, this once. The old one signs nothing from now on."""
    from hedgerow.app.webhooks import renew_webhook_secret

    _print_secret(renew_webhook_secret(settings_of(ctx, data), number), is_json=is_json)


@webhook_command.command("test")
@click.argument("number", type=click.IntRange(1, _LARGEST))
@data_option
@json_option
@click.pass_context
def test(ctx: click.Context, number: int, data: str | None, is_json: bool) -> None:
    """Send the event `test` to the endpoint NUMBER, now, and say what it answered.

    Exit status: 0 it confirmed; 3 it did not. The message is tried again then, as every message is.
    """
    from hedgerow.app.webhooks import try_webhook

    delivery = try_webhook(settings_of(ctx, data), number)
    is_confirmed = delivery.delivered_at is not None
    if is_json:
        print_json(_delivery_object(delivery))
    elif is_confirmed:
        click.echo(f"Confirmed: it answered {delivery.last_status}.")
    else:
        click.echo(f"Not confirmed: {delivery.last_error or 'another process is trying it'}.")
    ctx.exit(DONE if is_confirmed else UNCHECKED)


@webhook_command.command("deliveries")
@click.argument("number", required=False, type=click.IntRange(1, _LARGEST))
@click.option("--endpoint", type=click.IntRange(1, _LARGEST), metavar="N", help="Only those to this endpoint.")
@click.option("--unconfirmed", is_flag=True, help="Only those that the platform has not confirmed.")
@click.option("--before", type=click.IntRange(1, _LARGEST), metavar="N", help="Only those with a smaller number.")
@click.option("--limit", type=click.IntRange(1, 10_000), default=20, show_default=True, help="Deliveries to show.")
@data_option
@json_option
@click.pass_context
def deliveries(
    ctx: click.Context,
    number: int | None,
    endpoint: int | None,
    unconfirmed: bool,
    before: int | None,
    limit: int,
    data: str | None,
    is_json: bool,
) -> None:
    """List what was sent and what waits, the newest first; or the delivery NUMBER with every try of it."""
    from hedgerow.app.webhooks import list_webhook_deliveries, show_webhook_delivery

    settings = settings_of(ctx, data)
    if number is not None:
        delivery, attempts = show_webhook_delivery(settings, number)
        if is_json:
            print_json(_delivery_object(delivery) | {"tries": [_attempt_object(each) for each in attempts]})
            return
        click.echo(_delivery_line(delivery))
        for attempt in attempts:
            said = attempt.sent.error or f"confirmed with {attempt.sent.status}"
            click.echo(f"          {attempt.at:%Y-%m-%d %H:%M:%S} UTC  {said}, {attempt.sent.duration_ms:,} ms")
        return
    found = list_webhook_deliveries(settings, endpoint=endpoint, is_unconfirmed=unconfirmed, before=before, most=limit)
    if not found and not is_json:
        click.echo("There are no such deliveries.", err=True)
    for delivery in found:
        if is_json:
            print_json(_delivery_object(delivery))
        else:
            click.echo(_delivery_line(delivery))


@webhook_command.command("retry")
@click.argument("numbers", nargs=-1, type=click.IntRange(1, _LARGEST), metavar="[NUMBER]…")
@click.option(
    "--given-up", type=click.IntRange(1, _LARGEST), metavar="ENDPOINT", help="Everything given up, of this endpoint."
)
@data_option
@json_option
@click.pass_context
def retry(ctx: click.Context, numbers: tuple[int, ...], given_up: int | None, data: str | None, is_json: bool) -> None:
    """Send the deliveries NUMBER (see `webhook deliveries`) again now; their waiting begins anew.

    One that was confirmed is sent again too: the platform takes each id once.
    """
    from hedgerow.app.webhooks import retry_webhook_deliveries

    if not numbers and given_up is None:
        raise click.UsageError("Name a NUMBER, or an endpoint with --given-up.")
    found = retry_webhook_deliveries(settings_of(ctx, data), numbers, given_up_of=given_up)
    if is_json:
        print_json({"deliveries": found})
    else:
        click.echo(f"{len(found):,} will be sent again." if found else "Nothing was given up.")
