"""Read and write contents. The first argument is an open connection; the caller commits."""

from __future__ import annotations

import json
from collections import defaultdict
from typing import TYPE_CHECKING, Any, Final

from sqlalchemy import bindparam, case, delete, distinct, func, insert, select, update

from hedgerow.audit import append
from hedgerow.audit.rules import canonical_json
from hedgerow.banks.held import find_frames
from hedgerow.banks.model import Attributes, NewEntry
from hedgerow.banks.records import add_entries, withdraw_entry
from hedgerow.banks.tables import banks, entries
from hedgerow.banks.vpdq import vpdq_json
from hedgerow.errors import ContentNotFound, InvalidContent
from hedgerow.hma.model import Content, HeldBy, SetAside, TypeCount
from hedgerow.hma.rules import ENABLED
from hedgerow.hma.tables import hma_banks, hma_content_entries, hma_contents, hma_set_aside
from hedgerow.hma.types import NAMES_HERE

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from datetime import datetime

    from sqlalchemy import Connection, Row

    from hedgerow.banks import Bank
    from hedgerow.hashing.signal import Signal

    AnyRow = Row[*tuple[Any, ...]]

__all__ = [
    "add_content",
    "change_content",
    "count_signals",
    "delete_content",
    "entries_by_value",
    "find_content",
    "holders_of",
    "make_contents",
]

_VALUES_PER_QUERY: Final = 500
_LARGEST_ID: Final = 2**63 - 1
_AUDITED_IDS: Final = 100  # ids in one audit line; a content has a few entries


def add_content(
    connection: Connection,
    bank: Bank,
    signals: Sequence[Signal],
    *,
    note: str | None = None,
    metadata: Mapping[str, Any] | None = None,
    actor: str,
    now: datetime,
) -> tuple[int, tuple[SetAside, ...]]:
    """Add a content with its signals to a bank; signals that the bank holds already it holds too.

    Args:
        connection: Of `Database.write`.
        bank: Where to, its row locked (`hedgerow.hma.banking.find_bank`).
        signals: Its signals, those as the media is first.
        note: What a person wrote.
        metadata: What the platform says.
        actor: Who adds it.
        now: When.

    Returns:
        Its number, and the signals that the bank does not take.

    Raises:
        InvalidContent: The bank takes none of the signals.
    """
    attributes = Attributes(contributor=actor)
    added = add_entries(connection, bank, [NewEntry(signal, attributes) for signal in signals], now=now)
    refused = {each.position: each.reason for each in added.refused}
    taken = [signal for position, signal in enumerate(signals) if position not in refused]
    aside: dict[str, SetAside] = {}
    for position, reason in refused.items():
        name = NAMES_HERE[signals[position].type]
        if all(signals[position].type != signal.type for signal in taken):
            aside.setdefault(name, SetAside(name, signals[position].value, reason))
    if not taken:
        name, first = next(iter(aside.items()))
        raise InvalidContent(f"Invalid {name} signal: {first.reason}")
    ids = _entries_of(connection, bank, taken)
    content = _insert_content(connection, bank.id, now, note=note, metadata=metadata)
    _hold(connection, content, ids)
    for each in aside.values():
        connection.execute(
            insert(hma_set_aside).values(
                content_id=content, signal_type=each.signal_type, value=each.value, reason=each.reason
            )
        )
    details = {"bank": bank.id, "entries": ids[:_AUDITED_IDS], "set_aside": sorted(aside)}
    _append(connection, content, "content.added", details, actor, now)
    return content, tuple(aside.values())


def _entries_of(connection: Connection, bank: Bank, signals: Sequence[Signal]) -> list[int]:
    """Return the live entries of these signals, in their order."""
    found = entries_by_value(connection, bank, signals)
    return list(dict.fromkeys(found[signal.type, signal.bits] for signal in signals))


def entries_by_value(connection: Connection, bank: Bank, signals: Sequence[Signal]) -> dict[tuple[str, bytes], int]:
    """Return the live entries of a bank that hold these signals, by type and bits."""
    found: dict[tuple[str, bytes], int] = {}
    for start in range(0, len(signals), _VALUES_PER_QUERY):
        some = signals[start : start + _VALUES_PER_QUERY]
        rows = connection.execute(
            select(entries.c.id, entries.c.signal_type, entries.c.bits).where(
                entries.c.bank_id == bank.id,
                entries.c.signal_type.in_({signal.type for signal in some}),
                entries.c.bits.in_([signal.bits for signal in some]),
                entries.c.withdrawn_at.is_(None),
            )
        )
        found.update({(name, bytes(bits)): entry for entry, name, bits in rows})
    return found


def _insert_content(
    connection: Connection,
    bank_id: int,
    now: datetime,
    *,
    note: str | None = None,
    metadata: Mapping[str, Any] | None = None,
) -> int:
    number: int = connection.execute(
        insert(hma_contents)
        .values(
            bank_id=bank_id,
            disable_until_ts=ENABLED,
            note=note,
            metadata=None if metadata is None else canonical_json(dict(metadata)),
            created_at=now,
        )
        .returning(hma_contents.c.id)
    ).scalar_one()
    return number


def _hold(connection: Connection, content: int, ids: Iterable[int]) -> None:
    rows = [{"content_id": content, "entry_id": entry, "position": at} for at, entry in enumerate(ids)]
    if rows:
        connection.execute(insert(hma_content_entries), rows)


def find_content(connection: Connection, bank: Bank, content_id: int, *, with_signals: bool = False) -> Content:
    """Find a content of a bank.

    Raises:
        ContentNotFound: The bank has none of that number.
    """
    if 0 < content_id <= _LARGEST_ID:
        row = connection.execute(
            select(hma_contents).where(hma_contents.c.id == content_id, hma_contents.c.bank_id == bank.id)
        ).first()
        if row is not None:
            signals, aside = _signals_of(connection, content_id) if with_signals else ({}, ())
            return Content(
                row.id,
                row.bank_id,
                int(row.disable_until_ts),
                row.created_at,
                row.note,
                None if row.metadata is None else json.loads(row.metadata),
                signals,
                aside,
            )
    raise ContentNotFound(content_id)


def _signals_of(connection: Connection, content_id: int) -> tuple[dict[str, str], tuple[SetAside, ...]]:
    rows = connection.execute(
        select(entries.c.id, entries.c.signal_type, entries.c.bits)
        .join(hma_content_entries, hma_content_entries.c.entry_id == entries.c.id)
        .where(hma_content_entries.c.content_id == content_id, entries.c.signal_type.in_(NAMES_HERE))
        .order_by(hma_content_entries.c.position)
    ).all()
    signals: dict[str, str] = {}
    for entry, kind, bits in rows:
        name = NAMES_HERE[kind]
        if name not in signals:
            signals[name] = _video_text(connection, entry) if kind == "vpdq" else bytes(bits).hex()
    aside = tuple(
        SetAside(row.signal_type, row.value, row.reason)
        for row in connection.execute(
            select(hma_set_aside).where(hma_set_aside.c.content_id == content_id).order_by(hma_set_aside.c.signal_type)
        )
    )
    return signals | {each.signal_type: each.value for each in aside}, aside


def _video_text(connection: Connection, entry: int) -> str:
    frames = find_frames(connection, [entry]).get(entry)
    return "" if frames is None else vpdq_json(frames)


def change_content(
    connection: Connection,
    bank: Bank,
    content_id: int,
    changes: Mapping[str, Any],
    *,
    actor: str,
    now: datetime,
) -> Content:
    """Change until when a content is disabled, its note, or both.

    Args:
        connection: Of `Database.write`.
        bank: Its bank, the row locked.
        content_id: Its number.
        changes: ``disable_until_ts`` and ``note``, checked; what is missing stays.
        actor: Who.
        now: When.

    Raises:
        ContentNotFound: The bank has none of that number.
    """
    before = find_content(connection, bank, content_id)
    changed = {name: value for name, value in changes.items() if getattr(before, name) != value}
    if changed:
        connection.execute(update(hma_contents).where(hma_contents.c.id == content_id).values(changed))
        details: dict[str, Any] = {"bank": bank.id, "fields": sorted(changed)}
        if "disable_until_ts" in changed:
            details["disable_until_ts"] = changed["disable_until_ts"]
        _append(connection, content_id, "content.changed", details, actor, now)
    return find_content(connection, bank, content_id)


def delete_content(connection: Connection, bank: Bank, content_id: int, *, actor: str, now: datetime) -> bool:
    """Delete a content and withdraw the entries that no other content holds; tell whether there was one.

    Raises:
        ContentNotFound: It is another bank's.
    """
    if not 0 < content_id <= _LARGEST_ID:
        return False
    owner = connection.execute(select(hma_contents.c.bank_id).where(hma_contents.c.id == content_id)).scalar()
    if owner is None:
        return False
    if owner != bank.id:
        raise ContentNotFound(content_id)
    held = select(hma_content_entries.c.entry_id).where(hma_content_entries.c.content_id == content_id)
    by_others = select(hma_content_entries.c.entry_id).where(
        hma_content_entries.c.content_id != content_id, hma_content_entries.c.entry_id.in_(held)
    )
    alone = list(
        connection.execute(
            select(entries.c.id)
            .where(entries.c.id.in_(held), entries.c.id.not_in(by_others), entries.c.withdrawn_at.is_(None))
            .order_by(entries.c.id)
        ).scalars()
    )
    for table in (hma_content_entries, hma_set_aside):
        connection.execute(delete(table).where(table.c.content_id == content_id))
    connection.execute(delete(hma_contents).where(hma_contents.c.id == content_id))
    for entry in alone:
        withdraw_entry(connection, bank, entry, now=now, reason="its content was deleted")
    details = {"bank": bank.id, "withdrawn": alone[:_AUDITED_IDS]}
    _append(connection, content_id, "content.deleted", details, actor, now)
    return True


# ── lookups ──────────────────────────────────────────────────────────────────────────────────────────────────────

# Written once: to write it anew for each lookup takes longer than to run it.
_HOLDERS = (
    select(
        entries.c.id,
        hma_contents.c.id,
        entries.c.bank_id,
        func.coalesce(hma_contents.c.disable_until_ts, ENABLED),
        func.coalesce(hma_banks.c.enabled_ratio, 1.0),
        banks.c.name,
    )
    .select_from(entries)
    .join(banks, banks.c.id == entries.c.bank_id)
    .outerjoin(hma_content_entries, hma_content_entries.c.entry_id == entries.c.id)
    .outerjoin(hma_contents, hma_contents.c.id == hma_content_entries.c.content_id)
    .outerjoin(hma_banks, hma_banks.c.bank_id == entries.c.bank_id)
    .where(entries.c.id.in_(bindparam("ids", expanding=True)), entries.c.withdrawn_at.is_(None), banks.c.is_enabled)
)


def holders_of(connection: Connection, ids: Sequence[int]) -> tuple[dict[int, list[HeldBy]], dict[int, str]]:
    """Return the contents that hold these entries, those of live entries in enabled banks, in one query.

    Returns:
        For each entry its contents, one without a number where it has none yet; and the names of their banks.
    """
    found: dict[int, list[HeldBy]] = defaultdict(list)
    names: dict[int, str] = {}
    for start in range(0, len(ids), _VALUES_PER_QUERY):
        rows = connection.execute(_HOLDERS, {"ids": list(ids[start : start + _VALUES_PER_QUERY])})
        for entry, content, bank, disable_until_ts, ratio, name in rows:
            found[entry].append(HeldBy(content, bank, disable_until_ts, ratio))
            names[bank] = name
    return dict(found), names


def make_contents(connection: Connection, ids: Sequence[int], *, now: datetime) -> None:
    """Give a content to each of these entries that is live and has none: entries that came through other doors.

    To do so twice does nothing more; two processes that do it at once make one content for each.
    """
    without = [entry for entry, held in holders_of(connection, ids)[0].items() if held[0].content is None]
    if not without:
        return
    of_banks = select(entries.c.bank_id).where(entries.c.id.in_(without[:_VALUES_PER_QUERY]))
    locked = select(banks.c.id).where(banks.c.id.in_(of_banks)).order_by(banks.c.id).with_for_update(key_share=True)
    connection.execute(locked).all()
    still = holders_of(connection, without)[0]
    made = 0
    for entry in sorted(still):
        if still[entry][0].content is None:
            _hold(connection, _insert_content(connection, still[entry][0].bank_id, now), [entry])
            made += 1
    if made:
        append(
            connection,
            actor="system",
            action="contents.numbered",
            subject_type="content",
            subject_id=None,
            details={"count": made},
            now=now,
        )


def count_signals(connection: Connection, kinds: Sequence[str]) -> dict[str, TypeCount]:
    """Count what there is to be found, by signal type of the banks: pairs of content and type, as HMA counts.

    An entry that is no content yet counts as one. It goes through all entries: not for every request.
    """
    rows = connection.execute(
        select(
            entries.c.signal_type,
            func.count(distinct(hma_content_entries.c.content_id)),
            func.sum(case((hma_content_entries.c.content_id.is_(None), 1), else_=0)),
            func.max(entries.c.added_at),
        )
        .select_from(entries)
        .join(banks, banks.c.id == entries.c.bank_id)
        .outerjoin(hma_content_entries, hma_content_entries.c.entry_id == entries.c.id)
        .where(entries.c.withdrawn_at.is_(None), banks.c.is_enabled, entries.c.signal_type.in_(kinds))
        .group_by(entries.c.signal_type)
    )
    counted = {kind: TypeCount(int(held) + int(alone), newest) for kind, held, alone, newest in rows}
    return {kind: counted.get(kind, TypeCount(0, None)) for kind in kinds}


def _append(
    connection: Connection, content: int, action: str, details: Mapping[str, Any], actor: str, now: datetime
) -> None:
    append(connection, actor=actor, action=action, subject_type="content", subject_id=content, details=details, now=now)
