"""Ask for look-backs, see how far they are, and work on one, for a door.

A serving process hands its open database to the functions that end in ``_in``; a command opens it for itself.
"""

from __future__ import annotations

import time
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from hedgerow.app.clock import now

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from datetime import datetime

    from sqlalchemy import Connection

    from hedgerow.database import Database
    from hedgerow.ledger import LookBack
    from hedgerow.settings import Settings

__all__ = [
    "LookBackStanding",
    "list_look_backs",
    "look_back_in",
    "look_backs_in",
    "request_look_back",
    "request_look_back_in",
    "show_look_back",
    "stop_look_back",
    "stop_look_back_in",
    "work_look_back",
]

_POLL_S: Final = 0.5
"""Between two looks at a look-back that somebody else works on."""


@dataclass(frozen=True, slots=True)
class LookBackStanding:
    """A look-back, and the name of its bank."""

    look_back: LookBack
    bank: str

    def to_json(self) -> dict[str, object]:
        """Return the object that doors show."""
        look_back = self.look_back
        return {
            "lookback": look_back.id,
            "bank": self.bank,
            "entries": None if look_back.entry_ids is None else list(look_back.entry_ids),
            "automatic": look_back.is_automatic,
            "state": str(look_back.state),
            "requested_by": look_back.requested_by,
            "requested_at": look_back.requested_at.isoformat(),
            "started_at": _text(look_back.started_at),
            "ended_at": _text(look_back.ended_at),
            "total": look_back.total,
            "checked": look_back.checked,
            "unreadable": look_back.unreadable,
            "found": look_back.found,
            "last_error": look_back.last_error,
        }


def _text(at: datetime | None) -> str | None:
    return None if at is None else at.isoformat()


# ── with an open database ────────────────────────────────────────────────────────────────────────────────────────


def request_look_back_in(
    database: Database, bank: str, entries: Sequence[int] | None = None, *, actor: str
) -> LookBackStanding:
    """Ask for a look-back; where the same is waiting already, that one is returned.

    Args:
        database: The database.
        bank: The bank's name.
        entries: Numbers of its entries; None for the whole bank.
        actor: Who asks.

    Raises:
        BankNotFound: There is none of that name.
        EntryNotFound: The bank never held one of the entries.
        InvalidLookBack: No entry was named, or too many.
        LedgerEmpty: There is nothing to look back on: an empty answer would look like a clean one.
    """
    from hedgerow import ledger
    from hedgerow.banks.records import find_bank
    from hedgerow.errors import LedgerEmpty

    at = now()
    with database.write() as connection:
        found = find_bank(connection, bank)
        if not ledger.has_rows(connection, now=at):
            raise LedgerEmpty
        return LookBackStanding(ledger.request_look_back(connection, found, entries, actor=actor, now=at), bank)


def look_backs_in(
    database: Database, *, bank: str | None = None, is_open: bool = False, before: int | None = None, limit: int = 100
) -> list[LookBackStanding]:
    """List look-backs, the newest first.

    Args:
        database: The database.
        bank: Only of the bank of this name.
        is_open: Only those that have not ended.
        before: Only those with a smaller number: the last of the page before.
        limit: Most look-backs.

    Raises:
        BankNotFound: There is none of that name.
    """
    from hedgerow import ledger
    from hedgerow.banks.records import find_bank

    with database.read() as connection:
        bank_id = None if bank is None else find_bank(connection, bank).id
        found = ledger.list_look_backs(connection, bank_id=bank_id, is_open=is_open, before=before, limit=limit)
        names = _names(connection)
        return [LookBackStanding(each, names[each.bank_id]) for each in found]


def look_back_in(database: Database, number: int) -> LookBackStanding:
    """Return a look-back as it stands.

    Raises:
        LookBackNotFound: There is none of that number.
    """
    from hedgerow import ledger

    with database.read() as connection:
        found = ledger.find_look_back(connection, number)
        return LookBackStanding(found, _names(connection)[found.bank_id])


def stop_look_back_in(database: Database, number: int, *, actor: str) -> LookBackStanding:
    """Stop a look-back; what it found stays. One that has ended is left as it is.

    Raises:
        LookBackNotFound: There is none of that number.
    """
    from hedgerow import ledger

    with database.write() as connection:
        stopped = ledger.stop_look_back(connection, number, actor=actor, now=now())
        return LookBackStanding(stopped, _names(connection)[stopped.bank_id])


def _names(connection: Connection) -> dict[int, str]:
    from hedgerow.banks.held import bank_states

    return {state.bank.id: state.bank.name for state in bank_states(connection)}


# ── with the settings ────────────────────────────────────────────────────────────────────────────────────────────


@contextmanager
def _database(settings: Settings) -> Iterator[Database]:
    from hedgerow.migrations import open_migrated

    database = open_migrated(settings)
    try:
        yield database
    finally:
        database.close()


def request_look_back(
    settings: Settings, bank: str, entries: Sequence[int] | None = None, *, actor: str = "cli"
) -> LookBackStanding:
    """Ask for a look-back; see `request_look_back_in`."""
    with _database(settings) as database:
        return request_look_back_in(database, bank, entries, actor=actor)


def list_look_backs(settings: Settings, *, bank: str | None = None, limit: int = 100) -> list[LookBackStanding]:
    """List look-backs, the newest first; see `look_backs_in`."""
    with _database(settings) as database:
        return look_backs_in(database, bank=bank, limit=limit)


def show_look_back(settings: Settings, number: int) -> LookBackStanding:
    """Return a look-back as it stands; see `look_back_in`."""
    with _database(settings) as database:
        return look_back_in(database, number)


def stop_look_back(settings: Settings, number: int, *, actor: str = "cli") -> LookBackStanding:
    """Stop a look-back; see `stop_look_back_in`."""
    with _database(settings) as database:
        return stop_look_back_in(database, number, actor=actor)


def work_look_back(
    settings: Settings, number: int, told: Callable[[LookBackStanding], None] = lambda _: None
) -> LookBackStanding:
    """Work on a look-back in this process without pauses, or wait for whoever works on it already.

    Args:
        settings: The settings.
        number: Which one.
        told: Called with how far it is.

    Returns:
        It as it ended; or as it is after trouble, when it waits to be tried again (`LookBack.last_error` says why).

    Raises:
        LookBackNotFound: There is none of that number.
    """
    from hedgerow.screening.look_back import LookBacks

    with _database(settings) as database:
        standing = look_back_in(database, number)
        bank = standing.bank
        looking = LookBacks.of(settings, database, is_in_haste=True)
        while not standing.look_back.has_ended:
            worked = looking.run_next(now=now, only=number, told=lambda each: told(LookBackStanding(each, bank)))
            standing = look_back_in(database, number)
            if worked is not None and worked.last_error is not None:
                break
            if worked is None and not standing.look_back.has_ended:
                told(standing)
                time.sleep(_POLL_S)
        return standing
