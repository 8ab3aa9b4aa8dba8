from __future__ import annotations

import io

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from hedgerow.hashing.borders import Box, content_boxes
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
    if not any((top, bottom, left, right)):
        assert boxes == []
        return
    assert boxes == [Box(top, top + 150, left, left + 200)]


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
    assert content_boxes(framed) == [Box(20, 170, 30, 230)]


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
