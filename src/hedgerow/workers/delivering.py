"""Send the webhooks that are due: many at a time, so that a platform that does not answer holds up only itself."""

from __future__ import annotations

import logging
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from datetime import timedelta
from threading import Lock
from time import monotonic
from typing import TYPE_CHECKING

from hedgerow.actions import claim_due, is_any_due, record_attempt, send
from hedgerow.actions.model import Sent
from hedgerow.actions.sending import Answer, client
from hedgerow.errors import LeaseLost

if TYPE_CHECKING:
    import httpx

    from hedgerow.actions import Claim
    from hedgerow.workers.model import Turn, Wiring

__all__ = ["Deliverer"]

_log = logging.getLogger(__name__)


class Deliverer:
    """Claims what is due and sends it from threads of its own.

    There is at most one message to each thread: what is claimed is sent at once, so that no lease runs out while a
    message waits for its turn. `hedgerow.actions.claim_due` gives out only a few of one endpoint, in all processes
    together; it would take eight platforms that do not answer, in the same ten seconds, to fill 32 threads.

    Args:
        wiring: The database, the keys, and in the settings how many threads.
    """

    def __init__(self, wiring: Wiring) -> None:
        self._database = wiring.database
        self._keys = wiring.keys
        self._most = wiring.settings.workers.webhook_threads
        self._lease = timedelta(seconds=wiring.settings.workers.webhook_lease_s)
        self._threads: ThreadPoolExecutor | None = None
        self._http: httpx.Client | None = None
        self._recording = Lock()
        self._under_way: set[Future[None]] = set()

    def __call__(self, turn: Turn) -> int:
        """Begin to send what is due, as far as there are threads, and return how many were begun."""
        self._under_way = {each for each in self._under_way if not each.done()}
        free = self._most - len(self._under_way)
        if free <= 0:
            return 0
        with self._database.read() as connection:  # nobody who writes is kept waiting for a look
            if not is_any_due(connection, now=turn.now()):
                return 0
        # Made when they are first needed: a platform without webhooks needs neither the client nor the threads
        http = self._http = self._http or client()
        threads = self._threads = self._threads or ThreadPoolExecutor(self._most, "hedgerow-webhook")
        with self._database.write() as connection:
            claims = claim_due(connection, keys=self._keys, now=turn.now(), most=free, lease=self._lease)
        for claim in claims:
            future = threads.submit(self._deliver, http, claim, turn)
            self._under_way.add(future)
            future.add_done_callback(lambda _: turn.wake())
        if turn.is_alone:
            wait(self._under_way)
        return len(claims)

    def _deliver(self, http: httpx.Client, claim: Claim, turn: Turn) -> None:
        try:
            answer = send(http, claim, now=turn.now())
        except Exception as error:  # noqa: BLE001  (recorded as a failed try: a message must not be tried for ever)
            _log.exception("A message could not be sent")
            answer = Answer(Sent(None, type(error).__name__, 0), None)
        try:
            # One at a time: connections are for those who answer requests, and SQLite has one writer anyway
            with self._recording, self._database.write() as connection:
                record_attempt(connection, claim, answer.sent, now=turn.now(), asked=answer.asked)
        except LeaseLost as error:
            _log.info("%s", error)
        except Exception as error:  # noqa: BLE001  (its lease runs out, and it is sent once more)
            _log.warning("What came of a message is not on record: %s.", type(error).__name__)

    def close(self, timeout_s: float) -> bool:
        """Wait for the messages that are on their way, and begin no others."""
        deadline = monotonic() + timeout_s
        while self._under_way:
            done, self._under_way = wait(self._under_way, max(0.0, deadline - monotonic()), FIRST_COMPLETED)
            if not done:
                break
        if self._threads is not None:
            self._threads.shutdown(wait=not self._under_way, cancel_futures=True)
        if self._http is not None and not self._under_way:
            self._http.close()
        return not self._under_way
