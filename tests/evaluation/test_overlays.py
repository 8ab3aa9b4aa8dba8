from __future__ import annotations

import numpy as np
import pytest
from PIL import Image

from hedgerow.evaluation import overlays
from hedgerow.evaluation.chance import Chance

GREY = Image.new("RGB", (400, 300), (90, 90, 90))


def changed(found: Image.Image) -> float:
    """Return the share of pixels that are no longer grey."""
    return float((np.asarray(found) != 90).any(axis=2).mean())


@pytest.mark.parametrize(
    ("maker", "low", "high"),
    [
        (overlays.watermark(0.5), 0.02, 0.35),
        (overlays.tiled_watermark(0.25), 0.02, 0.5),
        (overlays.corner_logo, 0.002, 0.05),
        (overlays.text_lines(1), 0.005, 0.1),
        (overlays.text_lines(3), 0.02, 0.25),
        (overlays.impact_text, 0.02, 0.3),
        (overlays.stickers(2), 0.01, 0.04),
        (overlays.stickers(5), 0.02, 0.09),
    ],
)
def test_an_overlay_covers_a_part_of_the_picture(maker: object, low: float, high: float) -> None:
    assert callable(maker)
    found = maker(GREY, Chance.seeded(3))
    assert found.size == GREY.size
    assert low < changed(found) < high


def test_a_watermark_lets_the_picture_shine_through() -> None:
    found = np.asarray(overlays.watermark(0.5)(GREY, Chance.seeded(3)))
    assert found.max() <= 90 + (255 - 90) // 2 + 2


def test_a_caption_stands_in_a_white_band_above() -> None:
    found = overlays.caption_band(GREY, Chance.seeded(3))
    assert found.size == (400, 360)
    assert found.getpixel((399, 2)) == (255, 255, 255)
    assert found.crop((0, 60, 400, 360)).tobytes() == GREY.tobytes()


def test_words_are_drawn_by_chance() -> None:
    assert len(overlays.word_list(Chance.seeded(3), 4).split()) == 4
