"""A partner that is played in memory, to try out what becomes of what partners say."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from hedgerow.errors import CheckpointStale, PageUnreadable, PartnerUnavailable
from hedgerow.exchanges.model import Page, Record, Withdrawal
from hedgerow.hashing.signal import Signal

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from hedgerow.exchanges.model import Field, Place, Saying, Sayings, Session

__all__ = ["Killed", "Scripted", "World", "signal_of"]


class Killed(BaseException):
    """The process dies here."""


def signal_of(number: int, kind: str = "md5") -> Signal:
    digest = hashlib.sha256(f"{kind}{number}".encode()).digest()
    return Signal(kind, digest[: 16 if kind == "md5" else 32])


@dataclass
class World:
    """A partner's set with its history: each change has a number; a key's latest change counts.

    Attributes:
        held: The records that it has now.
        changed: The number of each key's latest change, of what it withdrew too.
        number: Of the latest change.
        oldest: Checkpoints before this one are stale.
        said: Every opinion that was sent to it.
        troubles: What happens at the next calls, in their order; None for nothing.
    """

    held: dict[str, Record] = field(default_factory=dict)
    changed: dict[str, int] = field(default_factory=dict)
    number: int = 0
    oldest: int = 0
    said: list[Saying] = field(default_factory=list)
    troubles: list[str | None] = field(default_factory=list)
    given: list[dict[str, Any]] = field(default_factory=list)

    def put(self, key: str, *signals: int, category: str | None = None, kind: str = "md5", **more: Any) -> None:
        self.number += 1
        self.held[key] = Record(
            key,
            tuple((kind.upper(), signal_of(each, kind)) for each in signals),
            category=category,
            contributor=key.split("/", maxsplit=1)[0],
            **more,
        )
        self.changed[key] = self.number

    def drop(self, key: str) -> None:
        if key in self.held:
            self.number += 1
            del self.held[key]
            self.changed[key] = self.number

    def forget(self, key: str) -> None:
        """Lose a record without a word: only a walk can find that out."""
        self.held.pop(key, None)
        self.changed.pop(key, None)


class Scripted:
    """The adapter of a `World`: checkpoints are numbers of changes; a page has three items."""

    name = "scripted"
    title = "A scripted partner"
    config_fields: tuple[Field, ...] = ()
    credential_fields: tuple[Field, ...] | None = None
    fetch_every_s = 600.0

    def __init__(self, world: World, *, is_whole: bool = False, opinions: frozenset[Sayings] = frozenset()) -> None:
        self.world = world
        self.is_whole = is_whole
        self.opinions = opinions

    def check(self, config: Mapping[str, Any]) -> None:
        pass

    def place(self, config: Mapping[str, Any]) -> Place | None:  # noqa: ARG002  (the protocol's)
        return None

    def pages(self, session: Session, checkpoint: Mapping[str, Any] | None) -> Iterator[Page]:  # noqa: ARG002  (as above)
        after = 0 if checkpoint is None or self.is_whole else checkpoint["after"]
        if checkpoint is not None and not self.is_whole and after < self.world.oldest:
            raise CheckpointStale("it is too old")
        while True:
            trouble = self.world.troubles.pop(0) if self.world.troubles else None
            if trouble == "kill":
                raise Killed
            if trouble == "away":
                raise PartnerUnavailable("connect timeout")
            if trouble == "unreadable":
                raise PageUnreadable("half a page", f"after {after}", skip="one change", skip_to={"after": after + 1})
            later = sorted((number, key) for key, number in self.world.changed.items() if number > after)
            items = tuple(self._item(key) for _, key in later[:3] if not self.is_whole or key in self.world.held)
            after = later[2][0] if len(later) > 3 else self.world.number
            point = {"after": after}
            self.world.given.append(point)
            yield Page(items, point, is_end=len(later) <= 3)
            if len(later) <= 3:
                return

    def _item(self, key: str) -> Record | Withdrawal:
        return self.world.held[key] if key in self.world.held else Withdrawal(key)

    def send(self, session: Session, said: Saying) -> None:  # noqa: ARG002  (as above)
        self.world.said.append(said)
