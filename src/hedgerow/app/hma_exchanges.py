"""Exchanges of HMA's clients and the development routes: the part of the door that fetches and fills."""

from __future__ import annotations

import logging
from datetime import timedelta
from typing import TYPE_CHECKING, Any, Final, Protocol

from hedgerow.app.clock import now
from hedgerow.errors import DatabaseError, HedgerowError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from sqlalchemy import Connection

    from hedgerow.banks import Matcher
    from hedgerow.database import Database
    from hedgerow.hma.model import BankRules, Exchange, FetchStatus
    from hedgerow.settings import Settings

__all__ = ["Fetching", "HmaExchanges"]

_log = logging.getLogger(__name__)

_SEEDS: Final = 10_000
_SEED_BANKS: Final = 2


class Fetching(Protocol):
    """What fetching needs: a `hedgerow.app.service.Service`, or the parts of a process that only works."""

    @property
    def settings(self) -> Settings:
        """The settings."""

    @property
    def database(self) -> Database:
        """An open database at the latest revision."""

    @property
    def matcher(self) -> Matcher | None:
        """The banks in memory; None where nobody searches them in this process."""


class HmaExchanges:
    """What can be asked about exchanges; threads share it.

    Args:
        parts: Of the process.
    """

    def __init__(self, parts: Fetching) -> None:
        self.settings = parts.settings
        self._matcher = parts.matcher
        self._database = parts.database

    def forget(self) -> None:
        """Forget what was remembered of the database."""

    def _rules(self) -> BankRules:
        from hedgerow.hma.model import BankRules

        return BankRules(self.settings.threshold, self.settings.minimum_quality, self.settings.hma.level)

    def _follow(self) -> None:
        """Let this process find at once what was just added; the others do so within a second."""
        if self._matcher is None:
            return
        try:
            self._matcher.refresh()
        except DatabaseError as error:  # what was asked for is done; the follower tries again
            _log.warning("What was just changed is not followed yet: %s", type(error).__name__)

    # ── exchanges ────────────────────────────────────────────────────────────────────────────────────────────────

    def list_exchanges(self) -> list[Exchange]:
        """List the exchanges."""
        from hedgerow.hma.exchanging import list_exchanges

        with self._database.read() as connection:
            return list_exchanges(connection)

    def find_exchange(self, name: str) -> Exchange:
        """Find an exchange, or raise ExchangeNotFound."""
        from hedgerow.hma.exchanging import find_exchange

        with self._database.read() as connection:
            return find_exchange(connection, name)

    def fetch_status(self, name: str) -> FetchStatus:
        """Return what became of the fetches of an exchange."""
        from hedgerow.hma.exchanging import fetch_status

        with self._database.read() as connection:
            return fetch_status(connection, name)

    def create_exchange(self, name: str, api: str, config: Mapping[str, Any], *, is_enabled: bool, actor: str) -> None:
        """Create an exchange and its bank; it is fetched by the next round of the workers.

        Raises:
            InvalidExchange: Its configuration does not fit.
            ExchangeExists: There is one of that name, or a bank.
        """
        from hedgerow.hma.exchanges import KINDS, check_config
        from hedgerow.hma.exchanging import create_exchange

        checked = check_config(KINDS[api], config)
        with self._database.write() as connection:
            create_exchange(
                connection,
                name,
                api,
                checked,
                is_enabled=is_enabled,
                rules=self._rules(),
                actor=actor,
                now=now(),
            )
        self._follow()

    def switch_exchange(self, name: str, *, is_enabled: bool, actor: str) -> Exchange:
        """Switch an exchange's fetching on or off."""
        from hedgerow.hma.exchanging import switch_exchange

        with self._database.write() as connection:
            return switch_exchange(connection, name, is_enabled=is_enabled, actor=actor, now=now())

    def delete_exchange(self, name: str, *, actor: str) -> bool:
        """Delete an exchange and its bank."""
        from hedgerow.hma.exchanging import delete_exchange

        with self._database.write() as connection:
            was_there = delete_exchange(connection, name, actor=actor, now=now())
        self._follow()
        return was_there

    def fetch_due(self, *, is_everything: bool = False) -> int:
        """Fetch the exchanges that are due, one after the other, and return how many were; a job of the workers.

        Args:
            is_everything: Whether those are fetched too that are not due yet.
        """
        from hedgerow.hma.exchanging import claim_due

        started = now()
        count = 0
        while True:
            with self._database.write() as connection:
                claimed = claim_due(connection, now=started, is_everything=is_everything)
            if claimed is None:
                return count
            self._fetch(*claimed)
            count += 1

    def _fetch(self, exchange: Exchange, token: str) -> None:
        from hedgerow.hma.exchanges import KINDS
        from hedgerow.hma.exchanging import finish_fetch, source_of, take_signals

        every = timedelta(seconds=self.settings.hma.fetch_every_s)
        error: str | None = None
        try:
            # Fetched whole before anything is changed: half a list would withdraw the other half.
            folder = self.settings.data / "exchanges"
            fetched = list(KINDS[exchange.api].fetch(exchange.config, folder, source_of(exchange.name)))
            with self._database.write() as connection:
                counts = take_signals(connection, exchange, fetched, now=now())
                finish_fetch(connection, exchange, token, every=every, counts=counts, error=None, now=now())
        except HedgerowError as failed:
            error = failed.reason
            _log.warning("An exchange could not be fetched: exchange %d, %s", exchange.id, error)
        if error is not None:
            with self._database.write() as connection:
                finish_fetch(connection, exchange, token, every=every, counts=None, error=error, now=now())
        self._follow()

    # ── development ──────────────────────────────────────────────────────────────────────────────────────────────

    def factory_reset(self, *, actor: str) -> None:
        """Empty the banks; see `hedgerow.hma.resetting.factory_reset`."""
        import hedgerow.ledger.tables  # noqa: F401  (what refers to banks must be known)
        from hedgerow.hma.resetting import factory_reset

        with self._database.write() as connection:
            factory_reset(connection, actor=actor, now=now())
        self.forget()
        self._follow()

    def seed_banks(self, *, actor: str) -> None:
        """Make two banks with 10,000 random signals between them, as HMA's own seed does.

        Raises:
            BankExists: They are there already.
        """
        from hedgerow.hma.banking import create_bank

        with self._database.write() as connection:
            at = now()
            for number in range(_SEED_BANKS):
                bank = create_bank(connection, f"SEED_BANK_{number}", rules=self._rules(), actor=actor, now=at).bank
                _fill_with_chance(connection, bank.name, _SEEDS // _SEED_BANKS)
        self._follow()


def _fill_with_chance(connection: Connection, name: str, count: int) -> None:
    import secrets

    from hedgerow.banks.model import Attributes, NewEntry
    from hedgerow.banks.records import add_entries, find_bank, iterate_entries
    from hedgerow.hashing import Signal
    from hedgerow.hma.contents import make_contents

    said = Attributes(note="random, from the seed of a development server")
    bank = find_bank(connection, name)
    signals = [
        Signal("pdq", secrets.token_bytes(32)) if number % 2 == 0 else Signal("md5", secrets.token_bytes(16))
        for number in range(count)
    ]
    add_entries(connection, bank, [NewEntry(signal, said) for signal in signals], now=now())
    ids = [entry.id for entry in iterate_entries(connection, bank)]
    for start in range(0, len(ids), 500):
        make_contents(connection, ids[start : start + 500], now=now())
