"""Write messages, claim those that are due, and record what came of each try. The caller commits."""

from __future__ import annotations

import json
import secrets
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from sqlalchemy import and_, func, insert, or_, select, update

from hedgerow import audit
from hedgerow.actions.endpoints import endpoint_of, open_secret
from hedgerow.actions.model import Attempt, Claim, Delivery, DeliveryState, Sent, Unconfirmed
from hedgerow.actions.rules import EVENTS, IN_FLIGHT, LEASE, is_wanted, retry_delay
from hedgerow.actions.tables import deliveries, delivery_attempts, webhook_endpoints
from hedgerow.errors import DeliveryNotFound, InvalidEndpoint, LeaseLost, SealBroken

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from datetime import datetime, timedelta

    from sqlalchemy import ColumnElement, Connection, Row

    from hedgerow.database.sealing import ServiceKeys

    AnyRow = Row[*tuple[Any, ...]]

__all__ = [
    "claim_due",
    "deliver_again",
    "enqueue",
    "find_delivery",
    "given_up",
    "is_any_due",
    "list_attempts",
    "list_deliveries",
    "record_attempt",
    "unconfirmed",
    "unconfirmed_about",
]

_MOST_ERROR_CHARACTERS = 200
_SEALED = "the secret does not open with the service key"


def enqueue(
    connection: Connection,
    event: str,
    *,
    subject_type: str,
    subject_id: str | int,
    data: Mapping[str, object],
    actor: str,
    now: datetime,
    endpoint: int | None = None,
) -> list[int]:
    """Write one message for every active endpoint that wants an event, in the transaction of what it is about.

    The body is ``{"type": event, "timestamp": …, "data": …}``, as the Standard Webhooks specification suggests.

    Args:
        connection: Of `Database.write`.
        event: One of `EVENTS`.
        subject_type: What it is about, as the audit names it.
        subject_id: Which one.
        data: What the platform is to know: its own ids, never a signal.
        actor: Who caused it.
        now: When.
        endpoint: Write it for this endpoint alone, whatever that asks for.

    Returns:
        The numbers of the deliveries; none where nobody wants it.

    Raises:
        InvalidEndpoint: There is no such event.
    """
    if event not in EVENTS:
        raise InvalidEndpoint(f"there is no event {event!r}; there are {', '.join(EVENTS)}")
    body = json.dumps(
        {"data": data, "timestamp": now.isoformat(), "type": event},
        ensure_ascii=False,
        separators=(",", ":"),
        sort_keys=True,
    )
    message = {
        "event": event,
        "subject_type": subject_type,
        "subject_id": str(subject_id),
        "body": body,
        "created_at": now,
        "due_at": now,
        "attempts": 0,
        "attempts_in_row": 0,
    }
    numbers: list[int] = [
        connection.execute(
            insert(deliveries).values({**message, "endpoint_id": told}).returning(deliveries.c.id)
        ).scalar_one()
        for told in (_told_of(connection, event) if endpoint is None else [endpoint])
    ]
    if numbers:
        audit.append(
            connection,
            actor=actor,
            action="webhook.enqueued",
            subject_type=subject_type,
            subject_id=subject_id,
            details={"event": event, "deliveries": numbers},
            now=now,
        )
    return numbers


def _told_of(connection: Connection, event: str) -> list[int]:
    """Return the numbers of the active endpoints that want an event, the oldest first."""
    rows = connection.execute(
        select(webhook_endpoints.c.id, webhook_endpoints.c.events)
        .where(webhook_endpoints.c.is_active)
        .order_by(webhook_endpoints.c.id)
    )
    return [int(row.id) for row in rows if is_wanted(event, json.loads(row.events))]


def is_any_due(connection: Connection, *, now: datetime) -> bool:
    """Tell whether a message is due: cheaper to ask than to claim, and in the way of nobody who writes."""
    found = connection.execute(
        select(deliveries.c.id)
        .join(webhook_endpoints, webhook_endpoints.c.id == deliveries.c.endpoint_id)
        .where(webhook_endpoints.c.is_active, _is_due(now))
        .limit(1)
    ).first()
    return found is not None


def claim_due(
    connection: Connection,
    *,
    keys: ServiceKeys,
    now: datetime,
    most: int = 16,
    lease: timedelta = LEASE,
    only: int | None = None,
) -> list[Claim]:
    """Take a lease on messages that are due, the oldest first, only a few of each endpoint.

    Commit before anything is sent: the lease is what keeps others off, not the transaction. A message whose secret does
    not open counts as tried, so that it does not keep the others from being sent.

    Args:
        connection: Of `Database.write`.
        keys: The service keys, which open the endpoints' secrets.
        now: When.
        most: How many at most.
        lease: How long they are ours.
        only: Nothing but the delivery of this number.
    """
    in_flight = (
        select(deliveries.c.endpoint_id, func.count().label("count"))
        .where(deliveries.c.lease_until >= now)
        .group_by(deliveries.c.endpoint_id)
        .subquery()
    )
    place = func.row_number().over(
        partition_by=deliveries.c.endpoint_id, order_by=(deliveries.c.due_at, deliveries.c.id)
    )
    due = (
        select(deliveries.c.id, deliveries.c.due_at, (place + func.coalesce(in_flight.c.count, 0)).label("place"))
        .join(webhook_endpoints, webhook_endpoints.c.id == deliveries.c.endpoint_id)
        .outerjoin(in_flight, in_flight.c.endpoint_id == deliveries.c.endpoint_id)
        .where(webhook_endpoints.c.is_active, _is_due(now))
        .subquery()
    )
    chosen = select(due.c.id).where(due.c.place <= IN_FLIGHT).order_by(due.c.due_at, due.c.id).limit(most)
    if only is not None:
        chosen = select(due.c.id).where(due.c.id == only)
    # PostgreSQL locks no rows of a query with windows: they are chosen first, then locked, and looked at again.
    numbers = [row.id for row in connection.execute(chosen)]
    locked = connection.execute(
        select(deliveries.c.id)
        .where(deliveries.c.id.in_(numbers), _is_due(now))
        .order_by(deliveries.c.id)
        .with_for_update(skip_locked=True)
    ).all()
    claims = []
    for (number,) in locked:
        token = secrets.token_hex(16)
        connection.execute(
            update(deliveries).where(deliveries.c.id == number).values(lease_until=now + lease, lease_token=token)
        )
        row = connection.execute(
            select(webhook_endpoints, deliveries.c.id.label("number"))
            .join(deliveries, deliveries.c.endpoint_id == webhook_endpoints.c.id)
            .where(deliveries.c.id == number)
        ).one()
        claim = Claim(find_delivery(connection, number, now=now), endpoint_of(row), b"", token, now + lease)
        try:
            claims.append(replace(claim, secret=open_secret(row, keys)))
        except SealBroken:
            record_attempt(connection, claim, Sent(None, _SEALED, 0), now=now)
    return claims


def record_attempt(
    connection: Connection, claim: Claim, sent: Sent, *, now: datetime, asked: timedelta | None = None
) -> Delivery:
    """Record what came of a try, and when the next one is due.

    Args:
        connection: Of `Database.write`.
        claim: What was tried.
        sent: What came of it.
        now: When it ended.
        asked: What the platform's ``Retry-After`` said.

    Raises:
        LeaseLost: The lease ran out and another has taken the message, or a person has.
    """
    number = claim.delivery.id
    row = connection.execute(
        select(deliveries.c.lease_token, deliveries.c.attempts_in_row)
        .where(deliveries.c.id == number)
        .with_for_update()
    ).one()
    if row.lease_token != claim.token:
        raise LeaseLost(number)
    error = None if sent.error is None else sent.error[:_MOST_ERROR_CHARACTERS]
    in_row = row.attempts_in_row + 1
    delay = retry_delay(in_row, asked) if sent.outcome == "failed" else None
    connection.execute(
        insert(delivery_attempts).values(
            delivery_id=number, at=now, status=sent.status, error=error, duration_ms=sent.duration_ms
        )
    )
    connection.execute(
        update(deliveries)
        .where(deliveries.c.id == number)
        .values(
            attempts=deliveries.c.attempts + 1,
            attempts_in_row=in_row,
            lease_until=None,
            lease_token=None,
            delivered_at=now if sent.outcome == "confirmed" else None,
            gave_up_at=now if sent.outcome == "failed" and delay is None else None,
            due_at=None if delay is None else now + delay,
            last_status=sent.status,
            last_error=error,
        )
    )
    if delay is None:
        audit.append(
            connection,
            actor="system",
            action=f"webhook.{'confirmed' if sent.outcome == 'confirmed' else 'given_up'}",
            subject_type="delivery",
            subject_id=number,
            details={"attempts": in_row, "status": sent.status},
            now=now,
        )
    return find_delivery(connection, number, now=now)


def deliver_again(connection: Connection, number: int, *, actor: str, now: datetime) -> Delivery:
    """Try a message now, whether it waits, was given up, or was even confirmed; its waiting begins anew.

    Raises:
        DeliveryNotFound: There is none of that number.
    """
    found = connection.execute(
        update(deliveries)
        .where(deliveries.c.id == number)
        .values(due_at=now, attempts_in_row=0, lease_until=None, lease_token=None, delivered_at=None, gave_up_at=None)
    )
    if not found.rowcount:
        raise DeliveryNotFound(number)
    audit.append(
        connection,
        actor=actor,
        action="webhook.sent_again",
        subject_type="delivery",
        subject_id=number,
        details={},
        now=now,
    )
    return find_delivery(connection, number, now=now)


def find_delivery(connection: Connection, number: int, *, now: datetime) -> Delivery:
    """Return a delivery as it stands.

    Raises:
        DeliveryNotFound: There is none of that number.
    """
    row = connection.execute(select(deliveries).where(deliveries.c.id == number)).one_or_none()
    if row is None:
        raise DeliveryNotFound(number)
    return _delivery_of(row, now)


def list_deliveries(
    connection: Connection,
    *,
    now: datetime,
    subject: tuple[str, str] | None = None,
    is_unconfirmed: bool = False,
    before: int | None = None,
    most: int = 100,
    endpoint: int | None = None,
) -> list[Delivery]:
    """Return deliveries, the newest first.

    Args:
        connection: An open connection.
        now: When, for who is being tried at the moment.
        subject: Only those about one thing: its type and id.
        is_unconfirmed: Only those that the platform has not confirmed.
        before: Only those with a smaller number; the last one's, to go on.
        most: How many at most.
        endpoint: Only those to one endpoint.
    """
    statement = select(deliveries).order_by(deliveries.c.id.desc()).limit(most)
    if subject is not None:
        statement = statement.where(deliveries.c.subject_type == subject[0], deliveries.c.subject_id == subject[1])
    if endpoint is not None:
        # As an expression, so that the index of the few unconfirmed ones is taken, not that of all of an endpoint.
        of_endpoint = deliveries.c.endpoint_id + 0 if is_unconfirmed else deliveries.c.endpoint_id
        statement = statement.where(of_endpoint == endpoint)
    if is_unconfirmed:
        statement = statement.where(deliveries.c.delivered_at.is_(None))
    if before is not None:
        statement = statement.where(deliveries.c.id < before)
    return [_delivery_of(row, now) for row in connection.execute(statement)]


def unconfirmed_about(connection: Connection, subject_type: str) -> set[str]:
    """Return the ids of all subjects of a type about which a message is not confirmed, given up or not."""
    statement = select(deliveries.c.subject_id).where(
        deliveries.c.delivered_at.is_(None),
        deliveries.c.subject_type.concat("") == subject_type,  # an expression, as in `list_deliveries`
    )
    return set(connection.execute(statement.distinct()).scalars())


def given_up(connection: Connection, endpoint: int) -> list[int]:
    """Return the numbers of the messages to an endpoint that were given up, the oldest first."""
    statement = select(deliveries.c.id).where(
        deliveries.c.endpoint_id + 0 == endpoint,  # an expression, as in `list_deliveries`
        deliveries.c.delivered_at.is_(None),
        deliveries.c.gave_up_at.is_not(None),
    )
    return [int(number) for number in connection.execute(statement.order_by(deliveries.c.id)).scalars()]


def list_attempts(connection: Connection, number: int) -> list[Attempt]:
    """Return every try of a delivery, the first one first."""
    rows = connection.execute(
        select(delivery_attempts).where(delivery_attempts.c.delivery_id == number).order_by(delivery_attempts.c.id)
    )
    return [Attempt(row.at, Sent(row.status, row.error, int(row.duration_ms))) for row in rows]


def unconfirmed(connection: Connection) -> Iterator[Unconfirmed]:
    """Yield what each endpoint has not confirmed; nothing where all is well."""
    is_given_up = deliveries.c.gave_up_at.is_not(None)
    endpoint = deliveries.c.endpoint_id + 0  # an expression, as in `list_deliveries`
    rows = connection.execute(
        select(
            endpoint.label("endpoint_id"),
            func.count().filter(~is_given_up).label("waiting"),
            func.count().filter(is_given_up).label("given_up"),
            func.min(deliveries.c.created_at).label("oldest_at"),
        )
        .where(deliveries.c.delivered_at.is_(None))
        .group_by(endpoint)
        .order_by(endpoint)
    )
    for row in rows:
        yield Unconfirmed(int(row.endpoint_id), int(row.waiting), int(row.given_up), row.oldest_at)


def _is_due(now: datetime) -> ColumnElement[bool]:
    is_free = or_(deliveries.c.lease_until.is_(None), deliveries.c.lease_until < now)
    return and_(deliveries.c.due_at <= now, is_free)


def _delivery_of(row: AnyRow, now: datetime) -> Delivery:
    if row.delivered_at is not None:
        state = DeliveryState.CONFIRMED
    elif row.gave_up_at is not None:
        state = DeliveryState.GIVEN_UP
    elif row.lease_until is not None and row.lease_until >= now:
        state = DeliveryState.SENDING
    else:
        state = DeliveryState.WAITING
    return Delivery(
        int(row.id),
        int(row.endpoint_id),
        row.event,
        row.subject_type,
        row.subject_id,
        row.body,
        row.created_at,
        row.due_at,
        int(row.attempts),
        state,
        row.delivered_at,
        row.last_status,
        row.last_error,
    )
