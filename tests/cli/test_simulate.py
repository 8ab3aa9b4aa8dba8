"""``hedgerow simulate``: a simulator of its own process, started and stopped as people do."""

from __future__ import annotations

import signal
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import httpx
import pytest

from hedgerow.simulators.cybertipline import RemoteSimulator

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

PROGRAM = str(Path(sys.executable).with_name("hedgerow"))


@pytest.fixture
def started() -> Iterator[Callable[..., tuple[Any, RemoteSimulator]]]:
    processes: list[Any] = []

    def start(*options: str) -> tuple[Any, RemoteSimulator]:
        process = subprocess.Popen(
            [PROGRAM, "simulate", "cybertipline", "--port", "0", *options], stdout=subprocess.PIPE, text=True
        )
        processes.append(process)
        assert process.stdout is not None
        assert "SIMULATOR" in process.stdout.readline()
        url = process.stdout.readline().split()[1]
        return process, RemoteSimulator(url.removesuffix("/ispws"))

    yield start
    for process in processes:
        process.kill()
        process.communicate()


@pytest.mark.parametrize("how", [signal.SIGINT, signal.SIGTERM])
def test_it_runs_until_it_is_stopped_and_tells_of_each_call(
    how: signal.Signals, started: Callable[..., tuple[Any, RemoteSimulator]]
) -> None:
    process, remote = started("--user", "a", "--password", "b", "--fault", "status:2:drop_after")
    assert httpx.get(f"{remote.url}/status", auth=("a", "b")).status_code == 200
    with pytest.raises(httpx.TransportError):
        httpx.get(f"{remote.url}/status", auth=("a", "b"))
    assert len(remote.calls()) == 2
    process.send_signal(how)
    said, _ = process.communicate(timeout=30)
    assert process.returncode == 0
    assert "status    HTTP 200  code 0" in said
    assert "status    connection dropped  code 0  (fault: drop_after)" in said


def test_its_clock_may_stand_and_its_state_may_outlive_it(
    tmp_path: Path, started: Callable[..., tuple[Any, RemoteSimulator]]
) -> None:
    options = ("--state", str(tmp_path / "simulator.db"), "--clock", "virtual")
    process, remote = started(*options)
    at = remote.clock.advance(hours=30)
    assert remote.clock.now() == at
    process.send_signal(signal.SIGTERM)
    process.communicate(timeout=30)
    assert started(*options)[1].clock.now() == at


@pytest.mark.parametrize(
    ("options", "status", "said"),
    [
        (("--host", "report.cybertip.org"), 2, "never answers under the name"),
        (("--fault", "finish:1:unheard_of"), 2, "unheard_of"),
        (("--port", "99999"), 2, "99999"),
        (("--state", "missing/simulator.db"), 4, "cannot be opened"),
    ],
)
def test_what_cannot_be_started_is_refused(options: tuple[str, ...], status: int, said: str, tmp_path: Path) -> None:
    done = subprocess.run(
        [PROGRAM, "simulate", "cybertipline", *options], capture_output=True, text=True, check=False, cwd=tmp_path
    )
    assert (done.returncode, said in done.stderr) == (status, True), done.stderr
