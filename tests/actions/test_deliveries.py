from __future__ import annotations

import json
import threading
from datetime import timedelta
from typing import TYPE_CHECKING

import pytest

from hedgerow import audit
from hedgerow.actions import (
    RETRY_AFTER,
    DeliveryState,
    Sent,
    add_endpoint,
    change_endpoint,
    claim_due,
    deliver_again,
    enqueue,
    find_delivery,
    is_any_due,
    list_attempts,
    list_deliveries,
    record_attempt,
    unconfirmed,
)
from hedgerow.actions.rules import IN_FLIGHT, LEASE
from hedgerow.errors import DeliveryNotFound, InvalidEndpoint, LeaseLost

if TYPE_CHECKING:
    from datetime import datetime

    from hedgerow.actions import Claim, Delivery, Endpoint
    from hedgerow.database import Database
    from hedgerow.database.sealing import ServiceKeys

CONFIRMED = Sent(204, None, 12)
REFUSED = Sent(500, "answered 500", 7)


def _enqueue(database: Database, now: datetime, number: int = 1, event: str = "case.opened") -> list[int]:
    with database.write() as connection:
        return enqueue(
            connection,
            event,
            subject_type="case",
            subject_id=number,
            data={"content_id": f"post-{number}"},
            actor="system",
            now=now,
        )


def _claim(database: Database, keys: ServiceKeys, now: datetime, most: int = 16) -> list[Claim]:
    with database.write() as connection:
        return claim_due(connection, keys=keys, now=now, most=most)


def _record(database: Database, claim: Claim, sent: Sent, now: datetime, asked: timedelta | None = None) -> Delivery:
    with database.write() as connection:
        return record_attempt(connection, claim, sent, now=now, asked=asked)


def test_a_message_is_claimed_sent_and_confirmed(
    database: Database, endpoint: Endpoint, keys: ServiceKeys, now: datetime
) -> None:
    assert _enqueue(database, now) == [1]
    (claim,) = _claim(database, keys, now)
    assert claim.endpoint == endpoint
    assert claim.delivery.state is DeliveryState.SENDING
    assert json.loads(claim.delivery.body) == {
        "type": "case.opened",
        "timestamp": now.isoformat(),
        "data": {"content_id": "post-1"},
    }
    done = _record(database, claim, CONFIRMED, now)
    assert (done.state, done.delivered_at, done.attempts, done.due_at) == (DeliveryState.CONFIRMED, now, 1, None)
    assert _claim(database, keys, now + timedelta(days=9)) == []
    with database.read() as connection:
        assert [attempt.sent for attempt in list_attempts(connection, 1)] == [CONFIRMED]
        assert list(unconfirmed(connection)) == []
        assert [entry.action for entry in audit.list_entries(connection)] == [
            "webhook.added",
            "webhook.enqueued",
            "webhook.confirmed",
        ]


def test_a_transaction_that_fails_sends_nothing(
    database: Database, endpoint: Endpoint, keys: ServiceKeys, now: datetime
) -> None:
    def fail() -> None:
        with database.write() as connection:
            enqueue(connection, "test", subject_type="case", subject_id=1, data={}, actor="system", now=now)
            raise RuntimeError

    with pytest.raises(RuntimeError):
        fail()
    assert _claim(database, keys, now) == []


def test_each_endpoint_that_wants_an_event_is_told_and_no_other(
    database: Database, endpoint: Endpoint, keys: ServiceKeys, now: datetime
) -> None:
    with database.write() as connection:
        picky, _ = add_endpoint(
            connection, "https://b.example/", events=["content.remove"], keys=keys, actor="user:1", now=now
        )
        off, _ = add_endpoint(connection, "https://c.example/", keys=keys, actor="user:1", now=now)
        change_endpoint(connection, off.id, is_active=False, actor="user:1", now=now)
    _enqueue(database, now, event="case.opened")
    _enqueue(database, now, event="content.remove")
    with database.read() as connection:
        told = [(each.endpoint_id, each.event) for each in reversed(list_deliveries(connection, now=now))]
    assert told == [(endpoint.id, "case.opened"), (endpoint.id, "content.remove"), (picky.id, "content.remove")]
    with pytest.raises(InvalidEndpoint):
        _enqueue(database, now, event="report")


def test_a_message_that_fails_is_tried_on_the_schedule_and_then_given_up(
    database: Database, endpoint: Endpoint, keys: ServiceKeys, now: datetime
) -> None:
    _enqueue(database, now)
    at = now
    for tries, delay in enumerate(RETRY_AFTER, 1):
        (claim,) = _claim(database, keys, at)
        failed = _record(database, claim, REFUSED, at)
        assert (failed.state, failed.attempts, failed.due_at) == (DeliveryState.WAITING, tries, at + delay)
        assert _claim(database, keys, at + delay - timedelta(seconds=1)) == []
        at += delay
    (claim,) = _claim(database, keys, at)
    given_up = _record(database, claim, REFUSED, at)
    assert (given_up.state, given_up.last_status, given_up.last_error) == (DeliveryState.GIVEN_UP, 500, "answered 500")
    assert _claim(database, keys, at + timedelta(days=99)) == []
    with database.read() as connection:
        (problem,) = unconfirmed(connection)
        assert (problem.endpoint_id, problem.waiting, problem.given_up, problem.oldest_at) == (endpoint.id, 0, 1, now)
        assert len(list_attempts(connection, 1)) == len(RETRY_AFTER) + 1
        assert audit.list_entries(connection)[-1].action == "webhook.given_up"


def test_a_message_that_was_given_up_is_sent_again_when_a_person_says_so(
    database: Database, endpoint: Endpoint, keys: ServiceKeys, now: datetime
) -> None:
    _enqueue(database, now)
    at = now
    for _ in range(len(RETRY_AFTER) + 1):
        (claim,) = _claim(database, keys, at)
        at = _record(database, claim, REFUSED, at).due_at or at
    with database.write() as connection:
        again = deliver_again(connection, 1, actor="user:3", now=at)
    assert (again.state, again.due_at) == (DeliveryState.WAITING, at)
    (claim,) = _claim(database, keys, at)
    assert _record(database, claim, REFUSED, at).due_at == at + RETRY_AFTER[0]
    with pytest.raises(DeliveryNotFound), database.write() as connection:
        deliver_again(connection, 9, actor="user:3", now=at)


def test_a_platform_that_asks_for_time_is_not_tried_before(
    database: Database, endpoint: Endpoint, keys: ServiceKeys, now: datetime
) -> None:
    _enqueue(database, now)
    (claim,) = _claim(database, keys, now)
    waiting = _record(database, claim, Sent(429, "answered 429", 3), now, asked=timedelta(minutes=7))
    assert waiting.due_at == now + timedelta(minutes=7)


def test_a_process_that_dies_leaves_a_lease_that_runs_out(
    database: Database, endpoint: Endpoint, keys: ServiceKeys, now: datetime
) -> None:
    _enqueue(database, now)
    (lost,) = _claim(database, keys, now)
    assert _claim(database, keys, now + LEASE) == []
    (taken,) = _claim(database, keys, now + LEASE + timedelta(seconds=1))
    with pytest.raises(LeaseLost):
        _record(database, lost, CONFIRMED, now)
    assert _record(database, taken, CONFIRMED, now).state is DeliveryState.CONFIRMED
    with pytest.raises(LeaseLost):
        _record(database, taken, CONFIRMED, now)


def test_a_dead_endpoint_holds_up_nothing_but_itself(
    database: Database, endpoint: Endpoint, keys: ServiceKeys, now: datetime
) -> None:
    for number in range(50):
        _enqueue(database, now + timedelta(milliseconds=number), number)
    with database.write() as connection:
        alive, _ = add_endpoint(connection, "https://b.example/", keys=keys, actor="user:1", now=now)
    _enqueue(database, now + timedelta(seconds=1), 99)
    claims = _claim(database, keys, now + timedelta(seconds=2))
    assert [claim.endpoint.id for claim in claims].count(endpoint.id) == IN_FLIGHT
    assert [claim.endpoint.id for claim in claims].count(alive.id) == 1
    assert _claim(database, keys, now + timedelta(seconds=2)) == []


def test_an_endpoint_that_is_switched_off_keeps_what_waits(
    database: Database, endpoint: Endpoint, keys: ServiceKeys, now: datetime
) -> None:
    _enqueue(database, now)
    with database.write() as connection:
        change_endpoint(connection, endpoint.id, is_active=False, actor="user:1", now=now)
    assert _claim(database, keys, now) == []
    with database.write() as connection:
        change_endpoint(connection, endpoint.id, is_active=True, actor="user:1", now=now)
    assert len(_claim(database, keys, now)) == 1


def test_several_workers_never_try_the_same_message(
    database: Database, endpoint: Endpoint, keys: ServiceKeys, now: datetime
) -> None:
    with database.write() as connection:
        for name in range(7):
            add_endpoint(connection, f"https://{name}.example/", keys=keys, actor="user:1", now=now)
    for number in range(4):
        _enqueue(database, now, number)
    taken: list[int] = []
    starts = threading.Barrier(4)

    def work() -> None:
        starts.wait()
        for _ in range(6):
            taken.extend(claim.delivery.id for claim in _claim(database, keys, now, most=3))

    workers = [threading.Thread(target=work) for _ in range(4)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    assert len(taken) == len(set(taken))
    taken += [claim.delivery.id for claim in _claim(database, keys, now, most=100)]
    assert sorted(taken) == list(range(1, 33))


def test_deliveries_are_listed_by_what_they_are_about_and_in_pages(
    database: Database, endpoint: Endpoint, keys: ServiceKeys, now: datetime
) -> None:
    for number in (1, 2, 1, 1):
        _enqueue(database, now, number)
    (claim,) = _claim(database, keys, now, most=1)
    _record(database, claim, CONFIRMED, now)
    with database.read() as connection:
        about = [each.id for each in list_deliveries(connection, now=now, subject=("case", "1"))]
        assert about == [4, 3, 1]
        assert [each.id for each in list_deliveries(connection, now=now, most=2)] == [4, 3]
        assert [each.id for each in list_deliveries(connection, now=now, most=2, before=3)] == [2, 1]
        assert [each.id for each in list_deliveries(connection, now=now, is_unconfirmed=True)] == [4, 3, 2]
        assert find_delivery(connection, 1, now=now).state is DeliveryState.CONFIRMED
        with pytest.raises(DeliveryNotFound):
            find_delivery(connection, 9, now=now)


def test_one_endpoint_is_told_alone_of_what_it_did_not_ask_for(
    database: Database, endpoint: Endpoint, keys: ServiceKeys, now: datetime
) -> None:
    with database.write() as connection:
        change_endpoint(connection, endpoint.id, events=["case.opened"], actor="user:1", now=now)
        other, _ = add_endpoint(connection, "https://other.example/", keys=keys, actor="user:1", now=now)
        numbers = enqueue(
            connection,
            "test",
            subject_type="webhook",
            subject_id=endpoint.id,
            data={},
            actor="user:1",
            now=now,
            endpoint=endpoint.id,
        )
        claims = claim_due(connection, keys=keys, now=now, only=numbers[0])
        assert [claim.endpoint.id for claim in claims] == [endpoint.id]
        assert list_deliveries(connection, now=now, endpoint=other.id) == []
        assert [each.id for each in list_deliveries(connection, now=now, endpoint=endpoint.id)] == numbers


def test_that_something_is_due_can_be_asked_without_claiming_it(
    database: Database, endpoint: Endpoint, keys: ServiceKeys, now: datetime
) -> None:
    with database.read() as connection:
        assert not is_any_due(connection, now=now)
    _enqueue(database, now)
    with database.read() as connection:
        assert not is_any_due(connection, now=now - timedelta(seconds=1))
        assert is_any_due(connection, now=now)
    with database.write() as connection:
        claim_due(connection, keys=keys, now=now)
    with database.read() as connection:
        assert not is_any_due(connection, now=now)
    with database.write() as connection:
        change_endpoint(connection, endpoint.id, is_active=False, actor="user:1", now=now)
    with database.read() as connection:
        assert not is_any_due(connection, now=now + LEASE * 2)


def test_no_representation_shows_a_body_or_a_secret(
    database: Database, endpoint: Endpoint, keys: ServiceKeys, now: datetime
) -> None:
    _enqueue(database, now)
    (claim,) = _claim(database, keys, now)
    assert "post-1" not in repr(claim)
    assert claim.token not in repr(claim)
    assert repr(claim.secret) not in repr(claim)
