"""Read ready-made signals for a door, as partners and platforms write them."""

from __future__ import annotations

import math
from itertools import pairwise
from typing import TYPE_CHECKING, Final, NamedTuple

from hedgerow.errors import InvalidSignal

if TYPE_CHECKING:
    from collections.abc import Sequence

    from hedgerow.hashing import Signal

__all__ = ["GivenFrame", "signal_object", "signal_of"]

_LONGEST_VIDEO_S: Final = 366 * 24 * 3600.0


class GivenFrame(NamedTuple):
    """A hashed frame of a video, as it was given.

    Attributes:
        pdq: 64 hex digits.
        quality: 0 to 100.
        time_s: When it is shown, in seconds from the start.
    """

    pdq: str
    quality: int
    time_s: float


def signal_of(
    type_name: str,
    value: str | None = None,
    *,
    quality: int | None = None,
    frames: Sequence[GivenFrame] = (),
    duration_s: float | None = None,
) -> Signal:
    """Read one signal.

    Args:
        type_name: ``pdq``, ``md5``, ``sha1``, ``sha256``, or ``vpdq`` with its frames.
        value: Hex digits; None for a video.
        quality: Of a PDQ; None is trusted.
        frames: Of a video, in order of their times.
        duration_s: Of a video; without it, until its last frame.

    Raises:
        UnknownSignalType: There is no such type.
        InvalidSignal: It is no signal of its type.
    """
    from hedgerow.hashing import Signal

    if type_name != "vpdq":
        if frames or value is None:
            raise InvalidSignal(type_name, "it has a value and no frames")
        return Signal.from_text(type_name, value, quality)
    if value is not None or not frames:
        raise InvalidSignal(type_name, "it has frames and no value")
    import numpy as np

    from hedgerow.hashing import FrameList

    times = [each.time_s for each in frames]
    ends = max(times[-1], duration_s or 0.0)
    if not all(0 <= each < _LONGEST_VIDEO_S for each in (*times, ends)) or any(map(math.isnan, times)):
        raise InvalidSignal(type_name, "a time outside the video")
    if any(later < earlier for earlier, later in pairwise(times)):
        raise InvalidSignal(type_name, "its frames are not in order of their times")
    bits = b"".join(Signal.from_text("pdq", each.pdq).bits for each in frames)
    listed = FrameList.of(
        np.frombuffer(bits, np.uint8).reshape(-1, 32),
        [each.quality for each in frames],
        list(range(len(frames))),
        times,
        [*times[1:], ends],
        ends,
    )
    return Signal("vpdq", listed.digest(), frames=listed)


def signal_object(signal: Signal) -> dict[str, object]:
    """Return a signal as JSON shows it: for whoever sent the media, or may read signal values."""
    told: dict[str, object] = {"type": signal.type, "value": signal.value, "quality": signal.quality}
    if signal.frames is not None:
        told["frames"] = len(signal.frames)
        told["duration_s"] = signal.frames.duration_s
    return told
