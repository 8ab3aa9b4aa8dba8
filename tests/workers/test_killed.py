"""A worker is killed at random moments under load: nothing is lost, nothing takes effect twice, the audit holds."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
import threading
import time
from collections import Counter
from contextlib import contextmanager
from datetime import timedelta
from typing import TYPE_CHECKING

import pytest

from hedgerow.actions import DeliveryState, enqueue
from hedgerow.app import now as clock
from hedgerow.audit import entry_lines, verify
from hedgerow.cases import State, Verdict
from hedgerow.database.sealing import KEY_FILE_NAME

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from tests.workers.conftest import House, Platform

    from hedgerow.cases import Case
    from hedgerow.database import Database

pytest.importorskip("httpx", reason="NO HTTPX: this test checked NOTHING. Install hedgerow[server].")
pytest.importorskip("cryptography", reason="NO CRYPTOGRAPHY: this test checked NOTHING. Install hedgerow[server].")

_STARTED = b"Working."


@contextmanager
def _worker(folder: Path, url: str) -> Iterator[subprocess.Popen[bytes]]:
    environment = os.environ | {
        "HEDGEROW_DATABASE_URL": url,
        "HEDGEROW_WORKERS_WEBHOOK_LEASE_S": "1",
    }
    command = [sys.executable, "-c", "from hedgerow.cli import main; main()", "--data", str(folder), "worker"]
    process = subprocess.Popen(command, stderr=subprocess.PIPE, env=environment)
    try:
        yield process
    finally:
        process.kill()
        process.wait()
        assert process.stderr is not None
        process.stderr.close()


def _wait_until_it_works(process: subprocess.Popen[bytes]) -> None:
    assert process.stderr is not None
    seen = b""
    while _STARTED not in seen:
        line = process.stderr.readline()
        assert line, seen
        seen += line
    # Read on, so that it never waits for us
    threading.Thread(target=process.stderr.read, daemon=True).start()


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Give a data folder with the service key of the tests."""
    folder = tmp_path / "folder"
    folder.mkdir(mode=0o700)
    key = os.open(folder / KEY_FILE_NAME, os.O_CREAT | os.O_WRONLY, 0o600)
    os.write(key, b"AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=\n")
    os.close(key)
    return folder


@pytest.fixture
def past_house(database: Database, house_at: Callable[[timedelta], House]) -> House:
    """Give a house in which everything was decided yesterday."""
    del database
    return house_at(timedelta(days=-1))


def _wait_until_something_came(platform: Platform) -> None:
    until = time.monotonic() + 120
    while not platform.came:
        assert time.monotonic() < until
        time.sleep(0.02)


def _load(house: House, batch: int, events: list[int], cases: list[Case]) -> None:
    """Write what a busy moment brings: ten messages, and a case that is decided."""
    for number in range(10):
        with house.database.write() as connection:
            events += enqueue(
                connection,
                "case.opened",
                subject_type="test",
                subject_id=f"{batch}-{number}",
                data={},
                actor="system",
                now=clock(),
            )
    case = house.opened(f"post-{batch}", account=f"account-{batch}")
    house.decided(case, Verdict.CONFIRMED)
    cases.append(case)


@pytest.mark.parametrize("kills", [3, pytest.param(100, marks=pytest.mark.slow)])
def test_nothing_is_lost_and_nothing_takes_effect_twice(
    database: Database, past_house: House, platform: Platform, folder: Path, kills: int
) -> None:
    house = past_house
    house.endpoint(platform.url)
    url = database.engine.url.render_as_string(hide_password=False)
    moments = random.Random(20261122)  # noqa: S311  (moments, no secret)
    events: list[int] = []
    cases: list[Case] = []
    for batch in range(kills):
        loading = threading.Thread(target=_load, args=(house, batch, events, cases))
        with _worker(folder, url) as process:
            loading.start()
            if batch % 4:  # else it is killed while it starts
                _wait_until_it_works(process)
            if batch == 1:  # on a machine however busy, something has arrived before a kill
                _wait_until_something_came(platform)
            time.sleep(moments.uniform(0, 1.5))
            process.send_signal(signal.SIGKILL)
            assert process.wait() == -signal.SIGKILL
        loading.join()
    with _worker(folder, url) as process:
        _wait_until_it_works(process)
        until = time.monotonic() + 300
        while any(house.case(case).state is not State.CLOSED for case in cases) or any(
            each.state is not DeliveryState.CONFIRMED for each in house.deliveries()
        ):
            assert time.monotonic() < until
            time.sleep(0.2)
        process.send_signal(signal.SIGTERM)
        assert process.wait(120) == 0
    deliveries = house.deliveries()
    assert {each.id for each in deliveries} >= set(events)
    assert {f"msg_{each.id}" for each in deliveries} == set(platform.came)
    told = Counter((each.event, each.subject_id) for each in deliveries if each.subject_type == "case")
    assert told == {(event, str(case.id)): 1 for case in cases for event in ("content.remove", "case.decided")}
    with database.read() as connection:
        assert verify(entry_lines(connection)).is_sound


def test_a_worker_that_is_asked_to_stop_ends_what_it_is_at(
    database: Database, past_house: House, platform: Platform, folder: Path
) -> None:
    platform.wait_s = 1.0
    past_house.endpoint(platform.url)
    events: list[int] = []
    _load(past_house, 0, events, [])
    with _worker(folder, database.engine.url.render_as_string(hide_password=False)) as process:
        _wait_until_it_works(process)
        until = time.monotonic() + 300
        while all(each.state is not DeliveryState.SENDING for each in past_house.deliveries()):
            assert time.monotonic() < until
            time.sleep(0.02)
        process.send_signal(signal.SIGTERM)
        assert process.wait(120) == 0
    states = Counter(each.state for each in past_house.deliveries())
    assert states[DeliveryState.SENDING] == 0
    assert states[DeliveryState.CONFIRMED] == len(platform.came) > 0


@pytest.mark.sqlite_file
def test_a_worker_changes_no_schema_that_nobody_asked_it_to(database: Database, folder: Path) -> None:
    with database.write() as connection:
        connection.exec_driver_sql("UPDATE alembic_version SET version_num = '0003'")
    with _worker(folder, database.engine.url.render_as_string(hide_password=False)) as process:
        assert process.wait(60) == 4
        assert process.stderr is not None
        assert b"--migrate" in process.stderr.read()
