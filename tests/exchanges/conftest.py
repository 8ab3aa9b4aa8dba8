"""Exchanges with a partner that is played in memory."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass, field
from datetime import timedelta
from itertools import cycle
from typing import TYPE_CHECKING, Any

import pytest
from sqlalchemy import func, select, update
from tests.exchanges.world import Killed, Scripted, World

from hedgerow.banks.records import create_bank
from hedgerow.banks.tables import entries
from hedgerow.database.sealing import ServiceKeys
from hedgerow.exchanges.exchanging import create_exchange
from hedgerow.exchanges.fetching import Fetcher, Pace
from hedgerow.exchanges.leases import claim_due
from hedgerow.exchanges.tables import exchange_claims, exchange_records, exchanges

if TYPE_CHECKING:
    import random
    from collections.abc import Iterator
    from datetime import datetime
    from pathlib import Path

    from hedgerow.database import Database
    from hedgerow.exchanges.fetching import FetchEnd
    from hedgerow.exchanges.model import Exchange

__all__ = ["Home"]


@dataclass
class Home:
    """A house that fetches from a world; its clock goes on an hour between two fetches.

    It takes in each page by itself, and several together, in turn.
    """

    database: Database
    world: World
    partner: Scripted
    at: datetime
    folder: Path
    name: str = "partner"
    together: Iterator[int] = field(default_factory=lambda: cycle((4_000, 1, 4)))

    def create(self, name: str = "partner", **more: Any) -> Exchange:
        self.name = name
        with self.database.write() as connection:
            bank = create_bank(connection, name, now=self.at)
            return create_exchange(connection, bank, "scripted", {}, actor="user:1", now=self.at, **more)

    def fetch(self) -> FetchEnd | None:
        """Fetch once; None where the process died over it."""
        self.at += timedelta(hours=1)
        with self.database.write() as connection:
            claimed = claim_due(connection, now=self.at, is_everything=True, name=self.name)
        assert claimed is not None
        with suppress(Killed):
            return self.fetcher().fetch(claimed)
        return None

    def fetcher(self, **more: Any) -> Fetcher:
        keys = ServiceKeys((bytes(32),))
        return Fetcher(
            self.database.write,
            lambda: keys,
            lambda _: self.partner,
            folder=self.folder,
            now=lambda: self.at,
            pace=Pace(timedelta(minutes=10), together=next(self.together)),
            **more,
        )

    def live(self) -> dict[tuple[str, bytes], tuple[str | None, str | None, bool]]:
        """Return the live entries: their category, contributor, and whether they are disputed."""
        with self.database.read() as connection:
            rows = connection.execute(
                select(
                    entries.c.signal_type,
                    entries.c.bits,
                    entries.c.category,
                    entries.c.contributor,
                    entries.c.is_disputed,
                ).where(entries.c.withdrawn_at.is_(None))
            ).all()
        return {(kind, bytes(bits)): (category, by, bool(disputed)) for kind, bits, category, by, disputed in rows}

    def wanted(self) -> set[tuple[str, bytes]]:
        """Return what an honest client holds of the world."""
        return {(signal.type, signal.bits) for record in self.world.held.values() for _, signal in record.signals}

    def claims_of_nothing(self) -> int:
        """Count the claims of a record or on an entry that is not there: no foreign key forbids them."""
        record = select(exchange_records.c.id).where(exchange_records.c.id == exchange_claims.c.record_id)
        entry = select(entries.c.id).where(entries.c.id == exchange_claims.c.entry_id)
        with self.database.read() as connection:
            missing = select(func.count()).select_from(exchange_claims).where(~record.exists() | ~entry.exists())
            return int(connection.execute(missing).scalar_one())

    def set_checkpoint(self, drawing: random.Random) -> None:
        """Go on from any checkpoint that the partner ever gave."""
        if not self.world.given:
            return
        chosen = drawing.choice(self.world.given)
        with self.database.write() as connection:
            row = connection.execute(select(exchanges.c.checkpoint)).scalar_one()
            if row is not None:
                connection.execute(update(exchanges).values(checkpoint=f'{{"after":{chosen["after"]}}}'))


@pytest.fixture
def world() -> World:
    return World()


@pytest.fixture
def home(database: Database, world: World, now: datetime, tmp_path: Path) -> Home:
    return Home(database, world, Scripted(world), now, tmp_path)
