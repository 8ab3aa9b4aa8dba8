"""The inside of a sandbox: limit this process, then answer tasks until the parent goes away.

A worker's program is a module that ends with ``serve(handle)``. The process that runs it answers no task itself: it
forks, and each worker is a copy of it (`hedgerow.media.sandbox_nursery`). See `hedgerow.media.sandbox`.
"""

from __future__ import annotations

import gc
import json
import os
import select
import signal
import socket
import time
from typing import TYPE_CHECKING, Any, NoReturn

from hedgerow.media.frames import MAGIC, FrameReader, pack
from hedgerow.media.sandbox_nursery import REPLY, REQUEST

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

__all__ = ["Request", "serve"]

_READ_BYTES = 1 << 18
_TELL_EVERY_S = 1.0
_EXIT_S, _LOOK_EVERY_S = 5.0, 0.01  # a worker that has closed its pipes is gone in a moment


class Request:
    """One task, as the worker's handler sees it.

    Attributes:
        body: The task.
        data: Raw bytes that came with it.
        skip: How many units (members of an archive) earlier tries have dealt with: leave these out.
    """

    def __init__(self, frame: dict[str, Any], data: bytes, wire: _Wire) -> None:
        self.body: dict[str, Any] = frame["task"]
        self.data = data
        self.skip: int = frame.get("skip", 0)
        self._id: int = frame["id"]
        self._wire = wire
        self._told = time.monotonic()

    def go_on(self) -> None:
        """Tell the parent that work goes on, at most once a second: its clock starts anew.

        For what takes long by right, such as a video. The handler watches the time that it takes in all.
        """
        now = time.monotonic()
        if now - self._told > _TELL_EVERY_S:
            self._told = now
            self._wire.renew_cpu()
            self._wire.send({"id": self._id, "goes_on": True})

    def begin(self, name: str) -> None:
        """Tell the parent that a unit of this task begins, so that it knows what killed us; its clock starts anew."""
        self._wire.renew_cpu()
        self._wire.send({"id": self._id, "begin": name})


class _Wire:
    """A worker's ends of its pipes, out of reach of anything that prints."""

    def __init__(self, inbox: int, outbox: int) -> None:
        self._inbox = inbox
        self._outbox = outbox
        self._reader = FrameReader()
        self._pending: list[tuple[dict[str, Any], bytes]] = []
        self._cpu_s = 0.0

    def hush(self) -> None:
        """Send the error stream nowhere: what decoders print there says something about private files."""
        nowhere = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nowhere, 2)
        os.close(nowhere)

    def send(self, body: dict[str, Any]) -> None:
        """Write one frame; when nobody reads any more, there is nothing left to do."""
        self.send_bytes(pack(body))

    def send_bytes(self, piece: bytes) -> None:
        view = memoryview(piece)
        try:
            while view:
                view = view[os.write(self._outbox, view) :]
        except BrokenPipeError:
            os._exit(0)

    def receive(self) -> tuple[dict[str, Any], bytes]:
        """Wait for the next frame; the parent's end closing ends this process."""
        while not self._pending:
            piece = os.read(self._inbox, _READ_BYTES)
            if not piece:
                os._exit(0)
            self._pending = self._reader.feed(piece)
        return self._pending.pop(0)

    def limit(self, memory_bytes: int, seconds: float, *, may_write_files: bool) -> None:
        """Limit memory, core dumps and files for good, and remember the CPU time that a unit may take.

        Where the system has no such limits (Windows), the parent's clock remains.
        """
        try:
            import resource  # noqa: PLC0415  (not on Windows)
        except ImportError:
            return
        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
        if not may_write_files:
            resource.setrlimit(resource.RLIMIT_FSIZE, (0, 0))
        held = _address_space_bytes()
        if held is not None:
            limit = held + memory_bytes
            _, hard = resource.getrlimit(resource.RLIMIT_AS)
            if hard == resource.RLIM_INFINITY or limit < hard:
                resource.setrlimit(resource.RLIMIT_AS, (limit, limit))
        # Decoders use several threads, and the parent's clock is the stricter judge: this one only ends a worker
        # whose parent has died while it was decoding.
        self._cpu_s = 2 * seconds

    def renew_cpu(self) -> None:
        """Grant the CPU time of one more unit."""
        if not self._cpu_s:
            return
        import resource  # noqa: PLC0415  (not on Windows)

        used = resource.getrusage(resource.RUSAGE_SELF)
        soft = int(used.ru_utime + used.ru_stime + self._cpu_s) + 1
        _, hard = resource.getrlimit(resource.RLIMIT_CPU)
        if hard == resource.RLIM_INFINITY or soft <= hard:
            resource.setrlimit(resource.RLIMIT_CPU, (soft, hard))


def serve(
    handle: Callable[[Request], Iterator[dict[str, Any]]],
    *,
    prepare: Callable[[dict[str, Any]], None] | None = None,
    meanwhile: Callable[[], None] | None = None,
    may_write_files: bool = False,
) -> None:
    """Fork workers that answer tasks, until the parent goes away; this never returns.

    Whatever a worker needs is to be imported by now. There must be no second thread: it would be missing in a worker.

    Args:
        handle: Yields the answers to one task. An answer that carries ``done=True`` is the last; without one, the
            task is done when the iterator ends. For an archive, call `Request.begin` before each member, yield one
            answer a member, and leave out the first `Request.skip` members.
        prepare: Takes the sandbox's greeting, before the first worker is born and before anything is limited.
        meanwhile: Called first if the parent has not asked for anything yet, as it does only when it has read its
            settings: what every worker would build for itself is then built once, in time that nobody needs.
        may_write_files: Let the workers write files. Decoding needs none.

    A `MemoryError` in `handle` becomes the answer ``memory``; any other exception ``crashed``. Either way the worker
    ends and a fresh one is forked, because nobody knows what state it is in.
    """
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is the parent's affair
    control = socket.socket(fileno=os.dup(0))
    nowhere = os.open(os.devnull, os.O_RDONLY)
    os.dup2(nowhere, 0)
    os.close(nowhere)
    looked_at = select.poll()
    looked_at.register(control, select.POLLIN)
    if meanwhile is not None and not looked_at.poll(0):
        meanwhile()
    gc.freeze()  # what is there now stays: a worker's collector need not look at it, nor copy its pages by doing so
    workers: dict[int, int] = {}
    while (request := _asked(control)) is not None:
        what, number, descriptors = request
        if what == b"g":
            greeting = json.loads(_received(control, number))
            if prepare is not None:
                prepare(greeting)
            gc.freeze()
        elif what == b"b":
            pid = _fork()
            if pid == 0:
                control.close()
                _work(handle, _Wire(*descriptors), may_write_files=may_write_files)
            if pid is not None:
                workers[number] = pid
            for descriptor in descriptors:
                os.close(descriptor)
        else:
            status = _reaped(workers.pop(number, None), is_patient=what == b"w")
            control.sendall(REPLY.pack(what, number, status is not None, status or 0))
    for pid in workers.values():
        os.kill(pid, signal.SIGKILL)  # all of them first, since any may be at work on something large
    for pid in workers.values():
        os.waitpid(pid, 0)
    os._exit(0)


def _asked(control: socket.socket) -> tuple[bytes, int, list[int]] | None:
    """Wait for the parent's next request; None when it is gone."""
    piece, descriptors, _, _ = socket.recv_fds(control, REQUEST.size, 2)
    piece += _received(control, REQUEST.size - len(piece)) if piece else b""
    if len(piece) < REQUEST.size:
        return None
    what, number = REQUEST.unpack(piece)
    return what, number, descriptors


def _received(control: socket.socket, size: int) -> bytes:
    """Read so many bytes; fewer when the parent is gone."""
    pieces = bytearray()
    while len(pieces) < size and (piece := control.recv(size - len(pieces))):
        pieces += piece
    return bytes(pieces)


def _fork() -> int | None:
    try:
        return os.fork()
    except OSError:
        return None  # no more processes, or no memory: the parent sees pipes that end before they begin


def _reaped(pid: int | None, *, is_patient: bool) -> int | None:
    """End a worker and return its exit status; a patient one first gives it the time to end by itself."""
    if pid is None:
        return None
    until = time.monotonic() + (_EXIT_S if is_patient else 0)
    while time.monotonic() < until:
        ended, status = os.waitpid(pid, os.WNOHANG)
        if ended:
            return os.waitstatus_to_exitcode(status)
        time.sleep(_LOOK_EVERY_S)
    os.kill(pid, signal.SIGKILL)  # nobody but us reaps it, so the number is still its own
    return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])


def _work(handle: Callable[[Request], Iterator[dict[str, Any]]], wire: _Wire, *, may_write_files: bool) -> NoReturn:
    """Be a worker: answer tasks until the parent goes away."""
    try:
        wire.send_bytes(MAGIC)
        hello, _ = wire.receive()
        wire.limit(hello["memory_bytes"], hello["seconds"], may_write_files=may_write_files)
        wire.send({"ready": True})
        wire.hush()
        while True:
            frame, data = wire.receive()
            wire.renew_cpu()
            request = Request(frame, data, wire)
            del data
            failure = _answer(handle, request, wire)
            if failure is not None:
                wire.send({"id": frame["id"], **failure})
                os._exit(0)
    finally:
        os._exit(1)  # whatever happened: a worker must never go on as its nursery


def _answer(
    handle: Callable[[Request], Iterator[dict[str, Any]]], request: Request, wire: _Wire
) -> dict[str, str] | None:
    """Send the answers to one task; return what went wrong."""
    task = request._id  # noqa: SLF001  (of this module)
    try:
        for answer in handle(request):
            is_done = bool(answer.pop("done", False))
            wire.send({"id": task, "answer": answer, "done": is_done})
            if is_done:
                return None
    except MemoryError:
        return {"failed": "memory"}
    except Exception as error:  # noqa: BLE001  (a handler's mistake must be told, and its words may quote the file)
        return {"failed": "crashed", "how": f"exception {type(error).__name__}"}
    wire.send({"id": task, "done": True})
    return None


def _address_space_bytes() -> int | None:
    """How much address space this process holds now; None where the system does not say (macOS)."""
    try:
        with open("/proc/self/statm", "rb") as file:  # noqa: PTH123  (no path object needed)
            return int(file.read().split()[0]) * os.sysconf("SC_PAGE_SIZE")
    except (OSError, ValueError):
        return None
