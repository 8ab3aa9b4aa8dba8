from __future__ import annotations

from datetime import timedelta
from typing import Any

from hedgerow.cases import Queue, State, Verdict
from hedgerow.cases.searching import cases_of_user, find_cases, past_cases, waiting_cases
from hedgerow.cases.showing import (
    MOST_COUNTED,
    case_numbers,
    case_sizes,
    judged_entries,
    judged_files,
    last_undoable,
    sent_by_account,
)


def test_the_list_is_in_the_order_in_which_cases_are_given_out(world: Any) -> None:
    for number in range(9):
        world.opened(
            number,
            world.match(outcome=world.outcome(priority=1 + number % 4, queue="near" if number % 2 else "known")),
            account=f"account-{number}",
            now=world.now - timedelta(hours=10 * number),
        )
    with world.database.read() as connection:
        listed, place = waiting_cases(connection, now=world.now, limit=50)
    assert place is None
    order = []
    while (number := world.next(world.ada)) is not None:
        order.append(number)
    assert [each.id for each in listed] == order


def test_pages_of_a_list_are_the_whole_list_whatever_their_length(world: Any) -> None:
    for number in range(11):
        world.opened(number, account=f"account-{number}", now=world.now - timedelta(hours=number % 3 * 23))
    with world.database.read() as connection:
        whole, _ = waiting_cases(connection, now=world.now, limit=50)
        for length in (1, 2, 3, 10, 11):
            place, found = None, []
            for _ in range(20):
                part, place = waiting_cases(connection, after=place, now=world.now, limit=length)
                found += part
                if place is None:
                    break
            assert found == whole, length


def test_a_list_is_of_some_queues_and_states(world: Any) -> None:
    near, known = world.opened(1, account="a"), world.opened(2, world.match(distance=0), account="b")
    world.claim(near)
    with world.database.read() as connection:

        def numbers(**asked: Any) -> list[int]:
            return [each.id for each in waiting_cases(connection, now=world.now, limit=9, **asked)[0]]

        assert numbers(queues=[Queue.KNOWN]) == [known.id]
        assert numbers(states=[State.CLAIMED]) == [near.id]
        assert numbers(queues=[Queue.KNOWN], states=[State.CLAIMED]) == []
        assert numbers(states=[State.CLOSED]) == []
        assert [each.id for each in cases_of_user(connection, world.ada, now=world.now)] == [near.id]
        assert cases_of_user(connection, world.ada, now=world.now + timedelta(hours=1)) == []


def test_cases_are_found_in_every_namespace_by_number_account_and_content(world: Any) -> None:
    one = world.opened(1, account="same", namespace="a", content_id="x")
    other = world.opened(2, account="same", namespace="b", content_id="y")
    alone = world.opened(3, account=None, namespace="c", content_id="x")
    with world.database.read() as connection:
        assert [each.id for each in find_cases(connection, one.number)] == [one.id]
        assert [each.id for each in find_cases(connection, "same")] == [other.id, one.id]
        assert [each.id for each in find_cases(connection, "x")] == [alone.id, one.id]
        assert find_cases(connection, "sam") == []


def test_what_is_over_is_listed_the_latest_first(world: Any) -> None:
    made = [world.opened(number, account=f"account-{number}") for number in range(3)]
    for each in made:
        world.decided(each)
    with world.database.read() as connection:
        first, *_ = page = past_cases(connection, State.DECIDED, limit=2)
        rest = past_cases(connection, State.DECIDED, before=(page[-1].state_changed_at, page[-1].id), limit=2)
        assert past_cases(connection, State.CLOSED, limit=2) == []
    assert first.id == made[2].id
    with world.database.read() as connection:
        assert case_numbers(connection, {made[0].id, 99}) == {made[0].id: made[0].number}
    assert [each.id for each in page + rest] == [each.id for each in reversed(made)]


def test_judgements_elsewhere_are_counted_once_for_each_cluster(world: Any) -> None:
    for account, verdict in (("a", Verdict.CONFIRMED), ("b", Verdict.NOT_A_MATCH)):
        case = world.opened(1, account=account)
        world.submit(1, account=account)
        world.decided(case, verdict)
    asked = world.opened(2, world.match(entry=1), account="c")
    with world.database.read() as connection:
        assert judged_entries(connection, {1, 2}, but=asked.id) == {1: (1, 1)}
        assert judged_entries(connection, {1}, but=case.id) == {1: (1, 0)}
        digest = world.sent(1).sha256
        assert judged_files(connection, {digest}, but=asked.id) == {digest: (1, 1)}
        assert judged_files(connection, set(), but=asked.id) == {}
        assert sent_by_account(connection, "", "a").count == 2
        assert sent_by_account(connection, "", "a").count < MOST_COUNTED
        assert case_sizes(connection, [case.id, asked.id]) == {case.id: (2, 1), asked.id: (1, 1)}


def test_what_may_be_taken_back_is_the_last_that_one_decided_while_it_has_no_effect(world: Any) -> None:
    case = world.opened()
    decision = world.decided(case)
    with world.database.read() as connection:
        found = last_undoable(connection, world.ada, now=world.now)
        assert found is not None
        assert (found.number, found.decisions) == (case.number, (decision.id,))
        assert last_undoable(connection, world.ben, now=world.now) is None
        assert last_undoable(connection, world.ada, now=found.until) is None
