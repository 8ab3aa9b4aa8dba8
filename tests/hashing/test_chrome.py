from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image, ImageDraw

from hedgerow.hashing.borders import Box
from hedgerow.hashing.chrome import _are_drawn, _without_margin, pictures_on_screen
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


@pytest.mark.parametrize(
    ("colours", "by_one", "by_two"),
    [
        ({10: 80, 100: 10, 200: 10}, True, False),
        ({10: 79, 100: 12, 200: 9}, False, False),
        ({10: 60, 100: 32, 200: 8}, False, True),
        ({0: 47, 255: 46, 90: 7}, False, True),
        ({0: 92, 90: 8}, True, True),
    ],
)
def test_a_line_is_drawn_where_one_or_two_colours_hold_nearly_all_of_it(
    colours: dict[int, int], by_one: bool, by_two: bool
) -> None:
    line = np.repeat(np.array(list(colours), np.uint8), list(colours.values()))
    plain, noise = np.full(100, 7, np.uint8), np.arange(0, 200, 2, np.uint8)
    assert _are_drawn(np.stack([noise, line, plain])).tolist() == [[False, by_one, True], [False, by_two, True]]


@given(st.integers(0, 2**32 - 1), st.integers(0, 2))
def test_a_large_screen_is_found_to_a_cell_though_only_some_lines_are_looked_at(seed: int, kind: int) -> None:
    generator = np.random.default_rng(seed)
    noise = generator.integers(0, 256, (int(generator.integers(200, 700)), int(generator.integers(200, 700))), np.uint8)
    top, bottom, left, right = (int(each) for each in generator.integers(40, 160, 4))
    left, right = (left, right) if kind else (0, 0)
    screen = np.pad(noise, ((top, bottom), (left, right)), constant_values=250)
    box = Box(top, top + noise.shape[0], left, left + noise.shape[1])
    assert any(max(abs(a - b) for a, b in zip(box, each, strict=True)) <= 1 for each in pictures_on_screen(screen))


def test_a_screenshot_is_looked_up_as_the_picture_in_it() -> None:
    picture = synthetic_picture(300, 400, seed=4)
    screen = screen_of(picture, 255, 0, 90, 160, 0)
    known = int.from_bytes(pdq(picture).bits, "big")
    found = PdqHasher().signals(ArrayPixels(screen), level="standard")
    nearest = min(found, key=lambda each: (int.from_bytes(each.bits, "big") ^ known).bit_count())
    assert (int.from_bytes(nearest.bits, "big") ^ known).bit_count() <= 31
    assert nearest.variant.startswith(("on a screen", "borders trimmed"))


@pytest.mark.parametrize("side", [0, 40])
def test_a_picture_with_a_plain_sky_is_found_with_it(side: int) -> None:
    noise = np.random.default_rng(3).integers(0, 256, (220, 300), np.uint8)
    hills = 40 + np.arange(300) // 6
    noise[np.arange(220)[:, None] < hills] = 190
    screen = screen_of(noise, 250, 20, 60, 90, side)
    found = pictures_on_screen(screen)
    box = Box(60, 280, side, side + 300)
    assert found[-1].top > 90
    assert any(max(abs(a - b) for a, b in zip(box, each, strict=True)) <= 1 for each in found), found


def test_the_margin_of_a_bubble_is_no_part_of_the_picture() -> None:
    noise = np.random.default_rng(3).integers(0, 256, (100, 160), np.uint8)
    bubble = np.pad(noise, ((4, 12), (4, 4)), constant_values=220)
    bubble[106:112, 140:160:3] = 90  # the time of day
    screen = np.pad(bubble, 50, constant_values=240)
    assert _without_margin(screen, Box(50, 166, 50, 218)) == Box(54, 154, 54, 214)


def test_a_picture_with_plain_ground_on_one_side_has_no_margin() -> None:
    picture = np.random.default_rng(3).integers(0, 256, (100, 160), np.uint8)
    picture[:10] = 255
    whole = Box(0, 100, 0, 160)
    assert _without_margin(picture, whole) == whole
