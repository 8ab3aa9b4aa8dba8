from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from hedgerow.banks import Attributes, Bank, NewEntry, add_entries, entries_since, iterate_entries
from hedgerow.hashing.signal import Signal

if TYPE_CHECKING:
    from datetime import datetime

    from hedgerow.database import Database


def _new(numbers: range, size: int = 32, name: str = "pdq", said: Attributes | None = None) -> list[NewEntry]:
    shared = said or Attributes()
    return [NewEntry(Signal(name, number.to_bytes(size, "big")), shared) for number in numbers]


_RUNS = {
    "all alike": _new(range(1, 300)),
    "none alike": [NewEntry(Signal("pdq", number.to_bytes(32, "big")), Attributes()) for number in range(1, 60)],
    "runs of every kind": [
        *_new(range(1, 4)),
        *_new(range(10, 100), 16, "md5"),
        *_new(range(3, 60)),  # its first was there before
        *_new(range(60, 62), said=Attributes(note="é", category="A")),
        *_new(range(62, 162), said=Attributes("exchange:x", "m", "e", "A", "'; --", may_be_redistributed=True)),
        *_new(range(50, 130)),  # partly there before
        *_new(range(1, 52), 20, "sha1"),
    ],
}


@pytest.mark.parametrize("name", _RUNS)
def test_entries_are_inserted_once_in_their_order_with_all_that_is_said(
    database: Database, bank: Bank, now: datetime, name: str
) -> None:
    new = _RUNS[name]
    expected: dict[tuple[str, bytes], NewEntry] = {}
    for each in new:
        expected.setdefault((each.signal.type, each.signal.bits), each)
    with database.write() as connection:
        outcome = add_entries(connection, bank, new, now=now)
    assert (outcome.added, outcome.already_there) == (len(expected), len(new) - len(expected))
    with database.read() as connection:
        held = list(iterate_entries(connection, bank))
        changes = [change.id for change in entries_since(connection, bank, 0)]
    assert [entry.signal for entry in held] == [each.signal for each in expected.values()]
    assert [entry.attributes.provenance for entry in held] == [each.attributes.provenance for each in expected.values()]
    assert [entry.attributes.note for entry in held] == [each.attributes.note for each in expected.values()]
    assert {entry.attributes.added_at for entry in held} == {now}
    assert changes == [entry.id for entry in held]
    with database.write() as connection:
        assert add_entries(connection, bank, new, now=now).added == 0
