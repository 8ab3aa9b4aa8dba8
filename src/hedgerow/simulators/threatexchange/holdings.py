"""What the exchange remembers, in memory: indicators, descriptors, groups, and the order of each group's updates."""

from __future__ import annotations

import hashlib
from bisect import bisect_left, bisect_right
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

from hedgerow.simulators.threatexchange.model import INDICATOR_TYPES, TOMBSTONE_LIFE, Descriptor, Indicator, Place

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from datetime import datetime

__all__ = ["Group", "Holdings", "is_told"]

# Sixteen digits, as the real numbers have, and each kind easy to tell from the others.
_FIRST_INDICATOR: Final = 3_000_000_000_000_001
_FIRST_DESCRIPTOR: Final = 4_000_000_000_000_001
_FIRST_TAG: Final = 9_000_000_000_000_001
_SPARE_LINES: Final = 1_000
"""Lines of a group's log that nothing stands on any more, before they are cleared away."""


@dataclass(slots=True, eq=False)
class Group:
    """A privacy group, and the order of what changed in it.

    Attributes:
        id: Its number, as text.
        name: What it is called.
        owner: The app that made it.
        members: The apps in it, its owner too.
        is_enabled: Whether its updates can be read.
        added_on: In seconds since 1970.
        places: Number of an indicator → where it stands.
    """

    id: str
    name: str
    owner: str
    members: frozenset[str]
    is_enabled: bool = True
    added_on: int = 0
    places: dict[str, Place] = field(default_factory=dict)
    _log: list[tuple[int, int, str]] = field(default_factory=list)  # sequence, time, indicator; both rise

    def put(self, indicator: str, sequence: int, at: int, *, is_gone: bool) -> None:
        """Move an indicator to the end."""
        self.places[indicator] = Place(sequence, at, is_gone)
        self._log.append((sequence, at, indicator))
        if len(self._log) > 2 * len(self.places) + _SPARE_LINES:
            self._log = [line for line in self._log if self.places[line[2]].sequence == line[0]]

    def after(self, sequence: int, start: int, stop: int | None) -> Iterator[tuple[str, Place]]:
        """Yield what stands after a place and changed in ``[start, stop)``, in order."""
        first = bisect_right(self._log, sequence, key=lambda line: line[0])
        first = max(first, bisect_left(self._log, start, key=lambda line: line[1]))
        for at in range(first, len(self._log)):
            number, moment, indicator = self._log[at]
            if stop is not None and moment >= stop:
                return
            place = self.places[indicator]
            if place.sequence == number:
                yield indicator, place


class Holdings:
    """All that the exchange holds.

    Time never goes back: what is changed at an earlier moment than the last change is taken to be changed then.

    Args:
        seed: Other seeds make other signals.
    """

    def __init__(self, seed: int = 0) -> None:
        self.indicators: dict[str, Indicator] = {}
        self.descriptors: dict[str, Descriptor] = {}
        self.groups: dict[str, Group] = {}
        self.tags: dict[str, str] = {}
        self._by_value: dict[tuple[str, str], str] = {}
        self._seed = seed
        self._made = 0
        self._sequence = 0
        self._descriptors_made = 0
        self._latest = 0

    # ── finding ──

    def groups_of(self, app: str) -> frozenset[str]:
        """Return the groups that an app is a member of."""
        return frozenset(each.id for each in self.groups.values() if app in each.members)

    def shown(self, indicator: Indicator, group: str) -> list[Descriptor]:
        """Return what is said about an indicator in a group, by age; nothing where it is hidden."""
        if indicator.hidden:
            return []
        return [each for each in indicator.descriptors.values() if group in each.groups]

    def live(self, group: Group) -> list[Indicator]:
        """Return the indicators that a group has, in the order of their last change."""
        found = sorted((place.sequence, number) for number, place in group.places.items() if not place.is_gone)
        return [self.indicators[number] for _, number in found]

    def new_value(self, kind: str) -> str:
        """Make a signal that nobody has, from nothing but a number."""
        self._made += 1
        made = hashlib.sha256(f"{self._seed}:{kind}:{self._made}".encode()).hexdigest()
        characters = INDICATOR_TYPES.get(kind)
        return f"made up {made}" if characters is None else made[:characters]

    # ── changing ──

    def indicator(self, kind: str, value: str, now: datetime) -> Indicator:
        """Return the indicator of a signal, which is made where there is none."""
        known = self._by_value.get((kind, value))
        if known is not None:
            return self.indicators[known]
        at = self._moment(now)
        made = Indicator(str(_FIRST_INDICATOR + len(self.indicators)), kind, value, at, at)
        self.indicators[made.id] = made
        self._by_value[kind, value] = made.id
        return made

    def say(self, indicator: Indicator, owner: str, changes: Mapping[str, Any], now: datetime) -> Descriptor:
        """Let an app say something about an indicator, or something else than before.

        Args:
            indicator: What it is about.
            owner: The app.
            changes: Attributes of `Descriptor` → values.
            now: The simulator's time.
        """
        at = self._moment(now)
        descriptor = indicator.descriptors.get(owner)
        if descriptor is None:
            number = str(_FIRST_DESCRIPTOR + self._descriptors_made)
            self._descriptors_made += 1
            descriptor = Descriptor(number, owner, indicator.id, added_on=at)
            indicator.descriptors[owner] = self.descriptors[number] = descriptor
        before = descriptor.tags
        for name, value in changes.items():
            setattr(descriptor, name, value)
        if descriptor.tags != before:
            # "If the owner of the object changes the tags, this reaction will automatically be removed."
            descriptor.reactions.pop("DISAGREE_WITH_TAGS", None)
        for text in descriptor.tags:
            self.tags.setdefault(text, str(_FIRST_TAG + len(self.tags)))
        descriptor.last_updated = at
        descriptor.is_ownerless = False
        self.touch(indicator, now)
        return descriptor

    def unsay(self, descriptor: Descriptor, now: datetime) -> None:
        """Let an app take back what it said."""
        indicator = self.indicators[descriptor.indicator]
        del indicator.descriptors[descriptor.owner]
        del self.descriptors[descriptor.id]
        self.touch(indicator, now)

    def react(self, descriptor: Descriptor, app: str, reaction: str, now: datetime, *, remove: bool = False) -> None:
        """Let an app react, or take its reaction back."""
        apps = descriptor.reactions.setdefault(reaction, set())
        if remove:
            apps.discard(app)
        else:
            apps.add(app)
        if not apps:
            del descriptor.reactions[reaction]
        self.touch(self.indicators[descriptor.indicator], now)

    def touch(self, indicator: Indicator, now: datetime, hidden: str = "") -> None:
        """Move an indicator to the end of the updates of every group that has it, or had it until now.

        Args:
            indicator: Which.
            now: The simulator's time.
            hidden: How its descriptors are left out from now on; they are shown where it does not say.
        """
        at = self._moment(now)
        indicator.last_updated = at
        indicator.hidden = hidden
        sharing = frozenset(group for each in indicator.descriptors.values() for group in each.groups)
        for group in self.groups.values():
            place = group.places.get(indicator.id)
            has = group.id in sharing
            if not has and (place is None or place.is_gone):
                continue
            self._sequence += 1
            group.put(indicator.id, self._sequence, at, is_gone=not has)

    def _moment(self, now: datetime) -> int:
        self._latest = max(self._latest, int(now.timestamp()))
        return self._latest


def is_told(place: Place, now: datetime) -> bool:
    """Say whether a place is still among the updates: a deletion is told for 90 days."""
    return not place.is_gone or now.timestamp() - place.last_updated <= TOMBSTONE_LIFE.total_seconds()
