"""ThreatExchange as a world for the conformance suite, and what the other tests of its adapter share."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import httpx
from tests.exchanges.partners.mirror import open_session

from hedgerow.exchanges.http import Limits
from hedgerow.exchanges.model import Record, Saying, Sayings
from hedgerow.exchanges.partners.threatexchange import ThreatExchange
from hedgerow.simulators.stage import Simulator
from hedgerow.simulators.threatexchange import ThreatExchangePlay

if TYPE_CHECKING:
    from collections.abc import Collection, Hashable, Mapping, Sequence

    from hedgerow.exchanges.model import Session

__all__ = ["START", "World", "expected_of", "said_of"]

START = datetime(2026, 11, 22, 12, 0, 0, 250_000, tzinfo=UTC)
_RANKS = ("MALICIOUS", "SUSPICIOUS", "other", "UNKNOWN", "NON_MALICIOUS")
_NEXT = {"MALICIOUS": "SUSPICIOUS", "SUSPICIOUS": "NON_MALICIOUS", "NON_MALICIOUS": "UNKNOWN", "UNKNOWN": "MALICIOUS"}


def said_of(record: Record) -> tuple[tuple[str, str | None], str | None, bool]:
    """Return what of a record the simulator can confirm: type and value, category, and whether it is disputed."""
    held = [(kind, signal.value) for kind, signal in record.signals] + [(one.type, one.value) for one in record.opaque]
    assert len(held) == 1
    return held[0], record.category, record.is_disputed


def expected_of(play: ThreatExchangePlay) -> dict[str, tuple[tuple[str, str | None], str | None, bool]]:
    """Return the same of all that the simulated group has, found in another way than the adapter's."""
    expected = play.expected()
    found = {}
    for key, (kind, value) in expected.indicators.items():
        others = {owner: status for owner, status in expected.opinions[key].items() if owner != play.app}
        statuses = list((others or expected.opinions[key]).values())
        ranked = sorted(statuses, key=lambda each: (_RANKS.index(each if each in _RANKS else "other"), each))
        reactions = expected.reactions[key]
        no = {app for name in ("NON_MALICIOUS", "DISAGREE_WITH_TAGS") for app in reactions.get(name, ())}
        is_disputed = "NON_MALICIOUS" in others.values() or bool(no - {play.app})
        found[key] = ((kind, value), ranked[0] if ranked else None, is_disputed)
    return found


class World:
    """A simulated group with small pages, under a clock that stands still.

    Args:
        page_limit: The most updates of a page.
        config: What the configuration says besides the group.
    """

    def __init__(self, page_limit: int = 3, **config: Any) -> None:
        self.partner = ThreatExchange()
        self.play = ThreatExchangePlay(page_limit=page_limit)
        self.config = {"privacy_group": int(self.play.group), **config}
        self.partner.check(self.config)
        self.simulator = Simulator(self.play, stands_at=START)
        self.simulator.start()

    @property
    def secrets(self) -> Collection[str]:
        """The token, what is secret in it, and each value."""
        values = {value for _, value in self.play.expected().indicators.values()}
        return {self.play.token, self.play.token.partition("|")[2], *values}

    def session(self, **config: Any) -> Session:
        """Return a new session."""
        client = httpx.Client(timeout=20, trust_env=False, verify=False)  # noqa: S501  (plain HTTP)
        return open_session(
            self.simulator.url,
            client,
            self.simulator.clock.now,
            config=self.config | config,
            credentials={"api_token": self.play.token},
            limits=Limits(tries=2),
        )

    def create(self, count: int) -> Sequence[str]:
        """Share some in one second, and the rest later."""
        ids: list[str] = []
        for part in (count - count // 2, count // 2):
            self.pass_time(7)
            if part:
                ids += self.simulator.edit({"do": "create", "count": part})["ids"]
        return ids

    def change(self, key: str) -> None:
        """Let the owner have another opinion."""
        self.pass_time(1)
        status = next(iter(self.play.expected().opinions[key].values()))
        self.simulator.edit({"do": "update", "id": key, "status": _NEXT[status]})

    def withdraw(self, key: str) -> None:
        """Share it no more."""
        self.pass_time(1)
        self.simulator.edit({"do": "delete", "id": key})

    def restore(self, key: str) -> None:
        """Share it again."""
        self.pass_time(1)
        self.simulator.edit({"do": "recreate", "id": key})

    def create_unknown(self) -> str | None:
        """Share something of a type of tomorrow."""
        key: str = self.simulator.edit({"do": "create", "type": "HASH_OF_TOMORROW", "status": "UNDER_APPEAL"})["id"]
        return key

    def spoil(self) -> bool:
        """Cut off every page."""
        self.simulator.faults.add("threat_updates:*:truncated")
        return True

    def mend(self) -> None:
        """Cut off no more."""
        self.simulator.faults.clear()

    def expected(self) -> Mapping[str, Hashable]:
        """Return what the group has."""
        return expected_of(self.play)

    def said(self, record: Record) -> Hashable:
        """Return what a record says."""
        return said_of(record)

    def record(self, key: str) -> Record:
        """Return a record as a walk has it now."""
        session = self.session()
        items = [each for page in self.partner.pages(session, None) for each in page.items]
        session.http.close()
        return next(each for each in reversed(items) if each.key == key and isinstance(each, Record))

    def saying(self, opinion: Sayings, key: str, previous: Sayings | None = None) -> Saying:
        """Return an opinion on a record."""
        record = self.record(key)
        kind, signal = record.signals[0]
        return Saying(opinion, key, record.handle, kind, signal.value, None, "token-1", previous)

    def sayings(self, key: str) -> Mapping[str, Saying]:
        """Return each opinion on a record."""
        return {each.value: self.saying(each, key) for each in self.partner.opinions}

    def say(self, said: Saying, **config: Any) -> None:
        """Send an opinion."""
        session = self.session(**config)
        try:
            self.partner.send(session, said)
        finally:
            session.http.close()

    def heard(self) -> Hashable:
        """Return our reactions, and what we say ourselves."""
        expected = self.play.expected()
        reactions = {
            (key, reaction)
            for key, found in expected.reactions.items()
            for reaction, apps in found.items()
            if self.play.app in apps
        }
        own = {(key, said[self.play.app]) for key, said in expected.opinions.items() if self.play.app in said}
        return frozenset(reactions), frozenset(own)

    def pass_time(self, seconds: float) -> None:
        """Put the clock forward."""
        self.simulator.clock.advance(timedelta(seconds=seconds))

    def close(self) -> None:
        """Stop the simulator."""
        self.simulator.stop()
