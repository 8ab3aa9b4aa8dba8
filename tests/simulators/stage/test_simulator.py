"""A simulator as a whole: it starts, stops, starts again, and writes down who called."""

from __future__ import annotations

import json
import threading
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import httpx
import pytest

from hedgerow.errors import InvalidFault, RealNameRefused, SimulatorUnusable
from hedgerow.simulators.stage import Call, Simulator

if TYPE_CHECKING:
    from pathlib import Path

LOGIN = {"Authorization": "Bearer secret-token"}


def test_it_ends_while_a_call_waits_and_leaves_no_thread(simulator: Simulator[Any]) -> None:
    simulator.faults.add("read:1:slow=3600")
    failed: list[type[Exception]] = []

    def call() -> None:
        try:
            httpx.get(f"{simulator.url}/things", headers=LOGIN, timeout=60)
        except httpx.TransportError as error:
            failed.append(type(error))

    caller = threading.Thread(target=call)
    caller.start()
    while simulator.faults.waiting():  # until the call has come
        pass
    simulator.stop()
    caller.join()
    assert failed
    assert {each.name for each in threading.enumerate()} == {"MainThread"}


def test_one_that_was_stopped_starts_again_where_it_was_with_what_it_held(simulator: Simulator[Any]) -> None:
    simulator.edit({"do": "create", "thing": "third"})
    url = simulator.url
    simulator.stop()
    with pytest.raises(httpx.ConnectError):
        httpx.get(f"{url}/things", headers=LOGIN)
    simulator.start()
    assert simulator.url == url
    assert httpx.get(f"{url}/things", headers=LOGIN).json()["things"] == ["first", "second", "third"]


def test_a_port_that_is_taken_is_said(simulator: Simulator[Any], shelf: Any) -> None:
    port = int(simulator.pages.rpartition(":")[2])
    with pytest.raises(SimulatorUnusable, match=f"port {port}"):
        Simulator(shelf, port).start()


@pytest.mark.parametrize("host", ["shelf.example", "a.Shelves.example."])
def test_a_real_name_is_refused(host: str, shelf: Any) -> None:
    with pytest.raises(RealNameRefused, match="never answers under the name"):
        Simulator(shelf, host=host)


def test_a_fault_that_cannot_be_played_is_refused_at_the_start(shelf: Any) -> None:
    with pytest.raises(InvalidFault, match="no call 'burn'"):
        Simulator(shelf, faults=["burn:1:slow"])


def test_edits_happen_at_the_simulators_time(simulator: Simulator[Any]) -> None:
    at = simulator.clock.advance(timedelta(hours=2), minutes=1)
    assert simulator.edit({"do": "create", "thing": "third"}) == {"at": at.isoformat(), "count": 3}
    with pytest.raises(ValueError, match="only takes more"):
        simulator.edit({"do": "burn"})


def test_the_transcript_is_told_kept_and_written_alike(shelf: Any, tmp_path: Path) -> None:
    told: list[Call] = []
    with Simulator(shelf, faults=["read:2:too_many"], on_call=told.append) as simulator:
        for _ in range(3):
            httpx.get(f"{simulator.url}/things?page=1", headers=LOGIN)
    assert simulator.transcript() == told
    assert simulator.call_count == 3
    simulator.write_transcript(tmp_path / "calls.jsonl")
    lines = [json.loads(line) for line in (tmp_path / "calls.jsonl").read_text("utf-8").splitlines()]
    assert lines == [each.as_json() for each in told]
    assert [(each["number"], each["call"], each["path"], each["status"], each["fault"]) for each in lines] == [
        (1, "read", "/v1/things?page=1", 200, None),
        (2, "read", "/v1/things?page=1", 429, "too_many"),
        (3, "read", "/v1/things?page=1", 200, None),
    ]
    with pytest.raises(SimulatorUnusable, match="the transcript cannot be written"):
        simulator.write_transcript(tmp_path / "missing" / "calls.jsonl")
