from __future__ import annotations

import io

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from hedgerow.hashing.borders import TRIM_AT_LEAST, Box, _framed, content_boxes, without_round_corners
from hedgerow.hashing.selftest import synthetic_picture

PICTURE = synthetic_picture(200, 150, seed=4, channels=1)


@given(
    top=st.integers(0, 60), bottom=st.integers(0, 60), left=st.integers(0, 60), right=st.integers(0, 60),
    colour=st.sampled_from([0, 16, 255]),
)  # fmt: skip
@settings(max_examples=60, deadline=None)
def test_uniform_borders_are_found_to_the_pixel_or_one_beyond(
    top: int, bottom: int, left: int, right: int, colour: int
) -> None:
    picture = PICTURE.clip(40, 220)  # no line of it is as plain as the border
    boxes = content_boxes(np.pad(picture, ((top, bottom), (left, right)), constant_values=colour))
    if top + bottom < TRIM_AT_LEAST * len(picture) and left + right < TRIM_AT_LEAST * len(picture):
        assert boxes == []
    elif top + bottom > 2 or left + right > 3:
        assert boxes[0] == Box(top, top + 150, left, left + 200)


@pytest.mark.parametrize("quality", [90, 50, 20])
def test_a_border_full_of_jpeg_noise_is_found_within_a_block(quality: int) -> None:
    framed = np.pad(PICTURE, 32, constant_values=255)
    stream = io.BytesIO()
    Image.fromarray(framed).save(stream, "JPEG", quality=quality)
    boxes = content_boxes(np.asarray(Image.open(stream)))
    assert any(
        all(abs(found - true) <= 8 for found, true in zip(box, (32, 182, 32, 232), strict=True)) for box in boxes
    )


def test_two_colours_of_bars_are_found() -> None:
    framed = np.pad(np.pad(PICTURE, ((20, 20), (0, 0))), ((0, 0), (30, 30)), constant_values=255)
    assert content_boxes(framed)[0] == Box(20, 170, 30, 230)


def test_a_flat_picture_has_no_borders() -> None:
    assert content_boxes(np.full((100, 100), 9, np.uint8)) == []


def test_a_sliver_of_content_is_not_believed() -> None:
    assert content_boxes(np.pad(PICTURE[:10], ((500, 500), (0, 0)))) == []


def test_a_clean_bar_beside_plain_content_is_not_taken_for_more_than_it_is() -> None:
    night = PICTURE.copy()
    night[:40] = 5 + (np.arange(200) % 3)  # plain, but not quite black
    strict, *_, loose = content_boxes(np.pad(night, ((30, 0), (0, 0))))
    assert strict.top == 30
    assert loose.top > 30


def smooth(kind: str, rows: int, columns: int) -> np.ndarray:
    """Something to put behind a picture that is smooth but not plain."""
    down, across = np.mgrid[0:rows, 0:columns]
    match kind:
        case "gradient":
            return 40 + 180 * down / rows
        case "both ways":
            return 40 + 90 * down / rows + 90 * across / columns
        case "waves":
            return 128 + 90 * np.sin(down / 40) * np.cos(across / 50)
        case _:
            return 238 + np.random.default_rng(5).normal(0, 1.5, (rows, columns))


def laid_on(ground: np.ndarray, top: int, left: int) -> np.ndarray:
    framed = ground.copy()
    framed[top : top + 150, left : left + 200] = PICTURE
    return framed.clip(0, 255).astype(np.uint8)


def is_near(box: Box, other: Box, cells: int) -> bool:
    return all(abs(one - two) <= cells for one, two in zip(box, other, strict=True))


@pytest.mark.parametrize("kind", ["gradient", "both ways", "waves", "grain"])
@pytest.mark.parametrize(("down", "across"), [(12, 12), (50, 50), (40, 0), (0, 60)])
def test_a_border_that_is_smooth_but_not_plain_is_found_where_it_steps(kind: str, down: int, across: int) -> None:
    framed = laid_on(smooth(kind, 150 + 2 * down, 200 + 2 * across), down, across)
    true = Box(down, down + 150, across, across + 200)
    assert any(is_near(box, true, 1) for box in content_boxes(framed)), content_boxes(framed)


def test_a_border_is_as_wide_on_all_sides_when_the_picture_has_a_plain_edge_of_its_own() -> None:
    picture = np.pad(PICTURE, ((30, 0), (0, 0)), constant_values=255)
    boxes = content_boxes(np.pad(picture, 20, constant_values=255))
    assert boxes[0] == Box(50, 200, 20, 220)
    assert Box(20, 200, 20, 220) in boxes


def test_a_smooth_edge_on_one_side_alone_is_no_border() -> None:
    sky = np.concatenate([smooth("gradient", 60, 200), PICTURE]).astype(np.uint8)
    assert _framed(sky) is None


@pytest.mark.parametrize("radius", [10, 20, 40])
def test_round_corners_are_filled_from_beside_them(radius: int) -> None:
    picture = np.full((256, 256), 90, np.float32)
    down, across = np.minimum(np.mgrid[0:256, 0:256], 255 - np.mgrid[0:256, 0:256])
    is_corner = (down < radius) & (across < radius) & ((down - radius) ** 2 + (across - radius) ** 2 > radius**2)
    rounded = np.where(is_corner, np.float32(255), picture)
    assert np.array_equal(without_round_corners(rounded), picture)


def test_a_picture_without_round_corners_is_left_as_it_is() -> None:
    picture = np.asarray(Image.fromarray(PICTURE).resize((256, 256)), np.float32)
    assert without_round_corners(picture) is picture
