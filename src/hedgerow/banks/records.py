"""Read and write banks and entries. The first argument is an open connection; the caller commits.

What a matcher reads stands in `hedgerow.banks.held`.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any, NamedTuple

from sqlalchemy import func, insert, select, update

from hedgerow.banks.frames import insert_frames
from hedgerow.banks.held import find_frames
from hedgerow.banks.insertion import insert_entries
from hedgerow.banks.model import Added, Attributes, Bank, Entry, Refusal
from hedgerow.banks.rules import (
    check_bank_name,
    check_level,
    check_minimum_quality,
    check_threshold,
    why_attributes_are_refused,
    why_signal_is_refused,
)
from hedgerow.banks.tables import bank_changes, banks, entries
from hedgerow.database.bulk import find_rows
from hedgerow.errors import BankExists, BankNotFound, EntryNotFound
from hedgerow.hashing.signal import SIGNAL_TYPES, Signal

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from datetime import datetime

    from sqlalchemy import Connection, Row, Select

    from hedgerow.banks.model import NewEntry
    from hedgerow.hashing.signal import Level

    AnyRow = Row[*tuple[Any, ...]]

__all__ = [
    "Judged",
    "add_entries",
    "change_bank",
    "count_entries",
    "create_bank",
    "find_bank",
    "find_entry",
    "has_withdrawn",
    "iterate_entries",
    "judge_entries",
    "put_entries",
    "take_sequences",
    "withdraw_entry",
]

# Rows fetched at a time from a streamed query.
_ROWS_PER_FETCH = 5_000


# ── banks ────────────────────────────────────────────────────────────────────────────────────────────────────────


def create_bank(
    connection: Connection,
    name: str,
    *,
    now: datetime,
    threshold: int = 31,
    minimum_quality: int = 50,
    note: str | None = None,
    level: Level = "standard",
) -> Bank:
    """Create a bank; 31 bits and quality 50 are the PDQ authors' own advice (Facebook, "The TMK+PDQF…", 2019).

    Raises:
        InvalidBankName: The name may not be used.
        InvalidThreshold: The threshold is outside 0–64.
        SettingsError: The minimum quality or the level is none.
        BankExists: There is one of that name.
    """
    values = {
        "name": check_bank_name(name),
        "threshold": check_threshold(threshold),
        "minimum_quality": check_minimum_quality(minimum_quality),
        "is_enabled": True,
        "created_at": now,
        "note": note,
        "level": check_level(level),
    }
    take_sequences(connection, 1)
    if connection.execute(select(banks.c.id).where(banks.c.name == name)).first() is not None:
        raise BankExists(name)
    return _bank(connection.execute(insert(banks).values(values).returning(*banks.c)).one())


def find_bank(connection: Connection, name: str, *, is_locking: bool = False) -> Bank:
    """Find a bank by name.

    Args:
        connection: An open connection.
        name: The bank's name.
        is_locking: Keep others from changing the bank, though not its entries, until the transaction ends.

    Raises:
        BankNotFound: There is none of that name.
    """
    statement = select(banks).where(banks.c.name == name)
    row = connection.execute(statement.with_for_update(key_share=True) if is_locking else statement).first()
    if row is None:
        raise BankNotFound(name)
    return _bank(row)


def count_entries(connection: Connection, bank: Bank, *, only_redistributable: bool = False) -> dict[str, int]:
    """Count a bank's live entries by signal type."""
    is_counted = (entries.c.bank_id == bank.id) & entries.c.withdrawn_at.is_(None)
    if only_redistributable:
        is_counted &= entries.c.may_be_redistributed
    rows = connection.execute(
        select(entries.c.signal_type, func.count()).where(is_counted).group_by(entries.c.signal_type)
    )
    return {name: int(count) for name, count in rows}


def change_bank(
    connection: Connection,
    bank: Bank,
    *,
    threshold: int | None = None,
    minimum_quality: int | None = None,
    is_enabled: bool | None = None,
    note: str | None = None,
    level: Level | None = None,
) -> Bank:
    """Change what is given, leave the rest, and return the bank as it is now.

    Raises:
        InvalidThreshold: The threshold is outside 0–64.
        SettingsError: The minimum quality or the level is none.
        BankNotFound: It is gone.
    """
    values: dict[str, object] = {}
    if threshold is not None:
        values["threshold"] = check_threshold(threshold)
    if minimum_quality is not None:
        values["minimum_quality"] = check_minimum_quality(minimum_quality)
    if is_enabled is not None:
        values["is_enabled"] = is_enabled
    if note is not None:
        values["note"] = note
    if level is not None:
        values["level"] = check_level(level)
    if not values:
        return find_bank(connection, bank.name)
    take_sequences(connection, 1)
    row = connection.execute(update(banks).where(banks.c.id == bank.id).values(values).returning(*banks.c)).first()
    if row is None:
        raise BankNotFound(bank.name)
    return _bank(row)


def _bank(row: AnyRow) -> Bank:
    return Bank(
        row.id, row.name, row.threshold, row.minimum_quality, row.is_enabled, row.created_at, row.note, row.level
    )


def take_sequences(connection: Connection, count: int) -> int:
    """Take the next `count` numbers of changes, whose lock is held until the commit, and return the first."""
    taken = connection.execute(
        update(bank_changes).values(sequence=bank_changes.c.sequence + count).returning(bank_changes.c.sequence)
    ).scalar_one()
    return int(taken) - count + 1


# ── entries ──────────────────────────────────────────────────────────────────────────────────────────────────────


class Judged(NamedTuple):
    """What a bank says to signals before any is added.

    Attributes:
        taken: Those that it takes, in the order given; it may hold some of them already.
        refused: The others.
    """

    taken: Sequence[NewEntry]
    refused: tuple[Refusal, ...]


def add_entries(
    connection: Connection,
    bank: Bank,
    new: Sequence[NewEntry],
    *,
    now: datetime,
    readmit_withdrawn: bool = True,
) -> Added:
    """Add signals to a bank; what it holds already, live, is counted and left as it is.

    Args:
        connection: Of `Database.write`.
        bank: Where to.
        new: Some thousand at a time; all of them become parameters of one statement.
        now: The time they are added, unless their attributes say otherwise.
        readmit_withdrawn: Whether a signal that was withdrawn from this bank may become a new entry.
    """
    taken, refused = judge_entries(connection, bank, new, now=now, readmit_withdrawn=readmit_withdrawn)
    return Added(added := put_entries(connection, bank, taken, now=now), len(taken) - added, refused)


def judge_entries(
    connection: Connection, bank: Bank, new: Sequence[NewEntry], *, now: datetime, readmit_withdrawn: bool
) -> Judged:
    """Tell which of these a bank takes; the arguments are those of `add_entries`."""
    refused: dict[int, str] = {}
    candidates: list[tuple[int, NewEntry]] = []
    judged: dict[int, str | None] = {}  # attributes are shared by many entries, and kept alive by `new`
    for position, each in enumerate(new):
        reason = why_signal_is_refused(each.signal, bank.minimum_quality)
        if reason is None:
            key = id(each.attributes)
            if key not in judged:
                judged[key] = why_attributes_are_refused(each.attributes, now)
            reason = judged[key]
        if reason is None:
            candidates.append((position, each))
        else:
            refused[position] = reason
    if candidates and not readmit_withdrawn:
        withdrawn = _withdrawn_values(connection, bank, [each.signal for _, each in candidates])
        if withdrawn:
            again = [(each.signal.type, each.signal.bits) in withdrawn for _, each in candidates]
            refused |= {
                position: "it was withdrawn from this bank"
                for (position, _), is_again in zip(candidates, again, strict=True)
                if is_again
            }
            candidates = [each for each, is_again in zip(candidates, again, strict=True) if not is_again]
    refusals = tuple(Refusal(position, refused[position]) for position in sorted(refused))
    return Judged([each for _, each in candidates], refusals)


def put_entries(connection: Connection, bank: Bank, taken: Sequence[NewEntry], *, now: datetime) -> int:
    """Put entries that a bank takes into it; return how many are new, the others being live in it already."""
    if not taken:
        return 0
    first = take_sequences(connection, len(taken))
    added = insert_entries(connection, bank.id, taken, first_sequence=first, now=now)
    insert_frames(connection, bank.id, taken)
    return added


def has_withdrawn(connection: Connection, bank: Bank) -> bool:
    """Tell whether any entry of a bank was ever withdrawn."""
    # All types, so that the index of what was withdrawn is asked: without them SQLite reads the whole bank by another.
    is_withdrawn = (entries.c.signal_type > "") & entries.c.withdrawn_at.is_not(None)
    statement = select(entries.c.id).where(entries.c.bank_id == bank.id, is_withdrawn).limit(1)
    return connection.execute(statement).first() is not None


def _withdrawn_values(connection: Connection, bank: Bank, signals: Sequence[Signal]) -> set[tuple[str, bytes]]:
    """Return those of the signals that were withdrawn from the bank and are not live in it again."""
    if not has_withdrawn(connection, bank):
        return set()
    by_type: dict[str, dict[bytes, None]] = {}
    for signal in signals:
        by_type.setdefault(signal.type, {})[signal.bits] = None
    withdrawn: set[tuple[str, bytes]] = set()
    for kind, bits in by_type.items():
        having = {"bank_id": bank.id, "signal_type": kind}
        gone = find_rows(
            connection, entries, ("bits",), "bits", list(bits), having=having, only="withdrawn_at IS NOT NULL"
        )
        were = {bytes(value) for (value,) in gone}
        live = find_rows(connection, entries, ("bits",), "bits", list(were), having=having, only="withdrawn_at IS NULL")
        withdrawn |= {(kind, value) for value in were.difference(bytes(value) for (value,) in live)}
    return withdrawn


def withdraw_entry(
    connection: Connection, bank: Bank, named: int | str, *, now: datetime, reason: str | None = None
) -> list[int]:
    """Withdraw an entry, so that it matches nothing any more; the row stays as a record.

    Args:
        connection: Of `Database.write`.
        bank: The bank it is in; an entry of another bank is not touched.
        named: The entry's id, or a signal's hex digits, which name every live entry of that value.
        now: When.
        reason: Why, for the record.

    Returns:
        The ids of the withdrawn entries.

    Raises:
        EntryNotFound: The bank holds no such live entry.
    """
    first = take_sequences(connection, 1)
    is_live = (entries.c.bank_id == bank.id) & entries.c.withdrawn_at.is_(None)
    number, bits = _read_name(named)
    named_so = (
        entries.c.id == number
        if bits is None
        else (entries.c.bits == bits)
        & entries.c.signal_type.in_([each.name for each in SIGNAL_TYPES.values() if each.size_bytes == len(bits)])
    )
    ids = list(connection.execute(select(entries.c.id).where(is_live, named_so).order_by(entries.c.id)).scalars())
    if not ids:
        raise EntryNotFound(bank.name)
    if len(ids) > 1:
        first = take_sequences(connection, len(ids))
    for sequence, entry in enumerate(ids, first):
        connection.execute(
            update(entries)
            .where(entries.c.id == entry)
            .values(withdrawn_at=now, withdrawn_reason=reason, sequence=sequence)
        )
    return ids


# The largest id that a database can hold; a longer number names no entry.
_LARGEST_ID = 2**63 - 1
_VALUE_LENGTHS = frozenset(each.size_bytes * 2 for each in SIGNAL_TYPES.values())


def _read_name(named: int | str) -> tuple[int, bytes | None]:
    """Tell an id from a value by length: no id has 32 digits. What is neither names no entry (id 0)."""
    if isinstance(named, int):
        return (named if 0 < named <= _LARGEST_ID else 0), None
    if len(named) in _VALUE_LENGTHS:
        try:
            bits = bytes.fromhex(named)
        except ValueError:
            return 0, None
        return (0, bits) if len(bits) * 2 == len(named) else (0, None)
    if named.isascii() and named.isdigit() and len(named) < min(_VALUE_LENGTHS):
        return _read_name(int(named))
    return 0, None


def find_entry(connection: Connection, bank: Bank, entry: int) -> Entry:
    """Find an entry by id, live or withdrawn; a video with its frames.

    Raises:
        EntryNotFound: The bank never held it.
    """
    if 0 < entry <= _LARGEST_ID:
        row = connection.execute(select(entries).where(entries.c.bank_id == bank.id, entries.c.id == entry)).first()
        if row is not None:
            return _with_frames(connection, _entry(row))
    raise EntryNotFound(bank.name)


def _with_frames(connection: Connection, entry: Entry) -> Entry:
    if entry.signal.type != "vpdq":
        return entry
    frames = find_frames(connection, [entry.id]).get(entry.id)
    return replace(entry, signal=replace(entry.signal, frames=frames))


def iterate_entries(
    connection: Connection,
    bank: Bank,
    *,
    include_withdrawn: bool = False,
    only_redistributable: bool = False,
    with_frames: bool = False,
) -> Iterator[Entry]:
    """Go through a bank's entries by id, a few thousand in memory at a time.

    Args:
        connection: Of `Database.read`.
        bank: Which bank.
        include_withdrawn: Withdrawn entries too.
        only_redistributable: Only what the source allows to be passed on.
        with_frames: Read the frames of each video too, one list at a time.
    """
    statement = select(entries).where(entries.c.bank_id == bank.id).order_by(entries.c.id)
    if not include_withdrawn:
        statement = statement.where(entries.c.withdrawn_at.is_(None))
    if only_redistributable:
        statement = statement.where(entries.c.may_be_redistributed)
    for row in _stream(connection, statement):
        yield _with_frames(connection, _entry(row)) if with_frames else _entry(row)


def _stream(connection: Connection, statement: Select[*tuple[Any, ...]]) -> Iterator[AnyRow]:
    with connection.execute(statement.execution_options(yield_per=_ROWS_PER_FETCH)) as result:
        yield from result


def _entry(row: AnyRow) -> Entry:
    # In the table's order; by position, since a bank of millions is exported through here.
    (
        number,
        bank_id,
        sequence,
        name,
        bits,
        quality,
        made_by,
        variant,
        provenance,
        contributor,
        external_id,
        category,
        note,
        may_be_redistributed,
        added_at,
        withdrawn_at,
        withdrawn_reason,
        is_disputed,
    ) = row
    return Entry(
        number,
        bank_id,
        sequence,
        Signal(name, bytes(bits), quality, variant, made_by),
        Attributes(
            provenance, contributor, external_id, category, note, may_be_redistributed, added_at, bool(is_disputed)
        ),
        withdrawn_at,
        withdrawn_reason,
    )
