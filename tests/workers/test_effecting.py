from __future__ import annotations

import json
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest

from hedgerow.actions import Sent, claim_due, record_attempt
from hedgerow.cases import State, Verdict
from hedgerow.policy import Then
from hedgerow.workers.effecting import finish_cases, take_effects
from hedgerow.workers.model import Turn

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime

    from tests.workers.conftest import House

    from hedgerow.workers.model import Parts


def _at(now: datetime) -> Turn:
    return Turn(lambda: now)


def _told(house: House) -> list[tuple[str, dict[str, Any]]]:
    return [(each.event, json.loads(each.body)["data"]) for each in house.deliveries()]


_CONFIRMED = Sent(204, None, 1)


def _answer(house: House, parts: Parts, sent: Sent, at: datetime) -> None:
    with house.database.write() as connection:
        for claim in claim_due(connection, keys=parts.keys, now=at):
            record_attempt(connection, claim, sent, now=at)


def test_a_decision_is_told_when_it_can_no_longer_be_undone_and_once(
    house: House, wiring: Callable[..., Parts], now: datetime
) -> None:
    house.endpoint("https://platform.example/")
    case = house.opened("post-1", Then.HOLD_FOR_REVIEW)
    decision = house.decided(case, Verdict.CONFIRMED)
    assert take_effects(wiring(), _at(now)) == 0
    assert house.deliveries() == []
    assert [take_effects(wiring(), _at(now + timedelta(minutes=1))) for _ in range(2)] == [1, 0]
    assert _told(house) == [
        ("content.remove", {"content_id": "post-1", "submission": 1, "case": case.number, "account_id": "acc"}),
        (
            "case.decided",
            {
                "case": case.number,
                "subject_kind": "account",
                "subject_id": "acc",
                "decision": decision.id,
                "verdict": "confirmed",
            },
        ),
    ]


@pytest.mark.parametrize(("then", "told"), [(Then.HOLD_FOR_REVIEW, True), (Then.ACTION, True), (Then.REVIEW, False)])
def test_what_is_no_match_is_released_where_it_was_held_back(
    house: House, wiring: Callable[..., Parts], now: datetime, then: Then, told: bool
) -> None:
    house.endpoint("https://platform.example/")
    house.decided(house.opened("post-1", then), Verdict.NOT_A_MATCH)
    take_effects(wiring(), _at(now + timedelta(minutes=1)))
    events = [event for event, _ in _told(house)]
    assert events == (["content.release", "case.decided"] if told else ["case.decided"])


def test_every_submission_of_a_case_is_named(house: House, wiring: Callable[..., Parts], now: datetime) -> None:
    house.endpoint("https://platform.example/", "content.remove")
    case = house.opened("post-1")
    assert house.opened("post-2").id == case.id
    house.decided(case, Verdict.CONFIRMED)
    take_effects(wiring(), _at(now + timedelta(minutes=1)))
    assert [data["content_id"] for _, data in _told(house)] == ["post-1", "post-2"]


def test_a_case_is_closed_when_the_platform_has_confirmed_everything(
    house: House, wiring: Callable[..., Parts], now: datetime
) -> None:
    house.endpoint("https://platform.example/")
    case = house.opened("post-1")
    house.decided(case, Verdict.CONFIRMED)
    take_effects(wiring(), _at(now + timedelta(minutes=1)))
    assert finish_cases(wiring(), _at(now + timedelta(minutes=1))) == 0
    assert house.case(case).state is State.ACTING
    _answer(house, wiring(), _CONFIRMED, now + timedelta(hours=1))
    assert finish_cases(wiring(), _at(now + timedelta(hours=1))) == 1
    assert house.case(case).state is State.CLOSED


def test_a_case_with_a_message_that_failed_is_not_closed_and_keeps_no_other_open(
    house: House, wiring: Callable[..., Parts], now: datetime
) -> None:
    house.endpoint("https://platform.example/")
    first = house.opened("post-1")
    house.decided(first, Verdict.CONFIRMED)
    take_effects(wiring(), _at(now + timedelta(minutes=1)))
    _answer(house, wiring(), Sent(500, "answered 500", 1), now + timedelta(hours=1))
    second = house.opened("post-2", account="another")
    house.decided(second, Verdict.NOT_A_MATCH)
    take_effects(wiring(), _at(now + timedelta(minutes=2)))
    _answer(house, wiring(), _CONFIRMED, now + timedelta(minutes=2))
    finish_cases(wiring(), _at(now + timedelta(minutes=3)))
    assert (house.case(first).state, house.case(second).state) == (State.ACTING, State.CLOSED)


def test_without_endpoints_a_case_is_closed_at_once(house: House, wiring: Callable[..., Parts], now: datetime) -> None:
    case = house.opened("post-1")
    house.decided(case, Verdict.CONFIRMED)
    take_effects(wiring(), _at(now + timedelta(minutes=1)))
    finish_cases(wiring(), _at(now + timedelta(minutes=1)))
    assert house.case(case).state is State.CLOSED


def test_closed_cases_are_drawn_for_a_second_review_as_the_settings_say(
    house: House, wiring: Callable[..., Parts], now: datetime
) -> None:
    case = house.opened("post-1")
    house.decided(case, Verdict.CONFIRMED)
    take_effects(wiring(), _at(now + timedelta(minutes=1)))
    finish_cases(wiring(qa_share=1.0), _at(now + timedelta(minutes=1)))
    assert house.case(case).state is State.SAMPLED
