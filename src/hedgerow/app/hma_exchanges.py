"""Exchanges and development routes as HMA's clients know them: the part of the door that fetches and fills."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from hedgerow.app.clock import now
from hedgerow.app.exchanges import Exchanges, Fetching

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

    from sqlalchemy import Connection

    from hedgerow.exchanges.model import Partner
    from hedgerow.hma.model import BankRules

__all__ = ["FetchStatus", "Fetching", "HmaExchanges"]

_SEEDS: Final = 10_000
_SEED_BANKS: Final = 2
_MUST_NAME_A_SYSTEM: Final = frozenset({"ncmec"})  # of which there are fourteen


@dataclass(frozen=True, slots=True)
class FetchStatus:
    """What became of the fetches of an exchange.

    Attributes:
        started_at: When the running fetch began; None where none runs.
        completed_at: When the latest ended.
        has_succeeded: Whether that one did; None before the first.
        fetched_items: Live entries of its bank.
        is_up_to_date: Whether the bank holds all that the source had at the latest fetch.
    """

    started_at: datetime | None
    completed_at: datetime | None
    has_succeeded: bool | None
    fetched_items: int
    is_up_to_date: bool


class HmaExchanges(Exchanges):
    """What HMA's clients can ask about exchanges; threads share it.

    Args:
        parts: Of the process.
    """

    def forget(self) -> None:
        """Forget what was remembered of the database."""

    def _rules(self) -> BankRules:
        from hedgerow.hma.model import BankRules

        return BankRules(self.settings.threshold, self.settings.minimum_quality, self.settings.hma.level)

    def fetch_status(self, name: str) -> FetchStatus:
        """Return what became of the fetches of an exchange, or raise ExchangeNotFound."""
        from hedgerow.banks.records import count_entries, find_bank

        standing = self.standing(name)
        with self._database.read() as connection:
            held = sum(count_entries(connection, find_bank(connection, name)).values())
        has_ended = standing.completed_at is not None
        return FetchStatus(
            standing.started_at,
            standing.completed_at,
            standing.last_error is None if has_ended else None,
            held,
            standing.is_current,
        )

    def create_exchange(self, name: str, api: str, config: Mapping[str, Any], *, is_enabled: bool, actor: str) -> None:
        """Create an exchange and its bank; it is fetched by the next round of the workers.

        HMA knows of no simulators: where its clients name no system, they mean the partner's own. Nothing is said to
        that before a person has armed it.

        Raises:
            InvalidContent: The name does not fit.
            InvalidExchange: Its configuration does not fit.
            ExchangeExists: There is one of that name, or a bank.
        """
        from hedgerow.app.exchanges import find_kind
        from hedgerow.errors import InvalidExchange
        from hedgerow.hma.rules import check_name

        if "environment" not in config:
            if api in _MUST_NAME_A_SYSTEM:
                raise InvalidExchange('missing value for field "environment"')
            if "production" in _systems(find_kind(api)):
                config = {**config, "environment": "production"}
        self.create(check_name(name), api, config, is_enabled=is_enabled, actor=actor, level=self.settings.hma.level)

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


def _systems(partner: Partner | None) -> tuple[str, ...]:
    fields = () if partner is None else partner.config_fields
    return next((field.choices or () for field in fields if field.name == "environment"), ())


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
