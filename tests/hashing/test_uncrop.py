from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest

from hedgerow.hashing.canvas import SIDE, SmallRaster, canvas
from hedgerow.hashing.pdq import WAYS, bits_of_several, pdq
from hedgerow.hashing.selftest import synthetic_picture
from hedgerow.hashing.uncrop import FADE, WHOLE, Cut, axis_operator, seen_coefficients

if TYPE_CHECKING:
    from numpy.typing import NDArray


def on_canvas(luma: NDArray[np.uint8]) -> NDArray[np.float32]:
    return canvas(SmallRaster(luma, (0.0, float(luma.shape[0])), (0.0, float(luma.shape[1]))))


def distance(one: bytes, other: bytes) -> int:
    return (int.from_bytes(one) ^ int.from_bytes(other)).bit_count()


def softened(line: NDArray[np.float64], distance_out: int) -> NDArray[np.float64]:
    """Soften an edge by definition: a bell over its cells and their mirror images, again and again."""
    count = len(line)
    mirrored = np.concatenate([line, line[::-1]])
    place = np.arange(count)[:, None] - np.arange(-20 * count, 21 * count)[None, :]
    bell = np.exp(-0.5 * (place / (FADE * distance_out)) ** 2)
    return (bell / bell.sum(axis=1, keepdims=True)) @ mirrored[np.arange(-20 * count, 21 * count) % (2 * count)]


def extended(picture: NDArray[np.float64], before: int, after: int) -> NDArray[np.float64]:
    above = [softened(picture[0], step) for step in range(before, 0, -1)]
    below = [softened(picture[-1], step) for step in range(1, after + 1)]
    return np.concatenate([np.array(each).reshape(-1, picture.shape[1]) for each in (above, picture, below)])


@pytest.mark.parametrize(
    "cut", [Cut(0.03, 0.03, 0.03, 0.03), Cut(top=0.05), Cut(bottom=0.1), Cut(left=0.05), Cut(0.02, 0.06, 0.04, 0)]
)
def test_uncropping_is_hashing_a_picture_that_was_really_extended(cut: Cut) -> None:
    picture = on_canvas(synthetic_picture(300, 260, seed=1, channels=1))
    down, across = axis_operator(cut.top, cut.bottom), axis_operator(cut.left, cut.right)
    # The edges are taken in 64 parts: let the picture have edges that are.
    for edge in (picture[0], picture[-1], picture[:, 0], picture[:, -1]):
        edge[:] = np.repeat(edge.reshape(64, -1).mean(axis=1), SIDE // 64)
    tall = extended(picture.astype(np.float64), down.before.shape[1], down.after.shape[1])
    whole = extended(tall.T, across.before.shape[1], across.after.shape[1]).T
    expected = np.hstack(down[:3]) @ whole @ np.hstack(across[:3]).T
    corner_error = 1.0  # the four corner cells belong to two edges of unequal parts
    assert seen_coefficients(picture, cuts=[cut])[0] == pytest.approx(expected, abs=corner_error)
    assert np.abs(expected).max() > 100 * corner_error


def test_several_cuts_at_once_are_each_by_itself() -> None:
    picture = on_canvas(synthetic_picture(300, 260, seed=2, channels=1))
    cuts = [WHOLE, Cut(0.02, 0.02, 0.02, 0.02), Cut.of_part(0, 0.5, 0.5, 1), Cut(right=0.05)]
    together = seen_coefficients(picture, cuts=cuts)
    for cut, found in zip(cuts, together, strict=True):
        assert found == pytest.approx(seen_coefficients(picture, cuts=[cut])[0], abs=0.01)


def test_ways_come_before_cuts() -> None:
    picture = on_canvas(synthetic_picture(300, 260, seed=3, channels=1))
    ways, cuts = [WAYS["rotated 90°"], WAYS["mirrored"]], [WHOLE, Cut(left=0.05), WHOLE]
    found = seen_coefficients(picture, ways, cuts)
    by_themselves = [*seen_coefficients(picture, ways), *seen_coefficients(picture, cuts=cuts)]
    assert found == pytest.approx(np.array(by_themselves), abs=0.01)
    assert np.array_equal(found[2], found[4])


@pytest.mark.parametrize("cut", [WHOLE, Cut(0.05, 0.05, 0.05, 0.05), Cut(left=0.1), Cut.of_part(0, 0.5, 0, 1)])
def test_a_plain_picture_goes_on_plain(cut: Cut) -> None:
    plain = np.full((SIDE, SIDE), 200, np.float32)
    assert seen_coefficients(plain, cuts=[cut]) == pytest.approx(0, abs=0.02)


@pytest.mark.parametrize("share", [0.015, 0.025, 0.04])
def test_a_cropped_picture_is_found_by_its_originals_signal(share: float) -> None:
    original = synthetic_picture(800, 600, seed=4, channels=1)
    y, x = round(share * 600), round(share * 800)
    copy = on_canvas(original[y : 600 - y, x : 800 - x])
    plain, uncropped = bits_of_several(seen_coefficients(copy, cuts=[WHOLE, Cut(share, share, share, share)]))
    known = pdq(original).bits
    assert distance(uncropped, known) <= 31
    assert distance(uncropped, known) < distance(plain, known)


def test_a_part_of_the_canvas_is_seen_as_if_it_were_cut_out() -> None:
    luma = synthetic_picture(800, 600, seed=5, channels=1)
    (found,) = bits_of_several(seen_coefficients(on_canvas(luma), cuts=[Cut.of_part(0.25, 0.75, 0.1, 0.7)]))
    assert distance(found, pdq(np.ascontiguousarray(luma[150:450, 80:560])).bits) <= 20


def test_turning_the_canvas_and_turning_the_operator_are_the_same() -> None:
    picture = on_canvas(synthetic_picture(300, 260, seed=6, channels=1))
    for (is_row_flipped, is_column_flipped, is_transposed), found in zip(
        WAYS.values(), seen_coefficients(picture, list(WAYS.values())), strict=True
    ):
        laid = picture[::-1] if is_row_flipped else picture
        laid = laid[:, ::-1] if is_column_flipped else laid
        laid = laid.T if is_transposed else laid
        assert found == pytest.approx(seen_coefficients(np.ascontiguousarray(laid), cuts=[WHOLE])[0], abs=0.01)


def test_a_cut_leaves_something() -> None:
    with pytest.raises(ValueError, match="leaves something"):
        axis_operator(0.5, 0.5)
