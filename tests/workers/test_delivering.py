from __future__ import annotations

import time
from datetime import timedelta
from typing import TYPE_CHECKING

import pytest

from hedgerow.actions import DeliveryState, enqueue
from hedgerow.app import now as clock
from hedgerow.workers.delivering import Deliverer
from hedgerow.workers.model import Turn

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime

    from tests.workers.conftest import House, Platform

    from hedgerow.database import Database
    from hedgerow.workers.model import Parts

pytest.importorskip("httpx", reason="NO HTTPX: this test checked NOTHING. Install hedgerow[server].")
pytest.importorskip("cryptography", reason="NO CRYPTOGRAPHY: this test checked NOTHING. Install hedgerow[server].")


def _enqueue(database: Database, count: int, now: datetime) -> list[int]:
    with database.write() as connection:
        return [
            number
            for subject in range(count)
            for number in enqueue(
                connection, "case.opened", subject_type="case", subject_id=subject, data={}, actor="system", now=now
            )
        ]


def test_what_is_due_is_sent_and_recorded(
    database: Database, house: House, platform: Platform, wiring: Callable[..., Parts], now: datetime
) -> None:
    house.endpoint(platform.url)
    numbers = _enqueue(database, 3, now)
    deliverer = Deliverer(wiring())
    assert deliverer(Turn(lambda: now)) == 3
    assert deliverer(Turn(lambda: now)) == 0
    assert sorted(platform.came) == sorted(f"msg_{number}" for number in numbers)
    assert {each.state for each in house.deliveries()} == {DeliveryState.CONFIRMED}
    assert deliverer.close(1)


def test_a_failed_try_waits_as_long_as_the_schedule_says(
    database: Database, house: House, platform: Platform, wiring: Callable[..., Parts], now: datetime
) -> None:
    house.endpoint(platform.url)
    platform.status = 503
    _enqueue(database, 1, now)
    deliverer = Deliverer(wiring())
    tried = [deliverer(Turn(lambda at=at: now + timedelta(seconds=at))) for at in (0, 4, 5, 34, 35)]  # type: ignore[misc]  # the loop's value, bound
    assert tried == [1, 0, 1, 0, 1]
    assert house.deliveries()[0].attempts == 3
    deliverer.close(1)


def test_no_more_are_begun_than_there_are_threads(
    database: Database, house: House, platform: Platform, wiring: Callable[..., Parts], now: datetime
) -> None:
    house.endpoint(platform.url)
    _enqueue(database, 4, now)
    deliverer = Deliverer(wiring(webhook_threads=3))
    assert deliverer(Turn(lambda: now)) == 3
    assert deliverer(Turn(lambda: now)) == 1
    deliverer.close(1)


def test_a_platform_that_does_not_answer_holds_up_only_itself(
    database: Database,
    house: House,
    platform: Platform,
    another_platform: Platform,
    wiring: Callable[..., Parts],
) -> None:
    platform.wait_s = 3.0
    for _ in range(2):
        house.endpoint(platform.url)
    alive = house.endpoint(another_platform.url)
    _enqueue(database, 20, clock())
    deliverer = Deliverer(wiring())
    turn = Turn(clock, is_alone=False)
    until = time.monotonic() + 60
    while len(another_platform.came) < 20 and time.monotonic() < until:
        deliverer(turn)
        time.sleep(0.01)
        if platform.came:  # it has answered: by then everything should have reached the other one
            break
    assert len(another_platform.came) == 20
    assert not platform.came
    assert deliverer.close(10)
    confirmed = [each.endpoint_id for each in house.deliveries() if each.state is DeliveryState.CONFIRMED]
    assert confirmed.count(alive) == 20
    assert len(confirmed) == 20 + 2 * 4  # of each of the slow ones the four that were on their way


def test_what_cannot_be_sent_for_a_reason_that_nobody_foresaw_is_a_failed_try(
    database: Database,
    house: House,
    wiring: Callable[..., Parts],
    now: datetime,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def broken(*_: object, **__: object) -> None:
        raise RuntimeError("what nobody foresaw")

    monkeypatch.setattr("hedgerow.workers.delivering.send", broken)
    house.endpoint("https://platform.example/")
    _enqueue(database, 1, now)
    deliverer = Deliverer(wiring())
    deliverer(Turn(lambda: now))
    (delivery,) = house.deliveries()
    assert (delivery.state, delivery.last_error) == (DeliveryState.WAITING, "RuntimeError")
    deliverer.close(1)
