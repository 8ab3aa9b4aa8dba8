"""The query variants of one look at a picture, all computed from one small canvas.

A *variant* is what may have been done to a banked picture so that the file at hand came of it. Its name says so: a
match through ``cropped 2.5 %`` means that the file is the banked picture cropped by about 2.5 % on each side. The names
are stable: reports and the record hold them. `VARIANTS` lists them, in the order in which they are looked up; a part of
the file that was found to be a picture by itself is looked up under names of its own, also mirrored.

Steps were chosen greedily on 80 photographs and hold on 80 others (``docs/concepts/variants.md``).
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import lru_cache
from typing import TYPE_CHECKING, Final

import numpy as np

from hedgerow.hashing.borders import are_alike, content_boxes, without_round_corners
from hedgerow.hashing.canvas import SIDE, canvas, canvas_quality
from hedgerow.hashing.chrome import pictures_on_screen
from hedgerow.hashing.compiled import KERNELS
from hedgerow.hashing.deskew import Slant, slanted_pictures
from hedgerow.hashing.marks import rounded, without_bright_strokes, without_writing
from hedgerow.hashing.pdq import WAYS, bits_of_several, coefficients
from hedgerow.hashing.signal import AS_IS, LEVELS, Signal
from hedgerow.hashing.uncrop import WHOLE, Cut, seen_coefficients, whole_coefficients

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from numpy.typing import NDArray

    from hedgerow.hashing.borders import Box
    from hedgerow.hashing.canvas import SmallRaster
    from hedgerow.hashing.deskew import Corners
    from hedgerow.hashing.signal import Level

__all__ = ["INVERTED", "MADE_BY", "VARIANTS", "Variant", "query_variants", "variant_name"]

MADE_BY: Final = "canvas/4"
"""What made the signals of variants, as stored beside them; raised whenever a bit of any could change."""

INVERTED: Final = "colours inverted"

_MIRRORED: Final = "mirrored"


@lru_cache(maxsize=4096)
def variant_name(*parts: str) -> str:
    """Join the names of what was done, leaving out ``as is``.

    >>> variant_name("frame 3", "as is", "mirrored")
    'frame 3, mirrored'
    >>> variant_name("as is", "as is")
    'as is'
    """
    return ", ".join(part for part in parts if part and part != AS_IS) or AS_IS


@dataclass(frozen=True, slots=True)
class Variant:
    """One way in which a file may have come of a banked picture.

    Attributes:
        name: What was done to the banked picture.
        level: The least level at which it is looked up.
    """

    name: str
    level: Level


@dataclass(frozen=True, slots=True)
class Crop(Variant):
    """Something was cut away."""

    cut: Cut


@dataclass(frozen=True, slots=True)
class Part(Crop):
    """It was put beside others: it is a part of the canvas."""

    rows: slice
    columns: slice


@dataclass(frozen=True, slots=True)
class Turn(Variant):
    """It was turned by a few degrees."""

    slant: Slant


def _cropped(percent: float, level: Level) -> Crop:
    share = percent / 100
    return Crop(f"cropped {percent:g} %", level, Cut(share, share, share, share))


def _cropped_on_one_side(percent: float, level: Level) -> Iterator[Crop]:
    share = percent / 100
    yield Crop(f"cropped {percent:g} % at the top", level, Cut(top=share))
    yield Crop(f"cropped {percent:g} % at the bottom", level, Cut(bottom=share))
    yield Crop(f"cropped {percent:g} % on the left", level, Cut(left=share))
    yield Crop(f"cropped {percent:g} % on the right", level, Cut(right=share))


def _turned(corners: Corners, *degrees: float) -> Iterator[Turn]:
    for each in degrees:
        for signed in (each, -each):
            name = f"rotated {signed:g}°".replace("-", "−")
            yield Turn(variant_name(name, _CORNERS[corners]), "thorough", Slant(signed, corners))


def _put_into(place: str, top: float, bottom: float, left: float, right: float) -> Part:
    sides = (top, bottom, left, right)
    rows, columns = (slice(round(low * SIDE), round(high * SIDE)) for low, high in (sides[:2], sides[2:]))
    return Part(f"put into the {place}", "thorough", Cut.of_part(*sides), rows, columns)


def _put_into_the_middle(percent: int) -> Part:
    low, high = 0.5 - percent / 200, 0.5 + percent / 200
    return _put_into(f"middle {percent} %", low, high, low, high)


_CORNERS: Final[dict[Corners, str]] = {
    "filled": "corners filled",
    "cut": "corners cut away",
    "lost": "in the same frame",
}

CROPS: Final = (
    Crop("resized", "standard", WHOLE),
    _cropped(1.5, "standard"),
    _cropped(2.5, "standard"),
    _cropped(4, "standard"),
    *_cropped_on_one_side(5, "standard"),
    _cropped(3.5, "thorough"),
    _cropped(5, "thorough"),
    _cropped(6, "thorough"),
    _cropped(8, "thorough"),
    _cropped(10, "thorough"),
    *_cropped_on_one_side(3, "thorough"),
    *_cropped_on_one_side(7.5, "thorough"),
    *_cropped_on_one_side(10, "thorough"),
)
"""What may have been cut away. ``resized`` cuts nothing: it is the picture on the canvas, whose lattice lies where that
of a picture of unknown size most likely does, so that it moves less than the bare PDQ when a picture is resized."""

TURNED: Final = (
    *_turned("filled", 1, 2, 3, 4, 5),
    *_turned("cut", 1, 2, 3, 4, 5),
    *_turned("lost", 1.5, 3, 4.5),
)
"""By how many degrees it may have been turned clockwise (negative: the other way). What is left of a cut picture tells
less, so that the threshold covers smaller steps."""

PARTS: Final = (
    _put_into("top left quarter", 0, 0.5, 0, 0.5),
    _put_into("top right quarter", 0, 0.5, 0.5, 1),
    _put_into("bottom left quarter", 0.5, 1, 0, 0.5),
    _put_into("bottom right quarter", 0.5, 1, 0.5, 1),
    _put_into("top half", 0, 0.5, 0, 1),
    _put_into("bottom half", 0.5, 1, 0, 1),
    _put_into("left half", 0, 1, 0, 0.5),
    _put_into("right half", 0, 1, 0.5, 1),
    *(_put_into_the_middle(percent) for percent in (50, 60, 70, 80, 90, 95)),
)
"""Where in the file it may stand among other pictures. Wholes of which the picture is a part are cuts of less than
nothing, so that these cost as little as the crops. The last also serves banks that hold parts: a copy that shows a
little more than a banked part does."""

BORDERS: Final = "borders trimmed"
ON_SCREEN: Final = "on a screen or page"

DARKENED: Final = "darkened"
"""Gamma 2, undone by the square root: bits do not see by what a picture is multiplied. Other changes of tone leave a
PDQ within its threshold; this one moves every twentieth photograph out."""

WRITTEN_OVER: Final = "written over"
WATERMARKED: Final = "watermarked"
"""Text, a caption or a watermark stands on it; what is looked up is the picture without them, as far as that goes."""

VARIANTS: Final[tuple[Variant, ...]] = (
    Variant(AS_IS, "exact"),
    Variant("as stored", "exact"),
    Variant(INVERTED, "standard"),
    *(Variant(way, "standard") for way in WAYS if way != AS_IS),
    *CROPS,
    Variant(DARKENED, "standard"),
    Variant(WATERMARKED, "standard"),
    Variant(WRITTEN_OVER, "standard"),
    Variant(BORDERS, "standard"),
    Variant(ON_SCREEN, "standard"),
    *TURNED,
    *PARTS,
)
"""Every variant by itself. At ``thorough`` the crops are also looked up mirrored, and borders trimmed in all ways."""

_CROPS_INSIDE: Final = tuple(each for each in CROPS if each.name == "cropped 2.5 %")
"""What is looked up of a picture inside borders, beside itself: who adds a border often crops as well."""

_CROPS_AT: Final[dict[Level, tuple[Crop, ...]]] = {
    level: tuple(each for each in CROPS if LEVELS.index(each.level) <= LEVELS.index(level)) for level in LEVELS
}


def query_variants(raster: SmallRaster, level: Level, quality: int) -> Iterator[Signal]:
    """Yield the variants of one look, each with the least level to which it belongs.

    Args:
        raster: What is seen, small and upright.
        level: ``standard`` or ``thorough``.
        quality: That of the whole picture.
    """
    KERNELS.after(1)
    whole = canvas(raster)
    is_thorough = level == "thorough"
    found = _Found()
    found.seen(whole, quality, AS_IS, ways=_OTHER_WAYS, crops=_CROPS_AT[level])
    found.undone(whole, quality)
    for name, box in _parts_found(raster):
        cells = canvas(raster, box)
        part = without_round_corners(cells)
        measure = canvas_quality(part)
        if part is not cells:  # dark corners of a lens look alike
            found.seen(cells, measure, name, ways=(AS_IS,))
        found.seen(part, measure, name, ways=(AS_IS, _MIRRORED), crops=_CROPS_INSIDE)
        if is_thorough:
            found.seen(part, measure, name, "thorough", ways=_TURNED_WAYS)
    if is_thorough:
        found.seen(whole[:, ::-1], quality, _MIRRORED, "thorough", crops=_CROPS_AT["standard"])
        found.turns(whole, quality, raster.width / raster.height)
        parts = _parts_beside(_gap(whole), _gap(whole.T))
        qualities = [canvas_quality(whole[each.rows, each.columns]) for each in parts]
        found.seen(whole, qualities, crops=parts)
    yield from found.signals()


class _Found:
    """Variants of a look, until the bits of all of them are taken at once."""

    def __init__(self) -> None:
        self._coefficients: list[NDArray[np.float32]] = []
        self._meanings: list[tuple[int, str, Level]] = []

    def signals(self) -> Iterator[Signal]:
        """Yield them in the order in which they were added."""
        every = bits_of_several(np.concatenate(self._coefficients))
        for bits, (quality, name, level) in zip(every, self._meanings, strict=True):
            yield Signal("pdq", bits, quality, name, MADE_BY, level)

    def seen(
        self,
        picture: NDArray[np.float32],
        quality: int | Sequence[int],
        name: str = AS_IS,
        level: Level = "standard",
        *,
        ways: tuple[str, ...] = (),
        crops: tuple[Crop, ...] = (),
    ) -> None:
        """Add a picture, known under a name, laid in several ways; then those of which it may be a crop.

        Args:
            picture: float32 (256, 256), a canvas.
            quality: Of all, or of each.
            name: What was done to have the picture.
            level: At which they are looked up; each crop of the whole file has a level of its own.
            ways: Names of `WAYS`.
            crops: What may have been cut away.
        """
        self._coefficients.append(
            seen_coefficients(picture, tuple(WAYS[way] for way in ways), tuple(crop.cut for crop in crops))
        )
        qualities = [quality] * (len(ways) + len(crops)) if isinstance(quality, int) else quality
        meanings = [(variant_name(name, way), level) for way in ways]
        meanings += [(variant_name(name, crop.name), crop.level if name == AS_IS else level) for crop in crops]
        self._meanings += [(each, *meaning) for each, meaning in zip(qualities, meanings, strict=True)]

    def undone(self, whole: NDArray[np.float32], quality: int) -> None:
        """Add what is seen once something that was done to all of the picture is undone."""
        cells = rounded(whole)
        pictures = [np.sqrt(whole), without_bright_strokes(cells), *without_writing(whole, cells)]
        names = [DARKENED, WATERMARKED] + [WRITTEN_OVER] * (len(pictures) - 2)
        self._coefficients.append(whole_coefficients(pictures))
        self._meanings += [(quality, name, "standard") for name in names]

    def turns(self, picture: NDArray[np.float32], quality: int, shape: float) -> None:
        """Add the pictures of which a picture of some shape may be one that was turned."""
        self._coefficients.append(coefficients(slanted_pictures(picture, shape, [each.slant for each in TURNED])))
        self._meanings += [(quality, each.name, each.level) for each in TURNED]


_OTHER_WAYS: Final = tuple(way for way in WAYS if way != AS_IS)
_TURNED_WAYS: Final = tuple(way for way in _OTHER_WAYS if way != _MIRRORED)


def _parts_found(raster: SmallRaster) -> Iterator[tuple[str, Box]]:
    """Yield the parts of a raster that look like a picture by themselves, under the name of what surrounds them."""
    seen: list[Box] = []
    for name, boxes in ((BORDERS, content_boxes(raster.luma)), (ON_SCREEN, pictures_on_screen(raster.luma))):
        for box in boxes:
            if not any(are_alike(box, other, raster.luma.shape, _SAME_PART) for other in seen):
                seen.append(box)
                yield name, box


def _gap(picture: NDArray[np.float32]) -> int:
    """Return how many rows above the middle, and as many below, are a plain gap between pictures; 0 where none is."""
    half = SIDE // 2
    is_plain = picture[half - _WIDEST_GAP : half + _WIDEST_GAP].std(axis=1) <= _PLAIN
    both = is_plain[_WIDEST_GAP:] & is_plain[:_WIDEST_GAP][::-1]
    return 0 if both.all() else int(np.argmin(both))


_PLAIN: Final = 6.0
"""Standard deviation of luma along a row of a gap; JPEG leaves 2 to 4."""

_WIDEST_GAP: Final = 7
"""Rows: of the middle that is plain farther than that nobody knows that it is a gap."""


def _half_of_gap(rows: int) -> float:
    """Return half of a gap, as a share of the side; a part of the row that is not all gap belongs to it.

    Where no row is, there is no gap, or one of up to 0.8 %, which the share between finds as well.
    """
    return (rows + 0.3) / SIDE if rows else 0.0025


@lru_cache(maxsize=_WIDEST_GAP**2)
def _parts_beside(down: int, across: int) -> tuple[Part, ...]:
    """Return the parts, ending before a gap in the middle, as `_gap` measures it."""

    def without_gap(part: slice, rows: int) -> tuple[float, float]:
        low, high, gap = part.start / SIDE, part.stop / SIDE, _half_of_gap(rows)
        return (low + gap if low == _HALF else low), (high - gap if high == _HALF else high)

    return tuple(
        replace(each, cut=Cut.of_part(*without_gap(each.rows, down), *without_gap(each.columns, across)))
        if SIDE // 2 in {each.rows.start, each.rows.stop, each.columns.start, each.columns.stop}
        else each
        for each in PARTS
    )


_HALF: Final = 0.5

_SAME_PART: Final = 0.005
"""Parts whose sides differ by less than this share of the raster are looked up once: a PDQ moves by 2 bits or so."""
