"""How long each frame of an animated picture is shown, read from the file without decoding."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from hedgerow.media.containers import png_chunks

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["ANIMATED_TYPES", "frame_seconds"]

ANIMATED_TYPES: Final = frozenset({"image/gif", "image/webp", "image/png", "image/apng", "image/avif"})
"""Pictures whose frames follow each other in time; the pages of a TIFF and the pictures of a HEIF do not."""

_USUAL_S: Final = 0.1
"""What browsers take for a delay of 0.01 s or less, and what we take where the file states none (AVIF, TIFF, HEIF)."""

_SHORTEST_S: Final = 0.011

_GIF_EXTENSION, _GIF_IMAGE, _GIF_CONTROL, _GIF_TRAILER = 0x21, 0x2C, 0xF9, 0x3B


def frame_seconds(data: bytes, media_type: str, frames: int) -> list[float]:
    """Return for each frame how long it is shown, in seconds.

    Args:
        data: The whole file.
        media_type: What it is.
        frames: How many frames it has; as many numbers are returned.

    >>> frame_seconds(b"", "image/avif", 2)
    [0.1, 0.1]
    """
    reader = {"image/gif": _gif, "image/webp": _webp, "image/png": _png, "image/apng": _png}.get(media_type)
    stated = [] if reader is None else list(reader(data))[:frames]
    seconds = [each if each >= _SHORTEST_S else _USUAL_S for each in stated]
    return seconds + [_USUAL_S] * (frames - len(seconds))


def _gif(data: bytes) -> Iterator[float]:
    """Walk the blocks (GIF89a, 23): the delay in hundredths stands in the control extension before each picture."""
    position = 13 + _table_bytes(data[10:11])
    delay = 0
    while position < len(data) and data[position] != _GIF_TRAILER:
        kind = data[position]
        if kind == _GIF_EXTENSION:
            if data[position + 1 : position + 2] == bytes([_GIF_CONTROL]):
                delay = int.from_bytes(data[position + 4 : position + 6], "little")
            position += 2
        elif kind == _GIF_IMAGE:
            yield delay / 100
            delay = 0
            position += 11 + _table_bytes(data[position + 9 : position + 10])
        else:
            position += 1  # as Pillow, which passes over what it does not know
            continue
        while position < len(data) and data[position]:
            position += 1 + data[position]
        position += 1


def _table_bytes(flags: bytes) -> int:
    return 3 << ((flags[0] & 7) + 1) if flags and flags[0] & 0x80 else 0


def _webp(data: bytes) -> Iterator[float]:
    """Walk the chunks (RFC 9649, 2.7.1.1): three bytes of milliseconds at 12 in each ANMF."""
    position = 12
    while position + 8 <= len(data):
        size = int.from_bytes(data[position + 4 : position + 8], "little")
        if data[position : position + 4] == b"ANMF":
            yield int.from_bytes(data[position + 20 : position + 23], "little") / 1000
        position += 8 + size + (size & 1)


def _png(data: bytes) -> Iterator[float]:
    """Read the frame control chunks (PNG third edition, 11.3.6.2): a fraction, of which a 0 below means hundredths."""
    for name, start, end in png_chunks(data):
        if name == b"fcTL" and end - start >= 24:  # noqa: PLR2004  (up to the denominator)
            above = int.from_bytes(data[start + 20 : start + 22], "big")
            yield above / (int.from_bytes(data[start + 22 : start + 24], "big") or 100)
