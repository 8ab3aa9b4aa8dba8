"""What is left out of a progressive JPEG changes no cell of its luma plane."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from hedgerow.media.jpeg import JpegPicture, read_header
from hedgerow.media.progressive import with_seen_scans

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray


def plane(data: bytes, of: bytes, scale: int) -> NDArray[np.uint8]:
    picture = JpegPicture(data, read_header(of), scale, "L")
    picture.load()
    assert not picture.is_truncated
    return np.asarray(picture)


def scans(data: bytes) -> int:
    return data.count(b"\xff\xda")  # coded data have stuffed bytes there


@pytest.fixture
def grainy(scene: Any) -> Image.Image:
    """Draw the scene with grain, so that there is detail to be left out."""
    picture = np.asarray(scene(203, 147)).astype(np.int16)
    grain = np.random.default_rng(1).integers(-20, 20, picture.shape)
    return Image.fromarray(np.clip(picture + grain, 0, 255).astype(np.uint8))


@pytest.mark.parametrize("scale", [1, 2, 4, 8])
@pytest.mark.parametrize(
    "options", [{"subsampling": 0}, {"subsampling": 1}, {"subsampling": 2}, {"restart_marker_blocks": 5}]
)
def test_the_luma_plane_stays_the_same_without_the_scans_that_it_does_not_show(
    grainy: Image.Image, encoded: Any, scale: int, options: dict[str, Any]
) -> None:
    data = encoded(grainy, "JPEG", progressive=True, quality=90, **options)
    seen = with_seen_scans(data, read_header(data), scale)
    assert len(seen) < len(data)
    np.testing.assert_array_equal(plane(seen, data, scale), plane(data, data, scale))


def test_chroma_is_left_out_and_at_an_eighth_all_but_the_means(grainy: Image.Image, encoded: Any) -> None:
    data = encoded(grainy, "JPEG", progressive=True)
    header = read_header(data)
    assert [scans(data), scans(with_seen_scans(data, header, 4)), scans(with_seen_scans(data, header, 8))] == [10, 6, 3]


def test_more_blocks_than_one_code_can_tell_of_have_no_detail(encoded: Any) -> None:
    picture = Image.radial_gradient("L").resize((1700, 1400))  # 213 × 175 blocks, more than 32,767
    data = encoded(picture, "JPEG", progressive=True)
    seen = with_seen_scans(data, read_header(data), 8)
    np.testing.assert_array_equal(plane(seen, data, 8), plane(data, data, 8))


def test_a_grey_picture_loses_its_detail_only_at_an_eighth(grainy: Image.Image, encoded: Any) -> None:
    data = encoded(grainy.convert("L"), "JPEG", progressive=True)
    header = read_header(data)
    assert with_seen_scans(data, header, 4) is data
    seen = with_seen_scans(data, header, 8)
    assert len(seen) < len(data)
    np.testing.assert_array_equal(plane(seen, data, 8), plane(data, data, 8))


def test_what_follows_the_picture_is_kept(grainy: Image.Image, encoded: Any) -> None:
    data = encoded(grainy, "JPEG", progressive=True) + b"\xff\xd8\xff\xda another picture"
    assert with_seen_scans(data, read_header(data), 8).endswith(b"\xff\xd9\xff\xd8\xff\xda another picture")


def test_a_picture_that_is_not_progressive_stays_as_it_is(grainy: Image.Image, encoded: Any) -> None:
    data = encoded(grainy, "JPEG")
    assert with_seen_scans(data, read_header(data), 8) is data


@pytest.mark.parametrize("share", [0.3, 0.5, 0.7, 0.9, 0.99])
def test_a_picture_that_ends_early_stays_as_it_is(grainy: Image.Image, encoded: Any, share: float) -> None:
    data = encoded(grainy, "JPEG", progressive=True)
    cut = data[: int(len(data) * share)]
    assert with_seen_scans(cut, read_header(data), 8) is cut


@pytest.mark.parametrize("scale", [1, 4, 8])
@pytest.mark.parametrize("kept", range(1, 6))
def test_a_picture_that_lacks_scans_of_luma_is_smoothed_as_ever(
    grainy: Image.Image, encoded: Any, kept: int, scale: int
) -> None:
    data = _with_luma_scans(encoded(grainy, "JPEG", progressive=True), kept)
    assert with_seen_scans(data, read_header(data), scale) is data


def test_a_picture_with_all_scans_of_luma_and_none_of_chroma_is_whole(grainy: Image.Image, encoded: Any) -> None:
    data = _with_luma_scans(encoded(grainy, "JPEG", progressive=True), 6)
    assert scans(data) == 6
    seen = with_seen_scans(data, read_header(data), 8)
    assert len(seen) < len(data)
    np.testing.assert_array_equal(plane(seen, data, 8), plane(data, data, 8))


def _with_luma_scans(data: bytes, kept: int) -> bytes:
    """Keep the first scans that tell of luma, properly ended."""
    pieces, position = [data[: data.index(b"\xff\xda")]], data.index(b"\xff\xda")
    while position > 0:
        following = data.find(b"\xff\xda", position + 2)
        piece = data[position : following if following > 0 else -2]
        if 1 in piece[5 : 5 + 2 * piece[4] : 2] and kept:
            kept -= 1
        else:  # its tables are for the scan behind it
            end = position + 2 + int.from_bytes(data[position + 2 : position + 4], "big")
            tables = re.search(rb"\xff\xc4", data[end : position + len(piece)])
            piece = b"" if tables is None else piece[end - position + tables.start() :]
        pieces.append(piece)
        position = following
    return b"".join([*pieces, b"\xff\xd9"])


@given(st.data())
@settings(max_examples=200, deadline=None)
def test_damage_never_raises(data: st.DataObject) -> None:
    whole = _whole()
    damaged = bytearray(whole)
    for _ in range(data.draw(st.integers(1, 8))):
        damaged[data.draw(st.integers(2, len(whole) - 1))] = data.draw(st.integers(0, 255))
    with_seen_scans(bytes(damaged), read_header(whole), data.draw(st.sampled_from([1, 8])))


def _whole() -> bytes:
    from io import BytesIO  # noqa: PLC0415  (Hypothesis takes no fixture that is made anew for each test)

    file = BytesIO()
    Image.radial_gradient("L").convert("RGB").resize((40, 40)).save(file, "JPEG", progressive=True)
    return file.getvalue()


@pytest.mark.shared
def test_all_progressive_photographs_keep_their_plane(shared_data: Path) -> None:
    checked = 0
    for path in sorted((shared_data / "photos").glob("*.jpg")):
        data = path.read_bytes()
        header = read_header(data)
        if header.frame != 0xC2 or not header.has_luma:
            continue
        checked += 1
        for scale in (4, 8):
            seen = with_seen_scans(data, header, scale)
            assert len(seen) < len(data)
            np.testing.assert_array_equal(plane(seen, data, scale), plane(data, data, scale))
    assert checked >= 50
