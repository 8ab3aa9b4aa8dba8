"""Partners' credentials: sealed, written and never read back by anybody. The caller commits.

They belong to one exchange, or to a kind: then every exchange of the kind without its own goes by them.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Final

from sqlalchemy import delete, insert, select, update

from hedgerow.audit import append
from hedgerow.database.sealing import Place
from hedgerow.exchanges.exchanging import release_waiting
from hedgerow.exchanges.tables import exchange_credentials, exchanges

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

    from sqlalchemy import ColumnElement, Connection

    from hedgerow.database.sealing import ServiceKeys
    from hedgerow.exchanges.model import Exchange

__all__ = ["has_kind_credentials", "open_credentials", "own_credentials", "set_credentials", "set_kind_credentials"]

# What stands in a new row until its number is known, to which the secret is bound.
_NOT_YET: Final = b""


def set_credentials(
    connection: Connection,
    exchange: Exchange,
    credentials: Mapping[str, str] | None,
    *,
    keys: ServiceKeys,
    actor: str,
    now: datetime,
) -> None:
    """Enter an exchange's own credentials in the place of those that were there; what they stopped goes on.

    Args:
        connection: Of `Database.write`.
        exchange: Whose.
        credentials: As they were checked; None takes them away.
        keys: Those that seal.
        actor: Who enters them.
        now: When.
    """
    _set(connection, exchange.kind, exchange.id, credentials, keys=keys, actor=actor, now=now)
    connection.execute(update(exchanges).where(exchanges.c.id == exchange.id).values(stopped=None, due_at=now))
    if credentials is not None:
        release_waiting(connection, [exchange.id], now=now)
    _record(connection, "exchange", str(exchange.id), is_set=credentials is not None, actor=actor, now=now)


def set_kind_credentials(
    connection: Connection,
    kind: str,
    credentials: Mapping[str, str] | None,
    *,
    keys: ServiceKeys,
    actor: str,
    now: datetime,
) -> None:
    """Enter the credentials of every exchange of a kind that has none of its own. See `set_credentials`."""
    _set(connection, kind, None, credentials, keys=keys, actor=actor, now=now)
    connection.execute(update(exchanges).where(exchanges.c.kind == kind).values(stopped=None, due_at=now))
    if credentials is not None:
        of_kind = connection.execute(select(exchanges.c.id).where(exchanges.c.kind == kind)).scalars().all()
        release_waiting(connection, of_kind, now=now)
    _record(connection, "exchange_kind", kind, is_set=credentials is not None, actor=actor, now=now)


def _set(
    connection: Connection,
    kind: str,
    exchange_id: int | None,
    credentials: Mapping[str, str] | None,
    *,
    keys: ServiceKeys,
    actor: str,
    now: datetime,
) -> None:
    connection.execute(delete(exchange_credentials).where(_of(kind, exchange_id)))
    if credentials is None:
        return
    table = exchange_credentials
    values = {"kind": kind, "exchange_id": exchange_id, "credentials": _NOT_YET, "set_by": actor, "set_at": now}
    number = connection.execute(insert(table).values(values).returning(table.c.id)).scalar_one()
    sealed = keys.seal(json.dumps(dict(credentials)).encode(), _place(number))
    connection.execute(update(table).where(table.c.id == number).values(credentials=sealed))


def own_credentials(connection: Connection, exchange: Exchange) -> bool:
    """Tell whether an exchange has credentials of its own."""
    found = select(exchange_credentials.c.id).where(_of(exchange.kind, exchange.id))
    return connection.execute(found).first() is not None


def has_kind_credentials(connection: Connection, kind: str) -> bool:
    """Tell whether a kind has credentials."""
    return connection.execute(select(exchange_credentials.c.id).where(_of(kind, None))).first() is not None


def open_credentials(connection: Connection, exchange: Exchange, *, keys: ServiceKeys) -> dict[str, str] | None:
    """Open the credentials that an exchange goes by: its own, or its kind's; None where there are none.

    Raises:
        SealBroken: No service key of ours sealed them.
    """
    for exchange_id in (exchange.id, None):
        row = connection.execute(select(exchange_credentials).where(_of(exchange.kind, exchange_id))).first()
        if row is not None:
            opened: dict[str, str] = json.loads(keys.open(bytes(row.credentials), _place(row.id)))
            return opened
    return None


def _of(kind: str, exchange_id: int | None) -> ColumnElement[bool]:
    table = exchange_credentials.c
    return (table.kind == kind) & (
        table.exchange_id.is_(None) if exchange_id is None else table.exchange_id == exchange_id
    )


def _place(number: int) -> Place:
    return Place("exchange_credentials", "credentials", number)


def _record(
    connection: Connection, subject_type: str, subject_id: str, *, is_set: bool, actor: str, now: datetime
) -> None:
    append(
        connection,
        actor=actor,
        action="exchange.credentials_set" if is_set else "exchange.credentials_removed",
        subject_type=subject_type,
        subject_id=subject_id,
        details={},
        now=now,
    )
