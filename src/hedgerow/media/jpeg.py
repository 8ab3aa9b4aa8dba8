"""JPEG: read the header ourselves, then let libjpeg decode no more than is needed.

The header walk follows libjpeg's own (jdmarker.c: first_marker, next_marker, read_markers) up to the frame header, so
that both always agree on the size; libjpeg itself refuses a second frame header.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from io import BytesIO

from PIL import ImageFile

from hedgerow.errors import MediaDamaged, MediaUnsupported
from hedgerow.media.orientation import exif_orientation, xmp_orientation

__all__ = ["JpegHeader", "JpegPicture", "read_header", "reduction"]

# ITU-T T.81, table B.1. libjpeg-turbo decodes these frame types; SOF3 and SOF11 are lossless.
_FRAMES = frozenset({0xC0, 0xC1, 0xC2, 0xC3, 0xC9, 0xCA, 0xCB})
_LOSSLESS = frozenset({0xC3, 0xCB})
_PROGRESSIVE = frozenset({0xC2, 0xCA})
_UNKNOWN_FRAMES = frozenset({0xC5, 0xC6, 0xC7, 0xC8, 0xCD, 0xCE, 0xCF})
_STANDALONE = frozenset({0x01, *range(0xD0, 0xD8)})
_SOI, _EOI, _SOS, _APP0, _APP1, _APP14 = 0xD8, 0xD9, 0xDA, 0xE0, 0xE1, 0xEE

_EXIF = b"Exif\0\0"
_XMP = b"http://ns.adobe.com/xap/1.0/\0"

_BASELINE_BITS = 8
_SHORT_SIDE_FOR_LUMA = 384
"""Below this short side a picture is decoded in full and in colour: on smaller rasters the luma plane (before libjpeg
clips it to RGB) and the block sums move more bits (measured on 320 photographs for acceptance line 2)."""
_SHORT_SIDE_REDUCED = 300
"""The shortest side that a reduced raster may have, measured as above."""


@dataclass(slots=True)
class JpegHeader:
    """What the markers before the first scan state.

    Attributes:
        width: Columns as stored.
        height: Rows as stored.
        components: (id, horizontal, vertical sampling) of each.
        frame: The frame marker's second byte: 0xC0 baseline, 0xC2 progressive …
        orientation: EXIF or XMP orientation 1-8.
        has_jfif: Whether a JFIF marker is there (then three components are YCbCr).
        adobe_transform: The Adobe marker's transform: 0 none, 1 YCbCr, 2 YCCK; None without that marker.
        luma_steps: Which table holds the quantisation steps of the first component.
    """

    width: int = 0
    height: int = 0
    components: tuple[tuple[int, int, int], ...] = ()
    frame: int = 0
    orientation: int = 1
    has_jfif: bool = False
    adobe_transform: int | None = None
    luma_steps: int = 0
    _bits: int = field(default=0, repr=False)

    @property
    def mode(self) -> str:
        """Pillow's mode of a full decode."""
        return {1: "L", 3: "RGB", 4: "CMYK"}[len(self.components)]

    @property
    def has_luma(self) -> bool:
        """Whether the first component is luma, as libjpeg decides it (jdapimin.c, default_decompress_parms)."""
        if len(self.components) == 1:
            return True
        if len(self.components) != 3 or self.frame in _LOSSLESS:  # noqa: PLR2004  (three colours)
            return False
        if self.has_jfif:
            return True
        if self.adobe_transform is not None:
            return self.adobe_transform != 0
        return [each[0] for each in self.components] != [0x52, 0x47, 0x42]  # the letters R, G, B

    def memory_bytes(self, scale: int, mode: str) -> int:
        """Estimate what decoding takes: the raster, and for a progressive picture all its coefficients."""
        cells = -(-self.width // scale) * -(-self.height // scale)
        raster = cells * (1 if mode == "L" else 4)
        if self.frame not in _PROGRESSIVE:
            return raster
        widest = max(each[1] for each in self.components) * max(each[2] for each in self.components)
        samples = sum(each[1] * each[2] for each in self.components)
        return raster + 2 * self.width * self.height * samples // max(widest, 1)  # 16-bit coefficients


def reduction(header: JpegHeader, *, exact: bool) -> tuple[int, str]:
    """Choose the scale denominator and the mode in which a picture is decoded."""
    short = min(header.width, header.height)
    if exact or not header.has_luma or header.frame in _LOSSLESS or short < _SHORT_SIDE_FOR_LUMA:
        return 1, header.mode
    return next(scale for scale in (8, 4, 2, 1) if short >= _SHORT_SIDE_REDUCED * scale), "L"


def read_header(data: bytes) -> JpegHeader:
    """Walk the markers up to the first scan.

    Raises:
        MediaDamaged: No frame header, or one that contradicts itself.
        MediaUnsupported: A kind of JPEG that no common viewer shows (12-bit, hierarchical …).
    """
    header = JpegHeader()
    exif: int | None = None
    xmp: int | None = None
    position = 2
    while True:
        position = data.find(b"\xff", position)
        while position >= 0 and data[position : position + 1] == b"\xff":
            position += 1
        if position < 0 or position >= len(data):
            break
        marker = data[position]
        position += 1
        if marker == 0 or marker in _STANDALONE:
            continue
        if marker == _SOS:
            break
        if marker == _EOI:  # tables alone: another picture begins after them
            if data[position : position + 2] != b"\xff\xd8":
                break
            position += 2
            continue
        if marker == _SOI:
            break
        length = max(int.from_bytes(data[position : position + 2], "big"), 2)
        if marker in _FRAMES and not header.frame:
            _read_frame(header, marker, data[position : position + length])
        elif marker in _UNKNOWN_FRAMES:
            raise MediaUnsupported("a hierarchical or otherwise uncommon JPEG")
        elif marker == _APP0:
            header.has_jfif |= length >= 16 and data[position + 2 : position + 7] == b"JFIF\0"  # noqa: PLR2004  (JFIF 1.02)
        elif marker == _APP14:
            if length >= 14 and data[position + 2 : position + 7] == b"Adobe":  # noqa: PLR2004  (Adobe technical note 5116)
                header.adobe_transform = data[position + 13] if position + 13 < len(data) else 0
        elif marker == _APP1:
            segment = data[position + 2 : position + length]
            if exif is None and segment.startswith(_EXIF):
                exif = exif_orientation(segment)
            elif xmp is None and segment.startswith(_XMP):
                xmp = xmp_orientation(segment)
        position += length
    if not header.frame:
        raise MediaDamaged("it ends before it says how large it is")
    header.orientation = exif or xmp or 1
    return header


def _read_frame(header: JpegHeader, marker: int, segment: bytes) -> None:
    """Take size and components from a frame header (ITU-T T.81, B.2.2), as strictly as libjpeg does."""
    if len(segment) < 8:  # noqa: PLR2004  (its fixed part)
        raise MediaDamaged("it ends before it says how large it is")
    bits = segment[2]
    count = segment[7]
    if bits != _BASELINE_BITS:
        raise MediaUnsupported(f"a {bits}-bit JPEG")
    if count not in {1, 3, 4}:
        raise MediaUnsupported(f"a JPEG with {count} colour components")
    header.height = int.from_bytes(segment[3:5], "big")
    header.width = int.from_bytes(segment[5:7], "big")
    if not header.width or not header.height or len(segment) != 8 + 3 * count:
        raise MediaDamaged("its frame header contradicts itself")
    header.components = tuple(
        (segment[at], segment[at + 1] >> 4, segment[at + 1] & 15) for at in range(8, len(segment), 3)
    )
    header.luma_steps = segment[10]
    header.frame = marker


class JpegPicture(ImageFile.ImageFile):
    """A Pillow image of a JPEG that is decoded at 1/scale and as far as its data goes.

    When the data ends early, libjpeg is given an end-of-image marker: it then paints what is missing in grey, as
    viewers do, and `is_truncated` says so. This is what Pillow's LOAD_TRUNCATED_IMAGES does, without its being one
    switch for the whole process.
    """

    format = "JPEG"
    format_description = "JPEG (ISO 10918)"

    def __init__(self, data: bytes, header: JpegHeader, scale: int, mode: str) -> None:
        self._data: bytes | None = data
        self._header = header
        self._scale = scale
        self._wanted_mode = mode
        self.is_truncated = False
        super().__init__(BytesIO(), "")

    def _open(self) -> None:
        scale = self._scale
        self._mode = self._wanted_mode
        self._size = (-(-self._header.width // scale), -(-self._header.height // scale))
        # Pillow and every browser take CMYK in a JPEG for inverted, as Adobe's programs write it.
        raw_mode = "CMYK;I" if self._mode == "CMYK" else self._mode
        self.tile = [ImageFile._Tile("jpeg", (0, 0, *self._size), 0, (raw_mode, ""))]  # noqa: SLF001  (the plugin interface)
        self.decoderconfig = (scale, 0)

    def load_seek(self, pos: int) -> None:
        """Do nothing: all data is handed over at once."""

    def load_read(self, read_bytes: int) -> bytes:
        """Hand over the data, then, should libjpeg ask for more, one end-of-image marker, then nothing."""
        del read_bytes  # Pillow's default of 64 KiB would only mean copies
        if self._data is not None:
            data, self._data = self._data, None
            return data
        if not self.is_truncated:
            self.is_truncated = True
            return b"\xff\xd9"
        return b""
