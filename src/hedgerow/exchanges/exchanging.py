"""Read and write exchanges. The first argument is an open connection; the caller commits."""

from __future__ import annotations

import json
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from sqlalchemy import delete, func, insert, select, update

from hedgerow.audit import append
from hedgerow.audit.rules import canonical_json
from hedgerow.banks.tables import banks
from hedgerow.errors import ExchangeExists, ExchangeNotFound, PageNotFound, PageNotSkippable
from hedgerow.exchanges.model import Applied, Exchange, Fetch, FetchMode, QuarantinedPage, Rhythm, Standing
from hedgerow.exchanges.records import count_records, forget_records
from hedgerow.exchanges.tables import (
    exchange_credentials,
    exchange_fetches,
    exchange_opinions,
    exchange_pages,
    exchanges,
)

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import datetime

    from sqlalchemy import ColumnElement, Connection, Row

    from hedgerow.banks.model import Bank

    AnyRow = Row[*tuple[Any, ...]]

__all__ = [
    "arm_exchange",
    "ask_for_fetch",
    "ask_for_walk",
    "change_exchange",
    "create_exchange",
    "disarm_exchange",
    "fetch_history",
    "find_exchange",
    "forget_exchange",
    "list_exchanges",
    "open_page",
    "pages_of",
    "record",
    "release_waiting",
    "resume_exchange",
    "skip_page",
    "standing_of",
    "standings",
]

_JOINED = select(exchanges, banks.c.name).join(banks, banks.c.id == exchanges.c.bank_id)


def list_exchanges(connection: Connection) -> list[Exchange]:
    """List the exchanges in the order in which they were made."""
    return [exchange_of(row) for row in connection.execute(_JOINED.order_by(exchanges.c.id))]


def find_exchange(connection: Connection, name: str) -> Exchange:
    """Find an exchange by its name.

    Raises:
        ExchangeNotFound: There is none.
    """
    return exchange_of(_row(connection, name))


def _row(connection: Connection, name: str) -> AnyRow:
    row = connection.execute(_JOINED.where(banks.c.name == name)).first()
    if row is None:
        raise ExchangeNotFound(name)
    return row


def exchange_of(row: AnyRow) -> Exchange:
    """Return the exchange of a row of `exchanges` with its bank's name."""
    return Exchange(
        row.id,
        row.bank_id,
        row.name,
        row.kind,
        json.loads(row.config),
        row.is_enabled,
        Rhythm(row.every_s, row.reconcile_every_s, row.calls_per_minute),
        row.armed_by,
        row.armed_at,
        row.sends_opinions,
    )


def create_exchange(
    connection: Connection,
    bank: Bank,
    kind: str,
    config: Mapping[str, Any],
    *,
    actor: str,
    now: datetime,
    is_enabled: bool = True,
    rhythm: Rhythm = Rhythm(),  # noqa: B008  (frozen)
) -> Exchange:
    """Create an exchange that fills a bank; it is due at once.

    Args:
        connection: Of `Database.write`.
        bank: The one that it fills, and whose name it has.
        kind: The name of its partner's adapter.
        config: As it was checked.
        actor: Who asks.
        now: When.
        is_enabled: Whether it is fetched.
        rhythm: How often.

    Raises:
        ExchangeExists: Another exchange fills this bank.
    """
    if connection.execute(select(exchanges.c.id).where(exchanges.c.bank_id == bank.id)).first() is not None:
        raise ExchangeExists(bank.name)
    connection.execute(
        insert(exchanges).values(
            bank_id=bank.id,
            kind=kind,
            config=canonical_json(dict(config)),
            is_enabled=is_enabled,
            created_at=now,
            **asdict(rhythm),
            sends_opinions=False,
            walk=0,
            is_walking=False,
            updates_since_walk=0,
            is_current=False,
            failures=0,
            due_at=now,
        )
    )
    exchange = find_exchange(connection, bank.name)
    record(connection, exchange, "created", {"bank": bank.id, "kind": kind}, actor=actor, now=now)
    return exchange


def change_exchange(
    connection: Connection,
    name: str,
    *,
    actor: str,
    now: datetime,
    is_enabled: bool | None = None,
    config: Mapping[str, Any] | None = None,
    rhythm: Rhythm | None = None,
    sends_opinions: bool | None = None,
) -> Exchange:
    """Change what is given, and leave the rest.

    Another configuration disarms, and lets the whole set be walked through.

    Raises:
        ExchangeNotFound: There is none of that name.
    """
    before = find_exchange(connection, name)
    was = {"is_enabled": before.is_enabled, "sends_opinions": before.sends_opinions, **asdict(before.rhythm)}
    wanted = {"is_enabled": is_enabled, "sends_opinions": sends_opinions}
    values: dict[str, Any] = {
        column: value for column, value in wanted.items() if value is not None and value != was[column]
    }
    if rhythm is not None:
        values |= {column: value for column, value in asdict(rhythm).items() if value != was[column]}
    details: dict[str, Any] = {column: [was[column], value] for column, value in values.items()}
    if config is not None and dict(config) != dict(before.config):
        values |= {"config": canonical_json(dict(config)), "armed_by": None, "armed_at": None, "stopped": None}
        values |= _walk_anew()
        details["config"] = "changed"
    if not values:
        return before
    connection.execute(update(exchanges).where(exchanges.c.id == before.id).values(**values, due_at=now))
    record(connection, before, "changed", details, actor=actor, now=now)
    return find_exchange(connection, name)


def _walk_anew() -> dict[str, Any]:
    return {"checkpoint": None, "walk_checkpoint": None, "is_walking": False, "walk_ended_at": None}


def arm_exchange(connection: Connection, name: str, *, actor: str, now: datetime) -> Exchange:
    """Allow the exchange to speak to its partner's production system.

    Raises:
        ExchangeNotFound: There is none of that name.
    """
    exchange = find_exchange(connection, name)
    if exchange.armed_by is None:
        connection.execute(
            update(exchanges)
            .where(exchanges.c.id == exchange.id)
            .values(armed_by=actor, armed_at=now, stopped=None, due_at=now)
        )
        release_waiting(connection, [exchange.id], now=now)
        record(connection, exchange, "armed", {}, actor=actor, now=now)
    return find_exchange(connection, name)


def release_waiting(connection: Connection, exchange_ids: Sequence[int], *, now: datetime) -> None:
    """Let opinions that wait go at once: what they waited for is there."""
    table = exchange_opinions.c
    connection.execute(
        update(exchange_opinions)
        .where(table.exchange_id.in_(exchange_ids), table.due_at > now, table.lease_until.is_(None))
        .values(due_at=now)
    )


def disarm_exchange(connection: Connection, name: str, *, actor: str, now: datetime) -> Exchange:
    """Let the exchange speak to its partner's production system no more.

    Raises:
        ExchangeNotFound: There is none of that name.
    """
    exchange = find_exchange(connection, name)
    if exchange.armed_by is not None:
        connection.execute(update(exchanges).where(exchanges.c.id == exchange.id).values(armed_by=None, armed_at=None))
        record(connection, exchange, "disarmed", {}, actor=actor, now=now)
    return find_exchange(connection, name)


def resume_exchange(connection: Connection, name: str, *, actor: str, now: datetime) -> Exchange:
    """Let an exchange go on that was stopped because its partner refused us.

    Raises:
        ExchangeNotFound: There is none of that name.
    """
    row = _row(connection, name)
    exchange = exchange_of(row)
    if row.stopped is not None:
        connection.execute(
            update(exchanges).where(exchanges.c.id == exchange.id).values(stopped=None, failures=0, due_at=now)
        )
        record(connection, exchange, "resumed", {"was": row.stopped}, actor=actor, now=now)
    return exchange


def ask_for_fetch(connection: Connection, name: str, *, actor: str, now: datetime) -> Exchange:
    """Let an exchange be fetched by the next round of the workers, though it is not due yet.

    Raises:
        ExchangeNotFound: There is none of that name.
    """
    exchange = find_exchange(connection, name)
    connection.execute(update(exchanges).where(exchanges.c.id == exchange.id).values(due_at=now))
    record(connection, exchange, "asked_for", {"bank": exchange.bank_id}, actor=actor, now=now)
    return exchange


def ask_for_walk(connection: Connection, name: str, *, actor: str, now: datetime) -> Exchange:
    """Let the partner's whole set be walked through, and what is not in it be withdrawn.

    Raises:
        ExchangeNotFound: There is none of that name.
    """
    exchange = find_exchange(connection, name)
    connection.execute(update(exchanges).where(exchanges.c.id == exchange.id).values(reconcile_due_at=now, due_at=now))
    record(connection, exchange, "walk_asked_for", {}, actor=actor, now=now)
    return exchange


def forget_exchange(connection: Connection, name: str, *, actor: str, now: datetime) -> bool:
    """Forget an exchange, all that its partner said, and its credentials; tell whether there was one.

    Its bank and the entries stay: to withdraw them is the caller's.
    """
    try:
        exchange = find_exchange(connection, name)
    except ExchangeNotFound:
        return False
    forget_records(connection, exchange.id)
    for table in (exchange_opinions, exchange_pages, exchange_fetches, exchange_credentials):
        connection.execute(delete(table).where(table.c.exchange_id == exchange.id))
    connection.execute(delete(exchanges).where(exchanges.c.id == exchange.id))
    record(connection, exchange, "deleted", {"bank": exchange.bank_id}, actor=actor, now=now)
    return True


# ── how they stand ───────────────────────────────────────────────────────────────────────────────────────────────


def standings(connection: Connection, *, is_counting: bool = True) -> list[Standing]:
    """List the exchanges by name, each with how it stands.

    Args:
        connection: An open connection.
        is_counting: Whether the records are counted, which takes a while where there are millions.
    """
    rows = connection.execute(_JOINED.order_by(banks.c.name)).all()
    return _standings(connection, rows, is_counting=is_counting) if rows else []


def standing_of(connection: Connection, name: str) -> Standing:
    """Say how an exchange stands.

    Raises:
        ExchangeNotFound: There is none of that name.
    """
    return _standings(connection, [_row(connection, name)], is_counting=True)[0]


def _standings(connection: Connection, rows: Sequence[AnyRow], *, is_counting: bool) -> list[Standing]:
    credentials = exchange_credentials.c
    sealed = {tuple(each) for each in connection.execute(select(credentials.kind, credentials.exchange_id))}
    pages = connection.execute(
        select(exchange_pages).where(exchange_pages.c.ended_at.is_(None)).order_by(exchange_pages.c.id.desc())
    )
    first = {row.exchange_id: _page(row) for row in pages}
    return [
        Standing(
            exchange_of(row),
            row.due_at,
            row.started_at if row.lease_token is not None else None,
            row.completed_at,
            row.succeeded_at,
            row.is_current,
            row.last_error,
            row.last_problem,
            row.failures,
            row.stopped,
            bool(sealed & {(row.kind, row.id), (row.kind, None)}),
            row.walk_started_at if row.is_walking else None,
            row.reconciled_at,
            count_records(connection, row.id) if is_counting else 0,
            first.get(row.id),
        )
        for row in rows
    ]


def fetch_history(
    connection: Connection, exchange: Exchange, *, limit: int = 50, before: int | None = None
) -> list[Fetch]:
    """List the fetches of an exchange, the newest first.

    Args:
        connection: An open connection.
        exchange: Which.
        limit: The most.
        before: Only those with a smaller number.
    """
    statement = select(exchange_fetches).where(exchange_fetches.c.exchange_id == exchange.id)
    if before is not None:
        statement = statement.where(exchange_fetches.c.id < before)
    rows = connection.execute(statement.order_by(exchange_fetches.c.id.desc()).limit(limit))
    return [
        Fetch(
            row.id,
            FetchMode(row.mode),
            row.started_at,
            row.ended_at,
            Applied(row.pages, row.records, row.added, row.changed, row.withdrawn, row.refused, row.opaque),
            row.error,
            row.problem,
        )
        for row in rows
    ]


# ── pages that cannot be read ────────────────────────────────────────────────────────────────────────────────────


def open_page(connection: Connection, exchange: Exchange) -> QuarantinedPage | None:
    """Return the page that stands in the way; None where none does."""
    row = connection.execute(
        select(exchange_pages).where(_is_open(exchange)).order_by(exchange_pages.c.id).limit(1)
    ).first()
    return None if row is None else _page(row)


def pages_of(connection: Connection, exchange: Exchange, *, limit: int = 50) -> list[QuarantinedPage]:
    """List the pages of an exchange that could not be read, the newest first."""
    rows = connection.execute(
        select(exchange_pages)
        .where(exchange_pages.c.exchange_id == exchange.id)
        .order_by(exchange_pages.c.id.desc())
        .limit(limit)
    )
    return [_page(row) for row in rows]


def _page(row: AnyRow) -> QuarantinedPage:
    return QuarantinedPage(
        row.id,
        row.first_at,
        row.latest_at,
        row.tries,
        row.problem,
        row.place,
        row.skip,
        row.ended_at,
        row.ended_how,
        row.ended_by,
    )


def _is_open(exchange: Exchange) -> ColumnElement[bool]:
    return (exchange_pages.c.exchange_id == exchange.id) & exchange_pages.c.ended_at.is_(None)


def skip_page(connection: Connection, name: str, *, actor: str, now: datetime) -> QuarantinedPage:
    """Go on behind the page that stands in the way: what it would leave out is left out until the next walk.

    Raises:
        ExchangeNotFound: There is no exchange of that name.
        PageNotFound: Nothing stands in the way.
        PageNotSkippable: Nothing behind it can be reached.
    """
    exchange = find_exchange(connection, name)
    row = connection.execute(
        select(exchange_pages).where(_is_open(exchange)).order_by(exchange_pages.c.id).limit(1)
    ).first()
    if row is None:
        raise PageNotFound(name)
    if row.skip_to is None:
        raise PageNotSkippable(name)
    connection.execute(
        update(exchange_pages)
        .where(exchange_pages.c.id == row.id)
        .values(ended_at=now, ended_how="skipped", ended_by=actor)
    )
    column = "checkpoint" if row.mode == FetchMode.UPDATE else "walk_checkpoint"
    # A fetch under way goes by the old checkpoint: its lease is taken from it.
    connection.execute(
        update(exchanges)
        .where(exchanges.c.id == exchange.id)
        .values(**{column: row.skip_to}, due_at=now, lease_token=None, lease_until=None)
    )
    said = {"page": row.id, "place": row.place, "skip": row.skip}
    record(connection, exchange, "page_skipped", said, actor=actor, now=now)
    return _page(connection.execute(select(exchange_pages).where(exchange_pages.c.id == row.id)).one())


def count_open_pages(connection: Connection) -> int:
    """Count the pages that stand in the way of any exchange."""
    return int(
        connection.execute(
            select(func.count()).select_from(exchange_pages).where(exchange_pages.c.ended_at.is_(None))
        ).scalar_one()
    )


def record(
    connection: Connection, exchange: Exchange, action: str, details: Mapping[str, Any], *, actor: str, now: datetime
) -> None:
    """Write a line of the audit about an exchange."""
    append(
        connection,
        actor=actor,
        action=f"exchange.{action}",
        subject_type="exchange",
        subject_id=exchange.id,
        details=details,
        now=now,
    )
