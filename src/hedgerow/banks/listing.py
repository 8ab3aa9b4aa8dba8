"""Show a bank and its entries page by page. The first argument is an open connection."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from sqlalchemy import LargeBinary, func, literal_column, select

from hedgerow.banks.model import BankSummary
from hedgerow.banks.records import count_entries
from hedgerow.banks.tables import entries
from hedgerow.database.plain import octets
from hedgerow.errors import EntryNotFound

if TYPE_CHECKING:
    from datetime import datetime
    from typing import Any

    from sqlalchemy import Connection, Row

    from hedgerow.banks.model import Bank

__all__ = ["ListedEntry", "list_entries", "listed_entry", "summarise"]

_LARGEST_ID = 2**63 - 1
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
