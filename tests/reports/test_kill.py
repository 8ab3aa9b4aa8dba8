"""Kill −9 at random moments, and two processes that race and stall: everything is filed exactly once."""

from __future__ import annotations

import contextlib
import json
import os
import random
import signal
import subprocess
import sys
import time
from datetime import datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from tests.reports.filer_nursery import FASTER

from hedgerow.reports.filing_model import ReportState

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.reports.conftest import Desk

    from hedgerow.reports.filing_model import Report
    from hedgerow.simulators.cybertipline import CyberTiplineSimulator

_NURSERY = Path(__file__).with_name("filer_nursery.py")
_WHOLE_S = 0.9
"""Longer than it takes to file a report of two files when nobody is killed."""


class Fast:
    """A clock that runs as the nursery's does."""

    def __init__(self, base: datetime) -> None:
        self.base, self.began = base, time.time()

    def __call__(self) -> datetime:
        return self.base + timedelta(seconds=(time.time() - self.began) * FASTER)


class Nursery:
    """Filers in processes of their own, one at a time."""

    def __init__(self, desk: Desk, address: str) -> None:
        url = desk.database.engine.url
        is_sqlite = url.get_backend_name() == "sqlite"
        clock = desk.clock
        assert isinstance(clock, Fast)
        said = {
            "data": str(Path(url.database or "").parent if is_sqlite else desk.vault_folder),
            "url": None if is_sqlite else url.render_as_string(hide_password=False),
            "vault": str(desk.vault_folder),
            "address": address,
            "base": clock.base.isoformat(),
            "began": clock.began,
        }
        self._process = subprocess.Popen(
            [sys.executable, "-W", "ignore", str(_NURSERY)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
        )
        self._say(json.dumps(said))

    def _say(self, line: str) -> None:
        assert self._process.stdin is not None
        self._process.stdin.write(f"{line}\n")
        self._process.stdin.flush()

    def _hear(self) -> int:
        assert self._process.stdout is not None
        return int(self._process.stdout.readline())

    def begin(self, report: Report) -> int:
        """Let a filer begin, and return its process id."""
        self._say(str(report.id))
        return self._hear()

    def end(self) -> int:
        """Wait for the end of the filer, and return its status."""
        return self._hear()

    def close(self) -> None:
        self._process.kill()
        self._process.wait()
        for pipe in (self._process.stdin, self._process.stdout):
            assert pipe is not None
            pipe.close()


@contextlib.contextmanager
def nurseries(desk: Desk, address: str, count: int) -> Iterator[list[Nursery]]:
    made = [Nursery(desk, address) for _ in range(count)]
    try:
        yield made
    finally:
        for each in made:
            each.close()


def check(desk: Desk, simulator: CyberTiplineSimulator, report: Report, before: set[int]) -> None:
    """One finished report more, and it is the one that ours names."""
    done = desk.look(report)
    new = {each.id for each in simulator.reports() if each.state == "finished"} - before
    assert done.state is ReportState.FILED
    assert new == {int(done.external_id or 0)}


def kill_at_random(desk: Desk, simulator: CyberTiplineSimulator, kills: int, seed: int) -> None:
    chance = random.Random(seed)  # noqa: S311  (moments, no secrets)
    desk.clock = Fast(desk.now)  # type: ignore[assignment]  # it is called, and nothing else
    killed = 0
    with nurseries(desk, simulator.url, 1) as (nursery,):
        while killed < kills:
            before = {each.id for each in simulator.reports() if each.state == "finished"}
            report = desk.approve(desk.drafted(*desk.case_with_files()))
            for _ in range(chance.randint(1, 4)):
                child = nursery.begin(report)
                time.sleep(chance.uniform(0, _WHOLE_S))
                with contextlib.suppress(ProcessLookupError):
                    os.kill(child, signal.SIGKILL)
                if nursery.end() == 0:
                    break  # it was faster
                killed += 1
            nursery.begin(report)
            assert nursery.end() == 0
            check(desk, simulator, report, before)
    simulator.advance(hours=26)
    assert {each.state for each in simulator.reports()} <= {"finished", "retracted", "expired"}


def test_five_kills_at_random_moments_leave_everything_filed_once(desk: Desk, simulator: CyberTiplineSimulator) -> None:
    kill_at_random(desk, simulator, 5, seed=1)


@pytest.mark.slow
def test_two_hundred_kills_at_random_moments_leave_everything_filed_once(
    desk: Desk, simulator: CyberTiplineSimulator
) -> None:
    kill_at_random(desk, simulator, 200, seed=2)


def race(desk: Desk, simulator: CyberTiplineSimulator, reports: int, seed: int) -> None:
    """Let two processes race for each report, one of which is stopped for longer than its lease, and wakes up."""
    chance = random.Random(seed)  # noqa: S311  (moments, no secrets)
    desk.clock = Fast(desk.now)  # type: ignore[assignment]  # it is called, and nothing else
    with nurseries(desk, simulator.url, 2) as (one, other):
        for _ in range(reports):
            before = {each.id for each in simulator.reports() if each.state == "finished"}
            report = desk.approve(desk.drafted(*desk.case_with_files()))
            children = [one.begin(report), other.begin(report)]
            time.sleep(chance.uniform(0, _WHOLE_S / 2))
            stalled = chance.choice(children)
            with contextlib.suppress(ProcessLookupError):
                os.kill(stalled, signal.SIGSTOP)
                time.sleep(1.6)
                os.kill(stalled, signal.SIGCONT)
            assert [one.end(), other.end()] == [0, 0]
            check(desk, simulator, report, before)
    simulator.advance(hours=26)
    assert {each.state for each in simulator.reports()} <= {"finished", "retracted", "expired"}


def test_two_that_race_and_stall_past_their_lease_file_once(desk: Desk, simulator: CyberTiplineSimulator) -> None:
    race(desk, simulator, 4, seed=3)


@pytest.mark.slow
def test_two_that_race_and_stall_for_long_file_once(desk: Desk, simulator: CyberTiplineSimulator) -> None:
    race(desk, simulator, 60, seed=4)
