from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image, ImageDraw

from hedgerow.hashing.borders import Box
from hedgerow.hashing.chrome import _share_of_colours, pictures_on_screen
from hedgerow.hashing.hasher import PdqHasher
from hedgerow.hashing.pdq import ArrayPixels, pdq
from hedgerow.hashing.selftest import synthetic_picture


def screen_of(picture: np.ndarray, ground: int, ink: int, top: int, bottom: int, side: int) -> np.ndarray:
    """A picture on a drawn ground, with lines of text above and below."""
    rows, columns = picture.shape[:2]
    image = Image.new("L", (columns + 2 * side, rows + top + bottom), ground)
    image.paste(Image.fromarray(picture).convert("L"), (side, top))
    pen = ImageDraw.Draw(image)
    for place in (top // 3, top + rows + bottom // 3):
        pen.text((side + 10, place), "9:41  A page with some words", fill=ink, font_size=16)
    return np.asarray(image)


@pytest.mark.parametrize(("ground", "ink"), [(250, 20), (12, 230), (128, 255)])
@pytest.mark.parametrize("side", [0, 40])
def test_the_picture_on_a_screen_is_found_to_a_cell(ground: int, ink: int, side: int) -> None:
    noise = np.random.default_rng(3).integers(0, 256, (220, 300), np.uint8)
    screen = screen_of(noise, ground, ink, 60, 90, side)
    box = Box(60, 280, side, side + 300)
    assert any(max(abs(a - b) for a, b in zip(box, each, strict=True)) <= 1 for each in pictures_on_screen(screen))


def test_a_picture_by_itself_has_no_screen_around_it() -> None:
    assert not pictures_on_screen(np.random.default_rng(3).integers(0, 256, (220, 300), np.uint8))


@pytest.mark.parametrize("value", [0, 255])
def test_an_empty_screen_holds_no_picture(value: int) -> None:
    assert not pictures_on_screen(np.full((100, 80), value, np.uint8))


@given(st.integers(1, 40), st.integers(1, 40), st.integers(0, 2**32 - 1))
def test_any_raster_is_answered_with_boxes_inside_it(rows: int, columns: int, seed: int) -> None:
    generator = np.random.default_rng(seed)
    luma = generator.choice(np.array([0, 3, 128, 255], np.uint8), (rows, columns))
    for box in pictures_on_screen(luma):
        assert 0 <= box.top < box.bottom <= rows
        assert 0 <= box.left < box.right <= columns


def test_the_share_is_that_of_the_most_frequent_colours() -> None:
    lines = np.array([[10] * 6 + [100] * 3 + [200]], np.uint8)
    assert _share_of_colours(lines, 1).tolist() == [0.6]
    assert _share_of_colours(lines, 2).tolist() == [0.9]


def test_a_screenshot_is_looked_up_as_the_picture_in_it() -> None:
    picture = synthetic_picture(300, 400, seed=4)
    screen = screen_of(picture, 255, 0, 90, 160, 0)
    known = int.from_bytes(pdq(picture).bits, "big")
    found = PdqHasher().signals(ArrayPixels(screen), level="standard")
    nearest = min(found, key=lambda each: (int.from_bytes(each.bits, "big") ^ known).bit_count())
    assert (int.from_bytes(nearest.bits, "big") ^ known).bit_count() <= 31
    assert nearest.variant.startswith(("on a screen", "borders trimmed"))
