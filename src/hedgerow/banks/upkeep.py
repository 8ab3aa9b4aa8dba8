"""Withdraw and change many entries at once, for who keeps a bank equal to a list. The caller commits."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from sqlalchemy import bindparam, update

from hedgerow.banks.records import has_withdrawn, take_sequences
from hedgerow.banks.tables import entries
from hedgerow.database.bulk import find_rows

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping, Sequence
    from datetime import datetime

    from sqlalchemy import Connection

    from hedgerow.banks.model import Attributes, Bank

__all__ = ["LiveEntry", "change_attributes", "held_back", "live_entries", "withdraw_entries"]


class LiveEntry(NamedTuple):
    """A live entry, as far as upkeep asks.

    Attributes:
        id: Its number.
        sequence: Of its latest change.
        provenance: Who put it there.
    """

    id: int
    sequence: int
    provenance: str


def live_entries(
    connection: Connection, bank: Bank, values: Collection[tuple[str, bytes]]
) -> dict[tuple[str, bytes], LiveEntry]:
    """Find the live entries of these signal types and bits."""
    found: dict[tuple[str, bytes], LiveEntry] = {}
    names = ("id", "sequence", "provenance", "bits")
    for kind, bits in _by_type(values).items():
        having = {"bank_id": bank.id, "signal_type": kind}
        rows = find_rows(connection, entries, names, "bits", bits, having=having, only="withdrawn_at IS NULL")
        found |= {(kind, bytes(value)): LiveEntry(*entry) for *entry, value in rows}
    return found


def held_back(
    connection: Connection, bank: Bank, values: Collection[tuple[str, bytes]], *, unless: Collection[str]
) -> set[tuple[str, bytes]]:
    """Find those of these values that were withdrawn from the bank, for another reason than these, and are not live.

    Who withdrew an entry by hand does not expect the next list that holds it to undo that.
    """
    if not has_withdrawn(connection, bank):
        return set()
    found: set[tuple[str, bytes]] = set()
    for kind, bits in _by_type(values).items():
        having = {"bank_id": bank.id, "signal_type": kind}
        names = ("bits", "withdrawn_reason")
        rows = find_rows(connection, entries, names, "bits", bits, having=having, only="withdrawn_at IS NOT NULL")
        found |= {(kind, bytes(value)) for value, reason in rows if reason not in unless}
    return found - live_entries(connection, bank, found).keys() if found else found


def _by_type(values: Collection[tuple[str, bytes]]) -> dict[str, list[bytes]]:
    by_type: dict[str, list[bytes]] = {}
    for kind, bits in dict.fromkeys(values):
        by_type.setdefault(kind, []).append(bits)
    return by_type


def withdraw_entries(connection: Connection, ids: Sequence[int], *, now: datetime, reason: str) -> int:
    """Withdraw those of these entries that are live, so that they match nothing any more; return how many were.

    Args:
        connection: Of `Database.write`.
        ids: Of entries of any bank.
        now: When.
        reason: Why, for the record.
    """
    if not ids:
        return 0
    first = take_sequences(connection, len(ids))
    statement = (
        update(entries)
        .where(entries.c.id == bindparam("entry"), entries.c.withdrawn_at.is_(None))
        .values(withdrawn_at=now, withdrawn_reason=reason, sequence=bindparam("number"))
    )
    result = connection.execute(
        statement, [{"entry": entry, "number": number} for number, entry in enumerate(ids, first)]
    )
    return max(0, result.rowcount)


def change_attributes(connection: Connection, said: Mapping[int, Attributes]) -> None:
    """Say something else of entries than was said when they were added; since when they are known stays.

    Args:
        connection: Of `Database.write`.
        said: What is said of each, by its id. It has been found fit.
    """
    if not said:
        return
    first = take_sequences(connection, len(said))
    statement = (
        update(entries)
        .where(entries.c.id == bindparam("entry"))
        .values(
            contributor=bindparam("by"),
            external_id=bindparam("external"),
            category=bindparam("word"),
            is_disputed=bindparam("disputed"),
            may_be_redistributed=bindparam("redistributed"),
            sequence=bindparam("number"),
        )
    )
    connection.execute(
        statement,
        [
            {
                "entry": entry,
                "by": each.contributor,
                "external": each.external_id,
                "word": each.category,
                "disputed": each.is_disputed,
                "redistributed": each.may_be_redistributed,
                "number": number,
            }
            for number, (entry, each) in enumerate(said.items(), first)
        ],
    )
