from __future__ import annotations

import subprocess
import sys
from itertools import pairwise

import numpy as np
import pytest
from PIL import Image

from hedgerow.hashing import PdqHasher, pdq
from hedgerow.hashing.pdq import WAYS, ArrayPixels
from hedgerow.hashing.selftest import synthetic_picture
from hedgerow.hashing.signal import AS_IS, LEVELS
from hedgerow.hashing.uncrop import WHOLE
from hedgerow.hashing.variants import CROPS, INVERTED, VARIANTS, variant_name

ORIGINAL = synthetic_picture(800, 600, seed=41)
KNOWN = int(pdq(ORIGINAL).value, 16)


def found(copy: np.ndarray, level: str) -> dict[str, int]:
    """Return the distance under each variant of sufficient quality."""
    signals = PdqHasher().signals(ArrayPixels(np.ascontiguousarray(copy)), level=level)
    return {
        signal.variant: (int(signal.value, 16) ^ KNOWN).bit_count() for signal in signals if (signal.quality or 0) >= 50
    }


def nearest(copy: np.ndarray, level: str) -> str:
    distances = found(copy, level)
    variant = min(distances, key=distances.__getitem__)
    return variant if distances[variant] <= 31 else ""


def turned(degrees: float) -> np.ndarray:
    return np.asarray(Image.fromarray(ORIGINAL).rotate(-degrees, Image.Resampling.BICUBIC, expand=True))


def beside_others(row: int, column: int) -> np.ndarray:
    sheet = np.concatenate([synthetic_picture(800, 600, seed=seed) for seed in (51, 52)])
    sheet = np.concatenate([sheet, sheet[::-1]], axis=1)
    sheet[600 * row : 600 * (row + 1), 800 * column : 800 * (column + 1)] = ORIGINAL
    return sheet


def test_no_two_variants_have_one_name() -> None:
    names = [each.name for each in VARIANTS]
    assert len(names) == len(set(names))


def test_names_and_levels_are_those_that_reports_know() -> None:
    assert {each.name: each.level for each in VARIANTS if each.level != "thorough"} == {
        "as is": "exact",
        "as stored": "exact",
        "colours inverted": "standard",
        **{way: "standard" for way in WAYS if way != AS_IS},
        "resized": "standard",
        "cropped 1.5 %": "standard",
        "cropped 2.5 %": "standard",
        "cropped 4 %": "standard",
        "cropped 5 % at the top": "standard",
        "cropped 5 % at the bottom": "standard",
        "cropped 5 % on the left": "standard",
        "cropped 5 % on the right": "standard",
        "darkened": "standard",
        "watermarked": "standard",
        "written over": "standard",
        "borders trimmed": "standard",
        "on a screen or page": "standard",
    }


def test_a_signal_bears_the_name_of_a_variant_or_of_several_joined() -> None:
    names = {each.name for each in VARIANTS} | set(WAYS)
    framed = np.pad(ORIGINAL, ((40, 40), (40, 40), (0, 0)))
    for variant in found(framed, "thorough"):
        assert variant in names or all(part in names or part.startswith("corners") for part in variant.split(", ")), (
            variant
        )


@pytest.mark.parametrize(("less", "more"), list(pairwise(LEVELS)))
@pytest.mark.parametrize("border", [0, 30])
def test_each_level_looks_up_all_that_the_one_before_does(less: str, more: str, border: int) -> None:
    picture = ArrayPixels(np.pad(ORIGINAL, ((border, border), (border, border), (0, 0))))
    fewer, several = (list(PdqHasher().signals(picture, level=level)) for level in (less, more))
    assert [signal for signal in several if LEVELS.index(signal.level) <= LEVELS.index(less)] == fewer
    assert {signal.level for signal in several} == set(LEVELS[: LEVELS.index(more) + 1])


def test_a_picture_without_borders_is_looked_up_twenty_times_at_standard() -> None:
    assert len(found(ORIGINAL, "standard")) <= 20


@pytest.mark.parametrize("way", [way for way in WAYS if way != AS_IS])
def test_a_match_through_a_way_tells_what_was_done_to_the_picture(way: str) -> None:
    laid = Image.fromarray(ORIGINAL)
    for step in way.split(", "):
        laid = laid.transpose(
            {
                "mirrored": Image.Transpose.FLIP_LEFT_RIGHT,
                "flipped": Image.Transpose.FLIP_TOP_BOTTOM,
                "rotated 90°": Image.Transpose.ROTATE_270,
                "rotated 180°": Image.Transpose.ROTATE_180,
                "rotated 270°": Image.Transpose.ROTATE_90,
            }[step]
        )
    assert nearest(np.asarray(laid), "standard") == way


def test_a_negative_has_every_bit_changed() -> None:
    assert nearest(255 - ORIGINAL, "standard") == INVERTED
    assert found(255 - ORIGINAL, "standard")[INVERTED] <= 2


@pytest.mark.parametrize(
    ("copy", "level", "variant"),
    [
        (ORIGINAL[15:-15, 20:-20], "standard", "cropped 2.5 %"),
        (ORIGINAL[30:], "standard", "cropped 5 % at the top"),
        (ORIGINAL[:-30], "standard", "cropped 5 % at the bottom"),
        (ORIGINAL[:, 40:], "standard", "cropped 5 % on the left"),
        (ORIGINAL[:, :-40], "standard", "cropped 5 % on the right"),
        (ORIGINAL[:, :-80], "thorough", "cropped 10 % on the right"),
        (ORIGINAL[15:-15, 20:-20][:, ::-1], "thorough", "mirrored, cropped 2.5 %"),
        (turned(3), "thorough", "rotated 3°, corners filled"),
        (turned(-3), "thorough", "rotated −3°, corners filled"),
        (beside_others(0, 1), "thorough", "put into the top right quarter"),
        (beside_others(1, 0), "thorough", "put into the bottom left quarter"),
    ],
)
def test_a_match_through_a_variant_tells_what_was_done(copy: np.ndarray, level: str, variant: str) -> None:
    assert nearest(copy, level) == variant


def test_a_cropped_picture_inside_a_border_is_found() -> None:
    framed = np.pad(ORIGINAL[15:-15, 20:-20], ((60, 60), (60, 60), (0, 0)), constant_values=255)
    assert nearest(framed, "standard") == "borders trimmed, cropped 2.5 %"


def test_a_flat_part_has_no_quality_to_match_by() -> None:
    sheet = beside_others(0, 0)
    sheet[600:, 800:] = 128
    signals = PdqHasher().signals(ArrayPixels(sheet), level="thorough")
    by_variant = {signal.variant: signal.quality or 0 for signal in signals}
    assert by_variant["put into the bottom right quarter"] == 0
    assert by_variant["put into the top left quarter"] >= 50


def test_resized_cuts_nothing() -> None:
    assert [each.name for each in CROPS if each.cut == WHOLE] == ["resized"]


def test_names_are_joined_without_as_is() -> None:
    assert variant_name("", AS_IS, "mirrored", "cropped 4 %") == "mirrored, cropped 4 %"


def test_variants_are_computed_without_compiled_kernels() -> None:
    program = (
        "import sys, numpy as np\n"
        "from hedgerow.hashing import PdqHasher\n"
        "from hedgerow.hashing.pdq import ArrayPixels\n"
        "picture = np.arange(90 * 80, dtype=np.uint32).reshape(90, 80).astype(np.uint8)\n"
        "list(PdqHasher().signals(ArrayPixels(picture), level='thorough'))\n"
        "sys.exit('numba' in sys.modules)\n"
    )
    assert subprocess.run([sys.executable, "-c", program], check=False).returncode == 0


@pytest.mark.parametrize("gap", [0, 4, 12, 24, 40])
@pytest.mark.parametrize(("row", "column"), [(0, 1), (1, 0)])
def test_a_part_of_a_collage_is_found_whatever_gap_there_is(gap: int, row: int, column: int) -> None:
    sheet = beside_others(row, column)
    middle = np.insert(sheet, [600] * gap, 255, axis=0)
    collage = np.insert(middle, [800] * gap, 255, axis=1)
    place = ("top right", "bottom left")[row]
    assert found(collage, "thorough")[f"put into the {place} quarter"] <= 31


def test_round_corners_inside_a_border_are_filled_and_also_left() -> None:
    framed = np.pad(ORIGINAL, ((60, 60), (60, 60), (0, 0)), constant_values=255)
    rows, columns = framed.shape[:2]
    down = np.minimum(np.arange(rows), rows - 1 - np.arange(rows))[:, None] - 60
    across = np.minimum(np.arange(columns), columns - 1 - np.arange(columns))[None] - 60
    is_corner = (down < 80) & (across < 80) & ((down - 80) ** 2 + (across - 80) ** 2 > 80**2)
    framed[is_corner] = 255
    signals = PdqHasher().signals(ArrayPixels(framed), level="standard")
    distances = [(int(each.value, 16) ^ KNOWN).bit_count() for each in signals if each.variant == "borders trimmed"]
    assert min(distances) <= 16
    assert max(distances) > min(distances)
