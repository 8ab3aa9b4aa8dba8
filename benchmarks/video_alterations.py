"""What happens to videos on their way: encoders, rates, trims, frames around them. For `video_copies.py`."""

from __future__ import annotations

import random
import struct
from dataclasses import dataclass, field
from fractions import Fraction
from typing import TYPE_CHECKING

import av
import numpy as np
from PIL import Image, ImageDraw

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from numpy.typing import NDArray

    Picture = NDArray[np.uint8]
    Frames = list[tuple[float, Picture]]

FEWEST_SECONDS = 2.0
"""Shorter videos are not altered."""
SHORT_SIDE = 360
"""Copies are made at most so large, which keeps the encoders quick."""
WHOLE, OTHER = 0.95, 0.8
"""Shares of banked frames that a copy should show, by kind of alteration."""

_OPTIONS = {
    "libx264": {"preset": "veryfast", "crf": "26"},
    "libx265": {"preset": "ultrafast", "crf": "28", "x265-params": "log-level=error:pools=1"},
    "libvpx-vp9": {"deadline": "realtime", "cpu-used": "8", "crf": "36", "b": "0"},
    "libsvtav1": {"preset": "11", "crf": "40", "svtav1-params": "lp=1"},
    "mpeg4": {"qscale": "6"},
}
_ENDINGS = {"libvpx-vp9": ".webm"}
_TICKS_PER_S = {"mpeg4": 24_000}


@dataclass(frozen=True)
class Alteration:
    """One thing that may happen to a video.

    Attributes:
        name: What happened.
        change: From its frames, and those of a stranger, to the copy's.
        codec: The encoder.
        target: Which share of banked frames should be found in every copy.
        cut_s: What is cut from beginning and end.
        needs_other: Whether a stranger is needed.
        is_tagged: Whether the container turns it by 90°.
    """

    name: str
    change: Callable[[Frames, Frames], Frames]
    codec: str = "libx264"
    target: float = OTHER
    cut_s: tuple[float, float] = (0.0, 0.0)
    needs_other: bool = False
    is_tagged: bool = field(default=False)

    @property
    def ending(self) -> str:
        """The container, by the end of a file's name."""
        return _ENDINGS.get(self.codec, ".mp4")

    def kept_s(self, duration_s: float) -> tuple[float, float]:
        """Return what the copy still shows of a video so long."""
        return self.cut_s[0], duration_s - self.cut_s[1]


def load_frames(path: Path) -> Frames:
    """Decode a video: times and RGB frames."""
    frames: Frames = []
    with av.open(str(path)) as container:
        for number, frame in enumerate(container.decode(container.streams.video[0])):
            time_s = float(frame.pts * frame.time_base) if frame.pts is not None else number / 30
            scale = min(1.0, SHORT_SIDE / min(frame.height, frame.width))
            height, width = (int(side * scale) // 2 * 2 for side in (frame.height, frame.width))
            frames.append((time_s, frame.to_ndarray(format="rgb24", width=width, height=height)))
    return [(time_s - frames[0][0], picture) for time_s, picture in frames]


def write_copy(path: Path, alteration: Alteration, frames: Frames, other: Frames) -> None:
    """Encode an altered copy."""
    changed = alteration.change(frames, other)
    _encode(path, changed, alteration.codec)
    if alteration.is_tagged:
        _tag(path, changed[0][1].shape[0])


def _encode(path: Path, frames: Frames, codec: str) -> None:
    span_s = max(frames[-1][0] - frames[0][0], 1e-3)
    rate = Fraction(round((len(frames) - 1) / span_s * 1001), 1001).limit_denominator(1001)
    with av.open(str(path), "w") as container:
        stream = container.add_stream(codec, rate=rate, options={"threads": "1", **_OPTIONS[codec]})
        stream.height, stream.width = frames[0][1].shape[:2]
        stream.pix_fmt = "yuv420p"
        ticks = _TICKS_PER_S.get(codec, 12_800)
        stream.time_base = stream.codec_context.time_base = Fraction(1, ticks)
        last = -1
        for time_s, picture in frames:
            frame = av.VideoFrame.from_ndarray(np.ascontiguousarray(picture), "rgb24")
            last = max(last + 1, round((time_s - frames[0][0]) * ticks))
            frame.pts, frame.time_base = last, stream.time_base
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))


def _tag(path: Path, height: int) -> None:
    """Write a turn of 90° into the track header's matrix (ISO/IEC 14496-12, 8.3.2)."""
    content = bytearray(path.read_bytes())
    header = content.find(b"tkhd") + 4
    matrix = header + (40 if content[header] == 0 else 52)
    one = 0x10000
    content[matrix : matrix + 36] = struct.pack(">9I", 0, one, 0, -one & 0xFFFFFFFF, 0, 0, height * one, 0, 0x40000000)
    path.write_bytes(content)


def _unchanged(frames: Frames, _: Frames) -> Frames:
    return frames


def _at_rate(per_s: float) -> Callable[[Frames, Frames], Frames]:
    def change(frames: Frames, _: Frames) -> Frames:
        times = np.array([time_s for time_s, _ in frames])
        duration_s = times[-1] * len(times) / (len(times) - 1)
        moments = np.arange(int(duration_s * per_s)) / per_s
        shown = np.searchsorted(times, moments + 1e-6, "right") - 1
        return [(float(moment), frames[max(0, at)][1]) for moment, at in zip(moments, shown.tolist(), strict=True)]

    return change


def _at_changing_rate(frames: Frames, _: Frames) -> Frames:
    """Leave out frames at random, never two in a row."""
    chance = random.Random(1)  # noqa: S311  (the same copy on every run)
    kept: Frames = []
    leaves_out = False
    for frame in frames:
        leaves_out = not leaves_out and chance.random() < 1 / 3
        if not leaves_out or not kept:
            kept.append(frame)
    return kept


def _each(change: Callable[[Picture], Picture]) -> Callable[[Frames, Frames], Frames]:
    return lambda frames, _: [(time_s, change(picture)) for time_s, picture in frames]


def _scaled(scale: float) -> Callable[[Frames, Frames], Frames]:
    def change(picture: Picture) -> Picture:
        height, width = (max(16, int(side * scale) // 2 * 2) for side in picture.shape[:2])
        return np.asarray(Image.fromarray(picture).resize((width, height), Image.Resampling.BILINEAR))

    return _each(change)


def _cut(begin_s: float, end_s: float) -> Callable[[Frames, Frames], Frames]:
    return lambda frames, _: [
        frame for frame in frames if frame[0] >= begin_s - 1e-6 and frame[0] <= frames[-1][0] - end_s
    ]


def _inside(frames: Frames, other: Frames) -> Frames:
    height, width = frames[0][1].shape[:2]
    around = [(time_s, np.asarray(Image.fromarray(picture).resize((width, height)))) for time_s, picture in other]
    before, after = ([frame for frame in around if frame[0] < long] for long in (6, 4))
    joined = list(before)
    for part in (frames, after):
        begin = joined[-1][0] + 0.04
        joined += [(begin + time_s - part[0][0], picture) for time_s, picture in part]
    return joined


def _paced(speed: float) -> Callable[[Frames, Frames], Frames]:
    return lambda frames, _: [(time_s / speed, picture) for time_s, picture in frames]


def _marked(picture: Picture) -> Picture:
    image = Image.fromarray(picture).convert("RGBA")
    width, height = image.size
    layer = Image.new("RGBA", image.size)
    draw = ImageDraw.Draw(layer)
    draw.text(
        (width * 0.05, height * 0.85), "@some_account", fill=(255, 255, 255, 160), font_size=max(10, height // 14)
    )
    return np.asarray(Image.alpha_composite(image, layer).convert("RGB"))


def _barred(rows: float, columns: float) -> Callable[[Frames, Frames], Frames]:
    def change(picture: Picture) -> Picture:
        above, beside = (
            int(side * share) // 2 * 2 for side, share in zip(picture.shape, (rows, columns), strict=False)
        )
        return np.pad(picture, ((above, above), (beside, beside), (0, 0)))

    return _each(change)


def _alterations() -> Sequence[Alteration]:
    transcodes = [Alteration(codec, _unchanged, codec, WHOLE) for codec in _OPTIONS]
    rates = [
        Alteration(f"{name} frames a second", _at_rate(per_s), target=WHOLE)
        for name, per_s in (("29.97", 30_000 / 1001), ("24", 24), ("25", 25), ("50", 50), ("60", 60))
    ]
    trims = [
        Alteration(f"{cut_s:g} s off the {end}", _cut(*cuts), target=WHOLE, cut_s=cuts)
        for cut_s in (0.1, 0.4, 1, 1.7, 3.3, 5, 10)
        for end, cuts in (("beginning", (cut_s, 0.0)), ("end", (0.0, cut_s)))
    ]
    return [
        *transcodes,
        *rates,
        Alteration("variable rate", _at_changing_rate, target=WHOLE),
        Alteration("half the size", _scaled(0.5), target=WHOLE),
        Alteration("a quarter of the size", _scaled(0.25), target=WHOLE),
        *trims,
        Alteration("inside a longer one", _inside, target=WHOLE, needs_other=True),
        Alteration("10 % faster", _paced(1.1)),
        Alteration("10 % slower", _paced(0.9)),
        Alteration("a name written over it", _each(_marked)),
        Alteration("letterboxed", _barred(0.17, 0)),
        Alteration("pillarboxed", _barred(0, 0.2)),
        Alteration("turned by 90°", _each(np.rot90)),
        Alteration("turned by 90°, upright by its tag", _each(np.rot90), is_tagged=True),
        Alteration("mirrored", _each(lambda picture: picture[:, ::-1])),
    ]


ALTERATIONS = {alteration.name: alteration for alteration in _alterations()}
"""All of them by name."""
