from __future__ import annotations

import numpy as np
import pytest
from PIL import Image

from hedgerow.evaluation import frames
from hedgerow.evaluation.chance import Chance
from hedgerow.hashing.selftest import synthetic_picture

PICTURE = Image.fromarray(synthetic_picture(200, 100, seed=9))
CHANCE = Chance.seeded(4)


@pytest.mark.parametrize("ground", frames.GROUNDS)
def test_a_border_lies_around_the_untouched_picture(ground: str) -> None:
    found = frames.bordered(0.05, ground)(PICTURE, CHANCE)
    assert found.size == (220, 120)
    assert found.crop((10, 10, 210, 110)).tobytes() == PICTURE.tobytes()


def test_rounded_corners_show_the_ground() -> None:
    found = frames.rounded_border(0.05, "white")(Image.new("RGB", (200, 100)), CHANCE)
    assert found.getpixel((10, 10)) == (255, 255, 255)
    assert found.getpixel((110, 60)) == (0, 0, 0)


def test_bars_stand_in_one_direction_only() -> None:
    assert frames.bars("letterbox", "black")(PICTURE, CHANCE).size == (200, 133)
    assert frames.bars("pillarbox", "black")(PICTURE, CHANCE).size == (267, 100)


def test_a_noisy_border_is_near_white_without_being_plain() -> None:
    corner = np.asarray(frames.bordered(0.2, "JPEG-noisy")(PICTURE, CHANCE))[:30, :30]
    assert corner.min() > 200
    assert corner.std() > 0


def test_a_gradient_runs_from_top_to_bottom() -> None:
    edge = np.asarray(frames.bordered(0.2, "gradient")(PICTURE, CHANCE))[:, 0].astype(int)
    assert np.abs(np.diff(edge, axis=0)).max() <= 3
    assert np.abs(edge[-1] - edge[0]).max() > 3
