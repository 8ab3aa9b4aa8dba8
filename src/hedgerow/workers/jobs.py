"""Everything that falls due, in one table: what it is called, how often it is looked at, and what does it."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Final

from hedgerow import ledger
from hedgerow.accounts.sessions import end_lapsed_sessions
from hedgerow.app.accounts import session_policy
from hedgerow.app.exchanges import Exchanges
from hedgerow.app.shield import ShieldDesk
from hedgerow.audit import checkpoint_head, list_checkpoints, read_head
from hedgerow.audit.keys import FOLDER
from hedgerow.cases import return_lapsed, wake_due
from hedgerow.screening.look_back import LookBacks
from hedgerow.workers.delivering import Deliverer
from hedgerow.workers.effecting import finish_cases, take_effects
from hedgerow.workers.model import Job, Turn, Wiring, Work
from hedgerow.workers.preserving import (
    destroy_evidence,
    expire_evidence,
    fill_gaps,
    seal_evidence,
    sweep_vault,
)
from hedgerow.workers.rehearsing import Rehearser
from hedgerow.workers.rendering import Renderer
from hedgerow.workers.reporting import Reporter, alarm_about_reports, preserve_filed

if TYPE_CHECKING:
    from collections.abc import Callable

    Function = Callable[[Wiring, Turn], int]

__all__ = ["JOBS"]

_EXPIRED_PER_TURN: Final = 1_000


def return_lapsed_claims(wiring: Wiring, turn: Turn) -> int:
    """Return cases whose claim ran out to their queues."""
    with wiring.database.write() as connection:
        return len(return_lapsed(connection, now=turn.now()))


def wake_cases(wiring: Wiring, turn: Turn) -> int:
    """Return cases that were put aside until now to their queues."""
    with wiring.database.write() as connection:
        return len(wake_due(connection, now=turn.now()))


def end_sessions(wiring: Wiring, turn: Turn) -> int:
    """Write down the end of sessions that are over."""
    with wiring.database.write() as connection:
        return end_lapsed_sessions(connection, policy=session_policy(wiring.settings), now=turn.now())


def make_checkpoint(wiring: Wiring, turn: Turn) -> int:
    """Sign the latest entry of the audit, where the last one that was signed is old and not the latest."""
    interval = timedelta(hours=wiring.settings.workers.checkpoint_hours)
    if not interval:
        return 0
    with wiring.database.read() as connection:
        made, head = list_checkpoints(connection), read_head(connection)
    now = turn.now()
    is_due = not made or (made[-1].at <= now - interval and made[-1].sequence < head.sequence)
    if not is_due or not head.sequence:
        return 0
    with wiring.database.write() as connection:
        read_head(connection, is_locking=True)
        if len(list_checkpoints(connection)) != len(made):  # another process was first
            return 0
        checkpoint_head(connection, wiring.settings.data / FOLDER, actor="system", now=now)
    return 1


def fetch_exchanges(wiring: Wiring, turn: Turn) -> int:
    """Fetch the exchanges that are due."""
    return Exchanges(wiring, is_stopping=turn.is_stopping).fetch_due()


def send_opinions(wiring: Wiring, turn: Turn) -> int:
    """Send what is to be said to partners because of decisions."""
    return Exchanges(wiring, is_stopping=turn.is_stopping).send_opinions()


def ask_shield(wiring: Wiring, turn: Turn) -> int:
    """Ask Project Arachnid Shield what people asked and it has not answered."""
    return ShieldDesk(wiring, is_stopping=turn.is_stopping).ask_due()


def expire_ledger(wiring: Wiring, turn: Turn) -> int:
    """Delete the signals of submissions whose time in the ledger is over."""
    with wiring.database.write() as connection:
        return ledger.expire(connection, now=turn.now(), limit=_EXPIRED_PER_TURN)


def request_look_backs(wiring: Wiring, turn: Turn) -> int:
    """Ask for a look-back for what was banked, where the settings want that."""
    if not (wiring.settings.lookback.enabled and wiring.settings.lookback.on_bank):
        return 0
    with wiring.database.read() as connection:  # to write waits behind an import
        if not ledger.has_uncollected(connection):
            return 0
    with wiring.database.write() as connection:
        return len(ledger.request_for_added(connection, now=turn.now()))


def look_back(wiring: Wiring, turn: Turn) -> int:
    """Work on the look-back that is due first."""
    found = LookBacks.of(wiring.settings, wiring.database).run_next(now=turn.now, is_stopping=turn.is_stopping)
    return 0 if found is None or turn.is_stopping() else 1


def catch_up(wiring: Wiring, turn: Turn) -> int:
    """Look up once more what was submitted while the banks changed, where this process holds them in memory."""
    if wiring.matcher is None or not wiring.settings.lookback.enabled:
        return 0
    wiring.matcher.refresh()
    return LookBacks.of(wiring.settings, wiring.database).catch_up(wiring.matcher.search_many, now=turn.now)


class _Plain:
    """A job that is one function and leaves nothing behind."""

    def __init__(self, function: Function, wiring: Wiring) -> None:
        self._function = function
        self._wiring = wiring

    def __call__(self, turn: Turn) -> int:
        return self._function(self._wiring, turn)

    def close(self, timeout_s: float) -> bool:  # noqa: ARG002  (as every job is closed)
        return True


def _plain(function: Function) -> Callable[[Wiring], Work]:
    return lambda wiring: _Plain(function, wiring)


JOBS: Final = (
    Job("webhooks", 0.5, Deliverer),
    Job("effects", 1.0, _plain(take_effects)),
    Job("finished cases", 2.0, _plain(finish_cases)),
    Job("lapsed claims", 15.0, _plain(return_lapsed_claims)),
    Job("woken cases", 15.0, _plain(wake_cases)),
    Job("ended sessions", 60.0, _plain(end_sessions)),
    Job("exchanges", 10.0, _plain(fetch_exchanges)),
    Job("opinions", 5.0, _plain(send_opinions)),
    Job("questions", 2.0, _plain(ask_shield)),
    Job("checkpoints", 60.0, _plain(make_checkpoint)),
    Job("ledger expiry", 300.0, _plain(expire_ledger)),
    Job("evidence expiry", 300.0, _plain(expire_evidence)),
    Job("evidence destruction", 5.0, _plain(destroy_evidence)),
    Job("evidence sealing", 10.0, _plain(seal_evidence)),
    Job("evidence gaps", 60.0, _plain(fill_gaps)),
    Job("vault sweep", 600.0, _plain(sweep_vault)),
    Job("renditions", 1.0, Renderer),
    Job("rehearsal", 0.5, Rehearser),
    Job("reports", 2.0, Reporter),
    Job("report alarms", 30.0, _plain(alarm_about_reports)),
    Job("filed evidence", 30.0, _plain(preserve_filed)),
    Job("look-back requests", 2.0, _plain(request_look_backs)),
    Job("look-backs", 1.0, _plain(look_back)),
    Job("catching up", 2.0, _plain(catch_up)),
)
"""Every job of a process. A message leaves within half a second; nothing else here keeps anybody waiting."""
