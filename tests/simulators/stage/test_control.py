"""The control paths, asked as another process asks them."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest

from hedgerow.errors import SimulatorUnusable
from hedgerow.simulators.stage import RemoteSimulator, Simulator, fault_from_text

if TYPE_CHECKING:
    import httpx

JSON = {"Content-Type": "application/json"}


@pytest.fixture
def remote(simulator: Simulator[Any]) -> RemoteSimulator:
    return RemoteSimulator(simulator.pages)


def test_faults_are_added_shown_and_cleared(simulator: Simulator[Any], remote: RemoteSimulator) -> None:
    added = remote.faults.add("read:*:slow=0.5")
    assert remote.faults.waiting() == simulator.faults.waiting() == [added] == [fault_from_text("read:*:slow=0.5")]
    remote.faults.clear()
    assert simulator.faults.waiting() == remote.faults.waiting() == []
    with pytest.raises(SimulatorUnusable, match="no kind 'unheard_of'"):
        remote.faults.add("read:1:unheard_of")


def test_the_clock_is_read_and_put_forward(simulator: Simulator[Any], remote: RemoteSimulator) -> None:
    at = remote.clock.now()
    assert remote.clock.advance(timedelta(days=1), hours=1.5) == at + timedelta(days=1, hours=1.5)
    assert simulator.clock.now() == remote.clock.now()
    with pytest.raises(SimulatorUnusable):
        remote.ask("POST", "clock", {"fortnights": 1})


def test_items_are_shown_in_parts_and_edited(simulator: Simulator[Any], remote: RemoteSimulator) -> None:
    assert remote.edit({"do": "create", "thing": "third and last"})["count"] == 3
    assert [each["thing"] for each in remote.items()] == ["first…", "second…", "third an…"]
    assert [each["number"] for each in remote.items(2)] == [2]
    assert remote.ask("GET", "items")["count"] == len(simulator.play.things)
    with pytest.raises(SimulatorUnusable, match="only takes more"):
        remote.edit({"do": "burn"})


def test_calls_are_shown(simulator: Simulator[Any], remote: RemoteSimulator, client: httpx.Client) -> None:
    client.get("/v1/things?page=1")
    assert remote.transcript() == simulator.transcript()
    assert len(remote.transcript()) == 1


@pytest.mark.parametrize(
    ("method", "path", "body", "status"),
    [
        ("POST", "/simulator/faults", b"{", 400),
        ("POST", "/simulator/faults", b"[]", 400),
        ("POST", "/simulator/faults", b"{}", 400),
        ("GET", "/simulator/items?first=x", b"", 400),
        ("GET", "/simulator/other", b"", 404),
        ("PUT", "/simulator/clock", b"{}", 404),
    ],
)
def test_what_cannot_be_understood_is_refused(
    method: str, path: str, body: bytes, status: int, client: httpx.Client
) -> None:
    assert client.request(method, path, content=body, headers=JSON).status_code == status


def test_a_form_of_another_page_changes_nothing(simulator: Simulator[Any], client: httpx.Client) -> None:
    reply = client.post("/simulator/faults", content=b'{"fault": "*:*:slow"}', headers={"Content-Type": "text/plain"})
    assert reply.status_code == 415
    assert simulator.faults.waiting() == []


@pytest.mark.parametrize("path", ["/", "/style.css", "/simulator/items", "/simulator/calls"])
def test_only_this_machine_under_its_own_name_may_look(path: str, client: httpx.Client) -> None:
    assert client.get(path).status_code == 200
    assert client.get(path, headers={"Host": "rebound.example"}).status_code == 403


def test_a_simulator_that_is_not_there_is_said() -> None:
    with pytest.raises(SimulatorUnusable, match="does not answer"):
        RemoteSimulator("http://127.0.0.1:9").clock.now()
