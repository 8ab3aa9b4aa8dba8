"""A house that fetches from a simulated partner over HTTP, and may die at every step of it."""

from __future__ import annotations

import json
from contextlib import contextmanager, suppress
from datetime import UTC, datetime, timedelta
from itertools import cycle
from typing import TYPE_CHECKING, Any, Generic, TypeVar

import httpx
from sqlalchemy import select, update
from tests.exchanges.world import Killed

from hedgerow.banks import Matcher
from hedgerow.banks.records import create_bank
from hedgerow.banks.tables import entries
from hedgerow.database.sealing import ServiceKeys
from hedgerow.exchanges.credentials import set_credentials
from hedgerow.exchanges.exchanging import ask_for_walk, create_exchange, find_exchange, standing_of
from hedgerow.exchanges.fetching import Fetcher, Pace
from hedgerow.exchanges.http import Limits, PartnerHttp
from hedgerow.exchanges.leases import claim_due
from hedgerow.exchanges.partners.registry import find_partner
from hedgerow.exchanges.tables import exchanges
from hedgerow.hashing.signal import Signal
from hedgerow.simulators.stage import Simulator
from hedgerow.simulators.stage.model import Play

if TYPE_CHECKING:
    import random
    from collections.abc import Iterator, Mapping
    from pathlib import Path

    from sqlalchemy import Connection

    from hedgerow.database import Database
    from hedgerow.exchanges.fetching import FetchEnd
    from hedgerow.exchanges.model import Page, Partner, Session

__all__ = ["KEYS", "START", "House", "Shared"]

START = datetime(2026, 11, 22, 12, 0, tzinfo=UTC)
KEYS = ServiceKeys((bytes(range(32)),))
LEASE = timedelta(minutes=11)
HASTY = Limits(timeout_s=20, tries=2, first_pause_s=0, longest_pause_s=0)

PlayT = TypeVar("PlayT", bound=Play)
Value = tuple[str, bytes]


class Shared(PartnerHttp):
    """Calls by one client for all fetches: to read the machine's certificates takes longer than the calls."""

    shared: httpx.Client | None = None

    def _opened(self) -> httpx.Client:
        if Shared.shared is None:
            Shared.shared = httpx.Client(timeout=20, trust_env=False, verify=False)  # noqa: S501  (plain HTTP)
        return Shared.shared

    def close(self) -> None:
        """Leave it open."""


class _Doom:
    """Counts the steps that are left until the process dies: before a call, within a transaction, and behind one."""

    def __init__(self) -> None:
        self.left: int | None = None

    def step(self) -> None:
        if self.left is None:
            return
        self.left -= 1
        if self.left < 0:
            self.left = None
            raise Killed


class _Mortal:
    """A partner's adapter in a process that may die between two calls."""

    def __init__(self, partner: Partner, doom: _Doom) -> None:
        self._partner = partner
        self._doom = doom

    def __getattr__(self, name: str) -> Any:
        return getattr(self._partner, name)

    def pages(self, session: Session, checkpoint: Mapping[str, Any] | None) -> Iterator[Page]:
        for page in self._partner.pages(session, checkpoint):
            self._doom.step()
            yield page


class House(Generic[PlayT]):
    """One exchange with a simulated partner; time goes by the simulator's clock.

    Attributes:
        stored: Every checkpoint of updates that ever stood in the database.
        ever: Every value that was ever live in the bank.
    """

    name = "partner"

    def __init__(
        self,
        database: Database,
        folder: Path,
        play: PlayT,
        kind: str,
        config: Mapping[str, Any],
        credentials: Mapping[str, str],
    ) -> None:
        self.database = database
        self.simulator = Simulator(play, stands_at=START)
        self.simulator.start()
        self.play = play
        self.stored: list[str] = []
        self.ever: set[Value] = set()
        self._doom = _Doom()
        self.folder, self.credentials, self.partner = folder, credentials, find_partner(kind)
        partner = _Mortal(self.partner, self._doom)
        said = {**config, "base_url": self.simulator.url + str(config.get("base_url", ""))}
        partner.check(said)
        now = self.simulator.clock.now
        with database.write() as connection:
            bank = create_bank(connection, self.name, now=now())
            exchange = create_exchange(connection, bank, kind, said, actor="user:1", now=now())
            set_credentials(connection, exchange, credentials, keys=KEYS, actor="user:1", now=now())
        # In turn each page by itself, a few together, all together.
        self._fetchers = cycle(
            Fetcher(
                self._write,
                lambda: KEYS,
                lambda _: partner,
                folder=folder,
                now=now,
                pace=Pace(limits=HASTY, together=together),
            )
            for together in (1, 5, 4_000)
        )
        self.matcher = Matcher(database, folder / "index")
        self.matcher.load()

    def close(self) -> None:
        """Stop the partner."""
        self.simulator.stop()

    @contextmanager
    def _write(self) -> Iterator[Connection]:
        with self.database.write() as connection:
            yield connection
            self._doom.step()  # nothing of it is kept
            stored = connection.execute(select(exchanges.c.checkpoint)).scalar_one()
        if stored is not None and (not self.stored or self.stored[-1] != stored):
            self.stored.append(stored)
        self._doom.step()

    def wait(self, **time: float) -> None:
        """Put the clock forward."""
        self.simulator.clock.advance(timedelta(**time))

    def fetch(self, dies_after: int | None = None) -> FetchEnd | None:
        """Fetch once; None where the process died over it."""
        with self.database.write() as connection:
            if standing_of(connection, self.name).stopped is not None:  # refused credentials: a person looks at it
                connection.execute(update(exchanges).values(stopped=None))
            claimed = claim_due(connection, now=self.simulator.clock.now(), is_everything=True, name=self.name)
        if claimed is None:
            return None
        self._doom.left = dies_after
        try:
            return next(self._fetchers).fetch(claimed)
        except Killed:
            self.wait(seconds=LEASE.total_seconds())
            return None
        finally:
            self._doom.left = None
            self.ever |= self.live().keys()

    def reconcile(self) -> None:
        """Ask for a walk through the whole set."""
        with self.database.write() as connection:
            ask_for_walk(connection, self.name, actor="user:1", now=self.simulator.clock.now())

    def restart(self, drawing: random.Random) -> None:
        """Go on from any checkpoint that ever was stored."""
        if not self.stored:
            return
        chosen = drawing.choice(self.stored)
        with self.database.write() as connection:
            if connection.execute(select(exchanges.c.checkpoint)).scalar_one() is not None:
                connection.execute(update(exchanges).values(checkpoint=chosen))

    def settle(self, fetches: int = 2) -> FetchEnd:
        """Let nothing go wrong any more, and fetch."""
        self.simulator.faults.clear()
        end: FetchEnd | None = None
        for _ in range(fetches):
            self.wait(hours=1)
            end = self.fetch()
        assert end is not None
        return end

    def live(self) -> dict[Value, tuple[str | None, str | None]]:
        """Return the live entries: the category and the contributor of each value."""
        table = entries.c
        with self.database.read() as connection:
            rows = connection.execute(
                select(table.signal_type, table.bits, table.category, table.contributor).where(
                    table.withdrawn_at.is_(None)
                )
            ).all()
        return {(kind, bytes(bits)): (category, by) for kind, bits, category, by in rows}

    def matched(self) -> set[Value]:
        """Return which of all values that were ever live are found now."""
        self.matcher.refresh()
        values = sorted(self.ever)
        found = self.matcher.search_many([[Signal(kind, bits)] for kind, bits in values])
        return {
            value for value, matches in zip(values, found, strict=True) if any(not each.distance for each in matches)
        }

    def checkpoint(self) -> dict[str, Any] | None:
        """Return where updates go on."""
        with self.database.read() as connection:
            stored = connection.execute(select(exchanges.c.checkpoint)).scalar_one()
        return None if stored is None else dict(json.loads(stored))

    def problem(self) -> str | None:
        """Say what is wrong, if anything is."""
        with self.database.read() as connection:
            return standing_of(connection, find_exchange(connection, self.name).name).last_problem


@contextmanager
def nothing_to_change() -> Iterator[None]:
    """Pass over an edit that cannot be done now."""
    with suppress(ValueError):
        yield
