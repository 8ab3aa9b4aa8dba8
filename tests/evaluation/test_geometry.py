from __future__ import annotations

import numpy as np
import pytest
from PIL import Image

from hedgerow.evaluation import geometry
from hedgerow.evaluation.chance import Chance

WHITE = Image.new("RGB", (200, 100), "white")


def made(maker: object, picture: Image.Image = WHITE, others: tuple[Image.Image, ...] = ()) -> Image.Image:
    assert callable(maker)
    found = maker(picture, Chance.seeded(2, others))
    assert isinstance(found, Image.Image)
    return found


def test_a_crop_takes_its_share_off_every_side() -> None:
    assert made(geometry.cropped(0.05)).size == (180, 90)


def test_a_crop_of_one_side_leaves_the_others() -> None:
    assert made(geometry.cropped_on_one_side(0.1)).size in {(180, 100), (200, 90)}


@pytest.mark.parametrize("degrees", [1, 5, 15, 45])
def test_a_turned_picture_has_black_corners_and_a_straightened_one_has_none(degrees: float) -> None:
    turned, straight = made(geometry.rotated(degrees)), made(geometry.straightened(degrees))
    assert turned.getpixel((0, 0)) == (0, 0, 0)
    assert turned.width > WHITE.width
    assert straight.width < WHITE.width
    assert np.asarray(straight).min() == 255
    assert straight.width / straight.height == pytest.approx(2, rel=0.05)


def test_platforms_do_not_enlarge() -> None:
    assert made(geometry.resized_to(1080)).size == (200, 100)
    assert made(geometry.resized_to(50)).size == (50, 25)


def test_a_collage_holds_the_picture_once_at_half_its_size() -> None:
    red = Image.new("RGB", (60, 60), "red")
    picture = Image.new("RGB", (200, 100), "blue")
    found = made(geometry.collage(4), picture, (red,))
    colours = {colour: count for count, colour in found.getcolors() or []}
    assert colours[0, 0, 255] == 100 * 50
    assert colours[255, 0, 0] == 3 * 100 * 50
    assert found.size == (202, 102)


@pytest.mark.parametrize("is_central", [True, False])
def test_a_pasted_picture_takes_its_share_of_an_unrelated_one(is_central: bool) -> None:
    red = Image.new("RGB", (60, 60), "red")
    found = made(geometry.pasted_into(0.5, is_central=is_central), Image.new("RGB", (200, 100), "blue"), (red,))
    assert found.size == (200, 100)
    colours = {colour: count for count, colour in found.getcolors() or []}
    assert colours[0, 0, 255] == 100 * 50
    assert (found.getpixel((100, 50)) == (0, 0, 255)) == is_central or not is_central
    assert (found.getpixel((2, 2)) == (255, 0, 0)) or not is_central


def test_a_photographed_print_keeps_its_size_and_grows_paler() -> None:
    black = Image.new("RGB", (200, 100), "black")
    found = made(geometry.photographed_print(0.03), black)
    assert found.size == (200, 100)
    assert np.asarray(found).max() > 150  # the paper beside it
