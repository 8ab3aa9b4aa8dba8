from __future__ import annotations

import base64
import io
from typing import TYPE_CHECKING

import numpy as np
import pytest
from PIL import Image

from hedgerow.media import MediaLimits
from hedgerow.scanning.model import FileResult
from hedgerow.scanning.tiles import TileMaker, png

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

_TURNS = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_90,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_270,
}


@pytest.fixture(scope="module")
def make_tile() -> Iterator[TileMaker]:
    with TileMaker(MediaLimits()) as maker:
        yield maker


def _opened(address: str | None) -> Image.Image:
    assert address is not None
    assert address.startswith("data:image/png;base64,")
    return Image.open(io.BytesIO(base64.b64decode(address.partition(",")[2])))


def _quarters(width: int = 300, height: int = 200) -> Image.Image:
    """Draw four quarters of 0, 80, 160 and 240."""
    grey = np.zeros((height, width), np.uint8)
    grey[: height // 2, width // 2 :] = 80
    grey[height // 2 :, : width // 2] = 160
    grey[height // 2 :, width // 2 :] = 240
    return Image.fromarray(grey)


def test_a_tile_is_grey_and_at_most_sixteen_pixels_wide_and_high(tmp_path: Path, make_tile: TileMaker) -> None:
    _quarters().convert("RGB").save(tmp_path / "a.png")
    tile = _opened(make_tile(FileResult(str(tmp_path / "a.png"))))
    assert (tile.mode, tile.size) == ("L", (16, 11))
    assert [tile.getpixel(at) for at in ((1, 1), (14, 1), (1, 9), (14, 9))] == [0, 80, 160, 240]


@pytest.mark.parametrize("orientation", range(1, 9))
def test_a_tile_stands_upright(tmp_path: Path, make_tile: TileMaker, orientation: int) -> None:
    upright = _quarters()
    # Stored as a camera would: turned the other way, with the orientation that turns it back
    back = {6: 6, 8: 8}.get(orientation, orientation)
    stored = upright.transpose(_TURNS[back]) if orientation > 1 else upright
    exif = Image.Exif()
    exif[0x0112] = orientation
    stored.save(tmp_path / "a.jpg", exif=exif, quality=95)
    tile = _opened(make_tile(FileResult(str(tmp_path / "a.jpg"))))
    assert tile.size == (16, 11)
    corners = [tile.getpixel(at) for at in ((1, 1), (14, 1), (1, 9), (14, 9))]
    assert np.abs(np.array(corners) - [0, 80, 160, 240]).max() <= 3


@pytest.mark.parametrize("size", [(1, 1), (1, 500), (500, 1), (3, 2), (17, 16)])
def test_pictures_of_any_shape_have_a_tile(tmp_path: Path, make_tile: TileMaker, size: tuple[int, int]) -> None:
    Image.new("L", size, 99).save(tmp_path / "a.png")
    tile = _opened(make_tile(FileResult(str(tmp_path / "a.png"))))
    assert max(tile.size) <= 16
    assert tile.getextrema() == (99, 99)


def test_what_does_not_decode_and_what_lies_in_an_archive_has_none(tmp_path: Path, make_tile: TileMaker) -> None:
    (tmp_path / "a.jpg").write_text("no picture")
    assert make_tile(FileResult(str(tmp_path / "a.jpg"))) is None
    assert make_tile(FileResult(str(tmp_path / "gone.jpg"))) is None
    assert make_tile(FileResult(str(tmp_path / "a.zip"), "member.jpg")) is None


def test_the_png_reads_back_as_its_pixels() -> None:
    luma = bytes(range(12))
    picture = Image.open(io.BytesIO(png(luma, 4, 3)))
    assert picture.size == (4, 3)
    assert picture.tobytes() == luma
