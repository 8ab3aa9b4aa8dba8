from __future__ import annotations

import io

import numpy as np
import pytest
from PIL import Image

from hedgerow.errors import PictureTooLarge
from hedgerow.evaluation.methods import Look
from hedgerow.evaluation.worker import distances_between, upright_picture
from hedgerow.hashing.selftest import synthetic_picture
from hedgerow.matching.reference import distance
from hedgerow.media import MediaLimits


def encoded(image: Image.Image, form: str, **options: object) -> bytes:
    stream = io.BytesIO()
    image.save(stream, form, **options)
    return stream.getvalue()


def test_distances_are_those_of_the_slow_definition() -> None:
    random = np.random.default_rng(1)
    bank = random.integers(0, 256, (7, 32), np.uint8)
    looks = [Look(random.integers(0, 256, 32, np.uint8).tobytes(), 99) for _ in range(5)]
    found = distances_between(looks, bank.view(np.uint64))
    assert found.tolist() == [[distance(look.bits, row.tobytes()) for row in bank] for look in looks]
    assert distances_between([], bank.view(np.uint64)).shape == (0, 7)


def test_a_picture_stands_upright_and_lies_over_white() -> None:
    picture = Image.fromarray(synthetic_picture(60, 40, 1))
    exif = Image.Exif()
    exif[0x0112] = 6
    lying = encoded(picture.transpose(Image.Transpose.ROTATE_90), "JPEG", exif=exif, quality=95)
    assert upright_picture(lying, MediaLimits()).size == (60, 40)
    glass = Image.new("RGBA", (60, 40), (0, 0, 0, 0))
    assert upright_picture(encoded(glass, "PNG"), MediaLimits()).getcolors() == [(2400, (255, 255, 255))]


def test_more_pixels_than_the_limit_are_refused_before_they_are_decoded() -> None:
    data = encoded(Image.new("L", (100, 100)), "PNG")
    with pytest.raises(PictureTooLarge):
        upright_picture(data, MediaLimits(pixels=9_999))
