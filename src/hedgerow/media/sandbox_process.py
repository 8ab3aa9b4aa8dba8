"""Worker processes, seen from outside: how one is started, spoken to and ended, and who has it."""

from __future__ import annotations

import os
import select
from collections import deque
from threading import Lock
from typing import TYPE_CHECKING, Any

from hedgerow.media.frames import FrameReader, pack
from hedgerow.media.sandbox_nursery import Nursery

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["WorkerPool", "WorkerProcess"]

_READ_BYTES = 1 << 18


class WorkerProcess:
    """One worker process and both ends of its pipes.

    Attributes:
        tasks_sent: How many tasks it was given so far.
        is_ready: Whether it has said that it is.
    """

    def __init__(self, nursery: Nursery, seconds: float, memory_bytes: int) -> None:
        self._nursery = nursery
        self._number, self.tasks_fd, self.answers_fd = nursery.bear()
        self._is_ended = False
        self._status: int | None = None
        os.set_blocking(self.tasks_fd, False)
        os.set_blocking(self.answers_fd, False)
        self._reader = FrameReader(after_magic=True)
        self._unsent: deque[memoryview] = deque()
        self.tasks_sent = 0
        self.is_ready = False
        self._write(pack({"seconds": seconds, "memory_bytes": memory_bytes}))

    @property
    def has_unsent(self) -> bool:
        """Whether the pipe is full and something still waits to be written."""
        return bool(self._unsent)

    def send(self, body: dict[str, Any], data: bytes) -> None:
        """Give it a task, as far as the pipe takes it now; `flush` writes the rest."""
        self.tasks_sent += 1
        if len(data) > 1 << 16:
            self._write(pack(body, b"", len(data)))
            self._write(data)
        else:
            self._write(pack(body, data))

    def flush(self) -> None:
        """Write what the pipe takes."""
        while self._unsent:
            piece = self._unsent[0]
            try:
                written = os.write(self.tasks_fd, piece)
            except BlockingIOError:
                return
            except OSError:  # it died; its answers' end tells
                self._unsent.clear()
                return
            if written == len(piece):
                self._unsent.popleft()
            else:
                self._unsent[0] = piece[written:]

    def receive(self) -> list[dict[str, Any]] | None:
        """Give what it has said since; None when it will say no more.

        Raises:
            ValueError: What it said makes no sense.
        """
        try:
            piece = os.read(self.answers_fd, _READ_BYTES)
        except BlockingIOError:
            return []
        except OSError:
            return None
        if not piece:
            return None
        frames = [body for body, _ in self._reader.feed(piece)]
        if frames and not self.is_ready:
            self.is_ready = "ready" in frames[0]
            return frames[1:]
        return frames

    @property
    def is_orphaned(self) -> bool:
        """Whether it was ended because its nursery was gone, through no fault of its own."""
        return self._status is None and self._nursery.is_lost

    @property
    def nursery_status(self) -> int | None:
        """How its nursery ended, which says why it was never born; None while the nursery is there."""
        return self._nursery.exit_status

    def has_spoken(self) -> bool:
        """Whether something lies in its pipe. Of a worker at rest: whether it has died."""
        # Not select: it knows no descriptor above 1023, and a server with many connections has such.
        looked_at = select.poll()
        looked_at.register(self.answers_fd, select.POLLIN)
        return bool(looked_at.poll(0))

    def wait_status(self) -> int | None:
        """Wait for a process that has closed its pipes to be gone, and return its exit status where it is known."""
        if not self._is_ended:
            self._end(self._nursery.wait(self._number))
        return self._status

    def kill(self) -> None:
        """End it at once, and close the pipes; harmless when done twice."""
        if not self._is_ended:
            self._end(self._nursery.kill(self._number))

    def forget(self) -> None:
        """Close the pipes of a process that is ended together with its nursery."""
        if not self._is_ended:
            self._end(None)

    def _end(self, status: int | None) -> None:
        self._is_ended = True
        self._status = status
        os.close(self.tasks_fd)
        os.close(self.answers_fd)
        self._unsent.clear()

    def _write(self, piece: bytes) -> None:
        self._unsent.append(memoryview(piece))
        self.flush()


class WorkerPool:
    """The workers of a sandbox: those at work and those at rest. All methods may be called from any thread.

    Attributes:
        jobs: How many one run uses at once.
        seconds: Wall-clock limit of one unit.
        tasks_per_worker: After so many tasks a worker is replaced.
    """

    def __init__(
        self,
        command: Sequence[str],
        *,
        jobs: int,
        seconds: float,
        memory_bytes: int,
        tasks_per_worker: int,
        greeting: dict[str, Any] | None,
        nursery: Nursery | None,
    ) -> None:
        self.jobs = max(1, jobs)
        self.seconds = seconds
        self.tasks_per_worker = tasks_per_worker
        self._command = tuple(command)
        self._memory_bytes = memory_bytes
        self._greeting = greeting
        self._lock = Lock()
        self._idle: list[WorkerProcess] = []
        self._alive: set[WorkerProcess] = set()
        self._is_closed = False
        self._nursery = nursery
        if nursery is not None and greeting is not None:
            nursery.greet(greeting)

    def take(self) -> WorkerProcess:
        """Give a worker at rest, or start one.

        Raises:
            RuntimeError: The pool is closed.
        """
        with self._lock:
            if self._is_closed:
                raise RuntimeError("the sandbox is closed")
            while self._idle:
                process = self._idle.pop()
                if not (process.is_ready and process.has_spoken()):
                    return process
                self._drop(process)
            return self._bear()

    def start(self) -> None:
        """Start all workers now, without waiting for them."""
        with self._lock:
            while not self._is_closed and len(self._alive) < self.jobs:
                self._idle.append(self._bear())

    def give_back(self, process: WorkerProcess) -> None:
        """Take back a worker that has nothing to do."""
        with self._lock:
            if self._is_closed or not process.is_ready or process.tasks_sent >= self.tasks_per_worker:
                self._drop(process)
            else:
                self._idle.append(process)

    def discard(self, process: WorkerProcess) -> None:
        """Kill a worker."""
        with self._lock:
            self._drop(process)

    def close(self) -> None:
        """Kill all workers, and start no more."""
        with self._lock:
            self._is_closed = True
            self._idle.clear()
            if self._nursery is not None:
                self._nursery.close()
            for process in self._alive:
                process.forget()
            self._alive.clear()

    def _bear(self) -> WorkerProcess:
        if self._nursery is None or self._nursery.is_lost:
            self._nursery = Nursery(self._command)
            if self._greeting is not None:
                self._nursery.greet(self._greeting)
        process = WorkerProcess(self._nursery, self.seconds, self._memory_bytes)
        self._alive.add(process)
        return process

    def _drop(self, process: WorkerProcess) -> None:
        self._alive.discard(process)
        process.kill()
