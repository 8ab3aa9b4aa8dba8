"""What a bank may be, what it takes, and what its answers mean. Nothing here knows a database or a clock.

The rules:

1. A bank's name has 1 to 100 letters, digits, dots, dashes and underscores, and begins with a letter or digit (ASCII,
   so that it is safe in paths, URLs and shells).
2. A threshold is 0 to 64 bits, a minimum quality 0 to 100.
3. A signal that says nothing is never taken: all bits zero or all bits one, the digest of an empty file.
4. A perceptual signal whose stated quality is below the bank's minimum is not taken; without a stated quality it is
   trusted, since most partners' lists state none.
5. A signal whose source has withdrawn it is not taken; one that was withdrawn *here* comes back only when a person
   adds it, not when a list that still holds it is imported again.
6. What is said about a signal fits its column, holds no control character but tab and line feed, and was not said in
   the future.
7. Of one media, a perceptual signal below the bank's minimum quality is not looked up in that bank; without a quality
   it is trusted. Neither is a variant that belongs to a higher level than the bank's.
8. For each bank and entry the nearest view counts; of equally near ones the first given.
9. Matches are sorted by distance, then bank, then entry.
10. A video is taken with its frames, of which at least one must reach the bank's minimum quality; frames that do not
    reach it are kept, and neither found nor counted.
11. A bank looks a query up at one of three levels: ``exact``, ``standard``, ``thorough``.
"""

from __future__ import annotations

import hashlib
import re
from typing import TYPE_CHECKING

from hedgerow.errors import InvalidBankName, InvalidThreshold, SettingsError
from hedgerow.hashing.signal import LEVELS, SIGNAL_TYPES
from hedgerow.matching.videos import are_in_order, usable_frames

if TYPE_CHECKING:
    from collections.abc import Iterable
    from datetime import datetime

    from hedgerow.banks.model import Attributes, Bank, Match
    from hedgerow.hashing.frame_list import FrameList
    from hedgerow.hashing.signal import Level, Signal

__all__ = [
    "MAXIMUM_THRESHOLD",
    "MOST_FRAMES",
    "check_bank_name",
    "check_level",
    "check_minimum_quality",
    "check_threshold",
    "highest_level",
    "is_looked_up",
    "nearness",
    "why_attributes_are_refused",
    "why_frames_are_malformed",
    "why_signal_is_refused",
]

# The largest radius that the index serves (design §6); chance hits of unrelated PDQ begin far above it.
MAXIMUM_THRESHOLD = 64
_MAXIMUM_QUALITY = 100

# An index names a frame by its entry and 20 bits: nine hours of 30 frames a second, and every entry id below 2^43.
MOST_FRAMES = 1 << 20

_BANK_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,99}")
_CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f]")

# Widths of the columns (tables.py); a note is bounded so that one line cannot fill a page.
_WIDTHS = {"provenance": 100, "contributor": 200, "external_id": 200, "category": 100, "note": 4_000}
_MADE_BY_WIDTH = 100
_VARIANT_WIDTH = 200

_SAYS_NOTHING: dict[tuple[str, bytes], str] = {
    **{(each.name, bytes(each.size_bytes)): "all bits are zero" for each in SIGNAL_TYPES.values()},
    **{(each.name, b"\xff" * each.size_bytes): "all bits are one" for each in SIGNAL_TYPES.values()},
    **{
        (each.name, hashlib.new(each.name, b"", usedforsecurity=False).digest()): "the digest of an empty file"
        for each in SIGNAL_TYPES.values()
        if not each.is_perceptual
    },
}


def check_bank_name(name: str) -> str:
    """Return the name if a bank may have it.

    Raises:
        InvalidBankName: It may not (rule 1).

    >>> check_bank_name("ncmec-2026.q3")
    'ncmec-2026.q3'
    """
    if not _BANK_NAME.fullmatch(name):
        raise InvalidBankName(name)
    return name


def check_threshold(threshold: int) -> int:
    """Return the threshold if the index serves it.

    Raises:
        InvalidThreshold: It does not (rule 2).
    """
    if not _is_whole(threshold) or not 0 <= threshold <= MAXIMUM_THRESHOLD:
        raise InvalidThreshold(threshold, MAXIMUM_THRESHOLD)
    return threshold


def check_minimum_quality(quality: int) -> int:
    """Return the quality if it is one.

    Raises:
        SettingsError: It is not (rule 2).
    """
    if not _is_whole(quality) or not 0 <= quality <= _MAXIMUM_QUALITY:
        raise SettingsError("minimum_quality", "a quality is a whole number from 0 to 100")
    return quality


def check_level(level: str) -> Level:
    """Return the level if it is one.

    Raises:
        SettingsError: It is not (rule 11).
    """
    for each in LEVELS:
        if level == each:
            return each
    raise SettingsError("level", f"a level is one of {', '.join(LEVELS)}")


def highest_level(levels: Iterable[Level]) -> Level:
    """Return the level that includes all of these; the lowest where there are none.

    >>> highest_level(["standard", "exact"])
    'standard'
    """
    return LEVELS[max((LEVELS.index(level) for level in levels), default=0)]


def _is_whole(number: object) -> bool:
    return isinstance(number, int) and not isinstance(number, bool)


def why_signal_is_refused(signal: Signal, minimum_quality: int) -> str | None:
    """Say why a bank does not take a signal (rules 3 and 4); None when it does.

    >>> from hedgerow.hashing.signal import Signal
    >>> why_signal_is_refused(Signal("pdq", bytes(32)), 50)
    'all bits are zero'
    >>> why_signal_is_refused(Signal("pdq", bytes(range(32)), quality=20), 50)
    "its quality is below the bank's minimum of 50"
    """
    kind = SIGNAL_TYPES.get(signal.type)
    if kind is None:
        return "its signal type is unknown"
    if len(signal.bits) != kind.size_bytes:
        return f"a {kind.name} signal has {kind.size_bytes} bytes"
    quality = signal.quality
    if quality is not None:
        if not 0 <= quality <= _MAXIMUM_QUALITY:
            return "its quality is not between 0 and 100"
        if kind.is_perceptual and quality < minimum_quality:
            return f"its quality is below the bank's minimum of {minimum_quality}"
    if len(signal.made_by) > _MADE_BY_WIDTH or len(signal.variant) > _VARIANT_WIDTH:
        return "the name of its hasher or variant is too long"
    if kind.name == "vpdq":
        return _why_frames_are_refused(signal.frames, signal.bits, minimum_quality)
    return _SAYS_NOTHING.get((signal.type, signal.bits))


def _why_frames_are_refused(frames: FrameList | None, bits: bytes, minimum_quality: int) -> str | None:
    """Say why a bank does not take a video (rule 10); None when it does."""
    if frames is None:
        return "a vpdq signal without frames"
    if frames.digest() != bits:
        return "its bits are not the digest of its frames"
    malformed = why_frames_are_malformed(frames)
    if malformed is not None:
        return malformed
    if not usable_frames(frames, minimum_quality).any():
        return f"none of its frames has the bank's minimum quality of {minimum_quality}"
    return None


def why_frames_are_malformed(frames: FrameList) -> str | None:
    """Say why these cannot be the frames of any video; None when they can."""
    if len(frames) == 0:
        return "a vpdq signal without frames"
    if len(frames) > MOST_FRAMES:
        return f"it has more than {MOST_FRAMES:,} frames"
    if frames.qualities.max() > _MAXIMUM_QUALITY:
        return "the quality of a frame is not between 0 and 100"
    if not are_in_order(frames):
        return "its frames are not in the order of their times"
    return None


def why_attributes_are_refused(attributes: Attributes, now: datetime) -> str | None:
    """Say why what is said about a signal cannot be stored (rule 6); None when it can."""
    if attributes.added_at is not None and attributes.added_at > now:
        return "it was added in the future"
    for name, width in _WIDTHS.items():
        value: str | None = getattr(attributes, name)
        if value is None:
            continue
        if len(value) > width:
            return f"its {name} is longer than {width} characters"
        if not value.isprintable() and (_CONTROL.search(value) or not _is_unicode(value)):
            return f"its {name} holds a control character"
    if not attributes.provenance:
        return "its provenance is empty"
    return None


def _is_unicode(text: str) -> bool:
    """Tell whether the text can be written as UTF-8 (JSON can smuggle in half a surrogate pair)."""
    return not any("\ud800" <= character <= "\udfff" for character in text)


def is_looked_up(signal: Signal, bank: Bank) -> bool:
    """Tell whether a signal of some media is looked up in a bank (rule 7).

    Of a video's frames those are looked up that reach the minimum quality: see `usable_frames`.
    """
    kind = SIGNAL_TYPES.get(signal.type)
    if kind is None or len(signal.bits) != kind.size_bytes or (signal.type == "vpdq" and signal.frames is None):
        return False
    if LEVELS.index(signal.level) > LEVELS.index(bank.level):
        return False
    return not kind.is_perceptual or signal.quality is None or signal.quality >= bank.minimum_quality


def nearness(match: Match) -> tuple[int, str, int]:
    """Return the key that sorts matches (rule 9)."""
    return (match.distance, match.bank, match.entry)
