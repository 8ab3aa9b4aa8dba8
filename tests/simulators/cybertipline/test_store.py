"""What a file remembers across a restart, and what memory forgets."""

from __future__ import annotations

import os
import signal
import stat
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import httpx
import pytest

from hedgerow.errors import SimulatorUnusable
from hedgerow.simulators.cybertipline import CyberTiplineSimulator, RemoteSimulator

if TYPE_CHECKING:
    from collections.abc import Callable

START = datetime(2026, 11, 22, 12, 0, tzinfo=UTC)


def test_a_restart_forgets_nothing(tmp_path: Path, calling: Callable[[CyberTiplineSimulator], Any]) -> None:
    path = tmp_path / "simulator.db"
    with CyberTiplineSimulator(state=path, stands_at=START) as first:
        caller = calling(first)
        finished, opened = caller.opened(), caller.opened()
        file = caller.uploaded(finished)
        caller.describe(finished, file)
        caller.finish(finished)
        first.clock.advance(hours=23)
        reports, calls, now = first.reports(), first.calls(), first.clock.now()
    with CyberTiplineSimulator(state=path) as second:
        assert second.reports() == reports
        assert second.calls() == calls
        assert second.clock.now() == now
        caller = calling(second)
        assert caller.code(caller.retract(finished)) == 5102
        second.clock.advance(hours=1)
        assert caller.code(caller.finish(opened)) == 5001
        assert caller.opened() > opened


def test_a_clock_that_goes_stays_as_far_ahead(tmp_path: Path) -> None:
    path = tmp_path / "simulator.db"
    with CyberTiplineSimulator(state=path) as first:
        first.clock.advance(days=3)
    with CyberTiplineSimulator(state=path) as second:
        assert 2.99 < (second.clock.now() - datetime.now(UTC)).total_seconds() / 86_400 < 3.01


def test_its_file_is_its_owner_s_alone(tmp_path: Path) -> None:
    path = tmp_path / "simulator.db"
    with CyberTiplineSimulator(state=path):
        assert stat.S_IMODE(path.stat().st_mode) == 0o600


def test_a_file_that_cannot_be_opened_is_an_error_that_says_so(tmp_path: Path) -> None:
    with pytest.raises(SimulatorUnusable):
        CyberTiplineSimulator(state=tmp_path / "missing" / "simulator.db")
    (tmp_path / "other.db").write_bytes(b"no database at all, but long enough to be looked at" * 100)
    with pytest.raises(SimulatorUnusable):
        CyberTiplineSimulator(state=tmp_path / "other.db")


def test_what_was_answered_outlives_a_kill(tmp_path: Path) -> None:
    path, numbers = tmp_path / "simulator.db", []
    for _ in range(2):
        process = subprocess.Popen(
            [sys.executable, "-c", _RUN, str(path)],
            stdout=subprocess.PIPE,
            text=True,
        )
        assert process.stdout is not None
        remote = RemoteSimulator(process.stdout.readline().strip())
        numbers.append(_submit(remote))
        os.kill(process.pid, signal.SIGKILL)
        process.communicate()
    with CyberTiplineSimulator(state=path) as simulator:
        assert [each.id for each in simulator.reports()] == numbers


_RUN = """
import sys, threading
from datetime import UTC, datetime
from hedgerow.simulators.cybertipline import CyberTiplineSimulator
simulator = CyberTiplineSimulator(state=sys.argv[1], stands_at=datetime(2026, 11, 22, tzinfo=UTC))
simulator.start()
print(simulator.pages, flush=True)
threading.Event().wait()
"""


def _submit(remote: RemoteSimulator) -> int:
    document = (Path(__file__).parent / "examples" / "report_minimal.xml").read_bytes()
    reply = httpx.post(
        f"{remote.url}/submit", content=document, headers={"content-type": "text/xml"}, auth=("simulator", "simulator")
    )
    assert "<responseCode>0<" in reply.text
    return remote.reports()[-1].id
