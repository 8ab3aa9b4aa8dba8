"""Where a walk through NCMEC Hash Sharing stands, and where it goes on. Nothing here knows a network.

The rules:

1. A window is a span of time, its beginning excluded, its end included. Its end is fixed when it is opened, some
   seconds before now: a time to come is never asked for. All its pages are walked through before another is opened.
2. The address of a next page belongs to its window and is kept with it. One that is old, is refused, or leads to an
   empty page though more was promised, is dropped, and the same window is walked through anew: an entry shows its
   latest state, and to take it in again changes nothing.
3. Entries come in no order of time. No time of an entry moves a window; only the end of its last page does.
4. An entry that changes during the walk leaves the window, and those behind it move up: one of them may be skipped. The
   window has fewer entries then than were promised, and is walked through anew. One that twice has the same number
   promises roughly, and is believed.
5. A window that fails again, or that holds too many entries, is opened again half as wide; after one that succeeds
   with few entries the next is twice as wide. So a second that cannot be read is left alone with itself.
6. The last window reaches to now. The next begins a minute before its end, and before the partner's own clock: what was
   being written then, or is written by a clock behind ours, must not fall between the two.
7. The set is whole when a window has reached now. After one that took long another follows at once.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any, Final

from hedgerow.exchanges.partners.ncmec_wire import read_time

if TYPE_CHECKING:
    from collections.abc import Mapping

    from hedgerow.exchanges.partners.ncmec_wire import EntriesPage, Paging

__all__ = ["BEGINNING", "Mark", "Stuck", "in_words", "written"]

BEGINNING: Final = datetime(1970, 1, 1, tzinfo=UTC)

_SETTLING: Final = timedelta(seconds=5)
"""So far before now a window ends at most. The released client takes the same."""
_OVERLAP: Final = timedelta(seconds=60)
_LONG: Final = timedelta(seconds=60)
"""A window of several pages that took longer than this is followed by another at once."""
_SECOND: Final = timedelta(seconds=1)
_MOST_TRIES: Final = 5
"""Of a window of one second."""
_FEW: Final = 4
"""A window with fewer than this part of the most entries makes the next one wider."""
_VERSION: Final = 1


class Stuck(Exception):
    """A window of one second does not come to its end."""


def written(at: datetime) -> str:
    """Write a time as queries have it, whatever zone this machine is in.

    >>> written(BEGINNING)
    '1970-01-01T00:00:00Z'
    """
    return f"{at.astimezone(UTC):%Y-%m-%dT%H:%M:%S}Z"


def in_words(at: datetime) -> str:
    """Write a time as people read it."""
    return "the beginning" if at <= BEGINNING else f"{at.astimezone(UTC):%Y-%m-%d %H:%M:%S} UTC"


@dataclass(frozen=True, slots=True)
class Mark:
    """Where we are.

    Attributes:
        start: The window's beginning, excluded.
        end: Its end, included; None where it is not opened yet.
        next: The address of its next page; None where it begins.
        obtained_at: When we got that.
        whole_at: Until when we had all that there was; during the first walk, when that began.
        of: Which list is walked through, and what is taken of it.
        seen: How many entries of the window came.
        promised: How many it had at most, as its addresses said; 0 where they said nothing.
        reach: What the partner's clock said when the window was begun; None where it said nothing.
        widest_s: How many seconds a window has at most; None where it reaches to now.
        tries: How often this window failed.
        before: What `seen` and `promised` came to when it was last walked through; None where it never was.
        is_exact: Whether what is promised is believed to the last entry.
        left_out: The end of what a person skipped last; no overlap goes back over it.
    """

    start: datetime
    whole_at: datetime
    of: str
    end: datetime | None = None
    next: str | None = field(default=None, repr=False)
    obtained_at: datetime | None = None
    seen: int = 0
    promised: int = 0
    reach: datetime | None = None
    widest_s: int | None = None
    tries: int = 0
    before: tuple[int, int] | None = None
    is_exact: bool = True
    left_out: datetime | None = None

    # ── as a checkpoint ──────────────────────────────────────────────────────────────────────────────────────────

    def as_json(self) -> dict[str, Any]:
        """Return it as a checkpoint: the window with all that belongs to it, as one."""
        return {
            "version": _VERSION,
            "from": written(self.start),
            "to": None if self.end is None else written(self.end),
            "next": self.next,
            "obtained_at": None if self.obtained_at is None else written(self.obtained_at),
            "whole_at": written(self.whole_at),
            "of": self.of,
            "seen": self.seen,
            "promised": self.promised,
            "reach": None if self.reach is None else written(self.reach),
            "widest_s": self.widest_s,
            "tries": self.tries,
            "before": None if self.before is None else list(self.before),
            "is_exact": self.is_exact,
            "left_out": None if self.left_out is None else written(self.left_out),
        }

    @classmethod
    def from_json(cls, said: Mapping[str, Any]) -> Mark:
        """Read a checkpoint; ValueError where it is none of ours."""
        try:
            if said["version"] != _VERSION:
                raise ValueError("of another version")
            start, whole_at = _read(said["from"]), _read(said["whole_at"])
            if start is None or whole_at is None:
                raise ValueError("without a time")
            before = said["before"]
            return cls(
                start,
                whole_at,
                said["of"],
                end=_read(said["to"]),
                next=said["next"],
                obtained_at=_read(said["obtained_at"]),
                seen=said["seen"],
                promised=said["promised"],
                reach=_read(said["reach"]),
                widest_s=said["widest_s"],
                tries=said["tries"],
                before=None if before is None else (before[0], before[1]),
                is_exact=said["is_exact"],
                left_out=_read(said.get("left_out")),
            )
        except (KeyError, TypeError, IndexError, AttributeError) as error:
            raise ValueError("incomplete") from error

    # ── before a call ────────────────────────────────────────────────────────────────────────────────────────────

    @property
    def span_s(self) -> int:
        """How many seconds the window has; 0 where it is not opened."""
        return 0 if self.end is None else int((self.end - self.start).total_seconds())

    def ready(self, now: datetime, next_life: timedelta) -> Mark:
        """Return where to go on: an opened window, and the address of its next page where that is good."""
        edge = now.astimezone(UTC).replace(microsecond=0) - _SETTLING
        mark = self
        if mark.end is not None and mark.end > now:  # our clock was put back
            mark = replace(mark.anew(), end=None)
        if mark.next is not None and (mark.obtained_at is None or now - mark.obtained_at > next_life):
            mark = mark.anew()
        if mark.end is not None:
            return mark
        start = mark.start if mark.start < edge else mark.before_now(edge)
        if start >= edge:  # nothing but what was skipped a moment ago
            start = edge - _SECOND
        end = edge if mark.widest_s is None else min(edge, start + timedelta(seconds=mark.widest_s))
        return replace(mark.anew(), start=start, end=end)

    # ── after a page ─────────────────────────────────────────────────────────────────────────────────────────────

    def after(self, page: EntriesPage, now: datetime, clock: datetime | None, most: int) -> tuple[Mark, bool]:
        """Return where we are after a page, and whether all there is was seen.

        Args:
            page: What it said.
            now: The time after it came.
            clock: What the partner's clock says.
            most: How many entries a window may have, unless it is but a second.

        Raises:
            Stuck: The window's end cannot be reached, and it cannot be made narrower.
        """
        mark = replace(self, seen=self.seen + page.count, reach=clock if self.next is None else self.reach)
        if page.paging is not None and page.paging.next != self.next:
            return mark.followed(page.paging, now, most), False
        leads_back = page.paging is not None
        is_tail_empty = page.count == 0 and self.next is not None
        is_short = mark.seen < mark.promised and (mark.is_exact or is_tail_empty)
        if leads_back or is_short:
            told = (mark.seen, mark.promised)
            if leads_back or is_tail_empty or mark.before != told:
                again = mark.failed()
                if again is None:
                    raise Stuck
                return replace(again, before=told if again.end is not None else None), False
            mark = replace(mark, is_exact=False)
        return mark.closed(now, most, is_long=self.next is not None)

    def followed(self, paging: Paging, now: datetime, most: int) -> Mark:
        """Return where we are when there is a next page."""
        promised = max(self.promised, self.seen + paging.left)
        if self.next is None and promised > most and self.span_s > 1:
            return replace(self.anew(), end=None, widest_s=self.span_s // 2, tries=0, before=None)
        # Where it counts no entries, but numbers of another kind, what is promised is a rough guess (confidence M).
        is_counting = paging.start is None or not paging.size or (paging.start - 1) % paging.size == 0
        return replace(
            self,
            next=paging.next,
            obtained_at=now.astimezone(UTC).replace(microsecond=0),
            promised=promised,
            is_exact=self.is_exact and is_counting,
        )

    def closed(self, now: datetime, most: int, *, is_long: bool) -> tuple[Mark, bool]:
        """Return the beginning of the next window, and whether all there is was seen."""
        assert self.end is not None  # noqa: S101  (for the type checker: what was not opened is not closed)
        reached = self.end if self.reach is None else min(self.end, self.reach)
        fresh = replace(self.anew(), end=None, tries=0, before=None)
        is_whole_width = self.widest_s is not None and self.span_s >= self.widest_s
        if is_whole_width and reached == self.end:
            wider = self.span_s * (2 if self.seen < most // _FEW else 1)
            return replace(fresh, start=self.end, widest_s=wider), False
        following = replace(fresh, start=self.before_now(reached), widest_s=None)
        if is_long and now - self.end > _SETTLING + _LONG:
            return following, False
        return replace(following, whole_at=now), True

    def before_now(self, at: datetime) -> datetime:
        """Return where a window begins so that it goes back over what may have been missed before a time."""
        return max(BEGINNING, at - _OVERLAP, self.left_out or BEGINNING)

    # ── when it fails ────────────────────────────────────────────────────────────────────────────────────────────

    def anew(self) -> Mark:
        """Return the beginning of the same window."""
        return replace(self, next=None, obtained_at=None, seen=0, promised=0, reach=None)

    def narrower(self) -> Mark | None:
        """Return the beginning of the first half of the window; None where it is but a second."""
        if self.span_s <= 1:
            return None
        return replace(self.anew(), end=None, widest_s=self.span_s // 2, tries=0, before=None)

    def failed(self) -> Mark | None:
        """Return where to try again; None where that was done often enough."""
        if self.tries == 0:
            return replace(self.anew(), tries=1)
        narrower = self.narrower()
        if narrower is not None:
            return narrower
        return replace(self.anew(), tries=self.tries + 1) if self.tries < _MOST_TRIES else None

    def behind(self) -> Mark:
        """Return the beginning of the window after this one."""
        start = self.end or self.start
        return replace(self.anew(), start=start, end=None, tries=0, before=None, left_out=start)


def _read(text: str | None) -> datetime | None:
    return None if text is None else read_time(text)
