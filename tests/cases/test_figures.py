from __future__ import annotations

from datetime import date, timedelta
from typing import TYPE_CHECKING, Any

import pytest

from hedgerow.cases import FalsePositives, Form, NewView, Queue, Stage, Verdict, appeal, record_view
from hedgerow.cases.agreement import judged_again
from hedgerow.cases.figures import (
    Looks,
    Period,
    VerdictCount,
    claimed_cases,
    count_claims,
    count_decided_by_day,
    count_looks,
    count_opened,
    count_opened_by_day,
    count_submissions,
    count_verdicts,
    first_since,
    judged_by_bank,
    times_to_decide,
)
from hedgerow.cases.tables import cases, submissions

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime

    from hedgerow.database import Database


@pytest.fixture
def ever(now: datetime) -> Period:
    return Period(now - timedelta(days=365), now + timedelta(days=365))


@pytest.fixture
def counted(database: Database) -> Callable[..., Any]:
    def count(how: Callable[..., Any], *asked: Any) -> Any:
        with database.read() as connection:
            return how(connection, *asked)

    return count


def days_later(now: datetime, days: float) -> datetime:
    return now + timedelta(days=days)


def test_rows_of_a_time_are_found_by_halving(world: Any, counted: Any, now: datetime) -> None:
    made = [world.opened(number, account=f"a{number}", now=days_later(now, number)).id for number in range(9)]
    for number in range(9):
        since = days_later(now, number)
        assert counted(first_since, cases, "opened_at", since) == made[number] - 1
        assert counted(count_opened, Period(since, days_later(now, 100))) == 9 - number
    assert counted(first_since, cases, "opened_at", days_later(now, 50)) == made[-1]


def test_an_empty_table_has_no_row_of_any_time(world: Any, counted: Any, ever: Period) -> None:
    assert counted(first_since, submissions, "received_at", ever.since) == 0
    assert counted(count_opened_by_day, ever) == {}
    assert counted(times_to_decide, ever) == {}
    assert counted(count_verdicts, ever) == []


def test_days_are_those_of_utc(world: Any, counted: Any, ever: Period, now: datetime) -> None:
    evening, morning = now.replace(hour=23, minute=59), now.replace(hour=0, minute=1) + timedelta(days=1)
    case = world.opened(1, account="a", now=evening)
    world.opened(2, account="b", now=morning)
    first, second = date(2026, 11, 22), date(2026, 11, 23)
    assert counted(count_opened_by_day, ever) == {first: 1, second: 1}
    world.say(world.claim(case, now=morning), now=morning)
    assert counted(count_decided_by_day, ever) == {second: 1}


def test_a_case_counts_where_it_was_decided_and_from_its_opening(
    world: Any, counted: Any, ever: Period, now: datetime
) -> None:
    near = world.opened(1, account="a")
    known = world.opened(2, world.match(distance=0), account="b")
    world.say(world.claim(near, now=days_later(now, 0.1)), now=days_later(now, 0.1))
    escalated = world.claim(known)
    world.say(escalated, Verdict.ESCALATE)
    world.say(world.claim(known, world.ben, now=days_later(now, 0.5)), now=days_later(now, 0.5))
    found = counted(times_to_decide, ever)
    assert {queue: (each.number, each.p50_s) for queue, each in found.items()} == {
        Queue.NEAR: (1, 8640.0),
        Queue.ESCALATED: (1, 43200.0),
    }


def test_a_case_that_has_moved_on_since_counts_where_it_was_decided_first(
    world: Any, counted: Any, ever: Period, now: datetime
) -> None:
    case = world.opened(1, world.match(distance=0), account="a")
    world.decided(case)
    assert world.settle(case, qa_rate=1.0).queue is Queue.QA
    assert list(counted(times_to_decide, ever)) == [Queue.KNOWN]


def test_what_was_undone_is_not_counted(
    world: Any, counted: Any, ever: Period, database: Database, now: datetime
) -> None:
    from hedgerow.cases import undo  # noqa: PLC0415  (only here)

    decision = world.decided(world.opened(1))
    assert counted(count_verdicts, ever) == [VerdictCount(Verdict.CONFIRMED, None, 1, 1)]
    with database.write() as connection:
        undo(connection, decision.id, actor=f"user:{world.ada}", now=now)
    assert counted(count_verdicts, ever) == []
    assert counted(times_to_decide, ever) == {}
    assert counted(count_decided_by_day, ever) == {}


def test_verdicts_are_counted_by_class_and_with_how_many_needed_no_look(world: Any, counted: Any, ever: Period) -> None:
    world.decided(world.opened(1, account="a"), Verdict.NOT_A_MATCH)
    world.say(world.claim(world.opened(2, account="b")), classification="A1")
    world.say(world.claim(world.opened(3, account="c")), classification="A1")
    assert counted(count_verdicts, ever) == [
        VerdictCount(Verdict.CONFIRMED, "A1", 2, 2),
        VerdictCount(Verdict.NOT_A_MATCH, None, 1, 1),
    ]


def test_only_a_time_is_counted(world: Any, counted: Any, now: datetime) -> None:
    world.decided(world.opened(1))
    before = Period(days_later(now, -9), now)
    assert counted(count_opened, before) == 0
    assert counted(count_verdicts, before) == []
    assert counted(count_submissions, before) == {}
    assert sum(counted(count_submissions, Period(now, days_later(now, 1))).values()) == 1


def test_cases_in_work_come_with_the_shortest_lease_first(world: Any, database: Database, now: datetime) -> None:
    first, second = world.opened(1, account="a"), world.opened(2, account="b")
    world.opened(3, account="c")
    world.claim(second, world.ben)
    world.claim(first, now=now + timedelta(minutes=1))
    with database.read() as connection:
        assert [each.id for each in claimed_cases(connection, limit=9)] == [second.id, first.id]
        assert sum(count_claims(connection, now=now).values()) == 2
        assert count_claims(connection, now=now + timedelta(days=1)) == {}


def test_of_few_people_no_sum_of_what_they_saw_is_told(
    world: Any, counted: Any, ever: Period, database: Database, now: datetime
) -> None:
    gathered = world.submit(1)
    assert gathered is not None

    def look(user: int, reveal: str, seconds: float) -> None:
        with database.write() as connection:
            view = NewView(gathered.case.id, gathered.item.submission_id, user, Form.FULL, now, seconds, reveal=reveal)
            record_view(connection, view, now=now + timedelta(seconds=seconds))

    look(world.ada, "one", 0)
    look(world.ada, "one", 2)
    look(world.ben, "two", 3)
    assert counted(count_looks, ever) is None
    look(world.cem, "three", 1)
    assert counted(count_looks, ever) == Looks(3, 3, 6.0)


def test_false_positives_are_those_of_the_latest_matches(world: Any, counted: Any, database: Database) -> None:
    world.decided(world.opened(1, account="a"), Verdict.NOT_A_MATCH)
    world.decided(world.opened(2, account="b"))
    world.decided(world.opened(3, account="c"))
    world.opened(4, account="d")
    assert counted(judged_by_bank) == [FalsePositives(world.bank.id, 3, 1)]
    with database.read() as connection:
        assert judged_by_bank(connection, most=3) == [FalsePositives(world.bank.id, 2, 0)]
        assert judged_by_bank(connection, most=1) == []


# ── judged again ─────────────────────────────────────────────────────────────────────────────────────────────────


def test_second_reviews_are_held_against_what_was_in_force(
    world: Any, counted: Any, ever: Period, now: datetime
) -> None:
    later = now + timedelta(minutes=5)
    same, other = world.opened(1, account="a"), world.opened(2, account="b")
    for case, again in ((same, Verdict.CONFIRMED), (other, Verdict.NOT_A_MATCH)):
        world.decided(case)
        world.settle(case, qa_rate=1.0)
        world.say(world.claim(case, world.ben, now=later), again, now=later)
    found = counted(judged_again, Stage.QA, ever)
    assert [(each.number, each.is_same) for each in found] == [(other.number, False), (same.number, True)]
    # What is said about it afterwards does not change what the review was.
    world.say(world.claim(other, world.cem, now=later), Verdict.NOT_A_MATCH, now=later)
    assert [each.is_same for each in counted(judged_again, Stage.QA, ever)] == [False, True]


def test_an_appeal_that_changes_something_is_told_from_one_that_does_not(
    world: Any, counted: Any, ever: Period, database: Database, now: datetime
) -> None:
    later = now + timedelta(minutes=5)
    for picture, again in ((1, Verdict.CONFIRMED), (2, Verdict.NOT_A_MATCH)):
        case = world.opened(picture, account=f"a{picture}")
        world.decided(case)
        world.settle(case)
        with database.write() as connection:
            appeal(connection, case.id, actor="key:1", now=later)
        world.say(world.claim(case, world.ben, now=later), again, now=later)
    assert [each.is_same for each in counted(judged_again, Stage.APPEAL, ever)] == [False, True]
    assert counted(judged_again, Stage.QA, ever) == []
