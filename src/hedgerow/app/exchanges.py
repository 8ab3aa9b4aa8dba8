"""Exchanges, for every door: make them, fetch them, see how they stand, and say to partners what was decided."""

from __future__ import annotations

import json
import logging
import re
from contextlib import contextmanager
from datetime import timedelta
from typing import TYPE_CHECKING, Any, Protocol

from hedgerow.app.clock import now
from hedgerow.errors import BankExists, DatabaseError, ExchangeExists, FetchOvertaken, InvalidExchange
from hedgerow.exchanges.model import Rhythm

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from hedgerow.banks import Matcher
    from hedgerow.database import Database
    from hedgerow.database.sealing import ServiceKeys
    from hedgerow.exchanges.fetching import FetchEnd, Fetcher
    from hedgerow.exchanges.http import Limits
    from hedgerow.exchanges.model import Exchange, Fetch, Field, Opinion, Partner, Place, QuarantinedPage, Standing
    from hedgerow.exchanges.opinions import ClaimedOpinion
    from hedgerow.hashing.signal import Level
    from hedgerow.settings import Settings

__all__ = [
    "Exchanges",
    "Fetching",
    "Rhythm",
    "config_from",
    "find_kind",
    "kinds_of_partners",
    "open_exchanges",
    "read_field",
]

_log = logging.getLogger(__name__)


class Fetching(Protocol):
    """What fetching needs: a `hedgerow.app.service.Service`, or the parts of a process that only works."""

    @property
    def settings(self) -> Settings:
        """The settings."""

    @property
    def database(self) -> Database:
        """An open database at the latest revision."""

    @property
    def keys(self) -> ServiceKeys:
        """What opens sealed secrets."""

    @property
    def matcher(self) -> Matcher | None:
        """The banks in memory; None where nobody searches them in this process."""


def kinds_of_partners() -> dict[str, Partner]:
    """Return the adapters that there are, by kind."""
    from hedgerow.exchanges.partners.registry import list_partners

    return list_partners()


def find_kind(kind: str) -> Partner | None:
    """Return the adapter of a kind; None where there is none."""
    return kinds_of_partners().get(kind)


class Exchanges:
    """What can be asked about exchanges; threads share it.

    Args:
        parts: Of the process.
        is_stopping: Asked after each page of a fetch.
    """

    def __init__(self, parts: Fetching, *, is_stopping: Callable[[], bool] = lambda: False) -> None:
        self.settings = parts.settings
        self._parts = parts
        self._matcher = parts.matcher
        self._database = parts.database
        self._is_stopping = is_stopping

    def _follow(self) -> None:
        """Let this process find at once what was just added; the others do so within a second."""
        if self._matcher is None:
            return
        try:
            self._matcher.refresh()
        except DatabaseError as error:  # what was asked for is done; the follower tries again
            _log.warning("What was just changed is not followed yet: %s", type(error).__name__)

    # ── reading ──────────────────────────────────────────────────────────────────────────────────────────────────

    def list_exchanges(self) -> list[Exchange]:
        """List the exchanges in the order in which they were made."""
        from hedgerow.exchanges.exchanging import list_exchanges

        with self._database.read() as connection:
            return list_exchanges(connection)

    def find_exchange(self, name: str) -> Exchange:
        """Find an exchange, or raise ExchangeNotFound."""
        from hedgerow.exchanges.exchanging import find_exchange

        with self._database.read() as connection:
            return find_exchange(connection, name)

    def standings(self) -> list[Standing]:
        """List the exchanges by name, each with how it stands."""
        from hedgerow.exchanges.exchanging import standings

        with self._database.read() as connection:
            return standings(connection)

    def standing(self, name: str) -> Standing:
        """Say how an exchange stands, or raise ExchangeNotFound."""
        from hedgerow.exchanges.exchanging import standing_of

        with self._database.read() as connection:
            return standing_of(connection, name)

    def fetches(self, name: str) -> list[Fetch]:
        """List the latest fetches of an exchange, the newest first, or raise ExchangeNotFound."""
        from hedgerow.exchanges.exchanging import fetch_history, find_exchange

        with self._database.read() as connection:
            return fetch_history(connection, find_exchange(connection, name))

    def place(self, name: str) -> Place | None:
        """Say which of the partner's systems an exchange speaks to; None where nothing leaves this machine."""
        from hedgerow.exchanges.partners.registry import find_partner

        exchange = self.find_exchange(name)
        return find_partner(exchange.kind).place(exchange.config)

    @staticmethod
    def needs_credentials(kind: str) -> bool:
        """Tell whether exchanges of a kind need credentials."""
        from hedgerow.exchanges.partners.registry import find_partner

        return any(field.is_required for field in find_partner(kind).credential_fields or ())

    # ── changing ─────────────────────────────────────────────────────────────────────────────────────────────────

    def create(
        self,
        name: str,
        kind: str,
        config: Mapping[str, Any],
        *,
        actor: str,
        is_enabled: bool = True,
        rhythm: Rhythm = Rhythm(),  # noqa: B008  (frozen)
        level: Level = "standard",
    ) -> Exchange:
        """Create an exchange and its bank; it is fetched by the next round of the workers.

        Raises:
            InvalidBankName: The name does not fit.
            InvalidExchange: The kind or its configuration does not.
            ExchangeExists: There is one of that name, or a bank.
        """
        from hedgerow.banks.records import create_bank
        from hedgerow.exchanges.configuring import check_config
        from hedgerow.exchanges.exchanging import create_exchange
        from hedgerow.exchanges.partners.registry import find_partner

        checked = check_config(find_partner(kind), config)
        with self._database.write() as connection:
            at = now()
            try:
                bank = create_bank(
                    connection,
                    name,
                    now=at,
                    threshold=self.settings.threshold,
                    minimum_quality=self.settings.minimum_quality,
                    level=level,
                )
            except BankExists:
                raise ExchangeExists(name) from None
            exchange = create_exchange(
                connection, bank, kind, checked, is_enabled=is_enabled, rhythm=rhythm, actor=actor, now=at
            )
        self._follow()
        return exchange

    def configure(self, name: str, config: Mapping[str, Any], *, actor: str) -> Exchange:
        """Change the configuration of an exchange: what is not said stays. It has to be armed again.

        Raises:
            ExchangeNotFound: There is none of that name.
            InvalidExchange: The configuration does not fit.
        """
        from hedgerow.exchanges.configuring import check_config
        from hedgerow.exchanges.exchanging import change_exchange, find_exchange
        from hedgerow.exchanges.partners.registry import find_partner

        with self._database.write() as connection:
            exchange = find_exchange(connection, name)
            checked = check_config(find_partner(exchange.kind), {**exchange.config, **config})
            return change_exchange(connection, name, config=checked, actor=actor, now=now())

    def set_rhythm(self, name: str, rhythm: Rhythm, *, actor: str) -> Exchange:
        """Say how often an exchange is fetched, or raise ExchangeNotFound."""
        from hedgerow.exchanges.exchanging import change_exchange

        with self._database.write() as connection:
            return change_exchange(
                connection,
                name,
                rhythm=rhythm,
                actor=actor,
                now=now(),
            )

    def switch_exchange(self, name: str, *, is_enabled: bool, actor: str) -> Exchange:
        """Switch an exchange's fetching on or off."""
        from hedgerow.exchanges.exchanging import change_exchange

        with self._database.write() as connection:
            return change_exchange(connection, name, is_enabled=is_enabled, actor=actor, now=now())

    def switch_opinions(self, name: str, *, sends_opinions: bool, actor: str) -> Exchange:
        """Let decisions become opinions that are sent to the partner, or no longer."""
        from hedgerow.exchanges.exchanging import change_exchange

        with self._database.write() as connection:
            return change_exchange(connection, name, sends_opinions=sends_opinions, actor=actor, now=now())

    def arm(self, name: str, *, actor: str) -> Exchange:
        """Allow an exchange to speak to its partner's production system."""
        from hedgerow.exchanges.exchanging import arm_exchange

        with self._database.write() as connection:
            return arm_exchange(connection, name, actor=actor, now=now())

    def disarm(self, name: str, *, actor: str) -> Exchange:
        """Let an exchange speak to its partner's production system no more."""
        from hedgerow.exchanges.exchanging import disarm_exchange

        with self._database.write() as connection:
            return disarm_exchange(connection, name, actor=actor, now=now())

    def resume(self, name: str, *, actor: str) -> Exchange:
        """Let an exchange go on that stopped because its partner refused us."""
        from hedgerow.exchanges.exchanging import resume_exchange

        with self._database.write() as connection:
            return resume_exchange(connection, name, actor=actor, now=now())

    def skip_page(self, name: str, *, actor: str) -> QuarantinedPage:
        """Go on behind a page that cannot be read; see `hedgerow.exchanges.exchanging.skip_page`."""
        from hedgerow.exchanges.exchanging import skip_page

        with self._database.write() as connection:
            return skip_page(connection, name, actor=actor, now=now())

    def ask_for_fetch(self, name: str, *, actor: str) -> Exchange:
        """Let the next round of the workers fetch an exchange."""
        from hedgerow.exchanges.exchanging import ask_for_fetch

        with self._database.write() as connection:
            return ask_for_fetch(connection, name, actor=actor, now=now())

    def ask_for_walk(self, name: str, *, actor: str) -> Exchange:
        """Let the workers walk through a partner's whole set, and withdraw what is not in it."""
        from hedgerow.exchanges.exchanging import ask_for_walk

        with self._database.write() as connection:
            return ask_for_walk(connection, name, actor=actor, now=now())

    def delete_exchange(self, name: str, *, actor: str) -> bool:
        """Delete an exchange: its bank stays under another name, off, and all it brought is withdrawn."""
        from hedgerow.hma.banking import delete_bank

        with self._database.write() as connection:
            was_there = self._is_there(name) and delete_bank(connection, name, actor=actor, now=now())
        self._follow()
        return was_there

    def _is_there(self, name: str) -> bool:
        return any(each.name == name for each in self.list_exchanges())

    def set_credentials(self, name: str, credentials: object, *, actor: str) -> None:
        """Enter an exchange's own credentials; None and ``{}`` take them away.

        Raises:
            ExchangeNotFound: There is none of that name.
            InvalidExchange: They do not fit.
        """
        from hedgerow.exchanges.configuring import check_credentials
        from hedgerow.exchanges.credentials import set_credentials
        from hedgerow.exchanges.exchanging import find_exchange
        from hedgerow.exchanges.partners.registry import find_partner

        with self._database.write() as connection:
            exchange = find_exchange(connection, name)
            checked = check_credentials(find_partner(exchange.kind), credentials) if credentials else None
            set_credentials(connection, exchange, checked, keys=self._parts.keys, actor=actor, now=now())

    def check_credentials(self, kind: str, credentials: object) -> None:
        """Look at credentials, or raise InvalidExchange; no message quotes any of them."""
        from hedgerow.exchanges.configuring import check_credentials
        from hedgerow.exchanges.partners.registry import find_partner

        check_credentials(find_partner(kind), credentials)

    def set_kind_credentials(self, kind: str, credentials: object, *, actor: str) -> None:
        """Enter the credentials of every exchange of a kind that has none of its own. See `set_credentials`."""
        from hedgerow.exchanges.configuring import check_credentials
        from hedgerow.exchanges.credentials import set_kind_credentials
        from hedgerow.exchanges.partners.registry import find_partner

        checked = check_credentials(find_partner(kind), credentials) if credentials else None
        with self._database.write() as connection:
            set_kind_credentials(connection, kind, checked, keys=self._parts.keys, actor=actor, now=now())

    def has_kind_credentials(self, kind: str) -> bool:
        """Tell whether a kind has credentials."""
        from hedgerow.exchanges.credentials import has_kind_credentials

        with self._database.read() as connection:
            return has_kind_credentials(connection, kind)

    def has_own_credentials(self, name: str) -> bool:
        """Tell whether an exchange has credentials of its own, or raise ExchangeNotFound."""
        from hedgerow.exchanges.credentials import own_credentials
        from hedgerow.exchanges.exchanging import find_exchange

        with self._database.read() as connection:
            return own_credentials(connection, find_exchange(connection, name))

    # ── fetching ─────────────────────────────────────────────────────────────────────────────────────────────────

    def fetch_due(self, *, is_everything: bool = False) -> int:
        """Fetch the exchanges that are due, one after the other, and return how many were; a job of the workers.

        Args:
            is_everything: Whether those are fetched too that are not due yet.
        """
        from hedgerow.exchanges.leases import claim_due, is_any_due

        started = now()
        if not is_everything:
            with self._database.read() as connection:  # nobody who writes is kept waiting for a look
                if not is_any_due(connection, now=started):
                    return 0
        count = 0
        fetcher = self._fetcher()
        while not self._is_stopping():
            with self._database.write() as connection:
                claimed = claim_due(connection, now=started, is_everything=is_everything)
            if claimed is None:
                break
            try:
                end = fetcher.fetch(claimed)
            except FetchOvertaken as error:
                _log.info("%s", error)
            else:
                if end.error is not None:  # nobody is waiting for it, who would be told
                    _log.warning("An exchange could not be fetched: exchange %d, %s", claimed.exchange.id, end.error)
            self._follow()
            count += 1
        return count

    def fetch_now(self, name: str) -> FetchEnd | None:
        """Fetch one exchange now, in this process; None where it is off, stopped, or being fetched by another.

        Raises:
            ExchangeNotFound: There is none of that name.
            FetchOvertaken: Somebody took it over, or changed it meanwhile.
        """
        from hedgerow.exchanges.leases import claim_due

        self.find_exchange(name)
        with self._database.write() as connection:
            claimed = claim_due(connection, now=now(), is_everything=True, name=name)
        if claimed is None:
            return None
        try:
            return self._fetcher().fetch(claimed)
        finally:
            self._follow()

    def opinions(self, name: str | None = None, *, limit: int = 100, before: int | None = None) -> list[Opinion]:
        """List opinions, the newest first: those to one exchange, or all; or raise ExchangeNotFound."""
        from hedgerow.exchanges.exchanging import find_exchange
        from hedgerow.exchanges.opinions import list_opinions

        with self._database.read() as connection:
            exchange = None if name is None else find_exchange(connection, name)
            return list_opinions(connection, exchange, limit=limit, before=before)

    def send_opinions(self) -> int:
        """Send the opinions that are due, one after the other, and return how many; a job of the workers."""
        from hedgerow.exchanges.opinions import claim_opinion, is_any_opinion_due

        with self._database.read() as connection:  # nobody who writes is kept waiting for a look
            if not is_any_opinion_due(connection, now=now()):
                return 0
        count = 0
        while not self._is_stopping():
            with self._database.write() as connection:
                claimed = claim_opinion(connection, now=now())
            if claimed is None:
                break
            self._send_opinion(claimed)
            count += 1
        return count

    def _send_opinion(self, claimed: ClaimedOpinion) -> None:
        from hedgerow.errors import HedgerowError, OpinionRefused, PartnerUnavailable
        from hedgerow.exchanges.credentials import open_credentials
        from hedgerow.exchanges.fetching import open_session
        from hedgerow.exchanges.opinions import record_sent
        from hedgerow.exchanges.partners.registry import find_partner

        error, is_final, asked = None, False, None
        try:
            partner = find_partner(claimed.exchange.kind)
            with self._database.read() as connection:
                credentials = open_credentials(connection, claimed.exchange, keys=self._parts.keys)
            session = open_session(
                claimed.exchange,
                partner,
                credentials,
                now=now,
                folder=self.settings.data / "exchanges",
                limits=self._limits(),
                is_stopping=self._is_stopping,
            )
            try:
                partner.send(session, claimed.said)
            finally:
                session.http.close()
        except HedgerowError as failed:
            error, is_final = failed.reason, isinstance(failed, OpinionRefused)
            if isinstance(failed, PartnerUnavailable) and failed.retry_after_s is not None:
                asked = timedelta(seconds=failed.retry_after_s)
            _log.warning("An opinion could not be sent: opinion %d, %s", claimed.id, error)
        with self._database.write() as connection:
            record_sent(connection, claimed, error=error, is_final=is_final, asked=asked, now=now())

    def _limits(self) -> Limits:
        from hedgerow.exchanges.http import Limits

        said = self.settings.exchanges
        return Limits(
            timeout_s=said.timeout_s,
            total_s=said.answer_s,
            size_bytes=said.answer_bytes,
            tries=said.tries,
            longest_pause_s=said.longest_pause_s,
        )

    def _fetcher(self) -> Fetcher:
        from hedgerow.exchanges.fetching import Fetcher, Pace
        from hedgerow.exchanges.partners.registry import find_partner

        return Fetcher(
            self._database.write,
            lambda: self._parts.keys,
            find_partner,
            folder=self.settings.data / "exchanges",
            now=now,
            pace=Pace(
                timedelta(seconds=self.settings.hma.fetch_every_s),
                timedelta(seconds=self.settings.exchanges.walk_s),
                self._limits(),
            ),
            is_stopping=self._is_stopping,
        )


@contextmanager
def open_exchanges(settings: Settings) -> Iterator[Exchanges]:
    """Open what can be asked about exchanges, for a command."""
    from hedgerow.app.working import CommandParts, open_parts

    with open_parts(settings, may_migrate=True) as (database, keys):
        yield Exchanges(CommandParts(settings, database, keys))


def read_field(field: Field, text: str) -> object:
    """Return what was typed as what a field wants; what is none stays text, and is refused as such.

    What there is several of stands between commas or on lines of its own; numbers between blanks, too.

    >>> from hedgerow.exchanges.model import Field
    >>> read_field(Field("only_categorizations", "set_of_string", "Of which."), "A1, Not confirmed")
    ['A1', 'Not confirmed']
    >>> read_field(Field("only_esp_ids", "set_of_number", "Members."), "1 2")
    [1, 2]
    """
    if field.type == "boolean":
        return {"yes": True, "true": True, "no": False, "false": False}.get(text.strip().casefold(), text)
    if field.type.startswith(("set_of_", "list_of_")):
        is_number = field.type.endswith("number")
        parts = [part for each in re.split(r"[,\r\n]", text) if (part := each.strip())]
        if is_number:
            parts = [number for each in parts for number in each.split()]
        return [int(each) if is_number and each.isascii() and each.isdecimal() else each for each in parts]
    if field.type == "number" and text.isascii() and text.isdecimal():
        return int(text)
    if field.type == "object":
        try:
            return json.loads(text)
        except ValueError:
            return text
    return text


def config_from(kind: str, said: Mapping[str, str]) -> dict[str, object]:
    """Return a configuration as it was typed.

    Args:
        kind: Of the exchange.
        said: What was typed, by field; what is empty is what it is without being said.

    Raises:
        InvalidExchange: There is no such kind, or it has no such field.
    """
    from hedgerow.exchanges.partners.registry import find_partner

    fields = {field.name: field for field in find_partner(kind).config_fields}
    for name in said:
        if name not in fields:
            raise InvalidExchange(f"{kind} has no field {name[:60]!r}; it has {', '.join(fields) or 'none'}")
    return {
        name: read_field(fields[name], text) if text else fields[name].default
        for name, text in said.items()
        if text or not fields[name].is_required
    }
