"""The header walk agrees with libjpeg, and refuses what libjpeg would not show."""

from __future__ import annotations

import struct
from io import BytesIO
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from hedgerow.errors import MediaDamaged, MediaUnsupported
from hedgerow.media.jpeg import read_header, reduction

if TYPE_CHECKING:
    from pathlib import Path


def frame(marker: int = 0xC0, bits: int = 8, rows: int = 4, columns: int = 5, components: int = 3) -> bytes:
    parts = b"".join(bytes([number + 1, 0x11, 0]) for number in range(components))
    body = struct.pack(">BHHB", bits, rows, columns, components) + parts
    return bytes([0xFF, marker]) + struct.pack(">H", len(body) + 2) + body


@pytest.mark.parametrize("options", [{}, {"progressive": True}, {"subsampling": 0}, {"keep_rgb": True}])
def test_the_header_states_what_pillow_reads(scene: Any, encoded: Any, options: dict[str, Any]) -> None:
    data = encoded(scene(77, 33), "JPEG", **options)
    header = read_header(data)
    with Image.open(BytesIO(data)) as image:
        assert (header.width, header.height) == image.size
        assert header.mode == image.mode
    assert header.has_luma == ("keep_rgb" not in options)


@pytest.mark.parametrize("bits", [2, 12, 16])
def test_a_jpeg_of_other_than_eight_bits_is_named(bits: int) -> None:
    with pytest.raises(MediaUnsupported) as caught:
        read_header(b"\xff\xd8" + frame(bits=bits))
    assert caught.value.what == f"a {bits}-bit JPEG"


@pytest.mark.parametrize("components", [2, 5])
def test_an_odd_number_of_components_is_refused(components: int) -> None:
    with pytest.raises(MediaUnsupported):
        read_header(b"\xff\xd8" + frame(components=components))


def test_a_hierarchical_jpeg_is_refused() -> None:
    with pytest.raises(MediaUnsupported):
        read_header(b"\xff\xd8" + frame(marker=0xC5))


@pytest.mark.parametrize(
    "data",
    [
        b"\xff\xd8",
        b"\xff\xd8\xff\xd9",
        b"\xff\xd8\xff\xda\0\x02",
        b"\xff\xd8\xff\xc0\0\x08\x08\0\x04",
        b"\xff\xd8" + frame(rows=0),
        b"\xff\xd8" + frame(columns=0),
        b"\xff\xd8\xff\xd8" + frame(),
        b"\xff\xd8" + b"\xff" * 1000,
    ],
)
def test_a_header_without_a_size_is_damage(data: bytes) -> None:
    with pytest.raises(MediaDamaged):
        read_header(data)


def test_stuffing_junk_and_tables_before_the_frame_are_passed_over() -> None:
    junk = b"\0\0\xff\0\xff\xff\xff\xe5\0\x04ab"
    assert read_header(b"\xff\xd8" + junk + frame()).width == 5
    assert read_header(b"\xff\xd8\xff\xd9\xff\xd8" + frame()).width == 5


def test_the_first_frame_header_counts_as_for_libjpeg() -> None:
    assert read_header(b"\xff\xd8" + frame(columns=5) + frame(columns=9)).width == 5


def test_a_lossless_jpeg_is_never_reduced() -> None:
    header = read_header(b"\xff\xd8" + frame(marker=0xC3, rows=3000, columns=3000))
    assert reduction(header, exact=False) == (1, "RGB")


@settings(max_examples=300)
@given(st.binary(max_size=200))
def test_any_bytes_are_a_header_or_a_typed_error(noise: bytes) -> None:
    for data in (b"\xff\xd8\xff" + noise, b"\xff\xd8" + noise + frame()):
        try:
            header = read_header(data)
        except (MediaDamaged, MediaUnsupported):
            continue
        assert 0 < header.width < 65536
        assert 0 < header.height < 65536


@pytest.mark.shared
def test_the_header_agrees_with_pillow_on_every_photograph(shared_data: Path) -> None:
    paths = [path for path in sorted(shared_data.rglob("*.jp*g")) if "hostile" not in path.parts]
    assert len(paths) > 200
    for path in paths:
        data = path.read_bytes()
        try:
            header = read_header(data)
        except (MediaDamaged, MediaUnsupported):
            assert "broken" in path.parts, path.name
            continue
        with Image.open(BytesIO(data)) as image:
            assert (header.width, header.height) == image.size, path.name
            stated = image.getexif().get(0x0112, 1)
            assert header.orientation == (stated or 1), path.name  # some files state 0, which is none
