from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

from hedgerow.cases import State, due_decisions, finish_case, take_effect

if TYPE_CHECKING:
    from datetime import datetime

    from conftest import World

SECOND = timedelta(seconds=1)


def _due(world: World, now: datetime) -> list[int]:
    with world.database.read() as connection:
        return [each.id for each in due_decisions(connection, now=now)]


def test_a_decision_takes_effect_once_and_after_its_window(world: World) -> None:
    case = world.opened(0)
    world.submit(0)
    made = world.decided(case)
    later = made.takes_effect_at
    assert _due(world, later - SECOND) == []
    with world.database.write() as connection:
        assert take_effect(connection, made.id, now=later - SECOND) == []
    assert _due(world, later) == [made.id]
    with world.database.write() as connection:
        (effect,) = take_effect(connection, made.id, now=later)
    assert (effect.submission_ids, effect.previous_verdict, effect.case.state) == ((1, 2), None, State.ACTING)
    assert effect.decision.effected_at == later
    with world.database.write() as connection:
        assert take_effect(connection, made.id, now=later) == []
    assert _due(world, later) == []


def test_a_case_closes_when_what_left_the_house_has_arrived(world: World) -> None:
    case = world.opened()
    world.decided(case)
    with world.database.write() as connection:
        assert finish_case(connection, case.id, now=world.now).state is State.DECIDED  # not yet
    closed = world.settle(case)
    assert (closed.state, closed.closed_at) == (State.CLOSED, world.now + timedelta(minutes=1))


def test_decisions_about_parts_take_effect_while_the_rest_waits(world: World) -> None:
    case = world.opened(0)
    world.opened(1)
    claim = world.claim(case)
    (made,) = world.say(claim, cluster=2)
    with world.database.write() as connection:
        (effect,) = take_effect(connection, made.id, now=made.takes_effect_at)
    assert (effect.submission_ids, effect.case.state) == ((2,), State.CLAIMED)
