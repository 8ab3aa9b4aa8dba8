"""The program of a process that makes renditions, and the pool of such processes.

Untrusted bytes are decoded there and nowhere else; what comes back was written by us.
"""

from __future__ import annotations

from base64 import b64decode, b64encode
from io import BytesIO
from typing import TYPE_CHECKING, Any, Final

from hedgerow.errors import DecodeMemoryExceeded, DecoderCrashed, DecodeTimeout, MediaError
from hedgerow.media.model import MediaLimits
from hedgerow.media.sandbox import Sandbox
from hedgerow.media.sandbox_nursery import command_of

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from hedgerow.media.renditions import Rendition
    from hedgerow.media.sandbox_worker import Request

__all__ = ["COMMAND", "RenditionPool", "main"]

COMMAND: Final = command_of(__name__)
"""How this program is started."""

_GRACE_S: Final = 1.0


class RenditionPool:
    """A few processes that make renditions, started when they are first needed. Threads may share it.

    Args:
        limits: What one piece of media may cost.
        jobs: Processes at once.
    """

    def __init__(self, limits: MediaLimits, jobs: int = 1) -> None:
        self._limits = limits
        self._sandbox: Sandbox | None = None
        if Sandbox.is_available:
            self._sandbox = Sandbox(
                COMMAND,
                jobs=jobs,
                seconds=2 * limits.seconds + _GRACE_S,  # a reduced decode, and a whole one
                memory_bytes=limits.memory_bytes,
                tasks_per_worker=500,
                greeting={"limits": {name: getattr(limits, name) for name in MediaLimits.__slots__}},
            )

    def close(self) -> None:
        """Kill every process."""
        if self._sandbox is not None:
            self._sandbox.close()

    def render(self, forms: Sequence[str], *, data: bytes = b"", path: str | None = None) -> list[Rendition]:
        """Make renditions of one piece of media in one of the processes.

        Args:
            forms: Which.
            data: The whole file; or
            path: Where it can be read by another process.

        Raises:
            MediaError: It cannot be seen.
        """
        from hedgerow.media.renditions import Rendition, render  # noqa: PLC0415  (the processes load decoders)

        if self._sandbox is None:  # no POSIX: in this process, without the safety
            if path is not None:
                with open(path, "rb") as file:  # noqa: PTH123  (no path object needed)
                    data = file.read()
            return list(render(data, forms, self._limits))
        body: dict[str, Any] = {"forms": list(forms), **({} if path is None else {"path": path})}
        answer = self._sandbox.call((body, data))[-1]
        if "error" in answer:
            raise self._problem(answer)
        if "sentence" in answer:
            raise MediaError(answer["sentence"])
        return [Rendition(form, b64decode(text), width, height) for form, text, width, height in answer["made"]]

    def _problem(self, answer: dict[str, Any]) -> MediaError:
        if answer["error"] == "timeout":
            return DecodeTimeout(self._limits.seconds)
        if answer["error"] == "memory":
            return DecodeMemoryExceeded(self._limits.memory_bytes)
        return DecoderCrashed(str(answer.get("how", "unknown")))


class _Handler:
    def __init__(self) -> None:
        self._limits = MediaLimits()

    def prepare(self, greeting: dict[str, Any]) -> None:
        """Take the limits; they are the same for all workers."""
        self._limits = MediaLimits(**greeting["limits"])

    def __call__(self, request: Request) -> Iterator[dict[str, Any]]:
        """Answer one task."""
        from hedgerow.media.read import MediaFile  # noqa: PLC0415  (nobody but the workers needs it)
        from hedgerow.media.renditions import render  # noqa: PLC0415  (as above)

        path = request.body.get("path")
        try:
            file = BytesIO(request.data) if path is None else MediaFile(path).stream
            made = [
                [each.form, b64encode(each.data).decode("ascii"), each.width, each.height]
                for each in render(file, request.body["forms"], self._limits)
            ]
        except MediaError as error:
            yield {"sentence": str(error), "done": True}
            return
        yield {"made": made, "done": True}


def main() -> None:
    """Serve until the parent goes away."""
    from hedgerow.media import renditions  # noqa: F401, PLC0415  (each worker is a copy: loaded once)
    from hedgerow.media.sandbox_worker import serve  # noqa: PLC0415  (the pool does without)

    handler = _Handler()
    serve(handler, prepare=handler.prepare)
