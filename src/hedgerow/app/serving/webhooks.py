"""Webhooks: where the platform is told of actions, and what became of each message."""

from __future__ import annotations

from typing import TYPE_CHECKING

from hedgerow import actions
from hedgerow.actions.deliveries import given_up
from hedgerow.actions.sending import client
from hedgerow.actions.signing import secret_text
from hedgerow.app.clock import now
from hedgerow.app.webhooks import EndpointStanding, NewEndpoint
from hedgerow.errors import EndpointPaused

if TYPE_CHECKING:
    from collections.abc import Sequence

    from hedgerow.actions import Attempt, Delivery, Endpoint, Unconfirmed
    from hedgerow.app.service import Service
    from hedgerow.app.webhooks import EndpointChange
    from hedgerow.database import Database

__all__ = [
    "add_webhook",
    "change_webhook",
    "list_deliveries",
    "list_unconfirmed",
    "list_webhooks",
    "renew_secret",
    "retry_delivery",
    "retry_given_up",
    "show_delivery",
    "show_webhook",
    "try_webhook",
]


def list_webhooks(database: Database, *, after: int = 0, limit: int) -> list[EndpointStanding]:
    """List the endpoints with what each has not confirmed."""
    with database.read() as connection:
        waiting = {each.endpoint_id: each for each in actions.unconfirmed(connection)}
        found = [each for each in actions.list_endpoints(connection) if each.id > after][:limit]
    return [EndpointStanding(each, waiting.get(each.id)) for each in found]


def show_webhook(database: Database, number: int) -> EndpointStanding:
    """Return an endpoint with what it has not confirmed.

    Raises:
        EndpointNotFound: There is none of that number.
    """
    with database.read() as connection:
        found = actions.find_endpoint(connection, number)
        waiting = {each.endpoint_id: each for each in actions.unconfirmed(connection)}
    return EndpointStanding(found, waiting.get(number))


def add_webhook(
    service: Service, url: str, *, events: Sequence[str] = (), note: str | None = None, actor: str
) -> NewEndpoint:
    """Add an endpoint that is told of some events, or of all; its secret is shown this once.

    Raises:
        InvalidEndpoint: Its address or an event is none.
    """
    with service.database.write() as connection:
        endpoint, secret = actions.add_endpoint(
            connection, url, events=events, note=note, keys=service.keys, actor=actor, now=now()
        )
    return NewEndpoint(endpoint, secret_text(secret))


def change_webhook(database: Database, number: int, change: EndpointChange, *, actor: str) -> Endpoint:
    """Change what is said of an endpoint. What waits for it goes to the new address.

    Raises:
        EndpointNotFound: There is none of that number.
        InvalidEndpoint: The address or an event is none.
    """
    with database.write() as connection:
        return actions.change_endpoint(
            connection,
            number,
            url=change.url,
            events=change.events,
            is_active=change.is_active,
            note=change.note,
            actor=actor,
            now=now(),
        )


def renew_secret(service: Service, number: int, *, actor: str) -> NewEndpoint:
    """Give an endpoint another secret: every message is signed with it from the next try on.

    Raises:
        EndpointNotFound: There is none of that number.
    """
    with service.database.write() as connection:
        secret = actions.renew_secret(connection, number, keys=service.keys, actor=actor, now=now())
        return NewEndpoint(actions.find_endpoint(connection, number), secret_text(secret))


def try_webhook(service: Service, number: int, *, actor: str) -> Delivery:
    """Send the event ``test`` to an endpoint, now and from here, and return what came of it.

    Raises:
        EndpointNotFound: There is none of that number.
        EndpointPaused: Nothing is sent to it.
    """
    database = service.database
    with database.write() as connection:
        if not actions.find_endpoint(connection, number).is_active:
            raise EndpointPaused(number)
        (delivery,) = actions.enqueue(
            connection,
            "test",
            subject_type="webhook",
            subject_id=number,
            data={},
            actor=actor,
            now=now(),
            endpoint=number,
        )
        # In the transaction that writes it, so that no worker is faster
        claims = actions.claim_due(connection, keys=service.keys, now=now(), only=delivery)
    with client() as http:
        for claim in claims:
            answer = actions.send(http, claim, now=now())
            with database.write() as connection:
                actions.record_attempt(connection, claim, answer.sent, now=now(), asked=answer.asked)
    with database.read() as connection:
        return actions.find_delivery(connection, delivery, now=now())


# ── deliveries ───────────────────────────────────────────────────────────────────────────────────────────────────


def list_deliveries(
    database: Database,
    *,
    endpoint: int | None = None,
    is_unconfirmed: bool = False,
    before: int | None = None,
    limit: int,
) -> list[Delivery]:
    """List deliveries, the newest first."""
    with database.read() as connection:
        return actions.list_deliveries(
            connection, now=now(), endpoint=endpoint, is_unconfirmed=is_unconfirmed, before=before, most=limit
        )


def show_delivery(database: Database, number: int) -> tuple[Delivery, list[Attempt]]:
    """Return a delivery and every try of it.

    Raises:
        DeliveryNotFound: There is none of that number.
    """
    with database.read() as connection:
        found = actions.find_delivery(connection, number, now=now())
        return found, actions.list_attempts(connection, number)


def retry_delivery(database: Database, number: int, *, actor: str) -> Delivery:
    """Let a message be sent again now, whatever became of it.

    Raises:
        DeliveryNotFound: There is none of that number.
    """
    with database.write() as connection:
        return actions.deliver_again(connection, number, actor=actor, now=now())


def retry_given_up(database: Database, endpoint: int, *, actor: str) -> int:
    """Let every message to an endpoint that was given up be sent again now, and return how many they are.

    Raises:
        EndpointNotFound: There is none of that number.
    """
    with database.write() as connection:
        actions.find_endpoint(connection, endpoint)
        numbers = given_up(connection, endpoint)
        at = now()
        for number in numbers:
            actions.deliver_again(connection, number, actor=actor, now=at)
        return len(numbers)


def list_unconfirmed(database: Database) -> list[Unconfirmed]:
    """Say what each endpoint has not confirmed; nothing where all is well."""
    with database.read() as connection:
        return list(actions.unconfirmed(connection))
