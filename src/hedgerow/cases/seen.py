"""Whether somebody has seen a media in full: what a report may say of it. Nothing here knows a database or a clock.

18 U.S.C. 2258A reports state whether the provider viewed the entire contents of a file. That is a statement of fact, so
it is derived from what was recorded while somebody looked, and nothing else.
"""

from __future__ import annotations

from itertools import groupby
from typing import TYPE_CHECKING, Final

from hedgerow.cases.model import Form
from hedgerow.errors import InvalidView

if TYPE_CHECKING:
    from collections.abc import Iterable

    from hedgerow.cases.model import MediaFacts, NewView

__all__ = [
    "FASTEST_PLAY",
    "SHORTEST_LOOK_S",
    "check_view",
    "played",
    "share_seen",
    "was_exif_viewed",
    "was_viewed_in_full",
]

SHORTEST_LOOK_S: Final = 1.0
"""Review.md §6, 2: the entire picture, unfiltered, for at least a second."""

FASTEST_PLAY: Final = 2.0
"""A judgement: at twice the speed one still sees every second. Intervals that would need more were not played."""

_GAP_S = 0.1
"""Players report what was played with a frame more or less at each end: two frames of 24 a second are 0.083 s."""

_MOST_INTERVALS = 1000
_LONGEST_S = 24 * 3600.0


def check_view(view: NewView) -> None:
    """Raise InvalidView for what cannot have happened."""
    if not 0 <= view.seconds <= _LONGEST_S:
        raise InvalidView("it lasted less than nothing, or more than a day")
    if view.intervals and view.form is not Form.FULL:
        raise InvalidView("only the full form is played")
    if len(view.intervals) > _MOST_INTERVALS:
        raise InvalidView(f"it has more than {_MOST_INTERVALS} stretches")
    if not all(0 <= begin <= end <= _LONGEST_S for begin, end in view.intervals):
        raise InvalidView("a stretch ends before it begins")
    if sum(end - begin for begin, end in view.intervals) > view.seconds * FASTEST_PLAY + _GAP_S:
        raise InvalidView("more was played than there was time for")


def played(views: Iterable[NewView]) -> list[tuple[float, float]]:
    """Join the stretches that were played in full form, in order; a gap of a frame or two is none.

    >>> from datetime import UTC, datetime
    >>> from hedgerow.cases.model import NewView
    >>> at = datetime(2026, 11, 22, tzinfo=UTC)
    >>> played([NewView(1, 1, 1, Form.FULL, at, 9, ((4.0, 6.0), (0.0, 4.05)))])
    [(0.0, 6.0)]
    """
    joined: list[tuple[float, float]] = []
    for begin, end in sorted(each for view in views if view.form is Form.FULL for each in view.intervals):
        if joined and begin <= joined[-1][1] + _GAP_S:
            joined[-1] = (joined[-1][0], max(joined[-1][1], end))
        else:
            joined.append((begin, end))
    return joined


def was_viewed_in_full(views: Iterable[NewView], media: MediaFacts) -> bool:
    """Tell whether any one person has seen all of a media: what two people saw of it does not add up.

    Args:
        views: All views of one submission.
        media: What it is.
    """
    by_user = sorted(views, key=lambda each: each.user_id)
    return any(_saw_all(list(own), media) for _, own in groupby(by_user, key=lambda each: each.user_id))


def _saw_all(views: list[NewView], media: MediaFacts) -> bool:
    if media.duration_s is None:
        return any(each.form is Form.FULL and each.is_entire and each.seconds >= SHORTEST_LOOK_S for each in views)
    stretches = played(each for each in views if each.is_entire)
    return (
        len(stretches) == 1
        and stretches[0][0] <= _GAP_S
        and stretches[0][1] >= media.duration_s - _GAP_S
        # What is shorter than the tolerance has to be shown too.
        and stretches[0][1] > stretches[0][0]
    )


def share_seen(view: NewView, media: MediaFacts) -> float:
    """Return how much of a media one view shows, 0 to 1."""
    if view.form is not Form.FULL:
        return 0.0
    if media.duration_s is None:
        return 1.0 if view.is_entire else 0.0
    if media.duration_s <= 0:
        return 0.0
    seen = sum(min(end, media.duration_s) - min(begin, media.duration_s) for begin, end in played([view]))
    return min(seen / media.duration_s, 1.0)


def was_exif_viewed(views: Iterable[NewView]) -> bool:
    """Tell whether anybody has opened the panel with what the file says about itself."""
    return any(each.form is Form.EXIF for each in views)
