"""File the reports that are due, alarm about those that are late, and preserve what was filed."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Final

from hedgerow.app.rehearsal import test_address
from hedgerow.app.serving.reports import filer_of
from hedgerow.errors import HedgerowError
from hedgerow.reports.alarms import raise_alarms
from hedgerow.reports.preserving import preserve_due
from hedgerow.reports.records import is_any_due

if TYPE_CHECKING:
    from hedgerow.evidence import ReviewKeys
    from hedgerow.reports.cybertipline.filing import Filer
    from hedgerow.workers.model import Turn, Wiring

__all__ = ["Reporter", "alarm_about_reports", "preserve_filed"]

_log = logging.getLogger(__name__)

_PER_TURN: Final = 20
_LOUD: Final = 2


class Reporter:
    """Files what is due, one report after the other: there are few of them, and the authority is not to be flooded.

    Args:
        wiring: The database, the keys, and in the settings where to.
    """

    def __init__(self, wiring: Wiring) -> None:
        self._wiring = wiring
        self._filer: Filer | None = None
        self._address: str | None = None

    def __call__(self, turn: Turn) -> int:
        """Work on what is due, and return on how many reports."""
        with self._wiring.database.read() as connection:  # most turns end here
            if not is_any_due(connection, now=turn.now()):
                return 0
        wiring = self._wiring
        address = test_address(wiring.settings)
        if self._filer is None or address != self._address:  # a simulator came or went
            self._filer, self._address = filer_of(wiring.settings, wiring.database, wiring.keys), address
        filer = self._filer
        done = 0
        while done < _PER_TURN and not turn.is_stopping() and filer.run_one(is_stopping=turn.is_stopping):
            done += 1
        return done

    def close(self, timeout_s: float) -> bool:  # noqa: ARG002  (as every job is closed)
        """End nothing: each turn ends between two calls."""
        return True


def alarm_about_reports(wiring: Wiring, turn: Turn) -> int:
    """Raise the alarms that are due."""
    with wiring.database.write() as connection:
        raised = raise_alarms(connection, now=turn.now())
    for each in raised:
        level = logging.ERROR if each.alarm_level < _LOUD else logging.CRITICAL
        _log.log(level, "Report %d is not filed: alarm %d (%s).", each.id, each.alarm_level, each.state)
    return len(raised)


def preserve_filed(wiring: Wiring, turn: Turn) -> int:
    """Hold and seal what was filed while that could not be done."""
    with wiring.database.write() as connection:
        return preserve_due(
            connection,
            keys=_review_keys(wiring),
            rehearse=wiring.settings.reports.seal_rehearsed,
            now=turn.now(),
        )


def _review_keys(wiring: Wiring) -> ReviewKeys | None:
    from hedgerow.evidence import load_review_keys  # noqa: PLC0415  (most turns need none)

    try:
        return load_review_keys(wiring.settings)
    except HedgerowError as error:
        _log.error("What was filed cannot be preserved: %s.", error.reason)
        return None
