"""Orientation is found where it is stated, and nothing else is believed."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from hedgerow.media.orientation import exif_orientation, xmp_orientation


def block(value: int) -> bytes:
    exif = Image.Exif()
    exif[0x010F] = "a maker"
    exif[0x0112] = value
    exif[0x0132] = "2024:01:01 00:00:00"
    return exif.tobytes()


@pytest.mark.parametrize("value", range(1, 9))
def test_an_orientation_is_read_in_both_byte_orders(value: int) -> None:
    assert exif_orientation(block(value)) == value
    assert exif_orientation(block(value).removeprefix(b"Exif\0\0")) == value
    little = b"II*\0\x08\0\0\0\x01\0\x12\x01\x03\0\x01\0\0\0" + bytes([value, 0, 0, 0])
    assert exif_orientation(little) == value


@pytest.mark.parametrize("exif", [None, b"", b"Exif\0\0", b"II*\0", block(0), block(9), b"nonsense" * 9])
def test_what_states_no_orientation_gives_none(exif: bytes | None) -> None:
    assert exif_orientation(exif) is None


@given(st.binary(max_size=80), st.integers(0, 40))
def test_any_bytes_give_an_orientation_or_none(noise: bytes, keep: int) -> None:
    assert exif_orientation(block(6)[:keep] + noise) in {None, *range(1, 9)}
    assert xmp_orientation(noise) is None


@pytest.mark.parametrize(
    "packet",
    [
        b'<rdf:Description tiff:Orientation="6" x="y"/>',
        b"<tiff:Orientation>6</tiff:Orientation>",
        b"<rdf:Description tiff:Orientation='6'/>",
        '<rdf:Description tiff:Orientation = "6"/>',
    ],
)
def test_xmp_states_it_as_an_attribute_or_an_element(packet: bytes | str) -> None:
    assert xmp_orientation(packet) == 6


@pytest.mark.parametrize("packet", [None, b"", b"<tiff:Orientation>9</tiff:Orientation>", b'tiff:Orientation="61"'])
def test_xmp_that_states_none_that_exists_gives_none(packet: bytes | None) -> None:
    assert xmp_orientation(packet) is None
