"""Write the frames of known videos; `hedgerow.banks.held` reads them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sqlalchemy import LargeBinary, bindparam, exists, insert, select

from hedgerow.banks.tables import entries, frame_lists

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sqlalchemy import Connection

    from hedgerow.banks.model import NewEntry

__all__ = ["insert_frames"]


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
