"""What of exchanges needs a person, and what they changed lately. Nothing here is written."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum
from typing import TYPE_CHECKING, Final

from sqlalchemy import func, select

from hedgerow.banks.tables import entries
from hedgerow.exchanges.model import OpinionState
from hedgerow.exchanges.tables import exchange_opinions

if TYPE_CHECKING:
    from datetime import datetime

    from sqlalchemy import Connection

    from hedgerow.exchanges.model import Exchange, Standing

__all__ = [
    "ChangedEntry",
    "Need",
    "State",
    "changed_lately",
    "is_out_of_date",
    "needs_of",
    "refused_lately",
    "state_of",
]

_MISSED: Final = 3  # one interval is missed by every restart, two by a partner's maintenance
_REFUSED_WITHIN: Final = timedelta(days=7)
_LATEST_OPINIONS: Final = 500  # however many there are, so many are looked at


class State(StrEnum):
    """How an exchange stands, in a word: the first that is so."""

    OFF = "off"
    STOPPED = "stopped"  # its partner refused us, and a person has to act
    UNREADABLE = "unreadable"  # a page stands in the way
    FAILED = "failed"
    FETCHING = "fetching"
    NEW = "new"  # nothing was fetched yet
    PARTIAL = "partial"  # it holds a part of what the partner has
    CURRENT = "current"  # it held all of it at the latest fetch


class Need(StrEnum):
    """What a person should do something about, what weighs most first."""

    STOPPED = "stopped"
    UNREADABLE = "unreadable"
    CREDENTIALS = "credentials"
    ARMING = "arming"
    OUT_OF_DATE = "out_of_date"
    FAILED = "failed"
    REFUSED = "refused"


@dataclass(frozen=True, slots=True)
class ChangedEntry:
    """An entry of a bank that changed lately.

    Attributes:
        id: Its number.
        type: Its signal type.
        added_at: When it was added.
        withdrawn_at: When it stopped matching; None while it matches.
        reason: Why.
        category: The partner's.
    """

    id: int
    type: str
    added_at: datetime
    withdrawn_at: datetime | None
    reason: str | None
    category: str | None


def state_of(standing: Standing) -> State:
    """Say how an exchange stands, in a word."""
    found = (
        (State.OFF, not standing.exchange.is_enabled),
        (State.STOPPED, standing.stopped is not None),
        (State.UNREADABLE, standing.quarantined is not None),
        (State.FAILED, standing.last_error is not None),
        (State.FETCHING, standing.started_at is not None),
        (State.NEW, standing.completed_at is None),
        (State.PARTIAL, not standing.is_current),
    )
    return next((state for state, is_so in found if is_so), State.CURRENT)


def is_out_of_date(standing: Standing, every: timedelta, *, now: datetime) -> bool:
    """Tell whether three fetches in a row are overdue or failed: what the bank holds is older than it should be.

    Args:
        standing: How the exchange stands.
        every: Between two fetches.
        now: When.
    """
    if not standing.exchange.is_enabled:
        return False
    since = standing.succeeded_at
    if since is None:
        since = standing.due_at if standing.completed_at is None else None
    if standing.started_at is not None and not standing.failures:
        since = standing.started_at if since is None else max(since, standing.started_at)
    return since is not None and now - since > _MISSED * every


def needs_of(
    standing: Standing,
    every: timedelta,
    *,
    needs_credentials: bool,
    needs_arming: bool,
    refused: int,
    now: datetime,
) -> tuple[Need, ...]:
    """Say what a person should do something about, what weighs most first.

    Args:
        standing: How the exchange stands.
        every: Between two fetches.
        needs_credentials: Whether its partner wants any.
        needs_arming: Whether it would speak to a production system that nobody has armed.
        refused: How many opinions its partner refused lately.
        now: When.
    """
    is_on = standing.exchange.is_enabled
    is_stopped = is_on and standing.stopped is not None
    lacks_credentials = is_on and needs_credentials and not standing.has_credentials
    is_explained = is_stopped or standing.quarantined is not None or lacks_credentials or (is_on and needs_arming)
    found = {
        Need.STOPPED: is_stopped,
        Need.UNREADABLE: is_on and standing.quarantined is not None,
        Need.CREDENTIALS: lacks_credentials,
        Need.ARMING: is_on and needs_arming,
        Need.OUT_OF_DATE: is_out_of_date(standing, every, now=now),
        Need.FAILED: is_on and standing.last_error is not None and not is_explained,
        Need.REFUSED: bool(refused),
    }
    return tuple(need for need in Need if found[need])


def refused_lately(connection: Connection, *, now: datetime) -> dict[int, int]:
    """Count the opinions that partners refused in the last seven days, by exchange; the latest 500 are looked at."""
    table = exchange_opinions.c
    latest = (
        select(table.exchange_id, table.state, table.created_at)
        .order_by(table.id.desc())
        .limit(_LATEST_OPINIONS)
        .subquery()
    )
    rows = connection.execute(
        select(latest.c.exchange_id, func.count())
        .where(latest.c.state == OpinionState.REFUSED, latest.c.created_at >= now - _REFUSED_WITHIN)
        .group_by(latest.c.exchange_id)
    )
    return {int(exchange): int(count) for exchange, count in rows}


def changed_lately(connection: Connection, exchange: Exchange, *, limit: int = 10) -> list[ChangedEntry]:
    """List the entries of an exchange's bank that changed last, the latest first, without their values."""
    table = entries.c
    rows = connection.execute(
        select(table.id, table.signal_type, table.added_at, table.withdrawn_at, table.withdrawn_reason, table.category)
        .where(table.bank_id == exchange.bank_id)
        .order_by(table.sequence.desc())
        .limit(limit)
    )
    return [
        ChangedEntry(row.id, row.signal_type, row.added_at, row.withdrawn_at, row.withdrawn_reason, row.category)
        for row in rows
    ]
