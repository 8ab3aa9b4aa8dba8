"""Tell what bytes are by their content: names and declared types are never trusted."""

from __future__ import annotations

from codecs import getincrementaldecoder

__all__ = ["describe", "png_is_animated", "sniff"]

HEAD_BYTES = 4096
"""How much of a file's beginning `sniff` looks at; callers need not hand over more."""

# ISO base media brands, from the MP4 registration authority (mp4ra.org/registered-types/brands), July 2025.
_AVIF_BRANDS = frozenset({b"avif", b"avis"})
_HEIC_BRANDS = frozenset({b"heic", b"heix", b"heim", b"heis", b"hevc", b"hevx", b"hevm", b"hevs"})
_HEIF_BRANDS = frozenset({b"mif1", b"mif2", b"msf1", b"miaf"})

_PREFIXES: tuple[tuple[bytes, str], ...] = (
    (b"\xff\xd8\xff", "image/jpeg"),
    (b"GIF87a", "image/gif"),
    (b"GIF89a", "image/gif"),
    (b"BM", "image/bmp"),
    (b"II*\0", "image/tiff"),
    (b"MM\0*", "image/tiff"),
    (b"II+\0", "image/tiff"),  # BigTIFF
    (b"MM\0+", "image/tiff"),
    (b"\0\0\0\x0cjP  \r\n\x87\n", "image/jp2"),
    (b"\xff\x4f\xff\x51", "image/jp2"),  # a bare JPEG 2000 codestream
    (b"\0\0\0\x0cJXL \r\n\x87\n", "image/jxl"),
    (b"\xff\x0a", "image/jxl"),
    (b"PK\x03\x04", "application/zip"),
    (b"PK\x05\x06", "application/zip"),  # an empty one
    (b"PK\x07\x08", "application/zip"),  # a split one
    (b"\x1f\x8b", "application/gzip"),
    (b"BZh", "application/x-bzip2"),
    (b"\xfd7zXZ\0", "application/x-xz"),
    (b"7z\xbc\xaf\x27\x1c", "application/x-7z-compressed"),
    (b"Rar!\x1a\x07", "application/vnd.rar"),
    (b"%PDF-", "application/pdf"),
    (b"\x1a\x45\xdf\xa3", "video/x-matroska"),
    (b"FLV\x01", "video/x-flv"),
    (b"\0\0\x01\xba", "video/mpeg"),
    (b"\0\0\x01\xb3", "video/mpeg"),
    (b"0&\xb2u\x8ef\xcf\x11", "video/x-ms-asf"),
    (b"8BPS", "image/vnd.adobe.photoshop"),
    (b"v/1\x01", "image/x-exr"),
    (b"\0\0\x01\0", "image/vnd.microsoft.icon"),
    (b"ID3", "audio/mpeg"),
    (b"fLaC", "audio/flac"),
    (b"OggS", "application/ogg"),
    (b"%!PS", "application/postscript"),
    (b"\x7fELF", "application/x-executable"),
    (b"MZ", "application/x-executable"),
)

_DESCRIPTIONS = {
    "application/gzip": "a gzip file",
    "application/ogg": "an Ogg sound or video",
    "application/pdf": "a PDF document",
    "application/postscript": "a PostScript document",
    "application/vnd.rar": "a RAR archive",
    "application/x-7z-compressed": "a 7-Zip archive",
    "application/x-bzip2": "a bzip2 file",
    "application/x-executable": "a program",
    "application/x-tar": "a tar archive",
    "application/x-xz": "an xz file",
    "application/zip": "a zip archive",
    "image/jp2": "a JPEG 2000 picture",
    "image/jxl": "a JPEG XL picture",
    "image/svg+xml": "an SVG drawing",
    "image/vnd.adobe.photoshop": "a Photoshop document",
    "image/vnd.microsoft.icon": "an icon",
    "image/x-exr": "an OpenEXR picture",
    "image/x-portable-anymap": "a Netpbm picture",
    "text/html": "a web page",
    "text/plain": "plain text",
    "text/xml": "an XML document",
}


def sniff(head: bytes) -> str | None:
    """Name the media type of a file by its first bytes, or None where nothing is known.

    Args:
        head: The beginning of the file; the first 4 KiB are enough.

    >>> sniff(b"GIF89a" + bytes(7)), sniff(b"once upon a time"), sniff(bytes(64))
    ('image/gif', 'text/plain', None)
    """
    head = head[:HEAD_BYTES]
    if head.startswith(b"\x89PNG\r\n\x1a\n"):
        return "image/apng" if png_is_animated(head) else "image/png"
    if head[:4] in {b"RIFF", b"RIFX"}:
        return {b"WEBP": "image/webp", b"AVI ": "video/x-msvideo", b"WAVE": "audio/wav"}.get(head[8:12])
    if head[4:8] == b"ftyp":
        return _by_brands(head)
    for prefix, kind in _PREFIXES:
        if head.startswith(prefix):
            if prefix == b"BM" and not _is_bmp(head):
                continue
            if kind == "video/x-matroska" and b"webm" in head[:64]:
                return "video/webm"
            if kind == "application/ogg" and b"\x80theora" in head:  # Theora I, 6.2: a stream's first packet
                return "video/ogg"
            return kind
    if _is_transport_stream(head):
        return "video/mp2t"
    if head[257:262] == b"ustar":
        return "application/x-tar"
    if len(head) >= 2 and head[0:1] == b"P" and head[1:2] in b"1234567" and head[2:3].isspace():  # noqa: PLR2004  (the two magic bytes)
        return "image/x-portable-anymap"
    if head[4:8] in {b"moov", b"mdat", b"wide", b"skip", b"pnot", b"free"}:
        return "video/quicktime"
    return _by_text(head)


def describe(media_type: str | None) -> str:
    """Say what a media type is as a person would, with its article.

    >>> describe("video/webm"), describe("image/svg+xml"), describe(None)
    ('a video', 'an SVG drawing', 'a file of unknown kind')
    """
    if media_type is None:
        return "a file of unknown kind"
    if media_type.startswith("video/"):
        return "a video"
    if media_type.startswith("audio/"):
        return "a sound"
    return _DESCRIPTIONS.get(media_type, f"a file of type {media_type}")


def png_is_animated(data: bytes) -> bool:
    """Whether a PNG announces an animation: an ``acTL`` chunk before its first ``IDAT`` (APNG 1.0)."""
    position = 8
    while position + 8 <= len(data):
        name = data[position + 4 : position + 8]
        if name == b"acTL":
            return True
        if name == b"IDAT":
            return False
        position += 12 + int.from_bytes(data[position : position + 4], "big")
    return False


def _by_brands(head: bytes) -> str:
    """Tell still pictures from videos by the brands of an ``ftyp`` box (ISO/IEC 14496-12, 4.3)."""
    size = int.from_bytes(head[:4], "big")
    end = size if 16 <= size <= len(head) else min(len(head), 256)  # noqa: PLR2004  (the box's own header)
    brands = [head[8:12], *(head[at : at + 4] for at in range(16, end - 3, 4))]
    # The major brand speaks first; a file of the general brand mif1 tells its codec by a compatible brand.
    for brand in brands:
        if brand in _AVIF_BRANDS:
            return "image/avif"
        if brand in _HEIC_BRANDS:
            return "image/heic"
        if brand not in _HEIF_BRANDS:
            break
    if brands[0] in _HEIF_BRANDS:
        if _AVIF_BRANDS.intersection(brands):
            return "image/avif"
        return "image/heic" if _HEIC_BRANDS.intersection(brands) else "image/heif"
    if brands[0] == b"crx ":
        return "image/x-canon-cr3"
    if brands[0] in {b"jp2 ", b"jpx "}:
        return "image/jp2"
    if brands[0] in {b"M4A ", b"M4B ", b"M4P "}:
        return "audio/mp4"
    if brands[0][:3] in {b"3gp", b"3g2"}:
        return "video/3gpp"
    return "video/quicktime" if brands[0] == b"qt  " else "video/mp4"


def _is_transport_stream(head: bytes) -> bool:
    """Recognise an MPEG transport stream (ISO/IEC 13818-1, 2.4.3.2) by its packets' sync bytes.

    A packet has 188 bytes, or 192 where four bytes of time stand before each, as cameras and Blu-ray write them.
    """
    for size, first in ((188, 0), (192, 4)):
        places = range(first, min(len(head), first + 5 * size), size)
        if len(places) >= 3 and all(head[at] == 0x47 for at in places):  # noqa: PLR2004  (three are no chance)
            return True
    return False


def _is_bmp(head: bytes) -> bool:
    """Whether ``BM`` is followed by a header size that exists, so that a text may begin with BM."""
    return len(head) >= 18 and int.from_bytes(head[14:18], "little") in {12, 16, 40, 52, 56, 64, 108, 124}  # noqa: PLR2004  (the smallest header)


def _by_text(head: bytes) -> str | None:
    """Recognise text, and the drawings and pages that are written as text."""
    stripped = head.lstrip(b"\xef\xbb\xbf \t\r\n")
    lowered = stripped[:1024].lower()
    if b"<svg" in lowered and lowered.startswith(b"<"):
        return "image/svg+xml"
    if lowered.startswith((b"<!doctype html", b"<html")):
        return "text/html"
    if lowered.startswith(b"<?xml"):
        return "text/xml"
    if head.startswith((b"\xff\xfe", b"\xfe\xff")):
        return "text/plain"
    if not stripped or any(byte < 32 and byte not in b"\t\n\v\f\r\x1b" for byte in head):  # noqa: PLR2004  (control characters)
        return None
    try:
        # A head that was cut may end within a character.
        getincrementaldecoder("utf-8")().decode(head, final=len(head) < HEAD_BYTES)
    except UnicodeDecodeError:
        return None
    return "text/plain"
