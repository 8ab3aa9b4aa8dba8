"""Worker processes, seen from their parent: how one is started, spoken to and ended, and who has it."""

from __future__ import annotations

import contextlib
import os
import subprocess
from collections import deque
from threading import Lock
from typing import TYPE_CHECKING, Any

from hedgerow.media.frames import FrameReader, pack

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["WorkerPool", "WorkerProcess"]

_READ_BYTES = 1 << 18

# A decoder needs no credentials: of our environment it gets what Python and its libraries need to start.
_PASSED_ON = frozenset(
    {"HOME", "LANG", "LANGUAGE", "PATH", "SSL_CERT_FILE", "SYSTEMROOT", "TEMP", "TMP", "TMPDIR", "TZ", "VIRTUAL_ENV"}
)
_PASSED_ON_PREFIXES = ("DYLD_", "LC_", "LD_", "NIX_", "NUMBA_", "PYTHON")
_ADDED = {
    # One task a core; libraries that start threads of their own would only get in each other's way.
    "MKL_NUM_THREADS": "1",
    "OMP_NUM_THREADS": "1",
    "OPENBLAS_NUM_THREADS": "1",
    # glibc reserves 64 MiB of address space for each thread's arena, which would count against the limit.
    "MALLOC_ARENA_MAX": "1",
    # Give memory back to the system only from 32 MiB on: a picture's buffers are wanted again at once, and faulting
    # their pages in anew costs 5-10 % of the time of a small picture.
    "MALLOC_MMAP_THRESHOLD_": str(32 * 1024**2),
    "MALLOC_TRIM_THRESHOLD_": str(128 * 1024**2),
}


class WorkerProcess:
    """One worker process and both ends of its pipes.

    Attributes:
        tasks_sent: How many tasks it was given so far.
        is_ready: Whether it has said that it is.
    """

    def __init__(self, command: Sequence[str], seconds: float, memory_bytes: int) -> None:
        environment = {
            name: value
            for name, value in os.environ.items()
            if name in _PASSED_ON or name.startswith(_PASSED_ON_PREFIXES)
        }
        self._process = subprocess.Popen(  # noqa: S603  (our own command, no shell)
            list(command),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            bufsize=0,
            env=environment | _ADDED,
            process_group=0,  # a Ctrl-C at the terminal is for the parent alone
        )
        assert self._process.stdin is not None  # noqa: S101  (PIPE was asked for)
        assert self._process.stdout is not None  # noqa: S101  (as above)
        self.tasks_fd = self._process.stdin.fileno()
        self.answers_fd = self._process.stdout.fileno()
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

    def poll(self) -> int | None:
        """Return its exit status, None while it lives."""
        return self._process.poll()

    def wait_status(self) -> int:
        """Wait for a process that has closed its pipes to be gone, and return its exit status."""
        try:
            return self._process.wait(timeout=5)
        except subprocess.TimeoutExpired:
            return self.kill()

    def kill(self) -> int:
        """End it at once, reap it, close the pipes, and return its exit status; harmless when done twice."""
        if self._process.poll() is None:
            self._process.kill()
        status = self._process.wait()
        for pipe in (self._process.stdin, self._process.stdout):
            if pipe is not None:
                with contextlib.suppress(OSError):  # a broken pipe says so when closed
                    pipe.close()
        self._unsent.clear()
        return status

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
        self, command: Sequence[str], *, jobs: int, seconds: float, memory_bytes: int, tasks_per_worker: int
    ) -> None:
        self.jobs = max(1, jobs)
        self.seconds = seconds
        self.tasks_per_worker = tasks_per_worker
        self._command = tuple(command)
        self._memory_bytes = memory_bytes
        self._lock = Lock()
        self._idle: list[WorkerProcess] = []
        self._alive: set[WorkerProcess] = set()
        self._is_closed = False

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
                if process.poll() is None:
                    return process
                self._drop(process)
            process = WorkerProcess(self._command, self.seconds, self._memory_bytes)
            self._alive.add(process)
            return process

    def start(self) -> None:
        """Start all workers now, without waiting for them."""
        with self._lock:
            while not self._is_closed and len(self._alive) < self.jobs:
                process = WorkerProcess(self._command, self.seconds, self._memory_bytes)
                self._alive.add(process)
                self._idle.append(process)

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
            for process in list(self._alive):
                self._drop(process)

    def _drop(self, process: WorkerProcess) -> None:
        self._alive.discard(process)
        process.kill()
