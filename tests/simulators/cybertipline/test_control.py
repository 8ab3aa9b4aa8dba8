"""A simulator in another process is led through its control paths, and tells the same as one in ours."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import httpx
import pytest

from hedgerow.errors import InvalidFault, SimulatorUnusable
from hedgerow.simulators.cybertipline import CyberTiplineSimulator, Fault, RemoteSimulator

if TYPE_CHECKING:
    from collections.abc import Callable


@pytest.fixture
def remote(simulator: CyberTiplineSimulator) -> RemoteSimulator:
    return RemoteSimulator(simulator.pages)


def test_both_tell_the_same(remote: RemoteSimulator, caller: Any) -> None:
    report = caller.opened()
    caller.describe(report, caller.uploaded(report))
    caller.uploaded(caller.opened())
    caller.finish(report)
    simulator = caller.simulator
    assert remote.url == simulator.url
    assert remote.reports() == simulator.reports()
    assert remote.report(report) == simulator.report(report)
    assert remote.report(7) is None
    assert remote.calls() == simulator.calls()


def test_faults_are_added_seen_and_cleared(remote: RemoteSimulator, caller: Any) -> None:
    fault = remote.faults.add("finish", 2, "slow", wait_s=0.5)
    remote.faults.add("*", None, "validation", element="age")
    assert (
        remote.faults.waiting()
        == caller.simulator.faults.waiting()
        == [
            fault,
            Fault("*", None, "validation", element="age"),
        ]
    )
    remote.faults.clear()
    assert caller.simulator.faults.waiting() == []
    assert httpx.post(f"{remote.pages}/simulator/faults", json={"fault": "submit:1:1000"}).json()[0]["kind"] == "1000"
    assert caller.code(caller.submit()) == 1000
    with pytest.raises(InvalidFault):
        remote.faults.add("finish", 1, "unheard_of")


def test_the_clock_is_put_forward(remote: RemoteSimulator, caller: Any) -> None:
    report = caller.opened()
    at = remote.clock.now()
    assert (remote.clock.advance(hours=25, minutes=1) - at).total_seconds() == 25 * 3600 + 60
    assert remote.clock.now() == caller.simulator.clock.now()
    assert caller.state(report) == "expired"


def test_settings_are_changed(remote: RemoteSimulator, caller: Any) -> None:
    assert remote.ask("GET", "settings") == {"error_style": "200", "second_fileinfo": 4000}
    remote.ask("POST", "settings", {"error_style": "400", "second_fileinfo": 1300})
    assert caller.submit(b"x").status_code == 400


@pytest.mark.parametrize(
    ("path", "said"),
    [
        ("faults", {"call": "finish"}),
        ("faults", {"call": "finish", "kind": "unheard_of"}),
        ("faults", {"call": "finish", "kind": "slow", "wait_s": "x"}),
        ("faults", {"call": "finish", "kind": "slow", "more": 1}),
        ("faults", {"fault": "finish"}),
        ("clock", {"fortnights": 1}),
        ("clock", {"hours": "x"}),
        ("clock", {"days": 1e300}),
        ("settings", {"error_style": "500"}),
        ("settings", {"second_fileinfo": 1}),
        ("settings", {"other": 1}),
        ("reports", {"x": 1}),
        ("nothing", {}),
    ],
)
def test_what_cannot_be_done_is_refused_with_a_reason(path: str, said: dict[str, Any], remote: RemoteSimulator) -> None:
    with pytest.raises(SimulatorUnusable, match="refuses"):
        remote.ask("POST", path, said)


@pytest.mark.parametrize("body", [b"x", b"[1]", b'"x"'])
def test_what_is_no_object_is_refused(body: bytes, remote: RemoteSimulator) -> None:
    headers = {"content-type": "application/json"}
    assert httpx.post(f"{remote.pages}/simulator/clock", content=body, headers=headers).status_code == 400


def test_a_form_of_another_site_changes_nothing(remote: RemoteSimulator) -> None:
    for kind in ("application/x-www-form-urlencoded", "text/plain", ""):
        headers = {"content-type": kind} if kind else {}
        reply = httpx.post(f"{remote.pages}/simulator/clock", content=b'{"hours": 30}', headers=headers)
        assert reply.status_code == 415


@pytest.mark.parametrize("path", ["/", "/calls", "/simulator/reports", "/simulator/clock"])
def test_under_another_name_pages_and_paths_need_the_password(path: str, simulator: CyberTiplineSimulator) -> None:
    # Another site's page may have its own name lead here; under that name nothing is shown.
    headers = {"Host": "attacker.example"}
    assert httpx.get(f"{simulator.pages}{path}", headers=headers).status_code == 401
    assert httpx.get(f"{simulator.pages}{path}", headers=headers, auth=("simulator", "simulator")).status_code == 200
    assert httpx.get(f"{simulator.pages}{path}").status_code == 200


def test_nobody_who_answers_is_an_error_that_says_so(
    calling: Callable[[CyberTiplineSimulator], Any],
) -> None:
    with CyberTiplineSimulator() as simulator:
        remote = RemoteSimulator(simulator.pages)
    with pytest.raises(SimulatorUnusable, match="does not answer"):
        remote.reports()
