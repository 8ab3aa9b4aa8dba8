from __future__ import annotations

import random
from datetime import timedelta
from typing import TYPE_CHECKING

import pytest
from tests.exchanges.world import Killed, Scripted, signal_of

from hedgerow.banks import NewEntry, add_entries, find_bank, withdraw_entry
from hedgerow.errors import ExchangeNotFound, FetchOvertaken, PageNotFound
from hedgerow.exchanges.exchanging import (
    ask_for_fetch,
    ask_for_walk,
    find_exchange,
    open_page,
    pages_of,
    skip_page,
    standing_of,
)
from hedgerow.exchanges.leases import claim_due
from hedgerow.exchanges.model import Opaque

if TYPE_CHECKING:
    from tests.exchanges.conftest import Home
    from tests.exchanges.world import World

__all__: list[str] = []


def test_a_bank_holds_what_the_partner_holds(home: Home, world: World) -> None:
    home.create()
    for number in range(8):
        world.put(f"42/{number}", number, category="A1")
    end = home.fetch()
    assert end is not None
    assert (end.applied.added, end.applied.pages, end.is_current, end.error) == (8, 3, True, None)
    assert home.live() == {("md5", signal_of(n).bits): ("A1", "42", False) for n in range(8)}
    world.drop("42/3")
    world.put("42/4", 40, 41, category="B2")
    end = home.fetch()
    assert end is not None
    assert (end.applied.added, end.applied.withdrawn) == (2, 2)
    assert home.live().keys() == home.wanted()


def test_what_one_record_gives_up_another_keeps(home: Home, world: World) -> None:
    home.create()
    world.put("42/a", 1, category="B2", is_disputed=True)
    world.put("43/b", 1, category="A1")
    home.fetch()
    assert home.live() == {("md5", signal_of(1).bits): ("A1", "43", False)}
    world.drop("43/b")
    home.fetch()
    assert home.live() == {("md5", signal_of(1).bits): ("B2", "42", True)}
    world.drop("42/a")
    home.fetch()
    assert home.live() == {}


def test_what_comes_back_matches_again_and_what_a_person_withdrew_does_not(home: Home, world: World) -> None:
    home.create()
    world.put("42/a", 1)
    world.put("42/b", 2)
    home.fetch()
    world.drop("42/a")
    home.fetch()
    world.put("42/a", 1)
    with home.database.write() as connection:
        bank = find_bank(connection, "partner")
        withdraw_entry(connection, bank, signal_of(2).value, now=home.at, reason="not what it says")
    world.put("42/b", 2, category="A1")
    end = home.fetch()
    assert end is not None
    assert end.applied.refused == 1
    assert home.live().keys() == {("md5", signal_of(1).bits)}


def test_what_others_put_into_the_bank_stays(home: Home, world: World) -> None:
    home.create()
    with home.database.write() as connection:
        add_entries(connection, find_bank(connection, "partner"), [NewEntry(signal_of(1))], now=home.at)
    world.put("42/a", 1, category="A1")
    home.fetch()
    assert home.live() == {("md5", signal_of(1).bits): (None, None, False)}
    world.drop("42/a")
    home.fetch()
    assert home.live() == {("md5", signal_of(1).bits): (None, None, False)}


def test_what_is_unknown_is_kept_and_what_is_odd_refuses_no_record(home: Home, world: World) -> None:
    home.create()
    world.put(
        "42/a" + "x" * 400,
        1,
        category="A1\x00\n" + "y" * 200,
        opaque=(Opaque("pdna", "…"), Opaque("new-thing")),
        refused=(("PDQ", "all bits are zero"),),
        tags=("Viral",),
    )
    end = home.fetch()
    assert end is not None
    assert (end.applied.added, end.applied.opaque, end.applied.refused) == (1, 2, 1)
    [(category, _, _)] = home.live().values()
    assert category == ("A1" + "y" * 200)[:100]


def test_a_partner_that_is_away_is_tried_again_later_and_later(home: Home, world: World) -> None:
    home.create()
    world.put("42/a", 1)
    waits = []
    for _ in range(9):
        world.troubles = ["away"]
        end = home.fetch()
        assert end is not None
        assert end.error == "partner_unavailable"
        with home.database.read() as connection:
            waits.append(standing_of(connection, "partner").due_at - home.at)
    assert waits == sorted(waits)
    assert (waits[0], waits[-1]) == (timedelta(seconds=30), timedelta(minutes=10))
    home.fetch()
    with home.database.read() as connection:
        standing = standing_of(connection, "partner")
    assert (standing.failures, standing.last_error, standing.is_current) == (0, None, True)


def test_a_page_that_cannot_be_read_stands_in_the_way_until_it_can_or_somebody_skips_it(
    home: Home, world: World
) -> None:
    home.create()
    with home.database.write() as connection, pytest.raises(PageNotFound):
        skip_page(connection, "partner", actor="user:1", now=home.at)
    for number in range(5):
        world.put(f"42/{number}", number)
    for troubles in ([None, "unreadable"], ["unreadable"]):
        world.troubles = list(troubles)
        end = home.fetch()
        assert end is not None
        assert end.error == "page_unreadable"
        world.troubles = []
        with home.database.read() as connection:
            page = open_page(connection, find_exchange(connection, "partner"))
        assert page is not None
    assert (page.tries, page.place, page.skip) == (2, "after 3", "one change")
    home.fetch()
    with home.database.read() as connection:
        assert open_page(connection, find_exchange(connection, "partner")) is None
        assert [each.ended_how for each in pages_of(connection, find_exchange(connection, "partner"))] == ["read"]
    assert home.live().keys() == home.wanted()


def test_a_skip_leaves_out_what_it_says_until_the_next_walk(home: Home, world: World) -> None:
    home.create()
    world.put("42/0", 0)
    home.fetch()
    for number in range(1, 6):
        world.put(f"42/{number}", number)
    world.troubles = ["unreadable"]
    home.fetch()
    with home.database.write() as connection:
        page = skip_page(connection, "partner", actor="user:1", now=home.at)
    assert (page.ended_how, page.ended_by) == ("skipped", "user:1")
    home.fetch()
    assert home.live().keys() == home.wanted() - {("md5", signal_of(1).bits)}
    with home.database.write() as connection:
        ask_for_walk(connection, "partner", actor="user:1", now=home.at)
    home.fetch()
    assert home.live().keys() == home.wanted()


def test_a_walk_of_which_a_page_was_skipped_withdraws_nothing(home: Home, world: World) -> None:
    home.create()
    for number in range(8):
        world.put(f"42/{number}", number)
    home.fetch()
    home.fetch()
    world.forget("42/2")
    with home.database.write() as connection:
        ask_for_walk(connection, "partner", actor="user:1", now=home.at)
    world.troubles = [None, "unreadable"]
    home.fetch()
    with home.database.write() as connection:
        skip_page(connection, "partner", actor="user:1", now=home.at)
    for _ in range(3):
        home.fetch()
    assert len(home.live()) == 8
    with home.database.write() as connection:
        ask_for_walk(connection, "partner", actor="user:1", now=home.at)
    home.fetch()
    home.fetch()
    assert home.live().keys() == home.wanted()


def test_a_walk_withdraws_what_the_partner_lost_without_a_word(home: Home, world: World) -> None:
    home.create()
    for number in range(7):
        world.put(f"42/{number}", number)
    home.fetch()
    world.forget("42/2")
    world.forget("42/6")
    home.fetch()
    assert len(home.live()) == 7
    with home.database.write() as connection:
        ask_for_walk(connection, "partner", actor="user:1", now=home.at)
    home.fetch()
    assert len(home.live()) == 7
    end = home.fetch()
    assert end is not None
    assert end.applied.withdrawn == 2
    assert home.live().keys() == home.wanted()


def test_a_checkpoint_that_is_too_old_begins_a_walk(home: Home, world: World) -> None:
    home.create()
    for number in range(4):
        world.put(f"42/{number}", number)
    home.fetch()
    world.put("42/9", 9)
    world.forget("42/1")
    world.oldest = world.number
    home.fetch()
    home.fetch()
    assert home.live().keys() == home.wanted()


def test_a_source_that_is_given_whole_withdraws_at_its_end_alone(home: Home, world: World) -> None:
    home.partner = Scripted(world, is_whole=True)
    home.create()
    for number in range(7):
        world.put(f"42/{number}", number)
    home.fetch()
    for number in range(4):
        world.drop(f"42/{number}")
    world.put("42/8", 8)
    world.troubles = [None, "away"]
    home.fetch()
    assert len(home.live()) >= 7
    home.fetch()
    assert home.live().keys() == home.wanted()


def test_a_source_that_is_given_whole_is_withdrawn_from_though_the_process_died_before(
    home: Home, world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    home.partner = Scripted(world, is_whole=True)
    home.create()
    for number in range(4):
        world.put(f"42/{number}", number)
    home.fetch()
    world.drop("42/1")
    with monkeypatch.context() as killed:

        def die(*_: object, **__: object) -> None:
            raise Killed

        killed.setattr("hedgerow.exchanges.fetching.sweep", die)
        assert home.fetch() is None
    assert len(home.live()) == 4
    monkeypatch.setattr(Scripted, "pages", lambda *_: iter(()))  # nothing has changed since
    home.fetch()
    assert home.live().keys() == home.wanted()


def test_who_asks_while_a_fetch_goes_on_is_not_forgotten(home: Home, world: World) -> None:
    home.create()
    world.put("42/a", 1)
    home.at += timedelta(hours=1)
    with home.database.write() as connection:
        claimed = claim_due(connection, now=home.at)
        assert claimed is not None
        ask_for_fetch(connection, "partner", actor="user:1", now=home.at + timedelta(seconds=1))
    home.fetcher().fetch(claimed)
    with home.database.read() as connection:
        assert standing_of(connection, "partner").due_at == home.at + timedelta(seconds=1)


def test_two_that_fetch_one_exchange_do_not_write_both(home: Home, world: World) -> None:
    home.create()
    world.put("42/a", 1)
    with home.database.write() as connection:
        first = claim_due(connection, now=home.at)
        assert claim_due(connection, now=home.at) is None
        second = claim_due(connection, now=home.at + timedelta(minutes=11))
    assert first is not None
    assert second is not None
    with pytest.raises(FetchOvertaken):
        home.fetcher().fetch(first)
    assert home.live() == {}
    assert home.fetcher().fetch(second).applied.added == 1


def test_there_is_no_exchange_of_another_name(home: Home) -> None:
    home.create()
    with home.database.read() as connection, pytest.raises(ExchangeNotFound):
        find_exchange(connection, "another")


@pytest.mark.parametrize("seed", range(6))
def test_edits_troubles_kills_and_old_checkpoints_end_in_the_partner_s_set(home: Home, world: World, seed: int) -> None:
    _live_through(home, world, seed, steps=25)


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(100, 200))
def test_long_lives_end_in_the_partner_s_set(home: Home, world: World, seed: int) -> None:
    _live_through(home, world, seed, steps=80)


def _live_through(home: Home, world: World, seed: int, *, steps: int) -> None:
    drawing = random.Random(seed)  # noqa: S311  (a script, not a secret)
    home.create()
    for _ in range(steps):
        for _ in range(drawing.randrange(5)):
            key = f"{drawing.randrange(3)}/{drawing.randrange(12)}"
            if drawing.random() < 0.3:
                world.drop(key)
            else:
                signals = [drawing.randrange(15) for _ in range(drawing.randrange(1, 4))]
                world.put(key, *signals, category=drawing.choice([None, "A1", "B2"]))
        if drawing.random() < 0.1 and world.held:
            world.forget(drawing.choice(list(world.held)))
        world.troubles = [
            drawing.choice([None, None, None, "away", "kill", "unreadable"]) for _ in range(drawing.randrange(4))
        ]
        home.fetch()
        world.troubles = []
        if drawing.random() < 0.2:
            home.set_checkpoint(drawing)
    home.fetch()
    with home.database.write() as connection:
        ask_for_walk(connection, home.name, actor="user:1", now=home.at)
    home.fetch()
    end = home.fetch()
    assert end is not None
    assert end.is_current
    wanted = {}
    for record in world.held.values():
        for _, signal in record.signals:
            wanted.setdefault((signal.type, signal.bits), []).append((record.category, record.contributor, record.key))
    live = home.live()
    assert live.keys() == wanted.keys()
    assert home.claims_of_nothing() == 0
    for value, claims in wanted.items():
        category, by, _ = min(claims, key=lambda each: (each[0] is None, each[0] or "", each[2]))
        assert live[value][:2] == (category, by)
