from __future__ import annotations

import http.server
import threading
from typing import TYPE_CHECKING

import pytest

from hedgerow.actions import DeliveryState, enqueue, verify
from hedgerow.actions.signing import secret_bytes
from hedgerow.app import now
from hedgerow.app.webhooks import (
    EndpointChange,
    add_webhook,
    change_webhook,
    list_webhook_deliveries,
    list_webhooks,
    renew_webhook_secret,
    retry_webhook_deliveries,
    show_webhook_delivery,
    try_webhook,
)
from hedgerow.audit import list_entries
from hedgerow.errors import DeliveryNotFound, EndpointNotFound, EndpointPaused
from hedgerow.settings import load_settings

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from hedgerow.database import Database
    from hedgerow.settings import Settings

pytest.importorskip("httpx", reason="NO HTTPX: this test checked NOTHING. Install hedgerow[server].")
pytest.importorskip("cryptography", reason="NO CRYPTOGRAPHY: this test checked NOTHING. Install hedgerow[server].")


@pytest.fixture
def settings(database: Database, tmp_path: Path) -> Settings:
    url = database.engine.url.render_as_string(hide_password=False)
    return load_settings(data=tmp_path / "folder", database_url=url)


class Platform(http.server.BaseHTTPRequestHandler):
    """Keeps what came, and answers as its server says."""

    def do_POST(self) -> None:  # the name that http.server asks for
        body = self.rfile.read(int(self.headers["content-length"]))
        self.server.came.append(({key.lower(): value for key, value in self.headers.items()}, body))  # type: ignore[attr-defined]  # ours
        self.send_response(self.server.status)  # type: ignore[attr-defined]  # ours
        self.end_headers()

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture
def platform() -> Iterator[http.server.ThreadingHTTPServer]:
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Platform)
    server.came, server.status = [], 204  # type: ignore[attr-defined]  # ours
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield server
    server.shutdown()
    thread.join()
    server.server_close()


def _url(platform: http.server.ThreadingHTTPServer) -> str:
    return f"http://127.0.0.1:{platform.server_address[1]}/hooks"


def _enqueue(database: Database, count: int) -> list[int]:
    with database.write() as connection:
        return [
            enqueue(
                connection, "case.opened", subject_type="case", subject_id=number, data={}, actor="system", now=now()
            )[0]
            for number in range(count)
        ]


def test_an_endpoint_is_tried_out_at_once_and_can_check_the_signature(
    settings: Settings, platform: http.server.ThreadingHTTPServer
) -> None:
    made = add_webhook(settings, _url(platform), events=["case.opened"])
    delivery = try_webhook(settings, made.endpoint.id)
    assert (delivery.state, delivery.last_status, delivery.attempts) == (DeliveryState.CONFIRMED, 204, 1)
    ((headers, body),) = platform.came  # type: ignore[attr-defined]  # ours
    assert verify(secret_bytes(made.secret), headers, body, now=now()) == f"msg_{delivery.id}"


def test_a_try_that_fails_is_on_record_and_waits_for_the_next(
    settings: Settings, platform: http.server.ThreadingHTTPServer
) -> None:
    made = add_webhook(settings, _url(platform))
    platform.status = 500  # type: ignore[attr-defined]  # ours
    delivery = try_webhook(settings, made.endpoint.id)
    assert (delivery.state, delivery.last_error) == (DeliveryState.WAITING, "answered 500")
    assert [each.sent.status for each in show_webhook_delivery(settings, delivery.id)[1]] == [500]
    (standing,) = list_webhooks(settings)
    assert standing.unconfirmed is not None
    assert standing.unconfirmed.waiting == 1


def test_a_test_waits_for_nothing_else_that_is_due(
    database: Database, settings: Settings, platform: http.server.ThreadingHTTPServer
) -> None:
    made = add_webhook(settings, _url(platform))
    _enqueue(database, 20)
    assert try_webhook(settings, made.endpoint.id).state is DeliveryState.CONFIRMED
    assert len(platform.came) == 1  # type: ignore[attr-defined]  # ours
    assert len(list_webhook_deliveries(settings, is_unconfirmed=True)) == 20


def test_nothing_is_sent_to_an_endpoint_that_is_paused_or_unknown(
    settings: Settings, platform: http.server.ThreadingHTTPServer
) -> None:
    made = add_webhook(settings, _url(platform))
    change_webhook(settings, made.endpoint.id, EndpointChange(is_active=False))
    with pytest.raises(EndpointPaused):
        try_webhook(settings, made.endpoint.id)
    with pytest.raises(EndpointNotFound):
        try_webhook(settings, 99)
    assert list_webhook_deliveries(settings) == []


def test_a_new_secret_signs_the_next_message(settings: Settings, platform: http.server.ThreadingHTTPServer) -> None:
    made = add_webhook(settings, _url(platform))
    renewed = renew_webhook_secret(settings, made.endpoint.id)
    assert renewed.secret != made.secret
    try_webhook(settings, made.endpoint.id)
    ((headers, body),) = platform.came  # type: ignore[attr-defined]  # ours
    verify(secret_bytes(renewed.secret), headers, body, now=now())


def test_what_was_given_up_is_sent_again_all_of_it_or_none(database: Database, settings: Settings) -> None:
    from hedgerow.actions.tables import deliveries  # noqa: PLC0415  (only here)

    made = add_webhook(settings, "http://127.0.0.1:9/")
    numbers = _enqueue(database, 3)
    with database.write() as connection:
        given_up = deliveries.update().where(deliveries.c.id.in_(numbers[:2]))
        connection.execute(given_up.values(gave_up_at=now(), due_at=None))
    with pytest.raises(DeliveryNotFound):
        retry_webhook_deliveries(settings, [99], given_up_of=made.endpoint.id)
    assert {each.state for each in list_webhook_deliveries(settings)} == {
        DeliveryState.GIVEN_UP,
        DeliveryState.WAITING,
    }
    assert retry_webhook_deliveries(settings, numbers[:1], given_up_of=made.endpoint.id, actor="user:3") == numbers[:2]
    assert {each.state for each in list_webhook_deliveries(settings)} == {DeliveryState.WAITING}
    with database.read() as connection:
        entries = list_entries(connection, action="webhook.sent_again")
    assert [(entry.actor, entry.subject_id) for entry in entries] == [("user:3", str(each)) for each in numbers[:2]]


def test_deliveries_come_in_pages_and_by_endpoint(database: Database, settings: Settings) -> None:
    first = add_webhook(settings, "http://127.0.0.1:9/").endpoint.id
    _enqueue(database, 3)
    second = add_webhook(settings, "http://127.0.0.1:9/").endpoint.id
    _enqueue(database, 1)
    assert [each.endpoint_id for each in list_webhook_deliveries(settings, endpoint=second)] == [second]
    page = list_webhook_deliveries(settings, endpoint=first, most=2)
    rest = list_webhook_deliveries(settings, endpoint=first, before=page[-1].id)
    assert [each.id for each in [*page, *rest]] == sorted((each.id for each in [*page, *rest]), reverse=True)
    assert len(page) == len(rest) == 2


def test_looking_for_endpoints_creates_nothing(tmp_path: Path) -> None:
    settings = load_settings(data=tmp_path / "nothing")
    assert list_webhooks(settings) == []
    assert list_webhook_deliveries(settings) == []
    assert not (tmp_path / "nothing").exists()
