"""A shared list, in memory: its entries in the order of their changes, and how it is restored."""

from __future__ import annotations

import hashlib
from bisect import bisect_right
from collections import deque
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Final

from hedgerow.simulators.feed.model import Cursor, FeedEntry

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from datetime import datetime

__all__ = ["SharedList"]

_CHARACTERS: Final[Mapping[str, int]] = {"pdq": 64, "sha256": 64, "sha1": 40, "md5": 32}
_SPARE_LINES: Final = 1_000
"""Lines of the log that no entry stands on any more, before they are cleared away."""
_MOST_STEPS: Final = 1_000
"""How many edits can be undone by a restore."""
_GAP: Final = 1_000
"""Numbers that no change has, between two epochs: a cursor from before is easy to tell."""


@dataclass(frozen=True, slots=True)
class _Step:
    """What an edit changed, so that it can be undone."""

    next_id: int
    before: tuple[tuple[int, FeedEntry | None], ...]


class SharedList:
    """A list that is shared.

    Time never goes back: what is changed at an earlier moment than the last change is taken to be changed then.

    Args:
        name: What it is called.
        note: What the other side says about it.
        may_redistribute: What is said of its entries, where a change does not say.
        seed: Other seeds make other signals and epochs.

    Attributes:
        name: As above.
        note: As above.
        may_redistribute: As above.
        epoch: The name of the time in which the numbers count.
    """

    def __init__(self, name: str, note: str = "", *, may_redistribute: bool = False, seed: int = 0) -> None:
        self.name = name
        self.note = note
        self.may_redistribute = may_redistribute
        self.epoch = ""
        self._seed = seed
        self._epochs = 0
        self._made = 0
        self._entries: dict[int, FeedEntry] = {}
        self._log: list[tuple[int, int]] = []  # change, entry; both as they came
        self._steps: deque[_Step] = deque(maxlen=_MOST_STEPS)
        self._next_id = 1
        self._next_change = 1
        self._first_change = 1
        self._began_at: datetime | None = None
        self._latest: datetime | None = None

    # ── reading ──

    def open(self, now: datetime) -> None:
        """Begin the first epoch, where none has begun."""
        if self._began_at is None:
            self.begin_epoch(now)

    def entry(self, number: int) -> FeedEntry | None:
        """Return an entry, deleted or not; None where there never was one."""
        return self._entries.get(number)

    def entries(self) -> list[FeedEntry]:
        """Return all entries, deleted ones too, in the order of their changes."""
        return sorted(self._entries.values(), key=lambda each: each.change)

    def start(self) -> Cursor:
        """Return the place before the first entry of this epoch."""
        assert self._began_at is not None  # noqa: S101  (for the type checker: open was called before)
        return Cursor(self._began_at, self._first_change - 1)

    def has(self, cursor: Cursor) -> bool:
        """Say whether a place is one of this epoch."""
        return self._first_change - 1 <= cursor.change < self._next_change

    def after(self, cursor: Cursor) -> Iterator[FeedEntry]:
        """Yield the entries whose last change comes after a place, in order."""
        for at in range(bisect_right(self._log, cursor.change, key=lambda line: line[0]), len(self._log)):
            change, number = self._log[at]
            entry = self._entries[number]
            if entry.change == change:
                yield entry

    # ── changing ──

    def create(self, said: Mapping[str, Any], count: int, now: datetime) -> list[int]:
        """Put entries in, with made-up signals where `said` has none; return their numbers."""
        numbers = range(self._next_id, self._next_id + count)
        self._remember(dict.fromkeys(numbers))
        self._next_id += count
        for number in numbers:
            self._put(self._fresh(number, said, now), now)
        return list(numbers)

    def update(self, number: int, said: Mapping[str, Any], now: datetime) -> None:
        """Change what an entry says, or only that it changed.

        Raises:
            ValueError: There is none, or it is deleted.
        """
        entry = self._live(number)
        self._remember({number: entry})
        self._put(replace(entry, **said), now)

    def delete(self, number: int, now: datetime) -> None:
        """Leave only the fact that an entry was there.

        Raises:
            ValueError: There is none, or it is deleted.
        """
        self._remember({number: self._live(number)})
        self._put(FeedEntry(number, 0, now, is_deleted=True), now)

    def recreate(self, number: int, said: Mapping[str, Any], now: datetime) -> None:
        """Put a deleted entry in again, under its number; with a made-up signal where `said` has none.

        Raises:
            ValueError: There is none, or it is not deleted.
        """
        entry = self._entries.get(number)
        if entry is None or not entry.is_deleted:
            raise ValueError("Only an entry that was deleted can come back.")
        self._remember({number: entry})
        self._put(self._fresh(number, said, now), now)

    def restore(self, steps: int, now: datetime) -> None:
        """Be as it was some edits ago, in a new epoch, as after a backup was brought back.

        Raises:
            ValueError: So many edits are not remembered.
        """
        if not 1 <= steps <= len(self._steps):
            raise ValueError(f"A restore goes back 1–{len(self._steps)} edits now.")
        for _ in range(steps):
            step = self._steps.pop()
            self._next_id = step.next_id
            for number, before in step.before:
                if before is None:
                    del self._entries[number]
                else:
                    self._entries[number] = before
        self.begin_epoch(now)

    def begin_epoch(self, now: datetime) -> None:
        """Begin another epoch with what the list holds: every entry has another number, above all that were given."""
        self._epochs += 1
        self.epoch = hashlib.sha256(f"{self._seed}:{self.name}:{self._epochs}".encode()).hexdigest()[:16]
        self._began_at = now
        if self._epochs > 1:
            self._next_change += _GAP
        self._first_change = self._next_change
        self._log = []
        # What a restore brought back may have numbers of an epoch before this one: the times decide.
        for entry in sorted(self._entries.values(), key=lambda each: (each.updated_at, each.change)):
            self._entries[entry.id] = replace(entry, change=self._next_change)
            self._log.append((self._next_change, entry.id))
            self._next_change += 1

    # ── parts ──

    def _live(self, number: int) -> FeedEntry:
        entry = self._entries.get(number)
        if entry is None or entry.is_deleted:
            raise ValueError("The list has no entry of this number.")
        return entry

    def _fresh(self, number: int, said: Mapping[str, Any], now: datetime) -> FeedEntry:
        kind = said.get("kind", "pdq")
        usual = FeedEntry(
            number, 0, now, is_deleted=False, kind=kind, may_redistribute=self.may_redistribute, added_at=now
        )
        return replace(usual, **{"value": said.get("value") or self._new_value(kind), **said})

    def _remember(self, before: Mapping[int, FeedEntry | None]) -> None:
        self._steps.append(_Step(self._next_id, tuple(before.items())))

    def _put(self, entry: FeedEntry, now: datetime) -> None:
        self._latest = now if self._latest is None else max(self._latest, now)
        self._entries[entry.id] = replace(entry, change=self._next_change, updated_at=self._latest)
        self._log.append((self._next_change, entry.id))
        self._next_change += 1
        if len(self._log) > 2 * len(self._entries) + _SPARE_LINES:
            self._log = [line for line in self._log if self._entries[line[1]].change == line[0]]

    def _new_value(self, kind: str) -> str:
        self._made += 1
        made = hashlib.sha256(f"{self._seed}:{self.name}:{kind}:{self._made}".encode()).hexdigest()
        return made[: _CHARACTERS.get(kind, len(made))]
