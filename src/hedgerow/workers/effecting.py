"""Let decisions take effect when their time to be undone is over, and close cases when the platform has it all."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Final

from hedgerow.actions.deliveries import unconfirmed_about
from hedgerow.app.telling import ABOUT, tell_effect
from hedgerow.cases import State, due_decisions, finish_case, list_cases, take_effect
from hedgerow.errors import HedgerowError
from hedgerow.exchanges.opinions import form_opinions
from hedgerow.exchanges.partners.registry import find_partner

if TYPE_CHECKING:
    from hedgerow.workers.model import Turn, Wiring

__all__ = ["finish_cases", "take_effects"]

_log = logging.getLogger(__name__)

_PER_TURN: Final = 100


def take_effects(wiring: Wiring, turn: Turn) -> int:
    """Let what is due take effect, each decision in a transaction of its own with its messages."""
    with wiring.database.read() as connection:
        due = due_decisions(connection, now=turn.now(), limit=_PER_TURN)
    done = 0
    failed: HedgerowError | None = None
    for decision in due:
        if turn.is_stopping():
            break
        try:
            with wiring.database.write() as connection:
                now = turn.now()
                effects = take_effect(connection, decision.id, now=now)
                for effect in effects:
                    tell_effect(connection, effect, now=now)
                    form_opinions(connection, effect, partner=find_partner, now=now)
                done += bool(effects)
        except HedgerowError as error:  # one decision with trouble keeps no other from taking effect
            _log.warning("Decision %d did not take effect: %s.", decision.id, error.reason)
            failed = error
    if failed is not None and not done:
        raise failed
    return done


def finish_cases(wiring: Wiring, turn: Turn) -> int:
    """Close the cases of which the platform has confirmed everything; one with a message given up stays as it is."""
    done = 0
    after = None
    with wiring.database.read() as connection:
        waiting = unconfirmed_about(connection, ABOUT)
    while not turn.is_stopping():
        with wiring.database.read() as connection:
            page = list_cases(connection, state=State.ACTING, after=after, limit=_PER_TURN)
        for case in page:
            if str(case.id) not in waiting:
                with wiring.database.write() as connection:
                    finish_case(connection, case.id, now=turn.now(), qa_rate=wiring.settings.workers.qa_share)
                done += 1
        if len(page) < _PER_TURN:
            break
        after = (page[-1].priority, page[-1].due_at, page[-1].id)
    return done
