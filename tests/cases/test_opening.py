from __future__ import annotations

import hashlib
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

import pytest
from sqlalchemy import func, select

from hedgerow.audit import list_entries
from hedgerow.cases import (
    Case,
    Queue,
    State,
    Verdict,
    case_items_of,
    case_matches,
    claim_case,
    count_items,
    find_submission,
    open_or_join_case,
    record_submission,
    submission_matches,
)
from hedgerow.cases.tables import case_counter, cases, matches, submissions
from hedgerow.policy import Then

if TYPE_CHECKING:
    from conftest import World


def _count(world: World, table: object) -> int:
    with world.database.read() as connection:
        return int(connection.execute(select(func.count()).select_from(table)).scalar_one())  # type: ignore[arg-type]  # any table


# ── opening and joining ──────────────────────────────────────────────────────────────────────────────────────────


def test_a_match_opens_a_case_about_the_account(world: World) -> None:
    case = world.opened()
    assert (case.number, case.subject_kind, case.subject_id) == ("2026-00001", "account", "acc")
    assert (case.state, case.queue, case.priority, case.is_gathering) == (State.OPEN, Queue.NEAR, 2, True)
    assert case.due_at == world.now + timedelta(hours=48)
    with world.database.read() as connection:
        assert [each.action for each in list_entries(connection, subject_type="case")] == ["case.opened"]
        (match,) = case_matches(connection, case.id)
        assert match.match == world.match()


def test_without_an_account_the_case_is_about_the_content(world: World) -> None:
    case = world.opened(account=None)
    assert (case.subject_kind, case.subject_id) == ("content", "content-1")
    assert world.opened(account=None).id != case.id


def test_everything_about_an_account_gathers_in_one_case(world: World) -> None:
    cases_ = [world.opened(number) for number in range(3)]
    assert len({each.id for each in cases_}) == 1
    assert world.clusters(cases_[0]) == [(1, None)] * 3
    assert world.opened(7, account="another").id != cases_[0].id
    assert world.opened(8, namespace="another").id != cases_[0].id


@pytest.mark.parametrize("then", [Then.IGNORE, Then.LOG])
def test_what_needs_nobody_opens_no_case_and_is_recorded(world: World, then: Then) -> None:
    assert world.submit(0, world.match(outcome=world.outcome(then))) is None
    with world.database.read() as connection:
        (match,) = submission_matches(connection, 1)
    assert (match.match.outcome.then, match.case_item_id) == (then, None)


@pytest.mark.parametrize("then", [Then.REVIEW, Then.HOLD_FOR_REVIEW, Then.ACTION])
def test_what_needs_somebody_opens_one(world: World, then: Then) -> None:
    events = ("content.remove",) if then is Then.ACTION else ()
    case = world.opened(
        0, world.match(outcome=world.outcome(then, events=events)), world.match(2, outcome=world.outcome(Then.LOG))
    )
    with world.database.read() as connection:
        assert [each.match.outcome.events for each in case_matches(connection, case.id)] == [events]
        assert len(submission_matches(connection, 1)) == 2


def test_fifty_copies_exact_and_resized_make_one_case_one_cluster_and_one_decision(world: World) -> None:
    for number in range(50):
        resized = number % 5
        world.submit(
            resized,  # its own bytes for each size
            world.match(distance=resized),
            pdq=world.bits(1, resized),
        )
    assert _count(world, cases) == 1
    assert world.clusters(1) == [(50, None)]
    assert world.case(1).queue is Queue.KNOWN
    made = world.say(world.claim(1))
    assert len(made) == 1
    assert world.clusters(1) == [(50, Verdict.CONFIRMED)]
    with world.database.read() as connection:
        assert count_items(connection, 1) == 50


@pytest.mark.parametrize(("flipped", "clusters"), [(31, 1), (32, 2)])
def test_near_duplicates_are_those_within_31_bits(world: World, flipped: int, clusters: int) -> None:
    world.submit(0, pdq=world.bits(1))
    world.submit(1, pdq=world.bits(1, flipped))
    assert len(world.clusters(1)) == clusters


def test_a_stranger_far_from_the_entry_is_not_decided_together_with_the_known_picture(world: World) -> None:
    world.submit(0, world.match(distance=30), pdq=world.bits(1))
    world.submit(1, world.match(distance=0), pdq=world.bits(1, 30))
    assert world.clusters(1) == [(1, None), (1, None)]


def test_what_says_too_little_to_be_told_apart_is_no_duplicate(world: World) -> None:
    world.submit(0, pdq=world.bits(1), quality=49)
    world.submit(1, pdq=world.bits(1), quality=49)
    assert len(world.clusters(1)) == 2
    world.submit(1, quality=0)  # the same file is a copy, whatever its quality
    assert world.clusters(1) == [(1, None), (2, None)]


# ── urgency ──────────────────────────────────────────────────────────────────────────────────────────────────────


def test_what_joins_makes_a_case_more_urgent_and_never_less(world: World) -> None:
    case = world.opened(0, world.match(outcome=world.outcome(priority=3)))
    assert case.due_at == world.now + timedelta(hours=72)
    urgent = world.match(distance=0, outcome=world.outcome(priority=1, queue="known", deadline="us_tida"))
    case = world.opened(1, urgent)
    assert (case.priority, case.queue, case.due_at) == (1, Queue.KNOWN, world.now + timedelta(hours=24))
    again = world.opened(2, world.match(outcome=world.outcome(priority=4)), now=world.now + timedelta(minutes=1))
    assert (again.priority, again.queue, again.due_at) == (1, Queue.KNOWN, case.due_at)


def test_a_deadline_that_is_sooner_than_the_priority_s_time_counts_and_is_named(world: World) -> None:
    case = world.opened(0, world.match(outcome=world.outcome(priority=4, deadline="au_ibsa")))
    assert (case.due_at, case.deadline) == (world.now + timedelta(hours=24), "au_ibsa")


def test_what_is_escalated_by_the_policy_waits_as_escalated(world: World) -> None:
    case = world.opened()
    case = world.opened(1, world.match(outcome=world.outcome(queue="escalated")))
    assert (case.state, case.queue) == (State.ESCALATED, Queue.ESCALATED)


def test_a_case_somebody_works_on_stays_theirs_when_something_urgent_joins(world: World) -> None:
    claim = world.claim(world.opened())
    case = world.opened(1, world.match(outcome=world.outcome(queue="escalated", priority=1)))
    assert (case.state, case.claimed_by, case.queue) == (State.CLAIMED, claim.user_id, Queue.ESCALATED)


def test_a_decider_must_see_what_is_new_but_not_another_copy(world: World) -> None:
    first = world.opened(0)
    assert world.opened(0).version == first.version
    assert world.opened(1, pdq=world.bits(0, 3)).version == first.version + 1  # looks alike, and is another file
    assert world.opened(2).version == first.version + 2


# ── after decisions ──────────────────────────────────────────────────────────────────────────────────────────────


def test_what_comes_after_the_decision_opens_another_case(world: World) -> None:
    case = world.opened()
    world.decided(case)
    assert world.opened(1).id != case.id


def test_a_copy_of_something_confirmed_is_confirmed_and_what_merely_looks_alike_is_not(world: World) -> None:
    case = world.opened(0)
    world.opened(1)
    world.say(world.claim(case), cluster=1)
    copy = world.submit(0)
    assert copy is not None
    assert copy.item.cluster_id == 1
    assert copy.decision_id is None  # its decision has not taken effect: when it does, the copy is told of too
    assert world.clusters(case) == [(2, Verdict.CONFIRMED), (1, None)]
    alike = world.submit(5, pdq=world.bits(0, 3))
    assert alike is not None
    assert alike.is_new_cluster


def test_a_copy_that_comes_after_the_decision_took_effect_names_it(world: World) -> None:
    case = world.opened(0)
    world.opened(1)
    (decision,) = world.say(world.claim(case), cluster=1)
    world.settle(case)
    copy = world.submit(0, now=world.now + timedelta(minutes=2))
    assert copy is not None
    assert (copy.case.id, copy.decision_id) == (case.id, decision.id)


def test_what_was_judged_no_match_is_asked_about_again_when_another_entry_is_found(world: World) -> None:
    case = world.opened(0)
    world.opened(1)
    world.say(world.claim(case), Verdict.NOT_A_MATCH, cluster=1)
    again = world.submit(0, world.match(2))
    assert again is not None
    assert again.is_new_cluster
    # and for the very submission, by a look-back: it stands once in a case, so it needs another case
    with world.database.write() as connection:
        found = open_or_join_case(
            connection, find_submission(connection, 1), [world.match(3)], actor="system", now=world.now
        )
    assert found is not None
    assert found.case.id != case.id
    assert not world.case(case).is_gathering


def test_an_entry_that_is_found_later_joins_the_case_of_its_submission_once(world: World) -> None:
    case = world.opened()
    for _ in range(2):
        with world.database.write() as connection:
            submission = find_submission(connection, 1)
            open_or_join_case(connection, submission, [world.match(), world.match(2)], actor="system", now=world.now)
    with world.database.read() as connection:
        assert [each.match.entry_id for each in case_matches(connection, case.id)] == [1, 2]
        assert len(case_items_of(connection, case.id)) == 1


def test_items_are_paged(world: World) -> None:
    for number in range(5):
        world.submit(number)
    with world.database.read() as connection:
        first = case_items_of(connection, 1, limit=3)
        rest = case_items_of(connection, 1, after=first[-1].id, limit=3)
        assert [each.submission_id for each in (*first, *rest)] == [1, 2, 3, 4, 5]
        assert [each.id for each in case_items_of(connection, 1, cluster_id=first[1].cluster_id)] == [first[1].id]


# ── numbers, and many at once ────────────────────────────────────────────────────────────────────────────────────


def test_numbers_have_no_gap_when_a_transaction_is_cut_off(world: World) -> None:
    world.opened(account="a")

    def interrupted() -> None:
        with world.database.write() as connection:
            open_or_join_case(connection, submission, [world.match()], actor="system", now=world.now)
            raise KeyboardInterrupt

    submission = world.submission(account="b")
    with pytest.raises(KeyboardInterrupt):
        interrupted()
    assert (_count(world, cases), _count(world, matches)) == (1, 1)
    assert world.opened(account="c").number == "2026-00002"


def test_numbers_begin_again_with_the_year_and_never_repeat_when_the_clock_goes_back(world: World) -> None:
    eve = datetime.fromisoformat("2026-12-31T23:59:00+00:00")
    numbers = [
        world.opened(account=str(number), now=at).number
        for number, at in enumerate((eve, eve + timedelta(minutes=2), eve, eve + timedelta(minutes=3)))
    ]
    assert numbers == ["2026-00001", "2027-00001", "2027-00002", "2027-00003"]


def test_submissions_of_one_account_that_come_at_once_open_one_case(world: World) -> None:
    with ThreadPoolExecutor(4) as threads:
        found = list(threads.map(world.opened, range(8)))
    assert len({each.id for each in found}) == 1
    assert sum(size for size, _ in world.clusters(found[0])) == 8


def test_cases_that_are_opened_at_once_have_numbers_without_a_gap(world: World) -> None:
    with ThreadPoolExecutor(4) as threads:
        found: list[Case] = list(threads.map(lambda each: world.opened(each, account=str(each)), range(8)))
    assert sorted(each.number for each in found) == [f"2026-{number:05}" for number in range(1, 9)]
    with world.database.read() as connection:
        assert connection.execute(select(case_counter.c.sequence)).scalar() == 8


def test_a_submission_is_not_lost_between_a_claim_and_a_match_at_once(world: World) -> None:
    case = world.opened()

    def work(number: int) -> None:
        if number % 2:
            world.submit(number)
        else:
            with world.database.write() as connection:
                claim_case(connection, case.id, world.ada, now=world.now)

    with ThreadPoolExecutor(4) as threads:
        list(threads.map(work, range(8)))
    assert sum(size for size, _ in world.clusters(case)) == 5
    assert _count(world, submissions) == 5


def test_a_digest_alone_gathers_copies(world: World) -> None:
    digest = hashlib.sha256(b"film").digest()
    for _ in range(3):
        with world.database.write() as connection:
            recorded = record_submission(connection, world.sent(sha256=digest), now=world.now)
            open_or_join_case(connection, recorded.submission, [world.match(distance=0)], actor="system", now=world.now)
    assert world.clusters(1) == [(3, None)]
