"""Exchanges as pages and programs see them: how each stands, what needs a person, and what became of each fetch."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING

from hedgerow.app.clock import now
from hedgerow.app.exchanges import Exchanges, config_from, find_kind, kinds_of_partners
from hedgerow.app.serving.report_pages import names_of
from hedgerow.errors import InvalidExchange, PageNotFound
from hedgerow.exchanges.attention import Need, State, changed_lately, needs_of, refused_lately, state_of
from hedgerow.exchanges.credentials import own_credentials
from hedgerow.exchanges.exchanging import fetch_history, find_exchange, pages_of, standing_of, standings
from hedgerow.exchanges.opinions import count_opinions, list_opinions
from hedgerow.exchanges.partners.registry import find_partner
from hedgerow.exchanges.rules import interval_of

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

    from sqlalchemy import Connection

    from hedgerow.app.service import Service
    from hedgerow.exchanges.attention import ChangedEntry
    from hedgerow.exchanges.model import (
        Exchange,
        Fetch,
        Opinion,
        OpinionState,
        Partner,
        Place,
        QuarantinedPage,
        Standing,
    )
    from hedgerow.settings import Settings

__all__ = [
    "ExchangePage",
    "Need",
    "ShownExchange",
    "State",
    "add_exchange",
    "configure",
    "exchange_page",
    "exchanges_of",
    "find_kind",
    "kinds_of_partners",
    "list_exchanges",
    "list_fetches",
    "list_pages",
    "show_exchange",
    "shown_exchanges",
    "skip_page",
    "troubled_exchanges",
]

_MOST_FETCHES = 20
_MOST_OPINIONS = 20


@dataclass(frozen=True, slots=True)
class ShownExchange:
    """An exchange, how it stands, and what needs a person.

    Attributes:
        standing: How it stands.
        state: The same in a word.
        partner: Its adapter; None where there is none of its kind any more.
        place: Which of the partner's systems it speaks to; None where nothing leaves this machine.
        every: Between two fetches.
        needs: What a person should do something about, what weighs most first.
    """

    standing: Standing
    state: State
    partner: Partner | None
    place: Place | None
    every: timedelta
    needs: tuple[Need, ...]

    @property
    def title(self) -> str:
        """What people call its partner."""
        return self.standing.exchange.kind if self.partner is None else self.partner.title

    @property
    def host(self) -> str | None:
        """Whom it speaks to; None where nothing leaves this machine."""
        return None if self.place is None else self.place.base_url.partition("://")[2].partition("/")[0]


@dataclass(frozen=True, slots=True)
class ExchangePage:
    """All that a page shows of an exchange.

    Attributes:
        shown: The exchange.
        fetches: The latest, the newest first.
        pages: Those that could not be read, the newest first.
        opinions: The latest, the newest first.
        counts: How many opinions stand how.
        changed: The entries of its bank that changed last.
        has_own_credentials: Whether it has credentials of its own; else it goes by those of its kind.
        names: Who is who.
        at: When this was so.
    """

    shown: ShownExchange
    fetches: list[Fetch]
    pages: list[QuarantinedPage]
    opinions: list[Opinion]
    counts: Mapping[OpinionState, int]
    changed: list[ChangedEntry]
    has_own_credentials: bool
    names: Mapping[str, str]
    at: datetime


def exchanges_of(service: Service) -> Exchanges:
    """Return what can be asked about exchanges."""
    return Exchanges(service)


# ── reading ──────────────────────────────────────────────────────────────────────────────────────────────────────


def list_exchanges(service: Service) -> list[ShownExchange]:
    """List the exchanges: those that need a person first, then by name. Their records are not counted."""
    with service.database.read() as connection:
        found = _shown(service.settings, connection, standings(connection, is_counting=False), at=now())
    order = list(Need)
    return sorted(found, key=lambda each: min(map(order.index, each.needs), default=len(order)))


def show_exchange(service: Service, name: str) -> ShownExchange:
    """Say how an exchange stands, or raise ExchangeNotFound."""
    with service.database.read() as connection:
        (shown,) = _shown(service.settings, connection, [standing_of(connection, name)], at=now())
        return shown


def exchange_page(service: Service, name: str) -> ExchangePage:
    """Read all that a page shows of an exchange, or raise ExchangeNotFound."""
    at = now()
    with service.database.read() as connection:
        standing = standing_of(connection, name)
        (shown,) = _shown(service.settings, connection, [standing], at=at)
        exchange = standing.exchange
        pages = pages_of(connection, exchange, limit=_MOST_FETCHES)
        return ExchangePage(
            shown,
            fetch_history(connection, exchange, limit=_MOST_FETCHES),
            pages,
            list_opinions(connection, exchange, limit=_MOST_OPINIONS),
            count_opinions(connection, exchange),
            changed_lately(connection, exchange),
            own_credentials(connection, exchange),
            names_of(connection, [exchange.armed_by, *(each.ended_by for each in pages)]),
            at,
        )


def list_fetches(service: Service, name: str, *, before: int | None, limit: int) -> list[Fetch]:
    """List the fetches of an exchange, the newest first, or raise ExchangeNotFound."""
    with service.database.read() as connection:
        return fetch_history(connection, find_exchange(connection, name), before=before, limit=limit)


def list_pages(service: Service, name: str, *, limit: int) -> list[QuarantinedPage]:
    """List the pages of an exchange that could not be read, the newest first, or raise ExchangeNotFound."""
    with service.database.read() as connection:
        return pages_of(connection, find_exchange(connection, name), limit=limit)


def shown_exchanges(settings: Settings, connection: Connection, *, at: datetime) -> list[ShownExchange]:
    """List the exchanges by name; for who has a connection. Their records are not counted."""
    return _shown(settings, connection, standings(connection, is_counting=False), at=at)


def troubled_exchanges(settings: Settings, connection: Connection, *, at: datetime) -> list[ShownExchange]:
    """List the exchanges that need a person; for the first page, which has a connection."""
    return [each for each in shown_exchanges(settings, connection, at=at) if each.needs]


def _shown(settings: Settings, connection: Connection, found: list[Standing], *, at: datetime) -> list[ShownExchange]:
    refused = refused_lately(connection, now=at) if found else {}
    local_every = timedelta(seconds=settings.hma.fetch_every_s)
    shown = []
    for standing in found:
        exchange = standing.exchange
        partner, place = _partner_of(exchange)
        every = interval_of(exchange, partner, local_every)
        fields = () if partner is None else partner.credential_fields or ()
        needs = needs_of(
            standing,
            every,
            needs_credentials=any(field.is_required for field in fields),
            needs_arming=place is not None and place.is_production and exchange.armed_by is None,
            refused=refused.get(exchange.id, 0),
            now=at,
        )
        shown.append(ShownExchange(standing, state_of(standing), partner, place, every, needs))
    return shown


def _partner_of(exchange: Exchange) -> tuple[Partner | None, Place | None]:
    """Find an exchange's partner, which may have come with a package that is gone, and may read its words anew."""
    try:
        partner = find_partner(exchange.kind)
        return partner, partner.place(exchange.config)
    except InvalidExchange:
        return None, None


# ── changing ─────────────────────────────────────────────────────────────────────────────────────────────────────


def add_exchange(service: Service, name: str, kind: str, said: Mapping[str, str], *, actor: str) -> None:
    """Create an exchange and the bank that it fills; the next round of the workers fetches it.

    Args:
        service: The service.
        name: Of both.
        kind: One of `kinds_of_partners`.
        said: What a form says of its configuration; what is empty is not said.
        actor: Who asks.

    Raises:
        InvalidBankName: The name does not fit.
        InvalidExchange: The configuration does not.
        ExchangeExists: There is an exchange or a bank of that name.
    """
    Exchanges(service).create(name, kind, config_from(kind, said), actor=actor)


def configure(service: Service, name: str, said: Mapping[str, str], *, actor: str) -> None:
    """Give an exchange the configuration that a form says: what is empty there is as if it was never said.

    Raises:
        ExchangeNotFound: There is none of that name.
        InvalidExchange: The configuration does not fit.
    """
    exchanges = Exchanges(service)
    kind = exchanges.find_exchange(name).kind
    partner = find_kind(kind)
    fields = () if partner is None else partner.config_fields
    usual = {field.name: field.default for field in fields if not said.get(field.name)}
    exchanges.configure(name, usual | config_from(kind, said), actor=actor)


def skip_page(service: Service, name: str, page: int, skip: str | None, *, actor: str) -> QuarantinedPage:
    """Go on behind the page that a person has read about.

    Args:
        service: The service.
        name: The exchange.
        page: The page's number.
        skip: What is left out, as they were told; None for whatever it is by now.
        actor: Who says so.

    Raises:
        ExchangeNotFound: There is none of that name.
        PageNotFound: It stands in the way no more, or something else would be left out by now.
        PageNotSkippable: Nothing behind it can be reached.
    """
    exchanges = Exchanges(service)
    open_page = exchanges.standing(name).quarantined
    if open_page is None or open_page.id != page or skip not in {None, open_page.skip}:
        raise PageNotFound(name)
    return exchanges.skip_page(name, actor=actor)
