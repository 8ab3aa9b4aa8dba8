"""Read and write endpoints. The first argument is an open connection; the caller commits."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, Final

from sqlalchemy import insert, select, update

from hedgerow import audit
from hedgerow.actions.model import Endpoint
from hedgerow.actions.rules import check_events, check_url
from hedgerow.actions.signing import new_secret
from hedgerow.actions.tables import webhook_endpoints
from hedgerow.database.sealing import Place
from hedgerow.errors import EndpointNotFound

if TYPE_CHECKING:
    from collections.abc import Iterable
    from datetime import datetime

    from sqlalchemy import Connection, Row

    from hedgerow.database.sealing import ServiceKeys

    AnyRow = Row[*tuple[Any, ...]]

__all__ = ["add_endpoint", "change_endpoint", "find_endpoint", "list_endpoints", "open_secret", "renew_secret"]

# What stands in a new row until its number is known, to which the secret is bound.
_NOT_YET: Final = b""


def add_endpoint(
    connection: Connection,
    url: str,
    *,
    events: Iterable[str] = (),
    note: str | None = None,
    keys: ServiceKeys,
    actor: str,
    now: datetime,
) -> tuple[Endpoint, bytes]:
    """Add an endpoint and return it with its secret, which is shown this once.

    Raises:
        InvalidEndpoint: Its address or an event is none.
    """
    values = {
        "url": check_url(url),
        "events": json.dumps(check_events(events)),
        "is_active": True,
        "note": note,
        "created_at": now,
        "secret": _NOT_YET,
    }
    number = connection.execute(insert(webhook_endpoints).values(values).returning(webhook_endpoints.c.id)).scalar_one()
    secret = _seal_new_secret(connection, number, keys)
    audit.append(
        connection, actor=actor, action="webhook.added", subject_type="webhook", subject_id=number, details={}, now=now
    )
    return find_endpoint(connection, number), secret


def find_endpoint(connection: Connection, number: int) -> Endpoint:
    """Return an endpoint.

    Raises:
        EndpointNotFound: There is none of that number.
    """
    row = connection.execute(select(webhook_endpoints).where(webhook_endpoints.c.id == number)).one_or_none()
    if row is None:
        raise EndpointNotFound(number)
    return endpoint_of(row)


def list_endpoints(connection: Connection) -> list[Endpoint]:
    """Return all endpoints, the oldest first."""
    return [endpoint_of(row) for row in connection.execute(select(webhook_endpoints).order_by(webhook_endpoints.c.id))]


def change_endpoint(
    connection: Connection,
    number: int,
    *,
    url: str | None = None,
    events: Iterable[str] | None = None,
    is_active: bool | None = None,
    note: str | None = None,
    actor: str,
    now: datetime,
) -> Endpoint:
    """Change what is given of an endpoint. What waits for it goes to the new address.

    Raises:
        EndpointNotFound: There is none of that number.
        InvalidEndpoint: The address or an event is none.
    """
    before = find_endpoint(connection, number)
    values: dict[str, object] = {}
    if url is not None:
        values["url"] = check_url(url)
    if events is not None:
        values["events"] = json.dumps(check_events(events))
    if is_active is not None:
        values["is_active"] = is_active
    if note is not None:
        values["note"] = note
    if not values:
        return before
    connection.execute(update(webhook_endpoints).where(webhook_endpoints.c.id == number).values(values))
    audit.append(
        connection,
        actor=actor,
        action="webhook.changed",
        subject_type="webhook",
        subject_id=number,
        details={"changed": sorted(values)},
        now=now,
    )
    return find_endpoint(connection, number)


def renew_secret(connection: Connection, number: int, *, keys: ServiceKeys, actor: str, now: datetime) -> bytes:
    """Give an endpoint another secret and return it. Messages are signed with it from the next try on.

    Raises:
        EndpointNotFound: There is none of that number.
    """
    find_endpoint(connection, number)
    secret = _seal_new_secret(connection, number, keys)
    audit.append(
        connection,
        actor=actor,
        action="webhook.secret_renewed",
        subject_type="webhook",
        subject_id=number,
        details={},
        now=now,
    )
    return secret


def open_secret(row: AnyRow, keys: ServiceKeys) -> bytes:
    """Return the secret of an endpoint's row.

    Raises:
        SealBroken: No service key of ours sealed it.
    """
    return keys.open(bytes(row.secret), _place(int(row.id)))


def endpoint_of(row: AnyRow) -> Endpoint:
    """Return what a row of the table says."""
    return Endpoint(int(row.id), row.url, tuple(json.loads(row.events)), bool(row.is_active), row.created_at, row.note)


def _seal_new_secret(connection: Connection, number: int, keys: ServiceKeys) -> bytes:
    secret = new_secret()
    connection.execute(
        update(webhook_endpoints)
        .where(webhook_endpoints.c.id == number)
        .values(secret=keys.seal(secret, _place(number)))
    )
    return secret


def _place(number: int) -> Place:
    return Place("webhook_endpoints", "secret", number)
