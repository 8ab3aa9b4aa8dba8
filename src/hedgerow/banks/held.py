"""All that a matcher and a list of the banks read, in plain SQL, so that a scan does not wait for SQLAlchemy.

The first argument is an open connection, of a `hedgerow.database.Database` or of a
`hedgerow.database.plain.FileReader`, where it is said why there are both. What else is read of the banks, and all
writing, stands in `hedgerow.banks.records`, `hedgerow.banks.listing` and `hedgerow.banks.frames`.

What is in the tables may be malformed, whatever wrote it. It comes from here as it is, or with why it cannot be used;
`hedgerow.banks.quarantine` is what becomes of it.
"""

from __future__ import annotations

from itertools import islice, pairwise
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from hedgerow.banks.model import Bank, BankSummary, Change
from hedgerow.banks.quarantine import why_length_is_malformed
from hedgerow.banks.rules import why_frames_are_malformed
from hedgerow.database.plain import as_utc, ask, octets, stream
from hedgerow.errors import InvalidSignal
from hedgerow.hashing.frame_list import FrameList
from hedgerow.hashing.signal import SIGNAL_TYPES

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Iterator, Sequence

    from hedgerow.database.plain import ReadConnection, Row

__all__ = [
    "NO_FRAMES",
    "BankState",
    "Description",
    "bank_states",
    "check_frames",
    "describe_entries",
    "entries_since",
    "find_changes",
    "find_frames",
    "has_more_frames_than",
    "has_more_than",
    "latest_change",
    "list_banks",
    "live_frames",
    "live_signals",
    "types_held",
    "unknown_types",
]

NO_FRAMES: Final = "its frames are missing"

# Ids in one IN list: a small list is planned faster.
_IDS_PER_QUERY = 500
# Rows in memory at a time.
_ROWS_AT_A_TIME = 5_000
# Of changes, which a serving process reads while it searches: fewer, so that no search waits for a thousand rows.
_CHANGES_AT_A_TIME = 500
# Rows of unknown types that are listed for one bank. A whole table of them is seen as well by so many.
_MOST_LISTED = 10_000
# Lists of frames in memory at a time: at 53 bytes a frame, ten minutes every frame take 1 MB.
_LISTS_PER_QUERY = 50
# What a packed list has beside its frames, and for each (hedgerow.hashing.frame_list); for an estimate only.
_HEAD_BYTES, _FRAME_BYTES = 16, 53


class BankState(NamedTuple):
    """A bank and the number of the latest change within it."""

    bank: Bank
    sequence: int


class Description(NamedTuple):
    """What a match says of its entry."""

    category: str | None
    provenance: str
    contributor: str | None
    is_disputed: bool


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


def types_held(
    connection: ReadConnection, bank_ids: Sequence[int], names: Sequence[str] = tuple(SIGNAL_TYPES)
) -> tuple[str, ...]:
    """Name those of these signal types of which any of the banks holds a live entry."""
    sql = "SELECT id FROM entries WHERE bank_id IN :ids AND signal_type = :name AND withdrawn_at IS NULL LIMIT 1"
    return tuple(name for name in names if ask(connection, sql, ids=bank_ids, name=name))


# ── entries ──────────────────────────────────────────────────────────────────────────────────────────────────────

_KNOWN = "(" + ", ".join(f"'{name}'" for name in SIGNAL_TYPES) + ")"


def entries_since(
    connection: ReadConnection, bank: Bank, sequence: int, *, signal_type: str | None = None
) -> Iterator[Change]:
    """Go through the entries that changed after a sequence, in the order of their latest change.

    An entry that was added and withdrawn since comes once, withdrawn. From sequence 0 it is the whole bank. A row whose
    signal type is none is left out; one whose signal is no bytes comes with none.

    Args:
        connection: An open connection.
        bank: Which bank.
        sequence: The number after which to begin.
        signal_type: Of which type; None for all.
    """
    values: dict[str, object] = {"bank": bank.id, "sequence": sequence}
    of_type = f"signal_type IN {_KNOWN}"
    if signal_type is not None:
        of_type = "signal_type = :type"
        values["type"] = signal_type
    sql = f"{_changes(connection)} AND {of_type} AND sequence > :sequence ORDER BY sequence"
    return _as_changes(stream(connection, sql, _CHANGES_AT_A_TIME, **values))


def find_changes(connection: ReadConnection, bank: Bank, ids: Collection[int]) -> list[Change]:
    """Find the present state of those of these entries that are in the bank, and of a signal type that there is."""
    sql = f"{_changes(connection)} AND signal_type IN {_KNOWN} AND id IN :ids"
    return [
        change
        for together in _lists(sorted(ids), _IDS_PER_QUERY)
        for change in _as_changes(ask(connection, sql, ids=together, bank=bank.id))
    ]


def _changes(connection: ReadConnection) -> str:
    bits = octets(connection, "bits")
    return f"SELECT id, sequence, signal_type, {bits}, withdrawn_at IS NULL FROM entries WHERE bank_id = :bank"  # noqa: S608  (our words)


def _as_changes(rows: Iterable[Row]) -> Iterator[Change]:
    for entry, sequence, signal_type, bits, is_live in rows:
        yield Change(entry, sequence, signal_type, bytes(bits or b""), bool(is_live))


def live_signals(connection: ReadConnection, bank: Bank, signal_type: str) -> Iterator[Sequence[tuple[int, bytes]]]:
    """Go through the ids and bits of a bank's live entries of one type, some thousand at a time.

    Bits of any length are bits here, and what is no bytes comes as none.
    """
    sql = f"SELECT id, {octets(connection, 'bits')} {_LIVE}"
    rows = stream(connection, sql, _ROWS_AT_A_TIME, bank=bank.id, type=signal_type)
    while together := list(islice(rows, _ROWS_AT_A_TIME)):
        yield [(entry, bytes(bits or b"")) for entry, bits in together]


_LIVE = "FROM entries WHERE bank_id = :bank AND signal_type = :type AND withdrawn_at IS NULL"


def has_more_than(connection: ReadConnection, bank: Bank, signal_type: str, count: int) -> bool:
    """Tell whether a bank has more live entries of a type than that, without counting them all."""
    sql = f"SELECT id {_LIVE} LIMIT 1 OFFSET :count"
    return bool(ask(connection, sql, bank=bank.id, type=signal_type, count=count))


def describe_entries(connection: ReadConnection, ids: Sequence[int]) -> dict[int, Description]:
    """Return what is said of those of the entries that are live."""
    said = "category, provenance, contributor, is_disputed"
    sql = f"SELECT id, {said} FROM entries WHERE id IN :ids AND withdrawn_at IS NULL"  # noqa: S608  (our words)
    return {
        entry: Description(category, provenance, contributor, bool(is_disputed))
        for together in _lists(ids, _IDS_PER_QUERY)
        for entry, category, provenance, contributor, is_disputed in ask(connection, sql, ids=together)
    }


def unknown_types(connection: ReadConnection, bank_id: int) -> list[int]:
    """Find a bank's live rows whose signal type is none; the first 10,000."""
    return [entry for (entry,) in ask(connection, _UNKNOWN, bank=bank_id, most=_MOST_LISTED)]


def _in_the_gaps() -> str:
    """Look into the gaps between the names there are, of an index: that takes no longer for a large bank."""
    names = sorted(SIGNAL_TYPES)
    gaps = [f"signal_type < '{names[0]}'", f"signal_type > '{names[-1]}'"]
    gaps += [f"signal_type > '{before}' AND signal_type < '{after}'" for before, after in pairwise(names)]
    live = "SELECT id FROM entries WHERE bank_id = :bank AND withdrawn_at IS NULL"
    return " UNION ALL ".join(f"{live} AND {gap}" for gap in gaps) + " LIMIT :most"


_UNKNOWN: Final = _in_the_gaps()


def _lists(ids: Sequence[int], length: int) -> Iterator[Sequence[int]]:
    for start in range(0, len(ids), length):
        yield ids[start : start + length]


# ── frames of videos ─────────────────────────────────────────────────────────────────────────────────────────────


def find_frames(connection: ReadConnection, ids: Sequence[int]) -> dict[int, FrameList]:
    """Return the frames of those of these entries, live or withdrawn, that have some."""
    checked = check_frames(connection, ids)
    return {entry: frames for entry, frames in checked.items() if isinstance(frames, FrameList)}


def check_frames(connection: ReadConnection, ids: Sequence[int]) -> dict[int, FrameList | str]:
    """Return the frames of those of these entries that have some, or why those cannot be used."""
    sql = f"SELECT entry_id, {octets(connection, 'packed')} FROM frame_lists WHERE entry_id IN :ids"  # noqa: S608  (our words)
    return {
        entry: _unpacked(packed)
        for together in _lists(ids, _LISTS_PER_QUERY)
        for entry, packed in ask(connection, sql, ids=together)
    }


def live_frames(connection: ReadConnection, bank: Bank) -> Iterator[tuple[int, FrameList | str]]:
    """Go through a bank's live videos, a few in memory at a time.

    Yields:
        The entry, and its frames, or why it has none that can be used.
    """
    bits, packed = octets(connection, "bits"), octets(connection, "packed")
    sql = f"SELECT id, length({bits}), entry_id, {packed} FROM entries LEFT JOIN {_FRAMES}"  # noqa: S608  (our words)
    for entry, size_bytes, listed, frames in stream(connection, sql, _LISTS_PER_QUERY, bank=bank.id):
        problem = why_length_is_malformed(size_bytes or 0, SIGNAL_TYPES["vpdq"].size_bytes)
        if problem is None and listed is None:
            problem = NO_FRAMES
        yield entry, problem or _unpacked(frames)


def has_more_frames_than(connection: ReadConnection, bank: Bank, count: int) -> bool:
    """Tell whether a bank's live videos have more frames than that, without reading them."""
    sql = f"SELECT COALESCE(sum(length(packed)), 0), count(*) FROM entries JOIN {_FRAMES}"  # noqa: S608  (our words)
    [(size_bytes, lists)] = ask(connection, sql, bank=bank.id)
    return (int(size_bytes) - int(lists) * _HEAD_BYTES) // _FRAME_BYTES > count


_FRAMES = (
    "frame_lists ON entries.id = frame_lists.entry_id "
    "WHERE bank_id = :bank AND signal_type = 'vpdq' AND withdrawn_at IS NULL"
)


def _unpacked(packed: bytes | None) -> FrameList | str:
    try:
        frames = FrameList.unpack(bytes(packed or b""))
    except InvalidSignal:
        return "its frames cannot be read"
    return why_frames_are_malformed(frames) or frames
