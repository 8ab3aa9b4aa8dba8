"""Worker processes that decode untrusted bytes, and that can be killed at any moment without loss.

The parent hands tasks to a few worker processes and watches the clock. A worker that hangs is killed, one that dies is
replaced; the task at fault gets an answer that says so, and the tasks queued behind it go to another worker. Inside,
a worker limits its own memory, CPU time and files (`hedgerow.media.sandbox_worker`). Workers are forked from a process
that has imported what they need (`hedgerow.media.sandbox_nursery`), so that a new one costs milliseconds.

Watching pipes needs a POSIX system. On Windows `Sandbox.is_available` is false, and callers decode in-process.
"""

from __future__ import annotations

import selectors
import signal
import sys
import weakref
from collections import deque
from dataclasses import dataclass, field
from itertools import chain
from threading import BoundedSemaphore
from time import monotonic
from typing import TYPE_CHECKING, Any, Self

from hedgerow.errors import DecoderCrashed
from hedgerow.media.sandbox_nursery import Nursery, command_of
from hedgerow.media.sandbox_process import WorkerPool, WorkerProcess

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence
    from types import TracebackType

__all__ = ["BEGUN_TASKS", "Answer", "Begun", "Sandbox", "Task", "start_nursery"]

_Body = dict[str, Any]
Task = _Body | tuple[_Body, bytes]
"""What a worker is asked: a JSON object, and raw bytes beside it where there are any. Its ``size_bytes``, where it has
some, say how much there is to read, so that the work is spread evenly."""
Answer = dict[str, Any]
"""What a worker says: a JSON object.

Exactly one answer to each task has ``done`` true, its last; where the worker had no more to say, that one holds nothing
else. ``error`` (``timeout``, ``memory`` or ``crashed``, the last with ``how``) says that the worker was lost, and
``name`` over which unit (None where the task has no units).
"""

_QUEUED_S = 0.1
_LEAST_AHEAD, _MOST_AHEAD = 2, 16
"""Each worker is sent so many tasks ahead as fill a tenth of a second: enough that it never waits for a parent that is
busy writing a report, few enough that the last tasks of a run are spread over all workers."""
_TASK_BYTES = 64 * 1024
"""A task takes as long as to read so many bytes, beside its own (measured: 0.4 ms against 150 MB/s of JPEG)."""
_S_PER_BYTE = 1e-7
"""How long that takes, as a first guess: 20 ms for an ordinary photograph."""
BEGUN_TASKS = 64
"""Tasks for each worker to begin with while the caller is busy: half a second of small pictures (7 ms each). Their
answers wait in the pipe; a full pipe only makes the worker wait."""
_REORDER_TASKS = 4096
"""Tasks that may be begun behind one that is not done yet; their answers wait in memory (about 1 KB each)."""
_WAITING_ANSWERS = 2 * _REORDER_TASKS
"""Answers that may wait in memory before workers are left unread."""
_LOSSES_PER_TASK = 16
"""Workers that one task (an archive) may cost; what comes after is not looked at."""
_START_S = 60.0
"""The first worker starts in 0.3 s; this long on a machine that is out of breath."""
_FAILED_STARTS = 3
_ORPHANS = 16
"""So many workers may be lost in one run because their nursery was; their tasks are tried again and not blamed."""


@dataclass(slots=True)
class _Job:
    """A task on its way."""

    index: int
    body: _Body
    data: bytes
    work_bytes: int
    skip: int = 0
    begun: str | None = None
    losses: int = 0
    is_done: bool = False
    answers: deque[Answer] = field(default_factory=deque)

    def add(self, answer: Answer, *, is_done: bool) -> None:
        answer["done"] = self.is_done = is_done
        self.answers.append(answer)


class _Crew:
    """One worker process and the jobs in its queue, with the work in all of them; it works on the first."""

    def __init__(self, process: WorkerProcess) -> None:
        self.process = process
        self.jobs: deque[_Job] = deque()
        self.work_bytes = 0
        self.since = monotonic()
        self.last_words: Answer | None = None
        self.is_read = False
        self.is_written = False

    def deadline(self, seconds: float) -> float:
        """Until when it must have said something."""
        return self.since + (seconds if self.process.is_ready else _START_S)


class Sandbox:
    """A few killable workers.

    Args:
        command: How to start one, such as ``(sys.executable, "-m", "hedgerow.hashing.worker")``.
        jobs: How many run at once at most; they are started when there is work for them.
        seconds: Wall-clock limit of one unit: a task, or one member of an archive. A worker that says in time that it
            goes on (`hedgerow.media.sandbox_worker.Request.go_on`) has this time again.
        memory_bytes: What a worker may take beyond what it needs to start.
        tasks_per_worker: After so many tasks a worker is replaced, which bounds what leaks can hold.
        greeting: What the program is told before a worker is born, where it asks for that (``serve(prepare=…)``).
        nursery: Where the program was started beforehand: it is ours from now on.

    Use it as a context manager, or call `close`.
    """

    is_available = sys.platform != "win32"

    def __init__(
        self,
        command: Sequence[str],
        *,
        jobs: int,
        seconds: float,
        memory_bytes: int,
        tasks_per_worker: int = 2000,
        greeting: dict[str, Any] | None = None,
        nursery: Nursery | None = None,
    ) -> None:
        self._pool = WorkerPool(
            command,
            jobs=jobs,
            seconds=seconds,
            memory_bytes=memory_bytes,
            tasks_per_worker=tasks_per_worker,
            greeting=greeting,
            nursery=nursery,
        )
        self._callers = BoundedSemaphore(self._pool.jobs)
        weakref.finalize(self, self._pool.close)  # should nobody close us, at the latest when Python ends

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Kill every worker. Do not call it while another thread is in `run` or `call`."""
        self._pool.close()

    def start(self) -> None:
        """Start all workers now, without waiting for them: they come up while the caller gets ready itself."""
        self._pool.start()

    def call(self, task: Task) -> list[Answer]:
        """Ask one task and wait for all its answers. Any number of threads may call at once; `jobs` are served.

        Raises:
            DecoderCrashed: A worker cannot even be started.
        """
        with self._callers:
            return [answer for _, answer in self.run([task])]

    def run(self, tasks: Iterable[Task]) -> Iterator[tuple[int, Answer]]:
        """Ask many tasks and give the answers in the order of the tasks, each with its task's position.

        Tasks are taken from the iterable only as fast as they are worked on.

        Raises:
            DecoderCrashed: Workers cannot even be started.
        """
        yield from self.begin([]).answers(tasks)

    def begin(self, tasks: Sequence[Task]) -> Begun:
        """Hand the first tasks out at once, and wait for nothing: who asks has other things to do before it listens.

        Args:
            tasks: As many as the workers can answer meanwhile; `BEGUN_TASKS` for each of them are a good number.
        """
        run = _Run(self._pool, iter(tasks))
        run.hand_out(len(tasks))
        return Begun(run)


def start_nursery(module: str) -> Nursery | None:
    """Start the process from which a sandbox's workers will be forked, before anything else about them is known.

    It comes up (0.3 s) while the caller gets ready itself. Give it to a sandbox, or close it. None where there is no
    sandbox.

    Args:
        module: The module of which the ``main`` is the program, such as ``hedgerow.hashing.worker``.
    """
    return Nursery(command_of(module)) if Sandbox.is_available else None


class Begun:
    """Tasks that workers are at already. Ask for the answers once, or cancel it, or close the sandbox."""

    def __init__(self, run: _Run) -> None:
        self._run = run

    def answers(self, more: Iterable[Task] = ()) -> Iterator[tuple[int, Answer]]:
        """Give the answers to these tasks and to more, as `Sandbox.run` does; positions are counted through.

        Raises:
            DecoderCrashed: Workers cannot even be started.
        """
        try:
            yield from self._run.answers(iter(more))
        finally:
            self._run.end()

    def cancel(self) -> None:
        """Nobody wants the answers: workers that are at these tasks are killed."""
        self._run.end()


class _Run:
    """One walk over many tasks."""

    def __init__(self, pool: WorkerPool, tasks: Iterator[Task]) -> None:
        self._pool = pool
        self._tasks = tasks
        self._is_exhausted = False
        self._selector = selectors.DefaultSelector()
        self._crews: list[_Crew] = []
        self._order: deque[_Job] = deque()  # every job whose answers were not all given yet, in order
        self._again: deque[_Job] = deque()  # jobs that lost their worker, in order
        self._next_index = 0
        self._waiting = 0  # answers that were not given yet
        self._s_per_byte = _S_PER_BYTE
        self._failed_starts = 0
        self._orphans = 0

    def answers(self, more: Iterator[Task]) -> Iterator[tuple[int, Answer]]:
        """Work, also on more tasks, and give answers in order."""
        self._tasks = chain(self._tasks, more)
        self._is_exhausted = False
        for crew in self._crews:
            crew.since = monotonic()  # until now nobody listened
        while True:
            self.hand_out(_MOST_AHEAD)
            if not self._order:
                return
            job = self._order[0]
            while job.answers:
                self._waiting -= 1
                yield job.index, job.answers.popleft()
            if job.is_done:
                self._order.popleft()
            else:
                self._wait()

    def end(self) -> None:
        """Keep the workers that are free, kill those that are not."""
        self._selector.close()
        for crew in self._crews:
            if crew.jobs:
                self._pool.discard(crew.process)
            else:
                self._pool.give_back(crew.process)

    # ── giving work ──────────────────────────────────────────────────────────────────────────────────────────────

    def hand_out(self, ahead: int) -> None:
        """Give every worker so many tasks, or some that take a while, starting workers while fewer than allowed."""
        while True:
            crew = self._freest()
            if crew is not None and self._has_enough(crew, ahead) and not self._again:
                return
            job = self._next_job()
            if job is None:
                return
            if crew is None or (crew.jobs and len(self._crews) < self._pool.jobs):
                crew = _Crew(self._pool.take())
                self._crews.append(crew)
            if not crew.jobs:
                crew.since = monotonic()
            crew.jobs.append(job)
            crew.work_bytes += job.work_bytes
            crew.process.send({"id": job.index, "skip": job.skip, "task": job.body}, job.data)
            self._watch(crew)

    def _freest(self) -> _Crew | None:
        """Find the worker with the least work in its queue among those that may take more."""
        best: _Crew | None = None
        for crew in self._crews:
            if crew.process.tasks_sent >= self._pool.tasks_per_worker:
                continue
            if best is None or crew.work_bytes < best.work_bytes:
                best = crew
        return best

    def _has_enough(self, crew: _Crew, ahead: int) -> bool:
        count = len(crew.jobs)
        if ahead > _MOST_AHEAD:  # at the beginning, when nobody will listen for a while
            return count >= ahead
        is_busy_s = crew.work_bytes * self._s_per_byte
        return count >= ahead or (count >= _LEAST_AHEAD and is_busy_s >= _QUEUED_S)

    def _next_job(self) -> _Job | None:
        """Give the next job: one that lost its worker, or a new one from the tasks."""
        if self._again:
            return self._again.popleft()
        if self._is_exhausted or len(self._order) >= _REORDER_TASKS or self._waiting >= _WAITING_ANSWERS:
            return None
        try:
            task = next(self._tasks)
        except StopIteration:
            self._is_exhausted = True
            return None
        body, data = task if isinstance(task, tuple) else (task, b"")
        job = _Job(self._next_index, body, data, _TASK_BYTES + len(data) + int(body.get("size_bytes", 0)))
        self._next_index += 1
        self._order.append(job)
        return job

    # ── hearing from workers ─────────────────────────────────────────────────────────────────────────────────────

    def _wait(self) -> None:
        """Wait until a worker speaks, dies or is late, and deal with it."""
        if self._waiting >= _WAITING_ANSWERS or not all(crew.is_read for crew in self._crews):
            self._choose_whom_to_read()
        busy = [crew for crew in self._crews if crew.jobs and crew.is_read]
        if not busy:
            return
        seconds = self._pool.seconds
        until = min(crew.deadline(seconds) for crew in busy)
        heard: list[_Crew] = []
        for key, mask in self._selector.select(max(0.0, until - monotonic())):
            crew: _Crew = key.data
            if crew not in self._crews:  # lost a moment ago
                continue
            if mask & selectors.EVENT_READ:
                heard.append(crew)
                self._hear(crew)
            else:
                crew.process.flush()
                self._watch(crew)
        now = monotonic()
        for crew in busy:
            # Who was heard just now is asked again first: more may lie in the pipe since the caller was away.
            if crew.jobs and crew in self._crews and crew not in heard and now > crew.deadline(seconds):
                self._lose(crew, {"error": "timeout"})

    def _watch(self, crew: _Crew, *, is_read: bool = True) -> None:
        """Be told when a worker speaks (unless it is to wait), and when a full pipe takes more."""
        if crew.is_read != is_read:
            crew.is_read = is_read
            if is_read:
                crew.since = monotonic()  # until now it may have waited for us
                self._selector.register(crew.process.answers_fd, selectors.EVENT_READ, crew)
            else:
                self._selector.unregister(crew.process.answers_fd)
        if crew.is_written != crew.process.has_unsent:
            crew.is_written = crew.process.has_unsent
            if crew.is_written:
                self._selector.register(crew.process.tasks_fd, selectors.EVENT_WRITE, crew)
            else:
                self._selector.unregister(crew.process.tasks_fd)

    def _choose_whom_to_read(self) -> None:
        """While too many answers wait, read only the worker that has the job whose turn it is."""
        is_full = self._waiting >= _WAITING_ANSWERS
        for crew in self._crews:
            self._watch(crew, is_read=not is_full or self._order[0] in crew.jobs)

    def _hear(self, crew: _Crew) -> None:
        """Take what a worker says."""
        was_ready = crew.process.is_ready
        try:
            frames = crew.process.receive()
        except ValueError:
            self._lose(crew, {"error": "crashed", "how": "it spoke nonsense"})
            return
        if frames is None:
            self._lose(crew, crew.last_words, is_dead=True)
            return
        if crew.process.is_ready and not was_ready:
            crew.since = monotonic()
            self._failed_starts = 0
        for frame in frames:
            if not crew.jobs or frame.get("id") != crew.jobs[0].index:
                self._lose(crew, {"error": "crashed", "how": "it spoke nonsense"})
                return
            self._take_frame(crew, crew.jobs[0], frame)

    def _take_frame(self, crew: _Crew, job: _Job, frame: dict[str, Any]) -> None:
        """Take one frame about the job in hand."""
        now = monotonic()
        if "failed" in frame:  # the process ends next
            crew.last_words = {"error": frame["failed"], **({"how": frame["how"]} if "how" in frame else {})}
            return
        if "goes_on" in frame:
            crew.since = now
            return
        if "begin" in frame:
            job.begun = str(frame["begin"])
            crew.since = now
            return
        is_done = bool(frame.get("done"))
        if "answer" in frame or is_done:
            job.skip += 1
            job.begun = None
            self._waiting += 1
            job.add(frame.get("answer", {}), is_done=is_done)
        if is_done:
            self._s_per_byte += 0.1 * ((now - crew.since) / job.work_bytes - self._s_per_byte)
            job.data = b""
            crew.jobs.popleft()
            crew.work_bytes -= job.work_bytes
            if not crew.jobs and crew.process.tasks_sent >= self._pool.tasks_per_worker:
                self._retire(crew)
        crew.since = now

    # ── losing workers ───────────────────────────────────────────────────────────────────────────────────────────

    def _retire(self, crew: _Crew) -> None:
        """Take a worker off the books and end it."""
        self._crews.remove(crew)
        if crew.is_read:
            self._selector.unregister(crew.process.answers_fd)
        if crew.is_written:
            self._selector.unregister(crew.process.tasks_fd)
        self._pool.discard(crew.process)

    def _lose(self, crew: _Crew, words: Answer | None, *, is_dead: bool = False) -> None:
        """Deal with a worker that died or must: answer for its task, and give its queue to others."""
        status = crew.process.wait_status() if is_dead else None
        self._retire(crew)
        if not crew.process.is_ready:
            self._failed_starts += 1
            self._again.extendleft(reversed(crew.jobs))
            if self._failed_starts >= _FAILED_STARTS:
                why = crew.process.nursery_status if status is None else status
                raise DecoderCrashed(f"workers cannot be started: {_how(why)}")
            return
        if not crew.jobs:
            return
        if is_dead and crew.process.is_orphaned and self._orphans < _ORPHANS:
            self._orphans += 1
            self._again.extendleft(reversed(crew.jobs))
            return
        job = crew.jobs.popleft()
        self._again.extendleft(reversed(crew.jobs))
        error: Answer = {**(words or _cause(status)), "name": job.begun}
        job.losses += 1
        is_last = job.begun is None or job.losses >= _LOSSES_PER_TASK
        job.begun = None
        job.skip += 1
        self._waiting += 1
        job.add(error, is_done=is_last)
        if not is_last:
            self._again.appendleft(job)


def _cause(status: int | None) -> Answer:
    """Say why a worker died by itself, as far as its exit status tells."""
    if status == -signal.SIGXCPU:
        return {"error": "timeout"}
    if status == -signal.SIGKILL:
        return {"error": "memory"}  # not by us: the system was out of memory
    return {"error": "crashed", "how": _how(status)}


def _how(status: int | None) -> str:
    """Say how a process ended."""
    if status is None:
        return "no answer"
    return f"signal {-status}" if status < 0 else f"exit status {status}"
