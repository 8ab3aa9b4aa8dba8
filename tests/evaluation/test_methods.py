from __future__ import annotations

import io
from importlib.util import find_spec

import numpy as np
import pytest
from PIL import Image

from hedgerow.evaluation.methods import Column, methods_of
from hedgerow.hashing import pdq
from hedgerow.hashing.bank_variants import BANK_VARIANTS
from hedgerow.hashing.selftest import synthetic_picture

ARRAY = synthetic_picture(300, 200, 2)


def png() -> bytes:
    stream = io.BytesIO()
    Image.fromarray(ARRAY).save(stream, "PNG")
    return stream.getvalue()


def test_one_hash_serves_all_levels_which_stand_in_order() -> None:
    (method,) = methods_of(("standard", "exact"))
    assert [column.name for column in method.columns] == ["hedgerow exact", "hedgerow standard"]
    looks = method.asked(png())
    assert looks[0].variant == "as is"
    assert looks[0].bits == pdq(ARRAY).bits == method.banked(png(), Image.fromarray(ARRAY))[0].bits
    assert {0, 1} <= {look.level for look in looks} <= {0, 1}


def test_peers_run_only_when_they_are_asked_for() -> None:
    assert len(methods_of(("exact",))) == 1


@pytest.mark.skipif(find_spec("pdqhash") is None, reason="pdqhash is not installed")
def test_pytx_gives_the_same_pdq_for_an_rgb_picture() -> None:
    pytx = next(each for each in methods_of(("exact",), with_peers=True) if each.columns[0].name == "pytx PDQ")
    (look,) = pytx.banked(png(), Image.fromarray(ARRAY))
    assert look.bits == pdq(ARRAY).bits
    assert pytx.asked(png())[0].bits == look.bits
    assert isinstance(look.quality, int)


@pytest.mark.parametrize("method", methods_of(("exact",), with_peers=True), ids=lambda each: each.columns[0].name)
def test_every_method_gives_256_bits_and_the_same_for_file_and_pixels(method: object) -> None:
    upright = Image.fromarray(ARRAY)
    (banked,) = method.banked(png(), upright)  # type: ignore[attr-defined]  # a Method
    asked = method.asked(png())[0]  # type: ignore[attr-defined]  # as above
    assert len(banked.bits) == 32
    assert np.bitwise_count(np.frombuffer(banked.bits, np.uint8) ^ np.frombuffer(asked.bits, np.uint8)).sum() <= 4


def test_parts_are_banked_only_when_they_are_asked_for_and_measured_in_a_column_of_their_own() -> None:
    (method,) = methods_of(("exact", "thorough"), with_parts=True)
    assert method.columns[-1] == Column("hedgerow thorough, parts banked", 2, has_parts=True)
    whole, *parts = method.banked(png(), Image.fromarray(ARRAY))
    assert whole.bits == pdq(ARRAY).bits
    assert len(parts) == len(BANK_VARIANTS)
    assert parts[0].bits == pdq(ARRAY[10:190, 15:285]).bits  # the centre 90 %
