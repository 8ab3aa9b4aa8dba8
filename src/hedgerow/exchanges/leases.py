"""Who is at which exchange, and what became of it. The first argument is an open connection; the caller commits.

The record is the queue: an exchange is due when it is switched on, nothing stopped it, its time has come, and nobody
holds a lease on it. What a fetch writes is written only while its token still holds.
"""

from __future__ import annotations

import json
import secrets
from dataclasses import dataclass, field
from datetime import timedelta
from typing import TYPE_CHECKING, Any, Final

from sqlalchemy import case, delete, insert, or_, select, update

from hedgerow.actions import enqueue
from hedgerow.audit.rules import canonical_json
from hedgerow.banks.tables import banks
from hedgerow.errors import FetchOvertaken
from hedgerow.exchanges.exchanging import exchange_of, record
from hedgerow.exchanges.model import FetchMode
from hedgerow.exchanges.tables import exchange_fetches, exchange_pages, exchanges

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

    from sqlalchemy import Connection

    from hedgerow.errors import PageUnreadable
    from hedgerow.exchanges.model import Applied, Exchange

__all__ = [
    "Claimed",
    "Ending",
    "claim_due",
    "finish_fetch",
    "is_any_due",
    "note_page",
    "note_read",
    "read_state",
    "renew",
    "was_skipped",
]

LEASE: Final = timedelta(minutes=10)
"""Renewed with each page; a fetch that was killed is begun again after this."""

_KEPT_FETCHES: Final = 20_000  # the latest of all exchanges together: a month of ten, every quarter of an hour
_PROBLEM_WIDTH: Final = 500
_ERROR_WIDTH: Final = 100
_PLACE_WIDTH: Final = 300


@dataclass(frozen=True, slots=True)
class Claimed:
    """An exchange, claimed for a fetch.

    Attributes:
        exchange: Which.
        token: Of the claim.
        checkpoint: Where updates go on; None where the whole set is to be walked through first.
        walk: The number of the latest walk.
        is_walking: Whether that is under way.
        walk_checkpoint: Where it goes on.
        walk_ended_at: When it came to its end; None where nothing is still to be withdrawn after it.
        updates_since_walk: How many updates came to their end since.
        is_reconcile_due: Whether another walk is to begin.
        failures: How many fetches failed in a row before.
        last_error: A word for why the latest failed.
    """

    exchange: Exchange
    token: str = field(repr=False)
    checkpoint: Mapping[str, Any] | None = field(repr=False)
    walk: int
    is_walking: bool
    walk_checkpoint: Mapping[str, Any] | None = field(repr=False)
    walk_ended_at: datetime | None
    updates_since_walk: int
    is_reconcile_due: bool
    failures: int
    last_error: str | None


_JOINED = select(exchanges, banks.c.name).join(banks, banks.c.id == exchanges.c.bank_id)


def is_any_due(connection: Connection, *, now: datetime) -> bool:
    """Tell whether any exchange is due."""
    due = select(exchanges.c.id).where(
        exchanges.c.is_enabled, exchanges.c.stopped.is_(None), exchanges.c.due_at <= now, _is_free(now)
    )
    return connection.execute(due.limit(1)).first() is not None


def claim_due(
    connection: Connection, *, now: datetime, is_everything: bool = False, name: str | None = None
) -> Claimed | None:
    """Claim an enabled exchange that is due; None where none is.

    Args:
        connection: Of `Database.write`.
        now: When.
        is_everything: Whether one counts as due that was not begun since: for who asks for a fetch now.
        name: Only this one.
    """
    when = exchanges.c.due_at <= now
    if is_everything:
        when = or_(when, exchanges.c.started_at.is_(None), exchanges.c.started_at < now)
    statement = _JOINED.where(exchanges.c.is_enabled, exchanges.c.stopped.is_(None), when, _is_free(now))
    if name is not None:
        statement = statement.where(banks.c.name == name)
    row = connection.execute(
        statement.order_by(exchanges.c.due_at, exchanges.c.id).limit(1).with_for_update(of=exchanges, skip_locked=True)
    ).first()
    if row is None:
        return None
    token = secrets.token_hex(16)
    connection.execute(
        update(exchanges)
        .where(exchanges.c.id == row.id)
        .values(lease_until=now + LEASE, lease_token=token, started_at=now)
    )
    return _claimed(row, token, now)


def _is_free(now: datetime) -> Any:  # noqa: ANN401  (a condition)
    return or_(exchanges.c.lease_until.is_(None), exchanges.c.lease_until <= now)


def _claimed(row: Any, token: str, now: datetime) -> Claimed:  # noqa: ANN401  (a row)
    return Claimed(
        exchange_of(row),
        token,
        None if row.checkpoint is None else json.loads(row.checkpoint),
        row.walk,
        row.is_walking,
        None if row.walk_checkpoint is None else json.loads(row.walk_checkpoint),
        row.walk_ended_at,
        row.updates_since_walk,
        row.reconcile_due_at is not None and row.reconcile_due_at <= now,
        row.failures,
        row.last_error,
    )


def read_state(connection: Connection, claimed: Claimed, *, now: datetime) -> Claimed:
    """Read again where a fetch stands.

    Raises:
        FetchOvertaken: Somebody else is at it.
    """
    row = connection.execute(
        _JOINED.where(exchanges.c.id == claimed.exchange.id, exchanges.c.lease_token == claimed.token)
    ).first()
    if row is None:
        raise FetchOvertaken(claimed.exchange.name)
    return _claimed(row, claimed.token, now)


def renew(connection: Connection, claimed: Claimed, values: Mapping[str, Any], *, now: datetime) -> None:
    """Write down where a fetch stands, and keep its lease.

    Args:
        connection: Of `Database.write`.
        claimed: Which.
        values: Columns of `exchanges`; mappings become JSON.
        now: When.

    Raises:
        FetchOvertaken: Somebody else is at it.
    """
    stored = {
        name: canonical_json(value) if name.endswith("checkpoint") and value is not None else value
        for name, value in values.items()
    }
    is_ours = connection.execute(
        update(exchanges)
        .where(exchanges.c.id == claimed.exchange.id, exchanges.c.lease_token == claimed.token)
        .values(**stored, lease_until=now + LEASE)
    ).rowcount
    if not is_ours:
        raise FetchOvertaken(claimed.exchange.name)


def note_page(
    connection: Connection, claimed: Claimed, mode: FetchMode, error: PageUnreadable, *, now: datetime
) -> None:
    """Write down a page that could not be read, or that it could not be read again; the first time with alarm."""
    exchange = claimed.exchange
    skip_to = None if error.skip is None or error.skip_to is None else canonical_json(dict(error.skip_to))
    said = {
        "latest_at": now,
        "problem": error.problem[:_PROBLEM_WIDTH],
        "place": error.place[:_PLACE_WIDTH],
        "skip": None if skip_to is None or error.skip is None else error.skip[:_PLACE_WIDTH],
        "skip_to": skip_to,
    }
    is_open = (exchange_pages.c.exchange_id == exchange.id) & exchange_pages.c.ended_at.is_(None)
    again = connection.execute(
        update(exchange_pages)
        .where(is_open, exchange_pages.c.mode == mode)
        .values(**said, tries=exchange_pages.c.tries + 1)
    ).rowcount
    if again:
        return
    connection.execute(insert(exchange_pages).values(exchange_id=exchange.id, mode=mode, first_at=now, tries=1, **said))
    record(connection, exchange, "page_quarantined", {"place": said["place"]}, actor="system", now=now)
    told = {"place": said["place"], "problem": said["problem"], "can_be_left_out": skip_to is not None}
    _tell(connection, exchange, "exchange.page_unreadable", told, now=now)


def was_skipped(connection: Connection, claimed: Claimed) -> bool:
    """Tell whether a page of the walk at its end was skipped: then nobody knows what the partner has no more."""
    started = select(exchanges.c.walk_started_at).where(exchanges.c.id == claimed.exchange.id).scalar_subquery()
    table = exchange_pages.c
    found = select(table.id).where(
        table.exchange_id == claimed.exchange.id,
        table.mode == FetchMode.WALK,
        table.ended_how == "skipped",
        table.ended_at >= started,
    )
    return connection.execute(found.limit(1)).first() is not None


def note_read(connection: Connection, claimed: Claimed, mode: FetchMode, *, now: datetime) -> None:
    """Write down that what stood in the way could be read after all: a fetch of this kind came to its end."""
    connection.execute(
        update(exchange_pages)
        .where(
            exchange_pages.c.exchange_id == claimed.exchange.id,
            exchange_pages.c.mode == mode,
            exchange_pages.c.ended_at.is_(None),
        )
        .values(ended_at=now, ended_how="read")
    )


@dataclass(frozen=True, slots=True)
class Ending:
    """What became of a fetch.

    Attributes:
        mode: What it was for.
        applied: What it did.
        started_at: When it began.
        due_at: When it is due again.
        is_current: Whether the bank holds all that the partner has.
        error: A word for why it failed; None where it did not.
        problem: The same as a sentence.
        stopped: Why nothing is fetched any more until a person has acted.
    """

    mode: FetchMode
    applied: Applied
    started_at: datetime
    due_at: datetime
    is_current: bool
    error: str | None = None
    problem: str | None = None
    stopped: str | None = None


def finish_fetch(connection: Connection, claimed: Claimed, ending: Ending, *, now: datetime) -> bool:
    """Write down what became of a fetch, unless somebody else claimed it since; tell whether it was.

    Args:
        connection: Of `Database.write`.
        claimed: Which.
        ending: What became of it.
        now: When.
    """
    applied, error = ending.applied, ending.error
    values: dict[str, Any] = {
        "lease_until": None,
        "lease_token": None,
        "completed_at": now,
        "last_error": None if error is None else error[:_ERROR_WIDTH],
        "last_problem": None if ending.problem is None else ending.problem[:_PROBLEM_WIDTH],
        "failures": 0 if error is None else claimed.failures + 1,
        "is_current": ending.is_current,
        "stopped": ending.stopped,
        # Somebody may have asked for another fetch while this one went on.
        "due_at": case((exchanges.c.due_at > ending.started_at, exchanges.c.due_at), else_=ending.due_at),
    }
    if error is None:
        values["succeeded_at"] = now
    exchange = claimed.exchange
    is_ours = connection.execute(
        update(exchanges).where(exchanges.c.id == exchange.id, exchanges.c.lease_token == claimed.token).values(values)
    ).rowcount
    if not is_ours:
        return False
    number = connection.execute(
        insert(exchange_fetches)
        .values(
            exchange_id=exchange.id,
            mode=ending.mode,
            started_at=ending.started_at,
            ended_at=now,
            pages=applied.pages,
            records=applied.records,
            added=applied.added,
            changed=applied.changed,
            withdrawn=applied.withdrawn,
            refused=applied.refused,
            opaque=applied.opaque,
            error=values["last_error"],
            problem=values["last_problem"],
        )
        .returning(exchange_fetches.c.id)
    ).scalar_one()
    old = exchange_fetches.c
    connection.execute(delete(exchange_fetches).where(old.exchange_id == exchange.id, old.id <= number - _KEPT_FETCHES))
    if error != claimed.last_error or applied.added or applied.changed or applied.withdrawn:
        details: dict[str, Any] = {"bank": exchange.bank_id, "mode": str(ending.mode)}
        details |= {"added": applied.added, "changed": applied.changed, "withdrawn": applied.withdrawn}
        details |= {} if error is None else {"error": error}
        record(connection, exchange, "fetched", details, actor="system", now=now)
    if ending.stopped is not None:
        record(connection, exchange, "stopped", {"why": ending.stopped}, actor="system", now=now)
        _tell(connection, exchange, "exchange.stopped", {"reason": ending.stopped}, now=now)
    return True


def _tell(connection: Connection, exchange: Exchange, event: str, data: Mapping[str, object], *, now: datetime) -> None:
    """Tell whoever listens what a person has to do something about; never a signal."""
    enqueue(
        connection,
        event,
        subject_type="exchange",
        subject_id=exchange.id,
        data={"exchange": exchange.name, "kind": exchange.kind, **data},
        actor="system",
        now=now,
    )
