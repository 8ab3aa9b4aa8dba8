from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hedgerow.hashing.operator import box_window, operator, row_strips

if TYPE_CHECKING:
    from numpy.typing import NDArray


def box_by_definition(line: NDArray[np.float64], window: int) -> NDArray[np.float64]:
    """One pass of PDQ's clipped box filter, as the definition words it (docs/concepts/pdq.md, step 4)."""
    half = (window + 2) // 2
    count = len(line)
    return np.array([line[max(0, o - (window - half)) : min(count, o + half)].mean() for o in range(count)])


@given(count=st.integers(1, 400), seed=st.integers(0, 1000), is_flipped=st.booleans())
@settings(max_examples=60, deadline=None)
def test_the_operator_is_two_box_passes_and_64_samples(count: int, seed: int, is_flipped: bool) -> None:
    line = np.random.default_rng(seed).uniform(0, 255, count)
    seen = line[::-1] if is_flipped else line
    window = box_window(count)
    blurred = box_by_definition(box_by_definition(seen, window), window)
    expected = blurred[((np.arange(64) + 0.5) * count / 64).astype(int)]
    assert operator(count, is_flipped=is_flipped).dense @ line == pytest.approx(expected, abs=1e-3)


@given(count=st.integers(5, 5000), scale=st.sampled_from([1, 2, 4, 8]), is_flipped=st.booleans())
@settings(max_examples=60, deadline=None)
def test_every_row_of_the_operator_is_an_average(count: int, scale: int, is_flipped: bool) -> None:
    bands = operator(count, scale, is_flipped=is_flipped)
    assert bands.columns == -(-count // scale)
    assert bands.starts.min() >= 0
    assert (bands.starts + bands.weights.shape[1]).max() <= bands.columns
    assert bands.weights.sum(axis=1) == pytest.approx(np.ones(64), abs=1e-5)


@given(count=st.integers(600, 4000), scale=st.sampled_from([2, 4, 8]), is_flipped=st.booleans())
@settings(max_examples=40, deadline=None)
def test_a_folded_operator_is_exact_for_lines_and_parabolas(count: int, scale: int, is_flipped: bool) -> None:
    count -= count % scale  # whole cells: a partial last cell has no mean of its own
    place = np.linspace(-1, 1, count)
    line = 40 + 90 * place + 60 * place**2
    cells = line.reshape(-1, scale).mean(axis=1)
    full = operator(count, is_flipped=is_flipped).dense @ line
    folded = operator(count, scale, is_flipped=is_flipped).dense @ cells
    inner = slice(2, -2)  # at the edges the picture is taken to go on unchanged
    assert folded[inner] == pytest.approx(full[inner], abs=0.01)


def test_applying_bands_equals_applying_the_dense_matrix() -> None:
    rows = np.random.default_rng(1).uniform(0, 255, (64, 170)).astype(np.float32)
    across = operator(170)
    assert across.apply_to_columns(rows) == pytest.approx(rows @ across.dense.T, abs=1e-3)


@given(
    count=st.integers(1, 900),
    scale=st.sampled_from([1, 2, 8]),
    flips=st.sampled_from([(False,), (True,), (False, True)]),
    together=st.sampled_from([1, 2, 4, 8]),
)
@settings(max_examples=60, deadline=None)
def test_strips_put_together_are_the_operators(count: int, scale: int, flips: tuple[bool, ...], together: int) -> None:
    dense = np.concatenate([operator(count, scale, is_flipped=flag).dense for flag in flips])
    rebuilt = np.zeros_like(dense)
    strips = row_strips(count, scale, flips, together)
    for start, weights, places in zip(strips.starts, strips.weights, strips.places, strict=True):
        rebuilt[places, start : start + strips.height] += weights
    assert rebuilt == pytest.approx(dense, abs=1e-7)
