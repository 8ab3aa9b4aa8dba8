from __future__ import annotations

import io

import numpy as np
import pytest
from PIL import Image

from hedgerow.hashing import HashOptions, PdqHasher, examine_bytes, pdq
from hedgerow.hashing.bank_variants import BANK_VARIANTS, bank_signals
from hedgerow.hashing.pdq import TURNS, ArrayPixels
from hedgerow.hashing.selftest import synthetic_picture

ORIGINAL = synthetic_picture(800, 600, seed=61)


def test_a_picture_takes_at_most_twelve_further_entries_each_of_its_own_name() -> None:
    names = [each.name for each in BANK_VARIANTS]
    assert len(set(names)) == len(names) <= 12


def test_each_entry_is_exactly_the_signal_of_the_picture_cropped_so() -> None:
    by_name = {signal.variant: signal for signal in bank_signals(ArrayPixels(ORIGINAL))}
    assert list(by_name) == [each.name for each in BANK_VARIANTS]
    assert by_name["centre 80 %"].bits == pdq(ORIGINAL[60:-60, 80:-80]).bits
    assert by_name["without 10 % at the top"].bits == pdq(ORIGINAL[60:]).bits
    assert by_name["without 20 % on the right"].bits == pdq(ORIGINAL[:, :-160]).bits
    assert all(signal.made_by == "full-size/1" for signal in by_name.values())


@pytest.mark.parametrize("orientation", range(1, 9))
def test_parts_are_those_of_the_upright_picture(orientation: int) -> None:
    stored = synthetic_picture(320, 200, seed=62)
    turn = TURNS[orientation]
    upright = stored[::-1] if turn.is_row_flipped else stored
    upright = upright[:, ::-1] if turn.is_column_flipped else upright
    upright = np.swapaxes(upright, 0, 1) if turn.is_transposed else upright
    pixels = ArrayPixels(stored)
    pixels.orientation = orientation
    expected = [signal.bits for signal in bank_signals(ArrayPixels(np.ascontiguousarray(upright)))]
    assert [signal.bits for signal in bank_signals(pixels)] == expected


@pytest.mark.parametrize("percent", [5, 7.5, 10, 15])
def test_a_deep_crop_of_a_picture_that_the_bank_holds_in_parts_is_found(percent: float) -> None:
    y, x = round(6 * percent), round(8 * percent)
    copy = ArrayPixels(np.ascontiguousarray(ORIGINAL[y:-y, x:-x]))
    entries = [pdq(ORIGINAL), *bank_signals(ArrayPixels(ORIGINAL))]
    queries = list(PdqHasher().signals(copy, level="thorough"))
    nearest = min((int(a.value, 16) ^ int(b.value, 16)).bit_count() for a in entries for b in queries)
    assert nearest <= 31


def test_parts_too_small_to_be_hashed_are_left_out() -> None:
    assert [signal.variant for signal in bank_signals(ArrayPixels(synthetic_picture(6, 6, seed=63)))] == [
        name for name in (each.name for each in BANK_VARIANTS) if name not in {"centre 80 %", "centre 70 %"}
    ]


def test_the_regions_of_a_file_are_hashed_where_a_bank_wants_them() -> None:
    stream = io.BytesIO()
    Image.fromarray(synthetic_picture(400, 300, seed=8)).save(stream, "PNG")
    plain = examine_bytes(stream.getvalue(), HashOptions(exact=True))
    banked = examine_bytes(stream.getvalue(), HashOptions(exact=True, bank_regions=True))
    assert banked.signals[0] == plain.signals[0]
    assert [each.variant for each in banked.signals[1:]] == [each.name for each in BANK_VARIANTS]
