"""Withdraw and change many entries at once, for who keeps a bank equal to a list. The caller commits."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, NamedTuple

from sqlalchemy import bindparam, select, update

from hedgerow.banks.records import take_sequences
from hedgerow.banks.tables import entries

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Mapping, Sequence
    from datetime import datetime

    from sqlalchemy import Connection

    from hedgerow.banks.model import Attributes, Bank

__all__ = ["LiveEntry", "change_attributes", "held_back", "live_entries", "withdraw_entries"]

_VALUES_PER_QUERY: Final = 500


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
    for kind, bits in _by_type(values):
        rows = connection.execute(
            select(entries.c.id, entries.c.sequence, entries.c.provenance, entries.c.bits).where(
                entries.c.bank_id == bank.id,
                entries.c.withdrawn_at.is_(None),
                entries.c.signal_type == kind,
                entries.c.bits.in_(bits),
            )
        )
        for number, sequence, provenance, value in rows:
            found[kind, bytes(value)] = LiveEntry(number, sequence, provenance)
    return found


def held_back(
    connection: Connection, bank: Bank, values: Collection[tuple[str, bytes]], *, unless: Collection[str]
) -> set[tuple[str, bytes]]:
    """Find those of these values that were withdrawn from the bank, for another reason than these, and are not live.

    Who withdrew an entry by hand does not expect the next list that holds it to undo that.
    """
    is_withdrawn = (entries.c.bank_id == bank.id) & entries.c.withdrawn_at.is_not(None)
    if connection.execute(select(entries.c.id).where(is_withdrawn).limit(1)).first() is None:
        return set()
    found: set[tuple[str, bytes]] = set()
    for kind, bits in _by_type(values):
        rows = connection.execute(
            select(entries.c.bits, entries.c.withdrawn_reason).where(
                is_withdrawn, entries.c.signal_type == kind, entries.c.bits.in_(bits)
            )
        )
        found |= {(kind, bytes(value)) for value, reason in rows if reason not in unless}
    return found - live_entries(connection, bank, found).keys() if found else found


def _by_type(values: Collection[tuple[str, bytes]]) -> Iterable[tuple[str, Sequence[bytes]]]:
    by_type: dict[str, list[bytes]] = {}
    for kind, bits in values:
        by_type.setdefault(kind, []).append(bits)
    for kind, together in by_type.items():
        for start in range(0, len(together), _VALUES_PER_QUERY):
            yield kind, together[start : start + _VALUES_PER_QUERY]


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
