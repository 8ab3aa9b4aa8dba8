from __future__ import annotations

import numpy as np
import pytest
from PIL import Image

from hedgerow.evaluation import tones
from hedgerow.evaluation.chance import Chance

GREY = Image.new("RGB", (200, 100), (100, 100, 100))
CHANCE = Chance.seeded(8)


def test_noise_has_the_deviation_asked_for() -> None:
    assert np.asarray(tones.noisy(10)(GREY, CHANCE)).std() == pytest.approx(10, rel=0.05)


def test_gamma_below_one_is_brighter() -> None:
    assert tones.gamma(0.5)(GREY, CHANCE).getpixel((0, 0)) == (160, 160, 160)
    assert tones.gamma(2)(GREY, CHANCE).getpixel((0, 0)) == (39, 39, 39)


def test_sepia_is_brown_and_greyscale_is_grey() -> None:
    red, green, blue = tones.sepia(GREY, CHANCE).getpixel((0, 0))  # type: ignore[misc]  # RGB has three
    assert red > green > blue
    grey = tones.greyscale(Image.new("RGB", (2, 2), "red"), CHANCE).getpixel((0, 0))
    assert len(set(grey)) == 1  # type: ignore[arg-type]  # as above


def test_a_negative_of_a_negative_is_the_picture() -> None:
    assert tones.inverted(tones.inverted(GREY, CHANCE), CHANCE).tobytes() == GREY.tobytes()


def test_brightness_multiplies_and_blur_keeps_the_mean() -> None:
    assert tones.brighter(1.3)(GREY, CHANCE).getpixel((0, 0)) == (130, 130, 130)
    assert tones.blurred(4)(GREY, CHANCE).tobytes() == GREY.tobytes()


def test_saturation_and_contrast_leave_grey_alone() -> None:
    assert tones.saturated(2)(GREY, CHANCE).tobytes() == GREY.tobytes()
    assert tones.contrasted(1.5)(GREY, CHANCE).tobytes() == GREY.tobytes()
