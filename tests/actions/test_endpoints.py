from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from sqlalchemy import select

from hedgerow import audit
from hedgerow.actions import (
    RETRY_AFTER,
    add_endpoint,
    change_endpoint,
    claim_due,
    enqueue,
    find_delivery,
    find_endpoint,
    list_endpoints,
    renew_secret,
)
from hedgerow.actions.tables import webhook_endpoints
from hedgerow.errors import EndpointNotFound, InvalidEndpoint

if TYPE_CHECKING:
    from datetime import datetime

    from hedgerow.actions import Endpoint
    from hedgerow.database import Database
    from hedgerow.database.sealing import ServiceKeys


def test_an_endpoint_is_added_with_a_secret_that_is_sealed_in_the_table(
    database: Database, keys: ServiceKeys, now: datetime
) -> None:
    with database.write() as connection:
        added, secret = add_endpoint(
            connection, "https://a.example/", events=["test"], note="the site", keys=keys, actor="user:1", now=now
        )
    with database.read() as connection:
        assert list_endpoints(connection) == [added]
        assert (added.events, added.is_active, added.created_at, added.note) == (("test",), True, now, "the site")
        stored = bytes(connection.execute(select(webhook_endpoints.c.secret)).scalar_one())
    assert secret not in stored
    assert len(stored) > len(secret)


def test_a_secret_moved_to_another_endpoint_does_not_open_and_keeps_no_other_from_being_told(
    database: Database, keys: ServiceKeys, now: datetime
) -> None:
    with database.write() as connection:
        for name in "ab":
            add_endpoint(connection, f"https://{name}.example/", keys=keys, actor="user:1", now=now)
        first = connection.execute(select(webhook_endpoints.c.secret).where(webhook_endpoints.c.id == 1)).scalar_one()
        connection.execute(webhook_endpoints.update().where(webhook_endpoints.c.id == 2).values(secret=first))
        enqueue(connection, "test", subject_type="webhook", subject_id=2, data={}, actor="user:1", now=now)
    with database.write() as connection:
        claims = claim_due(connection, keys=keys, now=now)
        moved = find_delivery(connection, 2, now=now)
    assert [claim.endpoint.id for claim in claims] == [1]
    assert moved.last_error == "the secret does not open with the service key"
    assert moved.due_at == now + RETRY_AFTER[0]


def test_what_is_changed_is_kept_and_audited(database: Database, endpoint: Endpoint, now: datetime) -> None:
    with database.write() as connection:
        changed = change_endpoint(
            connection,
            endpoint.id,
            url="https://b.example/",
            events=["test"],
            is_active=False,
            note="x",
            actor="user:2",
            now=now,
        )
        assert change_endpoint(connection, endpoint.id, actor="user:2", now=now) == changed
    with database.read() as connection:
        assert find_endpoint(connection, endpoint.id) == changed
        latest = audit.list_entries(connection)[-1]
    assert (changed.url, changed.events, changed.is_active, changed.note) == (
        "https://b.example/",
        ("test",),
        False,
        "x",
    )
    assert (latest.actor, latest.action) == ("user:2", "webhook.changed")
    assert latest.details == {"changed": ["events", "is_active", "note", "url"]}


def test_a_renewed_secret_signs_the_next_try(
    database: Database, endpoint: Endpoint, keys: ServiceKeys, now: datetime
) -> None:
    with database.write() as connection:
        enqueue(connection, "test", subject_type="webhook", subject_id=1, data={}, actor="user:1", now=now)
        secret = renew_secret(connection, endpoint.id, keys=keys, actor="user:1", now=now)
    with database.write() as connection:
        assert [claim.secret for claim in claim_due(connection, keys=keys, now=now)] == [secret]


def test_nothing_is_written_of_an_endpoint_that_is_none(database: Database, keys: ServiceKeys, now: datetime) -> None:
    with database.write() as connection:
        for what in (
            lambda: add_endpoint(connection, "nowhere", keys=keys, actor="user:1", now=now),
            lambda: add_endpoint(connection, "https://a.example/", events=["x"], keys=keys, actor="user:1", now=now),
        ):
            with pytest.raises(InvalidEndpoint):
                what()
        for missing in (
            lambda: find_endpoint(connection, 9),
            lambda: change_endpoint(connection, 9, note="x", actor="user:1", now=now),
            lambda: renew_secret(connection, 9, keys=keys, actor="user:1", now=now),
        ):
            with pytest.raises(EndpointNotFound):
                missing()
    with database.read() as connection:
        assert list_endpoints(connection) == []
        assert audit.list_entries(connection) == []
