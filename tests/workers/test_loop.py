from __future__ import annotations

import logging
import threading
import time
from datetime import timedelta
from typing import TYPE_CHECKING

import pytest

from hedgerow.cases import State, Verdict
from hedgerow.errors import DatabaseUnavailable
from hedgerow.workers import Job, Workers
from hedgerow.workers.jobs import JOBS

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime

    from tests.workers.conftest import House, Platform

    from hedgerow.workers import Turn, Wiring
    from hedgerow.workers.model import Parts, Work

pytest.importorskip("httpx", reason="NO HTTPX: this test checked NOTHING. Install hedgerow[server].")
pytest.importorskip("cryptography", reason="NO CRYPTOGRAPHY: this test checked NOTHING. Install hedgerow[server].")


class Counted:
    """A job that counts its turns and does what it is told."""

    def __init__(self, does: Callable[[int, Turn], int]) -> None:
        self.turns = 0
        self.closed = False
        self._does = does

    def __call__(self, turn: Turn) -> int:
        self.turns += 1
        return self._does(self.turns, turn)

    def close(self, timeout_s: float) -> bool:  # noqa: ARG002  (as every job is closed)
        self.closed = True
        return True


def _job(name: str, work: Counted, every_s: float = 0.01) -> Job:
    def begin(wiring: Wiring) -> Work:
        return work

    return Job(name, every_s, begin)


def _until(holds: Callable[[], bool], most_s: float = 30) -> None:
    end = time.monotonic() + most_s
    while not holds():
        assert time.monotonic() < end
        time.sleep(0.005)


@pytest.mark.sqlite_file
def test_a_job_that_fails_is_tried_again_and_stops_no_other(
    wiring: Callable[..., Parts], caplog: pytest.LogCaptureFixture
) -> None:
    def fails(turns: int, _: Turn) -> int:
        if turns == 1:
            raise DatabaseUnavailable("gone")
        if turns == 2:
            raise ValueError("pdq f8f8 of somebody@example.org")
        return 0

    bad, good = Counted(fails), Counted(lambda _turns, _turn: 0)
    workers = Workers(wiring(), jobs=[_job("bad", bad), _job("good", good)])
    with caplog.at_level(logging.WARNING):
        workers.start()
        _until(lambda: bad.turns > 3 and good.turns > 3)
        assert workers.stop(10)
    assert (bad.closed, good.closed) == (True, True)
    assert [record.args[:3] for record in caplog.records] == [  # type: ignore[index]  # they have some
        ("bad", 1, "database_unavailable"),
        ("bad", 2, "ValueError"),
    ]
    assert "somebody" not in caplog.text
    assert "f8f8" not in caplog.text
    (standing, _) = workers.standings()
    assert (standing.name, standing.failures, standing.error) == ("bad", 0, None)


@pytest.mark.sqlite_file
def test_a_job_that_goes_on_failing_is_tried_less_and_less(wiring: Callable[..., Parts]) -> None:
    def fails(_: int, __: Turn) -> int:
        raise DatabaseUnavailable("gone")

    bad = Counted(fails)
    workers = Workers(wiring(), jobs=[_job("bad", bad, every_s=0.05)])
    workers.start()
    time.sleep(1.0)
    assert workers.stop(10)
    assert bad.turns <= 5  # after 0, 0.1, 0.3, 0.7 s; every 0.05 s it would be twenty
    assert workers.standings()[0].failures == bad.turns


@pytest.mark.sqlite_file
def test_a_job_that_did_something_looks_for_more_at_once(wiring: Callable[..., Parts]) -> None:
    busy = Counted(lambda turns, _: 1 if turns < 50 else 0)
    workers = Workers(wiring(), jobs=[_job("busy", busy, every_s=3_600)])
    workers.start()
    _until(lambda: busy.turns == 50)
    assert workers.stop(10)
    assert (workers.standings()[0].done, busy.turns) == (49, 50)


@pytest.mark.sqlite_file
def test_a_job_can_be_woken_before_its_time(wiring: Callable[..., Parts]) -> None:
    wakes: list[Callable[[], None]] = []
    asleep = Counted(lambda _, turn: wakes.append(turn.wake) or 0)
    workers = Workers(wiring(), jobs=[_job("asleep", asleep, every_s=3_600)])
    workers.start()
    _until(lambda: asleep.turns == 1)
    wakes[0]()
    _until(lambda: asleep.turns == 2)
    assert workers.stop(10)


@pytest.mark.sqlite_file
def test_a_stop_says_that_a_job_did_not_end_in_time(wiring: Callable[..., Parts]) -> None:
    released = threading.Event()
    stuck = Counted(lambda _, __: int(released.wait(60)) - 1)
    workers = Workers(wiring(), jobs=[_job("stuck", stuck)])
    workers.start()
    _until(lambda: stuck.turns == 1)
    assert not workers.stop(0.1)
    released.set()
    assert workers.stop(10)


@pytest.mark.sqlite_file
def test_workers_that_never_started_can_be_stopped(wiring: Callable[..., Parts]) -> None:
    assert Workers(wiring()).stop(1)


def test_one_turn_of_everything_takes_a_case_from_the_decision_to_its_end(
    house: House, platform: Platform, wiring: Callable[..., Parts], now: datetime
) -> None:
    house.endpoint(platform.url)
    case = house.opened("post-1")
    house.decided(case, Verdict.CONFIRMED)
    workers = Workers(wiring())
    done = [workers.run_once(now + timedelta(minutes=minute)) for minute in range(4)]
    assert done[1]["effects"] == 1
    assert done[2]["webhooks"] == 2
    assert done[2]["finished cases"] + done[3]["finished cases"] == 1
    assert house.case(case).state is State.CLOSED
    assert workers.stop(5)


def test_all_jobs_run_on_an_empty_database_and_do_nothing(
    database: object, wiring: Callable[..., Parts], now: datetime
) -> None:
    workers = Workers(wiring())
    assert workers.run_once(now) == {job.name: 0 for job in JOBS}
    assert workers.stop(5)


def test_the_threads_of_all_jobs_do_the_same(
    house: House, platform: Platform, wiring: Callable[..., Parts], now: datetime
) -> None:
    house.endpoint(platform.url)
    case = house.opened("post-1")
    house.decided(case, Verdict.CONFIRMED)
    workers = Workers(wiring(), now=lambda: now + timedelta(days=1))
    workers.start()
    _until(lambda: house.case(case).state is State.CLOSED)
    assert workers.stop(10)
    assert len(platform.came) == 2
