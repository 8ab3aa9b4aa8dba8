"""The wire between a process and its decoding workers: length-prefixed JSON, with raw bytes after it where needed."""

from __future__ import annotations

import json
import struct
from typing import Any

__all__ = ["MAGIC", "FrameReader", "pack"]

MAGIC = b"\0hedgerow-worker-1\n"
"""What a worker writes first. Whatever its imports may have printed before it is skipped."""

_HEADER = struct.Struct(">IQ")  # bytes of JSON, bytes of data after it

_LARGEST_JSON_BYTES = 64 * 1024**2
"""No answer comes near this; a stream that states more is not ours any more."""


def pack(body: dict[str, Any], data: bytes = b"", following_bytes: int = 0) -> bytes:
    """Write one frame.

    Args:
        body: The JSON object. Strings may hold lone surrogates, as paths of odd encodings do.
        data: The raw bytes after it.
        following_bytes: Raw bytes that the caller itself writes next (so that they need not be copied).
    """
    text = json.dumps(body, separators=(",", ":")).encode("ascii")
    return _HEADER.pack(len(text), len(data) + following_bytes) + text + data


class FrameReader:
    """Turns pieces of a stream into frames.

    >>> reader = FrameReader()
    >>> wire = pack({"id": 1}, b"data")
    >>> list(reader.feed(wire[:9])), list(reader.feed(wire[9:]))
    ([], [({'id': 1}, b'data')])
    """

    def __init__(self, *, after_magic: bool = False) -> None:
        self._buffer = bytearray()
        self._waits_for_magic = after_magic

    def feed(self, piece: bytes) -> list[tuple[dict[str, Any], bytes]]:
        """Take the next piece and return the frames that it completes.

        Raises:
            ValueError: The stream is not ours any more.
        """
        buffer = self._buffer
        buffer += piece
        if self._waits_for_magic:
            at = buffer.find(MAGIC)
            if at < 0:
                del buffer[: -len(MAGIC)]
                return []
            del buffer[: at + len(MAGIC)]
            self._waits_for_magic = False
        frames: list[tuple[dict[str, Any], bytes]] = []
        position = 0
        while len(buffer) - position >= _HEADER.size:
            json_bytes, data_bytes = _HEADER.unpack_from(buffer, position)
            if json_bytes > _LARGEST_JSON_BYTES:
                raise ValueError("a frame of impossible length")
            start = position + _HEADER.size
            end = start + json_bytes + data_bytes
            if len(buffer) < end:
                break
            body = json.loads(buffer[start : start + json_bytes])
            frames.append((body, bytes(buffer[start + json_bytes : end])))
            position = end
        del buffer[:position]
        return frames
