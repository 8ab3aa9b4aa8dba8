"""What the platform was told, for people: what is not confirmed, each try, and another one."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

import pytest

from hedgerow import actions as sent
from hedgerow.accounts import Role
from hedgerow.actions import DeliveryState, Sent
from hedgerow.app import now
from hedgerow.app.serving import webhooks

if TYPE_CHECKING:
    from collections.abc import Callable

    from hedgerow.accounts import User
    from hedgerow.database import Database
    from hedgerow.database.sealing import ServiceKeys


@pytest.fixture
def lea(browser: Any, add_user: Callable[..., User]) -> Any:
    add_user("lea", Role.LEAD)
    browser.log_in("lea")
    return browser


@pytest.fixture
def told(database: Database, service_keys: ServiceKeys) -> Callable[..., list[int]]:
    """Give what writes messages to an endpoint and, if asked for, tries each once."""
    with database.write() as connection:
        url = "https://platform.example.org/hooks?key=secret"
        sent.add_endpoint(connection, url, note="<b>theirs</b>", keys=service_keys, actor="cli", now=now())

    def tell(count: int = 1, outcome: Sent | None = None) -> list[int]:
        numbers = []
        with database.write() as connection:
            for number in range(count):
                data = {"content_id": f"<i>post-{number}</i>"}
                numbers += sent.enqueue(
                    connection, "test", subject_type="webhook", subject_id=1, data=data, actor="cli", now=now()
                )
            if outcome is not None:
                for number in numbers:
                    (claim,) = sent.claim_due(connection, keys=service_keys, now=now(), only=number)
                    sent.record_attempt(connection, claim, outcome, now=now())
        return numbers

    return tell


def listed(page: str) -> list[int]:
    return [int(number) for number in re.findall(r'href="/deliveries/(\d+)"', page)]


def test_messages_come_in_pages_and_only_those_not_confirmed_if_asked_for(
    lea: Any, told: Callable[..., list[int]]
) -> None:
    confirmed = told(1, Sent(204, None, 12))
    told(60)
    first = lea.get("/deliveries").text
    assert listed(first) == list(range(61, 11, -1))
    (following,) = re.findall(r'href="([^"]*)" rel="next"', first)
    assert listed(lea.get(following.replace("&amp;", "&")).text) == list(range(11, 0, -1))
    last = lea.get("/deliveries?show=unconfirmed&before=12").text
    assert confirmed[0] not in listed(last)
    assert "secret" not in first
    assert "<b>theirs" not in first


def test_a_message_shows_every_try_and_is_sent_again(
    lea: Any, database: Database, told: Callable[..., list[int]], actions: Callable[[], list[str]]
) -> None:
    (number,) = told(1, Sent(503, "it answered 503", 1234))
    page = lea.get(f"/deliveries/{number}").text
    assert "<code>503</code> it answered 503" in page
    assert "1,234" in page
    assert "&lt;i&gt;post-0" in page
    assert "secret" not in page
    again = lea.send(f"/deliveries/{number}/retry")
    assert again.headers["location"] == f"/deliveries/{number}?note=again"
    assert actions()[-1] == "webhook.sent_again"
    delivery, _ = webhooks.show_delivery(database, number)
    assert delivery.due_at is not None
    assert delivery.due_at <= now()
    assert lea.get("/deliveries/999").status_code == 404


def test_all_that_was_given_up_is_sent_again_at_once(
    lea: Any, database: Database, told: Callable[..., list[int]], service_keys: ServiceKeys
) -> None:
    numbers = told(2)
    for number in numbers:
        while webhooks.show_delivery(database, number)[0].state is not DeliveryState.GIVEN_UP:
            with database.write() as connection:
                due = webhooks.show_delivery(database, number)[0].due_at
                assert due is not None
                (claim,) = sent.claim_due(connection, keys=service_keys, now=due, only=number)
                sent.record_attempt(connection, claim, Sent(500, "it answered 500", 1), now=due)
    assert "Send all given up again" in lea.get("/deliveries").text
    assert lea.send("/deliveries/endpoints/1/retry").headers["location"] == "/deliveries?endpoint=1&note=all"
    assert {webhooks.show_delivery(database, number)[0].state for number in numbers} == {DeliveryState.WAITING}
    assert "Send all given up again" not in lea.get("/deliveries").text
    assert lea.send("/deliveries/endpoints/9/retry").status_code == 404


@pytest.mark.sqlite_file
def test_where_nobody_is_told_the_page_says_so(lea: Any, database: Database) -> None:
    page = lea.get("/deliveries").text
    assert "there is no endpoint" in page
    assert lea.get("/deliveries?endpoint=99999999999999999999").status_code == 422


@pytest.mark.sqlite_file
def test_a_reviewer_neither_sees_nor_sends_them(
    browser: Any, add_user: Callable[..., User], told: Callable[..., list[int]], database: Database
) -> None:
    (number,) = told()
    add_user("rey", Role.REVIEWER)
    browser.log_in("rey")
    assert browser.get(f"/deliveries/{number}").status_code == 403
    assert browser.send(f"/deliveries/{number}/retry").status_code == 403
