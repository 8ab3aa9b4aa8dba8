from __future__ import annotations

import io

import numpy as np
import pytest
from PIL import Image

from hedgerow.hashing import PdqHasher, Signal, hash_bytes, pdq
from hedgerow.hashing.pdq import ArrayPixels
from hedgerow.hashing.selftest import synthetic_picture
from hedgerow.testing import PictureHasherConformance


class TestFullSizePdq(PictureHasherConformance):
    def hasher(self) -> PdqHasher:
        return PdqHasher()


class TestReferencePdq(PictureHasherConformance):
    def hasher(self) -> PdqHasher:
        return PdqHasher("reference")


def nearest(known: Signal, queries: tuple[Signal, ...]) -> tuple[int, str]:
    def distance(query: Signal) -> int:
        return (int(query.value, 16) ^ int(known.value, 16)).bit_count()

    return min((distance(query), query.variant) for query in queries)


def encoded(picture: np.ndarray, form: str, **options: object) -> bytes:
    stream = io.BytesIO()
    Image.fromarray(picture).save(stream, form, **options)
    return stream.getvalue()


@pytest.mark.parametrize("form", ["JPEG", "PNG", "WEBP"])
@pytest.mark.parametrize("size", [(500, 400), (1400, 1000)])
def test_a_copy_with_borders_is_found_without_them(form: str, size: tuple[int, int]) -> None:
    picture = synthetic_picture(*size, seed=11)
    margin = size[0] // 12
    framed = np.pad(picture, ((margin, margin), (margin, margin), (0, 0)), constant_values=255)
    queries = hash_bytes(encoded(framed, form), level="standard").signals
    distance, variant = nearest(pdq(picture), queries)
    assert variant == "borders trimmed"
    assert distance <= 31


def test_a_letterboxed_mirrored_copy_is_found_and_named() -> None:
    picture = synthetic_picture(640, 360, seed=12)
    boxed = np.pad(picture[:, ::-1], ((60, 60), (0, 0), (0, 0)))
    queries = hash_bytes(encoded(boxed, "JPEG"), level="standard").signals
    distance, variant = nearest(pdq(picture), queries)
    assert variant == "borders trimmed, mirrored"
    assert distance <= 31


def test_a_picture_that_exif_turns_is_also_looked_up_as_stored() -> None:
    upright = synthetic_picture(300, 420, seed=13)
    exif = Image.Exif()
    exif[0x0112] = 6
    stored = np.ascontiguousarray(np.rot90(upright, 1))
    result = hash_bytes(encoded(stored, "PNG", exif=exif), level="standard")
    by_variant = {signal.variant: signal for signal in result.signals}
    assert by_variant["as is"].bits == pdq(upright).bits
    assert by_variant["as stored"].bits == pdq(stored).bits


@pytest.mark.parametrize("scale", [1, 2, 8])
def test_borders_of_a_giant_raster_are_found_at_whatever_scale_it_was_decoded(scale: int) -> None:
    content = synthetic_picture(2400, 1800, seed=21, channels=1)
    raster = ArrayPixels(np.pad(content, 160))  # more cells than are looked at in one piece
    whole = ArrayPixels(content)
    for pixels in (raster, whole):
        pixels.scale, pixels.height, pixels.width = scale, pixels.height * scale, pixels.width * scale
    known = next(PdqHasher().signals(whole))
    queries = tuple(PdqHasher().signals(raster, level="standard"))
    distance, variant = nearest(known, queries)
    assert variant == "borders trimmed"
    assert distance <= 10


def test_without_query_variants_there_is_one_signal_for_an_opaque_still() -> None:
    assert len(list(PdqHasher().signals(ArrayPixels(synthetic_picture(90, 80, seed=2))))) == 1


def test_a_large_picture_is_read_once_at_every_level() -> None:
    class Counting(ArrayPixels):
        __slots__ = ("asked",)

        def rows(self, start: int, stop: int) -> np.ndarray:
            self.asked = getattr(self, "asked", 0) + (stop - start)
            return super().rows(start, stop)

    pixels = Counting(synthetic_picture(1500, 1200, seed=3))
    list(PdqHasher().signals(pixels, level="thorough"))
    assert pixels.asked < 1.2 * 1200
