"""Add endpoints, try them out, and look after what is sent to them, for a door."""

from __future__ import annotations

from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

from hedgerow.app.clock import now

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from hedgerow.actions import Attempt, Delivery, Endpoint, Unconfirmed
    from hedgerow.database import Database
    from hedgerow.database.sealing import ServiceKeys
    from hedgerow.settings import Settings

__all__ = [
    "EndpointChange",
    "EndpointStanding",
    "NewEndpoint",
    "add_webhook",
    "change_webhook",
    "list_webhook_deliveries",
    "list_webhooks",
    "renew_webhook_secret",
    "retry_webhook_deliveries",
    "show_webhook_delivery",
    "try_webhook",
]


@dataclass(frozen=True, slots=True)
class NewEndpoint:
    """An endpoint, and its secret as it is given to whoever receives: it is shown this once."""

    endpoint: Endpoint
    secret: str


@dataclass(frozen=True, slots=True)
class EndpointStanding:
    """An endpoint, and what it has not confirmed; None where it has confirmed everything."""

    endpoint: Endpoint
    unconfirmed: Unconfirmed | None


@dataclass(frozen=True, slots=True)
class EndpointChange:
    """What is to change about an endpoint; None leaves a thing as it is."""

    url: str | None = None
    events: Sequence[str] | None = None
    is_active: bool | None = None
    note: str | None = None


@contextmanager
def _database(settings: Settings) -> Iterator[Database]:
    from hedgerow.migrations import open_migrated

    database = open_migrated(settings)
    try:
        yield database
    finally:
        database.close()


def _keys(settings: Settings) -> ServiceKeys:
    from hedgerow.database.sealing import load_service_keys

    return load_service_keys(settings.data, settings.service_key.get_secret_value() if settings.service_key else None)


def add_webhook(
    settings: Settings, url: str, *, events: Sequence[str] = (), note: str | None = None, actor: str = "cli"
) -> NewEndpoint:
    """Add an endpoint that is told of some events, or of all.

    Raises:
        InvalidEndpoint: Its address or an event is none.
    """
    from hedgerow.actions import add_endpoint
    from hedgerow.actions.signing import secret_text

    with _database(settings) as database, database.write() as connection:
        endpoint, secret = add_endpoint(
            connection, url, events=events, note=note, keys=_keys(settings), actor=actor, now=now()
        )
        return NewEndpoint(endpoint, secret_text(secret))


def list_webhooks(settings: Settings) -> list[EndpointStanding]:
    """List the endpoints with what each has not confirmed; none where there is no database yet."""
    from hedgerow.actions import list_endpoints, unconfirmed
    from hedgerow.migrations import open_existing

    database = open_existing(settings)
    if database is None:
        return []
    try:
        with database.read() as connection:
            waiting = {each.endpoint_id: each for each in unconfirmed(connection)}
            return [EndpointStanding(each, waiting.get(each.id)) for each in list_endpoints(connection)]
    finally:
        database.close()


def change_webhook(settings: Settings, number: int, change: EndpointChange, *, actor: str = "cli") -> Endpoint:
    """Change what is said of an endpoint. What waits for it goes to the new address.

    Raises:
        EndpointNotFound: There is none of that number.
        InvalidEndpoint: The address or an event is none.
    """
    from hedgerow.actions import change_endpoint

    with _database(settings) as database, database.write() as connection:
        return change_endpoint(
            connection,
            number,
            url=change.url,
            events=change.events,
            is_active=change.is_active,
            note=change.note,
            actor=actor,
            now=now(),
        )


def renew_webhook_secret(settings: Settings, number: int, *, actor: str = "cli") -> NewEndpoint:
    """Give an endpoint another secret: every message is signed with it from the next try on.

    Raises:
        EndpointNotFound: There is none of that number.
    """
    from hedgerow.actions import find_endpoint, renew_secret
    from hedgerow.actions.signing import secret_text

    with _database(settings) as database, database.write() as connection:
        secret = renew_secret(connection, number, keys=_keys(settings), actor=actor, now=now())
        return NewEndpoint(find_endpoint(connection, number), secret_text(secret))


def try_webhook(settings: Settings, number: int, *, actor: str = "cli") -> Delivery:
    """Send the event ``test`` to an endpoint, now and from here, and return what came of it.

    It is a message like any other: where the platform does not confirm it, it is tried again.

    Raises:
        EndpointNotFound: There is none of that number.
        EndpointPaused: Nothing is sent to it.
    """
    from hedgerow.actions import claim_due, enqueue, find_delivery, find_endpoint, record_attempt, send
    from hedgerow.actions.sending import client
    from hedgerow.errors import EndpointPaused

    keys = _keys(settings)
    with _database(settings) as database, client() as http:
        with database.write() as connection:
            if not find_endpoint(connection, number).is_active:
                raise EndpointPaused(number)
            (delivery,) = enqueue(
                connection,
                "test",
                subject_type="webhook",
                subject_id=number,
                data={},
                actor=actor,
                now=now(),
                endpoint=number,
            )
            # In the transaction that writes it, so that no worker is faster and nobody waits for none
            claims = claim_due(connection, keys=keys, now=now(), only=delivery)
        for claim in claims:
            answer = send(http, claim, now=now())
            with database.write() as connection:
                record_attempt(connection, claim, answer.sent, now=now(), asked=answer.asked)
        with database.read() as connection:
            return find_delivery(connection, delivery, now=now())


def list_webhook_deliveries(
    settings: Settings,
    *,
    endpoint: int | None = None,
    is_unconfirmed: bool = False,
    before: int | None = None,
    most: int = 100,
) -> list[Delivery]:
    """List deliveries, the newest first; none where there is no database yet."""
    from hedgerow.actions import list_deliveries
    from hedgerow.migrations import open_existing

    database = open_existing(settings)
    if database is None:
        return []
    try:
        with database.read() as connection:
            return list_deliveries(
                connection, now=now(), is_unconfirmed=is_unconfirmed, before=before, most=most, endpoint=endpoint
            )
    finally:
        database.close()


def show_webhook_delivery(settings: Settings, number: int) -> tuple[Delivery, list[Attempt]]:
    """Return a delivery and every try of it.

    Raises:
        DeliveryNotFound: There is none of that number.
    """
    from hedgerow.actions import find_delivery, list_attempts

    with _database(settings) as database, database.read() as connection:
        return find_delivery(connection, number, now=now()), list_attempts(connection, number)


def retry_webhook_deliveries(
    settings: Settings, numbers: Sequence[int] = (), *, given_up_of: int | None = None, actor: str = "cli"
) -> list[int]:
    """Let messages be sent now, whatever became of them, and return their numbers; all of them or none.

    Args:
        settings: The settings.
        numbers: Which deliveries.
        given_up_of: Besides, every message that was given up, of this endpoint.
        actor: Who asks for it.

    Raises:
        DeliveryNotFound: One of the numbers is none.
        EndpointNotFound: There is no such endpoint.
    """
    from hedgerow.actions import deliver_again, find_endpoint
    from hedgerow.actions.deliveries import given_up

    with _database(settings) as database, database.write() as connection:
        wanted = list(numbers)
        if given_up_of is not None:
            find_endpoint(connection, given_up_of)
            wanted += given_up(connection, given_up_of)
        at = now()
        unique = list(dict.fromkeys(wanted))
        for number in unique:
            deliver_again(connection, number, actor=actor, now=at)
        return unique
