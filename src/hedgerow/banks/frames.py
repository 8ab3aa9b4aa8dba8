"""Read and write the frames of known videos. The first argument is an open connection; the caller commits."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from sqlalchemy import LargeBinary, bindparam, exists, func, insert, select

from hedgerow.banks.quarantine import octets, why_length_is_malformed
from hedgerow.banks.rules import why_frames_are_malformed
from hedgerow.banks.tables import entries, frame_lists
from hedgerow.errors import InvalidSignal
from hedgerow.hashing.frame_list import FrameList
from hedgerow.hashing.signal import SIGNAL_TYPES

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from sqlalchemy import Connection

    from hedgerow.banks.model import Bank, NewEntry

__all__ = ["NO_FRAMES", "check_frames", "find_frames", "has_more_frames_than", "insert_frames", "live_frames"]

NO_FRAMES: Final = "its frames are missing"

# Values in one IN list, and lists in memory at a time: at 53 bytes a frame, ten minutes every frame take 1 MB.
_LISTS_PER_QUERY = 50
# What a packed list has beside its frames, and for each (hedgerow.hashing.frame_list); for an estimate only.
_HEAD_BYTES, _FRAME_BYTES = 16, 53


def insert_frames(connection: Connection, bank_id: int, new: Sequence[NewEntry]) -> None:
    """Store the frames of those of these entries, live in the bank, that have none yet.

    Args:
        connection: Of `Database.write`; the entries are in it already.
        bank_id: Their bank.
        new: Entries of any type; those without frames are passed over.
    """
    rows = [
        {"of_bits": each.signal.bits, "packed": each.signal.frames.packed()}
        for each in new
        if each.signal.frames is not None and each.signal.type == "vpdq"
    ]
    if not rows:
        return
    entry = select(entries.c.id, bindparam("packed", type_=LargeBinary)).where(
        entries.c.bank_id == bank_id,
        entries.c.signal_type == "vpdq",
        entries.c.bits == bindparam("of_bits", type_=LargeBinary),
        entries.c.withdrawn_at.is_(None),
        ~exists().where(frame_lists.c.entry_id == entries.c.id),
    )
    connection.execute(insert(frame_lists).from_select(["entry_id", "packed"], entry), rows)


def find_frames(connection: Connection, ids: Sequence[int]) -> dict[int, FrameList]:
    """Return the frames of those of these entries, live or withdrawn, that have some."""
    checked = check_frames(connection, ids)
    return {entry: frames for entry, frames in checked.items() if isinstance(frames, FrameList)}


def check_frames(connection: Connection, ids: Sequence[int]) -> dict[int, FrameList | str]:
    """Return the frames of those of these entries that have some, or why those cannot be used."""
    found: dict[int, FrameList | str] = {}
    for start in range(0, len(ids), _LISTS_PER_QUERY):
        rows = connection.execute(
            select(frame_lists.c.entry_id, octets(connection, frame_lists.c.packed)).where(
                frame_lists.c.entry_id.in_(ids[start : start + _LISTS_PER_QUERY])
            )
        )
        found |= {entry: _unpacked(packed) for entry, packed in rows}
    return found


def live_frames(connection: Connection, bank: Bank) -> Iterator[tuple[int, FrameList | str]]:
    """Go through a bank's live videos, a few in memory at a time.

    Yields:
        The entry, and its frames, or why it has none that can be used.
    """
    bits = octets(connection, entries.c.bits)
    statement = (
        select(entries.c.id, func.length(bits), frame_lists.c.entry_id, octets(connection, frame_lists.c.packed))
        .outerjoin(frame_lists, entries.c.id == frame_lists.c.entry_id)
        .where(entries.c.bank_id == bank.id, entries.c.signal_type == "vpdq", entries.c.withdrawn_at.is_(None))
    )
    with connection.execution_options(yield_per=_LISTS_PER_QUERY).execute(statement) as result:
        for entry, size_bytes, listed, packed in result:
            problem = why_length_is_malformed(size_bytes or 0, SIGNAL_TYPES["vpdq"].size_bytes)
            if problem is None and listed is None:
                problem = NO_FRAMES
            yield entry, problem or _unpacked(packed)


def has_more_frames_than(connection: Connection, bank: Bank, count: int) -> bool:
    """Tell whether a bank's live videos have more frames than that, without reading them."""
    size_bytes, lists = connection.execute(
        select(func.coalesce(func.sum(func.length(frame_lists.c.packed)), 0), func.count())
        .select_from(frame_lists)
        .join(entries, entries.c.id == frame_lists.c.entry_id)
        .where(entries.c.bank_id == bank.id, entries.c.signal_type == "vpdq", entries.c.withdrawn_at.is_(None))
    ).one()
    return int(size_bytes - lists * _HEAD_BYTES) // _FRAME_BYTES > count


def _unpacked(packed: bytes | None) -> FrameList | str:
    try:
        frames = FrameList.unpack(packed or b"")
    except InvalidSignal:
        return "its frames cannot be read"
    return why_frames_are_malformed(frames) or frames
