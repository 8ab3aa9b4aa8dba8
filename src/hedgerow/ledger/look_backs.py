"""Ask for look-backs, claim those that are due, and record how far they are. The caller commits."""

from __future__ import annotations

import json
import secrets
from typing import TYPE_CHECKING, Any

from sqlalchemy import and_, insert, or_, select, update
from sqlalchemy.exc import IntegrityError

from hedgerow import audit
from hedgerow.banks.held import bank_states, latest_change
from hedgerow.banks.records import find_entry
from hedgerow.banks.tables import entries
from hedgerow.errors import InvalidLookBack, LookBackLost, LookBackNotFound
from hedgerow.ledger.model import LookBack, LookBackClaim, LookBackState
from hedgerow.ledger.rules import LEASE, MOST_ATTEMPTS, MOST_ENTRIES, retry_delay
from hedgerow.ledger.tables import look_backs

if TYPE_CHECKING:
    from collections.abc import Collection
    from datetime import datetime, timedelta

    from sqlalchemy import ColumnElement, Connection, Row

    from hedgerow.banks.model import Bank

    AnyRow = Row[*tuple[Any, ...]]

__all__ = [
    "advance",
    "begin",
    "claim_look_back",
    "extend",
    "fail",
    "find_look_back",
    "finish",
    "give_back",
    "has_due",
    "has_uncollected",
    "list_look_backs",
    "request_for_added",
    "request_look_back",
    "stop_look_back",
]

_ENDED = {"due_at": None, "lease_until": None, "lease_token": None, "is_collecting": None}


# ── asking ───────────────────────────────────────────────────────────────────────────────────────────────────────


def request_look_back(
    connection: Connection, bank: Bank, entry_ids: Collection[int] | None = None, *, actor: str, now: datetime
) -> LookBack:
    """Ask for a look-back; where the same is waiting already, that one is returned.

    Args:
        connection: Of `Database.write`.
        bank: The bank.
        entry_ids: Which of its entries; None for all.
        actor: Who asks.
        now: When.

    Raises:
        EntryNotFound: The bank never held one of the entries.
        InvalidLookBack: No entry was named, or too many.
    """
    named = None
    if entry_ids is not None:
        numbers = sorted(set(entry_ids))
        if not 0 < len(numbers) <= MOST_ENTRIES:
            raise InvalidLookBack(f"it names from 1 to {MOST_ENTRIES:,} entries, or none for the whole bank")
        for number in numbers:
            find_entry(connection, bank, number)
        named = json.dumps(numbers, separators=(",", ":"))
    same = connection.execute(
        select(look_backs)
        .where(
            look_backs.c.bank_id == bank.id,
            look_backs.c.state == LookBackState.WAITING,
            look_backs.c.since_sequence.is_(None),
            look_backs.c.entry_ids.is_(None) if named is None else look_backs.c.entry_ids == named,
        )
        .order_by(look_backs.c.id)
        .limit(1)
    ).first()
    if same is not None:
        return _look_back(same)
    return _insert(connection, bank.id, {"entry_ids": named}, actor=actor, now=now)


def request_for_added(connection: Connection, *, now: datetime) -> list[LookBack]:
    """Ask for a look-back for each enabled bank that took something since the last one that collected.

    Called again and again by a worker: it does not matter through which door an entry came.

    Args:
        connection: Of `Database.write`.
        now: When.
    """
    asked = []
    for bank, since in _uncollected(connection):
        values = {"since_sequence": since, "is_collecting": True}
        try:
            with connection.begin_nested():
                asked.append(_insert(connection, bank.id, values, actor="system", now=now))
        except IntegrityError:  # another worker was first
            continue
    return asked


def has_uncollected(connection: Connection) -> bool:
    """Tell whether `request_for_added` would ask for anything, without becoming a writer for it."""
    return bool(_uncollected(connection))


def _uncollected(connection: Connection) -> list[tuple[Bank, int]]:
    """List the enabled banks that took something, each with the change up to which it is collected."""
    found = []
    for state in bank_states(connection):
        since = _collected(connection, state.bank.id) if state.bank.is_enabled else None
        if since is not None and state.sequence > since and _has_live_since(connection, state.bank, since):
            found.append((state.bank, since))
    return found


def _collected(connection: Connection, bank_id: int) -> int | None:
    """Return up to which change look-backs have collected what is new; None while one has not ended.

    One that was stopped has collected nothing: the next begins where it began.
    """
    rows = connection.execute(
        select(look_backs.c.state, look_backs.c.until_sequence)
        .where(
            look_backs.c.bank_id == bank_id,
            look_backs.c.since_sequence.is_not(None),
            look_backs.c.state != LookBackState.STOPPED,
        )
        .order_by(look_backs.c.id.desc())
        .limit(1)
    ).all()
    if not rows:
        return 0
    return int(rows[0].until_sequence) if rows[0].state == LookBackState.DONE else None


def _has_live_since(connection: Connection, bank: Bank, since: int) -> bool:
    """Tell whether anything was added that is still there: withdrawals alone ask for nothing."""
    added = select(entries.c.id).where(
        entries.c.bank_id == bank.id, entries.c.sequence > since, entries.c.withdrawn_at.is_(None)
    )
    return connection.execute(added.limit(1)).first() is not None


def _insert(connection: Connection, bank_id: int, values: dict[str, Any], *, actor: str, now: datetime) -> LookBack:
    row = connection.execute(
        insert(look_backs)
        .values(
            bank_id=bank_id,
            state=LookBackState.WAITING,
            requested_by=actor,
            requested_at=now,
            cursor=0,
            checked=0,
            unreadable=0,
            found=0,
            due_at=now,
            attempts=0,
            **values,
        )
        .returning(*look_backs.c)
    ).one()
    asked = _look_back(row)
    details = {
        "bank": bank_id,
        "entries": None if asked.entry_ids is None else len(asked.entry_ids),
        "since": asked.since_sequence,
    }
    _append(connection, asked.id, "requested", details, actor=actor, now=now)
    return asked


# ── reading ──────────────────────────────────────────────────────────────────────────────────────────────────────


def find_look_back(connection: Connection, number: int) -> LookBack:
    """Find a look-back.

    Raises:
        LookBackNotFound: There is none of that number.
    """
    row = connection.execute(select(look_backs).where(look_backs.c.id == number)).first()
    if row is None:
        raise LookBackNotFound(number)
    return _look_back(row)


def list_look_backs(
    connection: Connection,
    *,
    bank_id: int | None = None,
    is_open: bool = False,
    before: int | None = None,
    limit: int = 100,
) -> list[LookBack]:
    """List look-backs, the newest first.

    Args:
        connection: An open connection.
        bank_id: Only of this bank.
        is_open: Only those that have not ended.
        before: Only those with a smaller number: the last of the page before.
        limit: Most look-backs.
    """
    statement = select(look_backs)
    if bank_id is not None:
        statement = statement.where(look_backs.c.bank_id == bank_id)
    if is_open:
        statement = statement.where(look_backs.c.due_at.is_not(None))
    if before is not None:
        statement = statement.where(look_backs.c.id < before)
    return [_look_back(row) for row in connection.execute(statement.order_by(look_backs.c.id.desc()).limit(limit))]


# ── working ──────────────────────────────────────────────────────────────────────────────────────────────────────


def has_due(connection: Connection, *, now: datetime, only: int | None = None) -> bool:
    """Tell whether there is a look-back to claim, without becoming a writer for it.

    Args:
        connection: An open connection.
        now: When.
        only: The number of the one that is wanted.
    """
    due = select(look_backs.c.id).where(_is_due(now)).limit(1)
    if only is not None:
        due = due.where(look_backs.c.id == only)
    return connection.execute(due).first() is not None


def claim_look_back(
    connection: Connection, *, now: datetime, lease: timedelta = LEASE, only: int | None = None
) -> LookBackClaim | None:
    """Take a lease on the look-back that is due first, or on one that is named; None where none is due.

    Commit before anything is looked up: the lease is what keeps others off, not the transaction.

    Args:
        connection: Of `Database.write`.
        now: When.
        lease: How long it is ours.
        only: The number of the one that is wanted.
    """
    due = select(look_backs).where(_is_due(now)).order_by(look_backs.c.due_at, look_backs.c.id).limit(1)
    if only is not None:
        due = due.where(look_backs.c.id == only)
    while (row := connection.execute(due.with_for_update(skip_locked=True)).first()) is not None:
        if row.attempts < MOST_ATTEMPTS:
            return _claim(connection, row, now, lease)
        _end(connection, row.id, LookBackState.STOPPED, now=now, actor="system", last_error=row.last_error or "died")
    return None


def _claim(connection: Connection, row: AnyRow, now: datetime, lease: timedelta) -> LookBackClaim:
    token = secrets.token_hex(16)
    values: dict[str, Any] = {"lease_token": token, "lease_until": now + lease, "attempts": row.attempts + 1}
    is_first = row.state == LookBackState.WAITING
    if is_first:
        values |= {"state": LookBackState.RUNNING, "started_at": now}
        if row.since_sequence is not None:
            values["until_sequence"] = latest_change(connection)[1]
    changed = connection.execute(
        update(look_backs).where(look_backs.c.id == row.id).values(values).returning(*look_backs.c)
    ).one()
    if is_first:
        _append(connection, row.id, "started", {"bank": row.bank_id}, actor="system", now=now)
    return LookBackClaim(_look_back(changed), token, now + lease)


def begin(
    connection: Connection,
    claim: LookBackClaim,
    *,
    until_id: int,
    total: int,
    now: datetime,
    lease: timedelta = LEASE,
) -> LookBackClaim:
    """Record up to which row is looked up, once the ledger is complete up to there (`hedgerow.ledger.horizon`).

    Raises:
        LookBackLost: Somebody else has taken it over.
    """
    return _write(connection, claim, {"until_id": until_id, "total": total}, now, lease)


def extend(connection: Connection, claim: LookBackClaim, *, now: datetime, lease: timedelta = LEASE) -> LookBackClaim:
    """Let the lease begin anew, and hold the row: nobody else can write what was found while this transaction lasts.

    Raises:
        LookBackLost: Somebody else has taken it over.
    """
    return _write(connection, claim, {}, now, lease)


def advance(
    connection: Connection,
    claim: LookBackClaim,
    *,
    cursor: int,
    checked: int,
    unreadable: int = 0,
    found: int = 0,
    now: datetime,
    lease: timedelta = LEASE,
) -> LookBackClaim:
    """Record how far it is, in the transaction of what was found.

    Args:
        connection: Of `Database.write`.
        claim: What is worked on.
        cursor: The last row that was looked up.
        checked: How many more rows were.
        unreadable: How many more rows could not be read.
        found: For how many more submissions something new was found.
        now: When.
        lease: How long it is ours from now on.

    Raises:
        LookBackLost: Somebody else has taken it over.
    """
    values = {
        "cursor": cursor,
        "checked": look_backs.c.checked + checked,
        "unreadable": look_backs.c.unreadable + unreadable,
        "found": look_backs.c.found + found,
        "attempts": 0,
        "last_error": None,
    }
    return _write(connection, claim, values, now, lease)


def finish(connection: Connection, claim: LookBackClaim, *, now: datetime) -> LookBack:
    """Record that all was looked up.

    Raises:
        LookBackLost: Somebody else has taken it over.
    """
    _hold(connection, claim)
    return _end(connection, claim.look_back.id, LookBackState.DONE, now=now, actor="system", last_error=None)


def give_back(connection: Connection, claim: LookBackClaim, *, now: datetime) -> LookBack:
    """Leave it to whoever claims it next, at once, as a worker does that is asked to stop.

    Raises:
        LookBackLost: Somebody else has taken it over.
    """
    attempts = max(0, _hold(connection, claim).attempts - 1)
    return _free(connection, claim, {"due_at": now, "attempts": attempts})


def fail(
    connection: Connection, claim: LookBackClaim, error: str, *, now: datetime, is_final: bool = False
) -> LookBack:
    """Record that it had trouble, and when it is tried again.

    Args:
        connection: Of `Database.write`.
        claim: What was worked on.
        error: The kind of trouble, in a word, without any value: the `reason` of an error.
        now: When.
        is_final: Whether trying again is of no use: it is stopped.

    Raises:
        LookBackLost: Somebody else has taken it over.
    """
    row = _hold(connection, claim)
    if is_final:
        return _end(connection, claim.look_back.id, LookBackState.STOPPED, now=now, actor="system", last_error=error)
    return _free(connection, claim, {"due_at": now + retry_delay(row.attempts), "last_error": error})


def stop_look_back(connection: Connection, number: int, *, actor: str, now: datetime) -> LookBack:
    """Stop a look-back; what it found stays. One that has ended is left as it is.

    Raises:
        LookBackNotFound: There is none of that number.
    """
    row = connection.execute(select(look_backs).where(look_backs.c.id == number).with_for_update()).first()
    if row is None:
        raise LookBackNotFound(number)
    if row.ended_at is not None:
        return _look_back(row)
    return _end(connection, number, LookBackState.STOPPED, now=now, actor=actor, last_error="stopped")


def _is_due(now: datetime) -> ColumnElement[bool]:
    is_free = or_(look_backs.c.lease_until.is_(None), look_backs.c.lease_until < now)
    return and_(look_backs.c.due_at <= now, is_free)


def _hold(connection: Connection, claim: LookBackClaim) -> AnyRow:
    """Lock the row, and return it if it is still ours."""
    row = connection.execute(
        select(look_backs.c.lease_token, look_backs.c.attempts)
        .where(look_backs.c.id == claim.look_back.id)
        .with_for_update()
    ).one()
    if row.lease_token != claim.token:
        raise LookBackLost(claim.look_back.id)
    return row


def _write(
    connection: Connection, claim: LookBackClaim, values: dict[str, Any], now: datetime, lease: timedelta
) -> LookBackClaim:
    _hold(connection, claim)
    row = connection.execute(
        update(look_backs)
        .where(look_backs.c.id == claim.look_back.id)
        .values(**values, lease_until=now + lease)
        .returning(*look_backs.c)
    ).one()
    return LookBackClaim(_look_back(row), claim.token, now + lease)


def _free(connection: Connection, claim: LookBackClaim, values: dict[str, Any]) -> LookBack:
    row = connection.execute(
        update(look_backs)
        .where(look_backs.c.id == claim.look_back.id)
        .values(**values, lease_until=None, lease_token=None)
        .returning(*look_backs.c)
    ).one()
    return _look_back(row)


def _end(
    connection: Connection, number: int, state: LookBackState, *, now: datetime, actor: str, last_error: str | None
) -> LookBack:
    row = connection.execute(
        update(look_backs)
        .where(look_backs.c.id == number)
        .values(state=state, ended_at=now, last_error=last_error, **_ENDED)
        .returning(*look_backs.c)
    ).one()
    details = {
        "bank": row.bank_id,
        "checked": row.checked,
        "unreadable": row.unreadable,
        "found": row.found,
        "why": last_error,
    }
    _append(connection, number, str(state), details, actor=actor, now=now)
    return _look_back(row)


def _append(
    connection: Connection, number: int, what: str, details: dict[str, Any], *, actor: str, now: datetime
) -> None:
    audit.append(
        connection,
        actor=actor,
        action=f"lookback.{what}",
        subject_type="lookback",
        subject_id=number,
        details=details,
        now=now,
    )


def _look_back(row: AnyRow) -> LookBack:
    return LookBack(
        int(row.id),
        int(row.bank_id),
        None if row.entry_ids is None else tuple(json.loads(row.entry_ids)),
        row.since_sequence,
        row.until_sequence,
        LookBackState(row.state),
        row.requested_by,
        row.requested_at,
        row.started_at,
        row.ended_at,
        int(row.cursor),
        row.until_id,
        row.total,
        int(row.checked),
        int(row.unreadable),
        int(row.found),
        int(row.attempts),
        row.last_error,
    )
