from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image, ImageDraw

from hedgerow.hashing.canvas import SIDE
from hedgerow.hashing.marks import (
    _filled,
    _least,
    _of_blocks,
    _opened,
    rounded,
    without_bright_strokes,
    without_writing,
)
from hedgerow.hashing.pdq import bits, coefficients
from hedgerow.hashing.selftest import synthetic_picture


def picture_of(seed: int) -> np.ndarray:
    """A picture without anything nearly white or black."""
    with Image.fromarray(synthetic_picture(SIDE, SIDE, seed=seed)) as image:
        luma = np.asarray(image.convert("L"), np.float32)
    return 30 + luma * (190 / 255)


def written_over(picture: np.ndarray, fill: int, outline: int | None = None) -> np.ndarray:
    image = Image.fromarray(picture.astype(np.uint8))
    pen = ImageDraw.Draw(image)
    for row in range(3):
        pen.text(
            (20, 30 + 70 * row),
            "SEEN ON THE WEB",
            fill=fill,
            font_size=24,
            stroke_width=2 * (outline is not None),
            stroke_fill=outline,
        )
    return np.asarray(image, np.float32)


def cleaned_of(picture: np.ndarray) -> list[np.ndarray]:
    return without_writing(picture, rounded(picture))


def signal_of(picture: np.ndarray) -> bytes:
    small = picture.reshape(64, SIDE // 64, 64, SIDE // 64).mean(axis=(1, 3)).astype(np.float32)
    return bits(coefficients(small))


def distance(a: bytes, b: bytes) -> int:
    return (int.from_bytes(a, "big") ^ int.from_bytes(b, "big")).bit_count()


@pytest.mark.parametrize(("fill", "outline"), [(255, None), (0, None), (255, 0)])
def test_writing_is_taken_away_again(fill: int, outline: int | None) -> None:
    before, after = [], []
    for seed in range(6):
        picture = picture_of(seed)
        altered = written_over(picture, fill, outline)
        cleaned = cleaned_of(altered)
        before.append(distance(signal_of(picture), signal_of(altered)))
        after.append(min(distance(signal_of(picture), signal_of(each)) for each in cleaned))
    assert np.mean(after) < 0.7 * np.mean(before), (before, after)


def test_a_picture_without_writing_gives_nothing_to_look_up() -> None:
    assert cleaned_of(picture_of(1)) == []


def test_large_white_areas_are_not_taken_for_writing() -> None:
    picture = picture_of(2)
    picture[40:120, 60:200] = 255
    assert cleaned_of(picture) == []


def test_a_picture_that_is_mostly_writing_is_left_alone() -> None:
    stripes = np.where(np.indices((SIDE, SIDE))[1] // 3 % 2 == 0, 255, 100).astype(np.float32)
    assert cleaned_of(stripes) == []


def test_a_watermark_is_smoothed_away() -> None:
    picture = np.full((SIDE, SIDE), 100, np.float32)
    marked = picture.copy()
    marked[50:55, 20:200] += 80
    assert np.array_equal(without_bright_strokes(rounded(marked)), picture)


@given(
    st.integers(1, 9).map(lambda half: 2 * half - 1),
    st.integers(0, 2**32 - 1),
    st.tuples(st.integers(1, 20), st.integers(1, 20)),
)
def test_the_least_of_a_window_is_what_a_slow_search_finds(size: int, seed: int, shape: tuple[int, int]) -> None:
    cells = np.random.default_rng(seed).integers(0, 256, shape, np.uint8)
    half = size // 2
    slow = [
        [cells[max(0, i - half) : i + half + 1, max(0, j - half) : j + half + 1].min() for j in range(shape[1])]
        for i in range(shape[0])
    ]
    assert np.array_equal(_least(cells, size), np.array(slow))


@given(st.integers(0, 2**32 - 1))
def test_an_opening_is_nowhere_above_what_it_is_of(seed: int) -> None:
    cells = np.random.default_rng(seed).integers(0, 256, (40, 30), np.uint8)
    assert (_opened(cells, 5) <= cells).all()


def test_filling_keeps_what_is_there_and_stays_between_its_bounds() -> None:
    picture = picture_of(3).astype(np.float32)
    is_missing = np.zeros(picture.shape, bool)
    is_missing[100:140, 30:220] = True
    filled = _filled(picture, is_missing)
    assert np.allclose(filled[~is_missing], picture[~is_missing], atol=1e-3)
    assert picture.min() - 1 <= filled.min() <= filled.max() <= picture.max() + 1


def test_a_plain_ground_is_filled_with_itself() -> None:
    ground = np.full((SIDE, SIDE), 90, np.float32)
    is_missing = np.zeros(ground.shape, bool)
    is_missing[10:200, 10:200] = True
    assert np.allclose(_filled(ground, is_missing), 90, atol=0.1)


def test_letters_with_an_edge_are_cut_out_closer_than_bare_ones_are() -> None:
    picture = picture_of(5)
    altered = written_over(picture, 255, 0)
    is_letter = altered != picture.astype(np.uint8)
    thin, *_, bare = cleaned_of(altered)
    kept = [np.count_nonzero((each == altered) & ~is_letter) for each in (thin, bare)]
    assert kept[0] > kept[1]


def test_specks_that_stand_in_no_row_are_no_writing() -> None:
    picture = picture_of(6)
    for place in range(8, 248, 24):
        picture[place : place + 5, place : place + 5] = 255
        picture[place + 5 : place + 8, place : place + 5] = 0
    assert cleaned_of(picture) == []


@given(st.integers(0, 2**32 - 1))
def test_the_greatest_of_each_block_is_what_a_slow_search_finds(seed: int) -> None:
    cells = np.random.default_rng(seed).integers(0, 256, (SIDE, SIDE), np.uint8)
    assert np.array_equal(_of_blocks(cells, np.maximum), cells.reshape(32, 8, 32, 8).max(axis=(1, 3)))
