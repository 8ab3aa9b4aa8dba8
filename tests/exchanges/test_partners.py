"""Each partner of ours against its simulator, over HTTP, into a real database, whatever happens on the way."""

from __future__ import annotations

import random
from typing import TYPE_CHECKING, Any

import pytest
from tests.exchanges.living import House, Shared, nothing_to_change
from tests.exchanges.theirs import PARTNERS

from hedgerow.exchanges import fetching

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from hedgerow.database import Database

__all__: list[str] = []

Drawn = random.Random


@pytest.fixture(autouse=True)
def _one_client(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fetching, "PartnerHttp", Shared)


@pytest.mark.parametrize("seed", range(2))
@pytest.mark.parametrize("partner", PARTNERS)
def test_whatever_happens_the_bank_holds_what_the_partner_has(
    database: Database, tmp_path: Path, partner: Callable[[Drawn], Any], seed: int
) -> None:
    _live_through(database, tmp_path, partner, seed, steps=8)


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(100, 200))
@pytest.mark.parametrize("partner", PARTNERS)
def test_whatever_happens_for_long_the_bank_holds_what_the_partner_has(
    database: Database, tmp_path: Path, partner: Callable[[Drawn], Any], seed: int
) -> None:
    _live_through(database, tmp_path, partner, seed, steps=40)


def _live_through(database: Database, folder: Path, partner: Callable[[Drawn], Any], seed: int, *, steps: int) -> None:
    drawing = random.Random(seed)  # noqa: S311  (a script, not a secret)
    theirs = partner(drawing)
    house = House(database, folder, theirs.play, theirs.kind, theirs.config, theirs.credentials)
    try:
        for _ in range(steps):
            _step(house, theirs, drawing)
        theirs.mend(house)
        end = house.settle(theirs.fetches)
        assert end.error is None, end.problem
        assert end.is_current
        _assert_equal(house, theirs)
    finally:
        house.close()


def _step(house: House[Any], theirs: Any, drawing: Drawn) -> None:
    for _ in range(drawing.randrange(4)):
        with nothing_to_change():
            house.simulator.edit(theirs.edit(drawing))
    for _ in range(drawing.randrange(3)):
        house.simulator.faults.add(f"{theirs.call}:{drawing.randint(1, 4)}:{drawing.choice(theirs.faults)}")
    house.wait(seconds=drawing.choice([1, 10, 400, 2_400, 13 * 3_600]))
    house.fetch(drawing.choice([None, None, drawing.randrange(12)]))
    if drawing.random() < 0.2:
        house.restart(drawing)
    if drawing.random() < 0.1:
        house.reconcile()


def _assert_equal(house: House[Any], theirs: Any) -> None:
    expected, live = theirs.expected(), house.live()
    assert live.keys() == expected.keys()
    for value, said in expected.items():
        assert said is None or live[value] == said
    assert house.matched() == expected.keys()
