"""What a matcher asks of the banks, in plain SQL, so that a scan does not wait for SQLAlchemy.

The first argument is an open connection, of a `hedgerow.database.Database` or of a
`hedgerow.database.plain.FileReader`. What else is read of the banks, and all writing, stands in
`hedgerow.banks.records` and `hedgerow.banks.frames`.
"""

from __future__ import annotations

import logging
from itertools import islice
from typing import TYPE_CHECKING, Any, NamedTuple

from hedgerow.banks.model import Bank, BankSummary, Change
from hedgerow.database.plain import as_utc, ask, stream
from hedgerow.errors import InvalidSignal
from hedgerow.hashing.frame_list import FrameList
from hedgerow.hashing.signal import SIGNAL_TYPES

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from hedgerow.database.plain import ReadConnection, Row

__all__ = [
    "BankState",
    "bank_states",
    "describe_entries",
    "entries_since",
    "find_frames",
    "has_more_frames_than",
    "has_more_than",
    "latest_change",
    "list_banks",
    "live_frames",
    "live_signals",
    "types_held",
]

_log = logging.getLogger(__name__)

# Ids in one IN list: a small list is planned faster. Rows handed on at a time.
_IDS_PER_QUERY = 500
_ROWS_AT_A_TIME = 5_000
# Lists of frames in memory at a time: at 53 bytes a frame, ten minutes every frame take 1 MB.
_LISTS_PER_QUERY = 50
# What a packed list has beside its frames, and for each (hedgerow.hashing.frame_list); for an estimate only.
_HEAD_BYTES, _FRAME_BYTES = 16, 53


class BankState(NamedTuple):
    """A bank and the number of the latest change within it."""

    bank: Bank
    sequence: int


# ── banks ────────────────────────────────────────────────────────────────────────────────────────────────────────

_BANK = "banks.id, name, threshold, minimum_quality, is_enabled, created_at, note, level"


def latest_change(connection: ReadConnection) -> tuple[str, int]:
    """Return the epoch and the number of the latest change to any bank: one row, to be asked often."""
    [(epoch, sequence)] = ask(connection, "SELECT epoch, sequence FROM bank_changes")
    return epoch, sequence


def bank_states(connection: ReadConnection) -> list[BankState]:
    """List the banks by name, each with the number of the latest change among its entries."""
    latest = "SELECT COALESCE(max(sequence), 0) FROM entries WHERE bank_id = banks.id"
    rows = ask(connection, f"SELECT ({latest}), {_BANK} FROM banks ORDER BY name")  # noqa: S608  (our words)
    return [BankState(_bank(values), int(sequence)) for sequence, *values in rows]


def list_banks(connection: ReadConnection) -> list[BankSummary]:
    """List the banks by name, each with the number of its entries."""
    counted = ask(
        connection,
        "SELECT bank_id, signal_type, sum(CASE WHEN withdrawn_at IS NULL THEN 1 ELSE 0 END), count(*) FROM entries "
        "GROUP BY bank_id, signal_type",
    )
    summaries = []
    for values in ask(connection, f"SELECT {_BANK} FROM banks ORDER BY name"):  # noqa: S608  (our words)
        bank = _bank(values)
        own = [(name, int(live), int(every)) for bank_id, name, live, every in counted if bank_id == bank.id]
        held = {name: live for name, live, _ in own if live}
        summaries.append(BankSummary(bank, dict(sorted(held.items())), sum(every - live for _, live, every in own)))
    return summaries


def _bank(values: Iterable[Any]) -> Bank:
    number, name, threshold, minimum_quality, is_enabled, created_at, note, level = values
    return Bank(number, name, threshold, minimum_quality, bool(is_enabled), as_utc(created_at), note, level)


def types_held(connection: ReadConnection, bank_ids: Sequence[int]) -> tuple[str, ...]:
    """Name the signal types of which any of these banks holds a live entry, in the order of `SIGNAL_TYPES`."""
    return tuple(name for name in SIGNAL_TYPES if any(_has_more_than(connection, bank, name, 0) for bank in bank_ids))


# ── entries ──────────────────────────────────────────────────────────────────────────────────────────────────────


def entries_since(
    connection: ReadConnection, bank: Bank, sequence: int, *, signal_type: str | None = None
) -> Iterator[Change]:
    """Go through the entries that changed after a sequence, in the order of their latest change.

    An entry that was added and withdrawn since comes once, withdrawn. From sequence 0 it is the whole bank.
    """
    values: dict[str, object] = {"bank": bank.id, "sequence": sequence}
    of_type = ""
    if signal_type is not None:
        of_type = "AND signal_type = :type"
        values["type"] = signal_type
    rows = stream(
        connection,
        "SELECT id, sequence, signal_type, bits, withdrawn_at IS NULL FROM entries "  # noqa: S608  (our words)
        f"WHERE bank_id = :bank AND sequence > :sequence {of_type} ORDER BY sequence",
        values,
    )
    for entry, number, name, bits, is_live in rows:
        yield Change(entry, number, name, bytes(bits), bool(is_live))


def live_signals(connection: ReadConnection, bank: Bank, signal_type: str) -> Iterator[Sequence[tuple[int, bytes]]]:
    """Go through the ids and bits of a bank's live entries of one type, some thousand at a time.

    A row whose bits are not as long as the type's is left out: whatever wrote it, it cannot match anything.
    """
    size = SIGNAL_TYPES[signal_type].size_bytes
    rows = stream(
        connection,
        "SELECT id, bits FROM entries WHERE bank_id = :bank AND signal_type = :type AND withdrawn_at IS NULL",
        {"bank": bank.id, "type": signal_type},
    )
    while together := list(islice(rows, _ROWS_AT_A_TIME)):
        yield [(entry, bytes(bits)) for entry, bits in together if len(bits) == size]


def has_more_than(connection: ReadConnection, bank: Bank, signal_type: str, count: int) -> bool:
    """Tell whether a bank has more live entries of a type than that, without counting them all."""
    return _has_more_than(connection, bank.id, signal_type, count)


def _has_more_than(connection: ReadConnection, bank_id: int, signal_type: str, count: int) -> bool:
    sql = (
        "SELECT id FROM entries WHERE bank_id = :bank AND signal_type = :type AND withdrawn_at IS NULL "
        "LIMIT 1 OFFSET :count"
    )
    return bool(ask(connection, sql, bank=bank_id, type=signal_type, count=count))


def describe_entries(connection: ReadConnection, ids: Sequence[int]) -> dict[int, tuple[str | None, str]]:
    """Return category and provenance of those of the entries that are live."""
    return {
        entry: (category, provenance)
        for listed in _lists(ids, _IDS_PER_QUERY)
        for entry, category, provenance in ask(
            connection,
            "SELECT id, category, provenance FROM entries "  # noqa: S608  (whole numbers)
            f"WHERE id IN ({listed}) AND withdrawn_at IS NULL",
        )
    }


def _lists(ids: Sequence[int], length: int) -> Iterator[str]:
    """Write ids as lists for SQL."""
    for start in range(0, len(ids), length):
        yield ", ".join(str(int(each)) for each in ids[start : start + length])


# ── frames of videos ─────────────────────────────────────────────────────────────────────────────────────────────

_LIVE_FRAMES = (
    "FROM frame_lists JOIN entries ON entries.id = frame_lists.entry_id "
    "WHERE bank_id = :bank AND signal_type = 'vpdq' AND withdrawn_at IS NULL"
)


def find_frames(connection: ReadConnection, ids: Sequence[int]) -> dict[int, FrameList]:
    """Return the frames of those of these entries, live or withdrawn, that have some."""
    found: dict[int, FrameList] = {}
    for listed in _lists(ids, _LISTS_PER_QUERY):
        rows = ask(connection, f"SELECT entry_id, packed FROM frame_lists WHERE entry_id IN ({listed})")  # noqa: S608  (whole numbers)
        found.update(_readable_frames(rows))
    return found


def live_frames(connection: ReadConnection, bank: Bank) -> Iterator[tuple[int, FrameList]]:
    """Go through the ids and frames of a bank's live videos, a few in memory at a time."""
    rows = stream(connection, f"SELECT entry_id, packed {_LIVE_FRAMES}", {"bank": bank.id}, _LISTS_PER_QUERY)
    yield from _readable_frames(rows)


def has_more_frames_than(connection: ReadConnection, bank: Bank, count: int) -> bool:
    """Tell whether a bank's live videos have more frames than that, without reading them."""
    [(size_bytes, lists)] = ask(
        connection, f"SELECT COALESCE(sum(length(packed)), 0), count(*) {_LIVE_FRAMES}", bank=bank.id
    )
    return (int(size_bytes) - int(lists) * _HEAD_BYTES) // _FRAME_BYTES > count


def _readable_frames(rows: Iterable[Row]) -> Iterator[tuple[int, FrameList]]:
    """Read packed frames; a list that cannot be read is left out."""
    for entry, packed in rows:
        try:
            yield entry, FrameList.unpack(bytes(packed))
        except InvalidSignal:
            _log.warning("The frames of a known video cannot be read; it matches nothing.")
