from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest

from hedgerow.cases import (
    Queue,
    State,
    Verdict,
    count_queues,
    find_case_by_number,
    list_cases,
    needs_attention,
    past_matches,
    put_aside,
    subject_cases,
)
from hedgerow.errors import CaseNotFound
from hedgerow.policy import Tier, compare, default_policy_text, read_policy

if TYPE_CHECKING:
    from conftest import World


def test_a_queue_says_how_it_stands(world: World) -> None:
    for number, priority in enumerate((2, 3, 3, 2)):
        world.opened(
            0,
            world.match(outcome=world.outcome(priority=priority)),
            account=str(number),
            now=world.now + timedelta(hours=number),
        )
    world.claim(2)
    claim = world.claim(3)
    with world.database.write() as connection:
        put_aside(connection, claim, until=world.now + timedelta(days=1), reason="asked", now=world.now)
        world_now = world.now + timedelta(hours=49)
        counts = {each.queue: each for each in count_queues(connection, now=world_now)}
    near = counts[Queue.NEAR]
    assert (near.waiting, near.claimed, near.put_aside, near.overdue) == (2, 1, 1, 1)
    assert near.by_priority == {2: 2, 3: 2}
    assert (near.oldest_at, near.next_due_at) == (world.now, world.now + timedelta(hours=48))
    assert list(counts) == list(Queue)
    with world.database.read() as connection:
        assert count_queues(connection, now=world_now, queues=[Queue.NEAR]) == [near]
    assert (counts[Queue.KNOWN].waiting, counts[Queue.KNOWN].oldest_at) == (0, None)


def test_what_is_decided_is_in_no_queue(world: World) -> None:
    world.decided(world.opened())
    with world.database.read() as connection:
        assert sum(each.waiting + each.claimed for each in count_queues(connection, now=world.now)) == 0
        assert list_cases(connection) == []
        assert [each.id for each in list_cases(connection, state=State.DECIDED)] == [1]


def test_cases_are_listed_by_urgency_and_paged(world: World) -> None:
    for number, priority in enumerate((3, 1, 2, 1)):
        world.opened(0, world.match(outcome=world.outcome(priority=priority)), account=str(number))
    world.claim(3)
    with world.database.read() as connection:
        first = list_cases(connection, queue=Queue.NEAR, limit=2)
        last = first[-1]
        rest = list_cases(connection, queue=Queue.NEAR, after=(last.priority, last.due_at, last.id))
        assert [each.id for each in (*first, *rest)] == [2, 4, 3, 1]
        assert [each.id for each in list_cases(connection, claimed_by=world.ada)] == [3]


def test_a_case_is_found_by_its_number_and_by_its_subject(world: World) -> None:
    first = world.opened()
    world.decided(first)
    second = world.opened(1)
    with world.database.read() as connection:
        assert find_case_by_number(connection, "2026-00002") == second
        assert [each.id for each in subject_cases(connection, "", "account", "acc")] == [second.id, first.id]
        with pytest.raises(CaseNotFound):
            find_case_by_number(connection, "2026-99999")


def test_what_needs_somebody_is_counted(world: World) -> None:
    urgent = world.opened(0, world.match(outcome=world.outcome(priority=1)), account="urgent")
    world.opened(0, world.match(outcome=world.outcome(priority=4)), account="later")
    decided = world.opened(0, account="decided")
    made = world.decided(decided)
    with world.database.read() as connection:
        found = needs_attention(connection, now=urgent.due_at - timedelta(hours=1))
        assert (found.overdue, found.due_soon, found.unclaimed_urgent, found.late_decisions) == (0, 1, 1, 1)
        assert found.oldest_late_at == made.takes_effect_at
        assert needs_attention(connection, now=urgent.due_at).overdue == 1
        assert needs_attention(connection, now=world.now).late_decisions == 0
    world.claim(urgent)
    with world.database.read() as connection:
        assert needs_attention(connection, now=urgent.due_at).unclaimed_urgent == 0


def test_past_matches_can_be_tried_on_another_policy(world: World) -> None:
    world.submit(0, surface="avatar")
    world.submit(1, world.match(2, 0), now=world.now + timedelta(hours=1))
    with world.database.read() as connection:
        found = list(past_matches(connection))
        assert [(each.id, each.match.tier, each.submission.surface) for each in found] == [
            (2, Tier.EXACT, None),
            (1, Tier.NEAR, "avatar"),
        ]
        assert [each.id for each in past_matches(connection, since=world.now + timedelta(minutes=1))] == [2]
        assert len(list(past_matches(connection, limit=1))) == 1
    old = read_policy(default_policy_text())
    first = 'format = 1\n[[rule]]\nname = "avatars"\nwhen = { surface = "avatar" }\nthen = "log"\n'
    new = read_policy(default_policy_text().replace("format = 1", first))
    assert compare(old, new, found).differences[0].examples == (1,)


def test_a_handed_on_case_moves_to_the_other_queue(world: World) -> None:
    world.say(world.claim(world.opened()), Verdict.ESCALATE)
    with world.database.read() as connection:
        counts = {each.queue: each.waiting for each in count_queues(connection, now=world.now)}
    assert (counts[Queue.NEAR], counts[Queue.ESCALATED]) == (0, 1)


def test_cases_are_listed_by_subject_namespace_and_due_time(world: World) -> None:
    first = world.opened(0, account="ada")
    second = world.opened(1, account="ben", namespace="other")
    with world.database.read() as connection:

        def numbers(**asked: Any) -> list[int]:
            return [case.id for case in list_cases(connection, **asked)]

        assert numbers(subject=("account", "ada")) == [first.id]
        assert numbers(subject=("content", "ada")) == []
        assert numbers(namespace="other") == [second.id]
        assert numbers(due_before=world.now) == []
        assert set(numbers(due_before=max(first.due_at, second.due_at))) == {first.id, second.id}
