"""What one list holds: made-up entries by their numbers, what was changed on top of them, and votes."""

from __future__ import annotations

import hashlib
from bisect import bisect_right
from dataclasses import dataclass, replace
from math import gcd
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from hedgerow.simulators.ncmec_hashes.generated import Generated
    from hedgerow.simulators.ncmec_hashes.model import Entry, Key, Vote

__all__ = ["Holdings", "Window"]

_GOLDEN = 0.618_033_988_75  # steps by the golden ratio leave the widest gaps: neighbours in time lie pages apart


@dataclass(frozen=True, slots=True)
class Window:
    """The entries of a list whose timestamps lie in (after, until], shuffled.

    The changed ones come first, by a hash of their keys; then the generated ones, by a step that is coprime with
    their number, so that any page of millions is had without sorting them.

    Attributes:
        after_s: Seconds since 1970.
        until_s: Seconds since 1970.
        changed: Keys of those that were changed.
        numbers: Of generated ones, in time's order.
        step: From one place to the next, in ``numbers``.
        gaps: Places of ``numbers`` that are not there any more, because they were changed; ascending.
    """

    after_s: int
    until_s: int
    changed: tuple[Key, ...]
    numbers: range
    step: int
    gaps: tuple[int, ...]

    @property
    def count(self) -> int:
        """How many there are."""
        return len(self.changed) + len(self.numbers) - len(self.gaps)

    def part(self, start: int, size: int) -> Iterator[Key | int]:
        """Return ``size`` of them from the ``start``-th, which is counted from 0."""
        yield from self.changed[start : start + size]
        first = max(start - len(self.changed), 0)
        left = min(start + size, self.count) - max(start, len(self.changed))
        if left <= 0:
            return
        # The first-th that is there: as many places further as there are gaps before it.
        place = first + bisect_right([gap - before for before, gap in enumerate(self.gaps)], first)
        gaps, total = frozenset(self.gaps), len(self.numbers)
        while left:
            if place not in gaps:
                yield self.numbers[place * self.step % total]
                left -= 1
            place += 1

    def place_of(self, number: int) -> int:
        """Return the place of a generated entry."""
        return self.numbers.index(number) * pow(self.step, -1, len(self.numbers)) % len(self.numbers)


class Holdings:
    """What one list holds.

    Args:
        environment: The list.
        members: Its members, with their names.
        generated: What it begins with.
    """

    def __init__(self, environment: str, members: Mapping[int, str], generated: Generated) -> None:
        self.environment = environment
        self.members = members
        self.generated = generated
        self.spoiled: set[Key] = set()
        self.special: set[int] = set()
        """Numbers of generated entries that were changed, voted about or spoiled: they are written one by one."""
        self._entries: dict[Key, Entry] = {}
        self._before: dict[Key, Entry] = {}
        self._votes: dict[Key, dict[tuple[str, int], Vote]] = {}
        self._replaced: set[int] = set()
        self._windows: dict[tuple[int, int], Window] = {}

    def key_of(self, place: Key | int) -> Key:
        """Return the key of what stands at a place of a window: a key already, or a generated entry's number."""
        return self.generated.key(place) if isinstance(place, int) else place

    def entry(self, key: Key) -> Entry | None:
        """Return an entry as it is now, a tombstone too; None where there never was one."""
        found = self._entries.get(key)
        if found is None:
            number = self.generated.number_of(*key)
            return None if number is None else self.generated.entry(number)
        return found

    def put(self, entry: Entry) -> None:
        """Let an entry be this from now on."""
        known = self.entry(entry.key)
        if known is not None and not known.is_deleted:
            self._before[entry.key] = known
        self._entries[entry.key] = entry
        number = self._mark(entry.key)
        if number is not None:
            self._replaced.add(number)
        self._windows.clear()

    def before(self, key: Key) -> Entry | None:
        """Return what an entry was before its last change or deletion."""
        return self._before.get(key)

    def _mark(self, key: Key) -> int | None:
        number = self.generated.number_of(*key)
        if number is not None:
            self.special.add(number)
        return number

    def spoil(self, key: Key) -> None:
        """Let every page that an entry stands on be no XML."""
        self._mark(key)
        self.spoiled.add(key)

    # ── votes ──

    def vote(self, vote: Vote) -> None:
        """Remember a vote; it replaces the voter's last one about that fingerprint."""
        key = (vote.member, vote.id)
        self._mark(key)
        votes = self._votes.setdefault(key, {})
        last = votes.get((vote.element, vote.voter))
        votes[vote.element, vote.voter] = vote if last is None else replace(vote, times=last.times + 1)

    def votes(self, key: Key) -> list[Vote]:
        """Return the votes about an entry, as they came."""
        return list(self._votes.get(key, {}).values())

    def all_votes(self) -> list[Vote]:
        """Return all votes."""
        return [vote for votes in self._votes.values() for vote in votes.values()]

    # ── windows ──

    def window(self, after_s: int, until_s: int) -> Window:
        """Return the entries of a window as they are now. It is kept until something changes."""
        found = self._windows.get((after_s, until_s))
        if found is not None:
            return found
        order = f"{after_s}/{until_s}/"
        changed = sorted(
            (key for key, entry in self._entries.items() if after_s < entry.timestamp_s <= until_s),
            key=lambda key: hashlib.blake2b(f"{order}{key[0]}/{key[1]}".encode(), digest_size=8).digest(),
        )
        numbers = self.generated.between(after_s, until_s)
        window = Window(after_s, until_s, tuple(changed), numbers, _step(len(numbers)), ())
        gaps = sorted(window.place_of(number) for number in self._replaced if number in numbers)
        window = self._windows[after_s, until_s] = replace(window, gaps=tuple(gaps))
        return window

    def entries(self) -> Iterator[Entry]:
        """Return every entry as it is now, tombstones too."""
        yield from self._entries.values()
        for number in range(self.generated.count):
            if number not in self._replaced:
                yield self.generated.entry(number)

    def __len__(self) -> int:
        return len(self._entries) + self.generated.count - len(self._replaced)

    def shown(self, first: int, last: int) -> Iterator[Entry]:
        """Return some of the entries for people: the changed ones first, the newest of them foremost."""
        changed = list(self._entries.values())[::-1]
        yield from changed[first:last]
        window = Window(0, 0, (), range(self.generated.count), 1, tuple(sorted(self._replaced)))
        start = max(first - len(changed), 0)
        for number in window.part(start, max(last - len(changed) - start, 0)):
            if isinstance(number, int):  # for the type checker: this window has no changed ones
                yield self.generated.entry(number)


def _step(total: int) -> int:
    """Return a step that goes through every place once."""
    step = max(int(total * _GOLDEN), 1)
    while gcd(step, total) != 1 and total > 1:
        step += 1
    return step
