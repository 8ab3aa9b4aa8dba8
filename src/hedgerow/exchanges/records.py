"""Make a bank say what a partner says. The first argument is an open connection; the caller commits."""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING, Any, Final, NamedTuple, TypeVar

from sqlalchemy import bindparam, delete, func, select, update

from hedgerow.banks.held import latest_change
from hedgerow.banks.model import NewEntry
from hedgerow.banks.records import add_entries, take_sequences
from hedgerow.banks.tables import entries
from hedgerow.banks.upkeep import change_attributes, held_back, live_entries, withdraw_entries
from hedgerow.database.bulk import find_rows, insert_rows, rows_above, time_writer
from hedgerow.exchanges.model import Applied, Record
from hedgerow.exchanges.rules import (
    WITHDRAWN_BY_SOURCE,
    Claim,
    attributes_of,
    digest_of,
    fitting,
    foremost,
    rest_of,
    source_of,
    stored_key,
)
from hedgerow.exchanges.tables import exchange_claims, exchange_records

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Mapping, Sequence
    from datetime import datetime

    from sqlalchemy import Connection

    from hedgerow.banks.model import Bank
    from hedgerow.exchanges.model import Exchange, Withdrawal

__all__ = ["apply_items", "count_records", "forget_records", "sweep"]

_Value = TypeVar("_Value")

_IDS_PER_QUERY: Final = 500
_SWEPT_AT_A_TIME: Final = 1_000
_OURS: Final = "exchange:%"
_NONE: Final[frozenset[int]] = frozenset()

_STORED: Final = (
    *("walk", "digest", "contributor", "category", "is_disputed", "may_be_redistributed", "updated_at", "rest"),
)
"""The columns of a record besides its key, in the table's order."""


class _Known(NamedTuple):
    """A record as it is stored."""

    id: int
    walk: int
    digest: bytes


class _Said(NamedTuple):
    """A record as it is to be stored."""

    key: str
    record: Record
    claim: Claim
    rest: str | None
    digest: bytes


def apply_items(
    connection: Connection,
    exchange: Exchange,
    bank: Bank,
    items: Sequence[Record | Withdrawal],
    *,
    walk: int,
    now: datetime,
) -> Applied:
    """Take in what a page brought: see the rules of this room.

    Args:
        connection: Of `Database.write`.
        exchange: Which.
        bank: The one that it fills.
        items: Records and withdrawals, the later ones of a key counting.
        walk: The number of the latest walk: these records were seen since it began.
        now: When.
    """
    latest = {stored_key(each.key): each for each in items}
    known = _known(connection, exchange.id, list(latest))
    said = [_said(key, each) for key, each in latest.items() if isinstance(each, Record)]
    changed = [each for each in said if each.key not in known or known[each.key].digest != each.digest]
    same = [known[each.key] for each in said if each.key in known and known[each.key].digest == each.digest]
    _touch(connection, [each.id for each in same if each.walk != walk], walk)
    gone = [known[key].id for key, each in latest.items() if not isinstance(each, Record) and key in known]
    touched = _drop(connection, gone)
    taken = _Taken()
    if changed:
        # whoever changes a bank takes its numbers first: nobody else does until we commit
        take_sequences(connection, 1)
        ids = _store(connection, exchange.id, changed, known, walk)
        taken = _bank(connection, exchange, bank, changed, now)
        touched |= _claim(connection, changed, ids, known, taken)
    withdrawn, rewritten = _settle(connection, exchange, touched, now)
    return Applied(
        pages=0,
        records=len(items),
        added=len(taken.new),
        changed=rewritten,
        withdrawn=withdrawn,
        refused=taken.refused + sum(len(each.record.refused) for each in changed),
        opaque=sum(len(each.record.opaque) for each in changed),
    )


def _said(key: str, record: Record) -> _Said:
    rest = rest_of(record)
    claim = Claim(
        key,
        fitting("contributor", record.contributor),
        fitting("category", record.category),
        record.is_disputed,
        record.may_be_redistributed,
    )
    return _Said(key, record, claim, rest, digest_of(record, rest))


# ── records ──────────────────────────────────────────────────────────────────────────────────────────────────────


def _known(connection: Connection, exchange_id: int, keys: Sequence[str]) -> dict[str, _Known]:
    rows = find_rows(
        connection,
        exchange_records,
        ("key", "id", "walk", "digest"),
        "key",
        keys,
        having={"exchange_id": exchange_id},
    )
    return {key: _Known(number, walk, bytes(digest)) for key, number, walk, digest in rows}


def _touch(connection: Connection, ids: Sequence[int], walk: int) -> None:
    for together in _parts(ids):
        connection.execute(update(exchange_records).where(exchange_records.c.id.in_(together)).values(walk=walk))


def _store(
    connection: Connection, exchange_id: int, said: Sequence[_Said], known: Mapping[str, _Known], walk: int
) -> dict[str, int]:
    """Store records, and return the number of each by its key."""
    stored_time = time_writer(connection.dialect)
    new, old = [], []
    for each in said:
        record = each.record
        row = (
            walk,
            each.digest,
            each.claim.contributor,
            each.claim.category,
            record.is_disputed,
            record.may_be_redistributed,
            None if record.updated_at is None else stored_time(record.updated_at),
            each.rest,
        )
        if each.key in known:
            old.append((each.key, (known[each.key].id, each, row)))
        else:
            new.append((exchange_id, each.key, *row))
    ids = {key: number for key, (number, _, _) in old}
    if new:
        latest = connection.execute(select(func.max(exchange_records.c.id))).scalar() or 0
        insert_rows(connection, exchange_records, ("exchange_id", "key", *_STORED), new)
        # Nobody else stores records of this exchange: what is newer is what was just stored.
        newer = rows_above(connection, exchange_records, ("id", "exchange_id", "key"), "id", latest)
        ids |= {key: number for number, of, key in newer if of == exchange_id}
    if old:
        connection.execute(
            update(exchange_records)
            .where(exchange_records.c.id == bindparam("number"))
            .values({column: bindparam(f"new_{column}") for column in _STORED}),
            [
                {"number": number}
                | {f"new_{column}": value for column, value in zip(_STORED, row, strict=True)}
                | {"new_updated_at": each.record.updated_at}
                for _, (number, each, row) in old
            ],
        )
    return ids


def _drop(connection: Connection, ids: Sequence[int]) -> set[int]:
    """Forget records, and return the entries that they claimed."""
    claimed: set[int] = set()
    for together in _parts(ids):
        of_these = exchange_claims.c.record_id.in_(together)
        claimed |= set(connection.execute(select(exchange_claims.c.entry_id).where(of_these)).scalars())
        connection.execute(delete(exchange_claims).where(of_these))
        connection.execute(delete(exchange_records).where(exchange_records.c.id.in_(together)))
    return claimed


# ── entries ──────────────────────────────────────────────────────────────────────────────────────────────────────


class _Taken(NamedTuple):
    """What became of signals.

    Attributes:
        live: The entries that are live now, by value.
        new: Those of them that this page added.
        refused: How many no bank takes.
    """

    live: Mapping[tuple[str, bytes], int] = {}
    new: Collection[int] = frozenset()
    refused: int = 0


def _bank(connection: Connection, exchange: Exchange, bank: Bank, said: Sequence[_Said], now: datetime) -> _Taken:
    """Let the bank hold the signals of these records."""
    source = source_of(exchange.name)
    wanted: dict[tuple[str, bytes], NewEntry] = {}
    for each in said:
        attributes = attributes_of(each.claim, source)  # one for all of a record: they are judged once
        for _, signal in each.record.signals:
            wanted.setdefault((signal.type, signal.bits), NewEntry(signal, attributes))
    back = held_back(connection, bank, wanted.keys(), unless={WITHDRAWN_BY_SOURCE})
    # In the order of the bank's index: each of its pages is then visited once, and not once for each value.
    values = sorted(wanted.keys() - back)
    if not values:
        return _Taken(refused=len(back))
    since = latest_change(connection)[1]
    outcome = add_entries(connection, bank, [wanted[value] for value in values], now=now)
    for refusal in reversed(outcome.refused):
        del values[refusal.position]
    # Each that is new has the number of the change at its place; the others were there.
    added = rows_above(connection, entries, ("sequence", "id"), "sequence", since, having={"bank_id": bank.id})
    new = {values[sequence - since - 1]: number for sequence, number in added}
    there = live_entries(connection, bank, [each for each in values if each not in new])
    live = new | {value: each.id for value, each in there.items()}
    return _Taken(live, set(new.values()), len(back) + len(outcome.refused))


def _claim(
    connection: Connection,
    said: Sequence[_Said],
    ids: Mapping[str, int],
    known: Mapping[str, _Known],
    taken: _Taken,
) -> set[int]:
    """Let records claim the entries of their signals, and return those of which something may have to be said anew."""
    before: dict[int, set[int]] = defaultdict(set)
    for together in _parts([known[each.key].id for each in said if each.key in known]):
        rows = connection.execute(
            select(exchange_claims.c.record_id, exchange_claims.c.entry_id).where(
                exchange_claims.c.record_id.in_(together)
            )
        )
        for record, entry in rows:
            before[record].add(entry)
    new: list[tuple[int, int, str]] = []
    lost: list[dict[str, int]] = []
    touched: set[int] = set()
    unclaimed = set(taken.new)
    live = taken.live
    for each in said:
        record = ids[each.key]
        claimed: dict[int, str] = {}
        for kind, signal in each.record.signals:
            entry = live.get((signal.type, signal.bits))
            if entry is not None and entry not in claimed:
                claimed[entry] = kind
        had = before.get(record, _NONE)
        for entry, kind in claimed.items():
            if entry in unclaimed:
                unclaimed.remove(entry)  # it says what this record says already
            else:
                touched.add(entry)
            if entry not in had:
                new.append((record, entry, kind[:40]))
        if had:
            dropped = had - claimed.keys()
            lost += [{"a_record": record, "an_entry": entry} for entry in dropped]
            touched |= dropped
    if lost:
        connection.execute(
            delete(exchange_claims).where(
                exchange_claims.c.record_id == bindparam("a_record"),
                exchange_claims.c.entry_id == bindparam("an_entry"),
            ),
            lost,
        )
    insert_rows(connection, exchange_claims, ("record_id", "entry_id", "type"), new)
    return touched


def _settle(connection: Connection, exchange: Exchange, touched: Collection[int], now: datetime) -> tuple[int, int]:
    """Withdraw what nobody claims any more, and let the others say what the foremost record says.

    Returns:
        How many were withdrawn, and of how many something else is said.
    """
    if not touched:
        return 0, 0
    source = source_of(exchange.name)
    claims = _claims_of(connection, touched)
    unclaimed: list[int] = []
    said = {}
    for row in _ours(connection, touched):
        if row.id not in claims:
            unclaimed.append(row.id)
            continue
        wanted = attributes_of(foremost(claims[row.id]), source)
        is_same = (wanted.contributor, wanted.external_id, wanted.category) == (
            row.contributor,
            row.external_id,
            row.category,
        ) and (wanted.is_disputed, wanted.may_be_redistributed) == (row.is_disputed, row.may_be_redistributed)
        if not is_same:
            said[row.id] = wanted
    change_attributes(connection, said)
    return withdraw_entries(connection, sorted(unclaimed), now=now, reason=WITHDRAWN_BY_SOURCE), len(said)


def _claims_of(connection: Connection, ids: Collection[int]) -> dict[int, list[Claim]]:
    table = exchange_records.c
    claims: dict[int, list[Claim]] = defaultdict(list)
    for together in _parts(sorted(ids)):
        rows = connection.execute(
            select(
                exchange_claims.c.entry_id,
                table.key,
                table.contributor,
                table.category,
                table.is_disputed,
                table.may_be_redistributed,
            )
            .join(exchange_records, table.id == exchange_claims.c.record_id)
            .where(exchange_claims.c.entry_id.in_(together))
        )
        for entry, *said in rows:
            claims[entry].append(Claim(*said))
    return claims


def _ours(connection: Connection, ids: Collection[int]) -> Iterable[Any]:
    """Give the live ones of these entries that an exchange brought (rule 4)."""
    for together in _parts(sorted(ids)):
        yield from connection.execute(
            select(
                entries.c.id,
                entries.c.contributor,
                entries.c.external_id,
                entries.c.category,
                entries.c.is_disputed,
                entries.c.may_be_redistributed,
            ).where(entries.c.id.in_(together), entries.c.withdrawn_at.is_(None), entries.c.provenance.like(_OURS))
        ).all()


# ── walks ────────────────────────────────────────────────────────────────────────────────────────────────────────


def sweep(connection: Connection, exchange: Exchange, *, walk: int, now: datetime) -> tuple[int, bool]:
    """Withdraw some of what was not seen since a walk began, and return how many entries, and whether that was all.

    Args:
        connection: Of `Database.write`; to be called again, in another transaction, until it was all.
        exchange: Which.
        walk: The number of the walk.
        now: When.
    """
    unseen = list(
        connection.execute(
            select(exchange_records.c.id)
            .where(exchange_records.c.exchange_id == exchange.id, exchange_records.c.walk < walk)
            .limit(_SWEPT_AT_A_TIME)
        ).scalars()
    )
    withdrawn, _ = _settle(connection, exchange, _drop(connection, unseen), now)
    if unseen:
        return withdrawn, False
    # Entries of the exchange that no record claims: of an earlier version, which kept no records.
    claimed = select(exchange_claims.c.entry_id).where(exchange_claims.c.entry_id == entries.c.id).exists()
    orphans = list(
        connection.execute(
            select(entries.c.id)
            .where(
                entries.c.bank_id == exchange.bank_id,
                entries.c.withdrawn_at.is_(None),
                entries.c.provenance.like(_OURS),
                ~claimed,
            )
            .limit(_SWEPT_AT_A_TIME)
        ).scalars()
    )
    withdrawn += withdraw_entries(connection, orphans, now=now, reason=WITHDRAWN_BY_SOURCE)
    return withdrawn, len(orphans) < _SWEPT_AT_A_TIME


def forget_records(connection: Connection, exchange_id: int) -> None:
    """Forget what an exchange holds; its entries are somebody else's to withdraw."""
    of_it = select(exchange_records.c.id).where(exchange_records.c.exchange_id == exchange_id)
    connection.execute(delete(exchange_claims).where(exchange_claims.c.record_id.in_(of_it)))
    connection.execute(delete(exchange_records).where(exchange_records.c.exchange_id == exchange_id))


def count_records(connection: Connection, exchange_id: int) -> int:
    """Count the records that an exchange holds."""
    return int(
        connection.execute(select(func.count()).where(exchange_records.c.exchange_id == exchange_id)).scalar_one()
    )


def _parts(values: Sequence[_Value]) -> Iterable[Sequence[_Value]]:
    for start in range(0, len(values), _IDS_PER_QUERY):
        yield values[start : start + _IDS_PER_QUERY]
