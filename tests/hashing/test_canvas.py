from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hedgerow.hashing.borders import Box
from hedgerow.hashing.canvas import SIDE, Shrinking, SmallRaster, canvas, canvas_quality, small_raster
from hedgerow.hashing.pdq import TURNS, ArrayPixels, Turn, pdq
from hedgerow.hashing.selftest import synthetic_picture

if TYPE_CHECKING:
    from numpy.typing import NDArray


def raster_of(luma: NDArray[np.uint8]) -> SmallRaster:
    return SmallRaster(luma, (0.0, float(luma.shape[0])), (0.0, float(luma.shape[1])))


def lay(array: NDArray[np.uint8], turn: Turn) -> NDArray[np.uint8]:
    array = array[::-1] if turn.is_row_flipped else array
    array = array[:, ::-1] if turn.is_column_flipped else array
    return np.swapaxes(array, 0, 1) if turn.is_transposed else array


@given(rows=st.integers(1, 700), columns=st.integers(1, 700))
@settings(max_examples=30, deadline=None)
def test_a_plain_picture_is_plain_on_the_canvas(rows: int, columns: int) -> None:
    assert canvas(raster_of(np.full((rows, columns), 77, np.uint8))) == pytest.approx(77, abs=1e-3)


@pytest.mark.parametrize(("rows", "columns"), [(512, 256), (768, 1024)])
def test_canvas_cells_are_means_of_equal_parts(rows: int, columns: int) -> None:
    luma = np.random.default_rng(1).integers(0, 256, (rows, columns), np.uint8)
    means = luma.reshape(SIDE, rows // SIDE, SIDE, columns // SIDE).mean(axis=(1, 3))
    assert canvas(raster_of(luma)) == pytest.approx(means, abs=0.7)  # of noise: its weights are whole numbers of 1/256


@given(rows=st.integers(40, 500), seed=st.integers(0, 99))
@settings(max_examples=20, deadline=None)
def test_the_mean_of_the_picture_is_the_mean_of_the_canvas(rows: int, seed: int) -> None:
    luma = np.random.default_rng(seed).integers(0, 256, (rows, 97), np.uint8)
    assert canvas(raster_of(luma)).mean() == pytest.approx(luma.mean(), rel=1e-4)


def test_a_box_is_seen_as_if_it_were_cut_out() -> None:
    luma = synthetic_picture(400, 300, seed=3, channels=1)
    cut_out = canvas(raster_of(luma[20:220, 50:390]))
    assert canvas(raster_of(luma), Box(20, 220, 50, 390)) == pytest.approx(cut_out, abs=1e-3)


def test_the_part_of_a_cell_beyond_the_picture_is_left_out() -> None:
    luma = np.full((100, 100), 50, np.uint8)
    luma[-1] = 250  # of this row only a quarter belongs to the picture
    assert canvas(SmallRaster(luma, (0.0, 99.25), (0.0, 100.0))).mean() == pytest.approx(
        (99 * 50 + 0.25 * 250) / 99.25, rel=1e-4
    )


@pytest.mark.parametrize("orientation", range(1, 9))
def test_the_small_raster_stands_upright(orientation: int) -> None:
    stored = synthetic_picture(90, 70, seed=5, channels=1)
    pixels = ArrayPixels(stored)
    pixels.orientation = orientation
    assert np.array_equal(small_raster(pixels).luma, lay(stored, TURNS[orientation]))


@pytest.mark.parametrize("orientation", range(1, 9))
def test_turning_keeps_the_part_of_a_cell_at_its_own_end(orientation: int) -> None:
    pixels = ArrayPixels(synthetic_picture(50, 40, seed=6, channels=1))
    pixels.scale, pixels.height, pixels.width, pixels.orientation = 8, 40 * 8 - 6, 50 * 8 - 2, orientation
    raster = small_raster(pixels)
    turn = TURNS[orientation]
    rows, columns = (
        (0.75, 40.0) if turn.is_row_flipped else (0.0, 39.25),
        ((0.25, 50.0) if turn.is_column_flipped else (0.0, 49.75)),
    )
    assert (raster.row_span, raster.column_span) == ((columns, rows) if turn.is_transposed else (rows, columns))


@pytest.mark.parametrize("channels", [1, 3])
@pytest.mark.parametrize("size", [(1300, 950), (601, 2000)])
def test_a_large_picture_shrinks_to_the_same_raster_whoever_reads_it(size: tuple[int, int], channels: int) -> None:
    picture = synthetic_picture(*size, seed=7, channels=channels)
    alone = small_raster(ArrayPixels(picture)).luma
    shrinking = Shrinking(ArrayPixels(picture))
    for start, stop in ((0, 100), (40, 333), (500, 501)):
        assert np.array_equal(shrinking.rows(start, stop), picture[start:stop])
    assert np.array_equal(shrinking.raster().luma, alone)
    factor = min(size) // 300
    luma = picture if channels == 1 else picture @ np.array([0.299, 0.587, 0.114], np.float32)
    assert alone[3, 5] == pytest.approx(luma[3 * factor : 4 * factor, 5 * factor : 6 * factor].mean(), abs=0.51)


@pytest.mark.parametrize("size", [(300, 200), (640, 480)])
def test_the_quality_on_a_canvas_is_that_of_the_picture(size: tuple[int, int]) -> None:
    luma = (synthetic_picture(*size, seed=8, channels=1) // 6).astype(np.uint8)
    whole = pdq(luma).quality
    assert whole is not None
    assert whole < 100
    assert canvas_quality(canvas(raster_of(luma))) == pytest.approx(whole, abs=6)
