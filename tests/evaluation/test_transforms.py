from __future__ import annotations

import io

import numpy as np
import pytest
from PIL import Image

from hedgerow.evaluation import FAMILIES, ROWS, TRANSFORMS, prepared, transforms_named
from hedgerow.evaluation.transforms import LONG_SIDE, Transform
from hedgerow.hashing import pdq
from hedgerow.hashing.selftest import synthetic_picture
from hedgerow.matching.reference import distance

BY_NAME = {each.name: each for each in TRANSFORMS}


@pytest.fixture(scope="module")
def picture() -> Image.Image:
    return Image.fromarray(synthetic_picture(240, 180, seed=3))


def applied(name: str, picture: Image.Image, key: str = "a") -> Image.Image:
    transform = BY_NAME[name]
    with Image.open(io.BytesIO(transform.apply(picture, transform.chance_for(key)))) as opened:
        return opened.convert("RGB")


def bits_apart(one: Image.Image, other: Image.Image) -> int:
    return distance(pdq(np.asarray(one)).bits, pdq(np.asarray(other)).bits)


def test_names_are_unique_and_rows_and_families_are_those_that_exist() -> None:
    assert len(BY_NAME) == len(TRANSFORMS)
    assert {each.row for each in TRANSFORMS} == set(ROWS)
    assert {each.family for each in TRANSFORMS} == set(FAMILIES)


@pytest.mark.parametrize("transform", TRANSFORMS, ids=lambda each: each.name)
def test_a_transform_gives_the_same_file_every_time_and_leaves_the_picture_alone(
    transform: Transform, picture: Image.Image
) -> None:
    before = picture.tobytes()
    first = transform.apply(picture, transform.chance_for("a"))
    assert transform.apply(picture, transform.chance_for("a")) == first
    assert picture.tobytes() == before
    with Image.open(io.BytesIO(first)) as opened:
        opened.load()
        assert opened.format == transform.coding.form
        assert min(opened.size) >= 45


def test_every_row_that_an_issue_names_has_its_strengths() -> None:
    def names(row: str) -> list[str]:
        return [each.name for each in TRANSFORMS if each.row == row]

    assert names("resize 0.25–2×") == ["resize 0.25×", "resize 0.5×", "resize 0.75×", "resize 1.5×", "resize 2×"]
    assert names("rotate 1–2°") == [
        "rotate 1°, black corners",
        "rotate 1°, corners cut",
        "rotate 2°, black corners",
        "rotate 2°, corners cut",
    ]
    assert names("crop 1–2 % per side") == ["crop 1 % per side", "crop 2 % per side"]
    assert len(names("screenshot frames")) == 8


def test_chance_depends_on_the_picture_and_on_the_transform() -> None:
    one, other = TRANSFORMS[0], TRANSFORMS[1]
    drawn = [each.chance_for(key).random() for each in (one, other) for key in ("a", "b")]
    assert len(set(drawn)) == 4


def test_a_harmless_transform_leaves_the_signal_near_and_a_severe_one_does_not(picture: Image.Image) -> None:
    for name in ("JPEG q20", "WebP", "AVIF", "GIF", "blur r2", "noise σ10", "greyscale", "resize 2×"):
        assert bits_apart(picture, applied(name, picture)) <= 31, name
    for name in ("crop 25 % per side", "rotate 45°, black corners", "mirrored", "inverted", "phone feed, light"):
        assert bits_apart(picture, applied(name, picture)) > 31, name


def test_several_names_families_and_rows_can_be_asked_for() -> None:
    assert [each.name for each in transforms_named("crop 1 %*", "mirrored")] == ["crop 1 % per side", "mirrored"]
    assert {each.family for each in transforms_named("screenshot")} == {"screenshot"}
    assert transforms_named("collage of 4")[0].row == "collage of 4"
    assert transforms_named("nothing of the kind") == ()
    assert transforms_named("*") == TRANSFORMS


def test_a_large_picture_is_brought_to_what_messengers_pass_on_and_a_small_one_is_not() -> None:
    assert prepared(Image.new("RGB", (4000, 1000))).size == (LONG_SIDE, LONG_SIDE // 4)
    assert prepared(Image.new("L", (400, 100))).size == (400, 100)
    assert prepared(Image.new("L", (400, 100))).mode == "RGB"
