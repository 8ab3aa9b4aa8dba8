from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from threading import Barrier
from typing import TYPE_CHECKING

import pytest
from sqlalchemy import select

from hedgerow.audit import list_entries
from hedgerow.cases import (
    DEFAULT_LEASE,
    Queue,
    State,
    Verdict,
    claim_next,
    extend_claim,
    find_claim,
    find_draft,
    put_aside,
    reassign,
    release,
    return_lapsed,
    save_draft,
    wake_due,
)
from hedgerow.cases.claiming import _is_kept_from
from hedgerow.cases.rules import why_not_claimed
from hedgerow.cases.steps import case_of, decisions_of
from hedgerow.cases.tables import cases
from hedgerow.errors import CaseNotFound, CaseTaken, ClaimLost, ClaimRefused, TransitionRefused

if TYPE_CHECKING:
    from conftest import World


def _actions(world: World) -> list[str]:
    with world.database.read() as connection:
        return [each.action for each in list_entries(connection, subject_type="case")]


# ── next ─────────────────────────────────────────────────────────────────────────────────────────────────────────


def test_the_next_case_is_the_most_urgent_one_of_the_queues_asked_for(world: World) -> None:
    low, high = (
        world.opened(0, world.match(outcome=world.outcome(priority=each)), account=str(each)) for each in (3, 1)
    )
    known = world.opened(0, world.match(distance=0), account="known")
    assert world.next(world.ada, Queue.NEAR) == high.id
    assert world.next(world.ada, Queue.NEAR) == low.id
    assert world.next(world.ada, Queue.NEAR) is None
    assert world.next(world.ada, Queue.NEAR, Queue.KNOWN) == known.id


def test_a_case_with_two_hours_left_goes_before_older_ones_of_higher_priority(world: World) -> None:
    removal = world.opened(0, world.match(outcome=world.outcome(priority=3, deadline="us_tida")), account="removal")
    later = world.now + timedelta(hours=46)
    world.opened(0, world.match(outcome=world.outcome(priority=2)), account="other", now=later)
    assert world.next(world.ada, now=later) == removal.id


def test_of_two_that_are_due_soon_the_higher_priority_goes_first(world: World) -> None:
    third, first = (
        world.opened(0, world.match(outcome=world.outcome(priority=each)), account=str(each)) for each in (3, 1)
    )
    later = world.now + timedelta(days=5)
    assert [world.next(world.ada, now=later), world.next(world.ben, now=later)] == [first.id, third.id]


def test_nobody_gets_what_they_skipped_or_asked_about(world: World) -> None:
    case = world.opened()
    world.say(world.claim(case), Verdict.SKIP)
    assert world.next(world.ada) is None
    assert world.next(world.ben) == case.id
    world.say(world.claim(case, world.ben), Verdict.SECOND_OPINION)
    assert world.next(world.ben) is None
    assert world.next(world.cem) == case.id


def test_what_is_skipped_over_in_sql_is_what_the_rule_says(world: World) -> None:
    first, second, third = (world.opened(each, account=str(each)) for each in range(3))
    world.say(world.claim(first), Verdict.SKIP)
    world.say(world.claim(second), Verdict.SECOND_OPINION)
    world.decided(third)
    world.settle(third, qa_rate=1.0)
    for user in (world.ada, world.ben, world.cem):
        with world.database.read() as connection:
            kept = set(connection.execute(select(cases.c.id).where(_is_kept_from(user))).scalars())
            for row in connection.execute(select(cases)).all():
                case = case_of(row)
                is_kept = why_not_claimed(case, user, decisions_of(connection, case.id)) is not None
                assert is_kept == (case.id in kept), (user, case)


def test_a_lapsed_case_is_the_next_one_s_and_the_lapse_stands_in_the_audit(world: World) -> None:
    case = world.opened()
    world.claim(case)
    assert world.next(world.ben) is None
    assert world.next(world.ben, now=world.now + DEFAULT_LEASE) == case.id
    assert _actions(world) == ["case.opened", "case.claimed", "case.claim_lapsed", "case.claimed"]


@pytest.mark.parametrize("count", [2, 20])
def test_two_who_press_next_at_once_never_get_the_same_case(world: World, count: int) -> None:
    for number in range(count):
        world.opened(number, account=str(number))
    together = Barrier(2)
    taken: list[int] = []

    def press(user: int) -> None:
        for _ in range(count // 2):
            together.wait(60)
            number = world.next(user)
            assert number is not None
            taken.append(number)

    with ThreadPoolExecutor(2) as threads:
        list(threads.map(press, (world.ada, world.ben)))
    assert sorted(taken) == list(range(1, count + 1))


def test_a_case_that_somebody_is_just_taking_is_passed_over(world: World) -> None:
    first, second = (world.opened(number, account=str(number)) for number in range(2))
    if world.database.engine.dialect.name == "sqlite":
        assert [world.next(world.ada), world.next(world.ben)] == [first.id, second.id]  # one writer at a time
        return
    with world.database.write() as one:
        # held, and not yet committed
        one.execute(select(cases).where(cases.c.id == first.id).with_for_update())
        with world.database.write() as other:
            claim = claim_next(other, [Queue.NEAR], world.ben, now=world.now)
            assert claim is not None
            assert claim.case_id == second.id


def test_more_cases_than_are_looked_at_in_one_go_are_all_given_out(world: World) -> None:
    for number in range(20):
        world.opened(0, account=str(number))
    assert sorted(world.next(world.ada) or 0 for _ in range(20)) == list(range(1, 21))


# ── one case ─────────────────────────────────────────────────────────────────────────────────────────────────────


def test_a_claimed_case_is_taken(world: World) -> None:
    claim = world.claim(world.opened())
    with pytest.raises(CaseTaken):
        world.claim(claim.case_id, world.ben)
    with world.database.read() as connection:
        assert find_claim(connection, claim.case_id, now=world.now) == claim
        assert find_claim(connection, claim.case_id, now=claim.expires_at) is None


def test_claiming_one_s_own_case_again_ends_the_claim_of_before(world: World) -> None:
    first = world.claim(world.opened())
    second = world.claim(first.case_id)
    assert second.token > first.token
    with pytest.raises(ClaimLost):
        world.say(first)
    world.say(second)


def test_a_heartbeat_extends_a_claim_and_not_one_that_is_over(world: World) -> None:
    claim = world.claim(world.opened())
    with world.database.write() as connection:
        longer = extend_claim(connection, claim, now=world.now + timedelta(minutes=10))
    assert longer.expires_at == world.now + timedelta(minutes=10) + DEFAULT_LEASE
    world.say(longer, now=world.now + timedelta(minutes=20))
    with world.database.write() as connection, pytest.raises(ClaimLost):
        extend_claim(connection, longer, now=world.now + timedelta(minutes=20))


def test_a_late_decision_is_refused_and_nothing_is_recorded(world: World) -> None:
    late = world.claim(world.opened())
    after = world.now + DEFAULT_LEASE
    with pytest.raises(ClaimLost):
        world.say(late, now=after)
    world.claim(late.case_id, world.ben, now=after)
    with pytest.raises(ClaimLost):
        world.say(late, now=after)
    with world.database.read() as connection:
        assert decisions_of(connection, late.case_id) == []


def test_a_released_case_waits_again(world: World) -> None:
    claim = world.claim(world.opened())
    with world.database.write() as connection:
        case = release(connection, claim, now=world.now)
    assert (case.state, case.claimed_by, case.claim_expires_at) == (State.OPEN, None, None)
    with world.database.write() as connection, pytest.raises(ClaimLost):
        release(connection, claim, now=world.now)


def test_lapsed_cases_are_returned_to_their_queues(world: World) -> None:
    claim = world.claim(world.opened())
    with world.database.write() as connection:
        assert return_lapsed(connection, now=world.now) == []
        assert return_lapsed(connection, now=claim.expires_at) == [claim.case_id]
    case = world.case(claim.case_id)
    assert (case.state, case.claimed_by, case.claim_token) == (State.OPEN, None, claim.token)
    assert _actions(world)[-1] == "case.claim_lapsed"


def test_a_lead_gives_a_case_to_somebody_also_while_another_works_on_it(world: World) -> None:
    claim = world.claim(world.opened())
    with world.database.write() as connection:
        given = reassign(connection, claim.case_id, world.ben, actor=f"user:{world.cem}", now=world.now)
    with pytest.raises(ClaimLost):
        world.say(claim)
    world.say(given)
    with world.database.write() as connection, pytest.raises(TransitionRefused):
        reassign(connection, claim.case_id, world.ben, actor="user:1", now=world.now)


def test_a_case_is_not_given_to_whoever_must_leave_it_to_others(world: World) -> None:
    claim = world.claim(world.opened())
    world.say(claim, Verdict.SECOND_OPINION)
    with world.database.write() as connection, pytest.raises(ClaimRefused):
        reassign(connection, claim.case_id, world.ada, actor="user:9", now=world.now)
    with pytest.raises(ClaimRefused):
        world.claim(claim.case_id)


def test_a_case_that_is_put_aside_comes_back_in_time(world: World) -> None:
    claim = world.claim(world.opened())
    until = world.now + timedelta(hours=3)
    with world.database.write() as connection:
        case = put_aside(connection, claim, until=until, reason="asked the platform", now=world.now)
    assert (case.state, case.wake_at, case.is_gathering) == (State.WAITING, until, True)
    assert world.next(world.ben) is None
    with world.database.write() as connection:
        assert wake_due(connection, now=until - timedelta(seconds=1)) == []
        assert wake_due(connection, now=until) == [case.id]
    assert world.case(case).state is State.OPEN


def test_a_case_that_does_not_exist_is_not_claimed(world: World) -> None:
    with pytest.raises(CaseNotFound):
        world.claim(99)


def test_a_draft_outlives_the_claim_and_goes_with_the_decision(world: World) -> None:
    claim = world.claim(world.opened())
    with world.database.write() as connection:
        save_draft(connection, claim.case_id, world.ada, '{"note":"fir"}', now=world.now)
        save_draft(connection, claim.case_id, world.ada, '{"note":"first"}', now=world.now)
    after = world.now + DEFAULT_LEASE
    world.say(world.claim(claim.case_id, world.ben, now=after), Verdict.SKIP, now=after)
    with world.database.read() as connection:
        assert find_draft(connection, claim.case_id, world.ada) == '{"note":"first"}'
        assert find_draft(connection, claim.case_id, world.ben) is None
    world.say(world.claim(claim.case_id, now=after), now=after)
    with world.database.read() as connection:
        assert find_draft(connection, claim.case_id, world.ada) is None
