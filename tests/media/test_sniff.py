"""What bytes are is told by what they hold."""

from __future__ import annotations

import gzip
import io
import tarfile
import zipfile
from typing import TYPE_CHECKING, Any

import pytest

from hedgerow.media.sniff import describe, sniff

if TYPE_CHECKING:
    from pathlib import Path


def ftyp(major: bytes, *compatible: bytes) -> bytes:
    body = b"ftyp" + major + bytes(4) + b"".join(compatible)
    return (len(body) + 4).to_bytes(4, "big") + body + b"\0\0\0\x08free"


@pytest.mark.parametrize(
    ("head", "media_type"),
    [
        (b"\xff\xd8\xff\xe0", "image/jpeg"),
        (b"GIF87a", "image/gif"),
        (b"GIF89a", "image/gif"),
        (b"RIFF\0\0\0\0WEBPVP8 ", "image/webp"),
        (b"RIFF\0\0\0\0AVI LIST", "video/x-msvideo"),
        (b"BM" + bytes(12) + b"\x28\0\0\0", "image/bmp"),
        (b"BM is a text about BM, long enough", "text/plain"),
        (b"II*\0", "image/tiff"),
        (b"MM\0*", "image/tiff"),
        (ftyp(b"avif", b"mif1"), "image/avif"),
        (ftyp(b"avis"), "image/avif"),
        (ftyp(b"mif1", b"avif", b"miaf"), "image/avif"),
        (ftyp(b"heic", b"mif1"), "image/heic"),
        (ftyp(b"mif1", b"heic"), "image/heic"),
        (ftyp(b"mif1"), "image/heif"),
        (ftyp(b"isom", b"iso2", b"avc1", b"mp41"), "video/mp4"),
        (ftyp(b"isom", b"avif"), "video/mp4"),
        (ftyp(b"qt  "), "video/quicktime"),
        (b"\x1a\x45\xdf\xa3\x01\0\0\0\0\0\0\x1fB\x82\x84webm", "video/webm"),
        (b"\x1a\x45\xdf\xa3\x01\0\0\0\0\0\0\x1fB\x82\x88matroska", "video/x-matroska"),
        (b"PK\x03\x04", "application/zip"),
        (b"BZh9", "application/x-bzip2"),
        (b"\xfd7zXZ\0", "application/x-xz"),
        (b"%PDF-1.7", "application/pdf"),
        (b"<svg xmlns='http://www.w3.org/2000/svg'>", "image/svg+xml"),
        (b"<?xml version='1.0'?>\n<!-- x -->\n<svg>", "image/svg+xml"),
        (b"<?xml version='1.0'?><feed/>", "text/xml"),
        (b"<!DOCTYPE html><p>", "text/html"),
        (b"\0\0\0\x0cjP  \r\n\x87\n", "image/jp2"),
        (b"\xff\x0a\x00", "image/jxl"),
        (b"P6\n4 4\n255\n", "image/x-portable-anymap"),
        ("grüße".encode(), "text/plain"),
        (("ä" * 4000).encode()[:4096], "text/plain"),
        (b"caf\xe9", None),
        (bytes(100), None),
        (b"", None),
    ],
)
def test_each_kind_is_known_by_its_first_bytes(head: bytes, media_type: str | None) -> None:
    assert sniff(head) == media_type


def test_a_tar_is_known_by_its_header_and_a_packed_one_by_its_packing() -> None:
    file = io.BytesIO()
    with tarfile.open(fileobj=file, mode="w") as archive:
        archive.addfile(tarfile.TarInfo("a"))
    assert sniff(file.getvalue()) == "application/x-tar"
    assert sniff(gzip.compress(file.getvalue())) == "application/gzip"


def test_an_empty_zip_is_a_zip() -> None:
    file = io.BytesIO()
    zipfile.ZipFile(file, "w").close()
    assert sniff(file.getvalue()) == "application/zip"


def test_an_animated_png_is_told_from_a_still_one(scene: Any, encoded: Any) -> None:
    assert sniff(encoded(scene(), "PNG")) == "image/png"
    assert sniff(encoded(scene(), "PNG", save_all=True, append_images=[scene().rotate(9)])) == "image/apng"


def test_any_head_is_sniffed_without_an_error() -> None:
    for length in range(30):
        for start in (b"", b"\x89PNG\r\n\x1a\n", b"RIFF", b"\0\0\0\xffftyp", b"BM", b"P6", b"<"):
            sniff(start + b"\xff" * length)
            sniff(start + bytes(length))


@pytest.mark.parametrize("media_type", ["application/zip", "video/mp4", "audio/mpeg", "application/x-nonsense", None])
def test_every_description_begins_with_an_article(media_type: str | None) -> None:
    assert describe(media_type).split()[0] in {"a", "an"}


@pytest.mark.shared
def test_the_reference_media_are_what_they_are_called(shared_data: Path) -> None:
    types = {".jpg": "jpeg", ".png": "png", ".gif": "gif", ".webp": "webp", ".avif": "avif", ".bmp": "bmp"}
    for path in sorted((shared_data / "formats").iterdir()):
        expected = types.get(path.suffix)
        if expected:
            assert str(sniff(path.read_bytes()[:4096])).replace("apng", "png") == f"image/{expected}", path.name
    for path in sorted((shared_data / "videos").iterdir()):
        if path.suffix in {".mp4", ".webm", ".mov"}:
            assert str(sniff(path.read_bytes()[:4096])).startswith("video/"), path.name
