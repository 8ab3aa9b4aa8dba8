from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np
import pytest
from PIL import Image

from hedgerow.hashing.canvas import SmallRaster, canvas
from hedgerow.hashing.deskew import Corners, Slant, slanted_pictures
from hedgerow.hashing.pdq import bits_of_several, coefficients, pdq
from hedgerow.hashing.selftest import synthetic_picture

if TYPE_CHECKING:
    from numpy.typing import NDArray

ORIGINAL = synthetic_picture(900, 600, seed=31, channels=1)


def turned(degrees: float, corners: Corners) -> NDArray[np.uint8]:
    """Turn clockwise with Pillow, whose angles run the other way."""
    image = Image.fromarray(ORIGINAL)
    found = image.rotate(-degrees, Image.Resampling.BICUBIC, expand=corners == "filled")
    if corners == "cut":
        angle = math.radians(abs(degrees))
        scale = 1 / (math.cos(angle) + 1.5 * math.sin(angle))
        x, y = 450 * (1 - scale), 300 * (1 - scale)
        found = found.crop((round(x), round(y), round(900 - x), round(600 - y)))
    return np.asarray(found)


def distances(copy: NDArray[np.uint8], slants: list[Slant]) -> list[int]:
    rows, columns = copy.shape
    picture = canvas(SmallRaster(copy, (0.0, float(rows)), (0.0, float(columns))))
    found = bits_of_several(coefficients(slanted_pictures(picture, columns / rows, slants)))
    known = int(pdq(ORIGINAL).value, 16)
    return [(int.from_bytes(each) ^ known).bit_count() for each in found]


@pytest.mark.parametrize("degrees", [-5, -2, 1, 3])
@pytest.mark.parametrize("corners", ["filled", "cut", "lost"])
def test_a_turned_copy_is_found_by_its_angle_and_not_by_the_other(degrees: int, corners: Corners) -> None:
    right, wrong = distances(turned(degrees, corners), [Slant(degrees, corners), Slant(-degrees, corners)])
    assert right <= 31
    assert right < wrong


def test_an_angle_of_zero_is_the_picture_itself() -> None:
    (found,) = distances(ORIGINAL, [Slant(0, "filled")])
    assert found <= 10


def test_the_threshold_covers_the_angles_between_the_steps() -> None:
    assert distances(turned(2.25, "filled"), [Slant(1.5, "filled"), Slant(3, "filled")])[0] <= 31
