"""Show a bank and its entries page by page. The first argument is an open connection."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

from sqlalchemy import LargeBinary, func, literal_column, select

from hedgerow.banks.model import BankSummary
from hedgerow.banks.records import count_entries
from hedgerow.banks.tables import entries
from hedgerow.database.plain import octets
from hedgerow.errors import EntryNotFound
from hedgerow.hashing.signal import SIGNAL_TYPES

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import datetime
    from typing import Any

    from sqlalchemy import ColumnElement, Connection, Row

    from hedgerow.banks.model import Bank

__all__ = [
    "EntrySearch",
    "FoundEntries",
    "ListedEntry",
    "count_up_to",
    "list_entries",
    "listed_entry",
    "search_entries",
    "summarise",
]

_LARGEST_ID = 2**63 - 1
_WINDOW: Final = 20_000
"""Entries that one search looks through: no index knows their words, and a page is to be there within 100 ms."""
_SHOWN = [column for column in entries.c if column.name not in {"bank_id", "bits"}]


@dataclass(frozen=True, slots=True)
class ListedEntry:
    """An entry as it is shown, without its frames, and without its value unless that was asked for.

    Attributes:
        id: Its number.
        sequence: The number of its latest change: entries are listed by it.
        signal_type: Of its signal.
        value: The signal as hex digits; None unless it was asked for.
        quality: Of a PDQ.
        made_by: What made the signal, as far as that is known.
        variant: What was done to the file before.
        provenance: Where it comes from.
        contributor: Who within that source said so.
        external_id: The source's own name for it.
        category: The source's own category.
        note: Free text.
        may_be_redistributed: Whether the source allows it to be passed on.
        added_at: When it was added.
        withdrawn_at: When it was withdrawn; None while it is live.
        withdrawn_reason: Why.
    """

    id: int
    sequence: int
    signal_type: str
    value: str | None = field(repr=False)
    quality: int | None
    made_by: str
    variant: str
    provenance: str
    contributor: str | None
    external_id: str | None
    category: str | None
    note: str | None = field(repr=False)
    may_be_redistributed: bool
    added_at: datetime
    withdrawn_at: datetime | None
    withdrawn_reason: str | None = field(repr=False)


def summarise(connection: Connection, bank: Bank) -> BankSummary:
    """Count what is in one bank."""
    is_withdrawn = (entries.c.bank_id == bank.id) & entries.c.withdrawn_at.is_not(None)
    withdrawn = connection.execute(select(func.count()).where(is_withdrawn)).scalar_one()
    return BankSummary(bank, dict(sorted(count_entries(connection, bank).items())), int(withdrawn))


def list_entries(
    connection: Connection,
    bank: Bank,
    *,
    after: int = 0,
    limit: int = 100,
    signal_type: str | None = None,
    include_withdrawn: bool = False,
    with_values: bool = False,
) -> list[ListedEntry]:
    """List a bank's entries in the order of their latest change.

    Args:
        connection: An open connection.
        bank: Which bank.
        after: Only those with a greater sequence: the last of the page before.
        limit: Most entries.
        signal_type: Only of this type.
        include_withdrawn: Withdrawn entries too.
        with_values: Signal values too.
    """
    values = [literal_column(octets(connection, "bits"), LargeBinary).label("octets")] if with_values else []
    statement = select(*_SHOWN, *values).where(entries.c.bank_id == bank.id, entries.c.sequence > after)
    if signal_type is not None:
        statement = statement.where(entries.c.signal_type == signal_type)
    if not include_withdrawn:
        statement = statement.where(entries.c.withdrawn_at.is_(None))
    rows = connection.execute(statement.order_by(entries.c.sequence).limit(limit))
    return [_listed(row, with_values=with_values) for row in rows]


def listed_entry(connection: Connection, bank: Bank, number: int) -> ListedEntry:
    """Find an entry by number, live or withdrawn, without its value.

    Raises:
        EntryNotFound: The bank never held it.
    """
    if 0 < number <= _LARGEST_ID:
        row = connection.execute(select(*_SHOWN).where(entries.c.bank_id == bank.id, entries.c.id == number)).first()
        if row is not None:
            return _listed(row, with_values=False)
    raise EntryNotFound(bank.name)


@dataclass(frozen=True, slots=True)
class EntrySearch:
    """Which entries of a bank are wanted.

    Attributes:
        provenance: Only of this source, or of all that begin so where it ends with a colon: ``exchange:``.
        category: Only of this category.
        external_id: Only what the source calls so.
        signal_type: Only of this type.
        include_withdrawn: Withdrawn entries too.
    """

    provenance: str | None = None
    category: str | None = None
    external_id: str | None = None
    signal_type: str | None = None
    include_withdrawn: bool = False

    @property
    def is_for_words(self) -> bool:
        """Whether it asks for what no index knows."""
        return any((self.provenance, self.category, self.external_id, self.signal_type))


@dataclass(frozen=True, slots=True)
class FoundEntries:
    """A page of what a search found.

    Attributes:
        entries: The latest change first.
        before: Where the next page begins; None where there is none.
        looked_through: Entries among which all that fit are shown, where it stopped for their number and not because
            the page is full; None otherwise.
    """

    entries: list[ListedEntry]
    before: int | None
    looked_through: int | None = None


def search_entries(
    connection: Connection, bank: Bank, wanted: EntrySearch, *, before: int | None = None, limit: int = 50
) -> FoundEntries:
    """List a bank's entries, the latest change first, without their values.

    A search looks through a bounded number of entries, and the next page goes on from there.

    Args:
        connection: An open connection.
        bank: Which bank.
        wanted: Which of its entries.
        before: Only those with a smaller sequence: `FoundEntries.before` of the page before.
        limit: Most entries.
    """
    is_there: list[ColumnElement[bool]] = [entries.c.bank_id == bank.id]
    if before is not None:
        is_there.append(entries.c.sequence < before)
    if not wanted.is_for_words:
        if not wanted.include_withdrawn:
            is_there.append(entries.c.withdrawn_at.is_(None))
        rows = connection.execute(
            select(*_SHOWN).where(*is_there).order_by(entries.c.sequence.desc()).limit(limit + 1)
        ).all()
        return _page(rows, limit)
    window = select(*_SHOWN).where(*is_there).order_by(entries.c.sequence.desc()).limit(_WINDOW).subquery()
    fits: list[ColumnElement[bool]] = []
    if not wanted.include_withdrawn:
        fits.append(window.c.withdrawn_at.is_(None))
    if wanted.provenance is not None:
        begins = func.substr(window.c.provenance, 1, len(wanted.provenance))
        fits.append((begins if wanted.provenance.endswith(":") else window.c.provenance) == wanted.provenance)
    for name in ("category", "external_id", "signal_type"):
        value = getattr(wanted, name)
        if value is not None:
            fits.append(window.c[name] == value)
    rows = connection.execute(select(window).where(*fits).order_by(window.c.sequence.desc()).limit(limit + 1)).all()
    found = _page(rows, limit)
    if found.before is not None:
        return found
    places = select(entries.c.sequence).where(*is_there).order_by(entries.c.sequence.desc())
    last = connection.execute(places.offset(_WINDOW - 1).limit(2)).scalars().all()
    if len(last) <= 1:  # nothing lies behind the window
        return found
    return FoundEntries(found.entries, int(last[0]), _WINDOW)


def _page(rows: Sequence[Row[*tuple[Any, ...]]], limit: int) -> FoundEntries:
    shown = [_listed(row, with_values=False) for row in rows[:limit]]
    return FoundEntries(shown, shown[-1].sequence if len(rows) > limit else None)


def count_up_to(
    connection: Connection, bank: Bank, most: int, *, known: Mapping[str, int] | None = None
) -> BankSummary:
    """Count what is in one bank, of each type and of the withdrawn ones up to a number, and one more for "more".

    Args:
        connection: An open connection.
        bank: Which bank.
        most: Where counting stops.
        known: Numbers of live entries that need not be counted, by signal type.
    """

    def count(is_counted: ColumnElement[bool]) -> int:
        some = select(entries.c.bank_id).where(entries.c.bank_id == bank.id, is_counted).limit(most + 1).subquery()
        return int(connection.execute(select(func.count()).select_from(some)).scalar_one())

    live = dict(known or {})
    for name in SIGNAL_TYPES:
        if name not in live:
            live[name] = count(entries.c.withdrawn_at.is_(None) & (entries.c.signal_type == name))
    held = {name: number for name, number in sorted(live.items()) if number}
    # The name of the type leads SQLite to the index of the withdrawn; without it, it goes through all of the bank.
    return BankSummary(bank, held, count(entries.c.withdrawn_at.is_not(None) & (entries.c.signal_type > "")))


def _listed(row: Row[*tuple[Any, ...]], *, with_values: bool) -> ListedEntry:
    return ListedEntry(
        row.id,
        row.sequence,
        row.signal_type,
        (row.octets or b"").hex() if with_values else None,
        row.quality,
        row.made_by,
        row.variant,
        row.provenance,
        row.contributor,
        row.external_id,
        row.category,
        row.note,
        row.may_be_redistributed,
        row.added_at,
        row.withdrawn_at,
        row.withdrawn_reason,
    )
