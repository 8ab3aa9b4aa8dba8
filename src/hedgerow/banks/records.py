"""Read and write banks and entries. The first argument is an open connection; the caller commits."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any, NamedTuple

from sqlalchemy import bindparam, case, func, insert, select, update

from hedgerow.banks.frames import find_frames, insert_frames
from hedgerow.banks.insertion import insert_entries
from hedgerow.banks.model import Added, Attributes, Bank, BankSummary, Change, Entry, Refusal
from hedgerow.banks.quarantine import octets
from hedgerow.banks.rules import (
    check_bank_name,
    check_level,
    check_minimum_quality,
    check_threshold,
    why_attributes_are_refused,
    why_signal_is_refused,
)
from hedgerow.banks.tables import bank_changes, banks, entries
from hedgerow.errors import BankExists, BankNotFound, EntryNotFound
from hedgerow.hashing.signal import SIGNAL_TYPES, Signal

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Sequence
    from datetime import datetime

    from sqlalchemy import Connection, Row, Select

    from hedgerow.banks.model import NewEntry
    from hedgerow.hashing.signal import Level

    AnyRow = Row[*tuple[Any, ...]]

__all__ = [
    "BankState",
    "Description",
    "add_entries",
    "bank_states",
    "change_bank",
    "count_entries",
    "create_bank",
    "describe_entries",
    "entries_since",
    "find_bank",
    "find_changes",
    "find_entry",
    "has_more_than",
    "iterate_entries",
    "latest_change",
    "list_banks",
    "live_signals",
    "withdraw_entry",
]

# Values in one IN list. SQLite allows 32,766 variables, PostgreSQL 65,535; a small list is planned faster.
_VALUES_PER_QUERY = 500
# Rows fetched at a time from a streamed query.
_ROWS_PER_FETCH = 5_000
# Of changes, which a serving process reads while it searches: fewer, so that no search waits for a thousand rows.
_CHANGES_PER_FETCH = 500


class Description(NamedTuple):
    """What a match says of its entry."""

    category: str | None
    provenance: str
    contributor: str | None


class BankState(NamedTuple):
    """A bank and the number of the latest change within it."""

    bank: Bank
    sequence: int


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
    _take_sequences(connection, 1)
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


def list_banks(connection: Connection) -> list[BankSummary]:
    """List the banks by name, each with the number of its entries."""
    counted = connection.execute(
        select(
            entries.c.bank_id,
            entries.c.signal_type,
            func.sum(case((entries.c.withdrawn_at.is_(None), 1), else_=0)).label("live"),
            func.count().label("all"),
        ).group_by(entries.c.bank_id, entries.c.signal_type)
    ).all()
    summaries = []
    for row in connection.execute(select(banks).order_by(banks.c.name)):
        own = [each for each in counted if each.bank_id == row.id]
        live = {each.signal_type: int(each.live) for each in own if each.live}
        withdrawn = sum(int(each.all) - int(each.live) for each in own)
        summaries.append(BankSummary(_bank(row), dict(sorted(live.items())), withdrawn))
    return summaries


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
    _take_sequences(connection, 1)
    row = connection.execute(update(banks).where(banks.c.id == bank.id).values(values).returning(*banks.c)).first()
    if row is None:
        raise BankNotFound(bank.name)
    return _bank(row)


def latest_change(connection: Connection) -> tuple[str, int]:
    """Return the epoch and the number of the latest change to any bank: one row, to be asked often."""
    row = connection.execute(select(bank_changes.c.epoch, bank_changes.c.sequence)).one()
    return row.epoch, row.sequence


def bank_states(connection: Connection) -> list[BankState]:
    """List the banks by name, each with the number of the latest change among its entries."""
    latest = (
        select(func.coalesce(func.max(entries.c.sequence), 0)).where(entries.c.bank_id == banks.c.id).scalar_subquery()
    )
    rows = connection.execute(select(*banks.c, latest.label("sequence")).order_by(banks.c.name))
    return [BankState(_bank(row), int(row.sequence)) for row in rows]


def types_held(
    connection: Connection, bank_ids: Sequence[int], names: Sequence[str] = tuple(SIGNAL_TYPES)
) -> tuple[str, ...]:
    """Name those of these signal types of which any of the banks holds a live entry."""

    def is_held(name: str) -> bool:
        return connection.execute(_HELD, {"banks": list(bank_ids), "name": name}).first() is not None

    return tuple(name for name in names if is_held(name))


_HELD = (
    select(entries.c.id)
    .where(
        entries.c.bank_id.in_(bindparam("banks", expanding=True)),
        entries.c.signal_type == bindparam("name"),
        entries.c.withdrawn_at.is_(None),
    )
    .limit(1)
)


def _bank(row: AnyRow) -> Bank:
    return Bank(
        row.id, row.name, row.threshold, row.minimum_quality, row.is_enabled, row.created_at, row.note, row.level
    )


def _take_sequences(connection: Connection, count: int) -> int:
    """Take the next `count` numbers and return the first."""
    taken = connection.execute(
        update(bank_changes).values(sequence=bank_changes.c.sequence + count).returning(bank_changes.c.sequence)
    ).scalar_one()
    return int(taken) - count + 1


# ── entries ──────────────────────────────────────────────────────────────────────────────────────────────────────


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
    added = 0
    if candidates:
        first = _take_sequences(connection, len(candidates))
        kept = [each for _, each in candidates]
        added = insert_entries(connection, bank.id, kept, first_sequence=first, now=now)
        insert_frames(connection, bank.id, kept)
    refusals = tuple(Refusal(position, refused[position]) for position in sorted(refused))
    return Added(added, len(candidates) - added, refusals)


def _withdrawn_values(connection: Connection, bank: Bank, signals: Sequence[Signal]) -> set[tuple[str, bytes]]:
    """Return those of the signals that were withdrawn from the bank and are not live in it again."""
    is_withdrawn = (entries.c.bank_id == bank.id) & entries.c.withdrawn_at.is_not(None)
    if connection.execute(select(entries.c.id).where(is_withdrawn).limit(1)).first() is None:
        return set()
    withdrawn: set[tuple[str, bytes]] = set()
    is_live = (entries.c.bank_id == bank.id) & entries.c.withdrawn_at.is_(None)
    for condition, apply in ((is_withdrawn, withdrawn.update), (is_live, withdrawn.difference_update)):
        wanted = [(signal.type, signal.bits) for signal in signals] if condition is is_withdrawn else list(withdrawn)
        for start in range(0, len(wanted), _VALUES_PER_QUERY):
            chunk = wanted[start : start + _VALUES_PER_QUERY]
            rows = connection.execute(
                select(entries.c.signal_type, entries.c.bits).where(
                    condition,
                    entries.c.signal_type.in_({name for name, _ in chunk}),
                    entries.c.bits.in_([bits for _, bits in chunk]),
                )
            )
            apply({(row.signal_type, bytes(row.bits)) for row in rows})
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
    first = _take_sequences(connection, 1)
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
        first = _take_sequences(connection, len(ids))
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


def entries_since(
    connection: Connection, bank: Bank, sequence: int, *, signal_type: str | None = None
) -> Iterator[Change]:
    """Go through the entries that changed after a sequence, in the order of their latest change.

    An entry that was added and withdrawn since comes once, withdrawn. From sequence 0 it is the whole bank. A row whose
    signal type is none is left out; one whose signal is no bytes comes with none.

    Args:
        connection: Of `Database.read`.
        bank: Which bank.
        sequence: The number after which to begin.
        signal_type: Of which type; None for all.
    """
    names = list(SIGNAL_TYPES) if signal_type is None else [signal_type]
    statement = (
        _changes(connection, bank)
        .where(entries.c.sequence > sequence, entries.c.signal_type.in_(names))
        .order_by(entries.c.sequence)
    )
    with connection.execution_options(yield_per=_CHANGES_PER_FETCH).execute(statement) as result:
        for rows in result.partitions():
            yield from map(_change, rows)


def find_changes(connection: Connection, bank: Bank, ids: Collection[int]) -> list[Change]:
    """Find the present state of those of these entries that are in the bank, and of a signal type that there is."""
    wanted = sorted(ids)
    found: list[Change] = []
    for start in range(0, len(wanted), _VALUES_PER_QUERY):
        statement = _changes(connection, bank).where(
            entries.c.id.in_(wanted[start : start + _VALUES_PER_QUERY]),
            entries.c.signal_type.in_(list(SIGNAL_TYPES)),
        )
        found += [_change(row) for row in connection.execute(statement)]
    return found


def _changes(connection: Connection, bank: Bank) -> Select[*tuple[Any, ...]]:
    return select(
        entries.c.id,
        entries.c.sequence,
        entries.c.signal_type,
        octets(connection, entries.c.bits),
        entries.c.withdrawn_at.is_(None),
    ).where(entries.c.bank_id == bank.id)


def _change(row: AnyRow) -> Change:
    return Change._make(row) if row[3] is not None else Change(row[0], row[1], row[2], b"", row[4])


def live_signals(connection: Connection, bank: Bank, signal_type: str) -> Iterator[Sequence[tuple[int, bytes]]]:
    """Go through the ids and bits of a bank's live entries of one type, some thousand at a time.

    What is in the table may be malformed: bits of any length are bits here, and what is no bytes comes as none.
    """
    statement = select(entries.c.id, octets(connection, entries.c.bits)).where(
        entries.c.bank_id == bank.id, entries.c.signal_type == signal_type, entries.c.withdrawn_at.is_(None)
    )
    with connection.execution_options(yield_per=_ROWS_PER_FETCH).execute(statement) as result:
        for rows in result.partitions():
            yield [(entry, bits or b"") for entry, bits in rows]


def has_more_than(connection: Connection, bank: Bank, signal_type: str, count: int) -> bool:
    """Tell whether a bank has more live entries of a type than that, without counting them all."""
    row = connection.execute(
        select(entries.c.id)
        .where(entries.c.bank_id == bank.id, entries.c.signal_type == signal_type, entries.c.withdrawn_at.is_(None))
        .offset(count)
        .limit(1)
    ).first()
    return row is not None


def describe_entries(connection: Connection, ids: Sequence[int]) -> dict[int, Description]:
    """Return what is said of those of the entries that are live."""
    described: dict[int, Description] = {}
    for start in range(0, len(ids), _VALUES_PER_QUERY):
        rows = connection.execute(_DESCRIBE, {"ids": ids[start : start + _VALUES_PER_QUERY]})
        described.update({entry: Description(*said) for entry, *said in rows})
    return described


# Made once: every search that finds something asks it, and making it takes as long as the answer.
_DESCRIBE = select(entries.c.id, entries.c.category, entries.c.provenance, entries.c.contributor).where(
    entries.c.id.in_(bindparam("ids", expanding=True)), entries.c.withdrawn_at.is_(None)
)


def _stream(connection: Connection, statement: Select[*tuple[Any, ...]]) -> Iterator[AnyRow]:
    with connection.execution_options(yield_per=_ROWS_PER_FETCH).execute(statement) as result:
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
    ) = row
    return Entry(
        number,
        bank_id,
        sequence,
        Signal(name, bytes(bits), quality, variant, made_by),
        Attributes(provenance, contributor, external_id, category, note, may_be_redistributed, added_at),
        withdrawn_at,
        withdrawn_reason,
    )
