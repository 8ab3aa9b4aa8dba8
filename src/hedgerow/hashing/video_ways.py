"""The variants under which a copy of a video may be known: turned, mirrored, made smaller, without its borders.

A copy is altered the same way from its first frame to its last, so its variants are looked up for fewer frames than the
video as it is, and its borders are found in many frames together: a bar stays plain while the picture moves.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, NamedTuple

import numpy as np

from hedgerow.hashing.borders import Box, content_boxes
from hedgerow.hashing.frame_list import FrameList
from hedgerow.hashing.hasher import variant_name
from hedgerow.hashing.operator import CELLS
from hedgerow.hashing.pdq import TURNS, WAYS, Turn, bits_of_several, coefficients, qualities
from hedgerow.hashing.signal import AS_IS, Level, Signal
from hedgerow.hashing.video_grid import Grid

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray

__all__ = ["Seen", "Ways", "still_borders"]

VARIANT_BITS: Final = 10
"""Variants are looked up for a frame that differs by more than this from the last one for which they were."""

_DENSE: Final = 2_000
_SPARSE_S: Final = 0.25
"""After so many frames (a minute and more of a moving picture), they must lie so far apart: each counts for up to 23
variants, and two hours of them are to fit into 300 MB."""

_FIRST_CHUNK, _CHUNK = 8, 64
"""Frames in which borders are looked for together; fewer at first, so that a finer raster is asked for soon."""

_ENOUGH_CELLS: Final = 160
"""Cells that the part inside borders should have on each side (160 cells leave 2–3 bits of error, at most 10)."""

_FEWEST_CELLS: Final = 72
"""A part with fewer cells on a side is not hashed: PDQ's own grid has 64."""

_CLOSE_CELLS: Final = 1
"""Boxes that differ by no more are not both looked at."""

_AS_STORED: Final = "as stored"

BORDERS: Final = "borders trimmed"
RESIZED: Final = "resized"
"""A picture's variant of that name (`hedgerow.hashing.variants`): PDQ's lattice where that of a larger picture lies."""

_SMALL_SIDE, _LIKELY_SIDE = 512, 720
"""A shorter side is small: PDQ samples so few pixels that its lattice moves by up to a quarter of a cell from one size
to the next (0.27 cells at 240 pixels, 0 at 360, 0.13 at 480), and 0 to 0.09 from 540 to 2160. A small copy is looked up
as if it were of a likely size of the original (720: 0.09). Two patterns that had lost 8 of 12 frames when reduced to
180 and 120 pixels, 34 to 42 bits away, were then 12 to 26 bits away."""


class Seen(NamedTuple):
    """A frame that was looked at.

    Attributes:
        value: Its PDQ as a number.
        quality: 0–100.
        number: Its place in the video.
        time_s: When it is shown.
        raster: Its luma, reduced.
        grid: For rasters of that shape.
    """

    value: int
    quality: int
    number: int
    time_s: float
    raster: NDArray[np.uint8]
    grid: Grid


class _Found:
    """The signals of one variant."""

    def __init__(self) -> None:
        self.bits = bytearray()
        self.qualities: list[int] = []
        self.indices: list[int] = []


class Ways:
    """Collects the variants of one video.

    Args:
        only_borders: Collect nothing but the video without its borders, for a bank.

    Attributes:
        finer: By how much rows and columns of the raster should be finer than usual, for what lies inside the borders
            to have enough cells; None until borders were looked for.
    """

    def __init__(self, *, only_borders: bool = False) -> None:
        self._only_borders = only_borders
        self.finer: tuple[float, float] | None = None
        self._last: int | None = None
        self._last_s = 0.0
        self._numbers: list[int] = []
        self._times_s: list[float] = []
        self._chunk: list[Seen] = []
        self._found: dict[str, _Found] = {}

    def look_at(self, seen: Seen) -> None:
        """Take a frame, if it differs enough from the last one taken."""
        if self._last is not None and (seen.value ^ self._last).bit_count() <= VARIANT_BITS:
            return
        if len(self._numbers) >= _DENSE and seen.time_s < self._last_s + _SPARSE_S:
            return
        self._last, self._last_s = seen.value, seen.time_s
        if self._chunk and self._chunk[0].grid is not seen.grid:
            self._end_chunk()
        self._chunk.append(seen)
        if len(self._chunk) == (_FIRST_CHUNK if self.finer is None else _CHUNK):
            self._end_chunk()

    def signals(self, duration_s: float) -> Iterator[Signal]:
        """Yield one signal for each variant."""
        if self._chunk:
            self._end_chunk()
        numbers = np.array(self._numbers, np.uint32)
        times_s = np.array(self._times_s)
        until_s = np.append(times_s[1:], duration_s)
        for name, found in self._found.items():
            index = np.array(found.indices)
            bits = np.frombuffer(found.bits, np.uint8)
            listed = FrameList.of(bits, found.qualities, numbers[index], times_s[index], until_s[index], duration_s)
            level: Level = "exact" if name == _AS_STORED or self._only_borders else "standard"
            yield Signal("vpdq", listed.digest(), None, name, "reduced/2 by change", level, listed)

    def _end_chunk(self) -> None:
        chunk, self._chunk = self._chunk, []
        first = len(self._numbers)
        indices = range(first, first + len(chunk))
        self._numbers += [each.number for each in chunk]
        self._times_s += [each.time_s for each in chunk]
        grid = chunk[0].grid
        rasters = [each.raster for each in chunk]
        if not self._only_borders:
            self._add(grid, rasters, indices, AS_IS, [each.quality for each in chunk])
        self.finer = (1.0, 1.0)
        for name, box in still_borders(rasters).items():
            if self._only_borders and name != BORDERS:
                continue
            shape = (box.bottom - box.top, box.right - box.left)
            shares = (shape[0] / grid.shape[0], shape[1] / grid.shape[1])
            self.finer = max(self.finer[0], 1 / shares[0]), max(self.finer[1], 1 / shares[1])
            if any(
                cells < min(_FEWEST_CELLS, pixels * share)
                for cells, pixels, share in zip(shape, grid.size, shares, strict=True)
            ):
                continue
            size = (round(grid.size[0] * shares[0]), round(grid.size[1] * shares[1]))
            trimmed = [raster[box.top : box.bottom, box.left : box.right] for raster in rasters]
            self._add(Grid(size, shape, grid.orientation), trimmed, indices, name)

    def _add(
        self, own: Grid, rasters: list[NDArray[np.uint8]], indices: range, name: str, known: list[int] | None = None
    ) -> None:
        grid = own if self._only_borders else _likely(own)
        is_likely = grid is not own  # otherwise it is as is, which is known
        flips = np.empty((len(rasters), 2, 2, CELLS, CELLS), np.float32)
        for raster, out in zip(rasters, flips, strict=True):
            grid.flips(raster, out)
        several = coefficients(flips.reshape(-1, CELLS, CELLS))
        laid = several.reshape(-1, 2, 2, *several.shape[1:])
        # Turning a picture moves its quality by a step or two at most.
        measures = qualities(flips[:, 0, 0]) if known is None else known
        for way, turn in _turns(name, grid.orientation).items():
            if (way == RESIZED and not is_likely) or (self._only_borders and way != name):
                continue
            part = laid[:, int(turn.is_row_flipped), int(turn.is_column_flipped)]
            found = self._found.setdefault(way, _Found())
            part = np.ascontiguousarray(part.swapaxes(1, 2) if turn.is_transposed else part)
            found.bits += b"".join(bits_of_several(part))
            found.qualities += measures
            found.indices += indices


def _likely(grid: Grid) -> Grid:
    """Return a grid for the same rasters as if a small picture came of a larger one; otherwise the grid itself."""
    rows, columns = (side if side >= _SMALL_SIDE else _LIKELY_SIDE for side in grid.size)
    return grid if (rows, columns) == grid.size else Grid((rows, columns), grid.shape, grid.orientation)


def _turns(name: str, orientation: int) -> dict[str, Turn]:
    upright = TURNS[orientation]
    turns = {variant_name(name, way): upright.then(turn) for way, turn in WAYS.items()}
    if name != AS_IS:
        return turns
    turns[RESIZED] = turns.pop(AS_IS)
    if orientation == 1:
        return turns
    # As stored it lies in one of the eight ways; this name explains more.
    return {_AS_STORED: TURNS[1]} | {way: turn for way, turn in turns.items() if turn != TURNS[1]}


def still_borders(rasters: list[NDArray[np.uint8]]) -> dict[str, Box]:
    """Return the part inside borders that stay plain in all these frames, by the name of what is trimmed.

    A line belongs to a border when it is plain both in the brightest and in the darkest that each cell ever was: a
    picture that moves is plain in neither. Where there are borders on both axes, one of them may have been there before
    (a letterboxed copy of a pillarboxed film), so each is also tried alone. Where it depends on how plain a border must
    be (`hedgerow.hashing.borders.TOLERANCES`), the strictest, what leaves least, and one between them are tried.
    """
    stack = np.stack(rasters)
    brightest, darkest = content_boxes(stack.max(axis=0)), content_boxes(stack.min(axis=0))
    boxes = [_around(one, other) for one in brightest for other in darkest]
    rows, columns = stack.shape[1:]
    whole = Box(0, rows, 0, columns)
    found = [box for box in dict.fromkeys(boxes) if not _is_close(box, whole)]
    if not found:
        return {}
    strict, loose = found[0], min(found, key=_area)
    named = {BORDERS: strict}
    if not _is_close(loose, strict):
        named[f"{BORDERS} closely"] = loose
        between = [box for box in found if not _is_close(box, strict) and not _is_close(box, loose)]
        if between:
            named[f"{BORDERS} less closely"] = between[0]
    upright, lying = Box(loose.top, loose.bottom, 0, columns), Box(0, rows, loose.left, loose.right)
    if not _is_close(upright, whole) and not _is_close(lying, whole):
        named |= {"borders above and below trimmed": upright, "borders at the sides trimmed": lying}
    return named


def _area(box: Box) -> int:
    return (box.bottom - box.top) * (box.right - box.left)


def _is_close(one: Box, other: Box) -> bool:
    return max(abs(a - b) for a, b in zip(one, other, strict=True)) <= _CLOSE_CELLS


def _around(one: Box, other: Box) -> Box:
    return Box(
        min(one.top, other.top), max(one.bottom, other.bottom), min(one.left, other.left), max(one.right, other.right)
    )
