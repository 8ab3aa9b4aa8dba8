"""How the figures of a match are said to a person: times, shares, odds.

Everything here turns numbers into a few words, for the report and for the terminal alike. Rounding goes to the careful
side: "all" is said only of the whole.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from hedgerow.banks.model import Match

__all__ = [
    "briefly_where",
    "chance_in_words",
    "clock",
    "how_in_words",
    "share_in_words",
    "speed_in_words",
    "stretch",
    "where_in_words",
]

# Below this many seconds tenths are worth reading.
_TENTHS_BELOW_S = 10

# A share from here on is the whole, for a person (a list of frames knows its ends to about a frame).
_WHOLE = 0.995

# Playing that much faster or slower is what a person might notice, and more than the times of frames can err.
_SPEED_NOTICED = 0.02

# Whole seconds are counted from so few to so many; otherwise a percentage says more.
_FEWEST_COUNTED_S = 3
_MOST_COUNTED_S = 120

# Odds are an estimate: one digit of them is all that it carries, and beyond this they are only said to be small.
_SMALLEST_CHANCE = 1e-12
_SCALES = ((1e12, "trillion"), (1e9, "billion"), (1e6, "million"))


def clock(seconds: float, *, tenths: bool = False) -> str:
    """Write a moment as a player shows it.

    >>> clock(62.4), clock(3723), clock(1.26, tenths=True)
    ('1:02', '1:02:03', '0:01.3')
    """
    total = max(0.0, seconds)
    units = round(total * 10) if tenths else round(total) * 10
    whole, rest = divmod(units, 10)
    minutes, second = divmod(whole, 60)
    hours, minute = divmod(minutes, 60)
    end = f".{rest}" if tenths else ""
    return f"{hours}:{minute:02}:{second:02}{end}" if hours else f"{minute}:{second:02}{end}"


def stretch(from_s: float, to_s: float) -> str:
    """Write a stretch of time; a short one with tenths of a second.

    >>> stretch(62, 72), stretch(1.2, 3.6)
    ('1:02 to 1:12', '0:01.2 to 0:03.6')
    """
    is_short = to_s - from_s < _TENTHS_BELOW_S
    return f"{clock(from_s, tenths=is_short)} to {clock(to_s, tenths=is_short)}"


def share_in_words(share: float, duration_s: float | None = None) -> str:
    """Say how much of a clip is meant.

    Args:
        share: 0 to 1.
        duration_s: How long the clip is; None where that is not known, or where seconds would say little.

    >>> share_in_words(0.9, 10.0), share_in_words(1.0, 10.0), share_in_words(0.42), share_in_words(0.999)
    ('9 of 10 seconds', 'all 10 seconds', '42 %', 'the whole')
    """
    total = round(duration_s) if duration_s is not None else 0
    is_countable = _FEWEST_COUNTED_S <= total < _MOST_COUNTED_S
    if share >= _WHOLE:
        return f"all {total} seconds" if is_countable else "the whole"
    covered = min(round(share * total), total - 1)
    if is_countable and covered > 0:
        return f"{covered} of {total} seconds"
    percent = min(99, round(share * 100))
    return f"{percent} %" if percent else "less than 1 %"


def where_in_words(match: Match) -> str:
    """Say where in a video a match lies, and how much of a known clip is there: one sentence without its end.

    It is empty for a picture's match with a picture.
    """
    if not match.segments:
        return _moment(match)
    share = share_in_words(match.known_share or 0.0, match.known_duration_s)
    are = "are" if share.endswith("seconds") and not share.startswith("1 of ") else "is"
    return _sentence(f"{share} of the known clip {are} in this file, {_place(match)}")


def briefly_where(match: Match) -> str:
    """Say the same in a few words, for one line or a cell."""
    if not match.segments:
        return _moment(match)
    return f"{share_in_words(match.known_share or 0.0, match.known_duration_s)}, {_place(match)}"


def _place(match: Match) -> str:
    first = min(segment.query_from_s for segment in match.segments)
    last = max(segment.query_to_s for segment in match.segments)
    if len(match.segments) == 1:
        return f"from {stretch(first, last)}"
    return f"in {len(match.segments)} stretches between {clock(first)} and {clock(last)}"


def _moment(match: Match) -> str:
    if match.query_time_s is not None and not match.variant.startswith("frame at "):  # which says it already
        return f"shown at {clock(match.query_time_s)}"
    if match.known_time_s is not None:
        return f"in the known clip at {clock(match.known_time_s)}"
    return ""


def how_in_words(match: Match) -> list[str]:
    """Say what else there is to know of a known clip in a file: one sentence each, without its end."""
    said = []
    if match.query_share is not None:
        said.append(_sentence(f"{share_in_words(match.query_share)} of this file is the known clip"))
    speeds = sorted({speed_in_words(segment.speed) for segment in match.segments} - {""})
    if speeds:
        said.append(f"It plays {' and '.join(speeds)}")
    return said


def _sentence(text: str) -> str:
    return text[:1].upper() + text[1:]


def speed_in_words(speed: float) -> str:
    """Say how fast a stretch plays in the file, where that differs from the known clip; else nothing.

    >>> speed_in_words(1.0), speed_in_words(1.1)
    ('', '1.10 times as fast')
    """
    return "" if abs(speed - 1) < _SPEED_NOTICED else f"{speed:.2f} times as fast"


def chance_in_words(probability: float) -> str:
    """Say how likely a match is by chance alone, to one digit.

    >>> chance_in_words(2.6e-8), chance_in_words(0.00031), chance_in_words(0.3), chance_in_words(1e-15)
    ('about 1 in 40 million', 'about 1 in 3,000', 'about 1 in 3', 'less than 1 in 1 trillion')
    >>> chance_in_words(0.7)
    'more likely than not'
    """
    if probability >= 0.5:  # noqa: PLR2004  (half)
        return "more likely than not"
    if probability < _SMALLEST_CHANCE:
        return "less than 1 in 1 trillion"
    odds = 1 / probability
    power = 10 ** math.floor(math.log10(odds))
    rounded = round(odds / power) * power
    for scale, name in _SCALES:
        if rounded >= scale:
            return f"about 1 in {rounded / scale:,.0f} {name}"
    return f"about 1 in {max(2, round(rounded)):,}"
