from __future__ import annotations

import numpy as np
import pytest
from PIL import Image

from hedgerow.evaluation import screens
from hedgerow.evaluation.chance import Chance

MAGENTA = (255, 0, 255)
MAKERS = {"feed": screens.phone_feed, "page": screens.browser_page, "chat": screens.chat, "gallery": screens.gallery}


@pytest.mark.parametrize("theme", [screens.LIGHT, screens.DARK], ids=["light", "dark"])
@pytest.mark.parametrize("size", [(400, 300), (300, 400), (90, 400), (900, 200)])
@pytest.mark.parametrize("name", MAKERS)
def test_a_screenshot_shows_the_picture_once_in_its_shape(
    name: str, size: tuple[int, int], theme: screens.Theme
) -> None:
    found = MAKERS[name](theme)(Image.new("RGB", size, MAGENTA), Chance.seeded(6))
    is_shown = (np.asarray(found) == MAGENTA).all(axis=2)
    rows, columns = np.flatnonzero(is_shown.any(axis=1)), np.flatnonzero(is_shown.any(axis=0))
    height, width = rows[-1] - rows[0] + 1, columns[-1] - columns[0] + 1
    assert is_shown[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1].mean() > 0.97
    if not (name == "gallery" and size[1] > size[0]):  # its toolbars lie over what is taller than the phone
        assert width / height == pytest.approx(size[0] / size[1], rel=0.08)


def test_light_and_dark_differ_in_their_ground() -> None:
    picture, chance = Image.new("RGB", (400, 300), MAGENTA), Chance.seeded(6)
    light = np.asarray(screens.phone_feed(screens.LIGHT)(picture, chance))
    dark = np.asarray(screens.phone_feed(screens.DARK)(picture, chance))
    assert light[900:].mean() > 200
    assert dark[900:].mean() < 60


def test_there_is_writing_beside_the_picture() -> None:
    shot = np.asarray(screens.browser_page(screens.LIGHT)(Image.new("RGB", (400, 300), MAGENTA), Chance.seeded(6)))
    assert (shot[200:420, 900:1200] < 100).all(axis=2).mean() > 0.01
