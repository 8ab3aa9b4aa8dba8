"""Writers for the modes of PNG and JPEG that Pillow reads but does not write, so that hashers can be tried on them."""

from __future__ import annotations

import io
import struct
import zlib
from typing import TYPE_CHECKING

import numpy as np
from PIL import Image

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray

__all__ = ["cmyk_of", "png", "ycck_jpeg"]

_GREY, _RGB, _PALETTE, _GREY_ALPHA, _RGBA = 0, 2, 3, 4, 6  # PNG (ISO/IEC 15948) table 11.1, colour type
_COLOUR_TYPES = {1: _GREY, 2: _GREY_ALPHA, 3: _RGB, 4: _RGBA}
_SIXTEEN, _BYTE = 16, 8
# Adam7: first column, first row, column step, row step of each pass (PNG 8.2)
_ADAM7 = ((0, 0, 8, 8), (4, 0, 8, 8), (0, 4, 4, 8), (2, 0, 4, 4), (0, 2, 2, 4), (1, 0, 2, 2), (0, 1, 1, 2))


def png(
    samples: NDArray[np.integer],
    bits: int = 8,
    *,
    palette: NDArray[np.uint8] | None = None,
    transparency: bytes | None = None,
    is_interlaced: bool = False,
) -> bytes:
    """Write a PNG.

    Args:
        samples: (rows, columns) or (rows, columns, 2, 3 or 4), values below 2**bits; indices where there is a palette.
        bits: Per sample: 1, 2, 4, 8 or 16.
        palette: uint8 (colours, 3).
        transparency: The tRNS chunk.
        is_interlaced: Whether in seven passes.
    """
    planes = samples if samples.ndim == 3 else samples[..., None]
    rows, columns, channels = planes.shape
    colour = _PALETTE if palette is not None else _COLOUR_TYPES[channels]
    header = struct.pack(">IIBBBBB", columns, rows, bits, colour, 0, 0, int(is_interlaced))
    passes = _ADAM7 if is_interlaced else ((0, 0, 1, 1),)
    lines = b"".join(
        line for left, top, across, down in passes for line in _lines(planes[top::down, left::across], bits)
    )
    chunks = [(b"IHDR", header)]
    if palette is not None:
        chunks.append((b"PLTE", palette.tobytes()))
    if transparency is not None:
        chunks.append((b"tRNS", transparency))
    chunks += [(b"IDAT", zlib.compress(lines, 6)), (b"IEND", b"")]
    return b"\x89PNG\r\n\x1a\n" + b"".join(_chunk(*each) for each in chunks)


def _chunk(name: bytes, content: bytes) -> bytes:
    return struct.pack(">I", len(content)) + name + content + struct.pack(">I", zlib.crc32(name + content))


def _lines(planes: NDArray[np.integer], bits: int) -> Iterator[bytes]:
    """Pack each row, with filter type 0 before it."""
    if 0 in planes.shape:
        return
    for row in planes.reshape(len(planes), -1):
        if bits == _SIXTEEN:
            packed = row.astype(">u2").tobytes()
        elif bits == _BYTE:
            packed = row.astype(np.uint8).tobytes()
        else:
            single = (row[:, None] >> np.arange(bits - 1, -1, -1)) & 1
            packed = np.packbits(single.astype(np.uint8)).tobytes()
        yield b"\0" + packed


def cmyk_of(picture: Image.Image) -> Image.Image:
    """Separate RGB into CMYK with black, as print programs do (Pillow's own conversion leaves black empty)."""
    rgb = np.asarray(picture.convert("RGB"), np.float32)
    white = rgb.max(axis=2, keepdims=True)
    ink = 255 * (white - rgb) / np.maximum(white, 1)
    return Image.fromarray(np.rint(np.concatenate([ink, 255 - white], axis=2)).astype(np.uint8), "CMYK")


def ycck_jpeg(picture: Image.Image, quality: int) -> bytes:
    """Write a JPEG as Photoshop does: inverted CMYK, its colours as YCbCr, and an Adobe marker that says so.

    Pillow writes CMYK as it is, inverted. It is given planes that are YCbCr already, and the marker's transform is set
    to 2 (YCCK; Adobe technical note 5116).
    """
    cyan, magenta, yellow, black = cmyk_of(picture).split()
    # YCCK holds the YCbCr of 255 - stored; stored is inverted ink, so that of the ink itself. Pillow inverts once more.
    luma = np.asarray(Image.merge("RGB", (cyan, magenta, yellow)).convert("YCbCr"))
    planes = np.concatenate([255 - luma, np.asarray(black)[..., None]], axis=2)
    stream = io.BytesIO()
    Image.fromarray(np.ascontiguousarray(planes), "CMYK").save(stream, "JPEG", quality=quality)
    data = bytearray(stream.getvalue())
    marker = data.index(b"Adobe")
    data[marker + 11] = 2
    return bytes(data)
