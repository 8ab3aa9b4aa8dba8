"""File reports: claim one, and make one call after the other until there is none to make now.

Between two transactions there is one call, and nothing of it is held in memory that is not on record before it or after
it. So this process may end anywhere: whoever comes next goes on from the record (`hedgerow.reports.rules`).
"""

from __future__ import annotations

import logging
import random
from datetime import timedelta
from time import monotonic
from typing import TYPE_CHECKING, Final, Protocol, Self

from hedgerow.errors import (
    AuthorityNotReady,
    HedgerowError,
    InvalidReport,
    ProductionRefused,
    ReportLeaseLost,
    SealBroken,
)
from hedgerow.reports import records
from hedgerow.reports.arming import armed
from hedgerow.reports.authorities import find_authority
from hedgerow.reports.credentials import open_credentials
from hedgerow.reports.cybertipline.client import PRODUCTION_ADDRESS, Called, Client, Destination, require_client
from hedgerow.reports.filing_model import ACTIVE, Answer, AnswerKind, Call, Environment

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from datetime import datetime

    from sqlalchemy import Connection

    from hedgerow.database import Database
    from hedgerow.database.sealing import ServiceKeys
    from hedgerow.reports.arming import SoloRule
    from hedgerow.reports.filing_model import Claim, Report, ReportFile
    from hedgerow.reports.records import Announced

__all__ = ["Filer", "destination_of"]

_log = logging.getLogger(__name__)

_NOT_READY_AGAIN: Final = timedelta(minutes=5)
_BEAT_S: Final = 30.0
_MOST_STEPS: Final = 10_000


class _Caller(Protocol):
    """What `Client` does; another in tests that end a process around a call."""

    def __enter__(self) -> Self: ...
    def __exit__(self, *_: object) -> None: ...
    def submit(self, document: bytes) -> Called: ...
    def upload(
        self, report_id: str, name: str, size_bytes: int, source: Iterator[bytes], *, beat: Callable[[], None]
    ) -> Called: ...
    def fileinfo(self, document: bytes) -> Called: ...
    def finish(self, report_id: str) -> Called: ...
    def retract(self, report_id: str) -> Called: ...


def destination_of(
    connection: Connection,
    environment: Environment,
    *,
    test_address: str | None,
    keys: ServiceKeys,
    solo: SoloRule,
    now: datetime,
) -> Destination:
    """Return where the calls of an environment go, with its own credentials.

    Raises:
        AuthorityNotReady: There is no address or there are no credentials, or they were refused, or it is not armed.
        ProductionRefused: The address of the test system may be that of the real one.
        SealBroken: The credentials do not open with our service keys.
    """
    authority = "cybertipline"
    arming = None
    if environment is Environment.PRODUCTION:
        arming = armed(connection, authority, solo=solo, now=now)
        address = PRODUCTION_ADDRESS
    elif test_address is None:
        problem = "Say where rehearsals go: the setting `reports.test_url` (see `hedgerow simulate cybertipline`)."
        raise AuthorityNotReady(authority, environment, problem, "no_address")
    else:
        address = test_address
    credentials = open_credentials(connection, authority, environment, keys=keys)
    return Destination(environment, address.rstrip("/"), credentials, arming)


class Filer:
    """Files what is due, one report at a time. Any number of processes may have one.

    Args:
        database: The record.
        keys: The service keys, which open the credentials.
        source: Gives the plaintext of a piece of evidence, in pieces.
        seal: Holds and seals the evidence of a filed report (`hedgerow.reports.preserving.sealer`).
        test_address: Where rehearsals go.
        solo: What one person alone may do.
        now: The clock.
        lease: How long a report is ours without a sign.
        connect: Makes a client; for tests.
        share: Draws a number from 0 to 1, for waits.
    """

    def __init__(  # noqa: PLR0913  (everything that tests replace is given from outside)
        self,
        database: Database,
        keys: ServiceKeys,
        source: Callable[[int], Iterator[bytes]],
        *,
        seal: Callable[[Connection, Report], None] | None,
        test_address: str | None,
        solo: SoloRule,
        now: Callable[[], datetime],
        lease: timedelta = records.LEASE,
        connect: Callable[[Destination], _Caller] = Client,
        share: Callable[[], float] = random.random,
    ) -> None:
        self._database = database
        self._keys = keys
        self._source = source
        self._seal = seal
        self._test_address = test_address
        self._solo = solo
        self._now = now
        self._lease = lease
        self._connect = connect
        self._share = share

    def run_one(self, *, only: int | None = None, is_stopping: Callable[[], bool] = lambda: False) -> bool:
        """Work on the report that is due first, until there is nothing to do for it now.

        Args:
            only: Nothing but this report.
            is_stopping: Asked between two calls.

        Returns:
            Whether any was due.
        """
        require_client()  # before anything is announced
        with self._database.read() as connection:  # nobody who writes is kept waiting for a look
            if not records.is_any_due(connection, now=self._now()):
                return False
        with self._database.write() as connection:
            claim = records.claim_due(connection, now=self._now(), lease=self._lease, only=only)
        if claim is None:
            return False
        try:
            self._work(claim, is_stopping)
        except ReportLeaseLost as error:
            _log.warning("%s", error)
        return True

    def _work(self, claim: Claim, is_stopping: Callable[[], bool]) -> None:
        with self._database.write() as connection:
            records.settle_lost(connection, claim, now=self._now(), share=self._share())
        for _ in range(_MOST_STEPS):
            if is_stopping():
                break
            try:
                announced, destination = self._announce(claim)
            except (AuthorityNotReady, ProductionRefused, SealBroken) as error:
                _log.error("Report %d is not sent now: %s.", claim.report_id, error.reason)
                with self._database.write() as connection:
                    records.postpone(connection, claim, self._now() + _NOT_READY_AGAIN)
                return
            if announced is None:
                break
            if not self._make(claim, announced, destination):
                return
        with self._database.write() as connection:
            records.release(connection, claim)

    def _announce(self, claim: Claim) -> tuple[Announced | None, Destination]:
        """Announce the next call in the transaction in which it is seen that it may be made."""
        with self._database.write() as connection:
            now = self._now()
            environment = records.environment_of(connection, claim)
            destination = destination_of(
                connection,
                environment,
                test_address=self._test_address,
                keys=self._keys,
                solo=self._solo,
                now=now,
            )
            return records.announce_call(connection, claim, now=now, lease=self._lease), destination

    def _make(self, claim: Claim, announced: Announced, destination: Destination) -> bool:
        """Make a call and record what came of it; return whether the report is still ours."""
        with self._connect(destination) as client:
            called = self._call(client, claim, announced)
            try:
                with self._database.write() as connection:
                    report = records.record_answer(
                        connection,
                        claim,
                        announced.call_id,
                        called.answer,
                        duration_ms=called.duration_ms,
                        now=self._now(),
                        share=self._share(),
                        seal=self._seal,
                    )
            except ReportLeaseLost as error:
                _log.warning("%s", error)
                self._clear_up(client, claim, announced, called)
                return False
        return report.state in ACTIVE  # what is over has let go of its lease

    def _call(self, client: _Caller, claim: Claim, announced: Announced) -> Called:
        report, file, call = announced.report, announced.file, announced.step.call
        number = report.external_id or ""
        try:
            if call is Call.SUBMIT:
                return client.submit(_approved(report.document))
            if call is Call.FINISH:
                return client.finish(number)
            if call is Call.RETRACT:
                return client.retract(number)
            if file is None:
                raise InvalidReport("a file's call names its file")  # noqa: TRY301  (cannot be)
            if call is Call.UPLOAD:
                return self._upload(client, claim, number, file)
            template, external_id = _approved(file.template), file.standing.external_id or ""
            return client.fileinfo(find_authority(report.authority).fill(template, number, external_id))
        except HedgerowError as error:
            kind = AnswerKind.LOST if isinstance(error, ReportLeaseLost) else AnswerKind.SOURCE
            return Called(Answer(kind, problem=error.reason), 0)
        except Exception as error:  # noqa: BLE001  (it may have been made: the record has to say so)
            _log.exception("A call for report %d ended in a defect", report.id)
            return Called(Answer(AnswerKind.LOST, problem=type(error).__name__), 0)

    def _upload(self, client: _Caller, claim: Claim, number: str, file: ReportFile) -> Called:
        last = [monotonic()]

        def beat() -> None:
            if monotonic() - last[0] >= _BEAT_S:
                with self._database.write() as connection:
                    records.renew(connection, claim, now=self._now(), lease=self._lease)
                last[0] = monotonic()

        name = file.name or f"file-{file.position + 1}"
        return client.upload(number, name, file.size_bytes, _lazily(self._source, file.evidence_id), beat=beat)

    def _clear_up(self, client: _Caller, claim: Claim, announced: Announced, called: Called) -> None:
        """Keep what a call that came too late was answered; a report that it opened and nobody knows is taken back."""
        with self._database.write() as connection:
            is_stray = records.record_late_answer(
                connection,
                claim,
                announced.call_id,
                called.answer,
                duration_ms=called.duration_ms,
                now=self._now(),
            )
        if not is_stray or called.answer.report_id is None:
            return
        ended = client.retract(called.answer.report_id)
        with self._database.write() as connection:
            records.record_trial(
                connection,
                announced.report.authority,
                announced.report.environment,
                Call.RETRACT,
                ended.answer,
                duration_ms=ended.duration_ms,
                now=self._now(),
                report_id=announced.report.id,
                external_id=called.answer.report_id,
            )


def _lazily(source: Callable[[int], Iterator[bytes]], evidence_id: int) -> Iterator[bytes]:
    """Open a piece of evidence where its first bytes are wanted, so that what goes wrong shows in one place."""
    yield from source(evidence_id)


def _approved(content: bytes | None) -> bytes:
    if content is None:  # the database itself holds that there is one
        raise InvalidReport("nothing was approved")
    return content
