from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hedgerow.errors import BreakDue, CapReached, InvalidRequest, LimitRefused
from hedgerow.exposure.model import Limits
from hedgerow.exposure.rules import WINDOW, check_break, check_cap, check_look, check_lowering, looks_in_row, standing

NOON = datetime(2026, 11, 22, 12, tzinfo=UTC)
TEN = timedelta(minutes=10)
LIMITS = Limits(daily_looks=40, looks_until_break=3, break_length=TEN)


def minutes(*numbers: float) -> list[datetime]:
    return [NOON + timedelta(minutes=each) for each in numbers]


def test_after_so_many_looks_in_a_row_a_break_is_due_counted_from_the_last() -> None:
    found = standing(minutes(0, 1, 2), 40, None, LIMITS, NOON + timedelta(minutes=3))
    assert found.pause is not None
    assert (found.pause.until, found.pause.is_own) == (NOON + timedelta(minutes=12), False)
    with pytest.raises(BreakDue):
        check_look(found)


def test_who_has_not_looked_for_as_long_as_a_break_had_one() -> None:
    assert standing(minutes(0, 1, 2), 40, None, LIMITS, NOON + timedelta(minutes=12)).pause is None
    assert standing(minutes(0, 1, 11.5, 12), 40, None, LIMITS, NOON + timedelta(minutes=13)).in_row == 2


def test_the_look_at_the_cap_is_refused_until_the_first_is_a_day_old() -> None:
    looks = minutes(0, 60, 120)
    found = standing(looks, 3, None, LIMITS, NOON + timedelta(hours=3))
    assert found.is_capped
    assert found.again_at == NOON + WINDOW
    with pytest.raises(CapReached) as refused:
        check_look(found)
    assert (refused.value.looks, refused.value.cap) == (3, 3)
    check_look(standing(looks[1:], 3, None, LIMITS, NOON + WINDOW))


def test_a_cap_of_nothing_shows_nothing() -> None:
    found = standing([], 0, None, LIMITS, NOON)
    assert found.again_at is None
    with pytest.raises(CapReached):
        check_look(found)


def test_a_break_of_ones_own_holds_until_its_end_and_yields_to_a_longer_one_that_is_due() -> None:
    own = standing([], 40, NOON + TEN, LIMITS, NOON)
    assert own.pause is not None
    assert own.pause.is_own
    assert standing([], 40, NOON, LIMITS, NOON).pause is None
    due = standing(minutes(0, 1, 2), 40, NOON + timedelta(minutes=4), LIMITS, NOON + timedelta(minutes=3))
    assert due.pause is not None
    assert not due.pause.is_own


@given(st.lists(st.floats(0, 24 * 60 - 1), max_size=60), st.integers(0, 50), st.floats(0, 60))
def test_whoever_may_look_is_below_the_cap_and_has_not_looked_too_often_in_a_row(
    at: list[float], cap: int, later: float
) -> None:
    looks = minutes(*sorted(at))
    now = (looks[-1] if looks else NOON) + timedelta(minutes=later)
    found = standing(looks, cap, None, LIMITS, now)
    try:
        check_look(found)
    except CapReached:
        assert len(looks) >= cap
        if found.again_at is not None:
            left = [each for each in looks if each > found.again_at - WINDOW]
            assert len(left) < cap
    except BreakDue:
        assert found.pause is not None
        assert now < found.pause.until <= now + TEN
        assert looks_in_row(looks, TEN, found.pause.until) == 0
    else:
        assert len(looks) < cap
        assert len([each for each in looks if now - each < TEN]) < 3 or found.in_row < 3


def test_ones_own_cap_is_lowered_and_never_raised() -> None:
    check_lowering(39, 40)
    for cap in (40, 41):
        with pytest.raises(LimitRefused):
            check_lowering(cap, 40)
    for cap in (-1, 1_001):
        with pytest.raises(LimitRefused):
            check_cap(cap)


def test_a_break_is_longer_than_nothing_and_no_holiday() -> None:
    check_break(timedelta(hours=4))
    for length in (timedelta(0), timedelta(hours=5)):
        with pytest.raises(InvalidRequest):
            check_break(length)
