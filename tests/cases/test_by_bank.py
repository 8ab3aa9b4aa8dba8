"""What past matches say of a bank and of its entries."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from hedgerow.banks import create_bank
from hedgerow.cases import Verdict, by_bank
from hedgerow.cases.by_bank import (
    Judged,
    count_distances,
    judged_lately,
    judged_of_entry,
    matches_of_entry,
    suppressions_of_bank,
    suppressions_of_entry,
)
from hedgerow.cases.lifting import lift_suppression

if TYPE_CHECKING:
    from conftest import World


@pytest.fixture
def judged(world: World) -> World:
    """Give a world in which entry 1 was right once and wrong once, with one that came again, and entry 2 is open."""
    world.decided(world.opened(0, world.match(distance=20), account="first"), Verdict.NOT_A_MATCH)
    world.decided(world.opened(1, world.match(distance=8), account="second"), Verdict.CONFIRMED)
    world.submit(0, world.match(distance=20), account="third")
    world.opened(2, world.match(2, distance=8), account="fourth")
    return world


def test_pairs_that_were_decided_are_counted_and_those_that_were_no_match(judged: World) -> None:
    with judged.database.read() as connection:
        assert judged_lately(connection, judged.bank.id) == Judged(4, 2, 1, is_whole=True)
        assert judged_of_entry(connection, 1) == Judged(3, 2, 1, is_whole=True)
        assert judged_of_entry(connection, 2).share is None
        assert judged_lately(connection, judged.bank.id).share == 0.5


def test_of_many_matches_the_latest_are_looked_at(judged: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(by_bank, "_LATEST", 3)
    with judged.database.read() as connection:
        assert judged_lately(connection, judged.bank.id) == Judged(3, 1, 0, is_whole=False)


def test_distances_are_counted_with_what_people_said_and_what_was_held_back_as_no_match(judged: World) -> None:
    with judged.database.read() as connection:
        counts, is_whole = count_distances(connection, judged.bank.id)
    found = {(each.distance, each.verdict): each.count for each in counts}
    assert is_whole
    assert found == {(8, Verdict.CONFIRMED): 1, (8, None): 1, (20, Verdict.NOT_A_MATCH): 2}


def test_the_matches_of_an_entry_come_in_pages_the_newest_first(judged: World) -> None:
    with judged.database.read() as connection:
        first = matches_of_entry(connection, 1, limit=2)
        rest = matches_of_entry(connection, 1, before=first[-1].id, limit=2)
    assert [(each.distance, each.case, each.verdict, each.is_suppressed) for each in first + rest] == [
        (20, None, None, True),
        (8, "2026-00002", Verdict.CONFIRMED, False),
        (20, "2026-00001", Verdict.NOT_A_MATCH, False),
    ]


def test_what_is_suppressed_is_listed_by_bank_and_once_it_is_lifted_only_if_asked_for(judged: World) -> None:
    with judged.database.write() as connection:
        other = create_bank(connection, "other", now=judged.now)
        (held,) = suppressions_of_bank(connection, judged.bank.id).suppressions
        assert (held.entry_id, held.case, held.created_by) == (1, "2026-00001", f"user:{judged.ada}")
        assert suppressions_of_bank(connection, other.id).suppressions == []
        assert suppressions_of_entry(connection, 2) == []
        assert suppressions_of_bank(connection, judged.bank.id, before=held.id).suppressions == []
        lift_suppression(connection, held.id, actor="user:9", now=judged.now)
        assert suppressions_of_bank(connection, judged.bank.id).suppressions == []
        (lifted,) = suppressions_of_bank(connection, judged.bank.id, include_lifted=True).suppressions
        assert (lifted.id, lifted.lifted_by) == (held.id, "user:9")
        assert suppressions_of_entry(connection, 1) == [lifted]


@pytest.mark.parametrize(("window", "steps"), [(5_000, 2), (2, 3)])
def test_pages_of_suppressions_hold_each_once(
    world: World, monkeypatch: pytest.MonkeyPatch, window: int, steps: int
) -> None:
    for picture in range(5):
        case = world.opened(picture, world.match(picture + 1, distance=20), account=f"account-{picture}")
        world.decided(case, Verdict.NOT_A_MATCH)
    monkeypatch.setattr(by_bank, "_WINDOW", window)
    seen, asked, before = [], 0, None
    with world.database.read() as connection:
        while True:
            found = suppressions_of_bank(connection, world.bank.id, before=before, limit=3)
            seen += [each.entry_id for each in found.suppressions]
            asked += 1
            before = found.before
            if before is None:
                break
    assert (seen, asked) == ([5, 4, 3, 2, 1], steps)
