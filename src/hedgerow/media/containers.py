"""What PNG, GIF and WebP files state about themselves, read without decoding: cheap, and bounded by the data."""

from __future__ import annotations

from typing import TYPE_CHECKING

from hedgerow.media.orientation import exif_orientation, xmp_orientation

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["gif_frames", "heif_states_turning", "png_orientation", "png_without_notes", "webp_size"]

_PNG_SIGNATURE_BYTES = 8
_PNG_NOTES = frozenset({b"tEXt", b"zTXt", b"iTXt", b"iCCP"})
_GIF_IMAGE, _GIF_EXTENSION, _GIF_TRAILER = 0x2C, 0x21, 0x3B
_XMP_KEYWORD = b"XML:com.adobe.xmp\0"


def png_chunks(data: bytes) -> Iterator[tuple[bytes, int, int]]:
    """Walk a PNG's chunks: name, first byte and end of the content (PNG third edition, 5.3)."""
    position = _PNG_SIGNATURE_BYTES
    while position + 8 <= len(data):
        length = int.from_bytes(data[position : position + 4], "big")
        start = position + 8
        yield data[position + 4 : start], start, start + length
        position = start + length + 4


def png_orientation(data: bytes) -> int:
    """Read the orientation of a PNG from its eXIf chunk or else its XMP, wherever in the file they stand."""
    exif: int | None = None
    xmp: int | None = None
    for name, start, end in png_chunks(data):
        if name == b"eXIf":
            exif = exif or exif_orientation(data[start:end])
        elif name == b"iTXt" and data.startswith(_XMP_KEYWORD + b"\0", start):  # \0: not compressed
            xmp = xmp or xmp_orientation(data[start:end])
    return exif or xmp or 1


def png_without_notes(data: bytes) -> bytes:
    """Leave out text and colour profiles, which may be bombs of their own and change no pixel that is hashed."""
    kept = [data[:_PNG_SIGNATURE_BYTES]]
    kept += [data[start - 8 : end + 4] for name, start, end in png_chunks(data) if name not in _PNG_NOTES]
    return b"".join(kept)


def gif_frames(data: bytes) -> int:
    """Count the pictures in a GIF by walking its blocks (GIF89a, sections 17-27); at least 1."""
    position = 13 + _colour_table_bytes(data[10:11])
    count = 0
    while position < len(data):
        kind = data[position]
        if kind == _GIF_IMAGE:
            count += 1
            position += 10 + _colour_table_bytes(data[position + 9 : position + 10]) + 1
        elif kind == _GIF_EXTENSION:
            position += 2
        elif kind == _GIF_TRAILER:
            break
        else:
            position += 1  # Pillow, too, skips what it does not know
            continue
        while position < len(data) and data[position]:
            position += 1 + data[position]
        position += 1
    return max(count, 1)


def heif_states_turning(data: bytes) -> bool:
    """Whether a HEIF file turns or mirrors a picture by a property of its own (ISO/IEC 23008-12, 6.5.10, 6.5.12)."""
    position = 0
    while position + 8 <= len(data):
        size = int.from_bytes(data[position : position + 4], "big")
        if data[position + 4 : position + 8] == b"meta":
            end = position + size if size >= 8 else len(data)  # noqa: PLR2004  (a box header; less means to the end)
            return data.find(b"irot", position, end) >= 0 or data.find(b"imir", position, end) >= 0
        if size == 1:
            size = int.from_bytes(data[position + 8 : position + 16], "big")
        if size < 8:  # noqa: PLR2004  (as above)
            break
        position += size
    return False


def webp_size(data: bytes) -> tuple[int, int] | None:
    """Read width and height from the first chunk of a WebP (RFC 9649); None where there is none."""
    kind = data[12:16]
    if kind == b"VP8X" and len(data) >= 30:  # noqa: PLR2004  (the header's length)
        return int.from_bytes(data[24:27], "little") + 1, int.from_bytes(data[27:30], "little") + 1
    if kind == b"VP8 " and data[23:26] == b"\x9d\x01\x2a" and len(data) >= 30:  # noqa: PLR2004  (as above)
        return int.from_bytes(data[26:28], "little") & 0x3FFF, int.from_bytes(data[28:30], "little") & 0x3FFF
    if kind == b"VP8L" and data[20:21] == b"\x2f" and len(data) >= 25:  # noqa: PLR2004  (as above)
        bits = int.from_bytes(data[21:25], "little")
        return (bits & 0x3FFF) + 1, (bits >> 14 & 0x3FFF) + 1
    return None


def _colour_table_bytes(flags: bytes) -> int:
    """Give the size of the colour table that packed flags announce (GIF89a, 18 and 20)."""
    return 3 << ((flags[0] & 7) + 1) if flags and flags[0] & 0x80 else 0
