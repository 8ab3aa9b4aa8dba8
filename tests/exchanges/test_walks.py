"""Walks through a partner's whole set that meet each other."""

from __future__ import annotations

from typing import TYPE_CHECKING

from hedgerow.exchanges.exchanging import ask_for_walk

if TYPE_CHECKING:
    from tests.exchanges.conftest import Home
    from tests.exchanges.world import World

__all__: list[str] = []


def test_a_walk_that_begins_while_another_waits_for_its_withdrawals_withdraws_nothing_early(
    home: Home, world: World
) -> None:
    home.create()
    for number in range(8):
        world.put(f"42/{number}", number)
    home.fetch()  # the first walk came to its end; an update that brings nothing is waited for
    with home.database.write() as connection:
        ask_for_walk(connection, home.name, actor="user:1", now=home.at)
    world.put("42/8", 8)
    world.troubles = [None, None, "away"]  # the update, and a page of the second walk
    home.fetch()
    world.troubles = [None, "away"]
    home.fetch()
    assert home.live().keys() == home.wanted()
    world.forget("42/3")
    for _ in range(2):
        home.fetch()
    assert home.live().keys() == home.wanted()
