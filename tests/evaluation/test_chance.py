from __future__ import annotations

import numpy as np
from PIL import Image

from hedgerow.evaluation.chance import Chance


def test_made_up_content_has_the_size_asked_for_and_is_busy() -> None:
    made_up = Chance.seeded(1).companion(120, 80)
    assert made_up.size == (120, 80)
    assert np.asarray(made_up).std() > 20


def test_other_pictures_stand_in_where_there_are_any() -> None:
    red = Image.new("RGB", (30, 90), "red")
    companion = Chance.seeded(1, [red]).companion(50, 40)
    assert companion.size == (50, 40)
    assert companion.getcolors() == [(50 * 40, (255, 0, 0))]


def test_equal_seeds_draw_equal_things() -> None:
    one, other = Chance.seeded(5), Chance.seeded(5)
    assert one.colour() == other.colour()
    assert one.companion(40, 40).tobytes() == other.companion(40, 40).tobytes()
