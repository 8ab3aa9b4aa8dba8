"""Compiled kernels give the same bits as the NumPy that they stand in for."""

from __future__ import annotations

import subprocess
import sys
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hedgerow.hashing import borders, chrome, compiled, deskew, hash_file, marks
from hedgerow.hashing.canvas import SIDE, SmallRaster, canvas
from hedgerow.hashing.pdq import WAYS, bits_of_several, qualities
from hedgerow.hashing.selftest import synthetic_picture
from hedgerow.hashing.uncrop import WHOLE, Cut, seen_coefficients, whole_coefficients
from hedgerow.hashing.variants import PARTS, query_variants

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from numpy.typing import NDArray

SEEDS = st.integers(0, 2**32 - 1)


@pytest.fixture(scope="module", autouse=True)
def _kernels() -> Iterator[None]:
    before = compiled.KERNELS.module
    assert compiled.prepare()
    yield
    compiled.KERNELS.module = before


def require_equal(function: Callable[[], Any]) -> None:
    """Compare what a function returns with the kernels and without."""
    kernels = compiled.KERNELS.module
    assert kernels is not None
    with_kernels = function()
    compiled.KERNELS.module = None
    try:
        without = function()
    finally:
        compiled.KERNELS.module = kernels
    for one, other in zip(as_arrays(with_kernels), as_arrays(without), strict=True):
        assert np.array_equal(one, other)


def as_arrays(value: Any) -> list[Any]:
    return list(value) if isinstance(value, list | tuple) else [value]


def something(random: np.random.Generator, rows: int, columns: int) -> NDArray[np.uint8]:
    """Draw noise of any strength, or a soft picture, mostly in a border, at times with lines of letters on it."""
    if random.random() < 0.5:
        luma = synthetic_picture(columns, rows, seed=int(random.integers(99)), channels=1).copy()
    else:
        luma = random.normal(128, 90 * random.random() ** 3, (rows, columns)).clip(0, 255).astype(np.uint8)
    top, left = int(random.integers(1 + rows // 3)), int(random.integers(1 + columns // 3))
    framed = random.normal(random.choice([0, 20, 255]), random.choice([0, 0.5, 3]), luma.shape).clip(0, 255)
    framed = framed.astype(np.uint8)
    framed[top : rows - top, left : columns - left] = luma[top : rows - top, left : columns - left]
    if random.random() < 0.5:
        framed[rows // 2 : rows // 2 + 10, ::3] = 255
        framed[rows // 2 : rows // 2 + 10, 1::3] = 0
    return framed


@given(SEEDS, st.integers(1, 700), st.integers(1, 700))
@settings(max_examples=60, deadline=None)
def test_a_canvas_is_the_same_whatever_part_of_whatever_raster_it_shows(seed: int, rows: int, columns: int) -> None:
    random = np.random.default_rng(seed)
    luma = random.integers(0, 256, (rows, columns), np.uint8)
    raster = SmallRaster(luma, (0.0, rows - 0.9 * random.random()), (0.1 * random.random(), float(columns)))
    (top, bottom), (left, right) = (sorted(random.choice(n + 1, 2, replace=False)) for n in (rows, columns))
    require_equal(lambda: canvas(raster))
    require_equal(lambda: canvas(SmallRaster(luma[::-1, ::-1], raster.row_span, raster.column_span)))
    require_equal(lambda: canvas(raster, borders.Box(int(top), int(bottom), int(left), int(right))))


@given(SEEDS, st.integers(6, 400), st.integers(6, 400))
@settings(max_examples=60, deadline=None)
def test_borders_and_screens_are_found_at_the_same_places(seed: int, rows: int, columns: int) -> None:
    luma = something(np.random.default_rng(seed), rows, columns)
    require_equal(lambda: borders.content_boxes(luma))
    require_equal(lambda: chrome.pictures_on_screen(luma))
    for lines in (luma, luma.T[:, ::2], luma[::-1]):
        require_equal(lambda lines=lines: borders.line_sums(lines))
        require_equal(lambda lines=lines: chrome._are_drawn(lines))
        require_equal(lambda lines=lines: borders.count_steps(lines, 6.5))


@given(SEEDS, st.floats(0, 1))
@settings(max_examples=60, deadline=None)
def test_writing_is_found_and_filled_with_the_same_values(seed: int, share: float) -> None:
    random = np.random.default_rng(seed)
    cells = something(random, SIDE, SIDE)
    picture = cells.astype(np.float32) + random.random((SIDE, SIDE), np.float32) / 2
    is_missing = random.random((SIDE, SIDE)) < share**3
    is_missing[random.integers(SIDE) :, random.integers(SIDE) :] |= share > 0.7
    require_equal(lambda: marks.extremes(cells))
    require_equal(lambda: marks._in_a_row(is_missing[::8, ::8].copy()))
    require_equal(lambda: marks._counts(is_missing))
    require_equal(lambda: marks._filled(picture, is_missing))
    require_equal(lambda: marks.without_writing(picture, cells))


@given(SEEDS)
@settings(max_examples=20, deadline=None)
def test_ways_and_cuts_have_the_same_coefficients(seed: int) -> None:
    picture = np.random.default_rng(seed).random((SIDE, SIDE), np.float32) * np.float32(255)
    for cuts in (
        [WHOLE, Cut(0.015, 0.015, 0.015, 0.015)],
        [Cut(top=0.1)],
        [Cut(0.45, 0.45, 0.3, 0.3)],
        [each.cut for each in PARTS],
    ):
        require_equal(lambda cuts=cuts: seen_coefficients(picture, list(WAYS.values()), cuts))
        require_equal(lambda cuts=cuts: seen_coefficients(picture[:, ::-1], cuts=cuts))
    require_equal(lambda: whole_coefficients([picture, picture[::-1]]))


def test_what_is_all_missing_is_filled_alike() -> None:
    picture = np.zeros((SIDE, SIDE), np.float32)
    require_equal(lambda: marks._filled(picture, np.ones((SIDE, SIDE), np.bool_)))


@given(SEEDS, st.sampled_from([1.0, 1e-30, 1e30]), st.integers(0, 250))
@settings(max_examples=60, deadline=None)
def test_the_same_coefficients_exceed_the_lower_median(seed: int, scale: float, equal: int) -> None:
    coefficients = np.random.default_rng(seed).normal(0, scale, (3, 16, 16)).astype(np.float32)
    coefficients.reshape(3, 256)[1, :equal] = coefficients[1, 0, 0]
    coefficients.reshape(3, 256)[2, :equal] = [0.0, -0.0] * (equal // 2) + [0.0] * (equal % 2)
    require_equal(lambda: bits_of_several(coefficients))


@given(SEEDS, st.floats(0, 255))
@settings(max_examples=40, deadline=None)
def test_the_quality_is_the_same(seed: int, strength: float) -> None:
    smalls = np.random.default_rng(seed).random((2, 64, 64), np.float32) * np.float32(strength)
    require_equal(lambda: qualities(smalls))


@given(SEEDS, st.floats(-5, 5), st.sampled_from(["filled", "cut", "lost"]))
@settings(max_examples=40, deadline=None)
def test_a_slant_is_read_between_the_same_cells(seed: int, degrees: float, corners: Any) -> None:
    picture = np.random.default_rng(seed).random((SIDE, SIDE), np.float32) * np.float32(255)
    require_equal(lambda: deskew.slanted_pictures(picture, 1.3, [deskew.Slant(degrees, corners)]))


@given(SEEDS, st.integers(40, 500), st.integers(40, 500))
@settings(max_examples=20, deadline=None)
def test_every_variant_has_the_same_bits_quality_and_name(seed: int, rows: int, columns: int) -> None:
    luma = something(np.random.default_rng(seed), rows, columns)
    raster = SmallRaster(luma, (0.0, float(rows)), (0.0, float(columns)))
    require_equal(lambda: list(query_variants(raster, "thorough", 90)))


@pytest.mark.shared
@pytest.mark.parametrize("every", [24, pytest.param(2, marks=pytest.mark.slow)])
def test_a_photograph_has_the_same_signals(shared_data: Path, every: int) -> None:
    for path in sorted((shared_data / "photos").iterdir())[::every]:
        require_equal(lambda path=path: hash_file(path, level="thorough").signals)


def test_looks_are_counted_until_loading_pays() -> None:
    program = (
        "import sys\n"
        "import numpy as np\n"
        "from hedgerow.hashing import compiled\n"
        "from hedgerow.hashing.canvas import SmallRaster\n"
        "from hedgerow.hashing.variants import query_variants\n"
        "raster = SmallRaster(np.zeros((80, 80), np.uint8), (0.0, 80.0), (0.0, 80.0))\n"
        "list(query_variants(raster, 'standard', 0))\n"
        "print('numba' in sys.modules, compiled.KERNELS.work_done)\n"
        "compiled.KERNELS.worth_loading = 2\n"
        "list(query_variants(raster, 'standard', 0))\n"
        "compiled.KERNELS.loader.join()\n"
        "print('numba' in sys.modules, compiled.KERNELS.module is not None)\n"
    )
    run = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert run.stdout.split() == ["False", "1", "True", "True"]
