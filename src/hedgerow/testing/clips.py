"""Ordinary clips and what happens to them on their way: for the demonstration and for tests. Needs the video extra.

A clip is made of pictures: a window pans over one after the other. Its frames are arrays, one after another, so that
an alteration is a function from frames to frames and a way to encode them. The same input gives the same frames.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from fractions import Fraction
from importlib.util import find_spec
from typing import TYPE_CHECKING, Final

import numpy as np
from PIL import Image

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence
    from pathlib import Path

    from numpy.typing import NDArray

__all__ = [
    "CLIP_ALTERATIONS",
    "FRAMES_PER_S",
    "ClipAlteration",
    "Frames",
    "can_write_clips",
    "panning_frames",
    "write_clip",
]

Frames = list["NDArray[np.uint8]"]
"""RGB frames, uint8 (height, width, 3), all of one size."""

FRAMES_PER_S: Final = 12
"""Fewer than films have, and enough to see motion: what a demonstration can encode in a second."""

_SIZE: Final = (384, 224)  # 16:9 near enough, in whole blocks of 32 pixels
_WINDOW: Final = 0.6  # share of a picture's side that the window shows
_REACH: Final = 0.4  # share of a picture's side by which it moves


def can_write_clips() -> bool:
    """Tell whether PyAV is installed."""
    return find_spec("av") is not None


def panning_frames(pictures: Sequence[Image.Image], seconds_each: float = 2.0) -> Frames:
    """Pan over pictures, one after the other: every second one to the right and down, the others back.

    Args:
        pictures: In their order.
        seconds_each: Time for each.
    """
    frames: Frames = []
    count = max(2, round(seconds_each * FRAMES_PER_S))
    for number, picture in enumerate(pictures):
        image = picture.convert("RGB")
        width, height = image.width * _WINDOW, image.height * _WINDOW
        for step in range(count):
            part = step / (count - 1)
            at = part if number % 2 == 0 else 1 - part
            left, top = at * _REACH * image.width, at * _REACH * image.height
            seen = image.resize(_SIZE, Image.Resampling.BILINEAR, (left, top, left + width, top + height))
            frames.append(np.asarray(seen))
    return frames


def write_clip(
    path: Path,
    frames: Iterable[NDArray[np.uint8]],
    *,
    codec: str = "libx264",
    frames_per_s: float = FRAMES_PER_S,
    options: Mapping[str, str] | None = None,
) -> None:
    """Encode frames into a file; the end of its name decides the container.

    Args:
        path: Where to.
        frames: At least one.
        codec: FFmpeg's name of an encoder that PyAV carries.
        frames_per_s: How fast they are shown.
        options: The encoder's own.
    """
    import av  # noqa: PLC0415  (an optional extra)

    with av.open(str(path), "w") as container:
        rate = Fraction(frames_per_s).limit_denominator(1001)
        stream = container.add_stream(codec, rate=rate, options={"threads": "1", **(options or {})})
        assert isinstance(stream, av.VideoStream), f"{codec} encodes no video"
        stream.pix_fmt = "yuv420p"
        for number, frame in enumerate(frames):
            if not number:
                stream.height, stream.width = frame.shape[:2]
            container.mux(stream.encode(av.VideoFrame.from_ndarray(frame, "rgb24")))
        container.mux(stream.encode(None))


@dataclass(frozen=True, slots=True)
class ClipAlteration:
    """One thing that may happen to a clip.

    Attributes:
        name: What happened, in two or three words.
        suffix: File name ending of the result.
        change: From the clip's frames and those of an unrelated clip to the frames of the copy.
        codec: What it is encoded with.
        frames_per_s: How fast the copy plays.
        options: The encoder's own.
    """

    name: str
    suffix: str
    change: Callable[[Frames, Frames], Frames]
    codec: str = "libx264"
    frames_per_s: float = FRAMES_PER_S
    options: Mapping[str, str] = field(default_factory=lambda: {"preset": "veryfast"})

    def write(self, path: Path, frames: Frames, others: Frames) -> None:
        """Write the altered copy of a clip.

        Args:
            path: Where to; its name ends in `suffix`.
            frames: The clip.
            others: An unrelated clip.
        """
        changed = self.change(frames, others)
        write_clip(path, changed, codec=self.codec, frames_per_s=self.frames_per_s, options=self.options)


def _trimmed(frames: Frames, _: Frames) -> Frames:
    return frames[round(1.7 * FRAMES_PER_S) : -FRAMES_PER_S // 2]


def _mirrored(frames: Frames, _: Frames) -> Frames:
    return [np.ascontiguousarray(frame[:, ::-1]) for frame in frames]


def _letterboxed(frames: Frames, _: Frames) -> Frames:
    bar = frames[0].shape[0] // 8 * 2
    return [np.pad(frame, ((bar, bar), (0, 0), (0, 0))) for frame in frames]


def _embedded(frames: Frames, others: Frames) -> Frames:
    return [*others, *frames, *others[::-1]]


CLIP_ALTERATIONS: Final = (
    ClipAlteration(
        "encoded again",
        ".webm",
        lambda frames, _: frames,
        "libvpx-vp9",
        options={"deadline": "realtime", "cpu-used": "8"},
    ),
    ClipAlteration("trimmed", ".mp4", _trimmed),
    ClipAlteration("mirrored", ".mp4", _mirrored),
    ClipAlteration("letterboxed", ".mkv", _letterboxed),
    ClipAlteration("10 % faster", ".mp4", lambda frames, _: frames, frames_per_s=FRAMES_PER_S * 1.1),
    ClipAlteration("inside a longer one", ".mp4", _embedded),
)
