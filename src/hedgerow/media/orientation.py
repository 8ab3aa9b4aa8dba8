"""Find how a stored picture must be turned, without reading the rest of its metadata."""

from __future__ import annotations

import re

__all__ = ["exif_orientation", "xmp_orientation"]

# EXIF 2.32 (CIPA DC-008), 4.6.4: Orientation, a SHORT of count 1 in IFD0.
_ORIENTATION_TAG = 0x0112
_SHORT = 3
_LONG = 4

# XMP specification part 2, 2.5: tiff:Orientation, as an attribute or as an element.
_XMP_PATTERN = re.compile(rb"""tiff:Orientation\s*(?:=\s*["']|>)\s*([1-8])\b""")
_XMP_LIMIT_BYTES = 1 << 20


def exif_orientation(exif: bytes | None) -> int | None:
    """Read the orientation 1-8 from an EXIF block; None where it states none that exists.

    Args:
        exif: A TIFF structure, with or without its six letters ``Exif`` and two zeros before it.

    >>> block = b"Exif" + bytes(2) + b"MM" + bytes([0, 42, 0, 0, 0, 8, 0, 1])
    >>> exif_orientation(block + bytes([1, 18, 0, 3, 0, 0, 0, 1, 0, 6, 0, 0]))
    6
    """
    if not exif:
        return None
    block = exif[6:] if exif.startswith(b"Exif\0\0") else exif
    if block[:2] == b"II":
        order = "little"
    elif block[:2] == b"MM":
        order = "big"
    else:
        return None

    def number(at: int, size: int) -> int:
        return int.from_bytes(block[at : at + size], "little" if order == "little" else "big")

    directory = number(4, 4)
    count = number(directory, 2)
    first = directory + 2
    for entry in range(first, min(first + 12 * count, len(block) - 11), 12):
        if number(entry, 2) == _ORIENTATION_TAG:
            kind = number(entry + 2, 2)
            value = number(entry + 8, 4 if kind == _LONG else 2) if kind in {_SHORT, _LONG} else 0
            return value if value in range(1, 9) else None
    return None


def xmp_orientation(xmp: bytes | str | None) -> int | None:
    """Read the orientation 1-8 from an XMP packet; None where it states none.

    >>> xmp_orientation(b'<rdf:Description tiff:Orientation="3"/>')
    3
    """
    if not xmp:
        return None
    packet = xmp[:_XMP_LIMIT_BYTES]
    found = _XMP_PATTERN.search(packet.encode("utf-8", "replace") if isinstance(packet, str) else packet)
    return int(found.group(1)) if found else None
