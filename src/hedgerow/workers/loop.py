"""Run the jobs: each in a thread of its own, each with its rhythm, none stopped by another's trouble."""

from __future__ import annotations

import logging
import threading
from dataclasses import dataclass
from time import monotonic, time_ns
from typing import TYPE_CHECKING, Final

from hedgerow.app.clock import now as clock
from hedgerow.app.tracing import note
from hedgerow.errors import HedgerowError
from hedgerow.workers.jobs import JOBS
from hedgerow.workers.model import Turn

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from datetime import datetime

    from hedgerow.workers.model import Job, Wiring, Work

__all__ = ["JobStanding", "Workers"]

_log = logging.getLogger(__name__)

_LONGEST_PAUSE_S: Final = 300.0
"""A job that goes on failing is tried at least so often: what ails it may be over."""


@dataclass(frozen=True, slots=True)
class JobStanding:
    """How a job stands, for metrics and readiness.

    Attributes:
        name: Its name.
        done: Rows done since the start.
        failures: Turns in a row that failed.
        error: What the last of them failed of: a reason of `hedgerow.errors`, or the name of a class; None where the
            last turn went well.
        last_at: When its last turn ended well; None before the first.
    """

    name: str
    done: int
    failures: int
    error: str | None
    last_at: datetime | None


class _Runner:
    """One job, its thread, and how it stands."""

    def __init__(self, job: Job, wiring: Wiring, now: Callable[[], datetime], stopping: threading.Event) -> None:
        self.job = job
        self._wiring = wiring
        self._now = now
        self._stopping = stopping
        self._awake = threading.Event()
        self._work: Work | None = None
        self._standing = JobStanding(job.name, 0, 0, None, None)
        self.thread = threading.Thread(target=self._run, name=f"hedgerow-{job.name}", daemon=True)

    @property
    def standing(self) -> JobStanding:
        """How the job stands."""
        return self._standing

    def turn(self, now: Callable[[], datetime], *, is_alone: bool) -> int:
        """Do one turn and return how many rows were done; whatever goes wrong is noted and raised.

        Raises:
            Exception: Whatever the job raises.
        """
        before = self._standing
        began_ns = time_ns()
        try:
            self._work = self._work or self.job.begin(self._wiring)
            done = self._work(Turn(now, self._stopping.is_set, self._awake.set, is_alone))
        except Exception as error:
            reason = error.reason if isinstance(error, HedgerowError) else type(error).__name__
            self._standing = JobStanding(before.name, before.done, before.failures + 1, reason, before.last_at)
            raise
        self._standing = JobStanding(before.name, before.done + done, 0, None, now())
        if done:
            note(f"job {self.job.name}", began_ns, done=done)
        return done

    def _run(self) -> None:
        while not self._stopping.is_set():
            self._awake.clear()
            pause_s = self.job.every_s
            try:
                if self.turn(self._now, is_alone=False):
                    continue
            except Exception as error:  # noqa: BLE001  (one job's trouble stops neither the others nor itself)
                failures = self._standing.failures
                pause_s = min(self.job.every_s * 2 ** min(failures, 16), _LONGEST_PAUSE_S)
                # The kind only: a message may quote what no log should hold. A surprise is worth its traceback, once.
                surprise = None if isinstance(error, HedgerowError) or failures > 1 else _frames_of(error)
                _log.warning(
                    "The job %s failed %d times in a row (%s); it is tried again in %.0f s.%s",
                    self.job.name,
                    failures,
                    self._standing.error,
                    pause_s,
                    f" {surprise}" if surprise else "",
                )
                self._stopping.wait(pause_s)
                continue
            self._awake.wait(pause_s)

    def wake(self) -> None:
        """Let it look at once."""
        self._awake.set()

    def close(self, timeout_s: float) -> bool:
        """End what the job left to other threads."""
        return self._work is None or self._work.close(timeout_s)


def _frames_of(error: Exception) -> str:
    """Say where in our code something went wrong, without the values that a traceback's last line may quote."""
    places = []
    trace = error.__traceback__
    while trace is not None:
        code = trace.tb_frame.f_code
        places.append(f"{code.co_qualname if hasattr(code, 'co_qualname') else code.co_name}:{trace.tb_lineno}")
        trace = trace.tb_next
    return "at " + " > ".join(places[-6:])


class Workers:
    """The jobs of a process.

    Args:
        wiring: What they are run on.
        now: The clock.
        jobs: Which; for tests.
    """

    def __init__(self, wiring: Wiring, *, now: Callable[[], datetime] = clock, jobs: Sequence[Job] = JOBS) -> None:
        self._stopping = threading.Event()
        self._runners = [_Runner(job, wiring, now, self._stopping) for job in jobs]

    def start(self) -> None:
        """Begin to work, in threads."""
        for runner in self._runners:
            runner.thread.start()

    def stop(self, timeout_s: float = 20.0) -> bool:
        """End each job after the row it is at, and wait for what is under way; return whether all of it ended in time.

        What did not is done again by whoever comes next, once its lease runs out.
        """
        deadline = monotonic() + timeout_s
        self._stopping.set()
        for runner in self._runners:
            runner.wake()
        for runner in self._runners:
            if runner.thread.ident is not None:
                runner.thread.join(max(0.0, deadline - monotonic()))
        ended = not any(runner.thread.is_alive() for runner in self._runners)
        closed = [runner.close(max(0.0, deadline - monotonic())) for runner in self._runners]
        return ended and all(closed)

    def run_once(self, now: datetime) -> dict[str, int]:
        """Do one turn of every job in this thread, by a clock that stands still; return what each has done.

        Raises:
            Exception: Whatever a job raises.
        """
        return {runner.job.name: runner.turn(lambda: now, is_alone=True) for runner in self._runners}

    def standings(self) -> list[JobStanding]:
        """Say how each job stands."""
        return [runner.standing for runner in self._runners]
