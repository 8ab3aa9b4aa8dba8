"""Make the small blurred grey impressions that a report shows only when somebody asked for them."""

from __future__ import annotations

import base64
import json
import struct
import sys
import zlib
from dataclasses import asdict
from typing import TYPE_CHECKING, Self

from hedgerow.errors import DecoderCrashed
from hedgerow.media.sandbox import Sandbox

if TYPE_CHECKING:
    from types import TracebackType

    from hedgerow.media import MediaLimits
    from hedgerow.scanning.model import FileResult

__all__ = ["TileMaker", "png"]


class TileMaker:
    """Makes tiles in a process that can be killed, one at a time, when a report asks for them.

    Use it as a context manager, and pass it as ``make_tile`` to `hedgerow.scanning.open_report`.

    Args:
        limits: What one picture may cost.
    """

    def __init__(self, limits: MediaLimits) -> None:
        self._sandbox: Sandbox | None = None
        if Sandbox.is_available:
            command = (sys.executable, "-m", "hedgerow.scanning.tiles_worker", json.dumps(asdict(limits)))
            self._sandbox = Sandbox(command, jobs=1, seconds=limits.seconds, memory_bytes=limits.memory_bytes)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._sandbox is not None:
            self._sandbox.close()

    def __call__(self, result: FileResult) -> str | None:
        """Return the ``data:`` address of a tile, at most 16 × 16 grey pixels.

        None where there is none: inside an archive (it would have to be read again up to the member), for a file that
        does not decode, and on a system without killable processes.
        """
        if self._sandbox is None or result.member is not None:
            return None
        try:
            answer = self._sandbox.call({"path": result.path})[-1]
        except DecoderCrashed:
            return None  # a report without a tile is better than none
        if "luma" not in answer:
            return None
        picture = png(bytes.fromhex(answer["luma"]), answer["width"], answer["height"])
        return f"data:image/png;base64,{base64.b64encode(picture).decode('ascii')}"


def png(luma: bytes, width: int, height: int) -> bytes:
    """Write 8-bit grey pixels as PNG (W3C PNG, third edition, sections 5 and 11)."""
    lines = b"".join(b"\0" + luma[start : start + width] for start in range(0, width * height, width))
    header = struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0)
    chunks = ((b"IHDR", header), (b"IDAT", zlib.compress(lines, 9)), (b"IEND", b""))
    return b"\x89PNG\r\n\x1a\n" + b"".join(
        struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body)) for kind, body in chunks
    )
