"""The process in which workers are born: it imports what they need once, and each worker is a copy of it.

To start Python and to import NumPy and Pillow takes a quarter of a second of CPU time (measured: 0.27 s), and a fork of
a process that has done so 3 ms. So the program of a worker is started once and waits (`serve` in
`hedgerow.media.sandbox_worker`); for each worker, and for each one that replaces a killed one, it forks. It never opens
media itself and has no second thread, and a worker inherits nothing from it but memory and its own two pipes.

It is the parent of the workers, so it ends and reaps them when asked, and no process identifier is ever used after its
process could have been reaped. When it sees that we are gone it ends them all, those that hang as well. It leads the
process group to which they belong, so that nothing is left even of one that does not answer.
"""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
import signal
import socket
import struct
import subprocess
import sys
from threading import Lock
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["REPLY", "REQUEST", "Nursery", "command_of"]

REQUEST: Final = struct.Struct(">cI")
"""What we ask: ``g`` and the length of a JSON greeting that follows, ``b`` (bear) with the worker's ends of its two
pipes, ``k`` (kill) or ``w`` (wait), each with the worker's number."""
REPLY: Final = struct.Struct(">cI?i")
"""What it replies to ``k`` and ``w``: both again, whether the exit status is known, and the status as `subprocess` has
it."""

_PIPE_BYTES = 256 * 1024
"""So that a worker need not wait while we are busy: answers to `hedgerow.media.sandbox.BEGUN_TASKS` of 3 KB each."""
_PATIENCE_S = 60.0
"""It replies at once when it has started, which takes 0.3 s; this long on a machine that is out of breath."""
_EXIT_S = 5.0

# A decoder needs no credentials: of our environment it gets what Python and its libraries need to start.
_PASSED_ON = frozenset(
    {"HOME", "LANG", "LANGUAGE", "PATH", "SSL_CERT_FILE", "SYSTEMROOT", "TEMP", "TMP", "TMPDIR", "TZ", "VIRTUAL_ENV"}
)
_PASSED_ON_PREFIXES = ("DYLD_", "LC_", "LD_", "NIX_", "NUMBA_", "PYTHON")
_ADDED = {
    # `python -m` and `-c` would look for modules in the current folder first, and that may be the one being scanned.
    "PYTHONSAFEPATH": "1",
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


def command_of(module: str) -> tuple[str, ...]:
    """Return how the program that is the ``main`` of a module is started as a nursery; nothing is imported here.

    Nothing that is imported is garbage, so the collector would look for some in vain (a tenth of the time it takes);
    and `python -m` would load what finds modules first, another 15 ms.
    """
    return (sys.executable, "-c", f"import gc; gc.disable(); from {module} import main; gc.enable(); main()")


class Nursery:
    """The process of one program, from which workers are forked. Any thread may call.

    Args:
        command: The program; it ends with ``serve(…)``.

    Attributes:
        is_lost: Whether it is known to be gone. All its workers are ended then.
    """

    def __init__(self, command: Sequence[str]) -> None:
        environment = {
            name: value
            for name, value in os.environ.items()
            if name in _PASSED_ON or name.startswith(_PASSED_ON_PREFIXES)
        }
        self._control, theirs = socket.socketpair()
        with theirs:
            self._process = subprocess.Popen(  # noqa: S603  (our own command, no shell)
                list(command),
                stdin=theirs.fileno(),
                stdout=subprocess.DEVNULL,
                env=environment | _ADDED,
                process_group=0,  # a Ctrl-C at the terminal is for the parent alone
            )
        self._control.settimeout(_PATIENCE_S)
        self._lock = Lock()
        self._births = 0
        self.is_lost = False

    def greet(self, greeting: dict[str, Any]) -> None:
        """Say what all workers are to know: ``serve`` takes it before the first of them is born."""
        text = json.dumps(greeting).encode("ascii")
        with self._lock:
            self._send(REQUEST.pack(b"g", len(text)) + text)

    def bear(self) -> tuple[int, int, int]:
        """Have a worker born, without waiting for it.

        Returns:
            Its number, the descriptor to write its tasks to, and the one to read its answers from. Where the nursery
            is gone, the answers end before they begin.
        """
        their_tasks, tasks = os.pipe()
        answers, their_answers = os.pipe()
        if sys.platform == "linux":
            with contextlib.suppress(OSError):  # a user with very many pipes gets no larger ones
                fcntl.fcntl(answers, fcntl.F_SETPIPE_SZ, _PIPE_BYTES)
        try:
            with self._lock:
                self._births += 1
                number = self._births
                self._send(REQUEST.pack(b"b", number), their_tasks, their_answers)
        finally:
            os.close(their_tasks)
            os.close(their_answers)
        return number, tasks, answers

    def kill(self, number: int) -> int | None:
        """End a worker at once, and return its exit status; None where nobody knows it."""
        with self._lock:
            return self._ask(b"k", number)

    def wait(self, number: int) -> int | None:
        """Wait a little for a worker that has closed its pipes to be gone, kill it otherwise; return as `kill` does."""
        with self._lock:
            return self._ask(b"w", number)

    def close(self) -> None:
        """End it and all its workers; harmless when done twice."""
        with self._lock:
            if not self.is_lost:
                self._end()

    @property
    def exit_status(self) -> int | None:
        """How the nursery itself ended; None while it is there."""
        return self._process.returncode

    def _send(self, message: bytes, *descriptors: int) -> None:
        if self.is_lost:
            return
        try:
            if descriptors:
                socket.send_fds(self._control, [message], descriptors)
            else:
                self._control.sendall(message)
        except OSError:
            self._end()

    def _ask(self, what: bytes, number: int) -> int | None:
        self._send(REQUEST.pack(what, number))
        while not self.is_lost:
            try:
                reply = self._control.recv(REPLY.size, socket.MSG_WAITALL)
            except OSError:  # it takes too long, or is gone
                reply = b""
            if len(reply) < REPLY.size:
                self._end()
                break
            was, whose, is_known, status = REPLY.unpack(reply)
            if (was, whose) == (what, number):  # others answer a question whose asker was interrupted
                return status if is_known else None
        return None

    def _end(self) -> None:
        self.is_lost = True
        self._control.close()  # it ends its workers, waits for them (so that their CPU time counts as ours), and goes
        with contextlib.suppress(subprocess.TimeoutExpired):
            self._process.wait(timeout=_EXIT_S)
        if self._process.returncode == 0:
            return
        # It was killed or hangs, and its workers may still be there: as long as they are, the group's number is theirs
        with contextlib.suppress(ProcessLookupError, PermissionError):  # macOS says the latter of a group of zombies
            os.killpg(self._process.pid, signal.SIGKILL)
        self._process.wait()
