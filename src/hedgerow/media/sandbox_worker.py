"""The inside of a sandbox: limit this process, then answer tasks until the parent goes away.

A worker is a module that is run as a program and ends with ``serve(handle)``. See `hedgerow.media.sandbox`.
"""

from __future__ import annotations

import os
import signal
from typing import TYPE_CHECKING, Any

from hedgerow.media.frames import MAGIC, FrameReader, pack

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

__all__ = ["Request", "serve"]

_READ_BYTES = 1 << 18


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

    def begin(self, name: str) -> None:
        """Tell the parent that a unit of this task begins, so that it knows what killed us; its clock starts anew."""
        self._wire.renew_cpu()
        self._wire.send({"id": self._id, "begin": name})


class _Wire:
    """Our ends of the pipes, out of reach of anything that prints."""

    def __init__(self) -> None:
        self._inbox = os.dup(0)
        self._outbox = os.dup(1)
        nowhere = os.open(os.devnull, os.O_RDWR)
        for standard in (0, 1):
            os.dup2(nowhere, standard)
        os.close(nowhere)
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


def serve(handle: Callable[[Request], Iterator[dict[str, Any]]], *, may_write_files: bool = False) -> None:
    """Answer tasks until the parent goes away; this never returns.

    Args:
        handle: Yields the answers to one task. An answer that carries ``done=True`` is the last; without one, the
            task is done when the iterator ends. For an archive, call `Request.begin` before each member, yield one
            answer a member, and leave out the first `Request.skip` members.
        may_write_files: Let the process write files. Decoding needs none.

    A `MemoryError` in `handle` becomes the answer ``memory``; any other exception ``crashed``. Either way the process
    ends and the parent starts a fresh one, because nobody knows what state it is in.
    """
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is the parent's affair
    wire = _Wire()
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
