from __future__ import annotations

from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hedgerow.actions.rules import EVENTS, RETRY_AFTER, check_events, check_url, is_wanted, retry_delay
from hedgerow.errors import InvalidEndpoint


def test_a_message_is_tried_over_a_long_weekend() -> None:
    assert timedelta(days=3) < sum(RETRY_AFTER, timedelta()) < timedelta(days=5)
    assert list(RETRY_AFTER) == sorted(RETRY_AFTER)


def test_after_the_last_try_it_is_given_up() -> None:
    assert retry_delay(len(RETRY_AFTER)) == RETRY_AFTER[-1]
    assert retry_delay(len(RETRY_AFTER) + 1) is None


@given(st.integers(1, len(RETRY_AFTER)), st.timedeltas(timedelta(0), timedelta(days=400)))
def test_a_platform_may_ask_for_more_time_but_not_for_less_nor_for_weeks(attempts: int, asked: timedelta) -> None:
    delay = retry_delay(attempts, asked)
    assert delay is not None
    assert RETRY_AFTER[attempts - 1] <= delay <= timedelta(days=1)


def test_who_asks_for_nothing_in_particular_is_told_of_everything() -> None:
    assert all(is_wanted(event, ()) for event in EVENTS)
    assert [event for event in EVENTS if is_wanted(event, ("case.opened",))] == ["case.opened"]


def test_events_are_kept_once_and_in_one_order() -> None:
    assert check_events(["test", "case.opened", "test"]) == ("case.opened", "test")
    with pytest.raises(InvalidEndpoint, match=r"no event 'report\.sent'"):
        check_events(["report.sent"])


@pytest.mark.parametrize("url", ["https://platform.example/hooks", "http://10.0.0.5:8080/a?b=c", "https://[::1]/x"])
def test_an_address_is_taken(url: str) -> None:
    assert check_url(url) == url


@pytest.mark.parametrize(
    "url",
    [
        "",
        "platform.example/hooks",
        "ftp://platform.example/",
        "https://",
        "https://platform.example:0/",
        "https://platform.example:99999/",
        "https://somebody:secret@platform.example/",
        "https://platform.example/#part",
        "https://platform.example/a b",
        "https://platform.example/\n",
        "https://[::1/",
        "https://platform.example/" + "a" * 2_000,
    ],
)
def test_what_is_no_address_is_refused_without_being_repeated(url: str) -> None:
    with pytest.raises(InvalidEndpoint) as refused:
        check_url(url)
    assert "platform" not in str(refused.value)
