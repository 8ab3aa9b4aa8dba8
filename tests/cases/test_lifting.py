from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from hedgerow.audit import list_entries
from hedgerow.cases import Verdict, lift_suppression, list_suppressions
from hedgerow.errors import SuppressionNotFound

if TYPE_CHECKING:
    from conftest import World
    from hedgerow.cases import Gathered


def _judged(world: World, *, distance: int = 20) -> int:
    """Open a case about picture 0 and entry 1, and judge it no match; return the decision."""
    case = world.opened(0, world.match(distance=distance), account="first")
    return world.decided(case, Verdict.NOT_A_MATCH).id


def _lift(world: World, suppression: int) -> list[Gathered]:
    with world.database.write() as connection:
        return lift_suppression(connection, suppression, actor="user:1", now=world.now)


def test_lifting_brings_back_what_comes_and_what_was_held_back(world: World) -> None:
    _judged(world)
    for account in ("second", "second", "third"):
        world.submit(0, world.match(distance=20), account=account)
    found = _lift(world, 1)
    assert [each.case.subject_id for each in found] == ["second", "second", "third"]
    assert [each.is_new_case for each in found] == [True, False, True]
    assert world.submit(0, world.match(distance=20), account="fourth") is not None
    with world.database.read() as connection:
        assert list_suppressions(connection) == []
        (lifted,) = list_suppressions(connection, include_lifted=True)
        assert (lifted.lifted_at, lifted.lifted_by) == (world.now, "user:1")
        (line,) = list_entries(connection, action="suppression.lifted")
        assert line.details == {"brought_back": 3}


def test_a_suppression_is_lifted_once(world: World) -> None:
    _judged(world)
    _lift(world, 1)
    for number in (1, 99):
        with pytest.raises(SuppressionNotFound):
            _lift(world, number)
