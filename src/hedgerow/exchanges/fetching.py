"""Fetch one exchange: calls outside of transactions, pages with the checkpoint of the last inside of one.

A fetch brings the updates since the checkpoint, and, where one is due or under way, goes on with a walk through the
partner's whole set. Killed anywhere, it leaves whole pages and the checkpoint behind the last of them.
"""

from __future__ import annotations

import logging
from contextlib import nullcontext
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import TYPE_CHECKING, Final

from hedgerow.banks.records import find_bank
from hedgerow.database import large_cache
from hedgerow.errors import (
    CheckpointStale,
    CredentialsMissing,
    HedgerowError,
    NotArmed,
    PageUnreadable,
    PartnerRefused,
    PartnerUnavailable,
)
from hedgerow.exchanges.credentials import open_credentials
from hedgerow.exchanges.garbage import few_collections
from hedgerow.exchanges.gathering import gathered
from hedgerow.exchanges.http import Limits, PartnerHttp
from hedgerow.exchanges.leases import Ending, finish_fetch, note_page, note_read, read_state, renew, was_skipped
from hedgerow.exchanges.model import Applied, FetchMode, Session
from hedgerow.exchanges.records import apply_items, sweep
from hedgerow.exchanges.rules import MOST_UPDATES, SETTLE, interval_of, next_try

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping
    from contextlib import AbstractContextManager
    from datetime import datetime
    from pathlib import Path

    from sqlalchemy import Connection

    from hedgerow.database.sealing import ServiceKeys
    from hedgerow.exchanges.leases import Claimed
    from hedgerow.exchanges.model import Exchange, Page, Partner

__all__ = ["FetchEnd", "Fetcher", "Pace", "open_session"]

_log = logging.getLogger(__name__)

_LOGIN_REFUSED: Final = frozenset({401, 403})
_RECONCILE_EVERY: Final = timedelta(days=30)
"""How often a partner's whole set is walked through unless the exchange says otherwise: nobody says for how long a
withdrawal can be learnt of, and a month is less than the shortest time that any partner names (90 days)."""

_MANY: Final = 500
"""Items for which a transaction needs more of an index in memory than usual."""


@dataclass(frozen=True, slots=True)
class FetchEnd:
    """What became of a fetch.

    Attributes:
        applied: What it did.
        is_current: Whether the bank holds all that the partner has.
        error: A word for why it failed; None where it did not.
        problem: The same as a sentence.
    """

    applied: Applied
    is_current: bool
    error: str | None = None
    problem: str | None = None


@dataclass(frozen=True, slots=True)
class Pace:
    """How long, how much, how often.

    Attributes:
        local_every: Between two fetches of a source on this machine.
        walk_for: After so long a walk makes way for updates, and goes on with the next fetch.
        limits: Of calls.
        together: So many items of several pages share a transaction, and a page more than that; 1 for each page by
            itself. Others who write wait for it: on SQLite about half a second.
        together_for: Nor are pages gathered for longer: so much is fetched again where the process dies.
    """

    local_every: timedelta = timedelta(minutes=4)
    walk_for: timedelta = timedelta(minutes=5)
    limits: Limits = Limits()  # noqa: RUF009  (frozen)
    together: int = 4_000
    together_for: timedelta = timedelta(seconds=1)


def open_session(
    exchange: Exchange,
    partner: Partner,
    credentials: Mapping[str, str] | None,
    *,
    now: Callable[[], datetime],
    folder: Path,
    limits: Limits,
    is_stopping: Callable[[], bool] = lambda: False,
) -> Session:
    """Return what a partner's adapter works with.

    Raises:
        NotArmed: It would speak to a production system that nobody has armed.
        CredentialsMissing: It takes credentials, and has none.
    """
    place = partner.place(exchange.config)
    if place is not None and place.is_production and exchange.armed_by is None:
        raise NotArmed(exchange.name, place.base_url.split("/")[2])
    needs = any(field.is_required for field in partner.credential_fields or ())
    if needs and not credentials:
        raise CredentialsMissing(exchange.name)
    http = PartnerHttp(
        "http://127.0.0.1" if place is None else place.base_url,
        replace(limits, calls_per_minute=exchange.rhythm.calls_per_minute),
        is_stopping=is_stopping,
    )
    return Session(exchange.config, credentials or {}, http, now, folder)


class Fetcher:
    """Fetches claimed exchanges; threads share it.

    Args:
        write: Opens a transaction: `Database.write`.
        keys: Those that open credentials.
        partner: Finds the adapter of a kind, or raises InvalidExchange.
        folder: Where files of local sources lie.
        now: The time.
        pace: How long, how much, how often.
        is_stopping: Asked after each page.
    """

    def __init__(
        self,
        write: Callable[[], AbstractContextManager[Connection]],
        keys: Callable[[], ServiceKeys],
        partner: Callable[[str], Partner],
        *,
        folder: Path,
        now: Callable[[], datetime],
        pace: Pace = Pace(),
        is_stopping: Callable[[], bool] = lambda: False,
    ) -> None:
        self._write = write
        self._keys = keys
        self._partner = partner
        self._folder = folder
        self._now = now
        self._pace = pace
        self._is_stopping = is_stopping

    def fetch(self, claimed: Claimed) -> FetchEnd:
        """Fetch an exchange that was claimed, and write down what became of it.

        Raises:
            FetchOvertaken: Somebody else is at it, or changed it meanwhile.
        """
        run = _Run(claimed, self._now())
        error: HedgerowError | None = None
        session: Session | None = None
        partner: Partner | None = None
        try:
            partner = self._partner(claimed.exchange.kind)
            with self._write() as connection:
                credentials = open_credentials(connection, claimed.exchange, keys=self._keys())
            session = open_session(
                claimed.exchange,
                partner,
                credentials,
                now=self._now,
                folder=self._folder,
                limits=self._pace.limits,
                is_stopping=self._is_stopping,
            )
            with few_collections():
                if partner.is_whole:
                    self._whole(run, partner, session)
                else:
                    self._in_parts(run, partner, session)
            error = run.unreadable
        except PartnerUnavailable as failed:
            error, run.asked_s = failed, failed.retry_after_s
        except HedgerowError as failed:
            if failed.reason == "fetch_overtaken":
                raise
            error = failed
        finally:
            if session is not None:
                session.http.close()
        return self._finish(run, partner, error)

    # ── the two ways ─────────────────────────────────────────────────────────────────────────────────────────────

    def _whole(self, run: _Run, partner: Partner, session: Session) -> None:
        """Walk through a set that each fetch gives whole; nothing is withdrawn before its end."""
        run.mode = FetchMode.WALK
        if run.claimed.walk_ended_at is not None:  # the process died between the end of the last and its withdrawals
            self._sweep(run)
        before = run.claimed.checkpoint
        is_ended = False
        try:
            for page, count in self._pages(partner, session, before):
                if not run.applied.pages:
                    self._keep(run, walk=run.claimed.walk + 1, is_walking=True, walk_started_at=self._now())
                values: dict[str, object] = {}
                if page.is_end:
                    values = {
                        "checkpoint": dict(page.checkpoint),
                        "is_walking": False,
                        "walk_ended_at": self._now(),
                    }
                self._apply(run, page, count, values, FetchMode.UPDATE)
                is_ended = page.is_end
                if is_ended:
                    break
                if self._is_stopping():
                    return
        except PageUnreadable as error:
            # Of these the one checkpoint is that of updates: a skip is a person's word that it may be taken as it is.
            self._quarantine(run, FetchMode.UPDATE, error)
            return
        if is_ended:
            self._sweep(run)
        elif not run.applied.pages:  # nothing has changed: what could not be read once is gone
            with self._write() as connection:
                note_read(connection, run.claimed, FetchMode.UPDATE, now=self._now())
        run.is_current = is_ended or not run.applied.pages

    def _in_parts(self, run: _Run, partner: Partner, session: Session) -> None:
        """Bring updates, and walk through the whole set where that is due."""
        if run.claimed.checkpoint is not None:
            self._update(run, partner, session)
        state = run.claimed
        if state.is_reconcile_due and not state.is_walking and state.checkpoint is not None:
            self._begin_walk(run)
        if run.claimed.checkpoint is None or run.claimed.is_walking:
            self._walk(run, partner, session)

    def _update(self, run: _Run, partner: Partner, session: Session) -> None:
        """Bring what changed since the checkpoint, until there is nothing more."""
        before = run.applied
        run.is_current = False
        try:
            for page, count in self._pages(partner, session, run.claimed.checkpoint):
                is_after_walk = page.is_end and run.is_after_walk
                values: dict[str, object] = {"checkpoint": dict(page.checkpoint)}
                if is_after_walk:
                    values["updates_since_walk"] = run.claimed.updates_since_walk + 1
                self._apply(run, page, count, values, FetchMode.UPDATE)
                run.is_current = page.is_end
                if page.is_end or self._is_stopping():
                    break
        except PageUnreadable as error:
            self._quarantine(run, FetchMode.UPDATE, error)
            return
        except CheckpointStale as error:
            _log.info("Exchange %d is walked through again: %s", run.claimed.exchange.id, error.problem)
            self._keep(run, checkpoint=None, walk_checkpoint=None, is_walking=False, walk_ended_at=None)
            return
        if not run.is_current or not run.is_after_walk:
            return
        since = run.applied
        is_quiet = (before.added, before.changed, before.withdrawn) == (since.added, since.changed, since.withdrawn)
        if is_quiet or run.claimed.updates_since_walk >= MOST_UPDATES:
            self._sweep(run)

    def _walk(self, run: _Run, partner: Partner, session: Session) -> None:
        """Go on with a walk through the whole set, until its end or until it is time for updates again."""
        run.mode = FetchMode.WALK
        is_first = run.claimed.checkpoint is None
        if not run.claimed.is_walking:
            self._begin_walk(run)
        until = self._now() + self._pace.walk_for
        try:
            for page, count in self._pages(partner, session, run.claimed.walk_checkpoint):
                values: dict[str, object] = {"walk_checkpoint": dict(page.checkpoint)}
                if page.is_end:
                    values = self._end_of_walk(run)
                    values |= {"checkpoint": dict(page.checkpoint)} if is_first else {}
                self._apply(run, page, count, values, FetchMode.WALK)
                run.is_current = page.is_end and (is_first or run.is_current)
                if page.is_end or self._is_stopping() or self._now() >= until:
                    break
        except PageUnreadable as error:
            self._quarantine(run, FetchMode.WALK, error)
        except CheckpointStale:
            if run.claimed.walk_checkpoint is None:
                raise
            self._keep(run, walk_checkpoint=None, is_walking=False)
        run.is_unfinished = run.claimed.is_walking

    # ── steps ────────────────────────────────────────────────────────────────────────────────────────────────────

    def _pages(
        self, partner: Partner, session: Session, checkpoint: Mapping[str, object] | None
    ) -> Iterator[tuple[Page, int]]:
        """Give pages that hold several of the partner's, and how many."""
        return gathered(
            partner.pages(session, checkpoint),
            most_items=self._pace.together,
            longest=self._pace.together_for,
            now=self._now,
            is_stopping=self._is_stopping,
        )

    def _apply(self, run: _Run, page: Page, count: int, values: Mapping[str, object], mode: FetchMode) -> None:
        """Take in a page that holds so many of the partner's, and where to go on, in one transaction."""
        with self._write() as connection:
            at = self._now()
            renew(connection, run.claimed, values, now=at)
            exchange = run.claimed.exchange
            bank = find_bank(connection, exchange.name, is_locking=True)
            with large_cache(connection) if len(page.items) > _MANY else nullcontext():
                done = apply_items(connection, exchange, bank, page.items, walk=run.claimed.walk, now=at)
            if page.is_end:
                note_read(connection, run.claimed, mode, now=at)
            run.claimed = read_state(connection, run.claimed, now=at)
        run.applied += replace(done, pages=count)

    def _keep(self, run: _Run, **values: object) -> None:
        with self._write() as connection:
            at = self._now()
            renew(connection, run.claimed, values, now=at)
            run.claimed = read_state(connection, run.claimed, now=at)

    def _begin_walk(self, run: _Run) -> None:
        """Begin another walk. One that waits for its withdrawals is over: they would go by the number of this one."""
        self._keep(
            run,
            is_walking=True,
            walk=run.claimed.walk + 1,
            walk_checkpoint=None,
            walk_started_at=self._now(),
            walk_ended_at=None,
        )

    def _end_of_walk(self, run: _Run) -> dict[str, object]:
        """Say what stands in the exchange once a walk came to its end."""
        at = self._now()
        values: dict[str, object] = {"walk_checkpoint": None, "is_walking": False, "updates_since_walk": 0}
        with self._write() as connection:
            is_whole = not was_skipped(connection, run.claimed)
        if is_whole:
            return values | {"walk_ended_at": at, "reconcile_due_at": None}
        # What was not seen may be what was skipped: nothing is withdrawn before a walk that saw everything.
        return values | {"reconcile_due_at": at + _reconcile_after(run.claimed.exchange)}

    def _sweep(self, run: _Run) -> None:
        """Withdraw what the walk did not see."""
        is_all = False
        while not is_all:
            with self._write() as connection:
                at = self._now()
                renew(connection, run.claimed, {}, now=at)
                withdrawn, is_all = sweep(connection, run.claimed.exchange, walk=run.claimed.walk, now=at)
            run.applied += Applied(withdrawn=withdrawn)
        at, wait = self._now(), _reconcile_after(run.claimed.exchange)
        # Somebody may have asked for another walk while this one waited for its end.
        next_at = {} if run.claimed.is_reconcile_due else {"reconcile_due_at": at + wait}
        self._keep(run, walk_ended_at=None, reconciled_at=at, **next_at)

    def _quarantine(self, run: _Run, mode: FetchMode, error: PageUnreadable) -> None:
        with self._write() as connection:
            at = self._now()
            renew(connection, run.claimed, {}, now=at)
            note_page(connection, run.claimed, mode, error, now=at)
        run.unreadable = error
        run.is_current = False

    def _finish(self, run: _Run, partner: Partner | None, error: HedgerowError | None) -> FetchEnd:
        exchange = run.claimed.exchange
        at = self._now()
        every = interval_of(exchange, partner, self._pace.local_every)
        asked = None if run.asked_s is None else timedelta(seconds=run.asked_s)
        if error is not None:
            due_at = next_try(run.claimed.failures + 1, every, asked, at)
        else:
            settles_at = run.claimed.walk_ended_at and run.claimed.walk_ended_at + SETTLE
            due_at = at if run.is_unfinished else min(at + every, settles_at or at + every)
        is_login = isinstance(error, PartnerRefused) and error.status in _LOGIN_REFUSED
        with self._write() as connection:
            finish_fetch(
                connection,
                run.claimed,
                Ending(
                    run.mode,
                    run.applied,
                    run.started_at,
                    due_at,
                    run.is_current and error is None,
                    None if error is None else error.reason,
                    None if error is None else str(error),
                    "partner_refused" if is_login else None,
                ),
                now=at,
            )
        return FetchEnd(
            run.applied,
            run.is_current and error is None,
            None if error is None else error.reason,
            None if error is None else str(error),
        )


def _reconcile_after(exchange: Exchange) -> timedelta:
    every = exchange.rhythm.reconcile_every_s
    return _RECONCILE_EVERY if every is None else timedelta(seconds=every)


class _Run:
    """A fetch under way."""

    def __init__(self, claimed: Claimed, started_at: datetime) -> None:
        self.claimed = claimed
        self.started_at = started_at
        self.mode = FetchMode.UPDATE
        self.applied = Applied()
        self.is_current = False
        self.is_unfinished = False
        self.unreadable: PageUnreadable | None = None
        self.asked_s: float | None = None

    @property
    def is_after_walk(self) -> bool:
        """Whether updates of this fetch began so long after a walk that they bring what it passed by."""
        ended_at = self.claimed.walk_ended_at
        return ended_at is not None and ended_at + SETTLE <= self.started_at
