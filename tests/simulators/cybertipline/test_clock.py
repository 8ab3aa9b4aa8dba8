from __future__ import annotations

from datetime import UTC, datetime, timedelta

from hedgerow.simulators.cybertipline import VirtualClock

AT = datetime(2028, 2, 28, 23, 30, tzinfo=UTC)


def test_a_clock_that_stands_goes_only_when_it_is_put_forward() -> None:
    clock = VirtualClock(AT)
    assert clock.now() == clock.now() == AT
    assert clock.advance(hours=1) == clock.now() == datetime(2028, 2, 29, 0, 30, tzinfo=UTC)


def test_a_clock_that_goes_can_be_put_forward_and_stood_still() -> None:
    clock = VirtualClock()
    assert abs(clock.advance(days=2) - datetime.now(UTC) - timedelta(days=2)) < timedelta(minutes=1)
    assert clock.stand() == clock.now() == clock.stands_at
    assert clock.stand(AT) == clock.now() == AT


def test_a_clock_can_go_backwards() -> None:
    assert VirtualClock(AT).advance(seconds=-1) < AT
