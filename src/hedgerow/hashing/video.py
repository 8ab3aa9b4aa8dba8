"""From a video to the signal that the field calls vPDQ: a PDQ for each frame that counts, with its times.

A bank holds a video sparsely: the frame shown at each second, and the first of each scene. A query is looked at
densely: every frame is hashed, and a frame is kept when it differs from the last one kept. So whatever part of a known
video was uploaded, at whatever frame rate, each banked frame meets a query frame that shows (nearly) the same moment.
Where the picture moves so fast that a single frame left out would be missed, one is guessed between its neighbours.

Every frame is reduced once, by area, to a small raster, from which PDQ follows by its folded operator
(`hedgerow.hashing.operator`) within a few bits of the full size; what a bank stores is computed at full size.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from itertools import accumulate
from typing import TYPE_CHECKING, Final, Literal, NamedTuple, Protocol

import numpy as np

from hedgerow.hashing.frame_list import FrameList
from hedgerow.hashing.operator import CELLS
from hedgerow.hashing.pdq import MINIMUM_QUALITY, bits_of_several, coefficients, qualities, small_picture
from hedgerow.hashing.signal import AS_IS, Signal, Unchecked
from hedgerow.hashing.video_grid import Grid
from hedgerow.hashing.video_ways import Seen, Ways

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence

    from numpy.typing import NDArray

    from hedgerow.hashing.signal import Level
    from hedgerow.media.video import Video, VideoFrame

__all__ = ["SAMPLINGS", "Sampling", "animation_signal", "video_signals"]

Sampling = Literal["bank", "query", "every frame"]
SAMPLINGS: Final[tuple[Sampling, ...]] = ("bank", "query", "every frame")
"""Which frames are kept: one a second and each scene's first; each that differs from the last; all, as vPDQ can."""

EVERY_S: Final = 1.0
"""Seconds between the frames of a bank's list: vPDQ's default (``vpdq/cpp``, ``secondsPerHash``)."""

RASTER_CELLS: Final = 192
"""Rows and columns of the reduced raster, three to each of PDQ's 64. On 25 videos the PDQ is then 2 bits (95 %: 4, at
most 8) from that of the full size; with 160 cells 2.5 (6, 10), with 128 cells 5 (10, 26)."""

MOST_CELLS: Final = 384
"""Of a raster that is finer because only a part of it lies inside borders."""

ALIKE_BITS: Final = 6
"""Frames within so many bits of the first of their run are kept as one. On 130 transcoded, trimmed, slowed, turned and
bordered copies of ten videos every bank frame was found with 4 and with 8 alike, from 75 % and 63 % of the frames."""

BETWEEN_BITS: Final = 24
BETWEEN_MOST_BITS: Final = 120
"""Where neighbours of a query differ by so much, a frame is guessed in between: the copy may have left out just the one
that a bank holds. PDQ is linear up to its last step, and the mean of two frames of a pan shows about what the one in
between did. On six videos, frames 33–48 bits from both neighbours lay within 31 bits of that mean in 163 of 183 cases,
those of 49–64 bits in 46 of 96. Beyond the larger one, nothing is left of what moved, or a scene begins."""

BETWEEN_S: Final = 0.125
"""Neighbours further apart (a picture that stood still, then a cut) are not two of a movement at 8 frames a second."""

CUT_BITS: Final = 60
"""A frame that differs by so much from the one before begins a scene; neighbours within a scene differ by 0–30."""

CUT_STEPS: Final = 8.0
CUT_TIMES: Final = 2.0
"""Luma steps, and times what is usual at the moment, by which the probed cells must move on average for two neighbours
to be hashed: a cut stands out, in quiet scenes and in those that a hand films."""

_USUAL: Final = 0.2
"""Share of the newest frame in what is usual."""

_SMALLEST: Final = 5
"""Frames with a shorter side have signal 0 and quality 0 (``pdqhashing.cpp``)."""

_ROUNDING_S: Final = 0.001
"""Containers round times to a millisecond (Matroska): a frame that much late is still the one shown at a second."""

_UNSURE: Final = 48
"""Frames for which the raster is finer at most, until enough were kept to tell whether the picture has borders."""

_DENSE: Final = 50_000
_SPARSE_S: Final = 0.1
"""After so many frames kept (half an hour at 30 a second, if none are alike), they must lie so far apart."""

_BATCH: Final = 32
"""Frames whose small pictures become signals together."""


def video_signals(
    video: Video,
    *,
    sampling: Sampling,
    level: Level,
    most_frames: int,
    trims_borders: bool = False,
    goes_on: Callable[[], None] | None = None,
) -> tuple[tuple[Signal, ...], Unchecked | None]:
    """Hash a video, walking its frames once.

    Args:
        video: An opened one; it stays open.
        sampling: Which frames are kept.
        level: From ``standard`` on a query also gets its variants, for fewer of its frames.
        most_frames: Frames kept at most; what comes after is not looked at.
        trims_borders: Whether a bank also gets the video without its borders, where it has any: a copy may have others.
        goes_on: Called after each frame.

    Returns:
        The stored signal, the variants, and what could not be looked at.
    """
    walk: _Walk
    if sampling == "bank":
        walk = _BankWalk(trims_borders=trims_borders)
    elif sampling == "query":
        walk = _QueryWalk(has_variants=level != "exact")
    else:
        walk = _EveryFrameWalk()
    unchecked: Unchecked | None = None
    for frame in video.frames():
        if len(walk.kept) >= most_frames:
            unchecked = Unchecked("frame_limit", f"Only the first {frame.time_s:.0f} seconds were looked at.")
            break
        walk.look_at(frame)
        if goes_on is not None:
            goes_on()
    signals = tuple(walk.signals(video.duration_s))
    if unchecked is None and video.unchecked is not None:
        unchecked = Unchecked(*video.unchecked)
    return signals, unchecked


@dataclass(slots=True)
class Kept:
    """The columns of a `FrameList` that grows; the last frame's end is not known yet."""

    bits: list[bytes] = field(default_factory=list)
    qualities: list[int] = field(default_factory=list)
    numbers: list[int] = field(default_factory=list)
    times_s: list[float] = field(default_factory=list)

    def __len__(self) -> int:
        return len(self.bits)

    def add(self, bits: bytes, quality: int, number: int, time_s: float) -> None:
        """Keep a frame; the one before it was shown until now."""
        self.bits.append(bits)
        self.qualities.append(quality)
        self.numbers.append(number)
        self.times_s.append(time_s)

    def listed(self, duration_s: float) -> FrameList:
        """Return the list; its last frame was shown until the end."""
        bits = np.frombuffer(b"".join(self.bits), np.uint8)
        until_s = [*self.times_s[1:], duration_s]
        return FrameList.of(bits, self.qualities, self.numbers, self.times_s, until_s[: len(self)], duration_s)


class _Walk(Protocol):
    kept: Kept

    def look_at(self, frame: VideoFrame) -> None: ...

    def signals(self, duration_s: float) -> Iterator[Signal]: ...


def _full_size(frame: VideoFrame) -> tuple[bytes, int]:
    if min(frame.size) < _SMALLEST:
        return bytes(32), 0
    small = small_picture(frame.pixels())[None]
    return bits_of_several(coefficients(small))[0], qualities(small)[0]


def frames_signal(frames: FrameList, made_by: str, variant: str = AS_IS, level: Level = "exact") -> Signal:
    """Return a list of frames as a signal.

    >>> frames_signal(FrameList.of([], [], [], [], [], 0.0), "every frame/1").type
    'vpdq'
    """
    return Signal("vpdq", frames.digest(), None, variant, made_by, level, frames)


def animation_signal(shown: Iterable[tuple[int, Signal]], seconds: Sequence[float]) -> Signal:
    """Return the list of an animated picture's distinct frames.

    Args:
        shown: Place and PDQ of each distinct frame, in order.
        seconds: How long each frame of the file is shown, distinct or not.
    """
    begins_s = [0.0, *accumulate(seconds)]
    kept, run = Kept(), _Run()
    for index, signal in shown:
        quality = signal.quality or 0
        if not run.goes_on(signal.bits, quality):
            kept.add(signal.bits, quality, index, begins_s[min(index, len(seconds))])
    return frames_signal(kept.listed(begins_s[-1]), "animation/1 by change")


class _EveryFrameWalk:
    def __init__(self) -> None:
        self.kept = Kept()

    def look_at(self, frame: VideoFrame) -> None:
        self.kept.add(*_full_size(frame), frame.number, frame.time_s)

    def signals(self, duration_s: float) -> Iterator[Signal]:
        yield frames_signal(self.kept.listed(duration_s), "every frame/1")


class _Run:
    """Tells whether a frame still looks like the first of its run."""

    def __init__(self) -> None:
        self._first: int | None = None
        self._quality = 0

    def goes_on(self, bits: bytes, quality: int) -> bool:
        """Return whether a frame belongs to the run; if not, it begins the next.

        Frames that say too little to match by (black, mostly) are one run, whatever their bits.
        """
        value = int.from_bytes(bits, "big")
        if self._first is not None:
            if max(quality, self._quality) < MINIMUM_QUALITY:
                return True
            is_clear = min(quality, self._quality) >= MINIMUM_QUALITY
            if is_clear and (value ^ self._first).bit_count() <= ALIKE_BITS:
                return True
        self._first, self._quality = value, quality
        return False


class _BankWalk:
    """One frame a second, and each scene's first."""

    def __init__(self, *, trims_borders: bool) -> None:
        self.kept = Kept()
        self._run = _Run()
        self._due_s = 0.0
        self._last: VideoFrame | None = None
        self._cuts = _Cuts()
        self._ways = Ways(only_borders=True) if trims_borders else None
        self._grid: Grid | None = None

    def look_at(self, frame: VideoFrame) -> None:
        last, self._last = self._last, frame
        if last is None:
            return
        if frame.time_s > self._due_s + _ROUNDING_S:
            self._keep(last)  # it was shown when the second struck
            self._due_s = math.ceil((frame.time_s - _ROUNDING_S) / EVERY_S) * EVERY_S
        if self._cuts.between(last, frame):
            self._keep(frame)

    def signals(self, duration_s: float) -> Iterator[Signal]:
        if self._last is not None and (duration_s > self._due_s or not self.kept):
            self._keep(self._last)
        yield frames_signal(self.kept.listed(duration_s), "full-size/1 at 1/s")
        if self._ways is not None:
            yield from self._ways.signals(duration_s)

    def _keep(self, frame: VideoFrame) -> None:
        if self.kept and self.kept.numbers[-1] >= frame.number:
            return
        bits, quality = _full_size(frame)
        if self._run.goes_on(bits, quality):
            return
        self.kept.add(bits, quality, frame.number, frame.time_s)
        if self._ways is not None and quality >= MINIMUM_QUALITY:
            raster = frame.luma(MOST_CELLS, MOST_CELLS)
            grid = self._grid = _grid_for(raster, frame, self._grid)
            self._ways.look_at(Seen(int.from_bytes(bits, "big"), quality, frame.number, frame.time_s, raster, grid))


class _Cuts:
    """Notices where a scene ends: few cells of each frame are looked at, and two frames hashed where those moved."""

    def __init__(self) -> None:
        self._probed: NDArray[np.int16] | None = None
        self._usual_steps = 0.0
        self._known: tuple[int, int] = (-1, 0)
        self._grid: Grid | None = None

    def between(self, last: VideoFrame, frame: VideoFrame) -> bool:
        """Return whether a scene begins with ``frame``; ``last`` is the one before it."""
        before = last.probe() if self._probed is None else self._probed
        self._probed = probed = frame.probe()
        if before.shape == probed.shape:
            moved = np.subtract(probed, before)
            steps = int(np.add.reduce(np.abs(moved, out=moved), axis=None, dtype=np.int64)) / moved.size
            usual_steps = self._usual_steps
            self._usual_steps += _USUAL * (steps - usual_steps)
            if steps <= max(CUT_STEPS, CUT_TIMES * usual_steps):
                return False
        return (self._value(last) ^ self._value(frame)).bit_count() >= CUT_BITS

    def _value(self, frame: VideoFrame) -> int:
        if self._known[0] != frame.number:
            raster = frame.luma(RASTER_CELLS, RASTER_CELLS)
            self._grid = _grid_for(raster, frame, self._grid)
            small = np.empty((1, CELLS, CELLS), np.float32)
            self._grid.small(raster, small[0])
            self._known = frame.number, int.from_bytes(bits_of_several(coefficients(small))[0], "big")
        return self._known[1]


def _grid_for(raster: NDArray[np.uint8], frame: VideoFrame, last: Grid | None) -> Grid:
    columns, rows = frame.size
    if last is not None and last.shape == raster.shape and last.size == (rows, columns):
        return last
    return Grid((rows, columns), (raster.shape[0], raster.shape[1]), frame.orientation)


class _Hashed(NamedTuple):
    """A frame of a query."""

    coefficient: NDArray[np.float32]
    value: int
    quality: int
    number: int
    time_s: float

    def is_far_from(self, after: _Hashed) -> bool:
        """Return whether a frame may be missing before the next one that would be like neither."""
        is_clear = min(self.quality, after.quality) >= MINIMUM_QUALITY
        is_next = after.time_s - self.time_s <= BETWEEN_S
        return is_clear and is_next and BETWEEN_BITS < (self.value ^ after.value).bit_count() <= BETWEEN_MOST_BITS

    def between(self, after: _Hashed) -> tuple[bytes, int, int, float]:
        """Return what may have been shown between this frame and the next: bits, quality, this one's number, when."""
        middle = (self.coefficient + after.coefficient)[None]
        quality = min(self.quality, after.quality)
        return bits_of_several(middle)[0], quality, self.number, (self.time_s + after.time_s) / 2


class _QueryWalk:
    """Every frame that differs from the last one kept, and its variants where that one differs by more."""

    def __init__(self, *, has_variants: bool) -> None:
        self.kept = Kept()
        self._run = _Run()
        self._ways = Ways() if has_variants else None
        self._last: NDArray[np.uint8] | None = None
        self._grid: Grid | None = None
        self._waiting: list[tuple[int, float, NDArray[np.uint8], Grid]] = []
        self._unsure = _UNSURE
        self._smalls = np.empty((_BATCH, CELLS, CELLS), np.float32)
        self._before: _Hashed | None = None

    def look_at(self, frame: VideoFrame) -> None:
        if min(frame.size) < _SMALLEST:
            self._take()
            if not self._run.goes_on(*_full_size(frame)):
                self.kept.add(*_full_size(frame), frame.number, frame.time_s)
            return
        raster = frame.luma(*self._cells())
        if self._last is not None and np.array_equal(raster, self._last):
            return
        self._last = raster
        grid = self._grid = _grid_for(raster, frame, self._grid)
        grid.small(raster, self._smalls[len(self._waiting)])
        self._waiting.append((frame.number, frame.time_s, raster, grid))
        if len(self._waiting) == _BATCH or (self._ways is not None and self._ways.finer is None):
            self._take()

    def signals(self, duration_s: float) -> Iterator[Signal]:
        self._take()
        yield frames_signal(self.kept.listed(duration_s), "reduced/2 by change")
        if self._ways is not None:
            yield from self._ways.signals(duration_s)

    def _cells(self) -> tuple[int, int]:
        """Say how fine the raster must be: finer until it is known whether the picture has borders."""
        if self._ways is None:
            return RASTER_CELLS, RASTER_CELLS
        if self._ways.finer is None:
            self._unsure -= 1
            if self._unsure < 0:
                self._ways.finer = (1.0, 1.0)
            return MOST_CELLS, MOST_CELLS
        down, across = self._ways.finer
        return min(MOST_CELLS, round(RASTER_CELLS * down)), min(MOST_CELLS, round(RASTER_CELLS * across))

    def _take(self) -> None:
        waiting, self._waiting = self._waiting, []
        if not waiting:
            return
        smalls = self._smalls[: len(waiting)]
        several = coefficients(smalls)
        found = zip(waiting, several, bits_of_several(several), qualities(smalls), strict=True)
        for (number, time_s, raster, grid), coefficient, bits, quality in found:
            hashed = _Hashed(coefficient, int.from_bytes(bits, "big"), quality, number, time_s)
            before, self._before = self._before, hashed
            is_dense = len(self.kept) < _DENSE
            if not is_dense and time_s < self.kept.times_s[-1] + _SPARSE_S:
                continue
            if is_dense and before is not None and before.is_far_from(hashed):
                self.kept.add(*before.between(hashed))
            if self._run.goes_on(bits, quality):
                continue
            self.kept.add(bits, quality, number, time_s)
            if self._ways is not None and quality >= MINIMUM_QUALITY:
                self._ways.look_at(Seen(hashed.value, quality, number, time_s, raster, grid))
