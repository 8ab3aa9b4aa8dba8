"""The counter of changes to who may do what. The first argument is an open connection; the caller commits."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sqlalchemy import select, update

from hedgerow.accounts.tables import account_changes

if TYPE_CHECKING:
    from sqlalchemy import Connection

__all__ = ["latest_account_change", "take_change"]


def latest_account_change(connection: Connection) -> int:
    """Return the number of the latest change to any key, role, user's switch or ended session: one row, ask often.

    A cache of keys or sessions asks it at least once a second and forgets everything when the number is another one.
    """
    return int(connection.execute(select(account_changes.c.sequence)).scalar_one())


def take_change(connection: Connection) -> None:
    """Take the next number, before anything is read that decides; other such changes wait until the commit."""
    connection.execute(update(account_changes).values(sequence=account_changes.c.sequence + 1))
