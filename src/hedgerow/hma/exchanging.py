"""Read and write exchanges and fetch them. The first argument is an open connection; the caller commits."""

from __future__ import annotations

import json
import secrets
from datetime import timedelta
from typing import TYPE_CHECKING, Any, Final

from sqlalchemy import func, insert, or_, select, update

from hedgerow.audit import append
from hedgerow.audit.rules import canonical_json
from hedgerow.audit.tables import audit_entries
from hedgerow.banks.records import add_entries, withdraw_entry
from hedgerow.banks.tables import banks, entries
from hedgerow.errors import BankExists, ExchangeExists, ExchangeNotFound
from hedgerow.hma.banking import create_bank, delete_bank
from hedgerow.hma.model import Exchange, FetchEnd, FetchPlan, FetchStatus
from hedgerow.hma.tables import hma_exchanges

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import datetime

    from sqlalchemy import Connection, Row

    from hedgerow.banks.model import NewEntry
    from hedgerow.hma.model import BankRules

    AnyRow = Row[*tuple[Any, ...]]

__all__ = [
    "ask_for_fetch",
    "claim_due",
    "create_exchange",
    "delete_exchange",
    "fetch_history",
    "fetch_plans",
    "fetch_status",
    "find_exchange",
    "finish_fetch",
    "list_exchanges",
    "source_of",
    "switch_exchange",
    "take_signals",
]

_LEASE: Final = timedelta(minutes=10)
"""A list of ten million lines takes some minutes; a fetch that was killed is begun again after this."""
_BATCH: Final = 5_000
_ERROR_WIDTH: Final = 200

_JOINED = select(hma_exchanges, banks.c.name).join(banks, banks.c.id == hma_exchanges.c.bank_id)


def source_of(name: str) -> str:
    """Return the provenance of what an exchange brings."""
    return f"exchange:{name}"[:100]


def list_exchanges(connection: Connection) -> list[Exchange]:
    """List the exchanges in the order in which they were made."""
    return [_exchange(row) for row in connection.execute(_JOINED.order_by(hma_exchanges.c.id))]


def find_exchange(connection: Connection, name: str) -> Exchange:
    """Find an exchange by its name.

    Raises:
        ExchangeNotFound: There is none.
    """
    row = connection.execute(_JOINED.where(banks.c.name == name)).first()
    if row is None:
        raise ExchangeNotFound(name)
    return _exchange(row)


def _exchange(row: AnyRow) -> Exchange:
    return Exchange(row.id, row.bank_id, row.name, row.api, json.loads(row.config), row.is_enabled)


def create_exchange(
    connection: Connection,
    name: str,
    api: str,
    config: Mapping[str, Any],
    *,
    is_enabled: bool,
    rules: BankRules,
    actor: str,
    now: datetime,
) -> Exchange:
    """Create an exchange and the bank that it fills; it is due at once.

    Raises:
        InvalidContent: The name does not fit.
        ExchangeExists: There is an exchange or a bank of that name.
    """
    try:
        bank = create_bank(connection, name, rules=rules, actor=actor, now=now).bank
    except BankExists:
        raise ExchangeExists(name) from None
    connection.execute(
        insert(hma_exchanges).values(
            bank_id=bank.id,
            api=api,
            config=canonical_json(dict(config)),
            is_enabled=is_enabled,
            created_at=now,
            due_at=now,
        )
    )
    exchange = find_exchange(connection, name)
    _append(connection, exchange, "exchange.created", {"bank": bank.id, "api": api}, actor, now)
    return exchange


def switch_exchange(connection: Connection, name: str, *, is_enabled: bool, actor: str, now: datetime) -> Exchange:
    """Switch the fetching of an exchange on or off.

    Raises:
        ExchangeNotFound: There is none.
    """
    exchange = find_exchange(connection, name)
    if exchange.is_enabled != is_enabled:
        connection.execute(
            update(hma_exchanges).where(hma_exchanges.c.id == exchange.id).values(is_enabled=is_enabled, due_at=now)
        )
        _append(connection, exchange, "exchange.changed", {"is_enabled": [not is_enabled, is_enabled]}, actor, now)
    return find_exchange(connection, name)


def delete_exchange(connection: Connection, name: str, *, actor: str, now: datetime) -> bool:
    """Delete an exchange with its bank, and tell whether there was one."""
    try:
        exchange = find_exchange(connection, name)
    except ExchangeNotFound:
        return False
    delete_bank(connection, name, actor=actor, now=now)
    _append(connection, exchange, "exchange.deleted", {"bank": exchange.bank_id}, actor, now)
    return True


def fetch_status(connection: Connection, name: str) -> FetchStatus:
    """Return what became of an exchange's fetches.

    Raises:
        ExchangeNotFound: There is none.
    """
    exchange = find_exchange(connection, name)
    row = connection.execute(select(hma_exchanges).where(hma_exchanges.c.id == exchange.id)).one()
    held = connection.execute(
        select(func.count()).where(entries.c.bank_id == exchange.bank_id, entries.c.withdrawn_at.is_(None))
    ).scalar_one()
    return FetchStatus(
        row.started_at if row.lease_token is not None else None,
        row.completed_at,
        row.has_succeeded,
        int(held),
        bool(row.has_succeeded),
    )


def fetch_plans(connection: Connection) -> list[tuple[Exchange, FetchPlan]]:
    """List the exchanges by name, each with when it is fetched and how its latest fetch ended."""
    return [
        (
            _exchange(row),
            FetchPlan(
                row.due_at, None if row.lease_token is None else row.started_at, row.completed_at, row.last_error
            ),
        )
        for row in connection.execute(_JOINED.order_by(banks.c.name))
    ]


def fetch_history(connection: Connection, exchange: Exchange, *, limit: int = 50) -> list[FetchEnd]:
    """List the fetches of an exchange that failed or changed something, the newest first, as the audit has them."""
    rows = connection.execute(
        select(audit_entries.c.at, audit_entries.c.details)
        .where(
            audit_entries.c.subject_type == "exchange",
            audit_entries.c.subject_id == str(exchange.id),
            audit_entries.c.action == "exchange.fetched",
        )
        .order_by(audit_entries.c.sequence.desc())
        .limit(limit)
    )
    said = [(row.at, json.loads(row.details)) for row in rows]
    return [FetchEnd(at, details.get("added"), details.get("withdrawn"), details.get("error")) for at, details in said]


def ask_for_fetch(connection: Connection, name: str, *, actor: str, now: datetime) -> Exchange:
    """Let an exchange be fetched by the next round of the workers, though it is not due yet.

    Raises:
        ExchangeNotFound: There is none.
    """
    exchange = find_exchange(connection, name)
    connection.execute(update(hma_exchanges).where(hma_exchanges.c.id == exchange.id).values(due_at=now))
    _append(connection, exchange, "exchange.asked_for", {"bank": exchange.bank_id}, actor, now)
    return exchange


# ── fetching ─────────────────────────────────────────────────────────────────────────────────────────────────────


def claim_due(connection: Connection, *, now: datetime, is_everything: bool = False) -> tuple[Exchange, str] | None:
    """Claim an enabled exchange that is due, and return it with the token of the claim; None where none is.

    Args:
        connection: Of `Database.write`.
        now: When.
        is_everything: Whether one counts as due that was not begun since: for who asks for a fetch now.
    """
    when = hma_exchanges.c.due_at <= now
    if is_everything:
        when = or_(when, hma_exchanges.c.started_at.is_(None), hma_exchanges.c.started_at < now)
    row = connection.execute(
        _JOINED.where(
            hma_exchanges.c.is_enabled,
            when,
            or_(hma_exchanges.c.lease_until.is_(None), hma_exchanges.c.lease_until <= now),
        )
        .order_by(hma_exchanges.c.due_at, hma_exchanges.c.id)
        .limit(1)
        .with_for_update(of=hma_exchanges, skip_locked=True)
    ).first()
    if row is None:
        return None
    token = secrets.token_hex(16)
    connection.execute(
        update(hma_exchanges)
        .where(hma_exchanges.c.id == row.id)
        .values(lease_until=now + _LEASE, lease_token=token, started_at=now)
    )
    return _exchange(row), token


def take_signals(
    connection: Connection, exchange: Exchange, fetched: Sequence[NewEntry], *, now: datetime
) -> tuple[int, int]:
    """Make the exchange's bank hold what the source has: add what is new, withdraw what the source has no more.

    What others put into the bank stays. Returns how many were added and withdrawn.
    """
    from hedgerow.banks.records import find_bank  # noqa: PLC0415  (a name that is used in other senses above)

    bank = find_bank(connection, exchange.name, is_locking=True)
    added = 0
    for start in range(0, len(fetched), _BATCH):
        added += add_entries(connection, bank, fetched[start : start + _BATCH], now=now, readmit_withdrawn=False).added
    there = {(each.signal.type, each.signal.bits) for each in fetched}
    gone = [
        entry
        for entry, kind, bits in connection.execute(
            select(entries.c.id, entries.c.signal_type, entries.c.bits).where(
                entries.c.bank_id == bank.id,
                entries.c.provenance == source_of(exchange.name),
                entries.c.withdrawn_at.is_(None),
            )
        )
        if (kind, bytes(bits)) not in there
    ]
    for entry in gone:
        withdraw_entry(connection, bank, entry, now=now, reason="its source has it no more")
    return added, len(gone)


def finish_fetch(
    connection: Connection,
    exchange: Exchange,
    token: str,
    *,
    every: timedelta,
    counts: tuple[int, int] | None,
    error: str | None,
    now: datetime,
) -> bool:
    """Write down what became of a fetch, unless somebody else claimed it since; tell whether it was.

    Args:
        connection: Of `Database.write`.
        exchange: Which.
        token: Of the claim.
        every: When it is due again.
        counts: What `take_signals` returned; None where it failed.
        error: A word for why it failed.
        now: When.
    """
    is_ours = connection.execute(
        update(hma_exchanges)
        .where(hma_exchanges.c.id == exchange.id, hma_exchanges.c.lease_token == token)
        .values(
            lease_until=None,
            lease_token=None,
            completed_at=now,
            has_succeeded=counts is not None,
            last_error=None if error is None else error[:_ERROR_WIDTH],
            due_at=now + every,
        )
    ).rowcount
    if is_ours and (counts is None or any(counts)):
        details: dict[str, Any] = {"bank": exchange.bank_id}
        details |= {"error": error} if counts is None else {"added": counts[0], "withdrawn": counts[1]}
        _append(connection, exchange, "exchange.fetched", details, "system", now)
    return bool(is_ours)


def _append(
    connection: Connection, exchange: Exchange, action: str, details: Mapping[str, Any], actor: str, now: datetime
) -> None:
    append(
        connection,
        actor=actor,
        action=action,
        subject_type="exchange",
        subject_id=exchange.id,
        details=details,
        now=now,
    )
