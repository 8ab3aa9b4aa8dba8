"""Look back: search the signals of what was submitted for entries that were banked afterwards.

A worker claims a look-back and goes through the ledger, some rows at a time. It searches outside of any transaction.
What is found for a submission is written in one transaction with how far the look-back is, so that whoever goes on
after a kill begins behind it: nothing is found twice, and nothing is passed over. Between two searches it rests for as
long as the search took, so that screening goes first.
"""

from __future__ import annotations

import logging
import time
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Final, NamedTuple

from hedgerow import ledger
from hedgerow.audit import append
from hedgerow.cases import find_submission, open_or_join_case, submission_matches
from hedgerow.errors import HedgerowError, LookBackLost
from hedgerow.evidence import Missing, record_missing
from hedgerow.policy import Then
from hedgerow.screening.screen import Policies, judge, plain_signal, tell
from hedgerow.screening.seeking import bank_of, seeker_for

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from datetime import datetime, timedelta
    from pathlib import Path

    from sqlalchemy import Connection

    from hedgerow.banks import Match
    from hedgerow.database import Database
    from hedgerow.hashing.signal import Signal
    from hedgerow.ledger import LedgerRow, LookBack, LookBackClaim
    from hedgerow.matching.videos import VideoRule
    from hedgerow.screening.seeking import Seeker
    from hedgerow.settings import Settings

    Clock = Callable[[], datetime]
    Search = Callable[[Sequence[Sequence[Signal]]], list[list[Match]]]

__all__ = ["LookBacks", "Pace"]

_log = logging.getLogger(__name__)

_ROWS_PER_SEARCH: Final = 50
"""Submissions that are searched without a rest: 1,000 to 5,000 signals, so that no screening waits for long."""
_BYTES_PER_SLICE: Final = 32 * 1024**2
"""Packed signals in memory at a time: a long video's take some megabytes."""
_LONGEST_REST_S: Final = 5.0
"""A rest is no longer, also after a search that had to wait for somebody else: the lease goes on running."""
_LOADING_LEASES: Final = 10
"""Leases for loading the index of a large bank: 10 M entries are read from the database in some minutes."""
_POLL_S: Final = 0.05
"""Between two looks whether the transactions of before the horizon have ended; they take some milliseconds."""
_PER_CATCH_UP: Final = 500
"""Rows that are looked up once more in one go."""


@dataclass(frozen=True, slots=True)
class Pace:
    """How fast a look-back goes through the ledger.

    Attributes:
        slice_rows: Rows that are read, looked up and recorded before it pauses.
        pause_s: Least seconds of a pause; it lasts at least as long as what was done before it took. None for no
            pause at all, where somebody waits for the answer and nothing else is served.
        lease: How long a worker may be silent before another one goes on.
    """

    slice_rows: int = 2_000
    pause_s: float | None = 0.1
    lease: timedelta = ledger.LEASE


class LookBacks:
    """Works on look-backs; one for each process is enough, and several processes may.

    Args:
        database: Where the ledger, the banks and the cases are.
        data: The data folder, for the snapshots of large banks.
        pace: How fast.
        small_bank_entries: See `hedgerow.settings.IndexSettings`.
        delta_entries: See there.
        video_rule: When two videos match.
        sleep: How to pause.
    """

    def __init__(
        self,
        database: Database,
        data: Path,
        *,
        pace: Pace | None = None,
        small_bank_entries: int = 20_000,
        delta_entries: int = 50_000,
        video_rule: VideoRule | None = None,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self._database = database
        self._pace = pace or Pace()
        self._sleep = sleep
        self._policies = Policies()
        self._seeker_for = partial(
            seeker_for,
            database,
            data,
            small_bank_entries=small_bank_entries,
            delta_entries=delta_entries,
            video_rule=video_rule,
        )

    @classmethod
    def of(cls, settings: Settings, database: Database, *, is_in_haste: bool = False) -> LookBacks:
        """Make one as the settings say.

        Args:
            settings: The settings.
            database: An open database.
            is_in_haste: Whether it does not pause, since somebody waits and nothing else is served.
        """
        pause_s = None if is_in_haste else settings.lookback.pause_s
        return cls(
            database,
            settings.data,
            pace=Pace(settings.lookback.slice_rows, pause_s),
            small_bank_entries=settings.index.small_bank_entries,
            delta_entries=settings.index.delta_entries,
            video_rule=settings.video_rule(),
        )

    def run_next(
        self,
        *,
        now: Clock,
        is_stopping: Callable[[], bool] = lambda: False,
        only: int | None = None,
        told: Callable[[LookBack], None] | None = None,
    ) -> LookBack | None:
        """Claim the look-back that is due first and work on it until it ends; None where none is due.

        Args:
            now: The clock.
            is_stopping: Asked between two slices: the look-back is given back then, for the next worker.
            only: The number of the one that is wanted.
            told: Called with how far it is.

        Returns:
            The look-back as it is now: done, stopped, waiting to be tried again, or given back.

        Raises:
            Exception: What nobody foresaw, after it was recorded that there was trouble.
        """
        with self._database.read() as connection:
            is_due = ledger.has_due(connection, now=now(), only=only)
        if not is_due:  # asked every second: whoever only asks must not wait for an import to end
            return None
        with self._database.write() as connection:
            claim = ledger.claim_look_back(connection, now=now(), lease=self._pace.lease, only=only)
        if claim is None:
            return None
        number = claim.look_back.id
        try:
            tools = _Tools(self._database, self._pace, self._sleep, self._policies, self._seeker_for)
            return _Run(tools, claim, now, is_stopping, told).to_the_end()
        except LookBackLost:
            _log.info("Look-back %d was taken over or stopped.", number)
        except HedgerowError as error:
            _log.warning("Look-back %d had trouble: %s.", number, error.reason)
            return self._fail(claim, error.reason, now)
        except KeyboardInterrupt:  # a person who waited for it
            with self._database.write() as connection:
                ledger.give_back(connection, claim, now=now())
            raise
        except Exception:  # goes on to the caller; the row says so too, and is tried again
            self._fail(claim, "internal", now)
            raise
        with self._database.read() as connection:
            return ledger.find_look_back(connection, number)

    def _fail(self, claim: LookBackClaim, reason: str, now: Clock) -> LookBack:
        with self._database.write() as connection:
            try:
                return ledger.fail(connection, claim, reason, now=now())
            except LookBackLost:
                return ledger.find_look_back(connection, claim.look_back.id)

    def catch_up(self, search: Search, *, now: Clock) -> int:
        """Look up once more what was searched while the banks changed, and return how many rows that were.

        Args:
            search: Looks up many media in all banks, as they are now: `Matcher.search_many` after a refresh.
            now: The clock.
        """
        with self._database.read() as connection:
            rows = ledger.behind(connection, now=now(), limit=_PER_CATCH_UP)
        media = [row.signals or () for row in rows]
        found = search(media) if media else []
        quiet = []
        for row, matches in zip(rows, found, strict=True):
            if not matches:
                quiet.append(row.id)
                continue
            with self._database.write() as connection:
                if ledger.hold_row(connection, row.id):
                    ledger.catch_up_done(connection, [row.id])
                    _record(connection, self._policies, row, matches, now(), {})
        if quiet:
            with self._database.write() as connection:
                ledger.catch_up_done(connection, quiet)
        return len(rows)


class _Tools(NamedTuple):
    """What working on a look-back takes."""

    database: Database
    pace: Pace
    sleep: Callable[[float], None]
    policies: Policies
    seeker_for: Callable[..., Seeker]


class _Run:
    """One claimed look-back, worked on."""

    def __init__(
        self,
        tools: _Tools,
        claim: LookBackClaim,
        now: Clock,
        is_stopping: Callable[[], bool],
        told: Callable[[LookBack], None] | None,
    ) -> None:
        self._tools = tools
        self._database = tools.database
        self._pace = tools.pace
        self._claim = claim
        self._now = now
        self._is_stopping = is_stopping
        self._told = told

    def to_the_end(self) -> LookBack:
        """Go through the ledger until nothing is left, or somebody asks to stop."""
        look_back = self._claim.look_back
        with self._database.read() as connection:
            is_enabled = bank_of(connection, look_back.bank_id).is_enabled
        if not is_enabled:
            with self._database.write() as connection:
                return ledger.fail(connection, self._claim, "bank_disabled", now=self._now(), is_final=True)
        if look_back.until_id is None and not self._begin():
            return self._give_back()
        seeker = self._tools.seeker_for(look_back, before_loading=self._take_time)
        while not self._is_stopping():
            if not self._slice(seeker):
                with self._database.write() as connection:
                    return ledger.finish(connection, self._claim, now=self._now())
            if self._told is not None:
                self._told(self._claim.look_back)
        return self._give_back()

    def _give_back(self) -> LookBack:
        with self._database.write() as connection:
            return ledger.give_back(connection, self._claim, now=self._now())

    def _begin(self) -> bool:
        """Fix up to which row is looked up, when all rows up to it are there; False where we are asked to stop."""
        with self._database.read() as connection:
            until = ledger.horizon(connection)
        while True:
            with self._database.read() as connection:
                if ledger.is_complete(connection, until):
                    total = ledger.count_rows(connection, now=self._now(), until_id=until.row_id)
                    break
            if self._is_stopping():
                return False
            self._tools.sleep(_POLL_S)
            self._keep_alive()
        with self._database.write() as connection:
            self._claim = ledger.begin(
                connection, self._claim, until_id=until.row_id, total=total, now=self._now(), lease=self._pace.lease
            )
        return True

    def _take_time(self) -> None:
        """Let nobody else go on for a while: the index of a large bank may have to be built first."""
        with self._database.write() as connection:
            self._claim = ledger.extend(
                connection, self._claim, now=self._now(), lease=_LOADING_LEASES * self._pace.lease
            )

    def _keep_alive(self) -> None:
        """Let the lease begin anew when half of it is over."""
        now = self._now()
        if self._claim.lease_until - now < self._pace.lease / 2:
            with self._database.write() as connection:
                self._claim = ledger.extend(connection, self._claim, now=now, lease=self._pace.lease)

    def _slice(self, seeker: Seeker) -> bool:
        """Look up the next rows; False where there are none."""
        look_back = self._claim.look_back
        began = time.monotonic()
        with self._database.read() as connection:
            rows = ledger.rows_after(
                connection,
                look_back.cursor,
                look_back.until_id or 0,
                now=self._now(),
                limit=self._pace.slice_rows,
                most_bytes=_BYTES_PER_SLICE,
            )
        if not rows:
            return False
        for start in range(0, len(rows), _ROWS_PER_SEARCH):
            part = rows[start : start + _ROWS_PER_SEARCH]
            found = seeker.search_many([row.signals or () for row in part])
            self._write(part, found)
            is_last = start + _ROWS_PER_SEARCH >= len(rows)
            self._rest(time.monotonic() - began, self._pace.pause_s if is_last else 0.0)
            began = time.monotonic()
        return True

    def _write(self, rows: Sequence[LedgerRow], found: Sequence[Sequence[Match]]) -> None:
        """Record what was found, each submission in a transaction of its own, and how far we are."""
        checked = unreadable = 0
        for row, matches in zip(rows, found, strict=True):
            if row.signals is None:
                unreadable += 1
            else:
                checked += 1
            if matches and self._is_news(row, matches):
                self._write_one(row, matches, checked, unreadable)
                checked = unreadable = 0
        if checked or unreadable:
            with self._database.write() as connection:
                self._claim = ledger.advance(
                    connection,
                    self._claim,
                    cursor=rows[-1].id,
                    checked=checked,
                    unreadable=unreadable,
                    now=self._now(),
                    lease=self._pace.lease,
                )

    def _is_news(self, row: LedgerRow, matches: Sequence[Match]) -> bool:
        """Tell whether something was found that was not before; asked again where it is written."""
        with self._database.read() as connection:
            known = {each.match.entry_id for each in submission_matches(connection, row.submission_id)}
        return any(match.entry not in known for match in matches)

    def _write_one(self, row: LedgerRow, matches: Sequence[Match], checked: int, unreadable: int) -> None:
        now = self._now()
        with self._database.write() as connection:
            # Ours is locked first and the chain of the audit last, in every transaction: none waits in a circle.
            claim = ledger.extend(connection, self._claim, now=now, lease=self._pace.lease)
            claim = ledger.advance(
                connection,
                claim,
                cursor=row.id,
                checked=checked,
                unreadable=unreadable,
                found=1,
                now=now,
                lease=self._pace.lease,
            )
            details = {"lookback": claim.look_back.id}
            is_new = ledger.hold_row(connection, row.id) and _record(
                connection, self._tools.policies, row, matches, now, details
            )
            if not is_new:
                claim = ledger.advance(
                    connection, claim, cursor=row.id, checked=0, found=-1, now=now, lease=self._pace.lease
                )
        self._claim = claim

    def _rest(self, took_s: float, least_s: float | None) -> None:
        """Pause for as long as the work took, so that half of the time at most is ours."""
        if self._pace.pause_s is not None:
            self._tools.sleep(min(max(took_s, least_s or 0.0), _LONGEST_REST_S))


def _record(
    connection: Connection,
    policies: Policies,
    row: LedgerRow,
    matches: Sequence[Match],
    now: datetime,
    details: dict[str, int],
) -> bool:
    """Write what was found for a submission, as screening does, and tell whether anything of it is new."""
    known = {each.match.entry_id for each in submission_matches(connection, row.submission_id)}
    new = [match for match in matches if match.entry not in known]
    if not new:
        return False
    submission = find_submission(connection, row.submission_id)
    version, policy = policies.active(connection, now)
    gathered = open_or_join_case(
        connection,
        submission,
        [judge(match, policy, version, submission.sent.surface) for match in new],
        signal=plain_signal(row.signals or ()),
        actor="system",
        now=now,
    )
    if gathered is not None:  # a look-back has signals, and media is fetched by nobody later
        reason = Missing.SIGNALS_ONLY if submission.sent.size_bytes is None else Missing.NOT_KEPT
        record_missing(connection, gathered.case.id, submission, reason, now=now)
    recorded = [each for each in submission_matches(connection, submission.id) if each.match.entry_id not in known]
    counted = [each for each in recorded if each.suppression_id is None]
    is_held = any(each.match.outcome.then is Then.HOLD_FOR_REVIEW for each in counted)
    tell(
        connection,
        submission,
        counted,
        gathered,
        also=("content.hold",) if is_held else (),  # nobody waits for an answer that could say so
        actor="system",
        now=now,
    )
    append(
        connection,
        actor="system",
        action="submission.looked_back",
        subject_type="submission",
        subject_id=submission.id,
        details={"matches": len(recorded), "suppressed": len(recorded) - len(counted), **details},
        now=now,
    )
    return True
