"""A power cut at any moment: nothing that was acknowledged is lost, nothing is doubled, and every message arrives."""

from __future__ import annotations

import json
import os
import random
import signal
import threading
import time
from collections import Counter
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

import httpx
import pytest
from sqlalchemy import select

from hedgerow.actions.tables import deliveries
from hedgerow.app.webhooks import add_webhook
from hedgerow.audit import entry_lines, verify
from hedgerow.cases import list_cases
from hedgerow.cases.tables import case_items, matches, submissions
from hedgerow.database import open_database
from hedgerow.hashing import Signal

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from conftest import Served

CLIENTS = 6
ACCOUNTS = 9


class Platform(ThreadingHTTPServer):
    """Takes webhooks, counts them by their id, and now and then fails to answer."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Hook)
        self.came: Counter[str] = Counter()
        self.cases: set[str] = set()
        self.lock = threading.Lock()


class _Hook(BaseHTTPRequestHandler):
    server: Platform

    def do_POST(self) -> None:
        body = json.loads(self.rfile.read(int(self.headers["content-length"])))
        with self.server.lock:
            self.server.came[self.headers["webhook-id"]] += 1
            if body["type"] == "case.opened":
                self.server.cases.add(body["data"]["case"])
        self.send_response(204)
        self.end_headers()

    def log_message(self, *_: object) -> None:
        """Say nothing."""


@pytest.fixture
def platform() -> Iterator[Platform]:
    server = Platform()
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield server
    server.shutdown()
    server.server_close()


def _is_known(count: int) -> bool:
    return count % 2 == 0


def _account(count: int) -> str:
    return f"account-{count % ACCOUNTS}"


class Load:
    """Clients that submit, and send again what they got no answer to."""

    def __init__(self, served: Served) -> None:
        self._served = served
        self._stop = threading.Event()
        self._threads = [threading.Thread(target=self._run, args=(number,)) for number in range(CLIENTS)]
        self.acknowledged: dict[str, str] = {}
        self.errors: list[str] = []
        self._lock = threading.Lock()

    def __enter__(self) -> Self:
        for each in self._threads:
            each.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        for each in self._threads:
            each.join()

    def wait_for(self, more: int) -> None:
        """Wait until so many more submissions were acknowledged: on any machine there is something under way then."""
        wanted = len(self.acknowledged) + more
        until = time.monotonic() + 60
        while len(self.acknowledged) < wanted and time.monotonic() < until:
            time.sleep(0.005)

    def _run(self, client: int) -> None:
        count = 0
        while not self._stop.is_set():
            count += 1
            name = f"post-{client}-{count}"
            signal = "f8" * 32 if _is_known(count) else os.urandom(32).hex()
            said = {
                "content_id": name,
                "account_id": _account(count),
                "signals": [{"type": "pdq", "value": signal, "quality": 90}],
            }
            while not self._stop.is_set() and not self._submit(name, said):
                time.sleep(0.05)

    def _submit(self, name: str, said: dict[str, Any]) -> bool:
        try:
            with self._served.client() as client:
                answer = client.post("/api/v1/submissions", json=said)
        except httpx.TransportError:
            return False
        if answer.status_code != 200:
            self.errors.append(answer.text)
            return False
        told = answer.json()
        told.pop("is_repeat")
        with self._lock:
            self.acknowledged[name] = json.dumps(told, sort_keys=True)
        return True


def _kills(serving: Callable[..., Any], prepared: Path, platform: Platform, count: int) -> None:
    pick = random.Random(20261122)  # noqa: S311  (moments, not secrets)
    with serving() as served:
        add_webhook(served.settings, f"http://127.0.0.1:{platform.server_port}/hook")
        with Load(served) as load:
            for _ in range(count):
                load.wait_for(pick.randrange(40))
                time.sleep(pick.uniform(0, 0.05))
                served.kill()
                served.start()
            load.wait_for(20)
        assert load.errors == []
        _all_messages_arrive(prepared, platform)
        assert served.stop() == 0
    assert len(load.acknowledged) > count
    _nothing_is_lost_or_doubled(prepared, load)


def _all_messages_arrive(data: Path, platform: Platform) -> None:
    until = time.monotonic() + 120
    while time.monotonic() < until:
        wanted = {each["webhook_id"] for each in _deliveries(data)}
        if wanted and wanted <= set(platform.came):
            return
        time.sleep(0.5)
    pytest.fail(f"{len(wanted - set(platform.came))} of {len(wanted)} messages never arrived")


def _deliveries(data: Path) -> list[dict[str, str]]:
    database = open_database(data)
    with database.read() as connection:
        found = [{"webhook_id": f"msg_{number}"} for number in connection.execute(select(deliveries.c.id)).scalars()]
    database.close()
    return found


def _nothing_is_lost_or_doubled(data: Path, load: Load) -> None:
    database = open_database(data)
    with database.read() as connection:
        kept = connection.execute(select(submissions.c.content_id, submissions.c.answer, submissions.c.id)).all()
        by_name = {name: json.dumps(json.loads(answer), sort_keys=True) for name, answer, _ in kept}
        assert len(by_name) == len(kept)  # each once
        for name, told in load.acknowledged.items():
            assert by_name[name] == told
        subjects = [case.subject_id for case in list_cases(connection, limit=10_000)]
        known = {_account(int(name.rpartition("-")[2])) for name in by_name if _is_known(int(name.rpartition("-")[2]))}
        assert len(subjects) == len(set(subjects))
        assert set(subjects) == known
        items = connection.execute(select(case_items.c.submission_id)).scalars().all()
        matched = connection.execute(select(matches.c.submission_id)).scalars().all()
        assert sorted(items) == sorted(matched)
        assert len(items) == len(set(items))
        assert verify(list(entry_lines(connection))).is_sound
    database.close()


@pytest.mark.parametrize("count", [3, pytest.param(100, marks=pytest.mark.slow)])
def test_a_power_cut_at_any_moment_loses_and_doubles_nothing(
    serving: Callable[..., Any], prepared: Path, platform: Platform, count: int
) -> None:
    _kills(serving, prepared, platform, count)


def test_a_hashing_process_that_is_killed_is_replaced_and_its_media_is_answered(serving: Callable[..., Any]) -> None:
    with serving() as served, served.client() as client:
        assert served.process is not None
        children = app_children(served.process.pid)
        assert children
        for pid in children:
            os.kill(pid, signal.SIGKILL)
        answer = client.post("/api/v1/hashes", content=b"GIF89a", headers={"content-type": "image/gif"})
        assert answer.status_code == 200
        assert Signal.from_text(
            "md5", next(each["value"] for each in answer.json()["signals"] if each["type"] == "md5")
        )
        assert client.get("/readyz").json()["is_ready"]


def app_children(pid: int) -> list[int]:
    """List the processes that a process has started, and those started by them."""
    own = [int(each) for each in Path(f"/proc/{pid}/task/{pid}/children").read_text("ascii").split()]
    return [*own, *(grandchild for child in own for grandchild in app_children(child))]
