"""What a person should know about media that was hashed, and can be matched, all the same."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from hedgerow.hashing.pdq import MINIMUM_QUALITY
from hedgerow.hashing.signal import SIGNAL_TYPES

if TYPE_CHECKING:
    from hedgerow.hashing.signal import MediaHash, Signal

__all__ = ["KNOWN_GOOD", "Caution", "caution_of"]


@dataclass(frozen=True, slots=True)
class Caution:
    """What a person should know about a file that was checked all the same.

    Attributes:
        reason: A word for programs: ``low_quality``, ``known_good``.
        detail: One sentence for a person.
    """

    reason: str
    detail: str


_LOW_QUALITY: Final = Caution(
    "low_quality",
    "The picture is too plain for PDQ to tell it from others; it was matched only with banks that allow this quality.",
)
_LOW_QUALITY_VIDEO: Final = Caution(
    "low_quality",
    "Every frame of the video is too plain for PDQ to tell it from others; it was matched only with banks that allow "
    "this quality.",
)

KNOWN_GOOD: Final = Caution(
    "known_good",
    "Its bytes are those of known software: it was not decoded, and only its digests were looked up.",
)
"""What is said of a file that a set of known software holds."""


def caution_of(result: MediaHash) -> Caution | None:
    """Say what a person should know about media that was hashed all the same, or None."""
    if result.is_known_good:
        return KNOWN_GOOD
    perceptual = [signal for signal in result.signals if SIGNAL_TYPES[signal.type].is_perceptual]
    if not perceptual or any(_quality(signal) >= MINIMUM_QUALITY for signal in perceptual):
        return None
    return _LOW_QUALITY if perceptual[0].frames is None else _LOW_QUALITY_VIDEO


def _quality(signal: Signal) -> int:
    """Return how much a signal says: of a video its best frame."""
    if signal.frames is not None:
        return int(signal.frames.qualities.max(initial=0))
    return signal.quality or 0
