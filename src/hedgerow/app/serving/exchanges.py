"""Exchanges: where signals come from, and what became of each fetch."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from hedgerow.app.clock import now
from hedgerow.app.hma_exchanges import HmaExchanges
from hedgerow.hma import exchanging
from hedgerow.hma.exchanges import KINDS

if TYPE_CHECKING:
    from collections.abc import Mapping

    from sqlalchemy import Connection

    from hedgerow.app.service import Service
    from hedgerow.database import Database
    from hedgerow.hma.exchanges import Field
    from hedgerow.hma.model import Exchange, FetchEnd, FetchPlan

__all__ = [
    "ExchangePage",
    "ExchangeStanding",
    "add_exchange",
    "exchange_page",
    "failing_exchanges",
    "fetch_soon",
    "kinds_of_exchanges",
    "list_exchange_standings",
    "switch_exchange",
]


@dataclass(frozen=True, slots=True)
class ExchangeStanding:
    """An exchange, and how its fetches stand."""

    exchange: Exchange
    plan: FetchPlan

    @property
    def is_failing(self) -> bool:
        """Whether it is to be fetched, and its latest fetch failed."""
        return self.exchange.is_enabled and self.plan.last_error is not None


@dataclass(frozen=True, slots=True)
class ExchangePage:
    """An exchange, and its fetches that failed or changed something, the newest first."""

    standing: ExchangeStanding
    history: list[FetchEnd]


def kinds_of_exchanges() -> dict[str, tuple[Field, ...]]:
    """Return the kinds that there are, each with what its configuration consists of."""
    return {name: kind.config_fields for name, kind in KINDS.items()}


def add_exchange(service: Service, name: str, kind: str, said: Mapping[str, str], *, actor: str) -> None:
    """Create an exchange and the bank that it fills; the next round of the workers fetches it.

    Args:
        service: The service.
        name: Of both.
        kind: One of `kinds_of_exchanges`.
        said: What a form says of its configuration; what is empty is not said.
        actor: Who asks.

    Raises:
        InvalidContent: The name does not fit.
        InvalidExchange: The configuration does not.
        ExchangeExists: There is an exchange or a bank of that name.
    """
    config = {field.name: _read(field, said[field.name]) for field in KINDS[kind].config_fields if said.get(field.name)}
    HmaExchanges(service).create_exchange(name, kind, config, is_enabled=True, actor=actor)


def _read(field: Field, text: str) -> object:
    """Return what was typed as what the field wants; what is none stays text, and is refused as such."""
    if field.type == "boolean":
        return text == "yes"
    if field.type.startswith(("set_of_", "list_of_")):
        return text.split()
    if field.type == "number" and text.isascii() and text.isdecimal():
        return int(text)
    return text


def list_exchange_standings(database: Database) -> list[ExchangeStanding]:
    """List the exchanges by name."""
    with database.read() as connection:
        return [ExchangeStanding(*each) for each in exchanging.fetch_plans(connection)]


def failing_exchanges(connection: Connection) -> list[ExchangeStanding]:
    """List the exchanges whose latest fetch failed; for the first page, which has a connection."""
    found = [ExchangeStanding(*each) for each in exchanging.fetch_plans(connection)]
    return [each for each in found if each.is_failing]


def exchange_page(database: Database, name: str) -> ExchangePage:
    """Read an exchange and the history of its fetches.

    Raises:
        ExchangeNotFound: There is none of that name.
    """
    with database.read() as connection:
        exchange = exchanging.find_exchange(connection, name)
        plan = next(plan for each, plan in exchanging.fetch_plans(connection) if each.id == exchange.id)
        return ExchangePage(ExchangeStanding(exchange, plan), exchanging.fetch_history(connection, exchange))


def switch_exchange(database: Database, name: str, *, is_enabled: bool, actor: str) -> Exchange:
    """Switch the fetching of an exchange on or off.

    Raises:
        ExchangeNotFound: There is none of that name.
    """
    with database.write() as connection:
        return exchanging.switch_exchange(connection, name, is_enabled=is_enabled, actor=actor, now=now())


def fetch_soon(database: Database, name: str, *, actor: str) -> Exchange:
    """Let the next round of the workers fetch an exchange.

    Raises:
        ExchangeNotFound: There is none of that name.
    """
    with database.write() as connection:
        return exchanging.ask_for_fetch(connection, name, actor=actor, now=now())
